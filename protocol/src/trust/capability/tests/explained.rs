//! `capability/explained.json`: permissions as text, and the sentences that people read of them.

use super::*;
use crate::codec::Bytes;
use serde_json::{Value, json};

/// Parties that are known by a name, among them such as would rather not be shown as they are.
fn shown() -> BTreeMap<PartyId, String> {
    let known = [PATIENT, HOSPITAL_B, HOSPITAL_C, PROVIDER].map(id);
    let known = known.into_iter().filter_map(|party| Some((party, names(party)?)));
    let hostile = [
        (PartyId([0xd1; 32]), "X.\nIt may be passed on".to_owned()),
        (PartyId([0xd2; 32]), "\u{3000}\u{85}".to_owned()),
        (PartyId([0xd3; 32]), "\u{e9}".repeat(limits::NAME_SHOWN_CHARS_MAX + 1)),
    ];
    known.chain(hostile).collect()
}

fn case(name: &str, why: &str, chain: &Chain) -> Value {
    let names = shown();
    let named = |party| names.get(&party).cloned();
    let bytes = chain.to_bytes();
    json!({
        "name": name, "why": why,
        "chain": Bytes(bytes.clone()),
        "text": data_encoding::BASE64URL_NOPAD.encode(&bytes),
        "sentences": explain::explain(chain, &named, Timestamp::from_seconds(NOW)),
    })
}

fn to(parties: impl IntoIterator<Item = PartyId>, depth: u16) -> Option<Delegation> {
    Some(Delegation { depth, institutions: Set::new(parties).unwrap() })
}

fn scope(entries: impl Iterator<Item = u8>, compartments: impl Iterator<Item = u8>) -> Scope {
    Scope::new(Set::new(entries.map(entry)), Set::new(compartments.map(compartment))).unwrap()
}

/// [CAP-13], [CAP-18].
#[test]
fn permissions_are_explained_as_the_vectors_say() {
    let of = |name: &str, why: &str, claims: Token| case(name, why, &one(claims));
    let least = Token {
        audience: None,
        quota: None,
        delegation: None,
        max_staleness: None,
        quota_entries: None,
        ..root()
    };
    let [unknown, broken, blank, long] = [0xd0, 0xd1, 0xd2, 0xd3].map(|byte| PartyId([byte; 32]));
    let chain = vec![Signed::sign(root(), &key(PATIENT)), Signed::sign(child(), &key(HOSPITAL_B))];
    let end_of_9999 = 253_402_300_799;
    let mut cases = vec![
        of("whole", "every claim is there", root()),
        of("least", "every optional claim is absent", least),
        case("two-links", "each link by itself", &chain.into()),
        of("over", "exp is now", Token { not_before: NOW - DAY, expires: NOW, ..root() }),
        of("not-yet", "nbf is a second ahead", Token { not_before: NOW + 1, ..root() }),
        of(
            "far-ahead",
            "a year has as many digits as it needs, four at least; the end of time is 2^64 - 1 ms",
            Token { not_before: 0, issued: end_of_9999, expires: u64::MAX, ..root() },
        ),
        of(
            "year-10000",
            "a second later",
            Token { issued: end_of_9999, expires: end_of_9999 + 1, ..root() },
        ),
        of("one-entry", "no compartment", Token { scope: scope(1..2, 0..0), ..root() }),
        of("entries", "three, no compartment", Token { scope: scope(1..4, 0..0), ..root() }),
        of("one-compartment", "no entry", Token { scope: scope(0..0, 7..8), ..root() }),
        of("compartments", "three, no entry", Token { scope: scope(0..0, 7..10), ..root() }),
        of("both", "an entry and two compartments", Token { scope: scope(1..2, 7..9), ..root() }),
        of("nobody-known", "no name", Token { audience: Set::new([unknown]), ..root() }),
        of(
            "names",
            "a line break is a space; what cannot be seen is no name; 100 characters are shown",
            Token { audience: Set::new([unknown, broken, blank, long]), ..root() },
        ),
        of(
            "twice",
            "to two, and on again",
            Token { delegation: to([id(HOSPITAL_B), id(HOSPITAL_C)], 2), ..root() },
        ),
        of(
            "three-times",
            "no verifier takes it",
            Token { delegation: to([id(HOSPITAL_C)], 3), ..root() },
        ),
    ];
    let ages = [0, 1, 60, 90, 3600, 5400, 86_400, 7 * DAY];
    for ((seconds, purpose), last) in ages.into_iter().zip(Purpose::ALL).zip((1..=5).cycle()) {
        let operations = Operations::of(&Operation::ALL[..last]);
        let max_staleness = Some(seconds);
        let claims = Token { max_staleness, purpose: *purpose, operations, ..root() };
        let why = format!("{seconds} seconds; {last} operations");
        cases.push(of(&serde_json::to_string(purpose).unwrap().replace('"', ""), &why, claims));
    }
    let made = json!({ "now_ms": NOW * 1000, "names": shown(), "cases": cases });
    vectors::check("capability", "explained", &made);
}
