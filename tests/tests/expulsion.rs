//! Expulsion between processes, with more than one vote needed.

use chartmesh_tests::{Node, admit, is_member, join, standing, until, waiting};
use serde_json::Value;

fn proposals(at: &Node) -> Vec<Value> {
    let view = at.cli(&["federation", "members"]);
    view["proposals"].as_array().cloned().unwrap_or_default()
}

/// Four hospitals, two sponsors for each admission.
fn found(root: &std::path::Path) -> [Node; 4] {
    let names = ["Kita Hospital", "Minami Clinic", "Higashi Hospital", "Nishi Clinic"];
    let nodes = names.map(|name| Node::create(root, "hospital", name));
    let [a, b, c, d] = &nodes;
    a.cli(&["federation", "create", "Four winds", "--threshold", "2"]);
    join(a, b);
    admit(a, b);
    until("the founding", || is_member(b, b).then_some(()));
    for guest in [c, d] {
        join(b, guest);
        admit(b, guest);
        until("A to hear of the applicant", || standing(a, &guest.id));
        admit(a, guest);
        for at in [a, b, c, d] {
            if at.id == d.id && guest.id == c.id {
                continue;
            }
            until("the admission everywhere", || is_member(at, guest).then_some(()));
        }
    }
    for at in &nodes {
        for who in &nodes {
            until("four members everywhere", || is_member(at, who).then_some(()));
        }
    }
    nodes
}

#[test]
fn one_vote_is_not_enough_two_put_a_member_out_everywhere_and_for_good() {
    let root = tempfile::tempdir().unwrap();
    let [a, b, c, mut d] = found(root.path());
    let d = &mut d;
    // Made while D was a member, and kept for later.
    let old_invite = c.cli(&["federation", "invite"]);

    a.cli(&["federation", "expel", &d.id, "--reason", "its keys were stolen"]);
    for at in [&a, &b, &c, &*d] {
        until("the proposal everywhere", || {
            let found = proposals(at);
            let one = found.iter().find(|proposal| proposal["subject"] == d.id.as_str())?;
            assert_eq!(one["votes"].as_array().map(Vec::len), Some(1), "{one}");
            assert_eq!(one["electorate"], 3, "{one}");
            assert_eq!(one["carried"], false, "{one}");
            Some(())
        });
        assert!(is_member(at, d), "one vote of three put a member out");
    }
    // The one concerned has no vote.
    let refused = d.cli_fails(&["federation", "expel", &d.id]);
    assert!(!refused.is_empty());

    b.cli(&["federation", "expel", &d.id, "--reason", "its keys were stolen"]);
    for at in [&a, &b, &c] {
        until("the expulsion everywhere", || {
            (standing(at, &d.id).as_deref() == Some("expelled")).then_some(())
        });
    }

    // Its gate is closed: D's own commands go through, and what they say to the others waits for
    // ever; D's terminal shows that.
    d.cli(&["federation", "expel", &a.id, "--reason", "revenge"]);

    // With a restart it greets everybody anew, and every greeting is refused: its log says so.
    d.kill();
    let before = std::fs::read_to_string(d.log_file()).unwrap().len();
    d.start();
    for at in [&a, &b, &c] {
        let node = at.get("/v1/status").unwrap()["node"].as_str().unwrap()[..8].to_owned();
        until("the greeting to be refused", || {
            let log = std::fs::read_to_string(d.log_file()).unwrap();
            let line = format!("hello was refused node={node}");
            log[before..].contains(&line).then_some(())
        });
        assert!(waiting(d, at) > 0, "{} took something from the expelled node", at.name);
        assert!(proposals(at).iter().all(|one| one["subject"] == d.id.as_str()), "{}", at.name);
    }

    // Neither the invite of before nor a new one lets it back.
    let new_invite = a.cli(&["federation", "invite"]);
    for invite in [&old_invite, &new_invite] {
        let refused = d.cli_fails(&["federation", "join", invite["code"].as_str().unwrap()]);
        assert!(refused.contains("in a federation already"), "{refused}");
    }
    // Nor after it has left by itself, which makes it free to apply: nobody can sponsor it.
    d.cli(&["federation", "leave"]);
    for invite in [&old_invite, &new_invite] {
        let _ = d.try_cli(&["federation", "join", invite["code"].as_str().unwrap()]);
    }
    let refused = a.cli_fails(&["federation", "admit", &d.id]);
    assert!(refused.contains("expelled"), "{refused}");
    let refused = b.cli_fails(&["federation", "admit", &d.id]);
    assert!(refused.contains("expelled"), "{refused}");

    // The others go on: somebody new is admitted by the three.
    let e = Node::create(root.path(), "backup", "Midori Backup");
    join(&c, &e);
    admit(&c, &e);
    until("A to hear of the applicant", || standing(&a, &e.id));
    admit(&a, &e);
    for at in [&a, &b, &c, &e] {
        until("the newcomer everywhere", || is_member(at, &e).then_some(()));
        assert_eq!(standing(at, &d.id).as_deref(), Some("expelled"), "at {}", at.name);
    }
    // D heard nothing of that: its gate is closed.
    assert_eq!(standing(d, &e.id), None);
}
