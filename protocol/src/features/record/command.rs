//! What front doors ask to be done.

use super::authors::standing;
use super::machine::{log_opened, new_chart, open, record};
use super::reasons::Reason;
use super::undo::{anew, undo};
use super::view::{ChartView, OpenedView, RecordedView, UndoneView};
use crate::capability::Purpose;
use crate::entries::{SealedEntry, Term};
use crate::id::{ChartId, EntryId, PartyId};
use crate::members;
use crate::names;
use crate::refusal::{Handled, refuse};
use crate::turn::{CarryOut, Context, commands};
use serde::{Deserialize, Serialize};

commands! {
    /// What a front door can ask of this feature.
    pub enum Command: "record" {
        /// Opens a chart.
        "new-chart" NewChart => ChartView,
        /// Keeps sealed entries under a chart.
        #[serde(skip)]
        Record => RecordedView,
        /// Undoes the enrolment in a chart.
        Undo => UndoneView,
        /// Puts entries that were sealed anew in the place of the old ones.
        #[serde(skip)]
        Anew => UndoneView,
        /// Opens an entry.
        Open => OpenedView,
    }
}

/// Opens a chart.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewChart {
    /// The person's name.
    pub name: String,
    /// Identifiers at this institution.
    #[serde(default)]
    pub identifiers: Vec<Term>,
}

impl CarryOut for NewChart {
    const GROWS: bool = true;

    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<ChartView> {
        new_chart(ctx, self.name, self.identifiers)
    }
}

/// Keeps sealed entries under a chart; made by the node after sealing.
#[derive(Debug)]
pub struct Record {
    /// The chart's subject, for which they were sealed.
    pub subject: PartyId,
    /// The chart, where whoever records knows it: of the same subject there may be another one by now, when an enrolment was
    /// undone meanwhile.
    pub chart: Option<ChartId>,
    /// The entries.
    pub entries: Vec<SealedEntry>,
}

impl CarryOut for Record {
    const GROWS: bool = true;

    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<RecordedView> {
        record(ctx, self.subject, self.chart, self.entries)
    }
}

/// At a hospital: undoes the enrolment in a chart, which is another person's. What was recorded in it here leaves that
/// patient's record and is to be sealed anew, which the node does; given again, it tells how much of that is left.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// The chart.
    pub chart: ChartId,
    /// Who undoes it.
    pub user: String,
    /// Also where contents of the chart are not here: they are lost then.
    #[serde(default)]
    pub although_lost: bool,
}

impl CarryOut for Undo {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<UndoneView> {
        undo(ctx, self.chart, &self.user, self.although_lost)
    }
}

/// Puts entries that were sealed anew in the place of the old ones; made by the node after sealing.
#[derive(Debug)]
pub struct Anew {
    /// The chart.
    pub chart: ChartId,
    /// Each with the one whose place it takes.
    pub entries: Vec<(EntryId, SealedEntry)>,
}

impl CarryOut for Anew {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<UndoneView> {
        anew(ctx, self.chart, self.entries)
    }
}

/// Opens an entry: logs it, then tells the keys to the front door.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// The patient, or the chart's subject.
    pub subject: PartyId,
    /// The entry.
    pub entry: EntryId,
    /// Who at this institution opens it.
    pub user: String,
    /// What for.
    pub purpose: Purpose,
    /// Whether it leaves in the clear.
    #[serde(default)]
    pub export: bool,
}

impl CarryOut for Open {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<OpenedView> {
        let Self { subject, entry, user, purpose, export } = self;
        if !names::can_be_named(&user) {
            return refuse(Reason::UserOutOfBounds);
        }
        let (row, manifest) = open(ctx, subject, entry)?;
        let author = row.label.claims().author;
        let view = OpenedView {
            whole: row.whole,
            label: row.label.bytes().to_vec(),
            author,
            author_name: members::name(ctx.txn, author)?,
            standing: standing(ctx.own, ctx.txn, &row, Some(manifest.kind))?,
            manifest,
        };
        log_opened(ctx, subject, entry, user, purpose, export)?;
        Ok(view)
    }
}
