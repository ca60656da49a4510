//! Shared facts about parties: keys, cards, nodes and their addresses, where a patient is served,
//! and why a party that is no member may come in.

use crate::Addresses;
use crate::clock;
use crate::codec::{DecodeError, Decoder, Wire, wire_enum, wire_struct};
use crate::id::{CompartmentId, NodeId, PartyId};
use crate::identity::{Card, Compartment, KeyLog, KeyRing, KnownKeys, NodeCertificate};
use crate::limits;
use crate::record::Kind;
use crate::refusal::{Failure, Handled, RefusalCode, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::{SECOND_MS, Timestamp};
use std::collections::BTreeSet;

/// Party -> [`PartyRow`].
const PARTIES: Table = Table("party");
/// Node -> [`NodeRow`].
const NODES: Table = Table("node");
/// Institution, node -> [`NodeRow`].
const NODES_OF: Table = Table("node_of");
/// Node -> BLAKE3 of the certificate that was verified last: the same is shown many times.
const CERTIFICATES: Table = Table("node_certificate");
/// Patient -> the institution id of the relay that serves it.
const RELAYS: Table = Table("relay_of");
/// Patient, compartment -> until when it could be sealed to: what a newer ring left out.
const RETIRED: Table = Table("compartment_retired");
/// Party -> [`Standing`].
const STANDINGS: Table = Table("standing");

wire_struct! {
    /// What is known of a party.
    #[derive(Debug, Clone)]
    pub struct PartyRow {
        /// Its verified key log.
        1 => keys: KeyLog,
        /// An institution's newest card.
        2 => card: Option<Unverified<Card>>,
        /// A patient's newest key ring.
        3 => ring: Option<Unverified<KeyRing>>,
    }
}

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

wire_enum! {
    /// Why a party that is no member of the federation may open more than `hello`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Standing {
        /// It used an invite of ours and waits to be admitted.
        1 => Applicant,
        /// It invited us, or we enrolled with it.
        2 => Host,
        /// A relay that enrolled a patient with us.
        3 => EnrolledRelay,
        /// A relay that a member certified, until then.
        4 => CertifiedRelay(CertifiedRow),
        /// It showed a code of ours that it has not used yet, until that ends: what else waits in its
        /// outbox, and is refused, must not keep the message that uses the code from coming.
        5 => Introduced(Timestamp),
    }
}

wire_struct! {
    /// A member's word for a relay.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CertifiedRow {
        /// The member; when it is none any more, its word counts no more.
        1 => by: PartyId,
        /// Until when.
        2 => until: Timestamp,
    }
}

impl Standing {
    fn holds(&self, now: Timestamp) -> bool {
        match self {
            Self::CertifiedRelay(word) => now < word.until,
            Self::Introduced(until) => now < *until,
            Self::Applicant | Self::Host | Self::EnrolledRelay => true,
        }
    }
}

impl NodeRow {
    /// Whether the institution ever certified it; otherwise somebody merely told of it.
    pub(crate) fn certified(&self) -> bool {
        self.expires > Timestamp(0)
    }
}

/// The verified keys of a party.
pub(crate) fn keys(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
) -> Result<Option<KnownKeys>, StoreError> {
    // Asked for with every message: what else the row holds is read over.
    let Some(row) = txn.get(PARTIES, &party.0)? else { return Ok(None) };
    first_field::<KeyLog>(&row)
        .and_then(|log| log.from_own_store().map_err(|error| error.to_string()))
        .map(Some)
        .map_err(|why| StoreError::Corrupt { table: PARTIES.0, why })
}

/// The value at key 1 of an encoded structure of our own.
fn first_field<T: Wire>(row: &[u8]) -> Result<T, String> {
    let mut d = Decoder::new(row, row.len()).map_err(|error| error.to_string())?;
    let read = |d: &mut Decoder<'_>| {
        d.map()?;
        match d.key(None)? {
            1 => T::decode(d),
            other => Err(DecodeError::UnknownKey(other)),
        }
    };
    read(&mut d).map_err(|error| error.to_string())
}

/// Takes over a party's key log, never a shorter or contradicting one; gives the keys that now count.
pub(crate) fn learn_keys(txn: &mut dyn Txn, log: KeyLog) -> Handled<KnownKeys> {
    // The very log that is known was verified when it came.
    if let Some(known) = keys(txn, log.party_unverified())?
        && *known.log() == log
    {
        return Ok(known);
    }
    let new = match log.verify() {
        Ok(keys) => keys,
        Err(error) => return refuse(RefusalCode::NotAuthentic, error.to_string()),
    };
    let party = new.party();
    let row = rows::get::<PartyRow>(txn, PARTIES, &party.0)?;
    let merged = match keys(txn, party)? {
        Some(known) => match known.clone().merge(new) {
            Ok(merged) if merged == known => return Ok(known),
            Ok(merged) => merged,
            Err(error) => return refuse(RefusalCode::NotAuthentic, error.to_string()),
        },
        None => new,
    };
    let row = PartyRow {
        keys: merged.log().clone(),
        card: row.as_ref().and_then(|row| row.card.clone()),
        ring: row.and_then(|row| row.ring),
    };
    rows::put(txn, PARTIES, &party.0, &row)?;
    Ok(merged)
}

/// Our own card counts whatever was said before, even by a clock that was ahead.
pub(crate) fn set_own_card(txn: &mut dyn Txn, card: &Signed<Card>) -> Result<(), StoreError> {
    let Some(mut row) = rows::get::<PartyRow>(txn, PARTIES, &card.institution.0)? else {
        return Ok(());
    };
    row.card = Some(card.to_unverified());
    rows::put(txn, PARTIES, &card.institution.0, &row)
}

/// Takes over an institution's card if it is newer than the one known: of a later key, or issued later.
/// A clock that runs ahead is no reason not to talk: a card from the future counts until one comes that is
/// not, and keeps none out. [ID-10]
pub(crate) fn learn_card(
    txn: &mut dyn Txn,
    card: Unverified<Card>,
    keys: &KnownKeys,
) -> Handled<()> {
    // The very card that is known was verified when it came, and the key that is current then counts now.
    let known = rows::get::<PartyRow>(txn, PARTIES, &card.claims().institution.0)?;
    if known.as_ref().and_then(|row| row.card.as_ref()) == Some(&card)
        && keys.party() == card.claims().institution
        && keys.current_number() == card.claims().key
    {
        return Ok(());
    }
    let claims = card.claims();
    let signer = keys.key(claims.key).filter(|_| keys.party() == claims.institution);
    let verified = signer.is_some_and(|key| card.check(&key).is_ok());
    if !verified || claims.key != keys.current_number() {
        return refuse(
            RefusalCode::NotAuthentic,
            "the institution's card is not signed with its current key",
        );
    }
    let party = claims.institution;
    let Some(mut row) = known else {
        return refuse(RefusalCode::NotFound, "the card's institution is unknown");
    };
    // Who handles a message has put down the time at its beginning.
    let now = clock::read(txn, Timestamp(0))?;
    let rank = |card: &Card| {
        let ahead = card.issued.since(now) > limits::CLOCK_TOLERANCE_SECONDS * SECOND_MS;
        (!ahead, card.key, card.issued)
    };
    if row.card.as_ref().is_none_or(|known| rank(known.claims()) < rank(claims)) {
        row.card = Some(card);
        rows::put(txn, PARTIES, &party.0, &row)?;
    }
    Ok(())
}

/// Takes over a patient's key ring if it verifies and is newer than the one known; it tells which relay
/// serves the patient. A compartment that it leaves out is retired for good: a relay that was put back from
/// an older copy does not bring it back.
pub(crate) fn learn_ring(
    txn: &mut dyn Txn,
    ring: Unverified<KeyRing>,
    keys: &KnownKeys,
    now: Timestamp,
) -> Handled<()> {
    let ring = match ring.certify(keys, now) {
        Ok(ring) => ring,
        Err(error) => return refuse(RefusalCode::NotAuthentic, error.to_string()),
    };
    let Some(mut row) = rows::get::<PartyRow>(txn, PARTIES, &ring.patient.0)? else {
        return refuse(RefusalCode::NotFound, "the key ring's patient is unknown");
    };
    if row.ring.as_ref().is_none_or(|known| known.claims().seq < ring.seq) {
        let patient = ring.patient;
        if let Some(known) = row.ring.take().map(Unverified::from_own_store) {
            retire(txn, &known, &ring, now)?;
        }
        row.ring = Some(ring.to_unverified());
        rows::put(txn, PARTIES, &patient.0, &row)?;
        rows::put(txn, RELAYS, &patient.0, &ring.relay)?;
    }
    Ok(())
}

/// Writes down which compartments of a ring a newer one leaves out, and since when; and the end of one that
/// the newer names with a later end, or none. No end of a standing permission moves away: a relay that was
/// put back to an older copy has forgotten it, and who was permitted still has the key.
fn retire(
    txn: &mut dyn Txn,
    old: &KeyRing,
    new: &KeyRing,
    now: Timestamp,
) -> Result<(), StoreError> {
    // A relay's clock may run ahead; nobody heard of the newer ring later than now.
    let replaced = new.issued.min(now);
    for gone in &old.compartments {
        let id = gone.id();
        let kept = new.compartments.iter().find(|kept| kept.id() == id);
        let end = match (kept, gone.until) {
            (None, _) => old.end_of(gone).min(replaced),
            (Some(kept), Some(until)) if kept.until.is_none_or(|new| until < new) => until,
            (Some(_), _) => continue,
        };
        let key = rows::pair(&old.patient.0, &id.0);
        let known = rows::get::<Timestamp>(txn, RETIRED, &key)?;
        rows::put(txn, RETIRED, &key, &known.map_or(end, |known| known.min(end)))?;
    }
    let all = rows::all::<Timestamp>(txn, RETIRED, &old.patient.0)?;
    let excess = all.len().saturating_sub(limits::RETIRED_COMPARTMENTS_MAX);
    let mut oldest: Vec<_> = all.into_iter().map(|(key, end)| (end, key)).collect();
    oldest.sort();
    oldest.into_iter().take(excess).try_for_each(|(_, key)| txn.delete(RETIRED, &key))
}

/// Until when a compartment can, or could, be sealed to; `None` when none of the rings seen here has it.
pub(crate) fn compartment_end(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    id: CompartmentId,
) -> Result<Option<Timestamp>, StoreError> {
    if let Some(end) = rows::get(txn, RETIRED, &rows::pair(&patient.0, &id.0))? {
        return Ok(Some(end));
    }
    let Some(ring) = ring(txn, patient)? else { return Ok(None) };
    Ok(ring.compartments.iter().find(|c| c.id() == id).map(|c| ring.end_of(c)))
}

/// A patient's compartment for what is recorded now, if there is one that can be sealed to.
pub(crate) fn usable_compartment(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    kind: Kind,
    now: Timestamp,
) -> Result<Option<Compartment>, StoreError> {
    let Some(ring) = ring(txn, patient)? else { return Ok(None) };
    let Some(found) = ring.usable(kind, now).cloned() else { return Ok(None) };
    let retired = compartment_end(txn, patient, found.id())?.is_some_and(|end| end <= now);
    Ok(Some(found).filter(|_| !retired))
}

/// A patient's newest key ring.
pub(crate) fn ring(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Option<Signed<KeyRing>>, StoreError> {
    Ok(rows::get::<PartyRow>(txn, PARTIES, &patient.0)?
        .and_then(|row| row.ring)
        .map(Unverified::from_own_store))
}

/// An institution's newest card.
pub(crate) fn card(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
) -> Result<Option<Signed<Card>>, StoreError> {
    Ok(rows::get::<PartyRow>(txn, PARTIES, &party.0)?
        .and_then(|row| row.card)
        .map(Unverified::from_own_store))
}

/// An institution's name for people, or the beginning of its id.
pub(crate) fn name(txn: &(impl ReadTxn + ?Sized), party: PartyId) -> Result<String, StoreError> {
    Ok(card(txn, party)?.map_or_else(|| party.short(), |card| card.name.clone()))
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
    let certified =
        if known { certificate.certify_again(keys, now) } else { certificate.certify(keys, now) };
    match certified {
        Ok(certified) if known => Ok(certified),
        Ok(certified) => {
            rows::put(txn, CERTIFICATES, &node.0, &hash)?;
            Ok(certified)
        }
        Err(error) => refuse(RefusalCode::NotAuthentic, error.to_string()),
    }
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

/// The relay that serves a patient, on the patient's own word.
pub(crate) fn relay_of(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Option<PartyId>, StoreError> {
    rows::get(txn, RELAYS, &patient.0)
}

/// Gives a party a standing.
pub(crate) fn set_standing(
    txn: &mut dyn Txn,
    party: PartyId,
    standing: &Standing,
) -> Result<(), StoreError> {
    rows::put(txn, STANDINGS, &party.0, standing)
}

/// Takes a party's standing away.
pub(crate) fn clear_standing(txn: &mut dyn Txn, party: PartyId) -> Result<(), StoreError> {
    txn.delete(STANDINGS, &party.0)
}

/// A party's standing, if it has one that still holds.
pub(crate) fn standing(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
    now: Timestamp,
) -> Result<Option<Standing>, StoreError> {
    Ok(rows::get::<Standing>(txn, STANDINGS, &party.0)?.filter(|standing| standing.holds(now)))
}

/// Everybody with a standing that still holds: those that we deal with and that are no members.
pub(crate) fn with_standing(
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
) -> Result<Vec<PartyId>, StoreError> {
    rows::all::<Standing>(txn, STANDINGS, &[])?
        .into_iter()
        .filter(|(_, standing)| standing.holds(now))
        .map(|(key, _)| rows::tail(STANDINGS, &key).map(PartyId))
        .collect()
}

/// Every institution known here, with its card.
pub(crate) fn institutions(txn: &(impl ReadTxn + ?Sized)) -> Result<Vec<Signed<Card>>, StoreError> {
    Ok(rows::all::<PartyRow>(txn, PARTIES, &[])?
        .into_iter()
        .filter_map(|(_, row)| row.card.map(Unverified::from_own_store))
        .collect())
}

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
    party: PartyId,
) -> Result<Option<Introduction>, StoreError> {
    let Some(row) = rows::get::<PartyRow>(txn, PARTIES, &party.0)? else { return Ok(None) };
    let Some(card) = row.card else { return Ok(None) };
    // Certified nodes first. Of the others anybody can have told anything: a little of it is passed on.
    let (mut nodes, hints): (Vec<_>, Vec<_>) =
        nodes_of(txn, party)?.into_iter().partition(|(_, row)| row.certified());
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
    Ok(Some(Introduction { keys: row.keys, card, nodes }))
}

/// [`learn_introduction`] where nothing depends on this one: one that proves nothing is passed over, so
/// that a party who shows different keys to different people spoils nobody else's message.
pub(crate) fn hear_of(
    txn: &mut dyn Txn,
    introduction: Introduction,
) -> Result<Option<PartyId>, StoreError> {
    match learn_introduction(txn, introduction) {
        Ok(party) => Ok(Some(party)),
        Err(Failure::Refused(_)) => Ok(None),
        Err(Failure::Store(error)) => Err(error),
    }
}

/// Takes over what another party told about a third.
pub(crate) fn learn_introduction(
    txn: &mut dyn Txn,
    introduction: Introduction,
) -> Handled<PartyId> {
    let keys = learn_keys(txn, introduction.keys)?;
    learn_card(txn, introduction.card, &keys)?;
    for node in introduction.nodes.into_iter().take(limits::ADDRESSES_MAX) {
        hint_node(txn, node.node, keys.party(), node.addresses)?;
    }
    Ok(keys.party())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{KemSecret, SigningKey};
    use crate::identity::{Role, incept};
    use crate::store::Memory;

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
        };
        let card = Signed::sign(card, &first).to_unverified();
        let mut txn = Memory::default();
        rows::put(
            &mut txn,
            PARTIES,
            &institution.0,
            &PartyRow { keys: log, card: Some(card), ring: None },
        )
        .unwrap();
        let long = Addresses::from(vec!["a".repeat(limits::TEXT_BYTES_MAX); limits::ADDRESSES_MAX]);
        for node in 0..16 {
            hint_node(&mut txn, NodeId([node; 32]), institution, long.clone()).unwrap();
        }
        let short = Addresses::from(vec!["/ip4/192.0.2.1/tcp/4801".to_owned()]);
        learn_node(&mut txn, NodeId([0xff; 32]), institution, Timestamp(9), short.clone()).unwrap();
        let told = introduction(&txn, institution).unwrap().unwrap();
        assert_eq!(told.nodes.len(), 1, "what it said itself");
        assert_eq!(told.nodes[0].addresses, short);
        hint_node(&mut txn, NodeId([0xfe; 32]), institution, short).unwrap();
        let told = introduction(&txn, institution).unwrap().unwrap();
        assert_eq!(told.nodes.len(), 2, "and a short hint");
        assert!(told.to_bytes().len() < 2 * limits::HINTED_BYTES_MAX);
    }
}
