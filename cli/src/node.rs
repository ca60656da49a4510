//! A running node as commands see it: what it is asked, and what names mean to it.

use std::cell::OnceCell;
use std::str::FromStr;

use chartmesh_node::api::NodeStatusView;
use chartmesh_node::client::{By, Client, ClientError};
use chartmesh_protocol::consent::view::{GrantView, RequestView};
use chartmesh_protocol::id::{ConsentId, EntryId, PartyId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::limits::LISTED_MAX;
use chartmesh_protocol::peer::{
    Asked, FoundBy, FoundView, Listing, PeerView, Question, StatusView, Thing, ask,
};
use chartmesh_protocol::record::view::EntryView;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::exit::{Exit, Failure, Outcome};
use crate::output::Output;
use crate::resolve::{Candidate, meant, pick, unknown};
use crate::secret::{PassphraseArgs, Secret};

/// One command's conversation with a node.
pub(crate) struct Node {
    pub(crate) client: Client,
    pub(crate) out: Output,
    passphrase: PassphraseArgs,
    /// Asked for at most once a command.
    secret: OnceCell<Option<Secret>>,
}

impl Node {
    pub(crate) fn new(client: Client, out: Output, passphrase: PassphraseArgs) -> Self {
        Self { client, out, passphrase, secret: OnceCell::new() }
    }

    /// How the node stands.
    pub(crate) async fn status(&self) -> Outcome<StatusView> {
        read(self.client.get("/v1/status").await?)
    }

    /// How the node stands, with what the protocol knows nothing of.
    pub(crate) async fn machine(&self) -> Outcome<NodeStatusView> {
        read(self.client.get("/v1/status").await?)
    }

    /// Asks to see something.
    pub(crate) async fn query<Q>(&self, query: Q) -> Outcome<Q::Answer>
    where
        Q: Question<Answer: DeserializeOwned> + Serialize,
    {
        Ok(self.client.query(query, By::default()).await?)
    }

    /// Asks for all of a listing.
    pub(crate) async fn all<L>(&self, listing: L) -> Outcome<Vec<L::Item>>
    where
        L: Listing<Item: DeserializeOwned> + Serialize,
    {
        Ok(self.client.all(listing, By::default()).await?)
    }

    /// [`Node::all`] with a patient's keys, where the command line says how to open them. Only a
    /// relay has any: at a hospital a passphrase that is given is its own node's.
    pub(crate) async fn all_as<L>(&self, listing: L, patient: PartyId) -> Outcome<Vec<L::Item>>
    where
        L: Listing<Item: DeserializeOwned> + Serialize,
    {
        let secret = match self.given()? {
            Some(secret) if self.status().await?.role == Role::Patient => Some(secret.as_str()),
            _ => None,
        };
        let by = By { patient: Some(patient), passphrase: secret };
        Ok(self.client.all(listing, by).await?)
    }

    /// Asks for something to be done. With a `patient`, its keys are needed: when they are locked,
    /// the passphrase is asked for.
    pub(crate) async fn command<A>(&self, act: A, patient: Option<&str>) -> Outcome<A::Answer>
    where
        A: Asked<Answer: DeserializeOwned> + Clone,
    {
        let Some(patient) = patient else {
            return Ok(self.client.command(act, By::default()).await?);
        };
        let passphrase = self.given()?.map(|secret| secret.as_str());
        let by = By { patient: Some(id(patient)?), passphrase };
        match self.client.command(act.clone(), by).await {
            Err(error) if error.is_locked() && passphrase.is_none() => {
                let secret = self.passphrase.existing(&format!("patient {}", short(patient)))?;
                let by = By { passphrase: Some(secret.as_str()), ..by };
                Ok(self.client.command(act, by).await?)
            }
            answer => Ok(answer?),
        }
    }

    /// The passphrase, if the command line says where it is. Standard input is read once.
    fn given(&self) -> Outcome<Option<&Secret>> {
        if self.secret.get().is_none() {
            let _ = self.secret.set(self.passphrase.given()?);
        }
        Ok(self.secret.get().and_then(Option::as_ref))
    }

    /// The passphrase of a patient, asked for when the command line does not say where it is.
    pub(crate) fn passphrase_of(&self, patient: &str) -> Outcome<Secret> {
        match self.given()? {
            Some(secret) => Ok(secret.clone()),
            None => self.passphrase.existing(&format!("patient {}", short(patient))),
        }
    }

    pub(crate) const fn passphrase_args(&self) -> &PassphraseArgs {
        &self.passphrase
    }

    /// What [`ask::Peers`] tells.
    pub(crate) async fn peers(&self) -> Outcome<Vec<PeerView>> {
        self.all(ask::Peers::default()).await
    }

    /// What [`ask::Grants`] tells.
    pub(crate) async fn grants(&self, patient: Option<PartyId>) -> Outcome<Vec<GrantView>> {
        self.all(ask::Grants::of(patient)).await
    }

    /// What [`ask::Entries`] tells, in the order of what happened.
    pub(crate) async fn entries(&self, subject: &str) -> Outcome<Vec<EntryView>> {
        self.entries_with(subject, None).await
    }

    /// Entries that contain a text, if one is given.
    pub(crate) async fn entries_with(
        &self,
        subject: &str,
        find: Option<String>,
    ) -> Outcome<Vec<EntryView>> {
        let subject = id(subject)?;
        let listing = ask::Entries { find, ..ask::Entries::of(subject) };
        let mut entries = self.all_as(listing, subject).await?;
        EntryView::sort_by_time(&mut entries);
        Ok(entries)
    }

    /// Those of a record's entries that are named, in the order of what happened: the others are not read.
    pub(crate) async fn entries_only(
        &self,
        subject: &str,
        only: &[EntryId],
    ) -> Outcome<Vec<EntryView>> {
        let subject = id(subject)?;
        let mut entries = Vec::new();
        for some in only.chunks(LISTED_MAX) {
            let only = some.iter().copied().collect();
            let listing = ask::Entries { only, ..ask::Entries::of(subject) };
            entries.extend(self.all_as(listing, subject).await?);
        }
        EntryView::sort_by_time(&mut entries);
        Ok(entries)
    }

    /// Institutions by id, for showing names.
    pub(crate) async fn institutions(&self) -> Outcome<Vec<Candidate>> {
        let mut found: Vec<Candidate> = self
            .peers()
            .await?
            .into_iter()
            .map(|peer| Candidate::new(peer.institution, peer.name))
            .collect();
        let federation = self.query(ask::Members).await?;
        for party in federation.parties {
            if !found.iter().any(|known| known.id == party.party.to_string()) {
                found.push(Candidate::new(party.party, party.called()));
            }
        }
        Ok(found)
    }

    /// The institution that `text` means.
    pub(crate) async fn institution(&self, text: &str) -> Outcome<String> {
        if let Some(whole) = whole::<PartyId>(text) {
            return Ok(whole);
        }
        Ok(self.find("institution", Thing::Institution, text).await?.id)
    }

    /// Several institutions.
    pub(crate) async fn institutions_of(&self, texts: &[String]) -> Outcome<Vec<String>> {
        let mut found = Vec::new();
        for text in texts {
            found.push(self.institution(text).await?);
        }
        Ok(found)
    }

    /// The patient, or the chart's subject, that `text` means. What a chart's subject was before its patient was known
    /// leads to that.
    pub(crate) async fn subject(&self, text: &str) -> Outcome<String> {
        if let Some(whole) = whole::<PartyId>(text) {
            let found = self.found(Thing::Subject, &whole, None).await?;
            return Ok(led_to(whole, &found));
        }
        Ok(self.find("patient or chart", Thing::Subject, text).await?.id)
    }

    /// The patient of this relay that `text` means.
    pub(crate) async fn patient(&self, text: &str) -> Outcome<String> {
        if let Some(whole) = whole::<PartyId>(text) {
            return Ok(whole);
        }
        Ok(self.find("patient", Thing::Patient, text).await?.id)
    }

    /// The chart that `text` means.
    pub(crate) async fn chart(&self, text: &str) -> Outcome<String> {
        Ok(self.find("chart", Thing::Chart, text).await?.id)
    }

    /// A permission that this institution received, and whose it is.
    pub(crate) async fn received(&self, text: &str) -> Outcome<(String, String)> {
        let found = self.find("permission", Thing::Received, text).await?;
        Ok((found.id, found.other_id.unwrap_or_default()))
    }

    /// The name of whoever's record it is, if it is known here.
    pub(crate) async fn name_of_subject(&self, subject: &str) -> Outcome<String> {
        let found = self.found(Thing::Subject, subject, None).await?.found;
        let found = found.into_iter().find(|one| one.id == subject);
        Ok(found.map(|one| one.name).unwrap_or_default())
    }

    /// The one thing of a kind that `text` means, in one request; what there is, in a second, when it
    /// means nothing.
    async fn find(&self, what: &str, thing: Thing, text: &str) -> Outcome<Candidate> {
        let text = text.trim();
        let found = self.found(thing, text, None).await?;
        if let Some(one) = meant(text, &found)? {
            return Ok(one);
        }
        let FoundView { found, more } = self.found(thing, "", None).await?;
        let known: Vec<Candidate> = found.iter().map(Candidate::from).collect();
        Err(unknown(what, text, &known, more))
    }

    async fn found(&self, thing: Thing, text: &str, within: Option<PartyId>) -> Outcome<FoundView> {
        let find = ask::Find { what: [thing].into(), text: text.to_owned(), within, limit: None };
        self.query(find).await
    }

    /// The entry of a record that `text` means.
    pub(crate) async fn entry(&self, subject: &str, text: &str) -> Outcome<String> {
        Ok(self.entries_of(subject, &[text.to_owned()]).await?.remove(0))
    }

    /// Several entries of a record: by the beginnings of their ids, or by whole titles, which only a
    /// listing tells.
    pub(crate) async fn entries_of(&self, subject: &str, texts: &[String]) -> Outcome<Vec<String>> {
        let mut ids = Vec::new();
        for text in texts {
            ids.push(match whole::<EntryId>(text) {
                Some(whole) => Some(whole),
                None => self.entry_by_id(subject, text).await?,
            });
        }
        if ids.iter().all(Option::is_some) {
            return Ok(ids.into_iter().flatten().collect());
        }
        let candidates: Vec<_> = self
            .entries(subject)
            .await?
            .into_iter()
            .map(|view| Candidate::new(view.entry, view.title.unwrap_or_default()))
            .collect();
        let picked = texts.iter().zip(ids).map(|(text, id)| match id {
            Some(id) => Ok(id),
            None => Ok(pick("entry", text, &candidates)?.id),
        });
        picked.collect()
    }

    /// The entry whose id begins so, unless another is called so.
    async fn entry_by_id(&self, subject: &str, text: &str) -> Outcome<Option<String>> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let found = self.found(Thing::Entry, text, Some(id(subject)?)).await?;
        let Some(one) = meant(text, &found)? else { return Ok(None) };
        let titled = self.entries_with(subject, Some(text.trim().to_owned())).await?;
        let mut candidates: Vec<_> = titled
            .into_iter()
            .map(|view| Candidate::new(view.entry, view.title.unwrap_or_default()))
            .filter(|candidate| candidate.id != one.id)
            .collect();
        candidates.push(one);
        Ok(Some(pick("entry", text, &candidates)?.id))
    }

    /// The request that `text` means.
    pub(crate) async fn request(&self, text: &str) -> Outcome<RequestView> {
        let request = match whole::<ConsentId>(text) {
            Some(whole) => whole,
            None => self.find("request", Thing::Request, text).await?.id,
        };
        self.query(ask::Request { request: id(&request)? }).await
    }

    /// Fails early, and in words, where the node's role does not do it.
    pub(crate) async fn require(&self, role: Role, what: &str) -> Outcome {
        let status = self.status().await?;
        if status.role == role {
            return Ok(());
        }
        Err(Failure::new(
            Exit::State,
            format!("`{}` is a {} node; {what}", status.name, status.role.name()),
        )
        .next(format!("ask a {} node (--dir names which)", role.name())))
    }
}

/// An act, from the names of what was resolved.
pub(crate) fn said<A: DeserializeOwned>(act: Value) -> Outcome<A> {
    serde_json::from_value(act)
        .map_err(|error| Failure::usage(format!("this cannot be asked for: {error}")))
}

/// A typed view of an answer.
pub(crate) fn read<T: DeserializeOwned>(value: Value) -> Outcome<T> {
    Ok(serde_json::from_value(value).map_err(ClientError::from)?)
}

/// A whole id, if that is what it is. Nothing needs to be known of it then.
fn whole<T: FromStr + ToString>(text: &str) -> Option<String> {
    text.trim().to_lowercase().parse::<T>().ok().map(|id| id.to_string())
}

/// Whom a whole id means: itself where somebody bears it, else whoever's it was before. A patient whose enrolment was
/// undone is still meant, and not the chart that was left.
fn led_to(whole: String, view: &FoundView) -> String {
    let by_id = || view.found.iter().filter(|one| one.by == FoundBy::Id);
    if by_id().any(|one| one.id == whole) {
        return whole;
    }
    by_id().next().map_or(whole, |one| one.id.clone())
}

/// A resolved id as a type.
pub(crate) fn id<T: FromStr>(text: &str) -> Outcome<T>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| Failure::usage(format!("`{text}`: {error}")))
}

/// The first eight digits of an id.
pub(crate) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// The name of a party among `known`, or the beginning of its id.
pub(crate) fn name_of(known: &[Candidate], party: PartyId) -> String {
    let id = party.to_string();
    match known.iter().find(|candidate| candidate.id == id && !candidate.name.is_empty()) {
        Some(candidate) => candidate.name.clone(),
        None => party.short(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::peer::FoundOne;

    #[test]
    fn a_whole_id_means_its_bearer_before_whoever_had_it_earlier() {
        let found = |ids: &[&str]| {
            let one = |id: &&str| FoundOne {
                what: Thing::Subject,
                id: (*id).to_owned(),
                other: None,
                name: String::new(),
                stands: None,
                by: FoundBy::Id,
            };
            FoundView { found: ids.iter().map(one).collect(), more: false }
        };
        let led = |ids: &[&str]| led_to("patient".to_owned(), &found(ids));
        assert_eq!(led(&["chart", "patient"]), "patient");
        assert_eq!(led(&["chart"]), "chart");
        assert_eq!(led(&[]), "patient");
    }
}
