//! What people do at the nodes: found and join, make patients, enrol, seal and record, decide.

use chartmesh_protocol::id::{ChartId, PartyId};
use chartmesh_protocol::limits::SMALL_OBJECT_BYTES_MAX;
use chartmesh_protocol::object::{DataKey, fresh_salt, seal_small};
use chartmesh_protocol::peer::{Command, View};
use chartmesh_protocol::record::{self, ContentKey, Draft, Kind, SealedContent};
use chartmesh_protocol::refusal::Failure;
use chartmesh_protocol::{custody, enrolment, federation};
use rand_core::UnwrapErr;

use crate::stack::{Stack, Who};

impl Stack {
    fn code(&mut self, who: Who, command: Command) -> Result<String, Failure> {
        match self.command(who, command, None)? {
            View::Code(view) => Ok(view.code),
            other => panic!("no code: {other:?}"),
        }
    }

    /// A command about the federation.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn federation(&mut self, who: Who, command: federation::Command) -> Result<View, Failure> {
        self.command(who, Command::Federation(command), None)
    }

    /// Has a party join with a member's invite.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn join(&mut self, guest: Who, host: Who) -> Result<View, Failure> {
        let addresses = self.handle(host).addresses();
        let invite = federation::Command::Invite { valid_ms: None, addresses };
        let code = self.code(host, Command::Federation(invite))?;
        self.federation(guest, federation::Command::Join { code })
    }

    /// Has a member sponsor a party.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn admit(&mut self, sponsor: Who, party: Who) -> Result<View, Failure> {
        let party = self.id(party);
        self.federation(sponsor, federation::Command::Admit { party })
    }

    /// Makes a patient on a relay, unlocked there.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn new_patient(&mut self, relay: Who, name: &str) -> Result<PartyId, Failure> {
        let new = custody::make(&mut chance());
        let patient = new.keys.patient;
        self.unlocked[relay.0].insert(patient, new.keys.clone());
        let command = custody::Command::Keep {
            name: name.to_owned(),
            log: Box::new(new.log),
            sealed_keys: custody::encode_keys(&new.keys).to_vec(),
        };
        self.command(relay, Command::Custody(command), Some(patient))?;
        Ok(patient)
    }

    /// Opens a chart and has a patient of `relay` enrol in it.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn enrol(
        &mut self,
        hospital: Who,
        relay: Who,
        patient: PartyId,
    ) -> Result<ChartId, Failure> {
        let chart = record::Command::NewChart { name: "Hanako".into(), identifiers: vec![] };
        let chart = match self.command(hospital, Command::Record(chart), None)? {
            View::Chart(chart) => chart.chart,
            other => panic!("no chart: {other:?}"),
        };
        let addresses = self.handle(hospital).addresses();
        let code = enrolment::Command::Code { chart, valid_ms: None, addresses };
        let code = self.code(hospital, Command::Enrolment(code))?;
        let enrol = enrolment::Command::Enrol { patient, code };
        self.command(relay, Command::Enrolment(enrol), Some(patient))?;
        Ok(chart)
    }

    /// Seals contents into a draft of one entry at a hospital.
    ///
    /// # Panics
    /// When a content is too large to seal in one piece.
    #[must_use]
    pub fn draft(&self, who: Who, kind: Kind, title: &str, contents: &[&[u8]]) -> Draft {
        let folder = self.handle(who).objects();
        let contents = contents
            .iter()
            .map(|plain| {
                let key = DataKey::generate(&mut chance());
                let (file, sealed) =
                    seal_small(&key, &fresh_salt(&mut chance()), plain).expect("small enough");
                let content = ContentKey {
                    object: sealed.id,
                    length: sealed.file_len,
                    plaintext_length: sealed.plaintext_len,
                    key: *key.expose(),
                    media_type: "text/plain".into(),
                    name: title.into(),
                };
                if file.len() <= SMALL_OBJECT_BYTES_MAX {
                    return SealedContent { key: content, small: Some(file) };
                }
                let mut writer = folder.writer();
                writer.push(&file).expect("memory does not fail");
                writer.finish().expect("memory does not fail");
                SealedContent { key: content, small: None }
            })
            .collect();
        Draft {
            kind,
            title: title.into(),
            effective: self.now(),
            user: "Dr. Test".into(),
            terms: Vec::new(),
            adds_to: None,
            contents,
        }
    }

    /// The command that records drafts at a hospital.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn recording(
        &self,
        who: Who,
        subject: PartyId,
        drafts: Vec<Draft>,
    ) -> Result<Command, Failure> {
        let handle = self.handle(who);
        let now = self.now();
        let entries = handle
            .read(|peer, txn, _| peer.seal_entries(txn, now, subject, drafts, &mut chance()))?;
        Ok(Command::Record(record::Command::Record { subject, entries }))
    }

    /// Records drafts at a hospital.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn record(
        &mut self,
        who: Who,
        subject: PartyId,
        drafts: Vec<Draft>,
    ) -> Result<View, Failure> {
        let command = self.recording(who, subject, drafts)?;
        self.command(who, command, None)
    }
}

/// What a node would take for sealing: the system's generator, which here is the seed's.
fn chance() -> UnwrapErr<rand::rngs::SysRng> {
    UnwrapErr(rand::rngs::SysRng)
}
