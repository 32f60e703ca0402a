//! The data that comes with the project: every file loads, and what its README says of it is so.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

use quaestor_core::{Price, Value};
use quaestor_simulations::{Absence, AlignError, DailySeries, Day, align, load_dir};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/daily");
/// 2021-07-07 00:00 UTC.
const NOW: u64 = 1_625_616_000;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn shipped() -> Vec<DailySeries> {
    load_dir(FOLDER, NOW).unwrap_or_else(|problems| panic!("{problems}"))
}

fn of<'a>(series: &'a [DailySeries], symbol: &str) -> &'a DailySeries {
    series.iter().find(|one| one.symbol() == symbol).unwrap()
}

#[test]
fn every_file_loads_whole() {
    let found: Vec<_> = shipped()
        .iter()
        .map(|one| {
            assert_eq!(one.rounded(), []);
            let rows = one.rows();
            (one.symbol().to_owned(), rows.len(), rows[0].day.to_string(), rows[rows.len() - 1].day.to_string())
        })
        .collect();
    let row = |symbol: &str, count, from: &str| (symbol.to_owned(), count, from.to_owned(), "2021-07-06".to_owned());
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
    let series = shipped();
    let first = &of(&series, "ETH").rows()[0];
    // 2015-08-08,2.793760061264038,2.7988100051879883,0.7147250175476074,0.7533249855041504,674188.0,45486894.2408
    let prices = [first.open, first.high, first.low, first.close];
    let expected = ["2.793760061264038", "2.7988100051879883", "0.7147250175476074", "0.7533249855041504"];
    assert_eq!(prices, expected.map(|text| Price::parse(text).unwrap()));
    let expected = ["674188.0", "45486894.2408"].map(|text| Value::parse(text).unwrap());
    assert_eq!([first.volume, first.market_cap], expected);
}

#[test]
fn the_crash_of_march_2020_is_in_it() {
    let series = shipped();
    for (symbol, fall_permille) in [("ETH", 423), ("BTC", 372)] {
        let close = |text| of(&series, symbol).at(day(text)).unwrap().close.0;
        let (before, after) = (close("2020-03-11"), close("2020-03-12"));
        // Rounded to the nearest thousandth.
        assert_eq!(((before - after) * 10_000 / before + 5) / 10, fall_permille, "{symbol}");
    }
}

#[test]
fn the_days_of_all_are_aligned_or_the_missing_are_named() {
    let series = shipped();
    let (from, to) = (day("2020-10-05"), day("2021-07-06"));
    let aligned = align(&series, from, to).unwrap();
    assert_eq!((aligned.days.len(), aligned.rows.len()), (275, 5));
    for rows in &aligned.rows {
        assert!(rows.iter().map(|row| row.day).eq(aligned.days.iter().copied()));
    }
    let error = align(&series, day("2020-09-17"), day("2021-07-07")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "days are missing and nothing is filled in: AAVE from 2020-09-17 to 2020-10-04, AAVE from 2021-07-07 to 2021-07-07, \
         BTC from 2021-07-07 to 2021-07-07, ETH from 2021-07-07 to 2021-07-07, UNI from 2020-09-17 to 2020-09-17, UNI from \
         2021-07-07 to 2021-07-07, USDC from 2021-07-07 to 2021-07-07; choose other days or leave the series out"
    );
    let early = align(&series[3..4], day("2020-09-17"), day("2020-09-18"));
    let absences = vec![Absence { symbol: "UNI".into(), from: day("2020-09-17"), to: day("2020-09-17") }];
    assert_eq!(early, Err(AlignError::Missing { absences }));
    assert_eq!(
        align(&series, to, from).unwrap_err().to_string(),
        "2021-07-06 lies after 2020-10-05; write the earlier day first"
    );
    assert_eq!(align(&[], from, to), Err(AlignError::NoSeries));
}
