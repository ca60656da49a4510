//! What an import keeps until its commit beyond what memory has room for: sealed bytes, in a file without a name.
//!
//! Nothing of it outlives the import, nor the process: it is no object yet, and is synced by nobody. With the commit each
//! becomes a small object of the store, as if it had stayed in memory.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use chartmesh_protocol::id::ObjectId;

use super::super::request::fresh_name;

/// Sealed small objects of one import.
#[derive(Debug, Default)]
pub(super) struct Spool {
    file: Option<File>,
    end: u64,
    places: HashMap<ObjectId, (u64, usize)>,
}

impl Spool {
    /// Keeps an object; `dir` is on the disk of the data.
    pub(super) fn keep(&mut self, dir: &Path, object: ObjectId, bytes: &[u8]) -> io::Result<()> {
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(nameless(dir)?),
        };
        file.write_all_at(bytes, self.end)?;
        self.places.insert(object, (self.end, bytes.len()));
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// An object that was kept.
    pub(super) fn get(&self, object: ObjectId) -> io::Result<Option<Vec<u8>>> {
        let (Some(file), Some(&(at, len))) = (&self.file, self.places.get(&object)) else {
            return Ok(None);
        };
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, at)?;
        Ok(Some(bytes))
    }
}

/// A file that goes with its last handle, whatever becomes of the process.
fn nameless(dir: &Path) -> io::Result<File> {
    let path = dir.join(format!("import-{}", fresh_name()));
    let file =
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_the_folder_shows_nothing_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let object = |n: u8| ObjectId([n; 32]);
        let mut spool = Spool::default();
        assert_eq!(spool.get(object(1)).unwrap(), None);
        for n in 1..4 {
            spool.keep(dir.path(), object(n), &vec![n; 1000 * usize::from(n)]).unwrap();
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        for n in 1..4 {
            assert_eq!(spool.get(object(n)).unwrap().unwrap(), vec![n; 1000 * usize::from(n)]);
        }
        assert_eq!(spool.get(object(4)).unwrap(), None);
    }
}
