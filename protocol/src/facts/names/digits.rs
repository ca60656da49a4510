//! The beginning of an id.

use crate::store::{ReadTxn, StoreError, Table};
use std::ops::RangeInclusive;

/// Hexadecimal digits that the beginning of an id must have: with fewer, a word is a name.
const DIGITS: RangeInclusive<usize> = 4..=64;

/// The first digits of an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digits {
    /// The lowest id that begins so, cut off behind its digits.
    from: Vec<u8>,
    /// What follows the highest one; none when nothing can.
    to: Option<Vec<u8>>,
}

impl Digits {
    /// Any id.
    pub(crate) const ANY: Self = Self { from: Vec::new(), to: None };

    /// The digits that a word is, if it is any.
    pub(crate) fn of(word: &str) -> Option<Self> {
        let word = word.trim();
        if !DIGITS.contains(&word.len()) {
            return None;
        }
        let digits = word.chars().map(|c| c.to_digit(16)).collect::<Option<Vec<u32>>>()?;
        let byte = |pair: &[u32], rest: u32| {
            let low = pair.get(1).copied().unwrap_or(rest);
            u8::try_from(pair[0] << 4 | low).expect("two digits are a byte")
        };
        let from = digits.chunks(2).map(|pair| byte(pair, 0)).collect();
        let last: Vec<u8> = digits.chunks(2).map(|pair| byte(pair, 0xf)).collect();
        let end = crate::store::prefix_end(&last);
        Some(Self { from, to: Some(end).filter(|end| !end.is_empty()) })
    }

    /// Up to `limit` keys of a table that go on so behind `before`, in order.
    pub(crate) fn keys(
        &self,
        txn: &(impl ReadTxn + ?Sized),
        table: Table,
        before: &[u8],
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let to = match &self.to {
            Some(to) => [before, to].concat(),
            None => crate::store::prefix_end(before),
        };
        let rows = txn.page(table, &[before, &self.from].concat(), &to, limit)?;
        Ok(rows.into_iter().map(|(key, _)| key).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Memory, Txn as _};

    const TABLE: Table = Table::rows("t");

    fn found(word: &str) -> Vec<u8> {
        let mut txn = Memory::default();
        for last in 0..=255 {
            txn.put(TABLE, &[7, 0xff, 0xab, last, 1], &[]).unwrap();
        }
        txn.put(TABLE, &[8], &[]).unwrap();
        let keys = Digits::of(word).unwrap().keys(&txn, TABLE, &[7, 0xff], 1000).unwrap();
        keys.iter().map(|key| key[3]).collect()
    }

    #[test]
    fn the_range_is_that_of_the_digits_odd_or_even() {
        assert_eq!(found("AB12"), [0x12]);
        assert_eq!(found("ab120"), [0x12]);
        assert_eq!(found("ab121"), [0u8; 0]);
        assert_eq!(found("abff"), [0xff]);
        let (mut txn, high) = (Memory::default(), [0xff, 0xff, 0xff]);
        txn.put(TABLE, &high, &[]).unwrap();
        for word in ["ffff", "fffff", "ffffff"] {
            assert_eq!(Digits::of(word).unwrap().keys(&txn, TABLE, &[], 9).unwrap(), [high]);
        }
        assert_eq!(Digits::ANY.keys(&txn, TABLE, &[], 9).unwrap(), [high]);
    }

    #[test]
    fn what_is_no_beginning_of_an_id_is_none() {
        for word in ["", "abc", "abcg", "alder", "ａｂｃｄ", &"a".repeat(65)] {
            assert_eq!(Digits::of(word), None, "{word}");
        }
    }
}
