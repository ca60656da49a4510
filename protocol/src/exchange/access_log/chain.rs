//! Who saw what: a chain of salted line hashes per patient, kept by every holder.
//!
//! Each line's hash covers the hash before it, so a line cannot be taken out or changed without every
//! later head changing; each answer to a reader carries the signed head, so that heads are in others'
//! hands. The patient obtains all lines with the signed head; others entitled verify with hashes
//! alone, since each line is salted. Reading at the holder itself without a line cannot be detected
//! by anyone.

use crate::capability::Purpose;
use crate::codec::{Wire, wire_struct};
use crate::id::{EntryId, PartyId, TokenId};
use crate::limits;
use crate::reason::reasons;
use crate::refusal::{Handled, Refusal};
use crate::rows;
use crate::statement::{Signed, Statement};
use crate::store::{ReadTxn, StoreError, Table};
use crate::time::Timestamp;
use crate::turn::{Action, Context, Draft, Own, Page, Part};

/// Patient, sequence number -> [`Line`].
const LINES: Table = Table("access_log");
/// Patient -> [`HeadRow`].
const HEADS: Table = Table("access_log_head");

wire_struct! {
    /// One line.
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub struct Line {
        /// Position, from 1.
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
    }
}

impl Line {
    /// The line's hash.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        blake3::hash(&self.to_bytes()).into()
    }
}

wire_struct! {
    /// The newest line of one patient.
    #[derive(Debug, Clone)]
    pub struct HeadRow {
        /// Its number.
        1 => seq: u64,
        /// Its hash.
        2 => hash: [u8; 32],
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
        /// Lines so far.
        4 => seq: u64,
        /// The newest line's hash; 32 zeros when there is none.
        5 => hash: [u8; 32],
        /// When.
        6 => at: Timestamp,
    }
}

impl Statement for Head {
    const DOMAIN: &'static str = "chartmesh/1/log-head";
}

/// Appends a line.
pub(crate) fn append(ctx: &mut Context<'_>, draft: Draft) -> Result<(), StoreError> {
    let head = rows::get::<HeadRow>(ctx.txn, HEADS, &draft.patient.0)?
        .unwrap_or(HeadRow { seq: 0, hash: [0; 32] });
    let count = draft.entries.len() as u64;
    let mut entries = draft.entries;
    entries.truncate(limits::LOG_LINE_ENTRIES_MAX);
    let line = Line {
        seq: head.seq + 1,
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
        before: head.hash,
        through: Some(draft.through).filter(|through| !through.is_empty()),
        last: draft.last.then_some(true),
        news: draft.news,
    };
    let key = rows::pair(&draft.patient.0, &line.seq.to_be_bytes());
    rows::put(ctx.txn, LINES, &key, &line)?;
    rows::put(ctx.txn, HEADS, &draft.patient.0, &HeadRow { seq: line.seq, hash: line.hash() })
}

/// The signed head of a patient's log.
pub(crate) fn head(
    own: &Own,
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
    patient: PartyId,
) -> Result<Signed<Head>, StoreError> {
    let row =
        rows::get::<HeadRow>(txn, HEADS, &patient.0)?.unwrap_or(HeadRow { seq: 0, hash: [0; 32] });
    let head = Head {
        holder: own.party(),
        key: own.key_number(),
        patient,
        seq: row.seq,
        hash: row.hash,
        at: now,
    };
    Ok(Signed::sign(head, own.institution_key()))
}

/// Lines after number `after`.
pub(crate) fn lines(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    after: u64,
    limit: usize,
) -> Result<Vec<Line>, StoreError> {
    let after = rows::pair(&patient.0, &after.to_be_bytes());
    Ok(rows::scan::<Line>(txn, LINES, &patient.0, Some(&after), limit)?
        .into_iter()
        .map(|(_, line)| line)
        .collect())
}

/// A page of lines.
pub(super) fn lines_page(txn: &dyn ReadTxn, patient: PartyId, part: &Part) -> Handled<Page<Line>> {
    let page = part.rows(txn, LINES, &patient.0, PartyId::LEN + size_of::<u64>())?;
    page.show(|(_, line)| Ok(Some(line)))
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
    }
}

/// Verifies that `lines` continue from `before` (number and hash) and end at `head`.
///
/// # Errors
/// [`LogError`].
pub fn verify_chain(before: (u64, [u8; 32]), lines: &[Line], head: &Head) -> Result<(), LogError> {
    let (mut seq, mut hash) = before;
    for line in lines {
        if line.seq != seq + 1 {
            return Err(LogError::Missing(seq + 1));
        }
        if line.before != hash {
            return Err(LogError::Broken(line.seq));
        }
        (seq, hash) = (line.seq, line.hash());
    }
    if (seq, hash) == (head.seq, head.hash) { Ok(()) } else { Err(LogError::WrongHead) }
}
