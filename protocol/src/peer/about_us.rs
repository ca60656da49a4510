//! What front doors ask to see of the peer itself.

use super::drive::route;
use super::view::{ClockView, KeysView, NodeView, PeerView, StatusView, TransferView};
use crate::clock;
use crate::codec::{Bytes, Wire};
use crate::directory;
use crate::federation;
use crate::id::PartyId;
use crate::members;
use crate::objects;
use crate::outbox;
use crate::permission;
use crate::refusal::{Handled, refuse};
use crate::store::ReadTxn;
use crate::time::Timestamp;
use crate::turn::{Look, Own, Question};

/// Known institutions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peers;

impl Question for Peers {
    type Answer = Vec<PeerView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Vec<PeerView>> {
        peers(look.own, look.txn)
    }
}

/// How this node stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct Status;

impl Question for Status {
    type Answer = StatusView;

    fn answer(&self, look: &Look<'_>) -> Handled<StatusView> {
        status(look.own, look.txn, look.now)
    }
}

/// Transfers that have not ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct Transfers;

impl Question for Transfers {
    type Answer = Vec<TransferView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Vec<TransferView>> {
        let transfers = objects::transfers(look.txn)?.into_iter();
        let view = |(id, transfer): (_, objects::Transfer)| TransferView {
            transfer: id,
            from: transfer.from,
            object: transfer.object,
            length: transfer.length,
        };
        Ok(transfers.map(view).collect())
    }
}

/// The key log of a party and, of a patient, the newest revocation state, as known here.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The party.
    pub party: PartyId,
}

impl Question for Keys {
    type Answer = KeysView;

    fn answer(&self, look: &Look<'_>) -> Handled<KeysView> {
        keys_view(look.txn, self.party)
    }
}

fn keys_view(txn: &dyn ReadTxn, party: PartyId) -> Handled<KeysView> {
    let Some(keys) = directory::keys(txn, party)? else {
        return refuse(directory::Reason::KeysUnknown);
    };
    Ok(KeysView {
        party,
        current: keys.current_number(),
        log: Bytes(keys.log().to_bytes()),
        revocations: permission::revocation_state(txn, party)?
            .map(|state| Bytes(state.bytes().to_vec())),
    })
}

fn peers(own: &Own, txn: &dyn ReadTxn) -> Handled<Vec<PeerView>> {
    let mut views = Vec::new();
    for card in directory::institutions(txn)? {
        if card.institution == own.party() {
            continue;
        }
        let nodes = route(txn, card.institution)?
            .into_iter()
            .map(|(node, addresses)| NodeView { node, addresses })
            .collect();
        views.push(PeerView {
            institution: card.institution,
            name: card.name.clone(),
            role: card.role,
            member: members::is_member(txn, card.institution)?,
            nodes,
            waiting: outbox::depth(txn, card.institution)?,
        });
    }
    Ok(views)
}

fn status(own: &Own, txn: &dyn ReadTxn, now: Timestamp) -> Handled<StatusView> {
    let federation = federation::view(own, txn, now)?;
    let mut waiting = 0;
    for (to, _) in outbox::waiting(txn)? {
        waiting += outbox::depth(txn, to)?;
    }
    Ok(StatusView {
        institution: own.party(),
        node: own.node(),
        name: own.name().to_owned(),
        role: own.role(),
        federation: federation.federation.map(|_| federation.name),
        member: members::is_member(txn, own.party())?,
        expelled: federation::expulsion(txn, own.party())?,
        time: now,
        clock_lowered: clock::lowered(txn)?
            .into_iter()
            .map(|(to, from)| ClockView { to, from })
            .collect(),
        waiting,
        transfers: objects::transfers(txn)?.len(),
    })
}
