//! A real Uniswap v3 pool as a source of a price: it counts beside the feeds, one block moves it by little, and another pool than
//! the policy means says nothing.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod local;

use alloy::{primitives::Address, providers::ProviderBuilder, rpc::types::TransactionRequest, sol, sol_types::SolCall};
use local::{days, decide, fresh};
use quaestor::{
    chain::Chain,
    devnet::{Devnet, ReplayDay, demo_limits, policy_text},
    verify::{connect, verify},
};
use quaestor_core::{
    AssetId, Policy, Price,
    valuation::{AssetPrice, Dropped, Prices},
};
use quaestor_policies::{VotedPolicy, parse};

sol! {
    function increaseObservationCardinalityNext(uint16 observationCardinalityNext) external;
}

const WINDOW_SECS: u64 = 1_800;

/// Place of the pool of an asset among the DAO's.
fn pool_of(devnet: &Devnet, symbol: &str) -> usize {
    let base = devnet.dao.assets.iter().position(|asset| asset.symbol == symbol).unwrap();
    devnet.dao.pools.iter().position(|pool| pool.base == base).unwrap()
}

/// The local DAO's policy in which WETH is priced by this pool too.
fn text(devnet: &Devnet, pool: Address) -> String {
    let text = policy_text(&devnet.dao, demo_limits());
    let (head, tail) = text.split_once("[assets.WETH]\n").unwrap();
    let chain = devnet.dao.chain_id;
    format!(
        "{head}[assets.WETH]\ntwaps = [{{ pool = \"eip155:{chain}:{pool}\", quote = \"USDC\", window = \"30m\" }}]\n{tail}"
    )
}

fn read(text: &str) -> VotedPolicy {
    parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

/// The price of WETH, as a decision at the newest block has it; anybody recomputes the snapshot that it is made from.
async fn ether(devnet: &Devnet, chain: &Chain, text: &str) -> AssetPrice {
    let policy = read(text);
    let bundle = decide(devnet, chain, text).await;
    let report = verify(&bundle, &quaestor_strategies::catalog(), Some(chain)).await.unwrap();
    assert!(report.is_ok() && report.not_checked.is_empty(), "{report}");
    let mut prices = Prices::resolve(policy.terms(), &bundle.snapshot).0;
    let weth: AssetId = policy.terms().asset_named("WETH").unwrap();
    prices.swap_remove(weth.index())
}

fn apart_bps(one: Price, other: Price) -> u128 {
    one.0.abs_diff(other.0) * 10_000 / other.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_is_a_source_that_one_block_hardly_moves() {
    let devnet = fresh().await;
    let pool = &devnet.dao.pools[pool_of(&devnet, "WETH")];
    let text = text(&devnet, pool.address);
    let policy = read(&text);
    let (hash, rest, envelope) = (policy.hash(), policy.rest_hash(), policy.envelope());
    let voted = devnet.vote_policy(hash, rest, envelope, "epoch-1.toml", "# A policy").await.unwrap();
    devnet.warp_to(voted.active_at).await.unwrap();
    let chain = connect(devnet.chain.url().clone()).unwrap();

    // A pool remembers as much as somebody has paid for; until then a swap within the window leaves nothing to be read.
    let now = devnet.chain.now().await.unwrap();
    let quiet: Vec<ReplayDay> =
        days("2020-03-01", "2020-03-04").into_iter().filter(|day| day.timestamp > now).collect();
    devnet.replay(&quiet).await.unwrap();
    let short = ether(&devnet, &chain, &text).await;
    assert_eq!((short.usable, short.dropped.as_slice()), (1, &[(pool.address, Dropped::Unread)][..]));
    let market = devnet.dao.people.market.address();
    let longer = increaseObservationCardinalityNextCall { observationCardinalityNext: 64 }.abi_encode();
    let tx = TransactionRequest::default().from(market).to(pool.address).input(longer.into());
    let node = ProviderBuilder::new().connect_http(devnet.chain.url().clone());
    send(&node, tx).await;
    let day = days("2020-03-05", "2020-03-05").remove(0);
    devnet.replay(std::slice::from_ref(&day)).await.unwrap();

    // Right after the day's prices the pool still says what it was before, and half an hour later what it is.
    devnet.warp_by(WINDOW_SECS + 60).await.unwrap();
    let spot = devnet.pool_price(pool).await.unwrap();
    let calm = ether(&devnet, &chain, &text).await;
    assert_eq!((calm.usable, calm.dropped.len()), (2, 0));
    // In dollars, which USDC is not quite: the median of two is that of the feed where the pool says the same.
    let (_, close) = day.prices.iter().find(|(symbol, _)| symbol == "WETH").unwrap();
    assert!(apart_bps(calm.price.unwrap(), *close) <= 1, "{calm:?} and {close:?}");

    // Somebody halves the pool's price in one block, and the next one comes.
    let half = |(symbol, price): &(String, Price)| {
        (symbol.clone(), if symbol == "WETH" { Price(price.0 / 2) } else { *price })
    };
    let moment = devnet.chain.now().await.unwrap() + 12;
    let crash = ReplayDay { timestamp: moment, prices: day.prices.iter().map(half).collect() };
    devnet.move_pools(&crash).await.unwrap();
    devnet.warp_by(12).await.unwrap();
    let after = devnet.pool_price(pool).await.unwrap();
    assert!(apart_bps(after, spot) > 4_900, "{after:?} and {spot:?}");
    let moved = ether(&devnet, &chain, &text).await;
    assert_eq!(moved.usable, 2);
    let off = apart_bps(moved.price.unwrap(), calm.price.unwrap());
    assert!((1..50).contains(&off), "it moved by {off} bps");

    // Another pool than that of the asset, and a contract that is none, say nothing; the feed does.
    for wrong in [devnet.dao.pools[pool_of(&devnet, "WBTC")].address, devnet.dao.assets[0].address] {
        let policy = read(&self::text(&devnet, wrong));
        let observed = observed(&devnet, &chain, &policy).await;
        let mut prices = Prices::resolve(policy.terms(), &observed).0;
        let found = prices.swap_remove(policy.terms().asset_named("WETH").unwrap().index());
        assert_eq!((found.usable, found.dropped.as_slice()), (1, &[(wrong, Dropped::Unread)][..]));
    }
}

async fn observed(devnet: &Devnet, chain: &Chain, policy: &VotedPolicy) -> quaestor_core::Snapshot {
    let controls = &devnet.dao.controls;
    let contracts =
        quaestor::chain::Contracts { registry: controls.registry, brake: controls.brake, gate: controls.gate };
    let block = chain.block(alloy::rpc::types::BlockNumberOrTag::Latest).await.unwrap();
    quaestor::chain::observe(chain, policy.terms(), &contracts, block).await.unwrap().snapshot
}

/// Sends what an unlocked account of the local chain wants.
async fn send(node: &impl alloy::providers::Provider, tx: TransactionRequest) {
    let receipt = node.send_transaction(tx).await.unwrap().get_receipt().await.unwrap();
    assert!(receipt.status());
}
