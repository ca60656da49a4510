//! Many nodes under one simulated time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chartmesh_node::driver::Handle;
use chartmesh_node::pool;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::{Command, PatientKeys, Query, View};
use chartmesh_protocol::refusal::Failure;
use chartmesh_protocol::time::Timestamp;
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::chance;
use crate::internet::{Internet, Links, Region, Traffic};
use crate::node::{Machine, Running, ms, witness};
use crate::seen::{Delivered, Seen};

/// When every simulation begins: the same as in the other tier.
const EPOCH: Timestamp = Timestamp(1_800_000_000_000);

/// Which node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Who(pub usize);

/// Something that was asked for, and its answer once it is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

/// What became of a [`Ticket`].
#[derive(Debug)]
pub struct Answered {
    /// What was asked.
    pub ticket: Ticket,
    /// When it was answered.
    pub at: Timestamp,
    /// The answer; of a [`Stack::watch`], what it waited for. None: it did not come in time.
    pub answer: Option<Result<View, Failure>>,
}

/// Many nodes in this process and on this thread.
///
/// Time stands still while anything is left to do, and then jumps to the next timer. Only one stack at
/// a time should run on a thread, since its chance is the thread's; see [`chance`].
pub struct Stack {
    runtime: Runtime,
    seed: u64,
    begin: Instant,
    internet: Internet,
    machines: Vec<Machine>,
    running: Vec<Option<Running>>,
    pub(crate) unlocked: Vec<BTreeMap<PartyId, PatientKeys>>,
    seen: Arc<Mutex<Seen>>,
    answers: Arc<Mutex<Vec<Answered>>>,
    tickets: u64,
}

impl Stack {
    /// No nodes yet.
    ///
    /// # Panics
    /// When the system does not give what a runtime takes.
    #[must_use]
    pub fn new(seed: u64, links: Links) -> Self {
        chance::seed(seed);
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without a thread or a socket starts");
        let begin = runtime.block_on(async { Instant::now() });
        Self {
            internet: Internet::new(seed, links, begin),
            runtime,
            seed,
            begin,
            machines: Vec::new(),
            running: Vec::new(),
            unlocked: Vec::new(),
            seen: Arc::default(),
            answers: Arc::default(),
            tickets: 0,
        }
    }

    /// Everything that runs, runs in here.
    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        pool::in_place(|| self.runtime.block_on(work))
    }

    /// Adds a node and switches it on.
    pub fn add(&mut self, role: Role, name: &str, region: Region) -> Who {
        let host = self.internet.add_host(region);
        self.machines.push(Machine::new(self.seed, host, role, name));
        self.running.push(None);
        self.unlocked.push(BTreeMap::new());
        self.switch_on(Who(host));
        Who(host)
    }

    /// Switches a node on: it takes up what it had to do.
    pub fn switch_on(&mut self, who: Who) {
        if self.running[who.0].is_some() {
            return;
        }
        self.internet.plug(who.0, true);
        let seen = Arc::clone(&self.seen);
        let told = move |host, now, event: &_| lock(&seen).event(host, now, event);
        let machine = &self.machines[who.0];
        let clock = (self.begin, EPOCH);
        let started = machine.start(&self.internet, clock, witness(who.0, Arc::new(told)));
        self.running[who.0] = Some(self.run(started));
    }

    /// Switches a node off in an orderly way: others hear of it.
    pub fn switch_off(&mut self, who: Who) {
        if let Some(running) = self.running[who.0].take() {
            self.run(running.stop());
        }
    }

    /// Takes a node's power: nobody hears of it, and what it had not committed is lost.
    pub fn cut_power(&mut self, who: Who) {
        self.internet.plug(who.0, false);
        if let Some(running) = self.running[who.0].take() {
            self.run(running.abandon());
        }
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_on(&self, who: Who) -> bool {
        self.running[who.0].is_some()
    }

    /// By how much its machine's clock is ahead, from the next time that it is switched on.
    pub fn set_ahead(&mut self, who: Who, ahead: Duration) {
        self.machines[who.0].ahead_ms = ms(ahead);
    }

    /// Cuts the way between two nodes, or heals it.
    pub fn cut(&mut self, one: Who, other: Who, cut: bool) {
        let internet = self.internet.clone();
        self.run(async move { internet.cut(one.0, other.0, cut) });
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let begin = self.begin;
        EPOCH.plus_ms(ms(self.run(async move { begin.elapsed() })))
    }

    /// Lets this much time pass.
    pub fn advance(&mut self, time: Duration) {
        let until = self.now().plus_ms(ms(time));
        self.advance_to(until);
    }

    /// Lets time pass until then.
    pub fn advance_to(&mut self, until: Timestamp) {
        let until = self.instant(until);
        self.run(async move { sleep_until(until).await });
    }

    fn instant(&self, at: Timestamp) -> Instant {
        self.begin + Duration::from_millis(at.since(EPOCH))
    }

    /// The institution of a node.
    #[must_use]
    pub fn id(&self, who: Who) -> PartyId {
        self.machines[who.0].id()
    }

    /// A running node's driver.
    ///
    /// # Panics
    /// When it is switched off.
    #[must_use]
    pub fn handle(&self, who: Who) -> &Handle {
        let running = self.running[who.0].as_ref();
        &running.unwrap_or_else(|| panic!("node {} is switched off", who.0)).handle
    }

    fn keys(&self, who: Who, patient: Option<PartyId>) -> Option<PatientKeys> {
        patient.and_then(|patient| self.unlocked[who.0].get(&patient).cloned())
    }

    /// Performs a command now, and waits for its answer. `patient`: with the keys of this patient, who
    /// is unlocked there.
    ///
    /// # Errors
    /// [`Failure`], as a person would be told.
    pub fn command(
        &mut self,
        who: Who,
        command: Command,
        patient: Option<PartyId>,
    ) -> Result<View, Failure> {
        let keys = self.keys(who, patient);
        let handle = self.handle(who).clone();
        self.run(async move { handle.command(command, keys).await.map(|view| *view) })
    }

    /// Asks to see something now.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn query(
        &self,
        who: Who,
        query: &Query,
        patient: Option<PartyId>,
    ) -> Result<View, Failure> {
        let (handle, keys) = (self.handle(who).clone(), self.keys(who, patient));
        self.run(handle.query(query.clone(), keys.as_ref()))
    }

    /// Has a command performed at a time: at once, if that has passed. Nothing happens while the node
    /// is off. See [`Stack::answers`].
    pub fn perform(
        &mut self,
        at: Timestamp,
        who: Who,
        command: Command,
        patient: Option<PartyId>,
    ) -> Ticket {
        let (handle, keys) = (self.handle(who).clone(), self.keys(who, patient));
        self.later(at, async move { Some(handle.command(command, keys).await.map(|view| *view)) })
    }

    /// Looks at a node each time that it has written something, from a time on, until `done` says that
    /// the view is the one that was waited for.
    pub fn watch(
        &mut self,
        (at, until): (Timestamp, Timestamp),
        who: Who,
        query: Query,
        done: impl Fn(&View) -> bool + Send + 'static,
    ) -> Ticket {
        let (handle, until) = (self.handle(who).clone(), self.instant(until));
        self.later(at, async move { timeout_at(until, watch(handle, query, done)).await.ok() })
    }

    /// [`Stack::watch`] now, and time passes until it is there.
    ///
    /// # Errors
    /// [`Failure`] of the query.
    pub fn wait_until(
        &mut self,
        who: Who,
        query: Query,
        at_most: Duration,
        done: impl Fn(&View) -> bool + Send + 'static,
    ) -> Option<Result<View, Failure>> {
        let handle = self.handle(who).clone();
        self.run(async move {
            let until = Instant::now() + at_most;
            timeout_at(until, watch(handle, query, done)).await.ok()
        })
    }

    fn later(
        &mut self,
        at: Timestamp,
        work: impl Future<Output = Option<Result<View, Failure>>> + Send + 'static,
    ) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let (answers, begin, at) = (Arc::clone(&self.answers), self.begin, self.instant(at));
        drop(self.runtime.spawn(async move {
            sleep_until(at).await;
            let answer = work.await;
            let at = EPOCH.plus_ms(ms(begin.elapsed()));
            lock(&answers).push(Answered { ticket, at, answer });
        }));
        ticket
    }

    /// What was answered since the last time.
    #[must_use]
    pub fn answers(&mut self) -> Vec<Answered> {
        std::mem::take(&mut *lock(&self.answers))
    }

    /// The messages that arrived and were handled, in that order.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivered> {
        lock(&self.seen).delivered.clone()
    }

    /// Events that drivers handled, by kind.
    #[must_use]
    pub fn events(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.seen).events.clone()
    }

    /// What has travelled.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.internet.traffic()
    }

    /// Connections of a node, as it counts them.
    #[must_use]
    pub fn connections(&self, who: Who) -> usize {
        self.running[who.0].as_ref().map_or(0, Running::connections)
    }

    /// Bytes of all stores.
    #[must_use]
    pub fn store_bytes(&self) -> usize {
        self.machines.iter().map(Machine::store_bytes).sum()
    }

    /// A hash over all that was written to connections, with times, order and bytes: equal for two runs
    /// with the same seed.
    #[must_use]
    pub fn trace_hash(&self) -> String {
        self.internet.trace_hash()
    }
}

/// A node of its own accord would say nothing: its tasks go with the runtime.
impl Drop for Stack {
    fn drop(&mut self) {
        let running = std::mem::take(&mut self.running);
        self.run(async move { drop(running) });
    }
}

async fn watch(
    handle: Handle,
    query: Query,
    done: impl Fn(&View) -> bool,
) -> Result<View, Failure> {
    let mut changes = handle.changes();
    loop {
        changes.mark_unchanged();
        let view = handle.query(query.clone(), None).await?;
        if done(&view) {
            return Ok(view);
        }
        if changes.changed().await.is_err() {
            // The node ended; whoever waits does so until its time is up.
            std::future::pending::<()>().await;
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
