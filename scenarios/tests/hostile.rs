//! What dishonest parties try, and what honest ones make of it.

use chartmesh_scenarios::result::{Metric, Outcome, TraceKind, TraceRow, Unwatched};
use chartmesh_scenarios::run;

/// Two honest clinics, one that may not be, a provider that may not be.
const FEDERATION: &str = r#"
schema = "chartmesh-sim/1"
name = "hostile"
duration = "12h"
[[region]]
id = "north"
[[hospitals]]
id = "clinic"
region = "north"
count = 2
patients = 3
entries = 2
[[hospitals]]
id = "rogue"
region = "north"
patients = 3
entries = 2
[[providers]]
id = "vault"
region = "north"
[[relays]]
id = "phone"
[patients]
reaction = "2min"
[[work]]
do = "referral"
rate = "1/h"
[[work]]
do = "import"
rate = "1/h"
size = "100 KiB"
"#;

/// The clinics keep what they make with the provider; the first loses its disk, and has all brought back.
const RESTORES: &str = r#"
[[work]]
do = "keep"
rate = "2/h"
by = "clinic"
[[event]]
at = "6h"
do = "destroy"
target = "clinic-1"
for = "10min"
"#;

struct Ran {
    outcome: Outcome,
    rows: Vec<TraceRow>,
}

impl Ran {
    /// Runs the federation with something dishonest in it; nobody honest does wrong.
    fn with(more: &str) -> Self {
        let scenario = toml::from_str(&format!("{FEDERATION}{more}"));
        let scenario = scenario.expect("the test's scenario is well formed");
        let mut rows = Vec::new();
        let outcome = run(&scenario, 1, &mut Unwatched, &mut rows).expect("it can be set up");
        assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
        Self { outcome, rows }
    }

    fn party(&self, name: &str) -> u32 {
        let at = self.outcome.parties.iter().position(|party| party.name == name);
        u32::try_from(at.expect("there is such a party")).unwrap()
    }

    fn fired(&self, fault: &str) -> u64 {
        let fired = self.outcome.faults.iter().find(|fired| fired.fault == fault);
        fired.map_or(0, |fired| fired.times)
    }

    /// Messages of a party and how they ended.
    fn ended(&self, by: u32, what: &str, end: &str) -> usize {
        let concluded = self.rows.iter().filter(|row| row.kind == TraceKind::Concluded);
        concluded.filter(|row| row.party == by && row.what == what && row.end == end).count()
    }

    fn metric(&self, name: &str) -> &Metric {
        self.outcome.metrics.iter().find(|metric| metric.name == name).expect("it is measured")
    }
}

#[test]
fn permissions_and_news_that_nobody_signed_are_refused() {
    let ran = Ran::with("[[hostile]]\nparty = \"rogue-1\"\ndoes = \"forge\"\n");
    let rogue = ran.party("rogue-1");
    assert!(ran.fired("forge") > 20, "{}", ran.fired("forge"));
    assert!(ran.ended(rogue, "consent.read", "refused") > 10);
    assert!(ran.ended(rogue, "custody.keys", "refused") > 5);
    assert_eq!(ran.ended(rogue, "custody.keys", "done"), 0, "a hospital has no news of keys");
}

#[test]
fn what_was_said_before_is_not_taken_on_another_connection_nor_from_another_party() {
    let ran = Ran::with("[[hostile]]\nparty = \"rogue-1\"\ndoes = \"replay\"\n");
    let rogue = ran.party("rogue-1");
    let not_taken = |end: &str| {
        let concluded = ran.rows.iter().filter(|row| row.kind == TraceKind::Concluded);
        concluded.filter(|row| row.party == rogue && row.end == end && !row.what.is_empty()).count()
    };
    assert!(ran.fired("replay") > 20, "{}", ran.fired("replay"));
    assert!(not_taken("gate-closed") > 5, "without a word, for another connection");
    assert!(not_taken("refused") > 5, "from another party");
}

#[test]
fn a_provider_that_withholds_leaves_whoever_restores_with_nothing() {
    let withholds = "[[hostile]]\nparty = \"vault-1\"\ndoes = \"withhold\"\nfrom = \"5h\"\n";
    let ran = Ran::with(&format!("{RESTORES}{withholds}"));
    let (clinic, vault) = (ran.party("clinic-1"), ran.party("vault-1"));
    assert!(ran.fired("withhold") > 0);
    let pulled = ran.rows.iter().filter(|row| row.kind == TraceKind::Pulled);
    let given = pulled.filter(|row| row.party == clinic && row.other == vault).count();
    assert_eq!(given, 0, "no object comes back");
}

#[test]
fn a_permission_that_limits_staleness_ends_at_a_holder_that_takes_no_news_in() {
    let more = r#"
[policy]
max_staleness = "2h"
[[work]]
do = "read"
rate = "4/h"
[[work]]
do = "revoke"
rate = "1/h"
[[hostile]]
party = "rogue-1"
does = "stale"
"#;
    let ran = Ran::with(more);
    assert!(ran.fired("stale") > 5, "{}", ran.fired("stale"));
    let late = ran.metric("reads_after_revocation");
    assert!(late.samples.iter().all(|sample| sample.value <= 2.0 * 3600e6), "{late:?}");
}

#[test]
fn whoever_lied_about_storage_is_found_out_by_a_restore() {
    let honest = Ran::with(RESTORES);
    let back = honest.metric("not_given_back");
    assert!(back.denominator > 0, "something had been kept");
    assert_eq!(back.samples.len(), 0, "all of it came back");
    let lied = "[[hostile]]\nparty = \"vault-1\"\ndoes = \"lie-about-storage\"\n";
    let ran = Ran::with(&format!("{RESTORES}{lied}"));
    assert!(ran.fired("lie-about-storage") > 0);
    let gone = ran.metric("not_given_back");
    assert!(!gone.samples.is_empty(), "{gone:?}");
    let vault = ran.party("vault-1");
    assert!(gone.samples.iter().all(|sample| sample.party == vault), "it is known who lied");
}

#[test]
fn a_member_alone_admits_nobody() {
    // That nobody counts the stranger as a member is what the checker `members` says.
    let ran = Ran::with("[[hostile]]\nparty = \"rogue-1\"\ndoes = \"admit-alone\"\n");
    assert!(ran.fired("admit-alone") > 20, "{}", ran.fired("admit-alone"));
    let rogue = ran.party("rogue-1");
    assert!(ran.ended(rogue, "federation.gossip", "done") > 5, "one word is heard");
}

#[test]
fn nobody_has_more_kept_than_a_quota_allows() {
    let ran = Ran::with("[[hostile]]\nparty = \"rogue-1\"\ndoes = \"overspend\"\n");
    let rogue = ran.party("rogue-1");
    assert!(ran.fired("overspend") > 20, "{}", ran.fired("overspend"));
    let refused = ran.ended(rogue, "backup.offer", "refused");
    assert!(refused > 20, "{refused}");
    assert!(ran.ended(rogue, "backup.offer", "done") >= refused, "the first of each two is taken");
}
