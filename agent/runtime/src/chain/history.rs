//! What the agent did before: the gate's events, and the Governor's proposals that may still run.

use super::{Chain, ChainError, Read, Readings, Times};
use alloy::{
    primitives::{Address, B256, U256},
    rpc::types::{BlockNumberOrTag, Filter},
    sol_types::SolEvent,
};
use quaestor_contracts::bindings::{DecisionGate, IGovernor};
use quaestor_core::{
    AccountId, Amount, BlockRef, Call, Codec, Entry, History, Purpose, Route, Terms, Value,
    snapshot::{Outstanding, Paid, Spend, WINDOW_SECS},
};

/// Most requests that one search for a block by its time takes: a binary search over 64 bits.
const SEARCH_STEPS_MAX: u32 = 64;

/// Reads [`History`], keeping what is final from one decision to the next.
#[derive(Debug)]
pub struct HistoryReader {
    deployed_block: u64,
    kept_of: Vec<Address>,
    kept_to: Option<u64>,
    entered: Vec<Entered>,
    proposed: Vec<Proposed>,
    times: Times,
}

#[derive(Debug, Clone)]
struct Entered {
    block: u64,
    timestamp: u64,
    event: DecisionGate::Entered,
}

#[derive(Debug, Clone)]
struct Proposed {
    block: u64,
    timestamp: u64,
    governor: Address,
    event: IGovernor::ProposalCreated,
}

impl HistoryReader {
    /// Reads from `deployed_block` on, the block in which the gate was deployed.
    pub fn new(deployed_block: u64) -> Self {
        Self {
            deployed_block,
            kept_of: Vec::new(),
            kept_to: None,
            entered: Vec::new(),
            proposed: Vec::new(),
            times: Times::default(),
        }
    }

    /// The history up to `block`, whose hash is checked again afterwards; `finalised` is the newest final height.
    ///
    /// # Errors
    /// If the node does not answer, or `block` left the chain while it was read.
    pub async fn read(
        &mut self,
        chain: &Chain,
        terms: &Terms,
        codec: &dyn Codec,
        block: BlockRef,
        finalised: u64,
    ) -> Result<History, ChainError> {
        self.forget_unless(terms);
        let longest_secs = WINDOW_SECS[WINDOW_SECS.len() - 1];
        let since = block.timestamp.saturating_sub(longest_secs);
        let first = match self.kept_to {
            Some(kept) => kept + 1,
            None => first_block_at(chain, self.deployed_block, block, since).await?,
        };
        let (mut entered, mut proposed) = (self.entered.clone(), self.proposed.clone());
        let (new_entered, new_proposed) = self.logs(chain, terms, first, block.number).await?;
        entered.extend(new_entered);
        proposed.extend(new_proposed);
        if !chain.is_canonical(&block).await? {
            return Err(ChainError::NoBlock { block: block.hash.to_string() });
        }
        entered.retain(|it| it.timestamp > since);
        proposed.retain(|it| it.timestamp > since);
        let keep_to = finalised.min(block.number);
        self.entered = entered.iter().filter(|it| it.block <= keep_to).cloned().collect();
        self.proposed = proposed.iter().filter(|it| it.block <= keep_to).cloned().collect();
        self.kept_to = Some(keep_to.max(first.saturating_sub(1)));
        let outstanding = outstanding(chain, terms, codec, block, &proposed).await?;
        let spends = entered.iter().filter(|it| it.block <= block.number).flat_map(|it| spends(terms, it)).collect();
        let paid = paid(chain, terms, block).await?;
        Ok(History { spends, outstanding, paid })
    }

    /// What was kept is of no use to a policy that names other accounts.
    fn forget_unless(&mut self, terms: &Terms) {
        let accounts = terms.accounts.iter().flat_map(|account| [Some(account.address), governor_of(&account.route)]);
        let read_of: Vec<Address> = accounts.flatten().chain([terms.gate]).collect();
        if self.kept_of != read_of {
            self.kept_of = read_of;
            self.kept_to = None;
            self.entered.clear();
            self.proposed.clear();
        }
    }

    async fn logs(
        &mut self,
        chain: &Chain,
        terms: &Terms,
        first: u64,
        last: u64,
    ) -> Result<(Vec<Entered>, Vec<Proposed>), ChainError> {
        let accounts: Vec<B256> = terms.accounts.iter().map(|account| account.address.into_word()).collect();
        let governors: Vec<Address> = terms.accounts.iter().filter_map(|account| governor_of(&account.route)).collect();
        let (mut entered, mut proposed) = (Vec::new(), Vec::new());
        let gate = Filter::new().address(terms.gate).event_signature(DecisionGate::Entered::SIGNATURE_HASH);
        for log in chain.logs(&gate.topic1(accounts), first, last).await? {
            let BlockRef { number: block, timestamp, .. } = self.times.block(chain, &log).await?;
            let decoded = DecisionGate::Entered::decode_log_validate(&log.inner);
            let malformed = ChainError::Malformed { address: terms.gate, what: "DecisionGate.Entered" };
            entered.push(Entered { block, timestamp, event: decoded.map_err(|_| malformed)?.data });
        }
        if governors.is_empty() {
            return Ok((entered, proposed));
        }
        let created = Filter::new().address(governors).event_signature(IGovernor::ProposalCreated::SIGNATURE_HASH);
        for log in chain.logs(&created, first, last).await? {
            let BlockRef { number: block, timestamp, .. } = self.times.block(chain, &log).await?;
            // A proposal that does not decode was not made by the agent.
            if let Ok(decoded) = IGovernor::ProposalCreated::decode_log_validate(&log.inner) {
                proposed.push(Proposed { block, timestamp, governor: log.address(), event: decoded.data });
            }
        }
        Ok((entered, proposed))
    }
}

/// The first block from `least` on whose time is after `since`, not beyond `head`.
///
/// # Errors
/// If the node does not answer.
pub(crate) async fn first_block_at(chain: &Chain, least: u64, head: BlockRef, since: u64) -> Result<u64, ChainError> {
    let (mut low, mut high) = (least, head.number.max(least));
    let mut steps = 0;
    while low < high && steps < SEARCH_STEPS_MAX {
        let middle = low + (high - low) / 2;
        if chain.block(BlockNumberOrTag::Number(middle)).await?.timestamp > since {
            high = middle;
        } else {
            low = middle + 1;
        }
        steps += 1;
    }
    Ok(low)
}

fn governor_of(route: &Route) -> Option<Address> {
    match route {
        Route::Governor { governor, .. } => Some(*governor),
        Route::Safe => None,
    }
}

fn spends<'a>(terms: &'a Terms, entered: &'a Entered) -> impl Iterator<Item = Spend> + 'a {
    let account = terms.account_at(entered.event.account);
    entered.event.items.iter().filter_map(move |item| {
        let asset = terms.assets.iter().position(|asset| asset.address == item.asset);
        Some(Spend {
            timestamp: entered.timestamp,
            account: account?,
            decision: entered.event.decision,
            once_key: item.onceKey,
            line: item.line,
            asset: asset.and_then(|index| u16::try_from(index).ok()).map(quaestor_core::AssetId),
            counterparty: item.counterparty,
            // More than 128 bits can only have been entered by someone else's batch; it fills every window.
            value: Value::from_u256(item.value).unwrap_or(Value(u128::MAX)),
        })
    })
}

/// The periods of budget lines that could be asked for now and have been paid, as the gate itself says: a period may be longer
/// than what is remembered of its events. What the gate does not say counts as paid.
async fn paid(chain: &Chain, terms: &Terms, block: BlockRef) -> Result<Vec<Paid>, ChainError> {
    let asked = terms.payments.iter().flat_map(|line| {
        let period = move |period| Paid { account: line.account, line: line.line, period };
        line.payable(block.timestamp).map(period)
    });
    let asked: Vec<Paid> = asked.collect();
    if asked.is_empty() {
        return Ok(asked);
    }
    let used = |it: &Paid| {
        let account = terms.account(it.account).map(|account| account.address).unwrap_or_default();
        let purpose = Purpose::Payment { line: it.line, period: it.period };
        DecisionGate::usedCall { account, onceKey: purpose.once_key(account, block.hash) }
    };
    let mut readings = Readings::default();
    let reads = asked.iter().map(|it| Read::new(terms.gate, &used(it))).collect();
    readings.extend(chain.read_at(block.hash, reads).await?);
    Ok(asked.into_iter().filter(|it| readings.get(terms.gate, &used(it)) != Some(false)).collect())
}

async fn outstanding(
    chain: &Chain,
    terms: &Terms,
    codec: &dyn Codec,
    block: BlockRef,
    proposed: &[Proposed],
) -> Result<Vec<Outstanding>, ChainError> {
    let mine: Vec<(AccountId, &Proposed, Entry)> = proposed
        .iter()
        .filter(|it| it.block <= block.number)
        .filter_map(|it| entry_of(terms, codec, it).map(|(account, entry)| (account, it, entry)))
        .filter(|(_, _, entry)| entry.valid_until >= block.timestamp)
        .collect();
    let state = |proposal: &Proposed| IGovernor::stateCall { proposalId: proposal.event.proposalId };
    let revoked = |account: &AccountId, entry: &Entry| {
        let account = terms.account(*account).map(|account| account.address).unwrap_or_default();
        DecisionGate::revokedCall { account, decision: entry.decision }
    };
    let reads = mine.iter().flat_map(|(account, it, entry)| {
        [Read::new(it.governor, &state(it)), Read::new(terms.gate, &revoked(account, entry))]
    });
    let reads = reads.collect();
    let mut readings = Readings::default();
    readings.extend(chain.read_at(block.hash, reads).await?);
    let live = mine.into_iter().filter(|(account, it, entry)| {
        // Canceled, Defeated, Expired and Executed are over, and so is what the gate will refuse; what cannot be read may
        // still run.
        !matches!(readings.get(it.governor, &state(it)), Some(2 | 3 | 6 | 7))
            && readings.get(terms.gate, &revoked(account, entry)) != Some(true)
    });
    let sum = |entry: &Entry| entry.items.iter().fold(0u128, |sum, item| sum.saturating_add(item.value.0));
    Ok(live
        .map(|(account, it, entry)| Outstanding {
            account,
            proposal_id: B256::from(it.event.proposalId),
            decision: entry.decision,
            proposed_at: it.timestamp,
            valid_until: entry.valid_until,
            once_keys: entry.items.iter().map(|item| item.once_key).collect(),
            value: Value(sum(&entry)),
            dues: terms.dues(entry.items.iter().map(|item| (item.counterparty, item.value))),
        })
        .collect())
}

fn entry_of(terms: &Terms, codec: &dyn Codec, proposed: &Proposed) -> Option<(AccountId, Entry)> {
    let position = terms.accounts.iter().position(|account| match account.route {
        Route::Governor { governor, proposer } => governor == proposed.governor && proposer == proposed.event.proposer,
        Route::Safe => false,
    })?;
    let (to, data) = (*proposed.event.targets.first()?, proposed.event.calldatas.first()?.clone());
    let value = proposed.event.values.first().copied().and_then(Amount::from_u256).filter(|wei| wei.is_zero())?;
    let entry = codec.decode_entry(&Call { to, value, data }).ok()?;
    Some((AccountId(u16::try_from(position).ok()?), entry))
}

/// A proposal id as the Governor's `uint256`.
pub(crate) fn proposal_number(id: B256) -> U256 {
    U256::from_be_bytes(id.0)
}
