use super::*;
use crate::{
    BlockRef, Price,
    decision::Batch,
    fixture::{
        AsTold, Judge, NOW, NoModel, OPERATIONS, POLICY, RESERVE, WETH, decide as decide_on, outstanding, payment,
        sale, snapshot, spend, usd,
    },
    snapshot::{FeedReading, Outstanding, Round, Spend},
    strategy::StrategyHold,
};
use alloy_primitives::{Address, B256};
use proptest::prelude::{Strategy as Arbitrary, *};

fn held(decision: &Decision) -> Vec<Rule> {
    let rule = |hold: &Hold| match hold {
        Hold::Rule { receipt } => Some(receipt.rule),
        Hold::Strategy { .. } => None,
    };
    decision.holds.iter().filter_map(rule).collect()
}

fn spends() -> impl Arbitrary<Value = Vec<Spend>> {
    let one = (0u64..3_000_000, 0u16..2, any::<u8>(), any::<[u8; 32]>(), any::<u64>());
    prop::collection::vec(one, 0..12).prop_map(|mut list| {
        list.sort_unstable();
        let spend = |(ago, account, decision, key, value): &(u64, u16, u8, [u8; 32], u64)| {
            spend(NOW - ago, AccountId(*account), *decision, B256::from(*key), u128::from(*value))
        };
        list.iter().rev().map(spend).collect()
    })
}

fn histories() -> impl Arbitrary<Value = History> {
    let bound = (any::<[u8; 32]>(), 0u64..90_000, any::<u64>(), prop::collection::vec(any::<[u8; 32]>(), 0..3));
    let waiting = prop::collection::vec(bound, 0..4).prop_map(|list| {
        let one = |(decision, ago, value, keys): ([u8; 32], u64, u64, Vec<[u8; 32]>)| Outstanding {
            once_keys: keys.into_iter().map(B256::from).collect(),
            ..outstanding(B256::from(decision), NOW - ago, NOW + ago, u128::from(value))
        };
        list.into_iter().map(one).collect()
    });
    (spends(), waiting).prop_map(|(spends, outstanding)| History {
        spends: spends.into(),
        outstanding,
        ..History::default()
    })
}

fn snapshots() -> impl Arbitrary<Value = Snapshot> {
    let feed = prop::collection::vec((prop::option::of(any::<u64>()), 0u64..9_000), 0..4);
    let feeds = [feed.clone(), feed];
    let pulled = prop::bool::weighted(0.1);
    (feeds, prop::collection::vec(any::<u64>(), 4), pulled, any::<u64>()).prop_map(|(feeds, held, pulled, nonce)| {
        let mut found = snapshot(100);
        found.brake.pulled = pulled;
        for (asset, rounds) in found.assets.iter_mut().zip(feeds) {
            let round = |(price, ago): (Option<u64>, u64)| Round {
                price: price.map(|price| Price(u128::from(price))),
                updated_at: NOW + 60 - ago,
            };
            asset.feeds[0].rounds = rounds.into_iter().map(round).collect();
        }
        for (account, held) in found.accounts.iter_mut().zip(held.chunks(2)) {
            account.balances = held.iter().map(|held| Amount(u128::from(*held) << 8)).collect();
        }
        found.accounts[0].control = Control::Safe { nonce, threshold: 1, owners: vec![Address::repeat_byte(1)] };
        found
    })
}

fn intents() -> impl Arbitrary<Value = Vec<Intent>> {
    let account = || (0u16..2).prop_map(AccountId);
    let one = prop_oneof![
        (account(), any::<u64>(), 0u64..9_999).prop_map(|(from, period, usd)| payment(from, period, usd.into())),
        (account(), any::<u16>(), 0u64..9_999).prop_map(|(from, leg, whole)| sale(from, leg, whole.into())),
    ];
    prop::collection::vec(one, 0..40)
}

fn reread<T: serde::Serialize + serde::de::DeserializeOwned>(what: &T) -> T {
    serde_json::from_slice(&serde_json::to_vec(what).unwrap()).unwrap()
}

/// Allows what moves less than 5000 USD.
fn small_only() -> Judge {
    Judge { refuses: |intent| (intent.value > Value(usd(5_000).0)).then_some(Rule::ProposalBpsMax), ..Judge::default() }
}

proptest! {
    #[test]
    fn the_same_inputs_give_the_same_bytes(snapshot in snapshots(), history in histories(), wants in intents()) {
        let judge = small_only();
        let decision = decide_on(&judge, &snapshot, &history, &wants);
        let bytes = decision.canonical_bytes();
        prop_assert!(!bytes.is_empty());
        prop_assert_eq!(&decide_on(&judge, &snapshot, &history, &wants).canonical_bytes(), &bytes);

        let (read, past) = (reread(&snapshot), reread(&history));
        prop_assert_eq!(&read, &snapshot);
        prop_assert_eq!(&past, &history);
        let again = decide_on(&judge, &read, &past, &reread(&wants));
        prop_assert_eq!(&again.canonical_bytes(), &bytes);
        prop_assert_eq!(&reread(&decision).canonical_bytes(), &bytes);
    }

    #[test]
    fn a_batch_holds_exactly_the_allowed_intents_of_its_account(wants in intents()) {
        let decision = decide_on(&small_only(), &snapshot(100), &History::default(), &wants);
        prop_assert_eq!(decision.judged.len(), wants.len());
        for account in [OPERATIONS, RESERVE] {
            let ours = |judged: &&Judged| judged.verdict.is_allowed() && judged.intent.account == account;
            let allowed: Vec<&Intent> = decision.judged.iter().filter(ours).map(|judged| &judged.intent).collect();
            let batches: Vec<&Batch> = decision.batches.iter().filter(|batch| batch.account == account).collect();
            prop_assert_eq!(batches.len(), usize::from(!allowed.is_empty()));
            prop_assert_eq!(batches.iter().flat_map(|batch| batch.intents()).collect::<Vec<_>>(), allowed);
        }
    }
}

#[test]
fn a_decision_is_a_function_of_every_input() {
    let (judge, then, past) = (Judge::default(), snapshot(100), History::default());
    let wants = [payment(OPERATIONS, 1, 100)];
    let bytes = decide_on(&judge, &then, &past, &wants).canonical_bytes();
    assert_ne!(decide_on(&judge, &snapshot(101), &past, &wants).canonical_bytes(), bytes);
    assert_ne!(decide_on(&small_only(), &then, &past, &[payment(OPERATIONS, 1, 9_000)]).canonical_bytes(), bytes);
    let mut richer = then.clone();
    richer.accounts[1].balances[1].0 += 1_000_000_000_000_000;
    assert_ne!(decide_on(&judge, &richer, &past, &wants).canonical_bytes(), bytes);
}

#[test]
fn a_pulled_brake_is_a_hold_and_nothing_is_asked() {
    let judge = Judge::default();
    let mut braked = snapshot(100);
    braked.brake.pulled = true;
    let decision = decide_on(&judge, &braked, &History::default(), &[payment(OPERATIONS, 1, 100)]);
    assert_eq!(held(&decision), [Rule::BrakePulled]);
    assert!(decision.batches.is_empty() && decision.judged.is_empty());
    assert!(judge.shown.lock().unwrap().is_empty());
    assert_ne!(decision.nav, Value::ZERO, "what the treasury is worth is still said");
}

#[test]
fn a_held_asset_without_a_price_is_a_hold_and_one_that_is_not_held_is_none() {
    let mut blind = snapshot(100);
    blind.assets[1].feeds[0].rounds.clear();
    let wants = [payment(OPERATIONS, 1, 100)];
    let decision = decide_on(&Judge::default(), &blind, &History::default(), &wants);
    assert_eq!(held(&decision), [Rule::PriceQuorumMin]);
    let Some(Hold::Rule { receipt }) = decision.holds.first() else { panic!("no receipt") };
    assert_eq!((receipt.limit, receipt.found), (Quantity::Count(1), Quantity::Count(0)));
    assert_eq!(receipt.inputs[0].quantity, Quantity::Asset(WETH));
    assert!(decision.batches.is_empty());
    assert_eq!(decision.nav, Value::ZERO);

    blind.accounts.iter_mut().for_each(|account| account.balances[1] = Amount::ZERO);
    assert_eq!(decide_on(&Judge::default(), &blind, &History::default(), &wants).batches.len(), 1);
}

#[test]
fn more_than_32_intents_are_refused_whatever_the_judge_says() {
    let wants: Vec<Intent> = (0..40).map(|period| payment(OPERATIONS, period, 1)).collect();
    let decision = decide_on(&Judge::default(), &snapshot(100), &History::default(), &wants);
    assert_eq!(decision.batches[0].items.len(), INTENTS_PER_DECISION_MAX);
    let rule = |judged: &Judged| match &judged.verdict {
        Verdict::Refused(receipt) => Some(receipt.rule),
        Verdict::Allowed => None,
    };
    let rules: Vec<_> = decision.judged.iter().map(rule).collect();
    assert!(rules[..32].iter().all(Option::is_none));
    assert!(rules[32..].iter().all(|rule| *rule == Some(Rule::IntentsMax)));
}

#[test]
fn each_intent_is_judged_after_those_allowed_before_it() {
    let mut judge = small_only();
    judge.refuses = |intent| (intent.value == Value(usd(7).0)).then_some(Rule::ProposalBpsMax);
    let wants = [payment(OPERATIONS, 1, 3), payment(RESERVE, 2, 7), payment(RESERVE, 3, 5), payment(OPERATIONS, 4, 1)];
    decide_on(&judge, &snapshot(100), &History::default(), &wants);
    let shown = judge.shown.lock().unwrap();
    let tallies: Vec<_> = shown.iter().map(|shown| (shown.tally, shown.batch_tally)).collect();
    let usd = |whole| Value(usd(whole).0);
    assert_eq!(tallies, [(usd(0), usd(0)), (usd(3), usd(0)), (usd(3), usd(0)), (usd(8), usd(3))]);
    assert!(shown.iter().all(|shown| shown.is_new));
}

#[test]
fn batches_carry_what_the_snapshot_says() {
    let wants = [payment(RESERVE, 1, 10), payment(OPERATIONS, 2, 20), payment(RESERVE, 3, 30)];
    let judge = Judge::default();
    let decision = decide_on(&judge, &snapshot(100), &History::default(), &wants);
    let heads: Vec<_> = decision.batches.iter().map(|it| (it.account, it.safe_nonce, it.items.len())).collect();
    assert_eq!(heads, [(OPERATIONS, Some(7), 1), (RESERVE, None, 2)]);
    for batch in &decision.batches {
        assert_eq!((batch.valid_until, batch.pulls), (NOW + 86_400, 2));
        assert_eq!(batch.address, judge.terms.accounts[batch.account.index()].address);
    }
    assert_eq!(decision.batches[1].value(), Value(usd(40).0));
}

#[test]
fn a_proposal_ends_with_the_policy_and_with_the_envelope() {
    let until = |change: fn(&mut Judge)| {
        let mut judge = Judge::default();
        change(&mut judge);
        let decision = decide_on(&judge, &snapshot(100), &History::default(), &[payment(OPERATIONS, 1, 10)]);
        decision.batches[0].valid_until
    };
    assert_eq!(until(|judge| judge.terms.expires_at = NOW + 50), NOW + 50);
    assert_eq!(until(|judge| judge.terms.limits.validity_secs_max = 70), NOW + 70);
}

#[test]
fn a_strategy_says_why_it_wants_less_and_keeps_what_it_wanted() {
    let (judge, snapshot, history) = (Judge::default(), snapshot(100), History::default());
    let told = AsTold(vec![payment(OPERATIONS, 1, 10)], Some(StrategyHold::NoRoom));
    let strategies: Vec<Box<dyn crate::Strategy>> = vec![Box::new(told)];
    let inputs =
        Inputs { snapshot: &snapshot, history: &history, policy: &judge, strategies: &strategies, model: &NoModel };
    let decision = decide(&inputs);
    let line = judge.terms.strategies[0].line;
    assert_eq!(decision.holds, [Hold::Strategy { line, reason: StrategyHold::NoRoom }]);
    assert_eq!(decision.batches.len(), 1);
}

#[test]
fn a_workspace_forgets_the_decision_before() {
    let (judge, snapshot, history) = (Judge::default(), snapshot(100), History::default());
    let prices = Prices::resolve(&judge.terms, &snapshot);
    let mut work = Workspace::new();
    let mut count = |wants: Vec<Intent>| {
        let strategies: Vec<Box<dyn crate::Strategy>> = vec![Box::new(AsTold(wants, Some(StrategyHold::NoPool)))];
        let inputs =
            Inputs { snapshot: &snapshot, history: &history, policy: &judge, strategies: &strategies, model: &NoModel };
        evaluate(&inputs, &prices, &RiskReport::default(), &mut work).unwrap();
        (work.intents.len(), work.verdicts.len(), work.holds.len())
    };
    assert_eq!(count(vec![payment(OPERATIONS, 1, 10), payment(OPERATIONS, 2, 10)]), (2, 2, 1));
    assert_eq!(count(vec![payment(OPERATIONS, 1, 10)]), (1, 1, 1));
}

/// What is left after `history` and `before`, in whole USD of a NAV of 700 000.
fn room(limits: crate::Limits, history: &History, before: &[Intent]) -> Value {
    let mut terms = crate::fixture::terms();
    terms.limits = limits;
    let snapshot = snapshot(100);
    let prices = Prices::resolve(&terms, &snapshot);
    let mut valuation = Valuation::default();
    valuation.fill(&terms, &snapshot, &prices).unwrap();
    assert_eq!(valuation.nav, Value(usd(700_000).0));
    let (risk, policy) = (RiskReport::default(), B256::ZERO);
    let (prices, valuation, risk, terms, snapshot) = (&prices, &valuation, &risk, &terms, &snapshot);
    let windows = history.windows(snapshot.block.timestamp);
    let cx = Context { terms, policy, snapshot, history, windows, prices, valuation, risk, is_new: true };
    cx.room(&Tally::before(OPERATIONS, before, &[]))
}

#[test]
fn room_is_what_the_narrowest_cap_leaves() {
    let unset = crate::Limits::default();
    let caps = crate::Limits { proposal_bps_max: 100, window_bps_max: [u64::MAX, 200, u64::MAX, u64::MAX], ..unset };
    let usd = |whole| Value(usd(whole).0);
    let none = History::default();
    assert_eq!(room(unset, &none, &[]), Value(u128::MAX));
    assert_eq!(room(caps, &none, &[]), usd(7_000));
    assert_eq!(room(caps, &none, &[payment(OPERATIONS, 1, 3_000)]), usd(4_000));
    assert_eq!(room(caps, &none, &[payment(RESERVE, 1, 3_000)]), usd(7_000), "another batch, another cap");
    assert_eq!(room(caps, &none, &[payment(RESERVE, 1, 9_000)]), usd(5_000), "the window is one for all");

    let spent = |secs, whole| spend(NOW - secs, RESERVE, 1, B256::ZERO, usd(whole).0);
    let busy = History { spends: [spent(86_400, 9_000), spent(86_399, 11_000)].into(), ..History::default() };
    assert_eq!(room(caps, &busy, &[]), usd(3_000), "what left the window frees room");
    let waiting = outstanding(B256::ZERO, NOW - 9, NOW, usd(2_000).0);
    let bound = History { outstanding: vec![waiting], ..busy };
    assert_eq!(room(caps, &bound, &[]), usd(1_000));
    assert_eq!(room(caps, &bound, &[payment(OPERATIONS, 1, 3_000)]), usd(0));
    assert_eq!(room(crate::Limits { proposal_bps_max: 0, ..unset }, &none, &[]), usd(0));
}

#[test]
fn a_second_feed_must_be_the_policys_own() {
    let mut found = snapshot(100);
    let first: FeedReading = found.assets[0].feeds[0].clone();
    found.assets[0].feeds.push(first);
    let decision = decide_on(&Judge::default(), &found, &History::default(), &[payment(OPERATIONS, 1, 10)]);
    assert_eq!(held(&decision), [Rule::SnapshotComplete]);
    let (terms, policy) = (crate::fixture::terms(), crate::fixture::POLICY);
    assert!(precondition(&terms, policy, &snapshot(100)).is_none());
    let elsewhere = Snapshot { block: BlockRef::default(), ..snapshot(100) };
    assert_eq!(precondition(&terms, policy, &elsewhere).unwrap().rule, Rule::BrakePulled);
}

#[test]
fn a_vault_must_be_for_the_asset_that_the_policy_says() {
    let (mut judge, mut snapshot) = (Judge::default(), snapshot(100));
    let rate = |asset| Some(crate::snapshot::RateReading { asset, ..Default::default() });
    let usdc = judge.terms.assets[0].address;
    judge.terms.venues[0].kind = crate::VenueKind::Erc4626 { asset: AssetId(0), shares: AssetId(1) };
    snapshot.assets[1].rate = rate(Some(usdc));
    assert_eq!(precondition(&judge.terms, POLICY, &snapshot), None);
    let refused = |snapshot: &Snapshot| {
        let receipt = precondition(&judge.terms, POLICY, snapshot).unwrap();
        (receipt.rule, receipt.limit, receipt.found)
    };
    let expected = Quantity::Address(usdc);
    snapshot.assets[1].rate = rate(Some(judge.terms.assets[1].address));
    let found = Quantity::Address(judge.terms.assets[1].address);
    assert_eq!(refused(&snapshot), (Rule::VaultAsset, expected, found));
    snapshot.assets[1].rate = rate(None);
    assert_eq!(refused(&snapshot), (Rule::VaultAsset, expected, Quantity::None));
    snapshot.assets[1].rate = None;
    assert_eq!(refused(&snapshot), (Rule::VaultAsset, expected, Quantity::None));
}

#[test]
fn a_strategy_has_its_share_of_the_proposal_cap_and_what_it_wanted_counts() {
    let usd = |whole| Value(usd(whole).0);
    let line = crate::fixture::LINE;
    let room_of = |share_bps_max, proposal_bps_max, before: &[Intent]| {
        let mut terms = crate::fixture::terms();
        terms.limits.proposal_bps_max = proposal_bps_max;
        terms.strategies[0].share_bps_max = share_bps_max;
        let snapshot = snapshot(100);
        let prices = Prices::resolve(&terms, &snapshot);
        let mut valuation = Valuation::default();
        valuation.fill(&terms, &snapshot, &prices).unwrap();
        let (history, risk, policy) = (History::default(), RiskReport::default(), B256::ZERO);
        let windows = history.windows(snapshot.block.timestamp);
        let (prices, valuation, risk, terms, snapshot) = (&prices, &valuation, &risk, &terms, &snapshot);
        let history = &history;
        let cx = Context { terms, policy, snapshot, history, windows, prices, valuation, risk, is_new: true };
        let tally = Tally::before(OPERATIONS, before, &[]);
        (cx.room_of(line, OPERATIONS, &tally), cx.room_of(B256::ZERO, OPERATIONS, &tally))
    };
    // One percent of 700,000, and a quarter of it.
    assert_eq!(room_of(None, 100, &[]), (usd(7_000), usd(7_000)));
    assert_eq!(room_of(Some(2_500), 100, &[]), (usd(1_750), usd(7_000)));
    assert_eq!(room_of(Some(2_500), 100, &[payment(OPERATIONS, 1, 750)]), (usd(1_000), usd(6_250)));
    assert_eq!(room_of(Some(2_500), 100, &[payment(RESERVE, 1, 750)]), (usd(1_750), usd(7_000)), "another account");
    let mut other = payment(OPERATIONS, 1, 6_000);
    other.purpose = crate::Purpose::Payment { line: B256::repeat_byte(9), period: 0 };
    assert_eq!(room_of(Some(2_500), 100, &[other]), (usd(1_000), usd(1_000)), "the cap is for all");
    assert_eq!(room_of(Some(2_500), u64::MAX, &[]).0, usd(175_000), "without a cap, of NAV");
    assert_eq!(room_of(Some(0), u64::MAX, &[]).0, Value::ZERO);
}
