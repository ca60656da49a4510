//! To whom goes what the table of features does not say: a notice, above all.

use super::event::DeliveryFailure;
use super::features::{self, Body, Command};
use super::reasons::Reason;
use crate::codec::Bytes;
use crate::directory;
use crate::grant_keys;
use crate::holdings::{self, TransferFor};
use crate::id::PartyId;
use crate::limits;
use crate::members;
use crate::outbox;
use crate::refusal::{Handled, Refusal, refuse};
use crate::turn::{Context, Effect, Notice, RequestId};
use crate::{backup, consent, custody, enrolment, federation, record};

/// Gives a command to its feature, after what had to wait for the keys that it came with.
pub(super) fn dispatch(ctx: &mut Context<'_>, request: RequestId, command: Command) -> Handled<()> {
    if let Some(keys) = ctx.keys {
        custody::at_hand(ctx, keys)?;
        consent::at_hand(ctx, keys)?;
    }
    features::command(ctx, request, command)
}

/// A try failed: there is another, unless nobody is there any more to whom we could talk.
pub(super) fn undelivered(
    ctx: &mut Context<'_>,
    to: PartyId,
    failure: DeliveryFailure,
) -> Handled<()> {
    if failure == DeliveryFailure::NeverSent {
        directory::looked_in_vain(ctx.txn, to, ctx.now)?;
    }
    if !members::is_gone(ctx.txn, to)? || members::admitted(ctx.txn, to, ctx.now)? {
        return outbox::later(ctx, to);
    }
    withdraw(ctx, to, &Reason::TheyAreGone.into(), |_| true)
}

/// Ends what waits for an institution and is of a kind, as if it had refused it.
pub(super) fn withdraw(
    ctx: &mut Context<'_>,
    to: PartyId,
    refusal: &Refusal,
    kind: impl Fn(&Body) -> bool,
) -> Handled<()> {
    let of_kind = |body: &Bytes| Ok(kind(&Body::of_outbox(body)?));
    for body in outbox::withdraw(ctx, to, of_kind)? {
        features::outcome(ctx, to, Body::of_outbox(&body)?, Err(refusal.clone()))?;
    }
    Ok(())
}

/// Lets features hear of what others did, at most [`limits::NOTICE_DEPTH_MAX`] deep: what goes deeper is a bug of
/// ours, and nothing of it happens.
pub(super) fn hand_on_all(ctx: &mut Context<'_>) -> Handled<()> {
    for _ in 0..limits::NOTICE_DEPTH_MAX {
        let notices = core::mem::take(&mut ctx.notices);
        if notices.is_empty() {
            return Ok(());
        }
        for notice in notices {
            hand_on(ctx, notice)?;
        }
    }
    match ctx.notices.is_empty() {
        true => Ok(()),
        // Dropping what is left would leave half of something done.
        false => refuse(Reason::NoticesTooDeep { most: limits::NOTICE_DEPTH_MAX }),
    }
}

/// Hands a notice to the feature that it concerns.
pub(super) fn hand_on(ctx: &mut Context<'_>, notice: Notice) -> Handled<()> {
    match notice {
        Notice::Pulled { transfer, result } => match &transfer.purpose {
            TransferFor::Deposit(pull) => backup::pulled(ctx, &transfer, pull, result),
            TransferFor::Read(pull) => consent::pulled(ctx, &transfer, pull, result),
            TransferFor::Restore(pull) => backup::restored_object(ctx, &transfer, pull, result),
        },
        Notice::Enrolled { chart, patient } => record::adopt(ctx, chart, patient),
        Notice::Unenrolled { patient } => enrolment::unenrolled(ctx, patient),
        Notice::TakenBack { patient } => backup::taken_back(ctx, patient),
        Notice::Misfiled { subject, entries } => backup::misfiled(ctx, subject, &entries),
        Notice::Room { institution } => {
            record::tell_misfiled(ctx, institution)?;
            record::announce_waiting(ctx, institution)
        }
        Notice::Ring { patient } => record::reseal(ctx, patient),
        Notice::Publish { patient } => custody::publish_for(ctx, patient),
        Notice::RingSigned { patient } => consent::renew_for(ctx, patient),
        Notice::Deals { patient, institution } => custody::tell(ctx, patient, institution),
        Notice::MayRead { patient, reader, scope } => {
            record::may_read(ctx, reader, patient, &scope)
        }
        Notice::OldNews { chain } => custody::ask_for_news(ctx, &chain),
        Notice::Treating { patient } => record::tell_treating(ctx, patient),
        Notice::Snapshot { from, federation, anchor } => {
            Ok(federation::learn_snapshot(ctx, from, &federation, anchor)?)
        }
        Notice::TellAgain { party, since } => {
            custody::tell_again(ctx, party)?;
            consent::is_to_be_given_again(ctx, party)?;
            record::tell_misfiled_again(ctx, party)?;
            record::announce_again(ctx, party, since)
        }
        Notice::PutBack { party, since } => {
            ctx.notify(Notice::TellAgain { party, since });
            backup::put_back(ctx, party, since)
        }
        Notice::PutOut { party } => {
            for (node, _) in directory::nodes_of(ctx.txn, party)? {
                ctx.effects.push(Effect::Gate { node, open_for: None });
            }
            Ok(())
        }
        Notice::Deposit { request, deposit } => backup::deposit(ctx, request, deposit),
        Notice::Deposited { request, reservations } => {
            consent::deposited(ctx, request, reservations)
        }
        Notice::DepositReady { reservation } => consent::deposit_ready(ctx, reservation),
        Notice::Stored { reservation } => consent::deposit_stored(ctx, reservation),
        Notice::DepositRefused { reservation, refusal } => {
            consent::deposit_refused(ctx, reservation, &refusal)
        }
    }
}

/// Time passed: what is due is done, and each feature asks to be called again.
pub(super) fn tick(ctx: &mut Context<'_>) -> Handled<()> {
    let due = outbox::due(ctx.txn, ctx.now)?;
    ctx.effects.extend(due.into_iter().map(|to| Effect::Deliver { to }));
    holdings::tick(ctx)?;
    grant_keys::tick(ctx)?;
    features::tick(ctx)
}
