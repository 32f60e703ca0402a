//! The data that comes with the project: every file loads, and what its README says of it is so.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

use quaestor_core::{Policy, Price, Value};
use quaestor_simulations::{
    Day,
    assumptions::Assumptions,
    data::{self, DataSet, Fill, Kind, Options, SelectError, Selected, Series, Window},
    market::{Earns, Market, Pool, Source},
};

const MINUTES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/polygon-2023-08");

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/daily");
/// 2021-07-07 00:00 UTC.
const NOW: u64 = 1_625_616_000;

fn day(text: &str) -> u64 {
    text.parse::<Day>().unwrap().open_timestamp()
}

fn shipped() -> DataSet {
    data::load(FOLDER, &Options { now: NOW, ..Options::default() }).unwrap_or_else(|problems| panic!("{problems}"))
}

fn of<'a>(found: &'a DataSet, symbol: &str) -> &'a Series {
    found.get(Kind::Price, symbol).unwrap()
}

#[test]
fn every_file_loads_whole() {
    let data = shipped();
    let found: Vec<_> = data
        .iter()
        .map(|(_, one)| {
            assert_eq!((one.kind, one.step, one.rounding.count, one.filled.rows), (Kind::Price, 86_400, 0, 0));
            assert!(one.notes.is_empty() && one.ignored.is_empty());
            let prices = one.prices().unwrap();
            assert!(prices.range.is_some() && prices.volume.is_some() && prices.market_cap.is_some());
            (one.name.as_str(), one.len(), one.begin, one.last())
        })
        .collect();
    let last = day("2021-07-06") + 86_399;
    let row = |symbol: &'static str, count, from: &str| (symbol, count, day(from), last);
    assert_eq!(
        found,
        [
            row("AAVE", 275, "2020-10-05"),
            row("BTC", 2_991, "2013-04-29"),
            row("ETH", 2_160, "2015-08-08"),
            row("UNI", 292, "2020-09-18"),
            row("USDC", 1_002, "2018-10-09"),
        ]
    );
}

#[test]
fn numbers_are_exactly_those_of_the_text() {
    let data = shipped();
    let first = of(&data, "ETH").prices().unwrap();
    // 2015-08-08,2.793760061264038,2.7988100051879883,0.7147250175476074,0.7533249855041504,674188.0,45486894.2408
    let (high, low) = first.range.as_ref().unwrap();
    let prices = [first.open[0], high[0], low[0], first.close[0]];
    let expected = ["2.793760061264038", "2.7988100051879883", "0.7147250175476074", "0.7533249855041504"];
    assert_eq!(prices, expected.map(|text| Price::parse(text).unwrap()));
    let expected = ["674188.0", "45486894.2408"].map(|text| Value::parse(text).unwrap());
    assert_eq!([of(&data, "ETH").volume(0).unwrap(), first.market_cap.as_ref().unwrap()[0]], expected);
}

#[test]
fn the_crash_of_march_2020_is_in_it() {
    let data = shipped();
    for (symbol, fall_permille) in [("ETH", 423), ("BTC", 372)] {
        let series = of(&data, symbol);
        let close = |text| series.prices().unwrap().close[series.row_at(day(text)).unwrap()].0;
        let (before, after) = (close("2020-03-11"), close("2020-03-12"));
        // Rounded to the nearest thousandth.
        assert_eq!(((before - after) * 10_000 / before + 5) / 10, fall_permille, "{symbol}");
    }
}

#[test]
fn the_days_of_all_stand_side_by_side_or_what_is_short_is_named() {
    let data = shipped();
    let window = |from: &str, to: &str| Window { from: Some(day(from)), to: Some(day(to)), past: 0 };
    let all = ["AAVE", "BTC", "ETH", "UNI", "USDC"];
    let panel = data::panel(&data, &all, window("2020-10-05", "2021-07-06")).unwrap().panel;
    assert_eq!((panel.len(), panel.symbols().len()), (275, 5));
    assert_eq!((panel.begins_at(0), panel.ends()[274]), (day("2020-10-05"), day("2021-07-06") + 86_399));
    for (column, symbol) in all.iter().enumerate() {
        let series = of(&data, symbol);
        let row = series.row_at(day("2021-01-01")).unwrap();
        assert_eq!(panel.close(88, column), series.prices().unwrap().close[row], "{symbol}");
    }
    let error = data::panel(&data, &all, window("2020-09-17", "2021-07-06")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "AAVE has prices from 2020-10-05 00:00 to 2021-07-06 23:59:59 only, UNI has prices from 2020-09-18 00:00 to \
         2021-07-06 23:59:59 only, and nothing is filled in; choose other times or leave out what is short"
    );
    let SelectError::Missing { series } = data::panel(&data, &all, window("2021-07-06", "2021-07-07")).unwrap_err()
    else {
        panic!("a day is missing at the end of all");
    };
    assert_eq!(series.iter().map(|short| short.name.as_str()).collect::<Vec<_>>(), all);
    let backward = data::panel(&data, &all, window("2021-07-06", "2020-10-05")).unwrap_err();
    assert!(matches!(backward, SelectError::Empty { .. }), "{backward}");
    assert!(matches!(data::panel(&data, &[], window("2020-10-05", "2021-07-06")), Err(SelectError::NoPrices { .. })));
}

fn minutes() -> DataSet {
    let filling = Options { now: u64::MAX, fill: Fill::Previous, ..Options::default() };
    data::load(MINUTES, &filling).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn the_minutes_load_but_for_the_one_that_is_missing() {
    let said = data::load(MINUTES, &Options { now: u64::MAX, ..Options::default() }).unwrap_err();
    assert_eq!((said.problems.len(), said.problems[0].line), (1, 1_442), "{said}");
    let found = minutes();
    let rows: Vec<_> = found.iter().map(|(_, one)| (one.kind, one.name.as_str(), one.len(), one.filled.rows)).collect();
    assert_eq!(
        rows,
        [
            (Kind::Price, "WETH", 7_200, 1),
            (Kind::Index, "aUSDC", 5_760, 0),
            (Kind::Index, "aWETH", 5_760, 0),
            (Kind::Gas, "MATIC", 5_760, 0),
            (Kind::Liquidity, "WETH", 7_200, 1),
        ]
    );
    // 2023-08-13 00:00: tick 201101; 10^12 / 1.0001^201101, with sixty digits, is 1848.1243777237890253565….
    let prices = found.get(Kind::Price, "WETH").unwrap().prices().unwrap();
    assert_eq!(prices.close[0], Price::parse("1848.124377723789025357").unwrap());
    let liquidity = found.get(Kind::Liquidity, "WETH").unwrap().samples().unwrap();
    assert_eq!((liquidity[0], liquidity[7_199]), (2_391_553_663_290_390_168, 672_789_155_085_426_065));
    let index = found.get(Kind::Index, "aUSDC").unwrap().samples().unwrap();
    assert_eq!(index[0], 1_023_969_313_696_843_928_663_736_399);
    // 0.050025 % in these days, in parts of 10^8.
    assert_eq!((index[5_759] - index[0]) * 100_000_000 / index[0], 50_025);
}

/// Where the data has an index of a vault's shares, they earn what it grew by, whatever was assumed.
#[test]
fn a_vault_earns_by_the_index() {
    let vault = "[assets.aUSDC]\ndecimals = 6\n\
                 vault = \"aave\"\n\n[venues.aave]\nkind = \"erc-4626\"\n\
                 address = \"eip155:1:0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa\"\n\
                 code_hash = \"0x2222222222222222222222222222222222222222222222222222222222222222\"\nasset = \"USDC\"\n\n";
    let text = include_str!("../../policies/library/balanced.toml")
        .replace("[venues.uniswap]", &format!("{vault}[venues.uniswap]"));
    let policy =
        quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap_or_else(|it| panic!("{it}"));
    let assumed = Assumptions {
        prices: [("VOTE".to_owned(), "1".to_owned())].into(),
        yields: [("aave".to_owned(), 9_000)].into(),
        ..Assumptions::default()
    };
    let checked = assumed.check(policy.terms()).unwrap();
    let at = |text: &str| Some(data::parse_moment(text).unwrap().0);
    let shares = policy.terms().asset_named("aUSDC").unwrap().index();
    let found = minutes();

    let window = Window { from: at("2023-08-14 00:00"), to: at("2023-08-17 23:59"), past: 0 };
    let Selected { panel, notes, .. } = data::panel(&found, &["WETH"], window).unwrap();
    assert!(notes.iter().any(|note| note == "gas of MATIC is not used: there is no price of MATIC"), "{notes:?}");
    // The pool's liquidity stands beside its price, the minute's as of its end.
    assert_eq!(panel.liquidity(5_759, 0), Some((672_789_155_085_426_065, [6, 18])));
    let market = Market::new(&panel, policy.terms(), &checked).unwrap();
    let weth = policy.terms().asset_named("WETH").unwrap().index();
    assert_eq!(market.pools[weth], Pool::Data { column: 0, otherwise: None });
    assert!(matches!(&market.sources[shares], Source::Shares { earns: Earns::Index(name), .. } if name == "aUSDC"));
    let rates = &market.rates[shares];
    assert_eq!((rates.len(), rates[0].0, rates[5_759].0), (5_760, 1_023_969, 1_024_481));
    assert_eq!(market.panel.prefix(100).index("aUSDC").unwrap(), &panel.index("aUSDC").unwrap()[..100]);

    // A day earlier the index says nothing, so that what was assumed counts, and the notes tell why.
    let early = Window { from: at("2023-08-13"), ..window };
    let Selected { panel, notes, .. } = data::panel(&found, &["WETH"], early).unwrap();
    let market = Market::new(&panel, policy.terms(), &checked).unwrap();
    assert!(matches!(&market.sources[shares], Source::Shares { earns: Earns::Yearly(9_000), .. }));
    assert!(
        notes.iter().any(|note| note.starts_with("index of aUSDC is not used: it does not cover every bar")),
        "{notes:?}"
    );
}
