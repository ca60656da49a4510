//! What proves an entry to anyone: to be checked with a CBOR and an Ed25519 library and `b3sum`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chartmesh_protocol::codec::Wire as _;
use chartmesh_protocol::id::{EntryId, ObjectId, PartyId, StatementId};
use chartmesh_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::problem::{Outcome, Problem};
use super::reasons::Reason;
use super::request::{At, base64};
use super::state::ApiState;

/// What proves an entry. SPEC.md says what each part is, and how to check it:
///
/// 1. `key_log` proves itself, and gives `author` the key number `key`: `public_key`.
/// 2. `label`, a COSE_Sign1, verifies under that key, and names `contents_hash` and `manifest_object`.
/// 3. BLAKE3 of `contents_list` is `contents_hash`; BLAKE3 of `manifest` is `manifest_object`.
/// 4. BLAKE3 of each content's file is its object id.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProofView {
    /// The entry.
    pub entry: EntryId,
    /// The patient, or the chart's subject.
    pub subject: PartyId,
    /// The institution that made the entry.
    pub author: PartyId,
    /// That institution's name, as far as this node knows.
    pub author_name: String,
    /// When it was recorded, as the label says.
    pub recorded: Timestamp,
    /// The label as signed: a COSE_Sign1 in base64.
    #[cfg_attr(test, schemars(extend("contentEncoding" = "base64")))]
    pub label: String,
    /// The label's id.
    pub label_id: StatementId,
    /// The content objects.
    pub contents: Vec<ContentProof>,
    /// The same list as it was hashed: CBOR in base64.
    #[cfg_attr(test, schemars(extend("contentEncoding" = "base64")))]
    pub contents_list: String,
    /// BLAKE3 of that, in hexadecimal.
    pub contents_hash: String,
    /// The id of the sealed manifest.
    pub manifest_object: ObjectId,
    /// The sealed manifest in base64.
    #[cfg_attr(test, schemars(extend("contentEncoding" = "base64")))]
    pub manifest: String,
    /// The author's key log: CBOR in base64.
    #[cfg_attr(test, schemars(extend("contentEncoding" = "base64")))]
    pub key_log: String,
    /// The number of the author's key that signed.
    pub key: u32,
    /// That key, Ed25519, in hexadecimal.
    pub public_key: String,
}

/// A content object as its author signed it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ContentProof {
    /// BLAKE3 of its file.
    pub object: ObjectId,
    /// Bytes of its file.
    pub length: u64,
}

/// `GET /v1/proof/{subject}/{entry}`
pub(super) async fn proof(
    State(api): State<Arc<ApiState>>,
    At((subject, entry)): At<(PartyId, EntryId)>,
) -> Outcome<Json<ProofView>> {
    let read = api.handle.read_on_pool(move |peer, txn, _| {
        let bundle = peer.bundle(txn, subject, entry)?;
        let author = bundle.label.claims().author;
        let Some(keys) = peer.keys_of(txn, author)? else {
            return Err(Reason::AuthorUnknown.into());
        };
        let name = peer.name_of(txn, author)?.unwrap_or_default();
        Ok::<_, Problem>((bundle, keys, name))
    });
    let (bundle, keys, author_name) = read.await?;
    let label = bundle.label.claims();
    let public_key = keys.key(label.key).map(|key| data_encoding::HEXLOWER.encode(&key.0));
    Ok(Json(ProofView {
        entry,
        subject,
        author: label.author,
        author_name,
        recorded: label.recorded,
        label: base64(bundle.label.bytes()),
        label_id: bundle.label.id(),
        contents: bundle
            .contents
            .iter()
            .map(|content| ContentProof { object: content.object, length: content.length })
            .collect(),
        contents_list: base64(&bundle.contents.to_bytes()),
        contents_hash: data_encoding::HEXLOWER.encode(&label.contents),
        manifest_object: label.manifest,
        manifest: base64(&bundle.manifest.0),
        key_log: base64(&keys.log().to_bytes()),
        key: label.key,
        public_key: public_key.unwrap_or_default(),
    }))
}
