//! The story, step by step.

use super::process::{Node, refusal, until};
use super::rogue::Rogue;
use super::tell::{bytes, line, readers, step};
use super::{Args, files};
use anyhow::{Context, bail, ensure};
use chartmesh_node::api::TransferProgressView;
use chartmesh_protocol::access_log::Action;
use chartmesh_protocol::access_log::view::LogView;
use chartmesh_protocol::backup::view::{DepositView, KeptView};
use chartmesh_protocol::consent::RequestState;
use chartmesh_protocol::consent::view::{GrantView, RequestView};
use chartmesh_protocol::federation::view::FederationView;
use chartmesh_protocol::id::{ConsentId, PartyId};
use chartmesh_protocol::membership::Status;
use chartmesh_protocol::peer::{CodeView, PeerView};
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::record::view::{ChartView, EntryView};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Everybody in the story.
struct Region {
    a: Node,
    b: Node,
    provider: Node,
    relay: Node,
    work: PathBuf,
    patient: PartyId,
    chart: Option<ChartView>,
    words: String,
}

const PASSPHRASE: &str = "demo only: seven salmon swim upstream";

/// Walks through the whole story.
pub(super) async fn walk(args: &Args) -> anyhow::Result<()> {
    let begun = Instant::now();
    let (root, temporary) = match &args.dir {
        Some(dir) => {
            std::fs::create_dir_all(dir)?;
            ensure!(
                std::fs::read_dir(dir)?.next().is_none(),
                "{} is not empty; name a new folder",
                dir.display()
            );
            (dir.canonicalize()?, false)
        }
        None => (temporary_folder()?, !args.keep),
    };
    let told = tell_story(&root, args).await;
    if temporary && told.is_ok() {
        std::fs::remove_dir_all(&root).context("cannot remove the temporary folder")?;
    }
    told.with_context(|| {
        format!("the demo failed; the nodes' data and logs are in {}", root.display())
    })?;
    println!("\nEverything did what it says, in {:.1} s.", begun.elapsed().as_secs_f64());
    Ok(())
}

fn temporary_folder() -> anyhow::Result<PathBuf> {
    let mut name = [0u8; 6];
    chartmesh_node::random(&mut name);
    let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = std::env::temp_dir().join(format!("chartmesh-demo-{name}"));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

async fn tell_story(root: &Path, args: &Args) -> anyhow::Result<()> {
    let mut region = start(root).await?;
    found(&region).await?;
    enrol(&mut region).await?;
    let kinds = import(&mut region, args).await?;
    deposit(&region).await?;
    let referral = refer(&mut region, &kinds).await?;
    add(&region).await?;
    ask_further(&region, &kinds).await?;
    rotate(&mut region, &referral).await?;
    refusals(&region, &kinds).await?;
    read_log(&region).await?;
    interrupt(&mut region, args.interrupt_mib).await?;
    delete(&region).await?;
    finish(&mut region, args.keep);
    Ok(())
}

async fn start(root: &Path) -> anyhow::Result<Region> {
    step("Four nodes start: the same program in three roles, each with its own keys and data");
    let a = Node::create(root, "hospital", "hospital-a", "Kita Hospital").await?;
    let b = Node::create(root, "hospital", "hospital-b", "Minami Clinic").await?;
    let provider = Node::create(root, "backup", "provider", "Midori Backup").await?;
    let relay = Node::create(root, "patient", "relay", "Sakura Relay").await?;
    for node in [&a, &b, &provider, &relay] {
        let status = node.get("/v1/status").await?;
        let doors = status["doors"]["network"].as_array().map_or(0, Vec::len);
        line(format!("{:<14} {}  {doors} doors on this machine", node.name, node.id.short()));
    }
    let work = root.join("files");
    std::fs::create_dir_all(&work)?;
    Ok(Region {
        a,
        b,
        provider,
        relay,
        work,
        patient: PartyId([0; 32]),
        chart: None,
        words: String::new(),
    })
}

async fn found(region: &Region) -> anyhow::Result<()> {
    let Region { a, b, provider, .. } = region;
    step("The hospitals found a federation; the backup provider is admitted by both");
    let _: FederationView = a
        .command(json!({"federation": {"create": {"name": "Kita region", "threshold": 2}}}), None)
        .await?;
    join(a, b).await?;
    admit(a, b).await?;
    until_member(b, b.id).await?;
    line(format!(
        "{} invited {}; the charter names both as first members, two sponsors per admission",
        a.name, b.name
    ));
    join(b, provider).await?;
    admit(b, provider).await?;
    let view = members(b).await?;
    let one_sponsor = view.parties.iter().any(|party| {
        party.party == provider.id && matches!(party.standing, Status::Candidate { .. })
    });
    ensure!(one_sponsor, "one sponsor was enough to admit");
    line(format!("{} sponsors {}: one of two, not yet a member", b.name, provider.name));
    until(&format!("{} to hear of the applicant", a.name), || async {
        let known: Vec<PeerView> = a.query(json!("peers"), None).await?;
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
    let invite: CodeView = host.command(json!({"federation": {"invite": {}}}), None).await?;
    let _: FederationView =
        guest.command(json!({"federation": {"join": {"code": invite.code}}}), None).await?;
    until(&format!("{} to hear of {}", host.name, guest.name), || async {
        let view = members(host).await?;
        Ok(view.parties.iter().any(|party| party.party == guest.id).then_some(()))
    })
    .await
}

async fn admit(sponsor: &Node, who: &Node) -> anyhow::Result<()> {
    let _: FederationView =
        sponsor.command(json!({"federation": {"admit": {"party": who.id}}}), None).await?;
    Ok(())
}

async fn members(node: &Node) -> anyhow::Result<FederationView> {
    node.query(json!("members"), None).await
}

async fn until_member(node: &Node, party: PartyId) -> anyhow::Result<()> {
    until(&format!("{} to list a member", node.name), || async {
        let view = members(node).await?;
        let is = view
            .parties
            .iter()
            .any(|view| view.party == party && matches!(view.standing, Status::Member { .. }));
        Ok(is.then_some(()))
    })
    .await
}

async fn enrol(region: &mut Region) -> anyhow::Result<()> {
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
    let chart: ChartView =
        a.command(json!({"record": {"new-chart": {"name": "Yamada Hanako"}}}), None).await?;
    let code: CodeView =
        a.command(json!({"enrolment": {"code": {"chart": chart.chart}}}), None).await?;
    let _: Value = relay
        .command(
            json!({"enrolment": {"enrol": {"patient": patient, "code": code.code}}}),
            Some(patient),
        )
        .await?;
    until("the enrolment", || async {
        let charts: Vec<ChartView> = a.query(json!("charts"), None).await?;
        Ok(charts.iter().any(|chart| chart.enrolled && chart.subject == patient).then_some(()))
    })
    .await?;
    line(format!("{} certified the relay: every member now opens its door to it", a.name));
    readers("the patient, whatever is recorded from now on");
    region.patient = patient;
    region.words = words;
    region.chart = Some(chart);
    Ok(())
}

/// Which kinds of record the story is told with: what the patient has.
struct Kinds {
    /// Permitted by the referral, beside images.
    second: Kind,
    /// Asked for by the referral, and not permitted.
    held_back: Kind,
    /// Asked for later, and permitted.
    wanted: Kind,
    /// Asked for later, and not permitted.
    refused: Kind,
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

async fn import(region: &mut Region, args: &Args) -> anyhow::Result<Kinds> {
    step("Kita Hospital imports the patient's records and an endoscopy study");
    let files = files::gather(args.data.as_deref(), &region.work)?;
    let a = &region.a;
    let (fhir, refused) = a.import(region.patient, &files.fhir, json!({})).await?;
    ensure!(refused.is_empty(), "the patient's records were refused: {}", refused.join("; "));
    line(format!("{} FHIR file(s): {} entries", files.fhir.len(), fhir.len()));
    let (dicom, refused) = a.import(region.patient, &files.dicom, json!({})).await?;
    let good = files.dicom.len() - refused.len();
    line(format!("{good} DICOM file(s): {} entries, one per study", dicom.len()));
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

fn samples(entries: &[EntryView]) -> String {
    let mut titles: Vec<String> = Vec::new();
    for entry in entries {
        let kind = entry.kind.map_or("", Kind::name);
        if titles.len() < 3 && !titles.iter().any(|title| title.ends_with(&format!("({kind})"))) {
            titles.push(format!("{} ({kind})", entry.title.as_deref().unwrap_or("?")));
        }
    }
    titles.join(", ")
}

async fn entries(node: &Node, patient: PartyId, unlocked: bool) -> anyhow::Result<Vec<EntryView>> {
    node.query(json!({"entries": {"subject": patient}}), unlocked.then_some(patient)).await
}

async fn deposit(region: &Region) -> anyhow::Result<()> {
    step("The patient asks Kita Hospital to deposit the record with Midori Backup");
    let Region { a, provider, relay, patient, .. } = region;
    let soon = now_ms() + 1500;
    let orders: Vec<RequestView> = relay
        .command(
            json!({"consent": {"upload": {
                "patient": patient, "hospital": a.id, "depositary": provider.id, "not_before": soon,
            }}}),
            Some(*patient),
        )
        .await?;
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
        "executed: {} sealed entries, {} at the provider, receipt signed",
        kept.len(),
        bytes(total)
    ));
    readers(format!(
        "{}, the patient; {} sees labels, sizes and hashes only",
        a.name, provider.name
    ));
    Ok(())
}

async fn requests(node: &Node) -> anyhow::Result<Vec<RequestView>> {
    node.query(json!({"requests": {}}), None).await
}

/// Waits until all requests have come to `state`, or past it in the good direction.
async fn until_state(node: &Node, ids: &[ConsentId], state: RequestState) -> anyhow::Result<()> {
    until(&format!("a request to be {state:?} at {}", node.name), || async {
        let mut reached = true;
        for request in requests(node).await?.iter().filter(|request| ids.contains(&request.request))
        {
            let failed = matches!(
                request.state,
                RequestState::Failed | RequestState::Expired | RequestState::Refused
            );
            if failed && request.state != state {
                bail!("a request came to {:?}: {}", request.state, request.reason);
            }
            let passed = state == RequestState::Ready && request.state == RequestState::Done;
            reached &= request.state == state || passed;
        }
        Ok(reached.then_some(()))
    })
    .await
}

async fn refer(region: &mut Region, kinds: &Kinds) -> anyhow::Result<RequestView> {
    step("Kita Hospital refers the patient to Minami Clinic; the patient permits with limits");
    let patient = region.patient;
    let (a, b, relay) = (&region.a, &region.b, &region.relay);
    let _: RequestView = a
        .command(
            json!({"consent": {"referral": {
                "patient": patient, "to": b.id, "purpose": "care-management", "user": "Dr. Sato",
                "message": "second opinion on the endoscopy",
                "wish": {"kinds": ["imaging", kinds.second, kinds.held_back], "write": true},
            }}}),
            None,
        )
        .await?;
    let request = open_request(relay, a.id).await?;
    line(format!("the patient reads: \"{}\"", request.in_words));
    let _: RequestView = relay
        .command(
            json!({"consent": {"approve": {"request": request.request, "narrow": {
                "wish": {"kinds": ["imaging", kinds.second]}, "days": 7,
            }}}}),
            Some(patient),
        )
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
        "{} fetched {} entries from {} and opened them: {}",
        region.b.name,
        got.len(),
        region.provider.name,
        samples(&got)
    ));
    region.a.start().await?;
    readers(format!("{}, the patient; {} the images and {second}", region.a.name, region.b.name));
    Ok(request)
}

async fn open_request(relay: &Node, asker: PartyId) -> anyhow::Result<RequestView> {
    until("the request to reach the patient", || async {
        Ok(requests(relay)
            .await?
            .into_iter()
            .find(|request| request.asker == asker && request.state == RequestState::Open))
    })
    .await
}

async fn grants(node: &Node) -> anyhow::Result<Vec<GrantView>> {
    node.query(json!({"grants": {}}), None).await
}

/// Has Minami Clinic fetch from a holder, and gives how it ended.
async fn fetch(b: &Node, request: ConsentId, holder: PartyId) -> anyhow::Result<RequestView> {
    let _: RequestView = b
        .command(json!({"consent": {"fetch": {"request": request, "holder": holder, "user": "Dr. Mori"}}}), None)
        .await?;
    until("the fetch to end", || async {
        Ok(requests(b).await?.into_iter().find(|found| {
            found.request == request
                && matches!(found.state, RequestState::Done | RequestState::Failed)
        }))
    })
    .await
}

async fn add(region: &Region) -> anyhow::Result<()> {
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
    let _: DepositView = b
        .command(
            json!({"backup": {"keep": {
                "holder": provider.id, "subject": patient, "entries": [finding], "for_patient": true,
            }}}),
            None,
        )
        .await?;
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

async fn ask_further(region: &Region, kinds: &Kinds) -> anyhow::Result<()> {
    step("Minami Clinic asks to see more; the patient narrows the request and permits it");
    let Region { b, provider, relay, patient, .. } = region;
    let before = entries(b, *patient, false).await?.len();
    let request = ask(b, *patient, json!({"kinds": [kinds.wanted, kinds.refused]})).await?;
    let at_relay = open_request(relay, b.id).await?;
    line(format!("the patient reads: \"{}\"", at_relay.in_words));
    approve(relay, *patient, request, json!({"wish": {"kinds": [kinds.wanted]}, "days": 3}))
        .await?;
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
        "the patient permits {}, not {}: {} entries came",
        kinds.wanted.in_words(),
        kinds.refused.in_words(),
        after.len() - before
    ));
    readers(format!("{} now also {}", b.name, kinds.wanted.in_words()));
    Ok(())
}

async fn ask(b: &Node, patient: PartyId, wish: Value) -> anyhow::Result<ConsentId> {
    let request: RequestView = b
        .command(
            json!({"consent": {"download": {
                "patient": patient, "purpose": "treatment", "user": "Dr. Mori", "wish": wish,
            }}}),
            None,
        )
        .await?;
    Ok(request.request)
}

async fn approve(
    relay: &Node,
    patient: PartyId,
    request: ConsentId,
    narrow: Value,
) -> anyhow::Result<RequestView> {
    until("the request to reach the patient", || async {
        Ok(requests(relay).await?.iter().any(|found| found.request == request).then_some(()))
    })
    .await?;
    relay
        .command(
            json!({"consent": {"approve": {"request": request, "narrow": narrow}}}),
            Some(patient),
        )
        .await
}

async fn rotate(region: &mut Region, referral: &RequestView) -> anyhow::Result<()> {
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
        kept + 1 == live.len() && dropped == 1,
        "{kept} kept and {dropped} dropped of {}",
        live.len()
    );
    line(format!(
        "{kept} permissions kept, {dropped} named as dropped: the upload permission of {}, already used",
        a.name
    ));
    until("the provider to hear of the new key", || async {
        let keys: Value = provider.query(json!({"keys": {"party": *patient}}), None).await?;
        Ok((keys["current"] == 1).then_some(()))
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

/// One permission after the other that must not open anything.
async fn refusals(region: &Region, kinds: &Kinds) -> anyhow::Result<()> {
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

fn now_ms() -> u64 {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

async fn read_log(region: &Region) -> anyhow::Result<()> {
    step("The patient reads who saw what");
    let Region { provider, relay, patient, .. } = region;
    let _: Value =
        relay.command(json!({"access-log": {"collect": {"patient": patient}}}), None).await?;
    let expected = {
        let log: LogView =
            provider.query(json!({"access-log": {"subject": patient}}), None).await?;
        log.length
    };
    let logs = until("the logs to be collected", || async {
        let logs: Vec<LogView> =
            relay.query(json!({"collected-logs": {"patient": patient}}), None).await?;
        let whole = logs
            .iter()
            .any(|log| log.holder == provider.id && log.length >= expected && log.verified);
        Ok((whole && logs.iter().all(|log| log.verified)).then_some(logs))
    })
    .await?;
    for log in &logs {
        let reads = log.lines.iter().filter(|line| line.line.action == Action::Read).count();
        let refused =
            log.lines.iter().filter(|line| line.line.action == Action::ReadRefused).count();
        line(format!(
            "{:<14} {:>3} lines, chain and signed head verified: {reads} reads, {refused} refusals",
            log.holder_name, log.length
        ));
    }
    Ok(())
}

async fn interrupt(region: &mut Region, mib: u64) -> anyhow::Result<()> {
    step("The provider is killed in the middle of a transfer, restarted, and the transfer resumes");
    let file = region.work.join("large.dcm");
    chartmesh_node::sample::write_large(&file, 7, mib * 1024 * 1024)?;
    let (added, _) = region.a.import(region.patient, &[file], json!({"user": "Dr. Sato"})).await?;
    let entry = *added.first().context("nothing was recorded")?;
    let _: DepositView = region
        .a
        .command(
            json!({"backup": {"keep": {"holder": region.provider.id, "subject": region.patient, "entries": [entry]}}}),
            None,
        )
        .await?;
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
        let kept: Vec<KeptView> = region.a.query(json!({"kept": {}}), None).await?;
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

async fn delete(region: &Region) -> anyhow::Result<()> {
    step("The patient has the provider delete an entry, and gets its receipt");
    let Region { provider, relay, patient, .. } = region;
    let victim = entries(provider, *patient, false)
        .await?
        .into_iter()
        .find(|entry| entry.whole && entry.sealed_bytes < 1024 * 1024)
        .context("nothing to delete")?;
    let _: Value = relay
        .command(
            json!({"backup": {"delete": {"patient": patient, "holder": provider.id, "entries": [victim.entry]}}}),
            Some(*patient),
        )
        .await?;
    until("the entry to be gone", || async {
        let kept = entries(provider, *patient, false).await?;
        Ok((!kept.iter().any(|entry| entry.entry == victim.entry)).then_some(()))
    })
    .await?;
    until("the receipt for the deletion", || async {
        let log: LogView = relay.query(json!({"access-log": {"subject": patient}}), None).await?;
        let deleted = log.lines.iter().any(|line| {
            line.line.action == Action::Deleted && line.line.entries.contains(&victim.entry)
        });
        Ok(deleted.then_some(()))
    })
    .await?;
    line("gone there, with a signed receipt; the author's own copy stays with the author");
    Ok(())
}

fn finish(region: &mut Region, keep: bool) {
    if !keep {
        return;
    }
    println!("\nThe four nodes go on running. Talk to them with:");
    for node in [&mut region.a, &mut region.b, &mut region.provider, &mut region.relay] {
        let process = node.let_go().map_or_else(String::new, |id| format!(" (process {id})"));
        println!("    chartmesh --dir {} status    # {}{process}", node.dir.display(), node.name);
    }
    println!("    The patient's passphrase on the relay: {PASSPHRASE}");
    println!("    Stop them with: chartmesh --dir DIR stop");
}
