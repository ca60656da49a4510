//! What is to happen, in order of time; of two things at one time, the one that was planned first.

use super::task::Task;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Events by time.
pub(super) struct Queue<T> {
    heap: BinaryHeap<Reverse<Planned<T>>>,
    planned: u64,
}

struct Planned<T> {
    at_us: u64,
    number: u64,
    event: T,
}

impl<T> PartialEq for Planned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<T> Eq for Planned<T> {}

impl<T> PartialOrd for Planned<T> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Planned<T> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (self.at_us, self.number).cmp(&(other.at_us, other.number))
    }
}

impl<T> Queue<T> {
    pub(super) const fn new() -> Self {
        Self { heap: BinaryHeap::new(), planned: 0 }
    }

    /// Plans an event.
    pub(super) fn plan(&mut self, at_us: u64, event: T) {
        self.heap.push(Reverse(Planned { at_us, number: self.planned, event }));
        self.planned += 1;
    }

    /// Takes the first event, if it is not later than `until_us`.
    pub(super) fn next(&mut self, until_us: u64) -> Option<(u64, T)> {
        let Reverse(first) = self.heap.peek()?;
        if first.at_us > until_us {
            return None;
        }
        self.heap.pop().map(|Reverse(first)| (first.at_us, first.event))
    }
}

/// Takes so many events that do nothing from the engine's queue, of which `depth` wait at a time, and each plans
/// one more: what discrete events cost at least. Gives how many were taken.
#[must_use]
pub fn empty_events(events: u64, depth: usize) -> u64 {
    let mut queue = Queue::<Task>::new();
    // Any sequence does that mixes near and far: this one is Marsaglia's xorshift.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut wait_us = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % 10_000_000
    };
    for _ in 0..depth {
        queue.plan(wait_us(), Task::Step);
    }
    let mut taken = 0;
    while taken < events
        && let Some((at_us, event)) = queue.next(u64::MAX)
    {
        if let Task::Step = core::hint::black_box(event) {
            queue.plan(at_us + wait_us(), Task::Step);
        }
        taken += 1;
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_in_the_order_in_which_they_were_planned() {
        let mut queue = Queue::new();
        for (at, event) in [(5, 'a'), (3, 'b'), (5, 'c'), (3, 'd'), (9, 'e')] {
            queue.plan(at, event);
        }
        let mut seen = Vec::new();
        while let Some(next) = queue.next(8) {
            seen.push(next);
        }
        assert_eq!(seen, [(3, 'b'), (3, 'd'), (5, 'a'), (5, 'c')]);
        assert_eq!(queue.next(9), Some((9, 'e')));
    }
}
