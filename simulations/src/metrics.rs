//! Figures of a series of returns, by the conventions that analysts of markets without holidays use.
//!
//! A year has 365 periods of a day. Returns are simple. Standard deviations divide by n − 1. Drawdowns count from the
//! initial capital. A figure that does not exist (a Sharpe ratio without variance) is `None`, and never zero or infinite.

mod figures;

use crate::{
    assumptions::MONTH_SECS,
    market::Market,
    run::{Fate, Paid, Run, Split},
    statistics::{ForecastTests, Intervals, forecast_tests},
};
use quaestor_core::{AssetKind, Rule, Terms, amount::WAD};
use serde::Serialize;
use std::collections::BTreeMap;

/// Seconds of a year of 365 days.
const YEAR_SECS: f64 = 31_536_000.0;
/// Probability of the tail that value at risk and expected shortfall speak of.
const TAIL: f64 = 0.05;

/// Mean, summed in order.
fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().fold(0.0, |sum, value| sum + value) / values.len() as f64)
}

/// Standard deviation with n − 1.
fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    let squares = values.iter().fold(0.0, |sum, value| sum + (value - mean) * (value - mean));
    Some(libm::sqrt(squares / (values.len() - 1) as f64))
}

/// Yearly volatility: standard deviation · √periods.
pub fn volatility(returns: &[f64], periods: f64) -> Option<f64> {
    Some(deviation(returns)? * libm::sqrt(periods))
}

/// Mean / standard deviation · √periods (Sharpe 1994, without a riskless rate).
pub fn sharpe(returns: &[f64], periods: f64) -> Option<f64> {
    let deviation = deviation(returns).filter(|deviation| *deviation > 0.0)?;
    Some(mean(returns)? / deviation * libm::sqrt(periods))
}

/// Mean / √mean(min(r, 0)²) · √periods (Sortino and Price 1994, target zero).
pub fn sortino(returns: &[f64], periods: f64) -> Option<f64> {
    let downside: Vec<f64> = returns.iter().map(|found| found.min(0.0) * found.min(0.0)).collect();
    let downside = libm::sqrt(mean(&downside)?);
    (downside > 0.0).then_some(())?;
    Some(mean(returns)? / downside * libm::sqrt(periods))
}

/// Growth of one unit, compounded.
pub fn growth(returns: &[f64]) -> f64 {
    returns.iter().fold(1.0, |grown, found| grown * (1.0 + found))
}

/// Compound growth in a year of 365 days: growth^(365 days / length) − 1.
pub fn cagr(returns: &[f64], periods: f64) -> Option<f64> {
    let years = returns.len() as f64 / periods;
    let grown = growth(returns);
    let found = (years > 0.0 && grown > 0.0).then(|| libm::pow(grown, 1.0 / years) - 1.0);
    found.filter(|found| found.is_finite())
}

/// The deepest fall from a peak, negative or zero, and the most periods from a peak until it was reached again (or the
/// end). The initial capital is the first peak.
pub fn drawdown(returns: &[f64]) -> (f64, usize) {
    let (mut level, mut peak, mut deepest, mut under, mut longest) = (1.0f64, 1.0f64, 0.0f64, 0usize, 0usize);
    for found in returns {
        level *= 1.0 + found;
        if level >= peak {
            (peak, under) = (level, 0);
        } else {
            under += 1;
        }
        deepest = deepest.min(level / peak - 1.0);
        longest = longest.max(under);
    }
    (deepest, longest)
}

/// The quantile at `probability`, on the straight line between the two nearest values.
pub fn quantile(values: &[f64], probability: f64) -> Option<f64> {
    let mut room = values.to_vec();
    let place = probability * room.len().checked_sub(1)? as f64;
    let (low, high) = (libm::floor(place) as usize, libm::ceil(place) as usize);
    if high >= room.len() {
        return None;
    }
    // Two of them are wanted, and not their order.
    let (_, low_value, above) = room.select_nth_unstable_by(low, f64::total_cmp);
    let low_value = *low_value;
    let high_value = if high > low { above.iter().copied().min_by(f64::total_cmp)? } else { low_value };
    Some(low_value + (place - low as f64) * (high_value - low_value))
}

/// Value at risk and expected shortfall of a period as returns: the fifth percentile, and the mean of what is not above it.
pub fn tail(returns: &[f64]) -> Option<(f64, f64)> {
    let edge = quantile(returns, TAIL)?;
    let beyond: Vec<f64> = returns.iter().copied().filter(|found| *found <= edge).collect();
    Some((edge, mean(&beyond)?))
}

/// Months that `liquid` lasts at `burn` a month while it earns `monthly_yield`: −ln(1 − V·y/b) / ln(1 + y). `None` where
/// it lasts for ever or nothing is burnt.
pub fn runway_months(liquid: f64, burn: f64, monthly_yield: f64) -> Option<f64> {
    if burn <= 0.0 {
        return None;
    }
    if monthly_yield == 0.0 {
        return Some(liquid / burn);
    }
    let left = 1.0 - liquid * monthly_yield / burn;
    (left > 0.0).then(|| -libm::log(left) / libm::log1p(monthly_yield))
}

/// Figures of one series of returns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figures {
    /// Growth of one unit, less one.
    pub total_return: f64,
    /// Compound growth in a year of 365 days.
    pub cagr: Option<f64>,
    /// Yearly.
    pub volatility: Option<f64>,
    /// Without a riskless rate.
    pub sharpe: Option<f64>,
    /// Target zero.
    pub sortino: Option<f64>,
    /// CAGR / |deepest fall|.
    pub calmar: Option<f64>,
    /// Deepest fall from a peak, negative.
    pub max_drawdown: f64,
    /// Most periods under a peak.
    pub drawdown_periods_max: usize,
    /// Fifth percentile of the returns of a period.
    pub var95: Option<f64>,
    /// Mean of the returns not above it.
    pub cvar95: Option<f64>,
}

impl Figures {
    /// Of returns of which there are `periods` a year.
    pub fn of(returns: &[f64], periods: f64) -> Self {
        figures::of(returns, periods, &mut Vec::new())
    }

    /// The same in `room` that is used again, for those who form many.
    pub fn of_in(returns: &[f64], periods: f64, room: &mut Vec<f64>) -> Self {
        figures::of(returns, periods, room)
    }
}

/// A treasury that nobody manages, with the same flows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rival {
    /// Its name.
    pub name: &'static str,
    /// Value at the end of each bar, dollars.
    pub values: Vec<f64>,
    /// Its figures.
    pub figures: Figures,
}

/// How some numbers are spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Half are below it.
    pub median: f64,
    /// A tenth are above it.
    pub p90: f64,
    /// The greatest.
    pub longest: f64,
}

impl Spread {
    /// Of these; `None` where there is none.
    fn of(values: &[f64]) -> Option<Self> {
        let [median, p90, longest] = [0.5, 0.9, 1.0].map(|probability| quantile(values, probability));
        Some(Self { median: median?, p90: p90?, longest: longest? })
    }
}

/// Everything a report says of a run, in the order in which it says it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Value before the first bar, dollars.
    pub initial_value: f64,
    /// Value at the end, dollars.
    pub final_value: f64,
    /// Figures of the returns.
    #[serde(flatten)]
    pub figures: Figures,
    /// Value that swaps gave in a year, as a share of the mean value.
    pub turnover: f64,
    /// Fees, slippage, price impact and gas, dollars.
    pub costs: f64,
    /// What they consist of.
    pub paid: Paid,
    /// Swaps, deposits and redemptions.
    pub trades: u64,
    /// Decisions.
    pub decisions: u64,
    /// Proposals made.
    pub proposals: usize,
    /// Of these executed.
    pub executed: usize,
    /// Of these withdrawn, because what waited no longer fitted.
    pub withdrawn: usize,
    /// The same by the rule that no longer let it through.
    pub withdrawn_by_rule: BTreeMap<Rule, u64>,
    /// Of these run out.
    pub expired: usize,
    /// Of these still waiting at the end.
    pub waiting: usize,
    /// Mean time from proposal to execution, hours.
    pub delay_hours_mean: Option<f64>,
    /// How long people took for the proposals that were made, hours, whatever became of them: what was drawn, where it is
    /// drawn.
    pub people_hours: Option<Spread>,
    /// How often somebody would have executed a proposal and it would have reverted.
    pub reverts: u64,
    /// Refusals, all rules.
    pub refusals: u64,
    /// The same by rule.
    pub refusals_by_rule: BTreeMap<Rule, u64>,
    /// Decisions at which a strategy wanted less than it should, by its name and why.
    pub holds: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// Allowed batches held back by what still waited.
    pub withheld: u64,
    /// Share of decisions at which an asset lay outside of its band.
    pub outside_bands_share: f64,
    /// Least months that stable assets lasted at the policy's burn; `None` where it says none.
    pub runway_months_min: Option<f64>,
    /// Mean share of value outside of the DAO's own token; of a thorough run.
    pub outside_native_share_mean: Option<f64>,
    /// Mean effective number of assets: one over the sum of squared shares; of a thorough run.
    pub diversification_mean: Option<f64>,
    /// Where the change of value came from.
    pub split: Split,
    /// Treasuries that nobody manages.
    pub rivals: Vec<Rival>,
    /// Returns in a year.
    pub periods_a_year: f64,
    /// What figures might have been; of a thorough run, see [`Summary::with_statistics`].
    pub intervals: Option<Intervals>,
    /// Whether what was forecast came true; likewise.
    pub forecast_tests: Option<ForecastTests>,
}

impl Summary {
    /// With confidence intervals drawn with `seed`, and tests of the forecasts of a model whose value at risk is exceeded
    /// with the probability `tail`. It costs about a thousand times what the figures cost.
    #[must_use]
    pub fn with_statistics(mut self, run: &Run, seed: u64, tail: Option<f64>) -> Self {
        let bar_secs = libm::round(YEAR_SECS / self.periods_a_year) as u64;
        self.intervals = Intervals::of(&run.returns(), self.periods_a_year, seed);
        self.forecast_tests = forecast_tests(run, bar_secs, tail);
        self
    }

    /// Of a run.
    pub fn of(run: &Run, terms: &Terms, market: &Market<'_>) -> Self {
        let ends = market.panel.ends();
        let bars = run.values.len();
        // From end to end: the first bar of the data may begin a second late.
        let (first, last) = (run.start, run.start + bars - 1);
        let step = match bars {
            1 => ends[last].saturating_sub(market.panel.begins_at(first)).max(1) as f64,
            _ => (ends[last] - ends[first]) as f64 / (bars - 1) as f64,
        };
        let (length, periods) = (step * bars as f64, YEAR_SECS / step);
        let returns = run.returns();
        let mean_value = mean(&run.values).unwrap_or_default();
        let executed = run.proposals.iter().filter_map(|it| match it.fate {
            Fate::Executed { at } => Some(at.saturating_sub(it.at) as f64 / 3_600.0),
            _ => None,
        });
        let delays: Vec<f64> = executed.collect();
        let people: Vec<f64> = run.proposals.iter().map(|it| it.delay_secs as f64 / 3_600.0).collect();
        let mut withdrawn_by_rule = BTreeMap::new();
        for proposal in &run.proposals {
            if let Fate::Withdrawn { rule, .. } = proposal.fate {
                *withdrawn_by_rule.entry(rule).or_default() += 1;
            }
        }
        let burn = terms.risk.burn_monthly.0 as f64 / WAD as f64;
        let runway = run.stable.iter().filter_map(|stable| runway_months(*stable, burn, 0.0)).reduce(f64::min);
        let shares: Vec<(f64, f64)> =
            run.holdings.chunks_exact(run.width).skip(1).map(|row| spread(row, terms)).collect();
        let of = |pick: fn(&(f64, f64)) -> f64| mean(&shares.iter().map(pick).collect::<Vec<_>>());
        Self {
            initial_value: run.initial_value,
            final_value: run.final_value(),
            figures: Figures::of(&returns, periods),
            turnover: if mean_value > 0.0 { run.traded_usd / mean_value * YEAR_SECS / length } else { 0.0 },
            costs: run.paid.total(),
            paid: run.paid,
            trades: run.trades,
            decisions: run.decisions,
            proposals: run.proposals.len(),
            executed: delays.len(),
            withdrawn: run.count(|fate| matches!(fate, Fate::Withdrawn { .. })),
            withdrawn_by_rule,
            expired: run.count(|fate| matches!(fate, Fate::Expired { .. })),
            waiting: run.count(|fate| matches!(fate, Fate::Waiting)),
            delay_hours_mean: mean(&delays),
            people_hours: Spread::of(&people),
            reverts: run.proposals.iter().map(|proposal| u64::from(proposal.reverts)).sum(),
            refusals: run.refusals.values().sum(),
            refusals_by_rule: run.refusals.clone(),
            holds: run.holds.iter().map(|(place, why)| (terms.strategies[*place].name.clone(), why.clone())).collect(),
            withheld: run.withheld,
            outside_bands_share: run.outside_bands as f64 / run.asked.max(1) as f64,
            runway_months_min: runway,
            outside_native_share_mean: of(|(outside, _)| *outside),
            diversification_mean: of(|(_, number)| *number),
            split: run.split,
            rivals: rivals(run, terms, market, periods),
            periods_a_year: periods,
            intervals: None,
            forecast_tests: None,
        }
    }
}

/// Share outside of the DAO's own token, and effective number of assets. A vault's shares count as its asset.
fn spread(row: &[f64], terms: &Terms) -> (f64, f64) {
    let total = row.iter().fold(0.0, |sum, value| sum + value);
    if total <= 0.0 {
        return (1.0, 0.0);
    }
    let mut own = vec![0.0; row.len()];
    for (index, value) in row.iter().enumerate() {
        let asset = u16::try_from(index).map(|index| terms.priced_by(quaestor_core::AssetId(index)).index());
        own[asset.unwrap_or(index)] += value / total;
    }
    let native =
        |(share, asset): (&f64, &quaestor_core::Asset)| if asset.kind == AssetKind::Native { *share } else { 0.0 };
    let inside: f64 = own.iter().zip(&terms.assets).map(native).sum();
    let squares = own.iter().fold(0.0, |sum, share| sum + share * share);
    (1.0 - inside, 1.0 / squares)
}

/// Months between two rebalancings of the fixed mix.
const MIX_SECS: u64 = MONTH_SECS;
/// Share of what is not stable in the fixed mix.
const MIX_RISKY: f64 = 0.6;

fn rivals(run: &Run, terms: &Terms, market: &Market<'_>, periods: f64) -> Vec<Rival> {
    let opening = &run.holdings[..run.width];
    let total = run.initial_value.max(f64::MIN_POSITIVE);
    let stable: Vec<bool> = terms.assets.iter().map(|asset| asset.kind == AssetKind::Stable).collect();
    // Who begins a plain comparison in cash would hold what it buys.
    let shares = crate::plain::targets(terms).unwrap_or_else(|| opening.iter().map(|value| value / total).collect());
    let risky: f64 = shares.iter().zip(&stable).filter(|(_, stable)| !**stable).map(|(share, _)| share).sum();
    // The mix holds the treasury's own risky assets, in their proportions at the beginning.
    let cash = 1.0 - if risky > 0.0 { MIX_RISKY } else { 0.0 };
    let is_cash = |asset: &quaestor_core::Asset| asset.kind == AssetKind::Stable && !asset.feeds.is_empty();
    let cash_asset = terms.assets.iter().position(is_cash);
    let mut mix: Vec<f64> = shares
        .iter()
        .zip(&stable)
        .map(|(share, stable)| if *stable || risky <= 0.0 { 0.0 } else { MIX_RISKY * share / risky })
        .collect();
    let mut all_cash = vec![0.0; run.width];
    if let Some(asset) = cash_asset {
        mix[asset] += cash;
        all_cash[asset] = 1.0;
    }
    let mut found = vec![rival("hold", &shares, None, run, market, periods)];
    if cash_asset.is_some() {
        found.push(rival("60/40", &mix, Some(MIX_SECS), run, market, periods));
        found.push(rival("all stable", &all_cash, None, run, market, periods));
    }
    found
}

/// A treasury with these shares, brought back to them each `rebalance` seconds, without costs; flows are spread over what it
/// holds.
fn rival(
    name: &'static str,
    shares: &[f64],
    rebalance: Option<u64>,
    run: &Run,
    market: &Market<'_>,
    periods: f64,
) -> Rival {
    let mut before: Vec<f64> = (0..run.width).map(|asset| market.dollars(run.start, asset, 0)).collect();
    let mut held: Vec<f64> = shares.iter().map(|share| share * run.initial_value).collect();
    let mut next = market.panel.begins_at(run.start);
    let (mut values, mut returns) = (Vec::with_capacity(run.values.len()), Vec::with_capacity(run.values.len()));
    for (offset, inflow) in run.inflows.iter().enumerate() {
        let bar = run.start + offset;
        let start: f64 = held.iter().sum();
        for (asset, (held, before)) in held.iter_mut().zip(&mut before).enumerate() {
            let mark = market.mark(bar, asset);
            *held *= if *before > 0.0 { mark / *before } else { 1.0 };
            *before = mark;
        }
        let end: f64 = held.iter().sum();
        returns.push(if start > 0.0 { end / start - 1.0 } else { 0.0 });
        let left = (end + inflow).max(0.0);
        let due = rebalance.is_some_and(|secs| market.panel.ends()[bar] >= next + secs);
        if due {
            next = market.panel.ends()[bar];
        }
        for (held, share) in held.iter_mut().zip(shares) {
            *held = if due || end <= 0.0 { share * left } else { *held * left / end };
        }
        values.push(left);
    }
    Rival { name, values, figures: Figures::of(&returns, periods) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETURNS: [f64; 6] = [0.01, -0.02, 0.03, -0.05, 0.0, 0.02];

    fn near(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!((found - expected).abs() < 1e-9, "{found} and not {expected}");
    }

    /// Worked out by hand with the definitions; Python's `statistics.stdev` gives the same deviation.
    #[test]
    fn figures_are_those_of_the_definitions() {
        near(volatility(&RETURNS, 365.0), 0.029_268_868_558_020_26 * 365f64.sqrt());
        near(sharpe(&RETURNS, 365.0), -0.001_666_666_666_666_667 / 0.029_268_868_558_020_26 * 365f64.sqrt());
        let downside = ((0.02f64.powi(2) + 0.05f64.powi(2)) / 6.0).sqrt();
        near(sortino(&RETURNS, 365.0), -0.001_666_666_666_666_667 / downside * 365f64.sqrt());
        near(quantile(&RETURNS, 0.05), -0.0425);
        let (edge, beyond) = tail(&RETURNS).unwrap();
        assert!((edge + 0.0425).abs() < 1e-12 && (beyond + 0.05).abs() < 1e-12);
    }

    #[test]
    fn a_drawdown_counts_from_the_initial_capital() {
        assert_eq!(drawdown(&[-0.1, 0.05, 0.2]), (1.0 * (1.0 - 0.1) - 1.0, 2));
        let (deepest, longest) = drawdown(&[0.1, -0.5, 0.5, 0.4]);
        assert!((deepest + 0.5).abs() < 1e-12 && longest == 2, "{deepest} {longest}");
        assert_eq!(drawdown(&[]), (0.0, 0));
    }

    #[test]
    fn runway_is_that_of_the_annuity() {
        near(runway_months(10e6, 150e3, 0.05 / 12.0).map(|found| (found * 1e3).round() / 1e3), 78.264);
        near(runway_months(600.0, 100.0, 0.0), 6.0);
        assert_eq!((runway_months(1.0, 0.0, 0.0), runway_months(1e9, 1.0, 0.01)), (None, None));
    }

    #[test]
    fn what_does_not_exist_is_none() {
        let flat = Figures::of(&[0.0; 10], 365.0);
        assert_eq!((flat.sharpe, flat.sortino, flat.calmar, flat.max_drawdown), (None, None, None, 0.0));
        let nothing = Figures::of(&[], 365.0);
        assert_eq!((nothing.cagr, nothing.volatility, nothing.var95), (None, None, None));
        assert_eq!(cagr(&[-1.0], 365.0), None, "everything is lost");
    }

    #[test]
    fn growth_over_a_year_is_that_of_365_days() {
        let daily = 1.1f64.powf(1.0 / 365.0) - 1.0;
        near(cagr(&[daily; 730], 365.0), 0.1);
    }
}
