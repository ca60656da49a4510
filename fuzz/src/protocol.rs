//! The protocol's decoders.

use chartmesh_protocol::capability::{Chain, Grant, Proof, RevocationState, Revocations, Token};
use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::codes::Code;
use chartmesh_protocol::id::ObjectId;
use chartmesh_protocol::identity::{
    Card, Inception, KeyLog, KeyRing, NodeCertificate, Phrase, RelayCertificate, Rotation,
};
use chartmesh_protocol::membership::{Application, Ballot, Charter, Report, Seal, Speech, View};
use chartmesh_protocol::message::{Envelope, Outcome};
use chartmesh_protocol::object::{DataKey, Layout, Opener};
use chartmesh_protocol::peer::{Body, Hello, HelloReply};
use chartmesh_protocol::record::{Bundle, Catalogue, Label, Listing, Manifest, Section};
use chartmesh_protocol::session::{SealedTo, Session};
use chartmesh_protocol::statement::{Statement, Unverified};
use chartmesh_protocol::{
    access_log, backup, consent, custody, enrolment, federation, limits, record,
};

/// Decodes `T`; what it accepts, its encoder writes again byte for byte.
fn strict<T: Wire>(bytes: &[u8], limit: usize) -> Option<T> {
    let value = T::from_bytes(bytes, limit).ok()?;
    assert_eq!(value.to_bytes(), bytes, "accepted an encoding that it does not write");
    Some(value)
}

/// Reads a signed statement; what it claims, its encoder writes again byte for byte.
fn statement<T: Statement>(bytes: &[u8]) -> Option<Unverified<T>> {
    let statement = Unverified::<T>::parse(bytes).ok()?;
    assert_eq!(statement.bytes(), bytes);
    let claims = statement.claims().to_bytes();
    assert!(
        bytes.windows(claims.len()).any(|window| window == claims),
        "accepted claims in an encoding that it does not write"
    );
    Some(statement)
}

/// What a stranger may send.
pub fn hello(bytes: &[u8]) {
    statement::<Hello>(bytes);
    strict::<HelloReply>(bytes, limits::HELLO_BYTES_MAX);
}

/// What a member may send, and what it may answer.
pub fn message(bytes: &[u8]) {
    if let Some(envelope) = statement::<Envelope>(bytes) {
        body(&envelope.claims().body.0);
    }
    if let Some(outcome) = statement::<Outcome>(bytes) {
        strict::<Outcome>(&outcome.claims().to_bytes(), limits::RESPONSE_BYTES_MAX);
    }
}

/// The features' messages and answers.
pub fn body(bytes: &[u8]) {
    strict::<Body>(bytes, limits::REQUEST_BYTES_MAX);
    strict::<access_log::Message>(bytes, limits::REQUEST_BYTES_MAX);
    strict::<backup::Message>(bytes, limits::REQUEST_BYTES_MAX);
    strict::<consent::Message>(bytes, limits::REQUEST_BYTES_MAX);
    strict::<custody::Message>(bytes, limits::REQUEST_BYTES_MAX);
    strict::<enrolment::Message>(bytes, limits::REQUEST_BYTES_MAX);
    strict::<federation::Message>(bytes, limits::REQUEST_BYTES_MAX);
    strict::<record::Message>(bytes, limits::REQUEST_BYTES_MAX);
    strict::<consent::ReadAnswer>(bytes, limits::RESPONSE_BYTES_MAX);
    strict::<backup::FetchAnswer>(bytes, limits::RESPONSE_BYTES_MAX);
    strict::<enrolment::Answer>(bytes, limits::RESPONSE_BYTES_MAX);
    strict::<enrolment::AcceptedAnswer>(bytes, limits::RESPONSE_BYTES_MAX);
    strict::<record::Taken>(bytes, limits::LIST_STATEMENT_BYTES_MAX);
    strict::<federation::Follow>(bytes, limits::RESPONSE_BYTES_MAX);
}

/// Permissions.
pub fn token_chain(bytes: &[u8]) {
    if let Ok(chain) = Chain::parse(bytes) {
        assert_eq!(chain.to_bytes(), bytes, "accepted a chain that it does not write");
        assert!(chain.links().len() <= limits::TOKEN_CHAIN_LINKS_MAX);
    }
    statement::<Token>(bytes);
    statement::<Proof>(bytes);
    statement::<RevocationState>(bytes);
    strict::<Revocations>(bytes, limits::LIST_STATEMENT_BYTES_MAX);
    strict::<Grant>(bytes, limits::REQUEST_BYTES_MAX);
}

/// Keys, certificates and who belongs to a federation.
pub fn identity(bytes: &[u8]) {
    if let Some(log) = strict::<KeyLog>(bytes, limits::REQUEST_BYTES_MAX) {
        let _ = log.verify();
    }
    statement::<Inception>(bytes);
    statement::<Rotation>(bytes);
    statement::<NodeCertificate>(bytes);
    statement::<RelayCertificate>(bytes);
    statement::<Card>(bytes);
    statement::<KeyRing>(bytes);
    if let Some(charter) = statement::<Charter>(bytes) {
        let _ = charter.found();
    }
    if let Some(view) = strict::<View>(bytes, limits::VIEW_BYTES_MAX) {
        let _ = view.check();
    }
    statement::<Application>(bytes);
    statement::<Ballot>(bytes);
    statement::<Speech>(bytes);
    statement::<Report>(bytes);
    strict::<Seal>(bytes, limits::SEAL_BYTES_MAX);
}

/// Records as they travel, and what is signed about them.
pub fn record(bytes: &[u8]) {
    strict::<Bundle>(bytes, limits::RESPONSE_BYTES_MAX);
    strict::<Manifest>(bytes, limits::MANIFEST_BYTES_MAX);
    strict::<SealedTo>(bytes, limits::REQUEST_BYTES_MAX);
    strict::<Session>(bytes, limits::REQUEST_BYTES_MAX);
    statement::<Label>(bytes);
    if let Some(catalogue) = statement::<Catalogue>(bytes) {
        let section = Section { catalogue, step: record::Step::Begins, entries: Vec::new() };
        let _ = section.check();
    }
    strict::<Listing>(bytes, limits::REQUEST_BYTES_MAX);
    statement::<access_log::Countersigned>(bytes);
    statement::<backup::Receipt>(bytes);
    statement::<backup::DeleteOrder>(bytes);
    statement::<backup::Deletion>(bytes);
    statement::<access_log::Head>(bytes);
    strict::<access_log::Line>(bytes, limits::REQUEST_BYTES_MAX);
}

/// Sealed objects, in pushes of any size. The key is that of the vectors.
pub fn object(bytes: &[u8]) {
    let Some((cut, file)) = bytes.split_first() else { return };
    let Ok(layout) = Layout::of_file(file.len() as u64) else { return };
    let key = || DataKey::from_bytes(std::array::from_fn(|at| at as u8));
    let id = ObjectId::from_slice(&[0; 32]).expect("an id is 32 bytes");
    let Ok(mut opener) = Opener::new(key(), id, layout.plaintext_len()) else { return };
    let mut plain = Vec::new();
    for push in file.chunks(usize::from(*cut) * 256 + 1) {
        if opener.push(push, &mut plain).is_err() {
            return;
        }
    }
    assert!(opener.finish(&mut plain).is_err(), "no file hashes to zeros");
}

/// Invites and enrolment codes, as a person pastes them; and the 24 words.
pub fn code(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for letter in ['i', 'e'] {
        if let Ok(code) = Code::parse(text, letter) {
            let packed: String = text.split_whitespace().collect();
            assert_eq!(code.to_text(), packed, "accepted a code that it does not write");
        }
    }
    let _ = Phrase::parse(text);
}
