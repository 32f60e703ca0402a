//! From a configuration to an agent: every check that can be made before the first step is made here.

use super::{Agent, AgentError, Book, Record};
use crate::{
    chain::{Chain, ChainError, ChainSettings, Contracts, HistoryReader, gas_money},
    config::{Config, RpcUrlError},
    journal::{Journal, JournalError},
    keys::KeyError,
    risk::Models,
};
use alloy::{primitives::Address, rpc::types::BlockNumberOrTag, signers::local::PrivateKeySigner};
use quaestor_contracts::bindings::{DecisionGate, EmergencyBrake};
use quaestor_core::Catalog;
use std::{collections::BTreeMap, time::Duration};

/// Rows of the journal that are read at a time.
const ROWS_AT_A_TIME: usize = 1_000;

/// Why an agent does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no node to ask.
    #[error(transparent)]
    RpcUrl(#[from] RpcUrlError),
    /// The operator's key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The chain is not as the configuration says.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A step failed.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// The gate obeys another registry or brake.
    #[error(
        "the gate {gate} obeys the {what} {found}, the configuration names {expected}; correct `contracts.{what}` or `contracts.gate`"
    )]
    GateObeysOther {
        /// The gate.
        gate: Address,
        /// registry or brake.
        what: &'static str,
        /// As the gate says.
        found: Address,
        /// As configured.
        expected: Address,
    },
    /// The brake does not list the operator.
    #[error(
        "the brake {brake} does not list {operator} as an operator; let the DAO call setOperator({operator}, true), or correct `operator.address`"
    )]
    NotListed {
        /// The brake.
        brake: Address,
        /// The operator.
        operator: Address,
    },
}

/// A connection to the node of `config`.
///
/// # Errors
/// If there is no URL.
pub(crate) fn connect(config: &Config) -> Result<Chain, StartError> {
    let settings = ChainSettings {
        rpc_url: config.chain.rpc_url.resolve()?,
        request_timeout: Duration::from_secs(config.chain.request_timeout_secs),
        multicall: config.contracts.multicall3,
        logs_range_blocks: config.chain.logs_range_blocks,
    };
    Ok(Chain::new(&settings)?)
}

impl Agent {
    /// Opens the journal, checks the chain and the contracts, and folds the journal into the book.
    ///
    /// # Errors
    /// Whatever is not as the configuration says.
    pub async fn start(config: Config, catalog: Catalog) -> Result<Self, StartError> {
        let signer = config.operator.key.open_as(config.operator.address)?;
        Self::start_as(config, catalog, signer).await
    }

    /// The same with the operator's key at hand.
    pub(crate) async fn start_as(
        config: Config,
        catalog: Catalog,
        signer: PrivateKeySigner,
    ) -> Result<Self, StartError> {
        let chain = connect(&config)?;
        // The journal first: it also makes sure that there is one agent, before anything is asked or said.
        let journal = Journal::open(&config.files.journal)?;
        let contracts = Contracts {
            registry: config.contracts.registry,
            brake: config.contracts.brake,
            gate: config.contracts.gate,
        };
        check(&config, &chain, &contracts).await?;
        let book = read_book(&journal)?;
        let operator = config.operator.address;
        let mut agent = Self {
            history: HistoryReader::new(config.contracts.deployed_block),
            models: Models::new(&config.files),
            config,
            chain,
            contracts,
            operator,
            signer,
            catalog,
            journal,
            book,
            in_force: None,
            considered: None,
            last_head: None,
            last_alarm: None,
            model_told: None,
            trainer: Default::default(),
            withheld: Default::default(),
            held_back: true,
            offered_at: BTreeMap::new(),
        };
        agent.considered = agent.book.decided;
        let (version, chain_id) = (env!("CARGO_PKG_VERSION").to_owned(), agent.config.chain.chain_id);
        agent.record(&Record::Started { version, operator, chain_id })?;
        let open = agent.book.entries.len();
        tracing::info!(%operator, chain_id, open, "started");
        if gas_money(&agent.chain, operator).await?.is_zero() {
            agent.alarm(format!("the operator {operator} has no money for gas; send it some"))?;
        }
        Ok(agent)
    }

    /// Writes down that the agent stops in good order.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn stopped(&mut self) -> Result<(), AgentError> {
        self.take_up_training()?;
        self.record(&Record::Stopped).map(drop)
    }
}

async fn check(config: &Config, chain: &Chain, contracts: &Contracts) -> Result<(), StartError> {
    chain.check_chain_id(config.chain.chain_id).await?;
    let Contracts { registry, brake, gate } = *contracts;
    let named = [
        (registry, "PolicyRegistry"),
        (brake, "EmergencyBrake"),
        (gate, "DecisionGate"),
        (config.contracts.multisend_call_only, "MultiSendCallOnly"),
        (config.contracts.multicall3, "Multicall3"),
    ];
    chain.check_code(&named).await?;
    let head = chain.block(BlockNumberOrTag::Latest).await?;
    let found = chain.call_at(head.hash, gate, "DecisionGate.registry", &DecisionGate::registryCall {}).await?;
    if found != registry {
        return Err(StartError::GateObeysOther { gate, what: "registry", found, expected: registry });
    }
    let found = chain.call_at(head.hash, gate, "DecisionGate.brake", &DecisionGate::brakeCall {}).await?;
    if found != brake {
        return Err(StartError::GateObeysOther { gate, what: "brake", found, expected: brake });
    }
    let operator = config.operator.address;
    let is_operator = EmergencyBrake::isOperatorCall { account: operator };
    if !chain.call_at(head.hash, brake, "EmergencyBrake.isOperator", &is_operator).await? {
        return Err(StartError::NotListed { brake, operator });
    }
    Ok(())
}

/// Folds the whole journal.
fn read_book(journal: &Journal) -> Result<Book, JournalError> {
    let mut book = Book::default();
    let mut next = 1;
    loop {
        let rows = journal.rows(next, ROWS_AT_A_TIME)?;
        let Some(last) = rows.last().map(|row| row.seq) else { return Ok(book) };
        for row in &rows {
            book.apply(&row.decode::<Record>()?);
        }
        next = last + 1;
    }
}
