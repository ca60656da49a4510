//! Depositaries and depositors that lie, err, or lose things.

use chartmesh_protocol::backup::{
    self, DeleteOrder, Deletion, Execute, Fetch, FetchAnswer, Message, Offer, OfferPermission,
    Receipt, ReceiptObject, Stored,
};
use chartmesh_protocol::capability::{
    Chain, Confirmation, Operation, Operations, Parties, Purpose, Scope, Token,
};
use chartmesh_protocol::codec::{Bytes, Wire};
use chartmesh_protocol::consent::{self, ReadAnswer, RequestState, Wish};
use chartmesh_protocol::id::{ObjectId, PartyId, StatementId, TicketId, TokenId};
use chartmesh_protocol::message::{Envelope, OutcomeResult};
use chartmesh_protocol::peer::{Body, Command, DeliveryFailure, Query, View};
use chartmesh_protocol::record::{Bundle, Kind};
use chartmesh_protocol::refusal::{Refusal, RefusalCode};
use chartmesh_protocol::statement::{Signed, Unverified};
use chartmesh_protocol::time::DAY_MS;
use chartmesh_scenarios::{Region, Who};

fn keep(region: &mut Region) -> Vec<[u8; 16]> {
    let keep = backup::Command::Keep {
        holder: region.world.id(region.provider),
        subject: region.patient,
        entries: vec![],
        for_patient: false,
        not_before: None,
    };
    match region.world.ask(region.a, Command::Backup(keep), None).unwrap() {
        View::Deposit(view) => view.deposits.iter().map(|id| deposit_id(id)).collect(),
        other => panic!("{other:?}"),
    }
}

fn deposit_id(hex: &str) -> [u8; 16] {
    u128::from_str_radix(hex, 16).unwrap().to_be_bytes()
}

fn restore(region: &mut Region) {
    let holder = region.world.id(region.provider);
    let restore = backup::Command::Restore { holder, subject: None };
    region.world.ask(region.a, Command::Backup(restore), None).unwrap();
    region.world.advance(60_000);
}

/// Says something about backups to the provider, as a dishonest program would.
fn say(region: &mut Region, from: Who, message: Message) -> Result<Vec<u8>, Refusal> {
    let (to, body) = (region.provider, Body::Backup(message));
    match region.world.say(from, to, &body, None, |_| None).unwrap() {
        OutcomeResult::Done(answer) => Ok(answer.0),
        OutcomeResult::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

fn bundle(region: &Region, at: Who, title: &str) -> Bundle {
    let party = &region.world.parties[at.0];
    party.peer.bundle(&party.store, region.patient, region.entry(title)).unwrap()
}

fn offer(owner: PartyId, bundles: Vec<Bundle>) -> Offer {
    Offer { reservation: [9; 16], owner, bundles, permission: None, authors: vec![], patient: None }
}

fn offered(region: &mut Region, from: Who, offer: Offer) -> Result<Vec<u8>, Refusal> {
    say(region, from, Message::Offer(offer))
}

/// The large content object of the endoscopy.
fn large(region: &Region) -> ObjectId {
    bundle(region, region.a, "endoscopy").contents.iter().max_by_key(|c| c.length).unwrap().object
}

fn kept_elsewhere(region: &Region, at: Who) -> usize {
    match region.world.see(at, &Query::Kept { patient: None }, None) {
        Ok(View::Kept(kept)) => {
            kept.iter().filter(|kept| kept.holder == region.world.id(region.provider)).count()
        }
        other => panic!("{other:?}"),
    }
}

fn flip(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    bytes
}

/// A bundle altered in each of the ways that a holder without keys can notice.
fn altered(good: &Bundle) -> [(&'static str, Bundle); 3] {
    let mut contents = good.contents.clone();
    contents[0].length += 1;
    [
        (
            "label",
            Bundle { label: Unverified::parse(&flip(good.label.bytes())).unwrap(), ..good.clone() },
        ),
        ("contents", Bundle { contents, ..good.clone() }),
        ("manifest", Bundle { manifest: Bytes(flip(&good.manifest.0)), ..good.clone() }),
    ]
}

#[test]
fn an_altered_entry_is_kept_by_no_depositary_and_no_first_wrap_is_replaced() {
    let mut region = Region::found(1);
    let (a, own) = (region.a, region.world.id(region.a));
    let good = bundle(&region, a, "endoscopy");
    for (what, bad) in altered(&good) {
        let refusal = offered(&mut region, a, offer(own, vec![bad])).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::NotAuthentic, "{what}: {}", refusal.text);
    }
    assert!(region.entries(region.provider, false).is_empty(), "nothing of it was kept");
    keep(&mut region);
    let other = bundle(&region, a, "blood count");
    let swapped = Bundle { wrap: other.wrap, ..good.clone() };
    assert_ne!(swapped.wrap, good.wrap);
    offered(&mut region, a, offer(own, vec![swapped])).unwrap();
    assert_eq!(bundle(&region, region.provider, "endoscopy").wrap, good.wrap);
}

#[test]
fn an_altered_entry_is_taken_by_no_reader() {
    let mut region = Region::found(1);
    let request = region.permitted("{}");
    // The provider does not answer at first: so there is a read to ask it for an honest answer with.
    region.world.record_wire = true;
    let not_now = Refusal::new(RefusalCode::WrongState, "not now");
    region.world.lies.insert(region.provider, OutcomeResult::Refused(not_now));
    assert_eq!(region.fetch(&request).state, RequestState::Failed);
    region.world.lies.clear();
    let sent = region.world.wire.iter().rev().find_map(|(_, _, bytes)| {
        let envelope = Unverified::<Envelope>::parse(bytes).unwrap();
        match Body::from_bytes(&envelope.claims().body.0, usize::MAX).unwrap() {
            Body::Consent(consent::Message::Read(read)) => Some(read),
            _ => None,
        }
    });
    let read = sent.expect("B has asked");
    let leaf = read.chain.leaf().id();
    let body = Body::Consent(consent::Message::Read(read));
    let (b, provider) = (region.b, region.provider);
    let honest = match region.world.say(b, provider, &body, Some(leaf), Some).unwrap() {
        OutcomeResult::Done(answer) => ReadAnswer::from_bytes(&answer.0, usize::MAX).unwrap(),
        other => panic!("{other:?}"),
    };
    let at = honest.bundles.iter().position(|bundle| !bundle.contents.is_empty()).unwrap();
    for (what, bad) in altered(&honest.bundles[at]) {
        let mut answer = honest.clone();
        answer.bundles[at] = bad;
        let lie = OutcomeResult::Done(Bytes(answer.to_bytes()));
        region.world.lies.insert(provider, lie);
        let failed = region.fetch(&request);
        assert_eq!(failed.state, RequestState::Failed, "{what}");
        assert!(region.entries(b, false).is_empty(), "{what}: nothing of the page is taken");
    }
    for lie in garbage() {
        region.world.lies.insert(provider, OutcomeResult::Done(Bytes(lie)));
        assert_eq!(region.fetch(&request).state, RequestState::Failed);
    }
    region.world.lies.clear();
    assert_eq!(region.fetch(&request).state, RequestState::Done);
}

/// Answers that are no answers: nothing, cut off, of another type, without end.
fn garbage() -> Vec<Vec<u8>> {
    let other = Execute { reservation: [1; 16], ticket: TicketId([2; 16]) };
    let more = FetchAnswer { bundles: vec![], ticket: TicketId([0; 16]), next: None };
    let cut = more.to_bytes();
    vec![
        Vec::new(),
        vec![0xa3, 0x01],
        cut[..cut.len() - 1].to_vec(),
        [&cut[..], &[0]].concat(),
        other.to_bytes(),
        vec![0x5f; 100_000],
    ]
}

#[test]
fn answers_of_a_depositary_that_make_no_sense_change_nothing_and_end() {
    let mut region = Region::found(1);
    keep(&mut region);
    assert_eq!(kept_elsewhere(&region, region.a), 3);
    let (holder, entry) = (region.world.id(region.provider), region.entry("endoscopy"));
    for lie in garbage() {
        region.world.lies.insert(region.provider, OutcomeResult::Done(Bytes(lie)));
        // Each request once: what would have no end, `settle` would notice.
        restore(&mut region);
        let delete = backup::Command::Delete { patient: None, holder, entries: vec![entry] };
        region.world.ask(region.a, Command::Backup(delete), None).unwrap();
        keep(&mut region);
        region.world.advance(60_000);
        assert_eq!(kept_elsewhere(&region, region.a), 3, "no receipt, no deletion");
        let own = region.entries(region.a, false);
        assert_eq!((own.len(), own.iter().all(|entry| entry.whole)), (3, true));
    }
    region.world.lies.clear();
    restore(&mut region);
    assert_eq!(region.entries(region.a, false).len(), 3);
}

/// A orders the endoscopy to be deleted, and the provider gets to hear it only when the world goes on.
fn order_deletion(region: &mut Region) -> Unverified<DeleteOrder> {
    let (a, provider) = (region.a, region.provider);
    let holder = region.world.id(provider);
    let entries = vec![region.entry("endoscopy")];
    region.world.cut.insert((a, provider));
    let delete = backup::Command::Delete { patient: None, holder, entries };
    region.world.ask(a, Command::Backup(delete), None).unwrap();
    region.world.cut.clear();
    let party = &region.world.parties[a.0];
    let next = party.peer.next_delivery(&party.store, region.world.now, holder).unwrap().unwrap();
    let bytes = party.peer.compose(&party.store, holder, next.number, [0; 16]).unwrap().unwrap();
    let envelope = Unverified::<Envelope>::parse(&bytes).unwrap();
    match Body::from_bytes(&envelope.claims().body.0, usize::MAX).unwrap() {
        Body::Backup(Message::Delete(delete)) => delete.order,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_deletion_counts_when_its_holder_signed_that_it_answers_this_order() {
    let mut region = Region::found(1);
    keep(&mut region);
    let (a, b, provider) = (region.a, region.b, region.provider);
    let honest = Deletion {
        holder: region.world.id(provider),
        key: 0,
        order: StatementId([0; 32]),
        deleted: vec![region.entry("endoscopy"), region.entry("blood count")],
        unknown: vec![],
        at: region.world.now,
    };
    let other = region.world.id(b);
    for lie in 0..4 {
        let order = order_deletion(&mut region).id();
        let honest = Deletion { order, ..honest.clone() };
        let (signer, deletion) = match lie {
            0 => (b, honest),
            1 => (provider, Deletion { holder: other, ..honest }),
            2 => (provider, Deletion { order: StatementId([1; 32]), ..honest }),
            _ => (provider, honest),
        };
        let key = &region.world.parties[signer.0].institution_key;
        let answer = Bytes(Signed::sign(deletion, key).bytes().to_vec());
        region.world.lies.insert(provider, OutcomeResult::Done(answer));
        region.world.advance(600_000);
        // The last one is signed well: it counts for what was ordered, and for nothing else in it.
        assert_eq!(kept_elsewhere(&region, a), if lie < 3 { 3 } else { 2 }, "lie {lie}");
    }
}

#[test]
fn pulls_of_a_deposit_that_is_given_up_are_stopped() {
    let mut region = Region::found(1);
    let provider = region.provider;
    region.world.silent.insert(region.a);
    region.upload();
    let waiting = |region: &Region| match region.world.see(provider, &Query::Transfers, None) {
        Ok(View::Transfers(transfers)) => transfers,
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

/// The patient's permission for A to deposit the endoscopy at the provider, with a quota.
fn permission(region: &Region, bytes: u64) -> OfferPermission {
    let party = &region.world.parties[region.relay.0];
    let keys = &party.unlocked[&region.patient];
    let now = region.world.now.seconds();
    let token = Token {
        issuer: region.patient,
        subject: region.patient,
        audience: Parties::new([region.world.id(region.provider)]),
        expires: now + 3600,
        not_before: now,
        issued: now,
        id: TokenId([7; 16]),
        confirmation: Confirmation { grantee: region.world.id(region.a) },
        key: keys.number,
        parent: None,
        operations: Operations::of(&[Operation::Keep]),
        scope: Scope::of_entries([region.entry("endoscopy")]).unwrap(),
        quota: Some(bytes),
        purpose: Purpose::RecordsManagement,
        delegation: None,
        max_staleness: None,
    };
    OfferPermission {
        chain: Chain::root(&Signed::sign(token, &keys.signing)),
        log: party.peer.keys_of(&party.store, region.patient).unwrap().unwrap().log().clone(),
        ring: None,
        revocations: None,
    }
}

fn offer_under(region: &mut Region, quota: u64, reservation: [u8; 16]) -> OutcomeResult {
    let permission = permission(region, quota);
    let leaf = permission.chain.leaf().id();
    let offer = Offer {
        reservation,
        permission: Some(permission),
        ..offer(region.patient, vec![bundle(region, region.a, "endoscopy")])
    };
    let body = Body::Backup(Message::Offer(offer));
    let (a, provider) = (region.a, region.provider);
    region.world.say(a, provider, &body, Some(leaf), Some).unwrap()
}

#[test]
fn deposits_of_one_permission_stay_within_its_quota_and_give_back_what_they_did_not_use() {
    let mut region = Region::found(1);
    // The provider knows the patient, so that a refusal stands in the patient's log.
    region.upload();
    let bytes = bundle(&region, region.a, "endoscopy");
    let bytes =
        bytes.manifest.0.len() as u64 + bytes.contents.iter().map(|c| c.length).sum::<u64>();
    let refused = |outcome: OutcomeResult| match outcome {
        OutcomeResult::Refused(refusal) => refusal.text,
        other => panic!("over the quota: {other:?}"),
    };
    let text = refused(offer_under(&mut region, bytes - 1, [1; 16]));
    assert!(text.starts_with("quota-exceeded"), "{text}");
    assert!(matches!(offer_under(&mut region, bytes, [2; 16]), OutcomeResult::Done(_)));
    let text = refused(offer_under(&mut region, bytes, [3; 16]));
    assert!(text.starts_with("quota-exceeded"), "{text}: both together are over it");
    assert!(region.reasons(region.provider).contains(&"quota-exceeded".to_owned()));
    // Its data never come: after a week the place is given up, and its bytes count no more. The
    // permission has ended by then, so that only the account can be seen: a new one fits again.
    region.world.advance(8 * DAY_MS);
    assert!(matches!(offer_under(&mut region, bytes, [4; 16]), OutcomeResult::Done(_)));
}

#[test]
fn entries_of_an_author_whom_nobody_knows_are_not_kept() {
    let mut region = Region::found(1);
    let stranger = region.world.add(chartmesh_protocol::identity::Role::Hospital, "Stranger");
    let drafts = vec![region.world.draft(stranger, Kind::Reports, "theirs", &[b"x"])];
    let chart = chartmesh_protocol::record::Command::NewChart {
        name: "Nobody".into(),
        identifiers: vec![],
    };
    let subject = match region.world.ask(stranger, Command::Record(chart), None).unwrap() {
        View::Chart(chart) => chart.subject,
        other => panic!("{other:?}"),
    };
    region.world.record(stranger, subject, drafts).unwrap();
    let party = &region.world.parties[stranger.0];
    let entries = match party.peer.query(
        &party.store,
        region.world.now,
        &Query::Entries { subject, find: None },
        None,
    ) {
        Ok(View::Entries(entries)) => entries,
        other => panic!("{other:?}"),
    };
    let theirs = party.peer.bundle(&party.store, subject, entries[0].entry).unwrap();
    let (a, own) = (region.a, region.world.id(region.a));
    let refusal = offered(&mut region, a, offer(own, vec![theirs])).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::NotAuthentic);
    assert!(refusal.text.contains("is not known"), "{}", refusal.text);
}

#[test]
fn nobody_deposits_for_fetches_or_deletes_what_is_anothers() {
    let mut region = Region::found(1);
    keep(&mut region);
    let (a, b, patient) = (region.a, region.b, region.patient);
    let (own, theirs) = (region.world.id(a), region.world.id(b));
    let good = bundle(&region, a, "endoscopy");

    // Deposits for another: a hospital's, the patient's, or of another's entries for oneself.
    for (from, owner) in [(a, theirs), (a, patient), (b, theirs), (b, own)] {
        let refusal = offered(&mut region, from, offer(owner, vec![good.clone()])).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::NotPermitted, "{}", refusal.text);
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
            refusal.text
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

/// An honest receipt for a deposit, to be altered.
fn receipt(region: &Region, deposit: [u8; 16]) -> Receipt {
    let mut objects = Vec::new();
    for title in ["before enrolment", "blood count", "endoscopy"] {
        let (entry, bundle) = (region.entry(title), bundle(region, region.a, title));
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
    }
}

#[test]
fn a_receipt_counts_only_if_it_covers_every_object_with_its_length() {
    let mut region = Region::found(1);
    // The provider is ready and pulls nothing: it cannot reach A, which can reach it.
    let at = region.world.now.plus_ms(DAY_MS);
    let keep = backup::Command::Keep {
        holder: region.world.id(region.provider),
        subject: region.patient,
        entries: vec![],
        for_patient: false,
        not_before: Some(at),
    };
    let View::Deposit(view) = region.world.ask(region.a, Command::Backup(keep), None).unwrap()
    else {
        panic!("no deposit")
    };
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
    bad.push(Receipt { owner: region.patient, ..honest.clone() });
    bad.push(Receipt { holder: region.world.id(region.b), ..honest.clone() });
    bad.push(Receipt { reservation: [0; 16], ..honest.clone() });
    bad.push(Receipt { key: 1, ..honest.clone() });
    let (a, provider) = (region.a, region.provider);
    let stored = |region: &mut Region, signer: Who, from: Who, receipt: Receipt| {
        let signed = Signed::sign(receipt, &region.world.parties[signer.0].institution_key);
        let stored = Stored { reservation: deposit, receipt: signed.to_unverified() };
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
    // While A does not answer, a new deposit of the same gets no receipt.
    let receipts =
        |region: &Region| region.world.wire.iter().filter(|(from, _, _)| *from == provider).count();
    region.world.record_wire = true;
    let original = region.world.parties[a.0].objects.remove(&object).unwrap();
    keep(&mut region);
    region.world.advance(60_000);
    assert_eq!(whole(&region, provider), 2);
    let said: Vec<_> = region.world.wire.iter().filter(|(from, _, _)| *from == provider).collect();
    assert!(!said.is_empty(), "it gave the deposit up, and said so");
    for (_, _, bytes) in said {
        let envelope = Unverified::<Envelope>::parse(bytes).unwrap();
        let body = Body::from_bytes(&envelope.claims().body.0, usize::MAX).unwrap();
        assert!(
            !matches!(body, Body::Backup(Message::Stored(_))),
            "a receipt for what is not here"
        );
    }
    // With the object at hand again, keeping heals the depositary, and a receipt comes.
    region.world.parties[a.0].objects.insert(object, original);
    let before = receipts(&region);
    keep(&mut region);
    assert_eq!(whole(&region, provider), 3);
    assert!(receipts(&region) > before);
}

#[test]
fn what_a_disk_lost_is_not_served_and_comes_back_with_a_restore() {
    let mut region = Region::found(1);
    let request = region.permitted("{}");
    keep(&mut region);
    let (a, object) = (region.a, large(&region));
    region.world.lose(a, object, false);
    let entry = region.entry("endoscopy");
    let verify = |region: &Region| match region.world.see(
        region.a,
        &Query::Verify { subject: region.patient },
        None,
    ) {
        Ok(View::Verified(view)) => view,
        other => panic!("{other:?}"),
    };
    let found = verify(&region);
    assert_eq!((found.good, found.bad.len()), (2, 1));
    assert!(found.bad[0].contains(&object.to_string()), "{:?}", found.bad);
    assert_eq!(region.fetch_at(&request, a).reason, "2 entries obtained");
    assert!(region.entries(region.b, false).iter().all(|found| found.entry != entry));
    restore(&mut region);
    assert!(region.world.parties[a.0].objects.contains_key(&object));
    assert_eq!(verify(&region).good, 3);
    assert_eq!(region.fetch_at(&request, a).reason, "3 entries obtained");
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
    let delete = backup::Command::Delete { patient: None, holder: provider, entries: vec![entry] };
    region.world.ask(region.a, Command::Backup(delete), None).unwrap();
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
        reason: String::new(),
    };
    let done = Body::Consent(consent::Message::OrderState(done));
    let outcome = region.world.say(a, relay, &done, None, |_| None).unwrap();
    let OutcomeResult::Refused(refusal) = outcome else { panic!("believed: {outcome:?}") };
    assert_eq!(refusal.code, RefusalCode::NotAuthentic);
    // Nor does a receipt help that the hospital signed itself, or one of another's.
    region.world.record_wire = true;
    let deposit = keep(&mut region)[0];
    let told = region.world.wire.iter().find_map(|(_, _, bytes)| {
        let envelope = Unverified::<Envelope>::parse(bytes).unwrap();
        match Body::from_bytes(&envelope.claims().body.0, usize::MAX).unwrap() {
            Body::Backup(Message::Kept(kept)) => Some(kept),
            _ => None,
        }
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
