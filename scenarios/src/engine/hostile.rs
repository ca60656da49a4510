//! Dishonest parties. Each begins as an honest peer and goes on as one; what it does besides, or instead, is
//! here. Every such thing is counted when it is done, and what the others make of it is told to the watchers.
//!
//! | in the scenario | what it does | what honest parties make of it |
//! |---|---|---|
//! | `forge` | shows permissions that it signed itself or altered, and spreads key rings and revocations in a patient's name | refuse them: the signature is not the patient's, the relay is not the patient's |
//! | `replay` | says again, on a new connection, what it said before; says as its own what relays said to it | do not take them: made for another connection, another grantee, another relay |
//! | `withhold` | answers, and gives no objects | try again, and have the record as incomplete |
//! | `stale` | says that it took news of keys and revocations in, and does not | serve nothing by its knowledge; a permission that limits staleness ends there, too |
//! | `lie-about-storage` | signs receipts and drops what they name | notice when they restore |
//! | `admit-alone` | sponsors a stranger again and again, also in others' names | count one sponsor |
//! | `overspend` | offers a deposit a second time under a permission whose quota fits one | refuse it: the quota is exceeded |

mod forge;

use super::memory::{KEPT_MAX, Lie, Speech, keep};
use super::state::Engine;
use super::task::Task;
use crate::result::TraceKind;
use crate::scenario::Hostility;
use crate::stage::Flow;
use crate::tier::{Seen, message_id, patient_of};
use chartmesh_protocol::capability::Proof;
use chartmesh_protocol::codec::{Bytes, Wire};
use chartmesh_protocol::consent::Message as Consent;
use chartmesh_protocol::crypto;
use chartmesh_protocol::id::{StatementId, StreamId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::message::{Envelope, MessageId, Outcome, OutcomeResult};
use chartmesh_protocol::peer::{Body, CheckedMessage, Nonce};
use chartmesh_protocol::statement::{Signed, Unverified};
use chartmesh_protocol::store::{ReadTxn, Table, Txn};
use std::collections::VecDeque;

/// Between two attempts of one party.
const EVERY_US: u64 = 15 * 60 * 1_000_000;
impl Engine<'_> {
    fn is_hostile(&self, at: u32, how: Hostility) -> bool {
        self.stage.machines[at as usize].hostile.contains(&how)
    }

    /// Parties turn dishonest, or do once more what they do of their own accord.
    pub(super) fn turn(&mut self, number: usize) {
        let hostile = self.scenario.hostile[number].clone();
        for at in self.meant(&hostile.party) {
            self.machine(at).hostile.insert(hostile.does);
            if !self.machine(at).on {
                continue;
            }
            let attempt = self.hostile.attempts.entry((at, hostile.does)).or_default();
            *attempt += 1;
            let attempt = *attempt;
            match hostile.does {
                Hostility::Forge => self.forge(at, attempt),
                Hostility::Replay => self.replay(at, attempt),
                Hostility::AdmitAlone => self.admit_alone(at, attempt),
                Hostility::Overspend => self.overspend(at),
                Hostility::LieAboutStorage => self.drop_everything(at),
                Hostility::Withhold | Hostility::Stale => {}
            }
        }
        if !matches!(hostile.does, Hostility::Withhold | Hostility::Stale) {
            self.queue.plan(self.stage.now_us + EVERY_US, Task::Turn(number));
        }
    }

    /// A dishonest party remembers what it says.
    pub(super) fn hostile_sends(&mut self, from: u32, target: u32, bytes: &[u8]) {
        if self.is_hostile(from, Hostility::Replay) {
            keep(self.hostile.said.entry(from).or_default(), (target, bytes.to_vec()));
        }
    }

    /// A dishonest party takes a message in its own way; gives whether it did.
    pub(super) fn hostile_receives(
        &mut self,
        at: u32,
        flow: Flow,
        message: &CheckedMessage,
        first: bool,
    ) -> bool {
        if self.stage.machines[at as usize].hostile.is_empty() || !first {
            return false;
        }
        let of_a_relay = matches!(
            message.body(),
            Body::Custody(_) | Body::Consent(Consent::Permission(_) | Consent::Order(_))
        );
        let uses = self.is_hostile(at, Hostility::Replay) || self.is_hostile(at, Hostility::Forge);
        if of_a_relay && uses {
            keep(self.hostile.heard.entry(at).or_default(), message.body().clone());
        }
        // It says that it took the news in, and does not.
        if self.is_hostile(at, Hostility::Stale) && matches!(message.body(), Body::Custody(_)) {
            self.fire("stale", at);
            let bytes = self.made_up(at, message);
            let way = self.travel(at, flow.from, bytes.len() as u64);
            let at_us = self.stage.now_us + 1000 + way.takes_us;
            self.queue.plan(at_us, Task::OutcomeArrives { flow, bytes });
            return true;
        }
        false
    }

    /// `done`, of a dishonest machine's own making, for a message that it did nothing with.
    fn made_up(&self, at: u32, message: &CheckedMessage) -> Vec<u8> {
        let machine = &self.stage.machines[at as usize];
        let outcome = Outcome {
            message: message.envelope().id,
            by: machine.party.peer.me(),
            body: blake3::hash(&message.envelope().body.0).into(),
            at: machine.clock(self.stage.now_us),
            result: OutcomeResult::Done(Bytes::default()),
        };
        Signed::sign(outcome, &machine.party.node_key).bytes().to_vec()
    }

    /// All objects that a party is to keep go, large and small; its receipts stay true to the eye.
    fn drop_everything(&mut self, at: u32) {
        const SMALL: Table = Table::rows("object_small");
        let now_us = self.stage.now_us;
        let machine = self.machine(at);
        let mut dropped = machine.party.objects.len() as u64;
        machine.party.objects.clear();
        loop {
            let page = machine.disk.page(SMALL, &[], &[], 256).expect("memory does not fail");
            if page.is_empty() {
                break;
            }
            dropped += page.len() as u64;
            for (key, _) in page {
                machine.disk.delete(SMALL, &key).expect("memory does not fail");
            }
        }
        machine.disk.commit(now_us, 0);
        if dropped > 0 {
            self.fire("lie-about-storage", at);
        }
    }

    /// Says again what was said, by itself or to it.
    fn replay(&mut self, at: u32, attempt: u64) {
        if attempt.is_multiple_of(2) {
            let heard = self.hostile.heard.get(&at).map_or(0, VecDeque::len);
            let drawn = self.hostile.chance.one_of(heard);
            let Some(body) = self.hostile.heard.get(&at).and_then(|heard| heard.get(drawn)) else {
                return;
            };
            let (body, to) = (body.clone(), self.some_institution(at));
            if let Some(to) = to {
                self.say(Lie::of("replay"), at, to, &body, None);
            }
            return;
        }
        let said = self.hostile.said.get(&at).map_or(0, VecDeque::len);
        let drawn = self.hostile.chance.one_of(said);
        let Some((to, bytes)) = self.hostile.said.get(&at).and_then(|said| said.get(drawn)) else {
            return;
        };
        let (to, bytes) = (*to, bytes.clone());
        // What was damaged on its way is of no use a second time.
        let Ok(envelope) = Unverified::<Envelope>::parse(&bytes) else { return };
        let theirs = self.their_nonce(at, to);
        if theirs.is_none() || theirs == Some(envelope.claims().nonce) {
            // On a new connection.
            self.hang_up(at, to);
            self.hang_up(to, at);
        }
        self.speak(at, to, (Lie::of("replay"), Speech::Bytes(bytes)));
    }

    /// Some other hospital or provider that is there.
    fn some_institution(&mut self, than: u32) -> Option<u32> {
        self.some_other(than, |role| role != Role::Patient)
    }

    /// Some other party of such a role that is there.
    fn some_other(&mut self, than: u32, wanted: impl Fn(Role) -> bool) -> Option<u32> {
        let machines = self.stage.machines.iter().zip(0u32..);
        let others: Vec<u32> = machines
            .filter(|(machine, at)| *at != than && machine.on && wanted(machine.party.peer.role()))
            .map(|(_, at)| at)
            .collect();
        let drawn = self.hostile.chance.one_of(others.len());
        others.get(drawn).copied()
    }

    /// Has a machine's node say something that its peer knows nothing of, first in a stream of its own, with a
    /// proof of possession for `leaf`.
    fn say(&mut self, lie: Lie, at: u32, to: u32, body: &Body, leaf: Option<StatementId>) {
        self.speak(at, to, (lie, Speech::Body(Box::new(body.clone()), leaf)));
    }

    /// Says something, once there is a connection.
    fn speak(&mut self, at: u32, to: u32, (lie, speech): (Lie, Speech)) {
        let nonce = self.their_nonce(at, to);
        match (nonce, speech) {
            (Some(nonce), Speech::Body(body, leaf)) => {
                let bytes = self.envelope(at, to, nonce, &body, leaf);
                self.say_bytes(lie, at, to, &bytes);
            }
            (Some(_), Speech::Bytes(bytes)) => self.say_bytes(lie, at, to, &bytes),
            (None, speech) => {
                let pending = self.hostile.pending.entry((at, to)).or_default();
                if pending.len() < KEPT_MAX {
                    pending.push((lie, speech));
                }
                self.greet(at, to);
            }
        }
    }

    /// A greeting ended: what a dishonest party had to say then leaves, or is forgotten.
    pub(super) fn hostile_greeted(&mut self, at: u32, to: u32, open: bool) {
        for speech in self.hostile.pending.remove(&(at, to)).unwrap_or_default() {
            if open {
                self.speak(at, to, speech);
            }
        }
    }

    /// A message of a machine's own making.
    fn envelope(
        &mut self,
        at: u32,
        to: u32,
        nonce: Nonce,
        body: &Body,
        leaf: Option<StatementId>,
    ) -> Vec<u8> {
        let verifier = self.stage.machines[to as usize].party.peer.me();
        let now_us = self.stage.now_us;
        let machine = self.machine(at);
        let sent = machine.clock(now_us);
        let party = &mut machine.party;
        let bytes = body.to_bytes();
        let request = blake3::hash(&bytes).into();
        let proof = leaf.map(|leaf| Proof { leaf, request, verifier, nonce });
        let envelope = Envelope {
            id: MessageId {
                sender: party.peer.me(),
                stream: StreamId(crypto::random(&mut party.rng)),
                number: 1,
            },
            to: verifier,
            sent,
            acknowledged: 0,
            node: party.peer.node(),
            nonce,
            body: Bytes(bytes),
            proof: proof.map(|proof| proof.sign(&party.node_key).to_unverified()),
        };
        Signed::sign(envelope, &party.node_key).bytes().to_vec()
    }

    /// Bytes of a dishonest machine's own making leave.
    fn say_bytes(&mut self, lie: Lie, from: u32, target: u32, bytes: &[u8]) {
        let now_us = self.stage.now_us;
        let node = self.stage.machines[from as usize].party.peer.node();
        // What it said before its machine was replaced another node signed: that leaves no connection of this one.
        let Ok(checked) = CheckedMessage::prepare(node, bytes) else { return };
        let message = checked.envelope().id;
        let flow = Flow {
            from,
            from_epoch: self.stage.machines[from as usize].epoch,
            to: checked.envelope().to,
            target,
            target_epoch: self.stage.machines[target as usize].epoch,
            number: message.number,
            id: message_id(message.stream, message.number),
            message,
            made_up: true,
            may_pass: lie.may_pass,
            left_us: now_us,
            name: checked.body().name(),
            since_ms: checked.envelope().sent.0,
            patient: patient_of(checked.body()),
            about: None,
        };
        if let Some(fault) = lie.fault {
            self.fire(fault, from);
        }
        self.trace(TraceKind::Sent, from, target, |row| {
            (row.what, row.id) = (flow.name, flow.id);
            (row.patient, row.bytes) = (flow.patient, bytes.len() as u64);
        });
        self.count_bytes(flow.name, bytes.len() as u64);
        let way = self.travel(from, target, bytes.len() as u64);
        if !way.broken {
            let message = Ok(Box::new(checked));
            let task = Task::MessageArrives { flow, message, first: true };
            self.queue.plan(now_us + way.takes_us, task);
        }
    }

    /// What became of something that was made up.
    pub(super) fn deceit_ends(&mut self, flow: Flow, end: &'static str) {
        let Flow { from, target, name, .. } = flow;
        if !flow.may_pass {
            self.see(&Seen::Deceived { by: from, at: target, name, end });
        }
    }
}
