//! Clocks that jump, keys that rotate.

use chartmesh_protocol::consent::RequestState;
use chartmesh_protocol::custody;
use chartmesh_protocol::federation;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, StatusView, ask};
use chartmesh_protocol::time::{DAY_MS, HOUR_MS, Timestamp};
use chartmesh_scenarios::{Region, Who, World};

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

const YEAR_MS: u64 = 365 * DAY_MS;

fn status(world: &World, at: Who) -> StatusView {
    world.see(at, &ask::Status, None).unwrap()
}

/// The time that counts at a party.
fn time(world: &World, at: Who) -> Timestamp {
    let party = &world.parties[at.0];
    party.peer.time(&party.store, Timestamp(0)).unwrap()
}

#[test]
fn a_member_whose_clock_is_a_year_ahead_moves_nobody_elses_time() {
    let mut region = Region::found(1);
    let (a, b, provider, relay) = (region.a, region.b, region.provider, region.relay);
    region.upload();
    let guest = region.world.add(Role::Hospital, "Guest");
    let invite = region.world.invite(a);
    region.world.join(guest, invite).unwrap();
    region.world.parties[b.0].ahead_ms = YEAR_MS;
    // It votes, asks, and is asked, over the connections that it has; its statements say next year.
    region.world.admit(b, guest).unwrap();
    region.world.admit(a, guest).unwrap();
    region.world.advance(HOUR_MS);
    assert!([a, provider, guest].iter().all(|at| region.world.is_member(*at, guest)));
    let request = region.refer(&chartmesh_protocol::consent::Wish::default());
    region.approve(&request, "{}").unwrap();
    region.world.advance(HOUR_MS);
    let now = region.world.now;
    for at in [a, provider, relay, guest] {
        assert!(time(&region.world, at) <= now, "{at:?} took over another's time");
    }
    assert!(time(&region.world, b).0 >= now.0 + YEAR_MS);
    // A new connection with it is refused: its certificate is not valid yet.
    region.world.switch(b, false);
    region.world.switch(b, true);
    let question = federation::CatchUp { position: None, whole: true };
    let body = Body::Federation(federation::Message::CatchUp(question));
    assert!(region.world.say(b, a, &body, None, Some).is_err());

    // Its clock put right without a word, it stays where it was, and says so.
    region.world.put_clock_right(b, false);
    assert!(status(&region.world, b).time.0 >= now.0 + YEAR_MS);
    assert!(region.world.say(b, a, &body, None, Some).is_err());
    // On its operator's word it goes on with the others, on the record.
    region.world.put_clock_right(b, true);
    let shown = status(&region.world, b);
    assert!(shown.time <= region.world.now);
    assert_eq!(shown.clock_lowered.len(), 1);
    assert!(shown.clock_lowered[0].from.0 >= now.0 + YEAR_MS);
    region.world.say(b, a, &body, None, Some).unwrap();
    region.world.advance(HOUR_MS);
    assert_eq!(status(&region.world, b).waiting, 0);
    let request = region.refer(&chartmesh_protocol::consent::Wish::default());
    region.approve(&request, "{}").unwrap();
    assert_eq!(region.fetch(&request).state, RequestState::Done);
}

#[test]
fn what_expired_by_a_wrong_clock_stays_so_until_the_operator_says_that_it_was_wrong() {
    let mut region = Region::found(1);
    let request = region.permitted(r#"{"days":2}"#);
    region.world.parties[region.provider.0].ahead_ms = 3 * DAY_MS;
    assert!(region.fetch(&request).reason.starts_with("expired"));
    region.world.put_clock_right(region.provider, false);
    region.fetch(&request);
    region.world.advance(HOUR_MS);
    assert_ne!(region.request(region.b, &request).state, RequestState::Done);
    region.world.put_clock_right(region.provider, true);
    region.world.advance(HOUR_MS);
    assert_eq!(region.fetch(&request).state, RequestState::Done);
}

/// What a relay last sent of its patient's keys.
fn sent_keys(world: &World, from: Who) -> Vec<Body> {
    let sent = world.said().filter(|(sender, ..)| *sender == from).map(|(.., body)| body);
    sent.filter(|body| matches!(body, Body::Custody(_))).collect()
}

#[test]
fn two_rotations_by_one_key_shown_to_two_hospitals_count_at_each_as_the_first_it_saw() {
    let mut region = Region::found(1);
    let request = region.permitted("{}");
    let (a, b, relay, provider) = (region.a, region.b, region.relay, region.provider);
    // The words are in two hands.
    let thief = region.world.add_node(relay);
    let tokens = region.tokens(&request);
    region.world.cut.extend([(relay, b), (thief, a), (thief, provider)]);
    region.world.rotate(relay, region.patient, tokens.clone()).unwrap();
    region.world.rotate(thief, region.patient, vec![]).unwrap();
    let log = |region: &Region, at: Who| {
        let party = &region.world.parties[at.0];
        party.peer.keys_of(&party.store, region.patient).unwrap().unwrap().log().clone()
    };
    let (first, second) = (log(&region, a), log(&region, b));
    assert_eq!((first.rotations.len(), second.rotations.len()), (1, 1));
    assert_ne!(first, second);
    region.world.cut.clear();
    region.world.advance(HOUR_MS);
    // Each keeps what it saw first, whoever shows the other one.
    assert_eq!((log(&region, a), log(&region, b)), (first.clone(), second.clone()));
    assert_eq!(log(&region, provider), first);
    assert_ne!(region.fetch(&request).state, RequestState::Done);
    assert_eq!((log(&region, b), log(&region, provider)), (second, first));
}

#[test]
fn an_old_keys_revocations_are_no_news_after_a_rotation_and_stay_what_they_were() {
    let mut region = Region::found(1);
    let (kept, revoked) = (region.permitted("{}"), region.permitted("{}"));
    region.world.record_wire = true;
    let tokens = region.tokens(&revoked);
    region.revoke(tokens.clone());
    assert!(region.fetch(&revoked).reason.starts_with("revoked"));
    let keys = region.tokens(&kept).into_iter().chain(tokens).collect();
    let party = &region.world.parties[region.relay.0];
    let before = party.peer.keys_of(&party.store, region.patient).unwrap().unwrap();
    region.world.rotate(region.relay, region.patient, keys).unwrap();
    // What the old key said is refused now, with the new log as with the old one.
    let sent = sent_keys(&region.world, region.relay);
    let new = sent.last().cloned().unwrap();
    let old = sent.into_iter().find(|body| match (body, &new) {
        (
            Body::Custody(custody::Message::Keys(old)),
            Body::Custody(custody::Message::Keys(new)),
        ) => old.log != new.log,
        _ => false,
    });
    let (
        Some(Body::Custody(custody::Message::Keys(old))),
        Body::Custody(custody::Message::Keys(new)),
    ) = (old, new)
    else {
        panic!("the relay published before and after the rotation")
    };
    assert_eq!(&old.log, before.log());
    let mut mixed = old.clone();
    mixed.log = new.log.clone();
    for stale in [old, mixed] {
        let body = Body::Custody(custody::Message::Keys(stale));
        let said = region.world.say(region.relay, region.provider, &body, None, Some).unwrap();
        assert!(matches!(said, OutcomeResult::Refused(_)), "{said:?}");
    }
    // What it revoked stays revoked though the rotation would keep it; the other goes on.
    assert!(region.fetch(&revoked).reason.starts_with("revoked"));
    assert_eq!(region.fetch(&kept).state, RequestState::Done);
}

#[test]
fn what_a_patient_took_back_is_heard_without_a_new_key_ring_and_from_the_relay_alone() {
    let mut region = Region::found(1);
    let (a, b, relay) = (region.a, region.b, region.relay);
    let request = region.permitted("{}");
    region.world.cut.insert((relay, b));
    region.world.record_wire = true;
    region.revoke(region.tokens(&request));
    let keys = region.world.said().find_map(|(_, _, body)| match body {
        Body::Custody(custody::Message::Keys(keys)) if keys.news.revocations.is_some() => {
            Some(keys)
        }
        _ => None,
    });
    let keys = custody::Keys { ring: None, ..keys.expect("the relay tells whoever it reaches") };
    region.world.cut.clear();
    let body = Body::Custody(custody::Message::Keys(keys));
    let said = region.world.say(a, b, &body, None, Some).unwrap();
    assert!(matches!(said, OutcomeResult::Refused(_)), "{said:?}");
    let said = region.world.say(relay, b, &body, None, Some).unwrap();
    assert!(matches!(said, OutcomeResult::Done(_)), "{said:?}");
}
