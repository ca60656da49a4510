//! The values that a sweep tries: each is tried on the file when it is loaded, not an hour into the sweep.

use crate::scenario::node::{Node, Shown, Step};
use crate::scenario::problem::{LoadError, Problems};
use crate::scenario::{Change, Scenario, limits};

/// Checks the sweep, each value by itself. `tried` judges the scenario with one change.
pub(in crate::scenario) fn sweep(
    scenario: &Scenario,
    root: &Node,
    problems: &mut Problems,
    tried: &dyn Fn(&Change) -> Result<(), LoadError>,
) {
    let mut say = |path: &[Step<'_>], what: String| {
        problems.say(root.at(path), Shown(path).to_string(), what)
    };
    let values: usize = scenario.sweep.values().map(Vec::len).sum();
    if values > limits::SWEEP {
        let what = format!("{values} values; up to {} are allowed", limits::SWEEP);
        say(&[Step::Key("sweep")], what);
        return;
    }
    for (key, values) in &scenario.sweep {
        if values.is_empty() {
            say(&[Step::Key("sweep"), Step::Key(key)], "has no values to try".into());
        }
        for (index, value) in values.iter().enumerate() {
            let change = Change { key: key.clone(), value: value.clone() };
            if let Err(refused) = tried(&change) {
                for problem in refused.problems {
                    say(&[Step::Key("sweep"), Step::Key(key), Step::Index(index)], problem.what);
                }
            }
        }
    }
}
