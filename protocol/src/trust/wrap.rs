//! Wraps: the data key of a sealed object, sealed to one reader.
//!
//! Wraps stand outside the object, so that sharing with a further reader never touches the data.

use crate::codec::{DecodeError, Decoder, Encoder, Wire};
use crate::crypto::{KemError, KemPublic, KemSecret, Secret32, WRAP_BYTES};
use crate::id::{ObjectId, PartyId};
use core::fmt;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// One data key, sealed to one recipient: 1168 bytes.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(arbitrary::Arbitrary))]
pub struct Wrap(Box<[u8; WRAP_BYTES]>);

/// Seals the data key of `object` to `recipient`. `party` is whose data it is: the patient, or the
/// institution that records for somebody who is not enrolled.
///
/// # Errors
/// [`KemError::BadPublicKey`].
pub fn wrap(
    data_key: &[u8; 32],
    object: ObjectId,
    party: PartyId,
    recipient: &KemPublic,
    rng: &mut dyn CryptoRng,
) -> Result<Wrap, KemError> {
    let sealed = recipient.seal(&info(party, recipient), &object.0, data_key, rng)?;
    Ok(Wrap(Box::new(sealed.try_into().expect("32 bytes seal to WRAP_BYTES"))))
}

/// Opens a wrap with the recipient's secret half.
///
/// # Errors
/// [`KemError::NotForThisKey`] when it is of another object, party or recipient.
pub fn unwrap(
    wrap: &Wrap,
    object: ObjectId,
    party: PartyId,
    recipient: &KemSecret,
) -> Result<Secret32, KemError> {
    let opened = recipient.open(&info(party, &recipient.public()), &object.0, wrap.0.as_slice())?;
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(&opened);
    Ok(key)
}

fn info(party: PartyId, recipient: &KemPublic) -> Vec<u8> {
    [b"chartmesh/1/wrap".as_slice(), &party.0, &recipient.digest()].concat()
}

impl Wrap {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; WRAP_BYTES] {
        &self.0
    }
}

impl fmt::Debug for Wrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wrap")
    }
}

impl Wire for Wrap {
    fn encode(&self, e: &mut Encoder) {
        e.bytes(self.0.as_slice());
    }
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        <[u8; WRAP_BYTES]>::decode(d).map(|bytes| Self(Box::new(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn a_wrap_opens_for_its_object_its_party_and_its_recipient_only() {
        let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
        let secret = KemSecret::from_seed([2; 32]);
        let (object, party) = (ObjectId([3; 32]), PartyId([4; 32]));
        let wrapped = wrap(&[5; 32], object, party, &secret.public(), &mut rng).unwrap();
        assert_eq!(wrapped.as_bytes().len(), 1168);
        assert_eq!(*unwrap(&wrapped, object, party, &secret).unwrap(), [5; 32]);
        let not_for_this = Err(KemError::NotForThisKey);
        assert_eq!(unwrap(&wrapped, ObjectId([9; 32]), party, &secret), not_for_this);
        assert_eq!(unwrap(&wrapped, object, PartyId([9; 32]), &secret), not_for_this);
        assert_eq!(unwrap(&wrapped, object, party, &KemSecret::from_seed([9; 32])), not_for_this);
        let again = Wrap::from_bytes(&wrapped.to_bytes(), 2000).unwrap();
        assert_eq!(again, wrapped);
        assert!(Wrap::from_bytes(&wrapped.to_bytes()[..1000], 2000).is_err());
    }
}
