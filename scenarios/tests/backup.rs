//! What is kept stays until its owner says otherwise; what is not kept is not receipted.

use chartmesh_protocol::access_log::Action;
use chartmesh_protocol::backup;
use chartmesh_protocol::backup::view::{DepositState, DepositView};
use chartmesh_protocol::consent::RequestState;
use chartmesh_protocol::id::{EntryId, PartyId};
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::refusal::{Refusal, RefusalCode};
use chartmesh_protocol::store::{Memory, ReadTxn as _, Table};
use chartmesh_protocol::time::DAY_MS;
use chartmesh_scenarios::{Region, Who};

fn delete(region: &mut Region, by: Who, patient: Option<PartyId>, entries: Vec<EntryId>) {
    let holder = region.world.id(region.provider);
    let delete = backup::command::Delete { patient, holder, entries };
    region.world.ask(by, delete, patient).unwrap();
}

#[test]
fn a_deferred_deposit_waits_and_is_carried_out_at_its_time_even_after_a_restart() {
    let mut region = Region::found(1);
    let at = region.world.now.0 + DAY_MS;
    let order = region.upload_at(Some(at)).unwrap();
    assert_eq!(region.request(region.relay, &order).state, RequestState::Ready);
    region.world.switch(region.a, false);
    region.world.switch(region.a, true);
    region.world.advance(DAY_MS / 2);
    assert!(region.entries(region.provider, false).iter().all(|entry| !entry.whole));
    region.world.advance(DAY_MS / 2);
    assert_eq!(region.request(region.relay, &order).state, RequestState::Done);
    assert!(region.entries(region.provider, false).iter().all(|entry| entry.whole));
    assert!(region.upload_at(Some(region.world.now.0 + 8 * DAY_MS)).is_err());
}

/// [QUO-1]: who takes a place and brings nothing does not keep it once the patient has taken the permission back.
#[test]
fn a_place_is_given_up_as_soon_as_the_patient_takes_its_permission_back() {
    let mut region = Region::found(1);
    let order = region.upload_at(Some(region.world.now.0 + 5 * DAY_MS)).unwrap();
    let places = |region: &Region| {
        let store = &region.world.parties[region.provider.0].store;
        store.page(Table::rows("backup_reservation"), &[], &[], usize::MAX).unwrap().len()
    };
    assert_eq!(places(&region), 1);
    let tokens = region.tokens(&order);
    region.revoke(tokens);
    region.world.settle();
    assert_eq!(places(&region), 0);
    assert_ne!(region.request(region.relay, &order).state, RequestState::Ready);
}

#[test]
fn whoever_deposits_is_told_of_each_deposit_that_it_is_stored_or_why_it_is_refused() {
    let mut region = Region::found(1);
    let told = |region: &Region, deposit: &DepositView| {
        let query = ask::Deposits { deposits: deposit.deposits.clone() };
        region.world.see(region.a, &query, None).unwrap().remove(0)
    };
    let kept = region.keep(None).unwrap();
    let stands = told(&region, &kept);
    assert_eq!((stands.state, stands.entries), (DepositState::Stored, kept.entries));
    // All of it is kept when it is offered again, and that offer is refused.
    let no_room = Refusal::unlisted(RefusalCode::LimitReached);
    region.world.lies.insert(region.provider, OutcomeResult::Refused(no_room.clone()));
    let again = region.keep(None).unwrap();
    let stands = told(&region, &again);
    assert_eq!(stands.state, DepositState::Refused);
    assert_eq!(stands.refusal, Some(no_room));
    let unknown = ask::Deposits { deposits: vec!["00".repeat(16)] };
    assert!(region.world.see(region.a, &unknown, None).is_err());
}

#[test]
fn a_deposit_that_is_given_up_is_told_and_takes_nothing_with_it_that_was_kept_before() {
    let mut region = Region::found(1);
    region.upload();
    let kept = region.world.parties[region.provider.0].objects.len();
    // A second order for the same entries, whose data never come.
    let at = region.world.now.0 + 6 * DAY_MS;
    let order = region.upload_at(Some(at)).unwrap();
    region.world.switch(region.a, false);
    region.world.advance(8 * DAY_MS);
    let entries = region.entries(region.provider, false);
    assert_eq!((entries.len(), entries.iter().all(|entry| entry.whole)), (3, true));
    assert_eq!(region.world.parties[region.provider.0].objects.len(), kept);
    region.world.switch(region.a, true);
    region.world.advance(DAY_MS);
    assert_eq!(region.request(region.relay, &order).state, RequestState::Failed);
}

#[test]
fn an_entry_is_deleted_on_its_owners_word_and_bytes_go_with_the_last_hold() {
    let mut region = Region::found(1);
    region.upload();
    region.keep(None).unwrap();
    let entry = region.entry("endoscopy");
    let objects = |region: &Region| region.world.parties[region.provider.0].objects.len();
    assert_eq!(objects(&region), 1);
    let (relay, a, patient) = (region.relay, region.a, region.patient);
    delete(&mut region, relay, Some(patient), vec![entry]);
    assert_eq!(objects(&region), 1, "the hospital's own backup still holds it");
    delete(&mut region, a, None, vec![entry]);
    assert_eq!(objects(&region), 0);
    assert_eq!(region.entries(region.provider, false).len(), 2);
    let lines = region.lines(region.provider);
    assert!(lines.iter().any(|line| line.action == Action::Deleted && line.entries == [entry]));
    // The author's own copy is its own.
    assert_eq!(region.entries(region.a, false).len(), 3);
}

#[test]
fn a_hospital_that_lost_its_store_gets_back_its_own_page_by_page_and_its_patient_enrols_again() {
    let mut region = Region::found(1);
    for _ in 0..3 {
        let drafts =
            (0..80).map(|n| region.world.draft(region.a, Kind::Reports, "note", &[&[n]])).collect();
        region.world.record(region.a, region.patient, drafts).unwrap();
    }
    region.keep(None).unwrap();
    let a = &mut region.world.parties[region.a.0];
    (a.store, a.objects) = (Memory::default(), Default::default());
    region.world.switch(region.a, false);
    region.world.switch(region.a, true);
    let invite = region.world.invite(region.b);
    region.world.join(region.a, invite).unwrap();
    region.world.advance(DAY_MS / 24);
    let holder = region.world.id(region.provider);
    let restore = backup::command::Restore { holder, subject: None };
    region.world.ask(region.a, restore, None).unwrap();
    region.world.advance(DAY_MS / 24);
    let back = region.entries(region.a, false);
    assert_eq!((back.len(), back.iter().all(|entry| entry.whole)), (243, true));
    let Ok(charts) = region.world.all(region.a, ask::Charts::default(), None) else {
        panic!("no charts")
    };
    let chart = charts.into_iter().find(|chart| chart.subject == region.patient).unwrap();
    region.world.enrol_in(region.a, chart.chart, region.relay, region.patient);
    region.world.advance(DAY_MS / 24);
    let drafts = vec![region.world.draft(region.a, Kind::Reports, "after", &[b"back"])];
    region.world.record(region.a, region.patient, drafts).unwrap();
    assert_eq!(region.entries(region.relay, true).len(), 244);
}

#[test]
fn three_hundred_entries_are_announced_deposited_permitted_and_read() {
    let mut region = Region::found(1);
    let drafts =
        (0..300u16).map(|n| region.world.draft(region.a, Kind::Reports, "n", &[&n.to_be_bytes()]));
    let drafts = drafts.collect();
    region.world.record(region.a, region.patient, drafts).unwrap();
    assert_eq!(region.entries(region.relay, false).len(), 303);
    let request = region.permitted("{}");
    assert_eq!(region.entries(region.provider, false).len(), 303);
    let done = region.fetch(&request);
    assert_eq!(done.state, RequestState::Done, "{}", done.reason);
    let got = region.entries(region.b, false);
    assert_eq!((got.len(), got.iter().all(|entry| entry.whole)), (303, true));
}
