//! Growth from bar to bar: of history, and put together to a path.

use super::{Normal, WIDTH_MAX};
use crate::{draw::Draw, statistics::Blocks};

/// Log returns of a history, bar by bar.
pub(super) struct Growth {
    pub(super) width: usize,
    pub(super) logs: Vec<f64>,
}

impl Growth {
    /// Of levels above zero, bar by bar; one row fewer.
    pub(super) fn of(levels: &[f64], width: usize) -> Self {
        let logs = levels.iter().zip(&levels[width..]).map(|(before, after)| libm::log(after / before)).collect();
        Self { width, logs }
    }

    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> + Clone {
        self.logs.chunks_exact(self.width)
    }

    /// The normal distribution with the mean and the covariance (n − 1) of all rows.
    pub(super) fn normal(&self) -> Normal {
        Normal::weighted(self.width, self.rows().map(|row| (1.0, row)), 1.0)
    }
}

/// A path from `last` on in blocks of rows of `levels`. A block is a piece of history, scaled to where the path stands: one
/// product a mark, of which none waits for another.
pub(super) fn in_blocks(blocks: &Blocks, levels: &[f64], last: &[f64], draw: &mut Draw, marks: &mut [f64]) {
    let width = last.len();
    let mut level = [0.0; WIDTH_MAX];
    let mut scale = [0.0; WIDTH_MAX];
    let (level, scale) = (&mut level[..width], &mut scale[..width]);
    level.copy_from_slice(last);
    let mut left = marks;
    while !left.is_empty() {
        let (mut from, mut length) = blocks.block(draw, left.len() / width.max(1));
        while length > 0 {
            // From the last row a block goes on at the first.
            let piece = length.min(blocks.rows() - from);
            // Row r of history ends at level r + 1.
            let source = &levels[from * width..][..(piece + 1) * width];
            let (before, source) = source.split_at(width);
            for ((scale, level), before) in scale.iter_mut().zip(&*level).zip(before) {
                *scale = level / before;
            }
            let (now, later) = left.split_at_mut(piece * width);
            for (to, from) in now.chunks_exact_mut(width).zip(source.chunks_exact(width)) {
                for ((to, from), scale) in to.iter_mut().zip(from).zip(&*scale) {
                    *to = from * scale;
                }
            }
            level.copy_from_slice(&now[(piece - 1) * width..]);
            (left, from, length) = (later, 0, length - piece);
        }
    }
}

/// A path from `last` on whose log returns `add` adds to zeros.
pub(super) fn step_by_step(last: &[f64], marks: &mut [f64], mut add: impl FnMut(&mut [f64])) {
    let width = last.len();
    let mut logs = [0.0; WIDTH_MAX];
    let mut level = [0.0; WIDTH_MAX];
    let (logs, level) = (&mut logs[..width], &mut level[..width]);
    level.copy_from_slice(last);
    for marks in marks.chunks_exact_mut(width.max(1)) {
        logs.fill(0.0);
        add(logs);
        for ((mark, level), log) in marks.iter_mut().zip(&mut *level).zip(&*logs) {
            *level *= libm::exp(*log);
            *mark = *level;
        }
    }
}
