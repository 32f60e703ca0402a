use super::*;
use crate::fixture::{MEMBER, OPERATIONS, USDC, WETH, terms};
use proptest::prelude::*;

const DAY: u64 = 86_400;
/// 2027-01-31 12:00:00 UTC.
const BEGIN: u64 = 1_801_396_800;

fn line(every: Every) -> BudgetLine {
    BudgetLine {
        name: "payroll".into(),
        line: B256::repeat_byte(0x77),
        account: OPERATIONS,
        to: MEMBER,
        asset: USDC,
        amount: Amount(1_000_000_000),
        every,
        begin: BEGIN,
        end: u64::MAX,
        catch_up: 0,
    }
}

fn payable(line: &BudgetLine, now: u64) -> Vec<u64> {
    line.payable(now).collect()
}

#[test]
fn a_period_is_paid_from_its_beginning_until_the_next_one_begins() {
    let weekly = line(Every::Secs(7 * DAY));
    assert!(payable(&weekly, BEGIN - 1).is_empty());
    assert_eq!((payable(&weekly, BEGIN), payable(&weekly, BEGIN + 7 * DAY - 1)), (vec![0], vec![0]));
    assert_eq!(payable(&weekly, BEGIN + 7 * DAY), [1]);
    let monthly = line(Every::Months(1));
    let end_of_february = BEGIN + 28 * DAY;
    assert_eq!((payable(&monthly, end_of_february - 1), payable(&monthly, end_of_february)), (vec![0], vec![1]));
    assert_eq!(payable(&monthly, end_of_february + 31 * DAY), [2], "the 31st of March");
    let quarterly = line(Every::Months(3));
    assert_eq!(payable(&quarterly, BEGIN + 89 * DAY - 1), [0]);
    assert_eq!(payable(&quarterly, BEGIN + 89 * DAY), [1], "the 30th of April");
}

#[test]
fn no_period_begins_at_the_end_or_later() {
    let ends = |end| BudgetLine { end, catch_up: 1, ..line(Every::Secs(7 * DAY)) };
    let after = BEGIN + 14 * DAY;
    assert_eq!(payable(&ends(after), BEGIN + 8 * DAY), [0, 1]);
    assert_eq!(payable(&ends(after), after), [1], "the last one may be made up for, and no other begins");
    assert!(payable(&ends(after), after + 7 * DAY).is_empty());
    assert_eq!(payable(&ends(after + 1), after), [1, 2]);
    assert!(payable(&ends(BEGIN), BEGIN).is_empty());
}

#[test]
fn a_missed_period_is_paid_later_only_as_long_as_the_line_says() {
    let now = BEGIN + 35 * DAY;
    let weekly = line(Every::Secs(7 * DAY));
    assert_eq!(payable(&weekly, now), [5]);
    assert!(weekly.is_over(4, now) && !weekly.is_over(5, now) && !weekly.is_over(0, BEGIN - 1));
    let patient = BudgetLine { catch_up: 2, ..weekly };
    assert_eq!(payable(&patient, now), [3, 4, 5]);
    assert!(patient.is_over(2, now) && !patient.is_over(3, now));
    assert_eq!(payable(&patient, BEGIN + 7 * DAY), [0, 1]);
}

#[test]
fn the_budget_of_a_month_is_what_runs_at_once() {
    let mut terms = terms();
    let of = |asset, whole: u128, unit: u128, every, begin, end| BudgetLine {
        asset,
        amount: Amount(whole * unit),
        begin,
        end,
        ..line(every)
    };
    let usd = |whole: u128| Some(Value(whole * WAD));
    assert_eq!(terms.budget_monthly(), usd(0));
    terms.payments = vec![
        of(USDC, 25_000, 1_000_000, Every::Months(1), BEGIN, u64::MAX),
        of(USDC, 9_000, 1_000_000, Every::Months(3), BEGIN, u64::MAX),
        // Ether has no fixed worth.
        of(WETH, 9, WAD, Every::Months(1), BEGIN, u64::MAX),
    ];
    assert_eq!(terms.budget_monthly(), usd(28_000));
    terms.payments.push(of(USDC, 7_000, 1_000_000, Every::Secs(7 * DAY), BEGIN, BEGIN + 70 * DAY));
    assert_eq!(terms.budget_monthly(), usd(58_000));
    // One that follows another does not add to it.
    terms.payments.push(of(USDC, 14_000, 1_000_000, Every::Secs(14 * DAY), BEGIN + 70 * DAY, u64::MAX));
    assert_eq!(terms.budget_monthly(), usd(58_000));
    terms.payments.push(of(USDC, 1, 1, Every::Secs(7 * DAY), BEGIN, u64::MAX));
    assert!(terms.budget_monthly() > usd(58_000), "parts are rounded up");
    terms.payments.push(of(USDC, u128::MAX, 1, Every::Secs(1), BEGIN, u64::MAX));
    assert_eq!(terms.budget_monthly(), None);
}

proptest! {
    #[test]
    fn every_moment_has_its_period(secs in 1u64..10_000_000, months in 1u64..25, by_months: bool, after in 0u64..1_000_000_000) {
        let line = line(if by_months { Every::Months(months) } else { Every::Secs(secs) });
        let now = BEGIN + after;
        let period = line.period_at(now).unwrap();
        prop_assert!(line.begins(period).unwrap() <= now && now < line.begins(period + 1).unwrap());
        prop_assert_eq!(payable(&line, now), [period]);
    }

    #[test]
    fn a_period_can_be_paid_for_one_stretch_of_time(
        days in 1u64..40, catch_up in 0u64..4, end in 0u64..200, period in 0u64..12, months: bool,
    ) {
        let every = if months { Every::Months(1) } else { Every::Secs(days * DAY) };
        let line = BudgetLine { catch_up, end: BEGIN + end * DAY, ..line(every) };
        let (from, until) = (line.begins(period).unwrap(), line.begins(period + 1 + catch_up).unwrap());
        let pays = from < line.end;
        for (now, expected) in [(from - 1, false), (from, pays), (until - 1, pays), (until, false)] {
            prop_assert_eq!(line.is_payable(period, now), expected, "{}", now);
            prop_assert_eq!(payable(&line, now).contains(&period), expected);
        }
        prop_assert!(!line.is_over(period, until - 1) && line.is_over(period, until));
    }
}
