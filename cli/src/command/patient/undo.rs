//! Undoing an enrolment that was made.

use chartmesh_protocol::identity::Role;
use chartmesh_protocol::record::view::UndoneView;
use serde_json::json;

use crate::exit::{Exit, Failure, Outcome};
use crate::node::{Node, read, short};
use crate::output::{Cell, Output, Style, counted};

/// Asks again until everything is sealed anew; with what was said first.
pub(super) async fn undo(node: &Node, who: &str, user: &str, although_lost: bool) -> Outcome {
    node.require(Role::Hospital, "hospitals undo enrolments in their charts").await?;
    let chart = node.chart(who).await?;
    let ask = async || -> Outcome<UndoneView> {
        let body = json!({"user": user, "although_lost": although_lost});
        read(node.client.post(&format!("/v1/charts/{chart}/undo"), &body).await?)
    };
    let mut view = ask().await?;
    while view.left > 0 {
        node.out.note(format!("{} to be sealed anew", counted(view.left, "entry", "entries")));
        let left = ask().await?.left;
        if left >= view.left {
            return Err(Failure::new(
                Exit::Failed,
                "nothing more could be sealed anew; see the node's log",
            ));
        }
        view.left = left;
    }
    node.out.answer(&json!(view), |out| show(out, &chart, &view));
    Ok(())
}

fn show(out: &Output, chart: &str, view: &UndoneView) {
    if let Some(patient) = view.patient {
        out.facts(&[
            ("left the record of", short(&patient.to_string()).into()),
            ("entries", Cell::new(view.taken_out.to_string(), Style::Strong)),
            ("chart's subject", view.subject.to_string().into()),
        ]);
    }
    done(view).iter().for_each(|line| out.line(line));
    next(chart, view).iter().for_each(|step| out.next(step));
}

/// What was done. An undoing that goes on names no patient: that one left the chart when it began.
fn done(view: &UndoneView) -> Vec<String> {
    let mut lines = vec![
        match view.patient {
            Some(_) => {
                "undone: the chart is not enrolled, and what was recorded in it is sealed anew"
            }
            None => "what was undone before is sealed anew now",
        }
        .to_owned(),
    ];
    if let (Some(patient), 1..) = (view.patient, view.stay) {
        lines.push(format!(
            "{} in a chart of its own: chartmesh record list {patient}",
            counted(
                view.stay,
                "entry of that patient's record stays",
                "entries of that patient's record stay"
            )
        ));
    }
    lines
}

/// What is left to do. The patient's id is given whole: its first digits lead to the chart that was left, too.
fn next(chart: &str, view: &UndoneView) -> Vec<String> {
    let chart = short(chart);
    let mut steps = Vec::new();
    if let Some(patient) = view.patient {
        steps.push(format!("chartmesh log {patient} says who had read it by now"));
    }
    if view.taken_out > 0 || view.patient.is_none() {
        steps.push(format!(
            "the new entries have no backup yet: chartmesh backup keep PROVIDER {chart}"
        ));
    }
    let of = view.patient.map(|patient| format!(" --patient {patient}")).unwrap_or_default();
    steps.push(format!(
        "what that patient permitted this institution stands until the patient takes it back: chartmesh consent grants{of}"
    ));
    steps.push(format!("when the right person comes: chartmesh patient enrol {chart}"));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::id::PartyId;

    fn undone(patient: Option<PartyId>, stay: usize) -> UndoneView {
        UndoneView { subject: PartyId([1; 32]), patient, taken_out: 2, stay, left: 0 }
    }

    #[test]
    fn what_stays_is_counted_and_found_by_the_patients_whole_id() {
        let patient = PartyId([0xab; 32]);
        assert_eq!(done(&undone(Some(patient), 0)).len(), 1);
        let one = done(&undone(Some(patient), 1)).remove(1);
        assert!(one.starts_with("1 entry of that patient's record stays in"), "{one}");
        assert!(one.ends_with(&format!("chartmesh record list {patient}")), "{one}");
        assert!(done(&undone(Some(patient), 2))[1].starts_with("2 entries of"));
        let steps = next("0123456789", &undone(Some(patient), 0));
        assert!(steps[0].contains(&format!("chartmesh log {patient} ")), "{steps:?}");
        assert!(steps.iter().any(|step| step.ends_with("backup keep PROVIDER 01234567")));
    }

    #[test]
    fn what_goes_on_says_so() {
        let view = UndoneView { taken_out: 0, ..undone(None, 0) };
        assert_eq!(done(&view), ["what was undone before is sealed anew now"]);
        assert!(next("0123456789", &view)[0].contains("no backup yet"));
    }
}
