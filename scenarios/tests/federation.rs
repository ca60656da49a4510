//! Membership under disorder, and what a party that was put out can still do: nothing.

use chartmesh_protocol::backup;
use chartmesh_protocol::federation::Command;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::membership::Status;
use chartmesh_protocol::peer::Body;
use chartmesh_protocol::time::DAY_MS;
use chartmesh_scenarios::{Region, Who, World};

/// `count` hospitals in one federation with a threshold of two.
fn members(seed: u64, count: usize) -> (World, Vec<Who>) {
    let mut world = World::new(seed);
    let all: Vec<_> = (0..count).map(|n| world.add(Role::Hospital, &format!("H{n}"))).collect();
    let create = Command::Create { name: "Kita".into(), threshold: 2 };
    world.federation(all[0], create).unwrap();
    for (n, guest) in all.iter().enumerate().skip(1) {
        let invite = world.invite(all[0]);
        world.join(*guest, invite).unwrap();
        world.admit(all[0], *guest).unwrap();
        if n > 1 {
            world.admit(all[1], *guest).unwrap();
        }
    }
    (world, all)
}

fn same_everywhere(world: &World, at: &[Who], of: &[Who]) {
    for who in of {
        let first = world.is_member(at[0], *who);
        for other in at {
            assert_eq!(world.is_member(*other, *who), first, "{other:?} about {who:?}");
        }
    }
}

#[test]
fn an_applicant_joins_when_its_inviter_is_back() {
    let (mut world, all) = members(1, 3);
    let guest = world.add(Role::Hospital, "Guest");
    let invite = world.invite(all[0]);
    world.switch(all[0], false);
    world.join(guest, invite).unwrap();
    world.advance(DAY_MS / 4);
    world.switch(all[0], true);
    world.advance(DAY_MS / 24);
    world.admit(all[1], guest).unwrap();
    assert!(matches!(world.standing(all[0], guest), Status::Candidate { .. }));
    world.admit(all[2], guest).unwrap();
    assert!(all.iter().all(|at| world.is_member(*at, guest)) && world.is_member(guest, guest));
}

#[test]
fn a_member_that_was_expelled_is_refused_everything_and_no_code_lets_it_in() {
    let (mut world, all) = members(1, 5);
    let out = all[4];
    // It is connected, and invited by somebody who does not know yet.
    let invite = world.invite(all[3]);
    for member in &all[..3] {
        world.expel(*member, out).unwrap();
    }
    assert!(all[..4].iter().all(|at| matches!(world.standing(*at, out), Status::Expelled { .. })));
    let fetch = backup::Command::Restore { holder: world.id(all[0]), subject: None };
    let _ = world.ask(out, chartmesh_protocol::peer::Command::Backup(fetch), None);
    let _ = world.join(out, invite);
    world.advance(DAY_MS / 24);
    let sync = chartmesh_protocol::federation::Sync { federation: None, locator: vec![] };
    let body = Body::Federation(chartmesh_protocol::federation::Message::Sync(sync));
    for at in &all[..4] {
        assert!(world.say(out, *at, &body, None, Some).is_err(), "{at:?} let it in");
        assert!(!world.is_member(*at, out));
        assert!(world.admit(*at, out).is_err());
    }
}

#[test]
fn a_relay_hears_of_changes_and_loses_its_way_in_with_the_member_that_certified_it() {
    let mut region = Region::found(1);
    let (a, b, provider, relay) = (region.a, region.b, region.provider, region.relay);
    let guest = region.world.add(Role::Hospital, "Guest");
    let invite = region.world.invite(a);
    region.world.join(guest, invite).unwrap();
    region.world.admit(a, guest).unwrap();
    region.world.admit(b, guest).unwrap();
    assert!(region.world.is_member(relay, guest));
    // The relay is known at the provider by A's certificate alone.
    region.upload();
    let _ = region.lines(provider);
    for member in [b, provider, guest] {
        region.world.expel(member, a).unwrap();
    }
    region.world.advance(1000);
    assert!(!region.world.is_member(relay, a));
    let sync = chartmesh_protocol::federation::Sync { federation: None, locator: vec![] };
    let body = Body::Federation(chartmesh_protocol::federation::Message::Sync(sync));
    region.world.switch(relay, false);
    region.world.switch(relay, true);
    assert!(region.world.say(relay, provider, &body, None, Some).is_err());
}

#[test]
fn nobody_is_drawn_into_a_federation_it_did_not_ask_to_join() {
    let (mut world, all) = members(1, 2);
    let founder = world.add(Role::Hospital, "Founder");
    let create = Command::Create { name: "Minami".into(), threshold: 2 };
    world.federation(founder, create).unwrap();
    // A member of another federation applies, and brings its own charter along.
    let invite = world.invite(founder);
    let guest = all[1];
    assert!(world.join(guest, invite).is_err(), "it is in one already");
    assert!(!world.is_member(founder, guest));
}

#[test]
fn concurrent_admissions_and_expulsions_end_in_one_membership_when_partitions_heal() {
    for seed in 0..6u64 {
        let (mut world, mut all) = members(seed, 5);
        for n in 0..2 {
            let guest = world.add(Role::Hospital, &format!("G{n}"));
            let invite = world.invite(all[n]);
            world.join(guest, invite).unwrap();
            all.push(guest);
        }
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut roll = |n: usize| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            usize::try_from(dice % n as u64).unwrap()
        };
        for _ in 0..25 {
            let (x, y) = (all[roll(7)], all[roll(7)]);
            match roll(5) {
                0 if x != y => drop(world.cut.insert((x, y))),
                1 => world.cut.clear(),
                2 => drop(world.expel(x, y)),
                3 => drop(world.federation(x, Command::Admit { party: world.id(y) })),
                _ => world.advance(60_000),
            }
        }
        world.cut.clear();
        for _ in 0..20 {
            world.advance(10 * 60 * 1000);
        }
        let inside: Vec<_> = all
            .iter()
            .copied()
            .filter(|who| all.iter().any(|at| world.is_member(*at, *who)))
            .filter(|who| world.is_member(*who, *who))
            .collect();
        same_everywhere(&world, &inside, &all);
    }
}
