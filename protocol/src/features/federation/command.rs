//! What front doors ask to be done.

use super::machine::{
    admit, choose, expel, found, invite, join, leave, recall, rename, take_back, threshold,
    uninvite,
};
use super::sync::follow_hospital;
use super::view::{FederationView, view};
use crate::codes::CodeView;
use crate::id::{CodeId, PartyId, ViewId};
use crate::refusal::Handled;
use crate::turn::{CarryOut, Context, Done, commands};
use serde::{Deserialize, Serialize};

commands! {
    /// What a front door can ask of this feature.
    pub enum Command: "federation" {
        /// Founds a federation, with this institution as its only member.
        "found" Found => FederationView,
        /// Makes an invite.
        "invite" Invite => CodeView,
        /// Takes an invite back.
        "uninvite" Uninvite => FederationView,
        /// Applies with an invite.
        "join" Join => FederationView,
        /// Sponsors an applicant, or a member's new name.
        "admit" Admit => FederationView,
        /// Votes to expel a party.
        "expel" Expel => FederationView,
        /// Takes back a sponsorship or a vote.
        "withdraw" Withdraw => FederationView,
        /// Wants another number of sponsors.
        "threshold" Threshold => FederationView,
        /// Asks the members for another name.
        "rename" Rename => FederationView,
        /// Stands at the other successor of a forked view.
        "choose" Choose => FederationView,
        /// At a relay: goes with a hospital of its patients to another federation.
        "follow" Follow => Done;
        /// Leaves.
        "leave" Leave => FederationView,
        /// Takes this institution's own application back.
        "recall" Recall => FederationView,
    }
}

/// Founds a federation, with this institution as its only member.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Sponsors that an admission will need, once there are as many members.
    pub threshold: u16,
    /// Whether to found anew although this institution is in one with others, who are gone for good.
    #[serde(default)]
    pub anew: bool,
}

impl CarryOut for Found {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<FederationView> {
        found(ctx, self.name, self.threshold, self.anew)?;
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

/// Takes an invite back: nobody applies with it any more. If it was in two hands, whoever applied with it is no applicant
/// any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Uninvite {
    /// The invite, as the federation's view lists it.
    pub invite: CodeId,
}

impl CarryOut for Uninvite {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<FederationView> {
        uninvite(ctx, self.invite)?;
        view(ctx.own, ctx.txn, ctx.now)
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

/// Sponsors the admission of an applicant, or a member's new name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Admit {
    /// Who.
    pub party: PartyId,
    /// Although its name looks like a member's.
    #[serde(default)]
    pub although_alike: bool,
}

impl CarryOut for Admit {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<FederationView> {
        admit(ctx, self.party, self.although_alike)?;
        view(ctx.own, ctx.txn, ctx.now)
    }
}

/// At a relay: goes with a hospital of its patients to the federation in which that is now.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Follow {
    /// The hospital.
    pub party: PartyId,
}

impl CarryOut for Follow {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<Done> {
        follow_hospital(ctx, self.party)?;
        Ok(Done { done: true })
    }
}

/// Votes to expel a party.
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

/// Takes back a sponsorship or a vote.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Withdraw {
    /// About whom.
    pub party: PartyId,
}

impl CarryOut for Withdraw {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<FederationView> {
        take_back(ctx, self.party)?;
        view(ctx.own, ctx.txn, ctx.now)
    }
}

/// Wants another number of sponsors.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// How many an admission is to take.
    pub sponsors: u16,
}

impl CarryOut for Threshold {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<FederationView> {
        threshold(ctx, self.sponsors)?;
        view(ctx.own, ctx.txn, ctx.now)
    }
}

/// Asks the members for another name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// The name.
    pub name: String,
}

impl CarryOut for Rename {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<FederationView> {
        rename(ctx, self.name)?;
        view(ctx.own, ctx.txn, ctx.now)
    }
}

/// Stands at the other successor of a forked view, on the operator's word.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Choose {
    /// Which.
    pub successor: ViewId,
}

impl CarryOut for Choose {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<FederationView> {
        choose(ctx, self.successor)?;
        view(ctx.own, ctx.txn, ctx.now)
    }
}

/// Leaves.
#[derive(Debug, Clone, Copy)]
pub struct Leave;

impl CarryOut for Leave {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<FederationView> {
        leave(ctx)?;
        view(ctx.own, ctx.txn, ctx.now)
    }
}

/// Takes this institution's own application back, or its wish for another name.
#[derive(Debug, Clone, Copy)]
pub struct Recall;

impl CarryOut for Recall {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<FederationView> {
        recall(ctx)?;
        view(ctx.own, ctx.txn, ctx.now)
    }
}
