//! The keys that permissions are sealed to: new every month, deleted, and what becomes of a permission that is sealed to
//! one that is gone. [ID-20], [CAP-12], [CAP-19]

use chartmesh_protocol::capability::Grant;
use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::consent::{Message, RequestState, Wish};
use chartmesh_protocol::crypto::KemSecret;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::Body;
use chartmesh_protocol::store::{ReadTxn, Table, Txn};
use chartmesh_protocol::time::{DAY_MS, HOUR_MS};
use chartmesh_protocol::{custody, grant_keys};
use chartmesh_scenarios::{Region, Who};
use serde_json::json;

const LONG: &str = r#"{"days": 90}"#;

/// The grant keys that a party has, as a thief of its opened store finds them.
fn secrets(region: &Region, who: Who) -> Vec<KemSecret> {
    grant_keys::secrets(&region.world.parties[who.0].store).unwrap()
}

fn seeds(region: &Region, who: Who) -> Vec<[u8; 32]> {
    secrets(region, who).iter().map(|secret| *secret.seed()).collect()
}

/// What it made is lost, as with a store that is put back; its next start makes another.
fn forget(region: &mut Region, who: Who) {
    const KEYS: Table = Table::rows("grant_key");
    let store = &mut region.world.parties[who.0].store;
    for (key, _) in store.page(KEYS, &[], &[], usize::MAX).unwrap() {
        store.delete(KEYS, &key).unwrap();
    }
}

/// Permissions that were sent to a party, with keys.
fn said(region: &Region, to: Who) -> Vec<Grant> {
    let said = region.world.said().filter(|(_, whom, _)| *whom == to);
    said.filter_map(|(_, _, body)| match body {
        Body::Consent(Message::Permission(given) | Message::PassedOn(given)) => Some(given.grants),
        _ => None,
    })
    .flatten()
    .collect()
}

/// Whatever needs the patient's keys is done, too.
fn unlock(region: &mut Region) {
    let refresh = custody::command::Refresh { patient: region.patient };
    region.world.ask(region.relay, refresh, Some(region.patient)).unwrap();
    region.world.wait();
}

/// The patient permits what hospital B is to see while B is off, and B comes back so many days later.
fn permitted_while_off(days: u64) -> (Region, RequestView) {
    let mut region = Region::found(1);
    let b = region.b;
    region.upload();
    let request = region.refer(&Wish::default());
    region.world.switch(b, false);
    region.approve(&request, LONG).unwrap();
    region.world.advance(days * DAY_MS);
    region.world.switch(b, true);
    region.world.advance(HOUR_MS);
    (region, request)
}

#[test]
fn a_permission_that_waited_for_a_hospital_opens_with_the_key_of_then() {
    let (mut region, request) = permitted_while_off(60);
    assert_eq!(secrets(&region, region.b).len(), 2, "that of then, and one for now");
    assert!(!region.grants(region.b).is_empty());
    assert_eq!(region.fetch(&request).state, RequestState::Done);
}

/// [CAP-19].
#[test]
fn a_permission_whose_key_is_deleted_is_refused_and_given_again_once_the_patient_is_there() {
    let (mut region, request) = permitted_while_off(76);
    assert!(region.grants(region.b).is_empty(), "it does not open");
    unlock(&mut region);
    assert!(!region.grants(region.b).is_empty());
    assert_eq!(region.fetch(&request).state, RequestState::Done);
}

/// [CAP-19]: whoever refuses without end is given it once a day.
#[test]
fn an_institution_that_never_has_the_key_does_not_make_a_relay_loop() {
    let mut region = Region::found(1);
    let b = region.b;
    let request = region.refer(&Wish::default());
    region.world.switch(b, false);
    region.approve(&request, "{}").unwrap();
    region.world.record_wire = true;
    let mut given = Vec::new();
    for _ in 0..4 {
        forget(&mut region, b);
        region.world.switch(b, true);
        region.world.advance(HOUR_MS);
        region.world.switch(b, false);
        unlock(&mut region);
        unlock(&mut region);
        given.push(said(&region, b).len());
    }
    assert_eq!(given.last(), Some(&2), "the first, and once again: {given:?}");
    assert!(region.grants(b).is_empty());
    // Once it keeps its keys it is given what it was, at the latest at the second try: the relay may know a card of before.
    region.world.switch(b, true);
    for _ in 0..2 {
        region.world.advance(DAY_MS + HOUR_MS);
        unlock(&mut region);
    }
    assert!(!region.grants(b).is_empty(), "it is not forgotten");
}

/// [ID-20].
#[test]
fn nothing_is_sealed_to_a_card_beyond_its_end_and_a_holiday_ends_none() {
    let mut region = Region::found(1);
    let (b, relay) = (region.b, region.relay);
    let ask = |region: &mut Region| region.refer(&Wish::default());
    // Heard last when its key was just about to be followed by another; off some days later.
    region.world.advance(29 * DAY_MS);
    let first = ask(&mut region);
    region.approve(&first, "{}").unwrap();
    region.world.switch(b, false);
    region.world.advance(22 * DAY_MS);
    let request = ask(&mut region);
    region.approve(&request, "{}").unwrap();
    region.world.advance(2 * DAY_MS);
    let late = ask(&mut region);
    let refused = region.approve(&late, "{}").unwrap_err();
    assert_eq!(refused.name(), "directory.card-ended");
    region.world.switch(b, true);
    // Whoever tells of it has its new card, or it comes by itself.
    region.world.advance(HOUR_MS);
    let request = ask(&mut region);
    region.approve(&request, "{}").unwrap();
    assert!(!region.requests(relay).is_empty());
    assert_eq!(region.fetch_at(&request, region.a).state, RequestState::Done);
}

/// [ID-20]: what the epochs are for.
#[test]
fn who_recorded_permissions_and_steals_everything_later_opens_the_last_weeks_only() {
    let mut region = Region::found(1);
    let b = region.b;
    region.world.record_wire = true;
    let request = region.refer(&Wish::default());
    region.approve(&request, LONG).unwrap();
    let recorded = said(&region, b).remove(0);
    let opens = |region: &Region, grant: &Grant| {
        let party = &region.world.parties[b.0];
        let mut all = secrets(region, b).into_iter().chain([party.kem.clone()]);
        all.any(|secret| grant.open(&secret).is_ok())
    };
    assert!(opens(&region, &recorded), "a thief of that day does");
    region.world.advance(76 * DAY_MS);
    assert!(!opens(&region, &recorded));
    // The institution itself reads on: by its own key, to which it sealed what came.
    assert_eq!(region.fetch_at(&request, region.a).state, RequestState::Done);
    let request = region.refer(&Wish::default());
    region.approve(&request, "{}").unwrap();
    let newest = said(&region, b).pop().unwrap();
    assert!(opens(&region, &newest));
    assert!(newest.open(&region.world.parties[b.0].kem).is_err(), "the own key is shown to nobody");
}

#[test]
fn a_restart_keeps_the_keys_and_a_month_makes_another() {
    let mut region = Region::found(1);
    let b = region.b;
    let first = seeds(&region, b);
    assert_eq!(first.len(), 1);
    region.world.switch(b, false);
    region.world.switch(b, true);
    region.world.advance(29 * DAY_MS);
    assert_eq!(seeds(&region, b), first);
    region.world.advance(2 * DAY_MS);
    assert_eq!(seeds(&region, b).len(), 2, "it was on all the time");
    assert!(seeds(&region, b).contains(&first[0]));
    region.world.advance(45 * DAY_MS);
    assert!(!seeds(&region, b).contains(&first[0]));
}

/// [ID-20].
#[test]
fn a_rotation_brings_a_new_grant_key_at_once_and_deletes_the_earlier_ones_in_a_week() {
    let mut region = Region::found(1);
    let b = region.b;
    let first = seeds(&region, b);
    region.world.switch(b, false);
    let now = region.world.now;
    region.world.parties[b.0].rotate_institution(now);
    region.world.switch(b, true);
    region.world.record_wire = true;
    region.world.advance(HOUR_MS);
    let request = region.permitted("{}");
    assert!(said(&region, b).iter().all(|grant| {
        let first = KemSecret::from_seed(first[0]);
        grant.key != first.public().id() && grant.open(&first).is_err()
    }));
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    assert!(seeds(&region, b).contains(&first[0]), "what is on its way opens");
    region.world.advance(7 * DAY_MS);
    assert!(!seeds(&region, b).contains(&first[0]));
}

/// [CAP-19].
#[test]
fn what_is_passed_on_to_a_key_that_is_gone_is_sealed_again_at_once() {
    let mut region = Region::found(1);
    let (b, c) = (region.b, region.world.add(Role::Hospital, "Hospital C"));
    let invite = region.world.invite(region.a);
    region.world.join(c, invite).unwrap();
    region.world.admit(region.a, c).unwrap();
    region.world.admit(b, c).unwrap();
    region.upload();
    let request = region.refer(&Wish::default());
    let narrow = json!({"may_pass_on": [region.world.id(c)], "depth": 1, "days": 20});
    region.approve(&request, &narrow.to_string()).unwrap();
    region.world.switch(c, false);
    region.world.record_wire = true;
    let id = region.pass_on(b, c, json!({})).unwrap();
    forget(&mut region, c);
    region.world.advance(HOUR_MS);
    region.world.switch(c, true);
    region.world.advance(HOUR_MS);
    let keys: Vec<_> = said(&region, c).into_iter().map(|grant| grant.key).collect();
    assert!(keys.first() != keys.last(), "{keys:?}");
    assert!(!region.grants(c).is_empty());
    let fetched = region.fetch_by(c, id, region.provider);
    assert_eq!(fetched.state, RequestState::Done, "{}", fetched.reason);
}

/// [CAP-19].
#[test]
fn of_two_nodes_with_keys_of_their_own_one_gets_the_permission_in_the_end() {
    let mut region = Region::found(1);
    let b = region.b;
    region.world.advance(HOUR_MS);
    let second = region.world.add_node(b);
    forget(&mut region, second);
    region.world.switch(second, false);
    region.world.switch(second, true);
    region.world.advance(HOUR_MS);
    assert_ne!(seeds(&region, b), seeds(&region, second));
    let request = region.refer(&Wish::default());
    region.approve(&request, "{}").unwrap();
    // Each day once, and in a week both have said `hello`.
    for _ in 0..8 {
        region.world.advance(DAY_MS + HOUR_MS);
        unlock(&mut region);
    }
    assert!([b, second].iter().any(|node| !region.grants(*node).is_empty()));
}
