//! Who may read a file.

/// Permission bits of group and others.
const NOT_THE_OWNER: u32 = 0o077;

/// Whether others than the owner may read or write a file of such a mode.
pub(super) fn is_too_open(mode: u32) -> bool {
    mode & NOT_THE_OWNER != 0
}
