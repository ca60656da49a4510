//! What becomes of an enrolment that the hospital does not agree to, and of tries to come between a
//! patient and the relay.

use chartmesh_protocol::codes::Code;
use chartmesh_protocol::id::{ConsentId, PartyId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, ask};
use chartmesh_protocol::refusal::RefusalCode;
use chartmesh_protocol::{consent, enrolment, record};
use chartmesh_scenarios::{Region, Who, World};

#[test]
fn a_code_used_twice_is_refused_and_undoes_nothing() {
    let mut world = World::new(1);
    let hospital = world.add(Role::Hospital, "Hospital A");
    let relay = world.add(Role::Patient, "Relay");
    let patient = world.new_patient(relay, "Hanako");
    let chart = world.open_chart(hospital, "Hanako").chart;
    let code = world.chart_code(hospital, chart);
    for refused in [false, true] {
        let enrol = enrolment::command::Enrol { patient, code: code.clone() };
        world.ask(relay, enrol, Some(patient)).unwrap();
        let patients = world.all(relay, ask::Patients::default(), None).unwrap();
        assert_eq!(patients[0].contacts, [world.id(hospital)]);
        let refusals: Vec<bool> =
            patients[0].enrolling.iter().map(|one| one.refused.is_some()).collect();
        assert_eq!(refusals, if refused { vec![true] } else { vec![] });
    }
}

#[test]
fn a_relay_greets_those_it_has_talked_with_and_a_member_everybody() {
    let region = Region::found(1);
    let greets = |who: Who| {
        let party = &region.world.parties[who.0];
        let known = party.peer.to_greet(&party.store).unwrap();
        assert!(known.iter().all(|(_, nodes)| !nodes.is_empty()));
        known.into_iter().map(|(to, _)| to).collect::<Vec<_>>()
    };
    let [a, b, provider] = [region.a, region.b, region.provider].map(|who| region.world.id(who));
    assert_eq!(greets(region.relay), [a], "of the others it was told");
    for (member, others) in [(region.a, [b, provider]), (region.b, [a, provider])] {
        let known = greets(member);
        assert!(others.iter().all(|other| known.contains(other)));
    }
}

/// The body of the first message of a kind that was sent between two.
fn sent(world: &World, from: Who, is: impl Fn(&Body) -> bool) -> Body {
    let found = world.said().find(|(sender, _, body)| *sender == from && is(body));
    found.expect("such a message was sent").2
}

/// The relay that a party believes to serve the patient: the one that it asks.
fn asks(world: &mut World, at: Who, patient: PartyId) -> Vec<Who> {
    let before = world.wire.len();
    let ask = serde_json::json!({
        "patient": patient, "purpose": "care-management", "user": "Dr. A", "wish": {}, "to": null,
    });
    let ask = consent::command::Download(serde_json::from_value(ask).unwrap());
    world.ask(at, ask, None).unwrap();
    let asked = |body: &Body| matches!(body, Body::Consent(consent::Message::Ask(_)));
    let said = world.said().skip(before).filter(|(from, _, body)| *from == at && asked(body));
    said.map(|(_, to, _)| to).collect()
}

#[test]
fn no_message_of_another_moves_a_patient_to_another_relay() {
    let mut region = Region::found(1);
    let (a, b, relay, patient) = (region.a, region.b, region.relay, region.patient);
    region.world.record_wire = true;
    let request = region.permitted("{}");
    region.world.rotate(relay, patient, vec![]).unwrap();
    let permission = sent(&region.world, relay, |body| {
        matches!(body, Body::Consent(consent::Message::Permission(_)))
    });
    let keys = sent(&region.world, relay, |body| matches!(body, Body::Custody(_)));
    // Another relay, which a hospital would like to have the patient at, and the hospital itself.
    let other = region.world.add(Role::Patient, "Other relay");
    let its_patient = region.world.new_patient(other, "Jiro");
    region.world.enrol(a, other, its_patient);
    let enrol = sent(&region.world, other, |body| {
        matches!(body, Body::Enrolment(enrolment::Message::Enrol(_)))
    });
    let Body::Enrolment(enrolment::Message::Enrol(mut enrol)) = enrol else { unreachable!() };
    let Body::Consent(consent::Message::Permission(real)) = &permission else { unreachable!() };
    // With a code of another chart, the real patient's own keys.
    (enrol.log, enrol.ring) = (real.log.clone(), real.ring.clone());
    for (from, at) in [(a, b), (other, a), (b, a)] {
        for body in [permission.clone(), keys.clone()] {
            let said = region.world.say(from, at, &body, None, Some).unwrap();
            assert!(matches!(said, OutcomeResult::Refused(_)), "{said:?}");
        }
    }
    let chart = region.world.open_chart(a, "Jiro").chart;
    let code = region.world.chart_code(a, chart);
    enrol.secret = Code::parse(&code, 'e').unwrap().secret;
    let body = Body::Enrolment(enrolment::Message::Enrol(enrol));
    let said = region.world.say(other, a, &body, None, Some).unwrap();
    assert!(matches!(said, OutcomeResult::Refused(_)), "{said:?}");
    // Whoever asks the patient still asks the patient's own relay.
    for at in [a, b] {
        assert_eq!(asks(&mut region.world, at, patient), [relay]);
    }
    let _ = request;
}

#[test]
fn who_is_no_member_asks_only_patients_that_deal_with_it() {
    let mut world = World::new(1);
    let hospital = world.add(Role::Hospital, "Hospital A");
    let relay = world.add(Role::Patient, "Relay");
    let (hanako, jiro) = (world.new_patient(relay, "Hanako"), world.new_patient(relay, "Jiro"));
    world.record_wire = true;
    world.enrol(hospital, relay, hanako);
    assert_eq!(asks(&mut world, hospital, hanako), [relay]);
    let ask =
        sent(&world, hospital, |body| matches!(body, Body::Consent(consent::Message::Ask(_))));
    let Body::Consent(consent::Message::Ask(mut ask)) = ask else { unreachable!() };
    // The hospital is let in for one patient's sake; it guesses another's id.
    ask.patient = jiro;
    ask.request = ConsentId([7; 16]);
    let body = Body::Consent(consent::Message::Ask(ask));
    let said = world.say(hospital, relay, &body, None, Some).unwrap();
    assert!(
        matches!(&said, OutcomeResult::Refused(why) if why.code == RefusalCode::NotPermitted),
        "{said:?}"
    );
    // A stranger is not even let in, and a hospital that was never heard of neither.
    let stranger = world.add(Role::Hospital, "Stranger");
    assert!(world.say(stranger, relay, &body, None, Some).is_err());
}

#[test]
fn an_enrolment_gives_the_chart_its_patient_and_what_was_there_its_keys() {
    let mut world = World::new(1);
    let hospital = world.add(Role::Hospital, "Hospital A");
    let relay = world.add(Role::Patient, "Relay");
    let patient = world.new_patient(relay, "Hanako");
    let chart = world.open_chart(hospital, "Hanako");
    let drafts = vec![
        world.draft(hospital, record::Kind::Conditions, "cough", &[b"dry"]),
        world.draft(hospital, record::Kind::Imaging, "endoscopy", &[&[7; 100_000]]),
    ];
    world.record(hospital, chart.subject, drafts).unwrap();
    let entries = |world: &World, at: Who, subject: PartyId, keys: Option<PartyId>| match world.all(
        at,
        ask::Entries::of(subject),
        keys,
    ) {
        Ok(entries) => entries,
        other => panic!("{other:?}"),
    };
    assert_ne!(chart.subject, patient);
    assert_eq!(entries(&world, hospital, chart.subject, None).len(), 2);
    world.enrol_in(hospital, chart.chart, relay, patient);

    // The chart is the patient's, and so is all that was recorded before, under labels signed anew.
    let Ok(charts) = world.all(hospital, ask::Charts::default(), None) else { panic!() };
    assert_eq!(charts.iter().map(|chart| chart.subject).collect::<Vec<_>>(), [patient]);
    assert_eq!(entries(&world, hospital, chart.subject, None).len(), 0);
    for at in [hospital, relay] {
        let Ok(verified) = world.verify(at, patient) else {
            panic!("verifying is answered with what it found")
        };
        assert_eq!((verified.good, verified.bad.len()), (2, 0), "{at:?}");
    }
    // The relay was told, and the patient's keys open what the hospital made before.
    let mut titles: Vec<_> = entries(&world, relay, patient, Some(patient))
        .into_iter()
        .map(|entry| entry.title.expect("the patient's compartment opens it"))
        .collect();
    titles.sort_unstable();
    assert_eq!(titles, ["cough", "endoscopy"]);
}

/// Charts of a hospital in which a patient is the subject, by name.
fn charts_of(world: &World, at: Who, patient: PartyId) -> Vec<String> {
    let charts = world.all(at, ask::Charts::default(), None).unwrap();
    charts.into_iter().filter(|chart| chart.subject == patient).map(|chart| chart.name).collect()
}

/// Enrolments of a relay's first patient that were not agreed to, with the reason for a refusal.
fn enrolling(world: &World, relay: Who) -> Vec<Option<String>> {
    let patients = world.all(relay, ask::Patients::default(), None).unwrap();
    patients[0].enrolling.iter().map(|one| one.refused.as_ref().map(ToString::to_string)).collect()
}

#[test]
fn a_patient_whom_a_referral_brought_enrols_in_the_chart_that_staff_opened() {
    let mut region = Region::found(1);
    let (b, relay, patient) = (region.b, region.relay, region.patient);
    let request = region.permitted("{}");
    region.fetch(&request);
    let read = region.entries(b, false).len();
    assert!(read > 0);
    assert_eq!(charts_of(&region.world, b, patient).len(), 1);
    region.world.enrol(b, relay, patient);
    assert_eq!(enrolling(&region.world, relay), []);
    assert_eq!(charts_of(&region.world, b, patient), ["Hanako"]);
    assert_eq!(region.entries(b, false).len(), read + 1, "what was read and what was recorded");
    // Nobody enrols in a third chart: staff merge charts that they opened, not a code.
    region.world.enrol(b, relay, patient);
    let [Some(why)] = &enrolling(&region.world, relay)[..] else { panic!("it was agreed to") };
    assert!(why.contains("another chart"), "{why}");
}

#[test]
fn an_enrolment_ends_when_its_code_opens_nothing_any_more() {
    let mut world = World::new(1);
    let hospital = world.add(Role::Hospital, "Hospital A");
    let relay = world.add(Role::Patient, "Relay");
    let patient = world.new_patient(relay, "Hanako");
    let chart = world.open_chart(hospital, "Hanako").chart;
    let code = world.chart_code(hospital, chart);
    // As if the hospital had lost its disk since it gave the code out.
    let mut lost = Code::parse(&code, 'e').unwrap();
    lost.secret[0] ^= 1;
    let enrol = enrolment::command::Enrol { patient, code: lost.to_text() };
    world.ask(relay, enrol, Some(patient)).unwrap();
    world.settle();
    let [Some(why)] = &enrolling(&world, relay)[..] else { panic!("it still waits") };
    assert!(why.contains("ask for a new one"), "{why}");
    // With a new code it goes on.
    world.enrol_in(hospital, chart, relay, patient);
    assert_eq!(enrolling(&world, relay), []);
    assert_eq!(charts_of(&world, hospital, patient), ["Hanako"]);
}
