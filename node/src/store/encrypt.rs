//! The layer between redb and the disk: every page but redb's page 0 is AES-256-XTS.
//!
//! The page's number is the tweak, as IEEE 1619 has it (little endian). The module doc of
//! [`super`] says why page 0 is clear and why all-zero sectors are zeros.

use std::fmt;
use std::io;
use std::sync::Mutex;

use redb::StorageBackend;
use zeroize::Zeroizing;

use super::header::{HEADER_LEN, XTS_KEYS_LEN};
use super::xts::Xts;

/// redb's page, and the unit of encryption.
pub(super) const PAGE_LEN: u64 = 4096;
const PAGE: usize = 4096;

/// What a disk writes whole; space is known to be unwritten by this much at a time.
const SECTOR: usize = 512;
static UNWRITTEN: [u8; SECTOR] = [0; SECTOR];

/// The part of redb's page 0 that is in use.
const CLEAR_LEN: u64 = 320;

/// Encrypts for redb what `inner` keeps; the bytes before [`HEADER_LEN`] are not redb's.
pub(super) struct EncryptingBackend<B> {
    inner: B,
    cipher: Xts,
    /// Held while a page is read, changed and written back, so that two writes to different
    /// parts of one page cannot undo each other.
    partial: Mutex<()>,
}

impl<B: StorageBackend> EncryptingBackend<B> {
    pub(super) fn new(inner: B, keys: &Zeroizing<[u8; XTS_KEYS_LEN]>) -> Self {
        Self { inner, cipher: Xts::new(keys), partial: Mutex::new(()) }
    }

    /// Reads and decrypts whole pages from `offset`, a multiple of the page length.
    fn read_pages(&self, offset: u64, pages: &mut [u8]) -> io::Result<()> {
        self.inner.read(HEADER_LEN + offset, pages)?;
        for (page, number) in pages.chunks_exact_mut(PAGE).zip(offset / PAGE_LEN..) {
            if number != 0 {
                self.decrypt(page, number);
            }
        }
        Ok(())
    }

    /// Encrypts and writes whole pages at `offset`, a multiple of the page length, not 0.
    fn write_pages(&self, offset: u64, mut pages: Vec<u8>) -> io::Result<()> {
        for (page, number) in pages.chunks_exact_mut(PAGE).zip(offset / PAGE_LEN..) {
            self.cipher.encrypt(page, number);
        }
        self.inner.write(HEADER_LEN + offset, &pages)
    }

    fn decrypt(&self, page: &mut [u8], number: u64) {
        let mut unwritten = [false; PAGE / SECTOR];
        for (sector, unwritten) in page.chunks_exact(SECTOR).zip(&mut unwritten) {
            *unwritten = *sector == UNWRITTEN;
        }
        if unwritten == [true; PAGE / SECTOR] {
            return;
        }
        self.cipher.decrypt(page, number);
        for (sector, unwritten) in page.chunks_exact_mut(SECTOR).zip(unwritten) {
            if unwritten {
                sector.fill(0);
            }
        }
    }

    /// Writes to page 0, which stays clear.
    fn write_clear(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let in_use = to_usize(CLEAR_LEN.saturating_sub(offset)).min(data.len());
        if data[in_use..].iter().any(|byte| *byte != 0) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "refused to write data into the clear page of the store",
            ));
        }
        self.inner.write(HEADER_LEN + offset, data)
    }

    /// Writes anywhere behind page 0.
    fn write_sealed(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let span = Span::around(offset, data.len());
        if span.is_whole(data.len()) {
            return self.write_pages(offset, data.to_vec());
        }
        // A panic of the holder leaves no state behind that could be wrong.
        let _only_one = self.partial.lock().unwrap_or_else(|e| e.into_inner());
        let mut pages = vec![0; span.len];
        self.read_pages(span.start, &mut pages)?;
        pages[span.skip..span.skip + data.len()].copy_from_slice(data);
        self.write_pages(span.start, pages)
    }

    fn check_end(&self, offset: u64, len: usize) -> io::Result<()> {
        let end = offset.checked_add(len as u64);
        if end.is_none_or(|end| end > u64::MAX - HEADER_LEN) || end > Some(self.len()?) {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "beyond the end of the store",
            ));
        }
        Ok(())
    }
}

impl<B: StorageBackend> StorageBackend for EncryptingBackend<B> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.inner.len()?.saturating_sub(HEADER_LEN))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.check_end(offset, out.len())?;
        let span = Span::around(offset, out.len());
        if span.is_whole(out.len()) {
            return self.read_pages(offset, out);
        }
        let mut pages = Zeroizing::new(vec![0; span.len]);
        self.read_pages(span.start, &mut pages)?;
        out.copy_from_slice(&pages[span.skip..span.skip + out.len()]);
        Ok(())
    }

    /// Only whole pages: half a page could not be decrypted, and redb never asks for one.
    fn set_len(&self, len: u64) -> io::Result<()> {
        if !len.is_multiple_of(PAGE_LEN) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the length of a store is a multiple of its page length",
            ));
        }
        let len = len.checked_add(HEADER_LEN);
        self.inner.set_len(len.ok_or(io::ErrorKind::FileTooLarge)?)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }

    /// Never makes the store longer; redb sets the length first.
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check_end(offset, data.len())?;
        let clear = to_usize(PAGE_LEN.saturating_sub(offset)).min(data.len());
        let (clear, sealed) = data.split_at(clear);
        if !clear.is_empty() {
            self.write_clear(offset, clear)?;
        }
        if !sealed.is_empty() {
            self.write_sealed(offset + clear.len() as u64, sealed)?;
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }
}

impl<B> fmt::Debug for EncryptingBackend<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptingBackend(..)")
    }
}

/// The whole pages around a range of bytes.
struct Span {
    start: u64,
    skip: usize,
    len: usize,
}

impl Span {
    fn around(offset: u64, len: usize) -> Self {
        let skip = to_usize(offset % PAGE_LEN);
        Self { start: offset - offset % PAGE_LEN, skip, len: (skip + len).next_multiple_of(PAGE) }
    }

    fn is_whole(&self, len: usize) -> bool {
        self.skip == 0 && self.len == len
    }
}

/// For numbers that are at most a page.
fn to_usize(within_a_page: u64) -> usize {
    usize::try_from(within_a_page).expect("a page's length fits")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;

    use super::*;

    const PAGES: usize = 4;

    fn backend() -> EncryptingBackend<InMemoryBackend> {
        let mut keys = Zeroizing::new([0; XTS_KEYS_LEN]);
        for (byte, i) in keys.iter_mut().zip(0..) {
            *byte = i;
        }
        let backend = EncryptingBackend::new(InMemoryBackend::new(), &keys);
        backend.set_len(PAGE_LEN * PAGES as u64).unwrap();
        backend
    }

    fn all_of(backend: &impl StorageBackend) -> Vec<u8> {
        let mut out = vec![0; to_usize(backend.len().unwrap())];
        backend.read(0, &mut out).unwrap();
        out
    }

    #[test]
    fn what_was_never_written_reads_as_zeros() {
        assert_eq!(all_of(&backend()), vec![0; PAGE * PAGES]);
    }

    #[test]
    fn equal_pages_do_not_look_equal() {
        let backend = backend();
        backend.write(PAGE_LEN, &[7; PAGE * 2]).unwrap();
        let raw = all_of(&backend.inner);
        let page = |n: usize| &raw[PAGE * (n + 1)..PAGE * (n + 2)];
        assert_ne!(page(1), page(2));
        assert_ne!(page(1), [7; PAGE]);
    }

    #[test]
    fn the_clear_page_takes_roots_and_no_data() {
        let backend = backend();
        let in_use = vec![9; to_usize(CLEAR_LEN)];
        backend.write(0, &in_use).unwrap();
        let raw = all_of(&backend.inner);
        assert_eq!(raw[PAGE..PAGE + in_use.len()], in_use);
        for (offset, data) in [(CLEAR_LEN, vec![1]), (1, in_use), (PAGE_LEN - 1, vec![1, 1])] {
            let refused = backend.write(offset, &data).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
        }
        assert_eq!(all_of(&backend.inner), raw);
    }

    #[test]
    fn nothing_is_read_or_written_beyond_the_end() {
        let backend = backend();
        let end = backend.len().unwrap();
        for offset in [end, end - 1, u64::MAX - 1, u64::MAX - HEADER_LEN] {
            let read = backend.read(offset, &mut [0; 2]).unwrap_err();
            assert_eq!(read.kind(), io::ErrorKind::UnexpectedEof);
            let write = backend.write(offset, &[0; 2]).unwrap_err();
            assert_eq!(write.kind(), io::ErrorKind::UnexpectedEof);
        }
        assert!(backend.set_len(100).is_err());
        assert!(backend.set_len(u64::MAX - PAGE_LEN + 1).is_err());
        assert_eq!(backend.len().unwrap(), end);
    }

    #[test]
    fn a_store_made_shorter_and_longer_again_has_zeros_there() {
        let backend = backend();
        backend.write(PAGE_LEN * 3, &[5; PAGE]).unwrap();
        backend.set_len(PAGE_LEN * 3).unwrap();
        backend.set_len(PAGE_LEN * 4).unwrap();
        assert_eq!(all_of(&backend), vec![0; PAGE * PAGES]);
    }

    /// Writes behind page 0, at any place and of any length.
    fn write() -> impl Strategy<Value = (usize, Vec<u8>)> {
        (PAGE..PAGE * PAGES, 1..PAGE * 2, any::<u8>()).prop_map(|(offset, len, byte)| {
            let len = len.min(PAGE * PAGES - offset);
            (offset, vec![byte; len])
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn reads_give_back_what_was_written(
            writes in proptest::collection::vec(write(), 1..8),
            (start, len) in (0..PAGE * PAGES, 1..PAGE * 2),
        ) {
            let backend = backend();
            let mut expected = vec![0; PAGE * PAGES];
            for (offset, data) in &writes {
                backend.write(*offset as u64, data).unwrap();
                expected[*offset..offset + data.len()].copy_from_slice(data);
            }
            prop_assert!(all_of(&backend) == expected);
            let mut part = vec![0; len.min(PAGE * PAGES - start)];
            backend.read(start as u64, &mut part).unwrap();
            prop_assert!(part == expected[start..start + part.len()]);
        }

        /// The property that lets redb's own crash safety stand for ours.
        #[test]
        fn a_torn_encrypted_write_reads_as_the_same_torn_write_in_clear(
            first in proptest::option::of(write()),
            second in write(),
            kept in any::<u64>(),
        ) {
            let encrypted = backend();
            let mut before = vec![0; PAGE * PAGES];
            if let Some((offset, data)) = first {
                encrypted.write(offset as u64, &data).unwrap();
                before[offset..offset + data.len()].copy_from_slice(&data);
            }
            let raw_before = all_of(&encrypted.inner);
            let mut after = before.clone();
            let (offset, data) = second;
            encrypted.write(offset as u64, &data).unwrap();
            after[offset..offset + data.len()].copy_from_slice(&data);
            let raw_after = all_of(&encrypted.inner);

            let tear = |before: &[u8], after: &[u8]| -> Vec<u8> {
                let sectors = before.chunks(SECTOR).zip(after.chunks(SECTOR)).enumerate();
                sectors
                    .flat_map(|(i, (old, new))| if kept >> i & 1 == 1 { new } else { old })
                    .copied()
                    .collect()
            };
            let raw = tear(&raw_before[PAGE..], &raw_after[PAGE..]);
            encrypted.inner.write(HEADER_LEN, &raw).unwrap();
            prop_assert!(all_of(&encrypted) == tear(&before, &after));
        }
    }
}
