//! A clock that jumps back over a restart: what has expired stays expired.
//!
//! With the very protocol core and the rows that outlive a restart; how a running node's clock keeps
//! going is tested in `node/src/driver/clock.rs`, and both together in `tests/tests/clock.rs`.

use chartmesh_protocol::consent::{RequestState, Wish};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::ask;
use chartmesh_scenarios::Region;

/// How long the permission holds, and how far the clock goes beyond and back.
const HOUR_MS: u64 = 3_600_000;

#[test]
fn an_expired_permission_stays_refused_when_the_clock_jumps_back_over_a_restart() {
    let mut region = Region::found(1);
    let request = region.refer(&Wish::default());
    region.approve(&request, &format!(r#"{{"valid_ms":{HOUR_MS}}}"#)).unwrap();
    let (a, good) = (region.a, region.world.now);
    let fetched = region.fetch_at(&request, a);
    assert_eq!(fetched.state, RequestState::Done, "{fetched:?}");

    // It expires, and A works on at that later time.
    region.world.advance(2 * HOUR_MS);
    let refused = region.fetch_at(&request, a);
    assert_eq!(refused.state, RequestState::Failed, "{refused:?}");

    // A is off; its clock and everybody's jump back to when the permission was good.
    region.world.switch(a, false);
    region.world.now = good;
    region.world.switch(a, true);
    let refused = region.fetch_at(&request, a);
    assert_eq!(refused.state, RequestState::Failed, "{refused:?}");
    assert!(refused.reason.starts_with("expired"), "{}", refused.reason);
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
    let patients = region.world.all(relay, ask::Patients::default(), None).unwrap();
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
