//! A table of files with one mistake each, and what is said of it.

use super::super::*;
use std::path::Path;

/// Two regions, three hospitals, a provider: what the mistakes are made in. The first line is line 1.
const GOOD: &str = r#"schema = "chartmesh-sim/1"
name = "good"
duration = "2d"
warmup = "1h"
[[region]]
id = "north"
[[region]]
id = "south"
[[link]]
between = ["north", "south"]
latency = "20ms"
loss = 0.01
[[hospitals]]
id = "clinic"
region = "north"
count = 2
patients = 4
relays = "phone"
[[hospitals]]
id = "county"
region = "south"
[[providers]]
id = "vault"
region = "south"
[[relays]]
id = "phone"
up = "2h"
down = "1h"
nat = { open = 0.5, cone = 0.5 }
[patients]
reaction = { dist = "lognormal", median = "20min", sigma = 1.0 }
[[work]]
do = "download"
by = "clinic"
rate = "3/h"
[[event]]
at = "3h"
do = "isolate"
target = "north"
[[hostile]]
party = "vault-1"
does = "withhold"
[[expect]]
metric = "consent_latency.median"
below = "2h"
"#;

/// What is written in the good file, what in its place, and what is said.
const BAD: &[(&str, &str, &str)] = &[
    // TOML itself.
    ("loss = 0.01", "loss = ", "12:8: string values must be quoted, expected literal string"),
    ("warmup", "name", "4:1: duplicate key"),
    // Keys and words.
    (
        "loss = 0.01",
        "loss_rate = 0.01",
        "12:1: unknown key `loss_rate`; allowed here: bandwidth, between, duplicate, latency, loss, reorder",
    ),
    (
        "loss = 0.01",
        "los = 0.01",
        "12:1: unknown key `los`; did you mean `loss`? allowed here: bandwidth, between, duplicate, latency, \
         loss, reorder",
    ),
    (
        "up = \"2h\"",
        "upp = \"2h\"",
        "27:1: unknown key `upp`; did you mean `up`? allowed here: clock_skew, disk, down, id, nat, \
         patients_each, region, sleeps, sync, up",
    ),
    (
        "\"isolate\"",
        "\"isolat\"",
        "38:6: unknown word `isolat`; did you mean `isolate`? allowed here: isolate, cut, stop, crash, destroy, \
         lose-objects, damage-objects, fill-disk, merge, revoke, expel, clock-jump",
    ),
    (
        "\"lognormal\"",
        "\"normal\"",
        "31:21: unknown word `normal`; allowed here: uniform, exponential, lognormal, weibull",
    ),
    ("id = \"north\"\n", "", "5:1: the key `id` is missing here"),
    // Values.
    (
        "\"20ms\"",
        "\"20 parsecs\"",
        "11:11: `20 parsecs` is not a length of time such as 250us, 38ms, 90s, 20min, 6h or 3d",
    ),
    (
        "\"20ms\"",
        "20",
        "11:11: `20` is not a length of time such as 250us, 38ms, 90s, 20min, 6h or 3d, or { dist = \"uniform\", \
         ... }, or { dist = \"exponential\", ... }, or { dist = \"lognormal\", ... }, or { dist = \"weibull\", ... \
         }, or a table with csv and column",
    ),
    ("\"3/h\"", "\"3 per hour\"", "35:8: `3 per hour` is not a rate such as 3/h, 50/d or 0.2/min"),
    ("\"3/h\"", "\"3/s\"", "35:8: `3/s` is not a rate between 0 and 86400 a day"),
    ("loss = 0.01", "loss = 1.01", "12:8: `1.01` is not a share between 0 and 1"),
    ("sigma = 1.0", "sigma = nan", "31:60: `nan` is not a number from 0 to 5"),
    ("count = 2", "count = 0", "16:9: `0` is not a whole number from 1 to 10000"),
    ("count = 2", "count = 2.5", "16:9: `2.5` is not a whole number from 1 to 10000"),
    (
        "count = 2",
        "count = 99999999999999999999",
        "16:9: `9223372036854775807` is not a whole number from 1 to 10000",
    ),
    ("patients = 4", "patients = -1", "17:12: `-1` is not a whole number from 0 to 1000000"),
    ("[\"north\", \"south\"]", "[\"north\"]", "10:11: has 1 values, and needs 2"),
    // Names.
    (
        "region = \"north\"",
        "region = \"nort\"",
        "15:10: unknown region `nort`; did you mean `north`? allowed here: north, south",
    ),
    (
        "[\"north\", \"south\"]",
        "[\"north\", \"east\"]",
        "10:21: unknown region `east`; allowed here: north, south",
    ),
    (
        "relays = \"phone\"",
        "relays = \"phon\"",
        "18:10: unknown relays `phon`; did you mean `phone`? allowed here: phone",
    ),
    (
        "by = \"clinic\"",
        "by = \"clinik\"",
        "34:6: unknown party `clinik`; did you mean `clinic`? allowed here: clinic, county, and one party such \
         as clinic-1",
    ),
    (
        "by = \"clinic\"",
        "by = \"vault\"",
        "34:6: `vault` cannot be named here; allowed here: clinic, county, and one party such as clinic-1",
    ),
    ("by = \"clinic\"", "by = \"clinic-3\"", "34:6: there is no `clinic-3`: `clinic` has 1 to 2"),
    (
        "target = \"north\"",
        "target = \"west\"",
        "39:10: unknown party `west`; allowed here: clinic, county, north, phone, south, vault, and one party such \
         as clinic-1",
    ),
    (
        "target = \"north\"",
        "target = \"phone-10\"",
        "39:10: there is no `phone-10`: `phone` has 1 to 9",
    ),
    (
        "party = \"vault-1\"",
        "party = \"phone-1\"",
        "41:9: `phone-1` cannot be named here; allowed here: clinic, county, vault, and one party such as clinic-1",
    ),
    ("id = \"south\"", "id = \"north\"", "8:6: there is a region or group `north` already"),
    ("id = \"vault\"", "id = \"clinic\"", "23:6: there is a region or group `clinic` already"),
    (
        "id = \"vault\"",
        "id = \"Vault 7\"",
        "23:6: `Vault 7` is not up to 40 small letters, digits and `-`, a letter first",
    ),
    (
        "id = \"vault\"",
        "id = \"vault-2\"",
        "23:6: `vault-2` looks like one party of a group; let it not end in a number",
    ),
    // What does not go together.
    (
        "warmup = \"1h\"",
        "warmup = \"2d\"",
        "4:10: the warm-up of 2d leaves nothing of 2d to measure",
    ),
    (
        "duration = \"2d\"",
        "duration = \"99999d\"",
        "3:12: a scenario lasts more than nothing and up to 3660d",
    ),
    (
        "chartmesh-sim/1",
        "chartmesh-sim/2",
        "1:10: unknown word `chartmesh-sim/2`; allowed here: chartmesh-sim/1",
    ),
    (
        "[patients]",
        "[federation]\nthreshold = 17\n[patients]",
        "31:13: `17` is not a whole number from 2 to 16",
    ),
    (
        "[patients]",
        "[federation]\nthreshold = 4\n[patients]",
        "31:13: an admission needs 4 hospitals, and there are 3",
    ),
    ("cone = 0.5", "cone = 0.4", "29:7: the shares open, cone and symmetric sum to 0.9, not to 1"),
    ("down = \"1h\"\n", "", "27:6: `up` needs `down`: how long it is off between"),
    (
        "up = \"2h\"\ndown = \"1h\"",
        "sleeps = 0.5",
        "27:10: `sleeps` needs `up` and `down`: without, it is always on",
    ),
    ("rate = \"3/h\"", "by_day = true", "33:6: needs a `rate`, or a `trace` of times"),
    (
        "rate = \"3/h\"",
        "rate = \"3/h\"\ntrace = { csv = \"t.csv\", column = \"s\", at_s = [1.0] }",
        "36:9: there is a `rate` already; give one of the two",
    ),
    ("at = \"3h\"", "at = \"2d\"", "37:6: the scenario ends before, at 2d"),
    (
        "target = \"north\"",
        "target = \"north\"\nby = \"1h\"",
        "40:6: `by` does not belong here; only with clock-jump",
    ),
    (
        "target = \"north\"",
        "target = \"north\"\nother = \"south\"",
        "40:9: `other` does not belong here; only with cut, merge",
    ),
    ("\"isolate\"", "\"cut\"", "38:6: a cut needs `other`: to whom no message gets"),
    ("\"isolate\"", "\"clock-jump\"", "38:6: a clock jump needs `by`: how far ahead"),
    (
        "\"isolate\"\ntarget = \"north\"",
        "\"merge\"\ntarget = \"clinic\"\nother = \"county\"\nfor = \"1h\"",
        "39:10: `clinic` is several; name one of them, such as clinic-1",
    ),
    (
        "\"isolate\"\ntarget = \"north\"",
        "\"merge\"\ntarget = \"clinic-1\"\nother = \"clinic-1\"\nfor = \"1h\"",
        "40:9: is the target itself",
    ),
    (
        "\"isolate\"\ntarget = \"north\"",
        "\"merge\"\ntarget = \"clinic-1\"\nother = \"vault-1\"\nfor = \"1h\"",
        "40:9: `vault-1` cannot be named here; allowed here: clinic, county, and one party such as clinic-1",
    ),
    (
        "\"isolate\"\ntarget = \"north\"",
        "\"expel\"\ntarget = \"phone-1\"",
        "39:10: `phone-1` cannot be named here; allowed here: clinic, county, vault, and one party such as clinic-1",
    ),
    (
        "\"isolate\"\ntarget = \"north\"",
        "\"crash\"\ntarget = \"north\"\nfor = \"1h\"",
        "40:7: `for` does not belong here; only with isolate, cut, stop, destroy, fill-disk, merge",
    ),
    (
        "party = \"vault-1\"",
        "party = \"clinic-1\"\nfrom = \"3d\"",
        "42:8: the scenario ends before, at 2d",
    ),
    (
        "consent_latency.median",
        "consent_latency",
        "44:10: `consent_latency` needs a part after a dot; allowed here: count, max, mean, median, min, p5, p90, p95, p99, total",
    ),
    (
        "consent_latency.median",
        "happiness.median",
        "44:10: unknown metric `happiness`; allowed here: METRICS",
    ),
    ("below = \"2h\"\n", "", "44:10: needs `below` or `above`"),
    (
        "below = \"2h\"",
        "below = 2",
        "45:9: `consent_latency.median` is compared with a length of time such as 250us, 38ms, 90s, 20min, 6h or 3d",
    ),
    (
        "[patients]",
        "[policy]\nreplicas = 2\n[patients]",
        "31:12: 2 copies need as many providers, and there are 1",
    ),
    (
        "[patients]",
        "[measure]\nevery = \"0s\"\n[patients]",
        "31:9: the duration has more than 100000 such steps",
    ),
    (
        "\"isolate\"\ntarget = \"north\"",
        "\"merge\"\ntarget = \"clinic-1\"\nother = \"clinic-2\"",
        "38:6: a merger needs `for`: how long until the hospital leaves",
    ),
    (
        "rate = \"3/h\"",
        "rate = \"3/h\"\nsize = \"1 MiB\"",
        "36:8: `size` does not belong here; only with import, admission",
    ),
    // Sweeps.
    (
        "[patients]",
        "[sweep]\n\"providers.volt.count\" = [1]\n[patients]",
        "31:27: there is no `volt`; allowed here: vault, 1 to 1",
    ),
    (
        "[patients]",
        "[sweep]\n\"providers.vault.count\" = [1, 0]\n[patients]",
        "31:31: `0` is not a whole number from 1 to 10000",
    ),
    (
        "[patients]",
        "[sweep]\n\"providers.vault.cont\" = [1]\n[patients]",
        "31:27: unknown key `cont`; did you mean `count`? allowed here: clock_skew, count, disk, down, id, nat, \
         region, sleeps, sync, up",
    ),
];

#[test]
fn each_mistake_is_pointed_at_with_what_is_allowed() {
    parse(GOOD, "good.toml", Path::new("")).unwrap();
    let metrics: Vec<_> = metrics::names().collect();
    let mut wrong = String::new();
    for (good, bad, says) in BAD {
        assert!(GOOD.contains(good), "{good}");
        let text = GOOD.replacen(good, bad, 1);
        let says = format!("x.toml:{}", says.replace("METRICS", &metrics.join(", ")));
        match parse(&text, "x.toml", Path::new("")) {
            Ok(_) => wrong += &format!("accepted: {bad}\n"),
            Err(refused) if refused.to_string() == says => {}
            Err(refused) => wrong += &format!("{bad}\n  said: {refused}\n  want: {says}\n"),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn all_mistakes_of_a_file_are_listed_in_its_order() {
    let text =
        GOOD.replace("region = \"north\"", "region = \"nowhere\"").replace("\"3h\"", "\"9d\"");
    let text = text.replace("by = \"clinic\"", "by = \"nobody\"");
    let refused = parse(&text, "x.toml", Path::new("")).unwrap_err();
    let places: Vec<_> = refused.problems.iter().map(|problem| problem.place.as_str()).collect();
    assert_eq!(places, ["x.toml:15:10", "x.toml:34:6", "x.toml:37:6"]);
}

#[test]
fn columns_are_counted_in_characters() {
    let text = GOOD.replace("loss = 0.01", "\"münchen\" = 1");
    let refused = parse(&text, "x.toml", Path::new("")).unwrap_err();
    assert!(refused.to_string().starts_with("x.toml:12:1: unknown key `münchen`;"), "{refused}");
    let text = GOOD.replace("{ dist = \"lognormal\",", "{ dist = \"lögnormäl\",");
    let text = text.replace("median = \"20min\"", "median = \"20min\", x = 1");
    let refused = parse(&text, "x.toml", Path::new("")).unwrap_err();
    assert!(refused.to_string().starts_with("x.toml:31:21: unknown word `lögnormäl`"), "{refused}");
}

#[test]
fn scenario_made_by_a_program_is_judged_alike() {
    let mut scenario = parse(GOOD, "good.toml", Path::new("")).unwrap();
    scenario.check().unwrap();
    scenario.events[0].target = "west".into();
    let refused = scenario.check().unwrap_err().to_string();
    assert!(
        refused.starts_with("good: event.1.target: unknown party `west`; allowed here:"),
        "{refused}"
    );
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none.toml");
    let refused = load(&path).unwrap_err().to_string();
    assert!(refused.starts_with(&format!("{}: cannot be read: ", path.display())), "{refused}");
    let huge = " ".repeat(usize::try_from(limits::FILE_BYTES).unwrap() + 1);
    std::fs::write(&path, &huge).unwrap();
    assert_eq!(
        load(&path).unwrap_err().to_string(),
        format!("{}: is larger than 16 MiB", path.display())
    );
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert_eq!(
        load(&path).unwrap_err().to_string(),
        format!("{}: is not UTF-8 text", path.display())
    );
}
