use super::*;
use crate::{
    BlockRef, History, Outlook, Policy, Refusal, RiskReport, Rule, Terms,
    fixture::{Judge, OPERATIONS, POLICY, RESERVE, USDC, WETH, deposit, payment, sale, snapshot, terms, usd},
    pipeline::judge_all,
    policy::{Group, PartShare},
    valuation::{Prices, Valuation},
    verdict::Quantity,
};
use proptest::prelude::*;

#[test]
fn a_tally_counts_what_was_allowed_or_not_yet_judged() {
    let intents = [payment(OPERATIONS, 1, 10), sale(OPERATIONS, 0, 3), sale(RESERVE, 0, 1), payment(OPERATIONS, 2, 5)];
    let block = BlockRef::default();
    let refused = Refusal::new(Rule::DayBpsMax, Quantity::None, Quantity::None, block, B256::ZERO);
    let verdicts = [Verdict::Allowed, Verdict::Allowed, Verdict::Allowed, Verdict::Refused(refused.clone())];
    let usd = |whole| Value(usd(whole).0);

    let tally = Tally::before(OPERATIONS, &intents, &verdicts);
    assert_eq!((tally.value, tally.batch_value), (usd(8_010), usd(6_010)));
    assert_eq!(tally.allowed().count(), 3);
    assert_eq!(tally.spent(OPERATIONS, USDC), Amount(10_000_000));
    assert_eq!(tally.spent(OPERATIONS, WETH), Amount(3_000_000_000_000_000_000));
    assert_eq!(tally.received_min(OPERATIONS, USDC), Amount(3 * 1_980_000_000));
    assert_eq!(tally.spent(RESERVE, USDC), Amount::ZERO);

    let unjudged = Tally::before(OPERATIONS, &intents, &[]);
    assert_eq!((unjudged.value, unjudged.batch_value), (usd(8_015), usd(6_015)));
    let refusals = [Verdict::Refused(refused)];
    let first = Tally::before(OPERATIONS, &intents[..1], &refusals);
    assert_eq!((first.value, first.spent(OPERATIONS, USDC)), (usd(0), Amount::ZERO));
    assert!(!first.is_empty() && Tally::before(OPERATIONS, &[], &[]).is_empty());
}

#[test]
fn what_vaults_take_and_give_is_counted_like_a_swap() {
    let (venue, shares) = (crate::VenueId(0), AssetId(5));
    let with = |asset, action| {
        let mut intent = payment(OPERATIONS, 1, 10);
        (intent.asset, intent.actions) = (asset, [action].into_iter().collect());
        intent
    };
    let deposit = Action::Deposit { venue, asset: USDC, shares, amount: Amount(7), shares_min: Amount(6) };
    let redeem = Action::Redeem { venue, shares, asset: USDC, amount: Amount(5), assets_min: Amount(4) };
    let intents = [with(USDC, deposit), with(shares, redeem)];
    let tally = Tally::before(OPERATIONS, &intents, &[]);
    assert_eq!((tally.spent(OPERATIONS, USDC), tally.received_min(OPERATIONS, USDC)), (Amount(7), Amount(4)));
    assert_eq!((tally.spent(OPERATIONS, shares), tally.received_min(OPERATIONS, shares)), (Amount(5), Amount(6)));
    assert_eq!((tally.spent(OPERATIONS, WETH), tally.spent(RESERVE, USDC)), (Amount::ZERO, Amount::ZERO));
}

/// Compares what a tally says with a walk over what it says was allowed, and refuses each third intent.
struct Walking(Judge);

impl Policy for Walking {
    fn hash(&self) -> B256 {
        POLICY
    }

    fn rest_hash(&self) -> B256 {
        B256::ZERO
    }

    fn terms(&self) -> &Terms {
        &self.0.terms
    }

    fn judge(&self, cx: &Context<'_>, tally: &Tally<'_>, intent: &Intent) -> Verdict {
        let allowed: Vec<Intent> = tally.allowed().cloned().collect();
        let walk = Tally::before(intent.account, &allowed, &[]);
        assert_eq!((tally.value, tally.batch_value), (walk.value, walk.batch_value));
        assert!(allowed.iter().all(|before| tally.may_have(before.purpose)));
        for line in [intent.purpose.line(), B256::ZERO] {
            assert_eq!(tally.is_all_of(line), allowed.iter().all(|before| before.purpose.is_of(line)));
        }
        let (found, expected) = (Outlook::new(cx, *tally), Outlook::new(cx, walk));
        assert_eq!((found.nav(), found.stable()), (expected.nav(), expected.stable()));
        for PartShare { part, .. } in cx.terms.parts() {
            assert_eq!(found.value_in(part), expected.value_in(part), "value of {part:?}");
        }
        for asset in [USDC, WETH] {
            assert_eq!(found.value_of(asset), expected.value_of(asset), "value of {asset:?}");
            for account in [OPERATIONS, RESERVE] {
                assert_eq!(
                    found.spendable(account, asset),
                    expected.spendable(account, asset),
                    "{account:?} {asset:?}"
                );
                assert_eq!(tally.spent(account, asset), walk.spent(account, asset));
            }
        }
        let refused = intent.value.0.is_multiple_of(3);
        let refusal = || Refusal::new(Rule::DayBpsMax, Quantity::None, Quantity::None, cx.snapshot.block, cx.policy);
        if refused { Verdict::Refused(refusal()) } else { Verdict::Allowed }
    }

    fn judge_outcome(&self, _: &Context<'_>, _: &Context<'_>, _: &[Intent]) -> Verdict {
        Verdict::Allowed
    }

    fn is_due(&self, _: u64, _: u64, _: u64) -> bool {
        true
    }
}

proptest! {
    #[test]
    fn what_is_counted_along_the_way_is_what_a_walk_finds(
        wanted in prop::collection::vec((0u8..4, any::<bool>(), 0u16..70, 1u128..40, 0u128..3, any::<bool>()), 0..12),
    ) {
        let intents: Vec<Intent> = wanted.into_iter().map(|(kind, own, number, whole, off, others)| {
            let account = if own { OPERATIONS } else { RESERVE };
            let mut intent = match kind {
                0 => payment(account, number.into(), whole),
                1 => sale(account, number, whole),
                2 => deposit(account, number, whole),
                _ => {
                    let to = terms().accounts[usize::from(own)].address;
                    let amount = Amount(whole);
                    let action = Action::Transfer { asset: WETH, to, amount };
                    let actions = [action].into_iter().collect();
                    Intent { asset: WETH, amount, actions, ..payment(account, number.into(), whole) }
                }
            };
            // What is said wrongly of a value is what a judge refuses, but the count does not know that.
            intent.value.0 += off;
            if others {
                intent.purpose = Purpose::Strategy { line: B256::repeat_byte(9), leg: number };
            }
            intent
        }).collect();
        let (snapshot, mut terms) = (snapshot(100), terms());
        let group = |assets: &[AssetId]| Group { name: String::new(), assets: assets.to_vec(), min_bps: 0, max_bps: 0 };
        terms.groups = vec![group(&[USDC, WETH]), group(&[WETH]), group(&[])];
        let prices = Prices::resolve(&terms, &snapshot);
        let mut valuation = Valuation::default();
        valuation.fill(&terms, &snapshot, &prices).unwrap();
        let (history, risk) = (History::default(), RiskReport::default());
        let (windows, policy) = (history.windows(0), POLICY);
        let cx = Context {
            terms: &terms, policy, snapshot: &snapshot, history: &history, windows, prices: &prices, valuation: &valuation,
            risk: &risk, is_new: true,
        };
        let (mut sums, mut verdicts) = (Sums::default(), Vec::new());
        judge_all(&Walking(Judge::default()), &cx, &intents, &mut sums, &mut verdicts);
        prop_assert_eq!(verdicts.len(), intents.len());
        // Room that was used before says nothing.
        verdicts.clear();
        judge_all(&Walking(Judge::default()), &cx, &intents, &mut sums, &mut verdicts);
    }
}
