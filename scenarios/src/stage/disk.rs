//! A machine's disk: what was written is there at once for whoever reads, and durable when a sync ends.
//! A crash takes back what was not.

use chartmesh_protocol::store::{Interner, Memory, ReadTxn, Row, StoreError, Table, Txn};
use std::collections::VecDeque;

/// Rows as they were before one commit.
type Undo = Vec<(Table, Vec<u8>, Option<Vec<u8>>)>;

/// A store that remembers how to go back to what is durable.
#[derive(Default)]
pub(crate) struct Disk {
    rows: Memory,
    /// Commits that are not durable yet: when they will be, and what was there before.
    unsynced: VecDeque<(u64, Undo)>,
    current: Undo,
    /// Bytes of all keys and values.
    used: u64,
    /// Bytes that fit.
    pub(crate) capacity: Option<u64>,
    /// Whether objects on it were lost or damaged by the scenario's word.
    pub(crate) hurt: bool,
    /// Whether it replaces one that was destroyed, with all that was on it.
    pub(crate) replaces: bool,
    /// When the sync under way, or the one after it, begins and ends.
    sync: (u64, u64),
}

impl Disk {
    /// Keeps what other disks have, too, once with them: memory of the simulation, no fact of it.
    pub(crate) fn intern(&mut self, interner: &mut Interner) {
        self.rows.intern(interner);
    }

    /// Bytes of all keys and values.
    pub(crate) const fn used(&self) -> u64 {
        self.used
    }

    /// Ends an event's writes: they are one commit, durable at the time given. Commits that wait for the
    /// same sync share it, as the node's group commit does.
    pub(crate) fn commit(&mut self, now_us: u64, sync_us: u64) -> u64 {
        let (begin, end) = self.sync;
        self.sync = if now_us >= end {
            (now_us, now_us + sync_us)
        } else if now_us < begin {
            self.sync
        } else {
            (end, end + sync_us)
        };
        let durable = self.sync.1;
        while self.unsynced.front().is_some_and(|(at, _)| *at <= now_us) {
            self.unsynced.pop_front();
        }
        let undo = core::mem::take(&mut self.current);
        if durable > now_us && !undo.is_empty() {
            self.unsynced.push_back((durable, undo));
        }
        durable
    }

    /// Takes back an event's writes.
    pub(crate) fn abort(&mut self) {
        let undo = core::mem::take(&mut self.current);
        self.undo(undo);
    }

    /// The machine crashes: what is not durable is gone. Gives how many commits that were.
    pub(crate) fn crash(&mut self, now_us: u64) -> usize {
        self.abort();
        let mut lost = 0;
        while self.unsynced.back().is_some_and(|(at, _)| *at > now_us) {
            if let Some((_, undo)) = self.unsynced.pop_back() {
                self.undo(undo);
                lost += 1;
            }
        }
        self.unsynced.clear();
        self.sync = (0, 0);
        lost
    }

    /// The disk is gone; a new one is empty.
    pub(crate) fn destroy(&mut self) {
        *self = Self { capacity: self.capacity, replaces: true, ..Self::default() };
    }

    fn undo(&mut self, undo: Undo) {
        for (table, key, before) in undo.into_iter().rev() {
            match before {
                Some(value) => {
                    self.count(table, &key, Some(value.len()));
                    self.rows.put(table, &key, &value).expect("memory does not fail");
                }
                None => {
                    self.count(table, &key, None);
                    self.rows.delete(table, &key).expect("memory does not fail");
                }
            }
        }
    }

    fn count(&mut self, table: Table, key: &[u8], value: Option<usize>) {
        if let Some(before) = self.rows.get(table, key).expect("memory does not fail") {
            self.used -= (key.len() + before.len()) as u64;
        }
        self.used += value.map_or(0, |len| (key.len() + len) as u64);
    }
}

impl ReadTxn for Disk {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.rows.get(table, key)
    }

    fn page(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.rows.page(table, from, to, limit)
    }

    fn page_down(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.rows.page_down(table, from, to, limit)
    }
}

impl Txn for Disk {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let before = self.rows.get(table, key)?;
        let freed = before.as_ref().map_or(0, |before| key.len() + before.len()) as u64;
        let used = self.used - freed + (key.len() + value.len()) as u64;
        if self.capacity.is_some_and(|capacity| used > capacity && used > self.used) {
            return Err(StoreError::Fault("no space left on the disk".into()));
        }
        self.used = used;
        self.rows.put(table, key, value)?;
        self.current.push((table, key.to_vec(), before));
        Ok(())
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError> {
        if let Some(before) = self.rows.get(table, key)? {
            self.used -= (key.len() + before.len()) as u64;
            self.rows.delete(table, key)?;
            self.current.push((table, key.to_vec(), Some(before)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Table = Table::rows("t");

    #[test]
    fn a_crash_takes_back_what_was_not_synced_and_nothing_else() {
        let mut disk = Disk::default();
        disk.put(T, b"a", b"1").unwrap();
        let durable = disk.commit(100, 10);
        assert_eq!(durable, 110);
        disk.put(T, b"a", b"22").unwrap();
        disk.put(T, b"b", b"1").unwrap();
        assert_eq!(disk.commit(105, 10), 120, "waits for the next sync");
        disk.delete(T, b"b").unwrap();
        assert_eq!(disk.commit(106, 10), 120, "shares it");
        assert_eq!(disk.crash(115), 2);
        assert_eq!(disk.get(T, b"a").unwrap(), Some(b"1".to_vec()));
        assert_eq!(disk.get(T, b"b").unwrap(), None);
        assert_eq!(disk.used(), 2);
    }

    #[test]
    fn a_full_disk_takes_no_more_and_stays_as_it_was() {
        let mut disk = Disk { capacity: Some(10), ..Disk::default() };
        disk.put(T, b"key", b"12345").unwrap();
        disk.commit(0, 1);
        disk.put(T, b"k", b"1").unwrap();
        assert!(disk.put(T, b"l", b"1").is_err());
        disk.abort();
        assert_eq!(disk.get(T, b"k").unwrap(), None);
        assert_eq!(disk.used(), 8);
        disk.put(T, b"key", b"1").expect("less fits");
    }
}
