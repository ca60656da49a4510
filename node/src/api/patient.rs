//! Patients at a relay: made, unlocked, rotated.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use chartmesh_protocol::consent::view::GrantView;
use chartmesh_protocol::custody::view::{PatientView, RotatedView};
use chartmesh_protocol::custody::{self, NewPatient};
use chartmesh_protocol::id::{PartyId, TokenId};
use chartmesh_protocol::identity::{Phrase, Role};
use chartmesh_protocol::peer::{Done, ask};
use serde::{Deserialize, Serialize};

use super::json::In;
use super::limits::{UNLOCK_MINUTES, UNLOCK_MINUTES_MAX};
use super::problem::{Outcome, Problem};
use super::reasons::Reason;
use super::request::At;
use super::state::ApiState;
use super::unlocked::Secret;
use crate::random::system;

/// A patient that was just made.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NewPatientView {
    /// The patient.
    pub patient: PatientView,
    /// The 24 words. Nobody keeps them: they are to be written down now.
    #[cfg_attr(test, schemars(extend("format" = "password")))]
    pub words: String,
}

impl Drop for NewPatientView {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.words);
    }
}

impl std::fmt::Debug for NewPatientView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewPatientView").field("patient", &self.patient).finish_non_exhaustive()
    }
}

/// A patient to be made.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct MakeIn {
    /// The name that the relay shows.
    name: String,
    /// Seals the keys: at least 15 characters, at most 1024 bytes.
    passphrase: Secret,
}

/// `POST /v1/patients`
pub(super) async fn make(
    State(api): State<Arc<ApiState>>,
    In(asked): In<MakeIn>,
) -> Outcome<Json<NewPatientView>> {
    require_relay(&api)?;
    let NewPatient { words, log, keys } =
        super::request::on_pool(|| custody::make(&mut system())).await?;
    let sealed_keys = api.unlocked.seal(&keys, &asked.passphrase).await?;
    let command = custody::command::Keep { name: asked.name, log: Box::new(log), sealed_keys };
    let patient = api.handle.command(command, Some(keys)).await?;
    Ok(Json(NewPatientView { patient, words: (*words).clone() }))
}

/// What opens the keys, and for how long.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct UnlockIn {
    /// The patient's.
    passphrase: Secret,
    /// Minutes that the keys stay in memory; 15 when not given.
    #[serde(default)]
    #[cfg_attr(test, schemars(range(min = 1, max = UNLOCK_MINUTES_MAX)))]
    minutes: Option<u32>,
}

/// `POST /v1/patients/{id}/unlock`
pub(super) async fn unlock(
    State(api): State<Arc<ApiState>>,
    At(patient): At<PartyId>,
    In(asked): In<UnlockIn>,
) -> Outcome<Json<Done>> {
    let minutes = asked.minutes.unwrap_or(UNLOCK_MINUTES);
    if !(1..=UNLOCK_MINUTES_MAX).contains(&minutes) {
        return Err(Reason::MinutesOutOfBounds { most: UNLOCK_MINUTES_MAX }.into());
    }
    let keys = api.unlocked.open(&api.handle, patient, asked.passphrase).await?;
    let unlocked = custody::command::Unlocked;
    api.handle.command(unlocked, Some(keys.clone())).await?;
    api.unlocked.keep(keys, Duration::from_secs(u64::from(minutes) * 60));
    Ok(Json(Done { done: true }))
}

/// `POST /v1/patients/{id}/lock`
pub(super) async fn lock(
    State(api): State<Arc<ApiState>>,
    At(patient): At<PartyId>,
) -> Outcome<Json<Done>> {
    api.unlocked.forget(patient);
    api.opens.sweep(Instant::now(), &api.unlocked);
    Ok(Json(Done { done: true }))
}

/// What makes the new keys and seals them.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RotateIn {
    /// The 24 words.
    words: Secret,
    /// Seals the new keys; it may be another than before.
    passphrase: Secret,
    /// Permissions that end with the old keys.
    #[serde(default)]
    drop: Vec<TokenId>,
    /// Although this relay was put back from an older copy, and has not heard from all since whom the patient deals with.
    #[serde(default)]
    although_put_back: bool,
}

/// `POST /v1/patients/{id}/rotate`: the passphrase seals the new keys; it may be another than before.
pub(super) async fn rotate(
    State(api): State<Arc<ApiState>>,
    At(patient): At<PartyId>,
    In(asked): In<RotateIn>,
) -> Outcome<Json<RotatedView>> {
    require_relay(&api)?;
    let phrase = Phrase::parse(asked.words.text())
        .map_err(|error| Reason::NoPhrase { why: error.to_string() })?;
    let kept = live_grants(&api, patient, &asked.drop).await?;
    let rotated = api.handle.read_on_pool(move |peer, txn, now| {
        let Some(known) = peer.keys_of(txn, patient)? else {
            return Err(Reason::NoPatient.into());
        };
        Ok::<_, Problem>(custody::rotate(&known, &phrase, kept, now)?)
    });
    let (rotation, keys) = rotated.await?;
    let sealed_keys = api.unlocked.seal(&keys, &asked.passphrase).await?;
    let command = custody::command::Rotate {
        rotation: Box::new(rotation),
        sealed_keys,
        although_put_back: asked.although_put_back,
    };
    let rotated = api.handle.command(command, Some(keys.clone())).await?;
    api.unlocked.renew(&keys);
    Ok(Json(rotated))
}

/// The permissions that outlive the rotation: those that are live and not to be dropped. Permissions
/// to add end with the compartments that they name.
async fn live_grants(api: &ApiState, patient: PartyId, drop: &[TokenId]) -> Outcome<Vec<TokenId>> {
    let grants = api.handle.all(ask::Grants::of(Some(patient)), None).await?;
    let live: Vec<_> =
        grants.iter().filter(|grant| !grant.received && grant.state == "live").collect();
    let unknown = drop.iter().find(|token| !live.iter().any(|grant| grant.token == **token));
    if let Some(token) = unknown {
        return Err(Reason::NotLive { token: *token }.into());
    }
    let adds = |grant: &GrantView| grant.operations.iter().any(|operation| operation == "write");
    let kept = live.into_iter().filter(|grant| !drop.contains(&grant.token) && !adds(grant));
    Ok(kept.map(|grant| grant.token).collect())
}

/// Before costly work; the protocol refuses it too.
fn require_relay(api: &ApiState) -> Outcome<()> {
    Ok(api.handle.peer().require(Role::Patient)?)
}
