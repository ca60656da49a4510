//! The Chartmesh protocol, without input or output.
pub mod capability;
pub mod codec;
pub mod crypto;
pub mod id;
pub mod identity;
pub mod limits;
pub mod object;
pub mod record;
pub mod statement;
pub mod store;
pub mod time;
pub mod wrap;

#[cfg(test)]
mod vectors;
