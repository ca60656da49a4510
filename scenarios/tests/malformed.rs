//! A dishonest receiver: whatever it answers to a message of whatever kind, whoever asked goes on.

use chartmesh_protocol::codec::Wire as _;
use chartmesh_protocol::consent::Wish;
use chartmesh_protocol::consent::command::{Deny, Fetch, PassOn};
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::limits::RESPONSE_BYTES_MAX;
use chartmesh_protocol::peer::{Body, ask};
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::store::Memory;
use chartmesh_protocol::time::DAY_MS;
use chartmesh_protocol::{access_log, backup, enrolment};
use chartmesh_scenarios::{Otherwise, Region, Who, World};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// A kind of message: the codes of its feature and of the message within it.
type KindOf = (u8, u8);

/// Every kind that there is; SPEC.md lists them, and so does the encoding of each body.
const KINDS: [(u8, u8); 7] = [(1, 5), (2, 6), (3, 3), (4, 8), (5, 8), (6, 2), (7, 2)];

fn kind(body: &Body) -> KindOf {
    let bytes = body.to_bytes();
    // `[feature, [message, ...]]`, each code below 24 in the byte after the array's.
    assert_eq!((bytes[0], bytes[2]), (0x82, 0x82));
    (bytes[1], bytes[3])
}

/// What is done to an honest answer.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Lie {
    Empty,
    Short,
    WrongType,
    Trailing,
    Noise,
    Oversize,
    NoOutcome,
}

const LIES: [Lie; 7] = [
    Lie::Empty,
    Lie::Short,
    Lie::WrongType,
    Lie::Trailing,
    Lie::Noise,
    Lie::Oversize,
    Lie::NoOutcome,
];

fn told(lie: Lie, honest: &[u8]) -> Otherwise {
    Otherwise::Answer(match lie {
        Lie::Empty => Vec::new(),
        Lie::Short => honest[..honest.len() / 2].to_vec(),
        // A refusal, where an answer of the feature's is expected.
        Lie::WrongType => vec![0xa2, 0x01, 0x01, 0x02, 0x60],
        Lie::Trailing => [honest, &[0]].concat(),
        Lie::Noise => honest.iter().map(|byte| byte.rotate_left(3) ^ 0x5a).collect(),
        Lie::Oversize => vec![0; RESPONSE_BYTES_MAX + 1],
        Lie::NoOutcome => return Otherwise::Bytes(honest.to_vec()),
    })
}

/// A patient enrols, as far as that goes, after having begun and not gone on.
fn enrol(region: &mut Region, hospital: Who, relay: Who, patient: PartyId) {
    let institution = region.world.id(hospital);
    let chart = region.world.open_chart(hospital, "Jiro").chart;
    let begin = |region: &mut Region| {
        let code = region.world.chart_code(hospital, chart);
        let enrol = enrolment::command::Enrol { patient, code };
        let _ = region.world.ask(relay, enrol, Some(patient));
        region.world.settle();
        region.world.enrolling(relay, patient, hospital).and_then(|one| one.number)
    };
    let _ = begin(region);
    let withdraw = enrolment::command::Withdraw { patient, institution };
    let _ = region.world.ask(relay, withdraw, None);
    region.world.settle();
    if let Some(number) = begin(region) {
        let _ = region.world.compare(hospital, chart, &number);
        let _ = region.world.accept(relay, patient, hospital);
    }
}

/// A hospital that lost its store comes in anew, and asks the members how far they are.
fn come_back(region: &mut Region, guest: Who) {
    region.world.switch(guest, false);
    region.world.parties[guest.0].store = Memory::default();
    region.world.switch(guest, true);
    let invite = region.world.invite(region.a);
    let _ = region.world.join(guest, invite);
    region.world.advance(DAY_MS / 24);
}

/// Both hospitals read at whoever may have something.
fn fetch_all(region: &mut Region) {
    let (a, b) = (region.a, region.b);
    for (at, other) in [(a, b), (b, a)] {
        for request in region.requests(at) {
            for holder in [region.provider, other] {
                let holder = Some(region.world.id(holder));
                let fetch = Fetch { request: request.request, holder, user: "Dr. B".into() };
                let _ = region.world.ask(at, fetch, None);
            }
        }
    }
}

/// Nearly all that parties say to each other. Steps that a lie spoils are passed over.
fn story(mut region: Region, guest: Who) -> Region {
    let (a, b, provider, relay, patient) =
        (region.a, region.b, region.provider, region.relay, region.patient);
    let invite = region.world.invite(a);
    let _ = region.world.join(guest, invite);
    let _ = region.world.admit(a, guest);
    let _ = region.world.admit(b, guest);
    let second = region.world.new_patient(relay, "Jiro");
    enrol(&mut region, b, relay, second);
    let _ = region.upload_at(None);
    if let Ok(Some(request)) = region.download(b, &Wish { write: Some(true), ..Wish::default() }) {
        let _ = region.approve(&request, "{}");
    }
    if let Ok(Some(request)) = region.download(a, &Wish::default()) {
        let to = region.world.id(guest);
        let _ = region.approve(&request, &serde_json::json!({"may_pass_on": [to]}).to_string());
        let grants: Vec<_> = region
            .grants(a)
            .iter()
            .filter(|grant| grant.received)
            .map(|grant| grant.token)
            .collect();
        let pass_on = serde_json::json!({"grants": grants, "to": to, "user": "Dr. A"});
        let pass_on: PassOn = serde_json::from_value(pass_on).unwrap();
        let _ = region.world.ask(a, pass_on, None);
    }
    if let Ok(Some(request)) = region.download(a, &Wish::default()) {
        let deny = Deny { request: request.request, reason: "no".into() };
        let _ = region.world.ask(relay, deny, Some(patient));
    }
    fetch_all(&mut region);
    let drafts = vec![region.world.draft(b, Kind::Reports, "finding", &[b"no ulcer"])];
    let _ = region.world.record(b, patient, drafts);
    let _ = region.keep_for_patient();
    let holder = region.world.id(provider);
    let _ = region.keep(None);
    let restore = backup::command::Restore { holder, subject: None };
    let _ = region.world.ask(a, restore, None);
    let entries = vec![region.entry("endoscopy")];
    let delete = backup::command::Delete { patient: Some(patient), holder, entries };
    let _ = region.world.ask(relay, delete, Some(patient));
    let entries = vec![region.entry("endoscopy")];
    let delete = backup::command::Delete { patient: None, holder, entries };
    let _ = region.world.ask(a, delete, None);
    let _ = region.world.rotate(relay, patient, vec![]);
    let collect = access_log::command::Collect { patient };
    let _ = region.world.ask(relay, collect, None);
    // A deposit that never comes is given up; who reads with old news asks for newer; a relay that comes back gets a new
    // certificate.
    let _ = region.upload_at(Some(region.world.now.0 + 6 * DAY_MS));
    region.world.switch(a, false);
    region.world.switch(relay, false);
    region.world.now = region.world.now.plus_ms(8 * DAY_MS);
    region.world.advance(1000);
    region.world.switch(a, true);
    fetch_all(&mut region);
    region.world.switch(relay, true);
    let _ = region.world.ask(relay, access_log::command::Collect { patient }, None);
    come_back(&mut region, guest);
    region
}

fn waiting(world: &World, at: Who) -> usize {
    world.see(at, &ask::Status, None).unwrap().waiting
}

/// Lies to every message of some kinds; gives the kinds that were answered at all.
fn lied_to(kinds: &[KindOf], lie: Option<Lie>) -> BTreeSet<KindOf> {
    let seen = Rc::new(RefCell::new(BTreeSet::new()));
    let mut region = Region::found(1);
    let (noted, kinds) = (Rc::clone(&seen), kinds.to_vec());
    region.world.answer_otherwise = Some(Box::new(move |body, honest| {
        let kind = kind(body);
        noted.borrow_mut().insert(kind);
        lie.filter(|_| kinds.contains(&kind)).map(|lie| told(lie, honest))
    }));
    let guest = region.world.add(Role::Hospital, "Guest");
    let mut region = story(region, guest);
    // The lies end, and what they held up goes on: nothing is asked for again and again for ever.
    region.world.answer_otherwise = None;
    come_back(&mut region, guest);
    for at in [region.a, region.b, region.provider, region.relay] {
        assert_eq!(waiting(&region.world, at), 0, "{at:?} after {lie:?}");
    }
    let drafts = vec![region.world.draft(region.a, Kind::Reports, "after", &[b"all"])];
    region.world.record(region.a, region.patient, drafts).unwrap();
    Rc::unwrap_or_clone(seen).into_inner()
}

/// Whose answers hold something; to all others the answer is empty, and nobody looks at it.
const ANSWERED: [KindOf; 13] = [
    (1, 1),
    (1, 3),
    (1, 4),
    (1, 5),
    (2, 1),
    (2, 5),
    (3, 1),
    (4, 6),
    (5, 1),
    (5, 4),
    (5, 5),
    (6, 2),
    (7, 1),
];

fn all() -> BTreeSet<KindOf> {
    KINDS.iter().flat_map(|(feature, last)| (1..=*last).map(|kind| (*feature, kind))).collect()
}

#[test]
fn an_answer_that_is_none_of_its_kind_spoils_nothing_but_its_own_message() {
    for kind in ANSWERED {
        for lie in LIES {
            assert!(lied_to(&[kind], Some(lie)).contains(&kind));
        }
    }
}

#[test]
fn an_answer_where_none_is_expected_and_bytes_that_are_no_outcome_spoil_nothing() {
    let empty: Vec<_> = all().into_iter().filter(|kind| !ANSWERED.contains(kind)).collect();
    assert_eq!(lied_to(&[], None), all(), "the story says something of every kind");
    for lie in LIES {
        // Too long to be an outcome at all: slow to make for so many, and shown above.
        if lie != Lie::Oversize {
            lied_to(&empty, Some(lie));
        }
    }
}
