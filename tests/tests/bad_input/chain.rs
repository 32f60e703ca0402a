//! A chain that is not as the configuration or the policy says: told at the start with exit code 4, and while the agent
//! runs a reason to hold.

use super::CHAIN;
use alloy::{
    primitives::{Address, U256, address, keccak256},
    providers::{Provider, ext::AnvilApi},
    sol,
};
use quaestor::{agent::Record, demo::scene, devnet::people};
use quaestor_contracts::{
    bindings::{EmergencyBrake, ISafe},
    deploy,
};
use quaestor_core::{Hold, Rule, verdict::Quantity};
use quaestor_tests::{Stage, governed};

sol! {
    // Safe 1.5.0, contracts/base/OwnerManager.sol
    function swapOwner(address prevOwner, address oldOwner, address newOwner) external;
    function changeThreshold(uint256 _threshold) external;
}

/// The Safe's list of owners begins after this one.
const SENTINEL: Address = address!("0x0000000000000000000000000000000000000001");

async fn set_operators(stage: &Stage, operators: &[Address], listed: bool) {
    let brake = stage.devnet.dao.controls.brake;
    let call =
        |operator: &Address| people::call(brake, &EmergencyBrake::setOperatorCall { operator: *operator, listed });
    let calls: Vec<_> = operators.iter().map(call).collect();
    let now = stage.devnet.chain.now().await.unwrap();
    let description = format!("# Operators, voted at {now}");
    stage.devnet.vote_through(&calls, &description).await.unwrap();
}

/// The next decision wants something, which is withheld for this reason.
async fn withholds(stage: &mut Stage, reason: &str) {
    let skip = stage.rows().unwrap().len();
    let decision = stage.decides().await;
    assert!(!decision.batches.is_empty(), "nothing is wanted: {decision:?}");
    let records = stage.records(skip).unwrap();
    let is_said = |record: &Record| matches!(record, Record::Withheld { reason: said, .. } if said.contains(reason));
    assert!(records.iter().any(is_said), "not withheld because {reason}: {records:#?}");
    let left = |record: &Record| matches!(record, Record::Planned(_) | Record::Signed { .. });
    assert!(!records.iter().any(left), "{records:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_is_not_as_configured_is_refused_at_the_start() {
    let mut stage = governed().await;
    stage.decides().await;
    stage.stop().await;
    stage.journal_is_whole().await;
    let dao = stage.devnet.dao.clone();
    let rows = stage.rows().unwrap().len();
    let config = stage.config_as("wrong.toml", |text| text.replace("31337", "8453"));
    stage
        .run(&config)
        .await
        .expect(CHAIN, &["the node serves chain 31337, the configuration says 8453", "chain.chain_id"]);

    let nobody = dao.people.stranger.address();
    let named = [
        ("PolicyRegistry", dao.controls.registry),
        ("EmergencyBrake", dao.controls.brake),
        ("DecisionGate", dao.controls.gate),
        ("MultiSendCallOnly", dao.safe.multi_send),
    ];
    for (name, right) in named {
        let config = stage.config_as("wrong.toml", |text| text.replace(&right.to_string(), &nobody.to_string()));
        let words = format!("there is no code at {nobody}, which should be the {name}");
        stage.run(&config).await.expect(CHAIN, &[&words, "correct the address or deploy it first"]);
    }

    let arguments = EmergencyBrake::constructorCall {
        owner_: dao.governance.timelock,
        registry_: dao.controls.registry,
        pullSecs_: dao.controls.pull_secs,
        operators_: vec![dao.people.operator.address()],
        leaseUntil_: dao.controls.lease_until,
        armedGuardians_: dao.people.guardians.iter().map(|guardian| guardian.address()).collect(),
    };
    let (deployer, code) = (dao.people.deployer.address(), deploy::emergency_brake(&arguments));
    let second = stage.devnet.chain.deploy("a second brake", deployer, &code, &[]).await.unwrap();
    let (gate, brake) = (dao.controls.gate, dao.controls.brake);
    let config = stage.config_as("wrong.toml", |text| text.replace(&brake.to_string(), &second.to_string()));
    let words = format!("the gate {gate} obeys the brake {brake}, the configuration names {second}");
    stage.run(&config).await.expect(CHAIN, &[&words]);
    // A contract that is no gate at all.
    let other = dao.assets[0].address;
    let config = stage.config_as("wrong.toml", |text| text.replace(&gate.to_string(), &other.to_string()));
    stage
        .run(&config)
        .await
        .expect(CHAIN, &["DecisionGate.registry", &other.to_string(), "did not answer as expected"]);

    let operator = dao.people.operator.address();
    set_operators(&stage, &[operator], false).await;
    let words = format!("the brake {brake} does not list {operator} as an operator");
    stage.run(&stage.site.config.clone()).await.expect(CHAIN, &[&words, "setOperator("]);
    set_operators(&stage, &[operator], true).await;

    assert_eq!(stage.rows().unwrap().len(), rows);
    stage.start().await;
    stage.decides().await;
    stage.journal_is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_who_could_move_money_alone_are_refused() {
    let mut stage = governed().await;
    stage.decides().await;
    let people = stage.devnet.dao.people.clone();
    let safe = stage.devnet.dao.safe.account;
    let counts = |hold: &Hold| match hold {
        Hold::Rule { receipt } => (receipt.limit, receipt.found),
        Hold::Strategy { .. } => (Quantity::None, Quantity::None),
    };
    // With two owners more on the list, three of three keys would be operators'.
    let more = [people.owners[0].address(), people.owners[1].address()];
    set_operators(&stage, &more, true).await;
    let decision = stage.holds(Rule::OperatorsBelowThreshold).await;
    assert_eq!(counts(&decision.holds[0]), (Quantity::Count(3), Quantity::Count(3)));
    set_operators(&stage, &more[..1], false).await;
    stage.decides().await;
    // Two operators are left, who reach a threshold of two.
    scene::call_by_hand(&stage, safe, &changeThresholdCall { _threshold: U256::from(2) }).await.unwrap();
    let decision = stage.holds(Rule::OperatorsBelowThreshold).await;
    assert_eq!(counts(&decision.holds[0]), (Quantity::Count(2), Quantity::Count(2)));
    assert!(stage.log().contains("they could act without people"));
    scene::call_by_hand(&stage, safe, &changeThresholdCall { _threshold: U256::from(3) }).await.unwrap();
    stage.decides().await;
    stage.journal_is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_venue_with_other_code_is_not_traded_on() {
    let mut stage = governed().await;
    stage.decides().await;
    let (router, provider) = (stage.devnet.dao.uniswap.router, stage.devnet.chain.provider().clone());
    let code = provider.get_code_at(router).await.unwrap();
    let mut changed = code.to_vec();
    changed[100] ^= 1;
    provider.anvil_set_code(router, changed.clone().into()).await.unwrap();
    let decision = stage.holds(Rule::VenueCodeHash).await;
    let Hold::Rule { receipt } = &decision.holds[0] else { unreachable!() };
    assert_eq!((receipt.limit, receipt.found), (Quantity::Hash(keccak256(&code)), Quantity::Hash(keccak256(&changed))));
    provider.anvil_set_code(router, Default::default()).await.unwrap();
    stage.holds(Rule::VenueCodeHash).await;
    provider.anvil_set_code(router, code).await.unwrap();
    stage.decides().await;
    stage.journal_is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_with_other_code_is_not_called() {
    let mut stage = governed().await;
    stage.decides().await;
    let (token, provider) = (stage.devnet.dao.assets[0].address, stage.devnet.chain.provider().clone());
    let code = provider.get_code_at(token).await.unwrap();
    // It answers as before: a byte that is never reached.
    let changed = [code.as_ref(), &[0]].concat();
    provider.anvil_set_code(token, changed.clone().into()).await.unwrap();
    let decision = stage.holds(Rule::AssetCodeHash).await;
    let Hold::Rule { receipt } = &decision.holds[0] else { unreachable!() };
    assert_eq!((receipt.limit, receipt.found), (Quantity::Hash(keccak256(&code)), Quantity::Hash(keccak256(&changed))));
    assert!(stage.log().contains("assets.*.code_hash is 0x"), "{}", stage.log());
    provider.anvil_set_code(token, code).await.unwrap();
    stage.decides().await;
    stage.journal_is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_without_a_say_withholds_and_says_so() {
    let mut stage = governed().await;
    let (safe, people) = (stage.devnet.dao.safe.account, stage.devnet.dao.people.clone());
    let (operator, stranger) = (people.operator.address(), people.stranger.address());
    let swap = |old, new| swapOwnerCall { prevOwner: SENTINEL, oldOwner: old, newOwner: new };
    assert_eq!(scene::read(&stage, safe, &ISafe::getOwnersCall {}).await.unwrap()[0], operator);
    scene::call_by_hand(&stage, safe, &swap(operator, stranger)).await.unwrap();
    // The day of the crash.
    stage.next_day().await.unwrap().unwrap();
    withholds(&mut stage, &format!("operator {operator} is not an owner of the Safe")).await;
    // In this order: a vote takes more than an hour, and the agent decides meanwhile.
    set_operators(&stage, &[operator], false).await;
    scene::call_by_hand(&stage, safe, &swap(stranger, operator)).await.unwrap();
    withholds(&mut stage, &format!("no longer lists {operator} as an operator")).await;
    set_operators(&stage, &[operator], true).await;
    scene::next_plan(&mut stage, false).await.unwrap();
    stage.journal_is_whole().await;
}
