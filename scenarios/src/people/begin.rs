//! Before and at the begin: patients enrol, work is planned.

use super::{Enrolled, Errand, Patient, People};
use crate::engine::Engine;
use crate::engine::chance::{Chance, micros_of};
use crate::run::RunError;
use crate::scenario::Each;
use chartmesh_protocol::custody;
use chartmesh_protocol::peer::{Command, View};
use chartmesh_protocol::{enrolment, record};
use std::collections::BTreeMap;

const DAY_US: f64 = 86_400e6;
const HOUR_US: u64 = 3_600_000_000;

impl People {
    pub(crate) fn new(
        doors: &Engine<'_>,
        hospitals: &[(u32, usize)],
        providers: &[u32],
        relays: &BTreeMap<u32, Vec<u32>>,
    ) -> Self {
        Self {
            seed: doors.seed,
            patients: Vec::new(),
            by_id: BTreeMap::new(),
            at_home: BTreeMap::new(),
            at_relay: BTreeMap::new(),
            hospitals: hospitals.iter().map(|(hospital, _)| *hospital).collect(),
            providers: providers.to_vec(),
            relays: relays.clone(),
            errands: BTreeMap::new(),
            enrolling: BTreeMap::new(),
            next: 0,
            when_on: BTreeMap::new(),
            permitted: BTreeMap::new(),
            reaction: Chance::of(doors.seed, "patients", "reaction"),
            choice: Chance::of(doors.seed, "people", "choice"),
            works: BTreeMap::new(),
            skipped: BTreeMap::new(),
        }
    }

    /// Makes a patient on a relay.
    pub(super) fn new_patient(
        &mut self,
        doors: &mut Engine<'_>,
        home: u32,
        relay: u32,
    ) -> Result<usize, RunError> {
        let new = doors.machine(relay).party.make_patient();
        let id = new.keys.patient;
        let keep = custody::Command::Keep {
            name: format!("patient {}", self.patients.len() + 1),
            log: Box::new(new.log),
            sealed_keys: custody::encode_keys(&new.keys).to_vec(),
        };
        doors
            .ask_now(relay, Command::Custody(keep), Some(id))
            .map_err(|refusal| RunError::Setup(format!("a relay refused: {refusal}")))?;
        let number = self.patients.len();
        self.patients.push(Patient { id, relay, home, enrolled: Vec::new() });
        self.by_id.insert(id, number);
        self.at_home.entry(home).or_default().push(number);
        self.at_relay.entry(relay).or_default().push(number);
        Ok(number)
    }

    /// Makes a patient, enrolled at the hospital and with entries there, while the federation is set up.
    pub(crate) fn enrol_now(
        &mut self,
        doors: &mut Engine<'_>,
        hospital: u32,
        relay: u32,
        entries: u32,
    ) -> Result<(), RunError> {
        let patient = self.new_patient(doors, hospital, relay)?;
        let id = self.patients[patient].id;
        let name = format!("Patient {}", patient + 1);
        let chart = record::Command::NewChart { name, identifiers: Vec::new() };
        let View::Chart(chart) = doors.do_now(hospital, Command::Record(chart))? else {
            return Err(RunError::Setup("no chart was opened".into()));
        };
        let addresses = vec![format!("/memory/{hospital}")];
        let code = enrolment::Command::Code { chart: chart.chart, valid_ms: None, addresses };
        let View::Code(code) = doors.do_now(hospital, Command::Enrolment(code))? else {
            return Err(RunError::Setup("no code was made".into()));
        };
        let enrol = enrolment::Command::Enrol { patient: id, code: code.code };
        doors
            .ask_now(relay, Command::Enrolment(enrol), Some(id))
            .map_err(|refusal| RunError::Setup(format!("a relay refused: {refusal}")))?;
        doors.settle();
        self.patients[patient].enrolled.push(hospital);
        if entries > 0 {
            let sealed = self.sealed(hospital, patient, entries, 1024, doors);
            let sealed =
                sealed.map_err(|refusal| RunError::Setup(format!("no entries: {refusal}")))?;
            doors.do_now(hospital, Command::Record(sealed))?;
        }
        Ok(())
    }

    /// The scenario begins: everybody's work is planned.
    pub(crate) fn begin(&mut self, doors: &mut Engine<'_>) {
        for (number, work) in doors.scenario.work.iter().enumerate() {
            let by = work.by.clone();
            let meant = by.map(|by| doors.meant(&by));
            for hospital in self.hospitals.clone() {
                if meant.as_ref().is_none_or(|meant| meant.contains(&hospital)) {
                    let name = &doors.stage.machines[hospital as usize].name;
                    let chance = Chance::of(self.seed, name, &format!("work {number}"));
                    self.works.insert((number, hospital), chance);
                    self.plan(number, hospital, 0, doors);
                }
            }
        }
    }

    /// Plans the next time that a kind of work is done by a hospital.
    pub(super) fn plan(&mut self, work: usize, by: u32, nth: usize, doors: &mut Engine<'_>) {
        let planned = &doors.scenario.work[work];
        let at_us = if let Some(trace) = &planned.trace {
            let Some(at_s) = trace.at_s.get(nth) else { return };
            doors.begin_us() + micros_of(at_s * 1e6)
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
            let region = doors.stage.machines[by as usize].region;
            let ahead = u64::from(doors.scenario.regions[region as usize].hours_ahead);
            let mut at_us = doors.stage.now_us;
            // By day alone means as often in all, within 15 of 24 hours: what falls into the night is
            // drawn again from there (thinning).
            let mean = DAY_US / per_day * if planned.by_day { 15.0 / 24.0 } else { 1.0 };
            loop {
                at_us += micros_of(chance.exponential(mean)).max(1);
                let hour = ((at_us - doors.begin_us()) / HOUR_US + ahead) % 24;
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
        doors: &mut Engine<'_>,
    ) {
        let name = format!("Patient {}", patient + 1);
        let chart = record::Command::NewChart { name, identifiers: Vec::new() };
        let tag = self.errand(Errand::Charted { hospital, patient, then });
        doors.ask(hospital, Command::Record(chart), None, "record.new-chart", tag);
    }
}
