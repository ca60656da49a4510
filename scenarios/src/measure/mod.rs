//! Measures: what is counted from outside the peers, each with its denominator.
//!
//! Adding one: a field here, the arm of [`Measures::see`] that feeds it, its line in [`Measures::end`], its
//! name in [`METRICS`].

mod ending;
mod observer;
mod receipts;
mod scene;

pub use ending::Ending;
pub use scene::Scene;

use crate::result::{Expectation, Metric, OF_REGION, Sample, Unit};
use crate::scenario::{Expect, Scenario, limit};
use crate::stats::{Bound, Summary};
use crate::watch::{Seen, feature};
use chartmesh_protocol::backup;
use chartmesh_protocol::capability::Reason;
use chartmesh_protocol::consent::Message as Consent;
use chartmesh_protocol::id::{ConsentId, PartyId, TokenId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, View};
use chartmesh_protocol::refusal::RefusalCode;
use observer::Eavesdropper;
use receipts::Receipts;
use std::collections::{BTreeMap, BTreeSet};

/// All metrics: name, unit, what it says, of what it is counted.
pub(crate) const METRICS: &[(&str, Unit, &str, &str)] = &[
    (
        "availability",
        Unit::Share,
        "patients whose record some holder has who is on and can be reached from the patient's region, at each step",
        "regions with patients, at each step",
    ),
    (
        "availability_elsewhere",
        Unit::Share,
        "patients whose record some holder has who is on and can be reached from the other regions' hospitals, at each step",
        "regions with patients, at each step; each other region with hospitals counts alike",
    ),
    (
        "consent_latency",
        Unit::Micros,
        "from a hospital's request to the permission's arrival at its reader",
        "requests made",
    ),
    (
        "read_latency",
        Unit::Micros,
        "from a hospital's decision to read to the first page's arrival",
        "reads begun",
    ),
    (
        "read_in_time",
        Unit::Share,
        "reads that a holder granted within measure.deadline",
        "reads begun, but for those refused because the permission had ended",
    ),
    (
        "stale_refusals",
        Unit::Count,
        "reads that a holder refused because its news of the patient's revocations was older than the permission allows",
        "reads that ended",
    ),
    (
        "revocation_delay",
        Unit::Micros,
        "from a patient's revocation to each holder's taking it in; label `online` when the holder was on at the revocation",
        "holders told, for each revocation",
    ),
    (
        "reads_after_revocation",
        Unit::Micros,
        "reads that a holder answered under a permission that its patient had revoked: how long after",
        "reads answered by holders",
    ),
    (
        "delivery_latency",
        Unit::Micros,
        "from a message's entry into the outbox to its outcome, by feature",
        "messages put into an outbox and concluded or waiting",
    ),
    (
        "recovery_time",
        Unit::Micros,
        "from an event's end until the last message that had waited then was delivered",
        "events that ended",
    ),
    ("messages", Unit::Count, "messages that left, by feature, at each step", "steps"),
    ("bytes", Unit::Bytes, "bytes on the wire, by feature, at each step", "steps"),
    (
        "storage",
        Unit::Bytes,
        "bytes of rows and objects of a party, at the end; label is the role",
        "parties",
    ),
    ("refusals", Unit::Count, "messages refused, by feature", "messages concluded"),
    (
        "not_given_back",
        Unit::Count,
        "entries that a receipt of a provider names and that a restore from there did not bring back",
        "entries that receipts name, at each restore",
    ),
    (
        "entries_lost",
        Unit::Count,
        "entries of which no honest hospital or provider of the federation has a whole copy in the end",
        "entries that patients' relays list",
    ),
    (
        "strangers",
        Unit::Count,
        "members that an honest institution lists in the end and that dishonest ones made up",
        "honest institutions",
    ),
    (
        "observer_feature",
        Unit::Share,
        "messages whose feature somebody who sees sizes alone guesses right, less what always guessing the most frequent gets",
        "messages that left",
    ),
    (
        "observer_hospital",
        Unit::Share,
        "relays whose patient's hospital somebody who sees who talks with whom names right",
        "relays that spoke",
    ),
];

/// A metric without values, by its name: for a tier that measures by the same rules.
#[must_use]
pub fn metric(name: &str) -> Option<Metric> {
    let (name, unit, doc, of) = *METRICS.iter().find(|(known, ..)| *known == name)?;
    Some(Metric { name, unit, doc, of, denominator: 0, samples: Vec::new() })
}

/// What is being measured.
pub struct Measures {
    begin_us: u64,
    warm_us: u64,
    deadline_us: u64,
    samples: BTreeMap<&'static str, Vec<Sample>>,
    asked: BTreeMap<ConsentId, (u64, u32)>,
    reading: BTreeMap<(u32, ConsentId), u64>,
    /// Revocations: when the patient took a permission back, by the patient's id; who has not heard.
    revoked: BTreeMap<TokenId, u64>,
    told: BTreeMap<(u64, u32), (u64, bool)>,
    reads: u64,
    reads_ended: u64,
    sent: BTreeMap<&'static str, u64>,
    bytes: BTreeMap<&'static str, u64>,
    concluded: u64,
    steps: u64,
    /// Events that ended: when, and the last conclusion of a message that had waited then.
    ended: BTreeMap<usize, (u64, u64)>,
    /// By patient: the relay, and who has the record.
    patients: BTreeMap<u64, (u32, BTreeSet<u32>)>,
    /// Hospitals that deal with a patient and have no record of one.
    empty: BTreeSet<(u64, u32)>,
    /// What the destroyed had.
    gone: BTreeMap<u32, Vec<u64>>,
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
            patients: patients.collect(),
            empty: BTreeSet::new(),
            gone: BTreeMap::new(),
            eavesdropper: Eavesdropper::default(),
            receipts: Receipts::default(),
        }
    }

    /// Bytes on the wire.
    pub fn bytes(&mut self, feature: &'static str, bytes: u64) {
        *self.bytes.entry(feature).or_default() += bytes;
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
                let patient = crate::watch::patient_of(body);
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
            Body::Enrolment(_) if done => {
                let patient = crate::watch::patient_of(body);
                // Whoever only wants to see what others have has a chart and nothing in it.
                if self.patients.contains_key(&patient) {
                    self.empty.insert((patient, at));
                }
                self.holds(patient, from, at);
            }
            Body::Backup(backup::Message::Offer(_)) if done => {
                let patient = crate::watch::patient_of(body);
                self.empty.remove(&(patient, at));
                self.holds(patient, from, at);
            }
            _ => {}
        }
    }

    /// A machine has a patient's record, or will in a moment.
    fn holds(&mut self, patient: u64, from: u32, holder: u32) {
        let known = self.patients.entry(patient).or_insert((from, BTreeSet::new()));
        known.1.insert(holder);
    }

    fn answered(&mut self, stage: &dyn Scene, party: u32, name: &'static str, answer: &View) {
        let now_us = stage.now_us();
        match (name, answer) {
            ("consent.download" | "consent.referral", View::Request(request)) => {
                self.asked.insert(request.request, (now_us, party));
            }
            ("consent.fetch", View::Request(request)) => {
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
                if !refusal.text.starts_with(Reason::StaleRevocations.name()) {
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
        let patient = crate::watch::short(patient);
        let holders = self.patients.get(&patient).map(|(_, holders)| holders.iter());
        for holder in holders.into_iter().flatten() {
            let on = stage.is_on(*holder);
            self.told.entry((patient, *holder)).or_insert((stage.now_us(), on));
        }
    }

    fn step(&mut self, stage: &dyn Scene) {
        let now_us = stage.now_us();
        self.steps += self.counts(now_us);
        let begun_us = now_us;
        for (feature, count) in core::mem::take(&mut self.sent) {
            self.sample("messages", begun_us, count as f64, crate::result::NOBODY, feature);
        }
        for (feature, bytes) in core::mem::take(&mut self.bytes) {
            self.sample("bytes", begun_us, bytes as f64, crate::result::NOBODY, feature);
        }
        let mut by_region = BTreeMap::<u32, (u64, u64)>::new();
        for (patient, (relay, holders)) in &self.patients {
            let region = stage.region(*relay);
            let up = holders.iter().any(|holder| self.reaches(stage, *relay, *holder, *patient));
            let count = by_region.entry(region).or_default();
            count.0 += u64::from(up);
            count.1 += 1;
        }
        for (region, (up, all)) in by_region {
            // The sample's party is the region's number.
            self.sample("availability", now_us, up as f64 / all as f64, region, OF_REGION);
        }
        self.elsewhere(stage);
    }

    /// Whether somebody can reach a patient's record at a holder.
    fn reaches(&self, stage: &dyn Scene, from: u32, holder: u32, patient: u64) -> bool {
        stage.is_on(holder)
            && !stage.is_cut(from, holder)
            && !self.empty.contains(&(patient, holder))
    }

    /// Availability as the other regions see it, each through the eyes of its first hospital.
    fn elsewhere(&mut self, stage: &dyn Scene) {
        let mut eyes = BTreeMap::<u32, u32>::new();
        for at in 0..stage.count() {
            if stage.role(at) == Role::Hospital {
                eyes.entry(stage.region(at)).or_insert(at);
            }
        }
        let mut by_region = BTreeMap::<u32, (u64, u64)>::new();
        for (patient, (relay, holders)) in &self.patients {
            let region = stage.region(*relay);
            let count = by_region.entry(region).or_default();
            for (_, eye) in eyes.iter().filter(|(other, _)| **other != region) {
                let seen = |holder: &u32| self.reaches(stage, *eye, *holder, *patient);
                count.0 += u64::from(holders.iter().any(seen));
                count.1 += 1;
            }
        }
        for (region, (up, all)) in by_region.into_iter().filter(|(_, (_, all))| *all > 0) {
            let share = up as f64 / all as f64;
            self.sample("availability_elsewhere", stage.now_us(), share, region, OF_REGION);
        }
    }

    /// A disk is gone, and what was on it.
    fn destroyed(&mut self, at: u32) {
        let had = self
            .patients
            .iter_mut()
            .filter_map(|(patient, (_, holders))| holders.remove(&at).then_some(*patient));
        self.gone.insert(at, had.collect());
    }

    /// What a machine had before its disk was lost came back from a provider.
    fn restored(&mut self, at: u32) {
        for patient in self.gone.remove(&at).unwrap_or_default() {
            if let Some((_, holders)) = self.patients.get_mut(&patient) {
                holders.insert(at);
            }
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
            self.push("read_in_time", begun_us, 0.0, false, reader, "");
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
            self.push("storage", now_us, stage.stored(at) as f64, false, at, label);
        }
        for (ended_us, last_us) in core::mem::take(&mut self.ended).into_values() {
            let took = last_us.saturating_sub(ended_us) as f64;
            self.push("recovery_time", ended_us, took, false, crate::result::NOBODY, "");
        }
        for (relay, lost) in &ending.lost {
            self.push("entries_lost", now_us, *lost as f64, false, *relay, "");
        }
        for (at, strangers) in &ending.strangers {
            self.push("strangers", now_us, *strangers as f64, false, *at, "");
        }
        let (guessed, named) = self.eavesdropper.learns();
        if let Some(guessed) = guessed {
            self.push("observer_feature", now_us, guessed, false, crate::result::NOBODY, "");
        }
        if let Some(named) = named {
            self.push("observer_hospital", now_us, named, false, crate::result::NOBODY, "");
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
}

impl Measures {
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
                    self.restored(*from);
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
            Seen::Destroyed { party } => self.destroyed(*party),
            Seen::Happened { event, begins: false } => {
                self.ended.insert(*event, (stage.now_us(), stage.now_us()));
            }
            Seen::Step => self.step(stage),
            _ => {}
        }
    }
}

/// What the scenario expected, against what came.
#[must_use]
pub fn expectations(expect: &[Expect], metrics: &[Metric]) -> Vec<Expectation> {
    expect
        .iter()
        .map(|expect| {
            let (name, part) = expect.metric.split_once('.').unwrap_or((&expect.metric, "median"));
            let metric = metrics.iter().find(|metric| metric.name == name);
            let came = metric.and_then(|metric| Summary::of(metric).part(part));
            let bound = |value: &Option<toml::Value>| {
                value.as_ref().and_then(|value| limit(name, part, value).ok())
            };
            let (below, above) = (bound(&expect.below), bound(&expect.above));
            // What is at least so much may be above a bound, and is never known to be below one.
            let held = came.is_some_and(|came| {
                let known = matches!(came, Bound::Exactly(_));
                below.is_none_or(|below| known && came.value() < below)
                    && above.is_none_or(|above| came.value() > above)
            });
            let came = came.map(Bound::value);
            let bound = |word: &str, value: &Option<toml::Value>| {
                value.as_ref().map(|value| format!(" {word} {value}")).unwrap_or_default()
            };
            let what = format!(
                "{}{}{}",
                expect.metric,
                bound("below", &expect.below),
                bound("above", &expect.above)
            );
            Expectation { what, came, held }
        })
        .collect()
}
