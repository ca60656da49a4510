//! Chartmesh.

pub mod store;
