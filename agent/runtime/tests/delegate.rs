//! Votes of a treasury's tokens on the real chain: delegated through the Safe to whom the members want.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod local;

use alloy::primitives::{Address, U256};
use local::{
    fresh,
    stage::{Stage, actions, of_operations},
};
use quaestor::devnet::people;
use quaestor_contracts::{
    bindings::{IERC20, IVotes},
    explain::explain_batch,
};
use quaestor_core::{Action, Policy, snapshot::DelegateReading};

const VOTES: u128 = 250_000_000_000_000_000_000_000;

#[tokio::test]
async fn votes_of_the_treasury_go_to_the_delegate_and_the_tokens_stay() {
    let devnet = fresh().await;
    let (dao, chain_id) = (devnet.dao.clone(), devnet.dao.chain_id);
    let (votes, [member, delegate, _]) = (dao.governance.votes, dao.people.members.each_ref().map(|it| it.address()));
    let give = IERC20::transferCall { to: dao.safe.account, value: U256::from(VOTES) };
    devnet.chain.send("transfer", member, &people::call(votes, &give)).await.unwrap();
    // The token has no feed here: that of USDC stands in for it.
    let feed = dao.assets[0].feed;
    let more = format!(
        r#"
[assets.VOTE]
kind = "native"
address = "eip155:{chain_id}:{votes}"
decimals = 18
feeds = ["eip155:{chain_id}:{feed}"]
staleness_max = "25h"
delegates = ["eip155:{chain_id}:{delegate}", "eip155:{chain_id}:{member}"]

[[strategies]]
name = "lend"
kind = "delegate"
account = "operations"
asset = "VOTE"
to = "eip155:{chain_id}:{delegate}"
"#
    );
    let had = devnet.chain.read(votes, &IVotes::getVotesCall { account: delegate }).await.unwrap();
    let stage = Stage::on(devnet, &more).await;
    let terms = stage.policy.terms();
    let asset = terms.asset_named("VOTE").unwrap();

    let bundle = stage.bundle().await;
    let nobody =
        bundle.snapshot.delegates.iter().find(|it| terms.name_of(it.account) == "operations").copied().unwrap();
    assert_eq!(nobody, DelegateReading { to: Some(Address::ZERO), ..nobody });
    assert_eq!(actions(&bundle), [Action::Delegate { asset, to: delegate }]);
    let words = explain_batch(terms, &of_operations(&bundle).calls);
    assert!(words.contains(&format!("delegate the votes of the token VOTE ({votes}) to ")), "{words}");

    stage.execute(&bundle).await;
    assert_eq!(stage.held("VOTE").await, VOTES);
    let has = stage.devnet.chain.read(votes, &IVotes::getVotesCall { account: delegate }).await.unwrap();
    assert_eq!(has, had + U256::from(VOTES));
    assert!(actions(&stage.bundle().await).is_empty(), "once is enough");
}
