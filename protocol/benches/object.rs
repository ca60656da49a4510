//! Sealing and opening a stream of 64 MiB, beside what it cannot do without: AES-256-GCM and BLAKE3
//! of the same crates, run one after the other on each 64 KiB, in place.
//!
//! Both find the stream in a reused buffer that has just been filled, as the driver's reads leave
//! it; filling it is not counted. (Each primitive over all of the 64 MiB by itself would wait for
//! memory, and we would look better beside it.)
//!
//! `cargo bench -p chartmesh-protocol --bench object` prints the two ratios (1.00 would be sealing
//! that costs nothing beyond its two primitives), then criterion's absolute figures. Ratios last
//! and absolute figures do not: what is compared is taken in turns, so that whatever else the
//! machine does falls on both alike.

#![expect(clippy::disallowed_methods, reason = "a benchmark is about the time that passes")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce, Tag};
use chartmesh_protocol::id::ObjectId;
use chartmesh_protocol::object::{CHUNK_LEN, DataKey, Opener, Sealer};
use criterion::{Criterion, Throughput, criterion_group};

const LEN: usize = 64 << 20;
const ROUNDS: usize = 25;
const TARGET: f64 = 0.9;

fn main() {
    // Cargo passes this for `cargo bench` and not for `cargo test --benches`.
    if std::env::args().any(|argument| argument == "--bench") {
        print_ratios();
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(2));
    targets = absolute
}

fn absolute(criterion: &mut Criterion) {
    let work = Work::new();
    let mut group = criterion.benchmark_group("64 MiB");
    group.throughput(Throughput::Bytes(LEN as u64));
    let times = |n: u64, run: &mut dyn FnMut() -> Duration| (0..n).map(|_| run()).sum();
    group.bench_function("seal", |b| b.iter_custom(|n| times(n, &mut || work.seal())));
    group.bench_function("open", |b| b.iter_custom(|n| times(n, &mut || work.open())));
    group.finish();
}

fn print_ratios() {
    let work = Work::new();
    let (mut seal, mut open) = (Vec::new(), Vec::new());
    let (mut bare_seal, mut bare_open) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare_seal.push(work.bare_seal());
        seal.push(work.seal());
        bare_open.push(work.bare_open());
        open.push(work.open());
    }
    print_ratio("seal", &bare_seal, &seal);
    print_ratio("open", &bare_open, &open);
}

/// Prints the median over the rounds of each round's own ratio.
fn print_ratio(name: &str, bare: &[Duration], ours: &[Duration]) {
    let ratios = bare.iter().zip(ours).map(|(bare, ours)| bare.div_duration_f64(*ours));
    let ratio = median(ratios.collect());
    let ms = |times: &[Duration]| median(times.iter().map(|t| t.as_secs_f64() * 1e3).collect());
    println!(
        "{name}: {ratio:.3} of AES-256-GCM and BLAKE3 one after the other \
         ({:.1} ms beside {:.1} ms for 64 MiB, medians of {ROUNDS} rounds in turns; \
         target {TARGET}: {})",
        ms(ours),
        ms(bare),
        if ratio >= TARGET { "met" } else { "MISSED" },
    );
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// Everything that is worked on, allocated once.
struct Work {
    plain: Vec<u8>,
    file: Vec<u8>,
    id: ObjectId,
    cipher: Aes256Gcm,
    bare_ciphertext: Vec<u8>,
    bare_tags: Vec<Tag>,
}

impl Work {
    fn new() -> Self {
        let plain: Vec<u8> = (0..LEN).map(|i| (i % 251).to_le_bytes()[0]).collect();
        let mut file = Vec::with_capacity(LEN + LEN / 1000);
        let mut sealer = Sealer::new(&key(), &[1; 24]);
        sealer.push(&plain, &mut file).expect("64 MiB are few");
        let id = sealer.finish(&mut file).id;

        let cipher = Aes256Gcm::new(&[7; 32].into());
        let mut bare_ciphertext = plain.clone();
        let chunks = bare_ciphertext.chunks_mut(CHUNK_LEN).enumerate();
        let bare_tags =
            chunks.map(|(index, chunk)| bare_seal_chunk(&cipher, index, chunk)).collect();
        Self { plain, file, id, cipher, bare_ciphertext, bare_tags }
    }

    fn seal(&self) -> Duration {
        let mut sealer = Sealer::new(&key(), &[1; 24]);
        let (mut took, mut plain) = (Duration::ZERO, &self.plain[..]);
        while !plain.is_empty() {
            let read = fill(sealer.space(), &mut plain);
            let start = Instant::now();
            black_box(sealer.advance(read).expect("64 MiB are few"));
            took += start.elapsed();
        }
        let start = Instant::now();
        let sealed = sealer.finish(&mut Vec::new());
        assert_eq!(sealed.id, self.id);
        took + start.elapsed()
    }

    fn open(&self) -> Duration {
        let mut opener = Opener::new(key(), self.id, LEN as u64).expect("64 MiB are few");
        let (mut took, mut file) = (Duration::ZERO, &self.file[..]);
        while !file.is_empty() {
            let read = fill(opener.space(), &mut file);
            let start = Instant::now();
            black_box(opener.advance(read).expect("it was sealed above"));
            took += start.elapsed();
        }
        let start = Instant::now();
        opener.finish(&mut Vec::new()).expect("it was sealed above");
        took + start.elapsed()
    }

    fn bare_seal(&self) -> Duration {
        let (mut hasher, mut index) = (blake3::Hasher::new(), 0);
        let took = stream(&self.plain, |chunk| {
            black_box(bare_seal_chunk(&self.cipher, index, chunk));
            hasher.update(chunk);
            index += 1;
        });
        black_box(hasher.finalize());
        took
    }

    fn bare_open(&self) -> Duration {
        let (mut hasher, mut tags) = (blake3::Hasher::new(), self.bare_tags.iter().enumerate());
        let took = stream(&self.bare_ciphertext, |chunk| {
            let (index, tag) = tags.next().expect("a tag for each chunk");
            hasher.update(chunk);
            self.cipher
                .decrypt_inout_detached(&bare_nonce(index), b"", chunk.into(), tag)
                .expect("it was sealed above");
        });
        black_box(hasher.finalize());
        took
    }
}

/// Reads `source` chunk by chunk into one buffer and hands each to `work`, whose time is taken.
fn stream(mut source: &[u8], mut work: impl FnMut(&mut [u8])) -> Duration {
    let mut buffer = vec![0; CHUNK_LEN];
    let mut took = Duration::ZERO;
    while !source.is_empty() {
        let read = fill(&mut buffer, &mut source);
        let start = Instant::now();
        work(&mut buffer[..read]);
        took += start.elapsed();
    }
    took
}

/// What a read does: as much as there is and there is space for.
fn fill(space: &mut [u8], source: &mut &[u8]) -> usize {
    let (now, later) = source.split_at(source.len().min(space.len()));
    space[..now.len()].copy_from_slice(now);
    *source = later;
    now.len()
}

fn bare_seal_chunk(cipher: &Aes256Gcm, index: usize, chunk: &mut [u8]) -> Tag {
    cipher.encrypt_inout_detached(&bare_nonce(index), b"", chunk.into()).expect("a chunk is short")
}

fn key() -> DataKey {
    DataKey::from_bytes([7; 32])
}

fn bare_nonce(index: usize) -> Nonce<aes_gcm::aead::consts::U12> {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&(index as u64).to_be_bytes());
    nonce.into()
}
