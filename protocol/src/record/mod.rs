//! Entries of a patient's record.

mod kind;

pub use kind::Kind;
