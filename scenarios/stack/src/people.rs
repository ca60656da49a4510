//! What people do at the nodes: found and join, make patients, enrol, seal and record, decide.

use chartmesh_node::object_store::ObjectFolder;
use chartmesh_protocol::custody::view::PatientView;
use chartmesh_protocol::enrolment::view::PendingView;
use chartmesh_protocol::federation::view::FederationView;
use chartmesh_protocol::id::{ChartId, PartyId};
use chartmesh_protocol::peer::{Asked, CodeView, Page, ask};
use chartmesh_protocol::record::view::RecordedView;
use chartmesh_protocol::record::{self, Draft, Kind, SealedContent};
use chartmesh_protocol::refusal::Failure;
use chartmesh_protocol::{custody, enrolment, federation};
use chartmesh_scenarios::tier::keep;
use chartmesh_scenarios::tier::people::content;
use rand_core::UnwrapErr;

use crate::handles::Handles;
use crate::node::Who;
use crate::stack::{PATIENCE, Stack};

impl Stack {
    fn code(&mut self, who: Who, act: impl Asked<Answer = CodeView>) -> Result<String, Failure> {
        Ok(self.command(who, act, None)?.code)
    }

    /// Has a party join with a member's invite.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn join(&mut self, guest: Who, host: Who) -> Result<FederationView, Failure> {
        let addresses = self.handle(host).addresses();
        let invite = federation::command::Invite { valid_ms: None, addresses };
        let code = self.code(host, invite)?;
        self.command(guest, federation::command::Join { code }, None)
    }

    /// Has a member sponsor a party.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn admit(&mut self, sponsor: Who, party: Who) -> Result<FederationView, Failure> {
        let party = self.id(party);
        self.command(sponsor, federation::command::Admit { party, although_alike: false }, None)
    }

    /// Makes a patient on a relay, unlocked there.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn new_patient(&mut self, relay: Who, name: &str) -> Result<PartyId, Failure> {
        let new = custody::make(&mut chance());
        let patient = new.keys.patient;
        self.handles().unlock(relay, new.keys.clone());
        self.command(relay, keep(new, name.to_owned()), Some(patient))?;
        Ok(patient)
    }

    /// Opens a chart and has a patient of `relay` enrol in it: code, number, both sides' word. What follows from it is
    /// on its way.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn enrol(
        &mut self,
        hospital: Who,
        relay: Who,
        patient: PartyId,
    ) -> Result<ChartId, Failure> {
        let chart = record::command::NewChart { name: "Hanako".into(), identifiers: vec![] };
        let chart = self.command(hospital, chart, None)?.chart;
        let addresses = self.handle(hospital).addresses();
        let code = enrolment::command::Code { chart, valid_ms: None, addresses };
        let code = self.code(hospital, code)?;
        let enrol = enrolment::command::Enrol { patient, code };
        self.command(relay, enrol, Some(patient))?;
        let institution = self.id(hospital);
        let to_compare = move |page: &Page<PendingView>| {
            page.items.iter().any(|one| one.chart == chart && one.to_compare)
        };
        self.wait_for(hospital, ask::Enrolments::default(), PATIENCE, to_compare, "the number");
        let one = move |page: &Page<PatientView>| {
            let of_patient = page.items.iter().filter(|view| view.patient == patient);
            let mut begun = of_patient.flat_map(|view| view.enrolling.clone());
            begun.find(|one| one.institution == institution)
        };
        let told = self.query(relay, ask::Patients::default(), None)?;
        let number = one(&told).and_then(|one| one.number).expect("both sides have it");
        self.command(hospital, enrolment::command::Compare { chart, number }, None)?;
        let confirmed = move |page: &Page<PatientView>| one(page).is_some_and(|one| one.confirmed);
        self.wait_for(relay, ask::Patients::default(), PATIENCE, confirmed, "the desk's word");
        let accept = enrolment::command::Accept { patient, institution };
        self.command(relay, accept, Some(patient))?;
        Ok(chart)
    }

    /// Records drafts at a hospital: title, kind, contents.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn record(
        &mut self,
        who: Who,
        subject: PartyId,
        drafts: &[(&str, Kind, &[&[u8]])],
    ) -> Result<RecordedView, Failure> {
        let handles = self.handles().clone();
        self.run(async move {
            let command = handles.recording(who, subject, drafts)?;
            handles.command(who, command, None).await
        })
    }
}

impl Handles {
    /// The command that records drafts at a hospital, sealed: title, kind, contents.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn recording(
        &self,
        who: Who,
        subject: PartyId,
        drafts: &[(&str, Kind, &[&[u8]])],
    ) -> Result<record::command::Record, Failure> {
        let handle = self.open(who)?;
        let now = self.now();
        let draft = |(title, kind, contents): &(&str, Kind, &[&[u8]])| Draft {
            kind: *kind,
            title: (*title).to_owned(),
            effective: now,
            user: "Dr. Test".into(),
            terms: Vec::new(),
            adds_to: None,
            contents: contents.iter().map(|plain| seal(handle.objects(), title, plain)).collect(),
        };
        let drafts = drafts.iter().map(draft).collect();
        let entries = handle
            .read(|peer, txn, _| peer.seal_entries(txn, now, subject, drafts, &mut chance()))?;
        Ok(record::command::Record { subject, chart: None, entries })
    }
}

/// Seals one content: a small one stays in memory, another goes to the folder.
fn seal(folder: &ObjectFolder, name: &str, plain: &[u8]) -> SealedContent {
    content(plain, ("text/plain", name), &mut chance(), |_, file| store(folder, &file))
}

/// Puts a sealed object into a node's folder.
pub(crate) fn store(folder: &ObjectFolder, file: &[u8]) {
    let mut writer = folder.writer();
    writer.push(file).expect("memory does not fail");
    writer.finish().expect("memory does not fail");
}

/// What a node would take for sealing: the system's generator, which here is the seed's.
pub(crate) fn chance() -> UnwrapErr<rand::rngs::SysRng> {
    UnwrapErr(rand::rngs::SysRng)
}
