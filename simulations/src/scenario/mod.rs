//! Scenarios: a window of history replayed, or prices made up on top of the last ones of the data, and what happens
//! meanwhile: oracles fail, venues stand still, people sleep, the brake is pulled.
//!
//! [`Scenario::parse`] reads a file, whose keys `simulations/README.md` explains. [`Scenario::stage`] lays it over the data
//! of a run: prices and vault rates become those of the scenario, and the rest becomes [`crate::engine::Events`], which the
//! engine heeds. It draws nothing itself: the same file, data, policy, assumptions and seed give the same bytes.

mod laying;
mod parse;
mod prices;
mod reader;
mod select;
mod shipped;
mod stage;

pub use parse::FILE_BYTES_MAX;
pub use reader::{PROBLEMS_MAX, ScenarioProblem, ScenarioProblems};
pub use shipped::{SHIPPED, shipped};
pub use stage::{Cannot, Shade, Stage, past_bars};

use alloy_primitives::B256;
use serde::Serialize;

/// What a scenario is about; figures of two groups are no answer to one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Everything falls together.
    BroadDownturn,
    /// What should move together no longer does: a stable or a staked token loses its peg.
    BrokenCorrelation,
    /// Oracles, venues, gas, people and the brake.
    Operations,
}

impl Group {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 3] = [Self::BroadDownturn, Self::BrokenCorrelation, Self::Operations];

    /// As files write it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::BroadDownturn => "broad-downturn",
            Self::BrokenCorrelation => "broken-correlation",
            Self::Operations => "operations",
        }
    }

    /// For people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::BroadDownturn => "broad downturn",
            Self::BrokenCorrelation => "broken correlation",
            Self::Operations => "operations",
        }
    }
}

/// Whether prices happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// All of it was made up, on top of the last prices of the data.
    Synthetic,
    /// Prices are those of the data, and nothing else happens.
    Replayed,
    /// Prices are those of the data, changed or accompanied by what was made up.
    ReplayedSynthetic,
}

impl Origin {
    /// For people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Synthetic => "synthetic",
            Self::Replayed => "replayed",
            Self::ReplayedSynthetic => "replayed + synthetic",
        }
    }
}

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// Bars of the data.
    Bars(u64),
    /// Seconds.
    Secs(u64),
}

impl Length {
    /// Whole bars of `step` seconds, a part of one counted as one.
    pub(crate) fn bars(self, step: u64) -> usize {
        let bars = match self {
            Self::Bars(bars) => bars,
            Self::Secs(secs) => secs.div_ceil(step.max(1)),
        };
        usize::try_from(bars).unwrap_or(usize::MAX)
    }
}

/// A moment of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// So long after its beginning.
    After(Length),
    /// Unix seconds.
    At(u64),
}

/// Where its prices come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Basis {
    /// The data from a first to a last Unix second.
    Replay { from: u64, to: u64 },
    /// The last prices of the data, which stand still for so long.
    Synthetic { length: Length },
}

/// Assets of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Stable,
    Volatile,
    Native,
    /// The shares of vaults, whatever their asset.
    Shares,
}

/// Which assets are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Which {
    /// All that have feeds.
    All,
    /// Those of a kind.
    Kind(Kind),
    /// The one of a kind that the treasury has most of at first.
    Largest(Kind),
    /// The one called so, which must be there.
    Asset(String),
    /// Those called so that are there.
    AnyOf(Vec<String>),
}

/// How much of a change comes back, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recovery {
    pub(crate) bps: i64,
    pub(crate) after: Length,
    pub(crate) over: Length,
}

/// A price, or what the shares of a vault are worth, changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shock {
    pub(crate) line: usize,
    pub(crate) which: Which,
    pub(crate) change_bps: i64,
    pub(crate) at: When,
    pub(crate) over: Length,
    pub(crate) recovery: Option<Recovery>,
}

/// Which flows are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    OracleStale { which: Which, feed: Option<usize> },
    OracleFrozen { which: Which, feed: Option<usize> },
    Gas { times: u64 },
    VenueFrozen { venue: Option<String> },
    Asleep { account: Option<String> },
    BrakePulled,
    Flows { flow: Option<String>, direction: Option<Direction>, times: u64 },
}

/// What happens, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Happening {
    pub(crate) line: usize,
    pub(crate) what: What,
    pub(crate) from: When,
    /// To the end where there is none.
    pub(crate) to: Option<When>,
}

/// A scenario as its file says it, not yet laid over any data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// The file's name without its ending.
    pub name: String,
    /// The file, as it is shown.
    pub file: String,
    /// One sentence.
    pub title: String,
    /// What it is about.
    pub group: Group,
    /// keccak256 of the file's bytes.
    pub hash: B256,
    pub(crate) basis: Basis,
    pub(crate) shocks: Vec<Shock>,
    pub(crate) events: Vec<Happening>,
}

impl Scenario {
    /// The first and the last Unix second of the history that it replays; `None` of one that goes on from the last prices.
    pub fn window(&self) -> Option<(u64, u64)> {
        match self.basis {
            Basis::Replay { from, to } => Some((from, to)),
            Basis::Synthetic { .. } => None,
        }
    }

    /// Whether its prices happened.
    pub fn origin(&self) -> Origin {
        match self.basis {
            Basis::Synthetic { .. } => Origin::Synthetic,
            Basis::Replay { .. } if self.shocks.is_empty() && self.events.is_empty() => Origin::Replayed,
            Basis::Replay { .. } => Origin::ReplayedSynthetic,
        }
    }
}
