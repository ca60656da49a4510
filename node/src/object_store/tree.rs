//! Where everything stands in an object's hash tree.
//!
//! BLAKE3 hashes a file as a binary tree over chunks of 1 KiB. What is kept of that tree is all
//! above GROUPS of 16 chunks (16 KiB): for `n` groups, `n - 1` inner nodes, each a pair of 32-byte
//! child hashes. A node over `n` groups has the largest power of two below `n` on its left. The
//! OUTBOARD file holds the pairs in post order (left subtree, right subtree, self), so that a
//! writer who does not know the length yet only ever appends, and the pairs of any 1 MiB lie
//! together. These are the bytes of `bao-tree` 0.17's post-order outboard with
//! `BlockSize::from_chunk_log(4)`; a test compares them.

use blake3::hazmat::{HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root};

/// Bytes in a group, the smallest piece that can be verified on its own.
pub const GROUP: u64 = 16 * 1024;

/// [`GROUP`] for indexing.
pub(crate) const GROUP_LEN: usize = 16 * 1024;

/// Bytes in a pair of child hashes.
pub const PAIR: usize = 64;

/// A hash of a subtree.
pub(crate) type Hash = [u8; 32];

/// The number of groups of an object; an empty one has one, empty, group.
#[must_use]
pub const fn groups(len: u64) -> u64 {
    if len == 0 { 1 } else { len.div_ceil(GROUP) }
}

/// The length of the outboard of an object, in bytes; 0 for an object of one group.
#[must_use]
pub const fn outboard_len(len: u64) -> u64 {
    // The product stays below 2^64: groups(len) is at most 2^50.
    (groups(len) - 1) * PAIR as u64
}

/// A node: the subtree over `groups` groups from number `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) start: u64,
    pub(crate) groups: u64,
    /// Number of pairs in the outboard before this subtree's.
    before: u64,
}

impl Node {
    pub(crate) const fn root(len: u64) -> Self {
        Self { start: 0, groups: groups(len), before: 0 }
    }

    pub(crate) const fn is_group(self) -> bool {
        self.groups == 1
    }

    pub(crate) const fn end(self) -> u64 {
        self.start + self.groups
    }

    /// The place of this node's pair in the outboard, counted in pairs. Only for inner nodes.
    pub(crate) const fn pair_index(self) -> u64 {
        self.before + self.groups - 2
    }

    /// The two children. Only for inner nodes.
    pub(crate) const fn children(self) -> (Self, Self) {
        let left = self.groups.next_power_of_two() / 2;
        (
            Self { start: self.start, groups: left, before: self.before },
            Self {
                start: self.start + left,
                groups: self.groups - left,
                before: self.before + left - 1,
            },
        )
    }
}

/// The inner nodes, in pre order, that a transfer from group `start` on must send before the
/// groups `from..to`: those whose first wanted group lies among them.
pub(crate) fn nodes_before(len: u64, start: u64, from: u64, to: u64) -> Vec<Node> {
    fn visit(node: Node, start: u64, from: u64, to: u64, found: &mut Vec<Node>) {
        if node.is_group() || node.end() <= from || node.start >= to {
            return;
        }
        if node.start.max(start) >= from {
            found.push(node);
        }
        let (left, right) = node.children();
        visit(left, start, from, to, found);
        visit(right, start, from, to, found);
    }
    let mut found = Vec::new();
    visit(Node::root(len), start, from, to, &mut found);
    found
}

/// The hash of a group that is not the whole object.
pub(crate) fn group_hash(group: u64, bytes: &[u8]) -> Hash {
    blake3::Hasher::new().set_input_offset(group * GROUP).update(bytes).finalize_non_root()
}

/// The hash of an inner node from its pair.
pub(crate) fn pair_hash(pair: &[u8; PAIR], is_root: bool) -> Hash {
    let (left, right) = split_pair(pair);
    if is_root {
        *merge_subtrees_root(&left, &right, Mode::Hash).as_bytes()
    } else {
        merge_subtrees_non_root(&left, &right, Mode::Hash)
    }
}

pub(crate) fn split_pair(pair: &[u8; PAIR]) -> (Hash, Hash) {
    let (mut left, mut right) = ([0; 32], [0; 32]);
    left.copy_from_slice(&pair[..32]);
    right.copy_from_slice(&pair[32..]);
    (left, right)
}

/// Builds the tree over a stream of groups: pairs come out in outboard order, the root at the end.
/// Memory: one hash per level.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    stack: Vec<Hash>,
    groups: u64,
}

impl Builder {
    /// Takes the next group, which more groups follow, and appends the pairs it completes.
    pub(crate) fn push(&mut self, bytes: &[u8], pairs: &mut Vec<u8>) {
        self.stack.push(group_hash(self.groups, bytes));
        self.groups += 1;
        for _ in 0..self.groups.trailing_zeros() {
            self.merge(false, pairs);
        }
    }

    /// Takes the last group, appends the remaining pairs and tells the root.
    pub(crate) fn finish(mut self, last: &[u8], pairs: &mut Vec<u8>) -> Hash {
        if self.groups == 0 {
            return *blake3::hash(last).as_bytes();
        }
        self.stack.push(group_hash(self.groups, last));
        while self.stack.len() > 1 {
            self.merge(self.stack.len() == 2, pairs);
        }
        self.stack[0]
    }

    fn merge(&mut self, is_root: bool, pairs: &mut Vec<u8>) {
        let right = self.stack.pop().expect("a merge has two hashes on the stack");
        let left = self.stack.pop().expect("a merge has two hashes on the stack");
        let mut pair = [0; PAIR];
        pair[..32].copy_from_slice(&left);
        pair[32..].copy_from_slice(&right);
        pairs.extend_from_slice(&pair);
        self.stack.push(pair_hash(&pair, is_root));
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "objects of tests fit in memory")]
mod tests {
    use super::*;
    use bao_tree::BlockSize;
    use bao_tree::io::outboard::PostOrderMemOutboard;

    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 31 % 251) as u8).collect()
    }

    const LENGTHS: [usize; 15] = [
        0, 1, 1024, 16_383, 16_384, 16_385, 32_768, 49_152, 49_153, 81_920, 98_304, 131_072,
        1_048_576, 1_100_000, 2_500_001,
    ];

    #[test]
    fn outboard_and_id_are_those_of_bao_tree_and_b3sum() {
        for len in LENGTHS {
            let data = bytes(len);
            let theirs = PostOrderMemOutboard::create(&data, BlockSize::from_chunk_log(4));
            let mut pairs = Vec::new();
            let mut builder = Builder::default();
            let full = (groups(len as u64) - 1) as usize * GROUP_LEN;
            data[..full].chunks(GROUP_LEN).for_each(|group| builder.push(group, &mut pairs));
            let root = builder.finish(&data[full..], &mut pairs);
            assert_eq!(root, *theirs.root.as_bytes(), "{len}");
            assert_eq!(root, *blake3::hash(&data).as_bytes(), "{len}");
            assert_eq!(pairs, theirs.data, "{len}");
            assert_eq!(pairs.len() as u64, outboard_len(len as u64));
        }
    }

    #[test]
    fn every_pair_is_sent_once_and_only_when_wanted() {
        for len in LENGTHS.map(|len| len as u64) {
            let total = groups(len);
            for start in 0..total {
                let mut sent = Vec::new();
                let mut from = start;
                while from < total {
                    let to = ((from / 4 + 1) * 4).min(total);
                    sent.extend(nodes_before(len, start, from, to));
                    from = to;
                }
                assert_eq!(sent, nodes_before(len, start, start, total));
                assert!(sent.iter().all(|node| node.end() > start));
                let mut indices: Vec<_> = sent.iter().map(|node| node.pair_index()).collect();
                indices.sort_unstable();
                indices.dedup();
                assert_eq!(indices.len(), sent.len());
                if start == 0 {
                    assert_eq!(sent.len() as u64, total - 1);
                    assert!(indices.iter().enumerate().all(|(i, index)| i as u64 == *index));
                }
            }
        }
    }
}
