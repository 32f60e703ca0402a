//! Whether a vote is in force at once or waits: what a change of the policy's words and numbers means, by the table in
//! `policies/README.md`, is what the real `PolicyRegistry` makes of the hashes and the envelope that the language says.
//!
//! Each policy is submitted after the one before it, so that every neighbouring two are a pair. More pairs, others with
//! another seed: `QUAESTOR_PAIRS=2000 QUAESTOR_SEED=7 cargo test -p quaestor --test narrowing_on_chain`.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use alloy::{
    primitives::Address,
    rpc::types::{BlockId, TransactionReceipt},
    sol_types::SolEvent,
};
use quaestor::devnet::{Chain, Packages, people::call};
use quaestor_contracts::{bindings::PolicyRegistry, deploy};
use quaestor_core::{Limits, Policy};
use quaestor_policies::VotedPolicy;
use std::collections::BTreeMap;

const PAIRS: u64 = 48;
const DELAY_SECS: u64 = 100_000;
/// 2020-01-01.
const GENESIS: u64 = 1_577_836_800;

/// Which way a number of `[limits]` is wider, and what it is when the file does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// A higher one permits more; without it there is no cap.
    Cap,
    /// A lower one permits more; without it there is no floor.
    Floor,
}

/// Every key of `[limits]`, and texts that it may have, `""` for a file without it. Some mean the same.
const LIMITS: [(&str, Side, &[&str]); 14] = [
    ("proposal_bps_max", Side::Cap, &["", "0", "499", "500", "10000"]),
    ("hour_bps_max", Side::Cap, &["", "500", "501", "1000000"]),
    ("day_bps_max", Side::Cap, &["", "1000", "999"]),
    ("week_bps_max", Side::Cap, &["", "1000", "2000"]),
    ("month_bps_max", Side::Cap, &["", "4000", "0"]),
    ("slippage_bps_max", Side::Cap, &["0", "50", "9999"]),
    ("price_age_max", Side::Cap, &["", "\"1h\"", "\"60m\"", "\"3600s\"", "\"2h\""]),
    ("price_deviation_bps_max", Side::Cap, &["", "100", "200"]),
    ("proposals_per_day_max", Side::Cap, &["", "0", "4"]),
    ("validity_max", Side::Cap, &["\"72h\"", "\"3d\"", "\"259201s\""]),
    ("native_share_bps_max", Side::Cap, &["", "1000", "999", "10000"]),
    ("stable_share_bps_min", Side::Floor, &["", "0", "2500", "2501"]),
    ("price_quorum_min", Side::Floor, &["", "0", "1"]),
    ("cooldown_min", Side::Floor, &["", "\"1h\"", "\"3600s\"", "\"61m\""]),
];

/// What stands elsewhere: each list has ways to write one thing, of which all but the last mean the same.
const WORDS: [&[&str]; 8] = [
    &["name = \"A treasury\"", "name = 'A treasury' # the same", "name = \"The treasury\""],
    &["schedule = \"0 0 8 * * Mon\"", "schedule = \"0  0 8  * * Mon\"", "schedule = \"0 0 8 * * Tue\""],
    &["staleness_max = \"25h\"", "staleness_max = \"90000s\"", "staleness_max = \"26h\""],
    &["trade_min = \"5000 USD\"", "'trade_min' = \"5000 USD\"", "trade_min = \"5000.0 USD\""],
    &["", "history_rounds = 128", "history_rounds = 129"],
    &["", "on_breach = \"only-reduce\"", "on_breach = \"hold\""],
    &[
        "",
        "[counterparties]",
        "[counterparties]\nauditor = \"eip155:31337:0x00000000000000000000000000000000DeaDBeef\"",
    ],
    &["", "# Nothing is said here.", "epsilon_year_max = \"8\""],
];

/// What a pair changes, as often as each comes.
const CHANGES: [Change; 8] = [
    Change::Limit,
    Change::Limit,
    Change::Limit,
    Change::Narrower,
    Change::Narrower,
    Change::Narrower,
    Change::Spelling,
    Change::Words,
];

#[derive(Clone, Copy)]
enum Change {
    /// One number, either way.
    Limit,
    /// One number so that it permits no more.
    Narrower,
    /// Another way to say the same.
    Spelling,
    /// Another thing.
    Words,
}

/// A file by its choices: which text of each limit, and which way of each word.
#[derive(Debug, Clone, Default)]
struct Choices {
    limits: [usize; LIMITS.len()],
    words: [usize; WORDS.len()],
    /// Line ends as on other machines.
    carriage_returns: bool,
}

impl Choices {
    fn text(&self) -> String {
        let word = |at: usize| WORDS[at][self.words[at]];
        let limit = |(at, (key, _, texts)): (usize, &(&str, Side, &[&str]))| match texts[self.limits[at]] {
            "" => String::new(),
            text => format!("{key} = {text}\n"),
        };
        let limits: String = LIMITS.iter().enumerate().map(limit).collect();
        let address = |byte: u8| format!("\"eip155:31337:{}\"", Address::repeat_byte(byte));
        let (registry, brake, gate) = (address(1), address(2), address(3));
        let (safe, usdc, weth, feeds, router) =
            (address(4), address(5), address(6), [address(7), address(8)], address(9));
        let [name, schedule, staleness, trade_min, rounds, breach, counterparties, epsilon] = std::array::from_fn(word);
        let text = format!(
            r#"[policy]
version = 1
{name}
chain = "eip155:31337"
registry = {registry}
brake = {brake}
gate = {gate}
expires = "2030-01-01T00:00:00Z"
{schedule}
[accounts.operations]
kind = "safe"
address = {safe}
[assets.USDC]
kind = "stable"
address = {usdc}
decimals = 6
feeds = [{}]
{staleness}
[assets.WETH]
kind = "volatile"
address = {weth}
decimals = 18
feeds = [{}]
staleness_max = "2h"
[allocation]
WETH = {{ min_bps = 1000, target_bps = 4000, max_bps = 9000 }}
[limits]
{limits}[risk]
{rounds}
{breach}
{epsilon}
[venues.uniswap]
kind = "uniswap-v3"
address = {router}
code_hash = "0x1111111111111111111111111111111111111111111111111111111111111111"
pools = [{{ pair = ["WETH", "USDC"], fee_pips = 500 }}]
{counterparties}
[[strategies]]
name = "rebalance"
kind = "rebalance"
account = "operations"
cash = "USDC"
{trade_min}
"#,
            feeds[0], feeds[1]
        );
        if self.carriage_returns { text.replace('\n', "\r\n") } else { text }
    }

    /// The number that the limit at this place comes to, read here and not by the language.
    fn number(&self, at: usize) -> u64 {
        let (_, side, texts) = LIMITS[at];
        match texts[self.limits[at]].trim_matches('"') {
            "" if side == Side::Cap => u64::MAX,
            "" => 0,
            text => {
                let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
                let units = BTreeMap::from([("", 1), ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)]);
                digits.parse::<u64>().unwrap() * units[&text[digits.len()..]]
            }
        }
    }

    /// Whether the words mean another thing.
    fn says_another_thing(&self, other: &Self) -> bool {
        let meant = |choices: &Self, at: usize| choices.words[at] == WORDS[at].len() - 1;
        (0..WORDS.len()).any(|at| meant(self, at) != meant(other, at))
    }

    /// Whether a change to `new` permits nothing more, and says nothing else.
    fn narrows_to(&self, new: &Self) -> bool {
        let no_wider = |at: usize| match LIMITS[at].1 {
            Side::Cap => new.number(at) <= self.number(at),
            Side::Floor => new.number(at) >= self.number(at),
        };
        !self.says_another_thing(new) && (0..LIMITS.len()).all(no_wider)
    }
}

/// Random numbers that are the same everywhere: SplitMix64 (Steele, Lea and Flood, 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn next(&mut self, from: &Choices) -> Choices {
        let mut to = from.clone();
        for _ in 0..1 + self.below(2) {
            match CHANGES[self.below(CHANGES.len())] {
                Change::Limit => {
                    let at = self.below(LIMITS.len());
                    to.limits[at] = self.below(LIMITS[at].2.len());
                }
                Change::Narrower => {
                    let at = self.below(LIMITS.len());
                    let mut tried = to.clone();
                    tried.limits[at] = self.below(LIMITS[at].2.len());
                    if to.narrows_to(&tried) {
                        to = tried;
                    }
                }
                Change::Spelling => {
                    let at = self.below(WORDS.len());
                    let last = WORDS[at].len() - 1;
                    if to.words[at] != last {
                        to.words[at] = self.below(last);
                    }
                    to.carriage_returns = self.below(2) == 0;
                }
                Change::Words => {
                    let at = self.below(WORDS.len());
                    to.words[at] = self.below(WORDS[at].len());
                }
            }
        }
        to
    }
}

fn parse(choices: &Choices) -> VotedPolicy {
    let text = choices.text();
    let found = quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog());
    found.unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

fn from_environment(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// The real contract, whose owner is one key.
struct Registry {
    chain: Chain,
    owner: Address,
    address: Address,
}

impl Registry {
    async fn new() -> Self {
        let chain = Chain::start(&Packages::ensure(None).unwrap(), GENESIS, 1).await.unwrap();
        let owner = chain.keys()[0].address();
        let arguments = PolicyRegistry::constructorCall {
            owner_: owner,
            delaySecs_: DELAY_SECS,
            guardians_: vec![owner],
            ceilings_: Limits::default().envelope(),
        };
        let code = deploy::policy_registry(&arguments);
        let address = chain.deploy("PolicyRegistry", owner, &code, &[]).await.unwrap();
        Self { chain, owner, address }
    }

    /// Anchors a policy; its epoch, whether it was in force at once, and when it is.
    async fn submit(&self, policy: &VotedPolicy) -> (u64, bool, u64) {
        let submit = PolicyRegistry::submitCall {
            policyHash: policy.hash(),
            restHash: policy.rest_hash(),
            envelope: policy.envelope(),
            uri: String::new(),
        };
        let receipt: TransactionReceipt =
            self.chain.send("submit", self.owner, &call(self.address, &submit)).await.unwrap();
        let submitted =
            receipt.logs().iter().find_map(|log| PolicyRegistry::EpochSubmitted::decode_log(&log.inner).ok());
        let submitted = submitted.unwrap();
        let block = BlockId::number(receipt.block_number.unwrap());
        let now = alloy::providers::Provider::get_block(self.chain.provider(), block).await.unwrap().unwrap();
        (submitted.number, submitted.activeAt == now.header.timestamp, submitted.activeAt)
    }
}

#[tokio::test]
async fn the_registry_tells_a_narrowing_as_the_language_means_it() {
    let registry = Registry::new().await;
    let (pairs, mut dice) = (from_environment("QUAESTOR_PAIRS", PAIRS), Dice(from_environment("QUAESTOR_SEED", 1)));
    let mut old = Choices::default();
    let (_, at_once, active_at) = registry.submit(&parse(&old)).await;
    assert!(!at_once, "before the first policy nothing narrows");
    registry.chain.warp_to(active_at).await.unwrap();
    let mut told = BTreeMap::new();
    for number in 0..pairs {
        let new = dice.next(&old);
        let (before, after) = (parse(&old), parse(&new));
        // The language's own two halves: words and numbers.
        assert_eq!(before.rest_hash() != after.rest_hash(), old.says_another_thing(&new), "{old:?}\n{new:?}");
        let (epoch, at_once, active_at) = registry.submit(&after).await;
        assert_eq!(at_once, old.narrows_to(&new), "pair {number}: {old:?}\n{new:?}");
        *told.entry(at_once).or_insert(0) += 1;
        if !at_once {
            let now = registry.chain.now().await.unwrap();
            assert_eq!(active_at, now + DELAY_SECS);
            registry.chain.warp_to(active_at).await.unwrap();
        }
        // What the registry keeps of it is what the language said.
        let kept = registry.chain.read(registry.address, &PolicyRegistry::activeEpochCall {}).await.unwrap();
        assert_eq!((kept.number, kept.policyHash), (epoch, after.hash()));
        assert_eq!((kept.restHash, kept.envelope), (after.rest_hash(), after.envelope()));
        old = new;
    }
    println!("at once: {told:?}");
    let fewest = told.values().min().copied().unwrap_or_default();
    assert!(told.len() == 2 && fewest * 5 >= pairs, "pairs of both kinds: {told:?}");
}
