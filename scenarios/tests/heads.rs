//! Countersigned heads against holders that rewrite, cut or double their access log.

use chartmesh_protocol::access_log::view::LogView;
use chartmesh_protocol::access_log::{self, Countersigned, Head, Message, Shown};
use chartmesh_protocol::consent::RequestState;
use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, ask};
use chartmesh_protocol::reason::ENGLISH;
use chartmesh_protocol::statement::{Signed, Unverified};
use chartmesh_protocol::store::{ReadTxn, Row, Table, Txn};
use chartmesh_protocol::time::Timestamp;
use chartmesh_scenarios::{Region, Who};

/// The tables that a dishonest holder's program writes.
const LOG: [Table; 2] = [Table::rows("access_log"), Table::rows("access_log_head")];

type Log = [Vec<Row>; 2];

fn log_at(region: &Region, who: Who) -> Log {
    LOG.map(|table| region.world.parties[who.0].store.page(table, &[], &[], usize::MAX).unwrap())
}

/// The holder puts its log back to what it was before.
fn put_back(who: Who, region: &mut Region, log: &Log) {
    let store = &mut region.world.parties[who.0].store;
    for (table, before) in LOG.into_iter().zip(log) {
        for (key, _) in store.page(table, &[], &[], usize::MAX).unwrap() {
            store.delete(table, &key).unwrap();
        }
        for (key, value) in before {
            store.put(table, key, value).unwrap();
        }
    }
}

/// The patient collects, a moment later.
fn collect(region: &mut Region) {
    region.world.advance(1000);
    let collect = access_log::command::Collect { patient: region.patient };
    region.world.ask(region.relay, collect, None).unwrap();
}

/// The provider's log as the patient sees it.
fn seen(region: &Region) -> LogView {
    let query = ask::CollectedLogs { patient: region.patient };
    let logs = region.world.see(region.relay, &query, None).unwrap();
    let provider = region.world.id(region.provider);
    logs.into_iter().find(|log| log.holder == provider).expect("it was collected")
}

fn permitted() -> (Region, RequestView) {
    let mut region = Region::found(1);
    let request = region.permitted("{}");
    (region, request)
}

fn agreeing(log: &LogView) -> Vec<Option<bool>> {
    log.shown.iter().map(|shown| shown.agrees).collect()
}

#[test]
fn a_holder_that_takes_out_the_line_of_a_read_and_chains_anew_is_found() {
    let (mut region, request) = permitted();
    let before = log_at(&region, region.provider);
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    put_back(region.provider, &mut region, &before);
    // Another line takes the place of the one that was taken out, and the chain is whole.
    region.world.advance(1000);
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    collect(&mut region);
    let log = seen(&region);
    assert!(!log.verified);
    let line = log.shown[0].seq;
    let wanted =
        format!("Provider showed Hospital B a line {line} that is not in the log it gave you");
    assert_eq!(log.problem_in_words(&ENGLISH), Some(wanted));
    let mut agreeing = agreeing(&log);
    agreeing.sort();
    assert_eq!(agreeing, [Some(false), Some(true)], "the second read is in the log");
}

#[test]
fn a_holder_that_cuts_its_log_is_found_and_one_that_grows_it_is_not() {
    let (mut region, request) = permitted();
    let before = log_at(&region, region.provider);
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    let after = log_at(&region, region.provider);
    put_back(region.provider, &mut region, &before);
    collect(&mut region);
    assert_eq!(agreeing(&seen(&region)), [Some(false)], "it said later that it has fewer lines");
    assert!(!seen(&region).verified);
    // The same with an honest holder, for which the read only came after the patient had collected.
    let (mut region, request) = permitted();
    collect(&mut region);
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    assert_eq!(agreeing(&seen(&region)), [None], "the log was collected before");
    assert!(seen(&region).verified);
    collect(&mut region);
    assert_eq!(agreeing(&seen(&region)), [Some(true)]);
    assert_eq!(log_at(&region, region.provider)[0].len(), after[0].len());
}

#[test]
fn it_does_not_matter_whether_the_head_or_the_log_comes_first() {
    for honest in [true, false] {
        let (mut region, request) = permitted();
        let before = log_at(&region, region.provider);
        region.world.cut.insert((region.b, region.relay));
        assert_eq!(region.fetch(&request).state, RequestState::Done);
        if !honest {
            put_back(region.provider, &mut region, &before);
        }
        collect(&mut region);
        assert!(seen(&region).verified && seen(&region).shown.is_empty(), "nothing shows it yet");
        region.world.cut.clear();
        region.world.advance(10 * 60 * 1000);
        assert_eq!(agreeing(&seen(&region)), [Some(honest)]);
        assert_eq!(seen(&region).verified, honest);
    }
}

/// A head as the provider signs it.
fn head(region: &Region, patient: PartyId, seq: u64, hash: [u8; 32]) -> Head {
    let (holder, at) = (region.world.id(region.provider), region.world.now);
    Head { holder, key: 0, patient, seq, hash, at, volume: Timestamp(0) }
}

fn countersigned(region: &Region, (reader, signer): (Who, Who), head: Head, by: Who) -> Shown {
    let key = |who: Who| &region.world.parties[who.0].institution_key;
    let countersigned = Countersigned {
        reader: region.world.id(reader),
        key: 0,
        head: Signed::sign(head, key(by)).to_unverified(),
        at: region.world.now,
    };
    let head: Unverified<_> = Signed::sign(countersigned, key(signer)).to_unverified();
    Shown { head }
}

fn tell(from: Who, region: &mut Region, shown: Shown) -> bool {
    let body = Body::AccessLog(Message::Shown(shown));
    let told = region.world.say(from, region.relay, &body, None, Some).unwrap();
    matches!(told, OutcomeResult::Done(_))
}

#[test]
fn a_holder_that_shows_different_readers_different_logs_is_found() {
    let (mut region, request) = permitted();
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    collect(&mut region);
    let real = seen(&region).shown[0].seq;
    // What Hospital A was shown has as many lines, and others.
    let other = head(&region, region.patient, real, [9; 32]);
    let shown = countersigned(&region, (region.a, region.a), other, region.provider);
    assert!(tell(region.a, &mut region, shown));
    let log = seen(&region);
    assert!(!log.verified);
    assert!(log.problem_in_words(&ENGLISH).unwrap().contains("showed Hospital A a line"));
    assert_eq!(log.shown.len(), 2);
}

#[test]
fn a_forged_countersignature_is_refused() {
    let (mut region, request) = permitted();
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    let (a, b, provider) = (region.a, region.b, region.provider);
    let bad = head(&region, region.patient, 1, [9; 32]);
    let shown = |region: &Region, who, by| countersigned(region, who, bad.clone(), by);
    // Signed by another than the reader; about another's reading; a head that the holder never signed.
    for (who, by) in [((b, a), provider), ((a, a), provider), ((b, b), a)] {
        let forged = shown(&region, who, by);
        assert!(!tell(b, &mut region, forged), "{who:?} {by:?}");
    }
    // A stranger to the patient; and of a patient whom the reader has nothing to do with.
    let stranger = Region::found(1);
    let (mut stranger, b) = (stranger, b);
    let real =
        countersigned(&stranger, (b, b), head(&stranger, stranger.patient, 1, [9; 32]), provider);
    assert!(!tell(b, &mut stranger, real), "the patient permitted it nothing");
    let other = region.world.new_patient(region.relay, "Jiro");
    for patient in [other, PartyId([5; 32])] {
        let real = countersigned(&region, (b, b), head(&region, patient, 1, [9; 32]), provider);
        assert!(!tell(b, &mut region, real));
    }
    collect(&mut region);
    assert_eq!(agreeing(&seen(&region)), [Some(true)], "none of it was kept");
}
