//! Charts: what an institution keeps about one person.

use super::reasons::Reason;
use super::wire::Term;
use crate::codec::wire_struct;
use crate::id::{ChartId, PartyId};
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::turn::Context;

/// Chart -> [`ChartRow`].
const CHARTS: Table = Table("chart");
/// Subject -> chart.
const CHART_OF: Table = Table("chart_of");

wire_struct! {
    /// What an institution keeps about one person.
    #[derive(Debug, Clone)]
    pub struct ChartRow {
        /// The person's name, for people at this institution only.
        1 => name: String,
        /// Identifiers at this institution.
        2 => identifiers: Vec<Term>,
        /// When it was opened.
        3 => created: Timestamp,
        /// Whom its entries' labels name: the patient once enrolled, before that an id of the chart.
        4 => subject: PartyId,
        /// Whether the patient is known: its entries name the patient and are sealed to the patient, too.
        5 => enrolled: bool,
        /// Whether a person here opened it; a permission or a restored copy opens one, too.
        6 => registered: bool,
    }
}

/// The id that stands for the patient in the labels of a chart that is not enrolled.
pub(crate) fn subject_of_chart(chart: ChartId) -> PartyId {
    PartyId(blake3::derive_key("chartmesh/1/chart", &chart.0))
}

/// A chart.
pub(crate) fn chart(txn: &(impl ReadTxn + ?Sized), chart: ChartId) -> Handled<ChartRow> {
    match rows::get(txn, CHARTS, &chart.0)? {
        Some(row) => Ok(row),
        None => refuse(Reason::NoChart { chart }),
    }
}

/// The chart kept about a subject.
pub(crate) fn chart_of(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
) -> Result<Option<ChartId>, StoreError> {
    rows::get(txn, CHART_OF, &subject.0)
}

/// Keeps a chart, and finds it by its subject.
pub(crate) fn put_chart(txn: &mut dyn Txn, id: ChartId, row: &ChartRow) -> Result<(), StoreError> {
    rows::put(txn, CHARTS, &id.0, row)?;
    rows::put(txn, CHART_OF, &row.subject.0, &id)
}

/// Forgets a chart that went up in another.
pub(crate) fn delete_chart(txn: &mut dyn Txn, id: ChartId) -> Result<(), StoreError> {
    txn.delete(CHARTS, &id.0)
}

/// Its chart is found by another subject from now on.
pub(crate) fn leave_subject(txn: &mut dyn Txn, subject: PartyId) -> Result<(), StoreError> {
    txn.delete(CHART_OF, &subject.0)
}

/// Makes a chart for a patient that came by a permission or a backup, if there is none.
pub(crate) fn chart_for(ctx: &mut Context<'_>, subject: PartyId) -> Handled<()> {
    if chart_of(ctx.txn, subject)?.is_some() {
        return Ok(());
    }
    let id = ChartId(ctx.random());
    let enrolled = crate::directory::keys(ctx.txn, subject)?.is_some();
    let row = ChartRow {
        name: format!("patient {}", subject.short()),
        identifiers: Vec::new(),
        created: ctx.now,
        subject,
        enrolled,
        registered: false,
    };
    Ok(put_chart(ctx.txn, id, &row)?)
}

/// All charts.
pub(crate) fn charts(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Vec<(ChartId, ChartRow)>, StoreError> {
    rows::all::<ChartRow>(txn, CHARTS, &[])?
        .into_iter()
        .map(|(key, row)| Ok((ChartId(rows::tail(CHARTS, &key)?), row)))
        .collect()
}
