//! Messages and receipts.

use crate::capability::{Chain, News};
use crate::codec::wire_struct;
use crate::directory::Introduction;
use crate::entries::{Bundle, TurnedDown};
use crate::id::{EntryId, PartyId, StatementId, TicketId};
use crate::identity::{KeyLog, KeyRing};
use crate::receipts::Receipt;
use crate::refusal::Refusal;
use crate::session::Session;
use crate::statement::{Statement, Unverified};
use crate::time::Timestamp;
use crate::turn::{About, messages};

messages! {
    /// The feature's messages.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Message {
        /// A depositor offers entries.
        1 => Offer(Offer) "backup.offer",
        /// The depositor has the data ready to be pulled.
        2 => Execute(Execute) "backup.execute",
        /// The depositary has stored them.
        3 => Stored(Stored) "backup.stored" vital,
        /// An owner has entries deleted.
        4 => Delete(Delete) "backup.delete" vital,
        /// An institution asks for what is kept for it.
        5 => Fetch(Fetch) "backup.fetch" read,
        /// The depositary has given a deposit up: its data did not come, or its permission ended.
        6 => Withdrawn(Withdrawn) "backup.withdrawn" vital,
        /// A depositor tells the patient's relay where entries are kept, with the receipt.
        7 => Kept(Kept) "backup.kept" vital,
        /// A depositor tells the patient's relay what it has had deleted of its own.
        8 => Gone(Gone) "backup.gone" vital,
    }
}

impl About for Message {
    fn patient(&self) -> Option<PartyId> {
        match self {
            Self::Offer(offer) => Some(match offer.bundles.first() {
                Some(bundle) => bundle.label.claims().subject,
                None => offer.owner,
            }),
            Self::Kept(kept) => Some(kept.patient),
            _ => None,
        }
    }
}

wire_struct! {
    /// Offers entries. With a permission it comes with a proof of possession.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Offer {
        /// The deposit, chosen by the depositor.
        1 => reservation: [u8; 16],
        /// For whom they are kept: the patient, or the depositor itself.
        2 => owner: PartyId,
        /// The entries, without content objects.
        3 => bundles: Vec<Bundle>,
        /// For a patient: the permission and what proves it.
        4 => permission: Option<OfferPermission>,
        /// Authors that the depositary may not know.
        5 => authors: Vec<Introduction>,
        /// Without a permission: the key log of the patient whom the labels name, if they name one, so
        /// that the depositary can judge what the patient permits others.
        6 => patient: Option<KeyLog>,
        /// The sessions that the entries are sealed by.
        7 => sessions: Vec<Session>,
    }
}

wire_struct! {
    /// A patient's permission to keep, or to add.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OfferPermission {
        /// The permission.
        1 => chain: Chain,
        /// The patient's key log.
        2 => log: KeyLog,
        /// The patient's key ring.
        3 => ring: Option<Unverified<KeyRing>>,
        /// The newest revocation state that the depositor knows.
        4 => news: News,
        /// The key logs of those who passed the permission on.
        5 => issuers: Vec<KeyLog>,
    }
}

wire_struct! {
    /// The data can be pulled.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Execute {
        /// The deposit.
        1 => reservation: [u8; 16],
        /// For pulling.
        2 => ticket: TicketId,
    }
}

wire_struct! {
    /// Everything of a deposit is stored.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Stored {
        /// The deposit.
        1 => reservation: [u8; 16],
        /// The receipt.
        2 => receipt: Unverified<Receipt>,
        /// Entries that were taken when they were offered and are not kept: their data could not be had.
        3 => except: Vec<TurnedDown>,
    }
}

wire_struct! {
    /// A deposit was given up.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Withdrawn {
        /// The deposit.
        1 => reservation: [u8; 16],
        /// Why.
        2 => refusal: Refusal,
    }
}

wire_struct! {
    /// Tells a patient's relay where entries of the record are kept.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Kept {
        /// The patient.
        1 => patient: PartyId,
        /// The depositary.
        2 => holder: Introduction,
        /// Its receipt.
        3 => receipt: Unverified<Receipt>,
    }
}

wire_struct! {
    /// Tells a patient's relay that the sender's own backup of entries was deleted.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Gone {
        /// The patient.
        1 => patient: PartyId,
        /// The depositary that deleted them.
        2 => holder: PartyId,
        /// The entries.
        3 => entries: Vec<EntryId>,
    }
}

wire_struct! {
    /// The owner's word that entries are to be deleted.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct DeleteOrder {
        /// Who deletes: a patient, or an institution.
        1 => owner: PartyId,
        /// Number of the owner's key that signs.
        2 => key: u32,
        /// Where.
        3 => holder: PartyId,
        /// The entries.
        4 => entries: Vec<EntryId>,
        /// When; an order is good for a day.
        5 => at: Timestamp,
        /// So that no two orders are the same.
        6 => nonce: [u8; 16],
    }
}

impl Statement for DeleteOrder {
    const DOMAIN: &'static str = "chartmesh/1/delete";
}

wire_struct! {
    /// An owner has entries deleted.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Delete {
        /// The order.
        1 => order: Unverified<DeleteOrder>,
    }
}

wire_struct! {
    /// The holder's receipt for a deletion.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Deletion {
        /// The holder.
        1 => holder: PartyId,
        /// Number of its key that signs.
        2 => key: u32,
        /// The order's statement id.
        3 => order: StatementId,
        /// Entries that are gone.
        4 => deleted: Vec<EntryId>,
        /// Entries that were not kept for this owner.
        5 => unknown: Vec<EntryId>,
        /// When.
        6 => at: Timestamp,
    }
}

impl Statement for Deletion {
    const DOMAIN: &'static str = "chartmesh/1/deletion";
}

wire_struct! {
    /// An institution asks for what is kept for it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Fetch {
        /// Tells restores apart.
        1 => restore: [u8; 16],
        /// Only this subject.
        2 => subject: Option<PartyId>,
        /// Only after this position: subject, entry.
        3 => after: Option<Position>,
    }
}

wire_struct! {
    /// A position in what is kept for one owner.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Position {
        /// The subject.
        1 => subject: PartyId,
        /// The entry.
        2 => entry: EntryId,
    }
}

wire_struct! {
    /// A page of what is kept.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct FetchAnswer {
        /// The entries.
        1 => bundles: Vec<Bundle>,
        /// For pulling their content objects.
        2 => ticket: TicketId,
        /// Where the next page begins.
        3 => next: Option<Position>,
        /// The sessions that the entries are sealed by.
        4 => sessions: Vec<Session>,
    }
}
