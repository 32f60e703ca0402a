use super::*;

fn proposal(bar: u64, amount: u128) -> Proposal {
    let deed = |action, to: &str, least| Deed {
        strategy: "rebalance".into(),
        action,
        give: "WETH".into(),
        to: to.into(),
        amount,
        least,
    };
    let ran_at = bar * 86_400 + 3_600;
    let deeds = vec![deed("approve", "uniswap", 0), deed("swap", "USDC", amount * 2)];
    Proposal { decided_at: bar * 86_400, account: "operations".into(), deeds, end: End::Executed { ran_at } }
}

fn side() -> Side {
    Side { nav: vec![1_000_000.0, 1_010_000.0, 990_000.0], proposals: vec![proposal(1, 500_000), proposal(2, 70_000)] }
}

#[test]
fn the_same_is_the_same() {
    let found = compare(&side(), &side());
    assert!(found.within);
    assert_eq!((found.matched.len(), found.nav_end_bps, found.amount_worst_bps), (2, 0.0, 0.0));
    assert_eq!((found.missing.len(), found.extra.len(), found.differing.len()), (0, 0, 0));
}

#[test]
fn what_only_one_of_them_proposed_is_named() {
    let mut agent = side();
    let left_out = agent.proposals.remove(0);
    let found = compare(&agent, &side());
    assert!(!found.within);
    assert_eq!((found.matched.len(), &found.missing, found.extra.len()), (1, &vec![left_out.clone()], 0));

    let found = compare(&side(), &agent);
    assert!(!found.within);
    assert_eq!((found.matched.len(), found.missing.len(), &found.extra), (1, 0, &vec![left_out]));

    // A day later is another proposal.
    let mut agent = side();
    agent.proposals[1].decided_at += 86_400;
    let found = compare(&agent, &side());
    assert_eq!((found.within, found.missing.len(), found.extra.len()), (false, 1, 1));
}

#[test]
fn an_amount_that_changed_is_noticed_and_one_that_is_near_is_told() {
    let mut agent = side();
    agent.proposals[1].deeds[1].amount = 70_008;
    // 8 of 70,000 is 1.142857… bps.
    let found = compare(&agent, &side());
    assert!(found.within && (found.amount_worst_bps - 80_000.0 / 70_000.0).abs() < 1e-9, "{found:?}");

    agent.proposals[1].deeds[1].least += 141;
    // 141 of 140,000 is 10.07 bps.
    let found = compare(&agent, &side());
    assert_eq!((found.within, found.matched.len(), found.differing.len()), (false, 1, 1));
    assert!(found.differing[0].what.contains("10.07 bps"), "{}", found.differing[0].what);

    let mut agent = side();
    agent.proposals[0].deeds[1].to = "WBTC".into();
    let found = compare(&agent, &side());
    assert_eq!((found.within, found.differing.len()), (false, 1));
}

#[test]
fn what_ran_on_one_side_alone_is_noticed() {
    for end in [End::Withdrawn, End::Expired, End::Waiting] {
        let mut agent = side();
        agent.proposals[0].end = end;
        let found = compare(&agent, &side());
        assert_eq!((found.within, found.differing.len()), (false, 1), "{end:?}");
        assert!(found.differing[0].what.contains("on the chain it did not"), "{}", found.differing[0].what);
    }
    let mut agent = side();
    agent.proposals[0].end = End::Executed { ran_at: 86_400 + 3_640 };
    let found = compare(&agent, &side());
    assert_eq!((found.within, found.ran_apart_secs), (true, 40));
}

#[test]
fn eleven_basis_points_of_value_are_too_many() {
    let mut agent = side();
    agent.nav[2] = 990_000.0 * (1.0 - 0.001_1);
    let found = compare(&agent, &side());
    assert!(!found.within && (found.nav_end_bps - 11.0).abs() < 1e-6, "{found:?}");

    agent.nav[2] = 990_000.0 * (1.0 + 0.000_9);
    let found = compare(&agent, &side());
    assert!(found.within && (found.nav_end_bps - 9.0).abs() < 1e-6, "{found:?}");

    // On the way it may be more; which bar that was is told.
    let mut agent = side();
    agent.nav[1] = 1_010_000.0 * 1.002;
    let found = compare(&agent, &side());
    assert!(found.within && (found.nav_worst_bps - 20.0).abs() < 1e-6 && found.nav_worst_bar == 1, "{found:?}");

    // A bar that is missing is no small difference.
    let mut agent = side();
    agent.nav.pop();
    agent.nav.pop();
    assert!(!compare(&agent, &side()).within);
    assert!(!compare(&Side::default(), &side()).within);
}
