//! `backtest`: a policy on history, through the pipeline that runs live.

use super::{Exit, Failure, Output, args::BacktestArgs, data as reading, policy};
use crate::config::read_bounded;
use alloy::primitives::{B256, keccak256};
use quaestor_contracts::explain::rule_key;
use quaestor_core::{
    Catalog, Policy, RiskModel, Rule,
    policy::{ModelFallback, ModelTerms},
};
use quaestor_policies::VotedPolicy;
use quaestor_risk::{EwmaModel, learned::LearnedModel, model_file::ModelFile};
use quaestor_simulations::{
    Day, Panel,
    assumptions::{Assumptions, Checked, Costs, Delays, Fill, Targets, VALUE_USD},
    data::{self, DataSet, Kind, Selected, Window},
    engine::{self, Plan},
    market::{ETHER, Earns, Market, Source, unwrapped},
    metrics::{Figures, Summary},
    plain,
    report::{Provenance, Report, number, percent, usd},
    run::Run,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, time::Instant};

/// Most bytes of a file of assumptions.
const ASSUMPTIONS_BYTES_MAX: u64 = 1 << 20;
/// Most bytes of a model.
const MODEL_BYTES_MAX: u64 = 16 << 20;

pub(super) fn run(args: &BacktestArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let policy = match (&args.policy, &args.weights) {
        (Some(path), _) => policy::read(path, catalog)?,
        (None, weights) => plain_policy(weights.as_deref().unwrap_or_default(), args)?,
    };
    let (told, assumed) = assumptions(args, &policy)?;
    let Selected { panel, start, notes: mut said } = panel(args, &policy, &assumed)?;
    let market = Market::new(&panel, policy.terms(), &assumed).map_err(configuration)?;
    let (model, notes) = model(args, &policy, &panel, start)?;
    said.extend(notes);
    let plan =
        Plan { policy: &policy, model: model.as_ref(), market: &market, assumed: &assumed, start, thorough: true };
    let started = Instant::now();
    let found = engine::run(plan);
    let elapsed_secs = started.elapsed().as_secs_f64();
    let summary = Summary::of(&found, policy.terms(), &market);
    let stated = [holdings_and_flows(&told), stated(&policy, &market, &assumed, said)].concat();
    if assumed.fill == Fill::SameBar {
        output.progress("warning: --fill same-bar looks ahead: it executes at the very price that was decided on");
    }
    if let Some(path) = &args.csv {
        write(path, csv(&found, &policy, &market).as_bytes())?;
    }
    let provenance = Provenance {
        data_hash: panel.hash(),
        policy_hash: policy.hash(),
        model_hash: model.hash(),
        assumptions_hash: hash_of(&told)?,
        seed: args.seed,
    };
    if let Some(path) = &args.out {
        let report =
            Report { run: &found, summary: &summary, policy: &policy, market: &market, provenance, assumed: &stated };
        write(path, report.html().as_bytes())?;
    }
    tell(&summary, &found, &plan, &stated, elapsed_secs, output)?;
    let mut document = serde_json::to_value(&summary).map_err(|error| Failure::new(Exit::Internal, error))?;
    if let Value::Object(fields) = &mut document {
        fields.insert("data_hash".into(), json!(panel.hash()));
        fields.insert("policy_hash".into(), json!(policy.hash()));
        fields.insert("model_hash".into(), json!(model.hash()));
        fields.insert("assumptions_hash".into(), json!(provenance.assumptions_hash));
        fields.insert("seed".into(), json!(args.seed));
        fields.insert("from".into(), json!(panel.begins_at(start)));
        fields.insert("to".into(), json!(panel.ends().last()));
        fields.insert("bars".into(), json!(found.values.len()));
        fields.insert("assumptions".into(), json!(stated));
        fields.insert("proposals_made".into(), json!(found.proposals));
    }
    output.document(&document)?;
    Ok(Exit::Ok)
}

/// The policy that stands for plain weights.
fn plain_policy(weights: &str, args: &BacktestArgs) -> Result<VotedPolicy, Failure> {
    let weights = plain::weights(weights).map_err(|error| Failure::new(Exit::Usage, format!("--weights: {error}")))?;
    let slippage_bps = args.slippage_bps.unwrap_or(Costs::default().slippage_bps);
    let text = plain::policy(&weights, slippage_bps.saturating_add(args.fee_bps.unwrap_or_default()));
    quaestor_policies::parse(text.as_bytes(), &plain::catalog())
        .map_err(|problems| Failure::new(Exit::Internal, problems.in_file("the policy of --weights".to_owned())))
}

fn configuration(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Configuration, error)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", path.display())))
}

/// What is assumed, as it was told and as it fits the policy.
fn assumptions(args: &BacktestArgs, policy: &VotedPolicy) -> Result<(Assumptions, Checked), Failure> {
    let mut found = match &args.assume {
        // A plain comparison knows neither gas nor people.
        None if args.weights.is_some() => Assumptions {
            costs: Costs { gas_gwei: 0, ..Costs::default() },
            delays: Delays { safe_secs: 0, ..Delays::default() },
            ..Assumptions::default()
        },
        None => Assumptions::default(),
        Some(path) => {
            let file = path.display();
            let bytes =
                read_bounded(path, ASSUMPTIONS_BYTES_MAX).map_err(|error| configuration(format!("{file}: {error}")))?;
            toml::from_slice(&bytes).map_err(|error| configuration(format!("{file}: {error}")))?
        }
    };
    found.value_usd = args.value.or(found.value_usd);
    found.costs.slippage_bps = args.slippage_bps.unwrap_or(found.costs.slippage_bps);
    found.costs.fee_bps = args.fee_bps.or(found.costs.fee_bps);
    found.delays.safe_secs = args.signers_hours.map_or(found.delays.safe_secs, |hours| hours.saturating_mul(3_600));
    found.every_bars = args.every.or(found.every_bars);
    match args.targets.as_deref() {
        Some("before-costs") => found.costs.targets = Targets::BeforeCosts,
        Some(_) => found.costs.targets = Targets::AfterCosts,
        None => {}
    }
    match args.fill.as_deref() {
        Some("same-bar") => found.fill = Fill::SameBar,
        Some(_) => found.fill = Fill::NextBar,
        None => {}
    }
    if args.weights.is_some() && found.holdings.is_empty() {
        // All cash at first.
        let value = found.value_usd.unwrap_or(VALUE_USD).to_string();
        let cash = [(plain::CASH.to_owned(), value)].into();
        found.holdings.insert(plain::ACCOUNT.to_owned(), cash);
    }
    let file = args.assume.as_ref().map_or_else(|| "the assumptions".to_owned(), |path| path.display().to_string());
    let checked = found.check(policy.terms()).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(|problem| format!("{file}: {problem}")).collect();
        configuration(lines.join("\n"))
    })?;
    Ok((found, checked))
}

/// keccak256 of the JSON of what is assumed.
fn hash_of(told: &Assumptions) -> Result<B256, Failure> {
    let bytes = serde_json::to_vec(told).map_err(|error| Failure::new(Exit::Internal, error))?;
    Ok(keccak256(bytes))
}

/// Unix seconds of a day or a time, and whether it is a day.
fn moment(key: &str, text: &str) -> Result<(u64, bool), Failure> {
    data::parse_moment(text).ok_or_else(|| {
        let text = format!("{key} `{text}` is no day and no time; write such as `2020-03-12` or `2020-03-12 14:00`");
        Failure::new(Exit::Usage, text)
    })
}

/// The bars that all needed series have, and that of the first decision.
fn panel(args: &BacktestArgs, policy: &VotedPolicy, assumed: &Checked) -> Result<Selected, Failure> {
    const DAY_LAST_SEC: u64 = 86_399;
    let from = args.from.as_deref().map(|text| moment("--from", text)).transpose()?;
    let to = args.to.as_deref().map(|text| moment("--to", text)).transpose()?;
    let (from, to) = (from.map(|(at, _)| at), to.map(|(at, is_day)| if is_day { at + DAY_LAST_SEC } else { at }));
    if let (Some(_), Some(_), true) = (from, to, from > to) {
        let [from, to] = [&args.from, &args.to].map(|text| text.as_deref().unwrap_or_default());
        return Err(Failure::new(Exit::Usage, format!("--from {from} lies after --to {to}")));
    }
    let found = data::load(&args.data, &reading::options(&args.read))
        .map_err(|error| reading::failure(Exit::Configuration, &error))?;
    let window = Window { from, to, past: usize::from(policy.terms().risk.history_rounds) };
    let wanted = wanted(&found, policy, assumed);
    let in_file = |error| configuration(format!("{}: {error}", args.data.display()));
    data::panel(&found, &wanted, window).map_err(in_file)
}

/// Names of the series that assets of the policy have their prices from, and of what gas is paid in.
fn wanted<'a>(found: &'a DataSet, policy: &'a VotedPolicy, assumed: &'a Checked) -> Vec<&'a str> {
    let is_there = |name: &&str| found.get(Kind::Price, name).is_some();
    let of = |(asset, name): (&'a quaestor_core::Asset, &'a Option<String>)| match name.as_deref() {
        Some(name) => name,
        None => {
            let symbol = asset.symbol.as_str();
            let unwrapped = unwrapped(symbol).filter(is_there);
            Some(symbol).filter(is_there).or(unwrapped).unwrap_or(symbol)
        }
    };
    let mut names: Vec<&str> = policy.terms().assets.iter().zip(&assumed.names).map(of).collect();
    names.extend(found.of(Kind::Gas).map(|gas| gas.name.as_str()));
    if assumed.costs.gas_gwei > 0 {
        names.extend(ETHER.into_iter().find(is_there));
    }
    names
}

/// The model that the policy names, and what is to be said of it.
fn model(
    args: &BacktestArgs,
    policy: &VotedPolicy,
    panel: &Panel,
    start: usize,
) -> Result<(Box<dyn RiskModel>, Vec<String>), Failure> {
    let terms = &policy.terms().risk;
    if let Some(path) = &args.model {
        let file = path.display();
        let failed = |error: &dyn std::fmt::Display| configuration(format!("{file}: {error}"));
        let bytes = read_bounded(path, MODEL_BYTES_MAX).map_err(|error| failed(&error))?;
        let model =
            ModelFile::parse(&bytes, keccak256(&bytes)).and_then(LearnedModel::new).map_err(|error| failed(&error))?;
        let trained = u64::from(model.file().trained_at_day) * 86_400;
        let seen = (trained > panel.begins_at(start))
            .then(|| "the model was trained on days of this run: what it forecasts for them it has seen".to_owned());
        return Ok((Box::new(model), seen.into_iter().collect()));
    }
    match (&terms.model, terms.fallback) {
        (ModelTerms::Ewma, _) => Ok((Box::new(EwmaModel::default()), Vec::new())),
        (_, ModelFallback::Hold) => Err(Failure::new(
            Exit::Usage,
            "the policy names a trained model and holds without it; give one with --model",
        )),
        (_, ModelFallback::Ewma) => {
            let note = "the policy names a trained model and none was given (--model): its fallback, ewma, forecasts";
            Ok((Box::new(EwmaModel::default()), vec![note.to_owned()]))
        }
    }
}

/// What the treasury holds at first, and what flows.
fn holdings_and_flows(told: &Assumptions) -> Vec<String> {
    let mut found = Vec::new();
    for (account, held) in &told.holdings {
        let held: Vec<String> = held.iter().map(|(symbol, amount)| format!("{amount} {symbol}")).collect();
        found.push(format!("{account} holds {} at first", held.join(", ")));
    }
    if told.holdings.is_empty() {
        let value = told.value_usd.unwrap_or(VALUE_USD);
        found.push(format!("the first Safe holds {value} USD at first, by the policy's targets"));
    }
    for flow in &told.flows {
        found.push(format!("{}: {} {} of {} in thirty days", flow.name, flow.monthly, flow.asset, flow.account));
    }
    found
}

/// What the run assumes and the data does not say.
fn stated(policy: &VotedPolicy, market: &Market<'_>, assumed: &Checked, notes: Vec<String>) -> Vec<String> {
    let terms = policy.terms();
    let mut found = notes;
    for (asset, source) in terms.assets.iter().zip(&market.sources) {
        let symbol = &asset.symbol;
        match source {
            Source::Data(column) if market.panel.symbols()[*column] != *symbol => {
                found.push(format!("{symbol} is priced as {}", market.panel.symbols()[*column]));
            }
            Source::Data(_) => {}
            Source::Constant(price) => found.push(format!("{symbol} is taken at {} USD throughout", price.display())),
            Source::Shares { earns: Earns::Yearly(bps), .. } => {
                found.push(format!("{symbol} earns {bps} bps a year throughout (synthetic)"));
            }
            Source::Shares { earns: Earns::Index(name), .. } => {
                found.push(format!(
                    "{symbol} earns what the index {name} of the data grew by, each bar's as of its end"
                ));
            }
        }
    }
    let costs = assumed.costs;
    let fee = costs.fee_bps.map_or_else(|| "the pool's fee".to_owned(), |bps| format!("a fee of {bps} bps"));
    let on_top = if costs.targets == Targets::BeforeCosts { ", on top of what is bought" } else { "" };
    found.push(format!("a swap pays {fee} and {} bps of slippage{on_top}; pools are deep enough", costs.slippage_bps));
    found.push(match (market.panel.gas_token(), market.gas_column()) {
        (_, None) => "gas costs nothing: the data has no price of what it is paid in".to_owned(),
        (Some(token), _) => format!("gas costs what the data says, in gwei of {token}, each bar its mean"),
        (None, _) => format!("gas costs {} gwei throughout", costs.gas_gwei),
    });
    if let Some(bars) = assumed.every_bars {
        found.push(format!("it decides every {bars} bars, and not at the policy's schedule"));
    }
    if assumed.fill == Fill::SameBar {
        found.push(
            "LOOK-AHEAD: what is proposed is executed at the very price that was decided on, which nobody can"
                .to_owned(),
        );
        return found;
    }
    let hours = |secs: u64| (secs as f64 / 360.0).round() / 10.0;
    found.push(format!(
        "signers take {} h, a vote {} h",
        hours(assumed.delays.safe_secs),
        hours(assumed.delays.governor_secs())
    ));
    found.push("within a bar prices go straight from open to close".to_owned());
    found
}

fn csv(run: &Run, policy: &VotedPolicy, market: &Market<'_>) -> String {
    let symbols: Vec<&str> = policy.terms().assets.iter().map(|asset| asset.symbol.as_str()).collect();
    let columns: String = symbols.iter().map(|symbol| format!(",{symbol}_usd")).collect();
    let mut text = format!("time,value_usd,inflow_usd,return{columns}\n");
    let ends = &market.panel.ends()[run.start..];
    let rows = run.holdings.chunks_exact(run.width).skip(1);
    for ((((end, value), inflow), found), row) in
        ends.iter().zip(&run.values).zip(&run.inflows).zip(run.returns()).zip(rows)
    {
        let held: String = row.iter().map(|held| format!(",{held}")).collect();
        text.push_str(&format!("{end},{value},{inflow},{found}{held}\n"));
    }
    text
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
    let day = |at: u64| Day::at(at).map_or_else(String::new, |day| day.to_string());
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
        "turnover    {} of the mean value a year, {} trades; fees {}, slippage {}, gas {}",
        percent(Some(summary.turnover)),
        summary.trades,
        usd(summary.paid.fees_usd),
        usd(summary.paid.slippage_usd),
        usd(summary.paid.gas_usd)
    ))?;
    output.line(format_args!(
        "bands       outside of them at {} of {} decisions",
        percent(Some(summary.outside_bands_share)),
        summary.decisions
    ))?;
    if let Some(months) = summary.runway_months_min {
        output.line(format_args!("runway      {months:.1} months at the least"))?;
    }
    for note in stated {
        output.line(format_args!("assumed     {note}"))?;
    }
    Ok(())
}
