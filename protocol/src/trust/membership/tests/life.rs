//! What a federation lives through.

use super::*;

fn admit(number: u16) -> Wants {
    Wants { admit: vec![number], ..Wants::default() }
}

#[test]
fn a_hospital_begins_alone_and_takes_in_a_second_and_a_third() {
    let mut town = Town::new([0], &CheckedView::first(&charter(2)).unwrap());
    town.node(0).wants = admit(1);
    town.settle();
    assert_eq!(town.members(), [0, 1].into());
    assert_eq!(town.view().number, 1);
    let view = town.view();
    town.nodes.insert(1, Node::new(1, view, Promises::default()));
    town.all_want([0], &admit(2));
    town.settle();
    assert_eq!(town.members(), [0, 1].into(), "one sponsor of two is not enough");
    town.all_want([1], &admit(2));
    town.settle();
    assert_eq!(town.members(), [0, 1, 2].into());
}

#[test]
fn many_come_in_by_one_seal_and_the_founder_leaves() {
    let mut town = Town::of(4, 2);
    town.all_want([0, 1], &Wants { admit: vec![4, 5, 6, 7, 8], ..Wants::default() });
    town.settle();
    assert_eq!((town.members().len(), town.view().number), (9, 2));
    town.all_want([0], &Wants { leave: true, ..Wants::default() });
    for number in 4..9 {
        let view = town.view();
        town.nodes.insert(number, Node::new(number, view, Promises::default()));
    }
    town.settle();
    assert_eq!(town.members(), (1..9).collect());
    // Who left may come back, and who is expelled may not.
    town.node(0).wants = Wants::default();
    town.all_want([1, 2], &admit(0));
    town.settle();
    assert!(town.members().contains(&0));
    town.all_want(1..9, &Wants { expel: vec![0], ..Wants::default() });
    town.settle();
    assert!(!town.members().contains(&0) && town.view().is_expelled(party(0)));
    town.all_want(1..9, &admit(0));
    town.pass(DAY_MS);
    assert!(!town.members().contains(&0));
}

#[test]
fn a_threshold_changes_by_a_quorum_and_counts_from_then_on() {
    let mut town = Town::of(7, 2);
    let three = Wants { threshold: Some(3), ..Wants::default() };
    town.all_want(0..4, &three);
    town.settle();
    assert_eq!(town.view().threshold, 2, "four of five");
    town.all_want([4], &three);
    town.settle();
    assert_eq!((town.view().threshold, town.view().numbers().faults()), (3, 2));
    town.all_want(0..7, &Wants::default());
    town.all_want([0, 1], &admit(9));
    town.settle();
    assert!(!town.members().contains(&9));
    town.all_want([2], &admit(9));
    town.settle();
    assert!(town.members().contains(&9));
}

#[test]
fn a_dead_member_is_expelled_although_it_is_to_speak() {
    for dead in 0..3 {
        let mut town = Town::of(3, 2);
        town.node(dead).away = true;
        let others: Vec<u16> = (0..3).filter(|number| *number != dead).collect();
        town.all_want(others.clone(), &Wants { expel: vec![dead], ..Wants::default() });
        town.settle();
        town.pass(2 * limits::ROUND_MS_MIN);
        assert_eq!(town.members(), others.into_iter().collect());
    }
}

#[test]
fn nobody_waits_for_a_speaker_that_was_silent_for_a_day() {
    for dead in 0..3 {
        let mut town = Town::of(3, 2);
        (town.node(dead).away, town.silent) = (true, [dead].into());
        town.all_want((0..3).filter(|one| *one != dead), &admit(5));
        town.settle();
        assert!(town.members().contains(&5), "without a minute's wait");
    }
}

#[test]
fn a_majority_that_is_away_for_a_week_is_waited_for() {
    let mut town = Town::of(5, 2);
    for away in 2..5 {
        town.node(away).away = true;
    }
    town.all_want([0, 1], &admit(7));
    town.settle();
    town.pass(7 * DAY_MS);
    assert_eq!(town.view().number, 1, "two of four are no quorum");
    for back in 2..5 {
        town.node(back).away = false;
    }
    town.pass(DAY_MS);
    assert!(town.members().contains(&7));
}

#[test]
fn a_partition_heals_and_at_most_one_side_decides() {
    for side in [[0, 1], [1, 2], [2, 3], [3, 4]] {
        let mut town = Town::of(5, 2);
        let others: Vec<u16> = (0..5).filter(|number| !side.contains(number)).collect();
        for one in side {
            town.cut.extend(others.iter().map(|other| (one.min(*other), one.max(*other))));
        }
        town.all_want(side, &admit(7));
        town.all_want(others.iter().copied().take(2), &admit(8));
        town.pass(DAY_MS);
        let sealed = town.nodes.values().filter(|node| node.view().number > 1).count();
        assert_eq!(sealed, 0, "neither three nor two of five are a quorum of four");
        town.cut.clear();
        town.pass(DAY_MS);
        assert!(town.members().is_superset(&[7, 8].into()));
    }
}

#[test]
fn a_name_changes_by_sponsors_and_a_key_by_its_log_alone() {
    let mut town = Town::of(4, 2);
    town.all_want([3], &Wants { rename: vec![(3, "Alder Clinic")], ..Wants::default() });
    town.settle();
    assert_eq!(town.view().member(party(3)).unwrap().name, "Hospital 3");
    town.all_want([1], &Wants { rename: vec![(3, "Alder Clinic")], ..Wants::default() });
    town.settle();
    assert_eq!(town.view().member(party(3)).unwrap().name, "Alder Clinic");

    let rotations = vec![rotation(3, 1), rotation(3, 2)];
    for node in town.nodes.values_mut() {
        node.rotations = [(party(3), rotations.clone())].into();
    }
    town.settle();
    let view = town.view();
    let member = view.member(party(3)).unwrap();
    assert_eq!((member.number, member.key), (2, key(3, 2).public()));
    assert_eq!(member.name, "Alder Clinic");
    // The old key signs for nothing that anybody looks at.
    let next = Act::Next(Next { view: view.id(), round: 0 });
    let node = town.node(0);
    assert_eq!(node.part.hear(&word(&view, 3, next)), Err(Unsaid::BadSignature));
}

/// [FED-23]: two of five hear of the rotation after they heard the ballot, and the others not at all.
#[test]
fn a_ballot_of_an_earlier_key_that_was_heard_before_the_rotation_has_nobody_leave() {
    let mut town = Town::of(5, 2);
    town.node(4).wants.leave = true;
    for letter in town.node(4).vote().into_iter().map(|one| Letter::Ballot(one.to_unverified())) {
        assert!((0..4).all(|at| town.node(at).read(letter.clone())));
    }
    for knows in [0, 1] {
        town.node(knows).rotations = [(party(4), vec![rotation(4, 1)])].into();
    }
    town.node(4).away = true;
    town.pass(DAY_MS);
    let view = town.view();
    let member = view.member(party(4)).expect("it has not left");
    assert_eq!((view.number, member.number), (2, 1), "and its rotation is sealed");
}

#[test]
fn whoever_was_away_for_many_views_follows_their_seals() {
    let mut town = Town::of(4, 2);
    town.node(3).away = true;
    for number in 10..20 {
        town.all_want([0, 1], &admit(number));
        town.settle();
        town.pass(limits::ROUND_MS_MIN);
        let view = town.view();
        town.nodes.insert(number, Node::new(number, view, Promises::default()));
    }
    assert_eq!(town.view().number, 11);
    town.node(3).away = false;
    town.pass(limits::ROUND_MS_MIN);
    assert_eq!(town.node(3).view().number, 11);
}
