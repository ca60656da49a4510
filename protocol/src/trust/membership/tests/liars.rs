//! One member of four that signs anything, any time, to anybody; and whatever order things come in.

use super::*;
use proptest::prelude::*;

/// What a liar of four sends: to each of the others something else, for each round that there is.
fn lies(view: &CheckedView, liar: u16, round: u32, wants: &[Change]) -> Vec<Letter> {
    let mut letters = Vec::new();
    for change in wants {
        let Ok(next) = view.successor(change) else { continue };
        let (view_id, successor) = (view.id(), next.id());
        for act in [
            Act::Prepare(Prepare { view: view_id, round, successor }),
            Act::Commit(Commit { view: view_id, round, successor }),
            Act::Next(Next { view: view_id, round }),
        ] {
            letters.push(Letter::Word(word(view, liar, act)));
        }
        let speech = Speech { view: view_id, round, change: change.clone(), certificate: None };
        letters.push(Letter::Speech(Signed::sign(speech, &key(liar, 0)).to_unverified()));
    }
    letters
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..Default::default() })]

    /// Three honest members and a liar, messages lost, repeated and out of order, waits that end at any time: no two
    /// successors of a view are ever final; and once messages come through, one is.
    #[test]
    fn one_liar_of_four_neither_forks_nor_stops_a_view(
        liar in 0u16..4, picks in prop::collection::vec((any::<u16>(), any::<u8>()), 200),
    ) {
        let mut town = Town::of(4, 2);
        let start = town.view();
        let honest: Vec<u16> = (0..4).filter(|number| *number != liar).collect();
        town.nodes.remove(&liar);
        for number in &honest {
            let admit = honest.iter().map(|other| 10 + other).collect();
            town.node(*number).wants = Wants { admit, ..Wants::default() };
        }
        let admits = |number: u16| {
            let applicant = applies(&start, actor(number).member, &key(number, 0));
            Change { admitted: vec![applicant], ..Change::default() }
        };
        let changes: Vec<_> = honest.iter().map(|other| admits(10 + other)).collect();
        let mut post: Vec<(u16, Letter)> = Vec::new();
        for (pick, what) in picks {
            let number = honest[usize::from(pick) % 3];
            let round = town.node(number).part.promises().round;
            match what % 8 {
                0 => {
                    let lies = lies(&start, liar, round, &changes);
                    let lie = lies[usize::from(pick) % lies.len()].clone();
                    post.push((number, lie));
                }
                1 => town.now = town.now.plus_ms(limits::ROUND_MS_MAX),
                2 | 3 => {
                    let (now, silent) = (town.now, BTreeSet::new());
                    for letter in town.node(number).act(now, &silent) {
                        post.extend(honest.iter().filter(|to| **to != number).map(|to| (*to, letter.clone())));
                    }
                }
                _ if post.is_empty() => {}
                // Taken out, and read; or read and left in, to come again.
                _ => {
                    let at = usize::from(pick) % post.len();
                    let (to, letter) = if what % 8 == 7 { post[at].clone() } else { post.swap_remove(at) };
                    town.node(to).read(letter);
                }
            }
            prop_assert_eq!(successors(&town).len().max(1), 1);
        }
        town.pass(10 * DAY_MS);
        prop_assert_eq!(successors(&town).len(), 1, "{}", stand(&town));
        let view = town.view();
        prop_assert!(view.number > 1, "{}", stand(&town));
        // With fewer newcomers than all, who do nothing here, it may be that too few are left to go on.
        let all = honest.iter().map(|one| 10 + one).collect();
        let go_on = view.numbers().quorum() <= honest.len();
        prop_assert!(!go_on || members(&view).is_superset(&all), "{}", stand(&town));
    }
}

/// How far everybody is, for whoever looks why nobody goes on.
fn stand(town: &Town) -> String {
    let one = |node: &Node| {
        let part = &node.part;
        let rounds = part.rounds().keys().copied().collect::<Vec<_>>();
        let newest = part.part().newest.map(|one| (one.round, one.successor));
        format!(
            "{}: {:?}, newest {newest:?}, due {:?}, rounds {rounds:?}, {} ballots, progress {:?}",
            node.number,
            part.promises(),
            part.due(),
            node.ballots.iter().count(),
            part.progress(),
        )
    };
    town.nodes.values().map(one).collect::<Vec<_>>().join("\n")
}

/// The successors of the first view at which anybody stands.
fn successors(town: &Town) -> BTreeSet<crate::id::ViewId> {
    let mut all = BTreeSet::new();
    for node in town.nodes.values() {
        let mut chain = node.chain.iter().map(|(view, _)| view.id()).chain([node.view().id()]);
        all.extend(chain.nth(1));
    }
    all
}
