//! What one party tells another about a third.

use super::hints::hint_node;
use super::nodes::nodes_of;
use super::parties::{card, learn_card, learn_keys, party};
use crate::Addresses;
use crate::codec::wire_struct;
use crate::id::{NodeId, PartyId};
use crate::identity::{Card, KeyLog};
use crate::limits;
use crate::refusal::{Failure, Handled};
use crate::statement::Unverified;
use crate::store::{ReadTxn, StoreError};
use crate::turn::Context;

wire_struct! {
    /// What one party tells another about a third, so that they can talk: nothing in it is believed
    /// that does not prove itself; addresses are hints.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Introduction {
        /// Its key log.
        1 => keys: KeyLog,
        /// Its card.
        2 => card: Unverified<Card>,
        /// Its nodes and where they were last heard of.
        3 => nodes: Vec<IntroducedNode>,
    }
}

wire_struct! {
    /// A node and where it was last heard of.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct IntroducedNode {
        /// The node.
        1 => node: NodeId,
        /// Where it listens.
        2 => addresses: Addresses,
    }
}

/// What we can tell others about a party.
pub(crate) fn introduction(
    txn: &(impl ReadTxn + ?Sized),
    institution: PartyId,
) -> Result<Option<Introduction>, StoreError> {
    let Some(row) = party(txn, institution)? else { return Ok(None) };
    let Some(card) = row.card else { return Ok(None) };
    // Certified nodes first. Of the others anybody can have told anything: a little of it is passed on.
    let (mut nodes, hints): (Vec<_>, Vec<_>) =
        nodes_of(txn, institution)?.into_iter().partition(|(_, row)| row.certified());
    let mut room = limits::HINTED_BYTES_MAX;
    for (node, row) in hints {
        let bytes = row.addresses.bytes();
        if bytes <= room {
            room -= bytes;
            nodes.push((node, row));
        }
    }
    nodes.truncate(limits::ADDRESSES_MAX);
    let nodes = nodes.into_iter();
    let nodes =
        nodes.map(|(node, row)| IntroducedNode { node, addresses: row.addresses }).collect();
    Ok(Some(Introduction { keys: row.keys.log, card, nodes }))
}

/// [`learn_introduction`] where nothing depends on this one: one that proves nothing is passed over, so
/// that a party who shows different keys to different people spoils nobody else's message.
pub(crate) fn hear_of(
    ctx: &mut Context<'_>,
    introduction: Introduction,
) -> Result<Option<PartyId>, StoreError> {
    match learn_introduction(ctx, introduction) {
        Ok(party) => Ok(Some(party)),
        Err(Failure::Refused(_)) => Ok(None),
        Err(Failure::Store(error)) => Err(error),
    }
}

/// Takes over what another party told about a third: of addresses those that it may have us dial.
pub(crate) fn learn_introduction(
    ctx: &mut Context<'_>,
    introduction: Introduction,
) -> Handled<PartyId> {
    let keys = learn_keys(ctx.txn, introduction.keys)?;
    match learn_card(ctx.txn, introduction.card, &keys) {
        // Whoever tells may not have heard of a newer key: that says nothing of one who is known here.
        Err(Failure::Refused(_)) if card(ctx.txn, keys.party())?.is_some() => {}
        learnt => learnt?,
    }
    for node in introduction.nodes.into_iter().take(limits::ADDRESSES_MAX) {
        let addresses = node.addresses.within(ctx.from);
        hint_node(ctx.txn, node.node, keys.party(), addresses, ctx.told_by)?;
    }
    Ok(keys.party())
}

#[cfg(test)]
mod tests {
    use super::super::nodes::learn_node;
    use super::super::parties::{LearnedLogRow, PartyRow, card_to_seal_to, put_party};
    use super::*;
    use crate::codec::Wire;
    use crate::crypto::{KemSecret, SigningKey};
    use crate::identity::{Role, incept};
    use crate::statement::Signed;
    use crate::store::Memory;
    use crate::time::{DAY_MS, Timestamp};

    #[test]
    fn a_card_with_a_name_that_nobody_could_read_is_not_taken() {
        let (first, next) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let mut txn = Memory::default();
        let keys = learn_keys(&mut txn, incept(&first, &next.public())).unwrap();
        let mut named = |name: &str| {
            let card = Card {
                institution: keys.party(),
                key: 0,
                name: name.to_owned(),
                role: Role::Hospital,
                kem: KemSecret::from_seed([3; 32]).public(),
                issued: Timestamp(1),
                until: Timestamp(2),
            };
            learn_card(&mut txn, Signed::sign(card, &first).to_unverified(), &keys)
        };
        for bad in
            ["", " ", "\u{200b}", "Alder\nBirch", "\u{2800}", "Al\u{202e}der", &"x".repeat(201)]
        {
            assert!(named(bad).is_err(), "{bad:?}");
        }
        assert!(named(&"x".repeat(200)).is_ok());
    }

    /// [ID-20].
    #[test]
    fn a_card_is_sealed_to_until_its_end_which_is_not_far() {
        let (first, next) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let mut txn = Memory::default();
        let keys = learn_keys(&mut txn, incept(&first, &next.public())).unwrap();
        let most = limits::GRANT_KEY_SEALED_TO_DAYS * DAY_MS;
        let mut said = |until: u64| {
            let card = Card {
                institution: keys.party(),
                key: 0,
                name: "Alder".to_owned(),
                role: Role::Hospital,
                kem: KemSecret::from_seed([3; 32]).public(),
                issued: Timestamp(1),
                until: Timestamp(until),
            };
            learn_card(&mut txn, Signed::sign(card, &first).to_unverified(), &keys)
        };
        assert!(said(most + 2).is_err(), "a card that never ends would show a key for ever");
        said(most + 1).unwrap();
        let sealed_to = |at: u64| card_to_seal_to(&txn, keys.party(), Timestamp(at)).is_ok();
        assert!(sealed_to(most) && !sealed_to(most + 1));
    }

    #[test]
    fn what_others_said_of_an_institutions_nodes_does_not_swell_its_introduction() {
        let (first, next) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let log = incept(&first, &next.public());
        let institution = log.clone().verify().unwrap().party();
        let card = Card {
            institution,
            key: 0,
            name: "Alder".into(),
            role: Role::Hospital,
            kem: KemSecret::from_seed([3; 32]).public(),
            issued: Timestamp(1),
            until: Timestamp(2),
        };
        let card = Signed::sign(card, &first).to_unverified();
        let mut txn = Memory::default();
        let row = PartyRow {
            keys: LearnedLogRow { log, learned: Vec::new() },
            card: Some(card),
            ring: None,
        };
        put_party(&mut txn, institution, &row).unwrap();
        let long = Addresses::from(vec!["a".repeat(limits::TEXT_BYTES_MAX); limits::ADDRESSES_MAX]);
        for node in 0..16 {
            hint_node(&mut txn, NodeId([node; 32]), institution, long.clone(), None).unwrap();
        }
        let short = Addresses::from(vec!["/ip4/192.0.2.1/tcp/4801".to_owned()]);
        learn_node(&mut txn, NodeId([0xff; 32]), institution, Timestamp(9), short.clone()).unwrap();
        let told = introduction(&txn, institution).unwrap().unwrap();
        assert_eq!(told.nodes.len(), 1, "what it said itself");
        assert_eq!(told.nodes[0].addresses, short);
        hint_node(&mut txn, NodeId([0xfe; 32]), institution, short, None).unwrap();
        let told = introduction(&txn, institution).unwrap().unwrap();
        assert_eq!(told.nodes.len(), 2, "and a short hint");
        assert!(told.to_bytes().len() < 2 * limits::HINTED_BYTES_MAX);
    }
}
