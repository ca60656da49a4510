//! What a front door can ask to be done, by feature.

use crate::codes::CodeView;
use crate::turn::{Described, Done, Shown};
use crate::{access_log, backup, consent, custody, enrolment, federation, record};
use backup::view::DepositView;
use consent::view::RequestView;
use custody::view::PatientView;
use federation::view::FederationView;
use record::view::ChartView;
use serde::Serialize;

/// What a front door can ask to be done.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

/// Whoever wants each command and the type of its answer, one after another: a front door with a route for each.
pub trait EachCommand {
    /// A command, by its feature's name and its own in [`Command`].
    fn one<A: Shown + Serialize + Described>(&mut self, feature: &'static str, name: &'static str);
}

impl Command {
    /// Shows each command that other programs may give; the rest are the node's own.
    pub fn each(to: &mut impl EachCommand) {
        for name in ["create", "join", "admit", "expel", "leave"] {
            to.one::<FederationView>("federation", name);
        }
        to.one::<CodeView>("federation", "invite");
        to.one::<CodeView>("enrolment", "code");
        to.one::<PatientView>("enrolment", "enrol");
        to.one::<PatientView>("custody", "refresh");
        to.one::<ChartView>("record", "new-chart");
        for name in ["download", "referral", "approve", "deny", "defer", "pass-on", "fetch"] {
            to.one::<RequestView>("consent", name);
        }
        to.one::<Vec<RequestView>>("consent", "upload");
        to.one::<Done>("consent", "revoke");
        to.one::<RequestView>("consent", "obtain");
        to.one::<DepositView>("backup", "keep");
        to.one::<DepositView>("backup", "restore");
        to.one::<Done>("backup", "delete");
        to.one::<Done>("access-log", "collect");
    }
}
