//! What a relay collected of holders' logs, and how it asks for more.

use super::chain::Head;
use super::wire::{LinesRequest, Message};
use crate::codec::wire_struct;
use crate::id::PartyId;
use crate::refusal::{Handled, Refusal};
use crate::rows;
use crate::statement::Unverified;
use crate::store::Table;
use crate::turn::Context;

/// Patient, holder, number -> [`super::chain::Line`]: what the relay collected.
pub(super) const COLLECTED: Table = Table("log_collected");
/// Patient, holder -> [`CollectedRow`].
pub(super) const COLLECTED_HEADS: Table = Table("log_collected_head");

wire_struct! {
    /// How far a holder's log was collected.
    #[derive(Debug, Clone)]
    pub struct CollectedRow {
        /// The last line's number.
        1 => seq: u64,
        /// The last line's hash.
        2 => hash: [u8; 32],
        /// The newest head that was shown.
        3 => head: Unverified<Head>,
        /// What did not hold.
        4 => problem: Option<Refusal>,
    }
}

/// Asks a holder for the lines that are not here.
pub(super) fn ask(ctx: &mut Context<'_>, patient: PartyId, holder: PartyId) -> Handled<()> {
    let after =
        rows::get::<CollectedRow>(ctx.txn, COLLECTED_HEADS, &rows::pair(&patient.0, &holder.0))?
            .map_or(0, |row| row.seq);
    ctx.send(holder, &Message::Lines(LinesRequest { patient, after }))?;
    Ok(())
}
