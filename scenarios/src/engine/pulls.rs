//! Objects: pulled from whoever holds them, served, dropped, and looked for after a start.

use super::state::Engine;
use super::task::{Task, Then};
use crate::driver::Driver as _;
use crate::result::TraceKind;
use crate::scenario::Hostility;
use crate::tier::Seen;
use chartmesh_protocol::agenda::Fetched;
use chartmesh_protocol::holdings::{Lost, Transfer};
use chartmesh_protocol::id::{NodeId, ObjectId, TransferId};
use chartmesh_protocol::limits::SMALL_OBJECT_BYTES_MAX;
use chartmesh_protocol::peer::Event;
use chartmesh_protocol::refusal::{Failure, Refusal};

/// How long whoever pulls waits for a holder that says nothing, as `node/src/net/limits.rs` has it.
pub(super) const PULL_TIMEOUT_US: u64 = 10_000_000;
/// What a holder gives.
enum Served {
    /// The object, or what it takes for it.
    Bytes(Vec<u8>),
    /// It may not be given.
    Refused(Refusal),
    /// No answer, or one that it cannot give now.
    Nothing,
}

impl Engine<'_> {
    /// A holder is asked for an object.
    pub(super) fn ask_for(&mut self, at: u32, holder: u32, id: TransferId) {
        let (epoch, now_us) = (self.machine(at).epoch, self.stage.now_us);
        let holder_epoch = self.stage.machines[holder as usize].epoch;
        self.count_request();
        let way = self.travel(at, holder, 128);
        let now_us = now_us + self.round_trip(at, holder);
        let task = Task::PullAsked { at, epoch, holder, holder_epoch, id };
        self.queue.plan(now_us + way.takes_us, task);
    }

    /// What came of asking.
    pub(super) fn fetched(&mut self, at: u32, id: TransferId, fetched: Fetched) {
        let next = self.machine(at).party.agenda.fetched(id, fetched);
        self.obey(at, next);
    }

    /// The question arrives.
    pub(super) fn pull_asked(&mut self, at: u32, epoch: u32, holder: u32, id: TransferId) {
        let now_us = self.stage.now_us;
        let later = Task::PullBroke { at, epoch, id };
        if !self.stage.machines[holder as usize].on || self.blocked(at, holder) {
            return self.queue.plan(now_us + PULL_TIMEOUT_US, later);
        }
        let machine = &self.stage.machines[at as usize];
        let wanted = machine.party.peer.transfer(&machine.disk, id).expect("memory does not fail");
        let Some((transfer, _)) = wanted else {
            return self.queue.plan(now_us, later);
        };
        let node = machine.party.peer.node();
        let answer = self.serve(holder, node, &transfer);
        let answer = match answer {
            Served::Bytes(bytes) => Ok(bytes),
            Served::Refused(refusal) => Err(refusal),
            Served::Nothing => {
                return self.queue.plan(now_us + PULL_TIMEOUT_US, later);
            }
        };
        let bytes = answer.as_ref().map_or(64, Vec::len) as u64;
        self.count_bytes("pull", bytes);
        let way = self.travel(holder, at, bytes);
        let task = if way.broken {
            later
        } else {
            Task::PullArrives {
                at,
                epoch,
                holder,
                id,
                object: transfer.object,
                served_us: now_us,
                answer,
            }
        };
        let grows_us = self.slow_start(holder, at, bytes);
        self.queue.plan(now_us + way.takes_us + grows_us, task);
    }

    fn serve(&mut self, holder: u32, node: NodeId, transfer: &Transfer) -> Served {
        let now_us = self.stage.now_us;
        let machine = &self.stage.machines[holder as usize];
        if machine.hostile.contains(&Hostility::Withhold) {
            self.fire("withhold", holder);
            return Served::Nothing;
        }
        let (peer, now) = (&machine.party.peer, machine.clock(now_us));
        match peer.may_pull(&machine.disk, now, node, transfer.ticket, transfer.object) {
            Ok(()) => {}
            Err(Failure::Refused(refusal)) => return Served::Refused(refusal),
            Err(Failure::Store(error)) => panic!("memory does not fail: {error}"),
        }
        match machine.object(transfer.object) {
            Some(bytes) => Served::Bytes(bytes),
            None => Served::Nothing,
        }
    }

    pub(super) fn pull_arrives(
        &mut self,
        at: u32,
        holder: u32,
        id: TransferId,
        object: ObjectId,
        (served_us, answer): (u64, Result<Vec<u8>, Refusal>),
    ) {
        let bytes = answer.as_ref().map_or(0, Vec::len) as u64;
        let answer = answer.map(|mut bytes| {
            let at_byte = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(at_byte).filter(|_| self.alters_object(at)) {
                *byte ^= 1;
            }
            bytes
        });
        let whole = answer.as_ref().is_ok_and(|bytes| *blake3::hash(bytes).as_bytes() == object.0);
        let end = match (&answer, whole) {
            (Ok(_), true) => "done",
            (Ok(_), false) => "damaged",
            (Err(_), _) => "refused",
        };
        self.trace(TraceKind::Pulled, at, holder, |row| {
            (row.id, row.bytes, row.end) = (object_id(object), bytes, end);
        });
        self.see(&Seen::Pulled { at, from: holder, object, served_us, end });
        let fetched = match answer {
            Ok(bytes) if whole && bytes.len() <= SMALL_OBJECT_BYTES_MAX => {
                Fetched::Whole(Some(bytes))
            }
            Ok(bytes) if whole => {
                self.machine(at).party.objects.insert(object, bytes);
                Fetched::Whole(None)
            }
            // The holder sent something else.
            Ok(_) => Fetched::Trouble,
            Err(refusal) => Fetched::Refused(refusal),
        };
        self.fetched(at, id, fetched);
    }

    /// Compares what ought to be on a disk with what is, as the node does at its start: damaged objects
    /// are found only by whoever reads them.
    pub(super) fn take_stock(&mut self, at: u32) {
        let machine = self.machine(at);
        let (mut lost, mut after) = (Vec::new(), None);
        loop {
            let page = machine.party.peer.held_objects(&machine.disk, None, after, 1024);
            let page = page.expect("memory does not fail");
            let Some(last) = page.last() else { break };
            after = Some(last.object);
            lost.extend(
                page.iter()
                    .filter(|item| item.length > SMALL_OBJECT_BYTES_MAX as u64)
                    .filter(|item| item.lost.is_none())
                    .filter(|item| !machine.party.objects.contains_key(&item.object))
                    .map(|item| Lost { object: item.object, damaged: false }),
            );
        }
        if !lost.is_empty() {
            self.handle(at, Event::Checked { lost, found: Vec::new() }, "stock", Then::Nothing);
        }
    }
}

/// The first bytes of an object's id.
fn object_id(object: ObjectId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = object.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
