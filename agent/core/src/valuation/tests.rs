use super::*;
use crate::{
    amount::BPS_ONE,
    fixture::{NOW, OPERATIONS, RESERVE, USDC, WETH, snapshot, terms, usd},
    snapshot::Round,
};
use proptest::prelude::*;

fn feed(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

/// The price of WETH by `answers`, each a price and its age in seconds, under `change`d terms.
fn resolved(answers: &[(Option<u128>, i64)], change: impl FnOnce(&mut Terms)) -> AssetPrice {
    let (mut terms, mut snapshot) = (terms(), snapshot(100));
    change(&mut terms);
    let reading = |(position, (price, age)): (usize, &(Option<u128>, i64))| FeedReading {
        feed: feed(u8::try_from(position).unwrap()),
        rounds: vec![
            Round { price: Some(Price(1)), updated_at: 0 },
            Round { price: price.map(Price), updated_at: NOW.checked_add_signed(-age).unwrap() },
        ],
    };
    snapshot.assets[1].feeds = answers.iter().enumerate().map(reading).collect();
    Prices::resolve(&terms, &snapshot).0[1].clone()
}

fn dropped(answer: (Option<u128>, i64)) -> Option<Dropped> {
    let found = resolved(&[answer], |_| {});
    assert_eq!(found.price.is_none(), found.usable == 0);
    found.dropped.first().map(|(_, reason)| *reason)
}

#[test]
fn an_answer_counts_while_it_is_positive_past_and_fresh() {
    assert_eq!(dropped((Some(5), 0)), None);
    assert_eq!(dropped((Some(5), 3_600)), None);
    assert_eq!(dropped((Some(5), 3_601)), Some(Dropped::Stale));
    assert_eq!(dropped((Some(5), -1)), Some(Dropped::Future));
    assert_eq!(dropped((Some(0), 0)), Some(Dropped::NonPositive));
    assert_eq!(dropped((None, 0)), Some(Dropped::NonPositive));
    let narrower = resolved(&[(Some(5), 61)], |terms| terms.limits.price_age_secs_max = 60);
    assert_eq!(narrower.dropped, [(feed(0), Dropped::Stale)]);
    let wider = resolved(&[(Some(5), 3_601)], |terms| terms.limits.price_age_secs_max = 9_999);
    assert_eq!(wider.dropped, [(feed(0), Dropped::Stale)], "an asset's own limit stays");
}

#[test]
fn a_feed_that_was_not_read_has_no_price() {
    let mut unread = snapshot(100);
    unread.assets[1].feeds[0].rounds.clear();
    let prices = Prices::resolve(&terms(), &unread);
    assert_eq!(prices.0[1].dropped, [(terms().assets[1].feeds[0], Dropped::Unread)]);
    assert_eq!((prices.of(WETH), prices.of(USDC), prices.of(AssetId(9))), (None, Some(usd(1)), None));
}

#[test]
fn shares_have_the_price_of_their_vaults_asset_at_its_rate() {
    let (mut terms, mut snapshot) = (terms(), snapshot(100));
    let shares = AssetId(2);
    terms.assets.push(crate::Asset { symbol: "sUSDC".into(), decimals: 18, feeds: vec![], ..terms.assets[0].clone() });
    terms.venues.push(crate::Venue {
        kind: crate::VenueKind::Erc4626 { asset: USDC, shares },
        pools: vec![],
        ..terms.venues[0].clone()
    });
    let mut price = |now: Option<u128>, asset_price: u128| {
        let rate = Some(crate::snapshot::RateReading { now: now.map(Amount), ..Default::default() });
        snapshot.assets.truncate(2);
        snapshot.assets[0].feeds[0].rounds[0].price = Some(Price(asset_price)).filter(|price| !price.is_zero());
        let reading = crate::snapshot::AssetReading { feeds: vec![], rate, ..snapshot.assets[0].clone() };
        snapshot.assets.push(reading);
        let found = Prices::resolve(&terms, &snapshot);
        assert_eq!(found.0[2].usable, if found.of(shares).is_some() { 1 } else { 0 });
        found.of(shares).map(|price| price.0)
    };
    let one = usd(1).0;
    assert_eq!(price(Some(1_100_001), one), Some(1_100_001 * one / 1_000_000));
    assert_eq!(price(Some(1), 3), None, "less than can be said is no price");
    assert_eq!(price(Some(1_999_999), 1), Some(1), "rounded down");
    assert_eq!((price(None, one), price(Some(1_000_000), 0)), (None, None));
    assert_eq!(price(Some(u128::MAX), u128::MAX), None, "it does not fit");
}

#[test]
fn the_price_is_the_median() {
    let price = |answers: &[u128]| {
        let answers: Vec<_> = answers.iter().map(|answer| (Some(*answer), 0)).collect();
        resolved(&answers, |_| {}).price.map(|price| price.0)
    };
    assert_eq!(price(&[]), None);
    assert_eq!(price(&[9, 1, 5]), Some(5));
    assert_eq!(price(&[4, 2, 9, 1]), Some(3));
    assert_eq!(price(&[4, 5]), Some(4), "rounded down");
    assert_eq!(price(&[u128::MAX, u128::MAX]), Some(u128::MAX));
    assert_eq!(price(&[u128::MAX, u128::MAX - 1]), Some(u128::MAX - 1));
}

#[test]
fn what_deviates_by_more_than_the_cap_is_dropped() {
    let cap = |terms: &mut Terms| terms.limits.price_deviation_bps_max = 100;
    let at = |answer| resolved(&[(Some(1_000_000), 0), (Some(1_000_000), 0), (Some(answer), 0)], cap);
    for within in [990_000, 1_010_000] {
        assert_eq!((at(within).usable, at(within).dropped), (3, vec![]));
    }
    for beyond in [989_999, 1_010_001, 1] {
        assert_eq!(at(beyond).dropped, [(feed(2), Dropped::Deviating)], "{beyond}");
        assert_eq!(at(beyond).price, Some(Price(1_000_000)));
    }
    let apart = resolved(&[(Some(100), 0), (Some(200), 0)], cap);
    assert_eq!((apart.price, apart.usable, apart.dropped.len()), (None, 0, 2), "neither of two is believed");
    assert_eq!(resolved(&[(Some(1), 0), (Some(u128::MAX), 0)], |_| {}).usable, 2, "unset is no cap");
}

#[test]
fn where_the_policy_holds_nobody_is_believed_while_one_deviates() {
    let hold = |terms: &mut Terms| {
        terms.limits.price_deviation_bps_max = 100;
        terms.on_disagreement = OnDisagreement::Hold;
    };
    let at = |answer, age| resolved(&[(Some(1_000_000), 0), (Some(1_000_000), 0), (Some(answer), age)], hold);
    assert_eq!((at(1_010_000, 0).price, at(1_010_000, 0).usable), (Some(Price(1_000_000)), 3));
    let split = at(1_010_001, 0);
    assert_eq!((split.price, split.usable, split.dropped), (None, 0, vec![(feed(2), Dropped::Deviating)]));
    // What is left out for its age disagrees with nobody.
    assert_eq!((at(1, 9_999).price, at(1, 9_999).usable), (Some(Price(1_000_000)), 2));
}

#[test]
fn below_the_quorum_there_is_no_price() {
    let quorum = |least| move |terms: &mut Terms| terms.limits.price_quorum_min = least;
    let answers = [(Some(5), 0), (Some(5), 0), (Some(5), 9_999)];
    assert_eq!(resolved(&answers, quorum(2)).price, Some(Price(5)));
    let short = resolved(&answers, quorum(3));
    assert_eq!((short.price, short.usable), (None, 2));
    assert_eq!(resolved(&[], quorum(0)).price, None, "no quorum still asks for one");
}

#[test]
fn a_treasury_is_worth_the_sum_over_its_accounts() {
    let (terms, mut snapshot) = (terms(), snapshot(100));
    let prices = Prices::resolve(&terms, &snapshot);
    let mut valuation = Valuation::default();
    valuation.fill(&terms, &snapshot, &prices).unwrap();
    assert_eq!((valuation.nav, valuation.stable), (Value(usd(700_000).0), Value(usd(400_000).0)));
    assert_eq!(valuation.weights_bps(), [5_714, 4_285]);
    assert_eq!(valuation.value_of(WETH), Value(usd(300_000).0));
    assert_eq!(valuation.value_of(AssetId(7)), Value::ZERO);
    assert_eq!(balance(&snapshot, RESERVE, USDC), Amount(300_000_000_000));
    assert_eq!(balance(&snapshot, AccountId(7), USDC), Amount::ZERO);
    assert!(is_own(&terms.accounts, terms.accounts[1].address) && !is_own(&terms.accounts, Address::ZERO));

    snapshot.accounts.iter_mut().for_each(|account| account.balances.fill(Amount::ZERO));
    valuation.fill(&terms, &snapshot, &Prices(vec![AssetPrice::default(); 2])).unwrap();
    assert_eq!((valuation.nav, valuation.weights_bps()), (Value::ZERO, vec![0, 0]), "what is not held needs no price");
}

#[test]
fn what_cannot_be_known_or_does_not_fit_is_no_valuation() {
    let (terms, honest) = (terms(), snapshot(100));
    let prices = Prices::resolve(&terms, &honest);
    let fails = |change: &dyn Fn(&mut Snapshot, &mut Prices)| {
        let (mut snapshot, mut prices) = (honest.clone(), prices.clone());
        change(&mut snapshot, &mut prices);
        Valuation::default().fill(&terms, &snapshot, &prices).is_none()
    };
    let hold = |snapshot: &mut Snapshot, account: AccountId, asset: AssetId, amount| {
        snapshot.accounts[account.index()].balances[asset.index()] = Amount(amount);
    };
    assert!(!fails(&|_, _| {}));
    assert!(fails(&|_, prices| prices.0[1].price = None));
    assert!(fails(&|_, prices| prices.0.truncate(1)));
    assert!(fails(&|snapshot, _| snapshot.accounts[0].balances.truncate(1)));
    assert!(fails(&|snapshot, _| hold(snapshot, OPERATIONS, USDC, u128::MAX)), "the sum of the amounts");
    assert!(fails(&|snapshot, prices| {
        hold(snapshot, OPERATIONS, WETH, u128::MAX >> 1);
        prices.0[1].price = Some(Price(u128::MAX));
    }));
    assert!(
        fails(&|_, prices| {
            // Each alone fits: 400 000 and 150 whole tokens.
            prices.0[0].price = Some(Price(u128::MAX / 400_000));
            prices.0[1].price = Some(Price(u128::MAX / 150));
        }),
        "the sum of the values"
    );
}

proptest! {
    #[test]
    fn the_median_lies_between_the_answers_and_order_does_not_matter(
        mut answers in prop::collection::vec(1u128.., 1..9), turn in 0usize..9
    ) {
        let price = |answers: &[u128]| {
            let answers: Vec<_> = answers.iter().map(|answer| (Some(*answer), 0)).collect();
            resolved(&answers, |_| {}).price.unwrap().0
        };
        let found = price(&answers);
        prop_assert!(answers.iter().min() <= Some(&found) && Some(&found) <= answers.iter().max());
        let below = answers.iter().filter(|answer| **answer < found).count();
        let above = answers.iter().filter(|answer| **answer > found).count();
        prop_assert!(2 * below <= answers.len() && 2 * above <= answers.len());
        let turn = turn % answers.len();
        answers.rotate_left(turn);
        prop_assert_eq!(price(&answers), found);
    }

    #[test]
    fn no_answer_used_lies_beyond_the_cap(answers in prop::collection::vec(1u128..1 << 90, 1..7), cap in 0u64..5_000) {
        let given: Vec<_> = answers.iter().map(|answer| (Some(*answer), 0)).collect();
        let found = resolved(&given, |terms| terms.limits.price_deviation_bps_max = cap);
        let mut sorted: Vec<_> = answers.iter().map(|answer| (Price(*answer), Address::ZERO)).collect();
        let middle = median(&mut sorted).unwrap().0;
        let within = answers.iter().filter(|answer| answer.abs_diff(middle) * BPS_ONE <= middle * u128::from(cap));
        prop_assert_eq!(found.usable, within.count() as u64);
        prop_assert_eq!(found.usable + found.dropped.len() as u64, answers.len() as u64);
    }
}
