//! Nodes: whose they are, and where they listen.

use crate::Addresses;
use crate::codec::wire_struct;
use crate::id::{NodeId, PartyId};
use crate::identity::{KnownKeys, NodeCertificate};
use crate::limits;
use crate::refusal::Handled;
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// Node -> [`NodeRow`].
const NODES: Table = Table("node");
/// Institution, node -> [`NodeRow`].
const NODES_OF: Table = Table("node_of");
/// Node -> BLAKE3 of the certificate that was verified last: the same is shown many times.
const CERTIFICATES: Table = Table("node_certificate");

wire_struct! {
    /// A certified node.
    #[derive(Debug, Clone)]
    pub struct NodeRow {
        /// Whose.
        1 => institution: PartyId,
        /// Until when its certificate holds.
        2 => expires: Timestamp,
        /// Where it was last said to listen, as multiaddresses.
        3 => addresses: Addresses,
    }
}

impl NodeRow {
    /// Whether the institution ever certified it; otherwise somebody merely told of it.
    pub(crate) fn certified(&self) -> bool {
        self.expires > Timestamp(0)
    }
}

/// Remembers a certified node and where it listens.
pub(crate) fn learn_node(
    txn: &mut dyn Txn,
    node: NodeId,
    institution: PartyId,
    expires: Timestamp,
    addresses: Addresses,
) -> Handled<()> {
    // A node speaks for one institution: nothing for another is sent to where it listens.
    let before = rows::get::<NodeRow>(txn, NODES, &node.0)?.map(|row| row.institution);
    if let Some(before) = before.filter(|before| *before != institution) {
        txn.delete(NODES_OF, &rows::pair(&before.0, &node.0))?;
    }
    let row = NodeRow { institution, expires, addresses };
    rows::put(txn, NODES, &node.0, &row)?;
    rows::put(txn, NODES_OF, &rows::pair(&institution.0, &node.0), &row)?;
    Ok(())
}

/// Verifies a node's certificate, unless it is the very one that was verified when it last came.
pub(crate) fn certify_node(
    txn: &mut dyn Txn,
    certificate: Unverified<NodeCertificate>,
    keys: &KnownKeys,
    now: Timestamp,
) -> Handled<Signed<NodeCertificate>> {
    let (node, hash) = (certificate.claims().node, *blake3::hash(certificate.bytes()).as_bytes());
    let known = rows::get::<[u8; 32]>(txn, CERTIFICATES, &node.0)? == Some(hash);
    if known {
        return Ok(certificate.certify_again(keys, now)?);
    }
    let certified = certificate.certify(keys, now)?;
    rows::put(txn, CERTIFICATES, &node.0, &hash)?;
    Ok(certified)
}

/// The institutions whose nodes proved to us who they are, in ascending order.
pub(crate) fn met(txn: &(impl ReadTxn + ?Sized)) -> Result<BTreeSet<PartyId>, StoreError> {
    let mut met = BTreeSet::new();
    for (node, _) in rows::keys(txn, CERTIFICATES)? {
        let node = NodeId(rows::tail(CERTIFICATES, &node)?);
        met.extend(rows::get::<NodeRow>(txn, NODES, &node.0)?.map(|row| row.institution));
    }
    Ok(met)
}

/// Remembers where an institution is said to listen. Only `hello` makes a node count; until then this
/// is where to say it. Hints never replace what is certified, and there are few at a time.
pub(crate) fn hint_node(
    txn: &mut dyn Txn,
    node: NodeId,
    institution: PartyId,
    addresses: Addresses,
) -> Handled<()> {
    if let Some(known) = rows::get::<NodeRow>(txn, NODES, &node.0)?
        && (known.certified() || known.institution == institution)
    {
        return Ok(());
    }
    let known = nodes_of(txn, institution)?;
    if known.len() >= limits::ADDRESSES_MAX {
        for (old, row) in known {
            if !row.certified() {
                txn.delete(NODES, &old.0)?;
                txn.delete(NODES_OF, &rows::pair(&institution.0, &old.0))?;
            }
        }
    }
    learn_node(txn, node, institution, Timestamp(0), addresses)
}

/// The institution that a node speaks for, while its certificate holds.
pub(crate) fn institution_of(
    txn: &(impl ReadTxn + ?Sized),
    node: NodeId,
    now: Timestamp,
) -> Result<Option<PartyId>, StoreError> {
    Ok(rows::get::<NodeRow>(txn, NODES, &node.0)?
        .filter(|row| now < row.expires)
        .map(|row| row.institution))
}

/// The institution that a node is said to speak for, whatever its certificate.
pub(crate) fn institution_told(
    txn: &(impl ReadTxn + ?Sized),
    node: NodeId,
) -> Result<Option<PartyId>, StoreError> {
    Ok(rows::get::<NodeRow>(txn, NODES, &node.0)?.map(|row| row.institution))
}

/// An institution's nodes, with or without a valid certificate: dialling one renews it.
pub(crate) fn nodes_of(
    txn: &(impl ReadTxn + ?Sized),
    institution: PartyId,
) -> Result<Vec<(NodeId, NodeRow)>, StoreError> {
    rows::all::<NodeRow>(txn, NODES_OF, &institution.0)?
        .into_iter()
        .map(|(key, row)| Ok((NodeId(rows::tail(NODES_OF, &key)?), row)))
        .collect()
}
