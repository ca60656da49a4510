//! What people do in the world: patients are made and rotate their keys, hospitals record.

use super::state::World;
use crate::party::{Party, Who};
use crate::tier::people::content;
use chartmesh_protocol::custody::command::Rotate;
use chartmesh_protocol::custody::view::RotatedView;
use chartmesh_protocol::id::{ChartId, PartyId, TokenId};
use chartmesh_protocol::object::{DataKey, Opener};
use chartmesh_protocol::record::view::{RecordedView, UndoneView};
use chartmesh_protocol::record::{self, ContentKey, Draft, Kind};
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
        let rotate = self.rotation(relay, patient, kept);
        self.ask(relay, rotate, Some(patient))
    }

    /// The same, although the relay was put back from a copy, and has not heard from all since.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// When the patient was not made here.
    pub fn rotate_although_put_back(
        &mut self,
        relay: Who,
        patient: PartyId,
        kept: Vec<TokenId>,
    ) -> Result<RotatedView, Refusal> {
        let rotate = self.rotation(relay, patient, kept);
        self.ask(relay, Rotate { although_put_back: true, ..rotate }, Some(patient))
    }

    fn rotation(&mut self, relay: Who, patient: PartyId, kept: Vec<TokenId>) -> Rotate {
        let party = &mut self.parties[relay.0];
        let known = party.peer.keys_of(&party.store, patient).expect("memory does not fail");
        let known = known.expect("the patient is here");
        let rotate = party.rotate(patient, &known, kept, self.now);
        rotate.expect("the words are the patient's")
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
        let command = record::command::Record { subject, chart: None, entries };
        self.ask(who, command, None)
    }

    /// At a hospital: undoes an enrolment, and seals what was recorded anew.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// When storage fails, which in memory it does not, or nothing goes on.
    pub fn undo(&mut self, who: Who, chart: ChartId) -> Result<UndoneView, Refusal> {
        let user = "Desk".to_owned();
        let undone =
            self.ask(who, record::command::Undo { chart, user, although_lost: false }, None)?;
        let mut left = undone.left;
        while left > 0 {
            let next = self.seal_anew(who, chart, undone.subject)?.left;
            assert!(next < left, "nothing was sealed anew");
            left = next;
        }
        Ok(undone)
    }

    /// Seals a few entries of an undone enrolment anew.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// When storage fails, which in memory it does not.
    pub fn seal_anew(
        &mut self,
        who: Who,
        chart: ChartId,
        subject: PartyId,
    ) -> Result<UndoneView, Refusal> {
        let party = &mut self.parties[who.0];
        let entries = party.peer.to_seal_anew(&party.store, subject, 2).expect("they open here");
        let mut drafts = Vec::new();
        for entry in entries {
            let mut contents = Vec::new();
            for key in &entry.contents {
                let plain = plain(party, key);
                let (rng, objects) = (&mut party.rng, &mut party.objects);
                let what = (key.media_type.as_str(), key.name.as_str());
                contents.push(content(&plain, what, rng, |id, file| {
                    objects.insert(id, file);
                }));
            }
            drafts.push(entry.with(contents));
        }
        let entries = party.peer.seal_anew(subject, drafts, &mut party.rng).expect("they seal");
        self.ask(who, record::command::Anew { chart, entries }, None)
    }
}

/// A content in the clear.
fn plain(party: &Party, key: &ContentKey) -> Vec<u8> {
    let small = party.peer.small_object(&party.store, key.object).expect("memory does not fail");
    let sealed = small.as_ref().or_else(|| party.objects.get(&key.object)).expect("it is here");
    let opener = Opener::new(DataKey::from_bytes(key.key), key.object, key.plaintext_length);
    let (mut opener, mut plain, mut at) = (opener.expect("the length is possible"), Vec::new(), 0);
    while at < sealed.len() {
        let space = opener.space();
        let read = space.len().min(sealed.len() - at);
        space[..read].copy_from_slice(&sealed[at..at + read]);
        at += read;
        plain.extend_from_slice(opener.advance(read).expect("it opens"));
    }
    opener.finish(&mut plain).expect("it is whole");
    plain
}
