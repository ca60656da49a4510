//! Stores that were put back from an older copy: noticed, said, and told again what they lost. [MSG-8] to [MSG-10]

use chartmesh_protocol::access_log::command::Collect;
use chartmesh_protocol::access_log::view::LogView;
use chartmesh_protocol::backup;
use chartmesh_protocol::consent::{RequestState, Wish};
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, Part, PutBackView, ask};
use chartmesh_protocol::reason::ENGLISH;
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::store::{ReadTxn, Table, Txn};
use chartmesh_protocol::time::{DAY_MS, Timestamp};
use chartmesh_scenarios::{Region, Who};

const HOUR_MS: u64 = DAY_MS / 24;

fn noticed(region: &Region, who: Who) -> Option<PutBackView> {
    region.world.see(who, &ask::Status, None).unwrap().put_back
}

/// [MSG-9]: said once, and not again.
#[test]
fn a_reader_that_was_put_back_is_told_by_others_numbers_and_gets_its_permissions_again() {
    let mut region = Region::found(1);
    let b = region.b;
    let before = region.copy(b);
    region.world.advance(HOUR_MS);
    let standing = Some(Timestamp(region.world.now.0 + 20 * DAY_MS));
    let wish = Wish { kinds: vec![Kind::Laboratory], standing, ..Wish::default() };
    let over_a_kind = region.refer(&wish);
    region.approve(&over_a_kind, "{}").unwrap();
    let entries = region.permitted("{}");
    assert_eq!(region.fetch(&entries).state, RequestState::Done);
    let had = region.grants(b).len();
    assert_eq!(noticed(&region, b).map(|back| back.by), None);

    region.put_back(b, before);
    assert_eq!(region.grants(b).len(), 0);
    region.world.advance(13 * HOUR_MS);
    let back = noticed(&region, b).expect("the relay's numbers are higher");
    assert!(back.by.contains(&"“Relay”".to_owned()), "{back:?}");
    assert!(back.since.0 < region.world.now.0 - DAY_MS, "{back:?}");
    region.unlock();
    assert_eq!(region.grants(b).len(), had);
    let request = region.requests(b).into_iter().find(|one| one.request == over_a_kind.request);
    assert!(request.is_some(), "it is there again");
    let fetched = region.fetch_by(b, over_a_kind.request, region.a);
    assert_eq!(fetched.state, RequestState::Done, "{}", fetched.reason);
    // Nobody else was put back, and nobody is asked for the same again.
    for who in [region.a, region.relay, region.provider] {
        assert!(noticed(&region, who).is_none());
    }
    region.world.record_wire = true;
    region.world.advance(2 * DAY_MS);
    region.unlock();
    let again =
        region.world.said().filter(|(_, to, body)| *to == b && body.name() == "consent.permission");
    assert_eq!(again.count(), 0);
}

#[test]
fn a_relay_that_was_put_back_hears_again_of_what_was_recorded_since() {
    let mut region = Region::found(1);
    let relay = region.relay;
    let before = region.copy(relay);
    region.world.advance(HOUR_MS);
    region.add(Kind::Laboratory, "since");
    region.world.wait();
    let titles = |region: &Region| {
        let entries = region.entries(relay, true).into_iter().filter_map(|entry| entry.title);
        entries.collect::<Vec<_>>()
    };
    assert!(titles(&region).contains(&"since".to_owned()));

    region.put_back(relay, before);
    assert!(!titles(&region).contains(&"since".to_owned()));
    region.add(Kind::Laboratory, "after");
    region.world.advance(13 * HOUR_MS);
    assert!(noticed(&region, relay).is_some());
    assert!(titles(&region).contains(&"after".to_owned()));
    assert!(titles(&region).contains(&"since".to_owned()), "{:?}", titles(&region));
}

#[test]
fn what_a_provider_that_was_put_back_gave_receipts_for_since_is_not_counted_as_kept() {
    let mut region = Region::found(1);
    let (a, provider) = (region.a, region.provider);
    region.keep(None).unwrap();
    region.world.wait();
    let before = region.copy(provider);
    region.world.advance(3 * DAY_MS);
    region.world.switch(provider, false);
    region.world.switch(provider, true);
    let early = region.world.see(a, &ask::Status, None).unwrap().unkept;
    region.add(Kind::Laboratory, "since");
    region.keep(None).unwrap();
    region.world.wait();

    region.put_back(provider, before);
    // It learns of it where somebody talks to it.
    let restore = backup::command::Restore { holder: region.world.id(provider), subject: None };
    region.world.ask(a, restore, None).unwrap();
    region.world.advance(HOUR_MS);
    assert!(noticed(&region, provider).is_some());
    let unkept = region.world.see(a, &ask::Status, None).unwrap().unkept;
    assert!(unkept > early, "{unkept}");
    region.keep(None).unwrap();
    region.world.wait();
    assert_eq!(region.world.see(a, &ask::Status, None).unwrap().unkept, early);
}

#[test]
fn a_member_whose_count_of_starts_is_ahead_of_its_store_is_bound_as_one_that_was_put_back() {
    let mut region = Region::found(1);
    let sealing = |region: &Region| {
        let view = region.world.see(region.a, &ask::Members, None).unwrap();
        view.sealing.is_some_and(|sealing| sealing.put_back)
    };
    let start = |region: &mut Region, beside| region.world.start_counted(region.a, beside);
    let number = start(&mut region, 0);
    assert_eq!(start(&mut region, number), number + 1, "the store is not older");
    assert!(noticed(&region, region.a).is_none() && !sealing(&region));
    assert_eq!(start(&mut region, number + 9), number + 10);
    let back = noticed(&region, region.a).expect("its store knows of fewer starts");
    assert!(back.by.is_empty() && sealing(&region), "{back:?}");
    // The others tell it how far they are.
    region.world.advance(10 * HOUR_MS);
    assert!(!sealing(&region));
}

#[test]
fn a_relay_that_forgot_a_revocation_and_a_rotation_gets_both_back_and_forks_nothing() {
    let mut region = Region::found(1);
    let (relay, patient) = (region.relay, region.patient);
    let request = region.permitted("{}");
    let tokens = region.tokens(&request);
    let before = region.copy(relay);
    region.world.advance(HOUR_MS);
    region.revoke(tokens.clone());
    region.world.rotate(relay, patient, vec![]).unwrap();
    region.world.wait();
    let keys = region.world.parties[relay.0].unlocked.clone();

    region.put_back(relay, before);
    let live = |region: &Region| {
        let grants = region.grants(relay).into_iter();
        grants.filter(|grant| grant.state == "live" && tokens.contains(&grant.token)).count()
    };
    assert!(live(&region) > 0, "it does not know any better");
    region.world.advance(14 * HOUR_MS);
    assert!(noticed(&region, relay).is_some());
    assert_eq!(live(&region), 0);
    let known = region.world.see(relay, &ask::Keys { party: patient }, None).unwrap();
    assert_eq!(known.current, 1, "the longer log");
    // The words bring the key after the one that it forgot, and everybody follows.
    region.world.parties[relay.0].unlocked = keys;
    region.world.rotate(relay, patient, vec![]).unwrap();
    region.world.wait();
    for who in [region.a, relay] {
        let known = region.world.see(who, &ask::Keys { party: patient }, None).unwrap();
        assert_eq!(known.current, 2);
    }
}

/// [MSG-8]: one party's word makes nobody forget anything.
#[test]
fn a_provider_that_was_told_wrongly_that_it_was_put_back_loses_no_receipt() {
    let mut region = Region::found(1);
    let (a, provider) = (region.a, region.provider);
    region.keep(None).unwrap();
    region.world.wait();
    let kept = |region: &Region| region.world.all(a, ask::Kept::default(), None).unwrap().len();
    let had = kept(&region);
    assert!(had > 0);
    let ask = backup::Fetch { restore: [1; 16], subject: None, after: None };
    let body = Body::Backup(backup::Message::Fetch(ask));
    let said = region.world.say_in((9, 8), region.b, provider, &body, None, Some).unwrap();
    assert!(matches!(said, OutcomeResult::OutOfOrder(1)), "{said:?}");
    assert_eq!(noticed(&region, provider).unwrap().by, ["Hospital B"]);
    region.world.advance(HOUR_MS);
    assert!(region.world.see(a, &ask::Status, None).unwrap().unkept > 0, "A heard of it");
    assert_eq!(kept(&region), had);
    // Once the liar says it again, it is named and nothing else.
    let before = noticed(&region, provider).unwrap();
    region.world.say_in((9, 8), region.b, provider, &body, None, Some).unwrap();
    let again = noticed(&region, provider).unwrap();
    assert_eq!((again.noticed, again.by), (before.noticed, before.by));
}

/// What the patient's relay has of a holder's log, after it asked for more.
fn collected(region: &mut Region, holder: Who) -> LogView {
    let (relay, patient) = (region.relay, region.patient);
    region.world.advance(1000);
    region.world.ask(relay, Collect { patient }, None).unwrap();
    region.world.wait();
    let logs = region.world.see(relay, &ask::CollectedLogs { patient }, None).unwrap();
    let holder = region.world.id(holder);
    let mut log = logs.into_iter().find(|log| log.holder == holder).unwrap();
    let lines = ask::CollectedLines { patient, holder, part: Part::default() };
    log.lines = region.world.all(relay, lines, None).unwrap();
    log
}

/// Lines that are the holder's, and that only the relay has; heads that agree, that are lost, and that contradict.
fn counts(log: &LogView) -> [usize; 5] {
    let lines = |lost| log.lines.iter().filter(|line| line.lost == lost).count();
    let heads = |agrees, lost| {
        let of = log.shown.iter().filter(|shown| (shown.agrees, shown.lost) == (agrees, lost));
        of.count()
    };
    [
        lines(false),
        lines(true),
        heads(Some(true), false),
        heads(None, true),
        heads(Some(false), false),
    ]
}

/// [LOG-8], [LOG-9], [HEA-3].
#[test]
fn a_holder_that_was_put_back_goes_on_in_a_volume_and_is_collected_again() {
    let mut region = Region::found(1);
    let provider = region.provider;
    let request = region.permitted("{}");
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    let first = collected(&mut region, provider).lines.len();
    let before = region.copy(provider);
    // One read that is collected, and one that is not.
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    assert_eq!(counts(&collected(&mut region, provider)), [first + 1, 0, 2, 0, 0]);
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    region.world.wait();

    region.put_back(provider, before.clone());
    region.world.advance(13 * HOUR_MS);
    let back = noticed(&region, provider).expect("the others' numbers are higher");
    // Before it has written a line again.
    let log = collected(&mut region, provider);
    assert!(log.verified && log.put_back.is_empty(), "{log:?}");
    assert_eq!(counts(&log), [first + 1, 0, 2, 1, 0]);
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    let log = collected(&mut region, provider);
    assert!(log.verified && log.problem.is_none(), "{log:?}");
    assert_eq!(counts(&log), [first + 1, 1, 3, 1, 0], "{log:?}");
    assert_eq!(log.length, first as u64 + 1);
    let [told] = &log.put_back[..] else { panic!("{log:?}") };
    assert!(told.noticed >= back.noticed && told.lost == 1 && told.after.seq == first as u64);
    // Its own log proves itself, too.
    let subject = region.patient;
    let own = region.world.see(provider, &ask::AccessLog::of(subject), None).unwrap();
    assert!(own.verified && own.length == log.length, "{own:?}");

    // The same copy once more: what the volume had is lost, too.
    region.put_back(provider, before);
    region.world.advance(13 * HOUR_MS);
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    let log = collected(&mut region, provider);
    assert!(log.verified, "{log:?}");
    assert_eq!(counts(&log), [first + 1, 2, 4, 1, 0], "{log:?}");
    assert_eq!(log.put_back.len(), 2);

    // A copy that knows that it is one.
    let before = region.copy(provider);
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    assert!(collected(&mut region, provider).verified);
    region.put_back(provider, before);
    region.world.advance(13 * HOUR_MS);
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    let log = collected(&mut region, provider);
    assert!(log.verified, "{log:?}");
    assert_eq!(counts(&log), [first + 2, 3, 6, 1, 0], "{log:?}");
    assert_eq!(log.put_back.len(), 3);
}

/// [HEA-3]: its word that a disk died does not wash away what a reader was shown.
#[test]
fn a_dishonest_holder_that_says_it_was_put_back_to_hide_a_read_is_shown() {
    let mut region = Region::found(1);
    let provider = region.provider;
    let request = region.permitted("{}");
    let log = [Table::rows("access_log"), Table::rows("access_log_head")];
    let before = region.copy(provider);
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    let party = &mut region.world.parties[provider.0];
    for table in log {
        for (key, _) in party.store.page(table, &[], &[], usize::MAX).unwrap() {
            party.store.delete(table, &key).unwrap();
        }
        for (key, value) in before.page(table, &[], &[], usize::MAX).unwrap() {
            party.store.put(table, &key, &value).unwrap();
        }
    }
    region.world.start_counted(provider, 99);
    for said in [false, true] {
        if said {
            region.world.advance(1000);
            assert_eq!(region.fetch(&request).state, RequestState::Done);
        }
        let log = collected(&mut region, provider);
        assert_eq!(counts(&log)[3..], [1, 0], "{log:?}");
        assert_eq!(log.put_back.len(), usize::from(said));
    }
}

/// [LOG-9]: what it wrote before it noticed stands against what was collected, and what follows is collected.
#[test]
fn lines_that_a_put_back_holder_wrote_before_it_noticed_are_shown_as_what_they_are() {
    // As many as were lost, and more than those.
    for more in [1, 3] {
        let mut region = Region::found(1);
        let (a, relay) = (region.a, region.relay);
        region.add(Kind::Laboratory, "first");
        let before = region.copy(a);
        region.world.advance(HOUR_MS);
        region.add(Kind::Laboratory, "second");
        let had = collected(&mut region, a);
        assert!(had.verified && had.put_back.is_empty());

        let others = [relay, region.b, region.provider];
        region.world.cut.extend(others.iter().flat_map(|who| [(a, *who), (*who, a)]));
        region.put_back(a, before);
        for number in 0..more {
            region.add(Kind::Laboratory, &format!("unnoticed {number}"));
        }
        assert!(noticed(&region, a).is_none());
        region.world.cut.clear();
        region.world.advance(14 * HOUR_MS);
        assert!(noticed(&region, a).is_some());
        region.add(Kind::Laboratory, "after");
        region.world.wait();
        let log = collected(&mut region, a);
        assert!(!log.verified && log.put_back.len() == 1, "{log:?}");
        let words = log.problem_in_words(&ENGLISH).unwrap();
        assert!(words.contains("Hospital A says that its store was put back"), "{words}");
        let newest = log.lines.last().unwrap();
        assert_eq!((newest.volume, newest.line.seq), (log.put_back[0].noticed, 1));
        assert_eq!(log.lines.len(), had.lines.len() + 1, "what was collected stays");
        // The contradiction stays, however much follows.
        region.add(Kind::Laboratory, "later");
        let log = collected(&mut region, a);
        assert_eq!(log.lines.last().unwrap().line.seq, 2);
        assert!(log.problem.is_some());
    }
}
