//! A file system in memory that loses whatever it may lose.
//!
//! Think of every file and directory as two sheets: one that running programs see, and one that
//! survives a power cut. Writing changes the first; only a sync copies to the second. A crash
//! throws the first sheet away, with as much of the difference as [`Loss`] says.
//!
//! Counting: each call that changes or syncs something is an operation; [`FaultyDisk::crash_at`]
//! lets that one and all later calls fail. Syncs are counted on their own, and
//! [`FaultyDisk::skip_sync`] turns one of them into a lie, to prove that it was needed.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chartmesh_node::disk::{Disk, DiskFile};

/// What a disk never tears.
const SECTOR: usize = 512;

/// What a crash takes of that which was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Nothing, and it stays unsynced: the process was killed, the machine lives.
    Nothing,
    /// All unsynced bytes and names.
    Everything,
    /// Unsynced names; unsynced bytes of files that keep their name survive.
    Names,
    /// Unsynced bytes; unsynced names survive (the file that is there and empty).
    Bytes,
    /// Each unsynced name by the toss of a coin, each unsynced write kept, lost or torn by sector.
    Some {
        /// Equal seeds lose the same.
        seed: u64,
    },
}

/// A file system in memory, with faults to order. Clones are the same file system.
#[derive(Clone, Debug)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

/// An open file of a [`FaultyDisk`].
#[derive(Debug)]
pub struct FaultyFile {
    state: Arc<Mutex<State>>,
    inode: usize,
}

#[derive(Clone, Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    seen: Names,
    durable: Names,
    unsynced: Vec<Change>,
    operations: u64,
    crash_at: Option<u64>,
    syncs: Vec<String>,
    skip_sync: Option<usize>,
    space: Option<u64>,
}

type Names = BTreeMap<PathBuf, DirEntry>;

#[derive(Clone, Copy, Debug)]
enum DirEntry {
    Dir,
    File(usize),
}

#[derive(Clone, Debug, Default)]
struct Inode {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
}

/// One change of names: `gone` loses its name and `made` gets one, both or neither.
#[derive(Clone, Debug)]
struct Change {
    gone: Option<PathBuf>,
    made: Option<(PathBuf, DirEntry)>,
}

impl Change {
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.gone.iter().chain(self.made.iter().map(|(path, _)| path))
    }

    fn apply(&self, names: &mut Names) {
        if let Some(gone) = &self.gone {
            names.remove(gone);
        }
        if let Some((path, entry)) = &self.made {
            names.insert(path.clone(), *entry);
        }
    }
}

impl Default for FaultyDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl FaultyDisk {
    /// An empty disk with the directory `/`.
    #[must_use]
    pub fn new() -> Self {
        let root: Names = [(PathBuf::from("/"), DirEntry::Dir)].into();
        let state = State { seen: root.clone(), durable: root, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The operation with this number, counted from 0 since the last start, fails without effect,
    /// and so does every later call.
    pub fn crash_at(&self, operation: u64) {
        self.lock().crash_at = Some(operation);
    }

    /// The sync with this number (files and directories together, from 0 since the last start)
    /// reports success and does nothing.
    pub fn skip_sync(&self, number: usize) {
        self.lock().skip_sync = Some(number);
    }

    /// Files may hold this many bytes together.
    pub fn limit_space(&self, bytes: Option<u64>) {
        self.lock().space = bytes;
    }

    /// Operations since the last start.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// What was synced since the last start, in order: a path each.
    #[must_use]
    pub fn syncs(&self) -> Vec<String> {
        self.lock().syncs.clone()
    }

    /// The disk as the next start finds it after a crash now. The old disk stays as it was.
    #[must_use]
    pub fn restart(&self, loss: Loss) -> Self {
        let mut state = self.lock().clone();
        state.operations = 0;
        state.crash_at = None;
        state.syncs.clear();
        state.skip_sync = None;
        if loss != Loss::Nothing {
            state.cut_power(loss);
        }
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts an operation that changes something.
    fn operation(&mut self) -> io::Result<()> {
        self.alive()?;
        self.operations += 1;
        Ok(())
    }

    fn alive(&self) -> io::Result<()> {
        match self.crash_at {
            Some(at) if self.operations >= at => Err(io::Error::other("the disk has crashed")),
            _ => Ok(()),
        }
    }

    /// Counts a sync; `false` when this one is to be a lie.
    fn sync(&mut self, what: String) -> io::Result<bool> {
        self.operation()?;
        self.syncs.push(what);
        Ok(self.skip_sync != Some(self.syncs.len() - 1))
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        match self.seen.get(path) {
            Some(DirEntry::File(inode)) => Ok(*inode),
            Some(DirEntry::Dir) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn need_dir(&self, path: &Path) -> io::Result<()> {
        match self.seen.get(path) {
            Some(DirEntry::Dir) => Ok(()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.unsynced.push(change);
    }

    /// Makes those changes of names durable that `chosen` picks. One that is picked also settles
    /// the earlier changes of the same names.
    fn settle(&mut self, mut chosen: impl FnMut(&Change) -> bool) {
        let mut left: Vec<Change> = Vec::new();
        for change in std::mem::take(&mut self.unsynced) {
            if chosen(&change) {
                left.retain(|l| !l.paths().any(|p| change.paths().any(|q| p == q)));
                change.apply(&mut self.durable);
            } else {
                left.push(change);
            }
        }
        self.unsynced = left;
    }

    fn cut_power(&mut self, loss: Loss) {
        let mut dice = Dice(match loss {
            Loss::Some { seed } => seed,
            _ => 0,
        });
        self.settle(|_| match loss {
            Loss::Everything | Loss::Names => false,
            Loss::Nothing | Loss::Bytes => true,
            Loss::Some { .. } => dice.below(2) == 0,
        });
        self.unsynced.clear();
        // A name in a directory that is gone is gone too.
        let names = self.durable.clone();
        self.durable.retain(|path, _| path.ancestors().all(|p| names.contains_key(p)));
        self.seen = self.durable.clone();
        for inode in &mut self.inodes {
            for (offset, bytes) in std::mem::take(&mut inode.unsynced) {
                match loss {
                    Loss::Everything | Loss::Bytes => {}
                    Loss::Nothing | Loss::Names => put(&mut inode.durable, offset, &bytes),
                    Loss::Some { .. } => inode.lose_some(offset, &bytes, &mut dice),
                }
            }
            inode.seen = inode.durable.clone();
        }
    }

    fn used(&self) -> u64 {
        self.seen
            .values()
            .map(|entry| match entry {
                DirEntry::File(inode) => self.inodes[*inode].seen.len() as u64,
                DirEntry::Dir => 0,
            })
            .sum()
    }
}

impl Inode {
    fn lose_some(&mut self, offset: usize, bytes: &[u8], dice: &mut Dice) {
        match dice.below(4) {
            0 => {}
            1 => put(&mut self.durable, offset, bytes),
            kind => {
                // The length may be there before the bytes are: they read as zeros then.
                if kind == 2 && self.durable.len() < offset + bytes.len() {
                    self.durable.resize(offset + bytes.len(), 0);
                }
                let mut at = offset;
                while at < offset + bytes.len() {
                    let end = ((at / SECTOR + 1) * SECTOR).min(offset + bytes.len());
                    if dice.below(2) == 0 {
                        put(&mut self.durable, at, &bytes[at - offset..end - offset]);
                    }
                    at = end;
                }
            }
        }
    }
}

fn put(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}

/// SplitMix64: enough to choose what gets lost, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

impl Disk for FaultyDisk {
    type File = FaultyFile;

    fn create_dir(&self, path: &Path) -> io::Result<bool> {
        let mut state = self.lock();
        state.operation()?;
        state.need_dir(parent(path))?;
        match state.seen.get(path) {
            Some(DirEntry::Dir) => Ok(false),
            Some(DirEntry::File(_)) => Err(io::ErrorKind::AlreadyExists.into()),
            None => {
                state.change(Change { gone: None, made: Some((path.into(), DirEntry::Dir)) });
                Ok(true)
            }
        }
    }

    fn create(&self, path: &Path) -> io::Result<FaultyFile> {
        let mut state = self.lock();
        state.operation()?;
        state.need_dir(parent(path))?;
        if state.seen.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.change(Change { gone: None, made: Some((path.into(), DirEntry::File(inode))) });
        Ok(FaultyFile { state: self.state.clone(), inode })
    }

    fn open(&self, path: &Path) -> io::Result<FaultyFile> {
        let state = self.lock();
        state.alive()?;
        let inode = state.file(path)?;
        Ok(FaultyFile { state: self.state.clone(), inode })
    }

    fn open_rw(&self, path: &Path) -> io::Result<FaultyFile> {
        self.open(path)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let state = self.lock();
        state.alive()?;
        Ok(state.seen.contains_key(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.operation()?;
        let entry = DirEntry::File(state.file(from)?);
        state.need_dir(parent(to))?;
        state.change(Change { gone: Some(from.into()), made: Some((to.into(), entry)) });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.operation()?;
        state.file(path)?;
        state.change(Change { gone: Some(path.into()), made: None });
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = self.lock();
        state.alive()?;
        state.need_dir(path)?;
        let inside = state.seen.keys().filter(|p| p.parent() == Some(path));
        Ok(inside.filter_map(|p| Some(p.file_name()?.to_str()?.to_owned())).collect())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        if state.sync(path.display().to_string())? {
            state.need_dir(path)?;
            state.settle(|change| change.paths().any(|p| parent(p) == path));
        }
        Ok(())
    }
}

impl FaultyFile {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DiskFile for FaultyFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.lock();
        state.alive()?;
        let bytes = &state.inodes[self.inode].seen;
        let from = usize::try_from(offset).map_or(bytes.len(), |o| o.min(bytes.len()));
        let n = buf.len().min(bytes.len() - from);
        buf[..n].copy_from_slice(&bytes[from..from + n]);
        Ok(n)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.lock();
        state.operation()?;
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let grows = (offset + buf.len()).saturating_sub(state.inodes[self.inode].seen.len());
        if state.space.is_some_and(|space| state.used() + grows as u64 > space) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let inode = &mut state.inodes[self.inode];
        put(&mut inode.seen, offset, buf);
        inode.unsynced.push((offset, buf.to_vec()));
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.lock();
        state.alive()?;
        Ok(state.inodes[self.inode].seen.len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.lock();
        let mut names = state.seen.iter();
        let name = names.find(|(_, e)| matches!(e, DirEntry::File(inode) if *inode == self.inode));
        let name = name.map_or_else(|| "(removed)".to_owned(), |(p, _)| p.display().to_string());
        if state.sync(name)? {
            let inode = &mut state.inodes[self.inode];
            inode.durable = inode.seen.clone();
            inode.unsynced.clear();
        }
        Ok(())
    }
}
