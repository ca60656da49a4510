//! The federation is founded and the patient enrolled.

use super::process::{Node, until};
use super::region::{PASSPHRASE, Region};
use super::tell::{line, readers, step};
use anyhow::{Context, ensure};
use chartmesh_protocol::custody::view::EnrollingView;
use chartmesh_protocol::enrolment::command::{Accept, Code, Compare, Enrol};
use chartmesh_protocol::federation::command::{Admit, Found, Invite, Join};
use chartmesh_protocol::federation::view::FederationView;
use chartmesh_protocol::federation::view::Status;
use chartmesh_protocol::id::{ChartId, PartyId};
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::record::command::NewChart;
use serde_json::json;

pub(super) async fn found(region: &Region) -> anyhow::Result<()> {
    let Region { a, b, provider, .. } = region;
    step(
        "A hospital founds a federation alone, takes in a second, and both admit a backup provider",
    );
    let name = "Kita region".to_owned();
    a.command(Found { name, threshold: 2, anew: false }, None).await?;
    join(a, b).await?;
    admit(a, b).await?;
    until_member(b, b.id).await?;
    line(format!(
        "{} began alone and took in {}; from now on an admission takes two sponsors",
        a.name, b.name
    ));
    join(b, provider).await?;
    admit(b, provider).await?;
    let view = members(b).await?;
    let one_sponsor = view
        .parties
        .iter()
        .any(|party| party.party == provider.id && matches!(party.status, Status::Applicant));
    ensure!(one_sponsor, "one sponsor was enough to admit");
    line(format!("{} sponsors {}: one of two, not yet a member", b.name, provider.name));
    until(&format!("{} to hear of the applicant", a.name), || async {
        let known = a.all(ask::Peers::default(), None).await?;
        Ok(known.iter().any(|peer| peer.institution == provider.id).then_some(()))
    })
    .await?;
    admit(a, provider).await?;
    for node in [a, b, provider] {
        for member in [a, b, provider] {
            until_member(node, member.id).await?;
        }
    }
    line(format!(
        "{} sponsors it, too: {} is a member, and all three nodes say so",
        a.name, provider.name
    ));
    readers("nobody anything yet");
    Ok(())
}

async fn join(host: &Node, guest: &Node) -> anyhow::Result<()> {
    let invite = Invite { valid_ms: None, addresses: Vec::new() };
    let code = host.command(invite, None).await?.code;
    guest.command(Join { code }, None).await?;
    until(&format!("{} to hear of {}", host.name, guest.name), || async {
        let view = members(host).await?;
        Ok(view.parties.iter().any(|party| party.party == guest.id).then_some(()))
    })
    .await
}

async fn admit(sponsor: &Node, who: &Node) -> anyhow::Result<()> {
    sponsor.command(Admit { party: who.id, although_alike: false }, None).await?;
    Ok(())
}

pub(super) async fn members(node: &Node) -> anyhow::Result<FederationView> {
    node.query(ask::Members).await
}

async fn until_member(node: &Node, party: PartyId) -> anyhow::Result<()> {
    until(&format!("{} to list a member", node.name), || async {
        let view = members(node).await?;
        let is = view
            .parties
            .iter()
            .any(|view| view.party == party && matches!(view.status, Status::Member));
        Ok(is.then_some(()))
    })
    .await
}

/// How the patient's enrolment with a hospital stands.
async fn enrolling(
    relay: &Node,
    patient: PartyId,
    hospital: PartyId,
) -> anyhow::Result<Option<EnrollingView>> {
    let patients = relay.all(ask::Patients::default(), None).await?;
    let of_it = patients.into_iter().filter(|view| view.patient == patient);
    Ok(of_it.flat_map(|view| view.enrolling).find(|one| one.institution == hospital))
}

/// The desk types what it was told: first with a slip, which is noticed, then rightly.
async fn compared(desk: &Node, chart: ChartId, number: &str) -> anyhow::Result<()> {
    until("the relay's part of the number", || async {
        let begun = desk.all(ask::Enrolments::default(), None).await?;
        Ok(begun.iter().any(|one| one.chart == chart && one.to_compare).then_some(()))
    })
    .await?;
    let slip = if number == "000 000" { "000 001" } else { "000 000" };
    let typed = |number: &str| Compare { chart, number: number.to_owned() };
    let wrong = desk.command(typed(slip), None).await?;
    ensure!(!wrong.same, "another number is not the same");
    line(format!(
        "the desk types {slip}: not the same, nothing is opened; then {number}: the same"
    ));
    let right = desk.command(typed(number), None).await?;
    ensure!(right.same, "the number is the same on both sides");
    Ok(())
}

pub(super) async fn enrol(region: &mut Region) -> anyhow::Result<()> {
    step("A patient gets keys on the relay and enrols with Kita Hospital");
    let (a, relay) = (&region.a, &region.relay);
    let made = relay
        .post("/v1/patients", &json!({"name": "Yamada Hanako", "passphrase": PASSPHRASE}))
        .await?;
    let patient: PartyId = serde_json::from_value(made["patient"]["patient"].clone())?;
    let words = made["words"].as_str().context("no words were shown")?.to_owned();
    ensure!(words.split(' ').count() == 24, "the phrase has 24 words");
    relay
        .post(
            &format!("/v1/patients/{patient}/unlock"),
            &json!({"passphrase": PASSPHRASE, "minutes": 60}),
        )
        .await?;
    line(format!("patient {} made; 24 words shown once, kept nowhere", patient.short()));
    let chart = NewChart { name: "Yamada Hanako".to_owned(), identifiers: Vec::new() };
    let chart = a.command(chart, None).await?.chart;
    let code = Code { chart, valid_ms: None, addresses: Vec::new() };
    let code = a.command(code, None).await?.code;
    relay.command(Enrol { patient, code }, Some(patient)).await?;
    let number = until("the number to compare", || async {
        Ok(enrolling(relay, patient, a.id).await?.and_then(|one| one.number))
    })
    .await?;
    line(format!("the code was proven and never sent; the patient tells the desk: {number}"));
    compared(a, chart, &number).await?;
    until("the desk's word", || async {
        let one = enrolling(relay, patient, a.id).await?;
        Ok(one.is_some_and(|one| one.confirmed).then_some(()))
    })
    .await?;
    relay.command(Accept { patient, institution: a.id }, Some(patient)).await?;
    until("the enrolment", || async {
        let charts = a.all(ask::Charts::default(), None).await?;
        Ok(charts.iter().any(|chart| chart.enrolled && chart.subject == patient).then_some(()))
    })
    .await?;
    line(format!("{} certified the relay: every member now opens its door to it", a.name));
    readers("the patient, whatever is recorded from now on");
    region.patient = patient;
    region.words = words;
    Ok(())
}
