//! Entries whose author says that they are about another person: what each party keeps of that. The content is gone; what
//! stays is which entry it was, whose, and when that was said. [REC-11]

use crate::codec::{Bytes, wire_struct};
use crate::id::{CompartmentId, EntryId, PartyId, StatementId};
use crate::identity::KnownKeys;
use crate::limits;
use crate::reason::reasons;
use crate::rows;
use crate::statement::{Signed, Statement, Unverified};
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::{SECOND_MS, Timestamp};
use crate::turn::{Page, Part};
use std::collections::BTreeSet;

/// Subject, entry -> [`MisfiledRow`].
const MISFILED: Table = Table::rows("misfiled");
/// Subject, author, entry -> when that was said: of entries that never were here.
const UNSEEN: Table = Table::rows("misfiled_unseen");
/// Subject, statement -> [`SaidRow`]: at its author and at the patient's relay.
const SAID: Table = Table::rows("misfiled_said");
/// Institution, subject, statement -> nothing: it is to hear of that once the outbox has room.
const UNTOLD: Table = Table::rows("misfiled_untold");
/// A chart's own subject, entry -> nothing: it came back from a record that it does not belong to, and is to be sealed
/// anew.
const TO_SEAL: Table = Table::rows("misfiled_to_seal");
/// A chart's own subject, entry -> [`AnewRow`]: what was made of it.
const SEALED: Table = Table::rows("misfiled_sealed");

wire_struct! {
    /// An author says that entries of its own were filed under the wrong patient.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Misfiled {
        /// The author.
        1 => author: PartyId,
        /// Number of its key that signs.
        2 => key: u32,
        /// The patient whom they are not about.
        3 => subject: PartyId,
        /// The compartment that they were sealed to, if any.
        4 => compartment: Option<CompartmentId>,
        /// The salts of their labels, in ascending order: with the author they give the entries' ids, so nobody names another's.
        5 => salts: Vec<[u8; 16]>,
        /// When.
        6 => at: Timestamp,
    }
}

impl Misfiled {
    /// The entries, in ascending order.
    #[must_use]
    pub fn entries(&self) -> Vec<EntryId> {
        let mut entries: Vec<_> =
            self.salts.iter().map(|salt| EntryId::of(self.author, salt)).collect();
        entries.sort_unstable();
        entries
    }
}

impl Statement for Misfiled {
    const DOMAIN: &'static str = "chartmesh/1/misfiled";
    const LIMIT: usize = limits::LIST_STATEMENT_BYTES_MAX;
}

reasons! {
    /// Why nobody's entries were misfiled.
    #[derive(Copy)]
    pub enum MisfiledError: 34 "misfiled" {
        /// None, too many, or not in order.
        1 => BadEntries: NotAuthentic "the misfiled entries are not in order, or too many",
        /// Said in the future.
        2 => BadDate: NotAuthentic "it was said in the future",
        /// Of another author, or of a key that the author does not have.
        3 => UnknownKey: NotAuthentic "it names a key that its author does not have",
        /// Signed with a key that was rotated away, and may be stolen.
        5 => OldKey: NotAuthentic "it was signed with a key that is no longer current",
        /// The signature does not verify.
        4 => BadSignature: NotAuthentic "its signature does not verify",
    }
}

impl Unverified<Misfiled> {
    /// Verifies that it is the author's word.
    ///
    /// # Errors
    /// [`MisfiledError`].
    pub fn certify(
        self,
        author: &KnownKeys,
        now: Timestamp,
    ) -> Result<Signed<Misfiled>, MisfiledError> {
        let claims = self.claims();
        let count = claims.salts.len();
        let in_order = claims.salts.is_sorted_by(|a, b| a < b);
        if count == 0 || count > limits::MISFILED_ENTRIES_MAX || !in_order {
            return Err(MisfiledError::BadEntries);
        }
        if claims.at > now.plus_ms(limits::CLOCK_TOLERANCE_SECONDS * SECOND_MS) {
            return Err(MisfiledError::BadDate);
        }
        let key = author.key(claims.key).filter(|_| author.party() == claims.author);
        let key = key.ok_or(MisfiledError::UnknownKey)?;
        if claims.key != author.current_number() {
            return Err(MisfiledError::OldKey);
        }
        self.verify(&key).map_err(|_| MisfiledError::BadSignature)
    }
}

wire_struct! {
    /// What is left of an entry.
    #[derive(Debug, Clone)]
    pub struct MisfiledRow {
        /// Who made it, and says so.
        1 => author: PartyId,
        /// When that was said.
        2 => at: Timestamp,
        /// When the entry was recorded.
        3 => recorded: Timestamp,
    }
}

wire_struct! {
    /// What an author said, with whom it concerns.
    #[derive(Debug, Clone)]
    pub struct SaidRow {
        /// As it was signed.
        1 => said: Unverified<Misfiled>,
        /// The compartments in which the entries were, as their labels say: whoever may read one of them is to hear.
        2 => compartments: Vec<CompartmentId>,
        /// Who has heard.
        3 => told: Vec<PartyId>,
    }
}

wire_struct! {
    /// What was made of an entry that was filed under the wrong patient.
    #[derive(Debug, Clone, Copy)]
    pub struct AnewRow {
        /// The entry in its place.
        1 => entry: EntryId,
        /// When.
        2 => at: Timestamp,
    }
}

/// Remembers that an entry was misfiled.
pub(crate) fn put(
    txn: &mut dyn Txn,
    (subject, entry): (PartyId, EntryId),
    row: &MisfiledRow,
) -> Result<(), StoreError> {
    rows::put(txn, MISFILED, &rows::pair(&subject.0, &entry.0), row)
}

/// What is left of an entry, if it was misfiled.
pub(crate) fn get(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    entry: EntryId,
) -> Result<Option<MisfiledRow>, StoreError> {
    rows::get(txn, MISFILED, &rows::pair(&subject.0, &entry.0))
}

/// Remembers entries that never were here as misfiled, so that whoever has not heard does not bring them: so many of one
/// author, who keeps nobody else's from being remembered.
pub(crate) fn put_unseen(
    txn: &mut dyn Txn,
    said: &Misfiled,
    entries: &[EntryId],
) -> Result<(), StoreError> {
    let of_author = rows::pair(&said.subject.0, &said.author.0);
    let most = limits::MISFILED_UNSEEN_MAX;
    let room = most - rows::scan::<Timestamp>(txn, UNSEEN, &of_author, None, most)?.len();
    for entry in entries.iter().take(room) {
        rows::put(txn, UNSEEN, &[&of_author[..], &entry.0].concat(), &said.at)?;
    }
    Ok(())
}

/// Whether its author took an entry back, which may never have been here. Nobody's word counts of another's entries.
pub(crate) fn is_taken_back(
    txn: &(impl ReadTxn + ?Sized),
    (subject, author): (PartyId, PartyId),
    entry: EntryId,
) -> Result<bool, StoreError> {
    let unseen = [&subject.0[..], &author.0, &entry.0].concat();
    Ok(get(txn, subject, entry)?.is_some_and(|row| row.author == author)
        || txn.get(UNSEEN, &unseen)?.is_some())
}

/// A page of a subject's misfiled entries.
pub(crate) fn page(
    txn: &dyn ReadTxn,
    subject: PartyId,
    part: &Part,
) -> crate::refusal::Handled<Page<(EntryId, MisfiledRow)>> {
    let page = part.rows(txn, MISFILED, &subject.0, PartyId::LEN + EntryId::LEN)?;
    page.show(|(key, row)| Ok(Some((EntryId(rows::tail(MISFILED, &key)?), row))))
}

/// Keeps a statement, to tell it.
pub(crate) fn keep(
    txn: &mut dyn Txn,
    said: &Signed<Misfiled>,
    compartments: BTreeSet<CompartmentId>,
) -> Result<(), StoreError> {
    let row = SaidRow {
        said: said.to_unverified(),
        compartments: compartments.into_iter().collect(),
        told: Vec::new(),
    };
    rows::put(txn, SAID, &rows::pair(&said.subject.0, &said.id().0), &row)
}

/// A statement that is kept.
pub(crate) fn said(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    statement: StatementId,
) -> Result<Option<SaidRow>, StoreError> {
    rows::get(txn, SAID, &rows::pair(&subject.0, &statement.0))
}

/// All statements that are kept about a subject, or about all.
pub(crate) fn all_said(
    txn: &(impl ReadTxn + ?Sized),
    subject: Option<PartyId>,
) -> Result<Vec<SaidRow>, StoreError> {
    let prefix = subject.as_ref().map_or(&[][..], |subject| &subject.0[..]);
    Ok(rows::all::<SaidRow>(txn, SAID, prefix)?.into_iter().map(|(_, row)| row).collect())
}

/// An institution has heard a statement.
pub(crate) fn note_told(
    txn: &mut dyn Txn,
    to: PartyId,
    (subject, statement): (PartyId, StatementId),
) -> Result<(), StoreError> {
    let Some(mut row) = said(txn, subject, statement)? else { return Ok(()) };
    if !row.told.contains(&to) && row.told.len() < limits::TOKEN_PARTIES_MAX {
        row.told.push(to);
        rows::put(txn, SAID, &rows::pair(&subject.0, &statement.0), &row)?;
    }
    Ok(())
}

/// Forgets a statement, which was signed anew.
pub(crate) fn forget(txn: &mut dyn Txn, said: &Unverified<Misfiled>) -> Result<(), StoreError> {
    txn.delete(SAID, &rows::pair(&said.claims().subject.0, &said.id().0))
}

fn untold_key(to: PartyId, subject: PartyId, statement: StatementId) -> Vec<u8> {
    [&to.0[..], &subject.0, &statement.0].concat()
}

/// An institution is to hear of a statement.
pub(crate) fn to_tell(
    txn: &mut dyn Txn,
    to: PartyId,
    (subject, statement): (PartyId, StatementId),
) -> Result<(), StoreError> {
    rows::mark(txn, UNTOLD, &untold_key(to, subject, statement))
}

/// An institution has an entry of which it is to hear, if it was misfiled: gives whether it is.
pub(crate) fn tell_of(
    txn: &mut dyn Txn,
    to: PartyId,
    (subject, entry): (PartyId, EntryId),
) -> Result<bool, StoreError> {
    let mut any = false;
    if get(txn, subject, entry)?.is_none() {
        return Ok(any);
    }
    for row in all_said(txn, Some(subject))? {
        if row.said.claims().entries().contains(&entry) {
            to_tell(txn, to, (subject, row.said.id()))?;
            any = true;
        }
    }
    Ok(any)
}

/// The next statement that an institution is to hear of, which is then on its way.
pub(crate) fn next_to_tell(
    txn: &mut dyn Txn,
    to: PartyId,
) -> Result<Option<Unverified<Misfiled>>, StoreError> {
    while let Some((key, _)) = rows::scan::<Bytes>(txn, UNTOLD, &to.0, None, 1)?.pop() {
        txn.delete(UNTOLD, &key)?;
        let statement = StatementId(rows::tail(UNTOLD, &key)?);
        let subject = key.get(PartyId::LEN..2 * PartyId::LEN).and_then(PartyId::from_slice);
        if let Some(subject) = subject
            && let Some(row) = said(txn, subject, statement)?
        {
            return Ok(Some(row.said));
        }
    }
    Ok(None)
}

/// An entry of a chart is to be sealed anew.
pub(crate) fn to_seal(txn: &mut dyn Txn, chart: PartyId, entry: EntryId) -> Result<(), StoreError> {
    rows::mark(txn, TO_SEAL, &rows::pair(&chart.0, &entry.0))
}

/// All that are.
pub(crate) fn all_to_seal(
    txn: &(impl ReadTxn + ?Sized),
    chart: PartyId,
) -> Result<Vec<EntryId>, StoreError> {
    let all = rows::all::<Bytes>(txn, TO_SEAL, &chart.0)?.into_iter();
    all.map(|(key, _)| rows::tail(TO_SEAL, &key).map(EntryId)).collect()
}

/// How many there are.
pub(crate) fn left(txn: &(impl ReadTxn + ?Sized), chart: PartyId) -> Result<usize, StoreError> {
    Ok(rows::all::<Bytes>(txn, TO_SEAL, &chart.0)?.len())
}

/// Whether an entry is still to be sealed anew, under another id.
pub(crate) fn is_to_be_sealed(
    txn: &(impl ReadTxn + ?Sized),
    chart: PartyId,
    entry: EntryId,
) -> Result<bool, StoreError> {
    Ok(txn.get(TO_SEAL, &rows::pair(&chart.0, &entry.0))?.is_some())
}

/// An entry was sealed anew.
pub(crate) fn note_sealed(
    txn: &mut dyn Txn,
    chart: PartyId,
    entry: EntryId,
    anew: AnewRow,
) -> Result<(), StoreError> {
    let key = rows::pair(&chart.0, &entry.0);
    txn.delete(TO_SEAL, &key)?;
    rows::put(txn, SEALED, &key, &anew)
}

/// The entry in the place of one that was sealed anew.
pub(crate) fn sealed_anew(
    txn: &(impl ReadTxn + ?Sized),
    chart: PartyId,
    entry: EntryId,
) -> Result<Option<EntryId>, StoreError> {
    let row = rows::get::<AnewRow>(txn, SEALED, &rows::pair(&chart.0, &entry.0))?;
    Ok(row.map(|row| row.entry))
}
