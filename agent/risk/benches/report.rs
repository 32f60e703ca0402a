//! A risk report of fifty assets with a year of history.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up measures nothing")]

use alloy_primitives::{Address, B256};
use criterion::{Criterion, criterion_group, criterion_main};
use quaestor_core::{
    Account, Amount, Asset, AssetKind, BlockRef, BrakeReading, Limits, Price, RiskModel, Route, Snapshot, Terms, Value,
    amount::WAD,
    policy::{RiskTerms, Schedule},
    snapshot::{AccountReading, Anchor, AssetReading, Control, FeedReading, Round},
    valuation::Prices,
};
use quaestor_risk::{
    data::{Closes, DayRecord, Market, MemberRecords, Origin, Shard, Target},
    learned::LearnedModel,
    train::{PlainRounds, Settings, train},
};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use std::hint::black_box;

const ASSETS: usize = 50;
const DAYS: u32 = 365;

/// Prices that move by up to 5 % a day, together by up to 3 % more.
fn prices(generator: &mut ChaCha20Rng) -> Vec<Vec<f64>> {
    let mut uniform = || (generator.next_u32() as f64 / f64::from(u32::MAX)) * 2.0 - 1.0;
    let mut series = vec![vec![100.0]; ASSETS];
    for _ in 0..DAYS {
        let common = 0.03 * uniform();
        for one in &mut series {
            let last = one.last().copied().unwrap_or(100.0);
            one.push(last * libm::exp(common + 0.05 * uniform()));
        }
    }
    series
}

/// A model trained on one member that holds the first three assets.
fn model(series: &[Vec<f64>]) -> LearnedModel {
    let symbol = |index: usize| format!("A{index}");
    let closes = series[..3].iter().enumerate().map(|(index, prices)| {
        let rows: Vec<_> = (0..).zip(prices.iter().copied()).collect();
        Closes::new(symbol(index), index == 2, &rows).expect("prices are above zero")
    });
    let market = Market::new(closes.collect()).expect("symbols differ");
    let record = |day: u32| DayRecord {
        day,
        holdings: vec![3.0 + f64::from(day % 5), 2.0, 1.0],
        burn: f64::from(day % 7),
        revenue: 1.0,
    };
    let symbols = (0..3).map(symbol).collect();
    let records = MemberRecords::new("member", Origin::Own, symbols, (0..=DAYS).map(record).collect());
    let target = Target { loss_bps: 1_000, ..Target::default() };
    let shard =
        Shard::new(&records.expect("records are in order"), &market, target).expect("the history is long enough");
    let trained = train(&[shard], None, &Settings::default(), &mut PlainRounds).expect("it trains");
    assert!(trained.missing.is_empty(), "{:?}", trained.missing);
    LearnedModel::new(trained.file()).expect("it was just trained")
}

fn scene(series: &[Vec<f64>]) -> (Terms, Snapshot, Prices) {
    let address = |index: usize| Address::with_last_byte(index as u8 + 1);
    let block = BlockRef { number: 1, hash: B256::ZERO, timestamp: u64::from(DAYS) * 86_400 };
    let asset = |index: usize| Asset {
        symbol: format!("A{index}"),
        address: address(index),
        decimals: 18,
        kind: if index == 0 { AssetKind::Stable } else { AssetKind::Volatile },
        feeds: vec![address(index)],
        staleness_secs_max: u64::MAX,
        code_hash: None,
    };
    let terms = Terms {
        name: "bench".into(),
        chain_id: 1,
        registry: Address::ZERO,
        brake: Address::ZERO,
        gate: Address::ZERO,
        expires_at: u64::MAX,
        review_at: u64::MAX,
        roles: quaestor_core::policy::Roles::default(),
        delegates: vec![],
        wrapped_coin: None,
        on_disagreement: Default::default(),
        twaps: vec![],
        schedule: Schedule::EveryBlocks(1),
        validity_secs: 0,
        assets: (0..ASSETS).map(asset).collect(),
        accounts: vec![Account { name: "operations".into(), address: Address::ZERO, route: Route::Safe }],
        venues: vec![],
        counterparties: vec![],
        bands: vec![],
        groups: vec![],
        payments: vec![],
        limits: Limits::default(),
        risk: RiskTerms { burn_monthly: Value(WAD), ..RiskTerms::default() },
        strategies: vec![],
    };
    let round = |(day, price): (u64, &f64)| Round {
        price: Some(Price((price * 1e9) as u128 * 1_000_000_000)),
        updated_at: day * 86_400,
    };
    let reading = |(index, prices): (usize, &Vec<f64>)| AssetReading {
        address: address(index),
        decimals: Some(18),
        feeds: vec![FeedReading { feed: address(index), rounds: (0..).zip(prices).map(round).collect() }],
        rate: None,
    };
    let snapshot = Snapshot {
        chain_id: 1,
        block,
        anchor: Anchor::default(),
        brake: BrakeReading::unreadable(block),
        operators: vec![],
        guardians: None,
        delegates: vec![],
        coins: vec![],
        assets: series.iter().enumerate().map(reading).collect(),
        accounts: vec![AccountReading {
            address: Address::ZERO,
            balances: vec![Amount(WAD); ASSETS],
            control: Control::Safe { nonce: 0, threshold: 2, owners: vec![] },
        }],
        code: vec![],
        twaps: vec![],
    };
    let prices = Prices::resolve(&terms, &snapshot);
    (terms, snapshot, prices)
}

fn report(criterion: &mut Criterion) {
    let series = prices(&mut ChaCha20Rng::seed_from_u64(1));
    let model = model(&series);
    let (terms, snapshot, prices) = scene(&series);
    let weights = vec![10_000 / ASSETS as u64; ASSETS];
    let whole = model.assess(&terms, &snapshot, &prices, &weights);
    assert!(whole.drawdown_probability_bps.is_some() && whole.expected_shortfall_bps.is_some(), "{whole:?}");
    criterion.bench_function("risk report, 50 assets x 365 days", |bencher| {
        bencher.iter(|| model.assess(black_box(&terms), black_box(&snapshot), black_box(&prices), black_box(&weights)));
    });
}

criterion_group!(benches, report);
criterion_main!(benches);
