//! Runs of the whole pipeline on prices of a seeded random walk: the loads by which backtesters are compared.
#![allow(missing_docs, reason = "a bench")]
#![allow(clippy::unwrap_used, reason = "a bench ends where its fixture is wrong")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quaestor_core::{Policy, Price, amount::WAD};
use quaestor_policies::VotedPolicy;
use quaestor_risk::EwmaModel;
use quaestor_simulations::{
    Panel,
    assumptions::{Assumptions, Checked, Costs, Delays},
    engine::{self, Plan},
    market::Market,
    metrics::{drawdown, sharpe},
};
use std::{fmt::Write as _, hint::black_box};

const ASSETS: usize = 7;
const BEGIN: u64 = 1_600_041_600;

/// SplitMix64 (Steele, Lea and Flood 2014): a bench needs numbers, not good ones.
fn draw(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z >> 11) as f64 / (1u64 << 53) as f64
}

fn panel(bars: usize, bar_secs: u64, step: f64) -> Panel {
    let symbols = (0..ASSETS).map(|index| format!("A{index}")).collect();
    let ends = (1..=bars as u64).map(|bar| BEGIN + bar * bar_secs).collect();
    let (mut state, mut level) = (7u64, [1.0f64; ASSETS]);
    let (mut open, mut close) = (Vec::new(), Vec::new());
    let price = |level: f64| Price((level * WAD as f64) as u128);
    for _ in 0..bars {
        for (index, level) in level.iter_mut().enumerate() {
            open.push(price(*level));
            if index > 0 {
                let shock: f64 = (0..4).map(|_| draw(&mut state) - 0.5).sum();
                *level *= 1.0 + step * shock;
            }
            close.push(price(*level));
        }
    }
    Panel::new(symbols, BEGIN, ends, open, close).unwrap()
}

/// One stable and six volatile assets, returned to equal shares whenever one has left its band.
fn policy(schedule: &str, trade_min: u64, band_bps: u64) -> VotedPolicy {
    let at = |byte: usize| format!("eip155:1:0x{}", format!("{byte:02x}").repeat(20));
    let mut text = format!(
        "[policy]\nversion = 1\nname = \"bench\"\nchain = \"eip155:1\"\nregistry = \"{}\"\nbrake = \"{}\"\ngate = \"{}\"\n\
         expires = \"2090-01-01T00:00:00Z\"\nschedule = \"{schedule}\"\nvalidity = \"48h\"\n[accounts.operations]\nkind = \"safe\"\n\
         address = \"{}\"\n",
        at(0x11),
        at(0x22),
        at(0x33),
        at(0x44)
    );
    let mut pools = Vec::new();
    for index in 0..ASSETS {
        let kind = if index == 0 { "stable" } else { "volatile" };
        let _ = write!(
            text,
            "[assets.A{index}]\nkind = \"{kind}\"\naddress = \"{}\"\ndecimals = 18\nfeeds = [\"{}\"]\nstaleness_max = \"25h\"\n",
            at(0x50 + index),
            at(0x60 + index)
        );
        let target = if index == 0 { 10_000 - 1_428 * (ASSETS - 1) } else { 1_428 } as u64;
        let _ = writeln!(
            text,
            "[allocation.A{index}]\nmin_bps = {}\ntarget_bps = {target}\nmax_bps = {}",
            target - band_bps,
            target + band_bps
        );
        if index > 0 {
            pools.push(format!("{{ pair = [\"A{index}\", \"A0\"], fee_pips = 1000 }}"));
        }
    }
    let _ = write!(
        text,
        "[limits]\nslippage_bps_max = 9000\nvalidity_max = \"72h\"\n[venues.uniswap]\nkind = \"uniswap-v3\"\naddress = \"{}\"\n\
         code_hash = \"0x{}\"\npools = [{}]\n[risk]\nhistory_rounds = 30\n[[strategies]]\nname = \"rebalance\"\nkind = \"rebalance\"\naccount = \"operations\"\n\
         cash = \"A0\"\ntrade_min = \"{trade_min} USD\"\n",
        at(0x77),
        "11".repeat(32),
        pools.join(", ")
    );
    quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog())
        .map_err(|error| format!("{error}\n{text}"))
        .unwrap()
}

fn assumed(policy: &VotedPolicy) -> Checked {
    let costs = Costs { slippage_bps: 10, fee_bps: Some(10), gas_gwei: 30 };
    let delays = Delays { safe_secs: 0, ..Delays::default() };
    Assumptions { costs, delays, ..Assumptions::default() }.check(policy.terms()).unwrap()
}

fn run(market: &Market<'_>, policy: &VotedPolicy, assumed: &Checked) -> f64 {
    let model = EwmaModel::default();
    let plan = Plan { policy, model: &model, market, assumed, start: 0, thorough: false };
    let found = engine::run(plan);
    let returns = found.returns();
    let periods = 31_536_000.0 / (market.panel.ends()[1] - market.panel.ends()[0]) as f64;
    found.final_value() + sharpe(&returns, periods).unwrap_or_default() + drawdown(&returns).0
}

fn bench(c: &mut Criterion) {
    let hours = panel(18_861, 3_600, 0.01);
    let weekly = policy("0 0 0 * * Mon", 1, 0);
    let checked = assumed(&weekly);
    c.bench_function("B1: 18861 hours, 7 assets, weekly", |b| {
        b.iter(|| {
            let market = Market::new(black_box(&hours), weekly.terms(), &checked).unwrap();
            run(&market, &weekly, &checked)
        })
    });
    let days = panel(786, 86_400, 0.05);
    let mut group = c.benchmark_group("B2: 786 days, 7 assets");
    group.throughput(Throughput::Elements(1));
    for (name, schedule, band_bps) in [("decides daily", "0 0 0 * * *", 300), ("decides weekly", "0 0 0 * * Mon", 300)]
    {
        let voted = policy(schedule, 1, band_bps);
        let checked = assumed(&voted);
        let market = Market::new(&days, voted.terms(), &checked).unwrap();
        group.bench_function(name, |b| b.iter(|| run(black_box(&market), &voted, &checked)));
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
