//! The patient permits, narrows, and rotates the key.

use super::process::{Node, refusal, until};
use super::records::{Kinds, entries, samples};
use super::region::{PASSPHRASE, Region};
use super::requests::{requests, until_state};
use super::tell::{line, readers, step};
use crate::output::counted;
use anyhow::{Context, ensure};
use chartmesh_protocol::capability::Purpose;
use chartmesh_protocol::consent::view::{GrantView, RequestView};
use chartmesh_protocol::consent::{self, AskCommand, Narrow, RequestState, Wish};
use chartmesh_protocol::id::{ConsentId, PartyId};
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::record::Kind;
use serde_json::json;

pub(super) async fn refer(region: &mut Region, kinds: &Kinds) -> anyhow::Result<RequestView> {
    step("Kita Hospital refers the patient to Minami Clinic; the patient permits with limits");
    let patient = region.patient;
    let (a, b, relay) = (&region.a, &region.b, &region.relay);
    let wish = Wish {
        kinds: vec![Kind::Imaging, kinds.second, kinds.held_back],
        write: Some(true),
        ..Wish::default()
    };
    let referral = consent::command::Referral(AskCommand {
        patient,
        to: Some(b.id),
        wish,
        purpose: Purpose::CareManagement,
        user: "Dr. Sato".to_owned(),
        message: "second opinion on the endoscopy".to_owned(),
        valid_ms: None,
    });
    a.command(referral, None).await?;
    let request = open_request(relay, a.id).await?;
    line(format!("the patient reads: \"{}\"", request.in_words));
    let narrow = Narrow { wish: of_kinds([Kind::Imaging, kinds.second]), ..for_days(7) };
    relay
        .command(consent::command::Approve { request: request.request, narrow }, Some(patient))
        .await?;
    let (second, held_back) = (kinds.second.in_words(), kinds.held_back.in_words());
    line(format!("the patient permits images and {second}, for 7 days; not {held_back}"));
    until("the permission at Minami Clinic", || async {
        Ok((!grants(b).await?.is_empty()).then_some(()))
    })
    .await?;
    until_state(a, &[request.request], RequestState::Approved).await?;
    ensure!(grants(a).await?.is_empty(), "the permission went to the hospital that referred");
    line(format!(
        "the permission went to {}; {} heard the outcome and got nothing",
        b.name, a.name
    ));

    region.a.kill()?;
    line(format!("{} is switched off", region.a.name));
    let done = fetch(&region.b, request.request, region.provider.id).await?;
    ensure!(done.state == RequestState::Done, "fetching failed: {}", done.reason);
    let got = entries(&region.b, patient, false).await?;
    ensure!(
        !got.is_empty() && got.iter().all(|entry| entry.whole && entry.title.is_some()),
        "not everything came"
    );
    let only = got
        .iter()
        .all(|entry| entry.kind.is_some_and(|kind| kind == Kind::Imaging || kind == kinds.second));
    ensure!(only, "more than was permitted came");
    line(format!(
        "{} fetched {} from {} and opened what came: {}",
        region.b.name,
        counted(got.len(), "entry", "entries"),
        region.provider.name,
        samples(&got)
    ));
    region.a.start().await?;
    readers(format!("{}, the patient; {} the images and {second}", region.a.name, region.b.name));
    Ok(request)
}

pub(super) async fn open_request(relay: &Node, asker: PartyId) -> anyhow::Result<RequestView> {
    until("the request to reach the patient", || async {
        Ok(requests(relay)
            .await?
            .into_iter()
            .find(|request| request.asker == asker && request.state == RequestState::Open))
    })
    .await
}

pub(super) async fn grants(node: &Node) -> anyhow::Result<Vec<GrantView>> {
    node.all(ask::Grants::default(), None).await
}

/// Has Minami Clinic fetch from a holder, and gives how it ended.
pub(super) async fn fetch(
    b: &Node,
    request: ConsentId,
    holder: PartyId,
) -> anyhow::Result<RequestView> {
    let user = "Dr. Mori".to_owned();
    b.command(consent::command::Fetch { request, holder: Some(holder), user }, None).await?;
    until("the fetch to end", || async {
        Ok(requests(b).await?.into_iter().find(|found| {
            found.request == request
                && matches!(found.state, RequestState::Done | RequestState::Failed)
        }))
    })
    .await
}

pub(super) async fn ask_further(region: &Region, kinds: &Kinds) -> anyhow::Result<()> {
    step("Minami Clinic asks to see more; the patient narrows the request and permits it");
    let Region { b, provider, relay, patient, .. } = region;
    let before = entries(b, *patient, false).await?.len();
    let request = ask(b, *patient, of_kinds([kinds.wanted, kinds.refused])).await?;
    let at_relay = open_request(relay, b.id).await?;
    line(format!("the patient reads: \"{}\"", at_relay.in_words));
    let narrow = Narrow { wish: of_kinds([kinds.wanted]), ..for_days(3) };
    approve(relay, *patient, request, narrow).await?;
    until_state(b, &[request], RequestState::Approved).await?;
    let done = fetch(b, request, provider.id).await?;
    ensure!(done.state == RequestState::Done, "fetching failed: {}", done.reason);
    let after = entries(b, *patient, false).await?;
    ensure!(after.len() > before, "nothing came");
    ensure!(
        !after.iter().any(|entry| entry.kind == Some(kinds.refused)),
        "more than was permitted came"
    );
    line(format!(
        "the patient permits {}, not {}: {} came",
        kinds.wanted.in_words(),
        kinds.refused.in_words(),
        counted(after.len() - before, "entry", "entries")
    ));
    readers(format!("{} now also {}", b.name, kinds.wanted.in_words()));
    Ok(())
}

/// A wish for all of these kinds.
pub(super) fn of_kinds<const N: usize>(kinds: [Kind; N]) -> Wish {
    Wish { kinds: kinds.to_vec(), ..Wish::default() }
}

/// Whole, for so many days.
pub(super) fn for_days(days: u64) -> Narrow {
    Narrow { days: Some(days), ..Narrow::default() }
}

pub(super) async fn ask(b: &Node, patient: PartyId, wish: Wish) -> anyhow::Result<ConsentId> {
    let download = consent::command::Download(AskCommand {
        patient,
        to: None,
        wish,
        purpose: Purpose::Treatment,
        user: "Dr. Mori".to_owned(),
        message: String::new(),
        valid_ms: None,
    });
    Ok(b.command(download, None).await?.request)
}

pub(super) async fn approve(
    relay: &Node,
    patient: PartyId,
    request: ConsentId,
    narrow: Narrow,
) -> anyhow::Result<RequestView> {
    until("the request to reach the patient", || async {
        Ok(requests(relay).await?.iter().any(|found| found.request == request).then_some(()))
    })
    .await?;
    relay.command(consent::command::Approve { request, narrow }, Some(patient)).await
}

pub(super) async fn rotate(region: &mut Region, referral: &RequestView) -> anyhow::Result<()> {
    step("The patient rotates the key with the 24 words");
    let Region { a, b, provider, relay, patient, words, .. } = region;
    let live: Vec<GrantView> =
        grants(relay).await?.into_iter().filter(|grant| grant.state == "live").collect();
    let drop = live
        .iter()
        .find(|grant| grant.grantee == a.id)
        .context("no permission of Kita Hospital to drop")?;
    let rotated = relay
        .post(
            &format!("/v1/patients/{patient}/rotate"),
            &json!({"words": words, "passphrase": PASSPHRASE, "drop": [drop.token]}),
        )
        .await?;
    relay
        .post(
            &format!("/v1/patients/{patient}/unlock"),
            &json!({"passphrase": PASSPHRASE, "minutes": 60}),
        )
        .await?;
    let kept = rotated["kept"].as_array().map_or(0, Vec::len);
    let dropped = rotated["dropped"].as_array().map_or(0, Vec::len);
    ensure!(
        kept + 2 == live.len() && dropped == 2,
        "{kept} kept and {dropped} dropped of {}",
        live.len()
    );
    line(format!(
        "{kept} permissions kept; named as dropped: the upload permission of {}, already used, and the",
        a.name
    ));
    line(format!("one of {} to add, whose compartments are retired with the old key", b.name));
    until("the provider to hear of the new key", || async {
        let keys = provider.query(ask::Keys { party: *patient }).await?;
        Ok((keys.current == 1).then_some(()))
    })
    .await?;
    let done = fetch(b, referral.request, provider.id).await?;
    ensure!(done.state == RequestState::Done, "what was kept does not work: {}", done.reason);
    line(format!("{} fetched again with its permission of before: it still works", b.name));
    let wrong = relay
        .post(
            &format!("/v1/patients/{patient}/rotate"),
            &json!({"words": "abandon ".repeat(23) + "art", "passphrase": PASSPHRASE, "drop": []}),
        )
        .await;
    let refused = refusal(wrong, "a rotation with other words")?;
    line(format!("with other words it is refused: {refused}"));
    readers("as before");
    Ok(())
}
