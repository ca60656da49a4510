//! Where parties are, how messages travel between them, how their machines behave.

use super::limits;
use super::units::{Share, Size, Span, one};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The federation's rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Federation {
    /// Sponsors that an admission needs, 2 to 16.
    #[schemars(range(min = limits::THRESHOLD_MIN, max = limits::THRESHOLD_MAX))]
    pub threshold: u16,
}

impl Default for Federation {
    fn default() -> Self {
        Self { threshold: 2 }
    }
}

/// A place with its own network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Its id.
    pub id: String,
    /// Local time is that much ahead of UTC: days and nights follow it. West of Greenwich count from the
    /// day before: 19 for New York.
    #[serde(default)]
    #[schemars(range(max = limits::HOURS_AHEAD))]
    pub hours_ahead: u8,
}

/// How messages travel between two regions, or within one, each way alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The two regions; twice the same for within one.
    pub between: [String; 2],
    /// How long a message is on its way, one way.
    pub latency: Spread,
    /// Packets lost, each costing a retransmission; at three in a row the connection breaks.
    #[serde(default)]
    pub loss: Loss,
    /// Bytes a second of one party's line; what does not fit waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Size>,
    /// Share of messages that arrive twice.
    #[serde(default)]
    pub duplicate: Share,
    /// Share of messages that are overtaken by those after them, by up to ten times the latency.
    #[serde(default)]
    pub reorder: Share,
}

impl Link {
    /// What is taken for a pair of regions of which the file says nothing: 5 ms within a region, 20 ms between
    /// two, nothing lost. Loading writes these links out, so that each pair has one.
    #[must_use]
    pub fn unsaid(one: &str, other: &str) -> Self {
        let millis = if one == other { 5 } else { 20 };
        Self::after(one, other, Spread::Always(Span::from_micros(millis * 1000)))
    }

    /// A link with a latency and nothing else.
    pub(super) fn after(one: &str, other: &str, latency: Spread) -> Self {
        Self {
            between: [one.to_owned(), other.to_owned()],
            latency,
            loss: Loss::default(),
            bandwidth: None,
            duplicate: Share::default(),
            reorder: Share::default(),
        }
    }

    /// Whether it is between these two, in any order.
    #[must_use]
    pub fn is_between(&self, one: &str, other: &str) -> bool {
        let [from, to] = &self.between;
        (from == one && to == other) || (from == other && to == one)
    }
}

/// Latencies of all pairs of regions from one CSV file. Loading turns it into links.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkMatrix {
    /// The file, relative to the scenario's: the first row and the first column are region ids, the values
    /// are milliseconds one way. Both halves must say the same, or one is left empty.
    pub csv: PathBuf,
    /// Each message takes up to this share less or more.
    #[serde(default)]
    pub jitter: Share,
    /// Packets lost between two regions and within one.
    #[serde(default)]
    pub loss: Loss,
    /// Bytes a second of one party's line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Size>,
}

/// A length of time that differs from case to case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Spread {
    /// Always the same.
    Always(Span),
    /// By a distribution.
    By(Distribution),
    /// Drawn from a file.
    From(FromFile),
}

/// How a length of time is distributed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "dist", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Distribution {
    /// Equally likely between two bounds.
    Uniform {
        /// From.
        from: Span,
        /// To.
        to: Span,
    },
    /// Memoryless.
    Exponential {
        /// The mean.
        mean: Span,
    },
    /// The logarithm is normally distributed.
    Lognormal {
        /// The median.
        median: Span,
        /// The standard deviation of the logarithm.
        #[schemars(range(min = 0.0, max = limits::SIGMA))]
        sigma: f64,
    },
    /// Sessions of people: many short ones, few long ones with a shape below 1.
    Weibull {
        /// The shape.
        #[schemars(range(min = limits::SHAPE.0, max = limits::SHAPE.1))]
        shape: f64,
        /// The scale: 63 of 100 are shorter.
        scale: Span,
    },
}

/// Values from a CSV file beside the scenario, one drawn each time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FromFile {
    /// The file, relative to the scenario's.
    pub csv: PathBuf,
    /// The column.
    pub column: String,
    /// What its values are.
    #[serde(default)]
    pub unit: TimeUnit,
    /// Its values in milliseconds. Filled in when the scenario is loaded, and written into the manifest, so that a run needs no file but it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values_ms: Vec<f64>,
}

/// What numbers in a CSV file are.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
pub enum TimeUnit {
    /// Milliseconds.
    #[default]
    #[serde(rename = "ms")]
    Milliseconds,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Minutes.
    #[serde(rename = "min")]
    Minutes,
    /// Hours.
    #[serde(rename = "h")]
    Hours,
}

impl TimeUnit {
    /// Milliseconds in one.
    #[must_use]
    pub const fn millis(self) -> f64 {
        match self {
            Self::Milliseconds => 1.0,
            Self::Seconds => 1000.0,
            Self::Minutes => 60_000.0,
            Self::Hours => 3_600_000.0,
        }
    }
}

/// How packets are lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Loss {
    /// Each by itself.
    Share(Share),
    /// In bursts (Gilbert-Elliott): a good state that loses nothing and a bad one that loses all.
    Bursts(Bursts),
}

impl Default for Loss {
    fn default() -> Self {
        Self::Share(Share::default())
    }
}

/// Bursts of loss: with each packet the state may change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bursts {
    /// Good to bad.
    pub p: Share,
    /// Bad to good.
    pub r: Share,
}

/// Hospitals of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hospitals {
    /// The group's id; its parties are called `id-1`, `id-2` and so on.
    pub id: String,
    /// Where.
    pub region: String,
    /// How many.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = limits::COUNT))]
    pub count: u32,
    /// Patients of each, enrolled when the scenario begins.
    #[serde(default)]
    #[schemars(range(max = limits::PATIENTS_EACH))]
    pub patients: u32,
    /// The relays of its patients: the id of a `[[relays]]` group, the first one when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relays: Option<String>,
    /// Entries that each patient has when the scenario begins.
    #[serde(default)]
    #[schemars(range(max = limits::ENTRIES))]
    pub entries: u32,
    /// How they come and go, and how their machines behave.
    #[serde(flatten)]
    pub machine: Machine,
}

/// Backup providers of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Providers {
    /// The group's id.
    pub id: String,
    /// Where.
    pub region: String,
    /// How many.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = limits::COUNT))]
    pub count: u32,
    /// How they come and go, and how their machines behave.
    #[serde(flatten)]
    pub machine: Machine,
}

/// Patients' relays of one kind; there are as many as the hospitals' patients need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Relays {
    /// The group's id.
    pub id: String,
    /// Where; the patient's hospital's region when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Patients that share one; they are all of one hospital.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = limits::PATIENTS_A_RELAY))]
    pub patients_each: u32,
    /// How they come and go, and how their machines behave.
    #[serde(flatten)]
    pub machine: Machine,
}

/// How a machine behaves.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// How long it stays on at a time; always when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<Spread>,
    /// How long it is off between; needed with `up`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<Spread>,
    /// Less often on at night, from 22 to 7 local time: the share of switch-ons that wait until morning.
    #[serde(default)]
    pub sleeps: Share,
    /// Its clock is wrong by up to that much, ahead or behind.
    #[serde(default)]
    pub clock_skew: Span,
    /// What stands between it and the others.
    #[serde(default)]
    pub nat: Nat,
    /// What a commit takes to be durable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<Spread>,
    /// Bytes that its disk holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<Size>,
}

/// Shares of machines by what stands between them and the others: they sum to 1. Nobody can call a machine
/// behind a router; it calls. Without a relay service two such machines never meet. All are open when nothing
/// is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nat {
    /// Reachable by all.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub open: f64,
    /// Behind a router that can be punched through.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub cone: f64,
    /// Behind a router that cannot.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub symmetric: f64,
}

impl Default for Nat {
    fn default() -> Self {
        Self { open: 1.0, cone: 0.0, symmetric: 0.0 }
    }
}
