//! Nobody had more kept than the permission allows.
//!
//! Watches deposits that were taken, and adds up by holder and permission what they bring, from the lengths in
//! their labels' lists. It sees a deposit's end when the holder says that it gave it up, not when its place
//! expires without a word, so that it may count too much after a week; quotas are the patient's.
//! A violation means that somebody stored more at a holder than a patient permitted.

use super::found::{Checker, Found, name};
use crate::stage::Stage;
use crate::tier::people::Patient;
use crate::tier::{Seen, bytes_of};
use chartmesh_protocol::backup::Message;
use chartmesh_protocol::id::TokenId;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::Body;
use std::collections::BTreeMap;

/// Permissions with their quotas.
type Quotas = Vec<(TokenId, u64)>;

#[derive(Default)]
pub(super) struct Quota {
    /// By holder and deposit: the permissions with quotas that it counts under, and its bytes.
    deposits: BTreeMap<(u32, [u8; 16]), (Quotas, u64)>,
    /// By holder and permission.
    used: BTreeMap<(u32, TokenId), u64>,
}

impl Checker for Quota {
    fn see(&mut self, stage: &Stage, seen: &Seen<'_>, found: &mut Found) {
        match seen {
            Seen::Handled {
                at,
                body: Body::Backup(Message::Offer(offer)),
                outcome: Some(OutcomeResult::Done(_)),
                ..
            } => {
                let key = (*at, offer.reservation);
                let Some(permission) = &offer.permission else { return };
                let links = permission.chain.links().iter().map(|link| link.claims());
                let quotas: Quotas =
                    links.filter_map(|token| Some((token.id, token.quota?))).collect();
                if quotas.is_empty() || self.deposits.contains_key(&key) {
                    return;
                }
                let bytes = offer.bundles.iter().map(bytes_of).sum();
                for (token, quota) in &quotas {
                    let used = self.used.entry((*at, *token)).or_default();
                    *used += bytes;
                    if *used > *quota && stage.is_judged(*at) {
                        let what = format!(
                            "{} keeps {used} bytes under permission {token} of {quota}",
                            name(stage, *at)
                        );
                        found.add("quota", Some(*at), what);
                    }
                }
                self.deposits.insert(key, (quotas, bytes));
            }
            Seen::Sent { from, message, .. } => {
                let Body::Backup(Message::Withdrawn(withdrawn)) = message.body() else { return };
                let gone = self.deposits.remove(&(*from, withdrawn.reservation));
                for (token, _) in gone.iter().flat_map(|(quotas, _)| quotas) {
                    let bytes = gone.as_ref().map_or(0, |(_, bytes)| *bytes);
                    if let Some(used) = self.used.get_mut(&(*from, *token)) {
                        *used = used.saturating_sub(bytes);
                    }
                }
            }
            // Commits that were not durable are gone, and what they counted; nobody outside knows which.
            Seen::Crashed { party } | Seen::Destroyed { party } => {
                self.deposits.retain(|(at, _), _| at != party);
                self.used.retain(|(at, _), _| at != party);
            }
            _ => {}
        }
    }

    fn end(&mut self, _stage: &Stage, _patients: &[Patient], _found: &mut Found) {}
}
