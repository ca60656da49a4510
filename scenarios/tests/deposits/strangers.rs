//! What is another's.

use chartmesh_protocol::backup::{self, DeleteOrder, Deletion, Fetch, FetchAnswer, Message};
use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::peer::{Body, DeliveryFailure};
use chartmesh_protocol::refusal::RefusalCode;
use chartmesh_protocol::statement::{Signed, Unverified};
use chartmesh_scenarios::Region;

use crate::{bundle, keep, offer, offered, say};

#[test]
fn nobody_deposits_for_fetches_or_deletes_what_belongs_to_another() {
    let mut region = Region::found(1);
    keep(&mut region);
    let (a, b, patient) = (region.a, region.b, region.patient);
    let (own, theirs) = (region.world.id(a), region.world.id(b));
    let good = bundle(&region, a, "endoscopy");

    // Deposits for another: a hospital's, the patient's, or of another's entries for oneself.
    for (from, owner) in [(a, theirs), (a, patient), (b, theirs), (b, own)] {
        let refusal = offered(&mut region, from, offer(owner, vec![good.clone()])).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::NotPermitted, "{refusal}");
    }

    // Nobody gets another's: a fetch has no owner to name but the sender.
    let fetch = Fetch { restore: [1; 16], subject: Some(patient), after: None };
    let answer = say(&mut region, b, Message::Fetch(fetch)).unwrap();
    assert!(FetchAnswer::from_bytes(&answer, usize::MAX).unwrap().bundles.is_empty());

    // Deletions: signed by another, of another owner, for another holder, old, of tomorrow.
    let entry = region.entry("endoscopy");
    let holder = region.world.id(region.provider);
    let now = region.world.now;
    let order =
        DeleteOrder { owner: own, key: 0, holder, entries: vec![entry], at: now, nonce: [1; 16] };
    let orders = [
        (b, order.clone()),
        (b, DeleteOrder { owner: patient, ..order.clone() }),
        (a, DeleteOrder { holder: theirs, ..order.clone() }),
        (a, DeleteOrder { key: 1, ..order.clone() }),
        (a, DeleteOrder { at: now.plus_ms(121_000), ..order.clone() }),
    ];
    for (signer, order) in orders {
        let order = Signed::sign(order, &region.world.parties[signer.0].institution_key);
        let delete = backup::Delete { order: order.to_unverified() };
        let refusal = say(&mut region, signer, Message::Delete(delete)).unwrap_err();
        assert!(
            matches!(refusal.code, RefusalCode::NotAuthentic | RefusalCode::Expired),
            "{}",
            refusal.to_string()
        );
    }
    // B's own order, well signed, about entries of A: they are not B's to delete. Nor is A's order,
    // which A addressed to this holder, of any use to B.
    for signer in [b, a] {
        let owner = region.world.id(signer);
        let order = DeleteOrder { owner, ..order.clone() };
        let order = Signed::sign(order, &region.world.parties[signer.0].institution_key);
        let delete = backup::Delete { order: order.to_unverified() };
        let answer = say(&mut region, b, Message::Delete(delete)).unwrap();
        let deletion = Unverified::<Deletion>::parse(&answer).unwrap();
        assert!(deletion.claims().deleted.is_empty());
        assert_eq!(deletion.claims().order, order.id(), "[BAK-3]");
    }
    let kept = region.entries(region.provider, false);
    assert_eq!((kept.len(), kept.iter().all(|entry| entry.whole)), (3, true));
}

#[test]
fn an_expelled_hospital_gets_nothing_back_and_a_stranger_is_not_heard() {
    let mut region = Region::found(1);
    keep(&mut region);
    let (a, b, provider) = (region.a, region.b, region.provider);
    let stranger = region.world.add(chartmesh_protocol::identity::Role::Hospital, "Stranger");
    for member in [b, provider] {
        region.world.expel(member, a).unwrap();
    }
    let fetch =
        || Body::Backup(Message::Fetch(Fetch { restore: [1; 16], subject: None, after: None }));
    for who in [a, stranger] {
        let said = region.world.say(who, provider, &fetch(), None, |_| None);
        assert!(matches!(said, Err(DeliveryFailure::GateClosed)), "{said:?}");
    }
}
