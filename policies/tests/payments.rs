//! Budget lines: what they mean, and that nothing else is paid for them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use alloy_primitives::keccak256;
use fixture::{DAI, NOW, OPERATIONS, RESERVE, USDC, World, address};
use quaestor_core::{
    AccountId, Action, Amount, Intent, Policy, Purpose, Refusal, Rule, Value, Verdict,
    policy::{BudgetLine, Every},
    snapshot::{Outstanding, Paid, Spend, Tally},
    strategy::ParamValue,
    verdict::{InputName, Quantity},
};
use quaestor_policies::{Facts, VotedPolicy, parse};

/// Paid on the first of each month from December 2026 on; [`NOW`] is the fifteenth of January 2027, period 1.
const PAYROLL: &str = "[[payments]]\nname = \"payroll\"\naccount = \"operations\"\nto = \"auditor\"\nasset = \"USDC\"\n\
                       amount = \"25000.5 USDC\"\nevery = \"month\"\nbegin = \"2026-12-01T00:00:00Z\"\n";
const DECEMBER: u64 = 1_796_083_200;

fn policy(sections: &str) -> VotedPolicy {
    fixture::policy_with(&fixture::facts(), sections)
}

/// The payroll's payment for this period, of so many whole dollars.
fn payment(world: &World, policy: &VotedPolicy, period: u64, usd: u128) -> Intent {
    let intent = world.transfer(policy, OPERATIONS, USDC, usd, address("auditor"));
    Intent { purpose: Purpose::Payment { line: keccak256("payroll"), period }, ..intent }
}

struct Court {
    policy: VotedPolicy,
    world: World,
}

impl Court {
    fn new(sections: &str) -> Self {
        let policy = policy(sections);
        let world = World::new(&policy);
        Self { policy, world }
    }

    fn payment(&self, period: u64, usd: u128) -> Intent {
        payment(&self.world, &self.policy, period, usd)
    }

    fn refusal_after(&self, before: &[Intent], intent: &Intent) -> Option<Refusal> {
        let tally = Tally::before(intent.account, before, &[]);
        match self.policy.judge(&self.world.cx(&self.policy), &tally, intent) {
            Verdict::Allowed => None,
            Verdict::Refused(refusal) => Some(refusal),
        }
    }

    fn refusal(&self, intent: &Intent) -> Option<(Rule, Quantity, Quantity)> {
        self.refusal_after(&[], intent).map(|it| (it.rule, it.limit, it.found))
    }

    fn rule(&self, intent: &Intent) -> Option<Rule> {
        self.refusal(intent).map(|(rule, ..)| rule)
    }

    /// At another time, with prices as old as they were.
    fn at(mut self, timestamp: u64) -> Self {
        self.world.snapshot.block.timestamp = timestamp;
        self
    }
}

#[test]
fn a_budget_line_is_read_whole() {
    let sections = format!(
        "{PAYROLL}end = \"2027-12-01T00:00:00Z\"\ncatch_up = 2\n\n{}",
        PAYROLL.replace("payroll", "b").replace("month", "14d")
    );
    let policy = policy(&sections);
    let expected = BudgetLine {
        name: "payroll".into(),
        line: keccak256("payroll"),
        account: OPERATIONS,
        to: address("auditor"),
        asset: USDC,
        amount: Amount(25_000_500_000),
        every: Every::Months(1),
        begin: DECEMBER,
        end: DECEMBER + 365 * 86_400,
        catch_up: 2,
    };
    let second = BudgetLine {
        name: "b".into(),
        line: keccak256("b"),
        every: Every::Secs(1_209_600),
        end: u64::MAX,
        catch_up: 0,
        ..expected.clone()
    };
    assert_eq!(policy.terms().payments, [expected, second]);
    let form = concat!(
        r#""payments":[{"account":"operations","amount":"25000.5 USDC","asset":"USDC","begin":1796083200,"catch_up":2,"#,
        r#""end":1827619200,"every":"month","name":"payroll","to":"auditor"},"#,
        r#"{"account":"operations","amount":"25000.5 USDC","asset":"USDC","begin":1796083200,"every":1209600,"name":"b","to":"auditor"}]"#
    );
    assert!(policy.rest().contains(form), "{}", policy.rest());
}

#[test]
fn what_says_the_same_has_the_same_form() {
    let rest = |sections: &str| policy(sections).rest_hash();
    assert_eq!(rest(&format!("{PAYROLL}catch_up = 0")), rest(PAYROLL));
    assert_eq!(rest(&PAYROLL.replace("month", "336h")), rest(&PAYROLL.replace("month", "14d")));
    for (from, to) in [
        ("operations", "reserve"),
        ("25000.5", "25000.6"),
        ("\"month\"", "\"quarter\""),
        ("2026-12-01", "2026-12-02"),
        ("payroll", "wages"),
    ] {
        assert_ne!(rest(&PAYROLL.replacen(from, to, 1)), rest(PAYROLL), "{to}");
    }
}

#[test]
fn what_is_wrong_with_a_budget_line_is_said_at_its_place() {
    for (from, to, expected) in [
        ("name = \"payroll\"\n", "", "payments[0].name: is missing; write such as `name = \"payroll\"`"),
        ("\"payroll\"", "\"pay roll\"", "payments[0].name: `pay roll` is not a name"),
        ("\"payroll\"", "\"refill\"", "a strategy is named `refill` too"),
        ("operations", "operatons", "`operatons` is no account of this policy; write one of: operations, reserve"),
        (
            "auditor",
            "auditr",
            "payments[0].to: `auditr` is no counterparty of this policy; write `auditor`, if that is meant",
        ),
        ("auditor", "reserve", "list it in [counterparties], such as `reserve = \"eip155:31337:0x…\"`"),
        ("asset = \"USDC\"", "asset = \"USDT\"", "payments[0].asset: `USDT` is no asset of this policy"),
        ("25000.5 USDC", "25000.5 DAI", "`25000.5 DAI` has not the unit USDC; write such as `25000 USDC`"),
        ("25000.5 USDC", "25000.5USDC", "has not the unit USDC"),
        ("25000.5 USDC", "0.0000001 USDC", "has 7 decimal places, the unit has 6"),
        ("25000.5 USDC", "-5 USDC", "`-5` is not a plain decimal number"),
        ("25000.5 USDC", "0 USDC", "payments[0].amount: is nothing; write what a period pays"),
        ("\"25000.5 USDC\"", "25000", "payments[0].amount: is a number; write a text in quotes"),
        (
            "month",
            "monthly",
            "payments[0].every: `monthly` is no period; write `month`, `quarter`, `year`, or a duration",
        ),
        ("month", "59m", "`59m` is no period"),
        ("2026-12-01T00:00:00Z", "2026-12-01", "payments[0].begin: `2026-12-01` is not a time in UTC"),
        ("2026-12-01T", "2028-12-01T", "payments[0].begin: is not before `policy.expires`"),
        ("every =", "end = \"2026-12-01T00:00:00Z\"\nevery =", "payments[0].end: is not after `begin`"),
        (
            "every =",
            "catch_up = 13\nevery =",
            "payments[0].catch_up: 13 will not do; write a whole number from 0 to 12",
        ),
        ("every =", "evry =", "`evry` is not part of the language; write `every`, if that is meant"),
        ("[[payments]]", "[payments]", "payments: is a section; write a list in brackets"),
    ] {
        let changed = PAYROLL.replacen(from, to, 1);
        assert_ne!(changed, PAYROLL, "{from}");
        let text = fixture::text_with(&fixture::facts(), &changed);
        let problems = parse(text.as_bytes(), &fixture::catalog()).unwrap_err();
        assert!(problems.to_string().contains(expected), "{expected}\n{problems}");
        assert!(problems.problems.len() <= 2, "{problems}");
    }
    let twice = fixture::text_with(&fixture::facts(), &format!("{PAYROLL}\n{PAYROLL}"));
    let problems = parse(twice.as_bytes(), &fixture::catalog()).unwrap_err().to_string();
    assert!(problems.contains("payments[1].name: another budget line is named `payroll` too"), "{problems}");
    let many = fixture::text_with(&fixture::facts(), &PAYROLL.repeat(65));
    let problems = parse(many.as_bytes(), &fixture::catalog()).unwrap_err().to_string();
    assert!(problems.contains("payments: has 65 entries; write at most 64"), "{problems}");
}

#[test]
fn what_is_paid_for_a_line_is_what_the_line_says() {
    let court = Court::new(PAYROLL);
    assert_eq!(court.refusal(&court.payment(1, 25_000)), None, "less is fine");
    let whole = |amount: u128| {
        let (asset, to, amount) = (USDC, address("auditor"), Amount(amount));
        let value = court.world.cx(&court.policy).value_of(USDC, amount).unwrap();
        Intent {
            amount,
            value,
            actions: [Action::Transfer { asset, to, amount }].into_iter().collect(),
            ..court.payment(1, 1)
        }
    };
    assert_eq!(court.refusal(&whole(25_000_500_000)), None);
    let amounts = (Quantity::Amount(Amount(25_000_500_000)), Quantity::Amount(Amount(25_000_500_001)));
    assert_eq!(court.refusal(&whole(25_000_500_001)), Some((Rule::PaymentMatchesLine, amounts.0, amounts.1)));

    let from = |account: AccountId| Intent { account, ..court.payment(1, 1) };
    let accounts = (Quantity::Account(OPERATIONS), Quantity::Account(RESERVE));
    assert_eq!(court.refusal(&from(RESERVE)), Some((Rule::PaymentMatchesLine, accounts.0, accounts.1)));
    let purpose = court.payment(1, 1).purpose;
    let other =
        |asset, to: &str| Intent { purpose, ..court.world.transfer(&court.policy, OPERATIONS, asset, 1, address(to)) };
    let assets = (Quantity::Asset(USDC), Quantity::Asset(DAI));
    assert_eq!(court.refusal(&other(DAI, "auditor")), Some((Rule::PaymentMatchesLine, assets.0, assets.1)));
    let receivers = (Quantity::Address(address("auditor")), Quantity::Address(address("reserve")));
    assert_eq!(court.refusal(&other(USDC, "reserve")), Some((Rule::PaymentMatchesLine, receivers.0, receivers.1)));
    assert_eq!(court.rule(&other(USDC, "thief")), Some(Rule::CounterpartyListed));
    // For its line and no period at all.
    let leg = Intent { purpose: Purpose::Strategy { line: keccak256("payroll"), leg: 0 }, ..court.payment(1, 1) };
    assert_eq!(court.refusal(&leg), Some((Rule::PaymentMatchesLine, Quantity::None, Quantity::None)));
    let unknown = Purpose::Payment { line: keccak256("bonus"), period: 1 };
    assert_eq!(court.rule(&Intent { purpose: unknown, ..court.payment(1, 1) }), Some(Rule::LineListed));
    let swap = court.world.swap(&court.policy, USDC, DAI, 1, 50);
    assert_eq!(court.rule(&Intent { purpose, ..swap }), Some(Rule::PaymentMatchesLine));
}

#[test]
fn only_the_period_of_now_is_paid_and_those_before_it_as_far_as_the_line_says() {
    let court = Court::new(PAYROLL);
    for (period, refused) in [(0, true), (1, false), (2, true)] {
        let expected = refused.then_some((Rule::PaymentPeriod, Quantity::Count(1), Quantity::Count(period)));
        assert_eq!(court.refusal(&court.payment(period, 1)), expected, "{period}");
    }
    let found = court.refusal_after(&[], &court.payment(0, 1)).unwrap();
    let inputs: Vec<_> = found.inputs.iter().map(|input| (input.name, input.quantity)).collect();
    let line = (InputName::Line, Quantity::Hash(keccak256("payroll")));
    assert_eq!(inputs, [line, (InputName::Now, Quantity::Secs(NOW))]);
    let patient = Court::new(&format!("{PAYROLL}catch_up = 1"));
    assert_eq!((patient.rule(&patient.payment(0, 1)), patient.rule(&patient.payment(1, 1))), (None, None));
    let early = Court::new(PAYROLL).at(DECEMBER - 1);
    let refused = Some((Rule::PaymentPeriod, Quantity::None, Quantity::Count(0)));
    assert_eq!(early.refusal(&early.payment(0, 1)), refused);
    let ended = Court::new(&format!("{PAYROLL}end = \"2027-01-01T00:00:00Z\""));
    assert_eq!(ended.rule(&ended.payment(1, 1)), Some(Rule::PaymentPeriod), "none begins at its end");
}

#[test]
fn a_period_is_paid_once_whatever_is_remembered_of_it() {
    let paid = |court: &Court, period| court.refusal(&court.payment(period, 1));
    let key =
        |court: &Court| court.payment(1, 1).purpose.once_key(address("operations"), court.world.snapshot.block.hash);
    let court = Court::new(PAYROLL);
    let refused = Some((Rule::OnceKeyUnused, Quantity::None, Quantity::Hash(key(&court))));

    // The gate itself says so, though no event of it is remembered.
    let mut told = Court::new(PAYROLL);
    told.world.history.paid = vec![Paid { account: OPERATIONS, line: keccak256("payroll"), period: 1 }];
    assert_eq!(paid(&told, 1), refused);
    told.world.history.paid[0].period = 0;
    assert_eq!(paid(&told, 1), None);
    // It was spent within the windows.
    let mut spent = Court::new(PAYROLL);
    spent.world.history.spends.push_back(Spend {
        timestamp: NOW - 90_000,
        account: OPERATIONS,
        decision: keccak256("decision"),
        once_key: key(&court),
        line: keccak256("payroll"),
        asset: Some(USDC),
        counterparty: address("auditor"),
        value: Value(1),
    });
    assert_eq!(paid(&spent, 1), refused);
    // A vote on it is under way.
    let mut waiting = Court::new(PAYROLL);
    waiting.world.history.outstanding.push(Outstanding {
        account: OPERATIONS,
        proposal_id: keccak256("proposal"),
        decision: keccak256("decision"),
        proposed_at: NOW - 90_000,
        valid_until: NOW + 7_200,
        once_keys: vec![key(&court)],
        value: Value(1),
        dues: vec![],
    });
    assert_eq!(paid(&waiting, 1), refused);
    // The same decision wants it already, if for another amount.
    let twice = court.refusal_after(&[court.payment(1, 9)], &court.payment(1, 1)).unwrap();
    assert_eq!(twice.rule, Rule::OnceKeyUnused);
}

#[test]
fn payments_count_in_every_cap() {
    let capped = |change: fn(&mut Facts)| {
        let mut facts = fixture::facts();
        change(&mut facts);
        let policy = fixture::policy_with(&facts, PAYROLL);
        let world = World::new(&policy);
        let court = Court { policy, world };
        court.rule(&court.payment(1, 25_000))
    };
    assert_eq!(capped(|_| {}), None);
    assert_eq!(capped(|facts| facts.limits.proposal_bps_max = 24), Some(Rule::ProposalBpsMax));
    assert_eq!(capped(|facts| facts.limits.window_bps_max[3] = 24), Some(Rule::MonthBpsMax));
    assert_eq!(capped(|facts| facts.limits.stable_share_bps_min = 4_000), Some(Rule::StableShareBpsMin));
    let forecast = |facts: &mut Facts| facts.risk.volatility_bps_max = Some(2_000);
    assert_eq!(capped(forecast), Some(Rule::VolatilityBpsMax), "a payment reduces no risk");

    let mut facts = fixture::facts();
    facts.counterparties.clear();
    let auditor =
        format!("[counterparties.auditor]\naddress = \"eip155:31337:{}\"\nmonth_bps_max = 24\n", address("auditor"));
    let policy = fixture::policy_with(&facts, &format!("{auditor}{PAYROLL}"));
    let court = Court { world: World::new(&policy), policy };
    assert_eq!(court.rule(&court.payment(1, 25_000)), Some(Rule::CounterpartyMonthBpsMax));
    assert_eq!(court.rule(&court.payment(1, 24_000)), None);
}

#[test]
fn what_the_dry_run_finds_is_judged_as_any_payment() {
    let court = Court::new(PAYROLL);
    let intent = court.payment(1, 25_000);
    let outcome = |lost: u128| {
        let mut after = court.world.clone();
        after.snapshot.accounts[0].balances[USDC.index()].0 -= lost;
        after.revalue(&court.policy);
        let (before, after) = (court.world.cx(&court.policy), after.cx(&court.policy));
        court.policy.judge_outcome(&before, &after, std::slice::from_ref(&intent)).is_allowed()
    };
    assert!(outcome(25_000_000_000));
    assert!(!outcome(25_000_000_001));
}

#[test]
fn the_burn_is_what_is_said_or_what_the_lines_come_to() {
    let burn = |sections: &str| policy(sections).terms().risk.burn_monthly;
    let usd = |text: &str| Value::parse(text).unwrap();
    assert_eq!(burn(""), Value::ZERO);
    assert_eq!(burn(PAYROLL), usd("25000.5"));
    let weekly = PAYROLL.replace("payroll", "grants").replace("month", "7d").replace("25000.5", "7000");
    assert_eq!(burn(&format!("{PAYROLL}\n{weekly}")), usd("55000.5"));
    let said = |burn: &str| {
        let text = fixture::text_with(&fixture::facts(), PAYROLL);
        let text = text.replacen("[risk]", &format!("[risk]\nburn_monthly = \"{burn} USD\""), 1);
        parse(text.as_bytes(), &fixture::catalog())
    };
    assert_eq!(said("25000.5").unwrap().terms().risk.burn_monthly, usd("25000.5"));
    assert_eq!(said("90000").unwrap().terms().risk.burn_monthly, usd("90000"));
    let problems = said("25000.4").unwrap_err().to_string();
    let expected = "risk.burn_monthly: is 25000.40 USD, and the budget lines alone pay 25000.50 in thirty days; write as much or more";
    assert!(problems.contains(expected), "{problems}");
    // What is derived is no part of what was voted.
    assert!(!policy(PAYROLL).rest().contains("burn_monthly"));
}

#[test]
fn a_variation_of_a_line_is_the_changed_file() {
    let catalog = fixture::catalog();
    let vary = |path: &str, value: &str| policy(PAYROLL).vary(&[(path, ParamValue::Text(value.into()))], &catalog);
    for (path, from, to) in [
        ("payments.payroll.amount", "25000.5 USDC", "30000 USDC"),
        ("payments[0].every", "month", "quarter"),
        ("payments.payroll.begin", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ] {
        let (found, expected) = (vary(path, to).unwrap(), policy(&PAYROLL.replace(from, to)));
        assert_eq!((found.terms(), found.rest()), (expected.terms(), expected.rest()), "{path}");
    }
    for (path, expected) in [
        ("payments.payrol.amount", "`payrol` is no budget line of this policy; write `payroll`, if that is meant"),
        ("payments[1].amount", "there is no budget line 1"),
        ("payments.payroll", "names a whole budget line; write which of its keys"),
        ("payments", "names no budget line; write such as `payments.NAME.KEY`"),
        ("payments.payroll.colour", "`colour` is not part of the language"),
    ] {
        let problems = vary(path, "30000 USDC").unwrap_err().to_string();
        assert!(problems.contains(expected), "{path}: {problems}");
    }
}
