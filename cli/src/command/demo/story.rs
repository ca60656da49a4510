//! The story, step by step.

use super::apart::{unlisted, void};
use super::args::Args;
use super::deciding::{ask_further, refer, rotate};
use super::founding::{enrol, found};
use super::holding::{delete, interrupt, read_log};
use super::process::Node;
use super::records::{add, deposit, import};
use super::refusing::refusals;
use super::region::{PASSPHRASE, Region};
use super::standing::stand;
use super::tell::{closing, line, step};
use anyhow::{Context, ensure};
use chartmesh_protocol::id::PartyId;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The nodes' folders.
const FOLDERS: [&str; 4] = ["hospital-a", "hospital-b", "provider", "relay"];
/// How much of each log is shown when the demo failed.
const LAST_LINES: usize = 30;

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
    if told.is_err() {
        last_words(&root);
    }
    told.with_context(|| {
        format!("the demo failed; the nodes' data and logs are in {}", root.display())
    })?;
    closing(format!("Everything did what it says, in {:.1} s.", begun.elapsed().as_secs_f64()));
    Ok(())
}

/// What each node logged last: often it says why the demo failed, also where the folder is gone by the time that
/// somebody looks.
fn last_words(root: &Path) {
    for folder in FOLDERS {
        let log = std::fs::read_to_string(root.join(folder).join("node.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        closing(format!("The last lines of {folder}/node.log:"));
        lines.iter().skip(lines.len().saturating_sub(LAST_LINES)).for_each(line);
    }
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
    stand(&region).await?;
    unlisted(&region).await?;
    read_log(&region).await?;
    interrupt(&mut region, args.interrupt_mib).await?;
    delete(&region).await?;
    void(&region).await?;
    finish(&mut region, args.keep);
    Ok(())
}

async fn start(root: &Path) -> anyhow::Result<Region> {
    step("Four nodes start: the same program in three roles, each with its own keys and data");
    let [a, b, provider, relay] = FOLDERS;
    let a = Node::create(root, "hospital", a, "Kita Hospital").await?;
    let b = Node::create(root, "hospital", b, "Minami Clinic").await?;
    let provider = Node::create(root, "backup", provider, "Midori Backup").await?;
    let relay = Node::create(root, "patient", relay, "Sakura Relay").await?;
    for node in [&a, &b, &provider, &relay] {
        let status = node.get("/v1/status").await?;
        let doors = status["doors"]["network"].as_array().map_or(0, Vec::len);
        line(format!("{:<14} {}  {doors} doors on this machine", node.name, node.id.short()));
    }
    let work = root.join("files");
    std::fs::create_dir_all(&work)?;
    Ok(Region { a, b, provider, relay, work, patient: PartyId([0; 32]), words: String::new() })
}

fn finish(region: &mut Region, keep: bool) {
    if !keep {
        return;
    }
    closing("The four nodes go on running. Talk to them with:");
    for node in [&mut region.a, &mut region.b, &mut region.provider, &mut region.relay] {
        let process = node.let_go().map_or_else(String::new, |id| format!(" (process {id})"));
        line(format!("chartmesh --dir {} status    # {}{process}", node.dir.display(), node.name));
    }
    line(format!("The patient's passphrase on the relay: {PASSPHRASE}"));
    line("Stop them with: chartmesh --dir DIR stop");
}
