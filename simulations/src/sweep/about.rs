//! What the rows of a sweep are of: everything that results say beside them.

use super::{Axis, Design, Point, Points, Spec, Sweep, Weights, outcome::Span};
use crate::{part, report::Provenance};
use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

/// What a part of a sweep says it is of.
pub const PART_KIND: &str = "sweep";
/// Raised whenever the same sweep would give other rows.
const VERSION: u32 = 1;

/// A sweep without its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The policy's name.
    pub title: String,
    /// What is swept.
    pub spec: Spec,
    /// Weights that are drawn.
    pub weights: Option<Weights>,
    /// What it depends on; the policy is the base.
    pub provenance: Provenance,
    /// When the first bar begins, and when the first and the last end, Unix seconds.
    pub times: [u64; 3],
    /// Bars.
    pub bars: usize,
    /// What is assumed and not in the data.
    pub assumed: Vec<String>,
}

impl Sweep<'_> {
    /// What results say beside the rows.
    pub fn about(&self, provenance: Provenance, assumed: Vec<String>) -> About {
        use quaestor_core::Policy;
        let panel = self.ground.market.panel;
        let ends = &panel.ends()[self.ground.start..];
        let end = |end: Option<&u64>| end.copied().unwrap_or_default();
        About {
            title: self.ground.base.terms().name.clone(),
            spec: self.spec.clone(),
            weights: self.weights.clone(),
            provenance,
            times: [panel.begins_at(self.ground.start), end(ends.first()), end(ends.last())],
            bars: ends.len(),
            assumed,
        }
    }
}

impl About {
    /// Of the head of a part.
    ///
    /// # Errors
    /// If it says something else.
    pub fn of(head: &part::Head) -> Result<Self, serde_json::Error> {
        serde_json::from_value(head.about.clone())
    }

    /// The head of a part with all rows.
    ///
    /// # Errors
    /// None that is known: it is numbers and texts.
    pub fn head(&self, total: u64) -> Result<part::Head, serde_json::Error> {
        let Provenance { data_hash, seed, .. } = self.provenance;
        let about = serde_json::to_value(self)?;
        Ok(part::Head::new(PART_KIND, self.hash()?, data_hash, seed, total, about))
    }

    /// keccak256 of everything that a row is a function of beside the data, the seed and its number.
    ///
    /// # Errors
    /// None that is known: it is numbers and texts.
    pub fn hash(&self) -> Result<B256, serde_json::Error> {
        let Provenance { policy_hash, model_hash, assumptions_hash, .. } = self.provenance;
        let Spec { axes, design, by, walk_forward, seed: _ } = &self.spec;
        let hashes = (policy_hash, model_hash, assumptions_hash);
        let all = (VERSION, axes, design, by, walk_forward, &self.weights, hashes, self.times, self.bars);
        Ok(keccak256(serde_json::to_vec(&all)?))
    }

    /// Its configurations.
    pub fn points(&self) -> Points {
        Points::new(&self.spec.axes, self.spec.design, self.weights.as_ref(), self.spec.seed)
    }

    /// Its bars.
    pub fn span(&self) -> Span {
        let [begin, first, last] = self.times;
        // The ends between do not matter.
        let step_secs = match self.bars {
            0 | 1 => Span::of(begin, &[last]).step_secs,
            bars => (last - first) as f64 / (bars - 1) as f64,
        };
        Span { bars: self.bars, step_secs }
    }

    /// What is varied: keys of axes, and an asset for each weight.
    pub fn keys(&self) -> Vec<String> {
        let weights = self.weights.iter().flat_map(|weights| &weights.assets);
        self.spec
            .axes
            .iter()
            .map(|axis| axis.key.clone())
            .chain(weights.map(|asset| format!("weights.{asset}")))
            .collect()
    }

    /// The same as heads of narrow columns: of each path so much of its end as tells it from the others.
    pub fn short_keys(&self) -> Vec<String> {
        let keys = self.keys();
        let ends = |key: &str| -> Vec<String> {
            let starts = key.rmatch_indices('.').map(|(at, _)| at + 1).chain([0]);
            starts.map(|at| key[at..].to_owned()).collect()
        };
        let is_own = |key: &String, end: &String| {
            keys.iter().filter(|other| *other != key).all(|other| !ends(other).contains(end))
        };
        keys.iter()
            .map(|key| ends(key).into_iter().find(|end| is_own(key, end)).unwrap_or_else(|| key.clone()))
            .collect()
    }

    /// The values of a configuration, in the order of the keys.
    pub fn values(&self, point: &Point) -> Vec<String> {
        let told = |(axis, place): (&Axis, &usize)| axis.told(*place);
        let axes = self.spec.axes.iter().zip(&point.places).map(told);
        axes.chain(point.weights.iter().map(u64::to_string)).collect()
    }

    /// The design in words.
    pub fn design(&self) -> String {
        match self.spec.design {
            Design::Grid => "every value with every other".to_owned(),
            Design::Random(_) => "each value drawn on its own".to_owned(),
            Design::LatinHypercube(_) => {
                "a Latin hypercube: each axis is cut evenly, and each piece comes once".to_owned()
            }
            Design::RandomWeights(_) => {
                let grid = if self.spec.axes.is_empty() { "" } else { ", the values of the axes in turn" };
                let total = self.weights.as_ref().map_or(0, |weights| weights.total_bps);
                format!("random weights that come to {total} bps, every division as likely as any other{grid}")
            }
        }
    }
}
