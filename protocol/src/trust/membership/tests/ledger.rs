//! What is taken in, what waits, what is told to other nodes.

use super::*;
use crate::limits;

#[test]
fn a_charter_is_checked_before_it_founds_anything() {
    let with = |change: fn(&mut Charter)| {
        let mut claims = (*charter(2, 3)).clone();
        change(&mut claims);
        Ledger::new(Signed::sign(claims, &actor(0).signing)).map(|_| ()).unwrap_err()
    };
    assert!(Ledger::new(charter(16, 16)).is_ok());
    assert_eq!(with(|c| c.version = 2), CharterError::UnknownVersion(2));
    assert_eq!(with(|c| c.threshold = 1), CharterError::BadThreshold(1));
    assert_eq!(with(|c| c.threshold = 17), CharterError::BadThreshold(17));
    assert_eq!(with(|c| c.first_members.reverse()), CharterError::Unsorted);
    assert_eq!(with(|c| c.first_members[1] = c.first_members[0]), CharterError::Unsorted);
    assert_eq!(with(|c| c.founder = party(9)), CharterError::WithoutFounder);
    let too_few = CharterError::TooFewMembers { threshold: 4, members: 3 };
    assert_eq!(with(|c| c.threshold = 4), too_few);
}

#[test]
fn only_the_authors_own_keys_sign() {
    let mut world = World::new(2, 2);
    let root = world.root();
    let statement = world.say(0, &[root], admit(9)).to_unverified();
    assert!(statement.clone().certify(&actor(0).keys).is_ok());
    assert_eq!(statement.clone().certify(&actor(1).keys), Err(SignerError::UnknownKey));
    let mut claims = statement.claims().clone();
    let forged = Signed::sign(claims.clone(), &actor(1).signing).to_unverified();
    assert_eq!(forged.certify(&actor(0).keys), Err(SignerError::BadSignature));
    claims.key = 1;
    let later = Signed::sign(claims, &actor(0).signing).to_unverified();
    assert_eq!(later.certify(&actor(0).keys), Err(SignerError::UnknownKey));
    assert!(world.charter.to_unverified().certify(&actor(0).keys).is_ok());
    let charter = world.charter.to_unverified();
    assert_eq!(charter.certify(&actor(1).keys), Err(SignerError::UnknownKey));
}

#[test]
fn heads_have_one_form() {
    let mut world = World::new(2, 2);
    let mut ledger = world.ledger();
    let root = world.root();
    let [a, b] = [world.say(0, &[root], admit(8)), world.say(0, &[root], admit(9))];
    fill(&mut ledger, &[a.clone(), b.clone()]);
    let mut heads = [a.id(), b.id()];
    heads.sort_unstable();
    let mut with = |seen: Vec<StatementId>| {
        let claims = MembershipStatement { seen, ..(*a).clone() };
        ledger.insert(Signed::sign(claims, &actor(0).signing))
    };
    assert_eq!(with(vec![]), refused(Refusal::BadHeads));
    assert_eq!(with(vec![heads[1], heads[0]]), refused(Refusal::BadHeads));
    assert_eq!(with(vec![heads[0], heads[0]]), refused(Refusal::BadHeads));
    let mut beside = vec![root, a.id()];
    beside.sort_unstable();
    assert_eq!(with(beside), refused(Refusal::BadHeads));
    let many = (0..=64).map(|n| StatementId([n; 32])).collect();
    assert_eq!(with(many), refused(Refusal::BadHeads));
    assert_eq!(with(heads.to_vec()), inserted());
    let elsewhere = MembershipStatement { federation: FederationId([1; 32]), ..(*a).clone() };
    let elsewhere = Signed::sign(elsewhere, &actor(0).signing);
    assert_eq!(ledger.insert(elsewhere), refused(Refusal::OtherFederation));
}

#[test]
fn a_vote_that_comes_before_its_proposal_waits_and_then_counts() {
    let mut world = World::new(2, 4);
    let root = world.root();
    let proposal = world.say(0, &[root], expel(3));
    let vote = world.say(1, &[proposal.id()], support(&proposal));
    let third = world.say(2, &[vote.id()], support(&proposal));
    let mut ledger = world.ledger();
    let waits = Insertion::Pending { missing: vec![vote.id()] };
    assert_eq!(ledger.insert(third.clone()), waits);
    assert_eq!(ledger.missing(), [vote.id()]);
    let waits = Insertion::Pending { missing: vec![proposal.id()] };
    assert_eq!(ledger.insert(vote.clone()), waits);
    assert_eq!(ledger.missing(), [proposal.id()]);
    assert_eq!(ledger.insert(vote.clone()), Insertion::Duplicate);
    assert_eq!((ledger.pending(), ledger.members()), (2, parties(0..4)));
    let released = vec![vote.id(), third.id()];
    assert_eq!(ledger.insert(proposal.clone()), Insertion::Inserted { released, dropped: vec![] });
    assert_eq!((ledger.pending(), ledger.members()), (0, parties(0..3)));
    assert_eq!(ledger.heads(), &BTreeSet::from([third.id()]));
    assert!(ledger.missing().is_empty());

    // A vote must have seen its proposal.
    let blind = world.say(2, &[root], support(&proposal));
    assert_eq!(ledger.insert(blind), refused(Refusal::NoSuchProposal));
    let admission = world.act(&mut ledger, 0, admit(9)).unwrap();
    assert_eq!(world.act(&mut ledger, 1, support(&admission)), Err(Refusal::NoSuchProposal));
}

#[test]
fn what_names_a_refused_statement_goes_with_it() {
    let mut world = World::new(2, 2);
    let root = world.root();
    let stranger = world.say(9, &[root], admit(8));
    let named = world.say(0, &[stranger.id()], admit(8));
    let [further, other] = [world.say(1, &[named.id()], admit(8)), world.say(1, &[root], admit(7))];
    let mut ledger = world.ledger();
    assert_eq!(ledger.insert(named.clone()), Insertion::Pending { missing: vec![stranger.id()] });
    assert_eq!(ledger.insert(further.clone()), Insertion::Pending { missing: vec![] });
    let mut dropped = vec![named.id(), further.id()];
    let outcome = ledger.insert(stranger.clone());
    assert_eq!(outcome, Insertion::Refused { why: Refusal::NotMember, dropped: dropped.clone() });
    assert_eq!((ledger.pending(), ledger.missing()), (0, vec![]));
    // Nor is it asked for again.
    for again in [stranger, further, named] {
        assert!(matches!(ledger.insert(again), Insertion::Refused { .. }));
    }
    assert!(ledger.missing().is_empty());

    // The same when the refused one had waited itself.
    let late = world.say(9, &[other.id()], admit(8));
    let named = world.say(0, &[late.id()], admit(8));
    assert!(matches!(ledger.insert(named.clone()), Insertion::Pending { .. }));
    assert_eq!(ledger.insert(late.clone()), Insertion::Pending { missing: vec![other.id()] });
    dropped = vec![late.id(), named.id()];
    assert_eq!(ledger.insert(other), Insertion::Inserted { released: vec![], dropped });
    assert_eq!((ledger.pending(), ledger.missing()), (0, vec![]));
}

#[test]
fn one_author_fills_only_a_part_of_the_waiting_room() {
    let mut world = World::new(2, 3);
    let mut ledger = world.ledger();
    let nowhere = |n: usize| {
        let mut id = [9; 32];
        id[..8].copy_from_slice(&(n as u64).to_be_bytes());
        StatementId(id)
    };
    for n in 0..limits::MEMBERSHIP_PENDING_PER_AUTHOR_MAX {
        let waits = world.say(0, &[nowhere(n)], admit(9));
        assert!(matches!(ledger.insert(waits), Insertion::Pending { .. }));
    }
    let more = world.say(0, &[nowhere(1)], admit(9));
    assert_eq!(ledger.insert(more), refused(Refusal::TooManyPending));
    let other = world.say(1, &[nowhere(1)], admit(9));
    assert!(matches!(ledger.insert(other), Insertion::Pending { .. }));
}

#[test]
fn a_statement_amid_many_forks_still_sees_the_proposal_and_its_author() {
    let mut world = World::new(2, 4);
    let mut ledger = world.ledger();
    let root = world.root();
    let proposal = world.act(&mut ledger, 0, expel(3)).unwrap();
    world.act(&mut ledger, 0, admit(9)).unwrap();
    world.act(&mut ledger, 1, admit(9)).unwrap();
    for n in 0..200 {
        let fork = world.say(3, &[root], admit(100 + n));
        assert_eq!(ledger.insert(fork), inserted());
    }
    let vote = world.act(&mut ledger, 1, support(&proposal)).unwrap();
    assert_eq!(vote.seen.len(), limits::HEADS_MAX);
    assert!(!ledger.is_member(party(3)));
    world.act(&mut ledger, 9, admit(10)).unwrap();
}

#[test]
fn nodes_that_diverged_exchange_pages_until_they_agree() {
    let mut world = World::new(2, 3);
    let [mut a, mut b] = [world.ledger(), world.ledger()];
    for n in 0..40 {
        let statement = world.act(&mut a, 0, admit(50 + n)).unwrap();
        assert_eq!(b.insert(statement), inserted());
    }
    for n in 0..25 {
        world.act(&mut a, 1, admit(50 + n)).unwrap();
        world.act(&mut b, 2, admit(70 + n)).unwrap();
    }
    let mut sent = 0;
    for _ in 0..2 {
        let (locator, mut after) = (b.locator(), None);
        assert!(locator.len() <= limits::LOCATOR_MAX);
        loop {
            let page: Vec<_> = a.lacking(&locator, after, 7).into_iter().cloned().collect();
            let Some(last) = page.last() else { break };
            after = Some(last.id());
            sent += page.len();
            for statement in page {
                assert!(!matches!(b.insert(statement), Insertion::Pending { .. }));
            }
        }
        core::mem::swap(&mut a, &mut b);
    }
    assert_eq!((a.heads(), a.roll()), (b.heads(), b.roll()));
    assert_eq!((a.statements().len(), a.members().len()), (90, 3 + 40));
    // Neither knew the other's head, yet little was sent twice.
    assert!(sent <= 50 + 40, "{sent}");
    assert!(a.lacking(&b.locator(), None, 100).is_empty());
    assert!(b.get(*a.heads().first().unwrap()).is_some());
}

/// 200 members by 2 sponsors each, and 1,600 further statements, proposals and votes among them.
#[test]
fn a_large_federation_is_judged() {
    let mut world = World::new(2, 2);
    let mut ledger = world.ledger();
    for n in 2..200 {
        world.act(&mut ledger, n - 1, admit(n)).unwrap();
        world.act(&mut ledger, n - 2, admit(n)).unwrap();
    }
    let proposals: Vec<_> =
        (0..8).map(|n| world.act(&mut ledger, n, expel(199 - n)).unwrap()).collect();
    let mut voters = (8..190).cycle();
    while ledger.statements().len() < 2_000 {
        let voter = voters.next().unwrap();
        let proposal = &proposals[usize::from(voter) % proposals.len()];
        world.act(&mut ledger, voter, support(proposal)).unwrap();
        world.act(&mut ledger, voter, admit(1_000 + voter)).unwrap();
    }
    #[expect(clippy::disallowed_methods, reason = "the test is about the time that passes")]
    let started = std::time::Instant::now();
    let mut copy = world.ledger();
    for statement in ledger.statements() {
        copy.insert(statement.clone());
    }
    let inserted = started.elapsed();
    assert_eq!((copy.heads(), copy.members()), (ledger.heads(), ledger.members()));
    assert_eq!(copy.members().len(), 200);
    assert_eq!(copy.roll().len(), 200 + 182);
    println!("2,000 statements: {inserted:?}, judged twice: {:?}", started.elapsed());
}
