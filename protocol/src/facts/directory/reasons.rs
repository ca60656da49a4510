//! Why what a party shows of itself is not taken, or a party is not found.

use crate::id::PartyId;
use crate::reason::reasons;

reasons! {
    /// Why what a party shows of itself is not taken, or a party is not found.
    pub(crate) enum Reason: 22 "directory" {
        1 => KeyLogMissing: NotFound "the patient's key log is missing",
        2 => CardNotSigned: NotAuthentic
            "the institution's card is not signed with its current key",
        3 => CardOfUnknown: NotFound "the card's institution is unknown",
        4 => RingOfUnknown: NotFound "the key ring's patient is unknown",
        5 => PatientForgotten: BadPermission "the patient is not known here any more",
        6 => InstitutionUnknown { institution: PartyId }: NotFound
            "institution {institution} is not known here; `chartmesh peers` lists who is",
        7 => KeysUnknown: NotFound "nothing is known of this party's keys here",
        9 => CardOfEarlierKey { institution: PartyId }: WrongState
            "institution {institution} has a newer key, and what is sealed to it is not known here yet; try again once it was heard",
        11 => CardTooLong { days: u64 }: Invalid
            "an institution's card says to seal to its key for more than {days} days",
        12 => CardEnded { institution: PartyId }: WrongState
            "institution {institution} was not heard for so long that the key it showed for permissions has ended; once it was online and heard here, try again",
        10 => TooManyCompartments { most: usize }: Invalid
            "a patient has at most {most} compartments at a time",
        8 => CardNameOutOfBounds { most: usize }: Invalid
            "an institution's name has 1 to {most} bytes, can be seen, and fits a line",
    }
}
