//! How far a partial object came: a side file of two slots, written in turn.
//!
//! A slot is 92 bytes at 0 or 512, so that no torn sector holds both: `CMP1`, sequence u64,
//! object id, length u64, offset u64 (big-endian), and BLAKE3 of those 60 bytes, 32 bytes. The
//! valid slot with the higher sequence counts; a slot that broke off while it was written is
//! invalid, and the other one still stands.

use std::io;

use chartmesh_protocol::id::ObjectId;

use crate::disk::DiskFile;

const MAGIC: &[u8; 4] = b"CMP1";
const BODY: usize = 60;
const SLOT: usize = BODY + 32;
const SLOT_DISTANCE: u64 = 512;

/// A record of progress: the first `offset` bytes of the object are here and synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) sequence: u64,
    pub(super) id: ObjectId,
    pub(super) len: u64,
    pub(super) offset: u64,
}

impl Progress {
    /// The newest record in the file, if any is valid.
    pub(super) fn load(file: &impl DiskFile) -> io::Result<Option<Self>> {
        let mut newest: Option<Self> = None;
        for slot in 0..2 {
            let mut bytes = [0; SLOT];
            match file.read_exact_at(&mut bytes, slot * SLOT_DISTANCE) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => continue,
                Err(e) => return Err(e),
            }
            let found = Self::decode(&bytes);
            if found.is_some_and(|f| newest.is_none_or(|n| f.sequence > n.sequence)) {
                newest = found;
            }
        }
        Ok(newest)
    }

    /// Writes the record into the slot that does not hold the one before it. Not synced.
    pub(super) fn store(&self, file: &impl DiskFile) -> io::Result<()> {
        file.write_at(&self.encode(), self.sequence % 2 * SLOT_DISTANCE)
    }

    fn encode(&self) -> [u8; SLOT] {
        let mut bytes = [0; SLOT];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4..12].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[12..44].copy_from_slice(self.id.as_bytes());
        bytes[44..52].copy_from_slice(&self.len.to_be_bytes());
        bytes[52..60].copy_from_slice(&self.offset.to_be_bytes());
        let sum = blake3::hash(&bytes[..BODY]);
        bytes[BODY..].copy_from_slice(sum.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8; SLOT]) -> Option<Self> {
        let (body, sum) = bytes.split_at(BODY);
        if &body[..4] != MAGIC || blake3::hash(body).as_bytes() != sum {
            return None;
        }
        let number = |at: usize| Some(u64::from_be_bytes(body[at..at + 8].try_into().ok()?));
        Some(Self {
            sequence: number(4)?,
            id: ObjectId::from_slice(&body[12..44])?,
            len: number(44)?,
            offset: number(52)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk as _, RealDisk};

    fn record(sequence: u64) -> Progress {
        Progress { sequence, id: ObjectId([7; 32]), len: 99, offset: sequence * 2 }
    }

    #[test]
    fn the_newest_valid_slot_counts() {
        let dir = tempfile::tempdir().unwrap();
        let file = RealDisk.create(&dir.path().join("p")).unwrap();
        assert_eq!(Progress::load(&file).unwrap(), None);
        for sequence in 1..5 {
            record(sequence).store(&file).unwrap();
            assert_eq!(Progress::load(&file).unwrap(), Some(record(sequence)));
        }
        // Slot 0 holds record 4: whichever byte of it breaks, record 3 stands.
        for at in 0..SLOT as u64 {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_at(&[byte[0] ^ 1], at).unwrap();
            assert_eq!(Progress::load(&file).unwrap(), Some(record(3)), "byte {at}");
            file.write_at(&byte, at).unwrap();
        }
    }
}
