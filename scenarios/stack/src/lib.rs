//! The stack tier of the simulator: whole nodes, many in one process, under simulated time.
//!
//! What runs is what a hospital would run: the node's driver, its libp2p swarm with Noise and Yamux and
//! all its limits, its redb store with its encryption. Simulated are only the machine's parts below:
//!
//! | of the machine | here |
//! |---|---|
//! | TCP | lanes with latency, rate, loss and cuts; a window that opens as TCP's does |
//! | the clock | tokio's, paused: it jumps to the next timer when nobody has anything to do |
//! | disks | in memory |
//! | threads | none: the pool's work and the writer's are done in place |
//! | chance | [`chance`]: from the seed |
//!
//! The other tier (`chartmesh-scenarios`) drives the protocol alone over a transport that is modelled
//! by costs, and is far quicker; this one says whether those costs are true. README.md has
//! the measurements, and what remains of the machine in a run.

pub mod chance;
mod clock;
mod costs;
mod day;
mod handles;
mod internet;
mod link;
mod memory;
mod node;
mod people;
mod region;
mod seen;
mod stack;
pub mod tier;

pub use clock::EPOCH;
pub use costs::{Cost, measure};
pub use day::{Load, Took};
pub use handles::Handles;
pub use internet::{Links, Region, Traffic};
pub use link::Link;
pub use node::Who;
pub use region::{Federation, Patient, Sizes};
pub use seen::Delivered;
pub use stack::{Answered, Stack, Ticket};
