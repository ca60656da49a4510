//! Nothing acknowledged is lost.
//!
//! Watches what front doors acknowledged as recorded, what receipts of depositaries name, and permissions that a
//! reader took. In the end an entry is at its author, deposits are with their depositary, all objects whole, and a
//! permission is with its reader. A destroyed machine owes nothing that it held, and a disk that the scenario hurt
//! owes no objects; who deletes on the owner's word owes nothing either. It cannot see whether what is there still
//! opens. A violation means that somebody was told "done" of something that is not there any more.

use super::found::{Checker, Found, name};
use super::logged::{MessageKey, key};
use crate::stage::{Machine, Stage};
use crate::tier::Seen;
use crate::tier::people::Patient;
use chartmesh_protocol::backup::{Message as Backup, Receipt};
use chartmesh_protocol::consent::Message as Consent;
use chartmesh_protocol::id::{EntryId, ObjectId, PartyId, TokenId};
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Answer, Body, Command, ask};
use chartmesh_protocol::record::view::RecordedView;
use chartmesh_protocol::record::{self, command::Record};
use std::collections::{BTreeMap, BTreeSet};

/// What somebody was told, or will be once it is known to be durable.
enum Promise {
    Deposit { holder: u32, receipt: Receipt },
    Permissions { at: u32, patient: PartyId, tokens: Vec<TokenId> },
    Deletion { holder: u32, owner: PartyId, entries: Vec<EntryId> },
}

#[derive(Default)]
pub(super) struct Kept {
    /// Recordings that were asked for, and about whom.
    asked: BTreeMap<u64, PartyId>,
    answered: BTreeMap<MessageKey, Promise>,
    /// By author and subject.
    recorded: BTreeMap<(u32, PartyId), BTreeSet<EntryId>>,
    /// By holder, owner and entry: its objects.
    deposits: BTreeMap<(u32, PartyId, EntryId), BTreeSet<ObjectId>>,
    permissions: BTreeMap<(u32, PartyId), BTreeSet<TokenId>>,
}

impl Kept {
    /// Begins with what there is when the scenario does.
    pub(super) fn new(stage: &Stage, patients: &[Patient]) -> Self {
        let mut this = Self::default();
        for patient in patients {
            for at in &patient.enrolled {
                let made = entries(stage, *at, patient.id);
                this.recorded.insert((*at, patient.id), made);
            }
        }
        this
    }

    fn hold(&mut self, promise: Promise) {
        match promise {
            Promise::Deposit { holder, receipt } => {
                for object in receipt.objects {
                    let key = (holder, receipt.owner, object.entry);
                    self.deposits.entry(key).or_default().insert(object.object);
                }
            }
            Promise::Permissions { at, patient, tokens } => {
                self.permissions.entry((at, patient)).or_default().extend(tokens);
            }
            Promise::Deletion { holder, owner, entries } => {
                for entry in entries {
                    self.deposits.remove(&(holder, owner, entry));
                }
            }
        }
    }

    /// What a message that was done promises.
    fn promised(stage: &Stage, (from, at): (u32, u32), body: &Body) -> Option<Promise> {
        match body {
            Body::Backup(Backup::Stored(stored)) => {
                Some(Promise::Deposit { holder: from, receipt: stored.receipt.claims().clone() })
            }
            Body::Backup(Backup::Delete(delete)) => {
                let order = delete.order.claims();
                let entries = order.entries.clone();
                Some(Promise::Deletion { holder: at, owner: order.owner, entries })
            }
            Body::Consent(Consent::Permission(given)) => {
                let patient = given.log.party_unverified();
                let tokens = given.grants.iter().map(|grant| grant.chain.leaf().claims().id);
                Some(Promise::Permissions { at, patient, tokens: tokens.collect() })
            }
            _ => None,
        }
        .filter(|_| stage.is_judged(from))
    }
}

/// Entries of a patient that a machine made and has whole.
fn entries(stage: &Stage, at: u32, patient: PartyId) -> BTreeSet<EntryId> {
    let machine = &stage.machines[at as usize];
    let me = machine.party.peer.me();
    match machine.all(stage.now_us, ask::Entries::of(patient), None) {
        Ok(views) => {
            let own = views.into_iter().filter(|view| view.author == me && view.whole);
            own.map(|view| view.entry).collect()
        }
        _ => BTreeSet::new(),
    }
}

/// Objects that are not on a machine's disk as they were.
fn broken(machine: &Machine, objects: &BTreeSet<ObjectId>) -> usize {
    let whole = |object: &&ObjectId| {
        machine.object(**object).is_some_and(|bytes| blake3::hash(&bytes) == object.0)
    };
    objects.len() - objects.iter().filter(whole).count()
}

impl Checker for Kept {
    fn see(&mut self, stage: &Stage, seen: &Seen<'_>, _found: &mut Found) {
        match seen {
            Seen::Asked {
                request,
                command: Command::Record(record::Command::Record(Record { subject, .. })),
                ..
            } => {
                self.asked.insert(*request, *subject);
            }
            Seen::Answered { party, request, answer, .. } => {
                let Some(subject) = self.asked.remove(request) else { return };
                let recorded = answer.as_ref().ok().and_then(Answer::get::<RecordedView>);
                if let Some(recorded) = recorded {
                    let entries = self.recorded.entry((*party, subject)).or_default();
                    entries.extend(&recorded.entries);
                }
            }
            Seen::Handled { from, at, message, body, outcome: Some(OutcomeResult::Done(_)) } => {
                if let Some(promise) = Self::promised(stage, (*from, *at), body) {
                    self.answered.insert(key(*message), promise);
                }
            }
            Seen::Concluded {
                message: Some(message),
                outcome: Some(OutcomeResult::Done(_)),
                ..
            } => {
                if let Some(promise) = self.answered.remove(&key(*message)) {
                    self.hold(promise);
                }
            }
            Seen::Destroyed { party } => {
                self.recorded.retain(|(at, _), _| at != party);
                self.deposits.retain(|(at, ..), _| at != party);
                self.permissions.retain(|(at, _), _| at != party);
            }
            _ => {}
        }
    }

    fn end(&mut self, stage: &Stage, _patients: &[Patient], found: &mut Found) {
        let mut lost = |at: u32, count: usize, what: &str, of: PartyId| {
            if count > 0 {
                let what = format!("{count} {what} {} are not at {}", of.short(), name(stage, at));
                found.add("kept", Some(at), what);
            }
        };
        for ((at, subject), acknowledged) in &self.recorded {
            let hurt = stage.machines[*at as usize].disk.hurt;
            if stage.is_judged(*at) && !hurt {
                let there = entries(stage, *at, *subject);
                lost(*at, acknowledged.difference(&there).count(), "entries recorded of", *subject);
            }
        }
        let mut kept = BTreeMap::<u32, BTreeSet<(PartyId, EntryId)>>::new();
        for ((at, owner, entry), objects) in &self.deposits {
            if !stage.is_judged(*at) {
                continue;
            }
            let machine = &stage.machines[*at as usize];
            let there = kept.entry(*at).or_insert_with(|| kept_at(stage, machine));
            let gone = usize::from(!there.contains(&(*owner, *entry)));
            lost(*at, gone, "deposits of", *owner);
            if gone == 0 && !machine.disk.hurt {
                lost(*at, broken(machine, objects), "objects deposited for", *owner);
            }
        }
        for ((at, patient), tokens) in &self.permissions {
            if !stage.is_judged(*at) {
                continue;
            }
            let query = ask::Grants::of(Some(*patient));
            let seen = stage.machines[*at as usize].all(stage.now_us, query, None);
            let there: BTreeSet<TokenId> = match seen {
                Ok(grants) => grants.iter().map(|grant| grant.token).collect(),
                _ => BTreeSet::new(),
            };
            lost(*at, tokens.difference(&there).count(), "permissions of", *patient);
        }
    }
}

/// What a machine says that it keeps for others.
fn kept_at(stage: &Stage, machine: &Machine) -> BTreeSet<(PartyId, EntryId)> {
    match machine.all(stage.now_us, ask::Kept::default(), None) {
        Ok(views) => {
            let here = views.into_iter().filter(|view| view.holder == machine.party.peer.me());
            here.map(|view| (view.owner, view.entry)).collect()
        }
        _ => BTreeSet::new(),
    }
}
