//! What flows into a treasury and out of it: a burn, revenue, grants; and what vests.

use crate::{Day, assumptions::MONTH_SECS};
use quaestor_core::{Amount, amount::mul_div};
use serde::{Deserialize, Serialize};

/// A steady flow, unchecked: so much in thirty days, or so much in all between two days.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowTerms {
    /// For reports.
    pub name: String,
    /// Account.
    pub account: String,
    /// Asset.
    pub asset: String,
    /// Whole tokens in thirty days; negative: it leaves. This or `total`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly: Option<String>,
    /// Whole tokens in all, evenly from `from` until `until`: what vests. Negative: it leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<String>,
    /// On this day it begins, at midnight UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Day>,
    /// At the beginning of this day it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// Before this day nothing of a total moves; then all that has vested since `from` moves at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cliff: Option<Day>,
}

/// A flow that cannot be: its key, and what to write.
pub(crate) type FlowProblem = (&'static str, String);

impl FlowTerms {
    /// The amount, and in how many seconds it flows.
    ///
    /// # Errors
    /// What does not go together.
    pub(crate) fn pace(&self) -> Result<(&str, u64), FlowProblem> {
        let secs = |day: Option<Day>| day.map(Day::open_timestamp);
        let lasts = secs(self.from).zip(secs(self.until)).map(|(from, until)| until.saturating_sub(from));
        if lasts == Some(0) {
            return Err(("until", "is not after `from`; write a later day".to_owned()));
        }
        match (&self.monthly, &self.total, lasts) {
            (Some(monthly), None, _) if self.cliff.is_none() => Ok((monthly, MONTH_SECS)),
            (Some(_), None, _) => Err(("cliff", "stands beside `monthly`; only a `total` has one".to_owned())),
            (None, Some(total), Some(secs)) if self.cliff <= self.until => Ok((total, secs)),
            (None, Some(_), Some(_)) => Err(("cliff", "is after `until`; write an earlier day".to_owned())),
            (None, Some(_), None) => Err(("total", "needs `from` and `until`, such as 2021-01-01".to_owned())),
            (Some(_), Some(_), _) => Err(("total", "stands beside `monthly`; keep one of the two".to_owned())),
            (None, None, _) => {
                Err(("monthly", "is missing; write whole tokens in thirty days, or a `total` that vests".to_owned()))
            }
        }
    }

    /// In words, for reports.
    pub fn words(&self) -> String {
        let Self { name, account, asset, monthly, total, from, until, cliff } = self;
        let day = |word: &str, day: &Option<Day>| day.map_or_else(String::new, |day| format!(" {word} {day}"));
        let (amount, how) = match (monthly, total) {
            (None, Some(total)) => (total, "in all, evenly"),
            (monthly, _) => (monthly.as_ref().unwrap_or(name), "in thirty days"),
        };
        let cliff = cliff.map_or_else(String::new, |day| format!(", nothing before {day}"));
        format!("{name}: {amount} {asset} of {account} {how}{}{}{cliff}", day("from", from), day("until", until))
    }
}

/// A flow in base units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// For reports.
    pub name: String,
    /// Index of the account.
    pub account: usize,
    /// Index of the asset.
    pub asset: usize,
    /// Base units that flow in `per_secs`.
    pub amount: Amount,
    /// Seconds in which they do.
    pub per_secs: u64,
    /// Whether it leaves.
    pub leaves: bool,
    /// From when on it flows, Unix seconds.
    pub from: u64,
    /// From when on it no longer does, Unix seconds.
    pub until: u64,
    /// Before this nothing moves, Unix seconds.
    pub cliff: u64,
}

impl Flow {
    /// Seconds for which it has flowed from `begin` to `now`, both Unix seconds. What lies before a cliff that is to come has
    /// not moved yet, and moves there.
    pub fn secs(&self, begin: u64, now: u64) -> u64 {
        if now < self.cliff {
            return 0;
        }
        let from = if self.cliff > begin { self.from } else { self.from.max(begin) };
        now.min(self.until).saturating_sub(from)
    }

    /// Base units that flow in so many seconds; `None` where that leaves its range.
    pub fn in_secs(&self, secs: u64) -> Option<u128> {
        mul_div(self.amount.0, secs.into(), self.per_secs.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(pairs: &str) -> FlowTerms {
        toml::from_str(&format!("name = \"f\"\naccount = \"a\"\nasset = \"VOTE\"\n{pairs}")).unwrap()
    }

    fn flow(from: u64, until: u64, cliff: u64) -> Flow {
        let amount = Amount(1_000);
        let per_secs = until - from;
        Flow { name: String::new(), account: 0, asset: 0, amount, per_secs, leaves: false, from, until, cliff }
    }

    #[test]
    fn what_vests_comes_evenly_and_what_lies_before_a_cliff_at_once() {
        let moved = |flow: &Flow, begin, now| flow.in_secs(flow.secs(begin, now)).unwrap();
        let even = flow(100, 200, 0);
        assert_eq!([50, 100, 150, 200, 900].map(|now| moved(&even, 0, now)), [0, 0, 500, 1_000, 1_000]);
        // Who begins in the middle has had what came before.
        assert_eq!([150, 160, 300].map(|now| moved(&even, 150, now)), [0, 100, 500]);
        let cliff = flow(100, 200, 150);
        assert_eq!([149, 150, 175, 200].map(|now| moved(&cliff, 120, now)), [0, 500, 750, 1_000]);
        assert_eq!([160, 200].map(|now| moved(&cliff, 150, now)), [100, 500], "the cliff was before");
    }

    #[test]
    fn what_does_not_go_together_is_named() {
        let days = "from = \"2021-01-01\"\nuntil = \"2022-01-01\"";
        assert_eq!(terms("monthly = \"-5\"").pace(), Ok(("-5", MONTH_SECS)));
        assert_eq!(terms(&format!("total = \"9\"\n{days}\ncliff = \"2021-07-01\"")).pace(), Ok(("9", 31_536_000)));
        for (text, key) in [
            ("", "monthly"),
            ("total = \"9\"", "total"),
            ("monthly = \"1\"\ntotal = \"9\"", "total"),
            ("monthly = \"1\"\ncliff = \"2021-01-01\"", "cliff"),
            ("monthly = \"1\"\nfrom = \"2021-01-01\"\nuntil = \"2021-01-01\"", "until"),
            ("total = \"9\"\nfrom = \"2021-01-01\"\nuntil = \"2021-02-01\"\ncliff = \"2021-03-01\"", "cliff"),
        ] {
            assert_eq!(terms(text).pace().unwrap_err().0, key, "{text}");
        }
    }

    #[test]
    fn a_flow_is_told_whole() {
        assert_eq!(terms("monthly = \"-5\"").words(), "f: -5 VOTE of a in thirty days");
        let vests = "total = \"9\"\nfrom = \"2021-01-01\"\nuntil = \"2022-01-01\"\ncliff = \"2021-07-01\"";
        let told = "f: 9 VOTE of a in all, evenly from 2021-01-01 until 2022-01-01, nothing before 2021-07-01";
        assert_eq!(terms(vests).words(), told);
    }
}
