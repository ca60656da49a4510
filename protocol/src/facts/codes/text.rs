//! What people pass on as text: codes, and a patient's card.

use crate::Addresses;
use crate::codec::{DecodeError, Wire, wire_struct};
use crate::crypto::{PublicKey, SigningKey, expand, extract};
use crate::id::{CodeId, NodeId, PartyId};
use crate::limits;
use crate::membership::Standpoint;
use crate::reason::reasons;
use crate::time::Timestamp;

/// One node in a code.
pub type CodeNode = (NodeId, Vec<String>);

/// A code's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// `i` for an invite, `e` for an enrolment.
    pub letter: char,
    /// Who gave it out.
    pub institution: PartyId,
    /// The secret.
    pub secret: [u8; 16],
    /// Its nodes.
    pub nodes: Vec<CodeNode>,
    /// Until when it can be proven.
    pub expires: Timestamp,
    /// Where it stood, if it was in a federation: whoever comes in begins to follow it there.
    pub anchor: Option<Standpoint>,
}

wire_struct! {
    /// A code's content as encoded.
    #[derive(Debug, Clone)]
    pub struct CodeWire {
        /// Who gave it out.
        1 => institution: PartyId,
        /// The secret.
        2 => secret: [u8; 16],
        /// Its nodes.
        3 => nodes: Vec<CodeNodeWire>,
        /// Until when it can be proven.
        4 => expires: Timestamp,
        /// Where it stood, if it was in a federation.
        5 => anchor: Option<Standpoint>,
    }
}

wire_struct! {
    /// One node in a code as encoded.
    #[derive(Debug, Clone)]
    pub struct CodeNodeWire {
        /// The node.
        1 => node: NodeId,
        /// Where it listens.
        2 => addresses: Addresses,
    }
}

reasons! {
    /// Text that is no code.
    pub enum CodeError: 20 "code" {
        /// Not of the form.
        1 => NotACode: Invalid "not a Chartmesh code; a code begins with `cm-i-` (invite), `cm-e-` (enrolment) or `cm-p-` (a patient's card)",
        /// A digit was lost or changed.
        2 => Damaged: Invalid "the code is damaged; copy it again, whole",
        /// Another kind of code.
        3 => OtherKind: Invalid "this is a code for something else",
        /// The content is malformed.
        4 => Malformed(why: DecodeError): Invalid "the code's content is malformed: {why}",
    }
}

impl From<DecodeError> for CodeError {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

/// The signing key that follows from a code's secret: for one kind of code of one institution.
pub(super) fn key_of(letter: char, institution: PartyId, secret: &[u8; 16]) -> SigningKey {
    let ikm = zeroize::Zeroizing::new([&secret[..], &institution.0].concat());
    let letter = [u8::try_from(letter).unwrap_or(b'?')];
    SigningKey::from_seed(&expand(&extract(b"chartmesh/1/code", &ikm), &[&letter]))
}

/// A code's id: the first 16 bytes of BLAKE3 of its public key.
pub(super) fn id_of(key: &PublicKey) -> CodeId {
    let mut id = [0; CodeId::LEN];
    id.copy_from_slice(&key.digest()[..CodeId::LEN]);
    CodeId(id)
}

impl Code {
    /// Its id, which tells nothing of the secret.
    #[must_use]
    pub fn id(&self) -> CodeId {
        id_of(&self.key().public())
    }

    /// The key that follows from its secret.
    pub(crate) fn key(&self) -> SigningKey {
        key_of(self.letter, self.institution, &self.secret)
    }

    /// The code as text: `cm-`, its letter, base64url of the content and four bytes of its BLAKE3.
    #[must_use]
    pub fn to_text(&self) -> String {
        let wire = CodeWire {
            institution: self.institution,
            secret: self.secret,
            nodes: self
                .nodes
                .iter()
                .map(|(node, addresses)| CodeNodeWire {
                    node: *node,
                    addresses: addresses.clone().into(),
                })
                .collect(),
            expires: self.expires,
            anchor: self.anchor,
        };
        print(self.letter, wire.to_bytes())
    }

    /// Reads a code of one kind; white space around and within is ignored.
    ///
    /// # Errors
    /// [`CodeError`].
    pub fn parse(text: &str, letter: char) -> Result<Self, CodeError> {
        let content = read(text, letter)?;
        let wire = CodeWire::from_bytes(&content, limits::STATEMENT_BYTES_MAX)?;
        if wire.nodes.is_empty() || wire.nodes.len() > limits::CODE_NODES_MAX {
            return Err(CodeError::Malformed(DecodeError::Invalid("a code names 1 to 8 nodes")));
        }
        Ok(Self {
            letter,
            institution: wire.institution,
            secret: wire.secret,
            nodes: wire.nodes.into_iter().map(|node| (node.node, node.addresses.into())).collect(),
            expires: wire.expires,
            anchor: wire.anchor,
        })
    }
}

wire_struct! {
    /// What a patient shows at a desk, as a person carries it: `cm-p-`, printed or on a phone. It holds no secret.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct PatientCard {
        /// The patient.
        1 => patient: PartyId,
        /// The relay that serves the patient.
        2 => relay: PartyId,
    }
}

impl PatientCard {
    /// The card as text.
    #[must_use]
    pub fn to_text(&self) -> String {
        print('p', self.to_bytes())
    }

    /// Reads a card; white space around and within is ignored.
    ///
    /// # Errors
    /// [`CodeError`].
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        Ok(Self::from_bytes(&read(text, 'p')?, limits::STATEMENT_BYTES_MAX)?)
    }
}

/// `cm-`, a letter, base64url of the content and of four bytes of its BLAKE3.
fn print(letter: char, mut content: Vec<u8>) -> String {
    let check: [u8; 32] = blake3::hash(&content).into();
    content.extend_from_slice(&check[..4]);
    format!("cm-{letter}-{}", data_encoding::BASE64URL_NOPAD.encode(&content))
}

/// The content of such a text.
fn read(text: &str, letter: char) -> Result<Vec<u8>, CodeError> {
    let text: String = text.split_whitespace().collect();
    let rest = text.strip_prefix("cm-").ok_or(CodeError::NotACode)?;
    let (kind, body) = rest.split_once('-').ok_or(CodeError::NotACode)?;
    if !matches!(kind, "i" | "e" | "p") {
        return Err(CodeError::NotACode);
    }
    if !kind.starts_with(letter) {
        return Err(CodeError::OtherKind);
    }
    let bytes =
        data_encoding::BASE64URL_NOPAD.decode(body.as_bytes()).map_err(|_| CodeError::Damaged)?;
    let (content, check) = bytes.split_last_chunk::<4>().ok_or(CodeError::Damaged)?;
    match blake3::hash(content).as_bytes()[..4] == *check {
        true => Ok(content.to_vec()),
        false => Err(CodeError::Damaged),
    }
}
