//! Listings as front doors ask for them: each thing once, whatever the pages; a page costs what it may have; a
//! place of another question is refused.

use super::ask::{Charts, Entries, Verify};
use super::*;
use crate::crypto::{SigningKey, WrappingKey};
use crate::entries::{ChartRow, Draft, put_chart};
use crate::id::{ChartId, PartyId};
use crate::identity::{Role, incept};
use crate::kind::Kind;
use crate::peer::{Asked, EachQuestion, Effect, Event, Identity};
use crate::record::command::{NewChart, Record};
use crate::refusal::{Failure, RefusalCode};
use crate::store::{Counting, Memory};
use crate::turn::{Cursor, Listing, Page, Part, RequestId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

struct Home {
    peer: Peer,
    store: Memory,
    rng: ChaCha20Rng,
}

impl Home {
    fn new() -> Self {
        let key = |seed: u8| SigningKey::from_seed(&[seed; 32]);
        let identity = Identity {
            role: Role::Hospital,
            name: "Seaside Hospital".into(),
            log: incept(&key(1), &key(2).public()),
            institution: key(1),
            own: WrappingKey::from_bytes([3; 32]),
            node: key(4),
        };
        let (peer, mut store) = (Peer::new(identity).unwrap(), Memory::default());
        let mut rng = ChaCha20Rng::from_seed([5; 32]);
        peer.start(&mut store, NOW, &mut rng).unwrap();
        Self { peer, store, rng }
    }

    fn act<A: Asked>(&mut self, act: A) -> A::Answer {
        let command = Box::new(act.into());
        let event = Event::Command { request: RequestId(1), command, keys: None };
        let effects = self.peer.handle(NOW, event, &mut self.store, &mut self.rng).unwrap();
        let answer = effects.into_iter().find_map(|effect| match effect {
            Effect::Answer { answer, .. } => Some(answer.unwrap()),
            _ => None,
        });
        A::read(answer.expect("a command is answered at once"))
    }

    /// A record of so many entries; gives its subject.
    fn record(&mut self, entries: usize) -> PartyId {
        let subject = self.act(NewChart { name: "Hanako".into(), identifiers: vec![] }).subject;
        let draft = |n: usize| Draft {
            kind: Kind::Laboratory,
            title: format!("count {n}"),
            effective: NOW,
            user: "Dr. Mori".into(),
            terms: Vec::new(),
            adds_to: None,
            contents: Vec::new(),
        };
        let drafts = (0..entries).map(draft).collect();
        let sealed = self.peer.seal_entries(&self.store, NOW, subject, drafts, &mut self.rng);
        self.act(Record { subject, chart: None, entries: sealed.unwrap() });
        subject
    }

    fn charts(&mut self, count: u32) {
        for number in 0..count {
            let hash = *blake3::hash(&number.to_be_bytes()).as_bytes();
            let row = ChartRow {
                name: format!("patient {number}"),
                identifiers: Vec::new(),
                created: NOW,
                subject: PartyId(hash),
                enrolled: false,
                registered: true,
            };
            put_chart(&mut self.store, ChartId(*hash.first_chunk().unwrap()), &row).unwrap();
        }
    }

    /// All pages of a listing, each with the rows that it took.
    fn pages<L: Listing>(&mut self, mut listing: L, limit: usize) -> Vec<(Page<L::Item>, usize)> {
        listing.part().limit = Some(limit);
        let (mut pages, mut next) = (Vec::new(), Some(listing));
        while let Some(listing) = next {
            let counting = Counting::new(&mut self.store);
            let page = self.peer.query(&counting, NOW, &listing, None).unwrap();
            let read = counting.read();
            next = listing.behind(&page);
            pages.push((page, read));
        }
        pages
    }

    fn refused(&self, query: &Value) -> RefusalCode {
        let (name, query) = query.as_object().unwrap().iter().next().unwrap();
        let mut asking = Asking { home: self, name, query, answer: None };
        ask::each(&mut asking);
        asking.answer.expect("there is such a question").expect_err("it is refused")
    }
}

/// Puts the question that is called so.
struct Asking<'a> {
    home: &'a Home,
    name: &'a str,
    query: &'a Value,
    answer: Option<Result<(), RefusalCode>>,
}

impl EachQuestion for Asking<'_> {
    fn bare<Q: Question>(&mut self, _: &'static str) {
        assert_ne!(self.name, Q::NAME);
    }

    fn any<Q: Question + DeserializeOwned>(&mut self, _: &'static str) {
        self.put::<Q>();
    }

    fn with<Q: Question + DeserializeOwned>(&mut self, _: &'static str) {
        self.put::<Q>();
    }
}

impl Asking<'_> {
    fn put<Q: Question + DeserializeOwned>(&mut self) {
        if self.name == Q::NAME {
            let query: Q = serde_json::from_value(self.query.clone()).unwrap();
            self.answer = Some(match self.home.peer.query(&self.home.store, NOW, &query, None) {
                Ok(_) => Ok(()),
                Err(Failure::Refused(refusal)) => Err(refusal.code),
                Err(other) => panic!("{other:?}"),
            });
        }
    }
}

#[test]
fn a_page_costs_what_it_may_have_wherever_in_a_long_listing_it_begins() {
    let mut home = Home::new();
    home.charts(3000);
    let pages = home.pages(Charts::default(), 50);
    assert_eq!(pages.len(), 60);
    assert!(pages.iter().all(|(_, read)| *read <= 53), "{:?}", pages[30].1);
    let ids: BTreeSet<_> =
        pages.iter().flat_map(|(page, _)| &page.items).map(|v| v.chart).collect();
    assert_eq!(ids.len(), 3000);

    let subject = home.record(120);
    for limit in [7, 40] {
        // Of each entry its row, its index, its author, as a member and by its card, and its holders.
        let pages = home.pages(Entries::of(subject), limit);
        let most = 5 * (limit + 1) + 2;
        assert!(pages.iter().all(|(_, read)| *read <= most), "{:?} of {most}", pages[2].1);
        let ids: BTreeSet<_> =
            pages.iter().flat_map(|(page, _)| &page.items).map(|v| v.entry).collect();
        assert_eq!(ids.len(), 120);
        let pages = home.pages(Verify::of(subject), limit);
        assert!(pages.iter().all(|(_, read)| *read <= most), "{:?} of {most}", pages[2].1);
        let good = pages.iter().flat_map(|(page, _)| &page.items).filter(|v| v.bad.is_empty());
        assert_eq!(good.count(), 120);
    }
    // What is looked for is few, and each page costs no more for it.
    let find = Entries { find: Some("COUNT 7".into()), ..Entries::of(subject) };
    let pages = home.pages(find, 40);
    assert!(pages.iter().all(|(_, read)| *read <= 5 * 41 + 2));
    let found: usize = pages.iter().map(|(page, _)| page.items.len()).sum();
    assert_eq!(found, 11, "7 and 70 to 79");
}

#[test]
fn a_place_of_another_question_or_record_is_refused_with_a_reason() {
    let mut home = Home::new();
    let (one, other) = (home.record(3), home.record(3));
    let first = Entries { part: Part { after: None, limit: Some(1) }, ..Entries::of(one) };
    let page = home.peer.query(&home.store, NOW, &first, None).unwrap();
    let place = json!(page.next.expect("there are two more"));
    let again = json!({"subject": one, "after": place, "limit": 9});
    let again: Entries = serde_json::from_value(again).unwrap();
    let rest = home.peer.query(&home.store, NOW, &again, None).unwrap();
    assert_eq!(rest.items.len(), 2);
    for query in [
        json!({"entries": {"subject": other, "after": place}}),
        json!({"charts": {"after": place}}),
        json!({"patients": {"after": place}}),
        json!({"peers": {"after": place}}),
        json!({"transfers": {"after": place}}),
        json!({"requests": {"after": place}}),
        json!({"grants": {"after": place}}),
        json!({"grants": {"patient": one, "after": place}}),
        json!({"kept": {"after": place}}),
        json!({"access-log": {"subject": one, "after": place}}),
        json!({"collected-lines": {"patient": one, "holder": other, "after": place}}),
        json!({"entries": {"subject": one, "after": "AAAA"}}),
        json!({"entries": {"subject": one, "after": "what is no base64 ="}}),
        json!({"entries": {"subject": one, "limit": 0}}),
        json!({"charts": {"limit": 1001}}),
    ] {
        assert_eq!(home.refused(&query), RefusalCode::Invalid, "{query}");
    }
    // A record and its check go through the same rows, from the same places.
    let verify: Cursor = serde_json::from_value(place).unwrap();
    let part = Part { after: Some(verify), limit: None };
    let page = home.peer.query(&home.store, NOW, &Verify { subject: one, part }, None).unwrap();
    assert_eq!(page.items.len(), 2);
}
