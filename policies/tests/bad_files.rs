//! Bad files, as a voter sees their problems: the rules of the language. Each case changes the file of the fixture;
//! `snapshots/` has what is shown. `bad_input.rs` has what is wrong with any input.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use quaestor_policies::{Problems, parse, starting_policy};

/// A name, and what is replaced by what; the first text must be in the file.
type Case = (&'static str, &'static [(&'static str, &'static str)]);

fn problems(replacements: &[(&str, &str)]) -> Problems {
    let mut text = starting_policy(&fixture::facts());
    for (from, to) in replacements {
        assert!(text.contains(from), "`{from}` is not in the file");
        text = text.replacen(from, to, 1);
    }
    parse(text.as_bytes(), &fixture::catalog()).unwrap_err()
}

const CASES: [Case; 47] = [
    (
        "unknown keys",
        &[
            ("slippage_bps_max", "slipage_bps_max"),
            ("[risk]", "[risk]\ncolour = 3"),
            ("[counterparties]", "[counterparty]"),
        ],
    ),
    ("duplicate key", &[("decimals = 18", "decimals = 18\ndecimals = 6")]),
    ("syntax", &[("version = 1", "version = "), ("day_bps_max = 1000", "day_bps_max 1000")]),
    (
        "wrong types",
        &[
            ("version = 1", "version = \"1\""),
            ("[policy]", "strategies = 3\n[policy]"),
            ("decimals = 18", "decimals = true"),
        ],
    ),
    ("floats", &[("day_bps_max = 1000", "day_bps_max = 1000.0"), ("\"100 USD\"", "100.5")]),
    ("native time", &[("\"2028-01-01T00:00:00Z\"", "2028-01-01T00:00:00Z")]),
    ("time", &[("\"2028-01-01T00:00:00Z\"", "\"2028-01-01\"")]),
    ("later version", &[("version = 1", "version = 2")]),
    ("name", &[("\"Example DAO treasury\"", "\" \"")]),
    ("chain", &[("chain = \"eip155:31337\"", "chain = \"mainnet\"")]),
    ("another chain", &[("brake = \"eip155:31337:", "brake = \"eip155:1:")]),
    ("checksum", &[("gate = \"eip155:31337:0x", "gate = \"eip155:31337:0X"), ("kind = \"safe\"", "kind = \"safe\"\n")]),
    ("no section", &[("[policy]", "[police]"), ("[limits]", "[limit]")]),
    ("cron with five fields", &[("\"0 0 0 * * *\"", "\"0 0 * * *\"")]),
    ("cron with counted weekdays", &[("\"0 0 0 * * *\"", "\"0 0 0 * * 1-5\"")]),
    ("cron with two days", &[("\"0 0 0 * * *\"", "\"0 0 0 1 * Mon\"")]),
    ("cron that never comes", &[("\"0 0 0 * * *\"", "\"0 0 0 31 Feb *\"")]),
    ("two schedules", &[("validity = ", "every_blocks = 7200\nvalidity = ")]),
    ("no schedule", &[("schedule = \"0 0 0 * * *\"", "")]),
    ("duration", &[("validity = \"48h\"", "validity = \"2 days\""), ("cooldown_min = \"1h\"", "cooldown_min = 3600")]),
    ("validity", &[("validity = \"48h\"", "validity = \"73h\"")]),
    ("account kind", &[("kind = \"safe\"", "kind = \"multisig\"")]),
    ("a safe with a governor", &[("kind = \"safe\"", "kind = \"safe\"\ngovernor = \"x\"")]),
    ("a governor without proposer", &[("proposer = ", "proposed = ")]),
    ("asset kind", &[("kind = \"native\"", "kind = \"token\"")]),
    ("asset called like the unit", &[("[assets.DAI]", "[assets.USD]")]),
    ("foreign letters in a name", &[("[assets.DAI]", "[assets.\"D\u{410}I\"]")]),
    ("decimals", &[("decimals = 6", "decimals = 37"), ("decimals = 8", "decimals = 0x8")]),
    ("band upside down", &[("min_bps = 1500, target_bps = 2500", "min_bps = 2600, target_bps = 2500")]),
    ("targets", &[("target_bps = 2500", "target_bps = 2501")]),
    ("band of nothing", &[("LINK = { min_bps", "LINC = { min_bps")]),
    ("share", &[("max_bps = 5000", "max_bps = 10001")]),
    (
        "group of nothing",
        &[(
            "[limits]",
            "[groups.a]\nassets = []\nmax_bps = 1\n[groups.b]\nassets = [\"PEPE\", \"LINK\", \"LINK\"]\nmax = 2\n[groups.c]\n[limits]",
        )],
    ),
    (
        "group of everything",
        &[(
            "[limits]",
            "[groups.all]\nassets = [\"DAI\", \"DAO\", \"LINK\", \"STETH\", \"USDC\", \"WBTC\", \"WETH\"]\nmin_bps = 1\n[limits]",
        )],
    ),
    (
        "group without room for its targets",
        &[(
            "[limits]",
            "[groups.blue]\nassets = [\"WBTC\", \"WETH\"]\nmax_bps = 3499\n[groups.cash]\nassets = [\"DAI\", \"USDC\"]\nmin_bps = 4001\n[groups.down]\nassets = [\"LINK\"]\nmin_bps = 501\nmax_bps = 500\n[limits]",
        )],
    ),
    (
        "own token below its target",
        &[("price_deviation_bps_max = 200", "price_deviation_bps_max = 200\nnative_share_bps_max = 999")],
    ),
    (
        "limits out of range",
        &[
            ("price_deviation_bps_max = 200", "price_deviation_bps_max = 10001"),
            ("slippage_bps_max = 50", "slippage_bps_max = -1"),
        ],
    ),
    (
        "quorum above the feeds",
        &[("price_quorum_min = 1", "price_quorum_min = 2"), ("[assets.DAO]", "[assets.DAO] # here")],
    ),
    ("stable share out of reach", &[("stable_share_bps_min = 3000", "stable_share_bps_min = 7001")]),
    ("history", &[("history_rounds = 90", "history_rounds = 513")]),
    (
        "pool of nothing",
        &[
            ("pair = [\"USDC\", \"DAI\"]", "pair = [\"USDC\", \"PEPE\"]"),
            ("pair = [\"USDC\", \"DAO\"]", "pair = [\"USDC\", \"USDC\"]"),
        ],
    ),
    ("pool twice", &[("pair = [\"USDC\", \"DAI\"]", "pair = [\"DAO\", \"USDC\"]")]),
    ("code hash", &[("code_hash = \"0x", "code_hash = \"0xZ")]),
    ("code hash of a token", &[("decimals = 18", "decimals = 18\ncode_hash = \"0x12\"")]),
    ("strategy kind", &[("kind = \"rebalance\"", "kind = \"rebalnce\"")]),
    (
        "strategy parameters",
        &[
            ("\"100 USD\"", "\"100 EUR\""),
            ("\"50000 USDC\"", "\"50000.0000001 USDC\""),
            ("from = \"reserve\"", "from = \"vault\"\nspeed = 3"),
        ],
    ),
    ("strategy twice", &[("name = \"refill\"", "name = \"rebalance\"")]),
];

#[test]
fn problems_say_where_and_what_to_write() {
    let mut shown = String::new();
    for (name, replacements) in CASES {
        shown.push_str(&format!("== {name}\n{}\n\n", problems(replacements)));
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn an_empty_file_says_what_is_needed() {
    let problems = parse(b"", &fixture::catalog()).unwrap_err().in_file("treasury.toml");
    insta::assert_snapshot!(problems);
}
