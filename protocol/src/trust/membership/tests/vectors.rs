//! Vectors: whole histories and single refusals, as another implementation would replay them.

use super::*;
use crate::codec::Wire;
use crate::identity::KeyLog;
use crate::limits;
use crate::statement::{Statement as _, Unverified};
use crate::vectors;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

/// Everything but the key logs is hexadecimal COSE_Sign1.
#[derive(Serialize, Deserialize)]
struct Histories {
    /// The key log of each party that speaks.
    key_logs: BTreeMap<PartyId, String>,
    histories: Vec<History>,
}

/// A set of statements in one order in which they may arrive, and who is then a member.
#[derive(Serialize, Deserialize)]
struct History {
    name: String,
    reason: String,
    charter: String,
    federation: FederationId,
    statements: Vec<String>,
    heads: BTreeSet<StatementId>,
    members: BTreeSet<PartyId>,
    standing: BTreeMap<PartyId, Status>,
}

/// Statements of which the last is refused.
#[derive(Serialize, Deserialize)]
struct Refusals {
    key_logs: BTreeMap<PartyId, String>,
    /// Charters that found nothing.
    charters: Vec<Bad>,
    /// Statements that are not taken in.
    statements: Vec<Bad>,
}

#[derive(Serialize, Deserialize)]
struct Bad {
    name: String,
    /// What this implementation says; another may word it differently.
    error: String,
    charter: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    before: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

fn key_logs() -> BTreeMap<PartyId, String> {
    (0..10)
        .map(actor)
        .map(|actor| (actor.keys.party(), HEXLOWER.encode(&actor.keys.log().to_bytes())))
        .collect()
}

fn hex(statements: &[Statement]) -> Vec<String> {
    statements.iter().map(|statement| HEXLOWER.encode(statement.bytes())).collect()
}

fn history(name: &str, reason: &str, world: &World, statements: &[Statement]) -> History {
    let mut ledger = world.ledger();
    for statement in statements {
        ledger.insert(statement.clone());
    }
    assert_eq!(ledger.statements().len(), statements.len(), "{name}");
    History {
        name: name.into(),
        reason: reason.into(),
        charter: HEXLOWER.encode(world.charter.bytes()),
        federation: ledger.federation(),
        statements: hex(statements),
        heads: ledger.heads().clone(),
        members: ledger.members(),
        standing: ledger.roll(),
    }
}

fn make_histories() -> Histories {
    let mut world = World::new(2, 4);
    let root = world.root();
    let mut histories = Vec::new();
    let mut add = |name, reason, world: &World, statements: &[Statement]| {
        histories.push(history(name, reason, world, statements));
    };
    add("founded", "the charter names the first members", &world, &[]);

    let first = world.say(0, &[root], admit(8));
    let second = world.say(1, &[first.id()], admit(8));
    add("candidate", "one sponsor of two", &world, core::slice::from_ref(&first));
    let admitted = [first.clone(), second.clone()];
    add("admitted", "k distinct sponsors", &world, &admitted);
    let again = [first.clone(), world.say(0, &[first.id()], admit(8))];
    add("one-sponsor-twice", "sponsors are counted once each", &world, &again);

    let proposal = world.say(0, &[root], expel(3));
    let vote = world.say(1, &[proposal.id()], support(&proposal));
    let expelled = [vote.clone(), proposal.clone()];
    add(
        "vote-before-proposal",
        "the vote waits; two of three are a majority without the one concerned",
        &world,
        &expelled,
    );

    let back_dated = world.say(3, &[root], admit(9));
    let honest = world.say(0, &[vote.id()], admit(9));
    let all = [proposal, vote, back_dated, honest];
    add(
        "back-dated-by-expelled",
        "the proposal had not seen the expelled member's admission",
        &world,
        &all,
    );

    let [p, q] = [world.say(0, &[root], expel(1)), world.say(1, &[root], expel(0))];
    let mut all = vec![p.clone(), q.clone()];
    for voter in [2, 3] {
        all.push(world.say(voter, &[p.id()], support(&p)));
        all.push(world.say(voter, &[q.id()], support(&q)));
    }
    add("mutual-expulsion", "each proposal is judged by its own electorate", &world, &all);

    let leaving = world.say(8, &[second.id()], Act::Leave);
    let left = [first.clone(), second.clone(), leaving.clone()];
    add("left", "leaving cancels the admissions that it had seen", &world, &left);
    let unaware = world.say(2, &[root], admit(8));
    let back = [first, second, leaving.clone(), unaware, world.say(3, &[leaving.id()], admit(8))];
    add("left-and-back", "admissions that the leaving had not seen count", &world, &back);

    let mut world = World::new(2, 2);
    let root = world.root();
    let [a, b] = [world.say(0, &[root], admit(8)), world.say(1, &[root], admit(8))];
    let lie = world.say(0, &[root], expel(1));
    add(
        "majority-of-one",
        "a majority of a small electorate is not enough: at least k must vote",
        &world,
        &[a, b, lie],
    );
    Histories { key_logs: key_logs(), histories }
}

fn make_refusals() -> Refusals {
    let mut world = World::new(2, 3);
    let root = world.root();
    let proposal = world.say(0, &[root], expel(2));
    let vote = world.say(1, &[proposal.id()], support(&proposal));
    let before = [proposal.clone(), vote.clone()];
    let mut heads = vec![root, proposal.id()];
    heads.sort_unstable();
    let with = |statement: &Statement, change: &dyn Fn(&mut MembershipStatement), by: u16| {
        let mut claims = (**statement).clone();
        change(&mut claims);
        Signed::sign(claims, &actor(by).signing)
    };
    let good = world.say(0, &[root], admit(8));
    let mut cases = vec![
        ("not a member", world.say(9, &[root], admit(8))),
        ("admits itself", world.say(0, &[root], admit(0))),
        ("admits who is expelled", world.say(0, &[vote.id()], admit(2))),
        ("expelled author", world.say(2, &[vote.id()], admit(8))),
        ("proposes its own expulsion", world.say(0, &[root], expel(0))),
        ("votes for what it has not seen", world.say(1, &[root], support(&proposal))),
        ("votes for no proposal", world.say(1, &[vote.id()], support(&vote))),
        ("votes on itself", world.say(2, &[proposal.id()], support(&proposal))),
        ("no heads", with(&good, &|s| s.seen.clear(), 0)),
        ("one head twice", with(&good, &|s| s.seen = vec![proposal.id(); 2], 0)),
        ("the charter beside another head", with(&good, &|s| s.seen.clone_from(&heads), 0)),
        ("another federation", with(&good, &|s| s.federation = FederationId([1; 32]), 0)),
        ("signed by another", with(&good, &|_| (), 1)),
        ("a key that is not there", with(&good, &|s| s.key = 1, 0)),
    ];
    heads = vec![proposal.id(), vote.id()];
    heads.sort_unstable();
    heads.reverse();
    cases.push(("heads descending", with(&good, &|s| s.seen.clone_from(&heads), 0)));
    let text = HEXLOWER.encode(world.charter.bytes());
    let bad = |name: &str, refused: String| Bad {
        name: name.into(),
        error: judge(&text, &hex(&before), Some(&refused), &key_logs()).expect_err(name),
        charter: text.clone(),
        before: hex(&before),
        refused: Some(refused),
    };
    let mut statements: Vec<_> =
        cases.into_iter().map(|(name, s)| bad(name, HEXLOWER.encode(s.bytes()))).collect();
    let good = HEXLOWER.encode(good.bytes());
    statements.push(bad("truncated", good[..good.len() - 2].into()));
    statements.push(bad("a charter where a statement belongs", text.clone()));

    let change = |name: &str, change: fn(&mut Charter)| {
        let mut claims = (*world.charter).clone();
        change(&mut claims);
        let charter = HEXLOWER.encode(Signed::sign(claims, &actor(0).signing).bytes());
        let error = judge(&charter, &[], None, &key_logs()).expect_err(name);
        Bad { name: name.into(), error, charter, before: Vec::new(), refused: None }
    };
    let charters = vec![
        change("version 2", |c| c.version = 2),
        change("one sponsor suffices", |c| c.threshold = 1),
        change("seventeen sponsors", |c| c.threshold = 17),
        change("more sponsors than members", |c| c.threshold = 4),
        change("members descending", |c| c.first_members.reverse()),
        change("without its founder", |c| c.first_members.retain(|m| *m != party(0))),
        change("signed by another", |c| c.founder = party(1)),
    ];
    Refusals { key_logs: key_logs(), charters, statements }
}

fn keys(logs: &BTreeMap<PartyId, String>, party: PartyId) -> Result<KnownKeys, String> {
    let log = HEXLOWER.decode(logs[&party].as_bytes()).unwrap();
    let log = KeyLog::from_bytes(&log, limits::LIST_STATEMENT_BYTES_MAX);
    log.map_err(|e| e.to_string())?.verify().map_err(|e| e.to_string())
}

/// From bytes alone to a ledger, or to the first thing that is wrong with the last statement.
fn judge(
    charter: &str,
    before: &[String],
    last: Option<&str>,
    logs: &BTreeMap<PartyId, String>,
) -> Result<Ledger, String> {
    let bytes = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
    let charter = Unverified::<Charter>::parse(&bytes(charter)).map_err(|e| e.to_string())?;
    let founder = keys(logs, charter.claims().founder)?;
    let charter = charter.certify(&founder).map_err(|e| e.to_string())?;
    let mut ledger = Ledger::new(charter).map_err(|e| e.to_string())?;
    for text in before.iter().map(String::as_str).chain(last) {
        let statement = Unverified::<MembershipStatement>::parse(&bytes(text));
        let statement = statement.map_err(|e| e.to_string())?;
        let author = keys(logs, statement.claims().author)?;
        let statement = statement.certify(&author).map_err(|e| e.to_string())?;
        if let Insertion::Refused { why, .. } = ledger.insert(statement) {
            return Err(why.to_string());
        }
    }
    Ok(ledger)
}

#[test]
fn vectors_are_made_anew() {
    vectors::check("membership", "histories", &make_histories());
    vectors::check("membership", "refusals", &make_refusals());
    assert_eq!(Charter::DOMAIN, "chartmesh/1/charter");
    assert_eq!(MembershipStatement::DOMAIN, "chartmesh/1/membership");
}

#[test]
#[cfg_attr(feature = "stand-ins", ignore = "the vectors are of the real cryptography")]
fn vectors_are_judged_as_they_say() {
    let kept: Histories = vectors::read("membership", "histories");
    for history in kept.histories {
        let ledger = judge(&history.charter, &history.statements, None, &kept.key_logs).unwrap();
        assert_eq!(ledger.federation(), history.federation, "{}", history.name);
        assert_eq!(*ledger.heads(), history.heads, "{}", history.name);
        assert_eq!(ledger.members(), history.members, "{}", history.name);
        assert_eq!(ledger.roll(), history.standing, "{}", history.name);
    }
    let kept: Refusals = vectors::read("membership", "refusals");
    for bad in kept.charters.into_iter().chain(kept.statements) {
        assert!(
            judge(&bad.charter, &bad.before, None, &kept.key_logs).is_ok() == bad.refused.is_some()
        );
        let error = judge(&bad.charter, &bad.before, bad.refused.as_deref(), &kept.key_logs);
        assert_eq!(error.map(|_| ()), Err(bad.error), "{}", bad.name);
    }
}
