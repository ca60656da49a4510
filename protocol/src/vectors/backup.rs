//! `backup/statements.json`: a receipt, an order to delete, and the receipt of a deletion.

use super::people::{HOSPITAL, NOW, PROVIDER, signed};
use crate::backup::{self, DeleteOrder, Deletion, Message, Receipt, ReceiptObject};
use crate::codec::{Encoder, Wire};
use crate::crypto::SigningKey;
use crate::id::{EntryId, ObjectId, PartyId, SessionId};
use crate::identity::Role;
use crate::refusal::Failure;
use crate::statement::{Signed, Statement, Unverified};
use crate::store::Memory;
use crate::time::{DAY_MS, Timestamp};
use crate::turn::{Feature as _, Sender};
use rand_chacha::rand_core::SeedableRng;
use serde_json::json;

/// [BAK-1], [BAK-3].
#[test]
fn receipts_and_orders_are_statements() {
    let (patient, entry) = (PartyId([7; 32]), EntryId([0xe1; 16]));
    let receipt = Receipt {
        holder: PROVIDER.id(),
        key: 0,
        reservation: [0xf1; 16],
        owner: patient,
        objects: vec![ReceiptObject { entry, object: ObjectId([0x0b; 32]), length: 1104 }],
        at: NOW,
        keep_until: None,
        sessions: vec![SessionId([0x5e; 16])],
    };
    let order = DeleteOrder {
        owner: HOSPITAL.id(),
        key: 0,
        holder: PROVIDER.id(),
        entries: vec![entry, EntryId([0xe2; 16])],
        at: NOW,
        nonce: [0x0d; 16],
    };
    let (order_bytes, order_id) = signed(order, &HOSPITAL.signing());
    let deletion = Deletion {
        holder: PROVIDER.id(),
        key: 0,
        order: order_id,
        deleted: vec![entry],
        unknown: vec![EntryId([0xe2; 16])],
        at: NOW,
    };
    let (receipt_bytes, receipt_id) = signed(receipt, &PROVIDER.signing());
    let (deletion_bytes, deletion_id) = signed(deletion, &PROVIDER.signing());
    let public = |who: &super::people::Institution| super::people::hex(&who.signing().public().0);
    let made = json!([
        { "name": "receipt", "why": "what is kept, and for whom", "type": "receipt",
          "domain": Receipt::DOMAIN, "public": public(&PROVIDER), "statement": receipt_bytes, "id": receipt_id },
        { "name": "delete", "why": "the owner's word", "type": "delete-order",
          "domain": DeleteOrder::DOMAIN, "public": public(&HOSPITAL), "statement": order_bytes, "id": order_id },
        { "name": "deletion", "why": "names the order that it answers", "type": "deletion",
          "domain": Deletion::DOMAIN, "public": public(&PROVIDER), "statement": deletion_bytes, "id": deletion_id },
    ]);
    super::check("backup", "statements", &made);
}

/// What the provider says to an order of the hospital, and how many refusals it puts on record.
fn ordered(order: DeleteOrder, by: &SigningKey) -> (Result<Deletion, String>, usize) {
    let peer = PROVIDER.peer("Backup Provider", Role::Backup);
    let (mut txn, mut rng) = (Memory::default(), rand_chacha::ChaCha20Rng::from_seed([1; 32]));
    let keys = crate::directory::learn_keys(&mut txn, HOSPITAL.log()).unwrap();
    let mut ctx = peer.context(NOW, &mut txn, &mut rng, None);
    let sender = Sender {
        institution: HOSPITAL.id(),
        keys,
        node: HOSPITAL.node(),
        member: true,
        relay_of: None,
        introduced: false,
        proof: None,
        request_hash: [0; 32],
        nonce: [0; 16],
    };
    let mut message = Encoder::default();
    message.array(2);
    message.uint(4);
    message.map(1);
    message.uint(1);
    message.bytes(Signed::sign(order, by).bytes());
    let message = Message::from_bytes(&message.into_bytes(), 10_000).unwrap();
    let answer = match backup::Machine::receive(&mut ctx, &sender, message) {
        Ok(answer) => Ok(Unverified::<Deletion>::parse(&answer.0).unwrap().claims().clone()),
        Err(Failure::Refused(refusal)) => Err(refusal.to_string()),
        Err(Failure::Store(error)) => panic!("{error}"),
    };
    (answer, ctx.lines_if_refused.len())
}

/// [BAK-2].
#[test]
fn only_the_owners_fresh_word_to_this_holder_deletes() {
    let order = |at: u64, holder| DeleteOrder {
        owner: HOSPITAL.id(),
        key: 0,
        holder,
        entries: vec![EntryId([0xe1; 16])],
        at: Timestamp(at),
        nonce: [0x0d; 16],
    };
    let (here, key) = (PROVIDER.id(), HOSPITAL.signing());
    for at in [NOW.0, NOW.0 - DAY_MS, NOW.0 + 120_000] {
        let (answer, lines) = ordered(order(at, here), &key);
        assert_eq!((answer.unwrap().unknown, lines), (vec![EntryId([0xe1; 16])], 0));
    }
    for (order, by, part) in [
        (order(NOW.0, here), PROVIDER.signing(), "current key"),
        (DeleteOrder { key: 1, ..order(NOW.0, here) }, HOSPITAL.next(), "current key"),
        (order(NOW.0, HOSPITAL.id()), HOSPITAL.signing(), "another holder"),
        (order(NOW.0 - DAY_MS - 1, here), HOSPITAL.signing(), "not of today"),
        (order(NOW.0 + 120_001, here), HOSPITAL.signing(), "not of today"),
    ] {
        let (answer, lines) = ordered(order, &by);
        let text = answer.unwrap_err();
        assert!(text.contains(part) && lines == 1, "{text}");
    }
}
