//! The Chartmesh protocol, without input or output.
pub mod access_log;
mod addresses;
pub mod backup;
pub mod capability;
mod clock;
pub mod codec;
pub mod codes;
pub mod consent;
pub mod crypto;
pub mod custody;
pub mod directory;
pub mod enrolment;
pub mod federation;
pub mod id;
pub mod identity;
mod inbox;
pub mod limits;
pub mod membership;
pub mod message;
pub mod object;
pub mod objects;
mod outbox;
pub mod peer;
pub mod record;
pub mod refusal;
mod rows;
pub mod statement;
pub mod store;
pub mod time;
#[cfg(test)]
mod vectors;
pub mod wrap;

pub use addresses::Addresses;

/// Whether signatures and ciphers are stand-ins that protect nothing: the feature `stand-ins`, for very
/// large simulated runs. Whatever comes out of such a build says so.
pub const STAND_INS: bool = cfg!(feature = "stand-ins");
