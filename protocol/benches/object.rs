//! Sealing and opening a stream of 64 MiB, beside what it cannot do without: AES-256-GCM and BLAKE3
//! of the same crates, run one after the other on each 64 KiB, in place, while it is in the cache.
//! (Run over the whole 64 MiB one after the other they would be slower, and we would look better.)
//!
//! `cargo bench -p chartmesh-protocol --bench object` prints the two ratios (1.00 would be sealing
//! that costs nothing beyond its two primitives), then criterion's absolute figures. Ratios last
//! and absolute figures do not: what is compared is taken in turns, so that whatever else the
//! machine does falls on both alike.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce, Tag};
use chartmesh_protocol::id::ObjectId;
use chartmesh_protocol::object::{CHUNK_LEN, DataKey, Opener, Sealer};
use criterion::{Criterion, Throughput, criterion_group};

const LEN: usize = 64 << 20;
/// What the node reads from a file or a stream at once.
const PUSH_LEN: usize = 256 << 10;
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
    let mut work = Work::new();
    let mut group = criterion.benchmark_group("64 MiB");
    group.throughput(Throughput::Bytes(LEN as u64));
    group.bench_function("seal", |b| b.iter(|| work.seal()));
    group.bench_function("open", |b| b.iter(|| work.open()));
    group.finish();
}

fn print_ratios() {
    let mut work = Work::new();
    let (mut seal, mut open) = (Vec::new(), Vec::new());
    let (mut bare_seal, mut bare_open) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare_seal.push(timed(&mut work, |work| &work.bare, Work::bare_seal));
        seal.push(timed(&mut work, |work| &work.plain, Work::seal));
        bare_open.push(timed(&mut work, |work| &work.bare, Work::bare_open));
        open.push(timed(&mut work, |work| &work.file, Work::open));
    }
    print_ratio("seal", &bare_seal, &seal);
    print_ratio("open", &bare_open, &open);
}

/// Prints the median over the rounds of each round's own ratio.
fn print_ratio(name: &str, bare: &[f64], ours: &[f64]) {
    let ratio = median(
        bare.iter()
            .zip(ours)
            .map(|(bare, ours)| bare / ours)
            .collect(),
    );
    println!(
        "{name}: {ratio:.3} of AES-256-GCM and BLAKE3 one after the other \
         ({:.1} ms beside {:.1} ms for 64 MiB, medians of {ROUNDS} rounds in turns; \
         target {TARGET}: {})",
        median(ours.to_vec()) * 1e3,
        median(bare.to_vec()) * 1e3,
        if ratio >= TARGET { "met" } else { "MISSED" },
    );
}

/// Seconds that `run` takes, once its input has been read through: whichever ran before must not
/// decide whose input is still in the cache.
fn timed(work: &mut Work, input: fn(&Work) -> &[u8], run: fn(&mut Work)) -> f64 {
    black_box(input(work).iter().fold(0, |seen, byte| seen ^ byte));
    let start = Instant::now();
    run(work);
    start.elapsed().as_secs_f64()
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
    /// What the driver would write out between two pushes.
    out: Vec<u8>,
    cipher: Aes256Gcm,
    bare: Vec<u8>,
    tags: Vec<Tag>,
}

impl Work {
    fn new() -> Self {
        let mut work = Self {
            plain: (0..LEN).map(|i| (i % 251).to_le_bytes()[0]).collect(),
            file: Vec::with_capacity(LEN + LEN / 1000),
            id: ObjectId([0; 32]),
            out: Vec::new(),
            cipher: Aes256Gcm::new(&[7; 32].into()),
            bare: Vec::new(),
            tags: Vec::new(),
        };
        let mut sealer = Sealer::new(&key(), &[1; 24]);
        sealer
            .push(&work.plain, &mut work.file)
            .expect("64 MiB are few");
        work.id = sealer.finish(&mut work.file).id;
        work.bare = work.plain.clone();
        work
    }

    fn seal(&mut self) {
        let mut sealer = Sealer::new(&key(), &[1; 24]);
        for push in self.plain.chunks(PUSH_LEN) {
            sealer.push(push, &mut self.out).expect("64 MiB are few");
            black_box(&self.out);
            self.out.clear();
        }
        let sealed = sealer.finish(&mut self.out);
        assert_eq!(sealed.id, self.id);
        self.out.clear();
    }

    fn open(&mut self) {
        let mut opener = Opener::new(key(), self.id, LEN as u64).expect("64 MiB are few");
        for push in self.file.chunks(PUSH_LEN) {
            opener
                .push(push, &mut self.out)
                .expect("it was sealed above");
            black_box(&self.out);
            self.out.clear();
        }
        opener.finish(&mut self.out).expect("it was sealed above");
        self.out.clear();
    }

    /// Leaves ciphertext and tags for `bare_open`.
    fn bare_seal(&mut self) {
        self.tags.clear();
        let mut hasher = blake3::Hasher::new();
        for (index, chunk) in self.bare.chunks_mut(CHUNK_LEN).enumerate() {
            let body = (&mut *chunk).into();
            let tag = self
                .cipher
                .encrypt_inout_detached(&bare_nonce(index), b"", body);
            self.tags.push(tag.expect("a chunk is short"));
            hasher.update(chunk);
        }
        black_box(hasher.finalize());
    }

    fn bare_open(&mut self) {
        let mut hasher = blake3::Hasher::new();
        for (index, (chunk, tag)) in self.bare.chunks_mut(CHUNK_LEN).zip(&self.tags).enumerate() {
            hasher.update(chunk);
            self.cipher
                .decrypt_inout_detached(&bare_nonce(index), b"", chunk.into(), tag)
                .expect("bare_seal sealed it");
        }
        black_box(hasher.finalize());
    }
}

fn key() -> DataKey {
    DataKey::from_bytes([7; 32])
}

fn bare_nonce(index: usize) -> Nonce<aes_gcm::aead::consts::U12> {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&(index as u64).to_be_bytes());
    nonce.into()
}
