use super::*;
use crate::{
    data::Shard,
    fixture::{day, shards},
    judge::{Plan, judge},
    train::{PlainRounds, Settings, train},
};
use std::sync::OnceLock;

/// One fold over the end of the data, the long histories cut to their last year.
fn card() -> Card {
    static MADE: OnceLock<Card> = OnceLock::new();
    let year = Some(YearPrivacy { year: 2021, epsilon_record: 4.25 });
    let privacy = Privacy { epsilon_record: 2.943_225, epsilon_day: 41.2, delta: 1e-5, year };
    MADE.get_or_init(|| make(Some(privacy))).clone()
}

fn make(privacy: Option<Privacy>) -> Card {
    let recent = |shard: &Shard| shard.within(day("2020-07-01")..u32::MAX).unwrap();
    let shards: Vec<Shard> = shards().iter().map(recent).collect();
    let settings = Settings { trees: 20, ..Settings::default() };
    let plan = Plan { test_from: day("2021-05-01"), fold_days: 60, embargo_days: 14 };
    let judgement = judge(&shards, None, &settings, plan, &mut PlainRounds).unwrap();
    Card::new(&train(&shards, None, &settings, &mut PlainRounds).unwrap(), judgement, privacy).unwrap()
}

#[test]
fn a_person_reads_it() {
    let card = card();
    let page = card.to_markdown();
    assert!(page.contains("| eth-holder | synthetic |"));
    assert!(card.is_synthetic());
    // Fits may differ between processors in their last digits, which four decimals do not show; the hash does.
    let shown = page.replace(&card.hash.to_string(), "0x…");
    insta::assert_snapshot!(shown);
    let json: Card = serde_json::from_str(&card.to_json().unwrap()).unwrap();
    assert_eq!(json, card);
}

#[test]
fn a_card_of_public_scores_says_what_is_absent_and_why() {
    let mut found = card();
    let own = "What each member has of it";
    assert!(found.to_markdown().contains(own) && !found.to_markdown().contains("Judged on public records"));
    let absent = crate::judge::Absent { rival: "alone".into(), reason: "it would tell".into() };
    found.judgement =
        Judgement { basis: Basis::Public, absent: vec![absent], members: vec![], ..found.judgement.clone() };
    let page = found.to_markdown();
    assert!(page.contains("Judged on public records alone, not on members'. Absent are:\n\n- alone: it would tell\n"));
    assert!(!page.contains(own), "{page}");
    // A card of before is one of members' records.
    let mut json = serde_json::to_value(card()).unwrap();
    let judgement = json["judgement"].as_object_mut().unwrap();
    assert!(judgement.remove("basis").is_some() && judgement.remove("absent").is_some());
    assert_eq!(serde_json::from_value::<Card>(json).unwrap(), card());
}

#[test]
fn what_is_wrong_is_said() {
    let mut found = Card { privacy: None, ..card() };
    assert!(found.to_markdown().contains("No noise was added; there is no ε."));
    let before = r#"{"epsilon_record":1.0,"epsilon_day":2.0,"delta":1e-5}"#;
    assert_eq!(serde_json::from_str::<Privacy>(before).unwrap().year, None, "a card of before is read");
    found.drawdown_fit = Some(DrawdownFit::FedAvg);
    let fitted = "Its drawdown probability was fitted by averages of the members' own steps (FedAvg).";
    assert!(found.to_markdown().contains(fitted));
    found.drawdown_fit = None;
    assert!(!found.to_markdown().contains("was fitted by"));
    found.left_out = vec![LeftOut { member: "a|b\nc".into(), part: "forest".into(), reason: "2 of 2".into() }];
    found.data[0].member = "a|b\nc".into();
    let text = found.to_markdown();
    assert!(text.contains("| a\\|bc | synthetic |") && text.contains("- a\\|bc of forest: 2 of 2"), "{text}");
}

/// Warnings follow from the numbers, one by one.
#[test]
fn each_weakness_is_warned_of() {
    let made = card();
    let file = crate::fixture::model_file(crate::fixture::parameters());
    let starts = |warnings: &[String], text: &str| warnings.iter().any(|warning| warning.starts_with(text));
    let all = |judgement: &Judgement, private| warnings(&file, judgement, private);
    let found = all(&made.judgement, false);
    assert!(starts(&found, "No noise was added"), "{found:?}");
    assert!(starts(&found, "Positions and flows of 1 of 1 members are *synthetic*"), "{found:?}");
    assert!(starts(&found, "It knows 90 records before a drawdown"), "{found:?}");
    let private = all(&made.judgement, true);
    assert!(!starts(&private, "No noise was added") && starts(&private, "The ε is that of all sums that"));
    let public = all(&Judgement { basis: Basis::Public, ..made.judgement.clone() }, true);
    assert!(!public.iter().any(|one| one.contains("members' own records")), "{public:?}");
    assert!(public.iter().any(|one| one.contains("scores are of public records alone")), "{public:?}");
    let mut judgement = made.judgement;
    let costs =
        |judgement: &Judgement| starts(&all(judgement, true), "Days beyond the value at risk cost `eth-holder` 3.2");
    assert!(costs(&judgement));
    judgement.coverage.iter_mut().for_each(|row| row.shortfall.p = REJECTED_BELOW);
    assert!(!costs(&judgement));
    let row = judgement.rows.iter_mut().find(|row| (row.family, row.way) == (Task::Drawdown.used(), Way::Together));
    let scores = &mut row.unwrap().scores;
    scores.iter_mut().filter(|(metric, _)| *metric == Metric::Auc).for_each(|(_, auc)| *auc = 0.55);
    assert!(starts(&all(&judgement, true), "An AUC of 0.550 is near that of a coin"));
    judgement.rows.clear();
    assert!(all(&judgement, true).iter().any(|one| one == NO_AUC));
    let verdicts =
        |judgement: &Judgement| all(judgement, true).iter().filter(|one| one.contains("does not pay")).count();
    let losing = judgement.verdicts.iter().filter(|verdict| !verdict.pays()).count();
    assert_eq!(verdicts(&judgement), losing);
    judgement.verdicts.clear();
    assert_eq!(verdicts(&judgement), 0);
    let (mut lone, mut poor) = (file.clone(), file.clone());
    (lone.parameters.forest, poor.parameters.tail) = (None, None);
    let said = warnings(&lone, &judgement, true);
    assert!(starts(&said, "There is no second opinion") && !starts(&said, "Parts are missing"));
    assert!(starts(&warnings(&poor, &judgement, true), "Parts are missing"));
}
