//! What front doors show of the peer itself.

use crate::federation::view::ExpelledView;
use crate::id::{NodeId, PartyId};
use crate::identity::Role;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// How it was expelled, if it was.
    #[serde(default)]
    pub expelled: Option<ExpelledView>,
    /// The time that counts here.
    #[serde(default)]
    pub time: Timestamp,
    /// When an operator set it back on purpose, oldest first.
    #[serde(default)]
    pub clock_lowered: Vec<ClockView>,
    /// Messages that wait, by institution.
    pub waiting: usize,
    /// Transfers that have not ended.
    pub transfers: usize,
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
