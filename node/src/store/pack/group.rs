//! A group: what several events set together, as one stretch of a pack.
//!
//! ```text
//! page                                                                  page
//! | head: number, length | body | body | ... | rows: number, all else |  zeros  | next group
//! ```
//!
//! A body is one large value, with its table and key, so that what finds it can tell that it is the one, and a pack can
//! be read without redb. Rows are small values, deletions, and nothing of the bodies. The group is whole when all of its
//! records are, to its last.

use std::borrow::Cow;

use chartmesh_protocol::store::{Rows, Shape};

use super::format::{Cipher, HEAD_LEN, Kind, head, record_len};
use crate::store::limits::BODY_BYTES_MIN;

/// Bytes of a group's first record: its number and length are 12.
pub(super) const GROUP_HEAD_LEN: usize = record_len(12);

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) struct Place {
    pub(in crate::store) pack: u32,
    /// Where its record begins.
    pub(in crate::store) at: u32,
    /// Bytes of the record's plaintext.
    pub(in crate::store) len: u32,
}

impl Place {
    /// Bytes that its record takes.
    pub(in crate::store) const fn record_len(&self) -> u64 {
        record_len(self.len as usize) as u64
    }
}

/// A value as redb has it: itself, or where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Stored<'a> {
    Here(&'a [u8]),
    Packed(Place),
}

const HERE: u8 = 0;
const PACKED: u8 = 1;

impl<'a> Stored<'a> {
    /// None when these are no stored value.
    pub(in crate::store) fn read(bytes: &'a [u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&HERE, value) => Some(Self::Here(value)),
            (&PACKED, place) => {
                let mut read = Reader(place);
                let place = Place { pack: read.u32()?, at: read.u32()?, len: read.u32()? };
                read.0.is_empty().then_some(Self::Packed(place))
            }
            _ => None,
        }
    }

    fn write(self) -> Vec<u8> {
        match self {
            Self::Here(value) => [&[HERE], value].concat(),
            Self::Packed(Place { pack, at, len }) => {
                let mut bytes = vec![PACKED];
                bytes.extend([pack, at, len].into_iter().flat_map(u32::to_be_bytes));
                bytes
            }
        }
    }
}

/// What a group sets in one table: keys, with the values as redb has them.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) struct Set<'a> {
    pub(in crate::store) table: Cow<'a, str>,
    pub(in crate::store) rows: Vec<(Cow<'a, [u8]>, Option<Vec<u8>>)>,
}

/// What is to be set in one table.
pub(in crate::store) struct Change<'a> {
    pub(in crate::store) table: &'a str,
    pub(in crate::store) shape: Shape,
    pub(in crate::store) rows: &'a Rows,
}

/// Where a group is to stand: its number, its pack, and its place there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) number: u64,
    pub(super) pack: u32,
    pub(super) at: u64,
}

/// The bytes of a group, and what it sets.
pub(super) fn encode<'a>(
    changes: &[Change<'a>],
    spot: Spot,
    cipher: &Cipher,
) -> (Vec<u8>, Vec<Set<'a>>) {
    let mut out = vec![0; GROUP_HEAD_LEN];
    let mut rest = spot.number.to_be_bytes().to_vec();
    let mut sets = Vec::new();
    for &Change { table, shape, rows: changed } in changes {
        let mut rows = Vec::with_capacity(changed.len());
        put(&mut rest, table.as_bytes());
        let count_at = rest.len();
        rest.extend([0; 4]);
        let mut count = 0_u32;
        for (key, value) in changed {
            let stored = match value {
                Some(value) if shape == Shape::Bodies && value.len() >= BODY_BYTES_MIN => {
                    let place = body(&mut out, spot, cipher, (table, key, value));
                    rows.push((Cow::Borrowed(&**key), Some(Stored::Packed(place).write())));
                    continue;
                }
                Some(value) => Some(Stored::Here(value).write()),
                None => None,
            };
            count += 1;
            put(&mut rest, key);
            match &stored {
                Some(stored) => {
                    rest.push(1);
                    put(&mut rest, stored);
                }
                None => rest.push(0),
            }
            rows.push((Cow::Borrowed(&**key), stored));
        }
        rest[count_at..count_at + 4].copy_from_slice(&count.to_be_bytes());
        sets.push(Set { table: Cow::Borrowed(table), rows });
    }
    let start = begin(&mut out);
    out.extend(rest);
    cipher.seal(&mut out, start, spot.at, Kind::Rows);
    let mut first = Vec::with_capacity(GROUP_HEAD_LEN);
    begin(&mut first);
    first.extend(spot.number.to_be_bytes());
    first.extend(narrow(out.len()).to_be_bytes());
    cipher.seal(&mut first, 0, spot.at, Kind::Head);
    out[..GROUP_HEAD_LEN].copy_from_slice(&first);
    (out, sets)
}

fn begin(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend([0; HEAD_LEN]);
    start
}

fn body(out: &mut Vec<u8>, spot: Spot, cipher: &Cipher, row: (&str, &[u8], &[u8])) -> Place {
    let (table, key, value) = row;
    let start = begin(out);
    put(out, table.as_bytes());
    put(out, key);
    out.extend_from_slice(value);
    let len = narrow(out.len() - start - HEAD_LEN);
    cipher.seal(out, start, spot.at, Kind::Body);
    let at = u32::try_from(spot.at + start as u64).expect("a pack is below 4 GiB");
    Place { pack: spot.pack, at, len }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(narrow(bytes.len()).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn narrow(len: usize) -> u32 {
    u32::try_from(len).expect("a group is below 4 GiB")
}

/// A body's plaintext, apart.
pub(in crate::store) struct Body<'a> {
    pub(in crate::store) table: &'a str,
    pub(in crate::store) key: &'a [u8],
    pub(in crate::store) value: &'a [u8],
}

impl<'a> Body<'a> {
    pub(in crate::store) fn read(plaintext: &'a [u8]) -> Option<Self> {
        let mut read = Reader(plaintext);
        let table = str::from_utf8(read.bytes()?).ok()?;
        Some(Self { table, key: read.bytes()?, value: read.0 })
    }
}

/// The number and the length of a group whose first record this is.
pub(super) fn decode_head(record: &mut [u8], at: u64, cipher: &Cipher) -> Option<(u64, usize)> {
    if head(record)? != (12, Kind::Head) || record.len() != GROUP_HEAD_LEN {
        return None;
    }
    let mut read = Reader(cipher.open(at, record)?);
    Some((read.u64()?, usize::try_from(read.u32()?).ok()?))
}

/// What a group sets, from its bytes; none when it is not whole.
pub(super) fn decode(bytes: &mut [u8], spot: Spot, cipher: &Cipher) -> Option<Vec<Set<'static>>> {
    let mut sets: Vec<Set<'static>> = Vec::new();
    let (mut start, whole) = (GROUP_HEAD_LEN, bytes.len());
    loop {
        let (len, kind) = head(bytes.get(start..)?)?;
        let record = bytes.get_mut(start..start.checked_add(record_len(len))?)?;
        let end = start + record.len();
        let at = spot.at + start as u64;
        let plaintext = cipher.open(at, record)?;
        match kind {
            Kind::Body => {
                let body = Body::read(plaintext)?;
                let place =
                    Place { pack: spot.pack, at: u32::try_from(at).ok()?, len: narrow(len) };
                let row = (Cow::Owned(body.key.to_vec()), Some(Stored::Packed(place).write()));
                match sets.last_mut() {
                    Some(set) if set.table == body.table => set.rows.push(row),
                    _ => sets.push(Set { table: body.table.to_owned().into(), rows: vec![row] }),
                }
            }
            Kind::Rows if end == whole => {
                rest(plaintext, spot.number, &mut sets)?;
                return Some(sets);
            }
            Kind::Rows | Kind::Head | Kind::Erased | Kind::Scrubbed => return None,
        }
        start = end;
    }
}

/// What a group sets besides bodies.
fn rest(plaintext: &[u8], number: u64, sets: &mut Vec<Set<'static>>) -> Option<()> {
    let mut read = Reader(plaintext);
    if read.u64()? != number {
        return None;
    }
    while !read.0.is_empty() {
        let table = str::from_utf8(read.bytes()?).ok()?.to_owned().into();
        let mut set = Set { table, rows: Vec::new() };
        for _ in 0..read.u32()? {
            let key = Cow::Owned(read.bytes()?.to_vec());
            let value = match read.u8()? {
                0 => None,
                _ => Some(read.bytes()?.to_vec()),
            };
            set.rows.push((key, value));
        }
        sets.push(set);
    }
    Some(())
}

/// What is left to read.
pub(in crate::store) struct Reader<'a>(pub(in crate::store) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    pub(in crate::store) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    pub(in crate::store) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        self.take(usize::try_from(len).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use zeroize::Zeroizing;

    use super::*;
    use crate::store::header::StorageKey;
    use crate::store::pack::format::{Secret, begin as begin_pack};

    fn cipher() -> Cipher {
        let secret = Secret::new(&StorageKey::from_bytes(Zeroizing::new([1; 32])), [2; 32]);
        begin_pack(&secret, 3, 1, &mut StdRng::seed_from_u64(1)).1
    }

    type Tables = BTreeMap<String, BTreeMap<Vec<u8>, Option<Vec<u8>>>>;

    fn flat(sets: &[Set<'_>]) -> Tables {
        let mut tables = Tables::new();
        for set in sets {
            let rows = set.rows.iter().map(|(key, value)| (key.to_vec(), value.clone()));
            tables.entry(set.table.to_string()).or_default().extend(rows);
        }
        tables.retain(|_, rows| !rows.is_empty());
        tables
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_group_reads_as_it_was_written_and_not_at_all_when_any_byte_is_altered_or_missing(
            tables in proptest::collection::btree_map(
                "[a-c]{1,3}",
                proptest::collection::btree_map(
                    proptest::collection::vec(any::<u8>(), 0..4),
                    proptest::option::of(proptest::collection::vec(any::<u8>(), 0..200)),
                    0..5,
                ),
                0..4,
            ),
            bodies in any::<bool>(),
            harm in any::<proptest::sample::Index>(),
        ) {
            let cipher = cipher();
            let shape = if bodies { Shape::Bodies } else { Shape::Rows };
            let changes: Vec<_> =
                tables.iter().map(|(table, rows)| Change { table, shape, rows }).collect();
            let spot = Spot { number: 9, pack: 3, at: 8192 };
            let (bytes, sets) = encode(&changes, spot, &cipher);
            let read_head = decode_head(&mut bytes[..GROUP_HEAD_LEN].to_vec(), 8192, &cipher);
            prop_assert_eq!(read_head, Some((9, bytes.len())));
            let read = decode(&mut bytes.clone(), spot, &cipher).unwrap();
            prop_assert_eq!(flat(&read), flat(&sets));
            let at = GROUP_HEAD_LEN + harm.index(bytes.len() - GROUP_HEAD_LEN);
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            prop_assert!(decode(&mut altered, spot, &cipher).is_none());
            prop_assert!(decode(&mut bytes[..at].to_vec(), spot, &cipher).is_none());
        }
    }
}
