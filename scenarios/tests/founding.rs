//! A federation begins with one hospital, joins another, is founded anew; what its members decide; a store that was lost.

use chartmesh_protocol::codec::Wire as _;
use chartmesh_protocol::federation::command::{Follow, Found, Leave, Recall, Rename, Threshold};
use chartmesh_protocol::federation::view::{Status, Wanted};
use chartmesh_protocol::federation::{self, CatchUp, Gossip};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::limits;
use chartmesh_protocol::membership::{Ballot, Standpoint};
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, ask};
use chartmesh_protocol::refusal::RefusalCode;
use chartmesh_protocol::statement::Unverified;
use chartmesh_protocol::store::Memory;
use chartmesh_protocol::time::{DAY_MS, HOUR_MS};
use chartmesh_scenarios::{Who, World};
use std::cell::RefCell;
use std::rc::Rc;

/// `count` hospitals in one federation with a threshold of two.
fn members(seed: u64, count: usize) -> (World, Vec<Who>) {
    let mut world = World::new(seed);
    let all: Vec<_> = (0..count).map(|n| world.add(Role::Hospital, &format!("H{n}"))).collect();
    let create = Found { name: "Kita".into(), threshold: 2, anew: false };
    world.ask(all[0], create, None).unwrap();
    for (n, guest) in all.iter().enumerate().skip(1) {
        let invite = world.invite(all[0]);
        world.join(*guest, invite).unwrap();
        world.admit(all[0], *guest).unwrap();
        if n > 1 {
            world.admit(all[1], *guest).unwrap();
        }
    }
    (world, all)
}

#[test]
fn a_hospital_begins_alone_and_everything_works_in_a_federation_of_one() {
    let mut world = World::new(1);
    let a = world.add(Role::Hospital, "A");
    world.ask(a, Found { name: "Kita".into(), threshold: 2, anew: false }, None).unwrap();
    let view = world.see(a, &ask::Members, None).unwrap();
    assert_eq!((view.number, view.parties.len(), view.quorum), (0, 1, 1));
    let (relay, provider) = (world.add(Role::Patient, "Relay"), world.add(Role::Backup, "P"));
    let patient = world.new_patient(relay, "Hanako");
    world.enrol(a, relay, patient);
    assert!(world.is_member(relay, a), "the relay follows it");
    // It takes in a second alone, and a third with the second.
    let invite = world.invite(a);
    world.join(provider, invite).unwrap();
    assert_eq!(world.standing(a, provider), Some(Status::Applicant));
    world.admit(a, provider).unwrap();
    let third = world.add(Role::Hospital, "C");
    let invite = world.invite(provider);
    world.join(third, invite).unwrap();
    let view = world.admit(a, third).unwrap();
    let open = &view.open[0];
    assert_eq!((open.by.len(), open.needed, open.party), (1, 2, Some(world.id(third))));
    world.admit(provider, third).unwrap();
    for at in [a, provider, third, relay] {
        assert!([a, provider, third].iter().all(|who| world.is_member(at, *who)), "at {at:?}");
    }
}

#[test]
fn a_federation_of_one_joins_another_and_its_patients_stay() {
    let (mut world, all) = members(1, 3);
    let (a, relay) = (world.add(Role::Hospital, "Alder"), world.add(Role::Patient, "Relay"));
    world.ask(a, Found { name: "Alder's".into(), threshold: 2, anew: false }, None).unwrap();
    let patient = world.new_patient(relay, "Hanako");
    let chart = world.enrol(a, relay, patient);
    let before = world.see(relay, &ask::Members, None).unwrap().federation;
    let invite = world.invite(all[0]);
    world.join(a, invite).unwrap();
    world.admit(all[0], a).unwrap();
    world.admit(all[1], a).unwrap();
    world.advance(DAY_MS);
    assert!(world.is_member(a, all[2]) && world.is_member(all[2], a));
    // The relay went with the hospital of its patient; chart and enrolment are what they were.
    let view = world.see(relay, &ask::Members, None).unwrap();
    assert_ne!(view.federation, before);
    assert!(world.is_member(relay, all[1]));
    let charts = world.all(a, ask::Charts::default(), None).unwrap();
    assert!(charts.iter().any(|one| one.chart == chart && one.enrolled));
}

#[test]
fn of_two_with_one_dead_the_other_founds_anew_and_takes_its_patients_along() {
    let (mut world, all) = members(1, 2);
    let relay = world.add(Role::Patient, "Relay");
    let patient = world.new_patient(relay, "Hanako");
    world.enrol(all[0], relay, patient);
    world.switch(all[1], false);
    world.expel(all[0], all[1]).unwrap();
    world.advance(2 * DAY_MS);
    let view = world.see(all[0], &ask::Members, None).unwrap();
    assert!(view.stuck && world.is_member(all[0], all[1]), "one of two decides nothing");
    let found = |anew| Found { name: "Anew".into(), threshold: 2, anew };
    assert_eq!(world.ask(all[0], found(false), None).unwrap_err().code, RefusalCode::AlreadyDone);
    world.ask(all[0], found(true), None).unwrap();
    let third = world.add(Role::Hospital, "C");
    let invite = world.invite(all[0]);
    world.join(third, invite).unwrap();
    world.admit(all[0], third).unwrap();
    world.advance(DAY_MS);
    assert!(world.is_member(relay, third) && !world.is_member(relay, all[1]));
}

#[test]
fn a_threshold_a_name_and_the_founders_leaving_are_sealed_like_all_else() {
    let (mut world, all) = members(1, 4);
    for at in &all[..3] {
        world.ask(*at, Threshold { sponsors: 3 }, None).unwrap();
    }
    let view = world.see(all[3], &ask::Members, None).unwrap();
    assert_eq!(view.threshold, 3);
    world.ask(all[3], Rename { name: "Alder Clinic".into() }, None).unwrap();
    let name = |world: &World, at| {
        let view = world.see(at, &ask::Members, None).unwrap();
        let id = world.id(all[3]);
        view.parties.into_iter().find(|one| one.party == id).unwrap().name
    };
    assert_eq!(name(&world, all[0]), "H3");
    for at in &all[..2] {
        world.admit(*at, all[3]).unwrap();
    }
    assert!(all.iter().all(|at| name(&world, *at) == "Alder Clinic"));
    world.ask(all[0], Leave, None).unwrap();
    world.advance(DAY_MS);
    assert!(all[1..].iter().all(|at| world.standing(*at, all[0]) == Some(Status::Left)));
    assert_eq!(world.standing(all[0], all[0]), Some(Status::Left));
}

#[test]
fn a_hospital_that_lost_its_store_comes_back_and_signs_again_once_the_others_told_it_how_far_they_are()
 {
    let (mut world, all) = members(1, 2);
    world.switch(all[1], false);
    world.parties[all[1].0].store = Memory::default();
    world.switch(all[1], true);
    let invite = world.invite(all[0]);
    world.join(all[1], invite).unwrap();
    let sealing = world.see(all[1], &ask::Members, None).unwrap().sealing;
    assert!(sealing.is_none_or(|sealing| sealing.put_back));
    let third = world.add(Role::Hospital, "C");
    let invite = world.invite(all[0]);
    world.join(third, invite).unwrap();
    world.advance(60 * 60 * 1000);
    for at in &all {
        world.admit(*at, third).unwrap();
    }
    for _ in 0..40 {
        world.advance(60 * 60 * 1000);
    }
    assert!(world.is_member(all[0], third) && world.is_member(all[1], third));
}

#[test]
fn whoever_says_a_members_ballot_again_and_again_does_not_use_up_its_hour() {
    let (mut world, all) = members(1, 3);
    let body = Body::Federation(federation::Message::Gossip(told_of_threshold(&mut world, all[1])));
    for _ in 0..40 {
        world.say(all[2], all[0], &body, None, Some).unwrap();
    }
    world.ask(all[1], Threshold { sponsors: 4 }, None).unwrap();
    let wanted = Wanted::Threshold { sponsors: 4 };
    let open = world.see(all[0], &ask::Members, None).unwrap().open;
    assert!(open.iter().any(|one| one.wanted == wanted), "{open:?}");
}

/// [FED-20]
#[test]
fn every_view_that_is_kept_can_be_begun_at_and_older_ones_need_a_new_code() {
    let mut world = World::new(1);
    let alone = world.add(Role::Hospital, "Alone");
    world.ask(alone, Found { name: "Kita".into(), threshold: 2, anew: false }, None).unwrap();
    let guest = world.add(Role::Patient, "Relay");
    let patient = world.new_patient(guest, "Hanako");
    world.enrol(alone, guest, patient);
    let kept = u32::try_from(limits::SEALS_KEPT).unwrap();
    let mut stood = Vec::new();
    for number in 0..kept + 100 {
        let view = world.see(alone, &ask::Members, None).unwrap();
        assert_eq!(view.number, number);
        let (federation, view) = (view.federation.unwrap(), view.view.unwrap());
        stood.push(Standpoint { federation, number, view });
        let sponsors = if number % 2 == 0 { 3 } else { 2 };
        world.ask(alone, Threshold { sponsors }, None).unwrap();
    }
    let mut begins_at = |stood: Standpoint| {
        let question = CatchUp { position: Some(stood), whole: true };
        let body = Body::Federation(federation::Message::CatchUp(question));
        world.advance(1000);
        match world.say(guest, alone, &body, None, Some).unwrap() {
            OutcomeResult::Done(answer) => {
                Some(federation::Follow::from_bytes(&answer.0, 1 << 24).unwrap())
            }
            OutcomeResult::Refused(refusal) if refusal.code == RefusalCode::NotFound => None,
            other => panic!("{other:?}"),
        }
    };
    for number in (0..kept + 100).filter(|number| number % 97 < 2 || *number > kept + 98) {
        let at = stood[number as usize];
        let follow = begins_at(at);
        assert_eq!(follow.is_some(), number >= 100, "{number}");
        let Some(federation::Follow { view: Some(view), seals, .. }) = follow else { continue };
        let mut view = view.check().unwrap();
        assert_eq!(view.position(), at);
        for seal in seals.iter().take(3) {
            view = view.sealed(seal).unwrap();
            let there = stood.get(view.number as usize);
            assert!(there.is_none_or(|there| *there == view.position()));
        }
    }
    // A number that is not the view's own is none of which anything follows.
    assert!(begins_at(Standpoint { number: 2000, ..stood[2001] }).is_none());
    assert!(begins_at(Standpoint { number: u32::MAX, ..stood[2001] }).is_none());
}

/// What a member's wish for another threshold is told with.
fn told_of_threshold(world: &mut World, by: Who) -> Gossip {
    let said = Rc::new(RefCell::new(None));
    let noted = Rc::clone(&said);
    world.answer_otherwise = Some(Box::new(move |body, _| {
        if let Body::Federation(federation::Message::Gossip(gossip)) = body
            && !gossip.ballots.is_empty()
        {
            *noted.borrow_mut() = Some(gossip.clone());
        }
        None
    }));
    world.ask(by, Threshold { sponsors: 3 }, None).unwrap();
    world.answer_otherwise = None;
    said.take().expect("its ballot was told")
}

#[test]
fn whoever_says_what_does_not_hold_is_not_looked_at_further() {
    let (mut elsewhere, all) = members(1, 3);
    let mut gossip = told_of_threshold(&mut elsewhere, all[1]);
    // The same federation, in which nobody has heard of it yet.
    let (mut world, all) = members(1, 3);
    world.switch(all[1], false);
    let told = |world: &mut World, gossip: &Gossip| {
        let body = Body::Federation(federation::Message::Gossip(gossip.clone()));
        world.advance(1000);
        let said = world.say(all[2], all[0], &body, None, Some).unwrap();
        assert!(matches!(said, OutcomeResult::Done(_)), "{said:?}");
        let view = world.see(all[0], &ask::Members, None).unwrap();
        assert_eq!(view.view, Some(gossip.position.view));
        !view.open.is_empty()
    };
    let honest = gossip.ballots[0].clone();
    let mut bytes = honest.bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let forged = Unverified::<Ballot>::parse(&bytes).unwrap();
    gossip.ballots = vec![forged, honest.clone()];
    assert!(!told(&mut world, &gossip), "behind what does not hold");
    gossip.ballots = vec![honest];
    assert!(told(&mut world, &gossip));
}

fn wants(world: &World, at: Who) -> Vec<Wanted> {
    let view = world.see(at, &ask::Members, None).unwrap();
    view.open.into_iter().map(|one| one.wanted).collect()
}

/// [FED-7]
#[test]
fn of_more_ballots_than_are_told_on_in_an_hour_the_last_reaches_everybody_all_the_same() {
    let (mut world, all) = members(1, 3);
    // Two of them hear each other by the third alone.
    world.cut.insert((all[1], all[2]));
    for change in 0..40 {
        world.ask(all[1], Threshold { sponsors: 3 + change % 2 }, None).unwrap();
    }
    world.ask(all[1], Threshold { sponsors: 7 }, None).unwrap();
    let last = Wanted::Threshold { sponsors: 7 };
    assert!(wants(&world, all[0]).contains(&last), "the newest counts at once");
    assert!(!wants(&world, all[2]).contains(&last), "and is not told on at once");
    world.advance(2 * 60 * 60 * 1000);
    assert!(wants(&world, all[2]).contains(&last));
}

/// [FED-11]
#[test]
fn whoever_takes_back_again_and_again_is_counted_by_no_speaker_until_it_has_stood_for_a_day() {
    let (mut world, all) = members(1, 4);
    for sponsors in 3..6 {
        world.ask(all[3], Threshold { sponsors }, None).unwrap();
    }
    world.ask(all[3], Leave, None).unwrap();
    world.advance(60 * 60 * 1000);
    assert_eq!(world.standing(all[0], all[3]), Some(Status::Member));
    // What others want does not wait for it.
    for at in &all[..3] {
        world.ask(*at, Threshold { sponsors: 4 }, None).unwrap();
    }
    let view = world.see(all[0], &ask::Members, None).unwrap();
    assert_eq!(view.threshold, 4);
    // A new view begins anew.
    world.advance(2 * DAY_MS);
    assert_eq!(world.standing(all[0], all[3]), Some(Status::Left));
}

/// [FED-6]
#[test]
fn a_relay_is_not_drawn_away_while_another_hospital_of_its_patients_stays_but_by_its_operator() {
    let (mut world, all) = members(1, 2);
    let relay = world.add(Role::Patient, "Relay");
    let patient = world.new_patient(relay, "Hanako");
    for hospital in &all {
        world.enrol(*hospital, relay, patient);
    }
    let before = world.see(relay, &ask::Members, None).unwrap().federation;
    let found = Found { name: "Elsewhere".into(), threshold: 2, anew: true };
    world.ask(all[1], found, None).unwrap();
    world.advance(DAY_MS);
    world.switch(relay, false);
    world.switch(relay, true);
    world.advance(DAY_MS);
    assert_eq!(world.see(relay, &ask::Members, None).unwrap().federation, before);
    assert!(world.is_member(relay, all[0]));
    world.ask(relay, Follow { party: world.id(all[1]) }, None).unwrap();
    world.advance(DAY_MS);
    assert_ne!(world.see(relay, &ask::Members, None).unwrap().federation, before);
    assert!(world.is_member(relay, all[1]) && !world.is_member(relay, all[0]));
}

/// [FED-8]
#[test]
fn whoever_tells_of_what_an_applicant_applied_with_before_changes_nothing() {
    let (mut world, all) = members(1, 3);
    let guest = world.add(Role::Hospital, "Before");
    let told = Rc::new(RefCell::new(None));
    let noted = Rc::clone(&told);
    world.answer_otherwise = Some(Box::new(move |body, _| {
        if let Body::Federation(federation::Message::Applicant(_)) = body {
            *noted.borrow_mut() = Some(body.clone());
        }
        None
    }));
    let invite = world.invite(all[0]);
    world.join(guest, invite).unwrap();
    let first = told.take().expect("it was told of");
    world.advance(60_000);
    world.call_itself(guest, "After");
    let invite = world.invite(all[0]);
    world.join(guest, invite).unwrap();
    world.answer_otherwise = None;
    let shown = |world: &World| {
        let view = world.see(all[0], &ask::Members, None).unwrap();
        let id = world.id(guest);
        view.parties.into_iter().find(|one| one.party == id).unwrap().name
    };
    assert_eq!(shown(&world), "After");
    world.say(all[2], all[0], &first, None, Some).unwrap();
    assert_eq!(shown(&world), "After");
    world.admit(all[0], guest).unwrap();
    world.admit(all[1], guest).unwrap();
    assert!(world.is_member(all[2], guest));
}

/// [FED-8]
#[test]
fn who_is_admitted_hears_of_those_who_applied_before() {
    let (mut world, all) = members(1, 3);
    let earlier = world.add(Role::Hospital, "Earlier");
    let newcomer = world.add(Role::Hospital, "Newcomer");
    for who in [earlier, newcomer] {
        let invite = world.invite(all[0]);
        world.join(who, invite).unwrap();
    }
    for at in [all[0], all[1]] {
        world.admit(at, newcomer).unwrap();
    }
    assert!(world.is_member(newcomer, newcomer));
    let view = world.see(newcomer, &ask::Members, None).unwrap();
    let listed = view.parties.iter().find(|one| one.party == world.id(earlier));
    assert_eq!(listed.map(|one| one.status), Some(Status::Applicant));
    // It has a say in the admission like everybody else.
    for at in [newcomer, all[2]] {
        world.admit(at, earlier).unwrap();
    }
    assert!(world.is_member(earlier, all[0]));
}

/// [FED-8]
#[test]
fn who_takes_its_application_back_is_no_applicant_anywhere_and_can_apply_again() {
    let (mut world, all) = members(1, 3);
    let applicant = world.add(Role::Hospital, "Applicant");
    let nothing = world.ask(applicant, Recall, None).unwrap_err();
    assert_eq!(nothing.name(), "federation.applied-nowhere");
    let invite = world.invite(all[0]);
    world.join(applicant, invite).unwrap();
    world.admit(all[0], applicant).unwrap();
    world.ask(applicant, Recall, None).unwrap();
    world.advance(HOUR_MS);
    for at in &all {
        let view = world.see(*at, &ask::Members, None).unwrap();
        assert!(view.parties.iter().all(|one| one.party != world.id(applicant)), "{at:?}");
        assert!(view.open.is_empty(), "{at:?}");
    }
    assert_eq!(world.see(applicant, &ask::Status, None).unwrap().waiting, 0);
    let invite = world.invite(all[1]);
    world.join(applicant, invite).unwrap();
    for at in &all[..2] {
        world.admit(*at, applicant).unwrap();
    }
    assert!(world.is_member(applicant, applicant));
}
