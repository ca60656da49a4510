//! The whole road once, in memory: found, enrol, record, deposit, refer, add, request, rotate, revoke.

use chartmesh_protocol::access_log;
use chartmesh_protocol::consent::{self, RequestState, Wish};
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::record::Kind;
use chartmesh_scenarios::Region;

#[test]
fn the_whole_road_once() {
    let mut region = Region::found(1);
    // The patient sees what A holds, what was recorded before the enrolment included.
    let seen = region.entries(region.relay, true);
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().any(|entry| entry.title.as_deref() == Some("before enrolment")));
    // Locked, the relay knows that there are entries and nothing else.
    assert!(region.entries(region.relay, false).iter().all(|entry| entry.title.is_none()));

    // The patient has A deposit everything with the provider.
    region.upload();
    let order = region.requests(region.relay).remove(0);
    assert_eq!(order.state, RequestState::Done, "{order:?}");
    assert_eq!(region.entries(region.provider, false).len(), 3);

    // A refers to B; the patient permits; B reads from the provider while A is off.
    let request = region.refer(&Wish { write: Some(true), ..Wish::default() });
    region.approve(&request, r#"{"days":7}"#).unwrap();
    region.world.switch(region.a, false);
    let fetched = region.fetch(&request);
    assert_eq!(fetched.state, RequestState::Done, "{fetched:?}");
    let at_b = region.entries(region.b, false);
    assert_eq!(at_b.len(), 3);
    assert!(at_b.iter().all(|entry| entry.whole && entry.title.is_some()));
    region.world.switch(region.a, true);

    // B adds a finding beside the original, at the provider, in the patient's name.
    let original =
        at_b.iter().find(|entry| entry.title.as_deref() == Some("endoscopy")).unwrap().entry;
    let mut finding = region.world.draft(region.b, Kind::Reports, "finding", &[b"no ulcer"]);
    finding.adds_to = Some(original);
    region.world.record(region.b, region.patient, vec![finding]).unwrap();
    region.keep_for_patient().unwrap();
    assert_eq!(region.entries(region.provider, false).len(), 4);
    let seen = region.entries(region.relay, true);
    assert!(seen.iter().any(|entry| entry.adds_to == Some(original)));

    // The patient rotates, keeping everything; B can still read. The permission to add names
    // compartments that the rotation retires, so it is named as dropped.
    let grants = region.grants(region.relay);
    let tokens: Vec<_> = grants.iter().map(|grant| grant.token).collect();
    let rotated = region.world.rotate(region.relay, region.patient, tokens.clone()).unwrap();
    assert_eq!((rotated.kept.len(), rotated.dropped.len()), (tokens.len() - 1, 1));
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    assert_eq!(region.entries(region.relay, true).len(), 4);

    // The patient reads the access log of all holders.
    let collect = access_log::command::Collect { patient: region.patient };
    region.world.ask(region.relay, collect, None).unwrap();
    let logs = region
        .world
        .see(region.relay, &ask::CollectedLogs { patient: region.patient }, None)
        .unwrap();
    assert!(logs.iter().all(|log| log.verified), "{logs:?}");
    let provider = region.world.id(region.provider);
    assert!(logs.iter().any(|log| log.holder == provider));
    let lines = region.lines(region.provider);
    assert_eq!(lines.iter().filter(|line| line.action == access_log::Action::Read).count(), 2);

    // Revoked: the provider refuses, with its reason in the log.
    let revoke = consent::command::Revoke { patient: region.patient, tokens };
    region.world.ask(region.relay, revoke, Some(region.patient)).unwrap();
    let refused = region.fetch(&request);
    assert_eq!(refused.state, RequestState::Failed);
    assert!(refused.reason.contains("revoked"), "{}", refused.reason);
}
