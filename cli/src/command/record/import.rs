//! Files into entries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::pin;

use chartmesh_node::api::IMPORT_FILES_MAX;
use chartmesh_node::client::escape;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::limits::NAME_BYTES_MAX;
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::record::view::{EntryView, RecordedView};
use chartmesh_protocol::time::Timestamp;
use futures::stream::{self, StreamExt as _};
use serde_json::json;

use super::counted;
use crate::args::UserArg;
use crate::command::wish::kinds;
use crate::exit::{Failure, Outcome};
use crate::limits::{NAMED_MAX, SENT_AT_ONCE};
use crate::node::{Node, read};
use crate::wait;
use crate::when;

/// What is said of new entries beside their files.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DraftArgs {
    /// The kind of record [default: what the files say]
    #[arg(long, value_parser = kinds())]
    kind: Option<Kind>,
    /// The title [default: what the files say]
    #[arg(long)]
    title: Option<String>,
    #[command(flatten)]
    user: UserArg,
}

pub(super) async fn run(
    node: &Node,
    subject: &str,
    adds_to: Option<&str>,
    files: &[PathBuf],
    draft: &DraftArgs,
) -> Outcome {
    node.require(Role::Hospital, "hospitals record").await?;
    let files = gather(files)?;
    let subject = node.subject(subject).await?;
    let adds_to = match adds_to {
        Some(entry) => Some(node.entry(&subject, entry).await?),
        None => None,
    };
    let body = json!({
        "subject": subject,
        "user": draft.user.name(),
        "adds_to": adds_to,
        "kind": draft.kind,
        "title": draft.title,
    });
    let begun = node.client.post("/v1/imports", &body).await?;
    let import = escape(begun["import"].as_str().unwrap_or_default());
    // Nothing is recorded before the commit, and what came is given up without it.
    let sent = wait::unless_interrupted(send(node, &import, &files)).await;
    if let Err(failure) = sent {
        // The node does so by itself after an hour.
        let _ = node.client.delete(&format!("/v1/imports/{import}")).await;
        let text = format!("{}; nothing was recorded", failure.text);
        return Err(Failure { text, ..failure });
    }
    let commit = format!("/v1/imports/{import}/commit");
    let answer = node.client.post(&commit, &json!({})).await?;
    let recorded: RecordedView = read(answer.clone())?;
    let views = match node.out.json {
        true => Vec::new(),
        false => node.entries_only(&subject, &recorded.entries).await?,
    };
    node.out.answer(&answer, |out| {
        if out.verbose {
            recorded.entries.iter().for_each(|entry| out.line(entry.to_string()));
        }
        out.line(format!(
            "{} became {}",
            counted(files.len(), "file", "files"),
            counted(recorded.entries.len(), "entry", "entries")
        ));
        summary(&views).iter().for_each(|line| out.line(line));
    });
    Ok(())
}

async fn send(node: &Node, import: &str, files: &[ImportFile]) -> Outcome {
    let total = files.iter().map(|file| file.bytes).sum();
    let progress = node.out.progress("importing", total);
    let progress = &progress;
    let sending = stream::iter(files).map(|file| async move {
        let path = format!("/v1/imports/{import}/files?name={}", escape(tail(&file.name)));
        let bar = progress.clone();
        let sent = node.client.put_file(&path, &file.path, move |bytes| bar.inc(bytes)).await;
        sent.map_err(|error| {
            let failure = Failure::from(error);
            let text = format!("{}: {}", file.path.display(), failure.text);
            Failure { text, ..failure }
        })
    });
    // Several at once, since each waits for the disk.
    let mut sending = pin!(sending.buffer_unordered(SENT_AT_ONCE));
    while let Some(sent) = sending.next().await {
        sent?;
    }
    progress.finish_and_clear();
    Ok(())
}

/// Entries that are few one by one, many by kind and time.
fn summary(new: &[EntryView]) -> Vec<String> {
    let title = |view: &EntryView| view.title.clone().unwrap_or_default();
    if new.len() <= NAMED_MAX {
        return new
            .iter()
            .map(|view| format!("  {}  {}", view.entry.short(), title(view)))
            .collect();
    }
    let mut kinds: BTreeMap<&str, Vec<Timestamp>> = BTreeMap::new();
    for view in new {
        let kind = view.kind.map_or("(sealed)", |kind| kind.name());
        kinds.entry(kind).or_default().push(view.effective.unwrap_or(view.recorded));
    }
    let widest = kinds.keys().map(|kind| kind.len()).max().unwrap_or(0);
    let line = |(kind, times): (&&str, &Vec<Timestamp>)| {
        let (first, last) = (times.iter().min().copied(), times.iter().max().copied());
        let [first, last] = [first, last].map(|at| at.map(when::day).unwrap_or_default());
        let span = if first == last { first } else { format!("{first} to {last}") };
        format!("  {kind:widest$}  {:>5}  {span}", times.len())
    };
    kinds.iter().map(line).collect()
}

/// The end of a name that is longer than the node takes: the file's own name is there.
fn tail(name: &str) -> &str {
    let mut start = name.len().saturating_sub(NAME_BYTES_MAX);
    while !name.is_char_boundary(start) {
        start += 1;
    }
    &name[start..]
}

/// One file to be imported.
#[derive(Debug, PartialEq, Eq)]
struct ImportFile {
    path: PathBuf,
    /// Its path below what was named, for people.
    name: String,
    bytes: u64,
}

/// The files, those in folders among them, in the order of their names; hidden ones only where they
/// are named themselves.
fn gather(named: &[PathBuf]) -> Outcome<Vec<ImportFile>> {
    let mut found = Vec::new();
    for path in named {
        let metadata =
            std::fs::metadata(path).map_err(|error| Failure::file("read", path, &error))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        if metadata.is_dir() {
            look_through(path, &name, &mut found)?;
        } else if metadata.is_file() {
            found.push(ImportFile { path: path.clone(), name, bytes: metadata.len() });
        } else {
            // It has no length before it was read, and would become an empty entry.
            return Err(Failure::usage(format!("{} is no regular file", path.display()))
                .next("write what it gives into a file first"));
        }
    }
    if found.is_empty() {
        return Err(Failure::usage("there are no files in what was named"));
    }
    Ok(found)
}

fn look_through(dir: &Path, prefix: &str, found: &mut Vec<ImportFile>) -> Outcome {
    let failed = |error| Failure::file("read", dir, &error);
    let mut inside: Vec<_> =
        std::fs::read_dir(dir).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
    inside.sort_by_key(std::fs::DirEntry::file_name);
    for item in inside {
        let file_name = item.file_name().to_string_lossy().into_owned();
        if file_name.starts_with('.') {
            continue;
        }
        let name = if prefix.is_empty() { file_name } else { format!("{prefix}/{file_name}") };
        // Links are followed for files, not for folders: a loop would have no end.
        let kind = item.file_type().map_err(failed)?;
        let path = item.path();
        if kind.is_dir() {
            look_through(&path, &name, found)?;
            continue;
        }
        let metadata =
            std::fs::metadata(&path).map_err(|error| Failure::file("read", &path, &error))?;
        if metadata.is_file() {
            found.push(ImportFile { path, name, bytes: metadata.len() });
        }
        if found.len() > IMPORT_FILES_MAX {
            return Err(Failure::usage(format!(
                "more than {IMPORT_FILES_MAX} files; import them in parts"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn folders_are_looked_through_in_the_order_of_names() {
        let dir = tempfile::tempdir().unwrap();
        let study = dir.path().join("study");
        std::fs::create_dir_all(study.join("series")).unwrap();
        for (name, text) in
            [("b.dcm", "bb"), ("a.dcm", "a"), (".hidden", "x"), ("series/c.dcm", "")]
        {
            std::fs::write(study.join(name), text).unwrap();
        }
        std::os::unix::fs::symlink(&study, study.join("loop")).unwrap();
        let found = gather(std::slice::from_ref(&study)).unwrap();
        let names: Vec<(&str, u64)> =
            found.iter().map(|file| (file.name.as_str(), file.bytes)).collect();
        assert_eq!(names, [("study/a.dcm", 1), ("study/b.dcm", 2), ("study/series/c.dcm", 0)]);
    }

    #[test]
    fn few_entries_are_named_and_many_are_counted_by_kind() {
        let entry = |n: usize| -> EntryView {
            let kind = if n < 2 { "imaging" } else { "laboratory" };
            serde_json::from_value(json!({
                "entry": format!("{n:032x}"), "subject": "00".repeat(32), "kind": kind,
                "title": "scan", "effective": n as u64 * 86_400_000, "recorded": 0,
                "author": "11".repeat(32), "author_name": "A", "user": null, "adds_to": null,
                "contents": 1, "sealed_bytes": 1, "whole": true, "from": null, "holders": [],
                "label": "22".repeat(32),
            }))
            .unwrap()
        };
        let views: Vec<EntryView> = (0..NAMED_MAX + 1).map(entry).collect();
        assert_eq!(summary(&views[..1]), ["  00000000  scan"]);
        assert_eq!(
            summary(&views),
            [
                "  imaging         2  1970-01-01 to 1970-01-02",
                "  laboratory      7  1970-01-03 to 1970-01-09"
            ]
        );
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        let long = format!("{}/scan.dcm", "é".repeat(200));
        assert!(tail(&long).len() <= NAME_BYTES_MAX && tail(&long).ends_with("é/scan.dcm"));
        assert_eq!(tail("scan.dcm"), "scan.dcm");
    }

    #[test]
    fn a_missing_file_is_named() {
        let failure = gather(&["/no/such/file".into()]).unwrap_err();
        assert_eq!(failure.exit, Exit::NotFound);
        assert!(failure.text.contains("/no/such/file"));
        let device = gather(&["/dev/null".into()]).unwrap_err();
        assert!(device.text.contains("no regular file"), "{}", device.text);
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(gather(&[empty.path().into()]).unwrap_err().exit, Exit::Usage);
    }
}
