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
        7 => TooManyTickets: LimitReached
            "the institution has read as much there as it may in a day; read on tomorrow",
    }
}

reasons! {
    /// Why a holder does not send an object, for good.
    #[derive(Copy)]
    pub enum NotSent: 24 "objects" {
        21 => NotPermitted: NotPermitted
            "the holder refused to send the object: the ticket does not permit it; ask for it again",
        22 => NotThere: NotFound
            "the holder refused to send the object: the object is not there; ask for it again",
        23 => BadStart: NotAuthentic
            "the holder refused to send the object: the object cannot be sent from there; ask for it again",
        24 => BadRequest: Unsupported
            "the holder refused to send the object: the request cannot be read; ask for it again",
        25 => OtherVersion: Unsupported
            "the holder refused to send the object: the version is not spoken there; ask for it again",
        26 => Other { code: u16 }: Unsupported
            "the holder refused to send the object: refused with code {code}; ask for it again",
    }
}
