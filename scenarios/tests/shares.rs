//! Within a patient's room each institution has a share: whoever may add to a record does not fill the room of the others.

mod quotas_support;

use chartmesh_protocol::backup::command::Keep;
use chartmesh_protocol::consent::command::Upload;
use chartmesh_protocol::consent::{RequestState, Wish};
use chartmesh_protocol::id::{EntryId, PartyId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::limits::{QUOTA_ADDED_BYTES, QUOTA_ADDED_ENTRIES};
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::quota::Owner;
use chartmesh_protocol::record::Kind;
use chartmesh_scenarios::{Region, Who};
use quotas_support::{set, taken};

/// One entry of so many bytes, which is announced to the patient's relay.
fn records(region: &mut Region, who: Who, title: &str, bytes: usize) -> EntryId {
    let content = vec![7; bytes];
    let drafts = vec![region.world.draft(who, Kind::Reports, title, &[&content])];
    let made = region.world.record(who, region.patient, drafts).unwrap();
    region.world.wait();
    made.entries[0]
}

/// It deposits that one for the patient; gives why not, where it is not kept.
fn deposits(region: &mut Region, who: Who, entry: EntryId) -> Option<String> {
    let (holder, subject) = (region.world.id(region.provider), region.patient);
    let keep = Keep { holder, subject, entries: vec![entry], for_patient: true, not_before: None };
    region.world.ask(who, keep, None).unwrap();
    region.world.wait();
    let unkept = region.world.all(who, ask::Unkept::default(), None).unwrap();
    unkept.into_iter().find(|one| one.entry == entry).map(|one| one.refusal.name().to_string())
}

fn share(region: &Region, of: Who) -> Owner {
    Owner::Share { patient: region.patient, institution: region.world.id(of) }
}

/// Whom the patient permits to add to the record.
fn may_add(region: &mut Region, to: Who, narrow: &str) {
    let request = region.refer_to(to, &Wish { write: Some(true), ..Wish::default() });
    region.approve(&request, narrow).unwrap();
    region.world.wait();
}

fn third(region: &mut Region) -> Who {
    let third = region.world.add(Role::Hospital, "Hospital C");
    let invite = region.world.invite(region.a);
    region.world.join(third, invite).unwrap();
    for sponsor in [region.a, region.b] {
        region.world.admit(sponsor, third).unwrap();
    }
    third
}

/// How many entries of an author the patient's relay has.
fn at_relay(region: &Region, of: PartyId) -> usize {
    region.entries(region.relay, true).iter().filter(|entry| entry.author == of).count()
}

/// [QUO-6]: at a provider.
#[test]
fn who_may_add_and_deposits_without_end_leaves_the_others_room_in_the_patients() {
    let mut region = Region::found(1);
    region.permitted("{}");
    let (a, b, provider) = (region.a, region.b, region.provider);
    let patient = Owner::Patient(region.patient);
    let room = 2_000_000;
    set(&mut region, provider, patient, None, Some(room));
    let mut last = None;
    for number in 0..30 {
        let entry = records(&mut region, b, &format!("flood {number}"), 60_000);
        last = deposits(&mut region, b, entry);
        if last.is_some() {
            break;
        }
    }
    assert_eq!(last.as_deref(), Some("quota.share-bytes"), "it goes on for ever");
    let of_b = taken(&region, provider, share(&region, b)).bytes;
    let of_others = taken(&region, provider, patient).bytes - of_b;
    assert!(of_b <= (room - of_others).div_ceil(4), "{of_b} beside {of_others}");
    assert!(of_b > (room - of_others) / 4 - 70_000, "it has its share: {of_b}");
    // The hospital that treats the patient has what it makes kept.
    let made = records(&mut region, a, "operation", 100_000);
    let wish = Wish { entries: vec![made], ..Wish::default() };
    let order = Upload {
        patient: region.patient,
        hospital: region.world.id(a),
        depositary: region.world.id(provider),
        wish,
        not_before: None,
        days: None,
        quota: None,
        quota_entries: None,
    };
    let ordered = region.world.ask(region.relay, order, Some(region.patient)).unwrap();
    region.world.wait();
    assert_eq!(region.request(region.relay, &ordered[0]).state, RequestState::Done);
    // The operator sees who takes up how much, and may.
    let quotas = region.world.all(provider, ask::Quotas::default(), None).unwrap();
    let shown = quotas.iter().find(|quota| quota.owner == share(&region, b)).unwrap();
    assert!(shown.name.starts_with("Hospital B, for "), "{shown:?}");
    assert!(shown.most.bytes < room / 4 && !shown.own, "{shown:?}");
}

/// [QUO-6]: at the patient's relay, and under two names. [REC-7]: what is refused is not announced again and again.
#[test]
fn two_members_that_fill_their_shares_at_a_relay_leave_a_third_the_same_part_of_the_rest() {
    let mut region = Region::found(1);
    let (a, b, relay) = (region.a, region.b, region.relay);
    let c = third(&mut region);
    may_add(&mut region, b, "{}");
    may_add(&mut region, c, "{}");
    let room = Owner::Patient(region.patient);
    set(&mut region, relay, room, Some(100), None);
    for number in 0..30 {
        for who in [b, c] {
            records(&mut region, who, &format!("flood {number}"), 10);
        }
    }
    let [of_b, of_c] = [b, c].map(|who| at_relay(&region, region.world.id(who)));
    assert!((10..=25).contains(&of_b) && (10..=25).contains(&of_c), "{of_b} {of_c}");
    let before = at_relay(&region, region.world.id(a));
    for number in 0..4 {
        records(&mut region, a, &format!("treated {number}"), 10);
    }
    assert_eq!(at_relay(&region, region.world.id(a)), before + 4);
    // Whoever floods sees that it is not heard.
    let status = region.world.see(b, &ask::Status, None).unwrap();
    assert!(status.unannounced > 0, "{status:?}");
    assert_eq!(region.world.see(a, &ask::Status, None).unwrap().unannounced, 0);
}

/// [QUO-7].
#[test]
fn a_permission_to_add_has_a_quota_unless_the_patient_says_another() {
    let mut region = Region::found(1);
    let (b, relay) = (region.b, region.relay);
    region.upload();
    may_add(&mut region, b, "{}");
    let writes = |region: &Region| {
        let grants = region.grants(relay).into_iter();
        grants.filter(|grant| grant.operations.contains(&"write".to_owned())).collect::<Vec<_>>()
    };
    let [grant] = &writes(&region)[..] else { panic!("one") };
    let said = grant.explained.join("\n");
    assert!(said.contains(&format!("keep {QUOTA_ADDED_BYTES} bytes")), "{said}");
    assert!(said.contains(&format!("keep {QUOTA_ADDED_ENTRIES} entries")), "{said}");
    let reads = region.grants(relay).into_iter().find(|one| one.token != grant.token).unwrap();
    assert!(
        reads.explained.join("\n").contains("It sets no limit in bytes."),
        "reading needs none"
    );

    // Less: the provider and the relay take no more than that.
    let c = third(&mut region);
    may_add(&mut region, c, r#"{"quota": 100000, "quota_entries": 3}"#);
    let made: Vec<_> =
        (0..5).map(|n| records(&mut region, c, &format!("of C {n}"), 20_000)).collect();
    assert!(at_relay(&region, region.world.id(c)) <= 3);
    let kept = made.iter().filter(|entry| deposits(&mut region, c, **entry).is_none()).count();
    assert_eq!(kept, 3);
    let refused = deposits(&mut region, c, made[4]);
    assert_eq!(refused.as_deref(), Some("quota-exceeded"));

    // More than is usual: as much of the patient's room as that.
    let room = Owner::Patient(region.patient);
    set(&mut region, relay, room, Some(40), None);
    for number in 0..12 {
        records(&mut region, b, &format!("of B {number}"), 10);
    }
    let usual = at_relay(&region, region.world.id(b));
    assert!(usual < 12, "{usual}");
    may_add(&mut region, b, r#"{"quota_entries": 5000}"#);
    records(&mut region, b, "one more", 10);
    region.world.wait();
    assert_eq!(at_relay(&region, region.world.id(b)), 13, "what waited comes, too");
}
