//! Models that a backtest trains along the way: of each, only what was known before it forecasts.
#![allow(clippy::unwrap_used, reason = "a test ends where its fixture is wrong")]

use quaestor::learning::along::{Along, AlongError, Opening};
use quaestor_core::{Policy, Price, RiskModel};
use quaestor_policies::VotedPolicy;
use quaestor_risk::EwmaModel;
use quaestor_simulations::{
    Day, Panel,
    assumptions::Assumptions,
    data::{self, Options, Window},
    engine::{self, Plan},
    market::Market,
    run::Run,
    succession::{Succession, Training},
};

const DAY: u64 = 86_400;
/// Bars before the first decision.
const START: usize = 420;
const POLICY: &str = include_str!("../../../policies/library/balanced.toml");

fn policy(text: &str) -> VotedPolicy {
    quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap()
}

/// A policy that asks for trained models.
fn trained(auc_bps_min: u64, age_max: &str) -> VotedPolicy {
    let model = format!(
        "history_rounds = 256\n\n[risk.model]\nkind = \"trained\"\nschedule = \"0 0 3 * * Mon\"\nage_max = \
         \"{age_max}\"\nauc_bps_min = {auc_bps_min}\n"
    );
    policy(&POLICY.replace("history_rounds = 256\n", &model))
}

/// ETH and USDC, day by day from this day on until before that one.
fn panel(days: u64) -> Panel {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../simulations/data/daily");
    let found = data::load(folder, &Options { now: u64::MAX, ..Options::default() }).unwrap();
    let first = "2018-11-01".parse::<Day>().unwrap().open_timestamp();
    let window = Window { from: Some(first), to: Some(first + (days - 1) * DAY), past: 0 };
    data::panel(&found, &["ETH", "USDC"], window).unwrap().panel
}

/// The same with ETH at a tenth of its price from `bar` on.
fn crashed(panel: &Panel, bar: usize) -> Panel {
    let width = panel.symbols().len();
    let eth = panel.column("ETH").unwrap();
    let price = |of: fn(&Panel, usize, usize) -> Price| -> Vec<Price> {
        let one = |place: usize| (place / width, place % width);
        let all = (0..panel.len() * width).map(one).map(|(at, column)| match column == eth && at >= bar {
            true => Price(of(panel, at, column).0 / 10),
            false => of(panel, at, column),
        });
        all.collect()
    };
    let (open, close) = (price(|it, at, column| it.open(at, column)), price(|it, at, column| it.close(at, column)));
    Panel::new(panel.symbols().to_vec(), panel.begins_at(0), panel.ends().to_vec(), open, close).unwrap()
}

fn assumptions() -> Assumptions {
    let held = [("USDC", "2000000"), ("WETH", "60000")].map(|(symbol, held)| (symbol.to_owned(), held.to_owned()));
    Assumptions {
        holdings: [("operations".to_owned(), held.into())].into(),
        prices: [("VOTE".to_owned(), "2.5".to_owned())].into(),
        ..Assumptions::default()
    }
}

fn along(panel: &Panel, policy: &VotedPolicy, every_days: u32) -> Along {
    let assumed = assumptions().check(policy.terms()).unwrap();
    let market = Market::new(panel, policy.terms(), &assumed).unwrap();
    let opening = Opening::of(policy.terms(), &market, &assumed, START).unwrap();
    Along::new(opening, policy.terms(), every_days, 1)
}

fn train(panel: &Panel, policy: &VotedPolicy, every_days: u32) -> (Succession, Vec<Training>) {
    let otherwise = Box::new(EwmaModel::default());
    along(panel, policy, every_days).run(panel, START, otherwise, |_, _, _| ()).unwrap()
}

fn run(panel: &Panel, policy: &VotedPolicy, model: &dyn RiskModel) -> Run {
    let assumed = assumptions().check(policy.terms()).unwrap();
    let market = Market::new(panel, policy.terms(), &assumed).unwrap();
    engine::run(Plan {
        policy,
        model,
        market: &market,
        assumed: &assumed,
        start: START,
        seed: 1,
        events: None,
        thorough: true,
    })
}

/// Whatever comes after a bar changes no model and no forecast before it.
#[test]
fn no_forecast_knows_what_comes_after_it() {
    const CRASH: usize = 560;
    let (before, policy) = (panel(680), trained(1_000, "45d"));
    let after = crashed(&before, CRASH);
    let [(models, told), (other_models, other_told)] = [&before, &after].map(|panel| train(panel, &policy, 60));
    let known = |it: &&Training| it.at < before.begins_at(CRASH);
    let early: Vec<_> = told.iter().filter(known).collect();
    assert_eq!(early, other_told.iter().filter(known).collect::<Vec<_>>());
    assert!(early.len() >= 2 && early.iter().any(|it| it.refused.is_none()), "{early:#?}");
    assert_ne!(told, other_told, "and those after it do know it");

    let [run, other] = [run(&before, &policy, &models), run(&after, &policy, &other_models)];
    let forecasts = |run: &Run| run.forecasts.iter().filter(|it| it.bar < CRASH).copied().collect::<Vec<_>>();
    assert_eq!(forecasts(&run), forecasts(&other));
    assert_eq!(run.values[..CRASH - START], other.values[..CRASH - START]);
    assert_ne!(run.forecasts, other.forecasts);
    // The plain estimate knows no drawdowns: where there is such a forecast, a trained model made it.
    let ends = before.ends();
    for forecast in &run.forecasts {
        assert_eq!(forecast.drawdown_probability_bps.is_some(), models.covers(ends[forecast.bar]), "{forecast:?}");
    }
    assert!(run.forecasts.iter().any(|it| it.drawdown_probability_bps.is_some()));
    assert!(run.forecasts.iter().any(|it| it.drawdown_probability_bps.is_none()));
}

/// A model is that of somebody who has the files as they were on that day.
#[test]
fn a_model_of_the_run_is_that_of_whoever_trains_on_that_day() {
    let (whole, policy) = (panel(680), trained(2_000, "365d"));
    let (models, told) = train(&whole, &policy, 100);
    let along = along(&whole, &policy, 100);
    let mut forecast = 0;
    for training in &told {
        let days = (training.at + 1 - whole.begins_at(0)) / DAY;
        let (records, lesson) = along.train(&panel(days));
        let lesson = lesson.unwrap();
        assert_eq!((records, Some(lesson.model.hash())), (training.records, training.hash));
        assert_eq!(lesson.card.judgement.auc_bps(), training.auc_bps);
        assert!(u64::from(lesson.card.trained_at_day) * DAY <= training.at, "it knows no later day");
        assert_eq!(training.refused.is_none(), training.auc_bps.is_some_and(|bps| bps >= 2_000), "{training:?}");
        if training.refused.is_none() {
            // It forecasts from the next second on, and not at its own.
            assert_ne!(models.at(training.at).hash(), lesson.model.hash());
            assert_eq!(models.at(training.at + 1).hash(), lesson.model.hash());
            forecast += 1;
        }
    }
    assert!(forecast > 0 && forecast < told.len(), "some are accepted and some refused: {told:#?}");
    assert_eq!(models.hash(), train(&whole, &policy, 100).0.hash());
}

#[test]
fn a_model_forecasts_until_it_is_too_old() {
    let (panel, policy) = (panel(680), trained(2_000, "30d"));
    let (models, told) = train(&panel, &policy, 100);
    let accepted = told.iter().find(|it| it.refused.is_none()).unwrap();
    let day = (accepted.at + 1) / DAY * DAY;
    // It knows the day before `day`.
    assert!(models.covers(day) && models.covers(day + 29 * DAY - 1) && !models.covers(day + 29 * DAY));
}

#[test]
fn a_run_trains_so_often_at_most() {
    let (panel, policy) = (panel(680), policy(POLICY));
    let error = along(&panel, &policy, 1).moments(&panel, 100).unwrap_err();
    assert!(matches!(error, AlongError::TooMany { found: 580, .. }), "{error}");
    let moments = along(&panel, &policy, 60).moments(&panel, START).unwrap();
    assert_eq!(moments, [420, 480, 540, 600, 660]);
    // From the first bar on there is nothing to learn from before it.
    assert_eq!(along(&panel, &policy, 300).moments(&panel, 0).unwrap(), [300, 600]);
}
