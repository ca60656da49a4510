//! The pack files of a store: what is in them is never changed, but for values that are erased.

mod format;
mod group;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chartmesh_protocol::store::{StoreError, Table};

pub(super) use format::{HeaderError, PAGE_LEN, Secret};
pub(super) use group::{Body, Change, Place, Reader, Set, Stored};

use crate::disk::{AnyDisk, Disk as _, DiskFile};
use crate::random::system;
use crate::store::fault::fault;
use crate::store::limits::PACKS_OPEN_MAX;
use format::{Cipher, HEAD_LEN, Kind, PAGE, head, record_len};
use group::{GROUP_HEAD_LEN, Spot, decode, decode_head, encode};

/// What is behind a pack's name.
const SUFFIX: &str = ".pack";

/// Why a pack cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum PackError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Header(#[from] HeaderError),
}

/// The pack files of one store.
pub(super) struct Packs {
    disk: AnyDisk,
    folder: PathBuf,
    secret: Secret,
    open: Mutex<BTreeMap<u32, Arc<Pack>>>,
}

impl Packs {
    pub(super) fn new(disk: AnyDisk, folder: PathBuf, secret: Secret) -> Self {
        Self { disk, folder, secret, open: Mutex::default() }
    }

    /// Makes the folder, durably, if it is not there.
    pub(super) fn make_folder(&self) -> io::Result<()> {
        if !self.disk.create_dir(&self.folder)? {
            return Ok(());
        }
        match self.folder.parent() {
            Some(parent) if parent.as_os_str().is_empty() => self.disk.sync_dir(".".as_ref()),
            Some(parent) => self.disk.sync_dir(parent),
            None => Ok(()),
        }
    }

    /// The numbers of all packs that are there, in order.
    pub(super) fn list(&self) -> io::Result<Vec<u32>> {
        let names = match self.disk.list(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            names => names?,
        };
        let number = |name: &String| name.strip_suffix(SUFFIX)?.parse().ok();
        let mut numbers: Vec<u32> = names.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Gives the packs that are there names that are no packs'.
    pub(super) fn set_aside(&self) -> io::Result<()> {
        for number in self.list()? {
            let path = self.path(number);
            let mut aside = path.as_os_str().to_owned();
            aside.push(".lost");
            self.disk.rename(&path, aside.as_ref())?;
            tracing::warn!(pack = %path.display(), "a pack of a store that is gone was set aside");
        }
        Ok(())
    }

    fn path(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{number:08}{SUFFIX}"))
    }

    /// A pack that is there.
    pub(super) fn open(&self, number: u32) -> Result<Arc<Pack>, PackError> {
        if let Some(pack) = self.lock().get(&number) {
            return Ok(Arc::clone(pack));
        }
        let file = self.disk.open_rw(&self.path(number))?;
        let mut page = [0; PAGE];
        if file.len()? >= PAGE_LEN {
            file.read_exact_at(&mut page, 0)?;
        }
        let (first, cipher) = format::check(&self.secret, number.into(), &page)?;
        Ok(self.keep(Pack { number, first, file, cipher }))
    }

    /// A pack, if it is there: one that was taken away may be named still.
    pub(super) fn find(&self, number: u32) -> Result<Option<Arc<Pack>>, StoreError> {
        match self.open(number) {
            Ok(pack) => Ok(Some(pack)),
            Err(PackError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fault(error)),
        }
    }

    /// Bytes of a pack's file, whatever they are.
    pub(super) fn len(&self, number: u32) -> io::Result<u64> {
        self.disk.open(&self.path(number))?.len()
    }

    /// A new pack, empty and durable.
    pub(super) fn begin(&self, number: u32, first: u64) -> io::Result<Arc<Pack>> {
        self.make_folder()?;
        let (page, cipher) = format::begin(&self.secret, number.into(), first, &mut system());
        let file = self.disk.create(&self.path(number))?;
        file.write_at(&page, 0)?;
        file.sync()?;
        self.disk.sync_dir(&self.folder)?;
        Ok(self.keep(Pack { number, first, file, cipher }))
    }

    /// Takes packs away for good; it is no error when one is not there.
    pub(super) fn remove(&self, numbers: &[u32]) -> io::Result<()> {
        for number in numbers {
            self.lock().remove(number);
            match self.disk.remove(&self.path(*number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if numbers.is_empty() { Ok(()) } else { self.disk.sync_dir(&self.folder) }
    }

    /// The value at a place, for `key` of `table`.
    pub(super) fn value(
        &self,
        place: Place,
        table: Table,
        key: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let corrupt = |why: String| StoreError::Corrupt { table: table.name(), why };
        let pack = match self.open(place.pack) {
            Ok(pack) => pack,
            Err(PackError::Io(error)) if error.kind() != io::ErrorKind::NotFound => {
                return Err(fault(error));
            }
            Err(error) => return Err(corrupt(format!("pack {}: {error}", place.pack))),
        };
        let mut record = match pack.record(place.at.into(), place.len as usize) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(corrupt(format!("pack {} is too short", place.pack)));
            }
            record => record.map_err(fault)?,
        };
        let body = pack.cipher.open(place.at.into(), &mut record).and_then(Body::read);
        match body {
            Some(body) if body.table == table.name() && body.key == key => Ok(body.value.to_vec()),
            _ => Err(corrupt(format!("a value in pack {} is damaged", place.pack))),
        }
    }

    fn keep(&self, pack: Pack) -> Arc<Pack> {
        let mut open = self.lock();
        if open.len() >= PACKS_OPEN_MAX {
            // What is read most is in the newest.
            open.pop_first();
        }
        let pack = Arc::new(pack);
        open.insert(pack.number, Arc::clone(&pack));
        pack
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Arc<Pack>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Packs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packs").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// One pack file.
#[derive(Debug)]
pub(super) struct Pack {
    pub(super) number: u32,
    /// The number of its first group.
    pub(super) first: u64,
    file: Box<dyn DiskFile>,
    cipher: Cipher,
}

/// What was found where a group could be.
pub(super) enum Found {
    /// A whole group: what it sets, and where the next begins.
    Group(Vec<Set<'static>>, u64),
    /// None that is whole.
    Nothing,
}

/// What was found where a record is.
pub(super) enum Step {
    /// A value at this place.
    Body(Place, Vec<u8>),
    /// One that does not open: it is damaged, or half erased.
    Closed(Place),
    /// Nothing of interest.
    Other,
}

impl Pack {
    pub(super) fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    /// Appends a group at `at`, where nothing was written before, and makes it durable. Gives what it sets, and where
    /// the next begins.
    pub(super) fn append<'a>(
        &self,
        changes: &[Change<'a>],
        number: u64,
        at: u64,
    ) -> io::Result<(Vec<Set<'a>>, u64)> {
        let spot = Spot { number, pack: self.number, at };
        let (bytes, sets) = encode(changes, spot, &self.cipher);
        self.file.write_at(&bytes, at)?;
        self.file.sync()?;
        Ok((sets, next_page(at + bytes.len() as u64)))
    }

    /// The group of this number, at `at`.
    pub(super) fn group(&self, number: u64, at: u64) -> io::Result<Found> {
        let end = self.file.len()?;
        let Some((found, len)) = self.group_head(at, end)? else { return Ok(Found::Nothing) };
        if found != number || at + len as u64 > end {
            return Ok(Found::Nothing);
        }
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, at)?;
        let sets = decode(&mut bytes, Spot { number, pack: self.number, at }, &self.cipher);
        Ok(sets.map_or(Found::Nothing, |sets| Found::Group(sets, next_page(at + len as u64))))
    }

    /// Whether a group of a later number begins anywhere from `at` on: it was only written once all before it were
    /// durable.
    pub(super) fn goes_on(&self, number: u64, at: u64) -> io::Result<bool> {
        let end = self.file.len()?;
        let mut page = at;
        while page + GROUP_HEAD_LEN as u64 <= end {
            if self.group_head(page, end)?.is_some_and(|(found, _)| found > number) {
                return Ok(true);
            }
            page += PAGE_LEN;
        }
        Ok(false)
    }

    fn group_head(&self, at: u64, end: u64) -> io::Result<Option<(u64, usize)>> {
        if at + GROUP_HEAD_LEN as u64 > end {
            return Ok(None);
        }
        let mut head = [0; GROUP_HEAD_LEN];
        self.file.read_exact_at(&mut head, at)?;
        Ok(decode_head(&mut head, at, &self.cipher))
    }

    /// Overwrites what is behind the last whole group, durably.
    pub(super) fn cut(&self, at: u64) -> io::Result<()> {
        let end = self.file.len()?;
        let mut at = at;
        while at < end {
            let len = (end - at).min(1 << 20);
            self.file.write_at(&vec![0; usize::try_from(len).expect("a mebibyte fits")], at)?;
            at += len;
        }
        self.file.sync()
    }

    /// The record at `at`, and where the next is; none at the end of what is written.
    pub(super) fn step(&self, at: u64) -> io::Result<Option<(Step, u64)>> {
        let Some((kind, place, next)) = self.head(at)? else { return Ok(None) };
        let step = match kind {
            Kind::Body => {
                let mut record = self.record(at, place.len as usize)?;
                match self.cipher.open(at, &mut record) {
                    Some(plaintext) => Step::Body(place, plaintext.to_vec()),
                    None => Step::Closed(place),
                }
            }
            Kind::Head | Kind::Rows | Kind::Erased | Kind::Scrubbed => Step::Other,
        };
        Ok(Some((step, next)))
    }

    /// Overwrites what the groups from `at` on set besides their values, up to `until` or until so many `bytes` are
    /// overwritten. Gives where to go on.
    pub(super) fn scrub(&self, mut at: u64, until: u64, mut bytes: u64) -> io::Result<u64> {
        while at < until && bytes > 0 {
            let Some((kind, place, next)) = self.head(at)? else { return Ok(until) };
            if kind == Kind::Rows {
                self.overwrite(place, Kind::Scrubbed)?;
                bytes = bytes.saturating_sub(place.record_len());
            }
            at = next;
        }
        self.file.sync()?;
        Ok(at)
    }

    fn head(&self, at: u64) -> io::Result<Option<(Kind, Place, u64)>> {
        let mut first = [0; HEAD_LEN];
        self.file.read_exact_at(&mut first, at)?;
        let Some((len, kind)) = head(&first) else { return Ok(None) };
        let narrow = |number: u64| u32::try_from(number).map_err(io::Error::other);
        let place = Place { pack: self.number, at: narrow(at)?, len: narrow(len as u64)? };
        let end = at + record_len(len) as u64;
        let next = match kind {
            Kind::Rows | Kind::Scrubbed => next_page(end),
            Kind::Head | Kind::Body | Kind::Erased => end,
        };
        Ok(Some((kind, place, next)))
    }

    fn record(&self, at: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut record = vec![0; record_len(len)];
        self.file.read_exact_at(&mut record, at)?;
        Ok(record)
    }

    /// Overwrites a value with zeros. Not durable before [`Pack::sync`].
    pub(super) fn erase(&self, place: Place) -> io::Result<()> {
        self.overwrite(place, Kind::Erased)
    }

    fn overwrite(&self, place: Place, kind: Kind) -> io::Result<()> {
        let mut zeros = vec![0; record_len(place.len as usize) - (HEAD_LEN - 1)];
        zeros[0] = kind as u8;
        self.file.write_at(&zeros, u64::from(place.at) + HEAD_LEN as u64 - 1)
    }
}

/// The next page's beginning, from `at` on.
const fn next_page(at: u64) -> u64 {
    at.next_multiple_of(PAGE_LEN)
}
