//! A model at work, whichever it is, and how a bundle carries it.

use super::Unusable;
use alloy::primitives::{B256, keccak256};
use quaestor_core::{
    RiskModel, RiskReport, Snapshot, Terms,
    policy::{ModelFallback, ModelTerms, RiskTerms},
    valuation::Prices,
};
use quaestor_risk::{DAY_SECS, EwmaError, EwmaModel, EwmaParams, learned::LearnedModel, model_file::ModelFileError};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A model that forecasts.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// Exponentially weighted volatility.
    Ewma(EwmaModel),
    /// A model file.
    Learned(Arc<LearnedModel>),
}

/// A model as a bundle names it: with everything that is needed to forecast with it again.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Words {
    Ewma {
        params: EwmaParams,
    },
    Learned {
        /// The file's exact text: its hash is the model's.
        file: String,
    },
}

/// Why the words of a bundle are no model.
#[derive(Debug, thiserror::Error)]
pub enum ModelWordsError {
    /// Of a kind that this program does not know, or not whole.
    #[error("{0}")]
    Unknown(#[from] serde_json::Error),
    /// Impossible parameters.
    #[error(transparent)]
    Ewma(#[from] EwmaError),
    /// No model file.
    #[error(transparent)]
    File(#[from] ModelFileError),
}

impl Model {
    /// As a bundle names it: kind, and parameters or the file's text.
    pub fn words(&self) -> serde_json::Value {
        let words = match self {
            Self::Ewma(model) => Words::Ewma { params: model.params() },
            Self::Learned(model) => {
                // It was read from these very bytes, which are canonical JSON.
                let bytes = model.file().to_bytes().unwrap_or_default();
                Words::Learned { file: String::from_utf8_lossy(&bytes).into_owned() }
            }
        };
        // Texts and integers only: serialising cannot fail.
        serde_json::to_value(words).unwrap_or_default()
    }

    /// The model of [`Self::words`]. Its hash is that of the words; whether it is the wanted one, the caller sees to.
    ///
    /// # Errors
    /// If they are no model that this program knows.
    pub fn from_words(words: &serde_json::Value) -> Result<Self, ModelWordsError> {
        match Words::deserialize(words)? {
            Words::Ewma { params } => Ok(Self::Ewma(EwmaModel::new(params)?)),
            Words::Learned { file } => {
                let hash = keccak256(&file);
                Ok(Self::Learned(Arc::new(LearnedModel::parse(file.as_bytes(), hash)?)))
            }
        }
    }

    /// The model file, if it is one.
    pub fn learned(&self) -> Option<&LearnedModel> {
        match self {
            Self::Ewma(_) => None,
            Self::Learned(model) => Some(model),
        }
    }
}

impl RiskModel for Model {
    fn hash(&self) -> B256 {
        match self {
            Self::Ewma(model) => model.hash(),
            Self::Learned(model) => model.hash(),
        }
    }

    fn assess(&self, terms: &Terms, snapshot: &Snapshot, prices: &Prices, weights_bps: &[u64]) -> RiskReport {
        match self {
            Self::Ewma(model) => model.assess(terms, snapshot, prices, weights_bps),
            Self::Learned(model) => model.assess(terms, snapshot, prices, weights_bps),
        }
    }
}

/// Seconds from the beginning of the last day that training knew to `now`; `None` when that day lies ahead.
pub(super) fn age_secs(trained_at_day: u32, now: u64) -> Option<u64> {
    now.checked_sub(u64::from(trained_at_day) * DAY_SECS)
}

pub(super) fn check_age(trained_at_day: u32, age_secs_max: u64, now: u64) -> Result<(), Unusable> {
    match age_secs(trained_at_day, now) {
        None => Err(Unusable::Ahead { trained_at_day }),
        Some(age_secs) if age_secs >= age_secs_max => Err(Unusable::TooOld { trained_at_day, age_secs_max }),
        Some(_) => Ok(()),
    }
}

/// In which way a policy lets a model forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// The policy names it.
    Named,
    /// It is one that was trained at the operator's; what it scored stands in its card.
    Trained,
    /// It is the policy's fallback: the operator could not use the one that it names.
    Fallback,
}

/// Whether a policy lets `model` forecast at `now` (Unix seconds), for whoever recomputes a decision: what only the
/// operator's folder shows is taken on trust, and named by the [`Admission`].
///
/// # Errors
/// If the policy names another one, or it is too old.
pub fn admit(risk: &RiskTerms, model: &Model, now: u64) -> Result<Admission, Unusable> {
    let found = model.hash();
    let Some(learned) = model.learned() else {
        return match (&risk.model, risk.fallback) {
            _ if found != EwmaModel::default().hash() => Err(Unusable::NotNamed { found }),
            (ModelTerms::Ewma, _) => Ok(Admission::Named),
            (_, ModelFallback::Ewma) => Ok(Admission::Fallback),
            (_, ModelFallback::Hold) => Err(Unusable::NotNamed { found }),
        };
    };
    let trained_at_day = learned.file().trained_at_day;
    match risk.model {
        ModelTerms::File { hash, age_secs_max } if hash == found => {
            check_age(trained_at_day, age_secs_max, now).map(|()| Admission::Named)
        }
        ModelTerms::Trained { age_secs_max, .. } => {
            check_age(trained_at_day, age_secs_max, now).map(|()| Admission::Trained)
        }
        ModelTerms::Ewma | ModelTerms::File { .. } => Err(Unusable::NotNamed { found }),
    }
}
