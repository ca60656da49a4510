//! Checks what a peer sends against the object's id, before anyone else sees it.

use chartmesh_protocol::id::ObjectId;

use super::tree::{self, GROUP, GROUP_LEN, Hash, Node, PAIR};

/// Bytes that are verified, written and sent together: large enough that calls and hand-overs cost
/// nothing, small enough to stay in a processor's cache. Part of the wire format.
pub const BATCH: u64 = 512 * 1024;

/// Groups in a batch.
const BATCH_GROUPS: u64 = BATCH / GROUP;

/// The next batch of a transfer: all groups up to the next multiple of [`BATCH`], or to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Where its bytes stand in the object.
    pub offset: u64,
    /// Number of its bytes, at most [`BATCH`].
    pub bytes: usize,
    /// Number of the pairs of hashes that come before the bytes; at most one for each group, and
    /// in a transfer's first batch one more for each level above.
    pub pairs: usize,
}

/// The shape of the batch at `offset`, and the inner nodes whose pairs precede it. `None` at the end.
pub(crate) fn batch(len: u64, start: u64, offset: u64) -> Option<(Shape, Vec<Node>)> {
    if offset >= len {
        return None;
    }
    let from = offset / GROUP;
    let to = ((from / BATCH_GROUPS + 1) * BATCH_GROUPS).min(tree::groups(len));
    let nodes = tree::nodes_before(len, start / GROUP, from, to);
    let bytes = (to * GROUP).min(len) - offset;
    let bytes = usize::try_from(bytes).expect("a batch is at most BATCH bytes");
    Some((Shape { offset, bytes, pairs: nodes.len() }, nodes))
}

/// A batch that was verified. Only a [`Verifier`] can make one.
#[derive(Debug)]
pub struct Verified<'a> {
    pub(super) id: ObjectId,
    pub(super) len: u64,
    pub(super) offset: u64,
    pub(super) data: &'a [u8],
    /// Place in the outboard, and the pair.
    pub(super) pairs: Vec<(u64, [u8; PAIR])>,
}

impl Verified<'_> {
    /// Where the bytes end in the object.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset + self.data.len() as u64
    }
}

/// What arrived is not the object that was asked for: whoever sent it is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes at {offset} do not belong to the object")]
pub struct NotTheObject {
    /// Where the first wrong group, or the first group below the wrong pair of hashes, begins.
    pub offset: u64,
}

/// Verifies one transfer, batch by batch, from the root of the tree down. Nothing that the sender
/// says is believed before its hash was; the stack holds what is believed and not yet used.
#[derive(Debug)]
pub struct Verifier {
    id: ObjectId,
    len: u64,
    start: u64,
    next: u64,
    stack: Vec<(Node, Hash)>,
}

impl Verifier {
    /// Verifies the object `id` of `len` bytes from the byte `start` on, a multiple of [`GROUP`].
    #[must_use]
    pub fn new(id: ObjectId, len: u64, start: u64) -> Self {
        debug_assert!(start.is_multiple_of(GROUP));
        Self { id, len, start, next: start, stack: vec![(Node::root(len), id.0)] }
    }

    /// What to read next; `None` when all was verified.
    #[must_use]
    pub fn next_batch(&self) -> Option<Shape> {
        batch(self.len, self.start, self.next).map(|(shape, _)| shape)
    }

    /// Checks a batch of the announced shape.
    ///
    /// # Errors
    /// [`NotTheObject`]; the transfer cannot go on then.
    pub fn check<'a>(
        &mut self,
        pairs: &[u8],
        data: &'a [u8],
    ) -> Result<Verified<'a>, NotTheObject> {
        let wrong = |node: Node| NotTheObject { offset: node.start * GROUP };
        let offset = self.next;
        let mut pairs = pairs.chunks_exact(PAIR);
        let mut kept = Vec::with_capacity(pairs.len());
        let mut groups = data.chunks(GROUP_LEN);
        let end = (offset + data.len() as u64).div_ceil(GROUP).max(1);
        while let Some((node, expected)) = self.stack.pop_if(|(node, _)| node.start < end) {
            let is_root = node == Node::root(self.len);
            if node.is_group() {
                let group = groups.next().unwrap_or_default();
                let found = if is_root {
                    *blake3::hash(group).as_bytes()
                } else if group.is_empty() {
                    return Err(wrong(node));
                } else {
                    tree::group_hash(node.start, group)
                };
                if found != expected {
                    return Err(wrong(node));
                }
            } else {
                let pair = pairs.next().and_then(|pair| pair.try_into().ok());
                let pair: &[u8; PAIR] = pair.ok_or_else(|| wrong(node))?;
                if tree::pair_hash(pair, is_root) != expected {
                    return Err(wrong(node));
                }
                kept.push((node.pair_index(), *pair));
                let (left, right) = node.children();
                let (left_hash, right_hash) = tree::split_pair(pair);
                self.stack.push((right, right_hash));
                if left.end() > self.start / GROUP {
                    self.stack.push((left, left_hash));
                }
            }
        }
        self.next = offset + data.len() as u64;
        Ok(Verified { id: self.id, len: self.len, offset, data, pairs: kept })
    }

    /// Checks the whole groups of a batch that broke off. All its pairs must be there. The transfer
    /// cannot go on after that.
    ///
    /// # Errors
    /// [`NotTheObject`]; nothing when there is no whole group.
    pub fn check_rest<'a>(
        &mut self,
        pairs: &[u8],
        data: &'a [u8],
    ) -> Result<Option<Verified<'a>>, NotTheObject> {
        let whole = data.len() / GROUP_LEN * GROUP_LEN;
        let shape = self.next_batch();
        if whole == 0 || shape.is_none_or(|shape| pairs.len() != shape.pairs * PAIR) {
            return Ok(None);
        }
        let shape = self.next / GROUP;
        let end = shape + (whole / GROUP_LEN) as u64;
        // Pairs of nodes that begin behind the whole groups are not looked at: keep those before.
        let wanted = tree::nodes_before(self.len, self.start / GROUP, shape, end).len();
        self.check(&pairs[..wanted * PAIR], &data[..whole]).map(Some)
    }
}
