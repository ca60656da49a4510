//! Packs that are mostly dead are emptied and taken away, and values that were deleted are erased where they are: in
//! steps so small that nobody waits for them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, btree_map};

use chartmesh_protocol::store::{Rows, Shape, StoreError};

use super::Store;
use super::accounts::{self, Account};
use super::fault::fault;
use super::limits::{ERASE_BYTES_MAX, ERASE_VALUES_MAX, SLICE_BYTES_MAX};
use super::log::{Log, Shared};
use super::pack::{Body, Change, PAGE_LEN, Place, Step, Stored};
use super::snapshot::Snapshot;

/// How far [`Store::erase`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// Nothing that was deleted before it began is left in packs.
    Done,
    /// Some is overwritten, and there is more.
    Goes,
    /// Somebody still reads what was there before it was deleted.
    Waits,
}

impl Log {
    /// Packs that groups do not go to any more, that redb needs no more to know what is in its rows, and that nobody
    /// reads from: all who read see what is after the last of them was named.
    fn removable(&mut self, seen_by_all: u64) -> Vec<u32> {
        let (open, durable, now) = (self.open_pack(), self.durable, self.accounts.position);
        let empty = self
            .accounts
            .packs
            .iter()
            .filter(|(pack, account)| account.live == 0 && **pack < open.min(durable.pack));
        let since: BTreeMap<u32, u64> = empty
            .map(|(pack, _)| (*pack, self.tidying.empty.get(pack).copied().unwrap_or(now.group)))
            .collect();
        self.tidying.empty = since;
        let ready = |since: u64| since <= durable.group && since <= seen_by_all;
        let empty = self.tidying.empty.iter().filter(|(_, since)| ready(**since));
        empty.map(|(pack, _)| *pack).collect()
    }

    /// A pack with rows of the log that redb has durably, from where and up to where.
    fn unscrubbed(&self, all: bool) -> Option<(u32, u64, u64)> {
        let open = self.open_pack();
        self.accounts.packs.iter().find_map(|(pack, account)| {
            let until = match pack.cmp(&self.durable.pack) {
                Ordering::Less => account.end,
                Ordering::Equal => self.durable.at,
                Ordering::Greater => return None,
            };
            let begin = account.scrubbed.max(PAGE_LEN);
            let due = begin < until && (all || *pack < open.min(self.durable.pack));
            due.then_some((*pack, begin, until))
        })
    }

    /// The pack to go on with: under half of it is live.
    fn victim(&mut self) -> Option<(u32, u64, Account)> {
        let open = self.open_pack();
        if let Some((pack, at)) = self.tidying.cursor
            && let Some(account) = self.accounts.packs.get(&pack)
        {
            return Some((pack, at, *account));
        }
        let half_dead = self.accounts.packs.iter().filter(|(pack, account)| {
            **pack < open
                && account.live > 0
                && account.live * 2 < account.end
                && !self.tidying.stuck.contains(*pack)
        });
        let (pack, account) = half_dead.min_by_key(|(_, account)| account.live)?;
        Some((*pack, PAGE_LEN, *account))
    }
}

impl Store {
    /// Does a little of what keeps packs small: takes those away that nothing names, or copies some of what lives out
    /// of one that is mostly dead. Gives whether there is more to do now. Waits while a batch is open.
    ///
    /// # Errors
    /// [`StoreError::Fault`] when the storage failed.
    pub fn tidy(&self) -> Result<bool, StoreError> {
        if self.remove_empty()? {
            return Ok(true);
        }
        let shared = &self.shared;
        let (pack, at, account) = {
            let mut log = shared.log();
            log.usable()?;
            match log.victim() {
                Some(victim) => victim,
                None => {
                    drop(log);
                    return self.scrub(false);
                }
            }
        };
        let transaction = self.database.begin_write().map_err(fault)?;
        let snapshot = self.begin_read()?;
        let (moves, next) = living(shared, &snapshot, (pack, at, account))?;
        drop(snapshot);
        if moves.is_empty() {
            transaction.abort().map_err(fault)?;
        } else {
            let changes: Vec<_> = moves
                .iter()
                .map(|(table, rows)| Change { table, shape: Shape::Bodies, rows })
                .collect();
            shared.commit(transaction, &changes)?;
        }
        let mut log = shared.log();
        log.tidying.cursor = next.map(|at| (pack, at));
        let left = log.accounts.packs.get(&pack).map_or(0, |account| account.live);
        if next.is_none() && left > 0 {
            tracing::error!(
                pack,
                bytes = left,
                "values in a pack cannot be read, and it stays as it is"
            );
            log.tidying.stuck.insert(pack);
        }
        Ok(true)
    }

    /// Overwrites some of what groups set besides their values, where redb has it durably: in packs that groups do not go
    /// to any more, or in all. Gives whether it did anything.
    fn scrub(&self, all: bool) -> Result<bool, StoreError> {
        let shared = &self.shared;
        let found = {
            let log = shared.log();
            log.usable()?;
            log.unscrubbed(all)
        };
        let Some((number, begin, until)) = found else { return Ok(false) };
        let transaction = self.database.begin_write().map_err(fault)?;
        let pack = shared.packs.open(number).map_err(fault)?;
        let at = pack.scrub(begin, until, ERASE_BYTES_MAX).map_err(fault)?;
        shared.commit_own(transaction, false, |accounts, transaction| {
            accounts.scrubbed(transaction, number, at)
        })?;
        Ok(true)
    }

    /// Takes packs away that nothing names.
    fn remove_empty(&self) -> Result<bool, StoreError> {
        let shared = &self.shared;
        let empty = {
            let mut log = shared.log();
            log.usable()?;
            log.removable(shared.pins.seen_by_all())
        };
        if empty.is_empty() {
            return Ok(false);
        }
        let transaction = self.database.begin_write().map_err(fault)?;
        // The files first: a row without its file says that nothing was in it.
        shared.packs.remove(&empty).map_err(fault)?;
        shared.commit_own(transaction, false, |accounts, transaction| {
            accounts.forget(transaction, &empty)
        })?;
        Ok(true)
    }

    /// Whether no bytes of values that were deleted, of those that stand in packs, are left there. Small rows, and what
    /// redb's pages still hold of them, are another matter.
    ///
    /// # Errors
    /// [`StoreError::Fault`] when the storage failed.
    pub fn is_erased(&self) -> Result<bool, StoreError> {
        Ok(accounts::dead(self.begin_read()?.redb(), 1)?.is_empty())
    }

    /// Overwrites some of the values that were deleted, and of the log's rows that redb has durably. Waits while a batch is
    /// open.
    ///
    /// # Errors
    /// [`StoreError::Fault`] when the storage failed.
    pub fn erase(&self) -> Result<Erasure, StoreError> {
        let shared = &self.shared;
        let (now, durable) = {
            let log = shared.log();
            log.usable()?;
            (log.accounts.position.group, log.durable.group)
        };
        let is_erased = self.is_erased()?;
        if durable < now {
            // What is overwritten must not be what redb would come back to after a crash.
            let transaction = self.database.begin_write().map_err(fault)?;
            shared.commit_own(transaction, true, |_, _| Ok(()))?;
            return Ok(Erasure::Goes);
        }
        if self.scrub(true)? {
            return Ok(Erasure::Goes);
        }
        if is_erased { Ok(Erasure::Done) } else { self.erase_values() }
    }

    fn erase_values(&self) -> Result<Erasure, StoreError> {
        let shared = &self.shared;
        let transaction = self.database.begin_write().map_err(fault)?;
        let now = shared.log().accounts.position.group;
        if shared.log().durable.group < now || shared.pins.seen_by_all() < now {
            transaction.abort().map_err(fault)?;
            return Ok(Erasure::Waits);
        }
        let mut places = accounts::dead(self.begin_read()?.redb(), ERASE_VALUES_MAX)?;
        let mut bytes = 0;
        places.retain(|place| {
            bytes += place.record_len();
            bytes - place.record_len() < ERASE_BYTES_MAX
        });
        let mut packs = BTreeMap::new();
        for place in &places {
            let pack = match packs.entry(place.pack) {
                btree_map::Entry::Occupied(entry) => entry.into_mut(),
                btree_map::Entry::Vacant(entry) => entry.insert(shared.packs.find(place.pack)?),
            };
            if let Some(pack) = pack {
                pack.erase(*place).map_err(fault)?;
            }
        }
        for pack in packs.values().flatten() {
            pack.sync().map_err(fault)?;
        }
        shared.commit_own(transaction, false, |_, transaction| {
            accounts::erased(transaction, &places)
        })?;
        Ok(Erasure::Goes)
    }
}

impl Store {
    /// Walks all packs: what rows name must be whole.
    pub(super) fn verify_packs(&self) -> Result<(), StoreError> {
        let snapshot = self.begin_read()?;
        let packs = self.shared.log().accounts.packs.clone();
        for (number, account) in packs.into_iter().filter(|(_, account)| account.live > 0) {
            let mut found = 0;
            let pack = self.shared.packs.open(number).map_err(fault)?;
            let mut at = PAGE_LEN;
            while at < account.end {
                let Some((step, next)) = pack.step(at).map_err(fault)? else { break };
                if let Step::Body(place, plaintext) = step
                    && let Some(body) = Body::read(&plaintext)
                    && lives(&snapshot, &body, place)?
                {
                    found += place.record_len();
                }
                at = next;
            }
            if found != account.live {
                let why = format!("{found} of {} bytes of pack {number} are whole", account.live);
                return Err(StoreError::Fault(why));
            }
        }
        Ok(())
    }
}

type Moves = BTreeMap<String, Rows>;

/// What lives in the next slice of a pack, and where the slice after it begins, if there is one.
fn living(
    shared: &Shared,
    snapshot: &Snapshot,
    (number, mut at, account): (u32, u64, Account),
) -> Result<(Moves, Option<u64>), StoreError> {
    let pack = shared.packs.open(number).map_err(fault)?;
    let (mut moves, until) = (Moves::new(), at + SLICE_BYTES_MAX);
    while at < account.end {
        if at >= until {
            return Ok((moves, Some(at)));
        }
        let Some((step, next)) = pack.step(at).map_err(fault)? else { break };
        match step {
            Step::Body(place, plaintext) => {
                if let Some(body) = Body::read(&plaintext)
                    && lives(snapshot, &body, place)?
                {
                    let rows = moves.entry(body.table.to_owned()).or_default();
                    rows.insert(body.key.to_vec(), Some(body.value.to_vec()));
                }
            }
            Step::Closed(place) if !accounts::is_dead(snapshot.redb(), place)? => {
                tracing::error!(pack = number, at, "a value in a pack is damaged");
            }
            Step::Closed(_) | Step::Other => {}
        }
        at = next;
    }
    Ok((moves, None))
}

fn lives(snapshot: &Snapshot, body: &Body<'_>, place: Place) -> Result<bool, StoreError> {
    let stored = snapshot.stored(body.table, body.key)?;
    Ok(stored.as_deref().and_then(Stored::read) == Some(Stored::Packed(place)))
}
