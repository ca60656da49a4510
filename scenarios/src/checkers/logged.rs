//! Every access to plaintext has its line in the access log.
//!
//! Watches reads whose answer reached the reader, and openings that a front door answered. In the end each has a
//! line of its own at the holder where it took place, with who, under which permission and how many entries; and
//! the lines prove themselves. A log that a disk took along when it was destroyed counts from there anew. It cannot
//! see reading at a holder itself without a front door; nobody can. A violation means that a patient who collects
//! the logs would not learn of an access.

use super::found::{Checker, Found, name};
use crate::stage::Stage;
use crate::tier::Seen;
use crate::tier::people::Patient;
use chartmesh_protocol::access_log::{Action, Line};
use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::consent::{Message as Consent, ReadAnswer};
use chartmesh_protocol::id::{PartyId, TokenId};
use chartmesh_protocol::limits;
use chartmesh_protocol::message::{MessageId, OutcomeResult};
use chartmesh_protocol::peer::{Body, Command, ask};
use chartmesh_protocol::record::{self, command::Open};
use std::collections::BTreeMap;

/// Sender, stream and number of a message.
pub(super) type MessageKey = (PartyId, [u8; 16], u64);
/// Where and about whom.
type Log = (u32, PartyId);
/// Who did what under which permission.
type Access = (PartyId, Option<TokenId>, &'static str);

#[derive(Default)]
pub(super) struct Logged {
    /// Reads that were answered, and nobody knows yet whether the answer is durable.
    answered: BTreeMap<MessageKey, (Log, Access, u64)>,
    /// Openings that were asked for.
    asked: BTreeMap<u64, PartyId>,
    /// How often, and how many entries in all.
    accesses: BTreeMap<Log, BTreeMap<Access, (u64, u64)>>,
}

/// A message, as a key.
pub(super) const fn key(message: MessageId) -> MessageKey {
    (message.sender, message.stream.0, message.number)
}

/// What a holder gave for a read.
pub(super) fn read_answer(outcome: Option<&OutcomeResult>) -> Option<ReadAnswer> {
    match outcome {
        Some(OutcomeResult::Done(answer)) => {
            ReadAnswer::from_bytes(&answer.0, limits::RESPONSE_BYTES_MAX).ok()
        }
        _ => None,
    }
}

/// All lines of a machine's log about a patient; gives whether they prove themselves.
pub(super) fn each_line(
    stage: &Stage,
    at: u32,
    subject: PartyId,
    mut see: impl FnMut(&Line),
) -> bool {
    let machine = &stage.machines[at as usize];
    let mut query = ask::AccessLog::of(subject);
    query.part.limit = Some(limits::LISTED_MAX);
    loop {
        let Ok(log) = machine.see(stage.now_us, &query, None) else { return true };
        if !log.verified {
            return false;
        }
        log.lines.iter().for_each(|line| see(&line.line));
        query.part.after = log.next;
        if query.part.after.is_none() {
            return true;
        }
    }
}

impl Logged {
    fn count(&mut self, log: Log, access: Access, entries: u64) {
        let (times, count) = self.accesses.entry(log).or_default().entry(access).or_default();
        *times += 1;
        *count += entries;
    }
}

impl Checker for Logged {
    fn see(&mut self, stage: &Stage, seen: &Seen<'_>, _found: &mut Found) {
        match seen {
            Seen::Handled {
                from,
                at,
                message,
                body: Body::Consent(Consent::Read(read)),
                outcome,
            } => {
                let Some(answer) = read_answer(*outcome) else { return };
                let reader = stage.machines[*from as usize].party.peer.me();
                let token = read.chain.leaf().claims().id;
                let access = (reader, Some(token), "read");
                let entries = answer.bundles.len() as u64;
                self.answered.insert(key(*message), ((*at, read.patient), access, entries));
            }
            Seen::Concluded {
                message: Some(message),
                outcome: Some(OutcomeResult::Done(_)),
                ..
            } => {
                if let Some((log, access, entries)) = self.answered.remove(&key(*message)) {
                    self.count(log, access, entries);
                }
            }
            Seen::Asked {
                request,
                command: Command::Record(record::Command::Open(Open { subject, .. })),
                ..
            } => {
                self.asked.insert(*request, *subject);
            }
            Seen::Answered { party, request, answer, .. } => {
                let Some(subject) = self.asked.remove(request) else { return };
                if answer.is_ok() {
                    let machine = &stage.machines[*party as usize].party;
                    let by_patient = machine.unlocked.contains_key(&subject);
                    let by = if by_patient { subject } else { machine.peer.me() };
                    self.count((*party, subject), (by, None, "open"), 1);
                }
            }
            Seen::Destroyed { party } => {
                self.accesses.retain(|(at, _), _| at != party);
                self.answered.retain(|_, ((at, _), ..)| at != party);
            }
            _ => {}
        }
    }

    fn end(&mut self, stage: &Stage, _patients: &[Patient], found: &mut Found) {
        for ((at, subject), accesses) in core::mem::take(&mut self.accesses) {
            if !stage.is_judged(at) {
                continue;
            }
            let mut lines = BTreeMap::<Access, (u64, u64)>::new();
            let proven = each_line(stage, at, subject, |line| {
                let how = match line.action {
                    Action::Read => "read",
                    Action::Opened | Action::Exported => "open",
                    _ => return,
                };
                let (times, count) = lines.entry((line.by, line.token, how)).or_default();
                *times += 1;
                *count += line.count;
            });
            if !proven {
                let what =
                    format!("the log of {} about {} is broken", name(stage, at), subject.short());
                found.add("logged", Some(at), what);
            }
            for (access, (times, entries)) in accesses {
                let listed = lines.get(&access).copied().unwrap_or_default();
                if listed.0 < times || listed.1 < entries {
                    let what = format!(
                        "{}'s log about {} lists {} of {times} accesses ({}) by {}, with {} of {entries} entries",
                        name(stage, at),
                        subject.short(),
                        listed.0,
                        access.2,
                        access.0.short(),
                        listed.1
                    );
                    found.add("logged", Some(at), what);
                }
            }
        }
    }
}
