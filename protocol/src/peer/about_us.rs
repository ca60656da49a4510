//! What front doors ask to see of the peer itself.

use super::drive::route;
use super::view::{ClockView, NodeView, PeerView, StatusView};
use crate::clock;
use crate::directory;
use crate::federation;
use crate::holdings;
use crate::identity::Card;
use crate::members;
use crate::outbox;
use crate::refusal::Handled;
use crate::store::ReadTxn;
use crate::time::Timestamp;
use crate::turn::{Listing, Look, Own, Page, Part, Question};
use serde::{Deserialize, Serialize};

/// Known institutions, in the order of their ids. Patients are parties, too, and are passed over: a page may well be
/// empty before the end.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Peers {
    /// Which part of them.
    #[serde(flatten)]
    pub part: Part,
}

impl Question for Peers {
    type Answer = Page<PeerView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Page<PeerView>> {
        let page = directory::institutions_page(look.txn, &self.part)?;
        page.show(|card| {
            peer(look.txn, &card)
                .map(|view| Some(view).filter(|view| view.institution != look.own.party()))
        })
    }
}

impl Listing for Peers {
    type Item = PeerView;

    fn part(&mut self) -> &mut Part {
        &mut self.part
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

fn peer(txn: &dyn ReadTxn, card: &Card) -> Handled<PeerView> {
    let nodes = route(txn, card.institution)?.into_iter();
    Ok(PeerView {
        institution: card.institution,
        name: card.name.clone(),
        role: card.role,
        member: members::is_member(txn, card.institution)?,
        nodes: nodes.map(|(node, addresses)| NodeView { node, addresses }).collect(),
        waiting: outbox::depth(txn, card.institution)?,
    })
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
        transfers: holdings::transfers(txn)?.len(),
    })
}
