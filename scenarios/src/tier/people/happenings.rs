//! What people do when something happens to the federation.

use super::{AtRelay, Doors, Enrolled, Errand, People};
use crate::scenario::{Act, Happening, Share};
use chartmesh_protocol::federation;
use chartmesh_protocol::peer::Command;
use std::collections::BTreeSet;

impl People<'_> {
    /// An event of the scenario that people bring about.
    pub fn happens(
        &mut self,
        what: Happening,
        meant: &BTreeSet<u32>,
        other: Option<u32>,
        share: Share,
        doors: &mut dyn Doors,
    ) {
        match (what, other) {
            (Happening::Merge, Some(into)) => {
                for at in meant {
                    self.merge(*at, into, doors);
                }
            }
            (Happening::Revoke, _) => {
                let of: Vec<usize> = (0..self.patients.len())
                    .filter(|patient| {
                        let patient = &self.patients[*patient];
                        meant.contains(&patient.home) || meant.contains(&patient.relay)
                    })
                    .collect();
                for patient in of {
                    self.when_on(patient, AtRelay::Revoke { share: share.get() }, doors);
                }
            }
            (Happening::Expel, _) => {
                for party in meant {
                    for by in self.hospitals.clone() {
                        if !meant.contains(&by) {
                            // People need a while to hear of it and to decide.
                            let wait = 60_000_000 * (1 + self.choice.one_of(60) as u64);
                            let tag = self.errand(Errand::Expel { by, party: *party });
                            doors.later(doors.now_us() + wait, tag);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// A hospital's patients go over to another: they enrol there, and it asks for their records.
    fn merge(&mut self, from: u32, into: u32, doors: &mut dyn Doors) {
        for patient in self.at_home.get(&from).cloned().unwrap_or_default() {
            if self.patients[patient].enrolled.contains(&into) {
                self.ask_to_see(Act::Referral, from, Some(into), patient, doors);
            } else {
                self.chart(into, patient, Enrolled::Referral { from }, doors);
            }
        }
    }

    /// What merged into another leaves.
    pub fn merged(&mut self, at: u32, into: Option<u32>, doors: &mut dyn Doors) {
        if let Some(into) = into {
            let moved = self.at_home.remove(&at).unwrap_or_default();
            for patient in &moved {
                self.patients[*patient].home = into;
            }
            self.at_home.entry(into).or_default().extend(moved);
        }
        let tag = self.errand(Errand::Leave { at });
        doors.later(doors.now_us(), tag);
    }

    pub(super) fn leave(&mut self, at: u32, doors: &mut dyn Doors) {
        let tag = self.errand(Errand::Done);
        let leave = Command::from(federation::command::Leave);
        doors.ask(at, leave, None, "federation.leave", tag);
    }

    pub(super) fn expel(&mut self, by: u32, party: u32, doors: &mut dyn Doors) {
        let party = doors.id(party);
        let expel = federation::command::Expel { party, reason: "by the scenario".into() };
        let tag = self.errand(Errand::Done);
        doors.ask(by, Command::from(expel), None, "federation.expel", tag);
    }

    /// A party has new hardware and its old keys: it joins again and restores what was deposited.
    pub fn replaced(&mut self, at: u32, doors: &mut dyn Doors) {
        if !self.hospitals.contains(&at) && !self.providers.contains(&at) {
            return;
        }
        let Some(host) = self
            .hospitals
            .iter()
            .copied()
            .find(|hospital| *hospital != at && doors.is_on(*hospital))
        else {
            return self.skip("replace");
        };
        let addresses = doors.addresses(host);
        let invite = federation::command::Invite { valid_ms: None, addresses };
        let tag = self.errand(Errand::Invited { at });
        doors.ask(host, Command::from(invite), None, "federation.invite", tag);
    }

    pub(super) fn invited(&mut self, at: u32, code: String, doors: &mut dyn Doors) {
        let tag = self.errand(Errand::Done);
        let join = federation::command::Join { code };
        doors.ask(at, Command::from(join), None, "federation.join", tag);
        if self.hospitals.contains(&at) {
            let tag = self.errand(Errand::Restore { at });
            doors.later(doors.now_us() + 120_000_000, tag);
        }
    }
}
