//! What attacks, fails on purpose or makes samples: for the tests and the demo. No node is built with it.
//!
//! * [`Rogue`]: a terminal with an institution's stolen keys, in the real protocol over the real network;
//! * [`FaultyDisk`]: a disk that loses whatever a disk may lose, at the worst moment;
//! * [`sample`]: a patient who does not exist, with records and images.

mod disk;
mod rogue;
pub mod sample;
mod terminal;

pub use disk::{FaultyDisk, FaultyFile, Loss};
pub use rogue::{Rogue, Told, altered, minted};
