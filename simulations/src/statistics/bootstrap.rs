//! The stationary bootstrap: rows drawn in blocks of random length.

use crate::draw::Draw;

/// Draws rows of a history in blocks: each begins at a row drawn uniformly, has a length drawn from the geometric
/// distribution, and goes on from the last row to the first. Rows that follow each other in the history mostly do so in
/// what is drawn, and every row is as likely as every other. Politis and Romano, "The stationary bootstrap", Journal of
/// the American Statistical Association 89 (1994).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blocks {
    rows: usize,
    mean: f64,
    /// ln(1 − 1 / mean), below zero; minus infinity where each block is one row.
    log_stay: f64,
}

impl Blocks {
    /// Of a history of `rows` rows, in blocks of `mean` rows in the mean. A mean below one is one: rows on their own.
    pub fn new(rows: usize, mean: f64) -> Self {
        let mean = if mean > 1.0 { mean } else { 1.0 };
        Self { rows, mean, log_stay: libm::log1p(-1.0 / mean) }
    }

    /// Rows of the history.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Mean length of a block, rows.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The first row of a block, and its length: at least one, `most` at most.
    #[inline]
    pub(crate) fn block(&self, draw: &mut Draw, most: usize) -> (usize, usize) {
        let first = draw.below(self.rows);
        // P(length > k) = (1 − 1 / mean)^k. What is beyond any history ends at `most`.
        let more = libm::log(draw.unit()) / self.log_stay;
        (first, (more as usize).saturating_add(1).min(most))
    }

    /// Fills `out` with rows of `history`.
    pub(crate) fn resample(&self, draw: &mut Draw, history: &[f64], out: &mut [f64]) {
        let mut left = out;
        while !left.is_empty() && self.rows > 0 && history.len() == self.rows {
            let (first, length) = self.block(draw, left.len());
            let (block, rest) = left.split_at_mut(length);
            let mut from = first;
            let mut room = block;
            while !room.is_empty() {
                let piece = room.len().min(self.rows - from);
                let (now, later) = room.split_at_mut(piece);
                now.copy_from_slice(&history[from..from + piece]);
                (room, from) = (later, 0);
            }
            left = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Streams;

    #[test]
    fn blocks_have_the_mean_length_and_begin_anywhere() {
        let blocks = Blocks::new(10, 30.0);
        let mut draw = Streams::new(3).stream(0);
        let (mut total, mut firsts, mut ones) = (0usize, [0u32; 10], 0u32);
        for _ in 0..100_000 {
            let (first, length) = blocks.block(&mut draw, usize::MAX);
            total += length;
            firsts[first] += 1;
            ones += u32::from(length == 1);
        }
        // The standard deviation of a geometric length is √(1 − p) / p = 29.5; of the mean of so many, 0.093.
        assert!((total as f64 / 100_000.0 - 30.0).abs() < 0.4, "{total}");
        assert!(firsts.iter().all(|count| count.abs_diff(10_000) < 500), "{firsts:?}");
        assert!(ones.abs_diff(3_333) < 300, "a block ends after its first row once in thirty times: {ones}");
    }

    /// Politis and Romano's Lemma 1: the variance of the mean of a resample, exactly, of the circular autocovariances.
    #[test]
    fn the_variance_of_a_mean_is_that_of_the_paper() {
        let history: Vec<f64> = (0..60).map(|row| f64::from((row * row) % 17) + 0.1 * f64::from(row)).collect();
        let (count, stay) = (history.len(), 1.0 - 1.0 / 5.0f64);
        let mean = history.iter().sum::<f64>() / count as f64;
        let lagged = |lag: usize| {
            let each = |row: usize| (history[row] - mean) * (history[(row + lag) % count] - mean);
            (0..count).map(each).sum::<f64>() / count as f64
        };
        let weight = |lag: usize| {
            let share = lag as f64 / count as f64;
            (1.0 - share) * stay.powi(lag as i32) + share * stay.powi((count - lag) as i32)
        };
        let sum: f64 = (1..count).map(|lag| weight(lag) * lagged(lag)).sum();
        let expected = (lagged(0) + sum) / count as f64;
        let (blocks, streams, mut room) = (Blocks::new(count, 5.0), Streams::new(1), [0.0; 60]);
        let mut squares = 0.0;
        for number in 0..40_000 {
            blocks.resample(&mut streams.stream(number), &history, &mut room);
            squares += (room.iter().sum::<f64>() / count as f64 - mean).powi(2);
        }
        let found = squares / 40_000.0;
        assert!((found / expected - 1.0).abs() < 0.03, "four standard errors: {found} and not {expected}");
    }

    #[test]
    fn a_block_goes_on_from_the_last_row_to_the_first() {
        let history: Vec<f64> = (0..5).map(f64::from).collect();
        let mut out = [9.0; 400];
        Blocks::new(5, 50.0).resample(&mut Streams::new(1).stream(2), &history, &mut out);
        let follows = |pair: &&[f64]| pair[1] == (pair[0] + 1.0) % 5.0;
        let breaks = out.windows(2).filter(|pair| !follows(pair)).count();
        assert!(out.iter().all(|row| *row < 5.0) && out.contains(&4.0) && breaks < 20, "{breaks}");
        let mut alone = [9.0; 400];
        Blocks::new(5, 1.0).resample(&mut Streams::new(1).stream(2), &history, &mut alone);
        assert!(alone.windows(2).filter(|pair| !follows(pair)).count() > 250, "rows on their own");
    }
}
