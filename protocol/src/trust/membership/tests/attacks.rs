//! What dishonest members try, and what happens when honest ones act at the same time.

use super::*;

#[test]
fn the_founder_alone_admits_nobody_after_the_charter() {
    let mut world = World::new(2, 2);
    let mut ledger = world.ledger();
    world.act(&mut ledger, 0, admit(5)).unwrap();
    world.act(&mut ledger, 0, admit(5)).unwrap();
    assert_eq!(ledger.members(), parties([0, 1]));
    assert_eq!(ledger.status(party(5)), Status::Candidate { sponsors: parties([0]) });
    assert_eq!(world.act(&mut ledger, 5, admit(5)), Err(Refusal::NotMember));
    assert_eq!(ledger.can_admit(party(0), party(0)), Err(Refusal::SponsorsSelf));

    let last = world.act(&mut ledger, 1, admit(5)).unwrap();
    let expected = Status::Member { since: last.at, sponsors: parties([0, 1]) };
    assert_eq!(ledger.status(party(5)), expected);
    assert!(ledger.is_member(party(5)));
}

#[test]
fn fewer_than_k_dishonest_members_admit_nobody_by_naming_only_the_charter() {
    let mut world = World::new(3, 4);
    let mut ledger = world.ledger();
    let root = world.root();
    for round in 0..3 {
        for liar in [0, 1] {
            let lie = world.say(liar, &[root], admit(20 + round));
            assert_eq!(ledger.insert(lie), inserted());
            // The candidates would sponsor each other, had they a voice.
            let lie = world.say(20 + round, &[root], admit(20));
            assert_eq!(ledger.insert(lie), refused(Refusal::NotMember));
        }
    }
    assert_eq!(ledger.members(), parties(0..4));
}

#[test]
fn one_founder_of_two_cannot_expel_the_other_by_naming_only_the_charter() {
    let mut world = World::new(2, 2);
    let mut ledger = world.ledger();
    for newcomer in 2..6 {
        world.act(&mut ledger, 0, admit(newcomer)).unwrap();
        world.act(&mut ledger, 1, admit(newcomer)).unwrap();
    }
    // In the past of this lie the electorate is the liar alone.
    let root = world.root();
    let lie = world.say(0, &[root], expel(1));
    assert_eq!(ledger.insert(lie.clone()), inserted());
    let again = world.say(0, &[lie.id()], support(&lie));
    assert_eq!(ledger.insert(again), inserted());
    let view = ledger.proposals().next().unwrap();
    assert_eq!((view.electorate, view.votes.len(), view.carried), (1, 1, false));
    assert_eq!(ledger.members(), parties(0..6));
    assert_eq!(world.act(&mut ledger, 2, support(&lie)), Err(Refusal::NotInElectorate));
}

#[test]
fn an_admission_back_dated_by_an_expelled_member_does_not_count() {
    let mut world = World::new(2, 4);
    let mut ledger = world.ledger();
    let root = world.root();
    let early = world.act(&mut ledger, 3, admit(8)).unwrap();
    let proposal = world.act(&mut ledger, 0, expel(3)).unwrap();
    world.act(&mut ledger, 1, support(&proposal)).unwrap();
    assert!(matches!(ledger.status(party(3)), Status::Expelled { .. }));

    // Signed after the expulsion, naming heads from before it.
    for heads in [vec![root], vec![early.id()]] {
        let back_dated = world.say(3, &heads, admit(9));
        assert_eq!(ledger.insert(back_dated), inserted());
    }
    world.act(&mut ledger, 0, admit(9)).unwrap();
    assert_eq!(ledger.status(party(9)), Status::Candidate { sponsors: parties([0]) });

    // What the proposal had seen counts on.
    world.act(&mut ledger, 0, admit(8)).unwrap();
    assert_eq!(ledger.members(), parties([0, 1, 2, 8]));
    assert_eq!(world.act(&mut ledger, 0, admit(3)), Err(Refusal::SponsorsExpelled));
}

#[test]
fn whoever_an_expelled_member_brought_in_behind_the_proposals_back_is_out_again() {
    let mut world = World::new(2, 4);
    let mut ledger = world.ledger();
    let root = world.root();
    let [a, b] = [world.say(3, &[root], admit(9)), world.say(2, &[root], admit(9))];
    fill(&mut ledger, &[a, b]);
    assert!(ledger.is_member(party(9)));
    // The proposal saw neither admission; the honest one still counts.
    let proposal = world.say(0, &[root], expel(3));
    let vote = world.say(1, &[proposal.id()], support(&proposal));
    fill(&mut ledger, &[proposal, vote]);
    assert_eq!(ledger.status(party(9)), Status::Candidate { sponsors: parties([2]) });
    world.act(&mut ledger, 1, admit(9)).unwrap();
    assert!(ledger.is_member(party(9)));
}

#[test]
fn two_members_who_expel_each_other_at_once_are_both_out() {
    let mut world = World::new(2, 5);
    let root = world.root();
    let [p, q] = [world.say(0, &[root], expel(1)), world.say(1, &[root], expel(0))];
    let mut all = vec![p.clone(), q.clone()];
    for voter in [2, 3] {
        all.push(world.say(voter, &[p.id()], support(&p)));
        all.push(world.say(voter, &[q.id()], support(&q)));
    }
    let mut ledger = world.ledger();
    fill(&mut ledger, &all);
    assert_eq!(ledger.members(), parties([2, 3, 4]));
    let expected = Status::Expelled { proposal: p.id(), votes: parties([0, 2, 3]) };
    assert_eq!(ledger.status(party(1)), expected);
}

#[test]
fn an_expulsion_wins_over_an_admission_of_the_same_party_at_the_same_time() {
    let mut world = World::new(2, 4);
    let root = world.root();
    let proposal = world.say(0, &[root], expel(9));
    let all = [
        world.say(1, &[root], admit(9)),
        world.say(2, &[root], admit(9)),
        proposal.clone(),
        world.say(1, &[proposal.id()], support(&proposal)),
        world.say(3, &[proposal.id()], support(&proposal)),
    ];
    for order in [[0, 1, 2, 3, 4], [2, 3, 4, 0, 1], [2, 0, 3, 1, 4]] {
        let mut ledger = world.ledger();
        for at in order {
            assert_eq!(ledger.insert(all[at].clone()), inserted());
        }
        assert_eq!(ledger.members(), parties(0..4));
        assert!(matches!(ledger.status(party(9)), Status::Expelled { .. }));
    }
}

#[test]
fn who_left_comes_back_with_k_sponsors_who_knew_or_did_not_know() {
    let mut world = World::new(2, 3);
    let mut ledger = world.ledger();
    let root = world.root();
    for sponsor in [0, 1] {
        world.act(&mut ledger, sponsor, admit(9)).unwrap();
    }
    world.act(&mut ledger, 9, Act::Leave).unwrap();
    assert_eq!(ledger.status(party(9)), Status::Left);
    assert_eq!(world.act(&mut ledger, 9, admit(10)), Err(Refusal::NotMember));
    // One sponsor had not heard that 9 left, another had.
    let unaware = world.say(2, &[root], admit(9));
    assert_eq!(ledger.insert(unaware), inserted());
    assert_eq!(ledger.status(party(9)), Status::Candidate { sponsors: parties([2]) });
    world.act(&mut ledger, 0, admit(9)).unwrap();
    assert!(ledger.is_member(party(9)));

    // The charter's word is cancelled in the same way.
    world.act(&mut ledger, 2, Act::Leave).unwrap();
    assert_eq!(ledger.members(), parties([0, 1, 9]));
    world.act(&mut ledger, 9, admit(2)).unwrap();
    world.act(&mut ledger, 1, admit(2)).unwrap();
    assert!(ledger.is_member(party(2)));
}

#[test]
fn a_proposal_may_keep_out_somebody_who_left() {
    let mut world = World::new(2, 4);
    let mut ledger = world.ledger();
    world.act(&mut ledger, 3, Act::Leave).unwrap();
    let proposal = world.act(&mut ledger, 0, expel(3)).unwrap();
    world.act(&mut ledger, 1, support(&proposal)).unwrap();
    assert_eq!(world.act(&mut ledger, 2, admit(3)), Err(Refusal::SponsorsExpelled));
    assert_eq!(world.act(&mut ledger, 0, expel(0)), Err(Refusal::ExpelsSelf));
}

#[test]
fn only_members_at_the_time_of_a_proposal_vote_once_each_and_not_the_one_concerned() {
    let mut world = World::new(2, 5);
    let mut ledger = world.ledger();
    let proposal = world.act(&mut ledger, 0, expel(4)).unwrap();
    for newcomer in [6, 7] {
        world.act(&mut ledger, 0, admit(newcomer)).unwrap();
        world.act(&mut ledger, 4, admit(newcomer)).unwrap();
        assert_eq!(
            world.act(&mut ledger, newcomer, support(&proposal)),
            Err(Refusal::NotInElectorate)
        );
    }
    assert_eq!(world.act(&mut ledger, 4, support(&proposal)), Err(Refusal::NotInElectorate));
    for _ in 0..3 {
        world.act(&mut ledger, 0, support(&proposal)).unwrap();
        world.act(&mut ledger, 1, support(&proposal)).unwrap();
    }
    // Two of four are no majority.
    assert!(ledger.is_member(party(4)));
    world.act(&mut ledger, 2, support(&proposal)).unwrap();
    let expected = Status::Expelled { proposal: proposal.id(), votes: parties([0, 1, 2]) };
    assert_eq!(ledger.status(party(4)), expected);
    // The newcomers' second sponsor is gone, and the proposal had not seen the admissions.
    assert_eq!(ledger.members(), parties(0..4));
}

#[test]
fn a_fork_is_harmless() {
    let mut world = World::new(2, 3);
    let mut ledger = world.ledger();
    let root = world.root();
    let forks = [
        world.say(0, &[root], admit(9)),
        world.say(0, &[root], admit(9)),
        world.say(0, &[root], expel(2)),
    ];
    fill(&mut ledger, &forks);
    assert_eq!(ledger.heads().len(), 3);
    assert_eq!(ledger.members(), parties(0..3));
    let merge = world.act(&mut ledger, 1, admit(9)).unwrap();
    assert_eq!(ledger.heads(), &BTreeSet::from([merge.id()]));
    assert_eq!(ledger.members(), parties([0, 1, 2, 9]));
}

/// [FED-12]
#[test]
fn times_and_reasons_decide_nothing() {
    let story = |time: &dyn Fn(u64) -> u64, reason: &str| {
        let mut world = World::new(2, 4);
        let mut ledger = world.ledger();
        let mut step = 0;
        let mut act = |ledger: &mut Ledger, author: u16, act: Act| {
            step += 1;
            world.clock = time(step);
            world.act(ledger, author, act).unwrap()
        };
        for sponsor in [0, 1] {
            act(&mut ledger, sponsor, admit(5));
        }
        let expulsion = Expulsion { subject: party(3), reason: reason.into() };
        let proposal = act(&mut ledger, 0, Act::ProposeExpulsion(expulsion));
        act(&mut ledger, 1, support(&proposal));
        let before = ledger.members();
        act(&mut ledger, 5, support(&proposal));
        act(&mut ledger, 2, Act::Leave);
        let without = ledger.members();
        for sponsor in [0, 5] {
            act(&mut ledger, sponsor, admit(2));
        }
        [before, without, ledger.members()]
    };
    let expected = [parties([0, 1, 2, 3, 5]), parties([0, 1, 5]), parties([0, 1, 2, 5])];
    assert_eq!(story(&|step| step * 1000, "stolen keys"), expected);
    assert_eq!(story(&|step| 1_000_000 - step * 1000, ""), expected, "each earlier than the last");
    assert_eq!(story(&|_| 0, "x"), expected, "all before the charter");
    assert_eq!(story(&|step| u64::MAX / 2 - step % 3, "it asked to"), expected, "the far future");
}
