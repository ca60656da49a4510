//! Each message is handled exactly once, whatever is lost, repeated or restored.

use chartmesh_protocol::consent::{RequestState, Wish};
use chartmesh_protocol::message::Envelope;
use chartmesh_protocol::peer::{Body, ask};
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::refusal::RefusalCode;
use chartmesh_protocol::statement::{Signed, Unverified};
use chartmesh_protocol::store::{ReadTxn as _, Table};
use chartmesh_protocol::time::DAY_MS;
use chartmesh_protocol::{backup, federation, limits};
use chartmesh_scenarios::{Region, Who};

#[test]
fn a_message_waits_while_the_far_side_is_away_and_is_handled_once() {
    let mut region = Region::found(1);
    region.world.cut.insert((region.a, region.relay));
    let asked = region.download(region.a, &Wish::default()).unwrap();
    assert!(asked.is_none());
    region.world.advance(DAY_MS);
    region.world.cut.clear();
    region.world.advance(DAY_MS / 24);
    assert_eq!(region.requests(region.relay).len(), 1);
}

#[test]
fn a_receiver_restored_from_an_old_copy_takes_up_what_still_waits() {
    let mut region = Region::found(1);
    let old = region.world.parties[region.relay.0].store.clone();
    region.download(region.a, &Wish::default()).unwrap();
    region.world.switch(region.relay, false);
    region.world.parties[region.relay.0].store = old;
    region.world.switch(region.relay, true);
    region.download(region.a, &Wish::default()).unwrap();
    region.world.advance(DAY_MS / 24);
    // The first was acknowledged before the copy was put back, and is lost with it; the second is not.
    assert_eq!(region.requests(region.relay).len(), 1);
    assert_eq!(region.requests(region.a).len(), 2);
}

#[test]
fn a_sender_restored_from_an_old_copy_says_other_things_under_old_numbers_and_is_heard() {
    let mut region = Region::found(1);
    let old = region.world.parties[region.a.0].store.clone();
    for _ in 0..3 {
        region.download(region.a, &Wish::default()).unwrap();
    }
    region.world.switch(region.a, false);
    region.world.parties[region.a.0].store = old;
    region.world.switch(region.a, true);
    let wish = Wish { write: Some(true), ..Wish::default() };
    region.download(region.a, &wish).unwrap();
    region.world.advance(DAY_MS / 24);
    let requests = region.requests(region.relay);
    assert_eq!(requests.len(), 4);
    assert_eq!(requests.iter().filter(|r| r.wish.write == Some(true)).count(), 1);
}

#[test]
fn a_contact_that_takes_nothing_keeps_no_patient_from_revoking() {
    let mut region = Region::found(1);
    let request = region.permitted("{}");
    // A asks and asks while it takes no answer; its requests fill what they may, and no more.
    for n in 0..70 {
        let asked = region.download(region.a, &Wish::default());
        assert!(asked.is_ok(), "{n}");
    }
    let open = region.requests(region.relay);
    assert_eq!(open.iter().filter(|r| r.state == RequestState::Open).count(), 64);
    region.world.switch(region.a, false);
    let tokens = region.tokens(&request);
    region.revoke(tokens);
    assert!(region.fetch(&request).reason.starts_with("revoked"));
}

/// How the first hospital's requests stand at one of its nodes.
fn states(region: &Region, at: Who) -> Vec<RequestState> {
    region.requests(at).into_iter().map(|request| request.state).collect()
}

#[test]
fn two_nodes_of_one_institution_speak_in_turn_and_each_message_is_handled_once() {
    let mut region = Region::found(1);
    region.download(region.a, &Wish::default()).unwrap();
    // A second machine, with what the first knew: it begins with the first one's stream.
    let second = region.world.add_node(region.a);
    region.world.lose_replies = 40;
    for _ in 0..12 {
        region.download(region.a, &Wish::default()).unwrap();
        region.download(second, &Wish::default()).unwrap();
    }
    region.world.lose_replies = 0;
    region.world.advance(DAY_MS / 24);
    // Handled twice, a request would be refused as one that is there already, and have failed.
    for at in [region.a, second] {
        assert_eq!(states(&region, at), vec![RequestState::Open; 13], "{at:?}");
    }
    assert_eq!(region.requests(region.relay).len(), 1 + 12 + 12);
    assert!(rows(&region, region.relay, "inbox_stream") < 10);
}

#[test]
fn what_waits_in_a_node_and_in_its_copy_is_handled_once_and_both_go_on() {
    let mut region = Region::found(1);
    let (a, relay) = (region.a, region.relay);
    region.download(a, &Wish::default()).unwrap();
    region.world.cut.insert((a, relay));
    region.download(a, &Wish::default()).unwrap();
    let copy = region.world.add_node(a);
    region.world.cut.clear();
    region.world.advance(DAY_MS / 24);
    region.world.switch(copy, false);
    region.world.switch(copy, true);
    region.world.advance(DAY_MS / 24);
    assert_eq!(region.requests(relay).len(), 2);
    for at in [a, copy] {
        region.download(at, &Wish::default()).unwrap();
        assert_eq!(states(&region, at), vec![RequestState::Open; 3], "{at:?}");
    }
    assert_eq!(region.requests(relay).len(), 4);
}

/// Rows of a table at a party.
fn rows(region: &Region, at: Who, table: &'static str) -> usize {
    let store = &region.world.parties[at.0].store;
    store.page(Table(table), &[], &[], usize::MAX).unwrap().len()
}

#[test]
fn a_member_that_opens_streams_without_end_fills_no_table_and_is_heard_still() {
    let mut region = Region::found(1);
    let question = federation::CatchUp { position: None, whole: true };
    let body = Body::Federation(federation::Message::CatchUp(question));
    for _ in 0..1000 {
        region.world.advance(10);
        region.world.say(region.a, region.b, &body, None, Some).unwrap();
    }
    let streams = limits::INBOX_STREAMS_MAX + 3;
    assert!((60..=streams).contains(&rows(&region, region.b, "inbox_stream")));
    assert!(rows(&region, region.b, "inbox_kept") <= streams);
    assert_eq!(rows(&region, region.b, "inbox_floor"), 1);
    let request = region.permitted("{}");
    assert_eq!(region.fetch_at(&request, region.a).state, RequestState::Done);
}

#[test]
fn who_asks_somebody_that_takes_nothing_is_told_when_no_more_can_wait() {
    let mut region = Region::found(1);
    region.world.switch(region.relay, false);
    let mut told = None;
    for n in 0..=limits::OUTBOX_PER_PARTY_MAX {
        if let Err(refusal) = region.download(region.a, &Wish::default()) {
            told = Some((n, refusal));
            break;
        }
    }
    let (n, refusal) = told.expect("a bound");
    assert_eq!(n, limits::OUTBOX_PER_PARTY_MAX);
    assert_eq!(refusal.code, RefusalCode::LimitReached);
    assert!(refusal.to_string().contains("try again when it is reachable"), "{refusal}");
    // Nothing was half done, and others are reached as ever.
    assert_eq!(region.requests(region.a).len(), limits::OUTBOX_PER_PARTY_MAX);
    let status = region.world.see(region.a, &ask::Status, None).unwrap();
    assert_eq!(status.waiting, limits::OUTBOX_PER_PARTY_MAX);
}

#[test]
fn a_relay_that_takes_nothing_keeps_no_hospital_from_recording_and_hears_of_all_when_it_is_back() {
    let mut region = Region::found(1);
    let (a, relay) = (region.a, region.relay);
    region.world.switch(relay, false);
    while region.download(a, &Wish::default()).is_ok() {}
    let mut recorded = Vec::new();
    // More than one message can tell.
    for count in [1, limits::PAGE_ENTRIES_MAX + 20] {
        let titles = (0..count).map(|number| format!("letter {number}"));
        let drafts = titles.map(|title| region.world.draft(a, Kind::Reports, &title, &[b"Well."]));
        let drafts = drafts.collect();
        recorded.extend(region.world.record(a, region.patient, drafts).unwrap().entries);
    }
    region.world.switch(a, false);
    region.world.switch(a, true);
    region.world.switch(relay, true);
    region.world.advance(DAY_MS / 24);
    let known: Vec<_> =
        region.entries(relay, false).into_iter().map(|listed| listed.entry).collect();
    let missing = recorded.iter().filter(|entry| !known.contains(entry)).count();
    assert_eq!(missing, 0, "of {}", recorded.len());
    assert_eq!(rows(&region, a, "record_unannounced"), 0);
}

#[test]
fn a_deposit_whose_time_has_come_and_that_finds_no_room_leaves_no_tickets_behind() {
    let mut region = Region::found(1);
    let hour = DAY_MS / 24;
    region.keep(Some(region.world.now.plus_ms(hour))).unwrap();
    region.world.switch(region.provider, false);
    let holder = region.world.id(region.provider);
    let restore = || backup::command::Restore { holder, subject: None };
    while region.world.ask(region.a, restore(), None).is_ok() {}
    let status = region.world.see(region.a, &ask::Status, None).unwrap();
    assert_eq!(status.waiting, limits::OUTBOX_PER_PARTY_MAX);
    let before = rows(&region, region.a, "ticket");
    region.world.advance(hour + 10_000);
    assert_eq!(rows(&region, region.a, "ticket"), before);
    // It is put off, and carried out once there is room.
    let kept = |region: &Region| rows(region, region.provider, "backup_kept");
    let kept_before = kept(&region);
    region.world.switch(region.provider, true);
    region.world.advance(hour);
    assert!(kept(&region) > kept_before);
    assert_eq!(rows(&region, region.a, "backup_deferred"), 0);
}

/// [MSG-11]
#[test]
fn a_relay_for_which_no_more_can_wait_is_let_in_after_weeks_and_keeps_no_deposit_of_its_patients_from_ending()
 {
    let mut region = Region::found(1);
    let (a, relay) = (region.a, region.relay);
    region.world.switch(region.provider, false);
    region.upload();
    region.world.switch(relay, false);
    while region.download(a, &Wish::default()).is_ok() {}
    region.world.switch(region.provider, true);
    // Longer than its certificate by the hospital is left alone.
    region.world.advance(9 * DAY_MS);
    assert_eq!(rows(&region, a, "consent_order"), 0, "the order is carried out");
    region.world.switch(relay, true);
    region.world.advance(DAY_MS / 24);
    assert_eq!(region.world.see(a, &ask::Status, None).unwrap().waiting, 0);
}

#[test]
fn what_is_not_said_by_a_certified_node_to_us_on_this_connection_closes_the_gate() {
    let mut region = Region::found(1);
    let (a, b, provider) = (region.a, region.b, region.provider);
    region.world.record_wire = true;
    let question = federation::CatchUp { position: None, whole: true };
    let body = Body::Federation(federation::Message::CatchUp(question));
    let ids = [a, b, provider].map(|who| region.world.id(who));
    let lies: [&dyn Fn(&mut Envelope); 3] =
        [&|envelope| envelope.nonce = [0; 16], &|envelope| envelope.to = ids[2], &|envelope| {
            envelope.id.sender = ids[2]
        }];
    for (at, lie) in lies.into_iter().enumerate() {
        // In the ordinary way first: it is let in, and answered.
        region.download(a, &Wish::default()).unwrap();
        region.world.switch(a, false);
        region.world.switch(a, true);
        region.world.say(a, b, &body, None, Some).unwrap();
        let good = region.world.last_said.clone().expect("it was just said");
        let mut claims = Unverified::<Envelope>::parse(&good).unwrap().claims().clone();
        lie(&mut claims);
        let lied = Signed::sign(claims, &region.world.parties[a.0].node_key).bytes().to_vec();
        assert!(region.world.inject(a, b, &lied).is_err(), "lie {at} was answered");
        // The gate is closed to what was good a moment before, until it says `hello` again.
        assert!(region.world.inject(a, b, &good).is_err(), "the gate is open after lie {at}");
    }
}
