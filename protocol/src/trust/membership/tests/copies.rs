//! A store that was put back from a copy.

use super::*;

/// What a hospital's copy of that time had: nothing of the view but its ballots.
fn put_back(town: &mut Town, number: u16) {
    let view = town.node(number).view().clone();
    let node = town.node(number);
    node.part = Sealing::begin(view, party(number), Promises::of_a_copy());
}

/// It asks the others, who answer.
fn ask(town: &mut Town, number: u16, nonce: u8) {
    let Some(go_on_to) = town.node(number).part.ask([nonce; 16]) else { return };
    let asker = town.node(number).view().place_of(party(number)).unwrap();
    let others: Vec<u16> = town.nodes.keys().copied().filter(|other| *other != number).collect();
    for other in others {
        let node = town.node(other);
        let key = key(other, node.key);
        if !node.away
            && let Some(report) = node.part.report([nonce; 16], asker, go_on_to, &key)
        {
            let _ = town.node(number).part.hear_report(report.to_unverified());
        }
    }
}

#[test]
fn one_that_was_put_back_signs_only_nexts_until_it_joined_the_others_later_on() {
    let mut town = Town::of(2, 2);
    put_back(&mut town, 0);
    town.all_want([0, 1], &Wants { admit: vec![7], ..Wants::default() });
    town.settle();
    town.pass(6 * limits::ROUND_MS_MIN);
    assert_eq!(town.node(1).view().number, 1, "of two, both must sign");
    let heard = said(&town.node(0).part);
    let at = town.node(0).view().place_of(party(0));
    let by_it = heard.iter().filter_map(|letter| match letter {
        Letter::Word(word) if Some(word.by.place) == at => Some(word.act),
        _ => None,
    });
    assert!(by_it.into_iter().all(|act| matches!(act, Act::Next(_))));
    ask(&mut town, 0, 1);
    assert!(matches!(town.node(0).part.promises().copy, Some(Copied::Joining(_))));
    ask(&mut town, 0, 2);
    town.settle();
    town.pass(limits::ROUND_MS_MAX);
    ask(&mut town, 0, 3);
    assert_eq!(town.node(0).part.promises().copy, None);
    town.settle();
    town.pass(limits::ROUND_MS_MAX);
    assert!(town.members().contains(&7));
}

#[test]
fn a_report_from_before_or_without_proof_of_its_round_counts_for_nothing() {
    let mut town = Town::of(4, 2);
    put_back(&mut town, 0);
    town.node(0).part.ask([1; 16]);
    let view = town.view();
    let asker = view.place_of(party(0)).unwrap();
    let report = town.node(1).part.report([1; 16], asker, None, &key(1, 0)).unwrap();
    let other = town.node(1).part.report([2; 16], asker, None, &key(1, 0)).unwrap();
    let far = Signed::sign(Report { round: 9, ..(*report).clone() }, &key(1, 0));
    let forged = Signed::sign((*report).clone(), &key(2, 0));
    let part = &mut town.node(0).part;
    assert_eq!(part.hear_report(other.to_unverified()), Err(Unsaid::OtherView));
    assert_eq!(part.hear_report(far.to_unverified()), Err(Unsaid::OtherRound));
    assert_eq!(part.hear_report(forged.to_unverified()), Err(Unsaid::BadSignature));
    assert_eq!(part.hear_report(report.to_unverified()), Ok(false), "one of three");
}

#[test]
fn whoever_is_shown_its_own_word_that_it_lacks_takes_itself_for_put_back() {
    let mut town = Town::of(4, 2);
    let view = town.view();
    let prepare = Act::Prepare(Prepare { view: view.id(), round: 0, successor: view.id() });
    let own = word(&view, 2, prepare);
    assert_eq!(town.node(2).part.hear(&own), Ok(true));
    assert_eq!(town.node(2).part.promises().copy, Some(Copied::Asking));
    assert_eq!(town.node(1).part.hear(&own), Ok(true));
    assert_eq!(town.node(1).part.promises().copy, None);
}

#[test]
fn the_others_go_on_without_it_where_they_are_enough() {
    let mut town = Town::of(4, 2);
    put_back(&mut town, 3);
    town.all_want([0, 1], &Wants { admit: vec![7], ..Wants::default() });
    town.settle();
    town.pass(limits::ROUND_MS_MAX);
    assert!(town.members().contains(&7));
    assert_eq!(town.node(3).part.promises().copy, None, "the next view is new to everybody");
}

#[test]
fn a_lone_founder_has_nobody_to_ask() {
    let mut town = Town::new([0], &CheckedView::first(&charter(2)).unwrap());
    put_back(&mut town, 0);
    town.all_want([0], &Wants { admit: vec![1], ..Wants::default() });
    town.settle();
    assert_eq!(town.members(), [0, 1].into());
}

#[test]
fn nobody_hurries_the_others_on_to_a_round_in_which_it_speaks_itself() {
    let mut town = Town::of(4, 2);
    let view = town.view();
    for asker in 0..4 {
        let place = view.place_of(party(asker)).unwrap();
        let listener = (asker + 1) % 4;
        let key = key(listener, 0);
        let own = (0..4).find(|round| view.speaker(*round) == place).unwrap();
        let part = &mut town.node(listener).part;
        let before = part.hurry_to;
        part.report([9; 16], place, Some(own), &key);
        assert_eq!((part.hurry_to, part.hurried.contains(&place)), (before, false), "{asker}");
    }
}
