//! Replicas agree once the network has healed.
//!
//! Looks in the end, after everything that can heal has (`engine/heal.rs`): all honest institutions that are members
//! list the same parties with the same standing; every institution that a patient's relay deals with, and that knows
//! the patient, knows the newest key and all that is revoked; the relay lists every entry that is recorded of its
//! patient; and no message or object waits that an honest party there could take or give. New hardware in the place of
//! what was destroyed is not asked for what the old one knew. It cannot see whether it would have come to agree without
//! the last greetings. A violation means that something was lost between two that both kept their word.

use super::found::{Checker, Found, name};
use crate::stage::Stage;
use crate::tier::Seen;
use crate::tier::people::Patient;
use chartmesh_protocol::capability::RevocationState;
use chartmesh_protocol::federation::view::Status;
use chartmesh_protocol::id::{EntryId, PartyId, TokenId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::statement::Unverified;
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Converged;

/// What a machine knows of a patient's keys.
pub(super) struct Known {
    pub(super) number: u32,
    /// Whether it was ever told what is revoked, be it nothing.
    told: bool,
    /// What is revoked, with its expiry in seconds.
    pub(super) revoked: BTreeMap<TokenId, u64>,
}

/// What a machine knows of a patient's keys and revocations.
pub(super) fn known(stage: &Stage, at: u32, patient: PartyId) -> Option<Known> {
    let machine = &stage.machines[at as usize];
    let seen = machine.see(stage.now_us, &ask::Keys { party: patient }, None);
    let Ok(keys) = seen else { return None };
    let state =
        keys.revocations.as_ref().map(|bytes| Unverified::<RevocationState>::parse(&bytes.0));
    let revoked = match state {
        Some(Ok(state)) => {
            state.claims().revoked.iter().map(|one| (one.token, one.expires)).collect()
        }
        _ => BTreeMap::new(),
    };
    Some(Known { number: keys.current, told: keys.revocations.is_some(), revoked })
}

/// When a revoked permission expires, as its patient's relay has it.
pub(super) fn expiry(stage: &Stage, patients: &[Patient], token: TokenId) -> Option<u64> {
    let mut relays = patients.iter().map(|patient| (patient.relay, patient.id));
    relays.find_map(|(relay, patient)| known(stage, relay, patient)?.revoked.get(&token).copied())
}

/// Parties and where they stand.
type Standing = BTreeMap<PartyId, &'static str>;

/// Honest institutions that are members by their own word, with what they list.
fn lists(stage: &Stage) -> Vec<(u32, Standing)> {
    let mut lists = Vec::new();
    for (at, machine) in (0u32..).zip(&stage.machines) {
        if machine.party.peer.role() == Role::Patient || !stage.is_judged(at) {
            continue;
        }
        let seen = machine.see(stage.now_us, &ask::Members, None);
        let Ok(view) = seen else { continue };
        let standing: Standing = view
            .parties
            .iter()
            .map(|party| {
                let standing = match party.status {
                    Status::Applicant => "candidate",
                    Status::Member => "member",
                    Status::Left => "left",
                    Status::Expelled => "expelled",
                };
                (party.party, standing)
            })
            // Who applies is told to members only, and as long as there is room.
            .filter(|(_, standing)| *standing != "candidate")
            .collect();
        if standing.get(&machine.party.peer.me()) == Some(&"member") {
            lists.push((at, standing));
        }
    }
    lists
}

/// The members by most lists, for whoever else is to be judged by it.
fn ledgers(stage: &Stage, found: &mut Found) -> BTreeSet<PartyId> {
    let lists = lists(stage);
    let mut counts = BTreeMap::<&Standing, usize>::new();
    for (_, list) in &lists {
        *counts.entry(list).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count).map(|(list, _)| list.clone());
    let Some(most) = most else { return BTreeSet::new() };
    for (at, list) in &lists {
        if *list != most {
            let parties: BTreeSet<_> = list.keys().chain(most.keys()).collect();
            let differ = parties.into_iter().filter(|party| list.get(party) != most.get(party));
            let what = format!(
                "{} lists the standing of {} parties other than most do",
                name(stage, *at),
                differ.count()
            );
            found.add("converged", Some(*at), what);
        }
    }
    let members = most.into_iter().filter(|(_, standing)| *standing == "member");
    members.map(|(party, _)| party).collect()
}

/// Whether a holder knows what the relay knows.
fn news(stage: &Stage, patient: &Patient, members: &BTreeSet<PartyId>, found: &mut Found) {
    let relay = &stage.machines[patient.relay as usize];
    let Some(truth) = known(stage, patient.relay, patient.id) else { return };
    let seen = relay.all(stage.now_us, ask::Patients::default(), None);
    let Ok(patients) = seen else { return };
    let now = relay.clock(stage.now_us).seconds();
    let contacts = patients.into_iter().find(|view| view.patient == patient.id);
    for contact in contacts.into_iter().flat_map(|view| view.contacts) {
        let Some(at) = stage.by_party.get(&contact).copied().filter(|at| stage.is_judged(*at))
        else {
            continue;
        };
        // Whom the patient permitted a deposit that never came has nothing to judge by the news, also where
        // a hospital's own copies have brought the patient's key; and new hardware hears of patients when
        // they next deal with it.
        let new = stage.machines[at as usize].disk.replaces;
        let Some(known) = known(stage, at, patient.id).filter(|known| {
            (known.told || patient.enrolled.contains(&at)) && !new && members.contains(&contact)
        }) else {
            continue;
        };
        if known.number != truth.number {
            let what = format!(
                "{} has key {} of patient {}; the newest is {}",
                name(stage, at),
                known.number,
                patient.id.short(),
                truth.number
            );
            found.add("converged", Some(at), what);
        }
        let lacks = truth
            .revoked
            .iter()
            .filter(|(token, expires)| **expires > now && !known.revoked.contains_key(token))
            .count();
        if lacks > 0 {
            let what = format!(
                "{} does not know of {lacks} revocations of patient {}",
                name(stage, at),
                patient.id.short()
            );
            found.add("converged", Some(at), what);
        }
    }
}

fn entries(stage: &Stage, at: u32, patient: PartyId) -> BTreeMap<EntryId, PartyId> {
    match stage.machines[at as usize].all(stage.now_us, ask::Entries::of(patient), None) {
        Ok(views) => views.into_iter().map(|view| (view.entry, view.author)).collect(),
        _ => BTreeMap::new(),
    }
}

/// Whether the relay lists what is recorded of its patient.
fn records(stage: &Stage, patient: &Patient, members: &BTreeSet<PartyId>, found: &mut Found) {
    let listed = entries(stage, patient.relay, patient.id);
    for at in patient.enrolled.iter().copied().filter(|at| stage.is_judged(*at)) {
        // What waited to be announced went with the disk.
        if stage.machines[at as usize].disk.replaces {
            continue;
        }
        let me = stage.machines[at as usize].party.peer.me();
        if !members.contains(&me) {
            continue;
        }
        let made = entries(stage, at, patient.id).into_iter().filter(|(_, author)| *author == me);
        let lacks = made.filter(|(entry, _)| !listed.contains_key(entry)).count();
        if lacks > 0 {
            let what = format!(
                "the relay of patient {} does not list {lacks} entries that {} made",
                patient.id.short(),
                name(stage, at)
            );
            found.add("converged", Some(patient.relay), what);
        }
    }
}

/// Whether anything waits that could go.
fn waiting(stage: &Stage, at: u32, members: &BTreeSet<PartyId>, found: &mut Found) {
    let there = |party: &PartyId| {
        let other = stage.by_party.get(party).copied().filter(|other| stage.is_judged(*other));
        let Some(other) = other else { return false };
        let relay = stage.machines[other as usize].party.peer.role() == Role::Patient;
        relay || members.contains(party)
    };
    let machine = &stage.machines[at as usize];
    if machine.party.peer.role() != Role::Patient && !members.contains(&machine.party.peer.me()) {
        return;
    }
    let kinds = [
        ("messages", stage.waits_for(at).find(there)),
        ("objects", stage.pulls_from(at).find(there)),
    ];
    for (what, other) in kinds {
        if let Some(other) = other.and_then(|party| stage.by_party.get(&party)) {
            let to = name(stage, *other);
            let what = format!("{what} between {} and {to} still wait", name(stage, at));
            found.add("converged", Some(at), what);
        }
    }
}

impl Checker for Converged {
    fn see(&mut self, _stage: &Stage, _seen: &Seen<'_>, _found: &mut Found) {}

    fn end(&mut self, stage: &Stage, patients: &[Patient], found: &mut Found) {
        let members = ledgers(stage, found);
        for patient in patients.iter().filter(|patient| stage.is_judged(patient.relay)) {
            news(stage, patient, &members, found);
            records(stage, patient, &members, found);
        }
        for (at, _) in (0u32..).zip(&stage.machines) {
            if stage.is_judged(at) {
                waiting(stage, at, &members, found);
            }
        }
    }
}
