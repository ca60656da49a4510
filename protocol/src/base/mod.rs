//! The ground: what a byte, a time, an id and a bound are.

mod addresses;
pub mod codec;
pub mod crypto;
pub mod id;
pub(crate) mod kind;
pub mod limits;
pub mod naming;
pub mod reason;
pub mod time;

pub use addresses::{Addresses, Reach};
