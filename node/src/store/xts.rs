//! AES-256-XTS, as IEEE 1619 has it, for units that are whole blocks.
//!
//! Written out, because the `xts-mode` crate gives the cipher one block at a time: on a processor
//! whose AES takes many at once, each call then begins by spreading the round keys anew, which costs
//! more than the block itself. The tests compare with that crate.

use aes::Aes256;
use aes::cipher::{Array, Block, BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};

use super::header::XTS_KEYS_LEN;

/// The feedback of multiplying by x in GF(2^128), modulo x^128 + x^7 + x^2 + x + 1.
const FEEDBACK: u128 = 0x87;

/// The two keys, ready for use.
pub(super) struct Xts {
    data: Aes256,
    tweak: Aes256,
}

impl Xts {
    pub(super) fn new(keys: &[u8; XTS_KEYS_LEN]) -> Self {
        let (data, tweak) = keys.split_at(XTS_KEYS_LEN / 2);
        let cipher = |key| Aes256::new_from_slice(key).expect("half of the keys is 32 bytes");
        Self { data: cipher(data), tweak: cipher(tweak) }
    }

    /// Encrypts the unit of this number in place.
    pub(super) fn encrypt(&self, unit: &mut [u8], number: u64) {
        self.masked(unit, number, |blocks| self.data.encrypt_blocks(blocks));
    }

    /// Decrypts the unit of this number in place.
    pub(super) fn decrypt(&self, unit: &mut [u8], number: u64) {
        self.masked(unit, number, |blocks| self.data.decrypt_blocks(blocks));
    }

    /// Puts the mask of each block over it, before and after the cipher.
    fn masked(&self, unit: &mut [u8], number: u64, cipher: impl FnOnce(&mut [Block<Aes256>])) {
        let (blocks, rest) = Block::<Aes256>::slice_as_chunks_mut(unit);
        debug_assert!(rest.is_empty(), "a page is whole blocks");
        let mut first = Array(u128::from(number).to_le_bytes());
        self.tweak.encrypt_block(&mut first);
        let first = u128::from_le_bytes(first.0);
        mask(blocks, first);
        cipher(blocks);
        mask(blocks, first);
    }
}

fn mask(blocks: &mut [Block<Aes256>], first: u128) {
    let mut tweak = first;
    for block in blocks {
        let masked = u128::from_le_bytes(block.0) ^ tweak;
        block.0 = masked.to_le_bytes();
        let carry = if tweak >> 127 == 1 { FEEDBACK } else { 0 };
        tweak = (tweak << 1) ^ carry;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use xts_mode::{Xts128, get_tweak_default};

    use super::*;

    /// IEEE 1619-2007, annex B, vector 10 (AES-256, data unit 0xff): the same bytes as any other
    /// implementation makes. The data unit there is one sector of 512 bytes.
    #[test]
    fn the_cipher_is_xts_as_ieee_1619_has_it() {
        let key1 = data_encoding::HEXLOWER
            .decode(b"2718281828459045235360287471352662497757247093699959574966967627")
            .unwrap();
        let key2 = data_encoding::HEXLOWER
            .decode(b"3141592653589793238462643383279502884197169399375105820974944592")
            .unwrap();
        let xts = Xts::new(&[key1, key2].concat().try_into().unwrap());
        let mut unit: Vec<u8> = (0..512u16).map(|i| i.to_le_bytes()[0]).collect();
        xts.encrypt(&mut unit, 0xff);
        assert_eq!(
            data_encoding::HEXLOWER.encode(&unit[..32]),
            "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b"
        );
    }

    proptest! {
        #[test]
        fn another_implementation_makes_and_reads_the_same_bytes(
            keys in proptest::collection::vec(any::<u8>(), XTS_KEYS_LEN),
            number in any::<u64>(),
            seed in any::<u8>(),
            blocks in 1..260usize,
        ) {
            let plain: Vec<u8> = (0..=250u8).cycle().map(|byte| byte ^ seed).take(blocks * 16).collect();
            let keys: [u8; XTS_KEYS_LEN] = keys.try_into().unwrap();
            let ours = Xts::new(&keys);
            let half = |at| Aes256::new_from_slice(&keys[at..at + 32]).unwrap();
            let theirs = Xts128::new(half(0), half(32));
            let (mut by_us, mut by_them) = (plain.clone(), plain.clone());
            ours.encrypt(&mut by_us, number);
            theirs.encrypt_sector(&mut by_them, get_tweak_default(number.into()));
            prop_assert!(by_us == by_them);
            ours.decrypt(&mut by_us, number);
            prop_assert!(by_us == plain);
        }
    }
}
