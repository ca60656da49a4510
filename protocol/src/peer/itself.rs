//! The peer itself: its identity, and what it tells of it.

use crate::copied;
use crate::crypto::PublicKey;
use crate::id::{NodeId, PartyId};
use crate::identity::{KeyLogError, Role};
use crate::members;
use crate::refusal::Handled;
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::turn::{EarlierKeys, Identity, Own, Policy};

/// Which of an institution's signing keys from before its rotations is of use still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlierInUse {
    /// This node follows no federation, and cannot tell.
    Unknown,
    /// The one that the newest view lists, if it is one of these.
    Known(Option<PublicKey>),
}

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

    /// With the keys that its institution had before its rotations, as far as they are of use still.
    #[must_use]
    pub fn with_earlier(self, earlier: EarlierKeys) -> Self {
        Self { own: self.own.with_earlier(earlier) }
    }

    /// Erases the institution's signing keys from before its rotations, but for the one that the federation's newest view
    /// lists still, whose public half this gives: the driver erases them from its disk, too. Nothing is erased while
    /// this node follows no federation: it may be about to take its own up again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn erase_earlier(&self, txn: &dyn ReadTxn) -> Result<EarlierInUse, StoreError> {
        if members::position(txn)?.is_none() {
            return Ok(EarlierInUse::Unknown);
        }
        let listed = members::member(txn, self.me())?.map(|member| member.key);
        let kept = self.own.erase_earlier(listed.as_ref());
        Ok(EarlierInUse::Known(listed.filter(|_| kept)))
    }

    /// The number of the institution's newest key as this node has it, and as the federation's newest view lists it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn own_keys(&self, txn: &dyn ReadTxn) -> Result<(u32, Option<u32>), StoreError> {
        let listed = members::member(txn, self.me())?.map(|member| member.number);
        Ok((self.own.key_number(), listed))
    }

    /// Before [`Peer::start_counted`]: whether its store seems to be an older copy, by the number beside it or by what was
    /// noticed lately.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn seems_put_back(
        &self,
        txn: &dyn ReadTxn,
        now: Timestamp,
        beside: u64,
    ) -> Result<bool, StoreError> {
        copied::seems(txn, now, beside)
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

    /// The driver says whether the disk is almost full. While it is, what would be kept is refused, of others and of this
    /// node's own people; what ends something goes on. \[QUO-5\]
    pub fn set_disk_low(&self, low: bool) {
        self.own.set_disk_low(low);
    }

    /// Refuses while the disk is almost full.
    ///
    /// # Errors
    /// `store.disk-low`.
    pub fn require_room(&self) -> Handled<()> {
        self.own.require_room()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.own.name()
    }
}
