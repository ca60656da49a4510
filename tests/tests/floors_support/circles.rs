//! Files or rooms that import one another, round in a circle.

use std::collections::{BTreeMap, BTreeSet};

/// The circles among nodes, the largest first: sets in which each reaches each.
pub(crate) fn circles<'a>(
    arrows: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<BTreeSet<&'a str>> {
    let mut next = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (from, to) in arrows {
        next.entry(from).or_default().insert(to);
        next.entry(to).or_default();
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        next.keys().map(|node| (*node, reach(&next, node))).collect();
    let mut found = BTreeSet::new();
    for (node, there) in &reached {
        let circle: BTreeSet<&str> =
            there.iter().filter(|other| reached[*other].contains(node)).copied().collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    found
}

fn reach<'a>(next: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<&str> = next[from].iter().copied().collect();
    while let Some(node) = ahead.pop() {
        if reached.insert(node) {
            ahead.extend(&next[node]);
        }
    }
    reached
}
