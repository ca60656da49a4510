//! Enrolments that were begun and not made: at the institution, until two people have compared a number.

use super::number;
use super::reasons::Reason;
use super::view::PendingView;
use super::wire::{Confirmed, Message, Undone};
use crate::codec::wire_struct;
use crate::codes;
use crate::entries;
use crate::id::{ChartId, CodeId, PartyId};
use crate::limits;
use crate::members;
use crate::refusal::{Failure, Handled, refuse};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::turn::{Context, Page, Part};

/// Patient, relay -> [`PendingRow`]. Whose relay it is nobody knows before the patient's ring is here, so another that comes
/// with the patient's keys keeps the patient's own from nothing.
const PENDING: Table = Table::rows("enrolment_pending");
/// Chart -> [`OfChartRow`].
const OF_CHART: Table = Table::rows("enrolment_pending_chart");

wire_struct! {
    /// Whose enrolment in a chart was begun.
    #[derive(Debug, Clone, Copy)]
    pub struct OfChartRow {
        /// The patient.
        1 => patient: PartyId,
        /// The relay that brings the patient.
        2 => relay: PartyId,
    }
}

wire_struct! {
    /// An enrolment that was begun here. Nothing of it is certified, sealed or announced before it is made, and
    /// nothing of the patient is kept but this.
    #[derive(Debug, Clone)]
    pub struct PendingRow {
        /// In which chart.
        1 => chart: ChartId,
        /// The relay that brings the patient.
        2 => relay: PartyId,
        /// The code that it came with.
        3 => code: CodeId,
        /// What was said, hashed.
        4 => transcript: [u8; 32],
        /// What the relay committed to.
        5 => commitment: [u8; 32],
        /// Our part of the number.
        6 => ours: [u8; 32],
        /// The relay's part, once it was revealed.
        7 => theirs: Option<[u8; 32]>,
        /// How often a wrong number was typed.
        8 => slips: u32,
        /// Whether the number was compared.
        9 => compared: bool,
        /// Since when.
        10 => since: Timestamp,
    }
}

impl PendingRow {
    fn lasts(&self, now: Timestamp) -> bool {
        now < self.since.plus_ms(limits::PENDING_MS)
    }
}

/// A patient's enrolment that a relay began here and that still can be made.
pub(super) fn pending(
    txn: &(impl ReadTxn + ?Sized),
    (patient, relay): (PartyId, PartyId),
    now: Timestamp,
) -> Result<Option<PendingRow>, StoreError> {
    let key = rows::pair(&patient.0, &relay.0);
    Ok(rows::get::<PendingRow>(txn, PENDING, &key)?.filter(|row| row.lasts(now)))
}

/// The same, of whomever it was begun with in a chart.
pub(super) fn pending_in(
    txn: &(impl ReadTxn + ?Sized),
    chart: ChartId,
    now: Timestamp,
) -> Result<Option<(PartyId, PendingRow)>, StoreError> {
    let Some(begun) = rows::get::<OfChartRow>(txn, OF_CHART, &chart.0)? else { return Ok(None) };
    let row = pending(txn, (begun.patient, begun.relay), now)?;
    Ok(row.map(|row| (begun.patient, row)))
}

pub(super) fn put(txn: &mut dyn Txn, patient: PartyId, row: &PendingRow) -> Result<(), StoreError> {
    let begun = OfChartRow { patient, relay: row.relay };
    rows::put(txn, OF_CHART, &row.chart.0, &begun)?;
    rows::put(txn, PENDING, &rows::pair(&patient.0, &row.relay.0), row)
}

pub(super) fn delete(
    txn: &mut dyn Txn,
    patient: PartyId,
    row: &PendingRow,
) -> Result<(), StoreError> {
    txn.delete(OF_CHART, &row.chart.0)?;
    txn.delete(PENDING, &rows::pair(&patient.0, &row.relay.0))
}

/// Forgets what nobody compared in time.
pub(super) fn forget_old(ctx: &mut Context<'_>) -> Result<(), StoreError> {
    for (key, row) in rows::all::<PendingRow>(ctx.txn, PENDING, &[])? {
        if !row.lasts(ctx.now) {
            delete(ctx.txn, patient_of(&key)?, &row)?;
        }
    }
    Ok(())
}

fn patient_of(key: &[u8]) -> Result<PartyId, StoreError> {
    rows::tail(PENDING, &key[..key.len().min(PartyId::LEN)]).map(PartyId)
}

/// How a comparison ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compared {
    /// The same on both sides.
    Same,
    /// Another, with so many tries left; with none the enrolment has ended.
    Other(u32),
}

fn to_compare(ctx: &Context<'_>, chart: ChartId) -> Handled<(PartyId, PendingRow)> {
    let Some((patient, row)) = pending_in(ctx.txn, chart, ctx.now)? else {
        return refuse(Reason::NobodyCame);
    };
    if codes::contested(ctx.txn, row.code)?.is_some() {
        return refuse(codes::Reason::Frozen);
    }
    Ok((patient, row))
}

/// At the desk: a person typed the number that the patient's side shows.
pub(super) fn compare(ctx: &mut Context<'_>, chart: ChartId, text: &str) -> Handled<Compared> {
    let (patient, row) = to_compare(ctx, chart)?;
    let Some(theirs) = row.theirs else { return refuse(Reason::NotRevealed) };
    let Some(typed) = number::typed(text) else { return refuse(Reason::NoNumber) };
    let same = typed == number::number(&row.transcript, &row.ours, &theirs);
    judged(ctx, patient, row, same)
}

/// At the desk: a person scanned the card that the patient's phone shows, or that the patient brought: it names patient
/// and relay, so no number is needed.
pub(super) fn scan(
    ctx: &mut Context<'_>,
    chart: ChartId,
    (shown, relay): (PartyId, PartyId),
) -> Handled<Compared> {
    let (patient, row) = to_compare(ctx, chart)?;
    let same = (shown, relay) == (patient, row.relay);
    judged(ctx, patient, row, same)
}

fn judged(
    ctx: &mut Context<'_>,
    patient: PartyId,
    mut row: PendingRow,
    same: bool,
) -> Handled<Compared> {
    if same {
        if !row.compared {
            row.compared = true;
            put(ctx.txn, patient, &row)?;
            ctx.send(row.relay, &Message::Confirmed(Confirmed { patient }))?;
        }
        return Ok(Compared::Same);
    }
    row.slips += 1;
    let left = limits::COMPARE_SLIPS_MAX.saturating_sub(row.slips);
    if left == 0 {
        undo(ctx, patient, &row)?;
    } else {
        put(ctx.txn, patient, &row)?;
    }
    Ok(Compared::Other(left))
}

/// Ends an enrolment that was begun, and tells the relay.
pub(super) fn undo(ctx: &mut Context<'_>, patient: PartyId, row: &PendingRow) -> Handled<()> {
    delete(ctx.txn, patient, row)?;
    ctx.send_urgently(row.relay, &Message::Undone(Undone { patient }))?;
    Ok(())
}

/// A page of the enrolments that were begun and not made.
pub(super) fn page(txn: &dyn ReadTxn, now: Timestamp, part: &Part) -> Handled<Page<PendingView>> {
    let rows = part.rows::<PendingRow>(txn, PENDING, &[], 2 * PartyId::LEN)?;
    rows.show(|(key, row)| {
        if !row.lasts(now) {
            return Ok(None);
        }
        let chart = match entries::chart(txn, row.chart) {
            Ok(chart) => chart,
            Err(Failure::Refused(_)) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let patient = patient_of(&key)?;
        Ok(Some(PendingView {
            chart: row.chart,
            chart_name: chart.name,
            patient,
            relay: row.relay,
            relay_name: members::name(txn, row.relay)?,
            since: row.since,
            to_compare: row.theirs.is_some() && !row.compared,
            compared: row.compared,
            slips_left: limits::COMPARE_SLIPS_MAX.saturating_sub(row.slips),
            contested_by: codes::contested(txn, row.code)?,
        }))
    })
}
