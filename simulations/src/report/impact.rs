//! A report of what a change of policy would have done: history and scenarios under the old and the new one, side by side.

use super::{
    MARKS_KEY, capitalised,
    chart::{Chart, Series, Span},
    day, fallen, html,
    html::Page,
    marks, number, percent, short_percent, short_usd, usd,
};
use crate::{
    market::Market,
    metrics::Summary,
    run::Run,
    scenario::{Group, Origin, Scenario, Stage},
};
use alloy_primitives::B256;
use quaestor_contracts::explain::rule_key;
use quaestor_core::{Policy, Rule};
use std::collections::{BTreeMap, BTreeSet};

/// A run under one of the two policies.
#[derive(Debug, Clone, Copy)]
pub struct Under<'a> {
    /// The run.
    pub run: &'a Run,
    /// Its figures.
    pub summary: &'a Summary,
}

/// History under one of the two policies.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The policy.
    pub policy: &'a dyn Policy,
    /// Prices as it sees them.
    pub market: &'a Market<'a>,
    /// What it came to.
    pub under: Under<'a>,
}

impl std::fmt::Debug for Side<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Side").field("policy", &self.policy.hash()).finish_non_exhaustive()
    }
}

/// A scenario under both.
#[derive(Debug, Clone, Copy)]
pub struct Faced<'a> {
    /// It.
    pub scenario: &'a Scenario,
    /// What it was laid over, under the old policy.
    pub stage: &'a Stage,
    /// Under the old policy, and under the new one.
    pub under: [Under<'a>; 2],
}

/// What a report of a change is of. The treasury, prices, costs and people are the same under both.
#[derive(Debug, Clone, Copy)]
pub struct ImpactReport<'a> {
    /// History under the old policy, and under the new one, over the same bars.
    pub sides: [Side<'a>; 2],
    /// The scenarios that were run, those of a group together.
    pub faced: &'a [Faced<'a>],
    /// Those that were not, and why.
    pub left_out: &'a [(String, String)],
    /// What is assumed.
    pub assumed: &'a [String],
    /// Hashes by what they are of.
    pub hashes: &'a [(&'static str, B256)],
    /// Seed of whatever is drawn.
    pub seed: u64,
}

/// What both are called.
const NAMES: [&str; 2] = ["old policy", "new policy"];
/// Fewer months than this apart are the same to a person.
const MONTHS_MIN: f64 = 0.05;

/// An asset's share of the treasury.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Share {
    /// At the ends of bars, in the mean.
    pub mean: f64,
    /// At the end of the run.
    pub last: f64,
}

/// Of each asset that either policy lists, by symbol: old and new.
type Shares = BTreeMap<String, [Option<Share>; 2]>;

impl Side<'_> {
    /// Of each asset, in the order of the policy.
    fn shares(&self) -> Vec<Share> {
        let run = self.under.run;
        let rows = run.holdings.chunks_exact(run.width).skip(1);
        let (mut sums, mut last, mut bars) = (vec![0.0; run.width], vec![0.0; run.width], 0.0);
        for row in rows {
            let total: f64 = row.iter().sum();
            bars += 1.0;
            for ((sum, last), held) in sums.iter_mut().zip(&mut last).zip(row) {
                let share = if total > 0.0 { held / total } else { 0.0 };
                *sum += share;
                *last = share;
            }
        }
        sums.iter().zip(last).map(|(sum, last)| Share { mean: sum / f64::max(bars, 1.0), last }).collect()
    }
}

/// "A instead of B", or that it is the same.
fn instead(what: &str, [old, new]: [String; 2]) -> String {
    if old == new { format!("{what} the same: {new}.") } else { format!("{what} {new} instead of {old}.") }
}

fn both<T>(of: [T; 2], text: impl Fn(T) -> String) -> [String; 2] {
    of.map(text)
}

impl ImpactReport<'_> {
    fn summaries(&self) -> [&Summary; 2] {
        self.sides.map(|side| side.under.summary)
    }

    /// Shares of the treasury under both, by symbol.
    pub fn shares(&self) -> Shares {
        let mut found = Shares::new();
        for (place, side) in self.sides.iter().enumerate() {
            for (asset, share) in side.policy.terms().assets.iter().zip(side.shares()) {
                found.entry(asset.symbol.clone()).or_default()[place] = Some(share);
            }
        }
        found
    }

    /// What a person should know first, a sentence each.
    pub fn findings(&self) -> Vec<String> {
        let [old, new] = self.summaries();
        let mut found = Vec::new();
        let same = self.sides[0].under.run.values == self.sides[1].under.run.values
            && self.sides[0].under.run.proposals == self.sides[1].under.run.proposals;
        if same {
            found.push(
                "On this history the change would have changed nothing: the same proposals at the same times."
                    .to_owned(),
            );
        } else {
            found.push(format!(
                "On this history the agent would have proposed {} times instead of {}, and {} of them would have been executed \
                 instead of {}.",
                new.proposals, old.proposals, new.executed, old.executed
            ));
            let ends = both([old.final_value, new.final_value], |value| format!("{} USD", usd(value)));
            found.push(instead("The treasury would have been worth at the end", ends));
            let falls = both([old, new], |it| percent(Some(-it.figures.max_drawdown)));
            found.push(instead("Its deepest fall would have been", falls));
            if old.runway_months_min.is_some() || new.runway_months_min.is_some() {
                let least = |it: &Summary| {
                    it.runway_months_min.map_or_else(|| "unknown".to_owned(), |it| format!("{it:.1} months"))
                };
                found.push(instead("Stable assets would have lasted at the least", both([old, new], least)));
            }
        }
        let refusals = [old, new].map(|it| &it.refusals_by_rule);
        for rule in refusals.iter().flat_map(|by| by.keys()).collect::<BTreeSet<_>>() {
            let [before, after] = refusals.map(|by| by.get(rule).copied().unwrap_or_default());
            if before != after {
                found.push(format!(
                    "The rule {} would have refused {after} times instead of {before}.",
                    rule_key(*rule)
                ));
            }
        }
        found.extend(self.faced.iter().filter_map(Faced::finding));
        let untouched = self.faced.iter().filter(|it| it.finding().is_none()).count();
        if untouched > 0 {
            found.push(format!("In {untouched} of {} scenarios it would have made no difference.", self.faced.len()));
        }
        found
    }

    /// The whole file.
    pub fn html(&self) -> String {
        let mut page = Page::new();
        let [old, new] = self.sides;
        let times = &new.market.panel.ends()[new.under.run.start..];
        let (from, to) = (times.first().copied().unwrap_or_default(), times.last().copied().unwrap_or_default());
        page.raw(&format!("<h1>{}</h1>", html::escape(&new.policy.terms().name)));
        page.raw(&format!(
            "<p class=\"dim\">What a change of policy would have done, {} to {}, {} bars. The pipeline that runs live decided under the old \
             and under the new policy, for the same treasury at the same prices and costs; people took the same time.</p>",
            day(from), day(to), times.len()
        ));
        let summaries = self.summaries();
        let arrow = |of: [String; 2]| if of[0] == of[1] { of[1].clone() } else { of.join(" → ") };
        page.tiles(&[
            ("value at the end, USD", arrow(summaries.map(|it| short_usd(it.final_value)))),
            ("deepest fall", arrow(summaries.map(|it| percent(Some(it.figures.max_drawdown))))),
            ("proposals", arrow(summaries.map(|it| it.proposals.to_string()))),
            ("executed", arrow(summaries.map(|it| it.executed.to_string()))),
            ("refusals", arrow(summaries.map(|it| it.refusals.to_string()))),
            ("least runway, months", arrow(summaries.map(|it| months(it.runway_months_min)))),
        ]);
        page.list(&self.findings());
        self.history(&mut page, times, [old, new]);
        self.allocation(&mut page);
        self.rules(&mut page);
        self.scenarios(&mut page);
        self.grounds(&mut page);
        page.end(&format!("{}: impact", new.policy.terms().name))
    }

    fn history(&self, page: &mut Page, times: &[u64], sides: [Side<'_>; 2]) {
        page.heading("Value");
        let line = |name: &str, values: Vec<f64>| Series { name: name.into(), values };
        let [old, new] = sides.map(|side| side.under);
        // The first line is the thickest.
        let mut series = vec![line(NAMES[1], new.run.values.clone()), line(NAMES[0], old.run.values.clone())];
        let hold = old.summary.rivals.iter().find(|rival| rival.name == "hold");
        series.extend(hold.map(|rival| line("hold", rival.values.clone())));
        let names: Vec<String> = series.iter().map(|one| one.name.clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let chart = Chart { series, stacked: false, from_zero: false, marks: Vec::new(), unit: short_usd };
        let caption = "Dollars; hold is the same treasury, managed by nobody.";
        page.figure(&chart.svg(times, "value under both policies"), &names, caption);
        page.heading("Fall from the highest value");
        let series = vec![line(NAMES[1], fallen(&new.run.returns())), line(NAMES[0], fallen(&old.run.returns()))];
        let chart = Chart { series, stacked: false, from_zero: true, marks: Vec::new(), unit: short_percent };
        page.figure(
            &chart.svg(times, "drawdown under both policies"),
            &[NAMES[1], NAMES[0]],
            "What flowed in or out does not count.",
        );
        page.heading("Figures");
        let row = |name: &str, of: fn(&Summary) -> String| {
            [vec![name.to_owned()], both(self.summaries(), of).to_vec()].concat()
        };
        let rows = [
            row("value at the end, USD", |it| usd(it.final_value)),
            row("growth a year", |it| percent(it.figures.cagr)),
            row("volatility a year", |it| percent(it.figures.volatility)),
            row("Sharpe", |it| number(it.figures.sharpe)),
            row("deepest fall", |it| percent(Some(it.figures.max_drawdown))),
            row("least runway, months", |it| months(it.runway_months_min)),
            row("share outside of the own token, mean", |it| percent(it.outside_native_share_mean)),
            row("turnover a year", |it| percent(Some(it.turnover))),
            row("costs, USD", |it| usd(it.costs)),
            row("proposals", |it| it.proposals.to_string()),
            row("executed", |it| it.executed.to_string()),
            row("withdrawn", |it| it.withdrawn.to_string()),
            row("expired", |it| it.expired.to_string()),
            row("held back by one that waited", |it| it.withheld.to_string()),
            row("refusals", |it| it.refusals.to_string()),
            row("decisions outside of bands", |it| percent(Some(it.outside_bands_share))),
        ];
        page.table(&["", NAMES[0], NAMES[1]], &rows, None);
    }

    fn allocation(&self, page: &mut Page) {
        page.heading("Shares of the treasury");
        let row = |(symbol, [old, new]): (&String, &[Option<Share>; 2])| {
            let [mean, last] = [|it: Share| it.mean, |it: Share| it.last];
            let cells = [old.map(mean), new.map(mean), old.map(last), new.map(last)].map(percent);
            [vec![symbol.clone()], cells.to_vec()].concat()
        };
        let rows: Vec<Vec<String>> = self.shares().iter().map(row).collect();
        page.table(&["", "old, mean", "new, mean", "old, at the end", "new, at the end"], &rows, None);
    }

    fn rules(&self, page: &mut Page) {
        page.heading("Refused and withdrawn");
        let of = |what: &'static str, by: fn(&Summary) -> &BTreeMap<Rule, u64>| {
            let counts = self.summaries().map(by);
            let rules: BTreeSet<Rule> = counts.iter().flat_map(|by| by.keys().copied()).collect();
            rules.into_iter().map(move |rule| {
                let [old, new] = counts.map(|by| by.get(&rule).copied().unwrap_or_default());
                vec![rule_key(rule).to_string(), what.to_owned(), old.to_string(), new.to_string()]
            })
        };
        let rows: Vec<Vec<String>> =
            of("refused", |it| &it.refusals_by_rule).chain(of("withdrawn", |it| &it.withdrawn_by_rule)).collect();
        match rows.is_empty() {
            true => page.paragraph("Nothing was refused under either: strategies keep within the limits themselves."),
            false => page.table(&["rule", "", NAMES[0], NAMES[1]], &rows, None),
        }
    }

    fn scenarios(&self, page: &mut Page) {
        const HEAD: [&str; 10] = [
            "scenario",
            "prices",
            "old change",
            "new change",
            "old fall",
            "new fall",
            "old runway",
            "new runway",
            "old done",
            "new done",
        ];
        for group in Group::ALL {
            let rows: Vec<Vec<String>> =
                self.faced.iter().filter(|it| it.scenario.group == group).map(Faced::row).collect();
            if !rows.is_empty() {
                page.heading(&capitalised(group.title()));
                page.table(&HEAD, &rows, None);
            }
        }
        if !self.faced.is_empty() {
            page.paragraph(
                "Change is of the whole value with what flowed in and out, fall the deepest from a peak, runway the least in months, done \
                 the proposals that were executed. What is synthetic was made up and never happened.",
            );
        }
        for (name, why) in self.left_out {
            page.paragraph(&format!("{name} was not run: {why}"));
        }
        self.faced.iter().filter(|it| it.finding().is_some()).for_each(|it| it.picture(page));
    }

    fn grounds(&self, page: &mut Page) {
        page.heading("Assumed");
        page.list(self.assumed);
        page.heading("To run it again");
        let item = |(what, hash): &(&str, B256)| format!("<li>{} <code>{hash}</code></li>", html::escape(what));
        let items: String = self.hashes.iter().map(item).collect();
        page.raw(&format!(
            "<p class=\"dim\">The same data, policies, model, assumptions, days and seed give the same bytes.</p>\
             <ul>{items}<li>seed <code>{}</code></li></ul>",
            self.seed
        ));
    }
}

fn months(found: Option<f64>) -> String {
    found.map_or_else(|| "–".to_owned(), |months| format!("{months:.1}"))
}

impl Faced<'_> {
    fn change(under: Under<'_>) -> f64 {
        under.summary.final_value / under.summary.initial_value - 1.0
    }

    /// What the change would have done in it; `None` where it would have done nothing.
    pub fn finding(&self) -> Option<String> {
        let [old, new] = self.under;
        if old.run.values == new.run.values && old.run.proposals == new.run.proposals {
            return None;
        }
        let kind = if self.stage.origin == Origin::Replayed { "" } else { ", which is made up," };
        let [before, after] = self.under.map(|it| percent(Some(Self::change(it))));
        let runway = match (old.summary.runway_months_min, new.summary.runway_months_min) {
            (Some(old), Some(new)) if (old - new).abs() >= MONTHS_MIN => {
                format!(", and stable assets would have lasted {new:.1} months instead of {old:.1} at the least")
            }
            _ => String::new(),
        };
        let changed = match before == after {
            true => format!("would have changed by {after} under both"),
            false => format!("would have changed by {after} instead of {before}"),
        };
        let executed = [old, new].map(|it| it.summary.executed);
        let executed = match executed[0] == executed[1] {
            true => String::new(),
            false => {
                let plural = if executed[1] == 1 { "" } else { "s" };
                format!("; {} proposal{plural} executed instead of {}", executed[1], executed[0])
            }
        };
        Some(format!("In {}{kind} the treasury {changed}{runway}{executed}.", self.scenario.name))
    }

    fn row(&self) -> Vec<String> {
        let pair = |of: fn(Under<'_>) -> String| self.under.map(of).to_vec();
        let named = vec![self.scenario.name.clone(), self.stage.origin.word().to_owned()];
        [
            named,
            pair(|it| percent(Some(Self::change(it)))),
            pair(|it| percent(Some(it.summary.figures.max_drawdown))),
            pair(|it| months(it.summary.runway_months_min)),
            pair(|it| it.summary.executed.to_string()),
        ]
        .concat()
    }

    fn picture(&self, page: &mut Page) {
        let Self { scenario, stage, under: [old, new] } = self;
        page.heading(&format!("{}: {}", scenario.name, scenario.title));
        let times = &stage.panel.ends()[old.run.start..];
        let line = |name: &str, under: &Under<'_>| Series { name: name.into(), values: under.run.values.clone() };
        let series = vec![line(NAMES[1], new), line(NAMES[0], old)];
        let spans: Vec<Span> = stage.shades.iter().map(|shade| Span { from: shade.from, to: shade.to }).collect();
        let value_at = |at: u64| {
            let place = times.partition_point(|end| *end < at).min(times.len().saturating_sub(1));
            new.run.values.get(place).copied().unwrap_or_default()
        };
        let marks = marks(new.run).into_iter().map(|(mark, at, _)| (mark, at, value_at(at))).collect();
        let chart = Chart { series, stacked: false, from_zero: false, marks, unit: short_usd };
        page.raw(MARKS_KEY);
        let alt = format!("value under both policies in {}", scenario.name);
        page.figure(
            &chart.svg_with(times, &alt, &spans),
            &[NAMES[1], NAMES[0]],
            "Dollars. Marks are proposals and refusals under the new policy; what is shaded is named below.",
        );
        page.list(&stage.notes);
    }
}
