//! The world: parties, a clock, and a network that delivers at once or not at all.

mod dishonest;
mod doors;
mod drive;
mod joining;
mod orders;
mod people;
mod region;
mod state;
mod wire;

pub use region::{Region, command};
pub use state::{AnswerOtherwise, Keeper, Lie, Otherwise, World};
pub use wire::body_of;
