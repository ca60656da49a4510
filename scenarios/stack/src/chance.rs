//! The operating system's generator, replaced.
//!
//! A node takes randomness from the operating system only, and so do libp2p, the hash tables of the
//! standard library and tokio's `select!`. All of them end in the C library's `getrandom`; a program
//! that has a symbol of that name is asked first. Its bytes follow from the seed and the order of the
//! calls, which on one thread is the simulation's own.
//!
//! NEVER FOR A NODE: whoever knows the seed knows all keys. This crate is not published, and nothing
//! that is shipped depends on it.

use std::cell::RefCell;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

thread_local! {
    /// One for each thread, so that tests that run side by side do not disturb each other.
    static CHANCE: RefCell<(ChaCha20Rng, u64)> = RefCell::new((ChaCha20Rng::seed_from_u64(0), 0));
}

/// Starts this thread's chance anew.
pub fn seed(seed: u64) {
    CHANCE.set((ChaCha20Rng::seed_from_u64(seed), 0));
}

/// How often this thread has asked for chance since [`seed`]. Zero after a run: the symbol was not
/// found, and the run is not repeatable.
#[must_use]
pub fn calls() -> u64 {
    CHANCE.with_borrow(|(_, calls)| *calls)
}

/// False while the thread ends, when its chance is gone already.
fn fill(bytes: &mut [u8]) -> bool {
    let filled = CHANCE.try_with(|chance| {
        let (chance, calls) = &mut *chance.borrow_mut();
        chance.fill_bytes(bytes);
        *calls += 1;
    });
    filled.is_ok()
}

/// What the C library's function of this name does, from the seed.
#[expect(unsafe_code, reason = "the one place that stands in for a C function")]
mod symbol {
    use std::ffi::{c_uint, c_void};

    // SAFETY: the name is the C library's and the signature that of its manual, getrandom(2).
    #[unsafe(no_mangle)]
    extern "C" fn getrandom(buffer: *mut c_void, length: usize, _flags: c_uint) -> isize {
        if buffer.is_null() || length == 0 {
            return 0;
        }
        // SAFETY: the caller gives `length` bytes to write to, as the manual asks; they are zeroed
        // before a reference to them exists.
        let bytes = unsafe {
            std::ptr::write_bytes(buffer.cast::<u8>(), 0, length);
            std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length)
        };
        if super::fill(bytes) { isize::try_from(length).unwrap_or(isize::MAX) } else { -1 }
    }
}
