//! Where a sender takes an object from.

use std::sync::Arc;

use chartmesh_protocol::id::ObjectId;

use crate::disk::{AnyDisk, Disk};
use crate::object_store::tree::{self, Builder, GROUP_LEN, Node, PAIR};
use crate::object_store::{ObjectError, ObjectFolder, ObjectReader, Shape};

/// An object to send. Neither kind is hashed again: the outboard was made when it came.
#[derive(Debug)]
pub enum Source<D: Disk = AnyDisk> {
    /// An object in a folder.
    File(ObjectReader<D>),
    /// An object in memory.
    Bytes(InMemory),
}

/// A small object that is held in memory. Clones share its bytes.
#[derive(Clone, Debug)]
pub struct InMemory {
    id: ObjectId,
    data: Arc<[u8]>,
    outboard: Arc<[u8]>,
}

impl InMemory {
    /// Hashes the bytes of an object.
    #[must_use]
    pub fn new(data: Arc<[u8]>) -> Self {
        let (mut builder, mut outboard) = (Builder::default(), Vec::new());
        let last = data.len().saturating_sub(1) / GROUP_LEN * GROUP_LEN;
        data[..last].chunks(GROUP_LEN).for_each(|group| builder.push(group, &mut outboard));
        let id = ObjectId(builder.finish(&data[last..], &mut outboard));
        Self { id, data, outboard: outboard.into() }
    }

    /// The object's id.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        self.id
    }
}

impl<D: Disk> Source<D> {
    /// The object's length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::File(reader) => reader.len(),
            Self::Bytes(memory) => memory.data.len() as u64,
        }
    }

    /// Whether the object has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the pairs of `nodes` and the bytes of the batch to `out`.
    pub(super) fn append(
        &self,
        shape: Shape,
        nodes: &[Node],
        out: &mut Vec<u8>,
    ) -> Result<(), ObjectError> {
        let pairs = out.len();
        let bytes = pairs + nodes.len() * PAIR;
        out.resize(bytes + shape.bytes, 0);
        match self {
            Self::File(reader) => {
                reader.read_pairs(nodes, &mut out[pairs..bytes])?;
                reader.read_at(&mut out[bytes..], shape.offset)
            }
            Self::Bytes(memory) => {
                let at = |offset: u64| usize::try_from(offset).expect("it is in memory");
                for (node, pair) in nodes.iter().zip(out[pairs..].chunks_mut(PAIR)) {
                    let from = at(node.pair_index()) * PAIR;
                    pair.copy_from_slice(&memory.outboard[from..from + PAIR]);
                }
                let from = at(shape.offset);
                out[bytes..].copy_from_slice(&memory.data[from..from + shape.bytes]);
                Ok(())
            }
        }
    }
}

/// Finds the objects that may be asked for. A folder is one; a caller with objects in memory wraps
/// it. Called on a blocking thread.
pub trait Library: Send + Sync + 'static {
    /// The disk below its files.
    type Disk: Disk;

    /// The object, or none.
    ///
    /// # Errors
    /// [`ObjectError`] when it is here and cannot be read.
    fn find(&self, object: ObjectId) -> Result<Option<Source<Self::Disk>>, ObjectError>;
}

impl<D: Disk> Library for ObjectFolder<D> {
    type Disk = D;

    fn find(&self, object: ObjectId) -> Result<Option<Source<D>>, ObjectError> {
        match self.open_object(object) {
            Ok(reader) => Ok(Some(Source::File(reader))),
            Err(ObjectError::Missing(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }
}

/// The largest start that can be asked for in an object of this length.
pub(super) fn start_is_good(start: u64, len: u64) -> bool {
    start == 0 || (start < len && start.is_multiple_of(tree::GROUP))
}
