//! The peer itself: its identity, and what it tells of it.

use crate::id::{NodeId, PartyId};
use crate::identity::{KeyLogError, Role};
use crate::refusal::Handled;
use crate::turn::{Identity, Own, Policy};

/// One party's node, without input or output.
pub struct Peer {
    pub(super) own: Own,
}

impl core::fmt::Debug for Peer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Peer({} {:?})", self.role().name(), self.me())
    }
}

impl Peer {
    /// A peer with this identity.
    ///
    /// # Errors
    /// When the key log does not verify or the signing key is not its current one; when there were so
    /// many rotations, or such ones as keep tokens, that the institution's `hello` would not fit.
    /// [ID-13]
    pub fn new(identity: Identity) -> Result<Self, KeyLogError> {
        Ok(Self { own: Own::new(identity)? })
    }

    /// With other policies than the default.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.own.policy = policy;
        self
    }

    /// Its own identity, for tests of what handlers do.
    #[cfg(test)]
    pub(crate) const fn own(&self) -> &Own {
        &self.own
    }

    /// The institution's id.
    #[must_use]
    pub fn me(&self) -> PartyId {
        self.own.party()
    }

    /// The node's id.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.own.node()
    }

    /// What this peer does.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.own.role()
    }

    /// Refuses what only a node of another role does.
    ///
    /// # Errors
    /// A refusal that says whom to ask instead.
    pub fn require(&self, role: Role) -> Handled<()> {
        self.own.require(role)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.own.name()
    }
}
