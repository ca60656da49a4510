//! The document of the local API says what a node does: every operation of it, asked once of nodes that run.
//!
//! Each exchange of all tests is held against the document (`chartmesh_tests::document`); here it is made sure that none
//! of its operations goes without.

use std::collections::BTreeSet;

use chartmesh_tests::{
    Node, PASSPHRASE, Region, admit, document, fetch, grant, is_member, standing, until,
};
use serde_json::{Value, json};

/// The stream of changes never ends; `tests/wait.rs` listens to it.
const STREAM: &str = "get_changes";

/// Nothing to choose between without a liar, who is made in `protocol/src/trust/membership/tests/forks.rs`.
const FORK: &str = "command_federation_choose";

#[test]
fn every_operation_of_the_document_is_answered_as_it_says() {
    let root = tempfile::tempdir().unwrap();
    let region = Region::found(root.path(), "Sato Aiko");
    let entry = imports(&region);
    asks_how_it_stands(&region);
    let added = federates(&region, root.path());
    patients(&region, &entry);
    consents(&region, &added, &entry);
    backups(&region, &entry);
    logs(&region);
    quotas(&region);
    added.post("/v1/shutdown", &json!({})).unwrap();
    let answered = document::answered();
    let left: BTreeSet<_> = document::operations().difference(&answered).cloned().collect();
    let expected = BTreeSet::from([STREAM.to_owned(), FORK.to_owned()]);
    assert_eq!(left, expected, "not asked, or always refused");
}

fn quotas(region: &Region) {
    let (a, provider) = (&region.a, &region.provider);
    provider.list(json!({"quotas": {}}), None).unwrap();
    provider.query(json!("quota-defaults"), None).unwrap();
    let owner = json!({"institution": a.id});
    provider.command(json!({"quota": {"set": {"owner": owner, "bytes": 1 << 30}}}), None).unwrap();
    provider.command(json!({"quota": {"unset": {"owner": owner}}}), None).unwrap();
    let default = json!({"each": "patient", "entries": 1000});
    provider.command(json!({"quota": {"set-default": default}}), None).unwrap();
    // An invite that nobody has used.
    a.command(json!({"federation": {"invite": {}}}), None).unwrap();
    let invites = a.query(json!("members"), None).unwrap()["invites"].clone();
    let invite = &invites[0]["invite"];
    a.command(json!({"federation": {"uninvite": {"invite": invite}}}), None).unwrap();
}

/// The document that a node gives is the one that everything is held against.
fn asks_how_it_stands(region: &Region) {
    let given = region.a.get("/v1/openapi.json").unwrap();
    let kept = include_str!("../../node/openapi.json");
    assert_eq!(given, serde_json::from_str::<Value>(kept).unwrap());
    for node in [&region.a, &region.provider, &region.relay] {
        node.get("/v1/status").unwrap();
        node.get("/v1/transfers").unwrap();
        for name in ["status", "peers", "members", "charts", "patients", "transfers"] {
            node.query(json!(name), None).unwrap();
        }
    }
}

fn imports(region: &Region) -> String {
    let Region { a, patient, .. } = region;
    let about =
        json!({"subject": patient, "user": "Dr. Sato", "kind": "reports", "title": "A letter"});
    let given_up = a.post("/v1/imports", &about).unwrap();
    a.delete(&format!("/v1/imports/{}", given_up["import"].as_str().unwrap())).unwrap();
    // Its bytes are JSON, for this client reads nothing else.
    let extra = json!({"kind": "reports", "title": "A letter"});
    let entry = a.import(patient, "letter.txt", b"\"Well.\"", extra).unwrap().remove(0);
    let open =
        json!({"subject": patient, "entry": entry, "user": "Dr. Sato", "purpose": "treatment"});
    let opened = a.post("/v1/open", &open).unwrap();
    let content = a.get(&format!("/v1/open/{}/0", opened["open"].as_str().unwrap())).unwrap();
    assert_eq!(content, "Well.");
    a.get(&format!("/v1/proof/{patient}/{entry}")).unwrap();
    a.post("/v1/check", &json!({"deep": true})).unwrap();
    for query in [
        json!({"entries": {"subject": patient, "find": "letter"}}),
        json!({"verify": {"subject": patient}}),
        json!({"catalogued": {"subject": patient}}),
        json!({"treated-by": {"patient": patient}}),
        json!({"find": {"what": ["chart", "subject"], "text": "Sato"}}),
        json!({"keys": {"party": patient}}),
        json!({"access-log": {"subject": patient}}),
    ] {
        a.query(query, None).unwrap();
    }
    entry
}

/// A member more, by this door alone; and one that founds a federation of its own.
fn federates(region: &Region, root: &std::path::Path) -> Node {
    let Region { a, b, .. } = region;
    let alone = Node::create(root, "hospital", "Higashi Hospital");
    let create = json!({"federation": {"found": {"name": "Higashi region", "threshold": 2}}});
    alone.command(create, None).unwrap();
    let added = Node::create(root, "hospital", "Nishi Clinic");
    let applies = || {
        let invite = a.command(json!({"federation": {"invite": {}}}), None).unwrap();
        added.command(json!({"federation": {"join": {"code": invite["code"]}}}), None).unwrap();
        until("the application", || standing(a, &added.id));
    };
    applies();
    added.command(json!({"federation": "recall"}), None).unwrap();
    until("the application to be gone", || standing(a, &added.id).is_none().then_some(()));
    applies();
    a.command(json!({"federation": {"admit": {"party": added.id}}}), None).unwrap();
    until("B to hear of the applicant", || standing(b, &added.id));
    admit(b, &added);
    for at in [a, b, &region.provider, &added] {
        until("the membership", || is_member(at, &added).then_some(()));
    }
    // The hospital stands where its patient's relay does already.
    region.relay.command(json!({"federation": {"follow": {"party": a.id}}}), None).unwrap();
    added
}

fn patients(region: &Region, entry: &str) {
    let Region { a, relay, patient, words, .. } = region;
    region.seen_at_relay(&[entry.to_owned()]);
    let made =
        relay.post("/v1/patients", &json!({"name": "Kato Jun", "passphrase": PASSPHRASE})).unwrap();
    let other = made["patient"]["patient"].as_str().unwrap();
    let new = json!({"record": {"new-chart": {"name": "Kato Jun", "identifiers": [{"name": "mrn", "value": "1"}]}}});
    let chart = a.command(new, None).unwrap();
    let chart = &chart["chart"];
    let begin = || {
        let code = a.command(json!({"enrolment": {"code": {"chart": chart}}}), None).unwrap();
        let enrol = json!({"enrolment": {"enrol": {"patient": other, "code": code["code"]}}});
        relay.command(enrol, None).unwrap();
        until("the relay's part of the number", || {
            let begun = a.list(json!({"enrolments": {}}), None).ok()?;
            begun
                .iter()
                .any(|one| one["chart"] == *chart && one["to_compare"] == true)
                .then_some(())
        });
    };
    let asked = json!({"patient": other, "institution": a.id});
    begin();
    relay.command(json!({"enrolment": {"withdraw": asked}}), None).unwrap();
    until("the hospital to hear of it", || {
        a.list(json!({"enrolments": {}}), None).ok()?.is_empty().then_some(())
    });
    begin();
    a.command(json!({"enrolment": {"cancel": {"chart": chart}}}), None).unwrap();
    begin();
    let compare = json!({"enrolment": {"compare": {"chart": chart, "number": "000 000"}}});
    a.command(compare, None).unwrap();
    let card = relay.query(json!({"patient-card": {"patient": other}}), None).unwrap();
    let scan = json!({"enrolment": {"scan": {"chart": chart, "card": card["card"]}}});
    assert_eq!(a.command(scan, None).unwrap()["same"], true);
    until("the desk's word", || {
        let accept = json!({"enrolment": {"accept": asked}});
        with_passphrase(relay, &accept, other).ok().map(|_| ())
    });
    let made = |at: &Node| {
        let treated = at.query(json!({"treated-by": {"patient": other}}), None).unwrap();
        treated.as_array().unwrap().iter().any(|one| one["now"] == true).then_some(())
    };
    until("the patient's word", || made(relay));
    with_passphrase(relay, &json!({"enrolment": {"end": asked}}), other).unwrap();
    let undo = format!("/v1/charts/{}/undo", chart.as_str().unwrap());
    until("the enrolment to be undone", || {
        a.post(&undo, &json!({"user": "Desk"})).ok().map(|_| ())
    });
    a.list(json!({"misfiled": {"subject": other}}), None).unwrap();
    let refresh = json!({"custody": {"refresh": {"patient": patient}}});
    with_passphrase(relay, &refresh, patient).unwrap();
    relay.post(&format!("/v1/patients/{patient}/lock"), &json!({})).unwrap();
    let rotate = json!({"words": words, "passphrase": PASSPHRASE, "drop": []});
    relay.post(&format!("/v1/patients/{patient}/rotate"), &rotate).unwrap();
    region.unlock();
}

/// What needs a patient's keys, with the passphrase that opens them.
fn with_passphrase(relay: &Node, command: &Value, patient: &str) -> Result<Value, String> {
    let mut asking = chartmesh_node::client::Asking::command(command, Some(patient));
    asking.open_with(PASSPHRASE);
    relay.post(&asking.path, &asking.body).map_err(|error| format!("{error:?}"))
}

fn consents(region: &Region, added: &Node, entry: &String) {
    let Region { b, relay, provider, patient, .. } = region;
    region.deposit(std::slice::from_ref(entry));
    let wish = json!({"entries": [entry]});
    let request = grant(region, &wish, &json!({"days": 3, "may_pass_on": [added.id]}), "Please.");
    b.query(json!({"request": {"request": request}}), None).unwrap();
    assert_eq!(fetch(b, &request, &provider.id).unwrap()["state"], "done");
    let grants = b.list(json!({"grants": {}}), None).unwrap();
    let pass_on = json!({"grants": [grants[0]["token"]], "to": added.id, "user": "Dr. Mori"});
    b.command(json!({"consent": {"pass-on": pass_on}}), None).unwrap();
    let obtain = json!({"patient": patient, "entries": [entry], "user": "Sato Aiko"});
    relay.command(json!({"consent": {"obtain": obtain}}), Some(patient)).unwrap();
    for answer in ["defer", "deny"] {
        let ask =
            json!({"patient": patient, "purpose": "treatment", "user": "Dr. Mori", "wish": wish});
        let asked = b.command(json!({"consent": {"download": ask}}), None).unwrap();
        let request = asked["request"].as_str().unwrap();
        until("the request at the relay", || {
            let found = relay.list(json!({"requests": {}}), None).ok()?;
            found.iter().any(|view| view["request"] == request).then_some(())
        });
        let decided = match answer {
            "defer" => {
                json!({"defer": {"request": request, "until": asked["asked"].as_u64().map(|at| at + 3_600_000)}})
            }
            _ => json!({"deny": {"request": request, "reason": "not now"}}),
        };
        relay.command(json!({"consent": decided}), Some(patient)).unwrap();
    }
    let revoke = json!({"patient": patient, "tokens": [grants[0]["token"]]});
    relay.command(json!({"consent": {"revoke": revoke}}), Some(patient)).unwrap();
}

fn backups(region: &Region, entry: &str) {
    let Region { a, provider, patient, .. } = region;
    let own = a.command(json!({"record": {"new-chart": {"name": "Mori Ken"}}}), None).unwrap();
    let subject = own["subject"].as_str().unwrap();
    let kept = a.import(subject, "note.txt", b"Kept.", json!({})).unwrap();
    let keep = json!({"holder": provider.id, "subject": subject, "entries": kept});
    let offered = a.command(json!({"backup": {"keep": keep}}), None).unwrap();
    a.query(json!({"deposits": {"deposits": offered["deposits"]}}), None).unwrap();
    until("the entry to be kept", || {
        let found = a.list(json!({"kept": {}}), None).ok()?;
        found.iter().any(|view| view["entry"] == kept[0].as_str()).then_some(())
    });
    let begun = a.command(json!({"backup": {"restore": {"holder": provider.id}}}), None).unwrap();
    until("the restore to end", || {
        let restore = json!({"restored": {"restore": begun["restore"]}});
        (a.query(restore, None).ok()?["ended"] == true).then_some(())
    });
    assert_eq!(a.list(json!({"unkept": {}}), None).unwrap(), Vec::<Value>::new());
    a.command(json!({"backup": {"dismiss": {"holder": provider.id}}}), None).unwrap();
    let delete = json!({"holder": provider.id, "entries": kept});
    a.command(json!({"backup": {"delete": delete}}), None).unwrap();
    provider.list(json!({"kept": {"patient": patient}}), None).unwrap();
    assert!(!kept.iter().any(|one| one == entry));
}

fn logs(region: &Region) {
    let Region { a, b, relay, patient, .. } = region;
    let collect = json!({"access-log": {"collect": {"patient": patient}}});
    relay.command(collect, Some(patient)).unwrap();
    let log = until("a collected log", || {
        let logs = relay.query(json!({"collected-logs": {"patient": patient}}), None).ok()?;
        let logs = logs.as_array().cloned().unwrap_or_default();
        logs.into_iter().find(|log| log["length"].as_u64() > Some(0))
    });
    let lines = json!({"collected-lines": {"patient": patient, "holder": log["holder"]}});
    relay.query(lines, None).unwrap();
    let expel = json!({"party": b.id, "reason": "its keys were stolen"});
    a.command(json!({"federation": {"expel": expel}}), None).unwrap();
    a.command(json!({"federation": {"withdraw": {"party": b.id}}}), None).unwrap();
    a.command(json!({"federation": {"threshold": {"sponsors": 2}}}), None).unwrap();
    a.command(json!({"federation": {"rename": {"name": "Sakura General"}}}), None).unwrap();
    b.command(json!({"federation": "leave"}), None).unwrap();
}
