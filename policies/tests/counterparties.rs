//! What a counterparty may be paid.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use alloy_primitives::keccak256;
use fixture::{NOW, OPERATIONS, RESERVE, USDC, WETH, World, address};
use quaestor_core::{
    AccountId, Intent, Policy, Purpose, Refusal, Rule, Value, Verdict,
    policy::{Counterparty, Due},
    snapshot::{Outstanding, Spend, Tally},
    strategy::ParamValue,
    verdict::{InputName, Quantity},
};
use quaestor_policies::{Facts, VotedPolicy, parse};

/// The fixture with this in `[counterparties.auditor]`, and another counterparty without caps.
fn policy(caps: &str) -> VotedPolicy {
    fixture::policy_with(&facts(), &sections(caps))
}

fn sections(caps: &str) -> String {
    let of = |name: &str| format!("address = \"eip155:31337:{}\"", address(name));
    format!("[counterparties.auditor]\n{}\n{caps}\n\n[counterparties.lawyer]\n{}\n", of("auditor"), of("lawyer"))
}

/// Without what else would refuse a payment.
fn facts() -> Facts {
    let mut facts = fixture::facts();
    facts.counterparties.clear();
    facts.limits.proposal_bps_max = u64::MAX;
    facts.limits.window_bps_max = [u64::MAX; 4];
    facts.limits.cooldown_secs_min = 0;
    facts.limits.proposals_per_day_max = u64::MAX;
    facts
}

struct Court {
    policy: VotedPolicy,
    world: World,
}

impl Court {
    fn new(caps: &str) -> Self {
        let policy = policy(caps);
        let world = World::new(&policy);
        Self { policy, world }
    }

    fn payment(&self, account: AccountId, usd: u128, to: &str, leg: u16) -> Intent {
        let intent = self.world.transfer(&self.policy, account, USDC, usd, address(to));
        Intent { purpose: Purpose::Strategy { line: keccak256("refill"), leg }, ..intent }
    }

    fn refusal(&self, before: &[Intent], usd: u128) -> Option<Refusal> {
        let intent = self.payment(OPERATIONS, usd, "auditor", 9);
        let tally = Tally::before(intent.account, before, &[]);
        match self.policy.judge(&self.world.cx(&self.policy), &tally, &intent) {
            Verdict::Allowed => None,
            Verdict::Refused(refusal) => Some(refusal),
        }
    }

    /// Most that may be paid, whole dollars, and by which rule no more.
    #[track_caller]
    fn pays(&self, before: &[Intent], most: u128, rule: Rule) {
        assert_eq!(self.refusal(before, most).map(|it| it.rule), None);
        assert_eq!(self.refusal(before, most + 1).map(|it| it.rule), Some(rule));
    }

    fn paid(&mut self, secs_ago: u64, usd: u128, to: &str) {
        self.world.history.spends.push_front(Spend {
            timestamp: NOW - secs_ago,
            account: RESERVE,
            decision: keccak256(secs_ago.to_be_bytes()),
            once_key: keccak256("another"),
            line: keccak256("refill"),
            asset: Some(USDC),
            counterparty: address(to),
            value: worth(usd),
        });
    }
}

fn worth(usd: u128) -> Value {
    Value(usd * 10u128.pow(18))
}

#[test]
fn a_counterparty_is_an_address_or_a_table_with_caps() {
    let mut facts = facts();
    facts.counterparties.push(("baker".into(), address("baker")));
    let policy = fixture::policy_with(&facts, &sections("week_bps_max = 20\nproposal_bps_max = 10"));
    let capped = Counterparty {
        proposal_bps_max: 10,
        window_bps_max: [u64::MAX, u64::MAX, 20, u64::MAX],
        ..Counterparty::new("auditor", address("auditor"))
    };
    let of = |name: &str| Counterparty::new(name, address(name));
    assert_eq!(policy.terms().counterparties, [capped, of("baker"), of("lawyer")]);
    let id = |name: &str| format!("eip155:31337:{}", address(name));
    let form = format!(
        r#""counterparties":{{"auditor":{{"address":"{}","proposal_bps_max":10,"week_bps_max":20}},"baker":"{}","lawyer":{{"address":"{}"}}}}"#,
        id("auditor"),
        id("baker"),
        id("lawyer")
    );
    assert!(policy.rest().contains(&form), "{}", policy.rest());
}

#[test]
fn what_is_wrong_with_a_counterparty_is_said_at_its_place() {
    for (from, to, expected) in [
        (
            "address = ",
            "adress = ",
            "counterparties.auditor.adress: `adress` is not part of the language; write `address`",
        ),
        ("address = ", "adress = ", "counterparties.auditor.address: is missing"),
        ("day_bps_max = 1", "day_bps_max = 1000001", "counterparties.auditor.day_bps_max: 1000001 will not do"),
        ("day_bps_max = 1", "proposal_bps_max = 10001", "write a whole number from 0 to 10000"),
        ("day_bps_max = 1", "year_bps_max = 1", "`year_bps_max` is not part of the language; write `day_bps_max`"),
        ("counterparties.lawyer", "counterparties.\"\"", "is not a name"),
    ] {
        let text = fixture::text_with(&facts(), &sections("day_bps_max = 1").replacen(from, to, 1));
        let problems = parse(text.as_bytes(), &fixture::catalog()).unwrap_err().to_string();
        assert!(problems.contains(expected), "{expected}\n{problems}");
    }
    // One address has one role, in a table too.
    let twice = sections("").replace(&address("lawyer").to_string(), &address("auditor").to_string());
    let text = fixture::text_with(&facts(), &twice);
    let problems = parse(text.as_bytes(), &fixture::catalog()).unwrap_err();
    assert_eq!(problems.problems.len(), 1, "{problems}");
    assert_eq!(problems.problems[0].path, "counterparties.lawyer.address");
    assert!(problems.to_string().contains("is the address of `counterparties.auditor.address` in line"), "{problems}");
}

#[test]
fn one_proposal_pays_a_counterparty_no_more_than_its_cap() {
    let court = Court::new("proposal_bps_max = 10");
    court.pays(&[], 10_000, Rule::CounterpartyProposalBpsMax);
    // Two payments of one batch are one proposal, those of another account another.
    let own = court.payment(OPERATIONS, 4_000, "auditor", 0);
    let other = court.payment(RESERVE, 9_000, "auditor", 0);
    court.pays(&[own, other], 6_000, Rule::CounterpartyProposalBpsMax);
    let to_another = court.payment(OPERATIONS, 500_000, "lawyer", 0);
    court.pays(&[to_another], 10_000, Rule::CounterpartyProposalBpsMax);
}

#[test]
fn each_rolling_window_caps_what_a_counterparty_is_paid() {
    for (key, rule, secs) in [
        ("hour", Rule::CounterpartyHourBpsMax, 3_600),
        ("day", Rule::CounterpartyDayBpsMax, 86_400),
        ("week", Rule::CounterpartyWeekBpsMax, 604_800),
        ("month", Rule::CounterpartyMonthBpsMax, 2_592_000),
    ] {
        let mut court = Court::new(&format!("{key}_bps_max = 10"));
        court.paid(60, 5_000, "lawyer");
        court.paid(secs - 1, 3_000, "auditor");
        court.paid(secs, 9_999, "auditor");
        court.pays(&[], 7_000, rule);
        // What the decision pays it already counts, from whatever account.
        let before = [court.payment(RESERVE, 1_500, "auditor", 0), court.payment(OPERATIONS, 500, "auditor", 1)];
        court.pays(&before, 5_000, rule);
        // And what waits for a vote.
        let due = |name: &str, usd| Due { to: address(name), value: worth(usd) };
        court.world.history.outstanding.push(Outstanding {
            account: RESERVE,
            proposal_id: keccak256("proposal"),
            decision: keccak256("decision"),
            proposed_at: NOW - 10_000,
            valid_until: NOW + 7_200,
            once_keys: vec![],
            value: worth(50_000),
            dues: vec![due("auditor", 1_000), due("lawyer", 9_000)],
        });
        court.pays(&[], 6_000, rule);
    }
}

#[test]
fn a_receipt_names_whom_and_what_was_paid_before() {
    let mut court = Court::new("day_bps_max = 10");
    court.paid(60, 3_000, "auditor");
    let refusal = court.refusal(&[], 7_001).unwrap();
    let expected = (Rule::CounterpartyDayBpsMax, Quantity::Bps(10), Quantity::Bps(11));
    assert_eq!((refusal.rule, refusal.limit, refusal.found), expected);
    let inputs: Vec<_> = refusal.inputs.iter().map(|input| (input.name, input.quantity)).collect();
    let expected = [
        (InputName::Nav, Quantity::Value(worth(10_000_000))),
        (InputName::WindowValue, Quantity::Value(worth(3_000))),
        (InputName::IntentValue, Quantity::Value(worth(7_001))),
        (InputName::Counterparty, Quantity::Address(address("auditor"))),
    ];
    assert_eq!(inputs, expected);
}

#[test]
fn caps_of_a_counterparty_concern_nobody_else() {
    let court = Court::new("proposal_bps_max = 0");
    assert_eq!(court.refusal(&[], 1).unwrap().rule, Rule::CounterpartyProposalBpsMax);
    let cx = court.world.cx(&court.policy);
    let swap = court.world.swap(&court.policy, WETH, USDC, 100, 50);
    let refill = court.world.transfer(&court.policy, RESERVE, USDC, 100_000, address("operations"));
    for intent in [swap, refill, court.payment(OPERATIONS, 100_000, "lawyer", 0)] {
        assert_eq!(court.policy.judge(&cx, &Tally::default(), &intent), Verdict::Allowed);
    }
}

#[test]
fn a_variation_of_a_cap_is_the_changed_file() {
    let catalog = fixture::catalog();
    let vary = |base: &VotedPolicy, key: &str, bps| base.vary(&[(key, ParamValue::Integer(bps))], &catalog);
    for (base, expected) in [("week_bps_max = 20", "week_bps_max = 30"), ("", "week_bps_max = 30")] {
        let found = vary(&policy(base), "counterparties.auditor.week_bps_max", 30).unwrap();
        assert_eq!((found.terms(), found.rest()), (policy(expected).terms(), policy(expected).rest()));
    }
    let both = policy("proposal_bps_max = 5\nweek_bps_max = 20");
    let found = vary(&policy("week_bps_max = 20"), "counterparties.auditor.proposal_bps_max", 5).unwrap();
    assert_eq!((found.terms(), found.rest()), (both.terms(), both.rest()));
    // An address alone has no caps that could be varied.
    let plain = fixture::policy(&fixture::facts());
    let problems = vary(&plain, "counterparties.auditor.week_bps_max", 30).unwrap_err().to_string();
    assert!(problems.contains("counterparties.auditor.address: is missing"), "{problems}");
}
