//! The arrows of a crate, held against its floors.

use super::{Arrow, House, ModulePath, Modules, arrows, circles};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Imports of a circle that are told.
const TOLD_MAX: usize = 20;

/// What of a crate does not stand as declared, each with what to do about it.
pub(crate) fn judge(house: &House, modules: &Modules) -> Vec<String> {
    let arrows = arrows(modules);
    let mut wrong = undeclared(house, modules, &arrows);
    wrong.extend(missing(house, modules));
    wrong.extend(arrows.iter().filter_map(|arrow| against(house, arrow)));
    wrong.extend(circle(house, &arrows));
    wrong
}

/// Modules that stand on no floor.
fn undeclared(house: &House, modules: &Modules, arrows: &[Arrow]) -> Vec<String> {
    let mut takes_from = BTreeMap::<String, BTreeSet<&str>>::new();
    let homeless = |module: &&ModulePath| !module.is_empty() && house.room_of(module).is_none();
    for module in modules.keys().filter(homeless) {
        // The folder is the room, unless its parent is where rooms are declared.
        let inner = (1..module.len()).find(|n| house.room_of(&module[..*n]).is_none());
        let rooms =
            takes_from.entry(module[..inner.unwrap_or(module.len())].join("/")).or_default();
        let from_here = arrows.iter().filter(|arrow| arrow.from == *module);
        rooms.extend(from_here.filter_map(|arrow| house.room_of(&arrow.to)));
    }
    let tell = |(room, below): (String, BTreeSet<&str>)| {
        let below: Vec<&str> = below.into_iter().collect();
        let below = if below.is_empty() { "it takes from none".into() } else { below.join(", ") };
        format!(
            "{}/src/{room} stands on no floor: write it in tests/floors.toml, on a line above the rooms that it \
             takes from ({below})",
            house.name
        )
    };
    takes_from.into_iter().map(tell).collect()
}

/// Rooms that are declared and are not there, or twice.
fn missing(house: &House, modules: &Modules) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for room in house.rooms() {
        let module: ModulePath = room.split('/').map(str::to_owned).collect();
        if !modules.contains_key(&module) {
            wrong.push(format!(
                "{}/src/{room} is not there any more: strike it from tests/floors.toml",
                house.name
            ));
        } else if !seen.insert(room) {
            wrong.push(format!("{}/src/{room} stands on two floors: choose one", house.name));
        }
    }
    wrong
}

/// Whether an arrow goes upward or sideways.
fn against(house: &House, arrow: &Arrow) -> Option<String> {
    let Arrow { from, to, file, line, path, .. } = arrow;
    let place = |module: &ModulePath| {
        if module.is_empty() {
            return Some(("the crate's root", usize::MAX));
        }
        let room = house.room_of(module)?;
        Some((room, house.floor_of(room)))
    };
    let ((from, from_floor), (to, to_floor)) = (place(from)?, place(to)?);
    let (way, instead) = match from_floor.cmp(&to_floor) {
        _ if from == to => return None,
        Ordering::Greater => return None,
        Ordering::Equal => ("sideways", house.beside()),
        Ordering::Less => {
            ("upward", "what is taken belongs on a lower floor, or what takes it on a higher one")
        }
    };
    Some(format!("{}/src/{file}:{line}: {from} -> {to} ({path}): {way}; {instead}", house.name))
}

/// Whether the largest circle of files within a room is another than declared.
fn circle(house: &House, arrows: &[Arrow]) -> Option<String> {
    let is_within = |arrow: &&Arrow| house.room_of(&arrow.from) == house.room_of(&arrow.to);
    let within: Vec<&Arrow> = arrows.iter().filter(is_within).collect();
    let files = within.iter().map(|arrow| (arrow.file.as_str(), arrow.to_file.as_str()));
    let found = circles::circles(files.filter(|(from, to)| from != to));
    let largest = found.first().map_or(1, BTreeSet::len);
    let (name, declared) = (&house.name, house.circle_max);
    match largest.cmp(&declared) {
        Ordering::Equal => None,
        Ordering::Less => Some(format!(
            "{name}: the largest circle of files is {largest} now: write `circle_max = {largest}` in \
             tests/floors.toml, it may only go down"
        )),
        Ordering::Greater => {
            let files = found.first()?;
            let is_in = |file: &str| files.contains(file);
            let ties = within.iter().filter(|arrow| {
                is_in(&arrow.file) && is_in(&arrow.to_file) && arrow.file != arrow.to_file
            });
            let ties = ties.take(TOLD_MAX).map(|Arrow { file, line, to_file, path, .. }| {
                format!("\n  {name}/src/{file}:{line}: {to_file} ({path})")
            });
            Some(format!(
                "{name}: {largest} files import one another in a circle, where {declared} may: move what two of \
                 them share into a file of its own{}",
                ties.collect::<String>()
            ))
        }
    }
}
