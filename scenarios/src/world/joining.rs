//! How parties come together in the world: members join and are put out, patients enrol.

use super::state::World;
use crate::party::Who;
use chartmesh_protocol::custody::view::{EnrollingView, PatientView};
use chartmesh_protocol::enrolment::view::CompareView;
use chartmesh_protocol::federation::view::FederationView;
use chartmesh_protocol::federation::view::Status;
use chartmesh_protocol::id::{ChartId, PartyId};
use chartmesh_protocol::limits;
use chartmesh_protocol::peer::{Asked, CodeView, ask};
use chartmesh_protocol::record::view::ChartView;
use chartmesh_protocol::record::{self, Kind};
use chartmesh_protocol::refusal::Refusal;
use chartmesh_protocol::{enrolment, federation};

impl World {
    /// Lets retries happen, as often as a night has room for, when the world loses effects.
    pub fn wait(&mut self) {
        if self.lose_effects > 0 || self.crash_at.is_some() {
            for _ in 0..40 {
                self.advance(5 * 60 * 1000);
            }
        }
    }

    fn code(&mut self, who: Who, act: impl Asked<Answer = CodeView>) -> String {
        self.ask(who, act, None).expect("it gives codes out").code
    }

    /// A member's invite.
    pub fn invite(&mut self, host: Who) -> String {
        let addresses = vec!["memory".into()];
        let invite = federation::command::Invite { valid_ms: None, addresses };
        self.code(host, invite)
    }

    /// Has a party apply with an invite.
    ///
    /// # Errors
    /// The refusal.
    pub fn join(&mut self, guest: Who, code: String) -> Result<FederationView, Refusal> {
        let done = self.ask(guest, federation::command::Join { code }, None);
        self.wait();
        done
    }

    /// Has a member sponsor a party.
    ///
    /// # Errors
    /// The refusal.
    pub fn admit(&mut self, sponsor: Who, who: Who) -> Result<FederationView, Refusal> {
        let party = self.id(who);
        let done =
            self.ask(sponsor, federation::command::Admit { party, although_alike: false }, None);
        self.wait();
        done
    }

    /// Has a member propose an expulsion, or vote for it.
    ///
    /// # Errors
    /// The refusal.
    pub fn expel(&mut self, member: Who, who: Who) -> Result<FederationView, Refusal> {
        let (party, reason) = (self.id(who), "a test".into());
        self.ask(member, federation::command::Expel { party, reason }, None)
    }

    /// The standing of a party as another sees it.
    ///
    /// # Panics
    /// When there is no federation view.
    #[must_use]
    pub fn standing(&self, at: Who, who: Who) -> Option<Status> {
        let id = self.id(who);
        let view = self.see(at, &ask::Members, None).expect("a node tells of its federation");
        let found = view.parties.into_iter().find(|party| party.party == id);
        found.map(|party| party.status)
    }

    /// Whether a party is a member as another sees it.
    #[must_use]
    pub fn is_member(&self, at: Who, who: Who) -> bool {
        self.standing(at, who) == Some(Status::Member)
    }

    /// Opens a chart.
    ///
    /// # Panics
    /// When the hospital refuses.
    pub fn open_chart(&mut self, hospital: Who, name: &str) -> ChartView {
        let chart = record::command::NewChart { name: name.to_owned(), identifiers: vec![] };
        self.ask(hospital, chart, None).expect("a hospital opens charts")
    }

    /// The code with which the patient of a chart enrols.
    ///
    /// # Panics
    /// When the hospital refuses.
    pub fn chart_code(&mut self, hospital: Who, chart: ChartId) -> String {
        let addresses = vec!["memory".into()];
        let valid_ms = Some(limits::CODE_MS_MAX);
        let code = enrolment::command::Code { chart, valid_ms, addresses };
        self.code(hospital, code)
    }

    /// How an enrolment stands at the relay.
    ///
    /// # Panics
    /// When the relay refuses.
    #[must_use]
    pub fn enrolling(&self, relay: Who, patient: PartyId, hospital: Who) -> Option<EnrollingView> {
        let patients =
            self.all(relay, ask::Patients::default(), None).expect("it tells of its own");
        let found = patients.into_iter().find(|view| view.patient == patient)?;
        found.enrolling.into_iter().find(|view| view.institution == self.id(hospital))
    }

    /// The desk types a number; gives whether it was the same.
    ///
    /// # Errors
    /// The refusal.
    pub fn compare(
        &mut self,
        hospital: Who,
        chart: ChartId,
        number: &str,
    ) -> Result<CompareView, Refusal> {
        let compare = enrolment::command::Compare { chart, number: number.to_owned() };
        let done = self.ask(hospital, compare, None);
        self.wait();
        done
    }

    /// The patient says that the desk accepted the number.
    ///
    /// # Errors
    /// The refusal.
    pub fn accept(
        &mut self,
        relay: Who,
        patient: PartyId,
        hospital: Who,
    ) -> Result<PatientView, Refusal> {
        let accept = enrolment::command::Accept { patient, institution: self.id(hospital) };
        let done = self.ask(relay, accept, Some(patient));
        self.wait();
        done
    }

    /// Opens a chart and has a patient of `relay` enrol in it.
    ///
    /// # Panics
    /// When the hospital or the relay refuses.
    pub fn enrol(&mut self, hospital: Who, relay: Who, patient: PartyId) -> ChartId {
        let chart = self.open_chart(hospital, "Hanako");
        let drafts = vec![self.draft(hospital, Kind::Conditions, "before enrolment", &[b"cough"])];
        self.record(hospital, chart.subject, drafts).expect("a hospital records");
        self.enrol_in(hospital, chart.chart, relay, patient);
        chart.chart
    }

    /// Has a patient of `relay` enrol in a chart that is there.
    ///
    /// # Panics
    /// When the hospital or the relay refuses.
    pub fn enrol_in(&mut self, hospital: Who, chart: ChartId, relay: Who, patient: PartyId) {
        let code = self.chart_code(hospital, chart);
        let enrol = enrolment::command::Enrol { patient, code };
        self.ask(relay, enrol, Some(patient)).expect("a relay enrols");
        self.wait();
        let number = self.enrolling(relay, patient, hospital).and_then(|view| view.number);
        let number = number.expect("the hospital has answered");
        assert!(self.compare(hospital, chart, &number).expect("a desk compares").same);
        self.accept(relay, patient, hospital).expect("a patient says so");
    }
}
