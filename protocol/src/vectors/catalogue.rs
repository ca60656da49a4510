//! `record/catalogues.json`: what the relay lists, and lists that do not count.

use super::people::{HOSPITAL, NOW, RELAY, YESTERDAY, hex, key, variant};
use crate::codec::Wire;
use crate::crypto::SigningKey;
use crate::id::{CompartmentId, EntryId, PartyId, StatementId};
use crate::identity::KeyRing;
use crate::limits;
use crate::record::{Catalogue, CatalogueError, Listed, Section, Step, catalogue_root};
use crate::statement::Signed;
use crate::time::{DAY_MS, Timestamp};
use serde_json::{Value, json};

const PATIENT: PartyId = PartyId([7; 32]);

fn entries() -> Vec<Listed> {
    [0xe1, 0xe2, 0xe3]
        .map(|byte| Listed { entry: EntryId([byte; 16]), label: StatementId([byte + 0x10; 32]) })
        .to_vec()
}

/// More than a leaf has: 66 whose ids begin with one digit, which are parted by the next, and 14 others.
fn many() -> Vec<Listed> {
    let mut many: Vec<_> = (0..80u8)
        .map(|n| {
            let digest = blake3::hash(&[n]);
            let mut entry = [0; 16];
            entry.copy_from_slice(&digest.as_bytes()[..16]);
            entry[0] = if n < 66 { 0x50 | entry[0] & 15 } else { entry[0] };
            Listed { entry: EntryId(entry), label: StatementId([n; 32]) }
        })
        .collect();
    many.sort_unstable_by_key(|listed| listed.entry);
    many
}

fn ring() -> KeyRing {
    KeyRing {
        patient: PATIENT,
        key: 0,
        seq: YESTERDAY.0,
        issued: YESTERDAY,
        expires: Timestamp(YESTERDAY.0 + 30 * DAY_MS),
        compartments: Vec::new(),
        relay: RELAY.id(),
    }
}

fn catalogue() -> Catalogue {
    Catalogue {
        patient: PATIENT,
        relay: RELAY.id(),
        key: 0,
        seq: NOW.0,
        issued: NOW,
        compartment: None,
        count: 3,
        root: catalogue_root(&entries()),
    }
}

fn leaf_of(entries: &[Listed]) -> [u8; 32] {
    let mut bytes = vec![0];
    entries.iter().for_each(|listed| bytes.extend([&listed.entry.0[..], &listed.label.0].concat()));
    blake3::hash(&bytes).into()
}

fn judge(section: Section) -> Result<(), CatalogueError> {
    section.check()?;
    section.catalogue.certify(&ring(), &RELAY.keys(), NOW).map(|_| ())
}

fn case(
    (name, why): (&str, &str),
    (claims, by): (Catalogue, &SigningKey),
    step: Step,
    entries: &[Listed],
    error: Option<&str>,
) -> Value {
    let catalogue = Signed::sign(claims, by).to_unverified();
    let section = Section { catalogue, step, entries: entries.to_vec() };
    let bytes = section.to_bytes();
    let read = Section::from_bytes(&bytes, limits::REQUEST_BYTES_MAX).unwrap();
    assert_eq!(judge(read).err().as_ref().map(variant).as_deref(), error, "{name}");
    json!({ "name": name, "why": why, "section": hex(&bytes), "id": section.catalogue.id(), "error": error })
}

/// [CAT-1], [CAT-2].
#[test]
fn catalogues_count_or_are_refused_for_their_reason() {
    let (relay, all, good) = (RELAY.signing(), entries(), catalogue());
    let compartment = Some(CompartmentId([0xc0; 16]));
    let of = |compartment, count, entries: &[Listed]| Catalogue {
        compartment,
        count,
        root: catalogue_root(entries),
        ..catalogue()
    };
    let later = Timestamp(NOW.0 + limits::CLOCK_TOLERANCE_SECONDS * 1000 + 1);
    let mut swapped = all.clone();
    swapped.swap(0, 1);
    let mut other_label = all.clone();
    other_label[2].label = StatementId([9; 32]);
    let bad = |name: &str, why: &str, claims: Catalogue, entries: &[Listed], error: &str| {
        case((name, why), (claims, &relay), Step::Begins, entries, Some(error))
    };
    let cases = [
        case(
            ("named", "the entries of a permission, whole"),
            (good.clone(), &relay),
            Step::Begins,
            &all,
            None,
        ),
        case(
            ("none", "a compartment without entries: the root is the hash of nothing"),
            (of(compartment, 0, &[]), &relay),
            Step::Begins,
            &[],
            None,
        ),
        case(
            ("many", "80 entries: a tree of two floors above its leaves"),
            (of(None, 80, &many()), &relay),
            Step::Begins,
            &many(),
            None,
        ),
        bad(
            "many-in-one-leaf",
            "the root as if a leaf had more than 64",
            Catalogue { count: 80, root: leaf_of(&many()), ..good.clone() },
            &many(),
            "OtherEntries",
        ),
        case(
            ("full-leaf", "64 entries are a leaf still"),
            (of(None, 64, &many()[..64]), &relay),
            Step::Begins,
            &many()[..64],
            None,
        ),
        case(
            ("page", "the last page of a compartment; the root is over all of them"),
            (of(compartment, 3, &all), &relay),
            Step::Continues,
            &all[2..],
            None,
        ),
        case(
            ("added", "leads to the root with what was listed before"),
            (of(compartment, 3, &all), &relay),
            Step::Adds,
            &all[1..2],
            None,
        ),
        bad(
            "other-patient",
            "of another patient",
            Catalogue { patient: PartyId([8; 32]), ..good.clone() },
            &all,
            "OtherRelay",
        ),
        case(
            ("other-relay", "by an institution that the key ring does not name"),
            (Catalogue { relay: HOSPITAL.id(), ..good.clone() }, &HOSPITAL.signing()),
            Step::Begins,
            &all,
            Some("OtherRelay"),
        ),
        bad(
            "unknown-key",
            "names a key that the relay does not have",
            Catalogue { key: 1, ..good.clone() },
            &all,
            "UnknownKey",
        ),
        case(
            ("forged", "in the relay's name, by somebody else"),
            (good.clone(), &key(0x66)),
            Step::Begins,
            &all,
            Some("BadSignature"),
        ),
        bad(
            "future",
            "more than two minutes ahead",
            Catalogue { issued: later, ..good.clone() },
            &all,
            "BadDate",
        ),
        bad(
            "unordered",
            "two entries have changed places",
            of(None, 3, &swapped),
            &swapped,
            "Unordered",
        ),
        bad(
            "number-of-the-future",
            "a number more than seven days above the clock",
            Catalogue { seq: NOW.0 + 7 * DAY_MS + 1, ..good.clone() },
            &all,
            "BadDate",
        ),
        bad(
            "unordered-and-left-out",
            "the first fault is named: their order before who signed what",
            Catalogue { patient: PartyId([8; 32]), ..of(None, 4, &swapped) },
            &swapped,
            "Unordered",
        ),
        bad(
            "left-out-of-another-patient",
            "the entries before who signed them",
            Catalogue { patient: PartyId([8; 32]), ..good.clone() },
            &all[..2],
            "OtherEntries",
        ),
        bad(
            "future-by-an-unknown-key",
            "the date before the key",
            Catalogue { issued: later, key: 1, ..good.clone() },
            &all,
            "BadDate",
        ),
        bad("left-out", "an entry fewer than was signed", good.clone(), &all[..2], "OtherEntries"),
        bad(
            "other-label",
            "another label than was signed",
            good.clone(),
            &other_label,
            "OtherEntries",
        ),
    ];
    let made = json!({
        "patient": PATIENT, "relay": RELAY.id(), "now": NOW.0,
        "relay_keys": hex(&RELAY.log().to_bytes()), "cases": cases,
    });
    super::check("record", "catalogues", &made);
}
