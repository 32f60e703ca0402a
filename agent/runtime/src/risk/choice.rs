//! The model in force at one moment.

use super::{Model, ModelRefused, PassedOver, Unusable, model::check_age};
use crate::config::{FilesConfig, read_bounded};
use alloy::primitives::{B256, keccak256};
use quaestor_core::{
    RiskModel,
    policy::{FederationTerms, ModelFallback, ModelTerms, RiskTerms},
};
use quaestor_risk::{
    EwmaModel,
    card::Card,
    learned::LearnedModel,
    model_file::{FILE_BYTES_MAX, MemberData},
};
use std::{
    cmp::Reverse,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Largest card, bytes: a thousand members' scores.
pub const CARD_BYTES_MAX: u64 = 4 << 20;

/// Which model forecasts at one moment.
#[derive(Debug)]
pub enum Choice {
    /// The one that the policy names.
    Named(Model),
    /// The policy's fallback.
    Fallback {
        /// It.
        model: Model,
        /// Why not the one that the policy names.
        refused: ModelRefused,
    },
    /// None: without the one that the policy names nothing is decided.
    Hold {
        /// Why not that one.
        refused: ModelRefused,
    },
}

impl Choice {
    /// The model; `None` where nothing is decided.
    pub fn model(&self) -> Option<&Model> {
        match self {
            Self::Named(model) | Self::Fallback { model, .. } => Some(model),
            Self::Hold { .. } => None,
        }
    }

    /// Why the model that the policy names is not used, if it is not.
    pub fn refused(&self) -> Option<&ModelRefused> {
        match self {
            Self::Named(_) => None,
            Self::Fallback { refused, .. } | Self::Hold { refused } => Some(refused),
        }
    }

    /// What people should hear: `None` while the model that the policy names forecasts. The words stay the same as long
    /// as nothing changes.
    pub fn alarm(&self) -> Option<String> {
        let refused = self.refused()?;
        let instead = match self {
            Self::Hold { .. } => "nothing is proposed until it can",
            _ => {
                "the plain estimate of volatility forecasts until it can, and a ceiling on anything else counts as breached"
            }
        };
        Some(format!("the risk model that the policy names cannot be used: {refused}; {instead}"))
    }
}

/// The models of the folder of `files.models`.
#[derive(Debug)]
pub struct Models {
    files: FilesConfig,
    /// The model used last: a file that stayed the same is not read as a model again.
    kept: Option<Arc<LearnedModel>>,
}

impl Models {
    /// Those of these files.
    pub fn new(files: &FilesConfig) -> Self {
        Self { files: files.clone(), kept: None }
    }

    /// The model with which the policy of these terms forecasts at `now`, Unix seconds of the chain. The folder is looked
    /// through anew each time.
    pub fn choose(&mut self, risk: &RiskTerms, now: u64) -> Choice {
        let found = match &risk.model {
            ModelTerms::Ewma => return Choice::Named(Model::Ewma(EwmaModel::default())),
            ModelTerms::File { hash, age_secs_max } => self.of_hash(*hash, *age_secs_max, &risk.federation, now),
            ModelTerms::Trained { age_secs_max, auc_bps_min, .. } => {
                self.newest(*age_secs_max, *auc_bps_min, &risk.federation, now)
            }
        };
        match (found, risk.fallback) {
            (Ok(model), _) => {
                self.kept = Some(model.clone());
                Choice::Named(Model::Learned(model))
            }
            (Err(refused), ModelFallback::Ewma) => {
                Choice::Fallback { model: Model::Ewma(EwmaModel::default()), refused }
            }
            (Err(refused), ModelFallback::Hold) => Choice::Hold { refused },
        }
    }

    /// The model of this hash, whatever a policy says of it; `None` if there is none here. For whoever recomputes what was
    /// decided with it.
    pub fn of_any_age(&self, hash: B256) -> Option<Model> {
        let plain = EwmaModel::default();
        if plain.hash() == hash {
            return Some(Model::Ewma(plain));
        }
        let (named, others): (Vec<_>, Vec<_>) = self.listed().ok()?.into_iter().partition(|path| bears(path, hash));
        named.into_iter().chain(others).find_map(|path| self.load(&path, hash).ok()).map(Model::Learned)
    }

    fn listed(&self) -> Result<Vec<PathBuf>, ModelRefused> {
        let folder = &self.files.models;
        self.files.model_candidates().map_err(|source| ModelRefused::Folder { folder: folder.clone(), source })
    }

    /// The file whose bytes have this hash, whatever its name is.
    fn of_hash(
        &self,
        hash: B256,
        age_secs_max: u64,
        federation: &FederationTerms,
        now: u64,
    ) -> Result<Arc<LearnedModel>, ModelRefused> {
        // The file that bears the hash in its name comes first: mostly no other needs to be read.
        let (named, others): (Vec<_>, Vec<_>) = self.listed()?.into_iter().partition(|path| bears(path, hash));
        let others = others.into_iter().filter(|path| !name_of(path).starts_with("card-"));
        let mut damaged = None;
        let mut find = |path: PathBuf, is_named: bool| match self.load(&path, hash) {
            Ok(model) => {
                let file = model.file();
                let checked = check_age(file.trained_at_day, age_secs_max, now);
                Some(checked.and_then(|()| trained_by(&file.data, federation)).map(|()| model))
            }
            // Whoever put it there under this name meant this one.
            Err(why @ (Unusable::Damaged { .. } | Unusable::Read { .. })) => {
                if is_named {
                    damaged.get_or_insert(why);
                }
                None
            }
            Err(why) => Some(Err(why)),
        };
        let is_model = |path: &PathBuf| !name_of(path).starts_with("card-");
        let found = named.into_iter().filter(is_model).find_map(|path| find(path, true));
        let found = found.or_else(|| others.into_iter().find_map(|path| find(path, false)));
        match (found, damaged) {
            (Some(found), _) => found.map_err(|why| ModelRefused::File { hash, why: Box::new(why) }),
            (None, Some(why)) => Err(ModelRefused::File { hash, why: Box::new(why) }),
            (None, None) => Err(ModelRefused::Missing { hash, folder: self.files.models.clone() }),
        }
    }

    /// Of the models whose card is good enough and that are not too old, the one that knows the latest day; of equal ones
    /// that with the greatest area, and then that with the greatest hash.
    fn newest(
        &self,
        age_secs_max: u64,
        auc_bps_min: u64,
        federation: &FederationTerms,
        now: u64,
    ) -> Result<Arc<LearnedModel>, ModelRefused> {
        let (mut scored, mut passed_over) = (Vec::new(), Vec::new());
        for path in self.listed()?.into_iter().filter(|path| name_of(path).starts_with("model-")) {
            match card_of(&path).and_then(|card| {
                check_age(card.trained_at_day, age_secs_max, now)?;
                Ok((good_enough(&card, auc_bps_min)?, card))
            }) {
                Ok((auc_bps, card)) => scored.push((Reverse((card.trained_at_day, auc_bps, card.hash)), path)),
                Err(why) => passed_over.push(PassedOver { path, why }),
            }
        }
        scored.sort();
        for (Reverse((trained_at_day, _, hash)), path) in scored {
            match self.load(&path, hash) {
                Ok(model) if model.file().trained_at_day == trained_at_day => {
                    match trained_by(&model.file().data, federation) {
                        Ok(()) => return Ok(model),
                        Err(why) => passed_over.push(PassedOver { path, why }),
                    }
                }
                // A card that says another day than its model is no card of it.
                Ok(_) => passed_over
                    .push(PassedOver { why: Unusable::OtherCard { path: card_path(&path), found: hash }, path }),
                Err(why) => passed_over.push(PassedOver { path, why }),
            }
        }
        passed_over.sort_by(|left, right| left.path.cmp(&right.path));
        Err(ModelRefused::NoneGood { folder: self.files.models.clone(), passed_over })
    }

    fn load(&self, path: &Path, expected: B256) -> Result<Arc<LearnedModel>, Unusable> {
        let bytes_max = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
        let bytes = read_bounded(path, bytes_max).map_err(|source| Unusable::Read { path: path.to_owned(), source })?;
        let found = keccak256(&bytes);
        if found != expected {
            return Err(Unusable::Damaged { path: path.to_owned(), expected, found });
        }
        if let Some(kept) = self.kept.as_ref().filter(|kept| kept.hash() == expected) {
            return Ok(kept.clone());
        }
        let model = LearnedModel::parse(&bytes, expected);
        model.map(Arc::new).map_err(|source| Unusable::Malformed { path: path.to_owned(), source })
    }
}

fn name_of(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

fn bears(path: &Path, hash: B256) -> bool {
    name_of(path).to_ascii_lowercase().contains(&format!("{hash:x}"))
}

/// Where the card of the model at `path` is: `card-….json` beside `model-….json`.
fn card_path(path: &Path) -> PathBuf {
    let name = name_of(path).into_owned();
    path.with_file_name(name.replacen("model-", "card-", 1))
}

/// The card of the model at `path`. That the model's bytes have the hash which the card names is checked when it is
/// read.
fn card_of(path: &Path) -> Result<Card, Unusable> {
    let card = card_path(path);
    let bytes = match read_bounded(&card, CARD_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(source) => return Err(Unusable::CardRead { path: card, source }),
    };
    let found: Card = match serde_json::from_slice(&bytes) {
        Ok(found) => found,
        Err(source) => return Err(Unusable::Card { path: card, source }),
    };
    if bears(path, found.hash) { Ok(found) } else { Err(Unusable::OtherCard { path: card, found: found.hash }) }
}

/// The area under the ROC curve that the card says, bps, if a policy that asks for `least_bps` lets the model forecast.
///
/// # Errors
/// If it is less, or unknown.
pub(crate) fn good_enough(card: &Card, least_bps: u64) -> Result<u64, Unusable> {
    match card.judgement.auc_bps() {
        None => Err(Unusable::NoScore { least_bps }),
        Some(found_bps) if found_bps < least_bps => Err(Unusable::Score { found_bps, least_bps }),
        Some(found_bps) => Ok(found_bps),
    }
}

/// Whether those whose records a model knows are those that a policy accepts.
///
/// # Errors
/// If it names others, or more of them.
fn trained_by(data: &[MemberData], federation: &FederationTerms) -> Result<(), Unusable> {
    let FederationTerms { members, present_min, aggregation: _ } = federation;
    let is_stranger = |one: &&MemberData| !members.is_empty() && !members.contains(&one.member);
    if let Some(MemberData { member, .. }) = data.iter().find(is_stranger) {
        return Err(Unusable::Stranger { member: member.clone() });
    }
    if data.len() < usize::from(*present_min) {
        return Err(Unusable::TooFew { found: data.len(), least: *present_min });
    }
    Ok(())
}
