//! Who we are: what a handler may know and sign with.

use crate::crypto::{KemSecret, PublicKey, SigningKey, WrappingKey};
use crate::id::{KemId, NodeId, PartyId};
use crate::identity::{Card, KeyLog, KeyLogError, KnownKeys, NodeCertificate, Role};
use crate::limits;
use crate::object::DataKey;
use crate::own_wrap::OwnWrap;
use crate::reason::reasons;
use crate::refusal::{Handled, refuse};
use crate::session_keys::SessionKeys;
use crate::statement::Signed;
use crate::store;
use crate::time::{DAY_MS, Timestamp};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

reasons! {
    /// Why this node does not do it.
    pub(crate) enum Reason: 15 "turn" {
        1 => NoHospital: WrongRole "this is no hospital node; ask a hospital node for this",
        2 => NoRelay: WrongRole "this is no patient node; ask a patient node for this",
        3 => NoDepositary: WrongRole "this is no backup node; ask a backup node for this",
        4 => PageLimit { most: usize }: Invalid "a page has 1 to {most} items",
        5 => NoSuchPlace: Invalid
            "no page of this listing ended there; begin again, or go on with what its last page said",
        6 => OwnKeyMissing { number: u32 }: WrongState
            "this is under key {number} of this institution, which this node does not have; bring the keystore that has it",
    }
}

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
    /// The institution's own key: it wraps the keys of what the institution keeps, and nobody else is shown it.
    pub own: WrappingKey,
    /// The node's own key, which the transport uses too.
    pub node: SigningKey,
}

/// An institution's keys from before its rotations, as far as they are of use still. They wipe themselves.
#[derive(Default)]
pub struct EarlierKeys {
    /// Signing keys: where the federation's newest view lists one, this institution's part in that view is signed with
    /// it, and nothing else ever is.
    pub signing: Vec<SigningKey>,
    /// Own keys, each with the number of the signing key that it went with: what they wrapped opens as before.
    pub own: Vec<(u32, WrappingKey)>,
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
        Self { retry_ms_min: limits::RETRY_MS_MIN, retry_ms_max: limits::RETRY_MS_MAX }
    }
}

/// How long a node's certificate is made out for.
const CERTIFICATE_MS: u64 = 7 * DAY_MS;
/// For how long the same card and certificate are shown again: whoever verified them once need not do so
/// with every `hello`.
const ISSUE_AGAIN_MS: u64 = DAY_MS;
/// How long before now certificates begin. Time here never goes back, so after a clock that was ahead
/// is set right it is ahead still: by less than this, and others go on opening their gate.
pub(crate) const BACKDATED_MS: u64 = 7 * DAY_MS;

/// Our own identity, with what is at hand between events and decides nothing.
pub(crate) struct Own {
    identity: Identity,
    keys: KnownKeys,
    /// Own keys from before its rotations, by number.
    earlier_own: Vec<(u32, WrappingKey)>,
    /// Keys of sessions whose entries this institution may read.
    pub(crate) sessions: SessionKeys,
    /// Signing keys from before its rotations, until they are of no more use.
    earlier: Mutex<Vec<SigningKey>>,
    /// What a deployment chose.
    pub(crate) policy: Policy,
    /// Whether the disk is almost full, as the driver says.
    disk_low: AtomicBool,
    /// What was signed last to say `hello` with. A peer without it signs anew.
    issued: Mutex<Option<Issued>>,
}

/// What an institution says of itself and of its node.
#[derive(Clone)]
pub(crate) struct Issued {
    /// The institution's card.
    pub(crate) card: Signed<Card>,
    /// The node's certificate.
    pub(crate) certificate: Signed<NodeCertificate>,
    /// The key that the card shows.
    key: KemId,
}

/// The key that the card shows, for grants to be sealed to.
pub(crate) struct ShownKey {
    /// Its id.
    pub(crate) id: KemId,
    /// The key.
    pub(crate) secret: KemSecret,
    /// Until when it is sealed to.
    pub(crate) until: Timestamp,
}

impl Own {
    /// Checks that the keys are what the log says, and that a `hello` with them fits. [ID-13]
    pub(crate) fn new(identity: Identity) -> Result<Self, KeyLogError> {
        if !identity.log.fits_hello() {
            return Err(KeyLogError::TooLong);
        }
        let keys = identity.log.clone().verify()?;
        if keys.current() != identity.institution.public() {
            return Err(KeyLogError::BadSignature(0));
        }
        Ok(Self {
            identity,
            keys,
            earlier_own: Vec::new(),
            sessions: SessionKeys::default(),
            earlier: Mutex::default(),
            policy: Policy::default(),
            disk_low: AtomicBool::new(false),
            issued: Mutex::default(),
        })
    }

    /// With the keys from before the institution's rotations.
    pub(crate) fn with_earlier(self, earlier: EarlierKeys) -> Self {
        let EarlierKeys { signing, own } = earlier;
        Self { earlier: Mutex::new(signing), earlier_own: own, ..self }
    }

    /// The institution's id.
    pub(crate) fn party(&self) -> PartyId {
        self.keys.party()
    }

    /// The node's id.
    pub(crate) fn node(&self) -> NodeId {
        self.identity.node.public().into()
    }

    /// What this peer does.
    pub(crate) const fn role(&self) -> Role {
        self.identity.role
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.identity.name
    }

    /// The key that the node signs with.
    pub(crate) const fn node_key(&self) -> &SigningKey {
        &self.identity.node
    }

    /// The key that the institution signs with.
    pub(crate) const fn institution_key(&self) -> &SigningKey {
        &self.identity.institution
    }

    /// That key's number.
    pub(crate) fn key_number(&self) -> u32 {
        self.keys.current_number()
    }

    /// The key of this institution that a view lists, if it is here: the current one, or one from before a rotation that
    /// is not sealed yet.
    pub(crate) fn key_in_view(&self, listed: &PublicKey) -> Option<SigningKey> {
        let current = self.institution_key();
        let earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        earlier.iter().chain([current]).find(|key| key.public() == *listed).cloned()
    }

    /// Erases the signing keys from before the rotations, but for one that a view lists; gives whether it is here.
    pub(crate) fn erase_earlier(&self, listed: Option<&PublicKey>) -> bool {
        let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        earlier.retain(|key| Some(&key.public()) == listed);
        !earlier.is_empty()
    }

    /// Wraps a data key for the institution itself. \[WRP-8\]
    pub(crate) fn wrap(&self, key: &DataKey) -> OwnWrap {
        OwnWrap { number: self.key_number(), wrap: self.identity.own.wrap(key.expose()) }
    }

    /// The data key that the institution wrapped for itself.
    pub(crate) fn unwrap(&self, wrap: &OwnWrap) -> Handled<DataKey> {
        let own = match wrap.number == self.key_number() {
            true => Some(&self.identity.own),
            false => {
                let mut earlier = self.earlier_own.iter();
                earlier.find(|(number, _)| *number == wrap.number).map(|(_, key)| key)
            }
        };
        let Some(own) = own else { return refuse(Reason::OwnKeyMissing { number: wrap.number }) };
        Ok(DataKey::from_bytes(*own.unwrap(&wrap.wrap)?))
    }

    /// The institution's keys as others know them.
    pub(crate) const fn keys(&self) -> &KnownKeys {
        &self.keys
    }

    /// Card and certificate as of now, or of not long ago, with a key for grants.
    pub(crate) fn issued(&self, now: Timestamp, key: &ShownKey) -> Issued {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |issued: &&Issued| {
            let at = issued.card.issued;
            issued.key == key.id && at <= now && now.since(at) < ISSUE_AGAIN_MS
        };
        if let Some(issued) = issued.as_ref().filter(fresh) {
            return issued.clone();
        }
        let (card, certificate) = (self.card(now, key), self.certificate(now));
        let new = Issued { card, certificate, key: key.id };
        *issued = Some(new.clone());
        new
    }

    fn card(&self, now: Timestamp, key: &ShownKey) -> Signed<Card> {
        // By a clock that was set back the key was made later, and no card says more than others believe.
        let most = now.plus_ms(limits::GRANT_KEY_SEALED_TO_DAYS * DAY_MS);
        let card = Card {
            institution: self.party(),
            key: self.key_number(),
            name: self.identity.name.clone(),
            role: self.identity.role,
            kem: key.secret.public(),
            issued: now,
            until: key.until.min(most),
        };
        Signed::sign(card, &self.identity.institution)
    }

    fn certificate(&self, now: Timestamp) -> Signed<NodeCertificate> {
        let certificate = NodeCertificate {
            institution: self.party(),
            key: self.key_number(),
            node: self.node(),
            issued: now.minus_ms(BACKDATED_MS),
            expires: now.plus_ms(CERTIFICATE_MS),
        };
        Signed::sign(certificate, &self.identity.institution)
    }

    /// The driver's word on the disk.
    pub(crate) fn set_disk_low(&self, low: bool) {
        self.disk_low.store(low, Ordering::Relaxed);
    }

    /// Refuses what would be kept while the disk is almost full.
    pub(crate) fn require_room(&self) -> Handled<()> {
        match self.disk_low.load(Ordering::Relaxed) {
            true => refuse(store::Reason::DiskLow),
            false => Ok(()),
        }
    }

    /// Refuses what this role does not do.
    pub(crate) fn require(&self, role: Role) -> Handled<()> {
        if self.role() == role {
            return Ok(());
        }
        refuse(match role {
            Role::Hospital => Reason::NoHospital,
            Role::Patient => Reason::NoRelay,
            Role::Backup => Reason::NoDepositary,
        })
    }
}
