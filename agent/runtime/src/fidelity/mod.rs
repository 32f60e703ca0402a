//! `quaestor fidelity`: the whole agent on a local chain, and the fast engine, over the same days.
//!
//! ```text
//!  policy, assumptions, days ─┬─▶ local DAO: feeds and pools take each day's prices, the agent decides and proposes, people
//!                             │   confirm, vote and execute after the assumed delays ─▶ balances and events of the chain ─┐
//!                             └─▶ the fast engine ─────────────────────────────────────────────────────────────────────▶ compare
//! ```
//!
//! The agent is [`crate::agent::Agent`] with its journal and its bundles, stepped whenever the chain has a new block, as its
//! own process does; nothing in it knows that time is warped. Both are given the prices that a feed can answer, the same
//! holdings and flows, and the same delays.

mod assumed;
mod compare;
mod days;
mod home;
mod people;
mod prices;
mod seen;
mod world;

pub use compare::{AMOUNT_BPS_MAX, Comparison, Deed, Differing, End, NAV_BPS_MAX, Proposal, Side, compare, deeds};

use crate::{
    agent::{AgentError, StartError},
    config::ConfigProblems,
    devnet::{ChainError, Devnet, DevnetError, ReplayDay},
    journal::JournalError,
};
use alloy::primitives::B256;
use assumed::{People, fit, plainly, standing_notes};
use days::Days;
use quaestor_core::{Amount, Catalog, Policy};
use quaestor_policies::VotedPolicy;
use quaestor_risk::EwmaModel;
use quaestor_simulations::{
    Panel, PanelError,
    assumptions::Assumptions,
    engine::{self, Plan},
    market::{BAR_WHOLE, Market, MarketError},
    run::Fate,
};
use serde::Serialize;
use std::{
    io,
    path::{Path, PathBuf},
    time::Instant,
};
use world::World;

/// The fewest days of a run.
pub const DAYS_MIN: usize = 60;
/// The most: the operators' lease ends within a year.
pub const DAYS_MAX: usize = 300;
const DAY_SECS: u64 = 86_400;

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
pub enum FidelityError {
    /// The local chain cannot be as it is asked to be.
    #[error("{what}")]
    Unfit {
        /// What is wrong, and what to do.
        what: String,
    },
    /// The policy.
    #[error("{0}")]
    Policy(String),
    /// The prices.
    #[error(transparent)]
    Market(#[from] MarketError),
    /// The prices as feeds answer them.
    #[error("{0}; a feed has eight decimal places, so leave such days out")]
    Panel(#[from] PanelError),
    /// The local DAO.
    #[error(transparent)]
    Devnet(#[from] DevnetError),
    /// The agent did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The agent.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// The agent's configuration.
    #[error(transparent)]
    Config(#[from] ConfigProblems),
    /// The agent's journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A file of the run.
    #[error("{path}: {source}; choose another folder")]
    File {
        /// Which.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The agent does not come to rest.
    #[error("the agent still had something to do {blocks} blocks after {at}, Unix seconds; its journal is {journal}")]
    Restless {
        /// Blocks that it was given.
        blocks: u64,
        /// Time of the chain.
        at: u64,
        /// Its journal.
        journal: PathBuf,
    },
    /// The chain says something that cannot be.
    #[error("{what}")]
    Chain {
        /// What.
        what: String,
    },
}

impl From<ChainError> for FidelityError {
    fn from(error: ChainError) -> Self {
        Self::Devnet(error.into())
    }
}

/// What is compared.
#[derive(Debug, Clone)]
pub struct Setting<'a> {
    /// The text of the policy, of whatever chain.
    pub policy: &'a str,
    /// What is assumed beside prices.
    pub assumptions: Assumptions,
    /// Daily prices to the last day, with a past for the feeds before the first.
    pub panel: &'a Panel,
    /// The first bar that is decided at.
    pub start: usize,
    /// Strategies.
    pub catalog: &'a Catalog,
    /// Where the agent's files are written; an empty folder.
    pub folder: &'a Path,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bars that are done.
    pub done: usize,
    /// Of so many.
    pub bars: usize,
    /// The close of the newest, Unix seconds.
    pub at: u64,
}

/// What the chain holds of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct OnChain {
    /// Blocks.
    pub blocks: u64,
    /// Safe transactions that the agent approved, each a proposal.
    pub approved: usize,
    /// Proposals to the Governor.
    pub proposed: usize,
    /// Batches that entered the gate.
    pub entered: usize,
    /// Batches that were revoked at the gate.
    pub revoked: usize,
    /// Times that somebody would have executed, and it would have reverted.
    pub reverts: u32,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Name of the policy.
    pub policy: String,
    /// The differences.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// The close of each bar, Unix seconds.
    pub closes: Vec<u64>,
    /// What the chain says.
    pub agent: SideReport,
    /// What the engine says.
    pub engine: SideReport,
    /// What the chain holds.
    pub chain: OnChain,
    /// Alarms that the agent raised.
    pub alarms: Vec<String>,
    /// What is the same for both, and what the local chain has that the engine leaves out.
    pub notes: Vec<String>,
    /// keccak256 of the data as feeds answer it.
    pub data_hash: B256,
    /// keccak256 of the policy as it ran here.
    pub policy_hash: B256,
    /// How long the chain took.
    pub chain_secs: f64,
    /// How long the engine took.
    pub engine_secs: f64,
}

/// One side of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SideReport {
    /// Net asset value at the end of each bar, dollars.
    pub nav: Vec<f64>,
    /// Proposals.
    pub proposals: Vec<Proposal>,
}

impl From<Side> for SideReport {
    fn from(side: Side) -> Self {
        Self { nav: side.nav, proposals: side.proposals }
    }
}

/// Runs both and compares them. `tell` hears of each bar of the chain.
///
/// # Errors
/// If the policy, the assumptions or the data do not fit the local chain, or something of it fails.
pub async fn run(setting: &Setting<'_>, mut tell: impl FnMut(Progress)) -> Result<Report, FidelityError> {
    let (start, given) = (setting.start, parse(setting.policy, setting.catalog)?);
    let mut notes = home::fits(given.terms())?;
    let mut told = setting.assumptions.clone();
    notes.extend(plainly(&mut told)?);
    let panel = prices::as_feeds_answer(setting.panel)?;
    let (mut assumed, people) = (fit(&told, &given)?, People::of(&told.delays)?);
    let market = Market::new(&panel, given.terms(), &assumed)?;
    let ends = panel.ends();
    let Some((before, close)) = start.checked_sub(1).and_then(|before| ends.get(before).zip(ends.get(start))) else {
        let what = "the data has no day before the first; choose a later --from".to_owned();
        return Err(FidelityError::Unfit { what });
    };
    let at = |(bar, end): (usize, &u64)| prices::at(&market, given.terms(), bar, BAR_WHOLE, *end);
    let history: Vec<ReplayDay> = ends.iter().enumerate().take(start).map(at).collect();
    let options = home::options(given.terms(), &people, history, days::begins_at(*before, &people))?;
    let devnet = Devnet::start(&options).await?;
    let (text, said) = home::rehome(setting.policy, &given, &devnet.dao, close % DAY_SECS)?;
    notes.extend(said);
    let policy = parse(&text, setting.catalog)?;
    // The same names; accounts and assets may stand in another order.
    assumed = fit(&told, &policy)?;
    let market = Market::new(&panel, policy.terms(), &assumed)?;
    if assumed.holdings.is_none() {
        let price = |index| market.price(start, index, 0);
        assumed.holdings = Some(home::opening(policy.terms(), assumed.value_usd, price));
    }
    let begun = Instant::now();
    let block_secs = home::vote_block_secs(&people)?;
    let mut world = World::new(devnet, setting.folder, &text, block_secs)?;
    let days = Days { market: &market, policy: &policy, assumed: &assumed, people, start };
    let found = days.play(&mut world, setting.catalog, &mut tell).await?;
    let chain_secs = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let engine = of_engine(&days);
    let engine_secs = begun.elapsed().as_secs_f64();
    let comparison = compare(&found.side, &engine);
    Ok(Report {
        policy: policy.terms().name.clone(),
        comparison,
        closes: panel.ends().get(start..).unwrap_or_default().to_vec(),
        agent: found.side.into(),
        engine: engine.into(),
        chain: found.chain,
        alarms: found.alarms,
        notes: notes.into_iter().chain(standing_notes(&people, block_secs)).collect(),
        data_hash: panel.hash(),
        policy_hash: policy.hash(),
        chain_secs,
        engine_secs,
    })
}

fn parse(text: &str, catalog: &Catalog) -> Result<VotedPolicy, FidelityError> {
    quaestor_policies::parse(text.as_bytes(), catalog).map_err(|problems| FidelityError::Policy(problems.to_string()))
}

/// What the fast engine does with the same.
fn of_engine(days: &Days<'_>) -> Side {
    let terms = days.policy.terms();
    let model = EwmaModel::default();
    let plan = Plan {
        policy: days.policy,
        model: &model,
        market: days.market,
        assumed: days.assumed,
        start: days.start,
        events: None,
        seed: 0,
        thorough: true,
    };
    let run = engine::run(plan);
    let proposal = |(made, intents): (&quaestor_simulations::run::Proposed, &Vec<_>)| Proposal {
        decided_at: made.at,
        account: terms.accounts.get(usize::from(made.account)).map(|it| it.name.clone()).unwrap_or_default(),
        deeds: deeds(terms, intents),
        end: match made.fate {
            Fate::Waiting => End::Waiting,
            Fate::Executed { at } => End::Executed { ran_at: at },
            Fate::Withdrawn { .. } => End::Withdrawn,
            Fate::Expired { .. } => End::Expired,
        },
    };
    Side { nav: run.values, proposals: run.proposals.iter().zip(&run.intents).map(proposal).collect() }
}

/// Whole amounts of accounts and assets, as the policy orders them.
type Holdings = Vec<Vec<Amount>>;
