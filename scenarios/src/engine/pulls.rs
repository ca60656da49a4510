//! Pulling objects: who serves them, and what arrives.

use super::exchange::object_id;
use super::{Engine, Then};
use crate::result::TraceKind;
use crate::scenario::Hostility;
use crate::watch::Seen;
use chartmesh_protocol::id::{NodeId, ObjectId, TransferId};
use chartmesh_protocol::limits::SMALL_OBJECT_BYTES_MAX;
use chartmesh_protocol::objects::{Lost, Transfer};
use chartmesh_protocol::peer::{Event, TransferResult};
use chartmesh_protocol::refusal::{Failure, Refusal};

/// What a holder gives.
pub(super) enum Served {
    /// The object, or what it takes for it.
    Bytes(Vec<u8>),
    /// It may not be given.
    Refused(Refusal),
    /// No answer, or one that it cannot give now.
    Nothing,
}

impl Engine<'_> {
    pub(super) fn serve(&mut self, holder: u32, node: NodeId, transfer: &Transfer) -> Served {
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
        let result = match answer {
            Ok(bytes) if whole && bytes.len() <= SMALL_OBJECT_BYTES_MAX => {
                TransferResult::Finished { small: Some(bytes) }
            }
            Ok(bytes) if whole => {
                self.machine(at).party.objects.insert(object, bytes);
                TransferResult::Finished { small: None }
            }
            // The holder sent something else: not tried again soon.
            Ok(_) => {
                let now_us = self.stage.now_us;
                let epoch = self.machine(at).epoch;
                return self.queue.plan(now_us + 600_000_000, super::Task::Pull { at, epoch, id });
            }
            Err(refusal) => TransferResult::Refused { refusal },
        };
        self.machine(at).pulls.remove(&id);
        self.handle(at, Event::Transfer { id, result }, "pull", Then::Nothing);
    }

    /// Nothing holds an object any more: its bytes go.
    pub(super) fn drop_object(&mut self, at: u32, object: ObjectId) {
        let machine = self.machine(at);
        if !machine.party.peer.is_held(&machine.disk, object).expect("memory does not fail") {
            machine.party.objects.remove(&object);
        }
    }

    /// Compares what ought to be on a disk with what is, as the node does at its start: damaged objects
    /// are found only by whoever reads them.
    pub(super) fn take_stock(&mut self, at: u32) {
        let machine = self.machine(at);
        let (mut lost, mut after) = (Vec::new(), None);
        loop {
            let page = machine.party.peer.stock(&machine.disk, None, after, 1024);
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
            self.handle(at, Event::Stock { lost, found: Vec::new() }, "stock", Then::Nothing);
        }
    }
}
