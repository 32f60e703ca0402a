//! The pictures: which strategy under which policy over which days, and what of it is shown.

use crate::{
    canvas::{BLUE_LINE, Chart, Mark, ORANGE, PURPLE, Picture},
    history::{Earned, Entry, Market, Scene, day, run},
    world::{Holding, USDC_ONE, World, dai, named, number, pairs, rebalance, strategy, text, usdc, volatile},
};
use quaestor_core::{
    Value,
    amount::WAD,
    policy::{Every, StrategyTerms},
    strategy::ParamValue,
};

/// Every picture with the name of its file.
pub fn all(market: &Market) -> Vec<(&'static str, Picture)> {
    vec![
        ("rebalance", rebalanced(market)),
        ("refill", refilled(market)),
        ("runway", lasting(market)),
        ("dca", averaged(market)),
        ("derisk", derisked(market)),
        ("depeg_exit", left(market)),
        ("payments", paid(market)),
        ("yield_allocation", allocated(market)),
    ]
}

/// A treasury of these holdings; worth counting from the first day's closes.
fn world(holdings: &[Holding], strategies: Vec<StrategyTerms>) -> World {
    let mut world = World::new(holdings);
    world.terms.strategies = strategies;
    world
}

fn usd(value: f64) -> String {
    if value >= 10_000.0 { format!("{:.0}k USD", value / 1_000.0) } else { format!("{value:.0} USD") }
}

fn percent(value: f64) -> String {
    format!("{:.0} %", value * 100.0)
}

fn each(entries: &[Entry], value: impl Fn(&Entry) -> f64) -> Vec<f64> {
    entries.iter().map(value).collect()
}

/// Marks at `value`: in where cash buys or a transfer comes, out where something is sold for cash.
fn marks(entries: &[Entry], value: impl Fn(&Entry) -> f64) -> Vec<(Mark, usize, f64)> {
    let mark = |(at, entry): (usize, &Entry)| {
        let kinds = entry.deeds.iter().map(|deed| if deed.sell == "USDC" { Mark::In } else { Mark::Out });
        kinds.map(|kind| (kind, at, value(entry))).collect::<Vec<_>>()
    };
    entries.iter().enumerate().flat_map(mark).collect()
}

fn chart(about: &str, unit: fn(f64) -> String) -> Chart {
    Chart {
        about: about.into(),
        lines: vec![],
        levels: vec![],
        marks: vec![],
        mark_names: ["", ""],
        unit,
        range: None,
        ratios: false,
    }
}

/// The price of WETH, whose history spans powers of ten.
fn price_of_weth(entries: &[Entry]) -> Chart {
    Chart {
        lines: vec![(String::new(), BLUE_LINE, each(entries, |it| it.price("WETH")))],
        marks: marks(entries, |it| it.price("WETH")),
        ratios: true,
        ..chart("price of WETH", usd)
    }
}

fn picture(title: &str, entries: &[Entry], charts: [Chart; 2]) -> Picture {
    Picture { title: title.into(), days: entries.iter().map(|entry| entry.day).collect(), charts }
}

fn rebalanced(market: &Market) -> Picture {
    let (from, price) = ("2020-01-01", market.first("WETH", "2020-01-01"));
    let eth = volatile("WETH", price, (4_000, 5_000, 6_000), 1_000_000 * WAD / price);
    let world = world(&[usdc(None, 1_000_000 * USDC_ONE, 0), eth], vec![rebalance("1000 USD")]);
    let entries = run(market, Scene { world, from, to: "2021-07-06", burn_daily: 0, vaults: vec![] });
    let price = Chart { mark_names: ["bought", "sold"], ..price_of_weth(&entries) };
    let share = Chart {
        lines: vec![(String::new(), BLUE_LINE, each(&entries, |it| it.share("WETH")))],
        levels: vec![("max".into(), 0.6), ("target".into(), 0.5), ("min".into(), 0.4)],
        ..chart("share of WETH", percent)
    };
    picture("rebalance: back to one half when the share of WETH leaves 40 to 60 %", &entries, [price, share])
}

fn refilled(market: &Market) -> Picture {
    let refill = [("from", "reserve"), ("to", "operations"), ("asset", "USDC"), ("low", "100000 USDC")];
    let refill: Vec<_> = refill.into_iter().chain([("target", "400000 USDC")]).collect();
    let cash = usdc(None, 400_000 * USDC_ONE, 2_000_000 * USDC_ONE);
    let mut world = world(&[cash], vec![named("supply", "refill", &refill)]);
    world.terms.venues.clear();
    let entries = run(
        market,
        Scene { world, from: "2020-01-01", to: "2020-12-31", burn_daily: 4_000 * USDC_ONE, vaults: vec![] },
    );
    let held = |it: &Entry| it.held("USDC");
    let operations = Chart {
        lines: vec![(String::new(), BLUE_LINE, each(&entries, held))],
        levels: vec![("target".into(), 400_000.0), ("low".into(), 100_000.0)],
        marks: marks(&entries, held),
        mark_names: ["refilled", ""],
        range: Some(0.0..400_000.0),
        ..chart("USDC in operations, which pays 4,000 USDC a day (assumed)", usd)
    };
    let price = Chart {
        lines: vec![(String::new(), BLUE_LINE, each(&entries, |it| it.price("USDC")))],
        ..chart("price of USDC", |value| format!("{value:.3} USD"))
    };
    picture("refill: below 100,000 USDC, up to 400,000 from the reserve", &entries, [operations, price])
}

fn paid(market: &Market) -> Picture {
    let first = day("2020-03-01").open_timestamp();
    let refill = [("from", "reserve"), ("to", "operations"), ("asset", "USDC"), ("low", "100000 USDC")];
    let refill: Vec<_> = refill.into_iter().chain([("target", "400000 USDC")]).collect();
    let cash = usdc(None, 400_000 * USDC_ONE, 2_000_000 * USDC_ONE);
    let strategies = vec![named("pay", "payments", &[]), named("supply", "refill", &refill)];
    let mut world = world(&[cash], strategies).paying("payroll", 90_000 * USDC_ONE, Every::Months(1), first).paying(
        "grants",
        15_000 * USDC_ONE,
        Every::Secs(14 * 86_400),
        first + 3 * 86_400,
    );
    world.terms.venues.clear();
    let entries = run(market, Scene { world, from: "2020-01-01", to: "2020-12-31", burn_daily: 0, vaults: vec![] });
    let held = |it: &Entry| it.held("USDC");
    let operations = Chart {
        lines: vec![(String::new(), BLUE_LINE, each(&entries, held))],
        range: Some(0.0..400_000.0),
        ..chart("USDC in operations, which is refilled below 100,000", usd)
    };
    let price = Chart {
        lines: vec![(String::new(), BLUE_LINE, each(&entries, |it| it.price("USDC")))],
        ..chart("price of USDC", |value| format!("{value:.3} USD"))
    };
    let about = "payments: 90,000 USDC on the first of each month, 15,000 every two weeks";
    picture(about, &entries, [operations, price])
}

fn lasting(market: &Market) -> Picture {
    let (from, price) = ("2020-01-01", market.first("WETH", "2020-01-01"));
    let runway = vec![
        ("account", text("operations")),
        ("cash", text("USDC")),
        ("months_min", number(3)),
        ("months_target", number(6)),
        ("sources", pairs(&[("reserve", "USDC"), ("operations", "WETH")])),
    ];
    let eth = volatile("WETH", price, (0, 5_000, 10_000), 8_000 * WAD);
    let cash = usdc(None, 500_000 * USDC_ONE, 400_000 * USDC_ONE);
    let mut world = world(&[cash, eth], vec![strategy("runway", "runway", runway)]);
    world.terms.risk.burn_monthly = Value(90_000 * WAD);
    let entries = run(market, Scene { world, from, to: "2021-07-06", burn_daily: 3_000 * USDC_ONE, vaults: vec![] });
    let months: fn(&Entry) -> f64 = |it| it.held("USDC") * it.price("USDC") / 90_000.0;
    let of = |sold: &str, value: fn(&Entry) -> f64| {
        let did = |entry: &Entry| entry.deeds.iter().any(|deed| deed.sell == sold);
        let mark = if sold == "USDC" { Mark::In } else { Mark::Out };
        let days = entries.iter().enumerate().filter(|(_, entry)| did(entry));
        days.map(|(at, entry)| (mark, at, value(entry))).collect::<Vec<_>>()
    };
    let sold = of("WETH", |it| it.price("WETH"));
    let price = Chart { marks: sold, mark_names: ["", "sold to refill"], ..price_of_weth(&entries) };
    let lasts = Chart {
        lines: vec![(String::new(), BLUE_LINE, each(&entries, months))],
        levels: vec![("months_target".into(), 6.0), ("months_min".into(), 3.0)],
        marks: of("USDC", months),
        mark_names: ["from the reserve", ""],
        range: Some(0.0..6.0),
        unit: |value| format!("{value:.0} months"),
        ..chart("months of burn in stable assets; 90,000 USD a month (assumed)", usd)
    };
    picture("runway: below 3 months, up to 6: from the reserve first, then by sales of WETH", &entries, [price, lasts])
}

fn averaged(market: &Market) -> Picture {
    let from = "2020-07-06";
    let params = [
        ("account", "operations"),
        ("sell", "USDC"),
        ("buy", "WETH"),
        ("amount", "10000 USDC"),
        ("every", "7d"),
        ("price_max", "2500 USD"),
    ];
    let eth = volatile("WETH", market.first("WETH", from), (0, 5_000, 10_000), 0);
    let world = world(&[usdc(None, 520_000 * USDC_ONE, 0), eth], vec![named("savings", "dca", &params)]);
    let entries = run(market, Scene { world, from, to: "2021-07-06", burn_daily: 0, vaults: vec![] });
    let mut spent = 0.0;
    let average = |it: &Entry| {
        spent += it.deeds.iter().map(|deed| deed.usd).sum::<f64>();
        spent / it.held("WETH")
    };
    let paid: Vec<f64> = entries.iter().map(average).collect();
    let price = Chart {
        lines: vec![
            (String::new(), BLUE_LINE, each(&entries, |it| it.price("WETH"))),
            ("average paid, the fee included".into(), PURPLE, paid),
        ],
        levels: vec![("price_max".into(), 2_500.0)],
        mark_names: ["bought", ""],
        ..price_of_weth(&entries)
    };
    let held = Chart {
        lines: vec![(String::new(), BLUE_LINE, each(&entries, |it| it.held("WETH")))],
        unit: |value| format!("{value:.0} WETH"),
        ..chart("WETH held", usd)
    };
    picture("dca: 10,000 USDC of WETH once in each period of 7 days, up to 2,500 USD", &entries, [price, held])
}

fn derisked(market: &Market) -> Picture {
    let from = "2020-01-01";
    let params = vec![
        ("account", text("operations")),
        ("cash", text("USDC")),
        ("signal", text("volatility")),
        ("start_bps", number(6_000)),
        ("full_bps", number(12_000)),
        ("risky_share_bps_max", number(7_500)),
        ("risky_share_bps_min", number(2_500)),
        ("step_bps_max", number(1_000)),
        ("move_bps_min", number(300)),
        ("trade_min", text("1000 USD")),
    ];
    let coin = |symbol, usd: u128| {
        let price = market.first(symbol, from);
        volatile(symbol, price, (0, 3_000, 10_000), usd * WAD / price)
    };
    let cash = usdc(None, 3_000_000 * USDC_ONE, 0);
    let holdings = [cash, coin("WETH", 4_000_000), coin("WBTC", 3_000_000)];
    let entries = run(
        market,
        Scene {
            world: world(&holdings, vec![strategy("derisk", "derisk", params)]),
            from,
            to: "2020-08-31",
            burn_daily: 0,
            vaults: vec![],
        },
    );
    let price = Chart { mark_names: ["", "WETH and WBTC sold"], ratios: false, ..price_of_weth(&entries) };
    let allowed = |it: &Entry| match it.volatility {
        low if low <= 0.6 => f64::NAN,
        high => 0.75 - (0.75 - 0.25) * ((high - 0.6) / 0.6).min(1.0),
    };
    let shares = Chart {
        lines: vec![
            ("forecast of yearly volatility".into(), PURPLE, each(&entries, |it| it.volatility)),
            ("share of WETH and WBTC".into(), BLUE_LINE, each(&entries, |it| it.share("WETH") + it.share("WBTC"))),
            ("share allowed".into(), ORANGE, each(&entries, allowed)),
        ],
        levels: vec![("start_bps".into(), 0.6)],
        ..chart("", percent)
    };
    picture(
        "derisk: less at risk as the forecast of the treasury's volatility rises above 60 %",
        &entries,
        [price, shares],
    )
}

fn left(market: &Market) -> Picture {
    let params = vec![
        ("account", text("operations")),
        ("asset", text("USDC")),
        ("into", text("DAI")),
        ("price_min", text("0.98 USD")),
        ("price_floor", text("0.8 USD")),
        ("rounds_min", number(2)),
        ("step_bps", number(2_500)),
        ("trade_min", text("1000 USD")),
    ];
    let holdings = [usdc(None, 1_000_000 * USDC_ONE, 0), dai(0, 0)];
    let world = world(&holdings, vec![strategy("exit", "depeg_exit", params)]);
    let entries = run(market, Scene { world, from: "2020-03-01", to: "2020-04-30", burn_daily: 0, vaults: vec![] });
    let sold = entries.iter().enumerate().filter(|(_, it)| !it.deeds.is_empty());
    let price = Chart {
        lines: vec![(String::new(), BLUE_LINE, each(&entries, |it| it.price("USDC")))],
        levels: vec![("price_min".into(), 0.98)],
        marks: sold.map(|(at, it)| (Mark::Out, at, it.price("USDC"))).collect(),
        mark_names: ["", "a quarter sold"],
        unit: |value| format!("{value:.3} USD"),
        ..chart("price of USDC, daily closes", usd)
    };
    let held = Chart {
        lines: vec![
            ("USDC".into(), BLUE_LINE, each(&entries, |it| it.held("USDC"))),
            ("the other stable asset, taken at 1 USD (assumed)".into(), PURPLE, each(&entries, |it| it.held("DAI"))),
        ],
        range: Some(0.0..1_000_000.0),
        ..chart("held", usd)
    };
    picture(
        "depeg_exit, March 2020: below 0.98 USD for two rounds, a quarter a day; what a false alarm costs",
        &entries,
        [price, held],
    )
}

/// The rates are made up, and the picture says so: no history of a vault comes with the project.
fn allocated(market: &Market) -> Picture {
    const HAIRCUTS: [(&str, f64); 2] = [("s-steady", 0.005), ("s-lively", 0.02)];
    let vault = |venue: &str, max_bps: i64, risk_bps: i64| {
        let fields = [("venue", text(venue)), ("max_bps", number(max_bps)), ("risk_bps", number(risk_bps))];
        ParamValue::Table(fields.map(|(key, value)| (key.to_owned(), value)).into())
    };
    let params = vec![
        ("account", text("operations")),
        ("asset", text("USDC")),
        ("keep", text("200000 USDC")),
        ("trade_min", text("20000 USD")),
        ("move_bps_min", number(100)),
        ("vaults", ParamValue::List(vec![vault("steady", 6_000, 50), vault("lively", 5_000, 200)])),
    ];
    let at_par = (Some(USDC_ONE), USDC_ONE);
    let cash = usdc(None, 2_000_000 * USDC_ONE, 0);
    let mut world = world(&[cash], vec![strategy("yield", "yield_allocation", params)]);
    world.terms.venues.clear();
    let world = world.with_vault("steady", at_par, [0, 0]).with_vault("lively", at_par, [0, 0]);
    let steady = [("2020-07-06", 0.040), ("2020-10-01", 0.050), ("2021-01-15", 0.040), ("2021-07-06", 0.045)];
    let lively = [
        ("2020-07-06", 0.09),
        ("2020-09-01", 0.16),
        ("2020-11-15", 0.06),
        ("2021-01-05", 0.015),
        ("2021-02-20", 0.015),
        ("2021-04-20", 0.12),
        ("2021-07-06", 0.08),
    ];
    let vaults = vec![
        Earned { shares: "s-steady", rates: steady.to_vec() },
        Earned { shares: "s-lively", rates: lively.to_vec() },
    ];
    let entries =
        run(market, Scene { world, from: "2020-07-06", to: "2021-07-06", burn_daily: 2_000 * USDC_ONE, vaults });
    let [(steady, steady_risk), (lively, lively_risk)] = HAIRCUTS;
    let rates = Chart {
        lines: vec![
            ("steady".into(), BLUE_LINE, each(&entries, |it| it.rate(steady) - steady_risk)),
            ("lively".into(), PURPLE, each(&entries, |it| it.rate(lively) - lively_risk)),
        ],
        levels: vec![(String::new(), 0.0)],
        ..chart("synthetic rates of two vaults, a year, less their haircuts", percent)
    };
    let moved = |buys: bool| {
        let kind = if buys { Mark::In } else { Mark::Out };
        let did = move |it: &Entry| it.deeds.iter().any(|deed| (deed.sell == "USDC") == buys);
        let days = entries.iter().enumerate().filter(move |(_, it)| did(it));
        days.map(move |(at, it)| (kind, at, it.held("USDC")))
    };
    let worth = |symbol: &'static str| each(&entries, move |it| it.held(symbol) * it.price(symbol));
    let held = Chart {
        lines: vec![
            ("steady".into(), BLUE_LINE, worth(steady)),
            ("lively".into(), PURPLE, worth(lively)),
            ("liquid".into(), ORANGE, worth("USDC")),
        ],
        levels: vec![("keep".into(), 200_000.0)],
        marks: moved(true).chain(moved(false)).collect(),
        mark_names: ["deposit", "redemption"],
        ..chart("held; 2,000 USDC a day are paid (assumed)", usd)
    };
    picture(
        "yield_allocation: 200,000 USDC kept liquid, the rest in the vault with the better net rate, up to its cap",
        &entries,
        [rates, held],
    )
}
