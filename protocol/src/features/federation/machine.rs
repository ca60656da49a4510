//! What people decide, and who applies.

use super::reasons::Reason;
use super::sealing::{go_on, tell_applicant};
use super::sync::begin_with;
use super::tables::{
    RefusedRow, WishRow, application, drop_application, forget as forget_tables, put_application,
    put_refused, put_wish, sponsor, vote, wish, withdraw,
};
use super::view::looking_like;
use super::wire::{Applicant, Apply, Follow, Message, Retract, answer};
use crate::codec::{Bytes, Wire};
use crate::codes::{self, Code, CodeFor, CodeView};
use crate::directory::{self, Standing};
use crate::id::{CodeId, PartyId, ViewId};
use crate::identity::{KnownKeys, Role};
use crate::limits;
use crate::members::{
    self, begin, choose as choose_successor, forget, is_expelled, is_member, leads_on, members,
    newest, position,
};
use crate::membership::{
    Application, CHARTER_VERSION, Change, Charter, CheckedView, Expulsion, Member,
};
use crate::names;
use crate::outbox;
use crate::refusal::{Handled, Refusal, refuse};
use crate::statement::{Signed, Unverified};
use crate::turn::{Context, Effect, Own, Sender};

/// This institution as a member.
fn myself(own: &Own, name: String) -> Member {
    Member {
        party: own.party(),
        name,
        role: own.role(),
        key: own.institution_key().public(),
        number: own.key_number(),
        next: own.keys().next(),
    }
}

fn require_member(ctx: &Context<'_>) -> Handled<CheckedView> {
    match newest(ctx.txn)? {
        Some(view) if view.member(ctx.own.party()).is_some() => Ok(view),
        _ => refuse(Reason::InNone),
    }
}

/// Whether this institution may go elsewhere: it is in no federation, or alone in it.
fn is_free(ctx: &Context<'_>) -> Handled<bool> {
    let view = newest(ctx.txn)?;
    Ok(view.is_none_or(|view| view.member(ctx.own.party()).is_none() || view.members.len() == 1))
}

fn start_over(ctx: &mut Context<'_>) -> Handled<()> {
    forget(ctx)?;
    Ok(forget_tables(ctx)?)
}

pub(super) fn found(
    ctx: &mut Context<'_>,
    name: String,
    threshold: u16,
    anew: bool,
) -> Handled<()> {
    if !names::can_be_named(&name) {
        return refuse(Reason::NameOutOfBounds);
    }
    if !(limits::THRESHOLD_MIN..=limits::THRESHOLD_MAX).contains(&threshold) {
        return refuse(Reason::SponsorsOutOfBounds {
            least: limits::THRESHOLD_MIN,
            most: limits::THRESHOLD_MAX,
        });
    }
    let is_in = is_member(ctx.txn, ctx.own.party())?;
    if is_in && !anew {
        return refuse(Reason::InOneAlready);
    }
    start_over(ctx)?;
    let charter = Charter {
        version: CHARTER_VERSION,
        name,
        founder: myself(ctx.own, ctx.own.name().to_owned()),
        threshold,
        created: ctx.now,
        nonce: ctx.random(),
    };
    let charter = Signed::sign(charter, ctx.own.institution_key());
    let view = CheckedView::first(&charter)?;
    begin(ctx, &charter, &view)?;
    go_on(ctx)
}

pub(super) fn invite(
    ctx: &mut Context<'_>,
    valid_ms: Option<u64>,
    addresses: Vec<String>,
) -> Handled<CodeView> {
    let view = require_member(ctx)?;
    let valid_ms = valid_ms.unwrap_or(limits::CODE_INVITE_MS);
    let anchor = Some(view.position());
    Ok(codes::issue(ctx, CodeFor::Federation, anchor, valid_ms, addresses)?.into())
}

/// Takes an invite back. Who applied with one that was in two hands need not be who was invited.
pub(super) fn uninvite(ctx: &mut Context<'_>, invite: CodeId) -> Handled<()> {
    require_member(ctx)?;
    let Some(known) = codes::uninvite(ctx, invite)? else {
        return refuse(Reason::NoInvite);
    };
    let applied = known.by.filter(|_| known.used && known.contested_by.is_some());
    let Some(party) = applied else { return Ok(()) };
    if is_member(ctx.txn, party)? {
        return Ok(());
    }
    drop_application(ctx, party)?;
    withdraw(ctx, party)?;
    directory::clear_standing(ctx.txn, party)?;
    go_on(ctx)
}

/// Who proved an invite that is in two hands may be whoever saw it. [COD-4]
fn not_in_two_hands(ctx: &Context<'_>, party: PartyId) -> Handled<()> {
    let invites = codes::invites(ctx.txn, ctx.now)?;
    let theirs = |invite: &codes::InviteView| {
        invite.contested_by.is_some() && [invite.by, invite.contested_by].contains(&Some(party))
    };
    if invites.iter().any(theirs) { refuse(Reason::InviteInTwoHands) } else { Ok(()) }
}

pub(super) fn join(ctx: &mut Context<'_>, code: &str) -> Handled<()> {
    if !is_free(ctx)? {
        return refuse(Reason::InOneAlready);
    }
    let code = Code::parse(code, 'i')?;
    if code.institution == ctx.own.party() {
        return refuse(Reason::OwnInvite);
    }
    let Some(anchor) = code.anchor else { return refuse(Reason::InviteWithoutView) };
    // The same federation takes nobody back whom it expelled; another may.
    let same = position(ctx.txn)?.is_some_and(|ours| ours.federation == anchor.federation);
    if same && is_expelled(ctx.txn, ctx.own.party())? {
        super::view::not_expelled(ctx)?;
    }
    let id = codes::take(ctx, &code)?;
    // Somebody has just typed it in, and a code that failed before it is no reason to wait.
    outbox::hurry(ctx, code.institution)?;
    let member = myself(ctx.own, ctx.own.name().to_owned());
    let application = Application { federation: anchor.federation, member, issued: ctx.now };
    let application = Signed::sign(application, ctx.own.institution_key()).to_unverified();
    let apply = Apply { code: id, anchor, application };
    put_refused(ctx, None)?;
    ctx.send(code.institution, &Message::Apply(apply))?;
    Ok(())
}

/// Whoever we applied to has taken the application, or refused it. From now on that federation is followed.
pub(super) fn applied_to(
    ctx: &mut Context<'_>,
    to: PartyId,
    apply: &Apply,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    codes::forget(ctx.txn, to, apply.code)?;
    let bytes = match result {
        Ok(bytes) => bytes,
        Err(refusal) => {
            tracing::warn!(to = %to.short(), reason = refusal.name(), "our application was refused");
            return Ok(put_refused(ctx, Some(&RefusedRow { by: to, refusal }))?);
        }
    };
    let Ok(brought) = Follow::from_bytes(&bytes.0, limits::RESPONSE_BYTES_MAX) else {
        return refuse(Reason::AnswerMalformed);
    };
    if !is_free(ctx)? {
        return Ok(());
    }
    start_over(ctx)?;
    begin_with(ctx, to, brought, apply.anchor)
}

/// Looks whether an application is the applicant's own, with the current key of its log. [FED-8]
fn looked_at(
    ctx: &Context<'_>,
    application: &Unverified<Application>,
    keys: &KnownKeys,
) -> Handled<()> {
    let Application { federation, member, issued } = application.claims();
    if is_expelled(ctx.txn, member.party)? {
        return refuse(members::Reason::Expelled);
    }
    let old = ctx.now.since(*issued) > limits::APPLICATION_MS_MAX;
    if old || issued.since(ctx.now) > limits::APPLICATION_MS_MAX {
        return refuse(Reason::ApplicationOld);
    }
    let Some(ours) = position(ctx.txn)? else { return refuse(Reason::InNone) };
    if *federation != ours.federation {
        return refuse(members::Reason::AnotherFederation);
    }
    if member.role == Role::Patient {
        return refuse(Reason::ApplicantIsRelay);
    }
    let of_log = member.party == keys.party()
        && (member.key, member.number, member.next)
            == (keys.current(), keys.current_number(), keys.next());
    if !of_log || application.check(&member.key).is_err() {
        return refuse(Reason::NotTheApplicants);
    }
    if !names::can_be_named(&member.name) {
        return refuse(Reason::NameOutOfBounds);
    }
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
    looked_at(ctx, &apply.application, &sender.keys)?;
    if !put_application(ctx, sender.institution, &apply.application)? {
        return refuse(Reason::TooManyApplications { most: limits::APPLICATIONS_TOLD_MAX });
    }
    if !is_member(ctx.txn, sender.institution)? {
        directory::set_standing(ctx.txn, sender.institution, &Standing::Applicant)?;
    }
    tell_applicant(ctx, &members(ctx.txn)?, &apply.application)?;
    Ok(answer(&leads_on(ctx, &apply.anchor, true)?))
}

/// A member tells of an applicant: it is listed here, too, and may be sponsored.
pub(super) fn applicant_told(
    ctx: &mut Context<'_>,
    sender: &Sender,
    told: Applicant,
) -> Handled<Bytes> {
    if !sender.member {
        return refuse(Reason::ToldByNoMember);
    }
    let party = directory::learn_introduction(ctx, told.party)?;
    let Some(keys) = directory::keys(ctx.txn, party)? else {
        return refuse(Reason::ApplicantUnknown);
    };
    looked_at(ctx, &told.application, &keys)?;
    if !put_application(ctx, sender.institution, &told.application)? {
        return refuse(Reason::TooManyApplications { most: limits::APPLICATIONS_TOLD_MAX });
    }
    if !is_member(ctx.txn, party)?
        && directory::standing(ctx.txn, party, ctx.now)?
            .is_none_or(|standing| matches!(standing, Standing::Introduced(_)))
    {
        directory::set_standing(ctx.txn, party, &Standing::Applicant)?;
    }
    Ok(Bytes::default())
}

/// Takes back what this institution applied for: the members forget it. What they have sealed by then stays.
pub(super) fn recall(ctx: &mut Context<'_>) -> Handled<()> {
    let Some(view) = newest(ctx.txn)? else { return refuse(Reason::AppliedNowhere) };
    let me = ctx.own.party();
    let is_in = view.member(me).is_some();
    if is_in && application(ctx.txn, me)?.is_none() {
        return refuse(Reason::AppliedNowhere);
    }
    let retract = Retract { federation: view.federation };
    for member in view.members.iter().map(|member| member.party).filter(|member| *member != me) {
        ctx.send_urgently(member, &Message::Retract(retract))?;
    }
    drop_application(ctx, me)?;
    withdraw(ctx, me)?;
    go_on(ctx)
}

/// Somebody takes its application back: it is an applicant no more, and may come in no more for being one.
pub(super) fn retracted(ctx: &mut Context<'_>, party: PartyId, retract: Retract) -> Handled<Bytes> {
    let ours = position(ctx.txn)?.is_some_and(|ours| ours.federation == retract.federation);
    if !ours || application(ctx.txn, party)?.is_none() {
        return Ok(Bytes::default());
    }
    drop_application(ctx, party)?;
    withdraw(ctx, party)?;
    if directory::standing(ctx.txn, party, ctx.now)? == Some(Standing::Applicant) {
        directory::clear_standing(ctx.txn, party)?;
    }
    go_on(ctx)?;
    Ok(Bytes::default())
}

pub(super) fn admit(ctx: &mut Context<'_>, party: PartyId, although_alike: bool) -> Handled<()> {
    let view = require_member(ctx)?;
    if is_expelled(ctx.txn, party)? {
        return refuse(members::Reason::Expelled);
    }
    let Some(application) = application(ctx.txn, party)? else {
        let relay = directory::card(ctx.txn, party)?.is_some_and(|card| card.role == Role::Patient);
        return match view.member(party) {
            Some(_) => refuse(Reason::MemberAlready),
            None if relay => refuse(Reason::ApplicantIsRelay),
            None => refuse(Reason::NoApplicant),
        };
    };
    not_in_two_hands(ctx, party)?;
    // What no view can take is better said now than never sealed.
    view.successor(&Change { admitted: vec![application.clone()], ..Change::default() })?;
    let alike = looking_like(&view, &application.claims().member).into_iter().next();
    if let Some(member) = alike.filter(|_| !although_alike) {
        return refuse(Reason::LooksLike { member });
    }
    sponsor(ctx, &application)?;
    fits(ctx)?;
    go_on(ctx)
}

pub(super) fn expel(ctx: &mut Context<'_>, party: PartyId, reason: String) -> Handled<()> {
    let view = require_member(ctx)?;
    if reason.len() > limits::REASON_BYTES_MAX {
        return refuse(Reason::WordsTooLong { most: limits::REASON_BYTES_MAX });
    }
    if party == ctx.own.party() {
        return refuse(Reason::ExpelsItself);
    }
    if view.is_expelled(party) {
        return refuse(members::Reason::Expelled);
    }
    let known = super::tables::voted(ctx.txn)?.into_iter().any(|one| one.party == party);
    if known {
        return refuse(Reason::VotedAlready);
    }
    vote(ctx, &Expulsion { party, reason })?;
    fits(ctx)?;
    go_on(ctx)?;
    if is_expelled(ctx.txn, party)? {
        // Nothing is sent to it any more; a greeting lets it ask, and hear why nobody answers.
        ctx.effects.push(Effect::Greet { to: party });
    }
    Ok(())
}

/// A ballot has its bounds, and what is wanted must fit it.
fn fits(ctx: &Context<'_>) -> Handled<()> {
    let (admit, expel) = (super::tables::sponsored(ctx.txn)?, super::tables::voted(ctx.txn)?);
    let bytes = admit.to_bytes().len() + expel.to_bytes().len();
    let most = limits::BALLOT_WISHES_MAX;
    // Beside them a ballot has some two hundred bytes.
    if admit.len() > most || expel.len() > most || bytes > limits::BALLOT_BYTES_MAX - 512 {
        return refuse(Reason::TooManyWishes { most });
    }
    Ok(())
}

pub(super) fn take_back(ctx: &mut Context<'_>, party: PartyId) -> Handled<()> {
    require_member(ctx)?;
    if !withdraw(ctx, party)? {
        return refuse(Reason::NothingWanted);
    }
    go_on(ctx)
}

pub(super) fn threshold(ctx: &mut Context<'_>, threshold: u16) -> Handled<()> {
    require_member(ctx)?;
    if !(limits::THRESHOLD_MIN..=limits::THRESHOLD_MAX).contains(&threshold) {
        return refuse(Reason::SponsorsOutOfBounds {
            least: limits::THRESHOLD_MIN,
            most: limits::THRESHOLD_MAX,
        });
    }
    let row = WishRow { threshold: Some(threshold), ..wish(ctx.txn)? };
    put_wish(ctx, &row)?;
    go_on(ctx)
}

pub(super) fn leave(ctx: &mut Context<'_>) -> Handled<()> {
    let view = require_member(ctx)?;
    if view.members.len() == 1 {
        return start_over(ctx);
    }
    let row = WishRow { leave: true, ..wish(ctx.txn)? };
    put_wish(ctx, &row)?;
    go_on(ctx)
}

/// Another name, which the members must sponsor like an admission.
pub(super) fn rename(ctx: &mut Context<'_>, name: String) -> Handled<()> {
    let view = require_member(ctx)?;
    if !names::can_be_named(&name) {
        return refuse(Reason::NameOutOfBounds);
    }
    let member = myself(ctx.own, name);
    let application = Application { federation: view.federation, member, issued: ctx.now };
    let application = Signed::sign(application, ctx.own.institution_key()).to_unverified();
    put_application(ctx, ctx.own.party(), &application)?;
    sponsor(ctx, &application)?;
    tell_applicant(ctx, &members(ctx.txn)?, &application)?;
    go_on(ctx)
}

pub(super) fn choose(ctx: &mut Context<'_>, successor: ViewId) -> Handled<()> {
    choose_successor(ctx, successor)?;
    go_on(ctx)
}
