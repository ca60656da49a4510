//! The statement, and how lists travel.

use super::listed::Listed;
use super::tree::root;
use crate::codec::{wire_code, wire_struct};
use crate::id::{CompartmentId, PartyId};
use crate::identity::{KeyRing, KnownKeys};
use crate::limits;
use crate::reason::reasons;
use crate::statement::{Signed, Statement, Unverified};
use crate::time::{DAY_MS, SECOND_MS, Timestamp};

wire_struct! {
    /// The relay's signed word on which entries there are: all of one compartment, or those that one
    /// permission names. Of two about the same, the one with the higher `seq` counts.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Catalogue {
        /// The patient.
        1 => patient: PartyId,
        /// The relay that signs; it counts while the patient's key ring names it.
        2 => relay: PartyId,
        /// Number of the relay's key that signs.
        3 => key: u32,
        /// Counts up with every change, and is never below the clock in milliseconds: a relay put back
        /// from an older copy goes on above what others have seen.
        4 => seq: u64,
        /// When.
        5 => issued: Timestamp,
        /// The compartment, whole; none for the entries that a permission names.
        6 => compartment: Option<CompartmentId>,
        /// How many entries.
        7 => count: u64,
        /// The [`root`] over them.
        8 => root: [u8; 32],
    }
}

impl Statement for Catalogue {
    const DOMAIN: &'static str = "chartmesh/1/catalogue";
}

wire_code! {
    /// How a list is to be joined with what came before of the same compartment.
    pub enum Step {
        /// The list begins anew; more may follow.
        1 => Begins,
        /// It goes on.
        2 => Continues,
        /// These are new; together with what is known they lead to the root.
        3 => Adds,
    }
}

wire_struct! {
    /// A catalogue with its entries, or a part of them.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Section {
        /// The catalogue.
        1 => catalogue: Unverified<Catalogue>,
        /// How to join the entries.
        2 => step: Step,
        /// Entries in ascending order. None at all where there are too many to be listed: then count
        /// and root stand alone.
        3 => entries: Vec<Listed>,
    }
}

wire_struct! {
    /// The relay tells a reader which entries there are.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Listing {
        /// Catalogues of one patient.
        1 => sections: Vec<Section>,
    }
}

reasons! {
    /// Why a catalogue does not count.
    #[derive(Copy)]
    pub enum CatalogueError: 27 "catalogue" {
        /// Of another patient, or signed by an institution that the patient's key ring does not name.
        1 => OtherRelay: NotAuthentic "the catalogue is not by the relay that the patient's key ring names",
        /// Names a key that the relay does not have.
        2 => UnknownKey: NotAuthentic "the catalogue names a key that the relay does not have",
        /// The signature does not verify.
        3 => BadSignature: NotAuthentic "the catalogue's signature does not verify",
        /// Issued in the future.
        4 => BadDate: NotAuthentic "the catalogue's date is not possible",
        /// The entries are not in ascending order.
        5 => Unordered: NotAuthentic "the entries of the catalogue are not in ascending order",
        /// Entries that one permission names come whole, and these are not what was signed.
        6 => OtherEntries: NotAuthentic "the entries are not those of the catalogue",
    }
}

impl Unverified<Catalogue> {
    /// Verifies a catalogue by the patient's key ring, which must be verified and the newest known, and
    /// the keys of the relay.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn certify(
        self,
        ring: &KeyRing,
        relay: &KnownKeys,
        now: Timestamp,
    ) -> Result<Signed<Catalogue>, CatalogueError> {
        let claims = self.claims();
        if claims.patient != ring.patient
            || claims.relay != ring.relay
            || claims.relay != relay.party()
        {
            return Err(CatalogueError::OtherRelay);
        }
        if claims.issued > now.plus_ms(limits::CLOCK_TOLERANCE_SECONDS * SECOND_MS) {
            return Err(CatalogueError::BadDate);
        }
        // Numbers follow the relay's clock, so that nobody takes those of all time to come.
        if claims.seq > now.plus_ms(limits::KEY_RING_AHEAD_DAYS * DAY_MS).0 {
            return Err(CatalogueError::BadDate);
        }
        let key = relay.key(claims.key).ok_or(CatalogueError::UnknownKey)?;
        self.verify(&key).map_err(|_| CatalogueError::BadSignature)
    }
}

impl Section {
    /// Whether the entries are in order and, of a catalogue of named entries, exactly those signed.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn check(&self) -> Result<(), CatalogueError> {
        if !self.entries.is_sorted_by(|a, b| a.entry < b.entry) {
            return Err(CatalogueError::Unordered);
        }
        let claims = self.catalogue.claims();
        let whole = claims.count == self.entries.len() as u64 && claims.root == root(&self.entries);
        if claims.compartment.is_none() && !whole {
            return Err(CatalogueError::OtherEntries);
        }
        Ok(())
    }
}
