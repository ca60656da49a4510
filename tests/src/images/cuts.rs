//! Power cuts all along a recorded life, and again while what they left is opened.

use std::fmt;
use std::str::FromStr;

use chartmesh_kit::FaultyDisk;
use chartmesh_protocol::time::Timestamp;

use super::Numbers;
use super::check::{Allowed, cut};
use super::disk::{CrashDisk, Op};
use super::fate::{Fate, Pending};
use super::record::{Recording, STORES};
use super::state::Rows;

/// Cuts that follow each other: in the life, in the opening of what it left, in the opening of that.
pub const CUTS_MAX: usize = 3;
/// One opening in so many is cut itself.
const CUT_AGAIN_EVERY: u64 = 3;
/// On one image in so many the peer starts and goes on.
const LIVES_ON_EVERY: u64 = 16;

/// Names an image, for as long as the code is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageId {
    /// What the life follows from.
    pub seed: u64,
    /// Whose store: a place in [`STORES`].
    pub store: usize,
    /// After how many operations the power was cut.
    pub cut: usize,
    /// Which of the images of this cut.
    pub number: u64,
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.seed, STORES[self.store], self.cut, self.number)
    }
}

/// That is no [`ImageId`].
#[derive(Debug, thiserror::Error)]
#[error("an image is named as 7/relay/1234/0: seed, store, cut, number; stores are {}", STORES.join(", "))]
pub struct NoImageId;

impl FromStr for ImageId {
    type Err = NoImageId;

    fn from_str(text: &str) -> Result<Self, NoImageId> {
        let parts: Vec<_> = text.split('/').collect();
        let [seed, store, cut, number] = parts[..] else { return Err(NoImageId) };
        Ok(Self {
            seed: seed.parse().map_err(|_| NoImageId)?,
            store: STORES.iter().position(|name| *name == store).ok_or(NoImageId)?,
            cut: cut.parse().map_err(|_| NoImageId)?,
            number: number.parse().map_err(|_| NoImageId)?,
        })
    }
}

/// What was seen of one image, and of those that further cuts made of it.
pub struct Seen {
    /// Which.
    pub id: ImageId,
    /// By cut: what became of what was not synced.
    pub fates: Vec<Fate>,
    /// Whether the peer went on from it.
    pub lived_on: bool,
    /// What is wrong, if something is.
    pub fault: Option<String>,
}

/// The place in a life that the walk has come to.
struct Place<'a> {
    recording: &'a Recording,
    /// What was not synced.
    pending: &'a Pending<'a>,
    next: Option<&'a Op>,
    allowed: Allowed<'a>,
    now: Timestamp,
    objects: Option<&'a FaultyDisk>,
}

impl Recording {
    /// Cuts the power after each operation of this life, number `store` of those that follow from
    /// `seed`, and looks at as many images as `wanted` says for each cut; where nothing is pending
    /// there is one, and the others come later.
    pub fn cut_everywhere(
        &self,
        (seed, store): (u64, usize),
        mut wanted: impl FnMut(usize) -> u64,
        mut visit: impl FnMut(Seen),
    ) {
        let mut owed = 0;
        self.walk(|cut, place, disk| {
            owed += wanted(cut);
            let images = if place.pending.is_empty() { owed.min(1) } else { owed };
            owed -= images;
            for number in 0..images {
                visit(place.look(disk, ImageId { seed, store, cut, number }));
            }
        });
    }

    /// Looks at one image again. None when this life has no such cut.
    #[must_use]
    pub fn look_again(&self, id: ImageId) -> Option<Seen> {
        let mut seen = None;
        self.walk(|cut, place, disk| {
            if cut == id.cut {
                seen = Some(place.look(disk, id));
            }
        });
        seen
    }

    /// Goes through this life once. At each cut the disk holds what was durable by then, and what is
    /// changed there can be taken back.
    fn walk(&self, mut at: impl FnMut(usize, &Place<'_>, &CrashDisk)) {
        let disk = CrashDisk::holding(self.start.clone());
        disk.make_revocable();
        let (mut acknowledged, mut under_way) = (Rows::default(), Rows::default());
        let mut commits = self.commits.iter();
        let mut coming = commits.next();
        if let Some(first) = coming {
            under_way.change(&first.changes);
        }
        let mut now = Timestamp(0);
        let mut pending = Pending::default();
        for cut in 0..=self.ops.len() {
            if let Some(last) = cut.checked_sub(1)
                && pending.see(&self.ops[last], &disk)
            {
                disk.settle();
            }
            while let Some(commit) = coming.filter(|commit| commit.acknowledged_at <= cut) {
                acknowledged.change(&commit.changes);
                now = commit.now;
                coming = commits.next();
                if let Some(next) = coming {
                    under_way.change(&next.changes);
                }
            }
            let objects = self.objects.partition_point(|(from, _)| *from <= cut);
            let place = Place {
                recording: self,
                pending: &pending,
                next: self.ops.get(cut),
                allowed: Allowed {
                    acknowledged: &acknowledged,
                    under_way: coming.map(|_| &under_way),
                },
                now: coming.map_or(now, |commit| commit.now),
                objects: objects.checked_sub(1).map(|last| &self.objects[last].1),
            };
            at(cut, &place, &disk);
        }
    }
}

impl Place<'_> {
    /// Makes an image, looks at it, and takes it back.
    fn look(&self, disk: &CrashDisk, id: ImageId) -> Seen {
        let mut numbers = Numbers::keyed(&[id.seed, id.store as u64, id.cut as u64, 1 + id.number]);
        let fates = Fate::after(self.pending, self.next);
        let turn = Numbers::keyed(&[id.seed, id.store as u64, id.cut as u64]).below(4) + id.number;
        let fate = match usize::try_from(turn) {
            Ok(turn) if id.number < fates.len() as u64 => fates[turn % fates.len()],
            // All of those that are one image each were there.
            Ok(turn) if turn % 2 == 0 => Fate::PartlyKept,
            _ => Fate::Torn,
        };
        let mut seen = Seen { id, fates: Vec::new(), lived_on: false, fault: None };
        let durable = disk.mark();
        seen.fault = self.cut_and_open(disk, fate, &mut numbers, &mut seen).err();
        disk.back_to(durable);
        seen
    }

    fn cut_and_open(
        &self,
        disk: &CrashDisk,
        fate: Fate,
        numbers: &mut Numbers,
        seen: &mut Seen,
    ) -> Result<(), String> {
        fate.befall(disk, self.pending, numbers);
        seen.fates.push(fate);
        let mut allowed =
            Allowed { acknowledged: self.allowed.acknowledged, under_way: self.allowed.under_way };
        if numbers.below(LIVES_ON_EVERY) == 0 {
            seen.lived_on = true;
            let objects = self.objects.map(|disk| cut(disk, numbers.below(u64::MAX)));
            return self.recording.live_on(disk, &allowed, self.now, objects.as_ref());
        }
        loop {
            let image = disk.mark();
            let again = seen.fates.len() < CUTS_MAX && numbers.below(CUT_AGAIN_EVERY) == 0;
            disk.remember(again);
            let held = self.recording.open(disk, &allowed)?;
            if !again {
                return Ok(());
            }
            let repair = disk.recall();
            disk.back_to(image);
            // What was seen once stays.
            allowed = Allowed { acknowledged: held, under_way: None };
            let end = usize::try_from(numbers.below(repair.len() as u64 + 1)).unwrap_or_default();
            let mut pending = Pending::default();
            for op in &repair[..end] {
                pending.see(op, disk);
            }
            let fates = Fate::after(&pending, repair.get(end));
            let chosen = usize::try_from(numbers.below(fates.len() as u64)).unwrap_or_default();
            fates[chosen].befall(disk, &pending, numbers);
            seen.fates.push(fates[chosen]);
        }
    }
}
