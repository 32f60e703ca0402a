//! Contracts and files for a DAO that exists: deployed, read back, written, and loaded again.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(unreachable_pub, reason = "shared with other tests")]
#![allow(dead_code, reason = "shared with other tests")]

mod local;

use alloy::{primitives::Address, providers::Provider};
use local::fresh;
use quaestor::{
    config::Config,
    deploy::{ContractsFile, DeployError, Plan, ceilings, deploy},
    devnet::Devnet,
    init::{AssetWish, ContractsWish, InitError, Wishes, prepare},
    keys::KeySource,
    sender::{Sender, WAIT_MAX},
    verify::connect,
};
use quaestor_contracts::bindings::{EmergencyBrake, PolicyRegistry};
use quaestor_core::{Policy, Route};
use std::process::{Command, Stdio};

async fn plan(devnet: &Devnet) -> Plan {
    let people = &devnet.dao.people;
    Plan {
        timelock: devnet.dao.governance.timelock,
        guardians: people.guardians.iter().map(|it| it.address()).collect(),
        operators: vec![people.operator.address()],
        delay_secs: 172_800,
        pull_secs: 14 * 86_400,
        lease_until: devnet.chain.now().await.unwrap() + 90 * 86_400,
        ceilings: ceilings(&[(0, 700), (16, 1_500)]),
        deployer_may_act: false,
    }
}

fn sender(devnet: &Devnet) -> Sender {
    let chain = connect(devnet.chain.url().clone()).unwrap();
    Sender::new(chain, devnet.dao.chain_id, devnet.dao.people.stranger.clone(), WAIT_MAX)
}

fn wishes(devnet: &Devnet, contracts: ContractsWish) -> Wishes {
    let dao = &devnet.dao;
    Wishes {
        rpc_url: devnet.chain.url().to_string(),
        contracts,
        multisend: Some(dao.safe.multi_send),
        safe: Some(dao.safe.account),
        governor: Some(dao.governance.governor),
        assets: dao
            .assets
            .iter()
            .map(|it| AssetWish { kind: it.kind, token: it.address, feeds: vec![it.feed] })
            .collect(),
        router: Some(dao.uniswap.router),
        pools: Vec::new(),
        operator: dao.people.operator.address(),
        key: KeySource::Env("OPERATOR_KEY".into()),
        name: "Example DAO treasury".into(),
    }
}

#[tokio::test]
async fn the_dao_owns_what_is_deployed_and_an_agent_can_be_set_up_for_it() {
    let devnet = fresh().await;
    let plan = plan(&devnet).await;
    let mut told = Vec::new();
    let file = deploy(&sender(&devnet), &plan, |file| told.push(file.clone())).await.unwrap();
    assert!(file.complete);
    assert_eq!(told.iter().map(|file| file.complete).collect::<Vec<_>>(), [false, false, false, true]);
    assert!(told[0].registry.is_some() && told[0].brake.is_none(), "each contract is told when it stands");
    let address = |record: &Option<quaestor::deploy::ContractRecord>| {
        record.as_ref().unwrap().account.parse::<quaestor_core::Caip10>().unwrap().address
    };
    let (registry, brake) = (address(&file.registry), address(&file.brake));
    let owner = devnet.chain.read(registry, &PolicyRegistry::ownerCall {}).await.unwrap();
    assert_eq!(owner, devnet.dao.governance.timelock);
    assert_eq!(devnet.chain.read(brake, &EmergencyBrake::ownerCall {}).await.unwrap(), owner);
    let deployer = devnet.dao.people.stranger.address();
    let is_operator = EmergencyBrake::isOperatorCall { account: deployer };
    assert!(!devnet.chain.read(brake, &is_operator).await.unwrap());
    let code = devnet.chain.provider().get_code_at(brake).await.unwrap();
    assert_eq!(alloy::primitives::keccak256(code), file.brake.as_ref().unwrap().code_hash);

    // The files for an agent of these contracts.
    let chain = connect(devnet.chain.url().clone()).unwrap();
    let catalog = quaestor_strategies::catalog();
    let wishes = wishes(&devnet, ContractsWish::File(Box::new(file.clone())));
    let files = prepare(&chain, &wishes, &catalog).await.unwrap();
    assert_eq!(files.notes, Vec::<String>::new());
    let folder = tempfile::tempdir().unwrap();
    let [config, policy] = files.write(folder.path()).unwrap();
    let config = Config::load(&config).unwrap();
    assert_eq!((config.contracts.registry, config.contracts.deployed_block), (registry, file.deployed_block));
    assert_eq!(config.files.policies, std::slice::from_ref(&policy));
    let policy = quaestor_policies::parse(&std::fs::read(policy).unwrap(), &catalog).unwrap();
    let terms = policy.terms();
    assert_eq!((terms.registry, terms.brake), (registry, brake));
    assert_eq!(terms.assets.iter().map(|it| it.symbol.as_str()).collect::<Vec<_>>().len(), 3);
    assert!(terms.asset_named("USDC").is_some_and(|id| terms.asset(id).unwrap().decimals == 6));
    assert_eq!(terms.venues[0].code_hash, devnet.dao.code_hash(devnet.dao.uniswap.router).unwrap());
    assert_eq!((terms.venues[0].pools.len(), terms.venues[0].pools[0].fee_pips), (2, devnet.dao.uniswap.fee_pips));
    let reserve = terms.account(terms.account_named("reserve").unwrap()).unwrap();
    assert_eq!(reserve.address, devnet.dao.governance.timelock, "the Governor says which timelock");
    assert!(matches!(reserve.route, Route::Governor { .. }));
    assert_eq!(terms.limits.proposal_bps_max, 700, "within the ceilings");
    assert!(terms.limits.stable_share_bps_min >= 1_500);
    assert_eq!(terms.limits.validity_secs_max, 14 * 86_400, "a proposal outlives the members' vote");
    assert_eq!(policy.warnings(), [], "nothing is left to fill in");
    let target = |symbol: &str| {
        let id = terms.asset_named(symbol).unwrap();
        terms.bands.iter().find(|band| band.asset == id).unwrap().target_bps
    };
    assert!(target("WETH").abs_diff(4_000) <= 5, "the shares of now: {}", target("WETH"));
    assert_eq!(terms.strategies.iter().map(|it| it.kind.as_str()).collect::<Vec<_>>(), ["rebalance", "refill"]);

    // It can be voted: the registry takes it.
    let voted =
        devnet.vote_policy(policy.hash(), policy.rest_hash(), policy.envelope(), "policy.toml", "# Start").await;
    assert!(voted.is_ok(), "{voted:?}");
}

#[tokio::test]
async fn what_is_not_there_or_not_that_is_named() {
    let devnet = fresh().await;
    let good = plan(&devnet).await;
    let (sender, dao) = (sender(&devnet), &devnet.dao);
    let sent = devnet.chain.provider().get_transaction_count(sender.address()).await.unwrap();
    let no_code = Plan { timelock: Address::repeat_byte(9), ..good.clone() };
    let error = deploy(&sender, &no_code, |_| {}).await.unwrap_err().to_string();
    assert!(error.contains("no code at 0x0909"), "{error}");
    let no_timelock = Plan { timelock: dao.assets[0].address, ..good.clone() };
    let error = deploy(&sender, &no_timelock, |_| {}).await.unwrap_err();
    assert!(matches!(error, DeployError::NoTimelock { .. }), "{error}");
    let own = Plan { guardians: vec![sender.address()], ..good };
    assert!(matches!(deploy(&sender, &own, |_| {}).await.unwrap_err(), DeployError::Plan(_)));
    let after = devnet.chain.provider().get_transaction_count(sender.address()).await.unwrap();
    assert_eq!(sent, after, "nothing was sent");

    let chain = connect(devnet.chain.url().clone()).unwrap();
    let catalog = quaestor_strategies::catalog();
    let gate = || ContractsWish::Gate { gate: dao.controls.gate, deployed_block: 0 };
    let bad = async |change: &dyn Fn(&mut Wishes)| {
        let mut wishes = wishes(&devnet, gate());
        change(&mut wishes);
        prepare(&chain, &wishes, &catalog).await.unwrap_err()
    };
    let token = dao.assets[0].address;
    let error = bad(&|it| it.contracts = ContractsWish::Gate { gate: token, deployed_block: 0 }).await;
    assert!(matches!(error, InitError::Unreadable { .. }), "{error}");
    let error = bad(&|it| it.multisend = Some(token)).await;
    assert!(matches!(error, InitError::UnknownMultiSend { .. }), "{error}");
    let error = bad(&|it| it.multisend = None).await;
    assert!(matches!(error, InitError::NoMultiSend), "{error}");
    let error = bad(&|it| it.assets[0].feeds[0] = token).await;
    assert!(matches!(error, InitError::Unreadable { what: "latestRoundData()", .. }), "{error}");
    let error = bad(&|it| it.safe = Some(Address::repeat_byte(9))).await;
    assert!(error.to_string().contains("no code"), "{error}");
    let error = bad(&|it| (it.safe, it.governor) = (None, None)).await;
    assert!(matches!(error, InitError::NoAccount), "{error}");
    // A stranger as operator: the files are written, and what is missing is said.
    let stranger = Wishes { operator: dao.people.stranger.address(), ..wishes(&devnet, gate()) };
    let files = prepare(&chain, &stranger, &catalog).await.unwrap();
    assert_eq!(files.notes.len(), 2, "{:?}", files.notes);
}

/// The real program, as a person types it.
#[tokio::test]
async fn the_commands_write_files_and_never_replace_them() {
    let devnet = fresh().await;
    let dao = &devnet.dao;
    let folder = tempfile::tempdir().unwrap();
    let key = dao.people.stranger.to_bytes().to_string();
    let operator_key = dao.people.operator.to_bytes().to_string();
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_quaestor"))
            .args(args)
            .current_dir(folder.path())
            .env("DEPLOYER_KEY", &key)
            .env("OPERATOR_KEY", &operator_key)
            .env("RPC_URL", devnet.chain.url().as_str())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let text = |address: Address| address.to_checksum(None);
    let (timelock, guardian) = (text(dao.governance.timelock), text(dao.people.guardians[0].address()));
    let operator = text(dao.people.operator.address());
    let deploy = [
        "contracts",
        "deploy",
        "--rpc-url",
        "env:RPC_URL",
        "--timelock",
        &timelock,
        "--guardian",
        &guardian,
        "--operator",
        &operator,
        "--ceiling",
        "proposal_bps_max=5000",
        "--key-env",
        "DEPLOYER_KEY",
    ];
    let (code, output, error) = run(&deploy);
    assert_eq!(code, 0, "{error}");
    assert!(output.contains("[contracts]") && output.contains("PolicyRegistry"), "{output}");
    let file: ContractsFile =
        serde_json::from_slice(&std::fs::read(folder.path().join("contracts.json")).unwrap()).unwrap();
    assert!(file.complete);
    let (code, _, error) = run(&deploy);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("never replaced"), "{error}");

    let (safe, governor, router) = (text(dao.safe.account), text(dao.governance.governor), text(dao.uniswap.router));
    let multisend = text(dao.safe.multi_send);
    let assets: Vec<String> = dao
        .assets
        .iter()
        .zip(["stable", "volatile", "volatile"])
        .map(|(asset, kind)| format!("{kind}:{}:{}", text(asset.address), text(asset.feed)))
        .collect();
    let mut init = vec![
        "init",
        "--dir",
        "dao",
        "--rpc-url",
        "env:RPC_URL",
        "--contracts",
        "contracts.json",
        "--multisend",
        &multisend,
        "--safe",
        &safe,
        "--governor",
        &governor,
        "--router",
        &router,
        "--key-env",
        "OPERATOR_KEY",
    ];
    init.extend(assets.iter().flat_map(|asset| ["--asset", asset.as_str()]));
    let (code, _, error) = run(&init[..5]);
    assert_eq!(code, 2, "what is missing cannot be asked for in a pipe: {error}");
    let (code, output, error) = run(&init);
    assert_eq!(code, 0, "{error}{output}");
    let config = Config::load(&folder.path().join("dao/agent.toml")).unwrap();
    assert_eq!(config.operator.address, dao.people.operator.address(), "read from its key");
    let (code, _, error) = run(&["policy", "check", "dao/policy.toml"]);
    assert_eq!(code, 0, "{error}");
    let (code, _, error) = run(&init);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("never replaced"), "{error}");
}
