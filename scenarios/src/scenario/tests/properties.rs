//! For any scenario: what is written out is read back the same. For any mistake: it is pointed at.

use super::super::*;
use proptest::prelude::*;
use std::path::Path;
use std::sync::OnceLock;

fn smoke() -> &'static Document {
    static SMOKE: OnceLock<Document> = OnceLock::new();
    SMOKE.get_or_init(|| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/files/smoke.toml");
        Document::read(Path::new(path)).unwrap()
    })
}

fn written() -> impl Strategy<Value = toml::Value> {
    let units = |units: &'static [&'static str]| {
        (0_u32..5000, proptest::sample::select(units)).prop_map(|(n, unit)| format!("{n}{unit}"))
    };
    prop_oneof![
        units(&["us", "ms", "s", "min", "h", "d"]).prop_map(toml::Value::from),
        units(&[" B", " KiB", " MiB", " GiB"]).prop_map(toml::Value::from),
        units(&["/s", "/min", "/h", "/d", ".37/h"]).prop_map(toml::Value::from),
        (0.0..1.0).prop_map(toml::Value::Float),
        any::<f64>().prop_map(toml::Value::Float),
        (-3_i64..300).prop_map(toml::Value::Integer),
        any::<bool>().prop_map(toml::Value::Boolean),
        proptest::sample::select(&["clinic", "north", "phone-1", "merge", "x", ""][..])
            .prop_map(toml::Value::from),
        Just(toml::Value::Array(vec![])),
        Just(toml::Value::Table(toml::Table::new())),
    ]
}

/// Every key of the file, as a change names it.
fn keys() -> &'static [String] {
    fn below(value: &toml::Value, path: &str, keys: &mut Vec<String>) {
        match value {
            toml::Value::Table(table) => {
                table.iter().for_each(|(key, value)| below(value, &format!("{path}.{key}"), keys));
            }
            toml::Value::Array(list) => {
                list.iter()
                    .enumerate()
                    .for_each(|(n, value)| below(value, &format!("{path}.{}", n + 1), keys));
            }
            _ => keys.push(path.trim_start_matches('.').to_owned()),
        }
    }
    static KEYS: OnceLock<Vec<String>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut keys = Vec::new();
        let scenario = smoke().with(&[]).unwrap();
        below(&toml::Value::try_from(scenario).unwrap(), "", &mut keys);
        keys.retain(|key| key != "schema" && !key.contains("values_ms") && !key.contains("at_s"));
        keys
    })
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = (proptest::sample::select(keys()), written())
        .prop_map(|(key, value)| Change { key, value });
    proptest::collection::vec(change, 1..4)
}

#[test]
fn manifest_with_an_unknown_key_is_refused() {
    let scenario = smoke().with(&[]).unwrap();
    let good = serde_json::to_string(&scenario).unwrap();
    for (from, to) in [
        ("\"threshold\"", "\"treshold\""),
        ("\"sleeps\"", "\"sleep\""),
        ("\"patients_each\"", "\"patients_all\""),
    ] {
        assert!(good.contains(from));
        let bad = good.replacen(from, to, 1);
        assert!(serde_json::from_str::<Scenario>(&bad).is_err(), "{to}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn scenario_written_out_is_read_back_the_same(changes in changes()) {
        // Of several changes those are taken that give a scenario.
        let mut taken = Vec::new();
        for change in changes {
            taken.push(change);
            if smoke().with(&taken).is_err() {
                taken.pop();
            }
        }
        let scenario = smoke().with(&taken).unwrap();
        let again = parse(&scenario.to_toml(), "again.toml", Path::new("nowhere")).unwrap();
        prop_assert_eq!(&again, &scenario);
        let json = serde_json::to_string(&scenario).unwrap();
        let again: Scenario = serde_json::from_str(&json).unwrap();
        prop_assert!(again.check().is_ok());
        prop_assert_eq!(again, scenario);
    }

    #[test]
    fn any_mistake_has_a_place(changes in changes()) {
        if let Err(refused) = smoke().with(&changes) {
            prop_assert!((1..=limits::PROBLEMS).contains(&refused.problems.len()));
            for problem in refused.problems {
                let at = problem.place.split_once("smoke.toml").unwrap().1;
                prop_assert!(at.starts_with(':') || at.starts_with(" with "), "{}", problem);
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(at in 0_usize..4000, len in 0_usize..40, put in "\\PC{0,12}") {
        let text = new_scenario("first");
        let from = text.floor_char_boundary(at);
        let to = text.floor_char_boundary((from + len).min(text.len())).max(from);
        let text = format!("{}{put}{}", &text[..from], &text[to..]);
        if let Err(refused) = parse(&text, "x.toml", Path::new("nowhere")) {
            for problem in refused.problems {
                prop_assert!(problem.place.starts_with("x.toml:"), "{}", problem);
            }
        }
    }
}
