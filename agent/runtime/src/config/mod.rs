//! `agent.toml`: what an agent is told before it starts.
//!
//! Reading it asks nothing of the network or the environment: `env:NAME` values are resolved when they are used. All
//! problems of a file are reported at once. Paths are relative to the file. A secret never stands in it.

mod chains;
mod problem;
mod read;
mod section;
#[cfg(test)]
mod tests;
mod training;

pub use chains::{CHAINS, ChainProfile, Finality, profile};
pub use problem::{ConfigProblem, ConfigProblems};

use crate::{
    keys::KeySource,
    learning::{Fit, MODEL_ENTRIES_MAX, Rule},
};
use alloy::primitives::{Address, address};
use reqwest::Url;
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// Largest configuration file, bytes.
pub const CONFIG_BYTES_MAX: u64 = 64 * 1024;
/// Most entries of `files.policies`.
pub const POLICY_PATHS_MAX: usize = 32;
/// Most policy files that are looked at.
pub const POLICY_FILES_MAX: usize = 256;
/// Most entries of `training.records`.
pub const TRAINING_RECORDS_MAX: usize = 1_000;
/// Most entries of `training.stable`.
pub const TRAINING_STABLE_MAX: usize = 64;
/// Multicall3 has this address on nearly every chain.
pub const MULTICALL3: Address = address!("cA11bde05977b3631167028862bE2a173976CA11");

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// `[chain]`.
    pub chain: ChainConfig,
    /// `[contracts]`.
    pub contracts: ContractsConfig,
    /// `[operator]`.
    pub operator: OperatorConfig,
    /// `[files]`.
    pub files: FilesConfig,
    /// `[training]`; `None`: the agent trains no model.
    pub training: Option<TrainingConfig>,
    /// `[log]`.
    pub log: LogConfig,
}

/// The chain and the node.
#[derive(Debug, Clone)]
pub struct ChainConfig {
    /// Where the node answers.
    pub rpc_url: RpcUrl,
    /// EIP-155 chain id; a node of another chain is refused.
    pub chain_id: u64,
    /// Blocks that must stand after a decision block, 0 to 1,024.
    pub confirmations: u64,
    /// When a block counts as final.
    pub finality: Finality,
    /// The node is behind when its newest block is older, seconds, up to 86,400; 0: not checked.
    pub head_age_secs_max: u64,
    /// Time between two looks at the newest block, 50 to 600,000 milliseconds.
    pub poll_interval_ms: u64,
    /// Most blocks of one request for events, 1 to 1,000,000.
    pub logs_range_blocks: u64,
    /// Longest wait for an answer, 1 to 300 seconds.
    pub request_timeout_secs: u64,
}

/// Contracts that the agent trusts; a policy that names others is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContractsConfig {
    /// `PolicyRegistry`.
    pub registry: Address,
    /// `EmergencyBrake`.
    pub brake: Address,
    /// `DecisionGate`.
    pub gate: Address,
    /// Safe's MultiSendCallOnly.
    pub multisend_call_only: Address,
    /// Multicall3; [`MULTICALL3`] unless said otherwise.
    pub multicall3: Address,
    /// Events are read from this block on: no later than that in which the first of them was deployed.
    pub deployed_block: u64,
}

/// Who proposes.
#[derive(Debug, Clone)]
pub struct OperatorConfig {
    /// The operator's address; a key of another address is refused.
    pub address: Address,
    /// Where its key is.
    pub key: KeySource,
}

/// Files of the agent; paths are absolute or relative to the working directory.
#[derive(Debug, Clone)]
pub struct FilesConfig {
    /// Policy files, and directories of them.
    pub policies: Vec<PathBuf>,
    /// The journal.
    pub journal: PathBuf,
    /// Directory to which bundles are written.
    pub bundles: PathBuf,
    /// Directory of model files and their cards.
    pub models: PathBuf,
    /// The gateway that `ipfs:` URIs of policies are asked of; `None`: they are not fetched.
    pub ipfs_gateway: Option<RpcUrl>,
}

/// What the agent trains models from, at the schedule of a policy that asks for it. Paths are absolute or relative to
/// the working directory.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingConfig {
    /// Folder or file of daily prices, as [`quaestor_simulations::data`] reads them.
    pub prices: PathBuf,
    /// Files of members' records, at least one; each is a member, named as its file.
    pub records: Vec<PathBuf>,
    /// Assets that are meant to keep a dollar's worth; `["USDC"]` unless said otherwise.
    pub stable: Vec<String>,
    /// Days before the end on which a model is judged, 14 to 3,650.
    pub test_days: u32,
    /// How members are added up.
    pub aggregation: Rule,
    /// How the drawdown probability is fitted.
    pub drawdown_fit: Fit,
    /// Trees of the second opinion, 1 to 1,000.
    pub trees: u16,
    /// Standard deviation of the noise, in clips, 0.1 to 10,000; `None`: there is none.
    pub noise_multiplier: Option<f64>,
    /// δ at which the ε of the noise is stated, 10⁻¹² to 0.01.
    pub delta: f64,
    /// With noise, judges on members' own records all the same, of which no ε speaks.
    pub exact_scores: bool,
}

/// What the agent tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// How.
    pub format: LogFormat,
    /// Which, such as `info,quaestor=debug`.
    pub filter: String,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

/// The address of a node or a gateway, which may hold a secret in its path.
#[derive(Clone, PartialEq, Eq)]
pub enum RpcUrl {
    /// As the file has it.
    Given(Url),
    /// In this environment variable.
    Env(String),
}

/// Why there is no node to ask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpcUrlError {
    /// The environment variable is not set.
    #[error("the environment variable {name} is not set; set it to an http:// or https:// URL")]
    Unset {
        /// The variable.
        name: String,
    },
    /// The environment variable holds no URL.
    #[error("the environment variable {name} holds no http:// or https:// URL; set it to one")]
    Malformed {
        /// The variable.
        name: String,
    },
}

impl RpcUrl {
    /// A URL of http or https, or `env:NAME`, as a person types it.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("env:") {
            Some(name) => crate::keys::env_name(name).map(Self::Env),
            None => parse_url(text).map(Self::Given),
        }
    }

    /// The URL, from the environment if the file says so.
    ///
    /// # Errors
    /// If the variable is not set or no URL.
    pub fn resolve(&self) -> Result<Url, RpcUrlError> {
        match self {
            Self::Given(url) => Ok(url.clone()),
            Self::Env(name) => {
                let text = std::env::var(name).map_err(|_| RpcUrlError::Unset { name: name.clone() })?;
                parse_url(&text).ok_or_else(|| RpcUrlError::Malformed { name: name.clone() })
            }
        }
    }
}

impl fmt::Debug for RpcUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(url) => write!(f, "{}://{}/…", url.scheme(), url.host_str().unwrap_or_default()),
            Self::Env(name) => write!(f, "env:{name}"),
        }
    }
}

fn parse_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

impl Config {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// All problems of the file.
    pub fn load(path: &Path) -> Result<Self, ConfigProblems> {
        let whole = |message| ConfigProblems::whole(path.to_owned(), message);
        let text = read_bounded(path, CONFIG_BYTES_MAX).map_err(|error| {
            let remedy = "name the file with --config, or write one with `quaestor init`";
            whole(format!("the configuration cannot be read: {error}; {remedy}"))
        })?;
        let text = String::from_utf8(text).map_err(|_| whole("the file is not UTF-8 text; save it as such".into()))?;
        Self::parse(&text, path)
    }

    /// Checks `text`, the content of the file at `path`.
    ///
    /// # Errors
    /// All problems of the file.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigProblems> {
        read::config(text, path).map_err(|problems| ConfigProblems { file: path.to_owned(), problems })
    }
}

impl FilesConfig {
    /// The files that may hold the policy in force: those named, and every `*.toml` of the directories named, sorted.
    /// Which one it is says the hash that governance anchored. What is named and not there is passed over.
    ///
    /// # Errors
    /// If one cannot be read, or there are more than [`POLICY_FILES_MAX`].
    pub fn policy_candidates(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for path in &self.policies {
            let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
            match fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => {
                    found.push(path.clone());
                    continue;
                }
                // What is not there is not the policy in force; that none is, is said by whoever looks for it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(named(error)),
            }
            // One more than allowed is enough to refuse.
            for entry in fs::read_dir(path).map_err(named)?.take(4 * POLICY_FILES_MAX) {
                let file = entry.map_err(named)?.path();
                if file.extension().is_some_and(|extension| extension == "toml") {
                    found.push(file);
                }
            }
        }
        found.sort();
        found.dedup();
        if found.len() > POLICY_FILES_MAX {
            let message = format!("{} policy files are too many; keep at most {POLICY_FILES_MAX}", found.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(found)
    }

    /// Every `*.json` of the folder of models, sorted: models and their cards. A folder that is not there has none.
    ///
    /// # Errors
    /// If it cannot be read, or has more than [`MODEL_ENTRIES_MAX`] entries.
    pub fn model_candidates(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.models) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for (count, entry) in entries.enumerate() {
            if count >= MODEL_ENTRIES_MAX {
                let message =
                    format!("it has more than {MODEL_ENTRIES_MAX} entries; remove models that are no longer used");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == "json") {
                found.push(file);
            }
        }
        found.sort();
        Ok(found)
    }
}

/// The bytes of a file of at most `bytes_max`.
///
/// # Errors
/// If it cannot be read or is larger.
pub fn read_bounded(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    io::Read::read_to_end(&mut io::Read::take(file, bytes_max + 1), &mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > bytes_max) {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {bytes_max} bytes")));
    }
    Ok(bytes)
}
