//! Messages.

use crate::access_log;
use crate::capability::{Chain, Grant, News, Purpose};
use crate::codec::{wire_code, wire_struct};
use crate::directory::Introduction;
use crate::entries::Bundle;
use crate::id::{ConsentId, EntryId, PartyId, TicketId};
use crate::identity::{Compartment, KeyLog, KeyRing};
use crate::kind::Kind;
use crate::refusal::Refusal;
use crate::session::Session;
use crate::statement::Unverified;
use crate::time::Timestamp;
use crate::turn::{About, messages};

messages! {
    /// The feature's messages.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Message {
        /// An institution asks a patient.
        1 => Ask(Ask) "consent.ask",
        /// The patient's relay tells whoever asked what the patient decided.
        2 => Decision(Decision) "consent.decision" vital,
        /// The patient's relay gives an institution a permission with its keys.
        3 => Permission(Permission) "consent.permission",
        /// The patient asks a hospital to deposit entries.
        4 => Order(Order) "consent.order",
        /// A hospital tells the relay how an order stands.
        5 => OrderState(OrderState) "consent.order-state" vital,
        /// An institution asks a holder for entries, with a permission.
        6 => Read(ReadRequest) "consent.read" read,
        /// An institution passes on, narrowed, what a patient permitted it.
        7 => PassedOn(Permission) "consent.passed-on",
        /// It tells the patient's relay so.
        8 => Told(Told) "consent.told" vital,
    }
}

impl About for Message {
    fn patient(&self) -> Option<PartyId> {
        match self {
            Self::Ask(ask) => Some(ask.patient),
            Self::Permission(given) | Self::PassedOn(given) => Some(given.log.party_unverified()),
            Self::Order(order) => Some(order.patient),
            Self::OrderState(state) => Some(state.patient),
            Self::Read(read) => Some(read.patient),
            Self::Decision(_) | Self::Told(_) => None,
        }
    }

    fn request(&self) -> Option<ConsentId> {
        match self {
            Self::Ask(ask) => Some(ask.request),
            Self::Permission(given) | Self::PassedOn(given) => Some(given.request),
            Self::Read(read) => Some(read.request),
            _ => None,
        }
    }
}

wire_struct! {
    /// What is wished for, in terms that the patient understands. All given limits hold together.
    #[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    #[serde(default, deny_unknown_fields)]
    pub struct Wish {
        /// Only these kinds; all when empty.
        1 => kinds: Vec<Kind>,
        /// Only these entries; all when empty.
        2 => entries: Vec<EntryId>,
        /// Only what happened from then on.
        3 => since: Option<Timestamp>,
        /// Only what happened before.
        4 => until: Option<Timestamp>,
        /// To add to the record, too.
        5 => write: Option<bool>,
        /// Also what is added later, until then: a standing permission, over whole kinds.
        6 => standing: Option<Timestamp>,
    }
}

wire_struct! {
    /// An institution asks a patient.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Ask {
        /// Chosen by whoever asks.
        1 => request: ConsentId,
        /// The patient.
        2 => patient: PartyId,
        /// What for.
        3 => wish: Wish,
        /// The purpose.
        4 => purpose: Purpose,
        /// On whose behalf, as the institution attests.
        5 => user: String,
        /// A word to the patient.
        6 => message: String,
        /// Who is to see, when it is not whoever asks: a referral.
        7 => for_party: Option<Introduction>,
        /// Until when the patient may decide.
        8 => expires: Timestamp,
    }
}

wire_code! {
    /// How a request stands.
    pub enum RequestState {
        /// The patient has not decided.
        1 => Open,
        /// Permitted, whole or narrowed.
        2 => Approved,
        /// Refused by the patient.
        3 => Refused,
        /// Nobody decided in time.
        4 => Expired,
        /// The patient wants to be asked again later.
        5 => Deferred,
        /// An order: the depositary is ready and keeps the place; the data are to come.
        6 => Ready,
        /// Everything asked for has arrived.
        7 => Done,
        /// It could not be carried out.
        8 => Failed,
    }
}

wire_struct! {
    /// What the patient decided.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Decision {
        /// The request.
        1 => request: ConsentId,
        /// How it stands.
        2 => state: RequestState,
        /// The patient's word.
        3 => reason: String,
        /// For a deferral: when the patient will look again.
        4 => until: Option<Timestamp>,
    }
}

wire_struct! {
    /// A permission for the receiver. Everything in it proves itself. From the patient's relay the grants
    /// are of one link; from an institution that passes on, of two or three, the last its own.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Permission {
        /// The request that it answers.
        1 => request: ConsentId,
        /// The patient's key log.
        2 => log: KeyLog,
        /// The patient's key ring, for adding to the record.
        3 => ring: Unverified<KeyRing>,
        /// The patient's newest revocation state.
        4 => news: News,
        /// Permissions with keys.
        5 => grants: Vec<Grant>,
        /// Who holds the entries.
        6 => holders: Vec<Introduction>,
        /// The compartments of the ring that the grants name.
        7 => compartments: Vec<Compartment>,
    }
}

wire_struct! {
    /// The patient asks a hospital to deposit entries with a depositary.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Order {
        /// The order.
        1 => request: ConsentId,
        /// The patient.
        2 => patient: PartyId,
        /// The upload permission for the hospital to show; no keys.
        3 => chain: Chain,
        /// The entries.
        4 => entries: Vec<EntryId>,
        /// The depositary.
        5 => depositary: Introduction,
        /// Not to be carried out before.
        6 => not_before: Option<Timestamp>,
    }
}

wire_struct! {
    /// How an order stands.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OrderState {
        /// The order.
        1 => request: ConsentId,
        /// The patient.
        2 => patient: PartyId,
        /// How it stands.
        3 => state: RequestState,
        /// Why it failed.
        4 => why: Option<Refusal>,
    }
}

wire_struct! {
    /// Asks a holder for entries. Comes with a proof of possession.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ReadRequest {
        /// Ties pages together.
        1 => request: ConsentId,
        /// The patient.
        2 => patient: PartyId,
        /// The permission.
        3 => chain: Chain,
        /// The patient's key log, as the asker knows it.
        4 => log: KeyLog,
        /// The patient's newest revocation state that the asker knows.
        5 => news: News,
        /// On whose behalf.
        6 => user: String,
        /// What for.
        7 => purpose: Purpose,
        /// Only entries after this one.
        8 => after: Option<EntryId>,
        /// The key logs of those who passed the permission on.
        9 => issuers: Vec<KeyLog>,
    }
}

wire_struct! {
    /// Permissions of a patient that were passed on.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Told {
        /// The patient.
        1 => patient: PartyId,
        /// The permissions, whole.
        2 => chains: Vec<Chain>,
        /// To whom.
        3 => to: Introduction,
        /// Who at the institution passed them on.
        4 => user: String,
    }
}

wire_struct! {
    /// A page of entries.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ReadAnswer {
        /// The entries.
        1 => bundles: Vec<Bundle>,
        /// For pulling their content objects.
        2 => ticket: TicketId,
        /// Where the next page begins.
        3 => next: Option<EntryId>,
        /// The authors of the entries, for checking their labels.
        4 => authors: Vec<Introduction>,
        /// How the holder's log of this patient stands, this read included.
        5 => log_head: Unverified<access_log::Head>,
        /// Of when the holder's news of revocations is, if that is old.
        6 => news: Option<Timestamp>,
        /// The sessions that the entries are sealed by.
        7 => sessions: Vec<Session>,
    }
}
