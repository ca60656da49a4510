//! Keys of sealing sessions that were found before, so that the next entry of the same session costs no KEM.

use crate::crypto::WrappingKey;
use crate::id::SessionId;
use crate::limits;
use core::fmt;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Sessions' keys. They decide nothing: what is not here is found again. They wipe themselves and print nothing.
#[derive(Default)]
pub struct SessionKeys(Mutex<BTreeMap<SessionId, WrappingKey>>);

impl SessionKeys {
    /// The key of a session; it is found if it is not here. Only for who has the secret half of the session's compartment:
    /// that is not looked at where the key is here.
    ///
    /// # Errors
    /// What `find` says.
    pub fn open<E>(
        &self,
        session: SessionId,
        find: impl FnOnce() -> Result<WrappingKey, E>,
    ) -> Result<WrappingKey, E> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known().get(&session) {
            return Ok(key.clone());
        }
        let key = find()?;
        let mut keys = known();
        if keys.len() >= limits::SESSION_KEYS_MAX {
            keys.clear();
        }
        keys.insert(session, key.clone());
        Ok(key)
    }
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKeys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;

    #[test]
    fn a_key_is_found_once_and_no_more_are_kept_than_so_many() {
        let keys = SessionKeys::default();
        let id =
            |n: usize| SessionId(*blake3::hash(&n.to_be_bytes()).as_bytes().first_chunk().unwrap());
        let mut found = 0;
        let mut open = |n: usize| {
            keys.open(id(n), || {
                found += 1;
                Ok::<_, Infallible>(WrappingKey::from_bytes([1; 32]))
            })
            .unwrap();
        };
        (0..3).for_each(|_| open(0));
        (1..=limits::SESSION_KEYS_MAX).for_each(&mut open);
        assert_eq!(found, limits::SESSION_KEYS_MAX + 1);
        assert_eq!(keys.0.lock().unwrap().len(), 1);
        let failed = keys.open(id(usize::MAX), || Err("no"));
        assert_eq!(failed.unwrap_err(), "no");
    }
}
