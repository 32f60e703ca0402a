//! The model in force as people and programs are told of it.

use super::{Choice, Model, model::age_secs};
use alloy::primitives::B256;
use quaestor_contracts::explain::{share, span};
use quaestor_core::{
    RiskModel,
    policy::{ModelTerms, RiskTerms},
};
use quaestor_risk::{data::date, learned::LearnedModel, model_file::MemberData};
use serde::Serialize;

/// What kind of model it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// Exponentially weighted volatility.
    Ewma,
    /// A model file.
    Learned,
}

/// Members that a model was trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MembersNow {
    /// How many.
    pub count: usize,
    /// How many of them are *synthetic*: made up by a seeded generator.
    pub synthetic: usize,
}

impl MembersNow {
    fn of(data: &[MemberData]) -> Self {
        let synthetic = data.iter().filter(|member| member.origin.is_synthetic()).count();
        Self { count: data.len(), synthetic }
    }

    /// A warning where some are made up.
    fn warning(self) -> Option<String> {
        let Self { count, synthetic } = self;
        match synthetic {
            0 => None,
            all if all == count => {
                Some(format!("SYNTHETIC: trained on {count} made-up members; it knows no real treasury"))
            }
            some => Some(format!("SYNTHETIC: {some} of the {count} members that it was trained on are made up")),
        }
    }
}

/// The model in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelNow {
    /// What it is; `None`: there is none, and nothing is decided.
    pub kind: Option<ModelKind>,
    /// Its hash, as decisions name it.
    pub hash: Option<B256>,
    /// The last day that training knew (`YYYY-MM-DD`); `None` where it was not trained.
    pub trained_at: Option<String>,
    /// Seconds since the beginning of that day, by the chain's time.
    pub age_secs: Option<u64>,
    /// Who it was trained on; `None` where it was not trained.
    pub members: Option<MembersNow>,
    /// Whether it takes the place of the one that the policy names.
    pub is_fallback: bool,
    /// What the policy names.
    pub named: ModelTerms,
    /// Why that one is not used, if it is not.
    pub refused: Option<String>,
}

impl ModelNow {
    /// What was chosen under these terms at `now`, Unix seconds of the chain.
    pub fn of(choice: &Choice, risk: &RiskTerms, now: u64) -> Self {
        let file = choice.model().and_then(Model::learned).map(LearnedModel::file);
        let learned = file.map(|file| file.trained_at_day);
        Self {
            kind: choice.model().map(|model| match model {
                Model::Ewma(_) => ModelKind::Ewma,
                Model::Learned(_) => ModelKind::Learned,
            }),
            hash: choice.model().map(RiskModel::hash),
            trained_at: learned.map(date),
            age_secs: learned.and_then(|day| age_secs(day, now)),
            members: file.map(|file| MembersNow::of(&file.data)),
            is_fallback: matches!(choice, Choice::Fallback { .. }),
            named: risk.model.clone(),
            refused: choice.refused().map(ToString::to_string),
        }
    }

    /// What a person must know of the records it was trained on, if anything.
    pub fn warning(&self) -> Option<String> {
        self.members.and_then(MembersNow::warning)
    }

    /// Two lines for people: which it is, and why.
    pub fn lines(&self) -> [String; 2] {
        let mut first = match (self.kind, self.hash) {
            (Some(ModelKind::Ewma), Some(hash)) => format!("{hash} (plain estimate of volatility)"),
            (Some(ModelKind::Learned), Some(hash)) => format!("{hash} (trained)"),
            _ => "NONE: nothing is proposed".to_owned(),
        };
        if let Some(day) = &self.trained_at {
            first.push_str(&format!(", knows days up to {day}"));
        }
        if let Some(age) = self.age_secs {
            first.push_str(&format!(", {} old", span(age)));
        }
        let named = named_words(&self.named);
        let second = match &self.refused {
            None => format!("as the policy says: {named}"),
            Some(why) if self.is_fallback => format!("FALLBACK; the policy names {named}, but {why}"),
            Some(why) => format!("the policy names {named}, but {why}"),
        };
        [first, second]
    }
}

fn named_words(terms: &ModelTerms) -> String {
    match terms {
        ModelTerms::Ewma => "the plain estimate".to_owned(),
        ModelTerms::File { hash, age_secs_max } => {
            format!("the file of hash {hash}, until it is {} old", span(*age_secs_max))
        }
        ModelTerms::Trained { age_secs_max, auc_bps_min, .. } => format!(
            "the newest trained here with an area under the ROC curve of {} or more, until it is {} old",
            share(*auc_bps_min),
            span(*age_secs_max)
        ),
    }
}
