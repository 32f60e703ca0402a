//! Real vaults on the local chain: money goes in and out through the Safe, as a policy and its strategy want it.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod local;

use local::{
    days, decide, fresh,
    stage::{Stage, actions, of_operations, rate},
};
use quaestor::{
    agent::{Rehearsal, rehearse},
    devnet::{ReplayDay, demo_limits, policy_text},
    verify::connect,
};
use quaestor_contracts::{PolicyCodec, bindings::IERC4626, explain::explain_batch};
use quaestor_core::{
    Action, Amount, Hold, Inputs, Policy, Rule, Terms, Verdict,
    gate::{self, DryRunOutcome, Evidence},
    strategy::StrategyHold,
};
use quaestor_risk::EwmaModel;

const USDC_ONE: u128 = 1_000_000;
/// Not a hundred basis points of the treasury, so that the band of USDC stays out of it.
const STRATEGY: &str = r#"
[[strategies]]
name = "yield"
kind = "yield_allocation"
account = "operations"
asset = "USDC"
keep = "500000 USDC"
trade_min = "1000 USD"
move_bps_min = 10
vaults = [
  { venue = "lending", max_bps = 80, risk_bps = 25 },
  { venue = "savings", max_bps = 60, risk_bps = 0 },
]
"#;

async fn accrue(stage: &Stage, vault: &str, bps: u64) {
    stage.devnet.accrue(stage.devnet.dao.vault(vault).unwrap(), bps).await.unwrap();
}

#[tokio::test]
async fn money_goes_into_vaults_earns_there_and_comes_out_again() {
    let stage = Stage::new(STRATEGY).await;
    let terms = stage.policy.terms();
    // Nothing was earned so far: no vault is worth a move.
    let idle = stage.bundle().await;
    assert!(actions(&idle).is_empty() && idle.decision.holds.is_empty(), "{:?}", idle.decision);
    assert_eq!(rate(&idle.snapshot, &stage.policy, "sUSDC").now, Some(Amount(USDC_ONE)));

    accrue(&stage, "savings", 10).await;
    let bundle = stage.bundle().await;
    let savings = rate(&bundle.snapshot, &stage.policy, "sUSDC");
    assert_eq!(savings.asset, Some(stage.devnet.dao.assets[0].address));
    assert!(savings.now > Some(Amount(USDC_ONE)) && savings.earlier.unwrap().rate == Amount(USDC_ONE), "{savings:?}");
    let [Action::Approve { amount: approved, .. }, Action::Deposit { venue, amount, shares_min, .. }] =
        actions(&bundle)[..]
    else {
        panic!("{:?}", bundle.decision)
    };
    assert_eq!((terms.venue(venue).unwrap().name.as_str(), approved), ("savings", amount));
    // Sixty basis points of a treasury of about ten million.
    assert!((50_000 * USDC_ONE..70_000 * USDC_ONE).contains(&amount.0), "{amount:?}");
    let words = explain_batch(terms, &of_operations(&bundle).calls);
    assert!(words.contains("in the vault savings (0x") && words.contains("shares to operations (0x"), "{words}");

    // The rates of the past are part of what anybody can check.
    let mut moved = bundle.clone();
    moved.earlier.as_mut().unwrap().block.number += 1;
    let mut answered = bundle.clone();
    let answer = answered.earlier.as_mut().unwrap().reads[0].answer.as_mut().unwrap();
    *answer = [&answer[..31], &[answer[31] ^ 1]].concat().into();
    for (changed, at) in [(moved, "/earlier/block/number"), (answered, "/snapshot/assets")] {
        let report = quaestor::verify::verify_offline(&changed, &quaestor_strategies::catalog());
        assert!(report.differences().any(|(_, it)| it.at.starts_with(at)), "{at}: {report}");
    }

    let before = stage.held("USDC").await;
    stage.execute(&bundle).await;
    let shares = stage.held("sUSDC").await;
    assert_eq!(stage.held("USDC").await, before - amount.0);
    assert!(shares >= shares_min.0 && shares < amount.0, "{shares} shares for {amount:?}");
    assert_eq!(stage.allowed("USDC", stage.devnet.dao.vault("savings").unwrap().address).await, 0);

    // What the vault earns is the treasury's; the next decision values it and finds it at its cap.
    let again = stage.bundle().await;
    let asset = terms.asset_named("sUSDC").unwrap();
    assert!(again.decision.weights_bps[asset.index()] > 50 && actions(&again).is_empty(), "{:?}", again.decision);

    // The other vault earned something too: idle money goes there, and nothing is taken from where it is.
    accrue(&stage, "lending", 100).await;
    let second = stage.bundle().await;
    let [Action::Approve { .. }, Action::Deposit { venue, .. }] = actions(&second)[..] else {
        panic!("{:?}", second.decision)
    };
    assert_eq!(terms.venue(venue).unwrap().name, "lending");
    stage.execute(&second).await;
    assert!(stage.held("lUSDC").await > 0);

    // Savings doubles, and is worth more than its cap: what is above it comes out with what it earned.
    accrue(&stage, "savings", 10_000).await;
    let above = stage.bundle().await;
    let redemption = actions(&above).into_iter().find_map(|action| match action {
        Action::Redeem { venue, amount, assets_min, .. } => Some((venue, amount.0, assets_min.0)),
        _ => None,
    });
    let Some((venue, redeemed, assets_min)) = redemption else { panic!("{:?}", above.decision) };
    assert_eq!(terms.venue(venue).unwrap().name, "savings");
    assert!(redeemed > shares * 45 / 100 && redeemed < shares * 55 / 100, "{redeemed} of {shares} shares");
    let before = stage.held("USDC").await;
    stage.execute(&above).await;
    let deposited: u128 = actions(&above).iter().filter_map(spent_of_cash(terms)).sum();
    assert_eq!(stage.held("sUSDC").await, shares - redeemed);
    assert!(stage.held("USDC").await >= before - deposited + assets_min, "at least what was judged came in");
    let rested = stage.bundle().await;
    assert_eq!(rested.decision.weights_bps[asset.index()], 60, "at its cap again");
}

/// What an action gives of USDC.
fn spent_of_cash(terms: &Terms) -> impl Fn(&Action) -> Option<u128> {
    let cash = terms.asset_named("USDC").unwrap();
    move |action| action.exchange().filter(|it| it.give == cash).map(|it| it.amount_in.0)
}

#[tokio::test]
async fn what_a_vault_no_longer_gives_is_refused() {
    let stage = Stage::new(STRATEGY).await;
    let terms = stage.policy.terms();
    accrue(&stage, "savings", 10).await;
    let bundle = stage.bundle().await;
    let DryRunOutcome::Ran { balances, .. } = &of_operations(&bundle).dry_run.outcome else { panic!("it runs") };
    let (safe, shares) = (terms.account_named("operations").unwrap(), terms.asset_named("sUSDC").unwrap());
    assert!(!balances[safe.index()][shares.index()].is_zero(), "the shares are in the dry run's balances");

    // The rate doubles while it waits: the same calls bring half the shares, and what waits is judged again.
    accrue(&stage, "savings", 10_000).await;
    let late = decide(&stage.devnet, &stage.chain, &stage.text).await;
    let (snapshot, batch) = (&late.snapshot, &bundle.decision.batches[0]);
    let proposal = of_operations(&bundle);
    let rehearsal = Rehearsal {
        terms,
        multisend: stage.devnet.dao.safe.multi_send,
        account: batch.address,
        control: Some(&snapshot.accounts[batch.account.index()].control),
        route: &proposal.route,
        calls: &proposal.calls,
        block: snapshot.block,
    };
    let dry_run = rehearse(&stage.chain, &rehearsal).await.unwrap();
    let (policy, model) = (&stage.policy, EwmaModel::default());
    let strategies = policy.strategies();
    let inputs = Inputs { snapshot, history: &late.history, policy, strategies, model: &model };
    let evidence = Evidence {
        anchor_finalised: snapshot.anchor,
        brake: snapshot.brake,
        calls: &proposal.calls,
        dry_run: &dry_run,
        codec: &PolicyCodec::new(terms),
    };
    let refusal = gate::clear(&inputs, &bundle.decision, batch, &evidence).unwrap_err();
    assert_eq!(refusal.rule, Rule::IntentMatchesActions, "{refusal:?}");

    // A vault whose asset is another one than the policy says is no vault of it: nothing is decided.
    let (weth, usdc) = (terms.asset_named("WETH").unwrap(), stage.devnet.dao.assets[0].address);
    let mut other = late.snapshot.clone();
    other.assets[shares.index()].rate.as_mut().unwrap().asset = Some(terms.asset(weth).unwrap().address);
    let refusal = quaestor_core::pipeline::precondition(terms, stage.policy.hash(), &other).unwrap();
    assert_eq!((refusal.rule, refusal.limit), (Rule::VaultAsset, quaestor_core::verdict::Quantity::Address(usdc)));
    let asset = stage.devnet.chain.read(stage.devnet.dao.vaults[0].address, &IERC4626::assetCall {}).await.unwrap();
    assert_eq!(asset, usdc);
}

#[tokio::test]
async fn a_vault_younger_than_the_lookback_is_given_nothing() {
    let devnet = fresh().await;
    let long = "rate_lookback_blocks = 100000";
    let text =
        format!("{}{STRATEGY}", policy_text(&devnet.dao, demo_limits()).replace("rate_lookback_blocks = 6", long));
    assert!(text.contains(long));
    let chain = connect(devnet.chain.url().clone()).unwrap();
    devnet.accrue(&devnet.dao.vaults[0], 10).await.unwrap();
    let policy = quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap();
    let (hash, rest, envelope) = (policy.hash(), policy.rest_hash(), policy.envelope());
    let voted = devnet.vote_policy(hash, rest, envelope, "epoch-1.toml", "# A policy").await.unwrap();
    devnet.warp_to(voted.active_at).await.unwrap();
    let now = devnet.chain.now().await.unwrap();
    let quiet: Vec<ReplayDay> =
        days("2020-03-01", "2020-03-04").into_iter().filter(|day| day.timestamp > now).collect();
    devnet.replay(&quiet).await.unwrap();
    let bundle = decide(&devnet, &chain, &text).await;
    assert_eq!((bundle.earlier.is_none(), actions(&bundle).len()), (true, 0));
    let unknown = |hold: &&Hold| matches!(hold, Hold::Strategy { reason: StrategyHold::NoRate, .. });
    assert_eq!(bundle.decision.holds.iter().filter(unknown).count(), 1, "{:?}", bundle.decision.holds);
    assert!(bundle.decision.judged.iter().all(|judged| judged.verdict == Verdict::Allowed));
}
