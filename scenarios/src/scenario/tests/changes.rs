//! Single values changed, as sweeps do.

use super::super::*;
use std::path::Path;

fn change(key: &str, value: &str) -> Change {
    format!("{key}={value}").parse::<Vary>().unwrap().changes().next().unwrap()
}

fn smoke() -> Document {
    Document::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/files/smoke.toml"))).unwrap()
}

#[test]
fn value_of_any_entry_can_be_changed_by_its_name() {
    let scenario = smoke()
        .with(&[
            change("hospitals.clinic.patients", "7"),
            change("link.south-north.loss", "0.25"),
            change("link.1.latency", "{ dist = \"uniform\", from = \"1ms\", to = \"2ms\" }"),
            change("event.2.at", "9h"),
            change("event.merge.other", "university-2"),
            change("policy.max_staleness", "3h"),
            change("patients.reaction.median", "1h"),
            change("relays.home.nat", "{ cone = 1 }"),
            change("relays.phone.up.scale", "5h"),
        ])
        .unwrap();
    assert_eq!(scenario.hospitals[0].patients, 7);
    assert_eq!(scenario.links[0].loss, Loss::Share(Share::try_from(0.25).unwrap()));
    let millis = |millis: u64| Span::from_micros(millis * 1000);
    let uniform = Distribution::Uniform { from: millis(1), to: millis(2) };
    assert_eq!(scenario.links[0].latency, Spread::By(uniform));
    assert_eq!(scenario.events[1].at, Span::from_secs(9 * 3600));
    assert_eq!(scenario.events.last().unwrap().other.as_deref(), Some("university-2"));
    assert_eq!(scenario.policy.max_staleness, Some(Span::from_secs(3 * 3600)));
    assert_eq!(scenario.relays[1].machine.nat, Nat { open: 0.0, cone: 1.0, symmetric: 0.0 });
}

#[test]
fn section_that_the_file_leaves_out_can_be_varied() {
    let text = new_scenario("first").replace("[federation]\nthreshold = 2", "");
    let document = Document::parse(&text, "x.toml", Path::new("")).unwrap();
    assert_eq!(
        document.with(&[change("federation.threshold", "3")]).unwrap().federation.threshold,
        3
    );
}

#[test]
fn change_that_leads_nowhere_is_refused_with_what_is_there() {
    for (key, value, says) in [
        ("providers.volt.count", "2", "there is no `volt`; allowed here: vault, crook, 1 to 2"),
        (
            "hospital.clinic.count",
            "2",
            "unknown key `hospital`; did you mean `hospitals`? allowed here: duration,",
        ),
        ("event.13.at", "2h", "there is no `13`; allowed here: isolate, cut,"),
        ("duration.days", "2", "there is no key below this value: `days` leads nowhere"),
        ("providers.vault.count", "0", "`0` is not a whole number from 1 to 10000"),
        (
            "policy.placement",
            "nearby",
            "unknown word `nearby`; allowed here: anywhere, same-region, other-region",
        ),
        (
            "hostile.crook-1.from",
            "2h",
            "there are several `crook-1`; name it by its number, from 1",
        ),
        ("schema", "x", "`schema` cannot be varied"),
    ] {
        let refused = smoke().with(&[change(key, value)]).unwrap_err().to_string();
        let value = change(key, value).value;
        assert!(refused.contains(&format!("smoke.toml with {key} = {value}: {says}")), "{refused}");
    }
}

#[test]
fn vary_is_split_at_commas_outside_of_values() {
    let vary: Vary = "relays.phone.nat={ open = 1, cone = 0 }, { cone = 1 }".parse().unwrap();
    assert_eq!((vary.key.as_str(), vary.values.len()), ("relays.phone.nat", 2));
    let vary: Vary = "policy.max_staleness=1h,2h".parse().unwrap();
    assert_eq!(vary.values, ["1h".into(), "2h".into()]);
    let vary: Vary = "a=1,0.5,true,\"x,y\"".parse().unwrap();
    assert_eq!(vary.values, [1.into(), 0.5.into(), true.into(), toml::Value::from("x,y")]);
    for bad in ["", "a", "=1", "a=", "a=1,,2"] {
        assert!(bad.parse::<Vary>().is_err(), "{bad}");
    }
}

#[test]
fn changed_scenario_has_no_sweep_left() {
    let growth = concat!(env!("CARGO_MANIFEST_DIR"), "/files/growth.toml");
    let document = Document::read(Path::new(growth)).unwrap();
    assert_eq!(document.scenario().unwrap().sweep.len(), 1);
    assert!(document.with(&[]).unwrap().sweep.is_empty());
}
