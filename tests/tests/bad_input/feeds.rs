//! Prices that are stale, zero, negative or of the future, and feeds that do not answer: the agent holds, says so, and
//! goes on with the next good round.

use alloy::{
    primitives::Bytes,
    providers::{Provider, ext::AnvilApi},
};
use quaestor::demo::scene;
use quaestor_contracts::bindings::ReplayFeed;
use quaestor_core::valuation::Dropped;
use quaestor_core::{Hold, Rule, verdict::Quantity};
use quaestor_tests::{Stage, governed, stage};

const WETH: usize = 1;

/// The next decision holds for want of a price of `asset`, which was dropped for this reason.
async fn holds_without_price(stage: &mut Stage, asset: usize, reason: Dropped) {
    let skip = stage.log().len();
    let decision = stage.holds(Rule::PriceQuorumMin).await;
    let feed = stage.devnet.dao.assets[asset].feed;
    let without: Vec<_> = decision.prices.iter().filter(|price| price.price.is_none()).collect();
    assert!(without.iter().any(|price| price.dropped == [(feed, reason)]), "{without:?}");
    let Hold::Rule { receipt } = &decision.holds[0] else { unreachable!() };
    assert_eq!((receipt.limit, receipt.found), (Quantity::Count(1), Quantity::Count(0)));
    stage.told(skip, "holding: ").await;
    assert!(stage.log()[skip..].contains("limits.price_quorum_min asks for"));
}

async fn push(stage: &Stage, asset: usize, answer: i64, updated_at: u64) {
    let (market, feed) = (stage.devnet.dao.people.market.address(), stage.devnet.dao.assets[asset].feed);
    let answer = answer.try_into().unwrap();
    stage.send(market, feed, &ReplayFeed::pushCall { answer, updatedAt: updated_at }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_price_is_no_price_until_the_next_round() {
    let mut stage = stage().await;
    scene::adopt_first_policy(&mut stage).await.unwrap();
    stage.start().await;
    // The vote and its delay took more than two days; the policy asks for prices of the last 26 hours.
    for asset in 0..3 {
        holds_without_price(&mut stage, asset, Dropped::Stale).await;
    }
    stage.next_day().await.unwrap().unwrap();
    let decision = stage.decides().await;
    assert!(decision.prices.iter().all(|price| price.price.is_some() && price.dropped.is_empty()));
    // One feed that falls silent is enough to hold.
    let now = stage.devnet.chain.now().await.unwrap();
    stage.devnet.warp_to(now + 27 * 3_600).await.unwrap();
    for asset in [0, 2] {
        let answer = if asset == 0 { 100_000_000 } else { 800_000_000_000 };
        push(&stage, asset, answer, now + 27 * 3_600).await;
    }
    holds_without_price(&mut stage, WETH, Dropped::Stale).await;
    stage.next_day().await.unwrap().unwrap();
    stage.decides().await;
    stage.journal_is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_a_price_is_dropped() {
    let mut stage = governed().await;
    stage.decides().await;
    let good = 20_000_000_000;
    for (answer, ahead, reason) in
        [(0, 0, Dropped::NonPositive), (-good, 0, Dropped::NonPositive), (good, 30 * 86_400, Dropped::Future)]
    {
        let now = stage.devnet.chain.now().await.unwrap();
        push(&stage, WETH, answer, now + ahead).await;
        holds_without_price(&mut stage, WETH, reason).await;
        push(&stage, WETH, good, now).await;
        let decision = stage.decides().await;
        assert!(decision.prices.iter().all(|price| price.usable == 1));
    }
    let feed = stage.devnet.dao.assets[WETH].feed;
    let code = stage.devnet.chain.provider().get_code_at(feed).await.unwrap();
    stage.devnet.chain.provider().anvil_set_code(feed, Bytes::new()).await.unwrap();
    holds_without_price(&mut stage, WETH, Dropped::Unread).await;
    stage.devnet.chain.provider().anvil_set_code(feed, code).await.unwrap();
    // The crash of the next days is real again, and the agent answers it.
    scene::next_plan(&mut stage, true).await.unwrap();
    stage.journal_is_whole().await;
}
