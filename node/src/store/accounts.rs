//! What the store keeps in redb for itself: how far the log is applied, how much of each pack is live, and what is to
//! be erased there. The names of these tables have a letter that no table of the protocol's has.

use std::collections::BTreeMap;

use chartmesh_protocol::store::StoreError;
use redb::{ReadTransaction, TableDefinition, TableError, WriteTransaction};

use super::fault::fault;
use super::pack::{Place, Reader, Set, Stored};

type Bytes = &'static [u8];

/// Nothing -> [`Position`].
const LOG: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("store/log");
/// Pack -> [`Account`].
const PACKS: TableDefinition<'_, u32, (u64, u64, u64)> = TableDefinition::new("store/pack");
/// Pack, place -> length: values that were deleted, and are there still.
const DEAD: TableDefinition<'_, (u32, u32), u32> = TableDefinition::new("store/dead");

/// The key of a table of one row.
const NOTHING: &[u8] = &[];

/// The redb table of this name.
pub(super) const fn definition(table: &str) -> TableDefinition<'_, Bytes, Bytes> {
    TableDefinition::new(table)
}

/// Up to where the log is applied: the group that comes next, and where it begins if it is in the same pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) group: u64,
    /// 0 before there is any.
    pub(super) pack: u32,
    pub(super) at: u64,
}

impl Position {
    const START: Self = Self { group: 1, pack: 0, at: 0 };

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut read = Reader(bytes);
        let position = Self { group: read.u64()?, pack: read.u32()?, at: read.u64()? };
        read.0.is_empty().then_some(position)
    }

    fn write(self) -> Vec<u8> {
        let numbers = [&self.group.to_be_bytes()[..], &self.pack.to_be_bytes()];
        [&numbers.concat()[..], &self.at.to_be_bytes()].concat()
    }
}

/// One pack's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// Bytes of its records that a row names.
    pub(super) live: u64,
    /// Where its last group ends.
    pub(super) end: u64,
    /// Before here the log's rows are overwritten.
    pub(super) scrubbed: u64,
}

/// All packs', and how far the log is applied.
#[derive(Clone, Debug)]
pub(super) struct Accounts {
    pub(super) position: Position,
    pub(super) packs: BTreeMap<u32, Account>,
}

impl Accounts {
    /// As they were committed.
    pub(super) fn read(transaction: &ReadTransaction) -> Result<Self, StoreError> {
        let corrupt =
            || StoreError::Corrupt { table: "store/log", why: "it is no position".into() };
        let mut accounts = Self { position: Position::START, packs: BTreeMap::new() };
        if let Some(table) = there(transaction.open_table(LOG))?
            && let Some(row) = table.get(NOTHING).map_err(fault)?
        {
            accounts.position = Position::read(row.value()).ok_or_else(corrupt)?;
        }
        if let Some(table) = there(transaction.open_table(PACKS))? {
            for row in table.range::<u32>(..).map_err(fault)? {
                let (pack, row) = row.map_err(fault)?;
                let (live, end, scrubbed) = row.value();
                accounts.packs.insert(pack.value(), Account { live, end, scrubbed });
            }
        }
        Ok(accounts)
    }

    /// Sets rows as a group does, and notes what they put into packs or out of them.
    pub(super) fn apply(
        &mut self,
        transaction: &WriteTransaction,
        sets: &[Set<'_>],
        next: Position,
    ) -> Result<(), redb::Error> {
        let mut changed = BTreeMap::new();
        let mut dead = Vec::new();
        let mut change = |packs: &BTreeMap<u32, Account>, place: Place, add: bool| {
            let known = packs.get(&place.pack).copied().unwrap_or_default();
            let account: &mut Account = changed.entry(place.pack).or_insert(known);
            let by = place.record_len();
            account.live = if add { account.live + by } else { account.live.saturating_sub(by) };
        };
        for set in sets {
            let mut table = transaction.open_table(definition(&set.table))?;
            for (key, value) in &set.rows {
                let before = match value {
                    Some(value) => table.insert(&**key, value.as_slice())?,
                    None => table.remove(&**key)?,
                };
                let before = before.as_ref().and_then(|before| Stored::read(before.value()));
                if let Some(Stored::Packed(place)) = before {
                    change(&self.packs, place, false);
                    dead.push(place);
                }
                if let Some(Stored::Packed(place)) = value.as_deref().and_then(Stored::read) {
                    change(&self.packs, place, true);
                }
            }
        }
        let known = self.packs.get(&next.pack).copied().unwrap_or_default();
        changed.entry(next.pack).or_insert(known).end = next.at;
        let mut table = transaction.open_table(PACKS)?;
        for (pack, account) in &changed {
            table.insert(pack, (account.live, account.end, account.scrubbed))?;
        }
        drop(table);
        if !dead.is_empty() {
            let mut table = transaction.open_table(DEAD)?;
            for place in dead {
                table.insert((place.pack, place.at), place.len)?;
            }
        }
        transaction.open_table(LOG)?.insert(NOTHING, next.write().as_slice())?;
        self.packs.extend(changed);
        self.position = next;
        Ok(())
    }

    /// The log's rows before here are overwritten.
    pub(super) fn scrubbed(
        &mut self,
        transaction: &WriteTransaction,
        pack: u32,
        at: u64,
    ) -> Result<(), redb::Error> {
        if let Some(account) = self.packs.get_mut(&pack) {
            account.scrubbed = at;
            let row = (account.live, account.end, account.scrubbed);
            transaction.open_table(PACKS)?.insert(pack, row)?;
        }
        Ok(())
    }

    /// Forgets packs that are gone.
    pub(super) fn forget(
        &mut self,
        transaction: &WriteTransaction,
        packs: &[u32],
    ) -> Result<(), redb::Error> {
        let mut table = transaction.open_table(PACKS)?;
        let mut dead = transaction.open_table(DEAD)?;
        for pack in packs {
            table.remove(pack)?;
            dead.retain_in((*pack, 0)..=(*pack, u32::MAX), |_, _| false)?;
            self.packs.remove(pack);
        }
        Ok(())
    }
}

/// Up to so many values that were deleted and are there still, in the order of their places.
pub(super) fn dead(transaction: &ReadTransaction, limit: usize) -> Result<Vec<Place>, StoreError> {
    let Some(table) = there(transaction.open_table(DEAD))? else { return Ok(Vec::new()) };
    let rows = table.range::<(u32, u32)>(..).map_err(fault)?.take(limit);
    rows.map(|row| {
        let (key, len) = row.map_err(fault)?;
        let (pack, at) = key.value();
        Ok(Place { pack, at, len: len.value() })
    })
    .collect()
}

/// Whether a value was deleted, and its erasure may have begun.
pub(super) fn is_dead(transaction: &ReadTransaction, place: Place) -> Result<bool, StoreError> {
    let Some(table) = there(transaction.open_table(DEAD))? else { return Ok(false) };
    Ok(table.get((place.pack, place.at)).map_err(fault)?.is_some())
}

/// These are erased.
pub(super) fn erased(transaction: &WriteTransaction, places: &[Place]) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(DEAD)?;
    for place in places {
        table.remove((place.pack, place.at))?;
    }
    Ok(())
}

fn there<T>(table: Result<T, TableError>) -> Result<Option<T>, StoreError> {
    match table {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(fault(error)),
    }
}
