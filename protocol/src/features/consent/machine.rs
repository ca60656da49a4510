//! What the feature can be asked, and who answers it.

use super::ask::{self, AskCommand};
use super::decide;
use super::narrow::Narrow;
use super::tables::{
    RequestKind, answer_request, fail, next_due, put_request, request, requests_due,
};
use super::wire::{Message, RequestState};
use super::{own, pass_on, read, revoke, upload};
use crate::codec::Bytes;
use crate::id::{ConsentId, PartyId, TokenId};
use crate::patients;
use crate::refusal::{Handled, Refusal};
use crate::time::Timestamp;
use crate::turn::{Context, Done, Effect, RequestId, Sender};

/// What a front door can ask of this feature.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// A hospital asks a patient to see.
    Download(AskCommand),
    /// A hospital asks a patient that another may see.
    Referral(AskCommand),
    /// A patient asks a hospital to deposit entries.
    Upload(upload::UploadCommand),
    /// A patient permits, whole or narrowed.
    Approve {
        /// The request.
        request: ConsentId,
        /// How it is narrowed.
        #[serde(default)]
        narrow: Narrow,
    },
    /// A patient refuses.
    Deny {
        /// The request.
        request: ConsentId,
        /// A word to whoever asked.
        #[serde(default)]
        reason: String,
    },
    /// A patient wants to decide later.
    Defer {
        /// The request.
        request: ConsentId,
        /// When the patient will look again.
        until: Timestamp,
    },
    /// A patient takes permissions back.
    Revoke {
        /// The patient.
        patient: PartyId,
        /// The permissions.
        tokens: Vec<TokenId>,
    },
    /// A hospital passes on, narrowed, what it was permitted and may pass on.
    PassOn(pass_on::PassOnCommand),
    /// A hospital reads what it was permitted, from a holder.
    Fetch {
        /// The request whose permission is used.
        request: ConsentId,
        /// The holder; one that is known to hold it when not given.
        #[serde(default)]
        holder: Option<PartyId>,
        /// On whose behalf.
        user: String,
    },
    /// A patient has contents of the record brought to the relay.
    Obtain(own::ObtainCommand),
}

/// Handles a command.
pub(crate) fn command(
    ctx: &mut Context<'_>,
    request_id: RequestId,
    command: Command,
) -> Handled<()> {
    let keys = ctx.keys;
    match command {
        Command::Download(ask) => ask::send_ask(ctx, request_id, RequestKind::Download, ask),
        Command::Referral(ask) => ask::send_ask(ctx, request_id, RequestKind::Referral, ask),
        Command::Upload(order) => upload::order(ctx, request_id, order, keys),
        Command::Approve { request, narrow } => {
            decide::approve(ctx, request_id, request, &narrow, keys)
        }
        Command::Deny { request, reason } => decide::deny(ctx, request_id, request, reason),
        Command::Defer { request, until } => decide::defer(ctx, request_id, request, until),
        Command::Revoke { patient, tokens } => {
            let keys = decide::unlocked(patient, keys)?;
            revoke::revoke(ctx, keys, &tokens)?;
            ctx.answer(request_id, Done { done: true });
            Ok(())
        }
        Command::PassOn(command) => pass_on::pass_on(ctx, request_id, command),
        Command::Fetch { request, holder, user } => {
            read::fetch(ctx, request, holder, user)?;
            answer_request(ctx, request_id, request)
        }
        Command::Obtain(ask) => own::obtain(ctx, request_id, &ask, keys),
    }
}

/// Handles another institution's message.
pub(crate) fn receive(ctx: &mut Context<'_>, sender: &Sender, message: Message) -> Handled<Bytes> {
    match message {
        Message::Ask(ask) => ask::asked(ctx, sender, ask),
        Message::Decision(decision) => ask::decided(ctx, sender, decision),
        Message::Permission(permission) => ask::permitted(ctx, sender, permission),
        Message::Order(order) => upload::ordered(ctx, sender, order),
        Message::OrderState(state) => upload::state(ctx, sender, state),
        Message::Read(read) => read::serve(ctx, sender, read),
        Message::PassedOn(permission) => pass_on::received(ctx, sender, permission),
        Message::Told(told) => pass_on::told(ctx, sender, told),
    }
}

/// What became of a message of ours.
pub(crate) fn outcome(
    ctx: &mut Context<'_>,
    to: PartyId,
    message: Message,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    match (message, result) {
        (Message::Read(read), result) => read::answered(ctx, to, &read, result),
        (Message::Ask(ask), Err(refusal)) => fail(ctx, ask.request, &refusal),
        (Message::PassedOn(passed), Err(refusal)) => fail(ctx, passed.request, &refusal),
        (Message::Order(order), Err(refusal)) => fail(ctx, order.request, &refusal),
        _ => Ok(()),
    }
}

/// Time passed: requests expire, deferred ones open again.
pub(crate) fn tick(ctx: &mut Context<'_>) -> Handled<()> {
    loop {
        let due = requests_due(ctx.txn, ctx.now)?;
        if due.is_empty() {
            break;
        }
        // Each is due later or not at all after this, so that there is an end.
        for id in due {
            let mut row = request(ctx.txn, id)?;
            row.until = None;
            if row.expires <= ctx.now {
                row.state = RequestState::Expired;
                if patients::serves(ctx.txn, row.patient)? {
                    let decision = decide::decision(id, &row);
                    ctx.send_if_room(row.asker, &Message::Decision(decision))?;
                }
            } else {
                row.state = RequestState::Open;
            }
            put_request(ctx.txn, id, &row)?;
        }
    }
    ctx.effects.extend(next_due(ctx.txn)?.map(Effect::WakeAt));
    Ok(())
}
