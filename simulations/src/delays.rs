//! How long people take: fixed, or drawn for each proposal.
//!
//! A draw is a pure function of the run's seed, the account and the block time of the decision, so that a run on a prefix
//! draws what the run draws, whatever else is proposed before or beside it.

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use std::fmt;

/// Longest delay that may be drawn, seconds: ten years.
pub const DRAWN_SECS_MAX: u64 = 315_360_000;
/// Most delays of a sample.
pub const SAMPLE_MAX: usize = 10_000;
/// A log-normal draw is cut off at so many times its 90th percentile where nothing else is said: beyond it lies one draw in
/// 190 where the 90th percentile is ten times the median, and one in 65 million where it is twice the median.
const MOST_BY_P90: u64 = 10;
/// The 90th percentile of the standard normal distribution.
const NORMAL_P90: f64 = 1.281_551_565_544_600_4;
/// Words of a block of ChaCha: each second of block time has a block of its own, and no draw needs more.
const BLOCK_WORDS: u128 = 16;

/// How long one thing takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Delay {
    /// So many seconds.
    Fixed(u64),
    /// From the first to the second number of seconds, both included, each as likely.
    Uniform {
        /// Least and most, seconds.
        uniform: [u64; 2],
    },
    /// Log-normal: half take less than the median, a tenth take longer than the 90th percentile.
    LogNormal {
        /// Median, seconds.
        median_secs: u64,
        /// 90th percentile, seconds.
        p90_secs: u64,
        /// What would take longer takes this long, seconds; absent: ten times the 90th percentile.
        #[serde(skip_serializing_if = "Option::is_none")]
        most_secs: Option<u64>,
    },
    /// One of these, each as likely.
    Sample {
        /// What was observed, seconds.
        sample: Vec<u64>,
    },
}

/// Of which decision a delay is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occasion {
    /// Seed of the run.
    pub seed: u64,
    /// Index of the account.
    pub account: u16,
    /// Block time of the decision, Unix seconds.
    pub at: u64,
}

impl Occasion {
    /// The numbers of this decision for what is delayed at this place. Key, nonce and counter of ChaCha are seed, account
    /// with place, and time.
    fn numbers(self, place: u8) -> ChaCha20Rng {
        let mut numbers = ChaCha20Rng::seed_from_u64(self.seed);
        numbers.set_stream(u64::from(self.account) << 8 | u64::from(place));
        numbers.set_word_pos(u128::from(self.at) * BLOCK_WORDS);
        numbers
    }
}

impl From<u64> for Delay {
    fn from(secs: u64) -> Self {
        Self::Fixed(secs)
    }
}

/// A whole number below `count`, each as likely to one part in 2^32 for any count of a delay.
fn below(numbers: &mut ChaCha20Rng, count: u64) -> u64 {
    ((u128::from(numbers.next_u64()) * u128::from(count)) >> 64) as u64
}

/// Box and Muller (1958), the cosine alone: two uniform numbers of 53 bits each, the first above zero.
fn normal(numbers: &mut ChaCha20Rng) -> f64 {
    const STEP: f64 = 1.0 / (1u64 << 53) as f64;
    let [first, second] = [numbers.next_u64(), numbers.next_u64()].map(|bits| (bits >> 11) as f64);
    libm::sqrt(-2.0 * libm::log((first + 1.0) * STEP)) * libm::cos(std::f64::consts::TAU * second * STEP)
}

impl Delay {
    /// The number, where nothing is drawn.
    pub fn fixed(&self) -> Option<u64> {
        match self {
            Self::Fixed(secs) => Some(*secs),
            _ => None,
        }
    }

    fn is_none(&self) -> bool {
        *self == Self::Fixed(0)
    }

    /// What is wrong with it and what to write instead.
    pub(crate) fn problem(&self) -> Option<String> {
        let most = match self {
            Self::Fixed(_) => return None,
            Self::Uniform { uniform: [least, most] } if least > most => {
                return Some(format!("`uniform` goes from {least} to {most}; write the lesser number first"));
            }
            Self::Uniform { uniform: [_, most] } => *most,
            Self::LogNormal { median_secs: 0, .. } => {
                return Some("`median_secs` is zero; write 1 or more".to_owned());
            }
            Self::LogNormal { median_secs, p90_secs, .. } if p90_secs < median_secs => {
                return Some(format!("`p90_secs` {p90_secs} is below `median_secs` {median_secs}; write a larger one"));
            }
            Self::LogNormal { p90_secs, most_secs: Some(most), .. } if most < p90_secs => {
                return Some(format!("`most_secs` {most} is below `p90_secs` {p90_secs}; write a larger one"));
            }
            Self::LogNormal { p90_secs, most_secs, .. } => most_secs.unwrap_or(p90_secs.saturating_mul(MOST_BY_P90)),
            Self::Sample { sample } if sample.is_empty() || sample.len() > SAMPLE_MAX => {
                return Some(format!("`sample` has {} delays; write 1 to {SAMPLE_MAX}", sample.len()));
            }
            Self::Sample { sample } => sample.iter().copied().max().unwrap_or_default(),
        };
        (most > DRAWN_SECS_MAX).then(|| format!("{most} s may be drawn; write {DRAWN_SECS_MAX}, ten years, at most"))
    }

    /// Seconds, for this decision and what is delayed at this place.
    fn draw(&self, occasion: Occasion, place: u8) -> u64 {
        match self {
            Self::Fixed(secs) => *secs,
            Self::Uniform { uniform: [least, most] } => {
                let span = most.saturating_sub(*least).saturating_add(1);
                least.saturating_add(below(&mut occasion.numbers(place), span))
            }
            Self::LogNormal { median_secs, p90_secs, most_secs } => {
                let (median, p90) = (*median_secs as f64, *p90_secs as f64);
                let spread = libm::log(p90 / median) / NORMAL_P90;
                let found = median * libm::exp(spread * normal(&mut occasion.numbers(place)));
                // Below ten years: exact. What is infinite saturates.
                (libm::round(found) as u64).min(most_secs.unwrap_or(p90_secs.saturating_mul(MOST_BY_P90)))
            }
            Self::Sample { sample } => {
                let count = u64::try_from(sample.len()).unwrap_or(u64::MAX);
                let place = usize::try_from(below(&mut occasion.numbers(place), count)).unwrap_or_default();
                sample.get(place).copied().unwrap_or_default()
            }
        }
    }

    /// As reports say it.
    pub fn words(&self) -> String {
        match self {
            Self::Fixed(secs) => hours(*secs),
            Self::Uniform { uniform: [least, most] } => {
                format!("{} to {}, each as likely", hours(*least), hours(*most))
            }
            Self::LogNormal { median_secs, p90_secs, most_secs } => format!(
                "log-normally {} in the median, {} at the 90th percentile, {} at most",
                hours(*median_secs),
                hours(*p90_secs),
                hours(most_secs.unwrap_or(p90_secs.saturating_mul(MOST_BY_P90)))
            ),
            Self::Sample { sample } => {
                let end = |found: Option<&u64>| hours(found.copied().unwrap_or_default());
                let (least, most) = (end(sample.iter().min()), end(sample.iter().max()));
                format!("one of {} that were observed, {least} to {most}", sample.len())
            }
        }
    }
}

/// Seconds as hours, to a tenth.
pub(crate) fn hours(secs: u64) -> String {
    format!("{} h", (secs as f64 / 360.0).round() / 10.0)
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DelayVisitor)
    }
}

struct DelayVisitor;

/// A table of a distribution, whichever it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    uniform: Option<[u64; 2]>,
    median_secs: Option<u64>,
    p90_secs: Option<u64>,
    most_secs: Option<u64>,
    sample: Option<Vec<u64>>,
}

impl<'de> Visitor<'de> for DelayVisitor {
    type Value = Delay;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "whole seconds, or one of `{ uniform = [3600, 86400] }`, `{ median_secs = 14400, p90_secs = 172800 }` and \
             `{ sample = [3600, 7200] }`",
        )
    }

    fn visit_u64<E: de::Error>(self, secs: u64) -> Result<Delay, E> {
        Ok(Delay::Fixed(secs))
    }

    fn visit_i64<E: de::Error>(self, secs: i64) -> Result<Delay, E> {
        let wrong = |_| E::invalid_value(de::Unexpected::Signed(secs), &self);
        u64::try_from(secs).map(Delay::Fixed).map_err(wrong)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Delay, A::Error> {
        let table = Table::deserialize(MapAccessDeserializer::new(map))?;
        match table {
            Table { uniform: Some(uniform), median_secs: None, p90_secs: None, most_secs: None, sample: None } => {
                Ok(Delay::Uniform { uniform })
            }
            Table {
                uniform: None,
                median_secs: Some(median_secs),
                p90_secs: Some(p90_secs),
                most_secs,
                sample: None,
            } => Ok(Delay::LogNormal { median_secs, p90_secs, most_secs }),
            Table { uniform: None, median_secs: None, p90_secs: None, most_secs: None, sample: Some(sample) } => {
                Ok(Delay::Sample { sample })
            }
            _ => Err(de::Error::invalid_value(de::Unexpected::Map, &self)),
        }
    }
}

/// How long people take, seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delays {
    /// From a Safe proposal to its execution.
    pub safe_secs: Delay,
    /// Of a Governor: from the proposal to the vote.
    pub voting_delay_secs: Delay,
    /// Of a Governor: the vote.
    pub voting_period_secs: Delay,
    /// Of a Governor: in the timelock.
    pub timelock_secs: Delay,
    /// Of a Governor: what people add to what the chain prescribes, until they have queued and executed it.
    #[serde(skip_serializing_if = "Delay::is_none")]
    pub execution_secs: Delay,
}

impl Default for Delays {
    /// Signers take an hour. The Governor's are those that OpenZeppelin's wizard writes (a day and a week), and a timelock
    /// of two days; what can be executed is executed at once.
    fn default() -> Self {
        Self {
            safe_secs: Delay::Fixed(3_600),
            voting_delay_secs: Delay::Fixed(86_400),
            voting_period_secs: Delay::Fixed(604_800),
            timelock_secs: Delay::Fixed(172_800),
            execution_secs: Delay::Fixed(0),
        }
    }
}

impl Delays {
    /// Each with its key.
    pub(crate) fn each(&self) -> [(&'static str, &Delay); 5] {
        [
            ("delays.safe_secs", &self.safe_secs),
            ("delays.voting_delay_secs", &self.voting_delay_secs),
            ("delays.voting_period_secs", &self.voting_period_secs),
            ("delays.timelock_secs", &self.timelock_secs),
            ("delays.execution_secs", &self.execution_secs),
        ]
    }

    /// Whether any is drawn.
    pub fn is_drawn(&self) -> bool {
        self.each().iter().any(|(_, delay)| delay.fixed().is_none())
    }

    /// From the proposal of this decision to its execution: by signers of a Safe.
    pub fn of_safe(&self, occasion: Occasion) -> u64 {
        self.safe_secs.draw(occasion, 0)
    }

    /// The same by a Governor's vote.
    pub fn of_vote(&self, occasion: Occasion) -> u64 {
        let [_, stages @ ..] = self.each();
        (1u8..).zip(stages).fold(0, |sum, (place, (_, delay))| sum.saturating_add(delay.draw(occasion, place)))
    }

    /// From the proposal of this decision to the end of its vote.
    pub fn of_ballot(&self, occasion: Occasion) -> u64 {
        self.voting_delay_secs.draw(occasion, 1).saturating_add(self.voting_period_secs.draw(occasion, 2))
    }

    /// As reports say it, a line each.
    pub fn words(&self) -> Vec<String> {
        if !self.is_drawn() {
            let nobody = Occasion { seed: 0, account: 0, at: 0 };
            let (safe, vote) = (hours(self.of_safe(nobody)), hours(self.of_vote(nobody)));
            return vec![format!("signers take {safe}, a vote {vote}")];
        }
        let stages = [
            (&self.voting_delay_secs, "until it opens"),
            (&self.voting_period_secs, "until it closes"),
            (&self.timelock_secs, "in the timelock"),
            (&self.execution_secs, "until it is executed"),
        ];
        let stages = stages.iter().filter(|(delay, _)| !delay.is_none());
        let stages: Vec<String> = stages.map(|(delay, what)| format!("{} {what}", delay.words())).collect();
        vec![
            format!("signers take {}", self.safe_secs.words()),
            format!("a vote takes {}", stages.join("; ")),
            "what people take is drawn anew for each proposal, by seed, account and time".to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests;
