//! The Chartmesh protocol, without input or output.
//!
//! A [`peer::Peer`] is one party's node: it is given what happens, a transaction, the time and randomness, and
//! says what to do once that is durable. Begin with [`peer`], which has the picture and the contract; then read
//! one feature, say [`record`], from its front page to its transitions.
//!
//! Whoever drives a peer brings the store, the time and randomness, and does what it says:
//!
//! ```
//! # use chartmesh_protocol::crypto::{KemSecret, SigningKey};
//! # use chartmesh_protocol::identity::{Role, incept};
//! # use chartmesh_protocol::peer::{Effect, Event, Identity, Peer, RequestId, ask};
//! # use chartmesh_protocol::{record, store::Memory, time::Timestamp};
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let [institution, next, node] = [1, 2, 3].map(|seed| SigningKey::from_seed(&[seed; 32]));
//! # let (log, kem) = (incept(&institution, &next.public()), KemSecret::from_seed([4; 32]));
//! # let name = "Alder Hospital".to_owned();
//! # let identity = Identity { role: Role::Hospital, name, log, institution, kem, node };
//! # let (now, mut rng) = (Timestamp(1_800_000_000_000), ChaCha20Rng::from_seed([5; 32]));
//! let (peer, mut store) = (Peer::new(identity)?, Memory::default());
//! peer.start(&mut store, now, &mut rng)?;
//!
//! let chart = record::command::NewChart { name: "Sato Aiko".into(), identifiers: Vec::new() };
//! let command = Box::new(chart.into());
//! let event = Event::Command { request: RequestId(1), command, keys: None };
//! let effects = peer.handle(now, event, &mut store, &mut rng)?;
//! // A driver commits the store first, and then performs them.
//! assert!(matches!(effects[..], [Effect::Answer { request: RequestId(1), answer: Ok(_) }]));
//!
//! assert_eq!(peer.query(&store, now, &ask::Status, None)?.name, "Alder Hospital");
//! # Ok(())
//! # }
//! ```
//!
//! The folders are floors: a module imports from the floors below its own, never from above, and never from
//! beside (`tests/tests/floors.rs` fails otherwise).
//!
//! ```text
//!  agenda     what a node has under way with others, and what is to be done next: for drivers
//!  peer       routes an event to its feature; hello; what front doors ask and see
//!  features   side by side: federation, enrolment, custody, record, consent, backup
//!  exchange   outbox, inbox, access log: what every exchange with others goes through
//!  facts      what is kept and several features read: names, directory, members, contacts, patients,
//!             permissions, keys for grants, who treats whom, holdings of objects, entries, receipts
//!  turn       one event being handled: who we are, context, effects, notices, answers
//!  trust      what is signed and sealed, and how it is judged: identities, objects, tokens, membership
//!  store      what is asked of storage; typed rows; the time that counts
//!  base       ids, time, limits, names, encoding, cryptography, how reasons of refusals are listed
//! ```
//!
//! A feature sets another going by a notice, which the peer hands on within the same transaction. What several
//! features read is a fact; it has one module that writes it, below them.

pub mod agenda;
mod base;
mod exchange;
mod facts;
mod features;
pub mod peer;
pub mod refusal;
pub mod store;
mod trust;
mod turn;
#[cfg(test)]
mod vectors;

pub use self::features::*;
pub use base::{Addresses, Reach, codec, crypto, id, limits, naming, reason, time};
pub use exchange::access_log;
pub use facts::{codes, copied, directory, grant_keys, holdings, quota};
pub use trust::{
    capability, identity, membership, message, object, own_wrap, session, session_keys, statement,
};

pub(crate) use base::kind;
pub(crate) use exchange::{inbox, outbox};
pub(crate) use facts::{
    catalogue, contacts, entries, members, misfiled, names, patients, permission, receipts,
    treating,
};
pub(crate) use store::{clock, rows};

/// Whether signatures and ciphers are stand-ins that protect nothing: the feature `stand-ins`, for very
/// large simulated runs. Whatever comes out of such a build says so.
pub const STAND_INS: bool = cfg!(feature = "stand-ins");
