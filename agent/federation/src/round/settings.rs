use crate::{Aggregation, AggregationError, ReputationRule, bits, privacy::FixedPoint, privacy::NoiseError};
use serde::{Deserialize, Serialize};

/// Longest that a round may wait.
pub const WAIT_TICKS_MAX: u64 = 1_000_000;

/// What holds in every round of a training, the same for every coordinator that could lead it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How updates become one.
    pub aggregation: Aggregation,
    /// Fewest usable updates; at least 1.
    pub quorum: usize,
    /// Ticks that a round waits at most, 0 to [`WAIT_TICKS_MAX`].
    pub wait_ticks_max: u64,
    /// How much worse the hold-out loss may get in a round, in units of the loss; not negative.
    #[serde(with = "bits")]
    pub tolerance: f64,
    /// Largest norm of an update and of the aggregate (of sums: of the mean per record); above zero, may be infinite.
    #[serde(with = "bits")]
    pub norm_max: f64,
    /// Most records that one member may claim; at least 1.
    pub records_max: u64,
    /// Keeps reputations.
    pub reputation: Option<ReputationRule>,
    /// Members add noise on this grid before they answer. Its `honest_min` is at most the quorum (whoever sets it counts
    /// out the members of a quorum that may add none), and 1 wherever a rule or a reputation looks at single updates.
    pub noise: Option<FixedPoint>,
}

/// Why settings make no sense.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// The aggregation's own numbers.
    #[error(transparent)]
    Aggregation(#[from] AggregationError),
    /// The noise's own numbers.
    #[error(transparent)]
    Noise(#[from] NoiseError),
    /// A whole number is out of range.
    #[error("{name} is {found}; write {least} to {most}")]
    Range {
        /// Its name.
        name: &'static str,
        /// What was given.
        found: u64,
        /// Least.
        least: u64,
        /// Most.
        most: u64,
    },
    /// A tolerance or bound is negative or NaN, or a tolerance infinite.
    #[error("{name} is {found}; write a number that is not negative")]
    Negative {
        /// Its name.
        name: &'static str,
        /// What was given.
        found: f64,
    },
    /// The noise counts on more honest members than a round needs members.
    #[error("noise counts on {honest_min} honest members and a round goes on with {quorum}; raise the quorum")]
    HonestAboveQuorum {
        /// `honest_min` of the noise.
        honest_min: u32,
        /// `quorum`.
        quorum: usize,
    },
    /// Noise is shared among members, and single updates are looked at.
    #[error(
        "noise shared by {honest_min} members hides a record in their sum only, and this rule or the reputations look at \
         single updates; set honest_min to 1, or use the weighted mean without reputations"
    )]
    SharedNoise {
        /// `honest_min` of the noise.
        honest_min: u32,
    },
}

fn range(name: &'static str, found: u64, least: u64, most: u64) -> Result<(), SettingsError> {
    match (least..=most).contains(&found) {
        true => Ok(()),
        false => Err(SettingsError::Range { name, found, least, most }),
    }
}

fn not_negative(name: &'static str, found: f64, most: f64) -> Result<(), SettingsError> {
    match (0.0..=most).contains(&found) {
        true => Ok(()),
        false => Err(SettingsError::Negative { name, found }),
    }
}

impl Settings {
    /// Checks every number.
    ///
    /// # Errors
    /// Says the first that makes no sense.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.aggregation.check()?;
        range("quorum", self.quorum as u64, 1, super::MEMBERS_MAX as u64)?;
        range("wait_ticks_max", self.wait_ticks_max, 0, WAIT_TICKS_MAX)?;
        range("records_max", self.records_max, 1, 1 << 52)?;
        not_negative("tolerance", self.tolerance, f64::MAX)?;
        not_negative("norm_max", self.norm_max, f64::INFINITY)?;
        if let Some(rule) = self.reputation {
            not_negative("reputation.tolerance", rule.tolerance, f64::MAX)?;
            not_negative("reputation.tolerance_accepted", rule.tolerance_accepted, f64::MAX)?;
            not_negative("reputation.tolerance_weight", rule.tolerance_weight, f64::MAX)?;
            range("reputation.memory_permille", u64::from(rule.memory_permille), 0, 999)?;
            range("reputation.bad_rounds_max", u64::from(rule.bad_rounds_max), 1, u64::from(u32::MAX))?;
        }
        if let Some(noise) = self.noise {
            noise.member_deviation_steps()?;
            if noise.honest_min > 1 && (!self.aggregation.weighs() || self.reputation.is_some()) {
                return Err(SettingsError::SharedNoise { honest_min: noise.honest_min });
            }
            if noise.honest_min as usize > self.quorum {
                return Err(SettingsError::HonestAboveQuorum { honest_min: noise.honest_min, quorum: self.quorum });
            }
        }
        Ok(())
    }
}
