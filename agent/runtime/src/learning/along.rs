//! Training along a history: each time on what was known then and on nothing later, as an operator with records of its own
//! would have trained.
//!
//! What a backtest's treasury held before it began nobody knows, so that the member that trains alone is made up: a treasury
//! of the opening shares that wander, with the policy's burn. What comes of it is judged on later days of what was known, by
//! the code that judges live, and refused by the same measure.

use super::{LearningError, Lesson, Sources, SourcesError};
use crate::risk::{Unusable, good_enough};
use quaestor_contracts::explain::share;
use quaestor_core::{
    AssetId, AssetKind, RiskModel, Terms,
    amount::{BPS_ONE, WAD},
    policy::ModelTerms,
};
use quaestor_risk::{
    DAY_SECS,
    card::Card,
    data::{Closes, DataError, Market as Closings, Profile, Shard, Target},
    judge::{Plan, judge_public},
    learned::LearnedModel,
    train::{PlainRounds, Settings, train},
};
use quaestor_simulations::{
    Panel,
    assumptions::Checked,
    market::{BAR_WHOLE, Market, Source},
    succession::{Succession, Successor, Training},
};
use std::collections::BTreeMap;

/// Most trainings of a run: a decade of fortnights.
pub const TRAININGS_MAX: usize = 260;
/// Days before the end of what was known on which a model is judged, and in how many folds, as live.
const TEST_DAYS: u32 = 90;
const FOLDS: u32 = 3;
/// Name of the member that trains alone.
const MEMBER: &str = "treasury";
/// Its stream of the run's seed; accounts have those below 2^24.
const STREAM: u64 = u64::MAX - 1;
/// Days between two of its rebalancings.
const REBALANCE_DAYS: u32 = 30;
/// Least area under the ROC curve where the policy names none, bps: more than guessing has.
const AUC_BPS_MIN: u64 = 5_001;

/// Why nothing can be trained along a history.
#[derive(Debug, thiserror::Error)]
pub enum AlongError {
    /// Nothing has prices.
    #[error("there is nothing to learn from: the data has prices of no asset of the policy that is not stable")]
    Nothing,
    /// Too many.
    #[error(
        "training every {every_days} days is done {found} times in this run, and {TRAININGS_MAX} at most; train less often"
    )]
    TooMany {
        /// Days from one to the next.
        every_days: u32,
        /// How many there would be.
        found: usize,
    },
}

/// Where the closes of an asset come from.
#[derive(Debug, Clone, PartialEq)]
enum Quoted {
    Column(usize),
    Constant(f64),
}

/// The treasury that is made up to learn from: what the run's treasury opens with.
#[derive(Debug, Clone, PartialEq)]
pub struct Opening {
    /// Symbol, whether it is meant to keep a dollar's worth, closes, and share of what is learned from.
    assets: Vec<(String, bool, Quoted, f64)>,
    /// Whether shares are those of the opening, and not equal ones.
    is_spread: bool,
    /// Dollars.
    value: f64,
    /// Paid in thirty days, as a share of the value.
    burn_month: f64,
}

impl Opening {
    /// Of the balances with which a run from `start` on begins, at the prices before it. The shares of a vault count as its
    /// asset. What has no history (the DAO's own token at a price that was assumed) is nothing to learn from, and left out.
    /// Where it opens with stable assets alone, it is one of equal shares.
    ///
    /// # Errors
    /// If the data has prices of none of its assets but stable ones.
    pub fn of(terms: &Terms, market: &Market<'_>, assumed: &Checked, start: usize) -> Result<Self, AlongError> {
        let (bar, through) = start.checked_sub(1).map_or((0, 0), |before| (before, BAR_WHOLE));
        let mut values = vec![0.0; terms.assets.len()];
        for (index, value) in values_at_first(terms, market, assumed, (bar, through)).into_iter().enumerate() {
            let asset = u16::try_from(index).map_or(index, |index| terms.priced_by(AssetId(index)).index());
            values[asset] += value;
        }
        let value: f64 = values.iter().sum();
        let mut assets = Vec::new();
        for ((asset, source), value) in terms.assets.iter().zip(&market.sources).zip(&values) {
            let is_stable = asset.kind == AssetKind::Stable;
            let quoted = match source {
                Source::Data(column) => Quoted::Column(*column),
                Source::Constant(price) if is_stable => Quoted::Constant(price.0 as f64 / WAD as f64),
                _ => continue,
            };
            assets.push((asset.symbol.clone(), is_stable, quoted, *value));
        }
        if !assets.iter().any(|(_, is_stable, ..)| !is_stable) {
            return Err(AlongError::Nothing);
        }
        let is_spread = assets.iter().any(|(_, is_stable, _, value)| !is_stable && *value > 0.0);
        let total: f64 = if is_spread { assets.iter().map(|(.., value)| value).sum() } else { assets.len() as f64 };
        assets.iter_mut().for_each(|(.., value)| *value = if is_spread { *value / total } else { 1.0 / total });
        let burn_month = terms.risk.burn_monthly.0 as f64 / WAD as f64 / value;
        Ok(Self { assets, is_spread, value, burn_month })
    }

    /// Its shares, as reports name them.
    pub fn words(&self) -> String {
        let symbols: Vec<&str> = self.assets.iter().map(|(symbol, ..)| symbol.as_str()).collect();
        format!("{} of {}", if self.is_spread { "the opening shares" } else { "equal shares" }, symbols.join(", "))
    }

    /// Daily closes of its assets.
    fn closings(&self, known: &Panel) -> Result<Closings, DataError> {
        let days = days(known.ends());
        let of = |(symbol, is_stable, quoted, _): &(String, bool, Quoted, f64)| {
            let close = |bar: usize| match quoted {
                Quoted::Column(column) => known.marks(bar)[*column],
                Quoted::Constant(price) => *price,
            };
            let rows: Vec<(u32, f64)> = days.iter().map(|(day, bar)| (*day, close(*bar))).collect();
            Closes::new(symbol.as_str(), *is_stable, &rows)
        };
        Closings::new(self.assets.iter().map(of).collect::<Result<_, _>>()?)
    }

    /// It earns what it pays: what it would have after years of burn alone says nothing of what it has now.
    fn profile(&self) -> Profile {
        let share = |(symbol, .., share): &(String, bool, Quoted, f64)| (symbol.clone(), *share);
        Profile {
            name: MEMBER.to_owned(),
            shares: self.assets.iter().filter(|(.., share)| *share > 0.0).map(share).collect(),
            value: self.value,
            burn_month: self.burn_month,
            revenue_month: self.burn_month,
            rebalance_days: REBALANCE_DAYS,
        }
    }
}

/// Dollars of each asset that the run begins with.
fn values_at_first(terms: &Terms, market: &Market<'_>, assumed: &Checked, (bar, through): (usize, u64)) -> Vec<f64> {
    let Some(holdings) = &assumed.holdings else {
        // As the engine spreads them: by the bands' targets, the rest in the first stable asset.
        let mut values = vec![0.0; terms.assets.len()];
        let mut left = BPS_ONE as u64;
        let share = |bps: u64| assumed.value_usd as f64 * bps as f64 / BPS_ONE as f64;
        for band in &terms.bands {
            values[band.asset.index()] = share(band.target_bps);
            left = left.saturating_sub(band.target_bps);
        }
        let is_cash = |asset: &quaestor_core::Asset| asset.kind == AssetKind::Stable && !asset.feeds.is_empty();
        if let Some(cash) = terms.assets.iter().position(is_cash) {
            values[cash] += share(left);
        }
        return values;
    };
    let held = |index: usize, asset: &quaestor_core::Asset| {
        let tokens: f64 = holdings.iter().map(|row| row[index].0 as f64 / asset.unit() as f64).sum();
        tokens * market.dollars(bar, index, through)
    };
    terms.assets.iter().enumerate().map(|(index, asset)| held(index, asset)).collect()
}

/// Days since 1970-01-01 that are over, each with its last bar. A bar that ends with a day's last second, or with the first
/// of the next, ends the day.
fn days(ends: &[u64]) -> Vec<(u32, usize)> {
    let day = |end: u64| u32::try_from(end.saturating_sub(1) / DAY_SECS).unwrap_or(u32::MAX);
    let mut found: BTreeMap<u32, usize> = BTreeMap::new();
    for (bar, end) in ends.iter().enumerate() {
        found.insert(day(*end), bar);
    }
    let last = ends.last().copied().unwrap_or_default();
    let over = |day: u32| last + 1 >= (u64::from(day) + 1) * DAY_SECS;
    found.into_iter().filter(|(day, _)| over(*day)).collect()
}

/// How a run trains.
#[derive(Debug, Clone, PartialEq)]
pub struct Along {
    /// What is learned from.
    pub opening: Opening,
    /// Days from one training to the next; the first is right before the first decision.
    pub every_days: u32,
    /// Seed of the run.
    pub seed: u64,
    /// Least area under the ROC curve of a model that may forecast, bps.
    pub auc_bps_min: u64,
    /// From this age on a model does not forecast, seconds.
    pub age_secs_max: u64,
}

impl Along {
    /// As the policy of these terms accepts models.
    pub fn new(opening: Opening, terms: &Terms, every_days: u32, seed: u64) -> Self {
        let (auc_bps_min, age_secs_max) = match terms.risk.model {
            ModelTerms::Trained { auc_bps_min, age_secs_max, .. } => (auc_bps_min, age_secs_max),
            ModelTerms::Ewma | ModelTerms::File { .. } => (AUC_BPS_MIN, u64::MAX),
        };
        Self { opening, every_days, seed, auc_bps_min, age_secs_max }
    }

    /// How many bars are known at each training of a run from `start` on.
    ///
    /// # Errors
    /// If they are more than [`TRAININGS_MAX`].
    pub fn moments(&self, panel: &Panel, start: usize) -> Result<Vec<usize>, AlongError> {
        let ends = panel.ends();
        let (first, last) = (panel.begins_at(start), ends.last().copied().unwrap_or_default());
        let step = u64::from(self.every_days.max(1)) * DAY_SECS;
        let found = usize::try_from(last.saturating_sub(first).div_ceil(step)).unwrap_or(usize::MAX);
        if found > TRAININGS_MAX {
            return Err(AlongError::TooMany { every_days: self.every_days, found });
        }
        let times = (0..found as u64).map(|count| first + count * step);
        let known = times.map(|time| ends.partition_point(|end| *end <= time));
        // One that is known at the end of the run forecasts nothing.
        Ok(known.filter(|known| (1..ends.len()).contains(known)).collect())
    }

    /// Trains on what was `known`, and says on how many records.
    ///
    /// # Errors
    /// If it is too short, or cannot be trained or judged.
    pub fn train(&self, known: &Panel) -> (usize, Result<Lesson, LearningError>) {
        let target = Target::default();
        let shards = || {
            let mut sources = Sources::of(self.opening.closings(known).map_err(SourcesError::Data)?);
            sources.add_made_up(&self.opening.profile(), self.seed, STREAM)?;
            sources.shards(target)
        };
        match shards() {
            Ok(shards) => (shards.iter().map(|shard| shard.counts().records).sum(), alone(&shards, target)),
            Err(error) => (0, Err(error.into())),
        }
    }

    /// Trains at each moment of a run from bar `start` of `panel` on, which may reach further back than the run's own and has
    /// the columns of the panel that the opening was formed on, and tells `tell` before each how many there are and the bars that
    /// are known. `otherwise` forecasts where no model may.
    ///
    /// # Errors
    /// Like [`Self::moments`]. What cannot be trained is no error: there is no model then, and it says why.
    pub fn run(
        &self,
        panel: &Panel,
        start: usize,
        otherwise: Box<dyn RiskModel>,
        mut tell: impl FnMut(usize, usize, u64),
    ) -> Result<(Succession, Vec<Training>), AlongError> {
        let moments = self.moments(panel, start)?;
        let (mut models, mut told) = (Vec::new(), Vec::with_capacity(moments.len()));
        for (count, known) in moments.iter().enumerate() {
            let at = panel.begins_at(*known);
            tell(count + 1, moments.len(), at);
            let (records, found) = self.train(&panel.prefix(*known));
            let mut training = Training { at, records, hash: None, auc_bps: None, missing: Vec::new(), refused: None };
            match found {
                Err(error) => training.refused = Some(error.to_string()),
                Ok(Lesson { model, card }) => {
                    training.hash = Some(model.hash());
                    training.auc_bps = card.judgement.auc_bps();
                    training.missing.clone_from(&card.missing);
                    training.refused = good_enough(&card, self.auc_bps_min).err().map(|why| words(&why));
                    // It forecasts after its moment: whoever trains at it is not done at once.
                    let (from, until) = (at + 1, self.until(card.trained_at_day));
                    if training.refused.is_none() {
                        models.push(Successor { from, until, model: Box::new(model) });
                    }
                }
            }
            told.push(training);
        }
        Ok((Succession::new(otherwise, models), told))
    }

    fn until(&self, trained_at_day: u32) -> u64 {
        (u64::from(trained_at_day) * DAY_SECS).saturating_add(self.age_secs_max)
    }
}

/// Of a model that was just trained; the policy need not be what asks for the area.
fn words(why: &Unusable) -> String {
    match why {
        Unusable::Score { found_bps, least_bps } => {
            format!("its area under the ROC curve is {}, below {}", share(*found_bps), share(*least_bps))
        }
        Unusable::NoScore { .. } => "no drawdown came in its test, or nothing else, so that it has no score".to_owned(),
        other => other.to_string(),
    }
}

/// Judges on later days, then trains on all, as live. There is nobody to add up with and to hide from. It is judged on its own
/// records as if they were public: to fit each rival anew, pooled and alone, would fit the same model thrice.
fn alone(shards: &[Shard], target: Target) -> Result<Lesson, LearningError> {
    let own = shards.first().ok_or(SourcesError::NoMembers)?;
    let end = shards.iter().map(|shard| shard.window().last).max().unwrap_or(0).saturating_add(1);
    let plan = Plan {
        test_from: end.saturating_sub(TEST_DAYS),
        fold_days: TEST_DAYS.div_ceil(FOLDS),
        embargo_days: target.horizon_days,
    };
    let settings = Settings::default();
    let judgement = judge_public(shards, own, &settings, plan, &mut PlainRounds)?;
    let trained = train(shards, None, &settings, &mut PlainRounds)?;
    let card = Card::new(&trained, judgement, None)?;
    Ok(Lesson { model: LearnedModel::new(trained.file())?, card })
}
