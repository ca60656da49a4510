//! The trace: what happened, a row each.

use serde::Serialize;

/// One row of the trace. What is not said is 0, or [`NOBODY`] for parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TraceRow {
    /// Simulated microseconds.
    pub at_us: u64,
    /// What happened.
    pub kind: TraceKind,
    /// At which party.
    pub party: u32,
    /// The other party.
    pub other: u32,
    /// What it was about: feature and message, such as `consent.ask`; empty when nothing of the sort.
    pub what: &'static str,
    /// The first bytes of the id of what can be followed: a message, a request, a token, an object.
    pub id: u64,
    /// The first bytes of the patient's id, if one is concerned.
    pub patient: u64,
    /// Bytes on the wire, or written.
    pub bytes: u64,
    /// How it ended, such as `done`, `refused`, `never-sent`; empty when it has not.
    pub end: &'static str,
}

impl TraceRow {
    /// A row that says nothing else yet.
    #[must_use]
    pub const fn new(at_us: u64, kind: TraceKind, party: u32, other: u32) -> Self {
        Self { at_us, kind, party, other, what: "", id: 0, patient: 0, bytes: 0, end: "" }
    }
}

/// No party.
pub const NOBODY: u32 = u32::MAX;

/// What a row of the trace tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum TraceKind {
    /// Somebody asked the party's front door for something.
    Asked = 1,
    /// The front door answered.
    Answered,
    /// A connection was tried; how that ended.
    Dialled,
    /// A `hello` left.
    Greeted,
    /// A message left.
    Sent,
    /// A message arrived and was handled.
    Received,
    /// An outcome arrived, or it was clear that none would.
    Concluded,
    /// An object was pulled.
    Pulled,
    /// A commit became durable.
    Committed,
    /// The party was switched on, off, crashed, was destroyed.
    Switched,
    /// A fault fired.
    Fault,
    /// An event of the scenario began or ended.
    Happened,
    /// A checker found something.
    Violated,
}

impl TraceKind {
    /// Its name, as the trace has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Answered => "answered",
            Self::Dialled => "dialled",
            Self::Greeted => "greeted",
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Concluded => "concluded",
            Self::Pulled => "pulled",
            Self::Committed => "committed",
            Self::Switched => "switched",
            Self::Fault => "fault",
            Self::Happened => "happened",
            Self::Violated => "violated",
        }
    }
}

/// Takes the trace as it comes: a writer, or nothing.
pub trait TraceSink {
    /// The next row.
    fn row(&mut self, row: &TraceRow);
}
