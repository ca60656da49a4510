//! Sealed objects: any bytes, encrypted under a key of their own, so that whoever stores them can
//! check them and serve ranges of them without being able to read them.
//!
//! ```text
//! file    +--------+---------+-----+---------+-----+-- ... --+-----------------+-----+
//!         | header | chunk 0 | tag | chunk 1 | tag |         | last | padding  | tag |
//!         +--------+---------+-----+---------+-----+-- ... --+-----------------+-----+
//! bytes   |   64     65,456    16  | 65,520    16  |         | as many as are left   |
//!         |<------- 65,536 ------->|<--- 65,536 -->|
//!
//! header  "CMO1" | suite 0x01 | log2 of the chunk 0x10 | 0x0000 | salt, 24 | commitment, 32
//! keys    HKDF-SHA256(ikm = data key, salt = header[0..32], info = "chartmesh/1/object")
//!           -> 32 bytes of AES-256-GCM key || 32 bytes of key commitment
//! nonce   number of the chunk, 11 bytes, big-endian || 0x01 for the last chunk, else 0x00
//! id      BLAKE3-256 of the whole file, what `b3sum` prints
//! ```
//!
//! The chunks are those of the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: "Online
//! Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015) with the nonce layout of
//! age (<https://age-encryption.org/v1>, "Payload"): a chunk that was altered, moved, repeated or
//! left out does not open, and neither does a file cut at a chunk's border. Header and tags count
//! towards the 65,536 bytes, so a chunk never straddles a group of the BLAKE3 hash tree, and the
//! place of any byte follows by arithmetic ([`Layout`]).
//!
//! Three properties that AES-GCM alone does not give:
//!
//! * The header commits to the key. Without that, one file could be made to open to two different
//!   records under two keys (Albertini et al., "How to Abuse and Fix Authenticated Encryption
//!   Without Key Commitment", 2020).
//! * The file does not tell how long its content is: the content is padded with zeros to a
//!   [Padmé](padded_len) length. The true length stands in the manifest that names the object, and
//!   the opener is given it.
//! * Whoever holds the key could make another file that opens under it. The opener therefore
//!   checks the id as well, at the end; nothing is to be acted upon before.
//!
//! Everything here is push-style: the driver reads and writes, this module holds one chunk at most.

mod chunk;
mod error;
mod header;
mod key;
mod layout;
mod open;
mod padding;
mod seal;
mod small;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use error::{OpenError, TooLarge};
pub use header::Header;
pub use key::{DataKey, SALT_LEN, Salt, fresh_salt};
pub use layout::{CHUNK_LEN, HEADER_LEN, Layout, TAG_LEN};
pub use open::{ChunkOpener, Opener};
pub use padding::{PADDED_LEN_MIN, padded_len, unpad};
pub use seal::{Closing, Sealed, Sealer};
pub use small::{open_small, open_small_padded, seal_small};
