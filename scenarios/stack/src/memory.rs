//! A disk for redb in memory, in pages that exist once they are written.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// Bytes of a page: what the node's store encrypts at a time, so that pages are written whole.
const PAGE: usize = 4096;

/// A file in memory. Clones are the same file, so that it outlives the node that has it open.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryFile(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    len: u64,
    pages: HashMap<u64, Box<[u8; PAGE]>>,
}

impl MemoryFile {
    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that it takes in memory.
    pub(crate) fn size(&self) -> usize {
        self.lock().pages.len() * PAGE
    }
}

/// The page of an offset, and where in it.
fn split(offset: u64) -> (u64, usize) {
    let within = usize::try_from(offset % PAGE as u64).expect("less than a page");
    (offset / PAGE as u64, within)
}

impl StorageBackend for MemoryFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().len)
    }

    fn read(&self, mut offset: u64, mut out: &mut [u8]) -> io::Result<()> {
        let file = self.lock();
        if offset.saturating_add(out.len() as u64) > file.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while !out.is_empty() {
            let (page, within) = split(offset);
            let n = out.len().min(PAGE - within);
            let (now, later) = out.split_at_mut(n);
            match file.pages.get(&page) {
                Some(page) => now.copy_from_slice(&page[within..within + n]),
                None => now.fill(0),
            }
            out = later;
            offset += n as u64;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut file = self.lock();
        if len < file.len {
            let (kept, within) = split(len);
            file.pages.retain(|page, _| *page < kept || (*page == kept && within > 0));
            if let Some(last) = file.pages.get_mut(&kept) {
                last[within..].fill(0);
            }
        }
        file.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, mut offset: u64, mut data: &[u8]) -> io::Result<()> {
        let mut file = self.lock();
        if offset.saturating_add(data.len() as u64) > file.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while !data.is_empty() {
            let (page, within) = split(offset);
            let n = data.len().min(PAGE - within);
            let page = file.pages.entry(page).or_insert_with(|| Box::new([0; PAGE]));
            page[within..within + n].copy_from_slice(&data[..n]);
            data = &data[n..];
            offset += n as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_a_file_does() {
        let file = MemoryFile::default();
        file.set_len(10_000).unwrap();
        file.write(4090, b"across pages").unwrap();
        let mut out = [1; 14];
        file.read(4089, &mut out).unwrap();
        assert_eq!(&out, b"\0across pages\0");
        assert!(file.read(9_990, &mut out).is_err() && file.write(9_990, &out).is_err());
        file.set_len(4096).unwrap();
        file.set_len(10_000).unwrap();
        file.read(4089, &mut out).unwrap();
        assert_eq!(&out, b"\0across\0\0\0\0\0\0\0", "what was cut off is zeros");
        assert_eq!(file.size(), PAGE);
    }
}
