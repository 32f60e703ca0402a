//! A treasury for tests and benches: two accounts, one venue, and a strict judge.

mod judge;

pub use judge::{Judge, Model};

use alloy_primitives::{Address, B256, keccak256};
use quaestor_core::{
    Account, AccountId, Action, Amount, Asset, AssetId, AssetKind, Catalog, Exchange, History, Inputs, Intent, Limits,
    Policy, Pool, Price, Purpose, Refusal, RiskModel, RiskReport, Route, Snapshot, Strategy, Terms, Value, Venue,
    VenueKind, Verdict,
    amount::WAD,
    pipeline::{Workspace, evaluate},
    policy::{Band, BudgetLine, Counterparty, Every, Group, RiskTerms, Schedule, StrategyTerms},
    snapshot::{
        AccountReading, Anchor, AssetReading, BlockRef, BrakeReading, Control, EarlierRate, FeedReading, Outstanding,
        Paid, RateReading, Round, Spend,
    },
    strategy::{ParamProblem, ParamValue, StrategyHold, StrategyParams},
    valuation::{Prices, Valuation},
};

/// Base units of one USDC.
pub const USDC_ONE: u128 = 1_000_000;
pub const NOW: u64 = 1_700_000_000;
/// The Safe that trades.
pub const OPERATIONS: AccountId = AccountId(0);
/// The timelock.
pub const RESERVE: AccountId = AccountId(1);
/// Cash is always the first asset.
pub const CASH: AssetId = AssetId(0);

/// One asset of a [`World`].
#[derive(Debug, Clone)]
pub struct Holding {
    pub symbol: &'static str,
    pub decimals: u8,
    pub kind: AssetKind,
    /// Wad.
    pub price: u128,
    /// Least, target and greatest share in bps.
    pub band: Option<(u64, u64, u64)>,
    /// Base units in the Safe.
    pub operations: u128,
    /// Base units in the timelock.
    pub reserve: u128,
}

/// Everything a decision needs.
#[derive(Debug, Clone)]
pub struct World {
    pub terms: Terms,
    pub snapshot: Snapshot,
    pub history: History,
    pub risk: RiskReport,
}

pub fn usdc(band: Option<(u64, u64, u64)>, operations: u128, reserve: u128) -> Holding {
    let (symbol, kind) = ("USDC", AssetKind::Stable);
    Holding { symbol, decimals: 6, kind, price: WAD, band, operations, reserve }
}

pub fn volatile(symbol: &'static str, price: u128, band: (u64, u64, u64), operations: u128) -> Holding {
    let kind = AssetKind::Volatile;
    Holding { symbol, decimals: 18, kind, price: price * WAD, band: Some(band), operations, reserve: 0 }
}

/// A stable asset beside cash, worth a dollar.
pub fn dai(operations: u128, reserve: u128) -> Holding {
    let (symbol, kind) = ("DAI", AssetKind::Stable);
    Holding { symbol, decimals: 18, kind, price: WAD, band: None, operations: operations * WAD, reserve: reserve * WAD }
}

pub fn address(of: &str) -> Address {
    Address::from_word(keccak256(of))
}

/// A proposal of `account` that waits for its vote, of nothing.
pub fn waiting_of(account: AccountId) -> Outstanding {
    Outstanding {
        account,
        proposal_id: B256::ZERO,
        decision: B256::ZERO,
        proposed_at: NOW - 60,
        valid_until: NOW + 60,
        once_keys: vec![],
        value: Value::ZERO,
        dues: vec![],
    }
}

pub fn text(value: &str) -> ParamValue {
    ParamValue::Text(value.into())
}

pub fn named(name: &str, kind: &str, params: &[(&str, &str)]) -> StrategyTerms {
    let params: Vec<_> = params.iter().map(|(key, value)| (*key, text(value))).collect();
    strategy(name, kind, params)
}

pub fn strategy(name: &str, kind: &str, params: Vec<(&str, ParamValue)>) -> StrategyTerms {
    let params: StrategyParams = params.into_iter().map(|(key, value)| (key.to_string(), value)).collect();
    StrategyTerms {
        name: name.into(),
        line: keccak256(name),
        kind: kind.into(),
        share_bps_max: None,
        schedule: None,
        params,
    }
}

pub fn number(value: i64) -> ParamValue {
    ParamValue::Integer(value)
}

/// Pairs of account and asset.
pub fn pairs(pairs: &[(&str, &str)]) -> ParamValue {
    ParamValue::List(pairs.iter().map(|(account, asset)| ParamValue::List(vec![text(account), text(asset)])).collect())
}

pub fn rebalance(trade_min: &str) -> StrategyTerms {
    named("balance", "rebalance", &[("account", "operations"), ("cash", "USDC"), ("trade_min", trade_min)])
}

impl World {
    /// With these holdings, cash first, and a pool of every other asset with cash.
    pub fn new(holdings: &[Holding]) -> Self {
        let id = |position: usize| AssetId(u16::try_from(position).unwrap());
        let asset = |it: &Holding| Asset {
            symbol: it.symbol.into(),
            address: address(it.symbol),
            decimals: it.decimals,
            kind: it.kind,
            feeds: vec![address(it.symbol)],
            staleness_secs_max: 3_600,
            code_hash: None,
        };
        let band = |(position, it): (usize, &Holding)| {
            it.band.map(|(min_bps, target_bps, max_bps)| Band { asset: id(position), min_bps, target_bps, max_bps })
        };
        let pool = |position: usize| Pool { a: CASH, b: id(position), fee_pips: 3_000 };
        let limits = Limits { slippage_bps_max: 50, validity_secs_max: 3_600, ..Limits::default() };
        let terms = Terms {
            name: "test".into(),
            chain_id: 1,
            registry: address("registry"),
            brake: address("brake"),
            gate: address("gate"),
            expires_at: u64::MAX,
            review_at: u64::MAX,
            roles: quaestor_core::policy::Roles::default(),
            delegates: vec![],
            wrapped_coin: None,
            on_disagreement: Default::default(),
            twaps: vec![],
            schedule: Schedule::EveryBlocks(1),
            validity_secs: 3_600,
            assets: holdings.iter().map(asset).collect(),
            accounts: vec![
                Account { name: "operations".into(), address: address("operations"), route: Route::Safe },
                Account {
                    name: "reserve".into(),
                    address: address("reserve"),
                    route: Route::Governor { governor: address("governor"), proposer: address("operator") },
                },
            ],
            venues: vec![Venue {
                name: "uniswap".into(),
                kind: VenueKind::UniswapV3,
                address: address("uniswap"),
                code_hash: keccak256("code of uniswap"),
                pools: (1..holdings.len()).map(pool).collect(),
                share_bps_max: None,
                price_impact_bps_max: None,
            }],
            counterparties: vec![],
            bands: holdings.iter().enumerate().filter_map(band).collect(),
            groups: vec![],
            payments: vec![],
            limits,
            risk: RiskTerms { history_rounds: 30, ..Default::default() },
            strategies: vec![],
        };
        let (history, risk) = (History::default(), RiskReport::default());
        Self { snapshot: snapshot(holdings, &terms), terms, history, risk }
    }

    /// With a vault for cash: base units of it for one whole share a week ago, if that is known, and now; and the shares
    /// that the Safe and the timelock hold.
    pub fn with_vault(mut self, name: &str, rates: (Option<u128>, u128), held: [u128; 2]) -> Self {
        let id = |length: usize| u16::try_from(length).unwrap();
        let shares = AssetId(id(self.terms.assets.len()));
        let cash = self.terms.assets[CASH.index()].clone();
        let symbol = format!("s-{name}");
        self.terms.assets.push(Asset { symbol, address: address(name), feeds: vec![], ..cash.clone() });
        self.terms.venues.push(Venue {
            name: name.into(),
            kind: VenueKind::Erc4626 { asset: CASH, shares },
            address: address(name),
            code_hash: keccak256(format!("code of {name}")),
            pools: vec![],
            share_bps_max: None,
            price_impact_bps_max: None,
        });
        let week_ago = BlockRef { number: 0, hash: keccak256("earlier"), timestamp: NOW - 604_800 };
        let rate = RateReading {
            asset: Some(cash.address),
            now: Some(Amount(rates.1)).filter(|rate| !rate.is_zero()),
            earlier: rates.0.map(|rate| EarlierRate { block: week_ago, rate: Amount(rate) }),
        };
        let (address, decimals) = (address(name), Some(cash.decimals));
        self.snapshot.assets.push(AssetReading { address, decimals, feeds: vec![], rate: Some(rate) });
        for (account, held) in self.snapshot.accounts.iter_mut().zip(held) {
            account.balances.push(Amount(held));
        }
        self
    }

    /// With a budget line of so many base units of cash from the Safe to a counterparty of the same name, from `begin` on.
    pub fn paying(mut self, name: &str, amount: u128, every: Every, begin: u64) -> Self {
        let to = address(name);
        self.terms.counterparties.push(Counterparty::new(name, to));
        self.terms.payments.push(BudgetLine {
            name: name.into(),
            line: keccak256(name),
            account: OPERATIONS,
            to,
            asset: CASH,
            amount: Amount(amount),
            every,
            begin,
            end: u64::MAX,
            catch_up: 0,
        });
        self
    }

    pub fn with(mut self, strategy: StrategyTerms) -> Self {
        self.terms.strategies.push(strategy);
        self
    }

    /// With a group of the assets of these bits, unless these are all: its share may be so far below and above the targets of
    /// its bands.
    pub fn group(&mut self, bits: u8, below: u64, above: u64) {
        let all = 0..u16::try_from(self.terms.assets.len()).unwrap();
        let assets: Vec<AssetId> = all.map(AssetId).filter(|asset| bits >> asset.0 & 1 == 1).collect();
        if assets.is_empty() || assets.len() == self.terms.assets.len() {
            return;
        }
        let bands: Vec<&Band> = self.terms.bands.iter().filter(|band| assets.contains(&band.asset)).collect();
        let target = bands.iter().map(|band| band.target_bps).sum::<u64>();
        // Where an asset has no band any least share will do.
        let min_bps = if bands.len() == assets.len() { target.saturating_sub(below) } else { below };
        // With cash it may have all that is stable.
        let stable = if assets.contains(&CASH) { self.terms.limits.stable_share_bps_min } else { 0 };
        let max_bps = (target.max(min_bps) + above).min(10_000).max(stable);
        self.terms.groups.push(Group { name: format!("group{bits}"), assets, min_bps, max_bps });
    }

    /// In the order in which a policy that was read from text has assets and accounts.
    pub fn rearrange(&mut self, terms: &Terms) {
        let asset = |it: &Asset| self.terms.asset_named(&it.symbol).unwrap().index();
        let account = |it: &Account| self.terms.account_named(&it.name).unwrap().index();
        let assets: Vec<usize> = terms.assets.iter().map(asset).collect();
        let accounts: Vec<usize> = terms.accounts.iter().map(account).collect();
        let snapshot = self.snapshot.clone();
        self.snapshot.assets = assets.iter().map(|from| snapshot.assets[*from].clone()).collect();
        self.snapshot.accounts = accounts.iter().map(|from| snapshot.accounts[*from].clone()).collect();
        for reading in &mut self.snapshot.accounts {
            reading.balances = assets.iter().map(|from| reading.balances[*from]).collect();
        }
        self.terms = terms.clone();
    }

    pub fn build(&self, catalog: &Catalog) -> Result<Vec<Box<dyn Strategy>>, Vec<ParamProblem>> {
        (0..self.terms.strategies.len()).map(|index| catalog.build(&self.terms, index)).collect()
    }

    pub fn prices(&self) -> Prices {
        Prices::resolve(&self.terms, &self.snapshot)
    }

    pub fn valuation(&self) -> Valuation {
        let mut valuation = Valuation::default();
        valuation.fill(&self.terms, &self.snapshot, &self.prices()).expect("every asset is priced");
        valuation
    }

    /// Decides and judges as the pipeline does.
    pub fn decide(&self) -> Decided {
        let strategies = self.build(&quaestor_strategies::catalog()).expect("parameters are right");
        self.decide_with(&strategies)
    }

    pub fn decide_with(&self, strategies: &[Box<dyn Strategy>]) -> Decided {
        let judge = Judge { terms: &self.terms };
        let (policy, model) = (&judge as &dyn Policy, &Model as &dyn RiskModel);
        let inputs = Inputs { snapshot: &self.snapshot, history: &self.history, policy, strategies, model };
        let mut work = Workspace::new();
        evaluate(&inputs, &self.prices(), &self.risk, &mut work).expect("every asset is priced");
        let holds = work.holds.iter().map(|(_, reason)| *reason).collect();
        Decided { intents: work.intents, verdicts: work.verdicts, holds }
    }

    /// After `intents`, every exchange at the oracle's prices.
    pub fn after(&self, intents: &[Intent]) -> Self {
        let (prices, mut left) = (self.prices(), self.clone());
        for intent in intents {
            let from = intent.account.index();
            for action in &intent.actions {
                match (*action, action.exchange()) {
                    (_, Some(Exchange { give, take, amount_in, .. })) => {
                        let unit = |asset: AssetId| self.terms.assets[asset.index()].unit();
                        let value = amount_in.value_at(prices.of(give).unwrap(), unit(give)).unwrap();
                        let out = value.amount_at(prices.of(take).unwrap(), unit(take)).unwrap();
                        left.change(from, give, |held| held.checked_sub(amount_in.0));
                        left.change(from, take, |held| held.checked_add(out.0));
                    }
                    (Action::Transfer { asset, to, amount }, None) => {
                        left.change(from, asset, |held| held.checked_sub(amount.0));
                        if let Some(account) = self.terms.account_at(to) {
                            left.change(account.index(), asset, |held| held.checked_add(amount.0));
                        }
                    }
                    _ => {}
                }
            }
        }
        left
    }

    /// After `intents`, which the history remembers.
    pub fn done(&self, intents: &[Intent]) -> Self {
        let mut left = self.after(intents);
        let block = self.snapshot.block;
        left.history.paid.extend(intents.iter().filter_map(|intent| match intent.purpose {
            Purpose::Payment { line, period } if self.terms.budget_line(line).is_some() => {
                Some(Paid { account: intent.account, line, period })
            }
            _ => None,
        }));
        left.history.spends.extend(intents.iter().map(|intent| Spend {
            timestamp: block.timestamp,
            account: intent.account,
            decision: block.hash,
            once_key: intent.purpose.once_key(self.terms.accounts[intent.account.index()].address, block.hash),
            line: intent.purpose.line(),
            asset: Some(intent.asset),
            counterparty: intent.counterparty,
            value: intent.value,
        }));
        left
    }

    /// At another time, the prices as old as they were.
    pub fn at(mut self, timestamp: u64) -> Self {
        let block = BlockRef { hash: keccak256(timestamp.to_be_bytes()), timestamp, ..self.snapshot.block };
        (self.snapshot.block, self.snapshot.brake.block) = (block, block);
        for round in self.snapshot.assets.iter_mut().flat_map(|it| &mut it.feeds).flat_map(|it| &mut it.rounds) {
            round.updated_at = timestamp - 60;
        }
        self
    }

    /// With these answers of the feed of `asset`, in millionths of a dollar, the latest last.
    pub fn answering(mut self, asset: AssetId, micros: &[u128]) -> Self {
        let round = |micro: &u128| Round { price: Some(Price(micro * (WAD / 1_000_000))), updated_at: NOW - 60 };
        self.snapshot.assets[asset.index()].feeds[0].rounds = micros.iter().map(round).collect();
        self
    }

    pub fn strategy(mut self, change: impl FnOnce(&mut StrategyTerms)) -> Self {
        change(self.terms.strategies.last_mut().unwrap());
        self
    }

    /// Each problem of the parameters, with its key.
    pub fn problems(&self) -> Vec<String> {
        let found = self.build(&quaestor_strategies::catalog()).expect_err("it is wrong");
        found.into_iter().map(|it| format!("{}: {}", it.key, it.message)).collect()
    }

    fn change(&mut self, account: usize, asset: AssetId, change: impl Fn(u128) -> Option<u128>) {
        let held = &mut self.snapshot.accounts[account].balances[asset.index()];
        *held = Amount(change(held.0).expect("never more than is held"));
    }

    /// The assets outside their bands.
    pub fn outside(&self) -> Vec<&str> {
        let valuation = self.valuation();
        let strays = |band: &&Band| {
            let value = valuation.value_of(band.asset);
            let share = |bps| valuation.nav.share(bps).unwrap();
            value < share(band.min_bps) || value > share(band.max_bps)
        };
        let symbol = |band: &Band| self.terms.assets[band.asset.index()].symbol.as_str();
        self.terms.bands.iter().filter(strays).map(symbol).collect()
    }
}

/// What came of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    pub intents: Vec<Intent>,
    pub verdicts: Vec<Verdict>,
    pub holds: Vec<StrategyHold>,
}

impl Decided {
    /// Sold, bought, amount in and least amount out of each swap.
    pub fn swaps(&self) -> Vec<(AssetId, AssetId, u128, u128)> {
        let swap = |action: &Action| match *action {
            Action::Swap { sell, buy, amount_in, amount_out_min, .. } => {
                Some((sell, buy, amount_in.0, amount_out_min.0))
            }
            _ => None,
        };
        self.intents.iter().flat_map(|intent| &intent.actions).filter_map(swap).collect()
    }

    pub fn value(&self) -> Value {
        Value(self.intents.iter().map(|intent| intent.value.0).sum())
    }

    pub fn refused(&self) -> Vec<&Refusal> {
        fn refusal(verdict: &Verdict) -> Option<&Refusal> {
            match verdict {
                Verdict::Refused(refusal) => Some(refusal),
                Verdict::Allowed => None,
            }
        }
        self.verdicts.iter().filter_map(refusal).collect()
    }
}

fn snapshot(holdings: &[Holding], terms: &Terms) -> Snapshot {
    let block = BlockRef { number: 1, hash: keccak256("block"), timestamp: NOW };
    let reading = |(it, asset): (&Holding, &Asset)| AssetReading {
        address: asset.address,
        decimals: Some(it.decimals),
        feeds: vec![FeedReading {
            feed: asset.feeds[0],
            rounds: vec![Round { price: Some(Price(it.price)).filter(|price| !price.is_zero()), updated_at: NOW - 60 }],
        }],
        rate: None,
    };
    let account = |position: usize, control, balance: fn(&Holding) -> u128| AccountReading {
        address: terms.accounts[position].address,
        balances: holdings.iter().map(|it| Amount(balance(it))).collect(),
        control,
    };
    Snapshot {
        chain_id: 1,
        block,
        anchor: Anchor { epoch: 1, policy_hash: B256::ZERO },
        brake: BrakeReading { pulled: false, pulls: 0, lease_until: u64::MAX, block },
        operators: vec![],
        guardians: None,
        delegates: vec![],
        coins: vec![],
        assets: holdings.iter().zip(&terms.assets).map(reading).collect(),
        accounts: vec![
            account(0, Control::Safe { nonce: 0, threshold: 3, owners: vec![] }, |it| it.operations),
            account(1, Control::Timelock { delay_secs: 60, governor_schedules: true }, |it| it.reserve),
        ],
        code: vec![],
        twaps: vec![],
    }
}
