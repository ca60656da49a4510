//! Expulsion between processes, with more than one vote needed.

use chartmesh_tests::{Node, admit, is_member, join, standing, until};
use serde_json::Value;

/// What is being decided.
fn open(at: &Node) -> Vec<Value> {
    let view = at.cli(&["federation", "members"]);
    view["open"].as_array().cloned().unwrap_or_default()
}

/// Four hospitals, two sponsors for each admission.
fn found(root: &std::path::Path) -> [Node; 4] {
    let names = ["Kita Hospital", "Minami Clinic", "Higashi Hospital", "Nishi Clinic"];
    let nodes = names.map(|name| Node::create(root, "hospital", name));
    let [a, b, c, d] = &nodes;
    a.cli(&["federation", "found", "Four winds"]);
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
fn two_votes_are_not_enough_three_put_one_of_four_out_everywhere_and_for_good() {
    let root = tempfile::tempdir().unwrap();
    let [a, b, c, mut d] = found(root.path());
    let d = &mut d;
    // Made while D was a member, and kept for later.
    let old_invite = c.cli(&["federation", "invite"]);

    a.cli(&["federation", "expel", &d.id, "--reason", "its keys were stolen"]);
    for at in [&a, &b, &c, &*d] {
        until("the vote everywhere", || {
            let found = open(at);
            let one = found.iter().find(|one| one["party"] == d.id.as_str())?;
            assert_eq!(one["by"].as_array().map(Vec::len), Some(1), "{one}");
            assert_eq!((&one["wanted"], &one["needed"]), (&"expulsion".into(), &3.into()), "{one}");
            Some(())
        });
    }
    b.cli(&["federation", "expel", &d.id, "--reason", "its keys were stolen"]);
    for at in [&a, &b, &c, &*d] {
        until("the second vote everywhere", || {
            let found = open(at);
            let one = found.iter().find(|one| one["party"] == d.id.as_str())?;
            (one["by"].as_array().map(Vec::len) == Some(2)).then_some(())
        });
        assert!(is_member(at, d), "two votes of three put a member out");
    }
    // The one concerned has no vote.
    let refused = d.cli_fails(&["federation", "expel", &d.id]);
    assert!(!refused.is_empty());

    c.cli(&["federation", "expel", &d.id]);
    for at in [&a, &b, &c] {
        until("the expulsion everywhere", || {
            (standing(at, &d.id).as_deref() == Some("expelled")).then_some(())
        });
    }

    // It is told, by whom and why, though nothing reaches it any more but the answer to its `hello`.
    let told = until("D to be told", || {
        let view = d.cli(&["federation", "members"]);
        view["expelled"].is_object().then(|| view["expelled"].clone())
    });
    assert_eq!(told["reason"], "its keys were stolen", "{told}");
    let mut by: Vec<_> = told["names"].as_array().unwrap().iter().collect();
    by.sort_unstable_by_key(|name| name.to_string());
    assert_eq!(by.len(), 3, "q of four sealed it: {told}");
    assert_eq!(standing(d, &d.id).as_deref(), Some("expelled"));
    let status = d.cli(&["status"]);
    assert_eq!(
        (&status["member"], &status["expelled"]["reason"]),
        (&false.into(), &told["reason"])
    );

    // With a restart it greets everybody anew, and every greeting is refused: its log says so.
    d.kill();
    let before = std::fs::read_to_string(d.log_file()).unwrap().len();
    d.start();
    for at in [&a, &b, &c] {
        let node = at.get("/v1/status").unwrap()["node"].as_str().unwrap()[..8].to_owned();
        until("the greeting to be refused", || {
            let log = std::fs::read_to_string(d.log_file()).unwrap();
            let mut lines = log[before..].lines().filter(|line| line.contains("hello was refused"));
            lines.any(|line| line.contains(&node)).then_some(())
        });
    }

    // It says nothing to the federation any more, and gives nobody an invite: with the reason.
    for command in [
        &["federation", "expel", &a.id, "--reason", "revenge"][..],
        &["federation", "invite"],
        &["federation", "admit", &a.id],
        &["federation", "leave"],
    ] {
        let refused = d.cli_fails(command);
        assert!(refused.contains("expelled from `Four winds`"), "{refused}");
        assert!(refused.contains("its keys were stolen"), "{refused}");
    }

    // Neither the invite of before nor a new one lets it back: nobody can sponsor it.
    let new_invite = a.cli(&["federation", "invite"]);
    for invite in [&old_invite, &new_invite] {
        let refused = d.cli_fails(&["federation", "join", invite["code"].as_str().unwrap()]);
        assert!(refused.contains("expelled from `Four winds`"), "{refused}");
    }
    for at in [&a, &b] {
        let refused = at.cli_fails(&["federation", "admit", &d.id]);
        assert!(refused.contains("expelled"), "{refused}");
    }
    for at in [&a, &b, &c] {
        assert!(open(at).is_empty(), "{}", at.name);
    }

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
