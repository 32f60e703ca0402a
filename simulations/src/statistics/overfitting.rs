//! The probability that what was picked among many configurations was picked for its noise.
//!
//! Bailey, Borwein, López de Prado and Zhu, "The probability of backtest overfitting", Journal of Computational Finance 20
//! (2017): combinatorially symmetric cross-validation. The time is cut into an even number of blocks; of each way to take
//! half of them, the configuration that is best there is looked up in the other half. Where it ranks below the middle, it
//! was no better than a draw.

use rayon::prelude::*;
use serde::Serialize;

/// Most blocks: 12,870 ways to take half of them.
pub const BLOCKS_MAX: usize = 16;
/// A variance below this share of the mean square is rounding.
const VARIANCE_SHARE_MIN: f64 = 1e-12;

/// Why there is no such probability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverfittingError {
    /// Blocks that cannot be halved.
    #[error("{found} blocks of time; give an even number from 2 to {BLOCKS_MAX}")]
    Blocks {
        /// What was given.
        found: usize,
    },
    /// Blocks of fewer than two returns.
    #[error("{bars} returns in {blocks} blocks; give at least two returns a block")]
    Bars {
        /// Returns.
        bars: usize,
        /// Blocks.
        blocks: usize,
    },
    /// Returns of another time.
    #[error("a configuration has {found} numbers where the others have {expected}; all need the same bars")]
    Length {
        /// What was given.
        found: usize,
        /// What the others have.
        expected: usize,
    },
    /// Nothing to pick from.
    #[error("{found} configurations; picking needs at least two")]
    Configurations {
        /// What was given.
        found: usize,
    },
}

/// Σr and Σr² of each block of each configuration: all that the test needs, sixteen bytes a block, so that a hundred
/// thousand configurations fit in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockSums {
    blocks: usize,
    bars: usize,
    /// Configuration by configuration.
    sums: Vec<[f64; 2]>,
}

impl BlockSums {
    /// Of configurations with so many returns each, cut into `blocks` blocks of even length, the first ones one longer
    /// where that does not come out.
    ///
    /// # Errors
    /// If there are an odd number of blocks, too many, or fewer than two returns in one.
    pub fn new(blocks: usize, bars: usize) -> Result<Self, OverfittingError> {
        if !(2..=BLOCKS_MAX).contains(&blocks) || !blocks.is_multiple_of(2) {
            return Err(OverfittingError::Blocks { found: blocks });
        }
        if bars < 2 * blocks {
            return Err(OverfittingError::Bars { bars, blocks });
        }
        Ok(Self { blocks, bars, sums: Vec::new() })
    }

    /// Configurations.
    pub fn len(&self) -> usize {
        self.sums.len() / self.blocks
    }

    /// Whether there is no configuration.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    fn length(&self, block: usize) -> usize {
        self.bars / self.blocks + usize::from(block < self.bars % self.blocks)
    }

    /// The sums of one configuration, to be given to [`Self::push`]: each made where its returns are, in any order.
    ///
    /// # Errors
    /// If it has more or fewer returns than the others.
    pub fn of(&self, returns: impl ExactSizeIterator<Item = f64>) -> Result<Vec<[f64; 2]>, OverfittingError> {
        if returns.len() != self.bars {
            return Err(OverfittingError::Length { found: returns.len(), expected: self.bars });
        }
        let mut returns = returns;
        let block = |block: usize| {
            let own = returns.by_ref().take(self.length(block));
            own.fold([0.0; 2], |[sum, squares], found| [sum + found, squares + found * found])
        };
        Ok((0..self.blocks).map(block).collect())
    }

    /// Adds a configuration.
    ///
    /// # Errors
    /// If it has sums of more or fewer blocks.
    pub fn push(&mut self, sums: &[[f64; 2]]) -> Result<(), OverfittingError> {
        if sums.len() != self.blocks {
            return Err(OverfittingError::Length { found: sums.len(), expected: self.blocks });
        }
        self.sums.extend_from_slice(sums);
        Ok(())
    }
}

/// What came of picking the best in one half and looking at the other, over all ways to halve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Overfitting {
    /// Configurations.
    pub configurations: usize,
    /// Blocks of time.
    pub blocks: usize,
    /// Ways to take half of them.
    pub splits: usize,
    /// Share of ways in which the pick ranked at or below the middle of the other half: the probability of backtest
    /// overfitting.
    pub probability: f64,
    /// Share of ways in which the pick lost in the other half.
    pub loss_probability: f64,
    /// Median of the pick's rank in the other half as a share: near one is best.
    pub rank_median: f64,
}

/// Of the pick of one half: its mean return in the other half, and its rank there as a share, of which ties have the mean.
struct Picked {
    mean: f64,
    rank: f64,
}

/// One half of the time, configuration by configuration.
#[derive(Default)]
struct Half {
    returns: usize,
    sums: Vec<f64>,
    squares: Vec<f64>,
    ratios: Vec<f64>,
}

/// By Sharpe ratio, which is zero where a configuration's returns never differ.
///
/// # Errors
/// If there are fewer than two configurations.
pub fn overfitting(sums: &BlockSums) -> Result<Overfitting, OverfittingError> {
    let (blocks, configurations) = (sums.blocks, sums.len());
    if configurations < 2 {
        return Err(OverfittingError::Configurations { found: configurations });
    }
    // Block by block, so that neighbours are added together.
    let column = |part: usize, block: usize| -> Vec<f64> {
        sums.sums.iter().skip(block).step_by(blocks).map(|found| found[part]).collect()
    };
    let columns: Vec<[Vec<f64>; 2]> = (0..blocks).map(|block| [column(0, block), column(1, block)]).collect();
    // Each way and its reverse share their halves, so that those with the first block are enough.
    let halves = (0u32..1 << blocks).filter(|way| way & 1 == 1 && way.count_ones() as usize == blocks / 2);
    let halves: Vec<u32> = halves.collect();
    let pick = |halves: &mut [Half; 2], way: &u32| {
        for (half, inside) in halves.iter_mut().zip([true, false]) {
            half.take(sums, &columns, |block| (way >> block & 1 == 1) == inside);
        }
        let [one, other] = halves;
        [pick(one, other), pick(other, one)]
    };
    let picked: Vec<Picked> = halves.par_iter().map_init(Default::default, pick).flatten_iter().collect();
    let share = |is: &dyn Fn(&Picked) -> bool| picked.iter().filter(|one| is(one)).count() as f64 / picked.len() as f64;
    let ranks: Vec<f64> = picked.iter().map(|one| one.rank).collect();
    Ok(Overfitting {
        configurations,
        blocks,
        splits: picked.len(),
        // The logit of a rank is not above zero where the rank is not above one half.
        probability: share(&|one| one.rank <= 0.5),
        loss_probability: share(&|one| one.mean < 0.0),
        rank_median: crate::metrics::quantile(&ranks, 0.5).unwrap_or_default(),
    })
}

impl Half {
    /// Of these blocks.
    fn take(&mut self, all: &BlockSums, columns: &[[Vec<f64>; 2]], is_inside: impl Fn(usize) -> bool) {
        for (into, part) in [&mut self.sums, &mut self.squares].into_iter().zip(0..2) {
            into.clear();
            into.resize(all.len(), 0.0);
            for (_, column) in columns.iter().enumerate().filter(|(block, _)| is_inside(*block)) {
                into.iter_mut().zip(&column[part]).for_each(|(into, more)| *into += more);
            }
        }
        self.returns = (0..all.blocks).filter(|block| is_inside(*block)).map(|block| all.length(block)).sum();
        let count = self.returns as f64;
        self.ratios.clear();
        self.ratios.extend(self.sums.iter().zip(&self.squares).map(|(sum, squares)| ratio(*sum, *squares, count)));
    }
}

/// Mean / standard deviation of so many returns.
fn ratio(sum: f64, squares: f64, count: f64) -> f64 {
    let mean = sum / count;
    let spread = squares - sum * mean;
    if spread > squares * VARIANCE_SHARE_MIN { mean / (spread / (count - 1.0)).sqrt() } else { 0.0 }
}

/// The best of one half, and where it stands in the other; of several that are equally good the mean.
fn pick(here: &Half, there: &Half) -> Picked {
    let best = here.ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Ranking costs a pass: where very many are equally good, the first of them say it.
    let picks = here.ratios.iter().enumerate().filter(|(_, ratio)| **ratio == best).take(TIES_MAX);
    let (mut found, mut count) = (Picked { mean: 0.0, rank: 0.0 }, 0.0);
    for (place, _) in picks {
        let own = there.ratios[place];
        let (mut below, mut equal) = (0usize, 0usize);
        for other in &there.ratios {
            below += usize::from(*other < own);
            equal += usize::from(*other == own);
        }
        found.rank += (below as f64 + (equal as f64 + 1.0) / 2.0) / (there.ratios.len() as f64 + 1.0);
        found.mean += there.sums[place] / there.returns as f64;
        count += 1.0;
    }
    Picked { mean: found.mean / count, rank: found.rank / count }
}

/// Most equally good picks that are ranked.
const TIES_MAX: usize = 64;

#[cfg(test)]
mod tests;
