//! Jump diffusion. Merton, "Option pricing when underlying stock returns are discontinuous", Journal of Financial Economics
//! 3 (1976), for several assets that jump together.

use super::{Normal, growth::Growth};
use crate::draw::Draw;

/// A bar on which an asset moved further than this many standard deviations of its calm bars is a jump.
const FAR: f64 = 3.0;
/// Most rounds in which calm bars and their deviation are found from each other.
const ROUNDS_MAX: usize = 50;
/// Most jumps in one bar.
const JUMPS_MAX: u32 = 16;

/// A diffusion, and jumps at times of a Poisson process.
#[derive(Debug, Clone, PartialEq)]
pub struct Jumps {
    /// Log returns of a calm bar.
    pub calm: Normal,
    /// What a jump adds.
    pub jump: Normal,
    /// Jumps a bar.
    pub rate: f64,
    /// Probability of none.
    none: f64,
    /// Bars of history with a jump.
    bars: usize,
}

/// Which bars are jumps: of each asset, bars beyond three deviations are set aside, deviations are formed anew of the others,
/// and so on until none is added. A bar on which any asset jumps is a jump of all.
fn far(growth: &Growth) -> Vec<bool> {
    let rows = growth.rows().len();
    let mut any = vec![false; rows];
    for asset in 0..growth.width {
        let mut own = vec![false; rows];
        for _ in 0..ROUNDS_MAX {
            let calm =
                growth.rows().zip(&own).filter(|(_, is_far)| !**is_far).map(|(row, _)| (1.0, &row[asset..=asset]));
            let found = Normal::weighted(1, calm, 1.0);
            let (mean, reach) = (found.mean[0], FAR * found.deviation(0));
            let next: Vec<bool> =
                growth.rows().zip(&own).map(|(row, was)| *was || (row[asset] - mean).abs() > reach).collect();
            if next == own || reach <= 0.0 {
                break;
            }
            own = next;
        }
        any.iter_mut().zip(own).for_each(|(any, own)| *any |= own);
    }
    any
}

impl Jumps {
    /// Calm bars give the diffusion. Each jump bar is one jump: what it moved beyond a calm bar's mean. The diffusion's own
    /// movement of that bar stays in it, so that variance is overstated by as many calm bars' as there are jumps.
    pub(super) fn fit(growth: &Growth) -> Self {
        let far = far(growth);
        let of = |wanted: bool| {
            let own = growth.rows().zip(&far).filter(move |(_, is_far)| **is_far == wanted);
            Normal::weighted(growth.width, own.map(|(row, _)| (1.0, row)), 1.0)
        };
        let (calm, mut jump) = (of(false), of(true));
        let bars = far.iter().filter(|is_far| **is_far).count();
        jump.mean.iter_mut().zip(&calm.mean).for_each(|(jump, calm)| *jump -= calm);
        let rate = bars as f64 / growth.rows().len() as f64;
        Self { calm, jump, rate, none: libm::exp(-rate), bars }
    }

    pub(super) fn add(&self, draw: &mut Draw, logs: &mut [f64]) {
        self.calm.add(1.0, draw, logs);
        let count = self.count(draw.unit());
        if count > 0 {
            self.jump.add(f64::from(count), draw, logs);
        }
    }

    /// Jumps of a bar, by inversion.
    fn count(&self, unit: f64) -> u32 {
        let (mut probability, mut sum, mut count) = (self.none, self.none, 0);
        while unit > sum && count < JUMPS_MAX {
            count += 1;
            probability *= self.rate / f64::from(count);
            sum += probability;
        }
        count
    }

    pub(super) fn said(&self) -> String {
        format!(
            "Merton's jump diffusion; {} bars on which an asset moved more than {FAR} standard deviations of its calm bars are \
             jumps of all assets at once, {:.2} in a hundred bars",
            self.bars,
            self.rate * 100.0
        )
    }
}
