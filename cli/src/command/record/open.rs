//! Opening an entry: what it says, and its contents in the clear.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use chartmesh_node::client::{ClientError, escape};
use chartmesh_protocol::capability::Purpose;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::{Fingerprint, Role};
use chartmesh_protocol::naming::quoted;
use chartmesh_protocol::record::EntryStanding;
use chartmesh_protocol::record::view::ManifestView;
use serde::Deserialize;
use serde_json::json;

use super::counted;
use super::keys::Keys;
use super::own::{OwnArgs, bring, role_that_opens};
use crate::exit::{Exit, Failure, Outcome};
use crate::node::{Node, id, read, short};
use crate::output::{self, Cell, Screen, Style, bytes, faint, row};
use crate::wait;

/// Which entry, by and for whom.
pub(super) struct What<'a> {
    pub(super) subject: &'a str,
    pub(super) entry: &'a str,
    pub(super) user: String,
    pub(super) purpose: Option<Purpose>,
}

/// An opened entry.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Opened {
    /// By which its contents are asked for.
    pub(super) open: String,
    /// What it says.
    pub(super) manifest: ManifestView,
    /// Whether its contents are here.
    pub(super) whole: bool,
    /// The label as signed: a COSE_Sign1 in base64.
    pub(super) label: String,
    /// The institution that made it.
    author: PartyId,
    /// That institution's name.
    author_name: String,
    /// Whether it belongs to the patient's record.
    standing: Option<EntryStanding>,
}

pub(super) async fn run(
    node: &Node,
    what: What<'_>,
    content: Option<u64>,
    to: Option<&Path>,
    own: &OwnArgs,
) -> Outcome {
    let own_purpose = match role_that_opens(node).await? {
        Role::Patient => Purpose::PatientRequested,
        _ => Purpose::Treatment,
    };
    let subject = node.subject(what.subject).await?;
    let entry = node.entry(&subject, what.entry).await?;
    let keys = Keys::default();
    let ask = json!({
        "subject": subject, "entry": entry, "user": what.user,
        "purpose": what.purpose.unwrap_or(own_purpose),
        "export": content.is_some(),
    });
    let done = wait::unless_interrupted(async {
        if content.is_some() {
            let wanted = node.entries_only(&subject, &[id(&entry)?]).await?;
            bring(node, &keys, &subject, &wanted, &what.user, own).await?;
        }
        let answer = keys.post(node, &subject, "/v1/open", &ask).await?;
        let opened: Opened = read(answer.clone())?;
        match content {
            Some(number) => write_content(node, opened, number, to).await,
            None => {
                node.out.answer(&answer, |out| show(out, &opened));
                Ok(())
            }
        }
    })
    .await;
    keys.lock_again(node, &subject).await;
    done
}

fn show(out: &output::Output, opened: &Opened) {
    let manifest = &opened.manifest;
    if opened.standing == Some(EntryStanding::Unlisted) {
        out.styled(
            format!(
                "apart from the record: the patient does not say that whoever made this treats the patient; fingerprint {}",
                Fingerprint::of(opened.author).words()
            ),
            Style::Bad,
        );
    }
    out.facts(&[
        ("title", Cell::new(&manifest.title, Style::Strong)),
        ("kind", manifest.kind.name().into()),
        ("happened", manifest.effective.utc_text().into()),
        ("recorded by", quoted(&manifest.user).into()),
        ("author", opened.author_name.as_str().into()),
        ("entry", manifest.entry.to_string().into()),
        (
            "adds to",
            manifest.adds_to.map_or_else(|| faint("nothing"), |entry| entry.to_string().into()),
        ),
        (
            "contents here",
            if opened.whole {
                Cell::new("yes", Style::Good)
            } else {
                Cell::new("no", Style::Waiting)
            },
        ),
    ]);
    let rows: Vec<_> = manifest
        .contents
        .iter()
        .enumerate()
        .map(|(index, content)| {
            row![
                (index + 1).to_string(),
                content.name.as_str(),
                content.media_type.as_str(),
                bytes(content.bytes),
                output::id(content.object),
            ]
        })
        .collect();
    out.line("");
    out.table(&["N", "NAME", "TYPE", "SIZE", "OBJECT"], &rows, "no contents");
    let terms: Vec<_> = manifest
        .terms
        .iter()
        .map(|term| row![faint(term.name.as_str()), term.value.as_str()])
        .collect();
    if !terms.is_empty() {
        out.line("");
        out.table(&["TERM", "VALUE"], &terms, "");
    }
}

async fn write_content(node: &Node, opened: Opened, number: u64, to: Option<&Path>) -> Outcome {
    let count = opened.manifest.contents.len();
    let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
    let Some(content) = opened.manifest.contents.get(index) else {
        return Err(Failure::new(
            Exit::NotFound,
            format!(
                "the entry has {}, none of number {number}",
                counted(count, "content", "contents")
            ),
        )
        .next("`chartmesh record show` without --content lists them"));
    };
    if !opened.whole {
        return Err(not_here(&opened));
    }
    match to {
        Some(path) => save(node, &opened.open, index, content.bytes, path).await,
        None if output::is_terminal() && !is_text(&content.media_type) => Err(Failure::usage(
            format!("content {number} is {}, which a terminal cannot show", content.media_type),
        )
        .next("write it to a file with --out FILE")),
        None => {
            let path = content_path(&opened.open, index);
            let mut screen = Screen::default();
            let write = |bytes: &[u8]| match output::is_terminal() {
                true => screen.show(bytes),
                false => output::raw(bytes),
            };
            node.client.download(&path, write, Path::new("standard output")).await?;
            Ok(())
        }
    }
}

/// Writes one content to a new file.
async fn save(node: &Node, open: &str, index: usize, length: u64, path: &Path) -> Outcome {
    save_if_it_opens(node, open, index, length, path).await?
}

/// Writes one content to a new file; gives what is wrong with the content itself, where it does not open to its end.
pub(super) async fn save_if_it_opens(
    node: &Node,
    open: &str,
    index: usize,
    length: u64,
    path: &Path,
) -> Outcome<Outcome> {
    let mut file = private_file(path).map_err(|error| Failure::file("write", path, &error))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let progress = node.out.progress(&name.unwrap_or_default(), length);
    let write = |bytes: &[u8]| {
        progress.inc(bytes.len() as u64);
        file.write_all(bytes)
    };
    let written = node.client.download(&content_path(open, index), write, path).await;
    progress.finish_and_clear();
    if written.as_ref().is_ok_and(|count| *count == length) {
        return Ok(Ok(()));
    }
    // Half a content must not pass for a whole one.
    let _ = std::fs::remove_file(path);
    match written {
        Ok(count) => Ok(Err(cut_short(path, count, length))),
        Err(error @ ClientError::Refused { .. }) => Ok(Err(error.into())),
        // A node that goes on broke off because of what it was to send.
        Err(ClientError::Broken { .. }) if node.status().await.is_ok() => Ok(Err(unlike(path))),
        Err(error) => Err(error.into()),
    }
}

/// The content is not what its entry says of it: another key, another length, other bytes.
fn unlike(path: &Path) -> Failure {
    Failure::new(
        Exit::NotAuthentic,
        format!("{} does not open: it is not what its entry says of it", path.display()),
    )
    .next(
        "the node's log says more; the entry's author sealed it so, or the bytes here are damaged",
    )
}

/// A new file that only its owner can read: it holds what was sealed.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn cut_short(path: &Path, count: u64, length: u64) -> Failure {
    Failure::new(
        Exit::Failed,
        format!("{} broke off after {count} of {length} bytes; it was removed", path.display()),
    )
    .next("repeat the command; `chartmesh record verify` checks what is here")
}

fn not_here(opened: &Opened) -> Failure {
    let entry = opened.manifest.entry.to_string();
    Failure::new(Exit::NotFound, format!("the contents of entry {} are not here", short(&entry)))
        .next("`chartmesh record list --json` names its holders; a relay gets them with `chartmesh record fetch`, a hospital with `chartmesh request fetch` or `chartmesh backup restore`")
}

fn content_path(open: &str, index: usize) -> String {
    format!("/v1/open/{}/{index}", escape(open))
}

/// What a terminal can show.
fn is_text(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.starts_with("text/") || essence.ends_with("json") || essence.ends_with("xml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_goes_to_a_terminal() {
        assert!(is_text("text/plain; charset=utf-8") && is_text("application/fhir+json"));
        assert!(!is_text("application/dicom") && !is_text("image/png"));
    }
}
