//! Why a patient and an institution do not get to know each other.

use crate::reason::reasons;

reasons! {
    /// Why a patient and an institution do not get to know each other.
    pub(crate) enum Reason: 41 "enrolment" {
        1 => ChartTaken: AlreadyDone "a patient is enrolled in this chart already",
        2 => RingExpired: Locked
            "the patient's key ring has expired; unlock the patient's keys first",
        3 => OtherRelaysCertificate: NotAuthentic "the certificate is another relay's",
        4 => InAnotherChart: AlreadyDone "this patient is enrolled in another chart here",
        5 => OtherRelay: NotAuthentic "the patient's key ring names another relay",
        6 => AnswerMalformed: NotAuthentic "the answer to an enrolment is malformed",
    }
}
