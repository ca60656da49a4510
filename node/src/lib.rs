//! Chartmesh.
pub mod net;
