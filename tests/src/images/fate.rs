//! What a power cut makes of the writes that no sync covered.
//!
//! The model of the disk: what was written before a sync that returned is there. Of what came
//! after, each write may be there, or not, or be there in some of its sectors, whatever became of
//! the others; a change of length that is not there takes with it what was written beyond the old
//! end. A write shorter than a sector (redb's page 0 is the only one) may be torn at any byte.

use super::Numbers;
use super::disk::{CrashDisk, Op, Part, units};

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
    pub(super) fn after(pending: usize, next: Option<&Op>) -> &'static [Self] {
        match (pending, next) {
            (0, _) => &[Self::Kept],
            (_, None | Some(Op::Sync)) => {
                &[Self::Torn, Self::Kept, Self::PartlyKept, Self::Dropped]
            }
            _ => &[Self::Torn, Self::Kept, Self::PartlyKept],
        }
    }

    /// Lets it come over a disk that holds what was durable.
    pub(super) fn befall(self, disk: &CrashDisk, pending: &[Op], numbers: &mut Numbers) {
        for op in pending {
            let part = match self {
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

impl Op {
    fn units(&self) -> u64 {
        match self {
            Self::Write { bytes, .. } => units(bytes.len()).max(1),
            Self::SetLen(_) | Self::Sync | Self::Lie => 1,
        }
    }
}
