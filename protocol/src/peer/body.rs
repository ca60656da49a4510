//! What is told of a message, whatever its feature.

use super::features::Body;
use crate::codec::{Bytes, Wire};
use crate::id::{CodeId, ConsentId, PartyId};
use crate::limits;
use crate::store::StoreError;

impl Body {
    /// A body of ours, as it waited in the outbox.
    pub(super) fn of_outbox(bytes: &Bytes) -> Result<Self, StoreError> {
        Self::from_bytes(&bytes.0, limits::REQUEST_BYTES_MAX)
            .map_err(|error| StoreError::Corrupt { table: "outbox", why: error.to_string() })
    }

    /// The patient whom it concerns, if it says so. Nothing of it has been verified.
    #[must_use]
    pub fn patient(&self) -> Option<PartyId> {
        self.about().patient()
    }

    /// The request for consent that it is about.
    #[must_use]
    pub fn request(&self) -> Option<ConsentId> {
        self.about().request()
    }

    /// The code that it is sent for.
    pub(super) fn code(&self) -> Option<CodeId> {
        self.about().code()
    }
}
