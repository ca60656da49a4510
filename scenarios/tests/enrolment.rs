//! What becomes of an enrolment that the hospital does not agree to.

use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::{Command, Query, View};
use chartmesh_protocol::{enrolment, record};
use chartmesh_scenarios::World;

#[test]
fn a_code_used_twice_is_refused_and_undoes_nothing() {
    let mut world = World::new(1);
    let hospital = world.add(Role::Hospital, "Hospital A");
    let relay = world.add(Role::Patient, "Relay");
    let patient = world.new_patient(relay, "Hanako");
    let chart = record::Command::NewChart { name: "Hanako".into(), identifiers: vec![] };
    let View::Chart(chart) = world.ask(hospital, Command::Record(chart), None).unwrap() else {
        panic!("a new chart is answered with the chart")
    };
    let ask = enrolment::Command::Code {
        chart: chart.chart,
        valid_ms: None,
        addresses: vec!["memory".into()],
    };
    let View::Code(code) = world.ask(hospital, Command::Enrolment(ask), None).unwrap() else {
        panic!("a code is answered with the code")
    };
    for refused in [false, true] {
        let enrol = enrolment::Command::Enrol { patient, code: code.code.clone() };
        world.ask(relay, Command::Enrolment(enrol), Some(patient)).unwrap();
        let View::Patients(patients) = world.see(relay, &Query::Patients, None).unwrap() else {
            panic!("patients are answered with patients")
        };
        assert_eq!(patients[0].contacts, [world.id(hospital)]);
        let refusals: Vec<bool> =
            patients[0].enrolling.iter().map(|one| one.refused.is_some()).collect();
        assert_eq!(refusals, if refused { vec![true] } else { vec![] });
    }
}
