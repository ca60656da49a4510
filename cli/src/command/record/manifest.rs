//! What `manifest.json` says of an exported record.

use chartmesh_protocol::id::{EntryId, ObjectId, PartyId};
use chartmesh_protocol::record::{Kind, Term};
use chartmesh_protocol::time::Timestamp;
use serde::Serialize;

/// `manifest.json`.
#[derive(Debug, Serialize)]
pub(super) struct Exported {
    /// Names this format, for programs.
    pub(super) format: &'static str,
    /// Whose record.
    pub(super) subject: PartyId,
    /// The name known here.
    pub(super) name: String,
    /// When, in words.
    pub(super) exported_at: String,
    /// By whom.
    pub(super) exported_by: String,
    /// The institution or relay that wrote it.
    pub(super) institution: PartyId,
    /// The entries, by date.
    pub(super) entries: Vec<ExportedEntry>,
    /// Entries that cannot be opened here.
    pub(super) unopened: Vec<Unopened>,
}

/// An entry, or one of its contents, that does not open here.
#[derive(Debug, Serialize)]
pub(super) struct Unopened {
    pub(super) entry: EntryId,
    pub(super) why: String,
}

/// One entry.
#[derive(Debug, Serialize)]
pub(super) struct ExportedEntry {
    pub(super) entry: EntryId,
    pub(super) kind: Kind,
    pub(super) title: String,
    pub(super) effective_ms: Timestamp,
    pub(super) happened: String,
    pub(super) recorded_ms: Timestamp,
    pub(super) recorded_at: String,
    pub(super) author: PartyId,
    pub(super) author_name: String,
    pub(super) user: String,
    pub(super) adds_to: Option<EntryId>,
    pub(super) terms: Vec<Term>,
    /// The label as its author signed it: a COSE_Sign1 in base64.
    pub(super) label: String,
    /// The file with its proof.
    pub(super) proof: String,
    /// Whether its contents were here to be written.
    pub(super) whole: bool,
    /// Who is known to hold it.
    pub(super) holders: Vec<PartyId>,
    pub(super) files: Vec<ExportedFile>,
}

/// One content.
#[derive(Debug, Serialize)]
pub(super) struct ExportedFile {
    /// Its path below the folder.
    pub(super) file: String,
    pub(super) name: String,
    pub(super) media_type: String,
    pub(super) bytes: u64,
    /// Of the file, as `b3sum` prints it.
    pub(super) blake3: String,
    /// The sealed object that it was opened from.
    pub(super) object: ObjectId,
}
