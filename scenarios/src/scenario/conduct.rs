//! What people do, what happens, what goes wrong, and what must hold.

use super::limits;
use super::topology::{Distribution, Spread};
use super::units::{Rate, Share, Size, Span, one, two_kib, whole};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What patients do when they are asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Patients demand that a holder's knowledge of revocations be no older; otherwise it refuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_staleness: Option<Span>,
    /// How long permissions hold.
    pub permission: Span,
    /// How long a request waits for a decision.
    pub request: Span,
    /// First wait before a message that failed is tried again; doubled each time.
    pub retry_first: Span,
    /// Longest wait between two tries.
    pub retry_longest: Span,
    /// Providers at which a patient has entries deposited, and a hospital its own copies; the same ones each time.
    #[schemars(range(min = 1, max = limits::REPLICAS))]
    pub replicas: u32,
    /// Where those are.
    pub placement: Placement,
    /// Whom a reader asks who was permitted to read at several holders.
    pub read_from: ReadFrom,
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
            read_from: ReadFrom::First,
            idle: Span::from_secs(300),
        }
    }
}

/// Where deposits go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// To any provider.
    Anywhere,
    /// To one of the hospital's region, as long as there is one.
    SameRegion,
    /// To one of another region, as long as there is one.
    OtherRegion,
}

/// Whom a reader asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReadFrom {
    /// The holder that the node takes when nobody names one; the read waits until that one is there.
    First,
    /// Somebody names one that is on and can be reached, as long as there is one.
    Reachable,
}

/// What people do again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// What.
    #[serde(rename = "do")]
    pub act: Act,
    /// Who: a group of hospitals or one hospital, such as `clinic` or `clinic-2`; all hospitals when not
    /// given. What patients do is done by theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How often, for each of these hospitals or of their patients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Whether `rate` is that of each hospital or of each of its patients.
    #[serde(default)]
    pub each: Each,
    /// Times from a CSV file beside the scenario instead of a rate; each of these hospitals keeps to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceFile>,
    /// By day rather than by night, from 7 to 22 local time.
    #[serde(default)]
    pub by_day: bool,
    /// Entries made at a time, by imports and at admissions.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = limits::ENTRIES_AT_A_TIME))]
    pub entries: u32,
    /// Bytes of each entry's content, before it is sealed.
    #[serde(default = "two_kib")]
    pub size: Size,
}

/// Whose rate it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Each {
    /// Each hospital's.
    #[default]
    Hospital,
    /// Each patient's: a hospital does it the more often the more patients it has.
    Patient,
}

/// What people do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
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
    /// A hospital has its own copies of a patient's entries kept by providers.
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
    /// A patient's relay signs anew what is revoked and what is not, and tells those who deal with the
    /// patient: without it, their news of revocations grows old.
    Refresh,
}

/// Times from a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceFile {
    /// The file, relative to the scenario's.
    pub csv: PathBuf,
    /// The column with the time, in seconds since the scenario's begin.
    pub column: String,
    /// Its values in ascending order. Filled in when the scenario is loaded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at_s: Vec<f64>,
}

/// What happens at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When.
    pub at: Span,
    /// What.
    #[serde(rename = "do")]
    pub what: Happening,
    /// To whom: a region, a group, or one party such as `clinic-2`.
    pub target: String,
    /// The other one: into which a hospital merges, to which messages are cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    /// How long; for good when not given.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Span>,
    /// Share of those concerned, by lot.
    #[serde(default = "whole")]
    pub share: Share,
    /// By how much a clock jumps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Span>,
}

/// What can happen.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
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
    /// A hospital merges into another: its patients enrol there, its record goes along; after `for` it leaves.
    Merge,
    /// Patients of the target take back this share of their permissions.
    Revoke,
    /// The federation expels the target.
    Expel,
    /// Clocks jump ahead by `by`.
    ClockJump,
}

/// What goes wrong all along, each by lot.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
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
    /// Deposits beyond the quota of its permission.
    Overspend,
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// A metric and its part: `consent_latency.median`, `availability.mean`, `reads_after_revocation.count`.
    pub metric: String,
    /// Must be below; a length of time, a size or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Limit>")]
    pub below: Option<toml::Value>,
    /// Must be above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Limit>")]
    pub above: Option<toml::Value>,
}

/// What a measure is compared with.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape is used, for the schema")]
enum Limit {
    /// A length of time or a size.
    Written(String),
    /// A number.
    Number(f64),
}
