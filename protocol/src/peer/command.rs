//! What each feature brings: messages, commands, queries, views, notices.

use crate::codec::wire_enum;
use crate::id::{ChartId, PartyId};
use crate::objects::Transfer;
use crate::refusal::Refusal;
use crate::{access_log, backup, consent, custody, enrolment, federation, record};

wire_enum! {
    /// The body of a message, by feature.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Body {
        /// Who belongs to the region.
        1 => Federation(federation::Message),
        /// A patient and an institution get to know each other.
        2 => Enrolment(enrolment::Message),
        /// Entries of a record.
        3 => Record(record::Message),
        /// The patient decides.
        4 => Consent(consent::Message),
        /// Sealed objects are kept and given back.
        5 => Backup(backup::Message),
        /// The patient's keys changed.
        6 => Custody(custody::Message),
        /// Who saw what.
        7 => AccessLog(access_log::Message),
    }
}

impl Body {
    /// The feature and the message's name, such as `consent.ask`: for measures and traces.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Federation(federation::Message::Apply(_)) => "federation.apply",
            Self::Federation(federation::Message::Spread(_)) => "federation.spread",
            Self::Federation(federation::Message::Sync(_)) => "federation.sync",
            Self::Federation(federation::Message::Applicant(_)) => "federation.applicant",
            Self::Enrolment(enrolment::Message::Enrol(_)) => "enrolment.enrol",
            Self::Enrolment(enrolment::Message::Certificate(_)) => "enrolment.certificate",
            Self::Record(record::Message::Announce(_)) => "record.announce",
            Self::Record(record::Message::Listing(_)) => "record.listing",
            Self::Consent(consent::Message::Ask(_)) => "consent.ask",
            Self::Consent(consent::Message::Decision(_)) => "consent.decision",
            Self::Consent(consent::Message::Permission(_)) => "consent.permission",
            Self::Consent(consent::Message::Order(_)) => "consent.order",
            Self::Consent(consent::Message::OrderState(_)) => "consent.order-state",
            Self::Consent(consent::Message::Read(_)) => "consent.read",
            Self::Consent(consent::Message::PassedOn(_)) => "consent.passed-on",
            Self::Consent(consent::Message::Told(_)) => "consent.told",
            Self::Backup(backup::Message::Offer(_)) => "backup.offer",
            Self::Backup(backup::Message::Execute(_)) => "backup.execute",
            Self::Backup(backup::Message::Stored(_)) => "backup.stored",
            Self::Backup(backup::Message::Delete(_)) => "backup.delete",
            Self::Backup(backup::Message::Fetch(_)) => "backup.fetch",
            Self::Backup(backup::Message::Withdrawn(_)) => "backup.withdrawn",
            Self::Backup(backup::Message::Kept(_)) => "backup.kept",
            Self::Backup(backup::Message::Gone(_)) => "backup.gone",
            Self::Custody(custody::Message::Keys(_)) => "custody.keys",
            Self::AccessLog(access_log::Message::Lines(_)) => "access-log.lines",
            Self::AccessLog(access_log::Message::Shown(_)) => "access-log.shown",
        }
    }

    /// Whether it is what a code is given out for.
    pub(crate) const fn is_introduction(&self) -> bool {
        matches!(
            self,
            Self::Enrolment(enrolment::Message::Enrol(_))
                | Self::Federation(federation::Message::Apply(_))
        )
    }

    /// Whether handling it again changes nothing but the access log: the answer to it is not kept. A
    /// repeated read is judged anew, so that nothing is given after a revocation was acknowledged.
    pub(crate) const fn is_read(&self) -> bool {
        matches!(
            self,
            Self::Consent(consent::Message::Read(_))
                | Self::Backup(backup::Message::Fetch(_))
                | Self::AccessLog(access_log::Message::Lines(_))
        )
    }
}

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

/// Done, nothing to tell.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Done {
    /// Always true.
    pub done: bool,
}

/// A code to pass on.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct CodeView {
    /// The code.
    pub code: String,
    /// Until when it holds.
    pub expires: crate::time::Timestamp,
}

/// What one feature tells another, within the same transaction.
#[derive(Debug)]
pub(crate) enum Notice {
    /// A pull ended.
    Pulled {
        /// Which.
        transfer: Transfer,
        /// Whole, or refused for good.
        result: Result<(), Refusal>,
    },
    /// A chart's patient has enrolled.
    Enrolled {
        /// The chart.
        chart: ChartId,
        /// The patient.
        patient: PartyId,
    },
    /// A patient's key ring has come.
    Ring {
        /// The patient.
        patient: PartyId,
    },
    /// A party's membership ended: its gate closes.
    PutOut {
        /// The party.
        party: PartyId,
    },
    /// A depositary has durably stored what we deposited.
    Stored {
        /// The deposit.
        reservation: [u8; 16],
    },
    /// A deposit of ours was refused.
    DepositRefused {
        /// The deposit.
        reservation: [u8; 16],
        /// Why.
        refusal: Refusal,
    },
    /// A depositary is ready, and keeps the place of our deposit.
    DepositReady {
        /// The deposit.
        reservation: [u8; 16],
    },
}
