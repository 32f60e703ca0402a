//! The stage of the demo: the local DAO, the agent as a process of its own, and what people type.

use crate::{
    agent::{Bundle, Plan, Record},
    config::Config,
    devnet::{
        Dao, Devnet, DevnetError, Options, Proxy, ProxyError, ReplayDay, Site, SiteError, demo_limits, policy_text,
    },
    journal::{JournalError, JournalReader, Row},
};
use alloy::primitives::{Address, B256};
use quaestor_core::{Amount, Limits};
use quaestor_simulations::{
    Day,
    data::{self, DataSet, Window},
};
use serde_json::Value;
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Environment variable of the keystores' password.
pub const PASSWORD_VAR: &str = "QUAESTOR_DEMO_PASSWORD";
/// The keys of the local DAO are known to everybody, and so is their password.
pub const PASSWORD: &str = "local";
/// Longest wait for anything that the agent should do.
const WAIT: Duration = Duration::from_secs(30);
/// Hours that pass at most until a decision is taken.
const HOURS_MAX: u32 = 3;
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(40);
/// Rows read at a time.
const ROWS: usize = 1_000;

/// Shipped daily prices.
pub(crate) const USDC: &str = include_str!("../../../../simulations/data/daily/USDC.csv");
pub(crate) const ETH: &str = include_str!("../../../../simulations/data/daily/ETH.csv");
pub(crate) const BTC: &str = include_str!("../../../../simulations/data/daily/BTC.csv");

/// Why the story cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The local DAO.
    #[error(transparent)]
    Devnet(#[from] DevnetError),
    /// The proxy.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The files.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A file or a process.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The shipped prices.
    #[error("the shipped prices: {0}")]
    Prices(String),
    /// The agent did not do what it should in time.
    #[error("the agent did not {what} within {} s; its log is {log}", WAIT.as_secs())]
    Waited {
        /// What was waited for.
        what: &'static str,
        /// Its log.
        log: String,
    },
    /// Something did not come to pass.
    #[error("{what}")]
    Told {
        /// What.
        what: String,
    },
    /// A command says no JSON.
    #[error("`quaestor {args} --json` says no JSON: {source}")]
    NoJson {
        /// Its arguments.
        args: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A command ended otherwise than it should.
    #[error("`quaestor {args}` ended with {code}: {stderr}")]
    Command {
        /// Its arguments.
        args: String,
        /// Its exit code.
        code: i32,
        /// What it said.
        stderr: String,
    },
}

/// A failure of the system, with what was tried.
pub fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> DemoError {
    let what = what.into();
    move |source| DemoError::Io { what, source }
}

/// The DAO, its files, and the agent.
#[derive(Debug)]
pub struct Stage {
    /// The DAO.
    pub devnet: Devnet,
    /// Between agent and chain.
    pub proxy: Proxy,
    /// The agent's files.
    pub site: Site,
    /// Its configuration.
    pub config: Config,
    exe: PathBuf,
    agent: Option<Child>,
    days: std::vec::IntoIter<ReplayDay>,
    charter: Charter,
}

/// The policy of a local DAO with these numbers.
pub type Charter = fn(&Dao, Limits) -> String;

/// Which days of history a stage shows, and under which policy. Days are `YYYY-MM-DD`, the first and the last included.
#[derive(Debug, Clone, Copy)]
pub struct Scenery {
    /// Days that are past when the DAO is built.
    pub past: (&'static str, &'static str),
    /// Days that come, one at a time.
    pub ahead: (&'static str, &'static str),
    /// What the members vote.
    pub charter: Charter,
}

impl Scenery {
    /// The crash of March 2020, with sixty days before it.
    pub const MARCH_2020: Self =
        Self { past: ("2020-01-08", "2020-03-08"), ahead: ("2020-03-11", "2020-04-30"), charter: policy_text };
}

/// Real daily closes of the three assets from `from` to `to`, both included (`YYYY-MM-DD`).
pub(crate) fn real_days(from: &str, to: &str) -> Result<Vec<ReplayDay>, DemoError> {
    let shipped = [("USDC", USDC), ("WETH", ETH), ("WBTC", BTC)];
    let wrong = |error: &dyn std::fmt::Display| DemoError::Prices(error.to_string());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let options = data::Options { now, ..data::Options::default() };
    let mut found = DataSet::default();
    for (symbol, text) in shipped {
        // The name up to its point is the series'.
        let read = data::load_text(&format!("{symbol}.csv"), text.as_bytes(), &options);
        read.and_then(|read| found.extend(read)).map_err(|error| wrong(&error))?;
    }
    let at = |text: &str| text.parse::<Day>().map(|day| Some(day.open_timestamp())).map_err(|()| wrong(&text));
    let symbols = shipped.map(|(symbol, _)| symbol);
    let window = Window { from: at(from)?, to: at(to)?, past: 0 };
    let panel = data::panel(&found, &symbols, window).map_err(|error| wrong(&error))?.panel;
    let column = |symbol: &str| panel.column(symbol).ok_or_else(|| wrong(&format!("there is no price of {symbol}")));
    let columns = [column(symbols[0])?, column(symbols[1])?, column(symbols[2])?];
    let replay = |(bar, end): (usize, &u64)| ReplayDay {
        timestamp: *end,
        prices: symbols.iter().zip(columns).map(|(symbol, at)| ((*symbol).to_owned(), panel.close(bar, at))).collect(),
    };
    Ok(panel.ends().iter().enumerate().map(replay).collect())
}

impl Stage {
    /// The DAO stands; nothing runs yet.
    ///
    /// # Errors
    /// If the DAO cannot be built, or there are no prices.
    pub async fn set(exe: PathBuf, folder: &Path, scenery: &Scenery) -> Result<Self, DemoError> {
        let Scenery { past, ahead, charter } = *scenery;
        let devnet = Devnet::start(&Options::new(real_days(past.0, past.1)?)).await?;
        let proxy = Proxy::start(devnet.chain.url().as_str()).await?;
        let policy = charter(&devnet.dao, demo_limits());
        let site = Site::write(folder, &devnet, &policy, &proxy.url(), PASSWORD_VAR, PASSWORD)?;
        let config = site.load()?;
        let days = real_days(ahead.0, ahead.1)?.into_iter();
        Ok(Self { devnet, proxy, site, config, exe, agent: None, days, charter })
    }

    /// The policy of this DAO with these numbers.
    pub fn policy_text(&self, limits: Limits) -> String {
        (self.charter)(&self.devnet.dao, limits)
    }

    /// Starts the agent as a process of its own, which ends with this one.
    pub fn start_agent(&mut self) -> Result<(), DemoError> {
        self.agent = Some(self.spawn_agent(&self.site.config, &self.site.log)?);
        Ok(())
    }

    /// Starts an agent with this configuration.
    pub fn spawn_agent(&self, config: &Path, log: &Path) -> Result<Child, DemoError> {
        let log = File::options().create(true).append(true).open(log).map_err(io_error("the agent's log"))?;
        Command::new(&self.exe)
            .args(["run", "--while-stdin-open", "--config"])
            .arg(config)
            .env(PASSWORD_VAR, PASSWORD)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(io_error("starting the agent"))
    }

    /// Kills the agent with SIGKILL.
    pub fn kill_agent(&mut self) -> Result<(), DemoError> {
        let Some(mut agent) = self.agent.take() else { return Ok(()) };
        agent.kill().map_err(io_error("killing the agent"))?;
        agent.wait().map(drop).map_err(io_error("waiting for the agent's end"))
    }

    /// Whether the agent still runs.
    pub fn agent_runs(&mut self) -> bool {
        self.agent.as_mut().is_some_and(|agent| matches!(agent.try_wait(), Ok(None)))
    }

    /// Asks the agent to stop and says how long it took and with which code it ended.
    pub async fn stop_agent(&mut self) -> Result<(Duration, Option<i32>), DemoError> {
        drop(self.agent.as_mut().and_then(|agent| agent.stdin.take()));
        self.agent_ends().await
    }

    /// Waits for the agent's end and says how long it took and with which code it ended; `None`: by a signal, or it did
    /// not run.
    ///
    /// # Errors
    /// If it goes on running.
    pub async fn agent_ends(&mut self) -> Result<(Duration, Option<i32>), DemoError> {
        let begun = Instant::now();
        while begun.elapsed() < WAIT {
            let Some(agent) = self.agent.as_mut() else { return Ok((Duration::ZERO, None)) };
            if let Some(status) = agent.try_wait().map_err(io_error("waiting for the agent's end"))? {
                self.agent = None;
                return Ok((begun.elapsed(), status.code()));
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(self.waited("stop"))
    }

    /// Process id of the agent.
    pub fn agent_id(&self) -> Option<u32> {
        self.agent.as_ref().map(Child::id)
    }

    /// Runs a command as a person types it.
    pub async fn quaestor(&self, args: &[&str]) -> Result<Output, DemoError> {
        let mut command = tokio::process::Command::new(&self.exe);
        command.args(args).env(PASSWORD_VAR, PASSWORD).stdin(Stdio::null()).kill_on_drop(true);
        command.output().await.map_err(io_error(format!("quaestor {}", args.join(" "))))
    }

    /// Runs a command that must end well.
    pub async fn quaestor_ok(&self, args: &[&str]) -> Result<String, DemoError> {
        let output = self.quaestor(args).await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        let (code, stderr) = (output.status.code().unwrap_or(-1), text(&output.stderr));
        Err(DemoError::Command { args: args.join(" "), code, stderr })
    }

    /// What a command that must end well says with `--json`.
    ///
    /// # Errors
    /// If it does not end well, or says no JSON.
    pub async fn says(&self, args: &[&str]) -> Result<Value, DemoError> {
        let said = self.quaestor_ok(&[args, &["--json"]].concat()).await?;
        serde_json::from_str(&said).map_err(|source| DemoError::NoJson { args: args.join(" "), source })
    }

    /// The next real day that lies ahead of the chain's time; `None` when they are used up.
    pub async fn next_day(&mut self) -> Result<Option<ReplayDay>, DemoError> {
        let now = self.devnet.chain.now().await.map_err(DevnetError::from)?;
        let Some(day) = self.days.find(|day| day.timestamp > now) else { return Ok(None) };
        self.devnet.replay(std::slice::from_ref(&day)).await?;
        Ok(Some(day))
    }

    /// Lets time pass until `timestamp`, Unix seconds, with the real days on the way, and lets it settle.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn pass_until(&mut self, timestamp: u64) -> Result<(), DemoError> {
        let now = self.devnet.chain.now().await.map_err(DevnetError::from)?;
        let days = self.days.as_slice().iter().take_while(|day| day.timestamp < timestamp).count();
        let passing: Vec<ReplayDay> = self.days.by_ref().take(days).filter(|day| day.timestamp > now).collect();
        self.devnet.replay(&passing).await?;
        self.devnet.warp_to(timestamp).await?;
        Ok(self.devnet.mine(3).await?)
    }

    /// Lets the chain's next full hour come, so that a decision is due; that hour, Unix seconds.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn next_hour(&self) -> Result<u64, DemoError> {
        let now = self.devnet.chain.now().await.map_err(DevnetError::from)?;
        let hour = (now / 3_600 + 1) * 3_600;
        self.devnet.warp_to(hour).await?;
        self.devnet.mine(3).await?;
        Ok(hour)
    }

    /// Memory that the agent's process has resident, in bytes; `None` where the system does not tell (not Linux).
    pub fn agent_memory_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.agent.as_ref()?.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib * 1_024)
    }

    /// Lets an hour pass on the chain, so that a decision is due, and waits until the agent has taken it and
    /// written down what it will propose.
    ///
    /// # Errors
    /// If the agent takes none.
    pub async fn next_decision(&mut self) -> Result<Record, DemoError> {
        let before = self.rows()?.len();
        let hour = self.next_hour().await?;
        // One that was due earlier may be taken first.
        let decided = |record: &Record| matches!(record, Record::Decided { block, .. } if block.timestamp >= hour);
        let mut found = self.look_for(WAIT / HOURS_MAX, before, decided).await?;
        // An agent that has only just started decides at the hours that come after its first look.
        for _ in 1..HOURS_MAX {
            if found.is_none() {
                self.next_hour().await?;
                found = self.look_for(WAIT / HOURS_MAX, before, decided).await?;
            }
        }
        let record = found.ok_or_else(|| self.waited("take a decision"))?;
        let expected = if let Record::Decided { cleared, .. } = record { cleared } else { 0 };
        let begun = Instant::now();
        while begun.elapsed() < WAIT && self.plans(before)?.len() < expected {
            tokio::time::sleep(LOOK).await;
        }
        Ok(record)
    }

    /// All rows of the journal; none before the agent has begun it.
    pub fn rows(&self) -> Result<Vec<Row>, DemoError> {
        if !self.config.files.journal.exists() {
            return Ok(Vec::new());
        }
        let reader = match JournalReader::open(&self.config.files.journal) {
            Ok(reader) => reader,
            // Between the file's making and its first row.
            Err(_) => return Ok(Vec::new()),
        };
        let (mut all, mut next) = (Vec::new(), 1);
        loop {
            let rows = reader.rows(next, ROWS)?;
            let Some(last) = rows.last() else { return Ok(all) };
            next = last.seq + 1;
            all.extend(rows);
        }
    }

    /// The records after the first `skip` rows.
    pub fn records(&self, skip: usize) -> Result<Vec<Record>, DemoError> {
        Ok(self.rows()?.iter().skip(skip).map(Row::decode).collect::<Result<_, _>>()?)
    }

    /// Waits for a record after the first `skip` rows.
    pub async fn wait_for(
        &mut self,
        what: &'static str,
        skip: usize,
        wanted: impl Fn(&Record) -> bool,
    ) -> Result<Record, DemoError> {
        self.look_for(WAIT, skip, wanted).await?.ok_or_else(|| self.waited(what))
    }

    /// A record after the first `skip` rows, if it comes within this time.
    async fn look_for(
        &mut self,
        longest: Duration,
        skip: usize,
        wanted: impl Fn(&Record) -> bool,
    ) -> Result<Option<Record>, DemoError> {
        let begun = Instant::now();
        while begun.elapsed() < longest {
            if let Some(found) = self.records(skip)?.into_iter().find(|record| wanted(record)) {
                return Ok(Some(found));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(None)
    }

    /// Waits for something on the chain, mining a block at each look so that what is sent becomes final.
    pub async fn mine_until(
        &mut self,
        what: &'static str,
        skip: usize,
        wanted: impl Fn(&Record) -> bool,
    ) -> Result<Record, DemoError> {
        let begun = Instant::now();
        while begun.elapsed() < WAIT {
            if let Some(found) = self.records(skip)?.into_iter().find(|record| wanted(record)) {
                return Ok(found);
            }
            self.devnet.mine(1).await?;
            tokio::time::sleep(LOOK * 3).await;
        }
        Err(self.waited(what))
    }

    fn waited(&self, what: &'static str) -> DemoError {
        DemoError::Waited { what, log: self.site.log.display().to_string() }
    }

    /// Plans that the agent wrote down after the first `skip` rows.
    pub fn plans(&self, skip: usize) -> Result<Vec<Plan>, DemoError> {
        let plan = |record| match record {
            Record::Planned(plan) => Some(*plan),
            _ => None,
        };
        Ok(self.records(skip)?.into_iter().filter_map(plan).collect())
    }

    /// The bundle of this name.
    pub fn bundle(&self, name: &str) -> Result<Bundle, DemoError> {
        let path = self.config.files.bundles.join(name);
        let bytes = std::fs::read(&path).map_err(io_error(path.display().to_string()))?;
        Bundle::parse(&bytes).map_err(|error| DemoError::Prices(format!("bundle {name}: {error}")))
    }

    /// What the Safe holds, by symbol.
    pub async fn safe_balances(&self) -> Result<Vec<(String, Amount)>, DemoError> {
        let mut held = Vec::new();
        for asset in &self.devnet.dao.assets {
            held.push((asset.symbol.clone(), self.balance(asset.address, self.devnet.dao.safe.account).await?));
        }
        Ok(held)
    }

    /// What `holder` holds of a token.
    pub async fn balance(&self, token: Address, holder: Address) -> Result<Amount, DemoError> {
        let call = quaestor_contracts::bindings::IERC20::balanceOfCall { account: holder };
        let found = self.devnet.chain.read(token, &call).await.map_err(DevnetError::from)?;
        Ok(Amount::from_u256(found).unwrap_or(Amount(u128::MAX)))
    }

    /// Whether the gate let this batch in.
    pub async fn entered(&self, plan: &Plan) -> Result<bool, DemoError> {
        let key = plan.batch.items.first().map(|item| item.entry.once_key).unwrap_or_default();
        let call = quaestor_contracts::bindings::DecisionGate::usedCall { account: plan.batch.address, onceKey: key };
        Ok(self.devnet.chain.read(self.devnet.dao.controls.gate, &call).await.map_err(DevnetError::from)?)
    }

    /// Whether the gate was told to refuse this batch.
    pub async fn revoked(&self, plan: &Plan) -> Result<bool, DemoError> {
        let call =
            quaestor_contracts::bindings::DecisionGate::revokedCall { account: plan.batch.address, decision: plan.id };
        Ok(self.devnet.chain.read(self.devnet.dao.controls.gate, &call).await.map_err(DevnetError::from)?)
    }

    /// The Safe transaction hash of a plan.
    pub fn safe_tx_hash(plan: &Plan) -> Option<B256> {
        match plan.route {
            crate::agent::Path::Safe { safe_tx_hash, .. } => Some(safe_tx_hash),
            crate::agent::Path::Governor { .. } => None,
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            // It may have ended already; either way nothing of the demo is left running.
            let _ = agent.kill();
            let _ = agent.wait();
        }
    }
}
