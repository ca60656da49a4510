//! Names of the files in a data directory.

pub(super) const IDENTITY: &str = "identity.json";
pub(super) const KEYSTORE: &str = "keystore";
pub(super) const STORE: &str = "store.redb";
pub(super) const OBJECTS: &str = "objects";
pub(super) const PORTS: &str = "ports.json";
pub(super) const STARTS: &str = "starts";
