//! Two seals of one view: noticed, and who signed both is named.

use super::*;

/// A seal of a change by these members, whatever they have signed before.
fn seal(view: &CheckedView, change: &Change, by: &[u16]) -> Seal {
    let successor = view.successor(change).unwrap().id();
    let commit = Commit { view: view.id(), round: 3, successor };
    let mut commits: Vec<_> =
        by.iter().map(|number| word(view, *number, Act::Commit(commit)).by).collect();
    commits.sort_unstable_by_key(|one| one.place);
    Seal { view: view.id(), change: change.clone(), round: 3, commits }
}

fn admits(view: &CheckedView, number: u16) -> Change {
    Change {
        admitted: vec![applies(view, actor(number).member, &key(number, 0))],
        ..Change::default()
    }
}

#[test]
fn of_up_to_three_members_one_liar_forks_and_is_named_and_nobody_goes_back() {
    let view = view_of(3, 2);
    let one = seal(&view, &admits(&view, 8), &[0, 2]);
    let other = seal(&view, &admits(&view, 9), &[1, 2]);
    let mut town = Town::of(2, 2);
    town.nodes.values_mut().for_each(|node| {
        node.part = Sealing::begin(view.clone(), party(node.number), Promises::default())
    });
    for (number, first, second) in [(0, &one, &other), (1, &other, &one)] {
        let node = town.node(number);
        node.follow(first);
        let stands = node.view().clone();
        assert_eq!(stands.number, 2);
        node.follow(second);
        assert_eq!(node.view(), &stands, "what is final stays so");
        assert_eq!(node.forks.len(), 1);
        assert_eq!(node.forks[0].liars, [party(2)]);
    }
    assert_eq!(view.fork(&one, &one), Ok(None));
}

#[test]
fn a_seal_takes_a_quorum_of_the_view_it_follows_each_once_with_the_listed_key() {
    let view = view_of(4, 2);
    let change = admits(&view, 8);
    let good = seal(&view, &change, &[0, 1, 2]);
    assert!(view.sealed(&good).is_ok());
    assert_eq!(view.sealed(&seal(&view, &change, &[0, 1])), Err(Unsaid::NoQuorum));
    assert_eq!(view.sealed(&seal(&view, &change, &[0, 1, 1])), Err(Unsaid::NoQuorum));
    assert_eq!(view.sealed(&seal(&view, &change, &[0, 1, 2, 3])), Err(Unsaid::NoQuorum));
    let mut forged = good.clone();
    forged.commits[0].signature = forged.commits[1].signature;
    assert_eq!(view.sealed(&forged), Err(Unsaid::BadSignature));
    let other = Seal { change: admits(&view, 9), ..good.clone() };
    assert_eq!(view.sealed(&other), Err(Unsaid::BadSignature));
    assert_eq!(view.sealed(&Seal { round: 4, ..good.clone() }), Err(Unsaid::BadSignature));
    assert_eq!(view_of(5, 2).sealed(&good), Err(Unsaid::OtherView));
}

/// The attack that founded this design: who was expelled goes back to where it had a say.
#[test]
fn what_expelled_founders_sign_for_an_old_view_moves_nobody_who_is_beyond_it() {
    let view = view_of(5, 2);
    let mut town = Town::of(5, 2);
    town.all_want(2..5, &Wants { expel: vec![0, 1], ..Wants::default() });
    town.settle();
    town.pass(DAY_MS);
    assert_eq!(members(town.node(2).view()), [2, 3, 4].into());
    let stands = town.node(2).view().clone();
    // With two of the honest members' old keys they could seal something else on the old view: nobody stands there.
    let late = seal(&view, &admits(&view, 9), &[0, 1, 2, 3]);
    assert!(view.sealed(&late).is_ok());
    for number in 2..5 {
        let node = town.node(number);
        node.follow(&late);
        assert_eq!(node.view(), &stands);
        assert_eq!(node.forks.len(), 1, "and it is shown as a fork");
        let expel = Wants { expel: vec![4], ..Wants::default() }.ballot(&view, 0, 9).unwrap();
        let vote = Signed::sign(expel.clone(), &key(0, 0)).to_unverified();
        assert_eq!(stands.certify(vote).map(|_| ()), Err(Unsaid::OtherView));
        let vote = Ballot { view: stands.id(), ..expel };
        let vote = Signed::sign(vote, &key(0, 0)).to_unverified();
        assert_eq!(stands.certify(vote).map(|_| ()), Err(Unsaid::NotMember));
    }
}

#[test]
fn pulses_of_a_quorum_say_as_of_when_a_view_was_the_newest() {
    let view = view_of(4, 2);
    let times = |times: &[u64]| view.current_as_of(times.iter().copied().map(Timestamp));
    assert_eq!(times(&[50, 40]), None);
    assert_eq!(times(&[50, 40, 30]), Some(Timestamp(30)));
    assert_eq!(times(&[10, 50, 40, 30]), Some(Timestamp(30)));
}
