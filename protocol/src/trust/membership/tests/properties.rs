//! Random histories: the same answer in any order, and the answer that the rules' words give.

use super::*;
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// The rules [FED-4] to [FED-10] said over again, word by word and slowly, on sets of ids.
struct Oracle<'a> {
    charter: &'a Charter,
    statements: BTreeMap<StatementId, &'a MembershipStatement>,
    pasts: BTreeMap<StatementId, BTreeSet<StatementId>>,
}

impl<'a> Oracle<'a> {
    fn new(ledger: &'a Ledger) -> Self {
        let mut oracle = Self {
            charter: ledger.charter(),
            statements: ledger.statements().map(|s| (s.id(), &**s)).collect(),
            pasts: BTreeMap::new(),
        };
        for statement in ledger.statements() {
            let mut past = BTreeSet::new();
            for head in &statement.seen {
                if let Some(further) = oracle.pasts.get(head) {
                    past.extend(further.iter().copied().chain([*head]));
                }
            }
            oracle.pasts.insert(statement.id(), past);
        }
        oracle
    }

    fn all(&self) -> BTreeSet<StatementId> {
        self.statements.keys().copied().collect()
    }

    fn member(&self, x: PartyId, set: &BTreeSet<StatementId>) -> bool {
        if self.expulsions(x, set).next().is_some() {
            return false;
        }
        let leaves: Vec<_> = set
            .iter()
            .filter(|id| self.statements[id].author == x && self.statements[id].act == Act::Leave)
            .collect();
        if self.charter.first_members.contains(&x) && leaves.is_empty() {
            return true;
        }
        let counts = |a: &StatementId| {
            let sponsor = self.statements[a].author;
            self.statements[a].act == Act::Admit(x)
                && !leaves.iter().any(|leave| self.pasts[leave].contains(a))
                && self.expulsions(sponsor, set).all(|p| self.pasts[&p].contains(a))
        };
        let sponsors: BTreeSet<_> =
            set.iter().filter(|id| counts(id)).map(|id| self.statements[id].author).collect();
        sponsors.len() >= usize::from(self.charter.threshold)
    }

    fn expulsions<'b>(
        &'b self,
        x: PartyId,
        set: &'b BTreeSet<StatementId>,
    ) -> impl Iterator<Item = StatementId> + 'b {
        set.iter().copied().filter(move |p| {
            let proposal = self.statements[p];
            if !matches!(&proposal.act, Act::ProposeExpulsion(e) if e.subject == x) {
                return false;
            }
            let votes: BTreeSet<_> = set
                .iter()
                .filter(|id| self.statements[id].act == Act::SupportExpulsion(*p) || *id == p)
                .map(|id| self.statements[id].author)
                .collect();
            // Whether a majority is needed of few or many is only asked when there are votes.
            votes.len() >= usize::from(self.charter.threshold)
                && 2 * votes.len() > self.electorate(x, &self.pasts[p])
        })
    }

    fn electorate(&self, x: PartyId, past: &BTreeSet<StatementId>) -> usize {
        self.members(past).into_iter().filter(|member| *member != x).count()
    }

    fn members(&self, set: &BTreeSet<StatementId>) -> BTreeSet<PartyId> {
        let named = self.statements.values().filter_map(|s| match s.act {
            Act::Admit(subject) => Some(subject),
            _ => None,
        });
        let parties: BTreeSet<_> =
            named.chain(self.charter.first_members.iter().copied()).collect();
        parties.into_iter().filter(|party| self.member(*party, set)).collect()
    }
}

/// One step of a history: numbers that are made to fit when it is played.
#[derive(Debug, Clone, Copy)]
struct Step {
    actor: u16,
    what: u8,
    other: u16,
    amount: usize,
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = (0u16..7, 0u8..12, 0u16..8, 0usize..6);
    let step = step.prop_map(|(actor, what, other, amount)| Step { actor, what, other, amount });
    proptest::collection::vec(step, 1..most)
}

/// What is said in this step, to one who has `ledger` in view.
fn act_of(step: Step, ledger: &Ledger) -> Act {
    match step.what {
        0..=3 => admit(step.other),
        4 => expel(step.other % 5),
        5 if step.amount == 0 => Act::Leave,
        _ => match ledger.proposals().nth(step.amount) {
            Some(proposal) => Act::SupportExpulsion(proposal.id),
            None => expel(step.other % 5),
        },
    }
}

/// Plays a history in which each of seven parties acts on its own ledger and hears now and then
/// from another. Returns all that was said, in no order that matters. `liars` name any heads and say
/// anything.
fn play(world: &mut World, steps: &[Step], liars: &[u16]) -> Vec<Statement> {
    let mut views: Vec<_> = (0..7).map(|_| world.ledger()).collect();
    let mut said: Vec<Statement> = Vec::new();
    for step in steps {
        let own = usize::from(step.actor);
        if liars.contains(&step.actor) {
            let at = |n: usize| said.get(n % said.len().max(1)).map(Signed::id);
            let heads: Vec<_> =
                (0..step.amount % 3).filter_map(|n| at(n * 7 + usize::from(step.other))).collect();
            let heads = if heads.is_empty() { vec![world.root()] } else { heads };
            let act = act_of(*step, &views[own]);
            said.push(world.say(step.actor, &heads, act));
            views[usize::from(step.other) % 7].insert(said[said.len() - 1].clone());
        } else if step.what >= 9 {
            let from = &views[usize::from(step.other) % 7];
            let page = from.lacking(&views[own].locator(), None, 3 * step.amount);
            let page: Vec<_> = page.into_iter().cloned().collect();
            for statement in page {
                views[own].insert(statement);
            }
        } else {
            let act = act_of(*step, &views[own]);
            said.extend(world.act(&mut views[own], step.actor, act));
        }
    }
    said
}

/// Delivers all in a random order, some of it twice.
fn deliver(world: &World, said: &[Statement], seed: u64) -> Ledger {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut pick = |below: usize| usize::try_from(rng.next_u64() % below as u64).unwrap();
    let mut order: Vec<usize> = (0..said.len()).collect();
    for _ in 0..said.len() / 3 {
        order.push(pick(said.len()));
    }
    for at in (1..order.len()).rev() {
        order.swap(at, pick(at + 1));
    }
    let mut ledger = world.ledger();
    for at in order {
        ledger.insert(said[at].clone());
    }
    ledger
}

fn sets_agree(a: &Ledger, b: &Ledger) {
    assert_eq!(a.heads(), b.heads());
    assert_eq!(a.members(), b.members());
    assert_eq!(a.roll(), b.roll());
    let proposals = |ledger: &Ledger| format!("{:?}", ledger.proposals().collect::<Vec<_>>());
    assert_eq!(proposals(a), proposals(b));
    let ids = |ledger: &Ledger| ledger.statements().map(Signed::id).collect::<BTreeSet<_>>();
    assert_eq!(ids(a), ids(b));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_order_of_arrival_gives_the_same_members(
        steps in steps(60), threshold in 2u16..4, first in 3u16..5, one: u64, two: u64,
    ) {
        let mut world = World::new(threshold, first);
        let said = play(&mut world, &steps, &[]);
        let (a, b) = (deliver(&world, &said, one), deliver(&world, &said, two));
        sets_agree(&a, &b);
        // Nobody lied, so nothing is refused and nothing is left waiting.
        prop_assert_eq!((a.pending(), a.statements().len()), (0, said.len()));
        let oracle = Oracle::new(&a);
        prop_assert_eq!(a.members(), oracle.members(&oracle.all()));
    }

    #[test]
    fn every_order_of_arrival_gives_the_same_members_among_liars(
        steps in steps(60), threshold in 2u16..4, one: u64, two: u64,
    ) {
        let mut world = World::new(threshold, 4);
        let said = play(&mut world, &steps, &[0, 3, 5]);
        let (a, b) = (deliver(&world, &said, one), deliver(&world, &said, two));
        sets_agree(&a, &b);
        let oracle = Oracle::new(&a);
        prop_assert_eq!(a.members(), oracle.members(&oracle.all()));
        for statement in a.statements() {
            prop_assert!(oracle.member(statement.author, &oracle.pasts[&statement.id()]));
        }
    }

    #[test]
    fn a_ledger_that_grows_is_the_one_made_again_from_its_rows(
        steps in steps(60), threshold in 2u16..4, one: u64, two: u64, forgets in 1usize..9,
    ) {
        let mut world = World::new(threshold, 4);
        let said = play(&mut world, &steps, &[0, 3]);
        let (order, other) = (deliver(&world, &said, one), deliver(&world, &said, two));
        let mut orders = [order, other].map(|ledger| ledger.statements().cloned().collect::<Vec<_>>());
        // One of them comes with gaps, so that statements wait, and are forgotten, and come again.
        let late = orders[0].iter().step_by(2).cloned().collect::<Vec<_>>();
        orders[0].splice(0..0, late);
        let mut seen: Vec<(Vec<StatementId>, BTreeSet<StatementId>)> = Vec::new();
        for order in orders {
            let mut grown = world.ledger();
            for (number, statement) in order.into_iter().enumerate() {
                grown.insert(statement);
                if number % forgets == 0 {
                    grown.forget_waiting();
                }
                let mut again = world.ledger();
                for statement in grown.statements() {
                    assert_eq!(again.insert(statement.clone()), inserted());
                }
                sets_agree(&grown, &again);
                prop_assert_eq!(grown.locator(), again.locator());
                let ids: BTreeSet<_> = grown.statements().map(Signed::id).collect();
                let draft = |ledger: &Ledger| ledger.draft(party(1), 0, Timestamp(1), admit(9));
                prop_assert_eq!(draft(&grown), draft(&again));
                // What a kept ledger is known by: no other set of statements has this locator.
                for (locator, other) in &seen {
                    prop_assert!(*locator != grown.locator() || *other == ids);
                }
                seen.push((grown.locator(), ids));
            }
        }
    }

    #[test]
    fn fewer_than_k_liars_let_nobody_in_and_put_nobody_out(
        steps in steps(80), threshold in 2u16..4, one: u64,
    ) {
        let liars: Vec<u16> = (0..threshold - 1).collect();
        let mut world = World::new(threshold, 4);
        let said = play(&mut world, &steps, &liars);
        let ledger = deliver(&world, &said, one);
        let lying = parties(liars);
        let honest = |act: &dyn Fn(&Act) -> bool| {
            ledger.statements().any(|s| act(&s.act) && !lying.contains(&s.author))
        };
        for (party, status) in ledger.roll() {
            match status {
                Status::Member { .. } if !ledger.charter().first_members.contains(&party) => {
                    prop_assert!(honest(&|act| *act == Act::Admit(party)));
                }
                Status::Expelled { votes, .. } => {
                    prop_assert!(votes.iter().any(|voter| !lying.contains(voter)));
                }
                _ => {}
            }
        }
    }
}
