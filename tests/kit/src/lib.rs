//! What attacks, fails on purpose or makes samples: for the tests and the demo. No node is built with it.
//!
//! * [`Rogue`]: a terminal with an institution's stolen keys, in the real protocol over the real network;
//! * [`Terminal`]: the same, or a stranger, saying whatever it is told to one node;
//! * [`FaultyDisk`]: a disk that loses whatever a disk may lose, at the worst moment;
//! * [`sample`]: a patient who does not exist, with records and images.

mod disk;
mod rogue;
pub mod sample;
mod terminal;

pub use disk::{FaultyDisk, FaultyFile, Loss};
pub use rogue::{Rogue, Told, altered, minted};
pub use terminal::{Far, Terminal, backdated};
