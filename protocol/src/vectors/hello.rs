//! `hello/hello.json`: what a stranger says in full, and what whoever hears it must conclude.

use super::people::{HOSPITAL, NOW, PROVIDER, RELAY, YESTERDAY, hex, key, variant};
use crate::codec::Wire;
use crate::codes::{Code, CodeProof};
use crate::crypto::{SigningKey, WrappingKey};
use crate::id::{FederationId, NodeId, ViewId};
use crate::identity::{
    Card, KeyLog, KeyLogError, KnownKeys, NodeCertificate, RelayCertificate, Role, Rotation, incept,
};
use crate::limits;
use crate::membership::Standpoint;
use crate::peer::{CheckedHello, CheckedWelcome, Hello, HelloPurpose, HelloReply, Identity, Peer};
use crate::refusal::Refusal;
use crate::statement::{Signed, Unverified};
use crate::store::Memory;
use crate::time::{DAY_MS, Timestamp};
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};

fn hello() -> Hello {
    let relay = RelayCertificate {
        member: HOSPITAL.id(),
        key: 0,
        relay: RELAY.id(),
        issued: YESTERDAY,
        expires: Timestamp(YESTERDAY.0 + 30 * DAY_MS),
    };
    Hello {
        keys: RELAY.log(),
        card: RELAY.sign(RELAY.card("Relay of Anna Example", Role::Patient)),
        certificate: RELAY.sign(RELAY.certificate()),
        addresses: vec!["/ip4/192.0.2.1/tcp/4001".into(), "/ip4/192.0.2.1/udp/4001/quic-v1".into()]
            .into(),
        nonce: [0x0e; 16],
        purpose: HelloPurpose::Known,
        relay: Some(HOSPITAL.sign(relay)),
        position: Some(stands()),
        at: NOW,
        put_back: None,
    }
}

fn certified(claims: NodeCertificate) -> Unverified<NodeCertificate> {
    RELAY.sign(claims)
}

/// The steps of SPEC.md's [NET-6], in its order; each failure has a name.
fn judge(node: NodeId, bytes: &[u8], member: &KnownKeys) -> Result<Hello, String> {
    let name = |error: &dyn core::fmt::Debug| variant(&error);
    CheckedHello::prepare(node, bytes).map_err(|error| error.to_string())?;
    let hello = Unverified::<Hello>::parse(bytes).unwrap().claims().clone();
    let keys = hello.keys.clone().verify().map_err(|error| name(&error))?;
    hello.certificate.clone().certify(&keys, NOW).map_err(|error| name(&error))?;
    let card = hello.card.claims();
    let current = card.institution == keys.party() && card.key == keys.current_number();
    if !current || hello.card.check(&keys.current()).is_err() {
        return Err("the card is not signed with the current key".into());
    }
    let proven = match &hello.purpose {
        HelloPurpose::Proof(proof) => {
            let claims = proof.claims();
            let of_code = claims.key == code().key().public();
            let in_session = claims.asker == keys.party()
                && (claims.asker_node, claims.asker_nonce) == (node, hello.nonce)
                && claims.answerer == HOSPITAL.id()
                && (claims.answerer_node, claims.answerer_nonce) == (HOSPITAL.node(), OUR_NONCE);
            of_code && in_session && proof.check(&claims.key).is_ok()
        }
        _ => false,
    };
    let opens = proven
        || matches!(hello.purpose, HelloPurpose::Code(id) if id == code().id())
        || hello.relay.iter().any(|certificate| {
            certificate.claims().relay == keys.party()
                && certificate.clone().certify(member, NOW).is_ok()
        });
    if opens { Ok(hello) } else { Err("nothing that opens the gate".into()) }
}

/// The nonce that the verifier of these vectors told in this session.
const OUR_NONCE: [u8; 16] = [0x0f; 16];

/// The code that the verifier of these vectors gave out.
fn code() -> Code {
    Code {
        letter: 'e',
        institution: HOSPITAL.id(),
        secret: [0xc0; 16],
        nodes: vec![(HOSPITAL.node(), vec!["/ip4/192.0.2.2/tcp/4001".into()])],
        expires: Timestamp(NOW.0 + 15 * 60 * 1000),
        anchor: None,
    }
}

fn proof(code: &Code) -> CodeProof {
    CodeProof {
        key: code.key().public(),
        asker: RELAY.id(),
        asker_node: RELAY.node(),
        asker_nonce: [0x0e; 16],
        answerer: HOSPITAL.id(),
        answerer_node: HOSPITAL.node(),
        answerer_nonce: OUR_NONCE,
    }
}

fn case(name: &str, why: &str, node: NodeId, bytes: &[u8], error: Option<&str>) -> Value {
    let judged = judge(node, bytes, &HOSPITAL.keys());
    assert_eq!(judged.as_ref().err().map(String::as_str), error, "{name}");
    let conclusion = judged.ok().map(|hello| {
        json!({
            "institution": hello.keys.party_unverified(), "name": hello.card.claims().name,
            "role": hello.card.claims().role, "node": node,
            "certificate_expires_ms": hello.certificate.claims().expires,
            "addresses": hello.addresses, "nonce": hex(&hello.nonce),
            "gate": if matches!(hello.purpose, HelloPurpose::Code(_)) { "prove" } else { "open" },
        })
    });
    json!({ "name": name, "why": why, "node": node, "hello": hex(bytes), "error": error,
            "conclusion": conclusion })
}

fn said(hello: Hello, by: &SigningKey) -> Vec<u8> {
    Signed::sign(hello, by).bytes().to_vec()
}

/// [NET-5], [NET-6], [NET-7].
#[test]
fn a_hello_is_believed_or_refused_for_its_reason() {
    let (node, by) = (RELAY.node(), RELAY.node_key());
    let good = said(hello(), &by);
    let with = |change: &dyn Fn(&mut Hello)| {
        let mut changed = hello();
        change(&mut changed);
        said(changed, &by)
    };
    let proven = |proof: CodeProof, by: &Code| {
        with(&|h| {
            h.relay = None;
            h.purpose = HelloPurpose::Proof(Signed::sign(proof.clone(), &by.key()).to_unverified());
        })
    };
    let expired = NodeCertificate { expires: NOW, ..RELAY.certificate() };
    let rotated: KeyLog = RELAY.rotated();
    let other_card: Card = PROVIDER.card("Backup Provider", Role::Backup);
    let cases = [
        case("relay-with-certificate", "a member's certificate opens the gate", node, &good, None),
        case(
            "stranger-with-code",
            "whoever speaks of a code that was given out is to prove it; no gate opens",
            node,
            &with(&|h| {
                h.relay = None;
                h.purpose = HelloPurpose::Code(code().id());
            }),
            None,
        ),
        case(
            "stranger-with-proof",
            "the proof of a code opens the gate",
            node,
            &proven(proof(&code()), &code()),
            None,
        ),
        case(
            "proof-of-another-session",
            "the verifier told another nonce",
            node,
            &proven(CodeProof { answerer_nonce: [0xff; 16], ..proof(&code()) }, &code()),
            Some("nothing that opens the gate"),
        ),
        case(
            "proof-of-another-party",
            "somebody else's proof, said again",
            node,
            &proven(CodeProof { asker: PROVIDER.id(), ..proof(&code()) }, &code()),
            Some("nothing that opens the gate"),
        ),
        case(
            "proof-to-another-institution",
            "made for a false institution, passed on to the true one",
            node,
            &proven(CodeProof { answerer: PROVIDER.id(), ..proof(&code()) }, &code()),
            Some("nothing that opens the gate"),
        ),
        case(
            "proof-by-another-key",
            "signed with the key of a code that was never given out",
            node,
            &proven(proof(&code()), &Code { secret: [0xc1; 16], ..code() }),
            Some("nothing that opens the gate"),
        ),
        case(
            "proof-of-an-invite",
            "the same secret gives another key for another kind of code",
            node,
            &proven(proof(&Code { letter: 'i', ..code() }), &Code { letter: 'i', ..code() }),
            Some("nothing that opens the gate"),
        ),
        case(
            "other-node",
            "the transport authenticated another node",
            HOSPITAL.node(),
            &good,
            Some("the certificate is for another node"),
        ),
        case(
            "forged",
            "not signed by the node",
            node,
            &said(hello(), &key(0x66)),
            Some("the signature is not the node's"),
        ),
        case(
            "truncated",
            "the last byte is missing",
            node,
            &good[..good.len() - 1],
            Some("the bytes end within a value"),
        ),
        case(
            "expired-certificate",
            "it ends now",
            node,
            &with(&|h| h.certificate = certified(expired.clone())),
            Some("Expired"),
        ),
        case(
            "rotated-away",
            "the certificate is of a key that was replaced",
            node,
            &with(&|h| h.keys = rotated.clone()),
            Some("OldKey"),
        ),
        case(
            "borrowed-card",
            "the card of another institution",
            node,
            &with(&|h| h.card = PROVIDER.sign(other_card.clone())),
            Some("the card is not signed with the current key"),
        ),
        case(
            "nothing-to-show",
            "neither member, nor code, nor relay certificate",
            node,
            &with(&|h| h.relay = None),
            Some("nothing that opens the gate"),
        ),
        case(
            "unknown-code",
            "a code that was never given out",
            node,
            &with(&|h| {
                h.relay = None;
                h.purpose = HelloPurpose::Code(Code { secret: [0xc1; 16], ..code() }.id());
            }),
            Some("nothing that opens the gate"),
        ),
        case(
            "certificate-of-another-relay",
            "the member certified somebody else",
            node,
            &with(&|h| {
                let mut claims = h.relay.as_ref().unwrap().claims().clone();
                claims.relay = PROVIDER.id();
                h.relay = Some(HOSPITAL.sign(claims));
            }),
            Some("nothing that opens the gate"),
        ),
    ];
    let welcome = HelloReply::Welcome(Unverified::parse(&good).unwrap()).to_bytes();
    let refusal = Refusal::from(crate::peer::Reason::Stranger);
    let refused = HelloReply::Refused(refusal.clone()).to_bytes();
    let prove = HelloReply::Prove(Unverified::parse(&good).unwrap()).to_bytes();
    let (mut store, nonce) = (Memory::default(), [1; 16]);
    let peer = PROVIDER.peer("Backup Provider", Role::Backup);
    peer.start(&mut store, NOW, &mut rand_chacha::ChaCha20Rng::from_seed([1; 32])).unwrap();
    let greeting = peer.hello(&store, NOW, (RELAY.id(), node), vec![], nonce).unwrap();
    let read = |node, bytes: &[u8]| CheckedWelcome::prepare(node, bytes, &greeting);
    assert_eq!(read(node, &welcome).unwrap().nonce(), Ok([0x0e; 16]));
    assert_eq!(read(node, &refused).unwrap().nonce(), Err(refusal));
    assert!(read(node, &prove).unwrap().asks_for_proof());
    assert!(read(HOSPITAL.node(), &welcome).is_err());
    assert!(good.len() < limits::HELLO_BYTES_MAX);
    let made = json!({
        "seeds": { "relay_signing": hex(&[0x30; 32]), "relay_node": hex(&[0x32; 32]),
                   "relay_kem": hex(&[0x33; 32]) },
        "now_ms": NOW,
        "member_keys": hex(&HOSPITAL.log().to_bytes()),
        "hearer": { "institution": HOSPITAL.id(), "node": HOSPITAL.node(), "nonce": hex(&OUR_NONCE) },
        "codes": [code().to_text()],
        "cases": cases,
        "replies": { "welcome": hex(&welcome), "refused": hex(&refused), "prove": hex(&prove) },
    });
    super::check("hello", "hello", &made);
}

fn said_by_relay(hello: Hello) -> Vec<u8> {
    said(hello, &RELAY.node_key())
}

/// A log of so many rotations, by keys of test seeds, and its current key.
fn rotated_log(rotations: usize) -> (KeyLog, SigningKey) {
    let key = |number: usize| {
        let mut seed = [0x77; 32];
        seed[..8].copy_from_slice(&(number as u64).to_be_bytes());
        SigningKey::from_seed(&seed)
    };
    let mut log = incept(&key(0), &key(1).public());
    for number in 1..=rotations {
        let rotation = Rotation {
            party: log.party_unverified(),
            number: u32::try_from(number).unwrap(),
            key: key(number).public(),
            next: key(number + 1).public().digest(),
            kept: Vec::new(),
            at: NOW,
        };
        log = log.rotated(&Signed::sign(rotation, &key(number)));
    }
    (log, key(rotations))
}

/// Where somebody stands.
fn stands() -> Standpoint {
    Standpoint { federation: FederationId([0x4f; 32]), number: 9, view: ViewId([0x4e; 32]) }
}

/// [ID-13].
#[test]
fn an_institution_rotates_as_often_as_it_may_and_its_fullest_hello_fits() {
    let fullest = |rotations: usize| {
        let (keys, _) = rotated_log(rotations);
        let full = Hello {
            keys,
            card: RELAY.sign(RELAY.card(&"n".repeat(200), Role::Patient)),
            addresses: vec!["a".repeat(100); limits::ADDRESSES_MAX].into(),
            position: Some(stands()),
            ..hello()
        };
        let welcome = HelloReply::Welcome(Signed::sign(full, &RELAY.node_key()).to_unverified());
        welcome.to_bytes().len()
    };
    let max = limits::INSTITUTION_ROTATIONS_MAX;
    let (each, most) = (fullest(max) - fullest(max - 1), fullest(max));
    assert!(most <= limits::HELLO_BYTES_MAX, "{most} bytes; each rotation {each}");
    let peer = |rotations| {
        let (log, institution) = rotated_log(rotations);
        let (own, node) = (WrappingKey::from_bytes([1; 32]), SigningKey::from_seed(&[2; 32]));
        Peer::new(Identity { role: Role::Hospital, name: "H".into(), log, institution, own, node })
    };
    assert!(peer(max).is_ok());
    assert_eq!(peer(max + 1).unwrap_err(), KeyLogError::TooLong);
    // Nor is one that rotated more often let in, with a code that it has proven.
    let heard = |rotations: usize| {
        let (keys, institution) = rotated_log(rotations);
        let (party, key) = (keys.party_unverified(), u32::try_from(rotations).unwrap());
        let card = Card { institution: party, key, ..RELAY.card("Often", Role::Patient) };
        let certificate = NodeCertificate { institution: party, key, ..RELAY.certificate() };
        let proof = CodeProof { asker: party, ..proof(&code()) };
        let said = Hello {
            keys,
            card: Signed::sign(card, &institution).to_unverified(),
            certificate: Signed::sign(certificate, &institution).to_unverified(),
            purpose: HelloPurpose::Proof(Signed::sign(proof, &code().key()).to_unverified()),
            relay: None,
            ..hello()
        };
        let bytes = said_by_relay(said);
        let hello = CheckedHello::prepare(RELAY.node(), &bytes).unwrap();
        let peer = HOSPITAL.peer("Hospital", Role::Hospital);
        let (mut txn, mut rng) = (Memory::default(), rand_chacha::ChaCha20Rng::from_seed([1; 32]));
        peer.start(&mut txn, NOW, &mut rng).unwrap();
        crate::codes::give_out(&mut txn, &code()).unwrap();
        let answer = peer.turns_away(&txn, NOW, (RELAY.node(), OUR_NONCE), &hello, &mut rng);
        answer.unwrap().map(|refused| match HelloReply::from_bytes(&refused, 1000) {
            Ok(HelloReply::Refused(refusal)) => refusal.name(),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(heard(max), None);
    assert_eq!(heard(max + 1).as_deref(), Some("key-log.too-long"));
}
