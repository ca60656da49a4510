//! An in-memory world that drives many [`Peer`](chartmesh_protocol::peer::Peer)s under virtual time.
//!
//! The peers are the very code that the node runs; only the driver is another: a map instead of redb,
//! function calls instead of libp2p, a clock that tests move by hand. Everything is a function of the
//! seed.

mod party;
mod region;
mod world;

pub use party::{Party, Who};
pub use region::{Region, command};
pub use world::{AnswerOtherwise, Keeper, Lie, Otherwise, World};
