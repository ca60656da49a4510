//! `code/codes.json`: what people pass on as text. `code/number.json`: what they compare.

use super::people::{HOSPITAL, NOW, PROVIDER, RELAY, hex};
use crate::codec::Wire;
use crate::codes::{Code, CodeError, PatientCard};
use crate::enrolment::{Enrol, number};
use crate::id::{FederationId, PartyId, ViewId};
use crate::membership::Standpoint;
use crate::time::Timestamp;
use serde_json::{Value, json};

/// Where the institution stood when it gave out the invite; the enrolment's is of one that is in no federation.
const ANCHOR: Standpoint =
    Standpoint { federation: FederationId([0x4f; 32]), number: 9, view: ViewId([0x4e; 32]) };

fn code(letter: char) -> Code {
    Code {
        letter,
        institution: HOSPITAL.id(),
        secret: [0xc0; 16],
        nodes: vec![(HOSPITAL.node(), vec!["/ip4/192.0.2.2/tcp/4001".into()])],
        expires: Timestamp(NOW.0 + 15 * 60 * 1000),
        anchor: (letter == 'i').then_some(ANCHOR),
    }
}

fn good(letter: char) -> Value {
    let code = code(letter);
    let text = code.to_text();
    assert_eq!(Code::parse(&text, letter), Ok(code.clone()));
    let nodes: Vec<_> = code
        .nodes
        .iter()
        .map(|(node, addresses)| json!({ "node": node, "addresses": addresses }))
        .collect();
    json!({
        "letter": letter, "text": text, "institution": code.institution, "secret": hex(&code.secret),
        "nodes": nodes, "expires_ms": code.expires, "anchor": code.anchor.map(|at| json!({
            "federation": at.federation, "number": at.number, "view": at.view,
        })), "public_key": hex(&code.key().public().0),
        "id": code.id(),
    })
}

fn bad(name: &str, why: &str, letter: char, text: &str, error: &CodeError) -> Value {
    assert_eq!(Code::parse(text, letter).as_ref(), Err(error), "{name}");
    let error = super::people::variant(error);
    json!({ "name": name, "why": why, "letter": letter, "text": text, "error": error })
}

/// Section 9, codes.
#[test]
fn a_code_is_read_as_it_was_written_or_refused_for_its_reason() {
    let text = code('e').to_text();
    let spaced = format!(" {} {}\n", &text[..20], &text[20..]);
    assert_eq!(Code::parse(&spaced, 'e'), Ok(code('e')), "white space is ignored");
    let mut mistyped = text.clone().into_bytes();
    mistyped[30] = if mistyped[30] == b'A' { b'B' } else { b'A' };
    let nobody = Code { nodes: vec![], ..code('e') }.to_text();
    let card = PatientCard { patient: PartyId([7; 32]), relay: RELAY.id() };
    assert_eq!(PatientCard::parse(&card.to_text()), Ok(card.clone()));
    let made = json!({
        "codes": [good('i'), good('e')],
        "card": { "text": card.to_text(), "patient": card.patient, "relay": card.relay },
        "bad": [
            bad("not-a-code", "another beginning", 'e', "cm-x-AAAA", &CodeError::NotACode),
            bad("other-kind", "an invite", 'e', &code('i').to_text(), &CodeError::OtherKind),
            bad(
                "mistyped", "one digit is another", 'e',
                &String::from_utf8(mistyped).unwrap(), &CodeError::Damaged,
            ),
            bad("cut-off", "the last digit is missing", 'e', &text[..text.len() - 1],
                &CodeError::Damaged),
            bad(
                "no-node", "it names no node", 'e', &nobody,
                &CodeError::Malformed(crate::codec::DecodeError::Invalid("a code names 1 to 8 nodes")),
            ),
        ],
    });
    super::check("code", "codes", &made);
}

/// [COD-6].
#[test]
fn two_sides_come_to_one_number_and_any_difference_to_another() {
    let (relays, institutions) = ([0x51; 32], [0x52; 32]);
    let patient = PROVIDER.log();
    let commitment = number::commitment(&relays, patient.party_unverified(), HOSPITAL.id());
    let enrol = Enrol { code: code('e').id(), log: patient.clone(), commitment };
    let transcript = number::transcript(HOSPITAL.id(), RELAY.id(), &enrol);
    let shown = number::number(&transcript, &institutions, &relays);
    // A man in the middle: any other part, party or message gives another number, but once in a million.
    let others = [
        number::number(&transcript, &[0x53; 32], &relays),
        number::number(&transcript, &institutions, &[0x53; 32]),
        number::number(&number::transcript(RELAY.id(), RELAY.id(), &enrol), &institutions, &relays),
    ];
    assert!(others.iter().all(|other| *other != shown));
    let made = json!({
        "institution": HOSPITAL.id(), "relay": RELAY.id(), "enrol": hex(&enrol.to_bytes()),
        "patient": patient.party_unverified(), "relays_random": hex(&relays),
        "institutions_random": hex(&institutions), "commitment": hex(&commitment),
        "transcript": hex(&transcript), "number": shown,
    });
    super::check("code", "number", &made);
}
