//! Every table that a run writes, column by column: the one place from which the writers, the Parquet files' metadata
//! and `docs/RESULTS.md` take names, kinds, units and meanings.

#[cfg(test)]
use std::fmt::Write as _;

/// The version of the tables and the manifest.
pub(crate) const RESULTS: &str = "chartmesh-sim-run/1";

/// A table: a CSV file and a Parquet file of this name.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: &'static str,
    /// What a row is.
    pub(crate) doc: &'static str,
    /// Its columns.
    pub(crate) columns: &'static [Column],
}

/// A column.
#[derive(Debug)]
pub(crate) struct Column {
    /// Its name; a unit comes last in it, as in `at_us`.
    pub(crate) name: &'static str,
    /// What its values are.
    pub(crate) kind: Kind,
    /// Whether a value may be missing: empty in CSV, null in Parquet.
    pub(crate) optional: bool,
    /// The unit, if it has one.
    pub(crate) unit: &'static str,
    /// What it says.
    pub(crate) doc: &'static str,
}

/// What a column's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Whole numbers from 0: `UINT64` in Parquet.
    Whole,
    /// `DOUBLE` in Parquet.
    Number,
    /// `true` or `false`: `BOOLEAN` in Parquet.
    Flag,
    /// `STRING` in Parquet.
    Text,
}

#[cfg(test)]
impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole number",
            Self::Number => "number",
            Self::Flag => "true or false",
            Self::Text => "text",
        }
    }
}

const fn always(name: &'static str, kind: Kind, unit: &'static str, doc: &'static str) -> Column {
    Column { name, kind, optional: false, unit, doc }
}

const fn maybe(name: &'static str, kind: Kind, unit: &'static str, doc: &'static str) -> Column {
    Column { name, kind, optional: true, unit, doc }
}

const METRIC: Column = always("metric", Kind::Text, "", "the measure's name");
const UNIT: Column = always(
    "unit",
    Kind::Text,
    "",
    "what a value is: `micros` (simulated microseconds), `bytes`, `count` or `share` (0 to 1)",
);
const LABEL: Column = always(
    "label",
    Kind::Text,
    "",
    "only samples with this label, such as a feature or `online`; empty for all",
);
const AT: Column = always("at_us", Kind::Whole, "µs", "simulated time since the scenario's begin");

/// A measure in a few figures.
pub(crate) const SUMMARY: Table = Table {
    name: "summary",
    doc: "A measure in a few figures, and once more for each of its labels. Quantiles come from Kaplan and Meier's \
          estimate, so that what had not ended when the run did counts as what it is: longer than it was seen.",
    columns: &[
        METRIC,
        LABEL,
        UNIT,
        always("of", Kind::Text, "", "of what it is counted: the denominator in words"),
        maybe(
            "denominator",
            Kind::Whole,
            "",
            "the denominator; of a label, known only where it is the number of samples",
        ),
        always("count", Kind::Whole, "", "samples"),
        always("censored", Kind::Whole, "", "of which so many had not ended when the run did"),
        always("total", Kind::Number, "the measure's", "the sum of the values as they were seen"),
        maybe("ratio", Kind::Number, "the measure's", "total divided by denominator"),
        maybe("min", Kind::Number, "the measure's", "the smallest value"),
        maybe(
            "mean",
            Kind::Number,
            "the measure's",
            "the mean; the area under the survival curve when some were censored",
        ),
        maybe(
            "mean_at_least",
            Kind::Flag,
            "",
            "the true mean may be larger: the longest had not ended",
        ),
        maybe("median", Kind::Number, "the measure's", "half of the values are no larger"),
        maybe(
            "median_at_least",
            Kind::Flag,
            "",
            "fewer than half had ended: the true median is at least that",
        ),
        maybe("p95", Kind::Number, "the measure's", "95 of 100 values are no larger"),
        maybe("p95_at_least", Kind::Flag, "", "the true value is at least that"),
        maybe("p99", Kind::Number, "the measure's", "99 of 100 values are no larger"),
        maybe("p99_at_least", Kind::Flag, "", "the true value is at least that"),
        maybe("max", Kind::Number, "the measure's", "the largest value"),
        maybe("max_at_least", Kind::Flag, "", "the largest had not ended"),
    ],
};

/// Measures over time.
pub(crate) const SERIES: Table = Table {
    name: "series",
    doc: "Measures over time, in steps of `measure.every`: for each measure over all, by label and by region. A step in \
          which nothing began has no row.",
    columns: &[
        METRIC,
        LABEL,
        always("region", Kind::Text, "", "only at parties of this region; empty for all"),
        always("from_us", Kind::Whole, "µs", "the step's begin, simulated time"),
        always("until_us", Kind::Whole, "µs", "its end, not included"),
        always("count", Kind::Whole, "", "samples that began within it"),
        always("censored", Kind::Whole, "", "of which so many had not ended when the run did"),
        maybe(
            "denominator",
            Kind::Whole,
            "",
            "of so many; missing where the measure is not counted by its own samples",
        ),
        maybe(
            "mean",
            Kind::Number,
            "the measure's",
            "the mean; at least that when some were censored",
        ),
        maybe("p5", Kind::Number, "the measure's", "5 of 100 values are no larger"),
        maybe("p25", Kind::Number, "the measure's", "a quarter of the values is no larger"),
        maybe("median", Kind::Number, "the measure's", "half of the values are no larger"),
        maybe("p75", Kind::Number, "the measure's", "three quarters of the values are no larger"),
        maybe("p95", Kind::Number, "the measure's", "95 of 100 values are no larger"),
        maybe("p95_at_least", Kind::Flag, "", "the true value is at least that"),
    ],
};

/// Every value.
pub(crate) const SAMPLES: Table = Table {
    name: "samples",
    doc: "Every value that was measured.",
    columns: &[
        METRIC,
        always("at_us", Kind::Whole, "µs", "when what was measured began, simulated time"),
        always("value", Kind::Number, "the measure's", "the value"),
        always(
            "censored",
            Kind::Flag,
            "",
            "it had not ended when the run did: the true value is at least this",
        ),
        maybe(
            "party",
            Kind::Whole,
            "",
            "at which party: `party` of the table parties; missing where it is of no single one",
        ),
        maybe("region", Kind::Text, "", "that party's region, or the one that the value is of"),
        always(
            "label",
            Kind::Text,
            "",
            "for splitting, such as a feature or `online`; may be empty",
        ),
    ],
};

/// The parties.
pub(crate) const PARTIES: Table = Table {
    name: "parties",
    doc: "The parties, by the number that other tables name them by.",
    columns: &[
        always("party", Kind::Whole, "", "its number"),
        always("name", Kind::Text, "", "its name, such as `clinic-1`"),
        always("group", Kind::Text, "", "its group's id in the scenario"),
        always("region", Kind::Text, "", "its region's id"),
        always("role", Kind::Text, "", "`hospital`, `patient` (a relay) or `backup` (a provider)"),
    ],
};

/// The scenario's events.
pub(crate) const MARKS: Table = Table {
    name: "marks",
    doc: "The scenario's events as they took place.",
    columns: &[
        always("event", Kind::Whole, "", "its number in the scenario's list, from 0"),
        always("what", Kind::Text, "", "in words, such as `isolate north`"),
        always("from_us", Kind::Whole, "µs", "its begin, simulated time"),
        always(
            "until_us",
            Kind::Whole,
            "µs",
            "its end; the same as its begin for what has no length",
        ),
    ],
};

/// The faults.
pub(crate) const FAULTS: Table = Table {
    name: "faults",
    doc: "What went wrong by lot, and how often.",
    columns: &[
        always("fault", Kind::Text, "", "its name in the scenario"),
        always("times", Kind::Whole, "", "how often it fired"),
    ],
};

/// What did not hold.
pub(crate) const VIOLATIONS: Table = Table {
    name: "violations",
    doc: "What the checkers found not to hold. No rows: everything held.",
    columns: &[
        always("checker", Kind::Text, "", "which checker"),
        AT,
        maybe("party", Kind::Whole, "", "at which party, if at one"),
        always("what", Kind::Text, "", "what was found, in a sentence"),
    ],
};

/// The trace.
pub(crate) const TRACE: Table = Table {
    name: "trace",
    doc: "Everything that happened, in the order in which it did. Ids are the first 8 bytes of the full ones as a \
          big-endian number; 0 where there is none.",
    columns: &[
        AT,
        always(
            "kind",
            Kind::Text,
            "",
            "`asked` and `answered` at a front door, `dialled` with how that ended, `greeted`, `sent`, `received` and \
             handled, `concluded` with its outcome, `pulled` an object, `committed` to disk, `switched` on or off, \
             `fault`, `happened` (an event of the scenario), `violated` (a checker found something)",
        ),
        maybe("party", Kind::Whole, "", "at which party"),
        maybe("other", Kind::Whole, "", "the other party"),
        maybe(
            "what",
            Kind::Text,
            "",
            "what it was about: feature and message, such as `consent.ask`",
        ),
        always(
            "id",
            Kind::Whole,
            "",
            "what can be followed: a message, a request, a token, an object",
        ),
        always("patient", Kind::Whole, "", "the patient concerned"),
        always("bytes", Kind::Whole, "B", "on the wire, or written"),
        maybe("end", Kind::Text, "", "how it ended, such as `done`, `refused`, `never-sent`"),
    ],
};

/// A sweep, or a comparison over several seeds.
pub(crate) const SWEEP: Table = Table {
    name: "sweep",
    doc: "In the folder of a sweep: every figure at every point, over the seeds. Intervals are Student's, 95 %.",
    columns: &[
        always("point", Kind::Text, "", "the values that were varied, such as `policy.replicas=2`"),
        always(
            "figure",
            Kind::Text,
            "",
            "a measure and its part, such as `consent_latency.median`",
        ),
        UNIT,
        always("seeds", Kind::Whole, "", "runs that had this figure"),
        always(
            "at_least",
            Kind::Whole,
            "",
            "in so many of them the true figure may be larger: something had not ended",
        ),
        always("mean", Kind::Number, "the measure's", "the mean over the seeds"),
        maybe(
            "low",
            Kind::Number,
            "the measure's",
            "its interval's lower end; missing with one seed",
        ),
        maybe("high", Kind::Number, "the measure's", "its upper end"),
        maybe(
            "difference",
            Kind::Number,
            "the measure's",
            "the mean difference from the first point, seed by seed",
        ),
        maybe("difference_low", Kind::Number, "the measure's", "its interval's lower end"),
        maybe("difference_high", Kind::Number, "the measure's", "its upper end"),
    ],
};

/// All of them.
#[cfg(test)]
pub(crate) const TABLES: [&Table; 9] =
    [&SUMMARY, &SERIES, &SAMPLES, &PARTIES, &MARKS, &FAULTS, &VIOLATIONS, &TRACE, &SWEEP];

/// `docs/RESULTS.md`, from the tables above.
#[cfg(test)]
fn document() -> String {
    let mut text = format!(
        "# What a run of the simulator leaves behind\n\n\
         <!-- Made from scenarios/src/output/schema.rs: UPDATE_DOCS=1 cargo test -p chartmesh-scenarios --lib schema -->\n\n\
         `chartmesh sim run FILE --out DIR` writes into `DIR`:\n\n\
         | file | what |\n|---|---|\n\
         | `manifest.json` | the scenario with every default written out, seed, version, trace hash, what came out, and the \
         files beside it. A run is repeated from it alone. It is written last: where it is, everything is |\n\
         | `report.html` | the report, in one file that needs no other and no network |\n\
         | `plots/*.svg`, `*.png` | its plots, for papers |\n\
         | `*.parquet`, `*.csv` | the tables below; the trace as Parquet, as CSV too if asked for |\n\n\
         Format `{RESULTS}`. Times are simulated microseconds since the scenario's begin. In Python:\n\n\
         ```python\n\
         import polars as pl                                # or: import pandas as pd\n\
         summary = pl.read_parquet(\"DIR/summary.parquet\")   # or: pd.read_parquet(...)\n\
         ```\n\n\
         `scenarios/results.py` is a longer example. In each Parquet file, `chartmesh.columns` of the metadata holds the \
         column's meanings as JSON, and `chartmesh.format` the format.\n"
    );
    for table in TABLES {
        let _ = write!(
            text,
            "\n## {}\n\n{}\n\n| column | kind | unit | may be missing | what |\n|---|---|---|---|---|\n",
            table.name, table.doc
        );
        for column in table.columns {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} |",
                column.name,
                column.kind.word(),
                column.unit,
                if column.optional { "yes" } else { "" },
                column.doc
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_schema_is_the_one_that_is_written() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/RESULTS.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, document()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(written, document(), "UPDATE_DOCS=1 writes it anew");
    }

    #[test]
    fn no_table_names_a_column_twice() {
        for table in TABLES {
            let mut names: Vec<_> = table.columns.iter().map(|column| column.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), table.columns.len(), "{}", table.name);
        }
    }
}
