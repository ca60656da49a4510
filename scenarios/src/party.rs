//! One party: a peer, its store, its objects, its patients' keys.

use chartmesh_protocol::crypto::{KemSecret, SigningKey};
use chartmesh_protocol::custody;
use chartmesh_protocol::id::{NodeId, ObjectId, PartyId};
use chartmesh_protocol::identity::{Role, incept};
use chartmesh_protocol::peer::{Identity, PatientKeys, Peer, Policy};
use chartmesh_protocol::store::Memory;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;

/// Which party of a world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Who(pub usize);

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
    /// What grants to it are sealed to, for tests that open one themselves.
    pub kem: KemSecret,
    /// By how much its machine's clock is ahead of the world's, in milliseconds.
    pub ahead_ms: u64,
    pub(crate) rng: ChaCha20Rng,
    /// By node: the nonce that we told it, and the one that it told us.
    pub(crate) connections: BTreeMap<NodeId, ([u8; 16], Option<[u8; 16]>)>,
    pub(crate) gates: std::collections::BTreeSet<NodeId>,
}

impl Party {
    pub(crate) fn new(seed: u64, index: usize, role: Role, name: &str) -> Self {
        Self::node_of((seed, index), (seed, index), role, name)
    }

    /// A party of a scenario, whose keys follow from the seed and its name.
    pub(crate) fn named(seed: u64, name: &str, role: Role, policy: Policy) -> Self {
        let key = |purpose: &str| crate::engine::chance::seed_of(seed, name, purpose);
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
            kem: KemSecret::from_seed(key("kem")),
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
            kem: KemSecret::from_seed(key("kem")),
            ahead_ms: 0,
            rng: ChaCha20Rng::from_seed(key("random")),
            connections: BTreeMap::new(),
            gates: std::collections::BTreeSet::new(),
        }
    }

    /// Makes a patient's keys on this relay; the world keeps the words like a patient would.
    pub(crate) fn make_patient(&mut self) -> custody::NewPatient {
        let new = custody::make(&mut self.rng);
        self.words.insert(new.keys.patient, new.words.to_string());
        self.unlocked.insert(new.keys.patient, new.keys.clone());
        new
    }
}
