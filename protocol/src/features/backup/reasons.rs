//! Why nothing is deposited, given back or deleted.

use crate::id::{EntryId, PartyId};
use crate::reason::reasons;

reasons! {
    /// Why nothing is deposited, given back or deleted.
    pub(crate) enum Reason: 45 "backup" {
        1 => ReceiptNotTheDepositarys: NotAuthentic "the receipt is not the depositary's",
        2 => ReceiptOfOthers: NotPermitted
            "the receipt is neither for the patient nor for the institution that tells of it",
        3 => DepositaryUnknown: NotPermitted
            "the depositary is no member that the relay knows, or keeps nothing of this patient's",
        4 => TooManyInstitutions { most: usize }: LimitReached
            "the patient deals with {most} institutions already, as many as one permission can name",
        5 => NoDeposit: NotFound "no such deposit here; offer it again",
        6 => OfAnother: NotPermitted "this deposit is another institution's",
        7 => DeletedMeanwhile: WrongState
            "some of it was deleted while the rest came; offer it again",
        8 => NotInTime: Expired "the data did not come in time; offer them again",
        9 => OrderNotSigned: NotAuthentic "the order is not signed with the owner's current key",
        10 => OrderForAnother: NotAuthentic "the order is for another holder",
        11 => OrderNotOfToday: Expired "the order is not of today; sign it again",
        12 => NoMember: NotPermitted "only members of the federation deposit",
        13 => AlreadyHere: AlreadyDone "a deposit of this id is here already",
        14 => EntriesOutOfBounds { most: usize }: Invalid "a deposit has 1 to {most} entries",
        15 => TooManyObjects { most: usize }: LimitReached "a deposit has at most {most} objects",
        16 => AuthorUnknown { author: PartyId }: NotAuthentic
            "the author {author} of an entry is not known",
        17 => NotOnesOwn: NotPermitted
            "without a patient's permission an institution deposits only entries that it made, for itself",
        18 => OtherKeyLog: Invalid "the key log is not the patient's of these entries",
        19 => OtherPatients: Invalid "a deposit for a patient has that patient's entries only",
        20 => RetiredCompartment { entry: EntryId }: WrongState
            "retired-compartment: entry {entry} is sealed to a compartment that was retired; its author seals it again with the patient's current keys",
        21 => RingUnknown: WrongState "the patient's key ring is not known here",
        22 => OthersEntries: NotPermitted "an institution adds only entries that it made",
        23 => NamesOutOfBounds { most: usize }: Invalid "name 1 to {most} entries",
        24 => DeletionMalformed: NotAuthentic "the receipt for a deletion is malformed",
        25 => NotTheHolders: NotAuthentic "the receipt is not the holder's for this deletion",
        26 => NothingToDeposit: NotFound
            "no whole entry of this record was made here, or none of those named",
        27 => MayNotAdd: BadPermission
            "the patient has not permitted this institution to add to the record at that holder; ask with `chartmesh request download --write`",
        28 => PutOffTooLong: Invalid
            "a deposit is put off by less than 7 days: the depositary keeps its place no longer",
        29 => NotWhole { entry: EntryId }: NotFound "entry {entry} is not here as a whole",
        30 => AnswerMalformed: NotAuthentic "the depositary's answer is malformed",
        31 => NoDepositMade: NotFound "no such deposit was made",
        32 => ReceiptForAnother: NotAuthentic
            "the receipt is not the depositary's for this deposit",
        33 => NotTheirs: NotPermitted "this deposit is not the institution's to end",
        34 => NoRestore: NotFound "no such restore was begun",
        36 => HolderPutBack: NotFound
            "the holder says that its store was put back from a copy that is older than its receipt: it may not have the entry any more; keep it there again",
        37 => ToBeSealedAnew { entry: EntryId }: WrongState
            "entry {entry} is still to be sealed anew, under another id, after its chart's enrolment was undone; give `chartmesh patient undo` for it again, then keep it",
        35 => NoWayBack { entry: EntryId }: NotAuthentic
            "entry {entry} came without the key that this institution gave along",
    }
}
