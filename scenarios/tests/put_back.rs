//! Stores that were put back from an older copy: noticed, said, and told again what they lost. [MSG-8] to [MSG-10]

use chartmesh_protocol::consent::{RequestState, Wish};
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, PutBackView, ask};
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::store::Memory;
use chartmesh_protocol::time::{DAY_MS, Timestamp};
use chartmesh_protocol::{backup, custody};
use chartmesh_scenarios::{Region, Who};

const HOUR_MS: u64 = DAY_MS / 24;

fn copy(region: &Region, of: Who) -> Memory {
    region.world.parties[of.0].store.clone()
}

/// The node comes back with the store of then.
fn put_back(region: &mut Region, who: Who, store: Memory) {
    region.world.switch(who, false);
    region.world.parties[who.0].store = store;
    region.world.advance(1000);
    region.world.switch(who, true);
    region.world.settle();
}

fn noticed(region: &Region, who: Who) -> Option<PutBackView> {
    region.world.see(who, &ask::Status, None).unwrap().put_back
}

/// Whatever needs the patient's keys is done, too.
fn unlock(region: &mut Region) {
    let refresh = custody::command::Refresh { patient: region.patient };
    region.world.ask(region.relay, refresh, Some(region.patient)).unwrap();
    region.world.wait();
}

/// [MSG-9]: said once, and not again.
#[test]
fn a_reader_that_was_put_back_is_told_by_others_numbers_and_gets_its_permissions_again() {
    let mut region = Region::found(1);
    let b = region.b;
    let before = copy(&region, b);
    region.world.advance(HOUR_MS);
    let standing = Some(Timestamp(region.world.now.0 + 20 * DAY_MS));
    let wish = Wish { kinds: vec![Kind::Laboratory], standing, ..Wish::default() };
    let over_a_kind = region.refer(&wish);
    region.approve(&over_a_kind, "{}").unwrap();
    let entries = region.permitted("{}");
    assert_eq!(region.fetch(&entries).state, RequestState::Done);
    let had = region.grants(b).len();
    assert_eq!(noticed(&region, b).map(|back| back.by), None);

    put_back(&mut region, b, before);
    assert_eq!(region.grants(b).len(), 0);
    region.world.advance(13 * HOUR_MS);
    let back = noticed(&region, b).expect("the relay's numbers are higher");
    assert!(back.by.contains(&"“Relay”".to_owned()), "{back:?}");
    assert!(back.since.0 < region.world.now.0 - DAY_MS, "{back:?}");
    unlock(&mut region);
    assert_eq!(region.grants(b).len(), had);
    let request = region.requests(b).into_iter().find(|one| one.request == over_a_kind.request);
    assert!(request.is_some(), "it is there again");
    let fetched = region.fetch_by(b, over_a_kind.request, region.a);
    assert_eq!(fetched.state, RequestState::Done, "{}", fetched.reason);
    // Nobody else was put back, and nobody is asked for the same again.
    for who in [region.a, region.relay, region.provider] {
        assert!(noticed(&region, who).is_none());
    }
    region.world.record_wire = true;
    region.world.advance(2 * DAY_MS);
    unlock(&mut region);
    let again =
        region.world.said().filter(|(_, to, body)| *to == b && body.name() == "consent.permission");
    assert_eq!(again.count(), 0);
}

#[test]
fn a_relay_that_was_put_back_hears_again_of_what_was_recorded_since() {
    let mut region = Region::found(1);
    let relay = region.relay;
    let before = copy(&region, relay);
    region.world.advance(HOUR_MS);
    region.add(Kind::Laboratory, "since");
    region.world.wait();
    let titles = |region: &Region| {
        let entries = region.entries(relay, true).into_iter().filter_map(|entry| entry.title);
        entries.collect::<Vec<_>>()
    };
    assert!(titles(&region).contains(&"since".to_owned()));

    put_back(&mut region, relay, before);
    assert!(!titles(&region).contains(&"since".to_owned()));
    region.add(Kind::Laboratory, "after");
    region.world.advance(13 * HOUR_MS);
    assert!(noticed(&region, relay).is_some());
    assert!(titles(&region).contains(&"after".to_owned()));
    assert!(titles(&region).contains(&"since".to_owned()), "{:?}", titles(&region));
}

#[test]
fn what_a_provider_that_was_put_back_gave_receipts_for_since_is_not_counted_as_kept() {
    let mut region = Region::found(1);
    let (a, provider) = (region.a, region.provider);
    region.keep(None).unwrap();
    region.world.wait();
    let before = copy(&region, provider);
    region.world.advance(3 * DAY_MS);
    region.world.switch(provider, false);
    region.world.switch(provider, true);
    let early = region.world.see(a, &ask::Status, None).unwrap().unkept;
    region.add(Kind::Laboratory, "since");
    region.keep(None).unwrap();
    region.world.wait();

    put_back(&mut region, provider, before);
    // It learns of it where somebody talks to it.
    let restore = backup::command::Restore { holder: region.world.id(provider), subject: None };
    region.world.ask(a, restore, None).unwrap();
    region.world.advance(HOUR_MS);
    assert!(noticed(&region, provider).is_some());
    let unkept = region.world.see(a, &ask::Status, None).unwrap().unkept;
    assert!(unkept > early, "{unkept}");
    region.keep(None).unwrap();
    region.world.wait();
    assert_eq!(region.world.see(a, &ask::Status, None).unwrap().unkept, early);
}

#[test]
fn a_member_whose_count_of_starts_is_ahead_of_its_store_is_bound_as_one_that_was_put_back() {
    let mut region = Region::found(1);
    let sealing = |region: &Region| {
        let view = region.world.see(region.a, &ask::Members, None).unwrap();
        view.sealing.is_some_and(|sealing| sealing.put_back)
    };
    let start = |region: &mut Region, beside| {
        let (now, party) = (region.world.now, &mut region.world.parties[region.a.0]);
        party.peer.start_counted(&mut party.store, now, beside).unwrap()
    };
    let number = start(&mut region, 0);
    assert_eq!(start(&mut region, number), number + 1, "the store is not older");
    assert!(noticed(&region, region.a).is_none() && !sealing(&region));
    assert_eq!(start(&mut region, number + 9), number + 10);
    let back = noticed(&region, region.a).expect("its store knows of fewer starts");
    assert!(back.by.is_empty() && sealing(&region), "{back:?}");
    // The others tell it how far they are.
    region.world.advance(10 * HOUR_MS);
    assert!(!sealing(&region));
}

#[test]
fn a_relay_that_forgot_a_revocation_and_a_rotation_gets_both_back_and_forks_nothing() {
    let mut region = Region::found(1);
    let (relay, patient) = (region.relay, region.patient);
    let request = region.permitted("{}");
    let tokens = region.tokens(&request);
    let before = copy(&region, relay);
    region.world.advance(HOUR_MS);
    region.revoke(tokens.clone());
    region.world.rotate(relay, patient, vec![]).unwrap();
    region.world.wait();
    let keys = region.world.parties[relay.0].unlocked.clone();

    put_back(&mut region, relay, before);
    let live = |region: &Region| {
        let grants = region.grants(relay).into_iter();
        grants.filter(|grant| grant.state == "live" && tokens.contains(&grant.token)).count()
    };
    assert!(live(&region) > 0, "it does not know any better");
    region.world.advance(14 * HOUR_MS);
    assert!(noticed(&region, relay).is_some());
    assert_eq!(live(&region), 0);
    let known = region.world.see(relay, &ask::Keys { party: patient }, None).unwrap();
    assert_eq!(known.current, 1, "the longer log");
    // The words bring the key after the one that it forgot, and everybody follows.
    region.world.parties[relay.0].unlocked = keys;
    region.world.rotate(relay, patient, vec![]).unwrap();
    region.world.wait();
    for who in [region.a, relay] {
        let known = region.world.see(who, &ask::Keys { party: patient }, None).unwrap();
        assert_eq!(known.current, 2);
    }
}

/// [MSG-8]: one party's word makes nobody forget anything.
#[test]
fn a_provider_that_was_told_wrongly_that_it_was_put_back_loses_no_receipt() {
    let mut region = Region::found(1);
    let (a, provider) = (region.a, region.provider);
    region.keep(None).unwrap();
    region.world.wait();
    let kept = |region: &Region| region.world.all(a, ask::Kept::default(), None).unwrap().len();
    let had = kept(&region);
    assert!(had > 0);
    let ask = backup::Fetch { restore: [1; 16], subject: None, after: None };
    let body = Body::Backup(backup::Message::Fetch(ask));
    let said = region.world.say_in((9, 8), region.b, provider, &body, None, Some).unwrap();
    assert!(matches!(said, OutcomeResult::OutOfOrder(1)), "{said:?}");
    assert_eq!(noticed(&region, provider).unwrap().by, ["Hospital B"]);
    region.world.advance(HOUR_MS);
    assert!(region.world.see(a, &ask::Status, None).unwrap().unkept > 0, "A heard of it");
    assert_eq!(kept(&region), had);
    // Once the liar says it again, it is named and nothing else.
    let before = noticed(&region, provider).unwrap();
    region.world.say_in((9, 8), region.b, provider, &body, None, Some).unwrap();
    let again = noticed(&region, provider).unwrap();
    assert_eq!((again.noticed, again.by), (before.noticed, before.by));
}
