//! The patient's side: permit, narrow, refuse, defer.

use super::narrow::{Narrow, permitted_kinds, standing_until, valid_ms};
use super::reasons::Reason;
use super::sign::{Frame, seal, sign};
use super::tables::{RequestKind, RequestRow, put_request, request, request_view};
use super::view::RequestView;
use super::wire::{Decision, Message, RequestState, Wish};
use super::{compare, standing};
use crate::access_log::{self, Action};
use crate::capability::{Chain, Grant, GrantKeys, Operation, Scope};
use crate::contacts;
use crate::directory;
use crate::entries::{self, EntryRow, Manifest};
use crate::id::{ConsentId, EntryId, PartyId};
use crate::identity::{Card, Compartment, PatientKeys};
use crate::kind::Kind;
use crate::limits;
use crate::members;
use crate::object::DataKey;
use crate::patients;
use crate::permission::{self, GivenRow, GrantState, put_given};
use crate::refusal::{Handled, refuse};
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::turn::{Context, Effect, Notice};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// The patient's keys, if they are the ones that are unlocked.
pub(super) fn unlocked(patient: PartyId, keys: Option<&PatientKeys>) -> Handled<&PatientKeys> {
    match keys {
        Some(keys) if keys.patient == patient => Ok(keys),
        _ => refuse(patients::Reason::Locked { patient }),
    }
}

/// An entry that a patient opened in order to permit it.
pub(super) struct Chosen {
    pub(super) entry: EntryId,
    pub(super) key: DataKey,
    pub(super) holders: Vec<PartyId>,
}

/// The patient's entries that meet all of `wishes`.
pub(super) fn choose(
    ctx: &Context<'_>,
    keys: &PatientKeys,
    wishes: &[&Wish],
) -> Handled<Vec<Chosen>> {
    let mut chosen = Vec::new();
    for (entry, row) in candidates(ctx.txn, keys.patient, wishes)? {
        if row.wrap.is_none() {
            continue;
        }
        let Some((manifest, key)) = entries::opened_as_patient(ctx.txn, keys, &row)? else {
            continue;
        };
        if wishes.iter().all(|wish| meets(wish, &manifest)) {
            let holders = entries::holders(ctx.txn, keys.patient, entry)?;
            chosen.push(Chosen { entry, key, holders });
        }
    }
    Ok(chosen)
}

/// The entries that all of `wishes` name, in order; all of the record where none names any.
fn candidates(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    wishes: &[&Wish],
) -> Result<Vec<(EntryId, EntryRow)>, StoreError> {
    let mut naming = wishes.iter().filter(|wish| !wish.entries.is_empty());
    let Some(first) = naming.next() else {
        let all = entries::entries(txn, patient)?.into_iter();
        return Ok(all.map(|found| (found.entry, found.row)).collect());
    };
    let mut named: BTreeSet<EntryId> = first.entries.iter().copied().collect();
    for wish in naming {
        let also: BTreeSet<EntryId> = wish.entries.iter().copied().collect();
        named.retain(|entry| also.contains(entry));
    }
    let row = |entry| Ok(entries::entry(txn, patient, entry)?.map(|row| (entry, row)));
    named.into_iter().map(row).filter_map(Result::transpose).collect()
}

fn meets(wish: &Wish, manifest: &Manifest) -> bool {
    (wish.kinds.is_empty() || wish.kinds.contains(&manifest.kind))
        && wish.since.is_none_or(|since| manifest.effective >= since)
        && wish.until.is_none_or(|until| manifest.effective < until)
}

fn undecided(ctx: &Context<'_>, id: ConsentId) -> Handled<RequestRow> {
    let row = request(ctx.txn, id)?;
    if row.kind == RequestKind::Upload {
        return refuse(Reason::OwnOrder);
    }
    if row.expires <= ctx.now && matches!(row.state, RequestState::Open | RequestState::Deferred) {
        return refuse(Reason::RequestExpired);
    }
    match row.state {
        RequestState::Open | RequestState::Deferred => Ok(row),
        RequestState::Approved => refuse(Reason::IsApproved),
        RequestState::Refused => refuse(Reason::IsRefused),
        RequestState::Expired => refuse(Reason::IsExpired),
        RequestState::Ready => refuse(Reason::IsReady),
        RequestState::Done => refuse(Reason::IsDone),
        RequestState::Failed => refuse(Reason::IsFailed),
    }
}

/// Permits a request, whole or narrowed.
pub(super) fn approve(
    ctx: &mut Context<'_>,
    id: ConsentId,
    narrow: &Narrow,
    keys: Option<&PatientKeys>,
) -> Handled<RequestView> {
    let mut row = undecided(ctx, id)?;
    let keys = unlocked(row.patient, keys)?;
    let grantee = row.party.unwrap_or(row.asker);
    if members::is_expelled(ctx.txn, grantee)? {
        return refuse(members::Reason::Expelled);
    }
    let card = directory::card_to_seal_to(ctx.txn, grantee, ctx.now)?;
    let standing = standing_until(&row, narrow, ctx.now)?;
    let kinds = standing.map(|_| permitted_kinds(&row.wish, &narrow.wish)).transpose()?;
    let (chosen, named, holding) = match &kinds {
        // It gives compartments, and of which kind each is stands beside it: no entry is opened for it.
        Some(kinds) => {
            let compartments = standing::compartments_of(ctx.txn, keys.patient, kinds)?;
            let (named, holding) = entries::held_in(ctx.txn, keys.patient, &compartments)?;
            (Vec::new(), named, holding)
        }
        None => {
            let chosen = choose(ctx, keys, &[&row.wish, &narrow.wish])?;
            let named = chosen.iter().map(|entry| entry.entry).collect();
            let holding = chosen.iter().flat_map(|entry| entry.holders.iter().copied()).collect();
            (chosen, named, holding)
        }
    };
    if named.is_empty() && standing.is_none() {
        return refuse(Reason::NobodyMeets);
    }
    let holders: BTreeSet<PartyId> = match narrow.audience.is_empty() {
        true => holding,
        false => narrow.audience.iter().copied().collect(),
    };
    // What is added later may be held by somebody who holds nothing yet.
    let audience = Some(&holders).filter(|_| standing.is_none() || !narrow.audience.is_empty());
    let frame = Frame {
        keys,
        grantee,
        purpose: row.purpose,
        valid_ms: valid_ms(narrow, standing, ctx.now),
        max_staleness: narrow.max_staleness,
        delegation: narrow.delegation(grantee)?,
    };
    let mut grants = match &kinds {
        Some(kinds) => standing::open_kinds(ctx, &frame, kinds, audience, &card)?,
        None => open_entries(ctx, &frame, &chosen, &holders, &card)?,
    };
    if row.wish.write == Some(true) && !narrow.read_only {
        let chain = write_chain(ctx, &frame, &[&row.wish.kinds, &narrow.wish.kinds], audience)?;
        grants.push(seal(ctx, chain, &GrantKeys::default(), &card)?);
    }
    row.state = RequestState::Approved;
    row.tokens = grants.iter().map(|grant| grant.chain.leaf().claims().id).collect();
    put_request(ctx.txn, id, &row)?;
    remember(ctx, id, &row, &grants, named)?;
    if permission::sign_treats(ctx, keys)? {
        ctx.notify(Notice::Treating { patient: keys.patient });
    }
    if standing.is_some() {
        // From now on nothing is sealed to these compartments beyond the permission's end.
        ctx.notify_now(Notice::Publish { patient: keys.patient })?;
    }
    let scopes = compare::readable(&grants);
    let permission = standing::permission(ctx, id, keys.patient, grants, &holders)?;
    ctx.send(grantee, &Message::Permission(permission))?;
    compare::list(ctx, grantee, keys.patient, &scopes)?;
    if grantee != row.asker {
        tell(ctx, id, &row)?;
    }
    request_view(ctx, id)
}

/// Permissions over single entries, with their keys.
fn open_entries(
    ctx: &mut Context<'_>,
    frame: &Frame<'_>,
    chosen: &[Chosen],
    holders: &BTreeSet<PartyId>,
    card: &Card,
) -> Handled<Vec<Grant>> {
    let mut grants = Vec::new();
    for page in chosen.chunks(limits::TOKEN_ENTRIES_MAX / frame.links()) {
        let scope = Scope::of_entries(page.iter().map(|entry| entry.entry));
        let chain = sign(ctx, frame, Operation::Read, scope, Some(holders))?;
        let mut entries: Vec<_> =
            page.iter().map(|entry| (entry.entry, Zeroizing::new(*entry.key.expose()))).collect();
        entries.sort_by_key(|(entry, _)| *entry);
        let grant_keys = GrantKeys { entries, ..GrantKeys::default() };
        grants.push(seal(ctx, chain, &grant_keys, card)?);
    }
    Ok(grants)
}

/// Permits to add to the record: to the current compartments of the kinds asked for.
fn write_chain(
    ctx: &mut Context<'_>,
    frame: &Frame<'_>,
    kinds: &[&Vec<Kind>],
    audience: Option<&BTreeSet<PartyId>>,
) -> Handled<Chain> {
    let current = directory::compartments(ctx.txn, frame.keys.patient)?;
    if current.is_empty() {
        return refuse(Reason::RingMissing);
    }
    // What is added to a record of one kind is often a report, so reports are always among them.
    let compartments = current
        .iter()
        .filter(|c| {
            c.kind == Kind::Reports
                || kinds.iter().all(|kinds| kinds.is_empty() || kinds.contains(&c.kind))
        })
        .map(Compartment::id);
    let scope = Scope::of_compartments(compartments);
    sign(ctx, frame, Operation::Write, scope, audience)
}

fn remember(
    ctx: &mut Context<'_>,
    id: ConsentId,
    row: &RequestRow,
    grants: &[Grant],
    entries: Vec<EntryId>,
) -> Handled<()> {
    let grantee = row.party.unwrap_or(row.asker);
    for grant in grants {
        let given = GivenRow { chain: grant.chain.clone(), request: id, state: GrantState::Live };
        put_given(ctx.txn, row.patient, &given)?;
    }
    contacts::add_contact(ctx.txn, row.patient, grantee)?;
    let mut line = access_log::Draft::new(row.patient, Action::Granted, grantee);
    line.user = Some(row.user.clone()).filter(|user| !user.is_empty());
    line.purpose = Some(row.purpose);
    line.entries = entries;
    line.token = row.tokens.first().copied();
    access_log::append(ctx, line)?;
    Ok(())
}

/// Refuses a request.
pub(super) fn deny(ctx: &mut Context<'_>, id: ConsentId, reason: String) -> Handled<RequestView> {
    if reason.len() > limits::REASON_BYTES_MAX {
        return refuse(Reason::WordsTooLong { most: limits::REASON_BYTES_MAX });
    }
    let mut row = undecided(ctx, id)?;
    row.state = RequestState::Refused;
    row.reason = reason;
    put_request(ctx.txn, id, &row)?;
    let mut line =
        access_log::Draft::new(row.patient, Action::Denied, row.party.unwrap_or(row.asker));
    line.user = Some(row.user.clone());
    line.purpose = Some(row.purpose);
    access_log::append(ctx, line)?;
    tell(ctx, id, &row)?;
    request_view(ctx, id)
}

/// Puts a request off.
pub(super) fn defer(
    ctx: &mut Context<'_>,
    id: ConsentId,
    until: Timestamp,
) -> Handled<RequestView> {
    let mut row = undecided(ctx, id)?;
    if until <= ctx.now || until >= row.expires {
        return refuse(Reason::PutOffTooFar { expires: row.expires });
    }
    row.state = RequestState::Deferred;
    row.until = Some(until);
    put_request(ctx.txn, id, &row)?;
    ctx.effects.push(Effect::WakeAt(until));
    tell(ctx, id, &row)?;
    request_view(ctx, id)
}

/// Tells whoever asked how the request stands. One that takes nothing must not keep the patient from deciding; what it does
/// not hear ends there by itself.
pub(super) fn tell(ctx: &mut Context<'_>, id: ConsentId, row: &RequestRow) -> Handled<()> {
    Ok(ctx.send_urgently(row.asker, &Message::Decision(decision(id, row)))?)
}

/// How a request stands, for whoever asked.
pub(super) fn decision(id: ConsentId, row: &RequestRow) -> Decision {
    Decision { request: id, state: row.state, reason: row.reason.clone(), until: row.until }
}
