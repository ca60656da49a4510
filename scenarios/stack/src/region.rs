//! A federation that is ready for use: hospitals, providers, and relays with an enrolled patient each.

use chartmesh_protocol::federation::view::FederationView;
use chartmesh_protocol::record::view::ChartView;
use std::time::Duration;

use chartmesh_protocol::federation;
use chartmesh_protocol::id::{ChartId, PartyId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::{Page, Question, StatusView, ask};

use crate::internet::{Links, Region};
use crate::node::Who;
use crate::stack::{PATIENCE, Stack};

/// How many there are of each.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Hospitals, at least two.
    pub hospitals: usize,
    /// Backup providers.
    pub providers: usize,
    /// Relays, a patient on each.
    pub relays: usize,
    /// Regions that all of them are spread over.
    pub regions: usize,
}

/// A patient and where to find what is the patient's.
#[derive(Clone, Copy, Debug)]
pub struct Patient {
    /// The patient.
    pub id: PartyId,
    /// The relay.
    pub relay: Who,
    /// The hospital at which the patient is enrolled.
    pub hospital: Who,
    /// The chart there.
    pub chart: ChartId,
}

/// A federation.
pub struct Federation {
    /// Its nodes.
    pub stack: Stack,
    /// The members that are hospitals.
    pub hospitals: Vec<Who>,
    /// The members that are providers.
    pub providers: Vec<Who>,
    /// The patients, all enrolled.
    pub patients: Vec<Patient>,
}

impl Federation {
    /// Founds it; the time that this takes is simulated too.
    ///
    /// # Panics
    /// When a step is refused, or does not come to its end within an hour.
    #[must_use]
    pub fn found(seed: u64, links: Links, sizes: Sizes) -> Self {
        let mut stack = Stack::new(seed, links);
        let mut add = |role, name: &str, number: usize| {
            stack.add(role, &format!("{name} {number}"), Region(number % sizes.regions.max(1)))
        };
        let hospitals: Vec<_> =
            (0..sizes.hospitals).map(|number| add(Role::Hospital, "Hospital", number)).collect();
        let providers: Vec<_> =
            (0..sizes.providers).map(|number| add(Role::Backup, "Provider", number)).collect();
        let relays: Vec<_> =
            (0..sizes.relays).map(|number| add(Role::Patient, "Relay", number)).collect();
        let create = federation::command::Found { name: "Kita".into(), threshold: 2, anew: false };
        stack.command(hospitals[0], create, None).expect("the first hospital founds");
        let mut federation = Self { stack, hospitals, providers, patients: Vec::new() };
        let members = federation.hospitals[1..].iter().chain(&federation.providers);
        for (number, member) in members.copied().collect::<Vec<_>>().into_iter().enumerate() {
            federation.admit(member, number + 1);
        }
        for (number, relay) in relays.into_iter().enumerate() {
            federation.enrol(relay, number);
        }
        federation
    }

    /// Has a party join as member after `members` others.
    fn admit(&mut self, party: Who, members: usize) {
        let Self { stack, hospitals, .. } = self;
        stack.join(party, hospitals[0]).expect("who has an invite may join");
        let sponsors = if members < 2 { &hospitals[..1] } else { &hospitals[..2] };
        let id = stack.id(party);
        for sponsor in sponsors {
            let applied = |view: &FederationView| view.parties.iter().any(|p| p.party == id);
            stack.wait_for(*sponsor, ask::Members, PATIENCE, applied, "an application");
            stack.admit(*sponsor, party).expect("a member may sponsor");
        }
        let member = |status: &StatusView| status.member;
        stack.wait_for(party, ask::Status, PATIENCE, member, "membership");
    }

    fn enrol(&mut self, relay: Who, number: usize) {
        let Self { stack, hospitals, patients, .. } = self;
        let hospital = hospitals[number % hospitals.len()];
        let id = stack.new_patient(relay, "Hanako").expect("a relay keeps a patient");
        let chart = stack.enrol(hospital, relay, id).expect("a patient may enrol");
        let enrolled =
            move |charts: &Page<ChartView>| charts.items.iter().any(|chart| chart.subject == id);
        stack.wait_for(hospital, ask::Charts::default(), PATIENCE, enrolled, "an enrolment");
        patients.push(Patient { id, relay, hospital, chart });
    }
}

impl Stack {
    /// [`Stack::wait_until`] for what must come.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait_for<Q: Question + Clone + Send + 'static>(
        &mut self,
        who: Who,
        query: Q,
        at_most: Duration,
        done: impl Fn(&Q::Answer) -> bool,
        what: &str,
    ) -> Q::Answer {
        let came = self.wait_until(who, query, at_most, done);
        let came = came.unwrap_or_else(|| panic!("waited in vain for {what} at node {}", who.0));
        came.unwrap_or_else(|error| panic!("cannot look for {what} at node {}: {error}", who.0))
    }
}
