//! What a power cut makes of the writes that no sync covered.
//!
//! The model of the disk: what was written to a file before a sync of it that returned is there, if its name is; names
//! are there that a sync of their folder covered. Of what came
//! after, each write may be there, or not, or be there in some of its sectors, and each name may be made or gone or not,
//! whatever became of
//! the others; a change of length that is not there takes with it what was written beyond the old
//! end. A write shorter than a sector (redb's page 0 is the only one) may be torn at any byte.

use super::Numbers;
use super::disk::{CrashDisk, Op, Part};

/// What became of the writes that no sync covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// None is there.
    Dropped,
    /// All are there.
    Kept,
    /// Some are there.
    PartlyKept,
    /// Some are there in part.
    Torn,
}

impl Fate {
    /// All.
    pub const ALL: [Self; 4] = [Self::Dropped, Self::Kept, Self::PartlyKept, Self::Torn];

    /// In a word or two.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Kept => "kept",
            Self::PartlyKept => "partly kept",
            Self::Torn => "torn",
        }
    }

    /// The fates after which a cut with these operations pending leaves different images. Where
    /// nothing is pending they are all one; that all is dropped looks the same from one sync to the
    /// next, and counts only where most is dropped.
    pub(super) fn after(pending: &Pending<'_>, next: Option<&Op>) -> &'static [Self] {
        if pending.is_empty() {
            return &[Self::Kept];
        }
        match next.is_none_or(Op::is_sync) {
            true => &[Self::Torn, Self::Kept, Self::PartlyKept, Self::Dropped],
            false => &[Self::Torn, Self::Kept, Self::PartlyKept],
        }
    }

    /// Lets it come over a disk that holds what was durable.
    pub(super) fn befall(self, disk: &CrashDisk, pending: &Pending<'_>, numbers: &mut Numbers) {
        for Waits { op, synced } in &pending.ops {
            let part = match self {
                _ if *synced => Some(Part::Whole),
                Self::Dropped => None,
                Self::Kept => Some(Part::Whole),
                Self::PartlyKept => (numbers.below(2) == 0).then_some(Part::Whole),
                Self::Torn => match numbers.below(4) {
                    0 => None,
                    1 => Some(Part::Whole),
                    2 => Some(Part::First(numbers.below(op.units()))),
                    _ => Some(Part::Some),
                },
            };
            if let Some(part) = part {
                disk.apply(op, part, numbers);
            }
        }
    }
}

/// What was asked of a disk and is not durable.
#[derive(Clone, Default)]
pub(super) struct Pending<'a> {
    ops: Vec<Waits<'a>>,
}

#[derive(Clone)]
struct Waits<'a> {
    op: &'a Op,
    /// Its file is synced, and its name is not: it is there if that is.
    synced: bool,
}

impl<'a> Pending<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Takes in what was asked next. What becomes durable by it is done to the disk; gives whether anything did.
    pub(super) fn see(&mut self, op: &'a Op, disk: &CrashDisk) -> bool {
        match op {
            Op::Lie => return false,
            Op::Sync(file) => {
                let there = disk.has(file);
                for waits in &mut self.ops {
                    waits.synced |= matches!(
                        waits.op, Op::Write { file: of, .. } | Op::SetLen(of, _) if of == file
                    );
                }
                if !there {
                    return false;
                }
            }
            Op::SyncNames => {
                for waits in &mut self.ops {
                    waits.synced |= matches!(waits.op, Op::Create(_) | Op::Remove(_));
                }
            }
            Op::Write { .. } | Op::SetLen(..) | Op::Create(_) | Op::Remove(_) => {
                self.ops.push(Waits { op, synced: false });
                return false;
            }
        }
        let mut nobody = Numbers::keyed(&[]);
        self.ops.retain(|Waits { op, synced }| {
            let durable = *synced
                && match op {
                    Op::Write { file, .. } | Op::SetLen(file, _) => disk.has(file),
                    _ => true,
                };
            if durable {
                disk.apply(op, Part::Whole, &mut nobody);
            }
            !durable
        });
        true
    }
}
