//! What people do in the world: patients are made and rotate their keys, hospitals record.

use super::{SMALL, World};
use crate::party::Who;
use chartmesh_protocol::custody;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::Phrase;
use chartmesh_protocol::object::{DataKey, fresh_salt, seal_small};
use chartmesh_protocol::peer::{Command, View};
use chartmesh_protocol::record::{ContentKey, Draft, Kind, SealedContent};
use chartmesh_protocol::refusal::{Failure, Refusal};

impl World {
    /// Makes a patient on a relay.
    ///
    /// # Panics
    /// When the relay refuses.
    pub fn new_patient(&mut self, relay: Who, name: &str) -> PartyId {
        let new = self.parties[relay.0].make_patient();
        let patient = new.keys.patient;
        let command = custody::Command::Keep {
            name: name.to_owned(),
            log: Box::new(new.log),
            sealed_keys: custody::encode_keys(&new.keys).to_vec(),
        };
        self.ask(relay, Command::Custody(command), Some(patient)).expect("a relay keeps a patient");
        patient
    }

    /// Rotates a patient's keys with the words.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// When the patient was not made here.
    pub fn rotate(
        &mut self,
        relay: Who,
        patient: PartyId,
        kept: Vec<chartmesh_protocol::id::TokenId>,
    ) -> Result<View, Refusal> {
        let party = &self.parties[relay.0];
        let known = party.peer.keys_of(&party.store, patient).expect("memory does not fail");
        let phrase = Phrase::parse(&party.words[&patient]).expect("the words are the patient's");
        let (rotation, keys) =
            custody::rotate(&known.expect("the patient is here"), &phrase, kept, self.now)
                .expect("the words are the patient's");
        let sealed_keys = custody::encode_keys(&keys).to_vec();
        self.parties[relay.0].unlocked.insert(patient, keys);
        let command = custody::Command::Rotate { rotation: Box::new(rotation), sealed_keys };
        self.ask(relay, Command::Custody(command), Some(patient))
    }

    /// Seals contents into a draft of one entry at a hospital.
    ///
    /// # Panics
    /// When the content is too large for a test.
    pub fn draft(&mut self, who: Who, kind: Kind, title: &str, contents: &[&[u8]]) -> Draft {
        let party = &mut self.parties[who.0];
        let contents = contents
            .iter()
            .map(|plain| {
                let key = DataKey::generate(&mut party.rng);
                let salt = fresh_salt(&mut party.rng);
                let (file, sealed) = seal_small(&key, &salt, plain).expect("small enough");
                let content = ContentKey {
                    object: sealed.id,
                    length: sealed.file_len,
                    plaintext_length: sealed.plaintext_len,
                    key: *key.expose(),
                    media_type: "text/plain".into(),
                    name: title.into(),
                };
                let small = if file.len() <= SMALL {
                    Some(file)
                } else {
                    party.objects.insert(sealed.id, file);
                    None
                };
                SealedContent { key: content, small }
            })
            .collect();
        Draft {
            kind,
            title: title.into(),
            effective: self.now,
            user: "Dr. Test".into(),
            terms: Vec::new(),
            adds_to: None,
            contents,
        }
    }

    /// Records drafts at a hospital.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// When storage fails, which in memory it does not.
    pub fn record(
        &mut self,
        who: Who,
        subject: PartyId,
        drafts: Vec<Draft>,
    ) -> Result<View, Refusal> {
        let party = &mut self.parties[who.0];
        let sealed =
            party.peer.seal_entries(&party.store, self.now, subject, drafts, &mut party.rng);
        let entries = match sealed {
            Ok(entries) => entries,
            Err(Failure::Refused(refusal)) => return Err(refusal),
            Err(Failure::Store(error)) => panic!("memory does not fail: {error}"),
        };
        let command = chartmesh_protocol::record::Command::Record { subject, entries };
        self.ask(who, Command::Record(command), None)
    }
}
