//! What people do at whole nodes.

use chartmesh_protocol::consent::view::GrantView;
use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::custody;
use chartmesh_protocol::custody::view::PatientView;
use chartmesh_protocol::id::{PartyId, TokenId};
use chartmesh_protocol::peer::{Answer, Command, ask};
use chartmesh_protocol::record;
use chartmesh_protocol::refusal::{Failure, Refusal, RefusalCode};
use chartmesh_scenarios::result::{NOBODY, TraceKind};
use chartmesh_scenarios::tier::people::{Doors, Entries, drafts};
use chartmesh_scenarios::tier::{Seen, keep, rotation, short};

use super::ground::stamp;
use super::{Floor, Task, who};
use crate::people::{chance, store};
use crate::seen::{Note, Noted};

/// The step by which time moves on until nothing is heard any more.
const STEP_MS: u64 = 250;
/// So long nothing is heard once everything has come to its end: links of a scenario take less.
const QUIET_MS: u64 = 2000;
/// A moment.
const MOMENT_MS: u64 = 1000;

impl Doors for Floor<'_> {
    fn now_us(&self) -> u64 {
        self.ground.now_us
    }

    fn is_on(&self, at: u32) -> bool {
        self.ground.on[at as usize]
    }

    fn id(&self, at: u32) -> PartyId {
        self.ground.ids[at as usize]
    }

    fn addresses(&self, at: u32) -> Vec<String> {
        self.stack.handles().handle(who(at)).map(|handle| handle.addresses()).unwrap_or_default()
    }

    fn ask(
        &mut self,
        at: u32,
        command: Command,
        patient: Option<PartyId>,
        name: &'static str,
        tag: u64,
    ) {
        self.trace(TraceKind::Asked, at, NOBODY, |row| {
            (row.what, row.id, row.patient) = (name, tag, patient.map_or(0, short));
        });
        let (handles, notes) = (self.stack.handles().clone(), self.notes.clone());
        self.stack.spawn(async move {
            let answer = handles.command(who(at), command, patient).await;
            let answer = answer.map_err(refusal);
            let what = Noted::Answered { by: at as usize, tag, name, answer };
            // Nobody asks any more once the run is over.
            let _gone = notes.send(Note { at: handles.now(), what });
        });
    }

    fn ask_now(
        &mut self,
        at: u32,
        command: Command,
        patient: Option<PartyId>,
    ) -> Result<Answer, Refusal> {
        self.stack.command(who(at), command, patient).map_err(refusal)
    }

    fn patient(&mut self, at: u32, patient: PartyId) -> Result<Option<PatientView>, Refusal> {
        let all = self.stack.all(who(at), ask::Patients::default(), None).map_err(refusal)?;
        Ok(all.into_iter().find(|view| view.patient == patient))
    }

    fn requests(&mut self, at: u32) -> Result<Vec<RequestView>, Refusal> {
        let all = self.stack.all(who(at), ask::Requests::default(), None);
        let mut requests = all.map_err(refusal)?;
        RequestView::sort_by_time(&mut requests);
        Ok(requests)
    }

    fn grants(&mut self, at: u32, of: Option<PartyId>) -> Result<Vec<GrantView>, Refusal> {
        self.stack.all(who(at), ask::Grants::of(of), of).map_err(refusal)
    }

    fn later(&mut self, at_us: u64, tag: u64) {
        self.plan(at_us, Task::People(tag));
    }

    fn settle(&mut self) {
        let mut quiet_ms = 0;
        while quiet_ms < QUIET_MS {
            let until = self.stack.now().plus_ms(STEP_MS);
            quiet_ms += STEP_MS;
            while self.stack.next_note(until, &mut self.noted).is_some() {
                quiet_ms = 0;
            }
        }
        self.look_at_the_clock();
    }

    fn step(&mut self) {
        let until = self.stack.now().plus_ms(MOMENT_MS);
        self.stack.advance_to(until);
        self.look_at_the_clock();
    }

    fn make_patient(&mut self, relay: u32, name: String) -> Result<PartyId, Refusal> {
        let new = custody::make(&mut chance());
        let patient = new.keys.patient;
        self.words.insert(patient, new.words.to_string());
        self.stack.handles().unlock(who(relay), new.keys.clone());
        self.ask_now(relay, keep(new, name).into(), Some(patient)).map(|_| patient)
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
        let Some(words) = self.words.get(&patient) else { return false };
        let Some(handle) = self.stack.handles().handle(who(relay)) else { return false };
        let known = handle.read(|peer, txn, _| peer.keys_of(txn, patient));
        let Ok(Some(known)) = known else { return false };
        let now = stamp(self.ground.now_us);
        let Ok((keys, rotate)) = rotation(&known, words, Vec::new(), now) else { return false };
        self.stack.handles().unlock(who(relay), keys);
        self.ask(relay, rotate.into(), Some(patient), "custody.rotate", tag);
        true
    }

    fn revoked(&mut self, patient: PartyId, tokens: &[TokenId]) {
        self.see(&Seen::Revoked { patient, tokens });
    }
}

impl Floor<'_> {
    /// Seals entries at a hospital, as its front door does.
    fn sealed(&self, at: u32, entries: Entries) -> Result<Command, Refusal> {
        let handle = self.stack.handles().open(who(at)).map_err(refusal)?;
        let (now, subject) = (stamp(self.ground.now_us), entries.subject);
        let keep = |_, file: Vec<u8>| store(handle.objects(), &file);
        let drafts = drafts(entries, now, &mut chance(), keep);
        let sealed: Result<_, Failure> =
            handle.read(|peer, txn, _| peer.seal_entries(txn, now, subject, drafts, &mut chance()));
        let entries = sealed.map_err(refusal)?;
        Ok(Command::from(record::command::Record { subject, chart: None, entries }))
    }
}

/// What a person is told when something fails.
fn refusal(failure: Failure) -> Refusal {
    match failure {
        Failure::Refused(refusal) => refusal,
        Failure::Store(error) => {
            tracing::error!(%error, "a node's store failed");
            Refusal::unlisted(RefusalCode::WrongState)
        }
    }
}
