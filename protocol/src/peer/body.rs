//! What is said to others, by feature.

use crate::codec::{Bytes, Wire, wire_enum};
use crate::id::{ConsentId, PartyId};
use crate::limits;
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::turn::{About, Said, Sort};
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

        impl $name {
            /// The feature and the message's name, such as `consent.ask`: for measures and traces.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(message) => message.name(),)*
                }
            }

            /// How it is dealt with, whatever it says.
            pub(super) const fn sort(&self) -> Sort {
                match self {
                    $(Self::$variant(message) => message.sort(),)*
                }
            }

            /// What it is about, for whoever follows messages: measures, traces, a log.
            fn about(&self) -> &dyn About {
                match self {
                    $(Self::$variant(message) => message,)*
                }
            }
        }
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

    /// The patient whom it concerns, if it says so. Nothing of it has been verified.
    #[must_use]
    pub fn patient(&self) -> Option<PartyId> {
        self.about().patient()
    }

    /// The request for consent that it is about.
    #[must_use]
    pub fn request(&self) -> Option<ConsentId> {
        self.about().request()
    }

    /// Whether it brings a code of ours, which lets it in.
    pub(super) fn introduces(&self, txn: &dyn ReadTxn, now: Timestamp) -> Result<bool, StoreError> {
        self.about().introduces(txn, now)
    }
}
