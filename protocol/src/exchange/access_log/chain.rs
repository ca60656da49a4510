//! Who saw what: a chain of salted line hashes per patient, kept by every holder.
//!
//! Each line's hash covers the hash before it, so a line cannot be taken out or changed without every
//! later head changing; each answer to a reader carries the signed head, so that heads are in others'
//! hands. The patient obtains all lines with the signed head; others entitled verify with hashes
//! alone, since each line is salted. Reading at the holder itself without a line cannot be detected
//! by anyone.
//!
//! A log has volumes. What a holder whose store was put back wrote since the copy is lost to it, and its numbers were used;
//! so its next line begins a new volume, and says behind which line that it still has. [LOG-8]
//!
//! ```text
//!  volume 0    1 ── 2 ── 3 ── 4 ── 5          what the patient's relay collected
//!                        └──┐
//!  volume t                 1 ── 2 ── 3       put back to line 3, which was noticed at t
//! ```

use crate::capability::Purpose;
use crate::codec::{Wire, wire_struct};
use crate::copied;
use crate::id::{EntryId, PartyId, TokenId};
use crate::limits;
use crate::reason::reasons;
use crate::refusal::{Handled, Refusal};
use crate::rows;
use crate::statement::{Signed, Statement};
use crate::store::{ReadTxn, StoreError, Table};
use crate::time::Timestamp;
use crate::turn::{Action, Context, Draft, Own, Page, Part};

/// Patient, volume, number -> [`Line`].
const LINES: Table = Table::bodies("access_log");
/// Patient -> [`HeadRow`].
const HEADS: Table = Table::rows("access_log_head");

wire_struct! {
    /// Where a line stands in a holder's log of one patient. Before the first of all it is the volume 0 and number 0.
    #[derive(
        Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
    )]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub struct LinePlace {
        /// The volume: when the holder noticed that its store was put back; 0 for the first.
        1 => volume: Timestamp,
        /// The line's number in it, from 1.
        2 => seq: u64,
    }
}

impl LinePlace {
    /// As the end of a key: in the order of the log.
    pub(super) fn key(self) -> [u8; 16] {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&self.volume.0.to_be_bytes());
        key[8..].copy_from_slice(&self.seq.to_be_bytes());
        key
    }

    pub(super) fn of_key(table: Table, key: &[u8]) -> Result<Self, StoreError> {
        let (volume, seq) = (rows::tail::<16>(table, key)?, rows::tail(table, key)?);
        let volume = volume.first_chunk().copied().unwrap_or_default();
        let volume = Timestamp(u64::from_be_bytes(volume));
        Ok(Self { volume, seq: u64::from_be_bytes(seq) })
    }
}

wire_struct! {
    /// A line begins a volume.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub struct VolumeBegin {
        /// Its name: when the holder noticed that its store was put back.
        1 => volume: Timestamp,
        /// The last line that the holder still had then, of whatever volume.
        2 => after: LinePlace,
    }
}

wire_struct! {
    /// One line.
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub struct Line {
        /// Position in its volume, from 1.
        1 => seq: u64,
        /// When.
        2 => at: Timestamp,
        /// What.
        3 => action: Action,
        /// By which institution; the patient's id when by the patient.
        4 => by: PartyId,
        /// By which person there, as that institution attests.
        5 => user: Option<String>,
        /// What for.
        6 => purpose: Option<Purpose>,
        /// Which entries, as many as a line names.
        7 => entries: Vec<EntryId>,
        /// How many entries in all.
        8 => count: u64,
        /// Under which permission.
        9 => token: Option<TokenId>,
        /// For a refusal: why.
        10 => reason: Option<Refusal>,
        /// So that a line cannot be guessed from its hash.
        11 => salt: [u8; 16],
        /// The hash of the line before; 32 zeros before the first.
        12 => before: [u8; 32],
        /// Who passed the permission on to whoever used it, the patient's grantee first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        13 => through: Option<Vec<PartyId>>,
        /// For a refusal: that further ones of the same party on that day have no line. Never false.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        14 => last: Option<bool>,
        /// Of when the newest news of revocations was that the holder had, if that was old.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        15 => news: Option<Timestamp>,
        /// That it is the first line since the holder's store was put back from an older copy: `seq` is 1, and `before`
        /// the hash of the line that this names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        16 => begins: Option<VolumeBegin>,
    }
}

impl Line {
    /// The line's hash.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        blake3::hash(&self.to_bytes()).into()
    }

    /// What it continues.
    pub(super) fn continues(&self, volume: Timestamp) -> LogEnd {
        let before = LinePlace { volume, seq: self.seq.saturating_sub(1) };
        let place = self.begins.map_or(before, |begins| begins.after);
        LogEnd { place, hash: self.before }
    }
}

/// How far a log goes: the place of a line and its hash; 32 zeros before the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogEnd {
    /// The place.
    pub place: LinePlace,
    /// The hash.
    pub hash: [u8; 32],
}

wire_struct! {
    /// The newest line of one patient.
    #[derive(Debug, Clone, Default)]
    pub struct HeadRow {
        /// Where it stands.
        1 => place: LinePlace,
        /// Its hash.
        2 => hash: [u8; 32],
        /// How many lines of earlier volumes it follows.
        3 => earlier: u64,
    }
}

wire_struct! {
    /// A holder's signed word on how its log of one patient stands.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Head {
        /// The holder.
        1 => holder: PartyId,
        /// Number of the holder's key that signs.
        2 => key: u32,
        /// The patient.
        3 => patient: PartyId,
        /// Lines of the volume so far.
        4 => seq: u64,
        /// The newest line's hash; 32 zeros when there is none in the volume.
        5 => hash: [u8; 32],
        /// When.
        6 => at: Timestamp,
        /// The volume, which may have no line yet.
        7 => volume: Timestamp,
    }
}

impl Statement for Head {
    const DOMAIN: &'static str = "chartmesh/1/log-head";
}

impl Head {
    /// Where the newest line stands.
    #[must_use]
    pub const fn place(&self) -> LinePlace {
        LinePlace { volume: self.volume, seq: self.seq }
    }

    /// Whether a log that goes so far ends as this head says: there, or with a volume after it that has no line yet.
    pub(super) fn ends_at(&self, end: &LogEnd) -> bool {
        let begun = (self.place(), self.hash) == (end.place, end.hash);
        let empty = self.seq == 0 && self.hash == [0; 32] && self.volume > end.place.volume;
        begun || empty
    }
}

/// The volume that a patient's next line is to begin, if this node's store was put back since the last one was written.
fn due(txn: &(impl ReadTxn + ?Sized), last: &HeadRow) -> Result<Option<Timestamp>, StoreError> {
    Ok(copied::volume(txn)?.filter(|volume| *volume > last.place.volume))
}

/// Appends a line.
pub(crate) fn append(ctx: &mut Context<'_>, draft: Draft) -> Result<(), StoreError> {
    let last = rows::get::<HeadRow>(ctx.txn, HEADS, &draft.patient.0)?.unwrap_or_default();
    let begins = due(ctx.txn, &last)?.map(|volume| VolumeBegin { volume, after: last.place });
    let (place, earlier) = match begins {
        Some(begins) => {
            (LinePlace { volume: begins.volume, seq: 1 }, last.earlier + last.place.seq)
        }
        None => (LinePlace { seq: last.place.seq + 1, ..last.place }, last.earlier),
    };
    let count = draft.entries.len() as u64;
    let mut entries = draft.entries;
    entries.truncate(limits::LOG_LINE_ENTRIES_MAX);
    let line = Line {
        seq: place.seq,
        at: draft.at.unwrap_or(ctx.now),
        action: draft.action,
        by: draft.by,
        user: draft.user,
        purpose: draft.purpose,
        entries,
        count,
        token: draft.token,
        reason: draft.reason,
        salt: ctx.random(),
        before: last.hash,
        through: Some(draft.through).filter(|through| !through.is_empty()),
        last: draft.last.then_some(true),
        news: draft.news,
        begins,
    };
    rows::put(ctx.txn, LINES, &rows::pair(&draft.patient.0, &place.key()), &line)?;
    rows::put(ctx.txn, HEADS, &draft.patient.0, &HeadRow { place, hash: line.hash(), earlier })
}

/// The signed head of a patient's log.
pub(crate) fn head(
    own: &Own,
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
    patient: PartyId,
) -> Result<Signed<Head>, StoreError> {
    let last = rows::get::<HeadRow>(txn, HEADS, &patient.0)?.unwrap_or_default();
    // What has no line yet says by its name that the lines behind the last one of the volume before are gone.
    let (place, hash) = match due(txn, &last)? {
        Some(volume) => (LinePlace { volume, seq: 0 }, [0; 32]),
        None => (last.place, last.hash),
    };
    let head = Head {
        holder: own.party(),
        key: own.key_number(),
        patient,
        seq: place.seq,
        hash,
        at: now,
        volume: place.volume,
    };
    Ok(Signed::sign(head, own.institution_key()))
}

/// How many lines the log of a patient has, of all volumes.
pub(super) fn length(txn: &(impl ReadTxn + ?Sized), patient: PartyId) -> Result<u64, StoreError> {
    let last = rows::get::<HeadRow>(txn, HEADS, &patient.0)?.unwrap_or_default();
    Ok(last.earlier + last.place.seq)
}

/// Lines after a place, whether there is a line or not.
pub(crate) fn lines(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    after: LinePlace,
    limit: usize,
) -> Result<Vec<Line>, StoreError> {
    let after = rows::pair(&patient.0, &after.key());
    Ok(rows::scan::<Line>(txn, LINES, &patient.0, Some(&after), limit)?
        .into_iter()
        .map(|(_, line)| line)
        .collect())
}

/// A page of lines, each with its volume.
pub(super) fn lines_page(
    txn: &dyn ReadTxn,
    patient: PartyId,
    part: &Part,
) -> Handled<Page<(Timestamp, Line)>> {
    let page =
        part.rows(txn, LINES, &patient.0, PartyId::LEN + LinePlace::default().key().len())?;
    page.show(|(key, line)| Ok(Some((LinePlace::of_key(LINES, &key)?.volume, line))))
}

/// Moves the log of a chart to the patient whose chart it turned out to be, line by line.
pub(crate) fn adopt(ctx: &mut Context<'_>, from: PartyId, to: PartyId) -> Result<(), StoreError> {
    for (key, line) in rows::all::<Line>(ctx.txn, LINES, &from.0)? {
        ctx.txn.delete(LINES, &key)?;
        append(
            ctx,
            Draft {
                patient: to,
                action: line.action,
                by: line.by,
                user: line.user,
                purpose: line.purpose,
                entries: line.entries,
                token: line.token,
                reason: line.reason,
                last: line.last.is_some(),
                through: line.through.unwrap_or_default(),
                news: line.news,
                at: Some(line.at),
            },
        )?;
    }
    ctx.txn.delete(HEADS, &from.0)
}

reasons! {
    /// Why lines do not prove what their head says.
    #[derive(Copy)]
    pub enum LogError: 32 "log" {
        /// A line is missing or out of order.
        21 => Missing(line: u64): NotAuthentic "line {line} of the access log is missing",
        /// A line does not continue the one before it.
        22 => Broken(line: u64): NotAuthentic "line {line} of the access log was changed, or one before it",
        /// The lines are whole, but the head says otherwise.
        23 => WrongHead: NotAuthentic "the access log does not end where its signed head says",
        /// A line begins a volume that is not later than the one before.
        24 => OldVolume(line: u64): NotAuthentic "line {line} of the access log begins a part that is not later than the one before",
    }
}

/// Verifies that `lines` continue from `before` and end at `head`. A line that begins a volume names the line before it.
///
/// # Errors
/// [`LogError`].
pub fn verify_chain(before: LogEnd, lines: &[Line], head: &Head) -> Result<(), LogError> {
    let end = follow(before, lines)?;
    if head.ends_at(&end) { Ok(()) } else { Err(LogError::WrongHead) }
}

/// Where `lines` lead to from `before`, if they continue it.
pub(super) fn follow(before: LogEnd, lines: &[Line]) -> Result<LogEnd, LogError> {
    let mut end = before;
    for line in lines {
        let (volume, first) = match line.begins {
            Some(begins) if begins.volume <= end.place.volume => {
                return Err(LogError::OldVolume(line.seq));
            }
            Some(begins) => (begins.volume, 1),
            None => (end.place.volume, end.place.seq.saturating_add(1)),
        };
        let place = LinePlace { volume, seq: first };
        if line.seq != first || line.continues(volume).place != end.place {
            return Err(LogError::Missing(first));
        }
        if line.before != end.hash {
            return Err(LogError::Broken(line.seq));
        }
        end = LogEnd { place, hash: line.hash() };
    }
    Ok(end)
}
