//! What a feature is to the peer.

use super::{Commands, Context, Questions, RequestId, Sender};
use crate::codec::Bytes;
use crate::id::PartyId;
use crate::refusal::{Handled, Refusal};
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;

/// What the peer gives to a feature, whatever it is about. Each feature's `Machine` is one, and stands on its front
/// page; `peer::features` lists them.
pub(crate) trait Feature: Questions {
    /// What it says to others.
    type Message;

    /// What front doors ask of it to be done.
    type Command: Commands;

    /// Handles a command.
    fn command(ctx: &mut Context<'_>, request: RequestId, command: Self::Command) -> Handled<()> {
        command.carry_out(ctx, request)
    }

    /// Handles another institution's message.
    fn receive(ctx: &mut Context<'_>, sender: &Sender, message: Self::Message) -> Handled<Bytes>;

    /// What became of a message of ours: the answer to it, or why it was refused.
    fn outcome(
        _ctx: &mut Context<'_>,
        _to: PartyId,
        _message: Self::Message,
        _result: Result<Bytes, Refusal>,
    ) -> Handled<()> {
        Ok(())
    }

    /// Time passed: does what is due, and asks by [`Effect::WakeAt`](super::Effect::WakeAt) to be called again.
    fn tick(_ctx: &mut Context<'_>) -> Handled<()> {
        Ok(())
    }

    /// When something is due next, for a start: from then on whoever writes a row that waits asks to be called.
    fn next_due(_txn: &dyn ReadTxn) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }
}
