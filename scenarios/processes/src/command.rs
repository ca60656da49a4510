//! What the local API answers, as people read it.

use chartmesh_node::client::ClientError;
use chartmesh_protocol::peer::{Act, Answer, Command, Described, Done, EachCommand};
use chartmesh_protocol::refusal::{Refusal, RefusalCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The answer to a command, such as `federation.invite`, as the protocol gives it; of what is no command of the local
/// API, that it is done.
pub(crate) fn answer_of(name: &str, answer: Value) -> Result<Answer, serde_json::Error> {
    let mut reading = Reading { name, answer, read: None };
    Command::each(&mut reading);
    reading.read.unwrap_or_else(|| Ok(Answer::new(Done { done: true })))
}

/// Reads an answer as that of the command that has the name.
struct Reading<'a> {
    name: &'a str,
    answer: Value,
    read: Option<Result<Answer, serde_json::Error>>,
}

impl EachCommand for Reading<'_> {
    fn one<A>(&mut self, feature: &'static str, name: &'static str)
    where
        A: Act<Answer: Serialize + DeserializeOwned + Described>,
    {
        if self.name.split_once('.') == Some((feature, name)) {
            let answer = serde_json::from_value::<A::Answer>(self.answer.take());
            self.read = Some(answer.map(Answer::new));
        }
    }
}

/// What the front door calls a command: its feature's name and its own.
pub(crate) fn name_of(said: &Value) -> String {
    let of = |value: &Value| match value {
        Value::String(name) => name.clone(),
        value => value.as_object().and_then(|one| one.keys().next()).cloned().unwrap_or_default(),
    };
    let feature = of(said);
    let command = of(&said[&feature]);
    format!("{feature}.{command}")
}

/// What the API refused. Where there was no answer, that is all that is known.
pub(crate) fn refusal(error: ClientError) -> Refusal {
    match error {
        ClientError::Refused { code: Some(code), .. } => Refusal::unlisted(code),
        _ => Refusal::unlisted(RefusalCode::WrongState),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::capability::Purpose;
    use chartmesh_protocol::consent::{AskCommand, Narrow, Wish};
    use chartmesh_protocol::id::{ChartId, ConsentId, PartyId, TokenId};
    use chartmesh_protocol::{access_log, backup, consent, enrolment, federation, record};

    #[test]
    fn the_api_reads_every_command_back() {
        let (party, request) = (PartyId([7; 32]), ConsentId([8; ConsentId::LEN]));
        let ask = || AskCommand {
            patient: party,
            to: Some(party),
            wish: Wish::default(),
            purpose: Purpose::CareManagement,
            user: "Dr. Sim".into(),
            message: String::new(),
            valid_ms: Some(5),
        };
        let upload = consent::command::Upload {
            patient: party,
            hospital: party,
            depositary: party,
            wish: Wish::default(),
            not_before: None,
            days: None,
            quota: None,
            quota_entries: None,
        };
        let chart = ChartId([1; ChartId::LEN]);
        let (code, addresses) = ("cm-e-1".to_owned(), vec!["/ip4/127.0.0.1/tcp/1".to_owned()]);
        let commands = [
            Command::from(federation::command::Found {
                name: "a".into(),
                threshold: 2,
                anew: false,
            }),
            Command::from(federation::command::Invite {
                valid_ms: None,
                addresses: addresses.clone(),
            }),
            Command::from(federation::command::Join { code: code.clone() }),
            Command::from(federation::command::Admit { party, although_alike: false }),
            Command::from(federation::command::Leave),
            Command::from(federation::command::Recall),
            Command::from(enrolment::command::Code { chart, valid_ms: None, addresses }),
            Command::from(enrolment::command::Enrol { patient: party, code }),
            Command::from(record::command::NewChart {
                name: "Patient 1".into(),
                identifiers: Vec::new(),
            }),
            Command::from(consent::command::Download(ask())),
            Command::from(consent::command::Referral(ask())),
            Command::from(upload),
            Command::from(consent::command::Approve { request, narrow: Narrow::default() }),
            Command::from(consent::command::Deny { request, reason: "not now".into() }),
            Command::from(consent::command::Revoke {
                patient: party,
                tokens: vec![TokenId([3; TokenId::LEN])],
            }),
            Command::from(consent::command::Fetch {
                request,
                holder: None,
                user: "Dr. Sim".into(),
            }),
            Command::from(backup::command::Keep {
                holder: party,
                subject: party,
                entries: Vec::new(),
                for_patient: false,
                not_before: None,
            }),
            Command::from(backup::command::Restore { holder: party, subject: None }),
            Command::from(access_log::command::Collect { patient: party }),
        ];
        for command in commands {
            let said = serde_json::to_value(&command).expect("people ask it");
            let read: Command = serde_json::from_value(said).expect("the node reads it");
            assert_eq!(format!("{read:?}"), format!("{command:?}"));
        }
    }
}
