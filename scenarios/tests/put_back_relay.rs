//! What a patient's relay, or a holder, forgot with a store that was put back, and what that must not open or close.
//! [MSG-10], [MSG-12], [CAP-20]

use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::consent::{RequestState, Wish};
use chartmesh_protocol::enrolment::command::End;
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::time::{DAY_MS, HOUR_MS, Timestamp};
use chartmesh_scenarios::Region;

/// B may read all laboratory results, until that ends and an epoch begins.
fn begin_an_epoch(region: &mut Region) {
    let standing = Some(Timestamp(region.world.now.0 + 20 * DAY_MS));
    let wish = Wish { kinds: vec![Kind::Laboratory], standing, ..Wish::default() };
    let request = region.refer(&wish);
    region.approve(&request, "{}").unwrap();
    let tokens = region.tokens(&request);
    region.world.advance(HOUR_MS);
    region.revoke(tokens);
    region.world.wait();
}

fn titles(region: &Region) -> Vec<String> {
    region.entries(region.relay, true).into_iter().filter_map(|entry| entry.title).collect()
}

fn has(region: &Region, wanted: &[&str]) {
    let found = titles(region);
    assert!(wanted.iter().all(|title| found.contains(&(*title).to_owned())), "{found:?}");
}

/// [MSG-12].
#[test]
fn a_relay_that_was_put_back_opens_what_was_sealed_to_epochs_that_it_forgot() {
    let mut region = Region::found(1);
    let relay = region.relay;
    let before = region.copy(relay);
    region.world.advance(HOUR_MS);
    begin_an_epoch(&mut region);
    region.add(Kind::Laboratory, "in the first epoch");
    begin_an_epoch(&mut region);
    region.add(Kind::Laboratory, "in the second epoch");
    region.world.wait();
    has(&region, &["in the first epoch", "in the second epoch"]);

    region.put_back(relay, before);
    region.world.advance(14 * HOUR_MS);
    region.unlock();
    has(&region, &["in the first epoch", "in the second epoch"]);
    // And what comes now is sealed to one that nobody knows as retired.
    region.add(Kind::Laboratory, "afterwards");
    region.world.wait();
    has(&region, &["afterwards"]);
}

/// [MSG-12]: it signed a ring before it knew better, and what the hospitals have is the older epoch.
#[test]
fn a_relay_that_went_back_to_an_epoch_before_it_noticed_goes_on_with_one_that_is_not_retired() {
    let mut region = Region::found(2);
    let relay = region.relay;
    let before = region.copy(relay);
    region.world.advance(HOUR_MS);
    begin_an_epoch(&mut region);
    region.add(Kind::Laboratory, "in the first epoch");
    region.world.wait();

    let others = [region.a, region.b, region.provider];
    let links = others.into_iter().flat_map(|who| [(relay, who), (who, relay)]);
    region.world.cut.extend(links);
    region.put_back(relay, before);
    region.unlock();
    region.world.cut.clear();
    region.world.advance(14 * HOUR_MS);
    region.unlock();
    has(&region, &["in the first epoch"]);
    region.add(Kind::Laboratory, "afterwards");
    region.world.wait();
    has(&region, &["afterwards"]);
}

/// [MSG-10], [AUT-1]: the newest that the patient signed counts.
#[test]
fn that_an_institution_treats_the_patient_no_more_is_not_undone_by_a_put_back() {
    let mut region = Region::found(3);
    let (relay, patient, institution) = (region.relay, region.patient, region.world.id(region.a));
    let before = region.copy(relay);
    region.world.advance(HOUR_MS);
    let end = End { patient, institution };
    region.world.ask(relay, end.clone(), Some(patient)).unwrap();
    region.world.wait();
    let treats = |region: &Region| {
        let treated = region.world.see(relay, &ask::TreatedBy { patient }, None).unwrap();
        treated.iter().any(|one| one.institution == institution && one.now)
    };
    assert!(!treats(&region));

    region.put_back(relay, before);
    assert!(treats(&region), "it does not know any better");
    region.world.advance(14 * HOUR_MS);
    assert!(!treats(&region));
    region.unlock();
    assert!(!treats(&region));
    let again = region.world.ask(relay, end, Some(patient)).unwrap_err();
    assert_eq!(again.name(), "enrolment.not-enrolled");
}

/// What was ended would be signed anew.
#[test]
fn a_relay_that_was_put_back_rotates_once_it_has_heard_all_or_is_told_to() {
    let mut region = Region::found(4);
    let (relay, patient) = (region.relay, region.patient);
    let before = region.copy(relay);
    region.world.advance(HOUR_MS);
    region.unlock();
    let keys = region.world.parties[relay.0].unlocked.clone();
    region.world.switch(region.a, false);
    region.put_back(relay, before);
    region.world.start_counted(relay, 99);
    region.world.advance(14 * HOUR_MS);
    let refused = region.world.rotate(relay, patient, vec![]).unwrap_err();
    assert_eq!(refused.name(), "custody.put-back-unheard", "{refused}");
    assert!(refused.to_string().contains("--although-put-back"));
    region.world.parties[relay.0].unlocked = keys;
    region.world.switch(region.a, true);
    region.world.advance(14 * HOUR_MS);
    region.world.rotate(relay, patient, vec![]).unwrap();

    // Whoever is told to does not wait.
    region.world.advance(HOUR_MS);
    region.world.switch(region.a, false);
    region.world.advance(DAY_MS);
    let keys = region.world.parties[relay.0].unlocked.clone();
    region.world.start_counted(relay, 999);
    assert!(region.world.rotate(relay, patient, vec![]).is_err());
    region.world.parties[relay.0].unlocked = keys;
    region.world.rotate_although_put_back(relay, patient, vec![]).unwrap();
}

fn reads(region: &mut Region, request: &RequestView) -> Result<String, String> {
    let read = region.fetch_at(request, region.a);
    match read.state {
        RequestState::Done => Ok(read.reason),
        _ => Err(read.reason),
    }
}

/// [CAP-20].
#[test]
fn a_holder_that_forgot_a_revocation_serves_as_one_whose_news_is_old_until_it_hears_again() {
    let mut region = Region::found(5);
    let (a, b, relay) = (region.a, region.b, region.relay);
    let permits = |region: &mut Region, narrow: &str| {
        let request = region.refer(&Wish::default());
        region.approve(&request, narrow).unwrap();
        request
    };
    let strict = permits(&mut region, r#"{"days": 60, "max_staleness": 86400}"#);
    let usual = permits(&mut region, r#"{"days": 60}"#);
    let before = region.copy(a);
    region.world.advance(HOUR_MS);
    assert!(reads(&mut region, &strict).is_ok());
    // The holder hears of it, and who lost it does not.
    let tokens = region.tokens(&strict);
    region.world.cut.extend([(relay, b), (b, relay)]);
    region.revoke(tokens);
    region.world.wait();
    assert!(reads(&mut region, &strict).unwrap_err().contains("revoked"));

    region.world.switch(relay, false);
    region.world.switch(region.provider, false);
    region.put_back(a, before);
    let refused = reads(&mut region, &strict).unwrap_err();
    assert!(refused.contains("stale-revocations"), "{refused}");
    let served = reads(&mut region, &usual).unwrap();
    assert!(served.contains("as of"), "with the age of what it knows: {served}");
    region.world.switch(relay, true);
    region.world.advance(13 * HOUR_MS);
    assert!(reads(&mut region, &strict).unwrap_err().contains("revoked"));
    assert_eq!(reads(&mut region, &usual).map(|said| said.contains("as of")), Ok(false));
}
