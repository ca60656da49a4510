//! What a whole node does when the machinery below it fails.

use chartmesh_protocol::federation::{command::Expel, view::FederationView};
use chartmesh_protocol::record::view::ChartView;
use chartmesh_protocol::record::view::EntryView;
use std::time::Duration;

use chartmesh_protocol::peer::{Page, ask};
use chartmesh_protocol::record::Kind;
use chartmesh_stack::{Answered, Federation, Link, Links, Patient, Sizes, Stack};

const PATIENCE: Duration = Duration::from_secs(3600);

fn federation(link: Link) -> Federation {
    let sizes = Sizes { hospitals: 2, providers: 0, relays: 1, regions: 1 };
    Federation::found(1, Links::all(link), sizes)
}

fn link() -> Link {
    Link::of(Duration::from_millis(20))
}

fn record(stack: &mut Stack, patient: Patient) {
    let draft: (&str, Kind, &[&[u8]]) = ("a finding", Kind::Reports, &[b"a finding"]);
    stack.record(patient.hospital, patient.id, &[draft]).unwrap();
}

/// How long it takes until the relay knows of so many entries.
fn known_after(stack: &mut Stack, patient: Patient, entries: usize) -> Duration {
    let begin = stack.now();
    let query = ask::Entries::of(patient.id);
    let all = |known: &Page<EntryView>| known.items.len() == entries;
    stack.wait_for(patient.relay, query, PATIENCE, all, "the entry");
    Duration::from_millis(stack.now().since(begin))
}

#[test]
fn what_was_recorded_before_the_power_went_is_told_when_it_is_back() {
    let mut federation = federation(link());
    let (patient, stack) = (federation.patients[0], &mut federation.stack);
    record(stack, patient);
    stack.cut_power(patient.hospital);
    stack.advance(Duration::from_secs(600));
    stack.switch_on(patient.hospital);
    assert!(known_after(stack, patient, 1) < Duration::from_secs(5));
}

#[test]
fn a_cut_link_holds_a_message_up_and_loses_none() {
    let mut federation = federation(link());
    let (patient, stack) = (federation.patients[0], &mut federation.stack);
    stack.cut(patient.hospital, patient.relay, true);
    record(stack, patient);
    stack.advance(Duration::from_secs(5));
    let query = ask::Entries::of(patient.id);
    let known = stack.query(patient.relay, query, None).unwrap();
    assert!(known.items.is_empty());
    stack.cut(patient.hospital, patient.relay, false);
    assert!(known_after(stack, patient, 1) < Duration::from_secs(1), "the connection lasted");

    // Longer than pings endure: the connection goes, and a new one carries the message.
    stack.cut(patient.hospital, patient.relay, true);
    record(stack, patient);
    stack.advance(Duration::from_secs(600));
    stack.cut(patient.hospital, patient.relay, false);
    assert!(
        known_after(stack, patient, 2) < Duration::from_secs(310),
        "the longest wait and a try"
    );
}

#[test]
fn loss_delays_and_nothing_more() {
    let mut federation = federation(Link { loss: 0.05, ..link() });
    let (patient, stack) = (federation.patients[0], &mut federation.stack);
    for entry in 1..=20 {
        record(stack, patient);
        assert!(known_after(stack, patient, entry) < Duration::from_secs(60));
    }
    let slow = stack.deliveries().iter().filter(|message| message.latency_ms >= 200).count();
    assert!(slow > 0, "some segments were lost");
}

#[test]
fn a_connection_that_nobody_uses_is_closed_after_five_minutes() {
    let mut federation = federation(link());
    let (patient, stack) = (federation.patients[0], &mut federation.stack);
    record(stack, patient);
    stack.advance(Duration::from_secs(290));
    assert!(stack.connections(patient.relay) > 0);
    stack.advance(Duration::from_secs(20));
    assert_eq!(stack.connections(patient.relay), 0);
}

#[test]
fn whoever_has_commands_for_certain_times_is_told_of_each_answer_in_its_time() {
    let mut federation = federation(link());
    let (patient, stack) = (federation.patients[0], &mut federation.stack);
    let begin = stack.now();
    let renew = || {
        let command =
            serde_json::json!({ "record": { "new-chart": { "name": "Taro", "identifiers": [] } } });
        serde_json::from_value(command).unwrap()
    };
    let second = stack.perform(begin.plus_ms(2000), patient.hospital, renew(), None);
    let first = stack.perform(begin.plus_ms(1000), patient.hospital, renew(), None);
    let three = |charts: &Page<ChartView>| charts.items.len() == 3;
    let times = (begin, begin.plus_ms(60_000));
    let seen = stack.watch(times, patient.hospital, ask::Charts::default(), three);
    let never =
        stack.watch((begin, begin.plus_ms(3000)), patient.relay, ask::Peers::default(), |_| false);
    let mut told = Vec::new();
    while let Some(Answered { ticket, at, answer }) = stack.next_answer(begin.plus_ms(10_000)) {
        told.push((ticket, at.since(begin), answer.map(|answer| answer.is_ok())));
    }
    assert_eq!(told[0], (first, 1000, Some(true)));
    assert!(told[1..3].contains(&(second, 2000, Some(true))), "{told:?}");
    assert!(told[1..3].contains(&(seen, 2000, Some(true))), "{told:?}");
    assert_eq!(told[3..], [(never, 3000, None)]);
    assert_eq!(stack.now(), begin.plus_ms(10_000));
}

#[test]
fn an_expelled_member_that_the_first_greeting_does_not_reach_is_told_by_a_later_one() {
    let sizes = Sizes { hospitals: 3, providers: 0, relays: 0, regions: 1 };
    let mut federation = Federation::found(1, Links::all(link()), sizes);
    let [first, second, out] = federation.hospitals[..] else { panic!("there are three") };
    let stack = &mut federation.stack;
    let party = stack.id(out);
    let expel = || Expel { party, reason: "a test".to_owned() };
    stack.command(first, expel(), None).unwrap();
    let proposed = |view: &FederationView| !view.open.is_empty();
    for at in [second, out] {
        stack.wait_for(at, ask::Members, PATIENCE, proposed, "the proposal");
    }
    let cut = |stack: &mut Stack, off| {
        for member in [first, second] {
            stack.cut(member, out, off);
        }
    };
    cut(stack, true);
    stack.command(second, expel(), None).unwrap();
    stack.advance(Duration::from_secs(15));
    let told = |view: &FederationView| view.expelled.is_some();
    assert!(!told(&stack.query(out, ask::Members, None).unwrap()));
    cut(stack, false);
    stack.wait_for(out, ask::Members, Duration::from_secs(60), told, "the reason");
}
