//! The command line: what is typed becomes one function call, and its outcome an exit code.
//!
//! Results go to stdout, as plain lines or with `--json` as one document; log lines and errors go to stderr.

pub mod args;
mod backtest;
mod compare;
mod contracts;
mod data;
mod demo;
mod devnet;
mod differences;
mod exit;
mod federation;
mod fetch;
mod fidelity;
mod init;
mod interrupt;
mod journal;
mod memory;
mod merge;
mod montecarlo;
mod output;
mod parts;
mod person;
mod policy;
mod privacy;
mod progress;
mod risk;
mod run;
mod safe;
mod setup;
mod stated;
mod status;
mod stress;
mod sweep;
mod telemetry;
mod train;
mod verify;

pub use exit::{Exit, Failure};
pub use output::Output;
pub use telemetry::{LogArgs, start as start_telemetry};

use crate::config::LogConfig;
use args::{
    BacktestArgs, CompareArgs, CompletionsArgs, ContractsCommand, DataCommand, DemoArgs, DevnetArgs, FederationCommand,
    FidelityArgs, InitArgs, JournalCommand, MergeArgs, MontecarloArgs, PolicyCommand, PrivacyCommand, RiskCommand,
    RunArgs, SafeCommand, StatusArgs, StressArgs, SweepArgs, TrainArgs, VerifyArgs,
};
use clap::{CommandFactory, Parser, Subcommand};
use exit::EXIT_CODES;
use quaestor_core::Catalog;
use std::{future::Future, process::ExitCode};

/// Everything that can be typed.
#[derive(Debug, Parser)]
#[command(
    name = "quaestor",
    version,
    about = "Watches a DAO's treasury and proposes what the voted policy allows",
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = EXIT_CODES
)]
struct Cli {
    #[command(flatten)]
    log: LogArgs,
    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
enum Command {
    /// Tell the whole story on a local chain: vote, crash, proposal, brake, kill, refill
    #[command(
        after_help = "It needs Node.js 20 or later, whose npm installs the contract packages once, and takes about a minute. Nothing is sent \
                      to any chain but its own.\n\nExamples:\n  quaestor demo\n  quaestor demo --json | tail -n 1 | jq .ok"
    )]
    Demo(DemoArgs),
    /// Keep the demo's DAO up on a local chain, with the files of an agent for it
    #[command(after_help = "Examples:\n  quaestor devnet\n  quaestor devnet --dir /tmp/dao --day-secs 10")]
    Devnet(DevnetArgs),
    /// Run the agent: it observes, decides, checks, proposes and tracks until it is told to stop
    #[command(
        after_help = "Examples:\n  quaestor run --config agent.toml\n  quaestor run --log quaestor=debug --log-format json"
    )]
    Run(RunArgs),
    /// Say how agent, policy, brake, treasury and proposals stand, also while the agent runs
    #[command(after_help = "Examples:\n  quaestor status\n  quaestor status --config agent.toml --json")]
    Status(StatusArgs),
    /// Recompute a published decision, and say at which level each part of it was checked
    #[command(
        after_help = "Examples:\n  quaestor verify bundles/1.json\n  quaestor verify bundles/1.json --rpc-url env:RPC_URL --json\n  \
                      quaestor verify receipt.json"
    )]
    Verify(VerifyArgs),
    /// Write a commented agent.toml and a starting policy.toml for a DAO that exists
    #[command(
        after_help = "Examples:\n  quaestor init --dir dao\n  quaestor init --rpc-url env:RPC_URL --contracts contracts.json --safe 0x… --governor 0x… \\\n    \
                      --asset stable:0x…:0x… --asset volatile:0x…:0x… --router 0x… --key-env QUAESTOR_KEY"
    )]
    Init(InitArgs),
    /// Deploy the three contracts for a DAO that exists
    #[command(
        subcommand,
        after_help = args::DEPLOY_HELP
    )]
    Contracts(ContractsCommand),
    /// For an owner of the Safe: read, check, then confirm or execute what the agent proposed
    #[command(
        subcommand,
        after_help = "Examples:\n  quaestor safe confirm 0x… --bundle bundles/1.json --rpc-url env:RPC_URL \\\n    --keystore owner.json \
                      --password-env PASSWORD\n  quaestor safe execute 0x… --bundle https://dao.example/bundles/1.json \\\n    --rpc-url \
                      env:RPC_URL --gate 0x… --key-env OWNER_KEY"
    )]
    Safe(SafeCommand),
    /// Begin a policy, check it, say what it permits and what a change would have done, or hold it against the chain
    #[command(
        subcommand,
        after_help = "Examples:\n  quaestor policy new --from balanced\n  quaestor policy check policy.toml\n  quaestor policy explain policy.toml\n  quaestor policy hash policy.toml \
                      --json\n  quaestor policy diff policy.toml new.toml\n  quaestor policy impact policy.toml new.toml --data prices/\n  quaestor policy verify\n  quaestor \
                      policy audit --from 21000000"
    )]
    Policy(PolicyCommand),
    /// Say what the risk model in force forecasts, and why
    #[command(
        subcommand,
        after_help = "Examples:\n  quaestor risk show\n  quaestor risk explain --config agent.toml --json"
    )]
    Risk(RiskCommand),
    /// Train a risk model together, judge it on later days, and write it with its card
    #[command(
        after_help = "Examples:\n  quaestor train --prices simulations/data/daily --synthetic 1\n  quaestor train --prices prices --records own.csv \
                      --records friend.csv --until 2021-05-01\n  quaestor train --prices prices --records own.csv --noise-multiplier 20 \
                      --epsilon-year-max 8\n  quaestor train --config agent.toml --policy next-policy.toml"
    )]
    Train(TrainArgs),
    /// Try out how organisations train together
    #[command(
        subcommand,
        after_help = "Example:\n  quaestor federation simulate --members 10 --liars 0.3 --aggregation multi-krum"
    )]
    Federation(FederationCommand),
    /// What training with noise costs, and what noise a cost asks for
    #[command(
        subcommand,
        after_help = "Example:\n  quaestor privacy epsilon --noise-multiplier 10 --rounds 50 --delta 1e-5"
    )]
    Privacy(PrivacyCommand),
    /// Run a policy on history: the pipeline that runs live, with fees and the delays of people
    #[command(
        after_help = "Examples:\n  quaestor backtest --policy policies/library/balanced.toml --data simulations/data/daily --from 2020-01-01 \\\n    \
                      --assume treasury.toml\n  quaestor backtest --policy policy.toml --data prices --signers-hours 24 --json | jq .sharpe"
    )]
    Backtest(BacktestArgs),
    /// Run a policy through scenarios: crashes, depegs, failing oracles and venues, people who sleep, a pulled brake
    #[command(
        after_help = "Examples:\n  quaestor stress --policy policies/library/balanced.toml --data simulations/data/daily \\\n    --assume \
                      simulations/examples/balanced.toml --out stress.html\n  quaestor stress --list\n  quaestor stress --show venue-frozen > \
                      own.toml\n  quaestor stress --policy policy.toml --data prices --scenario own.toml --scenario march-2020 --json"
    )]
    Stress(StressArgs),
    /// Hold two results of simulations against each other: what they depend on, figures, refusals, where proposals part
    #[command(
        after_help = "Example:\n  quaestor backtest --policy old.toml --data prices --json > old.json\n  quaestor backtest --policy new.toml \
                      --data prices --json > new.json\n  quaestor compare old.json new.json"
    )]
    Compare(CompareArgs),
    /// Run a policy on many made-up futures that are fitted to history, and say how the outcomes are spread
    #[command(
        after_help = "Examples:\n  quaestor montecarlo --policy policy.toml --data simulations/data/daily --assume assume.toml --out futures.html\n  \
                      quaestor montecarlo --weights ETH=5000,BTC=3000 --every 30 --data prices --paths 50000 --futures regimes\n  quaestor montecarlo … \
                      --shard 2/8 --part part-2\n\nEverything in the outcome is synthetic. The same inputs give the same bytes on any number of \
                      threads (RAYON_NUM_THREADS)."
    )]
    Montecarlo(MontecarloArgs),
    /// Run a policy in many configurations on the same history, pick the best, and say how much of it is luck
    #[command(
        after_help = "Examples:\n  quaestor sweep --policy policy.toml --data simulations/data/daily --assume assume.toml \\\n    --vary \
                      limits.proposal_bps_max=100..500:100 --vary 'strategies.rebalance.trade_min=1000..9000:2000 USD' --out sweep.html\n  quaestor \
                      sweep --weights ETH=4000,BTC=4000 --data prices --random-weights 10000 --vary every=7,14,30,90 --walk-forward 250,30\n  quaestor \
                      sweep … --shard 2/8 --part part-2 && quaestor merge part-* --out sweep.html\n\nKeys of the policy are written as paths: \
                      limits.KEY, allocation.SYMBOL.KEY, risk.KEY, strategies.NAME.KEY. Assumptions\nthat can be varied: every, \
                      value_usd, costs.fee_bps, costs.slippage_bps, costs.gas_gwei, delays.safe_secs\nand the Governor's, yields.VENUE. The \
                      same inputs give the same bytes on any number of threads\n(RAYON_NUM_THREADS)."
    )]
    Sweep(SweepArgs),
    /// Join the parts of a sweep or of a Monte-Carlo simulation to what it would have been whole
    #[command(after_help = "Example:\n  quaestor merge part-1 part-2 part-3 --out sweep.html --csv rows.csv")]
    Merge(MergeArgs),
    /// Run the whole agent on a local chain through real days, and hold the fast engine of backtests against it
    #[command(
        after_help = "It ends with 0 if both made the same proposals and their values differ by less than 10 bps at the end, with 1 if they \
                      differ. It needs Node.js 20 or later, as the demo does, and sends nothing to any chain but its own.\n\nExamples:\n  quaestor \
                      fidelity\n  quaestor fidelity --policy policy.toml --assume treasury.toml --data prices --from 2021-03-01 --days 90 \\\n    \
                      --out fidelity.json"
    )]
    Fidelity(FidelityArgs),
    /// Fetch histories of prices, yields, gas and liquidity for backtests, check them, or make one file of them
    #[command(
        subcommand,
        after_help = "Examples:\n  quaestor data check simulations/data/daily\n  quaestor data import simulations/data/daily --out daily.parquet\n  quaestor data \
                      fetch coingecko ethereum --from 2024-01-01 --out ETH.parquet"
    )]
    Data(DataCommand),
    /// Show or verify what the agent wrote down
    #[command(
        subcommand,
        after_help = "Examples:\n  quaestor journal show --limit 10\n  quaestor journal show --journal journal.db --from 1 \
                      --json\n  quaestor journal verify"
    )]
    Journal(JournalCommand),
    /// Print a completion script for a shell
    #[command(
        after_help = "Examples:\n  quaestor completions bash > /etc/bash_completion.d/quaestor\n  quaestor completions zsh > \
                      ~/.zfunc/_quaestor"
    )]
    Completions(CompletionsArgs),
}

impl Command {
    fn json(&self) -> bool {
        match self {
            Self::Policy(command) => command.json(),
            Self::Federation(FederationCommand::Simulate(args)) => args.json.json,
            Self::Risk(RiskCommand::Show(args) | RiskCommand::Explain(args)) => args.json.json,
            Self::Train(args) => args.json.json,
            Self::Backtest(args) => args.json.json,
            Self::Stress(args) => args.json.json,
            Self::Compare(args) => args.json.json,
            Self::Montecarlo(args) => args.results.json.json,
            Self::Sweep(args) => args.results.json.json,
            Self::Merge(args) => args.results.json.json,
            Self::Fidelity(args) => args.json.json,
            Self::Data(DataCommand::Check(args)) => args.json.json,
            Self::Data(DataCommand::Import(args)) => args.json.json,
            Self::Data(DataCommand::Fetch(command)) => command.wanted().json.json,
            Self::Privacy(PrivacyCommand::Epsilon(args)) => args.json.json,
            Self::Privacy(PrivacyCommand::Noise(args)) => args.json.json,
            Self::Journal(JournalCommand::Show(args)) => args.json.json,
            Self::Journal(JournalCommand::Verify(args)) => args.json.json,
            Self::Demo(args) => args.json.json,
            Self::Init(args) => args.json.json,
            Self::Contracts(ContractsCommand::Deploy(args)) => args.json.json,
            Self::Safe(SafeCommand::Confirm(args) | SafeCommand::Execute(args)) => args.json.json,
            Self::Status(args) => args.json.json,
            Self::Verify(args) => args.json.json,
            Self::Completions(_) | Self::Devnet(_) | Self::Run(_) => false,
        }
    }
}

/// Does what the process's arguments say, with the strategies of `catalog`. A DAO that adds a strategy of its own calls
/// this with its own catalogue.
pub fn run_cli(catalog: Catalog) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => {
            // Also `--help` and `--version`. If they cannot be printed there is no one to tell.
            let _ = told.print();
            return if told.use_stderr() { Exit::Usage } else { Exit::Ok }.into();
        }
    };
    let output = Output { json: cli.command.json() };
    let exit = dispatch(&cli, &catalog, output).unwrap_or_else(|failure| output.failure(&failure));
    exit.into()
}

fn dispatch(cli: &Cli, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let quiet = LogConfig { filter: "warn".to_owned(), ..LogConfig::default() };
    match &cli.command {
        Command::Demo(args) => {
            start_telemetry(&cli.log, &quiet)?;
            block_on(demo::run(args, output))
        }
        Command::Devnet(args) => {
            start_telemetry(&cli.log, &quiet)?;
            block_on(devnet::run(args, output))
        }
        Command::Run(args) => block_on(run::run(args, &cli.log, catalog.clone())),
        Command::Status(args) => {
            start_telemetry(&cli.log, &quiet)?;
            block_on(status::run(args, catalog, output))
        }
        Command::Verify(args) => {
            start_telemetry(&cli.log, &quiet)?;
            block_on(verify::run(args, catalog, output))
        }
        Command::Init(args) => {
            start_telemetry(&cli.log, &quiet)?;
            block_on(init::run(args, catalog, output))
        }
        Command::Contracts(command) => {
            start_telemetry(&cli.log, &quiet)?;
            block_on(contracts::run(command, output))
        }
        Command::Safe(command) => {
            start_telemetry(&cli.log, &quiet)?;
            block_on(safe::run(command, catalog, output))
        }
        Command::Policy(command) => {
            start_telemetry(&cli.log, &quiet)?;
            policy::run(command, catalog, output)
        }
        Command::Federation(command) => federation::run(command, output),
        Command::Privacy(command) => privacy::run(command, output),
        Command::Risk(command) => {
            start_telemetry(&cli.log, &quiet)?;
            block_on(risk::run(command, catalog, output))
        }
        Command::Train(args) => {
            start_telemetry(&cli.log, &quiet)?;
            block_on(train::run(args, catalog, output))
        }
        Command::Backtest(args) => backtest::run(args, catalog, output),
        Command::Stress(args) => stress::run(args, catalog, output),
        Command::Compare(args) => compare::run(args, output),
        Command::Montecarlo(args) => montecarlo::run(args, catalog, output),
        Command::Sweep(args) => sweep::run(args, catalog, output),
        Command::Merge(args) => merge::run(args, output),
        Command::Fidelity(args) => {
            start_telemetry(&cli.log, &LogConfig { filter: "off".to_owned(), ..LogConfig::default() })?;
            block_on(fidelity::run(args, catalog, output))
        }
        Command::Data(command) => {
            start_telemetry(&cli.log, &quiet)?;
            block_on(data::run(command, output))
        }
        Command::Journal(command) => {
            start_telemetry(&cli.log, &quiet)?;
            journal::run(command, output)
        }
        Command::Completions(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "quaestor", &mut script);
            output.write(String::from_utf8_lossy(&script))?;
            Ok(Exit::Ok)
        }
    }
}

/// Runs an asynchronous command to its end.
///
/// # Errors
/// Its own, or if the system gives no threads.
pub fn block_on(command: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(Exit::Internal, error))?.block_on(command)
}
