//! Why a log is not told, or does not count.

use crate::id::PartyId;
use crate::reason::reasons;

reasons! {
    /// Why a log is not told, or does not count.
    pub(crate) enum Reason: 32 "access-log" {
        1 => NotTheRelay: NotPermitted
            "only the patient's own relay obtains the patient's access log",
        2 => Malformed: NotAuthentic "the holder's log is malformed",
        3 => NotTheHolders: NotAuthentic "the head of the log is not the holder's",
        4 => HolderUnknown: NotFound "the holder of the log is not known here",
        5 => TooManyHeads: LimitReached
            "too many heads of this holder's log wait to be compared with it; the patient is to collect it",
        6 => Contradicted { holder: PartyId, reader: PartyId, line: u64 }: NotAuthentic
            "{holder} showed {reader} a line {line} that is not in the log it gave you",
        7 => PutBackElsewhere { holder: PartyId, line: u64 }: NotAuthentic
            "{holder} says that its store was put back, and goes on behind a line {line} that is not in the log it gave you",
    }
}
