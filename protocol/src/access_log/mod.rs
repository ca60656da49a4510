//! Who saw what.
//!
//! Every holder keeps a chain of lines per patient; the patient's relay collects them and checks that
//! each continues what it saw before. Whoever reads at a holder gets the holder's signed head of that
//! log and keeps it, so a holder that rewrites its log contradicts heads in other hands.

mod chain;
mod collect;
mod refused;
pub mod view;

pub use chain::{Action, Head, Line, LogError, verify_chain};
pub(crate) use chain::{Draft, adopt, append, head, lines};
pub use collect::{Command, Message};
pub(crate) use collect::{collected, command, countersign, named, outcome, receive};
pub(crate) use refused::on_record;
