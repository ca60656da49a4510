//! Patients: charts at a hospital, keys at a relay, and how the two get to know each other.

mod enrol;
mod undo;

use std::path::PathBuf;

use chartmesh_protocol::custody::command::Refresh;
use chartmesh_protocol::custody::view::{PatientView, RotatedView};
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::{Fingerprint, Role};
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::record::Term;
use chartmesh_protocol::record::command::NewChart;
use serde_json::json;

use crate::args::{UserArg, WaitArgs};
use crate::context::Context;
use crate::exit::{Exit, Failure, Outcome};
use crate::node::{Node, id, name_of, read, short};
use crate::output::{self, Cell, Output, Style, faint, row};
use crate::resolve::{Candidate, pick};
use crate::secret;
use crate::when::{Span, span};
use crate::words;

/// Open charts, make patients, enrol them, rotate their keys
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Args {
    /// At a hospital: open a chart. At a relay: make a patient, and show its 24 words, once
    #[command(after_help = "Example:\n  chartmesh patient new \"Sato Aiko\"")]
    New {
        /// The person's name
        name: String,
        /// At a hospital: an identifier, such as mrn=12345. Can be repeated
        #[arg(long, value_name = "NAME=VALUE", value_parser = identifier)]
        identifier: Vec<(String, String)>,
    },
    /// List charts, or patients
    #[command(after_help = "Example:\n  chartmesh patient list")]
    List,
    /// At a hospital: make a code for a chart. At a relay: begin to enrol a patient with that code
    #[command(
        long_about = "At a hospital: make a code for a chart, for 15 minutes at a desk or, with --letter, for 14 days. At a relay: begin to enrol a patient with that code; the code itself is never sent. The relay then shows a number, which the patient tells the desk; the desk types it (`compare`), the patient says that the desk accepted it (`accept`), and the patient is enrolled. Nothing is opened before.",
        after_help = "Example, at the hospital and then at the relay:\n  chartmesh patient enrol \"Sato Aiko\"\n  chartmesh patient enrol \"Sato Aiko\" cm-e-AbCd... --wait\nthen, once the patient has told the desk the number:\n  chartmesh patient compare \"Sato Aiko\" 042 917\n  chartmesh patient accept \"Sato Aiko\" \"Kita Hospital\" --wait"
    )]
    Enrol {
        /// The chart, or the patient: a name, or the beginning of an id
        #[arg(value_name = "PATIENT")]
        who: String,
        /// At a relay: the code from the hospital; white space in it does not matter
        code: Vec<String>,
        /// At a hospital: how long the code can be used, 14 days at most [default: 15m]
        #[arg(long, value_name = "TIME", value_parser = span)]
        valid: Option<Span>,
        /// At a hospital: the code goes by letter, and can be used for 14 days
        #[arg(long, conflicts_with = "valid")]
        letter: bool,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// At a hospital: list enrolments that were begun and wait for a number, or for the patient's word
    #[command(after_help = "Example:\n  chartmesh patient enrolments")]
    Enrolments,
    /// At a hospital: type the number that the patient's side shows; three wrong ones end the enrolment
    #[command(
        after_help = "Examples:\n  chartmesh patient compare \"Sato Aiko\" 042 917\n  chartmesh patient compare \"Sato Aiko\" --card cm-p-AbCd..."
    )]
    Compare {
        /// The chart
        chart: String,
        /// The number: six digits
        #[arg(required_unless_present = "card")]
        number: Vec<String>,
        /// Instead, the patient's card, as `chartmesh patient card` prints it at the relay
        #[arg(long, conflicts_with = "number")]
        card: Option<String>,
    },
    /// At a relay: the desk accepted the number; the patient is enrolled
    ///
    /// Where another institution that the patient deals with, or is about to enrol with, has a name that looks alike, the
    /// hospital is named by its id.
    #[command(
        after_help = "Example:\n  chartmesh patient accept \"Sato Aiko\" \"Kita Hospital\" --wait"
    )]
    Accept {
        /// The patient
        patient: String,
        /// The hospital
        hospital: String,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// At a hospital: take a chart's codes back, and end an enrolment that was begun with one
    #[command(after_help = "Example:\n  chartmesh patient cancel \"Sato Aiko\"")]
    Cancel {
        /// The chart
        chart: String,
    },
    /// At a hospital: undo an enrolment that was made: the chart is another person's
    #[command(
        long_about = "Undoes an enrolment that was made, on the record: the chart is another person's than the patient who enrolled in it. The chart is not enrolled any more and keeps what was recorded here, sealed anew under new ids and keys. That leaves the patient's record: the patient's relay, whoever was permitted to read it and whoever keeps it are told, take it out, and show that it was taken back. What was read by then cannot be unread: `chartmesh log` says by whom. What others recorded about the patient stays in a chart of its own. Interrupted, it goes on when it is given again.",
        after_help = "Example:\n  chartmesh patient undo \"Sato Aiko\" --user \"Desk, Ms Ito\""
    )]
    Undo {
        /// The chart
        chart: String,
        /// Also where contents of the chart are not here any more: copies elsewhere are deleted all the same, and those
        /// contents are lost
        #[arg(long)]
        although_lost: bool,
        #[command(flatten)]
        user: UserArg,
    },
    /// At a relay: do not go on with an enrolment that was begun, or put away the notice of one that has ended
    #[command(
        after_help = "Example:\n  chartmesh patient withdraw \"Sato Aiko\" \"Kita Hospital\""
    )]
    Withdraw {
        /// The patient
        patient: String,
        /// The hospital
        hospital: String,
    },
    /// List who treats a patient, by the patient's word; at a relay the patient can end it
    #[command(
        long_about = "Lists who treats a patient, or did, by the patient's signed word: what they record belongs to the patient's record, and what others make stands apart. Whoever the patient enrolls with treats the patient; whoever may add to the record does as long as that permission lasts. At a relay all are listed; at a hospital itself, and whoever recorded what it may read. With --end, at a relay, a hospital does so no more: what it recorded until then stays in the record.",
        after_help = "Examples:\n  chartmesh patient treated-by \"Sato Aiko\"\n  chartmesh patient treated-by \"Sato Aiko\" --end \"Kita Hospital\""
    )]
    TreatedBy {
        /// The patient
        patient: String,
        /// This hospital does not treat the patient any more
        #[arg(long, value_name = "HOSPITAL")]
        end: Option<String>,
    },
    /// At a relay: print the card that a desk scans in the place of a number; it is no secret
    #[command(after_help = "Example:\n  chartmesh patient card \"Sato Aiko\"")]
    Card {
        /// The patient
        patient: String,
    },
    /// Unlock a patient's keys for a while: this relay can then read and sign for the patient
    #[command(after_help = "Example:\n  chartmesh patient unlock \"Sato Aiko\" --minutes 10")]
    Unlock {
        /// The patient
        patient: String,
        /// How long
        #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
        minutes: u64,
    },
    /// Lock a patient's keys again
    #[command(after_help = "Example:\n  chartmesh patient lock \"Sato Aiko\"")]
    Lock {
        /// The patient
        patient: String,
    },
    /// Replace a patient's keys, with the 24 words; permissions stay valid but for those dropped
    #[command(after_help = "Example:\n  chartmesh patient rotate \"Sato Aiko\" --drop 3f2a91c0")]
    Rotate {
        /// The patient
        patient: String,
        /// End this permission. Can be repeated
        #[arg(long, value_name = "TOKEN")]
        drop: Vec<String>,
        /// Rotate although this relay was put back from an older copy, and has not heard since from all whom the patient
        /// deals with: what they would bring back is then undone
        #[arg(long)]
        although_put_back: bool,
        /// Read the 24 words from FILE instead of the terminal
        #[arg(long, value_name = "FILE")]
        words_file: Option<PathBuf>,
    },
    /// Publish a patient's key ring and revocations anew, before they run out
    #[command(after_help = "Example:\n  chartmesh patient refresh \"Sato Aiko\"")]
    Refresh {
        /// The patient
        patient: String,
    },
}

fn identifier(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let node = context.node()?;
        match self {
            Self::New { name, identifier } => match node.status().await?.role {
                Role::Hospital => new_chart(&node, &name, &identifier).await,
                Role::Patient => new_patient(&node, &name).await,
                Role::Backup => Err(backup_has_none()),
            },
            Self::List => match node.status().await?.role {
                Role::Hospital => list_charts(&node).await,
                Role::Patient => list_patients(&node).await,
                Role::Backup => Err(backup_has_none()),
            },
            Self::Enrol { who, code, valid, letter, wait } => match node.status().await?.role {
                Role::Hospital if code.is_empty() => {
                    enrol::give_code(&node, &who, enrol::valid_ms(valid, letter)).await
                }
                Role::Patient if !code.is_empty() => {
                    enrol::enrol(&node, &who, &code.concat(), &wait).await
                }
                Role::Hospital => Err(Failure::usage("a hospital gives the code; it takes none")
                    .next(format!("chartmesh patient enrol \"{who}\""))),
                Role::Patient => Err(Failure::usage("the hospital's code is missing")
                    .next("ask the hospital for one; there: chartmesh patient enrol CHART")),
                Role::Backup => Err(backup_has_none()),
            },
            Self::Enrolments => enrol::list(&node).await,
            Self::Compare { chart, number, card } => {
                enrol::compare(&node, &chart, &number, card).await
            }
            Self::Accept { patient, hospital, wait } => {
                enrol::accept(&node, &patient, &hospital, &wait).await
            }
            Self::Cancel { chart } => enrol::cancel(&node, &chart).await,
            Self::Undo { chart, although_lost, user } => {
                undo::undo(&node, &chart, &user.name(), although_lost).await
            }
            Self::Withdraw { patient, hospital } => {
                enrol::withdraw(&node, &patient, &hospital).await
            }
            Self::TreatedBy { patient, end } => {
                enrol::treated_by(&node, &patient, end.as_deref()).await
            }
            Self::Card { patient } => enrol::card(&node, &patient).await,
            Self::Unlock { patient, minutes } => {
                let patient = node.patient(&patient).await?;
                let passphrase = node.passphrase_of(&patient)?;
                let body = json!({"passphrase": passphrase.as_str(), "minutes": minutes});
                let answer =
                    node.client.post(&format!("/v1/patients/{patient}/unlock"), &body).await?;
                node.out.answer(&answer, |out| {
                    out.line(format!(
                        "unlocked for {minutes} minutes; `chartmesh patient lock` ends it sooner"
                    ));
                });
                Ok(())
            }
            Self::Lock { patient } => {
                let patient = node.patient(&patient).await?;
                let answer =
                    node.client.post(&format!("/v1/patients/{patient}/lock"), &json!({})).await?;
                node.out.answer(&answer, |out| out.line("locked"));
                Ok(())
            }
            Self::Rotate { patient, drop, although_put_back, words_file } => {
                rotate(&node, &patient, &drop, although_put_back, words_file).await
            }
            Self::Refresh { patient } => {
                let patient = node.patient(&patient).await?;
                let refresh = Refresh { patient: id(&patient)? };
                let answer = node.command(refresh, Some(&patient)).await?;
                node.out.answer(&json!(answer), |out| out.line("published anew"));
                Ok(())
            }
        }
    }
}

fn backup_has_none() -> Failure {
    Failure::new(Exit::State, "a backup node knows no patients; it keeps sealed records only")
        .next("ask a hospital's node or a patient relay (--dir names which)")
}

async fn new_chart(node: &Node, name: &str, identifiers: &[(String, String)]) -> Outcome {
    let term = |(name, value): &(String, String)| Term { name: name.clone(), value: value.clone() };
    let identifiers = identifiers.iter().map(term).collect();
    let chart = node.command(NewChart { name: name.to_owned(), identifiers }, None).await?;
    node.out.answer(&json!(chart), |out| {
        out.facts(&[
            ("chart", chart.chart.to_string().into()),
            ("subject", chart.subject.to_string().into()),
            ("name", Cell::new(&chart.name, Style::Strong)),
        ]);
        let chart = chart.chart.short();
        out.next(format!(
            "chartmesh record import {chart} FILE...; chartmesh patient enrol {chart}"
        ));
    });
    Ok(())
}

async fn new_patient(node: &Node, name: &str) -> Outcome {
    let passphrase = node.passphrase_args().new_one(&format!("patient `{name}`"))?;
    let body = json!({"name": name, "passphrase": passphrase.as_str()});
    let answer = node.client.post("/v1/patients", &body).await?;
    node.out.answer(&answer, |out| {
        let patient = answer["patient"]["patient"].as_str().unwrap_or_default();
        out.facts(&[("patient", patient.into()), ("name", Cell::new(name, Style::Strong))]);
        words::show(
            out,
            "The patient's",
            answer["words"].as_str().unwrap_or_default(),
            "Write them down now and keep them away from this machine: they are not shown again, nowhere\nstored, and the only way to replace the patient's keys. The passphrase opens the keys from day to day.",
        );
        out.next(format!("ask a hospital for an enrolment code, then: chartmesh patient enrol {} CODE", short(patient)));
    });
    Ok(())
}

async fn list_charts(node: &Node) -> Outcome {
    let charts = node.all(ask::Charts::default()).await?;
    node.out.answer(&json!(charts), |out| {
        let rows: Vec<_> = charts
            .iter()
            .map(|chart| {
                let identifiers: Vec<String> = chart
                    .identifiers
                    .iter()
                    .map(|term| format!("{}={}", term.name, term.value))
                    .collect();
                row![
                    chart.name.as_str(),
                    if chart.enrolled { Cell::new("yes", Style::Good) } else { faint("no") },
                    output::day(chart.created),
                    output::id(chart.chart),
                    output::id(chart.subject),
                    identifiers.join(" "),
                ]
            })
            .collect();
        let heads = ["NAME", "ENROLLED", "OPENED (UTC)", "CHART", "SUBJECT", "IDENTIFIERS"];
        out.table(&heads, &rows, "no charts yet; open one with `chartmesh patient new NAME`");
    });
    Ok(())
}

async fn list_patients(node: &Node) -> Outcome {
    let patients = node.all(ask::Patients::default()).await?;
    let known = if node.out.json { Vec::new() } else { node.institutions().await? };
    node.out.answer(&json!(patients), |out| show_patients(out, &patients, &known));
    Ok(())
}

fn show_patients(out: &Output, patients: &[PatientView], known: &[Candidate]) {
    let rows: Vec<_> = patients
        .iter()
        .map(|patient| {
            let asked: Vec<PartyId> = open(patient).collect();
            let contacts: Vec<String> = patient
                .contacts
                .iter()
                .map(|party| {
                    let name = name_of(known, *party);
                    if asked.contains(party) { format!("{name} (asked)") } else { name }
                })
                .collect();
            let ring = patient.ring_expires.map_or_else(|| faint(""), output::day);
            row![
                patient.name.as_str(),
                output::day(patient.created),
                patient.rotations.to_string(),
                ring,
                output::id(patient.patient),
                contacts.join(", "),
            ]
        })
        .collect();
    let heads = ["NAME", "MADE (UTC)", "ROTATIONS", "KEY RING UNTIL", "ID", "KNOWN TO"];
    out.table(&heads, &rows, "no patients yet; make one with `chartmesh patient new NAME`");
    for patient in patients {
        if !patient.lapsed.is_empty() {
            let kinds: Vec<_> = patient.lapsed.iter().map(|kind| kind.in_words()).collect();
            out.line(format!(
                "institutions cannot seal new {} to {} until the keys are unlocked: a standing permission has ended, or the key ring",
                kinds.join(", "),
                patient.name
            ));
            out.next(format!("chartmesh patient unlock {}", patient.patient.short()));
        }
        for one in &patient.enrolling {
            if let Some(waits) = enrol::waits_for(one) {
                let name = name_of(known, one.institution);
                out.line(format!("{} is about to enrol with {name}; {waits}", patient.name));
                for like in &one.about.looks_like {
                    let words = Fingerprint::of(one.institution).words();
                    let careful = format!(
                        "  careful: its name looks like that of {like}, which is another institution; its own fingerprint is {words}"
                    );
                    out.styled(careful, Style::Bad);
                }
                let (patient, hospital) = (patient.patient.short(), one.institution.short());
                out.next(format!(
                    "once the desk says that it is the same: chartmesh patient accept {patient} {hospital} --wait"
                ));
            }
            let Some(why) = &one.refused else { continue };
            let name = name_of(known, one.institution);
            if why.name() == enrol::UNDONE {
                out.line(format!("{} is not enrolled with {name}: {why}", patient.name));
                let (patient, hospital) = (patient.patient.short(), one.institution.short());
                out.next(format!("chartmesh record list {patient} --misfiled"));
                out.next(format!(
                    "to put this away: chartmesh patient withdraw {patient} {hospital}"
                ));
            } else if !patient.contacts.contains(&one.institution) {
                // A code used again changes nothing for whom an earlier one enrolled.
                out.line(format!("{name} did not enrol {}: {why}", patient.name));
            }
        }
    }
}

/// Institutions whose answer to an enrolment is still to come.
fn open(patient: &PatientView) -> impl Iterator<Item = PartyId> {
    patient.enrolling.iter().filter(|one| one.refused.is_none()).map(|one| one.institution)
}

async fn rotate(
    node: &Node,
    who: &str,
    drop: &[String],
    although_put_back: bool,
    words_file: Option<PathBuf>,
) -> Outcome {
    let patient = node.patient(who).await?;
    let mut dropped = Vec::new();
    if !drop.is_empty() {
        let tokens: Vec<Candidate> = node
            .grants(Some(id(&patient)?))
            .await?
            .iter()
            // What was passed on goes with what it rests on.
            .filter(|grant| !grant.received && grant.through.is_empty())
            .map(|grant| Candidate::new(grant.token, &grant.grantee_name))
            .collect();
        for text in drop {
            dropped.push(pick("permission", text, &tokens)?.id);
        }
    }
    let words = secret::words("The patient's", words_file.as_deref())?;
    // It seals the new keys, whatever sealed the old ones: a mistyped one would lock them away.
    let passphrase = node.passphrase_args().new_one(&format!("patient {}", short(&patient)))?;
    let body = json!({"words": words.as_str(), "passphrase": passphrase.as_str(), "drop": dropped,
        "although_put_back": although_put_back});
    let answer = node.client.post(&format!("/v1/patients/{patient}/rotate"), &body).await?;
    let view: RotatedView = read(answer.clone())?;
    node.out.answer(&answer, |out| {
        out.line(format!("the patient's key is now number {}", view.number));
        for (what, tokens) in [("stays valid", &view.kept), ("ended", &view.dropped)] {
            for token in tokens {
                out.line(format!("permission {} {what}", token.short()));
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::peer::Command;

    #[test]
    fn an_identifier_has_a_name_and_a_value() {
        assert_eq!(identifier("mrn=1=2"), Ok(("mrn".into(), "1=2".into())));
        assert!(
            identifier("mrn").is_err() && identifier("=1").is_err() && identifier("a=").is_err()
        );
    }

    #[test]
    fn the_protocol_understands_each_command() {
        let (chart, party) = ("ab".repeat(16), "cd".repeat(32));
        for command in [
            json!({"record": {"new-chart": {"name": "A", "identifiers": [{"name": "mrn", "value": "1"}]}}}),
            json!({"enrolment": {"code": {"chart": chart, "valid_ms": null}}}),
            json!({"enrolment": {"enrol": {"patient": party, "code": "cm-e-x"}}}),
            json!({"enrolment": {"compare": {"chart": chart, "number": "042 917"}}}),
            json!({"enrolment": {"scan": {"chart": chart, "card": "cm-p-x"}}}),
            json!({"enrolment": {"accept": {"patient": party, "institution": party}}}),
            json!({"enrolment": {"withdraw": {"patient": party, "institution": party}}}),
            json!({"enrolment": {"cancel": {"chart": chart}}}),
            json!({"custody": {"refresh": {"patient": party}}}),
        ] {
            assert!(serde_json::from_value::<Command>(command.clone()).is_ok(), "{command}");
        }
    }
}
