//! `policy impact`: history and scenarios under an old and a new policy, for the same treasury at the same prices and costs.

use super::super::{
    Exit, Failure, Output,
    args::{ImpactArgs, SetupArgs},
    backtest,
    differences::Differences,
    setup::{self, Setup, Stretch, configuration},
    stress::{self, Outcome},
};
use alloy::primitives::B256;
use quaestor_core::{Catalog, Policy};
use quaestor_simulations::{
    Day,
    data::DataSet,
    engine,
    market::Market,
    metrics::Summary,
    report::{Faced, ImpactReport, Share, Side, Under, percent},
    run::Run,
    scenario::{Group, Scenario},
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, path::Path, time::Instant};

/// What the two are called in tables.
const NAMES: [&str; 2] = ["old", "new"];

pub(in crate::cli) fn run(args: &ImpactArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let impact = Impact::of(args, catalog, output)?;
    if let Some(path) = &args.out {
        let page = impact.report(|report| report.html())?;
        backtest::write(path, page.as_bytes())?;
    }
    impact.tell(output)?;
    output.document(&impact.document()?)?;
    Ok(Exit::Ok)
}

/// Both runs over history, and both of each scenario.
pub(super) struct Impact {
    setups: [Setup; 2],
    runs: [Run; 2],
    summaries: [Summary; 2],
    faced: Vec<[Outcome; 2]>,
    /// Name of each scenario that was not run, and why.
    left_out: Vec<(String, String)>,
}

impl Impact {
    pub(super) fn of(args: &ImpactArgs, catalog: &Catalog, output: Output) -> Result<Self, Failure> {
        let of = |path: &Path| SetupArgs { policy: Some(path.into()), weights: None, world: args.world.clone() };
        let both = [of(&args.old), of(&args.new)];
        let data = setup::load(&both[0])?;
        let read = |stretch| Both::read(&both, catalog, &data, stretch, output);
        let setups = read(Stretch::Typed)?.over_the_same_bars(read)?.with_the_same_treasury(&args.new)?.0;
        let [old, new] = &setups;
        let runs = [thorough(old)?, thorough(new)?];
        let summary = |setup: &Setup, run: &Run| {
            Ok::<_, Failure>(Summary::of(run, setup.policy.terms(), &setup.market()?).with_statistics(
                run,
                args.world.seed,
                setup.var_tail,
            ))
        };
        let summaries = [summary(old, &runs[0])?, summary(new, &runs[1])?];
        let scenarios = stress::scenarios(&args.scenario)?;
        let (started, count) = (Instant::now(), scenarios.len());
        let last = read(Stretch::Last)?.with_the_same_treasury(&args.new)?;
        let (mut faced, mut left_out) = (Vec::new(), Vec::new());
        for (place, scenario) in scenarios.into_iter().enumerate() {
            if started.elapsed().as_secs() >= 1 {
                output.progress(format_args!("{}, {} of {count}", scenario.name, place + 1));
            }
            let name = scenario.name.clone();
            let outcome = match scenario.window() {
                Some((from, to)) => read(Stretch::Between(from, to))
                    .and_then(|both| both.with_the_same_treasury(&args.new))
                    .and_then(|both| both.face(scenario)),
                None => last.face(scenario),
            };
            match outcome {
                Ok(outcomes) => faced.push(outcomes),
                // Asked for by name, it must run.
                Err(failure) if failure.exit == Exit::Configuration && args.scenario.is_empty() => {
                    left_out.push((name, failure.message));
                }
                Err(failure) => return Err(failure),
            }
        }
        faced.sort_by_key(|[old, _]| old.scenario.group);
        Ok(Self { setups, runs, summaries, faced, left_out })
    }

    fn markets(&self) -> Result<[Market<'_>; 2], Failure> {
        let [old, new] = &self.setups;
        Ok([old.market()?, new.market()?])
    }

    /// What is assumed under any of the two, each once.
    fn stated(&self, markets: &[Market<'_>; 2]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for note in self.setups.iter().zip(markets).flat_map(|(setup, market)| setup.stated(market)) {
            if !found.contains(&note) {
                found.push(note);
            }
        }
        found
    }

    /// Does something with the report for people.
    fn report<T>(&self, with: impl FnOnce(&ImpactReport<'_>) -> T) -> Result<T, Failure> {
        let markets = self.markets()?;
        let stated = self.stated(&markets);
        let under = |place: usize| Under { run: &self.runs[place], summary: &self.summaries[place] };
        let side =
            |place: usize| Side { policy: &self.setups[place].policy, market: &markets[place], under: under(place) };
        let faced: Vec<Faced<'_>> = self
            .faced
            .iter()
            .map(|both| Faced {
                scenario: &both[0].scenario,
                stage: &both[0].stage,
                under: both.each_ref().map(|it| Under { run: &it.run, summary: &it.summary }),
            })
            .collect();
        let [old, new] = [self.setups[0].provenance()?, self.setups[1].provenance()?];
        let mut hashes: Vec<(&'static str, B256)> =
            vec![("old policy", old.policy_hash), ("new policy", new.policy_hash), ("data", new.data_hash)];
        // Policies of other assets see other columns of the same data.
        if old.data_hash != new.data_hash {
            hashes.push(("data as the old policy sees it", old.data_hash));
        }
        hashes.push(("model", new.model_hash));
        if old.model_hash != new.model_hash {
            hashes.push(("model of the old policy", old.model_hash));
        }
        hashes.push(("assumptions", new.assumptions_hash));
        if old.assumptions_hash != new.assumptions_hash {
            hashes.push(("assumptions that concern the old policy", old.assumptions_hash));
        }
        Ok(with(&ImpactReport {
            sides: [side(0), side(1)],
            faced: &faced,
            left_out: &self.left_out,
            assumed: &stated,
            hashes: &hashes,
            seed: new.seed,
        }))
    }

    /// What a person should know first, a sentence each.
    pub(super) fn findings(&self) -> Result<Vec<String>, Failure> {
        self.report(|report| report.findings())
    }

    /// Of the prices as the new policy sees them.
    pub(super) fn data_hash(&self) -> Result<B256, Failure> {
        Ok(self.setups[1].provenance()?.data_hash)
    }

    /// What `--json` says of history under each.
    fn histories(&self) -> Result<[Map<String, Value>; 2], Failure> {
        let markets = self.markets()?;
        let one = |place: usize| {
            let (setup, market) = (&self.setups[place], &markets[place]);
            backtest::document(setup, market, &self.runs[place], &self.summaries[place])
        };
        Ok([one(0)?, one(1)?])
    }

    fn document(&self) -> Result<Value, Failure> {
        let [mut old, mut new] = self.histories()?;
        let differences = Differences { a: &old, b: &new }.document();
        let internal = |error| Failure::new(Exit::Internal, error);
        for (place, into) in [&mut old, &mut new].into_iter().enumerate() {
            let faced = self.faced.iter().map(|both| both[place].document().map_err(internal));
            into.insert("scenarios".into(), Value::Array(faced.collect::<Result<_, _>>()?));
        }
        let (findings, shares) = self.report(|report| (report.findings(), report.shares()))?;
        let shares: BTreeMap<String, Value> =
            shares.iter().map(|(symbol, [old, new])| (symbol.clone(), json!({ "old": old, "new": new }))).collect();
        let left_out: Vec<Value> =
            self.left_out.iter().map(|(name, why)| json!({ "name": name, "why": why })).collect();
        Ok(json!({
            "findings": findings, "old": old, "new": new, "differences": differences, "shares": shares, "left_out": left_out,
        }))
    }

    fn tell(&self, output: Output) -> Result<(), Failure> {
        let [_, new] = &self.setups;
        let day = |at: Option<&u64>| at.and_then(|at| Day::at(*at)).map_or_else(String::new, |day| day.to_string());
        let ends = &new.panel.ends()[new.start..];
        output.line(format_args!(
            "{}: a change of policy, {} to {}, {} bars",
            new.policy.terms().name,
            day(ends.first()),
            day(ends.last()),
            ends.len()
        ))?;
        for (name, setup) in NAMES.iter().zip(&self.setups) {
            output.line(format_args!("{name}  {}", setup.policy.hash()))?;
        }
        output.line("")?;
        let (findings, shares) = self.report(|report| (report.findings(), report.shares()))?;
        for finding in findings {
            output.line(format_args!("- {finding}"))?;
        }
        output.line("")?;
        let [old, new] = self.histories()?;
        Differences { a: &old, b: &new }.tell(NAMES, output)?;
        output.line("")?;
        let head = ["old, mean", "new, mean", "old, last", "new, last"];
        output.line(format_args!("{:<16}{:>12}{:>12}{:>12}{:>12}", "shares", head[0], head[1], head[2], head[3]))?;
        for (symbol, [old, new]) in &shares {
            let of = |found: &Option<Share>| (percent(found.map(|it| it.mean)), percent(found.map(|it| it.last)));
            let ((old_mean, old_last), (new_mean, new_last)) = (of(old), of(new));
            output.line(format_args!("{symbol:<16}{old_mean:>12}{new_mean:>12}{old_last:>12}{new_last:>12}"))?;
        }
        self.tell_scenarios(output)?;
        let markets = self.markets()?;
        for note in self.stated(&markets) {
            output.line(format_args!("assumed     {note}"))?;
        }
        Ok(())
    }

    fn tell_scenarios(&self, output: Output) -> Result<(), Failure> {
        let name = self.faced.iter().map(|[old, _]| old.scenario.name.chars().count()).max().unwrap_or_default() + 2;
        let line = |cells: [&str; 10]| {
            let [called, origin, a, b, c, d, e, f, g, h] = cells;
            let text = format!("{called:<name$}  {origin:<9}{a:>10}{b:>10}{c:>10}{d:>10}{e:>8}{f:>8}{g:>6}{h:>6}");
            text.trim_end().to_owned()
        };
        output.line("")?;
        output.line(line(["scenarios", "", "change", "", "fall", "", "runway", "", "done", ""]))?;
        output.line(line(["", "", "old", "new", "old", "new", "old", "new", "old", "new"]))?;
        for group in Group::ALL {
            let rows: Vec<&[Outcome; 2]> = self.faced.iter().filter(|[old, _]| old.scenario.group == group).collect();
            if !rows.is_empty() {
                output.line(group.title())?;
            }
            for both in rows {
                let pair = |of: fn(&Summary) -> String| both.each_ref().map(|it| of(&it.summary));
                let [a, b] = pair(|it| percent(Some(it.final_value / it.initial_value - 1.0)));
                let [c, d] = pair(|it| percent(Some(it.figures.max_drawdown)));
                let [e, f] = pair(|it| it.runway_months_min.map_or_else(|| "–".to_owned(), |it| format!("{it:.1}")));
                let [g, h] = pair(|it| it.executed.to_string());
                let (called, origin) = (format!("  {}", both[0].scenario.name), both[0].stage.origin.word());
                output.line(line([&called, origin, &a, &b, &c, &d, &e, &f, &g, &h]))?;
            }
        }
        output.line("")?;
        for (name, why) in &self.left_out {
            output.line(format_args!("not run     {name}: {why}"))?;
        }
        output.line("synthetic   made up on top of the last prices of the data; what no shock changes stands still")
    }
}

fn thorough(setup: &Setup) -> Result<Run, Failure> {
    let market = setup.market()?;
    Ok(engine::run(setup.plan(&market, true)))
}

/// The old and the new policy with what they meet.
struct Both([Setup; 2]);

impl Both {
    fn read(
        args: &[SetupArgs; 2],
        catalog: &Catalog,
        data: &DataSet,
        stretch: Stretch,
        output: Output,
    ) -> Result<Self, Failure> {
        let policy = |of: &SetupArgs| super::read(of.policy.as_deref().unwrap_or(Path::new("")), catalog);
        let [old, new] = [policy(&args[0])?, policy(&args[1])?];
        let (of_old, of_new) = (old.terms().clone(), new.terms().clone());
        let old = Setup::of(old, Some(&of_new), &args[0], data, stretch, output)?;
        Ok(Self([old, Setup::of(new, Some(&of_old), &args[1], data, stretch, output)?]))
    }

    /// Where one policy needs prices that begin later or end earlier, or more of the past, both are read anew for the days that
    /// both can be run on.
    fn over_the_same_bars(self, read: impl Fn(Stretch) -> Result<Self, Failure>) -> Result<Self, Failure> {
        let bars = |of: &Setup| of.panel.ends()[of.start..].to_vec();
        let [old, new] = self.0.each_ref().map(bars);
        if old == new {
            return Ok(self);
        }
        let first = |bars: &[u64]| bars.first().copied().unwrap_or_default();
        let last = |bars: &[u64]| bars.last().copied().unwrap_or_default();
        let (from, to) = (first(&old).max(first(&new)), last(&old).min(last(&new)));
        let again = read(Stretch::Between(from, to))?;
        let [old, new] = again.0.each_ref().map(bars);
        if old == new {
            return Ok(again);
        }
        Err(configuration(
            "the prices that the two policies need do not have the same bars; compare them on data of one step that covers \
             the assets of both",
        ))
    }

    /// Without assumed holdings the treasury of both is what the old policy's targets make of its value.
    fn with_the_same_treasury(mut self, file: &Path) -> Result<Self, Failure> {
        let [old, new] = &mut self.0;
        if !old.told.holdings.is_empty() {
            return Ok(self);
        }
        let balances = {
            let market = old.market()?;
            engine::opening_balances(&old.plan(&market, false))
        };
        let terms = old.policy.terms();
        let mut holdings: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (account, row) in terms.accounts.iter().zip(balances) {
            for (asset, amount) in terms.assets.iter().zip(row).filter(|(_, amount)| !amount.is_zero()) {
                let amount = amount.display(asset.decimals).to_string();
                holdings.entry(account.name.clone()).or_default().insert(asset.symbol.clone(), amount);
            }
        }
        old.hold(holdings.clone())?;
        new.hold(holdings).map_err(|failure| {
            let text = format!(
                "{}: the treasury, as the old policy has it, holds what this policy does not list; say with --assume what it holds \
                 under both\n{}",
                file.display(),
                failure.message
            );
            Failure::new(failure.exit, text)
        })?;
        Ok(self)
    }

    fn face(&self, scenario: Scenario) -> Result<[Outcome; 2], Failure> {
        let [old, new] = &self.0;
        Ok([Outcome::of(old, scenario.clone())?, Outcome::of(new, scenario)?])
    }
}
