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
//! Memory: a sender holds [`BUFFERS_SENDING`] batches, a receiver [`BUFFERS_RECEIVING`], each of at
//! most 512 KiB and its pairs (about 4 KiB).

mod io;
mod pull;
mod serve;
mod source;
mod wire;

use std::time::Duration;

pub use pull::{Lie, Pulled, pull};
pub use serve::{Authorise, ServeError, Served, serve};
pub use source::{InMemory, Library, Source};
pub use wire::RefusalCode;

/// The name under which nodes speak this protocol.
pub const PROTOCOL: &str = "/chartmesh/bulk/1";

/// Permission is asked for again after this many bytes: what a peer gets at most after a
/// revocation arrived here.
pub const RECHECK: u64 = 16 * 1024 * 1024;

/// Batches a sender holds, 4 MiB: half of them on their way out while the others are read.
pub const BUFFERS_SENDING: usize = 8;

/// Batches a receiver holds, 12 MiB: what arrives at 600 MB/s while the disk is busy for 20 ms.
pub const BUFFERS_RECEIVING: usize = 24;

/// How long to wait for a peer.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The longest time without a single byte within a request or an answer.
    pub stall: Duration,
    /// The longest time that a stream may stay open between two requests.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { stall: Duration::from_secs(30), idle: Duration::from_secs(60) }
    }
}
