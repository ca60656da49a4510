//! The Chartmesh protocol, without input or output.
pub mod id;
pub mod object;
pub mod store;
pub mod time;

#[cfg(test)]
mod vectors;
