//! What a page of a long listing costs, against one of a short listing.
//!
//! A page of 100 from the middle of 100,000 charts, of a record of 10,000 entries, and of the check of that record,
//! each against a page of 100 of a listing of 100, on a store in memory. Prints the medians of the rounds; the aim is
//! a ratio of at most 2: a page costs what it has, and finding where it begins next to nothing.

#![expect(clippy::disallowed_methods, reason = "a benchmark is about the time that passes")]

use chartmesh_protocol::crypto::{SigningKey, WrappingKey};
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::{Role, incept};
use chartmesh_protocol::peer::{Asked, Effect, Event, Identity, Listing, Peer, RequestId, ask};
use chartmesh_protocol::record::command::{NewChart, Record};
use chartmesh_protocol::record::{Draft, Kind};
use chartmesh_protocol::store::Memory;
use chartmesh_protocol::time::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 101;
const PAGE: usize = 100;
const CHARTS: usize = 100_000;
const ENTRIES: usize = 10_000;
const NOW: Timestamp = Timestamp(1_800_000_000_000);

struct Home {
    peer: Peer,
    store: Memory,
    rng: ChaCha20Rng,
}

impl Home {
    fn new(charts: usize) -> Self {
        let key = |seed| SigningKey::from_seed(&[seed; 32]);
        let identity = Identity {
            role: Role::Hospital,
            name: "Bench".into(),
            log: incept(&key(1), &key(2).public()),
            institution: key(1),
            own: WrappingKey::from_bytes([3; 32]),
            node: key(4),
        };
        let peer = Peer::new(identity).expect("a fresh key log verifies");
        let (store, rng) = (Memory::default(), ChaCha20Rng::from_seed([5; 32]));
        let mut home = Self { peer, store, rng };
        home.peer.start(&mut home.store, NOW, &mut home.rng).expect("memory does not fail");
        for number in 0..charts {
            home.act(NewChart { name: format!("patient {number}"), identifiers: vec![] });
        }
        home
    }

    fn act<A: Asked>(&mut self, act: A) -> A::Answer {
        let command = Box::new(act.into());
        let event = Event::Command { request: RequestId(1), command, keys: None };
        let effects = self.peer.handle(NOW, event, &mut self.store, &mut self.rng);
        let answer = effects.expect("memory does not fail").into_iter().find_map(|effect| {
            if let Effect::Answer { answer, .. } = effect { Some(answer) } else { None }
        });
        A::read(answer.expect("answered at once").expect("permitted"))
    }

    fn record(&mut self, entries: usize) -> PartyId {
        let subject = self.act(NewChart { name: "Hanako".into(), identifiers: vec![] }).subject;
        for begin in (0..entries).step_by(PAGE) {
            let drafts = (begin..entries.min(begin + PAGE)).map(draft).collect();
            let sealed = self.peer.seal_entries(&self.store, NOW, subject, drafts, &mut self.rng);
            self.act(Record {
                subject,
                chart: None,
                entries: sealed.expect("entries can be sealed"),
            });
        }
        subject
    }

    /// The page in the middle, by the median of the rounds, in microseconds.
    fn middle<L: Listing>(&self, mut listing: L, items: usize) -> f64 {
        listing.part().limit = Some(PAGE);
        let ask = |listing: &L| self.peer.query(&self.store, NOW, listing, None);
        for _ in 0..items / PAGE / 2 {
            let page = ask(&listing).expect("a page");
            listing = listing.behind(&page).expect("not the last");
        }
        let mut times: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let start = Instant::now();
                let page = ask(black_box(&listing)).expect("a page");
                assert_eq!(black_box(page).items.len(), PAGE);
                start.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    }
}

fn draft(number: usize) -> Draft {
    Draft {
        kind: Kind::Laboratory,
        title: format!("count {number}"),
        effective: NOW,
        user: "Dr. Bench".into(),
        terms: Vec::new(),
        adds_to: None,
        contents: Vec::new(),
    }
}

fn main() {
    let (mut short, mut long) = (Home::new(PAGE - 1), Home::new(CHARTS - 1));
    let (few, many) = (short.record(PAGE), long.record(ENTRIES));
    let (charts, all) = (ask::Charts::default, |of| ask::Entries::of(of));
    let rows = [
        ("charts", CHARTS, short.middle(charts(), PAGE), long.middle(charts(), CHARTS)),
        ("entries", ENTRIES, short.middle(all(few), PAGE), long.middle(all(many), ENTRIES)),
        (
            "checked",
            ENTRIES,
            short.middle(ask::Verify::of(few), PAGE),
            long.middle(ask::Verify::of(many), ENTRIES),
        ),
    ];
    println!("pages of {PAGE}, median of {ROUNDS} rounds, us:");
    for (what, of, short, long) in rows {
        println!(
            "  {what:8} {short:8.0} of {PAGE}, {long:8.0} of {of}: ratio {:.2} (aim: at most 2)",
            long / short
        );
    }
}
