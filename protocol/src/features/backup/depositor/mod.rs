//! The side that deposits, restores and has deleted.

mod delete;
mod offer;
mod restore;
mod stored;

pub(super) use delete::{confirmed, delete};
pub(crate) use offer::deposit;
pub(super) use offer::{execute_due, keep, ready, refused};
pub(crate) use restore::restored_object;
pub(super) use restore::{restore, restored};
pub(super) use stored::{stored, withdrawn};
