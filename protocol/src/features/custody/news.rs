//! What was taken back, heard in time: the relay says each half day, while it is awake, that nothing was; and whoever uses a
//! permission with old news asks those whom it names.
//!
//! ```text
//!  relay ── every 12 hours: keys, without a ring ──> contacts
//!  holder, reader ── a permission, old news: ask-news ──> relay, and whom the permission names ──> newer news, or nothing
//! ```

use super::wire::{AskNews, Keys, Message};
use crate::capability::Chain;
use crate::codec::{Bytes, Wire};
use crate::contacts;
use crate::directory;
use crate::id::PartyId;
use crate::limits;
use crate::outbox;
use crate::patients;
use crate::permission;
use crate::refusal::{Handled, Refusal};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table};
use crate::time::{HOUR_MS, MINUTE_MS, Timestamp};
use crate::turn::{Context, Effect};
use std::collections::BTreeSet;

/// Patient -> when news was asked for last.
const ASKED: Table = Table::rows("news_asked");
/// At a relay, one row: when its contacts were told last.
const TOLD: Table = Table::rows("news_told");

/// Asks for news of a permission's patient, unless that was done a moment ago: nothing waits for the answer.
pub(crate) fn ask(ctx: &mut Context<'_>, chain: &Chain) -> Handled<()> {
    let leaf = chain.leaf().claims();
    let patient = leaf.subject;
    let pause = limits::NEWS_ASKED_MINUTES * MINUTE_MS;
    let asked = rows::get::<Timestamp>(ctx.txn, ASKED, &patient.0)?;
    if asked.is_some_and(|asked| ctx.now < asked.plus_ms(pause))
        || patients::serves(ctx.txn, patient)?
    {
        return Ok(());
    }
    rows::put(ctx.txn, ASKED, &patient.0, &ctx.now)?;
    let holders = leaf.audience.iter().flat_map(|holders| holders.as_slice()).copied();
    let named: BTreeSet<PartyId> = permission::through(chain).into_iter().chain(holders).collect();
    let relay = directory::relay_of(ctx.txn, patient)?;
    let named = named.into_iter().filter(|party| Some(*party) != relay);
    let since = permission::revocations(ctx.txn, patient)?.issued;
    let message = Message::AskNews(AskNews { chain: chain.clone(), since });
    for party in relay.into_iter().chain(named.take(limits::NEWS_ASKED_MAX)) {
        // Whoever takes nothing at present has what was asked before still to come.
        if party != ctx.own.party() && outbox::depth(ctx.txn, party)? == 0 {
            ctx.send_if_room(party, &message)?;
        }
    }
    Ok(())
}

/// Somebody asks: whoever has a permission that the patient signed may know what was taken back.
pub(super) fn answer(ctx: &mut Context<'_>, to: PartyId, ask: &AskNews) -> Handled<Bytes> {
    let first = &ask.chain.links()[0];
    let patient = first.claims().subject;
    let Some(known) = directory::keys(ctx.txn, patient)? else { return Ok(Bytes::default()) };
    let signed = first.claims().issuer == patient
        && known.key(first.claims().key).is_some_and(|key| first.check(&key).is_ok());
    let serves = patients::serves(ctx.txn, patient)?;
    let newer = serves || permission::revocations(ctx.txn, patient)?.issued > ask.since;
    // Whether the patient is known here is not told to others.
    if !signed || !newer {
        return Ok(Bytes::default());
    }
    let news = permission::news(ctx, patient, to)?;
    let keys =
        Keys { log: known.log().clone(), ring: None, news, compartments: vec![], treats: None };
    Ok(Bytes(keys.to_bytes()))
}

/// An answer came. It proves itself, whoever gave it.
pub(super) fn answered(
    ctx: &mut Context<'_>,
    ask: &AskNews,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    let patient = ask.chain.leaf().claims().subject;
    let Ok(answer) = result else { return Ok(()) };
    let Ok(keys) = Keys::from_bytes(&answer.0, limits::RESPONSE_BYTES_MAX) else { return Ok(()) };
    if keys.log.party_unverified() != patient || directory::keys(ctx.txn, patient)?.is_none() {
        return Ok(());
    }
    let known = directory::learn_keys(ctx.txn, keys.log)?;
    permission::learn_news(ctx, keys.news, &known)
}

/// At a relay: tells all who deal with its patients that it is awake, and what counts now.
pub(super) fn tick(ctx: &mut Context<'_>) -> Handled<()> {
    let Some(due) = next_due(ctx.txn)? else { return Ok(()) };
    if ctx.now < due {
        ctx.effects.push(Effect::WakeAt(due));
        return Ok(());
    }
    rows::put(ctx.txn, TOLD, &[], &ctx.now)?;
    for patient in patients::all(ctx.txn)? {
        tell_contacts(ctx, patient)?;
    }
    ctx.effects.push(Effect::WakeAt(ctx.now.plus_ms(limits::FRESHNESS_HOURS * HOUR_MS)));
    Ok(())
}

/// At a relay: from its first patient on.
pub(super) fn begin(ctx: &mut Context<'_>) -> Result<(), StoreError> {
    if rows::get::<Timestamp>(ctx.txn, TOLD, &[])?.is_none() {
        rows::put(ctx.txn, TOLD, &[], &ctx.now)?;
        ctx.effects.push(Effect::WakeAt(ctx.now.plus_ms(limits::FRESHNESS_HOURS * HOUR_MS)));
    }
    Ok(())
}

fn tell_contacts(ctx: &mut Context<'_>, patient: PartyId) -> Handled<()> {
    let Some(known) = directory::keys(ctx.txn, patient)? else { return Ok(()) };
    for contact in contacts::contacts(ctx.txn, patient)? {
        // For one that is off, what waits already would be old when it comes; the next one is for it.
        if outbox::depth(ctx.txn, contact)? > 0 {
            continue;
        }
        let news = permission::news(ctx, patient, contact)?;
        let keys =
            Keys { log: known.log().clone(), ring: None, news, compartments: vec![], treats: None };
        ctx.send_if_room(contact, &Message::Keys(keys))?;
    }
    Ok(())
}

/// When a relay's contacts are to be told; none where there are no patients.
pub(super) fn next_due(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<Timestamp>, StoreError> {
    if !patients::any(txn)? {
        return Ok(None);
    }
    let told = rows::get::<Timestamp>(txn, TOLD, &[])?;
    Ok(Some(told.map_or(Timestamp(0), |told| told.plus_ms(limits::FRESHNESS_HOURS * HOUR_MS))))
}
