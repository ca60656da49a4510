//! An institution's keys on a node's disk.

use chartmesh_protocol::crypto::SigningKey;
use chartmesh_protocol::identity::{InstitutionPhrase, RotateError};

use super::*;
use crate::keystore::{Secrets, name};

impl Home {
    fn phrase(&self) -> InstitutionPhrase {
        InstitutionPhrase::parse(&self.words).unwrap()
    }

    fn secrets(&self) -> Secrets {
        Keystore::open(&self.config.data_dir.join(file::KEYSTORE), &self.unlock()).unwrap()
    }

    /// The names of all secrets that are, or lead to, the key that comes next: by each as a seed, and by each as the
    /// entropy or the root of words.
    fn next_keys(&self) -> Vec<String> {
        let identity = NodeIdentity::of(&self.config.data_dir).unwrap();
        let known = identity.key_log.verify().unwrap();
        let secrets = self.secrets();
        let names: Vec<String> = secrets.names().map(str::to_owned).collect();
        let leads = |name: &String| {
            let Some(secret) = secrets.key(name) else { return true };
            let seed = SigningKey::from_seed(&secret);
            let phrase = InstitutionPhrase::from_entropy(&secret);
            seed.public().digest() == known.next() || phrase.is_of(&known)
        };
        names.into_iter().filter(leads).collect()
    }
}

fn has_two_keys_to_sign_with(home: &Home) -> bool {
    let secrets = home.secrets();
    let signing = secrets.names().filter(|name| name.starts_with("institution-signing-seed-"));
    signing.count() == 2
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_in_a_keystore_is_or_leads_to_the_key_that_comes_next() {
    for role in [Role::Hospital, Role::Backup, Role::Patient] {
        let home = Home::new(role, "A");
        assert_eq!(home.next_keys(), Vec::<String>::new());
        assert_eq!(home.words.is_empty(), role == Role::Patient);
    }
    let home = Home::new(Role::Hospital, "A");
    let before = NodeIdentity::of(&home.config.data_dir).unwrap();
    let after = rotate(&home.config, &home.unlock(), &home.phrase(), Rotation::Made).unwrap();
    assert_eq!((after.institution(), after.key_log.rotations.len()), (before.institution(), 1));
    assert_ne!(after.node, before.node, "a copy of the node's key is of no use either");
    assert_eq!(home.next_keys(), Vec::<String>::new());
    assert!(has_two_keys_to_sign_with(&home));
    let again = rotate(&home.config, &home.unlock(), &home.phrase(), Rotation::Made).unwrap();
    assert_eq!(again.key_log.rotations.len(), 2);
    assert_eq!(home.next_keys(), Vec::<String>::new());

    // A rotation that a crash cut short leaves the new keys; the next start takes them out again.
    again.write(&home.config.data_dir.join(file::IDENTITY)).unwrap();
    let cut = Home { words: home.words.clone(), ..Home::new(Role::Hospital, "B") };
    for name in [file::IDENTITY, file::KEYSTORE, file::STORE] {
        std::fs::copy(home.config.data_dir.join(name), cut.config.data_dir.join(name)).unwrap();
    }
    std::fs::copy(home.dir.path().join("key"), cut.dir.path().join("key")).unwrap();
    rotate(&cut.config, &cut.unlock(), &cut.phrase(), Rotation::Made).unwrap();
    again.write(&cut.config.data_dir.join(file::IDENTITY)).unwrap();
    assert_eq!(cut.next_keys(), [name::institution_signing_seed(3)], "the test can fail");
    let node = cut.run().await;
    assert_eq!(cut.next_keys(), Vec::<String>::new());
    assert_eq!(node.me(), before.institution());
    node.shutdown().await;
    // And it can be rotated as if nothing had happened.
    rotate(&cut.config, &cut.unlock(), &cut.phrase(), Rotation::Made).unwrap();
    cut.run().await.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_node_is_not_rotated_and_the_earlier_key_goes_once_no_view_lists_it() {
    let home = Home::new(Role::Hospital, "A");
    let node = home.run().await;
    node.ask(federation::command::Found { name: "Kita".into(), threshold: 2, anew: false }).await;
    let refused = rotate(&home.config, &home.unlock(), &home.phrase(), Rotation::Made).unwrap_err();
    assert!(matches!(refused, KeysError::Store(OpenError::InUse { .. })), "{refused}");
    node.shutdown().await;
    let other = Home::new(Role::Hospital, "B");
    let refused =
        rotate(&home.config, &home.unlock(), &other.phrase(), Rotation::Made).unwrap_err();
    assert!(matches!(refused, KeysError::Rotate(RotateError::OthersWords)), "{refused}");

    rotate(&home.config, &home.unlock(), &home.phrase(), Rotation::Made).unwrap();
    assert!(has_two_keys_to_sign_with(&home));
    let node = home.run().await;
    node.until("its own rotation to be sealed", ask::Status, |view| view.key.in_view == Some(1))
        .await;
    within("the earlier key to be erased", async {
        while has_two_keys_to_sign_with(&home) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // What is sealed to the earlier KEM key still opens, so that stays.
    assert!(home.secrets().key(&name::institution_kem_seed(0)).is_some());
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_of_an_institution_follow_one_rotation_and_make_no_second() {
    let home = Home::new(Role::Hospital, "A");
    let second = Home { words: home.words.clone(), ..Home::new(Role::Hospital, "B") };
    for name in [file::IDENTITY, file::KEYSTORE, file::STORE] {
        std::fs::copy(home.config.data_dir.join(name), second.config.data_dir.join(name)).unwrap();
    }
    std::fs::copy(home.dir.path().join("key"), second.dir.path().join("key")).unwrap();
    let log = rotate(&home.config, &home.unlock(), &home.phrase(), Rotation::Made).unwrap().key_log;
    let follow =
        |log| rotate(&second.config, &second.unlock(), &second.phrase(), Rotation::Follow(log));
    let followed = follow(log.clone()).unwrap();
    assert_eq!(followed.key_log, log);
    assert!(matches!(follow(log.clone()).unwrap_err(), KeysError::NothingNew));
    second.run().await.shutdown().await;
    // One that was made elsewhere, too, contradicts it.
    let rotated =
        rotate(&second.config, &second.unlock(), &second.phrase(), Rotation::Made).unwrap();
    rotate(&home.config, &home.unlock(), &home.phrase(), Rotation::Made).unwrap();
    let refused = follow(NodeIdentity::of(&home.config.data_dir).unwrap().key_log).unwrap_err();
    assert!(matches!(refused, KeysError::KeyLog(KeyLogError::Forked)), "{refused}");
    assert_eq!(NodeIdentity::of(&second.config.data_dir).unwrap(), rotated);
}

/// [ID-17].
#[tokio::test(flavor = "multi_thread")]
async fn who_is_reached_by_nobody_finds_the_new_node_of_a_rotated_institution_where_the_old_one_was()
 {
    let home = Home::new(Role::Hospital, "A");
    let behind_a_router = Home::listening(Role::Hospital, "B", &[]);
    let (hospital, guest) = (home.run().await, behind_a_router.run().await);
    federate(&hospital, &guest).await;
    let institution = hospital.me();
    guest.shutdown().await;
    hospital.shutdown().await;
    rotate(&home.config, &home.unlock(), &home.phrase(), Rotation::Made).unwrap();
    let (hospital, guest) = (home.run().await, behind_a_router.run().await);
    guest
        .until("the new key", ask::Peers::default(), |page| {
            page.items.iter().any(|peer| peer.institution == institution && peer.key == 1)
        })
        .await;
    for node in [&hospital, &guest] {
        node.until("the members to take it up", ask::Members, |view| {
            let member = view.parties.iter().find(|party| party.party == institution);
            member.is_some_and(|member| member.key == Some(1))
        })
        .await;
    }
    for node in [hospital, guest] {
        node.shutdown().await;
    }
}

/// The store, or all of it, is an older copy: its key may not be the newest, and a second rotation of one key is for good.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_is_not_rotated_unless_somebody_insists() {
    let home = Home::new(Role::Hospital, "A");
    home.run().await.shutdown().await;
    let copy = |home: &Home| {
        [file::IDENTITY, file::KEYSTORE, file::STORE]
            .map(|name| (name, std::fs::read(home.config.data_dir.join(name)).unwrap()))
    };
    let put_back = |home: &Home, files: &[(&str, Vec<u8>)]| {
        for (name, bytes) in files {
            std::fs::write(home.config.data_dir.join(name), bytes).unwrap();
        }
    };
    let before = copy(&home);
    let log = rotate(&home.config, &home.unlock(), &home.phrase(), Rotation::Made).unwrap().key_log;
    home.run().await.shutdown().await;

    put_back(&home, &before);
    let made =
        |home: &Home, rotation| rotate(&home.config, &home.unlock(), &home.phrase(), rotation);
    let refused = made(&home, Rotation::Made).unwrap_err();
    assert!(matches!(refused, KeysError::PutBack { number: 0 }), "{refused}");
    assert!(refused.to_string().contains("--although-put-back"), "{refused}");
    // Also once it was started, and has noticed.
    home.run().await.shutdown().await;
    assert!(matches!(made(&home, Rotation::Made), Err(KeysError::PutBack { .. })));
    // The newer keys are what is wanted; they fork nothing.
    let followed = made(&home, Rotation::Follow(log.clone())).unwrap();
    assert_eq!(followed.key_log, log);
    // With these it insists, and goes on from there.
    let further = made(&home, Rotation::AlthoughPutBack).unwrap();
    assert_eq!(further.key_log.rotations.len(), 2);
}
