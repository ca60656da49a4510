//! Transitions.

use super::reasons::Reason;
use super::sync;
use super::tables::{FoundingRow, forget_asked, founding, put_founding};
use super::view::{ExpelledView, expulsion};
use super::wire::{Applicant, Apply, Message};
use crate::codec::Bytes;
use crate::codes::{self, Code, CodeFor, CodeView};
use crate::directory::{self, Standing};
use crate::id::PartyId;
use crate::identity::Role;
use crate::limits;
use crate::members::{
    begin, charter, conclude, forget, insert, is_expelled, is_member, keep, ledger, members,
    rebuilt,
};
use crate::membership::{Act, CHARTER_VERSION, Charter, Expulsion, Status};
use crate::names;
use crate::outbox;
use crate::refusal::{Handled, refuse};
use crate::statement::Signed;
use crate::turn::{Context, Effect, Sender};

/// Refuses with how this institution was expelled, if it was.
pub(super) fn not_expelled(ctx: &Context<'_>) -> Handled<()> {
    let Some(expelled) = expulsion(ctx.txn, ctx.own.party())? else { return Ok(()) };
    let ExpelledView { federation, at, by, reason: why, .. } = expelled;
    let votes = by.len();
    if why.is_empty() {
        return refuse(Reason::WasExpelledUnexplained { federation, at, votes });
    }
    refuse(Reason::WasExpelled { federation, at, votes, why })
}

/// Whether this institution left the federation that it knows, or was expelled from it: it may be in
/// another.
fn is_out(ctx: &Context<'_>) -> Handled<bool> {
    let status = rebuilt(ctx.txn)?.map(|ledger| ledger.status(ctx.own.party()));
    Ok(matches!(status, Some(Status::Left | Status::Expelled { .. })))
}

pub(super) fn create(
    ctx: &mut Context<'_>,
    name: String,
    threshold: u16,
    first_members: Option<u16>,
) -> Handled<()> {
    if is_out(ctx)? {
        forget(ctx)?;
        forget_asked(ctx)?;
    }
    if charter(ctx.txn)?.is_some() || founding(ctx.txn)?.is_some() {
        return refuse(Reason::InOneAlready);
    }
    if !names::can_be_named(&name) {
        return refuse(Reason::NameOutOfBounds);
    }
    if !(limits::THRESHOLD_MIN..=limits::THRESHOLD_MAX).contains(&threshold) {
        return refuse(Reason::SponsorsOutOfBounds {
            least: limits::THRESHOLD_MIN,
            most: limits::THRESHOLD_MAX,
        });
    }
    if !(threshold..=limits::FIRST_MEMBERS_MAX).contains(&first_members.unwrap_or(threshold)) {
        return refuse(Reason::FirstMembersOutOfBounds {
            least: threshold,
            most: limits::FIRST_MEMBERS_MAX,
        });
    }
    let members = vec![ctx.own.party()];
    let row = FoundingRow { name, threshold, first_members, members, since: ctx.now };
    put_founding(ctx, Some(&row))?;
    Ok(())
}

pub(super) fn invite(
    ctx: &mut Context<'_>,
    valid_ms: Option<u64>,
    addresses: Vec<String>,
) -> Handled<CodeView> {
    if founding(ctx.txn)?.is_none() && !is_member(ctx.txn, ctx.own.party())? {
        return refuse(Reason::InNone);
    }
    let valid_ms = valid_ms.unwrap_or(limits::CODE_INVITE_MS);
    Ok(codes::issue(ctx, CodeFor::Federation, valid_ms, addresses)?.into())
}

pub(super) fn join(ctx: &mut Context<'_>, code: &str) -> Handled<()> {
    if is_member(ctx.txn, ctx.own.party())? || founding(ctx.txn)?.is_some() {
        return refuse(Reason::InOneAlready);
    }
    let code = Code::parse(code, 'i')?;
    if code.institution == ctx.own.party() {
        return refuse(Reason::OwnInvite);
    }
    if is_out(ctx)? {
        // The same federation takes nobody back whom it expelled; another may.
        if is_member(ctx.txn, code.institution)? {
            not_expelled(ctx)?;
        }
        forget(ctx)?;
        forget_asked(ctx)?;
    }
    let id = codes::take(ctx, &code)?;
    // Somebody has just typed it in, and a code that failed before it is no reason to wait.
    outbox::hurry(ctx, code.institution)?;
    ctx.send(code.institution, &Message::Apply(Apply { code: id }))?;
    Ok(())
}

pub(super) fn admit(ctx: &mut Context<'_>, party: PartyId) -> Handled<()> {
    let Some(card) = directory::card(ctx.txn, party)? else {
        return refuse(Reason::NoApplicant);
    };
    if card.role == Role::Patient {
        return refuse(Reason::ApplicantIsRelay);
    }
    if !may_be_admitted(ctx, party)? {
        return refuse(Reason::NoApplicant);
    }
    let Some(mut row) = founding(ctx.txn)? else { return act(ctx, Act::Admit(party)) };
    if row.members.contains(&party) {
        return refuse(Reason::FirstMemberAlready);
    }
    row.members.push(party);
    if row.members.len() < usize::from(row.first_members()) {
        put_founding(ctx, Some(&row))?;
        return Ok(());
    }
    row.members.sort_unstable();
    let charter = Charter {
        version: CHARTER_VERSION,
        name: row.name,
        founder: ctx.own.party(),
        key: ctx.own.key_number(),
        threshold: row.threshold,
        first_members: row.members,
        created: ctx.now,
        nonce: ctx.random(),
    };
    let charter = Signed::sign(charter, ctx.own.institution_key());
    begin(ctx, &charter)?;
    put_founding(ctx, None)?;
    match rebuilt(ctx.txn)? {
        Some(ledger) => sync::push(ctx, &ledger, &[], None),
        None => Ok(()),
    }
}

/// Whether an institution asked to come in, here or at a member that told of it, or is sponsored by one; of
/// what was said of it otherwise, the ledger knows best why it is not admitted. Whoever is merely known, such
/// as by an enrolment, did not ask.
fn may_be_admitted(ctx: &Context<'_>, party: PartyId) -> Handled<bool> {
    if directory::standing(ctx.txn, party, ctx.now)? == Some(Standing::Applicant) {
        return Ok(true);
    }
    let is_first = |row: &FoundingRow| row.members.contains(&party);
    if founding(ctx.txn)?.as_ref().is_some_and(is_first) {
        return Ok(true);
    }
    // A node that is in no federation is told that.
    let Some(ledger) = ledger(ctx.own, ctx.txn)? else { return Ok(founding(ctx.txn)?.is_none()) };
    let status = ledger.status(party);
    keep(ctx.own, ledger, false);
    Ok(!matches!(status, Status::Stranger | Status::Left))
}

pub(super) fn expel(ctx: &mut Context<'_>, party: PartyId, reason: String) -> Handled<()> {
    if reason.len() > limits::REASON_BYTES_MAX {
        return refuse(Reason::WordsTooLong { most: limits::REASON_BYTES_MAX });
    }
    let Some(ledger) = rebuilt(ctx.txn)? else {
        return refuse(Reason::InNone);
    };
    let me = ctx.own.party();
    let open = ledger.proposals().find(|proposal| proposal.subject == party && !proposal.carried);
    let act_ = match open {
        Some(proposal) if proposal.votes.contains(&me) => {
            return refuse(Reason::VotedAlready);
        }
        Some(proposal) => Act::SupportExpulsion(proposal.id),
        None => Act::ProposeExpulsion(Expulsion { subject: party, reason }),
    };
    act(ctx, act_)?;
    if is_expelled(ctx.txn, party)? {
        // Nothing is sent to it any more; a greeting lets it ask, and hear why nobody answers.
        ctx.effects.push(Effect::Greet { to: party });
    }
    Ok(())
}

/// Says something about membership and tells everybody.
pub(super) fn act(ctx: &mut Context<'_>, act: Act) -> Handled<()> {
    let Some(mut ledger) = ledger(ctx.own, ctx.txn)? else {
        return refuse(Reason::InNone);
    };
    let draft = ledger.draft(ctx.own.party(), ctx.own.key_number(), ctx.now, act)?;
    let statement = Signed::sign(draft, ctx.own.institution_key());
    let id = statement.id();
    insert(ctx, &mut ledger, statement)?;
    conclude(ctx, &ledger)?;
    sync::push(ctx, &ledger, &[id], None)?;
    keep(ctx.own, ledger, false);
    Ok(())
}

/// An institution applies: it may come in, and members hear of it; nothing is decided yet.
pub(super) fn applied(ctx: &mut Context<'_>, sender: &Sender, apply: &Apply) -> Handled<Bytes> {
    if codes::redeem(ctx, apply.code, sender.institution)? != CodeFor::Federation {
        return refuse(codes::CodeError::OtherKind);
    }
    if directory::card(ctx.txn, sender.institution)?.is_some_and(|card| card.role == Role::Patient)
    {
        return refuse(Reason::ApplicantIsRelay);
    }
    directory::set_standing(ctx.txn, sender.institution, &Standing::Applicant)?;
    let Some(party) = directory::introduction(ctx.txn, sender.institution)? else {
        return refuse(Reason::ApplicantUnknown);
    };
    for member in members(ctx.txn)? {
        if member != ctx.own.party() && member != sender.institution {
            let applicant = Applicant { party: party.clone() };
            ctx.send_if_room(member, &Message::Applicant(applicant))?;
        }
    }
    Ok(Bytes::default())
}

/// A member tells of an applicant: it is listed here, too, and may be sponsored.
pub(super) fn applicant_told(
    ctx: &mut Context<'_>,
    sender: &Sender,
    applicant: Applicant,
) -> Handled<Bytes> {
    if !sender.member {
        return refuse(Reason::ToldByNoMember);
    }
    let party = directory::learn_introduction(ctx, applicant.party)?;
    if !is_member(ctx.txn, party)?
        && directory::standing(ctx.txn, party, ctx.now)?
            .is_none_or(|standing| matches!(standing, Standing::Introduced(_)))
    {
        directory::set_standing(ctx.txn, party, &Standing::Applicant)?;
    }
    Ok(Bytes::default())
}
