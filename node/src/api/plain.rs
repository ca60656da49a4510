//! A content in the clear: its sealed object is read and opened, a chunk at a time.

use chartmesh_protocol::limits::SMALL_OBJECT_BYTES_MAX;
use chartmesh_protocol::object::{DataKey, Opener};
use chartmesh_protocol::record::ContentKey;

use super::problem::{Outcome, Problem};
use super::reasons::Reason;
use crate::disk::AnyDisk;
use crate::driver::Handle;
use crate::object_store::{ObjectError, ObjectReader};

/// Where a sealed object's bytes are.
pub(super) enum Source {
    Small(Vec<u8>),
    File(ObjectReader<AnyDisk>),
}

/// Finds the object, and checks what can be checked before the first byte.
pub(super) fn begin(handle: &Handle, content: &ContentKey) -> Outcome<(Source, Opener)> {
    let object = content.object;
    let small = if content.length <= SMALL_OBJECT_BYTES_MAX as u64 {
        handle.read(|peer, txn, _| peer.small_object(txn, object))?
    } else {
        None
    };
    let source = match small {
        Some(bytes) => Source::Small(bytes),
        None => {
            Source::File(handle.objects().open_object(object).map_err(|error| match error {
                ObjectError::Missing(_) => Reason::ContentElsewhere.into(),
                error => Problem::from(error),
            })?)
        }
    };
    let key = DataKey::from_bytes(content.key);
    let opener = Opener::new(key, object, content.plaintext_length)
        .map_err(|error| Reason::ContentDamaged { why: error.to_string() })?;
    Ok((source, opener))
}

/// Why a content ends before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamError {
    #[error(transparent)]
    Disk(#[from] ObjectError),
    #[error(transparent)]
    Open(#[from] chartmesh_protocol::object::OpenError),
}

/// Opens the object from its first byte to its last, a chunk at a time, as long as `take` wants more.
pub(super) fn stream(
    source: &Source,
    mut opener: Opener,
    mut take: impl FnMut(&[u8]) -> bool,
) -> Result<(), StreamError> {
    let mut offset = 0;
    loop {
        let space = opener.space();
        let read = source.read(space, offset)?;
        if read == 0 {
            break;
        }
        offset += read as u64;
        let plain = opener.advance(read)?;
        if !plain.is_empty() && !take(plain) {
            return Ok(());
        }
    }
    let mut last = Vec::new();
    opener.finish(&mut last)?;
    take(&last);
    Ok(())
}

impl Source {
    /// Fills `space` from `offset` as far as there is something.
    fn read(&self, space: &mut [u8], offset: u64) -> Result<usize, ObjectError> {
        let length = match self {
            Self::Small(bytes) => bytes.len() as u64,
            Self::File(file) => file.len(),
        };
        let left = usize::try_from(length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let read = left.min(space.len());
        match self {
            Self::Small(bytes) => {
                let from = bytes.len() - left;
                space[..read].copy_from_slice(&bytes[from..from + read]);
            }
            Self::File(file) => file.read_at(&mut space[..read], offset)?,
        }
        Ok(read)
    }
}
