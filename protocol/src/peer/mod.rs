//! A peer: every feature behind one contract.
//!
//! ```text
//!            prepare                    handle                        commit, then
//!  bytes ───────────────> Checked ──> Event ──────────> Effects ────────────────────> perform
//!          (on a pool)                 one transaction     hints: every consequential
//!                                                          effect is a row as well
//! ```
//!
//! A [`Peer`] keeps nothing but its identity; everything else is in the transaction. What it has at hand besides
//! it would make again, and compares with the transaction before it uses it. The driver (the node, or the
//! simulator) calls:
//!
//! * [`Peer::start`] once per start, then performs what [`Peer::resume`] gives;
//! * [`Peer::handle`] for everything that happens, several events in one transaction if it likes,
//!   and performs the effects once that is durable;
//! * [`Peer::next_delivery`] and [`Peer::compose`] on [`Effect::Deliver`], then
//!   [`Event::Delivery`]; [`Peer::hello`] on a new connection, then [`Event::Welcome`];
//! * [`Peer::transfer`] on [`Effect::Pull`], then [`Event::Transfer`];
//! * [`Peer::may_pull`] and [`Peer::small_object`] when another node pulls;
//! * [`Peer::held_objects`] at the start, and whenever the disk may have lost something, then
//!   [`Event::Checked`];
//! * [`Peer::query`] for reads that disclose nothing of a record's content.

mod about_us;
mod body;
mod check;
mod command;
mod drive;
mod event;
mod features;
mod find;
mod handle;
mod hello;
mod itself;
mod message;
mod metering;
mod query;
mod reasons;
mod route;
pub mod words;

pub use about_us::{
    ClockView, NodeView, OwnKeyView, PeerView, PutBackClaimView, PutBackView, StatusView,
};
pub use command::Asked;
pub use drive::{Delivery, Route};
pub use event::{DeliveryFailure, Event};
pub use features::{Body, Command};
pub use find::{FoundBy, FoundOne, FoundView, Stands, Thing};
pub use hello::{
    CheckedHello, CheckedWelcome, Greeting, Hello, HelloReply, Purpose as HelloPurpose,
};
pub use itself::{EarlierInUse, Peer};
pub use message::CheckedMessage;
pub use metering::{Bounds, TABLES, audit};
pub use query::ask;
#[cfg(test)]
pub(crate) use reasons::Reason;

pub use crate::codes::{CodeView, InviteView};
pub use crate::holdings::TransferView;
pub use crate::identity::PatientKeys;
pub use crate::permission::KeysView;
pub use crate::turn::{
    Act, Answer, Cursor, Described, Done, EachCommand, EachQuestion, EarlierKeys, Effect, Identity,
    Listing, Look, Nonce, Page, Part, Policy, Question, RequestId, Shown, TransferResult, whole,
};
