//! `backup/statements.json`: a receipt, an order to delete, and the receipt of a deletion.

use super::people::{HOSPITAL, NOW, PROVIDER, signed};
use crate::backup::{DeleteOrder, Deletion, Receipt, ReceiptObject};
use crate::id::{EntryId, ObjectId, PartyId};
use crate::statement::Statement;
use serde_json::json;

/// [BAK-3], [BAK-5], [BAK-6].
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
