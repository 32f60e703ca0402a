//! A bound on price impact, which the real pool holds a swap to in the block in which owners execute it.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod local;

use alloy::{
    primitives::{U160, U256},
    sol_types::SolCall,
};
use local::{
    decide, fresh,
    stage::{Stage, actions, of_operations},
};
use quaestor::{
    agent::Bundle,
    devnet::{market, people},
};
use quaestor_contracts::{bindings::ISwapRouter, explain::explain_batch};
use quaestor_core::{Action, Policy, gate::DryRunOutcome};

/// The demo's policy lets a swap lose 1 %; here the pool's price may end half a per cent beyond the feeds'.
async fn stage(bound: &str) -> Stage {
    let pools = "pools = [";
    let stage = Stage::with(fresh().await, |text| text.replacen(pools, &format!("{bound}\n{pools}"), 1)).await;
    stage.days_until("2020-03-12").await;
    stage
}

/// The limits of a bundle's swaps.
fn limits(bundle: &Bundle) -> Vec<U160> {
    let calls = of_operations(bundle).calls.iter();
    let swaps = calls.filter_map(|call| ISwapRouter::exactInputSingleCall::abi_decode(&call.data).ok());
    swaps.map(|swap| swap.params.sqrtPriceLimitX96).collect()
}

/// The market buys what the first swap buys, so that its pool gives about 0.6 % less of it.
async fn push(stage: &Stage, bundle: &Bundle) {
    let dao = &stage.devnet.dao;
    let terms = stage.policy.terms();
    let Some(Action::Swap { sell, buy, fee_pips, .. }) =
        actions(bundle).into_iter().find(|it| matches!(it, Action::Swap { .. }))
    else {
        panic!("no swap")
    };
    let token = |asset| terms.asset(asset).unwrap().address;
    // A pool of some seven hundred million on each side: 0.3 % of one moves its price by 0.6 %.
    let usd = quaestor_core::Value(2_100_000 * quaestor_core::amount::WAD);
    let price = bundle.decision.prices[sell.index()].price.unwrap();
    let amount = usd.amount_at(price, terms.asset(sell).unwrap().unit()).unwrap();
    let market = dao.people.market.address();
    let params = ISwapRouter::ExactInputSingleParams {
        tokenIn: token(sell),
        tokenOut: token(buy),
        fee: market::fee(fee_pips).unwrap(),
        recipient: market,
        deadline: U256::MAX,
        amountIn: amount.to_u256(),
        amountOutMinimum: U256::ZERO,
        sqrtPriceLimitX96: U160::ZERO,
    };
    let swap = ISwapRouter::exactInputSingleCall { params };
    stage.devnet.chain.send("swap", market, &people::call(dao.uniswap.router, &swap)).await.unwrap();
}

fn ran(bundle: &Bundle) -> bool {
    matches!(of_operations(bundle).dry_run.outcome, DryRunOutcome::Ran { .. })
}

#[tokio::test]
async fn a_pool_that_was_pushed_beyond_the_bound_refuses_the_swap() {
    let stage = stage("price_impact_bps_max = 50").await;
    let bundle = stage.bundle().await;
    let found = limits(&bundle);
    assert!(ran(&bundle) && !found.is_empty() && found.iter().all(|limit| !limit.is_zero()), "{found:?}");
    let words = explain_batch(stage.policy.terms(), &of_operations(&bundle).calls);
    assert!(words.contains("stopping where the pool's own price is"), "{words}");

    // While it waits for signers somebody pushes the pool: less than the slippage that the policy allows, more than the bound.
    push(&stage, &bundle).await;
    let late = decide(&stage.devnet, &stage.chain, &stage.text).await;
    assert!(!ran(&late), "the dry run fails too, so that nothing is proposed");
    let failed = stage.try_execute(&bundle).await.unwrap_err();
    assert!(failed.contains("execTransaction"), "{failed}");
}

#[tokio::test]
async fn without_the_bound_the_same_push_is_paid_for() {
    let stage = stage("").await;
    let bundle = stage.bundle().await;
    assert!(limits(&bundle).iter().all(|limit| limit.is_zero()));
    push(&stage, &bundle).await;
    stage.execute(&bundle).await;
}

#[tokio::test]
async fn within_the_bound_it_is_executed_whole() {
    let stage = stage("price_impact_bps_max = 50").await;
    let bundle = stage.bundle().await;
    let given: u128 = actions(&bundle).iter().filter_map(Action::exchange).map(|it| it.amount_in.0).sum();
    let before = stage.held("USDC").await;
    stage.execute(&bundle).await;
    assert_eq!(stage.held("USDC").await, before - given, "after the crash it buys with USDC alone");
}
