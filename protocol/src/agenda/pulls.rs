//! Pulling the objects that the protocol wants, a few at a time.
//!
//! Each holder has a line of its own, and as many at work as places are free beside them: half of all where it is alone, so
//! that one that answers slowly, or never, leaves others theirs.

use super::limits::{
    PULL_RETRY_MS_APPEARED, PULL_RETRY_MS_MAX, PULL_RETRY_MS_MIN, PULL_RETRY_MS_TROUBLE,
};
use super::orders::{Fetch, Fetched, Order, Retry};
use super::tries::Reached;
use super::under_way::{Agenda, Errand, Pull, Pulls, Stage, TryingPull};
use crate::holdings::Transfer;
use crate::id::{NodeId, PartyId, TransferId};
use crate::peer::{Route, TransferResult};
use std::collections::VecDeque;

impl Pulls {
    /// Gives a pull a place, or has it stand in line.
    fn begin(&mut self, id: TransferId) -> Option<Order> {
        let holder = self.all.get(&id)?.holder;
        let has_place = self.may_take_place(holder);
        let pull = self.all.get_mut(&id)?;
        if has_place {
            self.places -= 1;
            *self.at_work.entry(holder).or_default() += 1;
            pull.stage = Stage::Looking;
            return Some(Order::Look { id });
        }
        pull.stage = Stage::InLine;
        match self.lines.iter_mut().find(|(whose, _)| *whose == holder) {
            Some((_, line)) => line.push_back(id),
            None => self.lines.push_back((holder, VecDeque::from([id]))),
        }
        None
    }

    fn may_take_place(&self, holder: PartyId) -> bool {
        self.at_work.get(&holder).copied().unwrap_or_default() < self.places
    }

    /// One that was at work for a holder gives its place away: the next in line take what is free.
    fn leave(&mut self, holder: PartyId) -> Vec<Order> {
        self.places += 1;
        if let Some(at_work) = self.at_work.get_mut(&holder) {
            *at_work -= 1;
            if *at_work == 0 {
                self.at_work.remove(&holder);
            }
        }
        std::iter::from_fn(|| self.next_in_line()).collect()
    }

    fn next_in_line(&mut self) -> Option<Order> {
        let at = self.lines.iter().position(|(holder, _)| self.may_take_place(*holder))?;
        let (holder, mut line) = self.lines.remove(at)?;
        let next = line.pop_front()?;
        if !line.is_empty() {
            self.lines.push_back((holder, line));
        }
        self.begin(next)
    }

    fn leave_line(&mut self, holder: PartyId, id: TransferId) {
        if let Some((_, line)) = self.lines.iter_mut().find(|(whose, _)| *whose == holder) {
            line.retain(|other| *other != id);
        }
        self.lines.retain(|(_, line)| !line.is_empty());
    }

    /// It has ended, and was at work.
    fn end(&mut self, id: TransferId) -> Vec<Order> {
        self.all.remove(&id).map_or_else(Vec::new, |pull| self.leave(pull.holder))
    }

    /// No node is left to be tried: gives the place away, and waits.
    fn put_off(&mut self, id: TransferId, trying: TryingPull) -> Vec<Order> {
        if trying.trouble {
            return self.wait(id, PULL_RETRY_MS_TROUBLE, Vec::new());
        }
        let Some(pull) = self.all.get_mut(&id) else { return Vec::new() };
        let doubled = if trying.progressed { 0 } else { pull.wait_ms * 2 };
        pull.wait_ms = doubled.clamp(PULL_RETRY_MS_MIN, PULL_RETRY_MS_MAX);
        if trying.appeared {
            return self.wait(id, PULL_RETRY_MS_APPEARED, Vec::new());
        }
        let wait_ms = pull.wait_ms;
        self.wait(id, wait_ms, trying.nodes)
    }

    fn wait(&mut self, id: TransferId, wait_ms: u64, sooner_for: Vec<NodeId>) -> Vec<Order> {
        let Some(pull) = self.all.get_mut(&id) else { return Vec::new() };
        pull.turn += 1;
        pull.stage = Stage::Waiting(sooner_for);
        let later = Order::Later { wait_ms, retry: Retry::Pull { id, turn: pull.turn } };
        let holder = pull.holder;
        [later].into_iter().chain(self.leave(holder)).collect()
    }

    fn trying(&mut self, id: TransferId) -> Option<TryingPull> {
        let pull = self.all.get_mut(&id)?;
        match std::mem::replace(&mut pull.stage, Stage::Looking) {
            Stage::Trying(trying) => Some(*trying),
            other => {
                pull.stage = other;
                None
            }
        }
    }
}

impl Agenda {
    /// An object is to be pulled from a holder: [`crate::peer::Effect::Pull`].
    pub fn pull(&mut self, id: TransferId, holder: PartyId) -> Option<Order> {
        if self.pulls.all.contains_key(&id) {
            return None;
        }
        self.pulls.all.insert(id, Pull { holder, wait_ms: 0, turn: 0, stage: Stage::InLine });
        self.pulls.begin(id)
    }

    /// What came of [`Order::Look`].
    pub fn wanted(&mut self, id: TransferId, found: Option<(Transfer, Route)>) -> Vec<Order> {
        let looking = self.pulls.all.get(&id).map(|pull| &pull.stage);
        if !matches!(looking, Some(Stage::Looking)) {
            return Vec::new();
        }
        let Some((transfer, route)) = found else {
            return [Order::Discard { id }].into_iter().chain(self.pulls.end(id)).collect();
        };
        let nodes = route.iter().map(|(node, _)| *node).collect();
        let tries = self.tries(transfer.from, route);
        let trying = TryingPull {
            transfer,
            nodes,
            tries,
            fetching: false,
            progressed: false,
            trouble: false,
            appeared: false,
        };
        self.fetch_on(id, trying)
    }

    /// The storage failed at [`Order::Look`].
    pub fn cannot_look(&mut self, id: TransferId) -> Vec<Order> {
        let looking = self.pulls.all.get(&id).map(|pull| &pull.stage);
        if !matches!(looking, Some(Stage::Looking)) {
            return Vec::new();
        }
        self.pulls.wait(id, PULL_RETRY_MS_TROUBLE, Vec::new())
    }

    /// Whether [`Order::Fetch`] is under way, and has not been given up.
    #[must_use]
    pub fn is_fetching(&self, id: TransferId) -> bool {
        let stage = self.pulls.all.get(&id).map(|pull| &pull.stage);
        matches!(stage, Some(Stage::Trying(trying)) if trying.fetching)
    }

    /// What came of [`Order::Fetch`].
    pub fn fetched(&mut self, id: TransferId, fetched: Fetched) -> Vec<Order> {
        let Some(mut trying) = self.pulls.trying(id) else { return Vec::new() };
        match fetched {
            Fetched::Whole(small) => {
                let result = TransferResult::Finished { small };
                return [Order::End { id, result }].into_iter().chain(self.pulls.end(id)).collect();
            }
            Fetched::Refused(refusal) => {
                let end = Order::End { id, result: TransferResult::Refused { refusal } };
                let ends = [end, Order::Discard { id }];
                return ends.into_iter().chain(self.pulls.end(id)).collect();
            }
            Fetched::Forgotten => {
                self.forgotten(&mut trying.tries);
            }
            Fetched::Broken { progressed } => {
                trying.progressed |= progressed;
                trying.tries.give_up();
            }
            Fetched::Trouble => {
                trying.trouble = true;
                trying.tries.give_up();
            }
        }
        self.fetch_on(id, trying)
    }

    pub(super) fn pull_again(&mut self, id: TransferId, turn: u64) -> Option<Order> {
        let pull = self.pulls.all.get(&id)?;
        if pull.turn != turn || !matches!(pull.stage, Stage::Waiting(_)) {
            return None;
        }
        self.pulls.begin(id)
    }

    /// A node connected, or was found: pulls that wait for it try again.
    pub fn appeared(&mut self, node: NodeId) -> Vec<Order> {
        let mut orders = Vec::new();
        for (id, pull) in &mut self.pulls.all {
            match &mut pull.stage {
                Stage::Waiting(nodes) if nodes.contains(&node) => {
                    nodes.clear();
                    pull.turn += 1;
                    let retry = Retry::Pull { id: *id, turn: pull.turn };
                    orders.push(Order::Later { wait_ms: PULL_RETRY_MS_APPEARED, retry });
                }
                Stage::Trying(trying) => trying.appeared |= trying.nodes.contains(&node),
                Stage::Waiting(_) | Stage::InLine | Stage::Looking => {}
            }
        }
        orders
    }

    /// Nobody wants a pull any more: [`crate::peer::Effect::Stop`].
    pub fn stop(&mut self, id: TransferId) -> Vec<Order> {
        let Some(pull) = self.pulls.all.remove(&id) else { return Vec::new() };
        let next = match &pull.stage {
            Stage::Waiting(_) => Vec::new(),
            Stage::InLine => {
                self.pulls.leave_line(pull.holder, id);
                Vec::new()
            }
            Stage::Looking | Stage::Trying(_) => self.pulls.leave(pull.holder),
        };
        let order = match &pull.stage {
            Stage::Trying(trying) if trying.fetching => Order::BreakOff { id },
            _ => Order::Discard { id },
        };
        [order].into_iter().chain(next).collect()
    }

    /// A greeting ended that a pull waited for.
    pub(super) fn pull_goes_on(&mut self, id: TransferId, open: bool) -> Vec<Order> {
        let Some(mut trying) = self.pulls.trying(id) else { return Vec::new() };
        if !open {
            trying.tries.give_up();
        }
        self.fetch_on(id, trying)
    }

    fn fetch_on(&mut self, id: TransferId, mut trying: TryingPull) -> Vec<Order> {
        let (fetching, order) = match self.reach(&mut trying.tries, Errand::Pull(id)) {
            Reached::Session(node, addresses, _) => {
                let transfer = trying.transfer.clone();
                (true, Some(Order::Fetch(Fetch { id, transfer, node, addresses })))
            }
            Reached::Greeting(order) => (false, order),
            Reached::Nobody => return self.pulls.put_off(id, trying),
        };
        trying.fetching = fetching;
        if let Some(pull) = self.pulls.all.get_mut(&id) {
            pull.stage = Stage::Trying(Box::new(trying));
        }
        order.into_iter().collect()
    }
}
