//! Who saw what.
//!
//! Every holder keeps a chain of lines per patient; the patient's relay collects them and checks that
//! each continues what it saw before. Whoever reads at a holder gets the holder's signed head of that
//! log, countersigns it and sends it to the relay, so a holder that rewrites its log contradicts heads
//! in other hands, and is named.

mod chain;
mod collect;
mod collected;
pub mod command;
mod countersign;
mod own;
mod query;
mod reasons;
mod refused;
pub mod view;
mod wire;

pub use crate::turn::Action;
pub(crate) use crate::turn::Draft;
pub use chain::{Head, Line, LogError, verify_chain};
pub(crate) use chain::{adopt, append, head};
pub(crate) use collect::{outcome, receive};
pub use command::Command;
pub(crate) use command::command;
pub(crate) use countersign::countersign;
pub use query::{AccessLog, CollectedLines, CollectedLogs};
pub(crate) use reasons::Reason;
pub(crate) use refused::on_record;
pub use wire::{CountersignError, Countersigned, Message, Shown};
