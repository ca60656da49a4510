//! A permission that stands, until it ends.

use super::deciding::{approve, ask, fetch, of_kinds, open_request};
use super::process::{Node, until};
use super::records::entries;
use super::region::{Region, now};
use super::requests::until_state;
use super::tell::{line, readers, step};
use anyhow::{Context, ensure};
use chartmesh_protocol::codec::Bytes;
use chartmesh_protocol::consent::{self, Narrow, RequestState, Wish};
use chartmesh_protocol::id::{ConsentId, EntryId, PartyId};
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::time::DAY_MS;
use serde_json::json;

pub(super) async fn stand(region: &Region) -> anyhow::Result<()> {
    step("Minami Clinic gets a standing permission: what is added later opens, until it ends");
    let Region { a, b, relay, patient, .. } = region;
    let end = Some(now().plus_ms(30 * DAY_MS));
    let wish = Wish { standing: end, ..of_kinds([Kind::Documents]) };
    let request = ask(b, *patient, wish).await?;
    let words = open_request(relay, b.id).await?.in_words;
    ensure!(words.contains("added later"), "the patient is not told what it opens: {words}");
    line(format!("the patient reads: \"{words}\""));
    let given = approve(relay, *patient, request, Narrow::default()).await?;
    until_state(b, &[request], RequestState::Approved).await?;
    for title in ["Discharge letter", "Letter to the family doctor"] {
        let letter = write(region, title).await?;
        fetched(b, request, a.id).await?;
        let got = entries(b, *patient, false).await?;
        let came = got.iter().any(|entry| entry.entry == letter && entry.title.is_some());
        ensure!(came, "\"{title}\" was added later and did not come");
        line(format!("{} adds \"{title}\"; {} fetches again, and it opens", a.name, b.name));
    }
    let before = revocations(a, *patient).await?;
    let revoke = consent::command::Revoke { patient: *patient, tokens: given.tokens };
    relay.command(revoke, Some(*patient)).await?;
    until("Kita Hospital to hear of the revocation", || async {
        Ok((revocations(a, *patient).await? != before).then_some(()))
    })
    .await?;
    let last = write(region, "A letter after the end").await?;
    let refused = fetch(b, request, a.id).await?;
    ensure!(refused.state == RequestState::Failed, "a standing permission that ended was honoured");
    let got = entries(b, *patient, false).await?;
    ensure!(!got.iter().any(|entry| entry.entry == last), "something came after the end");
    let seen = until("the patient to see the last letter", || async {
        let seen = entries(relay, *patient, true).await?;
        Ok(seen.into_iter().find(|entry| entry.entry == last && entry.title.is_some()))
    })
    .await?;
    line(format!(
        "the patient ends it: a new epoch of that kind begins, \"{}\" is sealed to that, and {} is refused",
        seen.title.unwrap_or_default(),
        b.name
    ));
    readers(format!(
        "{} the two letters of before; the last one {} and the patient",
        b.name, a.name
    ));
    Ok(())
}

async fn write(region: &Region, title: &str) -> anyhow::Result<EntryId> {
    let file = region.work.join(format!("{}.txt", title.to_lowercase().replace(' ', "-")));
    std::fs::write(&file, format!("{title}\n"))?;
    let what = json!({"user": "Dr. Sato", "kind": "documents", "title": title});
    let (added, _) = region.a.import(region.patient, &[file], what).await?;
    added.first().copied().context("nothing was recorded")
}

async fn fetched(b: &Node, request: ConsentId, holder: PartyId) -> anyhow::Result<()> {
    let done = fetch(b, request, holder).await?;
    ensure!(done.state == RequestState::Done, "fetching failed: {}", done.reason);
    Ok(())
}

async fn revocations(node: &Node, patient: PartyId) -> anyhow::Result<Option<Bytes>> {
    Ok(node.query(ask::Keys { party: patient }).await?.revocations)
}
