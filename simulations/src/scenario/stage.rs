//! A scenario laid over the data of a run.

use super::{
    Basis, Origin, Scenario, ScenarioProblem, ScenarioProblems,
    laying::{Laying, day},
    parse::BARS_MAX,
    prices::{self, Change},
};
use crate::{
    Day, Panel, PanelError,
    assumptions::Checked,
    data::Moment,
    engine::{self, Events, Plan},
    market::{BLOCK_SECS, Market, MarketError, history_bars},
};
use quaestor_core::{Policy, Terms};
use serde::Serialize;

/// Bars of the past that a run needs to see: rounds of feeds, and the earlier rate of vaults.
pub fn past_bars(terms: &Terms, step_secs: u64) -> usize {
    let lookback = terms.risk.rate_lookback_blocks.saturating_mul(BLOCK_SECS).div_ceil(step_secs.max(1));
    let lookback = if terms.vaults().next().is_some() { lookback.saturating_add(1) } else { 0 };
    history_bars(&terms.risk, step_secs).max(usize::try_from(lookback).unwrap_or(usize::MAX))
}

/// Something of a scenario on the time line, for charts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shade {
    /// Its first second, Unix time.
    pub from: u64,
    /// Its last second, Unix time.
    pub to: u64,
    /// For people.
    pub what: String,
}

impl Shade {
    /// When, for people: days where it is whole days, of which the last is one of them.
    pub fn time(&self) -> String {
        const DAY_SECS: u64 = 86_400;
        let is_whole = self.from.is_multiple_of(DAY_SECS) && (self.to + 1).is_multiple_of(DAY_SECS);
        match (is_whole, Day::at(self.from), Day::at(self.to)) {
            (true, Some(from), Some(to)) => format!("{from} to {to}"),
            _ => format!("{} to {}", Moment::at(self.from), Moment::at(self.to + 1)),
        }
    }
}

/// A scenario that is ready to run: a market of its own, and what happens in it.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Prices, rates and gas of the scenario, called as the policy calls its assets.
    pub panel: Panel,
    /// The assumptions of the run, without what `panel` has now.
    pub assumed: Checked,
    /// What happens.
    pub events: Events,
    /// The first bar of the run.
    pub start: usize,
    /// Whether its prices happened.
    pub origin: Origin,
    /// What happens, on the time line.
    pub shades: Vec<Shade>,
    /// What a reader must know, for people.
    pub notes: Vec<String>,
}

/// Why a scenario cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum Cannot {
    /// It names what is not there.
    #[error(transparent)]
    Problems(#[from] ScenarioProblems),
    /// Nothing of what it changes is in the policy.
    #[error("the policy has nothing that it changes: {lacking}")]
    NotApplicable {
        /// What is lacking.
        lacking: String,
    },
    /// The data and the policy do not go together.
    #[error(transparent)]
    Market(#[from] MarketError),
    /// Prices cannot be formed.
    #[error(transparent)]
    Panel(#[from] PanelError),
}

impl Scenario {
    /// Lays it over the data of `base`. Of a replay the market of `base` must hold its window from the bar `base.start` on;
    /// of one that is made up, the last bar of the market is what it goes on from.
    ///
    /// # Errors
    /// If it names what is not there, or nothing of what it changes is in the policy.
    pub fn stage(&self, base: &Plan<'_>) -> Result<Stage, Cannot> {
        let terms = base.policy.terms();
        match self.basis {
            Basis::Replay { .. } => self.lay(base, terms),
            Basis::Synthetic { length } => {
                let known = base.market.panel;
                let step = prices::step(known);
                let bars = length.bars(step);
                if bars as u64 > BARS_MAX {
                    let message =
                        format!("[synthetic] has {bars} bars of {step} s; write a length of {BARS_MAX} at most");
                    return Err(self.problems(vec![ScenarioProblem { line: 0, message }]).into());
                }
                let kept = known.suffix(past_bars(terms, step) + 1);
                let panel = prices::extended(&kept, bars)?;
                let market = Market::new(&panel, terms, base.assumed)?;
                let mut stage = self.lay(&Plan { market: &market, start: kept.len(), ..*base }, terms)?;
                let last = known.ends().last().copied().unwrap_or_default();
                let note = format!(
                    "SYNTHETIC: all prices after {} are made up on top of the last of the data; what no shock changes \
                     stands still",
                    if step.is_multiple_of(86_400) { day(last) } else { Moment::at(last + 1).to_string() }
                );
                stage.notes.insert(0, note);
                Ok(stage)
            }
        }
    }

    fn problems(&self, problems: Vec<ScenarioProblem>) -> ScenarioProblems {
        ScenarioProblems::new(&self.file, problems)
    }

    /// Over a market that has all of its bars.
    fn lay(&self, base: &Plan<'_>, terms: &Terms) -> Result<Stage, Cannot> {
        let opening = engine::opening(base);
        let mut laying = Laying {
            terms,
            base,
            opening: &opening,
            step: prices::step(base.market.panel),
            problems: Vec::new(),
            lacking: Vec::new(),
            shades: Vec::new(),
            is_effective: false,
        };
        let changes: Vec<Change> = self.shocks.iter().flat_map(|shock| laying.changes(shock)).collect();
        let (mut events, mut gas) = (Events::default(), Vec::new());
        for happening in &self.events {
            laying.happen(happening, &mut events, &mut gas);
        }
        let Laying { problems, lacking, shades, is_effective, .. } = laying;
        if !problems.is_empty() {
            return Err(self.problems(problems).into());
        }
        if !is_effective && !lacking.is_empty() {
            return Err(Cannot::NotApplicable { lacking: lacking.join("; ") });
        }
        let panel = prices::shocked(base.market, terms, base.assumed, &changes, &gas)?;
        let mut notes: Vec<String> = Vec::new();
        if self.origin() == Origin::ReplayedSynthetic {
            notes.push("SYNTHETIC on replayed prices: what is named next did not happen".to_owned());
        }
        notes.extend(shades.iter().map(|shade| format!("{}: {}", shade.what, shade.time())));
        notes.extend(lacking.iter().map(|lacking| format!("left out, for the policy has nothing of it: {lacking}")));
        let assumed = Checked {
            prices: vec![None; terms.assets.len()],
            names: vec![None; terms.assets.len()],
            yields_bps: vec![None; terms.venues.len()],
            ..base.assumed.clone()
        };
        Ok(Stage { panel, assumed, events, start: base.start, origin: self.origin(), shades, notes })
    }
}
