//! What a permission costs to judge, against the two signature checks that it cannot do without.
//!
//! One link with its proof, from the bytes as received to `Granted<Read>`: reading both, hashing,
//! every check. Against it two `verify_strict` of ed25519-dalek over messages of the same lengths,
//! alternating in the same run, so that what else the machine does hits both. Prints the median of
//! the rounds; the aim is a ratio of at most 1.2.

#![expect(clippy::disallowed_methods, reason = "a benchmark is about the time that passes")]

use chartmesh_protocol::capability::{
    Chain, Confirmation, Keys, Operation, Operations, Presented, Proof, Purpose, Read, Revocations,
    Scope, Target, Token, Verifier, Wanted, verify,
};
use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::crypto::SigningKey;
use chartmesh_protocol::id::{CompartmentId, EntryId, NodeId, PartyId, TokenId};
use chartmesh_protocol::identity::incept;
use chartmesh_protocol::statement::{Signed, Unverified};
use chartmesh_protocol::time::Timestamp;
use ed25519_dalek::{Signer, VerifyingKey};
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 301;
const REPEATS: u32 = 20;

fn main() {
    let now = Timestamp::from_seconds(1_795_251_600);
    let key = |seed| SigningKey::from_seed(&[seed; 32]);
    let patient = incept(&key(1), &key(2).public()).verify().expect("made here");
    let grantee = PartyId([3; 32]);
    let me = PartyId([4; 32]);
    let node_key = key(5);
    let entry = EntryId([6; 16]);
    let claims = Token {
        issuer: patient.party(),
        subject: patient.party(),
        audience: chartmesh_protocol::capability::Set::new([me]),
        expires: now.seconds() + 86_400,
        not_before: now.seconds(),
        issued: now.seconds(),
        id: TokenId([7; 16]),
        confirmation: Confirmation { grantee },
        key: 0,
        parent: None,
        operations: Operations::of(&[Operation::Read]),
        scope: Scope::of_entries([entry]).expect("one entry"),
        quota: None,
        quota_entries: None,
        purpose: Purpose::Treatment,
        delegation: None,
        max_staleness: Some(86_400),
    };
    let token = Signed::sign(claims, &key(1));
    let proof = Proof { leaf: token.id(), request: [8; 32], verifier: me, nonce: [9; 16] };
    let proof = proof.sign(&node_key).bytes().to_vec();
    let chain = Chain::root(&token).to_bytes();
    let node: NodeId = node_key.public().into();
    let revocations = Revocations { issued: now, ..Revocations::none(patient.party()) };
    let verifier = Verifier {
        me,
        now,
        nonce: [9; 16],
        keys: Keys { patient: &patient, institutions: &|_| None },
        revocations: &revocations,
        forgot: None,
        treats: None,
        node_of: &|_| Some(grantee),
    };
    let targets = [Target { entry, compartment: CompartmentId([0; 16]) }];
    let whole = || {
        let presented = Presented {
            chain: Chain::parse(black_box(&chain)).expect("made here"),
            proof: Some(Unverified::parse(black_box(&proof)).expect("made here")),
            request_hash: [8; 32],
            node,
        };
        verify::<Read>(&presented, &verifier, &Wanted::of(&targets)).expect("permitted")
    };
    let read_only = || {
        let chain = Chain::parse(black_box(&chain)).expect("made here");
        let proof = Unverified::<Proof>::parse(black_box(&proof)).expect("made here");
        (chain, proof)
    };

    // The same bytes are signed either way: the statement without its 64-byte signature and its
    // heads, plus the constant parts of a Sig_structure, which are about as long.
    let bare: Vec<_> = [(1, chain.len() - 64), (5, proof.len() - 64)]
        .map(|(seed, len)| {
            let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
            let message = vec![0x5a; len];
            (key.verifying_key().to_bytes(), key.sign(&message), message)
        })
        .into();
    let bare_checks = || {
        for (key, signature, message) in &bare {
            // A key arrives as bytes in either case.
            let key = VerifyingKey::from_bytes(black_box(key)).expect("made here");
            key.verify_strict(black_box(message), signature).expect("made here");
        }
    };
    let read: Vec<_> = bare
        .iter()
        .map(|(key, signature, message)| {
            (VerifyingKey::from_bytes(key).expect("made here"), signature, message)
        })
        .collect();
    let barest_checks = || {
        for (key, signature, message) in &read {
            key.verify_strict(black_box(message), signature).expect("made here");
        }
    };

    let mut times = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        times[0].push(micros(|| drop(black_box(whole()))));
        times[1].push(micros(bare_checks));
        times[2].push(micros(barest_checks));
        times[3].push(micros(|| drop(black_box(read_only()))));
    }
    let [whole, bare, barest, reading] = times.map(median);
    println!("token: {} bytes of chain, {} bytes of proof", chain.len(), proof.len());
    println!("token: read and verified     {whole:7.1} us");
    println!("token: of that, reading      {reading:7.1} us");
    println!("token: two bare checks       {bare:7.1} us, keys as bytes");
    println!("token: two bare checks       {barest:7.1} us, keys decompressed before");
    println!(
        "token: ratio {:.3} (aim: at most 1.2); against decompressed keys {:.3}",
        whole / bare,
        whole / barest
    );
}

fn micros(run: impl Fn()) -> f64 {
    let start = Instant::now();
    for _ in 0..REPEATS {
        run();
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(REPEATS)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
