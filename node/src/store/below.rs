//! What a store is kept on, whatever it is: there is one compiled store, for the file and for tests.

use std::io;

use redb::StorageBackend;

/// A file, or what a test puts in its place.
#[derive(Debug)]
pub(super) struct Below(pub(super) Box<dyn StorageBackend>);

impl StorageBackend for Below {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}
