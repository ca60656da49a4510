//! The one federation of this node.

use super::kept::{keep, ledger};
use super::view::{ExpelledView, FederationView, MemberView, ProposalView};
use crate::codec::{Bytes, wire_struct};
use crate::directory::{self, Standing};
use crate::id::{PartyId, StatementId};
use crate::identity::Role;
use crate::limits;
use crate::membership::{Charter, Insertion, Ledger, MembershipStatement, Status};
use crate::peer::{Context, Notice, Peer};
use crate::refusal::{Handled, RefusalCode, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table};
use crate::time::Timestamp;

/// Nothing -> the charter.
const CHARTER: Table = Table("federation_charter");
/// Running number -> a statement; in an order in which each stands after what it names.
const STATEMENTS: Table = Table("federation_statement");
/// Statement's id -> nothing: whether one is here is asked with every `hello` and every copy that comes.
const KNOWN: Table = Table("federation_known");
/// Institution -> [`AskedRow`].
const ASKED: Table = Table("federation_asked");
/// Nothing -> the newest statements' ids, and some ever further back.
const LOCATOR: Table = Table("federation_locator");
/// Member -> nothing.
const MEMBERS: Table = Table("federation_member");
/// Expelled party -> nothing.
const EXPELLED: Table = Table("federation_expelled");
/// Party -> nothing: those that left or were expelled.
const GONE: Table = Table("federation_gone");
/// Nothing -> [`FoundingRow`].
const FOUNDING: Table = Table("federation_founding");

wire_struct! {
    /// A federation that is being founded here.
    #[derive(Debug, Clone)]
    pub struct FoundingRow {
        /// Its name.
        1 => name: String,
        /// Sponsors that an admission will need.
        2 => threshold: u16,
        /// First members so far.
        3 => members: Vec<PartyId>,
        /// Since when.
        4 => since: Timestamp,
        /// First members that the charter will name, if more than that.
        5 => first_members: Option<u16>,
    }
}

impl FoundingRow {
    /// First members that the charter will name.
    pub(super) fn first_members(&self) -> u16 {
        self.first_members.unwrap_or(self.threshold)
    }
}

wire_struct! {
    /// What an institution was last asked for.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AskedRow {
        /// The first statement that others name and that is not here.
        1 => missing: StatementId,
        /// When.
        2 => at: Timestamp,
    }
}

pub(super) fn founding(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<FoundingRow>, StoreError> {
    rows::get(txn, FOUNDING, &[])
}

pub(super) fn put_founding(
    ctx: &mut Context<'_>,
    row: Option<&FoundingRow>,
) -> Result<(), StoreError> {
    match row {
        Some(row) => rows::put(ctx.txn, FOUNDING, &[], row),
        None => ctx.txn.delete(FOUNDING, &[]),
    }
}

/// The charter, if this node is in a federation.
pub(super) fn charter(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Option<Signed<Charter>>, StoreError> {
    Ok(rows::get::<Unverified<Charter>>(txn, CHARTER, &[])?.map(Unverified::from_own_store))
}

/// All statements, in order.
fn statements(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Vec<Signed<MembershipStatement>>, StoreError> {
    Ok(rows::all::<Unverified<MembershipStatement>>(txn, STATEMENTS, &[])?
        .into_iter()
        .map(|(_, statement)| statement.from_own_store())
        .collect())
}

/// The ledger, made again from its rows; see [`ledger`] for one that may be at hand.
pub(super) fn rebuilt(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<Ledger>, StoreError> {
    let Some(charter) = charter(txn)? else { return Ok(None) };
    let mut ledger = Ledger::new(charter)
        .map_err(|error| StoreError::Corrupt { table: CHARTER.0, why: error.to_string() })?;
    for statement in statements(txn)? {
        let _ = ledger.insert(statement);
    }
    Ok(Some(ledger))
}

/// Takes up a charter: this node is in a federation from now on.
pub(super) fn begin(ctx: &mut Context<'_>, charter: &Signed<Charter>) -> Handled<()> {
    if let Some(known) = self::charter(ctx.txn)? {
        if known.id() == charter.id() {
            return Ok(());
        }
        return refuse(
            RefusalCode::WrongState,
            "this node is in another federation already; leave it first",
        );
    }
    if let Err(error) = charter.check() {
        return refuse(RefusalCode::NotAuthentic, error.to_string());
    }
    rows::put(ctx.txn, CHARTER, &[], &charter.to_unverified())?;
    put_founding(ctx, None)?;
    if let Some(ledger) = rebuilt(ctx.txn)? {
        conclude(ctx, &ledger)?;
    }
    Ok(())
}

/// Whether a statement is here, or is the charter.
pub(super) fn knows(txn: &(impl ReadTxn + ?Sized), id: StatementId) -> Result<bool, StoreError> {
    Ok(txn.get(KNOWN, &id.0)?.is_some() || charter(txn)?.is_some_and(|known| known.id() == id))
}

/// Whether `party` is to be asked for `missing`: not again and again, since it may not have it or bring
/// what does not count here.
pub(super) fn may_ask(
    ctx: &mut Context<'_>,
    party: PartyId,
    missing: StatementId,
) -> Result<bool, StoreError> {
    let asked = rows::get::<AskedRow>(ctx.txn, ASKED, &party.0)?;
    let lately = |row: &AskedRow| ctx.now < row.at.plus_ms(limits::ASK_AGAIN_MS);
    if asked.is_some_and(|row| row.missing == missing && lately(&row)) {
        return Ok(false);
    }
    rows::put(ctx.txn, ASKED, &party.0, &AskedRow { missing, at: ctx.now })?;
    Ok(true)
}

/// Takes a statement in; gives whether the ledger grew. Once all are in, [`conclude`].
pub(super) fn insert(
    ctx: &mut Context<'_>,
    ledger: &mut Ledger,
    statement: Signed<MembershipStatement>,
) -> Handled<bool> {
    let id = statement.id();
    let released = match ledger.insert(statement) {
        Insertion::Inserted { released, .. } => released,
        Insertion::Duplicate | Insertion::Pending { .. } => return Ok(false),
        Insertion::Refused { why, .. } => {
            tracing::info!(statement = %id.short(), %why, "a membership statement was refused");
            return Ok(false);
        }
    };
    // Those taken in just now are not among the rows yet.
    let mut next = (ledger.statements().len() - 1 - released.len()) as u64;
    for id in core::iter::once(id).chain(released) {
        if let Some(statement) = ledger.get(id) {
            rows::put(ctx.txn, STATEMENTS, &next.to_be_bytes(), &statement.to_unverified())?;
            rows::mark(ctx.txn, KNOWN, &id.0)?;
            next += 1;
        }
    }
    Ok(true)
}

/// Writes down what the ledger says now; who is put out loses the gate.
pub(super) fn conclude(ctx: &mut Context<'_>, ledger: &Ledger) -> Handled<()> {
    let members = ledger.members();
    for (key, _) in rows::all::<Bytes>(ctx.txn, MEMBERS, &[])? {
        let party = PartyId(rows::tail(MEMBERS, &key)?);
        if !members.contains(&party) {
            ctx.txn.delete(MEMBERS, &key)?;
            if party != ctx.peer.me() {
                ctx.notify(Notice::PutOut { party });
            }
        }
    }
    for party in &members {
        if !is_member(ctx.txn, *party)? {
            rows::mark(ctx.txn, MEMBERS, &party.0)?;
        }
        // A member needs no other reason to come in, so that none is left when it is one no more. A
        // relay's hospital stays its host.
        let standing = directory::standing(ctx.txn, *party, ctx.now)?;
        let hosted = standing == Some(Standing::Host) && ctx.peer.role() != Role::Patient;
        if hosted || standing == Some(Standing::Applicant) {
            directory::clear_standing(ctx.txn, *party)?;
        }
    }
    for (party, status) in ledger.roll() {
        let gone = matches!(status, Status::Left | Status::Expelled { .. });
        if gone != is_gone(ctx.txn, party)? {
            if gone {
                rows::mark(ctx.txn, GONE, &party.0)?;
            } else {
                ctx.txn.delete(GONE, &party.0)?;
            }
        }
        if matches!(status, Status::Expelled { .. }) && !is_expelled(ctx.txn, party)? {
            rows::mark(ctx.txn, EXPELLED, &party.0)?;
            if party == ctx.peer.me() {
                tracing::error!("this institution was expelled from its federation");
            } else {
                ctx.notify(Notice::PutOut { party });
            }
        }
    }
    rows::put(ctx.txn, LOCATOR, &[], &ledger.locator())?;
    Ok(())
}

/// The newest statements' ids and some ever further back, for `hello`.
pub(crate) fn locator(txn: &(impl ReadTxn + ?Sized)) -> Result<Vec<StatementId>, StoreError> {
    Ok(rows::get(txn, LOCATOR, &[])?.unwrap_or_default())
}

/// Forgets a federation that this institution is out of, so that it can be in another.
pub(super) fn forget(ctx: &mut Context<'_>) -> Handled<()> {
    for party in members(ctx.txn)? {
        ctx.notify(Notice::PutOut { party });
    }
    for table in [CHARTER, STATEMENTS, KNOWN, ASKED, LOCATOR, MEMBERS, EXPELLED, GONE] {
        for (key, _) in rows::keys(ctx.txn, table)? {
            ctx.txn.delete(table, &key)?;
        }
    }
    Ok(())
}

/// How a party was expelled, if it was, for people.
pub(crate) fn expulsion(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
) -> Result<Option<ExpelledView>, StoreError> {
    if !is_expelled(txn, party)? {
        return Ok(None);
    }
    let Some(ledger) = rebuilt(txn)? else { return Ok(None) };
    let Some(facts) = ledger.expulsion(party) else { return Ok(None) };
    let by: Vec<PartyId> = facts.votes.iter().copied().collect();
    let mut names = Vec::new();
    for voter in &by {
        names.push(directory::name(txn, *voter)?);
    }
    let federation = ledger.charter().name.clone();
    let (proposal, at, reason) = (facts.proposal, facts.at, facts.reason);
    Ok(Some(ExpelledView { federation, proposal, at, by, names, reason }))
}

/// Whether a party is a member of our federation.
pub(crate) fn is_member(txn: &(impl ReadTxn + ?Sized), party: PartyId) -> Result<bool, StoreError> {
    Ok(txn.get(MEMBERS, &party.0)?.is_some())
}

/// Whether a party was expelled from our federation.
pub(crate) fn is_expelled(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
) -> Result<bool, StoreError> {
    Ok(txn.get(EXPELLED, &party.0)?.is_some())
}

/// Whether a party was a member of our federation and is none any more.
pub(crate) fn is_gone(txn: &(impl ReadTxn + ?Sized), party: PartyId) -> Result<bool, StoreError> {
    Ok(txn.get(GONE, &party.0)?.is_some())
}

/// All members.
pub(super) fn members(txn: &(impl ReadTxn + ?Sized)) -> Result<Vec<PartyId>, StoreError> {
    rows::all::<Bytes>(txn, MEMBERS, &[])?
        .into_iter()
        .map(|(key, _)| rows::tail(MEMBERS, &key).map(PartyId))
        .collect()
}

/// The federation as shown.
pub(crate) fn view(
    peer: &Peer,
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
) -> Handled<FederationView> {
    let member = |party: PartyId, standing: Status| -> Handled<MemberView> {
        let card = directory::card(txn, party)?;
        let own = party == peer.me();
        let name = if own { peer.name().to_owned() } else { directory::name(txn, party)? };
        Ok(MemberView {
            party,
            name,
            role: if own { Some(peer.role()) } else { card.map(|card| card.role) },
            standing,
            this_node: own,
        })
    };
    let Some(ledger) = ledger(peer, txn)? else {
        let founding = founding(txn)?;
        let mut parties = Vec::new();
        for party in founding.iter().flat_map(|row| &row.members) {
            let sponsors = std::collections::BTreeSet::from([peer.me()]);
            parties.push(member(*party, Status::Candidate { sponsors })?);
        }
        parties.extend(applicants(peer, txn, now, &parties)?);
        return Ok(FederationView {
            federation: None,
            name: founding.as_ref().map_or_else(String::new, |row| row.name.clone()),
            threshold: founding.as_ref().map_or(0, |row| row.threshold),
            founding: founding.is_some(),
            first_members: founding.as_ref().map(FoundingRow::first_members),
            parties,
            proposals: Vec::new(),
            expelled: None,
        });
    };
    let Some(charter) = charter(txn)? else {
        return refuse(RefusalCode::NotFound, "the charter is missing");
    };
    let mut parties = Vec::new();
    for (party, status) in ledger.roll() {
        parties.push(member(party, status)?);
    }
    parties.extend(applicants(peer, txn, now, &parties)?);
    let proposals = ledger
        .proposals()
        .map(|proposal| ProposalView {
            proposal: proposal.id,
            subject: proposal.subject,
            author: proposal.author,
            reason: proposal.reason.to_owned(),
            at: proposal.at,
            votes: proposal.votes.iter().copied().collect(),
            electorate: proposal.electorate,
            carried: proposal.carried,
        })
        .collect();
    let federation = ledger.federation();
    keep(peer, ledger, false);
    Ok(FederationView {
        federation: Some(federation),
        name: charter.name.clone(),
        threshold: charter.threshold,
        founding: false,
        first_members: None,
        parties,
        proposals,
        expelled: expulsion(txn, peer.me())?,
    })
}

/// Institutions that applied and of which no statement speaks yet.
fn applicants(
    peer: &Peer,
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
    listed: &[MemberView],
) -> Handled<Vec<MemberView>> {
    let mut views = Vec::new();
    for card in directory::institutions(txn)? {
        let party = card.institution;
        let applicant = directory::standing(txn, party, now)? == Some(Standing::Applicant);
        if applicant && party != peer.me() && !listed.iter().any(|view| view.party == party) {
            views.push(MemberView {
                party,
                name: card.name.clone(),
                role: Some(card.role),
                standing: Status::Stranger,
                this_node: false,
            });
        }
    }
    Ok(views)
}
