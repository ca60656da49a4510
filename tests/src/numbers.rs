//! Numbers by chance that a failed run can have again.

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
