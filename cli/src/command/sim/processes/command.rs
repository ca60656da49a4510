//! Commands of the protocol as the local API takes them, and its answers as people read them.

use chartmesh_protocol::peer::{Command, Done, View};
use chartmesh_protocol::refusal::{Refusal, RefusalCode};
use chartmesh_protocol::{access_log, backup, consent, enrolment, federation, record};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};

/// A command in JSON; none for what nobody asks by this API.
pub(super) fn json_of(command: &Command) -> Option<Value> {
    Some(match command {
        Command::Federation(command) => json!({"federation": about_members(command)}),
        Command::Enrolment(command) => json!({"enrolment": match command {
            enrolment::Command::Code { chart, valid_ms, addresses } => {
                json!({"code": {"chart": chart, "valid_ms": valid_ms, "addresses": addresses}})
            }
            enrolment::Command::Enrol { patient, code } => {
                json!({"enrol": {"patient": patient, "code": code}})
            }
        }}),
        Command::Record(record::Command::NewChart { name, identifiers }) => {
            json!({"record": {"new-chart": {"name": name, "identifiers": identifiers}}})
        }
        Command::Consent(command) => json!({"consent": about_consent(command)?}),
        Command::Backup(command) => json!({"backup": match command {
            backup::Command::Keep { holder, subject, entries, for_patient, not_before } => {
                json!({"keep": {
                    "holder": holder, "subject": subject, "entries": entries,
                    "for_patient": for_patient, "not_before": not_before,
                }})
            }
            backup::Command::Restore { holder, subject } => {
                json!({"restore": {"holder": holder, "subject": subject}})
            }
            _ => return None,
        }}),
        Command::AccessLog(access_log::Command::Collect { patient }) => {
            json!({"access-log": {"collect": {"patient": patient}}})
        }
        _ => return None,
    })
}

fn about_members(command: &federation::Command) -> Value {
    match command {
        federation::Command::Create { name, threshold, first_members } => json!({"create": {
            "name": name, "threshold": threshold, "first_members": first_members,
        }}),
        federation::Command::Invite { valid_ms, addresses } => {
            json!({"invite": {"valid_ms": valid_ms, "addresses": addresses}})
        }
        federation::Command::Join { code } => json!({"join": {"code": code}}),
        federation::Command::Admit { party } => json!({"admit": {"party": party}}),
        federation::Command::Expel { party, reason } => {
            json!({"expel": {"party": party, "reason": reason}})
        }
        federation::Command::Leave => json!("leave"),
    }
}

fn about_consent(command: &consent::Command) -> Option<Value> {
    let asks = |ask: &consent::AskCommand| {
        json!({
            "patient": ask.patient, "to": ask.to, "wish": ask.wish, "purpose": ask.purpose,
            "user": ask.user, "message": ask.message, "valid_ms": ask.valid_ms,
        })
    };
    Some(match command {
        consent::Command::Download(ask) => json!({"download": asks(ask)}),
        consent::Command::Referral(ask) => json!({"referral": asks(ask)}),
        consent::Command::Upload(upload) => json!({"upload": {
            "patient": upload.patient, "hospital": upload.hospital,
            "depositary": upload.depositary, "wish": upload.wish,
            "not_before": upload.not_before, "days": upload.days,
        }}),
        consent::Command::Approve { request, narrow } => {
            json!({"approve": {"request": request, "narrow": narrow}})
        }
        consent::Command::Deny { request, reason } => {
            json!({"deny": {"request": request, "reason": reason}})
        }
        consent::Command::Revoke { patient, tokens } => {
            json!({"revoke": {"patient": patient, "tokens": tokens}})
        }
        consent::Command::Fetch { request, holder, user } => {
            json!({"fetch": {"request": request, "holder": holder, "user": user}})
        }
        _ => return None,
    })
}

/// An answer as people go on from it: what they do not read is only done.
pub(super) fn view_of(name: &str, answer: Value) -> Result<View, serde_json::Error> {
    use serde_json::from_value;
    Ok(match name {
        "record.new-chart" => View::Chart(from_value(answer)?),
        "enrolment.code" | "federation.invite" => View::Code(from_value(answer)?),
        "consent.download" | "consent.referral" | "consent.fetch" => {
            View::Request(from_value(answer)?)
        }
        "requests" => View::Requests(from_value(answer)?),
        "grants" => View::Grants(from_value(answer)?),
        _ => View::Done(Done { done: true }),
    })
}

/// What the front door calls a command whose answer is waited for.
pub(super) fn name_of(command: &Command) -> &'static str {
    match command {
        Command::Federation(federation::Command::Invite { .. }) => "federation.invite",
        Command::Enrolment(enrolment::Command::Code { .. }) => "enrolment.code",
        Command::Record(record::Command::NewChart { .. }) => "record.new-chart",
        _ => "",
    }
}

/// What the API refused, as a person is told; its code is no longer known exactly.
pub(super) fn refusal(failure: &Failure) -> Refusal {
    let code = match failure.exit {
        Exit::Usage => RefusalCode::Invalid,
        Exit::NotFound => RefusalCode::NotFound,
        Exit::NotPermitted => RefusalCode::NotPermitted,
        Exit::Locked => RefusalCode::Locked,
        _ => RefusalCode::WrongState,
    };
    Refusal::new(code, failure.text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::capability::Purpose;
    use chartmesh_protocol::consent::{AskCommand, Narrow, UploadCommand, Wish};
    use chartmesh_protocol::id::{ChartId, ConsentId, PartyId, TokenId};

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
        let upload = UploadCommand {
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
            Command::Federation(federation::Command::Create {
                name: "a".into(),
                threshold: 2,
                first_members: None,
            }),
            Command::Federation(federation::Command::Invite {
                valid_ms: None,
                addresses: addresses.clone(),
            }),
            Command::Federation(federation::Command::Join { code: code.clone() }),
            Command::Federation(federation::Command::Admit { party }),
            Command::Federation(federation::Command::Leave),
            Command::Enrolment(enrolment::Command::Code { chart, valid_ms: None, addresses }),
            Command::Enrolment(enrolment::Command::Enrol { patient: party, code }),
            Command::Record(record::Command::NewChart {
                name: "Patient 1".into(),
                identifiers: Vec::new(),
            }),
            Command::Consent(consent::Command::Download(ask())),
            Command::Consent(consent::Command::Referral(ask())),
            Command::Consent(consent::Command::Upload(upload)),
            Command::Consent(consent::Command::Approve { request, narrow: Narrow::default() }),
            Command::Consent(consent::Command::Deny { request, reason: "not now".into() }),
            Command::Consent(consent::Command::Revoke {
                patient: party,
                tokens: vec![TokenId([3; TokenId::LEN])],
            }),
            Command::Consent(consent::Command::Fetch {
                request,
                holder: None,
                user: "Dr. Sim".into(),
            }),
            Command::Backup(backup::Command::Keep {
                holder: party,
                subject: party,
                entries: Vec::new(),
                for_patient: false,
                not_before: None,
            }),
            Command::Backup(backup::Command::Restore { holder: party, subject: None }),
            Command::AccessLog(access_log::Command::Collect { patient: party }),
        ];
        for command in commands {
            let said = json_of(&command).expect("people ask it");
            let read: Command = serde_json::from_value(said).expect("the node reads it");
            assert_eq!(format!("{read:?}"), format!("{command:?}"));
        }
    }
}
