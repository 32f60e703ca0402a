//! Sweeps: one policy in many configurations on the same history, and how much of what the best of them shows is luck.
//!
//! A row is a pure function of what is swept, the seed and its number, so that any of them can be made alone, again, on any
//! number of threads, or on another machine: [`Sweep::run`] gives rows in their order, [`Results`] keeps of them what results
//! need, [`Judged`] says what they came to. Parts of a sweep are files of rows ([`crate::part`]).

mod about;
mod axis;
mod design;
mod forward;
mod judged;
mod metric;
mod outcome;
mod results;
mod row;
mod setting;
mod table;

pub use about::{About, PART_KIND};
pub use axis::{Axis, AxisError, VALUES_MAX};
pub use design::{Design, Point, Points, ROWS_MAX, Weights};
pub use forward::{Forward, Joined, Pick, WINDOWS_MAX, WalkForward, Window};
pub use judged::{BEST_MAX, Best, Deflated, Judged, Verdict};
pub use metric::Metric;
pub use outcome::{Outcome, Span};
pub use results::{BLOCKS, JUDGED_MAX, Results};
pub use row::Row;
pub use setting::SettingError;
pub use table::{Document, table};

use crate::{
    assumptions::{Assumptions, Checked},
    engine::{self, Plan},
    market::Market,
    statistics::BlockSums,
};
use quaestor_core::{Catalog, Policy, RiskModel, strategy::ParamValue};
use quaestor_policies::{ProblemKind, Problems, Variations, VotedPolicy};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use setting::Target;
use std::ops::Range;

/// Rows that are made before the first of them is handed on: enough that no thread waits long.
const CHUNK: u64 = 256;

/// What is swept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// What is varied.
    pub axes: Vec<Axis>,
    /// Which configurations are run.
    pub design: Design,
    /// By what they are compared.
    pub by: Metric,
    /// Whether what is best on each stretch of time is held in the next one.
    pub walk_forward: Option<WalkForward>,
    /// Seed of what is drawn.
    pub seed: u64,
}

/// What all rows share.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The policy that is varied.
    pub base: &'a VotedPolicy,
    /// The kinds of strategy that it was read with.
    pub catalog: &'a Catalog,
    /// What is assumed, as it was told.
    pub told: &'a Assumptions,
    /// The same as it fits the policy.
    pub assumed: &'a Checked,
    /// Prices.
    pub market: &'a Market<'a>,
    /// The model that forecasts.
    pub model: &'a dyn RiskModel,
    /// The bar of the first decision.
    pub start: usize,
}

impl std::fmt::Debug for Ground<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ground").field("base", &self.base.hash()).field("start", &self.start).finish_non_exhaustive()
    }
}

/// Why something is no sweep.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// Nothing is varied.
    #[error("nothing is varied; write such as `--vary limits.week_bps_max=500..2000:250` or `--random-weights 1000`")]
    Nothing,
    /// No row, or too many.
    #[error("{found} configurations; run 1 to {ROWS_MAX}, with fewer values, larger steps, or `--random` of them")]
    Rows {
        /// How many.
        found: String,
    },
    /// A key that cannot be varied, or a value that it cannot have.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A value that the language refuses, whatever else is varied.
    #[error("`{key}`: {problems}")]
    Policy {
        /// Which key.
        key: String,
        /// What the language says.
        problems: Problems,
    },
    /// Windows that do not fit.
    #[error(
        "a walk forward with {train} bars of training and {test} of holding has {windows} windows in {bars} bars; it needs 2 to \
             {WINDOWS_MAX}, of 2 bars or more each"
    )]
    WalkForward {
        /// Bars of training.
        train: usize,
        /// Bars of holding.
        test: usize,
        /// Windows.
        windows: usize,
        /// Bars of the run.
        bars: usize,
    },
}

/// A sweep that can be run.
#[derive(Debug)]
pub struct Sweep<'a> {
    spec: Spec,
    ground: Ground<'a>,
    weights: Option<Weights>,
    points: Points,
    targets: Vec<Target>,
    variations: Variations<'a>,
    span: Span,
    /// Blocks of time in which sums are kept; `None` of a run that is too short.
    blocks: Option<BlockSums>,
}

/// What is used again from row to row.
#[derive(Debug, Default)]
struct Room {
    values: Vec<ParamValue>,
    sorted: Vec<f64>,
}

impl<'a> Sweep<'a> {
    /// Of these axes on this ground.
    ///
    /// # Errors
    /// What cannot be varied so, and what to write instead.
    pub fn new(spec: Spec, ground: Ground<'a>) -> Result<Self, SweepError> {
        let terms = ground.base.terms();
        let drawn = match spec.design {
            Design::RandomWeights(_) => Some(setting::weights(terms)?),
            _ if spec.axes.is_empty() => return Err(SweepError::Nothing),
            _ => None,
        };
        let of = |axis: &Axis| Target::of(axis, terms, ground.told);
        let targets = spec.axes.iter().map(of).collect::<Result<Vec<_>, _>>()?;
        let of_policy = spec.axes.iter().zip(&targets).filter(|(_, target)| **target == Target::Policy);
        let mut paths: Vec<String> = of_policy.clone().map(|(axis, _)| axis.key.clone()).collect();
        if let Some((strategy, weights)) = &drawn {
            paths.extend((0..weights.assets.len()).map(|share| setting::share_path(*strategy, share)));
        }
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let failed = |key: &str, problems| SweepError::Policy { key: key.to_owned(), problems };
        let variations = Variations::new(ground.base, &paths, ground.catalog)
            .map_err(|problems| failed(&problems.problems[0].path.clone(), problems))?;
        for (axis, _) in of_policy {
            for value in axis.values.first().into_iter().chain(axis.values.last()) {
                refuse_slips(axis, value, ground).map_err(|problems| failed(&axis.key, problems))?;
            }
        }
        let panel = ground.market.panel;
        let span = Span::of(panel.begins_at(ground.start), &panel.ends()[ground.start..]);
        if let Some(lengths @ WalkForward { train, test }) = spec.walk_forward {
            let (windows, bars) = (lengths.windows(span.bars), span.bars);
            if !(2..=WINDOWS_MAX).contains(&windows) || train < 2 || test < 2 {
                return Err(SweepError::WalkForward { train, test, windows, bars });
            }
        }
        let weights = drawn.map(|(_, weights)| weights);
        let points = Points::new(&spec.axes, spec.design, weights.as_ref(), spec.seed);
        if !(1..=ROWS_MAX).contains(&points.total()) {
            let found = points.total();
            let found = if found > ROWS_MAX { format!("more than {ROWS_MAX}") } else { found.to_string() };
            return Err(SweepError::Rows { found });
        }
        let blocks = results::blocks(span.bars);
        Ok(Self { spec, ground, weights, points, targets, variations, span, blocks })
    }

    /// Rows.
    pub fn total(&self) -> u64 {
        self.points.total()
    }

    /// The policy of a row, as it is run; `None` where it is that of the base.
    ///
    /// # Errors
    /// What the language says of it.
    pub fn policy(&self, number: u64) -> Result<Option<VotedPolicy>, Problems> {
        self.varied(&self.points.point(number), &mut Vec::new())
    }

    fn varied(&self, point: &Point, values: &mut Vec<ParamValue>) -> Result<Option<VotedPolicy>, Problems> {
        values.clear();
        for ((axis, target), place) in self.spec.axes.iter().zip(&self.targets).zip(&point.places) {
            if *target == Target::Policy {
                values.push(axis.values[*place].clone());
            }
        }
        let whole = |bps: &u64| ParamValue::Integer(i64::try_from(*bps).unwrap_or(i64::MAX));
        values.extend(point.weights.iter().map(whole));
        match values.is_empty() {
            true => Ok(None),
            false => self.variations.with(values).map(Some),
        }
    }

    /// What is assumed in a row, and whether its prices are others; `None` where it is what the base assumes.
    fn assumed(&self, point: &Point) -> Option<(Checked, bool)> {
        let knobs = self.targets.iter().zip(&point.places).filter_map(|(target, place)| match target {
            Target::Policy => None,
            Target::Assumed(knob, numbers) => Some((*knob, numbers[*place])),
        });
        let mut found: Option<(Checked, bool)> = None;
        for (knob, number) in knobs {
            let (assumed, is_other) = found.get_or_insert_with(|| (self.ground.assumed.clone(), false));
            knob.set(assumed, number);
            *is_other |= knob.is_of_market();
        }
        found
    }

    /// What became of the configuration of this number.
    pub fn row(&self, number: u64) -> Row {
        self.row_in(number, &mut Room::default())
    }

    fn row_in(&self, number: u64, room: &mut Room) -> Row {
        let Ground { base, market, model, start, .. } = self.ground;
        let point = self.points.point(number);
        let varied = match self.varied(&point, &mut room.values) {
            Ok(varied) => varied,
            Err(problems) => return Row::Refused(first(&problems)),
        };
        let policy = varied.as_ref().unwrap_or(base);
        let assumed = self.assumed(&point);
        let other = match &assumed {
            Some((assumed, true)) => match Market::new(market.panel, policy.terms(), assumed) {
                Ok(market) => Some(market),
                Err(error) => return Row::Refused(error.to_string()),
            },
            _ => None,
        };
        let market = other.as_ref().unwrap_or(market);
        let assumed = assumed.as_ref().map_or(self.ground.assumed, |(assumed, _)| assumed);
        // People take the same time in every row, so that rows differ by what is varied alone.
        let seed = self.spec.seed;
        let run = engine::run(Plan { policy, model, market, assumed, start, seed, events: None, thorough: false });
        let returns = run.returns();
        let outcome = Outcome::of(&run, &returns, self.span, &mut room.sorted);
        let sums = match &self.blocks {
            Some(blocks) if results::is_judged(number, self.total()) => {
                blocks.of(returns.iter().copied()).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        Row::Ran { outcome, sums, windows: self.windows(&returns, &mut room.sorted) }
    }

    fn windows(&self, returns: &[f64], room: &mut Vec<f64>) -> Vec<Window> {
        let Some(lengths @ WalkForward { train, test }) = self.spec.walk_forward else { return Vec::new() };
        let window = |window: usize| {
            let from = window * test;
            let (train_on, rest) = returns[from..].split_at(train);
            Window::of(train_on, &rest[..test], self.spec.by, self.span.periods(), room)
        };
        (0..lengths.windows(returns.len())).map(window).collect()
    }

    /// Makes these rows on all threads and hands them on in their order, some at a time with the number of the first, until
    /// `take` says no.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn run<E>(&self, rows: Range<u64>, mut take: impl FnMut(u64, Vec<Row>) -> Result<bool, E>) -> Result<(), E> {
        let mut from = rows.start;
        while from < rows.end {
            let to = rows.end.min(from + CHUNK);
            let made = (from..to).into_par_iter();
            let made: Vec<Row> = made.map_init(Room::default, |room, number| self.row_in(number, room)).collect();
            if !take(from, made)? {
                return Ok(());
            }
            from = to;
        }
        Ok(())
    }
}

/// The first problem, without its line: the file was never written.
fn first(problems: &Problems) -> String {
    problems.problems.first().map_or_else(String::new, |problem| format!("{}: {}", problem.path, problem.message))
}

/// A value that is wrong by itself ends the sweep. What only does not go together with the rest of the base may with what
/// else is varied.
fn refuse_slips(axis: &Axis, value: &ParamValue, ground: Ground<'_>) -> Result<(), Problems> {
    match ground.base.vary(&[(&axis.key, value.clone())], ground.catalog) {
        Err(problems) if problems.problems.iter().any(|problem| problem.kind != ProblemKind::Conflict) => Err(problems),
        _ => Ok(()),
    }
}
