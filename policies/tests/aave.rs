//! Reserves of Aave v3: how a policy names them, and what is judged otherwise than of an ERC-4626 vault.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use alloy_primitives::keccak256;
use fixture::{NOW, OPERATIONS, RESERVE, USDC, WETH, World, address, catalog, facts, policy};
use proptest::prelude::*;
use quaestor_core::{
    AccountId, Action, Amount, Asset, AssetId, AssetKind, Intent, Policy, Price, Purpose, Rule, Value, Venue, VenueId,
    VenueKind, Verdict,
    amount::WAD,
    pipeline::precondition,
    snapshot::{AssetReading, BlockRef, CodeReading, EarlierRate, RateReading, Tally},
    valuation::Prices,
    verdict::Quantity,
};
use quaestor_policies::{Facts, VotedPolicy, parse, starting_policy};

/// The first of the assets and of the venues by name.
const ATOKENS: AssetId = AssetId(7);
const AAVE: VenueId = VenueId(0);
const USDC_ONE: u128 = 1_000_000;

fn with_reserve(share_bps_max: Option<u64>) -> Facts {
    let mut facts = facts();
    let usdc = facts.assets[USDC.index()].clone();
    facts.assets.push(Asset { symbol: "aUSDC".into(), address: address("aUSDC"), feeds: vec![], ..usdc });
    // After those of capital letters.
    facts.venues.push(Venue {
        name: "aave".into(),
        kind: VenueKind::AaveV3 { asset: USDC, shares: ATOKENS },
        address: address("pool"),
        code_hash: keccak256("pool code"),
        pools: vec![],
        share_bps_max,
        price_impact_bps_max: None,
    });
    facts
}

fn text() -> String {
    starting_policy(&with_reserve(None))
}

#[test]
fn atokens_have_an_address_of_their_own_and_the_rest_from_their_asset() {
    let policy = policy(&with_reserve(None));
    let terms = policy.terms();
    let vaults: Vec<_> = terms.vaults().map(|it| (it.venue, it.address, it.asset, it.shares)).collect();
    assert_eq!(vaults, [(AAVE, address("pool"), USDC, ATOKENS)]);
    let expected = Asset { symbol: "aUSDC".into(), address: address("aUSDC"), ..terms.assets[USDC.index()].clone() };
    assert_eq!(terms.asset(ATOKENS), Some(&Asset { feeds: vec![], ..expected }));
    assert_eq!(terms.vouched_by(terms.vault(AAVE).unwrap()), Some(address("aUSDC")));
    assert_eq!((terms.priced_by(ATOKENS), terms.asset(ATOKENS).unwrap().kind), (USDC, AssetKind::Stable));
    assert_eq!(terms.risk.rate_lookback_blocks, 50_400);
    assert!(policy.rest().contains(r#""kind":"aave-v3""#), "{}", policy.rest());
}

#[test]
fn each_mismatch_of_pool_and_atokens_says_where_and_what_to_write() {
    let text = text();
    let start = text.find("[assets.aUSDC]").unwrap();
    let line = text[start..].lines().find(|line| line.starts_with("address = ")).unwrap();
    let pool = text[text.find("[venues.aave]").unwrap()..].lines().find(|it| it.starts_with("address = ")).unwrap();
    let of_weth = format!("address = \"eip155:31337:{}\"", address("WETH"));
    let cases = [
        (line, "", "assets.aUSDC.address: is missing; write the token that the Pool gives for the asset"),
        (line, pool, "is the address of `assets.aUSDC.address`"),
        (line, &of_weth, "is the address of `assets.WETH.address`"),
        (
            "kind = \"aave-v3\"",
            "kind = \"erc-4626\"",
            "assets.aUSDC.address: is that of the vault, `venues.aave.address`",
        ),
        ("kind = \"aave-v3\"", "kind = \"aave-v3\"\npools = []", "`pools` is not part of the language"),
        ("vault = \"aave\"", "vault = \"uniswap\"", "name a venue of kind `erc-4626` or `aave-v3`"),
    ];
    for (from, to, expected) in cases {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let problems = parse(changed.as_bytes(), &catalog()).unwrap_err();
        assert!(problems.to_string().contains(expected), "{expected}\n{problems}");
        assert!(problems.problems.len() <= 2, "{problems}");
    }
}

#[test]
fn reserves_of_one_pool_are_venues_of_one_address() {
    let mut facts = with_reserve(None);
    let shares = AssetId(facts.assets.len().try_into().unwrap());
    facts.assets.push(Asset {
        symbol: "aWETH".into(),
        address: address("aWETH"),
        decimals: 18,
        ..facts.assets[ATOKENS.index()].clone()
    });
    let first = facts.venues.iter().find(|venue| venue.name == "aave").unwrap().clone();
    facts.venues.push(Venue { name: "aave2".into(), kind: VenueKind::AaveV3 { asset: WETH, shares }, ..first });
    let policy = policy(&facts);
    let terms = policy.terms();
    let named =
        |asset| terms.venue_at(address("pool"), asset).and_then(|id| terms.venue(id)).map(|it| it.name.as_str());
    assert_eq!([USDC, ATOKENS, WETH, shares].map(named), [Some("aave"), Some("aave"), Some("aave2"), Some("aave2")]);

    let text = starting_policy(&facts);
    let second = text.find("[venues.aave2]").unwrap();
    let changed = |from: &str, to: &str| {
        let rest = text[second..].replacen(from, to, 1);
        assert_ne!(rest, text[second..], "{from}");
        parse(format!("{}{rest}", &text[..second]).as_bytes(), &catalog()).unwrap_err().to_string()
    };
    let problems = changed("asset = \"WETH\"", "asset = \"USDC\"");
    assert!(
        problems.contains("venues.aave2.asset: is that of `venues.aave` in the same Pool; remove one"),
        "{problems}"
    );
    let problems = changed(&keccak256("pool code").to_string(), &keccak256("other").to_string());
    assert!(problems.contains("`venues.aave` says another one of the same Pool"), "{problems}");
}

/// The treasury of the fixture with 100,000 aUSDC in the Safe.
fn world(policy: &VotedPolicy) -> World {
    let mut world = World::new(&fixture::policy(&facts()));
    world.snapshot.anchor.policy_hash = policy.hash();
    let block = BlockRef { number: 1, timestamp: NOW - 86_400, ..BlockRef::default() };
    let earlier = Some(EarlierRate { block, rate: Amount(USDC_ONE - 100) });
    let rate = RateReading { asset: Some(address("aUSDC")), now: Some(Amount(USDC_ONE)), earlier };
    let (token, decimals) = (address("aUSDC"), Some(6));
    world.snapshot.assets.push(AssetReading { address: token, decimals, feeds: vec![], rate: Some(rate) });
    world.snapshot.accounts[0].balances.push(Amount(100_000 * USDC_ONE));
    world.snapshot.accounts[1].balances.push(Amount::ZERO);
    let code = CodeReading { address: address("pool"), code_hash: keccak256("pool code") };
    world.snapshot.code.insert(0, code);
    world.prices = Prices::resolve(policy.terms(), &world.snapshot);
    world.revalue(policy);
    world
}

fn intent(asset: AssetId, amount: Amount, actions: &[Action]) -> Intent {
    Intent {
        account: OPERATIONS,
        purpose: Purpose::Strategy { line: keccak256("rebalance"), leg: 0 },
        asset,
        counterparty: address("pool"),
        amount,
        value: Value(amount.0 * (WAD / USDC_ONE)),
        actions: actions.iter().copied().collect(),
    }
}

/// So many units of USDC, for as many aTokens less `less` units.
fn supply(units: u128, less: u128) -> Intent {
    let (amount, shares_min) = (Amount(units), Amount(units - less));
    let approve = Action::Approve { asset: USDC, spender: AAVE, amount };
    let supply = Action::Deposit { venue: AAVE, asset: USDC, shares: ATOKENS, amount, shares_min };
    intent(USDC, amount, &[approve, supply])
}

fn withdraw(units: u128, less: u128) -> Intent {
    let (amount, assets_min) = (Amount(units), Amount(units - less));
    intent(ATOKENS, amount, &[Action::Redeem { venue: AAVE, shares: ATOKENS, asset: USDC, amount, assets_min }])
}

fn rule(verdict: Verdict) -> Option<Rule> {
    match verdict {
        Verdict::Allowed => None,
        Verdict::Refused(refusal) => Some(refusal.rule),
    }
}

fn verdict(share_bps_max: Option<u64>, intent: &Intent) -> Option<Rule> {
    let policy = policy(&with_reserve(share_bps_max));
    rule(policy.judge(&world(&policy).cx(&policy), &Tally::default(), intent))
}

#[test]
fn an_atoken_is_worth_its_asset() {
    let policy = policy(&with_reserve(None));
    let mut world = world(&policy);
    assert_eq!(world.prices.of(ATOKENS), Some(Price(WAD)));
    assert_eq!(world.valuation.value_of(ATOKENS), Value(100_000 * WAD));
    let growth = world.snapshot.assets[ATOKENS.index()].rate.unwrap().growth_bps_yearly(NOW);
    assert_eq!(growth, Some(365), "a hundredth of a per cent in a day");
    world.snapshot.assets[ATOKENS.index()].rate.as_mut().unwrap().now = None;
    assert_eq!(Prices::resolve(policy.terms(), &world.snapshot).of(ATOKENS), None, "its reserve is not active");
}

#[test]
fn an_atoken_that_is_not_the_reserves_and_a_pool_of_other_code_stop_everything() {
    let policy = policy(&with_reserve(None));
    let world = world(&policy);
    let refused = |change: fn(&mut World)| {
        let mut world = world.clone();
        change(&mut world);
        precondition(policy.terms(), policy.hash(), &world.snapshot).map(|it| (it.rule, it.limit, it.found))
    };
    assert_eq!(refused(|_| {}), None);
    let atoken = Quantity::Address(address("aUSDC"));
    let other = |world: &mut World| {
        world.snapshot.assets[ATOKENS.index()].rate.as_mut().unwrap().asset = Some(address("another"));
    };
    assert_eq!(refused(other), Some((Rule::VaultAsset, atoken, Quantity::Address(address("another")))));
    let unread = |world: &mut World| world.snapshot.assets[ATOKENS.index()].rate = None;
    assert_eq!(refused(unread), Some((Rule::VaultAsset, atoken, Quantity::None)));
    let code = |world: &mut World| world.snapshot.code[0].code_hash = keccak256("another code");
    assert_eq!(refused(code).map(|it| it.0), Some(Rule::VenueCodeHash));
}

#[test]
fn it_gives_one_for_one_but_for_two_units_whatever_slippage_a_swap_may_have() {
    let units = 100_000 * USDC_ONE;
    assert_eq!(policy(&with_reserve(None)).terms().limits.slippage_bps_max, 50);
    assert_eq!(verdict(None, &supply(units, 2)), None);
    assert_eq!(verdict(None, &supply(units, 3)), Some(Rule::SlippageBpsMax));
    assert_eq!(verdict(None, &withdraw(units, 2)), None);
    assert_eq!(verdict(None, &withdraw(units, 3)), Some(Rule::SlippageBpsMax));
    assert_eq!(verdict(None, &supply(2, 2)), Some(Rule::SlippageBpsMax), "nothing is no bound");
}

#[test]
fn it_is_used_as_the_policy_lists_it_and_never_by_vote() {
    let units = 50_000 * USDC_ONE;
    let with = |asset, shares| {
        let mut intent = supply(units, 1);
        let amount = intent.amount;
        intent.actions[1] = Action::Deposit { venue: AAVE, asset, shares, amount, shares_min: amount };
        verdict(None, &intent)
    };
    assert_eq!(with(USDC, ATOKENS), None);
    assert_eq!(with(WETH, ATOKENS), Some(Rule::VenueListed));
    assert_eq!(with(USDC, WETH), Some(Rule::VenueListed));
    let mut elsewhere = supply(units, 1);
    elsewhere.counterparty = address("aUSDC");
    assert_eq!(verdict(None, &elsewhere), Some(Rule::IntentMatchesActions));
    let mut unapproved = supply(units, 1);
    unapproved.actions.remove(0);
    assert_eq!(verdict(None, &unapproved), Some(Rule::ApprovalExact));
    let policy = policy(&with_reserve(None));
    let mut world = world(&policy);
    world.snapshot.accounts[1].balances[ATOKENS.index()] = Amount(units);
    for mut intent in [supply(units, 1), withdraw(units, 1)] {
        intent.account = RESERVE;
        let found = policy.judge(&world.cx(&policy), &Tally::default(), &intent);
        assert_eq!(rule(found), Some(Rule::GovernorSwapBound));
    }
    // 100,000 of 10,100,000 USD lie there already.
    assert_eq!(verdict(Some(250), &supply(152_500 * USDC_ONE, 1)), None);
    assert_eq!(verdict(Some(250), &supply(152_501 * USDC_ONE, 1)), Some(Rule::VenueShareBpsMax));
    assert_eq!(verdict(Some(1), &withdraw(units, 1)), None);
}

/// What is judged when the dry run took `taken` units and brought `brought`.
fn outcome(account: AccountId, taken: (AssetId, u128), brought: (AssetId, u128), intent: &Intent) -> Option<Rule> {
    let policy = policy(&with_reserve(None));
    let before = world(&policy);
    let mut after = before.clone();
    let balances = &mut after.snapshot.accounts[account.index()].balances;
    balances[taken.0.index()].0 -= taken.1;
    balances[brought.0.index()].0 += brought.1;
    after.revalue(&policy);
    rule(policy.judge_outcome(&before.cx(&policy), &after.cx(&policy), std::slice::from_ref(intent)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_dry_run_may_miss_two_units_and_no_more(units in 10u128..90_000 * USDC_ONE, missing in 0u128..6, more in 0u128..6) {
        let supplied = outcome(OPERATIONS, (USDC, units), (ATOKENS, units - missing), &supply(units, 2));
        prop_assert_eq!(supplied.is_none(), missing <= 2);
        let withdrawn = outcome(OPERATIONS, (ATOKENS, units + more), (USDC, units), &withdraw(units, 2));
        prop_assert_eq!(withdrawn.is_none(), more <= 2);
        let short = outcome(OPERATIONS, (ATOKENS, units), (USDC, units - missing), &withdraw(units, 2));
        prop_assert_eq!(short.is_none(), missing <= 2);
    }

    #[test]
    fn a_lower_share_of_it_allows_nothing_more(cap in 90u64..400, by in 0u64..90, usd in 1u128..300_000) {
        let judge = |bps| verdict(Some(bps), &supply(usd * USDC_ONE, 1)).is_none();
        prop_assert!(!judge(cap - by) || judge(cap));
        let within = (100_000 + usd) * 10_000 <= 10_100_000 * u128::from(cap);
        prop_assert_eq!(judge(cap), within);
    }
}

#[test]
fn earned_interest_is_no_loss_and_what_others_lose_is_one() {
    let units = 40_000 * USDC_ONE;
    assert_eq!(outcome(OPERATIONS, (USDC, units), (ATOKENS, units + 777), &supply(units, 2)), None);
    let drained = outcome(OPERATIONS, (WETH, 1), (ATOKENS, units), &supply(units, 2));
    assert_eq!(drained, Some(Rule::IntentMatchesActions));
}
