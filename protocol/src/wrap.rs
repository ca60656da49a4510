//! Wraps: the data key of a sealed object, sealed to one reader.
//!
//! Wraps stand outside the object, so that sharing with a further reader never touches the data.

use crate::crypto::{KemError, KemPublic, KemSecret};
use crate::id::{ObjectId, PartyId};
use crate::object::DataKey;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// Seals the data key of `object` to `recipient`: [`crate::crypto::WRAP_BYTES`] bytes. `party` is
/// whose data it is: the patient, or the institution that records for somebody not enrolled.
///
/// # Errors
/// [`KemError::BadPublicKey`].
pub fn wrap(
    data_key: &DataKey,
    object: ObjectId,
    party: PartyId,
    recipient: &KemPublic,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, KemError> {
    recipient.seal(&info(party, recipient), &object.0, data_key.expose(), rng)
}

/// Opens a wrap with the recipient's secret half.
///
/// # Errors
/// [`KemError::NotForThisKey`] when it is of another object, party or recipient;
/// [`KemError::Truncated`].
pub fn unwrap(
    wrap: &[u8],
    object: ObjectId,
    party: PartyId,
    recipient: &KemSecret,
) -> Result<DataKey, KemError> {
    let opened = recipient.open(&info(party, &recipient.public()), &object.0, wrap)?;
    // Whoever sealed something else than a key sealed it to us all the same.
    let key = opened.as_slice().try_into().map(Zeroizing::new);
    key.map(|key| DataKey::from_bytes(*key)).map_err(|_| KemError::NotForThisKey)
}

fn info(party: PartyId, recipient: &KemPublic) -> Vec<u8> {
    [b"chartmesh/1/wrap".as_slice(), &party.0, &recipient.digest()].concat()
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
        let key = DataKey::from_bytes([5; 32]);
        let wrapped = wrap(&key, object, party, &secret.public(), &mut rng).unwrap();
        assert_eq!(wrapped.len(), crate::crypto::WRAP_BYTES);
        assert_eq!(unwrap(&wrapped, object, party, &secret), Ok(key));
        let not_for_this = Err(KemError::NotForThisKey);
        assert_eq!(unwrap(&wrapped, ObjectId([9; 32]), party, &secret), not_for_this);
        assert_eq!(unwrap(&wrapped, object, PartyId([9; 32]), &secret), not_for_this);
        assert_eq!(unwrap(&wrapped, object, party, &KemSecret::from_seed([9; 32])), not_for_this);
        assert_eq!(unwrap(&wrapped[..99], object, party, &secret), Err(KemError::Truncated));
        let short =
            secret.public().seal(&info(party, &secret.public()), &object.0, b"short", &mut rng);
        assert_eq!(unwrap(&short.unwrap(), object, party, &secret), not_for_this);
    }
}
