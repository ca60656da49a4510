//! Random bytes.

use rand_core::CryptoRng;

/// Random secret bytes.
pub fn random<const N: usize>(rng: &mut dyn CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}
