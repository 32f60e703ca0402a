//! What the paths of a simulation are of: everything that its report says beside what they came to.

use super::{Scene, fan_bars};
use crate::{
    part,
    paths::{Futures, PathTerms},
    report::Provenance,
};
use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

/// What a part of a Monte-Carlo simulation says it is of.
pub const PART_KIND: &str = "montecarlo";
/// Raised whenever the same simulation would give other paths.
const VERSION: u32 = 1;

/// A simulation without its paths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The policy's name.
    pub title: String,
    /// How futures are made up.
    pub futures: Futures,
    /// Made-up bars of each.
    pub bars: usize,
    /// Mean length of a block of the bootstrap, bars.
    pub block: f64,
    /// When the last real bar ended, Unix seconds.
    pub begin: u64,
    /// When the last made-up bar ends, Unix seconds.
    pub end: u64,
    /// Times at which values are kept, Unix seconds.
    pub times: Vec<u64>,
    /// Value before the first made-up bar, dollars.
    pub initial_value: f64,
    /// The fall that is asked about, a share.
    pub drawdown: f64,
    /// The runway that is asked about, months.
    pub runway_months: f64,
    /// What is assumed, for people.
    pub assumed: Vec<String>,
    /// What it depends on.
    pub provenance: Provenance,
}

impl About {
    /// Of a simulation of which nothing is asked and nothing said yet.
    pub fn new(title: String, scene: &Scene<'_>, initial_value: f64, provenance: Provenance) -> Self {
        let PathTerms { futures, bars, block, .. } = scene.paths.terms();
        let panel = scene.paths.panel();
        let start = scene.paths.start();
        let ends = &panel.ends()[start..];
        Self {
            title,
            futures,
            bars,
            block,
            begin: panel.begins_at(start),
            end: ends.last().copied().unwrap_or_default(),
            times: fan_bars(bars).into_iter().map(|bar| ends[bar]).collect(),
            initial_value,
            drawdown: 0.0,
            runway_months: 0.0,
            assumed: Vec::new(),
            provenance,
        }
    }

    /// Of the head of a part.
    ///
    /// # Errors
    /// If it says something else.
    pub fn of(head: &part::Head) -> Result<Self, serde_json::Error> {
        serde_json::from_value(head.about.clone())
    }

    /// The head of a part with all of `paths` paths.
    ///
    /// # Errors
    /// None that is known: it is numbers and texts.
    pub fn head(&self, paths: u64) -> Result<part::Head, serde_json::Error> {
        let Provenance { data_hash, seed, .. } = self.provenance;
        let about = serde_json::to_value(self)?;
        Ok(part::Head::new(PART_KIND, self.hash()?, data_hash, seed, paths, about))
    }

    /// keccak256 of everything that a path is a function of beside the data, the seed and its number.
    fn hash(&self) -> Result<B256, serde_json::Error> {
        let Provenance { policy_hash, model_hash, assumptions_hash, .. } = self.provenance;
        let hashes = (policy_hash, model_hash, assumptions_hash);
        let all = (VERSION, self.futures, self.bars, self.block, self.begin, self.end, hashes);
        Ok(keccak256(serde_json::to_vec(&all)?))
    }
}
