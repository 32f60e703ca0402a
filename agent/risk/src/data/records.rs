//! What one member held, paid and earned.

use super::error::{DataError, expect_each_day};
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// Days over which burn is summed: what a policy states as `burn_monthly`.
pub const BURN_DAYS: usize = 30;

/// Where records come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Origin {
    /// The member kept them.
    Own,
    /// Made up by a seeded generator, on real prices.
    Synthetic {
        /// Seed of the ChaCha generator.
        seed: B256,
        /// Its stream.
        stream: u64,
    },
}

impl Origin {
    /// The word that labels it on a card.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Synthetic { .. } => "synthetic",
        }
    }

    /// Whether it was made up.
    pub fn is_synthetic(&self) -> bool {
        matches!(self, Self::Synthetic { .. })
    }
}

/// One day of a treasury.
#[derive(Debug, Clone, PartialEq)]
pub struct DayRecord {
    /// The day since 1970-01-01.
    pub day: u32,
    /// Whole tokens held at its close, in the order of the member's assets.
    pub holdings: Vec<f64>,
    /// Paid that day, quote currency.
    pub burn: f64,
    /// Earned that day, quote currency.
    pub revenue: f64,
}

/// The records of one member, day after day without gap.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberRecords {
    name: String,
    origin: Origin,
    symbols: Vec<String>,
    days: Vec<DayRecord>,
}

impl MemberRecords {
    /// Of the member `name`, who holds the assets `symbols`.
    ///
    /// # Errors
    /// If there is no day, one is missing, comes twice or out of order, two assets have one name, or a number is missing,
    /// negative or not finite.
    pub fn new(
        name: impl Into<String>,
        origin: Origin,
        symbols: Vec<String>,
        days: Vec<DayRecord>,
    ) -> Result<Self, DataError> {
        let name = name.into();
        expect_each_day(&name, days.iter().map(|record| record.day))?;
        for (position, symbol) in symbols.iter().enumerate() {
            if symbols.iter().take(position).any(|earlier| earlier == symbol) {
                return Err(DataError::AssetTwice { symbol: symbol.clone() });
            }
        }
        for record in &days {
            let (day, found) = (record.day, record.holdings.len());
            if found != symbols.len() {
                return Err(DataError::Holdings { series: name, day, expected: symbols.len(), found });
            }
            let flows = [("the burn", record.burn), ("the revenue", record.revenue)];
            for (what, found) in record.holdings.iter().map(|held| ("a holding", *held)).chain(flows) {
                if !(found.is_finite() && found >= 0.0) {
                    return Err(DataError::Number { series: name, what, day, found, least: "from zero on" });
                }
            }
        }
        Ok(Self { name, origin, symbols, days })
    }

    /// The member.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where they come from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The assets it held.
    pub fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// Its days, oldest first; at least one.
    pub fn days(&self) -> &[DayRecord] {
        &self.days
    }

    /// Paid in the [`BURN_DAYS`] days up to the record at `position`; `None` where the records are shorter.
    pub fn burn_to(&self, position: usize) -> Option<f64> {
        let window = self.days.get((position + 1).checked_sub(BURN_DAYS)?..=position)?;
        Some(window.iter().map(|record| record.burn).sum())
    }

    /// Paid less earned in the `count` days after the record at `position`, day by day; `None` where the records end
    /// earlier.
    pub fn net_burn_after(&self, position: usize, count: usize) -> Option<impl Iterator<Item = f64>> {
        let window = self.days.get(position + 1..position + 1 + count)?;
        Some(window.iter().map(|record| record.burn - record.revenue))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(day: u32, held: f64, burn: f64) -> DayRecord {
        DayRecord { day, holdings: vec![held], burn, revenue: 1.0 }
    }

    fn records(days: Vec<DayRecord>) -> Result<MemberRecords, DataError> {
        MemberRecords::new("a", Origin::Own, vec!["ETH".into()], days)
    }

    #[test]
    fn burn_is_summed_over_thirty_days_and_net_burn_looks_ahead() {
        let found = records((0..40).map(|day| record(day, 1.0, f64::from(day))).collect()).unwrap();
        assert_eq!(found.burn_to(28), None);
        assert_eq!(found.burn_to(29), Some((0..30).sum::<u32>().into()));
        assert_eq!(found.net_burn_after(37, 2).map(Iterator::collect::<Vec<_>>), Some(vec![37.0, 38.0]));
        assert!(found.net_burn_after(38, 2).is_none());
    }

    #[test]
    fn bad_records_are_refused_with_their_day() {
        let message = |days| records(days).unwrap_err().to_string();
        assert_eq!(message(vec![]), "`a` has no days; give at least one");
        let text = "`a` jumps from 1970-01-02 to 1970-01-04; give every day, nothing is filled in";
        assert_eq!(message(vec![record(1, 1.0, 0.0), record(3, 1.0, 0.0)]), text);
        let text = "a holding of `a` on 1970-01-02 is NaN; give a finite number from zero on";
        assert_eq!(message(vec![record(1, f64::NAN, 0.0)]), text);
        let text = "the burn of `a` on 1970-01-02 is -1; give a finite number from zero on";
        assert_eq!(message(vec![record(1, 1.0, -1.0)]), text);
        let two = DayRecord { holdings: vec![1.0, 2.0], ..record(1, 1.0, 0.0) };
        let text = "`a` holds 2 assets on 1970-01-02 where 1 are named; give one number an asset";
        assert_eq!(message(vec![two]), text);
        let twice = MemberRecords::new("a", Origin::Own, vec!["ETH".into(); 2], vec![two_assets()]);
        assert_eq!(twice.unwrap_err(), DataError::AssetTwice { symbol: "ETH".into() });
    }

    fn two_assets() -> DayRecord {
        DayRecord { holdings: vec![1.0, 2.0], ..record(1, 1.0, 0.0) }
    }
}
