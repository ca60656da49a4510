//! Clocks that jump, keys that rotate.

use chartmesh_protocol::consent::RequestState;
use chartmesh_protocol::time::{DAY_MS, Timestamp};
use chartmesh_scenarios::Region;

#[test]
fn a_clock_that_jumps_back_brings_nothing_back_that_expired() {
    let mut region = Region::found(1);
    let before = region.world.now;
    let request = region.permitted(r#"{"days":1}"#);
    region.world.advance(2 * DAY_MS);
    assert!(region.fetch(&request).reason.starts_with("expired"));
    region.world.now = before;
    assert!(region.fetch(&request).reason.starts_with("expired"));
    region.world.now = Timestamp(before.0 - DAY_MS);
    region.world.switch(region.provider, false);
    region.world.switch(region.provider, true);
    assert!(region.fetch(&request).reason.starts_with("expired"));
}

#[test]
fn a_rotation_keeps_what_is_listed_and_ends_the_rest() {
    let mut region = Region::found(1);
    let kept = region.permitted("{}");
    let dropped = region.permitted("{}");
    let tokens = region.tokens(&kept);
    region.world.rotate(region.relay, region.patient, tokens).unwrap();
    assert_eq!(region.fetch(&kept).state, RequestState::Done);
    assert!(region.fetch(&dropped).reason.starts_with("old-key"));
    assert_eq!(region.reasons(region.provider), ["old-key"]);
    // What was recorded before stays readable to the patient, and so does what comes now.
    assert!(region.entries(region.relay, true).iter().all(|entry| entry.title.is_some()));
}

#[test]
fn what_is_sealed_to_a_compartment_that_a_rotation_retired_is_not_taken() {
    use chartmesh_protocol::record::Kind;
    let mut region = Region::found(1);
    let request = region.permitted("{}");
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    let drafts = vec![region.world.draft(region.b, Kind::Reports, "late", &[b"x"])];
    region.world.record(region.b, region.patient, drafts).unwrap();
    let tokens = region.tokens(&request);
    // B does not hear of the rotation; the provider does.
    region.world.cut.insert((region.relay, region.b));
    region.world.rotate(region.relay, region.patient, tokens).unwrap();
    region.keep_for_patient().unwrap();
    assert_eq!(region.entries(region.provider, false).len(), 3);
}
