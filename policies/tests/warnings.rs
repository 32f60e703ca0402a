//! What `policy check` points at, as whoever writes a policy sees it. Each case changes a file without warnings;
//! `snapshots/` has what is said.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use fixture::World;
use proptest::prelude::*;
use quaestor_core::{
    Policy,
    policy::Limits,
    snapshot::{Spend, Tally},
};
use quaestor_policies::{Facts, LIBRARY, Problem, ProblemKind, Problems, VotedPolicy, parse};

/// A name, and what is replaced by what; the first text must be in the file.
type Case = (&'static str, &'static [(&'static str, &'static str)]);

/// A library policy whose examples are replaced by addresses and hashes that somebody might have.
fn filled_in(name: &str) -> String {
    let mut text = LIBRARY.iter().find(|shipped| shipped.name == name).unwrap().text.to_owned();
    for digit in "123456789".chars() {
        let one = |length| format!("0x{}\"", digit.to_string().repeat(length));
        let [address, hash] = [one(40), one(64)];
        text = text.replace(&address, &format!("0x{digit}0{}\"", digit.to_string().repeat(38)));
        text = text.replace(&hash, &format!("0x{digit}0{}\"", digit.to_string().repeat(62)));
    }
    text
}

fn read(text: &str) -> VotedPolicy {
    let policy = parse(text.as_bytes(), &quaestor_strategies::catalog());
    policy.unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

fn shown(problems: Vec<Problem>) -> String {
    Problems { file: "policy.toml".into(), problems }.to_string()
}

const CASES: [Case; 38] = [
    ("an example", &[("gate = \"eip155:1:0x30", "gate = \"eip155:1:0x33")]),
    ("hour above day", &[("month_bps_max = 5000", "hour_bps_max = 900\nday_bps_max = 500")]),
    ("proposal above month", &[("month_bps_max = 5000", "month_bps_max = 400")]),
    ("week above month", &[("month_bps_max = 5000", "week_bps_max = 3000\nmonth_bps_max = 2900")]),
    ("cap of nothing", &[("month_bps_max = 5000", "month_bps_max = 0")]),
    ("no proposals", &[("proposals_per_day_max = 1", "proposals_per_day_max = 0")]),
    ("a day that its proposals do not reach", &[("month_bps_max = 5000", "day_bps_max = 501")]),
    ("an hour that its proposals do not reach", &[("month_bps_max = 5000", "hour_bps_max = 600")]),
    ("a month that its proposals do not reach", &[("month_bps_max = 5000", "month_bps_max = 15001")]),
    (
        "more proposals than there is time for",
        &[("proposals_per_day_max = 1", "proposals_per_day_max = 3\ncooldown_min = \"12h\"")],
    ),
    (
        "a pause that the day asks for already",
        &[("proposals_per_day_max = 1", "proposals_per_day_max = 1\ncooldown_min = \"6h\"")],
    ),
    ("staleness above the age of all", &[("price_age_max = \"25h\"", "price_age_max = \"24h\"")]),
    ("an age that no price reaches", &[("price_age_max = \"25h\"", "price_age_max = \"26h\"")]),
    ("one feed that differs from nothing", &[("price_quorum_min = 1", "price_deviation_bps_max = 100")]),
    ("a band that costs always break", &[("target_bps = 1500, max_bps = 2000", "target_bps = 1500, max_bps = 1503")]),
    (
        "a target at the edge",
        &[
            ("target_bps = 1500, max_bps = 2000", "target_bps = 2000, max_bps = 2000"),
            ("target_bps = 4500", "target_bps = 4000"),
        ],
    ),
    ("a floor below what the bands leave", &[("stable_share_bps_min = 8000", "stable_share_bps_min = 7500")]),
    ("a pool that costs more than may be lost", &[("fee_pips = 500 }", "fee_pips = 3000 }")]),
    (
        "a vote that outlasts its proposals",
        &[(
            "# What the treasury may hold.",
            "[accounts.reserve]\nkind = \"governor\"\naddress = \"eip155:1:0x5055555555555555555555555555555555555555\"\n\
             governor = \"eip155:1:0x6066666666666666666666666666666666666666\"\n\
             proposer = \"eip155:1:0x7077777777777777777777777777777777777777\"\n\n# What the treasury may hold.",
        )],
    ),
    (
        "receivers whom nobody pays",
        &[(
            "# Leaves a stable asset",
            "[counterparties]\nauditor = \"eip155:1:0x7077777777777777777777777777777777777778\"\n\n# Leaves a stable asset",
        )],
    ),
    ("a ceiling on what is not forecast", &[("volatility_bps_max = 2500", "value_at_risk_bps_max = 500")]),
    (
        "a ceiling of nothing that holds",
        &[("volatility_bps_max = 2500", "on_breach = \"hold\"\nvolatility_bps_max = 0")],
    ),
    ("a breach of nothing", &[("volatility_bps_max = 2500", "on_breach = \"hold\" #")]),
    (
        "a fallback of what never fails",
        &[("volatility_bps_max = 2500", "fallback = \"hold\"\nvolatility_bps_max = 2500")],
    ),
    ("a rate of no vault", &[("volatility_bps_max = 2500", "rate_lookback_blocks = 100\nvolatility_bps_max = 2500")]),
    (
        "an emergency that never is",
        &[
            ("[venues.uniswap]", "[emergency]\nonly_reduce = [\"swaps\"]\n\n[venues.uniswap]"),
            ("volatility_bps_max = 2500", ""),
        ],
    ),
    (
        "a federation that trains nothing",
        &[(
            "[venues.uniswap]",
            "[federation]\nmembers = [\"alpha\"]\npresent_min = 1\naggregation = \"krum\"\n\n[venues.uniswap]",
        )],
    ),
    (
        "budget lines that nobody pays",
        &[(
            "# Leaves a stable asset",
            "[counterparties]\nauditor = \"eip155:1:0x7077777777777777777777777777777777777778\"\n\n\
             [[payments]]\nname = \"audits\"\naccount = \"operations\"\nto = \"auditor\"\nasset = \"USDC\"\n\
             amount = \"4000 USDC\"\nevery = \"quarter\"\nbegin = \"2027-01-01T00:00:00Z\"\n\n# Leaves a stable asset",
        )],
    ),
    ("feeds that are never too far apart", &[("[limits]", "[oracles]\non_disagreement = \"hold\"\n\n[limits]")]),
    (
        "parts of all there is",
        &[("stable_share_bps_min = 8000", "native_share_bps_max = 10000\nstable_share_bps_min = 0")],
    ),
    ("a group of any share", &[("[limits]", "[groups.all]\nassets = [\"USDC\"]\nmax_bps = 10000\n\n[limits]")]),
    (
        "caps of receivers that say nothing new, or let nothing through",
        &[(
            "# Leaves a stable asset",
            "[counterparties.auditor]\naddress = \"eip155:1:0x7077777777777777777777777777777777777778\"\n\
             month_bps_max = 0\nproposal_bps_max = 10000\n\n\
             [[payments]]\nname = \"audits\"\naccount = \"operations\"\nto = \"auditor\"\nasset = \"USDC\"\n\
             amount = \"4000 USDC\"\nevery = \"quarter\"\nbegin = \"2027-01-01T00:00:00Z\"\n\n# Leaves a stable asset",
        )],
    ),
    ("a share of all", &[("name = \"rebalance\"", "share_bps_max = 10000\nname = \"rebalance\"")]),
    ("a share of nothing", &[("name = \"rebalance\"", "share_bps_max = 0\nname = \"rebalance\"")]),
    ("several at once", &[("month_bps_max = 5000", "month_bps_max = 400"), ("fee_pips = 100 }", "fee_pips = 10000 }")]),
    (
        "a deviation of several feeds is fine",
        &[
            (
                "feeds = [\"eip155:1:0xAed0c38402a5d19df6E4c03F4E2DceD6e29c1ee9\"]",
                "feeds = [\"eip155:1:0xAed0c38402a5d19df6E4c03F4E2DceD6e29c1ee9\", \"eip155:1:0x7077777777777777777777777777777777777778\"]",
            ),
            ("price_quorum_min = 1", "price_deviation_bps_max = 100"),
        ],
    ),
    ("equal caps are fine", &[("month_bps_max = 5000", "hour_bps_max = 500\nday_bps_max = 500")]),
    ("a policy without warnings", &[("month_bps_max = 5000", "month_bps_max = 5000")]),
];

#[test]
fn warnings_say_where_and_what_to_write() {
    let base = filled_in("conservative-stables");
    let mut page = String::new();
    for (name, replacements) in CASES {
        let mut text = base.clone();
        for (from, to) in replacements {
            assert!(text.contains(from), "{name}: `{from}` is not in the file");
            text = text.replacen(from, to, 1);
        }
        page.push_str(&format!("== {name}\n{}\n\n", shown(read(&text).warnings())));
    }
    insta::assert_snapshot!(page);
}

#[test]
fn a_policy_without_strategies_is_warned_of() {
    let text = filled_in("conservative-stables");
    let text = text.split("# Leaves a stable asset").next().unwrap();
    let found = shown(read(text).warnings());
    assert_eq!(
        found,
        "policy.toml:1:1: strategies: none is listed, so that nothing is ever proposed; write a section `[[strategies]]`"
    );
}

/// What is shipped has examples to be filled in, and no other warning.
#[test]
fn the_library_is_only_to_be_filled_in() {
    for shipped in LIBRARY {
        let warnings = read(shipped.text).warnings();
        assert!(warnings.iter().all(|it| it.kind == ProblemKind::Example), "{}: {}", shipped.name, shown(warnings));
        assert_eq!(read(&filled_in(shipped.name)).warnings(), [], "{}", shipped.name);
    }
}

/// Somebody may be paid by a strategy that is not known, so that receivers are no slip, and a floor is not either.
#[test]
fn a_strategy_that_may_pay_is_believed() {
    let facts = fixture::facts();
    let limits = Limits { price_deviation_bps_max: u64::MAX, validity_secs_max: 14 * 86_400, ..facts.limits };
    let policy = fixture::policy(&Facts { limits, validity_secs: None, ..facts });
    assert_eq!(policy.warnings(), []);
}

fn numbers() -> impl Strategy<Value = [Option<u64>; 5]> {
    prop::array::uniform5(prop::option::of(1u64..3_000))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A cap that is called pointless may be left out, and nothing more is allowed.
    #[test]
    fn what_is_called_pointless_refuses_nothing_by_itself(
        caps in numbers(), spent in 0u128..2_500_000, secs_ago in 0u64..3_000_000, usdc in 1u128..1_500_000
    ) {
        let [proposal, hour, day, week, month] = caps.map(|cap| cap.unwrap_or(u64::MAX));
        let limits = Limits { proposal_bps_max: proposal, window_bps_max: [hour, day, week, month], ..fixture::limits() };
        let policy = fixture::policy(&Facts { limits, ..fixture::facts() });
        let mut without = limits;
        for warning in policy.warnings().iter().filter(|it| it.kind == ProblemKind::Idle) {
            match warning.path.as_str() {
                "limits.proposal_bps_max" => without.proposal_bps_max = u64::MAX,
                "limits.hour_bps_max" => without.window_bps_max[0] = u64::MAX,
                "limits.day_bps_max" => without.window_bps_max[1] = u64::MAX,
                "limits.week_bps_max" => without.window_bps_max[2] = u64::MAX,
                "limits.month_bps_max" => without.window_bps_max[3] = u64::MAX,
                _ => {}
            }
        }
        let lean = fixture::policy(&Facts { limits: without, ..fixture::facts() });
        let mut world = World::new(&policy);
        world.history.spends = [Spend {
            timestamp: fixture::NOW - secs_ago,
            account: fixture::OPERATIONS,
            decision: alloy_primitives::keccak256("before"),
            once_key: alloy_primitives::keccak256("another"),
            line: alloy_primitives::keccak256("rebalance"),
            asset: None,
            counterparty: fixture::address("router"),
            value: quaestor_core::Value(spent * 10u128.pow(18)),
        }].into();
        let intent = world.transfer(&policy, fixture::OPERATIONS, fixture::USDC, usdc, fixture::address("reserve"));
        let allowed = |policy: &VotedPolicy| policy.judge(&world.cx(policy), &Tally::default(), &intent).is_allowed();
        prop_assert_eq!(allowed(&policy), allowed(&lean));
    }
}
