//! The doors of a party's node: people's in front, and what other nodes hand in.

use super::state::World;
use crate::driver::Driver as _;
use crate::party::Who;
use chartmesh_protocol::holdings::{NotSent, Transfer};
use chartmesh_protocol::id::{NodeId, PartyId};
use chartmesh_protocol::peer::{
    Asked, CheckedMessage, DeliveryFailure, Event, Listing, Question, ask, whole,
};
use chartmesh_protocol::record::view::VerifiedView;
use chartmesh_protocol::refusal::{Failure, Refusal};

impl World {
    /// Puts a party's clock right, and starts it again: with the operator's word that the time by which
    /// it has worked was wrong, or without.
    ///
    /// # Panics
    /// When storage fails, which in memory it does not.
    pub fn put_clock_right(&mut self, who: Who, accept: bool) {
        self.switch(who, false);
        let now = self.now;
        if accept {
            self.write(who, |peer, txn, _| peer.accept_clock(txn, now));
        }
        let party = &mut self.parties[who.0];
        // As the node's driver does: no earlier than the time that counts, and on from there.
        let time = party.peer.time(&party.store, now).expect("memory does not fail");
        party.ahead_ms = time.since(now);
        self.switch(who, true);
    }

    /// Asks a front door, settles, and gives the answer.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// When nothing answers.
    pub fn ask<A: Asked>(
        &mut self,
        who: Who,
        act: A,
        patient: Option<PartyId>,
    ) -> Result<A::Answer, Refusal> {
        let request = self.request();
        let keys = patient.and_then(|patient| self.parties[who.0].unlocked.get(&patient).cloned());
        self.event(who, Event::Command { request, command: Box::new(act.into()), keys });
        let answer = self.answers.remove(&request.0).expect("a command is answered at once");
        self.settle();
        answer.map(A::read)
    }

    /// Asks a front door to see something.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// When storage fails, which in memory it does not.
    pub fn see<Q: Question>(
        &self,
        who: Who,
        query: &Q,
        patient: Option<PartyId>,
    ) -> Result<Q::Answer, Refusal> {
        let party = &self.parties[who.0];
        let keys = patient.and_then(|patient| party.unlocked.get(&patient));
        match party.peer.query(&party.store, self.clock(who), query, keys) {
            Ok(view) => Ok(view),
            Err(Failure::Refused(refusal)) => Err(refusal),
            Err(Failure::Store(error)) => panic!("memory does not fail: {error}"),
        }
    }

    /// Asks a front door for all of a listing.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// As [`World::see`].
    pub fn all<L: Listing>(
        &self,
        who: Who,
        listing: L,
        patient: Option<PartyId>,
    ) -> Result<Vec<L::Item>, Refusal> {
        whole(listing, |listing| self.see(who, listing, patient))
    }

    /// What a front door finds when it checks a record.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// As [`World::see`].
    pub fn verify(&self, who: Who, subject: PartyId) -> Result<VerifiedView, Refusal> {
        let entries = self.all(who, ask::Verify::of(subject), None)?;
        Ok(VerifiedView::of(entries, self.see(who, &ask::Catalogued { subject }, None)?))
    }

    /// Sees to it that a party is in a session with another; gives whether it is.
    pub(super) fn connect(&mut self, from: Who, to: Who) -> bool {
        let (party, node) = (self.id(to), self.parties[to.0].peer.node());
        let next = self.parties[from.0].agenda.greet(party, node, Vec::new());
        self.obey(from, next);
        self.parties[from.0].agenda.their_nonce(node).is_some()
    }

    /// Hands bytes to a party as if they came from another's node: a test's forged or replayed message.
    ///
    /// # Errors
    /// [`DeliveryFailure`] when the party does not take it.
    pub fn inject(
        &mut self,
        from: Who,
        target: Who,
        bytes: &[u8],
    ) -> Result<Vec<u8>, DeliveryFailure> {
        let from_node = self.parties[from.0].peer.node();
        if !self.parties[target.0].agenda.is_admitted(from_node) {
            return Err(DeliveryFailure::GateClosed);
        }
        let Ok(message) = CheckedMessage::prepare(from_node, bytes) else {
            return Err(DeliveryFailure::OutcomeUnknown);
        };
        let nonce = self.parties[target.0].agenda.our_nonce(from_node);
        let Some(nonce) = nonce else { return Err(DeliveryFailure::GateClosed) };
        let request = self.request();
        self.event(
            target,
            Event::Message {
                request,
                node: from_node,
                nonce,
                from: self.reach,
                message: Box::new(message),
            },
        );
        let reply = self.replies.remove(&request.0).unwrap_or_default();
        if reply.is_empty() {
            Err(DeliveryFailure::GateClosed)
        } else {
            super::wire::discloses_nothing(bytes, &reply);
            Ok(self.told(target, reply))
        }
    }

    pub(super) fn serve(
        &self,
        holder: Who,
        node: NodeId,
        transfer: &Transfer,
    ) -> Result<Vec<u8>, Refusal> {
        let party = &self.parties[holder.0];
        let now = self.clock(holder);
        match party.peer.may_pull(&party.store, now, node, transfer.ticket, transfer.object) {
            Ok(()) => {}
            Err(Failure::Refused(refusal)) => return Err(refusal),
            Err(Failure::Store(error)) => panic!("memory does not fail: {error}"),
        }
        let small =
            party.peer.small_object(&party.store, transfer.object).expect("memory does not fail");
        small
            .or_else(|| party.objects.get(&transfer.object).cloned())
            .ok_or_else(|| NotSent::NotThere.into())
    }
}
