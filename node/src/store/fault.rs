//! What the store says when redb fails.

use chartmesh_protocol::store::StoreError;

pub(super) fn fault(error: impl std::fmt::Display) -> StoreError {
    StoreError::Fault(error.to_string())
}
