//! Entries are offered, and given to be pulled once the depositary is ready.

use super::super::Reason;
use super::super::tables::{self, DepositRow, DepositState, deposits_due, put_deposit};
use super::super::unkept;
use super::super::view::DepositView;
use super::super::wire::{Execute, Message, Offer, OfferPermission};
use crate::capability::{Chain, Operation};
use crate::codec::{Bytes, Wire};
use crate::directory;
use crate::entries::{self, Bundle, Taken, TurnedDown};
use crate::holdings;
use crate::id::{ConsentId, EntryId, PartyId};
use crate::identity::{KeyLog, Role};
use crate::limits;
use crate::misfiled;
use crate::outbox;
use crate::permission;
use crate::refusal::{Handled, Refusal, refuse};
use crate::time::Timestamp;
use crate::turn::{Context, Deposit, Effect, Notice};
use std::collections::BTreeSet;

pub(in super::super) fn keep(
    ctx: &mut Context<'_>,
    holder: PartyId,
    subject: PartyId,
    entries: Vec<EntryId>,
    for_patient: bool,
    not_before: Option<Timestamp>,
) -> Handled<DepositView> {
    ctx.own.require(Role::Hospital)?;
    let me = ctx.own.party();
    let entries: Vec<EntryId> = entries::entries(ctx.txn, subject)?
        .into_iter()
        .filter(|found| found.row.label.claims().author == me && found.row.whole)
        .map(|found| found.entry)
        .filter(|entry| entries.is_empty() || entries.contains(entry))
        .collect();
    if entries.is_empty() {
        return refuse(Reason::NothingToDeposit);
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
    Ok(DepositView { deposits, entries: count, holder })
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
    let revocations = permission::revocations(ctx.txn, patient)?;
    let mut found: Vec<(Option<Chain>, Vec<EntryId>)> =
        permission::received_chains(ctx.txn, patient)?
            .into_iter()
            .filter(|chain| {
                let claims = chain.leaf().claims();
                claims.operations.contains(Operation::Write)
                    && claims.expires_at() > ctx.now
                    && claims.audience.as_ref().is_none_or(|audience| audience.contains(&holder))
                    && !chain.links().iter().any(|link| revocations.contains(link.claims().id))
            })
            .map(|chain| (Some(chain), Vec::new()))
            .collect();
    if found.is_empty() {
        return refuse(Reason::MayNotAdd);
    }
    for id in entries {
        let row = entries::entry(ctx.txn, patient, id)?;
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

/// Carries out a patient's order: its entries are offered, and the order hears of the deposits.
pub(crate) fn deposit(ctx: &mut Context<'_>, request: ConsentId, deposit: Deposit) -> Handled<()> {
    let reservations = offer(ctx, deposit)?;
    ctx.notify_now(Notice::Deposited { request, reservations })
}

/// Offers entries to a depositary, a page at a time; gives the ids of the deposits.
fn offer(ctx: &mut Context<'_>, deposit: Deposit) -> Handled<Vec<[u8; 16]>> {
    if deposit.not_before.is_some_and(|at| at.since(ctx.now) >= limits::RESERVATION_MS) {
        return refuse(Reason::PutOffTooLong);
    }
    let mut ids = Vec::new();
    let budget = limits::REQUEST_BYTES_MAX / 2;
    let (mut page, mut page_ids, mut bytes, mut objects) = (Vec::new(), Vec::new(), 0, 0);
    for entry in &deposit.entries {
        if misfiled::is_to_be_sealed(ctx.txn, deposit.subject, *entry)? {
            return refuse(Reason::ToBeSealedAnew { entry: *entry });
        }
        let Some(row) = entries::entry(ctx.txn, deposit.subject, *entry)?.filter(|row| row.whole)
        else {
            return refuse(Reason::NotWhole { entry: *entry });
        };
        let Some(mut whole) = entries::whole(ctx.txn, &row)? else {
            return refuse(entries::Reason::ManifestMissing { entry: *entry });
        };
        // Only the institution's own backup needs a way back for the institution.
        if deposit.chain.is_none() {
            whole.author_wrap =
                entries::index(ctx.txn, deposit.subject, *entry)?.map(|index| index.own_wrap);
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
    bundles: Vec<Bundle>,
    entries: Vec<EntryId>,
) -> Handled<[u8; 16]> {
    let reservation: [u8; 16] = ctx.random();
    let permission = match &spec.chain {
        Some(chain) => {
            let Some(known) = directory::keys(ctx.txn, spec.owner)? else {
                return refuse(directory::Reason::KeyLogMissing);
            };
            Some(OfferPermission {
                chain: chain.clone(),
                log: known.log().clone(),
                ring: directory::ring(ctx.txn, spec.owner)?.map(|ring| ring.to_unverified()),
                news: permission::news(ctx, spec.owner, ctx.own.party())?,
                issuers: issuers(ctx, chain)?,
            })
        }
        None => None,
    };
    let mut authors = Vec::new();
    let others: BTreeSet<PartyId> = bundles
        .iter()
        .map(|bundle| bundle.label.claims().author)
        .filter(|author| *author != ctx.own.party())
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
        except: Vec::new(),
    };
    put_deposit(ctx.txn, reservation, &row)?;
    let leaf = spec.chain.as_ref().map(|chain| chain.leaf().id());
    // The patient permits others to read at the depositary, too: it must be able to judge that.
    let patient = match permission {
        Some(_) => None,
        None => directory::keys(ctx.txn, spec.subject)?.map(|known| known.log().clone()),
    };
    let offer = Offer { reservation, owner: spec.owner, bundles, permission, authors, patient };
    let ordered = ordered_by(spec.chain.as_ref());
    outbox::push_as_ordered(ctx, spec.to, &Message::Offer(offer), leaf, ordered)?;
    Ok(reservation)
}

/// The depositary is ready for what it did not turn down.
pub(in crate::features::backup) fn ready(
    ctx: &mut Context<'_>,
    id: [u8; 16],
    answer: &Bytes,
) -> Handled<()> {
    let Some(mut row) = tables::deposit(ctx.txn, id)? else { return Ok(()) };
    turned_down(ctx, id, &mut row, Taken::read(answer)?)?;
    if row.entries.is_empty() {
        return Ok(put_deposit(ctx.txn, id, &row)?);
    }
    row.state = DepositState::Ready;
    put_deposit(ctx.txn, id, &row)?;
    ctx.notify(Notice::DepositReady { reservation: id });
    match row.not_before {
        Some(at) if at > ctx.now => {
            ctx.effects.push(Effect::WakeAt(at));
            Ok(())
        }
        _ => execute(ctx, id, row),
    }
}

/// The depositary refuses a deposit, or has given it up.
pub(in crate::features::backup) fn refused(
    ctx: &mut Context<'_>,
    id: [u8; 16],
    refusal: &Refusal,
) -> Handled<()> {
    let Some(mut row) = tables::deposit(ctx.txn, id)? else { return Ok(()) };
    let all =
        row.entries.iter().map(|entry| TurnedDown { entry: *entry, refusal: refusal.clone() });
    let all = all.collect();
    turned_down(ctx, id, &mut row, all)?;
    Ok(put_deposit(ctx.txn, id, &row)?)
}

/// Entries of a deposit are not kept: they leave it, and stand among what was not kept until they are. A deposit that
/// has none left was refused.
pub(super) fn turned_down(
    ctx: &mut Context<'_>,
    id: [u8; 16],
    row: &mut DepositRow,
    except: Vec<TurnedDown>,
) -> Handled<()> {
    let mut first = None;
    for one in except {
        let Some(at) = row.entries.iter().position(|entry| *entry == one.entry) else { continue };
        row.entries.remove(at);
        unkept::turned_down(ctx, (row.owner, row.subject, one.entry), row.to, &one.refusal)?;
        first.get_or_insert(one.refusal.clone());
        row.except.push(one);
    }
    if let Some(refusal) = first {
        ctx.notify(Notice::DepositRefused { reservation: id, refusal });
    }
    if row.entries.is_empty() {
        row.state = DepositState::Refused;
        row.refusal = row.except.first().map(|one| one.refusal.clone());
    }
    Ok(())
}

/// The patient whose order a deposit carries out: the permission is to keep, and not to add.
fn ordered_by(chain: Option<&Chain>) -> Option<PartyId> {
    let claims = chain?.leaf().claims();
    claims.operations.contains(Operation::Keep).then_some(claims.subject)
}

/// Has the depositary pull what it keeps a place for; later, if no more can wait for it now: what else is due must not wait
/// behind this one.
fn execute(ctx: &mut Context<'_>, id: [u8; 16], mut row: DepositRow) -> Handled<()> {
    let ordered = ordered_by(row.chain.as_ref());
    // Before the ticket, which would be made anew each time.
    let has_room = match ordered {
        Some(patient) => outbox::has_room_for_order(ctx.txn, row.to, patient)?,
        None => outbox::has_room(ctx.txn, row.to)?,
    };
    if !has_room {
        let again = ctx.now.plus_ms(limits::RETRY_MS_MAX);
        row.not_before = Some(again);
        ctx.effects.push(Effect::WakeAt(again));
        return Ok(put_deposit(ctx.txn, id, &row)?);
    }
    let mut contents = Vec::new();
    for entry in &row.entries {
        if let Some(entry) = entries::entry(ctx.txn, row.subject, *entry)? {
            contents.extend(entry.contents.iter().map(|content| content.object));
        }
    }
    let ticket = holdings::issue_ticket(ctx, row.to, contents, None)?;
    let message = Message::Execute(Execute { reservation: id, ticket });
    ctx.send_as_ordered(row.to, &message, ordered)?;
    row.state = DepositState::Filling;
    put_deposit(ctx.txn, id, &row)?;
    Ok(())
}

/// Time passed: deferred deposits become due.
pub(in crate::features::backup) fn execute_due(ctx: &mut Context<'_>) -> Handled<()> {
    for id in deposits_due(ctx.txn, ctx.now)? {
        if let Some(row) = tables::deposit(ctx.txn, id)? {
            execute(ctx, id, row)?;
        }
    }
    Ok(())
}
