//! [MSG-11]: nobody's words keep out what others need said.

use super::*;
use crate::crypto::{SigningKey, WrappingKey};
use crate::federation::{CatchUp, Message};
use crate::identity::{Role, incept};
use crate::peer::{Identity, Peer};
use crate::store::Memory;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const PROVIDER: PartyId = PartyId([9; 32]);

fn hospital() -> Peer {
    let key = |seed: u8| SigningKey::from_seed(&[seed; 32]);
    Peer::new(Identity {
        role: Role::Hospital,
        name: "Seaside Hospital".into(),
        log: incept(&key(1), &key(2).public()),
        institution: key(1),
        own: WrappingKey::from_bytes([3; 32]),
        node: key(4),
    })
    .unwrap()
}

fn with_context(work: impl FnOnce(&mut Context<'_>)) {
    let (peer, mut store) = (hospital(), Memory::default());
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    work(&mut peer.context(Timestamp(1), &mut store, &mut rng, None));
}

fn message() -> Message {
    Message::CatchUp(CatchUp { position: None, whole: true })
}

/// Orders for a patient until there is no room; gives how many went.
fn order(ctx: &mut Context<'_>, patient: PartyId) -> usize {
    let mut taken = 0;
    while has_room_for_order(ctx.txn, PROVIDER, patient).unwrap() {
        ctx.send_as_ordered(PROVIDER, &message(), Some(patient)).unwrap();
        taken += 1;
        assert!(taken <= limits::OUTBOX_PER_PARTY_MAX);
    }
    taken
}

#[test]
fn patients_who_order_without_end_leave_room_for_the_next_and_for_what_people_here_say() {
    with_context(|ctx| {
        let patient = |number: u8| PartyId([number; 32]);
        let of_others = limits::OUTBOX_PER_PARTY_MAX / limits::OUTBOX_OF_OTHERS;
        let taken: Vec<_> = (10..30).map(|number| order(ctx, patient(number))).collect();
        assert!(taken[0] < of_others / 4, "{taken:?}");
        assert!(taken.iter().all(|taken| *taken > 0), "{taken:?}");
        assert!(taken.iter().sum::<usize>() < of_others, "{taken:?}");
        // What people here have to say takes nothing of what patients' orders may take, nor they of it.
        for _ in 0..limits::OUTBOX_PER_PARTY_MAX - of_others {
            ctx.send(PROVIDER, &message()).unwrap();
        }
        assert!(order(ctx, patient(30)) > 0);
        // What is gone counts no more.
        withdraw(ctx, PROVIDER, |_| Ok(true)).unwrap();
        assert!(rows::all::<OrderedRow>(ctx.txn, ORDERED, &[]).unwrap().is_empty());
        assert_eq!(order(ctx, patient(31)), taken[0]);
    });
}

#[test]
fn what_others_cause_without_end_leaves_half_to_people_and_what_is_said_once_finds_room_beyond() {
    with_context(|ctx| {
        for _ in 0..limits::OUTBOX_PER_PARTY_MAX {
            ctx.send_if_room(PROVIDER, &message()).unwrap();
        }
        assert_eq!(depth(ctx.txn, PROVIDER).unwrap(), limits::OUTBOX_TOLD_MAX);
        while ctx.send(PROVIDER, &message()).is_ok() {}
        assert_eq!(depth(ctx.txn, PROVIDER).unwrap(), limits::OUTBOX_PER_PARTY_MAX);
        ctx.send_urgently(PROVIDER, &message()).unwrap();
        assert_eq!(depth(ctx.txn, PROVIDER).unwrap(), limits::OUTBOX_PER_PARTY_MAX + 1);
    });
}
