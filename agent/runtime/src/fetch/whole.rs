//! From all that came to the file and what stands beside it.

use super::{
    FetchError,
    bars::{Bars, Resampled, Sample, resample},
    partial::{Partial, beside},
};
use alloy::primitives::U256;
use quaestor_simulations::data::{self, DataSet, Fill, Format, Kind, Moment, Options, UNPACKED_BYTES_MAX};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

/// Raised whenever a program that reads it would have to change.
const VERSION: u8 = 1;
/// How bars come by their prices, for people.
const RULE: &str = "a bar takes the last price at or before its last second, unless that is older than age_secs_max";

/// All that came.
pub(super) struct Told {
    pub(super) source: &'static str,
    /// Scheme, host and port.
    pub(super) url: String,
    /// What the source itself has to say.
    pub(super) details: Value,
    pub(super) bars: Bars,
    pub(super) samples: Vec<Sample>,
    pub(super) age_secs_max: u64,
    /// When each bar begins, and the pool's liquidity then.
    pub(super) liquidity: Vec<(u64, U256)>,
    pub(super) partial: Partial,
}

/// What was written.
#[derive(Debug)]
pub struct Fetched {
    /// What the file holds.
    pub data: DataSet,
    /// The file.
    pub out: PathBuf,
    /// Its bytes.
    pub bytes: usize,
    /// The file beside it.
    pub source_file: PathBuf,
    /// What stands in that.
    pub source: Value,
    /// How bars came by their prices.
    pub resampled: Resampled,
}

/// Makes bars, checks them, and writes them to `out` and beside it. Each file is there whole or not at all.
pub(super) fn write(told: Told, name: &str, fill: Fill, out: PathBuf) -> Result<Fetched, FetchError> {
    let Told { source, url, details, bars, samples, age_secs_max, liquidity, partial } = told;
    let begun_at = partial.head().map_or(0, |head| head.begun_at);
    let resampled = resample(&samples, &bars, age_secs_max);
    let (Some((first, _)), Some((last, _))) = (resampled.rows.first(), resampled.rows.last()) else {
        let id = details["asset"].as_str().unwrap_or(name).to_owned();
        return Err(FetchError::NoPrices { host: url, id });
    };
    if *first != bars.begin || last + bars.step != bars.after() {
        return Err(FetchError::Short { first: Moment::at(*first), last: Moment::at(last + bars.step - 1) });
    }
    let text = table(name, &resampled.rows, &liquidity);
    // What is checked is called as where it comes from: there is no other file yet.
    let options = Options { now: begun_at, fill, step: Some(bars.step), ..Options::default() };
    let checked = data::load_text(&format!("{source}.csv"), text.as_bytes(), &options).map_err(FetchError::Data)?;
    let format = Format::of(&out).unwrap_or(Format::CsvGz);
    let bytes = data::write(&checked, format)?;
    let filled = checked.of(Kind::Price).map(|series| series.filled.rows).sum::<u64>();
    let document = json!({
        "quaestor_source": VERSION, "file": out.file_name().map(|name| name.to_string_lossy()), "hash": checked.hash(),
        "name": name, "source": source, "url": url, "from": bars.begin, "to": bars.after() - 1,
        "step_secs": bars.step, "bars": bars.count, "fetched_at": begun_at, "details": details,
        "resampling": { "rule": RULE, "age_secs_max": age_secs_max, "found": resampled, "filled_bars": filled },
    });
    let source_file = beside(&out, ".source.json");
    replace(&source_file, format!("{document:#}\n").as_bytes())?;
    replace(&out, &bytes)?;
    partial.remove()?;
    let bytes = bytes.len();
    Ok(Fetched { data: checked, out, bytes, source_file, source: document, resampled })
}

/// Rows as canonical files have them, with the columns that there are.
fn table(name: &str, prices: &[(u64, String)], liquidity: &[(u64, U256)]) -> String {
    let mut text = String::from("kind,name,timestamp,close,liquidity\n");
    for (at, price) in prices {
        text.push_str(&format!("{},{name},{at},{price},\n", Kind::Price.word()));
    }
    for (at, found) in liquidity {
        text.push_str(&format!("{},{name},{at},,{found}\n", Kind::Liquidity.word()));
    }
    debug_assert!((text.len() as u64) < UNPACKED_BYTES_MAX);
    text
}

/// Writes beside `path` first, so that no half of it ever has its name.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    let failed = |source| FetchError::File { path: path.to_owned(), source };
    let half = beside(path, ".writing");
    let written = File::create(&half).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.and_then(|()| fs::rename(&half, path)).map_err(failed)?;
    // The name is on disk once the folder is; not every system can say so of a folder.
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}
