//! A small world, and every cause of refusal in it: each case differs from a good one in one thing.
//!
//! The cases are the vectors under `vectors/capability/`: a case is run from its JSON alone, so the
//! files hold all that a second implementation needs.

use super::*;
use crate::codec::{Bytes, Wire};
use crate::crypto::{KemSecret, SigningKey};
use crate::id::{CompartmentId, EntryId, NodeId, ObjectId, PartyId, StatementId, TokenId};
use crate::identity::{KeyLog, KnownKeys, Rotation, Treats, incept};
use crate::limits;
use crate::statement::{Signed, Unverified};
use crate::time::{DAY_MS, Timestamp};
use crate::vectors;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Mutex;
use zeroize::Zeroizing;

mod cases;
mod explained;
mod news;
use cases::{bad, good, rotated};
use news::{bad_news, good_news, long_ago};

/// 2026-11-21 09:00 UTC.
pub(super) const NOW: u64 = 1_795_251_600;
const DAY: u64 = 86_400;
const NONCE: [u8; 16] = [0x0e; 16];
const REQUEST: [u8; 32] = [0x4e; 32];

pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// A party whose key number n has seed `seed + n`.
fn log(seed: u8) -> KeyLog {
    incept(&key(seed), &key(seed + 1).public())
}

pub(super) fn keys(seed: u8) -> KnownKeys {
    // Property tests ask for them thousands of times.
    static KNOWN: Mutex<BTreeMap<u8, KnownKeys>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap();
    known.entry(seed).or_insert_with(|| log(seed).verify().unwrap()).clone()
}

fn id(seed: u8) -> PartyId {
    keys(seed).party()
}

/// Seeds of the parties' first keys.
pub(super) const PATIENT: u8 = 10;
pub(super) const HOSPITAL_B: u8 = 20;
pub(super) const HOSPITAL_C: u8 = 30;
pub(super) const PROVIDER: u8 = 40;
const STRANGER: u8 = 50;
const RELAY: u8 = 60;
/// Seeds of the nodes' keys.
const NODE_B: u8 = 120;
const NODE_C: u8 = 130;

fn node(seed: u8) -> NodeId {
    key(seed).public().into()
}

fn entry(n: u8) -> EntryId {
    EntryId([n; 16])
}

fn compartment(n: u8) -> CompartmentId {
    CompartmentId([n; 16])
}

fn target(e: u8, c: u8) -> Target {
    Target { entry: entry(e), compartment: compartment(c) }
}

/// What the patient gives to hospital B.
pub(super) fn root() -> Token {
    Token {
        issuer: id(PATIENT),
        subject: id(PATIENT),
        audience: Set::new([id(PROVIDER)]),
        expires: NOW + 30 * DAY,
        not_before: NOW - DAY,
        issued: NOW - DAY,
        id: TokenId([0xa1; 16]),
        confirmation: Confirmation { grantee: id(HOSPITAL_B) },
        key: 0,
        parent: None,
        operations: Operations::of(&[Operation::Read, Operation::Write]),
        scope: Scope::new(Set::new([entry(1), entry(2)]), Set::new([compartment(7)])).unwrap(),
        quota: Some(1000),
        purpose: Purpose::Treatment,
        delegation: Some(Delegation {
            depth: 1,
            institutions: Set::new([id(HOSPITAL_C)]).unwrap(),
        }),
        max_staleness: Some(DAY),
        quota_entries: Some(10),
    }
}

/// What hospital B passes on to hospital C.
pub(super) fn child() -> Token {
    Token {
        issuer: id(HOSPITAL_B),
        expires: NOW + 7 * DAY,
        id: TokenId([0xa2; 16]),
        confirmation: Confirmation { grantee: id(HOSPITAL_C) },
        operations: Operations::of(&[Operation::Read]),
        scope: Scope::of_entries([entry(2)]).unwrap(),
        quota: Some(0),
        quota_entries: Some(0),
        delegation: None,
        parent: Some(Signed::sign(root(), &key(PATIENT)).id()),
        ..root()
    }
}

#[derive(Serialize, Deserialize, Clone)]
struct Node {
    node: NodeId,
    institution: PartyId,
}

#[derive(Serialize, Deserialize, Clone)]
struct Used {
    token: TokenId,
    bytes: u64,
    entries: u64,
}

/// One case, as it stands in the files. Byte strings are hexadecimal.
#[derive(Serialize, Deserialize, Clone)]
struct Case {
    name: String,
    why: String,
    chain: Bytes,
    proof: Option<Bytes>,
    request_hash: Bytes,
    node: NodeId,
    verifier: PartyId,
    now_ms: u64,
    nonce: Bytes,
    patient_keys: Bytes,
    institution_keys: Vec<Bytes>,
    nodes: Vec<Node>,
    revocation_states: Vec<Bytes>,
    /// The keys of the relay that the patient's key ring names.
    relay_keys: Bytes,
    /// What it says of the newest of these states.
    freshness: Option<Bytes>,
    /// What the patient says of whoever presents the permission.
    treats: Option<Bytes>,
    operation: Operation,
    targets: Vec<Target>,
    purpose: Option<Purpose>,
    bytes: u64,
    used: Vec<Used>,
    /// `None`: permitted.
    reason: Option<Reason>,
    told_to_the_far_side: Option<Reason>,
    leaf: Option<StatementId>,
    sentences: Vec<String>,
}

fn log_bytes(log: &KeyLog) -> Bytes {
    Bytes(log.to_bytes())
}

fn state(seq: u64, issued_s: u64, min_iat: u64, revoked: &[TokenId]) -> RevocationState {
    RevocationState {
        patient: id(PATIENT),
        key: 0,
        seq,
        issued: Timestamp::from_seconds(issued_s),
        min_iat,
        revoked: revoked.iter().map(|&token| Revoked { token, expires: NOW + 90 * DAY }).collect(),
    }
}

fn states(states: &[RevocationState]) -> Vec<Bytes> {
    states_by(0, states)
}

/// Signed with the patient's key of this number.
fn states_by(number: u8, states: &[RevocationState]) -> Vec<Bytes> {
    let sign = |state: &RevocationState| {
        let state = RevocationState { key: number.into(), ..state.clone() };
        Bytes(Signed::sign(state, &key(PATIENT + number)).bytes().to_vec())
    };
    states.iter().map(sign).collect()
}

/// The relay's word on the state of [`state`] with this number.
fn freshness(relay: u8, state: &RevocationState, issued_s: u64) -> Option<Bytes> {
    let claims = Freshness {
        patient: id(PATIENT),
        relay: id(relay),
        key: 0,
        state: Signed::sign(state.clone(), &key(PATIENT)).id(),
        issued: Timestamp::from_seconds(issued_s),
    };
    Some(Bytes(Signed::sign(claims, &key(relay)).bytes().to_vec()))
}

/// The patient's word that an institution treats the patient.
fn treats(institution: u8, until: Option<u64>, signer: u8) -> Option<Bytes> {
    let claims = Treats {
        patient: id(PATIENT),
        key: 0,
        institution: id(institution),
        issued: Timestamp::from_seconds(NOW - 60 * DAY),
        until: until.map(Timestamp::from_seconds),
        kinds: Vec::new(),
    };
    Some(Bytes(Signed::sign(claims, &key(signer)).bytes().to_vec()))
}

fn prove(chain: &Chain, by: u8) -> Signed<Proof> {
    proof_of(chain).sign(&key(by))
}

fn proof_of(chain: &Chain) -> Proof {
    Proof { leaf: chain.leaf().id(), request: REQUEST, verifier: id(PROVIDER), nonce: NONCE }
}

fn names(party: PartyId) -> Option<String> {
    let known = [
        (PATIENT, "Anna Example"),
        (HOSPITAL_B, "Hospital B"),
        (HOSPITAL_C, "Hospital C"),
        (PROVIDER, "Backup Provider"),
    ];
    known.into_iter().find(|(seed, _)| id(*seed) == party).map(|(_, name)| name.to_owned())
}

impl Case {
    /// Reading entry 1 with a chain that `node` presents.
    fn of(name: &str, why: &str, chain: &Chain, by: u8) -> Self {
        Self {
            name: name.to_owned(),
            why: why.to_owned(),
            proof: Some(Bytes(prove(chain, by).bytes().to_vec())),
            chain: Bytes(chain.to_bytes()),
            request_hash: Bytes(REQUEST.to_vec()),
            node: node(by),
            verifier: id(PROVIDER),
            now_ms: NOW * 1000,
            nonce: Bytes(NONCE.to_vec()),
            patient_keys: log_bytes(&log(PATIENT)),
            institution_keys: [HOSPITAL_B, HOSPITAL_C].map(|seed| log_bytes(&log(seed))).to_vec(),
            nodes: [(NODE_B, HOSPITAL_B), (NODE_C, HOSPITAL_C)]
                .map(|(seed, of)| Node { node: node(seed), institution: id(of) })
                .to_vec(),
            revocation_states: states(&[state(1, NOW - 3600, 0, &[])]),
            relay_keys: log_bytes(&log(RELAY)),
            freshness: None,
            treats: None,
            operation: Operation::Read,
            targets: vec![target(2, 9)],
            purpose: Some(Purpose::Treatment),
            bytes: 0,
            used: Vec::new(),
            reason: None,
            told_to_the_far_side: None,
            leaf: None,
            sentences: Vec::new(),
        }
    }

    /// One link, claims as given, signed by the patient.
    fn one(name: &str, why: &str, claims: Token) -> Self {
        Self::of(name, why, &one(claims), NODE_B)
    }

    /// Two links, presented by hospital C.
    fn two(name: &str, why: &str, claims: Token) -> Self {
        let chain =
            vec![Signed::sign(root(), &key(PATIENT)), Signed::sign(claims, &key(HOSPITAL_B))];
        Self::of(name, why, &chain.into(), NODE_C)
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn with_proof(self, change: impl FnOnce(&mut Proof)) -> Self {
        self.with(|case| {
            let mut claims = case.parsed_proof().unwrap().claims().clone();
            change(&mut claims);
            case.proof = Some(Bytes(claims.sign(&key(NODE_B)).bytes().to_vec()));
        })
    }

    fn parsed_proof(&self) -> Option<Unverified<Proof>> {
        self.proof.as_ref().map(|bytes| Unverified::parse(&bytes.0).unwrap())
    }

    /// Judges the case by nothing but what stands in it.
    fn run(&self) -> Result<GrantedSummary, Reason> {
        let presented = Presented {
            chain: Chain::parse(&self.chain.0)?,
            proof: self.parsed_proof(),
            request_hash: self.request_hash.0.clone().try_into().unwrap(),
            node: self.node,
        };
        let known = |bytes: &Bytes| {
            KeyLog::from_bytes(&bytes.0, limits::REQUEST_BYTES_MAX).unwrap().verify().unwrap()
        };
        let patient = known(&self.patient_keys);
        let institutions: Vec<_> = self.institution_keys.iter().map(known).collect();
        let institution = |party| institutions.iter().find(|keys| keys.party() == party).cloned();
        let now = Timestamp(self.now_ms);
        let mut revocations = Revocations::none(patient.party());
        for bytes in &self.revocation_states {
            let state = Unverified::<RevocationState>::parse(&bytes.0).unwrap();
            revocations.merge(&state.certify(&patient).unwrap(), now);
        }
        if let (Some(bytes), Some(newest)) = (&self.freshness, self.revocation_states.last()) {
            let newest = Unverified::<RevocationState>::parse(&newest.0).unwrap().id();
            let word = Unverified::<Freshness>::parse(&bytes.0).unwrap();
            // What does not verify teaches nothing.
            if let Ok(word) = word.certify(patient.party(), &known(&self.relay_keys)) {
                revocations.confirm(newest, &word, now);
            }
        }
        let treats = self.treats.as_ref().and_then(|bytes| {
            Unverified::<Treats>::parse(&bytes.0).unwrap().certify(&patient, now).ok()
        });
        let verifier = Verifier {
            me: self.verifier,
            now,
            nonce: self.nonce.0.clone().try_into().unwrap(),
            keys: Keys { patient: &patient, institutions: &institution },
            revocations: &revocations,
            forgot: None,
            treats: treats.as_deref(),
            node_of: &|node| {
                self.nodes.iter().find(|known| known.node == node).map(|known| known.institution)
            },
        };
        let used = |token| {
            let used = self.used.iter().find(|used| used.token == token);
            used.map_or(Spent::default(), |used| Spent { bytes: used.bytes, entries: used.entries })
        };
        let wanted = Wanted {
            targets: &self.targets,
            purpose: self.purpose,
            bytes: self.bytes,
            used: &used,
        };
        fn run<Op: Permitted>(
            presented: &Presented,
            verifier: &Verifier<'_>,
            wanted: &Wanted<'_>,
        ) -> Result<GrantedSummary, Reason> {
            let at_once = verify::<Op>(presented, verifier, wanted);
            let in_steps = presented
                .clone()
                .authenticate(&verifier.keys)
                .and_then(|authentic| authentic.judge::<Op>(verifier, wanted));
            assert_eq!(
                at_once.as_ref().map(Granted::summary).map_err(|reason| *reason),
                in_steps.as_ref().map(Granted::summary).map_err(|reason| *reason),
            );
            at_once.map(|granted| granted.summary().clone())
        }
        match self.operation {
            Operation::Read => run::<Read>(&presented, &verifier, &wanted),
            Operation::Write => run::<Write>(&presented, &verifier, &wanted),
            Operation::Keep => run::<Keep>(&presented, &verifier, &wanted),
            Operation::Release => run::<Release>(&presented, &verifier, &wanted),
            Operation::Refer => run::<Refer>(&presented, &verifier, &wanted),
        }
    }

    fn settled(mut self, reason: Option<Reason>) -> Self {
        self.reason = reason;
        self.told_to_the_far_side = reason.map(Reason::for_stranger);
        if let Ok(chain) = Chain::parse(&self.chain.0) {
            self.leaf = Some(chain.leaf().id());
            self.sentences = explain::explain(&chain, &names, Timestamp(self.now_ms));
        }
        self
    }
}

fn one(claims: Token) -> Chain {
    Chain::root(&Signed::sign(claims, &key(PATIENT)))
}

#[test]
fn good_vectors_are_permitted() {
    let good = good().into_iter().chain(good_news());
    let cases: Vec<Case> = good.map(|case| case.settled(None)).collect();
    for case in &cases {
        let summary = case.run().unwrap_or_else(|reason| panic!("{}: {reason}", case.name));
        assert_eq!(Some(summary.leaf), case.leaf, "{}", case.name);
        let again = GrantedSummary::from_bytes(&summary.to_bytes(), 10_000).unwrap();
        assert_eq!(again, summary);
    }
    vectors::check("capability", "good", &cases);
}

#[test]
fn each_reason_has_a_case_that_is_refused_for_it_alone() {
    let cases: Vec<Case> =
        bad().into_iter().map(|(case, reason)| case.settled(Some(reason))).collect();
    for case in &cases {
        assert_eq!(case.run().err(), case.reason, "{}: {}", case.name, case.why);
    }
    for reason in &Reason::ALL[1..] {
        assert!(cases.iter().any(|case| case.reason == Some(*reason)), "no case for {reason:?}");
    }
    vectors::check("capability", "bad", &cases);
}

#[test]
#[cfg_attr(feature = "stand-ins", ignore = "the vectors are of the real cryptography")]
fn the_files_alone_say_how_to_judge() {
    for file in ["good", "bad"] {
        let cases: Vec<Case> = vectors::read("capability", file);
        assert!(!cases.is_empty());
        for case in cases {
            assert_eq!(case.run().err(), case.reason, "{}", case.name);
        }
    }
}

/// One table of the words that the protocol uses, for SPEC.md.
#[test]
fn tables_of_words_are_unchanged() {
    let reasons: Vec<_> = Reason::ALL
        .iter()
        .map(|r| serde_json::json!({"code": r.code(), "name": r.name(), "sentence": r.sentence()}))
        .collect();
    let claims: Vec<_> = explain::TABLE
        .iter()
        .map(|row| {
            let otherwise = row.otherwise.map(|(when, sentence)| {
                serde_json::json!({"when": format!("{when:?}").to_lowercase(), "sentence": sentence})
            });
            serde_json::json!({
                "key": row.key, "claim": row.claim, "form": row.form,
                "sentence": row.sentence, "otherwise": otherwise,
            })
        })
        .collect();
    let operations: Vec<_> = Operation::ALL
        .iter()
        .map(|o| serde_json::json!({"code": o.code(), "name": o, "words": o.in_words()}))
        .collect();
    let purposes: Vec<_> = Purpose::ALL
        .iter()
        .map(|p| serde_json::json!({"code": p.code(), "name": p, "hl7": p.hl7(), "words": p.in_words()}))
        .collect();
    let tables = serde_json::json!({
        "reasons": reasons, "claims": claims, "operations": operations, "purposes": purposes,
    });
    vectors::check("capability", "tables", &tables);
}

#[test]
fn a_transfer_in_flight_ends_with_what_permitted_it() {
    let patient = keys(PATIENT);
    let none = |_| None;
    let institutions = Keys { patient: &patient, institutions: &none };
    let summary = Case::one("", "", root()).run().unwrap();
    let now = Timestamp::from_seconds(NOW);
    let with = |state: RevocationState| {
        let mut revocations = Revocations::none(patient.party());
        revocations.merge(&Signed::sign(state, &key(PATIENT)), now);
        revocations
    };
    let fresh = with(state(2, NOW, 0, &[]));
    assert_eq!(summary.recheck(now, (&fresh, None), &institutions), Ok(()));
    let revoked = with(state(3, NOW, 0, &[root().id]));
    assert_eq!(summary.recheck(now, (&revoked, None), &institutions), Err(Reason::Revoked));
    let end = Timestamp::from_seconds(NOW + 30 * DAY);
    assert_eq!(summary.recheck(end, (&fresh, None), &institutions), Err(Reason::Expired));
    let later = now.plus_ms(DAY_MS + 1);
    assert_eq!(
        summary.recheck(later, (&fresh, None), &institutions),
        Err(Reason::StaleRevocations)
    );
    // [CAP-20]: whoever was put back serves by what it heard since it noticed, else as if it had heard nothing since the copy.
    let forgot = |noticed| Some(Forgot { since: Timestamp(now.0 - 2 * DAY_MS), noticed });
    assert_eq!(summary.recheck(now, (&fresh, forgot(now)), &institutions), Ok(()));
    assert_eq!(
        summary.recheck(now, (&fresh, forgot(now.plus_ms(1))), &institutions),
        Err(Reason::StaleRevocations)
    );
    let rotated = rotated(Vec::new()).verify().unwrap();
    let keys = Keys { patient: &rotated, institutions: &none };
    assert_eq!(summary.recheck(now, (&fresh, None), &keys), Err(Reason::OldKey));
    let resumed =
        Granted::<Read>::resume(summary.clone(), now, (&fresh, None), &institutions).unwrap();
    assert!(resumed.covers(entry(1), compartment(0)) && !resumed.covers(entry(3), compartment(0)));
    let other = Granted::<Write>::resume(summary, now, (&fresh, None), &institutions);
    assert_eq!(other.err(), Some(Reason::OperationNotPermitted));
}

#[test]
fn a_grant_opens_for_its_grantee_and_with_its_permission_only() {
    let secret = KemSecret::from_seed([3; 32]);
    let keys = GrantKeys {
        entries: vec![
            (entry(1), Zeroizing::new([0x11; 32])),
            (entry(2), Zeroizing::new([0x22; 32])),
        ],
        compartments: vec![(compartment(7), Zeroizing::new([0x77; 32]))],
    };
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
    let grant = Grant::seal(one(root()), &keys, &secret.public(), &mut rng).unwrap();
    let arrived = Grant::from_bytes(&grant.to_bytes(), limits::REQUEST_BYTES_MAX).unwrap();
    assert_eq!(arrived, grant);
    let opened = arrived.open(&secret).unwrap();
    assert_eq!((&opened.entries, &opened.compartments), (&keys.entries, &keys.compartments));
    assert_eq!(format!("{opened:?}"), "GrantKeys(2, 1)");

    assert!(arrived.open(&KemSecret::from_seed([4; 32])).is_err());
    let moved = Grant { chain: one(Token { quota: None, ..root() }), ..arrived };
    assert!(moved.open(&secret).is_err());
    let outside = GrantKeys {
        entries: Vec::new(),
        compartments: vec![(compartment(8), Zeroizing::new([0x88; 32]))],
    };
    assert_eq!(
        Grant::seal(one(root()), &outside, &secret.public(), &mut rng),
        Err(GrantError::OutsideScope)
    );

    let mut rng = rand_chacha::ChaCha20Rng::from_seed([2; 32]);
    let (object, data_key) = (ObjectId([0x0b; 32]), [0x5a; 32]);
    let wrap = crate::wrap::wrap(&data_key, object, id(PATIENT), &secret.public(), &mut rng);
    let wrap = wrap.unwrap();
    assert_eq!(*crate::wrap::unwrap(&wrap, object, id(PATIENT), &secret).unwrap(), data_key);
    vectors::check(
        "capability",
        "sealed",
        &serde_json::json!({
            "grant": {
                "why": "the keys of entries 01.. and 02.. and the seed of compartment 07.., sealed to the grantee",
                "recipient_seed": Bytes(secret.seed().to_vec()),
                "grant": Bytes(grant.to_bytes()),
                "entries": { "01010101010101010101010101010101": Bytes(vec![0x11; 32]),
                             "02020202020202020202020202020202": Bytes(vec![0x22; 32]) },
                "compartments": { "07070707070707070707070707070707": Bytes(vec![0x77; 32]) },
            },
            "wrap": {
                "why": "the data key of one object, sealed to one reader",
                "recipient_seed": Bytes(secret.seed().to_vec()),
                "party": id(PATIENT),
                "object": object,
                "data_key": Bytes(data_key.to_vec()),
                "wrap": Bytes(wrap.as_bytes().to_vec()),
            },
        }),
    );
}

#[test]
fn a_name_cannot_pass_for_a_sentence() {
    let forging = |_| Some(format!("X.\nIt may be passed on to everybody{}", " ".repeat(500)));
    let sentences = explain::explain(&one(root()), &forging, Timestamp::from_seconds(NOW));
    assert_eq!(sentences.len(), explain::TABLE.len());
    assert!(sentences.iter().all(|s| !s.contains('\n') && s.len() < 300));
}
