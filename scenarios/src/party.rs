//! One party: a peer, its store, its objects, its patients' keys.

use crate::tier::{keep, rotation, seed_of};
use chartmesh_protocol::agenda::Agenda;
use chartmesh_protocol::crypto::{SigningKey, WrappingKey};
use chartmesh_protocol::custody::{
    self,
    command::{Keep, Rotate},
};
use chartmesh_protocol::id::{ObjectId, PartyId, TokenId};
use chartmesh_protocol::identity::{KnownKeys, Role, Rotation, incept};
use chartmesh_protocol::peer::{EarlierKeys, Identity, PatientKeys, Peer, Policy};
use chartmesh_protocol::statement::Signed;
use chartmesh_protocol::store::Memory;
use chartmesh_protocol::time::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;

/// Which party of a world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Who(pub usize);

/// What a party has under way at its start. Its line bounds how much it pulls at a time, not a number.
pub(crate) const fn idle() -> Agenda {
    Agenda::new(usize::MAX)
}

/// One party.
pub struct Party {
    /// The peer.
    pub peer: Peer,
    /// Its store.
    pub store: Memory,
    /// Large objects, by id.
    pub objects: BTreeMap<ObjectId, Vec<u8>>,
    /// Unlocked patients.
    pub unlocked: BTreeMap<PartyId, PatientKeys>,
    /// The words of patients that were made here, as the patients keep them on paper.
    pub words: BTreeMap<PartyId, String>,
    /// Whether it is switched on.
    pub online: bool,
    /// Its node's key, for tests in which it is dishonest.
    pub node_key: SigningKey,
    /// Its institution's key, likewise.
    pub institution_key: SigningKey,
    /// Its institution's next key, as an operator's words keep it.
    next_key: SigningKey,
    /// What its institution seals to itself, for tests of what a thief of it opens.
    pub own: WrappingKey,
    /// Its institution's keys from before its rotations.
    earlier: Vec<(SigningKey, (u32, WrappingKey))>,
    /// How often it was switched: what was under way before is not any more.
    pub(crate) starts: u32,
    /// By how much its machine's clock is ahead of the world's, in milliseconds.
    pub ahead_ms: u64,
    pub(crate) rng: ChaCha20Rng,
    /// What is under way with others, and what is to be done next.
    pub(crate) agenda: Agenda,
}

impl Party {
    pub(crate) fn new(seed: u64, index: usize, role: Role, name: &str) -> Self {
        Self::node_of((seed, index), (seed, index), role, name)
    }

    /// A party of a scenario, whose keys follow from the seed and its name.
    pub(crate) fn named(seed: u64, name: &str, role: Role, policy: Policy) -> Self {
        let key = |purpose: &str| seed_of(seed, name, purpose);
        let party = Self::with_keys(&key, role, name);
        Self { peer: party.peer.with_policy(policy), ..party }
    }

    /// A node of an institution: the seed and number that the institution's keys follow from, and those
    /// that its own do.
    pub(crate) fn node_of(
        institution: (u64, usize),
        node: (u64, usize),
        role: Role,
        name: &str,
    ) -> Self {
        let of = |(seed, index): (u64, usize), purpose: &str| {
            let mut hasher = blake3::Hasher::new();
            hasher
                .update(&seed.to_be_bytes())
                .update(&index.to_be_bytes())
                .update(purpose.as_bytes());
            *hasher.finalize().as_bytes()
        };
        let key = |purpose: &str| match purpose {
            "node" | "random" => of(node, purpose),
            _ => of(institution, purpose),
        };
        Self::with_keys(&key, role, name)
    }

    fn with_keys(key: &dyn Fn(&str) -> [u8; 32], role: Role, name: &str) -> Self {
        let institution = SigningKey::from_seed(&key("institution"));
        let next = SigningKey::from_seed(&key("next"));
        let identity = Identity {
            role,
            name: name.to_owned(),
            log: incept(&institution, &next.public()),
            institution: institution.clone(),
            own: WrappingKey::from_bytes(key("own")),
            node: SigningKey::from_seed(&key("node")),
        };
        Self {
            peer: Peer::new(identity).expect("a fresh key log verifies"),
            store: Memory::default(),
            objects: BTreeMap::new(),
            unlocked: BTreeMap::new(),
            words: BTreeMap::new(),
            online: true,
            node_key: SigningKey::from_seed(&key("node")),
            institution_key: institution,
            next_key: next,
            own: WrappingKey::from_bytes(key("own")),
            earlier: Vec::new(),
            starts: 0,
            ahead_ms: 0,
            rng: ChaCha20Rng::from_seed(key("random")),
            agenda: idle(),
        }
    }

    /// Rotates its institution's keys, as an operator does while the node is off: its key and the node's are new, and those
    /// from before are at hand as they are on a disk.
    ///
    /// # Panics
    /// When its own keys are not in its store.
    pub fn rotate_institution(&mut self, at: Timestamp) {
        let me = self.peer.me();
        let known = self.peer.keys_of(&self.store, me).expect("memory does not fail");
        let known = known.expect("a node knows its own keys");
        let after = |key: &SigningKey| SigningKey::from_seed(blake3::hash(&*key.seed()).as_bytes());
        let (before, key) = (self.institution_key.clone(), self.next_key.clone());
        let own = WrappingKey::from_bytes(*key.seed());
        let own_before = core::mem::replace(&mut self.own, own);
        self.earlier.push((before, (known.current_number(), own_before)));
        self.next_key = after(&key);
        self.node_key = after(&self.node_key);
        let rotation = Rotation {
            party: me,
            number: known.current_number() + 1,
            key: key.public(),
            next: self.next_key.public().digest(),
            kept: Vec::new(),
            at: known.rotated_at().map_or(at, |before| at.max(before)),
        };
        let identity = Identity {
            role: self.peer.role(),
            name: self.peer.name().to_owned(),
            log: known.log().clone().rotated(&Signed::sign(rotation, &key)),
            institution: key.clone(),
            own: self.own.clone(),
            node: self.node_key.clone(),
        };
        self.institution_key = key;
        let (signing, own) = self.earlier.iter().cloned().unzip();
        let peer = Peer::new(identity).expect("the key was committed to");
        self.peer = peer.with_earlier(EarlierKeys { signing, own });
    }

    /// Makes a patient on this relay, and what has it keep the keys; the world keeps the words like a patient would.
    pub(crate) fn make_patient(&mut self, name: String) -> (PartyId, Keep) {
        let new = custody::make(&mut self.rng);
        let patient = new.keys.patient;
        self.words.insert(patient, new.words.to_string());
        self.unlocked.insert(patient, new.keys.clone());
        (patient, keep(new, name))
    }

    /// Gives a patient of this relay the next keys, by the words, and what has the relay take them; nothing when the
    /// words are not here or the keys cannot change any more.
    pub(crate) fn rotate(
        &mut self,
        patient: PartyId,
        known: &KnownKeys,
        kept: Vec<TokenId>,
        now: Timestamp,
    ) -> Option<Rotate> {
        let words = self.words.get(&patient)?;
        let (keys, rotate) = rotation(known, words, kept, now).ok()?;
        self.unlocked.insert(patient, keys);
        Some(rotate)
    }
}
