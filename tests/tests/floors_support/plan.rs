//! The floors as `tests/floors.toml` declares them.

use std::collections::BTreeMap;

/// A crate: its rooms on their floors.
#[derive(Debug)]
pub(crate) struct House {
    /// Its folder; the sources are in `src`.
    pub(crate) name: String,
    /// From the ground up: rooms that stand side by side.
    pub(crate) floors: Vec<Vec<String>>,
    /// Files in its largest circle of imports.
    pub(crate) circle_max: usize,
    /// What rooms that stand side by side do instead of importing one another.
    beside: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    circle_max: usize,
    floors: String,
    beside: Option<String>,
}

/// The crates of a declaration.
///
/// # Panics
/// When it is none.
pub(crate) fn houses(text: &str) -> Vec<House> {
    let declared: BTreeMap<String, Declared> =
        toml::from_str(text).unwrap_or_else(|error| panic!("tests/floors.toml: {error}"));
    let rooms = |line: &str| {
        let line = line.split('#').next().unwrap_or_default();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let house = |(name, Declared { circle_max, floors, beside }): (String, Declared)| {
        let floors = floors.lines().map(rooms).filter(|floor| !floor.is_empty()).collect();
        House { name, floors, circle_max, beside }
    };
    declared.into_iter().map(house).collect()
}

impl House {
    /// All rooms.
    pub(crate) fn rooms(&self) -> impl Iterator<Item = &str> {
        self.floors.iter().flatten().map(String::as_str)
    }

    /// The room of a module: a folder or file that is declared, the innermost of them. None where it is not on any
    /// floor; the crate's root stands above all.
    pub(crate) fn room_of(&self, module: &[String]) -> Option<&str> {
        let whole = module.join("/");
        let around = |room: &&str| is_within(&whole, room);
        let room = self.rooms().filter(around).max_by_key(|room| room.len())?;
        // Where one room within a folder is declared, all are.
        let divided =
            whole != room && self.rooms().any(|other| other != room && is_within(other, room));
        (!divided).then_some(room)
    }

    /// The floor of a room, from the ground.
    pub(crate) fn floor_of(&self, room: &str) -> usize {
        self.floors.iter().position(|floor| floor.iter().any(|here| here == room)).expect("a room")
    }

    /// What to do instead of importing what stands beside.
    pub(crate) fn beside(&self) -> &str {
        self.beside.as_deref().unwrap_or("what both need belongs on a lower floor")
    }
}

fn is_within(module: &str, room: &str) -> bool {
    module.strip_prefix(room).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
