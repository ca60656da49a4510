//! Depositaries and depositors that lie, err, or lose things.

mod answers;
mod losses;
mod offers;
mod receipts;
mod strangers;

use chartmesh_protocol::backup::{self, Message, Offer};
use chartmesh_protocol::id::{ObjectId, PartyId};
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, ask};
use chartmesh_protocol::record::Bundle;
use chartmesh_protocol::refusal::Refusal;
use chartmesh_scenarios::{Region, Who};

/// A has all that it made of the patient kept, for itself.
pub(crate) fn keep(region: &mut Region) -> Vec<[u8; 16]> {
    region.keep(None).unwrap().deposits.iter().map(|id| deposit_id(id)).collect()
}

pub(crate) fn deposit_id(hex: &str) -> [u8; 16] {
    u128::from_str_radix(hex, 16).unwrap().to_be_bytes()
}

/// A gets back what the provider keeps for it.
pub(crate) fn restore(region: &mut Region) {
    let holder = region.world.id(region.provider);
    let restore = backup::command::Restore { holder, subject: None };
    region.world.ask(region.a, restore, None).unwrap();
    region.world.advance(60_000);
}

/// Says something about backups to the provider, as a dishonest program would.
pub(crate) fn say(region: &mut Region, from: Who, message: Message) -> Result<Vec<u8>, Refusal> {
    let (to, body) = (region.provider, Body::Backup(message));
    match region.world.say(from, to, &body, None, |_| None).unwrap() {
        OutcomeResult::Done(answer) => Ok(answer.0),
        OutcomeResult::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn bundle(region: &Region, at: Who, title: &str) -> Bundle {
    let party = &region.world.parties[at.0];
    party.peer.bundle(&party.store, region.patient, region.entry(title)).unwrap()
}

pub(crate) fn offer(owner: PartyId, bundles: Vec<Bundle>) -> Offer {
    Offer {
        reservation: [9; 16],
        owner,
        bundles,
        permission: None,
        authors: vec![],
        patient: None,
        sessions: vec![],
    }
}

/// An offer with the sessions that A has.
pub(crate) fn with_sessions(region: &Region, offer: Offer) -> Offer {
    let party = &region.world.parties[region.a.0];
    let sessions = party.peer.sessions(&party.store, &offer.bundles).unwrap();
    Offer { sessions, ..offer }
}

pub(crate) fn offered(region: &mut Region, from: Who, offer: Offer) -> Result<Vec<u8>, Refusal> {
    let offer = with_sessions(region, offer);
    say(region, from, Message::Offer(offer))
}

/// The large content object of the endoscopy.
pub(crate) fn large(region: &Region) -> ObjectId {
    bundle(region, region.a, "endoscopy").contents.iter().max_by_key(|c| c.length).unwrap().object
}

pub(crate) fn kept_elsewhere(region: &Region, at: Who) -> usize {
    let kept = region.world.all(at, ask::Kept::default(), None).unwrap();
    kept.iter().filter(|kept| kept.holder == region.world.id(region.provider)).count()
}

/// The messages that went over the wire, the newest first, and who sent them.
pub(crate) fn bodies(region: &Region) -> impl Iterator<Item = (Who, Body)> {
    region.world.said().rev().map(|(from, _, body)| (from, body))
}
