//! What a depositary answers.

use chartmesh_protocol::backup::{self, DeleteOrder, Deletion, Execute, FetchAnswer, Message};
use chartmesh_protocol::codec::{Bytes, Wire};
use chartmesh_protocol::id::{StatementId, TicketId};
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::Body;
use chartmesh_protocol::statement::{Signed, Unverified};
use chartmesh_scenarios::{Region, body_of};

use crate::{keep, kept_elsewhere, restore};

/// Answers that are no answers: nothing, cut off, of another type, without end.
pub(crate) fn garbage() -> Vec<Vec<u8>> {
    let other = Execute { reservation: [1; 16], ticket: TicketId([2; 16]) };
    let more =
        FetchAnswer { bundles: vec![], ticket: TicketId([0; 16]), next: None, sessions: vec![] };
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
        let delete = backup::command::Delete { patient: None, holder, entries: vec![entry] };
        region.world.ask(region.a, delete, None).unwrap();
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
    let delete = backup::command::Delete { patient: None, holder, entries };
    region.world.ask(a, delete, None).unwrap();
    region.world.cut.clear();
    let party = &region.world.parties[a.0];
    let next = party.peer.next_delivery(&party.store, region.world.now, holder).unwrap().unwrap();
    let bytes = party.peer.compose(&party.store, holder, next.number, [0; 16]).unwrap().unwrap();
    match body_of(&bytes) {
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
