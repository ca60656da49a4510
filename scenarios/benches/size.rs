//! What single events cost a party that has seen much: a hospital among many members, with many patients;
//! a provider for many patients.
//!
//! `cargo bench -p chartmesh-scenarios --bench size [--features stand-ins] -- MEMBERS PATIENTS`

mod common;

use chartmesh_protocol::STAND_INS;
use chartmesh_protocol::peer::Event;
use chartmesh_protocol::record::Kind;
use chartmesh_scenarios::World;
use std::time::Instant;

fn main() {
    let (members, patients) = common::arguments(20, 200);
    println!("{}", if STAND_INS { "stand-ins" } else { "real cryptography" });
    let mut world = World::new(1);
    let hospitals = common::found(&mut world, members);
    let provider = *hospitals.last().expect("there are members");
    let marks = [1, 10, 100, 200, 500, 1000, 2000, 5000];
    for number in 1..=patients {
        let (start, events) = (Instant::now(), world.events);
        let (relay, id) = common::patient(&mut world, number, hospitals[0], provider);
        if marks.contains(&number) {
            println!(
                "patient {number:5} enrolled, an entry deposited: {:10.2} ms, {:8} events",
                start.elapsed().as_secs_f64() * 1e3,
                world.events - events
            );
            let a = hospitals[0];
            timed(&mut world, "a tick at the hospital", 20, |world| world.event(a, Event::Tick));
            timed(&mut world, "a tick at the provider", 20, |world| {
                world.event(provider, Event::Tick);
            });
            timed(&mut world, "an entry recorded and announced", 5, |world| {
                let drafts = vec![world.draft(a, Kind::Laboratory, "more", &[b"12.1 g/dL"])];
                world.record(a, id, drafts).expect("a hospital records");
            });
            timed(&mut world, "hello both ways, and nothing to say", 5, |world| {
                world.switch(relay, false);
                world.switch(relay, true);
                let drafts = vec![world.draft(a, Kind::Laboratory, "more", &[b"12.1 g/dL"])];
                world.record(a, id, drafts).expect("a hospital records");
            });
        }
    }
}

fn timed(world: &mut World, what: &str, times: u32, mut run: impl FnMut(&mut World)) {
    let (start, events) = (Instant::now(), world.events);
    for _ in 0..times {
        run(world);
    }
    println!(
        "  {what:40} {:10.3} ms, {:4} events",
        start.elapsed().as_secs_f64() * 1e3 / f64::from(times),
        (world.events - events) / u64::from(times)
    );
}
