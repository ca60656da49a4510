//! Membership under disorder, and what a party that was put out can still do: nothing.

use chartmesh_protocol::backup;
use chartmesh_protocol::codec::Wire as _;
use chartmesh_protocol::federation::command::{Admit, Expel, Found, Invite, Leave, Uninvite};
use chartmesh_protocol::federation::view::ExpelledView;
use chartmesh_protocol::federation::view::{FederationView, Status};
use chartmesh_protocol::federation::{Gossip, Message};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::membership::Standpoint;
use chartmesh_protocol::message::{Envelope, OutcomeResult};
use chartmesh_protocol::peer::{Body, Command, Stands, Thing, ask};
use chartmesh_protocol::refusal::RefusalCode;
use chartmesh_protocol::statement::Unverified;
use chartmesh_protocol::time::{DAY_MS, HOUR_MS};
use chartmesh_scenarios::{Region, Who, World};

/// `count` hospitals in one federation with a threshold of two.
fn members(seed: u64, count: usize) -> (World, Vec<Who>) {
    let mut world = World::new(seed);
    let all: Vec<_> = (0..count).map(|n| world.add(Role::Hospital, &format!("H{n}"))).collect();
    let create = Found { name: "Kita".into(), threshold: 2, anew: false };
    world.ask(all[0], create, None).unwrap();
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
    assert_eq!(world.standing(all[0], guest), Some(Status::Applicant));
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
    assert!(all[..4].iter().all(|at| world.standing(*at, out) == Some(Status::Expelled)));
    let fetch = backup::command::Restore { holder: world.id(all[0]), subject: None };
    let _ = world.ask(out, fetch, None);
    let _ = world.join(out, invite);
    world.advance(DAY_MS / 24);
    let body = sync();
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
    region.world.advance(DAY_MS / 24);
    let body = sync();
    region.world.switch(relay, false);
    region.world.switch(relay, true);
    assert!(region.world.say(relay, provider, &body, None, Some).is_err());
    // It was told why when it greeted.
    region.world.advance(DAY_MS / 24);
    assert!(!region.world.is_member(relay, a));
}

#[test]
fn nobody_is_drawn_into_a_federation_it_did_not_ask_to_join() {
    let (mut world, all) = members(1, 2);
    let founder = world.add(Role::Hospital, "Founder");
    let create = Found { name: "Minami".into(), threshold: 2, anew: false };
    world.ask(founder, create, None).unwrap();
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
                3 => drop(world.ask(x, Admit { party: world.id(y), although_alike: false }, None)),
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

fn sync() -> Body {
    let question = chartmesh_protocol::federation::CatchUp { position: None, whole: true };
    Body::Federation(Message::CatchUp(question))
}

/// What a node says of its own expulsion.
fn expelled(world: &World, at: Who) -> Option<ExpelledView> {
    let view = world.see(at, &ask::Members, None).unwrap();
    let status = world.see(at, &ask::Status, None).unwrap();
    assert_eq!(view.expelled.is_some(), status.expelled.is_some());
    assert!(view.expelled.is_none() || !status.member);
    view.expelled
}

#[test]
fn an_expelled_member_is_told_and_gives_out_no_more_invites() {
    let (mut world, all) = members(1, 5);
    let out = all[4];
    for member in &all[..3] {
        assert!(expelled(&world, out).is_none());
        world.expel(*member, out).unwrap();
    }
    world.advance(10_000);
    let told = expelled(&world, out).expect("it was told");
    assert_eq!((told.federation.as_str(), told.reason.as_str()), ("Kita", "a test"));
    assert_eq!((told.by.len(), told.names.len()), (4, 4));
    assert!(!world.is_member(out, out));
    for command in [
        Command::from(Invite { valid_ms: None, addresses: vec![] }),
        Command::from(Admit { party: world.id(all[0]), although_alike: false }),
        Command::from(Expel { party: world.id(all[0]), reason: String::new() }),
        Command::from(Leave),
    ] {
        let refusal = world.ask(out, command, None).unwrap_err();
        assert!(refusal.to_string().contains("expelled from `Kita`"), "{refusal}");
        assert!(refusal.to_string().contains("a test"), "{refusal}");
    }
    let invite = world.invite(all[0]);
    assert!(world.join(out, invite).unwrap_err().to_string().contains("expelled from `Kita`"));
    // Another federation is free to take it.
    let founder = world.add(Role::Hospital, "Founder");
    let found = Found { name: "Minami".into(), threshold: 2, anew: false };
    world.ask(founder, found, None).unwrap();
    let invite = world.invite(founder);
    world.join(out, invite).unwrap();
    world.admit(founder, out).unwrap();
    assert!(world.is_member(out, out) && expelled(&world, out).is_none());
}

#[test]
fn an_expelled_member_that_the_first_greeting_does_not_reach_is_told_by_a_later_one() {
    let (mut world, all) = members(1, 5);
    let out = all[4];
    for member in &all[..2] {
        world.expel(*member, out).unwrap();
    }
    world.cut.extend(all[..4].iter().map(|member| (*member, out)));
    world.expel(all[2], out).unwrap();
    world.advance(1_500);
    assert!(expelled(&world, out).is_none());
    world.cut.clear();
    world.advance(10_000);
    assert_eq!(expelled(&world, out).expect("it was told").federation, "Kita");
}

#[test]
fn an_expelled_member_that_was_away_for_years_of_statements_is_told_when_it_is_back() {
    let (mut world, all) = members(1, 4);
    let out = all[3];
    world.switch(out, false);
    // New members come, and it is they who put it out: it knows none of them.
    let mut new = Vec::new();
    for n in 0..8 {
        let guest = world.add(Role::Hospital, &format!("N{n}"));
        let invite = world.invite(all[0]);
        world.join(guest, invite).unwrap();
        world.admit(all[0], guest).unwrap();
        world.admit(all[1], guest).unwrap();
        new.push(guest);
    }
    // Some rounds are of the one that is away.
    world.advance(DAY_MS);
    for member in &new[..7] {
        world.expel(*member, out).unwrap();
    }
    world.advance(DAY_MS / 2);
    assert_eq!(world.standing(all[0], out), Some(Status::Expelled));
    assert!(world.is_member(out, out));
    world.switch(out, true);
    world.advance(DAY_MS / 24);
    let told = expelled(&world, out).expect("it was told");
    assert!(told.by.len() >= 7, "{told:?}");
}

#[test]
fn a_proof_of_expulsion_is_given_to_the_expelled_alone_and_forged_for_nobody() {
    let (mut world, all) = members(1, 4);
    // A stranger's `hello` is refused, and tells nothing of the federation.
    let stranger = world.add(Role::Hospital, "Stranger");
    assert!(world.say(stranger, all[0], &sync(), None, Some).is_err());
    // Votes too few are no proof.
    world.expel(all[0], all[3]).unwrap();
    assert!(expelled(&world, all[3]).is_none());
    assert!(world.is_member(all[3], all[3]));
}

#[test]
fn who_leaves_is_out_everywhere_hears_that_it_is_and_may_come_back_or_go_elsewhere() {
    let (mut world, all) = members(1, 4);
    let leaver = all[3];
    let invite = world.invite(leaver);
    world.ask(leaver, Leave, None).unwrap();
    for at in &all {
        assert_eq!(world.standing(*at, leaver), Some(Status::Left), "at {at:?}");
    }
    // Its leaving was answered though it closed the gate: nothing waits.
    let status = world.see(leaver, &ask::Status, None).unwrap();
    assert_eq!((status.waiting, status.member), (0, false));
    assert!(world.say(leaver, all[0], &sync(), None, Some).is_err());
    let refusal = world.ask(leaver, Invite { valid_ms: None, addresses: vec![] }, None);
    assert!(refusal.is_err());
    // The invite that it gave out before lets nobody into the federation.
    let guest = world.add(Role::Hospital, "Guest");
    let _ = world.join(guest, invite);
    assert!(world.admit(leaver, guest).is_err());
    assert!(!all[..3].iter().any(|at| world.is_member(*at, guest)));
    // Back with two sponsors.
    let invite = world.invite(all[0]);
    world.join(leaver, invite).unwrap();
    world.admit(all[0], leaver).unwrap();
    assert!(!world.is_member(all[0], leaver));
    world.admit(all[1], leaver).unwrap();
    assert!(all.iter().all(|at| world.is_member(*at, leaver)));
    // And out again, into another.
    world.ask(leaver, Leave, None).unwrap();
    let founder = world.add(Role::Hospital, "Founder");
    let create = Found { name: "Minami".into(), threshold: 2, anew: false };
    world.ask(founder, create, None).unwrap();
    let invite = world.invite(founder);
    world.join(leaver, invite).unwrap();
    world.admit(founder, leaver).unwrap();
    assert!(world.is_member(leaver, founder) && !world.is_member(leaver, all[0]));
}

#[test]
fn who_applied_is_an_applicant_and_whom_a_vote_merely_names_is_none() {
    let (mut world, all) = members(1, 3);
    let stranger = world.add(Role::Hospital, "Stranger");
    let applicant = world.add(Role::Hospital, "Applicant");
    let invite = world.invite(all[0]);
    world.join(applicant, invite).unwrap();
    for who in [stranger, applicant] {
        world.expel(all[0], who).unwrap();
    }
    for at in [all[0], all[1]] {
        let view = world.see(at, &ask::Members, None).unwrap();
        let listed = |who| view.parties.iter().filter(|one| one.party == world.id(who)).count();
        assert_eq!((listed(stranger), listed(applicant)), (0, 1), "{at:?}");
        assert_eq!(view.open.len(), 2, "{at:?}");
    }
}

#[test]
fn whoever_is_found_by_a_name_is_told_where_it_stands() {
    let (mut world, all) = members(1, 5);
    let (applicant, relay) = (world.add(Role::Hospital, "H"), world.add(Role::Patient, "H"));
    let invite = world.invite(all[0]);
    world.join(applicant, invite).unwrap();
    let patient = world.new_patient(relay, "Hanako");
    world.enrol(all[0], relay, patient);
    world.ask(all[3], Leave, None).unwrap();
    for member in &all[..3] {
        world.expel(*member, all[4]).unwrap();
    }
    let what = [Thing::Institution].into();
    let find = ask::Find { what, text: "h".into(), within: None, limit: None };
    let found = world.see(all[0], &find, None).unwrap().found;
    for (who, stands) in [
        (all[1], Stands::Member),
        (all[3], Stands::Left),
        (all[4], Stands::Expelled),
        (applicant, Stands::Applicant),
        (relay, Stands::Relay),
    ] {
        let id = world.id(who).to_string();
        let one = found.iter().find(|one| one.id == id).expect("it is found");
        assert_eq!(one.stands, Some(stands), "{}", one.name);
    }
}

#[test]
fn nobody_is_admitted_who_did_not_apply() {
    let mut region = Region::found(1);
    let (a, b, relay) = (region.a, region.b, region.relay);
    // A patient's relay is known by its enrolment, and is no institution that could be a member.
    let refusal = region.world.admit(a, relay).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::WrongRole, "{refusal}");
    assert!(!region.world.is_member(a, relay));
    // Who left has to apply again.
    let left = region.provider;
    region.world.ask(left, Leave, None).unwrap();
    for at in [a, b] {
        let refusal = region.world.admit(at, left).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::NotFound, "{refusal}");
    }
    // One that applied is sponsored by a member that was not told of it, too, once another sponsors it.
    let guest = region.world.add(Role::Hospital, "Guest");
    region.world.cut.insert((b, a));
    let invite = region.world.invite(b);
    region.world.join(guest, invite).unwrap();
    assert_eq!(region.world.admit(a, guest).unwrap_err().code, RefusalCode::NotFound);
    region.world.cut.clear();
    region.world.admit(b, guest).unwrap();
    region.world.advance(DAY_MS / 24);
    region.world.admit(a, guest).unwrap();
    assert!(region.world.is_member(a, guest));
    // While a federation is being founded, too.
    let founder = region.world.add(Role::Hospital, "Founder");
    let create = Found { name: "Minami".into(), threshold: 2, anew: false };
    region.world.ask(founder, create, None).unwrap();
    let patient = region.world.new_patient(relay, "Jiro");
    region.world.enrol(founder, relay, patient);
    assert_eq!(region.world.admit(founder, relay).unwrap_err().code, RefusalCode::WrongRole);
}

#[test]
fn what_waits_for_somebody_who_left_ends_and_so_does_what_the_one_who_left_would_still_say() {
    let (mut world, all) = members(1, 4);
    let (first, leaver) = (all[0], all[3]);
    let waiting = |world: &World, at| world.see(at, &ask::Status, None).unwrap().waiting;
    world.cut.insert((first, leaver));
    // Both have something to say to the other, and the line is cut.
    let (here, there) = (world.add(Role::Hospital, "Here"), world.add(Role::Hospital, "There"));
    for (sponsor, guest) in [(first, here), (leaver, there)] {
        let invite = world.invite(sponsor);
        world.join(guest, invite).unwrap();
        world.admit(sponsor, guest).unwrap();
    }
    assert!(waiting(&world, first) > 0 && waiting(&world, leaver) > 0);
    world.ask(leaver, Leave, None).unwrap();
    world.advance(DAY_MS / 24);
    assert_eq!(world.standing(first, leaver), Some(Status::Left));
    assert_eq!(waiting(&world, first), 0, "nobody is there any more to hear it");
    // The other way round only who refuses to listen says so.
    assert!(waiting(&world, leaver) > 0);
    world.cut.clear();
    world.advance(DAY_MS / 24);
    assert_eq!(waiting(&world, leaver), 0);
}

#[test]
fn two_who_vote_each_other_out_at_the_same_time_are_judged_the_same_everywhere() {
    let (mut world, all) = members(1, 6);
    let (x, y) = (all[4], all[5]);
    // Two sides that do not hear of each other; neither is a quorum of four, so neither decides.
    let (left, right) = ([all[0], all[1], y], [all[2], all[3], x]);
    for (member, of) in [(all[0], x), (all[1], x), (all[2], y), (all[3], y)] {
        world.expel(member, of).unwrap();
    }
    for one in left {
        world.cut.extend(right.map(|other| (one, other)));
    }
    world.expel(y, x).unwrap();
    world.expel(x, y).unwrap();
    world.advance(DAY_MS / 2);
    assert!(all.iter().all(|at| world.is_member(*at, x) && world.is_member(*at, y)));
    world.cut.clear();
    for _ in 0..12 {
        world.advance(DAY_MS / 4);
    }
    // One electorate decided on both: each had three votes of four.
    for at in &all[..4] {
        for of in [x, y] {
            assert_eq!(world.standing(*at, of), world.standing(all[0], of), "{of:?} at {at:?}");
        }
    }
}

#[test]
fn nobody_who_is_let_in_for_something_else_brings_a_federation_along() {
    let mut world = World::new(1);
    let hospital = world.add(Role::Hospital, "Hospital");
    let relay = world.add(Role::Patient, "Relay");
    let patient = world.new_patient(relay, "Hanako");
    world.enrol(hospital, relay, patient);
    let founder = world.add(Role::Hospital, "Founder");
    world.ask(founder, Found { name: "Kita".into(), threshold: 2, anew: false }, None).unwrap();
    let applicant = world.add(Role::Hospital, "Applicant");
    let invite = world.invite(founder);
    world.join(applicant, invite).unwrap();
    // Where others stand, in a federation that there is.
    let (elsewhere, others) = members(7, 2);
    let view = elsewhere.see(others[0], &ask::Members, None).unwrap();
    let (federation, number, view) = (view.federation.unwrap(), view.number, view.view.unwrap());
    let told = Gossip {
        position: Standpoint { federation, number, view },
        ballots: Vec::new(),
        speeches: Vec::new(),
        words: Vec::new(),
        left: None,
        seals: Vec::new(),
    };
    let hijack = Body::Federation(Message::Gossip(told));
    let before = world.see(founder, &ask::Members, None).unwrap().federation;
    // Into a hospital without one by a patient's relay; into one by an applicant.
    for (from, at, stands) in [(relay, hospital, None), (applicant, founder, before)] {
        let said = world.say(from, at, &hijack, None, Some).unwrap();
        assert!(matches!(said, OutcomeResult::Done(_)), "{said:?}");
        let view = world.see(at, &ask::Members, None).unwrap();
        assert_eq!(view.federation, stands);
    }
    world.admit(founder, applicant).unwrap();
    assert!(world.is_member(applicant, founder));
}

/// [FED-21]: an admission is told to everybody a few times, not to everybody by everybody.
#[test]
fn what_is_new_reaches_all_of_many_members_and_a_relay_tells_nobody() {
    let (mut world, mut all) = members(1, 12);
    // One that is away for the telling hears of it from those who are not.
    world.switch(all[5], false);
    let guest = world.add(Role::Hospital, "Guest");
    let invite = world.invite(all[0]);
    world.join(guest, invite).unwrap();
    world.admit(all[0], guest).unwrap();
    world.record_wire = true;
    world.admit(all[1], guest).unwrap();
    for _ in 0..12 {
        world.advance(60 * 60 * 1000);
    }
    world.switch(all[5], true);
    world.advance(DAY_MS / 4);
    all.push(guest);
    assert!(all.iter().all(|at| world.is_member(*at, guest)));
    let told = |world: &World, from: Option<Who>| {
        let of = |(sender, _, bytes): &&(Who, Who, Vec<u8>)| {
            let envelope = Unverified::<Envelope>::parse(bytes).unwrap();
            let body = Body::from_bytes(&envelope.claims().body.0, usize::MAX).unwrap();
            let told = matches!(body, Body::Federation(Message::Gossip(_)));
            told && from.is_none_or(|from| from == *sender)
        };
        world.wire.iter().filter(of).count()
    };
    let relay = world.add(Role::Patient, "Relay");
    let patient = world.new_patient(relay, "Hanako");
    world.enrol(all[0], relay, patient);
    assert!(world.is_member(relay, guest));
    assert_eq!(told(&world, Some(relay)), 0);
}

fn seen(world: &World, at: Who) -> FederationView {
    world.see(at, &ask::Members, None).unwrap()
}

/// [COD-4].
#[test]
fn an_invite_in_two_hands_brings_nobody_in_and_is_taken_back() {
    let mut world = World::new(1);
    let a = world.add(Role::Hospital, "A");
    world.ask(a, Found { name: "Kita".into(), threshold: 2, anew: false }, None).unwrap();
    let (b, thief) = (world.add(Role::Hospital, "B"), world.add(Role::Hospital, "Thief"));
    let invite = world.invite(a);
    let unused = world.invite(a);
    assert_eq!(seen(&world, a).invites.len(), 2);
    world.join(thief, invite.clone()).unwrap();
    assert_eq!(world.standing(a, thief), Some(Status::Applicant));
    world.join(b, invite).unwrap();
    let view = seen(&world, a);
    let [invite] = &view.invites.iter().filter(|one| one.used).collect::<Vec<_>>()[..] else {
        panic!("{:?}", view.invites);
    };
    assert_eq!((invite.by, invite.contested_by), (Some(world.id(thief)), Some(world.id(b))));
    assert_eq!(world.admit(a, thief).unwrap_err().name(), "federation.invite-in-two-hands");
    let invite = invite.invite;
    world.ask(a, Uninvite { invite }, None).unwrap();
    assert_eq!(world.standing(a, thief), None);
    assert_eq!(world.admit(a, thief).unwrap_err().name(), "federation.no-applicant");
    let again = world.ask(a, Uninvite { invite }, None).unwrap_err();
    assert_eq!(again.name(), "federation.no-invite");
    // Another invite is as good as before, and one that was taken back is none.
    world.join(b, unused).unwrap();
    world.admit(a, b).unwrap();
    assert!(world.is_member(a, b));
    let back = world.invite(a);
    let invite = seen(&world, a).invites[0].invite;
    world.ask(a, Uninvite { invite }, None).unwrap();
    let late = world.add(Role::Hospital, "Late");
    world.join(late, back).unwrap();
    world.advance(HOUR_MS);
    assert_eq!(world.standing(a, late), None);
}

#[test]
fn whose_application_is_refused_hears_why() {
    let mut world = World::new(1);
    let a = world.add(Role::Hospital, "A");
    world.ask(a, Found { name: "Kita".into(), threshold: 2, anew: false }, None).unwrap();
    let (b, c) = (world.add(Role::Hospital, "B"), world.add(Role::Hospital, "C"));
    let invite = world.invite(a);
    world.join(b, invite.clone()).unwrap();
    world.admit(a, b).unwrap();
    world.join(c, invite).unwrap();
    let refused = seen(&world, c).refused.expect("the invite was used");
    assert_eq!(refused.by, world.id(a));
    assert!(refused.why.contains("somebody else used the code first"), "{}", refused.why);
    let fresh = world.invite(a);
    world.join(c, fresh).unwrap();
    assert!(seen(&world, c).refused.is_none());
    assert_eq!(world.standing(a, c), Some(Status::Applicant));
}
