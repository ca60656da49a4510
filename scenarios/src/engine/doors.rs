//! What people do at this tier's machines: peers, each with its disk.

use super::setup::STEP_US;
use super::state::Engine;
use super::task::{Task, Then};
use crate::driver::Driver as _;
use crate::result::{NOBODY, TraceKind};
use crate::tier::people::{Doors, Entries, People, drafts};
use crate::tier::{Seen, short};
use chartmesh_protocol::consent::view::GrantView;
use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::custody::view::PatientView;
use chartmesh_protocol::id::{PartyId, TokenId};
use chartmesh_protocol::peer::{Answer, Command, Effect, Event, RequestId, ask};
use chartmesh_protocol::record;
use chartmesh_protocol::refusal::{Failure, Refusal, RefusalCode};

impl Doors for Engine<'_> {
    fn now_us(&self) -> u64 {
        self.stage.now_us
    }

    fn is_on(&self, at: u32) -> bool {
        self.stage.machines[at as usize].on
    }

    fn is_cut(&self, from: u32, to: u32) -> bool {
        self.stage.blocked(from, to)
    }

    fn id(&self, at: u32) -> PartyId {
        self.stage.machines[at as usize].party.peer.me()
    }

    fn addresses(&self, at: u32) -> Vec<String> {
        vec![format!("/memory/{at}")]
    }

    fn ask(
        &mut self,
        at: u32,
        command: Command,
        patient: Option<PartyId>,
        name: &'static str,
        tag: u64,
    ) {
        let request = self.request();
        let patient_short = patient.map_or(0, short);
        self.trace(TraceKind::Asked, at, NOBODY, |row| {
            (row.what, row.id, row.patient) = (name, request.0, patient_short);
        });
        self.doors.insert(request.0, (tag, name, at));
        self.see(&Seen::Asked { party: at, request: request.0, command: &command });
        let machine = &self.stage.machines[at as usize];
        if !machine.on {
            return self.answered(request, Err(Refusal::unlisted(RefusalCode::WrongState)));
        }
        let keys = patient.and_then(|patient| machine.party.unlocked.get(&patient).cloned());
        let event = Event::Command { request, command: Box::new(command), keys };
        self.handle(at, event, name, Then::Nothing);
    }

    fn ask_now(
        &mut self,
        at: u32,
        command: Command,
        patient: Option<PartyId>,
    ) -> Result<Answer, Refusal> {
        let request = self.request();
        let now_us = self.stage.now_us;
        let machine = self.machine(at);
        let keys = patient.and_then(|patient| machine.party.unlocked.get(&patient).cloned());
        let event = Event::Command { request, command: Box::new(command), keys };
        let now = machine.clock(now_us);
        let effects = machine
            .party
            .peer
            .handle(now, event, &mut machine.disk, &mut machine.party.rng)
            .expect("memory does not fail");
        machine.disk.commit(now_us, 0);
        let mut answered = None;
        for effect in effects {
            match effect {
                Effect::Answer { request: of, answer } if of == request => answered = Some(answer),
                other => self.perform(at, other),
            }
        }
        answered.expect("a command is answered at once")
    }

    fn patient(&mut self, at: u32, patient: PartyId) -> Result<Option<PatientView>, Refusal> {
        let machine = &self.stage.machines[at as usize];
        let all = machine.all(self.stage.now_us, ask::Patients::default(), None)?;
        Ok(all.into_iter().find(|view| view.patient == patient))
    }

    fn requests(&mut self, at: u32) -> Result<Vec<RequestView>, Refusal> {
        let machine = &self.stage.machines[at as usize];
        let mut requests = machine.all(self.stage.now_us, ask::Requests::default(), None)?;
        RequestView::sort_by_time(&mut requests);
        Ok(requests)
    }

    fn grants(&mut self, at: u32, of: Option<PartyId>) -> Result<Vec<GrantView>, Refusal> {
        self.stage.machines[at as usize].all(self.stage.now_us, ask::Grants::of(of), of)
    }

    fn later(&mut self, at_us: u64, tag: u64) {
        self.queue.plan(at_us.max(self.stage.now_us), Task::People(tag));
    }

    fn settle(&mut self) {
        let now_us = self.stage.now_us;
        while let Some((_, task)) = self.queue.next(now_us) {
            self.take(task);
        }
    }

    fn step(&mut self) {
        let end_us = self.stage.now_us + STEP_US;
        while let Some((at_us, task)) = self.queue.next(end_us) {
            self.stage.now_us = at_us;
            self.take(task);
        }
        self.stage.now_us = end_us;
    }

    fn make_patient(&mut self, relay: u32, name: String) -> Result<PartyId, Refusal> {
        let (id, keep) = self.machine(relay).party.make_patient(name);
        self.ask_now(relay, keep.into(), Some(id)).map(|_| id)
    }

    fn record(&mut self, at: u32, entries: Entries, tag: u64) -> Result<(), Refusal> {
        let command = self.sealed(at, entries)?;
        self.ask(at, command, None, "record.record", tag);
        Ok(())
    }

    fn record_now(&mut self, at: u32, entries: Entries) -> Result<(), Refusal> {
        let command = self.sealed(at, entries)?;
        self.ask_now(at, command, None).map(drop)
    }

    fn rotate(&mut self, relay: u32, patient: PartyId, tag: u64) -> bool {
        let now_us = self.stage.now_us;
        let machine = self.machine(relay);
        let now = machine.clock(now_us);
        let known = machine.party.peer.keys_of(&machine.disk, patient);
        let Some(known) = known.expect("memory does not fail") else { return false };
        let rotate = machine.party.rotate(patient, &known, Vec::new(), now);
        let Some(rotate) = rotate else { return false };
        self.ask(relay, rotate.into(), Some(patient), "custody.rotate", tag);
        true
    }

    fn revoked(&mut self, patient: PartyId, tokens: &[TokenId]) {
        self.see(&Seen::Revoked { patient, tokens });
    }
}

impl<'a> Engine<'a> {
    /// Lets people act.
    pub(super) fn people(&mut self, act: impl FnOnce(&mut People<'a>, &mut Self)) {
        if let Some(mut people) = self.people.take() {
            act(&mut people, self);
            self.people = Some(people);
        }
    }

    /// A front door answered.
    pub(super) fn answered(&mut self, request: RequestId, answer: Result<Answer, Refusal>) {
        let Some((tag, name, at)) = self.doors.remove(&request.0) else { return };
        let end = if answer.is_ok() { "done" } else { "refused" };
        self.trace(TraceKind::Answered, at, NOBODY, |row| {
            (row.what, row.id, row.end) = (name, request.0, end);
        });
        self.see(&Seen::Answered { party: at, request: request.0, name, answer: &answer });
        self.people(|people, doors| people.answered(tag, at, answer, doors));
    }

    /// Seals entries at a hospital, as its front door would.
    fn sealed(&mut self, hospital: u32, entries: Entries) -> Result<Command, Refusal> {
        let now_us = self.stage.now_us;
        let machine = self.machine(hospital);
        let now = machine.clock(now_us);
        let (rng, objects) = (&mut machine.party.rng, &mut machine.party.objects);
        let drafts = drafts(entries, now, rng, |id, file| drop(objects.insert(id, file)));
        let subject = entries.subject;
        let (peer, disk) = (&machine.party.peer, &machine.disk);
        match peer.seal_entries(disk, now, subject, drafts, &mut machine.party.rng) {
            Ok(entries) => {
                Ok(Command::from(record::command::Record { subject, chart: None, entries }))
            }
            Err(Failure::Refused(refusal)) => Err(refusal),
            Err(Failure::Store(error)) => panic!("memory does not fail: {error}"),
        }
    }
}
