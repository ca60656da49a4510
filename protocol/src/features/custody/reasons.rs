//! Why a patient's keys are not kept, rotated or shown.

use crate::id::PartyId;
use crate::reason::reasons;

reasons! {
    /// Why a patient's keys are not kept, rotated or shown.
    pub(crate) enum Reason: 42 "custody" {
        1 => Locked: Locked "the patient's keys are locked; unlock them with the passphrase",
        2 => OthersKeys: Locked "the keys that are unlocked are another patient's",
        3 => NameOutOfBounds: Invalid "a patient needs a name of 1 to 200 bytes",
        4 => KeysDamaged: Locked "the patient's keys are damaged; restore them with the 24 words",
        5 => OthersWords: NotAuthentic "these 24 words are not this patient's",
        6 => NoMoreRotations: LimitReached "this identity cannot be rotated any more",
        7 => PutBackUnheard { institution: PartyId }: WrongState
            "this relay's store was put back from an older copy, and {institution} has not been heard since: what the patient took back or ended may be forgotten here, and a rotation would say it anew. Wait until it is connected or, if that cannot be, say so with `--although-put-back`",
    }
}
