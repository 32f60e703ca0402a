//! The coin that a Safe was paid, on the real chain: wrapped through WETH9, and valued from then on.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod local;

use alloy::{primitives::U256, providers::Provider};
use local::{
    fresh,
    stage::{Stage, actions, of_operations},
};
use quaestor_contracts::explain::explain_batch;
use quaestor_core::{Action, Amount, Policy};

const ETHER: u128 = 1_000_000_000_000_000_000;

const STRATEGY: &str = r#"
[[strategies]]
name = "wrap"
kind = "wrap"
account = "operations"
asset = "WETH"
keep = "0.25 WETH"
wrap_min = "0.1 WETH"
"#;

#[tokio::test]
async fn coin_that_came_in_is_wrapped_and_then_it_is_part_of_the_treasury() {
    let edit = |text: String| {
        let said = text.replacen("[assets.WETH]\n", "[assets.WETH]\nwrapped_coin = \"one-for-one\"\n", 1);
        assert_ne!(said, text);
        format!("{said}{STRATEGY}")
    };
    let stage = Stage::with(fresh().await, edit).await;
    let safe = stage.devnet.dao.safe.account;
    assert!(actions(&stage.bundle().await).is_empty(), "it has nothing of the coin");

    stage.devnet.chain.set_balance(safe, U256::from(7 * ETHER)).await.unwrap();
    stage.devnet.mine(1).await.unwrap();
    let bundle = stage.bundle().await;
    let weth = stage.policy.terms().asset_named("WETH").unwrap();
    let amount = 7 * ETHER - ETHER / 4;
    assert_eq!(actions(&bundle), [Action::Wrap { asset: weth, amount: Amount(amount) }]);
    let words = explain_batch(stage.policy.terms(), &of_operations(&bundle).calls);
    assert!(words.contains("wrap 6.75 of the chain's coin, one for one, as the token WETH"), "{words}");

    let (before, nav) = (stage.held("WETH").await, bundle.decision.nav);
    stage.execute(&bundle).await;
    assert_eq!(stage.held("WETH").await, before + amount);
    let left = stage.devnet.chain.provider().get_balance(safe).await.unwrap();
    assert_eq!(left, U256::from(ETHER / 4));
    let again = stage.bundle().await;
    assert!(actions(&again).is_empty() && again.decision.nav > nav, "{:?}", again.decision);
}
