//! What each feature brings to front doors: commands, queries, views.

use super::{CodeView, Done};
use crate::id::PartyId;
use crate::turn::Answer;
use crate::{access_log, backup, consent, custody, enrolment, federation, record};

/// What a front door can ask to be done.
#[derive(Debug, serde::Deserialize)]
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

/// What a front door can ask to see. None of it discloses the content of a record.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Query {
    /// Known institutions.
    Peers,
    /// How this node stands.
    Status,
    /// The federation and its members.
    Members,
    /// Charts at a hospital.
    Charts,
    /// Patients at a relay.
    Patients,
    /// Entries of a patient or chart; at a relay the titles need the patient's keys.
    Entries {
        /// The patient, or the chart's subject.
        subject: PartyId,
        /// Only entries whose title or terms contain this.
        #[serde(default)]
        find: Option<String>,
    },
    /// Checks every entry of a patient or chart.
    Verify {
        /// The patient, or the chart's subject.
        subject: PartyId,
    },
    /// Requests for consent: a patient's at the relay, one's own at an institution.
    Requests {
        /// Only this patient's.
        #[serde(default)]
        patient: Option<PartyId>,
    },
    /// Permissions given by a patient, or received by this institution.
    Grants {
        /// Only this patient's.
        #[serde(default)]
        patient: Option<PartyId>,
    },
    /// The access log kept here about a patient, with its signed head.
    AccessLog {
        /// The patient, or the chart's subject.
        subject: PartyId,
        /// Lines after this one.
        #[serde(default)]
        after: u64,
    },
    /// Access logs of other holders that this relay obtained.
    CollectedLogs {
        /// The patient.
        patient: PartyId,
    },
    /// What is kept here for others, or at others for us.
    Kept {
        /// Only this patient's.
        #[serde(default)]
        patient: Option<PartyId>,
    },
    /// Transfers that have not ended.
    Transfers,
    /// The key log of a party and, of a patient, the newest revocation state, as known here.
    Keys {
        /// The party.
        party: PartyId,
    },
}

macro_rules! views {
    ($($(#[$doc:meta])* $variant:ident($ty:ty)),* $(,)?) => {
        /// An answer to a front door.
        #[derive(Debug, Clone)]
        pub enum View {
            $($(#[$doc])* $variant($ty),)*
            /// An opened entry, with keys; the node never passes it on as it is.
            Opened(record::view::OpenedView),
        }

        $(impl From<$ty> for View {
            fn from(view: $ty) -> Self {
                Self::$variant(view)
            }
        })*

        impl View {
            /// The view that an answer is.
            ///
            /// # Panics
            /// When a feature answers with what is not listed here.
            #[must_use]
            pub fn of(answer: Answer) -> Self {
                $(let answer = match answer.down::<$ty>() {
                    Ok(view) => return Self::$variant(view),
                    Err(other) => other,
                };)*
                match answer.down() {
                    Ok(view) => Self::Opened(view),
                    Err(other) => unreachable!("an answer that no front door knows: {other:?}"),
                }
            }
        }

        impl serde::Serialize for View {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(view) => view.serialize(s),)*
                    Self::Opened(view) => record::view::ManifestView::from(&view.manifest).serialize(s),
                }
            }
        }
    };
}

impl From<record::view::OpenedView> for View {
    fn from(view: record::view::OpenedView) -> Self {
        Self::Opened(view)
    }
}

views! {
    /// Done, nothing to tell.
    Done(Done),
    /// Known institutions.
    Peers(Vec<super::view::PeerView>),
    /// How this node stands.
    Status(super::view::StatusView),
    /// The federation.
    Federation(federation::view::FederationView),
    /// A code to pass on.
    Code(CodeView),
    /// A chart.
    Chart(record::view::ChartView),
    /// Charts.
    Charts(Vec<record::view::ChartView>),
    /// Entries that were recorded.
    Recorded(record::view::RecordedView),
    /// Entries.
    Entries(Vec<record::view::EntryView>),
    /// What verifying found.
    Verified(record::view::VerifiedView),
    /// A patient.
    Patient(custody::view::PatientView),
    /// Patients.
    Patients(Vec<custody::view::PatientView>),
    /// What a rotation kept and dropped.
    Rotated(custody::view::RotatedView),
    /// Requests for consent that were made.
    Request(consent::view::RequestView),
    /// Requests for consent.
    Requests(Vec<consent::view::RequestView>),
    /// A permission.
    Grant(consent::view::GrantView),
    /// Permissions.
    Grants(Vec<consent::view::GrantView>),
    /// An access log.
    AccessLog(access_log::view::LogView),
    /// Access logs.
    AccessLogs(Vec<access_log::view::LogView>),
    /// What is kept.
    Kept(Vec<backup::view::KeptView>),
    /// A deposit.
    Deposit(backup::view::DepositView),
    /// Transfers that have not ended.
    Transfers(Vec<super::view::TransferView>),
    /// What proves a party's signatures.
    Keys(super::view::KeysView),
}
