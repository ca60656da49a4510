//! The patient's catalogue against holders that keep something back, and against those who would forge it.

use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::consent::{ReadAnswer, RequestState, Wish};
use chartmesh_protocol::id::{EntryId, StatementId};
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::Body;
use chartmesh_protocol::record::view::{CatalogueView, VerifiedView};
use chartmesh_protocol::record::{
    Catalogue, EntryStanding, Kind, Label, Listed, Listing, Message, Section, catalogue_root,
};
use chartmesh_protocol::statement::Signed;
use chartmesh_protocol::store::{ReadTxn, Table, Txn};
use chartmesh_protocol::time::{DAY_MS, Timestamp};
use chartmesh_scenarios::{Region, Who};

/// The tables that a dishonest holder's program writes.
const ENTRIES: Table = Table::rows("entry");

fn key(region: &Region, entry: EntryId) -> Vec<u8> {
    [&region.patient.0[..], &entry.0].concat()
}

/// The holder acts as if it had never had the entry.
fn hide(holder: Who, region: &mut Region, entry: EntryId) {
    let key = key(region, entry);
    region.world.parties[holder.0].store.delete(ENTRIES, &key).unwrap();
}

fn verified(region: &Region, who: Who) -> VerifiedView {
    region.world.verify(who, region.patient).unwrap()
}

fn catalogue(region: &Region, who: Who) -> CatalogueView {
    verified(region, who).catalogue.expect("it was given one")
}

/// The listings that went to a party, the newest last.
fn listings(region: &Region, to: Who) -> Vec<Listing> {
    let listing = |(_, receiver, body)| match body {
        Body::Record(Message::Listing(listing)) if receiver == to => Some(listing),
        _ => None,
    };
    region.world.said().filter_map(listing).collect()
}

fn tell(from: Who, region: &mut Region, listing: &Listing) -> OutcomeResult {
    let body = Body::Record(Message::Listing(listing.clone()));
    region.world.say(from, region.b, &body, None, Some).unwrap()
}

/// B was permitted the entries, with everything that went over the wire at hand.
fn permitted() -> (Region, chartmesh_protocol::consent::view::RequestView) {
    let mut region = Region::found(1);
    region.world.record_wire = true;
    let request = region.permitted("{}");
    (region, request)
}

#[test]
fn a_holder_that_hides_the_newest_addition_is_noticed_and_one_that_sends_it_clears_it() {
    let (mut region, _) = permitted();
    let mut correction = region.world.draft(region.a, Kind::Reports, "correction", &[b"12.9 g/dL"]);
    correction.adds_to = Some(region.entry("blood count"));
    region.world.record(region.a, region.patient, vec![correction]).unwrap();
    let correction = region.entry("correction");
    let request = region.permitted("{}");
    hide(region.provider, &mut region, correction);
    let fetched = region.fetch(&request);
    // What did come is of use; what did not is named.
    assert_eq!(fetched.state, RequestState::Done);
    let held_back = fetched.held_back.expect("something is missing");
    assert_eq!((held_back.missing, &held_back.missing_entries[..]), (1, &[correction][..]));
    assert_eq!(held_back.asked, ["Provider"]);
    assert!(held_back.issued.is_some() && held_back.other_label.is_empty());
    assert_eq!(catalogue(&region, region.b).missing_entries, [correction]);
    // Nobody is accused: another holder has it, and then nothing is missing any more.
    let fetched = region.fetch_at(&request, region.a);
    assert!(fetched.held_back.is_none(), "{fetched:?}");
    let catalogue = catalogue(&region, region.b);
    assert_eq!((catalogue.listed, catalogue.missing), (4, 0));
}

#[test]
fn another_label_than_the_listed_one_is_named_and_not_taken() {
    let (mut region, request) = permitted();
    // An author that tells the relay of one label and gives the provider another.
    let entry = region.entry("blood count");
    let listing = listings(&region, region.b).pop().expect("B was told");
    let mut forged = listing.clone();
    let section = &mut forged.sections[0];
    let at = section.entries.iter().position(|listed| listed.entry == entry).unwrap();
    section.entries[at].label = StatementId([9; 32]);
    relist(&mut region, section);
    // The relay's own word changes: what holders send is now an old label.
    assert!(matches!(tell(region.relay, &mut region, &forged), OutcomeResult::Done(_)));
    let fetched = region.fetch(&request);
    assert_eq!(fetched.state, RequestState::Done, "the others came: {fetched:?}");
    let held_back = fetched.held_back.expect("one is not as it is listed");
    assert_eq!(held_back.missing_entries, [entry]);
    assert_eq!(
        (held_back.other_label[0].entry, &*held_back.other_label[0].holder),
        (entry, "Provider")
    );
    assert_eq!(region.entries(region.b, false).len(), 2);
}

/// [AUT-4]: whoever was quicker than the patient to see one.
#[test]
fn an_author_that_shows_a_reader_something_else_than_the_patient_stands_apart_there() {
    let (mut region, request) = permitted();
    let entry = region.entry("blood count");
    let listing = listings(&region, region.b).pop().expect("B was told");
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    let standing = |region: &Region| {
        let found = region.entries(region.b, false).into_iter().find(|one| one.entry == entry);
        found.unwrap().standing
    };
    assert_eq!(standing(&region), Some(EntryStanding::Listed));
    let mut other = listing.clone();
    let section = &mut other.sections[0];
    let at = section.entries.iter().position(|listed| listed.entry == entry).unwrap();
    section.entries[at].label = StatementId([9; 32]);
    relist(&mut region, section);
    assert!(matches!(tell(region.relay, &mut region, &other), OutcomeResult::Done(_)));
    assert_eq!(standing(&region), Some(EntryStanding::Unlisted));
}

/// [REC-6], [AUT-4]: whoever has an author's earlier key, or the author, gives a reader something else first.
#[test]
fn what_the_patients_catalogue_has_takes_the_place_of_what_a_reader_was_given_instead() {
    let mut region = Region::found(1);
    region.world.record_wire = true;
    let standing = Some(Timestamp(region.world.now.0 + 20 * DAY_MS));
    let wish = Wish { kinds: vec![Kind::Laboratory], standing, ..Wish::default() };
    let request = region.refer(&wish);
    region.approve(&request, "{}").unwrap();
    let entry = region.entry("blood count");
    let key = region.world.parties[region.a.0].institution_key.clone();
    let lie = move |bytes: Vec<u8>| {
        let Ok(mut answer) = ReadAnswer::from_bytes(&bytes, usize::MAX) else { return bytes };
        for bundle in &mut answer.bundles {
            let label = bundle.label.claims();
            if label.entry() == entry {
                let later = Label { recorded: label.recorded.plus_ms(1), ..label.clone() };
                bundle.label = Signed::sign(later, &key).to_unverified();
            }
        }
        answer.to_bytes()
    };
    let found = |region: &Region| {
        let found = region.entries(region.b, false).into_iter().find(|one| one.entry == entry);
        found.map(|found| (found.standing, found.recorded))
    };
    // The catalogue that the reader has does not tell of it yet.
    let listing = listings(&region, region.b).pop().expect("B was told");
    let (mut before, mut after) = (listing.clone(), listing.clone());
    before.sections[0].entries.retain(|listed| listed.entry != entry);
    relist(&mut region, &mut before.sections[0]);
    after.sections[0].catalogue = before.sections[0].catalogue.clone();
    relist(&mut region, &mut after.sections[0]);
    assert!(matches!(tell(region.relay, &mut region, &before), OutcomeResult::Done(_)));
    region.world.liar = Some((region.a, Box::new(lie)));
    assert_eq!(region.fetch_at(&request, region.a).state, RequestState::Done);
    region.world.liar = None;
    let given = found(&region).expect("it was taken");
    assert_eq!(given.0, Some(EntryStanding::Unconfirmed));
    assert!(matches!(tell(region.relay, &mut region, &after), OutcomeResult::Done(_)));
    assert_eq!(found(&region), Some((Some(EntryStanding::Unlisted), given.1)));
    assert_eq!(region.fetch_at(&request, region.a).state, RequestState::Done);
    let true_one = (Some(EntryStanding::Listed), Timestamp(given.1.0 - 1));
    assert_eq!(found(&region), Some(true_one));
}

/// A relay for a day takes no numbers of times to come. [CAT-3]
#[test]
fn a_catalogue_whose_number_is_of_a_time_to_come_is_not_taken() {
    let (mut region, _) = permitted();
    let mut listing = listings(&region, region.b).pop().expect("B was told");
    let claims = listing.sections[0].catalogue.claims().clone();
    let key = region.world.parties[region.relay.0].institution_key.clone();
    for (ahead, taken) in [(8 * DAY_MS, false), (6 * DAY_MS, true)] {
        let seq = region.world.now.0 + ahead;
        let claims = Catalogue { seq, ..claims.clone() };
        listing.sections[0].catalogue = Signed::sign(claims, &key).to_unverified();
        let said = tell(region.relay, &mut region, &listing);
        assert_eq!(matches!(said, OutcomeResult::Done(_)), taken, "{said:?}");
    }
}

/// Signs a section anew, as the relay, over its entries as they now are.
fn relist(region: &mut Region, section: &mut Section) {
    let mut claims = section.catalogue.claims().clone();
    claims.seq += 1;
    claims.count = section.entries.len() as u64;
    claims.root = catalogue_root(&section.entries);
    let key = &region.world.parties[region.relay.0].institution_key;
    section.catalogue = Signed::sign(claims, key).to_unverified();
}

#[test]
fn an_older_catalogue_changes_nothing_whoever_replays_it() {
    let (mut region, _) = permitted();
    let old = listings(&region, region.b).pop().unwrap();
    let mut newer = old.clone();
    newer.sections[0].entries[0].label = StatementId([9; 32]);
    relist(&mut region, &mut newer.sections[0]);
    assert!(matches!(tell(region.relay, &mut region, &newer), OutcomeResult::Done(_)));
    let fetched = region.fetch(&region.requests(region.b)[0].clone());
    assert_eq!(fetched.held_back.as_ref().unwrap().other_label.len(), 1);
    // A holder is refused whatever it says about the patient; the relay's own old word is late.
    assert!(matches!(tell(region.provider, &mut region, &old), OutcomeResult::Refused(_)));
    assert!(matches!(tell(region.relay, &mut region, &old), OutcomeResult::Done(_)));
    let fetched = region.fetch(&region.requests(region.b)[0].clone());
    assert_eq!(fetched.held_back.unwrap().other_label.len(), 1, "the newer one counts still");
}

#[test]
fn nobody_but_the_patients_relay_signs_a_catalogue() {
    let (mut region, request) = permitted();
    let mut listing = listings(&region, region.b).pop().unwrap();
    let unknown = Listed { entry: EntryId([0xff; 16]), label: StatementId([9; 32]) };
    listing.sections[0].entries.push(unknown);
    // The entries are no longer those that were signed.
    let told = tell(region.relay, &mut region, &listing);
    assert!(matches!(told, OutcomeResult::Refused(_)), "{told:?}");
    // A hospital signs as itself, and in the relay's name.
    for relay in [region.world.id(region.a), region.world.id(region.relay)] {
        let mut claims = listing.sections[0].catalogue.claims().clone();
        (claims.relay, claims.seq, claims.count) = (relay, u64::MAX, claims.count + 1);
        claims.root = catalogue_root(&listing.sections[0].entries);
        let key = &region.world.parties[region.a.0].institution_key;
        listing.sections[0].catalogue = Signed::sign(claims, key).to_unverified();
        for from in [region.a, region.relay] {
            let told = tell(from, &mut region, &listing);
            assert!(matches!(told, OutcomeResult::Refused(_)), "{told:?}");
        }
    }
    assert!(region.fetch(&request).held_back.is_none());
    assert_eq!(catalogue(&region, region.b).listed, 3);
}

#[test]
fn the_relay_lists_all_that_was_announced_and_misses_what_it_lost() {
    let (mut region, _) = permitted();
    let before = catalogue(&region, region.relay);
    assert_eq!((before.listed, before.missing), (3, 0));
    let entry = region.entry("endoscopy");
    let (relay, key) = (region.relay.0, key(&region, entry));
    let row = region.world.parties[relay].store.get(ENTRIES, &key).unwrap().expect("it has it");
    hide(region.relay, &mut region, entry);
    assert_eq!(catalogue(&region, region.relay).missing_entries, [entry]);
    // As it was: what is counted is looked at in the end.
    region.world.parties[relay].store.put(ENTRIES, &key, &row).unwrap();
}

#[test]
fn a_reader_hears_only_of_the_entries_that_it_may_read() {
    let mut region = Region::found(1);
    region.world.record_wire = true;
    region.upload();
    let request = region.refer(&Wish::default());
    region.approve(&request, r#"{"wish":{"kinds":["laboratory"]},"read_only":true}"#).unwrap();
    let told = listings(&region, region.b);
    let sections: Vec<_> = told.iter().flat_map(|listing| &listing.sections).collect();
    assert_eq!(sections.len(), 1);
    let claims = sections[0].catalogue.claims();
    assert_eq!((claims.compartment, claims.count), (None, 1));
    assert_eq!(sections[0].entries[0].entry, region.entry("blood count"));
    assert!(region.fetch(&request).held_back.is_none());
}

#[test]
fn a_reader_of_whole_kinds_hears_of_what_is_new_and_notices_when_it_is_hidden() {
    let mut region = Region::found(1);
    region.world.record_wire = true;
    let standing = Some(Timestamp(region.world.now.0 + 30 * DAY_MS));
    let wish = Wish { kinds: vec![Kind::Laboratory], standing, ..Wish::default() };
    let request = region.refer(&wish);
    region.approve(&request, "{}").unwrap();
    let fetched = region.fetch_at(&request, region.a);
    assert!(fetched.state == RequestState::Done && fetched.held_back.is_none(), "{fetched:?}");
    // Lists come for the compartments of this kind only, with all that is in them.
    let sections: Vec<_> =
        listings(&region, region.b).into_iter().flat_map(|l| l.sections).collect();
    assert!(sections.iter().all(|section| section.catalogue.claims().compartment.is_some()));
    assert_eq!(sections.iter().map(|section| section.entries.len()).sum::<usize>(), 1);
    let draft = region.world.draft(region.a, Kind::Laboratory, "second count", &[b"12.9 g/dL"]);
    let other = region.world.draft(region.a, Kind::Imaging, "scan", &[b"x"]);
    region.world.record(region.a, region.patient, vec![draft, other]).unwrap();
    let second = region.entry("second count");
    assert_eq!(catalogue(&region, region.b).missing_entries, [second]);
    hide(region.a, &mut region, second);
    let fetched = region.fetch_at(&request, region.a);
    let held_back = fetched.held_back.expect("something is missing");
    assert_eq!(
        (held_back.missing_entries, held_back.asked),
        (vec![second], vec!["Hospital A".to_owned()])
    );
}
