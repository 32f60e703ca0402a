//! One member's records as examples.

use super::{
    closes::{Closes, Market},
    error::DataError,
    features::{AssetView, FEATURE_NAMES, LOOKBACK_DAYS, TreasuryView, features},
    records::{MemberRecords, Origin},
    target::Target,
};
use crate::{
    Examples, ExamplesError,
    models::har::{self, HarForm, HarTarget},
};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Newest returns that a forecast looks at: what a snapshot can hold.
pub const RETURNS_MOST: usize = crate::RETURNS_MAX;

/// What the volatility model forecasts: the mean daily variance of the week to come. A single squared return is too noisy
/// a target for a logarithm.
pub const VOLATILITY: HarTarget = HarTarget { form: HarForm::Log, horizon_days: 7 };

/// A share below a basis point is not held.
pub(crate) const HELD_MIN: f64 = 1e-4;

/// What a treasury was on one day and what came after.
#[derive(Debug, Clone, PartialEq)]
pub struct TreasuryDay {
    /// The day since 1970-01-01.
    pub day: u32,
    /// Share of NAV of each of the shard's assets.
    pub weights: Vec<f64>,
    /// Paid in the thirty days before, as a share of NAV.
    pub burn_month: f64,
    /// Simple return of the day after, positions kept, at market prices.
    pub next_return: f64,
    /// Greatest loss within the horizon, as a share of NAV: positions kept, at closes, less what was paid net of what was
    /// earned.
    pub loss: f64,
}

/// First and last day of records, since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// First day.
    pub first: u32,
    /// Last day.
    pub last: u32,
}

/// How much there is to learn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Days with features and a target.
    pub records: usize,
    /// Days that a drawdown followed.
    pub events: usize,
}

/// One member's examples. It stays with the member; sums over it may leave.
#[derive(Debug, Clone, PartialEq)]
pub struct Shard {
    member: String,
    origin: Origin,
    target: Target,
    assets: Vec<Closes>,
    days: Vec<TreasuryDay>,
    drawdown: Examples,
    tail: Examples,
    variance: Option<Examples>,
}

impl Shard {
    /// From a member's records and the closes of what it held. A day is left out where the treasury holds nothing, or has
    /// no features or no target yet.
    ///
    /// # Errors
    /// If an asset has no closes, or no day is left.
    pub fn new(records: &MemberRecords, market: &Market, target: Target) -> Result<Self, DataError> {
        let member = records.name().to_owned();
        let unknown = |symbol: &String| DataError::AssetUnknown { member: member.clone(), symbol: symbol.clone() };
        let assets = records.symbols().iter().map(|symbol| market.of(symbol).cloned().ok_or_else(|| unknown(symbol)));
        let assets = assets.collect::<Result<Vec<_>, _>>()?;
        let (mut days, mut rows) = (Vec::new(), Vec::new());
        for position in 0..records.days().len() {
            let Some(day) = treasury_day(records, &assets, position, target) else { continue };
            let Some(row) = row(&assets, &day) else { continue };
            days.push(day);
            rows.extend(row);
        }
        let too_short = || DataError::TooShort {
            member: member.clone(),
            days: records.days().len(),
            lookback: LOOKBACK_DAYS,
            horizon: target.horizon_days,
        };
        if days.is_empty() {
            return Err(too_short());
        }
        Self::of(member.clone(), records.origin(), target, assets, days, rows)
            .map_err(|source| DataError::Examples { member, source })
    }

    fn of(
        member: String,
        origin: Origin,
        target: Target,
        assets: Vec<Closes>,
        days: Vec<TreasuryDay>,
        rows: Vec<f64>,
    ) -> Result<Self, ExamplesError> {
        let names = FEATURE_NAMES.map(str::to_owned).to_vec();
        let event = |day: &TreasuryDay| f64::from(u8::from(day.loss >= target.loss()));
        let numbers = days.iter().map(|day| day.day).collect();
        let drawdown = Examples::new(names, rows, days.iter().map(event).collect(), numbers)?;
        let tail = drawdown.with_targets(days.iter().map(|day| libm::log1p(day.next_return)).collect())?;
        let variance = variances(&assets, &days)?;
        Ok(Self { member, origin, target, assets, days, drawdown, tail, variance })
    }

    /// The records whose day lies in `days`.
    ///
    /// # Errors
    /// If there is none.
    pub fn within(&self, days: Range<u32>) -> Result<Self, DataError> {
        let empty = |source| DataError::Examples { member: self.member.clone(), source };
        let drawdown = self.drawdown.within(days.clone()).map_err(empty)?;
        let tail = self.tail.within(days.clone()).map_err(empty)?;
        let variance = self.variance.as_ref().and_then(|examples| examples.within(days.clone()).ok());
        let kept = self.days.iter().filter(|record| days.contains(&record.day)).cloned().collect();
        let (assets, member) = (self.assets.clone(), self.member.clone());
        Ok(Self { member, assets, days: kept, drawdown, tail, variance, ..*self })
    }

    /// The member that it belongs to.
    pub fn member(&self) -> &str {
        &self.member
    }

    /// Where its records come from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// What is forecast.
    pub fn target(&self) -> Target {
        self.target
    }

    /// Closes of what it held. They reach beyond its records on both sides.
    pub fn assets(&self) -> &[Closes] {
        &self.assets
    }

    /// Its days, oldest first; at least one.
    pub fn days(&self) -> &[TreasuryDay] {
        &self.days
    }

    /// Features, and 1 where a drawdown followed.
    pub fn drawdown(&self) -> &Examples {
        &self.drawdown
    }

    /// Features, and the log return of the day after.
    pub fn tail(&self) -> &Examples {
        &self.tail
    }

    /// How much there is.
    pub fn counts(&self) -> Counts {
        let events = self.drawdown.targets().iter().filter(|target| **target == 1.0).count();
        Counts { records: self.days.len(), events }
    }

    /// Its first and last day.
    pub fn window(&self) -> Window {
        let [first, last] = [self.days.first(), self.days.last()].map(|day| day.map_or(0, |day| day.day));
        Window { first, last }
    }

    /// Realised variances of what it held, stable assets left out, over the days of its records; `None` where there are
    /// none.
    pub fn variance(&self) -> Option<&Examples> {
        self.variance.as_ref()
    }

    /// What it looked like on one of its days: each asset with its history up to that day, `most` returns at most.
    pub fn views(&self, day: &TreasuryDay, most: usize) -> Vec<AssetView<'_>> {
        views(&self.assets, day, most)
    }
}

/// Examples of [`har`] for each asset that was held on any of `days` and is not stable, over the time from the first to
/// the last of them.
fn variances(assets: &[Closes], days: &[TreasuryDay]) -> Result<Option<Examples>, ExamplesError> {
    let [Some(first), Some(last)] = [days.first(), days.last()] else { return Ok(None) };
    let mut series = Vec::new();
    for (position, asset) in assets.iter().enumerate() {
        let held = days.iter().any(|day| day.weights.get(position).is_some_and(|weight| *weight >= HELD_MIN));
        if !held || asset.is_stable() {
            continue;
        }
        // The first return ends on the second day.
        let (start, returns) = (asset.days().start + 1, asset.returns_before(u32::MAX, usize::MAX));
        let all = har::examples(start, returns, VOLATILITY);
        series.extend(all.ok().and_then(|all| all.within(first.day..last.day + 1).ok()));
    }
    if series.is_empty() { Ok(None) } else { Examples::joined(&series).map(Some) }
}

fn views<'a>(assets: &'a [Closes], day: &TreasuryDay, most: usize) -> Vec<AssetView<'a>> {
    let view = |(asset, weight): (&'a Closes, &f64)| AssetView {
        weight: *weight,
        stable: asset.is_stable(),
        returns: asset.returns_before(day.day, most),
    };
    assets.iter().zip(&day.weights).map(view).collect()
}

fn row(assets: &[Closes], day: &TreasuryDay) -> Option<[f64; super::FEATURES]> {
    features(&TreasuryView { assets: &views(assets, day, LOOKBACK_DAYS), burn_month: day.burn_month })
}

/// The record at `position`; `None` where prices or records end before the horizon, or nothing is held.
fn treasury_day(records: &MemberRecords, assets: &[Closes], position: usize, target: Target) -> Option<TreasuryDay> {
    let record = records.days().get(position)?;
    let worth_on = |day: u32| {
        let mut worth = 0.0;
        for (held, asset) in record.holdings.iter().zip(assets) {
            if *held > 0.0 {
                worth += held * asset.close(day)?;
            }
        }
        Some(worth)
    };
    let nav = worth_on(record.day).filter(|nav| *nav > 0.0)?;
    let burn_month = records.burn_to(position)? / nav;
    let (mut paid, mut least) = (0.0, nav);
    let horizon = target.horizon_days as usize;
    for (ahead, net) in (1u32..).zip(records.net_burn_after(position, horizon)?) {
        paid += net;
        least = least.min(worth_on(record.day + ahead)? - paid);
    }
    let weight = |(held, asset): (&f64, &Closes)| match *held > 0.0 {
        true => asset.close(record.day).map(|price| held * price / nav),
        false => Some(0.0),
    };
    let weights = record.holdings.iter().zip(assets).map(weight).collect::<Option<Vec<_>>>()?;
    let next_return = worth_on(record.day + 1)? / nav - 1.0;
    Some(TreasuryDay { day: record.day, weights, burn_month, next_return, loss: 1.0 - least / nav })
}

#[cfg(test)]
mod tests;
