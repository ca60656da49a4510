//! What this member does in its view: its ballot, its part in sealing, and telling the others.

use super::tables::{
    SentRow, WishRow, applications, asked_how_far, drop_application, is_marked_rotated,
    mark_rotated, pulsed, put_asked_how_far, put_pulsed, put_sent, put_wish, rotated, sent,
    sponsored, voted, wish, withdraw,
};
use super::wire::{Applicant, Gossip, HowFar, Message};
use crate::codec::Wire;
use crate::crypto::SigningKey;
use crate::directory;
use crate::id::PartyId;
use crate::limits;
use crate::members::{Followed, Here, Item, follow, here, is_expelled, is_member, seals_since};
use crate::membership::{
    Application, Ballot, Change, CheckedView, Moment, Rotations, Said, Seal, Standpoint,
};
use crate::outbox;
use crate::refusal::Handled;
use crate::statement::{Signed, Unverified};
use crate::store::StoreError;
use crate::time::{DAY_MS, Timestamp};
use crate::turn::{Context, Effect};
use std::collections::BTreeSet;

/// Does whatever this member can do now, and tells the others what is new.
pub(super) fn go_on(ctx: &mut Context<'_>) -> Handled<()> {
    go_on_from(ctx, false)
}

/// The same; `moved`: another view is the newest by now.
pub(super) fn go_on_from(ctx: &mut Context<'_>, mut moved: bool) -> Handled<()> {
    loop {
        let Some(mut here) = here(ctx.own, ctx.txn)? else { return Ok(()) };
        drop_decided(ctx, here.view())?;
        let held = here.tell_held(ctx)?;
        ctx.effects.extend(held.map(Effect::WakeAt));
        if let Some(key) = signer(ctx, here.view()) {
            act(ctx, &mut here, &key)?;
        }
        match here.part.seal() {
            Some(seal) if follow(ctx, &seal)? == Followed::Moved => {
                greet_gone(ctx, &here, &seal);
                moved = true;
            }
            _ => {
                ctx.effects.extend(here.part.due().map(Effect::WakeAt));
                ask_how_far(ctx, &mut here)?;
                if here.view().member(ctx.own.party()).is_some() {
                    let pulse = next_pulse(ctx)?.max(ctx.now.plus_ms(1));
                    ctx.effects.push(Effect::WakeAt(pulse));
                }
                return push_all(ctx, &here, moved);
            }
        }
    }
}

/// Whoever was put out, or let go, is greeted by the speaker: nothing is sent to it any more, and so it asks, and hears why.
fn greet_gone(ctx: &mut Context<'_>, here: &Here, seal: &Seal) {
    let view = here.view();
    if view.place_of(ctx.own.party()) != Some(view.speaker(seal.round)) {
        return;
    }
    let expelled = seal.change.expelled.iter().map(|one| one.party);
    for to in
        expelled.chain(seal.change.left.iter().copied()).filter(|party| *party != ctx.own.party())
    {
        ctx.effects.push(Effect::Greet { to });
    }
}

/// Applications that were decided on are of no more use.
fn drop_decided(ctx: &mut Context<'_>, view: &CheckedView) -> Handled<()> {
    let mut came = Vec::new();
    for row in applications(ctx.txn)? {
        let member = &row.application.claims().member;
        let is_in = view.member(member.party) == Some(member);
        if is_in || view.is_expelled(member.party) {
            drop_application(ctx, member.party)?;
        }
        came.extend(is_in.then_some(member.party));
        // It applied here, knows nobody else yet, and may not be among those whom this member tells on.
        if is_in && row.by == member.party {
            ctx.effects.push(Effect::Greet { to: member.party });
        }
    }
    if came.is_empty() {
        return Ok(());
    }
    // Whoever has come in hears of those who applied before, from those with whom they did.
    for row in applications(ctx.txn)? {
        if row.by == row.application.claims().member.party {
            tell_applicant(ctx, &came, &row.application)?;
        }
    }
    Ok(())
}

/// Tells members of an applicant, or of a member that wants to be called otherwise.
pub(super) fn tell_applicant(
    ctx: &mut Context<'_>,
    to: &[PartyId],
    application: &Unverified<Application>,
) -> Handled<()> {
    let party = application.claims().member.party;
    let Some(introduction) = directory::introduction(ctx.txn, party)? else {
        return Ok(());
    };
    for member in to.iter().filter(|member| **member != ctx.own.party() && **member != party) {
        let (party, application) = (introduction.clone(), application.clone());
        ctx.send_if_room(*member, &Message::Applicant(Applicant { party, application }))?;
    }
    Ok(())
}

/// The key that the view lists for this institution, if it is here: it alone signs this member's part in the view, also
/// when the institution has a newer one by now.
pub(super) fn signer(ctx: &Context<'_>, view: &CheckedView) -> Option<SigningKey> {
    ctx.own.key_in_view(&view.member(ctx.own.party())?.key)
}

fn act(ctx: &mut Context<'_>, here: &mut Here, key: &SigningKey) -> Handled<()> {
    if let Some(ballot) = ballot(ctx, here, key)? {
        here.put_ballot(ctx, ballot)?;
    }
    let rotations = rotations(ctx, here.view())?;
    let said = with_moment(ctx, here, &rotations, key, |here, moment| here.part.step(moment));
    keep(ctx, here, said)
}

fn keep(ctx: &mut Context<'_>, here: &mut Here, said: Vec<Said>) -> Handled<()> {
    for said in said {
        let item = match said {
            Said::Speech(speech) => Item::Speech(speech.to_unverified()),
            Said::Word(word) => Item::Word(word),
        };
        here.add(ctx, item)?;
    }
    Ok(here.save(ctx)?)
}

fn with_moment<T>(
    ctx: &Context<'_>,
    here: &mut Here,
    rotations: &Rotations,
    key: &SigningKey,
    act: impl FnOnce(&mut Here, &Moment<'_>) -> T,
) -> T {
    let (ballots, pulses) = (here.ballots.clone(), here.part.pulses().clone());
    let steady = here.steady(ctx.now);
    let (now, since) = (ctx.now, here.since);
    let me = here.view().place_of(ctx.own.party());
    let silent = |place: u16| {
        if Some(place) == me {
            return false;
        }
        let heard = pulses.get(&place).map_or(since, |(at, _)| (*at).max(since));
        now.since(heard) > DAY_MS
    };
    act(here, &Moment { now, ballots: &ballots, steady: &steady, rotations, silent: &silent, key })
}

/// Members whose key log is known to go on from where the view knows it.
fn rotations(ctx: &mut Context<'_>, view: &CheckedView) -> Handled<Rotations> {
    let mut rotations = Rotations::new();
    for party in rotated(ctx.txn)? {
        let (Some(member), Some(keys)) = (view.member(party), directory::keys(ctx.txn, party)?)
        else {
            mark_rotated(ctx, party, false)?;
            continue;
        };
        let since = keys.log().rotations.get(member.number as usize..).unwrap_or_default();
        if since.is_empty() {
            mark_rotated(ctx, party, false)?;
        } else {
            rotations.insert(party, since.to_vec());
        }
    }
    Ok(rotations)
}

/// Somebody's key log was shown: its newer keys go into the next view.
pub(super) fn noticed_keys(ctx: &mut Context<'_>, party: PartyId) -> Handled<bool> {
    let Some(member) = crate::members::member(ctx.txn, party)? else { return Ok(false) };
    let number = directory::keys(ctx.txn, party)?.map(|keys| keys.current_number());
    let newer = number.is_some_and(|number| number > member.number);
    if newer {
        mark_rotated(ctx, party, true)?;
    }
    Ok(newer)
}

/// This institution's ballot, if it says something else than the one that stands. What has come about, or can never come
/// about, is wanted no more.
fn ballot(ctx: &mut Context<'_>, here: &Here, key: &SigningKey) -> Handled<Option<Signed<Ballot>>> {
    let (view, author) = (here.view(), ctx.own.party());
    let mut admit = Vec::new();
    for application in sponsored(ctx.txn)? {
        let party = application.claims().member.party;
        let alone = Change { admitted: vec![application.clone()], ..Change::default() };
        if view.successor(&alone).is_ok() {
            admit.push(application);
        } else {
            withdraw(ctx, party)?;
            drop_application(ctx, party)?;
        }
    }
    let mut expel = Vec::new();
    for expulsion in voted(ctx.txn)? {
        match view.is_expelled(expulsion.party) {
            true => {
                withdraw(ctx, expulsion.party)?;
            }
            false => expel.push(expulsion),
        }
    }
    let WishRow { mut threshold, leave } = wish(ctx.txn)?;
    if threshold == Some(view.threshold) {
        threshold = None;
        put_wish(ctx, &WishRow { threshold, leave })?;
    }
    let standing = here.ballot_of(author);
    let number = standing.map_or(0, |ballot| ballot.number);
    let ballot = Ballot { view: view.id(), author, number, admit, expel, threshold, leave };
    let says = !ballot.admit.is_empty() || !ballot.expel.is_empty() || threshold.is_some() || leave;
    let same = match standing {
        Some(standing) => **standing == ballot,
        None => !says,
    };
    if same {
        return Ok(None);
    }
    let ballot = Ballot { number: number.saturating_add(1), ..ballot };
    Ok(Some(Signed::sign(ballot, key)))
}

/// Time passed: waits may be over, and a pulse is due.
pub(super) fn tick(ctx: &mut Context<'_>) -> Handled<()> {
    if !is_member(ctx.txn, ctx.own.party())? {
        return Ok(());
    }
    let waited = crate::members::due(ctx.txn)?.is_some_and(|due| due <= ctx.now);
    let beats = next_pulse(ctx)? <= ctx.now;
    let rotated = has_rotated(ctx)?;
    if !waited && !beats && !rotated {
        return Ok(());
    }
    let Some(mut here) = here(ctx.own, ctx.txn)? else { return Ok(()) };
    if beats {
        put_pulsed(ctx)?;
    }
    if beats
        && here.view().members.len() > 1
        && let Some(key) = signer(ctx, here.view())
    {
        let none = Rotations::new();
        let said = with_moment(ctx, &mut here, &none, &key, |here, moment| here.part.pulse(moment));
        keep(ctx, &mut here, said.into_iter().collect())?;
    }
    go_on(ctx)
}

/// Whether this institution came back with a newer key than the view lists: nobody tells it that, it sees to it itself.
fn has_rotated(ctx: &mut Context<'_>) -> Handled<bool> {
    let me = ctx.own.party();
    Ok(!is_marked_rotated(ctx.txn, me)? && noticed_keys(ctx, me)?)
}

/// When a wait is over, or a pulse is due.
pub(super) fn next_due(txn: &dyn crate::store::ReadTxn) -> Result<Option<Timestamp>, StoreError> {
    let pulse = pulsed(txn)?.map(|at| at.plus_ms(limits::PULSE_MS));
    Ok(pulse.into_iter().chain(crate::members::due(txn)?).min())
}

fn next_pulse(ctx: &Context<'_>) -> Result<Timestamp, StoreError> {
    Ok(pulsed(ctx.txn)?.map_or(ctx.now, |at| at.plus_ms(limits::PULSE_MS)))
}

/// Put back from a copy: asks the others how far they are, once a minute until it joined them. [FED-17]
fn ask_how_far(ctx: &mut Context<'_>, here: &mut Here) -> Handled<()> {
    if here.part.promises().copy.is_none() || here.view().member(ctx.own.party()).is_none() {
        return Ok(());
    }
    let again = asked_how_far(ctx.txn)?.map_or(ctx.now, |at| at.plus_ms(limits::HOW_FAR_MS));
    ctx.effects.push(Effect::WakeAt(again.max(ctx.now.plus_ms(limits::HOW_FAR_MS))));
    if again > ctx.now {
        return Ok(());
    }
    put_asked_how_far(ctx)?;
    let nonce = ctx.random();
    let Some(go_on_to) = here.part.ask(nonce) else { return Ok(()) };
    here.save(ctx)?;
    let view = here.view().id();
    for member in here.view().members.iter().map(|member| member.party).collect::<Vec<_>>() {
        if member != ctx.own.party() {
            let how_far = HowFar { view, nonce, go_on_to };
            ctx.send_if_room(member, &Message::HowFar(how_far))?;
        }
    }
    Ok(())
}

/// Tells everybody concerned what they were not told yet. [FED-21]
fn push_all(ctx: &mut Context<'_>, here: &Here, moved: bool) -> Handled<()> {
    let members: Vec<PartyId> = here.view().members.iter().map(|member| member.party).collect();
    let me = ctx.own.party();
    if members.binary_search(&me).is_err() {
        return Ok(());
    }
    let others = directory::dealing_with_us(ctx.txn)?.into_iter();
    let mut to: BTreeSet<PartyId> =
        others.filter(|party| members.binary_search(party).is_err()).collect();
    to.extend(told_on(&members, me));
    to.remove(&me);
    for party in to {
        if !is_expelled(ctx.txn, party)? {
            match members.binary_search(&party) {
                Ok(_) => push(ctx, here, party)?,
                Err(_) => tell_standpoint(ctx, here, party, moved)?,
            }
        }
    }
    Ok(())
}

/// Tells somebody who is no member where this one stands, with the seals since it was told last. Who was never told knows
/// it by `hello`, or from when it came in, until it changes.
fn tell_standpoint(ctx: &mut Context<'_>, here: &Here, to: PartyId, moved: bool) -> Handled<()> {
    let (row, view) = (sent(ctx.txn, to)?, here.view());
    let (federation, position) = (view.federation, view.position());
    let one_before = view.before.filter(|_| moved).map(|before| Standpoint {
        federation,
        number: view.number.saturating_sub(1),
        view: before,
    });
    let Some(told) = row.position.or(one_before).filter(|told| *told != position) else {
        return Ok(());
    };
    if row.under_way || !outbox::has_room(ctx.txn, to)? {
        return Ok(());
    }
    let mut gossip = Gossip::of(position);
    if told.federation == federation {
        (gossip.seals, _) = seals_since(ctx.txn, told.number, limits::TOLD_BYTES_MAX / 2)?;
    }
    ctx.send(to, &Message::Gossip(gossip))?;
    let row = SentRow { under_way: true, position: Some(position), ..row };
    Ok(put_sent(ctx, to, &row)?)
}

/// Whom a member tells: all while they are few; else those 1, 2, 4, ... places on in the view. Whoever is not reached by
/// one of them is reached by another, in as many steps as the number of members has bits; and `hello` brings what all of
/// them missed.
fn told_on(members: &[PartyId], me: PartyId) -> Vec<PartyId> {
    let others = members.len();
    if others <= limits::TOLD_ON_ALL_MAX {
        return members.to_vec();
    }
    let (Ok(place) | Err(place)) = members.binary_search(&me);
    (0..usize::BITS)
        .map_while(|power| 1_usize.checked_shl(power).filter(|distance| *distance < others))
        .map(|distance| members[(place + distance) % others])
        .collect()
}

/// Tells one party what it was not told yet, unless a message to it is on its way: then when that was answered.
pub(super) fn push(ctx: &mut Context<'_>, here: &Here, to: PartyId) -> Handled<()> {
    if here.view().member(to).is_none() {
        return tell_standpoint(ctx, here, to, false);
    }
    let row = sent(ctx.txn, to)?;
    if row.under_way || !outbox::has_room(ctx.txn, to)? {
        return Ok(());
    }
    let position = here.view().position();
    let mut gossip = Gossip::of(position);
    gossip.left = here.part.left().cloned();
    let (mut up_to, mut bytes, mut items) = (row.up_to, 0, 0);
    for (number, item) in here.said_since(row.up_to) {
        (bytes, items) = (bytes + item.to_bytes().len(), items + 1);
        if bytes > limits::TOLD_BYTES_MAX || items > limits::LIST_ITEMS_MAX {
            break;
        }
        up_to = number.saturating_add(1);
        match item {
            Item::Ballot(ballot) => gossip.ballots.push(ballot.clone()),
            Item::Speech(speech) => gossip.speeches.push(speech.clone()),
            Item::Word(word) => gossip.words.push(*word),
        }
    }
    if items == 0 && row.position == Some(position) {
        return Ok(());
    }
    ctx.send(to, &Message::Gossip(gossip))?;
    let row = SentRow { up_to, under_way: true, position: Some(position) };
    Ok(put_sent(ctx, to, &row)?)
}
