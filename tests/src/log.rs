//! What a holder's access log says.

use serde_json::{Value, json};

use crate::Node;

/// All lines of a node's access log. It must verify, and its numbers and times have no gap and no
/// step back.
///
/// # Panics
/// When it does not.
#[must_use]
pub fn lines(node: &Node, patient: &str) -> Vec<Value> {
    let mut lines: Vec<Value> = Vec::new();
    let mut query = json!({"access-log": {"subject": patient}});
    loop {
        let view = node.query(query.clone(), None).expect("an answer");
        assert_eq!(view["verified"], true, "{}: {}", node.name, view["problem"]);
        let page = view["lines"].as_array().expect("lines");
        lines.extend(page.iter().cloned());
        if view["next"].is_null() {
            assert_eq!(view["length"], lines.len(), "{}", node.name);
            break;
        }
        query["access-log"]["after"] = view["next"].clone();
    }
    let mut number = 0;
    for (index, line) in lines.iter().enumerate() {
        // A store that was put back goes on in another volume.
        number = if line["begins"].is_null() { number + 1 } else { 1 };
        assert_eq!(line["seq"], number, "{}", node.name);
        let before = index.checked_sub(1).map_or(0, |before| time(&lines[before]));
        assert!(before <= time(line), "time went back in the log of {}: {line}", node.name);
    }
    lines
}

fn time(line: &Value) -> u64 {
    line["at"].as_u64().expect("a line has its time")
}

/// The reasons of all that a node refused, in order.
#[must_use]
pub fn refusals(node: &Node, patient: &str) -> Vec<String> {
    let refused = |line: &Value| {
        let reason = line["reason"]["name"].as_str()?.to_owned();
        (line["action"].as_str()?.ends_with("refused")).then_some(reason)
    };
    lines(node, patient).iter().filter_map(refused).collect()
}
