//! A disk in memory that remembers every operation, and from the memory makes the images that a
//! power cut could have left.
//!
//! The model of the disk: what was written before a sync that returned is there. Of what came
//! after, each write may be there, or not, or be there in some of its sectors, whatever became of the
//! others; a change of length that is not there takes with it what was written beyond the old end. A write
//! shorter than a sector (redb's page 0 is the only one) may be torn at any byte, because redb
//! asks of a disk no more than that single bytes are whole.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use redb::StorageBackend;

const SECTOR: usize = 512;

#[derive(Clone, Debug)]
enum Op {
    Write { at: usize, bytes: Vec<u8> },
    SetLen(usize),
    Sync,
}

#[derive(Default)]
struct Disk {
    bytes: Vec<u8>,
    ops: Vec<Op>,
}

/// A handle to the disk; clones share it.
#[derive(Clone, Default)]
pub(super) struct RecordingDisk(Arc<Mutex<Disk>>);

impl RecordingDisk {
    /// A disk that already holds these bytes, durably.
    pub(super) fn holding(bytes: Vec<u8>) -> Self {
        let ops = Vec::new();
        Self(Arc::new(Mutex::new(Disk { bytes, ops })))
    }

    /// How many operations were recorded so far.
    pub(super) fn position(&self) -> usize {
        self.disk().ops.len()
    }

    /// What happened from the position `from` on, given that all before it is durable.
    pub(super) fn history_since(&self, before: &[u8], from: usize) -> History {
        History { start: before.to_vec(), ops: self.disk().ops[from..].to_vec() }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.disk().bytes.clone()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }

    fn record(&self, op: Op) {
        let mut disk = self.disk();
        op.apply_whole(&mut disk.bytes);
        disk.ops.push(op);
    }
}

impl std::fmt::Debug for RecordingDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordingDisk(..)")
    }
}

impl StorageBackend for RecordingDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        let disk = self.disk();
        let range = disk.bytes.get(start..start + out.len());
        out.copy_from_slice(range.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.record(Op::SetLen(usize::try_from(len).unwrap()));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.record(Op::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let at = usize::try_from(offset).unwrap();
        self.record(Op::Write { at, bytes: data.to_vec() });
        Ok(())
    }
}

impl Op {
    fn apply_whole(&self, image: &mut Vec<u8>) {
        self.apply(image, |_| true);
    }

    /// Applies the part of the operation whose units (sectors, or single bytes) are `kept`.
    fn apply(&self, image: &mut Vec<u8>, mut kept: impl FnMut(usize) -> bool) {
        match self {
            Self::Sync => {}
            Self::SetLen(len) => image.resize(*len, 0),
            Self::Write { at, bytes } => {
                let unit = if bytes.len() < SECTOR { 1 } else { SECTOR };
                for (i, part) in bytes.chunks(unit).enumerate() {
                    let start = at + i * unit;
                    let target = image.get_mut(start..start + part.len());
                    if let Some(target) = target.filter(|_| kept(i)) {
                        target.copy_from_slice(part);
                    }
                }
            }
        }
    }
}

/// What became of the writes that no sync covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Dropped,
    Kept,
    PartlyKept,
    Torn,
}

impl Fate {
    pub(super) const ALL: [Self; 4] = [Self::Dropped, Self::Kept, Self::PartlyKept, Self::Torn];

    fn apply(self, image: &mut Vec<u8>, pending: &[Op], rng: &mut StdRng) {
        for op in pending {
            match self {
                Self::Dropped => {}
                Self::Kept => op.apply_whole(image),
                Self::PartlyKept if rng.random() => op.apply_whole(image),
                Self::Torn if rng.random() => {
                    let seed = rng.next_u64();
                    op.apply(image, |i| seed >> (i % 64) & 1 == 1);
                }
                Self::PartlyKept | Self::Torn => {}
            }
        }
    }
}

/// A recorded run, from a durable start.
#[derive(Clone)]
pub(super) struct History {
    start: Vec<u8>,
    ops: Vec<Op>,
}

impl History {
    pub(super) fn len(&self) -> usize {
        self.ops.len()
    }

    /// The positions of the syncs.
    pub(super) fn syncs(&self) -> Vec<usize> {
        let ops = self.ops.iter().enumerate();
        ops.filter(|(_, op)| matches!(op, Op::Sync)).map(|(i, _)| i).collect()
    }

    /// The same run on a disk that says "done" to the syncs chosen by `lies` and does nothing.
    pub(super) fn lying(&self, mut lies: impl FnMut(usize) -> bool) -> Self {
        let mut lying = self.clone();
        for (i, op) in lying.ops.iter_mut().enumerate() {
            if matches!(op, Op::Sync) && lies(i) {
                // Keeps the positions as they are, and does nothing.
                *op = Op::Write { at: 0, bytes: Vec::new() };
            }
        }
        lying
    }

    /// Walks through the run once; `images` says how many images to make of a power cut after the
    /// first `cut` operations, `visit` gets each.
    pub(super) fn crashes(
        &self,
        rng: &mut StdRng,
        mut images: impl FnMut(usize) -> usize,
        mut visit: impl FnMut(usize, Fate, Vec<u8>, &mut StdRng),
    ) {
        let mut durable = self.start.clone();
        let mut pending_from = 0;
        let mut made = 0;
        for cut in 0..=self.ops.len() {
            if let Some(Op::Sync) = cut.checked_sub(1).map(|last| &self.ops[last]) {
                for op in &self.ops[pending_from..cut] {
                    op.apply_whole(&mut durable);
                }
                pending_from = cut;
            }
            for _ in 0..images(cut) {
                let fate = Fate::ALL[made % Fate::ALL.len()];
                made += 1;
                let mut image = durable.clone();
                fate.apply(&mut image, &self.ops[pending_from..cut], rng);
                visit(cut, fate, image, rng);
            }
        }
    }
}
