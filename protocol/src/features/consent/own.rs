//! The patient's own reading: contents of the record are brought to the relay from who holds them.
//!
//! The relay asks like every other reader, with a permission: the patient signs it, to the relay's
//! institution, for one holder and a day. So holders judge and log it by the rules that hold for
//! everybody, and the patient finds it among the permissions. It carries no keys: each entry's wrap
//! stands beside it already, and what comes stays sealed until the patient unlocks.

use super::decide::unlocked;
use super::read;
use super::reasons::Reason;
use super::sign::{Frame, sign};
use super::tables::{RequestKind, RequestRow, put_request, request_view};
use super::view::RequestView;
use super::wire::{RequestState, Wish};
use crate::access_log::{self, Action};
use crate::capability::{Grant, GrantKeys, Operation, Purpose, Scope};
use crate::directory;
use crate::entries;
use crate::id::{ConsentId, EntryId, PartyId};
use crate::identity::{PatientKeys, Role};
use crate::limits;
use crate::names;
use crate::permission::{GivenRow, GrantState, ReceivedRow, put_given, put_received};
use crate::refusal::{Handled, refuse};
use crate::time::DAY_MS;
use crate::turn::Context;
use std::collections::{BTreeMap, BTreeSet};

/// How long such a permission holds: a holder that is off for a night still answers.
const VALID_MS: u64 = DAY_MS;

/// What a patient has brought to the relay.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Obtain {
    /// The patient.
    pub patient: PartyId,
    /// Contents of these entries; of all that are not here when empty.
    #[serde(default)]
    pub entries: Vec<EntryId>,
    /// Whom to ask; of those known to hold each entry when not given.
    #[serde(default)]
    pub holder: Option<PartyId>,
    /// On whose behalf.
    pub user: String,
}

/// At the relay: asks holders for contents that are not here.
pub(super) fn obtain(ctx: &mut Context<'_>, ask: &Obtain) -> Handled<RequestView> {
    ctx.own.require(Role::Patient)?;
    let keys = unlocked(ask.patient, ctx.keys)?;
    if !names::can_be_named(&ask.user) {
        return refuse(Reason::ReaderOutOfBounds);
    }
    let shares = shares(ctx, missing(ctx, ask)?, ask.holder)?;
    let id = ConsentId(ctx.random());
    let me = ctx.own.party();
    let wish = Wish { entries: shares.values().flatten().copied().collect(), ..Wish::default() };
    let mut row = RequestRow {
        // Several holders are not one party; each has its own permission.
        party: shares.keys().next().copied().filter(|_| shares.len() == 1),
        user: ask.user.clone(),
        state: RequestState::Approved,
        ..RequestRow::new(
            (RequestKind::Own, Purpose::PatientRequested),
            ask.patient,
            me,
            wish,
            (ctx.now, ctx.now.plus_ms(VALID_MS)),
        )
    };
    read::begin(ctx, id)?;
    for (holder, entries) in &shares {
        for page in entries.chunks(limits::TOKEN_ENTRIES_MAX) {
            let received = permit(ctx, id, keys, *holder, page, &ask.user)?;
            row.tokens.push(received.grant.chain.leaf().claims().id);
            read::ask_page(ctx, id, &received, *holder, &ask.user, None)?;
        }
    }
    put_request(ctx.txn, id, &row)?;
    request_view(ctx, id)
}

/// Entries whose contents are wanted and not here, each with who is known to hold it.
fn missing(ctx: &Context<'_>, ask: &Obtain) -> Handled<BTreeMap<EntryId, Vec<PartyId>>> {
    let mut wanted = Vec::new();
    for entry in &ask.entries {
        let Some(row) = entries::entry(ctx.txn, ask.patient, *entry)? else {
            return refuse(entries::Reason::NotInRecord { entry: *entry });
        };
        wanted.push((*entry, row));
    }
    // The whole record is read only where nothing of it is named.
    if ask.entries.is_empty() {
        let all = entries::entries(ctx.txn, ask.patient)?.into_iter();
        wanted.extend(all.map(|found| (found.entry, found.row)));
    }
    let mut missing = BTreeMap::new();
    for (entry, _) in wanted.into_iter().filter(|(_, row)| !row.whole) {
        missing.insert(entry, entries::holders(ctx.txn, ask.patient, entry)?);
    }
    if missing.is_empty() {
        return refuse(Reason::AllHere);
    }
    Ok(missing)
}

/// Which holder is asked for which entries: the one that was named for all, else as few as hold
/// them, depositaries before others, because they are there for it.
fn shares(
    ctx: &Context<'_>,
    mut missing: BTreeMap<EntryId, Vec<PartyId>>,
    named: Option<PartyId>,
) -> Handled<BTreeMap<PartyId, Vec<EntryId>>> {
    let me = ctx.own.party();
    if let Some(holder) = named {
        if holder == me || directory::card(ctx.txn, holder)?.is_none() {
            return refuse(Reason::NoSuchHolder);
        }
        return Ok(BTreeMap::from([(holder, missing.into_keys().collect())]));
    }
    let mut shares = BTreeMap::new();
    while let Some((entry, holders)) = missing.first_key_value() {
        let mut best = None;
        for holder in holders.iter().copied().filter(|holder| *holder != me) {
            let Some(card) = directory::card(ctx.txn, holder)? else { continue };
            let count = missing.values().filter(|holders| holders.contains(&holder)).count();
            best = best.max(Some((count, card.role == Role::Backup, holder)));
        }
        let Some((_, _, holder)) = best else {
            return refuse(Reason::NoHolder { entry: *entry });
        };
        let (share, rest) = missing.into_iter().partition(|(_, holders)| holders.contains(&holder));
        missing = rest;
        let share: BTreeMap<EntryId, Vec<PartyId>> = share;
        shares.insert(holder, share.into_keys().collect());
    }
    Ok(shares)
}

/// Signs a permission for the relay itself, notes it as given and as received.
fn permit(
    ctx: &mut Context<'_>,
    id: ConsentId,
    keys: &PatientKeys,
    holder: PartyId,
    entries: &[EntryId],
    user: &str,
) -> Handled<ReceivedRow> {
    let frame = Frame {
        keys,
        grantee: ctx.own.party(),
        purpose: Purpose::PatientRequested,
        valid_ms: VALID_MS,
        max_staleness: None,
        delegation: None,
    };
    let scope = Scope::of_entries(entries.iter().copied());
    let chain = sign(ctx, &frame, Operation::Read, scope, Some(&BTreeSet::from([holder])))?;
    let token = chain.leaf().claims().id;
    let given = GivenRow { chain: chain.clone(), request: id, state: GrantState::Live };
    put_given(ctx.txn, keys.patient, &given)?;
    let grant = Grant::seal(chain, &GrantKeys::default(), &ctx.own.kem(), ctx.rng)?;
    let received = ReceivedRow { grant, request: id, holders: vec![holder], received: ctx.now };
    put_received(ctx.txn, &received)?;
    access_log::append(
        ctx,
        access_log::Draft {
            user: Some(user.to_owned()),
            purpose: Some(frame.purpose),
            entries: entries.to_vec(),
            token: Some(token),
            ..access_log::Draft::new(keys.patient, Action::Granted, frame.grantee)
        },
    )?;
    Ok(received)
}
