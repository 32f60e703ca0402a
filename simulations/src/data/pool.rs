//! Minutes of a Uniswap v3 pool, as demeter writes them, as prices and liquidity.

use super::{
    Kind, Options, Series,
    check::Checker,
    columns::{Column, Layout},
};
use crate::{
    decimal,
    problem::{DataError, ProblemKind},
};
use alloy_primitives::{U256, U512};

/// Greatest and least tick of a pool (Uniswap v3, `TickMath`).
const TICK_MAX: i32 = 887_272;
/// Fraction bits of the fixed point in which powers are taken.
const BITS: usize = 160;
const WAD_PLACES: usize = 18;

/// What the tokens of a pool are; its file does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolTokens {
    /// Decimals of token0 and token1.
    pub decimals: [u8; 2],
    /// Which of the two is taken as the dollar.
    pub dollar: usize,
}

impl Default for PoolTokens {
    /// USDC with 6 decimals is token0, and what is priced has 18.
    fn default() -> Self {
        Self { decimals: [6, 18], dollar: 0 }
    }
}

/// Powers of 1.0001, each the square of the one before.
pub(super) struct Ticks {
    powers: Vec<U512>,
    tokens: PoolTokens,
    last: Option<(i32, u128)>,
}

impl Ticks {
    pub(super) fn new(tokens: PoolTokens) -> Self {
        let one = U512::from(1u8) << BITS;
        let mut power = one + one / U512::from(10_000u32);
        let mut powers = Vec::with_capacity(20);
        // 2^20 is above the greatest tick, and every power below it fits.
        for _ in 0..20 {
            powers.push(power);
            // The one after the last would not fit, and is not needed.
            power = power.checked_mul(power).map_or(U512::MAX, |square| square >> BITS);
        }
        Self { powers, tokens, last: None }
    }

    /// Dollars for a whole one of the other token at `tick`, in wad, rounded to the nearest. The powers are taken with 160
    /// fraction bits, so that what is lost before lies far below wad's last place.
    pub(super) fn price(&mut self, tick: i32) -> Option<u128> {
        if let Some((_, price)) = self.last.filter(|(last, _)| *last == tick) {
            return Some(price);
        }
        let steps = tick.unsigned_abs();
        if steps > TICK_MAX.unsigned_abs() {
            return None;
        }
        let mut ratio = U512::from(1u8) << BITS;
        for (bit, power) in self.powers.iter().enumerate() {
            if steps >> bit & 1 == 1 {
                ratio = ratio.checked_mul(*power)? >> BITS;
            }
        }
        // A pool's price is token1 for token0, in base units, and 1.0001^tick.
        let is_inverse = (tick < 0) != (self.tokens.dollar == 0);
        let [mine, other] = match self.tokens.dollar {
            0 => [self.tokens.decimals[1], self.tokens.decimals[0]],
            _ => self.tokens.decimals,
        };
        let ten = |places: usize| U512::from(10u8).checked_pow(U512::from(places));
        let (up, down) = (ten(WAD_PLACES + usize::from(mine))?, ten(usize::from(other))?);
        let one = U512::from(1u8) << BITS;
        let found = match is_inverse {
            true => {
                let divisor = ratio.checked_mul(down)?;
                (up.checked_mul(one)? + (divisor >> 1)) / divisor
            }
            false => ((ratio.checked_mul(up)? / down) + (one >> 1)) >> BITS,
        };
        let price = u128::try_from(found).ok().filter(|price| *price > 0)?;
        self.last = Some((tick, price));
        Some(price)
    }
}

/// Reads a pool's rows.
pub(super) struct PoolReader<'a> {
    file: &'a str,
    ticks: Ticks,
    prices: Checker<'a>,
    liquidity: Checker<'a>,
    problems: DataError,
    widened: u64,
}

impl<'a> PoolReader<'a> {
    pub(super) fn new(file: &'a str, options: &Options) -> Self {
        Self {
            file,
            ticks: Ticks::new(options.tokens),
            prices: Checker::new(file, Kind::Price, options),
            liquidity: Checker::new(file, Kind::Liquidity, options),
            problems: DataError::default(),
            widened: 0,
        }
    }

    fn tick(&mut self, line: u64, column: Column, text: &str) -> Option<u128> {
        let whole = text.trim().strip_suffix(".0").unwrap_or(text.trim());
        let price = whole.parse::<i32>().ok().and_then(|tick| self.ticks.price(tick));
        if price.is_none() {
            let kind = ProblemKind::Tick { column: column.name(), text: text.to_owned() };
            self.problems.push(self.file, line, kind);
        }
        price
    }

    pub(super) fn row(&mut self, line: u64, layout: &Layout, fields: &csv::StringRecord) {
        let cell = |column| layout.place(column).and_then(|place| fields.get(place)).unwrap_or_default();
        let time = cell(Column::Time);
        let columns = [Column::OpenTick, Column::HighestTick, Column::LowestTick, Column::CloseTick];
        let mut found = [0u128; 4];
        let mut is_whole = true;
        for (slot, column) in found.iter_mut().zip(columns) {
            match self.tick(line, column, cell(column)) {
                Some(price) => *slot = price,
                None => is_whole = false,
            }
        }
        let [open, first, second, close] = found;
        let (high, low) = (first.max(second), first.min(second));
        // Where swaps began or ended outside of what the row says they reached, the range is widened, and told.
        self.widened += u64::from(high < open.max(close) || low > open.min(close));
        let text = |wad: u128| decimal::text(wad, WAD_PLACES);
        let mut cells = vec![
            (Column::Open, text(open)),
            (Column::High, text(high.max(open).max(close))),
            (Column::Low, text(low.min(open).min(close))),
            (Column::Close, text(close)),
        ];
        let amounts = [Column::Amount0In, Column::Amount1In].map(|column| (column, layout.place(column)));
        if amounts.iter().all(|(_, place)| place.is_some()) {
            let volume = self.volume(line, amounts.map(|(column, _)| (column, cell(column))), close);
            cells.push((Column::VolumeUsd, volume.map_or_else(String::new, text)));
            is_whole &= volume.is_some();
        }
        let cells: Vec<_> = cells.iter().map(|(column, text)| (*column, text.as_str())).collect();
        if is_whole {
            self.prices.row(line, time, &cells);
        }
        if layout.place(Column::PoolLiquidity).is_some() {
            self.liquidity.row(line, time, &[(Column::PoolLiquidity, cell(Column::PoolLiquidity))]);
        }
    }

    /// What came in on both sides, in dollars of the close.
    fn volume(&mut self, line: u64, amounts: [(Column, &str); 2], close: u128) -> Option<u128> {
        let PoolTokens { decimals, dollar } = self.ticks.tokens;
        let mut total = U256::ZERO;
        for (side, (column, text)) in amounts.into_iter().enumerate() {
            let kind = match decimal::parse_places(text.trim(), 0) {
                Some(amount) if !amount.negative => {
                    let price = if side == dollar { 1_000_000_000_000_000_000 } else { close };
                    let unit = U256::from(10u8).pow(U256::from(decimals[side]));
                    total += U256::from(amount.magnitude) * U256::from(price) / unit;
                    continue;
                }
                Some(_) => ProblemKind::Negative { column: column.name(), text: text.to_owned() },
                None => ProblemKind::Number { column: column.name(), text: text.to_owned() },
            };
            self.problems.push(self.file, line, kind);
            return None;
        }
        u128::try_from(total).ok()
    }

    /// Prices of the one that is no dollar, and the pool's liquidity, both called `name`.
    ///
    /// # Errors
    /// All problems, in the order of lines.
    pub(super) fn finish(self, name: &str) -> Result<Vec<Series>, DataError> {
        let Self { mut problems, ticks, prices, liquidity, widened, .. } = self;
        let PoolTokens { decimals: [zero, one], dollar } = ticks.tokens;
        // A row that lacks a tick is missing from the prices, which is no gap of the file.
        if !problems.is_empty() {
            problems.extend(prices.problems);
            problems.sort();
            return Err(problems);
        }
        let mut prices = prices.finish(name)?;
        prices.notes.push(format!(
            "prices are those of a pool's ticks: token{dollar} is taken as the dollar, decimals are {zero} and {one}"
        ));
        if widened > 0 {
            prices.notes.push(format!(
                "in {widened} rows the lowest and highest tick do not hold the first and last; their range is widened"
            ));
        }
        let mut found = vec![prices];
        match liquidity.finish(name) {
            Ok(liquidity) => found.push(liquidity),
            Err(error) if error.problems.iter().any(|problem| problem.kind != ProblemKind::Empty) => return Err(error),
            Err(_) => {}
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with sixty digits (Python's `decimal`): 10^12 / 1.0001^tick for USDC and WETH, and 1.0001^tick.
    #[test]
    fn prices_of_ticks_are_exact_to_the_last_place() {
        let mut ticks = Ticks::new(PoolTokens::default());
        for (tick, price) in [
            (202693, 1_576_140_653_167_555_350_417),
            (201101, 1_848_124_377_723_789_025_357),
            (198133, 2_486_699_765_314_161_413_965),
            (202033, 1_683_669_999_975_255_457_285),
            (0, 1_000_000_000_000_000_000_000_000_000_000),
            (276324, 1_000_002_643_830_950_671),
            (300000, 93_716_689_987_882_474),
        ] {
            assert_eq!(ticks.price(tick), Some(price), "{tick}");
        }
        assert_eq!(ticks.price(TICK_MAX + 1), None);
        let mut plain = Ticks::new(PoolTokens { decimals: [18, 18], dollar: 1 });
        assert_eq!(plain.price(0), Some(1_000_000_000_000_000_000));
        assert_eq!(plain.price(1), Some(1_000_100_000_000_000_000));
        assert_eq!(plain.price(-1), Some(999_900_009_999_000_100));
        assert_eq!(plain.price(TICK_MAX), None, "more than a price can be");
        assert_eq!(plain.price(-TICK_MAX), None, "less than a price can be");
    }
}
