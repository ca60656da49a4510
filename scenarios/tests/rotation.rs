//! An institution rotates its keys: what members make of it, and what is left to whoever has the earlier ones.

use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::consent::{RequestState, Wish};
use chartmesh_protocol::federation;
use chartmesh_protocol::federation::command::{Expel, Found};
use chartmesh_protocol::federation::view::MemberView;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::membership::{Ballot, View};
use chartmesh_protocol::peer::{Body, EarlierInUse, ask};
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::statement::Signed;
use chartmesh_protocol::store::{ReadTxn, Table};
use chartmesh_protocol::time::{DAY_MS, HOUR_MS};
use chartmesh_scenarios::{Region, Who, World};

/// It is switched off, rotated and switched on again.
fn rotate(world: &mut World, who: Who) {
    world.switch(who, false);
    let now = world.now;
    world.parties[who.0].rotate_institution(now);
    world.switch(who, true);
    world.advance(HOUR_MS);
}

fn as_member(world: &World, at: Who, who: Who) -> MemberView {
    let party = world.id(who);
    let view = world.see(at, &ask::Members, None).unwrap();
    view.parties.into_iter().find(|member| member.party == party).expect("it is listed")
}

/// The number of its key in the newest view, and of the newest that is known.
fn keys(world: &World, at: Who, who: Who) -> (Option<u32>, Option<u32>) {
    let view = as_member(world, at, who);
    (view.key, view.newest_key)
}

fn earlier_in_use(world: &World, who: Who) -> bool {
    let party = &world.parties[who.0];
    match party.peer.erase_earlier(&party.store).unwrap() {
        EarlierInUse::Known(listed) => listed.is_some(),
        EarlierInUse::Unknown => panic!("it follows a federation"),
    }
}

/// [FED-23].
#[test]
fn a_hospital_that_is_alone_takes_its_own_rotation_up_and_goes_on() {
    let mut world = World::new(1);
    let a = world.add(Role::Hospital, "A");
    world.ask(a, Found { name: "Kita".into(), threshold: 2, anew: false }, None).unwrap();
    rotate(&mut world, a);
    rotate(&mut world, a);
    assert_eq!(keys(&world, a, a), (Some(2), Some(2)));
    assert!(!earlier_in_use(&world, a));
    let b = world.add(Role::Hospital, "B");
    let invite = world.invite(a);
    world.join(b, invite).unwrap();
    world.admit(a, b).unwrap();
    assert!(world.is_member(b, a) && world.is_member(b, b));
}

#[test]
fn a_node_that_got_another_key_by_a_rotation_is_listed_once() {
    let mut region = Region::found(1);
    let (a, b) = (region.a, region.b);
    let nodes = |region: &Region| {
        let peers = region.world.all(b, ask::Peers::default(), None).unwrap();
        let peer = peers.into_iter().find(|peer| peer.institution == region.world.id(a)).unwrap();
        peer.nodes.into_iter().map(|node| (node.node, node.addresses)).collect::<Vec<_>>()
    };
    let before = nodes(&region);
    rotate(&mut region.world, a);
    region.world.advance(DAY_MS);
    let after = nodes(&region);
    assert_eq!((before.len(), after.len()), (1, 1), "{after:?}");
    assert_eq!(after[0].0, region.world.parties[a.0].peer.node());
    assert_eq!(after[0].1, before[0].1, "it listens where it did");
}

/// [FED-23].
#[test]
fn a_member_signs_with_the_key_that_the_view_lists_until_its_newer_one_is_sealed() {
    let mut region = Region::found(1);
    let (a, b, provider) = (region.a, region.b, region.provider);
    // Nobody else is there: of three members, two seal.
    region.world.switch(b, false);
    region.world.switch(provider, false);
    rotate(&mut region.world, a);
    assert_eq!(keys(&region.world, a, a), (Some(0), Some(1)));
    assert!(earlier_in_use(&region.world, a), "its part in this view takes the earlier key");
    // Back again, one of them is enough, and the key of the view that is left behind is of no more use.
    region.world.switch(b, true);
    region.world.advance(DAY_MS);
    for at in [a, b] {
        assert_eq!(keys(&region.world, at, a), (Some(1), Some(1)), "at {at:?}");
    }
    assert!(!earlier_in_use(&region.world, a));
    // Two rotate at once, and one of them twice.
    region.world.switch(provider, true);
    for who in [b, provider, provider] {
        rotate(&mut region.world, who);
    }
    region.world.advance(DAY_MS);
    for at in [a, b, provider] {
        let found = [a, b, provider].map(|who| keys(&region.world, at, who).0);
        assert_eq!(found, [Some(1), Some(1), Some(2)], "at {at:?}");
    }
}

/// [ID-17].
#[test]
fn whoever_has_the_earlier_keys_is_heard_by_nobody_who_heard_of_the_new_ones() {
    let mut region = Region::found(1);
    let (a, b) = (region.a, region.b);
    // A thief's node, with all that was the hospital's, which everybody knows and lets in.
    let thief = region.world.add_node(a);
    let node = region.world.parties[thief.0].peer.node();
    let before = region.entries(region.relay, true).len();
    let drafts = vec![region.world.draft(thief, Kind::Reports, "by a thief", &[b"x"])];
    region.world.record(thief, region.patient, drafts).unwrap();
    region.world.wait();
    assert_eq!(region.entries(region.relay, true).len(), before + 1, "nobody could know yet");
    let speaks = |region: &Region, at: Who| {
        let party = &region.world.parties[at.0];
        party.peer.institution_of(&party.store, region.world.now, node).unwrap().is_some()
    };
    assert!(speaks(&region, region.relay));

    rotate(&mut region.world, a);
    for at in [b, region.provider, region.relay] {
        assert_eq!(keys(&region.world, at, a), (Some(1), Some(1)), "at {at:?}");
        assert!(!speaks(&region, at), "the thief's node at {at:?}");
    }
    let drafts = vec![region.world.draft(thief, Kind::Reports, "by a thief again", &[b"x"])];
    region.world.record(thief, region.patient, drafts).unwrap();
    let expel = Expel { party: region.world.id(b), reason: "said by a thief".into() };
    let _ = region.world.ask(thief, expel, None);
    region.world.advance(DAY_MS);
    assert_eq!(region.entries(region.relay, true).len(), before + 1);
    for at in [a, b, region.provider] {
        let open = region.world.see(at, &ask::Members, None).unwrap().open;
        assert!(open.is_empty(), "{open:?}");
    }
    // The hospital itself goes on, at once.
    region.add(Kind::Reports, "by the hospital");
    assert_eq!(region.entries(region.relay, true).len(), before + 2);
}

/// [FED-23]: of four members two know of the rotation, which takes three to seal. A thief of the earlier key has its
/// institution leave.
#[test]
fn an_earlier_key_takes_its_institution_out_of_nothing_where_the_new_one_was_heard_of() {
    let mut region = Region::found(1);
    let (a, b, provider) = (region.a, region.b, region.provider);
    let fourth = region.world.add(Role::Hospital, "Hospital D");
    let invite = region.world.invite(a);
    region.world.join(fourth, invite).unwrap();
    for sponsor in [a, b] {
        region.world.admit(sponsor, fourth).unwrap();
    }
    let (party, key) = (region.world.id(a), region.world.parties[a.0].institution_key.clone());
    region.world.switch(fourth, false);
    region.world.switch(provider, false);
    rotate(&mut region.world, a);
    assert_eq!(keys(&region.world, b, a), (Some(0), Some(1)));
    region.world.switch(a, false);
    region.world.switch(provider, true);
    region.world.settle();
    let view = region.world.parties[b.0].store.get(Table::rows("federation_view"), &[]).unwrap();
    let view = View::from_bytes(&view.unwrap(), usize::MAX).unwrap().check().unwrap();
    let leaves = Ballot {
        view: view.id(),
        author: party,
        number: u32::MAX,
        admit: vec![],
        expel: vec![],
        threshold: None,
        leave: true,
    };
    let told = federation::Gossip {
        position: view.position(),
        ballots: vec![Signed::sign(leaves, &key).to_unverified()],
        speeches: vec![],
        words: vec![],
        left: None,
        seals: vec![],
    };
    let body = Body::Federation(federation::Message::Gossip(told));
    region.world.say(provider, b, &body, None, Some).unwrap();
    assert!(region.world.see(b, &ask::Members, None).unwrap().open.is_empty());
    region.world.switch(fourth, true);
    region.world.advance(2 * DAY_MS);
    assert!(region.world.is_member(fourth, a), "three could have sealed that it left");
    region.world.switch(a, true);
    region.world.advance(2 * DAY_MS);
    for at in [a, b, provider, fourth] {
        assert!(region.world.is_member(at, a), "at {at:?}");
        assert_eq!(keys(&region.world, at, a), (Some(1), Some(1)), "at {at:?}");
    }
}

/// [ID-18]: whoever rotated had a clock that was a year ahead. A thief of the earlier key dates what it signs until then, and
/// nobody takes it; the institution itself goes on, and rotates again.
#[test]
fn a_rotation_that_is_dated_ahead_gives_a_thief_of_the_earlier_key_no_time() {
    let mut region = Region::found(1);
    let (a, others) = (region.a, [region.b, region.relay, region.provider]);
    let at = region.world.now.plus_ms(365 * DAY_MS);
    region.world.switch(a, false);
    region.world.parties[a.0].rotate_institution(at);
    region.world.switch(a, true);
    region.world.advance(HOUR_MS);
    let known = |region: &Region, at: Who| {
        let party = &region.world.parties[at.0];
        party.peer.keys_of(&party.store, region.world.id(a)).unwrap().unwrap()
    };
    for other in others {
        let keys = known(&region, other);
        assert_eq!(keys.current_number(), 1, "at {other:?}");
        assert!(keys.key_at(0, region.world.now.minus_ms(DAY_MS)).is_some());
        for later in [0, DAY_MS, 364 * DAY_MS] {
            assert!(keys.key_at(0, region.world.now.plus_ms(later)).is_none(), "{later} later");
        }
    }
    let before = region.entries(region.relay, true).len();
    region.add(Kind::Reports, "by the hospital");
    assert_eq!(region.entries(region.relay, true).len(), before + 1);
    // Not dated before the one before it, or nobody would follow.
    rotate(&mut region.world, a);
    for other in others {
        assert_eq!(known(&region, other).current_number(), 2, "at {other:?}");
    }
}

/// [ID-17]: it was off while the others heard of the new keys, and their institution is off since.
#[test]
fn a_rotation_that_the_members_sealed_counts_where_its_institution_was_not_heard_since() {
    let mut region = Region::found(1);
    let (a, b) = (region.a, region.b);
    let thief = region.world.add_node(a);
    let node = region.world.parties[thief.0].peer.node();
    let speaks = |region: &Region, at: Who| {
        let party = &region.world.parties[at.0];
        party.peer.institution_of(&party.store, region.world.now, node).unwrap().is_some()
    };
    region.world.advance(HOUR_MS);
    assert!(speaks(&region, b));
    region.world.switch(thief, false);
    region.world.switch(b, false);
    rotate(&mut region.world, a);
    region.world.advance(DAY_MS);
    region.world.switch(a, false);
    region.world.switch(b, true);
    region.world.switch(thief, true);
    region.world.advance(HOUR_MS);
    assert_eq!(keys(&region.world, b, a), (Some(1), Some(1)));
    assert!(!speaks(&region, b));
}

/// [ID-17]: the thief has the KEM key of the card that is known.
#[test]
fn nothing_is_sealed_to_the_card_of_an_earlier_key() {
    let mut region = Region::found(1);
    let (a, b, relay) = (region.a, region.b, region.relay);
    let request = region.refer(&Wish { write: Some(true), ..Wish::default() });
    // The relay hears of the rotation by what the members sealed, and B is not heard since.
    region.world.cut.insert((b, relay));
    region.world.cut.insert((relay, b));
    rotate(&mut region.world, b);
    region.world.advance(DAY_MS);
    assert_eq!(keys(&region.world, a, b), (Some(1), Some(1)));
    if let Err(refused) = region.approve(&request, "{}") {
        assert_eq!(refused.name(), "directory.card-of-earlier-key");
        region.world.cut.clear();
        // Whoever tells of it next has the new card.
        let request = region.refer(&Wish { write: Some(true), ..Wish::default() });
        region.approve(&request, "{}").unwrap();
    } else {
        panic!("it was sealed to the earlier KEM key");
    }
}

#[test]
fn what_was_sealed_before_a_rotation_opens_after_it() {
    let mut region = Region::found(1);
    let request = region.permitted("{}");
    let before = region.entries(region.a, false).len();
    // The permission's keys are sealed to hospital B's first KEM key; A's own entries to A's.
    for who in [region.a, region.b, region.a] {
        rotate(&mut region.world, who);
    }
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    for at in [region.a, region.b] {
        let entries = region.entries(at, false);
        assert!(entries.len() == before && entries.iter().all(|entry| entry.title.is_some()));
    }
    // And what is sealed from now on: another permission, and what it brings.
    let request = region.permitted("{}");
    region.add(Kind::Reports, "after it");
    assert_eq!(region.fetch(&request).state, RequestState::Done);
}

/// [ID-17].
#[test]
fn a_relay_that_was_let_in_by_an_earlier_keys_certificate_brings_a_newer_one() {
    let mut region = Region::found(1);
    let (a, b, relay) = (region.a, region.b, region.relay);
    let let_in = |region: &Region| {
        let (party, relay) = (&region.world.parties[b.0], &region.world.parties[relay.0].peer);
        party.peer.is_known(&party.store, region.world.now, relay.node()).unwrap()
    };
    // The relay, which B never enrolled, visits B with A's certificate.
    let request = region.permitted("{}");
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    assert!(let_in(&region));
    // While it is away, the certificate's signer rotates: B lets it in no more by that.
    region.world.switch(relay, false);
    rotate(&mut region.world, a);
    assert_eq!(keys(&region.world, b, a), (Some(1), Some(1)));
    assert!(!let_in(&region));
    // Back again, it gets another certificate from A as soon as they greet each other, and is let in.
    region.world.switch(relay, true);
    region.world.advance(DAY_MS);
    region.add(Kind::Reports, "after it");
    region.world.advance(DAY_MS);
    let request = region.permitted("{}");
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    assert!(let_in(&region));
}

/// [MSG-3].
#[test]
fn what_was_handled_before_a_rotation_and_not_answered_is_answered_after_it() {
    let mut region = Region::found(1);
    let (a, relay) = (region.a, region.relay);
    let waiting = |region: &Region| {
        let peers = region.world.all(relay, ask::Peers::default(), None).unwrap();
        peers.iter().map(|peer| peer.waiting).sum::<usize>()
    };
    // The hospital handles what the relay says, and the answer gets lost.
    region.world.lose_replies = 100;
    let wish = region.upload_at(None).unwrap();
    assert_eq!(waiting(&region), 1, "{wish:?}");
    rotate(&mut region.world, a);
    region.world.lose_replies = 0;
    region.world.advance(HOUR_MS);
    assert_eq!(waiting(&region), 0);
}
