use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::limits::PLAINTEXT_BYTES_MAX;
use super::*;

/// As cheap as Argon2 allows.
fn cheap() -> Argon2Cost {
    Argon2Cost::new(8, 1, 1).unwrap()
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::with_cost(text.to_owned(), cheap())
}

fn right() -> Unlock {
    Unlock::Passphrase(passphrase("right"))
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn secrets() -> Secrets {
    let mut secrets = Secrets::new();
    secrets.set(name::STORAGE_KEY, &[0xA1; 32]).unwrap();
    secrets.set(name::NODE_SIGNING_SEED, &[0xA2; 32]).unwrap();
    secrets.set(&name::institution_signing_seed(0), &[0xA3; 32]).unwrap();
    secrets
}

struct Place {
    directory: tempfile::TempDir,
    path: PathBuf,
}

fn new_keystore(unlock: &Unlock) -> Place {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keystore");
    Keystore::create(&path, unlock, &secrets(), &mut rng()).unwrap();
    Place { directory, path }
}

impl Place {
    fn file(&self, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn refusal(&self, unlock: &Unlock) -> BoxError {
        match Keystore::open(&self.path, unlock).unwrap_err() {
            KeystoreError::Sealed { source, .. } => source,
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_keystore_gives_back_what_it_took() {
    let place = new_keystore(&right());
    let opened = Keystore::open(&place.path, &right()).unwrap();
    assert_eq!(opened, secrets());
    assert_eq!(*opened.key(name::STORAGE_KEY).unwrap(), [0xA1; 32]);
}

#[test]
fn the_file_is_for_its_owner_only_and_shows_no_secret_and_no_name() {
    let place = new_keystore(&right());
    let mode = fs::metadata(&place.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let bytes = fs::read(&place.path).unwrap();
    for hidden in [&[0xA1; 8][..], b"storage-key"] {
        assert!(!bytes.windows(hidden.len()).any(|window| window == hidden));
    }
}

#[test]
fn a_wrong_passphrase_is_told_as_such() {
    let place = new_keystore(&right());
    let wrong = Unlock::Passphrase(passphrase("Right"));
    assert_eq!(place.refusal(&wrong), BoxError::WrongPassphrase);
}

#[test]
fn every_altered_byte_is_noticed_and_never_called_a_wrong_passphrase() {
    let place = new_keystore(&right());
    let whole = fs::read(&place.path).unwrap();
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 0x40;
        fs::write(&place.path, &altered).unwrap();
        let expected = match at {
            0..4 => BoxError::NotABox,
            4 => BoxError::Version(0x41),
            // These make the stated length larger than what follows, within its limit.
            78..80 => BoxError::Truncated,
            _ => BoxError::Damaged,
        };
        assert_eq!(place.refusal(&right()), expected, "byte {at}");
    }
}

#[test]
fn every_missing_end_is_told_as_such() {
    let place = new_keystore(&right());
    let whole = fs::read(&place.path).unwrap();
    for len in 0..whole.len() {
        fs::write(&place.path, &whole[..len]).unwrap();
        assert_eq!(place.refusal(&right()), BoxError::Truncated, "{len} bytes");
    }
    fs::write(&place.path, [&whole[..], &[0]].concat()).unwrap();
    assert_eq!(place.refusal(&right()), BoxError::Damaged);
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let place = new_keystore(&right());
    for mode in [0o640, 0o604, 0o620, 0o666] {
        fs::set_permissions(&place.path, Permissions::from_mode(mode)).unwrap();
        let error = Keystore::open(&place.path, &right()).unwrap_err();
        assert!(matches!(error, KeystoreError::Permissions { mode: m, .. } if m == mode));
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}

#[test]
fn a_missing_keystore_and_one_that_exists_are_told_as_such() {
    let place = new_keystore(&right());
    let before = fs::read(&place.path).unwrap();
    let error = Keystore::create(&place.path, &right(), &secrets(), &mut rng()).unwrap_err();
    assert!(matches!(error, KeystoreError::Exists { .. }), "{error}");
    assert_eq!(fs::read(&place.path).unwrap(), before);
    fs::remove_file(&place.path).unwrap();
    let error = Keystore::open(&place.path, &right()).unwrap_err();
    assert!(matches!(error, KeystoreError::Missing { .. }), "{error}");
}

#[test]
fn a_key_file_and_a_credential_open_it_and_another_key_does_not() {
    let place = new_keystore(&right());
    let key = place.file("key", &[7; 32], 0o600);
    // As systemd shows it: readable for the group by way of an access control list.
    let credential = place.file(CREDENTIAL_NAME, &[7; 32], 0o440);
    let by_file = Unlock::KeyFile(key.clone());
    let by_credential = Unlock::Credential(credential.parent().unwrap().into());

    Keystore::change_unlock(&place.path, &right(), &by_file, &mut rng()).unwrap();
    for unlock in [&by_file, &by_credential] {
        assert_eq!(Keystore::open(&place.path, unlock).unwrap(), secrets());
    }
    assert_eq!(place.refusal(&right()), BoxError::NeedsKey);
    let other = Unlock::KeyFile(place.file("other", &[8; 32], 0o600));
    assert_eq!(place.refusal(&other), BoxError::WrongKey);

    Keystore::change_unlock(&place.path, &by_file, &right(), &mut rng()).unwrap();
    assert_eq!(place.refusal(&by_file), BoxError::NeedsPassphrase);
    assert_eq!(Keystore::open(&place.path, &right()).unwrap(), secrets());
}

#[test]
fn a_key_file_of_another_length_or_open_to_others_is_refused() {
    let place = new_keystore(&right());
    let open = |path| match Keystore::open(&place.path, &Unlock::KeyFile(path)).unwrap_err() {
        KeystoreError::Unlock(error) => error,
        other => panic!("{other}"),
    };
    for len in [0, 31, 33, 100_000] {
        let path = place.file("key", &vec![7; len], 0o600);
        assert!(matches!(open(path), UnlockError::KeyLength { .. }));
    }
    let path = place.file("key", &[7; 32], 0o644);
    assert!(matches!(open(path), UnlockError::Permissions { mode: 0o644, .. }));
    let path = place.directory.path().join("none");
    assert!(matches!(open(path), UnlockError::Io { .. }));
}

#[test]
fn an_empty_passphrase_seals_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keystore");
    let empty = Unlock::Passphrase(passphrase(""));
    let error = Keystore::create(&path, &empty, &secrets(), &mut rng()).unwrap_err();
    let expected = KeystoreError::Unlock(UnlockError::EmptyPassphrase);
    assert_eq!(error.to_string(), expected.to_string());
    assert!(!path.exists());
}

#[test]
fn what_a_crash_left_of_an_unfinished_change_is_overwritten() {
    let place = new_keystore(&right());
    place.file("keystore.new", b"half", 0o644);
    let mut more = secrets();
    more.set(&name::institution_own_key(0), &[9; 32]).unwrap();
    Keystore::replace(&place.path, &right(), &more, &mut rng()).unwrap();
    assert_eq!(Keystore::open(&place.path, &right()).unwrap(), more);
    assert!(!place.directory.path().join("keystore.new").exists());
}

#[test]
fn replacing_the_secrets_needs_the_right_passphrase() {
    let place = new_keystore(&right());
    let before = fs::read(&place.path).unwrap();
    let wrong = Unlock::Passphrase(passphrase("wrong"));
    Keystore::replace(&place.path, &wrong, &Secrets::new(), &mut rng()).unwrap_err();
    Keystore::change_unlock(&place.path, &wrong, &right(), &mut rng()).unwrap_err();
    assert_eq!(fs::read(&place.path).unwrap(), before);
}

#[test]
fn a_box_of_a_patient_opens_only_in_its_place() {
    let mut rng = rng();
    let key = passphrase("word word word");
    let sealed = seal_with_passphrase(&key, b"root", b"patient 1", &mut rng).unwrap();
    let opened = open_with_passphrase(&key, &sealed, b"patient 1").unwrap();
    assert_eq!(*opened, b"root");
    let elsewhere = open_with_passphrase(&key, &sealed, b"patient 2").unwrap_err();
    assert_eq!(elsewhere, BoxError::NotForThis);
    let again = seal_with_passphrase(&key, b"root", b"patient 1", &mut rng).unwrap();
    assert_ne!(sealed[12..], again[12..], "each box has a salt of its own");
}

#[test]
fn the_cost_is_stated_in_the_box_and_bounded() {
    let usual = Passphrase::new("p".to_owned());
    assert_eq!(usual.cost(), Argon2Cost::STANDARD);
    let sealed = seal_with_passphrase(&passphrase("p"), b"x", b"", &mut rng()).unwrap();
    assert_eq!(*open_with_passphrase(&usual, &sealed, b"").unwrap(), b"x");
    // 4 TiB of memory, with a mended checksum: refused before anything is computed.
    let mut dear = sealed[..sealed.len() - 32].to_vec();
    dear[8..12].fill(0xff);
    dear.extend(blake3::hash(&dear).as_bytes());
    let refused = open_with_passphrase(&usual, &dear, b"").unwrap_err();
    assert_eq!(refused, BoxError::Unsupported);
    for (memory_kib, passes, lanes) in [(7, 1, 1), (8, 0, 1), (8, 1, 0), (8, 1, 2), (8, 17, 1)] {
        assert_eq!(Argon2Cost::new(memory_kib, passes, lanes), None);
    }
}

#[test]
fn more_than_keys_is_not_sealed() {
    let key = passphrase("p");
    let long = vec![0; PLAINTEXT_BYTES_MAX + 1];
    let refused = seal_with_passphrase(&key, &long, b"", &mut rng()).unwrap_err();
    assert_eq!(refused, BoxError::TooLong);
    let sealed = seal_with_passphrase(&key, &long[1..], b"", &mut rng()).unwrap();
    assert_eq!(sealed.len(), sealed_box::sealed_len(PLAINTEXT_BYTES_MAX));
    assert_eq!(*open_with_passphrase(&key, &sealed, b"").unwrap(), long[1..]);
}

#[test]
fn nothing_secret_prints() {
    let shown = format!("{:?} {:?}", right(), secrets());
    assert!(!shown.contains("right\"") && !shown.contains("161"), "{shown}");
}

proptest! {
    #[test]
    fn any_bytes_are_refused_without_a_panic(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..300),
        magic: bool,
    ) {
        if magic && bytes.len() > 5 {
            bytes[..5].copy_from_slice(b"CMKB\x01");
        }
        prop_assert!(open_with_passphrase(&passphrase("p"), &bytes, b"").is_err());
    }
}

#[test]
fn a_passphrase_that_is_chosen_is_long_enough_for_whoever_has_the_file() {
    let chosen = |text: &str| Passphrase::chosen(text.to_owned()).is_ok();
    for weak in [
        "",
        "x",
        "fourteen chars",
        "aaaaaaaaaaaaaaaaaaaaaa",
        "123412341234123412",
        "   a b c d e   ",
    ] {
        assert!(!chosen(weak), "{weak:?}");
    }
    for good in ["fifteen letters", "seven salmon swim upstream", "さくら 病院の 合言葉は 山と川"]
    {
        assert!(chosen(good), "{good:?}");
    }
}
