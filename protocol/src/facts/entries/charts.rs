//! Charts: what an institution keeps about one person.

use super::reasons::Reason;
use super::wire::Term;
use crate::codec::wire_struct;
use crate::id::{ChartId, PartyId};
use crate::names::{self, Bearer, Digits};
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::turn::{Context, Page, Part};

/// Chart -> [`ChartRow`].
const CHARTS: Table = Table::rows("chart");
/// Subject -> chart, and what its subject was before its patient was known -> the same chart.
const CHART_OF: Table = Table::rows("chart_of");

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

impl ChartRow {
    /// What a person finds it by: the name, and each identifier with its system (`mrn=12345`) or without.
    fn words(&self) -> Vec<String> {
        let identifiers = self.identifiers.iter();
        let identifiers = identifiers
            .flat_map(|term| [format!("{}={}", term.name, term.value), term.value.clone()]);
        core::iter::once(self.name.clone()).chain(identifiers).collect()
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
    let Some(id) = rows::get::<ChartId>(txn, CHART_OF, &subject.0)? else { return Ok(None) };
    let row = rows::get::<ChartRow>(txn, CHARTS, &id.0)?;
    Ok(Some(id).filter(|_| row.is_some_and(|row| row.subject == subject)))
}

/// Keeps a chart, which is found by its subject, its name and its identifiers; by people, who may have written it down,
/// by the subject that it had before, too.
pub(crate) fn put_chart(txn: &mut dyn Txn, id: ChartId, row: &ChartRow) -> Result<(), StoreError> {
    call(txn, id, Some(row))?;
    rows::put(txn, CHARTS, &id.0, row)?;
    rows::put(txn, CHART_OF, &row.subject.0, &id)
}

/// A chart is not this subject's any more, and never should have been: by it nobody finds the chart.
pub(crate) fn leave_subject(
    txn: &mut dyn Txn,
    subject: PartyId,
    id: ChartId,
) -> Result<(), StoreError> {
    match rows::get::<ChartId>(txn, CHART_OF, &subject.0)? == Some(id) {
        true => txn.delete(CHART_OF, &subject.0),
        false => Ok(()),
    }
}

/// Forgets a chart that went up in another.
pub(crate) fn delete_chart(txn: &mut dyn Txn, id: ChartId) -> Result<(), StoreError> {
    call(txn, id, None)?;
    txn.delete(CHARTS, &id.0)
}

/// A chart is found by what its row says, no longer by what it said.
fn call(txn: &mut dyn Txn, id: ChartId, after: Option<&ChartRow>) -> Result<(), StoreError> {
    let before = rows::get::<ChartRow>(txn, CHARTS, &id.0)?;
    let words = |row: Option<&ChartRow>| row.map(ChartRow::words).unwrap_or_default();
    let (before, after) = (words(before.as_ref()), words(after));
    names::rename(txn, Bearer::Chart, &id.0, &refs(&before), &refs(&after))
}

fn refs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
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

/// A page of all charts.
pub(crate) fn charts(txn: &dyn ReadTxn, part: &Part) -> Handled<Page<(ChartId, ChartRow)>> {
    let page = part.rows(txn, CHARTS, &[], ChartId::LEN)?;
    page.show(|(key, row)| Ok(Some((ChartId(rows::tail(CHARTS, &key)?), row))))
}

/// Up to `limit` charts whose ids begin so.
pub(crate) fn charts_beginning(
    txn: &(impl ReadTxn + ?Sized),
    digits: &Digits,
    limit: usize,
) -> Result<Vec<ChartId>, StoreError> {
    let keys = digits.keys(txn, CHARTS, &[], limit)?;
    keys.iter().map(|key| rows::tail(CHARTS, key).map(ChartId)).collect()
}

/// The charts of up to `limit` subjects whose ids begin so, and of what subjects were before.
pub(crate) fn charts_of_subjects_beginning(
    txn: &(impl ReadTxn + ?Sized),
    digits: &Digits,
    limit: usize,
) -> Result<Vec<ChartId>, StoreError> {
    let mut found = Vec::new();
    for key in digits.keys(txn, CHART_OF, &[], limit)? {
        // One that went up in another left its earlier subject behind.
        if let Some(id) = rows::get::<ChartId>(txn, CHART_OF, &key)?
            && txn.get(CHARTS, &id.0)?.is_some()
        {
            found.push(id);
        }
    }
    Ok(found)
}
