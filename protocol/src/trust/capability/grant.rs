//! A grant: a permission, and the keys to what it covers, sealed to whom it is given.
//!
//! A dated or narrowed grant carries keys of single entries; a standing one carries compartments'
//! secret halves, which open everything in them, past and to come, until their epoch ends.

use super::Chain;
use crate::codec::{Bytes, DecodeError, Decoder, Encoder, wire_struct};
use crate::crypto::{KemError, KemPublic, KemSecret, Secret32};
use crate::id::{CompartmentId, EntryId, KemId};
use crate::limits;
use crate::reason::reasons;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

const INFO: &[u8] = b"chartmesh/1/grant";

wire_struct! {
    /// A permission and, in one HPKE seal, the keys for what it covers.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Grant {
        /// The permission.
        1 => chain: Chain,
        /// [`GrantKeys`], sealed to the grantee; additional data: the last link's statement id.
        2 => keys: Bytes,
        /// The key that they are sealed to: the grantee has several, and not for ever.
        3 => key: KemId,
    }
}

/// The keys that come with a permission. Wipe themselves; print nothing.
#[derive(Clone, Default)]
pub struct GrantKeys {
    /// Data keys of entry objects, in ascending order of entry.
    pub entries: Vec<(EntryId, Secret32)>,
    /// Seeds of compartments, in ascending order of compartment.
    pub compartments: Vec<(CompartmentId, Secret32)>,
}

impl core::fmt::Debug for GrantKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "GrantKeys({}, {})", self.entries.len(), self.compartments.len())
    }
}

reasons! {
    /// Why a grant cannot be made or opened.
    pub enum GrantError: 12 "grant" {
        use Kem(KemError),
        /// A key for something that the permission does not cover.
        151 => OutsideScope: NotAuthentic "a key opens what the permission does not cover",
        /// Whoever sealed it goes by this, and seals it again to what the card shows by then. [CAP-19]
        152 => KeyNotHere: WrongState
            "the permission is sealed to a key that this node does not have, or no longer; it is given again once the patient's keys are at hand",
        /// What was sealed is not a list of keys.
        153 => Decode(why: DecodeError): NotAuthentic "the sealed keys cannot be read: {why}",
    }
}

impl From<DecodeError> for GrantError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl Grant {
    /// Seals `keys` to the grantee of `chain`.
    ///
    /// # Errors
    /// [`GrantError::OutsideScope`], [`KemError::BadPublicKey`].
    pub fn seal(
        chain: Chain,
        keys: &GrantKeys,
        grantee: &KemPublic,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, GrantError> {
        let scope = &chain.leaf().claims().scope;
        // Whether an entry lies in a compartment that the scope names, its label tells, not its id.
        let entries_named = scope.compartments().is_empty();
        let inside = keys.compartments.iter().all(|(id, _)| scope.compartments().contains(id))
            && keys.entries.iter().all(|(id, _)| !entries_named || scope.entries().contains(id));
        if !inside {
            return Err(GrantError::OutsideScope);
        }
        let sealed = grantee.seal(INFO, &chain.leaf().id().0, &keys.to_secret_bytes(), rng)?;
        Ok(Self { chain, keys: Bytes(sealed), key: grantee.id() })
    }

    /// Opens the keys with the grantee's secret half.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn open(&self, secret: &KemSecret) -> Result<GrantKeys, GrantError> {
        let opened = secret.open(INFO, &self.chain.leaf().id().0, &self.keys.0)?;
        Ok(GrantKeys::from_secret_bytes(&opened)?)
    }
}

impl GrantKeys {
    /// `{1: [[entry, key], ...], 2: [[compartment, seed], ...]}`. Room is taken once, so that no
    /// growing buffer leaves keys behind in freed memory.
    pub(crate) fn to_secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(
            pairs_len(&self.entries) + pairs_len(&self.compartments) + 1,
        ));
        push(&mut bytes, |e| e.map(2));
        push(&mut bytes, |e| e.uint(1));
        push_pairs(&mut bytes, self.entries.iter().map(|(id, key)| (id.as_bytes(), key)));
        push(&mut bytes, |e| e.uint(2));
        push_pairs(&mut bytes, self.compartments.iter().map(|(id, key)| (id.as_bytes(), key)));
        bytes
    }

    pub(crate) fn from_secret_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut d = Decoder::new(bytes, limits::GRANT_KEYS_BYTES_MAX)?;
        let pairs = d.map()?;
        let (mut before, mut entries, mut compartments) = (None, Vec::new(), Vec::new());
        for _ in 0..pairs {
            let key = d.key(before)?;
            before = Some(key);
            match key {
                1 => entries = read_pairs(&mut d, EntryId)?,
                2 => compartments = read_pairs(&mut d, CompartmentId)?,
                unknown => return Err(DecodeError::UnknownKey(unknown)),
            }
        }
        if pairs != 2 {
            return Err(DecodeError::MissingKey(if before == Some(1) { 2 } else { 1 }));
        }
        d.leave();
        d.finish()?;
        Ok(Self { entries, compartments })
    }
}

/// Bytes that a list of pairs takes at most: its key and head, then per pair a head, an id of 16
/// bytes with its head, a key of 32 with its.
const fn pairs_len<T>(pairs: &[T]) -> usize {
    1 + 5 + pairs.len() * (1 + 17 + 34)
}

fn push(bytes: &mut Vec<u8>, write: impl FnOnce(&mut Encoder)) {
    let mut e = Encoder::default();
    write(&mut e);
    bytes.extend_from_slice(&e.into_bytes());
}

fn push_pairs<'a>(
    bytes: &mut Vec<u8>,
    pairs: impl ExactSizeIterator<Item = (&'a [u8; 16], &'a Secret32)>,
) {
    push(bytes, |e| e.array(pairs.len()));
    for (id, key) in pairs {
        push(bytes, |e| {
            e.array(2);
            e.bytes(id);
        });
        // The head of a byte string of 32 bytes.
        bytes.extend_from_slice(&[0x58, 32]);
        bytes.extend_from_slice(key.as_slice());
    }
}

fn read_pairs<T: Ord + Copy>(
    d: &mut Decoder<'_>,
    id: impl Fn([u8; 16]) -> T,
) -> Result<Vec<(T, Secret32)>, DecodeError> {
    let len = d.array()?;
    // Each pair takes 52 bytes of an input that is bounded, so the room is, too.
    let mut pairs: Vec<(T, Secret32)> = Vec::with_capacity(len);
    for _ in 0..len {
        if d.array()? != 2 {
            return Err(DecodeError::Invalid("a key of a grant is not a pair"));
        }
        let id = id(fixed(d.bytes()?)?);
        if pairs.last().is_some_and(|(last, _)| *last >= id) {
            return Err(DecodeError::Invalid("keys of a grant are not in ascending order"));
        }
        let mut key = Zeroizing::new([0; 32]);
        *key = fixed(d.bytes()?)?;
        d.leave();
        pairs.push((id, key));
    }
    d.leave();
    Ok(pairs)
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], DecodeError> {
    bytes.try_into().map_err(|_| DecodeError::WrongLength { expected: N, found: bytes.len() })
}
