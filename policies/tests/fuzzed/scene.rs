//! Policies, snapshots, histories and intents as bytes say them: near to what is usual, with everything that is not.

use super::bytes::Bytes;
use crate::fixture::{self, CHAIN_ID, NOW};
use alloy_primitives::{Address, B256, keccak256};
use quaestor_core::{
    AccountId, Action, Amount, AssetId, Intent, Policy, Price, Purpose, RiskReport, Terms, Value, VenueId,
    pipeline::Context,
    policy::Due,
    snapshot::{
        AccountReading, Anchor, AssetReading, BlockRef, BrakeReading, CodeReading, CoinReading, Control, FeedReading,
        History, Outstanding, RateReading, Round, Snapshot, Spend,
    },
    valuation::{Prices, TwapReading, Valuation},
};
use quaestor_policies::{LIBRARY, VotedPolicy, starting_policy};
use std::sync::LazyLock;

const WAD: u128 = 1_000_000_000_000_000_000;
const NUMBERS: [u64; 16] = [0, 1, 2, 8, 49, 50, 99, 100, 500, 1_000, 2_500, 5_000, 9_999, 10_000, 100_000, 1_000_000];

/// A vault for the fixture's dollars.
const VAULT: &str = r#"
[assets.sUSDC]
vault = "savings"
decimals = 6
[venues.savings]
kind = "erc-4626"
address = "eip155:31337:0x4E59b44847b379578588920cA78FbF26c0B4956C"
code_hash = "0x1111111111111111111111111111111111111111111111111111111111111111"
asset = "USDC"
"#;

/// The fixture's policy, the same with a vault, one with everything, and what the library has.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let fixture = starting_policy(&fixture::facts());
    let with_vault = format!("{fixture}{VAULT}");
    let shipped = LIBRARY.iter().map(|shipped| shipped.text.to_owned());
    [fixture, with_vault, include_str!("../everything.toml").to_owned()].into_iter().chain(shipped).collect()
});

/// A policy's text with some numbers exchanged and some lines left out.
pub fn policy_text(bytes: &mut Bytes<'_>) -> String {
    let text = &TEXTS[bytes.below(TEXTS.len())];
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..bytes.below(8) {
        let at = bytes.below(lines.len());
        if bytes.seldom(4) {
            lines[at].clear();
            continue;
        }
        // The number after the last sign of equality; what makes no policy is no scene.
        let number = if bytes.seldom(8) { bytes.short() } else { bytes.one_of(&NUMBERS) };
        if let Some((key, value)) = lines[at].rsplit_once("= ")
            && value.starts_with(|first: char| first.is_ascii_digit())
        {
            let rest = value.trim_start_matches(|digit: char| digit.is_ascii_digit());
            lines[at] = format!("{key}= {number}{rest}");
        }
    }
    lines.join("\n") + "\n"
}

/// What is judged, and what it is judged by.
#[derive(Clone)]
pub struct Scene {
    pub snapshot: Snapshot,
    pub history: History,
    pub risk: RiskReport,
    pub is_new: bool,
    pub intents: Vec<Intent>,
    /// What the balances are after a batch: of each, what is added to and taken from what is due.
    changes: Vec<(usize, usize, u128, bool)>,
}

/// A scene at its prices.
pub struct Valued {
    prices: Prices,
    valuation: Valuation,
}

impl Valued {
    pub fn context<'a>(&'a self, policy: &'a VotedPolicy, scene: &'a Scene) -> Context<'a> {
        Context {
            terms: policy.terms(),
            policy: policy.hash(),
            snapshot: &scene.snapshot,
            history: &scene.history,
            windows: scene.history.windows(scene.snapshot.block.timestamp),
            prices: &self.prices,
            valuation: &self.valuation,
            risk: &scene.risk,
            is_new: scene.is_new,
        }
    }
}

impl Scene {
    pub fn of(policy: &VotedPolicy, bytes: &mut Bytes<'_>) -> Self {
        let terms = policy.terms();
        let snapshot = snapshot(policy, bytes);
        let mut scene = Self {
            risk: risk(bytes),
            is_new: !bytes.seldom(4),
            history: History::default(),
            intents: Vec::new(),
            changes: Vec::new(),
            snapshot,
        };
        let count = 1 + bytes.below(4);
        for _ in 0..count {
            let intent = scene.intent(policy, bytes);
            scene.intents.push(intent);
        }
        scene.history = scene.history(terms, bytes);
        for _ in 0..bytes.below(3) {
            let (account, asset) = (bytes.below(terms.accounts.len()), bytes.below(terms.assets.len()));
            scene.changes.push((account, asset, amount(bytes, 1_000_000), bytes.seldom(2)));
        }
        scene
    }

    /// At its prices; `None` where a held asset has none.
    pub fn valued(&self, policy: &VotedPolicy) -> Option<Valued> {
        let prices = Prices::resolve(policy.terms(), &self.snapshot);
        let mut valuation = Valuation::default();
        valuation.fill(policy.terms(), &self.snapshot, &prices)?;
        Some(Valued { prices, valuation })
    }

    fn intent(&self, policy: &VotedPolicy, bytes: &mut Bytes<'_>) -> Intent {
        let terms = policy.terms();
        if let Some(intent) = self.spending_nothing(terms, bytes) {
            return intent;
        }
        let account = AccountId(bytes.place(terms.accounts.len()));
        let any = |bytes: &mut Bytes<'_>| AssetId(bytes.place(terms.assets.len()));
        let asset = any(bytes);
        let held = self.snapshot.accounts.get(account.index()).and_then(|it| it.balances.get(asset.index()));
        let held = held.map_or(0, |amount| amount.0);
        let amount = Amount(match bytes.below(8) {
            0..=4 => held / bytes.one_of(&[20, 100, 1_000, 3]),
            5 => held,
            6 => held.saturating_add(1),
            _ => amount(bytes, 1_000),
        });
        let purpose = purpose(terms, bytes);
        let (action, counterparty) = self.action(policy, asset, amount, bytes, any);
        let mut actions = action;
        if bytes.seldom(64) {
            actions.rotate_right(1);
        }
        if bytes.seldom(64) && !actions.is_full() {
            actions.push(Action::Approve { asset, spender: VenueId(0), amount });
        }
        let valued = self.valued(policy);
        let worth =
            valued.and_then(|valued| valued.context(policy, self).value_of(asset, amount)).unwrap_or(Value::ZERO);
        let value = if bytes.seldom(64) { Value(bytes.wide()) } else { worth };
        let amount = if bytes.seldom(64) { Amount(amount.0 / 2) } else { amount };
        if let Some(line) = terms.budget_line(purpose.line()) {
            // What the line pays, or a part of it, or a little more.
            let amount = Amount(amount.0 % (line.amount.0 + 2));
            let valued = self.valued(policy);
            let value = valued.and_then(|valued| valued.context(policy, self).value_of(line.asset, amount));
            let actions = [Action::Transfer { asset: line.asset, to: line.to, amount }].into_iter().collect();
            let (account, asset, counterparty) = (line.account, line.asset, line.to);
            return Intent { account, purpose, asset, counterparty, amount, value: value.unwrap_or_default(), actions };
        }
        Intent { account, purpose, asset, counterparty, amount, value, actions }
    }

    /// A delegation or a wrapping, where the policy lists any.
    fn spending_nothing(&self, terms: &Terms, bytes: &mut Bytes<'_>) -> Option<Intent> {
        let listed = terms.delegates.len() + usize::from(terms.wrapped_coin.is_some());
        if listed == 0 || !bytes.seldom(6) {
            return None;
        }
        let account = AccountId(bytes.place(terms.accounts.len()));
        let purpose = purpose(terms, bytes);
        let any = AssetId(bytes.place(terms.assets.len()));
        let other = bytes.seldom(16);
        let (action, asset, to) = match terms.delegates.get(bytes.below(listed)) {
            Some(delegates) => {
                let asset = if other { any } else { delegates.asset };
                let to = delegates.to[bytes.below(delegates.to.len())];
                let to = if bytes.seldom(16) { receiver(terms, bytes) } else { to };
                (Action::Delegate { asset, to }, asset, to)
            }
            None => {
                let asset = terms.wrapped_coin.filter(|_| !other).unwrap_or(any);
                let coin = self.snapshot.coins.iter().find(|it| it.account == account).and_then(|it| it.balance);
                let coin = coin.unwrap_or_default().0;
                let amount = Amount(bytes.one_of(&[coin / 2, coin, coin.saturating_add(1), coin / 3]));
                (Action::Wrap { asset, amount }, asset, terms.assets[asset.index()].address)
            }
        };
        let counterparty = if bytes.seldom(64) { receiver(terms, bytes) } else { to };
        let [amount, value] = [0; 2].map(|nothing| if bytes.seldom(64) { bytes.wide() } else { nothing });
        let actions = [action].into_iter().collect();
        Some(Intent { account, purpose, asset, counterparty, amount: Amount(amount), value: Value(value), actions })
    }

    /// One of the things that an intent can do, and to whom.
    fn action(
        &self,
        policy: &VotedPolicy,
        asset: AssetId,
        amount: Amount,
        bytes: &mut Bytes<'_>,
        any: impl Fn(&mut Bytes<'_>) -> AssetId,
    ) -> (arrayvec::ArrayVec<Action, 4>, Address) {
        let terms = policy.terms();
        if bytes.below(3) == 0 || terms.venues.is_empty() {
            let to = receiver(terms, bytes);
            return ([Action::Transfer { asset, to, amount }].into_iter().collect(), to);
        }
        let id = bytes.below(terms.venues.len());
        let venue = VenueId(id as u16 + u16::from(bytes.seldom(64)));
        let listed = &terms.venues[id];
        let of: Vec<_> = listed.pools.iter().filter(|pool| pool.a == asset || pool.b == asset).collect();
        let other = of.get(bytes.below(of.len().max(1))).filter(|_| !bytes.seldom(64));
        let (buy, fee_pips) = match other {
            Some(pool) => (if pool.a == asset { pool.b } else { pool.a }, pool.fee_pips),
            None => (any(bytes), 3_000),
        };
        let least = |take: AssetId, bytes: &mut Bytes<'_>| {
            let valued = self.valued(policy);
            let fair = valued.and_then(|valued| {
                let cx = valued.context(policy, self);
                let kept =
                    cx.value_of(asset, amount)?.share(bytes.one_of(&[9_950, 9_951, 9_949, 10_000, 9_000, 9_900]))?;
                cx.amount_of(take, kept)
            });
            if bytes.seldom(32) { Amount(bytes.wide()) } else { fair.unwrap_or_default() }
        };
        let spent = if bytes.seldom(64) { Amount(amount.0.saturating_add(1)) } else { amount };
        let used = match listed.kind.vault() {
            Some((of, shares)) if asset == shares || bytes.seldom(4) => {
                let assets_min = least(of, bytes);
                let redeem = Action::Redeem { venue, shares: asset, asset: of, amount: spent, assets_min };
                return ([redeem].into_iter().collect(), listed.address);
            }
            Some((_, shares)) => {
                let shares_min = least(shares, bytes);
                Action::Deposit { venue, asset, shares, amount: spent, shares_min }
            }
            None => {
                let amount_out_min = least(buy, bytes);
                Action::Swap { venue, sell: asset, buy, fee_pips, amount_in: spent, amount_out_min }
            }
        };
        ([Action::Approve { asset, spender: venue, amount }, used].into_iter().collect(), listed.address)
    }

    fn history(&self, terms: &Terms, bytes: &mut Bytes<'_>) -> History {
        let once_key = |intent: &Intent| {
            let address = terms.account(intent.account).map(|it| it.address).unwrap_or_default();
            intent.purpose.once_key(address, self.snapshot.block.hash)
        };
        let used = |bytes: &mut Bytes<'_>| match self.intents.first() {
            Some(first) if bytes.seldom(8) => once_key(first),
            _ => keccak256([bytes.byte()]),
        };
        let mut spends: Vec<Spend> = (0..bytes.below(4))
            .map(|_| Spend {
                timestamp: NOW.saturating_sub(bytes.short() * bytes.one_of(&[0, 1, 3_600, 86_400])),
                account: AccountId(bytes.below(terms.accounts.len()) as u16),
                decision: keccak256([bytes.byte() % 3]),
                once_key: used(bytes),
                line: purpose(terms, bytes).line(),
                asset: Some(AssetId(bytes.below(terms.assets.len()) as u16)),
                counterparty: receiver(terms, bytes),
                value: Value(amount(bytes, 1_000)),
            })
            .collect();
        spends.sort_by_key(|spend| spend.timestamp);
        let outstanding = (0..bytes.below(2))
            .map(|_| Outstanding {
                account: AccountId(bytes.below(terms.accounts.len()) as u16),
                proposal_id: B256::ZERO,
                decision: keccak256([bytes.byte() % 3]),
                proposed_at: NOW - bytes.short(),
                valid_until: NOW + bytes.short() - 1_000,
                once_keys: vec![used(bytes)],
                value: Value(amount(bytes, 1_000)),
                dues: payee(terms, bytes)
                    .map(|to| Due { to, value: Value(amount(bytes, 1_000)) })
                    .into_iter()
                    .collect(),
            })
            .collect();
        History { spends: spends.into(), outstanding, ..History::default() }
    }

    /// The scene once `intents` were carried out as they must be at least, and then changed as the bytes said.
    pub fn after(&self, policy: &VotedPolicy, intents: &[Intent]) -> Self {
        let terms = policy.terms();
        let mut after = self.clone();
        let mut change = |account: usize, asset: usize, by: u128, adds: bool| {
            let balance = after.snapshot.accounts.get_mut(account).and_then(|it| it.balances.get_mut(asset));
            if let Some(balance) = balance {
                balance.0 = if adds { balance.0.saturating_add(by) } else { balance.0.saturating_sub(by) };
            }
        };
        for intent in intents {
            change(intent.account.index(), intent.asset.index(), intent.amount.0, false);
            for action in &intent.actions {
                match (action, action.exchange()) {
                    (_, Some(it)) => change(intent.account.index(), it.take.index(), it.amount_out_min.0, true),
                    (Action::Transfer { to, amount, .. }, None) => {
                        let own = terms.accounts.iter().position(|account| account.address == *to);
                        change(own.unwrap_or(usize::MAX), intent.asset.index(), amount.0, true);
                    }
                    (Action::Wrap { asset, amount }, None) => {
                        change(intent.account.index(), asset.index(), amount.0, true);
                    }
                    _ => {}
                }
            }
        }
        for (account, asset, by, adds) in &self.changes {
            change(*account, *asset, *by, *adds);
        }
        after
    }
}

fn snapshot(policy: &VotedPolicy, bytes: &mut Bytes<'_>) -> Snapshot {
    let terms = policy.terms();
    let block = BlockRef { number: 100, hash: keccak256("block"), timestamp: NOW };
    let reading = |asset: &quaestor_core::Asset| {
        let price = price(bytes);
        let feed = |feed: &Address| {
            let off = if bytes.seldom(64) { bytes.short() } else { 0 };
            let updated_at = if bytes.seldom(64) { NOW + 1 - bytes.short() * 60 } else { NOW - 60 };
            let price = price.map(|price| Price(price.saturating_add(u128::from(off) * 10_000_000_000_000)));
            FeedReading { feed: *feed, rounds: vec![Round { price, updated_at }] }
        };
        let feeds: Vec<FeedReading> = asset.feeds.iter().map(feed).collect();
        let rate = feeds.is_empty().then(|| RateReading {
            asset: None,
            now: Some(Amount(bytes.one_of(&[1_050_000, 1_000_000, 999_999, 2_000_000]))).filter(|_| !bytes.seldom(64)),
            earlier: None,
        });
        AssetReading { address: asset.address, decimals: Some(asset.decimals), feeds, rate }
    };
    let assets = terms.assets.iter().map(reading).collect();
    let account = |account: &quaestor_core::Account| AccountReading {
        address: account.address,
        balances: terms.assets.iter().map(|asset| Amount(amount(bytes, asset.unit()))).collect(),
        control: Control::Safe { nonce: 7, threshold: 3, owners: Vec::new() },
    };
    let accounts = terms.accounts.iter().map(account).collect();
    let code = |(address, code_hash)| CodeReading { address, code_hash };
    let coin = |account| CoinReading { account: AccountId(account), balance: Some(Amount(amount(bytes, WAD))) };
    let coins = terms.wrapped_coin.iter().flat_map(|_| 0..terms.accounts.len() as u16).map(coin).collect();
    Snapshot {
        chain_id: CHAIN_ID,
        block,
        anchor: Anchor { epoch: 1, policy_hash: policy.hash() },
        brake: BrakeReading { pulled: false, pulls: 0, lease_until: NOW + 1_000, block },
        operators: Vec::new(),
        guardians: None,
        delegates: vec![],
        coins,
        assets,
        accounts,
        code: terms.pins().map(code).collect(),
        twaps: terms.twaps.iter().map(|twap| unread(twap.pool)).collect(),
    }
}

/// Some whole units; seldom few base units, or as many as there can be.
fn amount(bytes: &mut Bytes<'_>, unit: u128) -> u128 {
    if bytes.seldom(64) {
        return match bytes.below(4) {
            0 => 0,
            1 => u128::from(bytes.byte()),
            2 => u128::from(bytes.short()).saturating_mul(unit).saturating_mul(1_000_000_000),
            _ => bytes.wide(),
        };
    }
    let scale = bytes.one_of(&[10, 1, 100, 1_000]);
    (1 + u128::from(bytes.short())).saturating_mul(scale).saturating_mul(unit)
}

fn price(bytes: &mut Bytes<'_>) -> Option<u128> {
    if bytes.seldom(64) {
        return match bytes.below(4) {
            0 => None,
            1 => Some(1),
            2 => Some(u128::MAX),
            _ => Some(bytes.wide()),
        };
    }
    Some(match bytes.below(4) {
        0 => WAD,
        1 => 2_000 * WAD,
        2 => WAD * 99 / 100,
        _ => (1 + u128::from(bytes.short())) * WAD / 100,
    })
}

fn purpose(terms: &Terms, bytes: &mut Bytes<'_>) -> Purpose {
    let known = terms.strategies.get(bytes.below(terms.strategies.len().max(1)));
    let line = known.filter(|_| !bytes.seldom(64)).map_or_else(|| keccak256("unknown"), |strategy| strategy.line);
    match bytes.below(8) {
        7 => {
            let byte = bytes.byte();
            let budget = terms.payments.get(usize::from(byte >> 4) % terms.payments.len().max(1));
            match budget.filter(|_| byte & 2 != 0) {
                Some(budget) => {
                    let current = budget.period_at(NOW).unwrap_or_default();
                    let period = (current + u64::from(byte & 1)).saturating_sub(u64::from(byte >> 2 & 3));
                    Purpose::Payment { line: budget.line, period }
                }
                None => Purpose::Payment { line, period: u64::from(byte % 2) },
            }
        }
        leg => Purpose::Strategy { line, leg: leg as u16 },
    }
}

fn receiver(terms: &Terms, bytes: &mut Bytes<'_>) -> Address {
    match bytes.below(8) {
        0..=3 => terms.accounts[bytes.below(terms.accounts.len())].address,
        4 | 5 => payee(terms, bytes).unwrap_or_default(),
        6 => terms.gate,
        _ => Address::repeat_byte(bytes.byte()),
    }
}

/// Somebody whom the policy lets the treasury pay.
fn payee(terms: &Terms, bytes: &mut Bytes<'_>) -> Option<Address> {
    let count = terms.counterparties.len();
    terms.counterparties.get(bytes.below(count.max(1))).map(|it| it.address)
}

fn risk(bytes: &mut Bytes<'_>) -> RiskReport {
    let mut bps = || (!bytes.seldom(16)).then(|| bytes.one_of(&NUMBERS));
    RiskReport {
        treasury_volatility_bps: bps(),
        value_at_risk_bps: bps(),
        expected_shortfall_bps: bps(),
        drawdown_probability_bps: bps(),
        ..RiskReport::default()
    }
}

/// A pool that cannot be read.
fn unread(pool: Address) -> TwapReading {
    TwapReading { pool, tokens: None, tick_cumulatives: None }
}
