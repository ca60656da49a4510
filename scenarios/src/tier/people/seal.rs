//! Entries as hospitals record them: contents without a meaning, sealed like others.

use super::Entries;
use chartmesh_protocol::id::ObjectId;
use chartmesh_protocol::limits::SMALL_OBJECT_BYTES_MAX;
use chartmesh_protocol::object::{DataKey, fresh_salt, seal_small};
use chartmesh_protocol::record::{ContentKey, Draft, Kind, SealedContent};
use chartmesh_protocol::time::Timestamp;
use rand_core::CryptoRng;

/// Kinds of entries, in turn.
pub const KINDS: [Kind; 4] = [Kind::Laboratory, Kind::Conditions, Kind::Medications, Kind::Imaging];

/// Drafts of entries, to be sealed by the hospital's peer. What is too large to travel within a message is given
/// to `keep`, before.
pub fn drafts<R: CryptoRng>(
    entries: Entries,
    now: Timestamp,
    rng: &mut R,
    mut keep: impl FnMut(ObjectId, Vec<u8>),
) -> Vec<Draft> {
    let plain = vec![0x5a; usize::try_from(entries.size).unwrap_or(usize::MAX)];
    let mut drafts = Vec::new();
    for n in 0..entries.count {
        let named = ("application/octet-stream", "simulated");
        let sealed = content(&plain, named, rng, &mut keep);
        drafts.push(Draft {
            kind: KINDS[n as usize % KINDS.len()],
            title: "simulated".into(),
            effective: now,
            user: "Dr. Sim".into(),
            terms: Vec::new(),
            adds_to: None,
            contents: vec![sealed],
        });
    }
    drafts
}

/// Seals one content with its media type and name. What is too large to travel within a message is given to
/// `keep`.
///
/// # Panics
/// When it is too large to be sealed in one piece, which nothing in a simulation is.
pub fn content<R: CryptoRng>(
    plain: &[u8],
    (media_type, name): (&str, &str),
    rng: &mut R,
    keep: impl FnOnce(ObjectId, Vec<u8>),
) -> SealedContent {
    let key = DataKey::generate(rng);
    let salt = fresh_salt(rng);
    let (file, sealed) = seal_small(&key, &salt, plain).expect("the file bounds sizes");
    let key = ContentKey {
        object: sealed.id,
        length: sealed.file_len,
        plaintext_length: sealed.plaintext_len,
        key: *key.expose(),
        media_type: media_type.into(),
        name: name.into(),
    };
    if file.len() <= SMALL_OBJECT_BYTES_MAX {
        return SealedContent { key, small: Some(file) };
    }
    keep(sealed.id, file);
    SealedContent { key, small: None }
}
