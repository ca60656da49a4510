//! Sealing sessions: what an author seals to one compartment of a patient in up to a month shares one encapsulation.
//!
//! ```text
//!  compartment's key ── KEM, once ──> the session's key ── key wrap, each entry ──> a manifest's key
//!                         │                                     │
//!                         session, beside the labels            in the label, which the author signs
//! ```
//!
//! Nobody signs a session: labels name it by a hash of all of it, and the author signs those. The session's key opens
//! nothing that the compartment's does not; it opens what one author sealed of one kind and patient in a month.

use crate::codec::{DecodeError, Decoder, Encoder, Wire, wire_struct};
use crate::crypto::{ENCAPPED_BYTES, KemError, KemSecret, Wrap, WrapError, WrappingKey};
use crate::id::{CompartmentId, PartyId, SessionId};
use crate::identity::Compartment;
use crate::object::DataKey;
use crate::reason::reasons;
use crate::time::Timestamp;
use core::fmt;
use rand_core::CryptoRng;

const INFO: &[u8] = b"chartmesh/1/session";
const KEY: &[u8] = b"chartmesh/1/session-key";
const CHECK: &[u8] = b"chartmesh/1/session-check";
const ID: &str = "chartmesh/1/session-id";

wire_struct! {
    /// What whoever has the compartment's key needs to come to the session's.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Session {
        /// The patient.
        1 => patient: PartyId,
        /// The compartment.
        2 => compartment: CompartmentId,
        /// Whose entries are sealed by it.
        3 => author: PartyId,
        /// When it began.
        4 => begun: Timestamp,
        /// The encapsulated key.
        5 => encapsulated: Encapsulated,
        /// What the session's key is told by from another one.
        6 => check: [u8; 32],
    }
}

/// An encapsulated key: 1120 bytes.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(arbitrary::Arbitrary))]
pub struct Encapsulated(Box<[u8; ENCAPPED_BYTES]>);

wire_struct! {
    /// To whom an entry is sealed, in its label: there, its author signs it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct SealedTo {
        /// The patient's compartment.
        1 => compartment: CompartmentId,
        /// The session.
        2 => session: SessionId,
        /// The manifest's key, wrapped by the session's.
        3 => wrap: Wrap,
    }
}

reasons! {
    /// Why an entry's key does not come out by its session.
    #[derive(Copy)]
    pub enum SessionError: 35 "session" {
        use Kem(KemError),
        use Wrap(WrapError),
        /// The encapsulated key, or what it is for, was altered.
        1 => Check: NotAuthentic "the session does not open with the compartment's key",
        /// A label names a session that did not come along and is not here.
        2 => Missing: NotFound "the session that the entry is sealed by is missing",
        /// A label names a session of another patient, compartment or author.
        3 => Other: NotAuthentic "the session that the entry names is another's",
    }
}

impl Session {
    /// Begins one, with its key.
    ///
    /// # Errors
    /// [`KemError::BadPublicKey`].
    pub fn begin(
        (patient, compartment): (PartyId, &Compartment),
        author: PartyId,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, WrappingKey), KemError> {
        let of = (patient, compartment.id(), author, now);
        let info = info(of, &compartment.key.digest());
        let (encapsulated, [key, check]) = compartment.key.share(&info, [KEY, CHECK], rng)?;
        let session = Self {
            patient,
            compartment: of.1,
            author,
            begun: now,
            encapsulated: Encapsulated(encapsulated),
            check: *check,
        };
        Ok((session, WrappingKey::from_bytes(*key)))
    }

    /// What labels name it by: a hash of all of it.
    #[must_use]
    pub fn id(&self) -> SessionId {
        let hash = blake3::derive_key(ID, &self.to_bytes());
        SessionId::from_slice(&hash[..SessionId::LEN]).expect("a hash has 32 bytes")
    }

    /// Its key, with the secret half of the compartment's.
    ///
    /// # Errors
    /// [`SessionError::Check`]
    pub fn open(&self, secret: &KemSecret) -> Result<WrappingKey, SessionError> {
        let of = (self.patient, self.compartment, self.author, self.begun);
        let info = info(of, &secret.public().digest());
        let [key, check] = secret.shared(&info, &self.encapsulated.0, [KEY, CHECK])?;
        match *check == self.check {
            true => Ok(WrappingKey::from_bytes(*key)),
            false => Err(SessionError::Check),
        }
    }

    /// Whether it is one in which that author may seal to that compartment of that patient.
    #[must_use]
    pub fn is_of(&self, patient: PartyId, compartment: CompartmentId, author: PartyId) -> bool {
        (self.patient, self.compartment, self.author) == (patient, compartment, author)
    }
}

fn info(of: (PartyId, CompartmentId, PartyId, Timestamp), recipient: &[u8; 32]) -> Vec<u8> {
    let mut e = Encoder::default();
    e.map(4);
    e.uint(1);
    of.0.encode(&mut e);
    e.uint(2);
    of.1.encode(&mut e);
    e.uint(3);
    of.2.encode(&mut e);
    e.uint(4);
    of.3.encode(&mut e);
    [INFO, recipient, &e.into_bytes()].concat()
}

impl SealedTo {
    /// Wraps a manifest's key.
    #[must_use]
    pub fn new(session: &Session, by: &WrappingKey, key: &DataKey) -> Self {
        let wrap = by.wrap(key.expose());
        Self { compartment: session.compartment, session: session.id(), wrap }
    }
}

impl fmt::Debug for Encapsulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encapsulated")
    }
}

impl Wire for Encapsulated {
    fn encode(&self, e: &mut Encoder) {
        e.bytes(self.0.as_slice());
    }
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        <[u8; ENCAPPED_BYTES]>::decode(d).map(|bytes| Self(Box::new(bytes)))
    }
}
