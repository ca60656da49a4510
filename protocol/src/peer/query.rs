//! What front doors may see without a handler.

use super::drive::route;
use super::view::{ClockView, KeysView, NodeView, PeerView, StatusView, TransferView};
use super::{PatientKeys, Peer, Query, View};
use crate::access_log::{self, view::LogView};
use crate::clock;
use crate::codec::{Bytes, Wire};
use crate::custody;
use crate::directory;
use crate::federation;
use crate::id::PartyId;
use crate::limits;
use crate::objects;
use crate::outbox;
use crate::record::{self, view::EntryView, view::VerifiedView};
use crate::refusal::{Handled, RefusalCode, refuse};
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::{backup, consent};

impl Peer {
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
        expelled: federation::expulsion(txn, peer.me())?,
        time: now,
        clock_lowered: clock::lowered(txn)?
            .into_iter()
            .map(|(to, from)| ClockView { to, from })
            .collect(),
        waiting,
        transfers: objects::transfers(txn)?.len(),
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
