//! The rows of one table, in chunks that several stores may have in common.

use std::sync::Arc;

/// Rows of one chunk at most, while nobody shares it.
const CHUNK_ROWS: usize = 64;
/// In what is shared, one key of so many begins a chunk: the same rows are then cut the same way in each
/// store, whatever stands between them elsewhere.
const BOUNDARY: u64 = 16;

/// Key and value. A value may stand in several stores at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The first bytes of the key: most keys are ids, and a search then looks at nothing else.
    prefix: u64,
    pub(super) key: Box<[u8]>,
    pub(super) value: Arc<[u8]>,
}

impl Row {
    fn new(key: &[u8], value: &[u8]) -> Self {
        Self { prefix: prefix(key), key: key.into(), value: value.into() }
    }
}

/// The first eight bytes of a key, in whose order keys are.
fn prefix(key: &[u8]) -> u64 {
    match key.first_chunk() {
        Some(first) => u64::from_be_bytes(*first),
        None => {
            let mut first = [0; 8];
            first[..key.len()].copy_from_slice(key);
            u64::from_be_bytes(first)
        }
    }
}

/// Rows in ascending order of keys; never none.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) rows: Vec<Row>,
    /// Whether it is as it was when it was last compared with what others have.
    pub(super) compared: bool,
}

/// All rows of one table, in ascending order of keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    chunks: Vec<Arc<Chunk>>,
    /// The prefix of each chunk's first key.
    firsts: Vec<u64>,
}

impl Chunk {
    fn first(&self) -> &[u8] {
        self.rows.first().map_or(&[], |row| &row.key)
    }

    fn find(&self, key: &[u8]) -> Result<usize, usize> {
        let prefix = prefix(key);
        self.rows.binary_search_by(|row| row.prefix.cmp(&prefix).then_with(|| (*row.key).cmp(key)))
    }
}

impl Rows {
    /// The chunk that has `key`, if any has.
    fn chunk_of(&self, key: &[u8]) -> usize {
        let prefix = prefix(key);
        let after = self.firsts.partition_point(|first| *first <= prefix);
        // Among those whose first keys begin alike, the rest of the keys decides.
        let alike = self.firsts[..after].iter().rev().take_while(|first| **first == prefix).count();
        let begin = after - alike;
        let within = self.chunks[begin..after].partition_point(|chunk| chunk.first() <= key);
        (begin + within).saturating_sub(1)
    }

    /// Puts a chunk before the one at `at`.
    fn insert(&mut self, at: usize, rows: Vec<Row>) {
        self.firsts.insert(at, rows.first().map_or(0, |row| row.prefix));
        self.chunks.insert(at, Arc::new(Chunk { rows, compared: false }));
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Arc<[u8]>> {
        let chunk = self.chunks.get(self.chunk_of(key))?;
        chunk.find(key).ok().map(|at| &chunk.rows[at].value)
    }

    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) {
        let at = self.chunk_of(key);
        let Some(chunk) = self.chunks.get_mut(at) else {
            return self.insert(0, vec![Row::new(key, value)]);
        };
        let chunk = Arc::make_mut(chunk);
        chunk.compared = false;
        match chunk.find(key) {
            Ok(row) => chunk.rows[row].value = value.into(),
            Err(row) => chunk.rows.insert(row, Row::new(key, value)),
        }
        self.firsts[at] = chunk.rows[0].prefix;
        if chunk.rows.len() > CHUNK_ROWS {
            // Numbers are put in ascending order: what is before them is full and stays so.
            let last = chunk.find(key) == Ok(chunk.rows.len() - 1);
            let cut = if last { CHUNK_ROWS } else { CHUNK_ROWS / 2 };
            let rows = chunk.rows.split_off(cut);
            self.insert(at + 1, rows);
        }
    }

    pub(super) fn delete(&mut self, key: &[u8]) {
        let at = self.chunk_of(key);
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        let Ok(row) = chunk.find(key) else { return };
        if chunk.rows.len() == 1 {
            self.chunks.remove(at);
            self.firsts.remove(at);
        } else {
            let chunk = Arc::make_mut(chunk);
            chunk.compared = false;
            chunk.rows.remove(row);
            self.firsts[at] = chunk.rows[0].prefix;
        }
    }

    /// The rows from `key` on.
    pub(super) fn from(&self, key: &[u8]) -> impl Iterator<Item = &Row> {
        let at = self.chunk_of(key);
        let begin = self.chunks.get(at).map_or(0, |chunk| chunk.find(key).unwrap_or_else(|at| at));
        self.chunks[at.min(self.chunks.len())..].iter().flat_map(|chunk| &chunk.rows).skip(begin)
    }

    /// The rows before `key`, or all, the last first.
    pub(super) fn before(&self, key: Option<&[u8]>) -> impl Iterator<Item = &Row> {
        let at = key.map_or(self.chunks.len(), |key| self.chunk_of(key));
        let (whole, rest) = self.chunks.split_at(at.min(self.chunks.len()));
        let part = match (key, rest.first()) {
            (Some(key), Some(chunk)) => &chunk.rows[..chunk.find(key).unwrap_or_else(|at| at)],
            _ => &[],
        };
        part.iter().rev().chain(whole.iter().rev().flat_map(|chunk| chunk.rows.iter().rev()))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Row> {
        self.chunks.iter().flat_map(|chunk| &chunk.rows)
    }

    /// Gives every chunk that has changed to `shared`, cut where keys say so, and takes what that gives
    /// back.
    pub(super) fn intern(&mut self, mut shared: impl FnMut(Chunk) -> Arc<Chunk>) {
        if self.chunks.iter().all(|chunk| chunk.compared) {
            return;
        }
        let mut chunks = Vec::with_capacity(self.chunks.len());
        let mut piece: Vec<Row> = Vec::new();
        for chunk in core::mem::take(&mut self.chunks) {
            if chunk.compared {
                cut(&mut piece, &mut chunks, &mut shared);
                chunks.push(chunk);
                continue;
            }
            for row in Arc::unwrap_or_clone(chunk).rows {
                if begins_a_chunk(&row.key) || piece.len() == CHUNK_ROWS {
                    cut(&mut piece, &mut chunks, &mut shared);
                }
                piece.push(row);
            }
        }
        cut(&mut piece, &mut chunks, &mut shared);
        chunks.shrink_to_fit();
        self.firsts = chunks.iter().map(|chunk| chunk.rows[0].prefix).collect();
        self.chunks = chunks;
    }
}

fn cut(
    piece: &mut Vec<Row>,
    chunks: &mut Vec<Arc<Chunk>>,
    shared: &mut impl FnMut(Chunk) -> Arc<Chunk>,
) {
    if !piece.is_empty() {
        let mut rows = core::mem::take(piece);
        rows.shrink_to_fit();
        chunks.push(shared(Chunk { rows, compared: true }));
    }
}

fn begins_a_chunk(key: &[u8]) -> bool {
    // FNV-1a: keys are ids or numbers, and nobody gains by choosing them.
    let hash = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (hash >> 32).is_multiple_of(BOUNDARY)
}
