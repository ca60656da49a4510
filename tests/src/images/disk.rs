//! A disk in memory that remembers what was done to it, takes it back, and can be without power.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chartmesh_node::store::StorageBackend;

use super::Numbers;

/// What a disk never tears.
const SECTOR: usize = 512;

/// What was asked of a disk.
#[derive(Clone, Debug)]
pub enum Op {
    /// These bytes at this place.
    Write {
        /// Where, in bytes.
        at: usize,
        /// What.
        bytes: Vec<u8>,
    },
    /// Another length, in bytes.
    SetLen(usize),
    /// All before is to be durable.
    Sync,
    /// As [`Op::Sync`], and the disk only says that it did it.
    Lie,
}

/// How a write that no sync covered came through.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Whole,
    /// The first so many of its units.
    First(u64),
    /// Each of its units by the toss of a coin.
    Some,
}

/// What takes a change back.
enum Undo {
    Bytes { at: usize, bytes: Vec<u8> },
    Len { len: usize, tail: Vec<u8> },
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// None while nothing is to be taken back.
    undo: Option<Vec<Undo>>,
    /// None while nobody wants to know.
    ops: Option<Vec<Op>>,
    no_power: bool,
}

/// A handle to the disk; clones share it.
#[derive(Clone, Default)]
pub(super) struct CrashDisk(Arc<Mutex<State>>);

impl CrashDisk {
    /// A disk that already holds these bytes, durably.
    pub(super) fn holding(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State { bytes, ..State::default() })))
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// From here on operations are remembered, or no longer.
    pub(super) fn remember(&self, whether: bool) {
        self.lock().ops = whether.then(Vec::new);
    }

    /// How many operations are remembered.
    pub(super) fn position(&self) -> usize {
        self.lock().ops.as_ref().map_or(0, Vec::len)
    }

    /// What was remembered; nothing more is.
    pub(super) fn recall(&self) -> Vec<Op> {
        self.lock().ops.take().unwrap_or_default()
    }

    /// Without power every call fails, and nothing changes.
    pub(super) fn set_power(&self, on: bool) {
        self.lock().no_power = !on;
    }

    /// From here on changes can be taken back, to any [`CrashDisk::mark`].
    pub(super) fn make_revocable(&self) {
        self.lock().undo.get_or_insert_default();
    }

    pub(super) fn mark(&self) -> usize {
        self.lock().undo.as_ref().map_or(0, Vec::len)
    }

    /// Takes back what happened since the mark.
    pub(super) fn back_to(&self, mark: usize) {
        let mut state = self.lock();
        let State { bytes, undo: Some(undo), .. } = &mut *state else { return };
        while undo.len() > mark {
            match undo.pop() {
                Some(Undo::Bytes { at, bytes: old }) => {
                    bytes[at..at + old.len()].copy_from_slice(&old);
                }
                Some(Undo::Len { len, tail }) => {
                    bytes.resize(len - tail.len(), 0);
                    bytes.extend(tail);
                }
                None => {}
            }
        }
    }

    /// What is there by now stays.
    pub(super) fn settle(&self) {
        if let Some(undo) = &mut self.lock().undo {
            undo.clear();
        }
    }

    pub(super) fn apply(&self, op: &Op, part: Part, numbers: &mut Numbers) {
        self.lock().apply(op, part, numbers);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn powered(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.lock();
        if state.no_power { Err(io::Error::other("no power")) } else { Ok(state) }
    }
}

impl State {
    fn apply(&mut self, op: &Op, part: Part, numbers: &mut Numbers) {
        match op {
            Op::Sync | Op::Lie => {}
            Op::SetLen(len) => self.set_len(*len),
            Op::Write { at, bytes } => match part {
                Part::Whole => self.write(*at, bytes),
                part => {
                    // redb asks of a disk no more than that single bytes are whole.
                    let unit = if bytes.len() < SECTOR { 1 } else { SECTOR };
                    for (unit_at, bytes) in (*at..).step_by(unit).zip(bytes.chunks(unit)) {
                        let there = match part {
                            Part::Whole => true,
                            Part::First(units) => units > ((unit_at - at) / unit) as u64,
                            Part::Some => numbers.below(2) == 0,
                        };
                        if there {
                            self.write(unit_at, bytes);
                        }
                    }
                }
            },
        }
    }

    /// What lies beyond the end went with a change of length that did not come through.
    fn write(&mut self, at: usize, bytes: &[u8]) {
        let Some(target) = self.bytes.get_mut(at..at + bytes.len()) else { return };
        if let Some(undo) = &mut self.undo {
            undo.push(Undo::Bytes { at, bytes: target.to_vec() });
        }
        target.copy_from_slice(bytes);
    }

    fn set_len(&mut self, len: usize) {
        if let Some(undo) = &mut self.undo {
            let tail = self.bytes.get(len..).unwrap_or_default().to_vec();
            undo.push(Undo::Len { len: self.bytes.len(), tail });
        }
        self.bytes.resize(len, 0);
    }

    fn remember(&mut self, op: impl FnOnce() -> Op) {
        if let Some(ops) = &mut self.ops {
            ops.push(op());
        }
    }
}

/// How many pieces a write of this many bytes can come apart into.
pub(super) const fn units(bytes: usize) -> u64 {
    if bytes < SECTOR { bytes as u64 } else { bytes.div_ceil(SECTOR) as u64 }
}

impl std::fmt::Debug for CrashDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CrashDisk(..)")
    }
}

fn to_usize(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(io::Error::other)
}

impl StorageBackend for CrashDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.powered()?.bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = to_usize(offset)?;
        let state = self.powered()?;
        let range = state.bytes.get(start..start + out.len());
        out.copy_from_slice(range.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = to_usize(len)?;
        let mut state = self.powered()?;
        state.set_len(len);
        state.remember(|| Op::SetLen(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.powered()?.remember(|| Op::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let at = to_usize(offset)?;
        let mut state = self.powered()?;
        state.write(at, data);
        state.remember(|| Op::Write { at, bytes: data.to_vec() });
        Ok(())
    }
}
