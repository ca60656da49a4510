//! What every exchange with another party goes through: what waits for it, what came from it, who saw what.

pub mod access_log;
pub(crate) mod inbox;
pub(crate) mod outbox;
