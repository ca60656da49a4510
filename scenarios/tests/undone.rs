//! An enrolment that was made is undone: the chart was another person's. [ENR-2], [REC-10], [REC-11], [REC-12]

use chartmesh_protocol::access_log::Action;
use chartmesh_protocol::consent::{RequestState, Wish};
use chartmesh_protocol::id::{CompartmentId, EntryId, PartyId};
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, ask};
use chartmesh_protocol::record::view::{EntryView, MisfiledView};
use chartmesh_protocol::record::{self, Kind, Misfiled};
use chartmesh_protocol::statement::Signed;
use chartmesh_protocol::time::DAY_MS;
use chartmesh_protocol::{custody, enrolment};
use chartmesh_scenarios::{Region, Who, World};

fn titles(entries: &[EntryView]) -> Vec<&str> {
    let mut titles: Vec<_> = entries.iter().filter_map(|entry| entry.title.as_deref()).collect();
    titles.sort_unstable();
    titles
}

fn misfiled(region: &Region, who: Who) -> Vec<MisfiledView> {
    region.world.all(who, ask::Misfiled::of(region.patient), None).unwrap()
}

fn in_chart(region: &Region, subject: PartyId) -> Vec<EntryView> {
    region.world.all(region.a, ask::Entries::of(subject), None).unwrap()
}

fn objects(region: &Region, who: Who) -> Vec<chartmesh_protocol::id::ObjectId> {
    region.world.parties[who.0].objects.keys().copied().collect()
}

/// Hospital A recorded another person's data in the chart with which Hanako enrolled; a provider keeps them, for the
/// patient and for A, and B has read them.
#[test]
fn what_was_filed_under_the_wrong_patient_leaves_every_record_and_comes_back_under_new_keys() {
    let mut region = Region::found(1);
    let (a, b, provider, relay) = (region.a, region.b, region.provider, region.relay);
    let first = region.entry("blood count");
    let mut addition = region.world.draft(a, Kind::Laboratory, "corrected count", &[b"11.9 g/dL"]);
    addition.adds_to = Some(first);
    region.world.record(a, region.patient, vec![addition]).unwrap();
    region.world.wait();
    region.keep(None).unwrap();
    region.world.wait();
    let request = region.permitted("{}");
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    let before: Vec<EntryId> = region.entries(a, false).iter().map(|one| one.entry).collect();
    assert_eq!(before.len(), 4);
    assert_eq!(region.entries(b, false).len(), 4);
    assert!(region.entries(relay, true).len() == 4 && !objects(&region, provider).is_empty());
    let old_objects = objects(&region, a);

    let undone = region.world.undo(a, region.chart).unwrap();
    assert_eq!((undone.taken_out, undone.stay, undone.left), (4, 0, 4));
    assert_eq!(undone.patient, Some(region.patient));
    region.world.wait();
    // The patient's record is empty everywhere, and says why.
    for who in [a, b, relay] {
        assert!(region.entries(who, who == relay).is_empty(), "{who:?}");
        let mut gone: Vec<_> = misfiled(&region, who).iter().map(|one| one.entry).collect();
        gone.sort_unstable();
        assert_eq!(gone, before, "{who:?}");
    }
    assert_eq!(misfiled(&region, provider).len(), 4);
    assert!(objects(&region, b).is_empty() && objects(&region, provider).is_empty());
    let (kept, all) = (ask::Kept::default(), ask::Charts::default());
    for who in [a, relay, provider] {
        assert!(region.world.all(who, kept.clone(), None).unwrap().is_empty(), "{who:?}");
    }
    // The chart has what was recorded, under ids and keys that nobody had.
    let charts = region.world.all(a, all, None).unwrap();
    let chart = charts.iter().find(|chart| chart.chart == region.chart).unwrap();
    assert!(!chart.enrolled && chart.subject == undone.subject);
    let mut entries = in_chart(&region, undone.subject);
    EntryView::sort_by_time(&mut entries);
    assert_eq!(entries.len(), 4);
    assert!(entries.iter().all(|one| !before.contains(&one.entry) && one.whole));
    let find = |title| entries.iter().find(|one| one.title.as_deref() == Some(title)).unwrap();
    assert_eq!(find("corrected count").adds_to, Some(find("blood count").entry));
    assert!(objects(&region, a).iter().all(|object| !old_objects.contains(object)));
    assert!(region.world.verify(a, undone.subject).unwrap().bad.is_empty());
    // It is on the record, at the institution and at the patient's relay.
    let lines = region.lines(a);
    let line = lines.iter().find(|line| line.action == Action::Misfiled).unwrap();
    assert_eq!((line.user.as_deref(), line.count), (Some("Desk"), 4));
    let enrolling = region.world.enrolling(relay, region.patient, a).unwrap();
    assert_eq!(enrolling.refused.unwrap().name(), "enrolment.wrong-person");
    // A reader whose permission stands hears of no entry that would be missing.
    let verified = region.world.verify(b, region.patient).unwrap();
    assert!(verified.bad.is_empty() && verified.catalogue.is_none_or(|view| view.missing == 0));

    // The right person enrols in the chart.
    let aiko = region.world.new_patient(relay, "Aiko");
    region.world.enrol_in(a, region.chart, relay, aiko);
    let entries = region.world.all(relay, ask::Entries::of(aiko), Some(aiko)).unwrap();
    assert_eq!(titles(&entries).len(), 4);
    // And Hanako in another one, with whom A begins anew.
    let chart = region.world.open_chart(a, "Hanako").chart;
    region.world.enrol_in(a, chart, relay, region.patient);
    assert!(region.entries(relay, true).is_empty());
}

#[test]
fn what_others_recorded_stays_with_the_patient() {
    let mut region = Region::found(2);
    let (a, b) = (region.a, region.b);
    region.world.enrol(b, region.relay, region.patient);
    let draft = region.world.draft(b, Kind::Conditions, "asthma", &[b"mild"]);
    region.world.record(b, region.patient, vec![draft]).unwrap();
    region.world.wait();
    let wish = Wish { kinds: vec![Kind::Conditions], ..Wish::default() };
    let request = region.download(a, &wish).unwrap().unwrap();
    region.approve(&request, "{}").unwrap();
    let fetched = region.fetch_by(a, request.request, b);
    assert_eq!(fetched.state, RequestState::Done, "{}", fetched.reason);
    assert_eq!(region.entries(a, false).len(), 5);

    let undone = region.world.undo(a, region.chart).unwrap();
    assert_eq!((undone.taken_out, undone.stay), (3, 2));
    region.world.wait();
    let of_b = ["asthma", "before enrolment"];
    assert_eq!(titles(&region.entries(a, false)), of_b);
    assert_eq!(titles(&region.entries(region.relay, true)), of_b);
    assert_eq!(in_chart(&region, undone.subject).len(), 3);
    let charts = region.world.all(a, ask::Charts::default(), None).unwrap();
    let of_patient = charts.iter().find(|chart| chart.subject == region.patient).unwrap();
    assert_ne!(of_patient.chart, region.chart);
    // The patient enrols in a chart of the patient's own: what was there goes up in it.
    let chart = region.world.open_chart(a, "Hanako").chart;
    region.world.enrol_in(a, chart, region.relay, region.patient);
    assert_eq!(titles(&region.entries(a, false)), of_b);
}

/// The salt of an entry's label, as somebody who has it knows it.
fn salt(region: &Region, at: Who, entry: EntryId) -> [u8; 16] {
    let all = region.world.all(at, ask::Entries::of(region.patient), None).unwrap();
    assert!(all.iter().any(|one| one.entry == entry), "it is there");
    let of_entry = region.world.said().find_map(|(_, _, body)| match body {
        Body::Record(record::Message::Announce(announce)) => {
            let mut labels = announce.bundles.iter().map(|bundle| bundle.label.claims().clone());
            labels.find(|label| label.entry() == entry).map(|label| label.salt)
        }
        _ => None,
    });
    of_entry.expect("it was announced")
}

fn said(
    region: &Region,
    (author, signer): (Who, Who),
    compartment: Option<CompartmentId>,
    mut salts: Vec<[u8; 16]>,
) -> Body {
    salts.sort_unstable();
    let claims = Misfiled {
        author: region.world.id(author),
        key: 0,
        subject: region.patient,
        compartment,
        salts,
        at: region.world.now,
    };
    let signed = Signed::sign(claims, &region.world.parties[signer.0].institution_key);
    Body::Record(record::Message::Misfiled(signed.to_unverified()))
}

/// Says it, and gives the reason of the refusal, if it is refused.
fn says(region: &mut Region, by: Who, to: Who, body: &Body) -> String {
    region.world.now.0 += 1;
    match region.world.say(by, to, body, None, Some).unwrap() {
        OutcomeResult::Refused(refusal) => refusal.name(),
        _ => String::new(),
    }
}

fn recording(seed: u64) -> Region {
    let mut world = World::new(seed);
    world.record_wire = true;
    Region::found_in(world)
}

/// An author takes back its own, and nobody else's; and nobody else does it for an author. [REC-10]
#[test]
fn nobody_takes_back_what_another_made() {
    let mut region = recording(3);
    let (a, b, relay) = (region.a, region.b, region.relay);
    let entry = region.entry("blood count");
    let of_entry = salt(&region, a, entry);
    // By another member, of A's: in its own name, in A's, and passed on.
    let of_a = said(&region, (a, b), None, vec![of_entry]);
    assert_eq!(says(&mut region, b, relay, &of_a), "record.misfiled-by-others");
    let own = said(&region, (b, b), None, vec![of_entry]);
    assert_eq!(says(&mut region, b, relay, &own), "");
    // The relay cannot make an author's word up, nor change it.
    region.world.enrol(b, relay, region.patient);
    let forged = said(&region, (a, relay), None, vec![of_entry]);
    assert_eq!(says(&mut region, relay, b, &forged), "misfiled.bad-signature");
    let unordered = said(&region, (a, a), None, vec![of_entry, of_entry]);
    assert_eq!(says(&mut region, a, relay, &unordered), "misfiled.bad-entries");
    let none = said(&region, (a, a), None, vec![]);
    assert_eq!(says(&mut region, a, relay, &none), "misfiled.bad-entries");
    assert!(misfiled(&region, relay).is_empty());
    let all = region.entries(relay, true).len();
    // What the author took back it cannot bring again, nor can anybody else.
    let announced = region.world.said().find_map(|(_, _, body)| match body {
        Body::Record(record::Message::Announce(announce)) => Some(announce),
        _ => None,
    });
    let announced = Body::Record(record::Message::Announce(announced.unwrap()));
    let true_one = said(&region, (a, a), None, vec![of_entry]);
    assert_eq!(says(&mut region, a, relay, &true_one), "");
    assert_eq!(misfiled(&region, relay).len(), 1);
    assert_eq!(region.entries(relay, true).len(), all - 1);
    says(&mut region, a, relay, &announced);
    assert_eq!(region.entries(relay, true).len(), all - 1);
    // And the relay, whoever is behind it, does not have the author delete its own by its own word.
    let mine = region.entries(a, false).len();
    assert_eq!(says(&mut region, relay, a, &true_one), "");
    assert_eq!(region.entries(a, false).len(), mine);
}

/// One that knows another's salts, or makes salts up, keeps nobody's entries from a reader; and a false compartment keeps no
/// reader from hearing. [REC-11], [REC-12]
#[test]
fn a_word_about_ones_own_entries_says_nothing_of_others_and_reaches_whoever_may_have_them() {
    let mut region = recording(7);
    let (a, b, relay) = (region.a, region.b, region.relay);
    let request = region.permitted("{}");
    region.world.enrol(b, relay, region.patient);
    let draft = region.world.draft(b, Kind::Allergies, "latex", &[b"severe"]);
    let of_b = region.world.record(b, region.patient, vec![draft]).unwrap().entries[0];
    region.world.wait();
    let (mine, theirs) = (region.entry("blood count"), salt(&region, b, of_b));
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    assert!(region.entries(b, false).iter().any(|one| one.entry == mine));
    // B's own entry, named by A with A's, is A's of another id.
    let made_up = (0..998_u128).map(u128::to_be_bytes);
    let salts: Vec<_> = made_up.chain([salt(&region, a, mine), theirs]).collect();
    let false_one = Some(CompartmentId([9; 16]));
    let word = said(&region, (a, a), false_one, salts);
    assert_eq!(says(&mut region, a, relay, &word), "");
    region.world.settle();
    let at_relay = region.entries(relay, true);
    assert!(at_relay.iter().any(|one| one.entry == of_b));
    assert!(!at_relay.iter().any(|one| one.entry == mine));
    // The reader hears, whatever compartment the author names.
    assert!(!region.entries(b, false).iter().any(|one| one.entry == mine));
    assert_eq!(misfiled(&region, b).len(), 1, "what was made up is not shown");
    let wish = Wish { kinds: vec![Kind::Allergies], ..Wish::default() };
    let asked = region.download(a, &wish).unwrap().unwrap();
    region.approve(&asked, "{}").unwrap();
    let fetched = region.fetch_by(a, asked.request, b);
    assert_eq!(fetched.state, RequestState::Done, "{}", fetched.reason);
    assert!(region.entries(a, false).iter().any(|one| one.entry == of_b));
}

/// A key that was rotated away takes nothing back, dated back or not; and what was said by it and not heard is said anew.
#[test]
fn an_earlier_key_takes_nothing_back() {
    let mut region = recording(8);
    let (a, b, relay) = (region.a, region.b, region.relay);
    let entry = region.entry("blood count");
    let stolen = said(&region, (a, a), None, vec![salt(&region, a, entry)]);
    region.world.advance(DAY_MS);
    region.world.switch(a, false);
    region.world.parties[a.0].rotate_institution(region.world.now);
    region.world.switch(a, true);
    region.world.advance(DAY_MS);
    region.world.enrol(b, relay, region.patient);
    for to in [relay, b] {
        assert_eq!(says(&mut region, a, to, &stolen), "misfiled.old-key");
    }
    assert!(region.entries(relay, true).iter().any(|one| one.entry == entry));
}

/// The author forgot with its store that it undid an enrolment: the relay's word deletes nothing there, and a second undoing
/// puts it right; a holder that forgot hears again. [MSG-10], [REC-12]
#[test]
fn whoever_was_put_back_to_before_an_undoing_hears_of_it_again() {
    let mut region = Region::found(9);
    let (a, provider, relay) = (region.a, region.provider, region.relay);
    region.permitted("{}");
    let copies = [a, provider].map(|who| (who, region.world.parties[who.0].store.clone()));
    let files = region.world.parties[a.0].objects.clone();
    region.world.undo(a, region.chart).unwrap();
    region.world.advance(DAY_MS);
    assert!(region.entries(relay, true).is_empty());
    assert_eq!(misfiled(&region, provider).len(), 3);
    for (who, store) in copies {
        region.world.switch(who, false);
        region.world.parties[who.0].store = store;
        region.world.switch(who, true);
    }
    region.world.parties[a.0].objects = files;
    region.world.start_counted(a, 99);
    region.world.start_counted(provider, 99);
    region.world.advance(2 * DAY_MS);
    assert_eq!(misfiled(&region, provider).len(), 3, "it was told once more");
    assert_eq!(region.entries(a, false).len(), 3, "nothing was deleted");
    let undone = region.world.undo(a, region.chart).unwrap();
    assert_eq!(undone.taken_out, 3);
    assert_eq!(in_chart(&region, undone.subject).len(), 3);
}

/// A content that is not here may be at a holder that is about to delete it. [ENR-2]
#[test]
fn what_is_not_here_whole_is_not_undone_unless_it_is_given_up() {
    let mut region = Region::found(10);
    let (a, chart) = (region.a, region.chart);
    let (object, _) = region.world.parties[a.0].objects.first_key_value().unwrap();
    let object = *object;
    region.world.lose(a, object, false);
    region.world.settle();
    let refused = region.world.undo(a, chart).unwrap_err();
    assert_eq!(refused.name(), "record.lost-here");
    let user = "Desk".to_owned();
    let undo = record::command::Undo { chart, user, although_lost: true };
    let undone = region.world.ask(a, undo, None).unwrap();
    assert_eq!(undone.taken_out, 3);
}

#[test]
fn while_entries_are_to_be_sealed_anew_nobody_enrols_in_the_chart_and_nothing_adds_to_them() {
    let mut region = Region::found(4);
    let (a, chart) = (region.a, region.chart);
    let entry = region.entry("blood count");
    let user = "Desk".to_owned();
    let undo = record::command::Undo { chart, user, although_lost: false };
    let undone = region.world.ask(a, undo.clone(), None).unwrap();
    assert_eq!(undone.left, 3);
    let code = enrolment::command::Code { chart, valid_ms: None, addresses: Vec::new() };
    let refused = region.world.ask(a, code.clone(), None).unwrap_err();
    assert_eq!(refused.name(), "enrolment.sealed-anew");
    let mut draft = region.world.draft(a, Kind::Laboratory, "more", &[b"1"]);
    draft.adds_to = Some(entry);
    let refused = region.world.record(a, undone.subject, vec![draft]).unwrap_err();
    assert_eq!(refused.name(), "record.sealed-anew");
    // Given again, it goes on.
    let again = region.world.ask(a, undo.clone(), None).unwrap();
    assert_eq!((again.left, again.taken_out, again.patient), (3, 0, None));
    let to_seal = |region: &Region| region.world.see(a, &ask::Status, None).unwrap().to_seal_anew;
    assert_eq!(to_seal(&region), 3, "`status` says that it is half done");
    assert_eq!(region.world.seal_anew(a, chart, undone.subject).unwrap().left, 1);
    assert_eq!(region.world.seal_anew(a, chart, undone.subject).unwrap().left, 0);
    assert_eq!(to_seal(&region), 0);
    assert_eq!(region.world.ask(a, undo, None).unwrap_err().name(), "record.not-enrolled");
    region.world.ask(a, code, None).unwrap();
}

/// The relay is off while it is undone, and so is whoever keeps the entries; a permission that is given meanwhile does
/// not bring them back.
#[test]
fn who_was_off_hears_of_it_later() {
    let mut region = Region::found(5);
    let (a, b, provider, relay) = (region.a, region.b, region.provider, region.relay);
    let request = region.permitted("{}");
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    for who in [b, provider, relay] {
        region.world.switch(who, false);
    }
    region.world.undo(a, region.chart).unwrap();
    region.world.settle();
    assert_eq!(region.entries(b, false).len(), 3);
    region.world.switch(relay, true);
    region.world.advance(DAY_MS);
    assert!(region.entries(relay, true).is_empty());
    // B asks the provider, which has not heard, and is told by the relay.
    for who in [provider, b] {
        region.world.switch(who, true);
    }
    region.world.advance(DAY_MS);
    assert!(region.entries(b, false).is_empty());
    assert_eq!(misfiled(&region, provider).len(), 3);
    let refresh = custody::command::Refresh { patient: region.patient };
    region.world.ask(relay, refresh, Some(region.patient)).unwrap();
    region.world.wait();
    // The patient says no more that A treats the patient.
    let treats = ask::TreatedBy { patient: region.patient };
    let treats = region.world.see(relay, &treats, None).unwrap();
    let a_treats = treats.iter().find(|one| one.institution == region.world.id(a)).unwrap();
    assert!(!a_treats.now, "{treats:?}");
}

#[test]
fn only_a_hospital_undoes_and_only_what_was_made() {
    let mut region = Region::found(6);
    let chart = region.world.open_chart(region.a, "Nobody").chart;
    let refused = region.world.undo(region.a, chart).unwrap_err();
    assert_eq!(refused.name(), "record.not-enrolled");
    let refused = region.world.undo(region.provider, chart).unwrap_err();
    assert_eq!(refused.name(), "turn.no-hospital");
}
