//! `record/bundles.json`: whole entries with the keys to open them, and what does not belong together.

use super::identity::case as case_of;
use super::people::{HOSPITAL, NOW, YESTERDAY, hex, key};
use crate::codec::{Bytes, Wire};
use crate::crypto::{KemSecret, Wrap, WrappingKey};
use crate::holdings::contents_hash;
use crate::id::{EntryId, ObjectId, PartyId};
use crate::identity::{Compartment, KnownKeys};
use crate::limits;
use crate::misfiled::Misfiled;
use crate::object::{DataKey, seal_small};
use crate::record::{Bundle, ContentKey, ContentRef, Kind, Label, Manifest, Sessions, Term};
use crate::refusal::Failure;
use crate::session::{Encapsulated, SealedTo, Session, SessionError};
use crate::statement::{Signed, Unverified};
use crate::time::{SECOND_MS, Timestamp};
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};

const PATIENT: PartyId = PartyId([7; 32]);
const CONTENT: &[u8] = b"{\"resourceType\":\"Observation\"}";

fn compartment() -> KemSecret {
    KemSecret::from_seed([0x55; 32])
}

fn told() -> Compartment {
    Compartment { kind: Kind::VitalSigns, generation: 0, epoch: 0, key: compartment().public() }
}

fn data_key(byte: u8) -> DataKey {
    DataKey::from_bytes([byte; 32])
}

fn content() -> (Vec<u8>, ContentRef) {
    let (file, sealed) = seal_small(&data_key(0xc1), &[1; 24], CONTENT).unwrap();
    (file, ContentRef { object: sealed.id, length: sealed.file_len })
}

const SALT: [u8; 16] = [0xe1; 16];

fn manifest() -> Manifest {
    let (_, content) = content();
    Manifest {
        entry: EntryId::of(HOSPITAL.id(), &SALT),
        kind: Kind::VitalSigns,
        title: "Heart rate".into(),
        effective: YESTERDAY,
        user: "Dr. Example".into(),
        contents: vec![ContentKey {
            object: content.object,
            length: content.length,
            plaintext_length: CONTENT.len() as u64,
            key: [0xc1; 32],
            media_type: "application/fhir+json".into(),
            name: "Observation/1".into(),
        }],
        terms: vec![Term { name: "code".into(), value: "http://loinc.org|8867-4".into() }],
        adds_to: None,
    }
}

/// The session that it is sealed by, with its key.
fn session() -> (Session, WrappingKey) {
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([3; 32]);
    Session::begin((PATIENT, &told()), HOSPITAL.id(), YESTERDAY, &mut rng).unwrap()
}

/// A bundle around the bytes of a manifest, and the label that belongs to it.
fn bundle(manifest: &[u8]) -> (Bundle, Label) {
    let (sealed, object) = seal_small(&data_key(0xd1), &[2; 24], manifest).unwrap();
    let (_, content) = content();
    let (session, by) = session();
    let label = Label {
        subject: PATIENT,
        salt: SALT,
        sealed: Some(SealedTo::new(&session, &by, &data_key(0xd1))),
        manifest: object.id,
        contents: contents_hash(&vec![content.clone()]),
        author: HOSPITAL.id(),
        key: 0,
        recorded: NOW,
    };
    let bundle = Bundle {
        label: HOSPITAL.sign(label.clone()),
        contents: vec![content],
        manifest: Bytes(sealed),
        own_wrap: None,
    };
    (bundle, label)
}

/// Checks as a holder does, then opens as a reader does. What fails is named by its text.
fn judge(bundle: Bundle, author: &KnownKeys) -> Result<Manifest, String> {
    let text = |failure: Failure| match failure {
        Failure::Refused(refusal) => refusal.to_string(),
        Failure::Store(error) => panic!("{error}"),
    };
    let sessions = Sessions::of(vec![session().0]);
    let checked = bundle.check(author, &sessions).map_err(text)?;
    Manifest::open(&checked.label, &checked.contents, &checked.manifest, &data_key(0xd1))
        .map_err(text)
}

fn case((name, why): (&str, &str), bundle: &Bundle, error: Option<(&str, &str)>) -> Value {
    let read = Bundle::from_bytes(&bundle.to_bytes(), limits::REQUEST_BYTES_MAX).unwrap();
    let judged = judge(read, &HOSPITAL.keys());
    match (&judged, error) {
        (Ok(opened), None) => assert_eq!(*opened, manifest(), "{name}"),
        (Err(text), Some((_, part))) => assert!(text.contains(part), "{name}: {text}"),
        (judged, error) => panic!("{name}: {judged:?}, not {error:?}"),
    }
    json!({ "name": name, "why": why, "bundle": hex(&bundle.to_bytes()),
            "author_keys": hex(&HOSPITAL.log().to_bytes()), "error": error.map(|(error, _)| error) })
}

/// [REC-1], [REC-2], [REC-3], [REC-4], [OBJ-7].
#[test]
fn bundles_hold_together_or_are_refused_for_their_reason() {
    let (good, label) = bundle(&manifest().to_bytes());
    let relabelled = |label: Label| Bundle { label: HOSPITAL.sign(label), ..good.clone() };
    let forged = Signed::sign(label.clone(), &key(0x66)).to_unverified();
    let mut two = good.clone();
    two.contents.push(ContentRef { object: ObjectId([9; 32]), length: 1104 });
    let mut sealed = good.clone();
    sealed.manifest.0[100] ^= 1;
    let mut padded = manifest().to_bytes();
    padded.push(1);
    let other_entry = Manifest { entry: EntryId([0xe2; 16]), ..manifest() };
    let mut longer = manifest();
    longer.contents[0].length += 1;
    let cases = [
        case(("good", "opens with its wrap and shows its content"), &good, None),
        case(
            ("unknown-key", "the label names a key of the author that is not there"),
            &relabelled(Label { key: 1, ..label.clone() }),
            Some(("unknown-key", "an unknown key")),
        ),
        case(
            ("other-author", "the label names another author"),
            &relabelled(Label { author: PATIENT, ..label.clone() }),
            Some(("unknown-key", "an unknown key")),
        ),
        case(
            ("forged-label", "signed by somebody else"),
            &Bundle { label: forged, ..good.clone() },
            Some(("bad-signature", "not signed by its author")),
        ),
        case(
            ("other-contents", "one object more than the label covers"),
            &two,
            Some(("other-contents", "its contents are not")),
        ),
        case(
            ("other-manifest", "one bit of the sealed manifest"),
            &sealed,
            Some(("other-manifest", "its manifest is not")),
        ),
        case(
            ("padding", "a byte where only zeros may stand"),
            &bundle(&padded).0,
            Some(("padding", "not padded")),
        ),
        case(
            ("manifest-of-another-entry", "the manifest inside names another entry"),
            &bundle(&other_entry.to_bytes()).0,
            Some(("other-label", "another label")),
        ),
        case(
            ("another-salt", "the label's salt gives another entry than the manifest is of"),
            &relabelled(Label { salt: [0xe2; 16], ..label.clone() }),
            Some(("other-label", "another label")),
        ),
        case(
            ("other-length", "manifest and list disagree on a length"),
            &bundle(&longer.to_bytes()).0,
            Some(("other-label", "another label")),
        ),
    ];
    let made = json!({
        "patient": PATIENT,
        "compartment_seed": hex(compartment().seed()),
        "compartment": hex(&told().to_bytes()),
        "session": hex(&session().0.to_bytes()),
        "session_id": session().0.id(),
        "session_key": hex(session().1.expose()),
        "data_key": hex(data_key(0xd1).expose()),
        "content": hex(CONTENT),
        "content_file": hex(&content().0),
        "manifest": hex(&manifest().to_bytes()),
        "cases": cases,
    });
    super::check("record", "bundles", &made);
}

/// [WRP-1], [WRP-2], [WRP-3], [WRP-4].
#[test]
fn a_session_opens_as_it_was_begun_and_not_when_anything_of_it_is_altered() {
    let (good, by) = session();
    let sealed = SealedTo::new(&good, &by, &data_key(0xd1));
    let flipped = |sealed: &SealedTo| {
        let mut wrap = *sealed.wrap.as_bytes();
        wrap[39] ^= 1;
        SealedTo {
            wrap: Wrap::from_bytes(&Bytes(wrap.to_vec()).to_bytes(), 64).unwrap(),
            ..*sealed
        }
    };
    let mut bytes = good.encapsulated.to_bytes();
    *bytes.last_mut().unwrap() ^= 1;
    let encapsulated = Encapsulated::from_bytes(&bytes, 2000).unwrap();
    let case = |name: &str,
                why: &str,
                session: &Session,
                sealed: &SealedTo,
                error: Option<&str>| {
        let opened = session.open(&compartment()).and_then(|by| Ok(by.unwrap(&sealed.wrap)?));
        let told = match opened {
            Ok(key) => {
                assert_eq!(*key, *data_key(0xd1).expose(), "{name}");
                None
            }
            Err(SessionError::Wrap(_)) => Some("wrap"),
            Err(_) => Some("session-check"),
        };
        assert_eq!(told, error, "{name}");
        json!({ "name": name, "why": why, "session": hex(&session.to_bytes()), "id": session.id(),
                "sealed": hex(&sealed.to_bytes()), "error": error })
    };
    let check = Some("session-check");
    let (of, later) = (PartyId([8; 32]), Timestamp(good.begun.0 + 1));
    let cases = [
        case("good", "opens with the compartment's seed", &good, &sealed, None),
        case("other-patient", "1", &Session { patient: of, ..good.clone() }, &sealed, check),
        case(
            "other-compartment",
            "2",
            &Session { compartment: crate::id::CompartmentId([9; 16]), ..good.clone() },
            &sealed,
            check,
        ),
        case("other-author", "3", &Session { author: of, ..good.clone() }, &sealed, check),
        case("other-begin", "4", &Session { begun: later, ..good.clone() }, &sealed, check),
        case("other-key", "5", &Session { encapsulated, ..good.clone() }, &sealed, check),
        case("other-check", "6", &Session { check: [0; 32], ..good.clone() }, &sealed, check),
        case("other-wrap", "a bit of the wrap", &good, &flipped(&sealed), Some("wrap")),
    ];
    let label = bundle(&manifest().to_bytes()).1;
    let own =
        [&good, &Session { author: of, ..good.clone() }, &Session { patient: of, ..good.clone() }]
            .map(|session| session.is_of(label.subject, told().id(), label.author));
    assert_eq!(own, [true, false, false]);
    let made = json!({ "compartment_seed": hex(compartment().seed()),
                       "data_key": hex(data_key(0xd1).expose()), "cases": cases });
    super::check("record", "sessions", &made);
}

/// [REC-10].
#[test]
fn that_entries_were_misfiled_is_their_authors_word() {
    let judge = |c: Unverified<Misfiled>, keys: &KnownKeys| {
        c.certify(keys, NOW).err().map(|error| format!("{error:?}"))
    };
    let salts = vec![[1; 16], [2; 16]];
    let good = || Misfiled {
        author: HOSPITAL.id(),
        key: 0,
        subject: PATIENT,
        compartment: Some(told().id()),
        salts: salts.clone(),
        at: YESTERDAY,
    };
    let (log, rotated) = (HOSPITAL.log(), HOSPITAL.rotated());
    let (me, other) = (HOSPITAL.signing(), key(0x66));
    let late = Timestamp(NOW.0 + limits::CLOCK_TOLERANCE_SECONDS * SECOND_MS + 1);
    let m = |name, why, claims: Misfiled, error| {
        case_of("misfiled", (name, why), &log, (claims, &me), judge, error)
    };
    let swapped = vec![salts[1], salts[0]];
    let cases = [
        m("good", "two entries of one compartment", good(), None),
        m("good-unsealed", "of no compartment", Misfiled { compartment: None, ..good() }, None),
        m("none", "no entry", Misfiled { salts: vec![], ..good() }, Some("BadEntries")),
        m("not-in-order", "descending", Misfiled { salts: swapped, ..good() }, Some("BadEntries")),
        m(
            "too-many",
            "1001 entries",
            Misfiled { salts: (0..=1000_u128).map(u128::to_be_bytes).collect(), ..good() },
            Some("BadEntries"),
        ),
        m("ahead", "121 s ahead, nearly", Misfiled { at: late, ..good() }, Some("BadDate")),
        m(
            "unknown-key",
            "key 1, which is not there",
            Misfiled { key: 1, ..good() },
            Some("UnknownKey"),
        ),
        m(
            "of-another",
            "names another author",
            Misfiled { author: PATIENT, ..good() },
            Some("UnknownKey"),
        ),
        case_of(
            "misfiled",
            ("old-key", "signed with key 0 after it was rotated away, dated back"),
            &rotated,
            (good(), &me),
            judge,
            Some("OldKey"),
        ),
        case_of(
            "misfiled",
            ("forged", "signed by somebody else"),
            &log,
            (good(), &other),
            judge,
            Some("BadSignature"),
        ),
    ];
    super::check("record", "misfiled", &cases);
}
