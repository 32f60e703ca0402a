//! `fidelity`: the whole agent on a local chain against the fast engine.

use super::{Exit, Failure, Output, args::FidelityArgs, backtest, data as reading, setup};
use crate::{
    config::read_bounded,
    demo::stage,
    fidelity::{self, AMOUNT_BPS_MAX, End, FidelityError, NAV_BPS_MAX, Progress, Proposal, Report, Setting},
};
use quaestor_core::{Catalog, Policy};
use quaestor_policies::{FILE_BYTES_MAX, VotedPolicy};
use quaestor_simulations::{
    DataError, Day, Panel,
    assumptions::Assumptions,
    data::{self, DataSet, Options, Window},
    market::history_bars,
};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// What runs where nothing is named.
const POLICY: &str = include_str!("../../../../simulations/examples/fidelity-policy.toml");
const ASSUMPTIONS: &str = include_str!("../../../../simulations/examples/fidelity.toml");
/// The shipped prices.
const SHIPPED: [(&str, &str); 3] = [("USDC", stage::USDC), ("ETH", stage::ETH), ("BTC", stage::BTC)];
const DAY_SECS: u64 = 86_400;
/// Time between two lines of progress.
const TELL: Duration = Duration::from_secs(2);

pub(super) async fn run(args: &FidelityArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let text = policy_text(args)?;
    let policy = quaestor_policies::parse(text.as_bytes(), catalog)
        .map_err(|problems| setup::configuration(problems.in_file(policy_name(args))))?;
    let assumptions = assumptions(args)?;
    let (panel, start) = prices(args, &policy, &assumptions)?;
    let folder = make_folder()?;
    let setting = Setting { policy: &text, assumptions, panel: &panel, start, catalog, folder: &folder };
    output.progress("the local DAO is being built");
    let mut clock = Clock { begun: Instant::now(), told: Instant::now(), output };
    let report = tokio::select! {
        report = fidelity::run(&setting, |progress| clock.tell(progress)) => report,
        _ = tokio::signal::ctrl_c() => {
            // Dropping the run ended agent and chain.
            let _ = std::fs::remove_dir_all(&folder);
            return Err(Failure::new(Exit::Failed, "stopped before its end"));
        }
    };
    let report = report.map_err(|error| failed(&error, &folder))?;
    if let Some(path) = &args.out {
        let bytes = serde_json::to_vec_pretty(&report).map_err(|error| Failure::new(Exit::Internal, error))?;
        backtest::write(path, &bytes)?;
    }
    let within = report.comparison.within;
    tell(&report, output)?;
    if args.keep || !within {
        output.line(format_args!("files       {}", folder.display()))?;
    } else {
        // A temporary folder that cannot be removed is no failure of the run.
        let _ = std::fs::remove_dir_all(&folder);
    }
    output.document(&report)?;
    Ok(if within { Exit::Ok } else { Exit::Failed })
}

fn policy_name(args: &FidelityArgs) -> String {
    args.policy.as_ref().map_or_else(|| "the shipped policy".to_owned(), |path| path.display().to_string())
}

fn policy_text(args: &FidelityArgs) -> Result<String, Failure> {
    let Some(path) = &args.policy else { return Ok(POLICY.to_owned()) };
    let failed = |error: &dyn std::fmt::Display| setup::configuration(format!("{}: {error}", path.display()));
    let bytes = read_bounded(path, FILE_BYTES_MAX as u64).map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

fn assumptions(args: &FidelityArgs) -> Result<Assumptions, Failure> {
    let own: Assumptions = toml::from_str(ASSUMPTIONS).map_err(|error| Failure::new(Exit::Internal, error))?;
    let Some(path) = &args.assume else {
        if args.policy.is_none() {
            return Ok(own);
        }
        // Its names are those of its own policy.
        return Ok(Assumptions { delays: own.delays, costs: own.costs, ..Assumptions::default() });
    };
    let failed = |error: &dyn std::fmt::Display| setup::configuration(format!("{}: {error}", path.display()));
    let bytes = read_bounded(path, setup::ASSUMPTIONS_BYTES_MAX).map_err(|error| failed(&error))?;
    toml::from_slice(&bytes).map_err(|error| failed(&error))
}

/// The days of the run with the past that feeds show, and the first bar that is decided at.
fn prices(args: &FidelityArgs, policy: &VotedPolicy, told: &Assumptions) -> Result<(Panel, usize), Failure> {
    let (from, _) = setup::moment("--from", &args.from)?;
    let from = from / DAY_SECS * DAY_SECS;
    let last = from + (u64::from(args.days) - 1) * DAY_SECS;
    let past = history_bars(&policy.terms().risk, DAY_SECS);
    let options = reading::options(&args.read);
    let (found, name) = match &args.data {
        Some(path) => (data::load(path, &options), path.display().to_string()),
        None => (shipped(&options), "the shipped prices".to_owned()),
    };
    let found = found.map_err(|error| reading::failure(Exit::Configuration, &error))?;
    let checked = told.check(policy.terms()).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(|problem| format!("the assumptions: {problem}")).collect();
        setup::configuration(lines.join("\n"))
    })?;
    let wanted = setup::wanted(&found, policy, &checked);
    let window = Window { from: Some(from), to: Some(last + DAY_SECS - 1), past };
    let selected =
        data::panel(&found, &wanted, window).map_err(|error| setup::configuration(format!("{name}: {error}")))?;
    Ok((selected.panel, selected.start))
}

/// The prices that come with the program.
fn shipped(options: &Options) -> Result<DataSet, DataError> {
    let mut found = DataSet::default();
    for (name, text) in SHIPPED {
        found.extend(data::load_text(&format!("{name}.csv"), text.as_bytes(), options)?)?;
    }
    Ok(found)
}

fn make_folder() -> Result<PathBuf, Failure> {
    let folder = std::env::temp_dir().join(format!("quaestor-fidelity-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| Failure::new(Exit::Internal, error))?;
    Ok(folder)
}

/// What was written is named; it says more than the error.
fn failed(error: &FidelityError, folder: &Path) -> Failure {
    let exit = match error {
        FidelityError::Unfit { .. }
        | FidelityError::Policy(_)
        | FidelityError::Market(_)
        | FidelityError::Panel(_)
        | FidelityError::Config(_) => Exit::Configuration,
        FidelityError::Devnet(_) | FidelityError::Start(_) | FidelityError::Agent(_) | FidelityError::Chain { .. } => {
            Exit::Chain
        }
        FidelityError::Journal(_) => Exit::Journal,
        FidelityError::File { .. } | FidelityError::Restless { .. } => Exit::Failed,
    };
    let left = match std::fs::remove_dir(folder) {
        Ok(()) => String::new(),
        Err(_) => format!("; files: {}", folder.display()),
    };
    Failure::new(exit, format!("{error}{left}"))
}

/// Tells how far it is and how long it will take.
struct Clock {
    begun: Instant,
    told: Instant,
    output: Output,
}

impl Clock {
    fn tell(&mut self, progress: Progress) {
        let Progress { done, bars, at } = progress;
        if done == 1 {
            // The chain stood only now.
            self.begun = Instant::now();
        }
        if done < bars && self.told.elapsed() < TELL {
            return;
        }
        self.told = Instant::now();
        let a_bar = self.begun.elapsed().as_secs_f64() / done.saturating_sub(1).max(1) as f64;
        let left = a_bar * (bars - done) as f64;
        self.output.progress(format_args!("day {done} of {bars}, {}; about {left:.0} s left", day(at)));
    }
}

fn day(at: u64) -> String {
    Day::at(at).map_or_else(String::new, |day| day.to_string())
}

/// Dollars and cents with separators.
fn usd(value: f64) -> String {
    let cents = (value * 100.0).round() as u128;
    let whole = (cents / 100).to_string();
    let groups: Vec<&str> =
        whole.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    format!("{}.{:02}", groups.join(","), cents % 100)
}

fn bps(value: f64) -> String {
    format!("{value:.4} bps")
}

fn tell(report: &Report, output: Output) -> Result<(), Failure> {
    let found = &report.comparison;
    let closes = &report.closes;
    let (from, to) =
        (closes.first().map_or_else(String::new, |at| day(*at)), closes.last().map_or_else(String::new, |at| day(*at)));
    output.line(format_args!("{}: {} days, {from} to {to}", report.policy, closes.len()))?;
    output.line("")?;
    output.line(format_args!("{:<20}{:>20}{:>20}{:>16}", "", "agent on the chain", "fast engine", "difference"))?;
    output.line(format_args!(
        "{:<20}{:>20}{:>20}{:>16}",
        "NAV at the end, USD",
        usd(found.nav_agent),
        usd(found.nav_engine),
        bps(found.nav_end_bps)
    ))?;
    let worst = closes.get(found.nav_worst_bar).map_or_else(String::new, |at| day(*at));
    let value = |side: &[f64]| side.get(found.nav_worst_bar).map_or_else(String::new, |value| usd(*value));
    output.line(format_args!(
        "{:<20}{:>20}{:>20}{:>16}",
        format!("at worst, {worst}"),
        value(&report.agent.nav),
        value(&report.engine.nav),
        bps(found.nav_worst_bps)
    ))?;
    let (made, wanted) = (&report.agent.proposals, &report.engine.proposals);
    output.line(format_args!("{:<20}{:>20}{:>20}", "proposals", made.len(), wanted.len()))?;
    let ran = |side: &[Proposal]| side.iter().filter(|proposal| proposal.end.ran_at().is_some()).count();
    output.line(format_args!("{:<20}{:>20}{:>20}", "executed", ran(made), ran(wanted)))?;
    output.line("")?;
    output.line(format_args!(
        "proposals   {} matched, {} missing, {} extra, {} different; amounts differ by {} at the most",
        found.matched.len(),
        found.missing.len(),
        found.extra.len(),
        found.differing.len(),
        bps(found.amount_worst_bps)
    ))?;
    for it in &found.matched {
        output.line(format_args!(
            "            {} {}: {}; {}; {}",
            day(it.decided_at),
            it.account,
            it.deeds.join(", "),
            bps(it.amount_bps),
            ended(it.agent, it.engine)
        ))?;
    }
    for (what, proposals) in [("missing", &found.missing), ("extra", &found.extra)] {
        for it in proposals {
            output.line(format_args!("{what:<12}{} {}: {}", day(it.decided_at), it.account, deeds(it)))?;
        }
    }
    for it in &found.differing {
        output.line(format_args!("different   {} {}: {}", day(it.engine.decided_at), it.engine.account, it.what))?;
    }
    let chain = report.chain;
    output.line(format_args!(
        "chain       {} Safe transactions approved and {} votes proposed by the agent, {} batches entered the gate, {} revoked; {} \
         executions would have reverted; {} blocks in {:.1} s",
        chain.approved, chain.proposed, chain.entered, chain.revoked, chain.reverts, chain.blocks, report.chain_secs
    ))?;
    output.line(format_args!(
        "engine      {:.1} ms; what both executed was {} s apart at the most",
        report.engine_secs * 1_000.0,
        found.ran_apart_secs
    ))?;
    for alarm in &report.alarms {
        output.line(format_args!("alarm       {alarm}"))?;
    }
    for note in &report.notes {
        output.line(format_args!("note        {note}"))?;
    }
    output.line(match found.within {
        true => format!("verdict     within: the same proposals, and less than {NAV_BPS_MAX} bps of NAV at the end"),
        false => format!(
            "verdict     DIFFERS: wanted are the same proposals with amounts within {AMOUNT_BPS_MAX} bps, and less than \
             {NAV_BPS_MAX} bps of NAV at the end"
        ),
    })
}

fn deeds(proposal: &Proposal) -> String {
    let trades = proposal.deeds.iter().filter(|deed| deed.action != "approve");
    let each: Vec<String> = trades
        .map(|deed| format!("{} {} {} {} {}", deed.strategy, deed.action, deed.amount, deed.give, deed.to))
        .collect();
    format!("{}; {}", each.join(", "), word(proposal.end))
}

fn ended(agent: End, engine: End) -> String {
    match (word(agent), word(engine)) {
        (agent, engine) if agent == engine => agent.to_owned(),
        (agent, engine) => format!("{agent}, in the engine {engine}"),
    }
}

fn word(end: End) -> &'static str {
    match end {
        End::Executed { .. } => "executed",
        End::Withdrawn => "withdrawn",
        End::Expired => "expired",
        End::Waiting => "waiting",
    }
}
