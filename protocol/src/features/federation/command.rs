//! What front doors ask to be done.

use super::machine::{act, admit, create, expel, invite, join};
use super::view::{FederationView, view};
use crate::codes::CodeView;
use crate::id::PartyId;
use crate::membership;
use crate::refusal::Handled;
use crate::turn::{CarryOut, Context, commands};
use serde::{Deserialize, Serialize};

commands! {
    /// What a front door can ask of this feature.
    pub enum Command: "federation" {
        /// Begins to found a federation.
        "create" Create => FederationView,
        /// Makes an invite.
        "invite" Invite => CodeView,
        /// Applies with an invite.
        "join" Join => FederationView,
        /// Sponsors an applicant.
        "admit" Admit => FederationView,
        /// Proposes to expel a party, or votes for it.
        "expel" Expel => FederationView;
        /// Leaves.
        "leave" Leave => FederationView,
    }
}

/// Begins to found a federation: it stands once its first members are there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// Its name.
    pub name: String,
    /// Sponsors that an admission will need.
    pub threshold: u16,
    /// First members that the charter is to name; `threshold` unless said.
    #[serde(default)]
    pub first_members: Option<u16>,
}

impl CarryOut for Create {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<FederationView> {
        create(ctx, self.name, self.threshold, self.first_members)?;
        view(ctx.own, ctx.txn, ctx.now)
    }
}

/// Makes an invite.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// How long it holds, in milliseconds.
    #[serde(default)]
    pub valid_ms: Option<u64>,
    /// Where we listen; filled in by the node.
    #[serde(default)]
    pub addresses: Vec<String>,
}

impl CarryOut for Invite {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<CodeView> {
        invite(ctx, self.valid_ms, self.addresses)
    }
}

/// Applies with an invite.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The invite.
    pub code: String,
}

impl CarryOut for Join {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<FederationView> {
        join(ctx, &self.code)?;
        view(ctx.own, ctx.txn, ctx.now)
    }
}

/// Sponsors the admission of an applicant; while founding, takes it as a first member.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Admit {
    /// Who.
    pub party: PartyId,
}

impl CarryOut for Admit {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<FederationView> {
        admit(ctx, self.party)?;
        view(ctx.own, ctx.txn, ctx.now)
    }
}

/// Proposes to expel a party, or votes for a proposal that is there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Expel {
    /// Who.
    pub party: PartyId,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

impl CarryOut for Expel {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<FederationView> {
        expel(ctx, self.party, self.reason)?;
        view(ctx.own, ctx.txn, ctx.now)
    }
}

/// Leaves.
#[derive(Debug, Clone, Copy)]
pub struct Leave;

impl CarryOut for Leave {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<FederationView> {
        act(ctx, membership::Act::Leave)?;
        view(ctx.own, ctx.txn, ctx.now)
    }
}
