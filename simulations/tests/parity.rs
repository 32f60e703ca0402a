//! A plain comparison gives what vectorbt gives. Values are those of vectorbt 1.2.0 itself, `from_orders` with target
//! percentages, shared cash and automatic call sequence, printed by `parity.py` beside this file.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "a test ends where its fixture is wrong")]

use quaestor_core::Policy;
use quaestor_risk::EwmaModel;
use quaestor_simulations::{
    Day,
    assumptions::{Assumptions, Costs, Delays, Fill, Targets},
    data::{self, Options, Window},
    engine::{self, Plan},
    market::Market,
    metrics::Summary,
    plain,
};

/// Bars between two rebalancings, weights, fee and slippage in bps; values after the first, the 101st and the last bar,
/// Sharpe ratio, deepest fall.
type Case = (u64, &'static str, u64, u64, [f64; 5]);

const CASES: [Case; 6] = [
    (
        7,
        "ETH=5000,BTC=3000",
        10,
        10,
        [
            998_399.200_000_000_2,
            1_132_617.655_621_225,
            3_931_379.207_089_084,
            2.416_282_330_307_54,
            -0.483_315_109_703_165_27,
        ],
    ),
    (
        30,
        "ETH=2500,BTC=2500",
        30,
        5,
        [998_249.25, 1_076_182.270_004_660_4, 2_413_644.231_323_938, 2.429_126_573_458_731, -0.318_235_960_231_09],
    ),
    (
        1,
        "ETH=6000,BTC=3500",
        10,
        10,
        [
            998_099.050_000_000_3,
            1_122_740.937_847_893_8,
            4_789_030.658_290_235,
            2.407_162_759_356_289,
            -0.553_335_396_468_082_5,
        ],
    ),
    // Nothing is left in cash: the largest purchase has to do with what the others leave.
    (
        7,
        "ETH=6000,BTC=4000",
        10,
        10,
        [
            998_002.996_004_994_1,
            1_111_299.349_413_414,
            5_083_063.429_047_938,
            2.419_231_078_444_884_7,
            -0.573_909_307_623_418_9,
        ],
    ),
    (
        30,
        "ETH=4000,BTC=6000",
        30,
        5,
        [
            996_510.717_721_896_8,
            1_062_227.819_270_386,
            4_734_340.661_323_721,
            2.417_471_858_230_722_4,
            -0.556_881_900_197_783_8,
        ],
    ),
    (
        1,
        "ETH=5000,BTC=5000",
        0,
        0,
        [1_000_000.0, 1_085_098.377_832_800_6, 4_925_375.686_959_05, 2.428_645_433_365_523, -0.563_116_502_750_862_8],
    ),
];

#[test]
fn values_are_vectorbts_to_one_part_in_a_billion() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/daily");
    let day = |text: &str| text.parse::<Day>().unwrap().open_timestamp();
    let found = data::load(folder, &Options { now: u64::MAX, ..Options::default() }).unwrap();
    let window = Window { from: Some(day("2020-01-01")), to: Some(day("2020-12-31")), past: 0 };
    let panel = data::panel(&found, &["ETH", "BTC"], window).unwrap().panel;
    for (every, weights, fee_bps, slippage_bps, expected) in CASES {
        let text = plain::policy(&plain::weights(weights).unwrap(), fee_bps + slippage_bps, Fill::SameBar);
        let policy = quaestor_policies::parse(text.as_bytes(), &plain::catalog()).unwrap();
        let cash = [(plain::CASH.to_owned(), "1000000".to_owned())].into();
        let assumed = Assumptions {
            holdings: [(plain::ACCOUNT.to_owned(), cash)].into(),
            costs: Costs { slippage_bps, fee_bps: Some(fee_bps), gas_gwei: 0, targets: Targets::BeforeCosts },
            delays: Delays { safe_secs: 0.into(), ..Delays::default() },
            every_bars: Some(every),
            fill: Fill::SameBar,
            ..Assumptions::default()
        };
        let assumed = assumed.check(policy.terms()).unwrap();
        let market = Market::new(&panel, policy.terms(), &assumed).unwrap();
        let model = EwmaModel::default();
        for thorough in [true, false] {
            let plan = Plan {
                policy: &policy,
                model: &model,
                market: &market,
                assumed: &assumed,
                start: 0,
                events: None,
                seed: 1,
                thorough,
            };
            let run = engine::run(plan);
            let figures = Summary::of(&run, policy.terms(), &market).figures;
            let last = run.values[run.values.len() - 1];
            let found = [run.values[0], run.values[100], last, figures.sharpe.unwrap(), figures.max_drawdown];
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found / expected - 1.0).abs() < 1e-9, "{weights} every {every}: {found} and not {expected}");
            }
        }
    }
}
