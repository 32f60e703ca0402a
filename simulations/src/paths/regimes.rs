//! Regime switching. Hamilton, "A new approach to the economic analysis of nonstationary time series and the business cycle",
//! Econometrica 57 (1989): two states that a Markov chain moves between, each with its own normal distribution.

use super::{Normal, growth::Growth};
use crate::{draw::Draw, metrics::quantile};

/// Most steps of Baum and Welch's, and the gain in log likelihood a bar at which they have settled.
const STEPS_MAX: usize = 500;
const SETTLED: f64 = 1e-9;
/// Likelihoods are taken with this share of an asset's whole variance added to that of each state: a state in which an asset
/// stands still would be infinitely likely.
const VARIANCE_SHARE: f64 = 1e-4;
/// Probability of staying that the fit begins with, and how near to certain it may come.
const STAY_FIRST: f64 = 0.95;
const STAY_MAX: f64 = 1.0 - 1e-6;

/// A calm and a stormy regime.
#[derive(Debug, Clone, PartialEq)]
pub struct Regimes {
    /// Log returns of a bar in the calm regime and in the stormy one.
    pub states: [Normal; 2],
    /// Probability that the next bar has the same regime.
    pub stay: [f64; 2],
    /// Probability that the last bar of history was stormy.
    pub stormy: f64,
}

/// A pair, one of each state.
type Both = [f64; 2];

/// What Baum and Welch's step knows of a history: probabilities of both states at each bar given all bars, the summed
/// probabilities of each move, and the log likelihood.
struct Smoothed {
    states: Vec<Both>,
    moved: [Both; 2],
    likelihood: f64,
}

/// Forward and backward, scaled bar by bar. `seen` are log densities of each bar in both states.
fn smooth(seen: &[Both], stay: Both, first: Both) -> Smoothed {
    let moves = [[stay[0], 1.0 - stay[0]], [1.0 - stay[1], stay[1]]];
    let mut forward: Vec<Both> = Vec::with_capacity(seen.len());
    let mut likelihood = 0.0;
    // Densities of a bar by the greater one, which cancels, and then by what the bars before it expect.
    let mut scaled: Vec<Both> = Vec::with_capacity(seen.len());
    for logs in seen {
        let prior = match forward.last() {
            None => first,
            Some(before) => [0, 1].map(|to| before[0] * moves[0][to] + before[1] * moves[1][to]),
        };
        let most = logs[0].max(logs[1]);
        let density = logs.map(|log| libm::exp(log - most));
        let expected = (prior[0] * density[0] + prior[1] * density[1]).max(f64::MIN_POSITIVE);
        likelihood += most + libm::log(expected);
        forward.push([0, 1].map(|state| prior[state] * density[state] / expected));
        scaled.push(density.map(|density| density / expected));
    }
    let mut states = forward.clone();
    let (mut after, mut moved) = ([1.0; 2], [[0.0; 2]; 2]);
    for bar in (1..seen.len()).rev() {
        let mut back = [0.0; 2];
        for (from, (back, moves)) in back.iter_mut().zip(&moves).enumerate() {
            for to in 0..2 {
                let both = moves[to] * scaled[bar][to] * after[to];
                *back += both;
                moved[from][to] += forward[bar - 1][from] * both;
            }
        }
        after = back;
        states[bar - 1] = [0, 1].map(|state| forward[bar - 1][state] * after[state]);
    }
    Smoothed { states, moved, likelihood }
}

impl Regimes {
    /// By maximum likelihood (Baum and Welch), beginning with the calmer half of bars and the other. `None` where nothing
    /// moves.
    pub(super) fn fit(growth: &Growth) -> Option<Self> {
        let whole = growth.normal();
        let variances: Vec<f64> = (0..growth.width).map(|asset| whole.covariance(asset, asset)).collect();
        if !variances.iter().any(|variance| *variance > 0.0) {
            return None;
        }
        let size = |row: &[f64]| {
            let scaled = row.iter().zip(&whole.mean).zip(&variances).filter(|(_, variance)| **variance > 0.0);
            scaled.fold(0.0, |sum, ((log, mean), variance)| sum + (log - mean) * (log - mean) / variance)
        };
        let sizes: Vec<f64> = growth.rows().map(size).collect();
        let middle = quantile(&sizes, 0.5)?;
        let mut states: Vec<Both> =
            sizes.iter().map(|size| if *size > middle { [0.0, 1.0] } else { [1.0, 0.0] }).collect();
        let (mut stay, mut first, mut reached) = ([STAY_FIRST; 2], [0.5; 2], f64::NEG_INFINITY);
        let of = |states: &[Both]| {
            let state = |state: usize| (growth.rows().zip(states)).map(move |(row, bar)| (bar[state], row));
            [0, 1].map(|one| Normal::weighted(growth.width, state(one), 0.0))
        };
        let floor: Vec<f64> = variances.iter().map(|variance| variance * VARIANCE_SHARE).collect();
        for _ in 0..STEPS_MAX {
            let densities = of(&states).map(|normal| normal.density(&floor));
            let seen: Vec<Both> = growth.rows().map(|row| [0, 1].map(|state| densities[state].log(row))).collect();
            let found = smooth(&seen, stay, first);
            states = found.states;
            if found.likelihood - reached < SETTLED * sizes.len() as f64 {
                break;
            }
            reached = found.likelihood;
            first = states[0];
            for (state, (stay, moved)) in stay.iter_mut().zip(&found.moved).enumerate() {
                let left = moved[0] + moved[1];
                if left > 0.0 {
                    *stay = (moved[state] / left).clamp(1.0 - STAY_MAX, STAY_MAX);
                }
            }
        }
        let mut normals = of(&states);
        let mut stormy = states.last().map_or(0.0, |[_, stormy]| *stormy);
        let spread = |normal: &Normal| {
            let own = |(asset, variance): (usize, &f64)| {
                if *variance > 0.0 { normal.covariance(asset, asset) / variance } else { 0.0 }
            };
            variances.iter().enumerate().map(own).fold(0.0, |sum, share| sum + share)
        };
        if spread(&normals[0]) > spread(&normals[1]) {
            normals.swap(0, 1);
            stay.swap(0, 1);
            stormy = 1.0 - stormy;
        }
        Some(Self { states: normals, stay, stormy })
    }

    /// The regime of the last bar of history.
    pub(super) fn first(&self, draw: &mut Draw) -> usize {
        usize::from(draw.unit() < self.stormy)
    }

    /// That of the bar after one of `state`.
    pub(super) fn next(&self, state: usize, draw: &mut Draw) -> usize {
        if draw.unit() < self.stay[state] { state } else { 1 - state }
    }

    pub(super) fn said(&self) -> String {
        let [calm, stormy] = self.stay.map(|stay| 1.0 / (1.0 - stay));
        format!(
            "a calm and a stormy regime, told apart by maximum likelihood (Baum and Welch) on all assets' log returns; each has its own mean and covariance, and they last {calm:.0} and {stormy:.0} bars in the mean"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{draw::Streams, statistics::normal_quantile};

    /// A chain that is known comes back from what it made.
    #[test]
    fn a_known_chain_comes_back() {
        let mut draw = Streams::new(1).stream(0);
        let (mut state, mut logs, mut stormy) = (0, Vec::new(), 0usize);
        for _ in 0..8_000 {
            if draw.unit() > [0.98, 0.95][state] {
                state = 1 - state;
            }
            stormy += state;
            let common = normal_quantile(draw.unit());
            let own = normal_quantile(draw.unit());
            let size = [0.01, 0.04][state];
            logs.extend([size * common, size * (0.5 * common + own) - [0.0, 0.01][state], 0.0]);
        }
        let found = Regimes::fit(&Growth { width: 3, logs }).unwrap();
        assert!((found.stay[0] - 0.98).abs() < 0.005 && (found.stay[1] - 0.95).abs() < 0.012, "{:?}", found.stay);
        for (place, size) in [0.01, 0.04].into_iter().enumerate() {
            let own = &found.states[place];
            assert!((own.deviation(0) / size - 1.0).abs() < 0.05, "{}", own.deviation(0));
            let correlation = own.covariance(0, 1) / own.deviation(0) / own.deviation(1);
            assert!((correlation - 0.5 / 1.25f64.sqrt()).abs() < 0.05, "{correlation}");
            assert_eq!(own.deviation(2), 0.0, "what stands still does so in both");
        }
        assert!((found.states[1].mean[1] + 0.01).abs() < 0.004, "{:?}", found.states[1].mean);
        assert!(found.said().contains("stormy") && stormy > 1_000);
        assert_eq!(Regimes::fit(&Growth { width: 1, logs: vec![0.0; 50] }), None);
    }
}
