//! Stand-ins for signatures and ciphers. THEY PROTECT NOTHING: anybody can sign for anybody and open
//! everything. They are there for simulated federations of a hundred thousand peers, where the real
//! operations would take most of the time, and exist only in builds with the feature `stand-ins`; a
//! node does not compile with it (docs/decisions/0014-stand-ins.md).
//!
//! What they keep is what a simulation asks of cryptography: every size; that the same arguments and
//! the same generator give the same bytes; that content does not stand readable in a store; and that
//! each refusal happens for the same reasons. A signature by another key or over other bytes, a seal
//! to another key or for another purpose, an altered byte: all are refused as the real ones would.
//! A simulated peer that is dishonest without knowing the formulas gets no further than with the real
//! ones. Only whoever sets out to forge a stand-in can, and nothing in `scenarios` does.
//!
//! | operation | real, ns | stand-in, ns |
//! |---|---|---|
//! | signing key of a seed | 11,700 | 61 |
//! | statement signed | 13,200 | 540 |
//! | signature checked | 37,100 | 245 |
//! | KEM key of a seed | 62,800 | 86 |
//! | data key wrapped | 109,000 | 1,290 |
//! | data key unwrapped | 302,000 | 1,350 |
//! | object of 500 bytes sealed / opened | 2,100 / 2,330 | 1,350 / 1,550 |
//! | object of 20 kB sealed / opened | 10,900 / 13,600 | 7,300 / 9,800 |
//! | object of 1 MB sealed / opened | 396,000 / 516,000 | 235,000 / 365,000 |
//!
//! Median on one core of a 2-core AMD EPYC guest; made by `cargo bench -p chartmesh-protocol --bench
//! primitives`, once with and once without `--features stand-ins`. What an object still costs is its
//! BLAKE3, which is its id, and copying. BLAKE3 and HKDF-SHA256 are real in either build, and so is
//! every id.

use super::sealed::{ENCAPPED_BYTES, KemError, PUBLIC_BYTES, WRAP_BYTES};
use super::secret::Secret32;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

const ED25519: &[u8] = b"stand-in for Ed25519";
const X_WING: &[u8] = b"stand-in for X-Wing";
const KEY_WRAP: &[u8] = b"stand-in for AES-256 key wrap";

/// Stands for an Ed25519 key pair. The public key is a hash of the seed.
#[derive(Clone)]
pub(super) struct KeyPair {
    seed: [u8; 32],
    public: [u8; 32],
}

impl KeyPair {
    pub(super) fn from_seed(seed: &[u8; 32]) -> Self {
        Self { seed: *seed, public: public_id(ED25519, seed) }
    }

    pub(super) fn seed(&self) -> [u8; 32] {
        self.seed
    }

    pub(super) fn public(&self) -> [u8; 32] {
        self.public
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        // Whoever knows the public key can do so too.
        keyed(&self.public, message)
    }
}

pub(super) fn verifies(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    keyed(public, message) == *signature
}

fn keyed(key: &[u8; 32], message: &[u8]) -> [u8; 64] {
    let mut bytes = [0; 64];
    blake3::Hasher::new_keyed(key).update(message).finalize_xof().fill(&mut bytes);
    bytes
}

/// Stands for an X-Wing public key: 32 bytes of hash, over and over.
pub(super) fn public(seed: &[u8; 32]) -> Box<[u8; PUBLIC_BYTES]> {
    let mut public = Box::new([0; PUBLIC_BYTES]);
    repeat(&public_id(X_WING, seed), public.as_mut_slice());
    public
}

/// Stands for HPKE with X-Wing. The encapsulated key is 32 random bytes, over and over.
pub(super) fn seal(
    public: &[u8; PUBLIC_BYTES],
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, KemError> {
    let id = repeated(public).ok_or(KemError::BadPublicKey)?;
    // X-Wing draws 64: what a peer draws next is then the same in either build.
    let random: [u8; 64] = super::chance::random(rng);
    let random = random.first_chunk().expect("64 bytes have a first 32");
    let mut sealed = vec![0; ENCAPPED_BYTES];
    repeat(random, &mut sealed);
    sealed.extend_from_slice(plaintext);
    let cipher = Cipher::new(&shared(id, random, info, aad));
    let tag = cipher.seal(&[0; 12], &mut sealed[ENCAPPED_BYTES..]);
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// Opens what [`seal`] made.
pub(super) fn open(
    seed: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    encapped: &[u8; ENCAPPED_BYTES],
    ciphertext: &[u8],
) -> Result<Vec<u8>, KemError> {
    let random = repeated(encapped).ok_or(KemError::NotForThisKey)?;
    let (body, tag) = ciphertext.split_last_chunk().ok_or(KemError::NotForThisKey)?;
    let mut opened = body.to_vec();
    let cipher = Cipher::new(&shared(&public_id(X_WING, seed), random, info, aad));
    if cipher.open(&[0; 12], &mut opened, tag) { Ok(opened) } else { Err(KemError::NotForThisKey) }
}

/// Stands for HPKE's export: as [`seal`] without anything sealed.
pub(super) fn share<const N: usize>(
    public: &[u8; PUBLIC_BYTES],
    info: &[u8],
    labels: [&[u8]; N],
    rng: &mut dyn CryptoRng,
) -> Result<(Box<[u8; ENCAPPED_BYTES]>, [Secret32; N]), KemError> {
    let id = repeated(public).ok_or(KemError::BadPublicKey)?;
    let random: [u8; 64] = super::chance::random(rng);
    let random = random.first_chunk().expect("64 bytes have a first 32");
    let mut encapped = Box::new([0; ENCAPPED_BYTES]);
    repeat(random, encapped.as_mut_slice());
    Ok((encapped, labels.map(|label| Zeroizing::new(shared(id, random, info, label)))))
}

/// What [`share`] gave.
pub(super) fn shared_by<const N: usize>(
    seed: &[u8; 32],
    info: &[u8],
    encapped: &[u8; ENCAPPED_BYTES],
    labels: [&[u8]; N],
) -> Result<[Secret32; N], KemError> {
    let random = repeated(encapped).ok_or(KemError::NotForThisKey)?;
    let id = public_id(X_WING, seed);
    Ok(labels.map(|label| Zeroizing::new(shared(&id, random, info, label))))
}

/// Stands for AES-256 key wrap: a pad, and a checksum in front.
pub(super) fn wrap(kek: &[u8; 32], key: &[u8; 32]) -> [u8; WRAP_BYTES] {
    let mut wrapped = [0; WRAP_BYTES];
    let pad = keyed(kek, KEY_WRAP);
    let (check, body) = wrapped.split_at_mut(WRAP_BYTES - 32);
    body.iter_mut().zip(key).zip(&pad).for_each(|((to, byte), pad)| *to = byte ^ pad);
    check.copy_from_slice(&keyed(kek, body)[..WRAP_BYTES - 32]);
    wrapped
}

/// Unwraps what [`wrap`] wrapped.
pub(super) fn unwrap(kek: &[u8; 32], wrapped: &[u8; WRAP_BYTES], key: &mut [u8; 32]) -> bool {
    let (check, body) = wrapped.split_at(WRAP_BYTES - 32);
    let pad = keyed(kek, KEY_WRAP);
    key.iter_mut().zip(body).zip(&pad).for_each(|((to, byte), pad)| *to = byte ^ pad);
    *check == keyed(kek, body)[..WRAP_BYTES - 32]
}

/// The key that both sides come to, and everybody else who reads this.
fn shared(id: &[u8; 32], random: &[u8; 32], info: &[u8], aad: &[u8]) -> [u8; 32] {
    blake3::Hasher::new_keyed(id)
        .update(random)
        .update(&(info.len() as u64).to_be_bytes())
        .update(info)
        .update(aad)
        .finalize()
        .into()
}

/// Stands for HKDF-SHA256 of an object's data key: 32 bytes of cipher key, 32 of commitment.
pub(crate) fn object_keys(data_key: &[u8; 32], salted: &[u8]) -> [u8; 64] {
    keyed(data_key, salted)
}

/// Stands for AES-256-GCM: a pad of 64 bytes over and over, and a checksum for a tag.
pub(crate) struct Cipher([u8; 32]);

impl Cipher {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(*key)
    }

    pub(crate) fn seal(&self, nonce: &[u8; 12], body: &mut [u8]) -> [u8; 16] {
        self.mask(nonce, body);
        self.tag(nonce, body)
    }

    pub(crate) fn open(&self, nonce: &[u8; 12], body: &mut [u8], tag: &[u8; 16]) -> bool {
        let right = self.tag(nonce, body) == *tag;
        if right {
            self.mask(nonce, body);
        }
        right
    }

    fn mask(&self, nonce: &[u8; 12], body: &mut [u8]) {
        let pad = keyed(&self.0, nonce);
        let (blocks, rest) = body.as_chunks_mut::<64>();
        for block in blocks {
            block.iter_mut().zip(&pad).for_each(|(byte, pad)| *byte ^= pad);
        }
        rest.iter_mut().zip(&pad).for_each(|(byte, pad)| *byte ^= pad);
    }

    fn tag(&self, nonce: &[u8; 12], body: &[u8]) -> [u8; 16] {
        let tag = blake3::Hasher::new_keyed(&self.0)
            .update(&checksum(body))
            .update(&(body.len() as u64).to_be_bytes())
            .update(nonce)
            .finalize();
        *tag.as_bytes().first_chunk().expect("32 bytes have a first 16")
    }
}

/// Four sums over every fourth word. Each step can be undone, so a single altered word always shows;
/// BLAKE3 would be slower than AES-GCM on what is short.
fn checksum(body: &[u8]) -> [u8; 32] {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut sums = [1_u64, 2, 3, 4];
    let mut add = |block: &[u8; 32]| {
        let (words, _) = block.as_chunks::<8>();
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum = (*sum ^ u64::from_le_bytes(*word)).wrapping_mul(ODD).rotate_left(29);
        }
    };
    let (blocks, rest) = body.as_chunks::<32>();
    blocks.iter().for_each(&mut add);
    let mut end = [0; 32];
    end[..rest.len()].copy_from_slice(rest);
    add(&end);
    let mut bytes = [0; 32];
    for (to, sum) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(sums) {
        *to = sum.to_le_bytes();
    }
    bytes
}

fn public_id(kind: &[u8], seed: &[u8; 32]) -> [u8; 32] {
    blake3::Hasher::new_keyed(seed).update(kind).finalize().into()
}

fn repeat(id: &[u8; 32], to: &mut [u8]) {
    to.as_chunks_mut().0.fill(*id);
}

/// The 32 bytes that `bytes` is made of, if it is.
fn repeated(bytes: &[u8]) -> Option<&[u8; 32]> {
    let (all, rest) = bytes.as_chunks();
    let first = all.first()?;
    (rest.is_empty() && all.iter().all(|each| each == first)).then_some(first)
}

const _: () = assert!(PUBLIC_BYTES.is_multiple_of(32) && ENCAPPED_BYTES.is_multiple_of(32));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_altered_byte_of_a_stand_in_is_refused_and_content_does_not_show() {
        for len in [0, 1, 31, 32, 33, 64, 100, 1000] {
            let plain = vec![7; len];
            let (cipher, nonce) = (Cipher::new(&[1; 32]), [3; 12]);
            let mut sealed = plain.clone();
            let tag = cipher.seal(&nonce, &mut sealed);
            assert!(len == 0 || sealed != plain);
            for at in 0..len {
                let mut altered = sealed.clone();
                altered[at] ^= 1;
                assert!(!cipher.open(&nonce, &mut altered, &tag), "byte {at} of {len}");
            }
            for at in 0..tag.len() {
                let mut altered = tag;
                altered[at] ^= 1;
                assert!(!cipher.open(&nonce, &mut sealed, &altered));
            }
            let mut longer = [&sealed[..], &[0]].concat();
            assert!(!cipher.open(&nonce, &mut longer, &tag));
            assert!(!cipher.open(&[4; 12], &mut sealed, &tag));
            assert!(!Cipher::new(&[2; 32]).open(&nonce, &mut sealed, &tag));
            assert!(cipher.open(&nonce, &mut sealed, &tag));
            assert_eq!(sealed, plain);
        }
    }

    #[test]
    fn a_public_key_that_is_none_is_refused() {
        use rand_chacha::rand_core::SeedableRng;
        let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
        let mut bytes = public(&[1; 32]);
        bytes[1000] ^= 1;
        assert_eq!(seal(&bytes, b"", b"", b"", &mut rng), Err(KemError::BadPublicKey));
    }
}
