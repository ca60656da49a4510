//! Chartmesh.

pub mod keystore;
pub mod store;
