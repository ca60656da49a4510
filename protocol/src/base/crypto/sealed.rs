//! What is sealed to a key, by whichever suite: its sizes, and why it does not open.

use crate::reason::reasons;

/// Bytes of a public key.
pub(super) const PUBLIC_BYTES: usize = 1216;
/// Bytes of an encapsulated key.
pub const ENCAPPED_BYTES: usize = 1120;
/// Bytes of a 32-byte key once wrapped by another.
pub const WRAP_BYTES: usize = 32 + 8;

reasons! {
    /// What was sealed cannot be opened, or not to this recipient.
    #[derive(Copy)]
    pub enum KemError: 1 "crypto" {
        /// The public key is not one of X-Wing's.
        1 => BadPublicKey: NotAuthentic "not an X-Wing public key",
        /// Too short to hold an encapsulated key and a tag.
        2 => Truncated: NotAuthentic "too short to be sealed by HPKE",
        /// Sealed to another key, for another purpose, or altered.
        3 => NotForThisKey: NotAuthentic "not sealed to this key for this purpose, or altered",
    }
}

reasons! {
    /// What was wrapped does not come out.
    #[derive(Copy)]
    pub enum WrapError: 1 "crypto" {
        /// Wrapped by another key, or altered.
        11 => NotByThisKey: NotAuthentic "not wrapped by this key, or altered",
    }
}
