//! Chance: a stream of numbers for each entity and purpose, so that one more node, or one more use of
//! chance at one of them, leaves all others as they were, and sweeps share their luck.
//!
//! The mathematics is `libm`'s software implementation, whose last bit depends on no platform.

use crate::scenario::{Distribution, Loss, Share, Spread};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A stream of chance.
#[derive(Clone, Debug)]
pub struct Chance(ChaCha8Rng);

/// A seed for `entity` and `purpose`.
pub(crate) fn seed_of(seed: u64, entity: &str, purpose: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_be_bytes());
    for text in [entity, purpose] {
        hasher.update(&(text.len() as u64).to_be_bytes()).update(text.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

impl Chance {
    /// The stream of `entity` for `purpose`.
    #[must_use]
    pub fn of(seed: u64, entity: &str, purpose: &str) -> Self {
        Self(ChaCha8Rng::from_seed(seed_of(seed, entity, purpose)))
    }

    /// Between 0 and 1, 1 excluded; 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether something of this probability happens. Draws even for 0 and 1, so that a sweep over it
    /// keeps all other draws.
    pub fn happens(&mut self, share: Share) -> bool {
        self.unit() < share.get()
    }

    /// Whether a packet is lost. `bad` is kept from one to the next: whether the bad state of a bursty loss holds.
    pub fn loses(&mut self, loss: &Loss, bad: &mut bool) -> bool {
        match loss {
            Loss::Share(share) => self.happens(*share),
            Loss::Bursts(bursts) => {
                let change = if *bad { bursts.r } else { bursts.p };
                if self.happens(change) {
                    *bad = !*bad;
                }
                *bad
            }
        }
    }

    /// One of `n`, all equally likely; 0 when there is none.
    pub fn one_of(&mut self, n: usize) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "below n, which is a usize"
        )]
        let picked = (self.unit() * n as f64) as usize;
        picked.min(n.saturating_sub(1))
    }

    /// Exponentially distributed with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(1.0 - self.unit())
    }

    /// Normally distributed, by Box and Muller; takes two draws each time.
    fn normal(&mut self) -> f64 {
        let (a, b) = (1.0 - self.unit(), self.unit());
        libm::sqrt(-2.0 * libm::log(a)) * libm::cos(2.0 * core::f64::consts::PI * b)
    }

    /// A length of time, in microseconds; at most a hundred years.
    pub fn span(&mut self, spread: &Spread) -> u64 {
        let micros = match spread {
            Spread::Always(span) => return span.micros(),
            Spread::From(file) if file.values_ms.is_empty() => 0.0,
            Spread::From(file) => file.values_ms[self.one_of(file.values_ms.len())] * 1000.0,
            Spread::By(Distribution::Uniform { from, to }) => {
                let (from, to) = (from.micros() as f64, to.micros() as f64);
                from + (to - from) * self.unit()
            }
            Spread::By(Distribution::Exponential { mean }) => {
                self.exponential(mean.micros() as f64)
            }
            Spread::By(Distribution::Lognormal { median, sigma }) => {
                median.micros() as f64 * libm::exp(sigma * self.normal())
            }
            Spread::By(Distribution::Weibull { shape, scale }) => {
                let draw = -libm::log(1.0 - self.unit());
                scale.micros() as f64 * libm::pow(draw, 1.0 / shape)
            }
        };
        micros_of(micros)
    }
}

/// Whole microseconds, never negative; at most a hundred years.
#[must_use]
pub fn micros_of(micros: f64) -> u64 {
    const CENTURY: f64 = 100.0 * 365.25 * 86_400.0 * 1e6;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let whole = micros.clamp(0.0, CENTURY) as u64;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Span;

    #[test]
    fn a_stream_follows_from_seed_entity_and_purpose_alone() {
        let draws = |seed, entity, purpose| {
            let mut chance = Chance::of(seed, entity, purpose);
            [chance.unit(), chance.unit()].map(f64::to_bits)
        };
        assert_eq!(draws(1, "clinic-1", "up"), draws(1, "clinic-1", "up"));
        assert_ne!(draws(1, "clinic-1", "up"), draws(2, "clinic-1", "up"));
        assert_ne!(draws(1, "clinic-1", "up"), draws(1, "clinic-1", "down"));
        assert_ne!(draws(1, "clinic-1", "up"), draws(1, "clinic-1u", "p"));
    }

    #[test]
    fn distributions_have_the_middle_that_they_say() {
        let second = Span::from_secs(1);
        let middles = [
            (Distribution::Uniform { from: Span::from_secs(0), to: second }, 500_000.0),
            (Distribution::Exponential { mean: second }, 693_147.0),
            (Distribution::Lognormal { median: second, sigma: 1.0 }, 1_000_000.0),
            (Distribution::Weibull { shape: 0.6, scale: second }, 542_890.0),
        ];
        for (distribution, median) in middles {
            let mut chance = Chance::of(7, "test", "middle");
            let spread = Spread::By(distribution);
            let mut draws: Vec<u64> = (0..20_001).map(|_| chance.span(&spread)).collect();
            draws.sort_unstable();
            let ratio = draws[10_000] as f64 / median;
            assert!((0.95..1.05).contains(&ratio), "{spread:?}: {ratio}");
        }
    }

    #[test]
    fn the_same_bits_come_on_every_platform() {
        let mut chance = Chance::of(1, "test", "bits");
        let spread = Spread::By(Distribution::Lognormal { median: Span::from_secs(1), sigma: 0.7 });
        let mut hasher = blake3::Hasher::new();
        for _ in 0..1000 {
            hasher.update(&chance.span(&spread).to_be_bytes());
            hasher.update(&chance.exponential(3.0).to_bits().to_be_bytes());
        }
        let hash = hasher.finalize().to_hex();
        assert_eq!(&hash[..16], "0e4e78c6fc5a8aa6");
    }
}
