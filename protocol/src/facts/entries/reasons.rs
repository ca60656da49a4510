//! Why an entry is not sealed, kept or opened.

use crate::codec::DecodeError;
use crate::id::{ChartId, EntryId};
use crate::reason::reasons;

reasons! {
    /// Why an entry is not sealed, kept or opened.
    pub(crate) enum Reason: 28 "entries" {
        1 => NoChart { chart: ChartId }: NotFound
            "no chart {chart} here; list charts with `chartmesh patient list`",
        2 => OtherLabel { entry: EntryId }: NotAuthentic
            "entry {entry} is here already with another label",
        3 => NotOurs { entry: EntryId }: NotFound "no entry {entry} that this institution can open",
        4 => ManifestNotHere { entry: EntryId }: NotFound
            "the manifest of entry {entry} is not here",
        5 => CompartmentClosed { entry: EntryId }: NotFound
            "entry {entry} is sealed to a compartment that the patient's keys do not open",
        6 => ManifestMissing { entry: EntryId }: NotFound
            "the manifest of entry {entry} is missing",
        7 => TooManyContents { most: usize }: LimitReached
            "an entry has at most {most} contents; split it",
        8 => DescriptionTooLong: LimitReached
            "the entry's description is larger than 63 KiB; split it",
        9 => DescriptionTooLarge: LimitReached "the entry's description is too large; split it",
        10 => WrongKey: NotAuthentic "the entry does not open with this key",
        11 => ManifestMalformed { why: DecodeError }: NotAuthentic
            "the entry's manifest is malformed: {why}",
        12 => ManifestNotPadded: NotAuthentic "the entry's manifest is not padded as it must be",
        13 => ManifestOfAnother: NotAuthentic "the entry's manifest belongs to another label",
        14 => LabelKeyUnknown { entry: EntryId }: NotAuthentic
            "entry {entry}: its label names an unknown key",
        15 => LabelNotSigned { entry: EntryId }: NotAuthentic
            "entry {entry}: its label is not signed by its author",
        16 => ContentsTooMany { entry: EntryId }: NotAuthentic
            "entry {entry}: it has too many contents",
        17 => OtherContents { entry: EntryId }: NotAuthentic
            "entry {entry}: its contents are not those of its label",
        18 => OtherManifest { entry: EntryId }: NotAuthentic
            "entry {entry}: its manifest is not that of its label",
        19 => NotInRecord { entry: EntryId }: NotFound "no entry {entry} in this record",
        20 => DescriptionBeyond { why: DecodeError }: LimitReached
            "the entry's description cannot be kept: {why}; shorten it",
        21 => AnswerMalformed { why: DecodeError }: NotAuthentic
            "the answer about several entries is malformed: {why}",
        22 => Misfiled { entry: EntryId }: NotFound
            "entry {entry} was filed under the wrong patient, as its author says, and is in this record no more",
    }
}
