//! Daily closes of the assets that members held.

use super::error::{DataError, expect_each_day};
use std::ops::Range;

/// Daily closes of one asset, day after day without gap.
#[derive(Debug, Clone, PartialEq)]
pub struct Closes {
    symbol: String,
    stable: bool,
    first: u32,
    prices: Vec<f64>,
    /// One less than prices: log returns from day to day.
    returns: Vec<f64>,
}

impl Closes {
    /// From rows of day (since 1970-01-01) and close in the quote currency, oldest first. `stable` says whether it is
    /// meant to keep the value of the quote currency.
    ///
    /// # Errors
    /// If there is no row, a day is missing, comes twice or out of order, or a price is not finite and above zero.
    pub fn new(symbol: impl Into<String>, stable: bool, rows: &[(u32, f64)]) -> Result<Self, DataError> {
        let symbol = symbol.into();
        expect_each_day(&symbol, rows.iter().map(|(day, _)| *day))?;
        for &(day, found) in rows {
            if !(found.is_finite() && found > 0.0) {
                let what = "the close";
                return Err(DataError::Number { series: symbol, what, day, found, least: "above zero" });
            }
        }
        let prices: Vec<f64> = rows.iter().map(|(_, price)| *price).collect();
        let returns = prices.windows(2).map(|pair| libm::log(pair[1] / pair[0])).collect();
        let first = rows.first().map_or(0, |(day, _)| *day);
        Ok(Self { symbol, stable, first, prices, returns })
    }

    /// Its name.
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// Whether it is meant to keep the value of the quote currency.
    pub fn is_stable(&self) -> bool {
        self.stable
    }

    /// Days that have a close.
    pub fn days(&self) -> Range<u32> {
        self.first..self.first + self.prices.len() as u32
    }

    /// The close of `day`.
    pub fn close(&self, day: u32) -> Option<f64> {
        self.prices.get(day.checked_sub(self.first)? as usize).copied()
    }

    /// The `count` daily log returns up to the close of `day`, oldest first; `None` where the history is shorter.
    pub fn returns_to(&self, day: u32, count: usize) -> Option<&[f64]> {
        let end = day.checked_sub(self.first)? as usize;
        self.returns.get(end.checked_sub(count)?..end)
    }

    /// All daily log returns up to the close of `day`, oldest first, at most `most` of them; empty when there are none.
    pub fn returns_before(&self, day: u32, most: usize) -> &[f64] {
        let end = (day.saturating_sub(self.first) as usize).min(self.returns.len());
        &self.returns[end.saturating_sub(most)..end]
    }
}

/// Closes of several assets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Market {
    assets: Vec<Closes>,
}

impl Market {
    /// Of these assets, in this order.
    ///
    /// # Errors
    /// If two have one name.
    pub fn new(assets: Vec<Closes>) -> Result<Self, DataError> {
        for (position, asset) in assets.iter().enumerate() {
            if assets.iter().take(position).any(|earlier| earlier.symbol == asset.symbol) {
                return Err(DataError::AssetTwice { symbol: asset.symbol.clone() });
            }
        }
        Ok(Self { assets })
    }

    /// The assets, in order.
    pub fn assets(&self) -> &[Closes] {
        &self.assets
    }

    /// The closes of `symbol`.
    pub fn of(&self, symbol: &str) -> Option<&Closes> {
        self.assets.iter().find(|asset| asset.symbol == symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closes(rows: &[(u32, f64)]) -> Result<Closes, DataError> {
        Closes::new("ETH", false, rows)
    }

    #[test]
    fn returns_end_at_the_close_of_the_day() {
        let eth = closes(&[(10, 1.0), (11, 2.0), (12, 8.0)]).unwrap();
        assert_eq!(eth.days(), 10..13);
        assert_eq!((eth.close(9), eth.close(11), eth.close(13)), (None, Some(2.0), None));
        assert_eq!(eth.returns_to(11, 1), Some(&[libm::log(2.0)][..]));
        assert_eq!(eth.returns_to(12, 2), Some(&[libm::log(2.0), libm::log(4.0)][..]));
        assert_eq!((eth.returns_to(12, 3), eth.returns_to(9, 1), eth.returns_to(13, 1)), (None, None, None));
        assert_eq!(eth.returns_before(12, 1), [libm::log(4.0)]);
        assert_eq!(eth.returns_before(9, 5), [0.0; 0]);
        assert_eq!(eth.returns_before(99, 5).len(), 2);
    }

    #[test]
    fn bad_rows_are_refused_with_their_day() {
        let message = |rows: &[(u32, f64)]| closes(rows).unwrap_err().to_string();
        assert_eq!(message(&[]), "`ETH` has no days; give at least one");
        assert_eq!(message(&[(1, 1.0), (1, 1.0)]), "`ETH` has 1970-01-02 twice; keep one row a day");
        let unordered = "`ETH` has 1970-01-02 after 1970-01-03; sort by day, oldest first";
        assert_eq!(message(&[(2, 1.0), (1, 1.0)]), unordered);
        let missing = "`ETH` jumps from 1970-01-02 to 1970-01-04; give every day, nothing is filled in";
        assert_eq!(message(&[(1, 1.0), (3, 1.0)]), missing);
        for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
            let expected = format!("the close of `ETH` on 1970-01-02 is {bad}; give a finite number above zero");
            assert_eq!(message(&[(1, bad)]), expected);
        }
    }

    #[test]
    fn an_asset_is_given_once() {
        let eth = closes(&[(1, 1.0)]).unwrap();
        let error = Market::new(vec![eth.clone(), eth]).unwrap_err();
        assert_eq!(error, DataError::AssetTwice { symbol: "ETH".into() });
    }
}
