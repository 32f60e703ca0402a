//! A corpus of files with something wrong, and what is said of each.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

use quaestor_simulations::{
    DataError, PROBLEMS_MAX,
    data::{self, Kind, Options, Series},
};
use std::fs;

/// 2020-03-20 00:00 UTC.
const NOW: u64 = 1_584_662_400;
const HEADER: &str = "date,open,high,low,close,volume_usd,market_cap_usd";

fn load_text(name: &str, text: &str) -> Result<Series, DataError> {
    let options = Options { now: NOW, ..Options::default() };
    let found = data::load_text(name, text.as_bytes(), &options)?;
    assert_eq!(found.iter().count(), 1);
    Ok(found.of(Kind::Price).next().unwrap().clone())
}

/// A row whose prices are all 2.
fn row(day: &str) -> String {
    format!("{day},2,2,2,2,0,0")
}

fn problems(rows: &[&str]) -> Vec<String> {
    let text = format!("{HEADER}\n{}\n", rows.join("\n"));
    let error = load_text("BAD.csv", &text).expect_err("something is wrong");
    error.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn gaps_duplicates_and_disorder_are_named_by_line() {
    let rows = ["2020-03-01", "2020-03-05", "2020-03-04", "2020-03-05", "2020-03-06", "2020-03-08"].map(row);
    assert_eq!(
        problems(&rows.each_ref().map(String::as_str)),
        [
            "BAD.csv:3: days missing between 2020-03-01 and 2020-03-05: 3; nothing is filled in, so add them or cut the file",
            "BAD.csv:4: 2020-03-04 comes after 2020-03-05; sort the rows by day",
            "BAD.csv:5: 2020-03-05 stands on line 3 already; keep one of them",
            "BAD.csv:7: days missing between 2020-03-06 and 2020-03-08: 1; nothing is filled in, so add them or cut the file",
        ]
    );
}

#[test]
fn prices_that_are_none_are_named_by_column() {
    assert_eq!(
        problems(&["2020-03-01,0,2,-1,1e-19,-5,abc", "2020-03-02,nan,,1_000,+2,0,0"]),
        [
            "BAD.csv:2: open `0` is not above zero; a day without a price is no row",
            "BAD.csv:2: low `-1` is not above zero; a day without a price is no row",
            "BAD.csv:2: close `1e-19` is not above zero; a day without a price is no row",
            "BAD.csv:2: volume_usd `-5` is below zero; write 0 where none was recorded",
            "BAD.csv:2: market_cap_usd `abc` is no number; write digits with at most one point, such as `1250.5` or `1.25e-7`",
            "BAD.csv:3: open `nan` is no number; write digits with at most one point, such as `1250.5` or `1.25e-7`",
            "BAD.csv:3: high `` is no number; write digits with at most one point, such as `1250.5` or `1.25e-7`",
            "BAD.csv:3: low `1_000` is no number; write digits with at most one point, such as `1250.5` or `1.25e-7`",
            "BAD.csv:3: close `+2` is no number; write digits with at most one point, such as `1250.5` or `1.25e-7`",
        ]
    );
}

#[test]
fn rows_of_another_shape_or_time_are_named() {
    assert_eq!(
        problems(&[
            "2020-03-19,2,2,2,2,0",
            "2020-02-30,2,2,2,2,0,0",
            "2020-03-19,2,1,2,2,0,0",
            "2020-03-20,2,2,2,2,0,0"
        ]),
        [
            "BAD.csv:2: has 6 fields; write 7: date,open,high,low,close,volume_usd,market_cap_usd",
            "BAD.csv:3: `2020-02-30` is no time; write Unix seconds, `2020-03-12` or `2020-03-12 14:05`, of UTC",
            "BAD.csv:4: low, open, close and high of 2020-03-19 are not in order; low is the least and high the greatest",
            "BAD.csv:5: 2020-03-20 closes after the present time 1584662400; remove the row or check the clock",
        ]
    );
}

#[test]
fn files_as_a_whole_are_named() {
    let said = |text: &str| load_text("BAD.csv", text).expect_err("something is wrong").to_string();
    let wanted = "write a time (`timestamp` or `date`) and one of: `close` with perhaps `open`, `high,low`, `volume_usd` or \
                  `volume`; `price`; `index`; `gas_gwei`; `liquidity`";
    assert_eq!(said(""), "BAD.csv: has no rows; give at least one day");
    assert_eq!(said(&format!("{HEADER}\n")), "BAD.csv: has no rows; give at least one day");
    assert_eq!(said(&row("2020-03-01")), format!("BAD.csv:1: the header is `2020-03-01,2,2,2,2,0,0`; {wanted}"));
    let marked = format!("\u{feff}{HEADER}\n{}", row("2020-03-01"));
    assert!(load_text("OK.csv", &marked).is_ok(), "a byte order mark is no part of the header");
}

#[test]
fn a_good_file_is_read_whatever_ends_its_lines() {
    let rows = ["2020-02-28", "2020-02-29", "2020-03-01"].map(row);
    for end in ["\n", "\r\n"] {
        let text = format!("{HEADER}{end}{}", rows.join(end));
        let series = load_text("some/where/GOOD.csv", &text).unwrap();
        assert_eq!((series.name.as_str(), series.len(), series.step), ("GOOD", 3, 86_400));
        // 2020-02-29, from its first to its last second.
        assert_eq!((series.row_at(1_582_934_400), series.row_at(1_583_020_799)), (Some(1), Some(1)));
        assert_eq!((series.row_at(1_582_934_400 - 86_401), series.row_at(1_583_107_200)), (None, None));
    }
}

#[test]
fn what_has_more_places_than_wad_is_rounded_and_told() {
    let text = format!("{HEADER}\n2020-03-01,1.0000000000000000019,2e0,1,1,0,0\n");
    let series = load_text("FINE.csv", &text).unwrap();
    assert_eq!(series.prices().unwrap().open[0].0, 1_000_000_000_000_000_001);
    assert_eq!(series.rounding.count, 1);
    assert_eq!(series.rounding.first, Some((2, "open", "1.0000000000000000019".to_owned())));
}

#[test]
fn problems_are_bounded_and_the_rest_is_counted() {
    let rows = vec!["x,2,2,2,2,0,0"; PROBLEMS_MAX + 7];
    let found = problems(&rows);
    assert_eq!((found.len(), found[PROBLEMS_MAX].as_str()), (PROBLEMS_MAX + 1, "and 7 more"));
}

#[test]
fn a_folder_tells_the_problems_of_all_its_files() {
    let (folder, options) = (tempfile::tempdir().unwrap(), Options { now: NOW, ..Options::default() });
    let said = || {
        let text = data::load(folder.path(), &options).expect_err("something is wrong").to_string();
        text.replace(&folder.path().display().to_string(), "data")
    };
    assert_eq!(said(), "data: has no file that ends in .csv, .csv.gz or .parquet; name the folder that holds the data");
    fs::write(folder.path().join("B.csv"), HEADER).unwrap();
    fs::write(folder.path().join("A.csv"), [0xff, 0xfe]).unwrap();
    fs::write(folder.path().join("notes.txt"), "not data").unwrap();
    assert_eq!(
        said(),
        "data/A.csv:1: cannot be read: CSV parse error: record 0 (line 1, field: 0, byte: 0): invalid utf-8: invalid UTF-8 in \
         field 0 near byte index 0\ndata/B.csv: has no rows; give at least one day"
    );
    let nowhere = data::load(folder.path().join("nowhere"), &options).expect_err("it is not there").to_string();
    assert!(nowhere.contains("nowhere: cannot be read: "), "{nowhere}");
}
