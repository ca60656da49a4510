//! How long a permission is good where its holder hears nothing of what the patient takes back.

use chartmesh_protocol::access_log::Action;
use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::consent::{RequestState, Wish};
use chartmesh_protocol::custody;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::peer::Body;
use chartmesh_protocol::time::{DAY_MS, HOUR_MS};
use chartmesh_scenarios::{Region, Who};

/// B may read, and write as well if it is to treat the patient.
fn permits(region: &mut Region, treats: bool, narrow: &str) -> RequestView {
    let wish = Wish { write: treats.then_some(true), ..Wish::default() };
    let request = region.refer(&wish);
    region.approve(&request, narrow).expect("the patient permits")
}

const SIXTY_DAYS: &str = r#"{"days": 60}"#;

fn reads(region: &mut Region, request: &RequestView) -> Result<String, String> {
    let read = region.fetch_at(request, region.a);
    match read.state {
        RequestState::Done => Ok(read.reason),
        _ => Err(read.reason),
    }
}

/// The newest line of A's log, once the relay is awake again.
fn newest_read(region: &mut Region) -> chartmesh_protocol::access_log::Line {
    let lines = region.lines(region.a);
    lines.into_iter().rfind(|line| line.action == Action::Read).expect("a read is logged")
}

/// What was said of news since the record began: by whom, to whom, and whether it was asked for.
fn said(region: &Region) -> Vec<(Who, Who, bool)> {
    let news = |(from, to, body): (Who, Who, Body)| match body {
        Body::Custody(custody::Message::Keys(_)) => Some((from, to, false)),
        Body::Custody(custody::Message::AskNews(_)) => Some((from, to, true)),
        _ => None,
    };
    region.world.said().filter_map(news).collect()
}

/// [CAP-10]: three weeks in a ward with a dead phone.
#[test]
fn who_treats_the_patient_reads_on_while_the_phone_is_dead_and_everybody_is_told_of_how_old_the_news_is()
 {
    let mut region = Region::found(1);
    let request = permits(&mut region, true, SIXTY_DAYS);
    region.world.switch(region.relay, false);
    region.world.advance(HOUR_MS);
    let fresh = reads(&mut region, &request).expect("it treats the patient");
    assert!(!fresh.contains("as of"), "{fresh}");
    region.world.advance(21 * DAY_MS);
    let old = reads(&mut region, &request).expect("it treats the patient");
    assert!(old.contains("what the patient took back, the holder knew as of"), "{old}");
    region.world.switch(region.relay, true);
    region.world.advance(HOUR_MS);
    let line = newest_read(&mut region);
    let news = line.news.expect("the line says so");
    assert!(line.at.since(news) > 20 * DAY_MS, "{news:?}");
    assert_eq!(reads(&mut region, &request).map(|said| said.contains("as of")), Ok(false));
}

/// [CAP-10].
#[test]
fn who_does_not_treat_the_patient_reads_for_a_week_after_the_last_news() {
    let mut region = Region::found(2);
    let request = permits(&mut region, false, SIXTY_DAYS);
    region.world.switch(region.relay, false);
    region.world.advance(6 * DAY_MS);
    assert!(reads(&mut region, &request).is_ok());
    region.world.advance(2 * DAY_MS);
    let refused = reads(&mut region, &request).unwrap_err();
    assert!(refused.contains("stale-revocations"), "{refused}");
    region.world.switch(region.relay, true);
    region.world.advance(HOUR_MS);
    assert!(reads(&mut region, &request).is_ok());
}

/// [CAP-10]: what the patient chose goes before what treating allows.
#[test]
fn a_patient_who_chose_two_days_is_obeyed_also_by_whoever_treats_the_patient() {
    let mut region = Region::found(3);
    let request = permits(&mut region, true, r#"{"days": 60, "max_staleness": 172800}"#);
    region.world.switch(region.relay, false);
    region.world.advance(DAY_MS);
    assert!(reads(&mut region, &request).is_ok());
    region.world.advance(2 * DAY_MS);
    let refused = reads(&mut region, &request).unwrap_err();
    assert!(refused.contains("stale-revocations"), "{refused}");
}

/// [CAP-17]: nobody touches the phone, and its relay says twice a day that nothing was taken back.
#[test]
fn a_relay_that_is_awake_keeps_permissions_fresh_without_its_patient_and_says_no_more_than_twice_a_day()
 {
    let mut region = Region::found(4);
    let request = permits(&mut region, false, SIXTY_DAYS);
    region.world.record_wire = true;
    region.world.advance(20 * DAY_MS);
    let told: Vec<PartyId> = said(&region).iter().map(|(_, to, _)| region.world.id(*to)).collect();
    let to_b = told.iter().filter(|to| **to == region.world.id(region.b)).count();
    assert!((38..=44).contains(&to_b), "{to_b} in twenty days");
    assert!(said(&region).iter().all(|(.., asked)| !asked));
    assert_eq!(reads(&mut region, &request).map(|said| said.contains("as of")), Ok(false));
}

/// A holder that the relay does not reach hears of a revocation from whom the permission names. [CAP-10]
#[test]
fn a_holder_that_was_kept_from_the_news_asks_whom_the_permission_names() {
    let mut region = Region::found(5);
    region.upload();
    let request = permits(&mut region, true, SIXTY_DAYS);
    let tokens = region.tokens(&request);
    // Neither the holder nor whoever lost the permission is told; the provider is.
    region.world.switch(region.a, false);
    region.world.switch(region.b, false);
    region.world.advance(2 * DAY_MS);
    region.revoke(tokens);
    region.world.switch(region.relay, false);
    region.world.switch(region.a, true);
    region.world.switch(region.b, true);
    region.world.advance(HOUR_MS);
    region.world.record_wire = true;
    // The holder lists the entries, for all it knows, and hears better from the provider while their contents are fetched.
    let refused = reads(&mut region, &request).unwrap_err();
    assert!(refused.contains("revoked"), "{refused}");
    assert!(said(&region).contains(&(region.a, region.provider, true)));
    assert!(!said(&region).iter().any(|(from, ..)| *from == region.relay));
}

/// Nobody for whom something waits is asked, and no patient is asked about more often than each ten minutes.
#[test]
fn asking_for_news_costs_one_message_in_ten_minutes() {
    let mut region = Region::found(6);
    let request = permits(&mut region, true, SIXTY_DAYS);
    region.world.switch(region.relay, false);
    region.world.advance(3 * DAY_MS);
    region.world.record_wire = true;
    for _ in 0..30 {
        reads(&mut region, &request).expect("it treats the patient");
    }
    let asked = |region: &Region, from: Who| {
        said(region).iter().filter(|(by, _, asked)| *asked && *by == from).count()
    };
    let (by_a, by_b) = (asked(&region, region.a), asked(&region, region.b));
    assert!(by_a <= 2 && by_b <= 2, "{by_a} and {by_b} for thirty reads");
    region.world.switch(region.relay, true);
    region.world.advance(HOUR_MS);
    assert_eq!(reads(&mut region, &request).map(|said| said.contains("as of")), Ok(false));
}
