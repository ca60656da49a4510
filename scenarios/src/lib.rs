//! Many [`Peer`](chartmesh_protocol::peer::Peer)s under virtual time: a world that tests move by hand, and a
//! simulator of whole federations from a scenario file.
//!
//! The peers are the very code that the node runs; only the driver is another: a map instead of redb,
//! modelled links instead of libp2p, a clock that jumps from event to event. Everything is a function of
//! the seed.

mod check;
mod engine;
pub mod experiment;
pub mod metric;
pub mod output;
mod party;
pub mod result;
pub mod scenario;
mod stage;
pub mod stats;
pub mod tier;
mod world;

pub use engine::{empty_events, run};
pub use party::{Party, Who};
pub use world::{AnswerOtherwise, Keeper, Lie, Otherwise, Region, World, body_of, command};
