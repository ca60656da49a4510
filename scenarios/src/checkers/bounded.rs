//! Queues stay within the bounds of `limits.rs`.
//!
//! Watches, at every step and in the end, the rows of each machine that had something to do since: messages that
//! wait for one institution, streams that are remembered of one, outcomes kept of one stream, refusals listed of
//! one party and day, requests of one asker that are open at a relay. It counts rows on disk, not memory, and
//! cannot see what grew and shrank again between two steps. A violation means that somebody can fill another's
//! disk. In the end it counts once more what each makes others keep.

use super::found::{Checker, Found, name};
use crate::stage::Stage;
use crate::tier::Seen;
use crate::tier::people::Patient;
use chartmesh_protocol::access_log::Action;
use chartmesh_protocol::consent::RequestState;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::limits;
use chartmesh_protocol::peer::{self, ask};
use chartmesh_protocol::store::{ReadTxn, Table};
use std::collections::{BTreeMap, BTreeSet};

/// Tables whose rows begin with whom they are about: how many bytes that is, how many rows there may be, and what
/// they are.
const TABLES: [(Table, usize, usize, &str); 3] = [
    (
        Table::rows("outbox"),
        32,
        limits::OUTBOX_PER_PARTY_MAX + limits::OUTBOX_URGENT_MAX,
        "messages waiting for one institution",
    ),
    (Table::rows("inbox_stream"), 32, limits::INBOX_STREAMS_MAX, "streams of one institution"),
    (Table::rows("inbox_kept"), 48, limits::INBOX_OUTCOMES_MAX, "outcomes kept of one stream"),
];

#[derive(Default)]
pub(super) struct Bounded {
    /// Machines that had something to do since the last step.
    busy: BTreeSet<u32>,
    told: BTreeSet<(u32, &'static str)>,
}

impl Bounded {
    fn look(&mut self, stage: &Stage, found: &mut Found) {
        for at in core::mem::take(&mut self.busy) {
            if !stage.is_judged(at) {
                continue;
            }
            for (table, prefix, limit, what) in TABLES {
                let most = most_rows(stage, at, table, prefix);
                self.judge(stage, at, (most, limit, what), found);
            }
            let most = open_requests(stage, at);
            let open = (most, limits::OPEN_REQUESTS_MAX, "open requests of one asker");
            self.judge(stage, at, open, found);
        }
    }

    fn judge(
        &mut self,
        stage: &Stage,
        at: u32,
        (most, limit, what): (usize, usize, &'static str),
        found: &mut Found,
    ) {
        if most > limit && self.told.insert((at, what)) {
            let what = format!("{} has {most} {what}; {limit} is the bound", name(stage, at));
            found.add("bounded", Some(at), what);
        }
    }

    /// Refusals that one party's log lists of another in one day.
    fn refusals(&mut self, stage: &Stage, patients: &[Patient], found: &mut Found) {
        for patient in patients {
            for at in patient.enrolled.iter().copied().filter(|at| stage.is_judged(*at)) {
                let mut lines = BTreeMap::<(PartyId, u64), usize>::new();
                super::logged::each_line(stage, at, patient.id, |line| {
                    let refused = matches!(
                        line.action,
                        Action::ReadRefused | Action::KeepRefused | Action::DeleteRefused
                    );
                    if refused {
                        *lines.entry((line.by, line.at.0 / 86_400_000)).or_default() += 1;
                    }
                });
                let most = lines.values().copied().max().unwrap_or(0);
                let what = "refusals of one party listed in one day";
                let limit = limits::REFUSED_LINES_PER_DAY_MAX;
                self.judge(stage, at, (most, limit, what), found);
            }
        }
    }
}

/// The most rows of a table that begin with the same bytes.
fn most_rows(stage: &Stage, at: u32, table: Table, prefix: usize) -> usize {
    let rows = stage.machines[at as usize].disk.page(table, &[], &[], usize::MAX);
    let (mut most, mut count, mut of) = (0, 0, Vec::new());
    for (key, _) in rows.expect("memory does not fail") {
        let this = key.get(..prefix).unwrap_or(&key);
        if this != of {
            of = this.to_vec();
            count = 0;
        }
        count += 1;
        most = most.max(count);
    }
    most
}

/// Requests of one asker about one patient that are open at a relay.
fn open_requests(stage: &Stage, at: u32) -> usize {
    let machine = &stage.machines[at as usize];
    if machine.party.peer.role() != Role::Patient {
        return 0;
    }
    let all = machine.all(stage.now_us, ask::Requests::default(), None);
    let Ok(requests) = all else { return 0 };
    let mut open = BTreeMap::<(PartyId, PartyId), usize>::new();
    for request in requests {
        if request.state == RequestState::Open && request.asker != request.patient {
            *open.entry((request.patient, request.asker)).or_default() += 1;
        }
    }
    open.into_values().max().unwrap_or(0)
}

impl Checker for Bounded {
    fn see(&mut self, stage: &Stage, seen: &Seen<'_>, found: &mut Found) {
        match seen {
            Seen::Asked { party, .. } => {
                self.busy.insert(*party);
            }
            Seen::Sent { from, to, .. } => {
                self.busy.extend([*from, *to]);
            }
            Seen::Step => self.look(stage, found),
            _ => {}
        }
    }

    fn end(&mut self, stage: &Stage, patients: &[Patient], found: &mut Found) {
        self.busy.extend((0u32..).zip(&stage.machines).map(|(at, _)| at));
        self.look(stage, found);
        self.refusals(stage, patients, found);
        for at in (0u32..).zip(&stage.machines).map(|(at, _)| at).filter(|at| stage.is_judged(*at))
        {
            let machine = &stage.machines[at as usize];
            let wrong = peer::audit(&machine.disk, machine.party.peer.role());
            for wrong in wrong.expect("memory does not fail") {
                found.add(
                    "bounded",
                    Some(at),
                    format!("{} counts wrongly: {wrong}", name(stage, at)),
                );
            }
        }
    }
}
