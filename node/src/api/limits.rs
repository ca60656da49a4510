//! Every bound of the local API, with its reason.

use std::time::Duration;

/// Bytes of a JSON request: the largest carries a permission to explain or a list of entries.
pub(super) const JSON_BYTES_MAX: usize = 1024 * 1024;

/// How long a body may pause while it comes: a client that stopped must not keep a place from others.
pub(super) const BODY_PAUSE_MAX: Duration = Duration::from_secs(60);

/// Imports under way at once: a hospital's terminals and systems, each recording something. What they hold in memory has a
/// bound of its own, for all together.
pub(super) const IMPORTS_MAX: usize = 256;

/// Files in one import.
pub const IMPORT_FILES_MAX: usize = 20_000;

/// Bytes of sealed small objects that all imports together keep in memory until they are committed: half of the largest
/// FHIR document. What is beyond waits in files without names.
pub(super) const IMPORT_SMALL_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of those that all imports together keep in such files: more files than one import may have, of the largest size
/// that is small.
pub(super) const IMPORT_SPOOLED_BYTES_MAX: usize = 2 * 1024 * 1024 * 1024;

/// How long an import that nobody touches is kept.
pub(super) const IMPORT_TIME_MAX: Duration = Duration::from_secs(60 * 60);

/// Files that are received at once; whoever comes then waits.
pub(super) const RECEIVING_MAX: usize = 8;

/// FHIR documents that are read at once: each may take several times its own 64 MiB.
pub(super) const FHIR_AT_ONCE: usize = 1;

/// Pieces of a body that wait for the thread that seals, or for the client that reads.
pub(super) const PIECES_MAX: usize = 16;

/// Entries in one transaction: its line in the access log names them all.
pub(super) const COMMIT_ENTRIES_MAX: usize = 256;

/// Bytes of small objects in one transaction: they stand in memory until it is durable.
pub(super) const COMMIT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Entries of an undone enrolment that are sealed anew in one transaction.
pub(super) const UNDO_ENTRIES_MAX: usize = 64;

/// How long one request seals entries of an undone enrolment anew, before it tells how many are left.
pub(super) const UNDO_TIME_MAX: Duration = Duration::from_secs(2);

/// How long the rest of a refused file is read, so that its sender hears why.
pub(super) const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);

/// How long opened entries stay open.
pub(super) const OPEN_TIME_MAX: Duration = Duration::from_secs(10 * 60);

/// Entries that are open at once; the oldest is closed for a new one.
pub(super) const OPEN_MAX: usize = 1024;

/// How long a patient's keys stay unlocked when nothing else is said, in minutes.
pub(super) const UNLOCK_MINUTES: u32 = 15;

/// How long a patient's keys stay unlocked at most, in minutes: a day's work.
pub(super) const UNLOCK_MINUTES_MAX: u32 = 12 * 60;

/// Passphrases that are tried at once: each takes 64 MiB and a thread.
pub(super) const PASSPHRASES_AT_ONCE: usize = 2;

/// Bytes of a passphrase.
pub(super) const PASSPHRASE_BYTES_MAX: usize = 1024;

/// How often what has expired is looked for.
pub(super) const SWEEP_EVERY: Duration = Duration::from_secs(20);

/// How long requests under way may take to end when the node stops.
pub(super) const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Streams of changes at once: each is a connection, for a command that waits or a page that is open.
pub(super) const CHANGES_STREAMS_MAX: usize = 64;

/// Time between two events of one stream: whoever listens asks again at each, and a person does not
/// see the difference.
pub(super) const CHANGES_PAUSE: Duration = Duration::from_millis(50);

/// How often a stream of changes says that it is alive while nothing changes: proxies and browsers
/// give up what is silent for half a minute or more.
pub(super) const CHANGES_ALIVE_EVERY: Duration = Duration::from_secs(15);
