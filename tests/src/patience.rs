//! Waiting for what is wanted, never for a time.

use std::time::{Duration, Instant};

/// How long a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(20);

/// Looks until `look` finds something.
///
/// # Panics
/// When it is not there after [`PATIENCE`].
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, look).unwrap_or_else(|| panic!("waited in vain for {what}"))
}

/// As [`until`], for no longer than `patience`; looks once more at its end.
pub fn within<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        let over = begun.elapsed() >= patience;
        let found = look();
        if found.is_some() || over {
            return found;
        }
        std::thread::sleep(LOOK);
    }
}
