//! A day of a federation: hospitals record, refer, read; patients permit and take back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::consent::{self, RequestState};
use chartmesh_protocol::id::{PartyId, TokenId};
use chartmesh_protocol::peer::{Command, KeysView, Page, ask};
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::refusal::Failure;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use serde_json::json;

use crate::clock::ms;
use crate::handles::Handles;
use crate::node::{Who, lock};
use crate::region::{Federation, Patient};

/// What happens in the day.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Entries of a KiB that are recorded for each patient.
    pub entries: u32,
    /// Whether each patient is referred to another hospital once, which reads the record, until the
    /// patient takes the permission back.
    pub referrals: bool,
    /// How long the day is: shorter, as much happens in less time.
    pub length: Duration,
}

/// Milliseconds that things took, each list in the order in which they ended.
#[derive(Clone, Debug, Default)]
pub struct Took {
    /// From the hospital's asking until the other hospital had the permission, without the time that the
    /// patient took to decide.
    pub consent: Vec<u64>,
    /// From the other hospital's asking for the record until it had all of it.
    pub read: Vec<u64>,
    /// From the patient's taking back until the holder knew.
    pub revocation: Vec<u64>,
    /// What was refused or broke off, with its reason.
    pub failed: Vec<String>,
}

impl Federation {
    /// Lets a day begin now, and gives what is filled while it passes.
    pub fn begin_day(&mut self, seed: u64, load: Load) -> Arc<Mutex<Took>> {
        let took = Arc::<Mutex<Took>>::default();
        let (begin, day_ms) = (self.stack.now(), ms(load.length).max(1));
        for (number, patient) in self.patients.clone().into_iter().enumerate() {
            let mut chance = chance(seed, number);
            for entry in 0..load.entries {
                // The first one early, so that there is something to refer.
                let within = if entry == 0 { day_ms / 24 } else { day_ms };
                let at = begin.plus_ms(below(&mut chance, within.max(1)));
                let (handles, took) = (self.stack.handles().clone(), Arc::clone(&took));
                self.stack.spawn(async move {
                    handles.sleep_until(at).await;
                    if let Err(error) = record(&handles, patient).await {
                        lock(&took).failed.push(format!("record: {error}"));
                    }
                });
            }
            if load.referrals {
                let reader = self.hospitals[(number + 1) % self.hospitals.len()];
                let party = self.stack.id(reader);
                let holder = self.stack.id(patient.hospital);
                let referral = Referral { patient, reader, party, holder, day_ms };
                // Late enough that there is something to read, early enough to end within the day.
                let at = begin.plus_ms(day_ms / 4 + below(&mut chance, day_ms / 2));
                // A minute to half an hour of a whole day.
                let thinks_ms = day_ms / 1440 + below(&mut chance, day_ms / 48 + 1);
                let (handles, took) = (self.stack.handles().clone(), Arc::clone(&took));
                self.stack.spawn(async move {
                    handles.sleep_until(at).await;
                    if let Err(error) = referral.run(&handles, thinks_ms, &took).await {
                        lock(&took).failed.push(format!("referral: {error}"));
                    }
                });
            }
        }
        took
    }
}

/// One patient's chance for the day, which no other patient's number changes.
fn chance(seed: u64, patient: usize) -> ChaCha20Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"day").update(&seed.to_be_bytes()).update(&patient.to_be_bytes());
    ChaCha20Rng::from_seed(*hasher.finalize().as_bytes())
}

fn below(chance: &mut ChaCha20Rng, limit: u64) -> u64 {
    chance.next_u64() % limit
}

async fn record(handles: &Handles, patient: Patient) -> Result<(), Failure> {
    let content = [0x41; 1024];
    let draft: (&str, Kind, &[&[u8]]) = ("a finding", Kind::Reports, &[&content]);
    let command = handles.recording(patient.hospital, patient.id, &[draft])?;
    handles.command(patient.hospital, command, None).await.map(drop)
}

/// A patient is referred from one hospital to another.
struct Referral {
    patient: Patient,
    reader: Who,
    /// The reader's institution.
    party: PartyId,
    /// The institution that has the record.
    holder: PartyId,
    day_ms: u64,
}

impl Referral {
    async fn run(
        &self,
        handles: &Handles,
        thinks_ms: u64,
        took: &Mutex<Took>,
    ) -> Result<(), Failure> {
        let (patient, relay) = (self.patient.id, self.patient.relay);
        let asked = handles.now();
        let ask = json!({
            "patient": patient, "to": self.party, "purpose": "care-management",
            "user": "Dr. A", "wish": {},
        });
        handles.command(self.patient.hospital, command("referral", ask), None).await?;
        let query = ask::Requests::of(Some(patient));
        let open = |r: &RequestView| r.state == RequestState::Open && r.asker == self.holder;
        let any_open = |requests: &Page<RequestView>| requests.items.iter().any(open);
        let seen = handles.until(relay, query.clone(), any_open).await?;
        let request = seen.items.iter().find(|r| open(r)).map(|r| r.request);
        let request = request.expect("it was just seen");
        handles.sleep_until(handles.now().plus_ms(thinks_ms)).await;

        let approve = json!({"request": request, "narrow": {"days": 7}});
        handles.command(relay, command("approve", approve), Some(patient)).await?;
        let of = |requests: &Page<RequestView>| {
            requests.items.iter().find(|r| r.request == request).cloned()
        };
        let given = |requests: &Page<_>| of(requests).is_some_and(|r| !r.tokens.is_empty());
        handles.until(self.reader, query.clone(), given).await?;
        lock(took).consent.push(handles.now().since(asked) - thinks_ms);

        let reads = handles.now();
        let fetch = json!({"request": request, "holder": self.holder, "user": "Dr. B"});
        handles.command(self.reader, command("fetch", fetch), None).await?;
        let ended = |requests: &Page<_>| {
            of(requests)
                .is_some_and(|r| matches!(r.state, RequestState::Done | RequestState::Failed))
        };
        let seen = handles.until(self.reader, query.clone(), ended).await?;
        let request = of(&seen).expect("it was just seen");
        if request.state == RequestState::Failed {
            lock(took).failed.push(format!("read: {}", request.reason));
            return Ok(());
        }
        lock(took).read.push(handles.now().since(reads));

        // An hour of a whole day.
        handles.sleep_until(handles.now().plus_ms(self.day_ms / 24)).await;
        let seen = handles.all(relay, query, None).await?;
        let tokens = seen.iter().find(|r| r.request == request.request);
        let tokens = tokens.map(|r| r.tokens.clone()).unwrap_or_default();
        self.revoke(handles, tokens, took).await
    }

    async fn revoke(
        &self,
        handles: &Handles,
        tokens: Vec<TokenId>,
        took: &Mutex<Took>,
    ) -> Result<(), Failure> {
        let patient = self.patient.id;
        let revoked = handles.now();
        let revoke = consent::command::Revoke { patient, tokens: tokens.clone() };
        handles.command(self.patient.relay, revoke, Some(patient)).await?;
        let knows = |keys: &KeysView| {
            keys.revocations.as_ref().is_some_and(|state| {
                tokens
                    .iter()
                    .all(|token| state.0.windows(token.0.len()).any(|part| part == token.0))
            })
        };
        handles.until(self.patient.hospital, ask::Keys { party: patient }, knows).await?;
        lock(took).revocation.push(handles.now().since(revoked));
        Ok(())
    }
}

fn command(what: &str, with: serde_json::Value) -> Command {
    let command = serde_json::from_value(json!({ what: with }));
    Command::Consent(command.expect("the words are the local API's"))
}
