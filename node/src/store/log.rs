//! The log: groups are durable in the open pack before redb has them, and redb's own pages are made durable only now
//! and then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chartmesh_protocol::store::StoreError;
use redb::{Durability, WriteTransaction};

use super::accounts::{Accounts, Position};
use super::fault::fault;
use super::limits::BYTES_UNTIL_DURABLE_MAX;
use super::options::{StoreOptions, StoreUse};
use super::pack::{Change, PAGE_LEN, Pack, PackError, Packs};
use super::pins::Pins;

/// What all that read and write one store have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) packs: Packs,
    pub(super) pins: Arc<Pins>,
    log: Mutex<Log>,
}

/// Where writing has come to.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) accounts: Accounts,
    /// The pack that takes the next group; none after opening, when it is a new one.
    open: Option<Arc<Pack>>,
    /// The pack that was written last before the store was opened, if anything may be behind its last group.
    pub(super) uncut: Option<u32>,
    next_pack: u32,
    /// A fault left it unknown what is on the disk.
    broken: bool,
    /// What redb has durably.
    pub(super) durable: Position,
    groups: u64,
    bytes: u64,
    since: Instant,
    options: StoreOptions,
    pub(super) tidying: Tidying,
    counts: Counts,
}

/// What keeps packs small, and is under way.
#[derive(Debug, Default)]
pub(super) struct Tidying {
    /// The pack that is being emptied, and up to where it is.
    pub(super) cursor: Option<(u32, u64)>,
    /// Packs that nothing names since before this group.
    pub(super) empty: BTreeMap<u32, u64>,
    /// Packs that cannot be emptied, because something in them cannot be read.
    pub(super) stuck: BTreeSet<u32>,
}

/// What was done since the store was opened.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    groups: u64,
    durable: u64,
    bytes: u64,
}

impl Shared {
    pub(super) fn new(
        packs: Packs,
        accounts: Accounts,
        found: Recovered,
        options: StoreOptions,
    ) -> Self {
        let Recovered { durable, uncut, next_pack } = found;
        let pins = Arc::new(Pins::default());
        pins.applied(accounts.position.group);
        let log = Log {
            accounts,
            open: None,
            uncut,
            next_pack,
            broken: false,
            durable,
            groups: 0,
            bytes: 0,
            since: Instant::now(),
            options,
            tidying: Tidying::default(),
            counts: Counts::default(),
        };
        Self { packs, pins, log: Mutex::new(log) }
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes changes durable as one group, and lets readers see it.
    pub(super) fn commit(
        &self,
        transaction: WriteTransaction,
        changes: &[Change<'_>],
    ) -> Result<(), StoreError> {
        let mut log = self.log();
        log.usable()?;
        // Until all of it is done, nobody knows what is on the disk.
        log.broken = true;
        log.write(&self.packs, transaction, changes)?;
        self.pins.applied(log.accounts.position.group);
        log.broken = false;
        Ok(())
    }

    /// Commits what the store itself changed in redb; with `durably`, all before it is durable there, too.
    pub(super) fn commit_own(
        &self,
        mut transaction: WriteTransaction,
        durably: bool,
        change: impl FnOnce(&mut Accounts, &WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), StoreError> {
        let mut log = self.log();
        log.usable()?;
        log.broken = true;
        change(&mut log.accounts, &transaction).map_err(fault)?;
        prepare(&mut transaction, durably)?;
        transaction.commit().map_err(fault)?;
        log.finished(durably);
        log.broken = false;
        Ok(())
    }
}

/// What opening found.
pub(super) struct Recovered {
    pub(super) durable: Position,
    pub(super) uncut: Option<u32>,
    pub(super) next_pack: u32,
}

impl Log {
    pub(super) fn usable(&self) -> Result<(), StoreError> {
        match self.broken {
            false => Ok(()),
            true => Err(StoreError::Fault(
                "the disk failed earlier; the store is to be opened anew".to_owned(),
            )),
        }
    }

    /// The pack that groups go to; a higher number than all others.
    pub(super) fn open_pack(&self) -> u32 {
        self.open.as_ref().map_or(self.next_pack, |pack| pack.number)
    }

    fn write(
        &mut self,
        packs: &Packs,
        mut transaction: WriteTransaction,
        changes: &[Change<'_>],
    ) -> Result<(), StoreError> {
        let Position { group, .. } = self.accounts.position;
        let (pack, at) = self.room(packs).map_err(fault)?;
        // Whatever becomes of a pack's file, redb knows that there was one.
        let is_new = pack.number > self.accounts.position.pack;
        let (sets, end) = pack.append(changes, group, at).map_err(fault)?;
        let next = Position { group: group + 1, pack: pack.number, at: end };
        self.groups += 1;
        self.bytes += end - at;
        let durably = is_new
            || self.groups >= self.options.groups_until_durable
            || self.bytes >= BYTES_UNTIL_DURABLE_MAX
            || self.since.elapsed() >= self.options.until_durable;
        self.accounts.apply(&transaction, &sets, next).map_err(fault)?;
        prepare(&mut transaction, durably)?;
        transaction.commit().map_err(fault)?;
        self.finished(durably);
        self.counts.groups += 1;
        self.counts.bytes += end - at;
        Ok(())
    }

    /// The pack that takes the next group, and the place for it.
    fn room(&mut self, packs: &Packs) -> Result<(Arc<Pack>, u64), PackError> {
        if let Some(pack) = &self.open
            && self.accounts.position.at < self.options.pack_bytes
        {
            return Ok((Arc::clone(pack), self.accounts.position.at));
        }
        // What a crash left behind the last group goes before another pack says that there is none.
        if let Some(number) = self.uncut.take() {
            packs.open(number)?.cut(self.accounts.position.at)?;
        }
        let pack = packs.begin(self.next_pack, self.accounts.position.group)?;
        self.next_pack += 1;
        self.open = Some(Arc::clone(&pack));
        Ok((pack, PAGE_LEN))
    }

    fn finished(&mut self, durably: bool) {
        if durably {
            self.durable = self.accounts.position;
            (self.groups, self.bytes, self.since) = (0, 0, Instant::now());
            self.counts.durable += 1;
        }
    }

    pub(super) fn usage(&self) -> StoreUse {
        let packs = self.accounts.packs.values();
        StoreUse {
            packs: self.accounts.packs.len() as u64,
            pack_bytes: packs.clone().map(|account| account.end).sum(),
            live_bytes: packs.map(|account| account.live).sum(),
            groups: self.counts.groups,
            durable: self.counts.durable,
            log_bytes: self.counts.bytes,
        }
    }
}

/// How a transaction of redb's is committed.
fn prepare(transaction: &mut WriteTransaction, durably: bool) -> Result<(), StoreError> {
    if durably {
        // In two phases, and with what redb needs to open at once after a crash.
        transaction.set_quick_repair(true);
        return Ok(());
    }
    transaction.set_durability(Durability::None).map_err(fault)
}
