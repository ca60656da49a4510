//! Reading: what the driver asks in order to perform effects, and what front doors may see.

use super::{Effect, Nonce, PatientKeys, Peer, Query, View};
use crate::Addresses;
use crate::access_log::{self, view::LogView};
use crate::clock;
use crate::codec::{Bytes, Wire};
use crate::custody;
use crate::directory;
use crate::federation;
use crate::id::{EntryId, NodeId, ObjectId, PartyId, TicketId, TransferId};
use crate::identity::Role;
use crate::limits;
use crate::objects::{self, Transfer};
use crate::outbox;
use crate::record::{self, view::EntryView, view::VerifiedView};
use crate::refusal::{Handled, RefusalCode, refuse};
use crate::store::{ReadTxn, StoreError, Txn};
use crate::time::Timestamp;
use crate::{backup, consent};
use serde::{Deserialize, Serialize};

/// Nodes of an institution and where they were last heard of.
pub type Route = Vec<(NodeId, Vec<String>)>;

/// A message that waits.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its number, for [`Peer::compose`].
    pub number: u64,
    /// Not to be tried before.
    pub not_before: Timestamp,
    /// Where.
    pub route: Route,
}

/// A known institution.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PeerView {
    /// The institution.
    pub institution: PartyId,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Whether it is a member of our federation.
    pub member: bool,
    /// Its nodes.
    pub nodes: Vec<NodeView>,
    /// Messages that wait for it.
    pub waiting: usize,
}

/// A node of an institution.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NodeView {
    /// The node.
    pub node: NodeId,
    /// Where it was last said to listen.
    pub addresses: Vec<String>,
}

/// How this node stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatusView {
    /// The institution.
    pub institution: PartyId,
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// The federation's name, if it is in one.
    pub federation: Option<String>,
    /// Whether this institution is a member.
    pub member: bool,
    /// Messages that wait, by institution.
    pub waiting: usize,
    /// Transfers that have not ended.
    pub transfers: usize,
    /// The time that counts here; it never goes back.
    pub now: Timestamp,
}

/// An object on its way here.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TransferView {
    /// The transfer.
    pub transfer: TransferId,
    /// The institution that has the object.
    pub from: PartyId,
    /// The object.
    pub object: ObjectId,
    /// Bytes of its file.
    pub length: u64,
}

/// What proves a party's signatures, for checking them elsewhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeysView {
    /// The party.
    pub party: PartyId,
    /// Number of its current key.
    pub current: u32,
    /// Its key log, encoded.
    pub log: Bytes,
    /// The newest revocation state, as signed.
    pub revocations: Option<Bytes>,
}

impl Peer {
    /// To be called once per start, before anything else.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn start(&self, txn: &mut dyn Txn, now: Timestamp) -> Result<(), StoreError> {
        let now = clock::advance(txn, now)?;
        let ours = self.keys().log().clone();
        let as_store_error = |error: crate::refusal::Failure| match error {
            crate::refusal::Failure::Store(error) => error,
            crate::refusal::Failure::Refused(refusal) => StoreError::Fault(refusal.text),
        };
        let keys = directory::learn_keys(txn, ours).map_err(as_store_error)?;
        directory::learn_card(txn, self.card(now).to_unverified(), &keys)
            .map_err(as_store_error)?;
        let expires = self.certificate(now).expires;
        directory::learn_node(txn, self.node(), self.me(), expires, Addresses::default())
            .map_err(as_store_error)
    }

    /// Everything to take up after a start.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn resume(&self, txn: &dyn ReadTxn, now: Timestamp) -> Result<Vec<Effect>, StoreError> {
        let mut effects = Vec::new();
        for (to, not_before) in outbox::waiting(txn)? {
            effects.push(if not_before <= now {
                Effect::Deliver { to }
            } else {
                Effect::WakeAt(not_before)
            });
        }
        for (id, _) in objects::transfers(txn)? {
            effects.push(Effect::Pull { id });
        }
        // What became due while we were away is found by the first tick.
        effects.push(Effect::WakeAt(now));
        effects.extend(consent::next_due(txn)?.map(|at| Effect::WakeAt(at.max(now))));
        effects.extend(backup::next_due(txn)?.map(|at| Effect::WakeAt(at.max(now))));
        effects.retain(|effect| !matches!(effect, Effect::WakeAt(at) if *at < now));
        Ok(effects)
    }

    /// The next message for an institution; one at a time is delivered to each.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn next_delivery(
        &self,
        txn: &dyn ReadTxn,
        _now: Timestamp,
        to: PartyId,
    ) -> Result<Option<Delivery>, StoreError> {
        let Some((number, _, stream)) = outbox::first(txn, to)? else { return Ok(None) };
        Ok(Some(Delivery { number, not_before: stream.not_before, route: route(txn, to)? }))
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
                outbox::compose(self, to, number, &row, &stream, nonce).bytes().to_vec()
            },
        ))
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
        let Some(transfer) = objects::transfer(txn, id)? else { return Ok(None) };
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
        objects::may_pull(txn, clock::read(txn, now)?, node, ticket, object)
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
        objects::small(txn, id)
    }

    /// An entry as it is kept here, for checking it elsewhere.
    ///
    /// # Errors
    /// [`crate::refusal::Failure`] when there is no such entry, or its manifest is missing.
    pub fn bundle(
        &self,
        txn: &dyn ReadTxn,
        subject: PartyId,
        entry: EntryId,
    ) -> Handled<record::Bundle> {
        let whole = match record::entry(txn, subject, entry)? {
            Some(row) => record::whole(txn, &row)?,
            None => None,
        };
        match whole {
            Some(checked) => Ok(checked.to_bundle()),
            None => refuse(RefusalCode::NotFound, format!("no entry {entry} in this record")),
        }
    }

    /// Whether anything holds an object: what nothing holds is swept from the object folder.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn is_held(&self, txn: &dyn ReadTxn, id: ObjectId) -> Result<bool, StoreError> {
        objects::held(txn, id)
    }

    /// A patient's keys as they were sealed under the passphrase.
    ///
    /// # Errors
    /// [`crate::refusal::Failure`] when this relay does not serve the patient.
    pub fn sealed_patient_keys(&self, txn: &dyn ReadTxn, patient: PartyId) -> Handled<Vec<u8>> {
        custody::sealed_keys(txn, patient)
    }

    /// A party's verified keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keys_of(
        &self,
        txn: &dyn ReadTxn,
        party: PartyId,
    ) -> Result<Option<crate::identity::KnownKeys>, StoreError> {
        directory::keys(txn, party)
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
        drafts: Vec<record::Draft>,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Handled<Vec<record::SealedEntry>> {
        if record::chart_of(txn, subject)?.is_none() {
            return refuse(
                RefusalCode::NotFound,
                "no chart of this patient here; open one with `chartmesh patient new`",
            );
        }
        let own = self.kem().public();
        drafts
            .into_iter()
            .map(|draft| {
                let compartment = directory::usable_compartment(txn, subject, draft.kind, now)?;
                let sealing = record::sealing(self, subject, &own, compartment.as_ref(), now);
                record::seal(draft, &sealing, rng)
            })
            .collect()
    }

    /// Answers a front door from a snapshot. `keys` are a patient's, when they are unlocked.
    ///
    /// # Errors
    /// [`crate::refusal::Failure`].
    pub fn query(
        &self,
        txn: &dyn ReadTxn,
        now: Timestamp,
        query: &Query,
        keys: Option<&PatientKeys>,
    ) -> Handled<View> {
        let now = clock::read(txn, now)?;
        Ok(match query {
            Query::Peers => peers(self, txn)?.into(),
            Query::Status => status(self, txn, now)?.into(),
            Query::Members => federation::view(self, txn, now)?.into(),
            Query::Charts => charts(txn)?.into(),
            Query::Patients => custody::views(txn, now)?.into(),
            Query::Entries { subject, find } => {
                entries(txn, *subject, find.as_deref(), keys)?.into()
            }
            Query::Verify { subject } => verify(txn, *subject)?.into(),
            Query::Requests { patient } => {
                let mut views = Vec::new();
                for (id, row) in consent::requests(txn)? {
                    if patient.is_none_or(|patient| patient == row.patient) {
                        views.push(consent::view::RequestView::of(txn, id, &row)?);
                    }
                }
                views.sort_by_key(|view| view.asked);
                views.into()
            }
            Query::Grants { patient } => consent::grants(txn, *patient, now)?.into(),
            Query::AccessLog { subject, after } => {
                own_log(self, txn, now, *subject, *after)?.into()
            }
            Query::CollectedLogs { patient } => access_log::collected(txn, *patient)?.into(),
            Query::Kept { patient } => backup::kept(self, txn, *patient)?.into(),
            Query::Keys { party } => keys_view(txn, *party)?.into(),
            Query::Transfers => objects::transfers(txn)?
                .into_iter()
                .map(|(id, transfer)| TransferView {
                    transfer: id,
                    from: transfer.from,
                    object: transfer.object,
                    length: transfer.length,
                })
                .collect::<Vec<_>>()
                .into(),
        })
    }
}

fn keys_view(txn: &dyn ReadTxn, party: PartyId) -> Handled<KeysView> {
    let Some(keys) = directory::keys(txn, party)? else {
        return refuse(RefusalCode::NotFound, "nothing is known of this party's keys here");
    };
    Ok(KeysView {
        party,
        current: keys.current_number(),
        log: Bytes(keys.log().to_bytes()),
        revocations: consent::revocation_state(txn, party)?
            .map(|state| Bytes(state.bytes().to_vec())),
    })
}

fn route(txn: &dyn ReadTxn, institution: PartyId) -> Result<Route, StoreError> {
    Ok(directory::nodes_of(txn, institution)?
        .into_iter()
        .map(|(node, row)| (node, row.addresses.into()))
        .collect())
}

fn peers(peer: &Peer, txn: &dyn ReadTxn) -> Handled<Vec<PeerView>> {
    let mut views = Vec::new();
    for card in directory::institutions(txn)? {
        if card.institution == peer.me() {
            continue;
        }
        let nodes = route(txn, card.institution)?
            .into_iter()
            .map(|(node, addresses)| NodeView { node, addresses })
            .collect();
        views.push(PeerView {
            institution: card.institution,
            name: card.name.clone(),
            role: card.role,
            member: federation::is_member(txn, card.institution)?,
            nodes,
            waiting: outbox::depth(txn, card.institution)?,
        });
    }
    Ok(views)
}

fn status(peer: &Peer, txn: &dyn ReadTxn, now: Timestamp) -> Handled<StatusView> {
    let federation = federation::view(peer, txn, now)?;
    let mut waiting = 0;
    for (to, _) in outbox::waiting(txn)? {
        waiting += outbox::depth(txn, to)?;
    }
    Ok(StatusView {
        institution: peer.me(),
        node: peer.node(),
        name: peer.name().to_owned(),
        role: peer.role(),
        federation: federation.federation.map(|_| federation.name),
        member: federation::is_member(txn, peer.me())?,
        waiting,
        transfers: objects::transfers(txn)?.len(),
        now,
    })
}

fn charts(txn: &dyn ReadTxn) -> Handled<Vec<record::view::ChartView>> {
    Ok(record::charts(txn)?.iter().map(|(id, row)| record::view::ChartView::of(*id, row)).collect())
}

fn entries(
    txn: &dyn ReadTxn,
    subject: PartyId,
    find: Option<&str>,
    keys: Option<&PatientKeys>,
) -> Handled<Vec<EntryView>> {
    let mut views = Vec::new();
    for found in record::entries(txn, subject)? {
        let author = directory::name(txn, found.row.label.claims().author)?;
        let holders = record::holders(txn, subject, found.entry)?;
        let mut view = EntryView::of(&found, author, holders);
        let mut matches =
            found.index.as_ref().is_some_and(|index| find.is_none_or(|text| index.matches(text)));
        if let Some(keys) = keys.filter(|keys| keys.patient == subject && found.row.wrap.is_some())
        {
            let (manifest, _) = record::open_as_patient(txn, keys, &found.row)?;
            view.tell(&manifest);
            matches = find.is_none_or(|text| {
                manifest.title.to_lowercase().contains(&text.to_lowercase())
                    || manifest
                        .terms
                        .iter()
                        .any(|term| term.value.to_lowercase().contains(&text.to_lowercase()))
            });
        }
        if find.is_none() || matches {
            views.push(view);
        }
    }
    views.sort_by_key(|view| (view.effective.unwrap_or(view.recorded), view.recorded));
    Ok(views)
}

fn verify(txn: &dyn ReadTxn, subject: PartyId) -> Handled<VerifiedView> {
    let catalogue = record::catalogue::view(txn, subject)?;
    let mut verified =
        VerifiedView { good: 0, bad: Vec::new(), dangling: Vec::new(), elsewhere: 0, catalogue };
    for entry in verified.catalogue.iter().flat_map(|catalogue| &catalogue.other_label) {
        verified.bad.push(format!(
            "entry {entry}: its label is not the one that the patient's catalogue lists"
        ));
    }
    let entries = record::entries(txn, subject)?;
    for found in &entries {
        match verify_entry(txn, found) {
            Ok(()) => verified.good += 1,
            Err(crate::refusal::Failure::Refused(refusal)) => verified.bad.push(refusal.text),
            Err(error) => return Err(error),
        }
        verified.elsewhere += usize::from(!found.row.whole);
        let adds_to = found.index.as_ref().and_then(|index| index.adds_to);
        if adds_to.is_some_and(|original| !entries.iter().any(|other| other.entry == original)) {
            verified.dangling.push(found.entry);
        }
    }
    Ok(verified)
}

/// Checks an entry again from its bytes, as if it had just arrived.
fn verify_entry(txn: &dyn ReadTxn, found: &record::Found) -> Handled<()> {
    let author = found.row.label.claims().author;
    let Some(keys) = directory::keys(txn, author)? else {
        return refuse(
            RefusalCode::NotAuthentic,
            format!("entry {}: its author is not known", found.entry),
        );
    };
    let Some(whole) = record::whole(txn, &found.row)? else {
        return refuse(
            RefusalCode::NotFound,
            format!("entry {}: its manifest is missing", found.entry),
        );
    };
    whole.to_bundle().check(&keys)?;
    let mut lost = Vec::new();
    for content in &found.row.contents {
        if let Some(damage) = damage(txn, found, content)? {
            lost.push(format!("object {} is {damage}", content.object));
        }
    }
    if lost.is_empty() {
        return Ok(());
    }
    refuse(RefusalCode::NotFound, format!("entry {}: {}", found.entry, lost.join(", ")))
}

/// What is wrong with a content object that ought to be here; files are the node's to look at.
fn damage(
    txn: &dyn ReadTxn,
    found: &record::Found,
    content: &objects::ContentRef,
) -> Result<Option<&'static str>, StoreError> {
    if let Some(lost) = objects::lost(txn, content.object)? {
        return Ok(Some(if lost.damaged { "damaged" } else { "lost" }));
    }
    if !found.row.whole || content.length > limits::SMALL_OBJECT_BYTES_MAX as u64 {
        return Ok(None);
    }
    Ok(match objects::small(txn, content.object)? {
        Some(bytes) if blake3::hash(&bytes) != content.object.0 => Some("damaged"),
        _ => None,
    })
}

fn own_log(
    peer: &Peer,
    txn: &dyn ReadTxn,
    now: Timestamp,
    subject: PartyId,
    after: u64,
) -> Handled<LogView> {
    let lines = access_log::lines(txn, subject, after, limits::LOG_PAGE_MAX)?;
    let head = access_log::head(peer, txn, now, subject)?;
    let whole = lines.last().map_or(after, |line| line.seq) == head.seq;
    let before = lines.first().map_or([0; 32], |line| line.before);
    let judged = access_log::verify_chain((after, before), &lines, &head);
    let problem = judged.err().filter(|_| whole).map(|error| error.to_string());
    Ok(LogView {
        holder: peer.me(),
        holder_name: peer.name().to_owned(),
        subject,
        lines: access_log::named(txn, lines)?,
        length: head.seq,
        at: head.at,
        verified: problem.is_none(),
        problem,
        shown: Vec::new(),
    })
}
