use crate::{
    Aggregation, ReputationRule, Settings,
    privacy::{FixedPoint, PrivacyError, noise_multiplier},
    round::{MEMBERS_MAX, SettingsError},
};
use serde::{Deserialize, Serialize};

/// Most numbers in all shards together: 2 GB.
const CELLS_MAX: usize = 1 << 28;

/// So many times the mean norm of a record is an update's at most.
const USUAL_NORMS: f64 = 3.0;
/// Noise is longer than its expected length by so many deviations of a single number with probability 2·10⁻⁸ at most.
const NOISE_DEVIATIONS: f64 = 6.0;

/// What members compute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Method {
    /// Summed gradients and Hessians: [`Newton`](crate::task::Newton).
    Newton,
    /// Averaged parameters after local gradient descent: [`Average`](crate::task::Average).
    Averaging {
        /// Local steps in a round, 1 to 1000.
        steps: u32,
        /// Length of a step, above 0.
        rate: f64,
    },
}

/// Shares of members that make trouble, in basis points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trouble {
    /// Liars that send the honest gradient (of averaging: change) times minus `sign_flip_factor`.
    pub sign_flipped_bps: u16,
    /// How far sign-flipping liars amplify; above 0.
    pub sign_flip_factor: f64,
    /// Liars that send the honest gradient (of averaging: change) times `scale_factor`.
    pub scaled_bps: u16,
    /// How far scaling liars amplify; above 0.
    pub scale_factor: f64,
    /// Liars that train on turned labels.
    pub label_flipped_bps: u16,
    /// Members that send a NaN.
    pub not_finite_bps: u16,
    /// Chance of each member to be gone in a round.
    pub gone_bps: u16,
    /// Members that take `straggler_ticks` to answer.
    pub stragglers_bps: u16,
    /// Ticks that stragglers take; above `wait_ticks_max` they are late in every round.
    pub straggler_ticks: u64,
}

impl Default for Trouble {
    /// None. The factors are those of the attack table in the tests: −4 is that of Li, Xu, Chen, Giannakis and Ling
    /// (*RSA: Byzantine-Robust Stochastic Aggregation*, AAAI 2019).
    fn default() -> Self {
        Self {
            sign_flipped_bps: 0,
            sign_flip_factor: 4.0,
            scaled_bps: 0,
            scale_factor: 100.0,
            label_flipped_bps: 0,
            not_finite_bps: 0,
            gone_bps: 0,
            stragglers_bps: 0,
            straggler_ticks: 0,
        }
    }
}

/// Record-level noise, added by the members.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoisePlan {
    /// Standard deviation of the whole noise, in clips.
    pub noise_multiplier: f64,
    /// Largest norm of a record's gradient and Hessian together.
    pub clip: f64,
    /// δ at which ε is stated.
    pub delta: f64,
    /// Records that one day's price enters; ε a day is for so many records at once.
    pub window: u32,
    /// Share of a quorum that is guaranteed to be honest and to stay, in basis points; they share the noise. At 0 each
    /// member adds all of it, which a robust rule and reputations need.
    pub honest_bps: u16,
    /// Bits after the point of the grid.
    pub fraction_bits: u8,
}

/// A federation to simulate. Everything follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimulationPlan {
    /// Where all randomness comes from.
    pub seed: u64,
    /// Members, 1 to 10,000.
    pub members: usize,
    /// Records of each, 1 to 1,000,000.
    pub records_per_member: usize,
    /// Features besides the intercept, 1 to 500.
    pub features: usize,
    /// Rounds, 1 to 10,000.
    pub rounds: u32,
    /// Public records that accept or roll back, 1 to 1,000,000.
    pub holdout_records: usize,
    /// Records for the scores of the report, 1 to 1,000,000.
    pub test_records: usize,
    /// Standard deviation of the members' own shifts of the features' means, in thousandths, 0 to 5000.
    pub skew_permille: u16,
    /// What members compute.
    pub method: Method,
    /// Ridge on all parameters but the intercept.
    pub ridge: f64,
    /// How updates become one.
    pub aggregation: Aggregation,
    /// Least share of members with a usable update, in basis points.
    pub quorum_bps: u16,
    /// Ticks that a round waits.
    pub wait_ticks_max: u64,
    /// How much worse the hold-out loss may get in a round.
    pub tolerance: f64,
    /// Largest norm of an update (of sums: of the mean per record); none means no bound.
    pub norm_max: Option<f64>,
    /// Keeps reputations, when given: what is bad, how long it is remembered, how often it is borne.
    pub reputation: Option<ReputationPlan>,
    /// Record-level noise; with Newton only.
    pub noise: Option<NoisePlan>,
    /// Who makes trouble.
    pub trouble: Trouble,
}

/// [`ReputationRule`] in plain numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReputationPlan {
    /// A contribution below minus this is bad.
    pub tolerance: f64,
    /// Weight of the past, in thousandths.
    pub memory_permille: u16,
    /// Bad rounds in a row until a member is excluded.
    pub bad_rounds_max: u32,
}

impl Default for SimulationPlan {
    fn default() -> Self {
        Self {
            seed: 1,
            members: 10,
            records_per_member: 200,
            features: 10,
            rounds: 10,
            holdout_records: 1_000,
            test_records: 4_000,
            skew_permille: 0,
            method: Method::Newton,
            ridge: 1.0,
            aggregation: Aggregation::WeightedMean,
            quorum_bps: 5_000,
            wait_ticks_max: 10,
            tolerance: 1e-3,
            norm_max: None,
            reputation: None,
            noise: None,
            trouble: Trouble::default(),
        }
    }
}

/// Why a plan makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PlanError {
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
    /// A number is not above zero or not finite.
    #[error("{name} is {found}; write a finite number above 0")]
    NotPositive {
        /// Its name.
        name: &'static str,
        /// What was given.
        found: f64,
    },
    /// Shards that do not fit in memory.
    #[error("{cells} numbers in all shards together, more than {CELLS_MAX}; use fewer members, records or features")]
    TooMuchData {
        /// How many.
        cells: usize,
    },
    /// Noise is for sums.
    #[error("noise is added to sums, and averaging has none; use the method newton")]
    NoiseWithoutSums,
    /// What becomes the training's settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The noise's δ or multiplier.
    #[error(transparent)]
    Privacy(#[from] PrivacyError),
}

fn range(name: &'static str, found: u64, least: u64, most: u64) -> Result<(), PlanError> {
    match (least..=most).contains(&found) {
        true => Ok(()),
        false => Err(PlanError::Range { name, found, least, most }),
    }
}

fn positive(name: &'static str, found: f64) -> Result<(), PlanError> {
    match found > 0.0 && found.is_finite() {
        true => Ok(()),
        false => Err(PlanError::NotPositive { name, found }),
    }
}

impl SimulationPlan {
    /// Checks every number.
    ///
    /// # Errors
    /// Says the first that makes no sense.
    pub fn check(&self) -> Result<(), PlanError> {
        range("members", self.members as u64, 1, MEMBERS_MAX as u64)?;
        range("features", self.features as u64, 1, 500)?;
        range("rounds", u64::from(self.rounds), 1, 10_000)?;
        for (name, found) in [
            ("records_per_member", self.records_per_member),
            ("holdout_records", self.holdout_records),
            ("test_records", self.test_records),
        ] {
            range(name, found as u64, 1, 1_000_000)?;
        }
        let records = self.members * self.records_per_member + self.holdout_records + self.test_records;
        let cells = records * (self.features + 1);
        if cells > CELLS_MAX {
            return Err(PlanError::TooMuchData { cells });
        }
        range("skew_permille", u64::from(self.skew_permille), 0, 5_000)?;
        range("quorum_bps", u64::from(self.quorum_bps), 0, 10_000)?;
        if let Method::Averaging { steps, rate } = self.method {
            range("method.steps", u64::from(steps), 1, 1_000)?;
            positive("method.rate", rate)?;
            if self.noise.is_some() {
                return Err(PlanError::NoiseWithoutSums);
            }
        }
        if let Some(noise) = self.noise {
            range("noise.honest_bps", u64::from(noise.honest_bps), 0, 10_000)?;
            range("noise.window", u64::from(noise.window), 1, u64::from(u32::MAX))?;
            noise_multiplier(1.0, self.rounds, noise.delta)?;
        }
        self.trouble.check()?;
        Ok(self.settings().check()?)
    }

    /// A bound that no honest member's update exceeds in practice, where updates are sums: three times the norm that a
    /// record of such features has in the mean at most, for a gradient is no longer than the features and a Hessian than
    /// a quarter of their square; of clipped records, the clip and all of the noise's length. `None` for averaging, whose
    /// parameters have no scale of their own.
    pub fn usual_norm_max(&self) -> Option<f64> {
        let skew = f64::from(self.skew_permille) / 1_000.0;
        let square = self.features as f64 * (1.0 + skew * skew) + 1.0;
        match (self.method, self.noise) {
            (Method::Averaging { .. }, _) => None,
            (Method::Newton, None) => Some(USUAL_NORMS * libm::sqrt(square + square * square / 16.0 + 1.0)),
            (Method::Newton, Some(noise)) => {
                let parameters = self.features + 1;
                let numbers = crate::task::Newton::update_len(parameters) as f64;
                let length = noise.noise_multiplier * (libm::sqrt(numbers) + NOISE_DEVIATIONS);
                Some(noise.clip * (1.0 + length / self.records_per_member as f64))
            }
        }
    }

    /// Whole members in a share, rounded down.
    pub(super) fn share(&self, bps: u16) -> usize {
        self.members * usize::from(bps) / 10_000
    }

    /// Members that lie, those that send a NaN included.
    pub fn liars(&self) -> usize {
        let trouble = self.trouble;
        [trouble.sign_flipped_bps, trouble.scaled_bps, trouble.label_flipped_bps, trouble.not_finite_bps]
            .map(|bps| self.share(bps))
            .iter()
            .sum()
    }

    /// The same federation without trouble.
    pub fn clean(&self) -> Self {
        Self { trouble: Trouble::default(), ..*self }
    }

    pub(super) fn is_clean(&self) -> bool {
        let trouble = self.trouble;
        self.liars() == 0 && trouble.gone_bps == 0 && self.share(trouble.stragglers_bps) == 0
    }

    pub(super) fn settings(&self) -> Settings {
        let quorum = self.share(self.quorum_bps).max(1);
        Settings {
            aggregation: self.aggregation,
            quorum,
            wait_ticks_max: self.wait_ticks_max,
            tolerance: self.tolerance,
            norm_max: self.norm_max.unwrap_or(f64::INFINITY),
            records_max: self.records_per_member as u64,
            reputation: self.reputation.map(|plan| ReputationRule {
                tolerance: plan.tolerance,
                // Shards of a simulation are of one kind: who makes the model worse is bad in any round.
                tolerance_accepted: plan.tolerance,
                tolerance_weight: plan.tolerance,
                memory_permille: plan.memory_permille,
                bad_rounds_max: plan.bad_rounds_max,
            }),
            noise: self.noise.map(|noise| FixedPoint {
                fraction_bits: noise.fraction_bits,
                clip: noise.clip,
                noise_multiplier: noise.noise_multiplier,
                honest_min: noise.honest_min(quorum),
            }),
        }
    }
}

impl Trouble {
    fn check(&self) -> Result<(), PlanError> {
        let lies = [self.sign_flipped_bps, self.scaled_bps, self.label_flipped_bps, self.not_finite_bps];
        range("shares of liars together", lies.iter().map(|bps| u64::from(*bps)).sum(), 0, 10_000)?;
        range("trouble.gone_bps", u64::from(self.gone_bps), 0, 10_000)?;
        range("trouble.stragglers_bps", u64::from(self.stragglers_bps), 0, 10_000)?;
        positive("trouble.sign_flip_factor", self.sign_flip_factor)?;
        positive("trouble.scale_factor", self.scale_factor)
    }
}
