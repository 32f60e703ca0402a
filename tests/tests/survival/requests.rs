//! The number of requests of a decision does not grow with the number of assets.

use quaestor::{
    agent::Record,
    demo::{
        scene,
        stage::{PASSWORD, PASSWORD_VAR},
    },
    devnet::{AssetPlan, Devnet, Issue, Options, Proxy, ReplayDay, Site, policy_text},
    journal::JournalReader,
};
use quaestor_core::{AssetKind, Policy, Price, amount::WAD};
use quaestor_tests::quaestor;
use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
    time::Duration,
};

const DAYS: u64 = 61;
const DAY: u64 = 86_400;
/// A midnight in 2024.
const BEGIN: u64 = 1_704_067_200;
const HEAD: &str = "eth_getBlockByNumber";
const SEND: &str = "eth_sendRawTransaction";

/// A treasury of a stable asset, wrapped ether and others of equal shares.
fn assets(count: u64) -> Vec<AssetPlan> {
    let plan = |symbol: String, decimals, kind, issue, share_bps| AssetPlan {
        name: symbol.clone(),
        symbol,
        decimals,
        kind,
        issue,
        share_bps,
    };
    let mut assets = vec![
        plan("USDC".into(), 6, AssetKind::Stable, Issue::Minted, 3_500),
        plan("WETH".into(), 18, AssetKind::Volatile, Issue::WrappedEther, 4_000),
    ];
    let others = count - 2;
    for number in 0..others {
        let share = 2_500 / others + if number == 0 { 2_500 % others } else { 0 };
        assets.push(plan(format!("T{number}"), 18, AssetKind::Volatile, Issue::Minted, share));
    }
    assets
}

fn day(timestamp: u64, assets: &[AssetPlan], weth: u128) -> ReplayDay {
    let price = |asset: &AssetPlan| match asset.issue {
        Issue::WrappedEther => Price(weth * WAD),
        Issue::Minted if asset.kind == AssetKind::Stable => Price(WAD),
        Issue::Minted => Price(50 * WAD),
    };
    ReplayDay { timestamp, prices: assets.iter().map(|asset| (asset.symbol.clone(), price(asset))).collect() }
}

/// An agent that ends with the test.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The requests of one decision with a proposal, from the new head to the send, by method; questions for blocks left
/// out, which the agent asks as long as it waits.
async fn requests(count: u64) -> BTreeMap<String, u64> {
    let assets = assets(count);
    let history = (0..DAYS).map(|number| day(BEGIN + number * DAY, &assets, 200)).collect();
    let devnet = Devnet::start(&Options { assets: assets.clone(), ..Options::new(history) }).await.unwrap();
    let proxy = Proxy::start(devnet.chain.url().as_str()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = policy_text(&devnet.dao, super::stand::limits());
    let site = Site::write(folder.path(), &devnet, &text, &proxy.url(), PASSWORD_VAR, PASSWORD).unwrap();
    let policy = scene::parse(&text).unwrap();
    let (hash, rest, envelope) = (policy.hash(), policy.rest_hash(), policy.envelope());
    let voted = devnet.vote_policy(hash, rest, envelope, "survival.toml", "# A policy").await.unwrap();
    devnet.warp_to(voted.active_at).await.unwrap();
    devnet.mine(3).await.unwrap();
    let mut command = Command::new(quaestor());
    command.args(["run", "--while-stdin-open", "--config"]).arg(&site.config).env(PASSWORD_VAR, PASSWORD);
    let log = std::fs::File::create(&site.log).unwrap();
    let _agent = Agent(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
    let journal = site.load().unwrap().files.journal;
    let has = |wanted: fn(&Record) -> bool| {
        let rows = JournalReader::open(&journal).and_then(|reader| reader.rows(1, 1_000)).unwrap_or_default();
        rows.iter().any(|row| row.decode().is_ok_and(|record| wanted(&record)))
    };
    super::stand::holds("the policy", || has(|record| matches!(record, Record::PolicyInForce { .. }))).await;
    devnet.mine(1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;

    // The agent sees no head until all blocks stand, so that it makes one step of them; and it stops at the send.
    proxy.fail(HEAD, -32_000, "not now");
    proxy.hold(SEND);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let now = devnet.chain.now().await.unwrap();
    devnet.replay(&[day(now + 60, &assets, 120)]).await.unwrap();
    devnet.warp_to((now / 3_600 + 1) * 3_600).await.unwrap();
    devnet.mine(3).await.unwrap();
    proxy.reset_counts();
    proxy.restore(HEAD);
    super::stand::holds("the send", || proxy.count(SEND) > 0).await;
    assert!(has(|record| matches!(record, Record::Planned(_))));
    let mut methods = proxy.methods();
    methods.remove(HEAD);
    methods
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_on_twelve_assets_asks_as_often_as_one_on_three() {
    let (mut three, mut twelve) = (requests(3).await, requests(12).await);
    println!("one decision with a proposal: {three:?}");
    // But for the code of each token that the policy pins, all of them in one batch.
    let codes = [&mut three, &mut twelve].map(|methods| methods.remove("eth_getCode").unwrap());
    assert_eq!(codes[1] - codes[0], 9);
    assert_eq!(three, twelve);
}
