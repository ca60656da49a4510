//! A revoked permission stopped working within the bound that it promised.
//!
//! Watches when a patient took a permission back, when each holder acknowledged having heard of it, and what holders
//! give after that: entries, and objects that were still on their way. A holder that acknowledged gives nothing more
//! under the permission, also after a crash or restart. Where the permission limits how old a holder's news may be,
//! nobody gives anything once that much time has passed since, by the clocks of holder and relay; without such a limit
//! nobody gives anything after a week to whom the patient never said to treat the patient. Who did, may be given by a
//! holder that nobody could reach until the permission expires: the measures
//! `revocation_delay` and `reads_after_revocation` say for how long. It cannot see what was obtained before. A
//! violation means that taking back did not do what the patient was told.

use super::found::{Checker, Found, name};
use super::logged::{MessageKey, key, read_answer};
use crate::stage::Stage;
use crate::tier::people::Patient;
use crate::tier::{Seen, short};
use chartmesh_protocol::capability::{News, Token};
use chartmesh_protocol::consent::Message as Consent;
use chartmesh_protocol::custody;
use chartmesh_protocol::enrolment::Message as Enrolment;
use chartmesh_protocol::id::{ObjectId, PartyId, TokenId};
use chartmesh_protocol::limits;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::Body;
use chartmesh_protocol::time::{DAY_MS, SECOND_MS};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(super) struct Revoked {
    /// When, and at which relay.
    revoked: BTreeMap<TokenId, (u64, u32)>,
    /// News that a holder took in, and nobody knows yet whether it is durable.
    answered: BTreeMap<MessageKey, (u32, Vec<TokenId>)>,
    /// What holders acknowledged: when.
    acknowledged: BTreeMap<(u32, TokenId), u64>,
    /// Patients, and institutions of which they said, at whatever time, that they treat them.
    treated: BTreeSet<(PartyId, PartyId)>,
    /// By reader and object: who gave the entry, under which permissions.
    pulling: BTreeMap<(u32, ObjectId), (u32, Vec<TokenId>)>,
}

impl Revoked {
    fn revoke(&mut self, stage: &Stage, patient: PartyId, tokens: &[TokenId]) {
        let relay = stage
            .machines
            .iter()
            .position(|machine| machine.party.unlocked.contains_key(&patient))
            .and_then(|at| u32::try_from(at).ok());
        for token in tokens {
            self.revoked.entry(*token).or_insert((stage.now_us, relay.unwrap_or(u32::MAX)));
        }
    }

    fn heard(&mut self, news: &News) {
        let said = news.treats.as_ref().map(|treats| treats.claims());
        self.treated.extend(said.map(|said| (said.patient, said.institution)));
    }

    /// How old a holder's news may be at most for a permission with this leaf, in seconds. [CAP-10]
    fn promised(&self, leaf: &Token) -> Option<u64> {
        let treated = self.treated.contains(&(leaf.subject, leaf.grantee()));
        let default = (!treated).then_some(limits::NEWS_DAYS_DEFAULT * DAY_MS / SECOND_MS);
        leaf.max_staleness.or(default)
    }

    /// Why a permission must not be used any more at a holder; `promised`: seconds for which it may be, unheard.
    fn over(&self, stage: &Stage, at: u32, token: &Token, promised: Option<u64>) -> Option<String> {
        // After its end it is not a matter of revocation any more.
        if token.expires <= stage.machines[at as usize].clock(stage.now_us).seconds() {
            return None;
        }
        let (revoked_us, relay) = self.revoked.get(&token.id)?;
        if self.acknowledged.contains_key(&(at, token.id)) {
            return Some(format!("under permission {}, whose end it had acknowledged", token.id));
        }
        let promised_us = promised?.saturating_mul(1_000_000);
        // News issued before the revocation, as the holder judges its age.
        let ahead = |at: u32| stage.machines.get(at as usize).map_or(0, |machine| machine.skew_ms);
        let slack_us = (ahead(*relay) - ahead(at)).max(0).unsigned_abs().saturating_mul(1000);
        let bound_us = revoked_us.saturating_add(promised_us).saturating_add(slack_us + 1_000_000);
        (stage.now_us > bound_us).then(|| {
            format!(
                "under permission {}, {} s after it was revoked; {} s were promised",
                token.id,
                (stage.now_us - revoked_us) / 1_000_000,
                promised_us / 1_000_000
            )
        })
    }
}

impl Checker for Revoked {
    fn see(&mut self, stage: &Stage, seen: &Seen<'_>, found: &mut Found) {
        match seen {
            Seen::Revoked { patient, tokens } => self.revoke(stage, *patient, tokens),
            Seen::Handled {
                at,
                message,
                body: Body::Custody(custody::Message::Keys(keys)),
                outcome: Some(OutcomeResult::Done(_)),
                ..
            } => {
                self.heard(&keys.news);
                let Some(state) = &keys.news.revocations else { return };
                let tokens = state.claims().revoked.iter().map(|revoked| revoked.token);
                self.answered.insert(key(*message), (*at, tokens.collect()));
            }
            Seen::Handled { body: Body::Consent(Consent::Permission(given)), .. } => {
                self.heard(&given.news);
            }
            Seen::Handled { body: Body::Enrolment(Enrolment::Accepted(accepted)), .. } => {
                self.heard(&accepted.news);
            }
            Seen::Handled {
                from, at, body: Body::Consent(Consent::Read(read)), outcome, ..
            } => {
                let Some(answer) = read_answer(*outcome) else { return };
                let links: Vec<&Token> =
                    read.chain.links().iter().map(|link| link.claims()).collect();
                self.heard(&read.news);
                let promised = links.last().and_then(|leaf| self.promised(leaf));
                let over = links.iter().find_map(|token| self.over(stage, *at, token, promised));
                if let Some(over) = over.filter(|_| stage.is_judged(*at)) {
                    let what = format!(
                        "{} gave {} entries of {:x} {over}",
                        name(stage, *at),
                        name(stage, *from),
                        short(read.patient)
                    );
                    found.add("revoked", Some(*at), what);
                }
                let tokens: Vec<TokenId> = links.iter().map(|token| token.id).collect();
                for content in answer.bundles.iter().flat_map(|bundle| &bundle.contents) {
                    self.pulling.insert((*from, content.object), (*at, tokens.clone()));
                }
            }
            Seen::Concluded {
                message: Some(message),
                outcome: Some(OutcomeResult::Done(_)),
                ..
            } => {
                if let Some((at, tokens)) = self.answered.remove(&key(*message)) {
                    for token in tokens {
                        self.acknowledged.entry((at, token)).or_insert(stage.now_us);
                    }
                }
            }
            Seen::Pulled { at, from, object, served_us, end: "done", .. } => {
                let Some((holder, tokens)) = self.pulling.remove(&(*at, *object)) else { return };
                let known = |token: &&TokenId| {
                    let acknowledged = self.acknowledged.get(&(*from, **token));
                    acknowledged.is_some_and(|since_us| since_us < served_us)
                };
                if holder == *from
                    && stage.is_judged(*from)
                    && let Some(token) = tokens.iter().find(known)
                {
                    let what = format!(
                        "{} gave {} object {} under permission {token}, whose end it had acknowledged",
                        name(stage, *from),
                        name(stage, *at),
                        object.short()
                    );
                    found.add("revoked", Some(*from), what);
                }
            }
            Seen::Destroyed { party } => {
                self.acknowledged.retain(|(at, _), _| at != party);
                self.answered.retain(|_, (at, _)| at != party);
            }
            _ => {}
        }
    }

    fn end(&mut self, stage: &Stage, patients: &[Patient], found: &mut Found) {
        // What was acknowledged is known for as long as the permission could be shown.
        let mut holders = BTreeMap::<u32, BTreeSet<TokenId>>::new();
        for (at, token) in self.acknowledged.keys().filter(|(at, _)| stage.is_judged(*at)) {
            holders.entry(*at).or_default().insert(*token);
        }
        for (at, tokens) in holders {
            let now = stage.machines[at as usize].clock(stage.now_us).seconds();
            let mut known = BTreeSet::new();
            for patient in patients {
                let state = super::converged::known(stage, at, patient.id);
                known.extend(state.iter().flat_map(|known| known.revoked.keys().copied()));
            }
            let expired = |token: &TokenId| {
                super::converged::expiry(stage, patients, *token)
                    .is_none_or(|expires| expires <= now)
            };
            for token in tokens.difference(&known).filter(|token| !expired(token)) {
                let what = format!(
                    "{} does not know any more that permission {token} was revoked",
                    name(stage, at)
                );
                found.add("revoked", Some(at), what);
            }
        }
    }
}
