//! A treasury on a chain as two policies both see it: by addresses, whatever either calls or numbers them.

use crate::voted::VotedPolicy;
use alloy_primitives::{Address, B256, keccak256};
use quaestor_core::{
    AccountId, Amount, AssetId, BlockRef, BrakeReading, History, Intent, Policy, Price, RiskReport, Snapshot, Terms,
    Value, VenueId,
    action::{Action, Purpose},
    amount::WAD,
    pipeline::Context,
    snapshot::{
        AccountReading, Anchor, AssetReading, CodeReading, CoinReading, Control, FeedReading, RateReading, Round, Spend,
    },
    valuation::{Twap, TwapReading},
};
use std::collections::BTreeMap;

/// What is so on the chain at one block, and what the agent did before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct World {
    pub(super) chain_id: u64,
    /// Unix seconds.
    pub(super) now: u64,
    /// Decimals of each token.
    pub(super) decimals: BTreeMap<Address, u8>,
    pub(super) feeds: BTreeMap<Address, Feed>,
    /// Mean ticks of pools, by pool and the token that they price, which is the pool's first.
    pub(super) ticks: BTreeMap<(Address, Address), i32>,
    /// What is held: by account and token.
    pub(super) held: BTreeMap<(Address, Address), Amount>,
    pub(super) code: BTreeMap<Address, B256>,
    /// What each vault says belongs to it ([`Terms::vouched_by`]), by vault and asset; a share is worth one whole asset.
    pub(super) vaults: BTreeMap<(Address, Address), Address>,
    /// Which accounts are Safes; the others are timelocks.
    pub(super) safes: BTreeMap<Address, bool>,
    /// What the agent did, the oldest first.
    pub(super) past: Vec<Past>,
    /// Volatility, value at risk, expected shortfall and drawdown probability, bps.
    pub(super) forecast: [Option<u64>; 4],
    /// What is unusual about it, in words.
    pub(super) notes: Vec<String>,
}

/// What a price feed says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Feed {
    /// Its answer; `None` where it cannot be read.
    pub(super) price: Option<Price>,
    /// How old that is, seconds.
    pub(super) age_secs: u64,
}

/// A batch of one item that passed the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Past {
    pub(super) secs_ago: u64,
    pub(super) account: Address,
    /// Who was paid; nobody where it is zero.
    pub(super) to: Address,
    pub(super) value: Value,
}

/// What one policy sees of a world.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) snapshot: Snapshot,
    pub(super) history: History,
    pub(super) forecast: RiskReport,
}

impl World {
    /// What `policy` sees, as if it were the one in force.
    pub(super) fn seen_by(&self, policy: &VotedPolicy) -> Seen {
        let terms = policy.terms();
        let block = BlockRef { number: 1, hash: keccak256("a block of no chain"), timestamp: self.now };
        let [volatility, value_at_risk, expected_shortfall, drawdown] = self.forecast;
        let forecast = RiskReport {
            treasury_volatility_bps: volatility,
            value_at_risk_bps: value_at_risk,
            expected_shortfall_bps: expected_shortfall,
            drawdown_probability_bps: drawdown,
            ..RiskReport::default()
        };
        let snapshot = Snapshot {
            chain_id: self.chain_id,
            block,
            anchor: Anchor { epoch: 1, policy_hash: policy.hash() },
            brake: BrakeReading { pulled: false, pulls: 0, lease_until: u64::MAX, block },
            operators: terms.roles.operators.clone(),
            guardians: Some(terms.roles.guardians.clone()),
            delegates: vec![],
            coins: self.coins(terms),
            assets: self.assets(terms),
            accounts: self.accounts(terms),
            code: self.code(terms),
            twaps: self.twaps(terms),
        };
        Seen { snapshot, history: self.history(terms), forecast }
    }

    fn assets(&self, terms: &Terms) -> Vec<AssetReading> {
        let ids = (0..terms.assets.len()).filter_map(|index| u16::try_from(index).ok().map(AssetId));
        let reading = |(asset, id): (&quaestor_core::Asset, AssetId)| {
            let rate = terms.vault_of(id).map(|vault| RateReading {
                asset: terms.asset(vault.asset).and_then(|it| self.vaults.get(&(vault.address, it.address))).copied(),
                now: terms.asset(vault.asset).map(|it| Amount(it.unit())),
                earlier: None,
            });
            let feeds = asset.feeds.iter().map(|feed| FeedReading { feed: *feed, rounds: self.rounds(*feed) });
            let decimals = self.decimals.get(&asset.address).copied();
            AssetReading { address: asset.address, decimals, feeds: feeds.collect(), rate }
        };
        terms.assets.iter().zip(ids).map(reading).collect()
    }

    fn twaps(&self, terms: &Terms) -> Vec<TwapReading> {
        let token = |asset| terms.asset(asset).map(|it| it.address).unwrap_or_default();
        let reading = |twap: &Twap| {
            let (pool, tokens) = (twap.pool, Some([token(twap.asset), token(twap.quote)]));
            let tick = self.ticks.get(&(pool, token(twap.asset))).copied();
            let tick_cumulatives = tick.map(|tick| [0, i64::from(tick) * i64::from(twap.window_secs)]);
            TwapReading { pool, tokens, tick_cumulatives }
        };
        terms.twaps.iter().map(reading).collect()
    }

    fn rounds(&self, feed: Address) -> Vec<Round> {
        let answer = self.feeds.get(&feed).filter(|feed| feed.price.is_some());
        let round = |feed: &Feed| Round { price: feed.price, updated_at: self.now.saturating_sub(feed.age_secs) };
        answer.map(round).into_iter().collect()
    }

    fn accounts(&self, terms: &Terms) -> Vec<AccountReading> {
        let reading = |(account, id): (&quaestor_core::Account, u16)| {
            let id = AccountId(id);
            let held = |asset: &quaestor_core::Asset| {
                self.held.get(&(account.address, asset.address)).copied().unwrap_or(Amount::ZERO)
            };
            let control = match self.safes.get(&account.address) {
                Some(false) => Control::Timelock { delay_secs: 86_400, governor_schedules: true },
                _ => terms.roles.safe_as_named(id),
            };
            let balances = terms.assets.iter().map(held).collect();
            AccountReading { address: account.address, balances, control }
        };
        terms.accounts.iter().zip(0..).map(reading).collect()
    }

    /// Every account has a thousand of the chain's coin.
    fn coins(&self, terms: &Terms) -> Vec<CoinReading> {
        let reading = |id| CoinReading { account: AccountId(id), balance: Some(Amount(1_000 * WAD)) };
        (0..terms.accounts.len()).filter_map(|index| u16::try_from(index).ok()).map(reading).collect()
    }

    fn code(&self, terms: &Terms) -> Vec<CodeReading> {
        let reading =
            |(address, _)| CodeReading { address, code_hash: self.code.get(&address).copied().unwrap_or_default() };
        terms.pins().map(reading).collect()
    }

    fn history(&self, terms: &Terms) -> History {
        let spend = |(place, past): (usize, &Past)| {
            let id = keccak256(format!("batch {place}"));
            Some(Spend {
                timestamp: self.now.saturating_sub(past.secs_ago),
                // The gate's events of other accounts are not looked at.
                account: terms.account_at(past.account)?,
                decision: id,
                once_key: id,
                line: id,
                asset: None,
                counterparty: past.to,
                value: past.value,
            })
        };
        History { spends: self.past.iter().enumerate().filter_map(spend).collect(), ..History::default() }
    }
}

/// A call that an account makes, by addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Call {
    /// A transfer of a token.
    Transfer { to: Address },
    /// A swap at a router.
    Swap { router: Address, take: Address, fee_pips: u32 },
    /// A deposit into a vault for its shares.
    Deposit { vault: Address, take: Address },
    /// A redemption of a vault's shares for its asset.
    Redeem { vault: Address, take: Address },
    /// The votes of a token to somebody.
    Delegate { to: Address },
    /// The chain's coin into the token.
    Wrap,
}

/// One call with its amounts, for a strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deed {
    pub(super) account: Address,
    /// keccak256 of the name of the strategy or budget line.
    pub(super) line: B256,
    /// Of a budget line, which of its periods.
    pub(super) period: Option<u64>,
    pub(super) give: Address,
    pub(super) call: Call,
    pub(super) amount: Amount,
    /// Received at least; of an exchange.
    pub(super) least: Amount,
}

impl Deed {
    /// As a policy numbers things; what it lacks has the number after its last. Its value is that of the policy's own
    /// prices, nothing where it has none. `leg` tells it from others of a decision.
    pub(super) fn intent(&self, terms: &Terms, cx: Option<&Context<'_>>, leg: u16) -> Intent {
        let asset = |address: Address| AssetId(place(terms.assets.iter().map(|it| it.address), address));
        let spends = !matches!(self.call, Call::Delegate { .. } | Call::Wrap);
        let (give, amount, least) = (asset(self.give), if spends { self.amount } else { Amount::ZERO }, self.least);
        let lacking = VenueId(u16::try_from(terms.venues.len()).unwrap_or(u16::MAX));
        let venue = |address: Address| terms.venue_at(address, give).unwrap_or(lacking);
        let approve = |spender| Action::Approve { asset: give, spender, amount };
        let (counterparty, actions) = match self.call {
            Call::Transfer { to } => (to, vec![Action::Transfer { asset: give, to, amount }]),
            Call::Swap { router, take, fee_pips } => {
                let (venue, buy) = (venue(router), asset(take));
                let swap = Action::Swap { venue, sell: give, buy, fee_pips, amount_in: amount, amount_out_min: least };
                (router, vec![approve(venue), swap])
            }
            Call::Deposit { vault, take } => {
                let (venue, shares) = (venue(vault), asset(take));
                let deposit = Action::Deposit { venue, asset: give, shares, amount, shares_min: least };
                (vault, vec![approve(venue), deposit])
            }
            Call::Wrap => (self.give, vec![Action::Wrap { asset: give, amount: self.amount }]),
            Call::Delegate { to } => (to, vec![Action::Delegate { asset: give, to }]),
            Call::Redeem { vault, take } => {
                let venue = venue(vault);
                let redeem = Action::Redeem { venue, shares: give, asset: asset(take), amount, assets_min: least };
                (vault, vec![redeem])
            }
        };
        Intent {
            account: AccountId(place(terms.accounts.iter().map(|it| it.address), self.account)),
            purpose: match self.period {
                Some(period) => Purpose::Payment { line: self.line, period },
                None => Purpose::Strategy { line: self.line, leg },
            },
            asset: give,
            counterparty,
            amount,
            value: cx.and_then(|cx| cx.value_of(give, amount)).unwrap_or(Value::ZERO),
            actions: actions.into_iter().collect(),
        }
    }
}

/// The number of an address in a list, or that after the last.
fn place(mut addresses: impl ExactSizeIterator<Item = Address>, wanted: Address) -> u16 {
    let len = addresses.len();
    u16::try_from(addresses.position(|it| it == wanted).unwrap_or(len)).unwrap_or(u16::MAX)
}
