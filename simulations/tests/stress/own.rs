//! Scenarios that an analyst writes.

use super::staged::*;
use quaestor_core::{Policy, Rule};
use quaestor_simulations::{
    assumptions::{Assumptions, Delays},
    run::Fate,
    scenario::{Cannot, Origin},
};

const HEAD: &str = "title = \"own\"\ngroup = \"operations\"\n";

fn own(rest: &str) -> quaestor_simulations::scenario::Scenario {
    scenario(&format!("{HEAD}{rest}"))
}

#[test]
fn a_shock_recovers_as_far_as_it_says() {
    let played = play(&own(
        "[synthetic]\nlength = 40\n[[shocks]]\nasset = \"WETH\"\nchange_bps = -4000\nat = 5\nover = \"2d\"\n\
         recovery_bps = 5000\nrecovery_after = \"10d\"\nrecovery_over = 4\n",
    ));
    let whole = played.price(1, "WETH");
    let share = |day| (played.price(day, "WETH") * 10_000).div_ceil(whole);
    assert_eq!([5, 6, 7, 17, 18, 19, 21, 40].map(share), [10_000, 8_000, 6_000, 6_000, 6_500, 7_000, 8_000, 8_000]);
    assert_eq!(played.price(40, "stETH"), played.price(1, "stETH"), "the others stand still");
}

/// A swap is judged at the price of the feeds and executed at that of the market.
#[test]
fn who_sells_at_a_price_that_the_market_left_fails_the_dry_run() {
    let played =
        play(&own("[synthetic]\nlength = 30\n[[shocks]]\nasset = \"WETH\"\nchange_bps = 12000\nat = 3\nover = 1\n\
         [[shocks]]\nasset = \"WETH\"\nchange_bps = -3000\nat = 4\nover = 1\n\
         [[events]]\nwhat = \"oracle-frozen\"\nasset = \"WETH\"\nfrom = 4\nto = 10\n"));
    assert_eq!(
        played.summary.refusals_by_rule.get(&Rule::DryRun),
        Some(&5),
        "one a day while the feed lies, from the day on after what waited was withdrawn"
    );
    assert!(!played.executed().iter().any(|day| (4..10).contains(day)));
}

/// One of two feeds fails: with a quorum of two there is no price, with a quorum of one there is.
#[test]
fn a_quorum_of_feeds_is_what_the_policy_says() {
    let second = "feeds = [\"eip155:1:0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419\", \
                  \"eip155:1:0x1234567890123456789012345678901234567810\"]";
    let two = POLICY.replace("feeds = [\"eip155:1:0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419\"]", second);
    let scenario = own(
        "[synthetic]\nlength = 20\n[[events]]\nwhat = \"oracle-stale\"\nasset = \"WETH\"\nfeed = 2\nfrom = 5\nto = 8\n",
    );
    let of = |text: &str| play_under(&policy_of(text), &scenario, &assumptions(), true).unwrap().summary;
    assert_eq!(of(&two).refusals, 0);
    // Every asset needs a second feed then.
    let mut quorum = two.replace("price_quorum_min = 1", "price_quorum_min = 2");
    for (place, feed) in [
        "0x8fFfFfd4AfB6115b954Bd326cbe7B4BA576818f6",
        "0xAed0c38402a5d19df6E4c03F4E2DceD6e29c1ee9",
        "0xCfE54B5cD566aB89272946F602D76Ea879CAb4a8",
        "0x9999999999999999999999999999999999999999",
    ]
    .iter()
    .enumerate()
    {
        let own = format!("feeds = [\"eip155:1:{feed}\"]");
        let both = format!(
            "feeds = [\"eip155:1:{feed}\", \"eip155:1:0x12345678901234567890123456789012345678{}\"]",
            place + 11
        );
        quorum = quorum.replace(&own, &both);
    }
    assert_eq!(of(&quorum).refusals_by_rule.get(&Rule::PriceQuorumMin), Some(&3));
}

/// The agent looks at a vote again before it is queued and executed, between two decisions: a feed that stopped has no price
/// for it either.
#[test]
fn a_vote_is_looked_at_with_the_prices_that_there_are() {
    let operations = [("USDC", "95000"), ("WETH", "580")];
    let poor = Assumptions {
        holdings: [("operations".to_owned(), held(&operations)), ("reserve".to_owned(), held(&[("USDC", "3000000")]))]
            .into(),
        flows: vec![],
        delays: Delays {
            voting_delay_secs: 3_600.into(),
            voting_period_secs: 108_000.into(),
            timelock_secs: 3_600.into(),
            ..Delays::default()
        },
        ..assumptions()
    };
    // The vote of the first day ends seven hours into the third.
    let first = |from: u32, thorough| {
        let text = format!(
            "[synthetic]\nlength = 8\n[[events]]\nwhat = \"oracle-stale\"\nkind = \"volatile\"\nfrom = {from}\nto = {}\n",
            from + 1
        );
        let played = try_play(&own(&text), &poor, thorough).unwrap();
        played.run.proposals.iter().find(|it| it.account == 1).unwrap().fate
    };
    for thorough in [true, false] {
        assert!(matches!(first(6, thorough), Fate::Executed { .. }), "{:?}", first(6, thorough));
        let stale = first(2, thorough);
        assert!(matches!(stale, Fate::Withdrawn { rule: Rule::PriceQuorumMin, .. }), "{stale:?}");
    }
}

#[test]
fn flows_stop_and_double_to_the_last_unit() {
    let calm = play(&own("[synthetic]\nlength = 30\n[[shocks]]\nasset = \"VOTE\"\nchange_bps = -1\nat = 0\n"));
    let price = calm.price(1, "USDC") as f64 / 1e18;
    let flowed = |rest: &str| {
        let text = format!("[synthetic]\nlength = 30\n[[events]]\nwhat = \"flows\"\n{rest}");
        play(&own(&text)).run.split.flows_usd / price
    };
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 0.01, "{found} and {expected}");
    near(calm.run.split.flows_usd / price, -40_000.0);
    // Ten of thirty days without revenue; with grants twice; with both.
    near(flowed("flow = \"revenue\"\ntimes = 0\nfrom = 5\nto = 15\n"), -40_000.0 - 20_000.0 / 3.0);
    near(flowed("direction = \"out\"\ntimes = 2\nfrom = 5\nto = 15\n"), -60_000.0);
    near(flowed("times = 0\nfrom = 0\n"), 0.0);
}

#[test]
fn one_account_may_sleep_and_one_venue_stand_still() {
    let text =
        "[synthetic]\nlength = 20\n[[shocks]]\nkind = \"volatile\"\nchange_bps = -3000\nat = 3\nover = 2\n[[events]]\n";
    let safe = play(&own(&format!("{text}what = \"asleep\"\naccount = \"reserve\"\nfrom = 0\n")));
    assert!(safe.summary.executed > 3, "the Safe goes on while voters sleep");
    let vault = play(&own(&format!("{text}what = \"venue-frozen\"\nvenue = \"savings\"\nfrom = 0\n")));
    let deposited = vault.held_at(20, "sUSDC") / vault.held_at(0, "sUSDC");
    assert!((deposited - 1.0).abs() < 0.01 && vault.summary.refusals_by_rule.contains_key(&Rule::DryRun));
    let swap = play(&own(&format!("{text}what = \"venue-frozen\"\nvenue = \"uniswap\"\nfrom = 0\n")));
    assert!(swap.held_at(20, "sUSDC") / swap.held_at(0, "sUSDC") > 1.2, "deposits go on");
}

/// A swap of a scenario moves the price as one of a backtest does: by the pool's liquidity or by an assumed depth.
#[test]
fn pools_stay_as_deep_as_they_were() {
    let scenario = own("[synthetic]\nlength = 20\n[[shocks]]\nasset = \"WETH\"\nchange_bps = -5000\nat = 5\n");
    let deep = play(&scenario);
    let assumed = Assumptions { depth_usd: held(&[("WETH", "1000000")]), ..assumptions() };
    let shallow = try_play(&scenario, &assumed, true).unwrap();
    assert_eq!(deep.run.paid.impact_usd, 0.0);
    assert!(shallow.run.paid.impact_usd > 0.0);
    // The same of the data: ten times the depth, a tenth of what is lost.
    let policy = policy();
    let checked = assumptions().check(policy.terms()).unwrap();
    let lost = |liquidity: u128| {
        let panel = days("2021-03-01", "2021-07-06");
        let bars = panel.len();
        let panel = panel.with_liquidity("ETH", vec![liquidity; bars], [6, 18]);
        let run = on_panel(&panel, &policy, &checked, &scenario);
        run.paid.impact_usd
    };
    let (some, tenfold) = (lost(10_000_000_000_000_000_000), lost(100_000_000_000_000_000_000));
    assert!(some > 0.0 && (some / tenfold - 10.0).abs() < 0.1, "{some} {tenfold}");
}

/// Who executes at the beginning of the bar in which a venue stops finds it stopped, though the dry run a moment before
/// went through.
#[test]
fn a_venue_that_stops_stops_what_was_just_rehearsed() {
    let text = include_str!("../../../policies/library/balanced.toml").replace("Mon-Fri", "*");
    let scenario = own("[synthetic]\nlength = 20\n[[shocks]]\nasset = \"WETH\"\nchange_bps = 1\nat = 15\n[[events]]\n\
                        what = \"venue-frozen\"\nfrom = 2\nto = 5\n");
    let at_once = Assumptions {
        holdings: [("operations".to_owned(), held(&[("USDC", "2000000"), ("WETH", "3000")]))].into(),
        delays: Delays { safe_secs: 0.into(), ..Delays::default() },
        prices: held(&[("VOTE", "2.5")]),
        ..Assumptions::default()
    };
    for thorough in [true, false] {
        let played = play_under(&policy_of(&text), &scenario, &at_once, thorough).unwrap();
        // What is decided at the end of a day is executed as the next one begins.
        assert!(played.executed().contains(&1) && played.made().contains(&2), "{:?}", played.made());
        assert!(!played.executed().iter().any(|day| (2..5).contains(day)), "{:?}", played.executed());
        assert!(played.summary.reverts > 0);
    }
}

#[test]
fn the_brake_counts_every_pull() {
    let played = play(&own(
        "[synthetic]\nlength = 30\n[[shocks]]\nkind = \"volatile\"\nchange_bps = -4000\nat = 3\nover = 20\n\
         [[events]]\nwhat = \"brake-pulled\"\nfrom = 5\nto = 6\n[[events]]\nwhat = \"brake-pulled\"\nfrom = 9\nto = 10\n",
    ));
    for pull in [5, 9] {
        let at = played.day(pull);
        let waited = played.run.proposals.iter().filter(|it| it.at <= at);
        assert!(waited.into_iter().all(|it| !matches!(it.fate, Fate::Executed { at: run } if run >= at)));
    }
    assert_eq!(played.summary.refusals_by_rule.get(&Rule::BrakePulled), Some(&2));
    assert_eq!(played.summary.withdrawn_by_rule.get(&Rule::BrakePulled), Some(&2));
}

#[test]
fn events_on_replayed_prices_are_called_synthetic() {
    let played =
        play(&own("[replay]\nfrom = \"2020-02-12\"\nto = \"2020-04-30\"\n[[events]]\nwhat = \"venue-frozen\"\n\
         from = \"2020-03-12\"\nto = \"2020-03-16\"\n"));
    assert_eq!(played.stage.origin, Origin::ReplayedSynthetic);
    assert!(played.stage.notes[0].contains("SYNTHETIC"));
    assert_eq!(played.stage.shades[0].time(), "2020-03-12 to 2020-03-15");
    assert!(!played.executed().iter().any(|day| (29..33).contains(day)), "12 to 15 March");
}

#[test]
fn what_the_policy_has_nothing_of_is_told() {
    let (none, some) = ("any_of = [\"rETH\"]", "any_of = [\"rETH\", \"stETH\"]");
    let text = |which: &str| {
        format!(
            "[synthetic]\nlength = 20\n[[shocks]]\n{which}\nchange_bps = -800\nat = 5\n[[events]]\nwhat = \"flows\"\ntimes = 2\nfrom = 1\n"
        )
    };
    let empty = Assumptions { flows: vec![], ..assumptions() };
    let error = try_play(&own(&text(none)), &empty, true).err().unwrap();
    assert!(matches!(error, Cannot::NotApplicable { .. }));
    assert!(error.to_string().contains("any of rETH") && error.to_string().contains("a flow"), "{error}");
    let played = try_play(&own(&text(some)), &empty, true).unwrap();
    assert!(played.stage.notes.iter().any(|note| note.contains("left out") && note.contains("flow")));
}

#[test]
fn names_that_are_not_there_are_told_all_at_once_with_their_lines() {
    let scenario = own("[synthetic]\nlength = 20\n[[shocks]]\nasset = \"DOGE\"\nchange_bps = -800\nat = 5\n\
         [[events]]\nwhat = \"venue-frozen\"\nvenue = \"curve\"\nfrom = 1\n\
         [[events]]\nwhat = \"asleep\"\naccount = \"cellar\"\nfrom = 1\n\
         [[events]]\nwhat = \"flows\"\nflow = \"rent\"\ntimes = 0\nfrom = 1\n\
         [[events]]\nwhat = \"brake-pulled\"\nfrom = \"30d\"\n\
         [[events]]\nwhat = \"brake-pulled\"\nfrom = 5\nto = 5\n");
    let found = try_play(&scenario, &assumptions(), true).err().unwrap().to_string();
    let lines: Vec<&str> = found.lines().collect();
    let symbols = policy().terms().assets.iter().map(|it| it.symbol.clone()).collect::<Vec<_>>().join(", ");
    assert_eq!(lines[0], format!("own.toml:5: `DOGE` is no asset of the policy; write one of: {symbols}"));
    assert_eq!(lines[1], "own.toml:9: `curve` is no venue of the policy; write one of: savings, uniswap");
    assert_eq!(lines[2], "own.toml:13: `cellar` is no account of the policy; write one of: operations, reserve");
    assert_eq!(lines[3], "own.toml:17: `rent` is no flow that is assumed; those are: grants, revenue");
    assert_eq!(
        lines[4],
        "own.toml:22: `from` lies outside of the scenario, which has 20 bars, 2021-07-07 to 2021-07-26"
    );
    assert_eq!(lines[5], "own.toml:25: `to` does not lie after `from`; write a later one");
    assert_eq!(lines.len(), 6);
}
