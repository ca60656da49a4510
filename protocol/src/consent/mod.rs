//! The patient decides: who may see, who may keep, who is told.
//!
//! ```text
//!  download   hospital ─Ask─> relay ─(the patient)─Permission─> hospital ─Read─> holder
//!  referral   hospital A ─Ask─> relay ─(the patient)─Permission─> hospital B; A hears the outcome only
//!  upload     relay ─Order {permission}─> hospital ─Offer {permission}─> depositary: Ready, deferred
//!                                         hospital ─Execute─> depositary pulls, stores, says so
//!  own        relay ─Read {permission to itself}─> holder: contents come to the patient, sealed
//!
//!  a request:  open ──> approved        (whole or narrowed, limited in time)
//!               │ ├───> refused
//!               │ ├───> deferred ──> open again at its time
//!               │ └───> expired
//!  a permission: live ──> revoked | expired | dropped by a rotation
//! ```
//!
//! Whoever holds the data checks the permission on the spot. Revocation reaches neither the author's
//! own copy nor what was already obtained.

mod ask;
mod compare;
mod contacts;
mod decide;
mod machine;
mod own;
mod read;
mod revoke;
mod tables;
mod upload;
pub mod view;
mod wire;

pub(crate) use contacts::{
    add_contact, ask_contact, contact_agreed, contact_refused, contacts, enrolling, is_contact,
};
pub use machine::Command;
pub(crate) use machine::{command, outcome, receive, tick};
pub(crate) use read::pulled;
pub(crate) use read::{Judged, judge, target};
pub(crate) use revoke::{
    learn_revocations, revocation_state, revocations, rotated, sign_revocations,
};
pub(crate) use tables::{MayRead, grants, readers, received_chains, requests};
pub(crate) use upload::{deposit_ready, deposit_refused, deposit_stored};
pub use wire::{
    Ask, Decision, Message, OrderState, Permission, ReadAnswer, ReadRequest, RequestState, Wish,
};
