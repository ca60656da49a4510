//! What people do all along.

use super::{AtRelay, Doors, Enrolled, Enrolling, Entries, Errand, People};
use crate::scenario::{Act, Placement};
use chartmesh_protocol::capability::Purpose;
use chartmesh_protocol::consent::{AskCommand, Wish};
use chartmesh_protocol::peer::Command;
use chartmesh_protocol::{access_log, backup, consent, custody, enrolment};

impl People<'_> {
    /// Does a piece of work at a hospital.
    pub(super) fn act(&mut self, work: usize, by: u32, doors: &mut dyn Doors) {
        let planned = &self.scenario.work[work];
        let (entries, size) = (planned.entries, planned.size.bytes());
        match planned.act {
            Act::Admission => self.admit(by, entries, size, doors),
            Act::Import => match self.patient_of(by) {
                Some(patient) => self.record(by, patient, entries, size, doors),
                None => self.skip("import"),
            },
            Act::Download => self.download(by, doors),
            Act::Referral => {
                let Some(patient) = self.patient_of(by) else { return self.skip("referral") };
                let Some(to) = self.other_hospital(by) else { return self.skip("referral") };
                self.ask_to_see(Act::Referral, by, Some(to), patient, doors);
            }
            Act::Deposit => self.by_patient(by, AtRelay::Deposit, doors),
            Act::Keep => self.keep(by, doors),
            Act::Read => {
                let permitted = self.permitted.get(&by).map_or(0, Vec::len);
                if permitted == 0 {
                    return self.skip("read");
                }
                let request = self.permitted[&by][self.choice.one_of(permitted)];
                self.fetch(by, request, doors);
            }
            Act::Restore => self.restore(by, doors),
            Act::Revoke => self.by_patient(by, AtRelay::Revoke { share: 0.0 }, doors),
            Act::Rotate => self.by_patient(by, AtRelay::Rotate, doors),
            Act::CollectLogs => self.by_patient(by, AtRelay::CollectLogs, doors),
            Act::Refresh => self.by_patient(by, AtRelay::Refresh, doors),
        }
    }

    /// A patient whose record a hospital has.
    fn patient_of(&mut self, hospital: u32) -> Option<usize> {
        let here = self.at_home.get(&hospital).map_or(0, Vec::len);
        let drawn = self.choice.one_of(here);
        self.at_home.get(&hospital)?.get(drawn).copied()
    }

    fn other_hospital(&mut self, than: u32) -> Option<u32> {
        let drawn = self.choice.one_of(self.hospitals.len().saturating_sub(1));
        self.hospitals.iter().copied().filter(|hospital| *hospital != than).nth(drawn)
    }

    fn by_patient(&mut self, hospital: u32, what: AtRelay, doors: &mut dyn Doors) {
        match self.patient_of(hospital) {
            Some(patient) => self.when_on(patient, what, doors),
            None => self.skip("patient"),
        }
    }

    /// A new patient comes to a hospital.
    fn admit(&mut self, hospital: u32, entries: u32, size: u64, doors: &mut dyn Doors) {
        let relays = &self.places.relays[&hospital];
        if relays.is_empty() {
            return self.skip("admission");
        }
        let relay = relays[self.choice.one_of(relays.len())];
        if !doors.is_on(relay) {
            return self.skip("admission");
        }
        match self.new_patient(hospital, relay, doors) {
            Ok(patient) => {
                let then = Enrolled::Record { entries, size };
                self.chart(hospital, patient, then, doors);
            }
            Err(_) => self.skip("admission"),
        }
    }

    /// A patient of another hospital comes, and is asked for what others have.
    fn download(&mut self, by: u32, doors: &mut dyn Doors) {
        let drawn = self.choice.one_of(self.patients.len());
        let others = self.patients.iter().enumerate().cycle().skip(drawn);
        let found = others.take(self.patients.len()).find(|(_, patient)| patient.home != by);
        let Some((patient, known)) = found else { return self.skip("download") };
        if known.enrolled.contains(&by) {
            self.ask_to_see(Act::Download, by, None, patient, doors);
        } else if self.enrolling.contains_key(&(by, crate::tier::seen::short(known.id))) {
            self.skip("download");
        } else {
            self.chart(by, patient, Enrolled::Download, doors);
        }
    }

    pub(super) fn ask_to_see(
        &mut self,
        act: Act,
        by: u32,
        to: Option<u32>,
        patient: usize,
        doors: &mut dyn Doors,
    ) {
        let ask = AskCommand {
            patient: self.patients[patient].id,
            to: to.map(|to| doors.id(to)),
            wish: Wish::default(),
            purpose: Purpose::CareManagement,
            user: "Dr. Sim".into(),
            message: String::new(),
            valid_ms: Some(self.scenario.policy.request.millis()),
        };
        let (command, name) = match act {
            Act::Referral => (Command::from(consent::command::Referral(ask)), "consent.referral"),
            _ => (Command::from(consent::command::Download(ask)), "consent.download"),
        };
        let tag = self.errand(Errand::Asking);
        doors.ask(by, command, None, name, tag);
    }

    /// Records entries at a hospital.
    pub(super) fn record(
        &mut self,
        hospital: u32,
        patient: usize,
        entries: u32,
        size: u64,
        doors: &mut dyn Doors,
    ) {
        if !doors.is_on(hospital) {
            return self.skip("import");
        }
        let entries = Entries { subject: self.patients[patient].id, count: entries, size };
        let tag = self.errand(Errand::Done);
        if doors.record(hospital, entries, tag).is_err() {
            self.skip("import");
        }
    }

    /// A hospital has its own copies kept by a provider.
    fn keep(&mut self, by: u32, doors: &mut dyn Doors) {
        let Some(patient) = self.patient_of(by) else { return self.skip("keep") };
        let places = self.places_for(by, patient);
        if places.is_empty() {
            return self.skip("keep");
        }
        for provider in places {
            let keep = backup::command::Keep {
                holder: doors.id(provider),
                subject: self.patients[patient].id,
                entries: Vec::new(),
                for_patient: false,
                not_before: None,
            };
            let tag = self.errand(Errand::Done);
            doors.ask(by, Command::from(keep), None, "backup.keep", tag);
        }
    }

    /// A hospital gets back what providers keep for it.
    pub(super) fn restore(&mut self, by: u32, doors: &mut dyn Doors) {
        for provider in self.providers.clone() {
            let holder = doors.id(provider);
            let restore = backup::command::Restore { holder, subject: None };
            let tag = self.errand(Errand::Done);
            doors.ask(by, Command::from(restore), None, "backup.restore", tag);
        }
    }

    /// Providers to which deposits of a hospital's patient go, best first, as many as there are to be: the
    /// same each time, and others for the next patient.
    fn places_for(&self, hospital: u32, patient: usize) -> Vec<u32> {
        let region = |at: u32| self.places.at(at).region;
        let here = region(hospital);
        let wanted = |provider: u32| match self.scenario.policy.placement {
            Placement::Anywhere => true,
            Placement::SameRegion => region(provider) == here,
            Placement::OtherRegion => region(provider) != here,
        };
        let mut places: Vec<u32> = self.providers.clone();
        places.rotate_left(patient % self.providers.len().max(1));
        // Stable: what is wanted first, the others where there is no such.
        places.sort_by_key(|provider| !wanted(*provider));
        places.truncate(self.scenario.policy.replicas as usize);
        places
    }

    /// A patient does something at the relay, which is on.
    pub(super) fn at_relay(&mut self, patient: usize, what: AtRelay, doors: &mut dyn Doors) {
        let known = self.patients[patient].clone();
        let (id, relay) = (known.id, known.relay);
        if !doors.is_on(relay) {
            return self.when_on(patient, what, doors);
        }
        match what {
            AtRelay::Look => self.look(relay, doors),
            AtRelay::Enrol { hospital, chart, code, then } => {
                let enrol = enrolment::command::Enrol { patient: id, code };
                let enrolling = Enrolling { patient, chart, then };
                self.enrolling.insert((hospital, crate::tier::seen::short(id)), enrolling);
                let tag = self.errand(Errand::Done);
                let command = Command::from(enrol);
                doors.ask(relay, command, Some(id), "enrolment.enrol", tag);
            }
            AtRelay::Deposit => {
                for provider in self.places_for(known.home, patient) {
                    let party = |at: u32| doors.id(at);
                    let upload = consent::command::Upload {
                        patient: id,
                        hospital: party(known.home),
                        depositary: party(provider),
                        wish: Wish::default(),
                        not_before: None,
                        days: None,
                        quota: None,
                        quota_entries: None,
                    };
                    let tag = self.errand(Errand::Done);
                    let command = Command::from(upload);
                    doors.ask(relay, command, Some(id), "consent.upload", tag);
                }
            }
            AtRelay::Revoke { share } => self.revoke(patient, share, doors),
            AtRelay::Rotate => self.rotate(patient, doors),
            AtRelay::CollectLogs => {
                let collect = access_log::command::Collect { patient: id };
                let tag = self.errand(Errand::Done);
                let command = Command::from(collect);
                doors.ask(relay, command, Some(id), "access-log.collect", tag);
            }
            AtRelay::Refresh => {
                let refresh = custody::command::Refresh { patient: id };
                let tag = self.errand(Errand::Done);
                doors.ask(relay, Command::from(refresh), Some(id), "custody.refresh", tag);
            }
        }
    }

    /// A patient takes permissions back: one, or a share of all.
    fn revoke(&mut self, patient: usize, share: f64, doors: &mut dyn Doors) {
        let (id, relay) = (self.patients[patient].id, self.patients[patient].relay);
        let Ok(grants) = doors.grants(relay, Some(id)) else { return };
        let mut live: Vec<_> = grants
            .iter()
            .filter(|grant| grant.state == "live" && !grant.received)
            .filter(|grant| grant.operations.iter().any(|operation| operation == "read"))
            .map(|grant| grant.token)
            .collect();
        if live.is_empty() {
            return self.skip("revoke");
        }
        if share > 0.0 {
            live.retain(|_| self.choice.unit() < share);
        } else {
            live = vec![live[self.choice.one_of(live.len())]];
        }
        if live.is_empty() {
            return;
        }
        let tokens = live.clone();
        let revoke = consent::command::Revoke { patient: id, tokens: live };
        let tag = self.errand(Errand::Revoking { patient: id, tokens });
        doors.ask(relay, Command::from(revoke), Some(id), "consent.revoke", tag);
    }

    /// A patient takes a new key with the words.
    fn rotate(&mut self, patient: usize, doors: &mut dyn Doors) {
        let (id, relay) = (self.patients[patient].id, self.patients[patient].relay);
        let tag = self.errand(Errand::Done);
        if !doors.rotate(relay, id, tag) {
            self.skip("rotate");
        }
    }
}
