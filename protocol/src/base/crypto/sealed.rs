//! What is sealed to a key, by whichever suite: its sizes, and why it does not open.

use crate::reason::reasons;

/// Bytes of a public key.
pub(super) const PUBLIC_BYTES: usize = 1216;
/// Bytes of an encapsulated key.
pub(super) const ENCAPPED_BYTES: usize = 1120;
/// Bytes of a 32-byte key once sealed: encapsulated key, ciphertext, tag.
pub const WRAP_BYTES: usize = ENCAPPED_BYTES + 32 + 16;

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
