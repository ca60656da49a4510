//! Why a patient is not dealt with, or not dealt with here.

use crate::id::PartyId;
use crate::reason::reasons;

reasons! {
    /// Why a patient is not dealt with, or not dealt with here.
    pub(crate) enum Reason: 25 "patients" {
        1 => NotHere { patient: PartyId }: NotFound
            "no patient {patient} here; list patients with `chartmesh patient list`",
        2 => NotServed: NotFound "this relay does not serve the patient",
        3 => NotTheirRelay: NotPermitted "this relay does not serve a patient known here",
        4 => NoDealings: NotPermitted
            "the patient has not enrolled with this institution nor permitted it anything",
        5 => Locked { patient: PartyId }: Locked
            "the keys of patient {patient} are locked; give the passphrase",
        6 => KeysMissing: NotFound "the patient's keys are missing",
    }
}
