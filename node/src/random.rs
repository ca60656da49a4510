//! Chance: the operating system's generator is the only one in a node.

use rand::Rng as _;
use rand::rngs::SysRng;
use rand_core::UnwrapErr;

/// The operating system's generator.
#[must_use]
pub fn system() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// Fills `bytes` from the operating system's generator, the only one in this crate.
pub fn random(bytes: &mut [u8]) {
    system().fill_bytes(bytes);
}
