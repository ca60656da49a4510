//! A disk in memory that remembers what was done to it, takes it back, and can be without power: redb's file, and a folder
//! of packs.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chartmesh_node::disk::{Disk, DiskFile};
use chartmesh_node::store::StorageBackend;

use super::Numbers;

/// What a disk never tears.
const SECTOR: usize = 512;
/// redb's file, which is there from the beginning.
const STORE: &str = "store";

/// What a file is called.
pub type Name = Arc<str>;
/// Files with their bytes.
pub(super) type Files = BTreeMap<Name, Vec<u8>>;

/// What was asked of a disk.
#[derive(Clone, Debug)]
pub enum Op {
    /// These bytes at this place.
    Write {
        /// Of which file.
        file: Name,
        /// Where, in bytes.
        at: usize,
        /// What.
        bytes: Vec<u8>,
    },
    /// Another length, in bytes.
    SetLen(Name, usize),
    /// A new file, empty.
    Create(Name),
    /// A file is gone.
    Remove(Name),
    /// All before of one file's bytes is to be durable.
    Sync(Name),
    /// All before of the folder's names is.
    SyncNames,
    /// As one of the two, and the disk only says that it did it.
    Lie,
}

impl Op {
    /// Whether it makes something durable.
    #[must_use]
    pub const fn is_sync(&self) -> bool {
        matches!(self, Self::Sync(_) | Self::SyncNames)
    }

    /// Whether it syncs redb's own file.
    #[must_use]
    pub fn is_sync_of_redb(&self) -> bool {
        matches!(self, Self::Sync(name) if &**name == STORE)
    }

    /// How many pieces it can come apart into.
    pub(super) const fn units(&self) -> u64 {
        match self {
            Self::Write { bytes, .. } if bytes.is_empty() => 1,
            Self::Write { bytes, .. } if bytes.len() < SECTOR => bytes.len() as u64,
            Self::Write { bytes, .. } => bytes.len().div_ceil(SECTOR) as u64,
            _ => 1,
        }
    }
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
    Bytes { file: Name, at: usize, bytes: Vec<u8> },
    Len { file: Name, len: usize, tail: Vec<u8> },
    Made(Name),
    Gone(Name, Vec<u8>),
}

#[derive(Default)]
struct State {
    files: Files,
    /// None while nothing is to be taken back.
    undo: Option<Vec<Undo>>,
    /// None while nobody wants to know.
    ops: Option<Vec<Op>>,
    no_power: bool,
    /// After so many further operations the power fails.
    power_for: Option<u64>,
}

/// A handle to the disk; clones share it.
#[derive(Clone, Default)]
pub(super) struct CrashDisk(Arc<Mutex<State>>);

/// One of its files.
#[derive(Clone, Debug)]
pub(super) struct CrashFile {
    disk: CrashDisk,
    name: Name,
}

impl CrashDisk {
    /// A disk that already holds these files, durably.
    pub(super) fn holding(files: Files) -> Self {
        Self(Arc::new(Mutex::new(State { files, ..State::default() })))
    }

    /// redb's file; made if it is not there.
    pub(super) fn store(&self) -> CrashFile {
        let name = Name::from(STORE);
        self.lock().files.entry(Name::clone(&name)).or_default();
        CrashFile { disk: self.clone(), name }
    }

    pub(super) fn files(&self) -> Files {
        self.lock().files.clone()
    }

    /// Whether a file of this name is there.
    pub(super) fn has(&self, name: &Name) -> bool {
        self.lock().files.contains_key(name)
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
        let mut state = self.lock();
        (state.no_power, state.power_for) = (!on, None);
    }

    /// The power fails after so many further operations.
    pub(super) fn set_power_for(&self, operations: u64) {
        self.lock().power_for = Some(operations);
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
        let State { files, undo: Some(undo), .. } = &mut *state else { return };
        while undo.len() > mark {
            match undo.pop() {
                Some(Undo::Bytes { file, at, bytes: old }) => {
                    if let Some(bytes) = files.get_mut(&file) {
                        bytes[at..at + old.len()].copy_from_slice(&old);
                    }
                }
                Some(Undo::Len { file, len, tail }) => {
                    if let Some(bytes) = files.get_mut(&file) {
                        bytes.resize(len - tail.len(), 0);
                        bytes.extend(tail);
                    }
                }
                Some(Undo::Made(file)) => drop(files.remove(&file)),
                Some(Undo::Gone(file, bytes)) => drop(files.insert(file, bytes)),
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

    /// Does something that is remembered.
    fn does(&self, op: impl FnOnce() -> Op) -> io::Result<()> {
        let mut state = self.powered()?;
        if let Some(left) = &mut state.power_for {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => {
                    state.no_power = true;
                    return Err(io::Error::other("no power"));
                }
            }
        }
        let op = op();
        state.apply(&op, Part::Whole, &mut Numbers::keyed(&[]));
        if let Some(ops) = &mut state.ops {
            ops.push(op);
        }
        Ok(())
    }
}

impl State {
    fn apply(&mut self, op: &Op, part: Part, numbers: &mut Numbers) {
        match op {
            Op::Sync(_) | Op::SyncNames | Op::Lie => {}
            Op::SetLen(file, len) => self.set_len(file, *len),
            Op::Create(file) => self.create(file),
            Op::Remove(file) => self.remove(file),
            Op::Write { file, at, bytes } => match part {
                Part::Whole => self.write(file, *at, bytes),
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
                            self.write(file, unit_at, bytes);
                        }
                    }
                }
            },
        }
    }

    /// What lies beyond the end of redb's file went with a change of length that did not come through; packs grow by
    /// what is written.
    fn write(&mut self, file: &Name, at: usize, bytes: &[u8]) {
        let Some(len) = self.files.get(file).map(Vec::len) else { return };
        let end = at + bytes.len();
        if end > len {
            if &**file == STORE {
                return;
            }
            self.set_len(file, end);
        }
        let Some(target) = self.files.get_mut(file).map(|file| &mut file[at..end]) else { return };
        if let Some(undo) = &mut self.undo {
            undo.push(Undo::Bytes { file: Name::clone(file), at, bytes: target.to_vec() });
        }
        target.copy_from_slice(bytes);
    }

    fn set_len(&mut self, file: &Name, len: usize) {
        let Some(bytes) = self.files.get_mut(file) else { return };
        if let Some(undo) = &mut self.undo {
            let tail = bytes.get(len..).unwrap_or_default().to_vec();
            undo.push(Undo::Len { file: Name::clone(file), len: bytes.len(), tail });
        }
        bytes.resize(len, 0);
    }

    fn create(&mut self, file: &Name) {
        if self.files.insert(Name::clone(file), Vec::new()).is_none()
            && let Some(undo) = &mut self.undo
        {
            undo.push(Undo::Made(Name::clone(file)));
        }
    }

    fn remove(&mut self, file: &Name) {
        if let Some(bytes) = self.files.remove(file)
            && let Some(undo) = &mut self.undo
        {
            undo.push(Undo::Gone(Name::clone(file), bytes));
        }
    }
}

impl std::fmt::Debug for CrashDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CrashDisk(..)")
    }
}

fn to_usize(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(io::Error::other)
}

impl CrashFile {
    fn length(&self) -> io::Result<u64> {
        let state = self.disk.powered()?;
        let bytes = state.files.get(&self.name).ok_or(io::ErrorKind::NotFound)?;
        Ok(bytes.len() as u64)
    }

    fn put(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let at = to_usize(offset)?;
        let file = Name::clone(&self.name);
        self.disk.does(|| Op::Write { file, at, bytes: data.to_vec() })
    }

    fn make_durable(&self) -> io::Result<()> {
        self.disk.does(|| Op::Sync(Name::clone(&self.name)))
    }
}

impl StorageBackend for CrashFile {
    fn len(&self) -> io::Result<u64> {
        self.length()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = to_usize(len)?;
        self.disk.does(|| Op::SetLen(Name::clone(&self.name), len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.make_durable()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.put(offset, data)
    }
}

impl DiskFile for CrashFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let start = to_usize(offset)?;
        let state = self.disk.powered()?;
        let bytes = state.files.get(&self.name).ok_or(io::ErrorKind::NotFound)?;
        let from = bytes.get(start..).unwrap_or_default();
        let len = from.len().min(buf.len());
        buf[..len].copy_from_slice(&from[..len]);
        Ok(len)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.put(offset, buf)
    }

    fn len(&self) -> io::Result<u64> {
        self.length()
    }

    fn sync(&self) -> io::Result<()> {
        self.make_durable()
    }
}

/// The folder of the packs is there from the beginning.
impl Disk for CrashDisk {
    type File = CrashFile;

    fn create_dir(&self, _: &Path) -> io::Result<bool> {
        Ok(false)
    }

    fn create(&self, path: &Path) -> io::Result<CrashFile> {
        let name = name_of(path)?;
        if self.powered()?.files.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.does(|| Op::Create(Name::clone(&name)))?;
        Ok(CrashFile { disk: self.clone(), name })
    }

    fn open(&self, path: &Path) -> io::Result<CrashFile> {
        let name = name_of(path)?;
        match self.powered()?.files.contains_key(&name) {
            true => Ok(CrashFile { disk: self.clone(), name }),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn open_rw(&self, path: &Path) -> io::Result<CrashFile> {
        self.open(path)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        Ok(self.powered()?.files.contains_key(&name_of(path)?))
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let name = name_of(path)?;
        if !self.powered()?.files.contains_key(&name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.does(|| Op::Remove(name))
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        let state = self.powered()?;
        Ok(state
            .files
            .keys()
            .filter(|name| &***name != STORE)
            .map(|name| name.to_string())
            .collect())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.does(|| Op::SyncNames)
    }
}

fn name_of(path: &Path) -> io::Result<Name> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(Name::from).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}
