//! Why a patient and an institution do not get to know each other.

use crate::id::ChartId;
use crate::reason::reasons;

reasons! {
    /// Why a patient and an institution do not get to know each other.
    pub(crate) enum Reason: 41 "enrolment" {
        1 => ChartTaken: AlreadyDone "a patient is enrolled in this chart already",
        2 => RingExpired: Locked
            "the patient's key ring has expired; unlock the patient's keys first",
        3 => OtherRelaysCertificate: NotAuthentic "the certificate is another relay's",
        4 => InAnotherChart: AlreadyDone
            "this patient is enrolled in another chart here, or is about to be",
        5 => OtherRelay: NotAuthentic "the patient's key ring names another relay",
        6 => AnswerMalformed: NotAuthentic "the answer to an enrolment is malformed",
        7 => AnotherBegan: WrongState
            "somebody else has begun to enrol in this chart; ask the desk to cancel that and for a new code",
        8 => NobodyCame: NotFound
            "nobody has begun to enrol in this chart; `chartmesh patient enrolments` lists who has",
        9 => NotRevealed: WrongState
            "the patient's side has not shown its number yet; wait a moment",
        10 => NoNumber: Invalid "the number has six digits, as the patient's side shows it",
        11 => OtherCommitment: NotAuthentic
            "the relay's part of the number is not the one that it committed to",
        12 => NotBegun: NotFound "no enrolment was begun, or it has ended",
        13 => NotConfirmed: WrongState
            "the desk has not accepted the number yet; tell it the number, and wait a moment",
        14 => NotCompared: NotPermitted "the number has not been compared at the desk",
        15 => Withdrawn: WrongState "the patient did not go on",
        16 => TakenBack: WrongState
            "the institution ended it: the number was wrong, or it took the code back; ask the desk for a new code",
        17 => SaidAlready: AlreadyDone "the patient has said so already; the institution answers soon",
        18 => NotEnrolled: NotFound
            "the patient is not enrolled with this institution; a permission to add is taken back with `chartmesh consent revoke`",
        20 => SealedAnew { chart: ChartId, left: usize }: WrongState
            "{left} entries of chart {chart} are still to be sealed anew after its enrolment was undone; give `chartmesh patient undo` for it again",
        21 => WrongPerson: WrongState
            "the institution undid it: it had enrolled this patient in another person's chart",
        19 => NobodyEnrolled: NotPermitted "no patient of this relay has enrolled with the institution",
    }
}
