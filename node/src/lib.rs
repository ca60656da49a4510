//! Chartmesh.
