//! Requests.

use super::reasons::Reason;
use super::wire::{RequestState, Wish};
use crate::capability::{Chain, Purpose};
use crate::codec::{Bytes, Wire, wire_code, wire_struct};
use crate::id::{ConsentId, EntryId, PartyId, TokenId};
use crate::limits;
use crate::names::Digits;
use crate::permission::{given_in, known_token, received_in};
use crate::refusal::{Handled, Refusal, refuse};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::{DAY_MS, Timestamp};
use crate::turn::{Context, Page, Part};

/// Request -> [`RequestRow`], at whoever asked and at the relay.
const REQUESTS: Table = Table::rows("consent_request");
/// When something becomes due, request -> nothing: the next to expire or to open again first.
const DUE: Table = Table::rows("consent_due");
/// Sender -> [`UnaskedRow`], at the grantee.
const UNASKED: Table = Table::rows("consent_unasked");
/// Deposit -> the request that waits for it.
const DEPOSIT_FOR: Table = Table::rows("consent_deposit_for");
/// Patient, request -> nothing: orders that this institution is to carry out, and has not.
const ORDERS: Table = Table::rows("consent_order");

wire_code! {
    /// What is asked.
    pub enum RequestKind {
        /// To see.
        1 => Download,
        /// That another may see.
        2 => Referral,
        /// To deposit.
        3 => Upload,
        /// The patient's own reading.
        4 => Own,
        /// To see, passed on by an institution that the patient permitted it.
        5 => PassedOn,
    }
}

wire_struct! {
    /// A request.
    #[derive(Debug, Clone)]
    pub struct RequestRow {
        /// What is asked.
        1 => kind: RequestKind,
        /// The patient.
        2 => patient: PartyId,
        /// Who asks: an institution, or the patient.
        3 => asker: PartyId,
        /// Who is to see or to keep, when it is not whoever asks.
        4 => party: Option<PartyId>,
        /// What is wished for.
        5 => wish: Wish,
        /// The purpose.
        6 => purpose: Purpose,
        /// On whose behalf.
        7 => user: String,
        /// A word to the patient.
        8 => message: String,
        /// When it was asked.
        9 => asked: Timestamp,
        /// Until when it can be decided.
        10 => expires: Timestamp,
        /// How it stands.
        11 => state: RequestState,
        /// The word that came with the decision.
        12 => reason: String,
        /// For a deferral: until when. For an order: not before.
        13 => until: Option<Timestamp>,
        /// Permissions given for it.
        14 => tokens: Vec<TokenId>,
        /// The hospital that carries out an order.
        15 => executor: Option<PartyId>,
        /// The permission and entries of an order, at the hospital.
        16 => order: Option<OrderRow>,
        /// Why it failed.
        17 => why: Option<Refusal>,
        /// What was obtained with what was permitted for it.
        18 => obtained: Option<Obtained>,
    }
}

wire_struct! {
    /// What came of a reading.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub struct Obtained {
        /// Entries that came.
        1 => entries: u64,
        /// Entries that were not as they should be: they did not open, were altered, or are by nobody known as a member.
        2 => closed: u64,
        /// Of when the holder's news of what the patient has taken back was, if that was old.
        3 => news: Option<Timestamp>,
        /// Those of the entries that were not here already, or not whole.
        4 => new: u64,
    }
}

impl RequestRow {
    /// A request that nobody has decided.
    pub(super) fn new(
        (kind, purpose): (RequestKind, Purpose),
        patient: PartyId,
        asker: PartyId,
        wish: Wish,
        (asked, expires): (Timestamp, Timestamp),
    ) -> Self {
        Self {
            kind,
            patient,
            asker,
            party: None,
            wish,
            purpose,
            user: String::new(),
            message: String::new(),
            asked,
            expires,
            state: RequestState::Open,
            reason: String::new(),
            until: None,
            tokens: Vec::new(),
            executor: None,
            order: None,
            why: None,
            obtained: None,
        }
    }

    /// When time alone changes it.
    fn due(&self) -> Option<Timestamp> {
        match self.state {
            _ if self.kind == RequestKind::Upload => None,
            RequestState::Open => Some(self.expires),
            RequestState::Deferred => Some(self.until.unwrap_or(self.expires).min(self.expires)),
            _ => None,
        }
    }

    /// Whether it is an order that this institution is to carry out, and has not.
    fn is_open_order(&self) -> bool {
        self.order.is_some() && !matches!(self.state, RequestState::Done | RequestState::Failed)
    }

    /// The deposits that it waits for.
    fn deposits(&self) -> &[[u8; 16]] {
        self.order.as_ref().map_or(&[], |order| &order.waiting)
    }
}

wire_struct! {
    /// Requests of which a party brought permissions that nobody here had asked for.
    #[derive(Debug, Clone, Default)]
    pub struct UnaskedRow {
        /// The day, counted as timestamps are.
        1 => day: u64,
        /// How many on it.
        2 => count: u64,
    }
}

/// Counts one more request that nobody here asked; gives how many the sender has brought today.
pub(super) fn count_unasked(
    txn: &mut dyn Txn,
    sender: PartyId,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let day = now.0 / DAY_MS;
    let known = rows::get::<UnaskedRow>(txn, UNASKED, &sender.0)?.filter(|row| row.day == day);
    let count = known.unwrap_or_default().count + 1;
    rows::put(txn, UNASKED, &sender.0, &UnaskedRow { day, count })?;
    Ok(count)
}

wire_struct! {
    /// What a hospital needs to carry out an order.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OrderRow {
        /// The upload permission.
        1 => chain: Chain,
        /// The entries.
        2 => entries: Vec<EntryId>,
        /// Deposits that are not stored yet.
        3 => waiting: Vec<[u8; 16]>,
    }
}

pub(super) fn request(txn: &(impl ReadTxn + ?Sized), id: ConsentId) -> Handled<RequestRow> {
    match rows::get(txn, REQUESTS, &id.0)? {
        Some(row) => Ok(row),
        None => refuse(Reason::NoRequest { request: id }),
    }
}

pub(super) fn known_request(
    txn: &(impl ReadTxn + ?Sized),
    id: ConsentId,
) -> Result<bool, StoreError> {
    Ok(txn.get(REQUESTS, &id.0)?.is_some())
}

pub(super) fn put_request(
    txn: &mut dyn Txn,
    id: ConsentId,
    row: &RequestRow,
) -> Result<(), StoreError> {
    let at = |due: Timestamp| rows::pair(&due.0.to_be_bytes(), &id.0);
    let known = rows::get::<RequestRow>(txn, REQUESTS, &id.0)?;
    let before = known.as_ref().and_then(RequestRow::due);
    if let Some(due) = before.filter(|_| before != row.due()) {
        txn.delete(DUE, &at(due))?;
    }
    if let Some(due) = row.due().filter(|_| before != row.due()) {
        rows::mark(txn, DUE, &at(due))?;
    }
    for deposit in known.iter().flat_map(RequestRow::deposits) {
        txn.delete(DEPOSIT_FOR, deposit)?;
    }
    for deposit in row.deposits() {
        rows::put(txn, DEPOSIT_FOR, deposit, &id)?;
    }
    let open = rows::pair(&row.patient.0, &id.0);
    match row.is_open_order() {
        true => rows::mark(txn, ORDERS, &open)?,
        false => txn.delete(ORDERS, &open)?,
    }
    rows::put(txn, REQUESTS, &id.0, row)
}

/// How many orders of a patient wait to be carried out at this hospital; no more than may are counted.
pub(super) fn open_orders(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<usize, StoreError> {
    let open = rows::scan::<Bytes>(txn, ORDERS, &patient.0, None, limits::ORDERS_OPEN_MAX)?;
    Ok(open.len())
}

/// A page of the requests that time alone changes now.
pub(super) fn requests_due(
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
) -> Result<Vec<ConsentId>, StoreError> {
    txn.page(DUE, &[], &(now.0 + 1).to_be_bytes(), limits::DUE_ROWS_MAX)?
        .into_iter()
        .map(|(key, _)| Ok(ConsentId(rows::tail(DUE, &key)?)))
        .collect()
}

/// When time next changes a request.
pub(crate) fn next_due(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<Timestamp>, StoreError> {
    let first = txn.page(DUE, &[], &[0xff; 9], 1)?.into_iter().next();
    let due = first.and_then(|(key, _)| key.first_chunk::<8>().copied());
    Ok(due.map(|due| Timestamp(u64::from_be_bytes(due))))
}

/// All requests.
pub(crate) fn requests(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Vec<(ConsentId, RequestRow)>, StoreError> {
    rows::all::<RequestRow>(txn, REQUESTS, &[])?
        .into_iter()
        .map(|(key, row)| Ok((ConsentId(rows::tail(REQUESTS, &key)?), row)))
        .collect()
}

/// A page of all requests.
pub(super) fn requests_page(
    txn: &dyn ReadTxn,
    part: &Part,
) -> Handled<Page<(ConsentId, RequestRow)>> {
    let page = part.rows(txn, REQUESTS, &[], ConsentId::LEN)?;
    page.show(|(key, row)| Ok(Some((ConsentId(rows::tail(REQUESTS, &key)?), row))))
}

/// Up to `limit` requests whose ids begin so.
pub(crate) fn requests_beginning(
    txn: &(impl ReadTxn + ?Sized),
    digits: &Digits,
    limit: usize,
) -> Result<Vec<(ConsentId, RequestRow)>, StoreError> {
    let mut found = Vec::new();
    for key in digits.keys(txn, REQUESTS, &[], limit)? {
        let id = ConsentId(rows::tail(REQUESTS, &key)?);
        found.extend(rows::get(txn, REQUESTS, &key)?.map(|row| (id, row)));
    }
    Ok(found)
}

/// The request that waits for a deposit.
pub(super) fn request_of_deposit(
    txn: &(impl ReadTxn + ?Sized),
    deposit: [u8; 16],
) -> Result<Option<(ConsentId, RequestRow)>, StoreError> {
    let Some(id) = rows::get::<ConsentId>(txn, DEPOSIT_FOR, &deposit)? else { return Ok(None) };
    Ok(rows::get::<RequestRow>(txn, REQUESTS, &id.0)?.map(|row| (id, row)))
}

/// A page of the permissions given, then of those received, as shown.
pub(super) fn grants(
    txn: &dyn ReadTxn,
    patient: Option<PartyId>,
    part: &Part,
    now: Timestamp,
) -> Handled<Page<super::view::GrantView>> {
    let mut reading = part.read(txn)?;
    let mut views = Vec::new();
    for row in given_in(&mut reading, patient)? {
        views.push(super::view::GrantView::given(txn, &row, now)?);
    }
    for row in received_in(&mut reading, patient)? {
        let claims = row.grant.chain.leaf().claims();
        // A patient's permission to the own relay was given here, and is listed once.
        if known_token(txn, claims.subject, claims.id)?.is_none() {
            views.push(super::view::GrantView::received(txn, &row, now)?);
        }
    }
    reading.end(views)
}

/// A chain as it is shown and passed on outside: hexadecimal of its encoding.
pub(super) fn chain_text(chain: &Chain) -> String {
    data_encoding::BASE64URL_NOPAD.encode(&chain.to_bytes())
}

/// A request as it stands.
pub(super) fn request_view(ctx: &Context<'_>, id: ConsentId) -> Handled<super::view::RequestView> {
    super::view::RequestView::of(ctx.txn, id, &request(ctx.txn, id)?)
}

/// A request cannot be carried out.
pub(super) fn fail(ctx: &mut Context<'_>, id: ConsentId, refusal: &Refusal) -> Handled<()> {
    let mut row = request(ctx.txn, id)?;
    row.state = RequestState::Failed;
    row.why = Some(refusal.clone());
    put_request(ctx.txn, id, &row)?;
    Ok(())
}
