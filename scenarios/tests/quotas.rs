//! What others make a node keep is counted under them, and bounded; what ends something goes on.

mod quotas_support;

use chartmesh_protocol::backup;
use chartmesh_protocol::consent::{RequestState, Wish};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::quota::{Owner, Use, command::Set};
use chartmesh_protocol::time::DAY_MS;
use chartmesh_scenarios::{Region, Who};
use quotas_support::{Invented, offer, offered, reservation, set, taken};

/// [QUO-3]: whoever is refused hears of its own use and limit.
#[test]
fn a_deposit_beyond_a_quota_is_refused_as_a_whole_and_shown_with_use_and_limit() {
    let mut region = Region::found(1);
    let a = Owner::Institution(region.world.id(region.a));
    let provider = region.provider;
    set(&mut region, provider, a, None, Some(100_000));
    region.keep(None).unwrap();
    region.world.wait();
    assert_eq!(taken(&region, provider, a), Use::default(), "the endoscopy alone has 200 kB");
    let unkept = region.world.all(region.a, ask::Unkept::default(), None).unwrap();
    let all = region.entries(region.a, false).len();
    assert_eq!(unkept.len(), all);
    for entry in &unkept {
        assert_eq!(entry.refusal.name(), "quota.bytes");
        let words = entry.refusal.to_string();
        assert!(words.contains("100000 bytes") && words.contains("operator"), "{words}");
    }
    assert_eq!(region.world.see(region.a, &ask::Status, None).unwrap().unkept, all);
    // The operator gives more, and it is kept.
    set(&mut region, provider, a, None, Some(400_000));
    region.keep(None).unwrap();
    region.world.wait();
    let Use { entries, bytes } = taken(&region, provider, a);
    assert!(entries >= all as u64, "{entries}");
    assert!((200_000..260_000).contains(&bytes), "{bytes}");
    assert!(region.world.all(region.a, ask::Unkept::default(), None).unwrap().is_empty());
}

/// [BAK-7]
#[test]
fn what_an_earlier_deposit_keeps_is_kept_also_where_a_later_one_is_refused() {
    let mut region = Region::found(1);
    let (a, provider) = (Owner::Institution(region.world.id(region.a)), region.provider);
    region.keep(None).unwrap();
    region.world.wait();
    set(&mut region, provider, a, Some(1), Some(1));
    let new = region.add(chartmesh_protocol::record::Kind::Reports, "discharge");
    region.keep(None).unwrap();
    region.world.wait();
    let unkept = region.world.all(region.a, ask::Unkept::default(), None).unwrap();
    assert_eq!(unkept.iter().map(|one| one.entry).collect::<Vec<_>>(), [new]);
    assert_eq!(region.world.see(region.a, &ask::Status, None).unwrap().unkept, 1);
}

/// [QUO-2]: also for a patient.
#[test]
fn a_limit_below_what_is_kept_refuses_what_is_new_and_lets_all_else_go_on() {
    let mut region = Region::found(1);
    let request = region.permitted("{}");
    let (a, provider) = (region.world.id(region.a), region.provider);
    let patient = Owner::Patient(region.patient);
    let before = taken(&region, provider, patient);
    assert!(before.bytes > 200_000 && before.entries >= 2, "{before:?}");
    set(&mut region, provider, Owner::Institution(a), Some(1), Some(1));
    set(&mut region, provider, patient, Some(1), Some(1));
    assert_eq!(region.fetch(&request).state, RequestState::Done, "reading");
    region.add(chartmesh_protocol::record::Kind::Reports, "discharge");
    region.keep(None).unwrap();
    region.world.wait();
    let unkept = region.world.all(region.a, ask::Unkept::default(), None).unwrap();
    assert_eq!(unkept.len(), region.entries(region.a, false).len(), "what is new");
    // Taking back, and deleting, which gives it back.
    let tokens = region.tokens(&request);
    region.revoke(tokens);
    assert_ne!(region.fetch(&request).state, RequestState::Open);
    assert!(region.reasons(provider).contains(&"revoked".to_owned()), "and logging");
    let entries = region.entries(region.a, false).iter().map(|entry| entry.entry).collect();
    let holder = region.world.id(provider);
    let delete = backup::command::Delete { holder, patient: Some(region.patient), entries };
    region.world.ask(region.relay, delete, Some(region.patient)).unwrap();
    region.world.wait();
    let after = taken(&region, provider, patient);
    assert!(after.bytes < before.bytes - 200_000, "{before:?} {after:?}");
}

/// [QUO-1]: a deposit counts from its offer on.
#[test]
fn what_was_reserved_and_never_came_is_given_back() {
    let mut region = Region::found(1);
    let a = Owner::Institution(region.world.id(region.a));
    let invented = Invented::new(1);
    let offer = offer(&region, region.a, &invented, reservation(1), 1 << 30);
    let (from, provider) = (region.a, region.provider);
    let before = taken(&region, provider, a);
    offered(&mut region, from, offer).unwrap();
    assert!(taken(&region, provider, a).bytes > before.bytes + (1 << 30), "before any byte came");
    assert!(taken(&region, provider, Owner::Patient(invented.id())).bytes > 1 << 30);
    region.world.advance(8 * DAY_MS);
    assert!(taken(&region, provider, a).bytes < before.bytes + 10_000);
}

#[test]
fn deposits_for_invented_patients_end_at_the_quota_of_who_invents_them_and_others_are_served() {
    let mut region = Region::found(1);
    let (from, provider) = (region.b, region.provider);
    let b = Owner::Institution(region.world.id(from));
    set(&mut region, provider, b, Some(100), Some(1 << 20));
    let (mut taken_in, mut refused) = (0, 0);
    for number in 0..200 {
        let invented = Invented::new(number);
        let offer = offer(&region, from, &invented, reservation(number), 1000);
        match offered(&mut region, from, offer) {
            Ok(_) => taken_in += 1,
            Err(refusal) => {
                assert!(["quota.entries", "quota.bytes"].contains(&&*refusal.name()), "{refusal}");
                refused += 1;
            }
        }
    }
    assert!(taken_in > 10 && refused > 100, "{taken_in} {refused}");
    let used = taken(&region, provider, b);
    assert!(used.entries <= 100 && used.bytes <= 1 << 20, "{used:?}");
    // Nothing is left of what was refused.
    let rows = rows(&region, provider);
    let invented = Invented::new(500);
    let offer = offer(&region, from, &invented, reservation(500), 1000);
    offered(&mut region, from, offer).unwrap_err();
    assert!(self::rows(&region, provider) <= rows + 1, "but its outcome");
    region.upload();
    assert_eq!(region.requests(region.relay)[0].state, RequestState::Done);
}

/// All rows of a party's store, but the time that counts.
fn rows(region: &Region, who: Who) -> usize {
    region.world.parties[who.0].store.sizes().map(|size| size.rows).sum()
}

#[test]
fn requests_at_a_relay_and_permissions_at_a_hospital_are_counted_under_who_sends_them() {
    let mut region = Region::found(1);
    let (b, relay) = (region.world.id(region.b), region.world.id(region.relay));
    let before = taken(&region, region.relay, Owner::Institution(b));
    region.upload();
    let request = region.download(region.b, &Wish::default());
    assert!(request.is_err(), "B does not know the patient");
    let request = region.refer(&Wish::default());
    let a = Owner::Institution(region.world.id(region.a));
    assert!(taken(&region, region.relay, a).entries >= 3, "entries announced, and a request");
    region.approve(&request, "{}").unwrap();
    let given = taken(&region, region.b, Owner::Institution(relay));
    assert!(given.entries >= 2 && given.bytes > 1000, "a permission, and the patient: {given:?}");
    let of_patient = taken(&region, region.b, Owner::Patient(region.patient));
    assert!(of_patient.entries >= 2, "{of_patient:?}");
    // B knows the relay by A's certificate alone: A answers for it, too.
    let Owner::Institution(a) = a else { unreachable!() };
    let relays = taken(&region, region.b, Owner::RelaysOf(a));
    assert!(relays.bytes > given.bytes, "and the relay's own rows: {relays:?} {given:?}");
    // Beyond its quota B asks no more.
    set(&mut region, Who(3), Owner::Institution(b), Some(0), None);
    assert_eq!(before, taken(&region, region.relay, Owner::Institution(b)));
    region.download(region.b, &Wish::default()).unwrap();
    let asked = region.requests(region.b).into_iter().filter(|request| request.asker == b);
    let failed: Vec<_> = asked.map(|request| request.why.map(|why| why.name())).collect();
    assert_eq!(failed, [Some("quota.entries".to_owned())]);
}

#[test]
fn relays_that_one_member_certified_are_bounded_and_its_own_deposits_are_not_theirs() {
    let mut region = Region::found(1);
    let a = region.world.id(region.a);
    let (relays, b) = (Owner::RelaysOf(a), region.b);
    set(&mut region, b, relays, Some(0), Some(0));
    // The relay has not met B so far.
    let request = region.refer(&Wish::default());
    region.approve(&request, "{}").unwrap();
    assert!(region.grants(b).iter().all(|grant| !grant.received), "its hello was refused");
    assert_eq!(taken(&region, b, relays), Use::default());
    set(&mut region, b, relays, Some(100), Some(1 << 20));
    region.world.advance(DAY_MS);
    assert!(region.grants(b).iter().any(|grant| grant.received));
    assert!(taken(&region, b, relays).bytes > 0);
}

#[test]
fn limits_are_set_for_one_for_all_and_unset() {
    let mut region = Region::found(1);
    let provider = region.provider;
    let a = Owner::Institution(region.world.id(region.a));
    let usual = region.world.see(provider, &ask::QuotaDefaults, None).unwrap().institution;
    let nothing = Set { owner: a, entries: None, bytes: None };
    assert!(region.world.ask(provider, nothing, None).is_err());
    set(&mut region, provider, a, Some(7), None);
    let shown = |region: &Region| {
        let all = region.world.all(provider, ask::Quotas::default(), None).unwrap();
        all.into_iter().find(|quota| quota.owner == a)
    };
    let one = shown(&region).unwrap();
    assert!(one.own && one.most.entries == 7 && one.most.bytes == usual.bytes, "{one:?}");
    assert_eq!(one.name, "Hospital A");
    let each = chartmesh_protocol::quota::command::SetDefault {
        each: chartmesh_protocol::quota::command::Each::Institution,
        entries: Some(9),
        bytes: Some(11),
    };
    let defaults = region.world.ask(provider, each, None).unwrap();
    assert_eq!((defaults.institution.entries, defaults.institution.bytes), (9, 11));
    assert_eq!(shown(&region).unwrap().most.bytes, 11);
    let unset = chartmesh_protocol::quota::command::Unset { owner: a };
    let after = region.world.ask(provider, unset, None).unwrap();
    assert!(!after.own && after.most.entries == 9);
    assert!(shown(&region).is_none(), "it has nothing there, and nothing is said of it");
    assert_eq!(region.world.parties[provider.0].peer.role(), Role::Backup);
}
