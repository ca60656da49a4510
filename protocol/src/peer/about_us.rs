//! What front doors ask to see of the peer itself.

use super::features;
use crate::backup;
use crate::clock;
use crate::copied::{self, PutBack};
use crate::directory;
use crate::federation::{self, view::ExpelledView};
use crate::holdings;
use crate::id::{NodeId, PartyId};
use crate::identity::{Card, Role};
use crate::members;
use crate::misfiled;
use crate::outbox;
use crate::refusal::Handled;
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::turn::{Listing, Look, Own, Page, Part, Question};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

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
    const NAME: &'static str = "peers";

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
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Status;

impl Question for Status {
    const NAME: &'static str = "status";

    type Answer = StatusView;

    fn answer(&self, look: &Look<'_>) -> Handled<StatusView> {
        status(look.own, look.txn, look.now)
    }
}

/// A known institution.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PeerView {
    /// The institution.
    pub institution: PartyId,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Whether it is a member of our federation.
    pub member: bool,
    /// The number of its current signing key: how often it has rotated.
    pub key: u32,
    /// Since when that key counts, by its own clock; absent for its first.
    #[serde(default)]
    pub key_since: Option<Timestamp>,
    /// Its nodes.
    pub nodes: Vec<NodeView>,
    /// Messages that wait for it.
    pub waiting: usize,
}

/// A node of an institution.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeView {
    /// The node.
    pub node: NodeId,
    /// Where it was last said to listen.
    pub addresses: Vec<String>,
}

/// How this node stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StatusView {
    /// The institution.
    pub institution: PartyId,
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// The federation's name, if it is in one.
    pub federation: Option<String>,
    /// Whether this institution is a member.
    pub member: bool,
    /// This institution's signing key.
    pub key: OwnKeyView,
    /// How it was expelled, if it was.
    #[serde(default)]
    pub expelled: Option<ExpelledView>,
    /// The time that counts here.
    #[serde(default)]
    pub time: Timestamp,
    /// When an operator set it back on purpose, oldest first.
    #[serde(default)]
    pub clock_lowered: Vec<ClockView>,
    /// That its store was put back from an older copy, as it seems; shown for 30 days.
    #[serde(default)]
    pub put_back: Option<PutBackView>,
    /// Of whom that says so alone, within 30 days: it may lie.
    #[serde(default)]
    pub put_back_claims: Vec<PutBackClaimView>,
    /// Messages that wait, by institution.
    pub waiting: usize,
    /// Transfers that have not ended.
    pub transfers: usize,
    /// Entries that were to be kept elsewhere and are not; 1000 stands for more.
    #[serde(default)]
    pub unkept: usize,
    /// Entries of undone enrolments that are still to be sealed anew; 1000 stands for more.
    #[serde(default)]
    pub to_seal_anew: usize,
    /// Entries for which a patient's relay had no room so far; 1000 stands for more.
    #[serde(default)]
    pub unannounced: usize,
    /// Entries that a patient's relay refused within 30 days; 1000 stands for more.
    #[serde(default)]
    pub untaken: usize,
}

/// Which signing key this institution has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnKeyView {
    /// Its number: how often the institution has rotated.
    pub number: u32,
    /// Since when it counts; absent for the first.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// The number of the key that the federation's newest view lists, which signs this member's part in it; absent where
    /// it is no member.
    #[serde(default)]
    pub in_view: Option<u32>,
}

/// This node's store was put back from an older copy: what it lacks is asked for again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PutBackView {
    /// When that was noticed.
    pub noticed: Timestamp,
    /// Since when things may be missing, a day in hand.
    pub since: Timestamp,
    /// Names of those whose numbers say so; nobody's where the count of starts beside the store does.
    pub by: Vec<String>,
    /// Whether the count of starts beside the store says so.
    #[serde(default)]
    pub counted: bool,
}

/// One party's claim that this node's store was put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PutBackClaimView {
    /// Who says so.
    pub party: PartyId,
    /// Its name.
    pub name: String,
    /// When it said so last.
    pub at: Timestamp,
}

/// The time that counts was set back on purpose.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClockView {
    /// To this time.
    pub to: Timestamp,
    /// From this one.
    pub from: Timestamp,
}

/// An institution's nodes, those first that count. Where one of them listens, what was known to listen there before, such as the
/// node that it was until a rotation, stays known as a hint, and is no other node.
fn nodes(txn: &dyn ReadTxn, institution: PartyId) -> Result<Vec<NodeView>, StoreError> {
    let (certified, hints): (Vec<_>, Vec<_>) =
        directory::nodes_of(txn, institution)?.into_iter().partition(|(_, row)| row.certified());
    let view = |(node, row): (NodeId, directory::NodeRow)| NodeView {
        node,
        addresses: row.addresses.into(),
    };
    let mut nodes: Vec<NodeView> = certified.into_iter().map(view).collect();
    let listen: BTreeSet<String> = nodes.iter().flat_map(|node| node.addresses.clone()).collect();
    let hints = hints.into_iter().map(view);
    let others = hints.filter(|hint| hint.addresses.iter().any(|known| !listen.contains(known)));
    nodes.extend(others.collect::<Vec<_>>());
    Ok(nodes)
}

fn peer(txn: &dyn ReadTxn, card: &Card) -> Handled<PeerView> {
    let (name, role) = members::called(txn, card.institution)?;
    let keys = directory::keys(txn, card.institution)?;
    Ok(PeerView {
        institution: card.institution,
        name,
        role: role.unwrap_or(card.role),
        member: members::is_member(txn, card.institution)?,
        key: keys.as_ref().map_or(card.key, |keys| keys.current_number()),
        key_since: keys.and_then(|keys| keys.rotated_at()),
        nodes: nodes(txn, card.institution)?,
        waiting: outbox::depth(txn, card.institution)?,
    })
}

fn put_back(txn: &dyn ReadTxn, now: Timestamp) -> Handled<Option<PutBackView>> {
    let Some(row) = copied::ours(txn, now)? else { return Ok(None) };
    let by = row.by.iter().map(|by| members::name(txn, *by)).collect::<Result<_, _>>()?;
    let PutBack { noticed, since } = row.put_back;
    Ok(Some(PutBackView { noticed, since, by, counted: row.is_counted() }))
}

/// The claims that stand alone: what this node says of itself needs no others.
fn put_back_claims(txn: &dyn ReadTxn, now: Timestamp) -> Handled<Vec<PutBackClaimView>> {
    if copied::ours(txn, now)?.is_some() {
        return Ok(Vec::new());
    }
    let mut views = Vec::new();
    for (party, claim) in copied::claimed(txn, now)? {
        views.push(PutBackClaimView { party, name: members::name(txn, party)?, at: claim.last });
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
        key: OwnKeyView {
            number: own.key_number(),
            since: own.keys().rotated_at(),
            in_view: members::member(txn, own.party())?.map(|member| member.number),
        },
        expelled: federation::expulsion(txn, own.party())?,
        time: now,
        clock_lowered: clock::lowered(txn)?
            .into_iter()
            .map(|(to, from)| ClockView { to, from })
            .collect(),
        put_back: put_back(txn, now)?,
        put_back_claims: put_back_claims(txn, now)?,
        waiting,
        transfers: holdings::transfers(txn)?.len(),
        unkept: backup::unkept(txn)?,
        to_seal_anew: misfiled::to_seal_anew(txn)?,
        unannounced: features::unannounced(txn)?,
        untaken: features::untaken(txn, now)?,
    })
}
