//! What API, command line and pages show.

use super::reasons::Reason;
use super::tables::{RefusedRow, applications, refused};
use crate::codes::{self, InviteView};
use crate::directory;
use crate::id::{FederationId, PartyId, StatementId, ViewId};
use crate::identity::Role;
use crate::limits;
use crate::members::{
    self, Here, charter, forks, gone, here, is_expelled, oldest, seals_since, view_at,
};
use crate::membership::{CheckedView, Member, Seal};
use crate::names::Looks;
use crate::naming::quoted;
use crate::refusal::{Handled, refuse};
use crate::store::{ReadTxn, StoreError};
use crate::time::{DAY_MS, Timestamp};
use crate::turn::{Context, Own};
use serde::{Deserialize, Serialize};

/// The federation as this node knows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FederationView {
    /// Its id; none when this node is in none.
    pub federation: Option<FederationId>,
    /// Its name.
    pub name: String,
    /// Sponsors that an admission needs.
    pub threshold: u16,
    /// The number of the newest view.
    pub number: u32,
    /// That view. Two hospitals that read the same here have the same members.
    pub view: Option<ViewId>,
    /// Members, applicants, and those who left or were expelled.
    pub parties: Vec<MemberView>,
    /// What was proposed, and how far it is.
    pub open: Vec<OpenView>,
    /// What is being sealed.
    #[serde(default)]
    pub sealing: Option<SealingView>,
    /// Members of whom nothing was heard for a day; and, if so few are left that members cannot change, how many it takes.
    #[serde(default)]
    pub silent: Vec<PartyId>,
    /// How many members it takes to change anything.
    pub quorum: usize,
    /// Whether members cannot change, since more are silent than may be.
    pub stuck: bool,
    /// Views with two successors, both sealed.
    #[serde(default)]
    pub forks: Vec<ForkView>,
    /// How this node's institution was expelled, if it was.
    #[serde(default)]
    pub expelled: Option<ExpelledView>,
    /// Invites that this node gave out and that can be used, or are in two hands.
    #[serde(default)]
    pub invites: Vec<InviteView>,
    /// How this node's newest application was refused, if it was.
    #[serde(default)]
    pub refused: Option<RefusedView>,
}

/// How an application was refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefusedView {
    /// By whom.
    pub by: PartyId,
    /// Its name.
    pub name: String,
    /// Why.
    pub why: String,
}

/// How an institution was expelled.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExpelledView {
    /// The federation's name.
    pub federation: String,
    /// The number of the view that was sealed without it.
    pub number: u32,
    /// The reason given.
    pub reason: String,
    /// Who sealed that.
    pub by: Vec<PartyId>,
    /// Their names.
    pub names: Vec<String>,
}

impl ExpelledView {
    /// In one sentence without its end: `expelled from X, as A, B sealed: reason`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let reason = match &self.reason[..] {
            "" => "no reason was given".to_owned(),
            reason => quoted(reason),
        };
        format!(
            "expelled from `{}`, as {} sealed: {reason}",
            self.federation,
            self.names.join(", ")
        )
    }
}

/// Where a party stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It applied and waits to be admitted.
    Applicant,
    /// A member.
    Member,
    /// Left.
    Left,
    /// Expelled, for good.
    Expelled,
}

/// A party and where it stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MemberView {
    /// The party.
    pub party: PartyId,
    /// Its name: a member's as the members admitted it.
    pub name: String,
    /// Its role, if it is known.
    pub role: Option<Role>,
    /// Where it stands.
    pub status: Status,
    /// A member's key, by its number in its own key log, as the newest view lists it.
    #[serde(default)]
    pub key: Option<u32>,
    /// The number of its newest key that is known here: one that is higher counts at once for all but membership.
    #[serde(default)]
    pub newest_key: Option<u32>,
    /// Whether this is the node that answers.
    pub this_node: bool,
    /// Of an applicant: the members whose names look like the one that it applies with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks_like: Vec<String>,
}

impl MemberView {
    /// Its name, for people: an applicant's nobody has admitted yet. [AUT-5]
    #[must_use]
    pub fn called(&self) -> String {
        match self.status {
            Status::Applicant => quoted(&self.name),
            Status::Member | Status::Expelled | Status::Left => self.name.clone(),
        }
    }
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "wanted", rename_all = "kebab-case")]
pub enum Wanted {
    /// An admission.
    Admission,
    /// Another name or role of a member.
    Renaming {
        /// The name.
        name: String,
    },
    /// An expulsion.
    Expulsion {
        /// The reasons given.
        reasons: Vec<String>,
    },
    /// Another threshold.
    Threshold {
        /// Sponsors that an admission is to take.
        sponsors: u16,
    },
    /// A member leaves.
    Leaving,
}

impl Wanted {
    /// Whether two members want the same, for whatever reasons.
    fn is_same(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Expulsion { .. }, Self::Expulsion { .. })) || self == other
    }

    fn join(&mut self, other: Self) {
        if let (Self::Expulsion { reasons }, Self::Expulsion { reasons: more }) = (self, other) {
            reasons.extend(more);
        }
    }
}

/// Something that was proposed: "admission of X: 1 of 2".
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OpenView {
    /// What.
    #[serde(flatten)]
    pub wanted: Wanted,
    /// Whom it concerns.
    pub party: Option<PartyId>,
    /// That party's name.
    pub name: String,
    /// Who is for it.
    pub by: Vec<PartyId>,
    /// How many it takes.
    pub needed: usize,
}

/// What is being sealed: "sealing: 19 of 21, waiting for ...".
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SealingView {
    /// The round.
    pub round: u32,
    /// Members who signed.
    pub have: usize,
    /// How many it takes.
    pub needed: usize,
    /// Members who did not sign yet.
    pub waiting_for: Vec<PartyId>,
    /// Whether this member's store was put back from a copy, so that it signs nothing until others told it how far they are.
    pub put_back: bool,
}

/// A view with two successors.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ForkView {
    /// The number of the view.
    pub number: u32,
    /// The successor at which this node does not stand.
    pub other: ViewId,
    /// Who signed for both.
    pub liars: Vec<PartyId>,
    /// Their names.
    pub names: Vec<String>,
}

/// How a party was expelled, if it was, for people.
pub(crate) fn expulsion(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
) -> Result<Option<ExpelledView>, StoreError> {
    if !is_expelled(txn, party)? {
        return Ok(None);
    }
    let Some(charter) = charter(txn)? else { return Ok(None) };
    let (federation, mut number) = (charter.name.clone(), oldest(txn)?);
    loop {
        let (seals, more) = seals_since(txn, number, limits::FOLLOW_BYTES_MAX)?;
        for seal in &seals {
            number = number.saturating_add(1);
            if let Some(one) = seal.change.expelled.iter().find(|one| one.party == party) {
                let (by, names) = sealers(txn, number - 1, seal)?;
                let reason = one.reason.clone();
                return Ok(Some(ExpelledView { federation, number, reason, by, names }));
            }
        }
        if !more {
            let (reason, by, names) = (String::new(), Vec::new(), Vec::new());
            return Ok(Some(ExpelledView { federation, number: 0, reason, by, names }));
        }
    }
}

/// Who sealed the successor of a view, and their names.
fn sealers(
    txn: &(impl ReadTxn + ?Sized),
    number: u32,
    seal: &Seal,
) -> Result<(Vec<PartyId>, Vec<String>), StoreError> {
    let Some(view) = view_at(txn, number)? else { return Ok(Default::default()) };
    let members = seal.commits.iter().filter_map(|commit| view.at(commit.place));
    Ok(members.map(|member| (member.party, member.name.clone())).unzip())
}

/// Refuses with how this institution was expelled, if it was.
pub(super) fn not_expelled(ctx: &Context<'_>) -> Handled<()> {
    let Some(expelled) = expulsion(ctx.txn, ctx.own.party())? else { return Ok(()) };
    let ExpelledView { federation, number, by, reason: why, .. } = expelled;
    let sealed_by = by.len();
    if why.is_empty() {
        return refuse(Reason::WasExpelledUnexplained { federation, number, sealed_by });
    }
    refuse(Reason::WasExpelled { federation, number, sealed_by, why })
}

/// The federation as shown.
pub(crate) fn view(
    own: &Own,
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
) -> Handled<FederationView> {
    let (Some(charter), Some(here)) = (charter(txn)?, here(own, txn)?) else {
        return Ok(FederationView {
            federation: None,
            name: String::new(),
            threshold: 0,
            number: 0,
            view: None,
            parties: Vec::new(),
            open: Vec::new(),
            sealing: None,
            silent: Vec::new(),
            quorum: 0,
            stuck: false,
            forks: Vec::new(),
            expelled: None,
            invites: Vec::new(),
            refused: refused_view(txn)?,
        });
    };
    let members = here.view();
    let numbers = members.numbers();
    let silent = silent(own, &here, now);
    let stuck = members.members.len() - silent.len() < numbers.quorum();
    let shown = Shown { own, txn, here: &here };
    Ok(FederationView {
        federation: Some(members.federation),
        name: charter.name.clone(),
        threshold: members.threshold,
        number: members.number,
        view: Some(members.id()),
        parties: shown.parties()?,
        open: shown.open()?,
        sealing: shown.sealing(),
        silent,
        quorum: numbers.quorum(),
        stuck,
        forks: shown.forks()?,
        expelled: expulsion(txn, own.party())?,
        invites: codes::invites(txn, now)?,
        refused: refused_view(txn)?,
    })
}

fn refused_view(txn: &(impl ReadTxn + ?Sized)) -> Handled<Option<RefusedView>> {
    let Some(RefusedRow { by, refusal }) = refused(txn)? else { return Ok(None) };
    Ok(Some(RefusedView { by, name: members::name(txn, by)?, why: refusal.to_string() }))
}

/// The other members whose names look like that of an applicant. [AUT-6]
pub(super) fn looking_like(view: &CheckedView, applicant: &Member) -> Vec<String> {
    let looks = Looks::of(&applicant.name);
    let others = view.members.iter().filter(|member| member.party != applicant.party);
    let alike = others.filter(|member| Looks::of(&member.name).like(&looks));
    alike.map(|member| member.name.clone()).collect()
}

/// Members of whom nothing was heard for a day.
fn silent(own: &Own, here: &Here, now: Timestamp) -> Vec<PartyId> {
    let members = &here.view().members;
    let is_silent = |party: PartyId| {
        let pulse = here.view().place_of(party).and_then(|place| here.part.pulses().get(&place));
        let heard = pulse.map_or(here.since, |(at, _)| (*at).max(here.since));
        party != own.party() && now.since(heard) > DAY_MS
    };
    let parties = members.iter().map(|member| member.party);
    parties.filter(|party| is_silent(*party)).collect()
}

struct Shown<'a, T: ReadTxn + ?Sized> {
    own: &'a Own,
    txn: &'a T,
    here: &'a Here,
}

impl<T: ReadTxn + ?Sized> Shown<'_, T> {
    fn name(&self, party: PartyId) -> Result<String, StoreError> {
        match self.here.view().member(party) {
            Some(member) => Ok(member.name.clone()),
            None => members::name(self.txn, party),
        }
    }

    fn parties(&self) -> Handled<Vec<MemberView>> {
        let me = self.own.party();
        let one = |party, name, role, status| MemberView {
            party,
            name,
            role,
            status,
            key: None,
            newest_key: None,
            this_node: party == me,
            looks_like: Vec::new(),
        };
        let mut parties = Vec::new();
        for member in &self.here.view().members {
            let keys = directory::keys(self.txn, member.party)?;
            let name = member.name.clone();
            parties.push(MemberView {
                key: Some(member.number),
                newest_key: keys.map(|keys| keys.current_number()),
                ..one(member.party, name, Some(member.role), Status::Member)
            });
        }
        for row in applications(self.txn)? {
            let member = &row.application.claims().member;
            if self.here.view().member(member.party).is_none() {
                let name = member.name.clone();
                let looks_like = looking_like(self.here.view(), member);
                let applicant = one(member.party, name, Some(member.role), Status::Applicant);
                parties.push(MemberView { looks_like, ..applicant });
            }
        }
        for party in gone(self.txn)? {
            if parties.iter().any(|view| view.party == party) {
                continue;
            }
            let role = directory::card(self.txn, party)?.map(|card| card.role);
            let status = match is_expelled(self.txn, party)? {
                true => Status::Expelled,
                false => Status::Left,
            };
            parties.push(one(party, self.name(party)?, role, status));
        }
        Ok(parties)
    }

    fn open(&self) -> Handled<Vec<OpenView>> {
        let (view, ballots) = (self.here.view(), &self.here.ballots);
        let numbers = view.numbers();
        let mut open: Vec<(Option<StatementId>, OpenView)> = Vec::new();
        // Two applications of one party are two things to decide.
        let mut add = |wanted: Wanted, (party, application), name, by: PartyId, needed| {
            let same = |(known, one): &&mut (Option<StatementId>, OpenView)| {
                *known == application && one.party == party && one.wanted.is_same(&wanted)
            };
            match open.iter_mut().find(same) {
                Some((_, known)) => {
                    known.by.push(by);
                    known.wanted.join(wanted);
                }
                None => {
                    let view = OpenView { wanted, party, name, by: vec![by], needed };
                    open.push((application, view));
                }
            }
        };
        for ballot in ballots.iter() {
            let by = ballot.author;
            for application in &ballot.admit {
                let member = &application.claims().member;
                let name = member.name.clone();
                let wanted = match view.member(member.party) {
                    Some(_) => Wanted::Renaming { name: name.clone() },
                    None => Wanted::Admission,
                };
                add(
                    wanted,
                    (Some(member.party), Some(application.id())),
                    name,
                    by,
                    numbers.sponsors(),
                );
            }
            for expulsion in &ballot.expel {
                let reasons = vec![expulsion.reason.clone()];
                let reasons = reasons.into_iter().filter(|reason| !reason.is_empty()).collect();
                let (wanted, party) = (Wanted::Expulsion { reasons }, expulsion.party);
                add(wanted, (Some(party), None), self.name(party)?, by, numbers.votes());
            }
            if let Some(sponsors) = ballot.threshold {
                add(
                    Wanted::Threshold { sponsors },
                    (None, None),
                    String::new(),
                    by,
                    numbers.quorum(),
                );
            }
            if ballot.leave {
                add(Wanted::Leaving, (Some(by), None), self.name(by)?, by, 1);
            }
        }
        Ok(open.into_iter().map(|(_, view)| view).collect())
    }

    fn sealing(&self) -> Option<SealingView> {
        let part = &self.here.part;
        let put_back = part.promises().copy.is_some();
        let progress = part.progress();
        if progress.is_none() && !put_back {
            return None;
        }
        let (have, needed) = match progress {
            Some(progress) => (progress.have, progress.needed),
            None => (Vec::new(), part.view().numbers().quorum()),
        };
        let waits = |party: &PartyId| {
            part.view().place_of(*party).is_some_and(|place| !have.contains(&place))
        };
        let members = part.view().members.iter().map(|member| member.party);
        Some(SealingView {
            round: part.promises().round,
            have: have.len(),
            needed,
            waiting_for: members.filter(waits).collect(),
            put_back,
        })
    }

    fn forks(&self) -> Handled<Vec<ForkView>> {
        let mut views = Vec::new();
        for row in forks(self.txn)? {
            let mut names = Vec::new();
            for liar in &row.liars {
                names.push(self.name(*liar)?);
            }
            let (number, other, liars) = (row.number, row.successor, row.liars);
            views.push(ForkView { number, other, liars, names });
        }
        Ok(views)
    }
}
