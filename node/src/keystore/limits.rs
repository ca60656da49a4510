//! Every bound of the keystore, with its reason.

/// The longest plaintext of a box, in bytes: keys are short, and this bounds what a damaged length
/// can ask for.
pub(super) const PLAINTEXT_BYTES_MAX: usize = 64 << 10;

/// The most secrets in one keystore: a node needs half a dozen, and an institution at most two more with each of its 40
/// rotations.
pub(super) const SECRETS_MAX: usize = 128;

/// The longest name of a secret, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 64;

/// The longest secret, in bytes; all that are known are 32.
pub(super) const SECRET_BYTES_MAX: usize = 256;

// The largest keystore fits into a box.
const _: () = assert!(SECRETS_MAX * (3 + NAME_BYTES_MAX + SECRET_BYTES_MAX) < PLAINTEXT_BYTES_MAX);
