//! At the patient's relay: who is told of which compartments.

use super::given::MayRead;
use crate::directory;
use crate::id::PartyId;
use crate::identity::Compartment;
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::treating;

/// The compartments of a patient's ring that an institution is told of: to seal to, those of the kinds for which it
/// treats the patient; and those that it may read. Who keeps what others sealed needs none. [ID-19]
pub(crate) fn compartments_for(
    txn: &(impl ReadTxn + ?Sized),
    (patient, institution): (PartyId, PartyId),
    may: Option<&MayRead>,
    now: Timestamp,
) -> Result<Vec<Compartment>, StoreError> {
    let treats = treating::of(txn, patient, institution)?.filter(|treats| treats.goes_on(now));
    let mut told = directory::compartments(txn, patient)?;
    told.retain(|compartment| {
        treats.as_ref().is_some_and(|treats| treats.covers(compartment.kind))
            || may.is_some_and(|may| may.compartments.contains(&compartment.id()))
    });
    Ok(told)
}
