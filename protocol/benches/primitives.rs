//! What each cryptographic operation costs, in nanoseconds: the table in `crypto/stand_in.rs`.
//!
//! Once with the real cryptography and once with `--features stand-ins`; the first line says which.
//! Prints the median of the rounds.

#![expect(clippy::disallowed_methods, reason = "a benchmark is about the time that passes")]

use chartmesh_protocol::STAND_INS;
use chartmesh_protocol::capability::Proof;
use chartmesh_protocol::crypto::{KemSecret, SigningKey};
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::Compartment;
use chartmesh_protocol::object::{DataKey, open_small, seal_small};
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::session::Session;
use chartmesh_protocol::statement::Signed;
use chartmesh_protocol::time::Timestamp;
use rand_chacha::rand_core::SeedableRng;
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 101;
const REPEATS: u32 = 20;

fn main() {
    println!("{}", if STAND_INS { "stand-ins" } else { "real cryptography" });
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
    let key = SigningKey::from_seed(&[2; 32]);
    let proof = || Proof {
        leaf: chartmesh_protocol::id::StatementId([3; 32]),
        request: [4; 32],
        verifier: PartyId([5; 32]),
        nonce: [6; 16],
    };
    let signed = Signed::sign(proof(), &key).to_unverified();
    print("signing key of a seed", || SigningKey::from_seed(black_box(&[2; 32])).public());
    print("signed statement", || Signed::sign(proof(), black_box(&key)));
    print("signature checked", || black_box(&signed).check(&key.public()).expect("made here"));

    let secret = KemSecret::from_seed([7; 32]);
    let (patient, author, now) = (PartyId([8; 32]), PartyId([9; 32]), Timestamp(1));
    let to = Compartment { kind: Kind::Reports, generation: 0, epoch: 0, key: secret.public() };
    let (session, by) = Session::begin((patient, &to), author, now, &mut rng).expect("a key");
    let wrapped = by.wrap(&[1; 32]);
    print("KEM key of a seed", || KemSecret::from_seed(*black_box(&secret).seed()).public());
    print("session begun", || Session::begin((patient, black_box(&to)), author, now, &mut rng));
    print("session opened", || black_box(&session).open(&secret));
    print("data key wrapped", || black_box(&by).wrap(&[1; 32]));
    print("data key unwrapped", || black_box(&by).unwrap(&wrapped));

    let data_key = DataKey::from_bytes([1; 32]);
    for len in [500, 20_000, 1_000_000] {
        let content = vec![7; len];
        let (file, sealed) = seal_small(&data_key, &[2; 24], &content).expect("small");
        print(&format!("object of {len} bytes sealed"), || {
            seal_small(&data_key, &[2; 24], black_box(&content)).expect("small")
        });
        print(&format!("object of {len} bytes opened"), || {
            open_small(&data_key, sealed.id, len as u64, black_box(&file)).expect("made here")
        });
        print(&format!("  of that, BLAKE3 of {} bytes", file.len()), || blake3::hash(&file));
    }
}

fn print<T>(what: &str, mut run: impl FnMut() -> T) {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..REPEATS {
                black_box(run());
            }
            start.elapsed().as_secs_f64() * 1e9 / f64::from(REPEATS)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{what:32} {:10.0} ns", times[ROUNDS / 2]);
}
