//! What a person means by a word: a name, an identifier, or the beginning of an id.
//!
//! Answered from ranges of tables that stand in order ([`crate::names`]), so that it costs what is found and
//! not what is kept. A name never takes the place of an id that begins alike: both are found, and whoever
//! asks must ask the person.

use super::reasons::Reason;
use crate::consent;
use crate::directory::{self, Standing};
use crate::entries;
use crate::id::{ChartId, PartyId};
use crate::identity::Role;
use crate::limits;
use crate::members;
use crate::names::{self, Bearer, Digits, Named};
use crate::patients;
use crate::permission;
use crate::refusal::{Handled, refuse};
use crate::store::{ReadTxn, StoreError};
use crate::turn::{Look, Question};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a person may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Thing {
    /// An institution that is known here.
    Institution,
    /// A patient that this relay serves.
    Patient,
    /// A chart; its subject is its other id.
    Chart,
    /// Whoever's record this node may know; a chart of it is its other id.
    Subject,
    /// A request for consent.
    Request,
    /// A permission that this institution received; the patient who gave it is its other id.
    Received,
    /// An entry of the subject that the search is within.
    Entry,
}

/// A search.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Find {
    /// Of what kind it may be.
    pub what: BTreeSet<Thing>,
    /// A name, an identifier, or at least four digits of an id; empty: whatever there is.
    pub text: String,
    /// For entries: the patient, or the chart's subject.
    #[serde(default)]
    pub within: Option<PartyId>,
    /// How many at most.
    #[serde(default)]
    pub limit: Option<usize>,
}

/// What a search found: by their ids first, then by whole names, then by what names only begin with; of each,
/// members before others. Of the members that are called like the word none is cut off for others of that name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FoundView {
    /// Each thing once.
    pub found: Vec<FoundOne>,
    /// Whether there may be more.
    pub more: bool,
}

/// One thing that may be meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FoundOne {
    /// What it is.
    pub what: Thing,
    /// Its id.
    pub id: String,
    /// Another id of the same thing.
    pub other: Option<String>,
    /// Its name; empty when it has none.
    pub name: String,
    /// Where it stands, if it is an institution: a name is chosen by its bearer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands: Option<Stands>,
    /// How it was found.
    pub by: FoundBy,
}

/// Where an institution stands towards our federation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Stands {
    /// A member.
    Member,
    /// It applied.
    Applicant,
    /// It was expelled.
    Expelled,
    /// It left.
    Left,
    /// A patient's relay, which belongs to no federation.
    Relay,
    /// None of these.
    Outside,
}

impl Stands {
    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Applicant => "applicant",
            Self::Expelled => "expelled",
            Self::Left => "left",
            Self::Relay => "relay",
            Self::Outside => "no member",
        }
    }
}

/// How something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FoundBy {
    /// Its id begins so.
    Id,
    /// It is called so.
    Name,
    /// What it is called begins so.
    Beginning,
}

impl Question for Find {
    const NAME: &'static str = "find";

    type Answer = FoundView;

    fn answer(&self, look: &Look<'_>) -> Handled<FoundView> {
        let limit = self.limit.unwrap_or(limits::FOUND_MAX);
        if limit == 0 || limit > limits::FOUND_MAX {
            return refuse(Reason::SearchLimit { most: limits::FOUND_MAX as u64 });
        }
        let word = self.text.trim();
        let digits = Digits::of(word);
        let mut search = Search { look, word, digits, limit, found: FoundView::default() };
        for what in &self.what {
            match what {
                Thing::Institution => search.institutions()?,
                Thing::Patient => search.patients()?,
                Thing::Chart => search.charts()?,
                Thing::Subject => search.subjects()?,
                Thing::Request => search.requests()?,
                Thing::Received => search.received()?,
                Thing::Entry => search.entries(self.within)?,
            }
        }
        Ok(search.end())
    }
}

/// A search under way.
struct Search<'a> {
    look: &'a Look<'a>,
    word: &'a str,
    digits: Option<Digits>,
    limit: usize,
    found: FoundView,
}

impl<'a> Search<'a> {
    fn institutions(&mut self) -> Handled<()> {
        for party in self.by_id(directory::beginning)? {
            self.institution(party, FoundBy::Id)?;
        }
        for (id, by) in self.by_name(Bearer::Member)? {
            self.institution(PartyId(id), by)?;
        }
        for (id, by) in self.by_name(Bearer::Institution)? {
            // What a member calls itself is nobody's name but as the members admitted it.
            if !members::is_member(self.look.txn, PartyId(id))? {
                self.institution(PartyId(id), by)?;
            }
        }
        Ok(())
    }

    fn institution(&mut self, party: PartyId, by: FoundBy) -> Handled<()> {
        let member = members::is_member(self.look.txn, party)?;
        let card = directory::card(self.look.txn, party)?;
        // Before it is a member of anything, nobody but others is meant; and patients are parties, too.
        if member || card.is_some() && party != self.look.own.party() {
            let relay = card.as_ref().is_some_and(|card| card.role == Role::Patient);
            let stands = self.stands(party, member, relay)?;
            let name = members::name(self.look.txn, party)?;
            self.add(Thing::Institution, party, None, name, by);
            let is_it =
                |one: &&mut FoundOne| one.what == Thing::Institution && one.id == party.to_string();
            if let Some(one) = self.found.found.iter_mut().find(is_it) {
                one.stands = Some(stands);
            }
        }
        Ok(())
    }

    fn stands(&self, party: PartyId, member: bool, relay: bool) -> Result<Stands, StoreError> {
        let Look { txn, now, .. } = *self.look;
        Ok(if member {
            Stands::Member
        } else if members::is_expelled(txn, party)? {
            Stands::Expelled
        } else if relay {
            Stands::Relay
        } else if directory::standing(txn, party, now)? == Some(Standing::Applicant) {
            Stands::Applicant
        } else if members::is_gone(txn, party)? {
            Stands::Left
        } else {
            Stands::Outside
        })
    }

    fn patients(&mut self) -> Handled<()> {
        for (patient, by) in self.patients_here()? {
            let name = patients::name(self.look.txn, patient)?.unwrap_or_default();
            self.add(Thing::Patient, patient, None, name, by);
        }
        Ok(())
    }

    fn charts(&mut self) -> Handled<()> {
        for (chart, by) in self.charts_here()? {
            let row = entries::chart(self.look.txn, chart)?;
            self.add(Thing::Chart, chart, Some(row.subject.to_string()), row.name, by);
        }
        Ok(())
    }

    fn subjects(&mut self) -> Handled<()> {
        for (chart, by) in self.charts_here()? {
            let row = entries::chart(self.look.txn, chart)?;
            self.add(Thing::Subject, row.subject, Some(chart.to_string()), row.name, by);
        }
        let mut found = self.patients_here()?;
        found.extend(
            self.by_id(directory::patients_beginning)?.into_iter().map(|id| (id, FoundBy::Id)),
        );
        for (subject, by) in found {
            let chart = entries::chart_of(self.look.txn, subject)?;
            let name = match chart {
                Some(chart) => Some(entries::chart(self.look.txn, chart)?.name),
                None => patients::name(self.look.txn, subject)?,
            };
            let other = chart.map(|chart| chart.to_string());
            self.add(Thing::Subject, subject, other, name.unwrap_or_default(), by);
        }
        Ok(())
    }

    fn requests(&mut self) -> Handled<()> {
        let digits = self.digits_or_any();
        let rows = self.rows(digits, consent::requests_beginning)?;
        for (id, row) in rows {
            let words = consent::view::RequestView::of(self.look.txn, id, &row)?.in_words;
            self.add(Thing::Request, id, None, words, FoundBy::Id);
        }
        Ok(())
    }

    fn received(&mut self) -> Handled<()> {
        let digits = self.digits_or_any();
        for row in self.rows(digits, permission::received_beginning)? {
            let view = consent::view::GrantView::received(self.look.txn, &row, self.look.now)?;
            let patient = view.patient.to_string();
            self.add(Thing::Received, view.token, Some(patient), view.in_words, FoundBy::Id);
        }
        Ok(())
    }

    fn entries(&mut self, within: Option<PartyId>) -> Handled<()> {
        let Some(subject) = within else {
            return refuse(Reason::EntriesOfWhom);
        };
        let digits = self.digits_or_any();
        let beginning = |txn: &(dyn ReadTxn + 'a), digits: &Digits, limit: usize| {
            entries::entries_beginning(txn, subject, digits, limit)
        };
        for entry in self.rows(digits, beginning)? {
            let title = entries::index(self.look.txn, subject, entry)?.map(|index| index.title);
            self.add(Thing::Entry, entry, None, title.unwrap_or_default(), FoundBy::Id);
        }
        Ok(())
    }

    fn patients_here(&mut self) -> Result<Vec<(PartyId, FoundBy)>, StoreError> {
        let by_id = self.by_id(patients::beginning)?.into_iter().map(|id| (id, FoundBy::Id));
        let by_name = self.by_name(Bearer::Patient)?.into_iter().map(|(id, by)| (PartyId(id), by));
        Ok(by_id.chain(by_name).collect())
    }

    /// Charts by their own ids, by their subjects', and by what they are called.
    fn charts_here(&mut self) -> Result<Vec<(ChartId, FoundBy)>, StoreError> {
        let mut found = self.by_id(entries::charts_beginning)?;
        found.extend(self.by_id(entries::charts_of_subjects_beginning)?);
        let by_id = found.into_iter().map(|id| (id, FoundBy::Id));
        let by_name = self.by_name(Bearer::Chart)?.into_iter().map(|(id, by)| (ChartId(id), by));
        Ok(by_id.chain(by_name).collect())
    }

    /// What begins with the digits that the word is; nothing when it is none.
    fn by_id<T>(
        &mut self,
        beginning: impl Fn(&(dyn ReadTxn + 'a), &Digits, usize) -> Result<Vec<T>, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let digits = self.digits.clone();
        self.rows(digits, beginning)
    }

    fn by_name<const N: usize>(
        &mut self,
        bearer: Bearer,
    ) -> Result<Vec<([u8; N], FoundBy)>, StoreError> {
        let named = names::named(self.look.txn, bearer, self.word, self.limit + 1)?;
        self.found.more |= named.cut_off;
        named
            .found
            .into_iter()
            .map(|Named { id, whole }| {
                let by = if whole { FoundBy::Name } else { FoundBy::Beginning };
                Ok((names::id(&id)?, by))
            })
            .collect()
    }

    fn rows<T>(
        &mut self,
        digits: Option<Digits>,
        beginning: impl Fn(&(dyn ReadTxn + 'a), &Digits, usize) -> Result<Vec<T>, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let Some(digits) = digits else { return Ok(Vec::new()) };
        let found = beginning(self.look.txn, &digits, self.limit + 1)?;
        self.found.more |= found.len() > self.limit;
        Ok(found)
    }

    /// For what has no names: without a word, all of them.
    fn digits_or_any(&self) -> Option<Digits> {
        self.digits.clone().or_else(|| self.word.is_empty().then_some(Digits::ANY))
    }

    fn add(
        &mut self,
        what: Thing,
        id: impl ToString,
        other: Option<String>,
        name: String,
        by: FoundBy,
    ) {
        let id = id.to_string();
        match self.found.found.iter_mut().find(|known| known.what == what && known.id == id) {
            Some(known) => known.by = known.by.min(by),
            None => self.found.found.push(FoundOne { what, id, other, name, stands: None, by }),
        }
    }

    fn end(self) -> FoundView {
        let mut view = self.found;
        view.found.sort_by_key(|one| (one.by, one.stands != Some(Stands::Member)));
        view.more |= view.found.len() > self.limit;
        view.found.truncate(self.limit);
        view
    }
}

#[cfg(test)]
mod tests;
