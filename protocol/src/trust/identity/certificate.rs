//! What an institution signs for its nodes, and a member for the relays of its patients.

use super::KnownKeys;
use crate::codec::wire_struct;
use crate::id::{NodeId, PartyId};
use crate::limits;
use crate::reason::reasons;
use crate::statement::{Signed, Statement, Unverified};
use crate::time::{SECOND_MS, Timestamp};

wire_struct! {
    /// An institution says that a node speaks for it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct NodeCertificate {
        /// The institution.
        1 => institution: PartyId,
        /// Number of the institution's key that signs.
        2 => key: u32,
        /// The node.
        3 => node: NodeId,
        /// From when.
        4 => issued: Timestamp,
        /// Until when; at most [`limits::CERTIFICATE_MS_MAX`] after `issued`.
        5 => expires: Timestamp,
    }
}

impl Statement for NodeCertificate {
    const DOMAIN: &'static str = "chartmesh/1/node";
}

wire_struct! {
    /// A member of a federation says that a relay serves patients that it enrolled.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RelayCertificate {
        /// The member.
        1 => member: PartyId,
        /// Number of the member's key that signs.
        2 => key: u32,
        /// The relay's institution id.
        3 => relay: PartyId,
        /// From when.
        4 => issued: Timestamp,
        /// Until when; at most [`limits::CERTIFICATE_MS_MAX`] after `issued`.
        5 => expires: Timestamp,
    }
}

impl Statement for RelayCertificate {
    const DOMAIN: &'static str = "chartmesh/1/relay";
}

reasons! {
    /// Why a certificate certifies nothing.
    #[derive(Copy)]
    pub enum CertificateError: 10 "certificate" {
        /// Its signer's key log is of another party, or has no such key.
        21 => UnknownKey: NotAuthentic "the certificate names a key that its signer does not have",
        /// Signed with a key that was rotated away.
        22 => OldKey: NotAuthentic "the certificate was signed with a key that is no longer current",
        /// The signature does not verify.
        23 => BadSignature: NotAuthentic "the certificate's signature does not verify",
        /// Not yet valid.
        24 => NotYet: NotAuthentic "the certificate is not valid yet",
        /// No longer valid.
        25 => Expired: NotAuthentic "the certificate has expired",
        /// Valid for longer than allowed.
        26 => TooLong: NotAuthentic "the certificate is valid for longer than allowed",
    }
}

fn check<T: Statement>(
    statement: Unverified<T>,
    signer: PartyId,
    key: u32,
    (issued, expires): (Timestamp, Timestamp),
    keys: &KnownKeys,
    now: Timestamp,
    verified: bool,
) -> Result<Signed<T>, CertificateError> {
    let public =
        keys.key(key).filter(|_| keys.party() == signer).ok_or(CertificateError::UnknownKey)?;
    if key != keys.current_number() {
        return Err(CertificateError::OldKey);
    }
    let signed = if verified {
        statement.from_own_store()
    } else {
        statement.verify(&public).map_err(|_| CertificateError::BadSignature)?
    };
    if issued > now.plus_ms(limits::CLOCK_TOLERANCE_SECONDS * SECOND_MS) {
        return Err(CertificateError::NotYet);
    }
    if expires <= now {
        return Err(CertificateError::Expired);
    }
    if expires.since(issued) > limits::CERTIFICATE_MS_MAX {
        return Err(CertificateError::TooLong);
    }
    Ok(signed)
}

impl Unverified<NodeCertificate> {
    /// Verifies a node's certificate with its institution's keys.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn certify(
        self,
        keys: &KnownKeys,
        now: Timestamp,
    ) -> Result<Signed<NodeCertificate>, CertificateError> {
        self.certified(keys, now, false)
    }

    /// [`Unverified::certify`] where this node verified the signature over these very bytes before; what else
    /// makes it valid is judged again.
    pub(crate) fn certify_again(
        self,
        keys: &KnownKeys,
        now: Timestamp,
    ) -> Result<Signed<NodeCertificate>, CertificateError> {
        self.certified(keys, now, true)
    }

    fn certified(
        self,
        keys: &KnownKeys,
        now: Timestamp,
        verified: bool,
    ) -> Result<Signed<NodeCertificate>, CertificateError> {
        let c = self.claims();
        let (signer, key, valid) = (c.institution, c.key, (c.issued, c.expires));
        check(self, signer, key, valid, keys, now, verified)
    }
}

impl Unverified<RelayCertificate> {
    /// Verifies a relay's certificate with the member's keys.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn certify(
        self,
        keys: &KnownKeys,
        now: Timestamp,
    ) -> Result<Signed<RelayCertificate>, CertificateError> {
        let c = self.claims();
        let (signer, key, valid) = (c.member, c.key, (c.issued, c.expires));
        check(self, signer, key, valid, keys, now, false)
    }
}
