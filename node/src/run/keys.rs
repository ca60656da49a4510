//! An institution's keys on this node's disk: rotated with its 24 words, written down elsewhere, erased when they are of
//! no more use.
//!
//! A rotation is made with the node stopped. Its keys stand in the middle of everything that runs, the key of the node among
//! them, which is the transport's; and a node that is off cannot sign with an old one meanwhile. First the keystore gets
//! the new keys beside the old ones, then `identity.json` the rotation: what a crash leaves in between starts as before,
//! forgets the new keys, and can be rotated again.

use std::path::{Path, PathBuf};

use chartmesh_protocol::crypto::{KemSecret, PublicKey, SigningKey};
use chartmesh_protocol::identity::{
    InstitutionPhrase, KeyLog, KeyLogError, KnownKeys, Role, RotateError,
};
use chartmesh_protocol::peer::{EarlierInUse, EarlierKeys, Identity, Peer};
use chartmesh_protocol::store::{ReadTxn, StoreError};
use chartmesh_protocol::time::Timestamp;

use super::file;
use super::identity::{IdentityError, NodeIdentity};
use super::init::{fresh_node_key, set};
use super::starts;
use crate::config::Config;
use crate::driver::{Handle, WallClock};
use crate::keystore::{Keystore, KeystoreError, Passphrase, Secrets, Unlock, name, write_export};
use crate::random::system;
use crate::store::{OpenError, StorageKey, Store};

/// Why keys were not rotated or exported.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// There is no node here.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The keystore, or the export.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// The keystore opened and lacks a secret.
    #[error("the keystore lacks the secret `{0}`; restore the keystore that belongs to this node")]
    MissingSecret(String),
    /// The keystore's keys are not those of the identity.
    #[error(
        "the keystore belongs to another node than identity.json: {0}; restore both from the same copy"
    )]
    OtherKeys(KeyLogError),
    /// The store: most of all, that the node runs.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store cannot be read.
    #[error("cannot read the time that counts from the store: {0}")]
    Time(#[from] StoreError),
    /// The words do not do it.
    #[error(transparent)]
    Rotate(#[from] RotateError),
    /// The key log that was brought proves nothing, or contradicts this node's.
    #[error("the key log that was brought is not to be followed: {0}")]
    KeyLog(KeyLogError),
    /// It has nothing new.
    #[error("the key log that was brought has no rotation that this node does not have")]
    NothingNew,
    /// The store is an older copy, and so the key log may be, too.
    #[error(
        "this node's data seem to be an older copy: its key number {number} may not be the institution's newest, and another rotation of it would contradict the one that others know, for good. If it was rotated since, take those keys over: have a member make FILE with `chartmesh token keys NAME`, then `chartmesh key rotate --keys FILE`. If number {number} is what members show as its newest (`chartmesh peers` there): `chartmesh key rotate --although-put-back`"
    )]
    PutBack {
        /// The newest key that is known here.
        number: u32,
    },
    /// The members know a newer key.
    #[error(
        "the members know the institution's key number {known}, and this node has number {number}: it was rotated at another node of it, or here before its data were put back from a copy. Another rotation would contradict that one for good: have a member make FILE with `chartmesh token keys NAME`, then `chartmesh key rotate --keys FILE`"
    )]
    OldKeys {
        /// The newest key that is known here.
        number: u32,
        /// The one that the members know.
        known: u32,
    },
    /// A relay's keys are not rotated.
    #[error(
        "a relay has no words of its own, and its keys are not rotated: if they were stolen, make another relay, and its patients move to it"
    )]
    Relay,
}

/// The number of a key log's newest key.
pub(super) fn number(log: &KeyLog) -> u32 {
    u32::try_from(log.rotations.len()).unwrap_or(u32::MAX)
}

/// The protocol's identity; or the name of a secret that is missing.
pub(super) fn secret_identity(
    identity: &NodeIdentity,
    secrets: &Secrets,
) -> Result<Identity, String> {
    let key = |name: String| secrets.key(&name).ok_or(name);
    let number = number(&identity.key_log);
    let institution = key(name::institution_signing_seed(number))?;
    let kem = key(name::institution_kem_seed(number))?;
    let node = key(name::NODE_SIGNING_SEED.to_owned())?;
    Ok(Identity {
        role: identity.role,
        name: identity.name.clone(),
        log: identity.key_log.clone(),
        institution: SigningKey::from_seed(&institution),
        kem: KemSecret::from_seed(*kem),
        node: SigningKey::from_seed(&node),
    })
}

/// The keys from before the rotations that the keystore has.
pub(super) fn earlier(identity: &NodeIdentity, secrets: &Secrets) -> EarlierKeys {
    let earlier = 0..number(&identity.key_log);
    let signing = earlier.clone().map(name::institution_signing_seed);
    let kem = earlier.map(name::institution_kem_seed);
    EarlierKeys {
        signing: signing
            .filter_map(|name| secrets.key(&name))
            .map(|seed| SigningKey::from_seed(&seed))
            .collect(),
        kem: kem
            .filter_map(|name| secrets.key(&name))
            .map(|seed| KemSecret::from_seed(*seed))
            .collect(),
    }
}

/// Takes out what a rotation left that a crash cut short: the keys that come next must not lie here.
pub(super) fn drop_next(
    path: &Path,
    unlock: &Unlock,
    identity: &NodeIdentity,
    secrets: &mut Secrets,
) -> Result<(), KeystoreError> {
    let current = number(&identity.key_log);
    let next: Vec<String> = secrets
        .names()
        .filter(|name| name::number(name).is_some_and(|number| number > current))
        .map(str::to_owned)
        .collect();
    if next.is_empty() {
        return Ok(());
    }
    next.iter().for_each(|name| secrets.remove(name));
    Keystore::replace(path, unlock, secrets, &mut system())
}

/// How keys are rotated.
#[derive(Debug, Clone)]
pub enum Rotation {
    /// By new ones, unless the data here seem to be an older copy.
    Made,
    /// By new ones, also then.
    AlthoughPutBack,
    /// By those of this key log, which were made elsewhere.
    Follow(KeyLog),
}

/// Rotates the institution's keys, with its 24 words, while its node is off: a new signing key, a new KEM key, and a new
/// key of this node, so that whoever has a copy of the keystore has none that counts. With a key log, it follows the
/// rotations there that it lacks, made at another node or before it was put back from a copy, instead of making one.
/// Gives who the node is from now on.
///
/// # Errors
/// [`KeysError`]; then nothing has changed.
pub fn rotate(
    config: &Config,
    unlock: &Unlock,
    phrase: &InstitutionPhrase,
    rotation: Rotation,
) -> Result<NodeIdentity, KeysError> {
    let dir = &config.data_dir;
    let mut identity = NodeIdentity::of(dir)?;
    if identity.role == Role::Patient {
        return Err(KeysError::Relay);
    }
    let keystore = dir.join(file::KEYSTORE);
    let mut secrets = Keystore::open(&keystore, unlock)?;
    let peer = secret_identity(&identity, &secrets).map_err(KeysError::MissingSecret)?;
    let peer = Peer::new(peer).map_err(KeysError::OtherKeys)?;
    let storage = secrets.key(name::STORAGE_KEY);
    let storage = storage.ok_or_else(|| KeysError::MissingSecret(name::STORAGE_KEY.to_owned()))?;
    // It is locked until this is done: no node runs meanwhile.
    let store = Store::open_with(
        &dir.join(file::STORE),
        &StorageKey::from_bytes(storage),
        &config.store_options(),
    )?;
    let read = store.begin_read()?;
    let now = peer.time(&read, WallClock::default().read())?;
    let beside = starts::known(&dir.join(file::STARTS));

    let known = identity.key_log.clone().verify().map_err(KeysError::OtherKeys)?;
    let rotated = match rotation {
        Rotation::Follow(log) => follow(&known, phrase, log)?,
        made => {
            newest(&peer, &read, (now, beside), matches!(made, Rotation::AlthoughPutBack))?;
            known.log().clone().rotated(&phrase.rotate(&known, now)?)
        }
    };
    drop(read);
    for number in known.current_number() + 1..=number(&rotated) {
        set(&mut secrets, &name::institution_signing_seed(number), &phrase.signing_seed(number));
        set(&mut secrets, &name::institution_kem_seed(number), &phrase.kem_seed(number));
    }
    identity.node = fresh_node_key(&mut secrets);
    identity.key_log = rotated;
    Keystore::replace(&keystore, unlock, &secrets, &mut system())?;
    identity.write(&dir.join(file::IDENTITY))?;
    drop(store);
    Ok(identity)
}

/// Refuses where the key here is not the newest, or may not be: a second rotation of one key forks the key log for good. [ID-3]
fn newest(
    peer: &Peer,
    txn: &dyn ReadTxn,
    (now, beside): (Timestamp, u64),
    although_put_back: bool,
) -> Result<(), KeysError> {
    let (number, known) = peer.own_keys(txn)?;
    if let Some(known) = known.filter(|known| *known > number) {
        return Err(KeysError::OldKeys { number, known });
    }
    match !although_put_back && peer.seems_put_back(txn, now, beside)? {
        true => Err(KeysError::PutBack { number }),
        false => Ok(()),
    }
}

/// The longer key log, if it goes on from the known one and follows from the words.
fn follow(known: &KnownKeys, phrase: &InstitutionPhrase, log: KeyLog) -> Result<KeyLog, KeysError> {
    let brought = log.verify().map_err(KeysError::KeyLog)?;
    let newer = known.clone().merge(brought).map_err(KeysError::KeyLog)?;
    if newer == *known {
        return Err(KeysError::NothingNew);
    }
    if !phrase.is_of(&newer) {
        return Err(RotateError::OthersWords.into());
    }
    Ok(newer.log().clone())
}

/// Seals the keystore under another passphrase or key.
///
/// # Errors
/// [`KeysError`]; then nothing has changed.
pub fn reseal(config: &Config, old: &Unlock, new: &Unlock) -> Result<(), KeysError> {
    let keystore = config.data_dir.join(file::KEYSTORE);
    Ok(Keystore::change_unlock(&keystore, old, new, &mut system())?)
}

/// Seals the keystore's secrets, and who they belong to, under another passphrase, in a file that is not there yet.
///
/// # Errors
/// [`KeysError`].
pub fn export(
    config: &Config,
    unlock: &Unlock,
    to: &Path,
    passphrase: &Passphrase,
) -> Result<NodeIdentity, KeysError> {
    let identity = NodeIdentity::of(&config.data_dir)?;
    let secrets = Keystore::open(&config.data_dir.join(file::KEYSTORE), unlock)?;
    secret_identity(&identity, &secrets).map_err(KeysError::MissingSecret)?;
    let public = identity.to_json();
    write_export(to, passphrase, public.as_bytes(), &secrets, &mut system())?;
    Ok(identity)
}

/// Erases each signing key from before the rotations as soon as the federation's newest view does not list it any more.
pub(super) async fn erase_earlier(handle: Handle, keystore: PathBuf, unlock: Unlock) {
    let mut changes = handle.changes();
    let mut before = None;
    loop {
        let in_use = handle.read_on_pool(|peer, txn, _| peer.erase_earlier(txn)).await;
        match in_use {
            Ok(EarlierInUse::Known(listed)) if before != Some(listed) => {
                let (path, unlock) = (keystore.clone(), unlock.clone());
                let erased = tokio::task::spawn_blocking(move || keep_only(&path, &unlock, listed));
                match erased.await {
                    Ok(Ok(())) => before = Some(listed),
                    Ok(Err(error)) => {
                        tracing::error!(%error, "an earlier key of this institution was not erased");
                    }
                    Err(_) => return,
                }
                if before == Some(None) {
                    tracing::info!("earlier keys of this institution are erased");
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "cannot read which key the members know"),
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Takes the signing keys out of a keystore but for the newest and one that is still in use.
fn keep_only(path: &Path, unlock: &Unlock, in_use: Option<PublicKey>) -> Result<(), KeystoreError> {
    let mut secrets = Keystore::open(path, unlock)?;
    let named: Vec<String> = (0..).map(name::institution_signing_seed).take(64).collect();
    let mut signing = named.into_iter().filter(|name| secrets.get(name).is_some()).rev();
    let newest = signing.next();
    let is_in_use = |name: &String| {
        let public = secrets.key(name).map(|seed| SigningKey::from_seed(&seed).public());
        public == in_use && in_use.is_some()
    };
    let of_no_use: Vec<String> = signing.filter(|name| !is_in_use(name)).collect();
    debug_assert!(newest.is_some(), "a node has a signing key");
    if of_no_use.is_empty() {
        return Ok(());
    }
    of_no_use.iter().for_each(|name| secrets.remove(name));
    Keystore::replace(path, unlock, &secrets, &mut system())
}
