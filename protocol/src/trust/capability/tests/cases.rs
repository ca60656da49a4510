//! The cases: what is permitted, and every cause of refusal, each alone.

use super::*;

/// The patient's key log after one rotation that keeps `kept`.
pub(super) fn rotated(kept: Vec<TokenId>) -> KeyLog {
    let next = key(PATIENT + 1);
    let claims = Rotation {
        party: id(PATIENT),
        number: 1,
        key: next.public(),
        next: key(PATIENT + 2).public().digest(),
        kept,
        at: Timestamp::from_seconds(NOW - 60),
    };
    log(PATIENT).rotated(&Signed::sign(claims, &next))
}

pub(super) fn good() -> Vec<Case> {
    let simple = Token {
        audience: None,
        operations: Operations::of(&[Operation::Read]),
        scope: Scope::of_entries([entry(2)]).unwrap(),
        quota: None,
        quota_entries: None,
        delegation: None,
        max_staleness: None,
        ..root()
    };
    let deep = Token {
        delegation: Some(Delegation {
            depth: 2,
            institutions: Set::new([id(HOSPITAL_B), id(HOSPITAL_C)]).unwrap(),
        }),
        ..root()
    };
    let first = one(deep.clone());
    let second = Token {
        delegation: Some(Delegation {
            depth: 1,
            institutions: Set::new([id(HOSPITAL_B)]).unwrap(),
        }),
        ..child()
    };
    let second = first.attenuate(second, &key(HOSPITAL_B)).unwrap();
    let third = Token {
        issuer: id(HOSPITAL_C),
        confirmation: Confirmation { grantee: id(HOSPITAL_B) },
        id: TokenId([0xa3; 16]),
        ..child()
    };
    let third = second.attenuate(third, &key(HOSPITAL_C)).unwrap();
    vec![
        Case::one("one-link", "the patient's own link, every optional claim present", root()),
        Case::one("one-link-least", "every optional claim absent", simple),
        Case::one("by-compartment", "the entry is not named, its compartment is", root())
            .with(|case| case.targets = vec![target(99, 7)]),
        Case::two("two-links", "narrowed and passed on to hospital C", child()),
        Case::of("three-links", "passed on twice", &third, NODE_B),
        Case::one("nbf-within-tolerance", "the holder's clock is 120 s behind", root()).with(
            |case| {
                case.now_ms = (NOW - DAY - 120) * 1000;
                case.revocation_states = states(&[state(1, NOW - DAY, 0, &[])]);
            },
        ),
        Case::one("last-millisecond", "one millisecond before exp", root()).with(|case| {
            case.now_ms = (NOW + 30 * DAY) * 1000 - 1;
            case.revocation_states = states(&[state(2, NOW + 30 * DAY - 1, 0, &[])]);
        }),
        Case::one(
            "kept-by-rotation",
            "the patient's key changed, the rotation lists the id",
            root(),
        )
        .with(|case| {
            case.patient_keys = log_bytes(&rotated(vec![root().id]));
            case.revocation_states = states_by(1, &[state(2, NOW - 30, 0, &[])]);
        }),
        Case::one(
            "write-up-to-the-quota",
            "900 bytes used, 100 more of 1000; the tenth entry of ten",
            root(),
        )
        .with(|case| {
            case.operation = Operation::Write;
            case.bytes = 100;
            case.used = vec![Used { token: root().id, bytes: 900, entries: 9 }];
        }),
        Case::one("revocation-of-another", "another permission was revoked", root()).with(|case| {
            case.revocation_states = states(&[state(2, NOW, NOW - DAY, &[TokenId([0xff; 16])])]);
        }),
    ]
}

pub(super) fn bad() -> Vec<(Case, Reason)> {
    let signed = Signed::sign(root(), &key(PATIENT));
    let raw = |name, why, chain: Vec<u8>| {
        Case::one(name, why, root()).with(|case| case.chain = Bytes(chain))
    };
    let unknown_claim = {
        // The payload is the last map before the signature: one pair more, with the highest key.
        let mut payload = root().to_bytes();
        payload[0] += 1;
        payload.extend_from_slice(&[0x19, 0x01, 0x34, 0x00]);
        let mut e = crate::codec::Encoder::default();
        e.array(1);
        let mut cose = crate::codec::Encoder::default();
        cose.raw(&signed.bytes()[..7]);
        cose.bytes(&payload);
        cose.bytes(&[0; 64]);
        e.bytes(&cose.into_bytes());
        e.into_bytes()
    };
    let four = Chain::from(vec![signed.clone(); 4]);
    let large = Token {
        scope: Scope::new(Set::new((0..=255).map(entry)), Set::new((0..128).map(compartment)))
            .unwrap(),
        ..root()
    };
    let large = Chain::from(vec![Signed::sign(large, &key(PATIENT)); 2]);
    let other_node = |by: u8| move |case: &mut Case| case.node = node(by);
    let mut cases = vec![
        (
            raw("truncated", "the last byte is missing", {
                let mut bytes = one(root()).to_bytes();
                bytes.pop();
                bytes
            }),
            Reason::Malformed,
        ),
        (
            raw("trailing-byte", "a byte follows", [one(root()).to_bytes(), vec![0]].concat()),
            Reason::Malformed,
        ),
        (raw("unknown-claim", "claim 308 is not known", unknown_claim), Reason::Malformed),
        (raw("no-links", "an empty array", vec![0x80]), Reason::Malformed),
        (
            Case::one(
                "empty-window",
                "nbf equals exp",
                Token { not_before: NOW, expires: NOW, ..root() },
            ),
            Reason::Malformed,
        ),
        (
            Case::one(
                "depth-zero",
                "a delegation of depth 0; it is left out instead",
                Token {
                    delegation: Some(Delegation {
                        depth: 0,
                        institutions: Set::new([id(HOSPITAL_C)]).unwrap(),
                    }),
                    ..root()
                },
            ),
            Reason::Malformed,
        ),
        (Case::of("four-links", "one link more than allowed", &four, NODE_B), Reason::ChainTooLong),
        (Case::of("too-many-bytes", "more than 8192 bytes", &large, NODE_B), Reason::ChainTooLong),
        (
            Case::one("no-proof", "the permission alone", root()).with(|case| case.proof = None),
            Reason::ProofMissing,
        ),
        (
            Case::one("another-patient", "presented for a request about somebody else", root())
                .with(|case| {
                    case.patient_keys = log_bytes(&log(STRANGER));
                    case.revocation_states.clear();
                }),
            Reason::WrongPatient,
        ),
        (
            Case::one(
                "issuer-not-the-patient",
                "iss is not sub",
                Token { issuer: id(STRANGER), ..root() },
            ),
            Reason::UnknownIssuer,
        ),
        (
            Case::one(
                "key-number-unknown",
                "the patient has no key number 1",
                Token { key: 1, ..root() },
            ),
            Reason::UnknownIssuer,
        ),
        (
            Case::two("institution-unknown", "hospital B's keys are not known", child()).with(
                |case| {
                    case.institution_keys.remove(0);
                },
            ),
            Reason::UnknownIssuer,
        ),
        (
            Case::of(
                "forged",
                "signed by somebody else in the patient's name",
                &Chain::root(&Signed::sign(root(), &key(STRANGER))),
                NODE_B,
            ),
            Reason::BadSignature,
        ),
        (
            raw("altered", "one byte of the signature differs", {
                let mut bytes = one(root()).to_bytes();
                *bytes.last_mut().unwrap() ^= 1;
                bytes
            }),
            Reason::BadSignature,
        ),
        (
            Case::of(
                "child-forged",
                "the second link is not signed by hospital B",
                &vec![signed.clone(), Signed::sign(child(), &key(HOSPITAL_C))].into(),
                NODE_C,
            ),
            Reason::BadSignature,
        ),
        (
            Case::one(
                "proof-by-another-node",
                "another node presents the proof of hospital B's node",
                root(),
            )
            .with(other_node(NODE_C)),
            Reason::ProofForged,
        ),
        (
            Case::one(
                "proof-for-another-token",
                "made for another permission of the same grantee",
                root(),
            )
            .with_proof(|proof| proof.leaf = StatementId([1; 32])),
            Reason::ProofForAnotherToken,
        ),
        (
            Case::one("proof-for-another-holder", "made for hospital C", root())
                .with_proof(|proof| proof.verifier = id(HOSPITAL_C)),
            Reason::ProofForAnotherVerifier,
        ),
        (
            Case::one("replayed", "the nonce is that of an earlier connection", root())
                .with_proof(|proof| proof.nonce = [0xee; 16]),
            Reason::ProofReplayed,
        ),
        (
            Case::one("proof-for-another-request", "the request was changed after signing", root())
                .with_proof(|proof| proof.request = [0; 32]),
            Reason::ProofForAnotherRequest,
        ),
        (
            Case::of(
                "stolen",
                "hospital C presents what was given to hospital B",
                &one(root()),
                NODE_C,
            ),
            Reason::NotTheGrantee,
        ),
        (
            Case::one(
                "node-not-certified",
                "hospital B's certificate for the node has expired",
                root(),
            )
            .with(|case| case.nodes.clear()),
            Reason::NotTheGrantee,
        ),
        (
            Case::one(
                "root-with-parent",
                "the first link names a link above it",
                Token { parent: Some(StatementId([1; 32])), ..root() },
            ),
            Reason::BrokenChain,
        ),
        (
            Case::two(
                "wrong-parent",
                "the second link names another link above it",
                Token { parent: Some(StatementId([1; 32])), ..child() },
            ),
            Reason::BrokenChain,
        ),
        (
            Case::two(
                "child-about-another-patient",
                "sub differs",
                Token { subject: id(STRANGER), ..child() },
            ),
            Reason::BrokenChain,
        ),
    ];
    cases.extend(bad_delegations());
    cases.extend(bad_standing());
    cases.extend(bad_news());
    cases.extend(bad_reach());
    cases
}

fn bad_delegations() -> Vec<(Case, Reason)> {
    let no_delegation = one(Token { delegation: None, ..root() });
    let parent = Some(no_delegation.leaf().id());
    let undelegable = vec![
        Signed::sign(Token { delegation: None, ..root() }, &key(PATIENT)),
        Signed::sign(Token { parent, ..child() }, &key(HOSPITAL_B)),
    ];
    let deeper = Some(Delegation { depth: 1, institutions: Set::new([id(HOSPITAL_C)]).unwrap() });
    let by_stranger = vec![
        Signed::sign(root(), &key(PATIENT)),
        Signed::sign(Token { issuer: id(HOSPITAL_C), ..child() }, &key(HOSPITAL_C)),
    ];
    let mut cases = vec![
        (
            Case::of(
                "may-not-be-passed-on",
                "the patient allowed no delegation",
                &undelegable.into(),
                NODE_C,
            ),
            Reason::DelegationNotAllowed,
        ),
        (
            Case::two(
                "passed-on-to-another",
                "hospital B is not among those allowed",
                Token { confirmation: Confirmation { grantee: id(HOSPITAL_B) }, ..child() },
            )
            .with(|case| {
                let chain = Chain::parse(&case.chain.0).unwrap();
                case.node = node(NODE_B);
                case.proof = Some(Bytes(prove(&chain, NODE_B).bytes().to_vec()));
            }),
            Reason::DelegationNotAllowed,
        ),
        (
            Case::two(
                "passed-on-too-far",
                "the depth does not shrink",
                Token { delegation: deeper, ..child() },
            ),
            Reason::DelegationNotAllowed,
        ),
        (
            Case::of(
                "passed-on-by-another",
                "hospital C gives itself what hospital B was given",
                &by_stranger.into(),
                NODE_C,
            ),
            Reason::DelegationNotAllowed,
        ),
    ];
    let exceeding = [
        (
            "child-operation",
            "keep is added",
            Token { operations: Operations::of(&[Operation::Read, Operation::Keep]), ..child() },
        ),
        (
            "child-entry",
            "an entry is added",
            Token { scope: Scope::of_entries([entry(2), entry(3)]).unwrap(), ..child() },
        ),
        (
            "child-compartment",
            "a compartment is added",
            Token { scope: Scope::of_compartments([compartment(8)]).unwrap(), ..child() },
        ),
        (
            "child-audience",
            "a holder is added",
            Token { audience: Set::new([id(PROVIDER), id(HOSPITAL_C)]), ..child() },
        ),
        ("child-any-audience", "the audience is left out", Token { audience: None, ..child() }),
        (
            "child-earlier",
            "begins before its parent",
            Token { not_before: NOW - DAY - 1, ..child() },
        ),
        ("child-later", "ends after its parent", Token { expires: NOW + 30 * DAY + 1, ..child() }),
        ("child-quota", "one byte more", Token { quota: Some(1001), ..child() }),
        ("child-no-quota", "the quota is left out", Token { quota: None, ..child() }),
        ("child-quota-entries", "one entry more", Token { quota_entries: Some(11), ..child() }),
        (
            "child-no-quota-entries",
            "the quota of entries is left out",
            Token { quota_entries: None, ..child() },
        ),
        (
            "child-purpose",
            "for research instead of treatment",
            Token { purpose: Purpose::Research, ..child() },
        ),
        ("child-staleness", "one second more", Token { max_staleness: Some(DAY + 1), ..child() }),
        ("child-any-staleness", "the limit is left out", Token { max_staleness: None, ..child() }),
    ];
    cases.extend(
        exceeding
            .map(|(name, why, claims)| (Case::two(name, why, claims), Reason::ChildExceedsParent)),
    );
    cases
}

fn bad_standing() -> Vec<(Case, Reason)> {
    let at = |now_ms: u64| {
        move |case: &mut Case| {
            case.now_ms = now_ms;
            case.revocation_states = states(&[state(2, now_ms / 1000, 0, &[])]);
        }
    };
    vec![
        (
            Case::one(
                "rotated-away",
                "the patient's key changed, the rotation keeps nothing",
                root(),
            )
            .with(|case| {
                case.patient_keys = log_bytes(&rotated(Vec::new()));
                case.revocation_states = states_by(1, &[state(2, NOW - 30, 0, &[])]);
            }),
            Reason::OldKey,
        ),
        (
            Case::one("too-early", "one millisecond more than the tolerance before nbf", root())
                .with(at((NOW - DAY - 120) * 1000 - 1)),
            Reason::NotYetValid,
        ),
        (
            Case::one(
                "signed-ahead",
                "iat a second beyond the tolerance: it would be newer than any news of revocations",
                Token { issued: NOW + 121, ..root() },
            ),
            Reason::NotYetValid,
        ),
        (
            Case::one("expired", "at exp itself", root()).with(at((NOW + 30 * DAY) * 1000)),
            Reason::Expired,
        ),
        (
            Case::two("child-expired", "the second link has ended, the first has not", child())
                .with(at((NOW + 7 * DAY) * 1000)),
            Reason::Expired,
        ),
        (
            Case::one(
                "too-long",
                "valid for 90 days and a second",
                Token { expires: NOW + 89 * DAY + 1, ..root() },
            ),
            Reason::ValidTooLong,
        ),
        (
            Case::one(
                "signed-long-ago",
                "valid for a day, but signed 91 days before its end",
                Token { issued: NOW - 90 * DAY, expires: NOW + DAY, ..root() },
            ),
            Reason::ValidTooLong,
        ),
        (
            Case::one("revoked", "by its id", root()).with(|case| {
                case.revocation_states = states(&[state(2, NOW, 0, &[root().id])]);
            }),
            Reason::Revoked,
        ),
        (
            Case::one("revoked-from-the-future", "by a relay whose clock is an hour ahead", root())
                .with(|case| {
                    let ahead = state(2, NOW + 3600, 0, &[root().id]);
                    case.revocation_states = states(&[state(1, NOW, 0, &[]), ahead]);
                }),
            Reason::Revoked,
        ),
        (
            Case::one("news-from-the-future", "121 s ahead is no fresh news", long_ago(Some(DAY)))
                .with(|case| case.revocation_states = states(&[state(2, NOW + 121, 0, &[])])),
            Reason::StaleRevocations,
        ),
        (
            Case::one(
                "revoked-then-restored-copy",
                "a later state of a restored relay does not list it",
                root(),
            )
            .with(|case| {
                case.revocation_states =
                    states(&[state(2, NOW - 60, 0, &[root().id]), state(9, NOW, 0, &[])]);
            }),
            Reason::Revoked,
        ),
        (
            Case::two("parent-revoked", "the patient revoked the first link", child()).with(
                |case| {
                    case.revocation_states = states(&[state(2, NOW, 0, &[root().id])]);
                },
            ),
            Reason::Revoked,
        ),
        (
            Case::two("child-revoked", "the patient revoked the second link", child()).with(
                |case| {
                    case.revocation_states = states(&[state(2, NOW, 0, &[child().id])]);
                },
            ),
            Reason::Revoked,
        ),
        (
            Case::one("issued-before-min-iat", "everything before a moment is revoked", root())
                .with(|case| {
                    case.revocation_states = states(&[state(2, NOW, NOW - DAY + 1, &[])]);
                }),
            Reason::IssuedBeforeMinIat,
        ),
        (
            Case::one("stale", "the holder's news is a day and a second old", long_ago(Some(DAY)))
                .with(|case| {
                    case.revocation_states = states(&[state(1, NOW - DAY - 1, 0, &[])]);
                }),
            Reason::StaleRevocations,
        ),
        (
            Case::one("no-news", "the holder never had any", long_ago(Some(DAY)))
                .with(|case| case.revocation_states.clear()),
            Reason::StaleRevocations,
        ),
    ]
}

fn bad_reach() -> Vec<(Case, Reason)> {
    let write = |bytes, used| {
        move |case: &mut Case| {
            case.operation = Operation::Write;
            case.bytes = bytes;
            case.used = used;
        }
    };
    let writing_child = Token {
        operations: Operations::of(&[Operation::Write]),
        quota: Some(1000),
        quota_entries: Some(10),
        ..child()
    };
    vec![
        (
            Case::one("another-holder", "aud names the backup provider only", root()).with(
                |case| {
                    case.verifier = id(HOSPITAL_C);
                    let mut claims = case.parsed_proof().unwrap().claims().clone();
                    claims.verifier = id(HOSPITAL_C);
                    case.proof = Some(Bytes(claims.sign(&key(NODE_B)).bytes().to_vec()));
                },
            ),
            Reason::WrongAudience,
        ),
        (
            Case::one("another-operation", "keep is not among the operations", root())
                .with(|case| case.operation = Operation::Keep),
            Reason::OperationNotPermitted,
        ),
        (
            Case::one("another-purpose", "the request is for research", root())
                .with(|case| case.purpose = Some(Purpose::Research)),
            Reason::WrongPurpose,
        ),
        (
            Case::one("another-entry", "neither the entry nor its compartment is named", root())
                .with(|case| case.targets.push(target(3, 9))),
            Reason::OutOfScope,
        ),
        (
            Case::one("over-quota", "one byte more than is left", root())
                .with(write(101, vec![Used { token: root().id, bytes: 900, entries: 0 }])),
            Reason::QuotaExceeded,
        ),
        (
            Case::one("over-quota-entries", "there is no room for one more", root())
                .with(write(1, vec![Used { token: root().id, bytes: 0, entries: 10 }])),
            Reason::QuotaExceeded,
        ),
        (
            Case::two(
                "over-the-parents-quota",
                "the second link has room, the first has none left",
                writing_child,
            )
            .with(write(1, vec![Used { token: root().id, bytes: 1000, entries: 0 }])),
            Reason::QuotaExceeded,
        ),
    ]
}
