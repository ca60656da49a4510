//! What the local API answers, as people read it.

use chartmesh_node::client::ClientError;
use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::peer::{Answer, CodeView, Command, Done};
use chartmesh_protocol::record::view::ChartView;
use chartmesh_protocol::refusal::{Refusal, RefusalCode};
use chartmesh_protocol::{enrolment, federation, record};
use serde_json::Value;

/// An answer as people go on from it: what they do not read is only done.
pub(crate) fn answer_of(name: &str, answer: Value) -> Result<Answer, serde_json::Error> {
    use serde_json::from_value;
    Ok(match name {
        "record.new-chart" => Answer::new(from_value::<ChartView>(answer)?),
        "enrolment.code" | "federation.invite" => Answer::new(from_value::<CodeView>(answer)?),
        "consent.download" | "consent.referral" | "consent.fetch" => {
            Answer::new(from_value::<RequestView>(answer)?)
        }
        _ => Answer::new(Done { done: true }),
    })
}

/// What the front door calls a command whose answer is waited for.
pub(crate) fn name_of(command: &Command) -> &'static str {
    match command {
        Command::Federation(federation::Command::Invite(_)) => "federation.invite",
        Command::Enrolment(enrolment::Command::Code(_)) => "enrolment.code",
        Command::Record(record::Command::NewChart(_)) => "record.new-chart",
        _ => "",
    }
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
    use chartmesh_protocol::{access_log, backup, consent};

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
        };
        let chart = ChartId([1; ChartId::LEN]);
        let (code, addresses) = ("cm-e-1".to_owned(), vec!["/ip4/127.0.0.1/tcp/1".to_owned()]);
        let commands = [
            Command::from(federation::command::Create {
                name: "a".into(),
                threshold: 2,
                first_members: None,
            }),
            Command::from(federation::command::Invite {
                valid_ms: None,
                addresses: addresses.clone(),
            }),
            Command::from(federation::command::Join { code: code.clone() }),
            Command::from(federation::command::Admit { party }),
            Command::from(federation::command::Leave),
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
