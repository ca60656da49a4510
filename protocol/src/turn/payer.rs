//! On whose account an event is.

use crate::id::PartyId;

/// On whose account what an event makes this node keep is put down, see [`crate::quota`]. Without one it is this node's
/// own: its people asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Payer {
    /// The institution that is heard.
    pub(crate) institution: Option<PartyId>,
    /// The member without whose certificate the institution, a relay, could not be heard.
    pub(crate) relays_of: Option<PartyId>,
    /// The patient whom it concerns.
    pub(crate) patient: Option<PartyId>,
    /// Whether it is refused beyond a limit. What ends something, or takes it back, is counted only.
    pub(crate) bounded: bool,
    /// What the patient said, in the permission that came along, of how much may be added or kept under it.
    pub(crate) said: Option<QuotaSaid>,
}

/// What a patient said of how much an institution may have kept for the patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QuotaSaid {
    /// Things.
    pub(crate) entries: Option<u64>,
    /// Bytes of them.
    pub(crate) bytes: Option<u64>,
}
