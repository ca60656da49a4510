//! A chain of views: five members, one of them dishonest, and a stranger; ballots, delay, leaving, rotation, expulsions,
//! an admission; and keys that later views no longer list.
//!
//! Two changes may be wanted in each view, since a fork needs two; each passes with the fewest honest votes that the
//! numbers take. Members are counted and not named: how many signed for which, how many stand there still. The views
//! themselves, and their numbers, are those that nodes compute.

use crate::counts::Counts;
use chartmesh_protocol::crypto::{PublicKey, SigningKey};
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::{Role, Rotation};
use chartmesh_protocol::membership::{Application, Change, CheckedView, Expulsion, Member, View};
use chartmesh_protocol::statement::Signed;
use chartmesh_protocol::time::Timestamp;
use stateright::{Model, Property};
use std::collections::BTreeMap;

/// What is wrong with the rules, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Without {
    /// Nothing.
    Nothing,
    /// Members sign for two successors of one view.
    OneSignature,
    /// Keys that a view does not list count in it.
    ListedKeys,
    /// A longer chain takes a final view back.
    Finality,
    /// Whoever comes in begins at the charter's view.
    Anchor,
}

/// Five members and what they may do.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The numbers, as they are or not.
    pub counts: Counts,
    /// Which rule is missing.
    pub without: Without,
    /// Whether members erase keys that a final view no longer lists.
    pub erase: bool,
    /// How many views may follow on the first.
    pub depth: usize,
}

/// What may change: `x` admits the stranger, `c` expels an honest member, `d` the dishonest one, `l` is a member that
/// leaves, `r` one whose key changes.
type What = &'static str;
const WANTED: [What; 9] = ["x", "c", "d", "l", "r", "lr", "cl", "xd", "xr"];

/// What happened in a view.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The two changes that are wanted here; none at the end of the model.
    wanted: Option<[What; 2]>,
    /// Signatures of honest members for each.
    signed: [usize; 2],
    /// Honest members who stand here and have signed for none, and for one.
    unsigned: usize,
    have_signed: usize,
    /// Which of the two are final.
    sealed: [bool; 2],
    /// Honest members that ever stood here.
    came: usize,
}

/// The views that anybody may have heard of, each by the changes that led there.
pub type Places = BTreeMap<Vec<What>, Place>;

/// A state: places, and what has gone wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    places: Places,
    wrong: Option<&'static str>,
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

/// Members by letter: `a` leaves, `b` rotates, `c` is expelled, `d` lies, `e` stays; `x` comes.
fn member(letter: u8) -> Member {
    Member {
        party: PartyId([letter; 32]),
        name: char::from(letter).to_string(),
        role: Role::Hospital,
        key: key(letter).public(),
        number: 0,
        next: key(letter + 100).public().digest(),
    }
}

fn change(view: &CheckedView, what: What) -> Change {
    let mut change = Change::default();
    for letter in what.bytes() {
        match letter {
            b'x' => {
                let application = Application {
                    federation: view.federation,
                    member: member(b'x'),
                    issued: Timestamp(0),
                };
                change.admitted.push(Signed::sign(application, &key(b'x')).to_unverified());
            }
            b'l' => change.left.push(member(b'a').party),
            b'r' => {
                let (new, party) = (key(b'b' + 100), member(b'b').party);
                let next = [0; 32];
                let (number, key, kept, at) = (1, new.public(), Vec::new(), Timestamp(0));
                let rotation = Rotation { party, number, key, next, kept, at };
                change.rotated.push(Signed::sign(rotation, &new).to_unverified());
            }
            expelled => {
                let (party, reason) = (member(expelled).party, String::new());
                change.expelled.push(Expulsion { party, reason });
            }
        }
    }
    change
}

/// All views of the model, by the changes that lead there.
#[must_use]
pub fn views(depth: usize) -> BTreeMap<Vec<What>, CheckedView> {
    let first = View {
        federation: chartmesh_protocol::id::FederationId([0; 32]),
        number: 1,
        before: Some(chartmesh_protocol::id::ViewId([0; 32])),
        threshold: 2,
        members: b"abcde".iter().map(|letter| member(*letter)).collect(),
        expelled: Vec::new(),
    };
    let first = first.check().expect("five members are a view");
    let mut all = BTreeMap::from([(Vec::new(), first)]);
    for _ in 0..depth {
        for (path, view) in all.clone() {
            for what in WANTED {
                if let Ok(next) = view.successor(&change(&view, what)) {
                    all.insert([&path[..], &[what]].concat(), next);
                }
            }
        }
    }
    all
}

/// A view of the model, with its keys as bits: a search looks at them millions of times.
#[derive(Debug, Clone)]
struct Seen {
    view: CheckedView,
    keys: u16,
    /// Keys of members that lie while the view is current: `d`, and `x` where it came after `d` went.
    lying: u16,
}

/// A chain with its views at hand.
#[derive(Debug, Clone)]
pub struct Searched {
    chain: Chain,
    views: BTreeMap<Vec<What>, Seen>,
}

impl Chain {
    /// As a model to be searched.
    #[must_use]
    pub fn searched(self) -> Searched {
        let mut bits: BTreeMap<PublicKey, u16> = BTreeMap::new();
        let seen = |view: CheckedView| {
            let mut bit = |key: PublicKey| {
                let next = bits.len();
                1u16 << *bits.entry(key).or_insert(u16::try_from(next).unwrap_or(u16::MAX))
            };
            let keys = view.members.iter().map(|member| bit(member.key)).sum();
            let has = |letter: u8| view.member(member(letter).party).is_some();
            let liar = [b'd', b'x'].into_iter().find(|letter| has(*letter));
            let lying = liar.map_or(0, |letter| bit(member(letter).key));
            Seen { view, keys, lying }
        };
        let views = views(self.depth).into_iter();
        let mut seen = seen;
        Searched { views: views.map(|(path, view)| (path, seen(view))).collect(), chain: self }
    }
}

fn count(keys: u16) -> usize {
    keys.count_ones() as usize
}

impl Searched {
    fn seen(&self, path: &[What]) -> &Seen {
        self.views.get(path).expect("the views of the model are computed before")
    }

    fn view(&self, path: &[What]) -> &CheckedView {
        &self.seen(path).view
    }

    fn honest(&self, path: &[What]) -> usize {
        let seen = self.seen(path);
        count(seen.keys & !seen.lying)
    }

    /// Signatures in dishonest hands: liars', and those of keys that a later view dropped, once somebody moved there.
    fn dishonest(&self, path: &[What], places: &Places) -> usize {
        let Seen { keys, mut lying, .. } = *self.seen(path);
        if !self.chain.erase || self.chain.without == Without::ListedKeys {
            for (later, place) in places {
                let moved = place.unsigned + place.have_signed > 0;
                if moved && later.len() > path.len() && later.starts_with(path) {
                    lying |= keys & !self.seen(later).keys;
                }
            }
        }
        let mut old = 0;
        if self.chain.without == Without::ListedKeys {
            for depth in 0..path.len() {
                old |= self.seen(&path[..depth]).keys & !keys;
            }
        }
        count(lying) + count(old)
    }

    /// The pairs of changes that may be wanted in a view.
    fn pairs(&self, path: &[What]) -> Vec<Option<[What; 2]>> {
        if path.len() >= self.chain.depth {
            return vec![None];
        }
        let open: Vec<What> = WANTED
            .into_iter()
            .filter(|what| self.views.contains_key(&[path, &[*what]].concat()))
            .filter(|what| path.is_empty() || what.len() == 1)
            .collect();
        let mut pairs = Vec::new();
        for (at, one) in open.iter().enumerate() {
            pairs.extend(open[at + 1..].iter().map(|other| Some([*one, *other])));
        }
        if pairs.is_empty() {
            pairs.extend(open.iter().map(|one| Some([*one, *one])));
        }
        if pairs.is_empty() { vec![None] } else { pairs }
    }

    /// What a change that passes with the fewest honest votes does against what is claimed.
    fn unfair(&self, path: &[What], what: What) -> Option<&'static str> {
        let (numbers, liars) = (self.view(path).numbers(), count(self.seen(path).lying));
        let honest_voters = numbers.members - liars - 1;
        what.bytes().find_map(|letter| match letter {
            b'x' if self.chain.counts.sponsors(numbers) <= liars => {
                Some("a stranger is admitted without an honest sponsor")
            }
            b'c' if 2 * self.chain.counts.votes(numbers).saturating_sub(liars) <= honest_voters => {
                Some("an honest member is expelled without a majority of the honest")
            }
            _ => None,
        })
    }

    fn places_of(&self, wanted: Option<[What; 2]>) -> Place {
        Place { wanted, signed: [0; 2], unsigned: 0, have_signed: 0, sealed: [false; 2], came: 0 }
    }

    /// Whether enough have signed for one of the two.
    fn is_sealed(&self, path: &[What], place: &Place, which: usize, dishonest: usize) -> bool {
        let numbers = self.view(path).numbers();
        let signed = (place.signed[which] + dishonest).min(numbers.members);
        signed >= self.chain.counts.quorum(numbers)
    }
}

/// A step: in a view, somebody signs for one of the two changes, one becomes final, or a member moves on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A member that has not signed does.
    Sign(Vec<What>, usize),
    /// A member that has signed signs for the other, too.
    SignTwice(Vec<What>, usize),
    /// Signatures are enough; what will be wanted in the view that begins.
    Seal(Vec<What>, usize, Option<[What; 2]>),
    /// A member learns of it, of those that have signed or not.
    Move(Vec<What>, usize, bool),
}

impl Model for Searched {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let begun = |wanted| {
            let honest = self.honest(&[]);
            let place = Place { unsigned: honest, came: honest, ..self.places_of(wanted) };
            State { places: BTreeMap::from([(Vec::new(), place)]), wrong: None }
        };
        self.pairs(&[]).into_iter().map(begun).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        if state.wrong.is_some() {
            return;
        }
        for (path, place) in &state.places {
            let Some(wanted) = place.wanted else { continue };
            for (which, successor) in wanted.iter().enumerate() {
                actions.push(Step::Sign(path.clone(), which));
                actions.push(Step::SignTwice(path.clone(), which));
                let next = [&path[..], &[*successor]].concat();
                let begun = state.places.contains_key(&next);
                let pairs = if begun { vec![None] } else { self.pairs(&next) };
                actions.extend(pairs.into_iter().map(|pair| Step::Seal(path.clone(), which, pair)));
                actions.push(Step::Move(path.clone(), which, true));
                actions.push(Step::Move(path.clone(), which, false));
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Sign(path, which) => {
                let place = state.places.get_mut(&path)?;
                place.unsigned = place.unsigned.checked_sub(1)?;
                place.have_signed += 1;
                place.signed[which] += 1;
            }
            Step::SignTwice(path, which) => {
                let most = self.honest(&path);
                let place = state.places.get_mut(&path)?;
                let may = self.chain.without == Without::OneSignature
                    && place.have_signed > 0
                    && place.signed[which] < most;
                place.signed[which] += usize::from(may);
                return may.then_some(state);
            }
            Step::Seal(path, which, pair) => return self.seal(last, &path, which, pair),
            Step::Move(path, which, signed) => return self.moves(last, &path, which, signed),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing goes wrong", |_, state: &State| state.wrong.is_none()),
            Property::always("all come to one view", Self::come_together),
            Property::sometimes("two views on", |model: &Self, state: &State| {
                state.places.iter().any(|(path, place)| {
                    path.len() == model.chain.depth && place.unsigned + place.have_signed >= 3
                })
            }),
        ]
    }
}

impl Searched {
    fn is_broken(&self, path: &[What], places: &Places) -> bool {
        self.dishonest(path, places) > self.view(path).numbers().faults()
    }

    fn seal(
        &self,
        last: &State,
        path: &[What],
        which: usize,
        pair: Option<[What; 2]>,
    ) -> Option<State> {
        let mut state = last.clone();
        let place = last.places.get(path)?;
        let dishonest = self.dishonest(path, &last.places);
        if place.sealed[which] || !self.is_sealed(path, place, which, dishonest) {
            return None;
        }
        let broken = self.is_broken(path, &last.places);
        let what = place.wanted?[which];
        state.wrong = self.unfair(path, what).filter(|_| !broken);
        let next = [path, &[what]].concat();
        state.places.entry(next.clone()).or_insert_with(|| self.places_of(pair));
        state.places.get_mut(path)?.sealed[which] = true;
        // A stranger is honest while `d` is there to lie; it comes in, and begins where its anchor is.
        let stranger = self.seen(&next).view.member(member(b'd').party).is_some();
        if what.contains('x') && stranger {
            let anchored = self.chain.without != Without::Anchor;
            let begins = if anchored { next } else { Vec::new() };
            let place = state.places.get_mut(&begins)?;
            if anchored {
                place.unsigned += 1;
                place.came += 1;
            } else {
                // No member of that view, it signs nothing there.
                place.have_signed += 1;
            }
        }
        if state.places.get(path)?.sealed == [true; 2]
            && !broken
            && place.wanted?[0] != place.wanted?[1]
        {
            state.wrong = Some("two successors of one view are final");
        }
        if self.chain.without == Without::Finality && state.places.get(path)?.sealed == [true; 2] {
            // Whoever stands below one of them turns to the other, if it has more to show.
            let below = |which: usize| [path, &[place.wanted.unwrap_or_default()[which]]].concat();
            let stands = (0..2).any(|which| {
                let place = state.places.get(&below(which));
                place.is_some_and(|place| place.unsigned + place.have_signed > 0)
            });
            if stands {
                state.wrong = Some("a final view was taken back");
            }
        }
        Some(state)
    }

    fn moves(&self, last: &State, path: &[What], which: usize, signed: bool) -> Option<State> {
        let mut state = last.clone();
        let place = state.places.get_mut(path)?;
        if !place.sealed[which] {
            return None;
        }
        let from = if signed { &mut place.have_signed } else { &mut place.unsigned };
        *from = from.checked_sub(1)?;
        let wanted = place.wanted?;
        let next = [path, &[wanted[which]]].concat();
        let most = self.honest(&next);
        let there = state.places.get_mut(&next)?;
        // Whoever finds no room is the one that is out, and knows it.
        if there.came < most {
            there.unsigned += 1;
            there.came += 1;
        }
        let other = [path, &[wanted[1 - which]]].concat();
        let split = wanted[0] != wanted[1]
            && state.places.iter().any(|(path, place)| {
                path.starts_with(&other) && place.unsigned + place.have_signed > 0
            });
        if split && !self.is_broken(path, &last.places) {
            state.wrong = Some("honest members stand at two successors of one view");
        } else if split && self.chain.without == Without::Anchor {
            state.wrong = Some("whoever comes in follows keys that were long retired");
        }
        Some(state)
    }

    /// If everything were shown to everybody now, and no view has two successors, all would stand at one view.
    fn come_together(&self, state: &State) -> bool {
        let places = &state.places;
        if places.values().any(|place| place.sealed == [true; 2]) {
            return true;
        }
        let mut end = Vec::new();
        while let Some(place) = places.get(&end) {
            let Some(which) = place.sealed.iter().position(|sealed| *sealed) else { break };
            let Some(wanted) = place.wanted else { break };
            end.push(wanted[which]);
        }
        places
            .iter()
            .all(|(path, place)| place.unsigned + place.have_signed == 0 || end.starts_with(path))
    }
}
