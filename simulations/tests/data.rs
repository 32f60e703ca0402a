//! Data of any step: what is read, what is said of bad files, and the one canonical file.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

use flate2::{Compression, write::GzEncoder};
use parquet::{
    basic::{LogicalType, Repetition, TimeUnit, Type as Physical},
    data_type::{BoolType, DoubleType, Int64Type},
    file::writer::SerializedFileWriter,
    schema::types::Type,
};
use proptest::prelude::*;
use quaestor_core::{Price, Value};
use quaestor_simulations::data::{self, DataSet, Fill, Format, Kind, Options, Selected, Series, VolumeUnit, Window};
use std::{fs, io::Write, path::Path, sync::Arc};
use tempfile::TempDir;

/// 2020-03-20 00:00 UTC.
const NOW: u64 = 1_584_662_400;
/// 2020-03-12 00:00 UTC.
const DAY: u64 = 1_583_971_200;

fn options() -> Options {
    Options { now: NOW, ..Options::default() }
}

fn file(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> std::path::PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn load_with(name: &str, bytes: impl AsRef<[u8]>, options: &Options) -> Result<DataSet, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, name, bytes);
    let said = |text: String| text.replace(&format!("{}/", folder.path().display()), "");
    data::load(&path, options).map_err(|error| said(error.to_string()).lines().map(str::to_owned).collect())
}

fn load(name: &str, bytes: impl AsRef<[u8]>) -> Result<DataSet, Vec<String>> {
    load_with(name, bytes, &options())
}

fn one(found: Result<DataSet, Vec<String>>) -> Series {
    let found = found.unwrap();
    assert_eq!(found.iter().count(), 1);
    found.iter().next().unwrap().1.clone()
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

fn wads(prices: &[Price]) -> Vec<u128> {
    prices.iter().map(|price| price.0 / 1_000_000_000_000_000_000).collect()
}

#[test]
fn bars_of_every_step_and_form_of_time_are_read() {
    let header = "timestamp,open,high,low,close,volume\n";
    for step in [60, 90, 3_600, 14_400, 86_400] {
        let rows: String = (0..4).map(|row| format!("{},2,4,1,3,5\n", DAY + row * step)).collect();
        let found = one(load("ETH.csv", format!("{header}{rows}")));
        assert_eq!(
            (found.name.as_str(), found.kind, found.begin, found.step, found.len()),
            ("ETH", Kind::Price, DAY, step, 4)
        );
        assert_eq!((found.time(3), found.last()), (DAY + 3 * step, DAY + 4 * step - 1));
        // Five tokens at a close of three.
        assert_eq!(found.volume(0), Some(Value::parse("15").unwrap()));
    }
    let texts = "Date,Close\n2020-03-12,1\n2020-03-13,2\n";
    let found = one(load("ETH.2020.csv.gz", packed(texts.as_bytes())));
    assert_eq!((found.name.as_str(), found.begin, found.step), ("ETH", DAY, 86_400));
    let texts = "timestamp,price\n2020-03-12 00:00,1\n2020-03-12T00:01:00Z,2\n2020-03-12 00:02:00,3\n";
    let found = one(load("ETH.csv", texts));
    let prices = found.prices().unwrap();
    assert_eq!((wads(&prices.open), wads(&prices.close)), (vec![1, 1, 2], vec![1, 2, 3]));
    assert_eq!(
        (found.step, found.notes.as_slice()),
        (60, &["it has no open: each is the close before it, the first its own".to_owned()][..])
    );
}

#[test]
fn everything_wrong_with_times_is_named_by_line() {
    let times = [0, 60, 120, 300, 300, 240, 390, 420, 480, 540];
    let rows: String = times.iter().map(|secs| format!("{},1\n", DAY + secs)).collect();
    assert_eq!(
        load("X.csv", format!("timestamp,close\n{rows}")).unwrap_err(),
        [
            "X.csv:5: rows missing between 2020-03-12 00:02 and 2020-03-12 00:05: 2; nothing is filled in, so add them or cut the file",
            "X.csv:6: 2020-03-12 00:05 stands on line 5 already; keep one of them",
            "X.csv:7: 2020-03-12 00:04 comes after 2020-03-12 00:05; sort the rows by time",
            "X.csv:8: 2020-03-12 00:06:30 is not a whole number of steps of 60 s after the first row; correct the time or remove the row",
        ]
    );
    let late = "timestamp,close\n2020-03-19 22:00,1\n2020-03-19 23:00,1\n2020-03-20 00:00,1\nyesterday,1\n";
    assert_eq!(
        load("X.csv", late).unwrap_err(),
        [
            "X.csv:4: 2020-03-20 00:00 closes after the present time 1584662400; remove the row or check the clock",
            "X.csv:5: `yesterday` is no time; write Unix seconds, `2020-03-12` or `2020-03-12 14:05`, of UTC",
        ]
    );
}

#[test]
fn another_unit_of_time_is_named_with_its_remedy() {
    for (factor, unit) in [(1_000, "milliseconds"), (1_000_000, "microseconds"), (1_000_000_000, "nanoseconds")] {
        let rows: String = (0..3).map(|row| format!("{},1\n", (DAY + row * 60) * factor)).collect();
        let first = DAY * factor;
        assert_eq!(
            load("X.csv", format!("timestamp,close\n{rows}")).unwrap_err(),
            [format!(
                "X.csv:2: `{first}` is in {unit}, as 3 rows are; a timestamp is in seconds, so divide by {factor}"
            )]
        );
    }
}

#[test]
fn steps_that_change_or_are_none_are_named() {
    let text = |times: &[u64]| {
        let rows: String = times.iter().map(|secs| format!("{},1\n", DAY + secs)).collect();
        load("X.csv", format!("timestamp,close\n{rows}")).unwrap_err()
    };
    assert_eq!(
        text(&[0, 3_600, 7_200, 10_800, 14_400, 18_000, 25_200, 32_400, 39_600]),
        [
            "X.csv:8: from 2020-03-12 05:00 on rows are 7200 s apart, elsewhere 3600 s; write each step into a file of its own"
        ]
    );
    assert_eq!(text(&[0, 30, 60]), ["X.csv: rows are 30 s apart; a step is from a minute (60) to a day (86400)"]);
    assert_eq!(
        text(&[0]),
        ["X.csv: has one row, from which no step can be told; give at least two, or name the day in a column `date`"]
    );
    let weeks = "date,close\n2020-02-28,1\n2020-03-06,1\n2020-03-13,1\n";
    assert_eq!(
        load("X.csv", weeks).unwrap_err(),
        ["X.csv: rows are 604800 s apart; a step is from a minute (60) to a day (86400)"]
    );
}

#[test]
fn values_that_are_none_are_named_by_column() {
    let rows = "1583971200,0,2,1,1\n1583971260,1,2,-1,1\n1583971320,1,2,1\n1583971380,5,2,1,1\n1583971440,1,2,1,x\n";
    assert_eq!(
        load("X.csv", format!("timestamp,open,high,low,close\n{rows}")).unwrap_err(),
        [
            "X.csv:2: open `0` is not above zero; a day without a price is no row",
            "X.csv:3: low `-1` is not above zero; a day without a price is no row",
            "X.csv:4: has 4 fields; write 5: timestamp,open,high,low,close",
            "X.csv:5: low, open, close and high of 2020-03-12 00:03 are not in order; low is the least and high the greatest",
            "X.csv:5: rows missing between 2020-03-12 00:01 and 2020-03-12 00:03: 1; nothing is filled in, so add them or cut the file",
            "X.csv:6: close `x` is no number; write digits with at most one point, such as `1250.5` or `1.25e-7`",
        ]
    );
    let gas = "timestamp,gas_gwei\n1583971200,30000000000\n1583971260,30\n";
    assert_eq!(
        load("X.csv", gas).unwrap_err(),
        ["X.csv:2: gas_gwei `30000000000` is above a million gwei; if it is in wei, divide by 1000000000"]
    );
}

#[test]
fn headers_that_say_nothing_are_named() {
    let said = |text: &str| load("X.csv", text).unwrap_err().join("\n");
    assert!(
        said("a,b\n1,2\n")
            .starts_with("X.csv:1: the header is `a,b`; write a time (`timestamp` or `date`) and one of: ")
    );
    assert_eq!(said("timestamp,close,price\n"), "X.csv:1: the header names `close` twice; keep one of them");
    assert_eq!(said(""), "X.csv: has no rows; give at least one day");
    assert_eq!(said("timestamp,close\n"), "X.csv: has no rows; give at least one day");
}

#[test]
fn packed_files_that_end_early_or_never_are_bounded_and_named() {
    let rows: String = (0..2_000).map(|row| format!("{},{}\n", DAY + row * 60, row + 1)).collect();
    let whole = packed(format!("timestamp,close\n{rows}").as_bytes());
    assert_eq!(one(load("X.csv.gz", &whole)).len(), 2_000);
    let said = load("X.csv.gz", &whole[..whole.len() / 2]).unwrap_err();
    let last = said.last().unwrap();
    assert!(said.iter().any(|line| line.starts_with("X.csv.gz: ends before its end: ")), "{last}");
    let said = load("X.csv.gz", "timestamp,close\n").unwrap_err();
    assert!(said[0].starts_with("X.csv.gz: cannot be read: invalid gzip header"), "{}", said[0]);
}

#[test]
fn a_bomb_is_given_up_on() {
    let few = Options { unpacked_bytes_max: 1 << 20, ..options() };
    // Without a row, so that the first one is never whole.
    let bomb = packed(&vec![b' '; (1 << 20) + 1]);
    assert!(bomb.len() < 10_000);
    let said = load_with("X.csv.gz", &bomb, &few).unwrap_err();
    assert_eq!(said, ["X.csv.gz: unpacks to more than 1048576 bytes; split it or take coarser data"]);
    let rows: String = (0..10_000).map(|row| format!("{},1\n", DAY + row * 60)).collect();
    let read = load_with("X.csv", format!("timestamp,close\n{rows}"), &Options { now: u64::MAX, ..few }).unwrap();
    let parquet = data::write(&read, Format::Parquet).unwrap();
    let said =
        load_with("x.parquet", &parquet, &Options { now: u64::MAX, unpacked_bytes_max: 1_000, ..few }).unwrap_err();
    assert_eq!(said, ["x.parquet: unpacks to more than 1000 bytes; split it or take coarser data"]);
}

#[test]
fn gaps_are_filled_by_a_named_rule_alone_and_counted() {
    let text =
        "timestamp,open,high,low,close,volume_usd\n1583971200,1,4,1,3,7\n1583971260,3,4,2,2,7\n1583971440,5,6,5,6,7\n";
    let filling = Options { fill: Fill::Previous, ..options() };
    let found = one(load_with("X.csv", text, &filling));
    assert_eq!((found.filled.rows, found.filled.longest, found.len()), (2, 2, 5));
    let prices = found.prices().unwrap();
    assert_eq!(wads(&prices.open), [1, 3, 2, 2, 5]);
    assert_eq!(wads(&prices.range.as_ref().unwrap().0), [4, 4, 2, 2, 6]);
    assert_eq!(wads(&prices.close), [3, 2, 2, 2, 6]);
    let (unit, volume) = prices.volume.as_ref().unwrap();
    assert_eq!((*unit, volume[1] > 0, volume[2], volume[3]), (VolumeUnit::Dollars, true, 0, 0));
    // Neither what repeats nor what is out of order is filled.
    let twice = "timestamp,close\n1583971200,1\n1583971260,1\n1583971260,2\n";
    assert_eq!(load_with("X.csv", twice, &filling).unwrap_err().len(), 1);
    let index = "timestamp,index\n1583971200,1.01\n1583971260,1.02\n1583971380,1.03\n";
    let found = one(load_with("X.csv", index, &filling));
    assert_eq!(found.samples().unwrap()[1], found.samples().unwrap()[2]);
    assert_eq!(found.filled.rows, 1);
}

#[test]
fn a_step_that_is_known_makes_gaps_of_rows_that_are_far_apart() {
    // An hour and its next, and then days: alone they would be days with an hour too many, or hours that become days.
    let text = "timestamp,close\n1583971200,1\n1583974800,2\n1584061200,3\n1584147600,4\n1584234000,5\n";
    let read = |options: &Options| data::load_text("X.csv", text.as_bytes(), options);
    let hours = Options { step: Some(3_600), ..options() };
    let said = read(&hours).unwrap_err().to_string();
    let gap = |line: u64, from: &str, to: &str| {
        format!(
            "X.csv:{line}: rows missing between {from} and {to}: 23; nothing is filled in, so add them or cut the file"
        )
    };
    let days = ["2020-03-12 01:00", "2020-03-13 01:00", "2020-03-14 01:00", "2020-03-15 01:00"];
    let gaps: Vec<String> = (0..3).map(|day| gap(day + 4, days[day as usize], days[day as usize + 1])).collect();
    assert_eq!(said, gaps.join("\n"));
    let filled = read(&Options { fill: Fill::Previous, ..hours }).unwrap();
    let series = filled.get(Kind::Price, "X").unwrap();
    assert_eq!((series.step, series.len(), series.filled.rows), (3_600, 74, 69));
    assert!(
        read(&Options { step: Some(7_200), ..hours })
            .unwrap_err()
            .to_string()
            .contains("is not a whole number of steps")
    );
    for step in [0, 30, 86_401] {
        let said = read(&Options { step: Some(step), ..hours }).unwrap_err().to_string();
        assert!(said.contains(&format!("rows are {step} s apart; a step is from a minute")), "{said}");
    }
    // One row is enough where the step is known.
    let one = data::load_text("X.csv", "timestamp,close\n1583971200,1\n".as_bytes(), &hours).unwrap();
    assert_eq!(one.get(Kind::Price, "X").unwrap().len(), 1);
}

#[test]
fn samples_are_known_when_they_are_taken() {
    let text = "block_timestamp,gas_price\n2020-03-12 00:00:00,10\n2020-03-12 00:01:00,20\n2020-03-12 00:02:00,60\n";
    let found = one(load("gas.csv", text));
    let gwei = |number: u128| Some(number * 1_000_000_000_000_000_000);
    assert_eq!(found.known_at(DAY - 1), None);
    assert_eq!(
        (found.known_at(DAY), found.known_at(DAY + 59), found.known_at(DAY + 60)),
        (gwei(10), gwei(10), gwei(20))
    );
    assert_eq!((found.known_at(DAY + 179), found.known_at(DAY + 180)), (gwei(60), None));
    assert_eq!((found.mean_over(DAY, DAY + 179), found.mean_over(DAY, DAY + 119)), (gwei(30), gwei(15)));
    assert_eq!((found.mean_over(DAY + 61, DAY + 90), found.mean_over(DAY, DAY + 180)), (gwei(20), None));
}

fn daily() -> DataSet {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/daily");
    data::load(folder, &Options { now: u64::MAX, ..Options::default() }).unwrap()
}

#[test]
fn the_same_data_is_the_same_file_and_hash_whatever_it_was_read_from() {
    let read = daily();
    assert_eq!(read.of(Kind::Price).map(|one| one.len()).collect::<Vec<_>>(), [275, 2_991, 2_160, 292, 1_002]);
    for (name, format) in [("all.parquet", Format::Parquet), ("all.csv.gz", Format::CsvGz)] {
        assert_eq!(Format::of(Path::new(name)), Some(format));
        let bytes = data::write(&read, format).unwrap();
        let again = load_with(name, &bytes, &Options { now: u64::MAX, ..Options::default() }).unwrap();
        assert_eq!(again.hash(), read.hash(), "{name}");
        assert_eq!(data::write(&again, format).unwrap(), bytes, "{name}");
        for kind in Kind::ALL {
            for (one, other) in read.of(kind).zip(again.of(kind)) {
                assert_eq!((&one.name, &one.values, one.step), (&other.name, &other.values, other.step));
            }
        }
    }
}

#[test]
fn a_parquet_file_is_named_by_row_and_one_that_ends_early_is_told() {
    let text = "timestamp,index\n1583971200,1.000000000000000000000000001\n1583971260,1.02\n1583971320,1.03\n";
    let read = load("aUSDC.csv", text).unwrap();
    let bytes = data::write(&read, Format::Parquet).unwrap();
    assert_eq!(load("x.parquet", &bytes).unwrap().hash(), read.hash());
    let early = Options { now: DAY + 60, ..options() };
    assert_eq!(
        load_with("x.parquet", &bytes, &early).unwrap_err(),
        [
            "x.parquet: row 3: 2020-03-12 00:02 closes after the present time 1583971260; remove the row or check the clock"
        ]
    );
    for length in 0..bytes.len() {
        let said = load("x.parquet", &bytes[..length]).unwrap_err();
        assert!(said[0].starts_with("x.parquet: "), "{length}: {}", said[0]);
    }
    let said = load("x.parquet", &bytes[..bytes.len() / 2]).unwrap_err();
    assert!(said[0].starts_with("x.parquet: ends before its end: "), "{}", said[0]);
}

/// A file as notebooks write them: floats, times in another unit, and columns that say nothing.
fn notebook(unit: TimeUnit, factor: i64) -> Vec<u8> {
    let column = |name: &'static str, physical| {
        Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL)
    };
    let time = column("timestamp", Physical::INT64).with_logical_type(Some(LogicalType::timestamp(true, unit)));
    let columns = [time, column("close", Physical::DOUBLE), column("flag", Physical::BOOLEAN)];
    let columns = columns.into_iter().map(|it| Arc::new(it.build().unwrap())).collect();
    let schema = Type::group_type_builder("schema").with_fields(columns).build().unwrap();
    let mut file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Default::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let levels = [1; 3];
    let mut column = group.next_column().unwrap().unwrap();
    let times = [0, 60, 120].map(|secs| (i64::try_from(DAY).unwrap() + secs) * factor);
    column.typed::<Int64Type>().write_batch(&times, Some(&levels), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&[0.1, 1.25e-7, 2e6], Some(&levels), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<BoolType>().write_batch(&[true, false, true], Some(&levels), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.into_inner().unwrap()
}

#[test]
fn parquet_of_notebooks_is_read() {
    for (unit, factor) in [(TimeUnit::MILLIS, 1_000), (TimeUnit::MICROS, 1_000_000), (TimeUnit::NANOS, 1_000_000_000)] {
        let found = one(load("ETH.parquet", notebook(unit, factor)));
        let closes: Vec<u128> = found.prices().unwrap().close.iter().map(|price| price.0).collect();
        assert_eq!(closes, [100_000_000_000_000_000, 125_000_000_000, 2_000_000_000_000_000_000_000_000]);
        assert_eq!((found.begin, found.step), (DAY, 60));
        assert_eq!(found.ignored, ["flag"]);
    }
}

/// Whatever byte of a file is another (every third is tried), it is read or told, and nothing ends the process.
#[test]
fn a_damaged_parquet_file_is_read_or_told() {
    let read = load("aUSDC.csv", "timestamp,index\n1583971200,1.5\n1583971260,1.75\n").unwrap();
    for whole in [data::write(&read, Format::Parquet).unwrap(), notebook(TimeUnit::MICROS, 1_000_000)] {
        let folder = tempfile::tempdir().unwrap();
        for place in (0..whole.len()).step_by(3) {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x55;
            let path = file(&folder, "x.parquet", bytes);
            if let Err(error) = data::load(&path, &options()) {
                assert!(!error.problems.is_empty());
            }
        }
    }
}

#[test]
fn a_number_that_parquet_does_not_hold_is_named() {
    let read = load("X.csv", "date,close\n2020-03-12,123456789012345678901\n2020-03-13,1\n").unwrap();
    let error = data::write(&read, Format::Parquet).unwrap_err().to_string();
    assert!(
        error.ends_with(
            "open `123456789012345678901` has more than 38 digits and cannot be written; remove the row or the column"
        ),
        "{error}"
    );
    assert!(data::write(&read, Format::CsvGz).is_ok());
}

#[test]
fn series_of_one_name_in_two_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = "date,close\n2020-03-12,1\n2020-03-13,1\n";
    file(&folder, "ETH.a.csv", text);
    file(&folder, "ETH.b.csv", text);
    file(&folder, "ETH.index.csv", "date,index\n2020-03-12,1\n2020-03-13,1\n");
    let error = data::load(folder.path(), &options()).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "an index may have the name of a price: {error}");
    assert!(error.contains("ETH.b.csv: price of `ETH` are in") && error.contains("ETH.a.csv already"), "{error}");
}

#[test]
fn a_panel_is_cut_from_series_of_one_step() {
    let all = daily();
    let noon = |text: &str| data::parse_moment(text).unwrap().0;
    let window = Window { from: Some(noon("2021-01-01 12:00")), to: Some(noon("2021-01-31")), past: 60 };
    let Selected { panel, start, notes } = data::panel(&all, &["ETH", "UNI"], window).unwrap();
    assert_eq!(notes, [] as [String; 0]);
    assert_eq!((panel.symbols(), panel.len(), start), (&["ETH".to_owned(), "UNI".to_owned()][..], 91, 60));
    assert_eq!((panel.begins_at(0), panel.ends()[60]), (noon("2020-11-02"), noon("2021-01-01 23:59:59")));
    let eth = all.get(Kind::Price, "ETH").unwrap();
    let row = usize::try_from((panel.begins_at(0) - eth.begin) / 86_400).unwrap();
    assert_eq!(panel.close(60, 0), eth.prices().unwrap().close[row + 60]);
    assert_eq!(panel.volume(60, 0), eth.volume(row + 60));
    assert_ne!(panel.hash(), panel.prefix(90).hash());
    let early = Window { from: Some(noon("2020-09-01")), ..window };
    let error = data::panel(&all, &["ETH", "UNI"], early).unwrap_err().to_string();
    assert!(error.starts_with("UNI has prices from 2020-09-18 00:00 to 2021-07-06 23:59:59 only"), "{error}");
    let error = data::panel(&all, &["DOGE"], window).unwrap_err().to_string();
    assert_eq!(error, "there are prices of AAVE, BTC, ETH, UNI, USDC, and of none of the assets that are wanted: DOGE");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever the numbers are, both formats say them exactly.
    #[test]
    fn what_is_written_is_read_back(
        rows in prop::collection::vec((1u128..10u128.pow(37), 0u128..10u128.pow(37)), 2..20), step in 60u64..=86_400,
    ) {
        let text = |wad: u128| format!("{}.{:018}", wad / 10u128.pow(18), wad % 10u128.pow(18));
        let body: String = rows.iter().zip(0u64..).map(|((close, volume), row)| {
            format!("{},{},{}\n", 1_000_000_000 + row * step, text(*close), text(*volume))
        }).collect();
        let read = load("A.csv", format!("timestamp,close,volume_usd\n{body}")).unwrap();
        let closes: Vec<u128> = read.of(Kind::Price).next().unwrap().prices().unwrap().close.iter().map(|it| it.0).collect();
        prop_assert!(rows.iter().map(|row| row.0).eq(closes));
        for (name, format) in [("a.parquet", Format::Parquet), ("a.csv.gz", Format::CsvGz)] {
            let bytes = data::write(&read, format).unwrap();
            prop_assert_eq!(load(name, bytes).unwrap().hash(), read.hash());
        }
    }
}
