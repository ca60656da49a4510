//! Where others say that an institution listens, and how far their word is followed: each party may have us knock at so many
//! doors an hour where nobody is.

use super::nodes::{NODES, NODES_OF, NodeRow, nodes_of, remember};
use crate::Addresses;
use crate::codec::wire_struct;
use crate::id::{NodeId, PartyId};
use crate::limits;
use crate::refusal::Handled;
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::{HOUR_MS, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Who told -> [`ToldRow`].
const TOLD: Table = Table::rows("node_told");

wire_struct! {
    /// What came of a party's word on where others listen.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct ToldRow {
        /// The hour, counted as timestamps are.
        1 => hour: u64,
        /// Addresses that were dialled in it, where nobody was.
        2 => in_vain: u64,
    }
}

impl ToldRow {
    fn of(txn: &(impl ReadTxn + ?Sized), by: PartyId, now: Timestamp) -> Result<Self, StoreError> {
        let hour = now.0 / HOUR_MS;
        let row = rows::get::<Self>(txn, TOLD, &by.0)?.filter(|row| row.hour == hour);
        Ok(row.unwrap_or(Self { hour, in_vain: 0 }))
    }
}

/// Remembers where an institution is said to listen, and who says so; nobody, where people here brought it. Only `hello`
/// makes a node count; until then this is where to say it. Hints never replace what is certified, and there are few at a time.
pub(crate) fn hint_node(
    txn: &mut dyn Txn,
    node: NodeId,
    institution: PartyId,
    addresses: Addresses,
    told_by: Option<PartyId>,
) -> Handled<()> {
    if let Some(known) = rows::get::<NodeRow>(txn, NODES, &node.0)?
        && (known.certified() || known.institution == institution && told_by.is_some())
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
    let expires = Timestamp(0);
    remember(txn, node, &NodeRow { institution, expires, addresses, told_by })
}

/// The nodes at which an institution is looked for: those that it certified first, then those that it is said to have, by
/// whoever has not had us look in vain too often within the hour.
pub(crate) fn where_to_look(
    txn: &(impl ReadTxn + ?Sized),
    institution: PartyId,
    now: Timestamp,
) -> Result<Vec<(NodeId, NodeRow)>, StoreError> {
    let mut nodes = nodes_of(txn, institution)?;
    let mut spent = BTreeSet::new();
    for by in nodes.iter().filter_map(|(_, row)| row.hinted_by()) {
        if ToldRow::of(txn, by, now)?.in_vain >= limits::TOLD_IN_VAIN_PER_HOUR_MAX {
            spent.insert(by);
        }
    }
    nodes.retain(|(_, row)| row.hinted_by().is_none_or(|by| !spent.contains(&by)));
    nodes.sort_by_key(|(_, row)| !row.certified());
    Ok(nodes)
}

/// Nobody was there, wherever the institution was looked for.
pub(crate) fn looked_in_vain(
    txn: &mut dyn Txn,
    institution: PartyId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut in_vain = BTreeMap::<PartyId, u64>::new();
    for (_, row) in where_to_look(txn, institution, now)? {
        if let Some(by) = row.hinted_by() {
            *in_vain.entry(by).or_default() += row.addresses.len() as u64;
        }
    }
    for (by, addresses) in in_vain {
        let mut row = ToldRow::of(txn, by, now)?;
        row.in_vain = row.in_vain.saturating_add(addresses);
        rows::put(txn, TOLD, &by.0, &row)?;
    }
    Ok(())
}

/// Whether an institution is known to listen by others' word alone.
pub(crate) fn only_told(
    txn: &(impl ReadTxn + ?Sized),
    institution: PartyId,
) -> Result<bool, StoreError> {
    let nodes = nodes_of(txn, institution)?;
    Ok(!nodes.is_empty() && nodes.iter().all(|(_, row)| row.hinted_by().is_some()))
}

#[cfg(test)]
mod tests {
    use super::super::nodes::learn_node;
    use super::*;
    use crate::store::Memory;

    const LIAR: PartyId = PartyId([1; 32]);
    const HONEST: PartyId = PartyId([2; 32]);
    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn addresses(count: u8) -> Addresses {
        (0..count).map(|last| format!("/ip4/203.0.113.{last}/tcp/22")).collect::<Vec<_>>().into()
    }

    fn looked_for(txn: &Memory, institution: PartyId, now: Timestamp) -> usize {
        where_to_look(txn, institution, now).unwrap().len()
    }

    /// [NET-16]
    #[test]
    fn whoever_tells_of_addresses_where_nobody_is_has_us_knock_at_so_many_an_hour_and_others_are_followed()
     {
        let mut txn = Memory::default();
        let victim = |number: u8| PartyId([100 + number; 32]);
        for number in 0..100 {
            let node = NodeId([number; 32]);
            hint_node(&mut txn, node, victim(number), addresses(16), Some(LIAR)).unwrap();
        }
        let mut knocks = 0;
        for number in (0..100).cycle().take(1000) {
            knocks += 16 * looked_for(&txn, victim(number), NOW);
            looked_in_vain(&mut txn, victim(number), NOW).unwrap();
        }
        assert_eq!(knocks as u64, limits::TOLD_IN_VAIN_PER_HOUR_MAX);
        assert_eq!(looked_for(&txn, victim(0), NOW.plus_ms(HOUR_MS)), 1, "another hour");
        // What another says, what people here brought, and what proved itself is looked for all the same.
        hint_node(&mut txn, NodeId([200; 32]), victim(0), addresses(1), Some(HONEST)).unwrap();
        assert_eq!(looked_for(&txn, victim(0), NOW), 1);
        assert!(only_told(&txn, victim(1)).unwrap());
        hint_node(&mut txn, NodeId([1; 32]), victim(1), addresses(1), None).unwrap();
        assert_eq!(looked_for(&txn, victim(1), NOW), 1);
        assert!(!only_told(&txn, victim(1)).unwrap());
        let node = NodeId([2; 32]);
        learn_node(&mut txn, node, victim(2), NOW.plus_ms(1), addresses(1)).unwrap();
        assert_eq!(looked_for(&txn, victim(2), NOW), 1);
    }

    #[test]
    fn an_institution_is_looked_for_first_where_it_proved_to_be() {
        let (mut txn, of) = (Memory::default(), PartyId([9; 32]));
        hint_node(&mut txn, NodeId([1; 32]), of, addresses(1), Some(HONEST)).unwrap();
        learn_node(&mut txn, NodeId([7; 32]), of, NOW, addresses(1)).unwrap();
        let order: Vec<_> =
            where_to_look(&txn, of, NOW).unwrap().into_iter().map(|(n, _)| n.0[0]).collect();
        assert_eq!(order, [7, 1]);
    }
}
