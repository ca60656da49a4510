//! Nobody counts as a member without enough sponsors.
//!
//! Watches who asked a front door to admit whom, and whom each honest institution lists as a member, at every step
//! and in the end. Dishonest members that admit alone all admit the same stranger: each is one sponsor. It cannot see what people agreed on outside. A violation means that somebody got in whom fewer
//! members sponsored than the federation's charter asks for.

use super::found::{Checker, Found, name};
use crate::scenario::{Hostility, Scenario};
use crate::stage::Stage;
use crate::tier::Seen;
use crate::tier::people::Patient;
use chartmesh_protocol::federation::Command as Federation;
use chartmesh_protocol::federation::command::Admit;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::Command;
use chartmesh_protocol::store::{ReadTxn, Table};
use std::collections::{BTreeMap, BTreeSet};

/// Member -> nothing, as the protocol keeps it.
const MEMBERS: Table = Table::rows("federation_member");

pub(super) struct Members {
    threshold: usize,
    /// Members when the scenario began.
    first: BTreeSet<PartyId>,
    /// Admissions that front doors were asked for, by request.
    asked: BTreeMap<u64, PartyId>,
    /// Who sponsored whom.
    sponsors: BTreeMap<PartyId, BTreeSet<u32>>,
    /// Found already.
    told: BTreeSet<(u32, PartyId)>,
}

impl Members {
    pub(super) fn new(scenario: &Scenario, stage: &Stage) -> Self {
        let institutions =
            stage.machines.iter().filter(|machine| machine.party.peer.role() != Role::Patient);
        Self {
            threshold: usize::from(scenario.federation.threshold),
            first: institutions.map(|machine| machine.party.peer.me()).collect(),
            asked: BTreeMap::new(),
            sponsors: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    fn look(&mut self, stage: &Stage, found: &mut Found) {
        let dishonest = stage.machines.iter();
        let dishonest =
            dishonest.filter(|machine| machine.hostile.contains(&Hostility::AdmitAlone)).count();
        for (at, machine) in (0u32..).zip(&stage.machines) {
            if machine.party.peer.role() == Role::Patient || !stage.is_judged(at) {
                continue;
            }
            let rows = machine.disk.page(MEMBERS, &[], &[], usize::MAX);
            for (key, _) in rows.expect("memory does not fail") {
                let Some(member) = PartyId::from_slice(&key) else { continue };
                let sponsors = self.sponsors.get(&member).map_or(dishonest, BTreeSet::len);
                let entitled = self.first.contains(&member) || sponsors >= self.threshold;
                if !entitled && self.told.insert((at, member)) {
                    let what = format!(
                        "{} lists {} as a member, whom {sponsors} sponsored of {} needed",
                        name(stage, at),
                        member.short(),
                        self.threshold
                    );
                    found.add("members", Some(at), what);
                }
            }
        }
    }
}

impl Checker for Members {
    fn see(&mut self, stage: &Stage, seen: &Seen<'_>, found: &mut Found) {
        match seen {
            Seen::Asked {
                request,
                command:
                    Command::Federation(Federation::Admit(Admit { party, although_alike: false })),
                ..
            } => {
                self.asked.insert(*request, *party);
            }
            Seen::Answered { party, request, answer: Ok(_), .. } => {
                if let Some(admitted) = self.asked.remove(request) {
                    self.sponsors.entry(admitted).or_default().insert(*party);
                }
            }
            Seen::Step => self.look(stage, found),
            _ => {}
        }
    }

    fn end(&mut self, stage: &Stage, _patients: &[Patient], found: &mut Found) {
        self.look(stage, found);
    }
}
