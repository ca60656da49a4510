//! Why an object is not taken, kept or given.

use crate::reason::reasons;

reasons! {
    /// Why an object is not taken, kept or given.
    pub(crate) enum Reason: 24 "objects" {
        1 => TooLarge: LimitReached "a small object is larger than 64 KiB",
        2 => OtherLength: NotAuthentic "the object is not as long as its entry says",
        3 => AnotherObject: NotAuthentic "the object is not the one that was asked for",
        4 => NoTicket: NotPermitted "no such ticket",
        5 => TicketExpired: Expired "the ticket has expired; ask again",
        6 => NotOfTicket: NotPermitted "the ticket is not for this object",
    }
}
