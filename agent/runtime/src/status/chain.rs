//! What the chain says.

use super::{BrakeNow, ChainNow, PendingNow, PolicyNow, ProposalNow, Reading, journal::Written, treasury::TreasuryNow};
use crate::{
    agent::{Entry, Expected, InForce, in_force, read_route},
    chain::{Chain, ChainError, Contracts, gas_money, observe},
    cli::Exit,
    config::Config,
    risk::{ModelNow, Models},
};
use alloy::rpc::types::BlockNumberOrTag;
use quaestor_contracts::bindings::{EmergencyBrake, PolicyRegistry};
use quaestor_core::{
    Amount, BlockRef, Catalog, Policy, Route, Snapshot, Terms,
    lifecycle::{ATTEMPTS_MAX, Stage, State},
    snapshot::Control,
};

/// Everything that needs the chain.
#[derive(Debug)]
pub(super) struct OnChain {
    pub(super) chain: Reading<ChainNow>,
    pub(super) gas_wei: Reading<Amount>,
    pub(super) is_listed: Reading<bool>,
    pub(super) owner_of: Reading<Vec<String>>,
    pub(super) proposer_for: Reading<Vec<String>>,
    pub(super) policy: Reading<PolicyNow>,
    pub(super) model: Reading<ModelNow>,
    pub(super) pending: Reading<Option<PendingNow>>,
    pub(super) brake: Reading<BrakeNow>,
    pub(super) treasury: Reading<TreasuryNow>,
    pub(super) proposals: Reading<Vec<ProposalNow>>,
}

impl OnChain {
    /// Nothing of the chain could be read. What the journal says of proposals stands.
    pub(super) fn unknown(config: &Config, written: &Written, why: &str, exit: Exit) -> Self {
        let away = "the chain cannot be read";
        Self {
            chain: Reading::unknown(why, exit),
            gas_wei: Reading::unknown(away, exit),
            is_listed: Reading::unknown(away, exit),
            owner_of: Reading::unknown(away, exit),
            proposer_for: Reading::unknown(away, exit),
            policy: Reading::unknown(away, exit),
            model: Reading::unknown(away, exit),
            pending: Reading::unknown(away, exit),
            brake: Reading::unknown(away, exit),
            treasury: Reading::unknown(away, exit),
            proposals: written.book.because().unwrap_or_else(|| {
                let entries = written.book.known().map(|book| &book.entries);
                let stage = || Reading::unknown(away, exit);
                Reading::Known(
                    entries
                        .into_iter()
                        .flatten()
                        .map(|(_, entry)| proposal(&config.files.bundles, entry, stage()))
                        .collect(),
                )
            }),
        }
    }
}

fn on_chain<T>(result: Result<T, ChainError>) -> Reading<T> {
    match result {
        Ok(found) => Reading::Known(found),
        Err(error) => Reading::unknown(error, Exit::Chain),
    }
}

/// Reads the chain at its head.
pub(super) async fn read(
    config: &Config,
    catalog: &Catalog,
    chain: &Chain,
    written: &Written,
    now_unix_secs: u64,
) -> OnChain {
    let now = match chain_now(config, chain, now_unix_secs).await {
        Ok(now) => now,
        Err(error) => return OnChain::unknown(config, written, &error.to_string(), Exit::Chain),
    };
    let (head, contracts) = (now.head, config.contracts);
    let operator = config.operator.address;
    let listed = EmergencyBrake::isOperatorCall { account: operator };
    let held = policy_in_force(config, catalog, chain, written, now.finalised).await;
    let snapshot = match &held {
        Reading::Known(held) => {
            let trusted = Contracts { registry: contracts.registry, brake: contracts.brake, gate: contracts.gate };
            match observe(chain, held.policy.terms(), &trusted, head).await {
                Ok(observation) => Reading::Known(observation.snapshot),
                Err(error) => Reading::unknown(error, Exit::Chain),
            }
        }
        Reading::Unknown { exit, .. } => {
            Reading::unknown("without a policy in force there is no list of accounts and assets", *exit)
        }
    };
    let terms = held.known().map(|held| held.policy.terms());
    OnChain {
        gas_wei: match gas_money(chain, operator).await {
            Ok(wei) => Reading::Known(Amount::from_u256(wei).unwrap_or(Amount(u128::MAX))),
            Err(error) => Reading::unknown(error, Exit::Chain),
        },
        is_listed: on_chain(chain.call_at(head.hash, contracts.brake, "EmergencyBrake.isOperator", &listed).await),
        owner_of: with_snapshot(terms, &snapshot, |terms, snapshot| owned(terms, snapshot, operator)),
        proposer_for: with_snapshot(terms, &snapshot, |terms, _| {
            let named = terms
                .accounts
                .iter()
                .filter(|account| matches!(account.route, Route::Governor { proposer, .. } if proposer == operator));
            named.map(|account| account.name.clone()).collect()
        }),
        treasury: with_snapshot(terms, &snapshot, TreasuryNow::of),
        policy: held.because().unwrap_or_else(|| policy_now(&held, head)),
        model: model(config, terms, head),
        pending: on_chain(pending(config, chain, head).await),
        brake: on_chain(brake(config, chain, head).await),
        proposals: proposals(config, chain, written, head).await,
        chain: Reading::Known(now),
    }
}

fn with_snapshot<T>(
    terms: Option<&Terms>,
    snapshot: &Reading<Snapshot>,
    make: impl FnOnce(&Terms, &Snapshot) -> T,
) -> Reading<T> {
    match (terms, snapshot) {
        (Some(terms), Reading::Known(snapshot)) => Reading::Known(make(terms, snapshot)),
        (_, unknown) => unknown.because().unwrap_or_else(|| Reading::unknown("no policy is in force", Exit::Ok)),
    }
}

async fn chain_now(config: &Config, chain: &Chain, now_unix_secs: u64) -> Result<ChainNow, ChainError> {
    let chain_id = config.chain.chain_id;
    chain.check_chain_id(chain_id).await?;
    let head = chain.block(BlockNumberOrTag::Latest).await?;
    let finalised = chain.block(config.chain.finality.tag(head.number)).await?;
    let head_age_secs = now_unix_secs.saturating_sub(head.timestamp);
    let max_secs = config.chain.head_age_secs_max;
    Ok(ChainNow { chain_id, head, head_age_secs, is_behind: max_secs > 0 && head_age_secs > max_secs, finalised })
}

async fn policy_in_force(
    config: &Config,
    catalog: &Catalog,
    chain: &Chain,
    written: &Written,
    finalised: BlockRef,
) -> Reading<InForce> {
    let expected = Expected::of(config);
    let seen = written.book.known().and_then(|book| book.epoch).map(|(epoch, _)| epoch);
    match in_force(chain, &config.files, catalog, &expected, finalised, seen).await {
        Ok(Ok(held)) => Reading::Known(held),
        // No fault of chain or journal: it is how the DAO and its files stand.
        Ok(Err(refused)) => Reading::unknown(refused, Exit::Ok),
        Err(error) => Reading::unknown(error, Exit::Chain),
    }
}

fn policy_now(held: &Reading<InForce>, head: BlockRef) -> Reading<PolicyNow> {
    let Some(held) = held.known() else { return Reading::unknown("no policy is in force", Exit::Ok) };
    let terms = held.policy.terms();
    Reading::Known(PolicyNow {
        epoch: held.epoch,
        hash: held.policy.hash(),
        file: held.path.clone(),
        name: terms.name.clone(),
        expires_at: terms.expires_at,
        is_expired: head.timestamp >= terms.expires_at,
        review_at: Some(terms.review_at).filter(|at| *at != u64::MAX),
        is_review_due: head.timestamp >= terms.review_at,
    })
}

fn model(config: &Config, terms: Option<&Terms>, head: BlockRef) -> Reading<ModelNow> {
    let Some(terms) = terms else { return Reading::unknown("the policy in force names it", Exit::Ok) };
    let choice = Models::new(&config.files).choose(&terms.risk, head.timestamp);
    Reading::Known(ModelNow::of(&choice, &terms.risk, head.timestamp))
}

fn owned(terms: &Terms, snapshot: &Snapshot, operator: alloy::primitives::Address) -> Vec<String> {
    let accounts = terms.accounts.iter().zip(&snapshot.accounts);
    let owned = accounts.filter(|(_, reading)| match &reading.control {
        Control::Safe { owners, .. } => owners.contains(&operator),
        Control::Timelock { .. } => false,
    });
    owned.map(|(account, _)| account.name.clone()).collect()
}

/// The epoch that waits.
///
/// # Errors
/// If the registry cannot be read.
pub(crate) async fn pending(config: &Config, chain: &Chain, head: BlockRef) -> Result<Option<PendingNow>, ChainError> {
    let registry = config.contracts.registry;
    let call = PolicyRegistry::pendingEpochCall {};
    let waiting = chain.call_at(head.hash, registry, "PolicyRegistry.pendingEpoch", &call).await?;
    if waiting.number == 0 {
        return Ok(None);
    }
    let call = PolicyRegistry::vetoableCall { number: waiting.number };
    let is_vetoable = chain.call_at(head.hash, registry, "PolicyRegistry.vetoable", &call).await?;
    let (epoch, hash, uri, active_at) = (waiting.number, waiting.policyHash, waiting.uri, waiting.activeAt);
    Ok(Some(PendingNow { epoch, hash, uri, active_at, is_vetoable }))
}

async fn brake(config: &Config, chain: &Chain, head: BlockRef) -> Result<BrakeNow, ChainError> {
    let call = EmergencyBrake::statusCall {};
    let found = chain.call_at(head.hash, config.contracts.brake, "EmergencyBrake.status", &call).await?;
    Ok(BrakeNow {
        is_pulled: found.pulled,
        pulled_until: found.pulledUntil,
        pulls: found.pulls,
        lease_until: found.leaseUntil,
        is_lapsed: found.leaseUntil <= head.timestamp,
    })
}

async fn proposals(config: &Config, chain: &Chain, written: &Written, head: BlockRef) -> Reading<Vec<ProposalNow>> {
    let book = match &written.book {
        Reading::Known(book) => book,
        Reading::Unknown { why, exit } => return Reading::unknown(why, *exit),
    };
    let mut all = Vec::with_capacity(book.entries.len());
    for entry in book.entries.values() {
        let stage = match read_route(chain, config.contracts.gate, &entry.plan, head).await {
            Ok(reading) => Reading::Known(reading.stage),
            Err(error) => Reading::unknown(error, Exit::Chain),
        };
        all.push(proposal(&config.files.bundles, entry, stage));
    }
    Reading::Known(all)
}

fn proposal(folder: &std::path::Path, entry: &Entry, stage: Reading<Option<Stage>>) -> ProposalNow {
    let (plan, proposal) = (&entry.plan, &entry.proposal);
    let on_chain = stage.known().copied().flatten();
    ProposalNow {
        decision: plan.id,
        account: plan.batch.address,
        route: plan.route.clone(),
        value: plan.batch.value(),
        valid_until: plan.batch.valid_until,
        waits_for: if proposal.failures >= ATTEMPTS_MAX {
            format!("a person: its transaction failed {} times", proposal.failures)
        } else {
            waits_for(&proposal.state, on_chain)
        },
        state: proposal.state.clone(),
        stage,
        bundle: folder.join(&plan.bundle),
    }
}

/// What a proposal waits for, by what the chain says now, or the journal when the chain does not say.
pub(super) fn waits_for(state: &State, on_chain: Option<Stage>) -> String {
    let stage = match state {
        State::Live { stage } => on_chain.or(*stage),
        State::Planned => return "the agent, to propose it".into(),
        State::Executed { .. } => return "finality: it ran".into(),
        State::Withdrawing { revoked: false, .. } => return "the agent, to revoke it at the gate".into(),
        State::Withdrawing { revoked: true, .. } => return "the agent, to tidy up: it is revoked".into(),
        State::Ended(_) => return "nothing: it is over".into(),
    };
    match stage {
        None => "the agent's next look at the chain".into(),
        Some(Stage::Confirming { confirmations, threshold }) if confirmations >= threshold => {
            format!("an owner, to execute it ({confirmations} of {threshold} confirmations)")
        }
        Some(Stage::Confirming { confirmations, threshold }) => {
            format!("owners, to confirm it ({confirmations} of {threshold} confirmations)")
        }
        Some(Stage::Pending) => "the vote to begin".into(),
        Some(Stage::Active) => "members, to vote".into(),
        Some(Stage::Succeeded) => "the agent, to queue it".into(),
        Some(Stage::Queued { is_ready: true, .. }) => "the agent, to execute it".into(),
        Some(Stage::Queued { ready_at, .. }) => {
            format!("the timelock, until {}", quaestor_contracts::utc::Utc(ready_at))
        }
    }
}
