//! Standing of members by what they contribute: leave-one-out on the hold-out.
//!
//! A member's contribution in a round is the hold-out loss of the model that would have come without it, less the loss
//! of the model with it: above zero it helped. It is computed for every member of a round by aggregating again without
//! it, so a round of `n` members costs `n + 1` aggregations, one more where a score changed, and the number of members is
//! bounded.
//!
//! Members differ, so leaving out an honest one may well make a good model better. Whether the hold-out accepts a round
//! tells these two apart: one whose numbers are turned spoils the round, and an honest one that only differs does not.
//! Each case has a tolerance of its own.
//!
//! Between helping and spoiling lies a band: who does some harm keeps its seat and loses weight. Its running score
//! multiplies its weight, in the round that showed it and in those after it, and rises again while it does no harm.
//!
//! Leave-one-out sees single members. Two liars that send the same hide each other in a median, where taking one away
//! changes nothing; the robust rule is what holds then.

use crate::{MemberId, bits};
use serde::{Deserialize, Serialize};

/// Most members of a federation that keeps reputations.
pub const REPUTATION_MEMBERS_MAX: usize = 256;

/// How contributions become standing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReputationRule {
    /// In a round that is refused or rolled back, a contribution below minus this is bad, in units of the hold-out loss;
    /// not negative.
    #[serde(with = "bits")]
    pub tolerance: f64,
    /// The same in a round that is accepted; not negative.
    #[serde(with = "bits")]
    pub tolerance_accepted: f64,
    /// A contribution below minus this costs weight, all of it where the contribution is bad and a share in between; not
    /// negative. As large as the tolerances above or larger: nobody loses weight who is not bad.
    #[serde(with = "bits")]
    pub tolerance_weight: f64,
    /// Weight of the past in the score, 0 to 999 thousandths.
    pub memory_permille: u16,
    /// A member is excluded for good after this many bad rounds in a row; at least 1.
    pub bad_rounds_max: u32,
}

/// What is known of a member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Who.
    pub member: MemberId,
    /// Between 0 and 1: a running mean of what its rounds let it keep (1: no harm, 0: bad); starts at 1. The weighted mean
    /// multiplies the member's weight by it.
    #[serde(with = "bits")]
    pub score: f64,
    /// Bad rounds in a row.
    pub bad_rounds: u32,
    /// Out for good; its score is then zero.
    pub excluded: bool,
}

/// A member's contribution in a round.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contribution {
    /// Who.
    pub member: MemberId,
    /// Hold-out loss without it less the loss with it; `None` when neither model has a finite loss, and then it is not
    /// judged.
    pub gain: Option<f64>,
    /// Its share of the weights that the round ended with, 0 to 1.
    pub weight: f64,
    /// Its score afterwards.
    pub score: f64,
    /// Whether it is out for good afterwards.
    pub excluded: bool,
}

impl Standing {
    /// Of a member that is new.
    pub fn new(member: MemberId) -> Self {
        Self { member, score: 1.0, bad_rounds: 0, excluded: false }
    }

    /// Judges a contribution to a round that was accepted or not; `gain` may be infinite and is never NaN.
    pub(crate) fn judge(&mut self, rule: ReputationRule, accepted: bool, gain: f64) {
        let most = if accepted { rule.tolerance_accepted } else { rule.tolerance };
        let bad = gain < -most;
        let least = rule.tolerance_weight.min(most);
        let kept = match (bad, gain < -least) {
            (true, _) => 0.0,
            (false, false) => 1.0,
            // Above zero: `gain` lies between the two.
            (false, true) => (most + gain) / (most - least),
        };
        let memory = f64::from(rule.memory_permille) / 1_000.0;
        self.score = memory * self.score + (1.0 - memory) * kept;
        self.bad_rounds = if bad { self.bad_rounds.saturating_add(1) } else { 0 };
        self.excluded |= self.bad_rounds >= rule.bad_rounds_max;
        if self.excluded {
            self.score = 0.0;
        }
    }
}

/// The Herfindahl–Hirschman index of weights: the sum of squared shares, from `1/n` (equal) to 1 (one member decides). Zero when
/// there is no weight.
pub fn concentration(weights: &[f64]) -> f64 {
    let total = weights.iter().fold(0.0, |sum, weight| sum + weight);
    match total > 0.0 {
        true => weights.iter().fold(0.0, |sum, weight| sum + (weight / total) * (weight / total)),
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(tolerances: [f64; 3], memory_permille: u16, bad_rounds_max: u32) -> ReputationRule {
        let [tolerance, tolerance_accepted, tolerance_weight] = tolerances;
        ReputationRule { tolerance, tolerance_accepted, tolerance_weight, memory_permille, bad_rounds_max }
    }

    #[test]
    fn concentration_runs_from_equal_to_one() {
        assert_eq!(concentration(&[2.0; 4]), 0.25);
        assert_eq!(concentration(&[5.0, 0.0]), 1.0);
        assert_eq!(concentration(&[3.0, 1.0]), 0.625);
        assert_eq!(concentration(&[]), 0.0);
    }

    #[test]
    fn bad_rounds_in_a_row_exclude_and_a_good_one_forgives() {
        let rule = rule([0.01, 0.01, 0.01], 500, 3);
        let mut standing = Standing::new(MemberId::new("a").unwrap());
        for gain in [-1.0, -1.0, -0.005] {
            standing.judge(rule, true, gain);
        }
        assert_eq!((standing.score, standing.bad_rounds, standing.excluded), (0.625, 0, false));
        for gain in [-0.02, f64::NEG_INFINITY, -0.02] {
            standing.judge(rule, true, gain);
        }
        assert_eq!((standing.bad_rounds, standing.excluded), (3, true));
        standing.judge(rule, true, 1.0);
        assert!(standing.excluded, "for good");
    }

    #[test]
    fn who_only_differs_in_a_good_round_is_borne_and_in_a_spoilt_one_is_not() {
        let rule = rule([0.05, 0.25, 0.25], 0, 1);
        for (accepted, gain, excluded) in
            [(true, -0.2, false), (false, -0.2, true), (true, -0.3, true), (false, -0.04, false)]
        {
            let mut standing = Standing::new(MemberId::new("a").unwrap());
            standing.judge(rule, accepted, gain);
            assert_eq!(standing.excluded, excluded, "{accepted} {gain}");
        }
    }

    #[test]
    fn some_harm_costs_some_weight_and_rounds_without_give_it_back() {
        let rule = rule([0.05, 0.25, 0.05], 500, 1);
        let mut standing = Standing::new(MemberId::new("a").unwrap());
        let mut scores = Vec::new();
        for gain in [-0.05, -0.15, -0.15, -0.25, 0.0, 0.3] {
            standing.judge(rule, true, gain);
            scores.push(standing.score);
        }
        // Half of the way between the tolerances leaves half, the whole way nothing.
        for (score, expected) in scores.iter().zip([1.0, 0.75, 0.625, 0.3125, 0.65625, 0.828125]) {
            assert!((score - expected).abs() < 1e-12, "{scores:?}");
        }
        assert!(!standing.excluded && standing.bad_rounds == 0);
        for _ in 0..60 {
            standing.judge(rule, true, 0.0);
        }
        assert_eq!(standing.score, 1.0, "all of it, in the end");
        // Where the round is refused there is nothing between no harm and too much.
        standing.judge(rule, false, -0.06);
        assert!(standing.excluded);
    }
}
