//! Permissions that do not hold.

use super::deciding::{approve, ask, fetch, for_days, of_kinds};
use super::process::{Node, until};
use super::records::Kinds;
use super::region::Region;
use super::requests::{requests, until_state};
use super::rogue::Rogue;
use super::tell::{line, readers, step};
use anyhow::ensure;
use chartmesh_protocol::access_log::Action;
use chartmesh_protocol::consent::{self, Narrow, RequestState, Wish};
use chartmesh_protocol::id::{ConsentId, PartyId};
use std::time::Duration;

/// One permission after the other that must not open anything.
pub(super) async fn refusals(region: &Region, kinds: &Kinds) -> anyhow::Result<()> {
    step("Permissions that do not hold are refused, each with its reason on the record");
    let Region { b, provider, patient, .. } = region;
    let seen = refused(provider, *patient).await?.len();
    let mut record = Record { region, seen };
    let revoked = permitted(region, kinds, for_days(1)).await?;
    let tokens = requests(b)
        .await?
        .into_iter()
        .find(|found| found.request == revoked)
        .map_or_else(Vec::new, |found| found.tokens);
    let revoke = consent::command::Revoke { patient: *patient, tokens };
    region.relay.command(revoke, Some(*patient)).await?;
    until("the revocation to reach the provider", || async {
        let _ = fetch(b, revoked, provider.id).await?;
        Ok((refused(provider, *patient).await?.len() > seen).then_some(()))
    })
    .await?;
    record.has("revoked", "revoked").await?;

    let expired =
        permitted(region, kinds, Narrow { valid_ms: Some(1000), ..Narrow::default() }).await?;
    wait_ms(2100).await;
    failed(region, expired).await?;
    record.has("past its end", "expired").await?;

    let elsewhere =
        permitted(region, kinds, Narrow { audience: vec![region.a.id], ..for_days(1) }).await?;
    failed(region, elsewhere).await?;
    record.has("for another holder", "wrong-audience").await?;

    let stale = permitted(region, kinds, Narrow { max_staleness: Some(1), ..for_days(1) }).await?;
    wait_ms(2100).await;
    failed(region, stale).await?;
    record.has("past max_staleness", "stale-revocations").await?;

    let good = permitted(region, kinds, for_days(1)).await?;
    let to_add = ask(b, *patient, Wish { write: Some(true), ..of_kinds([kinds.second]) }).await?;
    approve(&region.relay, *patient, to_add, for_days(1)).await?;
    until_state(b, &[to_add], RequestState::Approved).await?;
    line(format!("the others come from a stolen terminal of {}:", b.name));
    let mut rogue = Rogue::of(b, *patient, provider.id).await?;
    rogue.forged(good).await?;
    record.has("forged", "bad-signature").await?;
    rogue.altered(good).await?;
    record.has("one bit altered", "bad-signature").await?;
    rogue.replayed(good).await?;
    record.has("replayed", "proof-replayed").await?;
    rogue.out_of_scope(good, to_add).await?;
    record.has("another kind added", "out-of-scope").await?;
    readers("as before: no refused request got a byte");
    Ok(())
}

/// A permission for Minami Clinic to read what it was permitted before, limited as told.
async fn permitted(region: &Region, kinds: &Kinds, narrow: Narrow) -> anyhow::Result<ConsentId> {
    let request = ask(&region.b, region.patient, of_kinds([kinds.wanted])).await?;
    approve(&region.relay, region.patient, request, narrow).await?;
    until_state(&region.b, &[request], RequestState::Approved).await?;
    Ok(request)
}

async fn failed(region: &Region, request: ConsentId) -> anyhow::Result<()> {
    let ended = fetch(&region.b, request, region.provider.id).await?;
    ensure!(ended.state == RequestState::Failed, "a permission that does not hold was honoured");
    Ok(())
}

/// The reasons of all that the provider refused, as its log has them.
async fn refused(provider: &Node, patient: PartyId) -> anyhow::Result<Vec<String>> {
    let log = provider.log(patient).await?;
    ensure!(log.lines.len() as u64 == log.length, "the log is longer than a page");
    Ok(log
        .lines
        .into_iter()
        .filter(|line| matches!(line.line.action, Action::ReadRefused | Action::KeepRefused))
        .filter_map(|line| line.line.reason)
        .map(|reason| reason.name())
        .collect())
}

/// What the provider's log says about refusals, as they come.
struct Record<'a> {
    region: &'a Region,
    seen: usize,
}

impl Record<'_> {
    /// One more refusal is on the record, for this reason.
    async fn has(&mut self, what: &str, reason: &str) -> anyhow::Result<()> {
        let reasons = refused(&self.region.provider, self.region.patient).await?;
        let new = reasons.get(self.seen..).unwrap_or_default();
        ensure!(new == [reason], "{what}: refused as {new:?} instead of {reason}");
        self.seen = reasons.len();
        line(format!("{what:<19} refused and logged: {reason}"));
        Ok(())
    }
}

async fn wait_ms(ms: u64) {
    // The clock itself is what is waited for: a permission has to run out.
    tokio::time::sleep(Duration::from_millis(ms)).await;
}
