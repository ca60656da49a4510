//! What an author seals shares an encapsulation: of one patient, compartment and month. [WRP-4], [WRP-5], [WRP-6], [WRP-7]

use chartmesh_protocol::backup;
use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::consent::{ReadAnswer, RequestState, Wish};
use chartmesh_protocol::id::{EntryId, PartyId, SessionId};
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, ask};
use chartmesh_protocol::record::{self, Announce, Bundle, Kind, Label};
use chartmesh_protocol::refusal::Refusal;
use chartmesh_protocol::session::Session;
use chartmesh_protocol::statement::Signed;
use chartmesh_protocol::store::{ReadTxn, Table};
use chartmesh_protocol::time::DAY_MS;
use chartmesh_scenarios::{Region, Who};
use std::collections::BTreeSet;

fn bundles(region: &Region, who: Who, subject: PartyId) -> Vec<Bundle> {
    let party = &region.world.parties[who.0];
    let entries = region.world.all(who, ask::Entries::of(subject), None).unwrap();
    let bundle = |entry| party.peer.bundle(&party.store, subject, entry).unwrap();
    entries.iter().map(|one| bundle(one.entry)).collect()
}

/// The sessions that the labels of a patient's entries name, where they are kept.
fn named(region: &Region, who: Who, subject: PartyId) -> BTreeSet<SessionId> {
    let labels = bundles(region, who, subject);
    labels.iter().filter_map(|one| Some(one.label.claims().sealed?.session)).collect()
}

/// Those that are kept at a node, whether or not anything names them.
fn kept(region: &Region, who: Who) -> usize {
    let store = &region.world.parties[who.0].store;
    let (sessions, uses) = (Table("entry_session"), Table("entry_session_uses"));
    let count = |table| store.page(table, &[], &[], usize::MAX).unwrap().len();
    assert_eq!(count(sessions), count(uses));
    count(sessions)
}

fn session_of(region: &Region, who: Who, entry: EntryId) -> SessionId {
    let party = &region.world.parties[who.0];
    let bundle = party.peer.bundle(&party.store, region.patient, entry).unwrap();
    bundle.label.claims().sealed.unwrap().session
}

/// B reads all of the record at A.
fn read_at_a(region: &mut Region) -> RequestView {
    let a = region.a;
    let request = region.refer(&Wish::default());
    region.approve(&request, "{}").unwrap();
    region.fetch_at(&request, a)
}

#[test]
fn a_month_of_one_kind_is_sealed_by_one_session_wherever_it_goes() {
    let mut region = Region::found(1);
    let (a, b, relay, provider, patient) =
        (region.a, region.b, region.relay, region.provider, region.patient);
    let before = named(&region, a, patient).len();
    for day in 0..30 {
        region.add(Kind::Laboratory, &format!("day {day}"));
        region.world.advance(DAY_MS);
        region.unlock();
    }
    assert_eq!(named(&region, a, patient).len(), before);
    region.world.advance(2 * DAY_MS);
    let later = region.add(Kind::Laboratory, "a month later");
    assert_eq!(named(&region, a, patient).len(), before + 1);
    // They go along with what names them.
    region.keep(None).unwrap();
    let request = read_at_a(&mut region);
    assert_eq!(request.state, RequestState::Done, "{}", request.reason);
    for who in [a, b, relay, provider] {
        assert_eq!(kept(&region, who), before + 1, "{who:?}");
    }
    assert_eq!(region.entries(relay, true).iter().filter(|one| one.title.is_some()).count(), 34);
    // With the last entry that names it a session goes.
    let holder = region.world.id(provider);
    for (entries, left) in [
        (vec![later], before),
        (bundles(&region, a, patient).iter().map(|one| one.label.claims().entry()).collect(), 0),
    ] {
        let delete = backup::command::Delete { patient: None, holder, entries };
        region.world.ask(a, delete, None).unwrap();
        region.world.wait();
        assert_eq!(kept(&region, provider), left);
    }
}

#[test]
fn what_is_adopted_is_sealed_by_one_session_for_each_kind() {
    let mut region = Region::found(1);
    let (a, relay) = (region.a, region.relay);
    let chart = region.world.open_chart(a, "Aiko");
    let kinds = [Kind::Laboratory, Kind::Reports, Kind::VitalSigns];
    for n in 0..60 {
        let draft = region.world.draft(a, kinds[n % 3], &format!("entry {n}"), &[b"x"]);
        region.world.record(a, chart.subject, vec![draft]).unwrap();
    }
    assert!(named(&region, a, chart.subject).is_empty());
    let aiko = region.world.new_patient(relay, "Aiko");
    region.world.enrol_in(a, chart.chart, relay, aiko);
    assert_eq!(named(&region, a, aiko).len(), 3);
    let entries = region.world.all(relay, ask::Entries::of(aiko), Some(aiko)).unwrap();
    assert_eq!(entries.iter().filter(|one| one.title.is_some()).count(), 60);
    // What comes next is sealed by the same.
    let draft = region.world.draft(a, kinds[0], "the next", &[b"x"]);
    region.world.record(a, aiko, vec![draft]).unwrap();
    region.world.wait();
    assert_eq!(named(&region, relay, aiko), named(&region, a, aiko));
    assert_eq!(named(&region, a, aiko).len(), 3);
    assert!(region.world.verify(relay, aiko).unwrap().bad.is_empty());
}

#[test]
fn a_holder_that_keeps_sessions_back_gives_nothing_and_is_named() {
    let mut region = Region::found(1);
    let lie = |bytes: Vec<u8>| {
        let Ok(mut answer) = ReadAnswer::from_bytes(&bytes, usize::MAX) else { return bytes };
        answer.sessions.clear();
        answer.to_bytes()
    };
    region.world.liar = Some((region.a, Box::new(lie)));
    let fetched = read_at_a(&mut region);
    assert_eq!(fetched.state, RequestState::Failed, "{}", fetched.reason);
    assert!(fetched.reason.contains("session"), "{}", fetched.reason);
    assert_eq!(kept(&region, region.b), 0);
}

fn announced(region: &Region) -> Announce {
    let announced = region.world.said().rev().find_map(|(_, to, body)| match body {
        Body::Record(record::Message::Announce(announce)) if to == region.relay => Some(announce),
        _ => None,
    });
    announced.expect("A announced what it recorded")
}

fn say(region: &mut Region, announce: Announce) -> Result<(), Refusal> {
    let (a, relay) = (region.a, region.relay);
    let body = Body::Record(record::Message::Announce(announce));
    match region.world.say(a, relay, &body, None, Some).unwrap() {
        OutcomeResult::Done(_) => Ok(()),
        OutcomeResult::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

/// A's program announces what it announced last under a session that `change` makes of the one before.
fn announce_by(
    region: &mut Region,
    salt: Option<[u8; 16]>,
    change: impl FnOnce(&mut Session),
) -> Result<EntryId, Refusal> {
    let mut announce = announced(region);
    let bundle = &mut announce.bundles[0];
    change(&mut announce.sessions[0]);
    let old = bundle.label.claims();
    let mut sealed = old.sealed.unwrap();
    sealed.session = announce.sessions[0].id();
    let label = Label { salt: salt.unwrap_or(old.salt), sealed: Some(sealed), ..old.clone() };
    let entry = label.entry();
    let key = &region.world.parties[region.a.0].institution_key;
    bundle.label = Signed::sign(label, key).to_unverified();
    say(region, announce).map(|()| entry)
}

#[test]
fn a_session_of_another_patient_author_or_compartment_is_refused_and_the_first_of_an_entry_stays() {
    let mut region = Region::found(1);
    region.world.record_wire = true;
    let letter = region.add(Kind::Reports, "letter");
    let (relay, other) = (region.relay, PartyId([9; 32]));
    let first = session_of(&region, relay, letter);
    let foreign: [fn(&mut Session); 3] = [
        |session| session.patient = PartyId([9; 32]),
        |session| session.author = PartyId([9; 32]),
        |session| session.compartment.0[0] ^= 1,
    ];
    let before = kept(&region, relay);
    for (n, change) in (1..).zip(foreign) {
        let refusal = announce_by(&mut region, Some([n; 16]), change).unwrap_err();
        assert_eq!(refusal.name(), "session.other", "{n}");
    }
    assert_eq!(kept(&region, relay), before);
    // Sealed anew to the same compartment, as by an author that has forgotten: it is heard, and what was there stays, so that
    // no author makes an entry unreadable that could be read.
    let spoil = |session: &mut Session| session.check = other.0;
    assert_eq!(announce_by(&mut region, None, spoil), Ok(letter));
    assert_eq!(session_of(&region, relay, letter), first);
    assert_eq!(kept(&region, relay), before);
    let title = region.entries(relay, true).into_iter().find(|one| one.entry == letter);
    assert_eq!(title.and_then(|one| one.title).as_deref(), Some("letter"));
    // A new one under it is kept, and opens for nobody.
    let spoilt = announce_by(&mut region, Some([7; 16]), spoil).unwrap();
    assert_eq!(kept(&region, relay), before + 1);
    let verify = ask::Verify::of(region.patient);
    let verified = region.world.all(relay, verify, Some(region.patient)).unwrap();
    let bad: Vec<_> = verified.iter().filter(|one| !one.bad.is_empty()).collect();
    assert!(bad.len() == 1 && bad[0].entry == spoilt, "{bad:?}");
}
