//! What deposits cost whoever made them, and the patient for whom they are kept: their objects, also while these are still
//! to come.

use super::tables::{DepositState, ReservationRow};
use crate::codec::{DecodeError, Wire};
use crate::id::PartyId;
use crate::limits;
use crate::quota::Use;
use crate::receipts::KeptRow;
use crate::turn::Payer;

/// Of a deposit's row: what is to come.
pub(crate) fn reserved(row: &[u8]) -> Result<(Payer, Use), DecodeError> {
    let row = ReservationRow::from_bytes(row, limits::ROW_BYTES_MAX)?;
    let to_come = match row.state {
        DepositState::Stored => Use::default(),
        _ => Use { entries: row.entries.len() as u64, bytes: row.bytes },
    };
    Ok((payer(row.depositor, row.owner), to_come))
}

/// Of the row of an entry that is kept: the entry.
pub(crate) fn kept(key: &[u8], row: &[u8]) -> Result<(Payer, Use), DecodeError> {
    let row = KeptRow::from_bytes(row, limits::ROW_BYTES_MAX)?;
    let owner = key.first_chunk().map(|owner| PartyId(*owner));
    let payer = payer(row.depositor, owner.unwrap_or(row.depositor));
    Ok((payer, Use { entries: 1, bytes: row.bytes }))
}

/// An institution's own backup is kept for nobody else.
fn payer(depositor: PartyId, owner: PartyId) -> Payer {
    Payer {
        institution: Some(depositor),
        patient: Some(owner).filter(|owner| *owner != depositor),
        ..Payer::default()
    }
}
