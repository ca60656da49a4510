//! The one federation of this node: its views, who is a member by the newest, and this node's part in it.
//!
//! [`crate::membership`] judges; here it is kept. What is done with it, and who is told, is the feature's
//! ([`crate::federation`]).

mod chain;
mod follow;
mod here;
mod reasons;
mod roll;

pub(crate) use chain::{
    Followed, begin, charter, choose, follow, forget, forks, newest, oldest, position, seals_since,
    view_at,
};
pub use follow::Follow;
pub(crate) use follow::{leads_on, snapshot};
pub(crate) use here::{Here, Item, due, here, lose};
pub(crate) use reasons::Reason;
pub(crate) use roll::{
    admitted, called, gone, has_newer_key, is_expelled, is_gone, is_member, member, members, name,
};
