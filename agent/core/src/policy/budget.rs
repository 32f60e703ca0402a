//! Budget lines: recurring payments, each with its periods.

use crate::{
    AccountId, Amount, AssetId, AssetKind, Price, Terms, Value,
    amount::{WAD, compare_products, mul_div},
    calendar::{months_after, months_between},
};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

/// Thirty days, which the burn of a month is stated for.
const MONTH_SECS: u128 = 2_592_000;

/// Length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// So many seconds, at least one.
    Secs(u64),
    /// So many calendar months of UTC, at least one: each period begins on the day of the month and at the time at which the
    /// first one does, or on the last day of a month that has no such day.
    Months(u64),
}

/// A recurring payment that the members have voted.
///
/// Periods are counted from `begin`, which is the beginning of period 0. A period can be paid from its beginning until the next
/// one begins, and then for as many more periods as `catch_up` says. No period begins at `end` or later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetLine {
    /// Name in the policy.
    pub name: String,
    /// keccak256 of the name.
    pub line: B256,
    /// The account that pays.
    pub account: AccountId,
    /// Whom: a counterparty of the policy.
    pub to: Address,
    /// In which asset.
    pub asset: AssetId,
    /// Most that a period pays, base units.
    pub amount: Amount,
    /// How long a period is.
    pub every: Every,
    /// When the first period begins, Unix seconds.
    pub begin: u64,
    /// From then on no period begins, Unix seconds; `u64::MAX`: until the policy expires.
    pub end: u64,
    /// For how many more periods one that was missed can be paid.
    pub catch_up: u64,
}

impl BudgetLine {
    /// Unix time at which `period` begins; `None` where it cannot be counted.
    pub fn begins(&self, period: u64) -> Option<u64> {
        match self.every {
            Every::Secs(secs) => self.begin.checked_add(period.checked_mul(secs)?),
            Every::Months(months) => months_after(self.begin, period.checked_mul(months)?),
        }
    }

    /// The period that `now` lies in, whether or not it is one that the line pays; `None` before the first one.
    pub fn period_at(&self, now: u64) -> Option<u64> {
        match self.every {
            Every::Secs(secs) => now.checked_sub(self.begin)?.checked_div(secs),
            Every::Months(months) => months_between(self.begin, now)?.checked_div(months),
        }
    }

    /// Whether `period` can be paid at `now`.
    pub fn is_payable(&self, period: u64, now: u64) -> bool {
        let Some(current) = self.period_at(now) else { return false };
        let is_open = period <= current && current - period <= self.catch_up;
        is_open && self.begins(period).is_some_and(|begins| begins < self.end)
    }

    /// The periods that can be paid at `now`, the oldest first; at most one more than `catch_up`.
    pub fn payable(&self, now: u64) -> impl Iterator<Item = u64> + use<'_> {
        let current = self.period_at(now);
        let all = current.into_iter().flat_map(|current| current.saturating_sub(self.catch_up)..=current);
        all.filter(move |period| self.is_payable(*period, now))
    }

    /// Whether nothing more of `period` can be paid at `now` or later.
    pub fn is_over(&self, period: u64, now: u64) -> bool {
        self.period_at(now).is_some_and(|current| current.saturating_sub(period) > self.catch_up)
    }

    /// What it pays in thirty days, a calendar month counted as such, in the quote currency at one for a whole token, rounded
    /// up. `None` when the number leaves its range.
    fn monthly(&self, unit: u128) -> Option<Value> {
        let value = self.amount.value_at(Price(WAD), unit)?;
        let (times, over) = match self.every {
            Every::Secs(secs) => (MONTH_SECS, u128::from(secs)),
            Every::Months(months) => (1, u128::from(months)),
        };
        let rounded = mul_div(value.0, times, over)?;
        let is_short = compare_products(rounded, over, value.0, times).is_lt();
        rounded.checked_add(u128::from(is_short)).map(Value)
    }
}

impl Terms {
    /// The budget line of this name's hash.
    pub fn budget_line(&self, line: B256) -> Option<&BudgetLine> {
        self.payments.iter().find(|it| it.line == line)
    }

    /// What the budget lines of stable assets come to in thirty days, at most: of any moment those that have begun and not
    /// ended, a whole token taken for one of the quote currency. Shares of vaults are left out. `None` when the number leaves
    /// its range.
    pub fn budget_monthly(&self) -> Option<Value> {
        let is_stable = |line: &&BudgetLine| {
            let kind = self.asset(line.asset).map(|asset| asset.kind);
            kind == Some(AssetKind::Stable) && self.vault_of(line.asset).is_none()
        };
        let lines = || self.payments.iter().filter(is_stable);
        let mut most = Value::ZERO;
        // It is greatest when one of them begins.
        for at in lines().map(|line| line.begin) {
            let mut sum = Value::ZERO;
            for line in lines().filter(|line| line.begin <= at && at < line.end) {
                sum = sum.checked_add(line.monthly(self.asset(line.asset)?.unit())?)?;
            }
            most = most.max(sum);
        }
        Some(most)
    }
}

#[cfg(test)]
mod tests;
