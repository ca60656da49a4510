//! Pulling the objects that the protocol wants, a few at a time.

use super::limits::{
    PULL_RETRY_MS_APPEARED, PULL_RETRY_MS_MAX, PULL_RETRY_MS_MIN, PULL_RETRY_MS_TROUBLE,
};
use super::orders::{Fetch, Fetched, Order, Retry};
use super::tries::Reached;
use super::under_way::{Agenda, Errand, Pull, Pulls, Stage, TryingPull};
use crate::holdings::Transfer;
use crate::id::{NodeId, TransferId};
use crate::peer::{Route, TransferResult};

impl Pulls {
    /// Gives a pull a place, or has it stand in line.
    fn begin(&mut self, id: TransferId) -> Option<Order> {
        let pull = self.all.get_mut(&id)?;
        if self.places == 0 {
            pull.stage = Stage::InLine;
            self.line.push_back(id);
            return None;
        }
        self.places -= 1;
        pull.stage = Stage::Looking;
        Some(Order::Look { id })
    }

    /// A place is free: the next in line takes it.
    fn leave(&mut self) -> Option<Order> {
        self.places += 1;
        self.line.pop_front().and_then(|next| self.begin(next))
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
        [later].into_iter().chain(self.leave()).collect()
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
    /// An object is to be pulled: [`crate::peer::Effect::Pull`].
    pub fn pull(&mut self, id: TransferId) -> Option<Order> {
        if self.pulls.all.contains_key(&id) {
            return None;
        }
        self.pulls.all.insert(id, Pull { wait_ms: 0, turn: 0, stage: Stage::InLine });
        self.pulls.begin(id)
    }

    /// What came of [`Order::Look`].
    pub fn wanted(&mut self, id: TransferId, found: Option<(Transfer, Route)>) -> Vec<Order> {
        let looking = self.pulls.all.get(&id).map(|pull| &pull.stage);
        if !matches!(looking, Some(Stage::Looking)) {
            return Vec::new();
        }
        let Some((transfer, route)) = found else {
            self.pulls.all.remove(&id);
            return [Order::Discard { id }].into_iter().chain(self.pulls.leave()).collect();
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
                self.pulls.all.remove(&id);
                return [Order::End { id, result }].into_iter().chain(self.pulls.leave()).collect();
            }
            Fetched::Refused(refusal) => {
                let end = Order::End { id, result: TransferResult::Refused { refusal } };
                self.pulls.all.remove(&id);
                let ends = [end, Order::Discard { id }];
                return ends.into_iter().chain(self.pulls.leave()).collect();
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
            Stage::Waiting(_) => None,
            Stage::InLine => {
                self.pulls.line.retain(|other| *other != id);
                None
            }
            Stage::Looking | Stage::Trying(_) => self.pulls.leave(),
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
