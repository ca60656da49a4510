//! Patients' keys: opened with a passphrase, and kept in memory for as long as was asked.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chartmesh_protocol::custody;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::peer::PatientKeys;
use serde::Deserialize;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::limits::{PASSPHRASE_BYTES_MAX, PASSPHRASES_AT_ONCE};
use super::problem::{Outcome, Problem};
use super::reasons::Reason;
use super::request::on_pool;
use crate::driver::Handle;
use crate::keystore::{BoxError, Passphrase, open_with_passphrase, seal_with_passphrase};
use crate::random::system;

/// A passphrase or phrase out of a request: wiped when dropped, prints nothing.
#[derive(Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Secret(
    #[cfg_attr(test, schemars(schema_with = "super::describe::secret"))] Zeroizing<String>,
);

impl Secret {
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// As a passphrase that opens something, if it is one.
    fn passphrase(&self) -> Outcome<Passphrase> {
        self.bounded()?;
        Ok(Passphrase::new((*self.0).clone()))
    }

    /// As a passphrase that is to seal something.
    fn chosen(&self) -> Outcome<Passphrase> {
        self.bounded()?;
        Ok(Passphrase::chosen((*self.0).clone())
            .map_err(|weak| Reason::WeakPassphrase { why: weak.to_string() })?)
    }

    fn bounded(&self) -> Outcome<()> {
        if self.0.trim().is_empty() || self.0.len() > PASSPHRASE_BYTES_MAX {
            return Err(Reason::PassphraseOutOfBounds { most: PASSPHRASE_BYTES_MAX }.into());
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(|text| Self(Zeroizing::new(text)))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The patients that are unlocked, each until its time is over.
#[derive(Debug)]
pub(super) struct Unlocked {
    keys: Mutex<HashMap<PartyId, (PatientKeys, Instant)>>,
    /// Each passphrase that is tried takes much memory.
    trying: Semaphore,
}

impl Default for Unlocked {
    fn default() -> Self {
        Self { keys: Mutex::default(), trying: Semaphore::new(PASSPHRASES_AT_ONCE) }
    }
}

impl Unlocked {
    /// Opens a patient's keys with the passphrase, and does not keep them.
    pub(super) async fn open(
        &self,
        handle: &Handle,
        patient: PartyId,
        passphrase: Secret,
    ) -> Outcome<PatientKeys> {
        let passphrase = passphrase.passphrase()?;
        let sealed =
            handle.read_on_pool(move |peer, txn, _| peer.sealed_patient_keys(txn, patient));
        let sealed = sealed.await?;
        let _place = self.trying.acquire().await.map_err(|_| Problem::given_up())?;
        on_pool(move || open(patient, &passphrase, &sealed)).await?
    }

    /// Seals a patient's keys under the passphrase.
    pub(super) async fn seal(&self, keys: &PatientKeys, passphrase: &Secret) -> Outcome<Vec<u8>> {
        let passphrase = passphrase.chosen()?;
        let (patient, plain) = (keys.patient, custody::encode_keys(keys));
        let _place = self.trying.acquire().await.map_err(|_| Problem::given_up())?;
        let seal = move || seal_with_passphrase(&passphrase, &plain, &patient.0, &mut system());
        on_pool(seal)
            .await?
            .map_err(|error| Problem::trouble(Reason::Trouble { what: error.to_string() }))
    }

    /// A patient's keys, if they are unlocked now.
    pub(super) fn get(&self, patient: PartyId) -> Option<PatientKeys> {
        let keys = self.lock();
        let (keys, until) = keys.get(&patient)?;
        (*until > Instant::now()).then(|| keys.clone())
    }

    /// Keeps a patient's keys for so long.
    pub(super) fn keep(&self, keys: PatientKeys, time: Duration) {
        self.lock().insert(keys.patient, (keys, Instant::now() + time));
    }

    /// Puts newer keys in the place of those that are unlocked.
    pub(super) fn renew(&self, keys: &PatientKeys) {
        if let Some((old, _)) = self.lock().get_mut(&keys.patient) {
            *old = keys.clone();
        }
    }

    pub(super) fn forget(&self, patient: PartyId) {
        self.lock().remove(&patient);
    }

    pub(super) fn sweep(&self, now: Instant) {
        self.lock().retain(|_, (_, until)| *until > now);
    }

    /// Whose keys are unlocked now.
    pub(super) fn patients(&self) -> Vec<PartyId> {
        let (keys, now) = (self.lock(), Instant::now());
        let open = keys.iter().filter(|(_, (_, until))| *until > now);
        let mut patients: Vec<_> = open.map(|(patient, _)| *patient).collect();
        patients.sort_unstable();
        patients
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PartyId, (PatientKeys, Instant)>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(patient: PartyId, passphrase: &Passphrase, sealed: &[u8]) -> Outcome<PatientKeys> {
    let plain =
        open_with_passphrase(passphrase, sealed, &patient.0).map_err(|error| match error {
            BoxError::WrongPassphrase => Reason::WrongPassphrase,
            error => Reason::KeysDamaged { why: error.to_string() },
        })?;
    Ok(custody::decode_keys(&plain)
        .map_err(|error| Reason::KeysDamaged { why: error.to_string() })?)
}
