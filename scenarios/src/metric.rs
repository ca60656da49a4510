//! What can be measured: the metrics that there are, and what their values are.

use serde::{Deserialize, Serialize};

/// All metrics: name, unit, what it says, of what it is counted.
pub(crate) const METRICS: &[(&str, Unit, &str, &str)] = &[
    (
        "availability",
        Unit::Share,
        "patients whose record some holder has who is on and can be reached from the patient's region, at each step",
        "regions with patients, at each step",
    ),
    (
        "availability_elsewhere",
        Unit::Share,
        "patients whose record some holder has who is on and can be reached from the other regions' hospitals, at each step",
        "regions with patients, at each step; each other region with hospitals counts alike",
    ),
    (
        "consent_latency",
        Unit::Micros,
        "from a hospital's request to the permission's arrival at its reader",
        "requests made",
    ),
    (
        "read_latency",
        Unit::Micros,
        "from a hospital's decision to read to the first page's arrival",
        "reads begun",
    ),
    (
        "read_in_time",
        Unit::Share,
        "reads that a holder granted within measure.deadline",
        "reads begun, but for those refused because the permission had ended",
    ),
    (
        "stale_refusals",
        Unit::Count,
        "reads that a holder refused because its news of the patient's revocations was older than the permission allows",
        "reads that ended",
    ),
    (
        "revocation_delay",
        Unit::Micros,
        "from a patient's revocation to each holder's taking it in; label `online` when the holder was on at the revocation",
        "holders told, for each revocation",
    ),
    (
        "reads_after_revocation",
        Unit::Micros,
        "reads that a holder answered under a permission that its patient had revoked: how long after",
        "reads answered by holders",
    ),
    (
        "delivery_latency",
        Unit::Micros,
        "from a message's entry into the outbox to its outcome, by feature",
        "messages put into an outbox and concluded or waiting",
    ),
    (
        "recovery_time",
        Unit::Micros,
        "from an event's end until the last message that had waited then was delivered",
        "events that ended",
    ),
    ("messages", Unit::Count, "messages that left, by feature, at each step", "steps"),
    ("bytes", Unit::Bytes, "bytes on the wire, by feature, at each step", "steps"),
    (
        "storage",
        Unit::Bytes,
        "bytes of rows and objects of a party, at the end; label is the role",
        "parties",
    ),
    ("refusals", Unit::Count, "messages refused, by feature", "messages concluded"),
    (
        "not_given_back",
        Unit::Count,
        "entries that a receipt of a provider names and that a restore from there did not bring back",
        "entries that receipts name, at each restore",
    ),
    (
        "entries_lost",
        Unit::Count,
        "entries of which no honest hospital or provider of the federation has a whole copy in the end",
        "entries that patients' relays list",
    ),
    (
        "strangers",
        Unit::Count,
        "members that an honest institution lists in the end and that dishonest ones made up",
        "honest institutions",
    ),
    (
        "observer_feature",
        Unit::Share,
        "messages whose feature somebody who sees sizes alone guesses right, less what always guessing the most frequent gets",
        "messages that left",
    ),
    (
        "observer_hospital",
        Unit::Share,
        "relays whose patient's hospital somebody who sees who talks with whom names right",
        "relays that spoke",
    ),
];

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Microseconds of simulated time.
    Micros,
    /// Bytes.
    Bytes,
    /// A number of things.
    Count,
    /// Between 0 and 1.
    Share,
}

impl Unit {
    /// Its name, as tables have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Micros => "micros",
            Self::Bytes => "bytes",
            Self::Count => "count",
            Self::Share => "share",
        }
    }
}
