//! A patient and an institution get to know each other.
//!
//! ```text
//!  hospital                                       relay
//!  code for a chart ───(on paper, a screen)─────> enrol(patient, code)
//!       <──── hello: the code is proven, not sent ──┤
//!       <────── Enrol {code, keys, commitment} ─────┤
//!       ──────────── its part of the number ───────>│ shows the number
//!       <──────── Reveal {the relay's part} ────────┤
//!  the desk types the number <───(says it)───────── the patient
//!       ─────────────── Confirmed ─────────────────>│
//!       <───── Accepted {keys, ring} ──────────────── the patient says that the desk accepted it
//!  chart gets its patient; entries are announced
//!       ──── relay certificate, federation ────────> the relay may come in at every member
//! ```
//!
//! Until `Accepted` nothing of the chart is sealed, certified or announced, and nothing of the patient is kept but what
//! was begun: a code that somebody else got hold of opens nothing, since the number, or the card, is the patient's who
//! stands at the desk. [COD-6] to [COD-8]

pub mod command;
mod machine;
pub(crate) mod number;
mod pending;
pub mod query;
mod reasons;
pub mod view;
mod wire;

use crate::codec::Bytes;
use crate::id::PartyId;
use crate::refusal::{Handled, Refusal};
use crate::turn::{Context, Feature, Sender};

pub use command::Command;
pub(crate) use machine::{certificate_for, greeted, unenrolled};
pub(crate) use reasons::Reason;
pub use wire::{
    Accepted, AcceptedAnswer, Answer, Confirmed, Enrol, Message, Renewal, Reveal, Undone,
};

/// What the peer gives to this feature.
pub(crate) struct Machine;

impl Feature for Machine {
    type Message = Message;
    type Command = Command;

    fn receive(ctx: &mut Context<'_>, sender: &Sender, message: Message) -> Handled<Bytes> {
        match message {
            Message::Enrol(enrol) => machine::enrolled(ctx, sender, enrol),
            Message::Certificate(renewal) => {
                machine::renewed(ctx, sender.institution, renewal.certificate)
            }
            Message::Reveal(reveal) => machine::revealed(ctx, sender, &reveal),
            Message::Confirmed(confirmed) => machine::confirmed(ctx, sender, &confirmed),
            Message::Accepted(accepted) => machine::accepted(ctx, sender, accepted),
            Message::Undone(undone) => machine::undone(ctx, sender, &undone),
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
            Message::Reveal(reveal) => match result {
                Ok(_) => Ok(()),
                Err(refusal) => machine::not_revealed(ctx, to, reveal.patient, refusal),
            },
            Message::Accepted(accepted) => {
                machine::made(ctx, to, accepted.log.party_unverified(), result)
            }
            Message::Certificate(_) | Message::Confirmed(_) | Message::Undone(_) => Ok(()),
        }
    }
}
