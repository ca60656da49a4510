//! A small region to try things in: two hospitals, a provider, a relay with a patient, a few entries.

use super::state::World;
use crate::party::Who;
use chartmesh_protocol::backup::view::DepositView;
use chartmesh_protocol::consent::view::{GrantView, RequestView};
use chartmesh_protocol::consent::{RequestState, Wish};
use chartmesh_protocol::id::{ChartId, ConsentId, EntryId, PartyId, TokenId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::{Part, ask};
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::record::view::EntryView;
use chartmesh_protocol::refusal::Refusal;
use chartmesh_protocol::store::Memory;
use chartmesh_protocol::time::Timestamp;
use chartmesh_protocol::{access_log, backup, consent, custody, federation};

/// Two hospitals and a provider in one federation with a threshold of two, and a relay whose patient is
/// enrolled at the first hospital.
pub struct Region {
    /// The world.
    pub world: World,
    /// The hospital that made the patient's entries.
    pub a: Who,
    /// The other hospital.
    pub b: Who,
    /// The backup provider.
    pub provider: Who,
    /// The patient's relay.
    pub relay: Who,
    /// The patient.
    pub patient: PartyId,
    /// The patient's chart at the first hospital.
    pub chart: ChartId,
}

/// Reads a command or part of one, as the local API would.
///
/// # Panics
/// When the text is no such thing.
#[must_use]
pub fn command<T: serde::de::DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).expect("a test's command is well formed")
}

impl Region {
    /// Founds it in a new world.
    #[must_use]
    pub fn found(seed: u64) -> Self {
        Self::found_in(World::new(seed))
    }

    /// Founds it.
    ///
    /// # Panics
    /// When any step is refused.
    #[must_use]
    pub fn found_in(mut world: World) -> Self {
        let a = world.add(Role::Hospital, "Hospital A");
        let b = world.add(Role::Hospital, "Hospital B");
        let provider = world.add(Role::Backup, "Provider");
        let relay = world.add(Role::Patient, "Relay");
        let create = federation::command::Found { name: "Kita".into(), threshold: 2, anew: false };
        world.ask(a, create, None).expect("a founds");
        let invite = world.invite(a);
        world.join(b, invite).expect("b joins");
        world.admit(a, b).expect("a admits b");
        let invite = world.invite(b);
        world.join(provider, invite).expect("the provider joins");
        world.admit(a, provider).expect("a sponsors");
        world.admit(b, provider).expect("b sponsors");
        let patient = world.new_patient(relay, "Hanako");
        let chart = world.enrol(a, relay, patient);
        let big = vec![7; 200_000];
        let drafts = vec![
            world.draft(a, Kind::Laboratory, "blood count", &[b"12.1 g/dL"]),
            world.draft(a, Kind::Imaging, "endoscopy", &[&big, b"still 2"]),
        ];
        world.record(a, patient, drafts).expect("a records");
        world.wait();
        Self { world, a, b, provider, relay, patient, chart }
    }

    /// What a node's store is now, to be put back later.
    #[must_use]
    pub fn copy(&self, of: Who) -> Memory {
        self.world.parties[of.0].store.clone()
    }

    /// A node comes back with the store of then.
    pub fn put_back(&mut self, who: Who, store: Memory) {
        self.world.switch(who, false);
        self.world.parties[who.0].store = store;
        self.world.advance(1000);
        self.world.switch(who, true);
        self.world.settle();
    }

    /// The patient's keys are at hand for a moment: whatever waits for them is done.
    ///
    /// # Panics
    /// When the relay refuses.
    pub fn unlock(&mut self) {
        let refresh = custody::command::Refresh { patient: self.patient };
        self.world
            .ask(self.relay, refresh, Some(self.patient))
            .expect("the keys are the patient's");
        self.world.wait();
    }

    /// What a party knows of the patient's entries.
    ///
    /// # Panics
    /// When the party refuses.
    #[must_use]
    pub fn entries(&self, who: Who, keys: bool) -> Vec<EntryView> {
        let (all, keys) = (ask::Entries::of(self.patient), keys.then_some(self.patient));
        let mut entries = self.world.all(who, all, keys).expect("the party answers");
        EntryView::sort_by_time(&mut entries);
        entries
    }

    /// An entry by its title, as the author lists it.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn entry(&self, title: &str) -> EntryId {
        let entries = self.entries(self.a, false);
        let found = entries.into_iter().find(|entry| entry.title.as_deref() == Some(title));
        found.expect("the entry was recorded").entry
    }

    /// Requests for consent.
    ///
    /// # Panics
    /// When the party refuses.
    #[must_use]
    pub fn requests(&self, who: Who) -> Vec<RequestView> {
        let all = self.world.all(who, ask::Requests::default(), None);
        let mut requests = all.expect("the party answers");
        RequestView::sort_by_time(&mut requests);
        requests
    }

    /// One request as a party sees it.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    pub fn request(&self, who: Who, of: &RequestView) -> RequestView {
        let mut requests = self.requests(who).into_iter();
        requests.find(|r| r.request == of.request).expect("the request is known")
    }

    /// The patient has the first hospital deposit all its entries with the provider.
    ///
    /// # Panics
    /// When the relay refuses.
    pub fn upload(&mut self) -> RequestView {
        self.upload_at(None).expect("the patient may order")
    }

    /// [`Region::upload`], not before some time.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// When the answer is no request.
    pub fn upload_at(&mut self, not_before: Option<u64>) -> Result<RequestView, Refusal> {
        let not_before = not_before.map_or_else(|| "null".to_owned(), |at| at.to_string());
        let upload: consent::command::Upload = command(&format!(
            r#"{{"patient":"{}","hospital":"{}","depositary":"{}","not_before":{not_before}}}"#,
            self.patient,
            self.world.id(self.a),
            self.world.id(self.provider)
        ));
        let mut asked = self.world.ask(self.relay, upload, Some(self.patient))?;
        self.world.wait();
        Ok(asked.remove(0))
    }

    fn ask(&mut self, who: Who, kind: &str, to: Option<Who>, wish: &Wish) -> Result<(), Refusal> {
        let ask = serde_json::json!({
            "patient": self.patient,
            "to": to.map(|to| self.world.id(to)),
            "purpose": "care-management",
            "user": "Dr. A",
            "wish": wish,
        });
        let ask = serde_json::from_value(ask).expect("a request is well formed");
        let ask = if kind == "referral" {
            self.world.ask(who, consent::command::Referral(ask), None)
        } else {
            self.world.ask(who, consent::command::Download(ask), None)
        };
        let done = ask.map(|_| ());
        self.world.wait();
        done
    }

    /// The first hospital asks that the other may see.
    ///
    /// # Panics
    /// When the request does not reach the relay.
    pub fn refer(&mut self, wish: &Wish) -> RequestView {
        self.refer_to(self.b, wish)
    }

    /// The first hospital asks that any other may see.
    ///
    /// # Panics
    /// When the request does not reach the relay.
    pub fn refer_to(&mut self, to: Who, wish: &Wish) -> RequestView {
        self.ask(self.a, "referral", Some(to), wish).expect("a hospital may ask");
        self.open_request().expect("the request reached the relay")
    }

    /// A hospital asks to see.
    ///
    /// # Errors
    /// The refusal.
    pub fn download(&mut self, who: Who, wish: &Wish) -> Result<Option<RequestView>, Refusal> {
        self.ask(who, "download", None, wish)?;
        Ok(self.open_request())
    }

    fn open_request(&self) -> Option<RequestView> {
        let open = |r: &RequestView| r.state == RequestState::Open && r.asker != self.patient;
        self.requests(self.relay).into_iter().rfind(open)
    }

    /// The patient permits, narrowed as `narrow` says.
    ///
    /// # Errors
    /// The refusal.
    pub fn approve(&mut self, request: &RequestView, narrow: &str) -> Result<RequestView, Refusal> {
        let approve =
            consent::command::Approve { request: request.request, narrow: command(narrow) };
        let done = self.world.ask(self.relay, approve, Some(self.patient));
        self.world.wait();
        done
    }

    /// A hospital reads at a holder.
    ///
    /// # Panics
    /// When the hospital itself refuses.
    pub fn fetch_by(&mut self, reader: Who, request: ConsentId, holder: Who) -> RequestView {
        let fetch = consent::command::Fetch {
            request,
            holder: Some(self.world.id(holder)),
            user: "Dr. B".into(),
        };
        self.world.ask(reader, fetch, None).expect("a hospital may read");
        self.world.wait();
        let mut requests = self.requests(reader).into_iter();
        requests.find(|r| r.request == request).expect("the request is known")
    }

    /// The other hospital reads at a holder.
    ///
    /// # Panics
    /// When the hospital itself refuses.
    pub fn fetch_at(&mut self, request: &RequestView, holder: Who) -> RequestView {
        self.fetch_by(self.b, request.request, holder)
    }

    /// The other hospital reads at the provider.
    pub fn fetch(&mut self, request: &RequestView) -> RequestView {
        self.fetch_at(request, self.provider)
    }

    /// Deposits with the provider, refers, permits: everything that a read needs.
    ///
    /// # Panics
    /// When any step is refused.
    pub fn permitted(&mut self, narrow: &str) -> RequestView {
        self.upload();
        let request = self.refer(&Wish { write: Some(true), ..Wish::default() });
        self.approve(&request, narrow).expect("the patient permits");
        request
    }

    /// Permissions as a party lists them.
    ///
    /// # Panics
    /// When the party refuses.
    #[must_use]
    pub fn grants(&self, who: Who) -> Vec<GrantView> {
        self.world.all(who, ask::Grants::default(), None).expect("the party answers")
    }

    /// The first hospital records one entry of the patient.
    ///
    /// # Panics
    /// When it refuses.
    pub fn add(&mut self, kind: Kind, title: &str) -> EntryId {
        let drafts = vec![self.world.draft(self.a, kind, title, &[title.as_bytes()])];
        let recorded = self.world.record(self.a, self.patient, drafts).expect("a hospital records");
        self.world.wait();
        recorded.entries[0]
    }

    /// The tokens of a request.
    #[must_use]
    pub fn tokens(&self, request: &RequestView) -> Vec<TokenId> {
        self.request(self.relay, request).tokens
    }

    /// The patient takes permissions back.
    ///
    /// # Panics
    /// When the relay refuses.
    pub fn revoke(&mut self, tokens: Vec<TokenId>) {
        let revoke = consent::command::Revoke { patient: self.patient, tokens };
        let revoked = self.world.ask(self.relay, revoke, Some(self.patient));
        revoked.expect("a patient may revoke");
        self.world.wait();
    }

    /// The patient collects the access logs and reads the reasons of refusals in one holder's.
    ///
    /// # Panics
    /// When the relay refuses, or a log does not verify.
    pub fn reasons(&mut self, holder: Who) -> Vec<String> {
        self.lines(holder)
            .into_iter()
            .filter_map(|line| line.reason)
            .map(|reason| reason.name())
            .collect()
    }

    /// The patient collects the access logs and reads one holder's.
    ///
    /// # Panics
    /// When the relay refuses, or a log does not verify.
    pub fn lines(&mut self, holder: Who) -> Vec<access_log::Line> {
        let collect = access_log::command::Collect { patient: self.patient };
        self.world.ask(self.relay, collect, None).expect("a relay collects its patient's logs");
        self.world.wait();
        let query = ask::CollectedLogs { patient: self.patient };
        let logs = self.world.see(self.relay, &query, None).expect("the party answers");
        let holder = self.world.id(holder);
        let log = logs.into_iter().find(|log| log.holder == holder).expect("the log was collected");
        assert!(log.verified, "{:?}", log.problem);
        let (patient, part) = (self.patient, Part::default());
        let lines = ask::CollectedLines { patient, holder, part };
        let lines = self.world.all(self.relay, lines, None).expect("the party answers");
        lines.into_iter().map(|line| line.line).collect()
    }

    /// The first hospital has what it made of the patient kept at the provider, for itself, and not before some time.
    ///
    /// # Errors
    /// The refusal.
    pub fn keep(&mut self, not_before: Option<Timestamp>) -> Result<DepositView, Refusal> {
        self.keep_by(self.a, false, not_before)
    }

    /// The other hospital has what it made kept at the provider, in the patient's name.
    ///
    /// # Errors
    /// The refusal.
    pub fn keep_for_patient(&mut self) -> Result<DepositView, Refusal> {
        let done = self.keep_by(self.b, true, None);
        self.world.wait();
        done
    }

    fn keep_by(
        &mut self,
        who: Who,
        for_patient: bool,
        not_before: Option<Timestamp>,
    ) -> Result<DepositView, Refusal> {
        let (holder, subject) = (self.world.id(self.provider), self.patient);
        let entries = vec![];
        let keep = backup::command::Keep { holder, subject, entries, for_patient, not_before };
        self.world.ask(who, keep, None)
    }

    /// A hospital passes all permissions on that it has; `further` is what else it says of them.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// When `further` is not what a hospital can say.
    pub fn pass_on(
        &mut self,
        from: Who,
        to: Who,
        further: serde_json::Value,
    ) -> Result<ConsentId, Refusal> {
        let me = self.world.id(from);
        let grants = self.grants(from).into_iter();
        let mine = grants.filter(|grant| grant.received && grant.grantee == me);
        let grants: Vec<TokenId> = mine.map(|grant| grant.token).collect();
        let to = self.world.id(to);
        let mut said = serde_json::json!({"grants": grants, "to": to, "user": "Dr. B"});
        let all = said.as_object_mut().expect("it is one");
        all.extend(further.as_object().expect("more of the same").clone());
        let pass_on: consent::command::PassOn =
            serde_json::from_value(said).expect("a test's command is well formed");
        let asked = self.world.ask(from, pass_on, None)?;
        Ok(asked.request)
    }
}
