//! Statements that nobody made who could have.

use super::super::memory::Lie;
use super::super::state::Engine;
use crate::tier::people::Patient;
use crate::tier::{bytes_of, seed_of};
use chartmesh_protocol::backup;
use chartmesh_protocol::capability::{
    Chain, Confirmation, News, Operation, Operations, Purpose, RevocationState, Revoked, Scope,
    Token,
};
use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::consent::{Message as Consent, ReadRequest};
use chartmesh_protocol::crypto;
use chartmesh_protocol::custody;
use chartmesh_protocol::federation;
use chartmesh_protocol::id::{ConsentId, EntryId, PartyId, StatementId, TokenId};
use chartmesh_protocol::identity::{KeyLog, KeyRing, Role};
use chartmesh_protocol::membership::{
    Act, Application, Ballot, Change, CheckedView, Commit, Endorsement, Member, View, Word,
};
use chartmesh_protocol::peer::{Body, Policy, ask};
use chartmesh_protocol::record::view::EntryView;
use chartmesh_protocol::statement::{Signed, signature_over};
use chartmesh_protocol::store::{ReadTxn, Table};

const DAY_S: u64 = 24 * 3600;

impl Engine<'_> {
    /// Shows a holder a permission that its patient did not sign, or tells it keys and revocations that are not
    /// the patient's.
    pub(super) fn forge(&mut self, at: u32, attempt: u64) {
        let Some((patient, log)) = self.known_patient(at) else { return };
        let Some(to) = self.holder_of(&patient, at) else { return };
        let chain = match attempt % 3 {
            0 => return self.forge_news(at, to, &patient, log),
            1 => None,
            _ => self.altered(at, patient.id),
        };
        let chain = chain.unwrap_or_else(|| self.own_make(at, patient.id));
        let now_us = self.stage.now_us;
        let machine = self.machine(at);
        let leaf = chain.leaf().id();
        let read = ReadRequest {
            request: ConsentId(crypto::random(&mut machine.party.rng)),
            patient: patient.id,
            chain,
            log,
            news: News::default(),
            user: format!("Dr. Forge at {}", machine.clock(now_us).seconds()),
            purpose: Purpose::CareManagement,
            after: None,
            issuers: Vec::new(),
        };
        self.say(Lie::of("forge"), at, to, &Body::Consent(Consent::Read(read)), Some(leaf));
    }

    /// A patient whose keys a hospital knows.
    fn known_patient(&mut self, at: u32) -> Option<(Patient, KeyLog)> {
        let machine = &self.stage.machines[at as usize];
        let keys_of = |patient: &Patient| {
            let known = machine.party.peer.keys_of(&machine.disk, patient.id);
            known.expect("memory does not fail").map(|known| known.log().clone())
        };
        let known: Vec<_> = self
            .everybody()
            .iter()
            .filter_map(|patient| Some((patient.clone(), keys_of(patient)?)))
            .take(256)
            .collect();
        let drawn = self.hostile.chance.one_of(known.len());
        known.into_iter().nth(drawn)
    }

    /// Who has a patient's record, besides a hospital; some other institution where nobody has.
    fn holder_of(&mut self, patient: &Patient, than: u32) -> Option<u32> {
        let holders: Vec<u32> =
            patient.enrolled.iter().copied().filter(|holder| *holder != than).collect();
        let drawn = self.hostile.chance.one_of(holders.len());
        holders.get(drawn).copied().or_else(|| self.some_institution(than))
    }

    /// A permission in the patient's name, signed with the hospital's own key.
    fn own_make(&mut self, at: u32, patient: PartyId) -> Chain {
        let now_us = self.stage.now_us;
        let machine = self.machine(at);
        let issued = machine.clock(now_us).seconds();
        let entry = EntryId(crypto::random(&mut machine.party.rng));
        let token = Token {
            issuer: patient,
            subject: patient,
            audience: None,
            expires: issued + DAY_S,
            not_before: issued,
            issued,
            id: TokenId(crypto::random(&mut machine.party.rng)),
            confirmation: Confirmation { grantee: machine.party.peer.me() },
            key: 0,
            parent: None,
            operations: Operations::of(&[Operation::Read]),
            scope: Scope::of_entries([entry]).expect("one is neither none nor too many"),
            quota: None,
            purpose: Purpose::CareManagement,
            delegation: None,
            max_staleness: None,
        };
        Chain::root(&Signed::sign(token, &machine.party.institution_key))
    }

    /// A permission that the patient gave, made to last longer.
    fn altered(&self, at: u32, patient: PartyId) -> Option<Chain> {
        let chains = self.hostile.chains(at);
        let of = chains.iter().rfind(|chain| chain.leaf().claims().subject == patient)?;
        let mut token = of.leaf().claims().clone();
        token.expires += 30 * DAY_S;
        let key = &self.stage.machines[at as usize].party.institution_key;
        Some(Chain::root(&Signed::sign(token, key)))
    }

    /// A key ring that names the hospital as the patient's relay, and a state of revocations.
    fn forge_news(&mut self, at: u32, to: u32, patient: &Patient, log: KeyLog) {
        let now_us = self.stage.now_us;
        let machine = self.machine(at);
        let issued = machine.clock(now_us);
        let ring = KeyRing {
            patient: patient.id,
            key: 0,
            seq: 1 << 40,
            issued,
            expires: issued.plus_ms(DAY_S * 1000),
            compartments: Vec::new(),
            relay: machine.party.peer.me(),
        };
        let token = TokenId(crypto::random(&mut machine.party.rng));
        let state = RevocationState {
            patient: patient.id,
            key: 0,
            seq: 1 << 40,
            issued,
            min_iat: issued.seconds(),
            revoked: vec![Revoked { token, expires: issued.seconds() + DAY_S }],
        };
        let key = &machine.party.institution_key;
        let keys = custody::Keys {
            log,
            ring: Some(Signed::sign(ring, key).to_unverified()),
            news: News {
                revocations: Some(Signed::sign(state, key).to_unverified()),
                ..News::default()
            },
            compartments: Vec::new(),
            treats: None,
        };
        let body = Body::Custody(custody::Message::Keys(keys));
        self.say(Lie::of("forge"), at, to, &body, None);
    }

    /// Sponsors a stranger, once more in its own name and once in another member's; and signs for the view in which the
    /// stranger is a member as if it had been decided.
    pub(super) fn admit_alone(&mut self, at: u32, attempt: u64) {
        let stranger =
            crate::party::Party::named(self.seed, "stranger", Role::Hospital, Policy::default());
        let machine = &self.stage.machines[at as usize];
        let me = machine.party.peer.me();
        let Some(view) = newest(&machine.disk) else { return };
        let next = crypto::SigningKey::from_seed(&seed_of(self.seed, "stranger", "next"));
        let member = Member {
            party: stranger.peer.me(),
            name: "stranger".into(),
            role: Role::Hospital,
            key: stranger.institution_key.public(),
            number: 0,
            next: next.public().digest(),
        };
        let application = Application {
            federation: view.federation,
            member,
            issued: chartmesh_protocol::time::Timestamp(0),
        };
        let application = Signed::sign(application, &stranger.institution_key).to_unverified();
        let other = view.members.iter().map(|member| member.party).find(|party| *party != me);
        let author = other.filter(|_| attempt.is_multiple_of(2)).unwrap_or(me);
        let key = &machine.party.institution_key;
        let ballot = Ballot {
            view: view.id(),
            author,
            number: u32::MAX,
            admit: vec![application.clone()],
            expel: Vec::new(),
            threshold: None,
            leave: false,
        };
        let change = Change { admitted: vec![application], ..Change::default() };
        let words = match (view.successor(&change), view.place_of(author)) {
            (Ok(successor), Some(place)) => {
                let commit = Commit { view: view.id(), round: 0, successor: successor.id() };
                let signature = signature_over(&commit, key);
                vec![Word { act: Act::Commit(commit), by: Endorsement { place, signature } }]
            }
            _ => Vec::new(),
        };
        let told = federation::Gossip {
            position: view.position(),
            ballots: vec![Signed::sign(ballot, key).to_unverified()],
            speeches: Vec::new(),
            words,
            left: None,
            seals: Vec::new(),
        };
        let body = Body::Federation(federation::Message::Gossip(told));
        if let Some(to) = self.some_institution(at) {
            // One sponsor's word is good as far as it goes; who counts as a member is judged elsewhere.
            let lie = Lie { fault: Some("admit-alone"), may_pass: true };
            self.say(lie, at, to, &body, None);
        }
    }

    /// Offers a deposit under a permission whose quota fits it once, and once more a little later. The patient
    /// gave that permission by another program than ours, which sets no quotas yet.
    pub(super) fn overspend(&mut self, at: u32) {
        let Some((body, leaf, to)) = self.offer_with_quota(at) else { return };
        let first = Lie { fault: None, may_pass: true };
        self.say(first, at, to, &body, Some(leaf));
        let Body::Backup(backup::Message::Offer(mut offer)) = body else { return };
        offer.reservation = crypto::random(&mut self.machine(at).party.rng);
        let body = Body::Backup(backup::Message::Offer(offer));
        self.say(Lie::of("overspend"), at, to, &body, Some(leaf));
    }

    fn offer_with_quota(&mut self, at: u32) -> Option<(Body, StatementId, u32)> {
        let now_us = self.stage.now_us;
        let to = self.some_other(at, |role| role == Role::Backup)?;
        let me = self.stage.machines[at as usize].party.peer.me();
        let home = |patient: &&Patient| patient.home == at && patient.enrolled.contains(&at);
        let patients: Vec<Patient> = self.everybody().iter().filter(home).cloned().collect();
        let patient = patients.get(self.hostile.chance.one_of(patients.len()))?.clone();
        let keys =
            self.stage.machines[patient.relay as usize].party.unlocked.get(&patient.id)?.clone();
        let machine = self.machine(at);
        let mut entries = machine.all(now_us, ask::Entries::of(patient.id), None).ok()?;
        EntryView::sort_by_time(&mut entries);
        let entry = entries.iter().find(|entry| entry.author == me && entry.whole)?.entry;
        let bundle = machine.party.peer.bundle(&machine.disk, patient.id, entry).ok()?;
        bundle.label.claims().compartment?;
        let log = machine.party.peer.keys_of(&machine.disk, patient.id).ok()??.log().clone();
        let bytes = bytes_of(&bundle);
        let issued = machine.clock(now_us).seconds();
        let token = Token {
            issuer: patient.id,
            subject: patient.id,
            audience: None,
            expires: issued + DAY_S,
            not_before: issued,
            issued,
            id: TokenId(crypto::random(&mut machine.party.rng)),
            confirmation: Confirmation { grantee: me },
            key: keys.number,
            parent: None,
            operations: Operations::of(&[Operation::Keep]),
            scope: Scope::of_entries([entry])?,
            quota: Some(bytes + bytes / 2),
            purpose: Purpose::CareManagement,
            delegation: None,
            max_staleness: None,
        };
        let chain = Chain::root(&Signed::sign(token, &keys.signing));
        let leaf = chain.leaf().id();
        let offer = backup::Offer {
            reservation: crypto::random(&mut machine.party.rng),
            owner: patient.id,
            bundles: vec![bundle],
            permission: Some(backup::OfferPermission {
                chain,
                log,
                ring: None,
                news: News::default(),
                issuers: Vec::new(),
            }),
            authors: Vec::new(),
            patient: None,
        };
        Some((Body::Backup(backup::Message::Offer(offer)), leaf, to))
    }
}

/// The newest view of a machine's federation.
fn newest(disk: &dyn ReadTxn) -> Option<CheckedView> {
    let view = disk.get(Table::rows("federation_view"), &[]).expect("memory does not fail")?;
    View::from_bytes(&view, usize::MAX).ok()?.check().ok()
}
