//! `identity/{phrase,institution,log,forks,certificates,fingerprints}.json`: from 24 words to keys, key logs, and what
//! keys certify.

use super::people::{HOSPITAL, NOW, RELAY, YESTERDAY, hex, key, variant};
use crate::capability::{RevocationState, Revoked};
use crate::codec::Wire;
use crate::id::{PartyId, TokenId};
use crate::identity::{
    Card, Compartment, Fingerprint, InstitutionPhrase, KeyLog, KeyRing, KnownKeys, NodeCertificate,
    Phrase, RelayCertificate, RingEntry, Role, Rotation, Treats, incept,
};
use crate::limits;
use crate::record::Kind;
use crate::statement::{Signed, Statement, Unverified};
use crate::time::{DAY_MS, Timestamp};
use serde_json::{Value, json};

fn phrase() -> Phrase {
    Phrase::from_entropy(&[7; 32])
}

fn log() -> KeyLog {
    incept(&phrase().signing_key(0), &phrase().signing_key(1).public())
}

fn rotation(number: u32) -> Rotation {
    Rotation {
        party: log().party_unverified(),
        number,
        key: phrase().signing_key(number).public(),
        next: phrase().signing_key(number + 1).public().digest(),
        kept: vec![TokenId([0xa1; 16])],
        at: YESTERDAY,
    }
}

fn sign(claims: Rotation) -> Signed<Rotation> {
    let number = claims.number;
    Signed::sign(claims, &phrase().signing_key(number))
}

/// [ID-5], [ID-6].
#[test]
fn words_lead_to_keys() {
    let words = bip39::Mnemonic::from_entropy(&[7; 32]).unwrap().to_string();
    assert_eq!(words.split(' ').count(), 24);

    let root = phrase().records_root(1);
    let compartment = root.compartment(Kind::VitalSigns, 2);
    let public = compartment.public();
    let (kind, key) = (Kind::VitalSigns, public.clone());
    let id = Compartment { kind, generation: 1, epoch: 2, key }.id();
    let made = json!({
        "words": words,
        "entropy": hex(&[7; 32]),
        "signing": (0..3).map(|n| json!({
            "number": n,
            "seed": hex(&*phrase().signing_key(n).seed()),
            "public": hex(&phrase().signing_key(n).public().0),
        })).collect::<Vec<_>>(),
        "records_root": { "generation": 1, "root": hex(root.as_bytes()) },
        "compartment": {
            "kind": Kind::VitalSigns.code(), "generation": 1, "epoch": 2,
            "seed": hex(compartment.seed()), "public": hex(public.as_bytes()),
            "id": hex(&id.0),
        },
        "bad": [
            { "words": "abandon abandon", "error": "WordCount" },
            { "words": words.replacen(words.split(' ').next().unwrap(), "chartmesh", 1), "error": "UnknownWord" },
            { "words": vec!["abandon"; 24].join(" "), "error": "Checksum" },
        ],
    });
    for bad in made["bad"].as_array().unwrap() {
        let error = Phrase::parse(bad["words"].as_str().unwrap()).unwrap_err();
        assert_eq!(bad["error"], variant(&error));
    }
    assert!(Phrase::parse(&words).is_ok());
    super::check("identity", "phrase", &made);
}

/// [ID-16].
#[test]
fn words_lead_to_an_institutions_keys() {
    let entropy = [9; 32];
    let words = bip39::Mnemonic::from_entropy(&entropy).unwrap().to_string();
    let phrase = InstitutionPhrase::parse(&words).unwrap();
    let first = phrase.incept();
    let rotation = phrase.rotate(&first.clone().verify().unwrap(), YESTERDAY).unwrap();
    let rotated = first.clone().rotated(&rotation);
    assert_eq!(rotated.clone().verify().unwrap().current(), phrase.signing_key(1).public());
    let made = json!({
        "words": words,
        "entropy": hex(&entropy),
        "keys": (0..3).map(|n| json!({
            "number": n,
            "signing": hex(&*phrase.signing_seed(n)),
            "public": hex(&phrase.signing_key(n).public().0),
            "own": hex(&*phrase.own_key(n)),
        })).collect::<Vec<_>>(),
        "party": first.party_unverified(),
        "log": hex(&first.to_bytes()),
        "rotated_at": YESTERDAY,
        "rotated": hex(&rotated.to_bytes()),
    });
    super::check("identity", "institution", &made);
}

fn log_case(name: &str, why: &str, log: &KeyLog, error: Option<&str>) -> Value {
    let read = KeyLog::from_bytes(&log.to_bytes(), limits::REQUEST_BYTES_MAX).unwrap();
    let judged = read.verify();
    assert_eq!(judged.as_ref().err().map(variant).as_deref(), error, "{name}");
    json!({
        "name": name, "why": why, "log": hex(&log.to_bytes()), "error": error,
        "party": judged.as_ref().ok().map(KnownKeys::party),
        "current": judged.as_ref().ok().map(KnownKeys::current_number),
        "keys": judged.ok().map(|known| (0..=known.current_number())
            .map(|n| hex(&known.key(n).unwrap().0)).collect::<Vec<_>>()),
    })
}

/// [ID-1], [ID-2].
#[test]
fn key_logs_verify_or_are_refused_for_their_reason() {
    let inception = |version, suite| {
        let mut log = log();
        let mut claims = log.inception.claims().clone();
        (claims.version, claims.suite) = (version, suite);
        log.inception = Signed::sign(claims, &phrase().signing_key(0)).to_unverified();
        log
    };
    let mut forged = log();
    let claims = forged.inception.claims().clone();
    forged.inception = Signed::sign(claims, &key(0x66)).to_unverified();
    let once = log().rotated(&sign(rotation(1)));
    let thief = Rotation { key: key(0x66).public(), ..rotation(1) };
    let other = Rotation { party: PartyId([9; 32]), ..rotation(1) };
    let unsigned = Signed::sign(rotation(1), &phrase().signing_key(0));
    let many =
        Rotation { kept: vec![TokenId([1; 16]); limits::KEPT_TOKENS_MAX + 1], ..rotation(1) };
    let before = Rotation { at: YESTERDAY.minus_ms(1), ..rotation(2) };
    let bad = |rotation: &Signed<Rotation>| log().rotated(rotation);
    let cases = [
        log_case("inception", "a first key", &log(), None),
        log_case("rotated-once", "the id stays", &once, None),
        log_case("rotated-twice", "and stays", &once.clone().rotated(&sign(rotation(2))), None),
        log_case("version", "version 2", &inception(2, 1), Some("UnknownSuite")),
        log_case("suite", "suite 2", &inception(1, 2), Some("UnknownSuite")),
        log_case(
            "forged-inception",
            "not signed by the key it names",
            &forged,
            Some("BadSignature"),
        ),
        log_case(
            "other-party",
            "the rotation names another party",
            &bad(&sign(other)),
            Some("OtherParty"),
        ),
        log_case(
            "out-of-order",
            "the first rotation has number 2",
            &bad(&sign(rotation(2))),
            Some("OutOfOrder"),
        ),
        log_case(
            "not-committed",
            "a key that the inception did not fix",
            &bad(&Signed::sign(thief, &key(0x66))),
            Some("NotCommitted"),
        ),
        log_case(
            "unsigned-rotation",
            "signed with the old key",
            &bad(&unsigned),
            Some("BadSignature"),
        ),
        log_case("too-many-kept", "1025 kept tokens", &bad(&sign(many)), Some("TooLong")),
        log_case(
            "back-in-time",
            "the second rotation is dated a millisecond before the first",
            &once.clone().rotated(&sign(before)),
            Some("BackInTime"),
        ),
    ];
    super::check("identity", "log", &cases);
}

fn compartment(kind: Kind) -> Compartment {
    let key = phrase().records_root(0).compartment(kind, 0).public();
    Compartment { kind, generation: 0, epoch: 0, key }
}

/// What becomes of a log that is known when another is shown. [ID-3]
#[test]
fn of_two_logs_the_longer_counts_and_none_that_contradicts() {
    let once = log().rotated(&sign(rotation(1)));
    let twice = once.clone().rotated(&sign(rotation(2)));
    let later = |number| Rotation { at: NOW, ..rotation(number) };
    // Whoever else has the words makes another rotation of the same number.
    let other = log().rotated(&sign(later(1)));
    let other_twice = once.clone().rotated(&sign(later(2)));
    let long_other = other.clone().rotated(&sign(later(2)));
    let cases = [
        ("the-same", "nothing new", &once, &once, None),
        ("longer", "a rotation more", &log(), &once, None),
        ("shorter", "an older copy takes nothing back", &twice, &log(), None),
        ("forked", "another first rotation", &once, &other, Some("Forked")),
        ("forked-and-longer", "of more rotations, too", &once, &long_other, Some("Forked")),
        ("forked-and-shorter", "of fewer rotations, too", &twice, &other, Some("Forked")),
        ("forked-later", "the second rotation differs", &twice, &other_twice, Some("Forked")),
        ("other-party", "the log of somebody else", &once, &HOSPITAL.log(), Some("OtherParty")),
    ];
    let made: Vec<_> = cases
        .map(|(name, why, known, shown, error)| {
            let merged = known.clone().verify().unwrap().merge(shown.clone().verify().unwrap());
            assert_eq!(merged.as_ref().err().map(variant).as_deref(), error, "{name}");
            let counts = merged.map_or_else(|_| known.clone(), |keys| keys.log().clone());
            json!({ "name": name, "why": why, "known": hex(&known.to_bytes()),
                    "shown": hex(&shown.to_bytes()), "error": error,
                    "counts": hex(&counts.to_bytes()) })
        })
        .to_vec();
    super::check("identity", "forks", &made);
}

fn ring() -> KeyRing {
    let mut compartments = [Kind::Laboratory, Kind::VitalSigns].map(|kind| RingEntry {
        compartment: compartment(kind).id(),
        until: (kind == Kind::Laboratory).then_some(Timestamp(YESTERDAY.0 + 10 * DAY_MS)),
    });
    compartments.sort_by_key(|entry| entry.compartment);
    KeyRing {
        patient: log().party_unverified(),
        key: 0,
        seq: 1,
        issued: YESTERDAY,
        expires: Timestamp(YESTERDAY.0 + 30 * DAY_MS),
        compartments: compartments.to_vec(),
        relay: RELAY.id(),
    }
}

pub(super) fn case<T: Statement>(
    ty: &str,
    (name, why): (&str, &str),
    signer: &KeyLog,
    (claims, by): (T, &crate::crypto::SigningKey),
    certify: impl Fn(Unverified<T>, &KnownKeys) -> Option<String>,
    error: Option<&str>,
) -> Value {
    let bytes = Signed::sign(claims, by).bytes().to_vec();
    let keys = signer.clone().verify().unwrap();
    let found = certify(Unverified::parse(&bytes).unwrap(), &keys);
    assert_eq!(found.as_deref(), error, "{ty} {name}");
    json!({ "name": name, "why": why, "type": ty, "domain": T::DOMAIN, "now_ms": NOW,
            "signer": hex(&signer.to_bytes()), "statement": hex(&bytes), "error": error })
}

/// [ID-7], [ID-8], [ID-9], [ID-10], [ID-11].
#[test]
fn certificates_rings_and_cards_are_judged() {
    let node = |c: Unverified<NodeCertificate>, keys: &KnownKeys| {
        c.certify(keys, NOW).err().map(|e| variant(&e))
    };
    let relay = |c: Unverified<RelayCertificate>, keys: &KnownKeys| {
        c.certify(keys, NOW).err().map(|e| variant(&e))
    };
    let ring_ =
        |c: Unverified<KeyRing>, keys: &KnownKeys| c.certify(keys, NOW).err().map(|e| variant(&e));
    let card_ = |c: Unverified<Card>, keys: &KnownKeys| {
        let signer = keys.key(c.claims().key).filter(|_| keys.party() == c.claims().institution);
        let current = c.claims().key == keys.current_number();
        let signed = current && signer.is_some_and(|key| c.check(&key).is_ok());
        (!signed || !c.claims().ends_in_time()).then(|| "NotAuthentic".to_owned())
    };
    let (now, log_, me) = (HOSPITAL.certificate(), HOSPITAL.log(), HOSPITAL.signing());
    let of = |issued: u64, expires: u64| NodeCertificate {
        issued: Timestamp(issued),
        expires: Timestamp(expires),
        ..now.clone()
    };
    let of_relay = RelayCertificate {
        member: HOSPITAL.id(),
        key: 0,
        relay: RELAY.id(),
        issued: YESTERDAY,
        expires: Timestamp(YESTERDAY.0 + limits::CERTIFICATE_MS_MAX),
    };
    let card = || HOSPITAL.card("Hospital A", Role::Hospital);
    let (patient, theirs) = (log(), phrase().signing_key(0));
    let mut twice = ring();
    twice.compartments[1] = twice.compartments[0];
    let rotated = HOSPITAL.rotated();
    let treats_ =
        |c: Unverified<Treats>, keys: &KnownKeys| c.certify(keys, NOW).err().map(|e| variant(&e));
    let treats = || Treats {
        patient: log().party_unverified(),
        key: 0,
        institution: HOSPITAL.id(),
        issued: YESTERDAY,
        until: Some(Timestamp(NOW.0 + DAY_MS)),
        kinds: vec![Kind::Laboratory, Kind::Reports],
    };
    let t = |name, why, claims: Treats, error| {
        case("treats", (name, why), &patient, (claims, &theirs), treats_, error)
    };
    let c = |name, why, claims: NodeCertificate, error| {
        case("node-certificate", (name, why), &log_, (claims, &me), node, error)
    };
    let r = |name, why, claims: KeyRing, error| {
        case("key-ring", (name, why), &patient, (claims, &theirs), ring_, error)
    };
    let cases = [
        c("good", "a week, from yesterday", now.clone(), None),
        c(
            "two-minutes-ahead",
            "the clocks differ by the tolerance",
            of(NOW.0 + 120_000, NOW.0 + DAY_MS),
            None,
        ),
        c(
            "other-signer",
            "names an institution that is not the signer",
            NodeCertificate { institution: PartyId([9; 32]), ..now.clone() },
            Some("UnknownKey"),
        ),
        c(
            "unknown-key",
            "key 1, which is not there yet",
            NodeCertificate { key: 1, ..now.clone() },
            Some("UnknownKey"),
        ),
        case(
            "node-certificate",
            ("old-key", "signed before the rotation"),
            &rotated,
            (now.clone(), &me),
            node,
            Some("OldKey"),
        ),
        case(
            "node-certificate",
            ("forged", "signed by another key"),
            &log_,
            (now.clone(), &key(0x66)),
            node,
            Some("BadSignature"),
        ),
        c(
            "not-yet",
            "a millisecond beyond the tolerance",
            of(NOW.0 + 120_001, NOW.0 + DAY_MS),
            Some("NotYet"),
        ),
        c("expired", "ends now", of(YESTERDAY.0, NOW.0), Some("Expired")),
        c(
            "too-long",
            "a millisecond more than 30 days",
            of(YESTERDAY.0, YESTERDAY.0 + limits::CERTIFICATE_MS_MAX + 1),
            Some("TooLong"),
        ),
        case("relay-certificate", ("good", "30 days"), &log_, (of_relay.clone(), &me), relay, None),
        case(
            "relay-certificate",
            ("forged", "signed by the relay itself"),
            &log_,
            (of_relay, &RELAY.signing()),
            relay,
            Some("BadSignature"),
        ),
        case("card", ("good", "signed with the current key"), &log_, (card(), &me), card_, None),
        case(
            "card",
            ("old-key", "signed before the rotation"),
            &rotated,
            (card(), &me),
            card_,
            Some("NotAuthentic"),
        ),
        case(
            "card",
            ("too-long", "says to seal to its key for a millisecond more than 52 days"),
            &log_,
            (Card { until: card().until.plus_ms(1), ..card() }, &me),
            card_,
            Some("NotAuthentic"),
        ),
        r("good", "30 days, two compartments", ring(), None),
        r(
            "two-of-one-kind",
            "kinds are in ascending order, each once",
            twice,
            Some("BadCompartments"),
        ),
        r(
            "too-long",
            "a millisecond more than 30 days",
            KeyRing { expires: Timestamp(YESTERDAY.0 + 30 * DAY_MS + 1), ..ring() },
            Some("BadDates"),
        ),
        r(
            "from-the-future",
            "issued beyond the tolerance",
            KeyRing { issued: Timestamp(NOW.0 + 7 * DAY_MS + 1), ..ring() },
            Some("BadDates"),
        ),
        r(
            "unknown-key",
            "key 1, which is not there yet",
            KeyRing { key: 1, ..ring() },
            Some("UnknownKey"),
        ),
        case(
            "key-ring",
            ("forged", "signed by another key"),
            &patient,
            (ring(), &key(0x66)),
            ring_,
            Some("BadSignature"),
        ),
        t("good", "two kinds, until tomorrow", treats(), None),
        t(
            "good-without-end",
            "all kinds, without end",
            Treats { until: None, kinds: vec![], ..treats() },
            None,
        ),
        t(
            "kinds-not-in-order",
            "kinds are in ascending order, each once",
            Treats { kinds: vec![Kind::Reports, Kind::Laboratory], ..treats() },
            Some("BadKinds"),
        ),
        t(
            "from-the-future",
            "issued a millisecond beyond seven days ahead",
            Treats { issued: Timestamp(NOW.0 + 7 * DAY_MS + 1), ..treats() },
            Some("BadDates"),
        ),
        t(
            "unknown-key",
            "key 1, which is not there yet",
            Treats { key: 1, ..treats() },
            Some("UnknownKey"),
        ),
        t(
            "of-another",
            "names a patient that is not the signer",
            Treats { patient: PartyId([9; 32]), ..treats() },
            Some("UnknownKey"),
        ),
        case(
            "treats",
            ("old-key", "signed before the rotation"),
            &rotated,
            (Treats { patient: HOSPITAL.id(), ..treats() }, &me),
            treats_,
            Some("OldKey"),
        ),
        case(
            "treats",
            ("forged", "signed by the institution itself"),
            &patient,
            (treats(), &me),
            treats_,
            Some("BadSignature"),
        ),
    ];
    super::check("identity", "certificates", &cases);
}

/// [CAP-15].
#[test]
fn revocation_states_are_judged() {
    let (patient, theirs) = (log(), phrase().signing_key(0));
    let rotated = log().rotated(&sign(rotation(1)));
    let judge = |c: Unverified<RevocationState>, keys: &KnownKeys| {
        c.certify(keys).err().map(|e| variant(&e))
    };
    let state = |tokens: &[u8]| RevocationState {
        patient: log().party_unverified(),
        key: 0,
        seq: 1,
        issued: YESTERDAY,
        min_iat: 0,
        revoked: tokens.iter().map(|byte| revoked([*byte; 16])).collect(),
    };
    fn revoked(token: [u8; 16]) -> Revoked {
        Revoked { token: TokenId(token), expires: NOW.seconds() }
    }
    let full = |ids: u16| RevocationState {
        revoked: (0..ids)
            .map(|n| {
                let mut id = [0; 16];
                id[..2].copy_from_slice(&n.to_be_bytes());
                revoked(id)
            })
            .collect(),
        ..state(&[])
    };
    let most = u16::try_from(limits::REVOKED_MAX).unwrap();
    let s = |name, why, claims: RevocationState, error| {
        case("revocation-state", (name, why), &patient, (claims, &theirs), judge, error)
    };
    let other = RevocationState { patient: PartyId([9; 32]), ..state(&[1]) };
    let cases = [
        s("good", "two ids", state(&[1, 2]), None),
        s("nothing", "no id, no moment: news that nothing was revoked", state(&[]), None),
        s(
            "from-the-future",
            "its date plays no part: what is taken back ends at once",
            RevocationState { issued: Timestamp(NOW.0 + DAY_MS), ..state(&[1]) },
            None,
        ),
        s("most", "2048 ids", full(most), None),
        s("too-many", "an id more", full(most + 1), Some("BadList")),
        s("unsorted", "two ids have changed places", state(&[2, 1]), Some("BadList")),
        s("one-twice", "each id once", state(&[1, 1]), Some("BadList")),
        s("of-another", "names a patient that is not the signer", other, Some("UnknownKey")),
        s(
            "unknown-key",
            "key 1, which is not there yet",
            RevocationState { key: 1, ..state(&[1]) },
            Some("UnknownKey"),
        ),
        case(
            "revocation-state",
            ("old-key", "signed before the rotation"),
            &rotated,
            (state(&[1]), &theirs),
            judge,
            Some("OldKey"),
        ),
        case(
            "revocation-state",
            ("rotated", "signed with the newest key"),
            &rotated,
            (RevocationState { key: 1, ..state(&[1]) }, &phrase().signing_key(1)),
            judge,
            None,
        ),
        case(
            "revocation-state",
            ("forged", "signed by another key"),
            &patient,
            (state(&[1]), &key(0x66)),
            judge,
            Some("BadSignature"),
        ),
        case(
            "revocation-state",
            ("unsorted-and-of-another", "the list is looked at first"),
            &HOSPITAL.log(),
            (state(&[2, 1]), &key(0x66)),
            judge,
            Some("BadList"),
        ),
    ];
    super::check("capability", "revocations", &cases);
}

/// [ID-15].
#[test]
fn fingerprints_are_one_form_of_an_id_for_people() {
    let cases: Vec<_> = [PartyId([0; 32]), PartyId([0xff; 32]), HOSPITAL.id(), RELAY.id()]
        .into_iter()
        .map(|party| {
            let fingerprint = Fingerprint::of(party);
            let (words, digits) = (fingerprint.words(), fingerprint.digits());
            assert_eq!((words.split(' ').count(), digits.split(' ').count()), (8, 9));
            json!({ "party": party, "words": words, "digits": digits })
        })
        .collect();
    super::check("identity", "fingerprints", &json!({ "cases": cases }));
}
