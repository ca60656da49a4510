//! Who has which patient's record, and who can reach it there.

use super::Scene;
use chartmesh_protocol::identity::Role;
use std::collections::{BTreeMap, BTreeSet};

/// The holders of all patients' records; a patient goes by the first bytes of the id.
pub(super) struct Holders {
    /// By patient: the relay, and who has the record.
    patients: BTreeMap<u64, (u32, BTreeSet<u32>)>,
    /// Hospitals that deal with a patient and have no record of one.
    empty: BTreeSet<(u64, u32)>,
    /// What the destroyed had.
    gone: BTreeMap<u32, Vec<u64>>,
}

/// Of a region's patients: those whose record is in reach, and all.
#[derive(Default)]
struct Reached {
    up: u64,
    all: u64,
}

impl Holders {
    pub(super) fn new(patients: impl Iterator<Item = (u64, (u32, BTreeSet<u32>))>) -> Self {
        Self { patients: patients.collect(), empty: BTreeSet::new(), gone: BTreeMap::new() }
    }

    /// Who has a patient's record.
    pub(super) fn of(&self, patient: u64) -> impl Iterator<Item = u32> {
        self.patients.get(&patient).into_iter().flat_map(|(_, holders)| holders).copied()
    }

    /// A patient of a relay enrolled at a hospital.
    pub(super) fn enrolled(&mut self, patient: u64, relay: u32, hospital: u32) {
        // Whoever only wants to see what others have has a chart and nothing in it.
        if self.patients.contains_key(&patient) {
            self.empty.insert((patient, hospital));
        }
        self.holds(patient, relay, hospital);
    }

    /// A machine was offered a patient's record, and will have it in a moment.
    pub(super) fn offered(&mut self, patient: u64, from: u32, holder: u32) {
        self.empty.remove(&(patient, holder));
        self.holds(patient, from, holder);
    }

    fn holds(&mut self, patient: u64, from: u32, holder: u32) {
        let known = self.patients.entry(patient).or_insert((from, BTreeSet::new()));
        known.1.insert(holder);
    }

    /// A disk is gone, and what was on it.
    pub(super) fn destroyed(&mut self, at: u32) {
        let had = self
            .patients
            .iter_mut()
            .filter_map(|(patient, (_, holders))| holders.remove(&at).then_some(*patient));
        self.gone.insert(at, had.collect());
    }

    /// What a machine had before its disk was lost came back from a provider.
    pub(super) fn restored(&mut self, at: u32) {
        for patient in self.gone.remove(&at).unwrap_or_default() {
            if let Some((_, holders)) = self.patients.get_mut(&patient) {
                holders.insert(at);
            }
        }
    }

    /// By region with patients: the share of them whose record can be reached from there.
    pub(super) fn here(&self, stage: &dyn Scene) -> Vec<(u32, f64)> {
        self.by_region(stage, |_, relay| core::iter::once(relay))
    }

    /// The same as the other regions see it, each through the eyes of its first hospital; each counts alike.
    pub(super) fn elsewhere(&self, stage: &dyn Scene) -> Vec<(u32, f64)> {
        let mut eyes = BTreeMap::<u32, u32>::new();
        for at in 0..stage.count() {
            if stage.role(at) == Role::Hospital {
                eyes.entry(stage.region(at)).or_insert(at);
            }
        }
        self.by_region(stage, |region, _| {
            eyes.iter().filter(move |(other, _)| **other != region).map(|(_, eye)| *eye)
        })
    }

    /// Shares by the patient's region, as seen from machines that follow from that and from the relay.
    fn by_region<I: Iterator<Item = u32>>(
        &self,
        stage: &dyn Scene,
        seen_from: impl Fn(u32, u32) -> I,
    ) -> Vec<(u32, f64)> {
        let mut regions = BTreeMap::<u32, Reached>::new();
        for (patient, (relay, holders)) in &self.patients {
            let region = stage.region(*relay);
            let reached = regions.entry(region).or_default();
            for from in seen_from(region, *relay) {
                let up = |holder: &u32| self.reaches(stage, from, *holder, *patient);
                reached.up += u64::from(holders.iter().any(up));
                reached.all += 1;
            }
        }
        let regions = regions.into_iter().filter(|(_, reached)| reached.all > 0);
        regions.map(|(region, Reached { up, all })| (region, up as f64 / all as f64)).collect()
    }

    /// Whether somebody can reach a patient's record at a holder.
    fn reaches(&self, stage: &dyn Scene, from: u32, holder: u32, patient: u64) -> bool {
        stage.is_on(holder)
            && !stage.is_cut(from, holder)
            && !self.empty.contains(&(patient, holder))
    }
}
