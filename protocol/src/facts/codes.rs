//! Codes that people pass on: an invite to a federation, an enrolment with an institution.
//!
//! A code names the institution, its nodes and where they listen, and carries a secret. Whoever
//! brings the secret is let in to say what it came for; the secret is kept only as its hash.

use crate::Addresses;
use crate::codec::{DecodeError, Wire, wire_enum, wire_struct};
use crate::directory::{self, Standing};
use crate::id::{ChartId, NodeId, PartyId};
use crate::limits;
use crate::membership::Standpoint;
use crate::reason::reasons;
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::turn::Context;

reasons! {
    /// Why a code opens nothing.
    pub(crate) enum Reason: 20 "codes" {
        10 => Expired: Expired "the code has expired; ask for a new one",
        11 => Unknown: NotFound "the code is unknown or was used already; ask for a new one",
    }
}

/// BLAKE3 of the secret -> [`CodeRow`].
const CODES: Table = Table("code");
/// Institution -> the secret of the code that it gave us and that was not used yet.
const INTRODUCTIONS: Table = Table("introduction");
/// Institution -> where it stood when it gave us its code.
const ANCHORS: Table = Table("introduction_anchor");

wire_enum! {
    /// What a code is for.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum CodeFor {
        /// Applying for membership.
        1 => Federation,
        /// Enrolling a patient in this chart.
        2 => Enrolment(ChartId),
    }
}

wire_struct! {
    /// A code that we gave out.
    #[derive(Debug, Clone)]
    pub struct CodeRow {
        /// What for.
        1 => purpose: CodeFor,
        /// Until when.
        2 => expires: Timestamp,
        /// Where we stood when we gave it out: whoever brings it begins there.
        3 => anchor: Option<Standpoint>,
    }
}

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
        1 => NotACode: Invalid "not a Chartmesh code; a code begins with `cm-i-` (invite) or `cm-e-` (enrolment)",
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

impl Code {
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
            anchor: self.anchor,
        };
        let mut bytes = wire.to_bytes();
        let check: [u8; 32] = blake3::hash(&bytes).into();
        bytes.extend_from_slice(&check[..4]);
        format!("cm-{}-{}", self.letter, data_encoding::BASE64URL_NOPAD.encode(&bytes))
    }

    /// Reads a code of one kind; white space around and within is ignored.
    ///
    /// # Errors
    /// [`CodeError`].
    pub fn parse(text: &str, letter: char) -> Result<Self, CodeError> {
        let text: String = text.split_whitespace().collect();
        let rest = text.strip_prefix("cm-").ok_or(CodeError::NotACode)?;
        let (kind, body) = rest.split_once('-').ok_or(CodeError::NotACode)?;
        if kind != "i" && kind != "e" {
            return Err(CodeError::NotACode);
        }
        if !kind.starts_with(letter) {
            return Err(CodeError::OtherKind);
        }
        let bytes = data_encoding::BASE64URL_NOPAD
            .decode(body.as_bytes())
            .map_err(|_| CodeError::Damaged)?;
        let (content, check) = bytes.split_last_chunk::<4>().ok_or(CodeError::Damaged)?;
        if blake3::hash(content).as_bytes()[..4] != *check {
            return Err(CodeError::Damaged);
        }
        let wire = CodeWire::from_bytes(content, limits::STATEMENT_BYTES_MAX)?;
        Ok(Self {
            letter,
            institution: wire.institution,
            secret: wire.secret,
            nodes: wire.nodes.into_iter().map(|node| (node.node, node.addresses.into())).collect(),
            anchor: wire.anchor,
        })
    }
}

/// Gives out a code.
pub(crate) fn issue(
    ctx: &mut Context<'_>,
    purpose: CodeFor,
    anchor: Option<Standpoint>,
    valid_ms: Option<u64>,
    addresses: Vec<String>,
) -> Handled<(Code, Timestamp)> {
    let secret: [u8; 16] = ctx.random();
    let letter = match purpose {
        CodeFor::Federation => 'i',
        CodeFor::Enrolment(_) => 'e',
    };
    let expires = ctx.now.plus_ms(valid_ms.unwrap_or(limits::CODE_MS_DEFAULT));
    rows::put(
        ctx.txn,
        CODES,
        blake3::hash(&secret).as_bytes(),
        &CodeRow { purpose, expires, anchor },
    )?;
    let nodes = vec![(ctx.own.node(), addresses)];
    Ok((Code { letter, institution: ctx.own.party(), secret, nodes, anchor }, expires))
}

/// Whether a secret belongs to a code that still holds.
pub(crate) fn known(
    txn: &(impl ReadTxn + ?Sized),
    secret: &[u8; 16],
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(rows::get::<CodeRow>(txn, CODES, blake3::hash(secret).as_bytes())?
        .is_some_and(|row| now < row.expires))
}

/// Until when a secret's code holds, if it is one of ours that was not used.
pub(crate) fn ends(
    txn: &(impl ReadTxn + ?Sized),
    secret: &[u8; 16],
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    Ok(rows::get::<CodeRow>(txn, CODES, blake3::hash(secret).as_bytes())?
        .map(|row| row.expires)
        .filter(|expires| now < *expires))
}

/// Uses a code up.
pub(crate) fn redeem(ctx: &mut Context<'_>, secret: &[u8; 16]) -> Handled<CodeFor> {
    let key: [u8; 32] = blake3::hash(secret).into();
    match rows::get::<CodeRow>(ctx.txn, CODES, &key)? {
        Some(row) if ctx.now < row.expires => {
            ctx.txn.delete(CODES, &key)?;
            Ok(row.purpose)
        }
        Some(_) => refuse(Reason::Expired),
        None => refuse(Reason::Unknown),
    }
}

/// Codes hold no longer than one that is given out now: they were given out by a clock that was wrong.
pub(crate) fn shorten(txn: &mut dyn Txn, now: Timestamp) -> Result<(), StoreError> {
    let end = now.plus_ms(limits::CODE_MS_DEFAULT);
    for (key, mut row) in rows::all::<CodeRow>(txn, CODES, &[])? {
        if row.expires > end {
            row.expires = end;
            rows::put(txn, CODES, &key, &row)?;
        }
    }
    Ok(())
}

/// Remembers how to reach an institution whose code we were given, so that the next delivery to it
/// says `hello` with the code.
pub(crate) fn introduce(txn: &mut dyn Txn, code: &Code) -> Handled<()> {
    for (node, addresses) in &code.nodes {
        directory::hint_node(txn, *node, code.institution, addresses.clone().into())?;
    }
    rows::put(txn, INTRODUCTIONS, &code.institution.0, &code.secret)?;
    if let Some(anchor) = &code.anchor {
        rows::put(txn, ANCHORS, &code.institution.0, anchor)?;
    }
    Ok(directory::set_standing(txn, code.institution, &Standing::Host)?)
}

/// The secret of the code that an institution gave us and that was not used yet.
pub(crate) fn given_by(
    txn: &(impl ReadTxn + ?Sized),
    institution: PartyId,
) -> Result<Option<[u8; 16]>, StoreError> {
    rows::get(txn, INTRODUCTIONS, &institution.0)
}

/// Where an institution stood when it gave us its code.
pub(crate) fn anchor_by(
    txn: &(impl ReadTxn + ?Sized),
    institution: PartyId,
) -> Result<Option<Standpoint>, StoreError> {
    rows::get(txn, ANCHORS, &institution.0)
}

/// Where we stood when we gave out the code with this secret.
pub(crate) fn anchor_of(
    txn: &(impl ReadTxn + ?Sized),
    secret: &[u8; 16],
) -> Result<Option<Standpoint>, StoreError> {
    let row = rows::get::<CodeRow>(txn, CODES, blake3::hash(secret).as_bytes())?;
    Ok(row.and_then(|row| row.anchor))
}

/// What we came for with an institution's code was done, or refused: the code is of no more use. Until
/// then every `hello` brings it, so that a connection that breaks in between loses nothing.
pub(crate) fn introduced(txn: &mut dyn Txn, institution: PartyId) -> Result<(), StoreError> {
    txn.delete(INTRODUCTIONS, &institution.0)
}

/// A code to pass on.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CodeView {
    /// The code.
    pub code: String,
    /// Until when it holds.
    pub expires: Timestamp,
}
