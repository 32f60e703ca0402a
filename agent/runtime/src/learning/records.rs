//! What members learn from: daily prices, and the records that each member keeps, from files.

use chrono::NaiveDate;
use quaestor_core::Price;
use quaestor_risk::data::{
    Closes, DataError, DayRecord, Market, MemberRecords, Origin, Profile, Shard, Target, demo_profiles, synthesise,
};
use quaestor_simulations::data::{Kind, Options, Series, load};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::{fs::File, path::Path};

/// Most bytes of a file of records.
const FILE_BYTES_MAX: u64 = 64 << 20;
const DAY_SECS: u64 = 86_400;
/// The stream of the public treasury, which no member has.
const PUBLIC_STREAM: u64 = u64::MAX;
/// Name of the public treasury.
const PUBLIC: &str = "public-holdout";

/// Why there is nothing to learn from.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    /// Prices.
    #[error("{0}")]
    Prices(quaestor_simulations::DataError),
    /// Prices of another step.
    #[error(
        "prices of {name} have a bar every {step} s; a model learns from days, so give one row a day, of midnight UTC"
    )]
    NoDays {
        /// Whose.
        name: String,
        /// Seconds from each bar to the next.
        step: u64,
    },
    /// Prices or records as series.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A line of a file of records.
    #[error("{file}:{line}: {problem}")]
    Line {
        /// The file.
        file: String,
        /// Its line, from 1; 0 for the file as a whole.
        line: u64,
        /// What is wrong and what to write.
        problem: String,
    },
    /// Two members of one name.
    #[error("the member `{member}` comes twice; give each file a name of its own")]
    Twice {
        /// The name.
        member: String,
    },
    /// No member.
    #[error("nobody to learn from; name files of records with `--records`, or make members up with `--synthetic`")]
    NoMembers,
}

/// Prices and members.
#[derive(Debug)]
pub struct Sources {
    market: Market,
    members: Vec<MemberRecords>,
}

impl Sources {
    /// Daily closes of every price series in `folder`, or in a file, before the day `until` (since 1970-01-01). `stable` names
    /// what is meant to keep a dollar's worth, `now` is the present Unix time.
    ///
    /// # Errors
    /// All problems of the files at once.
    pub fn prices(folder: &Path, stable: &[String], until: u32, now: u64) -> Result<Self, SourcesError> {
        let data = load(folder, &Options { now, ..Options::default() }).map_err(SourcesError::Prices)?;
        let mut found = Vec::new();
        for one in data.of(Kind::Price) {
            let rows = closes(one, until)?;
            // What begins later than the training ends is not part of it.
            if !rows.is_empty() {
                let symbol = one.name.as_str();
                found.push(Closes::new(symbol, stable.iter().any(|name| name == symbol), &rows)?);
            }
        }
        Ok(Self { market: Market::new(found)?, members: Vec::new() })
    }

    /// Of prices that were read already.
    pub(super) fn of(market: Market) -> Self {
        Self { market, members: Vec::new() }
    }

    /// Adds a member by its file of records: `date`, a column of whole tokens for each asset, `burn_usd`, `revenue_usd`.
    /// The member's name is the file's.
    ///
    /// # Errors
    /// With the line of the file, and what to write.
    pub fn add_records(&mut self, path: &Path, until: u32) -> Result<(), SourcesError> {
        let found = read_records(path, until)?;
        self.add(found)
    }

    fn add(&mut self, found: MemberRecords) -> Result<(), SourcesError> {
        if self.members.iter().any(|member| member.name() == found.name()) {
            return Err(SourcesError::Twice { member: found.name().to_owned() });
        }
        self.members.push(found);
        Ok(())
    }

    /// Adds the four made-up members of the demo, on the real prices.
    ///
    /// # Errors
    /// If an asset that they hold has no prices, or a file has the name of one.
    pub fn add_synthetic(&mut self, seed: u64) -> Result<(), SourcesError> {
        for (stream, profile) in (0u64..).zip(demo_profiles()) {
            self.add_made_up(&profile, seed, stream)?;
        }
        Ok(())
    }

    /// Adds a made-up member of this kind, from a stream of the seed.
    pub(super) fn add_made_up(&mut self, profile: &Profile, seed: u64, stream: u64) -> Result<(), SourcesError> {
        self.add(synthesise(&self.market, profile, &mut generator(seed, stream))?)
    }

    /// The members' shards.
    ///
    /// # Errors
    /// If there is no member, or one has too few days.
    pub fn shards(&self, target: Target) -> Result<Vec<Shard>, SourcesError> {
        if self.members.is_empty() {
            return Err(SourcesError::NoMembers);
        }
        Ok(self.members.iter().map(|member| Shard::new(member, &self.market, target)).collect::<Result<_, _>>()?)
    }

    /// Public records: a made-up treasury of all assets in equal parts, whose seed everybody knows.
    ///
    /// # Errors
    /// If there are too few days.
    pub fn holdout(&self, target: Target) -> Result<Shard, SourcesError> {
        let assets = self.market.assets();
        let share = 1.0 / assets.len().max(1) as f64;
        let profile = Profile {
            name: PUBLIC.into(),
            shares: assets.iter().map(|asset| (asset.symbol().to_owned(), share)).collect(),
            value: 10e6,
            burn_month: 0.02,
            revenue_month: 0.01,
            rebalance_days: 30,
        };
        let records = synthesise(&self.market, &profile, &mut generator(0, PUBLIC_STREAM))?;
        Ok(Shard::new(&records, &self.market, target)?)
    }
}

fn generator(seed: u64, stream: u64) -> ChaCha20Rng {
    let mut generator = ChaCha20Rng::seed_from_u64(seed);
    generator.set_stream(stream);
    generator
}

fn closes(series: &Series, until: u32) -> Result<Vec<(u32, f64)>, SourcesError> {
    if series.step != DAY_SECS || !series.begin.is_multiple_of(DAY_SECS) {
        return Err(SourcesError::NoDays { name: series.name.clone(), step: series.step });
    }
    let closes = series.prices().map(|prices| prices.close.as_slice()).unwrap_or_default();
    let row = |(bar, close): (usize, &Price)| {
        let day = u32::try_from(series.time(bar) / DAY_SECS).ok()?;
        // A price informs a model and is no amount.
        (day < until).then_some((day, close.0 as f64 / 1e18))
    };
    Ok(closes.iter().enumerate().map_while(row).collect())
}

fn read_records(path: &Path, until: u32) -> Result<MemberRecords, SourcesError> {
    let file = path.display().to_string();
    let at = |line: u64, problem: String| SourcesError::Line { file: file.clone(), line, problem };
    let opened = File::open(path).map_err(|error| at(0, format!("{error}; name a file of records")))?;
    let bytes = opened.metadata().map_or(0, |meta| meta.len());
    if bytes > FILE_BYTES_MAX {
        return Err(at(0, format!("has {bytes} bytes, more than {FILE_BYTES_MAX}; split it")));
    }
    let mut reader = csv::Reader::from_reader(opened);
    let header = reader.headers().map_err(|error| at(1, error.to_string()))?.clone();
    let names: Vec<&str> = header.iter().collect();
    let ["date", symbols @ .., "burn_usd", "revenue_usd"] = names.as_slice() else {
        return Err(at(1, format!("the header is `{}`; write `date,ETH,…,burn_usd,revenue_usd`", names.join(","))));
    };
    let symbols: Vec<String> = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
    let mut days = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            at(line, format!("{error}; give {} columns", names.len()))
        })?;
        let line = row.position().map_or(0, csv::Position::line);
        let text = row.get(0).unwrap_or_default();
        let day =
            day_number(text).ok_or_else(|| at(line, format!("`{text}` is not a date; write such as 2021-05-19")))?;
        let mut numbers = Vec::with_capacity(names.len());
        for (name, text) in names.iter().zip(&row).skip(1) {
            let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
            let problem =
                || at(line, format!("`{text}` in column {name} is not a number from zero on; write such as 12.5"));
            numbers.push(number.ok_or_else(problem)?);
        }
        let [holdings @ .., burn, revenue] = numbers.as_slice() else { continue };
        if day < until {
            days.push(DayRecord { day, holdings: holdings.to_vec(), burn: *burn, revenue: *revenue });
        }
    }
    let name = path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
    MemberRecords::new(name, Origin::Own, symbols, days).map_err(|error| at(0, error.to_string()))
}

/// The day of a date such as `2021-05-19`, since 1970-01-01.
pub fn day_number(text: &str) -> Option<u32> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|date| date.to_string() == text)?;
    u32::try_from(date.to_epoch_days()).ok()
}
