//! What people do in the world: patients are made and rotate their keys, hospitals record.

use super::state::World;
use crate::party::Who;
use crate::tier::people::content;
use chartmesh_protocol::custody::view::RotatedView;
use chartmesh_protocol::id::{PartyId, TokenId};
use chartmesh_protocol::record::view::RecordedView;
use chartmesh_protocol::record::{self, Draft, Kind};
use chartmesh_protocol::refusal::{Failure, Refusal};

impl World {
    /// Makes a patient on a relay.
    ///
    /// # Panics
    /// When the relay refuses.
    pub fn new_patient(&mut self, relay: Who, name: &str) -> PartyId {
        let (patient, keep) = self.parties[relay.0].make_patient(name.to_owned());
        self.ask(relay, keep, Some(patient)).expect("a relay keeps a patient");
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
        kept: Vec<TokenId>,
    ) -> Result<RotatedView, Refusal> {
        let party = &mut self.parties[relay.0];
        let known = party.peer.keys_of(&party.store, patient).expect("memory does not fail");
        let known = known.expect("the patient is here");
        let rotate = party.rotate(patient, &known, kept, self.now);
        let rotate = rotate.expect("the words are the patient's");
        self.ask(relay, rotate, Some(patient))
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
                let (rng, objects) = (&mut party.rng, &mut party.objects);
                content(plain, ("text/plain", title), rng, |id, file| {
                    drop(objects.insert(id, file))
                })
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
    ) -> Result<RecordedView, Refusal> {
        let party = &mut self.parties[who.0];
        let sealed =
            party.peer.seal_entries(&party.store, self.now, subject, drafts, &mut party.rng);
        let entries = match sealed {
            Ok(entries) => entries,
            Err(Failure::Refused(refusal)) => return Err(refusal),
            Err(Failure::Store(error)) => panic!("memory does not fail: {error}"),
        };
        let command = record::command::Record { subject, entries };
        self.ask(who, command, None)
    }
}
