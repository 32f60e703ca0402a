//! A corpus of files with something wrong, and what is said of each.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

use quaestor_simulations::{Day, PROBLEMS_MAX, load_dir, load_str};
use std::fs;

/// 2020-03-20 00:00 UTC.
const NOW: u64 = 1_584_662_400;
const HEADER: &str = "date,open,high,low,close,volume_usd,market_cap_usd";

/// A row whose prices are all 2.
fn row(day: &str) -> String {
    format!("{day},2,2,2,2,0,0")
}

fn problems(rows: &[&str]) -> Vec<String> {
    let text = format!("{HEADER}\n{}\n", rows.join("\n"));
    let error = load_str("BAD.csv", &text, NOW).expect_err("something is wrong");
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
            "BAD.csv:3: `2020-02-30` is no day; write such as `2020-03-12`",
            "BAD.csv:4: low, open, close and high of 2020-03-19 are not in order; low is the least and high the greatest",
            "BAD.csv:5: 2020-03-20 closes after the present time 1584662400; remove the row or check the clock",
        ]
    );
}

#[test]
fn files_as_a_whole_are_named() {
    let said = |text: &str| load_str("BAD.csv", text, NOW).expect_err("something is wrong").to_string();
    let wanted = "write `date,open,high,low,close,volume_usd,market_cap_usd`";
    assert_eq!(said(""), "BAD.csv: has no rows; give at least one day");
    assert_eq!(said(&format!("{HEADER}\n")), "BAD.csv: has no rows; give at least one day");
    assert_eq!(said(&row("2020-03-01")), format!("BAD.csv:1: the header is `2020-03-01,2,2,2,2,0,0`; {wanted}"));
    let marked = format!("\u{feff}{HEADER}\n{}", row("2020-03-01"));
    assert!(load_str("OK.csv", &marked, NOW).is_ok(), "a byte order mark is no part of the header");
}

#[test]
fn a_good_file_is_read_whatever_ends_its_lines() {
    let rows = ["2020-02-28", "2020-02-29", "2020-03-01"].map(row);
    for end in ["\n", "\r\n"] {
        let text = format!("{HEADER}{end}{}", rows.join(end));
        let series = load_str("some/where/GOOD.csv", &text, NOW).unwrap();
        assert_eq!((series.symbol(), series.rows().len()), ("GOOD", 3));
        let day: Day = "2020-02-29".parse().unwrap();
        assert_eq!(series.at(day).unwrap().day, day);
    }
}

#[test]
fn what_has_more_places_than_wad_is_rounded_and_told() {
    let text = format!("{HEADER}\n2020-03-01,1.0000000000000000019,2e0,1,1,0,0\n");
    let series = load_str("FINE.csv", &text, NOW).unwrap();
    assert_eq!(series.rows()[0].open.0, 1_000_000_000_000_000_001);
    let told: Vec<_> = series.rounded().iter().map(|it| (it.line, it.column, it.text.as_str())).collect();
    assert_eq!(told, [(2, "open", "1.0000000000000000019")]);
}

#[test]
fn problems_are_bounded_and_the_rest_is_counted() {
    let rows = vec!["x,2,2,2,2,0,0"; PROBLEMS_MAX + 7];
    let found = problems(&rows);
    assert_eq!((found.len(), found[PROBLEMS_MAX].as_str()), (PROBLEMS_MAX + 1, "and 7 more"));
}

#[test]
fn a_folder_tells_the_problems_of_all_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let said = || {
        let text = load_dir(folder.path(), NOW).expect_err("something is wrong").to_string();
        text.replace(&folder.path().display().to_string(), "data")
    };
    assert_eq!(said(), "data: has no file that ends in .csv; name the folder that holds the data");
    fs::write(folder.path().join("B.csv"), HEADER).unwrap();
    fs::write(folder.path().join("A.csv"), [0xff, 0xfe]).unwrap();
    fs::write(folder.path().join("notes.txt"), "not data").unwrap();
    assert_eq!(
        said(),
        "data/A.csv: cannot be read: stream did not contain valid UTF-8\ndata/B.csv: has no rows; give at least one day"
    );
    let nowhere = load_dir(folder.path().join("nowhere"), NOW).expect_err("it is not there").to_string();
    assert!(nowhere.contains("nowhere: cannot be read: "), "{nowhere}");
}
