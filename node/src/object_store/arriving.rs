//! The state of a partial object: its files, and how much of it is written, recorded and promised.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use chartmesh_protocol::id::{ObjectId, TransferId};

use super::progress::Progress;
use super::tree::{self, Builder, GROUP, GROUP_LEN, PAIR};
use super::{BATCH, ObjectError, ObjectFolder, Occupied, Verified, cannot};
use crate::disk::{Disk, DiskFile as _};

/// Shared with the blocking thread that writes: it may outlive a transfer that is given up.
#[derive(Debug)]
pub(crate) struct State<D: Disk> {
    occupied: Occupied<D>,
    id: ObjectId,
    len: u64,
    /// None when the object is in the folder already.
    files: Option<Files<D>>,
    next: u64,
    /// The offset of the newest record of progress: its bytes are synced.
    recorded: u64,
    /// The newest offset whose record was synced too, by this process.
    promised: Option<u64>,
    sequence: u64,
    /// Which pull writes: one that was given up may have left work on another thread.
    turn: u64,
}

#[derive(Debug)]
struct Files<D: Disk> {
    object: Arc<D::File>,
    outboard: Option<Arc<D::File>>,
    progress: Option<D::File>,
    /// A crash took the outboard after all bytes were here: it is made again from them.
    outboard_lost: bool,
}

impl<D: Disk> State<D> {
    /// Takes up what an earlier process left of the transfer, or begins it.
    pub(super) fn open(
        folder: &ObjectFolder<D>,
        transfer: TransferId,
        id: ObjectId,
        len: u64,
    ) -> Result<Self, ObjectError> {
        let name = transfer.to_string();
        let occupied = folder.occupy(&name).ok_or(ObjectError::Busy(transfer))?;
        let mut state = Self {
            occupied,
            id,
            len,
            files: None,
            next: len,
            recorded: 0,
            promised: None,
            sequence: 0,
            turn: 0,
        };
        if !folder.has(id)? && !state.take_up()? {
            state.begin()?;
        }
        Ok(state)
    }

    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Begins a pull: what an earlier one that was given up left to be written is not, from now on.
    pub(crate) fn begin_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

    /// Whether this pull is still the one that writes.
    pub(crate) fn is_turn(&self, turn: u64) -> bool {
        self.turn == turn
    }

    /// How much this process knows to survive a power cut.
    pub(super) fn promised(&self) -> u64 {
        self.promised.unwrap_or(0)
    }

    pub(crate) fn accept(&mut self, verified: &Verified<'_>) -> Result<(), ObjectError> {
        let fits = (verified.id, verified.len) == (self.id, self.len);
        let Some(files) = self.files.as_ref().filter(|_| fits && verified.offset == self.next)
        else {
            return Err(ObjectError::OutOfStep { expected: self.next, found: verified.offset });
        };
        let name = self.occupied.name.as_ref();
        files.object.write_at(verified.data, verified.offset).map_err(cannot("write", name))?;
        if let Some(outboard) = &files.outboard {
            write_pairs(&**outboard, &verified.pairs).map_err(cannot("write outboard of", name))?;
        }
        self.next = verified.end();
        Ok(())
    }

    /// How many bytes a power cut may cost.
    pub(crate) fn checkpoint_distance(&self) -> u64 {
        self.folder().inner.checkpoint
    }

    /// Bytes that a power cut would cost now.
    pub(crate) fn unrecorded(&self) -> u64 {
        self.next - self.recorded
    }

    /// First the bytes, then the record that names them.
    pub(crate) fn checkpoint(&mut self) -> Result<(), ObjectError> {
        let Some(bytes) = self.unsynced() else {
            return Ok(());
        };
        let synced = bytes.sync();
        self.record(&bytes, synced)
    }

    /// What a checkpoint has to sync, `None` when all is promised already.
    fn unsynced(&self) -> Option<Unsynced<D>> {
        let files = self.files.as_ref().filter(|_| self.promised != Some(self.next))?;
        let (object, outboard) = (files.object.clone(), files.outboard.clone());
        Some(Unsynced { object, outboard, offset: self.next, name: self.occupied.name.clone() })
    }

    /// Writes down how far the bytes are synced, or what it means that they are not.
    fn record(
        &mut self,
        bytes: &Unsynced<D>,
        synced: Result<(), ObjectError>,
    ) -> Result<(), ObjectError> {
        let recorded = synced.and_then(|()| self.try_record(bytes.offset));
        if recorded.is_err() {
            // A sync that failed may have dropped what it could not write, and a second one would
            // report success: only what was recorded before counts.
            self.next = self.recorded;
        }
        recorded
    }

    fn try_record(&mut self, offset: u64) -> Result<(), ObjectError> {
        let folder = self.folder().clone();
        let path = folder.incoming_path(&format!("{}.progress", self.occupied.name));
        if self.promised.is_some_and(|promised| promised >= offset) {
            // A later checkpoint was quicker; a promise is not taken back.
            return Ok(());
        }
        // No files: it was finished while this was under way.
        let Some(files) = &mut self.files else {
            return Ok(());
        };
        let file = match &mut files.progress {
            Some(file) => file,
            none => none.insert(open_or_create(&folder.inner.disk, &path)?),
        };
        self.sequence += 1;
        let (sequence, id, len) = (self.sequence, self.id, self.len);
        let record = Progress { sequence, id, len, offset };
        record.store(file).and_then(|()| file.sync()).map_err(cannot("write", &path))?;
        self.recorded = offset;
        if self.promised.is_none() {
            let dir = &folder.inner.incoming;
            folder.inner.disk.sync_dir(dir).map_err(cannot("sync directory", dir))?;
        }
        self.promised = Some(offset);
        Ok(())
    }

    pub(super) fn finish(&mut self) -> Result<(), ObjectError> {
        let folder = self.folder().clone();
        if self.next != self.len {
            return Err(ObjectError::Unfinished { have: self.next, len: self.len });
        }
        let Some(files) = &self.files else {
            folder.confirm(self.id)?;
            return folder.remove_incoming(&self.occupied.name);
        };
        if files.outboard_lost {
            self.rebuild_outboard()?;
        }
        if self.len == 0 && self.id.0 != *blake3::hash(&[]).as_bytes() {
            return Err(ObjectError::Damaged { id: self.id, what: "it should have bytes" });
        }
        if self.recorded == 0 && self.promised.is_none() {
            // Nothing was promised of a small object: no need to record that it is complete.
            self.unsynced().map_or(Ok(()), |bytes| bytes.sync())?;
        } else {
            // The outboard is about to move. Unless all bytes are recorded as here, a crash after
            // that would have to begin anew.
            self.checkpoint()?;
        }
        folder.publish(&self.occupied.name, self.id, tree::groups(self.len) > 1)?;
        self.files = None;
        Ok(())
    }

    /// Goes on where a record says; `false` when there is nothing to go on from.
    fn take_up(&mut self) -> Result<bool, ObjectError> {
        let folder = self.folder().clone();
        let open = |suffix: &str| {
            let path = folder.incoming_path(&format!("{}{suffix}", self.occupied.name));
            match folder.inner.disk.open_rw(&path) {
                Ok(file) => Ok(Some(file)),
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(e) => Err(cannot("open", &path)(e)),
            }
        };
        let (Some(object), Some(progress)) = (open("")?, open(".progress")?) else {
            return Ok(false);
        };
        let name = self.occupied.name.as_ref();
        let record = Progress::load(&progress).map_err(cannot("read progress of", name))?;
        let Some(record) = record.filter(|r| (r.id, r.len) == (self.id, self.len)) else {
            return Ok(false);
        };
        let outboard = open(".obao4")?;
        let outboard_lost = tree::groups(self.len) > 1 && outboard.is_none();
        let here = object.len().map_err(cannot("measure", name))?;
        if here < record.offset || (outboard_lost && record.offset < self.len) {
            return Ok(false);
        }
        (self.next, self.recorded) = (record.offset, record.offset);
        self.sequence = record.sequence;
        self.files = Some(Files {
            object: Arc::new(object),
            outboard: outboard.map(Arc::new),
            progress: Some(progress),
            outboard_lost,
        });
        Ok(true)
    }

    /// Begins anew.
    fn begin(&mut self) -> Result<(), ObjectError> {
        let folder = self.folder().clone();
        folder.remove_incoming(&self.occupied.name)?;
        folder.settle_incoming()?;
        let create = |suffix: &str| {
            let path = folder.incoming_path(&format!("{}{suffix}", self.occupied.name));
            folder.inner.disk.create(&path).map_err(cannot("create", &path))
        };
        let object = create("")?;
        let outboard = (tree::groups(self.len) > 1).then(|| create(".obao4")).transpose()?;
        (self.next, self.recorded) = (0, 0);
        self.files = Some(Files {
            object: Arc::new(object),
            outboard: outboard.map(Arc::new),
            progress: None,
            outboard_lost: false,
        });
        Ok(())
    }

    fn rebuild_outboard(&mut self) -> Result<(), ObjectError> {
        let folder = self.folder().clone();
        let Some(files) = &mut self.files else {
            return Ok(());
        };
        let path = folder.incoming_path(&format!("{}.obao4", self.occupied.name));
        let outboard = open_or_create(&folder.inner.disk, &path)?;
        let last = (tree::groups(self.len) - 1) * GROUP;
        let (mut builder, mut data, mut pairs) = (Builder::default(), Vec::new(), Vec::new());
        let (mut offset, mut pairs_written) = (0, 0);
        let name = self.occupied.name.as_ref();
        loop {
            let n = if offset < last { BATCH.min(last - offset) } else { self.len - offset };
            data.resize(usize::try_from(n).expect("at most a batch"), 0);
            files.object.read_exact_at(&mut data, offset).map_err(cannot("read", name))?;
            if offset == last {
                break;
            }
            data.chunks(GROUP_LEN).for_each(|group| builder.push(group, &mut pairs));
            outboard.write_at(&pairs, pairs_written).map_err(cannot("write", &path))?;
            pairs_written += pairs.len() as u64;
            pairs.clear();
            offset += n;
        }
        let root = builder.finish(&data, &mut pairs);
        outboard.write_at(&pairs, pairs_written).map_err(cannot("write", &path))?;
        if root != self.id.0 {
            return Err(ObjectError::Damaged { id: self.id, what: "its bytes changed on disk" });
        }
        files.outboard = Some(Arc::new(outboard));
        files.outboard_lost = false;
        // Its name is new too.
        self.promised = None;
        Ok(())
    }

    fn folder(&self) -> &ObjectFolder<D> {
        &self.occupied.folder
    }
}

/// Bytes that were written up to an offset and are to be synced.
#[derive(Debug)]
struct Unsynced<D: Disk> {
    object: Arc<D::File>,
    outboard: Option<Arc<D::File>>,
    offset: u64,
    name: String,
}

impl<D: Disk> Unsynced<D> {
    fn sync(&self) -> Result<(), ObjectError> {
        let name = self.name.as_ref();
        self.object.sync().map_err(cannot("sync", name))?;
        if let Some(outboard) = &self.outboard {
            outboard.sync().map_err(cannot("sync outboard of", name))?;
        }
        Ok(())
    }
}

/// A checkpoint while others go on writing: what they write meanwhile belongs to the next one.
pub(crate) fn checkpoint_meanwhile<D: Disk>(state: &Mutex<State<D>>) -> Result<(), ObjectError> {
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(bytes) = lock().unsynced() else {
        return Ok(());
    };
    let synced = bytes.sync();
    lock().record(&bytes, synced)
}

fn open_or_create<D: Disk>(disk: &D, path: &std::path::Path) -> Result<D::File, ObjectError> {
    match disk.open_rw(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            disk.create(path).map_err(cannot("create", path))
        }
        other => other.map_err(cannot("open", path)),
    }
}

/// Writes pairs to their places; those that lie together in one go.
fn write_pairs(file: &impl crate::disk::DiskFile, pairs: &[(u64, [u8; PAIR])]) -> io::Result<()> {
    let mut sorted: Vec<_> = pairs.iter().collect();
    sorted.sort_unstable_by_key(|(index, _)| *index);
    for run in sorted.chunk_by(|(a, _), (b, _)| a + 1 == *b) {
        let bytes: Vec<u8> = run.iter().flat_map(|(_, pair)| pair).copied().collect();
        file.write_at(&bytes, run[0].0 * PAIR as u64)?;
    }
    Ok(())
}
