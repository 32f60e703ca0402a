//! The prices of a run from the series of a data set, with what stands beside them.

use super::{DataSet, Filled, Kind, Moment, Series};
use crate::{Panel, market::ETHER};
use quaestor_core::{Price, Value};
use std::fmt;

/// The time that a run takes of its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// The bar in which this Unix time lies is the first of the run; absent: the first that all have.
    pub from: Option<u64>,
    /// The last Unix time of the run; absent: the last that all have.
    pub to: Option<u64>,
    /// Bars before the first that are taken along, as far as there are some.
    pub past: usize,
}

/// Why series are no panel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// None of those wanted is there.
    #[error("there are prices of {known}, and of none of the assets that are wanted: {wanted}")]
    NoPrices {
        /// What was wanted.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// Two steps.
    #[error("{first} has a bar every {first_step} s and {second} every {second_step} s; give data of one step")]
    Steps {
        /// One.
        first: String,
        /// Its step.
        first_step: u64,
        /// Another.
        second: String,
        /// Its step.
        second_step: u64,
    },
    /// One step, and bars that begin at other times.
    #[error("bars of {first} and {second} begin at different times of their step of {step} s; shift one of them")]
    Phase {
        /// One.
        first: String,
        /// Another.
        second: String,
        /// The step.
        step: u64,
    },
    /// Time that series lack; all of them are named.
    #[error("{}, and nothing is filled in; choose other times or leave out what is short", Listed(.series))]
    Missing {
        /// Which, by name.
        series: Vec<Short>,
    },
    /// Nothing is left.
    #[error("no bar lies in the time that all series have: {from} to {to}")]
    Empty {
        /// From.
        from: Moment,
        /// To.
        to: Moment,
    },
}

/// A series that does not cover a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    /// Which.
    pub name: String,
    /// Its first time.
    pub from: Moment,
    /// Its last.
    pub to: Moment,
}

struct Listed<'a>(&'a [Short]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, Short { name, from, to }) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(f, "{separator}{name} has prices from {from} to {to} only")?;
        }
        Ok(())
    }
}

/// The prices of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// Them, and what stands beside them.
    pub panel: Panel,
    /// The bar of it that is the first of the window.
    pub start: usize,
    /// What was filled in, and what of the data is not used and why, for people.
    pub notes: Vec<String>,
}

/// The panel of the price series called as in `wanted`. Gas, indices and liquidity that cover the whole of it stand beside
/// the prices. Liquidity is called as the asset whose pool with a dollar it is of. A series of gas is called as the token that it is paid in; it is used if the panel has the price of that token.
///
/// # Errors
/// If there are none, their steps differ, or the window is not covered.
pub fn panel(data: &DataSet, wanted: &[&str], window: Window) -> Result<Selected, SelectError> {
    let series: Vec<&Series> = data.of(Kind::Price).filter(|one| wanted.contains(&one.name.as_str())).collect();
    let Some(first) = series.first() else {
        let known: Vec<&str> = data.of(Kind::Price).map(|one| one.name.as_str()).collect();
        let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
        return Err(SelectError::NoPrices { wanted: wanted.join(", "), known });
    };
    let step = first.step;
    for other in &series {
        let names = || (first.name.clone(), other.name.clone());
        if other.step != step {
            let (first, second) = names();
            return Err(SelectError::Steps { first, first_step: step, second, second_step: other.step });
        }
        if other.begin % step != first.begin % step {
            let (first, second) = names();
            return Err(SelectError::Phase { first, second, step });
        }
    }
    let common = series.iter().map(|one| one.begin).max().unwrap_or_default();
    let last = series.iter().map(|one| one.last()).min().unwrap_or_default();
    let grid = |time: u64| first.begin % step + time.saturating_sub(first.begin % step) / step * step;
    let from = window.from.map_or(common, grid);
    let to = window.to.map_or(last, |to| grid(to) + step - 1);
    if from > to {
        return Err(SelectError::Empty { from: Moment::at(from), to: Moment::at(to) });
    }
    let short = series.iter().filter(|one| one.begin > from || one.last() < to).map(|one| Short {
        name: one.name.clone(),
        from: Moment::at(one.begin),
        to: Moment::at(one.last()),
    });
    let short: Vec<Short> = short.collect();
    if !short.is_empty() {
        return Err(SelectError::Missing { series: short });
    }
    // The past as far as all have one.
    let past = ((from - common.min(from)) / step).min(window.past as u64);
    let begin = from - past * step;
    let bars = usize::try_from((to + 1 - begin) / step).unwrap_or_default();
    let mut notes = Vec::new();
    for one in &series {
        notes.extend(one.notes.iter().map(|note| format!("{}: {note}", one.name)));
        notes.extend(filled(one));
    }
    let panel = beside(data, prices(&series, begin, step, bars), &mut notes);
    Ok(Selected { panel, start: usize::try_from(past).unwrap_or_default(), notes })
}

fn filled(series: &Series) -> Option<String> {
    let Filled { rows, longest } = series.filled;
    let (kind, name, step) = (series.kind.word(), &series.name, series.step);
    (rows > 0).then(|| {
        format!(
            "{kind} of {name}: missing rows of {step} s that repeat the one before: {rows}, at most {longest} in a row"
        )
    })
}

fn prices(series: &[&Series], begin: u64, step: u64, bars: usize) -> Panel {
    let ends: Vec<u64> = (1..=bars as u64).map(|bar| begin + bar * step - 1).collect();
    let rows: Vec<usize> = series.iter().map(|one| ((begin - one.begin) / step) as usize).collect();
    let of = |column: fn(&super::Prices) -> &Vec<Price>| -> Vec<Price> {
        let at = |bar: usize| {
            series.iter().zip(&rows).filter_map(move |(one, row)| column(one.prices()?).get(row + bar).copied())
        };
        (0..bars).flat_map(at).collect()
    };
    let symbols = series.iter().map(|one| one.name.clone()).collect();
    let volumes = series
        .iter()
        .zip(&rows)
        .map(|(one, row)| (0..bars).map(|bar| one.volume(row + bar)).collect::<Option<Vec<Value>>>());
    let volumes = volumes.collect();
    Panel::of_columns(symbols, begin, ends, [of(|it| &it.open), of(|it| &it.close)], volumes)
}

/// With gas, indices and liquidity that cover every bar of it; of the others it is told why they are left out.
fn beside(data: &DataSet, mut panel: Panel, notes: &mut Vec<String>) -> Panel {
    let bars = panel.len();
    let short = |series: &Series| {
        let (from, to) = (Moment::at(series.begin), Moment::at(series.last()));
        format!(
            "{} of {} is not used: it does not cover every bar, only {from} to {to}",
            series.kind.word(),
            series.name
        )
    };
    let gas: Vec<&Series> = data.of(Kind::Gas).collect();
    match gas.as_slice() {
        [] => {}
        [one] => {
            let token = one.name.as_str();
            let is_priced = panel.column(token).is_some()
                || (ETHER.contains(&token) && ETHER.iter().any(|name| panel.column(name).is_some()));
            let over = |bar| one.mean_over(panel.begins_at(bar) + u64::from(bar > 0), panel.ends()[bar]);
            match (0..bars).map(over).collect::<Option<Vec<u128>>>() {
                _ if !is_priced => notes.push(format!("gas of {token} is not used: there is no price of {token}")),
                None => notes.push(short(one)),
                Some(found) => {
                    notes.extend(filled(one));
                    panel = panel.with_gas(token.to_owned(), found);
                }
            }
        }
        several => {
            let names: Vec<&str> = several.iter().map(|one| one.name.as_str()).collect();
            notes.push(format!("gas is not used: there are several, of {}; leave one in the data", names.join(", ")));
        }
    }
    for index in data.of(Kind::Index) {
        match panel.ends().iter().map(|end| index.known_at(*end)).collect::<Option<Vec<u128>>>() {
            Some(found) => {
                notes.extend(filled(index));
                panel = panel.with_index(index.name.clone(), found);
            }
            None => notes.push(short(index)),
        }
    }
    for pool in data.of(Kind::Liquidity) {
        let name = pool.name.as_str();
        match panel.ends().iter().map(|end| pool.known_at(*end)).collect::<Option<Vec<u128>>>() {
            _ if panel.column(name).is_none() => {
                notes.push(format!("liquidity of {name} is not used: the run takes no prices called so"));
            }
            None => notes.push(short(pool)),
            Some(found) => {
                notes.extend(filled(pool));
                panel = panel.with_liquidity(name, found, pool.pool_decimals);
            }
        }
    }
    panel
}
