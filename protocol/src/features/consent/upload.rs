//! Upload: the patient has a hospital deposit entries with a depositary.

use super::decide::{choose, unlocked};
use super::reasons::Reason;
use super::sign::{Frame, Quota, sign};
use super::tables::{
    OrderRow, RequestKind, RequestRow, fail, known_request, open_orders, put_request, request,
    request_of_deposit,
};
use super::view::RequestView;
use super::wire::{Message, Order, OrderState, RequestState, Wish};
use crate::access_log::{self, Action};
use crate::capability::{Operation, Purpose, Scope};
use crate::codec::Bytes;
use crate::contacts;
use crate::directory;
use crate::id::{ConsentId, PartyId};
use crate::identity::Role;
use crate::limits;
use crate::members;
use crate::outbox;
use crate::permission::{GivenRow, GrantState, put_given};
use crate::receipts;
use crate::refusal::{Handled, Refusal, refuse};
use crate::time::{DAY_MS, Timestamp};
use crate::turn::{Context, Deposit, Notice, Sender};
use std::collections::BTreeSet;

/// A patient's order.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// The patient.
    pub patient: PartyId,
    /// The hospital that is to deposit.
    pub hospital: PartyId,
    /// Where.
    pub depositary: PartyId,
    /// What.
    #[serde(default)]
    pub wish: Wish,
    /// Not to be carried out before.
    #[serde(default)]
    pub not_before: Option<Timestamp>,
    /// Days that the permission holds.
    #[serde(default)]
    pub days: Option<u64>,
    /// Bytes that may be kept under it: more than is usual is more than the hospital's share of the patient's room there.
    #[serde(default)]
    pub quota: Option<u64>,
    /// Entries, likewise.
    #[serde(default)]
    pub quota_entries: Option<u64>,
}

/// At the relay: the patient orders.
pub(super) fn order(ctx: &mut Context<'_>, order: Upload) -> Handled<Vec<RequestView>> {
    ctx.own.require(Role::Patient)?;
    let keys = unlocked(order.patient, ctx.keys)?;
    if !contacts::is_contact(ctx.txn, order.patient, order.hospital)? {
        return refuse(Reason::NotEnrolled);
    }
    let Some(depositary) = directory::introduction(ctx.txn, order.depositary)? else {
        return refuse(directory::Reason::InstitutionUnknown { institution: order.depositary });
    };
    if order.not_before.is_some_and(|at| at.since(ctx.now) >= limits::RESERVATION_MS) {
        return refuse(Reason::PutOffTooLong);
    }
    let chosen: Vec<_> = choose(ctx, keys, &[&order.wish])?
        .into_iter()
        .filter(|entry| entry.holders.contains(&order.hospital))
        .collect();
    if chosen.is_empty() {
        return refuse(Reason::NothingToUpload);
    }
    let frame = Frame {
        keys,
        grantee: order.hospital,
        purpose: Purpose::RecordsManagement,
        valid_ms: order.days.unwrap_or(30).saturating_mul(DAY_MS),
        max_staleness: None,
        delegation: None,
        quota: Quota { bytes: order.quota, entries: order.quota_entries },
    };
    let audience = BTreeSet::from([order.depositary]);
    let mut views = Vec::new();
    // Deposits are pages of bundles, each of which must fit one message.
    for page in chosen.chunks(limits::PAGE_ENTRIES_MAX) {
        let entries: Vec<_> = page.iter().map(|entry| entry.entry).collect();
        let chain = sign(
            ctx,
            &frame,
            Operation::Keep,
            Scope::of_entries(entries.iter().copied()),
            Some(&audience),
        )?;
        let id = ConsentId(ctx.random());
        let token = chain.leaf().claims().id;
        let wish = Wish { entries: entries.clone(), ..Wish::default() };
        let times = (ctx.now, chain.leaf().claims().expires_at());
        let what = (RequestKind::Upload, Purpose::RecordsManagement);
        let row = RequestRow {
            party: Some(order.depositary),
            until: order.not_before,
            tokens: vec![token],
            executor: Some(order.hospital),
            ..RequestRow::new(what, order.patient, order.patient, wish, times)
        };
        put_request(ctx.txn, id, &row)?;
        let given = GivenRow { chain: chain.clone(), request: id, state: GrantState::Live };
        put_given(ctx.txn, order.patient, &given)?;
        let mut line = access_log::Draft::new(order.patient, Action::Granted, order.hospital);
        line.entries = entries.clone();
        line.token = Some(token);
        access_log::append(ctx, line)?;
        let message = Order {
            request: id,
            patient: order.patient,
            chain,
            entries,
            depositary: depositary.clone(),
            not_before: order.not_before,
        };
        ctx.send(order.hospital, &Message::Order(message))?;
        views.push(RequestView::of(ctx.txn, id, &row)?);
    }
    contacts::add_contact(ctx.txn, order.patient, order.depositary)?;
    Ok(views)
}

/// At the hospital: the patient's order arrives; it is offered to the depositary at once.
pub(super) fn ordered(ctx: &mut Context<'_>, sender: &Sender, order: Order) -> Handled<Bytes> {
    ctx.own.require(Role::Hospital)?;
    if directory::relay_of(ctx.txn, order.patient)? != Some(sender.institution) {
        return refuse(Reason::AnotherRelay);
    }
    let known = directory::keys(ctx.txn, order.patient)?;
    let claims = order.chain.leaf().claims();
    let signed = known
        .as_ref()
        .and_then(|known| known.key(claims.key))
        .is_some_and(|key| order.chain.leaf().check(&key).is_ok());
    if !signed || claims.subject != order.patient || claims.grantee() != ctx.own.party() {
        return refuse(Reason::UploadNotThisPatients);
    }
    if known_request(ctx.txn, order.request)? {
        return refuse(Reason::OrderHereAlready);
    }
    // What waits for whoever never comes would be kept for good.
    let depositary = order.depositary.keys.party_unverified();
    if !members::is_member(ctx.txn, depositary)? {
        return refuse(Reason::DepositaryNoMember);
    }
    let most = limits::ORDERS_OPEN_MAX;
    if open_orders(ctx.txn, order.patient)? >= most {
        return refuse(Reason::TooManyOrders { most });
    }
    if !outbox::has_room_for_order(ctx.txn, depositary, order.patient)? {
        return refuse(Reason::TooMuchWaits);
    }
    let depositary = directory::learn_introduction(ctx, order.depositary)?;
    let deposit = Deposit {
        to: depositary,
        owner: order.patient,
        subject: order.patient,
        entries: order.entries.clone(),
        chain: Some(order.chain.clone()),
        not_before: order.not_before,
    };
    let wish = Wish { entries: order.entries.clone(), ..Wish::default() };
    let (what, times) = ((RequestKind::Upload, claims.purpose), (ctx.now, claims.expires_at()));
    let row = RequestRow {
        party: Some(depositary),
        until: order.not_before,
        tokens: vec![claims.id],
        executor: Some(ctx.own.party()),
        order: Some(OrderRow {
            chain: order.chain.clone(),
            entries: order.entries,
            waiting: vec![],
        }),
        ..RequestRow::new(what, order.patient, order.patient, wish, times)
    };
    put_request(ctx.txn, order.request, &row)?;
    ctx.notify_now(Notice::Deposit { request: order.request, deposit })?;
    Ok(Bytes::default())
}

/// At the hospital: the entries of an order were offered; it waits for these deposits.
pub(crate) fn deposited(
    ctx: &mut Context<'_>,
    id: ConsentId,
    reservations: Vec<[u8; 16]>,
) -> Handled<()> {
    let mut row = request(ctx.txn, id)?;
    if let Some(order) = &mut row.order {
        order.waiting = reservations;
    }
    Ok(put_request(ctx.txn, id, &row)?)
}

fn report(ctx: &mut Context<'_>, id: ConsentId, row: &RequestRow) -> Handled<()> {
    let Some(relay) = directory::relay_of(ctx.txn, row.patient)? else { return Ok(()) };
    let state =
        OrderState { request: id, patient: row.patient, state: row.state, why: row.why.clone() };
    // A relay that takes nothing must not keep the deposit from going on: what is kept, it hears from the depositary, too.
    Ok(ctx.send_urgently(relay, &Message::OrderState(state))?)
}

/// At the hospital: the depositary is ready and keeps the place.
pub(crate) fn deposit_ready(ctx: &mut Context<'_>, reservation: [u8; 16]) -> Handled<()> {
    let Some((id, mut row)) = request_of_deposit(ctx.txn, reservation)? else { return Ok(()) };
    // One of several deposits was refused: the order has failed, and says so.
    if row.state == RequestState::Failed {
        return Ok(());
    }
    row.state = RequestState::Ready;
    put_request(ctx.txn, id, &row)?;
    report(ctx, id, &row)
}

/// At the hospital: the depositary has stored a deposit.
pub(crate) fn deposit_stored(ctx: &mut Context<'_>, reservation: [u8; 16]) -> Handled<()> {
    let Some((id, mut row)) = request_of_deposit(ctx.txn, reservation)? else { return Ok(()) };
    if let Some(order) = &mut row.order {
        order.waiting.retain(|waiting| *waiting != reservation);
        if !order.waiting.is_empty() {
            put_request(ctx.txn, id, &row)?;
            return Ok(());
        }
    }
    // Some of it was refused: the order has failed, and the patient hears of what is kept by the receipts.
    if row.state == RequestState::Failed {
        return Ok(put_request(ctx.txn, id, &row)?);
    }
    row.state = RequestState::Done;
    put_request(ctx.txn, id, &row)?;
    report(ctx, id, &row)
}

/// At the hospital: the depositary refused a deposit.
pub(crate) fn deposit_refused(
    ctx: &mut Context<'_>,
    reservation: [u8; 16],
    refusal: &Refusal,
) -> Handled<()> {
    let Some((id, _)) = request_of_deposit(ctx.txn, reservation)? else { return Ok(()) };
    fail(ctx, id, refusal)?;
    let row = request(ctx.txn, id)?;
    report(ctx, id, &row)
}

/// At the relay: the hospital tells how the order stands. That it is done, the depositary's receipts say,
/// which came before.
pub(super) fn state(ctx: &mut Context<'_>, sender: &Sender, state: OrderState) -> Handled<Bytes> {
    let mut row = request(ctx.txn, state.request)?;
    if row.executor != Some(sender.institution) || row.kind != RequestKind::Upload {
        return refuse(Reason::NotTheirOrder);
    }
    if !matches!(state.state, RequestState::Ready | RequestState::Done | RequestState::Failed) {
        return refuse(Reason::NoEndOfOrder);
    }
    if let (RequestState::Done, Some(depositary)) = (state.state, row.party) {
        for entry in &row.wish.entries {
            let of = (row.patient, *entry);
            if !receipts::is_kept_at(ctx.txn, row.patient, of, depositary)? {
                return refuse(Reason::NoReceiptBefore);
            }
        }
    }
    row.state = state.state;
    row.why = state.why;
    put_request(ctx.txn, state.request, &row)?;
    Ok(Bytes::default())
}
