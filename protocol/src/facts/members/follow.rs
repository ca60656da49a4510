//! A federation for whoever lacks it: the seals since where it stands, and who those are that they speak of.

use super::chain::{charter, newest, passed_number, seals_since, view_at};
use super::reasons::Reason;
use crate::codec::{Bytes, Wire, wire_struct};
use crate::directory::{self, Introduction};
use crate::id::PartyId;
use crate::limits;
use crate::membership::{Charter, Seal, Standpoint, View};
use crate::refusal::{Handled, refuse};
use crate::statement::Unverified;
use crate::store::{ReadTxn, StoreError};
use crate::turn::Context;

wire_struct! {
    /// What leads on from a view.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Follow {
        /// The charter, if it was wanted.
        1 => charter: Option<Unverified<Charter>>,
        /// The view, if it was wanted.
        2 => view: Option<View>,
        /// The seals since.
        3 => seals: Vec<Seal>,
        /// Whether there are more.
        4 => more: bool,
        /// Members that the receiver may not know.
        5 => parties: Vec<Introduction>,
    }
}

/// What leads on from a position; `whole`: to somebody who has nothing yet.
pub(crate) fn leads_on(ctx: &Context<'_>, from: &Standpoint, whole: bool) -> Handled<Follow> {
    let Some(now) = newest(ctx.txn)? else { return refuse(Reason::InNone) };
    if from.federation != now.federation {
        return refuse(Reason::AnotherFederation);
    }
    let passed = passed_number(ctx.txn, from.view)? == Some(from.number);
    let (view, since) = match (passed, whole) {
        (true, true) => (view_at(ctx.txn, from.number)?, from.number),
        (true, false) => (None, from.number),
        (false, true) => return refuse(Reason::NoSuchView),
        // Whoever took another successor somewhere is to see what was sealed here.
        (false, false) => (None, from.number.saturating_sub(limits::FORK_SHOWN_MAX)),
    };
    let (seals, more) = seals_since(ctx.txn, since, limits::FOLLOW_BYTES_MAX)?;
    let news: Vec<PartyId> = match whole {
        true => now.members.iter().map(|member| member.party).collect(),
        false => seals
            .iter()
            .flat_map(|seal| &seal.change.admitted)
            .map(|application| application.claims().member.party)
            .collect(),
    };
    let charter = charter(ctx.txn)?.filter(|_| whole).map(|charter| charter.to_unverified());
    let parties = introductions(ctx.txn, news.into_iter())?;
    Ok(Follow { charter, view: view.map(|view| View::clone(&view)), seals, more, parties })
}

/// What is known of each, as far as there is room.
fn introductions(
    txn: &(impl ReadTxn + ?Sized),
    parties: impl Iterator<Item = PartyId>,
) -> Result<Vec<Introduction>, StoreError> {
    let (mut introductions, mut room) = (Vec::new(), limits::FOLLOW_BYTES_MAX);
    for party in parties {
        let Some(introduction) = directory::introduction(txn, party)? else { continue };
        // One that is too long shuts out none of those after it.
        let bytes = introduction.to_bytes().len();
        if bytes <= room && introductions.len() < limits::LIST_ITEMS_MAX {
            room -= bytes;
            introductions.push(introduction);
        }
    }
    Ok(introductions)
}

/// The federation for a relay of a patient that enrols here: from where this node stood when it gave out the code. None, if
/// it was in none, or is in another by now.
pub(crate) fn snapshot(ctx: &Context<'_>, anchor: Option<Standpoint>) -> Handled<Option<Bytes>> {
    let ours = super::chain::position(ctx.txn)?;
    let same = |anchor: &Standpoint| ours.is_some_and(|ours| ours.federation == anchor.federation);
    let Some(anchor) = anchor.filter(same) else { return Ok(None) };
    Ok(Some(Bytes(leads_on(ctx, &anchor, true)?.to_bytes())))
}
