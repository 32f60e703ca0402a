//! A second opinion on drawdowns: a random forest.
//!
//! L. Breiman, *Random forests*, Machine Learning 45 (2001), 5–32. Trees are grown by smartcore, each member's on its
//! own records, and joined into one forest; the probability is the share of trees that say "event". It may only raise
//! the risk: see [`second_opinion`].
//!
//! smartcore has no getter for a tree's nodes and no share of trees, so each tree is copied out once, through serde, to
//! the plain nodes below. Inference walks these: it compares and counts, which is the same on every machine, and a model
//! file does not depend on how a version of smartcore writes its trees.

use super::{
    ModelError,
    error::{expect_finite, expect_length, expect_setting},
};
use crate::examples::Examples;
use serde::{Deserialize, Serialize};
use smartcore::{
    ensemble::random_forest_classifier::{RandomForestClassifier, RandomForestClassifierParameters},
    linalg::basic::matrix::DenseMatrix,
};

/// Version of smartcore that trees come from; it belongs in a model's card.
pub const SMARTCORE_VERSION: &str = "0.7.0";
/// Most trees of a forest.
pub const TREES_MAX: usize = 1_024;
/// Deepest tree.
pub const DEPTH_MAX: u16 = 12;
/// Most nodes of a tree: a full one of [`DEPTH_MAX`].
pub const NODES_MAX: usize = (1 << (DEPTH_MAX + 1)) - 1;
/// The classes of a drawdown: none, and one.
const CLASSES: [u32; 2] = [0, 1];

/// How a member grows its trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForestSettings {
    /// How many, from 1 to [`TREES_MAX`].
    pub trees: u16,
    /// How deep, from 1 to [`DEPTH_MAX`].
    pub depth_max: u16,
    /// Fewest records of a leaf, from 1.
    pub leaf_records_min: u16,
    /// Of the draws of records and features.
    pub seed: u64,
}

impl Default for ForestSettings {
    fn default() -> Self {
        Self { trees: 50, depth_max: 6, leaf_records_min: 10, seed: 0 }
    }
}

/// A node of a tree. Children stand behind their parent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Node {
    /// Whether the tree says "event".
    Leaf(bool),
    /// Feature, threshold, the node for values up to the threshold, the node for values above it.
    Split(u16, f64, u16, u16),
}

/// A tree; its first node is the root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tree {
    /// Its nodes.
    pub nodes: Vec<Node>,
}

/// Trees over the same features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForestParameters {
    /// Names of the features, in order and in their own units.
    pub features: Vec<String>,
    /// The trees.
    pub trees: Vec<Tree>,
}

/// What smartcore writes of a forest, as far as it is needed.
#[derive(Deserialize)]
struct WrittenForest {
    trees: Vec<WrittenTree>,
    classes: Vec<u32>,
}

#[derive(Deserialize)]
struct WrittenTree {
    nodes: Vec<WrittenNode>,
    classes: Vec<u32>,
}

#[derive(Deserialize)]
struct WrittenNode {
    output: usize,
    split_feature: usize,
    split_value: Option<f64>,
    true_child: Option<usize>,
    false_child: Option<usize>,
}

type Grown = RandomForestClassifier<f64, u32, DenseMatrix<f64>, Vec<u32>>;

fn failed(reason: String) -> ModelError {
    ModelError::Library { library: "smartcore", version: SMARTCORE_VERSION, reason }
}

fn grow(examples: &Examples, settings: ForestSettings) -> Result<Grown, ModelError> {
    examples.expect_both_classes(1)?;
    let count = |name, found: u16, most: f64| {
        expect_setting(name, f64::from(found), 1.0..=most, "a number from 1 up to the bound in its documentation")
    };
    count("trees", settings.trees, TREES_MAX as f64)?;
    count("depth_max", settings.depth_max, f64::from(DEPTH_MAX))?;
    count("leaf_records_min", settings.leaf_records_min, f64::from(u16::MAX))?;
    let x = DenseMatrix::new(examples.len(), examples.width(), examples.features().to_vec(), false)
        .map_err(|error| failed(error.to_string()))?;
    let y: Vec<u32> = examples.targets().iter().map(|target| u32::from(*target == 1.0)).collect();
    let parameters = RandomForestClassifierParameters::default()
        .with_n_trees(settings.trees)
        .with_max_depth(settings.depth_max)
        .with_min_samples_leaf(usize::from(settings.leaf_records_min))
        .with_seed(settings.seed);
    Grown::fit(&x, &y, parameters).map_err(|error| failed(error.to_string()))
}

fn copied(grown: &Grown, features: &[String]) -> Result<ForestParameters, ModelError> {
    let written = serde_json::to_value(grown).and_then(serde_json::from_value::<WrittenForest>);
    let written = written.map_err(|error| failed(error.to_string()))?;
    let mut trees = Vec::with_capacity(written.trees.len());
    for (position, tree) in written.trees.iter().enumerate() {
        if written.classes != CLASSES || tree.classes != CLASSES {
            return Err(ModelError::Tree { tree: position, reason: "its classes are not `none` and `event`" });
        }
        let nodes = tree.nodes.iter().map(node).collect::<Option<Vec<Node>>>();
        let reason = "a node is neither a leaf nor a split";
        trees.push(Tree { nodes: nodes.ok_or(ModelError::Tree { tree: position, reason })? });
    }
    let forest = ForestParameters { features: features.to_vec(), trees };
    forest.check()?;
    Ok(forest)
}

fn node(written: &WrittenNode) -> Option<Node> {
    match (written.true_child, written.false_child) {
        (None, None) => Some(Node::Leaf(written.output == 1)),
        (Some(at_most), Some(above)) => {
            let short = |number: usize| u16::try_from(number).ok();
            Some(Node::Split(short(written.split_feature)?, written.split_value?, short(at_most)?, short(above)?))
        }
        _ => None,
    }
}

/// Grows trees on one member's records, whose features keep their own units.
///
/// # Errors
/// If a setting is out of range, the records are of one class (with the counts: this member is left out), or smartcore
/// fails.
pub fn fit(examples: &Examples, settings: ForestSettings) -> Result<ForestParameters, ModelError> {
    copied(&grow(examples, settings)?, examples.names())
}

impl ForestParameters {
    /// The trees of several forests as one, in the order given.
    ///
    /// # Errors
    /// If there is none, their features differ, a tree cannot be walked, or there are more than [`TREES_MAX`] trees
    /// together.
    pub fn joined(forests: &[&Self]) -> Result<Self, ModelError> {
        let empty = ModelError::Tree { tree: 0, reason: "there is no forest to join" };
        let features = forests.first().ok_or(empty)?.features.clone();
        let mut trees = Vec::new();
        for forest in forests {
            if forest.features != features {
                return Err(ModelError::Tree { tree: trees.len(), reason: "it is over other features than the first" });
            }
            trees.extend_from_slice(&forest.trees);
        }
        let joined = Self { features, trees };
        joined.check()?;
        Ok(joined)
    }

    /// Fails if a tree cannot be walked: then no walk is endless or leaves the tree.
    ///
    /// # Errors
    /// With the first tree that is wrong.
    pub fn check(&self) -> Result<(), ModelError> {
        if !(1..=TREES_MAX).contains(&self.trees.len()) {
            return Err(ModelError::Tree { tree: self.trees.len(), reason: "a forest has from 1 to 1024 trees" });
        }
        for (position, tree) in self.trees.iter().enumerate() {
            let wrong = |reason| Err(ModelError::Tree { tree: position, reason });
            if !(1..=NODES_MAX).contains(&tree.nodes.len()) {
                return wrong("it has no nodes or too many");
            }
            for (place, node) in tree.nodes.iter().enumerate() {
                let Node::Split(feature, threshold, at_most, above) = node else { continue };
                if usize::from(*feature) >= self.features.len() {
                    return wrong("it splits on a feature that there is not");
                }
                if !threshold.is_finite() {
                    return wrong("a threshold is not finite");
                }
                let behind = |child: &u16| usize::from(*child) > place && usize::from(*child) < tree.nodes.len();
                if !(behind(at_most) && behind(above)) {
                    return wrong("a child does not stand behind its parent");
                }
            }
        }
        Ok(())
    }

    /// Fails if these are not the trees that somebody was asked for: over these features, as many as asked for, none
    /// deeper, and each of them to be walked.
    ///
    /// # Errors
    /// With the first tree that is wrong.
    pub fn check_grown(&self, features: &[String], settings: ForestSettings) -> Result<(), ModelError> {
        self.check()?;
        if self.features != features {
            return Err(ModelError::Tree { tree: 0, reason: "it is over other features than were asked for" });
        }
        expect_length("trees", usize::from(settings.trees), self.trees.len())?;
        match self.trees.iter().position(|tree| tree.depth() > settings.depth_max) {
            Some(tree) => Err(ModelError::Tree { tree, reason: "it is deeper than was asked for" }),
            None => Ok(()),
        }
    }

    /// Share of the trees that say "event", from 0 to 1.
    ///
    /// # Errors
    /// If there are more or fewer features than the forest has, one is not finite, or a tree cannot be walked.
    pub fn probability(&self, features: &[f64]) -> Result<f64, ModelError> {
        expect_length("features", self.features.len(), features.len())?;
        expect_finite("features", features)?;
        let mut events = 0u32;
        for (position, tree) in self.trees.iter().enumerate() {
            let broken = ModelError::Tree { tree: position, reason: "it cannot be walked" };
            events += u32::from(tree.says_event(features).ok_or(broken)?);
        }
        match self.trees.len() {
            0 => Err(ModelError::Tree { tree: 0, reason: "there is no tree" }),
            trees => Ok(f64::from(events) / trees as f64),
        }
    }
}

impl Tree {
    /// Splits on the longest way down. The tree can be walked: children stand behind their parent.
    fn depth(&self) -> u16 {
        let mut depths = vec![0u16; self.nodes.len()];
        for (place, node) in self.nodes.iter().enumerate() {
            let Node::Split(_, _, at_most, above) = node else { continue };
            let below = depths[place].saturating_add(1);
            for child in [at_most, above] {
                if let Some(depth) = depths.get_mut(usize::from(*child)) {
                    *depth = below.max(*depth);
                }
            }
        }
        depths.into_iter().max().unwrap_or(0)
    }

    fn says_event(&self, features: &[f64]) -> Option<bool> {
        let mut place = 0;
        // Each step goes behind the node that it leaves, so there are at most as many as nodes.
        for _ in 0..self.nodes.len() {
            match self.nodes.get(place)? {
                Node::Leaf(event) => return Some(*event),
                Node::Split(feature, threshold, at_most, above) => {
                    let value = features.get(usize::from(*feature))?;
                    place = usize::from(if value <= threshold { *at_most } else { *above });
                }
            }
        }
        None
    }
}

/// The probability that counts: a forest may raise the logistic one and never lowers it.
pub fn second_opinion(logistic: f64, forest: f64) -> f64 {
    logistic.max(forest)
}

#[cfg(test)]
mod tests;
