//! A variation of a policy is what the file would be with the same values.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use fixture::{OPERATIONS, RESERVE, USDC, WBTC, WETH, World};
use proptest::prelude::*;
use quaestor_core::{Intent, Policy, snapshot::Tally, strategy::ParamValue};
use quaestor_policies::{ProblemKind, Problems, Variations, VotedPolicy, parse, starting_policy};

fn text() -> String {
    starting_policy(&fixture::facts())
}

fn base() -> VotedPolicy {
    fixture::policy(&fixture::facts())
}

fn integer(number: i64) -> ParamValue {
    ParamValue::Integer(number)
}

fn words(text: &str) -> ParamValue {
    ParamValue::Text(text.to_owned())
}

/// A path, what stands before its value in the file, and the value there.
const PLACES: [(&str, &str, &str); 18] = [
    ("limits.proposal_bps_max", "\nproposal_bps_max = ", "500"),
    ("limits.week_bps_max", "\nweek_bps_max = ", "2000"),
    ("limits.slippage_bps_max", "\nslippage_bps_max = ", "50"),
    ("limits.stable_share_bps_min", "\nstable_share_bps_min = ", "3000"),
    ("limits.price_quorum_min", "\nprice_quorum_min = ", "1"),
    ("limits.cooldown_min", "\ncooldown_min = ", "\"1h\""),
    ("limits.validity_max", "\nvalidity_max = ", "\"72h\""),
    ("risk.volatility_bps_max", "\nvolatility_bps_max = ", "6000"),
    ("risk.history_rounds", "\nhistory_rounds = ", "90"),
    ("allocation.WETH.min_bps", "\nWETH = { min_bps = ", "1500"),
    ("allocation.WETH.max_bps", "\nWETH = { min_bps = 1500, target_bps = 2500, max_bps = ", "3000"),
    ("allocation.USDC.target_bps", "\nUSDC = { min_bps = 2000, target_bps = ", "3000"),
    ("policy.schedule", "\nschedule = ", "\"0 0 0 * * *\""),
    ("policy.validity", "\nvalidity = ", "\"48h\""),
    (
        "assets.WETH.decimals",
        "[assets.WETH]\nkind = \"volatile\"\naddress = \"eip155:31337:0xDB2A895884365D2bc84Ba47a68fCf89C1B14b5B8\"\ndecimals = ",
        "18",
    ),
    ("strategies.rebalance.trade_min", "\ntrade_min = ", "\"100 USD\""),
    ("strategies.refill.low", "\nlow = ", "\"50000 USDC\""),
    ("strategies[1].target", "\ntarget = ", "\"150000.5 USDC\""),
];

fn value() -> impl Strategy<Value = ParamValue> {
    prop_oneof![
        6 => (0i64..12_000).prop_map(integer),
        1 => (-3i64..1_000_000).prop_map(integer),
        1 => any::<bool>().prop_map(ParamValue::Bool),
        2 => (1u32..90).prop_map(|hours| words(&format!("{hours}h"))),
        2 => (1u32..9_000).prop_map(|dollars| words(&format!("{dollars} USD"))),
        2 => (1u32..9_000).prop_map(|dollars| words(&format!("{dollars} USDC"))),
        1 => prop::sample::select(vec!["0 0 8 * * Mon", "0 0 0 * * 1", "", "é", "\u{200b}x", "a \"b\" \\ c"]).prop_map(words),
    ]
}

/// Replaced where they stand, without the code under test.
fn edited(changes: &[(usize, ParamValue)]) -> String {
    let mut file = text();
    let mut places: Vec<_> = changes
        .iter()
        .map(|(at, value)| {
            let (_, before, old) = PLACES[*at];
            let from = file.find(before).unwrap_or_else(|| panic!("{before} is not there")) + before.len();
            assert!(file[from..].starts_with(old), "{before}{old}");
            let new = match value {
                ParamValue::Integer(number) => number.to_string(),
                ParamValue::Bool(flag) => flag.to_string(),
                ParamValue::Text(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
                other => panic!("{other:?}"),
            };
            (from, from + old.len(), new)
        })
        .collect();
    // The last first, so that the others stay where they are.
    places.sort_by_key(|place| std::cmp::Reverse(place.0));
    for (from, to, new) in places {
        file.replace_range(from..to, &new);
    }
    file
}

fn intents(world: &World, policy: &VotedPolicy) -> Vec<Intent> {
    let mut all = Vec::new();
    for whole in [1, 40, 120, 400] {
        all.push(world.swap(policy, WETH, USDC, whole, 30));
        all.push(world.swap(policy, USDC, WBTC, whole * 2_000, 70));
        all.push(world.transfer(policy, OPERATIONS, USDC, whole * 3_000, fixture::address("auditor")));
        all.push(world.transfer(policy, RESERVE, USDC, whole * 1_000, fixture::address("operations")));
    }
    all
}

/// Everything that a policy says and does, but for its hash.
fn same(found: &VotedPolicy, read: &VotedPolicy) {
    assert_eq!(found.terms(), read.terms());
    assert_eq!((found.envelope(), found.rest(), found.rest_hash()), (read.envelope(), read.rest(), read.rest_hash()));
    let ticks = |policy: &VotedPolicy| {
        policy.ticks(fixture::NOW, fixture::NOW + 900_000).map(|ticks| ticks.collect::<Vec<_>>())
    };
    assert_eq!(ticks(found), ticks(read));
    let verdicts = |policy: &VotedPolicy| {
        let world = World::new(&base());
        let cx = quaestor_core::Context { policy: read.hash(), ..world.cx(policy) };
        let judge = |intent| policy.judge(&cx, &Tally::default(), intent);
        intents(&world, &base()).iter().map(judge).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(found), verdicts(read));
}

proptest! {
    #[test]
    fn a_variation_is_what_the_changed_file_is(
        changes in prop::collection::btree_map(0..PLACES.len(), value(), 1..4)
    ) {
        let changes: Vec<(usize, ParamValue)> = changes.into_iter().collect();
        let read = parse(edited(&changes).as_bytes(), &fixture::catalog());
        let paths: Vec<(&str, ParamValue)> = changes.iter().map(|(at, value)| (PLACES[*at].0, value.clone())).collect();
        let found = base().vary(&paths, &fixture::catalog());
        match (found, read) {
            (Ok(found), Ok(read)) => same(&found, &read),
            (Err(found), Err(read)) => {
                // Lines are the file's own in both; columns may shift where two changes share a line.
                let told = |problems: &Problems| problems.problems.iter()
                    .map(|it| (it.line, it.path.clone(), it.kind, it.message.clone())).collect::<Vec<_>>();
                // What cannot be seen is refused in a file before it is read.
                if read.problems.iter().all(|it| it.kind != ProblemKind::Source) {
                    prop_assert_eq!(told(&found), told(&read));
                }
            }
            (found, read) => prop_assert!(false, "{:?}\n{:?}", found.map(|it| it.hash()), read.map(|it| it.hash())),
        }
    }

    /// The text with other values is the changed file, comments and all.
    #[test]
    fn what_is_rewritten_is_the_changed_file(
        changes in prop::collection::btree_map(0..PLACES.len(), value(), 1..4)
    ) {
        let changes: Vec<(usize, ParamValue)> = changes.into_iter().collect();
        let paths: Vec<(&str, ParamValue)> = changes.iter().map(|(at, value)| (PLACES[*at].0, value.clone())).collect();
        let found = base().rewritten(&paths).unwrap();
        let plain = |text: &str| text.parse::<toml::Table>().ok();
        prop_assert_eq!(plain(&found), plain(&edited(&changes)));
        // What was not changed stands as it stood: a text may have other quotes than those of the test.
        let kept = |text: &str| text.lines().filter(|line| line.starts_with(['#', '['])).map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(kept(&found), kept(&text()));
        prop_assert_eq!(found.lines().count(), text().lines().count());
    }

    /// Numbers alone, nearly all of which are in range: the quick way.
    #[test]
    fn numbers_are_what_the_changed_file_has(week in 0i64..2_100_000, floor in 0i64..10_100, ceiling in 0i64..101_000, dollars in 1u32..9_000) {
        let changes = [(1, integer(week)), (3, integer(floor)), (7, integer(ceiling)), (15, words(&format!("{dollars} USD")))];
        let read = parse(edited(&changes).as_bytes(), &fixture::catalog());
        let paths: Vec<(&str, ParamValue)> = changes.iter().map(|(at, value)| (PLACES[*at].0, value.clone())).collect();
        match (base().vary(&paths, &fixture::catalog()), read) {
            (Ok(found), Ok(read)) => same(&found, &read),
            (Err(found), Err(read)) => prop_assert_eq!(found, read),
            (found, read) => prop_assert!(false, "{:?} {:?}", found.is_ok(), read.is_ok()),
        }
    }
}

fn refused(path: &str, value: ParamValue) -> String {
    base().vary(&[(path, value)], &fixture::catalog()).unwrap_err().to_string()
}

#[test]
fn what_leads_nowhere_is_named_with_what_is_meant() {
    for (path, expected) in [
        ("limits.weak_bps_max", "`weak_bps_max` is not part of the language; write `week_bps_max`"),
        ("limts.week_bps_max", "`limts` is not part of the language; write `limits`"),
        ("strategies.rebalanse.trade_min", "`rebalanse` is no strategy of this policy; write `rebalance`"),
        ("strategies.buyback.trade_min", "its strategies are: rebalance, refill"),
        ("strategies.rebalance.colour", "unknown key for `rebalance`"),
        ("strategies.rebalance", "names a whole strategy"),
        ("strategies[7].low", "there is no strategy 7"),
        ("strategies.refill.low.high", "is of another type"),
        ("allocation.WBTX.min_bps", "`WBTX` is no asset of this policy"),
        ("limits..week", "is no path"),
        ("limits[0", "is no path"),
        ("limits.proposal_bps_max", "12000 will not do; write a whole number from 0 to 10000"),
        ("allocation.WETH.target_bps", "12000 will not do"),
        ("risk.model.kind", "write a text in quotes"),
    ] {
        let found = refused(path, integer(12_000));
        assert!(found.contains(expected), "{path}: {found}");
    }
    let twice = [("limits.week_bps_max", integer(1)), ("limits.week_bps_max", integer(2))];
    let found = base().vary(&twice, &fixture::catalog()).unwrap_err().to_string();
    assert!(found.contains("varied twice"), "{found}");
    let at = base().vary(&[("limits.week_bps_max", integer(2_000_000))], &fixture::catalog()).unwrap_err();
    let line = text().lines().position(|line| line.starts_with("week_bps_max")).unwrap() + 1;
    assert_eq!((at.problems[0].line, at.problems[0].path.as_str()), (line, "limits.week_bps_max"));
}

#[test]
fn what_the_file_does_not_say_can_be_varied_too() {
    let without = text().replace("week_bps_max = 2000", "").replace("volatility_bps_max = 6000", "");
    let lean = parse(without.as_bytes(), &fixture::catalog()).unwrap();
    let changes = [("limits.week_bps_max", integer(2_000)), ("risk.volatility_bps_max", integer(6_000))];
    same(&lean.vary(&changes, &fixture::catalog()).unwrap(), &base());
    let native = |bps| base().vary(&[("limits.native_share_bps_max", integer(bps))], &fixture::catalog());
    let mut facts = fixture::facts();
    facts.limits.native_share_bps_max = 1_200;
    same(&native(1_200).unwrap(), &fixture::policy(&facts));
    // The target of the own token is 10 %.
    assert!(native(999).unwrap_err().to_string().contains("the targets of its assets sum to 1000"));
    let blocks = base().vary(&[("policy.every_blocks", integer(7_200))], &fixture::catalog()).unwrap();
    let read = text().replace("schedule = \"0 0 0 * * *\"", "every_blocks = 7200");
    same(&blocks, &parse(read.as_bytes(), &fixture::catalog()).unwrap());
    let no_risk =
        text().replace("[risk]", "").replace("volatility_bps_max = 6000", "").replace("history_rounds = 90", "");
    // What stood under `[risk]` is gone with it.
    let lean = parse(no_risk.replace(" # of the whole treasury, a year", "").as_bytes(), &fixture::catalog()).unwrap();
    let found = lean.vary(
        &[("risk.history_rounds", integer(90)), ("risk.volatility_bps_max", integer(6_000))],
        &fixture::catalog(),
    );
    same(&found.unwrap(), &base());
}

#[test]
fn a_key_that_the_file_lacks_is_written_below_the_head_of_its_section() {
    let without = text().replace("week_bps_max = 2000 # in any seven days\n", "");
    let lean = parse(without.as_bytes(), &fixture::catalog()).unwrap();
    let changes = [
        ("limits.week_bps_max", integer(2_000)),
        ("limits.day_bps_max", integer(900)),
        ("strategies.refill.share_bps_max", integer(5_000)),
        ("policy.name", words("A \"new\" name")),
    ];
    let found = lean.rewritten(&changes).unwrap();
    for line in [
        "[limits]\nweek_bps_max = 2000\nproposal_bps_max = 500 #",
        "day_bps_max = 900 # in any 24 hours\n",
        "[[strategies]]\nshare_bps_max = 5000\nname = \"refill\"",
    ] {
        assert!(found.contains(line), "{line}\n{found}");
    }
    same(&parse(found.as_bytes(), &fixture::catalog()).unwrap(), &lean.vary(&changes, &fixture::catalog()).unwrap());
    let refused = |path: &str| lean.rewritten(&[(path, integer(1))]).unwrap_err().to_string();
    for (path, said) in [
        ("allocation.WETH.most", "written in one line"),
        ("counterpart.auditor", "the file has no section `[counterpart]`"),
        ("accounts.none.address", "leads to nothing in the file"),
        ("limits..week", "is no path"),
        ("strategies.none.low", "is no strategy of this policy"),
    ] {
        assert!(refused(path).contains(said), "{path}: {}", refused(path));
    }
    let twice = lean.rewritten(&[("limits.day_bps_max", integer(1)), ("limits.day_bps_max", integer(2))]).unwrap_err();
    assert!(twice.to_string().contains("written twice"), "{twice}");
}

#[test]
fn a_hash_names_the_variation() {
    let (base, catalog) = (base(), fixture::catalog());
    let vary = |changes: &[(&str, ParamValue)]| base.vary(changes, &catalog).unwrap();
    assert_eq!(vary(&[]).hash(), base.hash());
    let (week, low) = (("limits.week_bps_max", integer(900)), ("strategies.refill.low", words("7 USDC")));
    let both = vary(&[week.clone(), low.clone()]);
    // As its documentation says, by hand.
    let told = "limits.week_bps_max=900\nstrategies[1].low=\"7 USDC\"\n";
    assert_eq!(both.hash(), alloy_primitives::keccak256([base.hash().as_slice(), told.as_bytes()].concat()));
    assert_eq!(both.hash(), vary(&[low.clone(), week.clone()]).hash(), "in whatever order");
    assert_eq!(
        both.hash(),
        vary(std::slice::from_ref(&low)).vary(std::slice::from_ref(&week), &catalog).unwrap().hash(),
        "in one step or in two"
    );
    same(&both, &vary(std::slice::from_ref(&low)).vary(&[week], &catalog).unwrap());
    let again =
        both.vary(&[("limits.week_bps_max", integer(901)), ("policy.validity", words("24h"))], &catalog).unwrap();
    assert_eq!(
        again.hash(),
        vary(&[low, ("policy.validity", words("24h")), ("limits.week_bps_max", integer(901))]).hash()
    );
    assert_eq!((again.terms().limits.window_bps_max[2], again.terms().validity_secs), (901, 86_400));
    // A slow one and a quick one are named alike.
    let slow = vary(&[("limits.validity_max", words("71h"))]);
    let told = "limits.validity_max=\"71h\"\n";
    assert_eq!(slow.hash(), alloy_primitives::keccak256([base.hash().as_slice(), told.as_bytes()].concat()));
}

#[test]
fn one_pair_of_eyes_makes_many() {
    let (base, catalog) = (base(), fixture::catalog());
    let many = Variations::new(&base, &["limits.week_bps_max", "strategies.rebalance.trade_min"], &catalog).unwrap();
    for week in [500, 1_500] {
        let found = many.with(&[integer(week), words("250 USD")]).unwrap();
        assert_eq!(found.terms().limits.window_bps_max[2], week as u64);
        let alone = base.vary(
            &[("limits.week_bps_max", integer(week)), ("strategies.rebalance.trade_min", words("250 USD"))],
            &catalog,
        );
        same(&found, &alone.unwrap());
    }
}
