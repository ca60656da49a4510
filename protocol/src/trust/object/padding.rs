//! How much an object's size tells about its content.

use super::{OpenError, TooLarge};
use crate::limits::PLAINTEXT_BYTES_MAX;

/// The least that any object is padded to, in bytes: most single observations and all labels fit
/// below, so their sizes tell nothing at all.
pub const PADDED_LEN_MIN: u64 = 1024;

/// The length that content of `plaintext_len` bytes is padded to: Padmé, and at least
/// [`PADDED_LEN_MIN`].
///
/// Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with
/// PURBs", 2019, section 4) keeps as many leading bits of the length as are needed to write the
/// length's own magnitude, and rounds up the rest: at most 6.3 % more from 1 KiB on, 3.2 % from
/// 64 KiB on, and only O(log log length) bits of the length are told.
///
/// # Errors
/// [`TooLarge`] above [`PLAINTEXT_BYTES_MAX`].
pub const fn padded_len(plaintext_len: u64) -> Result<u64, TooLarge> {
    if plaintext_len > PLAINTEXT_BYTES_MAX {
        return Err(TooLarge);
    }
    if plaintext_len <= PADDED_LEN_MIN {
        return Ok(PADDED_LEN_MIN);
    }
    let exponent = plaintext_len.ilog2();
    let kept_bits = exponent.ilog2() + 1;
    let mask = (1 << (exponent - kept_bits)) - 1;
    Ok((plaintext_len + mask) & !mask)
}

/// Takes the padding off content that was opened with it, once the content itself has told its
/// length.
///
/// # Errors
/// [`OpenError::TooLarge`] and [`OpenError::LengthMismatch`] when content of `plaintext_len` bytes
/// is never padded to this length, [`OpenError::NonZeroPadding`] when the rest is not zeros.
pub fn unpad(padded: &[u8], plaintext_len: u64) -> Result<&[u8], OpenError> {
    if padded_len(plaintext_len)? != padded.len() as u64 {
        return Err(OpenError::LengthMismatch);
    }
    let (plain, padding) = usize::try_from(plaintext_len)
        .ok()
        .and_then(|len| padded.split_at_checked(len))
        .ok_or(OpenError::LengthMismatch)?;
    refuse_content(padding)?;
    Ok(plain)
}

/// Refuses padding that carries anything. It would be a place to hide content that the signed
/// length does not own up to.
pub(super) fn refuse_content(padding: &[u8]) -> Result<(), OpenError> {
    // No early end: how far the zeros reach is nobody's business.
    if padding.iter().fold(0, |seen, byte| seen | byte) == 0 {
        Ok(())
    } else {
        Err(OpenError::NonZeroPadding)
    }
}
