//! A federation and its patients.

use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::{consent, federation};
use chartmesh_scenarios::{Who, World, command};
use std::time::Instant;

/// Two numbers from the command line.
pub(crate) fn arguments(first: usize, second: usize) -> (usize, usize) {
    let mut args = std::env::args().skip(1).filter_map(|arg| arg.parse().ok());
    (args.next().unwrap_or(first), args.next().unwrap_or(second))
}

/// So many members, the last of them a provider.
pub(crate) fn found(world: &mut World, members: usize) -> Vec<Who> {
    let mut hospitals = vec![world.add(Role::Hospital, "Hospital 0")];
    let create = federation::command::Found { name: "Kita".into(), threshold: 2, anew: false };
    world.ask(hospitals[0], create, None).expect("the first founds");
    for number in 1..members {
        let last = number + 1 == members;
        let role = if last { Role::Backup } else { Role::Hospital };
        let who = world.add(role, &format!("Member {number}"));
        let (start, events) = (Instant::now(), world.events);
        let invite = world.invite(hospitals[0]);
        world.join(who, invite).expect("it applies");
        world.admit(hospitals[0], who).expect("the first sponsors");
        if number > 1 {
            world.admit(hospitals[1], who).expect("the second sponsors");
        }
        hospitals.push(who);
        if (number + 1).is_power_of_two() || number + 1 == members {
            println!(
                "member {:4} admitted: {:10.1} ms, {:8} events",
                number + 1,
                start.elapsed().as_secs_f64() * 1e3,
                world.events - events
            );
        }
    }
    hospitals
}

/// A patient with a relay, enrolled at the hospital, whose entry is deposited with the provider.
pub(crate) fn patient(
    world: &mut World,
    number: usize,
    hospital: Who,
    provider: Who,
) -> (Who, PartyId) {
    let relay = world.add(Role::Patient, &format!("Relay {number}"));
    let patient = world.new_patient(relay, "Hanako");
    world.enrol(hospital, relay, patient);
    let upload: consent::command::Upload = command(&format!(
        r#"{{"patient":"{patient}","hospital":"{}","depositary":"{}","not_before":null}}"#,
        world.id(hospital),
        world.id(provider)
    ));
    world.ask(relay, upload, Some(patient)).expect("a patient may order");
    (relay, patient)
}
