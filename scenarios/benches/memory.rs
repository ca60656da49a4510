//! Bytes of memory that a relay takes in a simulation, with one patient who is enrolled and has ordered one
//! deposit, and where they are.
//!
//! `cargo bench -p chartmesh-scenarios --bench memory [--features stand-ins] -- MEMBERS RELAYS [alone]`

mod common;

use chartmesh_protocol::STAND_INS;
use chartmesh_protocol::store::Interner;
use chartmesh_scenarios::{Party, World};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

fn main() {
    let (members, relays) = common::arguments(20, 50);
    println!("{}", if STAND_INS { "stand-ins" } else { "real cryptography" });
    let mut world = World::new(1);
    let all = common::found(&mut world, members);
    let (hospital, provider) = (all[0], all[members - 1]);
    let at = |world: &World, who: chartmesh_scenarios::Who| bytes_of(&world.parties[who.0]);
    let share = !std::env::args().any(|arg| arg == "alone");
    println!("{}", if share { "what stores have in common is shared" } else { "each store alone" });
    let (hospital_before, provider_before) = (at(&world, hospital), at(&world, provider));
    let (mut last, mut interner) = (hospital, Interner::new());
    world.parties.iter_mut().for_each(|party| party.store.intern(&mut interner));
    let shared_before = HEAP.current_usage();
    for number in 0..relays {
        last = common::patient(&mut world, number, hospital, provider).0;
        if share {
            for who in [hospital, provider, last] {
                world.parties[who.0].store.intern(&mut interner);
            }
            if number % 64 == 0 {
                interner.forget_single();
            }
        }
    }
    interner.forget_single();
    let each = |bytes: usize| bytes / relays;
    println!("a Party itself: {} bytes", size_of::<Party>());
    println!(
        "heap for each relay, with what hospital and provider keep for it: {} bytes",
        each(HEAP.current_usage() - shared_before)
    );
    println!("rows for each at the hospital: {}", each(at(&world, hospital) - hospital_before));
    println!("rows for each at the provider: {}", each(at(&world, provider) - provider_before));
    println!("rows of one relay: {}", at(&world, last));
    let mut sizes: Vec<_> = world.parties[last.0].store.sizes().collect();
    sizes.sort_by_key(|size| std::cmp::Reverse(size.key_bytes + size.value_bytes));
    for size in sizes.iter().take(12) {
        println!(
            "  {:28} {:5} rows, {:6} bytes of keys, {:7} of values",
            size.table.name(),
            size.rows,
            size.key_bytes,
            size.value_bytes
        );
    }
}

fn bytes_of(party: &Party) -> usize {
    party.store.sizes().map(|size| size.key_bytes + size.value_bytes).sum()
}
