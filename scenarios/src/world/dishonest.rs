//! What dishonest parties and failing disks do.

use super::state::{Lie, Otherwise, World};
use super::wire::body_of;
use crate::party::Who;
use chartmesh_protocol::capability::Proof;
use chartmesh_protocol::codec::{Bytes, Wire};
use chartmesh_protocol::id::{ObjectId, StatementId, StreamId};
use chartmesh_protocol::message::{Envelope, MessageId, Outcome, OutcomeResult};
use chartmesh_protocol::peer::{Body, DeliveryFailure, Event};
use chartmesh_protocol::statement::{Signed, Unverified};

impl World {
    pub(super) fn lied(&self, target: Who, reply: &[u8], lie: &Lie) -> Vec<u8> {
        let honest = Unverified::<Outcome>::parse(reply).expect("an outcome is well formed");
        let mut outcome = honest.claims().clone();
        if let OutcomeResult::Done(answer) = &mut outcome.result {
            *answer = Bytes(lie(answer.0.clone()));
        }
        Signed::sign(outcome, &self.parties[target.0].node_key).bytes().to_vec()
    }

    /// What the far side answers instead, signed by its node.
    pub(super) fn otherwise(&mut self, target: Who, message: &[u8], reply: Vec<u8>) -> Vec<u8> {
        let Some(otherwise) = &mut self.answer_otherwise else { return reply };
        let body = body_of(message);
        let outcome = Unverified::<Outcome>::parse(&reply).expect("an outcome is well formed");
        let OutcomeResult::Done(honest) = &outcome.claims().result else { return reply };
        let answer = match otherwise(&body, &honest.0) {
            Some(Otherwise::Answer(answer)) => answer,
            Some(Otherwise::Bytes(bytes)) => return bytes,
            None => return reply,
        };
        let result = OutcomeResult::Done(Bytes(answer));
        let outcome = Outcome { result, ..outcome.claims().clone() };
        Signed::sign(outcome, &self.parties[target.0].node_key).bytes().to_vec()
    }

    /// What a party answers, if it lies.
    pub(super) fn told(&self, who: Who, reply: Vec<u8>) -> Vec<u8> {
        let Some(lie) = self.lies.get(&who) else { return reply };
        let honest = Unverified::<Outcome>::parse(&reply).expect("an outcome is well formed");
        let outcome = Outcome { result: lie.clone(), ..honest.claims().clone() };
        Signed::sign(outcome, &self.parties[who.0].node_key).bytes().to_vec()
    }

    /// A disk of a party loses an object, or damages it; the party notices.
    pub fn lose(&mut self, who: Who, object: ObjectId, damaged: bool) {
        self.parties[who.0].objects.remove(&object);
        let lost = vec![chartmesh_protocol::holdings::Lost { object, damaged }];
        self.event(who, Event::Checked { lost, found: Vec::new() });
        self.settle();
    }

    /// Has a party's node say something to another as if it were next in a new stream of messages: a
    /// dishonest institution's program. `proof` may alter the proof of possession for `leaf`, or leave
    /// it out.
    ///
    /// # Errors
    /// [`DeliveryFailure`] when the other does not take it.
    pub fn say(
        &mut self,
        from: Who,
        target: Who,
        body: &Body,
        leaf: Option<StatementId>,
        proof: impl FnOnce(Proof) -> Option<Proof>,
    ) -> Result<OutcomeResult, DeliveryFailure> {
        self.say_in((1, 0), from, target, body, leaf, proof)
    }

    /// The same, as message `number` of a stream of whose outcomes it has so many.
    ///
    /// # Errors
    /// [`DeliveryFailure`] when the other does not take it.
    pub fn say_in(
        &mut self,
        (number, acknowledged): (u64, u64),
        from: Who,
        target: Who,
        body: &Body,
        leaf: Option<StatementId>,
        proof: impl FnOnce(Proof) -> Option<Proof>,
    ) -> Result<OutcomeResult, DeliveryFailure> {
        if !self.reachable(from, target) || !self.connect(from, target) {
            return Err(DeliveryFailure::GateClosed);
        }
        let to = self.id(target);
        let target_node = self.parties[target.0].peer.node();
        let now = self.clock(from);
        let party = &mut self.parties[from.0];
        let Some(nonce) = party.agenda.their_nonce(target_node) else {
            return Err(DeliveryFailure::GateClosed);
        };
        let bytes = body.to_bytes();
        let honest = leaf.map(|leaf| Proof {
            leaf,
            request: blake3::hash(&bytes).into(),
            verifier: to,
            nonce,
        });
        let stream = StreamId(chartmesh_protocol::crypto::random(&mut party.rng));
        let envelope = Envelope {
            id: MessageId { sender: party.peer.me(), stream, number },
            to,
            sent: now,
            acknowledged,
            node: party.peer.node(),
            nonce,
            body: Bytes(bytes),
            proof: honest
                .and_then(proof)
                .map(|proof| Signed::sign(proof, &party.node_key).to_unverified()),
        };
        let bytes = Signed::sign(envelope, &party.node_key).bytes().to_vec();
        self.last_said = Some(bytes.clone());
        let reply = self.inject(from, target, &bytes)?;
        self.settle();
        let outcome = Unverified::<Outcome>::parse(&reply).expect("an outcome is well formed");
        Ok(outcome.claims().result.clone())
    }
}
