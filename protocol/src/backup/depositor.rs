//! The side that deposits, restores and has deleted.

use super::depositary;
use super::tables::{
    DepositRow, DepositState, ELSEWHERE, KeptRow, deposit, deposits_due, kept_key, next_due,
    put_deposit,
};
use super::view::DepositView;
use super::wire::{
    Delete, DeleteOrder, Deletion, Execute, Fetch, FetchAnswer, Message, Offer, OfferPermission,
    Stored, Withdrawn,
};
use crate::access_log::{self, Action};
use crate::capability::{Chain, Operation};
use crate::codec::{Bytes, Wire};
use crate::consent;
use crate::directory;
use crate::id::{EntryId, PartyId};
use crate::identity::{KeyLog, Role};
use crate::limits;
use crate::object::DataKey;
use crate::objects::{self, PullFor, Transfer, TransferFor};
use crate::outbox;
use crate::peer::{Body, Context, Done, Effect, Notice, PatientKeys, RequestId, Sender};
use crate::record::{self, Manifest};
use crate::refusal::{Failure, Handled, Refusal, RefusalCode, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::time::{SECOND_MS, Timestamp};

/// What a front door can ask of this feature.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// A hospital has entries kept by a depositary: its own, or, with a permission to add, additions to
    /// a patient's record in the patient's name.
    Keep {
        /// Where.
        holder: PartyId,
        /// Whose record.
        subject: PartyId,
        /// The entries; all that this institution made when empty.
        #[serde(default)]
        entries: Vec<EntryId>,
        /// In the patient's name, under a permission that was received.
        #[serde(default)]
        for_patient: bool,
        /// Not to be carried out before.
        #[serde(default)]
        not_before: Option<Timestamp>,
    },
    /// A hospital gets back what a depositary keeps for it.
    Restore {
        /// Where.
        holder: PartyId,
        /// Only this record.
        #[serde(default)]
        subject: Option<PartyId>,
    },
    /// An owner has entries deleted by a holder.
    Delete {
        /// The owner: this institution, or a patient of this relay whose keys are unlocked.
        #[serde(default)]
        patient: Option<PartyId>,
        /// Where.
        holder: PartyId,
        /// The entries.
        entries: Vec<EntryId>,
    },
}

/// What is to be deposited.
pub(crate) struct Deposit {
    pub(crate) to: PartyId,
    pub(crate) owner: PartyId,
    pub(crate) subject: PartyId,
    pub(crate) entries: Vec<EntryId>,
    pub(crate) chain: Option<Chain>,
    pub(crate) not_before: Option<Timestamp>,
}

/// Handles a command.
pub(crate) fn command(
    ctx: &mut Context<'_>,
    request: RequestId,
    command: Command,
    keys: Option<&PatientKeys>,
) -> Handled<()> {
    match command {
        Command::Keep { holder, subject, entries, for_patient, not_before } => {
            ctx.peer.require(Role::Hospital)?;
            keep(ctx, request, holder, subject, entries, for_patient, not_before)
        }
        Command::Restore { holder, subject } => {
            ctx.peer.require(Role::Hospital)?;
            restore(ctx, request, holder, subject)
        }
        Command::Delete { patient, holder, entries } => {
            delete(ctx, request, patient, holder, entries, keys)
        }
    }
}

fn keep(
    ctx: &mut Context<'_>,
    request: RequestId,
    holder: PartyId,
    subject: PartyId,
    entries: Vec<EntryId>,
    for_patient: bool,
    not_before: Option<Timestamp>,
) -> Handled<()> {
    let me = ctx.peer.me();
    let entries: Vec<EntryId> = record::entries(ctx.txn, subject)?
        .into_iter()
        .filter(|found| found.row.label.claims().author == me && found.row.whole)
        .map(|found| found.entry)
        .filter(|entry| entries.is_empty() || entries.contains(entry))
        .collect();
    if entries.is_empty() {
        return refuse(
            RefusalCode::NotFound,
            "no whole entry of this record was made here, or none of those named",
        );
    }
    let owner = if for_patient { subject } else { me };
    let count = entries.len();
    let parts = match for_patient {
        true => permissions_to_add(ctx, subject, holder, entries)?,
        false => vec![(None, entries)],
    };
    let mut deposits = Vec::new();
    for (chain, entries) in parts {
        let deposit = Deposit { to: holder, owner, subject, entries, chain, not_before };
        deposits.extend(offer(ctx, deposit)?);
    }
    let deposits = deposits.iter().map(|id| data_encoding::HEXLOWER.encode(id)).collect();
    ctx.answer(request, DepositView { deposits, entries: count, holder });
    Ok(())
}

/// Permissions to add to a patient's record at a holder, each with the entries that are added under it: a
/// new epoch of a kind brings a further permission. What none covers goes under the first, and the holder
/// says what is wrong with it.
fn permissions_to_add(
    ctx: &Context<'_>,
    patient: PartyId,
    holder: PartyId,
    entries: Vec<EntryId>,
) -> Handled<Vec<(Option<Chain>, Vec<EntryId>)>> {
    let revocations = consent::revocations(ctx.txn, patient)?;
    let mut found: Vec<(Option<Chain>, Vec<EntryId>)> = consent::received_chains(ctx.txn)?
        .into_iter()
        .filter(|chain| {
            let claims = chain.leaf().claims();
            claims.subject == patient
                && claims.operations.contains(Operation::Write)
                && claims.expires_at() > ctx.now
                && claims.audience.as_ref().is_none_or(|audience| audience.contains(&holder))
                && !chain.links().iter().any(|link| revocations.contains(link.claims().id))
        })
        .map(|chain| (Some(chain), Vec::new()))
        .collect();
    if found.is_empty() {
        return refuse(
            RefusalCode::BadPermission,
            "the patient has not permitted this institution to add to the record at that holder; ask with `chartmesh request download --write`",
        );
    }
    for id in entries {
        let row = record::entry(ctx.txn, patient, id)?;
        let compartment = row.and_then(|row| row.label.claims().compartment);
        let covers = |(chain, _): &(Option<Chain>, Vec<EntryId>)| {
            let scope = chain.as_ref().map(|chain| &chain.leaf().claims().scope);
            compartment.is_some_and(|c| scope.is_some_and(|scope| scope.covers(id, c)))
        };
        let at = found.iter().position(covers).unwrap_or(0);
        found[at].1.push(id);
    }
    found.retain(|(_, entries)| !entries.is_empty());
    Ok(found)
}

/// Offers entries to a depositary, a page at a time; gives the ids of the deposits.
pub(crate) fn offer(ctx: &mut Context<'_>, deposit: Deposit) -> Handled<Vec<[u8; 16]>> {
    if deposit.not_before.is_some_and(|at| at.since(ctx.now) >= limits::RESERVATION_MS) {
        return refuse(
            RefusalCode::Invalid,
            "a deposit is put off by less than 7 days: the depositary keeps its place no longer",
        );
    }
    let mut ids = Vec::new();
    let budget = limits::REQUEST_BYTES_MAX / 2;
    let (mut page, mut page_ids, mut bytes, mut objects) = (Vec::new(), Vec::new(), 0, 0);
    for entry in &deposit.entries {
        let Some(row) = record::entry(ctx.txn, deposit.subject, *entry)?.filter(|row| row.whole)
        else {
            return refuse(RefusalCode::NotFound, format!("entry {entry} is not here as a whole"));
        };
        let Some(mut whole) = record::whole(ctx.txn, &row)? else {
            return refuse(
                RefusalCode::NotFound,
                format!("the manifest of entry {entry} is missing"),
            );
        };
        // Only the institution's own backup needs a way back for the institution.
        if deposit.chain.is_none() {
            whole.author_wrap =
                record::index(ctx.txn, deposit.subject, *entry)?.map(|index| index.own_wrap);
        }
        let bundle = whole.to_bundle();
        let size = bundle.to_bytes().len();
        let count = bundle.contents.len() + 1;
        let full = bytes + size > budget
            || page.len() == limits::PAGE_ENTRIES_MAX
            || objects + count > limits::DEPOSIT_OBJECTS_MAX;
        if !page.is_empty() && full {
            ids.push(send_offer(
                ctx,
                &deposit,
                core::mem::take(&mut page),
                core::mem::take(&mut page_ids),
            )?);
            (bytes, objects) = (0, 0);
        }
        bytes += size;
        objects += count;
        page.push(bundle);
        page_ids.push(*entry);
    }
    if !page.is_empty() {
        ids.push(send_offer(ctx, &deposit, page, page_ids)?);
    }
    Ok(ids)
}

/// The key logs of those who passed a permission on.
fn issuers(ctx: &Context<'_>, chain: &Chain) -> Handled<Vec<KeyLog>> {
    let mut logs = Vec::new();
    for link in &chain.links()[1..] {
        logs.extend(directory::keys(ctx.txn, link.claims().issuer)?.map(|keys| keys.log().clone()));
    }
    Ok(logs)
}

fn send_offer(
    ctx: &mut Context<'_>,
    spec: &Deposit,
    bundles: Vec<record::Bundle>,
    entries: Vec<EntryId>,
) -> Handled<[u8; 16]> {
    let reservation: [u8; 16] = ctx.random();
    let permission = match &spec.chain {
        Some(chain) => {
            let Some(known) = directory::keys(ctx.txn, spec.owner)? else {
                return refuse(RefusalCode::NotFound, "the patient's key log is missing");
            };
            Some(OfferPermission {
                chain: chain.clone(),
                log: known.log().clone(),
                ring: directory::ring(ctx.txn, spec.owner)?.map(|ring| ring.to_unverified()),
                revocations: consent::revocation_state(ctx.txn, spec.owner)?,
                issuers: issuers(ctx, chain)?,
            })
        }
        None => None,
    };
    let mut authors = Vec::new();
    let others: std::collections::BTreeSet<PartyId> = bundles
        .iter()
        .map(|bundle| bundle.label.claims().author)
        .filter(|author| *author != ctx.peer.me())
        .collect();
    for author in others {
        authors.extend(directory::introduction(ctx.txn, author)?);
    }
    let row = DepositRow {
        to: spec.to,
        owner: spec.owner,
        subject: spec.subject,
        entries,
        chain: spec.chain.clone(),
        not_before: spec.not_before,
        state: DepositState::Offered,
        refusal: None,
    };
    put_deposit(ctx.txn, reservation, &row)?;
    let leaf = spec.chain.as_ref().map(|chain| chain.leaf().id());
    let offer = Offer { reservation, owner: spec.owner, bundles, permission, authors };
    outbox::push(ctx, spec.to, &Body::Backup(Message::Offer(offer)), leaf)?;
    Ok(reservation)
}

/// What became of a message of ours.
pub(crate) fn outcome(
    ctx: &mut Context<'_>,
    to: PartyId,
    message: Message,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    match message {
        Message::Offer(offer) => answered(ctx, offer.reservation, result.err()),
        Message::Execute(execute) => match result {
            Ok(_) => Ok(()),
            Err(refusal) => answered(ctx, execute.reservation, Some(refusal)),
        },
        Message::Stored(_) | Message::Withdrawn(_) => Ok(()),
        Message::Delete(delete) => confirmed(ctx, to, &delete, result),
        Message::Fetch(fetch) => restored(ctx, to, &fetch, result),
    }
}

/// The depositary is ready, or refuses.
fn answered(ctx: &mut Context<'_>, id: [u8; 16], refusal: Option<Refusal>) -> Handled<()> {
    let Some(mut row) = deposit(ctx.txn, id)? else { return Ok(()) };
    match refusal {
        Some(refusal) => {
            row.state = DepositState::Refused;
            row.refusal = Some(refusal.clone());
            put_deposit(ctx.txn, id, &row)?;
            ctx.notify(Notice::DepositRefused { reservation: id, refusal });
        }
        None => {
            row.state = DepositState::Ready;
            put_deposit(ctx.txn, id, &row)?;
            ctx.notify(Notice::DepositReady { reservation: id });
            match row.not_before {
                Some(at) if at > ctx.now => ctx.effects.push(Effect::WakeAt(at)),
                _ => execute(ctx, id, row)?,
            }
        }
    }
    Ok(())
}

fn execute(ctx: &mut Context<'_>, id: [u8; 16], mut row: DepositRow) -> Handled<()> {
    let mut contents = Vec::new();
    for entry in &row.entries {
        if let Some(entry) = record::entry(ctx.txn, row.subject, *entry)? {
            contents.extend(entry.contents.iter().map(|content| content.object));
        }
    }
    let ticket = objects::issue_ticket(ctx, row.to, contents, None)?;
    ctx.send(row.to, &Body::Backup(Message::Execute(Execute { reservation: id, ticket })))?;
    row.state = DepositState::Filling;
    put_deposit(ctx.txn, id, &row)?;
    Ok(())
}

/// Time passed: deferred deposits become due, and the storing side gives up what never came.
pub(crate) fn tick(ctx: &mut Context<'_>) -> Handled<()> {
    for id in deposits_due(ctx.txn, ctx.now)? {
        if let Some(row) = deposit(ctx.txn, id)? {
            match execute(ctx, id, row) {
                // No room in the outbox: what else is due must not wait for this one.
                Ok(()) | Err(Failure::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    depositary::tick(ctx)?;
    // What could not be done now is tried again in a while, not at once.
    let soonest = ctx.now.plus_ms(SECOND_MS);
    ctx.effects.extend(next_due(ctx.txn)?.map(|at| Effect::WakeAt(at.max(soonest))));
    Ok(())
}

/// The depositary has given a deposit up.
pub(super) fn withdrawn(
    ctx: &mut Context<'_>,
    sender: &Sender,
    withdrawn: Withdrawn,
) -> Handled<Bytes> {
    let Some(row) = deposit(ctx.txn, withdrawn.reservation)? else {
        return refuse(RefusalCode::NotFound, "no such deposit was made");
    };
    if row.to != sender.institution || row.state == DepositState::Stored {
        return refuse(RefusalCode::NotPermitted, "this deposit is not the institution's to end");
    }
    answered(ctx, withdrawn.reservation, Some(withdrawn.refusal))?;
    Ok(Bytes::default())
}

/// The depositary has stored a deposit: the receipt is checked against what was offered.
pub(super) fn stored(ctx: &mut Context<'_>, sender: &Sender, stored: &Stored) -> Handled<Bytes> {
    let Some(mut row) = deposit(ctx.txn, stored.reservation)? else {
        return refuse(RefusalCode::NotFound, "no such deposit was made");
    };
    let claims = stored.receipt.claims();
    let signed = claims.key == sender.keys.current_number()
        && stored.receipt.check(&sender.keys.current()).is_ok();
    let ours = claims.holder == sender.institution
        && sender.institution == row.to
        && claims.reservation == stored.reservation
        && claims.owner == row.owner;
    if !signed || !ours {
        return refuse(
            RefusalCode::NotAuthentic,
            "the receipt is not the depositary's for this deposit",
        );
    }
    for id in &row.entries {
        let Some(entry) = record::entry(ctx.txn, row.subject, *id)? else { continue };
        let manifest = entry.label.claims().manifest;
        let named = claims.objects.iter().any(|o| o.entry == *id && o.object == manifest);
        let all = named
            && entry.contents.iter().all(|content| {
                claims.objects.iter().any(|object| {
                    object.entry == *id
                        && object.object == content.object
                        && object.length == content.length
                })
            });
        if !all {
            return refuse(
                RefusalCode::NotAuthentic,
                format!("the receipt does not cover entry {id} as a whole"),
            );
        }
        let bytes = claims
            .objects
            .iter()
            .filter(|object| object.entry == *id)
            .fold(0, |sum: u64, object| sum.saturating_add(object.length));
        let kept = KeptRow { depositor: ctx.peer.me(), since: claims.at, bytes, author_wrap: None };
        let key = [&kept_key(row.owner, row.subject, *id)[..], &row.to.0].concat();
        rows::put(ctx.txn, ELSEWHERE, &key, &kept)?;
        record::learn_holder(ctx, row.subject, *id, row.to)?;
    }
    row.state = DepositState::Stored;
    put_deposit(ctx.txn, stored.reservation, &row)?;
    ctx.notify(Notice::Stored { reservation: stored.reservation });
    Ok(Bytes::default())
}

fn delete(
    ctx: &mut Context<'_>,
    request: RequestId,
    patient: Option<PartyId>,
    holder: PartyId,
    mut entries: Vec<EntryId>,
    keys: Option<&PatientKeys>,
) -> Handled<()> {
    if entries.is_empty() || entries.len() > limits::TOKEN_ENTRIES_MAX {
        return refuse(
            RefusalCode::Invalid,
            format!("name 1 to {} entries", limits::TOKEN_ENTRIES_MAX),
        );
    }
    entries.sort_unstable();
    entries.dedup();
    let (owner, key, signing) = match (patient, keys) {
        (None, _) => (ctx.peer.me(), ctx.peer.key_number(), ctx.peer.institution_key().clone()),
        (Some(patient), Some(keys)) if keys.patient == patient => {
            (patient, keys.number, keys.signing.clone())
        }
        _ => {
            return refuse(
                RefusalCode::Locked,
                "the patient's keys are locked; give the passphrase",
            );
        }
    };
    let order = DeleteOrder { owner, key, holder, entries, at: ctx.now, nonce: ctx.random() };
    let order = Signed::sign(order, &signing).to_unverified();
    ctx.send(holder, &Body::Backup(Message::Delete(Delete { order })))?;
    ctx.answer(request, Done { done: true });
    Ok(())
}

/// The holder has deleted, and gave its receipt; or refused.
fn confirmed(
    ctx: &mut Context<'_>,
    holder: PartyId,
    delete: &Delete,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    let claims = delete.order.claims();
    let mut line = access_log::Draft::new(claims.owner, Action::Deleted, holder);
    match result {
        Err(refusal) => {
            line.action = Action::DeleteRefused;
            line.entries.clone_from(&claims.entries);
            line.reason = Some(refusal.text);
        }
        Ok(bytes) => {
            let Ok(deletion) = Unverified::<Deletion>::parse(&bytes.0) else {
                return refuse(
                    RefusalCode::NotAuthentic,
                    "the receipt for a deletion is malformed",
                );
            };
            let signed = directory::keys(ctx.txn, holder)?
                .is_some_and(|known| deletion.check(&known.current()).is_ok());
            if !signed || deletion.claims().order != delete.order.id() {
                return refuse(
                    RefusalCode::NotAuthentic,
                    "the receipt is not the holder's for this deletion",
                );
            }
            line.entries.clone_from(&deletion.claims().deleted);
            for entry in &deletion.claims().deleted {
                record::forget_holder(ctx, claims.owner, *entry, holder)?;
                for (key, _) in rows::all::<KeptRow>(ctx.txn, ELSEWHERE, &claims.owner.0)? {
                    if key.get(64..80) == Some(&entry.0) && key.ends_with(&holder.0) {
                        ctx.txn.delete(ELSEWHERE, &key)?;
                    }
                }
            }
        }
    }
    access_log::append(ctx, line)?;
    Ok(())
}

fn restore(
    ctx: &mut Context<'_>,
    request: RequestId,
    holder: PartyId,
    subject: Option<PartyId>,
) -> Handled<()> {
    let id: [u8; 16] = ctx.random();
    let fetch = Fetch { restore: id, subject, after: None };
    ctx.send(holder, &Body::Backup(Message::Fetch(fetch)))?;
    let deposits = vec![data_encoding::HEXLOWER.encode(&id)];
    ctx.answer(request, DepositView { deposits, entries: 0, holder });
    Ok(())
}

/// A page of our own entries came back.
fn restored(
    ctx: &mut Context<'_>,
    holder: PartyId,
    fetch: &Fetch,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    let Ok(bytes) = result else { return Ok(()) };
    let Ok(answer) = FetchAnswer::from_bytes(&bytes.0, limits::RESPONSE_BYTES_MAX) else {
        return refuse(RefusalCode::NotAuthentic, "the depositary's answer is malformed");
    };
    for bundle in answer.bundles {
        let checked = bundle.check(ctx.peer.keys())?;
        let (subject, entry) = (checked.label.subject, checked.label.entry);
        let Some(own_wrap) = checked.author_wrap.clone() else { continue };
        let key = crate::wrap::unwrap(&own_wrap, checked.label.manifest, subject, ctx.peer.kem())
            .map(|key| DataKey::from_bytes(*key))
            .or_else(|error| refuse(RefusalCode::NotAuthentic, error.to_string()))?;
        let manifest = Manifest::open(&checked.label, &checked.contents, &checked.manifest, &key)?;
        record::keep(ctx, &checked, None, false, Some((&manifest, own_wrap)))?;
        record::chart_for(ctx, subject)?;
        let pull = PullFor { id: fetch.restore, owner: subject, subject, entry };
        let missing = objects::pull_missing(
            ctx,
            &checked.contents,
            &Transfer {
                from: holder,
                ticket: answer.ticket,
                object: checked.label.manifest,
                length: 0,
                purpose: TransferFor::Restore(pull),
            },
        )?;
        if missing == 0 {
            record::complete(ctx, subject, entry)?;
        }
    }
    // Positions only go up, so that no depositary keeps us asking.
    let at = |position: super::wire::Position| (position.subject, position.entry);
    let next = answer.next.filter(|next| fetch.after.is_none_or(|after| at(*next) > at(after)));
    if let Some(after) = next {
        let next = Fetch { restore: fetch.restore, subject: fetch.subject, after: Some(after) };
        ctx.send(holder, &Body::Backup(Message::Fetch(next)))?;
    }
    Ok(())
}

/// A content object of a restore has come.
pub(crate) fn restored_object(
    ctx: &mut Context<'_>,
    transfer: &Transfer,
    pull: &PullFor,
    result: Result<(), Refusal>,
) -> Handled<()> {
    if result.is_ok() {
        objects::hold(ctx.txn, transfer.object, pull.owner, pull.entry, transfer.length)?;
        record::complete(ctx, pull.subject, pull.entry)?;
    }
    Ok(())
}
