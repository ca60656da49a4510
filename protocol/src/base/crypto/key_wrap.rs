//! AES-256 key wrap (RFC 3394, NIST SP 800-38F section 6.2) of a key of 32 bytes, by the crate `aes-kw`.

use super::sealed::WRAP_BYTES;
use aes_kw::{KeyInit, KwAes256};

pub(super) fn wrap(kek: &[u8; 32], key: &[u8; 32]) -> [u8; WRAP_BYTES] {
    let mut wrapped = [0; WRAP_BYTES];
    KwAes256::new(kek.into())
        .wrap_key(key, &mut wrapped)
        .expect("32 bytes are whole semiblocks, and the room is for one more");
    wrapped
}

/// Whether it was wrapped by this key; `key` is then what was.
pub(super) fn unwrap(kek: &[u8; 32], wrapped: &[u8; WRAP_BYTES], key: &mut [u8; 32]) -> bool {
    KwAes256::new(kek.into()).unwrap_key(wrapped, key).is_ok()
}
