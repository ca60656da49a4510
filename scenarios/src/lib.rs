//! Many [`Peer`](chartmesh_protocol::peer::Peer)s under virtual time: a world that tests move by hand, and a
//! simulator of whole federations from a scenario file.
//!
//! The peers are the very code that the node runs; only the driver is another: a map instead of redb,
//! modelled links instead of libp2p, a clock that jumps from event to event. Everything is a function of
//! the seed.

mod check;
mod engine;
pub mod experiment;
mod life;
mod measure;
pub mod output;
mod party;
pub mod people;
pub mod places;
mod region;
pub mod result;
mod run;
pub mod scenario;
pub mod stats;
pub mod tcp;
pub mod tier;
mod watch;
mod world;

pub use engine::empty_events;
pub use party::{Party, Who};
pub use region::{Region, command};
pub use run::{RunError, run};
pub use world::{AnswerOtherwise, Keeper, Lie, Otherwise, World, body_of};
