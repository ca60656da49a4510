//! What is said to others, by feature.

use crate::codec::{Bytes, Wire, wire_enum};
use crate::limits;
use crate::store::StoreError;
use crate::turn::Said;
use crate::{access_log, backup, consent, custody, enrolment, federation, record};

macro_rules! bodies {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$doc:meta])* $number:literal => $variant:ident($message:ty)),* $(,)?
    }) => {
        wire_enum! {
            $(#[$meta])*
            pub enum $name {
                $($(#[$doc])* $number => $variant($message),)*
            }
        }

        $(impl Said for $message {
            const FEATURE: u64 = $number;
        })*
    };
}

bodies! {
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
    /// A body of ours, as it waited in the outbox.
    pub(super) fn of_outbox(bytes: &Bytes) -> Result<Self, StoreError> {
        Self::from_bytes(&bytes.0, limits::REQUEST_BYTES_MAX)
            .map_err(|error| StoreError::Corrupt { table: "outbox", why: error.to_string() })
    }

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
