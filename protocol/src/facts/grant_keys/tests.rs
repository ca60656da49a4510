//! A grant key's life.

use super::*;
use crate::capability::{Chain, GrantKeys};
use crate::crypto::{SigningKey, WrappingKey};
use crate::identity::{Role, Rotation, incept};
use crate::peer::{Identity, Peer};
use crate::refusal::Failure;
use crate::statement::Signed;
use crate::store::Memory;
use arbitrary::{Arbitrary as _, Unstructured};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

const BEGIN: Timestamp = Timestamp(1_800_000_000_000);

const fn day(days: u64) -> Timestamp {
    BEGIN.plus_ms(days * DAY_MS)
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([7; 32])
}

fn peer(rotated: bool) -> Peer {
    let key = |seed: u8| SigningKey::from_seed(&[seed; 32]);
    let mut log = incept(&key(1), &key(2).public());
    if rotated {
        let rotation = Rotation {
            party: log.party_unverified(),
            number: 1,
            key: key(2).public(),
            next: key(3).public().digest(),
            kept: Vec::new(),
            at: BEGIN,
        };
        log = log.rotated(&Signed::sign(rotation, &key(2)));
    }
    let identity = Identity {
        role: Role::Hospital,
        name: "Seaside Hospital".into(),
        log,
        institution: key(if rotated { 2 } else { 1 }),
        own: WrappingKey::from_bytes([if rotated { 5 } else { 4 }; 32]),
        node: key(6),
    };
    Peer::new(identity).unwrap()
}

/// [ID-20].
#[test]
fn a_key_is_shown_for_a_month_sealed_to_for_three_weeks_more_and_then_deleted() {
    let (peer, mut txn, mut rng) = (peer(false), Memory::default(), rng());
    let (mut made, mut due) = (0, Vec::new());
    for now in (0..=200).map(day) {
        made += u64::from(renew(peer.own(), &mut txn, now, &mut rng).unwrap());
        let shown = shown(&txn).unwrap();
        let ahead = shown.until.since(now);
        assert!((22 * DAY_MS..=52 * DAY_MS).contains(&ahead), "{ahead}");
        let rows = all(&txn).unwrap();
        assert!(rows.len() <= 3 && rows.iter().all(|(_, row)| now.since(row.made) < KEPT_MS));
        due.push(next_due(&txn).unwrap().unwrap());
    }
    assert_eq!(made, 7);
    assert!(due.iter().zip(0..).all(|(due, now)| *due > day(now) && *due <= day(now + 30)));
}

/// [ID-20].
#[test]
fn after_a_rotation_another_key_is_shown_and_the_earlier_one_goes_in_a_week() {
    let (before, after) = (peer(false), peer(true));
    let (mut txn, mut rng) = (Memory::default(), rng());
    before.start(&mut txn, day(0), &mut rng).unwrap();
    let first = shown(&txn).unwrap().id;
    after.start(&mut txn, day(1), &mut rng).unwrap();
    let second = shown(&txn).unwrap();
    assert!(second.id != first && second.until == day(1 + 52));
    let ids = |txn: &Memory| all(txn).unwrap().into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    for days in 2..8 {
        after.start(&mut txn, day(days), &mut rng).unwrap();
        assert!(ids(&txn).contains(&first), "what is on its way opens");
    }
    after.start(&mut txn, day(8), &mut rng).unwrap();
    assert_eq!(ids(&txn), [second.id]);
    assert_eq!(directory::card(&txn, after.me()).unwrap().unwrap().kem, second.secret.public());
}

#[test]
fn a_clock_that_was_ahead_lets_no_key_live_longer() {
    let (peer, mut txn, mut rng) = (peer(false), Memory::default(), rng());
    renew(peer.own(), &mut txn, day(1000), &mut rng).unwrap();
    shorten(&mut txn, day(1)).unwrap();
    assert_eq!(shown(&txn).unwrap().until, day(1 + 52));
    assert_eq!(next_due(&txn).unwrap(), Some(day(1 + 30)));
    renew(peer.own(), &mut txn, day(1 + 75), &mut rng).unwrap();
    assert_eq!(all(&txn).unwrap().len(), 1, "the first is gone");
}

/// [CAP-12], [CAP-19].
#[test]
fn a_grant_is_opened_by_its_key_as_long_as_that_is_here() {
    let (peer, mut txn, mut rng) = (peer(false), Memory::default(), rng());
    peer.start(&mut txn, day(0), &mut rng).unwrap();
    let chain = Chain::arbitrary(&mut Unstructured::new(&[3; 4096])).unwrap();
    let sealed_to = shown(&txn).unwrap();
    let public = sealed_to.secret.public();
    let sent = Grant::seal(chain, &GrantKeys::default(), &public, &mut rng).unwrap();
    assert_eq!(sent.key, sealed_to.id);
    let other = Grant::seal(
        sent.chain.clone(),
        &GrantKeys::default(),
        &KemSecret::from_seed([9; 32]).public(),
        &mut rng,
    );
    let mut take = |now: Timestamp, grant: &Grant| {
        renew(peer.own(), &mut txn, now, &mut rng).unwrap();
        open(&peer.context(now, &mut txn, &mut rng, None), grant)
    };
    take(day(74), &sent).unwrap();
    for (now, refused) in [(day(74), &other.unwrap()), (day(75), &sent)] {
        let Err(Failure::Refused(why)) = take(now, refused) else { panic!("it was taken") };
        assert!(why.is(&GrantError::KeyNotHere));
    }
}
