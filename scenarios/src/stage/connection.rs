//! What two machines have between them: the connection, and messages on their way.

use super::window::Window;
use chartmesh_protocol::id::{ConsentId, PartyId};
use chartmesh_protocol::message::MessageId;

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection {
    /// The other's start with which we talk.
    pub(crate) epoch: u32,
    pub(crate) used_us: u64,
    pub(crate) window: Window,
}

/// A message on its way, seen from its sender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(crate) from: u32,
    pub(crate) from_epoch: u32,
    pub(crate) to: PartyId,
    pub(crate) target: u32,
    pub(crate) target_epoch: u32,
    pub(crate) number: u64,
    /// What traces follow it by.
    pub(crate) id: u64,
    pub(crate) message: MessageId,
    /// Whether a dishonest machine made it up: its own peer knows nothing of it.
    pub(crate) made_up: bool,
    /// Whether honest parties may take what was made up.
    pub(crate) may_pass: bool,
    pub(crate) left_us: u64,
    pub(crate) name: &'static str,
    /// When it was put into the outbox, by the sender's clock.
    pub(crate) since_ms: u64,
    pub(crate) patient: u64,
    /// The request for consent that it is about.
    pub(crate) about: Option<ConsentId>,
}

/// To whom a reply goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Back {
    /// The answer to a `hello`.
    Hello { from: u32, from_epoch: u32 },
    /// The outcome of a message.
    Message(Flow),
    /// Nobody: it was a message that came twice.
    Nobody,
}
