//! Nodes: whose they are, and where they listen.

use super::parties::institutions;
use crate::Addresses;
use crate::codec::wire_struct;
use crate::id::{NodeId, PartyId};
use crate::identity::{KnownKeys, NodeCertificate, Role};
use crate::limits;
use crate::refusal::Handled;
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::turn::Own;
use std::collections::BTreeSet;

/// Node -> [`NodeRow`].
pub(super) const NODES: Table = Table::rows("node");
/// Institution, node -> [`NodeRow`].
pub(super) const NODES_OF: Table = Table::rows("node_of");
/// Node -> BLAKE3 of the certificate that was verified last: the same is shown many times.
const CERTIFICATES: Table = Table::rows("node_certificate");

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
        /// Who told of it, if it was another party; it counts until the institution certifies the node.
        4 => told_by: Option<PartyId>,
    }
}

impl NodeRow {
    /// Whether the institution ever certified it; otherwise somebody merely told of it.
    pub(crate) fn certified(&self) -> bool {
        self.expires > Timestamp(0)
    }

    /// By whose word alone it is known.
    pub(super) fn hinted_by(&self) -> Option<PartyId> {
        self.told_by.filter(|_| !self.certified())
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
    remember(txn, node, &NodeRow { institution, expires, addresses, told_by: None })
}

pub(super) fn remember(txn: &mut dyn Txn, node: NodeId, row: &NodeRow) -> Handled<()> {
    let institution = row.institution;
    // A node speaks for one institution: nothing for another is sent to where it listens.
    let before = rows::get::<NodeRow>(txn, NODES, &node.0)?.map(|row| row.institution);
    if let Some(before) = before.filter(|before| *before != institution) {
        txn.delete(NODES_OF, &rows::pair(&before.0, &node.0))?;
    }
    if before != Some(institution) {
        make_room(txn, institution)?;
    }
    rows::put(txn, NODES, &node.0, row)?;
    rows::put(txn, NODES_OF, &rows::pair(&institution.0, &node.0), row)?;
    Ok(())
}

/// An institution makes as many nodes as it likes, and each is a row here: of those beyond the bound the ones go
/// whose certificates end first, those that it never certified before all others.
fn make_room(txn: &mut dyn Txn, institution: PartyId) -> Result<(), StoreError> {
    let mut known = nodes_of(txn, institution)?;
    known.sort_by_key(|(_, row)| row.expires);
    let beyond = (known.len() + 1).saturating_sub(limits::NODES_OF_ONE_MAX);
    for (node, _) in known.into_iter().take(beyond) {
        txn.delete(NODES, &node.0)?;
        txn.delete(NODES_OF, &rows::pair(&institution.0, &node.0))?;
        txn.delete(CERTIFICATES, &node.0)?;
    }
    Ok(())
}

/// An institution has a new key: no node of it counts before it shows a certificate by that. Where they listened stays
/// known, as a hint.
pub(super) fn distrust(txn: &mut dyn Txn, institution: PartyId) -> Result<(), StoreError> {
    for (node, row) in nodes_of(txn, institution)? {
        let row = NodeRow { expires: Timestamp(0), ..row };
        rows::put(txn, NODES, &node.0, &row)?;
        rows::put(txn, NODES_OF, &rows::pair(&institution.0, &node.0), &row)?;
    }
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
fn met(txn: &(impl ReadTxn + ?Sized)) -> Result<BTreeSet<PartyId>, StoreError> {
    let mut met = BTreeSet::new();
    for (node, _) in rows::keys(txn, CERTIFICATES)? {
        let node = NodeId(rows::tail(CERTIFICATES, &node)?);
        met.extend(rows::get::<NodeRow>(txn, NODES, &node.0)?.map(|row| row.institution));
    }
    Ok(met)
}

/// Whom this node knows and would talk to: at a relay those that it met, elsewhere every institution.
pub(crate) fn others(own: &Own, txn: &(impl ReadTxn + ?Sized)) -> Result<Vec<PartyId>, StoreError> {
    let known: Vec<PartyId> = match own.role() {
        Role::Patient => met(txn)?.into_iter().collect(),
        _ => institutions(txn)?.into_iter().map(|card| card.institution).collect(),
    };
    Ok(known.into_iter().filter(|party| *party != own.party()).collect())
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

/// The nodes that ever were certified, and by whom.
pub(crate) fn certified_nodes(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Vec<(NodeId, PartyId)>, StoreError> {
    rows::all::<NodeRow>(txn, NODES, &[])?
        .into_iter()
        .filter(|(_, row)| row.certified())
        .map(|(key, row)| Ok((NodeId(rows::tail(NODES, &key)?), row.institution)))
        .collect()
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

#[cfg(test)]
mod tests {
    use super::super::hints::hint_node;
    use super::*;
    use crate::store::Memory;

    const ONE: PartyId = PartyId([1; 32]);

    fn node(number: u8) -> NodeId {
        NodeId([number; 32])
    }

    #[test]
    fn an_institution_fills_no_table_with_nodes_and_loses_those_first_that_end_first() {
        let mut txn = Memory::default();
        let most = u8::try_from(limits::NODES_OF_ONE_MAX).unwrap();
        let none = Addresses::default;
        hint_node(&mut txn, node(200), ONE, none(), None).unwrap();
        for number in 0..most {
            let expires = Timestamp(100 - u64::from(number));
            learn_node(&mut txn, node(number), ONE, expires, none()).unwrap();
        }
        assert_eq!(institution_told(&txn, node(200)).unwrap(), None, "it was never certified");
        learn_node(&mut txn, node(201), ONE, Timestamp(1000), none()).unwrap();
        learn_node(&mut txn, node(202), PartyId([2; 32]), Timestamp(1), none()).unwrap();
        assert_eq!(nodes_of(&txn, ONE).unwrap().len(), limits::NODES_OF_ONE_MAX);
        assert_eq!(institution_told(&txn, node(most - 1)).unwrap(), None, "it would end first");
        assert_eq!(institution_told(&txn, node(0)).unwrap(), Some(ONE));
        let certified = certified_nodes(&txn).unwrap();
        assert_eq!(certified.len(), limits::NODES_OF_ONE_MAX + 1);
        // One that is known already takes no further place.
        learn_node(&mut txn, node(0), ONE, Timestamp(2000), none()).unwrap();
        assert_eq!(nodes_of(&txn, ONE).unwrap().len(), limits::NODES_OF_ONE_MAX);
    }
}
