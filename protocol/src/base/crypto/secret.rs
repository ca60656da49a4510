//! Secret bytes.

use zeroize::Zeroizing;

/// Thirty-two secret bytes.
pub type Secret32 = Zeroizing<[u8; 32]>;
