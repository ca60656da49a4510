//! This member's part in the newest view: ballots, what was said, and what this node is bound to.

use super::chain::newest;
use crate::codec::{wire_enum, wire_struct};
use crate::directory;
use crate::id::PartyId;
use crate::limits;
use crate::membership::{
    Act, Ballot, Ballots, Bound, CheckedView, Copied, Part, Said, Sealing, Speech, Unsaid, Word,
};
use crate::refusal::Handled;
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::{DAY_MS, HOUR_MS, Timestamp};
use crate::turn::{Context, Own};
use std::collections::BTreeMap;

/// Nothing -> [`Part`], of the newest view.
const PART: Table = Table::rows("federation_part");
/// Running number -> [`Item`]: what was said in the newest view, by whomever, in the order in which it came here.
const SAID: Table = Table::rows("federation_said");
/// Nothing -> the next running number. It goes on from view to view: others were told up to one.
const NEXT: Table = Table::rows("federation_next");
/// Member -> [`ChangesRow`].
const CHANGES: Table = Table::rows("federation_changes");
/// Member -> its ballot that counts, and is told on when it may be.
const HELD: Table = Table::rows("federation_held");
/// Nothing -> since when this node stands at the newest view.
const SINCE: Table = Table::rows("federation_since");

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
    /// How a member changed its ballot in the newest view.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct ChangesRow {
        /// So far ahead its ballots have been told on: each takes a sixteenth of an hour, and at most an hour is taken ahead.
        1 => told_until: Timestamp,
        /// How often it took something back.
        2 => taken_back: u32,
        /// Since when it says what it says.
        3 => since: Timestamp,
    }
}

impl ChangesRow {
    /// When the next ballot may be told on.
    fn next(&self) -> Timestamp {
        let each = HOUR_MS / limits::BALLOTS_PER_HOUR_MAX;
        self.told_until.plus_ms(each).minus_ms(HOUR_MS)
    }

    fn told(&mut self, now: Timestamp) {
        let each = HOUR_MS / limits::BALLOTS_PER_HOUR_MAX;
        self.told_until = self.told_until.max(now).plus_ms(each);
    }

    /// Whether the author takes back so often that others may not have its ballot as it is here.
    fn is_fickle(&self, now: Timestamp) -> bool {
        self.taken_back >= limits::TAKEN_BACK_MAX && now.since(self.since) < DAY_MS
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
    changes: BTreeMap<PartyId, ChangesRow>,
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
    for (_, held) in rows::all::<Unverified<Ballot>>(txn, HELD, &[])? {
        ballots.take(held.from_own_store());
    }
    let mut changes = BTreeMap::new();
    for (key, row) in rows::all::<ChangesRow>(txn, CHANGES, &[])? {
        changes.insert(PartyId(rows::tail(CHANGES, &key)?), row);
    }
    let part = rows::get::<Part>(txn, PART, &[])?.unwrap_or_default();
    let part = Sealing::resume(view, own.party(), part, said.into_iter());
    let since = rows::get::<SinceRow>(txn, SINCE, &[])?.map_or(Timestamp(0), |row| row.at);
    let next = rows::get::<u64>(txn, NEXT, &[])?.unwrap_or(1);
    Ok(Some(Here { ballots, part, since, items, next, changes }))
}

/// When a wait of this member is over, if it waits.
pub(crate) fn due(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<Timestamp>, StoreError> {
    let Some(part) = rows::get::<Part>(txn, PART, &[])? else { return Ok(None) };
    if part.bound.copy.is_some() {
        return Ok(Some(Timestamp(0)));
    }
    let since = part.since.filter(|_| !part.bound.gave_up);
    let waited = since.map(|since| since.plus_ms(part.bound.wait_ms()));
    Ok(waited.into_iter().chain(held_until(txn)?).min())
}

/// When a ballot that is held may be told on.
fn held_until(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<Timestamp>, StoreError> {
    let mut next = None;
    for (key, _) in rows::all::<Unverified<Ballot>>(txn, HELD, &[])? {
        let row = rows::get::<ChangesRow>(txn, CHANGES, &key)?.unwrap_or_default();
        next = Some(next.map_or(row.next(), |next: Timestamp| next.min(row.next())));
    }
    Ok(next)
}

/// This node's store may lack what it signed: it signs nothing that could contradict that. [FED-17]
pub(crate) fn lose(txn: &mut dyn Txn) -> Result<(), StoreError> {
    if newest(txn)?.is_none() {
        return Ok(());
    }
    let part = rows::get::<Part>(txn, PART, &[])?.unwrap_or_default();
    let bound = Bound { copy: Some(Copied::Asking), ..Bound::default() };
    rows::put(txn, PART, &[], &Part { bound, ..part })
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
    for table in [PART, SAID, CHANGES, HELD] {
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

impl Here {
    /// The view.
    pub(crate) const fn view(&self) -> &CheckedView {
        self.part.view()
    }

    /// What was said from a running number on.
    pub(crate) fn said_since(&self, number: u64) -> impl Iterator<Item = (u64, &Item)> {
        self.items.range(number..).map(|(number, item)| (*number, item))
    }

    /// Takes in somebody's ballot; gives whether it was new. What is known costs no check of a signature, and counts for
    /// nothing. The newest always counts here, or two members could be kept from ever agreeing on what its author says; but
    /// more than so many in an hour are not told on at once. [FED-7]
    pub(crate) fn hear_ballot(
        &mut self,
        ctx: &mut Context<'_>,
        ballot: Unverified<Ballot>,
    ) -> Handled<Result<bool, Unsaid>> {
        if !self.ballots.is_replaced_by(&ballot) {
            return Ok(Ok(false));
        }
        match self.view().certify(ballot) {
            // By a key that is replaced, which somebody else may have. Whoever wants to leave says so with the next one. [FED-23]
            Ok(ballot) if ballot.leave && self.is_by_an_earlier_key(ctx, ballot.author)? => {
                return Ok(Ok(false));
            }
            Ok(ballot) => self.put_ballot(ctx, ballot)?,
            Err(why) => return Ok(Err(why)),
        }
        Ok(Ok(true))
    }

    /// Whether a member has a newer key than the one that the view lists, as far as is known here.
    fn is_by_an_earlier_key(&self, ctx: &Context<'_>, party: PartyId) -> Result<bool, StoreError> {
        let listed = self.view().member(party).map(|member| member.number);
        let known = directory::keys(ctx.txn, party)?.map(|keys| keys.current_number());
        Ok(listed.zip(known).is_some_and(|(listed, known)| listed < known))
    }

    /// Puts a ballot in the place of its author's last.
    pub(crate) fn put_ballot(
        &mut self,
        ctx: &mut Context<'_>,
        ballot: Signed<Ballot>,
    ) -> Result<(), StoreError> {
        let author = ballot.author;
        let changes = self.changes.entry(author).or_default();
        let before = self.ballots.of(author);
        changes.taken_back += u32::from(before.is_some_and(|before| ballot.takes_back(before)));
        changes.since = ctx.now;
        let tells = author == ctx.own.party() || changes.next() <= ctx.now;
        rows::put(ctx.txn, CHANGES, &author.0, changes)?;
        self.ballots.take(ballot.clone());
        match tells {
            true => self.tell_ballot(ctx, ballot.to_unverified()),
            false => rows::put(ctx.txn, HELD, &author.0, &ballot.to_unverified()),
        }
    }

    fn tell_ballot(
        &mut self,
        ctx: &mut Context<'_>,
        ballot: Unverified<Ballot>,
    ) -> Result<(), StoreError> {
        let author = ballot.claims().author;
        let changes = self.changes.entry(author).or_default();
        changes.told(ctx.now);
        rows::put(ctx.txn, CHANGES, &author.0, changes)?;
        ctx.txn.delete(HELD, &author.0)?;
        let is_old =
            |item: &Item| matches!(item, Item::Ballot(old) if old.claims().author == author);
        self.drop_items(ctx, is_old)?;
        self.add(ctx, Item::Ballot(ballot))
    }

    /// Tells on the ballots that may be by now; gives when the next one may.
    pub(crate) fn tell_held(
        &mut self,
        ctx: &mut Context<'_>,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut next = None;
        for (_, ballot) in rows::all::<Unverified<Ballot>>(ctx.txn, HELD, &[])? {
            let may = self.changes.get(&ballot.claims().author).map_or(ctx.now, ChangesRow::next);
            if may <= ctx.now {
                self.tell_ballot(ctx, ballot)?;
            } else {
                next = Some(next.map_or(may, |next: Timestamp| next.min(may)));
            }
        }
        Ok(next)
    }

    /// The ballots that a speaker counts. [FED-11]
    pub(crate) fn steady(&self, now: Timestamp) -> Ballots {
        let fickle = |author| self.changes.get(&author).is_some_and(|row| row.is_fickle(now));
        self.ballots.without(fickle)
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
