//! The bulk protocol: pulls sealed objects over a stream, verified as they arrive.
//!
//! Only who wants an object asks; nobody pushes. A stream carries requests one after another, each
//! answered in full before the next. All numbers are big-endian.
//!
//! ```text
//! request   u16  length of what follows: 57 in version 1; at most 256
//!           u8   version: 1
//!           [16] ticket      [32] object id
//!           u64  start: a multiple of 16 KiB, below the length (or 0)
//!
//! answer    u16  0, then
//!           u64  length of the object
//!           batch, for every batch from start to the end
//!      or   u16  a refusal code; nothing follows
//!
//! batch     u16  0, then
//!           [64] pairs: for every inner node, in pre order, whose first wanted group of 16 KiB
//!                lies in this batch: the hashes of its two children
//!           []   bytes: up to the next multiple of 512 KiB of the object, or to its end
//!      or   u16  a refusal code: the answer ends here
//! ```
//!
//! These are the pairs and the bytes of a `bao-tree` encoding (16 KiB groups) of the range from
//! `start` to the end, with one difference: the pairs of each batch stand before its bytes
//! instead of between them, so that neither side copies bytes around or makes a call for every
//! 16 KiB. What a batch consists of follows from the length and `start` alone.
//!
//! The receiver begins with the object's id and verifies every pair and every group downwards from
//! it before a byte is written or counted. So a peer can waste at most a batch of it, and is
//! caught by name: [`Pulled::Lied`].
//!
//! Permission is asked for before the answer and again every [`RECHECK`] bytes; when it is gone
//! the sender says so in place of the next batch.
//!
//! Memory: a sender holds [`limits::BUFFERS_SENDING`] batches, a receiver [`limits::BUFFERS_RECEIVING`], each of at
//! most 512 KiB and its pairs (about 4 KiB).

mod io;
mod limits;
mod patience;
mod pull;
mod serve;
mod source;
mod wire;

pub use limits::RECHECK;
pub use patience::Patience;
pub use pull::{Lie, Pulled, pull};
pub use serve::{Authorise, ServeError, Served, serve};
pub use source::{InMemory, Library, Source};
pub use wire::RefusalCode;

/// The name under which nodes speak this protocol.
pub const PROTOCOL: &str = "/chartmesh/bulk/1";
