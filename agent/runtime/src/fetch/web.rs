//! Prices of public price services, window by window.
//!
//! - **CoinGecko**: `/coins/{id}/market_chart/range` with `interval`, at most 100 days of hours in a request
//!   (<https://docs.coingecko.com/reference/coins-id-market-chart-range>). Times are in milliseconds. Its volumes are those
//!   of the 24 hours before each price, which is no bar's volume, and are left out.
//! - **DefiLlama**: `/chart/{coin}` with `start`, `span` (a number of prices, at most 500) and `period`
//!   (<https://api-docs.defillama.com>). Each price is the one that was recorded nearest to the time that is asked for.

use super::{
    FetchError, Tell,
    bars::{Bars, Sample},
    http::Http,
    partial::Partial,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

const HOUR_SECS: u64 = 3_600;
const DAY_SECS: u64 = 86_400;
/// Days of hours, and days, of one request to CoinGecko.
const COINGECKO_DAYS: (u64, u64) = (90, 365);
/// Prices of one request to DefiLlama.
const DEFILLAMA_PRICES: u64 = 400;

/// How far apart the prices are that a service is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Points {
    /// One an hour
    Hourly,
    /// One a day
    Daily,
}

impl Points {
    /// Seconds between two.
    pub fn secs(self) -> u64 {
        match self {
            Self::Hourly => HOUR_SECS,
            Self::Daily => DAY_SECS,
        }
    }

    /// Age up to which a price stands: longer than the irregular distance of two prices, shorter than two distances.
    pub(super) fn age_secs_max(self) -> u64 {
        self.secs() * 3 / 2
    }
}

/// Whose prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// CoinGecko.
    CoinGecko,
    /// DefiLlama.
    DefiLlama,
}

/// What came for one window of time, both ends included.
#[derive(Debug, Serialize, Deserialize)]
struct Page {
    from: u64,
    to: u64,
    samples: Vec<Sample>,
}

/// The prices of `id` that make `bars`: those that `partial` has, and the others from `http`.
///
/// # Errors
/// If the service does not give them.
pub(super) async fn samples(
    service: Service,
    id: &str,
    points: Points,
    bars: &Bars,
    http: &Http,
    partial: &mut Partial,
    tell: &Tell,
) -> Result<Vec<Sample>, FetchError> {
    let windows = windows(service, points, bars);
    for (number, (from, to)) in windows.iter().enumerate().skip(partial.len()) {
        let samples = match service {
            Service::CoinGecko => coingecko(http, id, points, *from, *to).await?,
            Service::DefiLlama => defillama(http, id, points, *from, *to).await?,
        };
        tell(&format!("page {} of {}: {} prices", number + 1, windows.len(), samples.len()));
        partial.push(&Page { from: *from, to: *to, samples })?;
    }
    // Windows of DefiLlama overlap by as much as its prices lie beside the times that were asked for.
    let mut found = BTreeMap::new();
    for page in partial.pages::<Page>()? {
        found.extend(page.samples.into_iter().map(|Sample(at, price)| (at, price)));
    }
    if found.is_empty() {
        return Err(FetchError::NoPrices { host: http.host().to_owned(), id: id.to_owned() });
    }
    Ok(found.into_iter().map(|(at, price)| Sample(at, price)).collect())
}

/// Windows that hold the bars, and before them one price, which the first bar may need.
fn windows(service: Service, points: Points, bars: &Bars) -> Vec<(u64, u64)> {
    let length = match (service, points) {
        (Service::CoinGecko, Points::Hourly) => COINGECKO_DAYS.0 * DAY_SECS,
        (Service::CoinGecko, Points::Daily) => COINGECKO_DAYS.1 * DAY_SECS,
        (Service::DefiLlama, points) => DEFILLAMA_PRICES * points.secs(),
    };
    let begin = bars.begin.saturating_sub(points.secs());
    let from = |from: &u64| (from + length < bars.after()).then_some(from + length);
    std::iter::successors(Some(begin), from).map(|from| (from, (from + length).min(bars.after()) - 1)).collect()
}

/// A number as it is written.
type Number = Box<RawValue>;

async fn coingecko(http: &Http, id: &str, points: Points, from: u64, to: u64) -> Result<Vec<Sample>, FetchError> {
    #[derive(Deserialize)]
    struct Answer {
        prices: Vec<(Number, Number)>,
    }
    let interval = match points {
        Points::Hourly => "hourly",
        Points::Daily => "daily",
    };
    let text = |text: &str| text.to_owned();
    let query = [
        ("vs_currency", text("usd")),
        ("from", from.to_string()),
        ("to", to.to_string()),
        ("interval", text(interval)),
        ("precision", text("full")),
    ];
    let path = ["coins", id, "market_chart", "range"];
    let body = http.get(&path, &query).await?;
    let answer: Answer = serde_json::from_slice(&body).map_err(|error| malformed(http, &path, &error.to_string()))?;
    let mut found = Vec::with_capacity(answer.prices.len());
    for (time, price) in answer.prices {
        let secs = time.get().parse::<u64>().ok().map(|millis| millis / 1_000);
        let secs = secs.ok_or_else(|| malformed(http, &path, &format!("`{time}` is no time in milliseconds")))?;
        found.push(Sample(secs, price.get().to_owned()));
    }
    // It may add the present price.
    found.retain(|Sample(at, _)| (from..=to).contains(at));
    Ok(found)
}

async fn defillama(http: &Http, id: &str, points: Points, from: u64, to: u64) -> Result<Vec<Sample>, FetchError> {
    #[derive(Deserialize)]
    struct Answer {
        coins: BTreeMap<String, Coin>,
    }
    #[derive(Deserialize)]
    struct Coin {
        prices: Vec<Point>,
    }
    #[derive(Deserialize)]
    struct Point {
        timestamp: Number,
        price: Number,
    }
    let period = match points {
        Points::Hourly => "1h",
        Points::Daily => "1d",
    };
    let span = (to - from) / points.secs() + 1;
    let near = points.secs() / 2;
    let query = [
        ("start", from.to_string()),
        ("span", span.to_string()),
        ("period", period.to_owned()),
        ("searchWidth", near.to_string()),
    ];
    let path = ["chart", id];
    let body = http.get(&path, &query).await?;
    let answer: Answer = serde_json::from_slice(&body).map_err(|error| malformed(http, &path, &error.to_string()))?;
    // Before an asset was listed it is not in the answer at all.
    let coins = answer.coins.into_iter().filter(|(name, _)| name.eq_ignore_ascii_case(id));
    let mut found = Vec::new();
    for Point { timestamp, price } in coins.flat_map(|(_, coin)| coin.prices) {
        let secs = timestamp.get().parse::<u64>().ok();
        let secs = secs.ok_or_else(|| malformed(http, &path, &format!("`{timestamp}` is no time in seconds")))?;
        found.push(Sample(secs, price.get().to_owned()));
    }
    found.retain(|Sample(at, _)| (from.saturating_sub(near)..=to + near).contains(at));
    found.sort();
    Ok(found)
}

fn malformed(http: &Http, path: &[&str], reason: &str) -> FetchError {
    FetchError::Malformed { host: http.host().to_owned(), what: path.join("/"), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_hold_every_bar_once() {
        let bars = Bars { begin: 100 * DAY_SECS, step: DAY_SECS, count: 800 };
        for (service, points, count) in [
            (Service::CoinGecko, Points::Daily, 3),
            (Service::CoinGecko, Points::Hourly, 9),
            (Service::DefiLlama, Points::Daily, 3),
            (Service::DefiLlama, Points::Hourly, 49),
        ] {
            let found = windows(service, points, &bars);
            assert_eq!(found.len(), count, "{service:?} {points:?}");
            assert_eq!(found[0].0, bars.begin - points.secs());
            assert_eq!(found[count - 1].1, bars.after() - 1);
            assert!(found.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0));
        }
    }
}
