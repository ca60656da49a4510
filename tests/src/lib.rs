//! What the tests between processes share: real `chartmesh` nodes on this machine, as processes of
//! their own, reached the way a person reaches them: by the program, or by the local API beneath it.

mod clock;
mod files;
mod http;
pub mod images;
mod log;
mod node;
mod oversized;
mod region;
mod rogue;

pub use clock::Clock;
pub use files::files;
pub use http::{Api, Asked, Refusal};
pub use log::{lines, refusals};
pub use node::{Node, program};
pub use oversized::oversized;
pub use region::{
    PASSPHRASE, Region, admit, approve, fetch, grant, is_member, join, refer, standing, waiting,
    whole_entries,
};
pub use rogue::{Rogue, Told};

use std::time::{Duration, Instant};

/// How long a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(20);

/// Looks until `look` finds something.
///
/// # Panics
/// When it is not there after [`PATIENCE`].
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, look).unwrap_or_else(|| panic!("waited in vain for {what}"))
}

/// As [`until`], for no longer than `patience`; looks once more at its end.
pub fn within<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        let over = begun.elapsed() >= patience;
        let found = look();
        if found.is_some() || over {
            return found;
        }
        std::thread::sleep(LOOK);
    }
}

/// Numbers that follow from a seed (SplitMix64): a failed run is repeated by its printed seed.
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// From `CHARTMESH_SEED`, or by the clock; prints which.
    #[must_use]
    pub fn printed() -> Self {
        let clock = || {
            let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
            u64::from(since.subsec_nanos())
        };
        let given = std::env::var("CHARTMESH_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(clock);
        println!("CHARTMESH_SEED={seed}");
        Self(seed)
    }

    /// A stream of its own for each list of numbers.
    #[must_use]
    pub fn keyed(key: &[u64]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for number in key {
            hasher.update(&number.to_be_bytes());
        }
        let mut seed = [0; 8];
        hasher.finalize_xof().fill(&mut seed);
        Self(u64::from_be_bytes(seed))
    }

    /// The next number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
