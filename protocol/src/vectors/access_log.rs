//! `access_log/chains.json`: lines with their signed head, whole and tampered with.

use super::people::{HOSPITAL, NOW, PROVIDER, hex, signed, variant};
use crate::access_log::{Action, Head, Line, verify_chain};
use crate::capability::Purpose;
use crate::codec::Wire;
use crate::id::{EntryId, PartyId, TokenId};
use crate::time::Timestamp;
use serde_json::{Value, json};

const PATIENT: PartyId = PartyId([7; 32]);

fn lines() -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (action, user, reason) in [
        (Action::Kept, None, None),
        (Action::Read, Some("Dr. Example"), None),
        (Action::ReadRefused, Some("Dr. Example"), Some("revoked")),
    ] {
        let seq = lines.len() as u64 + 1;
        let reading = user.is_some();
        let line = Line {
            seq,
            at: Timestamp(NOW.0 + seq),
            action,
            by: HOSPITAL.id(),
            user: user.map(str::to_owned),
            purpose: reading.then_some(Purpose::Treatment),
            entries: vec![EntryId([0xe1; 16])],
            count: 1,
            token: reading.then_some(TokenId([0xa1; 16])),
            reason: reason.map(str::to_owned),
            salt: [0x5a; 16],
            before: lines.last().map_or([0; 32], Line::hash),
            through: reason.map(|_| vec![PROVIDER.id()]),
        };
        lines.push(line);
    }
    lines
}

fn head(lines: &[Line]) -> Head {
    Head {
        holder: PROVIDER.id(),
        key: 0,
        patient: PATIENT,
        seq: lines.len() as u64,
        hash: lines.last().map_or([0; 32], Line::hash),
        at: NOW,
    }
}

fn case(
    name: &str,
    why: &str,
    before: (u64, [u8; 32]),
    lines: &[Line],
    head: &Head,
    error: Option<&str>,
) -> Value {
    let judged = verify_chain(before, lines, head).err();
    assert_eq!(judged.as_ref().map(variant).as_deref(), error, "{name}");
    json!({
        "name": name, "why": why, "before": { "seq": before.0, "hash": hex(&before.1) },
        "lines": lines.iter().map(|line| hex(&line.to_bytes())).collect::<Vec<_>>(),
        "head": signed(head.clone(), &PROVIDER.signing()).0, "error": error,
    })
}

/// [LOG-1], [LOG-2], [LOG-3].
#[test]
fn chains_are_whole_or_told_where_they_break() {
    let all = lines();
    let whole = head(&all);
    let start = (0, [0; 32]);
    let mut changed = all.clone();
    changed[1].user = Some("Dr. Other".into());
    let missing = [all[0].clone(), all[2].clone()];
    let mut last = all.clone();
    last[2].action = Action::Read;
    let cases = [
        case("whole", "from the first line", start, &all, &whole, None),
        case(
            "continued",
            "from where an earlier look ended",
            (1, all[0].hash()),
            &all[1..],
            &whole,
            None,
        ),
        case("empty", "no line yet", start, &[], &head(&[]), None),
        case("missing", "line 2 was taken out", start, &missing, &whole, Some("Missing")),
        case("changed", "line 2 names another person", start, &changed, &whole, Some("Broken")),
        case(
            "changed-last",
            "nothing follows that would show it but the head",
            start,
            &last,
            &whole,
            Some("WrongHead"),
        ),
        case("cut-off", "the head knows a line more", start, &all[..2], &whole, Some("WrongHead")),
        case(
            "rewritten",
            "continues another line 1 than was seen before",
            (1, [9; 32]),
            &all[1..],
            &whole,
            Some("Broken"),
        ),
    ];
    let made = json!({ "holder_public": hex(&PROVIDER.signing().public().0), "cases": cases });
    super::check("access_log", "chains", &made);
}
