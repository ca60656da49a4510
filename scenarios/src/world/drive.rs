//! What the node's driver does: has a peer handle an event, performs its effects, and calls it again when it wants to
//! be called.

use super::state::{Wake, World};
use crate::driver::Driver as _;
use crate::party::{Who, idle};
use chartmesh_protocol::peer::{Effect, Event, Peer};
use chartmesh_protocol::store::{Overlay, StoreError, Txn, merge};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng as _;

impl World {
    /// Handles one event at a party.
    ///
    /// # Panics
    /// When storage fails, which in memory it does not.
    pub fn event(&mut self, who: Who, event: Event) {
        let now = self.clock(who);
        let effects = self.write(who, |peer, txn, rng| peer.handle(now, event, txn, rng));
        self.events += 1;
        let chance = self.lose_effects > 0
            && u64::from(self.lose_effects) > u64::from(self.chance.next_u32()) % 100;
        if chance || self.crash_at == Some(self.events) {
            self.crashes += 1;
            // Whoever sits before the machine still sees its answer.
            let seen = effects.into_iter().filter(|e| matches!(e, Effect::Answer { .. })).collect();
            self.perform_all(who, seen);
            self.switch(who, false);
            self.switch(who, true);
        } else {
            self.perform_all(who, effects);
        }
    }

    /// Has a peer write. With a keeper it writes as under the node's driver: over what is there, and
    /// then all of it at once.
    pub(super) fn write<T>(
        &mut self,
        who: Who,
        work: impl FnOnce(&Peer, &mut dyn Txn, &mut ChaCha20Rng) -> Result<T, StoreError>,
    ) -> T {
        let now = self.clock(who);
        let party = &mut self.parties[who.0];
        let Some(keeper) = &mut self.keeper else {
            let done = work(&party.peer, &mut party.store, &mut party.rng);
            return done.expect("memory does not fail");
        };
        let mut overlay = Overlay::new(&party.store);
        let done = work(&party.peer, &mut overlay, &mut party.rng).expect("memory does not fail");
        let changes = overlay.into_changes();
        keeper(who, now, party, &changes);
        merge(changes, &mut party.store).expect("memory does not fail");
        done
    }

    /// A peer's first step after it was switched on.
    pub(super) fn begin(&mut self, who: Who) {
        let now = self.clock(who);
        self.write(who, |peer, txn, rng| peer.start(txn, now, rng));
    }

    pub(super) fn perform_all(&mut self, who: Who, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Stop { id } = &effect {
                self.stopped.push((who, *id));
            }
            self.perform(who, effect);
        }
    }

    /// Works until nothing is left to do at this time.
    ///
    /// # Panics
    /// When there is no end to it.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            let Some((at, step)) = self.tasks.pop_front() else { return };
            self.step(at, step);
        }
        panic!("the world does not come to rest");
    }

    /// A party starts, and what counts its starts beside its store is at this number; gives the start's number.
    ///
    /// # Panics
    /// When storage fails, which in memory it does not.
    pub fn start_counted(&mut self, who: Who, beside: u64) -> u64 {
        let (now, party) = (self.now, &mut self.parties[who.0]);
        let started = party.peer.start_counted(&mut party.store, now, beside, &mut party.rng);
        started.expect("memory does not fail")
    }

    /// Moves the clock on, waking whoever asked for it, and settles.
    pub fn advance(&mut self, ms: u64) {
        let end = self.now.plus_ms(ms);
        self.settle();
        while self.wakes.first().is_some_and(|(at, ..)| *at <= end) {
            let Some((at, who, wake)) = self.wakes.pop_first() else { break };
            self.now = self.now.max(at);
            if self.parties[who.0].online {
                match wake {
                    Wake::Tick => self.event(who, Event::Tick),
                    Wake::Retry(retry) => {
                        let next = self.parties[who.0].agenda.retry(retry);
                        self.obey(who, next);
                    }
                }
                self.settle();
            }
        }
        self.now = end;
        for who in (0..self.parties.len()).map(Who) {
            if self.parties[who.0].online {
                self.event(who, Event::Tick);
            }
        }
        self.settle();
    }

    /// Switches a party off or on; on again it takes up what it had to do.
    ///
    /// # Panics
    /// When storage fails, which in memory it does not.
    pub fn switch(&mut self, who: Who, online: bool) {
        let now = self.clock(who);
        let party = &mut self.parties[who.0];
        party.online = online;
        party.agenda = idle();
        party.starts += 1;
        let node = party.peer.node();
        if online {
            self.begin(who);
            let party = &self.parties[who.0];
            let effects = party.peer.resume(&party.store, now).expect("memory does not fail");
            self.perform_all(who, effects);
        } else {
            for other in &mut self.parties {
                other.agenda.gate(node, false);
            }
        }
    }
}
