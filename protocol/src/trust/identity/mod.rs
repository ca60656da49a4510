//! Who a party is, and how that survives the loss of a key.
//!
//! ```text
//!  24 words ──> R ──> id key 0, 1, 2, ...          (Ed25519; each commits to the digest of the next)
//!                ├──> records root 0, 1, 2, ... ──> compartments (X-Wing), per kind and epoch: a patient's
//!                └──> KEM key 0, 1, 2, ...      (X-Wing), for what it keeps for itself: an institution's
//!
//!  Inception {key0, H(key1)} ──> Rotation 1 {key1, H(key2)} ──> Rotation 2 ...
//!  id = hash of the inception: stays, whichever key is current
//! ```
//!
//! A patient and an institution have the same kind of identity, each with words of its own. The next key is
//! fixed by its hash before the current one is used, so whoever steals the current key cannot rotate
//! (pre-rotation, as in KERI). An institution signs short-lived certificates for its nodes; a member certifies the
//! relays whose patients it enrolled.

mod card;
mod certificate;
mod fingerprint;
mod institution_phrase;
mod key_log;
mod key_ring;
mod patient_keys;
mod phrase;
mod treats;
mod words;

pub use card::{Card, Role};
pub use certificate::{CertificateError, NodeCertificate, RelayCertificate};
pub use fingerprint::Fingerprint;
pub use institution_phrase::{InstitutionPhrase, RotateError};
pub use key_log::{Inception, KeyLog, KeyLogError, KnownKeys, Rotation, incept, incept_for_good};
pub use key_ring::{Compartment, KeyRing, KeyRingError, RingEntry};
pub use patient_keys::PatientKeys;
pub use phrase::{Phrase, RecordsRoot};
pub use treats::{Treats, TreatsError};
pub use words::WordsError;
