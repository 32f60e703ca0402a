//! Random numbers that a seed and a number name: whatever is drawn for one path or resample depends on nothing else, so
//! that any of them can be made alone, again, or on another machine.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Generators of one seed. ChaCha counts its blocks: a stream is a number, and nothing needs to be drawn before it.
/// Eight rounds, because nobody guesses here; no test of randomness is known that tells them from more.
#[derive(Debug, Clone)]
pub(crate) struct Streams(ChaCha8Rng);

impl Streams {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// The generator of this number, at its beginning.
    pub(crate) fn stream(&self, number: u64) -> Draw {
        let mut generator = self.0.clone();
        generator.set_stream(number);
        Draw(generator)
    }
}

/// One stream.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    /// Any number.
    pub(crate) fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform between zero and one, both excluded: the middles of 2⁵³ equal pieces.
    #[inline]
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) as f64 + 0.5) * (1.0 / (1u64 << 53) as f64)
    }

    /// One of `count` places, each as likely as the others but for `count` parts in 2⁶⁴; zero where there is none.
    #[inline]
    pub(crate) fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.0.next_u64()) * count as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_a_seed_and_a_number() {
        let draws = |seed: u64, number: u64| {
            let mut draw = Streams::new(seed).stream(number);
            [draw.unit(), draw.unit(), draw.below(1_000) as f64]
        };
        assert_eq!(draws(1, 7), draws(1, 7));
        assert!(draws(1, 7) != draws(1, 8) && draws(1, 7) != draws(2, 7));
        let streams = Streams::new(1);
        let _other = streams.stream(3).unit();
        assert_eq!(streams.stream(7).unit(), draws(1, 7)[0], "what another stream drew does not matter");
    }

    #[test]
    fn draws_are_uniform() {
        let mut draw = Streams::new(1).stream(0);
        let (mut sum, mut counts) = (0.0, [0u32; 7]);
        for _ in 0..70_000 {
            let found = draw.unit();
            assert!(found > 0.0 && found < 1.0);
            sum += found;
            counts[draw.below(7)] += 1;
        }
        assert!((sum / 70_000.0 - 0.5).abs() < 0.005, "{sum}");
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 500), "five standard deviations: {counts:?}");
    }
}
