//! What a receipt says, and who believes it.

use chartmesh_protocol::backup::{self, Message, Receipt, ReceiptObject, Stored};
use chartmesh_protocol::consent::{self, RequestState, Wish};
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::Body;
use chartmesh_protocol::refusal::RefusalCode;
use chartmesh_protocol::statement::Signed;
use chartmesh_protocol::time::DAY_MS;
use chartmesh_scenarios::{Region, Who};
use std::collections::BTreeSet;

use crate::{bodies, bundle, deposit_id, keep, kept_elsewhere};

/// An honest receipt for a deposit, to be altered.
fn receipt(region: &Region, deposit: [u8; 16]) -> Receipt {
    let (mut objects, mut sessions) = (Vec::new(), BTreeSet::new());
    for title in ["before enrolment", "blood count", "endoscopy"] {
        let (entry, bundle) = (region.entry(title), bundle(region, region.a, title));
        sessions.extend(bundle.label.claims().sealed.map(|sealed| sealed.session));
        let object = bundle.label.claims().manifest;
        objects.push(ReceiptObject { entry, object, length: bundle.manifest.0.len() as u64 });
        objects.extend(bundle.contents.iter().map(|content| ReceiptObject {
            entry,
            object: content.object,
            length: content.length,
        }));
    }
    Receipt {
        holder: region.world.id(region.provider),
        key: 0,
        reservation: deposit,
        owner: region.world.id(region.a),
        objects,
        at: region.world.now,
        keep_until: None,
        sessions: sessions.into_iter().collect(),
    }
}

#[test]
fn a_receipt_counts_only_if_it_covers_every_object_with_its_length() {
    let mut region = Region::found(1);
    // The provider is ready and pulls nothing: it cannot reach A, which can reach it.
    let at = region.world.now.plus_ms(DAY_MS);
    let view = region.keep(Some(at)).unwrap();
    let deposit = deposit_id(&view.deposits[0]);
    let honest = receipt(&region, deposit);
    let without = |at: usize| {
        let mut objects = honest.objects.clone();
        objects.remove(at);
        Receipt { objects, ..honest.clone() }
    };
    let longer = |at: usize| {
        let mut objects = honest.objects.clone();
        objects[at].length += 1;
        Receipt { objects, ..honest.clone() }
    };
    let mut bad: Vec<Receipt> = (0..honest.objects.len()).map(without).collect();
    bad.extend((0..honest.objects.len()).map(longer));
    bad.push(Receipt { objects: vec![], ..honest.clone() });
    bad.push(Receipt { sessions: vec![], ..honest.clone() });
    bad.push(Receipt { owner: region.patient, ..honest.clone() });
    bad.push(Receipt { holder: region.world.id(region.b), ..honest.clone() });
    bad.push(Receipt { reservation: [0; 16], ..honest.clone() });
    bad.push(Receipt { key: 1, ..honest.clone() });
    let (a, provider) = (region.a, region.provider);
    let stored = |region: &mut Region, signer: Who, from: Who, receipt: Receipt| {
        let signed = Signed::sign(receipt, &region.world.parties[signer.0].institution_key);
        let stored =
            Stored { reservation: deposit, receipt: signed.to_unverified(), except: vec![] };
        let body = Body::Backup(Message::Stored(stored));
        region.world.say(from, a, &body, None, |_| None).unwrap()
    };
    for receipt in bad {
        let outcome = stored(&mut region, provider, provider, receipt.clone());
        let OutcomeResult::Refused(refusal) = outcome else { panic!("believed: {receipt:?}") };
        assert_eq!(refusal.code, RefusalCode::NotAuthentic);
    }
    let b = region.b;
    for (signer, from) in [(b, b), (b, provider), (provider, b)] {
        let outcome = stored(&mut region, signer, from, honest.clone());
        assert!(matches!(outcome, OutcomeResult::Refused(_)), "{outcome:?}");
    }
    assert_eq!(kept_elsewhere(&region, a), 0);
    let outcome = stored(&mut region, provider, provider, honest.clone());
    assert!(matches!(outcome, OutcomeResult::Done(_)), "{outcome:?}");
    assert_eq!(kept_elsewhere(&region, a), 3);
    // Said again and again, it sets nothing off.
    region.world.record_wire = true;
    for _ in 0..3 {
        region.world.now = region.world.now.plus_ms(1);
        let outcome = stored(&mut region, provider, provider, honest.clone());
        assert!(matches!(outcome, OutcomeResult::Done(_)), "{outcome:?}");
    }
    assert!(region.world.said().all(|(from, ..)| from != a));
}

#[test]
fn a_hospitals_own_backup_is_known_to_the_patient_and_serves_others_while_the_hospital_is_off() {
    let mut region = Region::found(1);
    keep(&mut region);
    let provider = region.world.id(region.provider);
    assert_eq!(kept_elsewhere(&region, region.relay), 3, "the relay has the receipts");
    let known = region.entries(region.relay, true);
    assert!(known.iter().all(|entry| entry.holders.contains(&provider)));
    let request = region.refer(&Wish::default());
    region.approve(&request, "{}").unwrap();
    region.world.switch(region.a, false);
    let done = region.fetch(&request);
    assert_eq!((done.state, done.reason.as_str()), (RequestState::Done, "3 entries obtained"));
    // What the patient takes back, the provider hears from the patient's relay.
    let tokens = region.tokens(&request);
    region.revoke(tokens);
    let refused = region.fetch(&request);
    assert_eq!(refused.state, RequestState::Failed);
    assert!(region.reasons(region.provider).contains(&"revoked".to_owned()));
    // And when the hospital has its backup deleted, the patient hears of that.
    region.world.switch(region.a, true);
    let entry = region.entry("endoscopy");
    let delete = backup::command::Delete { patient: None, holder: provider, entries: vec![entry] };
    region.world.ask(region.a, delete, None).unwrap();
    region.world.advance(60_000);
    let known = region.entries(region.relay, true);
    let held = known.iter().filter(|entry| entry.holders.contains(&provider)).count();
    assert_eq!(held, 2);
}

#[test]
fn an_order_is_done_when_the_depositarys_receipt_says_so_and_not_before() {
    let mut region = Region::found(1);
    let at = region.world.now.0 + DAY_MS;
    let order = region.upload_at(Some(at)).unwrap();
    let (a, relay, provider) = (region.a, region.relay, region.provider);
    // `OrderState`, `done`, as the wire has it: the hospital says so before anything was pulled.
    let done = consent::OrderState {
        request: order.request,
        patient: region.patient,
        state: RequestState::Done,
        why: None,
    };
    let done = Body::Consent(consent::Message::OrderState(done));
    let outcome = region.world.say(a, relay, &done, None, |_| None).unwrap();
    let OutcomeResult::Refused(refusal) = outcome else { panic!("believed: {outcome:?}") };
    assert_eq!(refusal.code, RefusalCode::NotAuthentic);
    // Nor does a receipt help that the hospital signed itself, or one of another's.
    region.world.record_wire = true;
    let deposit = keep(&mut region)[0];
    let told = bodies(&region).find_map(|(_, body)| match body {
        Body::Backup(Message::Kept(kept)) => Some(kept),
        _ => None,
    });
    let honest = told.expect("A told the relay");
    assert_eq!(honest.receipt.claims().reservation, deposit);
    let forged = Receipt { owner: region.patient, ..honest.receipt.claims().clone() };
    let b = region.world.id(region.b);
    let lies = [
        (a, forged.clone()),
        (provider, Receipt { holder: b, ..forged.clone() }),
        (provider, Receipt { owner: b, ..forged.clone() }),
        (provider, Receipt { objects: forged.objects[1..].to_vec(), ..forged.clone() }),
    ];
    for (signer, receipt) in lies {
        let key = &region.world.parties[signer.0].institution_key;
        let receipt = Signed::sign(receipt, key).to_unverified();
        let kept = Body::Backup(Message::Kept(backup::Kept { receipt, ..honest.clone() }));
        let outcome = region.world.say(a, relay, &kept, None, |_| None).unwrap();
        assert!(matches!(outcome, OutcomeResult::Refused(_)), "believed: {outcome:?}");
    }
    // And from an institution that the patient does not deal with, not even a good one.
    let outcome =
        region.world.say(region.b, relay, &Body::Backup(Message::Kept(honest)), None, |_| None);
    assert!(!matches!(outcome, Ok(OutcomeResult::Done(_))), "{outcome:?}");
    assert!(matches!(
        region.world.say(a, relay, &done, None, |_| None).unwrap(),
        OutcomeResult::Refused(_)
    ));
    assert_eq!(region.request(relay, &order).state, RequestState::Ready);
    region.world.advance(DAY_MS);
    assert_eq!(region.request(relay, &order).state, RequestState::Done);
    assert_eq!(kept_elsewhere(&region, relay), 6, "three for the patient, three for A");
}
