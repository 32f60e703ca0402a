//! Real prices, and strategies that run on them day by day.

use crate::{
    ready::Ready,
    world::{USDC_ONE, World},
};
use quaestor_core::{
    Action, Amount, AssetId, BlockRef, Intent, Price, RiskReport,
    amount::WAD,
    pipeline::Workspace,
    snapshot::{AssetReading, EarlierRate, Round},
    strategy::StrategyHold,
};
use quaestor_simulations::{
    Day,
    data::{self, DataSet, Kind, Options},
};

/// 2021-07-07 00:00 UTC, after the last day of the data.
const LOADED_AT: u64 = 1_625_616_000;
/// The pools of the fixture take 0.3 %.
const FEE_BPS: u64 = 30;
/// Decay of the daily variance, RiskMetrics' own (J. P. Morgan, "RiskMetrics Technical Document", 1996).
const DECAY: f64 = 0.94;
/// Days that a forecast looks back.
const LOOK_BACK: usize = 90;

/// Days between the two readings of a vault's rate.
const RATE_DAYS: usize = 7;

/// The daily prices that come with the project.
pub struct Market(DataSet);

impl Market {
    pub fn load() -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../simulations/data/daily");
        let options = Options { now: LOADED_AT, ..Options::default() };
        Self(data::load(folder, &options).unwrap_or_else(|problems| panic!("{problems}")))
    }

    /// The close of `symbol`; of a token by the asset that it wraps. What the data lack is worth a dollar.
    fn close(&self, symbol: &str, day: Day) -> Price {
        let name = symbol.strip_prefix('W').unwrap_or(symbol);
        let Some(series) = self.0.get(Kind::Price, name) else { return Price(WAD) };
        let row = series.row_at(day.open_timestamp()).expect("the day is in the data");
        series.prices().expect("it is one of prices").close[row]
    }

    /// The price at which a scene begins, rounded down to whole dollars.
    pub fn first(&self, symbol: &str, from: &str) -> u128 {
        self.close(symbol, day(from)).0 / WAD
    }
}

pub fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

/// What is to be run.
pub struct Scene {
    pub world: World,
    pub from: &'static str,
    pub to: &'static str,
    /// Base units of cash that operations pay each day.
    pub burn_daily: u128,
    /// What vaults earn, made up: no history of it comes with the project.
    pub vaults: Vec<Earned>,
}

/// What a vault of the scene earns.
pub struct Earned {
    /// Symbol of its shares.
    pub shares: &'static str,
    /// Days and rates a year, straight lines between them; the first holds before, the last after.
    pub rates: Vec<(&'static str, f64)>,
}

impl Earned {
    /// The rate a year that is earned on a day.
    fn rate(&self, on: Day) -> f64 {
        let at = |text: &str| day(text).close_timestamp() as f64;
        let now = on.close_timestamp() as f64;
        let next = self.rates.iter().position(|(text, _)| at(text) > now).unwrap_or(self.rates.len());
        match (self.rates[..next].last(), self.rates.get(next)) {
            (Some((from, before)), Some((to, after))) => {
                before + (after - before) * (now - at(from)) / (at(to) - at(from))
            }
            (Some((_, rate)), None) | (None, Some((_, rate))) => *rate,
            (None, None) => 0.0,
        }
    }

    /// Cash for one whole share at the end of each of these days, one to one at the first.
    fn worth(&self, days: &[Day]) -> Vec<f64> {
        let grown = days.iter().scan(1.0, |worth, day| {
            let now = *worth;
            *worth *= 1.0 + self.rate(*day) / 365.0;
            Some(now)
        });
        grown.collect()
    }
}

/// What was done at a day.
pub struct Deed {
    pub sell: String,
    pub buy: Option<String>,
    pub usd: f64,
}

/// One day.
pub struct Entry {
    pub day: Day,
    symbols: Vec<String>,
    prices: Vec<f64>,
    operations: Vec<f64>,
    reserve: Vec<f64>,
    pub volatility: f64,
    rates: Vec<Option<i64>>,
    pub deeds: Vec<Deed>,
    pub holds: Vec<StrategyHold>,
}

impl Entry {
    fn index(&self, symbol: &str) -> usize {
        self.symbols.iter().position(|it| it == symbol).expect("an asset of the scene")
    }

    pub fn price(&self, symbol: &str) -> f64 {
        self.prices[self.index(symbol)]
    }

    /// Whole tokens of `symbol` in operations.
    pub fn held(&self, symbol: &str) -> f64 {
        self.operations[self.index(symbol)]
    }

    /// Rate a year of a vault's shares between the two readings of it.
    pub fn rate(&self, symbol: &str) -> f64 {
        self.rates[self.index(symbol)].map_or(f64::NAN, |bps| bps as f64 / 10_000.0)
    }

    /// Share of the whole treasury.
    pub fn share(&self, symbol: &str) -> f64 {
        let value = |index: usize| (self.operations[index] + self.reserve[index]) * self.prices[index];
        value(self.index(symbol)) / (0..self.symbols.len()).map(value).sum::<f64>()
    }
}

/// Every day of the scene, as it stands after the day's deeds.
pub fn run(market: &Market, scene: Scene) -> Vec<Entry> {
    let mut ready = Ready::new(scene.world.clone(), &quaestor_strategies::catalog());
    let (mut work, mut entries) = (Workspace::new(), Vec::new());
    let mut today = Some(day(scene.from));
    // Ends with the scene.
    while let Some(now) = today.filter(|now| *now <= day(scene.to)) {
        if !entries.is_empty() {
            burn(&mut ready.world, scene.burn_daily);
        }
        show(market, &mut ready.world, now);
        accrue(&mut ready.world, &scene, now);
        ready.prices = ready.world.prices();
        ready.risk = forecast(market, &ready.world, now);
        ready.decide(&mut work);
        let allowed = work.intents.iter().zip(&work.verdicts).filter(|(_, verdict)| verdict.is_allowed());
        let allowed: Vec<Intent> = allowed.map(|(intent, _)| intent.clone()).collect();
        ready.world = carry_out(&ready.world, &allowed);
        entries.push(entry(&ready, now, &allowed, work.holds.iter().map(|(_, reason)| *reason).collect()));
        today = now.next();
    }
    entries
}

fn burn(world: &mut World, base_units: u128) {
    let cash = world.terms.asset_named("USDC").expect("cash").index();
    let held = &mut world.snapshot.accounts[0].balances[cash];
    *held = held.saturating_sub(Amount(base_units));
}

/// The feeds at the end of `now`: as many daily rounds as the policy asks for.
fn show(market: &Market, world: &mut World, now: Day) {
    let timestamp = now.close_timestamp();
    let hash = alloy_primitives::keccak256(timestamp.to_be_bytes());
    let block = BlockRef { number: world.snapshot.block.number + 1, hash, timestamp };
    (world.snapshot.block, world.snapshot.brake.block) = (block, block);
    let count = world.terms.risk.history_rounds.into();
    for (asset, reading) in world.terms.assets.iter().zip(&mut world.snapshot.assets) {
        let round =
            |day: &Day| Round { price: Some(market.close(&asset.symbol, *day)), updated_at: day.close_timestamp() };
        for feed in &mut reading.feeds {
            feed.rounds = before(now, count).iter().map(round).collect();
        }
    }
}

/// The two readings of each vault: of `now`, and of the days before.
fn accrue(world: &mut World, scene: &Scene, now: Day) {
    let start = before(day(scene.from), RATE_DAYS + 1)[0];
    let number = world.snapshot.block.number;
    for earned in &scene.vaults {
        let index = world.terms.asset_named(earned.shares).expect("shares of the scene").index();
        let days: Vec<Day> =
            std::iter::successors(Some(start), |day| day.next()).take_while(|day| *day <= now).collect();
        let worth = earned.worth(&days);
        let base_units = |at: usize| Amount((worth[at] * USDC_ONE as f64).round() as u128);
        let (last, earlier) = (days.len() - 1, days.len() - 1 - RATE_DAYS);
        let timestamp = days[earlier].close_timestamp();
        let hash = alloy_primitives::keccak256(timestamp.to_be_bytes());
        let block = BlockRef { number: number - 1, hash, timestamp };
        let reading = world.snapshot.assets[index].rate.as_mut().expect("a vault's shares have a rate");
        reading.now = Some(base_units(last));
        reading.earlier = Some(EarlierRate { block, rate: base_units(earlier) });
    }
}

/// The last `count` days, `now` the last.
fn before(now: Day, count: usize) -> Vec<Day> {
    let first = now.close_timestamp() - 86_400 * u64::try_from(count - 1).unwrap();
    (0..count).map(|ago| Day::at(first + 86_400 * u64::try_from(ago).unwrap()).unwrap()).collect()
}

/// Yearly volatility of the treasury as it is composed now, from exponentially weighted daily returns.
fn forecast(market: &Market, world: &World, now: Day) -> RiskReport {
    let weights: Vec<f64> = world.valuation().weights_bps().iter().map(|bps| *bps as f64 / 10_000.0).collect();
    let days = before(now, LOOK_BACK);
    let change = |symbol: &str, pair: &[Day]| {
        let [earlier, later] = [pair[0], pair[1]].map(|day| market.close(symbol, day).0 as f64);
        later / earlier - 1.0
    };
    let treasury = |pair: &[Day]| {
        let each = world.terms.assets.iter().zip(&weights);
        each.map(|(asset, weight)| weight * change(&asset.symbol, pair)).sum::<f64>()
    };
    let returns: Vec<f64> = days.windows(2).map(treasury).collect();
    let seed = returns.iter().map(|change| change * change).sum::<f64>() / returns.len() as f64;
    let variance = returns.iter().fold(seed, |variance, change| DECAY * variance + (1.0 - DECAY) * change * change);
    let yearly = (variance * 365.0).sqrt();
    RiskReport { treasury_volatility_bps: Some((yearly * 10_000.0).ceil() as u64), ..RiskReport::default() }
}

/// Transfers, deposits and redemptions in full, swaps at the oracle's price less the fee.
fn carry_out(world: &World, intents: &[Intent]) -> World {
    let mut left = world.done(intents);
    for intent in intents {
        let swaps = intent.actions.iter().filter(|action| matches!(action, Action::Swap { .. }));
        for exchange in swaps.filter_map(Action::exchange) {
            let fee = intent.value.share(FEE_BPS).unwrap();
            let (price, unit) =
                (world.prices().of(exchange.take).unwrap(), world.terms.assets[exchange.take.index()].unit());
            let held = &mut left.snapshot.accounts[intent.account.index()].balances[exchange.take.index()];
            *held = held.saturating_sub(fee.amount_at(price, unit).unwrap());
        }
    }
    left
}

fn entry(ready: &Ready, day: Day, intents: &[Intent], holds: Vec<StrategyHold>) -> Entry {
    let terms = &ready.world.terms;
    let whole = |account: usize| {
        let balances = ready.world.snapshot.accounts[account].balances.iter().zip(&terms.assets);
        balances.map(|(amount, asset)| amount.0 as f64 / asset.unit() as f64).collect()
    };
    let block = ready.world.snapshot.block;
    let rate = |reading: &AssetReading| reading.rate.and_then(|rate| rate.growth_bps_yearly(block.timestamp));
    let of = |name: &str| terms.account_named(name).expect("an account of the fixture").index();
    let symbol = |asset: AssetId| terms.assets[asset.index()].symbol.clone();
    let deed = |intent: &Intent| Deed {
        sell: symbol(intent.asset),
        buy: intent.actions.iter().find_map(Action::exchange).map(|exchange| symbol(exchange.take)),
        usd: intent.value.0 as f64 / WAD as f64,
    };
    let price = |asset: usize| {
        let asset = AssetId(u16::try_from(asset).unwrap());
        ready.prices.of(asset).unwrap().0 as f64 / WAD as f64
    };
    Entry {
        day,
        symbols: terms.assets.iter().map(|asset| asset.symbol.clone()).collect(),
        prices: (0..terms.assets.len()).map(price).collect(),
        operations: whole(of("operations")),
        reserve: whole(of("reserve")),
        volatility: ready.risk.treasury_volatility_bps.unwrap_or(0) as f64 / 10_000.0,
        rates: ready.world.snapshot.assets.iter().map(rate).collect(),
        deeds: intents.iter().map(deed).collect(),
        holds,
    }
}
