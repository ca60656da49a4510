//! Hands for the tests: parties by number, and a federation to act in.

mod attacks;
mod ledger;
mod properties;
mod vectors;

use super::*;
use crate::crypto::SigningKey;
use crate::id::FederationId;
use crate::identity::{KnownKeys, incept};
use crate::statement::Signed;
use std::collections::BTreeMap;

/// Who acts, by number: everything about a party follows from it.
struct Actor {
    keys: KnownKeys,
    signing: SigningKey,
}

fn actor(number: u16) -> Actor {
    let seed = |key: u8| {
        let mut seed = [key; 32];
        seed[..2].copy_from_slice(&number.to_be_bytes());
        SigningKey::from_seed(&seed)
    };
    let keys = incept(&seed(0xa0), &seed(0xa1).public()).verify().unwrap();
    Actor { keys, signing: seed(0xa0) }
}

#[test]
fn the_largest_charter_that_a_founder_can_make_is_read_again() {
    let claims = Charter {
        name: "n".repeat(200),
        ..(*charter(crate::limits::THRESHOLD_MAX, crate::limits::FIRST_MEMBERS_MAX)).clone()
    };
    assert_eq!(claims.check(), Ok(()));
    let signed = Signed::sign(claims, &actor(0).signing);
    let read = crate::statement::Unverified::<Charter>::parse(signed.bytes()).unwrap();
    assert_eq!(read.claims().first_members.len(), usize::from(crate::limits::FIRST_MEMBERS_MAX));
}

fn party(number: u16) -> PartyId {
    actor(number).keys.party()
}

fn parties(numbers: impl IntoIterator<Item = u16>) -> BTreeSet<PartyId> {
    numbers.into_iter().map(party).collect()
}

fn charter(threshold: u16, first: u16) -> Signed<Charter> {
    let claims = Charter {
        version: CHARTER_VERSION,
        name: "Hospitals of the lake".into(),
        founder: party(0),
        key: 0,
        threshold,
        first_members: parties(0..first).into_iter().collect(),
        created: Timestamp(1_000),
        nonce: [7; 16],
    };
    Signed::sign(claims, &actor(0).signing)
}

type Statement = Signed<MembershipStatement>;

/// A federation whose first members are the parties 0 to `first - 1`.
struct World {
    charter: Signed<Charter>,
    actors: BTreeMap<u16, Actor>,
    clock: u64,
}

impl World {
    fn new(threshold: u16, first: u16) -> Self {
        Self { charter: charter(threshold, first), actors: BTreeMap::new(), clock: 1_000 }
    }

    fn ledger(&self) -> Ledger {
        Ledger::new(self.charter.clone()).unwrap()
    }

    fn root(&self) -> StatementId {
        self.charter.id()
    }

    /// Signs for `author` what names `seen`, whatever they are.
    fn say(&mut self, author: u16, seen: &[StatementId], act: Act) -> Statement {
        self.clock += 1_000;
        let mut seen = seen.to_vec();
        seen.sort_unstable();
        seen.dedup();
        let author = self.actors.entry(author).or_insert_with(|| actor(author));
        let claims = MembershipStatement {
            federation: FederationId(self.charter.id().0),
            author: author.keys.party(),
            key: 0,
            at: Timestamp(self.clock),
            seen,
            act,
        };
        Signed::sign(claims, &author.signing)
    }

    /// Signs for `author` in view of all of `ledger`, and takes it in there.
    fn act(&mut self, ledger: &mut Ledger, author: u16, act: Act) -> Result<Statement, Refusal> {
        self.clock += 1_000;
        let author = self.actors.entry(author).or_insert_with(|| actor(author));
        let draft = ledger.draft(author.keys.party(), 0, Timestamp(self.clock), act)?;
        let statement = Signed::sign(draft, &author.signing);
        assert!(matches!(ledger.insert(statement.clone()), Insertion::Inserted { .. }));
        Ok(statement)
    }
}

fn admit(subject: u16) -> Act {
    Act::Admit(party(subject))
}

fn expel(subject: u16) -> Act {
    Act::ProposeExpulsion(Expulsion { subject: party(subject), reason: "asks too much".into() })
}

fn support(proposal: &Statement) -> Act {
    Act::SupportExpulsion(proposal.id())
}

fn inserted() -> Insertion {
    Insertion::Inserted { released: Vec::new(), dropped: Vec::new() }
}

fn refused(why: Refusal) -> Insertion {
    Insertion::Refused { why, dropped: Vec::new() }
}

/// Takes all in, in this order.
fn fill(ledger: &mut Ledger, statements: &[Statement]) {
    for statement in statements {
        assert_eq!(ledger.insert(statement.clone()), inserted());
    }
}
