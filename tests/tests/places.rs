//! Few places, many who want them: what a crowd of strangers takes from those whom a node knows.

use std::time::Duration;

use chartmesh_tests::{Crowd, Node, admit, is_member, join, until};
use serde_json::json;

/// Connections that the crowd holds at a time: more than there are handshakes, and than strangers' places.
const HELD: usize = 300;

/// B wants three sponsors: A is to hear of it.
fn hears(at: &Node) {
    until(&format!("{} to hear of it", at.name), || {
        let view = at.query(json!("members"), None).ok()?;
        let open = view["open"].as_array()?;
        open.iter().any(|one| one["sponsors"] == 3).then_some(())
    });
}

#[test]
fn a_hospital_that_restarts_in_a_crowd_of_silent_strangers_is_reached_by_who_it_knew() {
    let root = tempfile::tempdir().unwrap();
    let mut a = Node::create(root.path(), "hospital", "Kita Hospital");
    let b = Node::create(root.path(), "hospital", "Minami Clinic");
    a.cli(&["federation", "found", "Kita region"]);
    join(&a, &b);
    admit(&a, &b);
    until("the founding", || is_member(&b, &b).then_some(()));
    let port = a.port();
    a.kill();
    b.cli(&["federation", "threshold", "3"]);
    a.start();
    assert_eq!(a.port(), port);
    for addresses in [&[2][..], &[2, 3, 4]] {
        let crowd = Crowd::silent(port, addresses, HELD, Duration::from_millis(1));
        until("the crowd", || (crowd.made() > 2 * HELD as u64).then_some(()));
        if addresses.len() == 1 {
            hears(&a);
            // And somebody whom it does not know gets in: only an invite opens the door to it.
            let c = Node::create(root.path(), "hospital", "Higashi Clinic");
            join(&a, &c);
        }
        assert!(a.get("/v1/status").is_ok());
    }
}
