//! What noise costs: a whole training before it begins, what was released so far, and the year's ledger.

use super::LearningError;
use quaestor_federation::privacy::{self, Budget, BudgetError, PrivacyError};
use quaestor_risk::train::Part;
use serde::Serialize;
use std::fmt;

/// Noise on records.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NoiseSettings {
    /// Standard deviation of the noise, in clips. Each member adds all of it, since its own update is seen.
    pub noise_multiplier: f64,
    /// Rounds of Newton's method that are released, for each part that has them; each is noise anew, so there are few.
    pub rounds: u32,
    /// Largest norm of a record's gradient; other sums have bounds of their own.
    pub clip: f64,
    /// δ at which ε is stated.
    pub delta: f64,
    /// Records that one day's flows of a member change, each counted twice.
    pub window: u32,
}

/// What noise cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spent {
    /// Sums released, of all parts, judging included.
    pub rounds: u32,
    /// ε of one record.
    pub epsilon_record: f64,
    /// ε of one day.
    pub epsilon_day: f64,
    /// δ of both.
    pub delta: f64,
    /// What the ledger says of the year; `None` where none is kept.
    pub year: Option<YearSpent>,
}

/// What all trainings of a year released, those included that came to nothing, as the ledger has it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct YearSpent {
    /// The year.
    pub year: u32,
    /// ε of one record so far.
    pub epsilon_record: f64,
    /// What it may be; `None`: there is no budget.
    pub epsilon_max: Option<f64>,
}

/// What a training is about to release, if nobody is found out and every part can be trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Price {
    /// Sums.
    pub sums: u32,
    /// ε of one record, of these sums by themselves.
    pub epsilon_record: f64,
    /// δ at which it is stated.
    pub delta: f64,
    /// The year before.
    pub year: Option<YearSpent>,
}

impl fmt::Display for YearSpent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} has spent epsilon {:.4} for a record", self.year, self.epsilon_record)?;
        match self.epsilon_max {
            Some(most) => write!(formatter, " of {most}"),
            None => formatter.write_str(", without a budget"),
        }
    }
}

impl fmt::Display for Price {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sums, epsilon_record, delta, year } = self;
        write!(
            formatter,
            "up to {sums} sums are released, epsilon {epsilon_record:.4} for a record at delta {delta:e}"
        )?;
        year.map_or(Ok(()), |year| write!(formatter, "; before them {year}"))
    }
}

/// A price that the year's budget does not cover.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "the privacy budget of {} does not cover this training: it would release {} sums, which cost epsilon {:.4} for a record \
     by themselves and make the year's {asked:.4} at delta {:e}; the year has epsilon {}, of which {:.4} is spent, and {covered} \
     more such sums are covered; nothing more was released; wait for the next year, add noise (`quaestor privacy epsilon` \
     says what it costs), or vote a larger `risk.epsilon_year_max` (by hand: give a larger --epsilon-year-max)",
    spent.year, price.sums, price.epsilon_record, price.delta, spent.epsilon_max.unwrap_or(f64::INFINITY),
    spent.epsilon_record
)]
pub struct Uncovered {
    /// What the training would release.
    pub price: Price,
    /// What the year has spent, and may.
    pub spent: YearSpent,
    /// So many sums are covered.
    pub covered: u32,
    /// ε of the year after the training.
    pub asked: f64,
}

/// How a part releases sums.
#[derive(Debug, Clone, Copy)]
enum Release {
    /// Once.
    Sum,
    /// In each round of Newton's method.
    Rounds,
}

/// What a stage, which is a fold of the test or the training on all days, releases with noise, in this order.
const STAGE: [(Part, Release); 6] = [
    (Part::Volatility, Release::Sum),
    (Part::Scaling, Release::Sum),
    (Part::Drawdown, Release::Rounds),
    (Part::Quantile, Release::Rounds),
    (Part::Quantile, Release::Sum),
    (Part::Tail, Release::Sum),
];

/// Sums that a training of so many stages still releases if nobody else is found out. `done` are the parts that are done,
/// each with how many members were out after it; `held` the closed rounds of the part that is under way.
pub(super) fn sums_left(
    noise: &NoiseSettings,
    stages: usize,
    done: impl IntoIterator<Item = (Part, usize)>,
    held: u32,
) -> u32 {
    let price = |release: &Release| match release {
        Release::Sum => 1,
        Release::Rounds => noise.rounds,
    };
    let calls: Vec<_> = (0..stages).flat_map(|_| STAGE.iter().map(|(part, release)| (*part, price(release)))).collect();
    let judging = calls.len().saturating_sub(STAGE.len());
    let (mut next, mut out, mut out_begun) = (0usize, 0, 0);
    for (part, out_after) in done {
        // Of judging, whose stages are one, and of the training on all days.
        let is_last_stage = next.div_ceil(STAGE.len()) + 1 >= stages;
        if part == STAGE[0].0 && is_last_stage {
            // Where somebody was found out, everything begins anew.
            next = if out > out_begun { 0 } else { next };
            out_begun = out;
        }
        // What lies between could not be trained.
        let ahead = calls.get(next..).unwrap_or_default();
        next += ahead.iter().position(|(one, _)| *one == part).map_or(0, |skipped| skipped + 1);
        out = out_after;
    }
    let end = if next <= judging { judging } else { calls.len() };
    let (rest, later) = (calls.get(next..end).unwrap_or_default(), calls.get(end..).unwrap_or_default());
    let then = if out > out_begun { calls.as_slice() } else { later };
    let ahead = || rest.iter().chain(then).map(|(_, sums)| *sums);
    ahead().sum::<u32>() - held.min(ahead().next().unwrap_or(0))
}

/// Writes a ledger down.
type Keep = Box<dyn FnMut(&Budget) -> Result<(), LearningError>>;

/// What is charged, and where that is kept.
#[derive(Default)]
pub(super) struct Account {
    ledger: Option<(Budget, u32)>,
    keep: Option<Keep>,
    /// Sums released with noise, an open one included.
    pub(super) released: u32,
}

impl Account {
    pub(super) fn charge(&mut self, ledger: Budget, year: u32) {
        self.ledger = Some((ledger, year));
    }

    pub(super) fn keep(&mut self, write: Keep) {
        self.keep = Some(write);
    }

    pub(super) fn ledger(&self) -> Option<&Budget> {
        self.ledger.as_ref().map(|(ledger, _)| ledger)
    }

    pub(super) fn year(&self) -> u32 {
        self.ledger.as_ref().map_or(0, |(_, year)| *year)
    }

    /// One more sum is about to be released, and the ledger after its charge is this one.
    ///
    /// # Errors
    /// If that cannot be written down; then it is not released.
    pub(super) fn release(&mut self, charged: Option<Budget>) -> Result<(), LearningError> {
        self.released += 1;
        let (Some((ledger, _)), Some(charged)) = (&mut self.ledger, charged) else { return Ok(()) };
        *ledger = charged;
        self.keep.as_mut().map_or(Ok(()), |keep| keep(&charged))
    }

    pub(super) fn spent(&self, noise: &NoiseSettings) -> Option<Spent> {
        let NoiseSettings { noise_multiplier, delta, window, .. } = *noise;
        let rounds = self.released;
        Some(Spent {
            rounds,
            epsilon_record: privacy::epsilon(noise_multiplier, rounds, delta).ok()?,
            epsilon_day: privacy::epsilon_of_group(noise_multiplier, rounds, delta, window).ok()?,
            delta,
            year: self.year_spent().ok()?,
        })
    }

    fn year_spent(&self) -> Result<Option<YearSpent>, PrivacyError> {
        let Some((ledger, year)) = &self.ledger else { return Ok(None) };
        let year = ledger.period().max(*year);
        Ok(Some(YearSpent { year, epsilon_record: ledger.spent_epsilon_in(year)?, epsilon_max: ledger.epsilon() }))
    }

    /// What so many sums cost, at least one.
    ///
    /// # Errors
    /// If the accountant does not speak of it.
    pub(super) fn price(&self, noise: &NoiseSettings, sums: u32) -> Result<Price, PrivacyError> {
        let epsilon_record = privacy::epsilon(noise.noise_multiplier, sums, noise.delta)?;
        Ok(Price { sums, epsilon_record, delta: noise.delta, year: self.year_spent()? })
    }

    /// Whether the year's budget covers a price.
    ///
    /// # Errors
    /// If it does not, with the numbers.
    pub(super) fn expect_covered(&self, noise: &NoiseSettings, price: &Price) -> Result<(), LearningError> {
        let Some((ledger, year)) = &self.ledger else { return Ok(()) };
        let covered = ledger.covered(*year, noise.noise_multiplier, price.sums)?;
        let (Some(spent), true) = (price.year, covered < price.sums) else { return Ok(()) };
        let unlimited = ledger.voted(None, noise.delta)?;
        let asked = unlimited.charged(*year, noise.noise_multiplier, price.sums)?.spent_epsilon()?;
        Err(LearningError::Uncovered(Box::new(Uncovered { price: *price, spent, covered, asked })))
    }
}

impl From<BudgetError> for LearningError {
    fn from(error: BudgetError) -> Self {
        Self::Spent(error)
    }
}

#[cfg(test)]
mod tests;
