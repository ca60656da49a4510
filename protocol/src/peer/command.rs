//! What a front door can ask to be done, by feature.

use crate::{access_log, backup, consent, custody, enrolment, federation, record};

/// What a front door can ask to be done.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Who belongs to the region.
    Federation(federation::Command),
    /// A patient and an institution get to know each other.
    Enrolment(enrolment::Command),
    /// The patient's keys.
    Custody(custody::Command),
    /// Entries of a record.
    Record(record::Command),
    /// The patient decides.
    Consent(consent::Command),
    /// Sealed objects are kept and given back.
    Backup(backup::Command),
    /// Who saw what.
    AccessLog(access_log::Command),
}
