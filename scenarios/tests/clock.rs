//! A clock that jumps back over a restart: what has expired stays expired.
//!
//! With the very protocol core and the rows that outlive a restart; how a running node's clock keeps
//! going is tested in `node/src/driver/clock.rs`, and both together in `tests/tests/clock.rs`.

use chartmesh_protocol::consent::{self, RequestState, view::RequestView};
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::{Command, Query, View};
use chartmesh_protocol::record::{self, Kind};
use chartmesh_protocol::{enrolment, federation};
use chartmesh_scenarios::{Region, Who, World};
use serde_json::{Value, json};

/// How long the permission holds, and how far the clock goes beyond and back.
const HOUR_MS: u64 = 3_600_000;

fn code(view: View) -> String {
    match view {
        View::Code(view) => view.code,
        other => panic!("no code: {other:?}"),
    }
}

fn consent(command: Value) -> Command {
    Command::Consent(serde_json::from_value::<consent::Command>(command).unwrap())
}

fn join(world: &mut World, host: Who, guest: Who) {
    let invite = federation::Command::Invite { valid_ms: None, addresses: vec!["memory".into()] };
    let code = code(world.ask(host, Command::Federation(invite), None).unwrap());
    world.ask(guest, Command::Federation(federation::Command::Join { code }), None).unwrap();
    let party = world.id(guest);
    world.ask(host, Command::Federation(federation::Command::Admit { party }), None).unwrap();
}

fn requests(world: &World, at: Who) -> Vec<RequestView> {
    match world.see(at, &Query::Requests { patient: None }, None).unwrap() {
        View::Requests(requests) => requests,
        other => panic!("{other:?}"),
    }
}

fn fetch(world: &mut World, b: Who, request: &RequestView, holder: PartyId) -> RequestView {
    let fetch = json!({"fetch": {"request": request.request, "holder": holder, "user": "Dr. B"}});
    world.ask(b, consent(fetch), None).unwrap();
    requests(world, b).into_iter().find(|found| found.request == request.request).unwrap()
}

#[test]
fn an_expired_permission_stays_refused_when_the_clock_jumps_back_over_a_restart() {
    let mut world = World::new(1);
    let a = world.add(Role::Hospital, "Hospital A");
    let b = world.add(Role::Hospital, "Hospital B");
    let relay = world.add(Role::Patient, "Relay");
    let create =
        federation::Command::Create { name: "Kita".into(), threshold: 2, first_members: None };
    world.ask(a, Command::Federation(create), None).unwrap();
    join(&mut world, a, b);
    let patient = world.new_patient(relay, "Reiko");
    let chart = record::Command::NewChart { name: "Reiko".into(), identifiers: vec![] };
    let View::Chart(chart) = world.ask(a, Command::Record(chart), None).unwrap() else { panic!() };
    let enrol = enrolment::Command::Code {
        chart: chart.chart,
        valid_ms: None,
        addresses: vec!["memory".into()],
    };
    let code = code(world.ask(a, Command::Enrolment(enrol), None).unwrap());
    let enrol = enrolment::Command::Enrol { patient, code };
    world.ask(relay, Command::Enrolment(enrol), Some(patient)).unwrap();
    let draft = world.draft(a, Kind::Laboratory, "blood count", &[b"12.1 g/dL"]);
    world.record(a, patient, vec![draft]).unwrap();

    let refer = json!({"referral": {
        "patient": patient, "to": world.id(b), "purpose": "care-management", "user": "Dr. A", "wish": {},
    }});
    world.ask(a, consent(refer), None).unwrap();
    let open = requests(&world, relay).into_iter().find(|one| one.state == RequestState::Open);
    let request = open.unwrap();
    let approve = json!({"approve": {"request": request.request, "narrow": {"valid_ms": HOUR_MS}}});
    world.ask(relay, consent(approve), Some(patient)).unwrap();
    let holder = world.id(a);
    let good = world.now;
    let fetched = fetch(&mut world, b, &request, holder);
    assert_eq!(fetched.state, RequestState::Done, "{fetched:?}");

    // It expires, and A works on at that later time.
    world.advance(2 * HOUR_MS);
    let refused = fetch(&mut world, b, &request, holder);
    assert_eq!(refused.state, RequestState::Failed, "{refused:?}");

    // A is off; its clock and everybody's jump back to when the permission was good.
    world.switch(a, false);
    world.now = good;
    world.switch(a, true);
    let refused = fetch(&mut world, b, &request, holder);
    assert_eq!(refused.state, RequestState::Failed, "{refused:?}");
}

#[test]
fn what_was_revoked_stays_revoked_when_a_clock_that_ran_ahead_is_put_right() {
    let mut region = Region::found(1);
    let request = region.permitted(&format!(r#"{{"valid_ms":{HOUR_MS}}}"#));
    let (provider, relay, b) = (region.provider, region.relay, region.b);
    // Who was permitted does not bring the news.
    region.world.cut.insert((relay, b));
    // The holder's clock runs ahead, beyond the end of the permission, when it hears of a revocation.
    region.world.parties[provider.0].ahead_ms = 2 * HOUR_MS;
    let tokens = region.tokens(&request);
    region.revoke(tokens);
    assert_eq!(region.fetch(&request).state, RequestState::Failed);
    // Nothing further comes from the relay before the operator puts the clock right.
    region.world.cut.insert((relay, provider));
    region.world.put_clock_right(provider, true);
    let fetched = region.fetch(&request);
    assert!(fetched.reason.starts_with("revoked"), "{:?} {}", fetched.state, fetched.reason);
}

#[test]
fn a_relay_whose_clock_runs_ahead_enrols_and_revokes_like_any_other() {
    let mut region = Region::found(1);
    let (a, b) = (region.a, region.b);
    let relay = region.world.add(Role::Patient, "A fast clock");
    region.world.parties[relay.0].ahead_ms = 6 * HOUR_MS;
    region.patient = region.world.new_patient(relay, "Jiro");
    region.relay = relay;
    region.world.enrol(a, relay, region.patient);
    let View::Patients(patients) = region.world.see(relay, &Query::Patients, None).unwrap() else {
        panic!()
    };
    assert!(patients[0].enrolling.is_empty(), "{patients:?}");
    let request = region.permitted("{}");
    // Permissions hold from when they were given: six hours on, here.
    region.world.advance(6 * HOUR_MS);
    assert_eq!(region.fetch_at(&request, a).state, RequestState::Done);
    // It says so at once all the same: who was permitted does not bring the news.
    region.world.cut.insert((relay, b));
    let tokens = region.tokens(&request);
    region.revoke(tokens);
    assert_eq!(region.fetch_at(&request, a).state, RequestState::Failed);
    assert_eq!(region.reasons(a), ["revoked"]);
}
