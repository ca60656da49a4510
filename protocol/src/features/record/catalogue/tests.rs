//! Whole compartments: lists of many pages, additions, what is missed on the way, another relay.

use super::{Changes, announced, received, relay, send};
use crate::capability::Scope;
use crate::catalogue::{Listed, Listing, enter, listed, tables};
use crate::crypto::{KemSecret, SigningKey};
use crate::custody;
use crate::directory;
use crate::entries::{CatalogueView, Label, chart_for, view};
use crate::id::{CompartmentId, EntryId, ObjectId, PartyId};
use crate::identity::{KeyRing, Role, incept};
use crate::limits;
use crate::outbox::OutboxRow;
use crate::peer::{Body, Identity, PatientKeys, Peer, RequestId};
use crate::permission::MayRead;
use crate::record::Message;
use crate::refusal::{Failure, Handled, RefusalCode};
use crate::rows;
use crate::statement::Signed;
use crate::store::{Counting, Memory, Table, Txn};
use crate::time::Timestamp;
use crate::turn::{Context, Feature as _, Sender};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;

const C: CompartmentId = CompartmentId([0xc0; 16]);

struct Side {
    peer: Peer,
    store: Memory,
    rng: ChaCha20Rng,
    now: Timestamp,
}

impl Side {
    fn new(seed: u8, role: Role) -> Self {
        let key = |at: u8| SigningKey::from_seed(&[seed + at; 32]);
        let identity = Identity {
            role,
            name: format!("Side {seed}"),
            log: incept(&key(0), &key(1).public()),
            institution: key(0),
            kem: KemSecret::from_seed([seed + 2; 32]),
            node: key(3),
        };
        let (peer, mut store) = (Peer::new(identity).unwrap(), Memory::default());
        let now = Timestamp(1_800_000_000_000);
        let mut rng = ChaCha20Rng::from_seed([seed; 32]);
        peer.start(&mut store, now, &mut rng).unwrap();
        Self { peer, store, rng, now }
    }

    /// Works in a transaction of its own, which a refusal undoes.
    fn work<R>(&mut self, work: impl FnOnce(&mut Context<'_>) -> Handled<R>) -> Handled<R> {
        self.work_with(None, work)
    }

    /// The same, with a patient's keys at hand.
    fn work_with<R>(
        &mut self,
        keys: Option<&PatientKeys>,
        work: impl FnOnce(&mut Context<'_>) -> Handled<R>,
    ) -> Handled<R> {
        self.now = self.now.plus_ms(1);
        let before = self.store.clone();
        let mut ctx = self.peer.context(self.now, &mut self.store, &mut self.rng, keys);
        let done = work(&mut ctx);
        if done.is_err() {
            self.store = before;
        }
        done
    }

    /// Rows that a transaction reads.
    fn rows_read<R>(&mut self, work: impl FnOnce(&mut Context<'_>) -> Handled<R>) -> usize {
        let mut counting = Counting::new(&mut self.store);
        let mut ctx = self.peer.context(self.now, &mut counting, &mut self.rng, None);
        assert!(work(&mut ctx).is_ok());
        counting.read()
    }

    /// This side as who sends something.
    fn sender(&self) -> Sender {
        Sender {
            institution: self.peer.me(),
            keys: self.peer.own().keys().clone(),
            node: self.peer.node(),
            member: false,
            relay_of: None,
            introduced: false,
            proof: None,
            request_hash: [0; 32],
            nonce: [0; 16],
        }
    }

    /// What waits for another, taken out.
    fn take(&mut self, to: PartyId) -> Vec<Listing> {
        let table = Table::rows("outbox");
        let waiting = rows::all::<OutboxRow>(&self.store, table, &to.0).unwrap();
        let mut listings = Vec::new();
        for (key, row) in waiting {
            self.store.delete(table, &key).unwrap();
            if let Body::Record(Message::Listing(listing)) =
                rows::decode(table, &row.body.0).unwrap()
            {
                listings.push(listing);
            }
        }
        listings
    }
}

/// Lists an entry as when it is kept.
fn list(
    ctx: &mut Context<'_>,
    before: Option<CompartmentId>,
    label: &Signed<Label>,
) -> Handled<()> {
    let listed = Listed { entry: label.entry(), label: label.id() };
    Ok(enter(ctx.txn, label.subject, (before, label.compartment), &listed)?)
}

struct Two {
    relay: Side,
    reader: Side,
    keys: PatientKeys,
}

impl Two {
    fn new() -> Self {
        let (mut relay, mut reader) =
            (Side::new(0x30, Role::Patient), Side::new(0x10, Role::Hospital));
        let new = custody::make(&mut relay.rng);
        let (keys, log) = (new.keys, new.log);
        let keep = custody::command::Keep {
            name: "Hanako".into(),
            log: Box::new(log.clone()),
            sealed_keys: Vec::new(),
        };
        relay
            .work_with(Some(&keys), |ctx| custody::Machine::command(ctx, RequestId(1), keep.into()))
            .unwrap();
        let ring = directory::ring(&relay.store, keys.patient).unwrap().unwrap();
        reader
            .work(|ctx| {
                let known = directory::learn_keys(ctx.txn, log)?;
                directory::learn_ring(ctx.txn, ring.to_unverified(), &known, ctx.now)?;
                chart_for(ctx, known.party())
            })
            .unwrap();
        Self { relay, reader, keys }
    }

    fn label(&self, n: u64) -> Signed<Label> {
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&n.to_be_bytes());
        let label = Label {
            subject: self.keys.patient,
            salt,
            compartment: Some(C),
            manifest: ObjectId([1; 32]),
            contents: [2; 32],
            author: self.reader.peer.me(),
            key: 0,
            recorded: Timestamp(n),
        };
        Signed::sign(label, self.reader.peer.own().institution_key())
    }

    /// Entries come to the relay; gives what was told the reader of it.
    fn add(&mut self, range: core::ops::Range<u64>) -> Vec<Listing> {
        let mut changes = Changes::default();
        let labels: Vec<_> = range.map(|n| self.label(n)).collect();
        let may = MayRead { compartments: [C].into(), ..MayRead::default() };
        let readers = BTreeMap::from([(self.reader.peer.me(), may)]);
        let patient = self.keys.patient;
        self.relay
            .work(|ctx| {
                for label in &labels {
                    changes.note(None, label);
                    list(ctx, None, label)?;
                }
                // By the table of permissions, nobody may read anything yet.
                announced(ctx, patient, &changes)?;
                relay::tell(ctx, patient, &changes, &readers)
            })
            .unwrap();
        self.relay.take(self.reader.peer.me())
    }

    fn send(&mut self) -> Vec<Listing> {
        let (to, patient) = (self.reader.peer.me(), self.keys.patient);
        let scope = Scope::of_compartments([C]).unwrap();
        self.relay.work(|ctx| send(ctx, to, patient, &scope)).unwrap();
        self.relay.take(to)
    }

    /// The reader gets a listing from a relay.
    fn give(&mut self, from: Option<&Side>, listing: &Listing) -> Result<(), RefusalCode> {
        let sender = from.unwrap_or(&self.relay).sender();
        match self.reader.work(|ctx| received(ctx, &sender, listing.clone())) {
            Ok(_) => Ok(()),
            Err(Failure::Refused(refusal)) => Err(refusal.code),
            Err(error) => panic!("{error}"),
        }
    }

    fn again(&mut self, listing: &Listing) -> Vec<Listing> {
        let (to, patient) = (self.reader.peer.me(), self.keys.patient);
        let may = MayRead { compartments: [C].into(), ..MayRead::default() };
        self.relay.work(|ctx| relay::tell_again(ctx, to, patient, listing, &may)).unwrap();
        self.relay.take(to)
    }

    fn complete(&self) -> bool {
        tables::section(&self.reader.store, self.keys.patient, C).unwrap().unwrap().complete
    }

    fn view(&self) -> CatalogueView {
        view(&self.reader.store, self.keys.patient).unwrap().unwrap()
    }
}

#[test]
fn a_list_of_many_pages_is_complete_with_its_last_page() {
    let mut two = Two::new();
    two.add(0..5000);
    let pages = two.send();
    assert_eq!(pages.len(), 2);
    assert_eq!(two.give(None, &pages[0]), Ok(()));
    assert!(!two.complete());
    assert_eq!(
        (two.view().listed, two.view().missing),
        (5000, 5000),
        "the number is known at once"
    );
    assert_eq!(two.give(None, &pages[1]), Ok(()));
    assert!(two.complete());
    let view = two.view();
    assert_eq!((view.listed, view.missing, view.missing_entries.len()), (5000, 5000, 64));
}

#[test]
fn additions_lead_to_the_root_and_a_missed_one_is_answered_with_the_whole_list_once() {
    let mut two = Two::new();
    two.add(0..10);
    let whole = two.send();
    assert_eq!(two.give(None, &whole[0]), Ok(()));
    let first = two.add(10..11);
    assert_eq!(two.give(None, &first[0]), Ok(()));
    assert!(two.complete() && two.view().listed == 11);
    // The next one is lost, those after it are refused, and the list stays as it was.
    two.add(11..12);
    let (third, fourth) = (two.add(12..14), two.add(14..15));
    for late in [&third[0], &fourth[0]] {
        assert_eq!(two.give(None, late), Err(RefusalCode::WrongState));
    }
    assert_eq!(two.view().listed, 11);
    let again = two.again(&third[0]);
    assert!(two.again(&fourth[0]).is_empty(), "the whole list is on its way");
    assert_eq!(two.give(None, &again[0]), Ok(()));
    assert!(two.complete() && two.view().listed == 15);
    // What comes late, or again, changes nothing.
    assert_eq!(two.give(None, &whole[0]), Ok(()));
    assert_eq!(two.give(None, &first[0]), Ok(()));
    assert!(two.complete() && two.view().listed == 15);
}

#[test]
fn a_list_that_has_not_changed_is_not_signed_again() {
    let mut two = Two::new();
    two.add(0..3);
    let (once, again) = (two.send(), two.send());
    assert_eq!(once, again);
    two.add(3..4);
    let later = two.send();
    let seq = |listing: &[Listing]| listing[0].sections[0].catalogue.claims().seq;
    assert!(seq(&later) > seq(&once));
    assert!(seq(&once) > 1_800_000_000_000, "never below the clock");
}

#[test]
fn beyond_the_bound_the_number_travels_alone() {
    let mut two = Two::new();
    let (many, patient) = (limits::CATALOGUE_ENTRIES_MAX as u64, two.keys.patient);
    let label = two.label(0).id();
    for n in 0..many {
        let mut entry = EntryId([0; 16]);
        entry.0[..8].copy_from_slice(&n.to_be_bytes());
        let listed = Listed { entry, label };
        tables::put_entry(&mut two.relay.store, patient, C, &listed, 0).unwrap();
    }
    let told = two.add(many..many + 2);
    assert!(told[0].sections[0].entries.is_empty());
    assert_eq!(two.give(None, &told[0]), Ok(()));
    let view = two.view();
    assert_eq!((view.listed, view.missing, view.missing_entries.len()), (many + 2, many + 2, 0));
}

/// What is announced one by one must not cost a walk over all that was.
#[test]
fn one_entry_more_costs_both_sides_as_many_rows_in_a_long_list_as_in_a_short_one() {
    let mut two = Two::new();
    let (to, patient) = (two.reader.peer.me(), two.keys.patient);
    let label = two.label(0).id();
    // Ids as they are made: random.
    let id = |n: u64| EntryId(*blake3::hash(&n.to_be_bytes()).as_bytes().first_chunk().unwrap());
    let many = 20_000;
    for n in 0..many {
        let listed = Listed { entry: id(n), label };
        tables::put_entry(&mut two.relay.store, patient, C, &listed, 0).unwrap();
    }
    tables::refresh(&mut two.relay.store, patient, C, (0..many).map(id)).unwrap();
    for listing in two.send() {
        assert_eq!(two.give(None, &listing), Ok(()));
    }
    let new = two.label(many);
    let may = MayRead { compartments: [C].into(), ..MayRead::default() };
    let at_relay = two.relay.rows_read(|ctx| {
        let mut changes = Changes::default();
        changes.note(None, &new);
        list(ctx, None, &new)?;
        relay::tell(ctx, patient, &changes, &BTreeMap::from([(to, may)]))
    });
    let told = two.relay.take(to);
    let sender = two.relay.sender();
    let at_reader = two.reader.rows_read(|ctx| received(ctx, &sender, told[0].clone()));
    assert!(two.complete() && two.view().listed == many + 1);
    assert!(at_relay < 100 && at_reader < 100, "{at_relay} and {at_reader} rows were read");
}

#[test]
fn an_entry_under_a_new_label_is_told_anew_and_leaves_its_old_compartment() {
    let mut two = Two::new();
    two.add(0..3);
    let (to, patient) = (two.reader.peer.me(), two.keys.patient);
    let before = two.label(1);
    let other = CompartmentId([0xc1; 16]);
    let moved = Label { compartment: Some(other), ..(*before).clone() };
    let moved = Signed::sign(moved, two.reader.peer.own().institution_key());
    let whole = two.send();
    assert_eq!(two.give(None, &whole[0]), Ok(()));
    let may = MayRead { compartments: [C, other].into(), entries: [moved.entry()].into() };
    let mut changes = Changes::default();
    changes.note(Some(&before), &moved);
    two.relay
        .work(|ctx| {
            list(ctx, Some(C), &moved)?;
            relay::tell(ctx, patient, &changes, &BTreeMap::from([(to, may)]))
        })
        .unwrap();
    let told = two.relay.take(to);
    assert_eq!(two.give(None, &told[0]), Ok(()));
    assert!(two.complete() && two.view().listed == 3);
    // Whatever compartment a label names, it is measured by the one that counts.
    for label in [&before, &moved] {
        assert_eq!(
            listed(&two.reader.store, label.subject, label.entry()).unwrap(),
            Some(moved.id())
        );
    }
}

#[test]
fn only_the_relay_that_the_key_ring_names_counts() {
    let mut two = Two::new();
    two.add(0..3);
    let whole = two.send();
    assert_eq!(two.give(None, &whole[0]), Ok(()));
    // The patient moves. What the old relay listed counts no more, nor what it lists from now on.
    let old_ring = directory::ring(&two.reader.store, two.keys.patient).unwrap().unwrap();
    let new_relay = Side::new(0x50, Role::Patient);
    let ring = KeyRing { relay: new_relay.peer.me(), seq: old_ring.seq + 1, ..(*old_ring).clone() };
    let ring = Signed::sign(ring, &two.keys.signing).to_unverified();
    let learn = |two: &mut Two| {
        let ring = ring.clone();
        two.reader.work(|ctx| {
            let known = directory::keys(ctx.txn, ring.claims().patient)?.unwrap();
            directory::learn_ring(ctx.txn, ring, &known, ctx.now)
        })
    };
    learn(&mut two).unwrap();
    assert!(view(&two.reader.store, two.keys.patient).unwrap().is_none());
    assert_eq!(two.give(None, &whole[0]), Err(RefusalCode::NotPermitted));
    // The new relay's word counts, even if its `seq` is lower; in the old one's hands it does not.
    let mut moved = whole[0].clone();
    let mut claims = moved.sections[0].catalogue.claims().clone();
    (claims.relay, claims.seq) = (new_relay.peer.me(), 1);
    moved.sections[0].catalogue =
        Signed::sign(claims, new_relay.peer.own().institution_key()).to_unverified();
    assert_eq!(two.give(None, &moved), Err(RefusalCode::NotPermitted));
    assert_eq!(two.give(Some(&new_relay), &whole[0]), Err(RefusalCode::NotAuthentic));
    assert_eq!(two.give(Some(&new_relay), &moved), Ok(()));
    assert_eq!((two.view().listed, two.view().relay), (3, new_relay.peer.me()));
}
