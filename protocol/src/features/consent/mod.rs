//! The patient decides: who may see, who may keep, who is told.
//!
//! ```text
//!  download   hospital ─Ask─> relay ─(the patient)─Permission─> hospital ─Read─> holder
//!  referral   hospital A ─Ask─> relay ─(the patient)─Permission─> hospital B; A hears the outcome only
//!  upload     relay ─Order {permission}─> hospital ─Offer {permission}─> depositary: Ready, deferred
//!                                         hospital ─Execute─> depositary pulls, stores, says so
//!  own        relay ─Read {permission to itself}─> holder: contents come to the patient, sealed
//!
//!  passing on hospital ─PassedOn─> delegate ─Read─> holder; hospital ─Told─> relay
//!
//!  a request:  open ──> approved        (whole or narrowed, limited in time)
//!               │ ├───> refused
//!               │ ├───> deferred ──> open again at its time
//!               │ └───> expired
//!  a permission: live ──> revoked | expired | dropped by a rotation
//! ```
//!
//! A permission is over what there is, with the keys of single entries; or it stands, over whole kinds,
//! with the keys of their compartments, and opens what is added later until it ends (`standing.rs`).
//!
//! Whoever holds the data checks the permission on the spot. Revocation reaches neither the author's
//! own copy nor what was already obtained.

mod ask;
pub mod command;
mod compare;
mod decide;
mod machine;
mod narrow;
mod own;
mod pass_on;
mod query;
mod read;
mod reasons;
mod revoke;
mod sign;
mod standing;
mod tables;
mod upload;
pub mod view;
mod wire;

pub use ask::AskCommand;
pub use command::Command;
pub(crate) use command::command;
pub(crate) use machine::{outcome, receive, tick};
pub use narrow::Narrow;
pub use query::{Grants, Request, Requests};
pub(crate) use read::pulled;
pub(crate) use reasons::Reason;
pub(crate) use standing::renew_for;
pub use tables::{Obtained, RequestKind};
pub(crate) use tables::{next_due, requests_beginning};
pub(crate) use upload::{deposit_ready, deposit_refused, deposit_stored, deposited};
pub use wire::{
    Ask, Decision, Message, OrderState, Permission, ReadAnswer, ReadRequest, RequestState, Told,
    Wish,
};
