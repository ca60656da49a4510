//! What a front door asks to be done.

use super::limits::Owner;
use super::query::{defaults, view};
use super::reasons::Reason;
use super::tables::{self, LimitRow};
use super::view::{DefaultsView, QuotaView};
use crate::id::PartyId;
use crate::refusal::{Handled, refuse};
use crate::turn::{CarryOut, Context, commands};
use serde::{Deserialize, Serialize};

commands! {
    /// What a front door can ask of quotas.
    pub enum Command: "quota" {
        /// Sets what somebody may make this node keep.
        "set" Set => QuotaView,
        /// Lets what counts for all of its sort count for somebody again.
        "unset" Unset => QuotaView,
        /// Sets what each of a sort may make this node keep.
        "set-default" SetDefault => DefaultsView,
    }
}

/// Sets what somebody may make this node keep. What is kept beyond it stays; nothing is added.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Who.
    pub owner: Owner,
    /// Things; as before where nothing is said.
    #[serde(default)]
    pub entries: Option<u64>,
    /// Bytes; likewise.
    #[serde(default)]
    pub bytes: Option<u64>,
}

impl CarryOut for Set {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<QuotaView> {
        set(ctx, self.owner, (self.entries, self.bytes))?;
        view((ctx.own, ctx.now), ctx.txn, self.owner)
    }
}

/// Lets what counts for all of its sort count for somebody again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Unset {
    /// Who.
    pub owner: Owner,
}

impl CarryOut for Unset {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<QuotaView> {
        not_of_a_share(self.owner)?;
        tables::put_limit(ctx.txn, self.owner, None)?;
        view((ctx.own, ctx.now), ctx.txn, self.owner)
    }
}

/// Of whom something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Each {
    /// Each institution.
    Institution,
    /// Each patient.
    Patient,
    /// All relays together that one member certified.
    RelaysOf,
}

impl Each {
    /// The owner that stands for all of the sort.
    pub(super) const fn owner(self) -> Owner {
        let nobody = PartyId([0; 32]);
        match self {
            Self::Institution => Owner::Institution(nobody),
            Self::Patient => Owner::Patient(nobody),
            Self::RelaysOf => Owner::RelaysOf(nobody),
        }
    }
}

/// Sets what each of a sort may make this node keep of whom nothing else is said. With neither, what counts for a node of
/// this role counts again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetDefault {
    /// Of whom.
    pub each: Each,
    /// Things; as before where nothing is said.
    #[serde(default)]
    pub entries: Option<u64>,
    /// Bytes; likewise.
    #[serde(default)]
    pub bytes: Option<u64>,
}

impl CarryOut for SetDefault {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<DefaultsView> {
        match (self.entries, self.bytes) {
            (None, None) => tables::put_limit(ctx.txn, self.each.owner(), None)?,
            said => set(ctx, self.each.owner(), said)?,
        }
        defaults(ctx.own, ctx.txn)
    }
}

fn set(
    ctx: &mut Context<'_>,
    owner: Owner,
    (entries, bytes): (Option<u64>, Option<u64>),
) -> Handled<()> {
    if entries.is_none() && bytes.is_none() {
        return refuse(Reason::SaysNothing);
    }
    not_of_a_share(owner)?;
    let before = tables::limit(ctx.txn, owner)?.unwrap_or_default();
    let row = LimitRow { entries: entries.or(before.entries), bytes: bytes.or(before.bytes) };
    Ok(tables::put_limit(ctx.txn, owner, Some(&row))?)
}

/// What bounds a share follows from the patient's room, and from what the patient said.
fn not_of_a_share(owner: Owner) -> Handled<()> {
    match owner {
        Owner::Share { .. } => refuse(Reason::NoLimitOfAShare),
        _ => Ok(()),
    }
}
