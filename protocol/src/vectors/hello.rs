//! `hello/hello.json`: what a stranger says in full, and what whoever hears it must conclude.

use super::people::{HOSPITAL, NOW, PROVIDER, RELAY, YESTERDAY, hex, key, variant};
use crate::codec::Wire;
use crate::crypto::{KemSecret, SigningKey};
use crate::id::{FederationId, NodeId, ViewId};
use crate::identity::{
    Card, KeyLog, KeyLogError, KnownKeys, NodeCertificate, RelayCertificate, Role, Rotation, incept,
};
use crate::limits;
use crate::membership::Standpoint;
use crate::peer::{CheckedHello, CheckedWelcome, Hello, HelloPurpose, HelloReply, Identity, Peer};
use crate::refusal::Refusal;
use crate::statement::{Signed, Unverified};
use crate::time::{DAY_MS, Timestamp};
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
        relay: vec![HOSPITAL.sign(relay)],
        position: Some(stands()),
        at: NOW,
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
    let opens = matches!(hello.purpose, HelloPurpose::Code(secret) if secret == CODE)
        || hello.relay.iter().any(|certificate| {
            certificate.claims().relay == keys.party()
                && certificate.clone().certify(member, NOW).is_ok()
        });
    if opens { Ok(hello) } else { Err("nothing that opens the gate".into()) }
}

/// The code that the verifier of these vectors gave out.
const CODE: [u8; 16] = [0xc0; 16];

fn case(name: &str, why: &str, node: NodeId, bytes: &[u8], error: Option<&str>) -> Value {
    let judged = judge(node, bytes, &HOSPITAL.keys());
    assert_eq!(judged.as_ref().err().map(String::as_str), error, "{name}");
    let conclusion = judged.ok().map(|hello| {
        json!({
            "institution": hello.keys.party_unverified(), "name": hello.card.claims().name,
            "role": hello.card.claims().role, "node": node,
            "certificate_expires_ms": hello.certificate.claims().expires,
            "addresses": hello.addresses, "nonce": hex(&hello.nonce), "gate": "open",
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
    let expired = NodeCertificate { expires: NOW, ..RELAY.certificate() };
    let rotated: KeyLog = RELAY.rotated();
    let other_card: Card = PROVIDER.card("Backup Provider", Role::Backup);
    let cases = [
        case("relay-with-certificate", "a member's certificate opens the gate", node, &good, None),
        case(
            "stranger-with-code",
            "a code that was given out opens it as well",
            node,
            &with(&|h| {
                h.relay.clear();
                h.purpose = HelloPurpose::Code(CODE);
            }),
            None,
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
            &with(&|h| h.relay.clear()),
            Some("nothing that opens the gate"),
        ),
        case(
            "unknown-code",
            "a code that was never given out",
            node,
            &with(&|h| {
                h.relay.clear();
                h.purpose = HelloPurpose::Code([0xc1; 16]);
            }),
            Some("nothing that opens the gate"),
        ),
        case(
            "certificate-of-another-relay",
            "the member certified somebody else",
            node,
            &with(&|h| {
                let mut claims = h.relay[0].claims().clone();
                claims.relay = PROVIDER.id();
                h.relay = vec![HOSPITAL.sign(claims)];
            }),
            Some("nothing that opens the gate"),
        ),
    ];
    let welcome = HelloReply::Welcome(Unverified::parse(&good).unwrap()).to_bytes();
    let refusal = Refusal::from(crate::peer::Reason::Stranger);
    let refused = HelloReply::Refused(refusal.clone()).to_bytes();
    assert_eq!(CheckedWelcome::prepare(node, &welcome).unwrap().nonce(), Ok([0x0e; 16]));
    assert_eq!(CheckedWelcome::prepare(node, &refused).unwrap().nonce(), Err(refusal));
    assert!(CheckedWelcome::prepare(HOSPITAL.node(), &welcome).is_err());
    assert!(good.len() < limits::HELLO_BYTES_MAX);
    let made = json!({
        "seeds": { "relay_signing": hex(&[0x30; 32]), "relay_node": hex(&[0x32; 32]),
                   "relay_kem": hex(&[0x33; 32]) },
        "now_ms": NOW,
        "member_keys": hex(&HOSPITAL.log().to_bytes()),
        "codes": [hex(&CODE)],
        "cases": cases,
        "replies": { "welcome": hex(&welcome), "refused": hex(&refused) },
    });
    super::check("hello", "hello", &made);
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
        let certificate = hello().relay.remove(0);
        let full = Hello {
            keys,
            card: RELAY.sign(RELAY.card(&"n".repeat(200), Role::Patient)),
            addresses: vec!["a".repeat(100); limits::ADDRESSES_MAX].into(),
            relay: vec![certificate; 8],
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
        let (kem, node) = (KemSecret::from_seed([1; 32]), SigningKey::from_seed(&[2; 32]));
        Peer::new(Identity { role: Role::Hospital, name: "H".into(), log, institution, kem, node })
    };
    assert!(peer(max).is_ok());
    assert_eq!(peer(max + 1).unwrap_err(), KeyLogError::TooLong);
}
