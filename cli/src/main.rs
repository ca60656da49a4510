//! Chartmesh.
fn main() {}
