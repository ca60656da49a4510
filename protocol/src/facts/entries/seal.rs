//! Making an entry: the heavy part, done before the transaction that keeps it.

use super::reasons::Reason;
use super::wire::{Checked, ContentKey, Label, Manifest, Term};
use crate::codec::Wire;
use crate::crypto::{KemPublic, SigningKey};
use crate::holdings::{self, ContentRef};
use crate::id::{EntryId, ObjectId, PartyId};
use crate::identity::Compartment;
use crate::kind::Kind;
use crate::limits;
use crate::object::{self, DataKey};
use crate::refusal::{Handled, refuse};
use crate::statement::Signed;
use crate::time::Timestamp;
use crate::wrap::{self, Wrap};
use rand_core::CryptoRng;

/// A content object that was sealed and, if large, is synced in the object folder.
#[derive(Debug, Clone)]
pub struct SealedContent {
    /// What the manifest says of it.
    pub key: ContentKey,
    /// The object's bytes, when they fit into the store.
    pub small: Option<Vec<u8>>,
}

/// An entry about to be made.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The kind of record.
    pub kind: Kind,
    /// What a person calls it.
    pub title: String,
    /// When what it tells of happened.
    pub effective: Timestamp,
    /// Who at the institution records it.
    pub user: String,
    /// What it is found by.
    pub terms: Vec<Term>,
    /// The entry that it adds to.
    pub adds_to: Option<EntryId>,
    /// Its contents.
    pub contents: Vec<SealedContent>,
}

/// An entry ready to be kept.
#[derive(Debug, Clone)]
pub struct SealedEntry {
    /// What is sent.
    pub checked: Checked,
    /// The manifest's key, sealed to the author's institution.
    pub own_wrap: Wrap,
    /// What the author's index says of it.
    pub manifest: Manifest,
    /// Small content objects.
    pub small: Vec<Vec<u8>>,
}

/// Who makes an entry, of whom, and for whom it is sealed.
pub(crate) struct Sealing<'a> {
    pub(crate) subject: PartyId,
    pub(crate) author: PartyId,
    pub(crate) key_number: u32,
    pub(crate) key: &'a SigningKey,
    pub(crate) own: &'a KemPublic,
    pub(crate) compartment: Option<&'a Compartment>,
    pub(crate) now: Timestamp,
}

/// Seals an entry.
pub(crate) fn seal(
    draft: Draft,
    sealing: &Sealing<'_>,
    rng: &mut dyn CryptoRng,
) -> Handled<SealedEntry> {
    if draft.contents.len() > limits::ENTRY_CONTENTS_MAX {
        return refuse(Reason::TooManyContents { most: limits::ENTRY_CONTENTS_MAX });
    }
    let salt = crate::crypto::random(rng);
    let entry = EntryId::of(sealing.author, &salt);
    let manifest = Manifest {
        entry,
        kind: draft.kind,
        title: draft.title,
        effective: draft.effective,
        user: draft.user,
        contents: draft.contents.iter().map(|content| content.key.clone()).collect(),
        terms: draft.terms,
        adds_to: draft.adds_to,
    };
    let plain = match manifest.to_readable_bytes() {
        Ok(plain) => zeroize::Zeroizing::new(plain),
        Err(why) => return refuse(Reason::DescriptionBeyond { why }),
    };
    if plain.len() > limits::MANIFEST_BYTES_MAX {
        return refuse(Reason::DescriptionTooLong);
    }
    let key = DataKey::generate(rng);
    let object_salt = object::fresh_salt(rng);
    let Ok((sealed, _)) = object::seal_small(&key, &object_salt, &plain) else {
        return refuse(Reason::DescriptionTooLarge);
    };
    if sealed.len() > limits::SMALL_OBJECT_BYTES_MAX {
        return refuse(Reason::DescriptionTooLarge);
    }
    let object = ObjectId(blake3::hash(&sealed).into());
    let contents: Vec<ContentRef> = manifest
        .contents
        .iter()
        .map(|content| ContentRef { object: content.object, length: content.length })
        .collect();
    let label = Label {
        subject: sealing.subject,
        salt,
        compartment: sealing.compartment.map(Compartment::id),
        manifest: object,
        contents: holdings::contents_hash(&contents),
        author: sealing.author,
        key: sealing.key_number,
        recorded: sealing.now,
    };
    let wrap_for = |recipient: &KemPublic, rng: &mut dyn CryptoRng| {
        wrap::wrap(key.expose(), object, sealing.subject, recipient, rng)
    };
    let own_wrap = wrap_for(sealing.own, rng)?;
    let patient_wrap =
        sealing.compartment.map(|compartment| wrap_for(&compartment.key, rng)).transpose()?;
    Ok(SealedEntry {
        checked: Checked {
            label: Signed::sign(label, sealing.key),
            contents,
            manifest: sealed,
            wrap: patient_wrap,
            author_wrap: None,
        },
        own_wrap,
        manifest,
        small: draft.contents.into_iter().filter_map(|content| content.small).collect(),
    })
}
