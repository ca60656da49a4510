//! Many nodes under one simulated time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chartmesh_node::driver::{Handle, Witnessed};
use chartmesh_node::pool;
use chartmesh_protocol::id::{NodeId, PartyId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::{Answer, Asked, Command, Listing, Policy, Question};
use chartmesh_protocol::refusal::Failure;
use chartmesh_protocol::time::Timestamp;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use crate::chance;
use crate::clock::{EPOCH, ms};
use crate::handles::Handles;
use crate::internet::{Internet, Links, Region, Traffic};
use crate::node::{Machine, Running, Who, lock};
use crate::seen::{Delivered, Note, Seen};

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
    pub answer: Option<Result<Answer, Failure>>,
}

/// Many nodes in this process and on this thread.
///
/// Long enough for any step of the founding.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3600);

/// Time stands still while anything is left to do, and then jumps to the next timer. Only one stack at
/// a time should run on a thread, since its chance is the thread's; see [`chance`].
pub struct Stack {
    runtime: Runtime,
    seed: u64,
    begin: Instant,
    internet: Internet,
    machines: Vec<Machine>,
    running: Vec<Option<Running>>,
    handles: Handles,
    seen: Arc<Mutex<Seen>>,
    answering: mpsc::UnboundedSender<Answered>,
    answers: mpsc::UnboundedReceiver<Answered>,
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
        let runtime = runtime();
        let begin = runtime.block_on(async { Instant::now() });
        let (answering, answers) = mpsc::unbounded_channel();
        Self {
            internet: Internet::new(seed, links, begin),
            runtime,
            seed,
            begin,
            machines: Vec::new(),
            running: Vec::new(),
            handles: Handles::new(begin),
            seen: Arc::default(),
            answering,
            answers,
            tickets: 0,
        }
    }

    /// Everything that runs, runs in here.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        pool::in_place(|| self.runtime.block_on(work))
    }

    /// Adds a node and switches it on.
    pub fn add(&mut self, role: Role, name: &str, region: Region) -> Who {
        self.add_with(role, name, region, Policy::default())
    }

    /// The same, with policies of its own.
    pub(crate) fn add_with(
        &mut self,
        role: Role,
        name: &str,
        region: Region,
        policy: Policy,
    ) -> Who {
        let host = self.internet.add_host(region);
        self.machines.push(Machine::new(self.seed, host, role, name, policy));
        self.running.push(None);
        self.handles.add();
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
        let witness = Arc::new(move |now, told: Witnessed<'_>| lock(&seen).told(who.0, now, told));
        let (machine, clock) = (&self.machines[who.0], (self.begin, EPOCH));
        let started = machine.start(&self.internet, clock, witness);
        let started = self.run(started);
        self.handles.set(who, Some(started.handle.clone()));
        self.running[who.0] = Some(started);
    }

    /// Switches a node off in an orderly way: others hear of it.
    pub fn switch_off(&mut self, who: Who) {
        if let Some(running) = self.running[who.0].take() {
            self.handles.set(who, None);
            self.run(running.stop());
        }
    }

    /// Takes a node's power: nobody hears of it, and what it had not committed is lost.
    pub fn cut_power(&mut self, who: Who) {
        self.internet.plug(who.0, false);
        if let Some(running) = self.running[who.0].take() {
            self.handles.set(who, None);
            self.run(running.abandon());
        }
    }

    /// Ends a node without a word. Others notice that their connections closed; who calls is refused until
    /// [`Stack::unplug`], and then hears nothing.
    pub(crate) fn drop_node(&mut self, who: Who) {
        if let Some(running) = self.running[who.0].take() {
            self.handles.set(who, None);
            self.run(running.abandon());
        }
    }

    /// Whoever calls a node that is off hears nothing from now on.
    pub(crate) fn unplug(&mut self, who: Who) {
        if self.running[who.0].is_none() {
            self.internet.plug(who.0, false);
        }
    }

    /// Other links, for connections that are made from now on.
    pub(crate) fn relink(&mut self, links: Links) {
        self.internet.relink(links);
    }

    /// Has everything that the drivers see noted.
    pub(crate) fn note(&mut self, to: mpsc::UnboundedSender<Note>) {
        lock(&self.seen).note(self.begin, to);
    }

    /// Lets time pass until something is noted, or until then.
    pub(crate) fn next_note(
        &mut self,
        until: Timestamp,
        notes: &mut mpsc::UnboundedReceiver<Note>,
    ) -> Option<Note> {
        let until = self.handles.instant(until);
        let next = async { timeout_at(until, notes.recv()).await.ok().flatten() };
        pool::in_place(|| self.runtime.block_on(next))
    }

    /// A node's key.
    pub(crate) fn node(&self, who: Who) -> NodeId {
        self.machines[who.0].node()
    }

    /// Bytes of one node's store.
    pub(crate) fn store_bytes_of(&self, who: Who) -> usize {
        self.machines[who.0].store_bytes()
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
        self.run(async { self.handles.now() })
    }

    /// Lets this much time pass.
    pub fn advance(&mut self, time: Duration) {
        let until = self.now().plus_ms(ms(time));
        self.advance_to(until);
    }

    /// Lets time pass until then.
    pub fn advance_to(&mut self, until: Timestamp) {
        self.run(self.handles.sleep_until(until));
    }

    /// The institution of a node.
    #[must_use]
    pub fn id(&self, who: Who) -> PartyId {
        self.machines[who.0].id()
    }

    /// The doors of all nodes, for scripts.
    #[must_use]
    pub fn handles(&self) -> &Handles {
        &self.handles
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

    /// Performs a command now, and waits for its answer: see [`Handles::command`].
    ///
    /// # Errors
    /// [`Failure`], as a person would be told.
    pub fn command<A: Asked>(
        &mut self,
        who: Who,
        act: A,
        patient: Option<PartyId>,
    ) -> Result<A::Answer, Failure> {
        self.run(self.handles.command(who, act, patient))
    }

    /// Asks to see something now.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn query<Q: Question + Send + 'static>(
        &self,
        who: Who,
        query: Q,
        patient: Option<PartyId>,
    ) -> Result<Q::Answer, Failure> {
        self.run(self.handles.query(who, query, patient))
    }

    /// Asks for all of a listing now.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn all<L: Listing + Send + Sync + 'static>(
        &self,
        who: Who,
        listing: L,
        patient: Option<PartyId>,
    ) -> Result<Vec<L::Item>, Failure> {
        self.run(self.handles.all(who, listing, patient))
    }

    /// Waits until a node has written what `done` waits for; see [`Handles::until`]. None: it did not come
    /// in time.
    pub fn wait_until<Q: Question + Clone + Send + 'static>(
        &mut self,
        who: Who,
        query: Q,
        at_most: Duration,
        done: impl Fn(&Q::Answer) -> bool,
    ) -> Option<Result<Q::Answer, Failure>> {
        self.run(async { timeout(at_most, self.handles.until(who, query, done)).await.ok() })
    }

    /// Has a command performed at a time: at once, if that has passed. [`Stack::next_answer`] tells when
    /// it is answered.
    pub fn perform(
        &mut self,
        at: Timestamp,
        who: Who,
        command: Command,
        patient: Option<PartyId>,
    ) -> Ticket {
        let handles = self.handles.clone();
        self.later(at, async move { Some(handles.command(who, command, patient).await) })
    }

    /// [`Stack::wait_until`] from one time to another, while others go on; answered like a command.
    pub fn watch<Q: Question + Clone + Send + Sync + 'static>(
        &mut self,
        (from, to): (Timestamp, Timestamp),
        who: Who,
        query: Q,
        done: impl Fn(&Q::Answer) -> bool + Send + Sync + 'static,
    ) -> Ticket {
        let handles = self.handles.clone();
        self.later(from, async move {
            let seen = timeout_at(handles.instant(to), handles.until(who, query, done)).await.ok();
            seen.map(|seen| seen.map(Answer::new))
        })
    }

    fn later(
        &mut self,
        at: Timestamp,
        work: impl Future<Output = Option<Result<Answer, Failure>>> + Send + 'static,
    ) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let (handles, answering) = (self.handles.clone(), self.answering.clone());
        self.spawn(async move {
            handles.sleep_until(at).await;
            let answer = work.await;
            // Nobody asks any more once the stack is gone.
            let _gone = answering.send(Answered { ticket, at: handles.now(), answer });
        });
        ticket
    }

    /// Lets time pass until something that was performed or watched is answered, or until then: whoever
    /// has the next command for a certain time calls this in a loop.
    pub fn next_answer(&mut self, until: Timestamp) -> Option<Answered> {
        let (until, answers) = (self.handles.instant(until), &mut self.answers);
        let next = async { timeout_at(until, answers.recv()).await.ok().flatten() };
        pool::in_place(|| self.runtime.block_on(next))
    }

    /// Has a script run beside the others.
    pub fn spawn(&mut self, script: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(script));
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

    /// Bytes written from one node to another.
    #[must_use]
    pub fn flow(&self, from: Who, to: Who) -> u64 {
        self.internet.flow(from.0, to.0)
    }

    /// When deliveries failed, and by which node they were tried.
    #[must_use]
    pub fn failures(&self) -> Vec<(usize, Timestamp)> {
        lock(&self.seen).failed.clone()
    }

    /// Connections of a node, as it counts them.
    #[must_use]
    pub fn connections(&self, who: Who) -> usize {
        self.running[who.0].as_ref().map_or(0, Running::connections)
    }

    /// Whether a node takes another for connected.
    #[must_use]
    pub fn is_connected(&self, who: Who, to: Who) -> bool {
        let node = self.machines[to.0].node();
        self.running[who.0].as_ref().is_some_and(|running| running.is_connected(node))
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

/// One thread, and time that stands still while it works.
pub(crate) fn runtime() -> Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    runtime.expect("a runtime without a thread or a socket starts")
}
