//! What front doors ask to be done.

use super::machine::{keep, refresh, rotate, unlocked};
use super::view::{PatientView, RotatedView};
use crate::id::PartyId;
use crate::identity::{KeyLog, Rotation};
use crate::refusal::Handled;
use crate::statement::Signed;
use crate::turn::{CarryOut, Context, Done, commands};
use serde::{Deserialize, Serialize};

commands! {
    /// What a front door can ask of this feature.
    pub enum Command: "custody" {
        /// Keeps a patient that the node just made.
        #[serde(skip)]
        Keep => PatientView,
        /// Takes over a rotation that the node made with the phrase.
        #[serde(skip)]
        Rotate => RotatedView,
        /// Publishes a fresh key ring and revocation state.
        "refresh" Refresh => PatientView;
        /// The patient's keys were unlocked.
        #[serde(skip)]
        Unlocked => Done,
    }
}

/// Keeps a patient that the node just made; its keys come along unlocked.
#[derive(Debug)]
pub struct Keep {
    /// The name that the relay shows.
    pub name: String,
    /// The key log.
    pub log: Box<KeyLog>,
    /// The keys, sealed under the passphrase.
    pub sealed_keys: Vec<u8>,
}

impl CarryOut for Keep {
    const GROWS: bool = true;

    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<PatientView> {
        keep(ctx, self.name, *self.log, self.sealed_keys)
    }
}

/// Takes over a rotation that the node made with the phrase; the new keys come along unlocked.
#[derive(Debug)]
pub struct Rotate {
    /// The rotation.
    pub rotation: Box<Signed<Rotation>>,
    /// The new keys, sealed under the passphrase.
    pub sealed_keys: Vec<u8>,
    /// Whether to rotate although this relay was put back from an older copy, and has not heard from all since whom the
    /// patient deals with.
    pub although_put_back: bool,
}

impl CarryOut for Rotate {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<RotatedView> {
        rotate(ctx, &self.rotation, self.sealed_keys, self.although_put_back)
    }
}

/// Publishes a fresh key ring and revocation state, which expire otherwise.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The patient.
    pub patient: PartyId,
}

impl CarryOut for Refresh {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<PatientView> {
        refresh(ctx, self.patient)
    }
}

/// The patient's keys were unlocked: what had to wait for them was done on the way here.
#[derive(Debug, Clone, Copy)]
pub struct Unlocked;

impl CarryOut for Unlocked {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<Done> {
        unlocked(ctx)?;
        Ok(Done { done: true })
    }
}
