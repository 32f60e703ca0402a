//! What somebody who runs thousands of futures relies on: a path is its number, threads and interruptions change nothing, and
//! its figures are those of a backtest of it.
#![allow(clippy::unwrap_used, reason = "a test ends where its fixture is wrong")]

use quaestor_core::Policy;
use quaestor_policies::VotedPolicy;
use quaestor_risk::EwmaModel;
use quaestor_simulations::{
    Day, Panel,
    assumptions::{Assumptions, Checked, Delays, Fill, FlowTerms},
    data::{self, Options, Window},
    engine::{self, Plan},
    market::{Market, MarketError},
    metrics::Summary,
    montecarlo::{About, FAN_POINTS_MAX, Outcome, PART_KIND, Results, Scene, fan_bars},
    part::{Found, Head, Reader, Writer, join, shard},
    paths::{Futures, PathTerms, Paths},
    plain,
    report::{Provenance, montecarlo},
};
use std::ops::Range;

fn history() -> Panel {
    let options = Options { now: u64::MAX, ..Options::default() };
    let found = data::load(concat!(env!("CARGO_MANIFEST_DIR"), "/data/daily"), &options).unwrap();
    let day = |text: &str| Some(text.parse::<Day>().unwrap().open_timestamp());
    let window = Window { from: day("2019-06-01"), to: day("2021-06-30"), past: 0 };
    data::panel(&found, &["ETH", "USDC"], window).unwrap().panel
}

/// A balanced treasury that burns 60,000 dollars a month, and looks at its risk.
fn balanced() -> (VotedPolicy, Checked) {
    let text = include_str!("../../policies/library/balanced.toml")
        .replace("volatility_bps_max = 8000", "volatility_bps_max = 8000\nburn_monthly = \"60000 USD\"");
    let policy = quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap();
    let held = |amounts: &[(&str, &str)]| amounts.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let assumed = Assumptions {
        holdings: [("operations".to_owned(), held(&[("USDC", "600000"), ("WETH", "300"), ("VOTE", "40000")]))].into(),
        flows: vec![FlowTerms {
            name: "payroll".into(),
            account: "operations".into(),
            asset: "USDC".into(),
            monthly: Some("-60000".into()),
            ..FlowTerms::default()
        }],
        prices: held(&[("VOTE", "2.5")]),
        ..Assumptions::default()
    };
    let checked = assumed.check(policy.terms()).unwrap();
    (policy, checked)
}

fn weights() -> (VotedPolicy, Checked) {
    let text = plain::policy(&plain::weights("ETH=6000,USDC=2000").unwrap(), 20, Fill::NextBar);
    let policy = quaestor_policies::parse(text.as_bytes(), &plain::catalog()).unwrap();
    let cash = [(plain::CASH.to_owned(), "1000000".to_owned())].into();
    let assumed = Assumptions {
        holdings: [(plain::ACCOUNT.to_owned(), cash)].into(),
        delays: Delays { safe_secs: 0.into(), ..Delays::default() },
        every_bars: Some(30),
        ..Assumptions::default()
    };
    let checked = assumed.check(policy.terms()).unwrap();
    (policy, checked)
}

fn paths(futures: Futures, bars: usize, past: usize) -> Paths {
    Paths::fit(&history(), 0, PathTerms { futures, bars, past, block: 30.0, seed: 4 }).unwrap()
}

fn about(scene: &Scene<'_>) -> About {
    let hash = scene.paths.hash();
    let provenance =
        Provenance { data_hash: hash, policy_hash: hash, model_hash: hash, assumptions_hash: hash, seed: 4 };
    let about = About::new("Test".into(), scene, scene.initial_value().unwrap(), provenance);
    About { drawdown: 0.2, runway_months: 9.0, ..about }
}

fn outcomes(scene: &Scene<'_>, numbers: Range<u64>) -> Vec<Outcome> {
    let mut all = Vec::new();
    scene
        .run(numbers, |made| {
            all.extend(made);
            Ok::<_, MarketError>(true)
        })
        .unwrap();
    all
}

/// Paths of a part, as its file has them.
fn written(head: &Head, outcomes: &[Outcome]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::begin("part", &mut bytes, head).unwrap();
    outcomes.iter().for_each(|outcome| writer.push(outcome).unwrap());
    bytes
}

fn open(bytes: &[u8]) -> Reader<&[u8], Outcome> {
    Reader::open("part", PART_KIND, bytes).unwrap()
}

#[test]
fn threads_interruptions_and_shards_change_nothing() {
    let (policy, assumed) = weights();
    let (model, paths) = (EwmaModel::default(), paths(Futures::Regimes, 400, 2));
    let scene = Scene { policy: &policy, model: &model, assumed: &assumed, paths: &paths };
    let about = about(&scene);
    let head = about.head(230).unwrap();
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| outcomes(&scene, 0..230))
    };
    let (one, sixteen) = (on(1), on(16));
    let whole = written(&head, &one);
    assert!(whole == written(&head, &sixteen));
    let results = Results::of(&about, &one);
    let json = |results: &Results| serde_json::to_string(results).unwrap();
    assert_eq!(json(&results), json(&Results::of(&about, &sixteen)));
    // A path alone is the path among others.
    assert_eq!(outcomes(&scene, 77..78), one[77..78]);
    // What was finished when somebody ended it, written and read, and the rest after it.
    let mut kept = Vec::new();
    let ended = scene.run(0..230, |made| {
        kept.extend(made);
        Ok::<_, MarketError>(false)
    });
    ended.unwrap();
    assert!(!kept.is_empty() && kept.len() < 230, "it ends after the first batch");
    let bytes = written(&head, &kept);
    let mut reader = open(&bytes);
    let mut read: Vec<Outcome> = reader.by_ref().map(Result::unwrap).collect();
    read.extend(outcomes(&scene, reader.at()..230));
    assert!(written(&head, &read) == whole);
    let part = |index: u64| {
        let rows = shard(230, index, 2);
        written(&head.clone().of(rows.clone()), &outcomes(&scene, rows))
    };
    let (first, second) = (part(1), part(2));
    let joined: Vec<Outcome> = open(&first).chain(open(&second)).map(Result::unwrap).collect();
    assert_eq!(joined, one);
    // The report needs nothing but its parts.
    let read = About::of(open(&second).head()).unwrap();
    assert_eq!(read, about);
    let html = montecarlo(&about, &results);
    assert_eq!(html, montecarlo(&read, &Results::of(&read, &joined)));
    assert!(html.contains("Synthetic") && html.matches("<svg").count() == 4);
}

#[test]
fn another_way_to_make_futures_up_and_another_question_are_another_run() {
    let (policy, assumed) = weights();
    let model = EwmaModel::default();
    let of = |futures: Futures, drawdown: f64| {
        let paths = paths(futures, 40, 2);
        let scene = Scene { policy: &policy, model: &model, assumed: &assumed, paths: &paths };
        // Hashes of the same data are the same, whatever is made up from it.
        let provenance = Provenance { data_hash: history().hash(), ..about(&scene).provenance };
        let head = About { drawdown, provenance, ..about(&scene) }.head(10).unwrap();
        Found { name: format!("{futures:?}"), end: 10, head }
    };
    let problem = |one, other| join(&[one, other]).unwrap_err()[0].to_string();
    let told = problem(of(Futures::Gbm, 0.2), of(Futures::Jump, 0.2));
    assert!(told.contains("Jump is of another run than Gbm: what is run differs: futures"), "{told}");
    let told = problem(of(Futures::Gbm, 0.2), of(Futures::Gbm, 0.3));
    assert!(told.ends_with("what is run differs: drawdown"), "{told}");
}

/// The same path through the backtest's own figures, for a policy with a risk ceiling, flows and a burn.
#[test]
fn figures_are_those_of_a_backtest_of_the_path() {
    let (policy, assumed) = balanced();
    let (model, paths) = (EwmaModel::default(), paths(Futures::Bootstrap, 120, 256));
    let scene = Scene { policy: &policy, model: &model, assumed: &assumed, paths: &paths };
    let found = outcomes(&scene, 0..6);
    let near = |one: f64, other: f64| assert!((one / other - 1.0).abs() < 1e-9, "{one} and {other}");
    let mut acted = 0;
    for outcome in &found {
        let mut panel = paths.panel();
        paths.fill(outcome.number, panel.marks_mut());
        let market = Market::new(&panel, policy.terms(), &assumed).unwrap();
        let plan = Plan {
            policy: &policy,
            model: &model,
            market: &market,
            assumed: &assumed,
            start: paths.start(),
            seed: paths.seed_of(outcome.number),
            events: None,
            thorough: true,
        };
        let run = engine::run(plan);
        let summary = Summary::of(&run, policy.terms(), &market);
        let own = outcome.policy;
        near(own.final_value, summary.final_value);
        near(1.0 + own.total_return, 1.0 + summary.figures.total_return);
        near(own.max_drawdown, summary.figures.max_drawdown);
        near(own.sharpe.unwrap(), summary.figures.sharpe.unwrap());
        near(own.cagr.unwrap(), summary.figures.cagr.unwrap());
        near(outcome.runway_months_min.unwrap(), summary.runway_months_min.unwrap());
        let hold = &summary.rivals[0];
        near(outcome.hold.final_value, *hold.values.last().unwrap());
        near(outcome.hold.max_drawdown, hold.figures.max_drawdown);
        near(outcome.hold.sharpe.unwrap(), hold.figures.sharpe.unwrap());
        assert_eq!((outcome.proposals, outcome.refusals), (summary.proposals as u64, summary.refusals));
        acted += summary.executed;
        assert_eq!(outcome.executed, summary.executed as u64);
        assert_eq!(*outcome.fan[..120].last().unwrap(), summary.final_value as f32);
    }
    assert!(acted > 0, "something was done");
    near(scene.initial_value().unwrap(), 600_000.0 * paths_last(&paths, 1) + 300.0 * paths_last(&paths, 0) + 100_000.0);
}

/// The last real mark of a column.
fn paths_last(paths: &Paths, column: usize) -> f64 {
    let mut panel = paths.panel();
    paths.fill(0, panel.marks_mut());
    panel.marks(paths.start() - 1)[column]
}

#[test]
fn odds_are_counted() {
    let (policy, assumed) = weights();
    let (model, paths) = (EwmaModel::default(), paths(Futures::Gbm, 90, 2));
    let scene = Scene { policy: &policy, model: &model, assumed: &assumed, paths: &paths };
    let found = outcomes(&scene, 0..300);
    let results = Results::of(&about(&scene), &found);
    let share = |is: fn(&Outcome) -> bool| found.iter().filter(|it| is(it)).count() as f64 / 300.0;
    assert_eq!(results.policy.loss_probability, share(|it| it.policy.total_return < 0.0));
    assert_eq!(results.policy.drawdown_probability, share(|it| it.policy.max_drawdown < -0.2));
    assert!((0.05..0.95).contains(&results.policy.drawdown_probability), "the question is one: {results:?}");
    assert_eq!(results.odds.runway_probability, None, "a plain policy burns nothing");
    assert_eq!((results.hold.loss_probability, results.fan.paths), (0.0, 300), "all cash at first");
    let value = results.policy.final_value.unwrap();
    let ends = results.fan.value.last().unwrap();
    assert!((ends[2] / value.p50 - 1.0).abs() < 1e-6, "the fan ends where the paths end");
    assert!(results.fan.value.iter().all(|row| row.windows(2).all(|pair| pair[0] <= pair[1])));
}

#[test]
fn a_fan_is_bounded_and_ends_at_the_end() {
    for bars in [1, 2, 119, 120, 121, 365, 8_760] {
        let found = fan_bars(bars);
        assert!(found.len() <= FAN_POINTS_MAX && *found.last().unwrap() == bars - 1, "{bars}: {found:?}");
        assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "{bars}");
    }
}
