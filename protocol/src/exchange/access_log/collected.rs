//! What a relay collected of holders' logs, and how it asks for more.

use super::chain::{Head, Line, LinePlace, LogEnd};
use super::wire::{LinesRequest, Message};
use crate::codec::wire_struct;
use crate::id::PartyId;
use crate::refusal::{Handled, Refusal};
use crate::rows;
use crate::statement::Unverified;
use crate::store::{ReadTxn, StoreError, Table};
use crate::time::Timestamp;
use crate::turn::Context;

/// Patient, holder, volume, number -> [`Line`]: what the relay collected.
pub(super) const COLLECTED: Table = Table::bodies("log_collected");
/// Patient, holder -> [`CollectedRow`].
pub(super) const COLLECTED_HEADS: Table = Table::rows("log_collected_head");
/// Patient, holder, volume -> [`VolumeRow`]: each volume but the first.
const VOLUMES: Table = Table::rows("log_collected_volume");

wire_struct! {
    /// How far a holder's log was collected.
    #[derive(Debug, Clone)]
    pub struct CollectedRow {
        /// The last line.
        1 => place: LinePlace,
        /// Its hash.
        2 => hash: [u8; 32],
        /// The newest head that was shown.
        3 => head: Unverified<Head>,
        /// What did not hold.
        4 => problem: Option<Refusal>,
        /// The volume does not go on from there, and the holder has begun another: that one is asked for. Never false.
        5 => over: Option<bool>,
    }
}

impl CollectedRow {
    /// How far.
    pub(super) const fn end(&self) -> LogEnd {
        LogEnd { place: self.place, hash: self.hash }
    }

    /// What the holder is asked to go on behind.
    pub(super) fn after(&self) -> LinePlace {
        let seq = if self.over.is_some() { u64::MAX } else { self.place.seq };
        LinePlace { seq, ..self.place }
    }

    /// Whether all was collected that the holder says it has.
    pub(super) fn is_whole(&self) -> bool {
        self.problem.is_none() && self.head.claims().ends_at(&self.end())
    }
}

wire_struct! {
    /// A volume that a holder began when its store had been put back.
    #[derive(Debug, Clone)]
    pub struct VolumeRow {
        /// The last line that the holder still had, as it says.
        1 => after: LinePlace,
        /// How many lines of earlier volumes the holder still had then, as it says.
        2 => earlier: u64,
        /// How many lines were collected that it had no more.
        3 => lost: u64,
        /// That `after` is no line that was collected.
        4 => problem: Option<Refusal>,
    }
}

/// Asks a holder for the lines that are not here.
pub(super) fn ask(ctx: &mut Context<'_>, patient: PartyId, holder: PartyId) -> Handled<()> {
    let log = rows::pair(&patient.0, &holder.0);
    let known = rows::get::<CollectedRow>(ctx.txn, COLLECTED_HEADS, &log)?;
    let after = known.map(|row| row.after()).unwrap_or_default();
    ctx.send(holder, &Message::Lines(LinesRequest { patient, after }))?;
    Ok(())
}

/// The volumes that the collected log has, the first aside.
pub(super) fn volumes(
    txn: &(impl ReadTxn + ?Sized),
    log: &[u8],
) -> Result<Vec<(Timestamp, VolumeRow)>, StoreError> {
    let rows = rows::all::<VolumeRow>(txn, VOLUMES, log)?.into_iter();
    let named =
        rows.map(|(key, row)| Ok((Timestamp(u64::from_be_bytes(rows::tail(VOLUMES, &key)?)), row)));
    named.collect()
}

/// How many lines the volumes before this one have that the holder still had.
pub(super) fn earlier(
    txn: &(impl ReadTxn + ?Sized),
    log: &[u8],
    volume: Timestamp,
) -> Result<u64, StoreError> {
    let row = rows::get::<VolumeRow>(txn, VOLUMES, &rows::pair(log, &volume.0.to_be_bytes()))?;
    Ok(row.map_or(0, |row| row.earlier))
}

/// Keeps lines that follow each other; the first of them may begin a volume behind what was no collected line.
pub(super) fn keep(
    ctx: &mut Context<'_>,
    log: &[u8],
    (before, lines): (LinePlace, &[Line]),
    mut problem: Option<Refusal>,
) -> Result<(), StoreError> {
    let mut volume = before.volume;
    for line in lines {
        if let Some(begins) = line.begins {
            volume = begins.volume;
            let key = LinePlace { volume, seq: 0 }.key();
            let from = [log, &begins.after.key(), &[0]].concat();
            let lost = ctx.txn.page(COLLECTED, &from, &rows::pair(log, &key), usize::MAX)?.len();
            let row = VolumeRow {
                after: begins.after,
                earlier: earlier(ctx.txn, log, begins.after.volume)?
                    .saturating_add(begins.after.seq),
                lost: lost as u64,
                problem: problem.take(),
            };
            rows::put(ctx.txn, VOLUMES, &rows::pair(log, &volume.0.to_be_bytes()), &row)?;
        }
        let place = LinePlace { volume, seq: line.seq };
        rows::put(ctx.txn, COLLECTED, &rows::pair(log, &place.key()), line)?;
    }
    Ok(())
}
