//! Reading an object that is here.

use std::path::Path;

use chartmesh_protocol::id::ObjectId;

use super::tree::{self, Builder, GROUP, GROUP_LEN, Node, PAIR};
use super::{BATCH, ObjectError, cannot};
use crate::disk::{Disk, DiskFile};

/// An open object. It stays readable when it is removed meanwhile.
#[derive(Debug)]
pub struct ObjectReader<D: Disk> {
    id: ObjectId,
    len: u64,
    object: D::File,
    outboard: Option<D::File>,
}

impl<D: Disk> ObjectReader<D> {
    pub(super) fn open(
        disk: &D,
        id: ObjectId,
        path: &Path,
        outboard_path: &Path,
    ) -> Result<Self, ObjectError> {
        let object = match disk.open(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(ObjectError::Missing(id));
            }
            other => other.map_err(cannot("open", path))?,
        };
        let len = object.len().map_err(cannot("measure", path))?;
        let mut outboard = None;
        if tree::groups(len) > 1 {
            let file = match disk.open(outboard_path) {
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                    return Err(ObjectError::Damaged { id, what: "its outboard is missing" });
                }
                other => other.map_err(cannot("open", outboard_path))?,
            };
            let found = file.len().map_err(cannot("measure", outboard_path))?;
            if found != tree::outboard_len(len) {
                return Err(ObjectError::Damaged { id, what: "its outboard has a wrong length" });
            }
            outboard = Some(file);
        }
        Ok(Self { id, len, object, outboard })
    }

    /// The object's id.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the object has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Fills `buf` from `offset`. The bytes are as the disk has them, not verified again.
    ///
    /// # Errors
    /// [`ObjectError::Disk`], also when the object ends before `buf` is full.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<(), ObjectError> {
        let path = self.id.to_string();
        self.object.read_exact_at(buf, offset).map_err(cannot("read object", path.as_ref()))
    }

    /// Fills `pairs` from the outboard: the pair number `first` (in post order) and those after.
    ///
    /// # Errors
    /// [`ObjectError::Disk`], also when there is no such pair.
    pub fn read_outboard(&self, pairs: &mut [u8], first: u64) -> Result<(), ObjectError> {
        let path = self.id.to_string();
        let outboard = self.outboard.as_ref().ok_or(std::io::ErrorKind::UnexpectedEof.into());
        outboard
            .and_then(|file| file.read_exact_at(pairs, first * PAIR as u64))
            .map_err(cannot("read outboard of object", path.as_ref()))
    }

    /// The pairs of `nodes`, in their order; neighbours in the outboard are read in one go.
    pub(crate) fn read_pairs(&self, nodes: &[Node], out: &mut [u8]) -> Result<(), ObjectError> {
        let mut places: Vec<_> = nodes.iter().map(|node| node.pair_index()).enumerate().collect();
        places.sort_unstable_by_key(|(_, index)| *index);
        let mut run = Vec::new();
        for places in places.chunk_by(|(_, a), (_, b)| a + 1 == *b) {
            run.resize(places.len() * PAIR, 0);
            self.read_outboard(&mut run, places[0].1)?;
            for ((place, _), pair) in places.iter().zip(run.chunks(PAIR)) {
                out[place * PAIR..][..PAIR].copy_from_slice(pair);
            }
        }
        Ok(())
    }

    /// Compares the whole object with its id, and its outboard with what it should be.
    ///
    /// # Errors
    /// [`ObjectError::Damaged`]; [`ObjectError::Disk`].
    pub fn scrub(&self) -> Result<(), ObjectError> {
        let mut builder = Builder::default();
        let (mut data, mut kept, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
        let (mut offset, mut first) = (0, 0);
        let last = (tree::groups(self.len) - 1) * GROUP;
        let damaged = |what| Err(ObjectError::Damaged { id: self.id, what });
        let mut compare = |pairs: &mut Vec<u8>| {
            kept.resize(pairs.len(), 0);
            if !pairs.is_empty() {
                self.read_outboard(&mut kept, first)?;
            }
            first += (pairs.len() / PAIR) as u64;
            let same = kept == *pairs;
            pairs.clear();
            Ok::<_, ObjectError>(same)
        };
        while offset < last {
            let n = BATCH.min(last - offset);
            data.resize(usize::try_from(n).expect("at most a batch"), 0);
            self.read_at(&mut data, offset)?;
            data.chunks(GROUP_LEN).for_each(|group| builder.push(group, &mut pairs));
            if !compare(&mut pairs)? {
                return damaged("its bytes or its outboard changed");
            }
            offset += n;
        }
        data.resize(usize::try_from(self.len - last).expect("at most a group"), 0);
        self.read_at(&mut data, last)?;
        let root = builder.finish(&data, &mut pairs);
        if !compare(&mut pairs)? {
            return damaged("its bytes or its outboard changed");
        }
        if root != self.id.0 {
            return damaged("its bytes are not those of its id");
        }
        Ok(())
    }
}
