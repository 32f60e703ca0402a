use super::*;
use crate::{
    Amount, History, Purpose, RiskReport, Rule, VenueId, Verdict,
    fixture::{Judge, OPERATIONS, POLICY, RESERVE, USDC, WETH, sale, snapshot, terms, usd},
    pipeline::judge_all,
    snapshot::Sums,
    valuation::{Prices, Valuation},
};

const FIRST: B256 = B256::repeat_byte(1);
const SECOND: B256 = B256::repeat_byte(2);

fn of(line: B256, intent: Intent) -> Intent {
    let leg = match intent.purpose {
        Purpose::Strategy { leg, .. } => leg,
        Purpose::Payment { .. } => 0,
    };
    Intent { purpose: Purpose::Strategy { line, leg }, ..intent }
}

/// A purchase of WETH for whole USDC.
fn buy(line: B256, whole: u128) -> Intent {
    let (amount, venue) = (Amount(whole * 1_000_000), VenueId(0));
    let (amount_in, amount_out_min) = (amount, Amount(whole * 490_000_000_000_000));
    let swap = Action::Swap { venue, sell: USDC, buy: WETH, fee_pips: 3_000, amount_in, amount_out_min };
    Intent {
        account: OPERATIONS,
        purpose: Purpose::Strategy { line, leg: 9 },
        asset: USDC,
        counterparty: Address::repeat_byte(0x70),
        amount,
        value: Value(usd(whole).0),
        actions: [Action::Approve { asset: USDC, spender: venue, amount }, swap].into_iter().collect(),
    }
}

/// USDC from one account of the treasury to the other.
fn send(line: B256, from: AccountId, to: AccountId, whole: u128) -> Intent {
    let (amount, to) = (Amount(whole * 1_000_000), terms().accounts[to.index()].address);
    Intent {
        account: from,
        purpose: Purpose::Strategy { line, leg: 0 },
        asset: USDC,
        counterparty: to,
        amount,
        value: Value(usd(whole).0),
        actions: [Action::Transfer { asset: USDC, to, amount }].into_iter().collect(),
    }
}

fn verdicts_by(judge: &Judge, intents: &[Intent]) -> Vec<Option<Rule>> {
    let (terms, snapshot, history, risk) = (terms(), snapshot(100), History::default(), RiskReport::default());
    let prices = Prices::resolve(&terms, &snapshot);
    let mut valuation = Valuation::default();
    valuation.fill(&terms, &snapshot, &prices).unwrap();
    let windows = history.windows(snapshot.block.timestamp);
    let (snapshot, prices, valuation, risk, policy) = (&snapshot, &prices, &valuation, &risk, POLICY);
    let cx =
        Context { terms: &terms, policy, snapshot, history: &history, windows, prices, valuation, risk, is_new: true };
    let mut verdicts = Vec::new();
    judge_all(judge, &cx, intents, &mut Sums::default(), &mut verdicts);
    let rule = |verdict: &Verdict| match verdict {
        Verdict::Allowed => None,
        Verdict::Refused(refusal) => Some(refusal.rule),
    };
    verdicts.iter().map(rule).collect()
}

fn verdicts(intents: &[Intent]) -> Vec<Option<Rule>> {
    verdicts_by(&Judge::default(), intents)
}

#[test]
fn a_later_strategy_does_not_undo_a_trade() {
    let sold = of(FIRST, sale(OPERATIONS, 0, 1));
    assert_eq!(verdicts(&[sold.clone(), buy(SECOND, 10)]), [None, Some(Rule::Opposed)]);
    assert_eq!(verdicts(&[buy(FIRST, 10), of(SECOND, sale(OPERATIONS, 0, 1))]), [None, Some(Rule::Opposed)]);
    assert_eq!(verdicts(&[sold.clone(), of(SECOND, sale(OPERATIONS, 1, 1))]), [None, None], "the same way");
    assert_eq!(verdicts(&[sold, buy(FIRST, 10)]), [None, None], "its own sales may pay for its buys");
}

#[test]
fn the_net_direction_of_a_strategy_counts() {
    // Sells for 4,000 USD and buys for 1,000: WETH is sold, USDC bought.
    let first = [of(FIRST, sale(OPERATIONS, 0, 2)), buy(FIRST, 1_000)];
    let then = |intent: Intent| verdicts(&[first[0].clone(), first[1].clone(), intent])[2];
    assert_eq!(then(buy(SECOND, 10)), Some(Rule::Opposed));
    assert_eq!(then(of(SECOND, sale(OPERATIONS, 0, 1))), None);
    // As much bought as sold: no direction, nothing to undo.
    let even = [of(FIRST, sale(OPERATIONS, 0, 1)), buy(FIRST, 2_000), buy(SECOND, 10)];
    assert_eq!(verdicts(&even), [None, None, None]);
}

#[test]
fn what_was_refused_opposes_nothing() {
    let first = of(FIRST, sale(OPERATIONS, 0, 1));
    let judge = Judge { refuses: |intent| (intent.asset == WETH).then_some(Rule::DayBpsMax), ..Judge::default() };
    assert_eq!(verdicts_by(&judge, &[first, buy(SECOND, 10)]), [Some(Rule::DayBpsMax), None]);
}

#[test]
fn money_is_not_sent_back_and_forth() {
    let there = send(FIRST, RESERVE, OPERATIONS, 100);
    assert_eq!(verdicts(&[there.clone(), send(SECOND, OPERATIONS, RESERVE, 5)]), [None, Some(Rule::Opposed)]);
    assert_eq!(verdicts(&[there.clone(), send(SECOND, RESERVE, OPERATIONS, 5)]), [None, None]);
    assert_eq!(verdicts(&[there.clone(), send(FIRST, OPERATIONS, RESERVE, 5)]), [None, None], "one strategy's own way");
    assert_eq!(verdicts(&[there, of(SECOND, sale(OPERATIONS, 0, 1))]), [None, None], "nothing was bought or sold");
}

#[test]
fn a_sum_out_of_range_opposes() {
    let huge = |leg| {
        let sold = of(FIRST, sale(OPERATIONS, leg, 1));
        Intent { value: Value(u128::MAX), ..sold }
    };
    assert_eq!(verdicts(&[huge(0), huge(1), of(SECOND, sale(OPERATIONS, 0, 1))])[2], Some(Rule::Opposed));
}
