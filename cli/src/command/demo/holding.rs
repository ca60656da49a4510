//! What a holder logged, a transfer that is interrupted, a deletion.

use super::process::{Node, until};
use super::records::entries;
use super::region::Region;
use super::tell::{bytes, line, step};
use crate::output::counted;
use anyhow::{Context, ensure};
use chartmesh_node::api::TransferProgressView;
use chartmesh_protocol::access_log::{self, Action};
use chartmesh_protocol::backup;
use chartmesh_protocol::peer::{Part, ask};
use serde_json::json;

pub(super) async fn read_log(region: &Region) -> anyhow::Result<()> {
    step("The patient reads who saw what");
    let Region { provider, relay, patient, .. } = region;
    relay.command(access_log::command::Collect { patient: *patient }, None).await?;
    let expected = {
        let log = provider.log(*patient).await?;
        log.length
    };
    let logs = until("the logs to be collected", || async {
        let logs = relay.query(ask::CollectedLogs { patient: *patient }).await?;
        let whole = logs
            .iter()
            .any(|log| log.holder == provider.id && log.length >= expected && log.verified);
        Ok((whole && logs.iter().all(|log| log.verified)).then_some(logs))
    })
    .await?;
    for log in &logs {
        let lines =
            ask::CollectedLines { patient: *patient, holder: log.holder, part: Part::default() };
        let lines = relay.all(lines, None).await?;
        let of = |action| lines.iter().filter(|line| line.line.action == action).count();
        let (reads, refused) = (of(Action::Read), of(Action::ReadRefused));
        line(format!(
            "{:<14} {:>3} {}, chain and signed head verified: {}, {}",
            log.holder_name,
            log.length,
            if log.length == 1 { "line" } else { "lines" },
            counted(reads, "read", "reads"),
            counted(refused, "refusal", "refusals")
        ));
    }
    Ok(())
}

pub(super) async fn interrupt(region: &mut Region, mib: u64) -> anyhow::Result<()> {
    step("The provider is killed in the middle of a transfer, restarted, and the transfer resumes");
    let file = region.work.join("large.dcm");
    chartmesh_kit::sample::write_large(&file, 7, mib * 1024 * 1024)?;
    let (added, _) = region.a.import(region.patient, &[file], json!({"user": "Dr. Sato"})).await?;
    let entry = *added.first().context("nothing was recorded")?;
    let keep = backup::command::Keep {
        holder: region.provider.id,
        subject: region.patient,
        entries: vec![entry],
        for_patient: false,
        not_before: None,
    };
    region.a.command(keep, None).await?;
    let provider = &region.provider;
    let found = until("the transfer to be in its middle", || async {
        Ok(transfer(provider, mib).await?.filter(|found| found.have >= found.length / 4))
    })
    .await?;
    region.provider.kill()?;
    ensure!(!found.ended, "the transfer had ended before the kill; name a larger --interrupt-mib");
    let (before, length) = (found.have, found.length);
    line(format!("killed with {} of {} at the provider", bytes(before), bytes(length)));
    region.provider.start().await?;
    let provider = &region.provider;
    let resumed = until("the transfer to be taken up", || async {
        Ok(transfer(provider, mib)
            .await?
            .filter(|found| found.have > 0)
            .map(|found| found.resumed_from))
    })
    .await?;
    ensure!(resumed > 0, "the transfer began anew");
    until("the receipt", || async {
        let kept = region.a.all(ask::Kept::default(), None).await?;
        Ok(kept
            .iter()
            .any(|kept| kept.entry == entry && kept.holder == region.provider.id)
            .then_some(()))
    })
    .await?;
    line(format!(
        "restarted: resumed at {}, {} were still to come; whole, verified, receipt signed",
        bytes(resumed),
        bytes(length - resumed)
    ));
    Ok(())
}

/// How far the large transfer at the provider has come.
struct Progress {
    have: u64,
    length: u64,
    resumed_from: u64,
    ended: bool,
}

async fn transfer(provider: &Node, mib: u64) -> anyhow::Result<Option<Progress>> {
    let transfers: Vec<TransferProgressView> =
        serde_json::from_value(provider.get("/v1/transfers").await?)?;
    let found = transfers.into_iter().find(|transfer| transfer.length >= mib * 1024 * 1024);
    Ok(found.map(|found| Progress {
        have: found.have.unwrap_or(0),
        length: found.length,
        resumed_from: found.resumed_from.unwrap_or(0),
        ended: found.ended,
    }))
}

pub(super) async fn delete(region: &Region) -> anyhow::Result<()> {
    step("The patient has the provider delete an entry, and gets its receipt");
    let Region { provider, relay, patient, .. } = region;
    let victim = entries(provider, *patient, false)
        .await?
        .into_iter()
        .find(|entry| entry.whole && entry.sealed_bytes < 1024 * 1024)
        .context("nothing to delete")?;
    let delete = backup::command::Delete {
        patient: Some(*patient),
        holder: provider.id,
        entries: vec![victim.entry],
    };
    relay.command(delete, Some(*patient)).await?;
    until("the entry to be gone", || async {
        let kept = entries(provider, *patient, false).await?;
        Ok((!kept.iter().any(|entry| entry.entry == victim.entry)).then_some(()))
    })
    .await?;
    until("the receipt for the deletion", || async {
        let log = relay.log(*patient).await?;
        let deleted = log.lines.iter().any(|line| {
            line.line.action == Action::Deleted && line.line.entries.contains(&victim.entry)
        });
        Ok(deleted.then_some(()))
    })
    .await?;
    line("gone there, with a signed receipt; the author's own copy stays with the author");
    Ok(())
}
