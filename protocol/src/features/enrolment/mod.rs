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
pub mod query;
mod reasons;
mod wire;

use crate::codec::Bytes;
use crate::id::PartyId;
use crate::refusal::{Handled, Refusal};
use crate::turn::{Context, Feature, Sender};

pub use command::Command;
pub(crate) use machine::{certificates, greeted};
pub(crate) use reasons::Reason;
pub use wire::{Answer, Enrol, Message, Renewal};

/// What the peer gives to this feature.
pub(crate) struct Machine;

impl Feature for Machine {
    type Message = Message;
    type Command = Command;

    fn receive(ctx: &mut Context<'_>, sender: &Sender, message: Message) -> Handled<Bytes> {
        match message {
            Message::Enrol(enrol) => machine::enrolled(ctx, sender, enrol),
            Message::Certificate(renewal) => {
                machine::learn_certificate(ctx, sender.institution, renewal.certificate)?;
                Ok(Bytes::default())
            }
        }
    }

    fn outcome(
        ctx: &mut Context<'_>,
        to: PartyId,
        message: Message,
        result: Result<Bytes, Refusal>,
    ) -> Handled<()> {
        match message {
            Message::Enrol(enrol) => machine::answered(ctx, to, &enrol, result),
            Message::Certificate(_) => Ok(()),
        }
    }
}
