//! From a key to where its value goes: the policy, or what is assumed.

use super::{axis::Axis, design::Weights};
use crate::assumptions::{Assumptions, Checked};
use quaestor_core::{Terms, strategy::ParamValue};

/// The kind of strategy whose shares can be drawn.
const WEIGHTS_KIND: &str = "weights";
/// What a key of the assumptions begins with; short words are those of the command line.
const ASSUMED: [&str; 7] = ["every_bars", "every", "value_usd", "value", "costs", "delays", "yields"];
/// Sections of a policy.
const SECTIONS: [&str; 8] =
    ["policy", "groups", "allocation", "limits", "risk", "venues", "counterparties", "strategies"];

/// Why something cannot be varied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// A key that leads nowhere.
    #[error("`{key}` is nothing that can be varied; write a key of the policy in {}, or one of the assumptions: every, value_usd, \
             costs.fee_bps, costs.slippage_bps, costs.gas_gwei, delays.safe_secs, delays.voting_delay_secs, \
             delays.voting_period_secs, delays.timelock_secs, yields.VENUE", SECTIONS.join(", "))]
    Unknown {
        /// What was read.
        key: String,
    },
    /// A key that all rows must share.
    #[error("`{key}` cannot be varied: {why}; run a sweep for each")]
    Shared {
        /// Which.
        key: String,
        /// Why.
        why: &'static str,
    },
    /// A value that the key does not take.
    #[error("`{key}`: `{value}` will not do; write a whole number")]
    Number {
        /// Which.
        key: String,
        /// What was read.
        value: String,
    },
    /// A value that does not fit.
    #[error("{0}")]
    Assumed(String),
    /// A policy without weights.
    #[error(
        "random weights need `--weights`, or a policy with one strategy of kind `{WEIGHTS_KIND}` that has two shares or more"
    )]
    NoWeights,
}

/// Where the value of an axis goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// Into the policy.
    Policy,
    /// Among the assumptions: the number of each value.
    Assumed(Knob, Vec<i64>),
}

/// A number of the assumptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Knob {
    Every,
    Value,
    Slippage,
    Fee,
    Gas,
    Safe,
    VotingDelay,
    VotingPeriod,
    Timelock,
    /// Of the venue at this place.
    Yield(usize),
}

impl Knob {
    fn of(key: &str, terms: &Terms) -> Option<Self> {
        Some(match key {
            "every" | "every_bars" => Self::Every,
            "value" | "value_usd" => Self::Value,
            "costs.slippage_bps" => Self::Slippage,
            "costs.fee_bps" => Self::Fee,
            "costs.gas_gwei" => Self::Gas,
            "delays.safe_secs" => Self::Safe,
            "delays.voting_delay_secs" => Self::VotingDelay,
            "delays.voting_period_secs" => Self::VotingPeriod,
            "delays.timelock_secs" => Self::Timelock,
            _ => {
                let venue = terms.venue_named(key.strip_prefix("yields.")?)?;
                terms.vault(venue).map(|_| Self::Yield(venue.index()))?
            }
        })
    }

    /// Whether a market must be made anew.
    pub(super) fn is_of_market(self) -> bool {
        matches!(self, Self::Yield(_))
    }

    /// Puts a number in its place in what was told, so that it is checked as if it had been written there.
    fn tell(self, told: &mut Assumptions, number: i64, terms: &Terms) -> Option<()> {
        let positive = u64::try_from(number).ok();
        match self {
            Self::Every => told.every_bars = Some(positive?),
            Self::Value => told.value_usd = Some(positive?),
            Self::Slippage => told.costs.slippage_bps = positive?,
            Self::Fee => told.costs.fee_bps = Some(positive?),
            Self::Gas => told.costs.gas_gwei = positive?,
            Self::Safe => told.delays.safe_secs = positive?.into(),
            Self::VotingDelay => told.delays.voting_delay_secs = positive?.into(),
            Self::VotingPeriod => told.delays.voting_period_secs = positive?.into(),
            Self::Timelock => told.delays.timelock_secs = positive?.into(),
            Self::Yield(venue) => {
                told.yields.insert(terms.venues.get(venue)?.name.clone(), number);
            }
        }
        Some(())
    }

    /// The same where the number was checked before.
    pub(super) fn set(self, assumed: &mut Checked, number: i64) {
        let positive = number.unsigned_abs();
        match self {
            Self::Every => assumed.every_bars = Some(positive),
            Self::Value => assumed.value_usd = positive,
            Self::Slippage => assumed.costs.slippage_bps = positive,
            Self::Fee => assumed.costs.fee_bps = Some(positive),
            Self::Gas => assumed.costs.gas_gwei = positive,
            Self::Safe => assumed.delays.safe_secs = positive.into(),
            Self::VotingDelay => assumed.delays.voting_delay_secs = positive.into(),
            Self::VotingPeriod => assumed.delays.voting_period_secs = positive.into(),
            Self::Timelock => assumed.delays.timelock_secs = positive.into(),
            Self::Yield(venue) => {
                if let Some(bps) = assumed.yields_bps.get_mut(venue) {
                    *bps = Some(number);
                }
            }
        }
    }
}

impl Target {
    /// Of an axis; each value is tried among the assumptions.
    pub(super) fn of(axis: &Axis, terms: &Terms, told: &Assumptions) -> Result<Self, SettingError> {
        let key = || axis.key.clone();
        let shared = |why| Err(SettingError::Shared { key: key(), why });
        let first = axis.key.split(['.', '[']).next().unwrap_or_default();
        if ASSUMED.contains(&first) {
            let knob = Knob::of(&axis.key, terms).ok_or_else(|| SettingError::Unknown { key: key() })?;
            if knob == Knob::Value && !told.holdings.is_empty() {
                return shared("the treasury's holdings are given, and not what it is worth");
            }
            return Self::assumed(axis, knob, terms, told);
        }
        match first {
            "policy"
                if !matches!(
                    axis.key.as_str(),
                    "policy.schedule" | "policy.every_blocks" | "policy.validity" | "policy.expires"
                ) =>
            {
                shared("of that section only `schedule`, `every_blocks`, `validity` and `expires` say what is done")
            }
            "risk" if axis.key.starts_with("risk.model") => shared("one model forecasts for all rows"),
            "assets" if !axis.key.ends_with(".staleness_max") => shared("one market serves all rows"),
            "accounts" | "counterparties" => shared("all rows hold the same"),
            "assets" => Ok(Self::Policy),
            _ if SECTIONS.contains(&first) => Ok(Self::Policy),
            _ => Err(SettingError::Unknown { key: key() }),
        }
    }

    fn assumed(axis: &Axis, knob: Knob, terms: &Terms, told: &Assumptions) -> Result<Self, SettingError> {
        let number = |(place, value): (usize, &ParamValue)| {
            let wrong = || SettingError::Number { key: axis.key.clone(), value: axis.told(place) };
            let ParamValue::Integer(number) = value else { return Err(wrong()) };
            let mut told = told.clone();
            knob.tell(&mut told, *number, terms).ok_or_else(wrong)?;
            let checked = told.check(terms).map_err(|problems| {
                let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
                SettingError::Assumed(lines.join("\n"))
            });
            checked.map(|_| *number)
        };
        let numbers = axis.values.iter().enumerate().map(number).collect::<Result<_, _>>()?;
        Ok(Self::Assumed(knob, numbers))
    }
}

/// The shares that can be drawn: those of the one strategy of kind `weights`.
pub(super) fn weights(terms: &Terms) -> Result<(usize, Weights), SettingError> {
    let mut found = terms.strategies.iter().enumerate().filter(|(_, strategy)| strategy.kind == WEIGHTS_KIND);
    let (Some((place, strategy)), None) = (found.next(), found.next()) else { return Err(SettingError::NoWeights) };
    let Some(ParamValue::List(shares)) = strategy.params.get("shares") else { return Err(SettingError::NoWeights) };
    let share = |share: &ParamValue| match share {
        ParamValue::Table(share) => match (share.get("asset"), share.get("bps")) {
            (Some(ParamValue::Text(asset)), Some(ParamValue::Integer(bps))) => {
                Some((asset.clone(), u64::try_from(*bps).ok()?))
            }
            _ => None,
        },
        _ => None,
    };
    let shares = shares.iter().map(share).collect::<Option<Vec<_>>>().ok_or(SettingError::NoWeights)?;
    if shares.len() < 2 {
        return Err(SettingError::NoWeights);
    }
    let total_bps = shares.iter().map(|(_, bps)| bps).sum();
    let assets = shares.into_iter().map(|(asset, _)| asset).collect();
    Ok((place, Weights { strategy: strategy.name.clone(), assets, total_bps }))
}

/// Where a share of that strategy stands.
pub(super) fn share_path(strategy: usize, share: usize) -> String {
    format!("strategies[{strategy}].shares[{share}].bps")
}
