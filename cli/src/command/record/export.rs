//! A whole record as a folder that opens without Chartmesh.
//!
//! ```text
//! DIR/index.html                     for any browser
//! DIR/manifest.json                  everything, for programs; written last
//! DIR/entries/001 2025-03-02 .../    the contents, as they were recorded
//! DIR/proofs/<entry>.json            what each entry's author signed
//! DIR/proofs/keys-<party>.json       the key logs that the signatures are checked with
//! DIR/access-log.json                who saw what, this export included
//! ```

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::pin::pin;

use chartmesh_protocol::capability::Purpose;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::naming::quoted;
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::record::view::EntryView;
use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use super::counted;
use super::keys::Keys;
use super::list::is_apart;
use super::manifest::{Exported, ExportedEntry, ExportedFile, Unopened};
use super::open::{self, Opened, private_file};
use super::own::{OwnArgs, bring, role_that_opens};
use super::page::page;
use crate::command::log;
use crate::exit::{Exit, Failure, Outcome};
use crate::limits::{FILE_NAME_BYTES_MAX, OPENED_AT_ONCE, TITLE_CHARS_MAX};
use crate::node::{Node, id, read};
use crate::style;
use crate::wait;
use crate::when;

pub(super) async fn run(
    node: &Node,
    subject: &str,
    dir: &Path,
    purpose: Purpose,
    user: String,
    own: &OwnArgs,
) -> Outcome {
    role_that_opens(node).await?;
    let subject = node.subject(subject).await?;
    must_be_empty(dir)?;
    let keys = Keys::default();
    let done = wait::unless_interrupted(async {
        let mut entries = node.entries(&subject).await?;
        if entries.is_empty() {
            return Err(Failure::new(Exit::NotFound, "this record has no entries here"));
        }
        let mut apart = without_apart(&mut entries);
        let missing = entries.iter().any(|view| !view.whole);
        bring(node, &keys, &subject, &entries, &user, own).await?;
        if missing {
            entries = node.entries(&subject).await?;
            apart = without_apart(&mut entries);
        }
        let partial = Partial::begin(dir)?;
        let dir = partial.path.as_path();
        let job = Job { node, subject: &subject, dir, purpose, user, keys: &keys };
        let record = job.run(&entries).await?;
        partial.finish()?;
        Ok((record, apart))
    })
    .await;
    keys.lock_again(node, &subject).await;
    let (record, apart) = done.map_err(|failure| {
        let next = failure.next.clone();
        failure
            .next(next.unwrap_or_else(|| "nothing was left behind: mend it and try again".into()))
    })?;
    let (entries, unopened) = (record.entries.len(), record.unopened.len());
    let missing = record.entries.iter().filter(|entry| !entry.whole).count();
    let answer = json!({
        "dir": dir, "entries": entries, "without_contents": missing, "unopened": unopened,
        "apart": apart,
    });
    node.out.answer(&answer, |out| {
        let entries = counted(entries, "entry", "entries");
        out.line(format!("wrote {entries} into {}", dir.display()));
        if missing > 0 {
            out.note(format!("the contents of {missing} are not here; their proofs are"));
        }
        if unopened > 0 {
            let unopened = counted(unopened, "entry or content", "entries or contents");
            out.note(format!("{unopened} cannot be opened here; manifest.json says which and why"));
        }
        if apart > 0 {
            let apart = counted(apart, "entry", "entries");
            out.note(format!("{apart} stand apart from the record and were left out; `chartmesh record list` shows which"));
        }
        out.note("it is in the clear: keep it where only those can read it who should");
        out.next(format!("open {} in a browser", dir.join("index.html").display()));
    });
    Ok(())
}

/// Takes out what stands apart from the record; gives how many there were.
fn without_apart(entries: &mut Vec<EntryView>) -> usize {
    let all = entries.len();
    entries.retain(|view| !is_apart(view));
    all - entries.len()
}

/// A folder that is being written: all of it appears at its end, or nothing.
struct Partial<'a> {
    /// Where it is written meanwhile: inside, because the folder may be a file system of its own.
    path: PathBuf,
    dir: &'a Path,
    /// Whether the folder was not there before.
    made: bool,
}

impl<'a> Partial<'a> {
    fn begin(dir: &'a Path) -> Outcome<Self> {
        let made = !dir.exists();
        make_dir(dir)?;
        // From here on dropping it tidies up.
        let partial = Self { path: dir.join(".partial"), dir, made };
        make_dir(&partial.path)?;
        Ok(partial)
    }

    /// The manifest last: a folder that has one is whole.
    fn finish(mut self) -> Outcome {
        for name in ["entries", "proofs", "access-log.json", "index.html", "manifest.json"] {
            let moved = std::fs::rename(self.path.join(name), self.dir.join(name));
            moved.map_err(|error| Failure::file("write into", self.dir, &error))?;
        }
        self.made = false;
        Ok(())
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        // What cannot be removed is hidden, and its name says what it is.
        let _ = std::fs::remove_dir_all(&self.path);
        if self.made {
            let _ = std::fs::remove_dir(self.dir);
        }
    }
}

fn must_be_empty(dir: &Path) -> Outcome {
    match std::fs::read_dir(dir).map(|mut inside| inside.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::new(Exit::State, format!("{} is not empty", dir.display()))
            .next("name a new folder with --out; nothing was written")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::file("write into", dir, &error)),
    }
}

struct Job<'a> {
    node: &'a Node,
    subject: &'a str,
    dir: &'a Path,
    purpose: Purpose,
    user: String,
    keys: &'a Keys,
}

impl Job<'_> {
    async fn run(&self, entries: &[EntryView]) -> Outcome<Exported> {
        let status = self.node.status().await?;
        make_dir(&self.dir.join("entries"))?;
        make_dir(&self.dir.join("proofs"))?;
        let (mut exported, mut unopened) = (Vec::new(), Vec::new());
        // The first by itself: it may ask for the passphrase. Behind it several at once, since each waits for its line in
        // the access log to be durable, and one sync is for many.
        let (first, rest) = entries.split_at(1.min(entries.len()));
        let alone = stream::iter(first).then(|view| self.open(view));
        let together = stream::iter(rest).map(|view| self.open(view)).buffered(OPENED_AT_ONCE);
        let mut opened = pin!(alone.chain(together));
        let mut views = entries.iter();
        while let (Some(opened), Some(view)) = (opened.next().await, views.next()) {
            let written = match opened {
                Ok(opened) => self.entry(exported.len() + 1, view, opened).await,
                Err(failure) => Err(failure),
            };
            match written {
                Ok((entry, without)) => {
                    exported.push(entry);
                    unopened.extend(without);
                }
                // Kept for others, sealed to keys that are not here, or sealed wrongly.
                Err(failure) if failure.exit == Exit::NotFound => {
                    unopened.push(Unopened { entry: view.entry, why: failure.text });
                }
                Err(failure) => return Err(failure),
            }
        }
        if let (true, Some(first)) = (exported.is_empty(), unopened.first()) {
            return Err(Failure::new(
                Exit::NotFound,
                format!("nothing can be opened here: {}", first.why),
            ));
        }
        self.key_logs(entries).await?;
        let subject: PartyId = id(self.subject)?;
        self.json("access-log.json", &json!(log::logs(self.node, subject).await?))?;
        let record = Exported {
            format: "chartmesh-export/1",
            subject,
            name: self.name().await?,
            exported_at: when::now().utc_text(),
            exported_by: match status.member {
                true => format!("{}, {}", quoted(&self.user), status.name),
                false => format!("{}, {}", quoted(&self.user), quoted(&status.name)),
            },
            institution: status.institution,
            entries: exported,
            unopened,
        };
        self.write("index.html", page(&record).as_bytes())?;
        self.json("manifest.json", &json!(record))?;
        Ok(record)
    }

    async fn name(&self) -> Outcome<String> {
        self.node.name_of_subject(self.subject).await
    }

    /// Opens one entry; gives its proof, too.
    async fn open(&self, view: &EntryView) -> Outcome<(Opened, Value)> {
        let ask = json!({
            "subject": self.subject, "entry": view.entry, "user": self.user,
            "purpose": self.purpose, "export": true,
        });
        let opened = self.keys.post(self.node, self.subject, "/v1/open", &ask).await;
        let opened: Opened = read(opened.map_err(|failure| match failure.exit {
            // It opens for nobody, which must not keep the others from being written.
            Exit::NotAuthentic => Failure { exit: Exit::NotFound, ..failure },
            _ => failure,
        })?)?;
        let path = format!("/v1/proof/{}/{}", self.subject, view.entry);
        Ok((opened, self.node.client.get(&path).await?))
    }

    /// Writes one entry; gives what of it does not open, too.
    async fn entry(
        &self,
        number: usize,
        view: &EntryView,
        (opened, proven): (Opened, Value),
    ) -> Outcome<(ExportedEntry, Vec<Unopened>)> {
        let proof = format!("proofs/{}.json", view.entry);
        self.json(&proof, &proven)?;
        let manifest = &opened.manifest;
        let folder = format!(
            "entries/{number:03} {} {}",
            when::day(manifest.effective),
            file_name(&manifest.title, TITLE_CHARS_MAX)
        );
        let (files, unopened) = match opened.whole {
            true => self.contents(&folder, &opened).await?,
            false => (Vec::new(), Vec::new()),
        };
        let exported = ExportedEntry {
            entry: view.entry,
            kind: manifest.kind,
            title: manifest.title.clone(),
            effective_ms: manifest.effective,
            happened: manifest.effective.utc_text(),
            recorded_ms: view.recorded,
            recorded_at: view.recorded.utc_text(),
            author: view.author,
            author_name: view.author_name.clone(),
            user: manifest.user.clone(),
            adds_to: manifest.adds_to,
            terms: manifest.terms.clone(),
            label: opened.label.clone(),
            proof,
            whole: opened.whole,
            holders: view.holders.clone(),
            files,
        };
        Ok((exported, unopened))
    }

    /// Writes the contents that open; gives those that do not, too, which must not keep the others from being written.
    async fn contents(
        &self,
        folder: &str,
        opened: &Opened,
    ) -> Outcome<(Vec<ExportedFile>, Vec<Unopened>)> {
        make_dir(&self.dir.join(folder))?;
        let mut taken = BTreeSet::new();
        let (mut files, mut unopened) = (Vec::new(), Vec::new());
        for (index, content) in opened.manifest.contents.iter().enumerate() {
            let name = free_name(&content.name, &content.media_type, &mut taken);
            let file = format!("{folder}/{name}");
            let path = self.dir.join(&file);
            let saved =
                open::save_if_it_opens(self.node, &opened.open, index, content.bytes, &path);
            if let Err(failure) = saved.await? {
                let why = format!("content {}: {}", index + 1, failure.text);
                unopened.push(Unopened { entry: opened.manifest.entry, why });
                continue;
            }
            files.push(ExportedFile {
                blake3: hash(&path)?,
                file,
                name: content.name.clone(),
                media_type: content.media_type.clone(),
                bytes: content.bytes,
                object: content.object,
            });
        }
        Ok((files, unopened))
    }

    /// The key logs of all authors and of the patient. A chart's subject before enrolment has none.
    async fn key_logs(&self, entries: &[EntryView]) -> Outcome {
        let mut parties: BTreeSet<PartyId> = entries.iter().map(|view| view.author).collect();
        parties.insert(id(self.subject)?);
        for party in parties {
            match self.node.query(ask::Keys { party }).await {
                Ok(keys) => {
                    self.json(&format!("proofs/keys-{}.json", party.short()), &json!(keys))?;
                }
                Err(failure) if failure.exit == Exit::NotFound => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    fn json(&self, name: &str, value: &Value) -> Outcome {
        self.write(name, style::json(value).as_bytes())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Outcome {
        let path = self.dir.join(name);
        let write = || private_file(&path).and_then(|mut file| file.write_all(bytes));
        write().map_err(|error| Failure::file("write", &path, &error))
    }
}

fn make_dir(path: &Path) -> Outcome {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| Failure::file("make", path, &error))
}

fn hash(path: &Path) -> Outcome<String> {
    let hash = || {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(std::fs::File::open(path)?)?;
        Ok(hasher.finalize().to_hex().to_string())
    };
    hash().map_err(|error| Failure::file("read again", path, &error))
}

/// A name for a file, free of what any system takes for something else.
fn file_name(text: &str, chars_max: usize) -> String {
    let plain: String = crate::output::clean(text)
        .chars()
        .map(|c| match c {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\n' | '\t' | '\u{fffd}' => '-',
            c => c,
        })
        .scan(FILE_NAME_BYTES_MAX, |left, c| {
            *left = left.checked_sub(c.len_utf8())?;
            Some(c)
        })
        .take(chars_max)
        .collect();
    let plain = plain.trim_matches(|c: char| c == '.' || c.is_whitespace());
    if plain.is_empty() { "unnamed".to_owned() } else { plain.to_owned() }
}

/// A name that no other content of the entry has, also where case does not count, with the
/// extension of its type where it has none.
fn free_name(name: &str, media_type: &str, taken: &mut BTreeSet<String>) -> String {
    let base = name.rsplit_once('/').map_or(name, |(before, last)| {
        // A file's path below a folder: its own name says enough. A FHIR reference needs both parts.
        if last.contains('.') {
            last
        } else {
            let _ = before;
            name
        }
    });
    // From the end, so that an extension survives.
    let mut plain = file_name(tail(base), 2 * TITLE_CHARS_MAX);
    if !plain.contains('.') {
        plain.push_str(extension(media_type));
    }
    let mut name = plain.clone();
    let mut number = 2;
    while !taken.insert(name.to_lowercase()) {
        name = match plain.rsplit_once('.') {
            Some((stem, extension)) => format!("{stem} ({number}).{extension}"),
            None => format!("{plain} ({number})"),
        };
        number += 1;
    }
    name
}

/// The end of a name, as long as a file's may be.
fn tail(name: &str) -> &str {
    let from = name.len().saturating_sub(FILE_NAME_BYTES_MAX);
    let from = (from..=name.len()).find(|at| name.is_char_boundary(*at)).unwrap_or(name.len());
    let tail = &name[from..];
    let chars = tail.chars().count();
    let from = tail.char_indices().nth(chars.saturating_sub(2 * TITLE_CHARS_MAX));
    &tail[from.map_or(0, |(at, _)| at)..]
}

fn extension(media_type: &str) -> &'static str {
    match media_type.split(';').next().unwrap_or_default().trim() {
        "application/fhir+json" | "application/json" => ".json",
        "application/dicom" => ".dcm",
        "application/pdf" => ".pdf",
        "text/plain" => ".txt",
        "text/html" => ".html",
        "text/csv" => ".csv",
        "application/xml" | "text/xml" | "application/fhir+xml" => ".xml",
        "image/png" => ".png",
        "image/jpeg" => ".jpg",
        "image/gif" => ".gif",
        "image/webp" => ".webp",
        "video/mp4" => ".mp4",
        _ => ".bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_cannot_leave_their_folder() {
        for (hostile, plain) in [
            ("../../etc/passwd", "-..-etc-passwd"),
            ("..", "unnamed"),
            ("", "unnamed"),
            ("C:\\autoexec", "C--autoexec"),
            (" . hidden ", "hidden"),
            ("a\u{0}b\u{202e}c", "a-b-c"),
        ] {
            assert_eq!(file_name(hostile, 60), plain, "{hostile:?}");
        }
    }

    #[test]
    fn contents_of_one_entry_get_names_of_their_own() {
        let mut taken = BTreeSet::new();
        let mut name = |name, kind| free_name(name, kind, &mut taken);
        assert_eq!(name("study/IM1.dcm", "application/dicom"), "IM1.dcm");
        assert_eq!(name("other/im1.DCM", "application/dicom"), "im1 (2).DCM");
        assert_eq!(name("Observation/12", "application/fhir+json"), "Observation-12.json");
        assert_eq!(name("Observation/12", "application/fhir+json"), "Observation-12 (2).json");
        assert_eq!(name("", "application/x-unheard-of"), "unnamed.bin");
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert!(must_be_empty(dir.path()).is_ok());
        assert!(must_be_empty(&dir.path().join("new")).is_ok());
        std::fs::write(dir.path().join("x"), "").unwrap();
        assert_eq!(must_be_empty(dir.path()).unwrap_err().exit, Exit::State);
    }

    #[test]
    fn an_export_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("aiko");
        drop(Partial::begin(&out).unwrap());
        assert!(!out.exists(), "a folder that was made for it goes with it");
        std::fs::create_dir(&out).unwrap();
        drop(Partial::begin(&out).unwrap());
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 0, "one that was there stays, empty");
        let partial = Partial::begin(&out).unwrap();
        for name in ["entries", "proofs"] {
            make_dir(&partial.path.join(name)).unwrap();
        }
        for name in ["access-log.json", "index.html", "manifest.json"] {
            std::fs::write(partial.path.join(name), name).unwrap();
        }
        partial.finish().unwrap();
        let mut names: Vec<_> = std::fs::read_dir(&out)
            .unwrap()
            .map(|item| item.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["access-log.json", "entries", "index.html", "manifest.json", "proofs"]);
    }
}
