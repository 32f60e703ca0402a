//! `stress`: a policy through scenarios.

use super::{
    Exit, Failure, Output,
    args::{SetupArgs, StressArgs},
    backtest::write,
    setup::{self, Setup, Stretch, configuration},
    stated,
};
use crate::config::read_bounded;
use quaestor_core::{Catalog, Policy};
use quaestor_simulations::{
    engine::{self, Plan},
    market::Market,
    metrics::Summary,
    report::{Played, StressReport, percent, usd},
    run::Run,
    scenario::{FILE_BYTES_MAX, Group, Origin, SHIPPED, Scenario, Stage, shipped},
};
use serde_json::{Value, json};
use std::{path::Path, time::Instant};

pub(super) fn run(args: &StressArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    if let Some(name) = &args.show {
        let (_, text) = SHIPPED.iter().find(|(known, _)| *known == name.as_str()).ok_or_else(|| unknown(name))?;
        output.write(text)?;
        return Ok(Exit::Ok);
    }
    if args.list {
        for scenario in all_shipped()? {
            let word = scenario.origin().word();
            output.line(format_args!(
                "{:<18} {:<18} {word:<10} {}",
                scenario.name,
                scenario.group.title(),
                scenario.title
            ))?;
        }
        return Ok(Exit::Ok);
    }
    let setup = &args.setup;
    if setup.world.from.is_some() {
        let text = "--from says nothing to scenarios: a replay names its days, and what is made up begins after the last bar (--to)";
        return Err(Failure::new(Exit::Usage, text));
    }
    if setup.world.train_every.is_some() {
        let text = "--train-every is for history: all scenarios are forecast by the same model; give one with --model";
        return Err(Failure::new(Exit::Usage, text));
    }
    let scenarios = scenarios(&args.scenario)?;
    let found = Stressed::of(setup, catalog, scenarios, !args.scenario.is_empty(), output)?;
    found.write(args)?;
    found.tell(output)?;
    stated::tell_provenance(&found.provenance, output)?;
    output.document(&found.document()?)?;
    Ok(Exit::Ok)
}

fn unknown(name: &str) -> Failure {
    let known = SHIPPED.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    Failure::new(Exit::Usage, format!("`{name}` is no shipped scenario; those are: {known}"))
}

fn all_shipped() -> Result<Vec<Scenario>, Failure> {
    let one = |(name, _): &(&str, &str)| shipped(name).ok_or_else(|| unknown(name))?.map_err(configuration);
    SHIPPED.iter().map(one).collect()
}

/// Those named, or all shipped ones. Everything that is wrong with any of the files is told at once.
pub(super) fn scenarios(named: &[String]) -> Result<Vec<Scenario>, Failure> {
    if named.is_empty() {
        return all_shipped();
    }
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for name in named {
        let parsed = match shipped(name) {
            Some(parsed) => parsed,
            // What looks like no file was meant as a name.
            None if !Path::new(name).exists() && !name.contains(['.', '/', '\\']) => return Err(unknown(name)),
            None => {
                let bytes = read_bounded(Path::new(name), FILE_BYTES_MAX as u64);
                let text = bytes
                    .map_err(|error| error.to_string())
                    .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "is no text; save it as UTF-8".to_owned()));
                match text {
                    Ok(text) => Scenario::parse(name, &text),
                    Err(error) => {
                        wrong.push(format!("{name}: {error}"));
                        continue;
                    }
                }
            }
        };
        match parsed {
            Ok(scenario) => found.push(scenario),
            Err(problems) => wrong.push(problems.to_string()),
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(configuration(wrong.join("\n"))) }
}

/// A scenario that was run.
pub(super) struct Outcome {
    pub(super) scenario: Scenario,
    pub(super) stage: Stage,
    pub(super) run: Run,
    pub(super) summary: Summary,
    /// Policy, model and assumptions are the same in all; data are of its own days.
    pub(super) data_hash: alloy::primitives::B256,
    /// What is assumed beside the scenario.
    pub(super) stated: Vec<String>,
}

impl Outcome {
    /// Runs a scenario on the days that it asks for.
    pub(super) fn of(setup: &Setup, scenario: Scenario) -> Result<Self, Failure> {
        let market = setup.market()?;
        let base = setup.plan(&market, true);
        let stage = scenario.stage(&base).map_err(configuration)?;
        let terms = setup.policy.terms();
        let staged = Market::new(&stage.panel, terms, &stage.assumed).map_err(configuration)?;
        let plan =
            Plan { market: &staged, assumed: &stage.assumed, start: stage.start, events: Some(&stage.events), ..base };
        let run = engine::run(plan);
        let summary = Summary::of(&run, terms, &staged);
        let (data_hash, stated) = (setup.panel.hash(), setup.stated(&market));
        Ok(Self { scenario, stage, run, summary, data_hash, stated })
    }

    pub(super) fn document(&self) -> Result<Value, serde_json::Error> {
        let mut one = serde_json::to_value(&self.summary)?;
        if let Value::Object(fields) = &mut one {
            let (panel, start) = (&self.stage.panel, self.run.start);
            let own = json!({
                "name": self.scenario.name,
                "title": self.scenario.title,
                "group": self.scenario.group,
                "prices": self.stage.origin,
                "is_synthetic": self.stage.origin != Origin::Replayed,
                "scenario_hash": self.scenario.hash,
                "data_hash": self.data_hash,
                "prices_hash": panel.hash(),
                "from": panel.begins_at(start),
                "to": panel.ends().last(),
                "bars": self.run.values.len(),
                "times": &panel.ends()[start..],
                "values": self.run.values,
                "events": self.stage.shades,
                "notes": self.stage.notes,
                "assumptions": self.stated,
                "proposals_made": self.run.proposals,
            });
            fields.extend(own.as_object().cloned().unwrap_or_default());
        }
        Ok(one)
    }

    pub(super) fn played(&self) -> Played<'_> {
        let Self { scenario, stage, run, summary, .. } = self;
        Played { scenario, stage, run, summary }
    }
}

struct Stressed {
    policy: String,
    outcomes: Vec<Outcome>,
    /// Name of each that was not run, and why.
    left_out: Vec<(String, String)>,
    provenance: quaestor_simulations::report::Provenance,
}

impl Stressed {
    /// Runs `scenarios`. Those that do not go with data or policy are left out, or an error if they were asked for by name.
    fn of(
        args: &SetupArgs,
        catalog: &Catalog,
        scenarios: Vec<Scenario>,
        are_named: bool,
        output: Output,
    ) -> Result<Self, Failure> {
        let (started, count) = (Instant::now(), scenarios.len());
        let data = setup::load(args)?;
        let last = Setup::on(args, catalog, &data, Stretch::Last, output)?;
        let (mut outcomes, mut left_out) = (Vec::new(), Vec::new());
        for (place, scenario) in scenarios.into_iter().enumerate() {
            let name = scenario.name.clone();
            if started.elapsed().as_secs() >= 1 {
                output.progress(format_args!("{name}, {} of {count}", place + 1));
            }
            let played = match scenario.window() {
                Some((from, to)) => Setup::on(args, catalog, &data, Stretch::Between(from, to), output)
                    .and_then(|setup| Outcome::of(&setup, scenario)),
                // What is made up goes on from the data's end.
                None => Outcome::of(&last, scenario),
            };
            match played {
                Ok(outcome) => outcomes.push(outcome),
                Err(failure) if failure.exit == Exit::Configuration => left_out.push((name, failure.message)),
                Err(failure) => return Err(failure),
            }
        }
        if !left_out.is_empty() && (are_named || outcomes.is_empty()) {
            let line = |(name, why): &(String, String)| {
                if why.contains(name.as_str()) { why.clone() } else { format!("{name}: {why}") }
            };
            return Err(configuration(left_out.iter().map(line).collect::<Vec<_>>().join("\n")));
        }
        outcomes.sort_by_key(|it| it.scenario.group);
        let policy = last.policy.terms().name.clone();
        Ok(Self { policy, outcomes, left_out, provenance: last.provenance()? })
    }

    fn played(&self) -> Vec<Played<'_>> {
        self.outcomes.iter().map(Outcome::played).collect()
    }

    /// What is assumed in any of them, each once.
    fn stated(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for note in self.outcomes.iter().flat_map(|it| &it.stated) {
            if !found.contains(note) {
                found.push(note.clone());
            }
        }
        found
    }

    fn write(&self, args: &StressArgs) -> Result<(), Failure> {
        if let Some(path) = &args.csv {
            write(path, self.csv().as_bytes())?;
        }
        if let Some(path) = &args.out {
            let (played, stated) = (self.played(), self.stated());
            let provenance = &self.provenance;
            let hashes = [
                ("policy", provenance.policy_hash),
                ("model", provenance.model_hash),
                ("assumptions", provenance.assumptions_hash),
            ];
            let report = StressReport {
                policy: &self.policy,
                played: &played,
                left_out: &self.left_out,
                assumed: &stated,
                hashes: &hashes,
                seed: provenance.seed,
            };
            write(path, report.html().as_bytes())?;
        }
        Ok(())
    }

    fn csv(&self) -> String {
        let mut text = "scenario,prices,time,value_usd,hold_usd,inflow_usd\n".to_owned();
        for it in &self.outcomes {
            let hold = it.summary.rivals.iter().find(|rival| rival.name == "hold").map(|rival| &rival.values);
            let ends = &it.stage.panel.ends()[it.run.start..];
            for (place, ((end, value), inflow)) in ends.iter().zip(&it.run.values).zip(&it.run.inflows).enumerate() {
                let held = hold.and_then(|values| values.get(place)).copied().unwrap_or_default();
                let (name, prices) = (&it.scenario.name, it.stage.origin.word());
                text.push_str(&format!("{name},{prices},{end},{value},{held},{inflow}\n"));
            }
        }
        text
    }

    fn document(&self) -> Result<Value, Failure> {
        let internal = |error| Failure::new(Exit::Internal, error);
        let mut scenarios = Vec::new();
        for it in &self.outcomes {
            scenarios.push(it.document().map_err(internal)?);
        }
        let left_out: Vec<Value> =
            self.left_out.iter().map(|(name, why)| json!({ "name": name, "why": why })).collect();
        let provenance = &self.provenance;
        Ok(json!({
            "policy": self.policy,
            "policy_hash": provenance.policy_hash,
            "model_hash": provenance.model_hash,
            "assumptions_hash": provenance.assumptions_hash,
            "seed": provenance.seed,
            "scenarios": scenarios,
            "left_out": left_out,
        }))
    }

    fn tell(&self, output: Output) -> Result<(), Failure> {
        let played = self.played();
        let widest = |of: fn(&Played<'_>) -> usize| played.iter().map(of).max().unwrap_or_default();
        let name = widest(|it| it.scenario.name.chars().count()) + 2;
        let origin = widest(|it| it.stage.origin.word().chars().count());
        let head = |cells: [&str; 11]| {
            let [first, end, change, hold, fall, runway, made, done, drawn, expired, most] = cells;
            format!(
                "{:<name$}  {:<origin$}{first:>13}{end:>13}{change:>10}{hold:>10}{fall:>10}{runway:>8}{made:>6}{done:>6}{drawn:>7}{expired:>9}  {most}",
                "", ""
            )
        };
        output.line(format_args!("{} under stress", self.policy))?;
        output.line("")?;
        output.line(head(["value USD", "value USD", "", "", "deepest", "least", "", "", "with-", "", "refused"]))?;
        let under =
            ["at first", "at end", "change", "hold", "fall", "runway", "made", "done", "drawn", "expired", "most"];
        output.line(head(under))?;
        for group in Group::ALL {
            let rows: Vec<&Played<'_>> = played.iter().filter(|it| it.scenario.group == group).collect();
            if !rows.is_empty() {
                output.line(group.title())?;
            }
            for it in rows {
                let summary = it.summary;
                let change = |value: f64| percent(Some(value / summary.initial_value - 1.0));
                let runway = summary.runway_months_min.map_or_else(|| "–".to_owned(), |months| format!("{months:.1}"));
                let most = it.refused_most().map_or_else(|| "–".to_owned(), |(rule, count)| format!("{rule} {count}"));
                let called = format!("  {}", it.scenario.name);
                output.line(format_args!(
                    "{called:<name$}  {:<origin$}{:>13}{:>13}{:>10}{:>10}{:>10}{runway:>8}{:>6}{:>6}{:>7}{:>9}  {most}",
                    it.stage.origin.word(),
                    usd(summary.initial_value),
                    usd(summary.final_value),
                    change(summary.final_value),
                    change(it.held()),
                    percent(Some(summary.figures.max_drawdown)),
                    summary.proposals,
                    summary.executed,
                    summary.withdrawn,
                    summary.expired,
                ))?;
            }
        }
        output.line("")?;
        for (name, why) in &self.left_out {
            output.line(format_args!("not run     {name}: {why}"))?;
        }
        output.line("hold        the same treasury, managed by nobody; runway is in months at the policy's burn")?;
        if self.outcomes.iter().any(|it| it.stage.origin != Origin::Replayed) {
            output.line(
                "synthetic   made up on top of the last prices of the data; what no shock changes stands still",
            )?;
        }
        for note in self.stated() {
            output.line(format_args!("assumed     {note}"))?;
        }
        Ok(())
    }
}
