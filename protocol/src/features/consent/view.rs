//! What API, command line and pages show.

pub use super::compare::{HeldBackView, OtherLabelView};
use super::standing;
use super::tables::{Obtained, RequestKind, RequestRow, chain_text};
use super::wire::{RequestState, Wish};
use crate::capability::{Chain, Operation, Purpose, explain};
use crate::directory;
use crate::entries;
use crate::id::{ConsentId, EntryId, PartyId, TokenId};
use crate::kind::Kind;
use crate::members;
use crate::naming::quoted;
use crate::patients;
pub use crate::patients::AboutView;
use crate::permission::{GivenRow, GrantState, ReceivedRow, is_stood_by, revocations, through};
use crate::refusal::{Handled, Refusal};
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A request for consent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RequestView {
    /// The request.
    pub request: ConsentId,
    /// What is asked.
    pub kind: RequestKind,
    /// The patient.
    pub patient: PartyId,
    /// Who asks.
    pub asker: PartyId,
    /// Who is to see or to keep, when it is not whoever asks.
    pub party: Option<PartyId>,
    /// The request in plain words.
    pub in_words: String,
    /// What is wished for.
    pub wish: Wish,
    /// The purpose.
    pub purpose: Purpose,
    /// On whose behalf.
    pub user: String,
    /// A word to the patient.
    pub message: String,
    /// When it was asked.
    pub asked: Timestamp,
    /// Until when it can be decided.
    pub expires: Timestamp,
    /// How it stands.
    pub state: RequestState,
    /// In words: why it failed, what was obtained, or the word that came with the decision.
    pub reason: String,
    /// Why it failed.
    #[serde(default)]
    pub why: Option<Refusal>,
    /// What was obtained.
    #[serde(default)]
    pub obtained: Option<Obtained>,
    /// For a deferral: until when.
    pub until: Option<Timestamp>,
    /// Permissions given for it.
    pub tokens: Vec<TokenId>,
    /// What the patient's catalogue lists, and no holder sent as it lists it.
    pub held_back: Option<HeldBackView>,
    /// At the patient's relay, while the patient may decide: the institutions that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<AboutView>,
}

impl RequestView {
    /// Puts a listing, which comes in the order of ids, in the order in which was asked.
    pub fn sort_by_time(requests: &mut [Self]) {
        requests.sort_by_key(|view| view.asked);
    }

    /// How it ended, for people: the word that somebody sent with the decision stands in quotation marks.
    #[must_use]
    pub fn answer(&self) -> String {
        let of_ours = self.reason.is_empty() || self.why.is_some() || self.obtained.is_some();
        if of_ours { self.reason.clone() } else { quoted(&self.reason) }
    }

    pub(crate) fn of(
        txn: &(impl ReadTxn + ?Sized),
        id: ConsentId,
        row: &RequestRow,
    ) -> Handled<Self> {
        Ok(Self {
            request: id,
            kind: row.kind,
            patient: row.patient,
            asker: row.asker,
            party: row.party,
            in_words: in_words(txn, row)?,
            wish: row.wish.clone(),
            purpose: row.purpose,
            user: row.user.clone(),
            message: row.message.clone(),
            asked: row.asked,
            expires: row.expires,
            state: row.state,
            reason: outcome_in_words(row),
            why: row.why.clone(),
            obtained: row.obtained,
            until: row.until,
            tokens: row.tokens.clone(),
            held_back: super::compare::held_back(txn, id)?,
            about: about(txn, row)?,
        })
    }
}

fn about(txn: &(impl ReadTxn + ?Sized), row: &RequestRow) -> Result<Vec<AboutView>, StoreError> {
    let open = matches!(row.state, RequestState::Open | RequestState::Deferred);
    if !open || !patients::serves(txn, row.patient)? {
        return Ok(Vec::new());
    }
    let institutions = [Some(row.asker), row.party].into_iter().flatten();
    let institutions = institutions.filter(|institution| *institution != row.patient);
    institutions.map(|institution| AboutView::of(txn, row.patient, institution)).collect()
}

/// How it ended, in words.
fn outcome_in_words(row: &RequestRow) -> String {
    if let Some(why) = &row.why {
        return why.to_string();
    }
    let Some(Obtained { entries, closed, news, new }) = row.obtained else {
        return row.reason.clone();
    };
    let what = if entries == 1 { "entry" } else { "entries" };
    // Whoever fetches again wants to know what that brought.
    let mut words = match new {
        new if new == entries => format!("{entries} {what} obtained"),
        0 => format!("{entries} {what} obtained, all here before"),
        new => format!("{entries} {what} obtained, {new} of them new"),
    };
    if closed > 0 {
        let were = if closed == 1 { "was not as it" } else { "were not as they" };
        words.push_str(&format!("; {closed} {were} should be: ask another holder, or the patient"));
    }
    if let Some(news) = news {
        let of = news.date_text();
        words.push_str(&format!("; what the patient took back, the holder knew as of {of}"));
    }
    words
}

/// The request as a sentence that a patient reads. It begins with who asks, whom others vouch for; whoever it is
/// for is told by the asker alone, and stands in quotes, of which it has none itself.
fn in_words(txn: &(impl ReadTxn + ?Sized), row: &RequestRow) -> Handled<String> {
    let asker = members::name(txn, row.asker)?;
    let what = wish_in_words(&row.wish);
    let party = row.party.map(|party| members::name(txn, party)).transpose()?.unwrap_or_default();
    let executor =
        row.executor.map(|party| members::name(txn, party)).transpose()?.unwrap_or_default();
    let purpose = row.purpose.in_words();
    let user = row.user.replace('`', "'");
    // A permission that came by a referral: whoever holds it did not ask, and is not told who did
    // nor what for; the permissions themselves say what they cover.
    if row.asker == row.patient && row.kind == RequestKind::Referral {
        return Ok(format!("The patient gave {party} permissions, after a referral."));
    }
    Ok(match row.kind {
        RequestKind::Download => {
            format!("{asker} asks, for `{user}`, to see {what}, for {purpose}.")
        }
        RequestKind::Referral => {
            format!("{asker} asks, for `{user}`, that {party} may see {what}, for {purpose}.")
        }
        RequestKind::Upload => format!("You asked {executor} to deposit {what} with {party}."),
        RequestKind::Own if row.party.is_some() => format!("You asked {party} for {what}."),
        RequestKind::Own => format!("You asked the holders for {what}."),
        RequestKind::PassedOn => {
            format!("{asker} passed on to {party} what a patient permitted it, for {purpose}.")
        }
    })
}

fn wish_in_words(wish: &Wish) -> String {
    let mut what = match (wish.entries.len(), wish.kinds.is_empty()) {
        (0, true) => "your whole record".to_owned(),
        (0, false) => {
            let kinds: Vec<_> = wish.kinds.iter().map(|kind| kind.in_words()).collect();
            format!("your {}", kinds.join(", "))
        }
        (1, _) => "one entry of your record".to_owned(),
        (n, _) => format!("{n} entries of your record"),
    };
    if let Some(since) = wish.since {
        what.push_str(&format!(" from {}", since.date_text()));
    }
    if let Some(until) = wish.until {
        what.push_str(&format!(" until {}", until.date_text()));
    }
    if let Some(until) = wish.standing {
        what.push_str(&format!(
            ", all there is now and also everything that is added later until {}",
            until.date_text()
        ));
    }
    if wish.write == Some(true) {
        what.push_str(", and to add to it");
    }
    what
}

/// What a party is called here: an institution, a patient of this relay, or whom a chart is about.
fn name(txn: &(impl ReadTxn + ?Sized), party: PartyId) -> Option<String> {
    if let Ok(Some(_)) = directory::card(txn, party) {
        return members::name(txn, party).ok();
    }
    if let Ok(patient) = patients::patient(txn, party) {
        return Some(patient.name);
    }
    let chart = entries::chart_of(txn, party).ok()??;
    entries::chart(txn, chart).ok().map(|chart| chart.name)
}

/// A permission.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrantView {
    /// Its id.
    pub token: TokenId,
    /// The patient.
    pub patient: PartyId,
    /// To whom it was given.
    pub grantee: PartyId,
    /// That institution's name.
    pub grantee_name: String,
    /// Whether this node received it, rather than gave it.
    pub received: bool,
    /// `live`, `revoked`, `dropped` (a key that signed it was replaced, or who passed it on was expelled) or `expired`.
    pub state: String,
    /// The request that it answers.
    pub request: ConsentId,
    /// Operations that it permits.
    pub operations: Vec<String>,
    /// Entries that it names.
    pub entries: Vec<EntryId>,
    /// Whether it opens what is added later, too.
    #[serde(default)]
    pub standing: bool,
    /// The kinds that it opens, when it is over whole kinds, as far as this node can tell.
    #[serde(default)]
    pub kinds: Vec<Kind>,
    /// Who passed it on to the grantee, whom the patient gave it to first; empty when it is the patient's.
    #[serde(default)]
    pub through: Vec<PartyId>,
    /// To whom the grantee may pass it on.
    #[serde(default)]
    pub may_pass_on: Vec<PartyId>,
    /// What it permits, in a sentence.
    #[serde(default)]
    pub in_words: String,
    /// Until when it holds.
    pub expires: Timestamp,
    /// Who holds the entries, as far as this node knows.
    pub holders: Vec<PartyId>,
    /// What it says, one sentence per claim.
    pub explained: Vec<String>,
    /// The permission itself, as `chartmesh token explain` takes it.
    pub chain: String,
}

impl GrantView {
    pub(super) fn given(
        txn: &(impl ReadTxn + ?Sized),
        row: &GivenRow,
        now: Timestamp,
    ) -> Handled<Self> {
        let state = match row.state {
            GrantState::Live => None,
            GrantState::Revoked => Some("revoked"),
            GrantState::Dropped => Some("dropped"),
        };
        Self::of(txn, &row.chain, row.request, state, None, now)
    }

    pub(crate) fn received(
        txn: &(impl ReadTxn + ?Sized),
        row: &ReceivedRow,
        now: Timestamp,
    ) -> Handled<Self> {
        Self::of(txn, &row.grant.chain, row.request, None, Some(row.holders.clone()), now)
    }

    fn of(
        txn: &(impl ReadTxn + ?Sized),
        chain: &Chain,
        request: ConsentId,
        state: Option<&str>,
        holders: Option<Vec<PartyId>>,
        now: Timestamp,
    ) -> Handled<Self> {
        let claims = chain.leaf().claims();
        let expired = claims.expires_at() <= now;
        let known = revocations(txn, claims.subject)?;
        let revoked = chain.links().iter().any(|link| known.contains(link.claims().id));
        let by_now = if revoked {
            "revoked"
        } else if !is_stood_by(txn, chain)? {
            "dropped"
        } else if expired {
            "expired"
        } else {
            "live"
        };
        let names = |party| name(txn, party);
        let kinds: Vec<Kind> = standing::kinds_of(txn, claims)?.into_iter().collect();
        let may_pass_on = claims.delegation.as_ref().map(|d| d.institutions.as_slice().to_vec());
        Ok(Self {
            token: claims.id,
            patient: claims.subject,
            grantee: claims.grantee(),
            grantee_name: members::name(txn, claims.grantee())?,
            received: holders.is_some(),
            state: state.unwrap_or(by_now).to_owned(),
            request,
            operations: claims
                .operations
                .iter()
                .map(|operation| format!("{operation:?}").to_lowercase())
                .collect(),
            entries: claims.scope.entries().to_vec(),
            standing: standing::is_standing(chain),
            in_words: grant_in_words(txn, chain, &kinds)?,
            kinds,
            through: through(chain),
            may_pass_on: may_pass_on.unwrap_or_default(),
            expires: claims.expires_at(),
            holders: holders.unwrap_or_default(),
            explained: explain::explain(chain, &names, now),
            chain: chain_text(chain),
        })
    }
}

/// A permission as a sentence for the patient and for whoever holds it.
fn grant_in_words(txn: &(impl ReadTxn + ?Sized), chain: &Chain, kinds: &[Kind]) -> Handled<String> {
    let claims = chain.leaf().claims();
    let names = |parties: &[PartyId]| -> Handled<String> {
        let names: Result<Vec<_>, _> =
            parties.iter().map(|party| members::name(txn, *party)).collect();
        Ok(names?.join(", "))
    };
    let operations: Vec<_> = claims.operations.iter().map(Operation::in_words).collect();
    let kinds = match kinds {
        [] => "whole kinds of records".to_owned(),
        kinds => kinds.iter().map(|kind| kind.in_words()).collect::<Vec<_>>().join(", "),
    };
    let what = match claims.scope.entries().len() {
        0 if standing::is_standing(chain) => format!("{kinds}, also what is added later"),
        0 => kinds,
        1 => "one entry".to_owned(),
        n => format!("{n} entries"),
    };
    let until = claims.expires_at().utc_text();
    let mut words = format!(
        "{} may {}, until {until}: {what}.",
        members::name(txn, claims.grantee())?,
        operations.join(" and ")
    );
    if let Some(delegation) = &claims.delegation {
        let times = if delegation.depth == 1 { "once" } else { "twice in a row" };
        let to = names(delegation.institutions.as_slice())?;
        words.push_str(&format!(" It may be passed on {times}, to {to}."));
    }
    let passed = through(chain);
    if !passed.is_empty() {
        words.push_str(&format!(" It was passed on by {}.", names(&passed)?));
    }
    Ok(words)
}
