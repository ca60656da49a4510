//! Chartmesh.
pub mod bulk;
pub mod disk;
pub mod objects;
