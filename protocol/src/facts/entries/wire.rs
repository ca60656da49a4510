//! What an entry is made of: label, manifest, bundle.

use super::reasons::Reason;
use super::sessions::Sessions;
use crate::capability::Target;
use crate::codec::{Bytes, Decoder, Wire, wire_struct};
use crate::holdings::{self, ContentRef};
use crate::id::{CompartmentId, EntryId, ObjectId, PartyId, StatementId};
use crate::identity::KnownKeys;
use crate::kind::Kind;
use crate::limits;
use crate::object::{self, DataKey};
use crate::own_wrap::OwnWrap;
use crate::refusal::{Failure, Handled, Refusal, refuse};
use crate::session::{SealedTo, Session};
use crate::statement::{Signed, Statement, Unverified, id_of};
use crate::time::Timestamp;
use std::sync::Arc;

wire_struct! {
    /// What is openly known of an entry, signed by the institution that made it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Label {
        /// The patient; for a chart whose patient is not enrolled, an id that only its author knows.
        1 => subject: PartyId,
        /// Random; with the author it gives the entry's id.
        2 => salt: [u8; 16],
        /// The patient's compartment that it is sealed to, with the manifest's key; none before enrolment.
        3 => sealed: Option<SealedTo>,
        /// The sealed manifest.
        4 => manifest: ObjectId,
        /// BLAKE3 of the encoded list of content objects, which travels beside the label.
        5 => contents: [u8; 32],
        /// The institution that made it.
        6 => author: PartyId,
        /// Number of the author's key that signs.
        7 => key: u32,
        /// When it was recorded.
        8 => recorded: Timestamp,
    }
}

impl Label {
    /// The entry that this is the label of. It follows from the author, so nobody else can have a label
    /// of the same entry: whoever knows an id can neither take its place nor speak for it. \[REC-9\]
    #[must_use]
    pub fn entry(&self) -> EntryId {
        EntryId::of(self.author, &self.salt)
    }

    /// What the patient's catalogue lists it as: the statement id that it would have without what it is sealed to, by key 0. So
    /// it is the same after its author sealed it to another compartment, or signed it with a later key.
    #[must_use]
    pub fn listed_as(&self) -> StatementId {
        id_of(&Self { sealed: None, key: 0, ..self.clone() })
    }

    /// The compartment that it is sealed to.
    #[must_use]
    pub fn compartment(&self) -> Option<CompartmentId> {
        self.sealed.as_ref().map(|sealed| sealed.compartment)
    }

    /// What a scope is asked about the entry; one without compartment is in none.
    pub(crate) fn target(&self) -> Target {
        let compartment = self.compartment().unwrap_or(CompartmentId([0; 16]));
        Target { entry: self.entry(), compartment }
    }
}

impl Statement for Label {
    const DOMAIN: &'static str = "chartmesh/1/label";
}

wire_struct! {
    /// A name and a value that an entry is to be found by.
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub struct Term {
        /// Such as `code` or `study`.
        1 => name: String,
        /// Such as `http://loinc.org|8867-4`.
        2 => value: String,
    }
}

wire_struct! {
    /// One content object, as a reader sees it.
    #[derive(Clone, PartialEq, Eq)]
    pub struct ContentKey {
        /// The sealed object.
        1 => object: ObjectId,
        /// Bytes of its file.
        2 => length: u64,
        /// Bytes of its content.
        3 => plaintext_length: u64,
        /// Its data key.
        4 => key: [u8; 32],
        /// Its media type.
        5 => media_type: String,
        /// Its file name or resource, for people.
        6 => name: String,
    }
}

impl Drop for ContentKey {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.key);
    }
}

impl core::fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ContentKey of {:?}", self.object)
    }
}

wire_struct! {
    /// What only readers know of an entry. Travels sealed.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Manifest {
        /// The entry; a manifest cannot be passed off as another's.
        1 => entry: EntryId,
        /// The kind of record.
        2 => kind: Kind,
        /// What a person calls it.
        3 => title: String,
        /// When what it tells of happened.
        4 => effective: Timestamp,
        /// Who at the institution recorded it.
        5 => user: String,
        /// The contents, with their keys.
        6 => contents: Vec<ContentKey>,
        /// What it is found by.
        7 => terms: Vec<Term>,
        /// The entry that this one adds to.
        8 => adds_to: Option<EntryId>,
    }
}

impl Manifest {
    /// Opens a sealed manifest and checks that it is `label`'s, contents included.
    ///
    /// # Errors
    /// [`crate::refusal::Failure`] when the key is wrong or the two do not belong together.
    pub fn open(
        label: &Label,
        contents: &[ContentRef],
        sealed: &[u8],
        key: &DataKey,
    ) -> Handled<Self> {
        let Ok(plain) = object::open_small_padded(key, label.manifest, sealed) else {
            return refuse(Reason::WrongKey);
        };
        let read = || {
            let mut d = Decoder::new(&plain, plain.len())?;
            let manifest = Self::decode(&mut d)?;
            Ok::<_, crate::codec::DecodeError>((manifest, d.position()))
        };
        let (manifest, used) = match read() {
            Ok(read) => read,
            Err(error) => {
                return refuse(Reason::ManifestMalformed { why: error });
            }
        };
        if object::unpad(&plain, used as u64).is_err() {
            return refuse(Reason::ManifestNotPadded);
        }
        let same =
            manifest.contents.len() == contents.len()
                && manifest.contents.iter().zip(contents).all(|(inner, outer)| {
                    inner.object == outer.object && inner.length == outer.length
                });
        if manifest.entry != label.entry() || !same {
            return refuse(Reason::ManifestOfAnother);
        }
        Ok(manifest)
    }
}

wire_struct! {
    /// An entry on its way: everything but its content objects.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Bundle {
        /// The label.
        1 => label: Unverified<Label>,
        /// The content objects.
        2 => contents: Vec<ContentRef>,
        /// The sealed manifest.
        3 => manifest: Bytes,
        /// The manifest's key under its author's own: goes along only when the author backs up its own.
        4 => own_wrap: Option<OwnWrap>,
    }
}

/// A bundle whose label, contents and manifest were found to belong together.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The label, signed by its author.
    pub label: Signed<Label>,
    /// The content objects.
    pub contents: Vec<ContentRef>,
    /// The sealed manifest.
    pub manifest: Vec<u8>,
    /// The session that the label names, where it came along.
    pub session: Option<Arc<Session>>,
    /// The manifest's key under its author's own.
    pub own_wrap: Option<OwnWrap>,
}

impl Bundle {
    /// Checks everything that a holder without keys can check.
    ///
    /// # Errors
    /// [`crate::refusal::Failure`], naming what does not hold.
    pub fn check(self, author: &KnownKeys, sessions: &Sessions) -> Handled<Checked> {
        let claims = self.label.claims();
        let entry = claims.entry();
        let signer = author.key_at(claims.key, claims.recorded);
        let signer = signer.filter(|_| author.party() == claims.author);
        let Some(signer) = signer else { return refuse(Reason::LabelKeyUnknown { entry }) };
        if self.label.check(&signer).is_err() {
            return refuse(Reason::LabelNotSigned { entry });
        }
        if self.contents.len() > limits::ENTRY_CONTENTS_MAX {
            return refuse(Reason::ContentsTooMany { entry });
        }
        if holdings::contents_hash(&self.contents) != claims.contents {
            return refuse(Reason::OtherContents { entry });
        }
        if self.manifest.0.len() > limits::SMALL_OBJECT_BYTES_MAX
            || ObjectId(blake3::hash(&self.manifest.0).into()) != claims.manifest
        {
            return refuse(Reason::OtherManifest { entry });
        }
        let session = sessions.of_label(claims)?;
        Ok(Checked {
            label: self.label.from_own_store(),
            contents: self.contents,
            manifest: self.manifest.0,
            session,
            own_wrap: self.own_wrap,
        })
    }
}

wire_struct! {
    /// One entry of several that was not taken; the others were.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct TurnedDown {
        /// The entry.
        1 => entry: EntryId,
        /// Why.
        2 => refusal: Refusal,
    }
}

wire_struct! {
    /// The answer to a message of several entries some of which were not taken; where all were, it is empty.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Taken {
        /// Those that were not.
        1 => except: Vec<TurnedDown>,
    }
}

impl Taken {
    /// The answer after each of several entries was taken or turned down.
    ///
    /// # Errors
    /// The first one's refusal when none was taken.
    pub(crate) fn answer(taken: usize, except: Vec<TurnedDown>) -> Handled<Bytes> {
        match except.first() {
            None => Ok(Bytes::default()),
            Some(first) if taken == 0 => Err(Failure::Refused(first.refusal.clone())),
            Some(_) => Ok(Bytes(Self { except }.to_bytes())),
        }
    }

    /// Those that were not taken.
    ///
    /// # Errors
    /// Refused when the answer makes no sense.
    pub(crate) fn read(answer: &Bytes) -> Handled<Vec<TurnedDown>> {
        if answer.0.is_empty() {
            return Ok(Vec::new());
        }
        match Self::from_bytes(&answer.0, limits::LIST_STATEMENT_BYTES_MAX) {
            Ok(taken) => Ok(taken.except),
            Err(why) => refuse(Reason::AnswerMalformed { why }),
        }
    }
}

impl Checked {
    /// For sending.
    #[must_use]
    pub fn to_bundle(&self) -> Bundle {
        Bundle {
            label: self.label.to_unverified(),
            contents: self.contents.clone(),
            manifest: Bytes(self.manifest.clone()),
            own_wrap: self.own_wrap,
        }
    }
}
