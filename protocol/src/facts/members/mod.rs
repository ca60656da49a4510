//! The one federation of this node: what its statements say, and who is a member by them.
//!
//! [`crate::membership`] judges statements; here they are kept. What is done with them, and who is told, is the
//! feature's ([`crate::federation`]).

mod cached;
mod reasons;
mod roll;
mod spread;
mod statements;

pub(crate) use cached::{keep, ledger};
pub(crate) use reasons::Reason;
pub(crate) use roll::{admitted, is_expelled, is_gone, is_member, members};
pub use spread::Spread;
pub(crate) use spread::{snapshot, spread};
pub(crate) use statements::{begin, charter, conclude, forget, insert, knows, locator, rebuilt};
