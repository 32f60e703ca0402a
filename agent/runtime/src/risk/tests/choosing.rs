//! Which model forecasts, with files in a folder.

use super::{
    super::*,
    fixture::{card, day, trained, write_card, write_model},
};
use crate::config::FilesConfig;
use alloy::primitives::{B256, keccak256};
use quaestor_core::{
    RiskModel,
    policy::{FederationTerms, ModelFallback, ModelTerms, RiskTerms},
};
use quaestor_risk::{EwmaModel, model_file::ModelFileError};
use std::{fs, path::Path};
use tempfile::TempDir;

const DAY: u64 = 86_400;

/// Unix seconds of noon on this day.
fn noon(date: &str) -> u64 {
    u64::from(day(date)) * DAY + DAY / 2
}

fn models(folder: &TempDir) -> Models {
    let at = |name: &str| folder.path().join(name);
    Models::new(&FilesConfig {
        policies: vec![],
        journal: at("j"),
        bundles: at("b"),
        models: at("models"),
        ipfs_gateway: None,
    })
}

fn terms(model: ModelTerms) -> RiskTerms {
    RiskTerms { model, ..RiskTerms::default() }
}

fn file(hash: B256) -> RiskTerms {
    terms(ModelTerms::File { hash, age_secs_max: 30 * DAY })
}

fn newest(auc_bps_min: u64) -> RiskTerms {
    terms(ModelTerms::Trained { schedule: "0 0 3 * * Mon".into(), age_secs_max: 30 * DAY, auc_bps_min })
}

/// A folder of a model that knows days up to 25 February 2020, and the model's hash.
fn one() -> (TempDir, std::path::PathBuf, B256) {
    let folder = tempfile::tempdir().unwrap();
    let model = trained("2020-02-25");
    let path = write_model(&folder.path().join("models"), &model);
    (folder, path, model.file().hash().unwrap())
}

fn hash(choice: &Choice) -> Option<B256> {
    choice.model().map(RiskModel::hash)
}

/// Why the file of the policy's hash is not used, once it is seen that the fallback is.
fn why(choice: Choice) -> Unusable {
    assert_eq!(hash(&choice), Some(EwmaModel::default().hash()));
    match choice {
        Choice::Fallback { refused: ModelRefused::File { why, .. }, .. } => *why,
        other => panic!("{other:?}"),
    }
}

/// Why each file was passed over, in the order of the names.
fn passed_over(choice: Choice) -> Vec<Unusable> {
    match choice {
        Choice::Fallback { refused: ModelRefused::NoneGood { passed_over, .. }, .. } => {
            passed_over.into_iter().map(|one| one.why).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn the_plain_estimate_needs_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let choice = models(&folder).choose(&terms(ModelTerms::Ewma), noon("2020-03-01"));
    assert!(matches!(choice, Choice::Named(Model::Ewma(_))) && choice.alarm().is_none());
}

#[test]
fn a_file_is_found_by_its_bytes_whatever_it_is_called() {
    let (folder, path, wanted) = one();
    let mut models = models(&folder);
    let now = noon("2020-03-01");
    let choice = models.choose(&file(wanted), now);
    assert!(matches!(choice, Choice::Named(Model::Learned(_))) && hash(&choice) == Some(wanted));
    let renamed = path.with_file_name("theirs.json");
    fs::rename(&path, &renamed).unwrap();
    assert_eq!(hash(&models.choose(&file(wanted), now)), Some(wanted));
    // Swapped while the agent runs, and back.
    fs::rename(&renamed, folder.path().join("away")).unwrap();
    let choice = models.choose(&file(wanted), now);
    let Choice::Fallback { refused: ModelRefused::Missing { hash: named, .. }, .. } = &choice else {
        panic!("{choice:?}")
    };
    assert_eq!((*named, hash(&choice)), (wanted, Some(EwmaModel::default().hash())));
    fs::rename(folder.path().join("away"), &path).unwrap();
    assert_eq!(hash(&models.choose(&file(wanted), now)), Some(wanted));
}

#[test]
fn a_model_of_others_than_the_policy_names_is_not_used() {
    let (folder, _, wanted) = one();
    write_card(&folder.path().join("models"), &card(&trained("2020-02-25"), Some(0.7)));
    let mut models = models(&folder);
    let now = noon("2020-03-01");
    let named = |members: &[&str], present_min| FederationTerms {
        members: members.iter().map(|name| (*name).to_owned()).collect(),
        present_min,
        aggregation: None,
    };
    let known: Vec<String> = trained("2020-02-25").file().data.iter().map(|one| one.member.clone()).collect();
    let all: Vec<&str> = known.iter().map(String::as_str).collect();
    let count = u16::try_from(all.len()).unwrap();
    for terms in [file(wanted), newest(6_000)] {
        let mut with = |federation| models.choose(&RiskTerms { federation, ..terms.clone() }, now);
        assert_eq!(hash(&with(named(&[], 0))), Some(wanted));
        assert_eq!(hash(&with(named(&all, count))), Some(wanted));
        let why = |choice: Choice| match choice {
            Choice::Fallback { refused: ModelRefused::File { why, .. }, .. } => *why,
            other => passed_over(other).remove(0),
        };
        let stranger = why(with(named(&["nobody"], 0)));
        assert!(matches!(&stranger, Unusable::Stranger { member } if *member == known[0]), "{stranger}");
        let few = why(with(named(&[], count + 1)));
        assert!(matches!(few, Unusable::TooFew { found, least } if (found, least) == (all.len(), count + 1)), "{few}");
    }
}

#[test]
fn one_flipped_bit_is_another_file() {
    let (folder, path, wanted) = one();
    let mut models = models(&folder);
    assert_eq!(hash(&models.choose(&file(wanted), noon("2020-03-01"))), Some(wanted));
    let copy = path.with_file_name("copy.json");
    fs::copy(&path, &copy).unwrap();
    flip(&path);
    assert_eq!(hash(&models.choose(&file(wanted), noon("2020-03-01"))), Some(wanted), "the copy is intact");
    flip(&copy);
    let changed = keccak256(fs::read(&path).unwrap());
    let refused = why(models.choose(&file(wanted), noon("2020-03-01")));
    assert!(matches!(&refused, Unusable::Damaged { found, expected, .. } if (*found, *expected) == (changed, wanted)));
    // What a policy names must be a model too.
    fs::write(&path, "{}").unwrap();
    let refused = why(models.choose(&file(keccak256("{}")), noon("2020-03-01")));
    assert!(matches!(refused, Unusable::Malformed { .. }), "{refused}");
}

#[test]
fn a_model_of_another_version_is_not_read() {
    let (folder, path, _) = one();
    let text = fs::read_to_string(&path).unwrap();
    let other = text.replace("\"version\":2}", "\"version\":3}");
    assert_ne!(other, text);
    fs::write(&path, &other).unwrap();
    let refused = why(models(&folder).choose(&file(keccak256(&other)), noon("2020-03-01")));
    let version = |source: &ModelFileError| matches!(source, ModelFileError::Version { version: 3, .. });
    assert!(matches!(&refused, Unusable::Malformed { source, .. } if version(source)), "{refused}");
}

#[test]
fn a_model_ages_from_its_last_day_by_the_chains_time() {
    let (folder, _, wanted) = one();
    let mut models = models(&folder);
    let begun = u64::from(day("2020-02-25")) * DAY;
    assert_eq!(hash(&models.choose(&file(wanted), begun + 30 * DAY - 1)), Some(wanted));
    let refused = why(models.choose(&file(wanted), begun + 30 * DAY));
    let text = "it knows days up to 2020-02-25, and the policy uses a model for 30 d from then on; train anew";
    assert_eq!(refused.to_string(), text);
    assert_eq!(hash(&models.choose(&file(wanted), begun)), Some(wanted));
    assert!(matches!(why(models.choose(&file(wanted), begun - 1)), Unusable::Ahead { .. }));
}

#[test]
fn the_alarm_is_the_same_until_something_changes() {
    let (folder, path, wanted) = one();
    fs::remove_file(&path).unwrap();
    let mut models = models(&folder);
    let alarm = models.choose(&file(wanted), noon("2020-03-01")).alarm().unwrap();
    assert_eq!(models.choose(&file(wanted), noon("2020-03-09")).alarm(), Some(alarm.clone()));
    let folder = folder.path().display().to_string();
    let expected = format!(
        "the risk model that the policy names cannot be used: no file in {folder}/models hashes to {wanted}; put the model \
         file there unchanged, or correct `files.models`; the plain estimate of volatility forecasts until it can, and a \
         ceiling on anything else counts as breached"
    );
    assert_eq!(alarm, expected);
}

#[test]
fn a_policy_may_want_nothing_decided_without_its_model() {
    let (folder, path, wanted) = one();
    let hold = RiskTerms { fallback: ModelFallback::Hold, ..file(wanted) };
    let mut models = models(&folder);
    assert_eq!(hash(&models.choose(&hold, noon("2020-03-01"))), Some(wanted));
    fs::remove_file(&path).unwrap();
    let choice = models.choose(&hold, noon("2020-03-01"));
    assert!(choice.model().is_none() && choice.alarm().unwrap().ends_with("nothing is proposed until it can"));
    // A folder that is no folder is told as such.
    fs::remove_dir(folder.path().join("models")).unwrap();
    fs::write(folder.path().join("models"), "").unwrap();
    let choice = models.choose(&hold, noon("2020-03-01"));
    assert!(matches!(choice.refused(), Some(ModelRefused::Folder { .. })), "{choice:?}");
}

#[test]
fn of_trained_models_the_newest_that_scores_enough_forecasts() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("models");
    let mut models = models(&folder);
    let now = noon("2020-03-01");
    assert!(passed_over(models.choose(&newest(6_000), now)).is_empty());
    let alarm = models.choose(&newest(6_000), now).alarm().unwrap();
    assert!(alarm.contains("there is no trained model in") && alarm.contains("quaestor train"), "{alarm}");

    let [older, newer] = ["2020-02-20", "2020-02-25"].map(trained);
    let [older_hash, newer_hash] = [&older, &newer].map(|one| one.file().hash().unwrap());
    write_model(&place, &older);
    write_card(&place, &card(&older, Some(0.71)));
    assert_eq!(hash(&models.choose(&newest(6_000), now)), Some(older_hash));
    let newer_path = write_model(&place, &newer);
    assert_eq!(hash(&models.choose(&newest(6_000), now)), Some(older_hash), "without a card it is passed over");
    let card_path = write_card(&place, &card(&newer, Some(0.599_99)));
    assert_eq!(hash(&models.choose(&newest(6_000), now)), Some(older_hash), "59.99 % are fewer than 60 %");
    assert_eq!(hash(&models.choose(&newest(5_999), now)), Some(newer_hash));
    write_card(&place, &card(&newer, Some(0.60)));
    assert_eq!(hash(&models.choose(&newest(6_000), now)), Some(newer_hash));

    // What is wrong with the newest leaves the one before it.
    flip(&newer_path);
    assert_eq!(hash(&models.choose(&newest(6_000), now)), Some(older_hash));
    write_model(&place, &newer);
    fs::copy(place.join(format!("card-{older_hash}.json")), &card_path).unwrap();
    assert_eq!(hash(&models.choose(&newest(6_000), now)), Some(older_hash), "a card of another model is none");
    fs::write(&card_path, "{").unwrap();
    assert_eq!(hash(&models.choose(&newest(6_000), now)), Some(older_hash));
}

#[test]
fn each_trained_model_that_is_passed_over_has_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("models");
    let mut models = models(&folder);
    let model = trained("2020-02-25");
    let path = write_model(&place, &model);
    let only = |models: &mut Models, now: &str| {
        let [why] = <[Unusable; 1]>::try_from(passed_over(models.choose(&newest(6_000), noon(now)))).unwrap();
        why
    };
    assert!(matches!(only(&mut models, "2020-03-01"), Unusable::CardRead { .. }));
    write_card(&place, &card(&model, None));
    assert!(matches!(only(&mut models, "2020-03-01"), Unusable::NoScore { least_bps: 6_000 }));
    write_card(&place, &card(&model, Some(0.5)));
    let low = only(&mut models, "2020-03-01");
    assert_eq!(low.to_string(), "its area under the ROC curve is 50.00 %, and the policy asks for 60.00 %");
    let good = card(&model, Some(0.7));
    let card_path = write_card(&place, &good);
    assert!(matches!(only(&mut models, "2020-04-01"), Unusable::TooOld { .. }));
    assert!(matches!(only(&mut models, "2020-02-01"), Unusable::Ahead { .. }));
    let mut other = good.clone();
    other.hash = B256::repeat_byte(7);
    fs::write(&card_path, other.to_json().unwrap()).unwrap();
    assert!(matches!(only(&mut models, "2020-03-01"), Unusable::OtherCard { .. }));
    other = good.clone();
    other.trained_at_day += 2;
    fs::write(&card_path, other.to_json().unwrap()).unwrap();
    assert!(matches!(only(&mut models, "2020-03-01"), Unusable::OtherCard { .. }), "its day is not the model's");
    fs::write(&card_path, good.to_json().unwrap()).unwrap();
    flip(&path);
    assert!(matches!(only(&mut models, "2020-03-01"), Unusable::Damaged { .. }));
    let alarm = models.choose(&newest(6_000), noon("2020-03-01")).alarm().unwrap();
    assert!(alarm.contains("can be used; model-0x") && alarm.contains("it was changed"), "{alarm}");
}

#[test]
fn who_recomputes_knows_which_models_a_policy_admits() {
    let model = Model::from_words(&Model::Learned(learned().into()).words()).unwrap();
    let ewma = Model::Ewma(EwmaModel::default());
    let now = noon("2020-03-01");
    let named = file(model.hash());
    assert_eq!(admit(&named, &model, now).unwrap(), Admission::Named);
    assert!(matches!(admit(&named, &model, noon("2020-04-01")), Err(Unusable::TooOld { .. })));
    assert!(matches!(admit(&file(B256::ZERO), &model, now), Err(Unusable::NotNamed { .. })));
    assert!(matches!(admit(&terms(ModelTerms::Ewma), &model, now), Err(Unusable::NotNamed { .. })));
    assert_eq!(admit(&newest(6_000), &model, now).unwrap(), Admission::Trained);
    assert!(matches!(admit(&newest(6_000), &model, noon("2020-02-01")), Err(Unusable::Ahead { .. })));
    assert_eq!(admit(&terms(ModelTerms::Ewma), &ewma, now).unwrap(), Admission::Named);
    assert_eq!(admit(&named, &ewma, now).unwrap(), Admission::Fallback);
    let hold = RiskTerms { fallback: ModelFallback::Hold, ..named };
    assert!(matches!(admit(&hold, &ewma, now), Err(Unusable::NotNamed { .. })));
    let laxer = quaestor_risk::EwmaParams { lambda_permille: 990, min_returns: 2 };
    let laxer = Model::Ewma(EwmaModel::new(laxer).unwrap());
    assert!(matches!(admit(&terms(ModelTerms::Ewma), &laxer, now), Err(Unusable::NotNamed { .. })));
}

fn learned() -> quaestor_risk::learned::LearnedModel {
    quaestor_risk::learned::LearnedModel::new(trained("2020-02-25").file()).unwrap()
}

#[test]
fn the_words_of_a_bundle_carry_the_whole_model() {
    let model = Model::Learned(learned().into());
    let words = model.words();
    let read = Model::from_words(&words).unwrap();
    assert_eq!((read.hash(), &read), (model.hash(), &model));
    let text = words["file"].as_str().unwrap();
    assert_eq!(keccak256(text), model.hash());
    // A changed number is another model, and what is not canonical is none.
    let mut changed = words.clone();
    changed["file"] = text.replace("\"trained_at_day\":183", "\"trained_at_day\":184").into();
    assert_ne!(Model::from_words(&changed).unwrap().hash(), model.hash());
    changed["file"] = format!("{text} ").into();
    assert!(matches!(Model::from_words(&changed), Err(ModelWordsError::File(_))));
    changed["kind"] = "oracle".into();
    assert!(matches!(Model::from_words(&changed), Err(ModelWordsError::Unknown(_))));
}
