//! A patient and an institution get to know each other.
//!
//! ```text
//!  hospital                                relay
//!  code for a chart ──(on paper, a screen)──> enrol(patient, code)
//!       <─────────────── hello with the code ──┤
//!       <────── Enrol {secret, keys, ring} ────┘
//!  chart gets its patient; entries are announced
//!       ──── relay certificate, federation ───> the relay may come in at every member
//! ```

pub mod command;
mod machine;
mod reasons;
mod wire;

pub use command::Command;
pub(crate) use command::command;
pub(crate) use machine::{certificates, greeted, outcome, receive};
pub(crate) use reasons::Reason;
pub use wire::{Answer, Enrol, Message, Renewal};
