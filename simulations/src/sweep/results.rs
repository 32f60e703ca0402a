//! What results need of rows, while these come by: figures of all, and no more of the rest than is asked for.

use super::{About, Outcome, Row, Span, forward::Walking};
use crate::statistics::BlockSums;

/// Even blocks of time in which the probability of overfitting is judged.
pub const BLOCKS: usize = 16;
/// Most configurations by which it is judged: beyond, an even sample of them.
pub const JUDGED_MAX: u64 = 10_000;

/// As many blocks as so many bars allow.
pub(super) fn blocks(bars: usize) -> Option<BlockSums> {
    let blocks = (bars / 2).min(BLOCKS);
    BlockSums::new(blocks - blocks % 2, bars).ok()
}

/// Whether overfitting is judged by this row among others.
pub(super) fn is_judged(row: u64, total: u64) -> bool {
    let before = |row: u64| u128::from(row) * u128::from(JUDGED_MAX) / u128::from(total.max(1));
    total <= JUDGED_MAX || before(row) < before(row + 1)
}

/// Rows so far.
#[derive(Debug)]
pub struct Results {
    about: About,
    outcomes: Vec<Outcome>,
    pub(super) sums: Option<BlockSums>,
    pub(super) walking: Walking,
    refused: u64,
    first_refused: Option<(u64, String)>,
}

impl Results {
    /// Without any yet.
    pub fn new(about: About) -> Self {
        let sums = blocks(about.bars);
        Self { about, outcomes: Vec::new(), sums, walking: Walking::default(), refused: 0, first_refused: None }
    }

    /// Adds the next row.
    pub fn push(&mut self, row: Row) {
        let number = self.outcomes.len() as u64;
        match row {
            Row::Ran { outcome, sums, windows } => {
                if let (Some(all), false) = (&mut self.sums, sums.is_empty())
                    && all.push(&sums).is_err()
                {
                    // Of another number of blocks: nothing can be said of them together.
                    self.sums = None;
                }
                if !windows.is_empty() {
                    self.walking.push(number, self.about.spec.by.of(&outcome), &windows);
                }
                self.outcomes.push(outcome);
            }
            Row::Refused(why) => {
                self.refused += 1;
                self.first_refused.get_or_insert((number, why));
                self.outcomes.push(Outcome::NONE);
            }
        }
    }

    /// What is swept.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// What each row came to, in their order.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// Bars of each.
    pub fn span(&self) -> Span {
        self.about.span()
    }

    /// Configurations that are no policy.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The first of them, and why.
    pub fn first_refused(&self) -> Option<&(u64, String)> {
        self.first_refused.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_even_and_no_larger_than_it_may_be() {
        for (total, expected) in
            [(1u64, 1u64), (10_000, 10_000), (10_001, 10_000), (100_000, 10_000), (123_457, 10_000)]
        {
            let judged: Vec<u64> = (0..total).filter(|row| is_judged(*row, total)).collect();
            assert_eq!(judged.len() as u64, expected, "{total}");
            let gaps = || judged.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(gaps().max().unwrap_or(1) - gaps().min().unwrap_or(1) <= 1, "{total}");
        }
    }

    #[test]
    fn short_runs_have_fewer_blocks_and_the_shortest_none() {
        assert!(blocks(786).is_some() && blocks(4).is_some());
        assert!(blocks(3).is_none());
    }
}
