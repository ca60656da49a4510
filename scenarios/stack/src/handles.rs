//! What a script holds to do things at nodes, one after the other, while time passes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chartmesh_node::driver::Handle;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::peer::{Asked, Listing, PatientKeys, Question};
use chartmesh_protocol::refusal::Failure;
use chartmesh_protocol::store::StoreError;
use chartmesh_protocol::time::Timestamp;
use tokio::time::{Instant, sleep_until};

use crate::clock::EPOCH;
use crate::clock::ms;
use crate::node::{Who, lock};

/// The doors of all nodes. Clones open the same doors.
#[derive(Clone)]
pub struct Handles {
    begin: Instant,
    doors: Arc<Mutex<Vec<Door>>>,
}

/// One node's.
#[derive(Default)]
struct Door {
    handle: Option<Handle>,
    unlocked: BTreeMap<PartyId, PatientKeys>,
}

impl Handles {
    pub(crate) fn new(begin: Instant) -> Self {
        Self { begin, doors: Arc::default() }
    }

    pub(crate) fn add(&self) {
        lock(&self.doors).push(Door::default());
    }

    pub(crate) fn set(&self, who: Who, handle: Option<Handle>) {
        lock(&self.doors)[who.0].handle = handle;
    }

    pub(crate) fn unlock(&self, who: Who, keys: PatientKeys) {
        lock(&self.doors)[who.0].unlocked.insert(keys.patient, keys);
    }

    /// A running node's driver; none while it is switched off.
    #[must_use]
    pub fn handle(&self, who: Who) -> Option<Handle> {
        lock(&self.doors)[who.0].handle.clone()
    }

    pub(crate) fn open(&self, who: Who) -> Result<Handle, Failure> {
        let off = || StoreError::Fault(format!("node {} is switched off", who.0));
        self.handle(who).ok_or_else(|| off().into())
    }

    fn keys(&self, who: Who, patient: Option<PartyId>) -> Option<PatientKeys> {
        lock(&self.doors)[who.0].unlocked.get(&patient?).cloned()
    }

    /// Now. Within scripts only: elsewhere ask the stack.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        EPOCH.plus_ms(ms(self.begin.elapsed()))
    }

    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        self.begin + Duration::from_millis(at.since(EPOCH))
    }

    /// Waits until then.
    pub async fn sleep_until(&self, at: Timestamp) {
        sleep_until(self.instant(at)).await;
    }

    /// Performs a command and waits for its answer. `patient`: with the keys of this patient, who is
    /// unlocked there.
    ///
    /// # Errors
    /// [`Failure`], as a person would be told.
    pub async fn command<A: Asked>(
        &self,
        who: Who,
        act: A,
        patient: Option<PartyId>,
    ) -> Result<A::Answer, Failure> {
        self.open(who)?.command(act, self.keys(who, patient)).await
    }

    /// Asks to see something.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn query<Q: Question + Send + 'static>(
        &self,
        who: Who,
        query: Q,
        patient: Option<PartyId>,
    ) -> Result<Q::Answer, Failure> {
        self.open(who)?.query(query, self.keys(who, patient).as_ref()).await
    }

    /// Asks for all of a listing.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn all<L: Listing + Send + Sync + 'static>(
        &self,
        who: Who,
        listing: L,
        patient: Option<PartyId>,
    ) -> Result<Vec<L::Item>, Failure> {
        self.open(who)?.all(listing, self.keys(who, patient).as_ref()).await
    }

    /// Looks at a node each time that it has written something, until `done` says that the view is the
    /// one that was waited for. A node that is off is not looked at: what was waited for then never
    /// comes.
    ///
    /// # Errors
    /// [`Failure`] of the query.
    pub async fn until<Q: Question + Clone + Send + 'static>(
        &self,
        who: Who,
        query: Q,
        done: impl Fn(&Q::Answer) -> bool,
    ) -> Result<Q::Answer, Failure> {
        let handle = self.open(who)?;
        let mut changes = handle.changes();
        loop {
            changes.mark_unchanged();
            let view = handle.query(query.clone(), None).await?;
            if done(&view) {
                return Ok(view);
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
