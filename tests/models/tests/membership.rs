//! The models of membership: whatever they search, everything claimed holds; and without any one of the rules it does not.

use chartmesh_models::chain::{Chain, Without};
use chartmesh_models::counts::{Counts, wrong};
use chartmesh_models::sealing::Sealing;
use chartmesh_protocol::membership::{Kept, Rules};
use stateright::{Checker as _, HasDiscoveries, Model};

/// Searches a model; gives the states and which claims fail.
fn search<M>(model: M, until: HasDiscoveries) -> (usize, Vec<&'static str>)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + core::fmt::Debug + core::hash::Hash + PartialEq + Send + Sync,
    M::Action: Clone + core::fmt::Debug + PartialEq + Send + Sync,
{
    let searched = model.checker().finish_when(until).threads(2).spawn_bfs().join();
    let mut failed: Vec<_> = searched.discoveries().into_keys().collect();
    failed.sort_unstable();
    (searched.unique_state_count(), failed)
}

/// The claims that hold are those that are not found to fail; the last of each model is one that must be met.
fn holds<M>(model: M, met: &'static str, states_min: usize)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + core::fmt::Debug + core::hash::Hash + PartialEq + Send + Sync,
    M::Action: Clone + core::fmt::Debug + PartialEq + Send + Sync,
{
    let (states, failed) = search(model, HasDiscoveries::AnyFailures);
    println!("{states} states");
    assert_eq!(failed, [met]);
    assert!(states >= states_min, "{states} states: the model is smaller than it was");
}

fn fails<M>(model: M, claim: &'static str)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + core::fmt::Debug + core::hash::Hash + PartialEq + Send + Sync,
    M::Action: Clone + core::fmt::Debug + PartialEq + Send + Sync,
{
    let (states, failed) = search(model, HasDiscoveries::AnyOf([claim].into()));
    println!("{states} states: {failed:?}");
    assert!(failed.contains(&claim), "its absence is not noticed: {failed:?}");
}

/// The rules but one.
macro_rules! without {
    ($($name:ident: $rule:ident),* $(,)?) => {$(
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        struct $name;

        impl Rules for $name {
            const $rule: bool = false;
        }
    )*};
}

without! {
    PreparesTwice: PREPARES_ONCE,
    NeverLocks: LOCKS,
    AnyCertificate: NEWER_CERTIFICATE,
    NeverUnlocks: UNLOCKS,
    CommitsUnproven: COMMITS_PROVEN,
    EntersAlone: ENTERS_TOGETHER,
    PulsesAlways: PULSE_BEFORE_COMMIT,
    AsksNobody: ASKS,
    WaitsForNobody: WAITS,
    JoinsAtOnce: JOINS_LATER,
}

#[test]
fn one_view_has_one_successor_in_two_rounds() {
    holds(Sealing::<Kept>::of(4, 1, 2), "sealed", 1000);
    holds(Sealing::<Kept>::of(3, 0, 2), "sealed", 1000);
}

#[test]
#[ignore = "minutes: scripts/models"]
fn one_view_has_one_successor_in_three_rounds_also_with_a_member_put_back_from_a_copy() {
    holds(Sealing::<Kept>::of(4, 1, 3), "sealed", 100_000);
    holds(Sealing::<Kept>::of(3, 0, 3), "sealed", 100_000);
    holds(Sealing::<Kept>::of(4, 1, 3).with_copy(), "sealed", 100_000);
}

#[test]
fn more_liars_than_a_view_withstands_fork_it_and_so_does_a_smaller_quorum() {
    fails(Sealing::<Kept>::of(3, 1, 2), "one successor");
    fails(Sealing::<Kept>::of(4, 2, 2), "one successor");
    fails(Sealing::<Kept> { quorum: 2, ..Sealing::of(4, 1, 2) }, "one successor");
}

#[test]
fn each_rule_of_sealing_is_missed() {
    fails(Sealing::<PreparesTwice>::of(4, 1, 2), "never stuck");
    fails(Sealing::<NeverLocks>::of(4, 1, 2), "one successor");
    fails(Sealing::<CommitsUnproven>::of(4, 1, 2), "one successor");
    fails(Sealing::<PulsesAlways>::of(4, 1, 2), "no fresh pulses of a superseded view");
    fails(Sealing::<Kept> { forgetful: true, ..Sealing::of(4, 1, 2) }, "one successor");
}

#[test]
#[ignore = "minutes: scripts/models"]
fn each_rule_that_takes_three_rounds_is_missed() {
    fails(Sealing::<AnyCertificate>::of(4, 1, 3), "one successor");
    fails(Sealing::<NeverUnlocks>::of(4, 1, 3), "never stuck");
    fails(Sealing::<AsksNobody>::of(4, 1, 3).with_copy(), "one successor");
    fails(Sealing::<WaitsForNobody>::of(4, 1, 3).with_copy(), "one successor");
    fails(Sealing::<JoinsAtOnce>::of(4, 1, 3).with_copy(), "one successor");
    fails(Sealing::<EntersAlone>::of(4, 1, 3).with_copy(), "never stuck");
}

fn chain(counts: Counts, without: Without, erase: bool) -> chartmesh_models::chain::Searched {
    Chain { counts, without, erase, depth: 2 }.searched()
}

#[test]
#[ignore = "minutes: scripts/models"]
fn a_chain_of_views_keeps_its_members_with_old_keys_erased_or_not() {
    holds(chain(Counts::Kept, Without::Nothing, true), "two views on", 50_000);
    holds(chain(Counts::Kept, Without::Nothing, false), "two views on", 50_000);
}

#[test]
fn each_rule_of_the_chain_is_missed() {
    let wrong = "nothing goes wrong";
    fails(chain(Counts::BareMajority, Without::Nothing, true), wrong);
    fails(chain(Counts::OneSponsor, Without::Nothing, true), wrong);
    fails(chain(Counts::SponsorsExpel, Without::Nothing, true), wrong);
    fails(chain(Counts::Kept, Without::OneSignature, true), wrong);
    fails(chain(Counts::Kept, Without::ListedKeys, true), wrong);
    fails(chain(Counts::Kept, Without::Finality, false), wrong);
    fails(chain(Counts::Kept, Without::Anchor, false), wrong);
}

#[test]
fn the_numbers_hold_and_each_is_missed() {
    assert_eq!(wrong(Counts::Kept, 1024), None);
    for counts in [
        Counts::BareMajority,
        Counts::TwoThirds,
        Counts::OneSponsor,
        Counts::SponsorsExpel,
        Counts::HalfOfTheVotes,
    ] {
        assert!(wrong(counts, 256).is_some(), "{counts:?}");
    }
}
