//! `backtest`: a policy on history, through the pipeline that runs live.

use super::{Exit, Failure, Output, args::BacktestArgs, setup::Setup, stated};
use quaestor_contracts::explain::rule_key;
use quaestor_core::{Catalog, Policy, Rule};
use quaestor_policies::VotedPolicy;
use quaestor_simulations::{
    Day,
    assumptions::Fill,
    engine::{self, Plan},
    market::Market,
    metrics::{Figures, Spread, Summary},
    report::{Report, number, percent, usd},
    run::Run,
    statistics::Interval,
    succession::Training,
    table::{Column, Table},
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, path::Path, time::Instant};

pub(super) fn run(args: &BacktestArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let setup = Setup::read(&args.setup, catalog, output)?;
    let Setup { policy, .. } = &setup;
    let market = setup.market()?;
    let plan = setup.plan(&market, true);
    let started = Instant::now();
    let found = engine::run(plan);
    let elapsed_secs = started.elapsed().as_secs_f64();
    let summary =
        Summary::of(&found, policy.terms(), &market).with_statistics(&found, args.setup.world.seed, setup.var_tail);
    let stated = setup.stated(&market);
    if setup.assumed.fill == Fill::SameBar {
        output.warn("--fill same-bar looks ahead: it executes at the very price that was decided on");
    }
    if args.csv.is_some() || args.parquet.is_some() {
        let table = table(&found, policy, &market);
        if let Some(path) = &args.csv {
            write(path, table.csv().as_bytes())?;
        }
        if let Some(path) = &args.parquet {
            write(path, &table.parquet().map_err(|error| Failure::new(Exit::Failed, error))?)?;
        }
    }
    let provenance = setup.provenance()?;
    let report = Report {
        run: &found,
        summary: &summary,
        policy,
        market: &market,
        provenance,
        assumed: &stated,
        trainings: &setup.trainings,
    };
    if let Some(path) = &args.out {
        write(path, report.html().as_bytes())?;
    }
    if let Some(path) = &args.picture {
        let picture = report.picture().map_err(|error| Failure::new(Exit::Failed, error))?;
        write(path, picture.as_bytes())?;
    }
    tell(&summary, &found, &plan, &stated, elapsed_secs, output)?;
    tell_trainings(&setup.trainings, output)?;
    stated::tell_provenance(&provenance, output)?;
    output.document(&Value::Object(document(&setup, &market, &found, &summary)?))?;
    Ok(Exit::Ok)
}

/// What `--json` says of a run.
pub(super) fn document(
    setup: &Setup,
    market: &Market<'_>,
    run: &Run,
    summary: &Summary,
) -> Result<Map<String, Value>, Failure> {
    let object = |value: Result<Value, serde_json::Error>| match value {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(Failure::new(Exit::Internal, error)),
    };
    let mut fields = object(serde_json::to_value(summary))?;
    fields.extend(object(serde_json::to_value(setup.provenance()?))?);
    let Setup { panel, start, .. } = setup;
    fields.insert("from".into(), json!(panel.begins_at(*start)));
    fields.insert("to".into(), json!(panel.ends().last()));
    fields.insert("bars".into(), json!(run.values.len()));
    fields.insert("assumptions".into(), json!(setup.stated(market)));
    fields.insert("proposals_made".into(), json!(run.proposals));
    fields.insert("refused".into(), json!(run.refused));
    fields.insert("values".into(), json!(run.values));
    fields.insert("year_days".into(), json!(365));
    fields.insert("trainings".into(), json!(setup.trainings));
    Ok(fields)
}

/// Writes a result that was asked for.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", path.display())))
}

/// What a notebook wants, bar by bar.
fn table(run: &Run, policy: &VotedPolicy, market: &Market<'_>) -> Table {
    let ends = &market.panel.ends()[run.start..];
    let time = |at: &u64| i64::try_from(*at).unwrap_or(i64::MAX);
    let real = |values: &[f64]| Column::Real(values.iter().copied().map(Some).collect());
    let table = Table::default()
        .with("time", Column::Whole(ends.iter().map(time).collect()))
        .with("value_usd", real(&run.values))
        .with("inflow_usd", real(&run.inflows))
        .with("return", real(&run.returns()));
    policy.terms().assets.iter().enumerate().fold(table, |table, (place, asset)| {
        let held = run.holdings.chunks_exact(run.width).skip(1).map(|row| row.get(place).copied());
        table.with(format!("{}_usd", asset.symbol), Column::Real(held.collect()))
    })
}

fn day(at: u64) -> String {
    Day::at(at).map_or_else(String::new, |day| day.to_string())
}

fn by_rule(counts: &BTreeMap<Rule, u64>) -> String {
    counts.iter().map(|(rule, count)| format!("{} {count}", rule_key(*rule))).collect::<Vec<_>>().join(", ")
}

fn tell(
    summary: &Summary,
    run: &Run,
    plan: &Plan<'_>,
    stated: &[String],
    elapsed_secs: f64,
    output: Output,
) -> Result<(), Failure> {
    let panel = plan.market.panel;
    let (from, to) = (day(panel.ends()[plan.start]), day(panel.ends().last().copied().unwrap_or_default()));
    output.line(format_args!(
        "{}, {from} to {to}: {} bars in {elapsed_secs:.3} s",
        plan.policy.terms().name,
        run.values.len()
    ))?;
    output.line("")?;
    output.line(format_args!(
        "{:<14}{:>16}{:>10}{:>12}{:>9}{:>9}{:>13}",
        "", "value USD", "CAGR", "volatility", "Sharpe", "Sortino", "max drawdown"
    ))?;
    let row = |name: &str, value: f64, figures: &Figures| {
        format!(
            "{name:<14}{:>16}{:>10}{:>12}{:>9}{:>9}{:>13}",
            usd(value),
            percent(figures.cagr),
            percent(figures.volatility),
            number(figures.sharpe),
            number(figures.sortino),
            percent(Some(figures.max_drawdown)),
        )
    };
    output.line(row("this policy", summary.final_value, &summary.figures))?;
    for rival in &summary.rivals {
        output.line(row(rival.name, rival.values.last().copied().unwrap_or_default(), &rival.figures))?;
    }
    if let Some(found) = &summary.intervals {
        let ends = |it: &Option<Interval>, text: fn(Option<f64>) -> String| {
            it.map_or_else(|| "unknown".to_owned(), |it| format!("{} to {}", text(Some(it.low)), text(Some(it.high))))
        };
        let (sharpe, cagr) = (ends(&found.sharpe, number), ends(&found.cagr, percent));
        output.line(format_args!(
            "{:.0} % interval Sharpe {sharpe}, CAGR {cagr} ({} resamples in blocks of {} bars, seed {})",
            found.level * 100.0,
            found.resamples,
            found.block,
            found.seed
        ))?;
    }
    output.line("")?;
    let split = summary.split;
    output.line(format_args!(
        "value       {} at first; price {}, yield {}, flows {}, costs {}; {} at the end",
        usd(summary.initial_value),
        usd(split.price_usd),
        usd(split.yield_usd),
        usd(split.flows_usd),
        usd(-split.costs_usd),
        usd(summary.final_value)
    ))?;
    if split.unpaid_usd > 0.0 {
        output.line(format_args!("unpaid      {} of what should have flowed out", usd(split.unpaid_usd)))?;
    }
    output.line(format_args!(
        "proposals   {} made: {} executed, {} withdrawn, {} expired, {} waiting; {} held back by one that waited",
        summary.proposals, summary.executed, summary.withdrawn, summary.expired, summary.waiting, summary.withheld
    ))?;
    if let Some(hours) = summary.delay_hours_mean {
        output.line(format_args!("delay       {hours:.1} h from proposal to execution, in the mean"))?;
    }
    if let Some(Spread { median, p90, longest }) = summary.people_hours {
        output.line(format_args!(
            "people      take {median:.1} h in the median, {p90:.1} h at the 90th percentile, {longest:.1} h at the longest"
        ))?;
    }
    if summary.withdrawn > 0 {
        output.line(format_args!("withdrawn   {}", by_rule(&summary.withdrawn_by_rule)))?;
    }
    if summary.reverts > 0 {
        let times = summary.reverts;
        output
            .line(format_args!("reverts     {times} times somebody would have executed, and it would have reverted"))?;
    }
    let rules = match summary.refusals {
        0 => String::new(),
        _ => format!(": {}", by_rule(&summary.refusals_by_rule)),
    };
    output.line(format_args!("refusals    {}{rules}", summary.refusals))?;
    for (strategy, why) in &summary.holds {
        let why: Vec<String> = why.iter().map(|(why, count)| format!("{} {count}", why.replace('_', " "))).collect();
        output.line(format_args!("wanted less {strategy}: {}", why.join(", ")))?;
    }
    output.line(format_args!(
        "turnover    {} of the mean value a year, {} trades; fees {}, slippage {}, impact {}, gas {}",
        percent(Some(summary.turnover)),
        summary.trades,
        usd(summary.paid.fees_usd),
        usd(summary.paid.slippage_usd),
        usd(summary.paid.impact_usd),
        usd(summary.paid.gas_usd)
    ))?;
    output.line(format_args!(
        "bands       outside of them at {} of {} decisions",
        percent(Some(summary.outside_bands_share)),
        summary.decisions
    ))?;
    if let Some(found) = &summary.forecast_tests {
        output.line(format_args!(
            "forecasts   {} met the day after them: QLIKE of the variance {}",
            found.forecasts,
            number(found.qlike)
        ))?;
        if let Some(var) = &found.var {
            output.line(format_args!(
                "VaR         exceeded {} times in {} days, {:.1} expected; p {:.3} by Kupiec, {:.3} by Christoffersen",
                var.breaches, var.days, var.expected, var.kupiec_p, var.conditional_p
            ))?;
        }
    }
    if let Some(months) = summary.runway_months_min {
        output.line(format_args!("runway      {months:.1} months at the least"))?;
    }
    for note in stated {
        output.line(format_args!("assumed     {note}"))?;
    }
    Ok(())
}

fn tell_trainings(trainings: &[Training], output: Output) -> Result<(), Failure> {
    let mut before = None;
    for training in trainings {
        let verdict = training.verdict();
        // What is refused for the same reason again and again is said once.
        let verdict = if before.as_ref() == Some(&verdict) { "the same".to_owned() } else { verdict.clone() };
        output.line(format_args!("trained     {} on {} records: {verdict}", day(training.at), training.records))?;
        before = Some(training.verdict());
    }
    Ok(())
}
