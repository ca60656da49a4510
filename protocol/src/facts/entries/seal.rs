//! Making an entry: the heavy part, done before the transaction that keeps it.

use super::reasons::Reason;
use super::sessions::{Open, OpenRow};
use super::wire::{Checked, ContentKey, Label, Manifest, Term};
use crate::codec::Wire;
use crate::holdings::{self, ContentRef};
use crate::id::{EntryId, ObjectId, PartyId};
use crate::kind::Kind;
use crate::limits;
use crate::object::{self, DataKey};
use crate::own_wrap::OwnWrap;
use crate::refusal::{Handled, refuse};
use crate::statement::Signed;
use crate::time::Timestamp;
use crate::turn::Own;
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
    /// The manifest's key under the author's own.
    pub own_wrap: OwnWrap,
    /// The session that it is sealed by, if it began with this entry or with another of the same list.
    pub begun: Option<OpenRow>,
    /// What the author's index says of it.
    pub manifest: Manifest,
    /// Small content objects.
    pub small: Vec<Vec<u8>>,
}

/// Who makes an entry, of whom, and for whom it is sealed.
pub(crate) struct Sealing<'a> {
    pub(crate) own: &'a Own,
    pub(crate) subject: PartyId,
    pub(crate) session: Option<&'a Open>,
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
    let entry = EntryId::of(sealing.own.party(), &salt);
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
        sealed: sealing.session.map(|session| session.seal(&key)),
        manifest: object,
        contents: holdings::contents_hash(&contents),
        author: sealing.own.party(),
        key: sealing.own.key_number(),
        recorded: sealing.now,
    };
    Ok(SealedEntry {
        checked: Checked {
            label: Signed::sign(label, sealing.own.institution_key()),
            contents,
            manifest: sealed,
            session: sealing.session.map(Open::session),
            own_wrap: None,
        },
        own_wrap: sealing.own.wrap(&key),
        begun: sealing.session.and_then(|session| session.row(sealing.own)),
        manifest,
        small: draft.contents.into_iter().filter_map(|content| content.small).collect(),
    })
}
