//! What an analyst relies on: nothing is known early, nothing is lost, and the same run gives the same bytes.
#![allow(clippy::unwrap_used, reason = "a test ends where its fixture is wrong")]

use alloy_primitives::{B256, keccak256};
use proptest::prelude::*;
use quaestor_core::{Policy, Price, Purpose, Rule, amount::WAD};
use quaestor_policies::VotedPolicy;
use quaestor_risk::EwmaModel;
use quaestor_simulations::{
    Day, Panel,
    assumptions::{Assumptions, Costs, Delays, Fill, FlowTerms},
    data::{self, Options, Window},
    delays::Delay,
    engine::{self, Plan, Session},
    market::Market,
    metrics::Summary,
    plain,
    run::{Fate, Run},
};
use std::collections::BTreeMap;

const POLICY: &str = include_str!("../../policies/library/balanced.toml");

fn policy(text: &str) -> VotedPolicy {
    quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap()
}

fn panel(from: &str, to: &str) -> Panel {
    panel_of(&["ETH", "USDC"], from, to)
}

fn panel_of(symbols: &[&str], from: &str, to: &str) -> Panel {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/daily");
    let day = |text: &str| text.parse::<Day>().unwrap().open_timestamp();
    let found = data::load(folder, &Options { now: u64::MAX, ..Options::default() }).unwrap();
    let window = Window { from: Some(day(from)), to: Some(day(to)), past: 0 };
    data::panel(&found, symbols, window).unwrap().panel
}

fn held(amounts: &[(&str, &str)]) -> BTreeMap<String, String> {
    amounts.iter().map(|(symbol, amount)| ((*symbol).to_owned(), (*amount).to_owned())).collect()
}

fn assumptions() -> Assumptions {
    let payroll = FlowTerms {
        name: "payroll".into(),
        account: "operations".into(),
        asset: "USDC".into(),
        monthly: Some("-60000.123457".into()),
        ..FlowTerms::default()
    };
    Assumptions {
        holdings: [
            ("operations".to_owned(), held(&[("USDC", "2000000"), ("WETH", "3000"), ("VOTE", "400000")])),
            ("reserve".to_owned(), held(&[("USDC", "1000000")])),
        ]
        .into(),
        flows: vec![payroll],
        costs: Costs { slippage_bps: 5, ..Costs::default() },
        prices: held(&[("VOTE", "2.5")]),
        ..Assumptions::default()
    }
}

/// Half of the signers are done within half a day, a tenth not within two days.
fn drawn() -> Delays {
    let safe_secs = Delay::LogNormal { median_secs: 43_200, p90_secs: 172_800, most_secs: None };
    Delays { safe_secs, execution_secs: Delay::Uniform { uniform: [0, 86_400] }, ..Delays::default() }
}

const START: usize = 60;
const SEED: u64 = 1;

fn run_on(panel: &Panel, policy: &VotedPolicy, assumptions: &Assumptions) -> (Run, Summary) {
    run_as(panel, policy, assumptions, true)
}

fn run_as(panel: &Panel, policy: &VotedPolicy, assumptions: &Assumptions, thorough: bool) -> (Run, Summary) {
    let assumed = assumptions.check(policy.terms()).unwrap();
    let market = Market::new(panel, policy.terms(), &assumed).unwrap();
    let model = EwmaModel::default();
    let run = engine::run(Plan {
        policy,
        model: &model,
        market: &market,
        assumed: &assumed,
        start: START,
        events: None,
        seed: SEED,
        thorough,
    });
    let summary = Summary::of(&run, policy.terms(), &market);
    (run, summary)
}

#[test]
fn a_run_on_what_was_known_is_the_beginning_of_the_run() {
    let (panel, policy) = (panel("2020-01-01", "2020-12-31"), policy(POLICY));
    for assumptions in [assumptions(), Assumptions { delays: drawn(), ..assumptions() }] {
        let (whole, _) = run_on(&panel, &policy, &assumptions);
        assert!(whole.proposals.len() > 5);
        for bars in [START + 1, 100, 137, 251] {
            let (part, _) = run_on(&panel.prefix(bars), &policy, &assumptions);
            let length = bars - START;
            assert_eq!(part.values, whole.values[..length], "{bars} bars");
            assert_eq!(part.forecasts, whole.forecasts[..part.forecasts.len()]);
            for (early, late) in part.proposals.iter().zip(&whole.proposals) {
                assert_eq!((early.at, early.value_usd, early.delay_secs), (late.at, late.value_usd, late.delay_secs));
                assert!(early.fate == late.fate || early.fate == Fate::Waiting);
            }
        }
    }
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let (panel, policy) = (panel("2020-01-01", "2020-12-31"), policy(POLICY));
    let bytes = || serde_json::to_vec(&run_on(&panel, &policy, &assumptions())).unwrap();
    assert_eq!(bytes(), bytes());
}

/// The library's policy with a payroll of the first of each month and grants of every second week. Where people are slow, a
/// period is paid in the next one.
fn paying() -> VotedPolicy {
    let line = |name: &str, amount: &str, every: &str, begin: &str| {
        format!(
            "[[payments]]\nname = \"{name}\"\naccount = \"operations\"\nto = \"{name}\"\nasset = \"USDC\"\n\
             amount = \"{amount} USDC\"\nevery = \"{every}\"\nbegin = \"{begin}\"\ncatch_up = 1\n\n"
        )
    };
    let lines = line("payroll", "60000.5", "month", "2020-04-01T00:00:00Z")
        + &line("grants", "9000", "14d", "2020-04-03T00:00:00Z")
        + "[[strategies]]\nname = \"pay\"\nkind = \"payments\"\n\n[[strategies]]";
    let receivers = "[counterparties]\npayroll = \"eip155:1:0x1212121212121212121212121212121212121212\"\n\
                     grants = \"eip155:1:0x3434343434343434343434343434343434343434\"\n\n";
    policy(&POLICY.replacen("[[strategies]]", &format!("{receivers}{lines}"), 1))
}

#[test]
fn budget_lines_are_paid_once_in_each_period() {
    let (panel, policy) = (panel("2020-01-01", "2020-12-31"), paying());
    for delays in [Delays::default(), drawn()] {
        let assumptions = Assumptions { delays, flows: vec![], ..assumptions() };
        let (run, summary) = run_on(&panel, &policy, &assumptions);
        let mut paid: BTreeMap<(B256, u64), u64> = BTreeMap::new();
        for (proposed, intents) in run.proposals.iter().zip(&run.intents) {
            let Fate::Executed { at } = proposed.fate else { continue };
            for intent in intents {
                if let Purpose::Payment { line, period } = intent.purpose {
                    assert_eq!(paid.insert((line, period), at), None, "paid twice");
                    assert_eq!(intent.amount, policy.terms().budget_line(line).unwrap().amount);
                }
            }
        }
        let of = |name: &str| -> Vec<u64> {
            let line = keccak256(name);
            paid.keys().filter(|(of, _)| *of == line).map(|(_, period)| *period).collect()
        };
        assert_eq!(of("payroll"), (0..9).collect::<Vec<_>>(), "April to December");
        assert_eq!(of("grants"), (0..20).collect::<Vec<_>>());
        let (flows, expected) = (run.split.flows_usd, -(9.0 * 60_000.5 + 20.0 * 9_000.0));
        assert!((flows / expected - 1.0).abs() < 0.02, "{flows} instead of {expected}");
        assert!(summary.runway_months_min.is_some_and(|months| months > 0.0), "the burn is what the lines come to");
        // What is forgotten of the spends is not paid once more by a quick run either.
        let (quick, _) = run_as(&panel, &policy, &assumptions, false);
        assert_eq!((quick.values, quick.proposals), (run.values, run.proposals));
    }
}

/// A sweep leaves out what has no say in what is decided.
#[test]
fn a_quick_run_is_the_same_run() {
    let (panel, policy) = (panel("2020-01-01", "2020-12-31"), policy(POLICY));
    let fixed = |hours: u64| Delays { safe_secs: (hours * 3_600).into(), ..Delays::default() };
    for delays in [fixed(0), fixed(30), drawn()] {
        let told = delays.words();
        let assumptions = Assumptions { delays, ..assumptions() };
        // What is kept for a report alone a quick run does not keep.
        let kept = |thorough| {
            let (mut run, _) = run_as(&panel, &policy, &assumptions, thorough);
            assert!(run.proposals.len() > 5);
            (run.holdings, run.stable, run.forecasts, run.intents) = (vec![], vec![], vec![], vec![]);
            assert_eq!(run.refused.len() as u64, run.refusals.values().sum::<u64>());
            run
        };
        assert!(kept(true) == kept(false), "they differ: {told:?}");
    }
}

#[test]
fn what_can_be_drawn_in_one_way_alone_is_what_is_fixed() {
    let (panel, policy) = (panel("2020-01-01", "2020-12-31"), policy(POLICY));
    let bytes = |safe_secs: Delay| {
        let delays = Delays { safe_secs, ..Delays::default() };
        serde_json::to_vec(&run_on(&panel, &policy, &Assumptions { delays, ..assumptions() })).unwrap()
    };
    let fixed = bytes(90_000.into());
    assert_eq!(fixed, bytes(Delay::Uniform { uniform: [90_000, 90_000] }));
    assert_eq!(fixed, bytes(Delay::LogNormal { median_secs: 90_000, p90_secs: 90_000, most_secs: None }));
    assert_eq!(fixed, bytes(Delay::Sample { sample: vec![90_000] }));
}

#[test]
fn each_proposal_waits_for_what_is_drawn_and_another_seed_draws_otherwise() {
    let (panel, policy) = (panel("2020-01-01", "2020-12-31"), policy(POLICY));
    let told = Assumptions { delays: drawn(), ..assumptions() };
    let assumed = told.check(policy.terms()).unwrap();
    let market = Market::new(&panel, policy.terms(), &assumed).unwrap();
    let of = |seed| {
        let (assumed, policy, market) = (&assumed, &policy, &market);
        engine::run(Plan {
            policy,
            model: &EwmaModel::default(),
            market,
            assumed,
            start: START,
            seed,
            events: None,
            thorough: false,
        })
    };
    let run = of(SEED);
    let mut delays: Vec<u64> = run.proposals.iter().map(|it| it.delay_secs).collect();
    delays.sort_unstable();
    for proposal in &run.proposals {
        if let Fate::Executed { at } = proposal.fate {
            assert!(at - proposal.at >= proposal.delay_secs, "{proposal:?}");
        }
    }
    let people = Summary::of(&run, policy.terms(), &market).people_hours.unwrap();
    assert_eq!(people.longest, delays[delays.len() - 1] as f64 / 3_600.0);
    assert!(delays[0] as f64 / 3_600.0 < people.median && people.median < people.p90);
    delays.dedup();
    assert!(delays.len() > 5, "they differ: {delays:?}");
    assert_eq!(of(SEED), run);
    assert_ne!(of(SEED + 1).values, run.values);
}

#[test]
fn the_change_of_value_is_price_yield_flows_and_costs() {
    let (panel, policy) = (panel("2020-01-01", "2021-06-30"), policy(POLICY));
    // People may also be done just when a bar ends.
    for hours in [0, 1, 24, 30, 48] {
        let delays = Delays { safe_secs: (hours * 3_600).into(), ..Delays::default() };
        let (run, summary) = run_on(&panel, &policy, &Assumptions { delays, ..assumptions() });
        let split = run.split;
        let explained = run.initial_value + split.price_usd + split.yield_usd + split.flows_usd - split.costs_usd;
        assert!((explained - run.final_value()).abs() < 1e-6 * run.final_value(), "{explained} {}", run.final_value());
        assert!((split.costs_usd - summary.costs).abs() < 1.0, "{hours} h: {} {}", split.costs_usd, summary.costs);
        assert!(summary.executed > 5 && split.costs_usd > 0.0);
        let months = (panel.ends()[panel.len() - 1] - panel.begins_at(START)) as f64 / 2_592_000.0;
        assert!((split.flows_usd / months + 60_000.0).abs() < 1_000.0, "a month costs {}", split.flows_usd / months);
    }
}

/// The daily closes as hours, on straight lines from one to the next.
fn by_the_hour(daily: &Panel) -> Panel {
    let width = daily.symbols().len();
    let (mut ends, mut open, mut close) = (Vec::new(), Vec::new(), Vec::new());
    for bar in 1..daily.len() {
        for hour in 0..24u64 {
            ends.push(daily.begins_at(bar) + (hour + 1) * 3_600 - 1);
            for column in 0..width {
                let (from, to) = (daily.close(bar - 1, column).0, daily.close(bar, column).0);
                let at = |hour: u64| Price(from / 24 * u128::from(24 - hour) + to / 24 * u128::from(hour));
                open.push(at(hour));
                close.push(at(hour + 1));
            }
        }
    }
    Panel::new(daily.symbols().to_vec(), daily.begins_at(1), ends, open, close).unwrap()
}

/// 64 hours are no month; 64 half days are.
#[test]
fn of_hourly_prices_is_forecast_where_rounds_of_the_past_lie_apart() {
    let panel = by_the_hour(&panel("2020-01-01", "2020-03-10"));
    let (assumed, start) = (assumptions(), 40 * 24);
    for (step, is_forecast) in [("", false), ("history_step = \"12h\"\n", true)] {
        let own = POLICY.lines().filter(|line| !line.starts_with("history_step")).collect::<Vec<_>>().join("\n");
        let policy = policy(&own.replace("history_rounds = 256\n", &format!("history_rounds = 64\n{step}")));
        let assumed = assumed.check(policy.terms()).unwrap();
        let market = Market::new(&panel, policy.terms(), &assumed).unwrap();
        let model = EwmaModel::default();
        let (seed, thorough, events) = (SEED, true, None);
        let run = engine::run(Plan {
            policy: &policy,
            model: &model,
            market: &market,
            assumed: &assumed,
            start,
            seed,
            thorough,
            events,
        });
        assert!(run.forecasts.len() > 15);
        assert!(run.forecasts.iter().all(|it| it.volatility_bps.is_some() == is_forecast), "{step}");
        assert_eq!(
            run.proposals.is_empty(),
            !is_forecast,
            "above a ceiling that nobody knows to hold nothing is bought"
        );
    }
}

/// A decision of a bar is carried out in a later one, after the people's delay and never before it.
#[test]
fn nothing_is_executed_before_people_have_taken_their_time() {
    let (panel, policy) = (panel("2020-01-01", "2020-12-31"), policy(POLICY));
    for hours in [0, 1, 12, 30] {
        let delays = Delays { safe_secs: (hours * 3_600).into(), ..Delays::default() };
        let (run, _) = run_on(&panel, &policy, &Assumptions { delays, ..assumptions() });
        let executed = run.proposals.iter().filter_map(|it| match it.fate {
            Fate::Executed { at } => Some(at - it.at),
            _ => None,
        });
        let waited: Vec<u64> = executed.collect();
        assert!(!waited.is_empty() && waited.iter().all(|secs| *secs >= hours * 3_600), "{hours} h: {waited:?}");
    }
}

/// Signers who take longer than a price stands still find swaps that no longer bring what they must: these are withdrawn.
#[test]
fn what_went_stale_while_people_slept_is_withdrawn() {
    let (panel, policy) = (panel("2020-01-01", "2020-12-31"), policy(POLICY));
    let delays = Delays { safe_secs: (30 * 3_600).into(), ..Delays::default() };
    let (prompt, _) = run_on(&panel, &policy, &assumptions());
    let (slow, summary) = run_on(&panel, &policy, &Assumptions { delays, ..assumptions() });
    let stale = |run: &Run| run.count(|fate| matches!(fate, Fate::Withdrawn { .. } | Fate::Expired { .. }));
    assert!(stale(&slow) > stale(&prompt), "{} and {}", stale(&slow), stale(&prompt));
    let dry = |fate: &Fate| matches!(fate, Fate::Withdrawn { rule: Rule::DryRun, .. });
    assert!(slow.count(dry) > 0 && summary.withheld > 0, "while one waits the next is held back");
}

/// With a vote of ten days and proposals that live for two, a refill from the reserve never comes about; where they live
/// for fourteen, as in the policy that is shipped, it does.
#[test]
fn a_vote_longer_than_a_proposal_lives_executes_nothing() {
    let panel = panel("2020-01-01", "2020-12-31");
    let brief = policy(&POLICY.replace("= \"14d\"", "= \"48h\""));
    let low = [
        ("operations".to_owned(), held(&[("USDC", "90000"), ("WETH", "3000")])),
        ("reserve".to_owned(), held(&[("USDC", "3000000")])),
    ];
    let poor = Assumptions { holdings: low.into(), flows: vec![], ..assumptions() };
    let of_reserve =
        |run: &Run| run.proposals.iter().filter(|it| it.account == 1).map(|it| it.fate).collect::<Vec<_>>();
    let (run, _) = run_on(&panel, &brief, &poor);
    let fates = of_reserve(&run);
    assert!(!fates.is_empty() && fates.iter().all(|fate| !matches!(fate, Fate::Executed { .. })), "{fates:?}");
    let (run, _) = run_on(&panel, &policy(POLICY), &poor);
    assert!(of_reserve(&run).iter().any(|fate| matches!(fate, Fate::Executed { .. })));
    let quick = Delays {
        voting_delay_secs: 3_600.into(),
        voting_period_secs: 86_400.into(),
        timelock_secs: 3_600.into(),
        ..Delays::default()
    };
    let (run, _) = run_on(&panel, &brief, &Assumptions { delays: quick, ..poor });
    assert!(of_reserve(&run).iter().any(|fate| matches!(fate, Fate::Executed { .. })));
}

/// What the agent did on a local chain with the same prices: `quaestor fidelity --from 2020-02-15 --days 90` printed it. Two
/// votes were withdrawn when they were about to be queued, since the day's cap no longer held; three at a decision, which
/// proposed nothing in their place.
#[test]
fn votes_end_as_on_the_chain() {
    const EXECUTED: &str = "2020-02-17 2020-02-20 2020-02-27 2020-03-01 2020-03-03 2020-05-11";
    const WITHDRAWN: &str = "2020-02-15 2020-02-22 2020-02-23 2020-02-25 2020-05-05 2020-05-07 2020-05-09";
    let policy = policy(include_str!("../examples/fidelity-policy.toml"));
    let assumptions: Assumptions = toml::from_str(include_str!("../examples/fidelity.toml")).unwrap();
    let panel = panel_of(&["USDC", "ETH", "BTC"], "2019-12-17", "2020-05-14");
    let (run, _) = run_as(&panel, &policy, &assumptions, true);
    let votes = |wanted: fn(&Fate) -> bool| {
        let found = run.proposals.iter().filter(|it| it.account == 1 && wanted(&it.fate));
        found.map(|it| Day::at(it.at).unwrap().to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(votes(|fate| matches!(fate, Fate::Executed { .. })), EXECUTED);
    assert_eq!(votes(|fate| matches!(fate, Fate::Withdrawn { .. })), WITHDRAWN);
    assert_eq!(run.intents.len(), run.proposals.len());
    let (mut quick, _) = run_as(&panel, &policy, &assumptions, false);
    (quick.holdings, quick.stable) = (run.holdings.clone(), run.stable.clone());
    (quick.forecasts, quick.intents) = (run.forecasts.clone(), run.intents.clone());
    assert!(quick == run, "a quick run ends otherwise");
}

#[test]
fn bad_assumptions_are_named_all_at_once() {
    let policy = policy(POLICY);
    let wrong = Assumptions {
        holdings: [
            ("operations".to_owned(), held(&[("DOGE", "1"), ("USDC", "1.1234567")])),
            ("cellar".to_owned(), held(&[])),
        ]
        .into(),
        prices: held(&[("VOTE", "0")]),
        yields: [("uniswap".to_owned(), 300)].into(),
        costs: Costs { slippage_bps: 10_000, ..Costs::default() },
        delays: Delays { safe_secs: Delay::Sample { sample: vec![] }, ..Delays::default() },
        depth_usd: held(&[("WETH", "0"), ("USDC", "deep"), ("DOGE", "1")]),
        ..Assumptions::default()
    };
    let found: Vec<String> = wrong.check(policy.terms()).unwrap_err().iter().map(ToString::to_string).collect();
    for expected in [
        "`DOGE` is no asset",
        "holdings.operations.USDC",
        "`cellar` is no account",
        "prices.VOTE: is zero",
        "`uniswap` is no vault",
        "costs.slippage_bps: 10000 takes all",
        "delays.safe_secs: `sample` has 0 delays",
        "depth_usd.WETH: `0` is no depth",
        "depth_usd.USDC: `deep` is no depth",
        "depth_usd.DOGE: `DOGE` is no asset",
    ] {
        assert!(found.iter().any(|line| line.contains(expected)), "{expected} in {found:#?}");
    }
}

#[test]
fn an_asset_without_prices_is_named() {
    let (panel, policy) = (panel("2020-01-01", "2020-12-31"), policy(POLICY));
    let assumed = Assumptions { prices: held(&[]), ..assumptions() }.check(policy.terms()).unwrap();
    let error = Market::new(&panel, policy.terms(), &assumed).unwrap_err().to_string();
    assert!(error.contains("`VOTE`") && error.contains("ETH, USDC") && error.contains("prices.VOTE"), "{error}");
}

/// Prices that stand still, of two assets.
fn flat(bars: usize) -> Panel {
    let ends: Vec<u64> = (1..=bars as u64).map(|bar| bar * 86_400).collect();
    let prices = |bars: usize| (0..bars).flat_map(|_| [3, 500]).map(|usd| Price(usd * WAD)).collect::<Vec<_>>();
    Panel::new(vec!["A".into(), "B".into()], 0, ends, prices(bars), prices(bars)).unwrap()
}

/// Weights that are returned to every so many bars, from a million in cash.
fn weights(panel: &Panel, [a, b]: [u64; 2], every_bars: u64, fee_bps: u64) -> Run {
    let text = plain::policy(&[("A".into(), a), ("B".into(), b)], 100, Fill::NextBar);
    let policy = quaestor_policies::parse(text.as_bytes(), &plain::catalog()).unwrap();
    let assumptions = Assumptions {
        holdings: [(plain::ACCOUNT.to_owned(), held(&[(plain::CASH, "1000000")]))].into(),
        costs: Costs { fee_bps: Some(fee_bps), slippage_bps: 0, gas_gwei: 0, ..Costs::default() },
        delays: Delays { safe_secs: 0.into(), ..Delays::default() },
        every_bars: Some(every_bars),
        ..Assumptions::default()
    };
    let assumed = assumptions.check(policy.terms()).unwrap();
    let market = Market::new(panel, policy.terms(), &assumed).unwrap();
    let model = EwmaModel::default();
    engine::run(Plan {
        policy: &policy,
        model: &model,
        market: &market,
        assumed: &assumed,
        start: 0,
        events: None,
        seed: SEED,
        thorough: true,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Where nothing costs anything the second rebalancing finds nothing to do but what rounding left: a billionth of a
    /// dollar. Where swaps have a fee it moves no more than the fee took.
    #[test]
    fn rebalancing_twice_is_rebalancing_once(a in 500u64..5_000, b in 500u64..5_000, fee_bps in 0u64..100) {
        let panel = flat(8);
        let (once, often) = (weights(&panel, [a, b], 8, fee_bps), weights(&panel, [a, b], 1, fee_bps));
        let first = once.traded_usd;
        prop_assert!(first > 50_000.0 && once.proposals.len() == 1);
        let again = often.traded_usd - first;
        prop_assert!((0.0..=first * fee_bps as f64 / 10_000.0 * 1.02 + 1e-9).contains(&again), "{again} of {first}");
        let apart = (once.final_value() - often.final_value()).abs();
        prop_assert!(apart <= again * fee_bps as f64 / 10_000.0 + 1e-6, "{apart}");
    }

    /// A run that stops to be looked at is the run that does not.
    #[test]
    fn step_by_step_is_in_one_go(steps in proptest::collection::vec(1usize..60, 1..12), hours in 0u64..60) {
        let (panel, policy) = (panel("2020-01-01", "2020-08-31"), policy(POLICY));
        let delays = Delays { safe_secs: (hours * 3_600).into(), ..Delays::default() };
        let assumed = Assumptions { delays, ..assumptions() }.check(policy.terms()).unwrap();
        let market = Market::new(&panel, policy.terms(), &assumed).unwrap();
        let model = EwmaModel::default();
        let plan =
            Plan { policy: &policy, model: &model, market: &market, assumed: &assumed, start: START, seed: SEED, events: None, thorough: true };
        let whole = engine::run(plan);
        let mut session = Session::new(plan);
        let mut seen = 0;
        for bars in steps {
            let so_far = session.advance(bars);
            seen = (seen + bars).min(whole.values.len());
            prop_assert_eq!(&so_far.values, &whole.values[..seen]);
        }
        prop_assert_eq!(session.finish(), whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever is held, whatever it costs, whenever people are done: no balance goes below zero, nothing appears from nowhere,
    /// what prices and flows leave unexplained is what swaps said that they cost, the band is respected.
    #[test]
    fn value_is_explained_whatever_is_held(
        usdc in 200_000u64..5_000_000, weth in 10u64..20_000, slippage_bps in 0u64..60,
        hours in prop_oneof![0u64..80, (0u64..4).prop_map(|days| days * 24)], first in 0u16..300,
    ) {
        let from = Day::at(1_546_300_800 + u64::from(first) * 86_400).unwrap();
        let to = Day::at(1_546_300_800 + (u64::from(first) + 150) * 86_400).unwrap();
        let (panel, policy) = (panel(&from.to_string(), &to.to_string()), policy(POLICY));
        let (usdc, weth) = (usdc.to_string(), weth.to_string());
        let found = Assumptions {
            holdings: [("operations".to_owned(), held(&[("USDC", &usdc), ("WETH", &weth), ("VOTE", "1000")]))].into(),
            costs: Costs { slippage_bps, ..Costs::default() },
            delays: Delays { safe_secs: (hours * 3_600).into(), ..Delays::default() },
            ..assumptions()
        };
        let (run, summary) = run_on(&panel, &policy, &found);
        let split = run.split;
        let explained = run.initial_value + split.price_usd + split.yield_usd + split.flows_usd - split.costs_usd;
        prop_assert!((explained - run.final_value()).abs() < 1e-6 * run.initial_value);
        prop_assert!((split.costs_usd - run.paid.total()).abs() < 1e-9 * run.initial_value, "{split:?} {:?}", run.paid);
        prop_assert!(run.values.iter().all(|value| value.is_finite() && *value >= 0.0));
        prop_assert!(summary.proposals == summary.executed + summary.withdrawn + summary.expired + summary.waiting);
        let cap = policy.terms().limits.proposal_bps_max as f64 / 10_000.0;
        let most = run.values.iter().copied().fold(run.initial_value, f64::max);
        prop_assert!(run.proposals.iter().all(|it| it.value_usd <= cap * most * 1.000_001));
    }
}
