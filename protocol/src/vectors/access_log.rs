//! `access_log/chains.json`: lines with their signed head, whole and tampered with.
//! `access_log/countersigned.json`: heads as readers pass them on.

use super::people::{HOSPITAL, Institution, NOW, PROVIDER, RELAY, hex, signed, variant};
use crate::access_log::{
    Action, Countersigned, Head, Line, LinePlace, LogEnd, VolumeBegin, verify_chain,
};
use crate::capability::{Purpose, Reason};
use crate::codec::Wire;
use crate::id::{EntryId, PartyId, TokenId};
use crate::refusal::Refusal;
use crate::time::{DAY_MS, Timestamp};
use serde_json::{Value, json};

const PATIENT: PartyId = PartyId([7; 32]);

fn lines() -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (action, user, reason) in [
        (Action::Kept, None, None),
        (Action::Read, Some("Dr. Example"), None),
        (Action::ReadRefused, Some("Dr. Example"), Some(Reason::Revoked)),
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
            reason: reason.map(Refusal::from),
            salt: [0x5a; 16],
            before: lines.last().map_or([0; 32], Line::hash),
            through: reason.map(|_| vec![PROVIDER.id()]),
            last: None,
            news: (action == Action::Read).then_some(Timestamp(NOW.0 - 3 * DAY_MS)),
            begins: None,
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
        volume: Timestamp(0),
    }
}

/// The volume that the holder began when it noticed that its store was put back.
const VOLUME: Timestamp = Timestamp(NOW.0 + 100);

fn place(volume: Timestamp, seq: u64) -> LinePlace {
    LinePlace { volume, seq }
}

/// The first line of that volume, behind one that the holder still has.
fn begun(last: &Line) -> Line {
    let begins = VolumeBegin { volume: VOLUME, after: place(Timestamp(0), last.seq) };
    let (seq, at, before) = (1, Timestamp(VOLUME.0 + 1), last.hash());
    Line { seq, at, before, begins: Some(begins), ..lines()[0].clone() }
}

fn case(
    name: &str,
    why: &str,
    before: LogEnd,
    lines: &[Line],
    head: &Head,
    error: Option<&str>,
) -> Value {
    let judged = verify_chain(before, lines, head).err();
    assert_eq!(judged.as_ref().map(variant).as_deref(), error, "{name}");
    json!({
        "name": name, "why": why,
        "before": { "volume": before.place.volume, "seq": before.place.seq, "hash": hex(&before.hash) },
        "lines": lines.iter().map(|line| hex(&line.to_bytes())).collect::<Vec<_>>(),
        "head": signed(head.clone(), &PROVIDER.signing()).0, "error": error,
    })
}

/// [LOG-1], [LOG-2], [LOG-3], [LOG-8].
#[test]
fn chains_are_whole_or_told_where_they_break() {
    let all = lines();
    let whole = head(&all);
    let start = LogEnd::default();
    let behind = |line: &Line| LogEnd { place: place(Timestamp(0), line.seq), hash: line.hash() };
    let follows = Line { seq: 2, before: begun(&all[1]).hash(), ..all[1].clone() };
    let anew = [begun(&all[1]), follows];
    let in_volume = |seq, hash| Head { seq, hash, volume: VOLUME, ..whole.clone() };
    let ended = in_volume(2, anew[1].hash());
    let mut unnamed = anew.clone();
    unnamed[0].begins = None;
    let mut second = anew.clone();
    second[0].seq = 2;
    let old = VolumeBegin { volume: VOLUME, after: place(VOLUME, 7) };
    let old = Line { begins: Some(old), before: [9; 32], ..begun(&all[1]) };
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
            behind(&all[0]),
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
            LogEnd { hash: [9; 32], ..behind(&all[0]) },
            &all[1..],
            &whole,
            Some("Broken"),
        ),
        case("put-back", "goes on behind line 2 in a volume", behind(&all[1]), &anew, &ended, None),
        case(
            "put-back-whole",
            "from the first line through the volume",
            start,
            &[&all[..2], &anew[..]].concat(),
            &ended,
            None,
        ),
        case(
            "put-back-empty",
            "the volume has no line yet",
            behind(&all[1]),
            &[],
            &in_volume(0, [0; 32]),
            None,
        ),
        case(
            "put-back-elsewhere",
            "the volume goes on behind line 2, and line 3 was seen",
            behind(&all[2]),
            &anew,
            &ended,
            Some("Missing"),
        ),
        case(
            "put-back-changed",
            "the line that it names has another hash",
            LogEnd { hash: [9; 32], ..behind(&all[1]) },
            &anew,
            &ended,
            Some("Broken"),
        ),
        case(
            "put-back-unsaid",
            "numbers begin again and nothing says why",
            behind(&all[1]),
            &unnamed,
            &ended,
            Some("Missing"),
        ),
        case(
            "put-back-not-first",
            "what begins a volume is its line 1",
            behind(&all[1]),
            &second,
            &ended,
            Some("Missing"),
        ),
        case(
            "put-back-old",
            "the volume is not later than the one that it goes on behind",
            LogEnd { place: place(VOLUME, 7), hash: [9; 32] },
            &[old],
            &ended,
            Some("OldVolume"),
        ),
        case(
            "put-back-other-head",
            "the head is of the volume before",
            behind(&all[1]),
            &anew,
            &head(&all[..2]),
            Some("WrongHead"),
        ),
    ];
    let made = json!({ "holder_public": hex(&PROVIDER.signing().public().0), "cases": cases });
    super::check("access_log", "chains", &made);
}

fn countersigned(
    (name, why): (&str, &str),
    (head, holder): (Head, &Institution),
    claims: impl FnOnce(Countersigned) -> Countersigned,
    by: &Institution,
    error: Option<&str>,
) -> Value {
    let countersigned = claims(Countersigned {
        reader: HOSPITAL.id(),
        key: 0,
        head: holder.sign(head),
        at: Timestamp(NOW.0 + 5),
    });
    let statement = by.sign(countersigned);
    let (bytes, id) = (hex(statement.bytes()), statement.id());
    let judged = statement.certify(&HOSPITAL.keys(), &PROVIDER.keys()).err();
    assert_eq!(judged.as_ref().map(variant).as_deref(), error, "{name}");
    json!({ "name": name, "why": why, "statement": bytes, "id": id, "error": error })
}

/// [HEA-1].
#[test]
fn countersigned_heads_prove_two_signatures_or_nothing() {
    let head = head(&lines());
    let same = |claims| claims;
    let cases = [
        countersigned(
            ("good", "the provider's head, in the hospital's hands"),
            (head.clone(), &PROVIDER),
            same,
            &HOSPITAL,
            None,
        ),
        countersigned(
            ("other-reader", "about what another was shown"),
            (head.clone(), &PROVIDER),
            |claims| Countersigned { reader: RELAY.id(), ..claims },
            &HOSPITAL,
            Some("OtherReader"),
        ),
        countersigned(
            ("unknown-key", "names a key that the reader does not have"),
            (head.clone(), &PROVIDER),
            |claims| Countersigned { key: 1, ..claims },
            &HOSPITAL,
            Some("OtherReader"),
        ),
        countersigned(
            ("forged", "countersigned by somebody else"),
            (head.clone(), &PROVIDER),
            same,
            &RELAY,
            Some("BadSignature"),
        ),
        countersigned(
            ("forged-head", "a head that the holder never signed"),
            (head.clone(), &HOSPITAL),
            same,
            &HOSPITAL,
            Some("NotTheHolders"),
        ),
        countersigned(
            ("other-holder", "names another holder than the one that signed"),
            (Head { holder: RELAY.id(), ..head.clone() }, &PROVIDER),
            same,
            &HOSPITAL,
            Some("NotTheHolders"),
        ),
    ];
    let made = json!({
        "reader": HOSPITAL.id(), "reader_keys": hex(&HOSPITAL.log().to_bytes()),
        "holder": PROVIDER.id(), "holder_keys": hex(&PROVIDER.log().to_bytes()), "cases": cases,
    });
    super::check("access_log", "countersigned", &made);
}
