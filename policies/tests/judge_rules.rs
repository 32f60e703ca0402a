//! Each rule: one intent that passes, and the same with one thing changed, refused by exactly that rule.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use alloy_primitives::keccak256;
use fixture::{DAI, DAO, LINK, NOW, OPERATIONS, RESERVE, USDC, WBTC, WETH, World, address};
use quaestor_core::{
    AccountId, Action, Amount, AssetId, Intent, Policy, Purpose, Refusal, RiskReport, Rule, Value, VenueId, Verdict,
    policy::{OnBreach, RiskTerms, Schedule},
    snapshot::{Outstanding, Spend, Tally},
    verdict::{InputName, Quantity},
};
use quaestor_policies::{Facts, VotedPolicy};

struct Court {
    policy: VotedPolicy,
    world: World,
}

impl Court {
    fn new(change: impl FnOnce(&mut Facts)) -> Self {
        let mut facts = fixture::facts();
        change(&mut facts);
        let policy = fixture::policy(&facts);
        let world = World::new(&policy);
        Self { policy, world }
    }

    fn usual() -> Self {
        Self::new(|_| {})
    }

    fn judge_after(&self, before: &[Intent], intent: &Intent) -> Verdict {
        let tally = Tally::before(intent.account, before, &[]);
        self.policy.judge(&self.world.cx(&self.policy), &tally, intent)
    }

    #[track_caller]
    fn allows(&self, intent: &Intent) {
        assert_eq!(self.judge_after(&[], intent), Verdict::Allowed);
    }

    #[track_caller]
    fn refuses(&self, intent: &Intent) -> Refusal {
        self.refuses_after(&[], intent)
    }

    #[track_caller]
    fn refuses_after(&self, before: &[Intent], intent: &Intent) -> Refusal {
        match self.judge_after(before, intent) {
            Verdict::Refused(refusal) => {
                assert_eq!((refusal.policy, refusal.block), (self.policy.hash(), self.world.snapshot.block));
                refusal
            }
            Verdict::Allowed => panic!("it was allowed: {intent:?}"),
        }
    }

    fn swap(&self, sell: AssetId, buy: AssetId, whole: u128) -> Intent {
        self.world.swap(&self.policy, sell, buy, whole, 50)
    }

    fn refill(&self, whole: u128) -> Intent {
        self.world.transfer(&self.policy, RESERVE, USDC, whole, address("operations"))
    }

    fn payment(&self, whole: u128) -> Intent {
        self.world.transfer(&self.policy, OPERATIONS, USDC, whole, address("auditor"))
    }

    fn spend(&mut self, secs_ago: u64, value: u128) {
        let spend = Spend {
            timestamp: NOW - secs_ago,
            account: OPERATIONS,
            decision: keccak256(secs_ago.to_be_bytes()),
            once_key: keccak256("another"),
            line: keccak256("rebalance"),
            asset: Some(WETH),
            counterparty: address("router"),
            value: usd(value),
        };
        self.world.history.spends.push_back(spend);
        self.world.history.spends.make_contiguous().sort_by_key(|spend| spend.timestamp);
    }
}

fn usd(whole: u128) -> Value {
    Value(whole * 10u128.pow(18))
}

fn receipt(refusal: &Refusal) -> (Rule, Quantity, Quantity) {
    (refusal.rule, refusal.limit, refusal.found)
}

fn input(refusal: &Refusal, name: InputName) -> Quantity {
    refusal.inputs.iter().find(|input| input.name == name).unwrap().quantity
}

#[test]
fn usual_moves_are_allowed() {
    let court = Court::usual();
    court.allows(&court.swap(WETH, USDC, 100));
    court.allows(&court.swap(USDC, LINK, 1_000));
    court.allows(&court.refill(100_000));
}

#[test]
fn account_asset_and_line_must_be_listed() {
    let court = Court::usual();
    let mut intent = court.refill(1);
    intent.account = AccountId(2);
    let refusal = court.refuses(&intent);
    assert_eq!(receipt(&refusal), (Rule::AccountListed, Quantity::Count(2), Quantity::Account(AccountId(2))));
    let mut intent = court.refill(1);
    intent.asset = AssetId(7);
    assert_eq!(receipt(&court.refuses(&intent)), (Rule::AssetListed, Quantity::Count(7), Quantity::Asset(AssetId(7))));
    let mut intent = court.refill(1);
    let line = keccak256("payroll");
    intent.purpose = Purpose::Payment { line, period: 1 };
    assert_eq!(receipt(&court.refuses(&intent)), (Rule::LineListed, Quantity::None, Quantity::Hash(line)));
}

#[test]
fn venue_and_pool_must_be_listed() {
    let court = Court::usual();
    let changed = |change: fn(&mut Action)| {
        let mut intent = court.swap(WETH, USDC, 1);
        change(&mut intent.actions[1]);
        court.refuses(&intent).rule
    };
    let fee = |action: &mut Action| {
        if let Action::Swap { fee_pips, .. } = action {
            *fee_pips = 500;
        }
    };
    let venue = |action: &mut Action| {
        if let Action::Swap { venue, .. } = action {
            *venue = VenueId(1);
        }
    };
    assert_eq!(changed(fee), Rule::VenueListed);
    assert_eq!(changed(venue), Rule::VenueListed);
    let refusal = court.refuses(&court.swap(WETH, DAI, 1));
    assert_eq!((refusal.rule, refusal.found), (Rule::VenueListed, Quantity::Asset(DAI)));
    assert_eq!(input(&refusal, InputName::Counterparty), Quantity::Address(address("router")));
}

#[test]
fn only_accounts_and_counterparties_receive() {
    let court = Court::new(|facts| facts.limits.stable_share_bps_min = 0);
    court.allows(&court.payment(1));
    let stranger = court.world.transfer(&court.policy, OPERATIONS, USDC, 1, address("stranger"));
    let expected = (Rule::CounterpartyListed, Quantity::None, Quantity::Address(address("stranger")));
    assert_eq!(receipt(&court.refuses(&stranger)), expected);
}

#[test]
fn an_intent_says_what_its_actions_do() {
    let court = Court::usual();
    let agreed = court.refill(10);
    let changed = |change: fn(&mut Intent)| {
        let mut intent = agreed.clone();
        change(&mut intent);
        receipt(&court.refuses(&intent))
    };
    let rule = Rule::IntentMatchesActions;
    let (amount, value) = (agreed.amount, agreed.value);
    let less = changed(|intent| intent.amount = Amount(intent.amount.0 - 1));
    assert_eq!(less, (rule, Quantity::Amount(amount), Quantity::Amount(Amount(amount.0 - 1))));
    let dearer = changed(|intent| intent.value = Value(intent.value.0 + 1));
    assert_eq!(dearer, (rule, Quantity::Value(value), Quantity::Value(Value(value.0 + 1))));
    let cheaper = changed(|intent| intent.value = Value(intent.value.0 - 1));
    assert_eq!(cheaper, (rule, Quantity::Value(value), Quantity::Value(Value(value.0 - 1))));
    let other = changed(|intent| intent.asset = DAI);
    assert_eq!(other, (rule, Quantity::Asset(USDC), Quantity::Asset(DAI)));
    let elsewhere = changed(|intent| intent.counterparty = address("reserve"));
    let (limit, found) = (Quantity::Address(address("operations")), Quantity::Address(address("reserve")));
    assert_eq!(elsewhere, (rule, limit, found));
    assert_eq!(changed(|intent| intent.actions.clear()), (rule, Quantity::Count(1), Quantity::Count(0)));
    let twice = changed(|intent| intent.actions.push(intent.actions[0]));
    assert_eq!(twice, (rule, Quantity::Count(1), Quantity::Count(2)));
}

#[test]
fn an_approval_is_exact_and_stands_before_its_swap() {
    let court = Court::usual();
    let agreed = court.swap(WETH, USDC, 1);
    let refused = |actions: &[Action]| {
        let intent = Intent { actions: actions.iter().copied().collect(), ..agreed.clone() };
        court.refuses(&intent).rule
    };
    let [approve, swap] = [agreed.actions[0], agreed.actions[1]];
    let wider = Action::Approve { asset: WETH, spender: VenueId(0), amount: Amount(agreed.amount.0 + 1) };
    let other = Action::Approve { asset: DAI, spender: VenueId(0), amount: agreed.amount };
    for actions in
        [&[wider, swap][..], &[other, swap], &[swap], &[approve], &[swap, approve], &[approve, swap, approve]]
    {
        assert_eq!(refused(actions), Rule::ApprovalExact, "{actions:?}");
    }
    let found = court.refuses(&Intent { actions: [wider, swap].into_iter().collect(), ..agreed.clone() });
    let (limit, wider) = (Quantity::Amount(agreed.amount), Quantity::Amount(Amount(agreed.amount.0 + 1)));
    assert_eq!((found.limit, found.found), (limit, wider));
}

#[test]
fn an_account_spends_what_it_has_and_what_the_batch_brings_it() {
    let court = Court::new(|facts| {
        facts.limits = quaestor_core::Limits { slippage_bps_max: 50, validity_secs_max: 259_200, ..Default::default() };
        facts.bands.clear();
    });
    court.allows(&court.refill(1_000_000));
    let refusal = court.refuses(&court.refill(1_000_001));
    let held = Quantity::Amount(court.world.tokens(USDC, 1_000_000));
    let wanted = Quantity::Amount(court.world.tokens(USDC, 1_000_001));
    assert_eq!(receipt(&refusal), (Rule::BalanceSufficient, held, wanted));
    let mut second = court.refill(1);
    second.purpose = Purpose::Strategy { line: keccak256("refill"), leg: 1 };
    assert_eq!(court.refuses_after(&[court.refill(1_000_000)], &second).rule, Rule::BalanceSufficient);
    let buy = court.swap(USDC, LINK, 2_100_000);
    assert_eq!(court.refuses(&buy).rule, Rule::BalanceSufficient);
    let mut sale = court.swap(WETH, USDC, 100);
    sale.purpose = Purpose::Strategy { line: keccak256("rebalance"), leg: 6 };
    assert_eq!(court.judge_after(&[sale], &buy), Verdict::Allowed);
}

#[test]
fn a_proposal_is_capped() {
    let court = Court::usual();
    court.allows(&court.refill(500_000));
    let refusal = court.refuses(&court.refill(500_001));
    assert_eq!(receipt(&refusal), (Rule::ProposalBpsMax, Quantity::Bps(500), Quantity::Bps(501)));
    assert_eq!(input(&refusal, InputName::Nav), Quantity::Value(usd(10_000_000)));
    assert_eq!(input(&refusal, InputName::BatchValue), Quantity::Value(usd(500_001)));
    let mut second = court.refill(1);
    second.purpose = Purpose::Strategy { line: keccak256("refill"), leg: 1 };
    assert_eq!(court.refuses_after(&[court.refill(500_000)], &second).rule, Rule::ProposalBpsMax);
    // Another account's batch is another proposal.
    assert_eq!(court.judge_after(&[court.refill(500_000)], &court.swap(WETH, USDC, 50)), Verdict::Allowed);
}

#[test]
fn a_strategy_moves_no_more_than_its_share_of_a_proposal() {
    let share = |bps: i64| ("share_bps_max".to_owned(), quaestor_core::strategy::ParamValue::Integer(bps));
    let court = Court::new(|facts| facts.strategies[1].params.push(share(4_000)));
    assert_eq!(court.policy.terms().strategies[1].share_bps_max, Some(4_000));
    assert!(!court.policy.terms().strategies[1].params.contains_key("share_bps_max"), "it is no parameter");
    // Forty percent of five percent of ten million.
    court.allows(&court.refill(200_000));
    let refusal = court.refuses(&court.refill(200_001));
    assert_eq!(receipt(&refusal), (Rule::ShareBpsMax, Quantity::Value(usd(200_000)), Quantity::Value(usd(200_001))));
    let mut second = court.refill(1);
    second.purpose = Purpose::Strategy { line: keccak256("refill"), leg: 1 };
    assert_eq!(court.refuses_after(&[court.refill(200_000)], &second).rule, Rule::ShareBpsMax);
    // What another strategy moves does not count against it.
    let mut other = court.refill(200_000);
    other.purpose = Purpose::Strategy { line: keccak256("rebalance"), leg: 0 };
    assert_eq!(court.judge_after(&[other], &court.refill(200_000)), Verdict::Allowed);

    let uncapped = Court::new(|facts| {
        facts.limits.proposal_bps_max = u64::MAX;
        facts.limits.window_bps_max = [u64::MAX; 4];
        facts.strategies[1].params.push(share(10));
    });
    uncapped.allows(&uncapped.refill(10_000));
    let refusal = uncapped.refuses(&uncapped.refill(10_001));
    assert_eq!(receipt(&refusal), (Rule::ShareBpsMax, Quantity::Value(usd(10_000)), Quantity::Value(usd(10_001))));
}

#[test]
fn each_rolling_window_is_capped() {
    let rules = [
        (Rule::HourBpsMax, 3_500, 500_000, 600),
        (Rule::DayBpsMax, 86_000, 900_000, 1_000),
        (Rule::WeekBpsMax, 604_000, 1_900_000, 2_000),
        (Rule::MonthBpsMax, 2_591_000, 3_900_000, 4_000),
    ];
    for (rule, secs_ago, spent, limit) in rules {
        let mut court = Court::new(|facts| facts.limits.cooldown_secs_min = 0);
        court.spend(secs_ago, spent);
        court.allows(&court.refill(100_000));
        let refusal = court.refuses(&court.refill(100_001));
        assert_eq!(receipt(&refusal), (rule, Quantity::Bps(limit), Quantity::Bps(limit + 1)));
        assert_eq!(input(&refusal, InputName::WindowValue), Quantity::Value(usd(spent)));
        assert_eq!(input(&refusal, InputName::Now), Quantity::Secs(NOW));
    }
    let mut court = Court::usual();
    court.spend(2_593_000, 9_000_000);
    court.allows(&court.refill(500_000));
}

#[test]
fn a_swap_brings_at_least_the_oracle_less_the_slippage() {
    let court = Court::usual();
    court.allows(&court.world.swap(&court.policy, WETH, USDC, 100, 50));
    let refusal = court.refuses(&court.world.swap(&court.policy, WETH, USDC, 100, 51));
    assert_eq!(receipt(&refusal), (Rule::SlippageBpsMax, Quantity::Bps(50), Quantity::Bps(51)));
    assert_eq!(input(&refusal, InputName::Asset), Quantity::Asset(USDC));
    let mut intent = court.swap(WETH, USDC, 100);
    if let Action::Swap { amount_out_min, .. } = &mut intent.actions[1] {
        *amount_out_min = Amount::ZERO;
    }
    assert_eq!(court.refuses(&intent).found, Quantity::Bps(10_000));
}

#[test]
fn bands_hold_for_what_is_sold_and_what_is_bought() {
    // WBTC has 10 % and may fall to 5 %; LINK has 5 % and may rise to 10 %.
    let court = Court::new(|facts| facts.limits.proposal_bps_max = u64::MAX);
    court.allows(&court.swap(WBTC, USDC, 10));
    let refusal = court.refuses(&court.swap(WBTC, USDC, 11));
    assert_eq!(receipt(&refusal), (Rule::AllocationMin, Quantity::Bps(500), Quantity::Bps(450)));
    assert_eq!(input(&refusal, InputName::Asset), Quantity::Asset(WBTC));
    court.allows(&court.swap(USDC, LINK, 500_000));
    let refusal = court.refuses(&court.swap(USDC, LINK, 500_001));
    assert_eq!(receipt(&refusal), (Rule::AllocationMax, Quantity::Bps(1_000), Quantity::Bps(1_001)));
    // Many small steps are no way around a band.
    let mut second = court.swap(USDC, LINK, 1);
    second.purpose = Purpose::Strategy { line: keccak256("rebalance"), leg: 1 };
    assert_eq!(court.refuses_after(&[court.swap(USDC, LINK, 500_000)], &second).rule, Rule::AllocationMax);
}

#[test]
fn a_move_back_towards_a_band_is_allowed_while_still_outside() {
    let court = Court::new(|facts| {
        facts.bands.iter_mut().find(|band| band.asset == WETH).unwrap().max_bps = 2_500;
        facts.bands.iter_mut().find(|band| band.asset == WETH).unwrap().target_bps = 2_500;
    });
    let mut court = court;
    court.world.snapshot.accounts[0].balances[WETH.index()] = court.world.tokens(WETH, 2_000);
    court.world.revalue(&court.policy);
    court.allows(&court.swap(WETH, USDC, 10));
    assert_eq!(court.refuses(&court.swap(USDC, WETH, 1)).rule, Rule::AllocationMax);
}

#[test]
fn the_own_token_is_bought_up_to_its_share_and_no_further() {
    let capped = |bps: u64| Court::new(move |facts| facts.limits.native_share_bps_max = bps);
    let court = capped(1_200);
    court.allows(&court.swap(USDC, DAO, 200_000));
    let refusal = court.refuses(&court.swap(USDC, DAO, 200_001));
    assert_eq!(receipt(&refusal), (Rule::NativeShareBpsMax, Quantity::Bps(1_200), Quantity::Bps(1_201)));
    assert_eq!(input(&refusal, InputName::Nav), Quantity::Value(usd(10_000_000)));
    // Above it, what leads back is allowed, and so is all that buys none of it.
    let mut above = capped(1_000);
    above.world.snapshot.accounts[0].balances[DAO.index()] = above.world.tokens(DAO, 1_100_000);
    above.world.revalue(&above.policy);
    above.allows(&above.swap(DAO, USDC, 1));
    above.allows(&above.swap(WETH, USDC, 1));
    above.allows(&above.payment(1_000));
    assert_eq!(above.refuses(&above.swap(USDC, DAO, 1)).rule, Rule::NativeShareBpsMax);
    // Many small steps are no way around it.
    let mut second = court.swap(USDC, DAO, 1);
    second.purpose = Purpose::Strategy { line: keccak256("rebalance"), leg: 1 };
    assert_eq!(court.refuses_after(&[court.swap(USDC, DAO, 200_000)], &second).rule, Rule::NativeShareBpsMax);
}

#[test]
fn the_stable_share_keeps_its_floor_or_does_not_fall() {
    let court = Court::new(|facts| facts.limits.stable_share_bps_min = 3_900);
    court.allows(&court.swap(USDC, LINK, 100_000));
    let refusal = court.refuses(&court.swap(USDC, LINK, 100_001));
    assert_eq!(receipt(&refusal), (Rule::StableShareBpsMin, Quantity::Bps(3_900), Quantity::Bps(3_899)));
    // Stable for stable, towards stable, and between own accounts it does not fall.
    let below = Court::new(|facts| facts.limits.stable_share_bps_min = 4_500);
    below.allows(&below.swap(USDC, DAI, 1_000));
    below.allows(&below.swap(WETH, USDC, 1));
    below.allows(&below.refill(1_000));
    assert_eq!(below.refuses(&below.payment(1)).rule, Rule::StableShareBpsMin);
}

#[test]
fn above_the_volatility_ceiling_only_what_reduces_risk_is_allowed() {
    for (forecast, allowed) in [(Some(6_000), true), (Some(6_001), false), (None, false)] {
        let mut court = Court::usual();
        court.world.risk.treasury_volatility_bps = forecast;
        court.allows(&court.swap(WETH, USDC, 1));
        court.allows(&court.refill(1));
        let buy = court.swap(USDC, WETH, 1_000);
        if allowed {
            court.allows(&buy);
        } else {
            let found = forecast.map_or(Quantity::None, Quantity::Bps);
            assert_eq!(receipt(&court.refuses(&buy)), (Rule::VolatilityBpsMax, Quantity::Bps(6_000), found));
        }
    }
    let mut court = Court::new(|facts| facts.risk.volatility_bps_max = None);
    court.world.risk.treasury_volatility_bps = None;
    court.allows(&court.swap(USDC, WETH, 1_000));
}

#[test]
fn each_forecast_has_its_own_ceiling() {
    type Set = fn(&mut RiskTerms, &mut RiskReport, Option<u64>);
    let ceilings: [(Rule, Set); 3] = [
        (Rule::ValueAtRiskBpsMax, |terms, report, found| {
            (terms.value_at_risk_bps_max, report.value_at_risk_bps) = (Some(800), found);
        }),
        (Rule::ExpectedShortfallBpsMax, |terms, report, found| {
            (terms.expected_shortfall_bps_max, report.expected_shortfall_bps) = (Some(800), found);
        }),
        (Rule::DrawdownProbabilityBpsMax, |terms, report, found| {
            (terms.drawdown_probability_bps_max, report.drawdown_probability_bps) = (Some(800), found);
        }),
    ];
    for (rule, set) in ceilings {
        for (forecast, allowed) in [(Some(800), true), (Some(801), false), (None, false)] {
            let mut report = RiskReport::default();
            let mut court = Court::new(|facts| {
                facts.risk.volatility_bps_max = None;
                set(&mut facts.risk, &mut report, forecast);
            });
            court.world.risk = report;
            court.allows(&court.swap(WETH, USDC, 1));
            let buy = court.swap(USDC, WETH, 1_000);
            if allowed {
                court.allows(&buy);
            } else {
                let found = forecast.map_or(Quantity::None, Quantity::Bps);
                assert_eq!(receipt(&court.refuses(&buy)), (rule, Quantity::Bps(800), found));
            }
        }
    }
}

#[test]
fn a_policy_may_hold_everything_while_a_ceiling_is_breached() {
    let mut court = Court::new(|facts| facts.risk.on_breach = OnBreach::Hold);
    court.world.risk.treasury_volatility_bps = Some(6_001);
    for intent in [court.swap(WETH, USDC, 1), court.refill(1), court.payment(1)] {
        assert_eq!(court.refuses(&intent).rule, Rule::VolatilityBpsMax);
    }
    court.world.risk.treasury_volatility_bps = Some(6_000);
    court.allows(&court.refill(1));
}

#[test]
fn proposals_have_a_pace_while_they_are_new() {
    let mut court = Court::usual();
    court.spend(3_600, 1);
    court.allows(&court.refill(1));
    court.spend(3_599, 1);
    let refusal = court.refuses(&court.refill(1));
    assert_eq!(receipt(&refusal), (Rule::CooldownSecsMin, Quantity::Secs(3_600), Quantity::Secs(3_599)));
    let cx = court.world.cx(&court.policy);
    let waiting = quaestor_core::Context { is_new: false, ..cx };
    assert!(court.policy.judge(&waiting, &Tally::default(), &court.refill(1)).is_allowed());

    let mut court = Court::usual();
    for hours in [4, 8, 12] {
        court.spend(hours * 3_600, 1);
    }
    court.allows(&court.refill(1));
    let refusal = court.refuses_after(&[court.swap(WETH, USDC, 1)], &court.refill(1));
    assert_eq!(receipt(&refusal), (Rule::ProposalsPerDayMax, Quantity::Count(4), Quantity::Count(5)));
    court.spend(16 * 3_600, 1);
    assert_eq!(court.refuses(&court.refill(1)).rule, Rule::ProposalsPerDayMax);
}

#[test]
fn what_was_done_or_is_bound_is_not_done_again() {
    let mut court = Court::usual();
    let intent = court.refill(1);
    let once_key = intent.purpose.once_key(address("reserve"), court.world.snapshot.block.hash);
    court.spend(80_000, 1);
    court.allows(&intent);
    let refused = (Rule::OnceKeyUnused, Quantity::None, Quantity::Hash(once_key));
    court.world.history.spends[0] =
        Spend { once_key, account: RESERVE, timestamp: NOW, ..court.world.history.spends[0] };
    assert_eq!(receipt(&court.refuses(&intent)), refused);

    let mut court = Court::usual();
    court.world.history.outstanding.push(Outstanding {
        account: RESERVE,
        proposal_id: keccak256("proposal"),
        decision: keccak256("decision"),
        proposed_at: NOW,
        valid_until: NOW + 7_200,
        once_keys: vec![once_key],
        value: usd(1),
        dues: vec![],
    });
    assert_eq!(receipt(&court.refuses(&intent)), refused);
    assert_eq!(receipt(&Court::usual().refuses_after(std::slice::from_ref(&intent), &intent)).0, Rule::OnceKeyUnused);
}

#[test]
fn a_governor_account_does_not_swap() {
    let court = Court::usual();
    let mut intent = court.swap(USDC, LINK, 1);
    intent.account = RESERVE;
    let expected = (Rule::GovernorSwapBound, Quantity::None, Quantity::Account(RESERVE));
    assert_eq!(receipt(&court.refuses(&intent)), expected);
}

#[test]
fn an_asset_without_a_price_is_not_traded() {
    let mut court = Court::usual();
    let (sell, buy) = (court.swap(WETH, USDC, 1), court.swap(USDC, DAO, 1));
    court.world.prices.0[WETH.index()].price = None;
    court.world.prices.0[WETH.index()].usable = 0;
    assert_eq!(receipt(&court.refuses(&sell)), (Rule::PriceQuorumMin, Quantity::Count(1), Quantity::Count(0)));
    court.world.prices.0[DAO.index()].price = None;
    assert_eq!(court.refuses(&buy).rule, Rule::PriceQuorumMin);
}

#[test]
fn a_decision_is_due_once_a_tick() {
    let policy = fixture::policy(&fixture::facts());
    let midnight = 1_800_057_600;
    assert!(policy.is_due(midnight - 1, midnight, 5));
    assert!(policy.is_due(midnight - 12, midnight + 11, 5));
    assert!(!policy.is_due(midnight, midnight + 12, 5));
    assert!(!policy.is_due(midnight - 24, midnight - 12, 5));
    assert!(!policy.is_due(midnight, midnight, 5));
    let mut facts = fixture::facts();
    facts.schedule = Schedule::EveryBlocks(10);
    let policy = fixture::policy(&facts);
    assert!(policy.is_due(0, 1, 20) && !policy.is_due(0, 1, 21));
}
