//! What front doors ask to be done.

use super::authors::standing;
use super::machine::{log_opened, new_chart, open, record};
use super::reasons::Reason;
use super::view::{ChartView, OpenedView, RecordedView};
use crate::capability::Purpose;
use crate::entries::{SealedEntry, Term};
use crate::id::{EntryId, PartyId};
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
    /// The entries.
    pub entries: Vec<SealedEntry>,
}

impl CarryOut for Record {
    const GROWS: bool = true;

    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<RecordedView> {
        record(ctx, self.subject, self.entries)
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
