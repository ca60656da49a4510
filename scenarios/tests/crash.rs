//! Commit, then speak: effects are only hints, so losing them at any event loses nothing.

use chartmesh_protocol::consent::RequestState;
use chartmesh_protocol::record::Kind;
use chartmesh_scenarios::{Region, World};

/// The road: deposit, refer, permit, read, add, rotate, revoke; every acknowledged thing is there.
fn road(world: World) -> World {
    let mut region = Region::found_in(world);
    for at in [region.a, region.b, region.provider] {
        for who in [region.a, region.b, region.provider] {
            assert!(region.world.is_member(at, who), "{at:?} knows {who:?}");
        }
    }
    assert_eq!(region.entries(region.relay, true).len(), 3);
    let request = region.permitted(r#"{"days":7}"#);
    assert_eq!(region.entries(region.provider, false).len(), 3);
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    let at_b = region.entries(region.b, false);
    assert_eq!(at_b.len(), 3);
    assert!(at_b.iter().all(|entry| entry.whole));
    let drafts = vec![region.world.draft(region.b, Kind::Reports, "finding", &[b"no ulcer"])];
    region.world.record(region.b, region.patient, drafts).unwrap();
    region.keep_for_patient().unwrap();
    let kept = region.entries(region.provider, false);
    assert_eq!((kept.len(), kept.iter().all(|entry| entry.whole)), (4, true));
    assert_eq!(region.entries(region.relay, true).len(), 4);
    let tokens = region.tokens(&request);
    region.world.rotate(region.relay, region.patient, tokens.clone()).unwrap();
    region.world.wait();
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    region.revoke(tokens);
    assert_eq!(region.fetch(&request).state, RequestState::Failed);
    assert!(region.reasons(region.provider).iter().any(|reason| reason == "revoked"));
    region.world
}

#[test]
fn the_road_completes_whatever_single_event_is_followed_by_a_crash() {
    let events = road(World::new(1)).events;
    assert!(events > 100);
    // Every event would take minutes; the stride is prime, so other seeds would meet others.
    for at in (1..events).step_by(13) {
        let mut world = World::new(1);
        world.crash_at = Some(at);
        assert_eq!(road(world).crashes, 1, "at event {at}");
    }
}

#[test]
fn the_road_completes_when_every_fifth_event_is_followed_by_a_crash() {
    for seed in 0..3 {
        let mut world = World::new(seed);
        world.lose_effects = 20;
        assert!(road(world).crashes > 30);
    }
}
