//! Reading and preparing: what the driver asks in order to perform effects.

use super::features::{self, Body};
use super::itself::Peer;
use super::reasons::Reason;
use crate::Addresses;
use crate::clock;
use crate::codes;
use crate::copied;
use crate::directory;
use crate::entries::{self, Bundle, Draft, SealedEntry, Sealer, Sealing};
use crate::grant_keys;
use crate::holdings::{self, Transfer};
use crate::id::{ChartId, EntryId, NodeId, ObjectId, PartyId, TicketId, TransferId};
use crate::identity::{Compartment, KeyRing, KnownKeys};
use crate::members;
use crate::outbox;
use crate::patients;
use crate::record;
use crate::refusal::{Handled, refuse};
use crate::session::Session;
use crate::statement::Unverified;
use crate::store::{ReadTxn, StoreError, Txn};
use crate::time::Timestamp;
use crate::turn::{Effect, Nonce};
use rand_core::CryptoRng;

/// Nodes of an institution and where they were last heard of.
pub type Route = Vec<(NodeId, Vec<String>)>;

/// A message that waits.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its number, for [`Peer::compose`].
    pub number: u64,
    /// How long it is not to be tried yet, in milliseconds.
    pub wait_ms: u64,
    /// Where.
    pub route: Route,
    /// Whether `hello` is to be said before, also in a session: it proves the code that the message is sent for.
    pub anew: bool,
}

impl Peer {
    /// To be called once per start, before anything else.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn start(
        &self,
        txn: &mut dyn Txn,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), StoreError> {
        self.start_counted(txn, now, 0, rng).map(drop)
    }

    /// [`Peer::start`] beside a number that was kept apart from the store, which an earlier start gave: where the store
    /// knows of fewer starts, it was put back from an older copy. Gives this start's number, to be kept there once the
    /// transaction is durable.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn start_counted(
        &self,
        txn: &mut dyn Txn,
        now: Timestamp,
        beside: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<u64, StoreError> {
        let before = clock::read(txn, Timestamp(0))?;
        let now = clock::advance(txn, now)?;
        let number = copied::started(txn, before, now, beside)?;
        let ours = self.own.keys().log().clone();
        let as_store_error = |error: crate::refusal::Failure| match error {
            crate::refusal::Failure::Store(error) => error,
            crate::refusal::Failure::Refused(refusal) => StoreError::Fault(refusal.to_string()),
        };
        directory::learn_keys(txn, ours).map_err(as_store_error)?;
        grant_keys::renew(&self.own, txn, now, rng)?;
        let issued = self.own.issued(now, &grant_keys::shown(txn)?);
        directory::set_own_card(txn, &issued.card)?;
        let expires = issued.certificate.expires;
        directory::learn_node(txn, self.node(), self.me(), expires, Addresses::default())
            .map_err(as_store_error)?;
        Ok(number)
    }

    /// The time that counts when the machine says `now`: never before one that was handled, so that a
    /// clock that jumps back revives nothing. A driver works by it from its start on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn time(&self, txn: &dyn ReadTxn, now: Timestamp) -> Result<Timestamp, StoreError> {
        clock::read(txn, now)
    }

    /// Before [`Peer::start`], on an operator's word that the machine's clock was once wrong and ahead:
    /// takes `now` for the time that counts, and says so on the record. What expired by the wrong time
    /// alone holds again, so this is never done by itself. Codes that were given out meanwhile hold no
    /// longer than a new one would. Gives the time that counted before, if it was later.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn accept_clock(
        &self,
        txn: &mut dyn Txn,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let from = clock::lower(txn, now)?;
        if from.is_some() {
            outbox::due_now(txn)?;
            codes::shorten(txn, now)?;
            grant_keys::shorten(txn, now)?;
        }
        Ok(from)
    }

    /// Everything to take up after a start.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn resume(&self, txn: &dyn ReadTxn, now: Timestamp) -> Result<Vec<Effect>, StoreError> {
        let now = clock::read(txn, now)?;
        let mut effects = Vec::new();
        for (to, not_before) in outbox::waiting(txn)? {
            effects.push(if not_before <= now {
                Effect::Deliver { to }
            } else {
                Effect::WakeAt(not_before)
            });
        }
        for (id, transfer) in holdings::transfers(txn)? {
            effects.push(Effect::Pull { id, from: transfer.from });
        }
        // What became due while we were away is found by the first tick.
        effects.push(Effect::WakeAt(now));
        let next = features::next_due(txn)?.into_iter().chain(grant_keys::next_due(txn)?);
        effects.extend(next.map(|at| Effect::WakeAt(at.max(now))));
        effects.retain(|effect| !matches!(effect, Effect::WakeAt(at) if *at < now));
        Ok(effects)
    }

    /// Whom to greet after a start, and where: they hear that we are back, and what waits there for us is sent
    /// at once. A member greets everybody it knows. A relay greets those it has talked with: of most members of
    /// its federation it was merely told, there are hundreds of relays to each, and they start daily.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn to_greet(&self, txn: &dyn ReadTxn) -> Result<Vec<(PartyId, Route)>, StoreError> {
        let others = directory::others(&self.own, txn)?.into_iter();
        others.map(|party| Ok((party, route(txn, party)?))).collect()
    }

    /// The next message for an institution; one at a time is delivered to each.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn next_delivery(
        &self,
        txn: &dyn ReadTxn,
        now: Timestamp,
        to: PartyId,
    ) -> Result<Option<Delivery>, StoreError> {
        let Some((number, row, stream)) = outbox::first(txn, to)? else { return Ok(None) };
        let wait_ms = stream.not_before.since(clock::read(txn, now)?);
        let code = match codes::any_unproven(txn, to)? {
            true => Body::of_outbox(&row.body)?.code(),
            false => None,
        };
        let anew = match code {
            Some(code) => !codes::is_proven(txn, to, code)?,
            None => false,
        };
        Ok(Some(Delivery { number, wait_ms, route: route(txn, to)?, anew }))
    }

    /// The signed envelope of a waiting message, for one connection: `nonce` is the far side's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn compose(
        &self,
        txn: &dyn ReadTxn,
        to: PartyId,
        number: u64,
        nonce: Nonce,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(outbox::first(txn, to)?.filter(|(first, ..)| *first == number).map(
            |(_, row, stream)| {
                outbox::compose(&self.own, to, number, &row, &stream, nonce).bytes().to_vec()
            },
        ))
    }

    /// Where an institution's nodes were last heard of.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn route(&self, txn: &dyn ReadTxn, to: PartyId) -> Result<Route, StoreError> {
        route(txn, to)
    }

    /// An object to be pulled, and where its holder is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn transfer(
        &self,
        txn: &dyn ReadTxn,
        id: TransferId,
    ) -> Result<Option<(Transfer, Route)>, StoreError> {
        let Some(transfer) = holdings::transfer(txn, id)? else { return Ok(None) };
        let route = route(txn, transfer.from)?;
        Ok(Some((transfer, route)))
    }

    /// The institution that a node speaks for, while its certificate holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn institution_of(
        &self,
        txn: &dyn ReadTxn,
        now: Timestamp,
        node: NodeId,
    ) -> Result<Option<PartyId>, StoreError> {
        directory::institution_of(txn, node, now)
    }

    /// The other institution that a node was last said to speak for, whatever its certificate.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn institution_told(
        &self,
        txn: &dyn ReadTxn,
        node: NodeId,
    ) -> Result<Option<PartyId>, StoreError> {
        let told = directory::institution_told(txn, node)?;
        Ok(told.filter(|institution| *institution != self.me()))
    }

    /// The nodes that are no strangers after a start, and whose they are: each proved once that it speaks for an
    /// institution which may come in still. Their gates stay closed until they say `hello`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn known_nodes(
        &self,
        txn: &dyn ReadTxn,
        now: Timestamp,
    ) -> Result<Vec<(NodeId, PartyId)>, StoreError> {
        let now = clock::read(txn, now)?;
        let mut known = Vec::new();
        for (node, institution) in directory::certified_nodes(txn)? {
            if institution != self.me() && members::admitted(txn, institution, now)? {
                known.push((node, institution));
            }
        }
        Ok(known)
    }

    /// Whether the institution that a node was last said to speak for may come in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn is_known(
        &self,
        txn: &dyn ReadTxn,
        now: Timestamp,
        node: NodeId,
    ) -> Result<bool, StoreError> {
        let now = clock::read(txn, now)?;
        match directory::institution_told(txn, node)? {
            Some(institution) => members::admitted(txn, institution, now),
            None => Ok(false),
        }
    }

    /// Whether a node may pull an object with a ticket now; to be asked again during a long pull.
    ///
    /// # Errors
    /// [`crate::refusal::Failure`].
    pub fn may_pull(
        &self,
        txn: &dyn ReadTxn,
        now: Timestamp,
        node: NodeId,
        ticket: TicketId,
        object: ObjectId,
    ) -> Handled<()> {
        holdings::may_pull(txn, clock::read(txn, now)?, node, ticket, object)
    }

    /// An object that stands in the store itself.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn small_object(
        &self,
        txn: &dyn ReadTxn,
        id: ObjectId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        holdings::small(txn, id)
    }

    /// An entry as it is kept here, for checking it elsewhere.
    ///
    /// # Errors
    /// [`crate::refusal::Failure`] when there is no such entry, or its manifest is missing.
    pub fn bundle(&self, txn: &dyn ReadTxn, subject: PartyId, entry: EntryId) -> Handled<Bundle> {
        let whole = match entries::entry(txn, subject, entry)? {
            Some(row) => entries::whole(txn, &row)?,
            None => None,
        };
        match whole {
            Some(checked) => Ok(checked.to_bundle()),
            None => refuse(entries::Reason::NotInRecord { entry }),
        }
    }

    /// The sessions that entries name, as far as they are kept here: what goes along with them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sessions(
        &self,
        txn: &dyn ReadTxn,
        bundles: &[Bundle],
    ) -> Result<Vec<Session>, StoreError> {
        entries::sessions_named(txn, bundles)
    }

    /// Whether anything holds an object: what nothing holds is swept from the object folder.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn is_held(&self, txn: &dyn ReadTxn, id: ObjectId) -> Result<bool, StoreError> {
        holdings::held(txn, id)
    }

    /// A patient's keys as they were sealed under the passphrase.
    ///
    /// # Errors
    /// [`crate::refusal::Failure`] when this relay does not serve the patient.
    pub fn sealed_patient_keys(&self, txn: &dyn ReadTxn, patient: PartyId) -> Handled<Vec<u8>> {
        patients::sealed_keys(txn, patient)
    }

    /// An institution's name for people, if it is known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn name_of(&self, txn: &dyn ReadTxn, party: PartyId) -> Result<Option<String>, StoreError> {
        if party == self.me() {
            return Ok(Some(self.name().to_owned()));
        }
        Ok(match directory::card(txn, party)? {
            Some(_) => Some(members::name(txn, party)?),
            None => None,
        })
    }

    /// A party's verified keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keys_of(
        &self,
        txn: &dyn ReadTxn,
        party: PartyId,
    ) -> Result<Option<KnownKeys>, StoreError> {
        directory::keys(txn, party)
    }

    /// A patient's newest key ring, for saying it elsewhere.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn ring_of(
        &self,
        txn: &dyn ReadTxn,
        patient: PartyId,
    ) -> Result<Option<Unverified<KeyRing>>, StoreError> {
        Ok(directory::ring(txn, patient)?.map(|ring| ring.to_unverified()))
    }

    /// The compartments of a patient's newest ring, as far as they are known here, for saying them elsewhere.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn compartments_of(
        &self,
        txn: &dyn ReadTxn,
        patient: PartyId,
    ) -> Result<Vec<Compartment>, StoreError> {
        directory::compartments(txn, patient)
    }

    /// The chart that is kept about a subject.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn chart_of(
        &self,
        txn: &dyn ReadTxn,
        subject: PartyId,
    ) -> Result<Option<ChartId>, StoreError> {
        entries::chart_of(txn, subject)
    }

    /// Seals entries for a subject's record: the heavy part of recording, for a pool.
    ///
    /// # Errors
    /// [`crate::refusal::Failure`].
    pub fn seal_entries(
        &self,
        txn: &dyn ReadTxn,
        now: Timestamp,
        subject: PartyId,
        drafts: Vec<Draft>,
        rng: &mut dyn CryptoRng,
    ) -> Handled<Vec<SealedEntry>> {
        if entries::chart_of(txn, subject)?.is_none() {
            return refuse(Reason::NoChart);
        }
        let mut sealer = Sealer::new(&self.own, subject, now);
        drafts
            .into_iter()
            .map(|draft| {
                let session = sealer.session(txn, draft.kind, rng)?;
                entries::seal(draft, &Sealing { own: &self.own, subject, session, now }, rng)
            })
            .collect()
    }

    /// Up to so many entries of a chart that are to be sealed anew, since its enrolment was undone.
    ///
    /// # Errors
    /// [`crate::refusal::Failure`].
    pub fn to_seal_anew(
        &self,
        txn: &dyn ReadTxn,
        subject: PartyId,
        most: usize,
    ) -> Handled<Vec<record::ToSeal>> {
        record::to_seal(&self.own, txn, subject, most)
    }

    /// Seals entries of a chart anew: the heavy part of undoing an enrolment, for a pool.
    ///
    /// # Errors
    /// [`crate::refusal::Failure`].
    pub fn seal_anew(
        &self,
        subject: PartyId,
        drafts: Vec<(EntryId, Timestamp, Draft)>,
        rng: &mut dyn CryptoRng,
    ) -> Handled<Vec<(EntryId, SealedEntry)>> {
        record::seal_anew(&self.own, subject, drafts, rng)
    }
}

pub(super) fn route(txn: &dyn ReadTxn, institution: PartyId) -> Result<Route, StoreError> {
    let now = clock::read(txn, Timestamp(0))?;
    Ok(directory::where_to_look(txn, institution, now)?
        .into_iter()
        .map(|(node, row)| (node, row.addresses.into()))
        .collect())
}
