//! The real Pool of Aave v3 on the local chain: money is supplied and withdrawn through the Safe.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod local;

use alloy::{
    primitives::{Address, B256, keccak256},
    providers::Provider,
};
use local::{
    fresh,
    stage::{Stage, actions, of_operations, rate},
};
use quaestor::{
    chain::{Contracts, observe},
    devnet::{AaveMarket, Devnet},
};
use quaestor_contracts::{bindings::IAavePool, explain::explain_batch};
use quaestor_core::{
    Action, Amount, Hold, Policy, Rule, pipeline::precondition, strategy::StrategyHold, verdict::Quantity,
};

const USDC_ONE: u128 = 1_000_000;

/// A market of the Pool, and the sections of a policy that use it; `atoken` and `code_hash` as the policy says them.
fn sections(market: &AaveMarket, chain_id: u64, atoken: Address, code_hash: B256) -> String {
    let pool = market.pool;
    format!(
        r#"
[assets.aUSDC]
vault = "aave"
address = "eip155:{chain_id}:{atoken}"
decimals = 6

[venues.aave]
kind = "aave-v3"
address = "eip155:{chain_id}:{pool}"
code_hash = "{code_hash}"
asset = "USDC"
share_bps_max = 90

[[strategies]]
name = "yield"
kind = "yield_allocation"
account = "operations"
asset = "USDC"
keep = "500000 USDC"
trade_min = "1000 USD"
move_bps_min = 10
vaults = [{{ venue = "aave", max_bps = 80, risk_bps = 25 }}]
"#
    )
}

async fn code_hash(devnet: &Devnet, contract: Address) -> B256 {
    keccak256(devnet.chain.provider().get_code_at(contract).await.unwrap())
}

async fn stage() -> (Stage, AaveMarket) {
    let devnet = fresh().await;
    let market = devnet.deploy_aave().await.unwrap();
    let code = code_hash(&devnet, market.pool).await;
    let more = sections(&market, devnet.dao.chain_id, market.atoken, code);
    (Stage::on(devnet, &more).await, market)
}

#[tokio::test]
async fn money_is_supplied_earns_and_is_withdrawn_again() {
    let (stage, market) = stage().await;
    let terms = stage.policy.terms();
    let bundle = stage.bundle().await;
    let reading = rate(&bundle.snapshot, &stage.policy, "aUSDC");
    assert_eq!((reading.asset, reading.now), (Some(market.atoken), Some(Amount(USDC_ONE))));
    // Three of five million are lent at 2.67 %: what is supplied earns 1.6 % a year.
    let growth = reading.growth_bps_yearly(bundle.snapshot.block.timestamp).unwrap();
    assert!((140..=170).contains(&growth), "{growth} bps, {reading:?}");

    let [Action::Approve { amount: approved, .. }, Action::Deposit { amount, shares_min, .. }] = actions(&bundle)[..]
    else {
        panic!("{:?}", bundle.decision)
    };
    // Eighty basis points of a treasury of about ten million.
    assert!((70_000 * USDC_ONE..90_000 * USDC_ONE).contains(&amount.0), "{amount:?}");
    assert_eq!((approved, shares_min), (amount, Amount(amount.0 - 2)));
    let words = explain_batch(terms, &of_operations(&bundle).calls);
    assert!(words.contains("to the Aave Pool aave (0x") && words.contains("aTokens to operations (0x"), "{words}");

    let before = stage.held("USDC").await;
    stage.execute(&bundle).await;
    let supplied = stage.held("aUSDC").await;
    assert_eq!(stage.held("USDC").await, before - amount.0);
    assert!(supplied.abs_diff(amount.0) <= 2, "{supplied} aTokens for {amount:?}");
    assert_eq!(stage.allowed("USDC", market.pool).await, 0);

    // What it earns makes the balance grow, and the next decision values it.
    stage.days_until("2020-03-06").await;
    assert!(stage.held("aUSDC").await > supplied, "two days earn something");
    let again = stage.bundle().await;
    let asset = terms.asset_named("aUSDC").unwrap();
    assert!((75..=85).contains(&again.decision.weights_bps[asset.index()]), "{:?}", again.decision.weights_bps);

    // The crash makes the treasury smaller. First it is brought back to its targets, which needs money that the Pool does
    // not get and does not give at once; then what the Pool has above its cap comes out.
    stage.days_until("2020-03-12").await;
    stage.execute(&stage.bundle().await).await;
    stage.days_until("2020-03-13").await;
    let above = stage.bundle().await;
    let redemption = actions(&above).into_iter().find_map(|action| match action {
        Action::Redeem { amount, assets_min, .. } => Some((amount.0, assets_min.0)),
        _ => None,
    });
    let Some((redeemed, assets_min)) = redemption else { panic!("{:?}", above.decision) };
    assert!(redeemed > supplied / 20 && redeemed < supplied / 2 && assets_min == redeemed - 2, "{redeemed}");
    let (tokens, cash) = (stage.held("aUSDC").await, stage.held("USDC").await);
    let sold: u128 = actions(&above)
        .iter()
        .filter_map(Action::exchange)
        .filter(|it| it.give == terms.asset_named("USDC").unwrap())
        .map(|it| it.amount_in.0)
        .sum();
    stage.execute(&above).await;
    // A few seconds of interest beside what was withdrawn.
    let left = stage.held("aUSDC").await;
    assert!((tokens - redeemed - 2..tokens - redeemed + USDC_ONE).contains(&left), "{left} of {tokens} - {redeemed}");
    assert!(stage.held("USDC").await >= cash - sold + assets_min, "what was judged came in");
}

#[tokio::test]
async fn a_frozen_reserve_is_given_nothing() {
    let (stage, market) = stage().await;
    stage.devnet.freeze_aave(&market, true).await.unwrap();
    let frozen = stage.bundle().await;
    assert!(actions(&frozen).is_empty(), "{:?}", frozen.decision);
    let unknown = |hold: &&Hold| matches!(hold, Hold::Strategy { reason: StrategyHold::NoRate, .. });
    assert_eq!(frozen.decision.holds.iter().filter(unknown).count(), 1, "{:?}", frozen.decision.holds);
    stage.devnet.freeze_aave(&market, false).await.unwrap();
    assert_eq!(actions(&stage.bundle().await).len(), 2, "it is open again");
}

#[tokio::test]
async fn a_policy_that_names_another_token_or_other_code_decides_nothing() {
    let devnet = fresh().await;
    let market = devnet.deploy_aave().await.unwrap();
    let code = code_hash(&devnet, market.pool).await;
    let reserve = IAavePool::getReserveDataCall { asset: market.asset };
    let debt = devnet.chain.read(market.pool, &reserve).await.unwrap().variableDebtTokenAddress;
    let stage = Stage::on(devnet, &sections(&market, 31_337, market.atoken, code)).await;
    let address = Quantity::Address;
    let cases = [
        (debt, code, Rule::VaultAsset, address(debt), address(market.atoken)),
        (
            market.atoken,
            B256::repeat_byte(7),
            Rule::VenueCodeHash,
            Quantity::Hash(B256::repeat_byte(7)),
            Quantity::Hash(code),
        ),
    ];
    for (atoken, code_hash, rule, limit, found) in cases {
        let right = sections(&market, 31_337, market.atoken, code);
        let text = stage.text.replace(&right, &sections(&market, 31_337, atoken, code_hash));
        let policy = quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap();
        let controls = stage.devnet.dao.controls;
        let contracts = Contracts { registry: controls.registry, brake: controls.brake, gate: controls.gate };
        let block = stage.chain.block(alloy::rpc::types::BlockNumberOrTag::Latest).await.unwrap();
        let mut snapshot = observe(&stage.chain, policy.terms(), &contracts, block).await.unwrap().snapshot;
        snapshot.anchor.policy_hash = policy.hash();
        let refusal = precondition(policy.terms(), policy.hash(), &snapshot).unwrap();
        assert_eq!((refusal.rule, refusal.limit, refusal.found), (rule, limit, found));
    }
}
