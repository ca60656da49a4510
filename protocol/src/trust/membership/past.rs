//! A causally closed set of statements, by their positions in one ledger.

/// Bits per word.
const BITS: usize = u64::BITS as usize;

/// A set of positions. Whoever names all heads has nearly all earlier positions in the past, so the
/// leading full words are only counted: a past takes tens of bytes, not a bit for each statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Past {
    /// How many words at the front are all ones.
    full: usize,
    /// The words after these.
    words: Vec<u64>,
}

impl Past {
    /// Whether the position is in the set.
    pub(super) fn contains(&self, position: usize) -> bool {
        self.word(position / BITS) & (1 << (position % BITS)) != 0
    }

    /// Adds one position.
    pub(super) fn insert(&mut self, position: usize) {
        let word = position / BITS;
        if word < self.full {
            return;
        }
        let at = word - self.full;
        if at >= self.words.len() {
            self.words.resize(at + 1, 0);
        }
        self.words[at] |= 1 << (position % BITS);
        self.compact();
    }

    /// Adds all positions of another set.
    pub(super) fn union(&mut self, other: &Self) {
        let full = self.full.max(other.full);
        let end = (self.full + self.words.len()).max(other.full + other.words.len());
        self.words = (full..end).map(|word| self.word(word) | other.word(word)).collect();
        self.full = full;
        self.compact();
    }

    fn word(&self, word: usize) -> u64 {
        if word < self.full {
            return u64::MAX;
        }
        self.words.get(word - self.full).copied().unwrap_or(0)
    }

    fn compact(&mut self) {
        let full = self.words.iter().take_while(|word| **word == u64::MAX).count();
        if full > 0 {
            self.words.drain(..full);
            self.words.shrink_to_fit();
            self.full += full;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_past_is_the_set_that_was_put_in(
            a in proptest::collection::btree_set(0usize..300, 0..300), full in 0usize..260,
            b in proptest::collection::btree_set(0usize..300, 0..20),
        ) {
            let a: BTreeSet<usize> = a.into_iter().chain(0..full).collect();
            let [mut one, mut two] = [Past::default(), Past::default()];
            a.iter().for_each(|x| one.insert(*x));
            b.iter().for_each(|x| two.insert(*x));
            let mut both = two.clone();
            both.union(&one);
            one.union(&two);
            prop_assert_eq!(&both, &one);
            for x in 0..400 {
                prop_assert_eq!(both.contains(x), a.contains(&x) || b.contains(&x));
                prop_assert_eq!(two.contains(x), b.contains(&x));
            }
        }
    }
}
