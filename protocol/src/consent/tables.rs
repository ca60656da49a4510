//! Requests, permissions given, permissions received.

use super::wire::{RequestState, Wish};
use crate::capability::{Chain, Grant, Operation, Purpose};
use crate::codec::{Bytes, Wire, wire_code, wire_struct};
use crate::id::{CompartmentId, ConsentId, EntryId, PartyId, TokenId};
use crate::peer::{Context, RequestId};
use crate::refusal::{Handled, Refusal, RefusalCode, refuse};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Request -> [`RequestRow`], at whoever asked and at the relay.
const REQUESTS: Table = Table("consent_request");
/// When something becomes due, request -> nothing: the next to expire or to open again first.
const DUE: Table = Table("consent_due");
/// Patient, token -> [`GivenRow`]: at the relay what the patient gave and what was passed on of it, at an
/// institution what it passed on itself.
const GIVEN: Table = Table("consent_given");
/// Token -> [`ReceivedRow`], at the grantee.
const RECEIVED: Table = Table("consent_received");
/// Request, token -> nothing: what was received for a request.
const RECEIVED_FOR: Table = Table("consent_received_for");
/// Patient, token -> nothing: what was received of a patient.
const RECEIVED_OF: Table = Table("consent_received_of");
/// Deposit -> the request that waits for it.
const DEPOSIT_FOR: Table = Table("consent_deposit_for");

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

    /// The deposits that it waits for.
    fn deposits(&self) -> &[[u8; 16]] {
        self.order.as_ref().map_or(&[], |order| &order.waiting)
    }
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

wire_code! {
    /// How a permission stands.
    pub enum GrantState {
        /// It counts.
        1 => Live,
        /// The patient took it back.
        2 => Revoked,
        /// A rotation did not keep it.
        3 => Dropped,
    }
}

wire_struct! {
    /// A permission that a patient gave, or that was passed on of one.
    #[derive(Debug, Clone)]
    pub struct GivenRow {
        /// The permission.
        1 => chain: Chain,
        /// The request that it answers.
        2 => request: ConsentId,
        /// How it stands.
        3 => state: GrantState,
    }
}

wire_struct! {
    /// A permission that this institution received.
    #[derive(Debug, Clone)]
    pub struct ReceivedRow {
        /// The permission and its sealed keys.
        1 => grant: Grant,
        /// The request that it answers.
        2 => request: ConsentId,
        /// Who holds the entries.
        3 => holders: Vec<PartyId>,
        /// When it came.
        4 => received: Timestamp,
    }
}

pub(super) fn request(txn: &(impl ReadTxn + ?Sized), id: ConsentId) -> Handled<RequestRow> {
    match rows::get(txn, REQUESTS, &id.0)? {
        Some(row) => Ok(row),
        None => refuse(
            RefusalCode::NotFound,
            format!("no request {id} here; list requests with `chartmesh consent requests`"),
        ),
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
    rows::put(txn, REQUESTS, &id.0, row)
}

/// A page of the requests that time alone changes now.
pub(super) fn requests_due(
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
) -> Result<Vec<ConsentId>, StoreError> {
    const PAGE: usize = 256;
    txn.page(DUE, &[], &(now.0 + 1).to_be_bytes(), PAGE)?
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

pub(super) fn put_given(
    txn: &mut dyn Txn,
    patient: PartyId,
    row: &GivenRow,
) -> Result<(), StoreError> {
    let token = row.chain.leaf().claims().id;
    rows::put(txn, GIVEN, &rows::pair(&patient.0, &token.0), row)
}

pub(super) fn given(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Vec<GivenRow>, StoreError> {
    Ok(rows::all::<GivenRow>(txn, GIVEN, &patient.0)?.into_iter().map(|(_, row)| row).collect())
}

/// What one institution may read of a patient's record.
#[derive(Debug, Default)]
pub(crate) struct MayRead {
    pub(crate) compartments: BTreeSet<CompartmentId>,
    pub(crate) entries: BTreeSet<EntryId>,
}

/// Who may read what of a patient's record now: they are told what changes in its catalogue.
pub(crate) fn readers(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    now: Timestamp,
) -> Result<BTreeMap<PartyId, MayRead>, StoreError> {
    let mut readers: BTreeMap<_, MayRead> = BTreeMap::new();
    let known = super::revocations(txn, patient)?;
    for row in given(txn, patient)? {
        let claims = row.chain.leaf().claims();
        // What was passed on ends with what it rests on.
        let revoked = row.chain.links().iter().any(|link| known.contains(link.claims().id));
        let live = row.state == GrantState::Live && claims.expires_at() > now && !revoked;
        if live && claims.operations.contains(Operation::Read) {
            let may = readers.entry(claims.grantee()).or_default();
            may.compartments.extend(claims.scope.compartments());
            may.entries.extend(claims.scope.entries());
        }
    }
    Ok(readers)
}

pub(super) fn known_token(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    token: TokenId,
) -> Result<Option<GivenRow>, StoreError> {
    rows::get(txn, GIVEN, &rows::pair(&patient.0, &token.0))
}

pub(super) fn given_token(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    token: TokenId,
) -> Handled<GivenRow> {
    match rows::get(txn, GIVEN, &rows::pair(&patient.0, &token.0))? {
        Some(row) => Ok(row),
        None => refuse(
            RefusalCode::NotFound,
            format!("no permission {token}; list permissions with `chartmesh consent grants`"),
        ),
    }
}

/// Keeps a permission that was received; never in the place of another of the same id. Whoever passes one on
/// chooses its id.
pub(super) fn put_received(txn: &mut dyn Txn, row: &ReceivedRow) -> Handled<()> {
    let claims = row.grant.chain.leaf().claims();
    let known = rows::get::<ReceivedRow>(txn, RECEIVED, &claims.id.0)?;
    if known.is_some_and(|known| known.grant.chain.leaf().id() != row.grant.chain.leaf().id()) {
        return refuse(RefusalCode::NotAuthentic, "another permission here has this id");
    }
    rows::mark(txn, RECEIVED_FOR, &rows::pair(&row.request.0, &claims.id.0))?;
    rows::mark(txn, RECEIVED_OF, &rows::pair(&claims.subject.0, &claims.id.0))?;
    rows::put(txn, RECEIVED, &claims.id.0, row)?;
    Ok(())
}

/// What this institution received for a request.
pub(super) fn received_for(
    txn: &(impl ReadTxn + ?Sized),
    request: ConsentId,
) -> Result<Vec<ReceivedRow>, StoreError> {
    received_by(txn, RECEIVED_FOR, &request.0)
}

fn received_by(
    txn: &(impl ReadTxn + ?Sized),
    index: Table,
    prefix: &[u8],
) -> Result<Vec<ReceivedRow>, StoreError> {
    let mut found = Vec::new();
    for (key, _) in rows::all::<Bytes>(txn, index, prefix)? {
        found.extend(known_received(txn, TokenId(rows::tail(index, &key)?))?);
    }
    Ok(found)
}

/// A permission that this institution received, if it did.
pub(super) fn known_received(
    txn: &(impl ReadTxn + ?Sized),
    token: TokenId,
) -> Result<Option<ReceivedRow>, StoreError> {
    rows::get(txn, RECEIVED, &token.0)
}

/// The request that waits for a deposit.
pub(super) fn request_of_deposit(
    txn: &(impl ReadTxn + ?Sized),
    deposit: [u8; 16],
) -> Result<Option<(ConsentId, RequestRow)>, StoreError> {
    let Some(id) = rows::get::<ConsentId>(txn, DEPOSIT_FOR, &deposit)? else { return Ok(None) };
    Ok(rows::get::<RequestRow>(txn, REQUESTS, &id.0)?.map(|row| (id, row)))
}

/// Permissions that this institution received.
fn received(txn: &(impl ReadTxn + ?Sized)) -> Result<Vec<ReceivedRow>, StoreError> {
    Ok(rows::all::<ReceivedRow>(txn, RECEIVED, &[])?.into_iter().map(|(_, row)| row).collect())
}

/// A permission that this institution received.
pub(super) fn received_token(
    txn: &(impl ReadTxn + ?Sized),
    token: TokenId,
) -> Handled<ReceivedRow> {
    match rows::get(txn, RECEIVED, &token.0)? {
        Some(row) => Ok(row),
        None => refuse(
            RefusalCode::NotFound,
            format!(
                "this institution received no permission {token}; list them with `chartmesh consent grants`"
            ),
        ),
    }
}

/// Permissions given and received, as shown.
pub(crate) fn grants(
    txn: &(impl ReadTxn + ?Sized),
    patient: Option<PartyId>,
    now: Timestamp,
) -> Handled<Vec<super::view::GrantView>> {
    let mut views = Vec::new();
    for (_, row) in
        rows::all::<GivenRow>(txn, GIVEN, patient.as_ref().map_or(&[][..], |p| &p.0[..]))?
    {
        views.push(super::view::GrantView::given(txn, &row, now)?);
    }
    for row in received(txn)? {
        let claims = row.grant.chain.leaf().claims();
        // A patient's permission to the own relay was given here, and is listed once.
        let given = txn.get(GIVEN, &rows::pair(&claims.subject.0, &claims.id.0))?.is_some();
        if !given && patient.is_none_or(|patient| claims.subject == patient) {
            views.push(super::view::GrantView::received(txn, &row, now)?);
        }
    }
    Ok(views)
}

/// A chain as it is shown and passed on outside: hexadecimal of its encoding.
pub(super) fn chain_text(chain: &Chain) -> String {
    data_encoding::BASE64URL_NOPAD.encode(&chain.to_bytes())
}

/// The permissions that this institution received of a patient.
pub(crate) fn received_chains(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Vec<Chain>, StoreError> {
    let received = received_by(txn, RECEIVED_OF, &patient.0)?;
    Ok(received.into_iter().map(|row| row.grant.chain).collect())
}

/// Answers with a request as it stands.
pub(super) fn answer_request(ctx: &mut Context<'_>, to: RequestId, id: ConsentId) -> Handled<()> {
    let view = super::view::RequestView::of(ctx.txn, id, &request(ctx.txn, id)?)?;
    ctx.answer(to, view);
    Ok(())
}

/// A request cannot be carried out.
pub(super) fn fail(ctx: &mut Context<'_>, id: ConsentId, refusal: &Refusal) -> Handled<()> {
    let mut row = request(ctx.txn, id)?;
    row.state = RequestState::Failed;
    row.reason = refusal.text.clone();
    put_request(ctx.txn, id, &row)?;
    Ok(())
}
