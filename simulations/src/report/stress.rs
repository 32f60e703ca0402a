//! A report of scenarios for people: a table of them all, and a chart of each.

use super::{
    capitalised,
    chart::{Chart, Series, Span},
    day, html,
    html::Page,
    marks, percent, short_usd, usd,
};
use crate::{
    metrics::Summary,
    run::Run,
    scenario::{Group, Scenario, Stage},
};
use alloy_primitives::B256;
use quaestor_contracts::explain::rule_key;

/// A scenario that was run.
#[derive(Debug, Clone, Copy)]
pub struct Played<'a> {
    /// It.
    pub scenario: &'a Scenario,
    /// What it was laid over.
    pub stage: &'a Stage,
    /// The run.
    pub run: &'a Run,
    /// Its figures.
    pub summary: &'a Summary,
}

impl Played<'_> {
    /// Value of the treasury that nobody manages at the end, dollars.
    pub fn held(&self) -> f64 {
        let hold = self.summary.rivals.iter().find(|rival| rival.name == "hold");
        hold.and_then(|rival| rival.values.last()).copied().unwrap_or(self.summary.initial_value)
    }

    /// The rule that refused most, and how often.
    pub fn refused_most(&self) -> Option<(String, u64)> {
        // Of equal ones the first of the rules.
        let most = self.summary.refusals_by_rule.iter().rev().max_by_key(|(_, count)| **count);
        most.map(|(rule, count)| (rule_key(*rule).to_string(), *count))
    }
}

/// What a report of scenarios is of.
#[derive(Debug, Clone, Copy)]
pub struct StressReport<'a> {
    /// Name of the policy.
    pub policy: &'a str,
    /// The scenarios that were run, those of a group together.
    pub played: &'a [Played<'a>],
    /// Those that were not, and why.
    pub left_out: &'a [(String, String)],
    /// What is assumed in all of them.
    pub assumed: &'a [String],
    /// Hashes of policy, model and assumptions by what they are of.
    pub hashes: &'a [(&'static str, B256)],
    /// Seed of whatever is drawn: delays, where they are distributions.
    pub seed: u64,
}

const HEAD: [&str; 13] = [
    "scenario",
    "prices",
    "first USD",
    "end USD",
    "change",
    "hold",
    "fall",
    "runway",
    "made",
    "done",
    "drawn",
    "expired",
    "refused most",
];

/// The figures of one scenario, as the table has them.
fn row(it: &Played<'_>) -> Vec<String> {
    let Summary { initial_value, final_value, figures, proposals, executed, withdrawn, expired, .. } = it.summary;
    let change = |value: f64| percent(Some(value / initial_value - 1.0));
    vec![
        it.scenario.name.clone(),
        it.stage.origin.word().to_owned(),
        usd(*initial_value),
        usd(*final_value),
        change(*final_value),
        change(it.held()),
        percent(Some(figures.max_drawdown)),
        it.summary.runway_months_min.map_or_else(|| "–".to_owned(), |months| format!("{months:.1}")),
        proposals.to_string(),
        executed.to_string(),
        withdrawn.to_string(),
        expired.to_string(),
        it.refused_most().map_or_else(|| "–".to_owned(), |(rule, count)| format!("{rule} {count}")),
    ]
}

impl StressReport<'_> {
    /// The whole file.
    pub fn html(&self) -> String {
        let mut page = Page::new();
        page.raw(&format!("<h1>{}</h1>", html::escape(self.policy)));
        page.raw(
            "<p class=\"dim\">Under stress. The pipeline that runs live decided; what is <b>synthetic</b> was made up and \
             never happened.</p>",
        );
        for group in Group::ALL {
            let rows: Vec<Vec<String>> = self.played.iter().filter(|it| it.scenario.group == group).map(row).collect();
            if !rows.is_empty() {
                page.heading(&capitalised(group.title()));
                page.table(&HEAD, &rows, None);
            }
        }
        page.paragraph(
            "Change and hold are of the whole value with what flowed in and out; hold is the same treasury, managed by nobody. \
             Fall is the deepest from a peak, runway the least, in months. Of the proposals made some were done (executed), \
             drawn (withdrawn) or expired. A broad downturn and a broken correlation ask different things of a treasury: what answers \
             the one well may answer the other badly.",
        );
        for (name, why) in self.left_out {
            page.paragraph(&format!("{name} was not run: {why}"));
        }
        for it in self.played {
            self.scenario(&mut page, it);
        }
        self.grounds(&mut page);
        page.end(&format!("{}: stress", self.policy))
    }

    fn scenario(&self, page: &mut Page, it: &Played<'_>) {
        let Played { scenario, stage, run, summary } = it;
        let times = &stage.panel.ends()[run.start..];
        let (from, to) = (times.first().copied().unwrap_or_default(), times.last().copied().unwrap_or_default());
        page.heading(&format!("{}: {}", scenario.name, scenario.title));
        page.raw(&format!(
            "<p class=\"dim\">{}, {}, {} to {}, {} bars.</p>",
            html::escape(&capitalised(scenario.group.title())),
            stage.origin.word(),
            day(from),
            day(to),
            times.len()
        ));
        let mut series = vec![Series { name: "this policy".into(), values: run.values.clone() }];
        let hold = summary.rivals.iter().find(|rival| rival.name == "hold");
        series.extend(hold.map(|rival| Series { name: rival.name.into(), values: rival.values.clone() }));
        let spans: Vec<Span> = stage.shades.iter().map(|shade| Span { from: shade.from, to: shade.to }).collect();
        // Marks stand on the line of the value.
        let value_at = |at: u64| {
            let place = times.partition_point(|end| *end < at).min(times.len().saturating_sub(1));
            run.values.get(place).copied().unwrap_or_default()
        };
        let marks = marks(run).into_iter().map(|(mark, at, _)| (mark, at, value_at(at))).collect();
        let chart = Chart { series, stacked: false, from_zero: false, marks, unit: short_usd };
        let alt = format!("value over time in {}", scenario.name);
        page.raw(super::MARKS_KEY);
        page.figure(
            &chart.svg_with(times, &alt, &spans),
            &["this policy", "hold"],
            "Dollars. Each mark is a proposal, when it was made; what is shaded is named below.",
        );
        page.list(&stage.notes);
        let Summary { proposals, executed, withdrawn, expired, waiting, reverts, .. } = summary;
        let reverted = match reverts {
            0 => String::new(),
            times => format!(" {times} times somebody would have executed, and it would have reverted."),
        };
        page.paragraph(&format!(
            "{proposals} proposals: {executed} executed, {withdrawn} withdrawn, {expired} expired, {waiting} waiting at the end.{reverted}"
        ));
        let rows: Vec<Vec<String>> =
            [("refused", &summary.refusals_by_rule), ("withdrawn", &summary.withdrawn_by_rule)]
                .iter()
                .flat_map(|(what, counts)| {
                    counts.iter().map(move |(rule, count)| {
                        vec![rule_key(*rule).to_string(), (*what).to_owned(), count.to_string()]
                    })
                })
                .collect();
        if !rows.is_empty() {
            page.table(&["rule", "", "times"], &rows, None);
        }
    }

    fn grounds(&self, page: &mut Page) {
        page.heading("Assumed in all of them");
        page.list(self.assumed);
        page.heading("To run it again");
        let item = |what: &str, hash: &B256| format!("<li>{} <code>{hash}</code></li>", html::escape(what));
        let own: String = self.hashes.iter().map(|(what, hash)| item(what, hash)).collect();
        let of_scenario = |it: &Played<'_>| {
            let (file, prices) = (it.scenario.hash, it.stage.panel.hash());
            [item(&it.scenario.file, &file), item(&format!("prices of {}", it.scenario.name), &prices)].concat()
        };
        let seed = self.seed;
        let scenarios: String = self.played.iter().map(of_scenario).collect();
        page.raw(&format!(
            "<p class=\"dim\">The same data, policy, model, assumptions, scenarios and seed give the same bytes.</p>\
             <ul>{own}{scenarios}<li>seed <code>{seed}</code></li></ul>"
        ));
    }
}
