//! What is measured over processes, by the rules of the core tier's measures and under their names. What
//! only an observer inside the machines can count is left out.

use std::collections::{BTreeMap, BTreeSet};

use chartmesh_protocol::id::{ConsentId, TokenId};
use chartmesh_scenarios::result::{Metric, NOBODY, Sample};
use chartmesh_scenarios::tier::feature;

/// The measures that this tier has. The others need to see into machines, or an event that it refuses.
pub(crate) const MEASURED: [&str; 8] = [
    "consent_latency",
    "read_latency",
    "revocation_delay",
    "reads_after_revocation",
    "delivery_latency",
    "messages",
    "bytes",
    "refusals",
];

/// Bytes that are no message and no outcome: handshakes, `hello`, objects, what carries them all.
const REST: &str = "rest";

/// A message that was handled.
pub(crate) struct Handled<'a> {
    pub(crate) name: &'static str,
    pub(crate) at: u32,
    pub(crate) when_us: u64,
    pub(crate) about: Option<ConsentId>,
    pub(crate) patient: Option<u64>,
    pub(crate) done: bool,
    /// The permissions that the patients have given so far, by request.
    pub(crate) given: &'a BTreeMap<ConsentId, BTreeSet<TokenId>>,
}

/// A message whose outcome its sender has taken in.
pub(crate) struct Concluded {
    pub(crate) name: &'static str,
    pub(crate) from: u32,
    pub(crate) since_us: u64,
    pub(crate) when_us: u64,
    pub(crate) about: Option<ConsentId>,
    pub(crate) refused: bool,
}

/// What is being measured. Times are microseconds since the scenario's begin.
pub(crate) struct Measures {
    warm_us: u64,
    samples: BTreeMap<&'static str, Vec<Sample>>,
    asked: BTreeMap<ConsentId, (u64, u32)>,
    reading: BTreeMap<(u32, ConsentId), u64>,
    /// Permissions that were taken back: when.
    revoked: BTreeMap<TokenId, u64>,
    /// Holders that are to hear of a patient's revocation: since when.
    told: BTreeMap<(u64, u32), u64>,
    /// Who has entries of a patient.
    holders: BTreeMap<u64, BTreeSet<u32>>,
    reads: u64,
    concluded: u64,
    steps: u64,
    sent: BTreeMap<&'static str, u64>,
    bytes: BTreeMap<&'static str, u64>,
    /// Bytes on the wire when the last step ended.
    wire: u64,
}

impl Measures {
    pub(crate) fn new(warm_us: u64) -> Self {
        Self {
            warm_us,
            samples: BTreeMap::new(),
            asked: BTreeMap::new(),
            reading: BTreeMap::new(),
            revoked: BTreeMap::new(),
            told: BTreeMap::new(),
            holders: BTreeMap::new(),
            reads: 0,
            concluded: 0,
            steps: 0,
            sent: BTreeMap::new(),
            bytes: BTreeMap::new(),
            wire: 0,
        }
    }

    /// Bytes on the wire so far belong to the setting up.
    pub(crate) const fn begin(&mut self, wire: u64) {
        self.wire = wire;
    }

    fn sample(&mut self, metric: &'static str, at_us: u64, value: f64, party: u32) {
        self.push(metric, Sample { at_us, value, censored: false, party, label: "" });
    }

    fn push(&mut self, metric: &'static str, sample: Sample) {
        if sample.at_us >= self.warm_us {
            self.samples.entry(metric).or_default().push(sample);
        }
    }

    /// An institution has a patient's record, or will in a moment.
    pub(crate) fn holds(&mut self, patient: u64, holder: u32) {
        self.holders.entry(patient).or_default().insert(holder);
    }

    /// A request to a patient was made.
    pub(crate) fn asks(&mut self, request: ConsentId, at_us: u64, by: u32) {
        self.asked.insert(request, (at_us, by));
    }

    /// A hospital begins to read.
    pub(crate) fn reads(&mut self, request: ConsentId, at_us: u64, by: u32) {
        self.reading.insert((by, request), at_us);
    }

    /// A patient took permissions back, and the relay said so.
    pub(crate) fn revokes(&mut self, patient: u64, tokens: &[TokenId], at_us: u64) {
        for token in tokens {
            self.revoked.entry(*token).or_insert(at_us);
        }
        for holder in self.holders.get(&patient).into_iter().flatten() {
            self.told.entry((patient, *holder)).or_insert(at_us);
        }
    }

    /// A message leaves.
    pub(crate) fn leaves(&mut self, name: &'static str, bytes: u64) {
        *self.sent.entry(feature(name)).or_default() += 1;
        *self.bytes.entry(feature(name)).or_default() += bytes;
    }

    pub(crate) fn handled(&mut self, handled: &Handled<'_>, answer: u64) {
        let Handled { name, at, when_us, .. } = *handled;
        *self.bytes.entry(feature(name)).or_default() += answer;
        if !handled.done {
            return;
        }
        match (name, handled.about, handled.patient) {
            ("consent.permission" | "consent.passed-on", Some(request), _) => {
                if let Some((asked_us, asker)) = self.asked.remove(&request) {
                    let took = when_us.saturating_sub(asked_us) as f64;
                    self.sample("consent_latency", asked_us, took, asker);
                }
            }
            ("consent.read", Some(request), _) => {
                self.reads += 1;
                let tokens = handled.given.get(&request).into_iter().flatten();
                let revoked = tokens.filter_map(|token| self.revoked.get(token)).min();
                if let Some(revoked_us) = revoked.copied().filter(|at_us| *at_us < when_us) {
                    let after = (when_us - revoked_us) as f64;
                    self.sample("reads_after_revocation", when_us, after, at);
                }
            }
            ("custody.keys", _, Some(patient)) => {
                if let Some(revoked_us) = self.told.remove(&(patient, at)) {
                    let value = when_us.saturating_sub(revoked_us) as f64;
                    let label = "online";
                    let sample =
                        Sample { at_us: revoked_us, value, censored: false, party: at, label };
                    self.push("revocation_delay", sample);
                }
            }
            ("enrolment.accepted" | "backup.offer", _, Some(patient)) => self.holds(patient, at),
            _ => {}
        }
    }

    pub(crate) fn concluded(&mut self, concluded: &Concluded) {
        let Concluded { name, from, since_us, when_us, about, refused } = *concluded;
        let label = feature(name);
        self.concluded += 1;
        let value = when_us.saturating_sub(since_us) as f64;
        let sample = Sample { at_us: since_us, value, censored: false, party: from, label };
        self.push("delivery_latency", sample);
        if refused {
            let sample = Sample { at_us: when_us, value: 1.0, censored: false, party: from, label };
            self.push("refusals", sample);
        }
        let begun = about.and_then(|request| self.reading.remove(&(from, request)));
        if let Some(begun_us) = begun {
            let took = when_us.saturating_sub(begun_us);
            self.sample("read_latency", begun_us, took as f64, from);
        }
    }

    /// A step of the time series is over, and so many bytes have been on the wire.
    pub(crate) fn step(&mut self, now_us: u64, wire: u64) {
        self.steps += 1;
        let said: u64 = self.bytes.values().sum();
        let rest = (wire - self.wire).saturating_sub(said);
        *self.bytes.entry(REST).or_default() += rest;
        self.wire = wire;
        for (metric, counts) in [
            ("messages", std::mem::take(&mut self.sent)),
            ("bytes", std::mem::take(&mut self.bytes)),
        ] {
            for (label, count) in counts {
                let value = count as f64;
                let sample = Sample { at_us: now_us, value, censored: false, party: NOBODY, label };
                self.push(metric, sample);
            }
        }
    }

    /// The measures of the whole run.
    pub(crate) fn end(mut self, now_us: u64) -> Vec<Metric> {
        let never = |begun_us: u64, party: u32, label: &'static str| {
            let value = now_us.saturating_sub(begun_us) as f64;
            Sample { at_us: begun_us, value, censored: true, party, label }
        };
        for (asked_us, asker) in std::mem::take(&mut self.asked).into_values() {
            self.push("consent_latency", never(asked_us, asker, ""));
        }
        for ((reader, _), begun_us) in std::mem::take(&mut self.reading) {
            self.push("read_latency", never(begun_us, reader, ""));
        }
        for ((_, holder), revoked_us) in std::mem::take(&mut self.told) {
            self.push("revocation_delay", never(revoked_us, holder, "online"));
        }
        MEASURED
            .iter()
            .filter_map(|name| {
                let samples = self.samples.remove(name).unwrap_or_default();
                let denominator = match *name {
                    "reads_after_revocation" => self.reads,
                    "refusals" => self.concluded,
                    "messages" | "bytes" => self.steps,
                    _ => samples.len() as u64,
                };
                Some(Metric { denominator, samples, ..Metric::named(name)? })
            })
            .collect()
    }
}
