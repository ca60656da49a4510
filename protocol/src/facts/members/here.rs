//! This member's part in the newest view: ballots, what was said, and what this node is bound to.

use super::chain::newest;
use crate::codec::{wire_enum, wire_struct};
use crate::id::PartyId;
use crate::limits;
use crate::membership::{
    Act, Ballot, Ballots, Bound, CheckedView, Copied, Part, Said, Sealing, Speech, Unsaid, Word,
};
use crate::refusal::Handled;
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table};
use crate::time::{HOUR_MS, Timestamp};
use crate::turn::{Context, Own};
use std::collections::BTreeMap;

/// Nothing -> [`Part`], of the newest view.
const PART: Table = Table("federation_part");
/// Running number -> [`Item`]: what was said in the newest view, by whomever, in the order in which it came here.
const SAID: Table = Table("federation_said");
/// Nothing -> the next running number. It goes on from view to view: others were told up to one.
const NEXT: Table = Table("federation_next");
/// Member -> [`ReplacedRow`].
const REPLACED: Table = Table("federation_replaced");
/// Nothing -> since when this node stands at the newest view.
const SINCE: Table = Table("federation_since");

wire_enum! {
    /// Something said in a view.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Item {
        /// A ballot.
        1 => Ballot(Unverified<Ballot>),
        /// A speech.
        2 => Speech(Unverified<Speech>),
        /// A word.
        3 => Word(Word),
    }
}

wire_struct! {
    /// How often a ballot was replaced in an hour.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ReplacedRow {
        /// Hours since 1970.
        1 => hour: u64,
        /// How often.
        2 => times: u32,
    }
}

wire_struct! {
    /// When this node began to stand at the newest view.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SinceRow {
        /// When.
        1 => at: Timestamp,
    }
}

/// The newest view and this node's part in it.
pub(crate) struct Here {
    /// What was decided.
    pub(crate) ballots: Ballots,
    /// What is being sealed.
    pub(crate) part: Sealing,
    /// Since when the view is the newest here.
    pub(crate) since: Timestamp,
    items: BTreeMap<u64, Item>,
    next: u64,
}

/// This node's part, if it follows a federation.
pub(crate) fn here(own: &Own, txn: &(impl ReadTxn + ?Sized)) -> Result<Option<Here>, StoreError> {
    let Some(view) = newest(txn)? else { return Ok(None) };
    let mut items = BTreeMap::new();
    for (key, item) in rows::all::<Item>(txn, SAID, &[])? {
        items.insert(u64::from_be_bytes(rows::tail(SAID, &key)?), item);
    }
    let mut ballots = Ballots::default();
    let mut said = Vec::new();
    for item in items.values() {
        match item {
            Item::Ballot(ballot) => {
                ballots.take(ballot.clone().from_own_store());
            }
            Item::Speech(speech) => said.push(Said::Speech(speech.clone().from_own_store())),
            Item::Word(word) => said.push(Said::Word(*word)),
        }
    }
    let part = rows::get::<Part>(txn, PART, &[])?.unwrap_or_default();
    let part = Sealing::resume(view, own.party(), part, said.into_iter());
    let since = rows::get::<SinceRow>(txn, SINCE, &[])?.map_or(Timestamp(0), |row| row.at);
    let next = rows::get::<u64>(txn, NEXT, &[])?.unwrap_or(1);
    Ok(Some(Here { ballots, part, since, items, next }))
}

/// When a wait of this member is over, if it waits.
pub(crate) fn due(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<Timestamp>, StoreError> {
    let Some(part) = rows::get::<Part>(txn, PART, &[])? else { return Ok(None) };
    if part.bound.copy.is_some() {
        return Ok(Some(Timestamp(0)));
    }
    let since = part.since.filter(|_| !part.bound.gave_up);
    Ok(since.map(|since| since.plus_ms(part.bound.wait_ms())))
}

/// This node's store may lack what it signed: it signs nothing that could contradict that. [FED-17]
pub(crate) fn lose(ctx: &mut Context<'_>) -> Result<(), StoreError> {
    let part = rows::get::<Part>(ctx.txn, PART, &[])?.unwrap_or_default();
    let bound = Bound { copy: Some(Copied::Asking), ..Bound::default() };
    rows::put(ctx.txn, PART, &[], &Part { bound, ..part })
}

/// What binds this node in a view that was sealed in that round, by what binds it in the one before.
pub(super) fn bound_after(
    txn: &(impl ReadTxn + ?Sized),
    sealed_in: u32,
) -> Result<Bound, StoreError> {
    let part = rows::get::<Part>(txn, PART, &[])?.unwrap_or_default();
    Ok(part.bound.next(sealed_in))
}

/// A new view: all that was said in the one before is of no more use. [FED-20]
pub(super) fn begin(ctx: &mut Context<'_>, bound: Bound) -> Result<(), StoreError> {
    for table in [PART, SAID, REPLACED] {
        for (key, _) in rows::keys(ctx.txn, table)? {
            ctx.txn.delete(table, &key)?;
        }
    }
    rows::put(ctx.txn, PART, &[], &Part { bound, ..Part::default() })?;
    rows::put(ctx.txn, SINCE, &[], &SinceRow { at: ctx.now })
}

pub(super) fn forget(ctx: &mut Context<'_>) -> Result<(), StoreError> {
    begin(ctx, Bound::default())?;
    ctx.txn.delete(PART, &[])?;
    ctx.txn.delete(SINCE, &[])
}

/// How often a member's ballot was replaced in this hour.
fn replaced(ctx: &Context<'_>, author: PartyId) -> Result<ReplacedRow, StoreError> {
    let hour = ctx.now.0 / HOUR_MS;
    let row = rows::get::<ReplacedRow>(ctx.txn, REPLACED, &author.0)?;
    Ok(row.filter(|row| row.hour == hour).unwrap_or(ReplacedRow { hour, times: 0 }))
}

impl Here {
    /// The view.
    pub(crate) const fn view(&self) -> &CheckedView {
        self.part.view()
    }

    /// What was said from a running number on.
    pub(crate) fn said_since(&self, number: u64) -> impl Iterator<Item = (u64, &Item)> {
        self.items.range(number..).map(|(number, item)| (*number, item))
    }

    /// Takes in somebody's ballot; gives whether it was new. What is known, or beyond what its author may say in an hour,
    /// costs no check of a signature and counts for nothing: others could use an author's hour up by saying it again.
    /// [FED-7]
    pub(crate) fn hear_ballot(
        &mut self,
        ctx: &mut Context<'_>,
        ballot: Unverified<Ballot>,
    ) -> Handled<Result<bool, Unsaid>> {
        let author = ballot.claims().author;
        let row = replaced(ctx, author)?;
        let spent = row.times >= limits::BALLOTS_PER_HOUR_MAX;
        if spent || !self.ballots.is_replaced_by(&ballot) {
            return Ok(Ok(false));
        }
        let ballot = match self.view().certify(ballot) {
            Ok(ballot) => ballot,
            Err(why) => return Ok(Err(why)),
        };
        let times = row.times.saturating_add(1);
        rows::put(ctx.txn, REPLACED, &author.0, &ReplacedRow { times, ..row })?;
        self.put_ballot(ctx, ballot)?;
        Ok(Ok(true))
    }

    /// Puts a ballot in the place of its author's last.
    pub(crate) fn put_ballot(
        &mut self,
        ctx: &mut Context<'_>,
        ballot: Signed<Ballot>,
    ) -> Result<(), StoreError> {
        let author = ballot.author;
        self.ballots.take(ballot.clone());
        let is_old =
            |item: &Item| matches!(item, Item::Ballot(old) if old.claims().author == author);
        self.drop_items(ctx, is_old)?;
        self.add(ctx, Item::Ballot(ballot.to_unverified()))
    }

    /// Writes down what was said; a pulse takes the place of its member's last.
    pub(crate) fn add(&mut self, ctx: &mut Context<'_>, item: Item) -> Result<(), StoreError> {
        if let Item::Word(Word { act: Act::Pulse(_), by }) = &item {
            let place = by.place;
            self.drop_items(ctx, |old| {
                matches!(old, Item::Word(Word { act: Act::Pulse(_), by }) if by.place == place)
            })?;
        }
        rows::put(ctx.txn, SAID, &self.next.to_be_bytes(), &item)?;
        self.items.insert(self.next, item);
        self.next += 1;
        rows::put(ctx.txn, NEXT, &[], &self.next)
    }

    fn drop_items(
        &mut self,
        ctx: &mut Context<'_>,
        goes: impl Fn(&Item) -> bool,
    ) -> Result<(), StoreError> {
        let gone: Vec<u64> =
            self.items.iter().filter(|(_, item)| goes(item)).map(|(number, _)| *number).collect();
        for number in gone {
            self.items.remove(&number);
            ctx.txn.delete(SAID, &number.to_be_bytes())?;
        }
        Ok(())
    }

    /// Writes down what this member is bound to, before anything of it is sent [FED-16]; what is of rounds that are
    /// not kept goes.
    pub(crate) fn save(&mut self, ctx: &mut Context<'_>) -> Result<(), StoreError> {
        let (first, view) = (self.part.first_kept(), self.view().id());
        debug_assert!(self.part.view().id() == view);
        self.drop_items(ctx, |item| match item {
            Item::Ballot(_) | Item::Word(Word { act: Act::Pulse(_), .. }) => false,
            Item::Speech(speech) => speech.claims().round < first,
            Item::Word(Word { act: Act::Prepare(prepare), .. }) => prepare.round < first,
            Item::Word(Word { act: Act::Commit(commit), .. }) => commit.round < first,
            Item::Word(Word { act: Act::Next(next), .. }) => next.round < first,
        })?;
        rows::put(ctx.txn, PART, &[], &self.part.part())
    }

    /// The ballot of a party, if it gave one.
    pub(crate) fn ballot_of(&self, party: PartyId) -> Option<&Signed<Ballot>> {
        self.ballots.of(party)
    }
}
