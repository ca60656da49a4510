//! The named secrets inside a keystore.
//!
//! Encoded as a count (one byte), then for each, in ascending order of names: the length of the
//! name (one byte), the name, the length of the secret (two bytes, big-endian), the secret.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use super::limits::{NAME_BYTES_MAX, SECRET_BYTES_MAX, SECRETS_MAX};

/// The names of the secrets of a node. All are 32 bytes.
pub(crate) mod name {
    /// The [`StorageKey`](crate::store::StorageKey).
    pub(crate) const STORAGE_KEY: &str = "storage-key";
    /// The seed of the node's own Ed25519 key, from which its PeerId comes.
    pub(crate) const NODE_SIGNING_SEED: &str = "node-signing-seed";
    const SIGNING: &str = "institution-signing-seed-";
    const OWN: &str = "institution-own-key-";

    /// The seed of the institution's signing key of this number in its key log.
    #[must_use]
    pub(crate) fn institution_signing_seed(number: u32) -> String {
        format!("{SIGNING}{number}")
    }

    /// The own key that goes with it.
    #[must_use]
    pub(crate) fn institution_own_key(number: u32) -> String {
        format!("{OWN}{number}")
    }

    /// The number of the institution's key that a secret of this name is, for signing or for wrapping its own.
    #[must_use]
    pub(crate) fn number(name: &str) -> Option<u32> {
        name.strip_prefix(SIGNING).or_else(|| name.strip_prefix(OWN))?.parse().ok()
    }
}

/// Secrets by name. Prints only the names, and is wiped when dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, Zeroizing<Vec<u8>>>);

impl Secrets {
    /// No secrets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a secret under a name of lower-case letters, digits and hyphens, in the place of any
    /// that was there.
    ///
    /// # Errors
    /// [`ContentsError`] for a name or length that a keystore does not hold, or one too many.
    pub fn set(&mut self, name: &str, secret: &[u8]) -> Result<(), ContentsError> {
        check(name, secret)?;
        if self.0.len() == SECRETS_MAX && !self.0.contains_key(name) {
            return Err(ContentsError::TooMany);
        }
        self.0.insert(name.to_owned(), Zeroizing::new(secret.to_vec()));
        Ok(())
    }

    /// The secret under this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(|secret| secret.as_slice())
    }

    /// The secret under this name when it has the length of a key or seed.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<Zeroizing<[u8; 32]>> {
        let key: &[u8; 32] = self.get(name)?.try_into().ok()?;
        Some(Zeroizing::new(*key))
    }

    /// Forgets a secret.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let size = self.0.iter().map(|(name, secret)| 3 + name.len() + secret.len());
        // The whole size at once, so that no copy of a secret is left behind by a growing buffer.
        let mut bytes = Zeroizing::new(Vec::with_capacity(1 + size.sum::<usize>()));
        bytes.push(u8::try_from(self.0.len()).expect("`set` keeps the count small"));
        for (name, secret) in &self.0 {
            let secret_len = u16::try_from(secret.len()).expect("`set` keeps secrets short");
            bytes.push(u8::try_from(name.len()).expect("`set` keeps names short"));
            bytes.extend(name.as_bytes());
            bytes.extend(secret_len.to_be_bytes());
            bytes.extend(secret.as_slice());
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, ContentsError> {
        let mut rest = bytes;
        let count = usize::from(take(&mut rest, 1)?[0]);
        let mut secrets = Self::new();
        for _ in 0..count {
            let name_len = take(&mut rest, 1)?[0];
            let name = take(&mut rest, name_len.into())?;
            let name = std::str::from_utf8(name).map_err(|_| ContentsError::Name)?;
            let secret_len = take(&mut rest, 2)?;
            let secret_len = u16::from_be_bytes([secret_len[0], secret_len[1]]);
            let secret = take(&mut rest, secret_len.into())?;
            if secrets.0.last_key_value().is_some_and(|(last, _)| **last >= *name) {
                return Err(ContentsError::Order);
            }
            secrets.set(name, secret)?;
        }
        match rest {
            [] => Ok(secrets),
            _ => Err(ContentsError::Length),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

fn check(name: &str, secret: &[u8]) -> Result<(), ContentsError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(allowed) {
        return Err(ContentsError::Name);
    }
    if secret.len() > SECRET_BYTES_MAX {
        return Err(ContentsError::TooLong);
    }
    Ok(())
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], ContentsError> {
    let (taken, left) = rest.split_at_checked(len).ok_or(ContentsError::Length)?;
    *rest = left;
    Ok(taken)
}

/// What a keystore does not hold.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentsError {
    /// A name that is empty, too long, or has other characters than `a-z`, `0-9` and `-`.
    #[error("a secret has a name that is not allowed")]
    Name,
    /// A secret longer than [`SECRET_BYTES_MAX`].
    #[error("a secret is longer than {SECRET_BYTES_MAX} bytes")]
    TooLong,
    /// More than [`SECRETS_MAX`].
    #[error("there are more than {SECRETS_MAX} secrets")]
    TooMany,
    /// Names twice, or not in ascending order.
    #[error("the secrets are not in order")]
    Order,
    /// The lengths do not add up.
    #[error("the secrets end too early or too late")]
    Length,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn two() -> Secrets {
        let mut secrets = Secrets::new();
        secrets.set("b", &[1, 2]).unwrap();
        secrets.set("a", &[]).unwrap();
        secrets
    }

    #[test]
    fn the_encoding_is_as_documented() {
        let bytes = [2, 1, b'a', 0, 0, 1, b'b', 0, 2, 1, 2];
        assert_eq!(*two().encode(), bytes);
        assert_eq!(Secrets::decode(&bytes).unwrap(), two());
    }

    #[test]
    fn each_way_of_being_wrong_has_its_error() {
        let decode = |bytes: &[u8]| Secrets::decode(bytes).unwrap_err();
        assert_eq!(decode(&[]), ContentsError::Length);
        assert_eq!(decode(&[0, 0]), ContentsError::Length);
        assert_eq!(decode(&[1, 1, b'a', 0, 9]), ContentsError::Length);
        assert_eq!(decode(&[1, 1, b'A', 0, 0]), ContentsError::Name);
        assert_eq!(decode(&[1, 1, 0xff, 0, 0]), ContentsError::Name);
        assert_eq!(decode(&[1, 0, 0, 0]), ContentsError::Name);
        let twice = [2, 1, b'a', 0, 0, 1, b'a', 0, 0];
        assert_eq!(decode(&twice), ContentsError::Order);
        let reversed = [2, 1, b'b', 0, 0, 1, b'a', 0, 0];
        assert_eq!(decode(&reversed), ContentsError::Order);
        let long = [&[1, 1, b'a', 1, 1][..], &[0; 257]].concat();
        assert_eq!(decode(&long), ContentsError::TooLong);
    }

    #[test]
    fn a_keystore_takes_no_more_secrets_than_it_can_hold() {
        let mut secrets = Secrets::new();
        for index in 0..128 {
            secrets.set(&name::institution_signing_seed(index), &[0; 32]).unwrap();
        }
        assert_eq!(secrets.set("one-more", &[]), Err(ContentsError::TooMany));
        secrets.set(&name::institution_signing_seed(7), &[1; 32]).unwrap();
        assert_eq!(Secrets::decode(&secrets.encode()).unwrap(), secrets);
    }

    #[test]
    fn secrets_print_their_names_only() {
        assert_eq!(format!("{:?}", two()), r#"{"a", "b"}"#);
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_are_the_one_encoding(
            bytes in proptest::collection::vec(0..6u8, 0..24),
        ) {
            // Small numbers make plausible lengths; shifted, they make plausible names.
            let bytes: Vec<u8> = bytes.iter().map(|b| if *b == 5 { b'a' } else { *b }).collect();
            if let Ok(secrets) = Secrets::decode(&bytes) {
                prop_assert_eq!(&*secrets.encode(), &bytes);
            }
        }
    }
}
