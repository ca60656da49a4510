//! Commands and queries of the protocol, with the keys of a patient where they are needed.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chartmesh_protocol::enrolment;
use chartmesh_protocol::federation;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::peer::{Answer, Command, PatientKeys, Query};
use serde::Deserialize;

use super::json::In;
use super::problem::Outcome;
use super::shared::Shared;
use super::unlocked::Secret;
use crate::net::is_loopback;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandIn {
    command: Command,
    #[serde(default)]
    patient: Option<PartyId>,
    #[serde(default)]
    passphrase: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryIn {
    query: Query,
    #[serde(default)]
    patient: Option<PartyId>,
    #[serde(default)]
    passphrase: Option<Secret>,
}

/// `POST /v1/command`
pub(super) async fn command(
    State(shared): State<Arc<Shared>>,
    In(asked): In<CommandIn>,
) -> Outcome<Json<Answer>> {
    let keys = keys(&shared, asked.patient, asked.passphrase).await?;
    let mut command = asked.command;
    match &mut command {
        Command::Federation(federation::Command::Invite { addresses: wanted, .. })
        | Command::Enrolment(enrolment::Command::Code { addresses: wanted, .. })
            if wanted.is_empty() =>
        {
            *wanted = addresses(&shared);
        }
        _ => {}
    }
    Ok(Json(shared.handle.command(command, keys).await?))
}

/// `POST /v1/query`
pub(super) async fn query(
    State(shared): State<Arc<Shared>>,
    In(asked): In<QueryIn>,
) -> Outcome<Json<Answer>> {
    let keys = keys(&shared, asked.patient, asked.passphrase).await?;
    Ok(Json(shared.handle.query(asked.query, keys.as_ref()).await?))
}

/// The keys of the patient that is named: with the passphrase, else those unlocked earlier. What
/// needs no keys may name a patient whose keys are locked; what does is refused by the protocol.
async fn keys(
    shared: &Shared,
    patient: Option<PartyId>,
    passphrase: Option<Secret>,
) -> Outcome<Option<PatientKeys>> {
    match (patient, passphrase) {
        (None, _) => Ok(None),
        (Some(patient), Some(passphrase)) => {
            shared.unlocked.open(&shared.handle, patient, passphrase).await.map(Some)
        }
        (Some(patient), None) => Ok(shared.unlocked.get(patient)),
    }
}

/// What others are told: addresses that only this machine can use are left out, unless there are
/// no others.
pub(super) fn addresses(shared: &Shared) -> Vec<String> {
    let all = shared.handle.addresses();
    let own = |text: &String| text.parse().is_ok_and(|address| is_loopback(&address));
    let others: Vec<_> = all.iter().filter(|text| !own(text)).cloned().collect();
    if others.is_empty() { all } else { others }
}
