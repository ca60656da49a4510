//! What a refusal tells whoever hears it: nothing of what it may not know [REF-2]. That its arguments are of what
//! the message named itself is looked at wherever anybody of these worlds is refused.

use chartmesh_protocol::identity::{RelayCertificate, Role};
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, Hello};
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::statement::{Signed, Unverified};
use chartmesh_protocol::time::{DAY_MS, Timestamp};
use chartmesh_protocol::{access_log, backup, consent, custody, enrolment};
use chartmesh_scenarios::{Region, Who, World};
use std::collections::{BTreeMap, BTreeSet};

/// What a refusal tells apart all the same. Asked of a relay by a member, which may ask its patients as well:
const OF_A_RELAY: [&str; 4] = ["access-log.shown", "backup.kept", "consent.ask", "record.announce"];
/// Named by the id of a request or a deposit, which nobody guesses:
const BY_AN_ID: [&str; 5] =
    ["backup.execute", "backup.offer", "backup.stored", "consent.decision", "consent.order-state"];
/// An order that the owner signed, whoever brings it:
const SIGNED: &str = "backup.delete";

/// A region in which all that concerns a patient was said.
fn lived(seed: u64) -> Region {
    let mut world = World::new(seed);
    world.record_wire = true;
    let mut region = Region::found_in(world);
    let request = region.permitted("{}");
    region.fetch(&request);
    region.keep(None).unwrap();
    region.world.wait();
    region.lines(region.provider);
    let (patient, holder) = (Some(region.patient), region.world.id(region.provider));
    let entries = vec![region.entry("endoscopy")];
    let delete = backup::command::Delete { patient, holder, entries };
    region.world.ask(region.relay, delete, patient).unwrap();
    let restore = backup::command::Restore { holder, subject: None };
    region.world.ask(region.a, restore, None).unwrap();
    region.revoke(region.tokens(&request));
    let collect = access_log::command::Collect { patient: region.patient };
    region.world.ask(region.relay, collect, None).unwrap();
    region.world.wait();
    region
}

/// [ID-19]
#[test]
fn who_keeps_what_others_sealed_is_told_of_no_compartment_and_who_may_read_of_what_it_may_read() {
    let mut world = World::new(1);
    world.record_wire = true;
    let mut region = Region::found_in(world);
    let (a, b, provider) = (region.a, region.b, region.provider);
    region.upload();
    region.world.wait();
    let standing = consent::Wish {
        kinds: vec![Kind::Laboratory],
        standing: Some(Timestamp(region.world.now.0 + 20 * DAY_MS)),
        ..consent::Wish::default()
    };
    let request = region.refer(&standing);
    region.approve(&request, "{}").unwrap();
    region.world.advance(DAY_MS);
    let refresh = custody::command::Refresh { patient: region.patient };
    region.world.ask(region.relay, refresh, Some(region.patient)).unwrap();
    region.world.wait();
    let (mut rings, mut told) = (BTreeSet::new(), BTreeMap::<Who, BTreeSet<Kind>>::new());
    for (_, to, body) in region.world.said() {
        let compartments = match body {
            Body::Custody(custody::Message::Keys(keys)) => {
                rings.extend(keys.ring.map(|_| to));
                keys.compartments
            }
            Body::Consent(consent::Message::Permission(permission)) => permission.compartments,
            Body::Enrolment(enrolment::Message::Accepted(accepted)) => accepted.compartments,
            _ => continue,
        };
        told.entry(to).or_default().extend(compartments.into_iter().map(|c| c.kind));
    }
    assert!([a, b, provider].iter().all(|who| rings.contains(who)), "{rings:?}");
    assert_eq!(told[&a], Kind::ALL.iter().copied().collect());
    assert_eq!(told[&b], BTreeSet::from([Kind::Laboratory]));
    assert_eq!(told[&provider], BTreeSet::new());
}

/// [REF-2]: with a code of its own, and the patient's key log.
#[test]
fn a_relay_that_comes_with_another_ones_patient_keeps_its_own_from_nothing_and_learns_nothing() {
    let mut region = Region::found(1);
    let (b, relay, patient) = (region.b, region.relay, region.patient);
    let squatter = region.world.add(Role::Patient, "Another relay");
    let real = &region.world.parties[relay.0];
    let (store, unlocked) = (real.store.clone(), real.unlocked.clone());
    region.world.parties[squatter.0].store = store;
    region.world.parties[squatter.0].unlocked = unlocked;
    let squat = |region: &mut Region| {
        let chart = region.world.open_chart(b, "Somebody").chart;
        let code = region.world.chart_code(b, chart);
        let enrol = enrolment::command::Enrol { patient, code };
        region.world.ask(squatter, enrol, Some(patient)).unwrap();
        region.world.settle();
        let begun = region.world.enrolling(squatter, patient, b).expect("it goes on");
        (begun.refused, begun.number.is_some())
    };
    assert_eq!(squat(&mut region), (None, true));
    region.world.enrol(b, relay, patient);
    // Once the patient is known there, it hears no more than before.
    let institution = region.world.id(b);
    let withdraw = enrolment::command::Withdraw { patient, institution };
    region.world.ask(squatter, withdraw, None).unwrap();
    region.world.settle();
    assert_eq!(squat(&mut region), (None, true));
}

/// [NET-15]
#[test]
fn a_relay_shows_one_certificate_the_same_to_all_and_takes_none_from_strangers() {
    let mut region = Region::found(1);
    let (a, b, provider, relay) = (region.a, region.b, region.provider, region.relay);
    let second = region.world.new_patient(relay, "Second");
    region.world.enrol(b, relay, second);
    let shown = |region: &Region, to: Who| {
        let (now, party) = (region.world.now, &region.world.parties[relay.0]);
        let whom = (region.world.id(to), region.world.parties[to.0].peer.node());
        let said = party.peer.hello(&party.store, now, whom, Vec::new(), [1; 16]).unwrap();
        let hello = Unverified::<Hello>::parse(&said.bytes).unwrap();
        hello.claims().relay.as_ref().map(|certificate| certificate.claims().member)
    };
    let hospitals = [region.world.id(a), region.world.id(b)];
    assert_eq!([a, b].map(|who| shown(&region, who)), hospitals.map(Some));
    let one = hospitals.into_iter().min();
    assert_eq!(shown(&region, provider), one);
    // Whoever shuts its door sees the same one again.
    let stranger = region.world.add(Role::Hospital, "Hospital C");
    assert_eq!(shown(&region, stranger), one);
    let certificate = RelayCertificate {
        member: region.world.id(provider),
        key: 0,
        relay: region.world.id(relay),
        issued: region.world.now,
        expires: region.world.now.plus_ms(DAY_MS),
    };
    let key = &region.world.parties[provider.0].institution_key;
    let certificate = Signed::sign(certificate, key).to_unverified();
    let renewal = enrolment::Message::Certificate(enrolment::Renewal { certificate });
    let said = region.world.say(provider, relay, &Body::Enrolment(renewal), None, Some).unwrap();
    let OutcomeResult::Refused(why) = said else { panic!("{said:?}") };
    assert_eq!(why.name(), "enrolment.nobody-enrolled");
    assert_eq!(shown(&region, provider), one);
}

/// What was said about a patient, one message of each kind.
fn about_the_patient(region: &Region) -> Vec<Body> {
    let mut kinds = BTreeSet::new();
    let said = region.world.said().map(|(_, _, body)| body);
    let about = said.filter(|body| !matches!(body, Body::Federation(_)));
    about.filter(|body| kinds.insert(body.name())).collect()
}

/// What a refusal says, but for the ids, which are those that the message named.
fn heard(region: &mut Region, from: Who, to: Who, body: &Body) -> String {
    match region.world.say(from, to, body, None, Some).unwrap() {
        OutcomeResult::Refused(refusal) => {
            let about: Vec<_> = refusal.args.iter().map(|arg| arg.kind()).collect();
            format!("{:?} {} {about:?}", refusal.code, refusal.reason)
        }
        OutcomeResult::Done(_) => "done".to_owned(),
        OutcomeResult::OutOfOrder(awaited) => format!("{awaited} awaited"),
    }
}

#[test]
fn a_member_that_has_nothing_to_do_with_a_patient_does_not_learn_from_refusals_who_knows_the_patient()
 {
    let mut region = lived(1);
    let (here, elsewhere) = (about_the_patient(&region), about_the_patient(&lived(2)));
    let stranger = region.world.add(Role::Hospital, "Hospital C");
    let invite = region.world.invite(region.a);
    region.world.join(stranger, invite).unwrap();
    region.world.admit(region.a, stranger).unwrap();
    region.world.admit(region.b, stranger).unwrap();
    assert_eq!(here.len(), elsewhere.len());
    let mut apart = BTreeSet::new();
    for (known, unknown) in here.iter().zip(&elsewhere) {
        assert_eq!(known.name(), unknown.name());
        for to in [region.a, region.b, region.provider, region.relay] {
            let of_unknown = heard(&mut region, stranger, to, unknown);
            let of_known = heard(&mut region, stranger, to, known);
            if of_known != of_unknown {
                apart.insert((known.name(), to, of_known, of_unknown));
            }
        }
    }
    for (name, to, ..) in &apart {
        assert!(!OF_A_RELAY.contains(name) || *to == region.relay, "{apart:#?}");
    }
    let apart: BTreeSet<_> = apart.iter().map(|(name, ..)| *name).collect();
    let expected: BTreeSet<_> = OF_A_RELAY.into_iter().chain(BY_AN_ID).chain([SIGNED]).collect();
    assert_eq!(apart, expected);
    // Those that ask for a record, its log or its keys were among what was said.
    for name in ["access-log.lines", "backup.fetch", "consent.read", "custody.keys"] {
        assert!(here.iter().any(|body| body.name() == name), "nobody said {name}");
    }
}
