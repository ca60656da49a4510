//! Why an entry is not recorded, listed or found whole.

use crate::id::{ChartId, EntryId, ObjectId};
use crate::reason::reasons;

reasons! {
    /// Why an entry is not recorded, listed or found whole.
    pub(crate) enum Reason: 43 "record" {
        1 => NameOutOfBounds: Invalid "a chart needs a name of 1 to 200 bytes",
        2 => EnrolledMeanwhile: WrongState
            "the chart was enrolled, or its enrolment undone, while its entries were being sealed; import them again",
        3 => RotatedMeanwhile: WrongState
            "the patient's keys changed while the entries were being sealed; import them again",
        4 => NothingToAddTo { entry: EntryId }: NotFound
            "no entry {entry} in this record to add to",
        5 => NotItsOwn: NotPermitted
            "an institution announces its own entries of the named patient only",
        6 => ManifestMissing: NotFound "a manifest is missing",
        7 => AuthorUnknown { entry: EntryId }: NotAuthentic
            "entry {entry}: its author is not known",
        8 => WithoutManifest { entry: EntryId }: NotFound "entry {entry}: its manifest is missing",
        9 => ContentLost { entry: EntryId, object: ObjectId }: NotFound
            "entry {entry}: object {object} is lost",
        10 => ListsNothing: Invalid "a listing lists something",
        11 => TooManyCompartments: LimitReached "a listing of too many compartments",
        12 => NoCompartment: NotAuthentic "no compartment has this id",
        13 => TooManyListed: LimitReached "more entries than can be listed",
        14 => OtherRoot: WrongState
            "what is listed here does not lead to the catalogue's root; send all of it",
        15 => NotAsListed { entry: EntryId }: NotAuthentic
            "entry {entry}: its label is not the one that the patient's catalogue lists",
        16 => ContentDamaged { entry: EntryId, object: ObjectId }: NotFound
            "entry {entry}: object {object} is damaged",
        17 => IdentifiersOutOfBounds { most: usize, bytes: usize }: Invalid
            "a chart has at most {most} identifiers, with names and values of at most {bytes} bytes",
        18 => UserOutOfBounds: Invalid "say who opens it, in 1 to 200 bytes",
        19 => DoesNotOpen { entry: EntryId }: NotAuthentic
            "entry {entry}: it does not open with the patient's keys; have its author send it again",
        20 => DoesNotTreat: NotPermitted
            "the patient does not say that this institution treats the patient, and has given it no permission to add to the record",
        21 => OtherKinds: NotPermitted "the patient has not permitted this institution to add this kind of record",
        22 => TooManyTreaters { most: usize }: LimitReached "at most {most} institutions in one message",
        23 => NotEnrolled { chart: ChartId }: WrongState
            "no patient is enrolled in chart {chart}; what was begun and not made ends with `chartmesh patient cancel`",
        24 => SealedAnew { chart: ChartId }: WrongState
            "entries of chart {chart} are still to be sealed anew after its enrolment was undone; give `chartmesh patient undo` for it again",
        27 => LostHere { entry: EntryId }: WrongState
            "contents of entry {entry} are not here, and whoever keeps them is to delete them: bring them back first (`chartmesh backup restore`), or give `--although-lost`",
        25 => MisfiledByOthers: NotPermitted
            "an entry is said to be misfiled by its author, or by the patient's relay that passes that on",
        26 => MisfiledAuthorUnknown: NotAuthentic "whoever says that entries were misfiled is not known here",
    }
}
