//! Commands and queries of the protocol, with the keys of a patient where they are needed.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chartmesh_protocol::enrolment::{self, command::Code};
use chartmesh_protocol::federation::{self, command::Invite};
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::peer::words::Told;
use chartmesh_protocol::peer::{
    Act, Command, Described, EachCommand, EachQuestion, PatientKeys, Question, Shown, ask,
};
use chartmesh_protocol::reason::ENGLISH;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::door::Door;
use super::json::{In, parse};
use super::problem::{Outcome, Problem};
use super::reasons::Reason;
use super::state::ApiState;
use super::unlocked::Secret;
use crate::net::is_loopback;

// Its names stand in the path, as the protocol's `commands!` have them: the client takes them out of the command
// (`Asking::command`), and `Doors` has a route for each.
/// A command and, where it needs them, whose keys.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
#[serde(deny_unknown_fields)]
pub(super) struct CommandIn {
    /// As it came: the protocol reads it under its names.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "serde_json::Value"))]
    command: Option<Box<RawValue>>,
    /// Whose keys it is to use.
    #[serde(default)]
    patient: Option<PartyId>,
    /// Opens them for this once.
    #[serde(default)]
    passphrase: Option<Secret>,
}

/// A question and, where it needs them, whose keys.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
#[serde(deny_unknown_fields)]
pub(super) struct QueryIn<Q> {
    /// What is asked.
    #[serde(deserialize_with = "object", bound(deserialize = "Q: DeserializeOwned"))]
    query: Q,
    /// Whose keys it is to use.
    #[serde(default)]
    patient: Option<PartyId>,
    /// Opens them for this once.
    #[serde(default)]
    passphrase: Option<Secret>,
}

/// A question of which nothing needs to be said, and, where it needs them, whose keys.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
#[serde(deny_unknown_fields)]
pub(super) struct AnyIn<Q: Default> {
    /// What is asked.
    #[serde(
        default,
        deserialize_with = "object",
        bound(deserialize = "Q: Default + DeserializeOwned")
    )]
    query: Q,
    /// Whose keys it is to use.
    #[serde(default)]
    patient: Option<PartyId>,
    /// Opens them for this once.
    #[serde(default)]
    passphrase: Option<Secret>,
}

impl<Q: Default> From<AnyIn<Q>> for QueryIn<Q> {
    fn from(AnyIn { query, patient, passphrase }: AnyIn<Q>) -> Self {
        Self { query, patient, passphrase }
    }
}

/// Reads a command under its names, and has it done. A node that listens fills in where.
async fn command<A: Shown>(
    State(api): State<Arc<ApiState>>,
    In(asked): In<CommandIn>,
    (feature, name): (&'static str, &'static str),
) -> Outcome<Json<A>> {
    let said = asked.command.as_deref().map_or("null", RawValue::get);
    if said.starts_with('[') {
        return Err(Reason::NoObject.into());
    }
    let mut command = serde_json::from_str(&format!(r#"{{"{feature}":{{"{name}":{said}}}}}"#))
        .map_err(|error| Problem::from(Reason::Unreadable { why: error.to_string() }))?;
    let keys = keys(&api, asked.patient, asked.passphrase).await?;
    match &mut command {
        Command::Federation(federation::Command::Invite(Invite { addresses: wanted, .. }))
        | Command::Enrolment(enrolment::Command::Code(Code { addresses: wanted, .. }))
            if wanted.is_empty() =>
        {
            *wanted = addresses(&api);
        }
        _ => {}
    }
    Ok(Json(api.handle.command(command, keys).await?.of()))
}

/// Reads an object within another.
fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    let text = Box::<RawValue>::deserialize(deserializer)?;
    parse(text.get().as_bytes()).map_err(|reason| D::Error::custom(Told::of(reason, &ENGLISH).text))
}

/// Nothing needs to be said.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// A door for each question, `POST /v1/query/NAME`, and for each command, `POST /v1/command/FEATURE/NAME`, as the
/// protocol lists them.
pub(super) fn doors() -> Vec<Door> {
    let mut doors = Doors(Vec::new());
    ask::each(&mut doors);
    Command::each(&mut doors);
    doors.0
}

struct Doors(Vec<Door>);

impl EachQuestion for Doors {
    fn bare<Q>(&mut self, what: &'static str)
    where
        Q: Question<Answer: Serialize + Described> + Default + Send + 'static,
    {
        self.0.push(Door::post(format!("/v1/query/{}", Q::NAME), what, bare::<Q>));
    }

    fn any<Q>(&mut self, what: &'static str)
    where
        Q: Question<Answer: Serialize + Described>
            + Default
            + DeserializeOwned
            + Described
            + Send
            + 'static,
    {
        self.0.push(Door::post(format!("/v1/query/{}", Q::NAME), what, any::<Q>));
    }

    fn with<Q>(&mut self, what: &'static str)
    where
        Q: Question<Answer: Serialize + Described> + DeserializeOwned + Described + Send + 'static,
    {
        self.0.push(Door::post(format!("/v1/query/{}", Q::NAME), what, query::<Q>));
    }
}

impl EachCommand for Doors {
    fn one<A>(&mut self, feature: &'static str, name: &'static str)
    where
        A: Act<Answer: Serialize + Described>,
    {
        let names = (feature, name);
        let handler = move |api: State<Arc<ApiState>>, asked: In<CommandIn>| {
            command::<A::Answer>(api, asked, names)
        };
        self.0.push(Door::command(format!("/v1/command/{feature}/{name}"), names, handler));
    }
}

async fn query<Q: Question + Send + 'static>(
    State(api): State<Arc<ApiState>>,
    In(asked): In<QueryIn<Q>>,
) -> Outcome<Json<Q::Answer>> {
    let keys = keys(&api, asked.patient, asked.passphrase).await?;
    Ok(Json(api.handle.query(asked.query, keys.as_ref()).await?))
}

async fn any<Q: Question + Default + Send + 'static>(
    api: State<Arc<ApiState>>,
    In(asked): In<AnyIn<Q>>,
) -> Outcome<Json<Q::Answer>> {
    query(api, In(asked.into())).await
}

async fn bare<Q: Question + Default + Send + 'static>(
    State(api): State<Arc<ApiState>>,
    In(Nothing {}): In<Nothing>,
) -> Outcome<Json<Q::Answer>> {
    Ok(Json(api.handle.query(Q::default(), None).await?))
}

/// The keys of the patient that is named: with the passphrase, else those unlocked earlier. What
/// needs no keys may name a patient whose keys are locked; what does is refused by the protocol.
async fn keys(
    api: &ApiState,
    patient: Option<PartyId>,
    passphrase: Option<Secret>,
) -> Outcome<Option<PatientKeys>> {
    match (patient, passphrase) {
        (None, _) => Ok(None),
        (Some(patient), Some(passphrase)) => {
            api.unlocked.open(&api.handle, patient, passphrase).await.map(Some)
        }
        (Some(patient), None) => Ok(api.unlocked.get(patient)),
    }
}

/// What others are told: addresses that only this machine can use are left out, unless there are
/// no others.
pub(super) fn addresses(api: &ApiState) -> Vec<String> {
    let all = api.handle.addresses();
    let own = |text: &String| text.parse().is_ok_and(|address| is_loopback(&address));
    let others: Vec<_> = all.iter().filter(|text| !own(text)).cloned().collect();
    if others.is_empty() { all } else { others }
}
