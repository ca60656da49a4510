//! Records are imported, deposited, and added to.

use super::args::Args;
use super::files;
use super::process::{Node, until};
use super::region::{Region, now};
use super::requests::until_state;
use super::tell::{bytes, line, readers, step};
use crate::output::counted;
use anyhow::{Context, bail, ensure};
use chartmesh_protocol::backup;
use chartmesh_protocol::consent::{self, RequestState};
use chartmesh_protocol::id::{ConsentId, PartyId};
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::record::view::EntryView;
use serde_json::json;
use std::io::Write;

/// Which kinds of record the story is told with: what the patient has.
pub(super) struct Kinds {
    /// Permitted by the referral, beside images.
    pub(super) second: Kind,
    /// Asked for by the referral, and not permitted.
    pub(super) held_back: Kind,
    /// Asked for later, and permitted.
    pub(super) wanted: Kind,
    /// Asked for later, and not permitted.
    pub(super) refused: Kind,
}

impl Kinds {
    /// From what the patient has; where there is too little, a kind that the patient has not stands
    /// in for what is not permitted.
    fn of(entries: &[EntryView]) -> anyhow::Result<Self> {
        let here = |kind: &Kind| entries.iter().any(|entry| entry.kind == Some(*kind));
        let favourites = [
            Kind::Conditions,
            Kind::Laboratory,
            Kind::VitalSigns,
            Kind::Encounters,
            Kind::Demographics,
        ];
        let mut given = favourites.iter().chain(Kind::ALL).filter(|kind| here(kind)).copied();
        let second =
            given.find(|kind| *kind != Kind::Imaging).context("there is nothing but images")?;
        let wanted = given
            .find(|kind| *kind != Kind::Imaging && *kind != second)
            .context("the records are of one kind only; the demo needs two")?;
        let mut held = [Kind::Reports, Kind::Medications, Kind::Procedures, Kind::Immunizations]
            .into_iter()
            .filter(|kind| *kind != second && *kind != wanted);
        let (Some(held_back), Some(refused)) = (held.next(), held.next()) else {
            bail!("four kinds less two are two");
        };
        Ok(Self { second, held_back, wanted, refused })
    }
}

pub(super) async fn import(region: &mut Region, args: &Args) -> anyhow::Result<Kinds> {
    step("Kita Hospital imports the patient's records and an endoscopy study");
    let files = files::gather(args.data.as_deref(), &region.work)?;
    let a = &region.a;
    let (fhir, refused) = a.import(region.patient, &files.fhir, json!({})).await?;
    ensure!(refused.is_empty(), "the patient's records were refused: {}", refused.join("; "));
    line(format!(
        "{}: {}",
        counted(files.fhir.len(), "FHIR file", "FHIR files"),
        counted(fhir.len(), "entry", "entries")
    ));
    let (dicom, refused) = a.import(region.patient, &files.dicom, json!({})).await?;
    let good = files.dicom.len() - refused.len();
    line(format!(
        "{}: {}, one for each study",
        counted(good, "DICOM file", "DICOM files"),
        counted(dicom.len(), "entry", "entries")
    ));
    for refused in refused {
        line(format!("refused: {refused}"));
    }
    let count = fhir.len() + dicom.len();
    until("the relay to hear of the entries", || async {
        let entries = entries(&region.relay, region.patient, true).await?;
        Ok((entries.len() == count).then_some(()))
    })
    .await?;
    let seen = entries(&region.relay, region.patient, true).await?;
    ensure!(seen.iter().all(|entry| entry.title.is_some()), "the patient can open every entry");
    line(format!("the patient sees all {count} on the relay, such as: {}", samples(&seen)));
    readers(format!("{}, the patient", a.name));
    Kinds::of(&seen)
}

pub(super) fn samples(entries: &[EntryView]) -> String {
    let mut titles: Vec<String> = Vec::new();
    for entry in entries {
        let kind = entry.kind.map_or("", Kind::name);
        if titles.len() < 3 && !titles.iter().any(|title| title.ends_with(&format!("({kind})"))) {
            titles.push(format!("{} ({kind})", entry.title.as_deref().unwrap_or("?")));
        }
    }
    titles.join(", ")
}

pub(super) async fn entries(
    node: &Node,
    patient: PartyId,
    unlocked: bool,
) -> anyhow::Result<Vec<EntryView>> {
    let mut entries = node.all(ask::Entries::of(patient), unlocked.then_some(patient)).await?;
    EntryView::sort_by_time(&mut entries);
    Ok(entries)
}

pub(super) async fn deposit(region: &Region) -> anyhow::Result<()> {
    step("The patient asks Kita Hospital to deposit the record with Midori Backup");
    let Region { a, provider, relay, patient, .. } = region;
    let soon = now().plus_ms(1500);
    let upload = consent::command::Upload {
        patient: *patient,
        hospital: a.id,
        depositary: provider.id,
        wish: consent::Wish::default(),
        not_before: Some(soon),
        days: None,
        quota: None,
        quota_entries: None,
    };
    let orders = relay.command(upload, Some(*patient)).await?;
    line(format!(
        "the relay signed an upload permission for {}, good at {} only",
        a.name, provider.name
    ));
    let ids: Vec<ConsentId> = orders.iter().map(|order| order.request).collect();
    until_state(relay, &ids, RequestState::Ready).await?;
    let kept: Vec<EntryView> = entries(provider, *patient, false).await?;
    ensure!(kept.iter().all(|entry| !entry.whole), "the deposit was not deferred");
    line(format!(
        "{} checked it and is ready: the place is kept, the data are to come",
        provider.name
    ));
    until_state(relay, &ids, RequestState::Done).await?;
    let kept = entries(provider, *patient, false).await?;
    let expected: usize = orders.iter().map(|order| order.wish.entries.len()).sum();
    ensure!(
        kept.len() == expected && kept.iter().all(|entry| entry.whole),
        "not everything arrived"
    );
    ensure!(kept.iter().all(|entry| entry.title.is_none()), "the provider can read titles");
    let total: u64 = kept.iter().map(|entry| entry.sealed_bytes).sum();
    line(format!(
        "executed: {} sealed, {} at the provider, receipt signed",
        counted(kept.len(), "entry", "entries"),
        bytes(total)
    ));
    readers(format!(
        "{}, the patient; {} sees labels, sizes and hashes only",
        a.name, provider.name
    ));
    Ok(())
}

pub(super) async fn add(region: &Region) -> anyhow::Result<()> {
    step("Minami Clinic adds a finding beside the original");
    let Region { b, provider, relay, patient, work, .. } = region;
    let original = entries(b, *patient, false)
        .await?
        .into_iter()
        .find(|entry| entry.kind == Some(Kind::Imaging))
        .context("no image was fetched")?;
    let file = work.join("finding.txt");
    std::fs::File::create(&file)?
        .write_all(b"Antral erosions, no ulcer. Biopsy not indicated.\n")?;
    let (added, _) = b
        .import(*patient, &[file], json!({
            "user": "Dr. Mori", "kind": "reports", "title": "Second opinion", "adds_to": original.entry,
        }))
        .await?;
    let finding = *added.first().context("nothing was recorded")?;
    let keep = backup::command::Keep {
        holder: provider.id,
        subject: *patient,
        entries: vec![finding],
        for_patient: true,
        not_before: None,
    };
    b.command(keep, None).await?;
    until("the finding at the provider", || async {
        let kept = entries(provider, *patient, false).await?;
        Ok(kept.iter().any(|entry| entry.entry == finding && entry.whole).then_some(()))
    })
    .await?;
    let seen = until("the finding at the relay", || async {
        let seen = entries(relay, *patient, true).await?;
        Ok(seen.into_iter().find(|entry| entry.entry == finding))
    })
    .await?;
    ensure!(seen.adds_to == Some(original.entry), "the finding does not name what it adds to");
    let still = entries(provider, *patient, false).await?;
    ensure!(
        still.iter().any(|entry| entry.entry == original.entry && entry.label == original.label),
        "the original changed"
    );
    line(format!(
        "\"Second opinion\" stands beside \"{}\", whose label and bytes are as before",
        original.title.unwrap_or_default()
    ));
    readers(format!("the patient and {}; {} keeps it sealed", b.name, provider.name));
    Ok(())
}
