//! The processes of a run as people find them: front doors in real time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::rc::Rc;
use std::time::{Duration, Instant};

use chartmesh_node::client::ClientError;
use chartmesh_protocol::consent::view::{GrantView, RequestView};
use chartmesh_protocol::custody::view::PatientView;
use chartmesh_protocol::id::{ConsentId, PartyId, TokenId};
use chartmesh_protocol::peer::{Answer, Command, Listing, ask};
use chartmesh_protocol::refusal::{Refusal, RefusalCode};
use chartmesh_scenarios::result::{NOBODY, TraceKind, TraceRow};
use chartmesh_scenarios::tier::people::{Doors, Entries, KINDS};
use chartmesh_scenarios::tier::places::Places;
use chartmesh_scenarios::tier::short;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::command::{answer_of, name_of, refusal};
use crate::measures::Measures;
use crate::names::Names;
use crate::node::{LOOK, LocalApi, Node};
use crate::relay::Relay;
use crate::trail::{Message, Told, What, now_us};

/// Nothing happens for so long before the setting up goes on: longer than a message's way without delay.
const QUIET: Duration = Duration::from_millis(150);
/// How long the setting up waits for that.
const SETTLE_MAX: Duration = Duration::from_secs(60);

/// A front door answered.
pub(crate) struct Answered {
    pub(crate) tag: u64,
    pub(crate) at: u32,
    pub(crate) name: &'static str,
    pub(crate) when_us: u64,
    pub(crate) answer: Result<Value, Refusal>,
}

/// What came of a message so far; its lines come from two logs, in any order.
#[derive(Default)]
pub(crate) struct Course {
    pub(crate) handled: Option<(&'static str, u64, Option<ConsentId>)>,
    pub(crate) concluded: Option<(u64, String)>,
}

/// The processes, and what is known of them.
pub(crate) struct Town {
    pub(crate) places: Rc<Places>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) relay: Relay,
    pub(crate) runtime: Handle,
    pub(crate) told: UnboundedReceiver<Told>,
    pub(crate) answers: UnboundedReceiver<Answered>,
    answering: UnboundedSender<Answered>,
    /// What people are to be called for, and when.
    pub(crate) timers: BinaryHeap<Reverse<(u64, u64)>>,
    words: BTreeMap<PartyId, String>,
    /// When the scenario began; 0 before.
    pub(crate) begin_us: u64,
    /// The time of what is being told; 0 when nothing is.
    pub(crate) moment_us: u64,
    pub(crate) measures: Measures,
    pub(crate) names: Names,
    pub(crate) rows: Vec<TraceRow>,
    pub(crate) by_id: BTreeMap<PartyId, u32>,
    /// Messages that left and are not known to have been handled: sender, receiver, number.
    pub(crate) left: BTreeMap<(u32, PartyId, u64), u64>,
    pub(crate) courses: BTreeMap<Message, Course>,
    /// Permissions by request.
    pub(crate) given: BTreeMap<ConsentId, BTreeSet<TokenId>>,
}

impl Town {
    pub(crate) fn new(
        places: Rc<Places>,
        (nodes, relay): (Vec<Node>, Relay),
        told: UnboundedReceiver<Told>,
        measures: Measures,
    ) -> Self {
        let (answering, answers) = unbounded_channel();
        let by_id = (0..).zip(&nodes).map(|(at, node)| (node.id, at)).collect();
        Self {
            places,
            nodes,
            relay,
            runtime: Handle::current(),
            told,
            answers,
            answering,
            timers: BinaryHeap::new(),
            words: BTreeMap::new(),
            begin_us: 0,
            moment_us: 0,
            measures,
            names: Names::default(),
            rows: Vec::new(),
            by_id,
            left: BTreeMap::new(),
            courses: BTreeMap::new(),
            given: BTreeMap::new(),
        }
    }

    /// Microseconds since the scenario's begin.
    pub(crate) const fn since_begin(&self, at_us: u64) -> u64 {
        at_us.saturating_sub(self.begin_us)
    }

    /// Adds a row to the trace, once the scenario runs.
    pub(crate) fn trace(
        &mut self,
        kind: TraceKind,
        at_us: u64,
        (party, other): (u32, u32),
        fill: impl FnOnce(&mut TraceRow),
    ) {
        if self.begin_us == 0 {
            return;
        }
        let mut row = TraceRow::new(self.since_begin(at_us), kind, party, other);
        fill(&mut row);
        self.rows.push(row);
    }

    /// Begins something at a front door; whoever waits hears under the tag.
    fn begin<F>(
        &mut self,
        at: u32,
        (name, tag): (&'static str, u64),
        patient: Option<PartyId>,
        asking: F,
    ) where
        F: Future<Output = Result<Value, Refusal>> + Send + 'static,
    {
        self.trace(TraceKind::Asked, self.now_us(), (at, NOBODY), |row| {
            (row.what, row.id, row.patient) = (name, tag, patient.map_or(0, short));
        });
        let answering = self.answering.clone();
        self.runtime.spawn(async move {
            let answer = asking.await;
            // Nobody listens once the run is over.
            let _over = answering.send(Answered { tag, at, name, when_us: now_us(), answer });
        });
    }

    fn node(&self, at: u32) -> &Node {
        &self.nodes[at as usize]
    }

    /// Whether nothing waits anywhere.
    async fn is_idle(&self) -> bool {
        for node in &self.nodes {
            let Ok(status) = node.api.get("/v1/status").await else { return false };
            if status["waiting"] != 0 || status["transfers"] != 0 {
                return false;
            }
        }
        true
    }
}

/// A command as the local API takes it.
fn said(command: &Command) -> Result<Value, Refusal> {
    serde_json::to_value(command).map_err(|_| Refusal::unlisted(RefusalCode::Invalid))
}

/// The node answered something else.
fn other_answer(_: &serde_json::Error) -> Refusal {
    Refusal::unlisted(RefusalCode::WrongState)
}

impl Town {
    fn all<L>(&self, at: u32, listing: L, patient: Option<PartyId>) -> Result<Vec<L::Item>, Refusal>
    where
        L: Listing<Item: DeserializeOwned> + Serialize,
    {
        self.runtime.block_on(self.node(at).api.all(listing, patient)).map_err(refusal)
    }
}

impl Doors for Town {
    fn now_us(&self) -> u64 {
        if self.moment_us == 0 { now_us() } else { self.moment_us }
    }

    fn is_on(&self, _: u32) -> bool {
        true
    }

    fn id(&self, at: u32) -> PartyId {
        self.node(at).id
    }

    fn addresses(&self, _: u32) -> Vec<String> {
        // The node puts in what it announces.
        Vec::new()
    }

    fn ask(
        &mut self,
        at: u32,
        command: Command,
        patient: Option<PartyId>,
        name: &'static str,
        tag: u64,
    ) {
        let (api, said) = (self.node(at).api.clone(), said(&command));
        self.begin(at, (name, tag), patient, async move {
            api.command(&said?, patient).await.map_err(refusal)
        });
    }

    fn ask_now(
        &mut self,
        at: u32,
        command: Command,
        patient: Option<PartyId>,
    ) -> Result<Answer, Refusal> {
        let said = said(&command)?;
        let answer = self.runtime.block_on(self.node(at).api.command(&said, patient));
        let answer = answer.map_err(refusal)?;
        answer_of(&name_of(&said), answer).map_err(|error| other_answer(&error))
    }

    fn patient(&mut self, at: u32, patient: PartyId) -> Result<Option<PatientView>, Refusal> {
        let all = self.all(at, ask::Patients::default(), None)?;
        Ok(all.into_iter().find(|view| view.patient == patient))
    }

    fn requests(&mut self, at: u32) -> Result<Vec<RequestView>, Refusal> {
        let mut requests = self.all(at, ask::Requests::default(), None)?;
        RequestView::sort_by_time(&mut requests);
        Ok(requests)
    }

    fn grants(&mut self, at: u32, of: Option<PartyId>) -> Result<Vec<GrantView>, Refusal> {
        self.all(at, ask::Grants::of(of), of)
    }

    fn later(&mut self, at_us: u64, tag: u64) {
        self.timers.push(Reverse((at_us, tag)));
    }

    fn settle(&mut self) {
        let runtime = self.runtime.clone();
        runtime.block_on(async {
            let begun = Instant::now();
            let mut quiet = Instant::now();
            while quiet.elapsed() < QUIET && begun.elapsed() < SETTLE_MAX {
                tokio::time::sleep(LOOK).await;
                let mut moved = !self.is_idle().await;
                while let Ok(told) = self.told.try_recv() {
                    moved |= told.what != What::Ended;
                }
                if moved {
                    quiet = Instant::now();
                }
            }
        });
    }

    fn step(&mut self) {
        self.runtime.block_on(tokio::time::sleep(LOOK));
    }

    fn make_patient(&mut self, relay: u32, name: String) -> Result<PartyId, Refusal> {
        let made = self.runtime.block_on(self.node(relay).api.new_patient(&name));
        let (patient, words) = made.map_err(refusal)?;
        self.words.insert(patient, words);
        Ok(patient)
    }

    fn record(&mut self, at: u32, entries: Entries, tag: u64) -> Result<(), Refusal> {
        let api = self.node(at).api.clone();
        self.begin(at, ("record.record", tag), None, async move {
            import(&api, entries).await.map_err(refusal)
        });
        Ok(())
    }

    fn record_now(&mut self, at: u32, entries: Entries) -> Result<(), Refusal> {
        let imported = self.runtime.block_on(import(&self.node(at).api, entries));
        imported.map(drop).map_err(refusal)
    }

    fn rotate(&mut self, relay: u32, patient: PartyId, tag: u64) -> bool {
        let Some(words) = self.words.get(&patient).cloned() else { return false };
        let api = self.node(relay).api.clone();
        self.begin(relay, ("custody.rotate", tag), Some(patient), async move {
            api.rotate(patient, &words).await.map(|()| Value::Null).map_err(refusal)
        });
        true
    }

    fn revoked(&mut self, patient: PartyId, tokens: &[TokenId]) {
        let at_us = self.since_begin(self.now_us());
        self.measures.revokes(short(patient), tokens, at_us);
    }
}

/// Records entries, each by an import of its own: an import is of one kind.
async fn import(api: &LocalApi, entries: Entries) -> Result<Value, ClientError> {
    let mut recorded = Value::Null;
    for n in 0..entries.count {
        let kind = KINDS[n as usize % KINDS.len()];
        recorded = api.import(entries.subject, kind.name(), entries.size).await?;
    }
    Ok(recorded)
}
