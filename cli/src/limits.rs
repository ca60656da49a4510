//! Every bound of the program, with its reason. What a record may be says the protocol, and what an import
//! may bring the node.

/// Bytes of a passphrase or phrase: no person types more.
pub(crate) const SECRET_BYTES_MAX: usize = 4096;
/// Bytes that a line of the stream of changes may have; the node's are far below.
pub(crate) const CHANGE_LINE_BYTES_MAX: usize = 1024;
/// Bytes of a file with permissions or keys: a listing of thousands fits.
pub(crate) const TOKEN_FILE_BYTES_MAX: u64 = 64 << 20;
/// Characters of a title in a folder's name.
pub(crate) const TITLE_CHARS_MAX: usize = 60;
/// Bytes of a title or a content's name in a file's name: a number, a day and an extension stand beside it, and file
/// systems take 255.
pub(crate) const FILE_NAME_BYTES_MAX: usize = 180;
/// New entries that are named one by one; more are counted by kind.
pub(crate) const NAMED_MAX: usize = 8;
/// Files that one import sends at once: half of what the node takes at a time, so that others have their turn.
pub(crate) const SENT_AT_ONCE: usize = 4;
/// Entries that one export opens at once: as many lines in the access log share a sync.
pub(crate) const OPENED_AT_ONCE: usize = 16;
/// Candidates that an error lists.
pub(crate) const LISTED_MAX: usize = 10;
/// DICOM files of a given folder that the demo takes: it is a demo, not a migration.
#[cfg(feature = "demo")]
pub(crate) const DEMO_FILES_MAX: usize = 200;
