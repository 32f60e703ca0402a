//! Everything a decision needs, read at one block hash in a number of requests that does not grow with the assets; only the batch
//! of code has one more in it for each token that the policy pins.

mod aave;

use super::{Chain, ChainError, Read, Readings};
use crate::config::MULTICALL3;
use alloy::{
    primitives::{Address, B256, I256, U256, aliases::U80, keccak256},
    rpc::types::BlockNumberOrTag,
};
use quaestor_contracts::bindings::{
    EmergencyBrake, IAggregatorV3, IERC20, IERC4626, IMulticall3, ISafe, ITimelock, IUniswapV3Pool, IVotes,
    PolicyRegistry,
};
use quaestor_core::{
    Account, AccountId, Amount, Asset, AssetId, BlockRef, BrakeReading, Price, Route, Snapshot, Terms, Vault,
    VenueKind,
    amount::{WAD_DECIMALS, pow10},
    policy::RiskTerms,
    snapshot::{
        AccountReading, Anchor, AssetReading, CodeReading, CoinReading, Control, DelegateReading, EarlierRate,
        FeedReading, RateReading, Round,
    },
    valuation::{Twap, TwapReading},
};
use std::collections::BTreeSet;

/// Our three contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contracts {
    /// `PolicyRegistry`.
    pub registry: Address,
    /// `EmergencyBrake`.
    pub brake: Address,
    /// `DecisionGate`.
    pub gate: Address,
}

/// Why a snapshot could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The chain could not be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Something the policy names could not be read; nothing is decided on a guess.
    #[error(
        "{what} could not be read from {address} at block {block}; nothing is proposed until it can be: check that the policy names the right contract"
    )]
    Unreadable {
        /// What was asked.
        what: String,
        /// The contract.
        address: Address,
        /// The block's number.
        block: u64,
    },
}

/// A snapshot with the raw answers that it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// What the answers mean.
    pub snapshot: Snapshot,
    /// The answers.
    pub readings: Readings,
    /// The answers at the earlier block, where the policy has vaults and the node has that state.
    pub earlier: Option<Earlier>,
}

/// What was read of the past: the rates of the vaults, the policy's `rate_lookback_blocks` before the snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// The block.
    pub block: BlockRef,
    /// The answers.
    pub readings: Readings,
}

/// The policy that the registry has active at `hash`.
///
/// # Errors
/// If it cannot be read.
pub async fn read_anchor(chain: &Chain, registry: Address, hash: B256) -> Result<Anchor, ChainError> {
    let active = chain.call_at(hash, registry, "PolicyRegistry.active", &PolicyRegistry::activeCall {}).await?;
    Ok(Anchor { epoch: active.number, policy_hash: active.policyHash })
}

/// The brake at `block`. A brake that cannot be read is a pulled brake.
pub async fn read_brake(chain: &Chain, brake: Address, block: BlockRef) -> BrakeReading {
    let mut readings = Readings::default();
    if let Ok(answers) = chain.read_at(block.hash, vec![Read::new(brake, &EmergencyBrake::statusCall {})]).await {
        readings.extend(answers);
    }
    brake_of(&readings, brake, block)
}

/// Takes the snapshot at `block`: two multicalls and one batch of code, however many assets there are; with vaults, one
/// block and one multicall more, and one more where rounds of the past lie apart (`risk.history_step`).
///
/// # Errors
/// If the node does not answer, or something the policy names cannot be read.
pub async fn observe(
    chain: &Chain,
    terms: &Terms,
    contracts: &Contracts,
    block: BlockRef,
) -> Result<Observation, ObserveError> {
    let mut readings = Readings::default();
    readings.extend(chain.read_at(block.hash, state_reads(terms, contracts)).await?);
    // What is known of a feed's rounds says which others are asked for.
    for _ in 0..ROUND_TURNS_MAX {
        let reads: Vec<Read> = round_reads(terms, &readings).filter(|read| !readings.was_asked(read)).collect();
        if reads.is_empty() {
            break;
        }
        let answers = chain.read_at(block.hash, reads).await?;
        readings.extend(answers);
    }
    let pinned: Vec<Address> = terms.pins().map(|(address, _)| address).collect();
    let codes = chain.code_at(block.hash, &pinned).await?;
    let hash = |code: &alloy::primitives::Bytes| if code.is_empty() { B256::ZERO } else { keccak256(code) };
    let code =
        pinned.iter().zip(&codes).map(|(address, code)| CodeReading { address: *address, code_hash: hash(code) });
    let earlier = observe_earlier(chain, terms, block).await?;
    let snapshot = assemble(terms, contracts, block, &readings, earlier.as_ref(), code.collect())?;
    Ok(Observation { snapshot, readings, earlier })
}

/// The rates of the past. A node that prunes may not have them, and then they are unknown.
async fn observe_earlier(chain: &Chain, terms: &Terms, block: BlockRef) -> Result<Option<Earlier>, ChainError> {
    let reads = rate_reads(terms);
    let Some(number) = earlier_number(terms, block).filter(|_| !reads.is_empty()) else { return Ok(None) };
    let found = async {
        let block = chain.block(BlockNumberOrTag::Number(number)).await?;
        let mut readings = Readings::default();
        readings.extend(chain.read_at(block.hash, reads).await?);
        Ok(Earlier { block, readings })
    };
    match found.await {
        Ok(earlier) => Ok(Some(earlier)),
        Err(ChainError::Refused { .. } | ChainError::NoBlock { .. } | ChainError::Malformed { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Number of the block at which a snapshot at `block` reads the rates of the past; `None` before the chain began, or
/// where the policy asks for none.
pub fn earlier_number(terms: &Terms, block: BlockRef) -> Option<u64> {
    let back = terms.risk.rate_lookback_blocks;
    block.number.checked_sub(back).filter(|_| back > 0)
}

/// The rate of every vault, in the order of the venues.
pub fn rate_reads(terms: &Terms) -> Vec<Read> {
    let read = |vault: Vault| match vault.kind {
        VenueKind::AaveV3 { .. } => Some(Read::new(vault.address, &aave::income_call(terms, vault)?)),
        VenueKind::Erc4626 { .. } | VenueKind::UniswapV3 => Some(Read::new(vault.address, &rate_call(terms, vault)?)),
    };
    terms.vaults().filter_map(read).collect()
}

/// What one whole share is worth.
fn rate_call(terms: &Terms, vault: Vault) -> Option<IERC4626::convertToAssetsCall> {
    terms.asset(vault.shares).map(|it| IERC4626::convertToAssetsCall { shares: U256::from(it.unit()) })
}

/// What belongs to a vault, as itself says.
fn vouching_read(terms: &Terms, vault: Vault) -> Option<Read> {
    match vault.kind {
        VenueKind::AaveV3 { .. } => Some(Read::new(vault.address, &aave::reserve_call(terms, vault)?)),
        VenueKind::Erc4626 { .. } | VenueKind::UniswapV3 => Some(Read::new(vault.address, &IERC4626::assetCall {})),
    }
}

/// Every read that a snapshot under `terms` takes, given the answers so far: with the latest rounds of the feeds in
/// them the earlier rounds are asked for too.
pub fn reads_of(terms: &Terms, contracts: &Contracts, readings: &Readings) -> BTreeSet<Read> {
    state_reads(terms, contracts).into_iter().chain(round_reads(terms, readings)).collect()
}

fn state_reads(terms: &Terms, contracts: &Contracts) -> Vec<Read> {
    let mut reads = vec![
        Read::new(contracts.registry, &PolicyRegistry::activeCall {}),
        Read::new(contracts.brake, &EmergencyBrake::statusCall {}),
        Read::new(contracts.brake, &EmergencyBrake::operatorsCall {}),
    ];
    if !terms.roles.guardians.is_empty() {
        reads.push(Read::new(contracts.registry, &PolicyRegistry::guardiansCall {}));
    }
    for asset in &terms.assets {
        reads.push(Read::new(asset.address, &IERC20::decimalsCall {}));
        for feed in &asset.feeds {
            reads.push(Read::new(*feed, &IAggregatorV3::decimalsCall {}));
            reads.push(Read::new(*feed, &IAggregatorV3::latestRoundDataCall {}));
        }
    }
    reads.extend(terms.vaults().filter_map(|vault| vouching_read(terms, vault)));
    reads.extend(rate_reads(terms));
    for twap in &terms.twaps {
        reads.push(Read::new(twap.pool, &IUniswapV3Pool::token0Call {}));
        reads.push(Read::new(twap.pool, &IUniswapV3Pool::token1Call {}));
        reads.push(Read::new(twap.pool, &window_call(twap)));
    }
    if terms.wrapped_coin.is_some() {
        reads.extend(terms.accounts.iter().map(|account| Read::new(MULTICALL3, &coin_call(account))));
    }
    for (_, _, account, token) in delegations(terms) {
        reads.push(Read::new(token, &IVotes::delegatesCall { account }));
    }
    for account in &terms.accounts {
        for asset in &terms.assets {
            reads.push(Read::new(asset.address, &IERC20::balanceOfCall { account: account.address }));
        }
        match account.route {
            Route::Safe => {
                reads.push(Read::new(account.address, &ISafe::nonceCall {}));
                reads.push(Read::new(account.address, &ISafe::getThresholdCall {}));
                reads.push(Read::new(account.address, &ISafe::getOwnersCall {}));
            }
            Route::Governor { governor, .. } => {
                reads.push(Read::new(account.address, &ITimelock::getMinDelayCall {}));
                reads.push(Read::new(account.address, &schedules_call(governor)));
            }
        }
    }
    reads
}

fn round_reads<'a>(terms: &'a Terms, readings: &'a Readings) -> impl Iterator<Item = Read> + 'a {
    let read = |feed: Address| move |id| Read::new(feed, &IAggregatorV3::getRoundDataCall { roundId: id });
    terms.assets.iter().flat_map(|asset| &asset.feeds).flat_map(move |feed| {
        let (probe, ids) = earlier_rounds(*feed, &terms.risk, readings);
        probe.into_iter().chain(ids).map(read(*feed))
    })
}

/// Turns in which rounds are asked for: one that tells how often a feed posts, and then those that lie as far apart as the
/// policy says.
const ROUND_TURNS_MAX: usize = 2;
/// How many rounds back a feed is asked how often it posts.
const PROBE_ROUNDS: u128 = 511;

/// The round that tells how often `feed` posts, where the policy wants rounds apart; and the rounds before the latest that its
/// snapshot has, newest first, as far as is known which they are. The upper bits of an id are the phase of Chainlink's proxy;
/// earlier rounds of the same phase are the ids below, down to 1 in the lower 64 bits.
fn earlier_rounds(feed: Address, risk: &RiskTerms, readings: &Readings) -> (Option<U80>, Vec<U80>) {
    let Some(latest) = readings.get(feed, &IAggregatorV3::latestRoundDataCall {}) else { return (None, Vec::new()) };
    let before = (latest.roundId.to::<u128>() & u128::from(u64::MAX)).saturating_sub(1);
    let rounds = u128::from(risk.history_rounds.saturating_sub(1));
    let apart = |stride: u128| {
        let back = 1..=rounds.min(before / stride);
        back.map(|back| latest.roundId - U80::from(back * stride)).collect()
    };
    let span = PROBE_ROUNDS.min(before);
    if risk.history_step_secs == 0 || span == 0 {
        return (None, apart(1));
    }
    let probe = latest.roundId - U80::from(span);
    let Some(first) = readings.get(feed, &IAggregatorV3::getRoundDataCall { roundId: probe }) else {
        return (Some(probe), Vec::new());
    };
    // Rounds that lie in the time of one step, in the mean, to the nearest; where times make no sense, each.
    let took = latest.updatedAt.checked_sub(first.updatedAt).and_then(|took| u128::try_from(took).ok());
    let rounds_of_step = |took: u128| (2 * u128::from(risk.history_step_secs) * span + took).checked_div(2 * took);
    let took = took.filter(|took| *took <= u128::from(u64::MAX));
    let stride = took.and_then(rounds_of_step).unwrap_or(1).clamp(1, u128::from(u64::MAX));
    (Some(probe), apart(stride))
}

/// The snapshot that `readings` at `block` mean. Pure.
///
/// # Errors
/// If something the policy names is missing from them.
pub fn assemble(
    terms: &Terms,
    contracts: &Contracts,
    block: BlockRef,
    readings: &Readings,
    earlier: Option<&Earlier>,
    code: Vec<CodeReading>,
) -> Result<Snapshot, ObserveError> {
    let unreadable =
        |what: &str, address| ObserveError::Unreadable { what: what.to_owned(), address, block: block.number };
    let active = readings
        .get(contracts.registry, &PolicyRegistry::activeCall {})
        .ok_or_else(|| unreadable("the active policy", contracts.registry))?;
    let operators = readings
        .get(contracts.brake, &EmergencyBrake::operatorsCall {})
        .ok_or_else(|| unreadable("the list of operators", contracts.brake))?;
    let account =
        |account: &Account| account_of(terms, account, readings).map_err(|what| unreadable(&what, account.address));
    let risk = &terms.risk;
    let mut assets: Vec<AssetReading> = terms.assets.iter().map(|asset| asset_of(asset, readings, risk)).collect();
    for vault in terms.vaults() {
        if let Some(asset) = assets.get_mut(vault.shares.index()) {
            asset.rate = Some(rate_of(terms, vault, readings, earlier));
        }
    }
    Ok(Snapshot {
        chain_id: terms.chain_id,
        block,
        anchor: Anchor { epoch: active.number, policy_hash: active.policyHash },
        brake: brake_of(readings, contracts.brake, block),
        operators,
        delegates: delegates_of(terms, readings),
        coins: coins_of(terms, readings),
        guardians: readings.get(contracts.registry, &PolicyRegistry::guardiansCall {}),
        assets,
        accounts: terms.accounts.iter().map(account).collect::<Result<_, _>>()?,
        code,
        twaps: terms.twaps.iter().map(|twap| twap_of(twap, readings)).collect(),
    })
}

/// The sums of ticks at both ends of a window.
fn window_call(twap: &Twap) -> IUniswapV3Pool::observeCall {
    IUniswapV3Pool::observeCall { secondsAgos: vec![twap.window_secs, 0] }
}

fn twap_of(twap: &Twap, readings: &Readings) -> TwapReading {
    let tokens = readings
        .get(twap.pool, &IUniswapV3Pool::token0Call {})
        .zip(readings.get(twap.pool, &IUniswapV3Pool::token1Call {}));
    let sums = readings.get(twap.pool, &window_call(twap)).and_then(|found| {
        let sum = |place: usize| i64::try_from(*found.tickCumulatives.get(place)?).ok();
        Some([sum(0)?, sum(1)?])
    });
    TwapReading { pool: twap.pool, tokens: tokens.map(Into::into), tick_cumulatives: sums }
}

fn brake_of(readings: &Readings, brake: Address, block: BlockRef) -> BrakeReading {
    match readings.get(brake, &EmergencyBrake::statusCall {}) {
        Some(status) => {
            BrakeReading { pulled: status.pulled, pulls: status.pulls, lease_until: status.leaseUntil, block }
        }
        None => BrakeReading::unreadable(block),
    }
}

fn asset_of(asset: &Asset, readings: &Readings, risk: &RiskTerms) -> AssetReading {
    AssetReading {
        address: asset.address,
        decimals: readings.get(asset.address, &IERC20::decimalsCall {}),
        feeds: asset.feeds.iter().map(|feed| feed_of(*feed, readings, risk)).collect(),
        rate: None,
    }
}

fn rate_of(terms: &Terms, vault: Vault, readings: &Readings, earlier: Option<&Earlier>) -> RateReading {
    if let VenueKind::AaveV3 { .. } = vault.kind {
        return aave::rate_of(terms, vault, readings, earlier).unwrap_or_default();
    }
    let rate = |readings: &Readings| {
        let answer = readings.get(vault.address, &rate_call(terms, vault)?)?;
        Amount::from_u256(answer).filter(|rate| !rate.is_zero())
    };
    let earlier = earlier.and_then(|it| Some(EarlierRate { block: it.block, rate: rate(&it.readings)? }));
    RateReading { asset: readings.get(vault.address, &IERC4626::assetCall {}), now: rate(readings), earlier }
}

fn feed_of(feed: Address, readings: &Readings, risk: &RiskTerms) -> FeedReading {
    let decimals = readings.get(feed, &IAggregatorV3::decimalsCall {});
    let latest = readings.get(feed, &IAggregatorV3::latestRoundDataCall {});
    let (Some(decimals), Some(latest)) = (decimals, latest) else { return FeedReading { feed, rounds: Vec::new() } };
    let mut found = vec![round(latest.answer, latest.updatedAt, decimals)];
    for id in earlier_rounds(feed, risk, readings).1 {
        if let Some(earlier) = readings.get(feed, &IAggregatorV3::getRoundDataCall { roundId: id }) {
            found.push(round(earlier.answer, earlier.updatedAt, decimals));
        }
    }
    found.reverse();
    FeedReading { feed, rounds: found }
}

fn round(answer: I256, updated_at: U256, decimals: u8) -> Round {
    let positive = if answer.is_positive() { Amount::from_u256(answer.into_raw()) } else { None };
    let price = positive.and_then(|answer| scaled(answer.0, decimals)).filter(|price| !price.is_zero());
    // A time beyond 64 bits lies in the future and is dropped as such.
    Round { price, updated_at: u64::try_from(updated_at).unwrap_or(u64::MAX) }
}

fn scaled(answer: u128, decimals: u8) -> Option<Price> {
    let price = match WAD_DECIMALS.checked_sub(decimals) {
        Some(missing) => answer.checked_mul(pow10(missing))?,
        None => answer / pow10(decimals - WAD_DECIMALS),
    };
    Some(Price(price))
}

/// Each account and token of [`Terms::delegates`], with their addresses.
fn delegations(terms: &Terms) -> impl Iterator<Item = (AccountId, AssetId, Address, Address)> {
    let accounts = terms.accounts.iter().zip(0..).map(|(account, id)| (AccountId(id), account.address));
    accounts.flat_map(move |(id, account)| {
        terms.delegates.iter().filter_map(move |it| Some((id, it.asset, account, terms.asset(it.asset)?.address)))
    })
}

fn delegates_of(terms: &Terms, readings: &Readings) -> Vec<DelegateReading> {
    let reading = |(account, asset, holder, token): (AccountId, AssetId, Address, Address)| DelegateReading {
        account,
        asset,
        to: readings.get(token, &IVotes::delegatesCall { account: holder }),
    };
    delegations(terms).map(reading).collect()
}

/// What an account has of the chain's coin, by the Multicall3 that is at its usual address; where there is none nothing is
/// known of the coin.
fn coin_call(account: &Account) -> IMulticall3::getEthBalanceCall {
    IMulticall3::getEthBalanceCall { addr: account.address }
}

fn coins_of(terms: &Terms, readings: &Readings) -> Vec<CoinReading> {
    let reading = |(account, id): (&Account, u16)| CoinReading {
        account: AccountId(id),
        balance: readings.get(MULTICALL3, &coin_call(account)).and_then(Amount::from_u256),
    };
    let is_said = terms.wrapped_coin.is_some();
    terms.accounts.iter().zip(0..).filter(|_| is_said).map(reading).collect()
}

/// Whether a timelock lets this Governor schedule operations (`PROPOSER_ROLE` of OpenZeppelin's `TimelockController`).
fn schedules_call(governor: Address) -> ITimelock::hasRoleCall {
    ITimelock::hasRoleCall { role: keccak256("PROPOSER_ROLE"), account: governor }
}

fn account_of(terms: &Terms, account: &Account, readings: &Readings) -> Result<AccountReading, String> {
    let balance = |asset: &Asset| {
        let found = readings.get(asset.address, &IERC20::balanceOfCall { account: account.address });
        found.and_then(Amount::from_u256).ok_or_else(|| format!("the {} balance of {}", asset.symbol, account.name))
    };
    let missing = |what: &str| format!("{what} of {}", account.name);
    let number =
        |found: Option<U256>, what: &str| found.and_then(|wide| u64::try_from(wide).ok()).ok_or_else(|| missing(what));
    let control = match account.route {
        Route::Safe => Control::Safe {
            nonce: number(readings.get(account.address, &ISafe::nonceCall {}), "the Safe nonce")?,
            threshold: number(readings.get(account.address, &ISafe::getThresholdCall {}), "the threshold")?,
            owners: readings.get(account.address, &ISafe::getOwnersCall {}).ok_or_else(|| missing("the owners"))?,
        },
        Route::Governor { governor, .. } => Control::Timelock {
            delay_secs: number(readings.get(account.address, &ITimelock::getMinDelayCall {}), "the timelock's delay")?,
            governor_schedules: readings.get(account.address, &schedules_call(governor)).unwrap_or(false),
        },
    };
    let balances = terms.assets.iter().map(balance).collect::<Result<_, _>>()?;
    Ok(AccountReading { address: account.address, balances, control })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::sol_types::SolCall;

    #[test]
    fn answers_are_scaled_to_wad_or_dropped() {
        let price = |answer: i64, decimals| round(I256::try_from(answer).unwrap(), U256::from(7), decimals).price;
        assert_eq!(price(123_456, 8), Some(Price(1_234_560_000_000_000)));
        assert_eq!(price(1, 18), Some(Price(1)));
        assert_eq!(price(12, 19), Some(Price(1)));
        assert_eq!(price(1, 20), None);
        assert_eq!(price(0, 8), None);
        assert_eq!(price(-5, 8), None);
        assert_eq!(round(I256::MAX, U256::MAX, 8), Round { price: None, updated_at: u64::MAX });
    }

    const FEED: Address = Address::repeat_byte(0xfe);

    /// The latest round of a feed, and what earlier ones say of their time.
    fn rounds(latest: U80, at: u64, earlier: &[(U80, u64)]) -> Readings {
        let said = |round_id: U80, at: u64| IAggregatorV3::latestRoundDataReturn {
            roundId: round_id,
            answer: I256::ONE,
            startedAt: U256::from(at),
            updatedAt: U256::from(at),
            answeredInRound: round_id,
        };
        let mut readings = Readings::default();
        let answer = IAggregatorV3::latestRoundDataCall::abi_encode_returns(&said(latest, at));
        readings.extend([(Read::new(FEED, &IAggregatorV3::latestRoundDataCall {}), Some(answer.into()))]);
        for (id, at) in earlier {
            // Both calls answer in the same form.
            let answer = IAggregatorV3::latestRoundDataCall::abi_encode_returns(&said(*id, *at));
            readings
                .extend([(Read::new(FEED, &IAggregatorV3::getRoundDataCall { roundId: *id }), Some(answer.into()))]);
        }
        readings
    }

    fn asked(history_rounds: u16, step_secs: u64, readings: &Readings) -> (Option<U80>, Vec<U80>) {
        let risk = RiskTerms { history_rounds, history_step_secs: step_secs, ..RiskTerms::default() };
        earlier_rounds(FEED, &risk, readings)
    }

    #[test]
    fn earlier_rounds_stay_in_their_phase() {
        let phase = U80::from(1u8) << 64;
        let id = |round: u64| phase + U80::from(round);
        let every = |round: u64, count| asked(count, 0, &rounds(id(round), 9_000, &[]));
        assert_eq!(every(1, 10), (None, vec![]));
        assert_eq!(every(3, 10), (None, vec![id(2), id(1)]));
        assert_eq!(every(100, 3), (None, vec![id(99), id(98)]));
        assert_eq!(every(100, 0), (None, vec![]));
    }

    #[test]
    fn rounds_lie_as_far_apart_as_the_policy_says_wherever_a_feed_posts_more_often() {
        const HOUR: u64 = 3_600;
        let id = |round: u64| U80::from(round);
        // First it is asked how often it posts.
        assert_eq!(asked(4, 12 * HOUR, &rounds(id(2_000), 9_000_000, &[])), (Some(id(1_489)), vec![]));
        // Each hour: every twelfth. A feed that posts each day: every one.
        let hourly = rounds(id(2_000), 9_000_000, &[(id(1_489), 9_000_000 - 511 * HOUR)]);
        assert_eq!(asked(4, 12 * HOUR, &hourly).1, [id(1_988), id(1_976), id(1_964)]);
        let daily = rounds(id(2_000), 99_000_000, &[(id(1_489), 99_000_000 - 511 * 24 * HOUR)]);
        assert_eq!(asked(4, 12 * HOUR, &daily).1, [id(1_999), id(1_998), id(1_997)]);
        // As far back as there are rounds; a new feed; times that make no sense.
        let young = rounds(id(20), 9_000_000, &[(id(1), 9_000_000 - 19 * HOUR)]);
        assert_eq!(asked(60, 6 * HOUR, &young).1, [id(14), id(8), id(2)]);
        assert_eq!(asked(60, HOUR, &rounds(id(1), 9_000_000, &[])), (None, vec![]));
        let backwards = rounds(id(2_000), 9_000, &[(id(1_489), 10_000)]);
        assert_eq!(asked(3, HOUR, &backwards).1, [id(1_999), id(1_998)]);
        let at_once = rounds(id(2_000), 9_000, &[(id(1_489), 9_000)]);
        assert_eq!(asked(3, HOUR, &at_once).1, [id(1_999), id(1_998)]);
    }
}
