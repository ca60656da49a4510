//! How a patient and a hospital get to know each other: a code, a number that two people compare, and both sides' word.

use chartmesh_protocol::codes;
use chartmesh_protocol::custody::view::{EnrollingView, PatientView};
use chartmesh_protocol::enrolment::command::{
    Accept, Cancel, Code, Compare, End, Enrol, Scan, Withdraw,
};
use chartmesh_protocol::enrolment::view::{CompareView, PendingView};
use chartmesh_protocol::id::{ChartId, PartyId};
use chartmesh_protocol::identity::{Fingerprint, Role};
use chartmesh_protocol::limits;
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::record::view::{ChartView, TreatsView};
use serde_json::json;

use crate::args::WaitArgs;
use crate::command::federation::show_code;
use crate::command::request;
use crate::exit::{Exit, Failure, Outcome};
use crate::node::{Node, id, short};
use crate::output::{self, Cell, Style, counted, faint, row};
use crate::wait::{self, Look};
use crate::when::Span;

/// Why a patient is not enrolled any more: the institution undid it.
pub(super) const UNDONE: &str = "enrolment.wrong-person";

/// How long a code can be used.
pub(super) fn valid_ms(valid: Option<Span>, letter: bool) -> Option<u64> {
    valid.map(|span| span.0).or(letter.then_some(limits::CODE_MS_MAX))
}

pub(super) async fn give_code(node: &Node, who: &str, valid_ms: Option<u64>) -> Outcome {
    let chart = node.chart(who).await?;
    show_whose(node, id(&chart)?).await?;
    let code = Code { chart: id(&chart)?, valid_ms, addresses: Vec::new() };
    let code = node.command(code, None).await?;
    let whoever =
        "Whoever has it can begin to enrol; nothing is opened before the number was compared.";
    show_code(&node.out, &code, whoever, "chartmesh patient enrol PATIENT");
    node.out.note(format!(
        "then the patient's side shows a number: chartmesh patient compare {} NUMBER",
        short(&chart)
    ));
    Ok(())
}

pub(super) async fn list(node: &Node) -> Outcome {
    let pending = node.all(ask::Enrolments::default()).await?;
    node.out.answer(&json!(pending), |out| {
        let rows: Vec<_> = pending
            .iter()
            .map(|one| {
                row![
                    one.chart_name.as_str(),
                    stands(one),
                    one.since.utc_text(),
                    output::id(one.chart),
                    output::id(one.patient),
                    one.relay_name.as_str(),
                ]
            })
            .collect();
        let heads = ["CHART", "STANDS", "SINCE", "ID", "PATIENT", "RELAY"];
        out.table(&heads, &rows, "nobody has begun to enrol");
        for one in pending.iter().filter(|one| one.contested_by.is_some()) {
            let chart = one.chart.short();
            out.styled(
                format!(
                    "somebody else has used the code of {}, too: others have seen it",
                    one.chart_name
                ),
                Style::Bad,
            );
            out.next(format!("chartmesh patient cancel {chart}; chartmesh patient enrol {chart}"));
        }
    });
    Ok(())
}

fn stands(one: &PendingView) -> Cell {
    match one {
        PendingView { contested_by: Some(_), .. } => Cell::new("frozen", Style::Bad),
        PendingView { compared: true, .. } => Cell::new("the patient is to accept", Style::Waiting),
        PendingView { to_compare: true, .. } => Cell::new("type the number", Style::Waiting),
        _ => faint("begun"),
    }
}

/// Whose chart it is, for the desk to see before anybody is enrolled in a wrong one.
async fn show_whose(node: &Node, chart: ChartId) -> Outcome {
    if node.out.json {
        return Ok(());
    }
    let charts = node.all(ask::Charts::default()).await?;
    if let Some(view) = charts.iter().find(|one| one.chart == chart) {
        node.out.facts(&whose(view));
    }
    Ok(())
}

fn whose(chart: &ChartView) -> Vec<(&str, Cell)> {
    let mut facts = vec![("the chart of", Cell::new(&chart.name, Style::Strong))];
    for term in &chart.identifiers {
        facts.push((&term.name, Cell::new(&term.value, Style::Strong)));
    }
    facts
}

/// The desk types the number, or scans the card.
pub(super) async fn compare(
    node: &Node,
    who: &str,
    number: &[String],
    card: Option<String>,
) -> Outcome {
    let chart: ChartId = id(&node.chart(who).await?)?;
    show_whose(node, chart).await?;
    let compared = match card {
        Some(card) => node.command(Scan { chart, card }, None).await?,
        None => node.command(Compare { chart, number: number.concat() }, None).await?,
    };
    match compared {
        CompareView { same: true, .. } => {
            node.out.answer(&json!(compared), |out| {
                out.line("the same: tell the patient so; the patient's side accepts, and the patient is enrolled");
                out.note("from then on the chart's subject is the patient's id; the one that it had leads to it still");
            });
            Ok(())
        }
        CompareView { tries_left: Some(left), .. } if left > 0 => {
            let left = usize::try_from(left).unwrap_or(usize::MAX);
            let left = counted(left, "try is left", "tries are left");
            Err(Failure::new(Exit::NotAuthentic, format!("not the same; {left}"))
                .next("have the patient read it out again; if it still differs, somebody else has used the code"))
        }
        CompareView { .. } => Err(Failure::new(
            Exit::NotAuthentic,
            "not the same, three times: the enrolment has ended",
        )
        .next(format!("give out a new code: chartmesh patient enrol {}", chart.short()))),
    }
}

pub(super) async fn cancel(node: &Node, who: &str) -> Outcome {
    let chart = id(&node.chart(who).await?)?;
    let done = node.command(Cancel { chart }, None).await?;
    node.out.answer(&json!(done), |out| {
        out.line("its codes open nothing any more, and what was begun with one has ended");
    });
    Ok(())
}

/// The relay takes the code; with `--wait`, until there is a number to tell the desk.
pub(super) async fn enrol(node: &Node, who: &str, code: &str, wait: &WaitArgs) -> Outcome {
    let patient = node.patient(who).await?;
    let enrol = Enrol { patient: id(&patient)?, code: code.to_owned() };
    let answer = node.command(enrol, Some(&patient)).await?;
    if !wait.wait {
        node.out.answer(&json!(answer), |out| {
            out.line(
                "the hospital is asked; `chartmesh patient list` shows the number to tell its desk",
            );
        });
        return Ok(());
    }
    let institution = institution_of(code)?;
    let (view, one) = wait::until(node, wait, "the hospital's answer", async || {
        let Some(view) = patient_view(node, &patient).await? else { return Ok(Look::NotYet) };
        let found = answered(&view.enrolling, institution)?.cloned();
        Ok(found.map(|one| (view, one)).into())
    })
    .await?;
    node.out.answer(&json!(view), |out| {
        out.facts(&request::about(&one.about));
        out.line(format!("tell the desk this number: {}", one.number.unwrap_or_default()));
        out.next(format!(
            "once the desk says that it is the same: chartmesh patient accept {} {} --wait",
            short(&patient),
            one.institution.short()
        ));
    });
    Ok(())
}

/// Who gave the code.
fn institution_of(code: &str) -> Outcome<PartyId> {
    let code = codes::Code::parse(code, 'e').map_err(|error| Failure::usage(error.to_string()))?;
    Ok(code.institution)
}

/// The enrolment with one institution, once it has a number. What others answered, or said of an earlier one, is no answer.
fn answered(all: &[EnrollingView], institution: PartyId) -> Outcome<Option<&EnrollingView>> {
    let one = all.iter().find(|one| one.institution == institution);
    match one.and_then(|one| one.refused.as_ref()) {
        Some(why) => Err(not_enrolled(&why.to_string())),
        None => Ok(one.filter(|one| one.number.is_some())),
    }
}

fn not_enrolled(why: &str) -> Failure {
    Failure::new(Exit::NotPermitted, format!("the hospital did not enrol the patient: {why}"))
}

async fn patient_view(node: &Node, patient: &str) -> Outcome<Option<PatientView>> {
    let all = node.all(ask::Patients::default()).await?;
    Ok(all.into_iter().find(|one| one.patient.to_string() == patient))
}

/// How the enrolment with one institution stands: none when it is made.
async fn enrolling(
    node: &Node,
    patient: &str,
    institution: PartyId,
) -> Outcome<Option<EnrollingView>> {
    let view = patient_view(node, patient).await?;
    Ok(view.and_then(|view| view.enrolling.into_iter().find(|one| one.institution == institution)))
}

/// The patient says that the desk accepted the number.
pub(super) async fn accept(node: &Node, who: &str, institution: &str, wait: &WaitArgs) -> Outcome {
    let patient = node.patient(who).await?;
    let (named, institution) = (institution, node.institution(institution).await?);
    let by_id = institution.starts_with(&named.trim().to_lowercase());
    let institution: PartyId = id(&institution)?;
    if let Some(one) = enrolling(node, &patient, institution).await?.filter(|_| !by_id) {
        is_unlike_others(&one)?;
    }
    if wait.wait {
        // The desk says it sooner than its node's word arrives.
        wait::until(node, wait, "the hospital's word", async || {
            match enrolling(node, &patient, institution).await? {
                Some(EnrollingView { refused: Some(why), .. }) => {
                    Err(not_enrolled(&why.to_string()))
                }
                Some(one) => Ok(one.confirmed.then_some(()).into()),
                None => Ok(Look::Found(())),
            }
        })
        .await?;
    }
    let accept = Accept { patient: id(&patient)?, institution };
    let mut answer = node.command(accept, Some(&patient)).await?;
    if wait.wait {
        answer = wait::until(node, wait, "the hospital's answer", async || {
            match enrolling(node, &patient, institution).await? {
                Some(EnrollingView { refused: Some(why), .. }) => {
                    Err(not_enrolled(&why.to_string()))
                }
                Some(_) => Ok(Look::NotYet),
                None => Ok(patient_view(node, &patient).await?.into()),
            }
        })
        .await?;
    }
    node.out.answer(&json!(answer), |out| {
        out.line(if wait.wait {
            "enrolled; what the hospital recorded about the patient comes here"
        } else {
            "the hospital is told; `chartmesh patient list` shows its answer"
        });
        out.next(format!("chartmesh record list {}", short(&patient)));
    });
    Ok(())
}

/// A name is enough where no other looks like it: else a person would mean one institution and say yes to another. [AUT-7]
fn is_unlike_others(one: &EnrollingView) -> Outcome {
    let about = &one.about;
    let Some(like) = about.looks_like.first() else { return Ok(()) };
    let text = format!(
        "the name of {}, whose fingerprint is {}, looks like that of {like}, which is another institution",
        about.name,
        Fingerprint::of(about.institution).words()
    );
    Err(Failure::new(Exit::State, text).next(format!(
        "ask the desk for its fingerprint (there: chartmesh fingerprint); if that is the same, give the id: {}",
        about.institution.short()
    )))
}

pub(super) async fn withdraw(node: &Node, who: &str, institution: &str) -> Outcome {
    let patient = node.patient(who).await?;
    let institution = id(&node.institution(institution).await?)?;
    let before = enrolling(node, &patient, institution).await?;
    let had_ended = before.is_some_and(|one| one.refused.is_some());
    let withdraw = Withdraw { patient: id(&patient)?, institution };
    let answer = node.command(withdraw, Some(&patient)).await?;
    node.out.answer(&json!(answer), |out| {
        out.line(match had_ended {
            true => "put away: it is not shown any more",
            false => "the enrolment has ended; nothing was opened",
        });
    });
    Ok(())
}

/// Who treats a patient, after one does so no more.
pub(super) async fn treated_by(node: &Node, who: &str, ended: Option<&str>) -> Outcome {
    let patient = match ended {
        Some(institution) => {
            let patient = node.patient(who).await?;
            let institution = id(&node.institution(institution).await?)?;
            node.command(End { patient: id(&patient)?, institution }, Some(&patient)).await?;
            patient
        }
        None => node.subject(who).await?,
    };
    let view = node.query(ask::TreatedBy { patient: id(&patient)? }).await?;
    let status = node.status().await?;
    let rows: Vec<_> = view
        .iter()
        .map(|one| {
            let kinds: Vec<_> = one.kinds.iter().map(|kind| kind.name()).collect();
            row![
                match one.institution == status.institution {
                    true => format!("{} (this node)", one.name),
                    false => one.name.clone(),
                },
                one.role.map_or("", |role| role.name()),
                match one.now {
                    true => Cell::new("yes", Style::Good),
                    false => Cell::new("no", Style::Waiting),
                },
                one.until.map_or_else(|| faint(""), |until| Cell::from(until.utc_text())),
                if kinds.is_empty() { "all".to_owned() } else { kinds.join(", ") },
                output::id(one.institution),
            ]
        })
        .collect();
    node.out.answer(&json!(view), |out| {
        let heads = ["INSTITUTION", "ROLE", "TREATS", "UNTIL (UTC)", "KINDS", "ID"];
        out.table(&heads, &rows, "nobody, as far as this node was told");
        if status.role != Role::Patient {
            out.note(of_itself(view.iter().find(|one| one.institution == status.institution)));
        }
    });
    Ok(())
}

/// What an institution knows of itself: it is told by the patient's relay, and of few others.
fn of_itself(treats: Option<&TreatsView>) -> String {
    let word = match treats {
        None => "no word of the patient that this institution treats the patient is here".to_owned(),
        Some(TreatsView { now: true, until: None, .. }) => {
            "this institution treats the patient, by the patient's word, without end".to_owned()
        }
        Some(TreatsView { now: true, until: Some(until), .. }) => format!(
            "this institution treats the patient, by the patient's word, until {}",
            until.utc_text()
        ),
        Some(TreatsView { now: false, .. }) => {
            "the patient's word that this institution treats the patient counts no more: its time is over, or it is by an earlier key".to_owned()
        }
    };
    format!("{word}; others are listed as far as this institution may read what they recorded")
}

pub(super) async fn card(node: &Node, who: &str) -> Outcome {
    let patient = id(&node.patient(who).await?)?;
    let view = node.query(ask::PatientCard { patient }).await?;
    node.out.answer(&json!(view), |out| {
        out.line(&view.card);
        out.note("for a desk to scan in the place of a number; it is no secret");
    });
    Ok(())
}

/// What a patient's enrolments wait for, for a listing.
pub(super) fn waits_for(one: &EnrollingView) -> Option<String> {
    match one {
        EnrollingView { refused: Some(_), .. } | EnrollingView { number: None, .. } => None,
        EnrollingView { accepted: true, .. } => None,
        EnrollingView { confirmed: true, .. } => {
            Some("it says that its desk accepted the number".to_owned())
        }
        EnrollingView { number: Some(number), .. } => Some(format!("tell its desk: {number}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_another_looks_like_is_not_enough_to_say_yes_to() {
        let one = |looks_like: &[&str]| -> EnrollingView {
            let institution = PartyId([0xab; 32]);
            let about = json!({"institution": institution, "name": "\u{201c}Kita Hospita1\u{201d}", "role": "hospital",
                "member": false, "dealt_with": false, "looks_like": looks_like});
            serde_json::from_value(
                json!({"institution": institution, "refused": null, "about": about}),
            )
            .unwrap()
        };
        assert_eq!(is_unlike_others(&one(&[])), Ok(()));
        let failure = is_unlike_others(&one(&["Kita Hospital"])).unwrap_err();
        let words = Fingerprint::of(PartyId([0xab; 32])).words().to_string();
        assert!(failure.text.contains(&words) && failure.text.contains("that of Kita Hospital"));
        assert!(failure.next.unwrap().ends_with("abababab"));
    }

    #[test]
    fn only_the_institution_of_the_code_answers_it() {
        let one = |byte: u8, number: Option<&str>, refused: bool| -> EnrollingView {
            let institution = PartyId([byte; 32]);
            let about = json!({"institution": institution, "name": "A", "role": "hospital",
                "member": false, "dealt_with": false, "looks_like": []});
            let mut one: EnrollingView = serde_json::from_value(json!({"institution": institution,
                "refused": null, "number": number, "about": about}))
            .unwrap();
            one.refused = refused.then(|| codes::CodeError::Damaged.into());
            one
        };
        let (asked, wrong_person) = (PartyId([1; 32]), one(2, None, true));
        let look = |all: &[EnrollingView]| {
            answered(all, asked).map(|one| one.and_then(|one| one.number.clone()))
        };
        assert_eq!(look(std::slice::from_ref(&wrong_person)), Ok(None));
        assert_eq!(look(&[one(2, Some("111 111"), false), one(1, None, false)]), Ok(None));
        let number = Ok(Some("042 917".to_owned()));
        assert_eq!(look(&[wrong_person, one(1, Some("042 917"), false)]), number);
        assert_eq!(look(&[one(1, None, true)]).unwrap_err().exit, Exit::NotPermitted);
        assert!(institution_of("cm-i-x").is_err());
    }

    #[test]
    fn whose_chart_it_is_is_told_with_what_it_is_known_by() {
        let chart: ChartView = serde_json::from_value(json!({"chart": "ab".repeat(16), "name": "Sato Aiko",
            "identifiers": [{"name": "mrn", "value": "12345"}], "created": 0, "subject": "cd".repeat(32),
            "enrolled": false}))
        .unwrap();
        let facts = whose(&chart);
        let told: Vec<_> = facts.iter().map(|(name, cell)| (*name, cell.text.as_str())).collect();
        assert_eq!(told, [("the chart of", "Sato Aiko"), ("mrn", "12345")]);
    }

    #[test]
    fn a_hospital_says_of_itself_what_it_was_told() {
        let treats = |now: bool, until: Option<u64>| -> TreatsView {
            serde_json::from_value(
                json!({"institution": "ab".repeat(32), "name": "A", "role": "hospital", "now": now,
                "until": until, "kinds": [], "issued": 1}),
            )
            .unwrap()
        };
        assert!(of_itself(None).starts_with("no word of the patient"));
        assert!(of_itself(Some(&treats(true, None))).contains("without end"));
        assert!(of_itself(Some(&treats(true, Some(0)))).contains("until 1970-01-01"));
        assert!(of_itself(Some(&treats(false, Some(0)))).contains("counts no more"));
    }
}
