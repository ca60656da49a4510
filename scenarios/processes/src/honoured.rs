//! What of a scenario this tier can honour. The rest is refused by its key: a result must not tell of a
//! scenario that did not take place.

use std::collections::BTreeSet;

use chartmesh_scenarios::scenario::{Happening, Machine, Nat, Policy, Scenario};

use crate::measures::MEASURED;

/// Nodes at most: each is a process with a store and threads of its own.
const NODES_MAX: usize = 40;

/// The keys that cannot be honoured, each with why.
pub(crate) fn refused(scenario: &Scenario, nodes: usize) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut refuse = |key: String, why: &str| {
        found.insert(format!("{key}: {why}"));
    };
    if nodes > NODES_MAX {
        let why = format!("{nodes} parties; each is a process, and there may be {NODES_MAX}");
        refuse("hospitals, providers, relays".into(), &why);
    }
    for (number, link) in scenario.links.iter().enumerate() {
        let at = |key: &str| format!("link.{}.{key}", number + 1);
        let why = "TCP, over which the nodes talk, shows neither to them";
        if link.duplicate.get() > 0.0 {
            refuse(at("duplicate"), why);
        }
        if link.reorder.get() > 0.0 {
            refuse(at("reorder"), why);
        }
    }
    let groups = (scenario.hospitals.iter().map(|group| (&group.id, &group.machine)))
        .chain(scenario.providers.iter().map(|group| (&group.id, &group.machine)))
        .chain(scenario.relays.iter().map(|group| (&group.id, &group.machine)));
    for (id, machine) in groups {
        for (key, why) in of_machine(machine) {
            refuse(format!("{id}.{key}"), why);
        }
    }
    let (policy, usual) = (&scenario.policy, Policy::default());
    let fixed = "the program has its own, and no setting for it";
    for (key, same) in [
        ("retry_first", policy.retry_first == usual.retry_first),
        ("retry_longest", policy.retry_longest == usual.retry_longest),
        ("idle", policy.idle == usual.idle),
    ] {
        if !same {
            refuse(format!("policy.{key}"), fixed);
        }
    }
    for (number, event) in scenario.events.iter().enumerate() {
        if event.what != Happening::Revoke {
            refuse(format!("event.{}.do", number + 1), "only `revoke` happens over processes");
        }
    }
    let faults = &scenario.faults;
    for (key, share) in [
        ("crash", faults.crash),
        ("lose_outcome", faults.lose_outcome),
        ("alter_object", faults.alter_object),
        ("alter_message", faults.alter_message),
    ] {
        if share.get() > 0.0 {
            refuse(format!("faults.{key}"), "the relay delays and loses; it alters nothing");
        }
    }
    if !scenario.hostile.is_empty() {
        refuse("hostile".into(), "the program is honest");
    }
    for expect in &scenario.expect {
        let metric = expect.metric.split('.').next().unwrap_or_default();
        if !MEASURED.contains(&metric) {
            refuse(format!("expect.{metric}"), "it is not measured over processes");
        }
    }
    found.into_iter().collect()
}

fn of_machine(machine: &Machine) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    if machine.up.is_some() || machine.down.is_some() {
        found.push(("up", "processes stay on"));
    }
    if machine.clock_skew.micros() > 0 {
        found.push(("clock_skew", "all processes have this machine's clock"));
    }
    if machine.nat != Nat::default() {
        found.push(("nat", "the relay reaches every node"));
    }
    if machine.sync.is_some() {
        found.push(("sync", "a commit takes what this machine's disk takes"));
    }
    if machine.disk.is_some() {
        found.push(("disk", "it is this machine's"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_scenarios::scenario::load;
    use std::path::Path;

    fn shipped(name: &str) -> Scenario {
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../files");
        load(&files.join(name)).unwrap()
    }

    #[test]
    fn the_ward_is_taken_whole() {
        assert_eq!(refused(&shipped("ward.toml"), 9), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_honoured_is_refused_by_its_key() {
        let found = refused(&shipped("smoke.toml"), 26);
        for key in [
            "link.1.duplicate",
            "link.1.reorder",
            "phone.up",
            "phone.nat",
            "clinic.sync",
            "clinic.clock_skew",
            "university.disk",
            "policy.idle",
            "policy.retry_longest",
            "event.1.do",
            "faults.crash",
            "hostile",
        ] {
            assert!(found.iter().any(|said| said.starts_with(&format!("{key}:"))), "{key}");
        }
        // A revocation by many does happen.
        assert!(!found.iter().any(|said| said.starts_with("event.9.")));
    }
}
