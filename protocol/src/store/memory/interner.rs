//! What many stores of one simulation have in common, and keep once.

use super::rows::{Chunk, Row};
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

/// Values shorter than this are not worth looking for.
const WORTH_BYTES: usize = 128;

/// Rows and values that stores were found to have, by hash. A federation of two hundred members is half a
/// megabyte at each of a hundred thousand relays, and the same half megabyte.
#[derive(Debug, Default)]
pub struct Interner {
    chunks: BTreeMap<u128, Weak<Chunk>>,
    values: BTreeMap<u128, Weak<[u8]>>,
}

impl Interner {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets what only one store has: to be called now and then, since most of what is new is nobody
    /// else's and is kept track of in vain.
    pub fn forget_single(&mut self) {
        self.chunks.retain(|_, chunk| chunk.strong_count() > 1);
        self.values.retain(|_, value| value.strong_count() > 1);
    }

    fn value(&mut self, value: &mut Arc<[u8]>) {
        if value.len() < WORTH_BYTES {
            return;
        }
        let known = self
            .values
            .entry(first_half(blake3::hash(value)))
            .or_insert_with(|| Arc::downgrade(value));
        match known.upgrade() {
            Some(known) => *value = known,
            None => *known = Arc::downgrade(value),
        }
    }

    pub(super) fn chunk(&mut self, mut chunk: Chunk) -> Arc<Chunk> {
        let place = hash_of(&chunk.rows);
        if let Some(known) = self.chunks.get(&place).and_then(Weak::upgrade) {
            return known;
        }
        chunk.rows.iter_mut().for_each(|row| self.value(&mut row.value));
        let chunk = Arc::new(chunk);
        self.chunks.insert(place, Arc::downgrade(&chunk));
        chunk
    }
}

fn hash_of(rows: &[Row]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for Row { key, value, .. } in rows {
        hasher.update(&(key.len() as u64).to_le_bytes()).update(key);
        hasher.update(&(value.len() as u64).to_le_bytes()).update(value);
    }
    first_half(hasher.finalize())
}

fn first_half(hash: blake3::Hash) -> u128 {
    u128::from_le_bytes(*hash.as_bytes().first_chunk().expect("32 bytes have a first 16"))
}
