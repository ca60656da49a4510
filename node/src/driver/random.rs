//! The only place that makes a generator.

use rand::rngs::SysRng;
use rand_core::UnwrapErr;

/// The operating system's generator: the only one that can be constructed in a node.
pub(crate) fn random() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}
