//! What becomes of an enrolment that the hospital does not agree to, and of tries to come between a
//! patient and the relay.

use chartmesh_protocol::capability::News;
use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::codes::{Code, PatientCard};
use chartmesh_protocol::enrolment::view::PendingView;
use chartmesh_protocol::id::{ChartId, ConsentId, NodeId, PartyId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::limits;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, CheckedWelcome, Hello, HelloPurpose, HelloReply, ask};
use chartmesh_protocol::refusal::RefusalCode;
use chartmesh_protocol::statement::Unverified;
use chartmesh_protocol::time::DAY_MS;
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
    begin(&mut world, relay, patient, &code);
    make(&mut world, hospital, chart, relay, patient);
    begin(&mut world, relay, patient, &code);
    let patients = world.all(relay, ask::Patients::default(), None).unwrap();
    assert_eq!(patients[0].contacts, [world.id(hospital)]);
    let [Some(why)] = &enrolling(&world, relay)[..] else { panic!("it was agreed to") };
    assert!(why.contains("used already"), "{why}");
}

/// [AUT-5], [AUT-7]
#[test]
fn of_two_who_are_about_to_enrol_the_same_patient_each_is_shown_to_look_like_the_other() {
    let mut world = World::new(1);
    let relay = world.add(Role::Patient, "Relay");
    let patient = world.new_patient(relay, "Hanako");
    let names = ["Kita Hospital", "Kita Hospita1"];
    let hospitals = names.map(|name| world.add(Role::Hospital, name));
    for hospital in hospitals {
        let chart = world.open_chart(hospital, "Hanako").chart;
        let code = world.chart_code(hospital, chart);
        begin(&mut world, relay, patient, &code);
        let pending = world.all(hospital, ask::Enrolments::default(), None).unwrap();
        assert_eq!(pending[0].relay_name, "\u{201c}Relay\u{201d}", "nobody admitted that name");
    }
    let alike = hospitals
        .map(|hospital| world.enrolling(relay, patient, hospital).unwrap().about.looks_like);
    let called = names.map(|name| vec![format!("\u{201c}{name}\u{201d}")]);
    assert_eq!(alike, [called[1].clone(), called[0].clone()]);
    // One with which it came to nothing is nobody's double any more.
    let institution = world.id(hospitals[1]);
    world.ask(relay, enrolment::command::Withdraw { patient, institution }, None).unwrap();
    assert!(world.enrolling(relay, patient, hospitals[0]).unwrap().about.looks_like.is_empty());
}

/// A patient begins to enrol with a code.
fn begin(world: &mut World, relay: Who, patient: PartyId, code: &str) {
    let enrol = enrolment::command::Enrol { patient, code: code.to_owned() };
    world.ask(relay, enrol, Some(patient)).unwrap();
    world.settle();
}

/// Desk and patient compare, and both say so.
fn make(world: &mut World, hospital: Who, chart: ChartId, relay: Who, patient: PartyId) {
    let number = world.enrolling(relay, patient, hospital).unwrap().number.unwrap();
    assert!(world.compare(hospital, chart, &number).unwrap().same);
    world.accept(relay, patient, hospital).unwrap();
}

/// A hospital with a chart of a few entries, a relay with its patient, and a code for the chart.
struct Desk {
    world: World,
    hospital: Who,
    chart: ChartId,
    relay: Who,
    patient: PartyId,
    code: String,
}

impl Desk {
    fn new() -> Self {
        let mut world = World::new(1);
        world.record_wire = true;
        let hospital = world.add(Role::Hospital, "Hospital A");
        let relay = world.add(Role::Patient, "Relay");
        let patient = world.new_patient(relay, "Hanako");
        let chart = world.open_chart(hospital, "Hanako");
        let drafts = vec![world.draft(hospital, record::Kind::Conditions, "cough", &[b"dry"])];
        world.record(hospital, chart.subject, drafts).unwrap();
        let code = world.chart_code(hospital, chart.chart);
        Self { world, hospital, chart: chart.chart, relay, patient, code }
    }

    /// Nothing of the chart has gone to anybody, and it has no patient.
    fn nothing_is_open(&self) {
        let charts = self.world.all(self.hospital, ask::Charts::default(), None).unwrap();
        assert!(charts.iter().all(|chart| !chart.enrolled));
        assert!(self.world.said().all(|(_, _, body)| !matches!(
            body,
            Body::Record(_) | Body::Enrolment(enrolment::Message::Certificate(_))
        )));
        for relay in 0..self.world.parties.len() {
            let entries = self.world.all(Who(relay), ask::Entries::of(self.patient), None);
            assert!(entries.is_err() || entries.unwrap().is_empty());
        }
    }

    fn pending(&self) -> PendingView {
        self.world.all(self.hospital, ask::Enrolments::default(), None).unwrap().remove(0)
    }
}

#[test]
fn nothing_is_open_before_desk_and_patient_have_both_said_so() {
    let mut desk = Desk::new();
    let (hospital, relay, patient) = (desk.hospital, desk.relay, desk.patient);
    begin(&mut desk.world, relay, patient, &desk.code.clone());
    let number = desk.world.enrolling(relay, patient, hospital).unwrap().number.unwrap();
    let pending = desk.pending();
    assert!(pending.to_compare && !pending.compared);
    assert!(!format!("{pending:?}").contains(&number), "the desk is to type what it is told");
    desk.nothing_is_open();
    let refused = desk.world.accept(relay, patient, hospital).unwrap_err();
    assert_eq!(refused.name(), "enrolment.not-confirmed");
    // A relay whose program does not wait for the desk is refused, too.
    let early =
        Body::Enrolment(enrolment::Message::Accepted(accepted(&desk.world, relay, patient)));
    let told = desk.world.say(relay, hospital, &early, None, Some).unwrap();
    assert_eq!(reason(&told), "enrolment.not-compared");
    desk.nothing_is_open();
    assert!(desk.world.compare(hospital, desk.chart, &number).unwrap().same);
    assert!(desk.world.enrolling(relay, patient, hospital).unwrap().confirmed);
    desk.nothing_is_open();
    desk.world.accept(relay, patient, hospital).unwrap();
    assert_eq!(charts_of(&desk.world, hospital, patient), ["Hanako"]);
    let entries = desk.world.all(relay, ask::Entries::of(patient), Some(patient)).unwrap();
    assert_eq!(entries[0].title.as_deref(), Some("cough"));
}

/// What a relay says when its patient accepts.
fn accepted(world: &World, relay: Who, patient: PartyId) -> enrolment::Accepted {
    let party = &world.parties[relay.0];
    let keys = party.peer.keys_of(&party.store, patient).unwrap().unwrap();
    let ring = party.peer.ring_of(&party.store, patient).unwrap().expect("it has one");
    let compartments = party.peer.compartments_of(&party.store, patient).unwrap();
    enrolment::Accepted { log: keys.log().clone(), ring, news: News::default(), compartments }
}

fn reason(told: &OutcomeResult) -> String {
    match told {
        OutcomeResult::Refused(refusal) => refusal.name(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn whoever_photographed_a_code_and_was_first_is_found_out_at_the_desk() {
    let mut desk = Desk::new();
    let (hospital, relay, patient) = (desk.hospital, desk.relay, desk.patient);
    let thief = desk.world.add(Role::Patient, "Another relay");
    let other = desk.world.new_patient(thief, "Mallory");
    begin(&mut desk.world, thief, other, &desk.code.clone());
    let theirs = desk.world.enrolling(thief, other, hospital).unwrap().number.unwrap();
    // The real patient hears it, and so does the desk: nothing goes on with this code.
    begin(&mut desk.world, relay, patient, &desk.code.clone());
    let [Some(why)] = &enrolling(&desk.world, relay)[..] else { panic!("it was agreed to") };
    assert!(why.contains("somebody else used the code first"), "{why}");
    assert_eq!(desk.pending().contested_by, Some(desk.world.id(relay)));
    let refused = desk.world.compare(hospital, desk.chart, &theirs).unwrap_err();
    assert_eq!(refused.name(), "codes.frozen");
    desk.nothing_is_open();
    // The desk takes it back and gives out another one.
    let cancel = enrolment::command::Cancel { chart: desk.chart };
    desk.world.ask(hospital, cancel, None).unwrap();
    desk.world.settle();
    let why = desk.world.enrolling(thief, other, hospital).unwrap().refused.unwrap();
    assert_eq!(why.name(), "enrolment.taken-back");
    desk.world.enrol_in(hospital, desk.chart, relay, patient);
    assert_eq!(charts_of(&desk.world, hospital, patient), ["Hanako"]);
    assert!(charts_of(&desk.world, hospital, other).is_empty());
}

#[test]
fn a_code_that_is_typed_twice_goes_on_as_it_stands() {
    let mut desk = Desk::new();
    let (hospital, relay, patient) = (desk.hospital, desk.relay, desk.patient);
    begin(&mut desk.world, relay, patient, &desk.code.clone());
    let number = desk.world.enrolling(relay, patient, hospital).unwrap().number.unwrap();
    begin(&mut desk.world, relay, patient, &desk.code.clone());
    let again = desk.world.enrolling(relay, patient, hospital).unwrap();
    assert_eq!((again.number.as_ref(), again.refused), (Some(&number), None));
    assert!(desk.world.compare(hospital, desk.chart, &number).unwrap().same);
    desk.world.accept(relay, patient, hospital).unwrap();
    assert_eq!(charts_of(&desk.world, hospital, patient), ["Hanako"]);
}

#[test]
fn who_is_not_the_patient_at_the_desk_has_three_chances_in_a_million() {
    let mut desk = Desk::new();
    let (hospital, relay, patient) = (desk.hospital, desk.relay, desk.patient);
    begin(&mut desk.world, relay, patient, &desk.code.clone());
    let number = desk.world.enrolling(relay, patient, hospital).unwrap().number.unwrap();
    let wrong = if number == "000 000" { "000 001" } else { "000 000" };
    for left in [2, 1, 0] {
        let compared = desk.world.compare(hospital, desk.chart, wrong).unwrap();
        assert_eq!((compared.same, compared.tries_left), (false, Some(left)));
    }
    let refused = desk.world.compare(hospital, desk.chart, &number).unwrap_err();
    assert_eq!(refused.name(), "enrolment.nobody-came", "the right one comes too late");
    let why = desk.world.enrolling(relay, patient, hospital).unwrap().refused.unwrap();
    assert_eq!(why.name(), "enrolment.taken-back");
    desk.nothing_is_open();
}

#[test]
fn a_card_stands_for_the_number_and_names_patient_and_relay() {
    let mut desk = Desk::new();
    let (hospital, relay, patient) = (desk.hospital, desk.relay, desk.patient);
    begin(&mut desk.world, relay, patient, &desk.code.clone());
    let scan = |desk: &mut Desk, card: String| {
        desk.world.ask(hospital, enrolment::command::Scan { chart: desk.chart, card }, None)
    };
    let other = PatientCard { patient, relay: desk.world.id(hospital) }.to_text();
    assert!(!scan(&mut desk, other).unwrap().same);
    let shown = desk.world.see(relay, &ask::PatientCard { patient }, None).unwrap().card;
    assert!(scan(&mut desk, shown).unwrap().same);
    desk.world.settle();
    desk.world.accept(relay, patient, hospital).unwrap();
    assert_eq!(charts_of(&desk.world, hospital, patient), ["Hanako"]);
}

#[test]
fn a_code_is_spoken_of_to_the_nodes_that_it_names_and_its_secret_to_nobody() {
    let mut desk = Desk::new();
    let (hospital, relay, patient) = (desk.hospital, desk.relay, desk.patient);
    let to = desk.world.id(hospital);
    desk.world.switch(hospital, false);
    begin(&mut desk.world, relay, patient, &desk.code.clone());
    let code = Code::parse(&desk.code, 'e').unwrap();
    let says = |node: NodeId| {
        let party = &desk.world.parties[relay.0];
        let now = desk.world.clock(relay);
        let said = party.peer.hello(&party.store, now, (to, node), vec![], [1; 16]).unwrap();
        assert!(!said.bytes.windows(16).any(|bytes| bytes == code.secret));
        Unverified::<Hello>::parse(&said.bytes).unwrap().claims().purpose.clone()
    };
    // Somebody told the relay that this node, too, is the hospital's.
    assert_eq!(says(NodeId([9; 32])), HelloPurpose::Known);
    assert_eq!(says(code.nodes[0].0), HelloPurpose::Code(code.id()));
    desk.world.switch(hospital, true);
    desk.world.advance(DAY_MS / 24);
    make(&mut desk.world, hospital, desk.chart, relay, patient);
    let told = desk
        .world
        .wire
        .iter()
        .any(|(_, _, bytes)| bytes.windows(16).any(|bytes| bytes == code.secret));
    assert!(!told, "the secret went over the wire");
}

#[test]
fn a_code_is_proven_to_nobody_but_the_institution_that_it_names() {
    let mut desk = Desk::new();
    let (hospital, relay, patient) = (desk.hospital, desk.relay, desk.patient);
    let false_one = desk.world.add(Role::Hospital, "Hospital A");
    desk.world.switch(hospital, false);
    begin(&mut desk.world, relay, patient, &desk.code.clone());
    let (to, node) = (desk.world.id(hospital), desk.world.parties[hospital.0].peer.node());
    // Whoever holds the hospital's address, and even its node's key, asks for the proof as another institution.
    let now = desk.world.clock(relay);
    let asks = |desk: &Desk, who: Who, as_node: NodeId| {
        let party = &desk.world.parties[relay.0];
        let said = party.peer.hello(&party.store, now, (to, node), vec![], [1; 16]).unwrap();
        let far = &desk.world.parties[who.0];
        let of = (party.peer.me(), party.peer.node());
        let theirs = far.peer.hello(&far.store, now, of, vec![], [2; 16]).unwrap();
        let reply = HelloReply::Prove(Unverified::parse(&theirs.bytes).unwrap()).to_bytes();
        let asked = CheckedWelcome::prepare(as_node, &reply, &said).unwrap();
        assert!(asked.asks_for_proof());
        party.peer.prove(&party.store, now, (to, as_node), vec![], [1; 16], &asked).unwrap()
    };
    let its_node = desk.world.parties[false_one.0].peer.node();
    assert!(asks(&desk, false_one, its_node).is_none());
    assert!(asks(&desk, hospital, node).is_some());
}

#[test]
fn whoever_has_merely_proven_a_code_fills_no_table_and_unfitting_parts_are_refused() {
    let mut desk = Desk::new();
    let (hospital, relay, patient) = (desk.hospital, desk.relay, desk.patient);
    begin(&mut desk.world, relay, patient, &desk.code.clone());
    let other = desk.world.new_patient(relay, "Made up");
    let keys = accepted(&desk.world, relay, other);
    let permission = consent::Permission {
        request: ConsentId([7; 16]),
        log: keys.log.clone(),
        ring: keys.ring,
        news: News::default(),
        grants: vec![],
        holders: vec![],
        compartments: vec![],
    };
    let body = Body::Consent(consent::Message::Permission(permission));
    let told = desk.world.say(relay, hospital, &body, None, Some).unwrap();
    assert_eq!(reason(&told), "peer.not-yet-in");
    let reveal = enrolment::Reveal { patient, random: [7; 32] };
    let body = Body::Enrolment(enrolment::Message::Reveal(reveal));
    let told = desk.world.say(relay, hospital, &body, None, Some).unwrap();
    assert_eq!(reason(&told), "enrolment.other-commitment");
    // Nor does another relay go on with what this one began, or begin without a proof.
    let stranger = desk.world.add(Role::Patient, "Another relay");
    let theirs = desk.world.new_patient(stranger, "Jiro");
    desk.world.enrol(hospital, stranger, theirs);
    for message in [
        enrolment::Message::Reveal(enrolment::Reveal { patient, random: [7; 32] }),
        enrolment::Message::Accepted(accepted(&desk.world, relay, patient)),
        enrolment::Message::Undone(enrolment::Undone { patient }),
    ] {
        let told = desk.world.say(stranger, hospital, &Body::Enrolment(message), None, Some);
        assert_eq!(reason(&told.unwrap()), "enrolment.not-begun");
    }
    let chart = desk.world.open_chart(hospital, "Jiro").chart;
    let code = desk.world.chart_code(hospital, chart);
    let enrol = enrolment::Enrol {
        code: Code::parse(&code, 'e').unwrap().id(),
        log: keys.log,
        commitment: [0; 32],
    };
    let body = Body::Enrolment(enrolment::Message::Enrol(enrol));
    let told = desk.world.say(stranger, hospital, &body, None, Some).unwrap();
    assert_eq!(reason(&told), "codes.unknown");
}

#[test]
fn a_code_holds_no_longer_than_it_says_and_can_be_taken_back() {
    let mut desk = Desk::new();
    let (hospital, relay, patient) = (desk.hospital, desk.relay, desk.patient);
    let give = |desk: &mut Desk, valid_ms| {
        let (chart, addresses) = (desk.chart, vec!["memory".into()]);
        let code = enrolment::command::Code { chart, valid_ms, addresses };
        desk.world.ask(hospital, code, None)
    };
    let too_long = give(&mut desk, Some(limits::CODE_MS_MAX + 1)).unwrap_err();
    assert_eq!(too_long.name(), "codes.too-long");
    let at_desk = give(&mut desk, None).unwrap();
    assert_eq!(at_desk.expires, desk.world.clock(hospital).plus_ms(limits::CODE_DESK_MS));
    // The relay's own clock says so, or, where that is behind, the hospital.
    desk.world.advance(limits::CODE_DESK_MS);
    let enrol = enrolment::command::Enrol { patient, code: at_desk.code };
    let refused = desk.world.ask(relay, enrol, Some(patient)).unwrap_err();
    assert_eq!(refused.name(), "codes.expired");
    let code = give(&mut desk, None).unwrap().code;
    desk.world.parties[hospital.0].ahead_ms = limits::CODE_DESK_MS;
    begin(&mut desk.world, relay, patient, &code);
    let [Some(why)] = &enrolling(&desk.world, relay)[..] else { panic!("it was agreed to") };
    assert!(why.contains("holds no more"), "{why}");
    desk.world.parties[hospital.0].ahead_ms = 0;
    // Taken back, it is as if it had never been.
    let code = give(&mut desk, None).unwrap().code;
    let cancel = enrolment::command::Cancel { chart: desk.chart };
    desk.world.ask(hospital, cancel, None).unwrap();
    begin(&mut desk.world, relay, patient, &code);
    let [Some(why)] = &enrolling(&desk.world, relay)[..] else { panic!("it was agreed to") };
    assert!(why.contains("not known here"), "{why}");
    desk.nothing_is_open();
}

#[test]
fn an_enrolment_that_was_begun_ends_when_either_side_says_so() {
    let mut desk = Desk::new();
    let (hospital, relay, patient) = (desk.hospital, desk.relay, desk.patient);
    begin(&mut desk.world, relay, patient, &desk.code.clone());
    let withdraw = enrolment::command::Withdraw { patient, institution: desk.world.id(hospital) };
    desk.world.ask(relay, withdraw, None).unwrap();
    desk.world.settle();
    assert!(desk.world.all(hospital, ask::Enrolments::default(), None).unwrap().is_empty());
    desk.nothing_is_open();
    desk.world.enrol_in(hospital, desk.chart, relay, patient);
    assert_eq!(charts_of(&desk.world, hospital, patient), ["Hanako"]);
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
    let Body::Consent(consent::Message::Permission(real)) = &permission else { unreachable!() };
    for (from, at) in [(a, b), (other, a), (b, a)] {
        for body in [permission.clone(), keys.clone()] {
            let said = region.world.say(from, at, &body, None, Some).unwrap();
            assert!(matches!(said, OutcomeResult::Refused(_)), "{said:?}");
        }
    }
    // Nor with an enrolment of the real patient's keys, which the relay's number would have to stand for.
    let (log, ring) = (real.log.clone(), real.ring.clone());
    let compartments = real.compartments.clone();
    let accepted = enrolment::Accepted { log, ring, news: News::default(), compartments };
    let body = Body::Enrolment(enrolment::Message::Accepted(accepted));
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
    let chart = region.world.open_chart(b, "Another").chart;
    let code = region.world.chart_code(b, chart);
    begin(&mut region.world, relay, patient, &code);
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
