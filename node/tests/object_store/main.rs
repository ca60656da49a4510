//! The object folder and the transfers that fill it, on disks that fill up, lie and lose their power, and
//! against what bao-tree says of every object.
#![expect(clippy::cast_possible_truncation, reason = "objects of tests fit in memory")]

mod folder;
mod power_cuts;
mod transfers;
mod vectors;

use bao_tree::BlockSize;
use bao_tree::io::outboard::PostOrderMemOutboard;
use chartmesh_node::disk::Disk;
use chartmesh_node::object_store::tree::{self, GROUP, PAIR};
use chartmesh_node::object_store::{BATCH, ObjectError, Partial, Verifier};
use chartmesh_protocol::id::{ObjectId, TransferId};

const ROOT: &str = "/store";
const TRANSFER: TransferId = TransferId([9; 16]);

/// An object's bytes that no other length or seed begins with.
fn object(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8 ^ seed).collect()
}

fn id_of(data: &[u8]) -> ObjectId {
    ObjectId(*blake3::hash(data).as_bytes())
}

/// The pairs that a sender puts before the batch at `offset` of a transfer from `start` on.
fn pairs_for(data: &[u8], start: u64, offset: u64) -> Vec<u8> {
    let outboard = PostOrderMemOutboard::create(data, BlockSize::from_chunk_log(4));
    let groups = tree::groups(data.len() as u64);
    let (from, to) = (offset / GROUP, ((offset / BATCH + 1) * BATCH / GROUP).min(groups));
    let mut pairs = Vec::new();
    // Subtrees in pre order: the first group, how many, and how many pairs the outboard has before theirs.
    let mut subtrees = vec![(0, groups, 0)];
    while let Some((first, groups, before)) = subtrees.pop() {
        if groups == 1 || first + groups <= from || first >= to {
            continue;
        }
        if first.max(start / GROUP) >= from {
            let at = (before + groups - 2) as usize * PAIR;
            pairs.extend_from_slice(&outboard.data[at..][..PAIR]);
        }
        let left = groups.next_power_of_two() / 2;
        subtrees.push((first + left, groups - left, before + left - 1));
        subtrees.push((first, left, before));
    }
    pairs
}

/// Gives the next group to a partial object, as a transfer that breaks off after each would.
fn feed_one<D: Disk>(partial: &mut Partial<D>, data: &[u8]) -> Result<(), ObjectError> {
    let from = partial.next_offset();
    let mut verifier = Verifier::new(partial.id(), partial.len(), from);
    let pairs = pairs_for(data, from, from);
    let rest = &data[from as usize..];
    let shape = verifier.next_batch().unwrap();
    let verified = if shape.bytes as u64 <= GROUP {
        Some(verifier.check(&pairs, &rest[..shape.bytes]).unwrap())
    } else {
        verifier.check_rest(&pairs, &rest[..GROUP as usize]).unwrap()
    };
    partial.accept(&verified.unwrap())
}
