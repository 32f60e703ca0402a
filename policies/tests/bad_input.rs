//! Every class of bad input, as the language answers it: a class a constant, a file a case, and in `snapshots/` what a voter
//! is told of each. `bad_files.rs` has the rules of the language itself.
//!
//! What is not about a policy file alone has its place where it is read: a file that is not the anchored one, an old epoch,
//! another chain or Safe in `agent/runtime/tests/policy_in_force.rs` and, as stories, in `tests/tests/bad_input/`; prices in
//! `agent/core/src/valuation/tests.rs` and `tests/tests/bad_input/feeds.rs`; market data in `simulations/tests/bad_files.rs`
//! and `data.rs`; ceilings above the policy in `contracts/test/PolicyRegistry.unit.t.sol`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use alloy_primitives::keccak256;
use quaestor_core::{Amount, Policy, strategy::ParamValue};
use quaestor_policies::{FILE_BYTES_MAX, Problems, parse, starting_policy};

/// A name, and what is replaced by what; the first text must be in the file.
type Case = (&'static str, &'static [(&'static str, &'static str)]);

/// Keys that the language does not have, that are there twice, and letters that look like others or like nothing.
const NAMES: [Case; 12] = [
    ("a key that the language does not have", &[("day_bps_max", "dai_bps_max")]),
    ("a section that the language does not have", &[("[counterparties]", "[payees]")]),
    ("a key of a strategy that its kind does not have", &[("trade_min", "trade_most")]),
    ("a key twice", &[("day_bps_max = 1000", "day_bps_max = 1000\nday_bps_max = 9000")]),
    ("a key twice, once in quotes", &[("day_bps_max = 1000", "day_bps_max = 1000\n\"day_bps_max\" = 9000")]),
    ("a key twice in one line", &[("{ min_bps = 1500", "{ min_bps = 0, min_bps = 1500")]),
    ("a section twice", &[("[risk]", "[limits]\nday_bps_max = 9000\n[risk]")]),
    ("a Cyrillic letter in a name", &[("[assets.DAI]", "[assets.\"D\u{410}I\"]")]),
    ("a Cyrillic letter in a value", &[("pair = [\"USDC\", \"DAI\"]", "pair = [\"USDC\", \"D\u{410}I\"]")]),
    ("a line turned round", &[("# of the treasury's value", "# \u{202e}eulav s'yrusaert eht fo")]),
    ("a space of no width", &[("[assets.DAI]", "[assets.\"DAI\u{200b}\"]")]),
    ("an escape for what cannot be seen", &[("\"Example DAO", "\"Example\\u200bDAO")]),
];

/// Addresses that are no addresses, or not those that are meant.
const ADDRESSES: [Case; 7] = [
    ("no checksum", &[("0xbac24e798Be1f1B7E6E4dAD28B4cBF776D0b66E9", "0xbac24e798be1f1b7e6e4dad28b4cbf776d0b66e9")]),
    (
        "a wrong checksum",
        &[("0xbac24e798Be1f1B7E6E4dAD28B4cBF776D0b66E9", "0xbac24e798Be1f1B7E6E4dAD28B4cBF776D0b66e9")],
    ),
    (
        "the zero address",
        &[("0xbac24e798Be1f1B7E6E4dAD28B4cBF776D0b66E9", "0x0000000000000000000000000000000000000000")],
    ),
    ("a precompile", &[("0xbac24e798Be1f1B7E6E4dAD28B4cBF776D0b66E9", "0x0000000000000000000000000000000000000100")]),
    ("a digit short", &[("0xbac24e798Be1f1B7E6E4dAD28B4cBF776D0b66E9", "0xbac24e798Be1f1B7E6E4dAD28B4cBF776D0b66E")]),
    ("a name", &[("eip155:31337:0xbac24e798Be1f1B7E6E4dAD28B4cBF776D0b66E9", "gate.dao.eth")]),
    (
        "on another chain",
        &[(
            "eip155:31337:0xbac24e798Be1f1B7E6E4dAD28B4cBF776D0b66E9",
            "eip155:1:0xbac24e798Be1f1B7E6E4dAD28B4cBF776D0b66E9",
        )],
    ),
];

/// Numbers and amounts that are none, or not exactly one.
const NUMBERS: [Case; 15] = [
    ("a negative number", &[("day_bps_max = 1000", "day_bps_max = -1000")]),
    ("a number with a sign", &[("day_bps_max = 1000", "day_bps_max = +1000")]),
    ("one more than 64 bits", &[("day_bps_max = 1000", "day_bps_max = 18446744073709551616")]),
    ("a number in hexadecimal", &[("day_bps_max = 1000", "day_bps_max = 0x3e8")]),
    ("a float", &[("day_bps_max = 1000", "day_bps_max = 1e3")]),
    ("infinity", &[("day_bps_max = 1000", "day_bps_max = inf")]),
    ("no number", &[("day_bps_max = 1000", "day_bps_max = nan")]),
    ("a float for an amount", &[("\"50000 USDC\"", "50000.0")]),
    ("a number for an amount", &[("\"50000 USDC\"", "50000")]),
    ("a negative amount", &[("\"50000 USDC\"", "\"-50000 USDC\"")]),
    ("an amount with more places than its token", &[("\"50000 USDC\"", "\"50000.0000001 USDC\"")]),
    ("an amount of another unit", &[("\"50000 USDC\"", "\"50000 DAI\"")]),
    ("an amount without its unit", &[("\"50000 USDC\"", "\"50000\"")]),
    ("an amount beyond what can be counted", &[("\"50000 USDC\"", "\"340282366920938463463374607431768211456 USDC\"")]),
    ("an amount in a computer's way", &[("\"50000 USDC\"", "\"5e4 USDC\"")]),
];

/// What contradicts itself: the whole file is refused.
const ORDER: [Case; 8] = [
    ("a least share above the target", &[("min_bps = 1500, target_bps = 2500", "min_bps = 2501, target_bps = 2500")]),
    ("a target above the most", &[("target_bps = 2500, max_bps = 3000", "target_bps = 2500, max_bps = 2499")]),
    ("a share above the whole", &[("max_bps = 3000", "max_bps = 10001")]),
    ("a cap above its ceiling", &[("proposal_bps_max = 500", "proposal_bps_max = 10001")]),
    ("slippage of everything", &[("slippage_bps_max = 50", "slippage_bps_max = 10000")]),
    ("a life above its ceiling", &[("validity = \"48h\"", "validity = \"73h\"")]),
    ("a duration above all sense", &[("cooldown_min = \"1h\"", "cooldown_min = \"3651d\"")]),
    (
        "shares that sum to more than the whole",
        &[("min_bps = 1500, target_bps = 2500", "min_bps = 1500, target_bps = 2501")],
    ),
];

/// Files that are too much before anybody asks what they say.
fn too_much() -> Vec<(&'static str, Vec<u8>)> {
    let text = starting_policy(&fixture::facts());
    let with = |line: String| format!("{text}{line}\n").into_bytes();
    vec![
        ("one byte too many", format!("{text}#{}", "x".repeat(FILE_BYTES_MAX - text.len())).into_bytes()),
        ("lists in lists", with(format!("deep = {}{}", "[".repeat(4_000), "]".repeat(4_000)))),
        ("tables in tables", with(format!("deep = {}{}", "{a=".repeat(4_000), "}".repeat(4_000)))),
        ("keys in keys", with(format!("deep{} = 1", ".a".repeat(4_000)))),
        ("sections in sections", with(format!("[deep{}]", ".a".repeat(4_000)))),
        ("signs without end", with(format!("signs = {}1", "-".repeat(60_000)))),
        ("digits without end", with(format!("digits = {}", "9".repeat(60_000)))),
        ("digits after a point without end", with(format!("digits = 0.{}", "3".repeat(60_000)))),
        ("a name without end", with(format!("{} = 1", "a".repeat(60_000)))),
        ("a text without end", with(format!("text = \"{}\"", "a".repeat(60_000)))),
        ("a text over lines", with("text = \"\"\"\na\n\"\"\"".into())),
        ("a list without end", with(format!("list = [{}]", "1,".repeat(60_000)))),
        ("lines without end", with("\n".repeat(70_000))),
    ]
}

/// Files that are not what an editor shows.
fn not_as_shown() -> Vec<(&'static str, Vec<u8>)> {
    let text = starting_policy(&fixture::facts());
    let utf16 = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    vec![
        ("nothing", Vec::new()),
        ("a byte order mark", format!("\u{feff}{text}").into_bytes()),
        ("another encoding", utf16),
        ("a byte that is no letter", [text.as_bytes(), b"# \xe9\n"].concat()),
        ("lines that end as they did on old machines", text.replace('\n', "\r").into_bytes()),
        ("a byte of zero", text.replace("Example DAO", "Example\0DAO").into_bytes()),
    ]
}

fn refused(bytes: &[u8]) -> Problems {
    parse(bytes, &fixture::catalog()).map(|_| ()).unwrap_err()
}

fn changed(replacements: &[(&str, &str)]) -> String {
    let mut text = starting_policy(&fixture::facts());
    for (from, to) in replacements {
        assert!(text.contains(from), "`{from}` is not in the file");
        text = text.replacen(from, to, 1);
    }
    text
}

#[test]
fn every_class_of_bad_input_has_its_message() {
    let mut shown = String::new();
    let classes =
        [("names", &NAMES[..]), ("addresses", &ADDRESSES), ("numbers and amounts", &NUMBERS), ("order", &ORDER)];
    let mut told = |class: &str, name: &str, bytes: &[u8]| {
        let Err(problems) = parse(bytes, &fixture::catalog()) else { panic!("{class}: {name} is a policy") };
        // The first few say enough of a file that is wrong everywhere.
        let lines: Vec<String> = problems.to_string().lines().take(8).map(str::to_owned).collect();
        shown.push_str(&format!("== {class}: {name}\n{}\n\n", lines.join("\n")));
    };
    for (name, bytes) in too_much() {
        told("too much", name, &bytes);
    }
    for (name, bytes) in not_as_shown() {
        told("not as shown", name, &bytes);
    }
    for (class, cases) in classes {
        for (name, replacements) in cases {
            told(class, name, changed(replacements).as_bytes());
        }
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn one_address_for_two_roles_is_refused() {
    let mut facts = fixture::facts();
    facts.assets[0].address = facts.gate;
    facts.accounts[1].address = facts.accounts[0].address;
    facts.counterparties.push(("self".into(), facts.accounts[0].address));
    facts.counterparties.push(("twin".into(), facts.counterparties[0].1));
    let feed = facts.assets[1].feeds[0];
    facts.assets[1].feeds.push(feed);
    insta::assert_snapshot!(refused(starting_policy(&facts).as_bytes()));
}

#[test]
fn amounts_are_read_to_their_last_place() {
    let read = |amount: &str| {
        let text = changed(&[("\"50000 USDC\"", &format!("\"{amount}\""))]);
        let policy = parse(text.as_bytes(), &fixture::catalog()).unwrap();
        let decimals = policy.terms().asset(fixture::USDC).unwrap().decimals;
        let ParamValue::Text(low) = &policy.terms().strategies[1].params["low"] else { panic!("{policy:?}") };
        Amount::parse(low.strip_suffix(" USDC").unwrap(), decimals).unwrap()
    };
    assert_eq!(read("0.000001 USDC"), Amount(1));
    assert_eq!(read("50000.000001 USDC"), Amount(50_000_000_001));
    // One that no float of 64 bits can tell from its neighbours.
    assert_eq!(read("9007199254740993.000001 USDC"), Amount(9_007_199_254_740_993_000_001));
}

#[test]
fn a_file_with_other_line_ends_is_another_file_that_means_the_same() {
    let text = starting_policy(&fixture::facts());
    let other = text.replace('\n', "\r\n");
    let [policy, changed] = [&text, &other].map(|text| parse(text.as_bytes(), &fixture::catalog()).unwrap());
    assert_eq!((policy.hash(), changed.hash()), (keccak256(&text), keccak256(&other)));
    assert_ne!(policy.hash(), changed.hash());
    assert_eq!((policy.rest_hash(), policy.envelope()), (changed.rest_hash(), changed.envelope()));
}
