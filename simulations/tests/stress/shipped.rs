//! What must happen in each shipped scenario.

use super::staged::*;
use quaestor_core::{Policy, Rule};
use quaestor_risk::EwmaModel;
use quaestor_simulations::{
    engine::{self, Plan},
    market::Market,
    run::{Fate, Run},
    scenario::{Group, Origin, SHIPPED},
};

fn none_in(days: &[u64], from: u64, to: u64) -> bool {
    !days.iter().any(|day| (from..=to).contains(day))
}

#[test]
fn every_shipped_file_is_right_and_runs() {
    for (name, text) in SHIPPED {
        let scenario = named(name);
        assert_eq!(scenario.name, *name);
        assert!(text.starts_with('#') && !scenario.title.ends_with('.'), "{name} explains itself");
        let played = play(&scenario);
        assert!(played.run.decisions > 40 && played.summary.executed > 0, "{name} lets the policy act");
        assert!(played.run.values.iter().all(|value| value.is_finite() && *value > 0.0));
        let split = played.run.split;
        let explained =
            played.run.initial_value + split.price_usd + split.yield_usd + split.flows_usd - split.costs_usd;
        assert!((explained / played.run.final_value() - 1.0).abs() < 1e-6, "{name}: nothing is lost");
        let is_said = played.stage.notes.iter().any(|note| note.contains("SYNTHETIC"));
        assert_eq!(is_said, scenario.origin() != Origin::Replayed, "{name} says that it is made up, if it is");
    }
}

#[test]
fn the_same_scenario_gives_the_same_bytes_and_a_quick_run_is_the_same_run() {
    for (name, _) in SHIPPED {
        let run = |thorough| try_play(&named(name), &assumptions(), thorough).unwrap().run;
        let whole = run(true);
        assert_eq!(serde_json::to_vec(&whole).unwrap(), serde_json::to_vec(&run(true)).unwrap());
        let bare = |mut run: Run| {
            (run.holdings, run.stable, run.forecasts, run.intents) = (vec![], vec![], vec![], vec![]);
            run
        };
        assert!(bare(whole) == bare(run(false)), "{name} differs when it is quick");
    }
}

/// What happens later has no say in what was decided before.
#[test]
fn a_run_on_what_was_known_is_the_beginning_of_the_run() {
    let (policy, model) = (policy(), EwmaModel::default());
    for (name, _) in SHIPPED {
        let played = play(&named(name));
        let whole = &played.run;
        for bars in [1, 10, 17, 31] {
            let (stage, known) = (&played.stage, played.stage.panel.prefix(played.stage.start + bars));
            let market = Market::new(&known, policy.terms(), &stage.assumed).unwrap();
            let part = engine::run(Plan {
                policy: &policy,
                model: &model,
                market: &market,
                assumed: &stage.assumed,
                start: stage.start,
                seed: 1,
                events: Some(&stage.events),
                thorough: true,
            });
            assert_eq!(part.values, whole.values[..bars], "{name}, {bars} bars");
            for (early, late) in part.proposals.iter().zip(&whole.proposals) {
                assert_eq!((early.at, early.value_usd), (late.at, late.value_usd));
            }
        }
    }
}

#[test]
fn a_broad_downturn_halves_what_is_volatile_and_leaves_dollars_alone() {
    let scenario = named("broad-downturn");
    let played = play(&scenario);
    assert_eq!((scenario.group, played.stage.origin), (Group::BroadDownturn, Origin::Synthetic));
    assert_eq!(played.run.values.len(), 90);
    let (before, after) = (played.price(5, "WETH"), played.price(12, "WETH"));
    assert_eq!((after, played.price(90, "WETH")), (before / 2, before / 2));
    assert_eq!(played.price(90, "VOTE"), 750_000_000_000_000_000, "2.5 dollars less 70 %");
    assert_eq!(played.price(90, "USDC"), played.price(1, "USDC"));
    // Three of seven days: three sevenths of the half, in steps of 10⁻¹².
    let third = before - before * 3 / 14;
    assert!(played.price(8, "WETH").abs_diff(third) < before / 100_000_000_000);
    assert!(played.summary.figures.max_drawdown < -0.15);
}

/// Nothing is made up: the run is that on the data.
#[test]
fn history_is_replayed_as_it_was() {
    for (name, from, to, fall_bps) in
        [("march-2020", "2020-02-12", "2020-04-30", 4_200), ("may-2021", "2021-05-01", "2021-06-30", 5_000)]
    {
        let scenario = named(name);
        let played = play(&scenario);
        assert_eq!((played.stage.origin, played.run.start), (Origin::Replayed, 64));
        let policy = policy();
        let assumed = assumptions().check(policy.terms()).unwrap();
        let first: quaestor_simulations::Day = from.parse().unwrap();
        let past = quaestor_simulations::Day::at(first.open_timestamp() - 64 * 86_400).unwrap();
        let panel = days(&past.to_string(), to);
        let market = Market::new(&panel, policy.terms(), &assumed).unwrap();
        let model = EwmaModel::default();
        let plan = Plan {
            policy: &policy,
            model: &model,
            market: &market,
            assumed: &assumed,
            start: 64,
            seed: 1,
            events: None,
            thorough: true,
        };
        let plain = engine::run(plan);
        assert_eq!(plain.proposals, played.run.proposals, "{name}: as in a backtest of the same days");
        assert_eq!((&plain.refusals, plain.trades), (&played.run.refusals, played.run.trades));
        // A constant price is summed apart from those of columns.
        let is_near = |(a, b): (&f64, &f64)| (a / b - 1.0).abs() < 1e-12;
        assert!(plain.values.iter().zip(&played.run.values).all(is_near), "{name}");
        let ether = panel.column("ETH").unwrap();
        let closes: Vec<u128> = (63..panel.len()).map(|bar| panel.close(bar, ether).0).collect();
        let least = closes.iter().min().unwrap();
        let most = closes.iter().take_while(|close| *close != least).max().unwrap();
        assert!((most - least) * 10_000 / most > fall_bps, "the fall is in it");
    }
}

#[test]
fn depeg_exit_leaves_a_stable_asset_that_loses_its_peg() {
    let scenario = named("stable-depeg");
    let played = play(&scenario);
    assert_eq!(scenario.group, Group::BrokenCorrelation);
    // USDC is the one that the treasury has most of; DAI keeps its dollar.
    assert_eq!(played.price(11, "USDC"), played.price(1, "USDC") * 88 / 100);
    assert_eq!((played.price(11, "DAI"), played.price(45, "USDC")), (played.price(1, "DAI"), played.price(1, "USDC")));
    let into_dai = played.held_at(20, "DAI") - played.held_at(10, "DAI");
    assert!(into_dai > 500_000.0, "a step a day went into DAI: {into_dai}");
    // Without the strategy none does.
    let (head, rest) = POLICY.split_once("[[strategies]]\nname = \"peg\"").unwrap();
    let without = format!("{head}{}", &rest[rest.find("[[strategies]]").unwrap()..]);
    let calm = play_under(&policy_of(&without), &scenario, &assumptions(), true).unwrap();
    // But for gas, which it pays with it.
    assert!((calm.held_at(45, "DAI") - calm.held_at(10, "DAI")).abs() < 500.0);
}

#[test]
fn a_vault_loses_for_good_and_a_staked_token_comes_back() {
    let played = play(&named("staked-depeg"));
    let index = played.stage.panel.index("sUSDC").unwrap();
    let (before, after) = (index[played.stage.start + 9] as f64, index[played.stage.start + 10] as f64);
    // A day's yield of four percent a year is 1.07 bps.
    assert!((after / before - 0.85 * 1.000_107_5).abs() < 1e-6, "{}", after / before);
    assert!(played.summary.split.yield_usd < -50_000.0, "what a vault loses is negative yield");
    let staked = |day| played.price(day, "stETH");
    assert_eq!((staked(12), staked(60)), (staked(1) * 92 / 100, staked(1)));
    assert_eq!(played.price(12, "WETH"), played.price(1, "WETH"), "ether itself does not move");
}

#[test]
fn with_stale_feeds_the_policy_refuses_for_want_of_a_price() {
    let played = play(&named("oracle-stale"));
    // From the ninth day to the sixteenth: decisions at the ends of seven bars.
    assert_eq!(played.summary.refusals_by_rule.get(&Rule::PriceQuorumMin), Some(&7));
    assert!(none_in(&played.made(), 10, 16));
    assert!(played.made().contains(&9) && played.made().contains(&17), "before and after it goes on");
    assert!(played.price(16, "WETH") < played.price(9, "WETH") / 2, "meanwhile the market fell");
}

#[test]
fn a_frozen_feed_hides_the_fall_until_it_goes_on() {
    let (frozen, open) = (play(&named("oracle-frozen")), play(&named("venue-frozen")));
    let swaps = |run: &Run, days: std::ops::Range<u64>, first: u64| {
        let large = run.proposals.iter().filter(|it| it.value_usd > 100_000.0);
        large.map(|it| (it.at - first) / 86_400).filter(|day| days.contains(day)).count()
    };
    assert!(frozen.price(13, "WETH") == open.price(13, "WETH") && frozen.price(13, "WETH") < frozen.price(9, "WETH"));
    assert_eq!(swaps(&frozen.run, 10..17, frozen.day(0)), 0, "no share has left its band, as far as feeds show");
    assert!(swaps(&frozen.run, 17..20, frozen.day(0)) > 0, "then it buys back");
    assert_eq!(frozen.summary.refusals, 0, "no rule can see it");
}

#[test]
fn gas_costs_so_many_times_as_much_in_its_bars_alone() {
    let played = play(&named("gas-spike"));
    let (panel, start) = (&played.stage.panel, played.stage.start);
    let gwei = |day: usize| panel.gas(start + day).unwrap() / 1_000_000_000_000_000_000;
    assert_eq!([gwei(8), gwei(9), gwei(18), gwei(19)], [30, 1_500, 1_500, 30]);
    let calm = play(&named("oracle-frozen"));
    assert!(played.run.paid.gas_usd > 20.0 * calm.run.paid.gas_usd);
}

#[test]
fn while_venues_are_frozen_swaps_revert_and_what_waits_is_withdrawn() {
    let played = play(&named("venue-frozen"));
    assert!(played.summary.reverts >= 1, "somebody tried, and it would have reverted");
    assert_eq!(
        played.summary.refusals_by_rule.get(&Rule::DryRun),
        Some(&9),
        "each fails its dry run, from the day on after what waited was withdrawn"
    );
    assert!(none_in(&played.executed(), 9, 18) && none_in(&played.made(), 10, 19));
    let tried = played.run.proposals.iter().find(|it| it.reverts > 0).unwrap();
    assert!(matches!(tried.fate, Fate::Withdrawn { at, .. } if at <= played.day(11)), "{tried:?}");
    assert!(played.executed().iter().any(|day| *day >= 19), "then it goes on");
}

#[test]
fn while_governance_sleeps_proposals_expire() {
    let played = play(&named("governance-asleep"));
    assert!(played.summary.expired >= 1 && played.summary.withheld >= 1, "the next one waits for the one that expires");
    assert!(none_in(&played.executed(), 9, 29));
    let expired = played.run.proposals.iter().filter_map(|it| match it.fate {
        Fate::Expired { at } => Some(at - it.at),
        _ => None,
    });
    assert!(expired.into_iter().all(|secs| secs == 172_800), "after the 48 hours that the policy lets them live");
    assert!(played.executed().iter().any(|day| *day >= 30), "who wakes up goes on");
}

#[test]
fn while_the_brake_is_pulled_nothing_is_proposed_or_executed_and_what_waited_never_runs() {
    let played = play(&named("brake-pulled"));
    assert_eq!(played.summary.refusals_by_rule.get(&Rule::BrakePulled), Some(&10));
    assert!(none_in(&played.made(), 10, 19) && none_in(&played.executed(), 9, 18));
    let pulled = played.day(9);
    let before: Vec<_> = played.run.proposals.iter().filter(|it| it.at <= pulled).collect();
    assert!(before.iter().all(|it| !matches!(it.fate, Fate::Executed { at } if at >= pulled)));
    let withdrawn = Fate::Withdrawn { at: pulled, rule: Rule::BrakePulled };
    assert_eq!(before.iter().filter(|it| it.fate == withdrawn).count(), 1, "the one that waited");
    assert!(played.executed().iter().any(|day| *day >= 19), "once released it goes on");
}
