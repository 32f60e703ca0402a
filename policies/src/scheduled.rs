//! A strategy with a schedule of its own: it acts in the first decision after each of its ticks.
//!
//! Which decision that is follows from the time of the block and the two cron lines alone, so that anybody who recomputes
//! a decision finds the same. A tick that no decision follows before the policy's next two is passed over.

use chrono::{DateTime, TimeDelta, Utc};
use cron::Schedule;
use quaestor_core::{
    Intent, Strategy, Terms,
    pipeline::Context,
    policy::{Schedule as Pace, StrategyTerms},
    strategy::StrategyHold,
};
use std::str::FromStr;

/// `built`, which `terms` lists as `named`, with the schedule that it has there.
pub(crate) fn scheduled(built: Box<dyn Strategy>, named: &StrategyTerms, pace: &Pace) -> Box<dyn Strategy> {
    let parsed = |line: &str| Schedule::from_str(line).ok();
    match (named.schedule.as_deref().and_then(parsed), pace) {
        (Some(own), Pace::Cron(line)) => match parsed(line) {
            Some(policy) => Box::new(Scheduled { inner: built, own, policy }),
            None => built,
        },
        _ => built,
    }
}

#[derive(Debug)]
struct Scheduled {
    inner: Box<dyn Strategy>,
    own: Schedule,
    policy: Schedule,
}

impl Scheduled {
    /// Whether a tick of its own lies after the policy's last tick but one and not after `now`, Unix seconds.
    fn is_due(&self, now: u64) -> bool {
        let due = || {
            let now = DateTime::<Utc>::from_timestamp(i64::try_from(now).ok()?, 0)?;
            let mut past = self.policy.after(&now.checked_add_signed(TimeDelta::seconds(1))?).rev();
            let (_, before) = (past.next()?, past.next());
            let tick = self.own.after(&before.unwrap_or(DateTime::UNIX_EPOCH)).next()?;
            Some(tick <= now)
        };
        due().unwrap_or(false)
    }
}

impl Strategy for Scheduled {
    fn propose(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        if self.is_due(cx.snapshot.block.timestamp) { self.inner.propose(cx, out) } else { Ok(()) }
    }

    fn explain(&self, terms: &Terms) -> Vec<String> {
        self.inner.explain(terms)
    }

    fn pays_others(&self) -> bool {
        self.inner.pays_others()
    }

    fn pays_budget_lines(&self) -> bool {
        self.inner.pays_budget_lines()
    }

    fn reads_past(&self) -> bool {
        self.inner.reads_past()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Idle;

    impl Strategy for Idle {
        fn propose(&self, _: &Context<'_>, _: &mut Vec<Intent>) -> Result<(), StrategyHold> {
            Ok(())
        }
    }

    fn due(own: &str, policy: &str, now: &str) -> bool {
        let schedule = |line: &str| Schedule::from_str(line).unwrap();
        let it = Scheduled { inner: Box::new(Idle), own: schedule(own), policy: schedule(policy) };
        it.is_due(now.parse::<DateTime<Utc>>().unwrap().timestamp().try_into().unwrap())
    }

    #[test]
    fn it_acts_in_the_first_decision_after_its_tick_and_in_no_other() {
        // 1 March 2027 is a Monday.
        let (weekly, hourly, daily) = ("0 0 8 * * Mon", "0 0 * * * *", "0 0 6 * * *");
        for (policy, now, is_due) in [
            (hourly, "2027-03-01T07:59:59Z", false),
            (hourly, "2027-03-01T08:00:00Z", true),
            (hourly, "2027-03-01T08:00:12Z", true),
            (hourly, "2027-03-01T08:59:59Z", true),
            (hourly, "2027-03-01T09:00:05Z", false),
            (hourly, "2027-03-02T08:00:05Z", false),
            (daily, "2027-03-01T06:00:05Z", false),
            (daily, "2027-03-02T06:00:05Z", true),
            (daily, "2027-03-03T06:00:05Z", false),
        ] {
            assert_eq!(due(weekly, policy, now), is_due, "{policy} at {now}");
        }
        assert!(due(hourly, hourly, "2027-03-01T09:00:05Z"), "the policy's own pace is every decision");
        assert!(!due(weekly, hourly, "1970-01-01T00:00:00Z"));
    }
}
