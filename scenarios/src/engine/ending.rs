//! What is asked in the end alone: entries of which no copy is left, members that nobody honest let in.

use crate::stage::Stage;
use crate::tier::Ending;
use crate::tier::people::Patient;
use chartmesh_protocol::federation::view::Status;
use chartmesh_protocol::id::{EntryId, PartyId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::ask;
use std::collections::BTreeSet;

/// Asks all honest hospitals and providers that are on and have not left what they have whole. A copy
/// that a reader obtained counts, too.
pub(super) fn ending(stage: &Stage, patients: &[Patient]) -> Ending {
    let keepers: Vec<u32> = (0u32..)
        .zip(&stage.machines)
        .filter(|(at, machine)| {
            machine.party.peer.role() != Role::Patient && stage.is_judged(*at) && is_in(stage, *at)
        })
        .map(|(at, _)| at)
        .collect();
    let kept: BTreeSet<(PartyId, EntryId)> =
        keepers.iter().flat_map(|at| kept(stage, *at)).collect();
    let (mut listed, mut lost) = (0, Vec::new());
    for patient in patients {
        let mut wanted: BTreeSet<EntryId> =
            entries(stage, patient.relay, patient.id).map(|(entry, _)| entry).collect();
        listed += wanted.len() as u64;
        wanted.retain(|entry| !kept.contains(&(patient.id, *entry)));
        for at in &keepers {
            if wanted.is_empty() {
                break;
            }
            for (entry, _) in entries(stage, *at, patient.id).filter(|(_, whole)| *whole) {
                wanted.remove(&entry);
            }
        }
        if !wanted.is_empty() {
            lost.push((patient.relay, wanted.len() as u64));
        }
    }
    let strangers = keepers.iter().map(|at| (*at, strangers(stage, *at))).collect();
    Ending { listed, lost, strangers }
}

/// Members by an institution's list who are no party of the scenario.
fn strangers(stage: &Stage, at: u32) -> u64 {
    let machine = &stage.machines[at as usize];
    let Ok(view) = machine.see(stage.now_us, &ask::Members, None) else {
        return 0;
    };
    let stranger = view.parties.iter().filter(|party| {
        matches!(party.status, Status::Member) && !stage.by_party.contains_key(&party.party)
    });
    stranger.count() as u64
}

/// Whether an institution is neither gone from the federation nor put out, by its own word.
fn is_in(stage: &Stage, at: u32) -> bool {
    let machine = &stage.machines[at as usize];
    let me = machine.party.peer.me();
    match machine.see(stage.now_us, &ask::Members, None) {
        Ok(view) => view.parties.iter().all(|party| {
            party.party != me || !matches!(party.status, Status::Left | Status::Expelled)
        }),
        _ => true,
    }
}

/// Entries of a patient that a machine lists, and whether it has them whole.
fn entries(stage: &Stage, at: u32, subject: PartyId) -> impl Iterator<Item = (EntryId, bool)> {
    let all = stage.machines[at as usize].all(stage.now_us, ask::Entries::of(subject), None);
    let views = all.unwrap_or_default();
    views.into_iter().map(|view| (view.entry, view.whole))
}

/// What a machine keeps for others, by subject.
fn kept(stage: &Stage, at: u32) -> Vec<(PartyId, EntryId)> {
    let machine = &stage.machines[at as usize];
    let me = machine.party.peer.me();
    match machine.all(stage.now_us, ask::Kept::default(), None) {
        Ok(views) => {
            let here = views.into_iter().filter(|view| view.holder == me);
            here.map(|view| (view.subject, view.entry)).collect()
        }
        _ => Vec::new(),
    }
}
