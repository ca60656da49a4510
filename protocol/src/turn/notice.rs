//! What one feature tells another, within the same transaction.

use super::Transfer;
use crate::capability::{Chain, Scope};
use crate::codec::Bytes;
use crate::id::{ChartId, ConsentId, EntryId, PartyId};
use crate::membership::Standpoint;
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// What has happened, or is to be done, and concerns another feature.
#[derive(Debug)]
pub(crate) enum Notice {
    /// A pull ended.
    Pulled {
        /// Which.
        transfer: Transfer,
        /// Whole, or refused for good.
        result: Result<(), Refusal>,
    },
    /// A chart's patient has enrolled.
    Enrolled {
        /// The chart.
        chart: ChartId,
        /// The patient.
        patient: PartyId,
    },
    /// The enrolment in a chart was undone: it was the wrong person's.
    Unenrolled {
        /// Whose it was.
        patient: PartyId,
    },
    /// Entries are about another person, as their author says: they are about to go.
    Misfiled {
        /// In whose record they are.
        subject: PartyId,
        /// Which.
        entries: Vec<EntryId>,
    },
    /// The patient has taken something back, as was heard just now.
    TakenBack {
        /// The patient.
        patient: PartyId,
    },
    /// A patient's key ring has come.
    Ring {
        /// The patient.
        patient: PartyId,
    },
    /// A message went: there is room for another one to the institution. Not told of one that was refused and waits for the next.
    Room {
        /// The institution.
        institution: PartyId,
    },
    /// The patient's keys are at hand: a fresh key ring and revocation state are to be published.
    Publish {
        /// The patient.
        patient: PartyId,
    },
    /// A new key ring was signed with the patient's keys: permissions over whole kinds are to reach its
    /// compartments.
    RingSigned {
        /// The patient.
        patient: PartyId,
    },
    /// An institution deals with a patient from now on, and is to know what was published last.
    Deals {
        /// The patient.
        patient: PartyId,
        /// The institution.
        institution: PartyId,
    },
    /// An institution was given a permission to read: it is to know which entries there are behind it.
    MayRead {
        /// The patient.
        patient: PartyId,
        /// The institution.
        reader: PartyId,
        /// What the permission covers.
        scope: Scope,
    },
    /// A permission was shown or used, and what is known here of revocations is old: news is to be fetched.
    OldNews {
        /// The permission, whose parties may have newer news.
        chain: Chain,
    },
    /// Who treats a patient has changed: readers are to know.
    Treating {
        /// The patient.
        patient: PartyId,
    },
    /// A party told how the federation that it is a member of stands.
    Snapshot {
        /// The party.
        from: PartyId,
        /// The federation, as the feature encodes it.
        federation: Bytes,
        /// Where it stood when it gave out its code.
        anchor: Standpoint,
    },
    /// A party may not have what it was told since: it is to be told again.
    TellAgain {
        /// The party.
        party: PartyId,
        /// Since when.
        since: Timestamp,
    },
    /// A party's store was put back from an older copy: what it keeps since then is in doubt.
    PutBack {
        /// The party.
        party: PartyId,
        /// Since when.
        since: Timestamp,
    },
    /// A party's membership ended: its gate closes.
    PutOut {
        /// The party.
        party: PartyId,
    },
    /// A patient's order is to be carried out: entries are to be deposited.
    Deposit {
        /// The order.
        request: ConsentId,
        /// What, where and for whom.
        deposit: Deposit,
    },
    /// An order's entries were offered to the depositary.
    Deposited {
        /// The order.
        request: ConsentId,
        /// The deposits, one for each page of entries.
        reservations: Vec<[u8; 16]>,
    },
    /// A depositary is ready, and keeps the place of our deposit.
    DepositReady {
        /// The deposit.
        reservation: [u8; 16],
    },
    /// A depositary has durably stored what we deposited.
    Stored {
        /// The deposit.
        reservation: [u8; 16],
    },
    /// A deposit of ours was refused.
    DepositRefused {
        /// The deposit.
        reservation: [u8; 16],
        /// Why.
        refusal: Refusal,
    },
}

/// What is to be deposited.
#[derive(Debug)]
pub(crate) struct Deposit {
    /// Where.
    pub(crate) to: PartyId,
    /// For whom it is to be kept.
    pub(crate) owner: PartyId,
    /// Whose record.
    pub(crate) subject: PartyId,
    /// The entries.
    pub(crate) entries: Vec<EntryId>,
    /// The permission to deposit; none for an institution's own backup.
    pub(crate) chain: Option<Chain>,
    /// Not to be carried out before.
    pub(crate) not_before: Option<Timestamp>,
}
