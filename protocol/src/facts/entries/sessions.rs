//! Sealing sessions as they are kept: beside the entries that are sealed by them, and open at their author.

use super::wire::{Bundle, Checked, Label};
use crate::codec::wire_struct;
use crate::crypto::WrappingKey;
use crate::directory;
use crate::id::{CompartmentId, PartyId, SessionId};
use crate::identity::Compartment;
use crate::kind::Kind;
use crate::limits;
use crate::object::DataKey;
use crate::own_wrap::OwnWrap;
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::session::{SealedTo, Session, SessionError};
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::{DAY_MS, Timestamp};
use crate::turn::Own;
use rand_core::CryptoRng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Subject, session -> [`Session`]: there as long as an entry that is kept here names it.
const SESSIONS: Table = Table("entry_session");
/// Subject, session -> how many entries name it.
const USES: Table = Table("entry_session_uses");
/// Patient, compartment -> [`OpenRow`]: what this institution seals by now.
const OPEN: Table = Table("entry_session_open");

wire_struct! {
    /// A session that this institution seals by.
    #[derive(Debug, Clone)]
    pub struct OpenRow {
        /// The session.
        1 => session: Session,
        /// Its key.
        2 => key: OwnWrap,
    }
}

/// The sessions that came along with bundles, by what labels name them by.
#[derive(Debug, Default)]
pub struct Sessions(BTreeMap<SessionId, Arc<Session>>);

impl Sessions {
    /// As they came.
    #[must_use]
    pub fn of(sessions: Vec<Session>) -> Self {
        let by_id = |session: Session| (session.id(), Arc::new(session));
        Self(sessions.into_iter().map(by_id).collect())
    }

    /// The one that a label names, if it came along, and is the label's. \[WRP-4\]
    pub(super) fn of_label(&self, label: &Label) -> Handled<Option<Arc<Session>>> {
        let Some(sealed) = &label.sealed else { return Ok(None) };
        let Some(session) = self.0.get(&sealed.session) else { return Ok(None) };
        match session.is_of(label.subject, sealed.compartment, label.author) {
            true => Ok(Some(Arc::clone(session))),
            false => refuse(SessionError::Other),
        }
    }
}

/// A session that this institution seals by, with its key at hand.
#[derive(Clone)]
pub(crate) struct Open {
    session: Arc<Session>,
    id: SessionId,
    key: WrappingKey,
    /// Whether it is to be kept as the open one.
    new: bool,
}

impl Open {
    /// Seals a manifest's key.
    pub(crate) fn seal(&self, key: &DataKey) -> SealedTo {
        let wrap = self.key.wrap(key.expose());
        SealedTo { compartment: self.session.compartment, session: self.id, wrap }
    }

    pub(crate) fn session(&self) -> Arc<Session> {
        Arc::clone(&self.session)
    }

    /// What its author keeps of it, if it has just begun.
    pub(super) fn row(&self, own: &Own) -> Option<OpenRow> {
        let row = || OpenRow {
            session: (*self.session).clone(),
            key: own.wrap(&DataKey::from_bytes(*self.key.expose())),
        };
        self.new.then(row)
    }
}

/// The sessions that entries of one patient are sealed by, each begun once if none is open. \[WRP-5\]
pub(crate) struct Sealer<'a> {
    own: &'a Own,
    patient: PartyId,
    now: Timestamp,
    open: BTreeMap<Kind, Option<Open>>,
}

impl<'a> Sealer<'a> {
    pub(crate) const fn new(own: &'a Own, patient: PartyId, now: Timestamp) -> Self {
        Self { own, patient, now, open: BTreeMap::new() }
    }

    /// Whose entries.
    pub(crate) const fn patient(&self) -> PartyId {
        self.patient
    }

    /// The session to seal entries of a kind by; none where the patient has no compartment for them now.
    pub(crate) fn session(
        &mut self,
        txn: &(impl ReadTxn + ?Sized),
        kind: Kind,
        rng: &mut dyn CryptoRng,
    ) -> Handled<Option<&Open>> {
        if !self.open.contains_key(&kind) {
            let compartment = directory::usable_compartment(txn, self.patient, kind, self.now)?;
            let open = match &compartment {
                None => None,
                Some(compartment) => Some(match self.known(txn, compartment.id())? {
                    Some(open) => open,
                    None => self.begin(compartment, rng)?,
                }),
            };
            self.open.insert(kind, open);
        }
        Ok(self.open.get(&kind).and_then(Option::as_ref))
    }

    /// Those that began are what this institution seals by from now on.
    pub(crate) fn keep_begun(&self, txn: &mut dyn Txn) -> Result<(), StoreError> {
        let rows = self.open.values().flatten().filter_map(|open| open.row(self.own));
        rows.into_iter().try_for_each(|row| put_open(txn, &row))
    }

    fn known(
        &self,
        txn: &(impl ReadTxn + ?Sized),
        compartment: CompartmentId,
    ) -> Result<Option<Open>, StoreError> {
        let row = rows::get::<OpenRow>(txn, OPEN, &rows::pair(&self.patient.0, &compartment.0))?;
        let Some(OpenRow { session, key }) = row else { return Ok(None) };
        let until = session.begun.plus_ms(limits::SESSION_DAYS * DAY_MS);
        let current = key.number == self.own.key_number();
        if !current || self.now >= until || session.begun > self.now {
            return Ok(None);
        }
        let Ok(key) = self.own.unwrap(&key) else { return Ok(None) };
        let key = WrappingKey::from_bytes(*key.expose());
        Ok(Some(Open { id: session.id(), session: Arc::new(session), key, new: false }))
    }

    fn begin(&self, compartment: &Compartment, rng: &mut dyn CryptoRng) -> Handled<Open> {
        let of = (self.patient, compartment);
        let (session, key) = Session::begin(of, self.own.party(), self.now, rng)?;
        Ok(Open { id: session.id(), session: Arc::new(session), key, new: true })
    }
}

/// What this institution seals by from now on: the session that began last.
pub(crate) fn put_open(txn: &mut dyn Txn, row: &OpenRow) -> Result<(), StoreError> {
    let key = rows::pair(&row.session.patient.0, &row.session.compartment.0);
    rows::put(txn, OPEN, &key, row)
}

/// Nothing more is sealed to a patient by the sessions that are open.
pub(crate) fn close(txn: &mut dyn Txn, patient: PartyId) -> Result<(), StoreError> {
    for (key, _) in rows::all::<OpenRow>(txn, OPEN, &patient.0)? {
        txn.delete(OPEN, &key)?;
    }
    Ok(())
}

/// The session that a label names, if it is here.
pub(super) fn session(
    txn: &(impl ReadTxn + ?Sized),
    label: &Label,
) -> Result<Option<Session>, StoreError> {
    let Some(sealed) = &label.sealed else { return Ok(None) };
    rows::get(txn, SESSIONS, &rows::pair(&label.subject.0, &sealed.session.0))
}

/// The session of an entry that came: it came along, or is here.
pub(crate) fn session_of(
    txn: &(impl ReadTxn + ?Sized),
    checked: &Checked,
) -> Result<Option<Arc<Session>>, StoreError> {
    match &checked.session {
        Some(session) => Ok(Some(Arc::clone(session))),
        None => Ok(session(txn, &checked.label)?.map(Arc::new)),
    }
}

/// The sessions that bundles of one patient name, to go along with them, in ascending order of ids.
pub(crate) fn named(
    txn: &(impl ReadTxn + ?Sized),
    bundles: &[Bundle],
) -> Result<Vec<Session>, StoreError> {
    let keys: BTreeSet<_> = bundles
        .iter()
        .map(|bundle| bundle.label.claims())
        .filter_map(|label| Some((label.sealed.as_ref()?.session, label.subject)))
        .collect();
    let mut found = Vec::with_capacity(keys.len());
    for (session, subject) in keys {
        found.extend(rows::get::<Session>(txn, SESSIONS, &rows::pair(&subject.0, &session.0))?);
    }
    Ok(found)
}

/// Refuses an entry whose session neither came along nor is here.
pub(crate) fn require(txn: &(impl ReadTxn + ?Sized), checked: &Checked) -> Handled<()> {
    let label = &checked.label;
    if label.sealed.is_none() || checked.session.is_some() {
        return Ok(());
    }
    let Some(known) = session(txn, label)? else { return refuse(SessionError::Missing) };
    let of = label
        .sealed
        .as_ref()
        .is_some_and(|sealed| known.is_of(label.subject, sealed.compartment, label.author));
    match of {
        true => Ok(()),
        false => refuse(SessionError::Other),
    }
}

/// An entry that is kept names a session.
pub(super) fn enter(
    txn: &mut dyn Txn,
    label: &Label,
    came: Option<&Session>,
) -> Result<(), StoreError> {
    let Some(sealed) = &label.sealed else { return Ok(()) };
    let key = rows::pair(&label.subject.0, &sealed.session.0);
    let uses = rows::get::<u64>(txn, USES, &key)?.unwrap_or(0);
    if let (0, Some(session)) = (uses, came) {
        rows::put(txn, SESSIONS, &key, session)?;
    }
    rows::put(txn, USES, &key, &(uses + 1))
}

/// An entry that named a session is kept no more. \[WRP-6\]
pub(super) fn leave(txn: &mut dyn Txn, label: &Label) -> Result<(), StoreError> {
    let Some(sealed) = &label.sealed else { return Ok(()) };
    let key = rows::pair(&label.subject.0, &sealed.session.0);
    match rows::get::<u64>(txn, USES, &key)?.unwrap_or(0) {
        0 | 1 => {
            txn.delete(SESSIONS, &key)?;
            txn.delete(USES, &key)
        }
        uses => rows::put(txn, USES, &key, &(uses - 1)),
    }
}
