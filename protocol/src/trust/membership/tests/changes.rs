//! What is a change of a view, and what passes.

use super::*;

fn change_of(view: &CheckedView, change: &Change) -> Result<BTreeSet<u16>, Flaw> {
    view.successor(change).map(|next| members(&next))
}

#[test]
fn a_charter_founds_only_what_it_may() {
    let with = |alter: &dyn Fn(&mut Charter)| {
        let mut claims = (*charter(2)).clone();
        alter(&mut claims);
        Signed::sign(claims, &key(0, 0)).to_unverified().found().map(|_| ())
    };
    assert_eq!(with(&|_| ()), Ok(()));
    assert_eq!(with(&|charter| charter.version = 2), Err(Flaw::UnknownVersion(2)));
    assert_eq!(with(&|charter| charter.threshold = 1), Err(Flaw::BadThreshold(1)));
    assert_eq!(with(&|charter| charter.threshold = 17), Err(Flaw::BadThreshold(17)));
    assert_eq!(with(&|charter| charter.name = " ".into()), Err(Flaw::BadName));
    assert_eq!(with(&|charter| charter.founder.role = Role::Patient), Err(Flaw::Relay));
    assert_eq!(with(&|charter| charter.founder.key = key(1, 0).public()), Err(Flaw::BadSignature));
}

#[test]
fn a_change_that_leads_to_no_view_says_why() {
    let view = view_of(3, 2);
    let admitted = |member: Member| Change {
        admitted: vec![applies(&view, member, &key(9, 0))],
        ..Change::default()
    };
    let of = |change: Change| change_of(&view, &change);
    assert_eq!(of(Change::default()), Err(Flaw::ChangesNothing));
    let left = |left: &[u16]| {
        let mut left: Vec<_> = left.iter().map(|number| party(*number)).collect();
        left.sort_unstable();
        Change { left, ..Change::default() }
    };
    assert_eq!(of(left(&[0])), Ok([1, 2].into()));
    assert_eq!(of(left(&[0, 1, 2])), Err(Flaw::NobodyLeft));
    assert_eq!(of(left(&[9])), Err(Flaw::NotMember));
    assert_eq!(of(left(&[1, 1])), Err(Flaw::Unsorted));
    let both = Change { expelled: vec![expulsion(1)], ..left(&[1]) };
    assert_eq!(of(both), Err(Flaw::TwiceConcerned));
    assert_eq!(of(Change { threshold: Some(2), ..Change::default() }), Err(Flaw::ChangesNothing));
    assert_eq!(
        of(Change { threshold: Some(99), ..Change::default() }),
        Err(Flaw::BadThreshold(99))
    );

    assert_eq!(of(admitted(actor(9).member)), Ok([0, 1, 2, 9].into()));
    assert_eq!(of(admitted(actor(1).member)), Err(Flaw::ChangesNothing));
    let other_key = Member { key: key(9, 0).public(), ..actor(1).member };
    assert_eq!(of(admitted(other_key)), Err(Flaw::KeyChanged));
    let shared = Member { key: key(1, 0).public(), ..actor(9).member };
    assert_eq!(of(admitted(shared)), Err(Flaw::SharedKey));
    let relay = Member { role: Role::Patient, ..actor(9).member };
    assert_eq!(of(admitted(relay)), Err(Flaw::Relay));
    let unnamed = Member { name: "\u{202e}".into(), ..actor(9).member };
    assert_eq!(of(admitted(unnamed)), Err(Flaw::BadName));
    let old = Member { number: 41, ..actor(9).member };
    assert_eq!(of(admitted(old)), Err(Flaw::TooManyRotations));
    let elsewhere = CheckedView::first(&charter(3)).unwrap();
    let application = applies(&elsewhere, actor(9).member, &key(9, 0));
    let elsewhere = Change { admitted: vec![application], ..Change::default() };
    assert_eq!(of(elsewhere), Err(Flaw::OtherFederation));

    let rotated = |rotated| of(Change { rotated, ..Change::default() });
    assert!(rotated(vec![rotation(1, 1), rotation(1, 2)]).is_ok());
    assert_eq!(rotated(vec![rotation(1, 2)]), Err(Flaw::BadRotation));
    assert_eq!(rotated(vec![rotation(9, 1)]), Err(Flaw::NotMember));
    let thief = Rotation { key: key(9, 1).public(), ..rotation(1, 1).claims().clone() };
    let thief = Signed::sign(thief, &key(9, 1)).to_unverified();
    assert_eq!(rotated(vec![thief]), Err(Flaw::BadRotation));
}

#[test]
fn who_is_expelled_stays_out_while_the_view_lists_it() {
    let view = view_of(3, 2);
    let expelled = Change { expelled: vec![expulsion(9)], ..Change::default() };
    let next = view.successor(&expelled).unwrap();
    let again = applies(&next, actor(9).member, &key(9, 0));
    let again = Change { admitted: vec![again], ..Change::default() };
    assert_eq!(next.successor(&again), Err(Flaw::Expelled));
    assert_eq!(next.successor(&expelled), Err(Flaw::Expelled));
    // The oldest make room for the newest.
    let mut full = View::clone(&view);
    full.expelled = (0_u32..)
        .take(limits::VIEW_EXPELLED_MAX)
        .map(|number| PartyId(*blake3::hash(&number.to_be_bytes()).as_bytes()))
        .collect();
    let full = full.check().unwrap();
    let next = full.successor(&expelled).unwrap();
    assert_eq!(next.expelled.len(), limits::VIEW_EXPELLED_MAX);
    assert!(next.is_expelled(party(9)) && !next.is_expelled(full.expelled[0]));
}

#[test]
fn the_largest_view_speech_and_seal_fit_what_carries_them() {
    use crate::codec::Wire;
    let mut view = View::clone(&view_of(1, 16));
    view.members = (0_u32..)
        .take(limits::VIEW_MEMBERS_MAX)
        .map(|number| Member {
            party: PartyId(*blake3::hash(&number.to_be_bytes()).as_bytes()),
            key: crate::crypto::PublicKey(*blake3::hash(&number.to_le_bytes()).as_bytes()),
            name: "n".repeat(limits::NAME_BYTES_MAX),
            number: 40,
            ..actor(0).member
        })
        .collect();
    view.members.sort_unstable_by_key(|member| member.party);
    view.expelled = (0_u32..)
        .take(limits::VIEW_EXPELLED_MAX)
        .map(|number| {
            PartyId(*blake3::hash(&[&[1], &number.to_be_bytes()[..]].concat()).as_bytes())
        })
        .collect();
    assert!(view.to_bytes().len() <= limits::VIEW_BYTES_MAX, "{}", view.to_bytes().len());
    let view = view.check().unwrap();
    let by = |count: usize| {
        (0_u16..)
            .take(count)
            .map(|place| Endorsement { place, signature: [7; 64] })
            .collect::<Vec<_>>()
    };
    let quorum = view.numbers().quorum();
    let mut change = Change::default();
    for number in (0_u16..).take(limits::CHANGES_MAX) {
        let member = Member { name: "n".repeat(limits::NAME_BYTES_MAX), ..actor(number).member };
        let application = applies(&view, member, &key(number, 0));
        let mut more = change.clone();
        more.admitted.push(application);
        if more.to_bytes().len() > limits::CHANGE_BYTES_MAX {
            break;
        }
        change = more;
    }
    assert!(change.admitted.len() >= 40, "{}", change.admitted.len());
    let (round, successor) = (u32::MAX, view.id());
    let seal = Seal { view: view.id(), change: change.clone(), round, commits: by(quorum) };
    assert!(seal.to_bytes().len() <= limits::SEAL_BYTES_MAX, "{}", seal.to_bytes().len());
    let certificate = Some(Certificate { round, successor, prepares: by(quorum) });
    let speech = Speech { view: view.id(), round, change: change.clone(), certificate };
    let speech = Signed::sign(speech, &key(0, 0));
    assert!(Unverified::<Speech>::parse(speech.bytes()).is_ok());
    let report = Report {
        view: view.id(),
        place: 1,
        nonce: [1; 16],
        round,
        left: Some(Left { view: view.id(), round, nexts: by(quorum) }),
        change: Some(change),
        certificate: speech.certificate.clone(),
    };
    assert!(Unverified::<Report>::parse(Signed::sign(report, &key(0, 0)).bytes()).is_ok());
}

/// Ballots of members who want each what stands beside them.
fn ballots(view: &CheckedView, wants: &[(u16, Wants)]) -> Ballots {
    let mut ballots = Ballots::default();
    for (number, wants) in wants {
        let ballot = wants.ballot(view, *number, 1).unwrap();
        let signed = Signed::sign(ballot, &key(*number, 0)).to_unverified();
        ballots.take(view.certify(signed).unwrap());
    }
    ballots
}

fn tally(view: &CheckedView, wants: &[(u16, Wants)]) -> Change {
    let ballots = ballots(view, wants);
    let change = ballots.tally(view, &Rotations::default());
    assert!(change.is_empty() || ballots.pass(view, &change, &Rotations::default()));
    change
}

#[test]
fn expulsion_beats_all_else_about_its_subject_and_the_expelled_sponsor_nobody() {
    let view = view_of(4, 2);
    let expel = Wants { expel: vec![3], ..Wants::default() };
    let leave = Wants { leave: true, admit: vec![8], ..Wants::default() };
    let admit = Wants { admit: vec![8], ..expel.clone() };
    let wants = [(0, expel.clone()), (1, expel), (2, admit), (3, leave)];
    let change = tally(&view, &wants);
    assert_eq!((change.expelled, change.left), (vec![expulsion(3)], vec![]));
    assert!(change.admitted.is_empty(), "one sponsor is left of two");
    let change = tally(&view, &wants[1..]);
    assert!(change.expelled.is_empty(), "two votes of three");
    assert_eq!((change.left, change.admitted.len()), (vec![party(3)], 1));
}

#[test]
fn the_application_with_more_sponsors_counts() {
    let view = view_of(4, 2);
    let named = |name| Member { name, ..actor(8).member };
    let [one, other] = ["One", "Other"].map(|name| applies(&view, named(name.into()), &key(8, 0)));
    let vote = |number: u16, application: &Unverified<Application>| {
        let admit = vec![application.clone()];
        let author = party(number);
        let (view, expel, threshold) = (view.id(), Vec::new(), None);
        let ballot = Ballot { view, author, number: 1, admit, expel, threshold, leave: false };
        Signed::sign(ballot, &key(number, 0))
    };
    let counted = |votes: &[(u16, &Unverified<Application>)]| {
        let mut ballots = Ballots::default();
        votes.iter().for_each(|(number, one)| {
            ballots.take(vote(*number, one));
        });
        let change = ballots.tally(&view, &Rotations::default());
        change.admitted.first().map(|one| one.claims().member.name.clone())
    };
    assert_eq!(counted(&[(0, &one), (1, &one), (2, &other)]).as_deref(), Some("One"));
    assert_eq!(counted(&[(0, &one), (1, &other), (2, &other)]).as_deref(), Some("Other"));
    assert_eq!(counted(&[(0, &one), (1, &other)]), None);
    let smaller = if one.id() < other.id() { "One" } else { "Other" };
    let tie = counted(&[(0, &one), (1, &one), (2, &other), (3, &other)]);
    assert_eq!(tie.as_deref(), Some(smaller));
}

#[test]
fn a_member_has_one_ballot_whatever_it_sends_to_whom() {
    let view = view_of(4, 2);
    let make =
        |wants: &Wants, number| Signed::sign(wants.ballot(&view, 3, number).unwrap(), &key(3, 0));
    let [one, other] = [8, 9]
        .map(|number| Wants { admit: vec![number], ..Wants::default() })
        .map(|wants| make(&wants, 5));
    let take = |all: &[&Signed<Ballot>]| {
        let mut ballots = Ballots::default();
        all.iter().for_each(|ballot| {
            ballots.take((*ballot).clone());
        });
        ballots.of(party(3)).unwrap().id()
    };
    assert_eq!(take(&[&one, &other]), take(&[&other, &one]));
    let newer = make(&Wants { leave: true, ..Wants::default() }, 6);
    assert_eq!(take(&[&newer, &one, &other]), newer.id());
}

#[test]
fn a_ballot_counts_in_its_view_by_its_member_within_its_bounds() {
    let view = view_of(4, 2);
    let good = Wants { admit: vec![8], ..Wants::default() }.ballot(&view, 1, 1).unwrap();
    let judged = |ballot: Ballot, signer: u16| {
        view.certify(Signed::sign(ballot, &key(signer, 0)).to_unverified()).map(|_| ())
    };
    assert_eq!(judged(good.clone(), 1), Ok(()));
    assert_eq!(judged(good.clone(), 2), Err(Unsaid::BadSignature));
    assert_eq!(judged(Ballot { author: party(9), ..good.clone() }, 9), Err(Unsaid::NotMember));
    let other = CheckedView::first(&charter(2)).unwrap().id();
    assert_eq!(judged(Ballot { view: other, ..good.clone() }, 1), Err(Unsaid::OtherView));
    let twice = Ballot { admit: [&good.admit[..], &good.admit[..]].concat(), ..good.clone() };
    assert_eq!(judged(twice, 1), Err(Unsaid::BadBallot));
    let oneself = Expulsion { party: party(1), reason: String::new() };
    assert_eq!(judged(Ballot { expel: vec![oneself], ..good.clone() }, 1), Err(Unsaid::BadBallot));
    let long = Expulsion { party: party(2), reason: "r".repeat(1001) };
    assert_eq!(judged(Ballot { expel: vec![long], ..good.clone() }, 1), Err(Unsaid::BadBallot));
    // An application that the applicant did not sign: made up by whoever sponsors it.
    let forged = vec![applies(&view, actor(8).member, &key(1, 0))];
    assert_eq!(judged(Ballot { admit: forged, ..good }, 1), Err(Unsaid::BadBallot));
}
