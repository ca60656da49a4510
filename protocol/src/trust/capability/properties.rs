//! No link can ever do what the link above could not, whatever anybody writes into it.
//!
//! What a token permits is said here a second time, by brute force and without looking at the
//! verifier: operation by operation, entry by entry, holder by holder, moment by moment.

use super::tests::{HOSPITAL_B, HOSPITAL_C, NOW, PATIENT, PROVIDER, child, key, keys, root};
use super::*;
use crate::codec::{DecodeError, Wire};
use crate::id::{CompartmentId, EntryId, NodeId, PartyId, StatementId, TokenId};
use crate::limits;
use crate::statement::{Signed, Unverified};
use crate::time::Timestamp;
use proptest::prelude::*;

const NONCE: ConnectionNonce = [1; 16];
const REQUEST: RequestHash = [2; 32];

/// One thing that somebody might do.
#[derive(Clone, Copy, Debug)]
struct Deed {
    operation: Operation,
    target: Target,
    holder: PartyId,
    now: u64,
    bytes: u64,
    staleness: u64,
}

/// Whether the claims permit the deed, read off claim by claim.
fn permits(token: &Token, deed: Deed) -> bool {
    let holder = token.audience.iter().all(|set| set.as_slice().contains(&deed.holder));
    let operation = token.operations.iter().any(|operation| operation == deed.operation);
    let object = token.scope.entries().contains(&deed.target.entry)
        || token.scope.compartments().contains(&deed.target.compartment);
    let time = token.not_before <= deed.now + 120 && deed.now < token.expires;
    let counts = matches!(deed.operation, Operation::Write | Operation::Keep);
    let room = !counts
        || token.quota.is_none_or(|quota| deed.bytes <= quota)
            && token.quota_entries.is_none_or(|quota| quota >= 1);
    // Nobody here treats the patient, and no news is as old as a week.
    let staleness = deed.staleness.min(deed.now.saturating_sub(token.issued));
    let fresh = token.max_staleness.is_none_or(|limit| staleness <= limit);
    holder && operation && object && time && room && fresh
}

fn holders() -> [PartyId; 3] {
    [PROVIDER, HOSPITAL_B, HOSPITAL_C].map(|seed| keys(seed).party())
}

fn deeds() -> impl Strategy<Value = Deed> {
    (0..5usize, 0..4u8, 0..3u8, 0..3usize, 0..8u64, 0..4u64, 0..4u64).prop_map(
        |(operation, entry, compartment, holder, now, bytes, staleness)| Deed {
            operation: Operation::ALL[operation],
            target: Target {
                entry: EntryId([entry; 16]),
                compartment: CompartmentId([compartment; 16]),
            },
            holder: holders()[holder],
            now: NOW + now * 100,
            bytes,
            staleness,
        },
    )
}

fn parties(bits: u8) -> Option<Parties> {
    Set::new(
        holders().into_iter().enumerate().filter(|(n, _)| bits >> n & 1 == 1).map(|(_, id)| id),
    )
}

fn scope(bits: u8) -> Scope {
    let entries = Set::new((0..4).filter(|n| bits >> n & 1 == 1).map(|n| EntryId([n; 16])));
    let compartments =
        Set::new((0..3).filter(|n| bits >> (4 + n) & 1 == 1).map(|n| CompartmentId([n; 16])));
    Scope::new(entries, compartments).unwrap_or_else(|| scope(1))
}

fn operations(bits: u8) -> Operations {
    let set: Vec<_> =
        Operation::ALL.iter().copied().filter(|o| bits >> o.code() & 1 == 1).collect();
    if set.is_empty() { Operations::of(&[Operation::Read]) } else { Operations::of(&set) }
}

/// Claims of every shape in a domain small enough for deeds to hit.
fn tokens() -> impl Strategy<Value = Token> {
    (
        (any::<u8>(), any::<u8>(), proptest::option::of(1..8u8)),
        (0..6u64, 1..6u64),
        (proptest::option::of(0..4u64), proptest::option::of(0..4u64)),
        (0..2usize, proptest::option::weighted(0.9, (1..=2u16, 1..8u8)), 0..3usize),
    )
        .prop_map(
            |((ops, what, aud), (begin, len), (quota, staleness), (purpose, delegation, cnf))| {
                Token {
                    operations: operations(ops),
                    scope: scope(what),
                    audience: aud.and_then(parties),
                    not_before: NOW + begin * 100,
                    expires: NOW + (begin + len) * 100,
                    issued: NOW,
                    quota,
                    quota_entries: quota.filter(|quota| quota % 2 == 0).map(|quota| quota / 2),
                    max_staleness: staleness,
                    purpose: Purpose::ALL[purpose],
                    delegation: delegation.map(|(depth, who)| Delegation {
                        depth,
                        institutions: parties(who).expect("bits are not zero"),
                    }),
                    confirmation: Confirmation { grantee: holders()[cnf] },
                    ..root()
                }
            },
        )
}

/// Which claims a child takes from elsewhere: few.
fn mixes() -> impl Strategy<Value = Vec<bool>> {
    proptest::collection::vec(proptest::bool::weighted(0.15), 9)
}

/// A child that takes each claim from its parent or from elsewhere: often a good one, often one
/// that is wrong in a claim or two.
fn children(parent: &Token, other: Token, from_other: &[bool], parent_id: StatementId) -> Token {
    let mut token = parent.clone();
    let pick = |n: usize| from_other[n];
    token.issuer = parent.grantee();
    token.parent = Some(parent_id);
    token.id = TokenId([0xa2; 16]);
    token.confirmation = other.confirmation.clone();
    token.delegation = if pick(0) { other.delegation } else { None };
    if pick(1) {
        token.operations = other.operations;
    }
    if pick(2) {
        token.scope = other.scope;
    }
    if pick(3) {
        token.audience = other.audience;
    }
    if pick(4) {
        token.not_before = other.not_before;
    }
    if pick(5) {
        token.expires = other.expires;
    }
    if pick(6) {
        token.quota = other.quota;
        token.quota_entries = other.quota_entries;
    }
    if pick(7) {
        token.max_staleness = other.max_staleness;
    }
    if pick(8) {
        token.purpose = other.purpose;
    }
    token
}

/// The verifier's word on a deed: who presents it is a node of the leaf's grantee, whoever that is.
fn verifies(chain: &Chain, deed: Deed) -> bool {
    let node_key = key(200);
    let node: NodeId = node_key.public().into();
    let grantee = chain.leaf().claims().grantee();
    let proof =
        Proof { leaf: chain.leaf().id(), request: REQUEST, verifier: deed.holder, nonce: NONCE };
    let presented = Presented {
        chain: chain.clone(),
        proof: Some(proof.sign(&node_key).to_unverified()),
        request_hash: REQUEST,
        node,
    };
    let patient = keys(PATIENT);
    let institutions = [PROVIDER, HOSPITAL_B, HOSPITAL_C].map(keys);
    let institution = |party| institutions.iter().find(|keys| keys.party() == party).cloned();
    let revocations = Revocations {
        issued: Timestamp::from_seconds(deed.now - deed.staleness),
        ..Revocations::none(patient.party())
    };
    let verifier = Verifier {
        me: deed.holder,
        now: Timestamp::from_seconds(deed.now),
        nonce: NONCE,
        keys: Keys { patient: &patient, institutions: &institution },
        revocations: &revocations,
        forgot: None,
        treats: None,
        node_of: &|_| Some(grantee),
    };
    let targets = [deed.target];
    let wanted = Wanted { bytes: deed.bytes, ..Wanted::of(&targets) };
    match deed.operation {
        Operation::Read => verify::<Read>(&presented, &verifier, &wanted).is_ok(),
        Operation::Write => verify::<Write>(&presented, &verifier, &wanted).is_ok(),
        Operation::Keep => verify::<Keep>(&presented, &verifier, &wanted).is_ok(),
        Operation::Release => verify::<Release>(&presented, &verifier, &wanted).is_ok(),
        Operation::Refer => verify::<Refer>(&presented, &verifier, &wanted).is_ok(),
    }
}

/// The key of whichever party this is.
fn key_of(party: PartyId) -> crate::crypto::SigningKey {
    let seed = [PROVIDER, HOSPITAL_B, HOSPITAL_C].into_iter().find(|s| keys(*s).party() == party);
    key(seed.expect("one of ours"))
}

#[test]
fn the_samples_are_often_good_children_and_often_not() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut good = 0;
    for _ in 0..1000 {
        let sample = (tokens(), tokens(), mixes()).new_tree(&mut runner).unwrap();
        let (parent, other, from_other) = sample.current();
        let parent = Signed::sign(parent, &key(PATIENT)).to_unverified();
        let child = children(parent.claims(), other, &from_other, parent.id());
        good += usize::from(narrows(&parent, &child).is_ok());
    }
    assert!((100..700).contains(&good), "{good} of 1000 children are good");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn a_child_that_narrows_permits_nothing_that_its_parent_does_not(
        parent in tokens(), other in tokens(), from_other in mixes(),
        deeds in proptest::collection::vec(deeds(), 64),
    ) {
        let parent = Signed::sign(parent, &key(PATIENT)).to_unverified();
        let child = children(parent.claims(), other, &from_other, parent.id());
        if narrows(&parent, &child).is_ok() {
            for deed in deeds {
                prop_assert!(!permits(&child, deed) || permits(parent.claims(), deed), "{deed:?}");
            }
            let (above, below) = (parent.claims().delegation.as_ref().unwrap(), child.delegation);
            prop_assert!(above.institutions.contains(&child.confirmation.grantee));
            if let Some(below) = below {
                prop_assert!(below.depth < above.depth);
                prop_assert!(below.institutions.is_subset(&above.institutions));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn what_verifies_is_permitted_by_every_link_and_what_one_link_permits_verifies(
        parent in tokens(), other in tokens(), from_other in mixes(), chance in deeds(),
        // Most random deeds are refused for several causes: these hit the leaf more often.
        aim: bool,
    ) {
        let first = Signed::sign(parent, &key(PATIENT));
        let child = children(&first, other, &from_other, first.id());
        let signer = key_of(child.issuer);
        let leaf = Signed::sign(child, &signer);
        let deed = if aim {
            let target = Target {
                entry: leaf.scope.entries().first().copied().unwrap_or(chance.target.entry),
                compartment: leaf.scope.compartments().first().copied().unwrap_or(chance.target.compartment),
            };
            Deed {
                target,
                operation: leaf.operations.iter().next().unwrap(),
                holder: leaf.audience.as_ref().map_or(chance.holder, |set| set.as_slice()[0]),
                now: leaf.expires - 50,
                bytes: 0,
                staleness: 0,
            }
        } else {
            chance
        };
        let alone = Chain::root(&first);
        prop_assert_eq!(verifies(&alone, deed), permits(&first, deed), "{:?}", deed);
        let chain = Chain::from(vec![first.clone(), leaf.clone()]);
        let by_child = verifies(&chain, deed);
        prop_assert!(!by_child || (permits(&first, deed) && permits(&leaf, deed)), "{deed:?}");
        let below = narrows(&first.to_unverified(), &leaf).is_ok();
        let said = leaf.is_coherent() && permits(&leaf, deed);
        prop_assert_eq!(by_child, below && said, "{:?}", deed);
    }

    #[test]
    fn every_wire_type_is_read_back_as_written_and_altered_bytes_never_panic(
        token in tokens(), at: prop::sample::Index, flip in 1u8..,
    ) {
        let chain = Chain::from(vec![Signed::sign(token.clone(), &key(PATIENT))]);
        prop_assert_eq!(Token::from_bytes(&token.to_bytes(), 8192), Ok(token.clone()));
        prop_assert_eq!(Scope::from_bytes(&token.scope.to_bytes(), 8192), Ok(token.scope.clone()));
        let mut bytes = chain.to_bytes();
        prop_assert_eq!(Chain::parse(&bytes), Ok(chain.clone()));
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(other) = Chain::parse(&bytes) {
            prop_assert_eq!(other.to_bytes(), bytes);
            // Whatever was altered, the patient did not sign it.
            prop_assert!(other.first().check(&key(PATIENT).public()).is_err());
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused_without_panic(bytes: Vec<u8>) {
        let _ = Chain::parse(&bytes);
        let _ = Unverified::<Proof>::parse(&bytes);
        let _ = Unverified::<RevocationState>::parse(&bytes);
        let _ = Revocations::from_bytes(&bytes, 8192);
        let _ = GrantedSummary::from_bytes(&bytes, 8192);
        let _ = Grant::from_bytes(&bytes, 8192);
        let _ = GrantKeys::from_secret_bytes(&bytes);
    }
}

#[test]
fn sets_have_one_order_and_a_bound() {
    let invalid = |bytes: &[u8]| match Operations::from_bytes(bytes, 100) {
        Err(DecodeError::Invalid(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(invalid(&[0x82, 2, 1]), "operations are not in ascending order");
    assert_eq!(invalid(&[0x82, 1, 1]), "operations are not in ascending order");
    assert_eq!(invalid(&[0x80]), "a permission without operations");
    assert!(matches!(
        Operations::from_bytes(&[0x81, 9], 100),
        Err(DecodeError::UnknownVariant { code: 9, .. })
    ));
    assert!(matches!(Scope::from_bytes(&[0xa0], 100), Err(DecodeError::Invalid(_))));
    assert!(matches!(Parties::from_bytes(&[0x80], 100), Err(DecodeError::Invalid(_))));
    let many: Vec<[u8; 16]> = (0..=128).map(|n| [n; 16]).collect();
    let bytes = many.to_bytes();
    assert!(matches!(
        Compartments::from_bytes(&bytes, bytes.len()),
        Err(DecodeError::TooMany { found: 129, limit: 128, .. })
    ));
    let twice = vec![[1u8; 16], [1; 16]].to_bytes();
    assert!(matches!(Entries::from_bytes(&twice, 100), Err(DecodeError::Invalid(_))));
}

#[test]
fn the_largest_grant_fits_its_bound() {
    let key = || zeroize::Zeroizing::new([0; 32]);
    let pairs = |count: usize| (0..count).map(|n| (n as u128).to_be_bytes());
    let keys = GrantKeys {
        entries: pairs(limits::TOKEN_ENTRIES_MAX).map(|id| (EntryId(id), key())).collect(),
        compartments: pairs(limits::TOKEN_COMPARTMENTS_MAX)
            .map(|id| (CompartmentId(id), key()))
            .collect(),
    };
    let bytes = keys.to_secret_bytes();
    assert_eq!(GrantKeys::from_secret_bytes(&bytes).unwrap().entries.len(), 256);
}

#[test]
fn attenuating_refuses_what_a_verifier_would() {
    let chain = Chain::root(&Signed::sign(root(), &key(PATIENT)));
    let signer = key(HOSPITAL_B);
    assert!(chain.attenuate(child(), &signer).is_ok());
    let research = Token { purpose: Purpose::Research, ..child() };
    let refused = chain.attenuate(research, &signer);
    assert_eq!(refused, Err(AttenuateError::Excess(Excess::Purpose)));
    let empty = Token { expires: child().not_before, ..child() };
    assert_eq!(chain.attenuate(empty, &signer), Err(AttenuateError::Incoherent));
}
