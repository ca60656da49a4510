//! A long listing, a page at a time.
//!
//! ```text
//!  question { limit } ──────────> up to `limit` rows, from the first      items, next
//!  question { after: next } ────> up to `limit` rows behind that one      items, next
//!  question { after: next } ────> the last rows                           items
//! ```
//!
//! A page is a range of the tables that the listing goes through, in the order of their keys, and a cursor is the
//! key of its last row: what is added or deleted meanwhile neither repeats nor hides what stays. A page costs as
//! many rows as it may have items, however long the listing is. Of rows that are not asked for nothing is told: a
//! page may have fewer items than its limit, or none, and there are more while it says where to go on.

use super::own::Reason;
use super::{Question, Shown};
use crate::codec::Wire;
use crate::limits;
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::store::{ReadTxn, Table};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;

/// Where a listing goes on: only for asking the same question again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cursor(
    #[cfg_attr(feature = "schema", schemars(with = "String", regex(pattern = "^[A-Za-z0-9_-]*$")))]
    Vec<u8>,
);

impl Cursor {
    /// Behind a row.
    fn behind(table: Table, key: &[u8]) -> Self {
        Self([table.0.as_bytes(), &[0], key].concat())
    }

    /// The row's key, if it is of this table.
    fn key_in(&self, table: Table) -> Option<&[u8]> {
        self.0.strip_prefix(table.0.as_bytes())?.strip_prefix(&[0])
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&data_encoding::BASE64URL_NOPAD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        // What is no base64 is no cursor of ours: it is refused where it is used, with the others.
        let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes());
        Ok(Self(bytes.unwrap_or_default()))
    }
}

/// Which part of a listing is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Part {
    /// Behind this place; from the beginning when it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Cursor>,
    /// How many items at most, up to 1000; 100 when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A part of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "PageOf{T}"))]
pub struct Page<T> {
    /// What is in it.
    pub items: Vec<T>,
    /// Where the listing goes on; absent when this was its end.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// The same page with each item as `show` shows it, if it is to be shown.
    pub(crate) fn show<U>(self, show: impl FnMut(T) -> Handled<Option<U>>) -> Handled<Page<U>> {
        let items = self.items.into_iter().map(show).filter_map(Result::transpose);
        Ok(Page { items: items.collect::<Handled<_>>()?, next: self.next })
    }
}

/// A question that is answered a page at a time.
pub trait Listing: Question<Answer = Page<<Self as Listing>::Item>> + Clone {
    /// What is listed.
    type Item: Shown;

    /// Which part is asked for.
    fn part(&mut self) -> &mut Part;

    /// For the largest page, which takes the fewest questions for all.
    #[must_use]
    fn at_most(mut self) -> Self {
        self.part().limit = Some(limits::LISTED_MAX);
        self
    }

    /// The same from the end of a page on; none when that was the last.
    #[must_use]
    fn behind(mut self, page: &Page<Self::Item>) -> Option<Self> {
        self.part().after = Some(page.next.clone()?);
        Some(self)
    }
}

/// All of a listing, for whoever asks without waiting: `ask` answers one page after another.
///
/// # Errors
/// The first that `ask` gives.
pub fn whole<L: Listing, E>(
    listing: L,
    mut ask: impl FnMut(&L) -> Result<Page<L::Item>, E>,
) -> Result<Vec<L::Item>, E> {
    let mut all = Vec::new();
    let mut next = Some(listing.at_most());
    while let Some(listing) = next {
        let page = ask(&listing)?;
        next = listing.behind(&page);
        all.extend(page.items);
    }
    Ok(all)
}

/// A page that is being read, from one table after another.
pub(crate) struct Reading<'a> {
    txn: &'a dyn ReadTxn,
    /// Where it begins, until that table's turn has come.
    after: Option<&'a Cursor>,
    left: usize,
    last: Option<Cursor>,
    next: Option<Cursor>,
}

impl Part {
    /// Begins to read it.
    pub(crate) fn read<'a>(&'a self, txn: &'a dyn ReadTxn) -> Handled<Reading<'a>> {
        let left = self.limit.unwrap_or(limits::LISTED_DEFAULT);
        if left == 0 || left > limits::LISTED_MAX {
            return refuse(Reason::PageLimit { most: limits::LISTED_MAX });
        }
        Ok(Reading { txn, after: self.after.as_ref(), left, last: None, next: None })
    }

    /// The page of a listing that goes through one table: rows whose keys begin so and have so many bytes.
    pub(crate) fn rows<T: Wire>(
        &self,
        txn: &dyn ReadTxn,
        table: Table,
        prefix: &[u8],
        key_bytes: usize,
    ) -> Handled<Page<(Vec<u8>, T)>> {
        let mut reading = self.read(txn)?;
        let items = reading.rows(table, prefix, key_bytes)?;
        reading.end(items)
    }
}

impl Part {
    /// The page of those rows of one table whose keys begin so and end as one of `ends`, which are of one length: each is
    /// looked up, whatever else there is.
    pub(crate) fn named<T: Wire, const N: usize>(
        &self,
        txn: &dyn ReadTxn,
        table: Table,
        prefix: &[u8],
        ends: &BTreeSet<[u8; N]>,
    ) -> Handled<Page<(Vec<u8>, T)>> {
        let mut left = self.read(txn)?.left;
        let after = match &self.after {
            None => None,
            Some(cursor) => {
                let end = cursor.key_in(table).and_then(|key| key.strip_prefix(prefix));
                let Some(end) = end.and_then(|end| <[u8; N]>::try_from(end).ok()) else {
                    return refuse(Reason::NoSuchPlace);
                };
                Some(end)
            }
        };
        let mut items: Vec<(Vec<u8>, T)> = Vec::new();
        for end in ends.iter().filter(|end| after.is_none_or(|after| **end > after)) {
            if left == 0 {
                let next = items.last().map(|(key, _)| Cursor::behind(table, key));
                return Ok(Page { items, next });
            }
            let key = rows::pair(prefix, end);
            if let Some(row) = rows::get(txn, table, &key)? {
                items.push((key, row));
                left -= 1;
            }
        }
        Ok(Page { items, next: None })
    }
}

impl<'a> Reading<'a> {
    /// What it is read from.
    pub(crate) const fn txn(&self) -> &'a dyn ReadTxn {
        self.txn
    }

    /// The rows of a table that are in the page: those whose keys begin so and have so many bytes.
    pub(crate) fn rows<T: Wire>(
        &mut self,
        table: Table,
        prefix: &[u8],
        key_bytes: usize,
    ) -> Handled<Vec<(Vec<u8>, T)>> {
        let mut after = None;
        if let Some(cursor) = self.after {
            // Those of this table were in pages before.
            let Some(key) = cursor.key_in(table) else { return Ok(Vec::new()) };
            if key.len() != key_bytes || !key.starts_with(prefix) {
                return refuse(Reason::NoSuchPlace);
            }
            (after, self.after) = (Some(key), None);
        }
        if self.next.is_some() {
            return Ok(Vec::new());
        }
        // One more says whether there are more.
        let mut rows = rows::scan(self.txn, table, prefix, after, self.left + 1)?;
        let more = rows.len() > self.left;
        rows.truncate(self.left);
        self.left -= rows.len();
        if let Some((key, _)) = rows.last() {
            self.last = Some(Cursor::behind(table, key));
        }
        if more {
            self.next = self.last.take();
        }
        Ok(rows)
    }

    /// The page, once all tables had their turn.
    pub(crate) fn end<T>(self, items: Vec<T>) -> Handled<Page<T>> {
        if self.after.is_some() {
            return refuse(Reason::NoSuchPlace);
        }
        Ok(Page { items, next: self.next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::{Failure, RefusalCode};
    use crate::store::{Counting, Memory, Txn as _};

    const ONE: Table = Table("one");
    const TWO: Table = Table("two");

    fn store(count: u16) -> Memory {
        let mut store = Memory::default();
        for n in 0..count {
            rows::put(&mut store, ONE, &[&[7], &n.to_be_bytes()[..]].concat(), &u64::from(n))
                .unwrap();
            rows::put(&mut store, TWO, &n.to_be_bytes(), &(1000 + u64::from(n))).unwrap();
        }
        rows::put(&mut store, ONE, &[8, 0, 0], &9999u64).unwrap();
        store
    }

    fn page(txn: &dyn ReadTxn, part: &Part) -> Handled<Page<u64>> {
        let mut reading = part.read(txn)?;
        let mut items: Vec<(Vec<u8>, u64)> = reading.rows(ONE, &[7], 3)?;
        items.extend(reading.rows(TWO, &[], 2)?);
        reading.end(items.into_iter().map(|(_, value)| value).collect())
    }

    #[test]
    fn what_is_named_costs_what_is_named_however_much_else_there_is() {
        let mut store = store(2000);
        // Two that are there, one that is not, and one that another key has.
        let ends: BTreeSet<[u8; 2]> = [1999, 3, 5000, 0].map(u16::to_be_bytes).into();
        for limit in 1..5 {
            let mut part = Part { after: None, limit: Some(limit) };
            let mut found = Vec::new();
            loop {
                let counting = Counting::new(&mut store);
                let page: Page<(Vec<u8>, u64)> = part.named(&counting, ONE, &[7], &ends).unwrap();
                assert!(counting.read() <= ends.len(), "{} rows", counting.read());
                found.extend(page.items.into_iter().map(|(_, value)| value));
                part.after = page.next;
                if part.after.is_none() {
                    break;
                }
            }
            assert_eq!(found, [0, 3, 1999], "pages of {limit}");
        }
        let elsewhere = Part { after: Some(Cursor::behind(TWO, &[0, 1])), limit: None };
        assert!(elsewhere.named::<u64, 2>(&store, ONE, &[7], &ends).is_err());
    }

    fn refused(part: &Part) -> RefusalCode {
        match page(&store(5), part) {
            Err(Failure::Refused(refusal)) => refusal.code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pages_of_any_size_make_up_the_whole_each_row_once_and_cost_what_they_have() {
        let mut store = store(20);
        let expected: Vec<u64> = (0..20).chain(1000..1020).collect();
        for limit in 1..=45 {
            let mut part = Part { after: None, limit: Some(limit) };
            let mut found = Vec::new();
            loop {
                let counting = Counting::new(&mut store);
                let page = page(&counting, &part).unwrap();
                assert!(counting.read() <= limit + 3, "{} rows for {limit}", counting.read());
                assert!(page.items.len() == limit || page.next.is_none(), "a page is full");
                found.extend(page.items);
                part.after = page.next;
                if part.after.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "by {limit}");
        }
    }

    #[test]
    fn what_comes_and_goes_meanwhile_neither_repeats_nor_hides_the_rest() {
        let mut store = store(10);
        let first = page(&store, &Part { after: None, limit: Some(5) }).unwrap();
        assert_eq!(first.items, [0, 1, 2, 3, 4]);
        // The very row that the page ended with goes, and one comes before it.
        store.delete(ONE, &[7, 0, 4]).unwrap();
        rows::put(&mut store, ONE, &[7, 0, 3, 1], &77u64).unwrap();
        let rest = page(&store, &Part { after: first.next, limit: Some(5) }).unwrap();
        assert_eq!(rest.items, [5, 6, 7, 8, 9]);
    }

    #[test]
    fn a_place_of_another_question_or_of_nobodys_is_refused() {
        for cursor in [
            Cursor::behind(Table("three"), &[7, 0, 1]),
            Cursor::behind(ONE, &[8, 0, 1]),
            Cursor::behind(ONE, &[7, 0]),
            Cursor::behind(TWO, &[0, 1, 0]),
            Cursor(Vec::new()),
            Cursor(b"one".to_vec()),
        ] {
            let part = Part { after: Some(cursor), limit: None };
            assert_eq!(refused(&part), RefusalCode::Invalid, "{part:?}");
        }
        let told: Cursor = serde_json::from_str(r#""no base64 ==""#).unwrap();
        assert_eq!(refused(&Part { after: Some(told), limit: None }), RefusalCode::Invalid);
        for limit in [0, limits::LISTED_MAX + 1] {
            assert_eq!(refused(&Part { after: None, limit: Some(limit) }), RefusalCode::Invalid);
        }
    }
}
