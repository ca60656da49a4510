//! People: what patients and staff do, and when. They act through the front doors alone, as at a node.
//!
//! ```text
//!  work by rate or trace ──> act ──> front door ──> answer ──> the next step of the act
//!  a request reaches a relay ──> the patient's reaction time ──> looks, decides
//!  a permission reaches a hospital ──> it reads
//! ```
//!
//! An act is an [`Errand`] under a tag; whoever drives the machines calls back with the tag when its time has
//! come or its answer is here. What a patient does waits until the relay is on.
//!
//! A tier gives people its machines as [`Doors`], and tells them what happens:
//!
//! ```text
//!  People::new ──> found ──> enrol_now for each of newcomers ──> begin ──┐
//!   due: a time of `later` has come    answered: `ask` was    <──────────┤
//!   received: a message was handled    switched_on: a machine <──────────┘
//! ```

mod acts;
mod begin;
mod doors;
mod happenings;
mod seal;

pub use doors::{Doors, Entries};
pub use seal::{KINDS, content, drafts};

use crate::scenario::{Act, ReadFrom, Scenario};
use crate::tier::chance::Chance;
use crate::tier::places::Places;
use chartmesh_protocol::consent::RequestState;
use chartmesh_protocol::custody::view::EnrollingView;
use chartmesh_protocol::id::{ChartId, ConsentId, PartyId, TokenId};
use chartmesh_protocol::limits;
use chartmesh_protocol::peer::{Answer, CodeView, Command};
use chartmesh_protocol::record::view::ChartView;
use chartmesh_protocol::refusal::Refusal;
use chartmesh_protocol::{consent, enrolment};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A patient, as the people around know one.
#[derive(Clone, Debug)]
pub struct Patient {
    /// The patient.
    pub id: PartyId,
    /// The relay.
    pub relay: u32,
    /// The hospital that has the record.
    pub home: u32,
    /// Hospitals where a chart has been enrolled.
    pub enrolled: Vec<u32>,
}

/// A patient to come, before the scenario begins.
#[derive(Debug, Clone, Copy)]
pub struct Newcomer {
    /// The hospital that is to have the record.
    pub hospital: u32,
    /// The patient's relay.
    pub relay: u32,
    /// Entries that there are to be.
    pub entries: u32,
}

/// What somebody is about.
#[derive(Clone, Debug)]
enum Errand {
    /// A kind of work, by one party, is to be done now and planned again.
    Work { work: usize, by: u32, nth: usize },
    /// A patient looks at what was asked.
    Look { relay: u32 },
    /// A patient does something at the relay, once that is on.
    AtRelay { patient: usize, what: AtRelay },
    /// A chart was opened for a patient.
    Charted { hospital: u32, patient: usize, then: Enrolled },
    /// A code was made for the chart.
    Coded { hospital: u32, patient: usize, chart: ChartId, then: Enrolled },
    /// A request was made.
    Asking,
    /// A hospital is to read what it was permitted.
    Fetch { at: u32, request: ConsentId },
    /// Permissions are being taken back.
    Revoking { patient: PartyId, tokens: Vec<TokenId> },
    /// A vote to expel.
    Expel { by: u32, party: u32 },
    /// A hospital leaves.
    Leave { at: u32 },
    /// An invite was made for a party that comes back.
    Invited { at: u32 },
    /// A hospital that came back restores.
    Restore { at: u32 },
    /// Nobody follows it up.
    Done,
}

/// What a patient does at the relay.
#[derive(Clone, Debug)]
enum AtRelay {
    Enrol { hospital: u32, chart: ChartId, code: String, then: Enrolled },
    Deposit,
    Revoke { share: f64 },
    Rotate,
    CollectLogs,
    Refresh,
    Look,
}

/// What follows an enrolment.
#[derive(Clone, Copy, Debug)]
enum Enrolled {
    /// Entries are recorded.
    Record { entries: u32, size: u64 },
    /// The hospital asks to see what others have.
    Download,
    /// Another hospital asks that this one may see.
    Referral { from: u32 },
}

/// An enrolment under way.
#[derive(Clone, Copy, Debug)]
struct Enrolling {
    patient: usize,
    chart: ChartId,
    then: Enrolled,
}

/// Everybody.
pub struct People<'a> {
    scenario: &'a Scenario,
    seed: u64,
    places: Rc<Places>,
    /// When the scenario began.
    begin_us: u64,
    /// The patients, in the order in which they came.
    pub patients: Vec<Patient>,
    by_id: BTreeMap<PartyId, usize>,
    /// Patients by hospital that has their record.
    at_home: BTreeMap<u32, Vec<usize>>,
    /// Patients by relay.
    at_relay: BTreeMap<u32, Vec<usize>>,
    hospitals: Vec<u32>,
    providers: Vec<u32>,
    errands: BTreeMap<u64, Errand>,
    /// Enrolments under way, by hospital and patient.
    enrolling: BTreeMap<(u32, u64), Enrolling>,
    next: u64,
    /// What waits for a relay to be switched on.
    when_on: BTreeMap<u32, Vec<u64>>,
    /// Permissions to read, by hospital.
    permitted: BTreeMap<u32, Vec<ConsentId>>,
    reaction: Chance,
    choice: Chance,
    /// A stream for each kind of work and party.
    works: BTreeMap<(usize, u32), Chance>,
    /// Things that could not be done when they were to be, such as an import without a patient.
    pub skipped: BTreeMap<&'static str, u64>,
}

impl People<'_> {
    fn errand(&mut self, errand: Errand) -> u64 {
        self.next += 1;
        self.errands.insert(self.next, errand);
        self.next
    }

    fn skip(&mut self, what: &'static str) {
        *self.skipped.entry(what).or_default() += 1;
    }

    /// An errand's time has come.
    pub fn due(&mut self, tag: u64, doors: &mut dyn Doors) {
        match self.errands.remove(&tag) {
            Some(Errand::Work { work, by, nth }) => {
                self.act(work, by, doors);
                self.plan(work, by, nth + 1, doors);
            }
            Some(Errand::Look { relay }) => self.look(relay, doors),
            Some(Errand::AtRelay { patient, what }) => self.at_relay(patient, what, doors),
            Some(Errand::Fetch { at, request }) => self.fetch(at, request, doors),
            Some(Errand::Expel { by, party }) => self.expel(by, party, doors),
            Some(Errand::Leave { at }) => self.leave(at, doors),
            Some(Errand::Restore { at }) => self.restore(at, doors),
            _ => {}
        }
    }

    /// A front door answered.
    pub fn answered(
        &mut self,
        tag: u64,
        _at: u32,
        answer: Result<Answer, Refusal>,
        doors: &mut dyn Doors,
    ) {
        let Some(errand) = self.errands.remove(&tag) else { return };
        let Ok(answer) = answer else { return };
        match errand {
            Errand::Charted { hospital, patient, then } => {
                self.code(hospital, patient, answer.of::<ChartView>().chart, then, doors);
            }
            Errand::Coded { hospital, patient, chart, then } => {
                let code = answer.of::<CodeView>().code;
                let what = AtRelay::Enrol { hospital, chart, code, then };
                self.when_on(patient, what, doors);
            }
            Errand::Revoking { patient, tokens } => doors.revoked(patient, &tokens),
            Errand::Invited { at } => self.invited(at, answer.of::<CodeView>().code, doors),
            _ => {}
        }
    }

    /// A message was handled at a machine.
    pub fn received(
        &mut self,
        at: u32,
        name: &'static str,
        patient: u64,
        about: Option<ConsentId>,
        doors: &mut dyn Doors,
    ) {
        match (name, about) {
            ("enrolment.reveal", _) => self.compare(at, patient, doors),
            ("enrolment.confirmed", _) => self.accept(at, patient, doors),
            ("enrolment.accepted", _) => {
                if let Some(Enrolling { patient, then, .. }) = self.enrolling.remove(&(at, patient))
                {
                    self.enrolled(at, patient, then, doors);
                }
            }
            ("consent.ask", _) => {
                // Drawn for each request, whatever comes of it, so that sweeps share their luck.
                let (reacts, ignores) = (
                    self.reaction.span(&self.scenario.patients.reaction),
                    self.reaction.happens(self.scenario.patients.ignore),
                );
                if !ignores {
                    let tag = self.errand(Errand::Look { relay: at });
                    doors.later(doors.now_us() + reacts, tag);
                }
            }
            ("consent.permission" | "consent.passed-on", Some(request)) => {
                let permitted = self.permitted.entry(at).or_default();
                if !permitted.contains(&request) {
                    permitted.push(request);
                }
                let tag = self.errand(Errand::Fetch { at, request });
                doors.later(doors.now_us() + 2_000_000, tag);
            }
            _ => {}
        }
    }

    /// A machine is on again: what waited for that is done a little later.
    pub fn switched_on(&mut self, at: u32, doors: &mut dyn Doors) {
        for tag in self.when_on.remove(&at).unwrap_or_default() {
            doors.later(doors.now_us() + 5_000_000, tag);
        }
    }

    fn when_on(&mut self, patient: usize, what: AtRelay, doors: &mut dyn Doors) {
        let relay = self.patients[patient].relay;
        if doors.is_on(relay) {
            return self.at_relay(patient, what, doors);
        }
        let tag = self.errand(Errand::AtRelay { patient, what });
        self.when_on.entry(relay).or_default().push(tag);
    }

    /// The patients of a relay look at what was asked, and decide.
    fn look(&mut self, relay: u32, doors: &mut dyn Doors) {
        if !doors.is_on(relay) {
            let patient = self.at_relay.get(&relay).and_then(|here| here.first()).copied();
            if let Some(patient) = patient {
                self.when_on(patient, AtRelay::Look, doors);
            }
            return;
        }
        let Ok(requests) = doors.requests(relay) else { return };
        for request in requests {
            if request.state != RequestState::Open || request.asker == request.patient {
                continue;
            }
            let refuses = self.reaction.happens(self.scenario.patients.refuse);
            let (command, name) = if refuses {
                let reason = "not now".to_owned();
                (
                    Command::from(consent::command::Deny { request: request.request, reason }),
                    "consent.deny",
                )
            } else {
                let policy = &self.scenario.policy;
                let narrow = consent::Narrow {
                    valid_ms: Some(policy.permission.millis()),
                    max_staleness: policy.max_staleness.map(|span| span.millis() / 1000),
                    ..consent::Narrow::default()
                };
                let request = request.request;
                (Command::from(consent::command::Approve { request, narrow }), "consent.approve")
            };
            let tag = self.errand(Errand::Done);
            doors.ask(relay, command, Some(request.patient), name, tag);
        }
    }

    fn fetch(&mut self, at: u32, request: ConsentId, doors: &mut dyn Doors) {
        let user = "Dr. Sim".to_owned();
        let holder = self.holder_for(at, request, doors);
        let fetch = consent::command::Fetch { request, holder, user };
        let tag = self.errand(Errand::Done);
        doors.ask(at, Command::from(fetch), None, "consent.fetch", tag);
    }

    /// Whom somebody names who sees that a holder is not there: another one that the permission is for.
    fn holder_for(&self, at: u32, request: ConsentId, doors: &mut dyn Doors) -> Option<PartyId> {
        if self.scenario.policy.read_from == ReadFrom::First {
            return None;
        }
        let Ok(grants) = doors.grants(at, None) else { return None };
        let of_it = grants.into_iter().filter(|grant| grant.request == request);
        of_it.flat_map(|grant| grant.holders).find(|holder| {
            let there = self.places.members().find(|there| doors.id(*there) == *holder);
            there.is_some_and(|there| there != at && doors.is_on(there) && !doors.is_cut(at, there))
        })
    }

    fn code(
        &mut self,
        hospital: u32,
        patient: usize,
        chart: ChartId,
        then: Enrolled,
        doors: &mut dyn Doors,
    ) {
        let addresses = doors.addresses(hospital);
        // By letter: who is away when it comes enrols when back.
        let valid_ms = Some(limits::CODE_MS_MAX);
        let code = enrolment::command::Code { chart, valid_ms, addresses };
        let tag = self.errand(Errand::Coded { hospital, patient, chart, then });
        doors.ask(hospital, Command::from(code), None, "enrolment.code", tag);
    }

    /// What the relay shows the patient to tell a hospital's desk.
    fn number(
        &self,
        relay: u32,
        patient: PartyId,
        hospital: u32,
        doors: &mut dyn Doors,
    ) -> Option<String> {
        let institution = doors.id(hospital);
        let view = doors.patient(relay, patient).ok()??;
        view.enrolling.into_iter().find(|one| one.institution == institution)?.number
    }

    /// The hospital has the relay's part: the patient tells its desk the number, by telephone.
    fn compare(&mut self, hospital: u32, patient: u64, doors: &mut dyn Doors) {
        let Some(Enrolling { patient, chart, .. }) = self.enrolling.get(&(hospital, patient))
        else {
            return;
        };
        let (chart, Patient { id, relay, .. }) = (*chart, self.patients[*patient].clone());
        let Some(number) = self.number(relay, id, hospital, doors) else {
            return self.skip("comparison");
        };
        let tag = self.errand(Errand::Done);
        let compare = enrolment::command::Compare { chart, number };
        doors.ask(hospital, Command::from(compare), None, "enrolment.compare", tag);
    }

    /// A desk has accepted the number, and the patient says so.
    fn accept(&mut self, relay: u32, patient: u64, doors: &mut dyn Doors) {
        let of_patient = |(of, _): &(&(u32, u64), &Enrolling)| of.1 == patient;
        let under_way: Vec<(u32, usize)> = self
            .enrolling
            .iter()
            .filter(of_patient)
            .map(|((hospital, _), enrolling)| (*hospital, enrolling.patient))
            .collect();
        for (hospital, patient) in under_way {
            let (patient, institution) = (self.patients[patient].id, doors.id(hospital));
            let Ok(Some(view)) = doors.patient(relay, patient) else { continue };
            let confirmed = |one: &EnrollingView| {
                one.institution == institution && one.confirmed && !one.accepted
            };
            if view.enrolling.iter().any(confirmed) {
                let tag = self.errand(Errand::Done);
                let accept = enrolment::command::Accept { patient, institution };
                doors.ask(relay, Command::from(accept), Some(patient), "enrolment.accept", tag);
            }
        }
    }

    fn enrolled(&mut self, hospital: u32, patient: usize, then: Enrolled, doors: &mut dyn Doors) {
        self.patients[patient].enrolled.push(hospital);
        match then {
            Enrolled::Record { entries, size } => {
                self.record(hospital, patient, entries, size, doors);
            }
            Enrolled::Download => self.ask_to_see(Act::Download, hospital, None, patient, doors),
            Enrolled::Referral { from } => {
                self.ask_to_see(Act::Referral, from, Some(hospital), patient, doors);
            }
        }
    }
}
