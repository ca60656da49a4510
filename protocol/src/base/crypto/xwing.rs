//! X-Wing through HPKE, by the crate `hpke`.

use super::sealed::{ENCAPPED_BYTES, KemError, PUBLIC_BYTES};
use super::secret::Secret32;
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, aead::AesGcm256, kdf::HkdfSha256,
    kem::XWing, setup_receiver, setup_sender_with_rng, single_shot_open, single_shot_seal_with_rng,
};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

fn private(seed: &[u8; 32]) -> <XWing as Kem>::PrivateKey {
    <XWing as Kem>::PrivateKey::from_bytes(seed).expect("any 32 bytes are an X-Wing seed")
}

pub(super) fn public(seed: &[u8; 32]) -> Box<[u8; PUBLIC_BYTES]> {
    let bytes = XWing::sk_to_pk(&private(seed)).to_bytes();
    let mut public = Box::new([0; PUBLIC_BYTES]);
    public.copy_from_slice(&bytes);
    public
}

pub(super) fn seal(
    public: &[u8; PUBLIC_BYTES],
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, KemError> {
    let public =
        <XWing as Kem>::PublicKey::from_bytes(public).map_err(|_| KemError::BadPublicKey)?;
    let (encapped, ciphertext) = single_shot_seal_with_rng::<AesGcm256, HkdfSha256, XWing>(
        &OpModeS::Base,
        &public,
        info,
        plaintext,
        aad,
        &mut Sized(rng),
    )
    .map_err(|_| KemError::BadPublicKey)?;
    let mut sealed = encapped.to_bytes().to_vec();
    sealed.extend_from_slice(&ciphertext);
    Ok(sealed)
}

pub(super) fn open(
    seed: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    encapped: &[u8; ENCAPPED_BYTES],
    ciphertext: &[u8],
) -> Result<Vec<u8>, KemError> {
    let encapped =
        <XWing as Kem>::EncappedKey::from_bytes(encapped).map_err(|_| KemError::NotForThisKey)?;
    single_shot_open::<AesGcm256, HkdfSha256, XWing>(
        &OpModeR::Base,
        &private(seed),
        &encapped,
        info,
        ciphertext,
        aad,
    )
    .map_err(|_| KemError::NotForThisKey)
}

pub(super) fn share<const N: usize>(
    public: &[u8; PUBLIC_BYTES],
    info: &[u8],
    labels: [&[u8]; N],
    rng: &mut dyn CryptoRng,
) -> Result<(Box<[u8; ENCAPPED_BYTES]>, [Secret32; N]), KemError> {
    let public =
        <XWing as Kem>::PublicKey::from_bytes(public).map_err(|_| KemError::BadPublicKey)?;
    let (encapped, context) = setup_sender_with_rng::<AesGcm256, HkdfSha256, XWing>(
        &OpModeS::Base,
        &public,
        info,
        &mut Sized(rng),
    )
    .map_err(|_| KemError::BadPublicKey)?;
    let mut bytes = Box::new([0; ENCAPPED_BYTES]);
    bytes.copy_from_slice(&encapped.to_bytes());
    Ok((bytes, labels.map(|label| exported(|out| context.export(label, out)))))
}

pub(super) fn shared_by<const N: usize>(
    seed: &[u8; 32],
    info: &[u8],
    encapped: &[u8; ENCAPPED_BYTES],
    labels: [&[u8]; N],
) -> Result<[Secret32; N], KemError> {
    let encapped =
        <XWing as Kem>::EncappedKey::from_bytes(encapped).map_err(|_| KemError::NotForThisKey)?;
    let context = setup_receiver::<AesGcm256, HkdfSha256, XWing>(
        &OpModeR::Base,
        &private(seed),
        &encapped,
        info,
    )
    .map_err(|_| KemError::NotForThisKey)?;
    Ok(labels.map(|label| exported(|out| context.export(label, out))))
}

fn exported(export: impl Fn(&mut [u8]) -> Result<(), hpke::HpkeError>) -> Secret32 {
    let mut secret = Zeroizing::new([0; 32]);
    export(secret.as_mut_slice()).expect("32 bytes are fewer than HKDF gives at most");
    secret
}

/// HPKE asks for a sized generator.
struct Sized<'a>(&'a mut dyn CryptoRng);

impl rand_core::TryRng for Sized<'_> {
    type Error = core::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.0.next_u32())
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0.next_u64())
    }
    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill_bytes(dst);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Sized<'_> {}
