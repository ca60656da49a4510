//! Permissions that do not hold.

use super::deciding::{approve, ask, fetch, requests, until_state};
use super::process::{Node, until};
use super::records::Kinds;
use super::rogue::Rogue;
use super::story::Region;
use super::tell::{line, readers, step};
use anyhow::{Context, ensure};
use chartmesh_protocol::access_log::Action;
use chartmesh_protocol::access_log::view::LogView;
use chartmesh_protocol::consent::RequestState;
use chartmesh_protocol::id::{ConsentId, PartyId};
use serde_json::{Value, json};
use std::time::Duration;

/// One permission after the other that must not open anything.
pub(super) async fn refusals(region: &Region, kinds: &Kinds) -> anyhow::Result<()> {
    step("Permissions that do not hold are refused, each with its reason on the record");
    let Region { b, provider, patient, .. } = region;
    let revoked = permitted(region, kinds, json!({"days": 1})).await?;
    let tokens = requests(b)
        .await?
        .into_iter()
        .find(|found| found.request == revoked)
        .map(|found| found.tokens);
    let _: Value = region
        .relay
        .command(
            json!({"consent": {"revoke": {"patient": patient, "tokens": tokens}}}),
            Some(*patient),
        )
        .await?;
    until("the revocation to reach the provider", || async {
        let before = refused_reads(provider, *patient).await?.len();
        let _ = fetch(b, revoked, provider.id).await?;
        let after = refused_reads(provider, *patient).await?;
        Ok((after.len() > before).then_some(()))
    })
    .await?;
    expect_reason(region, "revoked").await?;

    let expired = permitted(region, kinds, json!({"valid_ms": 1000})).await?;
    wait_ms(2100).await;
    failed(region, expired).await?;
    expect_reason(region, "expired").await?;

    let elsewhere = permitted(region, kinds, json!({"days": 1, "audience": [region.a.id]})).await?;
    failed(region, elsewhere).await?;
    expect_reason(region, "wrong-audience").await?;

    let stale = permitted(region, kinds, json!({"days": 1, "max_staleness": 1})).await?;
    wait_ms(2100).await;
    failed(region, stale).await?;
    expect_reason(region, "stale-revocations").await?;

    let good = permitted(region, kinds, json!({"days": 1})).await?;
    let mut rogue = Rogue::of(b, *patient, good).await?;
    rogue.forged(provider).await?;
    expect_reason(region, "bad-signature").await?;
    rogue.replayed(provider).await?;
    expect_reason(region, "proof-replayed").await?;
    line(format!("the forged and the replayed one came from a stolen terminal of {}", b.name));
    readers("as before: no refused request got a byte");
    Ok(())
}

/// A permission for Minami Clinic to read what it was permitted before, limited as told.
async fn permitted(region: &Region, kinds: &Kinds, narrow: Value) -> anyhow::Result<ConsentId> {
    let request = ask(&region.b, region.patient, json!({"kinds": [kinds.wanted]})).await?;
    approve(&region.relay, region.patient, request, narrow).await?;
    until_state(&region.b, &[request], RequestState::Approved).await?;
    Ok(request)
}

async fn failed(region: &Region, request: ConsentId) -> anyhow::Result<()> {
    let ended = fetch(&region.b, request, region.provider.id).await?;
    ensure!(ended.state == RequestState::Failed, "a permission that does not hold was honoured");
    Ok(())
}

async fn refused_reads(provider: &Node, patient: PartyId) -> anyhow::Result<Vec<String>> {
    let log: LogView = provider.query(json!({"access-log": {"subject": patient}}), None).await?;
    Ok(log
        .lines
        .into_iter()
        .filter(|line| line.line.action == Action::ReadRefused)
        .filter_map(|line| line.line.reason)
        .collect())
}

async fn expect_reason(region: &Region, reason: &str) -> anyhow::Result<()> {
    let reasons = refused_reads(&region.provider, region.patient).await?;
    let last = reasons.last().context("nothing was refused")?;
    ensure!(last == reason, "refused as {last} instead of {reason}");
    line(format!("refused and logged: {reason}"));
    Ok(())
}

async fn wait_ms(ms: u64) {
    // The clock itself is what is waited for: a permission has to run out.
    tokio::time::sleep(Duration::from_millis(ms)).await;
}
