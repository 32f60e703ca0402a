//! ERC-4626 vaults: how a policy names them, and how deposits and redemptions are judged.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use alloy_primitives::keccak256;
use fixture::{NOW, OPERATIONS, RESERVE, USDC, WETH, World, address, catalog, facts, policy};
use proptest::prelude::*;
use quaestor_core::{
    AccountId, Action, Amount, Asset, AssetId, AssetKind, Intent, Policy, Price, Purpose, Rule, Value, Venue, VenueId,
    VenueKind, Verdict,
    amount::WAD,
    snapshot::{AssetReading, CodeReading, RateReading, Tally},
    valuation::{Prices, Valuation},
    verdict::{InputName, Quantity},
};
use quaestor_policies::{Facts, VotedPolicy, parse, starting_policy};

const SHARES: AssetId = AssetId(7);
const SAVINGS: VenueId = VenueId(0);
const USDC_ONE: u128 = 1_000_000;
/// One share is worth 1.25 USDC.
const RATE: u128 = 1_250_000;

fn with_vault() -> Facts {
    let mut facts = facts();
    let usdc = facts.assets[USDC.index()].clone();
    facts.assets.push(Asset { symbol: "sUSDC".into(), address: address("savings"), feeds: vec![], ..usdc });
    facts.venues.push(Venue {
        name: "savings".into(),
        kind: VenueKind::Erc4626 { asset: USDC, shares: SHARES },
        address: address("savings"),
        code_hash: keccak256("savings code"),
        pools: vec![],
        share_bps_max: None,
        price_impact_bps_max: None,
    });
    facts
}

fn text() -> String {
    starting_policy(&with_vault())
}

#[test]
fn shares_have_from_their_vault_all_but_their_decimals() {
    let policy = policy(&with_vault());
    let terms = policy.terms();
    let vaults: Vec<_> = terms.vaults().map(|it| (it.venue, it.asset, it.shares)).collect();
    assert_eq!(vaults, [(SAVINGS, USDC, SHARES)]);
    let expected = Asset { symbol: "sUSDC".into(), address: address("savings"), ..terms.assets[USDC.index()].clone() };
    assert_eq!(terms.asset(SHARES), Some(&Asset { feeds: vec![], ..expected }));
    assert_eq!((terms.priced_by(SHARES), terms.priced_by(WETH)), (USDC, WETH));
    assert_eq!(terms.risk.rate_lookback_blocks, 50_400);
    assert!(policy.rest().contains(r#""sUSDC":{"decimals":6,"vault":"savings"}"#), "{}", policy.rest());
    assert!(!policy.rest().contains("rate_lookback_blocks"));
}

#[test]
fn the_lookback_is_part_of_what_is_voted_unless_it_is_the_usual_one() {
    let rest = |lookback: &str| {
        let text = text().replace("[risk]", &format!("[risk]\n{lookback}"));
        parse(text.as_bytes(), &catalog()).unwrap_or_else(|problems| panic!("{problems}")).rest().to_owned()
    };
    assert_eq!(rest("rate_lookback_blocks = 50400"), rest(""));
    assert_ne!(rest("rate_lookback_blocks = 7200"), rest(""));
    let none = text().replace("[risk]", "[risk]\nrate_lookback_blocks = 0");
    assert!(parse(none.as_bytes(), &catalog()).unwrap_err().to_string().contains("risk.rate_lookback_blocks"));
}

#[test]
fn each_mismatch_of_vault_and_shares_says_where_and_what_to_write() {
    let vault = "[venues.savings]";
    let shares = "vault = \"savings\" # its shares, worth what the vault says";
    let cases = [
        (shares, "vault = \"saving\"", "assets.sUSDC.vault: `saving` is no venue of this policy"),
        (shares, "vault = \"saving\"", "venues.savings: has no shares: no asset says `vault = \"savings\"`"),
        (shares, "vault = \"uniswap\"", "assets.sUSDC.vault: `uniswap` is no vault; name a venue of kind `erc-4626`"),
        (shares, "vault = 4", "assets.sUSDC.vault: is a number; write a text in quotes"),
        (shares, "vault = \"savings\"\nkind = \"stable\"", "the keys here are: vault, address, decimals"),
        ("asset = \"USDC\"\n", "asset = \"sUSDC\"\n", "venues.savings.asset: is the shares of a vault itself"),
        ("asset = \"USDC\"\n", "asset = \"EURC\"\n", "venues.savings.asset: `EURC` is no asset of this policy"),
        ("asset = \"USDC\"\n", "", "venues.savings.asset: is missing"),
        ("asset = \"USDC\"\n", "asset = \"USDC\"\nshare_bps_max = 10001\n", "write a whole number from 0 to 10000"),
        (
            "kind = \"uniswap-v3\"",
            "kind = \"uniswap-v3\"\nshare_bps_max = 1",
            "`share_bps_max` is not part of the language",
        ),
        (
            vault,
            "[assets.tUSDC]\nvault = \"savings\"\ndecimals = 6\n\n[venues.savings]",
            "has its shares in `assets.sUSDC` already",
        ),
    ];
    for (from, to, expected) in cases {
        let text = text();
        // The strategies have an `asset` too; that of the vault comes first.
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let problems = parse(changed.as_bytes(), &catalog()).unwrap_err();
        assert!(problems.to_string().contains(expected), "{expected}\n{problems}");
        assert!(problems.problems.len() <= 2, "{problems}");
    }
}

/// The treasury of the fixture with 80,000 shares in the Safe, which are worth 100,000 USD.
fn world(policy: &VotedPolicy) -> World {
    let mut world = World::new(&fixture::policy(&facts()));
    world.snapshot.anchor.policy_hash = policy.hash();
    let rate = RateReading { asset: Some(address("USDC")), now: Some(Amount(RATE)), earlier: None };
    let (address, decimals) = (address("savings"), Some(6));
    world.snapshot.assets.push(AssetReading { address, decimals, feeds: vec![], rate: Some(rate) });
    world.snapshot.accounts[0].balances.push(Amount(80_000 * USDC_ONE));
    world.snapshot.accounts[1].balances.push(Amount::ZERO);
    world.snapshot.code.insert(0, CodeReading { address, code_hash: keccak256("savings code") });
    world.prices = Prices::resolve(policy.terms(), &world.snapshot);
    world.revalue(policy);
    world
}

fn intent(asset: AssetId, amount: u128, value: u128, actions: &[Action]) -> Intent {
    Intent {
        account: OPERATIONS,
        purpose: Purpose::Strategy { line: keccak256("rebalance"), leg: 0 },
        asset,
        counterparty: address("savings"),
        amount: Amount(amount),
        value: Value(value * WAD),
        actions: actions.iter().copied().collect(),
    }
}

/// 100,000 USDC for at least `least` shares.
fn deposit(least: u128) -> Intent {
    let amount = Amount(100_000 * USDC_ONE);
    let approve = Action::Approve { asset: USDC, spender: SAVINGS, amount };
    let deposit =
        Action::Deposit { venue: SAVINGS, asset: USDC, shares: SHARES, amount, shares_min: Amount(least * USDC_ONE) };
    intent(USDC, amount.0, 100_000, &[approve, deposit])
}

/// 40,000 shares for at least `least` USDC.
fn redeem(least: u128) -> Intent {
    let amount = Amount(40_000 * USDC_ONE);
    let redeem =
        Action::Redeem { venue: SAVINGS, shares: SHARES, asset: USDC, amount, assets_min: Amount(least * USDC_ONE) };
    intent(SHARES, amount.0, 50_000, &[redeem])
}

fn verdict(change: impl FnOnce(&mut World), intent: &Intent) -> Option<Rule> {
    let policy = policy(&with_vault());
    let mut world = world(&policy);
    change(&mut world);
    rule(policy.judge(&world.cx(&policy), &Tally::default(), intent))
}

fn rule(verdict: Verdict) -> Option<Rule> {
    match verdict {
        Verdict::Allowed => None,
        Verdict::Refused(refusal) => Some(refusal.rule),
    }
}

#[test]
fn shares_are_worth_their_rate_in_the_vaults_asset() {
    let policy = policy(&with_vault());
    let mut world = world(&policy);
    assert_eq!(world.prices.of(SHARES), Some(Price(WAD * 5 / 4)));
    assert_eq!(world.valuation.value_of(SHARES), Value(100_000 * WAD));
    assert_eq!(world.valuation.stable, Value((1_000_000 + 3_000_000 + 100_000) * WAD));
    // A stale price of the asset is none of its shares either; nor is a rate that was not read.
    let fresh = world.snapshot.clone();
    world.snapshot.assets[USDC.index()].feeds[0].rounds[0].updated_at = NOW - 90_000_000;
    assert_eq!(Prices::resolve(policy.terms(), &world.snapshot).of(SHARES), None);
    world.snapshot = fresh;
    world.snapshot.assets[SHARES.index()].rate.as_mut().unwrap().now = None;
    let prices = Prices::resolve(policy.terms(), &world.snapshot);
    assert_eq!((prices.of(SHARES), prices.0[SHARES.index()].usable), (None, 0));
    assert_eq!(Valuation::default().fill(policy.terms(), &world.snapshot, &prices), None, "they are held");
}

#[test]
fn what_brings_its_worth_is_allowed_and_what_may_not_is_refused() {
    assert_eq!(verdict(|_| {}, &deposit(79_600)), None);
    assert_eq!(verdict(|_| {}, &deposit(79_599)), Some(Rule::SlippageBpsMax));
    assert_eq!(verdict(|_| {}, &deposit(0)), Some(Rule::SlippageBpsMax));
    assert_eq!(verdict(|_| {}, &redeem(49_750)), None);
    assert_eq!(verdict(|_| {}, &redeem(49_749)), Some(Rule::SlippageBpsMax));
}

#[test]
fn a_deposit_is_approved_exactly_and_a_redemption_stands_alone() {
    let changed = |change: fn(&mut Intent)| {
        let mut intent = deposit(80_000);
        change(&mut intent);
        verdict(|_| {}, &intent)
    };
    assert_eq!(
        changed(|it| it.actions.retain(|action| matches!(action, Action::Deposit { .. }))),
        Some(Rule::ApprovalExact)
    );
    assert_eq!(changed(|it| it.actions.swap(0, 1)), Some(Rule::ApprovalExact));
    let more = |it: &mut Intent| {
        let amount = Amount(it.amount.0 + 1);
        it.actions[0] = Action::Approve { asset: USDC, spender: SAVINGS, amount };
    };
    assert_eq!(changed(more), Some(Rule::ApprovalExact));
    let elsewhere = |it: &mut Intent| {
        it.actions[0] = Action::Approve { asset: USDC, spender: VenueId(1), amount: it.amount };
    };
    assert_eq!(changed(elsewhere), Some(Rule::ApprovalExact));
    let mut approved = redeem(50_000);
    approved.actions.insert(0, Action::Approve { asset: SHARES, spender: SAVINGS, amount: approved.amount });
    assert_eq!(verdict(|_| {}, &approved), Some(Rule::ApprovalExact));
}

#[test]
fn a_vault_is_used_as_the_policy_lists_it() {
    let with = |venue, asset, shares| {
        let mut intent = deposit(80_000);
        let amount = intent.amount;
        intent.actions[0] = Action::Approve { asset: USDC, spender: venue, amount };
        intent.actions[1] = Action::Deposit { venue, asset, shares, amount, shares_min: Amount(80_000 * USDC_ONE) };
        verdict(|_| {}, &intent)
    };
    assert_eq!(with(SAVINGS, USDC, SHARES), None);
    assert_eq!(with(VenueId(1), USDC, SHARES), Some(Rule::VenueListed), "a router is no vault");
    assert_eq!(with(VenueId(9), USDC, SHARES), Some(Rule::VenueListed));
    assert_eq!(with(SAVINGS, WETH, SHARES), Some(Rule::VenueListed));
    assert_eq!(with(SAVINGS, USDC, WETH), Some(Rule::VenueListed));
    let mut swap = deposit(80_000);
    let (amount_in, amount_out_min) = (swap.amount, Amount(80_000 * USDC_ONE));
    swap.actions[1] =
        Action::Swap { venue: SAVINGS, sell: USDC, buy: SHARES, fee_pips: 500, amount_in, amount_out_min };
    assert_eq!(verdict(|_| {}, &swap), Some(Rule::VenueListed), "a vault has no pools");
    let mut stranger = redeem(50_000);
    stranger.counterparty = address("auditor");
    assert_eq!(verdict(|_| {}, &stranger), Some(Rule::IntentMatchesActions));
}

#[test]
fn a_governor_neither_deposits_nor_redeems() {
    let of_reserve = |mut intent: Intent, give: AssetId| {
        intent.account = RESERVE;
        let amount = intent.amount;
        verdict(move |world| world.snapshot.accounts[1].balances[give.index()] = amount, &intent)
    };
    assert_eq!(of_reserve(deposit(80_000), USDC), Some(Rule::GovernorSwapBound));
    assert_eq!(of_reserve(redeem(50_000), SHARES), Some(Rule::GovernorSwapBound));
}

#[test]
fn above_a_risk_ceiling_money_may_leave_a_vault_and_not_enter_it() {
    let breach = |world: &mut World| world.risk.treasury_volatility_bps = Some(6_001);
    assert_eq!(verdict(breach, &deposit(80_000)), Some(Rule::VolatilityBpsMax));
    assert_eq!(verdict(breach, &redeem(50_000)), None);
    // Where the policy lists nothing but swaps, it stays.
    let policy = fixture::policy_with(&with_vault(), "[emergency]\nonly_reduce = [\"swaps\"]");
    let mut world = world(&policy);
    breach(&mut world);
    let judged = policy.judge(&world.cx(&policy), &Tally::default(), &redeem(50_000));
    assert_eq!(rule(judged), Some(Rule::VolatilityBpsMax));
}

#[test]
fn bands_and_caps_hold_as_for_a_swap() {
    let mut tight = with_vault();
    let floor = |facts: &mut Facts, min_bps| facts.bands[USDC.index()].min_bps = min_bps;
    floor(&mut tight, 2_950);
    let policy = policy(&tight);
    let world = world(&policy);
    // 3,000,000 of 10,100,000 USD; with 100,000 less it is 28.7 %.
    let found = policy.judge(&world.cx(&policy), &Tally::default(), &deposit(80_000));
    assert_eq!(rule(found), Some(Rule::AllocationMin));
    assert_eq!(rule(policy.judge(&world.cx(&policy), &Tally::default(), &redeem(50_000))), None);
    let mut large = deposit(480_000);
    large.amount = Amount(600_000 * USDC_ONE);
    large.value = Value(600_000 * WAD);
    large.actions[0] = Action::Approve { asset: USDC, spender: SAVINGS, amount: large.amount };
    let shares_min = Amount(480_000 * USDC_ONE);
    large.actions[1] =
        Action::Deposit { venue: SAVINGS, asset: USDC, shares: SHARES, amount: large.amount, shares_min };
    assert_eq!(verdict(|_| {}, &large), Some(Rule::ProposalBpsMax));
}

fn capped(bps: u64) -> VotedPolicy {
    let mut facts = with_vault();
    facts.venues[1].share_bps_max = Some(bps);
    policy(&facts)
}

/// A deposit of so many dollars, at no loss.
fn deposit_of(usd: u128) -> Intent {
    let mut intent = deposit(0);
    let amount = Amount(usd * USDC_ONE);
    (intent.amount, intent.value) = (amount, Value(usd * WAD));
    intent.actions[0] = Action::Approve { asset: USDC, spender: SAVINGS, amount };
    let shares_min = Amount(usd * USDC_ONE * 4 / 5);
    intent.actions[1] = Action::Deposit { venue: SAVINGS, asset: USDC, shares: SHARES, amount, shares_min };
    intent
}

#[test]
fn no_more_is_deposited_in_a_vault_than_its_share_of_the_treasury() {
    let policy = capped(250);
    assert!(policy.rest().contains(r#""kind":"erc-4626","share_bps_max":250}"#), "{}", policy.rest());
    let mut world = world(&policy);
    // 100,000 of 10,100,000 USD lie there already.
    let judge = |world: &World, intent: &Intent| policy.judge(&world.cx(&policy), &Tally::default(), intent);
    assert!(judge(&world, &deposit_of(152_500)).is_allowed());
    let Verdict::Refused(found) = judge(&world, &deposit_of(152_501)) else { panic!("it was allowed") };
    let receipt = (found.rule, found.limit, found.found);
    assert_eq!(receipt, (Rule::VenueShareBpsMax, Quantity::Bps(250), Quantity::Bps(251)));
    assert_eq!((found.inputs[0].name, found.inputs[0].quantity), (InputName::Venue, Quantity::Venue(SAVINGS)));
    // Above its share money may still leave it.
    world.snapshot.accounts[0].balances[SHARES.index()] = Amount(800_000 * USDC_ONE);
    world.revalue(&policy);
    assert!(judge(&world, &redeem(50_000)).is_allowed());
    assert_eq!(rule(judge(&world, &deposit_of(1))), Some(Rule::VenueShareBpsMax));
}

#[test]
fn after_the_dry_run_a_vault_has_no_more_than_its_share() {
    let policy = capped(250);
    let before = world(&policy);
    let outcome = |usd: u128, shares: u128| {
        let mut after = before.clone();
        let balances = &mut after.snapshot.accounts[0].balances;
        balances[USDC.index()].0 -= usd * USDC_ONE;
        balances[SHARES.index()].0 += shares * USDC_ONE;
        after.revalue(&policy);
        let intents = [deposit_of(usd)];
        rule(policy.judge_outcome(&before.cx(&policy), &after.cx(&policy), &intents))
    };
    assert_eq!(outcome(152_500, 122_000), None);
    assert_eq!(outcome(152_500, 124_000), Some(Rule::VenueShareBpsMax));
}

#[test]
fn a_variation_of_a_vaults_share_is_the_changed_file() {
    let varied = |base: &VotedPolicy| {
        let changes = [("venues.savings.share_bps_max", quaestor_core::strategy::ParamValue::Integer(250))];
        base.vary(&changes, &catalog()).unwrap()
    };
    for base in [capped(300), policy(&with_vault())] {
        let found = varied(&base);
        assert_eq!((found.terms(), found.rest()), (capped(250).terms(), capped(250).rest()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_lower_share_of_a_vault_allows_nothing_more(cap in 90u64..400, by in 0u64..90, usd in 1u128..300_000) {
        let judge = |bps| {
            let policy = capped(bps);
            policy.judge(&world(&policy).cx(&policy), &Tally::default(), &deposit_of(usd)).is_allowed()
        };
        prop_assert!(!judge(cap - by) || judge(cap));
        let within = (100_000 + usd) * 10_000 <= 10_100_000 * u128::from(cap);
        prop_assert_eq!(judge(cap), within);
    }
}

#[test]
fn what_the_dry_run_does_not_bring_is_refused() {
    let policy = policy(&with_vault());
    let before = world(&policy);
    let outcome = |account: AccountId, taken: (AssetId, u128), brought: (AssetId, u128), intent: &Intent| {
        let mut after = before.clone();
        let balances = &mut after.snapshot.accounts[account.index()].balances;
        balances[taken.0.index()].0 -= taken.1 * USDC_ONE;
        balances[brought.0.index()].0 += brought.1 * USDC_ONE;
        after.revalue(&policy);
        rule(policy.judge_outcome(&before.cx(&policy), &after.cx(&policy), std::slice::from_ref(intent)))
    };
    let deposited = |shares| outcome(OPERATIONS, (USDC, 100_000), (SHARES, shares), &deposit(79_800));
    assert_eq!(deposited(80_000), None);
    assert_eq!(deposited(79_800), None);
    assert_eq!(deposited(79_799), Some(Rule::IntentMatchesActions));
    let redeemed = |usdc| outcome(OPERATIONS, (SHARES, 40_000), (USDC, usdc), &redeem(49_800));
    assert_eq!(redeemed(50_000), None);
    assert_eq!(redeemed(49_799), Some(Rule::IntentMatchesActions));
    let taken = outcome(OPERATIONS, (SHARES, 40_001), (USDC, 50_000), &redeem(49_800));
    assert_eq!(taken, Some(Rule::IntentMatchesActions));
}

#[test]
fn stable_shares_count_towards_the_stable_share() {
    assert_eq!(policy(&with_vault()).terms().asset(SHARES).unwrap().kind, AssetKind::Stable);
    let mut facts = with_vault();
    facts.venues[1].kind = VenueKind::Erc4626 { asset: WETH, shares: SHARES };
    assert_eq!(policy(&facts).terms().asset(SHARES).unwrap().kind, AssetKind::Volatile);
}
