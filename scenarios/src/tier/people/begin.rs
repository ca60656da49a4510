//! Before and at the begin: patients enrol, work is planned.

use super::{Doors, Enrolled, Entries, Errand, Newcomer, Patient, People};
use crate::result::RunError;
use crate::scenario::{Each, Scenario};
use crate::tier::chance::{Chance, micros_of};
use crate::tier::places::Places;
use chartmesh_protocol::limits;
use chartmesh_protocol::peer::{Asked, Command};
use chartmesh_protocol::refusal::{Refusal, RefusalCode};
use chartmesh_protocol::{enrolment, federation, record};
use std::collections::BTreeMap;
use std::rc::Rc;

const DAY_US: f64 = 86_400e6;
const HOUR_US: u64 = 3_600_000_000;

impl<'a> People<'a> {
    /// Nobody yet. `places` are the scenario's.
    #[must_use]
    pub fn new(scenario: &'a Scenario, seed: u64, places: Rc<Places>) -> Self {
        Self {
            scenario,
            seed,
            begin_us: 0,
            patients: Vec::new(),
            by_id: BTreeMap::new(),
            at_home: BTreeMap::new(),
            at_relay: BTreeMap::new(),
            hospitals: places.hospitals.iter().map(|(hospital, _)| *hospital).collect(),
            providers: places.providers.clone(),
            errands: BTreeMap::new(),
            enrolling: BTreeMap::new(),
            next: 0,
            when_on: BTreeMap::new(),
            permitted: BTreeMap::new(),
            reaction: Chance::of(seed, "patients", "reaction"),
            choice: Chance::of(seed, "people", "choice"),
            works: BTreeMap::new(),
            skipped: BTreeMap::new(),
            places,
        }
    }

    /// Founds the federation: its first hospital alone, then the others by sponsors' word.
    ///
    /// # Errors
    /// [`RunError::Setup`]: a step was refused.
    pub fn found(&mut self, doors: &mut dyn Doors) -> Result<(), RunError> {
        let rules = &self.scenario.federation;
        let threshold = rules.threshold;
        let members: Vec<u32> = self.places.members().collect();
        let (first, others) =
            members.split_first().ok_or_else(|| RunError::Setup("there is no hospital".into()))?;
        let name = self.scenario.name.clone();
        self.do_now(*first, federation::command::Found { name, threshold, anew: false }, doors)?;
        for (joined, member) in others.iter().enumerate() {
            let addresses = doors.addresses(*first);
            let invite = federation::command::Invite { valid_ms: None, addresses };
            let invite = self.do_now(*first, invite, doors)?;
            let join = federation::command::Join { code: invite.code };
            self.do_now(*member, join, doors)?;
            doors.settle();
            let party = doors.id(*member);
            let sponsors = usize::from(threshold).min(joined + 1);
            for sponsor in members.iter().take(sponsors) {
                let admit = federation::command::Admit { party, although_alike: false };
                match doors.ask_now(*sponsor, admit.into(), None) {
                    Err(refusal) if refusal.code != RefusalCode::AlreadyDone => {
                        return Err(self.refused(*sponsor, &refusal));
                    }
                    _ => doors.settle(),
                }
            }
            doors.step();
        }
        Ok(())
    }

    /// Asks a front door while the federation is set up.
    fn do_now<A: Asked>(
        &self,
        at: u32,
        act: A,
        doors: &mut dyn Doors,
    ) -> Result<A::Answer, RunError> {
        let answer = doors.ask_now(at, act.into(), None);
        answer.map(A::read).map_err(|refusal| self.refused(at, &refusal))
    }

    fn refused(&self, at: u32, refusal: &Refusal) -> RunError {
        RunError::Setup(format!("{} refused: {refusal}", self.places.at(at).name))
    }

    /// The patients that are to be enrolled before the scenario begins.
    #[must_use]
    pub fn newcomers(&self) -> Vec<Newcomer> {
        let mut newcomers = Vec::new();
        for (hospital, group) in &self.places.hospitals {
            let group = &self.scenario.hospitals[*group];
            let relays = &self.places.relays[hospital];
            for patient in 0..group.patients {
                let relay = relays[patient as usize * relays.len() / group.patients as usize];
                newcomers.push(Newcomer { hospital: *hospital, relay, entries: group.entries });
            }
        }
        newcomers
    }

    /// Makes a patient on a relay.
    pub(super) fn new_patient(
        &mut self,
        home: u32,
        relay: u32,
        doors: &mut dyn Doors,
    ) -> Result<usize, Refusal> {
        let number = self.patients.len();
        let id = doors.make_patient(relay, format!("patient {}", number + 1))?;
        self.patients.push(Patient { id, relay, home, enrolled: Vec::new() });
        self.by_id.insert(id, number);
        self.at_home.entry(home).or_default().push(number);
        self.at_relay.entry(relay).or_default().push(number);
        Ok(number)
    }

    /// Makes a patient, enrolled at the hospital and with entries there, while the federation is set up.
    ///
    /// # Errors
    /// [`RunError::Setup`]: a step was refused.
    pub fn enrol_now(&mut self, newcomer: Newcomer, doors: &mut dyn Doors) -> Result<(), RunError> {
        let Newcomer { hospital, relay, entries } = newcomer;
        let made = self.new_patient(hospital, relay, doors);
        let patient = made.map_err(|refusal| self.refused(relay, &refusal))?;
        let id = self.patients[patient].id;
        let name = format!("Patient {}", patient + 1);
        let chart = record::command::NewChart { name, identifiers: Vec::new() };
        let chart = self.do_now(hospital, chart, doors)?;
        let addresses = doors.addresses(hospital);
        let chart = chart.chart;
        let valid_ms = Some(limits::CODE_MS_MAX);
        let code = enrolment::command::Code { chart, valid_ms, addresses };
        let code = self.do_now(hospital, code, doors)?;
        let enrol = enrolment::command::Enrol { patient: id, code: code.code };
        doors
            .ask_now(relay, Command::from(enrol), Some(id))
            .map_err(|refusal| self.refused(relay, &refusal))?;
        doors.settle();
        let number = self.number(relay, id, hospital, doors);
        let number = number.ok_or_else(|| RunError::Setup("a relay has no number".into()))?;
        self.do_now(hospital, enrolment::command::Compare { chart, number }, doors)?;
        doors.settle();
        let accept = enrolment::command::Accept { patient: id, institution: doors.id(hospital) };
        doors
            .ask_now(relay, Command::from(accept), Some(id))
            .map_err(|refusal| self.refused(relay, &refusal))?;
        doors.settle();
        self.patients[patient].enrolled.push(hospital);
        if entries > 0 {
            let entries = Entries { subject: id, count: entries, size: 1024 };
            doors
                .record_now(hospital, entries)
                .map_err(|refusal| self.refused(hospital, &refusal))?;
        }
        Ok(())
    }

    /// The scenario begins: everybody's work is planned.
    pub fn begin(&mut self, doors: &mut dyn Doors) {
        self.begin_us = doors.now_us();
        let scenario = self.scenario;
        for (number, work) in scenario.work.iter().enumerate() {
            let meant = work.by.as_ref().map(|by| self.places.meant(by));
            for hospital in self.hospitals.clone() {
                if meant.as_ref().is_none_or(|meant| meant.contains(&hospital)) {
                    let name = &self.places.at(hospital).name;
                    let chance = Chance::of(self.seed, name, &format!("work {number}"));
                    self.works.insert((number, hospital), chance);
                    self.plan(number, hospital, 0, doors);
                }
            }
        }
    }

    /// Plans the next time that a kind of work is done by a hospital.
    pub(super) fn plan(&mut self, work: usize, by: u32, nth: usize, doors: &mut dyn Doors) {
        let planned = &self.scenario.work[work];
        let at_us = if let Some(trace) = &planned.trace {
            let Some(at_s) = trace.at_s.get(nth) else { return };
            self.begin_us + micros_of(at_s * 1e6)
        } else {
            let each = match planned.each {
                Each::Hospital => 1.0,
                Each::Patient => self.at_home.get(&by).map_or(0, Vec::len) as f64,
            };
            let per_day = each * planned.rate.map_or(0.0, |rate| rate.per_day());
            if per_day <= 0.0 {
                return;
            }
            let Some(chance) = self.works.get_mut(&(work, by)) else { return };
            let region = self.places.at(by).region;
            let ahead = u64::from(self.scenario.regions[region as usize].hours_ahead);
            let mut at_us = doors.now_us();
            // By day alone means as often in all, within 15 of 24 hours: what falls into the night is
            // drawn again from there (thinning).
            let mean = DAY_US / per_day * if planned.by_day { 15.0 / 24.0 } else { 1.0 };
            loop {
                at_us += micros_of(chance.exponential(mean)).max(1);
                let hour = ((at_us - self.begin_us) / HOUR_US + ahead) % 24;
                if !planned.by_day || (7..22).contains(&hour) {
                    break at_us;
                }
            }
        };
        let tag = self.errand(Errand::Work { work, by, nth });
        doors.later(at_us, tag);
    }

    /// Opens a chart for a patient who comes to a hospital for the first time.
    pub(super) fn chart(
        &mut self,
        hospital: u32,
        patient: usize,
        then: Enrolled,
        doors: &mut dyn Doors,
    ) {
        let name = format!("Patient {}", patient + 1);
        let chart = record::command::NewChart { name, identifiers: Vec::new() };
        let tag = self.errand(Errand::Charted { hospital, patient, then });
        doors.ask(hospital, Command::from(chart), None, "record.new-chart", tag);
    }
}
