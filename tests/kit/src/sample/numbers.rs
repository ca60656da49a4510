//! Numbers that follow from a seed. Not a generator of the `rand` family, so that it can never be
//! handed to anything that makes keys.

/// SplitMix64.
pub(super) struct Numbers(u64);

impl Numbers {
    /// A sequence of its own for each purpose.
    pub(super) const fn new(seed: u64, purpose: u64) -> Self {
        Self(seed ^ purpose.wrapping_mul(0xD1B5_4A32_D192_ED03))
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let scaled = ((self.next() >> 32) * u64::from(bound)) >> 32;
        u32::try_from(scaled).expect("a product of two numbers of 32 bits, shifted by 32")
    }

    /// From `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    pub(super) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let bound = u32::try_from(choices.len()).expect("choices are a short list in this module");
        &choices[self.below(bound) as usize]
    }

    pub(super) fn wide(&mut self) -> u128 {
        (u128::from(self.next()) << 64) | u128::from(self.next())
    }

    /// A UUID of version 4 in form.
    pub(super) fn uuid(&mut self) -> String {
        let n = (self.wide() & !(0xF << 76) & !(0x3 << 62)) | (4 << 76) | (2 << 62);
        let hex = format!("{n:032x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    /// A DICOM UID of the UUID form (PS3.5 annex B.2).
    pub(super) fn uid(&mut self) -> String {
        format!("2.25.{}", self.wide())
    }
}
