//! Whether a scenario makes sense: what its names lead to, what goes together, what is far too much.

mod doings;
mod places;
mod sweep;

pub(super) use sweep::sweep;

use super::node::{Node, Shown, Step};
use super::problem::{Problems, allowed};
use super::{Scenario, limits};
use std::collections::BTreeMap;

/// Checks a scenario whose keys and values are each allowed.
pub(super) fn check(scenario: &Scenario, root: &Node, problems: &mut Problems) {
    let mut sense = Sense { scenario, root, problems, names: BTreeMap::new() };
    sense.head();
    // What a name leads to cannot be said before each has one meaning.
    if sense.names() {
        sense.places();
        sense.doings();
    }
}

struct Sense<'a> {
    scenario: &'a Scenario,
    root: &'a Node,
    problems: &'a mut Problems,
    /// What each id of a region or group is.
    names: BTreeMap<&'a str, Named>,
}

/// What an id is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Region,
    Group(Kind, u64),
}

/// What a name in an event leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meant {
    Region,
    /// Several of a kind.
    Group(Kind),
    /// One party.
    Party(Kind),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hospital,
    Provider,
    Relay,
}

impl<'a> Sense<'a> {
    fn say(&mut self, path: &[Step<'_>], what: impl Into<String>) {
        let (key, what) = (Shown(path).to_string(), what.into());
        // What the file leaves to a default has no place there.
        let what = if self.root.has(path) { what } else { format!("`{key}`: {what}") };
        self.problems.say(self.root.at(path), key, what);
    }

    /// What a name leads to, or a refusal at `path`. A group of one is one party.
    fn meant(
        &mut self,
        path: &[Step<'_>],
        name: &str,
        kinds: &[Kind],
        regions: bool,
    ) -> Option<Meant> {
        let found = match self.names.get(name) {
            Some(Named::Region) if regions => return Some(Meant::Region),
            Some(Named::Group(kind, 1)) => Some((*kind, Meant::Party(*kind))),
            Some(Named::Group(kind, _)) => Some((*kind, Meant::Group(*kind))),
            _ => match name.rsplit_once('-').map(|(group, number)| (self.names.get(group), number))
            {
                Some((Some(Named::Group(kind, count)), number)) => {
                    let there =
                        number.parse().is_ok_and(|number: u64| (1..=*count).contains(&number));
                    if !there && kinds.contains(kind) {
                        let group =
                            name.rsplit_once('-').map_or(name, |(group, _)| group).to_owned();
                        let what = format!("there is no `{name}`: `{group}` has 1 to {count}");
                        self.say(path, what);
                        return None;
                    }
                    Some((*kind, Meant::Party(*kind)))
                }
                _ => None,
            },
        };
        if let Some((kind, meant)) = found
            && kinds.contains(&kind)
        {
            return Some(meant);
        }
        let fits = |(id, named): (&&'a str, &Named)| match named {
            Named::Region => regions.then_some(*id),
            Named::Group(kind, _) => kinds.contains(kind).then_some(*id),
        };
        let ids: Vec<_> = self.names.iter().filter_map(fits).collect();
        let what = if found.is_some() || self.names.contains_key(name) {
            format!("`{name}` cannot be named here; allowed here: {}", ids.join(", "))
        } else {
            format!("unknown party `{name}`; {}", allowed(name, ids.iter().copied()))
        };
        let one = self.names.iter().find_map(|(id, named)| match named {
            Named::Group(kind, _) if kinds.contains(kind) => Some(*id),
            _ => None,
        });
        let one = one.map(|id| format!(", and one party such as {id}-1")).unwrap_or_default();
        self.say(path, what + &one);
        None
    }

    /// An id is short and plain, and does not look like a party's name, which ends in a number.
    fn id(&mut self, path: &[Step<'_>], id: &str) -> bool {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let plain = id.starts_with(|c: char| c.is_ascii_lowercase()) && id.chars().all(letters);
        let what = if !plain || id.ends_with('-') || id.len() > limits::ID_LETTERS {
            let most = limits::ID_LETTERS;
            format!("`{id}` is not up to {most} small letters, digits and `-`, a letter first")
        } else if id
            .rsplit_once('-')
            .is_some_and(|(_, end)| end.bytes().all(|b| b.is_ascii_digit()))
        {
            format!("`{id}` looks like one party of a group; let it not end in a number")
        } else {
            return true;
        };
        self.say(path, what);
        false
    }
}
