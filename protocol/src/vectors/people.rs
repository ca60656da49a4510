//! Fixed parties and moments, so that vectors never change by themselves.

use crate::crypto::{KemSecret, SigningKey, WrappingKey};
use crate::id::{NodeId, PartyId, StatementId};
use crate::identity::{Card, KeyLog, KnownKeys, NodeCertificate, Role, Rotation, incept};
use crate::limits;
use crate::peer::{Identity, Peer};
use crate::statement::{Signed, Statement, Unverified};
use crate::time::{DAY_MS, Timestamp};
use core::fmt::Debug;

/// The moment of all vectors: 2026-11-21 09:00 UTC.
pub(super) const NOW: Timestamp = Timestamp(1_795_251_600_000);

/// A day before.
pub(super) const YESTERDAY: Timestamp = Timestamp(NOW.0 - DAY_MS);

/// An institution whose seeds are 32 times one byte: `byte` and `byte + 1` for its signing keys 0 and 1,
/// `byte + 2` for its node, `byte + 3` for its KEM key, `byte + 4` for its signing key 2.
pub(super) struct Institution(pub(super) u8);

pub(super) const HOSPITAL: Institution = Institution(0x10);
pub(super) const PROVIDER: Institution = Institution(0x20);
pub(super) const RELAY: Institution = Institution(0x30);

pub(super) fn key(byte: u8) -> SigningKey {
    SigningKey::from_seed(&[byte; 32])
}

impl Institution {
    pub(super) fn signing(&self) -> SigningKey {
        key(self.0)
    }

    pub(super) fn next(&self) -> SigningKey {
        key(self.0 + 1)
    }

    pub(super) fn node_key(&self) -> SigningKey {
        key(self.0 + 2)
    }

    pub(super) fn node(&self) -> NodeId {
        self.node_key().public().into()
    }

    pub(super) fn kem(&self) -> KemSecret {
        KemSecret::from_seed([self.0 + 3; 32])
    }

    pub(super) fn log(&self) -> KeyLog {
        incept(&self.signing(), &self.next().public())
    }

    pub(super) fn rotated(&self) -> KeyLog {
        self.log().rotated(&Signed::sign(self.rotation(), &self.next()))
    }

    pub(super) fn rotation(&self) -> Rotation {
        Rotation {
            party: self.id(),
            number: 1,
            key: self.next().public(),
            next: key(self.0 + 4).public().digest(),
            kept: Vec::new(),
            at: YESTERDAY,
        }
    }

    pub(super) fn keys(&self) -> KnownKeys {
        self.log().verify().unwrap()
    }

    pub(super) fn id(&self) -> PartyId {
        self.log().party_unverified()
    }

    pub(super) fn card(&self, name: &str, role: Role) -> Card {
        Card {
            institution: self.id(),
            key: 0,
            name: name.to_owned(),
            role,
            kem: self.kem().public(),
            issued: YESTERDAY,
            until: YESTERDAY.plus_ms(limits::GRANT_KEY_SEALED_TO_DAYS * DAY_MS),
        }
    }

    pub(super) fn certificate(&self) -> NodeCertificate {
        NodeCertificate {
            institution: self.id(),
            key: 0,
            node: self.node(),
            issued: YESTERDAY,
            expires: Timestamp(YESTERDAY.0 + 7 * DAY_MS),
        }
    }

    /// Its peer, with this institution's keys and nothing known.
    pub(super) fn peer(&self, name: &str, role: Role) -> Peer {
        let (log, institution, node) = (self.log(), self.signing(), self.node_key());
        let (name, own) = (name.to_owned(), WrappingKey::from_bytes([4; 32]));
        Peer::new(Identity { role, name, log, institution, own, node }).unwrap()
    }

    pub(super) fn sign<T: Statement + Clone>(&self, claims: T) -> Unverified<T> {
        Signed::sign(claims, &self.signing()).to_unverified()
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// A signed statement in hexadecimal digits.
pub(super) fn signed<T: Statement>(claims: T, by: &SigningKey) -> (String, StatementId) {
    let statement = Signed::sign(claims, by);
    (hex(statement.bytes()), statement.id())
}

/// The name of an error's variant, without what it carries.
pub(super) fn variant(error: &impl Debug) -> String {
    format!("{error:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}
