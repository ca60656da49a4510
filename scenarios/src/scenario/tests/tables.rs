//! What CSV files beside a scenario say.

use super::super::*;
use std::fs;
use tempfile::TempDir;

/// The starter with a key put at its top, in a folder with one CSV file.
fn beside(csv: &str, from: &str, to: &str) -> (TempDir, Result<Scenario, LoadError>) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("t.csv"), csv).unwrap();
    let text = new_scenario("first");
    assert!(text.contains(from));
    let text = text.replacen(from, to, 1);
    let scenario = parse(&text, "x.toml", dir.path());
    (dir, scenario)
}

/// What is said, without the folder.
fn said(csv: &str, from: &str, to: &str) -> String {
    let (dir, scenario) = beside(csv, from, to);
    scenario.unwrap_err().to_string().replace(&format!("{}/", dir.path().display()), "")
}

const UP: &str = "up = { dist = \"weibull\", shape = 0.6, scale = \"2h\" }";

#[test]
fn churn_is_read_from_a_column_in_its_unit() {
    let from_file = "up = { csv = \"t.csv\", column = \"on\", unit = \"s\" }";
    let (_dir, scenario) = beside("on,off\n60, 5\n# a note\n90.5,7\n", UP, from_file);
    let Some(Spread::From(up)) = scenario.unwrap().relays[0].machine.up.clone() else { panic!() };
    assert_eq!(up.values_ms, [60_000.0, 90_500.0]);
}

#[test]
fn admissions_are_read_in_order_from_a_trace() {
    let (_dir, scenario) = beside(
        "at\n30\n10\n",
        "rate = \"20/d\"\nby_day = true",
        "trace = { csv = \"t.csv\", column = \"at\" }",
    );
    assert_eq!(scenario.unwrap().work[0].trace.as_ref().unwrap().at_s, [10.0, 30.0]);
}

/// The starter without its links, with a matrix.
fn with_matrix(csv: &str) -> (TempDir, Result<Scenario, LoadError>) {
    let matrix =
        "link_matrix = { csv = \"t.csv\", jitter = 0.5, loss = 0.1, bandwidth = \"1 MiB\" }";
    let text = new_scenario("first");
    let (head, rest) = text.split_once("[[link]]").unwrap();
    let (_, rest) = rest.split_once("[[hospitals]]").unwrap();
    let text = format!("{matrix}\n{head}[[hospitals]]{rest}");
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("t.csv"), csv).unwrap();
    let scenario = parse(&text, "x.toml", dir.path());
    (dir, scenario)
}

const MATRIX: &str = ",north,south\nnorth,2,\nsouth,40,3\n";

#[test]
fn matrix_becomes_links() {
    let (_dir, scenario) = with_matrix(MATRIX);
    let scenario = scenario.unwrap();
    let around = |from: u64, to: u64| {
        let (from, to) = (Span::from_micros(from), Span::from_micros(to));
        Spread::By(Distribution::Uniform { from, to })
    };
    for (one, other, latency) in [
        ("north", "south", around(20_000, 60_000)),
        ("south", "north", around(20_000, 60_000)),
        ("south", "south", around(1500, 4500)),
    ] {
        let link = scenario.links.iter().find(|link| link.is_between(one, other)).unwrap();
        assert_eq!(link.latency, latency);
        assert_eq!(link.bandwidth, Some(Size::from_bytes(1 << 20)));
        assert_eq!(link.loss, Loss::Share(Share::try_from(0.1).unwrap()));
    }
    assert_eq!((scenario.links.len(), scenario.link_matrix), (3, None));
}

#[test]
fn link_that_is_written_goes_before_the_matrix() {
    let (_dir, scenario) =
        beside(MATRIX, "[federation]", "link_matrix = { csv = \"t.csv\" }\n[federation]");
    let scenario = scenario.unwrap();
    assert_eq!(scenario.links.len(), 3);
    assert!(scenario.links.iter().all(|link| link.bandwidth.is_none()));
}

#[test]
fn matrix_that_contradicts_itself_or_says_too_little_is_refused() {
    for (csv, says) in [
        (
            ",north,south\nnorth,2,30\nsouth,40,3\n",
            "t.csv:3: south to north takes 40 ms here and 30 ms before; links take the same both ways",
        ),
        (",north,east\nnorth,2,30\n", "t.csv:1: unknown region `east`; allowed here: north, south"),
        (",north\nnorth,2\n", "t.csv: says nothing of north and south"),
        (",north,south\nnorth,2,far\n", "t.csv:2: `far` is not a number from 0 to 316224000000"),
    ] {
        let (dir, scenario) = with_matrix(csv);
        let refused = scenario.unwrap_err().to_string();
        assert_eq!(refused.replace(&format!("{}/", dir.path().display()), ""), says);
    }
}

#[test]
fn mistakes_in_csv_files_are_pointed_at() {
    let up = |column: &str| format!("up = {{ csv = \"t.csv\", column = \"{column}\" }}");
    assert_eq!(
        said("on,off\n1,2\n", UP, &up("onn")).split_once(": ").unwrap().1,
        "t.csv has no column `onn`; did you mean `on`? allowed here: on, off"
    );
    assert_eq!(
        said("#\non,off\n1,2\n\n# a note\nx,2\n", UP, &up("on")),
        "t.csv:6: `x` is not a number from 0 to 316224000000"
    );
    assert!(said("on,off\n-1,2\n", UP, &up("on")).starts_with("t.csv:2: `-1` is not"));
    assert!(said("on,off\nnan,2\n", UP, &up("on")).starts_with("t.csv:2: `nan` is not"));
    assert!(said("on,off\n,2\n", UP, &up("on")).starts_with("t.csv:2: `` is not"));
    assert_eq!(
        said("on,off\r\n1,2\r\n1\r\n", UP, &up("on")),
        "t.csv:3: has 1 values where the first row has 2"
    );
    assert_eq!(said("on,off\n", UP, &up("on")), "t.csv: has no rows");
    let gone = said("", UP, "up = { csv = \"gone.csv\", column = \"on\" }");
    assert!(gone.contains(": gone.csv cannot be read: "), "{gone}");
    let long = format!("on\n{}", "1\n".repeat(limits::CSV_ROWS + 1));
    assert_eq!(said(&long, UP, &up("on")), "t.csv: has more than 200000 rows");
}
