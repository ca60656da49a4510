//! Whose entries belong to a patient's record, and whose name is whose.

use chartmesh_protocol::codec::{Bytes, Wire};
use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::consent::{ReadAnswer, RequestState, Wish};
use chartmesh_protocol::crypto::SigningKey;
use chartmesh_protocol::enrolment::command::End;
use chartmesh_protocol::federation::command::{Admit, Found, Leave};
use chartmesh_protocol::federation::view::Status;
use chartmesh_protocol::id::{EntryId, ObjectId, PartyId};
use chartmesh_protocol::identity::{Compartment, Role};
use chartmesh_protocol::object::{DataKey, fresh_salt, seal_small};
use chartmesh_protocol::peer::{Body, Thing, ask};
use chartmesh_protocol::record::{Bundle, EntryStanding, Kind, Label, Manifest};
use chartmesh_protocol::refusal::RefusalCode;
use chartmesh_protocol::statement::Signed;
use chartmesh_protocol::time::{DAY_MS, Timestamp};
use chartmesh_protocol::wrap::wrap;
use chartmesh_protocol::{custody, holdings, record};
use chartmesh_scenarios::{Region, Who, World};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeSet;

fn standing_wish(region: &Region, kinds: &[Kind]) -> Wish {
    let standing = Some(Timestamp(region.world.now.0 + 20 * DAY_MS));
    Wish { kinds: kinds.to_vec(), standing, ..Wish::default() }
}

/// B gets a standing permission to read these kinds.
fn reads(region: &mut Region, kinds: &[Kind]) -> RequestView {
    region.world.record_wire = true;
    let request = region.refer(&standing_wish(region, kinds));
    region.approve(&request, "{}").unwrap();
    request
}

fn standing_of(region: &Region, at: Who, title: &str) -> Option<EntryStanding> {
    let entries = region.entries(at, false);
    entries.into_iter().find(|entry| entry.title.as_deref() == Some(title))?.standing
}

/// The patient's compartment of a kind, as those know it who were told, and may tell others.
fn compartment(region: &Region, kind: Kind) -> Compartment {
    let told = region.world.said().rev().find_map(|(_, _, body)| match body {
        Body::Custody(custody::Message::Keys(keys)) => {
            keys.compartments.into_iter().find(|c| c.kind == kind)
        }
        _ => None,
    });
    told.expect("somebody was told of it")
}

/// What an institution seals to a patient's compartment, as if it treated the patient.
fn made_up(
    author: PartyId,
    key: &SigningKey,
    patient: PartyId,
    (kind, to): (Kind, &Compartment),
    (title, recorded): (&str, Timestamp),
) -> Bundle {
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let mut label_salt = [0; 16];
    label_salt.copy_from_slice(&blake3::hash(title.as_bytes()).as_bytes()[..16]);
    let manifest = Manifest {
        entry: EntryId::of(author, &label_salt),
        kind,
        title: title.into(),
        effective: recorded,
        user: "Dr. Nobody".into(),
        contents: vec![],
        terms: vec![],
        adds_to: None,
    };
    let data_key = DataKey::generate(&mut rng);
    let salt = fresh_salt(&mut rng);
    let (sealed, _) = seal_small(&data_key, &salt, &manifest.to_bytes()).unwrap();
    let object = ObjectId(blake3::hash(&sealed).into());
    let label = Label {
        subject: patient,
        salt: label_salt,
        compartment: Some(to.id()),
        manifest: object,
        contents: holdings::contents_hash(&vec![]),
        author,
        key: 0,
        recorded,
    };
    let wrapped = wrap(data_key.expose(), object, patient, &to.key, &mut rng).unwrap();
    Bundle {
        label: Signed::sign(label, key).to_unverified(),
        contents: vec![],
        manifest: Bytes(sealed),
        wrap: Some(wrapped),
        author_wrap: None,
    }
}

/// Somebody reads at A, who sends `bundle` along.
fn reads_with(
    region: &mut Region,
    reader: Who,
    request: &RequestView,
    bundle: Bundle,
) -> RequestView {
    let lie = move |bytes: Vec<u8>| {
        let Ok(mut answer) = ReadAnswer::from_bytes(&bytes, usize::MAX) else { return bytes };
        answer.bundles.push(bundle.clone());
        answer.to_bytes()
    };
    region.world.liar = Some((region.a, Box::new(lie)));
    let fetched = region.fetch_by(reader, request.request, region.a);
    region.world.liar = None;
    fetched
}

/// A third hospital, admitted by both others.
fn third(region: &mut Region, name: &str) -> Who {
    let third = region.world.add(Role::Hospital, name);
    let invite = region.world.invite(region.a);
    region.world.join(third, invite).unwrap();
    for sponsor in [region.a, region.b] {
        region.world.admit(sponsor, third).unwrap();
    }
    third
}

/// [AUT-4]
#[test]
fn what_a_member_seals_to_a_patient_whom_it_does_not_treat_stands_apart() {
    let mut region = Region::found(1);
    let liar = third(&mut region, "Somebody");
    let request = reads(&mut region, &[Kind::Laboratory]);
    let to = compartment(&region, Kind::Laboratory);
    let (author, now) = (region.world.id(liar), region.world.now);
    let key = region.world.parties[liar.0].institution_key.clone();
    let bundle = made_up(author, &key, region.patient, (to.kind, &to), ("allergy excluded", now));
    let reader = region.b;
    let fetched = reads_with(&mut region, reader, &request, bundle);
    assert_eq!(fetched.state, RequestState::Done, "{}", fetched.reason);
    let made = standing_of(&region, region.b, "allergy excluded");
    assert_eq!(made, Some(EntryStanding::Unlisted));
    let true_one = standing_of(&region, region.b, "blood count");
    assert_eq!(true_one, Some(EntryStanding::Listed));
}

/// [AUT-4]
#[test]
fn the_newest_entries_of_a_hospital_that_treats_stand_in_place_while_the_relay_is_off() {
    let mut region = Region::found(1);
    let request = reads(&mut region, &[Kind::Laboratory]);
    region.world.switch(region.relay, false);
    region.add(Kind::Laboratory, "newest");
    region.fetch_at(&request, region.a);
    assert_eq!(standing_of(&region, region.b, "newest"), Some(EntryStanding::Unconfirmed));
    region.world.switch(region.relay, true);
    region.world.advance(60 * 60 * 1000);
    assert_eq!(standing_of(&region, region.b, "newest"), Some(EntryStanding::Listed));
}

/// [AUT-1], [AUT-4]
#[test]
fn whose_permission_to_add_has_ended_counts_for_what_was_known_before_and_for_nothing_dated_back() {
    let mut region = Region::found(1);
    let reader = third(&mut region, "Reader");
    region.world.record_wire = true;
    let wish = Wish { write: Some(true), ..standing_wish(&region, &[Kind::Laboratory]) };
    let writing = region.refer(&wish);
    region.approve(&writing, "{}").unwrap();
    let drafts = vec![region.world.draft(region.b, Kind::Laboratory, "by B", &[b"x"])];
    region.world.record(region.b, region.patient, drafts).unwrap();
    region.world.wait();
    let asked = region.refer_to(reader, &standing_wish(&region, &[Kind::Laboratory]));
    region.approve(&asked, "{}").unwrap();
    region.fetch_by(reader, asked.request, region.b);
    assert_eq!(standing_of(&region, reader, "by B"), Some(EntryStanding::Listed));

    let to = compartment(&region, Kind::Laboratory);
    let earlier = region.world.now;
    region.world.advance(DAY_MS);
    let tokens = region.tokens(&writing);
    region.revoke(tokens);
    assert_eq!(standing_of(&region, reader, "by B"), Some(EntryStanding::Listed));
    let (author, key) =
        (region.world.id(region.b), region.world.parties[region.b.0].institution_key.clone());
    let bundle = made_up(author, &key, region.patient, (to.kind, &to), ("dated back", earlier));
    reads_with(&mut region, reader, &asked, bundle);
    assert_eq!(standing_of(&region, reader, "dated back"), Some(EntryStanding::Unlisted));
    assert_eq!(standing_of(&region, reader, "by B"), Some(EntryStanding::Listed));
}

/// [AUT-4]: a colleague who may add images tells of their compartment.
#[test]
fn what_lies_in_another_kinds_compartment_is_not_what_its_author_may_add() {
    let mut region = Region::found(1);
    let reader = third(&mut region, "Reader");
    region.world.record_wire = true;
    let wish = Wish { write: Some(true), ..standing_wish(&region, &[Kind::Laboratory]) };
    let writing = region.refer(&wish);
    region.approve(&writing, "{}").unwrap();
    // Once it has an entry there, readers are told that it treats.
    let drafts = vec![region.world.draft(region.b, Kind::Laboratory, "by B", &[b"x"])];
    region.world.record(region.b, region.patient, drafts).unwrap();
    region.world.wait();
    let kinds = [Kind::Laboratory, Kind::Imaging];
    let asked = region.refer_to(reader, &standing_wish(&region, &kinds));
    region.approve(&asked, "{}").unwrap();
    let (author, now) = (region.world.id(region.b), region.world.now);
    let key = region.world.parties[region.b.0].institution_key.clone();
    for (kind, standing) in
        [(Kind::Laboratory, EntryStanding::Unconfirmed), (Kind::Imaging, EntryStanding::Unlisted)]
    {
        let to = compartment(&region, kind);
        let made =
            made_up(author, &key, region.patient, (Kind::Laboratory, &to), (kind.name(), now));
        reads_with(&mut region, reader, &asked, made);
        assert_eq!(standing_of(&region, reader, kind.name()), Some(standing), "{kind}");
    }
}

/// [AUT-3]
#[test]
fn whoever_may_merely_read_announces_nothing_and_a_permission_to_add_is_for_its_kinds() {
    let mut region = Region::found(1);
    reads(&mut region, &[Kind::Laboratory]);
    let by_b = |region: &mut Region, kind, title: &str| {
        let drafts = vec![region.world.draft(region.b, kind, title, &[b"x"])];
        region.world.record(region.b, region.patient, drafts).unwrap();
        region.world.wait();
        let at_relay = region.entries(region.relay, true).into_iter();
        at_relay.filter(|entry| entry.title.as_deref() == Some(title)).count()
    };
    assert_eq!(by_b(&mut region, Kind::Laboratory, "not asked"), 0);
    assert_eq!(region.world.see(region.b, &ask::Status, None).unwrap().untaken, 1, "B sees that");
    let wish = Wish { kinds: vec![Kind::Laboratory], write: Some(true), ..Wish::default() };
    let writing = region.refer(&wish);
    region.approve(&writing, "{}").unwrap();
    assert_eq!(by_b(&mut region, Kind::Laboratory, "asked"), 1);
    assert_eq!(by_b(&mut region, Kind::Allergies, "of another kind"), 0);
    assert_eq!(by_b(&mut region, Kind::Reports, "a report"), 1);
}

/// [AUT-1]
#[test]
fn who_treats_a_patient_is_said_anew_with_a_new_key() {
    let mut region = Region::found(1);
    let request = reads(&mut region, &[Kind::Laboratory]);
    region.fetch_at(&request, region.a);
    assert_eq!(standing_of(&region, region.b, "blood count"), Some(EntryStanding::Listed));
    let tokens = region.tokens(&request);
    region.world.rotate(region.relay, region.patient, tokens).unwrap();
    region.world.wait();
    let after = standing_of(&region, region.b, "blood count");
    assert_ne!(after, Some(EntryStanding::Unlisted));
    assert_eq!(standing_of(&region, region.relay, "blood count"), None, "titles are sealed");
    let own = region.entries(region.relay, true);
    assert!(own.iter().all(|entry| entry.standing == Some(EntryStanding::Listed)), "{own:?}");
}

/// [AUT-6]
#[test]
fn a_name_that_looks_like_a_members_is_admitted_knowingly() {
    let mut world = World::new(1);
    let first = world.add(Role::Hospital, "River Hospital");
    world.ask(first, Found { name: "Kita".into(), threshold: 2, anew: false }, None).unwrap();
    // With a Cyrillic letter.
    let other = world.add(Role::Hospital, "R\u{456}ver  HOSPITAL");
    let invite = world.invite(first);
    world.join(other, invite).unwrap();
    let view = world.see(first, &ask::Members, None).unwrap();
    let applicant = view.parties.iter().find(|one| one.status == Status::Applicant).unwrap();
    assert_eq!(applicant.looks_like, ["River Hospital"]);
    let refused = world.admit(first, other).unwrap_err();
    assert_eq!(refused.name(), "federation.looks-like");
    let party = world.id(other);
    world.ask(first, Admit { party, although_alike: true }, None).unwrap();
    assert!(world.is_member(first, other));
}

/// [AUT-7]
#[test]
fn whoever_decides_hears_whether_the_patient_dealt_with_it_and_whether_its_name_looks_like_that_of_another()
 {
    let mut region = Region::found(1);
    let twin = region.world.add(Role::Hospital, "Hospita1 A");
    let invite = region.world.invite(region.a);
    region.world.join(twin, invite).unwrap();
    for sponsor in [region.a, region.b] {
        let admit = Admit { party: region.world.id(twin), although_alike: true };
        region.world.ask(sponsor, admit, None).unwrap();
    }
    let request = region.refer_to(twin, &Wish::default());
    let [asker, party] = &request.about[..] else { panic!("{:?}", request.about) };
    assert!(asker.dealt_with && asker.member && asker.looks_like.is_empty());
    assert!(!party.dealt_with && party.member);
    assert_eq!(party.looks_like, ["Hospital A"]);
    region.approve(&request, "{}").unwrap();
    assert!(region.request(region.relay, &request).about.is_empty(), "it is decided");
}

/// [AUT-1], [AUT-4]
#[test]
fn a_patient_ends_that_a_hospital_treats_and_what_it_recorded_until_then_stays() {
    let mut region = Region::found(1);
    let request = reads(&mut region, &[Kind::Laboratory]);
    region.fetch_at(&request, region.a);
    let (patient, institution) = (region.patient, region.world.id(region.a));
    let end = End { patient, institution };
    region.world.advance(60_000);
    let locked = region.world.ask(region.relay, end.clone(), None).unwrap_err();
    assert_eq!(locked.code, RefusalCode::Locked);
    region.world.ask(region.relay, end.clone(), Some(patient)).unwrap();
    region.world.advance(60_000);
    assert_eq!(standing_of(&region, region.b, "blood count"), Some(EntryStanding::Listed));
    region.add(Kind::Laboratory, "afterwards");
    region.fetch_at(&request, region.a);
    assert_eq!(standing_of(&region, region.b, "afterwards"), Some(EntryStanding::Unlisted));
    assert!(
        region
            .entries(region.relay, true)
            .iter()
            .all(|entry| entry.title.as_deref() != Some("afterwards"))
    );
    let again = region.world.ask(region.relay, end, Some(patient)).unwrap_err();
    assert_eq!(again.name(), "enrolment.not-enrolled");
    let treated = region.world.see(region.relay, &ask::TreatedBy { patient }, None).unwrap();
    assert_eq!(
        treated.iter().map(|one| (one.institution, one.now)).collect::<Vec<_>>(),
        [(institution, false)]
    );
}

/// Of whom a reader was told whether they treat the patient.
fn told_of(region: &Region, reader: Who) -> BTreeSet<PartyId> {
    let to_reader = region.world.said().filter(|(_, to, _)| *to == reader);
    let treating = to_reader.filter_map(|(_, _, body)| match body {
        Body::Record(record::Message::Treating(treating)) => Some(treating.treats),
        _ => None,
    });
    treating.flatten().map(|treats| treats.claims().institution).collect()
}

/// [AUT-2]
#[test]
fn a_reader_hears_of_the_authors_of_what_it_may_read_and_of_no_others() {
    let mut region = Region::found(1);
    let clinic = third(&mut region, "Clinic");
    let chart = region.world.open_chart(clinic, "Hanako");
    region.world.enrol_in(clinic, chart.chart, region.relay, region.patient);
    let by_clinic = |region: &mut Region, kind| {
        let drafts = vec![region.world.draft(clinic, kind, "by the clinic", &[b"x"])];
        region.world.record(clinic, region.patient, drafts).unwrap();
        region.world.wait();
    };
    by_clinic(&mut region, Kind::Allergies);
    reads(&mut region, &[Kind::Laboratory]);
    let (a, clinic) = (region.world.id(region.a), region.world.id(clinic));
    assert_eq!(told_of(&region, region.b), [a].into());
    by_clinic(&mut region, Kind::Laboratory);
    assert_eq!(told_of(&region, region.b), [a, clinic].into());
    assert_eq!(told_of(&region, region.provider), BTreeSet::new());
}

/// [AUT-5]
#[test]
fn whatever_a_member_calls_itself_it_is_shown_and_found_as_it_was_admitted() {
    let mut region = Region::found(1);
    let liar = third(&mut region, "Somebody");
    region.world.advance(60_000);
    region.world.call_itself(liar, "Hospital A");
    let ask = Wish::default();
    region.download(liar, &ask).unwrap_err();
    region.world.advance(DAY_MS);
    let find = |region: &Region, text: &str| {
        let what = [Thing::Institution].into();
        let find = ask::Find { what, text: text.into(), within: None, limit: None };
        let found = region.world.see(region.b, &find, None).unwrap().found;
        found.into_iter().map(|one| (one.id, one.name)).collect::<Vec<_>>()
    };
    let id = |region: &Region, who| region.world.id(who).to_string();
    let a = (id(&region, region.a), "Hospital A".to_owned());
    assert_eq!(find(&region, "Hospital A"), std::slice::from_ref(&a));
    assert_eq!(find(&region, "Somebody"), [(id(&region, liar), "Somebody".to_owned())]);
    // Nobody vouches for its name any more.
    region.world.ask(liar, Leave, None).unwrap();
    region.world.advance(DAY_MS);
    let itself = (id(&region, liar), "\u{201c}Hospital A\u{201d}".to_owned());
    assert_eq!(find(&region, "Hospital A"), [a, itself]);
    assert!(find(&region, "Somebody").is_empty());
}
