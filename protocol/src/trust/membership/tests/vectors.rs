//! `membership/`: a charter and the views that follow on it, what ballots pass, and what is refused.

use super::*;
use crate::codec::Wire;
use crate::vectors::check;
use serde_json::{Value, json};

fn hex(bytes: impl AsRef<[u8]>) -> String {
    data_encoding::HEXLOWER.encode(bytes.as_ref())
}

/// A seal by the first members of a view, as many as a quorum.
fn sealed(view: &CheckedView, round: u32, change: &Change) -> Seal {
    let successor = view.successor(change).unwrap().id();
    let commit = Commit { view: view.id(), round, successor };
    let quorum = view.numbers().quorum();
    let by = |place: u16| {
        let party = view.at(place).unwrap().party;
        let number = (0..64).find(|number| super::party(*number) == party).unwrap();
        let listed = u8::try_from(view.at(place).unwrap().number).unwrap();
        Endorsement { place, signature: signature_over(&commit, &key(number, listed)) }
    };
    let commits = (0..u16::try_from(quorum).unwrap()).map(by).collect();
    Seal { view: view.id(), change: change.clone(), round, commits }
}

fn admission(view: &CheckedView, numbers: &[u16]) -> Change {
    let mut admitted: Vec<_> = numbers
        .iter()
        .map(|number| applies(view, actor(*number).member, &key(*number, 0)))
        .collect();
    admitted.sort_unstable_by_key(|application| application.claims().member.party);
    Change { admitted, ..Change::default() }
}

/// Each change of a federation's life, one after the other.
fn life() -> Vec<(&'static str, Seal, CheckedView)> {
    let mut view = CheckedView::first(&charter(2)).unwrap();
    let mut life = Vec::new();
    let mut step = |view: &mut CheckedView, name, round, change: Change| {
        let seal = sealed(view, round, &change);
        *view = view.sealed(&seal).unwrap();
        life.push((name, seal, view.clone()));
    };
    let change = admission(&view, &[1]);
    step(&mut view, "the founder takes in a second", 0, change);
    let change = admission(&view, &[2, 3, 4]);
    step(&mut view, "three come in at once", 2, change);
    let change = Change { threshold: Some(3), ..Change::default() };
    step(&mut view, "another threshold", 0, change);
    let member = Member { name: "Alder Clinic".into(), ..actor(3).member };
    let change = Change { admitted: vec![applies(&view, member, &key(3, 0))], ..Change::default() };
    step(&mut view, "another name", 0, change);
    let change = Change { rotated: vec![rotation(4, 1), rotation(4, 2)], ..Change::default() };
    step(&mut view, "two rotations", 1, change);
    let change =
        Change { expelled: vec![expulsion(1)], left: vec![party(0)], ..admission(&view, &[5]) };
    step(&mut view, "one is expelled, the founder leaves, another comes", 0, change);
    life
}

#[test]
fn views_follow_on_one_another_as_the_vectors_say() {
    let charter = charter(2);
    let first = CheckedView::first(&charter).unwrap();
    let steps: Vec<Value> = life()
        .into_iter()
        .map(|(name, seal, view)| {
            let numbers = view.numbers();
            json!({
                "name": name,
                "seal": hex(seal.to_bytes()),
                "view": hex(View::clone(&view).to_bytes()),
                "id": view.id().to_string(),
                "faults": numbers.faults(),
                "quorum": numbers.quorum(),
                "sponsors": numbers.sponsors(),
                "votes": numbers.votes(),
                "speakers": (0..4).map(|round| view.speaker(round)).collect::<Vec<_>>(),
            })
        })
        .collect();
    let made = json!({
        "charter": hex(charter.bytes()),
        "federation": first.federation.to_string(),
        "first": first.id().to_string(),
        "steps": steps,
    });
    check("membership", "views", &made);
}

#[test]
fn ballots_pass_what_the_vectors_say() {
    let view = view_of(5, 2);
    let admit = |number: u16| Wants { admit: vec![number], ..Wants::default() };
    let expel = |number: u16| Wants { expel: vec![number], ..Wants::default() };
    let leave = Wants { leave: true, ..Wants::default() };
    let three = Wants { threshold: Some(3), ..Wants::default() };
    let both = Wants { admit: vec![8], ..expel(4) };
    let cases: Vec<(&str, Vec<(u16, Wants)>)> = vec![
        ("nothing", vec![]),
        ("one sponsor of two", vec![(0, admit(8))]),
        ("two sponsors", vec![(0, admit(8)), (1, admit(8))]),
        ("two applicants", vec![(0, admit(8)), (1, admit(8)), (2, admit(9)), (3, admit(9))]),
        ("two votes of three", vec![(0, expel(4)), (1, expel(4))]),
        ("three votes", vec![(0, expel(4)), (1, expel(4)), (2, expel(4))]),
        ("a stranger is kept out", vec![(0, expel(9)), (1, expel(9)), (2, expel(9))]),
        (
            "the expelled sponsors nobody",
            vec![(0, both), (1, expel(4)), (2, expel(4)), (4, admit(8))],
        ),
        ("one leaves", vec![(3, leave.clone())]),
        (
            "who is expelled does not leave",
            vec![(0, expel(4)), (1, expel(4)), (2, expel(4)), (4, leave)],
        ),
        (
            "three want another threshold",
            vec![(0, three.clone()), (1, three.clone()), (2, three.clone())],
        ),
        ("four want another threshold", (0..4).map(|number| (number, three.clone())).collect()),
    ];
    let made: Vec<Value> = cases
        .into_iter()
        .map(|(name, wants)| {
            let mut ballots = Ballots::default();
            let mut bytes = Vec::new();
            for (number, wants) in &wants {
                let ballot = wants.ballot(&view, *number, 1).unwrap();
                let signed = Signed::sign(ballot, &key(*number, 0)).to_unverified();
                bytes.push(hex(signed.bytes()));
                ballots.take(view.certify(signed).unwrap());
            }
            let change = ballots.tally(&view, &Rotations::default());
            let successor = view.successor(&change).ok().map(|next| next.id().to_string());
            json!({ "name": name, "ballots": bytes, "successor": successor })
        })
        .collect();
    let made = json!({ "view": hex(View::clone(&view).to_bytes()), "cases": made });
    check("membership", "ballots", &made);
}

#[test]
fn what_does_not_hold_is_refused_as_the_vectors_say() {
    let view = view_of(4, 2);
    let change = admission(&view, &[8]);
    let good = sealed(&view, 0, &change);
    let with = |alter: &dyn Fn(&mut Seal)| {
        let mut seal = good.clone();
        alter(&mut seal);
        seal
    };
    let changed = |change: Change| with(&|seal| seal.change = change.clone());
    let member = Member { key: key(9, 0).public(), ..actor(1).member };
    let other_key =
        Change { admitted: vec![applies(&view, member, &key(9, 0))], ..Change::default() };
    let cases = [
        ("as it should be", good.clone()),
        ("another view's", with(&|seal| seal.view.0[0] ^= 1)),
        ("another view's, no change", {
            let mut seal = changed(Change::default());
            seal.view.0[0] ^= 1;
            seal
        }),
        ("no change, one too few", {
            let mut seal = changed(Change::default());
            seal.commits.pop();
            seal
        }),
        ("one too few, another round's", {
            let mut seal = with(&|seal| seal.round = 1);
            seal.commits.pop();
            seal
        }),
        (
            "a long reason",
            changed(Change {
                expelled: vec![Expulsion { reason: "r".repeat(1001), ..expulsion(1) }],
                ..Change::default()
            }),
        ),
        ("two out of order, one of them twice", {
            let mut two = vec![expulsion(1), expulsion(2)];
            two.sort_unstable_by_key(|one| core::cmp::Reverse(one.party));
            let left = vec![party(1)];
            changed(Change { expelled: two, left, ..Change::default() })
        }),
        ("the same threshold, and a stranger leaves", {
            changed(Change { threshold: Some(2), left: vec![party(9)], ..Change::default() })
        }),
        ("one too few", with(&|seal| seal.commits.truncate(seal.commits.len() - 1))),
        ("one twice", with(&|seal| seal.commits[1] = seal.commits[0])),
        ("out of order", with(&|seal| seal.commits.reverse())),
        ("another round's", with(&|seal| seal.round = 1)),
        ("an altered signature", with(&|seal| seal.commits[0].signature[9] ^= 1)),
        ("another change", changed(admission(&view, &[9]))),
        ("no change", changed(Change::default())),
        (
            "one who is no member leaves",
            changed(Change { left: vec![party(9)], ..Change::default() }),
        ),
        (
            "all leave",
            changed({
                let mut left: Vec<_> = (0..4).map(party).collect();
                left.sort_unstable();
                Change { left, ..Change::default() }
            }),
        ),
        (
            "expelled and left",
            changed(Change {
                expelled: vec![expulsion(1)],
                left: vec![party(1)],
                ..Change::default()
            }),
        ),
        ("the same threshold", changed(Change { threshold: Some(2), ..Change::default() })),
        ("a threshold of one", changed(Change { threshold: Some(1), ..Change::default() })),
        ("a member's other key without a rotation", changed(other_key)),
        (
            "the second rotation alone",
            changed(Change { rotated: vec![rotation(1, 2)], ..Change::default() }),
        ),
    ];
    let seals: Vec<Value> = cases
        .into_iter()
        .map(|(name, seal)| {
            let error = view.sealed(&seal).err().map(|error| reason_of(&error));
            json!({ "name": name, "seal": hex(seal.to_bytes()), "error": error })
        })
        .collect();
    check(
        "membership",
        "seals",
        &json!({ "view": hex(View::clone(&view).to_bytes()), "cases": seals }),
    );
}

/// Charters, views and ballots with a fault, or with two: the order of the checks says which is named.
#[test]
fn the_first_flaw_is_the_one_that_is_named() {
    let view = view_of(4, 2);
    let made = json!({
        "charters": charters(), "views": views(&view), "ballots": refused_ballots(&view),
        "view": hex(View::clone(&view).to_bytes()),
    });
    check("membership", "flaws", &made);
}

fn charters() -> Vec<Value> {
    let good = || charter(2).to_unverified().claims().clone();
    let founded = |change: &dyn Fn(&mut Charter), by: u8| {
        let mut claims = good();
        change(&mut claims);
        Signed::sign(claims, &key(0, by)).to_unverified()
    };
    let nameless = |charter: &mut Charter| charter.name.clear();
    let cases = [
        ("good", founded(&|_| (), 0)),
        ("version 2", founded(&|c| c.version = 2, 0)),
        ("no name", founded(&nameless, 0)),
        ("a threshold of one", founded(&|c| c.threshold = 1, 0)),
        ("a founder without a name", founded(&|c| c.founder.name.clear(), 0)),
        ("a founder who rotated 41 times", founded(&|c| c.founder.number = 41, 0)),
        ("by a relay", founded(&|c| c.founder.role = Role::Patient, 0)),
        ("forged", founded(&|_| (), 1)),
        ("version 2, no name", founded(&|c| (c.version, c.name) = (2, String::new()), 0)),
        ("no name, a threshold of one", {
            founded(&|c| (c.name, c.threshold) = (String::new(), 1), 0)
        }),
        ("a threshold of one, by a relay", {
            founded(&|c| (c.threshold, c.founder.role) = (1, Role::Patient), 0)
        }),
        ("by a relay, forged", founded(&|c| c.founder.role = Role::Patient, 1)),
    ];
    let judged = cases.map(|(name, charter)| {
        let bytes = hex(charter.bytes());
        let error = charter.found().err().map(|error| reason_of(&error));
        json!({ "name": name, "charter": bytes, "error": error })
    });
    judged.to_vec()
}

fn views(base: &CheckedView) -> Vec<Value> {
    let with = |change: &dyn Fn(&mut View)| {
        let mut view = View::clone(base);
        change(&mut view);
        view
    };
    let unsorted = |view: &mut View| view.members.swap(0, 1);
    let shared = |view: &mut View| view.members[1].key = view.members[0].key;
    let expelled = |view: &mut View| view.expelled = vec![view.members[2].party];
    let relay = |view: &mut View| view.members[3].role = Role::Patient;
    let both = |one: &dyn Fn(&mut View), other: &dyn Fn(&mut View)| {
        with(&|view| {
            one(view);
            other(view);
        })
    };
    let nobody = |view: &mut View| view.members.clear();
    let threshold = |view: &mut View| view.threshold = 17;
    let first = |view: &mut View| view.number = 0;
    let often = |view: &mut View| view.members[3].number = 41;
    let nameless = |view: &mut View| view.members[3].name.clear();
    let cases = [
        ("good", with(&|_| ())),
        ("number 0 with one before it", with(&first)),
        ("number 1 with none before it", with(&|view| view.before = None)),
        ("a threshold of 17", with(&threshold)),
        ("out of order", with(&unsorted)),
        ("one twice", with(&|view| view.members[1] = view.members[0].clone())),
        ("nobody", with(&nobody)),
        ("two with one key", with(&shared)),
        ("a member that was expelled", with(&expelled)),
        ("one expelled twice", with(&|view| view.expelled = vec![party(9); 2])),
        ("a relay", with(&relay)),
        ("one that rotated 41 times", with(&often)),
        ("one without a name", with(&nameless)),
        ("number 0, a threshold of 17", both(&first, &threshold)),
        ("a threshold of 17, out of order", both(&threshold, &unsorted)),
        ("out of order, two with one key", both(&unsorted, &shared)),
        ("two with one key, one expelled", both(&shared, &expelled)),
        ("one expelled, a relay", both(&expelled, &relay)),
        ("a relay that rotated 41 times", both(&relay, &often)),
        ("one that rotated 41 times, without a name", both(&often, &nameless)),
    ];
    let judged = cases.map(|(name, view)| {
        let bytes = hex(view.to_bytes());
        let error = view.check().err().map(|error| reason_of(&error));
        json!({ "name": name, "view": bytes, "error": error })
    });
    judged.to_vec()
}

fn refused_ballots(view: &CheckedView) -> Vec<Value> {
    let good = || {
        let wants = Wants { admit: vec![8], expel: vec![2, 3], ..Wants::default() };
        wants.ballot(view, 0, 1).unwrap()
    };
    let cast = |change: &dyn Fn(&mut Ballot), by: u16| {
        let mut ballot = good();
        change(&mut ballot);
        Signed::sign(ballot, &key(by, 0)).to_unverified()
    };
    let unsorted = |ballot: &mut Ballot| ballot.expel.reverse();
    let unapplied = |ballot: &mut Ballot| {
        ballot.admit = vec![applies(view, actor(8).member, &key(9, 0))];
    };
    let stranger = |ballot: &mut Ballot| ballot.author = party(9);
    let elsewhere = |ballot: &mut Ballot| ballot.view.0[0] ^= 1;
    let both = |one: &dyn Fn(&mut Ballot), other: &dyn Fn(&mut Ballot), by: u16| {
        let change = |ballot: &mut Ballot| {
            one(ballot);
            other(ballot);
        };
        cast(&change, by)
    };
    let cases = [
        ("good", cast(&|_| (), 0)),
        ("another view's", cast(&elsewhere, 0)),
        ("a stranger's", cast(&stranger, 9)),
        ("out of order", cast(&unsorted, 0)),
        ("expels its author", cast(&|ballot| ballot.expel = vec![expulsion(0)], 0)),
        ("wants a threshold of 17", cast(&|ballot| ballot.threshold = Some(17), 0)),
        ("a long reason", cast(&|ballot| ballot.expel[0].reason = "r".repeat(1001), 0)),
        ("forged", cast(&|_| (), 1)),
        ("an application by another", cast(&unapplied, 0)),
        ("a stranger's of another view", both(&stranger, &elsewhere, 9)),
        ("a stranger's, out of order", both(&stranger, &unsorted, 9)),
        ("out of order, forged", cast(&unsorted, 1)),
        ("forged, with an application by another", cast(&unapplied, 1)),
    ];
    let judged = cases.map(|(name, ballot)| {
        let bytes = hex(ballot.bytes());
        let error = view.certify(ballot).err().map(|error| reason_of(&error));
        json!({ "name": name, "ballot": bytes, "error": error })
    });
    judged.to_vec()
}

/// The reason's name, as other implementations know it.
fn reason_of(error: &impl crate::reason::Listed) -> String {
    error.row().variant.to_owned()
}
