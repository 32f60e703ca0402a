//! States of a chain at random, near the limits of two policies, and intents in them.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "each test uses its part")]

use crate::mutation::Dice;
use alloy_primitives::{Address, B256, keccak256};
use quaestor_core::{
    AccountId, Action, Amount, AssetId, AssetKind, BlockRef, BrakeReading, History, Intent, Policy, Price, Purpose,
    RiskReport, Route, Snapshot, Terms, Value, VenueId, VenueKind,
    pipeline::Context,
    policy::BudgetLine,
    snapshot::{
        AccountReading, Anchor, AssetReading, CodeReading, CoinReading, Control, FeedReading, Outstanding, RateReading,
        Round, Spend,
    },
    valuation::{Twap, TwapReading, tick_of},
};
use quaestor_policies::VotedPolicy;
use std::collections::BTreeMap;

const WAD: u128 = 1_000_000_000_000_000_000;
const WINDOW_SECS: [u64; 4] = [3_600, 86_400, 604_800, 2_592_000];

/// What two policies see, by address. Contracts are as the policies say; where these differ, as `new` says.
pub struct Chain {
    now: u64,
    chain_id: u64,
    rounds: BTreeMap<Address, Vec<Round>>,
    held: BTreeMap<(Address, Address), Amount>,
    rates: BTreeMap<Address, Amount>,
    /// How long ago, by whom, to whom.
    spends: Vec<(u64, Address, Address, Value)>,
    bound: Vec<(u64, Address, Value)>,
    pub forecast: RiskReport,
}

fn near(dice: &mut Dice, limit: u64) -> u64 {
    match dice.below(4) {
        0 => limit,
        1 => limit.saturating_add(1 + dice.below(3)),
        2 => limit.saturating_sub(1 + dice.below(3)),
        _ => dice.below(limit.saturating_mul(2).saturating_add(2).min(100_000_000)),
    }
}

impl Chain {
    pub fn new(dice: &mut Dice, old: &VotedPolicy, new: &VotedPolicy) -> Self {
        let terms = [new.terms(), old.terms()];
        let expires = dice.of(&terms).expires_at;
        let now = if dice.one_in(6) { near(dice, expires) } else { expires.saturating_sub(1 + dice.below(9_000_000)) };
        let mut chain = Self {
            now,
            chain_id: new.terms().chain_id,
            rounds: BTreeMap::new(),
            held: BTreeMap::new(),
            rates: BTreeMap::new(),
            spends: Vec::new(),
            bound: Vec::new(),
            forecast: RiskReport::default(),
        };
        chain.prices(dice, &terms);
        chain.balances(dice, &terms);
        chain.past(dice, &terms);
        let risk = &dice.of(&terms).risk;
        let mut forecast = |ceiling: Option<u64>| {
            let ceiling = ceiling.unwrap_or(5_000);
            if dice.one_in(5) {
                None
            } else if dice.one_in(2) {
                Some(0)
            } else {
                Some(near(dice, ceiling))
            }
        };
        chain.forecast = RiskReport {
            treasury_volatility_bps: forecast(risk.volatility_bps_max),
            value_at_risk_bps: forecast(risk.value_at_risk_bps_max),
            expected_shortfall_bps: forecast(risk.expected_shortfall_bps_max),
            drawdown_probability_bps: forecast(risk.drawdown_probability_bps_max),
            ..RiskReport::default()
        };
        chain
    }

    fn prices(&mut self, dice: &mut Dice, terms: &[&Terms; 2]) {
        let calm = dice.one_in(2);
        for terms in terms {
            for asset in &terms.assets {
                let base = if asset.kind == AssetKind::Stable { WAD } else { u128::from(1 + dice.below(3_000)) * WAD };
                for feed in &asset.feeds {
                    let cap = terms.limits.price_deviation_bps_max.min(2_000);
                    let apart = if calm { 0 } else { near(dice, cap).min(5_000) };
                    let price = if dice.one_in(2) { base + base / 10_000 * u128::from(apart) } else { base };
                    let oldest = asset.staleness_secs_max.min(terms.limits.price_age_secs_max);
                    let age = if calm || dice.one_in(2) { dice.below(60) } else { near(dice, oldest) };
                    let round = Round { price: Some(Price(price)), updated_at: self.now.saturating_sub(age) };
                    let rounds = if !calm && dice.one_in(20) { Vec::new() } else { vec![round] };
                    self.rounds.entry(*feed).or_insert(rounds);
                }
            }
            for vault in terms.vaults() {
                let unit = terms.asset(vault.asset).unwrap().unit();
                let earned = if matches!(vault.kind, VenueKind::AaveV3 { .. }) { 0 } else { dice.below(900) };
                self.rates.entry(vault.address).or_insert(Amount(unit + unit / 10_000 * u128::from(earned)));
            }
        }
    }

    /// Shares at random, some at the edges of a band.
    fn balances(&mut self, dice: &mut Dice, terms: &[&Terms; 2]) {
        for terms in terms {
            for (place, asset) in terms.assets.iter().enumerate() {
                let id = AssetId(place as u16);
                let band = terms.bands.iter().find(|band| band.asset == id);
                let share = match band {
                    Some(band) if dice.one_in(3) => near(dice, *dice.clone().of(&[band.min_bps, band.max_bps])),
                    Some(band) => band.target_bps,
                    None => dice.below(3_000),
                };
                let share = if dice.one_in(5) { dice.below(8_000) } else { share };
                let priced = terms.asset(terms.priced_by(id)).unwrap();
                let price = priced.feeds.first().and_then(|feed| self.rounds[feed].last()?.price);
                let value = Value(u128::from(share) * 1_000 * WAD);
                let whole = value.amount_at(price.unwrap_or(Price(WAD)), asset.unit()).unwrap_or(Amount::ZERO);
                for account in &terms.accounts {
                    let part = Amount(whole.0 / 100 * u128::from(if dice.one_in(3) { dice.below(100) } else { 80 }));
                    self.held.entry((account.address, asset.address)).or_insert(part);
                }
            }
        }
    }

    fn past(&mut self, dice: &mut Dice, terms: &[&Terms; 2]) {
        let count = if dice.one_in(2) { 0 } else { dice.below(5) };
        for _ in 0..count {
            let terms = *dice.of(terms);
            let place = dice.below(4) as usize;
            let cap = terms.limits.window_bps_max[place].min(5_000);
            let secs_ago = match dice.below(3) {
                0 => near(dice, WINDOW_SECS[place]),
                1 => near(dice, terms.limits.cooldown_secs_min),
                _ => dice.below(WINDOW_SECS[place]),
            };
            let value = Value(u128::from(cap) * 1_000 * WAD / u128::from(1 + dice.below(4)));
            let account = dice.of(&terms.accounts);
            // Only a vote binds what is not executed yet.
            if account.route != Route::Safe && dice.one_in(3) {
                self.bound.push((secs_ago, account.address, value));
            } else {
                let to = match terms.counterparties.is_empty() {
                    true => Address::ZERO,
                    false => dice.of(&terms.counterparties).address,
                };
                let to = if dice.one_in(2) { to } else { Address::ZERO };
                self.spends.push((secs_ago, account.address, to, value));
            }
        }
        self.spends.sort_by_key(|(secs_ago, ..)| std::cmp::Reverse(*secs_ago));
    }

    pub fn snapshot(&self, policy: &VotedPolicy, trusted: &VotedPolicy) -> Snapshot {
        let terms = policy.terms();
        let block = BlockRef { number: 7, hash: keccak256("block"), timestamp: self.now };
        let truth = |address: Address| trusted.terms().assets.iter().find(|asset| asset.address == address);
        let assets = terms.assets.iter().enumerate().map(|(place, asset)| AssetReading {
            address: asset.address,
            decimals: Some(truth(asset.address).map_or(asset.decimals, |it| it.decimals)),
            feeds: asset
                .feeds
                .iter()
                .map(|feed| FeedReading { feed: *feed, rounds: self.rounds[feed].clone() })
                .collect(),
            rate: terms.vault_of(AssetId(place as u16)).map(|vault| RateReading {
                asset: terms.vouched_by(vault),
                now: Some(self.rates[&vault.address]),
                earlier: None,
            }),
        });
        let held = |account, token| self.held.get(&(account, token)).copied().unwrap_or(Amount::ZERO);
        let accounts = terms.accounts.iter().map(|account| AccountReading {
            address: account.address,
            balances: terms.assets.iter().map(|asset| held(account.address, asset.address)).collect(),
            control: match account.route {
                Route::Safe => Control::Safe { nonce: 0, threshold: 2, owners: Vec::new() },
                Route::Governor { .. } => Control::Timelock { delay_secs: 1, governor_schedules: true },
            },
        });
        Snapshot {
            chain_id: self.chain_id,
            block,
            anchor: Anchor { epoch: 1, policy_hash: policy.hash() },
            brake: BrakeReading { pulled: false, pulls: 0, lease_until: u64::MAX, block },
            operators: Vec::new(),
            guardians: None,
            delegates: vec![],
            coins: coins(terms),
            assets: assets.collect(),
            accounts: accounts.collect(),
            code: terms.pins().map(|(address, code_hash)| CodeReading { address, code_hash }).collect(),
            twaps: terms.twaps.iter().map(|twap| self.pool(terms, twap)).collect(),
        }
    }

    /// What a pool says: nothing, or what the feeds do, or something near to that.
    fn pool(&self, terms: &Terms, twap: &Twap) -> TwapReading {
        let (asset, quote) = (&terms.assets[twap.asset.index()], &terms.assets[twap.quote.index()]);
        let price = |feeds: &[Address]| feeds.first().and_then(|feed| self.rounds[feed].last()?.price);
        let price = |feeds| price(feeds).map_or(WAD, |price| price.0);
        let ratio = price(&asset.feeds) / 1_000_000 * WAD / (price(&quote.feeds) / 1_000_000).max(1);
        let off = i64::from(twap.pool[0] % 3) * 40 - 40;
        let tick = tick_of(Price(ratio), asset.unit(), quote.unit()).map(|tick| i64::from(tick) + off);
        let tick_cumulatives = tick.map(|tick| [0, tick * i64::from(twap.window_secs)]);
        TwapReading { pool: twap.pool, tokens: Some([asset.address, quote.address]), tick_cumulatives }
    }

    pub fn history(&self, terms: &Terms) -> History {
        let spend = |(place, (secs_ago, account, to, value)): (usize, &(u64, Address, Address, Value))| {
            let id = keccak256([place as u8]);
            Some(Spend {
                timestamp: self.now.saturating_sub(*secs_ago),
                account: terms.account_at(*account)?,
                decision: id,
                once_key: id,
                line: id,
                asset: None,
                counterparty: *to,
                value: *value,
            })
        };
        let bound = |(secs_ago, account, value): &(u64, Address, Value)| {
            Some(Outstanding {
                account: terms.account_at(*account)?,
                proposal_id: B256::ZERO,
                decision: B256::ZERO,
                proposed_at: self.now.saturating_sub(*secs_ago),
                valid_until: self.now + 10,
                once_keys: Vec::new(),
                value: *value,
                dues: Vec::new(),
            })
        };
        History {
            spends: self.spends.iter().enumerate().filter_map(spend).collect(),
            outstanding: self.bound.iter().filter_map(bound).collect(),
            ..History::default()
        }
    }
}

/// What each account has of the coin of the chain.
const COIN: u128 = 10 * WAD;

fn coins(terms: &Terms) -> Vec<CoinReading> {
    let ids = (0..terms.accounts.len() as u16).map(AccountId);
    ids.map(|account| CoinReading { account, balance: Some(Amount(COIN)) }).collect()
}

/// An intent as `new` numbers things, near the limits of either policy.
pub fn intent(dice: &mut Dice, cx: &Context<'_>, old: &Terms) -> Option<Intent> {
    let new = cx.terms;
    let account = AccountId(dice.below(new.accounts.len() as u64) as u16);
    let strategies: Vec<B256> = new.strategies.iter().map(|it| it.line).collect();
    let line = if strategies.is_empty() || dice.one_in(30) { keccak256("nobody") } else { *dice.of(&strategies) };
    let limits = [&new.limits, &old.limits];
    let limits = *dice.of(&limits);
    if dice.one_in(6)
        && let Some(intent) = payment(dice, cx, old)
    {
        return Some(intent);
    }
    if dice.one_in(12) {
        let purpose = Purpose::Strategy { line, leg: dice.below(3) as u16 };
        let of = if dice.one_in(3) { wrapping } else { delegation };
        return of(dice, (old, new), account, purpose);
    }
    let (give, call) = plan(dice, new)?;
    let nav = cx.valuation.nav;
    let value = match dice.below(8) {
        0 => Value(WAD / 1_000 * u128::from(1 + dice.below(1_000_000))),
        1 => nav.share(limits.proposal_bps_max.min(10_000))?,
        2 => {
            let place = dice.below(4) as usize;
            nav.share(limits.window_bps_max[place].min(10_000))?.saturating_sub(cx.windows[place])
        }
        3 => cx.value_of(give, cx.balance(account, give))?,
        _ => Value(nav.0 / 100_000 * u128::from(1 + dice.below(2_000))),
    };
    let amount = cx.amount_of(give, value)?;
    let amount = match dice.below(4) {
        0 => Amount(amount.0 + 1),
        1 => Amount(amount.0.saturating_sub(1)),
        2 => Amount(amount.0 / 100 * u128::from(90 + dice.below(20))),
        _ => amount,
    };
    let mut value = cx.value_of(give, amount)?;
    if dice.one_in(50) {
        value = Value(value.0 + 1);
    }
    let purpose = Purpose::Strategy { line, leg: dice.below(3) as u16 };
    let slippage = match dice.below(3) {
        0 => 0,
        1 => limits.slippage_bps_max,
        _ => near(dice, limits.slippage_bps_max),
    };
    let least = |take: AssetId| {
        let kept = value.share(10_000u64.saturating_sub(slippage))?;
        Some(Amount(cx.amount_of(take, kept)?.0 + 1))
    };
    let (counterparty, actions) = match call {
        Call::To(to) => (to, vec![Action::Transfer { asset: give, to, amount }]),
        Call::Swap(venue, buy, fee_pips) => {
            let amount_out_min = least(buy)?;
            let swap = Action::Swap { venue, sell: give, buy, fee_pips, amount_in: amount, amount_out_min };
            (new.venues[venue.index()].address, vec![Action::Approve { asset: give, spender: venue, amount }, swap])
        }
        Call::Deposit(venue, shares) => {
            let deposit = Action::Deposit { venue, asset: give, shares, amount, shares_min: least(shares)? };
            (new.venues[venue.index()].address, vec![Action::Approve { asset: give, spender: venue, amount }, deposit])
        }
        Call::Redeem(venue, asset) => {
            let redeem = Action::Redeem { venue, shares: give, asset, amount, assets_min: least(asset)? };
            (new.venues[venue.index()].address, vec![redeem])
        }
    };
    let actions = actions.into_iter().collect();
    Some(Intent { account, purpose, asset: give, counterparty, amount, value, actions })
}

/// Coin of the chain into what either policy says that it may be wrapped into, or into something else.
fn wrapping(dice: &mut Dice, (old, new): (&Terms, &Terms), account: AccountId, purpose: Purpose) -> Option<Intent> {
    let terms = if dice.one_in(2) { new } else { old };
    let other = AssetId(dice.below(terms.assets.len() as u64) as u16);
    let wrapped = if dice.one_in(8) { other } else { terms.wrapped_coin? };
    let token = terms.asset(wrapped)?.address;
    let asset = AssetId(new.assets.iter().position(|it| it.address == token)? as u16);
    let amount = Amount(COIN / 4 * u128::from(1 + dice.below(5)));
    let actions = [Action::Wrap { asset, amount }].into_iter().collect();
    Some(Intent { account, purpose, asset, counterparty: token, amount: Amount::ZERO, value: Value::ZERO, actions })
}

/// Votes of a token of either policy to one of those whom it lists, or to a stranger.
fn delegation(dice: &mut Dice, (old, new): (&Terms, &Terms), account: AccountId, purpose: Purpose) -> Option<Intent> {
    let terms = if dice.one_in(2) { new } else { old };
    let listed = terms.delegates.first()?;
    let token = terms.asset(listed.asset)?.address;
    let asset = AssetId(new.assets.iter().position(|it| it.address == token)? as u16);
    let to = if dice.one_in(8) { Address::repeat_byte(0x78) } else { *dice.of(&listed.to) };
    let actions = [Action::Delegate { asset, to }].into_iter().collect();
    Some(Intent { account, purpose, asset, counterparty: to, amount: Amount::ZERO, value: Value::ZERO, actions })
}

/// What a budget line of either policy pays, sometimes a little otherwise.
fn payment(dice: &mut Dice, cx: &Context<'_>, old: &Terms) -> Option<Intent> {
    let new = cx.terms;
    let terms = if dice.one_in(2) { new } else { old };
    let lines: Vec<&BudgetLine> = terms.payments.iter().collect();
    if lines.is_empty() {
        return None;
    }
    let line = *dice.of(&lines);
    let now = cx.snapshot.block.timestamp;
    let current = line.period_at(now).unwrap_or_default();
    let period = current.saturating_sub(dice.below(3)) + dice.below(8) / 7;
    let asset = terms.asset(line.asset)?.address;
    let give = AssetId(new.assets.iter().position(|it| it.address == asset)? as u16);
    let amount = match dice.below(4) {
        0 => Amount(line.amount.0 + u128::from(dice.below(2))),
        1 => Amount(line.amount.0 / 100 * u128::from(1 + dice.below(120))),
        _ => Amount(line.amount.0 / 1_000),
    };
    let account = new.account_at(terms.account(line.account)?.address)?;
    let account = if dice.one_in(12) { AccountId(dice.below(new.accounts.len() as u64) as u16) } else { account };
    let to = match new.counterparties.is_empty() || !dice.one_in(12) {
        true => line.to,
        false => dice.of(&new.counterparties).address,
    };
    let value = cx.value_of(give, amount)?;
    let actions = [Action::Transfer { asset: give, to, amount }].into_iter().collect();
    let purpose = Purpose::Payment { line: line.line, period };
    Some(Intent { account, purpose, asset: give, counterparty: to, amount, value, actions })
}

enum Call {
    To(Address),
    Swap(VenueId, AssetId, u32),
    Deposit(VenueId, AssetId),
    Redeem(VenueId, AssetId),
}

fn plan(dice: &mut Dice, terms: &Terms) -> Option<(AssetId, Call)> {
    if dice.one_in(2) && !terms.venues.is_empty() {
        let venue = VenueId(dice.below(terms.venues.len() as u64) as u16);
        let listed = &terms.venues[venue.index()];
        return match listed.kind.vault() {
            None => {
                let pool = listed.pools.get(dice.below(listed.pools.len().max(1) as u64) as usize)?;
                let (a, b) = if dice.one_in(2) { (pool.a, pool.b) } else { (pool.b, pool.a) };
                Some((a, Call::Swap(venue, b, pool.fee_pips)))
            }
            Some((asset, shares)) if dice.one_in(2) => Some((asset, Call::Deposit(venue, shares))),
            Some((asset, shares)) => Some((shares, Call::Redeem(venue, asset))),
        };
    }
    let asset = AssetId(dice.below(terms.assets.len() as u64) as u16);
    let own = terms.accounts.iter().map(|account| account.address);
    let to: Vec<Address> = own.chain(terms.counterparties.iter().map(|it| it.address)).collect();
    let to = if dice.one_in(20) { Address::repeat_byte(0x77) } else { *dice.of(&to) };
    Some((asset, Call::To(to)))
}

/// The same intent as another policy numbers things; what that one lacks has a number beyond all.
pub fn renumbered(intent: &Intent, from: &Terms, to: &Terms) -> Intent {
    let none = u16::MAX;
    let asset = |id: AssetId| to.assets.iter().position(|it| it.address == from.assets[id.index()].address);
    let asset = |id: AssetId| AssetId(asset(id).map_or(none, |place| place as u16));
    let given = asset(intent.asset);
    let venue = |id: VenueId| to.venue_at(from.venues[id.index()].address, given).unwrap_or(VenueId(none));
    let account = to.account_at(from.accounts[intent.account.index()].address).unwrap_or(AccountId(none));
    let actions = intent.actions.iter().map(|action| match *action {
        Action::Transfer { asset: token, to, amount } => Action::Transfer { asset: asset(token), to, amount },
        Action::Approve { asset: token, spender, amount } => {
            Action::Approve { asset: asset(token), spender: venue(spender), amount }
        }
        Action::Swap { venue: at, sell, buy, fee_pips, amount_in, amount_out_min } => {
            Action::Swap { venue: venue(at), sell: asset(sell), buy: asset(buy), fee_pips, amount_in, amount_out_min }
        }
        Action::Deposit { venue: at, asset: token, shares, amount, shares_min } => {
            Action::Deposit { venue: venue(at), asset: asset(token), shares: asset(shares), amount, shares_min }
        }
        Action::Redeem { venue: at, shares, asset: token, amount, assets_min } => {
            Action::Redeem { venue: venue(at), shares: asset(shares), asset: asset(token), amount, assets_min }
        }
        Action::Delegate { asset: token, to } => Action::Delegate { asset: asset(token), to },
        Action::Wrap { asset: token, amount } => Action::Wrap { asset: asset(token), amount },
    });
    Intent { account, asset: asset(intent.asset), actions: actions.collect(), ..intent.clone() }
}
