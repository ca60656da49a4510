//! The whole road between whole nodes: found, join, admit, enrol, record, deposit, refer, approve, fetch,
//! revoke; with Noise, Yamux, redb and the driver's own waits, in simulated time.

use chartmesh_protocol::federation::view::FederationView;
use chartmesh_protocol::record::view::ChartView;
use chartmesh_protocol::record::view::EntryView;
use std::time::Duration;

use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::consent::{self, RequestState};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::{Command, Page, StatusView, ask};
use chartmesh_protocol::record::Kind;
use chartmesh_stack::{Link, Links, Region, Stack};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(600);

fn consent(what: &str, with: serde_json::Value) -> Command {
    Command::Consent(serde_json::from_value(json!({ what: with })).unwrap())
}

fn all() -> ask::Requests {
    ask::Requests::default()
}

#[test]
fn the_whole_road_between_whole_nodes() {
    let link = Link::of(Duration::from_millis(20));
    let mut stack = Stack::new(1, Links::all(link));
    let begun = stack.now();
    let a = stack.add(Role::Hospital, "Hospital A", Region(0));
    let b = stack.add(Role::Hospital, "Hospital B", Region(0));
    let provider = stack.add(Role::Backup, "Provider", Region(0));
    let relay = stack.add(Role::Patient, "Relay", Region(0));

    let create = chartmesh_protocol::federation::command::Found {
        name: "Kita".into(),
        threshold: 2,
        anew: false,
    };
    stack.command(a, create, None).unwrap();
    stack.join(b, a).unwrap();
    let applied = |view: &FederationView| view.parties.len() == 2;
    stack.wait_until(a, ask::Members, PATIENCE, applied).expect("b applied").unwrap();
    stack.admit(a, b).unwrap();
    let member = |status: &StatusView| status.member;
    stack.wait_until(b, ask::Status, PATIENCE, member).expect("b is a member").unwrap();
    stack.join(provider, b).unwrap();
    let applied = |view: &FederationView| view.parties.len() == 3;
    for sponsor in [a, b] {
        stack.wait_until(sponsor, ask::Members, PATIENCE, applied).expect("applied").unwrap();
        stack.admit(sponsor, provider).unwrap();
    }
    stack.wait_until(provider, ask::Status, PATIENCE, member).expect("admitted").unwrap();

    let patient = stack.new_patient(relay, "Hanako").unwrap();
    stack.enrol(a, relay, patient).unwrap();
    let enrolled =
        move |charts: &Page<ChartView>| charts.items.iter().any(|chart| chart.subject == patient);
    stack.wait_until(a, ask::Charts::default(), PATIENCE, enrolled).expect("enrolled").unwrap();
    let big = vec![7; 200_000];
    let drafts: [(&str, Kind, &[&[u8]]); 2] = [
        ("blood count", Kind::Laboratory, &[b"12.1 g/dL"]),
        ("endoscopy", Kind::Imaging, &[&big, b"still 2"]),
    ];
    stack.record(a, patient, &drafts).unwrap();
    let entries = ask::Entries::of(patient);
    let two = |entries: &Page<EntryView>| entries.items.len() == 2;
    stack.wait_until(relay, entries.clone(), PATIENCE, two).expect("labels came").unwrap();

    // The patient has A deposit everything with the provider.
    let (ida, idb, idp) = (stack.id(a), stack.id(b), stack.id(provider));
    let upload = consent("upload", json!({"patient": patient, "hospital": ida, "depositary": idp}));
    stack.command(relay, upload, Some(patient)).unwrap();
    let done = |all: &Page<RequestView>| all.items.iter().any(|r| r.state == RequestState::Done);
    stack.wait_until(relay, all(), PATIENCE, done).expect("deposited").unwrap();
    let kept = |e: &Page<EntryView>| e.items.len() == 2 && e.items.iter().all(|e| e.whole);
    stack.wait_until(provider, entries.clone(), PATIENCE, kept).expect("kept").unwrap();

    // A refers to B, the patient permits, B reads at the provider while A is off.
    let referral = json!({
        "patient": patient, "to": idb, "purpose": "care-management", "user": "Dr. A", "wish": {},
    });
    stack.command(a, consent("referral", referral), None).unwrap();
    let asked = move |all: &Page<RequestView>| {
        all.items.iter().any(|r| r.state == RequestState::Open && r.asker == ida)
    };
    let seen = stack.wait_until(relay, all(), PATIENCE, asked).expect("asked").unwrap();
    let open = |r: &&RequestView| r.state == RequestState::Open && r.asker == ida;
    let request = seen.items.iter().find(open).unwrap().request;
    let approve = consent("approve", json!({"request": request, "narrow": {"days": 7}}));
    stack.command(relay, approve, Some(patient)).unwrap();
    let granted = move |all: &Page<RequestView>| {
        all.items.iter().any(|r| r.request == request && !r.tokens.is_empty())
    };
    stack.wait_until(b, all(), PATIENCE, granted).expect("b has the grant").unwrap();
    stack.switch_off(a);
    let fetch = consent("fetch", json!({"request": request, "holder": idp, "user": "Dr. B"}));
    stack.command(b, fetch, None).unwrap();
    let read = |e: &Page<EntryView>| e.items.len() == 2 && e.items.iter().all(|e| e.whole);
    stack.wait_until(b, entries, PATIENCE, read).expect("b has read").unwrap();

    // Revoked, with A back: the provider refuses.
    stack.switch_on(a);
    let tokens = move |all: &Page<RequestView>| {
        let request = all.items.iter().find(|r| r.request == request);
        request.map(|r| r.tokens.clone()).unwrap_or_default()
    };
    let seen = stack.query(relay, all(), None).unwrap();
    let revoke = consent::command::Revoke { patient, tokens: tokens(&seen) };
    stack.command(relay, revoke, Some(patient)).unwrap();
    stack.advance(Duration::from_secs(5));
    let fetch = consent("fetch", json!({"request": request, "holder": idp, "user": "Dr. B"}));
    stack.command(b, fetch, None).unwrap();
    let failed = move |all: &Page<RequestView>| {
        all.items.iter().any(|r| r.request == request && r.state == RequestState::Failed)
    };
    let seen = stack.wait_until(b, all(), PATIENCE, failed).expect("refused").unwrap();
    let refused = seen.items.iter().find(|r| r.request == request).unwrap();
    assert!(refused.reason.contains("revoked"), "{}", refused.reason);

    assert!(chartmesh_stack::chance::calls() > 0, "chance is the seed's");
    let deliveries = stack.deliveries();
    assert!(deliveries.len() > 20, "{}", deliveries.len());
    assert!(deliveries.iter().all(|delivered| delivered.latency_ms >= 20), "the link's latency");
    assert!(stack.now().since(begun) < 10 * 60 * 1000, "no step waited for a night");
}
