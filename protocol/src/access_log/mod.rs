//! Who saw what.
//!
//! Every holder keeps a chain of lines per patient; the patient's relay collects them and checks that
//! each continues what it saw before. Whoever reads at a holder gets the holder's signed head of that
//! log, countersigns it and sends it to the relay, so a holder that rewrites its log contradicts heads
//! in other hands, and is named.

mod chain;
mod collect;
mod countersign;
mod refused;
pub mod view;

pub use chain::{Action, Head, Line, LogError, verify_chain};
pub(crate) use chain::{Draft, adopt, append, head, lines};
pub use collect::{Command, Message};
pub(crate) use collect::{collected, command, named, outcome, receive};
pub(crate) use countersign::countersign;
pub use countersign::{CountersignError, Countersigned, Shown};
pub(crate) use refused::on_record;
