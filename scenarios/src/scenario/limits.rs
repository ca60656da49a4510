//! Every bound of a scenario file, with its reason.

/// Bytes of a scenario file: a hand-written one has some kilobytes, a manifest carries its columns.
pub(super) const FILE_BYTES: u64 = 16 << 20;
/// Bytes of a CSV file: a year of admissions of a region's hospitals has some megabytes.
pub(super) const CSV_BYTES: u64 = 16 << 20;
/// Rows taken from a CSV file: each is held in memory, and written into the manifest.
pub(super) const CSV_ROWS: usize = 200_000;
/// Problems that one refusal lists: more than a screen is not read.
pub(super) const PROBLEMS: usize = 20;
/// Letters of an id: names of parties stay narrow in tables and plots.
pub(super) const ID_LETTERS: usize = 40;

/// Days that a scenario lasts: ten years, what retention and rotation are planned for.
pub(super) const DAYS: u64 = 3660;
/// Regions: a matrix of links has the square of it.
pub(super) const REGIONS: usize = 200;
/// Groups, works, events, hostile parties, expectations: a list that a person reviews.
pub(super) const LIST: usize = 1000;
/// Parties of one group, and hospitals and providers in all: a federation's members
/// (`MEMBERS_MAX` in `protocol/src/limits.rs`).
pub(super) const COUNT: u32 = 10_000;
/// Patients of one hospital: a large university hospital has some hundred thousand a year.
pub(super) const PATIENTS_EACH: u32 = 1_000_000;
/// Patients in all: ten times what 16 GiB were planned for.
pub(super) const PATIENTS: u64 = 1_000_000;
/// Entries that a patient begins with: a hundred a year for as long as a record is kept.
pub(super) const ENTRIES: u32 = 10_000;
/// Entries made or wished for at a time: the list of one request (`PAGE_ENTRIES_MAX` in the protocol).
pub(super) const ENTRIES_AT_A_TIME: u32 = 100;
/// Patients that share a relay: a clinic's computer.
pub(super) const PATIENTS_A_RELAY: u32 = 10_000;
/// Hours that local time can be ahead of UTC: the Line Islands; west of Greenwich is counted from the
/// day before, so up to 23.
pub(super) const HOURS_AHEAD: u8 = 23;
/// Sponsors that an admission needs, at least (`THRESHOLD_MIN` in the protocol).
pub(super) const THRESHOLD_MIN: u16 = chartmesh_protocol::limits::THRESHOLD_MIN;
/// And at most (`THRESHOLD_MAX` in the protocol).
pub(super) const THRESHOLD_MAX: u16 = chartmesh_protocol::limits::THRESHOLD_MAX;
/// Providers that keep copies of a patient's entries: beyond, nothing is gained and bytes multiply.
pub(super) const REPLICAS: u32 = 16;
/// The standard deviation of a logarithm: beyond, a draw in a thousand is 20 million times the median.
pub(super) const SIGMA: f64 = 5.0;
/// The shape of a Weibull distribution: below, draws leave any range; beyond, all are the same.
pub(super) const SHAPE: (f64, f64) = (0.1, 20.0);
/// Milliseconds in a CSV column of lengths: as long as a scenario.
pub(super) const MILLISECONDS: f64 = 86_400_000.0 * 3660.0;
/// Days that a permission holds (`CONSENT_MS_MAX` in the protocol), and that a request waits.
pub(super) const PERMISSION_DAYS: u64 =
    chartmesh_protocol::limits::CONSENT_MS_MAX / (24 * 3600 * 1000);
/// Times a day that one party does a thing: a device that sends each second.
pub(super) const A_DAY: f64 = 86_400.0;
/// Bytes of one entry's content: what a run holds in memory, many times over.
pub(super) const ENTRY_BYTES: u64 = 64 << 20;
/// Steps of a time series: more than a plot has pixels.
pub(super) const STEPS: u64 = 100_000;
/// Values that a sweep tries for one key, and all its keys together.
pub(super) const SWEEP: usize = 64;
