//! What two machines have between them: the connection, what waits for it, and messages on their way.

use super::window::Window;
use chartmesh_protocol::id::{ConsentId, PartyId, TransferId};
use chartmesh_protocol::message::MessageId;
use chartmesh_protocol::peer::Nonce;

/// What one machine remembers of a connection with another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    /// The nonce that we told.
    pub(crate) ours: Nonce,
    /// The nonce that we were told.
    pub(crate) theirs: Option<Nonce>,
    /// The other's start with which we talk.
    pub(crate) epoch: u32,
    pub(crate) used_us: u64,
    pub(crate) window: Window,
}

impl Session {
    pub(crate) const fn new(ours: Nonce, theirs: Option<Nonce>, epoch: u32, now_us: u64) -> Self {
        Self { ours, theirs, epoch, used_us: now_us, window: Window::new(now_us) }
    }
}

/// What waits for a greeting to end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Errand {
    /// A message to an institution; whether it was refused once already.
    Deliver(PartyId, bool),
    /// An object.
    Pull(TransferId),
    /// Nothing: the greeting was all.
    Nothing,
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
    /// Whether the far side refused once already.
    pub(crate) again: bool,
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
