//! What front doors may see without a handler.

use super::drive::route;
use super::view::{ClockView, KeysView, NodeView, PeerView, StatusView, TransferView};
use super::{Peer, Query, View};
use crate::access_log;
use crate::clock;
use crate::codec::{Bytes, Wire};
use crate::directory;
use crate::entries;
use crate::federation;
use crate::id::PartyId;
use crate::identity::PatientKeys;
use crate::members;
use crate::objects;
use crate::outbox;
use crate::patients;
use crate::permission;
use crate::record;
use crate::refusal::{Handled, RefusalCode, refuse};
use crate::store::ReadTxn;
use crate::time::Timestamp;
use crate::turn::Own;
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
            Query::Peers => peers(&self.own, txn)?.into(),
            Query::Status => status(&self.own, txn, now)?.into(),
            Query::Members => federation::view(&self.own, txn, now)?.into(),
            Query::Charts => charts(txn)?.into(),
            Query::Patients => patients::views(txn, now)?.into(),
            Query::Entries { subject, find } => {
                record::entries(txn, *subject, find.as_deref(), keys)?.into()
            }
            Query::Verify { subject } => record::verify(txn, *subject)?.into(),
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
                access_log::own_log(&self.own, txn, now, *subject, *after)?.into()
            }
            Query::CollectedLogs { patient } => access_log::collected(txn, *patient)?.into(),
            Query::Kept { patient } => backup::kept(&self.own, txn, *patient)?.into(),
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
        revocations: permission::revocation_state(txn, party)?
            .map(|state| Bytes(state.bytes().to_vec())),
    })
}

fn peers(own: &Own, txn: &dyn ReadTxn) -> Handled<Vec<PeerView>> {
    let mut views = Vec::new();
    for card in directory::institutions(txn)? {
        if card.institution == own.party() {
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
            member: members::is_member(txn, card.institution)?,
            nodes,
            waiting: outbox::depth(txn, card.institution)?,
        });
    }
    Ok(views)
}

fn status(own: &Own, txn: &dyn ReadTxn, now: Timestamp) -> Handled<StatusView> {
    let federation = federation::view(own, txn, now)?;
    let mut waiting = 0;
    for (to, _) in outbox::waiting(txn)? {
        waiting += outbox::depth(txn, to)?;
    }
    Ok(StatusView {
        institution: own.party(),
        node: own.node(),
        name: own.name().to_owned(),
        role: own.role(),
        federation: federation.federation.map(|_| federation.name),
        member: members::is_member(txn, own.party())?,
        expelled: federation::expulsion(txn, own.party())?,
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
    Ok(entries::charts(txn)?
        .iter()
        .map(|(id, row)| record::view::ChartView::of(*id, row))
        .collect())
}
