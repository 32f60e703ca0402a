//! What both sides assume: what the local chain can keep of assumptions, and what is left out of both.

use super::{FidelityError, prices};
use quaestor_core::Policy;
use quaestor_policies::VotedPolicy;
use quaestor_simulations::{
    assumptions::{Assumptions, Checked, Fill, Targets},
    delays::{Delay, Delays},
};

/// People need some blocks to confirm and to execute, seconds.
const DELAY_SECS_MIN: u64 = 1_200;

/// Assumptions as they fit the policy, with constants as feeds show them.
///
/// # Errors
/// All that does not fit.
pub(super) fn fit(told: &Assumptions, policy: &VotedPolicy) -> Result<Checked, FidelityError> {
    let mut found = told.check(policy.terms()).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(|problem| format!("the assumptions: {problem}")).collect();
        FidelityError::Unfit { what: lines.join("\n") }
    })?;
    prices::constants_as_feeds_answer(&mut found);
    Ok(found)
}

/// How long people take, seconds: the same number each time, so that both sides take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct People {
    /// From a Safe proposal to its execution.
    pub(super) safe_secs: u64,
    /// From a proposal to its vote.
    pub(super) voting_delay_secs: u64,
    /// Of the vote.
    pub(super) voting_period_secs: u64,
    /// In the timelock.
    pub(super) timelock_secs: u64,
}

impl People {
    /// Of assumptions, if nothing of them is drawn and the local chain can keep them.
    ///
    /// # Errors
    /// What to write instead.
    pub(super) fn of(told: &Delays) -> Result<Self, FidelityError> {
        let secs = |key: &str, delay: &Delay| match delay.fixed() {
            Some(secs) if secs >= DELAY_SECS_MIN => Ok(secs),
            Some(secs) => Err(FidelityError::Unfit {
                what: format!("the assumptions: delays.{key} = {secs}: people here need {DELAY_SECS_MIN} at the least"),
            }),
            None => Err(FidelityError::Unfit {
                what: format!(
                    "the assumptions: delays.{key} is drawn, and both must take the same time; write a number"
                ),
            }),
        };
        Ok(Self {
            safe_secs: secs("safe_secs", &told.safe_secs)?,
            voting_delay_secs: secs("voting_delay_secs", &told.voting_delay_secs)?,
            voting_period_secs: secs("voting_period_secs", &told.voting_period_secs)?,
            timelock_secs: secs("timelock_secs", &told.timelock_secs)?,
        })
    }

    /// From a proposal to the execution of what was voted.
    pub(super) fn governor_secs(&self) -> u64 {
        self.voting_delay_secs.saturating_add(self.voting_period_secs).saturating_add(self.timelock_secs)
    }
}

/// Leaves out what the local chain has not, and refuses what it cannot have; what was left out, for people.
///
/// # Errors
/// What cannot be, and what to do.
pub(super) fn plainly(told: &mut Assumptions) -> Result<Vec<String>, FidelityError> {
    let unfit = |what: &str| Err(FidelityError::Unfit { what: format!("the assumptions: {what}") });
    if told.every_bars.is_some() {
        return unfit("`every_bars` is not how an agent decides; leave it out, the policy's schedule says when");
    }
    if told.fill == Fill::SameBar || told.costs.targets == Targets::BeforeCosts {
        return unfit("`fill = \"same-bar\"` and `targets = \"before-costs\"` are no chain's ways; leave them out");
    }
    let mut notes = Vec::new();
    if std::mem::replace(&mut told.delays.execution_secs, Delay::Fixed(0)) != Delay::Fixed(0) {
        notes.push(
            "the agent queues and executes what was voted, as soon as it can: `delays.execution_secs` is left out"
                .into(),
        );
    }
    if std::mem::take(&mut told.depth_usd).values().next().is_some() {
        notes.push("pools are deep on the local chain: the depths that were assumed are left out of both".to_owned());
    }
    if std::mem::take(&mut told.costs.gas_gwei) > 0 {
        notes.push(
            "gas is left out of both: on the local chain whoever executes pays it, and no account gives it back"
                .to_owned(),
        );
    }
    let (slippage_bps, fee_bps) = (std::mem::take(&mut told.costs.slippage_bps), told.costs.fee_bps.take());
    if slippage_bps > 0 || fee_bps.is_some() {
        notes.push(
            "slippage and fees that were assumed are left out of both: a swap pays its pool's own fee".to_owned(),
        );
    }
    Ok(notes)
}

/// What is so in every run, for people.
pub(super) fn standing_notes(delays: &People, block_secs: u64) -> Vec<String> {
    vec![
        "both see prices of eight decimal places, as feeds answer them".to_owned(),
        format!(
            "people execute {} s after a Safe's proposal; a vote begins after {} s and takes {} s, in blocks of {} s on the chain, \
             and its timelock {} s",
            delays.safe_secs, delays.voting_delay_secs, delays.voting_period_secs, block_secs, delays.timelock_secs
        ),
        "on the chain a vote's time counts from the block of its proposal, which is some blocks after the decision"
            .to_owned(),
        "pools are deep, and what a swap moves them by is on the chain alone".to_owned(),
        "flows move by themselves at the end of a day, from accounts that the local chain impersonates".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use quaestor_simulations::assumptions::Costs;

    #[test]
    fn costs_that_the_chain_has_not_are_left_out_of_both_and_told() {
        let costs = Costs { slippage_bps: 5, fee_bps: Some(30), gas_gwei: 30, ..Costs::default() };
        let mut told = Assumptions { costs, ..Assumptions::default() };
        let notes = plainly(&mut told).unwrap();
        assert_eq!((told.costs.slippage_bps, told.costs.fee_bps, told.costs.gas_gwei), (0, None, 0));
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert_eq!(plainly(&mut told).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_no_chain_does_is_refused() {
        let every = Assumptions { every_bars: Some(7), ..Assumptions::default() };
        let same_bar = Assumptions { fill: Fill::SameBar, ..Assumptions::default() };
        for mut told in [every, same_bar] {
            assert!(plainly(&mut told).unwrap_err().to_string().contains("leave"));
        }
        let drawn = Delays { safe_secs: Delay::Uniform { uniform: [3_600, 7_200] }, ..Delays::default() };
        assert!(People::of(&drawn).unwrap_err().to_string().contains("delays.safe_secs is drawn"));
        let quick = Delays { timelock_secs: Delay::Fixed(60), ..Delays::default() };
        assert!(People::of(&quick).unwrap_err().to_string().contains("delays.timelock_secs = 60"));
        assert_eq!(People::of(&Delays::default()).unwrap().governor_secs(), 86_400 + 604_800 + 172_800);
    }
}
