//! What front doors ask to be done.

use super::depositor;
use super::unkept;
use super::view::{DepositView, Dismissed, RestoreView};
use crate::id::{EntryId, PartyId};
use crate::refusal::Handled;
use crate::time::Timestamp;
use crate::turn::{CarryOut, Context, Done, commands};
use serde::{Deserialize, Serialize};

commands! {
    /// What a front door can ask of this feature.
    pub enum Command: "backup" {
        /// A hospital has entries kept.
        "keep" Keep => DepositView,
        /// A hospital gets back what is kept for it.
        "restore" Restore => RestoreView,
        /// An owner has entries deleted.
        "delete" Delete => Done,
        /// What a depositary did not keep is not shown any more.
        "dismiss" Dismiss => Dismissed,
    }
}

/// A hospital has entries kept by a depositary: its own, or, with a permission to add, additions to a patient's
/// record in the patient's name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Keep {
    /// Where.
    pub holder: PartyId,
    /// Whose record.
    pub subject: PartyId,
    /// The entries; all that this institution made when empty.
    #[serde(default)]
    pub entries: Vec<EntryId>,
    /// In the patient's name, under a permission that was received.
    #[serde(default)]
    pub for_patient: bool,
    /// Not to be carried out before.
    #[serde(default)]
    pub not_before: Option<Timestamp>,
}

impl CarryOut for Keep {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<DepositView> {
        let Self { holder, subject, entries, for_patient, not_before } = self;
        depositor::keep(ctx, holder, subject, entries, for_patient, not_before)
    }
}

/// A hospital gets back what a depositary keeps for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// Where.
    pub holder: PartyId,
    /// Only this record.
    #[serde(default)]
    pub subject: Option<PartyId>,
}

impl CarryOut for Restore {
    const GROWS: bool = true;

    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<RestoreView> {
        depositor::restore(ctx, self.holder, self.subject)
    }
}

/// An owner has entries deleted by a holder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Delete {
    /// The owner: this institution, or a patient of this relay whose keys are unlocked.
    #[serde(default)]
    pub patient: Option<PartyId>,
    /// Where.
    pub holder: PartyId,
    /// The entries.
    pub entries: Vec<EntryId>,
}

impl CarryOut for Delete {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<Done> {
        depositor::delete(ctx, self.patient, self.holder, self.entries)?;
        Ok(Done { done: true })
    }
}

/// What a depositary did not keep is seen, and is not shown any more: up to 1000 entries at a time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Dismiss {
    /// The depositary.
    pub holder: PartyId,
}

impl CarryOut for Dismiss {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<Dismissed> {
        Ok(Dismissed { entries: unkept::dismiss(ctx.txn, self.holder)? })
    }
}
