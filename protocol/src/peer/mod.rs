//! A peer: every feature behind one contract.
//!
//! ```text
//!            prepare                    handle                        commit, then
//!  bytes ───────────────> Checked ──> Event ──────────> Effects ────────────────────> perform
//!          (on a pool)                 one transaction     hints: every consequential
//!                                                          effect is a row as well
//! ```
//!
//! A [`Peer`] keeps nothing but its identity; everything else is in the transaction. What it has at hand besides
//! it would make again, and compares with the transaction before it uses it. The driver (the node, or the
//! simulator) calls:
//!
//! * [`Peer::start`] once per start, then performs what [`Peer::resume`] gives;
//! * [`Peer::handle`] for everything that happens, several events in one transaction if it likes,
//!   and performs the effects once that is durable;
//! * [`Peer::next_delivery`] and [`Peer::compose`] on [`Effect::Deliver`], then
//!   [`Event::Delivery`]; [`Peer::hello`] on a new connection, then [`Event::Welcome`];
//! * [`Peer::transfer`] on [`Effect::Pull`], then [`Event::Transfer`];
//! * [`Peer::may_pull`] and [`Peer::small_object`] when another node pulls;
//! * [`Peer::stock`] at the start, and whenever the disk may have lost something, then
//!   [`Event::Stock`];
//! * [`Peer::query`] for reads that disclose nothing of a record's content.

mod about;
mod command;
mod context;
mod drive;
mod event;
mod handle;
mod hello;
mod query;
mod stock;
mod view;

pub(crate) use command::Notice;
pub use command::{Body, CodeView, Command, Done, Query, View};
pub(crate) use context::Context;
pub use drive::{Delivery, Route};
pub use event::{DeliveryFailure, Effect, Event, Nonce, PatientKeys, RequestId, TransferResult};
pub use handle::CheckedMessage;
pub(crate) use handle::Sender;
pub use hello::{CheckedHello, CheckedWelcome, Hello, HelloReply, Purpose as HelloPurpose};
pub(crate) use hello::{admitted, introduce, introduced};
pub use view::{ClockView, KeysView, NodeView, PeerView, StatusView, TransferView};

use crate::crypto::{KemSecret, SigningKey};
use crate::federation::Kept;
use crate::id::{NodeId, PartyId};
use crate::identity::{Card, KeyLog, KnownKeys, NodeCertificate, Role};
use crate::refusal::{Handled, RefusalCode, refuse};
use crate::statement::Signed;
use crate::time::Timestamp;
use std::sync::{Mutex, PoisonError};

/// Who a peer is.
pub struct Identity {
    /// What it does.
    pub role: Role,
    /// Its name, for people.
    pub name: String,
    /// The institution's key log.
    pub log: KeyLog,
    /// The institution's current signing key.
    pub institution: SigningKey,
    /// The key that grants to the institution are sealed to.
    pub kem: KemSecret,
    /// The node's own key, which the transport uses too.
    pub node: SigningKey,
}

/// What a deployment may choose; what it does not is as [`crate::limits`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Milliseconds before a message that failed is tried again, at first; doubled each time.
    pub retry_ms_min: u64,
    /// The same, at most.
    pub retry_ms_max: u64,
}

impl Default for Policy {
    fn default() -> Self {
        use crate::limits::{RETRY_MS_MAX, RETRY_MS_MIN};
        Self { retry_ms_min: RETRY_MS_MIN, retry_ms_max: RETRY_MS_MAX }
    }
}

/// One party's node, without input or output.
pub struct Peer {
    identity: Identity,
    keys: KnownKeys,
    policy: Policy,
    /// What was signed last to say `hello` with. It decides nothing: a peer without it signs anew.
    issued: Mutex<Option<Issued>>,
    ledger: Kept,
}

/// What an institution says of itself and of its node.
#[derive(Clone)]
struct Issued {
    card: Signed<Card>,
    certificate: Signed<NodeCertificate>,
}

impl core::fmt::Debug for Peer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Peer({} {:?})", self.role().name(), self.me())
    }
}

/// How long a node's certificate is made out for.
const CERTIFICATE_MS: u64 = 7 * crate::time::DAY_MS;
/// For how long the same card and certificate are shown again: whoever verified them once need not do so
/// with every `hello`.
const ISSUE_AGAIN_MS: u64 = crate::time::DAY_MS;
/// How long before now certificates begin. Time here never goes back, so after a clock that was ahead
/// is set right it is ahead still: by less than this, and others go on opening their gate.
pub(crate) const BACKDATED_MS: u64 = 7 * crate::time::DAY_MS;

impl Peer {
    /// A peer with this identity.
    ///
    /// # Errors
    /// When the key log does not verify or the signing key is not its current one; when there were so
    /// many rotations, or such ones as keep tokens, that the institution's `hello` would not fit.
    /// [ID-13]
    pub fn new(identity: Identity) -> Result<Self, crate::identity::KeyLogError> {
        let rotations = &identity.log.rotations;
        if rotations.len() > crate::limits::INSTITUTION_ROTATIONS_MAX
            || rotations.iter().any(|rotation| !rotation.claims().kept.is_empty())
        {
            return Err(crate::identity::KeyLogError::TooLong);
        }
        let keys = identity.log.clone().verify()?;
        if keys.current() != identity.institution.public() {
            return Err(crate::identity::KeyLogError::BadSignature(0));
        }
        Ok(Self {
            identity,
            keys,
            policy: Policy::default(),
            issued: Mutex::default(),
            ledger: Kept::default(),
        })
    }

    /// With other policies than the default.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    pub(crate) const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The institution's id.
    #[must_use]
    pub fn me(&self) -> PartyId {
        self.keys.party()
    }

    /// The node's id.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.identity.node.public().into()
    }

    /// What this peer does.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.identity.role
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.identity.name
    }

    pub(crate) const fn node_key(&self) -> &SigningKey {
        &self.identity.node
    }

    pub(crate) const fn institution_key(&self) -> &SigningKey {
        &self.identity.institution
    }

    pub(crate) const fn kept_ledger(&self) -> &Kept {
        &self.ledger
    }

    pub(crate) fn key_number(&self) -> u32 {
        self.keys.current_number()
    }

    pub(crate) const fn kem(&self) -> &KemSecret {
        &self.identity.kem
    }

    pub(crate) const fn keys(&self) -> &KnownKeys {
        &self.keys
    }

    /// Card and certificate as of now, or of not long ago.
    fn issued(&self, now: Timestamp) -> Issued {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |issued: &&Issued| {
            let at = issued.card.issued;
            at <= now && now.since(at) < ISSUE_AGAIN_MS
        };
        if let Some(issued) = issued.as_ref().filter(fresh) {
            return issued.clone();
        }
        let new = Issued { card: self.card(now), certificate: self.certificate(now) };
        *issued = Some(new.clone());
        new
    }

    fn card(&self, now: Timestamp) -> Signed<Card> {
        let card = Card {
            institution: self.me(),
            key: self.key_number(),
            name: self.identity.name.clone(),
            role: self.identity.role,
            kem: self.identity.kem.public(),
            issued: now,
        };
        Signed::sign(card, &self.identity.institution)
    }

    fn certificate(&self, now: Timestamp) -> Signed<NodeCertificate> {
        let certificate = NodeCertificate {
            institution: self.me(),
            key: self.key_number(),
            node: self.node(),
            issued: now.minus_ms(BACKDATED_MS),
            expires: now.plus_ms(CERTIFICATE_MS),
        };
        Signed::sign(certificate, &self.identity.institution)
    }

    /// Refuses what this role does not do.
    pub(crate) fn require(&self, role: Role) -> Handled<()> {
        if self.role() == role {
            return Ok(());
        }
        refuse(
            RefusalCode::WrongRole,
            format!("this is a {} node; ask a {} node for this", self.role().name(), role.name()),
        )
    }
}
