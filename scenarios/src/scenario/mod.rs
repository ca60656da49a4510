//! A scenario: what a file says of a federation, what happens in it, and what must hold.
//!
//! The types are the file's shape, key by key; `scenarios/files` has examples and `chartmesh sim new`
//! writes a commented one. What is left out has the default that is written at its key.

mod units;

pub use units::{Rate, Share, Size, Span};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The version of the file's format.
pub const SCHEMA: &str = "chartmesh-sim/1";

/// A whole scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// `chartmesh-sim/1`.
    pub schema: String,
    /// A short name: letters, digits and `-`.
    pub name: String,
    /// The question that it asks, in a sentence.
    #[serde(default)]
    pub question: String,
    /// How long it runs, in simulated time.
    pub duration: Span,
    /// Simulated time before anything is measured: the federation is founded and patients enrol before it
    /// begins, the first exchanges happen within it.
    #[serde(default)]
    pub warmup: Span,
    /// The federation's rules.
    #[serde(default)]
    pub federation: Federation,
    /// Where parties are.
    #[serde(rename = "region")]
    pub regions: Vec<Region>,
    /// How messages travel, by pair of regions.
    #[serde(default, rename = "link")]
    pub links: Vec<Link>,
    /// Hospitals.
    #[serde(rename = "hospitals")]
    pub hospitals: Vec<Hospitals>,
    /// Backup providers.
    #[serde(default, rename = "providers")]
    pub providers: Vec<Providers>,
    /// Patients' relays: phones, boxes at home, a clinic's computer.
    #[serde(default, rename = "relays")]
    pub relays: Vec<Relays>,
    /// What patients do when they are asked.
    #[serde(default)]
    pub patients: Patients,
    /// The protocol's own policies.
    #[serde(default)]
    pub policy: Policy,
    /// What people do all along.
    #[serde(default, rename = "work")]
    pub work: Vec<Work>,
    /// What happens at a time.
    #[serde(default, rename = "event")]
    pub events: Vec<Event>,
    /// What goes wrong all along.
    #[serde(default)]
    pub faults: Faults,
    /// Parties that are dishonest.
    #[serde(default, rename = "hostile")]
    pub hostile: Vec<Hostile>,
    /// What is measured, and how finely.
    #[serde(default)]
    pub measure: Measure,
    /// What must hold in the end.
    #[serde(default, rename = "expect")]
    pub expect: Vec<Expect>,
    /// Keys with the values that a sweep tries: `"providers.vault.count" = [1, 2, 3]`.
    #[serde(default)]
    pub sweep: BTreeMap<String, Vec<toml::Value>>,
}

/// The federation's rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Federation {
    /// Sponsors that an admission needs, 2 to 16.
    pub threshold: u16,
}

impl Default for Federation {
    fn default() -> Self {
        Self { threshold: 2 }
    }
}

/// A place with its own network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Its id.
    pub id: String,
    /// Local time is that much ahead of UTC: days and nights follow it.
    #[serde(default)]
    pub hours_ahead: u8,
}

/// How messages travel between two regions, or within one, each way alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The two regions; twice the same for within one.
    pub between: [String; 2],
    /// One way.
    pub latency: Spread,
    /// Packets lost, each costing a retransmission; at three in a row the connection breaks.
    #[serde(default)]
    pub loss: Loss,
    /// Bytes a second of one party's line; what does not fit waits.
    #[serde(default)]
    pub bandwidth: Option<Size>,
    /// Share of messages that arrive twice.
    #[serde(default)]
    pub duplicate: Share,
    /// Share of messages that are overtaken by those after them, by up to ten times the latency.
    #[serde(default)]
    pub reorder: Share,
}

/// A length of time that differs from case to case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
        sigma: f64,
    },
    /// Sessions of people: many short ones, few long ones with a shape below 1.
    Weibull {
        /// The shape.
        shape: f64,
        /// The scale: 63 of 100 are shorter.
        scale: Span,
    },
}

/// Values from a CSV file beside the scenario, one drawn each time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FromFile {
    /// The file, relative to the scenario's.
    pub csv: PathBuf,
    /// The column; its values are milliseconds.
    pub column: String,
    /// Filled in when the scenario is loaded, and written into the manifest, so that a run needs no file but it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values_ms: Vec<f64>,
}

/// How packets are lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bursts {
    /// Good to bad.
    pub p: Share,
    /// Bad to good.
    pub r: Share,
}

/// Hospitals of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hospitals {
    /// The group's id; its parties are called `id-1`, `id-2` and so on.
    pub id: String,
    /// Where.
    pub region: String,
    /// How many.
    #[serde(default = "one")]
    pub count: u32,
    /// Patients of each, enrolled when the scenario begins.
    #[serde(default)]
    pub patients: u32,
    /// The relays of its patients, by group.
    #[serde(default)]
    pub relays: Option<String>,
    /// Entries that each patient has when the scenario begins.
    #[serde(default)]
    pub entries: u32,
    /// How they come and go, and how their machines behave.
    #[serde(flatten)]
    pub machine: Machine,
}

/// Backup providers of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Providers {
    /// The group's id.
    pub id: String,
    /// Where.
    pub region: String,
    /// How many.
    #[serde(default = "one")]
    pub count: u32,
    /// How they come and go, and how their machines behave.
    #[serde(flatten)]
    pub machine: Machine,
}

/// Patients' relays of one kind; there are as many as the hospitals' patients need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relays {
    /// The group's id.
    pub id: String,
    /// Where; the patient's hospital's region when not given.
    #[serde(default)]
    pub region: Option<String>,
    /// Patients that share one.
    #[serde(default = "one")]
    pub patients_each: u32,
    /// How they come and go, and how their machines behave.
    #[serde(flatten)]
    pub machine: Machine,
}

/// How a machine behaves.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Machine {
    /// How long it stays on at a time; always when not given.
    #[serde(default)]
    pub up: Option<Spread>,
    /// How long it is off between.
    #[serde(default)]
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
    #[serde(default)]
    pub sync: Option<Spread>,
    /// Bytes that its disk holds.
    #[serde(default)]
    pub disk: Option<Size>,
}

/// Shares of machines by what stands between them and the others. Nobody can call a machine behind a
/// router; it calls. Without a relay service two such machines never meet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nat {
    /// Reachable by all.
    pub open: f64,
    /// Behind a router that can be punched through.
    pub cone: f64,
    /// Behind a router that cannot.
    pub symmetric: f64,
}

impl Default for Nat {
    fn default() -> Self {
        Self { open: 1.0, cone: 0.0, symmetric: 0.0 }
    }
}

/// What patients do when they are asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Patients {
    /// From when a request reaches the relay until the patient decides; the relay must be on.
    pub reaction: Spread,
    /// Share of requests that are refused.
    pub refuse: Share,
    /// Share of requests that are never looked at.
    pub ignore: Share,
}

impl Default for Patients {
    fn default() -> Self {
        let reaction = Distribution::Lognormal { median: Span::from_secs(20 * 60), sigma: 1.0 };
        Self { reaction: Spread::By(reaction), refuse: Share::default(), ignore: Share::default() }
    }
}

/// The protocol's own policies, where a deployment may choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Patients demand that a holder's knowledge of revocations be no older; otherwise it refuses.
    pub max_staleness: Option<Span>,
    /// How long permissions hold.
    pub permission: Span,
    /// How long a request waits for a decision.
    pub request: Span,
    /// First wait before a message that failed is tried again; doubled each time.
    pub retry_first: Span,
    /// Longest wait between two tries.
    pub retry_longest: Span,
    /// Providers at which a patient has entries deposited.
    pub replicas: u32,
    /// Where those are.
    pub placement: Placement,
    /// How long an idle connection stays open.
    pub idle: Span,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_staleness: None,
            permission: Span::from_secs(30 * 24 * 3600),
            request: Span::from_secs(7 * 24 * 3600),
            retry_first: Span::from_secs(1),
            retry_longest: Span::from_secs(5 * 60),
            replicas: 1,
            placement: Placement::Anywhere,
            idle: Span::from_secs(300),
        }
    }
}

/// Where deposits go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// To any provider.
    Anywhere,
    /// To one of the hospital's region, as long as there is one.
    SameRegion,
    /// To one of another region, as long as there is one.
    OtherRegion,
}

/// What people do again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// What.
    #[serde(rename = "do")]
    pub act: Act,
    /// Who: a group's or one hospital's id; all hospitals when not given.
    #[serde(default)]
    pub by: Option<String>,
    /// How often, for each of them.
    #[serde(default)]
    pub rate: Option<Rate>,
    /// Times from a CSV file beside the scenario instead of a rate.
    #[serde(default)]
    pub trace: Option<TraceFile>,
    /// By day rather than by night, from 7 to 22 local time.
    #[serde(default)]
    pub by_day: bool,
    /// Entries made, or wished for, at a time.
    #[serde(default = "one")]
    pub entries: u32,
    /// Bytes of each entry's content, before it is sealed.
    #[serde(default = "two_kib")]
    pub size: Size,
}

/// What people do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// A new patient comes: a chart is opened, the patient enrols.
    Admission,
    /// Entries of a patient are recorded.
    Import,
    /// A hospital asks a patient of another one to see; the patient decides; it reads.
    Download,
    /// A patient's hospital asks that another one may see; the patient decides; that one reads.
    Referral,
    /// A patient has entries deposited with a provider.
    Deposit,
    /// A hospital has its own copies kept by a provider.
    Keep,
    /// A hospital that was permitted reads once more.
    Read,
    /// A hospital's own copies are brought back from a provider.
    Restore,
    /// A patient takes a permission back.
    Revoke,
    /// A patient takes a new key.
    Rotate,
    /// A patient collects the access logs.
    CollectLogs,
}

/// Times from a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceFile {
    /// The file, relative to the scenario's.
    pub csv: PathBuf,
    /// The column with the time, in seconds since the scenario's begin.
    pub column: String,
    /// Filled in when the scenario is loaded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at_s: Vec<f64>,
}

/// What happens at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When.
    pub at: Span,
    /// What.
    #[serde(rename = "do")]
    pub what: Happening,
    /// To whom: a region, a group, or one party such as `clinic-2`.
    pub target: String,
    /// The other one: into which a hospital merges, from which messages are cut, who replaces.
    #[serde(default)]
    pub other: Option<String>,
    /// How long; for good when not given.
    #[serde(default, rename = "for")]
    pub lasts: Option<Span>,
    /// Share of those concerned, by lot.
    #[serde(default = "whole")]
    pub share: Share,
    /// By how much a clock jumps.
    #[serde(default)]
    pub by: Option<Span>,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happening {
    /// No message gets in or out; within, they do.
    Isolate,
    /// No message gets from the target to the other; the other way they do.
    Cut,
    /// Machines stop, and start again when it is over.
    Stop,
    /// Machines crash and start again at once.
    Crash,
    /// Machines and disks are gone; with `for`, new ones with the same keys come then, and what was
    /// deposited is restored.
    Destroy,
    /// Disks lose this share of their large objects.
    LoseObjects,
    /// Disks damage this share of their large objects.
    DamageObjects,
    /// Disks take nothing more.
    FillDisk,
    /// A hospital merges into another: its patients enrol there, its record goes along, it leaves.
    Merge,
    /// Patients of the target take back this share of their permissions.
    Revoke,
    /// The federation expels the target.
    Expel,
    /// Clocks jump ahead by `by`.
    ClockJump,
}

/// What goes wrong all along, each by lot.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Share of commits followed by a crash, before or after the disk has synced them.
    pub crash: Share,
    /// Share of outcomes lost on the way back.
    pub lose_outcome: Share,
    /// Share of pulled objects that arrive altered.
    pub alter_object: Share,
    /// Share of messages that arrive altered.
    pub alter_message: Share,
}

/// A dishonest party.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hostile {
    /// Who: a group's or one party's id.
    pub party: String,
    /// What it does.
    pub does: Hostility,
    /// From when.
    #[serde(default)]
    pub from: Span,
}

/// What dishonest parties do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hostility {
    /// Presents permissions that nobody signed.
    Forge,
    /// Says again what others said.
    Replay,
    /// Answers and gives no objects.
    Withhold,
    /// Serves by an old state of revocations: takes none in.
    Stale,
    /// Acknowledges deposits that it does not keep.
    LieAboutStorage,
    /// Admits applicants alone.
    AdmitAlone,
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Measure {
    /// The step of time series.
    pub every: Span,
    /// An authorised read counts as answered within this time.
    pub deadline: Span,
}

impl Default for Measure {
    fn default() -> Self {
        Self { every: Span::from_secs(3600), deadline: Span::from_secs(60) }
    }
}

/// What must hold in the end, or the run fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// A metric and its part: `consent_latency.median`, `availability.mean`, `reads_after_revocation.count`.
    pub metric: String,
    /// Must be below; a length of time, a size or a number.
    #[serde(default)]
    pub below: Option<toml::Value>,
    /// Must be above.
    #[serde(default)]
    pub above: Option<toml::Value>,
}

const fn one() -> u32 {
    1
}

const fn two_kib() -> Size {
    Size::from_bytes(2048)
}

const fn whole() -> Share {
    Share::WHOLE
}
