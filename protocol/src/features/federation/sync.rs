//! What others say: where they stand, what was said there, and the seals that lead on.

use super::reasons::Reason;
use super::sealing::{go_on, go_on_from, noticed_keys, push, signer};
use super::tables::{
    SentRow, followed, forget as forget_tables, has_answered, may_ask, put_followed, put_sent, sent,
};
use super::wire::{CatchUp, ExpulsionProof, Follow, Gossip, GossipAnswer, HowFar, Message, answer};
use crate::codec::{Bytes, Wire};
use crate::directory::{self, Standing};
use crate::id::PartyId;
use crate::identity::Role;
use crate::limits;
use crate::members::{
    self, Followed, Here, Item, begin, follow, forget, here, is_expelled, leads_on, newest,
    position,
};
use crate::membership::{Ballot, Report, Standpoint, Unsaid};
use crate::refusal::{Failure, Handled, Refusal, refuse};
use crate::statement::Unverified;
use crate::store::StoreError;
use crate::turn::{Context, Effect, Sender};
use std::collections::BTreeMap;

/// Handles what was said in a view.
pub(super) fn told(ctx: &mut Context<'_>, sender: &Sender, mut told: Gossip) -> Handled<Bytes> {
    let from = sender.institution;
    let theirs = told.position;
    let mut moved = false;
    for seal in core::mem::take(&mut told.seals) {
        match follow(ctx, &seal)? {
            Followed::Moved => moved = true,
            Followed::Known => {}
            // Whoever sends one that does not hold is not looked at further.
            Followed::Forked | Followed::Not => break,
        }
    }
    if moved {
        go_on_from(ctx, true)?;
    }
    if let Some(mut here) = here(ctx.own, ctx.txn)?
        && here.view().position() == theirs
    {
        if sender.member && take_in(ctx, &mut here, told)? {
            here.save(ctx)?;
            go_on(ctx)?;
        }
        // It may have come here by another's word, and not have heard what was said here before.
        if let Some(here) = self::here(ctx.own, ctx.txn)?.filter(|_| sender.member) {
            push(ctx, &here, from)?;
        }
    } else {
        stands_at(ctx, from, theirs)?;
    }
    Ok(answer(&GossipAnswer { position: position(ctx.txn)? }))
}

/// Takes in what is new here; gives whether anything was. Nobody passes on what it did not check itself: whoever sends
/// something that does not hold is not looked at further, and so its message costs one check in vain.
fn take_in(ctx: &mut Context<'_>, here: &mut Here, told: Gossip) -> Handled<bool> {
    let mut new = false;
    match take_each(ctx, here, told, &mut new)? {
        Ok(()) => {}
        Err(why) => tracing::info!(%why, "what was said in the federation was not taken further"),
    }
    Ok(new)
}

fn take_each(
    ctx: &mut Context<'_>,
    here: &mut Here,
    told: Gossip,
    new: &mut bool,
) -> Handled<Result<(), Unsaid>> {
    if let Some(left) = told.left {
        match here.part.hear_left(left) {
            Ok(went) => *new |= went,
            Err(why) => return Ok(Err(why)),
        }
    }
    let mut newest: BTreeMap<PartyId, Unverified<Ballot>> = BTreeMap::new();
    for ballot in told.ballots {
        let rank = |one: &Unverified<Ballot>| (one.claims().number, core::cmp::Reverse(one.id()));
        let known = newest.get(&ballot.claims().author);
        if known.is_none_or(|known| rank(known) < rank(&ballot)) {
            newest.insert(ballot.claims().author, ballot);
        }
    }
    for ballot in newest.into_values() {
        match here.hear_ballot(ctx, ballot)? {
            Ok(taken) => *new |= taken,
            Err(why) => return Ok(Err(why)),
        }
    }
    for speech in told.speeches {
        match here.part.hear_speech(speech.clone()) {
            Ok(true) => {
                here.add(ctx, Item::Speech(speech))?;
                *new = true;
            }
            // Whoever is some rounds on has others.
            Ok(false) | Err(Unsaid::OtherRound) => {}
            Err(why) => return Ok(Err(why)),
        }
    }
    for word in told.words {
        match here.part.hear(&word) {
            Ok(true) => {
                here.add(ctx, Item::Word(word))?;
                *new = true;
            }
            Ok(false) | Err(Unsaid::OtherRound) => {}
            Err(why) => return Ok(Err(why)),
        }
    }
    Ok(Ok(()))
}

/// Our word was heard: what came up meanwhile follows.
pub(super) fn told_answered(
    ctx: &mut Context<'_>,
    to: PartyId,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    let mut row = sent(ctx.txn, to)?;
    row.under_way = false;
    let heard = result.ok().and_then(|bytes| {
        GossipAnswer::from_bytes(&bytes.0, limits::REQUEST_BYTES_MAX).ok()?.position
    });
    let (Some(theirs), Some(here)) = (heard, here(ctx.own, ctx.txn)?) else {
        return Ok(put_sent(ctx, to, &row)?);
    };
    let ours = here.view().position();
    if theirs != ours {
        // It could make nothing of what was said here: it is to hear it once it has followed.
        row.up_to = 0;
        put_sent(ctx, to, &row)?;
        return stands_at(ctx, to, theirs);
    }
    put_sent(ctx, to, &row)?;
    push(ctx, &here, to)
}

/// Somebody told where it stands: if that is further on, it is asked for the seals.
fn stands_at(ctx: &mut Context<'_>, party: PartyId, theirs: Standpoint) -> Handled<()> {
    let Some(ours) = position(ctx.txn)? else { return Ok(()) };
    if theirs.federation != ours.federation {
        return match may_move(ctx, party)? {
            true => ask(ctx, party, CatchUp { position: Some(theirs), whole: true }),
            false => Ok(()),
        };
    }
    if theirs.number > ours.number || (theirs.number == ours.number && theirs != ours) {
        return ask(ctx, party, CatchUp { position: Some(ours), whole: false });
    }
    Ok(())
}

/// Whether a relay goes with a hospital of its patients to another federation: one whose own is so small that only
/// founding anew, or joining another, was left to it, while no other hospital of the patients stays behind; or whom its
/// operator said to follow. Nothing of a patient is tied to the federation.
fn may_move(ctx: &Context<'_>, party: PartyId) -> Handled<bool> {
    let Some(view) = newest(ctx.txn)? else { return Ok(false) };
    let is_host = |party| -> Handled<bool> {
        Ok(directory::standing(ctx.txn, party, ctx.now)? == Some(Standing::Host))
    };
    if ctx.own.role() != Role::Patient || !is_host(party)? {
        return Ok(false);
    }
    if followed(ctx.txn)? == Some(party) {
        return Ok(true);
    }
    let small = view.members.len() <= limits::LEFT_TOGETHER_MAX;
    if !small || view.member(party).is_none() {
        return Ok(false);
    }
    for other in view.members.iter().map(|member| member.party) {
        if other != party && is_host(other)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// At a relay, on its operator's word: goes with a hospital of its patients to where that stands.
pub(super) fn follow_hospital(ctx: &mut Context<'_>, party: PartyId) -> Handled<()> {
    ctx.own.require(Role::Patient)?;
    if directory::standing(ctx.txn, party, ctx.now)? != Some(Standing::Host) {
        return refuse(Reason::NoHospitalOfOurs);
    }
    put_followed(ctx, party)?;
    has_answered(ctx, party)?;
    ctx.effects.push(Effect::Greet { to: party });
    Ok(())
}

fn ask(ctx: &mut Context<'_>, to: PartyId, question: CatchUp) -> Handled<()> {
    if may_ask(ctx, to)? {
        ctx.send_if_room(to, &Message::CatchUp(question))?;
    }
    Ok(())
}

/// Answers what another lacks.
pub(super) fn catch_up(ctx: &mut Context<'_>, from: PartyId, question: &CatchUp) -> Handled<Bytes> {
    let Some(ours) = position(ctx.txn)? else { return refuse(members::Reason::InNone) };
    let since = question.position.unwrap_or(ours);
    let follow = leads_on(ctx, &since, question.whole)?;
    if !follow.more && since.number < ours.number {
        // What was said before it came here is said again.
        let row = SentRow { up_to: 0, ..sent(ctx.txn, from)? };
        put_sent(ctx, from, &row)?;
        if let Some(here) = here(ctx.own, ctx.txn)? {
            push(ctx, &here, from)?;
        }
    }
    Ok(answer(&follow))
}

/// What came of our question for seals.
pub(super) fn caught_up(
    ctx: &mut Context<'_>,
    from: PartyId,
    question: &CatchUp,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    let Ok(bytes) = result else { return Ok(()) };
    let Ok(follow) = Follow::from_bytes(&bytes.0, limits::RESPONSE_BYTES_MAX) else {
        return refuse(Reason::AnswerMalformed);
    };
    if question.whole {
        let Some(anchor) = question.position else { return Ok(()) };
        if !may_move(ctx, from)? {
            return Ok(());
        }
        forget(ctx)?;
        forget_tables(ctx)?;
        return begin_with(ctx, from, follow, anchor);
    }
    take(ctx, from, follow, false)
}

/// Takes up a federation at an anchor. [FED-6]
pub(super) fn begin_with(
    ctx: &mut Context<'_>,
    from: PartyId,
    mut brought: Follow,
    anchor: Standpoint,
) -> Handled<()> {
    let (Some(charter), Some(view)) = (brought.charter.take(), brought.view.take()) else {
        return refuse(Reason::AnswerMalformed);
    };
    let (charter, view) = (charter.found()?, view.check()?);
    if anchor != view.position() {
        return refuse(Reason::OtherAnchor);
    }
    begin(ctx, &charter, &view)?;
    take(ctx, from, brought, true)
}

/// Takes in what leads on from here; `anew`: to a federation that this node has just taken up.
fn take(ctx: &mut Context<'_>, from: PartyId, brought: Follow, anew: bool) -> Handled<()> {
    let before = position(ctx.txn)?;
    for seal in &brought.seals {
        follow(ctx, seal)?;
    }
    // Whoever comes in as a member had a store before this one, and has signed what is not here.
    if anew && members::is_member(ctx.txn, ctx.own.party())? {
        members::lose(ctx.txn)?;
    }
    let member = |party: PartyId, ctx: &Context<'_>| members::is_member(ctx.txn, party);
    for introduction in brought.parties {
        let party = introduction.keys.party_unverified();
        if party != ctx.own.party() && member(party, ctx)? {
            directory::hear_of(ctx, introduction)?;
        }
    }
    let now = position(ctx.txn)?;
    // Who says that it is further on and brings nothing is not asked again so soon: two could go on so for ever.
    if now != before {
        has_answered(ctx, from)?;
    }
    if brought.more && now != before {
        return ask(ctx, from, CatchUp { position: now, whole: false });
    }
    go_on_from(ctx, now != before)
}

/// Somebody said `hello`: where it stands, and its key log.
pub(crate) fn greeted(
    ctx: &mut Context<'_>,
    party: PartyId,
    theirs: Option<Standpoint>,
) -> Handled<()> {
    let rotated = noticed_keys(ctx, party)?;
    if let Some(theirs) = theirs {
        stands_at(ctx, party, theirs)?;
    }
    if rotated {
        return go_on(ctx);
    }
    let Some(here) = here(ctx.own, ctx.txn)? else { return Ok(()) };
    let is_ours = here.view().member(ctx.own.party()).is_some();
    // What it missed while it was away it is told now.
    if is_ours && theirs == Some(here.view().position()) && here.view().member(party).is_some() {
        return push(ctx, &here, party);
    }
    Ok(())
}

/// Takes over how a hospital's federation stands, for a relay that enrolled there. One that does not hold, or is of
/// another federation than the one that this node follows already, is of no use and spoils nothing.
pub(crate) fn learn_snapshot(
    ctx: &mut Context<'_>,
    from: PartyId,
    snapshot: &Bytes,
    anchor: Standpoint,
) -> Result<(), StoreError> {
    if position(ctx.txn)?.is_some() {
        return Ok(());
    }
    let taken = match Follow::from_bytes(&snapshot.0, limits::RESPONSE_BYTES_MAX) {
        Ok(brought) => begin_with(ctx, from, brought, anchor),
        Err(why) => refuse(Reason::SnapshotMalformed { why }),
    };
    match taken {
        Ok(()) => Ok(()),
        Err(Failure::Refused(refusal)) => {
            tracing::warn!(reason = refusal.name(), "a federation was not taken over");
            Ok(())
        }
        Err(Failure::Store(error)) => Err(error),
    }
}

/// Tells a member that was put back from a copy how far this one is. [FED-17]
pub(super) fn how_far(ctx: &mut Context<'_>, from: PartyId, question: &HowFar) -> Handled<Bytes> {
    let Some(mut here) = here(ctx.own, ctx.txn)? else { return Ok(Bytes::default()) };
    let asker = here.view().place_of(from).filter(|_| here.view().id() == question.view);
    let Some(asker) = asker else { return Ok(Bytes::default()) };
    let Some(key) = signer(ctx, here.view()) else { return Ok(Bytes::default()) };
    let report = here.part.report(question.nonce, asker, question.go_on_to, &key);
    here.save(ctx)?;
    go_on(ctx)?;
    Ok(report.map_or_else(Bytes::default, |report| Bytes(report.bytes().to_vec())))
}

/// Another member reported how far it is.
pub(super) fn reported(ctx: &mut Context<'_>, result: Result<Bytes, Refusal>) -> Handled<()> {
    let (Ok(bytes), Some(mut here)) = (result, here(ctx.own, ctx.txn)?) else { return Ok(()) };
    let Ok(report) = Unverified::<Report>::parse(&bytes.0) else { return Ok(()) };
    if here.part.hear_report(report).is_ok() {
        here.save(ctx)?;
        go_on(ctx)?;
    }
    Ok(())
}

/// The next seal that an expelled party lacks in order to see that it was expelled. [FED-22]
pub(crate) fn proof(
    ctx: &Context<'_>,
    theirs: Option<Standpoint>,
) -> Handled<Option<ExpulsionProof>> {
    let (Some(theirs), Some(ours)) = (theirs, position(ctx.txn)?) else { return Ok(None) };
    if theirs.federation != ours.federation {
        return Ok(None);
    }
    let (seals, _) = members::seals_since(ctx.txn, theirs.number, 0)?;
    let more = ours.number > theirs.number.saturating_add(1);
    Ok(seals.into_iter().next().map(|seal| ExpulsionProof { seal, more }))
}

/// Takes in such a seal; gives whether another `hello` would bring more.
pub(crate) fn told_expelled(ctx: &mut Context<'_>, proof: &ExpulsionProof) -> Handled<bool> {
    let moved = follow(ctx, &proof.seal)? == Followed::Moved;
    Ok(moved && proof.more && !is_expelled(ctx.txn, ctx.own.party())?)
}
