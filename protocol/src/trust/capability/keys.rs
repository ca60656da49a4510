//! The keys that permissions are judged with.

use crate::id::PartyId;
use crate::identity::KnownKeys;

/// The keys that signatures are checked with.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// Those of the patient whom the request is about.
    pub patient: &'a KnownKeys,
    /// Those of institutions that may have passed a permission on; `None` for one that is not known
    /// or not to be believed any more.
    pub institutions: &'a dyn Fn(PartyId) -> Option<KnownKeys>,
}
