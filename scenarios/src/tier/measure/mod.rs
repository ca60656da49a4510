//! Measures: what is counted from outside the peers, each with its denominator.
//!
//! Adding one: a field here, the arm of [`Measures::see`] that feeds it, its line in [`Measures::end`], its
//! line in [`METRICS`].

mod availability;
mod ending;
mod expectations;
mod observer;
mod receipts;
mod scene;

pub use ending::Ending;
pub use expectations::expectations;
pub use scene::Scene;

use crate::metric::METRICS;
use crate::result::{Metric, NOBODY, OF_REGION, Sample};
use crate::scenario::Scenario;
use crate::tier::seen::{Seen, feature, patient_of, short};
use availability::Holders;
use chartmesh_protocol::backup;
use chartmesh_protocol::capability::Reason;
use chartmesh_protocol::consent::Message as Consent;
use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::enrolment;
use chartmesh_protocol::id::{ConsentId, PartyId, TokenId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Answer, Body};
use chartmesh_protocol::refusal::RefusalCode;
use observer::Eavesdropper;
use receipts::Receipts;
use std::collections::{BTreeMap, BTreeSet};

/// What is being measured.
pub struct Measures {
    begin_us: u64,
    warm_us: u64,
    deadline_us: u64,
    samples: BTreeMap<&'static str, Vec<Sample>>,
    /// Requests for consent without a permission yet: when each was made, and by whom.
    asked: BTreeMap<ConsentId, (u64, u32)>,
    /// Reads without an answer yet: by whom, under which request, and when each began.
    reading: BTreeMap<(u32, ConsentId), u64>,
    /// When patients took permissions back.
    revoked: BTreeMap<TokenId, u64>,
    /// Who has not heard of that yet, by patient and holder: since when, and whether the holder was on then.
    told: BTreeMap<(u64, u32), (u64, bool)>,
    reads: u64,
    reads_ended: u64,
    sent: BTreeMap<&'static str, u64>,
    bytes: BTreeMap<&'static str, u64>,
    concluded: u64,
    steps: u64,
    /// Events that ended: when, and the last conclusion of a message that had waited then.
    ended: BTreeMap<usize, (u64, u64)>,
    holders: Holders,
    eavesdropper: Eavesdropper,
    receipts: Receipts,
}

impl Measures {
    /// Nothing yet. `patients`: by the first bytes of their ids, the relay and who has the record.
    pub fn new(
        scenario: &Scenario,
        begin_us: u64,
        patients: impl Iterator<Item = (u64, (u32, BTreeSet<u32>))>,
    ) -> Self {
        Self {
            begin_us,
            warm_us: begin_us + scenario.warmup.micros(),
            deadline_us: scenario.measure.deadline.micros(),
            samples: BTreeMap::new(),
            asked: BTreeMap::new(),
            reading: BTreeMap::new(),
            revoked: BTreeMap::new(),
            told: BTreeMap::new(),
            reads: 0,
            reads_ended: 0,
            sent: BTreeMap::new(),
            bytes: BTreeMap::new(),
            concluded: 0,
            steps: 0,
            ended: BTreeMap::new(),
            holders: Holders::new(patients),
            eavesdropper: Eavesdropper::default(),
            receipts: Receipts::default(),
        }
    }

    /// Bytes on the wire.
    pub fn bytes(&mut self, feature: &'static str, bytes: u64) {
        *self.bytes.entry(feature).or_default() += bytes;
    }

    /// A message left.
    pub fn left(
        &mut self,
        stage: &dyn Scene,
        (from, to): (u32, u32),
        feature: &'static str,
        bytes: u64,
    ) {
        *self.sent.entry(feature).or_default() += 1;
        self.eavesdropper.hears(stage, from, to, feature, bytes);
    }

    /// Something happened.
    pub fn see(&mut self, stage: &dyn Scene, seen: &Seen<'_>) {
        match seen {
            Seen::Sent { from, to, message, bytes } => {
                let feature = feature(message.body().name());
                self.left(stage, (*from, *to), feature, *bytes);
            }
            Seen::Handled { from, at, body, outcome, .. } => {
                self.handled(stage, *from, *at, body, *outcome);
            }
            Seen::Concluded { from, name, since_ms, outcome, request, .. } => {
                let Some(outcome) = outcome else { return };
                let feature = feature(name);
                self.concluded += self.counts(stage.now_us());
                if *name == "backup.fetch" && matches!(outcome, OutcomeResult::Done(_)) {
                    self.holders.restored(*from);
                }
                let since_us = stage.when_us(*from, *since_ms).min(stage.now_us());
                let took = (stage.now_us() - since_us) as f64;
                self.sample("delivery_latency", since_us, took, *from, feature);
                if matches!(outcome, OutcomeResult::Refused(_)) {
                    self.sample("refusals", stage.now_us(), 1.0, *from, feature);
                }
                if let Some(begun_us) =
                    request.and_then(|request| self.reading.remove(&(*from, request)))
                {
                    let took = stage.now_us() - begun_us;
                    self.sample("read_latency", begun_us, took as f64, *from, "");
                    self.read_ended(stage, begun_us, *from, outcome);
                }
                for (ended_us, last_us) in self.ended.values_mut() {
                    if since_us < *ended_us {
                        *last_us = stage.now_us();
                    }
                }
            }
            Seen::Answered { party, name, answer: Ok(answer), .. } => {
                self.answered(stage, *party, name, answer);
            }
            Seen::Revoked { patient, tokens } => self.revoked(stage, *patient, tokens),
            Seen::Destroyed { party } => self.holders.destroyed(*party),
            Seen::Happened { event, begins: false } => {
                self.ended.insert(*event, (stage.now_us(), stage.now_us()));
            }
            Seen::Step => self.step(stage),
            _ => {}
        }
    }

    /// The measures of the whole run.
    pub fn end(mut self, stage: &dyn Scene, ending: &Ending) -> Vec<Metric> {
        let now_us = stage.now_us();
        for (asked_us, asker) in core::mem::take(&mut self.asked).into_values() {
            self.push("consent_latency", asked_us, (now_us - asked_us) as f64, true, asker, "");
        }
        for ((reader, _), begun_us) in core::mem::take(&mut self.reading) {
            self.push("read_latency", begun_us, (now_us - begun_us) as f64, true, reader, "");
            self.sample("read_in_time", begun_us, 0.0, reader, "");
        }
        for ((_, holder), (revoked_us, on)) in core::mem::take(&mut self.told) {
            let label = if on { "online" } else { "offline" };
            self.push(
                "revocation_delay",
                revoked_us,
                (now_us - revoked_us) as f64,
                true,
                holder,
                label,
            );
        }
        for at in 0..stage.count() {
            let label = match stage.role(at) {
                Role::Hospital => "hospital",
                Role::Backup => "backup",
                Role::Patient => "patient",
            };
            self.sample("storage", now_us, stage.stored(at) as f64, at, label);
        }
        for (ended_us, last_us) in core::mem::take(&mut self.ended).into_values() {
            let took = last_us.saturating_sub(ended_us) as f64;
            self.sample("recovery_time", ended_us, took, NOBODY, "");
        }
        for (relay, lost) in &ending.lost {
            self.sample("entries_lost", now_us, *lost as f64, *relay, "");
        }
        for (at, strangers) in &ending.strangers {
            self.sample("strangers", now_us, *strangers as f64, *at, "");
        }
        let (guessed, named) = self.eavesdropper.learns();
        if let Some(guessed) = guessed {
            self.sample("observer_feature", now_us, guessed, NOBODY, "");
        }
        if let Some(named) = named {
            self.sample("observer_hospital", now_us, named, NOBODY, "");
        }
        METRICS
            .iter()
            .map(|(name, unit, doc, of)| {
                let samples = self.samples.remove(name).unwrap_or_default();
                let denominator = match *name {
                    "reads_after_revocation" => self.reads,
                    "refusals" => self.concluded,
                    "stale_refusals" => self.reads_ended,
                    "messages" | "bytes" => self.steps,
                    "entries_lost" => ending.listed,
                    "not_given_back" => self.receipts.due(),
                    "observer_feature" => self.eavesdropper.messages(),
                    "observer_hospital" => self.eavesdropper.relays(),
                    _ => samples.len() as u64,
                };
                Metric { name, unit: *unit, doc, of, denominator, samples }
            })
            .collect()
    }

    /// 1 once the warm-up is over, as for samples.
    fn counts(&self, now_us: u64) -> u64 {
        u64::from(now_us >= self.warm_us)
    }

    fn sample(
        &mut self,
        metric: &'static str,
        at_us: u64,
        value: f64,
        party: u32,
        label: &'static str,
    ) {
        self.push(metric, at_us, value, false, party, label);
    }

    fn push(
        &mut self,
        metric: &'static str,
        at_us: u64,
        value: f64,
        censored: bool,
        party: u32,
        label: &'static str,
    ) {
        if at_us >= self.warm_us {
            let at_us = at_us - self.begin_us;
            let sample = Sample { at_us, value, censored, party, label };
            self.samples.entry(metric).or_default().push(sample);
        }
    }

    fn handled(
        &mut self,
        stage: &dyn Scene,
        from: u32,
        at: u32,
        body: &Body,
        outcome: Option<&OutcomeResult>,
    ) {
        let now_us = stage.now_us();
        let done = matches!(outcome, Some(OutcomeResult::Done(_)));
        match body {
            Body::Consent(Consent::Permission(given) | Consent::PassedOn(given)) if done => {
                if let Some((asked_us, asker)) = self.asked.remove(&given.request) {
                    let took = (now_us - asked_us) as f64;
                    self.sample("consent_latency", asked_us, took, asker, "");
                }
            }
            Body::Consent(Consent::Read(read)) if done => {
                self.reads += self.counts(now_us);
                let links = read.chain.links().iter();
                let revoked = links.filter_map(|link| self.revoked.get(&link.claims().id)).min();
                if let Some(revoked_us) = revoked.copied() {
                    let after = (now_us - revoked_us) as f64;
                    self.sample("reads_after_revocation", now_us, after, at, "");
                }
            }
            Body::Custody(_) if done => {
                let patient = patient_of(body);
                if let Some((revoked_us, on)) = self.told.remove(&(patient, at)) {
                    let label = if on { "online" } else { "offline" };
                    self.sample(
                        "revocation_delay",
                        revoked_us,
                        (now_us - revoked_us) as f64,
                        at,
                        label,
                    );
                }
            }
            Body::Backup(backup::Message::Stored(stored)) if done => {
                self.receipts.signed(from, stored.receipt.claims());
            }
            Body::Backup(backup::Message::Fetch(fetch)) => {
                let Some(OutcomeResult::Done(answer)) = outcome else { return };
                let owner = stage.id(from);
                for _ in 0..self.receipts.given(at, fetch, &answer.0, owner) {
                    self.sample("not_given_back", now_us, 1.0, at, "");
                }
            }
            Body::Enrolment(enrolment::Message::Accepted(_)) if done => {
                self.holders.enrolled(patient_of(body), from, at);
            }
            Body::Backup(backup::Message::Offer(_)) if done => {
                self.holders.offered(patient_of(body), from, at);
            }
            _ => {}
        }
    }

    fn answered(&mut self, stage: &dyn Scene, party: u32, name: &'static str, answer: &Answer) {
        let now_us = stage.now_us();
        let Some(request) = answer.get::<RequestView>() else { return };
        match name {
            "consent.download" | "consent.referral" => {
                self.asked.insert(request.request, (now_us, party));
            }
            "consent.fetch" => {
                self.reading.insert((party, request.request), now_us);
            }
            _ => {}
        }
    }

    fn read_ended(
        &mut self,
        stage: &dyn Scene,
        begun_us: u64,
        reader: u32,
        outcome: &OutcomeResult,
    ) {
        self.reads_ended += self.counts(stage.now_us());
        let stale = match outcome {
            OutcomeResult::Refused(refusal) if refusal.code == RefusalCode::BadPermission => {
                if !refusal.is(&Reason::StaleRevocations) {
                    return;
                }
                self.sample("stale_refusals", stage.now_us(), 1.0, reader, "");
                true
            }
            _ => false,
        };
        let done = matches!(outcome, OutcomeResult::Done(_)) && !stale;
        let in_time = done && stage.now_us() - begun_us <= self.deadline_us;
        self.sample("read_in_time", begun_us, f64::from(u8::from(in_time)), reader, "");
    }

    fn revoked(&mut self, stage: &dyn Scene, patient: PartyId, tokens: &[TokenId]) {
        for token in tokens {
            self.revoked.entry(*token).or_insert(stage.now_us());
        }
        let patient = short(patient);
        for holder in self.holders.of(patient) {
            let on = stage.is_on(holder);
            self.told.entry((patient, holder)).or_insert((stage.now_us(), on));
        }
    }

    fn step(&mut self, stage: &dyn Scene) {
        let now_us = stage.now_us();
        self.steps += self.counts(now_us);
        for (feature, count) in core::mem::take(&mut self.sent) {
            self.sample("messages", now_us, count as f64, NOBODY, feature);
        }
        for (feature, bytes) in core::mem::take(&mut self.bytes) {
            self.sample("bytes", now_us, bytes as f64, NOBODY, feature);
        }
        let (here, elsewhere) = (self.holders.here(stage), self.holders.elsewhere(stage));
        for (metric, shares) in [("availability", here), ("availability_elsewhere", elsewhere)] {
            for (region, share) in shares {
                // The sample's party is the region's number.
                self.sample(metric, now_us, share, region, OF_REGION);
            }
        }
    }
}
