//! What is lost, and what never comes.

use chartmesh_protocol::backup::Message;
use chartmesh_protocol::peer::{Body, ask};
use chartmesh_protocol::refusal::RefusalCode;
use chartmesh_protocol::time::DAY_MS;
use chartmesh_scenarios::{Region, Who};

use crate::{bodies, keep, large, restore};

#[test]
fn pulls_of_a_deposit_that_is_given_up_are_stopped() {
    let mut region = Region::found(1);
    let provider = region.provider;
    region.world.silent.insert(region.a);
    region.upload();
    let waiting =
        |region: &Region| match region.world.all(provider, ask::Transfers::default(), None) {
            Ok(transfers) => transfers,
            other => panic!("{other:?}"),
        };
    let pulls: Vec<_> = waiting(&region).iter().map(|pull| (provider, pull.transfer)).collect();
    assert_eq!(pulls.len(), 4);
    region.world.advance(8 * DAY_MS);
    assert!(waiting(&region).is_empty());
    let mut stopped = region.world.stopped.clone();
    assert!(pulls.iter().all(|pull| stopped.contains(pull)));
    stopped.retain(|(who, _)| *who == provider);
    assert_eq!(stopped.len(), pulls.len());
}

#[test]
fn a_depositary_says_that_it_keeps_what_it_has_and_nothing_else() {
    let mut region = Region::found(1);
    keep(&mut region);
    let (provider, a, object) = (region.provider, region.a, large(&region));
    region.world.lose(provider, object, true);
    let whole = |region: &Region, at: Who| {
        region.entries(at, false).iter().filter(|entry| entry.whole).count()
    };
    assert_eq!(whole(&region, provider), 2, "what was lost is not claimed");
    // While A cannot give it, a new deposit gets a receipt for the rest alone.
    let receipts =
        |region: &Region| region.world.wire.iter().filter(|(from, _, _)| *from == provider).count();
    region.world.record_wire = true;
    let original = region.world.parties[a.0].objects.remove(&object).unwrap();
    keep(&mut region);
    region.world.advance(60_000);
    assert_eq!(whole(&region, provider), 2);
    let said: Vec<_> = bodies(&region).filter(|(from, _)| *from == provider).collect();
    let stored = said.into_iter().find_map(|(_, body)| match body {
        Body::Backup(Message::Stored(stored)) => Some(stored),
        _ => None,
    });
    let stored = stored.expect("it keeps the others");
    let receipt = stored.receipt.claims();
    assert!(
        receipt.objects.iter().all(|one| one.object != object),
        "a receipt for what is not here"
    );
    let endoscopy = region.entry("endoscopy");
    assert_eq!(stored.except.iter().map(|one| one.entry).collect::<Vec<_>>(), [endoscopy]);
    let unkept = |region: &Region| {
        let unkept = region.world.all(a, ask::Unkept::default(), None).unwrap();
        unkept.into_iter().map(|one| (one.entry, one.refusal.code)).collect::<Vec<_>>()
    };
    assert_eq!(unkept(&region), [(endoscopy, RefusalCode::NotFound)]);
    // With the object at hand again, keeping heals the depositary, and a receipt comes.
    region.world.parties[a.0].objects.insert(object, original);
    let before = receipts(&region);
    keep(&mut region);
    assert_eq!(whole(&region, provider), 3);
    assert!(receipts(&region) > before);
    assert_eq!(unkept(&region), []);
}

#[test]
fn what_a_disk_lost_is_not_served_and_comes_back_with_a_restore() {
    let mut region = Region::found(1);
    let request = region.permitted("{}");
    keep(&mut region);
    let (a, object) = (region.a, large(&region));
    region.world.lose(a, object, false);
    let entry = region.entry("endoscopy");
    let verify = |region: &Region| region.world.verify(region.a, region.patient).unwrap();
    let found = verify(&region);
    assert_eq!((found.good, found.bad.len()), (2, 1));
    assert!(found.bad[0].to_string().contains(&object.to_string()), "{:?}", found.bad);
    assert_eq!(region.fetch_at(&request, a).reason, "2 entries obtained");
    assert!(region.entries(region.b, false).iter().all(|found| found.entry != entry));
    restore(&mut region);
    assert!(region.world.parties[a.0].objects.contains_key(&object));
    assert_eq!(verify(&region).good, 3);
    assert_eq!(region.fetch_at(&request, a).reason, "3 entries obtained, 1 of them new");
    assert_eq!(region.fetch_at(&request, a).reason, "3 entries obtained, all here before");
}
