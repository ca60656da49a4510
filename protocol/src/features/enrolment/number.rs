//! The number that two people compare, so that both know whom they enrol with.
//!
//! ```text
//!  relay                                          institution
//!  r random, commitment = H(r, patient, inst.) ──> Enrol
//!                                              <── s random
//!  r ──────────────────────────────────────────> Reveal: H(r, ...) must be what was committed to
//!  number = H(transcript, s, r)                    number = H(transcript, s, r)
//! ```
//!
//! The commitment comes before either knows the other's part: whoever stands between, or has got hold of the code, is
//! shown the same number on both sides once in a million times, and cannot try again unseen. [COD-6]

use super::wire::Enrol;
use crate::codec::Wire;
use crate::id::PartyId;

/// How many numbers there are.
const NUMBERS: u64 = 1_000_000;

/// What the relay's random part is committed to by.
pub(crate) fn commitment(random: &[u8; 32], patient: PartyId, institution: PartyId) -> [u8; 32] {
    derive("chartmesh/1/sas-commit", &[random, &patient.0, &institution.0])
}

/// What both sides must have said and heard alike.
pub(crate) fn transcript(institution: PartyId, relay: PartyId, enrol: &Enrol) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&institution.0).update(&relay.0);
    hasher.update(blake3::hash(&enrol.to_bytes()).as_bytes());
    hasher.finalize().into()
}

/// The number, below a million.
pub(crate) fn number(transcript: &[u8; 32], institutions: &[u8; 32], relays: &[u8; 32]) -> u32 {
    let hash = derive("chartmesh/1/sas", &[transcript, institutions, relays]);
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    u32::try_from(u64::from_be_bytes(first) % NUMBERS).unwrap_or(0)
}

/// The number as a person typed it: six digits, with whatever stands between them.
pub(crate) fn typed(text: &str) -> Option<u32> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    (digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

fn derive(context: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contacts::EnrollingRow;

    #[test]
    fn a_number_is_read_as_it_is_shown_and_nothing_else_is_one() {
        for number in [0, 7, 42_917, 999_999] {
            let row = EnrollingRow {
                before: false,
                known: false,
                refused: None,
                number: Some(number),
                confirmed: false,
                accepted: false,
            };
            assert_eq!(typed(&row.shown().unwrap()), Some(number));
        }
        assert_eq!((typed("042-917"), typed(" 000 007 ")), (Some(42_917), Some(7)));
        for text in ["", "12345", "1234567", "12345x", "+12345"] {
            assert_eq!(typed(text), None, "{text}");
        }
    }
}
