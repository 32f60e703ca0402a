//! Up to how much.

use super::{Section, Told};
use quaestor_core::{Limits, Rule, words};

/// A cap: its key, in which time it holds, its rule, and its number in bps of the treasury.
pub(super) struct Cap {
    pub(super) key: &'static str,
    pub(super) time: &'static str,
    rule: Rule,
    bps: u64,
}

impl Cap {
    /// The number, if the policy sets it.
    pub(super) fn set(&self) -> Option<u64> {
        (self.bps != u64::MAX).then_some(self.bps)
    }
}

/// All caps on value.
pub(super) fn caps(limits: &Limits) -> [Cap; 5] {
    let [hour, day, week, month] = limits.window_bps_max;
    let cap = |key, time, rule, bps| Cap { key, time, rule, bps };
    [
        cap("limits.proposal_bps_max", "in one proposal", Rule::ProposalBpsMax, limits.proposal_bps_max),
        cap("limits.hour_bps_max", "in any hour", Rule::HourBpsMax, hour),
        cap("limits.day_bps_max", "in any 24 hours", Rule::DayBpsMax, day),
        cap("limits.week_bps_max", "in any seven days", Rule::WeekBpsMax, week),
        cap("limits.month_bps_max", "in any thirty days", Rule::MonthBpsMax, month),
    ]
}

pub(super) fn section(told: &Told<'_>) -> Section {
    let mut section = Section::new("How much");
    let caps = caps(&told.terms.limits);
    for cap in &caps {
        match cap.set() {
            Some(0) => section.say(format!("Nothing {}: the cap is 0 %.", cap.time), &[cap.key], &[cap.rule]),
            Some(bps) => {
                let text = format!(
                    "At most {} of the treasury {}: {} USD of each million.",
                    words::share(bps),
                    cap.time,
                    words::count(u128::from(bps) * 100)
                );
                section.say(text, &[cap.key], &[cap.rule]);
            }
            None => section.say(format!("No cap {}.", cap.time), &[cap.key], &[]),
        }
    }
    if caps.iter().all(|cap| cap.set().is_none()) {
        let keys: Vec<&str> = caps.iter().map(|cap| cap.key).collect();
        section.say("So nothing bounds how much it may move.", &keys, &[]);
    }
    section.say(
        "The treasury is the value of everything in the accounts above. All that is moved counts in full: payments, trades, \
         deposits, redemptions, transfers between own accounts, and what a vote still decides about. A proposal is what is \
         asked of one account at one time.",
        &[],
        &[],
    );
    section
}
