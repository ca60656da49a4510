//! After the scenario's end: whatever can heal does, and what had waited is done. Checkers that ask whether
//! replicas agree look afterwards.
//!
//! Links take no time and lose nothing, cuts are gone, disks have room, everybody can be called, every machine
//! that still exists is on, and everybody talks once with everybody it knows. People do nothing more. What never
//! heals stays: destroyed machines, lost objects, wrong clocks, dishonest parties.

use super::state::Engine;
use super::task::Task;

/// How long healing may take: some of the longest waits between two tries of a message
/// (`RETRY_MS_MAX`, five minutes).
const HEALED_WITHIN_US: u64 = 3600 * 1_000_000;
/// The step in which it is looked whether anything waits.
const STEP_US: u64 = 60 * 1_000_000;

/// Whether a task belongs to the scenario, which is over.
pub(super) const fn is_over(task: &Task) -> bool {
    matches!(
        task,
        Task::Switch { .. } | Task::Happen { .. } | Task::Turn(_) | Task::People(_) | Task::Step
    )
}

impl Engine<'_> {
    /// Heals, until nothing waits or for an hour of simulated time.
    pub(super) fn heal(&mut self) {
        self.quiet = true;
        self.healing = true;
        self.stage.cuts.clear();
        let all = 0..u32::try_from(self.stage.machines.len()).expect("the file bounds the counts");
        for at in all.clone() {
            let machine = self.machine(at);
            machine.callable = true;
            machine.disk.capacity = None;
            // Who talked before says `hello` again.
            let others: Vec<u32> = machine.connections.keys().copied().collect();
            others.into_iter().for_each(|other| self.hang_up(at, other));
        }
        for at in all {
            if self.machine(at).on {
                self.greet_all(at);
            } else {
                self.switch(at, true);
            }
        }
        let end_us = self.stage.now_us + HEALED_WITHIN_US;
        while self.stage.now_us < end_us {
            let until_us = self.stage.now_us + STEP_US;
            while let Some((at_us, task)) = self.queue.next(until_us) {
                self.stage.now_us = at_us.max(self.stage.now_us);
                self.take(task);
            }
            self.stage.now_us = until_us;
            let mut machines = self.stage.machines.iter().enumerate();
            if machines.all(|(at, _)| !self.stage.has_work(u32::try_from(at).unwrap_or(u32::MAX))) {
                return;
            }
        }
    }
}
