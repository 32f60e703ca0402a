//! What each command takes.

mod data;
mod diff;
mod fetch;
mod judge;
mod learning;
mod montecarlo;
mod parts;
mod policy;
mod risk;
mod simulations;
mod sweep;

pub use data::{DataCheckArgs, DataCommand, DataImportArgs, FillRule, ReadArgs};
pub use diff::DiffArgs;
pub use fetch::{
    ChainlinkArgs, CoinGeckoArgs, DefiLlamaArgs, FetchCommand, KeyKind, NodeArgs, UniswapArgs, WantedArgs,
};
pub use judge::JudgeArgs;
pub use learning::{Attack, EpsilonArgs, FederationCommand, NoiseArgs, PrivacyCommand, Rule, SimulateArgs, TrainArgs};
pub use montecarlo::{FuturesArg, MontecarloArgs};
pub use parts::{PartArgs, ResultArgs};
pub use policy::{PolicyAuditArgs, PolicyFetchArgs, PolicyProposeArgs, PolicyVerifyArgs};
pub use risk::{RiskArgs, RiskCommand};
pub use simulations::{BacktestArgs, CompareArgs, FidelityArgs, SetupArgs, StressArgs, WorldArgs};
pub use sweep::{MergeArgs, SweepArgs};

use super::person::address;
use alloy::primitives::{Address, B256};
use std::path::PathBuf;

/// The agent's configuration.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct ConfigArg {
    /// The agent's configuration
    #[arg(long, value_name = "FILE", default_value = "agent.toml", env = "QUAESTOR_CONFIG", hide_env_values = true)]
    pub config: PathBuf,
}

/// Results for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct JsonArg {
    /// Print the result as one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `demo`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct DemoArgs {
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
    /// Keep the files of the run, and say where they are
    #[arg(long)]
    pub keep: bool,
}

/// `devnet`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct DevnetArgs {
    /// Where configuration, policy and keystores are written
    #[arg(long, value_name = "DIR", default_value = "devnet")]
    pub dir: PathBuf,
    /// How long a day of replayed prices takes, in seconds
    #[arg(long, value_name = "SECS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub day_secs: u64,
}

/// `run`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct RunArgs {
    /// The agent's configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Stop when standard input closes, for a process that owns the agent by a pipe
    #[arg(long)]
    pub while_stdin_open: bool,
}

/// `init`: what is not given is asked for on a terminal.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct InitArgs {
    /// Where `agent.toml` and `policy.toml` are written; files that exist are never replaced
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// The node's URL, or `env:NAME`
    #[arg(long, visible_alias = "rpc", value_name = "URL")]
    pub rpc_url: Option<String>,
    /// The file that `contracts deploy` wrote
    #[arg(long, value_name = "FILE", conflicts_with = "gate")]
    pub contracts: Option<PathBuf>,
    /// The DAO's DecisionGate, if there is no such file; registry and brake are read from it
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub gate: Option<Address>,
    /// The block in which the contracts were deployed, or one before it
    #[arg(long, value_name = "BLOCK", conflicts_with = "contracts")]
    pub deployed_block: Option<u64>,
    /// Safe's MultiSendCallOnly; found by itself where Safe deployed it
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub multisend: Option<Address>,
    /// The Safe that holds operating money
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub safe: Option<Address>,
    /// The DAO's Governor; its timelock holds the reserve
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub governor: Option<Address>,
    /// An asset of the treasury: stable, native or volatile, its token, and its price feeds in USD; repeat for each
    #[arg(long = "asset", value_name = "KIND:TOKEN:FEED[,FEED]", value_parser = crate::init::parse_asset)]
    pub assets: Vec<crate::init::AssetWish>,
    /// Uniswap v3's SwapRouter; its pools are found by themselves
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub router: Option<Address>,
    /// A pool that may be traded, instead of those that are found; repeat for each
    #[arg(long = "pool", value_name = "SYMBOL/SYMBOL:FEE", value_parser = crate::init::parse_pool, requires = "router")]
    pub pools: Vec<crate::init::PoolWish>,
    /// The operator's address; not needed if its key can be opened
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub operator: Option<Address>,
    /// The environment variable that holds the operator's private key
    #[arg(long, value_name = "NAME", conflicts_with = "keystore", value_parser = env_name)]
    pub key_env: Option<String>,
    /// The operator's encrypted keystore, as `agent.toml` should name it: relative to it, or absolute
    #[arg(long, value_name = "FILE", requires = "password_env")]
    pub keystore: Option<PathBuf>,
    /// The environment variable that holds the keystore's password
    #[arg(long, value_name = "NAME", requires = "keystore", value_parser = env_name)]
    pub password_env: Option<String>,
    /// Name of the policy
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// What follows the options of `contracts deploy`.
pub(super) const DEPLOY_HELP: &str = "Example:\n  quaestor contracts deploy --rpc-url env:RPC_URL --timelock 0x… \
     --guardian 0x… --operator 0x… \\\n    --delay 2d --pull 14d --lease-until 90d --ceiling proposal_bps_max=2000 \
     --key-env DEPLOYER_KEY\n\nA run that is interrupted is not taken up again: the next one deploys all three anew.";

/// `contracts`
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum ContractsCommand {
    /// Deploy PolicyRegistry, EmergencyBrake and DecisionGate, owned by the DAO's timelock
    #[command(after_help = DEPLOY_HELP)]
    Deploy(DeployArgs),
}

/// `contracts deploy`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct DeployArgs {
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
    /// The node's URL, or `env:NAME`
    #[arg(long, visible_alias = "rpc", value_name = "URL")]
    pub rpc_url: String,
    /// The DAO's timelock, which will own the contracts
    #[arg(long, visible_alias = "dao", value_name = "ADDRESS", value_parser = address)]
    pub timelock: Address,
    /// May veto a policy, and pull the brake once; repeat for each
    #[arg(long = "guardian", value_name = "ADDRESS", required = true, value_parser = address)]
    pub guardians: Vec<Address>,
    /// Runs an agent; repeat for each
    #[arg(long = "operator", value_name = "ADDRESS", required = true, value_parser = address)]
    pub operators: Vec<Address>,
    /// How long a policy that widens waits, in which a guardian may veto it
    #[arg(long, value_name = "DURATION", default_value = "2d", value_parser = duration)]
    pub delay: u64,
    /// How long a pull of the brake holds
    #[arg(long, value_name = "DURATION", default_value = "14d", value_parser = duration)]
    pub pull: u64,
    /// When the operators' first lease ends: a time, or how long from now
    #[arg(long, value_name = "TIME|DURATION", default_value = "90d")]
    pub lease_until: String,
    /// A bound that no policy may ever exceed, such as `proposal_bps_max=2000`; repeat for each
    #[arg(long = "ceiling", value_name = "KEY=NUMBER", value_parser = crate::deploy::parse_ceiling)]
    pub ceilings: Vec<(usize, u64)>,
    /// Let the deployer be a guardian or an operator too
    #[arg(long)]
    pub deployer_may_act: bool,
    /// The deployer's key, which keeps no right
    #[command(flatten)]
    pub key: KeyArgs,
    /// Where addresses and code hashes are written; a file that exists is never replaced
    #[arg(long, value_name = "FILE", default_value = "contracts.json")]
    pub out: PathBuf,
}

fn duration(text: &str) -> Result<u64, String> {
    crate::deploy::parse_duration(text).ok_or_else(|| "write a whole number with s, m, h or d, such as 14d".into())
}

/// A person's key: from the environment or a keystore.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[group(skip)]
#[command(group(clap::ArgGroup::new("key").args(["key_env", "keystore"]).required(true)))]
pub struct KeyArgs {
    /// The environment variable that holds the private key
    #[arg(long, value_name = "NAME", value_parser = env_name)]
    pub key_env: Option<String>,
    /// An encrypted keystore
    #[arg(long, value_name = "FILE", requires = "password_env")]
    pub keystore: Option<PathBuf>,
    /// The environment variable that holds the keystore's password
    #[arg(long, value_name = "NAME", requires = "keystore", value_parser = env_name)]
    pub password_env: Option<String>,
}

fn env_name(text: &str) -> Result<String, String> {
    crate::keys::env_name(text).ok_or_else(|| "write the name of an environment variable, not the secret itself".into())
}

impl KeyArgs {
    /// Where the key is; `None` only if none was named, which the command line does not allow.
    pub fn source(&self) -> Option<crate::keys::KeySource> {
        match (&self.key_env, &self.keystore, &self.password_env) {
            (Some(name), _, _) => Some(crate::keys::KeySource::Env(name.clone())),
            (None, Some(path), Some(password)) => {
                Some(crate::keys::KeySource::Keystore { path: path.clone(), password: password.clone() })
            }
            _ => None,
        }
    }
}

/// `status`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct StatusArgs {
    /// The agent's configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// `policy`
#[derive(Debug, Clone, PartialEq, clap::Subcommand)]
pub enum PolicyCommand {
    /// Check a policy file and name every problem with its line and column
    #[command(after_help = "Example:\n  quaestor policy check policy.toml")]
    Check(PolicyArgs),
    /// Print what governance anchors: hash, rest hash, and the numbers of the envelope
    #[command(after_help = "Example:\n  quaestor policy hash policy.toml --json")]
    Hash(PolicyArgs),
    /// What a change would have done: history and scenarios under an old and a new policy, for the same treasury at the same
    /// prices and costs
    #[command(
        after_help = "Examples:\n  quaestor policy impact policy.toml new.toml --data prices/ --out impact.html\n  \
                      quaestor policy impact policy.toml new.toml --data prices/ --assume treasury.toml --json"
    )]
    Impact(Box<ImpactArgs>),
    /// Make the vote that puts a policy in force: what the members read, and the call; shown before it is sent
    #[command(
        after_help = "The description has what is changed with an example of each (`policy diff`), what it would have done (`policy impact`, \
                      with --data), the hashes and the commands that recompute all of it. Where a Safe owns the registry, --safe-tx \
                      writes a file for its Transaction Builder.\n\nExamples:\n  quaestor policy propose new.toml --uri ipfs://CID/new.toml \
                      --proposer 0x… --dry-run --out proposal.md\n  quaestor policy propose new.toml --uri ipfs://CID/new.toml --data \
                      prices/ --motivation why.md --keystore me.json --password-env PASSWORD"
    )]
    Propose(Box<PolicyProposeArgs>),
    /// Get the file in force from where the registry says that it is, and keep it if it is the one that was voted
    #[command(
        after_help = "The registry's URI may be `https://…`, `http://…` of this machine, `ipfs://CID/…` (through `ipfs_gateway` in [files]), \
                      `file:PATH`, or `tx:0x…`: the calldata of that transaction. What does not hash to the anchor is refused.\n\nExamples:\n  \
                      quaestor policy fetch\n  quaestor policy fetch --config agent.toml --epoch 1 --out policies/epoch-1.toml"
    )]
    Fetch(PolicyFetchArgs),
    /// Say whether chain, file and agent agree on the policy in force, what to do where they do not, and what will change
    #[command(
        after_help = "It ends with 0 if they agree, with 1 if anything differs, and with 6 if nothing does but something could not be \
                      checked.\n\nExamples:\n  quaestor policy verify\n  quaestor policy verify --config agent.toml --json | jq '.lines[] | \
                      select(.state == \"differs\")'"
    )]
    Verify(PolicyVerifyArgs),
    /// Judge everything that the treasury did under the policy of its time, and say what no policy allowed
    #[command(
        after_help = "It reads the chain up to the newest final block, the agent's bundles where there are any, and the state of the past \
                      from an archive node where there are none. Only tokens that a policy lists are looked at.\n\nIt ends with 0 if it is \
                      clean, with 1 if anything was found that no policy allowed, and with 6 if nothing was but not everything could be \
                      judged.\n\nExamples:\n  quaestor policy audit\n  quaestor policy audit --from 21000000 --policies old-policies --activities \
                      activities.json\n  quaestor policy audit --json | jq '.deeds[] | select(.verdict == \"by_hand\")'"
    )]
    Audit(PolicyAuditArgs),
    /// Judge stated intents: allowed, or refused with a receipt that anyone can check
    #[command(after_help = judge::HELP)]
    Judge(JudgeArgs),
    /// Say in plain English what a policy lets the agent do, up to how much, how often, through whom, and what stops it
    #[command(
        after_help = "Examples:\n  quaestor policy explain policy.toml\n  quaestor policy explain policy.toml --md > policy.md"
    )]
    Explain(ExplainArgs),
    /// Write a commented policy to start from, out of the library or out of answers
    #[command(after_help = NEW_HELP)]
    New(Box<NewArgs>),
    /// Say what a change of policy widens and what it narrows, each with a decision that shows it
    #[command(after_help = diff::HELP)]
    Diff(DiffArgs),
}

impl PolicyCommand {
    /// Whether it prints results for programs.
    pub(super) fn json(&self) -> bool {
        match self {
            Self::Check(args) | Self::Hash(args) => args.json.json,
            Self::New(args) => args.json.json,
            Self::Explain(args) => args.json.json,
            Self::Judge(args) => args.json.json,
            Self::Diff(args) => args.json.json,
            Self::Impact(args) => args.json.json,
            Self::Fetch(args) => args.json.json,
            Self::Propose(args) => args.json.json,
            Self::Verify(args) => args.json.json,
            Self::Audit(args) => args.json.json,
        }
    }
}
/// What follows the options of `policy new`.
const NEW_HELP: &str = "Examples:\n  quaestor policy new\n  quaestor policy new --list\n  quaestor policy new --from balanced --contracts \
     contracts.json --safe 0x… --timelock 0x… --governor 0x… \\\n    --proposer 0x… --set limits.day_bps_max=400\n  quaestor policy new --hold \
     USDC=60 --hold WETH=30 --hold VOTE=10:native --reserve --refill 100000:250000\n\nWhat is not said is asked for on a terminal, or stands in \
     the file as an example of one repeated digit, with a comment\nthat says what is to be filled in. For a DAO whose node can be reached, \
     `quaestor init` reads all of that from the chain.";

/// `policy check` and `policy hash`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct PolicyArgs {
    /// The policy file
    #[arg(value_name = "FILE", default_value = "policy.toml")]
    pub file: PathBuf,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// `policy impact`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct ImpactArgs {
    /// The policy in force
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// The one in its place
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// What both meet.
    #[command(flatten)]
    pub world: WorldArgs,
    /// Which scenarios: a file, or the name of a shipped one; several times for several. Without it all shipped ones
    #[arg(long, value_name = "FILE|NAME")]
    pub scenario: Vec<String>,
    /// Write a report for people, a self-contained HTML file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// `policy new`: what is not given is asked for on a terminal, or left to be filled in.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct NewArgs {
    /// The policy of the library to begin with
    #[arg(long, value_name = "NAME", conflicts_with_all = ["holdings", "reserve", "refill", "chain"])]
    pub from: Option<String>,
    /// Name the policies of the library
    #[arg(long, conflicts_with_all = ["from", "holdings"])]
    pub list: bool,
    /// An asset that the treasury should hold, its percent of it, and its kind where the library does not know it; repeat for each
    #[arg(long = "hold", value_name = "SYMBOL=PERCENT[:KIND]", value_parser = crate::init::parse_holding)]
    pub holdings: Vec<crate::init::Holding>,
    /// The chain, where it is not Ethereum mainnet
    #[arg(long, value_name = "eip155:N", value_parser = super::policy::new::parse_chain)]
    pub chain: Option<u64>,
    /// Members vote on a reserve in a timelock, beside the Safe
    #[arg(long)]
    pub reserve: bool,
    /// Refill operations from the reserve below LOW whole tokens of cash, up to TARGET
    #[arg(long, value_name = "LOW:TARGET", value_parser = super::policy::new::parse_refill)]
    pub refill: Option<(u64, u64)>,
    /// Name of the policy
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// When it ends, such as 2028-01-01T00:00:00Z; without it, as in the library, or in half a year
    #[arg(long, value_name = "TIME")]
    pub expires: Option<String>,
    /// The file that `contracts deploy` wrote
    #[arg(long, value_name = "FILE")]
    pub contracts: Option<PathBuf>,
    /// The Safe that holds operating money
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub safe: Option<Address>,
    /// The timelock that holds the reserve
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub timelock: Option<Address>,
    /// The Governor of that timelock
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub governor: Option<Address>,
    /// The operator who proposes at the Governor
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub proposer: Option<Address>,
    /// Write this value at this key of the policy, such as limits.day_bps_max=400; repeat for each
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::policy::new::parse_set)]
    pub set: Vec<(String, quaestor_core::strategy::ParamValue)>,
    /// Where it is written; a file that exists is never replaced
    #[arg(long, value_name = "FILE", default_value = "policy.toml")]
    pub out: PathBuf,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// `policy explain`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct ExplainArgs {
    /// The policy file
    #[arg(value_name = "FILE", default_value = "policy.toml")]
    pub file: PathBuf,
    /// Markdown, for a forum
    #[arg(long, conflicts_with = "json")]
    pub md: bool,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

fn hash(text: &str) -> Result<B256, String> {
    text.parse().map_err(|_| "write the whole safeTxHash: 0x and 64 hexadecimal digits".into())
}

/// `safe`, for a human owner
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum SafeCommand {
    /// Print every call of a proposed transaction, check it against its bundle, and approve it
    #[command(
        after_help = "Example:\n  quaestor safe confirm 0x… --bundle bundles/1.json --rpc-url env:RPC_URL \\\n    --keystore owner.json \
                      --password-env PASSWORD"
    )]
    Confirm(SafeArgs),
    /// Print every call of an approved transaction, check it against its bundle, and execute it
    #[command(
        after_help = "Example:\n  quaestor safe execute 0x… --bundle https://dao.example/bundles/1.json \\\n    --rpc-url env:RPC_URL --gate 0x… \
                      --key-env OWNER_KEY"
    )]
    Execute(SafeArgs),
}

/// `safe confirm` and `safe execute`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct SafeArgs {
    /// The safeTxHash that the agent approved
    #[arg(value_name = "HASH", value_parser = hash)]
    pub hash: B256,
    /// The bundle that the agent published, a file or an http(s) URL
    #[arg(long, value_name = "FILE|URL")]
    pub bundle: String,
    /// The node's URL, or `env:NAME`
    #[arg(long, visible_alias = "rpc", value_name = "URL")]
    pub rpc_url: String,
    /// Your Safe; a bundle for another is refused
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub safe: Option<Address>,
    /// Your DAO's DecisionGate; a bundle that names another is refused
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub gate: Option<Address>,
    /// The owner's key.
    #[command(flatten)]
    pub key: KeyArgs,
    /// Do not ask before sending; the gate must then be named with --gate
    #[arg(long)]
    pub yes: bool,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// `verify`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct VerifyArgs {
    /// The bundle of a decision, or a receipt of `policy judge`
    #[arg(value_name = "FILE.json")]
    pub bundle: PathBuf,
    /// Compare its readings with this node, a URL or `env:NAME`; without it, it is recomputed offline
    #[arg(long, value_name = "URL")]
    pub rpc_url: Option<String>,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// `journal`
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum JournalCommand {
    /// Print rows, the newest unless told where to begin; also while the agent runs
    #[command(
        after_help = "Examples:\n  quaestor journal show --limit 10\n  quaestor journal show --journal journal.db --from 1 --json"
    )]
    Show(JournalShowArgs),
    /// Check that every row is the one that was written, and that none is missing
    #[command(after_help = "Example:\n  quaestor journal verify --config agent.toml")]
    Verify(JournalVerifyArgs),
}

/// Which journal.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct JournalArg {
    /// The agent's configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// The journal itself, instead of the one that the configuration names
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
}

/// `journal show`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct JournalShowArgs {
    /// Which journal.
    #[command(flatten)]
    pub journal: JournalArg,
    /// First row; without it the newest rows are shown
    #[arg(long, value_name = "ROW", value_parser = clap::value_parser!(u64).range(1..))]
    pub from: Option<u64>,
    /// How many rows at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub limit: u16,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// `journal verify`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct JournalVerifyArgs {
    /// Which journal.
    #[command(flatten)]
    pub journal: JournalArg,
    /// Results for programs.
    #[command(flatten)]
    pub json: JsonArg,
}

/// `completions`
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}
