//! The local chain, the agent on it, and time.

use super::FidelityError;
use crate::{
    agent::{Agent, Book, Path as Way, Plan, Record},
    config::Config,
    devnet::Devnet,
    init::{ConfigFacts, render_config},
    journal::JournalReader,
    keys::KeySource,
};
use alloy::{primitives::B256, providers::Provider};
use quaestor_core::{
    BlockRef, Catalog,
    lifecycle::{Stage, State},
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Blocks after which the agent has come to rest at the latest.
const REST_BLOCKS_MAX: u64 = 60;
/// Blocks until a decision is taken: the local chain's confirmations and one more.
const REST_BLOCKS_MIN: u64 = 3;
/// Blocks between two steps of the agent while a vote is counted; it makes up for no more than 96.
const BLOCKS_A_STEP: u64 = 48;
/// Rows of the journal that are read at a time.
const ROWS: usize = 1_000;

/// The local DAO with its agent.
pub(super) struct World {
    pub(super) devnet: Devnet,
    config: Config,
    agent: Option<Agent>,
    journal: Option<JournalReader>,
    next_row: u64,
    /// The journal, folded.
    pub(super) book: Book,
    /// Everything that was ever planned.
    pub(super) plans: BTreeMap<B256, Plan>,
    /// Plans that are new.
    fresh: Vec<B256>,
    /// How long a block of a vote takes, seconds.
    vote_block_secs: u64,
    /// Alarms that the agent raised.
    pub(super) alarms: Vec<String>,
}

impl World {
    /// Writes the files of an agent on `devnet` into `folder`.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(super) fn new(devnet: Devnet, folder: &Path, text: &str, vote_block_secs: u64) -> Result<Self, FidelityError> {
        let dao = &devnet.dao;
        let facts = ConfigFacts {
            rpc_url: devnet.chain.url().to_string(),
            chain_id: dao.chain_id,
            registry: dao.controls.registry,
            brake: dao.controls.brake,
            gate: dao.controls.gate,
            multisend_call_only: dao.safe.multi_send,
            multicall3: dao.multicall,
            deployed_block: 0,
            operator: dao.people.operator.address(),
            // It is handed the key itself; an agent that is started in this folder asks for it here.
            key: KeySource::Env("QUAESTOR_FIDELITY_KEY".to_owned()),
            policies: vec![PathBuf::from("policy.toml")],
            poll_interval_ms: None,
        };
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|source| FidelityError::File { path: path.clone(), source }).map(|()| path)
        };
        write("policy.toml", text)?;
        let config = Config::load(&write("agent.toml", &render_config(&facts))?)?;
        Ok(Self {
            devnet,
            config,
            agent: None,
            journal: None,
            next_row: 1,
            book: Book::default(),
            plans: BTreeMap::new(),
            fresh: Vec::new(),
            vote_block_secs,
            alarms: Vec::new(),
        })
    }

    /// Starts the agent; it decides at what comes after its first look.
    ///
    /// # Errors
    /// If it does not start.
    pub(super) async fn start_agent(&mut self, catalog: &Catalog) -> Result<(), FidelityError> {
        let signer = self.devnet.dao.people.operator.clone();
        self.agent = Some(Agent::start_as(self.config.clone(), catalog.clone(), signer).await?);
        self.journal = Some(JournalReader::open(&self.config.files.journal)?);
        self.rest().await
    }

    /// Time of the newest block, Unix seconds.
    pub(super) async fn now(&self) -> Result<u64, FidelityError> {
        Ok(self.devnet.chain.now().await?)
    }

    /// The next block has this time, or the second after the newest one's if that has passed.
    pub(super) async fn stamp(&self, timestamp: u64) -> Result<(), FidelityError> {
        let earliest = self.now().await? + 1;
        Ok(self.devnet.chain.next_block_at(timestamp.max(earliest)).await?)
    }

    /// One step of the agent, and what it wrote down.
    pub(super) async fn step(&mut self) -> Result<(), FidelityError> {
        if let Some(agent) = &mut self.agent {
            agent.step().await?;
        }
        self.absorb()
    }

    /// Mines blocks and steps the agent until it has nothing more to do.
    ///
    /// # Errors
    /// If it does not come to rest.
    pub(super) async fn rest(&mut self) -> Result<(), FidelityError> {
        for blocks in 1..=REST_BLOCKS_MAX {
            self.devnet.mine(1).await?;
            self.step().await?;
            if blocks >= REST_BLOCKS_MIN && self.is_at_rest() {
                return Ok(());
            }
        }
        let (at, journal) = (self.now().await?, self.config.files.journal.clone());
        Err(FidelityError::Restless { blocks: REST_BLOCKS_MAX, at, journal })
    }

    fn is_at_rest(&self) -> bool {
        self.book.entries.values().all(|entry| {
            let proposal = &entry.proposal;
            let runs = matches!(proposal.state, State::Executed { .. });
            proposal.flight.is_none() && proposal.wants().is_none() && !runs
        })
    }

    /// Lets time pass until just before `timestamp`. While a vote is counted, which is in blocks, as many blocks pass as make
    /// up that time.
    ///
    /// # Errors
    /// If the chain or the agent fails.
    pub(super) async fn pass_until(&mut self, timestamp: u64) -> Result<(), FidelityError> {
        let Some(since) = self.counted_since() else { return Ok(()) };
        let wanted = since.number + timestamp.saturating_sub(since.timestamp) / self.vote_block_secs;
        loop {
            let (number, now) = (self.number().await?, self.now().await?);
            let left = wanted.saturating_sub(number);
            // The next block is for what is to happen then.
            let every = timestamp.saturating_sub(now) / (left + 1);
            if left == 0 || every == 0 {
                return Ok(());
            }
            for block in 1..=left.min(BLOCKS_A_STEP) {
                self.stamp(now + block * every).await?;
                self.devnet.mine(1).await?;
            }
            self.step().await?;
        }
    }

    /// The block of the decision whose vote is to come or under way. One account votes, so there is one at the most.
    fn counted_since(&self) -> Option<BlockRef> {
        let counts = |state: &State| {
            matches!(state, State::Live { stage: Some(Stage::Pending | Stage::Active) | None } | State::Planned)
        };
        let is_vote = |way: &Way| matches!(way, Way::Governor { .. });
        let mut entries = self.book.entries.values();
        let found = entries.find(|entry| is_vote(&entry.plan.route) && counts(&entry.proposal.state));
        found.map(|entry| entry.plan.decision.block)
    }

    async fn number(&self) -> Result<u64, FidelityError> {
        let number = self.devnet.chain.provider().get_block_number().await;
        number.map_err(|error| FidelityError::Chain { what: format!("eth_blockNumber: {error}") })
    }

    /// Whether a proposal may still be executed, as far as the agent knows.
    pub(super) fn is_live(&self, id: B256) -> bool {
        let state = self.book.entries.get(&id).map(|entry| &entry.proposal.state);
        matches!(state, Some(State::Planned | State::Live { .. }))
    }

    /// What the Governor says of a proposal, as the agent saw it last.
    pub(super) fn stage(&self, id: B256) -> Option<Stage> {
        match self.book.entries.get(&id)?.proposal.state {
            State::Live { stage } => stage,
            _ => None,
        }
    }

    /// Plans that were made since the last call, oldest first.
    pub(super) fn take_fresh(&mut self) -> Vec<B256> {
        std::mem::take(&mut self.fresh)
    }

    /// Folds what the agent wrote down.
    fn absorb(&mut self) -> Result<(), FidelityError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        loop {
            let rows = journal.rows(self.next_row, ROWS)?;
            let Some(last) = rows.last() else { return Ok(()) };
            self.next_row = last.seq + 1;
            for row in &rows {
                let record: Record = row.decode()?;
                self.book.apply(&record);
                match record {
                    Record::Planned(plan) => {
                        self.fresh.push(plan.id);
                        self.plans.insert(plan.id, *plan);
                    }
                    Record::Alarm { message } => self.alarms.push(message),
                    _ => {}
                }
            }
        }
    }
}
