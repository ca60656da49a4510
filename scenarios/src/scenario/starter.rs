//! The scenario that `chartmesh sim new` writes.

/// A commented scenario under a name, to begin from.
#[must_use]
pub fn new_scenario(name: &str) -> String {
    include_str!("starter.toml").replace("NAME", name)
}
