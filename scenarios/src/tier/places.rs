//! The machines of a scenario: who there is, in which order, and where. The same in every tier.

use crate::scenario::{Machine, Scenario};
use chartmesh_protocol::identity::Role;
use std::collections::{BTreeMap, BTreeSet};

/// A machine of a scenario.
#[derive(Debug, Clone)]
pub struct Place {
    /// `clinic-1`.
    pub name: String,
    /// Its group's id.
    pub group: String,
    /// Its region's number.
    pub region: u32,
    /// What stands there.
    pub role: Role,
    /// How it behaves.
    pub traits: Machine,
}

/// All machines of a scenario, by number.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The machines.
    pub machines: Vec<Place>,
    /// Hospitals, each with the number of its group.
    pub hospitals: Vec<(u32, usize)>,
    /// Providers.
    pub providers: Vec<u32>,
    /// Relays by hospital.
    pub relays: BTreeMap<u32, Vec<u32>>,
    /// The ids of regions, by number.
    regions: Vec<String>,
}

impl Places {
    /// The machines that a scenario has: hospitals, then providers, then relays.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let regions = scenario.regions.iter().map(|region| region.id.clone()).collect();
        let mut places = Self { regions, ..Self::default() };
        for (number, group) in scenario.hospitals.iter().enumerate() {
            for n in 1..=group.count {
                let name = format!("{}-{n}", group.id);
                let hospital =
                    places.add(Role::Hospital, name, &group.id, &group.region, &group.machine);
                places.hospitals.push((hospital, number));
            }
        }
        for group in &scenario.providers {
            for n in 1..=group.count {
                let name = format!("{}-{n}", group.id);
                let provider =
                    places.add(Role::Backup, name, &group.id, &group.region, &group.machine);
                places.providers.push(provider);
            }
        }
        let mut numbers = BTreeMap::<&str, u32>::new();
        for (hospital, group) in places.hospitals.clone() {
            let group = &scenario.hospitals[group];
            let asked = group.relays.as_deref();
            let relays = scenario.relays.iter().find(|relays| Some(relays.id.as_str()) == asked);
            let Some(relays) = relays.or(scenario.relays.first()) else {
                places.relays.insert(hospital, Vec::new());
                continue;
            };
            let region = relays.region.clone().unwrap_or_else(|| group.region.clone());
            let count = group.patients.div_ceil(relays.patients_each.max(1)).max(1);
            let mut here = Vec::new();
            for _ in 0..count {
                let n = numbers.entry(&relays.id).or_default();
                *n += 1;
                let name = format!("{}-{n}", relays.id);
                here.push(places.add(Role::Patient, name, &relays.id, &region, &relays.machine));
            }
            places.relays.insert(hospital, here);
        }
        places
    }

    fn add(
        &mut self,
        role: Role,
        name: String,
        group: &str,
        region: &str,
        traits: &Machine,
    ) -> u32 {
        let at = u32::try_from(self.machines.len()).expect("the file bounds the counts");
        let region = self.regions.iter().position(|place| place == region);
        let region = u32::try_from(region.unwrap_or(0)).expect("regions are few");
        let (group, traits) = (group.to_owned(), traits.clone());
        self.machines.push(Place { name, group, region, role, traits });
        at
    }

    /// A machine.
    #[must_use]
    pub fn at(&self, at: u32) -> &Place {
        &self.machines[at as usize]
    }

    /// The machines that a name means: a region's, a group's, or one.
    #[must_use]
    pub fn meant(&self, name: &str) -> BTreeSet<u32> {
        let region = self.regions.iter().position(|region| region == name);
        let means = |place: &Place| {
            place.name == name
                || place.group == name
                || region.is_some_and(|region| region == place.region as usize)
        };
        (0u32..).zip(&self.machines).filter(|(_, place)| means(place)).map(|(at, _)| at).collect()
    }

    /// The members of the federation in the order in which they join: hospitals, then providers.
    pub fn members(&self) -> impl Iterator<Item = u32> {
        self.hospitals.iter().map(|(at, _)| *at).chain(self.providers.iter().copied())
    }
}
