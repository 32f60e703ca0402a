//! What the columns of a file mean, by their names.

use super::{Kind, VolumeUnit};
use crate::problem::ProblemKind;

/// What to write where a header holds nothing that is known.
pub(super) const WANTED: &str = "write a time (`timestamp` or `date`) and one of: `close` with perhaps `open`, `high,low`, \
    `volume_usd` or `volume`; `price`; `index`; `gas_gwei`; `liquidity`";

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    Kind,
    Name,
    Time,
    Open,
    High,
    Low,
    Close,
    VolumeUsd,
    Volume,
    MarketCap,
    Index,
    Gas,
    Liquidity,
    CloseTick,
    OpenTick,
    LowestTick,
    HighestTick,
    Amount0In,
    Amount1In,
    PoolLiquidity,
}

/// Names of columns as files write them, in lower case. The first of each meaning is how canonical files write it.
const NAMES: [(&str, Column); 30] = [
    ("kind", Column::Kind),
    ("name", Column::Name),
    ("timestamp", Column::Time),
    ("date", Column::Time),
    ("time", Column::Time),
    ("datetime", Column::Time),
    ("block_timestamp", Column::Time),
    ("open", Column::Open),
    ("high", Column::High),
    ("low", Column::Low),
    ("close", Column::Close),
    ("price", Column::Close),
    ("volume_usd", Column::VolumeUsd),
    ("volume", Column::Volume),
    ("market_cap_usd", Column::MarketCap),
    ("index", Column::Index),
    ("liquidity_index", Column::Index),
    ("assets_per_share", Column::Index),
    ("gas_gwei", Column::Gas),
    ("gas_price", Column::Gas),
    ("gas_price_gwei", Column::Gas),
    ("liquidity", Column::Liquidity),
    ("closetick", Column::CloseTick),
    ("opentick", Column::OpenTick),
    ("lowesttick", Column::LowestTick),
    ("highesttick", Column::HighestTick),
    ("inamount0", Column::Amount0In),
    ("inamount1", Column::Amount1In),
    ("currentliquidity", Column::PoolLiquidity),
    ("pool_liquidity", Column::Liquidity),
];

impl Column {
    /// As canonical files and problems write it.
    pub(super) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, column)| *column == self).map_or("", |(name, _)| name)
    }
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One series.
    One(Kind),
    /// Series one below the other, each row with kind and name: a canonical file.
    Many,
    /// Minutes of a Uniswap v3 pool, as demeter writes them: ticks, amounts and liquidity.
    Pool,
}

/// Which column stands where.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) shape: Shape,
    /// Fields of a row.
    pub(super) width: usize,
    /// As the file writes it.
    pub(super) header: String,
    places: Vec<(Column, usize)>,
    /// Columns that say nothing known.
    pub(super) ignored: Vec<String>,
}

impl Layout {
    /// Of the names of a header.
    ///
    /// # Errors
    /// If they hold nothing that is known, or the same twice.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Result<Self, ProblemKind> {
        let names: Vec<&str> = names.map(str::trim).collect();
        let header = names.join(",");
        let (mut places, mut ignored) = (Vec::new(), Vec::new());
        for (place, name) in names.iter().enumerate() {
            let lower = name.to_ascii_lowercase();
            match NAMES.iter().find(|(known, _)| *known == lower) {
                None => ignored.push((*name).to_owned()),
                Some((_, column)) if places.iter().any(|(known, _)| known == column) => {
                    return Err(ProblemKind::ColumnTwice { column: column.name() });
                }
                Some((_, column)) => places.push((*column, place)),
            }
        }
        let has = |column| places.iter().any(|(known, _)| *known == column);
        let pool = [Column::CloseTick, Column::OpenTick, Column::LowestTick, Column::HighestTick];
        let shape = if !has(Column::Time) {
            None
        } else if has(Column::Kind) && has(Column::Name) {
            Some(Shape::Many)
        } else if pool.into_iter().all(has) {
            Some(Shape::Pool)
        } else if has(Column::Close) && has(Column::High) == has(Column::Low) {
            Some(Shape::One(Kind::Price))
        } else if has(Column::Index) {
            Some(Shape::One(Kind::Index))
        } else if has(Column::Gas) {
            Some(Shape::One(Kind::Gas))
        } else if has(Column::Liquidity) {
            Some(Shape::One(Kind::Liquidity))
        } else {
            None
        };
        let shape = shape.ok_or_else(|| ProblemKind::Columns { found: header.clone(), wanted: WANTED })?;
        Ok(Self { shape, width: names.len(), header, places, ignored })
    }

    /// Where `column` stands.
    pub(super) fn place(&self, column: Column) -> Option<usize> {
        self.places.iter().find(|(known, _)| *known == column).map(|(_, place)| *place)
    }

    /// Columns of values of a kind that are there.
    pub(super) fn values(&self, kind: Kind) -> Vec<(Column, usize)> {
        let wanted: &[Column] = match kind {
            Kind::Price => &[
                Column::Open,
                Column::High,
                Column::Low,
                Column::Close,
                Column::VolumeUsd,
                Column::Volume,
                Column::MarketCap,
            ],
            Kind::Index => &[Column::Index],
            Kind::Gas => &[Column::Gas],
            Kind::Liquidity => &[Column::Liquidity],
        };
        wanted.iter().filter_map(|column| Some((*column, self.place(*column)?))).collect()
    }
}

/// In what the volume is counted that `column` holds.
pub(super) fn volume_unit(column: Column) -> Option<VolumeUnit> {
    match column {
        Column::VolumeUsd => Some(VolumeUnit::Dollars),
        Column::Volume => Some(VolumeUnit::Tokens),
        _ => None,
    }
}
