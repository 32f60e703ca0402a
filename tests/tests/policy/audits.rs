//! `policy audit`: what a member reads of a DAO that kept to its policy, and of every way in which it did not.

use super::{FAILED, UNCHECKED, types};
use alloy::primitives::{Address, B256};
use quaestor::{
    agent::Plan,
    demo::scene,
    devnet::{anvil::HISTORY_BLOCKS, demo_limits, people::call},
};
use quaestor_contracts::{
    bindings::{DecisionGate, IDecisionGate, IERC20, IERC4626},
    safe::SafeTx,
};
use quaestor_core::{Amount, Call, Limits};
use quaestor_tests::{Stage, governed};
use serde_json::Value;
use std::fs;

/// The next proposal of the Safe, carried out.
async fn carried(stage: &mut Stage) -> Plan {
    let plan = scene::next_plan(stage, true).await.unwrap();
    scene::carry(stage, &plan).await.unwrap();
    plan
}

/// What the Safe's owners do with one transaction of theirs.
async fn by_hand(stage: &Stage, tx: &SafeTx) -> B256 {
    let people = &stage.devnet.dao.people;
    let hash = stage.devnet.safe_tx_hash(tx);
    for owner in &people.owners {
        stage.devnet.approve(owner.address(), hash).await.unwrap();
    }
    stage.devnet.execute(people.owners[0].address(), tx).await.unwrap();
    hash
}

/// The owners make these calls in one batch.
async fn batch_by_hand(stage: &Stage, calls: &[Call]) -> B256 {
    let (safe, multisend) = (stage.devnet.dao.safe.account, stage.devnet.dao.safe.multi_send);
    let nonce = stage.devnet.safe_nonce().await.unwrap();
    by_hand(stage, &SafeTx::for_batch(safe, multisend, calls, nonce).unwrap()).await
}

fn transfer(token: Address, to: Address, amount: u128) -> Call {
    call(token, &IERC20::transferCall { to, value: Amount(amount).to_u256() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dao_that_keeps_to_its_policy_is_clean_and_an_old_epoch_is_judged_by_its_own_file() {
    let mut stage = governed().await;
    let first = carried(&mut stage).await;
    // What waits under epoch 1 and is executed before epoch 2 was allowed then, however narrow the next one is.
    let tighter = Limits { proposal_bps_max: 150, ..demo_limits() };
    scene::vote(&stage, "epoch-2.toml", tighter, "Narrow").await.unwrap();
    stage.devnet.mine(3).await.unwrap();
    let taken =
        |record: &quaestor::agent::Record| matches!(record, quaestor::agent::Record::PolicyInForce { epoch: 2, .. });
    stage.mine_until("take epoch 2", 0, taken).await.unwrap();
    let second = carried(&mut stage).await;
    stage.devnet.mine(3).await.unwrap();
    let words = [
        "audited      Local DAO treasury, eip155:31337",
        "epoch 1      0x",
        "epoch 2      0x",
        "its file: ",
        "account      operations, the Safe 0x",
        "account      reserve, the timelock 0x",
        ": operations, under epoch 1, worth ",
        ": operations, under epoch 2, worth ",
        "1. allow uniswap (0x",
        "2. swap ",
        &format!("the agent's bundle {} recomputes it", first.bundle),
        &format!("the agent's bundle {} recomputes it", second.bundle),
        "batches of the agent that the policy of their time allowed: 2",
        "votes that moved nothing of the treasury: 2",
        "clean: everything that the treasury did was allowed by the policy of its time",
    ];
    types(&stage, &["audit"], 0, &words).await;

    // The first was far beyond what epoch 2 allows, and is not judged by it.
    let value_bps = first.batch.value().bps_of_ceil(first.decision.nav).unwrap();
    assert!(value_bps > 150, "{value_bps}");

    // Programs read the same, and other DAO tools what they know.
    let activities = stage.site.folder.join("activities.json");
    let path = activities.display().to_string();
    let ended = types(&stage, &["audit", "--json", "--activities", &path], 0, &[]).await;
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&told["ok"], &told["found"], &told["unchecked"]), (&true.into(), &0.into(), &0.into()));
    let deeds = told["deeds"].as_array().unwrap();
    let allowed: Vec<&Value> = deeds.iter().filter(|deed| deed["verdict"] == "allowed").collect();
    assert_eq!(allowed.len(), 2, "{deeds:#?}");
    assert_eq!((&allowed[0]["decision"], &allowed[0]["epoch"]), (&first.id.to_string().into(), &1.into()));
    let log: Value = serde_json::from_slice(&fs::read(&activities).unwrap()).unwrap();
    assert_eq!((&log["@context"], &log["type"]), (&"https://www.daostar.org/schemas".into(), &"DAO".into()));
    let all = log["activities"].as_array().unwrap();
    assert_eq!(all.len(), 4);
    let safe = format!("eip155:31337:{}", stage.devnet.dao.safe.account);
    let hash = quaestor::demo::Stage::safe_tx_hash(&first).unwrap();
    let of_first = |it: &&Value| it["proposal"]["id"] == format!("{safe}?proposalId={hash}");
    let activity = all.iter().find(of_first).unwrap();
    assert_eq!(activity["proposal"]["name"], "allowed under policy epoch 1");
    assert_eq!(activity["member"]["id"], stage.devnet.dao.people.owners[0].address().to_string());
    let governor = format!("eip155:31337:{}?proposalId=", stage.devnet.dao.governance.governor);
    let voted = all.iter().filter(|it| it["proposal"]["id"].as_str().unwrap().starts_with(&governor)).count();
    assert_eq!(voted, 2, "{all:#?}");

    // From a later block on only what came later is looked at.
    let from = (first.decision.block.number + 20).to_string();
    let later = types(
        &stage,
        &["audit", "--from", &from],
        0,
        &["batches of the agent that the policy of their time allowed: 1"],
    )
    .await;
    assert!(!later.stdout.contains(&first.bundle), "{}", later.stdout);
    let ended = types(&stage, &["audit", "--from", "100000"], 2, &[]).await;
    assert!(ended.stderr.contains("block 100000 is not final yet"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_moves_money_by_hand_is_named() {
    let mut stage = governed().await;
    carried(&mut stage).await;
    let dao = stage.devnet.dao.clone();
    let (usdc, stranger) = (dao.assets[0].address, dao.people.stranger.address());

    // Owners pay a stranger; owners let him take more, and he takes it; members vote him a part of the reserve.
    scene::pay_by_hand(&stage, usdc, Amount(123_456_000_000)).await.unwrap();
    let allow = IERC20::approveCall { spender: stranger, value: Amount(7_000_000_000).to_u256() };
    scene::call_by_hand(&stage, usdc, &allow).await.unwrap();
    stage.send(stranger, usdc, &take(dao.safe.account, stranger, 5_000_000_000)).await;
    stage.devnet.vote_through(&[transfer(usdc, stranger, 9_000_000_000)], "# A grant").await.unwrap();
    // What the rules of the policy let pass is by hand all the same: a little money into a vault that it lists.
    let vault = dao.vault("savings").unwrap().address;
    let (spender, value) = (vault, Amount(1_000_000_000).to_u256());
    let deposit = IERC4626::depositCall { assets: value, receiver: dao.safe.account };
    batch_by_hand(&stage, &[call(usdc, &IERC20::approveCall { spender, value }), call(vault, &deposit)]).await;
    // An empty transaction at a nonce moves nothing.
    let nonce = stage.devnet.safe_nonce().await.unwrap();
    by_hand(&stage, &SafeTx::rejection(dao.safe.account, nonce)).await;
    stage.devnet.mine(3).await.unwrap();

    let owners: Vec<String> = dao.people.owners.iter().map(|owner| owner.address().to_string()).collect();
    let mut sorted = owners.clone();
    sorted.sort_by_key(|owner| owner.to_lowercase());
    let by_owners = format!("by the owners {}, not through the gate; sent by {}", sorted.join(", "), owners[0]);
    let words = [
        "BY HAND      block ",
        &by_owners,
        &format!("1. send 123,456 USDC ({usdc}) to AN ADDRESS THAT THE POLICY DOES NOT LIST ({stranger})"),
        &format!(
            "epoch 1 would not have allowed it: {stranger} is neither an account of the treasury nor in [counterparties]"
        ),
        &format!("1. allow AN ADDRESS THAT THE POLICY DOES NOT LIST ({stranger}) to take up to 7,000 USDC ({usdc})"),
        "epoch 1 would not have allowed it: no policy can allow it: ",
        &format!("taken by somebody who had been allowed to; sent by {stranger}"),
        &format!("5,000 USDC went to AN ADDRESS THAT THE POLICY DOES NOT LIST ({stranger})"),
        "epoch 1 allows nothing that does not pass the gate",
        "by the vote `A grant` (",
        &format!("1. send 9,000 USDC ({usdc}) to AN ADDRESS THAT THE POLICY DOES NOT LIST ({stranger})"),
        &format!("2. deposit 1,000 USDC ({usdc}) in the vault savings ({vault})"),
        "the rules of epoch 1 would have let it pass, but it did not pass the gate",
        "rejection    block ",
        "batches of the agent that the policy of their time allowed: 1",
        "votes that moved nothing of the treasury: 1",
        "5 THINGS THAT NO POLICY ALLOWED: 5 by hand",
        "not clean",
    ];
    types(&stage, &["audit"], FAILED, &words).await;
    let told: Value = serde_json::from_str(&types(&stage, &["audit", "--json"], FAILED, &[]).await.stdout).unwrap();
    let hands: Vec<&str> = told["deeds"].as_array().unwrap().iter().filter_map(|deed| deed["hand"].as_str()).collect();
    assert_eq!(hands, ["owners", "owners", "allowance", "vote", "owners"]);
}

/// ERC-20 `transferFrom`, which no agent calls.
fn take(from: Address, to: Address, amount: u128) -> transferFromCall {
    transferFromCall { from, to, value: Amount(amount).to_u256() }
}

alloy::sol! {
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passing_the_gate_is_not_enough() {
    let mut stage = governed().await;
    let dao = stage.devnet.dao.clone();
    let (usdc, stranger) = (dao.assets[0].address, dao.people.stranger.address());
    let plan = scene::next_plan(&mut stage, true).await.unwrap();
    scene::propose_lands(&mut stage, &plan).await.unwrap();

    // The owners take the agent's own entry, and let other calls follow it.
    let mut calls = plan.calls.clone();
    calls.truncate(3);
    calls.push(call(usdc, &IERC20::approveCall { spender: stranger, value: Amount(1).to_u256() }));
    batch_by_hand(&stage, &calls).await;
    // They make an entry up: pay a stranger, and call it a rebalance.
    let made_up = |items: Vec<IDecisionGate::Item>, hours: u64| IDecisionGate::Entry {
        decision: B256::repeat_byte(u8::try_from(items.len() * 16 + usize::try_from(hours).unwrap()).unwrap()),
        policy: plan.decision.policy,
        model: plan.decision.model,
        validUntil: plan.batch.valid_until - 3_600 * hours,
        pulls: plan.batch.pulls,
        items,
    };
    let item = |key: u8, to: Address, amount: u128| IDecisionGate::Item {
        onceKey: B256::repeat_byte(key),
        line: plan.batch.items[0].entry.line,
        asset: usdc,
        counterparty: to,
        amount: Amount(amount).to_u256(),
        value: Amount(1).to_u256(),
    };
    let gate = |entry| call(dao.controls.gate, &DecisionGate::enterCall { entry });
    let pay = [gate(made_up(vec![item(1, stranger, 1_000_000)], 1)), transfer(usdc, stranger, 1_000_000)];
    batch_by_hand(&stage, &pay).await;
    // More leaves than is entered.
    let more = [gate(made_up(vec![item(2, stranger, 1_000_000)], 2)), transfer(usdc, stranger, 2_000_000)];
    batch_by_hand(&stage, &more).await;
    // Nothing forbids to move money to the reserve, but no strategy wanted it.
    let reserve = dao.governance.timelock;
    let refill = [gate(made_up(vec![item(3, reserve, 1_000_000)], 3)), transfer(usdc, reserve, 1_000_000)];
    batch_by_hand(&stage, &refill).await;
    stage.devnet.mine(3).await.unwrap();
    let words = [
        "NOT ALLOWED  block ",
        &format!(
            "other calls ran than were decided: number 3 is to allow AN ADDRESS THAT THE POLICY DOES NOT LIST ({stranger})"
        ),
        &format!("{stranger} is neither an account of the treasury nor in [counterparties]"),
        "1 USDC left the account beyond what was entered at the gate",
        "there is no block of which it could be a decision",
        "4 THINGS THAT NO POLICY ALLOWED: 4 past the gate",
    ];
    types(&stage, &["audit"], FAILED, &words).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_bundles_decisions_are_taken_again_and_what_cannot_be_judged_is_said() {
    let mut stage = governed().await;
    let plan = carried(&mut stage).await;
    stage.devnet.mine(3).await.unwrap();
    let bundles = stage.config.files.bundles.clone();
    let kept = stage.site.folder.join("kept");
    fs::rename(&bundles, &kept).unwrap();
    let again =
        format!("it is the decision of its policy at block {}, taken again from the chain", plan.decision.block.number);
    types(&stage, &["audit"], 0, &[&again, "clean: everything"]).await;

    // A bundle that was changed says nothing, and nothing depends on it.
    fs::create_dir(&bundles).unwrap();
    let text = fs::read_to_string(kept.join(&plan.bundle)).unwrap();
    let changed = text.replacen("\"program\": \"", "\"nonsense\": \"", 1);
    assert_ne!(changed, text);
    fs::write(bundles.join(&plan.bundle), &changed).unwrap();
    types(&stage, &["audit"], 0, &[&again, "clean: everything"]).await;

    // Nor can it be judged without the file of its epoch, which is found wherever it is kept.
    let earlier = stage.site.folder.join("earlier");
    fs::create_dir(&earlier).unwrap();
    fs::rename(&stage.site.policy, earlier.join("epoch-1.toml")).unwrap();
    let words = [
        "ITS FILE CANNOT BE USED, see below",
        "NOT CHECKED  what only epoch 1 names: its accounts and tokens",
        "epoch 1 says that its file is ",
        "NOT CHECKED  a batch of 0x",
        "nothing was found, but not everything could be checked",
    ];
    types(&stage, &["audit"], UNCHECKED, &words).await;
    let folder = earlier.display().to_string();
    types(&stage, &["audit", "--policies", &folder], 0, &["epoch-1.toml", "clean: everything"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_what_the_node_forgot_only_the_agent_speaks() {
    let mut stage = governed().await;
    let plan = carried(&mut stage).await;
    stage.stop().await;
    stage.devnet.mine(HISTORY_BLOCKS + 100).await.unwrap();
    let words = [
        "allowed      block ",
        &format!("the agent's bundle {} recomputes it", plan.bundle),
        "NOT CHECKED: what its bundle says of the chain could not be compared: ",
        "nothing was found, but not everything could be checked",
    ];
    types(&stage, &["audit"], UNCHECKED, &words).await;
    fs::remove_file(stage.config.files.bundles.join(&plan.bundle)).unwrap();
    let words = ["UNJUDGED     block ", "no bundle of it is at hand; this node lacks the state of block "];
    types(&stage, &["audit"], UNCHECKED, &words).await;
}
