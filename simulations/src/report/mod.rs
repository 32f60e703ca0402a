//! A report of a run for people: one HTML file, readable offline, in light and dark, on a phone.

mod chart;
mod heat;
mod histogram;
mod html;
mod impact;
mod montecarlo;
mod picture;
mod stress;
mod sweep;

pub use impact::{Faced, ImpactReport, Share, Side, Under};
pub use montecarlo::montecarlo;
pub use picture::PictureError;
pub use stress::{Played, StressReport};
pub use sweep::sweep;

use crate::{
    Day,
    market::Market,
    metrics::{Figures, Spread, Summary},
    run::{Fate, Run},
    statistics::{ForecastTests, Interval, Intervals},
    succession::Training,
};
use alloy_primitives::B256;
use chart::{Chart, Mark, SERIES_MAX, Series};
use html::Page;
use quaestor_contracts::explain::rule_key;
use quaestor_core::{Policy, Rule, Terms};

/// What a run depends on, beside its first and last bar: the same give the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Provenance {
    /// Hash of the data.
    pub data_hash: B256,
    /// Hash of the policy's bytes.
    pub policy_hash: B256,
    /// Hash of the model.
    pub model_hash: B256,
    /// Hash of what is assumed.
    pub assumptions_hash: B256,
    /// Seed of whatever is drawn.
    pub seed: u64,
}

/// What a report is of.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    /// The run.
    pub run: &'a Run,
    /// Its figures.
    pub summary: &'a Summary,
    /// The policy.
    pub policy: &'a dyn Policy,
    /// Prices.
    pub market: &'a Market<'a>,
    /// What it depends on.
    pub provenance: Provenance,
    /// What is assumed and not in the data.
    pub assumed: &'a [String],
    /// Models that were trained along the way.
    pub trainings: &'a [Training],
}

impl std::fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Report").field("provenance", &self.provenance).finish_non_exhaustive()
    }
}

/// A share as a percentage; a dash where there is none.
pub fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.2} %", share * 100.0))
}

/// A plain number; a dash where there is none.
pub fn number(found: Option<f64>) -> String {
    found.map_or_else(|| "–".to_owned(), |found| format!("{found:.2}"))
}

/// Whole dollars with separators.
pub fn usd(value: f64) -> String {
    let whole = format!("{:.0}", value.abs());
    let mut grouped = String::with_capacity(whole.len() + whole.len() / 3 + 1);
    if value < 0.0 && whole != "0" {
        grouped.push('−');
    }
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn short_usd(value: f64) -> String {
    match value.abs() {
        large if large >= 1e9 => format!("{:.1}B", value / 1e9),
        large if large >= 1e6 => format!("{:.1}M", value / 1e6),
        large if large >= 1e3 => format!("{:.0}k", value / 1e3),
        _ => format!("{value:.0}"),
    }
}

fn short_percent(value: f64) -> String {
    let text = format!("{:.0} %", value * 100.0);
    if text == "-0 %" { "0 %".to_owned() } else { text }
}

fn months(value: f64) -> String {
    format!("{value:.0}")
}

fn day(at: u64) -> String {
    Day::at(at).map_or_else(String::new, |day| day.to_string())
}

/// How far a unit that earns these returns is below the most that it was worth, after each.
fn fallen(returns: &[f64]) -> Vec<f64> {
    let (mut level, mut peak) = (1.0f64, 1.0f64);
    let each = |found: &f64| {
        level *= 1.0 + found;
        peak = peak.max(level);
        level / peak - 1.0
    };
    returns.iter().map(each).collect()
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What the marks of a chart are.
const MARKS_KEY: &str = "\
<div class=\"key\"><span><i style=\"background:var(--s2);border-radius:6px\"></i>executed</span><span><b style=\"color:var(--s1)\">×</b> \
withdrawn</span><span><i style=\"background:none;border:2px solid var(--s3);border-radius:6px\"></i>expired</span><span><i \
style=\"background:none;width:0;height:0;border:6px solid transparent;border-top:0;border-bottom:10px solid \
var(--s4)\"></i>refused</span></div>";

/// When each proposal was made that is over, and the dollars that it moves; and each decision at which something was refused,
/// with what all of that would have moved.
fn marks(run: &Run) -> Vec<(Mark, u64, f64)> {
    let proposals = run.proposals.iter().filter_map(|it| match it.fate {
        Fate::Executed { .. } => Some((Mark::Executed, it.at, it.value_usd)),
        Fate::Withdrawn { .. } => Some((Mark::Withdrawn, it.at, it.value_usd)),
        Fate::Expired { .. } => Some((Mark::Expired, it.at, it.value_usd)),
        Fate::Waiting => None,
    });
    let decisions = run.refused.chunk_by(|one, next| one.at == next.at);
    let refused = decisions.filter_map(|all| {
        let value_usd = all.iter().map(|refused| refused.value_usd).sum();
        Some((Mark::Refused, all.first()?.at, value_usd))
    });
    proposals.chain(refused).collect()
}

/// One row of figures.
fn figures_row(name: &str, value: f64, figures: &Figures) -> Vec<String> {
    vec![
        name.to_owned(),
        usd(value),
        percent(figures.cagr),
        percent(figures.volatility),
        number(figures.sharpe),
        number(figures.sortino),
        number(figures.calmar),
        percent(Some(figures.max_drawdown)),
        percent(figures.var95),
        percent(figures.cvar95),
    ]
}

/// What the columns of [`figures_row`] are.
const FIGURES_HEAD: [&str; 10] =
    ["", "value USD", "CAGR", "volatility", "Sharpe", "Sortino", "Calmar", "max drawdown", "VaR 95", "CVaR 95"];

/// What figures might have been.
fn intervals(page: &mut Page, found: &Intervals) {
    let ends = |end: fn(&Interval) -> f64| {
        let share = |it: &Option<Interval>| percent(it.as_ref().map(end));
        let plain = |it: &Option<Interval>| number(it.as_ref().map(end));
        let Intervals { cagr, volatility, sharpe, sortino, calmar, max_drawdown, var95, cvar95, .. } = found;
        let ratios = [plain(sharpe), plain(sortino), plain(calmar)];
        [vec![share(cagr), share(volatility)], ratios.to_vec(), vec![share(max_drawdown), share(var95), share(cvar95)]]
            .concat()
    };
    let row = |name: &str, cells: Vec<String>| [vec![name.to_owned()], cells].concat();
    let head: Vec<&str> = FIGURES_HEAD.iter().copied().filter(|name| *name != "value USD").collect();
    page.heading("How far these figures can be trusted");
    page.table(&head, &[row("from", ends(|it| it.low)), row("to", ends(|it| it.high))], None);
    page.raw(&format!(
        "<p class=\"dim\">{:.0} % of {} resamples of this policy's bars lie between: the stationary bootstrap, blocks of {} bars in the \
         mean, seed {}. They say what chance did to the figures of these bars, and nothing of other times.</p>",
        found.level * 100.0, found.resamples, found.block, found.seed
    ));
}

/// Whether what was forecast came true.
fn forecast_tests(page: &mut Page, found: &ForecastTests) {
    let qlike = number(found.qlike);
    page.paragraph(&format!("{} forecasts met the day after them: QLIKE of the variance {qlike}.", found.forecasts));
    if let Some(var) = &found.var {
        page.paragraph(&format!(
            "The value at risk was exceeded {} times in {} days, and should have been {:.1} times: p {:.3} by Kupiec's test, {:.3} by \
             Christoffersen's of independence, {:.3} of both together.",
            var.breaches, var.days, var.expected, var.kupiec_p, var.independence_p, var.conditional_p
        ));
    }
}

impl Report<'_> {
    /// The whole file.
    pub fn html(&self) -> String {
        let mut page = Page::new();
        let terms = self.policy.terms();
        let times = &self.market.panel.ends()[self.run.start..];
        self.head(&mut page, terms, times);
        self.value(&mut page, times);
        self.weights(&mut page, terms, times);
        self.drawdown(&mut page, times);
        self.runway(&mut page, terms, times);
        self.risk(&mut page);
        self.trainings(&mut page);
        self.proposals(&mut page, times);
        self.grounds(&mut page);
        page.end(&format!("{}: backtest", terms.name))
    }

    fn head(&self, page: &mut Page, terms: &Terms, times: &[u64]) {
        let Summary { figures, .. } = self.summary;
        let (from, to) = (times.first().copied().unwrap_or_default(), times.last().copied().unwrap_or_default());
        page.raw(&format!("<h1>{}</h1>", html::escape(&terms.name)));
        page.raw(&format!(
            "<p class=\"dim\">Backtest, {} to {}, {} bars. The pipeline that runs live decided; people took their time.</p>",
            day(from), day(to), times.len()
        ));
        page.tiles(&[
            ("value at the end, USD", usd(self.summary.final_value)),
            ("growth a year", percent(figures.cagr)),
            ("volatility a year", percent(figures.volatility)),
            ("Sharpe", number(figures.sharpe)),
            ("deepest fall", percent(Some(figures.max_drawdown))),
            ("longest under a peak, bars", figures.drawdown_periods_max.to_string()),
            ("proposals", self.summary.proposals.to_string()),
            ("executed", self.summary.executed.to_string()),
        ]);
    }

    fn value(&self, page: &mut Page, times: &[u64]) {
        page.heading("Value");
        let mut series = vec![Series { name: "this policy".into(), values: self.run.values.clone() }];
        series.extend(
            self.summary.rivals.iter().map(|rival| Series { name: rival.name.into(), values: rival.values.clone() }),
        );
        let names: Vec<String> = series.iter().map(|one| one.name.clone()).collect();
        let chart = Chart { series, stacked: false, from_zero: false, marks: Vec::new(), unit: short_usd };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        page.figure(
            &chart.svg(times, "value over time"),
            &names,
            "Dollars. The others have the same flows and pay no costs.",
        );
        let mut rows = vec![figures_row("this policy", self.summary.final_value, &self.summary.figures)];
        for rival in &self.summary.rivals {
            rows.push(figures_row(rival.name, rival.values.last().copied().unwrap_or_default(), &rival.figures));
        }
        page.table(&FIGURES_HEAD, &rows, Some(0));
        if let Some(found) = &self.summary.intervals {
            intervals(page, found);
        }
        page.heading("Where the change of value came from");
        let split = self.summary.split;
        let rows = [
            ("value at first", self.summary.initial_value),
            ("prices", split.price_usd),
            ("yield", split.yield_usd),
            ("flows", split.flows_usd),
            ("costs", -split.costs_usd),
            ("value at the end", self.summary.final_value),
        ];
        let rows: Vec<Vec<String>> = rows.iter().map(|(name, value)| vec![(*name).to_owned(), usd(*value)]).collect();
        page.table(&["", "USD"], &rows, None);
        let paid = self.summary.paid;
        page.paragraph(&format!(
            "Costs: fees {}, slippage {}, price impact {}, gas {} USD. A year's turnover is {} of the mean value, in {} trades.",
            usd(paid.fees_usd),
            usd(paid.slippage_usd),
            usd(paid.impact_usd),
            usd(paid.gas_usd),
            percent(Some(self.summary.turnover)),
            self.summary.trades
        ));
        if split.unpaid_usd > 0.0 {
            page.paragraph(&format!(
                "{} USD should have flowed out, and there was no money for it.",
                usd(split.unpaid_usd)
            ));
        }
    }

    fn weights(&self, page: &mut Page, terms: &Terms, times: &[u64]) {
        page.heading("Shares of the treasury");
        let chart = self.shares(terms, times);
        let names: Vec<&str> = chart.series.iter().map(|one| one.name.as_str()).collect();
        let caption = format!(
            "{} of the value lay outside of the own token, in the mean; it was spread like {} equal assets. Outside of its bands at {} of decisions.",
            percent(self.summary.outside_native_share_mean),
            number(self.summary.diversification_mean),
            percent(Some(self.summary.outside_bands_share)),
        );
        page.figure(&chart.svg(times, "shares over time"), &names, &caption);
    }

    /// Shares of the treasury, on each other.
    fn shares(&self, terms: &Terms, times: &[u64]) -> Chart {
        let rows: Vec<&[f64]> = self.run.holdings.chunks_exact(self.run.width).skip(1).collect();
        let share = |row: &&[f64], index: usize| {
            let total: f64 = row.iter().sum();
            if total > 0.0 { row[index] / total } else { 0.0 }
        };
        let of = |index: usize| rows.iter().map(|row| share(row, index)).collect::<Vec<f64>>();
        let mut series: Vec<Series> = terms
            .assets
            .iter()
            .enumerate()
            .map(|(index, asset)| Series { name: asset.symbol.clone(), values: of(index) })
            .filter(|one| one.values.iter().any(|share| *share > 0.0))
            .collect();
        if series.len() > SERIES_MAX {
            let rest = series.split_off(SERIES_MAX - 1);
            let values = (0..times.len()).map(|at| rest.iter().map(|one| one.values[at]).sum()).collect();
            series.push(Series { name: format!("{} others", rest.len()), values });
        }
        Chart { series, stacked: true, from_zero: true, marks: Vec::new(), unit: short_percent }
    }

    fn drawdown(&self, page: &mut Page, times: &[u64]) {
        page.heading("Fall from the highest value");
        let series = vec![Series { name: "this policy".into(), values: fallen(&self.run.returns()) }];
        let chart = Chart { series, stacked: false, from_zero: true, marks: Vec::new(), unit: short_percent };
        page.figure(&chart.svg(times, "drawdown over time"), &["this policy"], "What flowed in or out does not count.");
    }

    fn runway(&self, page: &mut Page, terms: &Terms, times: &[u64]) {
        let Some((chart, burn)) = self.months(terms) else { return };
        page.heading("Runway");
        let caption = format!("Months that stable assets last at the policy's burn of {} USD a month.", usd(burn));
        page.figure(&chart.svg(times, "runway over time"), &["months"], &caption);
    }

    /// Months that stable assets last, and the burn that they are measured by, if the policy says one.
    fn months(&self, terms: &Terms) -> Option<(Chart, f64)> {
        let burn = terms.risk.burn_monthly.0 as f64 / quaestor_core::amount::WAD as f64;
        if burn <= 0.0 {
            return None;
        }
        let values = self.run.stable.iter().map(|stable| stable / burn).collect();
        let series = vec![Series { name: "months".into(), values }];
        Some((Chart { series, stacked: false, from_zero: true, marks: Vec::new(), unit: months }, burn))
    }

    /// Forecast volatility beside that of the thirty bars after it.
    fn risk(&self, page: &mut Page) {
        const AHEAD: usize = 30;
        let returns = self.run.returns();
        let known: Vec<_> = self.run.forecasts.iter().filter(|it| it.volatility_bps.is_some()).collect();
        if known.len() < 2 {
            return;
        }
        page.heading("Forecast risk and what happened");
        let times: Vec<u64> = known.iter().map(|it| self.market.panel.ends()[it.bar]).collect();
        let forecast = known.iter().map(|it| it.volatility_bps.map_or(f64::NAN, |bps| bps as f64 / 10_000.0)).collect();
        let span = self.market.panel.ends();
        let bar_secs = span
            .last()
            .zip(span.first())
            .map_or(86_400.0, |(last, first)| (last - first) as f64 / (span.len() - 1) as f64);
        let happened = known
            .iter()
            .map(|it| {
                let from = it.bar + 1 - self.run.start;
                let window = returns.get(from..from + AHEAD);
                window
                    .and_then(|window| crate::metrics::volatility(window, 31_536_000.0 / bar_secs))
                    .unwrap_or(f64::NAN)
            })
            .collect();
        let series = vec![
            Series { name: "forecast volatility".into(), values: forecast },
            Series { name: format!("that of the {AHEAD} bars after"), values: happened },
        ];
        let second = series[1].name.clone();
        let chart = Chart { series, stacked: false, from_zero: true, marks: Vec::new(), unit: short_percent };
        page.figure(
            &chart.svg(&times, "forecast and realised volatility"),
            &["forecast volatility", &second],
            "A year, of the whole treasury.",
        );
        if let Some(found) = &self.summary.forecast_tests {
            forecast_tests(page, found);
        }
    }

    fn trainings(&self, page: &mut Page) {
        if self.trainings.is_empty() {
            return;
        }
        page.heading("Models trained along the way");
        let row = |it: &Training| vec![day(it.at), it.records.to_string(), it.verdict()];
        let rows: Vec<Vec<String>> = self.trainings.iter().map(row).collect();
        page.table(&["on what was known by", "records", "verdict"], &rows, None);
    }

    fn proposals(&self, page: &mut Page, times: &[u64]) {
        page.heading("Proposals");
        let Summary { proposals, executed, withdrawn, expired, waiting, withheld, .. } = *self.summary;
        let delay = self
            .summary
            .delay_hours_mean
            .map_or_else(String::new, |hours| format!(" Those executed waited {hours:.1} h in the mean."));
        let people = self.summary.people_hours.map_or_else(String::new, |Spread { median, p90, longest }| {
            format!(" People took {median:.1} h in the median, {p90:.1} h at the 90th percentile, {longest:.1} h at the longest.")
        });
        page.paragraph(&format!(
            "{proposals} made: {executed} executed, {withdrawn} withdrawn because they no longer fitted, {expired} expired, {waiting} \
             waiting at the end. {withheld} more were held back by one that still waited.{delay}{people}"
        ));
        let marks = marks(self.run);
        if !marks.is_empty() {
            let chart = Chart { series: Vec::new(), stacked: false, from_zero: true, marks, unit: short_usd };
            let svg = chart.svg(times, "proposals and refusals over time");
            page.raw(MARKS_KEY);
            page.figure(
                &svg,
                &[],
                "When each was made and when something was refused, and the dollars that it moves or would have moved.",
            );
        }
        let row = |what: &str, rule: &Rule, count: &u64| {
            vec![rule_key(*rule).to_string(), what.to_owned(), count.to_string()]
        };
        let refused = self.summary.refusals_by_rule.iter().map(|(rule, count)| row("refused", rule, count));
        let withdrawn = self.summary.withdrawn_by_rule.iter().map(|(rule, count)| row("withdrawn", rule, count));
        let rows: Vec<Vec<String>> = refused.chain(withdrawn).collect();
        page.heading("Refused and withdrawn");
        match rows.is_empty() {
            true => page.paragraph("Nothing was refused: strategies keep within the policy's limits themselves."),
            false => page.table(&["rule", "", "times"], &rows, None),
        }
        let holds = self.summary.holds.iter().flat_map(|(strategy, why)| {
            why.iter().map(move |(why, count)| vec![strategy.clone(), why.replace('_', " "), count.to_string()])
        });
        let holds: Vec<Vec<String>> = holds.collect();
        if !holds.is_empty() {
            page.heading("Decisions at which a strategy wanted less than it should");
            page.table(&["strategy", "why", "times"], &holds, None);
        }
    }

    fn grounds(&self, page: &mut Page) {
        page.heading("Assumed");
        page.list(self.assumed);
        page.heading("To run it again");
        let Provenance { data_hash, policy_hash, model_hash, assumptions_hash, seed } = self.provenance;
        page.raw(&format!(
            "<p class=\"dim\">The same data, policy, model, assumptions, days and seed give the same bytes.</p><ul><li>data <code>{data_hash}</code></li>\
             <li>policy <code>{policy_hash}</code></li><li>model <code>{model_hash}</code></li><li>assumptions <code>{assumptions_hash}</code></li><li>seed <code>{seed}</code></li></ul>\
             <p class=\"dim\">A year has 365 days; returns are simple and without flows; growth a year is on 365 days; volatility \
             divides by n − 1; VaR and CVaR are of one bar.</p>"
        ));
    }
}
