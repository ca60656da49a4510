//! The Chartmesh protocol, without input or output.
pub mod codec;
pub mod crypto;
pub mod id;
pub mod identity;
pub mod limits;
pub mod membership;
pub mod object;
pub mod record;
pub mod statement;
pub mod store;
pub mod time;
#[cfg(test)]
mod vectors;
