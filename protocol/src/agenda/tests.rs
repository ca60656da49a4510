//! What is done when, as a driver sees it.

use super::limits::DUE_MAX;
use super::{Agenda, Fetched, Order, Retry, Sent};
use crate::holdings::{PullFor, Transfer, TransferFor};
use crate::id::{EntryId, NodeId, ObjectId, PartyId, TicketId, TransferId};
use crate::peer::{Delivery, DeliveryFailure, Route, TransferResult};
use crate::refusal::Refusal;
use crate::time::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const TO: PartyId = PartyId([9; 32]);
const ONE: NodeId = NodeId([1; 32]);
const TWO: NodeId = NodeId([2; 32]);
const NOW: Timestamp = Timestamp(1_800_000_000_000);
const PULL: TransferId = TransferId([1; 16]);
const OTHER: TransferId = TransferId([2; 16]);

fn route(nodes: &[NodeId]) -> Route {
    nodes.iter().map(|node| (*node, vec![format!("at {}", node.short())])).collect()
}

fn waits(number: u64, nodes: &[NodeId]) -> Option<Delivery> {
    Some(Delivery { number, wait_ms: 0, route: route(nodes), anew: false })
}

/// An agenda with `nodes` admitted, and a session with each.
fn with_sessions(nodes: &[NodeId]) -> Agenda {
    let mut agenda = Agenda::new(1);
    for node in nodes {
        agenda.gate(*node, true);
        agenda.learn_nonce(*node, [node.0[0]; 16]);
    }
    agenda
}

fn is_next(order: Option<Order>) -> bool {
    matches!(order, Some(Order::Next { to: TO }))
}

/// The node that an order is for, if it is to send.
fn sends(order: Option<Order>) -> Option<(u64, NodeId)> {
    match order {
        Some(Order::Send(letter)) => Some((letter.number, letter.node)),
        _ => None,
    }
}

/// The node that an order has greeted.
fn greets(order: Option<Order>) -> Option<NodeId> {
    match order {
        Some(Order::Hello { node, .. }) => Some(node),
        _ => None,
    }
}

fn fails(order: Option<Order>) -> Option<DeliveryFailure> {
    match order {
        Some(Order::Conclude { result: Err(failure), .. }) => Some(failure),
        _ => None,
    }
}

fn answers(agenda: &mut Agenda, node: NodeId) -> Vec<Order> {
    agenda.gate(node, true);
    agenda.learn_nonce(node, [node.0[0]; 16]);
    agenda.greeted(node, Ok(()))
}

fn transfer() -> Transfer {
    let purpose =
        TransferFor::Read(PullFor { id: [0; 16], owner: TO, subject: TO, entry: EntryId([0; 16]) });
    Transfer { from: TO, ticket: TicketId([0; 16]), object: ObjectId([0; 32]), length: 5, purpose }
}

fn wanted(agenda: &mut Agenda, id: TransferId, nodes: &[NodeId]) -> Vec<Order> {
    agenda.wanted(id, Some((transfer(), route(nodes))))
}

/// How long is waited, and for what.
fn later(orders: &[Order]) -> Option<(u64, Retry)> {
    orders.iter().find_map(|order| match order {
        Order::Later { wait_ms, retry } => Some((*wait_ms, *retry)),
        _ => None,
    })
}

#[test]
fn one_message_is_in_flight_and_who_asks_meanwhile_has_it_looked_again() {
    let mut agenda = with_sessions(&[ONE]);
    assert!(is_next(agenda.deliver(TO)));
    assert!(agenda.deliver(TO).is_none());
    assert_eq!(sends(agenda.next(TO, NOW, waits(1, &[ONE]))), Some((1, ONE)));
    assert!(agenda.deliver(TO).is_none());
    let order = agenda.sent(TO, Sent::Answered(vec![7]));
    assert!(matches!(order, Some(Order::Conclude { number: 1, result: Ok(_), .. })));
    assert!(is_next(agenda.concluded(TO)));
    assert!(is_next(agenda.next(TO, NOW, None)), "somebody asked meanwhile");
    assert!(agenda.next(TO, NOW, None).is_none());
    assert!(is_next(agenda.deliver(TO)), "it had come to rest");
}

#[test]
fn what_is_sent_for_a_code_waits_for_a_hello_that_proves_it_also_in_a_session() {
    let mut agenda = with_sessions(&[ONE]);
    agenda.deliver(TO);
    let next = waits(1, &[ONE]).map(|next| Delivery { anew: true, ..next });
    assert_eq!(greets(agenda.next(TO, NOW, next)), Some(ONE));
    let orders = answers(&mut agenda, ONE);
    assert_eq!(orders.into_iter().find_map(|order| sends(Some(order))), Some((1, ONE)));
}

#[test]
fn what_is_not_to_be_tried_yet_is_taken_up_when_it_is() {
    let mut agenda = with_sessions(&[ONE]);
    agenda.deliver(TO);
    let not_yet = Delivery { number: 1, wait_ms: 50, route: route(&[ONE]), anew: false };
    let order = agenda.next(TO, NOW, Some(not_yet));
    assert!(matches!(order, Some(Order::WakeAt(at)) if at == NOW.plus_ms(50)));
    assert!(is_next(agenda.deliver(TO)));
}

#[test]
fn nodes_in_a_session_are_tried_first_and_the_next_when_one_is_not_there() {
    let mut agenda = with_sessions(&[TWO]);
    agenda.deliver(TO);
    assert_eq!(sends(agenda.next(TO, NOW, waits(1, &[ONE, TWO]))), Some((1, TWO)));
    assert_eq!(greets(agenda.sent(TO, Sent::NeverSent)), Some(ONE));
    let orders = agenda.greeted(ONE, Err(DeliveryFailure::NeverSent));
    // Nobody is left: if the message waits still, it failed.
    assert!(is_next(orders.into_iter().next()));
    let order = agenda.next(TO, NOW, waits(1, &[ONE, TWO]));
    assert_eq!(fails(order), Some(DeliveryFailure::NeverSent));
}

#[test]
fn a_message_that_the_answer_to_a_hello_took_back_has_not_failed() {
    let mut agenda = Agenda::new(1);
    agenda.deliver(TO);
    assert_eq!(greets(agenda.next(TO, NOW, waits(1, &[ONE]))), Some(ONE));
    let orders = agenda.greeted(ONE, Err(DeliveryFailure::GateClosed));
    assert!(is_next(orders.into_iter().next()));
    assert!(agenda.next(TO, NOW, None).is_none());
    assert!(is_next(agenda.deliver(TO)));
}

#[test]
fn a_message_of_unknown_outcome_is_asked_of_no_other_node() {
    let mut agenda = with_sessions(&[ONE, TWO]);
    agenda.deliver(TO);
    agenda.next(TO, NOW, waits(1, &[ONE, TWO]));
    let order = agenda.sent(TO, Sent::Unknown);
    assert_eq!(fails(order), Some(DeliveryFailure::OutcomeUnknown));
}

#[test]
fn a_node_that_forgot_us_is_greeted_once_more_and_then_left_alone() {
    let mut agenda = with_sessions(&[ONE]);
    agenda.deliver(TO);
    agenda.next(TO, NOW, waits(1, &[ONE]));
    assert_eq!(greets(agenda.sent(TO, Sent::Forgotten)), Some(ONE));
    let orders = answers(&mut agenda, ONE);
    assert_eq!(sends(orders.into_iter().next()), Some((1, ONE)));
    assert_eq!(fails(agenda.sent(TO, Sent::Forgotten)), Some(DeliveryFailure::GateClosed));
}

#[test]
fn hello_is_said_once_for_all_who_wait_for_it_and_they_go_on_together() {
    let mut agenda = Agenda::new(1);
    agenda.deliver(TO);
    assert_eq!(greets(agenda.next(TO, NOW, waits(1, &[ONE]))), Some(ONE));
    agenda.pull(PULL, TO);
    assert!(wanted(&mut agenda, PULL, &[ONE]).is_empty());
    let orders = answers(&mut agenda, ONE);
    assert!(matches!(&orders[..], [Order::Send(_), Order::Fetch(_)]), "{orders:?}");
    assert!(agenda.greet(TO, ONE, vec![]).is_none(), "it was said in this session");
}

#[test]
fn a_hello_that_is_to_be_heard_is_said_again_until_it_is_and_no_longer() {
    let mut agenda = with_sessions(&[ONE]);
    assert_eq!(greets(agenda.tell(TO, ONE, vec![])), Some(ONE), "whatever was said before");
    let lost = agenda.greeted(ONE, Err(DeliveryFailure::NeverSent));
    let (wait_ms, first) = later(&lost).unwrap();
    assert_eq!(wait_ms, 1000);
    assert_eq!(greets(agenda.retry(first)), Some(ONE));
    let lost = agenda.greeted(ONE, Err(DeliveryFailure::NeverSent));
    let (wait_ms, second) = later(&lost).unwrap();
    assert_eq!(wait_ms, 2000);
    assert!(agenda.retry(first).is_none(), "the later wait counts");
    assert_eq!(greets(agenda.retry(second)), Some(ONE));
    // Whoever refuses us has heard it.
    assert!(agenda.greeted(ONE, Err(DeliveryFailure::GateClosed)).is_empty());
    assert!(agenda.retry(second).is_none());
}

#[test]
fn a_hello_that_nobody_hears_is_given_up_in_the_end() {
    let mut agenda = Agenda::new(1);
    agenda.tell(TO, ONE, vec![]);
    let mut waited = Vec::new();
    while let Some((wait_ms, retry)) = later(&agenda.greeted(ONE, Err(DeliveryFailure::NeverSent)))
    {
        waited.push(wait_ms / 1000);
        assert_eq!(greets(agenda.retry(retry)), Some(ONE));
    }
    assert_eq!(waited, [1, 2, 4, 8, 16, 32, 64]);
}

#[test]
fn a_greeting_after_a_start_is_said_once() {
    let mut agenda = Agenda::new(1);
    agenda.greet(TO, ONE, vec![]);
    assert!(agenda.greeted(ONE, Err(DeliveryFailure::NeverSent)).is_empty());
}

#[test]
fn a_hello_of_before_does_not_tell_what_is_to_be_told() {
    let mut agenda = Agenda::new(1);
    agenda.greet(TO, ONE, vec![]);
    assert!(agenda.tell(TO, ONE, vec!["here".to_owned()]).is_none(), "one is under way");
    let orders = answers(&mut agenda, ONE);
    assert!(
        matches!(&orders[..], [Order::Hello { addresses, .. }] if addresses == &["here"]),
        "{orders:?}"
    );
    assert!(answers(&mut agenda, ONE).is_empty());
    assert!(agenda.their_nonce(ONE).is_some());
}

#[test]
fn what_is_to_be_told_is_told_by_any_hello_that_is_heard() {
    let mut agenda = Agenda::new(1);
    agenda.tell(TO, ONE, vec![]);
    let (_, retry) = later(&agenda.greeted(ONE, Err(DeliveryFailure::NeverSent))).unwrap();
    assert_eq!(greets(agenda.found(TO, ONE, vec!["here".to_owned()])), Some(ONE));
    assert!(answers(&mut agenda, ONE).is_empty());
    assert!(agenda.retry(retry).is_none());
}

#[test]
fn whoever_answers_and_is_not_let_in_is_in_no_session() {
    let mut agenda = Agenda::new(1);
    agenda.greet(TO, ONE, vec![]);
    agenda.learn_nonce(ONE, [1; 16]);
    agenda.gate(ONE, false);
    assert!(agenda.greeted(ONE, Ok(())).is_empty());
    assert_eq!(agenda.their_nonce(ONE), None);
}

#[test]
fn a_node_that_is_found_elsewhere_while_it_is_greeted_is_greeted_there() {
    let mut agenda = Agenda::new(1);
    agenda.deliver(TO);
    agenda.next(TO, NOW, waits(1, &[ONE]));
    assert!(agenda.found(TO, ONE, vec!["here".to_owned()]).is_none());
    let orders = agenda.greeted(ONE, Err(DeliveryFailure::NeverSent));
    assert!(
        matches!(&orders[..], [Order::Hello { addresses, .. }] if addresses == &["here"]),
        "{orders:?}"
    );
    let orders = answers(&mut agenda, ONE);
    assert_eq!(sends(orders.into_iter().next()), Some((1, ONE)));
    assert!(agenda.found(TO, ONE, vec![]).is_none(), "it is in a session");
}

#[test]
fn pulls_stand_in_line_for_a_place_and_the_next_takes_it() {
    let mut agenda = with_sessions(&[ONE]);
    assert!(matches!(agenda.pull(PULL, TO), Some(Order::Look { id: PULL })));
    assert!(agenda.pull(PULL, TO).is_none(), "it is under way");
    assert!(agenda.pull(OTHER, TO).is_none());
    assert!(matches!(&wanted(&mut agenda, PULL, &[ONE])[..], [Order::Fetch(_)]));
    let orders = agenda.fetched(PULL, Fetched::Whole(None));
    let finished = TransferResult::Finished { small: None };
    assert!(
        matches!(&orders[..], [Order::End { id: PULL, result }, Order::Look { id: OTHER }]
            if format!("{result:?}") == format!("{finished:?}")),
        "{orders:?}"
    );
    assert!(matches!(&agenda.wanted(OTHER, None)[..], [Order::Discard { id: OTHER }]));
}

#[test]
fn a_pull_waits_longer_each_time_that_nothing_came_and_long_after_trouble() {
    let mut agenda = with_sessions(&[ONE]);
    agenda.pull(PULL, TO);
    let mut waited = Vec::new();
    let broken = |progressed| Fetched::Broken { progressed };
    let tries = [false; 8].map(broken).into_iter().chain([Fetched::Trouble, broken(true)]);
    for fetched in tries {
        wanted(&mut agenda, PULL, &[ONE]);
        let orders = agenda.fetched(PULL, fetched);
        let (wait_ms, retry) = later(&orders).unwrap();
        waited.push(wait_ms / 1000);
        assert!(agenda.retry(retry).is_some());
    }
    assert_eq!(waited, [1, 2, 4, 8, 16, 32, 60, 60, 600, 1]);
}

#[test]
fn a_pull_is_tried_soon_when_its_holder_appears() {
    let mut agenda = with_sessions(&[ONE]);
    agenda.pull(PULL, TO);
    wanted(&mut agenda, PULL, &[ONE]);
    let orders = agenda.fetched(PULL, Fetched::Broken { progressed: false });
    let (_, first) = later(&orders).unwrap();
    assert!(agenda.appeared(TWO).is_empty());
    let (wait_ms, soon) = later(&agenda.appeared(ONE)).unwrap();
    assert_eq!(wait_ms, 200);
    assert!(agenda.appeared(ONE).is_empty(), "once is enough");
    assert!(agenda.retry(first).is_none(), "the later wait counts");
    assert!(agenda.retry(soon).is_some());
    // It comes and goes while it is asked: that counts once the try has ended.
    wanted(&mut agenda, PULL, &[ONE]);
    assert!(agenda.appeared(ONE).is_empty());
    let orders = agenda.fetched(PULL, Fetched::Broken { progressed: false });
    assert_eq!(later(&orders).unwrap().0, 200);
}

#[test]
fn a_pull_whose_holder_refuses_ends_and_what_came_is_thrown_away() {
    let mut agenda = with_sessions(&[ONE, TWO]);
    agenda.pull(PULL, TO);
    wanted(&mut agenda, PULL, &[ONE, TWO]);
    let orders = agenda.fetched(PULL, Fetched::Broken { progressed: true });
    assert!(matches!(&orders[..], [Order::Fetch(fetch)] if fetch.node == TWO), "{orders:?}");
    let refusal = Refusal::from(crate::holdings::NotSent::NotPermitted);
    let orders = agenda.fetched(PULL, Fetched::Refused(refusal));
    assert!(matches!(&orders[..], [Order::End { .. }, Order::Discard { .. }]), "{orders:?}");
}

#[test]
fn a_pull_that_nobody_wants_ends_wherever_it_stands() {
    let mut agenda = with_sessions(&[ONE]);
    agenda.pull(PULL, TO);
    agenda.pull(OTHER, TO);
    assert!(matches!(&agenda.stop(OTHER)[..], [Order::Discard { id: OTHER }]), "in line");
    wanted(&mut agenda, PULL, &[ONE]);
    assert!(agenda.is_fetching(PULL));
    assert!(matches!(&agenda.stop(PULL)[..], [Order::BreakOff { id: PULL }]));
    assert!(!agenda.is_fetching(PULL));
    assert!(agenda.fetched(PULL, Fetched::Whole(None)).is_empty(), "nobody is told");
    assert!(matches!(agenda.pull(OTHER, TO), Some(Order::Look { .. })), "its place is free");
    assert!(agenda.cannot_look(PULL).is_empty());
    let (wait_ms, _) = later(&agenda.cannot_look(OTHER)).unwrap();
    assert_eq!(wait_ms, 600_000);
    assert!(matches!(&agenda.stop(OTHER)[..], [Order::Discard { id: OTHER }]), "waiting");
}

#[test]
fn a_nonce_lasts_for_a_session_and_no_longer() {
    let mut agenda = Agenda::new(1);
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    assert_eq!(agenda.our_nonce(ONE), None);
    let first = agenda.choose_nonce(ONE, rng);
    assert_eq!(agenda.choose_nonce(ONE, rng), first);
    agenda.gate(ONE, true);
    agenda.learn_nonce(ONE, [7; 16]);
    agenda.disconnected(ONE);
    assert_eq!((agenda.our_nonce(ONE), agenda.their_nonce(ONE)), (None, None));
    assert!(agenda.is_admitted(ONE), "a gate stays open over reconnects");
    assert_ne!(agenda.choose_nonce(ONE, rng), first);
    agenda.gate(ONE, false);
    assert_eq!(agenda.our_nonce(ONE), None, "whoever is put out must say hello again");
    assert!(!agenda.is_admitted(ONE));
}

#[test]
fn only_the_nonce_that_failed_is_forgotten() {
    let mut agenda = with_sessions(&[ONE]);
    agenda.deliver(TO);
    agenda.next(TO, NOW, waits(1, &[ONE]));
    agenda.learn_nonce(ONE, [8; 16]);
    assert_eq!(sends(agenda.sent(TO, Sent::Forgotten)), Some((1, ONE)));
    assert_eq!(agenda.their_nonce(ONE), Some([8; 16]));
}

#[test]
fn what_is_due_is_taken_once_and_the_next_is_told() {
    let mut agenda = Agenda::new(1);
    let earliest = [300, 100, 200, 100].map(|time| agenda.wake_at(Timestamp(time)));
    assert_eq!(earliest, [true, true, false, true]);
    assert!(!agenda.take_due(Timestamp(99)));
    assert!(agenda.take_due(Timestamp(200)));
    assert_eq!(agenda.next_due(), Some(Timestamp(300)));
    assert!(agenda.take_due(Timestamp(300)));
    assert!(!agenda.take_due(Timestamp(300)));
}

#[test]
fn of_too_many_times_the_earliest_are_kept() {
    let mut agenda = Agenda::new(1);
    for time in (0..2 * DUE_MAX as u64).rev() {
        agenda.wake_at(Timestamp(time));
    }
    assert_eq!(agenda.next_due(), Some(Timestamp(0)));
    assert!(agenda.take_due(Timestamp(DUE_MAX as u64 - 1)));
    assert_eq!(agenda.next_due(), None);
}

#[test]
fn a_holder_that_never_answers_leaves_places_to_others_and_its_line_keeps_nobody_waiting() {
    let mut agenda = Agenda::new(8);
    let silent = PartyId([8; 32]);
    let id = |number: u8| TransferId([number; 16]);
    let begun = (0..100).filter(|number| agenda.pull(id(*number), silent).is_some()).count();
    assert_eq!(begun, 4);
    assert!(matches!(agenda.pull(id(200), TO), Some(Order::Look { .. })), "there is a place");
    // Others' lines come in their turn, however long that of the silent one is.
    let others: Vec<_> = (201..210).filter_map(|number| agenda.pull(id(number), TO)).collect();
    assert_eq!(others.len(), 1);
    let mut ended = vec![id(200), id(201)];
    while let Some(id) = ended.pop() {
        let next = agenda.wanted(id, None).into_iter();
        ended.extend(next.filter_map(|order| match order {
            Order::Look { id } => Some(id),
            _ => None,
        }));
    }
    assert!((200..210).all(|number| agenda.stop(id(number)).is_empty()), "all of them had a place");
    // What the silent one's places are given away for is its own line, while nobody else waits.
    let next = agenda.wanted(id(0), None);
    assert!(matches!(&next[..], [Order::Discard { .. }, Order::Look { .. }]), "{next:?}");
}
