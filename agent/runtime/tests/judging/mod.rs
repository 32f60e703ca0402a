//! The treasury of `tests/policy.toml` at one block, for commands that judge: 600,000 USDC and 200 WETH at 2,000 USD.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "each test uses its part, and one that cannot go on has failed"
)]

use alloy::primitives::{Address, keccak256};
use quaestor_core::{
    AccountId, Action, Amount, AssetId, BlockRef, BrakeReading, History, Intent, Policy, Price, Purpose, Route,
    Snapshot, Value, VenueId,
    snapshot::{AccountReading, Anchor, AssetReading, CodeReading, Control, FeedReading, Round, Spend},
};
use quaestor_policies::VotedPolicy;
use serde::Serialize;
use std::{fs, path::Path, process::Command};

pub const NOW: u64 = 1_800_000_000;
pub const USDC: AssetId = AssetId(0);
pub const WETH: AssetId = AssetId(1);
const WAD: u128 = 1_000_000_000_000_000_000;

pub fn policy_text() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy.toml")).unwrap()
}

pub fn policy(text: &str) -> VotedPolicy {
    quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog())
        .unwrap_or_else(|problems| panic!("{problems}"))
}

pub fn snapshot(policy: &VotedPolicy) -> Snapshot {
    let terms = policy.terms();
    let block = BlockRef { number: 4_200, hash: keccak256("block 4200"), timestamp: NOW };
    let assets = terms.assets.iter().zip([1u128, 2_000]).map(|(asset, usd)| AssetReading {
        address: asset.address,
        decimals: Some(asset.decimals),
        feeds: asset
            .feeds
            .iter()
            .map(|feed| FeedReading {
                feed: *feed,
                rounds: vec![Round { price: Some(Price(usd * WAD)), updated_at: NOW - 600 }],
            })
            .collect(),
        rate: None,
    });
    let owners = ["a", "b", "c", "d"].map(|name| Address::from_word(keccak256(name))).to_vec();
    let accounts = terms.accounts.iter().map(|account| AccountReading {
        address: account.address,
        balances: vec![Amount(300_000 * 1_000_000), Amount(100 * WAD)],
        control: match account.route {
            Route::Safe => Control::Safe { nonce: 7, threshold: 3, owners: owners.clone() },
            Route::Governor { .. } => Control::Timelock { delay_secs: 86_400, governor_schedules: true },
        },
    });
    Snapshot {
        chain_id: terms.chain_id,
        block,
        anchor: Anchor { epoch: 1, policy_hash: policy.hash() },
        brake: BrakeReading { pulled: false, pulls: 0, lease_until: NOW + 1_000_000, block },
        operators: vec![owners[0]],
        guardians: None,
        delegates: vec![],
        coins: vec![],
        assets: assets.collect(),
        accounts: accounts.collect(),
        code: terms.venues.iter().map(|it| CodeReading { address: it.address, code_hash: it.code_hash }).collect(),
        twaps: vec![],
    }
}

/// A swap of whole USDC of operations for WETH.
pub fn swap(policy: &VotedPolicy, usdc: u128) -> Intent {
    let amount = Amount(usdc * 1_000_000);
    let swap = Action::Swap {
        venue: VenueId(0),
        sell: USDC,
        buy: WETH,
        fee_pips: 500,
        amount_in: amount,
        amount_out_min: Amount(usdc * WAD * 9_970 / 10_000 / 2_000),
    };
    Intent {
        account: AccountId(0),
        purpose: Purpose::Strategy { line: keccak256("keep-shares"), leg: 0 },
        asset: USDC,
        counterparty: policy.terms().venues[0].address,
        amount,
        value: Value(usdc * WAD),
        actions: [Action::Approve { asset: USDC, spender: VenueId(0), amount }, swap].into_iter().collect(),
    }
}

/// What was spent two hours before: whole dollars.
pub fn spent(policy: &VotedPolicy, usd: u128) -> History {
    let spend = Spend {
        timestamp: NOW - 7_200,
        account: AccountId(0),
        decision: keccak256("before"),
        once_key: keccak256("before"),
        line: keccak256("keep-shares"),
        asset: Some(USDC),
        counterparty: policy.terms().venues[0].address,
        value: Value(usd * WAD),
    };
    History { spends: [spend].into(), ..History::default() }
}

pub fn write(folder: &Path, name: &str, what: &impl Serialize) {
    fs::write(folder.join(name), serde_json::to_string_pretty(what).unwrap()).unwrap();
}

/// Status, stdout and stderr of the program run in `folder`.
pub fn quaestor(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_quaestor"))
        .args(args)
        .current_dir(folder)
        .env_remove("QUAESTOR_LOG")
        .env_remove("COLUMNS")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The same as one text, for the golden files.
pub fn seen(folder: &Path, args: &[&str]) -> String {
    let (status, stdout, stderr) = quaestor(folder, args);
    let stderr = if stderr.is_empty() { stderr } else { format!("stderr:\n{stderr}") };
    format!("$ quaestor {}\n{stdout}{stderr}exit {status}\n", args.join(" "))
}
