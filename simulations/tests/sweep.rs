//! What an analyst relies on in a sweep: each row is the backtest of the changed policy, whoever makes it, wherever, in
//! whatever company.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

use alloy_primitives::B256;
use proptest::prelude::*;
use quaestor_core::{Catalog, Policy};
use quaestor_policies::VotedPolicy;
use quaestor_risk::EwmaModel;
use quaestor_simulations::{
    Day, Panel,
    assumptions::{Assumptions, Checked, Costs, Delays, Fill, FlowTerms},
    data::{self, Options, Window},
    engine::{self, Plan},
    market::Market,
    metrics::Summary,
    part::{self, Found, Head, Reader, Writer, join, shard},
    plain,
    report::Provenance,
    sweep::{
        About, Axis, Design, Ground, Judged, Metric, Outcome, PART_KIND, Results, Row, Spec, Sweep, SweepError,
        WalkForward, table,
    },
};
use std::sync::LazyLock;

const POLICY: &str = include_str!("../../policies/library/balanced.toml");
const START: usize = 30;

fn panel(symbols: &[&str], from: &str, to: &str) -> Panel {
    let options = Options { now: u64::MAX, ..Options::default() };
    let found = data::load(concat!(env!("CARGO_MANIFEST_DIR"), "/data/daily"), &options).unwrap();
    let day = |text: &str| Some(text.parse::<Day>().unwrap().open_timestamp());
    data::panel(&found, symbols, Window { from: day(from), to: day(to), past: 0 }).unwrap().panel
}

static MODEL: LazyLock<EwmaModel> = LazyLock::new(EwmaModel::default);

/// A policy with all that it is run with.
struct Scene {
    policy: VotedPolicy,
    catalog: Catalog,
    told: Assumptions,
    assumed: Checked,
    panel: Panel,
    start: usize,
}

impl Scene {
    fn of(text: &str, catalog: Catalog, told: Assumptions, panel: Panel, start: usize) -> Self {
        let policy = quaestor_policies::parse(text.as_bytes(), &catalog).unwrap();
        let assumed = told.check(policy.terms()).unwrap();
        Self { policy, catalog, told, assumed, panel, start }
    }

    fn market(&self) -> Market<'_> {
        Market::new(&self.panel, self.policy.terms(), &self.assumed).unwrap()
    }

    fn sweep<'a>(&'a self, market: &'a Market<'a>, spec: Spec) -> Result<Sweep<'a>, SweepError> {
        let Self { policy: base, catalog, told, assumed, start, .. } = self;
        Sweep::new(spec, Ground { base, catalog, told, assumed, market, model: &*MODEL, start: *start })
    }

    /// What a backtest of these inputs says.
    fn backtest(&self, policy: &VotedPolicy, assumed: &Checked) -> Summary {
        let market = Market::new(&self.panel, policy.terms(), assumed).unwrap();
        let model = EwmaModel::default();
        let run = engine::run(Plan {
            policy,
            model: &model,
            market: &market,
            assumed,
            start: self.start,
            seed: 1,
            events: None,
            thorough: false,
        });
        Summary::of(&run, policy.terms(), &market)
    }
}

/// The balanced policy through the crash of 2020.
static BALANCED: LazyLock<Scene> = LazyLock::new(|| {
    let amounts =
        |all: &[(&str, &str)]| all.iter().map(|(symbol, amount)| ((*symbol).into(), (*amount).into())).collect();
    let payroll = FlowTerms {
        name: "payroll".into(),
        account: "operations".into(),
        asset: "USDC".into(),
        monthly: Some("-60000".into()),
        ..FlowTerms::default()
    };
    let told = Assumptions {
        holdings: [
            ("operations".into(), amounts(&[("USDC", "2000000"), ("WETH", "6000"), ("VOTE", "400000")])),
            ("reserve".into(), amounts(&[("USDC", "1000000")])),
        ]
        .into(),
        flows: vec![payroll],
        prices: amounts(&[("VOTE", "2.5")]),
        ..Assumptions::default()
    };
    Scene::of(POLICY, quaestor_strategies::catalog(), told, panel(&["ETH", "USDC"], "2020-01-01", "2020-06-30"), START)
});

/// Plain weights, quick to run.
static PLAIN: LazyLock<Scene> = LazyLock::new(|| {
    let text = plain::policy(&plain::weights("ETH=3000,BTC=3000,UNI=2000").unwrap(), 20, Fill::NextBar);
    let told = Assumptions {
        holdings: [(plain::ACCOUNT.to_owned(), [(plain::CASH.to_owned(), "1000000".to_owned())].into())].into(),
        costs: Costs { gas_gwei: 0, fee_bps: Some(10), ..Costs::default() },
        delays: Delays { safe_secs: 0.into(), ..Delays::default() },
        every_bars: Some(7),
        ..Assumptions::default()
    };
    Scene::of(&text, plain::catalog(), told, panel(&["ETH", "BTC", "UNI"], "2020-10-01", "2021-04-30"), 0)
});

fn spec(axes: &[&str], design: Design) -> Spec {
    let axes = axes.iter().map(|text| Axis::parse(text).unwrap()).collect();
    Spec { axes, design, by: Metric::Sharpe, walk_forward: None, seed: 5 }
}

fn outcome(row: Row) -> Outcome {
    match row {
        Row::Ran { outcome, .. } => outcome,
        Row::Refused(why) => panic!("{why}"),
    }
}

/// To the last bit, and what does not exist in neither.
fn same(found: &Outcome, told: &Summary) {
    let figures = &told.figures;
    let known = |found: f64| (!found.is_nan()).then_some(found);
    assert_eq!((found.final_value, found.turnover, found.costs), (told.final_value, told.turnover, told.costs));
    assert_eq!(known(found.cagr), figures.cagr);
    assert_eq!(
        (known(found.volatility), known(found.sharpe), known(found.sortino)),
        (figures.volatility, figures.sharpe, figures.sortino)
    );
    assert_eq!((known(found.calmar), found.max_drawdown), (figures.calmar, figures.max_drawdown));
    assert_eq!((known(found.var95), known(found.cvar95)), (figures.var95, figures.cvar95));
    assert_eq!(found.outside_bands_share, told.outside_bands_share);
    let counts = [
        told.trades,
        told.decisions,
        told.proposals as u64,
        told.executed as u64,
        told.refusals,
        figures.drawdown_periods_max as u64,
    ];
    let own =
        [found.trades, found.decisions, found.proposals, found.executed, found.refusals, found.drawdown_periods_max];
    assert_eq!(own.map(u64::from), counts);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// A limit, a band, a ceiling, a parameter and an assumption at once; the text is edited without the code under test.
    #[test]
    fn a_row_is_the_backtest_of_the_edited_policy(
        week in 100i64..2_000, target in 2_000i64..4_000, ceiling in 1_000i64..9_000, least in 1i64..100, hours in 0i64..60, slow: bool,
    ) {
        let least = least * 1_000;
        let mut axes = vec![
            format!("limits.week_bps_max={week}"),
            format!("allocation.WETH.target_bps={target}"),
            format!("risk.volatility_bps_max={ceiling}"),
            format!("strategies.rebalance.trade_min={least} USD"),
            format!("delays.safe_secs={}", hours * 3_600),
        ];
        let mut edited = POLICY
            .replace("week_bps_max = 1000", &format!("week_bps_max = {week}"))
            .replace("WETH = { min_bps = 2000, target_bps = 3000", &format!("WETH = {{ min_bps = 2000, target_bps = {target}"))
            .replace("volatility_bps_max = 8000", &format!("volatility_bps_max = {ceiling}"))
            .replace("trade_min = \"5000 USD\"", &format!("trade_min = \"{least} USD\""));
        if slow {
            axes.push("policy.schedule=\"0 0 8 * * Mon\"".to_owned());
            edited = edited.replace("0 0 8 * * Mon-Fri", "0 0 8 * * Mon");
        }
        let axes: Vec<&str> = axes.iter().map(String::as_str).collect();
        let market = BALANCED.market();
        let sweep = BALANCED.sweep(&market, spec(&axes, Design::Grid)).unwrap();
        prop_assert_eq!(sweep.total(), 1);
        let read = quaestor_policies::parse(edited.as_bytes(), &BALANCED.catalog).unwrap();
        let delays = Delays { safe_secs: (hours as u64 * 3_600).into(), ..BALANCED.told.delays.clone() };
        let assumed = Assumptions { delays, ..BALANCED.told.clone() }.check(read.terms()).unwrap();
        same(&outcome(sweep.row(0)), &BALANCED.backtest(&read, &assumed));
    }
}

#[test]
fn random_weights_are_the_weights_of_a_plain_policy() {
    let market = PLAIN.market();
    let sweep = PLAIN.sweep(&market, spec(&["every=7,30"], Design::RandomWeights(40))).unwrap();
    let about = sweep.about(provenance(&PLAIN), Vec::new());
    assert_eq!(about.keys(), ["every", "weights.ETH", "weights.BTC", "weights.UNI"]);
    assert_eq!(about.short_keys(), ["every", "ETH", "BTC", "UNI"]);
    for row in [0, 1, 17, 38] {
        let point = about.points().point(row);
        let weights: Vec<(String, u64)> =
            ["ETH", "BTC", "UNI"].map(str::to_owned).into_iter().zip(point.weights.clone()).collect();
        assert_eq!(point.weights.iter().sum::<u64>(), 8_000, "as much in cash as before");
        let text = plain::policy(&weights, 20, Fill::NextBar);
        let read = quaestor_policies::parse(text.as_bytes(), &PLAIN.catalog).unwrap();
        let every_bars = Some([7, 30][row as usize % 2]);
        let assumed = Assumptions { every_bars, ..PLAIN.told.clone() }.check(read.terms()).unwrap();
        same(&outcome(sweep.row(row)), &PLAIN.backtest(&read, &assumed));
    }
}

fn provenance(scene: &Scene) -> Provenance {
    let (data_hash, policy_hash) = (scene.panel.hash(), scene.policy.hash());
    Provenance { data_hash, policy_hash, model_hash: B256::ZERO, assumptions_hash: B256::ZERO, seed: 5 }
}

/// Rows of a part, as its file has them.
fn written(sweep: &Sweep<'_>, head: &Head) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::begin("part", &mut bytes, head).unwrap();
    sweep.run(head.rows(), |_, rows| rows.iter().try_for_each(|row| writer.push(row)).map(|()| true)).unwrap();
    bytes
}

fn results(parts: &[&[u8]]) -> Results {
    let open = |bytes| Reader::<_, Row>::open("part", PART_KIND, bytes).unwrap();
    let mut results = Results::new(About::of(open(parts[0]).head()).unwrap());
    for bytes in parts {
        open(*bytes).for_each(|row| results.push(row.unwrap()));
    }
    results
}

/// Everything that is said of a sweep.
fn told(results: &Results) -> String {
    let judged = Judged::of(results);
    let document = quaestor_simulations::sweep::Document { results, judged: &judged };
    let html = quaestor_simulations::report::sweep(results, &judged, None);
    format!("{}\n{}\n{html}", serde_json::to_string(&document).unwrap(), table(results).csv())
}

fn walking(spec: Spec) -> Spec {
    Spec { walk_forward: Some(WalkForward { train: 60, test: 20 }), ..spec }
}

#[test]
fn threads_and_shards_do_not_matter() {
    let market = PLAIN.market();
    for design in [Design::Random(300), Design::LatinHypercube(60), Design::RandomWeights(60)] {
        let axes = ["every=1,7,30", "costs.fee_bps=0..40:5", "limits.week_bps_max=50..5000"];
        let sweep = PLAIN.sweep(&market, walking(spec(&axes, design))).unwrap();
        let head = sweep.about(provenance(&PLAIN), vec!["nothing".to_owned()]).head(sweep.total()).unwrap();
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| written(&sweep, &head))
        };
        let (one, sixteen) = (on(1), on(16));
        assert!(one == sixteen, "{design:?}");
        let parts: Vec<Vec<u8>> =
            (1..=3).map(|at| written(&sweep, &head.clone().of(shard(sweep.total(), at, 3)))).collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        assert!(told(&results(&parts)) == told(&results(&[&one])), "{design:?}");
        // One row says the same alone.
        let mut alone = Vec::new();
        part::Row::write(&sweep.row(41), &mut alone);
        let Some(Ok(row)) = Reader::<_, Row>::open("part", PART_KIND, one.as_slice()).unwrap().nth(41) else {
            panic!()
        };
        let mut among = Vec::new();
        part::Row::write(&row, &mut among);
        assert_eq!(alone, among);
    }
}

#[test]
fn another_seed_and_another_policy_are_another_run() {
    let market = PLAIN.market();
    let of = |axes: &[&str], seed: u64| {
        let sweep = PLAIN.sweep(&market, Spec { seed, ..spec(axes, Design::Random(10)) }).unwrap();
        let provenance = Provenance { seed, ..provenance(&PLAIN) };
        let head = sweep.about(provenance, Vec::new()).head(10).unwrap();
        Found { name: format!("{axes:?} {seed}"), end: 10, head }
    };
    let problems = |one, other| join(&[one, other]).unwrap_err()[0].to_string();
    assert!(problems(of(&["every=1..9"], 1), of(&["every=1..9"], 2)).contains("the seed differs"));
    assert!(problems(of(&["every=1..9"], 1), of(&["every=1..8"], 1)).contains("what is run differs"));
}

#[test]
fn what_is_no_policy_is_counted_and_the_others_run() {
    let market = BALANCED.market();
    let axes = ["allocation.WETH.min_bps=1000,3500", "allocation.WETH.target_bps=3000,3800"];
    let sweep = BALANCED.sweep(&market, spec(&axes, Design::Grid)).unwrap();
    let mut results = Results::new(sweep.about(provenance(&BALANCED), Vec::new()));
    sweep
        .run(0..4, |_, rows| {
            rows.into_iter().for_each(|row| results.push(row));
            Ok::<_, ()>(true)
        })
        .unwrap();
    assert_eq!(results.about().short_keys(), ["min_bps", "target_bps"]);
    let judged = Judged::of(&results);
    assert_eq!((judged.configurations, judged.refused, judged.best.len()), (4, 1, 3));
    let why = judged.refused_first.clone().unwrap();
    assert!(why.contains("row 2") && why.contains("allocation.WETH.min_bps: is 3500, above"), "{why}");
    assert!(table(&results).csv().lines().nth(3).unwrap().starts_with("2,3500,3000,,,"), "{}", table(&results).csv());
}

#[test]
fn a_stop_is_heard_between_rows() {
    let market = PLAIN.market();
    let sweep = PLAIN.sweep(&market, spec(&["every=1..1000"], Design::Grid)).unwrap();
    let mut seen = Vec::new();
    sweep
        .run(3..1_000, |from, rows| {
            seen.push((from, rows.len()));
            Ok::<_, ()>(seen.len() < 2)
        })
        .unwrap();
    assert_eq!(seen, [(3, 256), (259, 256)]);
}

#[test]
fn what_is_wrong_is_named_with_its_remedy() {
    let market = BALANCED.market();
    let grid = |axes: &[&str]| BALANCED.sweep(&market, spec(axes, Design::Grid)).unwrap_err().to_string();
    for (axis, expected) in [
        ("limits.weak_bps_max=1,2", "write `week_bps_max`"),
        ("limits.proposal_bps_max=100,12000", "12000 will not do"),
        ("strategies.rebalanse.trade_min=\"5 USD\"", "write `rebalance`"),
        ("strategies.rebalance.trade_min=5000", "is of another type"),
        ("limts.week_bps_max=1", "nothing that can be varied"),
        ("costs.fee=1", "nothing that can be varied"),
        ("costs.fee_bps=10000", "takes all of a swap"),
        ("every=0", "write 1 or more"),
        ("every=weekly", "write a whole number"),
        ("value=1000000", "holdings are given"),
        ("risk.model.kind=ewma", "one model forecasts for all rows"),
        ("assets.WETH.decimals=6,18", "one market serves all rows"),
        ("policy.brake=x", "of that section only"),
        ("yields.savings=1", "nothing that can be varied"),
    ] {
        let found = grid(&[axis]);
        assert!(found.contains(expected), "{axis}: {found}");
    }
    assert!(grid(&[]).contains("nothing is varied"));
    assert!(
        grid(&["limits.week_bps_max=1..100000", "limits.day_bps_max=1..100000"])
            .contains("more than 10000000 configurations")
    );
    assert!(grid(&["limits.week_bps_max=1,2", "limits.week_bps_max=3,4"]).contains("varied twice"));
    let weights = BALANCED.sweep(&market, spec(&[], Design::RandomWeights(9))).unwrap_err().to_string();
    assert!(weights.contains("a policy with one strategy of kind `weights`"), "{weights}");
    let long = Spec { walk_forward: Some(WalkForward { train: 150, test: 30 }), ..spec(&["every=1,2"], Design::Grid) };
    let found = BALANCED.sweep(&market, long).unwrap_err().to_string();
    assert!(found.contains("has 0 windows in 152 bars"), "{found}");
}
