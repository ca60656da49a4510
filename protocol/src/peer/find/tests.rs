//! What people mean by names, identifiers and the beginnings of ids, and what it costs to find it.

use super::*;
use crate::crypto::{KemSecret, SigningKey};
use crate::entries::{ChartRow, Term, delete_chart, put_chart};
use crate::identity::{Card, Role, incept};
use crate::membership::Member;
use crate::patients::{PatientRow, put_patient};
use crate::peer::{Identity, Peer};
use crate::rows;
use crate::statement::Signed;
use crate::store::{Counting, Memory, Table, Txn};
use crate::time::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

fn peer() -> (Peer, Memory) {
    let key = |seed: u8| SigningKey::from_seed(&[seed; 32]);
    let identity = Identity {
        role: Role::Hospital,
        name: "Seaside Hospital".into(),
        log: incept(&key(1), &key(2).public()),
        institution: key(1),
        kem: KemSecret::from_seed([3; 32]),
        node: key(4),
    };
    let (peer, mut store) = (Peer::new(identity).unwrap(), Memory::default());
    peer.start(&mut store, Timestamp(1), &mut ChaCha20Rng::from_seed([5; 32])).unwrap();
    (peer, store)
}

/// What is found, as `by name` in the order found.
fn search(peer: &Peer, store: &dyn ReadTxn, what: Thing, text: &str) -> Vec<(FoundBy, String)> {
    let view = view(peer, store, what, text, None);
    view.found.into_iter().map(|one| (one.by, one.name)).collect()
}

fn view(
    peer: &Peer,
    store: &dyn ReadTxn,
    what: Thing,
    text: &str,
    limit: Option<usize>,
) -> FoundView {
    let asked = Find { what: [what].into(), text: text.into(), within: None, limit };
    peer.query(store, Timestamp(1), &asked, None).unwrap()
}

fn row(name: &str, identifiers: &[(&str, &str)], subject: PartyId) -> ChartRow {
    let term = |(name, value): &(&str, &str)| Term { name: (*name).into(), value: (*value).into() };
    ChartRow {
        name: name.into(),
        identifiers: identifiers.iter().map(term).collect(),
        created: Timestamp(1),
        subject,
        enrolled: false,
        registered: true,
    }
}

/// Charts whose ids begin with their number.
fn charts(store: &mut Memory, rows: &[(&str, &[(&str, &str)])]) {
    for (number, (name, identifiers)) in rows.iter().enumerate() {
        let number = u8::try_from(number).unwrap();
        let subject = PartyId([0x50 + number; 32]);
        put_chart(store, ChartId([number; 16]), &row(name, identifiers, subject)).unwrap();
    }
}

fn institution(txn: &mut dyn Txn, seed: u8, name: &str, issued: u64) -> PartyId {
    let (first, next) = (SigningKey::from_seed(&[seed; 32]), SigningKey::from_seed(&[9; 32]));
    let keys = directory::learn_keys(txn, incept(&first, &next.public())).unwrap();
    let card = Card {
        institution: keys.party(),
        key: 0,
        name: name.into(),
        role: Role::Hospital,
        kem: KemSecret::from_seed([3; 32]).public(),
        issued: Timestamp(issued),
        until: Timestamp(issued),
    };
    let card = Signed::sign(card, &first).to_unverified();
    directory::learn_card(txn, card, &keys).unwrap();
    keys.party()
}

#[test]
fn names_and_identifiers_find_a_chart_whole_ones_first() {
    let (peer, mut store) = peer();
    charts(
        &mut store,
        &[
            ("サトウ　アイコ", &[("mrn", "12345")]),
            ("さとう", &[("mrn", "123456"), ("old", "A-7")]),
            ("Alder", &[]),
        ],
    );
    let found = |text| search(&peer, &store, Thing::Chart, text);
    let (whole, begins) = (FoundBy::Name, FoundBy::Beginning);
    assert_eq!(found("ｻﾄｳ"), [(whole, "さとう".into()), (begins, "サトウ　アイコ".into())]);
    assert_eq!(found("MRN=12345"), [(whole, "サトウ　アイコ".into()), (begins, "さとう".into())]);
    assert_eq!(found("12345")[0], (whole, "サトウ　アイコ".into()));
    assert_eq!(found("a-7"), [(whole, "さとう".into())]);
    assert_eq!(found("al"), [(begins, "Alder".into())]);
    assert_eq!(found("maple"), []);
    assert_eq!(found("").len(), 3, "whatever there is");
    assert_eq!(search(&peer, &store, Thing::Patient, "alder"), [], "of another kind");
}

#[test]
fn the_beginning_of_either_id_finds_a_chart_and_no_name_takes_its_place() {
    let (peer, mut store) = peer();
    charts(&mut store, &[("One", &[]), ("Two", &[]), ("0000", &[]), ("0101 0101", &[])]);
    let found = |text| search(&peer, &store, Thing::Subject, text);
    assert_eq!(found("01010"), [(FoundBy::Id, "Two".into())], "by the chart's id");
    assert_eq!(found("5252"), [(FoundBy::Id, "0000".into())], "by its subject's");
    let both = [(FoundBy::Id, "One".into()), (FoundBy::Name, "0000".into())];
    assert_eq!(found("0000"), both, "the person is asked");
    assert_eq!(found("010"), [(FoundBy::Beginning, "0101 0101".into())], "too few for an id");
    let view = view(&peer, &store, Thing::Subject, "5151", None);
    assert_eq!(view.found[0].id, PartyId([0x51; 32]).to_string());
    assert_eq!(view.found[0].other, Some(ChartId([1; 16]).to_string()));
}

#[test]
fn what_is_renamed_or_gone_is_found_by_its_old_name_no_more() {
    let (peer, mut store) = peer();
    let alder = institution(&mut store, 21, "Alder", 1);
    assert_eq!(search(&peer, &store, Thing::Institution, "alder").len(), 1);
    institution(&mut store, 21, "Birch", 2);
    institution(&mut store, 21, "Cedar", 1);
    assert_eq!(search(&peer, &store, Thing::Institution, "alder"), []);
    assert_eq!(search(&peer, &store, Thing::Institution, "cedar"), [], "an older card");
    assert_eq!(search(&peer, &store, Thing::Institution, "birch").len(), 1);
    let digits = &alder.to_string()[..5];
    assert_eq!(
        search(&peer, &store, Thing::Institution, digits),
        [(FoundBy::Id, "\u{201c}Birch\u{201d}".into())]
    );

    let patient = |name: &str| PatientRow {
        name: name.into(),
        sealed_keys: Default::default(),
        created: Timestamp(1),
        ring_seq: 0,
        revocation_seq: 0,
    };
    put_patient(&mut store, PartyId([7; 32]), &patient("Aiko")).unwrap();
    put_patient(&mut store, PartyId([7; 32]), &patient("Hanako")).unwrap();
    assert_eq!(search(&peer, &store, Thing::Patient, "aiko"), []);
    assert_eq!(search(&peer, &store, Thing::Subject, "hanako").len(), 1);

    charts(&mut store, &[("Old", &[("mrn", "1")]), ("Other", &[])]);
    put_chart(&mut store, ChartId([0; 16]), &row("New", &[("mrn", "2")], PartyId([0x50; 32])))
        .unwrap();
    delete_chart(&mut store, ChartId([1; 16])).unwrap();
    for gone in ["old", "mrn=1", "1", "other", "5151"] {
        assert_eq!(search(&peer, &store, Thing::Chart, gone), [], "{gone}");
    }
    assert_eq!(search(&peer, &store, Thing::Chart, "mrn=2"), [(FoundBy::Name, "New".into())]);
}

#[test]
fn what_a_charts_subject_was_before_its_patient_was_known_leads_to_the_chart() {
    let (peer, mut store) = peer();
    charts(&mut store, &[("Hanako", &[])]);
    let (before, patient) = (PartyId([0x50; 32]), PartyId([0x77; 32]));
    put_chart(&mut store, ChartId([0; 16]), &row("Hanako", &[], patient)).unwrap();
    for id in [before, patient] {
        let found = view(&peer, &store, Thing::Subject, &id.to_string(), None).found;
        let [one] = &found[..] else { panic!("{found:?}") };
        assert_eq!((one.by, &one.id), (FoundBy::Id, &patient.to_string()));
        assert_eq!(search(&peer, &store, Thing::Chart, &id.to_string()).len(), 1);
    }
    assert_eq!(entries::chart_of(&store, before).unwrap(), None, "it is kept about the patient");
    assert_eq!(entries::chart_of(&store, patient).unwrap(), Some(ChartId([0; 16])));
}

#[test]
fn an_institution_is_no_patient_and_we_are_nobody_until_we_are_a_member() {
    let (peer, mut store) = peer();
    let digits = peer.me().to_string();
    assert_eq!(search(&peer, &store, Thing::Institution, &digits), []);
    assert_eq!(search(&peer, &store, Thing::Institution, "seaside hospital"), []);
    let key = SigningKey::from_seed(&[33; 32]);
    let patient = directory::learn_keys(&mut store, incept(&key, &key.public())).unwrap().party();
    assert_eq!(search(&peer, &store, Thing::Institution, &patient.to_string()), []);
}

#[test]
fn what_is_too_much_is_cut_off_and_said_so() {
    let (peer, mut store) = peer();
    for number in 0..=200u8 {
        let subject = PartyId([number; 32]);
        put_chart(&mut store, ChartId([number; 16]), &row("Sato", &[], subject)).unwrap();
    }
    let some = view(&peer, &store, Thing::Chart, "sato", Some(10));
    assert_eq!((some.found.len(), some.more), (10, true));
    let all = view(&peer, &store, Thing::Chart, "0a0a0a", Some(10));
    assert_eq!((all.found.len(), all.more), (1, false));
    for limit in [0, limits::FOUND_MAX + 1] {
        let asked = Find {
            what: [Thing::Chart].into(),
            text: "x".into(),
            within: None,
            limit: Some(limit),
        };
        assert!(peer.query(&store, Timestamp(1), &asked, None).is_err());
    }
    let nowhere =
        Find { what: [Thing::Entry].into(), text: "abcd".into(), within: None, limit: None };
    assert!(peer.query(&store, Timestamp(1), &nowhere, None).is_err());
}

#[test]
fn a_search_reads_what_it_finds_and_not_what_there_is() {
    let (peer, mut store) = peer();
    let hash = |number: u32, of: u8| {
        *blake3::hash(&[&[of], &number.to_be_bytes()[..]].concat()).as_bytes()
    };
    for number in 0..10_000 {
        let (name, mrn) = (format!("Patient {number:05}"), number.to_string());
        let chart = row(&name, &[("mrn", &mrn)], PartyId(hash(number, 1)));
        put_chart(&mut store, ChartId(*hash(number, 2).first_chunk().unwrap()), &chart).unwrap();
    }
    let digits = |of| PartyId(hash(4711, of)).to_string()[..8].to_owned();
    let everybody = [Thing::Institution, Thing::Subject, Thing::Request];
    for (text, most) in [
        ("Patient 04711", 8),
        ("mrn=4711", 8),
        (digits(1).as_str(), 16),
        (digits(2).as_str(), 16),
        ("nobody at all", 8),
    ] {
        let counting = Counting::new(&mut store);
        let what = everybody.into();
        let asked = Find { what, text: text.into(), within: None, limit: None };
        let found = peer.query(&counting, Timestamp(1), &asked, None).unwrap().found.len();
        println!("{text}: {found} found, {} rows read", counting.read());
        assert_eq!(found, usize::from(text != "nobody at all"), "{text}");
        assert!(counting.read() <= most, "{text}: {} rows", counting.read());
    }
}

#[test]
fn a_member_is_found_by_its_name_however_many_others_take_it() {
    let (peer, mut store) = peer();
    let mut named: Vec<_> =
        (10..250).map(|seed| institution(&mut store, seed, "Alder Clinic", 2)).collect();
    named.sort_unstable();
    // Its id is the last of all, where the others would have it cut off.
    let member = named.pop().unwrap();
    let row = Member {
        party: member,
        name: "Alder Clinic".into(),
        role: Role::Hospital,
        key: SigningKey::from_seed(&[1; 32]).public(),
        number: 0,
        next: [0; 32],
    };
    rows::put(&mut store, Table::rows("federation_member"), &member.0, &row).unwrap();
    names::rename(&mut store, Bearer::Member, &member.0, &[], &["Alder Clinic"]).unwrap();
    for limit in [None, Some(2)] {
        let found = view(&peer, &store, Thing::Institution, "ALDER clinic", limit);
        assert!(found.more);
        assert_eq!(found.found.len(), limit.unwrap_or(limits::FOUND_MAX));
        let members = found.found.iter().filter(|one| one.stands == Some(Stands::Member));
        assert_eq!(members.map(|one| &*one.id).collect::<Vec<_>>(), [&*member.to_string()]);
        assert_eq!(
            (found.found[0].id.clone(), found.found[0].by),
            (member.to_string(), FoundBy::Name)
        );
    }
}
