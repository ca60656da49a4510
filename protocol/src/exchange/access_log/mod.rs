//! Who saw what.
//!
//! Every holder keeps a chain of lines per patient; the patient's relay collects them and checks that
//! each continues what it saw before. Whoever reads at a holder gets the holder's signed head of that
//! log, countersigns it and sends it to the relay, so a holder that rewrites its log contradicts heads
//! in other hands, and is named. One whose store was put back begins a volume: that says so, and the relay goes on from
//! there, with what it had collected, and what readers were shown, beside it.

mod chain;
mod collect;
mod collected;
pub mod command;
mod countersign;
mod own;
pub mod query;
mod reasons;
mod refused;
pub mod view;
mod wire;

use crate::codec::Bytes;
use crate::id::PartyId;
use crate::refusal::{Handled, Refusal};
use crate::turn::{Context, Feature, Sender};

pub use crate::turn::Action;
pub(crate) use crate::turn::Draft;
pub use chain::{Head, Line, LinePlace, LogEnd, LogError, VolumeBegin, verify_chain};
pub(crate) use chain::{adopt, append, head};
pub use command::Command;
pub(crate) use countersign::countersign;
pub(crate) use reasons::Reason;
pub(crate) use refused::on_record;
pub use wire::{CountersignError, Countersigned, Message, Shown};

/// What the peer gives to the access log.
pub(crate) struct Machine;

impl Feature for Machine {
    type Message = Message;
    type Command = Command;

    fn receive(ctx: &mut Context<'_>, sender: &Sender, message: Message) -> Handled<Bytes> {
        match message {
            Message::Lines(request) => collect::asked(ctx, sender, &request),
            Message::Shown(shown) => countersign::shown(ctx, sender, shown),
        }
    }

    /// Nothing depends on whether the relay takes a head.
    fn outcome(
        ctx: &mut Context<'_>,
        to: PartyId,
        message: Message,
        result: Result<Bytes, Refusal>,
    ) -> Handled<()> {
        match message {
            Message::Lines(request) => collect::told(ctx, to, &request, result),
            Message::Shown(_) => Ok(()),
        }
    }
}
