//! Objects that fit in memory, in one call.

use zeroize::Zeroizing;

use super::key::{DataKey, Salt};
use super::{Layout, OpenError, Opener, Sealed, Sealer, TooLarge};
use crate::id::ObjectId;

/// Seals `plain` in one go and returns the file. `key` and `salt` are both new, as for
/// [`Sealer::new`].
///
/// # Errors
/// [`TooLarge`], as for [`Sealer::push`].
pub fn seal_small(key: &DataKey, salt: &Salt, plain: &[u8]) -> Result<(Vec<u8>, Sealed), TooLarge> {
    let layout = Layout::of_plaintext(plain.len() as u64)?;
    let mut file = Vec::with_capacity(usize::try_from(layout.file_len()).unwrap_or(0));
    let mut sealer = Sealer::of_len(key, salt, layout.file_len());
    sealer.push(plain, &mut file)?;
    let sealed = sealer.finish(&mut file);
    Ok((file, sealed))
}

/// Opens a whole file whose content is `plaintext_len` bytes long.
///
/// # Errors
/// Any [`OpenError`].
pub fn open_small(
    key: &DataKey,
    id: ObjectId,
    plaintext_len: u64,
    file: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    open_with(Opener::new(key.clone(), id, plaintext_len)?, file)
}

/// Opens a whole file whose content tells its own length, such as an entry's manifest, whose true
/// length stands nowhere else. The result still has its padding: read the content, then let
/// [`unpad`](super::unpad) check the rest.
///
/// # Errors
/// Any [`OpenError`] but [`OpenError::NonZeroPadding`].
pub fn open_small_padded(
    key: &DataKey,
    id: ObjectId,
    file: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let layout = Layout::of_file(file.len() as u64)?;
    open_with(Opener::with_layout(key.clone(), id, layout), file)
}

fn open_with(mut opener: Opener, file: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    // By what is there, not by what was declared; enough that nothing secret is ever moved.
    let mut plain = Zeroizing::new(Vec::with_capacity(file.len()));
    opener.push(file, &mut plain)?;
    opener.finish(&mut plain)?;
    Ok(plain)
}
