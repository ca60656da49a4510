//! What the demo prints: numbered steps, what happened, who may read what.

use std::sync::atomic::{AtomicUsize, Ordering};

static STEP: AtomicUsize = AtomicUsize::new(0);

/// Begins a step.
pub(super) fn step(what: &str) {
    let number = STEP.fetch_add(1, Ordering::Relaxed) + 1;
    println!("\n{number:>2}. {what}");
}

/// Says what happened within a step.
pub(super) fn line(what: impl AsRef<str>) {
    println!("    {}", what.as_ref());
}

/// Says something after the steps.
pub(super) fn closing(what: impl AsRef<str>) {
    println!("\n{}", what.as_ref());
}

/// Says who may now read what.
pub(super) fn readers(what: impl AsRef<str>) {
    println!("    may read: {}", what.as_ref());
}

/// Bytes for people.
pub(super) fn bytes(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if bytes >= MIB { format!("{} MiB", bytes / MIB) } else { format!("{} KiB", bytes / 1024) }
}
