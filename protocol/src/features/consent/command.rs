//! What front doors ask to be done.

use super::ask::{AskCommand, send_ask};
use super::narrow::Narrow;
pub use super::own::Obtain;
pub use super::pass_on::PassOn;
use super::tables::{RequestKind, request_view};
pub use super::upload::Upload;
use super::view::RequestView;
use super::{decide, own, pass_on, read, revoke, upload};
use crate::id::{ConsentId, PartyId, TokenId};
use crate::refusal::Handled;
use crate::time::Timestamp;
use crate::turn::{CarryOut, Context, Done, commands};
use serde::{Deserialize, Serialize};

commands! {
    /// What a front door can ask of this feature.
    pub enum Command: "consent" {
        /// A hospital asks a patient to see.
        "download" Download => RequestView,
        /// A hospital asks a patient that another may see.
        "referral" Referral => RequestView,
        /// A patient asks a hospital to deposit entries.
        "upload" Upload => Vec<RequestView>,
        /// A patient permits.
        "approve" Approve => RequestView,
        /// A patient refuses.
        "deny" Deny => RequestView,
        /// A patient wants to decide later.
        "defer" Defer => RequestView,
        /// A patient takes permissions back.
        "revoke" Revoke => Done,
        /// A hospital passes on what it was permitted.
        "pass-on" PassOn => RequestView,
        /// A hospital reads what it was permitted.
        "fetch" Fetch => RequestView,
        /// A patient has contents of the record brought to the relay.
        "obtain" Obtain => RequestView,
    }
}

/// A hospital asks a patient to see.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Download(pub AskCommand);

impl CarryOut for Download {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<RequestView> {
        send_ask(ctx, RequestKind::Download, self.0)
    }
}

/// A hospital asks a patient that another may see.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Referral(pub AskCommand);

impl CarryOut for Referral {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<RequestView> {
        send_ask(ctx, RequestKind::Referral, self.0)
    }
}

/// A large order is several requests.
impl CarryOut for Upload {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<Vec<RequestView>> {
        upload::order(ctx, self)
    }
}

/// A patient permits, whole or narrowed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// The request.
    pub request: ConsentId,
    /// How it is narrowed.
    #[serde(default)]
    pub narrow: Narrow,
}

impl CarryOut for Approve {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<RequestView> {
        let keys = ctx.keys;
        decide::approve(ctx, self.request, &self.narrow, keys)
    }
}

/// A patient refuses.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Deny {
    /// The request.
    pub request: ConsentId,
    /// A word to whoever asked.
    #[serde(default)]
    pub reason: String,
}

impl CarryOut for Deny {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<RequestView> {
        decide::deny(ctx, self.request, self.reason)
    }
}

/// A patient wants to decide later.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Defer {
    /// The request.
    pub request: ConsentId,
    /// When the patient will look again.
    pub until: Timestamp,
}

impl CarryOut for Defer {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<RequestView> {
        decide::defer(ctx, self.request, self.until)
    }
}

/// A patient takes permissions back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// The patient.
    pub patient: PartyId,
    /// The permissions.
    pub tokens: Vec<TokenId>,
}

impl CarryOut for Revoke {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<Done> {
        let keys = decide::unlocked(self.patient, ctx.keys)?;
        revoke::revoke(ctx, keys, &self.tokens)?;
        Ok(Done { done: true })
    }
}

impl CarryOut for PassOn {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<RequestView> {
        pass_on::pass_on(ctx, self)
    }
}

/// A hospital reads what it was permitted, from a holder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// The request whose permission is used.
    pub request: ConsentId,
    /// The holder; one that is known to hold it when not given.
    #[serde(default)]
    pub holder: Option<PartyId>,
    /// On whose behalf.
    pub user: String,
}

impl CarryOut for Fetch {
    const GROWS: bool = true;

    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<RequestView> {
        read::fetch(ctx, self.request, self.holder, self.user)?;
        request_view(ctx, self.request)
    }
}

impl CarryOut for Obtain {
    const GROWS: bool = true;

    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<RequestView> {
        own::obtain(ctx, &self)
    }
}
