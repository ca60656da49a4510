//! What a permission covers, told by what a holder without keys can see: ids.

use crate::codec::{DecodeError, Decoder, Encoder, Wire, wire_struct};
use crate::id::{CompartmentId, EntryId, PartyId};
use crate::limits;

/// Ids in ascending order, each once; at least one and at most `MAX`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Set<T, const MAX: usize>(Vec<T>);

/// Entries that a permission names.
pub type Entries = Set<EntryId, { limits::TOKEN_ENTRIES_MAX }>;
/// Compartments that a permission names.
pub type Compartments = Set<CompartmentId, { limits::TOKEN_COMPARTMENTS_MAX }>;
/// Institutions that a permission names.
pub type Parties = Set<PartyId, { limits::TOKEN_PARTIES_MAX }>;

impl<T: Ord + Copy, const MAX: usize> Set<T, MAX> {
    /// The set of `items` in any order; `None` when there are none, or more than `MAX`.
    #[must_use]
    pub fn new(items: impl IntoIterator<Item = T>) -> Option<Self> {
        let mut items: Vec<T> = items.into_iter().collect();
        items.sort_unstable();
        items.dedup();
        (1..=MAX).contains(&items.len()).then_some(Self(items))
    }

    /// Whether the set has `item`.
    #[must_use]
    pub fn contains(&self, item: &T) -> bool {
        self.0.binary_search(item).is_ok()
    }

    /// Whether all of this set is in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().all(|item| other.contains(item))
    }

    /// The items in ascending order.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }
}

impl<T: Wire + Ord, const MAX: usize> Wire for Set<T, MAX> {
    fn encode(&self, e: &mut Encoder) {
        self.0.encode(e);
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let len = d.array()?;
        if len == 0 {
            return Err(DecodeError::Invalid("an empty set; it is left out instead"));
        }
        if len > MAX {
            return Err(DecodeError::TooMany {
                what: "items of a set",
                found: len as u64,
                limit: MAX as u64,
            });
        }
        let mut items: Vec<T> = Vec::new();
        for _ in 0..len {
            let item = T::decode(d)?;
            if items.last().is_some_and(|last| *last >= item) {
                return Err(DecodeError::Invalid("items of a set are not in ascending order"));
            }
            items.push(item);
        }
        d.leave();
        Ok(Self(items))
    }
}

mod wire {
    use super::{Compartments, Entries, wire_struct};

    wire_struct! {
        /// A scope as it travels.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct Parts {
            /// Single entries.
            1 => entries: Option<Entries>,
            /// Whole compartments.
            2 => compartments: Option<Compartments>,
        }
    }
}

/// What a permission covers: single entries, whole compartments, or both; never nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scope(wire::Parts);

/// What an operation is about, as its label tells.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Target {
    /// The entry.
    pub entry: EntryId,
    /// The compartment that the entry's label names.
    pub compartment: CompartmentId,
}

impl Scope {
    /// A scope; `None` when it would cover nothing.
    #[must_use]
    pub fn new(entries: Option<Entries>, compartments: Option<Compartments>) -> Option<Self> {
        (entries.is_some() || compartments.is_some())
            .then_some(Self(wire::Parts { entries, compartments }))
    }

    /// A scope of single entries; `None` when there are none or too many.
    #[must_use]
    pub fn of_entries(entries: impl IntoIterator<Item = EntryId>) -> Option<Self> {
        Self::new(Some(Set::new(entries)?), None)
    }

    /// A scope of whole compartments; `None` when there are none or too many.
    #[must_use]
    pub fn of_compartments(ids: impl IntoIterator<Item = CompartmentId>) -> Option<Self> {
        Self::new(None, Some(Set::new(ids)?))
    }

    /// Whether the scope names the entry, or all of its compartment.
    #[must_use]
    pub fn covers(&self, entry: EntryId, compartment: CompartmentId) -> bool {
        self.entries().binary_search(&entry).is_ok()
            || self.compartments().binary_search(&compartment).is_ok()
    }

    /// The entries named, ascending.
    #[must_use]
    pub fn entries(&self) -> &[EntryId] {
        self.0.entries.as_ref().map_or(&[], Set::as_slice)
    }

    /// The compartments named, ascending.
    #[must_use]
    pub fn compartments(&self) -> &[CompartmentId] {
        self.0.compartments.as_ref().map_or(&[], Set::as_slice)
    }

    /// Whether all that this scope names is named by `other`. A single entry never counts as part of
    /// a whole compartment: the token alone does not say to which compartment an entry belongs.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        within(self.0.entries.as_ref(), other.0.entries.as_ref())
            && within(self.0.compartments.as_ref(), other.0.compartments.as_ref())
    }
}

fn within<T: Ord + Copy, const MAX: usize>(
    part: Option<&Set<T, MAX>>,
    whole: Option<&Set<T, MAX>>,
) -> bool {
    part.is_none_or(|part| whole.is_some_and(|whole| part.is_subset(whole)))
}

impl Wire for Scope {
    fn encode(&self, e: &mut Encoder) {
        self.0.encode(e);
    }
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let wire::Parts { entries, compartments } = wire::Parts::decode(d)?;
        Self::new(entries, compartments).ok_or(DecodeError::Invalid("a scope that covers nothing"))
    }
}
