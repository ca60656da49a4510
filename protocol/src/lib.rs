//! The Chartmesh protocol, without input or output.
pub mod id;
pub mod store;
pub mod time;
