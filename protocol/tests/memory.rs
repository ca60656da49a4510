//! What decoding costs in memory, at the limits, for the input that costs most: a test of its own, because
//! it counts the memory of the whole process.

use chartmesh_protocol::codec::{DecodeError, Wire};
use chartmesh_protocol::crypto::{KemSecret, SigningKey};
use chartmesh_protocol::directory::{IntroducedNode, Introduction};
use chartmesh_protocol::id::{NodeId, PartyId};
use chartmesh_protocol::identity::{Card, Role, incept};
use chartmesh_protocol::limits;
use chartmesh_protocol::statement::Signed;
use chartmesh_protocol::time::Timestamp;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

fn cost<T: Wire>(bytes: &[u8]) -> usize {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let value = T::from_bytes(bytes, bytes.len());
    let peak = HEAP.peak_usage() - before;
    drop(value);
    peak
}

fn introduction(nodes: usize, addresses: usize) -> Introduction {
    let key = SigningKey::from_seed(&[1; 32]);
    let keys = incept(&key, &SigningKey::from_seed(&[2; 32]).public());
    let card = Card {
        institution: PartyId([0; 32]),
        key: 0,
        name: String::new(),
        role: Role::Hospital,
        kem: KemSecret::from_seed([3; 32]).public(),
        issued: Timestamp(0),
        until: Timestamp(0),
    };
    let node =
        IntroducedNode { node: NodeId([0; 32]), addresses: vec![String::new(); addresses].into() };
    Introduction { keys, card: Signed::sign(card, &key).to_unverified(), nodes: vec![node; nodes] }
}

#[test]
fn what_is_empty_costs_little_however_much_of_it_there_is() {
    // Every list at its bound and every item as short as it can be.
    let nodes = introduction(4096, limits::ADDRESSES_MAX).to_bytes();
    let factor = cost::<Introduction>(&nodes).div_ceil(nodes.len());
    assert!(
        factor <= limits::DECODED_PER_BYTE_MAX,
        "{} bytes of introductions cost {factor} times as much",
        nodes.len()
    );

    // A list beyond its bound is refused before its items are read.
    let mut beyond = introduction(1, limits::ADDRESSES_MAX).to_bytes();
    let head = beyond.iter().rposition(|byte| *byte == 0x90).expect("the head of a list of 16");
    beyond.splice(head..=head, [0x99, 0x0f, 0xff]);
    beyond.resize(limits::REQUEST_BYTES_MAX, 0x60);
    assert!(matches!(
        Introduction::from_bytes(&beyond, beyond.len()),
        Err(DecodeError::TooMany { what: "addresses", found: 4095, limit: 16 })
    ));
    assert!(cost::<Introduction>(&beyond) <= 64 * 1024);
}
