//! The local DAO stands, votes, confirms, trades, and its chain never outlives its parent.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use alloy::{
    primitives::{Address, B256, Bytes, U256, aliases::U80, keccak256},
    providers::Provider,
    rpc::types::{BlockId, TransactionRequest},
    signers::local::PrivateKeySigner,
    sol_types::{SolCall, SolError},
};
use quaestor::devnet::{Chain, Devnet, DevnetError, Options, Packages, Proxy, ReplayDay, people::call};
use quaestor_contracts::{
    SafeTx,
    bindings::{DecisionGate, EmergencyBrake, IAggregatorV3, IDecisionGate, IERC20, ISafe, ITimelock, PolicyRegistry},
    governor::{ProposalState, named_proposer},
};
use quaestor_core::{Limits, Price};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Tells the test below that it is the parent to be killed.
const DOOMED: &str = "QUAESTOR_TEST_DOOMED";

/// Real daily closes from `first` to `last`, `YYYY-MM-DD`.
fn days(first: &str, last: &str) -> Vec<ReplayDay> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../simulations/data/daily");
    let closes = [("USDC", "USDC"), ("BTC", "WBTC"), ("ETH", "WETH")].map(|(file, symbol)| {
        let text = std::fs::read_to_string(folder.join(format!("{file}.csv"))).unwrap();
        let rows = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        (symbol, rows.filter(|row| (first..=last).contains(&row[0].as_str())).collect::<Vec<_>>())
    });
    let count = closes[0].1.len();
    assert!(count > 0 && closes.iter().all(|(_, rows)| rows.len() == count));
    let day = |index: usize| {
        let close: chrono::NaiveDateTime = format!("{}T23:59:59", closes[0].1[index][0]).parse().unwrap();
        let price = |rows: &Vec<Vec<String>>| Price(quaestor_core::Value::parse(&rows[index][4]).unwrap().0);
        let prices = closes.iter().map(|(symbol, rows)| ((*symbol).to_owned(), price(rows))).collect();
        ReplayDay { timestamp: close.and_utc().timestamp().try_into().unwrap(), prices }
    };
    (0..count).map(day).collect()
}

async fn start() -> Devnet {
    Devnet::start(&Options::new(days("2020-01-01", "2020-02-29"))).await.unwrap()
}

/// Feeds of base and quote against the pool, in hundredths of a basis point of the feeds' price.
async fn assert_pools_at_feeds(devnet: &Devnet) {
    for pool in &devnet.dao.pools {
        let mut answers = Vec::new();
        for asset in [&devnet.dao.assets[pool.base], &devnet.dao.assets[pool.quote]] {
            let round = devnet.chain.read(asset.feed, &IAggregatorV3::latestRoundDataCall {}).await.unwrap();
            answers.push(u128::try_from(round.answer).unwrap());
        }
        let expected = answers[0] * 1_000_000_000_000_000_000 / answers[1];
        let found = devnet.pool_price(pool).await.unwrap().0;
        let off = expected.abs_diff(found) * 10_000 / (expected / 100);
        assert!(off <= 1_000, "pool {found}, feeds {expected}: {off} hundredths of a basis point");
    }
}

#[tokio::test]
async fn the_dao_stands_and_its_addresses_never_change() {
    let began = Instant::now();
    let devnet = start().await;
    println!("started in {:?}", began.elapsed());
    let (chain, dao) = (&devnet.chain, &devnet.dao);

    let owners = chain.read(dao.safe.account, &ISafe::getOwnersCall {}).await.unwrap();
    assert_eq!(owners.len(), 4);
    assert!(owners.contains(&dao.people.operator.address()));
    assert_eq!(chain.read(dao.safe.account, &ISafe::getThresholdCall {}).await.unwrap(), U256::from(3));
    assert_eq!(chain.read(dao.safe.account, &ISafe::VERSIONCall {}).await.unwrap(), "1.5.0");

    let timelock = dao.governance.timelock;
    let has = async |role: &str, account: Address| {
        let role = if role.is_empty() { B256::ZERO } else { keccak256(role) };
        chain.read(timelock, &ITimelock::hasRoleCall { role, account }).await.unwrap()
    };
    assert!(has("PROPOSER_ROLE", dao.governance.governor).await);
    assert!(has("CANCELLER_ROLE", dao.governance.governor).await);
    assert!(has("EXECUTOR_ROLE", Address::ZERO).await);
    assert!(has("", timelock).await);
    assert!(!has("", dao.people.deployer.address()).await);

    for owned in [dao.controls.registry, dao.controls.brake] {
        assert_eq!(chain.read(owned, &PolicyRegistry::ownerCall {}).await.unwrap(), timelock);
    }
    let status = chain.read(dao.controls.brake, &EmergencyBrake::statusCall {}).await.unwrap();
    assert!(!status.pulled && status.leaseUntil == dao.controls.lease_until);

    let balance =
        async |token: Address, account: Address| chain.read(token, &IERC20::balanceOfCall { account }).await.unwrap();
    for asset in &dao.assets {
        assert_eq!(balance(asset.address, dao.safe.account).await, asset.in_safe.to_u256());
        assert_eq!(balance(asset.address, timelock).await, asset.in_timelock.to_u256());
        assert!(!asset.in_safe.is_zero());
        // 60 days of rounds are there from the start.
        let first = chain.read(asset.feed, &IAggregatorV3::getRoundDataCall { roundId: U80::from(1) }).await;
        assert_eq!(first.unwrap().updatedAt, U256::from(days("2020-01-01", "2020-01-01")[0].timestamp));
        let last = chain.read(asset.feed, &IAggregatorV3::latestRoundDataCall {}).await.unwrap();
        assert_eq!(last.roundId, U80::from(60));
    }
    assert_pools_at_feeds(&devnet).await;

    let again = start().await;
    assert_eq!(again.dao.code_hashes, dao.code_hashes);
    assert_eq!(again.dao.block, dao.block);
    let head = async |devnet: &Devnet| devnet.chain.provider().get_block(BlockId::latest()).await.unwrap().unwrap();
    assert_eq!(head(&again).await.header.hash, head(&devnet).await.header.hash, "block hashes differ between starts");
}

#[tokio::test]
async fn members_vote_a_policy_and_guardians_veto_a_looser_one() {
    let devnet = start().await;
    let registry = devnet.dao.controls.registry;
    let limits = |bps| Limits { proposal_bps_max: bps, slippage_bps_max: 100, ..Limits::default() }.envelope();
    let policy = async |name: &str, bps| {
        devnet.vote_policy(keccak256(name), keccak256("rest"), limits(bps), name, &format!("# Policy {name}")).await
    };

    let first = policy("first", 2_000).await.unwrap();
    assert_eq!((first.epoch, first.vetoable), (1, true));
    let active = async || devnet.chain.read(registry, &PolicyRegistry::activeCall {}).await.unwrap();
    assert_eq!(active().await.number, 0);
    devnet.warp_to(first.active_at).await.unwrap();
    assert_eq!((active().await.number, active().await.policyHash), (1, keccak256("first")));

    let tighter = policy("tighter", 1_000).await.unwrap();
    assert!(!tighter.vetoable);
    assert_eq!(active().await.number, 2);

    let looser = policy("looser", 3_000).await.unwrap();
    assert!(looser.vetoable);
    let stranger = devnet.dao.people.stranger.address();
    let refused = devnet.veto(stranger, looser.epoch).await.unwrap_err();
    assert_eq!(revert_data(&refused), PolicyRegistry::NotGuardian { caller: stranger }.abi_encode());
    devnet.veto(devnet.dao.people.guardians[0].address(), looser.epoch).await.unwrap();
    devnet.warp_to(looser.active_at + 1).await.unwrap();
    assert_eq!(active().await.number, 2);

    let beyond = policy("beyond", 6_000).await.unwrap_err();
    assert_eq!(revert_data(&beyond), PolicyRegistry::BeyondCeilings { slots: 1 }.abi_encode());

    // What a member said can be read back, with the line that protects it at its very end.
    let proposals = devnet.proposals().await.unwrap();
    assert_eq!(proposals.len(), 4);
    let last = proposals.last().unwrap();
    assert_eq!(named_proposer(&last.description), Some(devnet.dao.people.members[0].address()));
    assert_eq!(devnet.proposal_state(last).await.unwrap(), ProposalState::Queued, "its execution reverted");
}

#[tokio::test]
async fn three_owners_move_the_safe_and_two_do_not() {
    let devnet = start().await;
    let dao = &devnet.dao;
    let (to, value) = (dao.people.stranger.address(), U256::from(5_000_000));
    let usdc = dao.asset("USDC").unwrap().address;
    let transfer = call(usdc, &IERC20::transferCall { to, value });
    let nonce = devnet.safe_nonce().await.unwrap();
    let tx = SafeTx::for_batch(dao.safe.account, dao.safe.multi_send, &[transfer], nonce).unwrap();
    let hash = devnet.safe_tx_hash(&tx);

    for owner in [&dao.people.operator, &dao.people.owners[0]] {
        devnet.approve(owner.address(), hash).await.unwrap();
    }
    let early = devnet.execute(to, &tx).await.unwrap_err();
    assert!(!revert_data(&early).is_empty(), "{early}");
    devnet.approve(dao.people.owners[1].address(), hash).await.unwrap();
    let executed = devnet.execute(to, &tx).await.unwrap();
    assert_eq!(executed.safe_tx_hash, hash);
    assert_eq!(devnet.chain.read(usdc, &IERC20::balanceOfCall { account: to }).await.unwrap(), value);
    assert_eq!(devnet.safe_nonce().await.unwrap(), nonce + 1);
}

#[tokio::test]
async fn a_guardian_pulls_and_only_the_vote_releases() {
    let devnet = start().await;
    let dao = &devnet.dao;
    let guardian = dao.people.guardians[0].address();
    devnet.pull(guardian).await.unwrap();
    let status = async || devnet.chain.read(dao.controls.brake, &EmergencyBrake::statusCall {}).await.unwrap();
    let pulled = status().await;
    assert!(pulled.pulled);

    let entry = IDecisionGate::Entry {
        decision: keccak256("decision"),
        policy: keccak256("policy"),
        model: B256::ZERO,
        validUntil: u64::MAX,
        pulls: 0,
        items: vec![Default::default()],
    };
    let enter = DecisionGate::enterCall { entry };
    let stranger = dao.people.stranger.address();
    let refused = devnet.chain.send("enter", stranger, &call(dao.controls.gate, &enter)).await.unwrap_err();
    let expected = DecisionGate::BrakePulled { until: pulled.pulledUntil }.abi_encode();
    assert_eq!(refused.revert_data(), Some(&Bytes::from(expected)));

    devnet.vote_release(&[guardian], "# Release the brake").await.unwrap();
    assert!(!status().await.pulled);
    devnet.pull(guardian).await.unwrap();

    let until = devnet.chain.now().await.unwrap() + 100 * 86_400;
    devnet.vote_lease(until, "# Renew the lease").await.unwrap();
    assert_eq!(status().await.leaseUntil, until);
}

#[tokio::test]
async fn the_vote_moves_the_reserve() {
    let devnet = start().await;
    let dao = &devnet.dao;
    let usdc = dao.asset("USDC").unwrap();
    let transfer = IERC20::transferCall { to: dao.safe.account, value: usdc.in_timelock.to_u256() };
    devnet.vote_through(&[call(usdc.address, &transfer)], "# Refill").await.unwrap();
    let left = IERC20::balanceOfCall { account: dao.governance.timelock };
    assert_eq!(devnet.chain.read(usdc.address, &left).await.unwrap(), U256::ZERO);
}

#[tokio::test]
async fn a_real_crash_moves_feeds_and_pools_alike() {
    let devnet = start().await;
    let before = devnet.chain.provider().get_block_number().await.unwrap();
    let began = Instant::now();
    let march = days("2020-03-01", "2020-03-31");
    for day in &march {
        devnet.replay(std::slice::from_ref(day)).await.unwrap();
        assert_pools_at_feeds(&devnet).await;
    }
    println!("{} days in {:?}", march.len(), began.elapsed());
    let after = devnet.chain.provider().get_block_number().await.unwrap();
    assert_eq!(after - before, march.len() as u64, "one block a day");
    assert_eq!(devnet.chain.now().await.unwrap(), march.last().unwrap().timestamp);

    let past = devnet.replay(&march[..1]).await.unwrap_err();
    assert!(matches!(past, DevnetError::Past { .. }), "{past}");
}

#[tokio::test]
async fn the_keystores_open_with_their_password() {
    let devnet = start().await;
    let folder = tempfile::tempdir().unwrap();
    let keystores = devnet.write_keystores(folder.path(), "password").unwrap();
    let [first, ..] = &keystores.owners;
    let signer = PrivateKeySigner::decrypt_keystore(first, "password").unwrap();
    assert_eq!(signer.address(), devnet.dao.people.owners[0].address());
    let signer = PrivateKeySigner::decrypt_keystore(&keystores.member, "password").unwrap();
    assert_eq!(signer.address(), devnet.dao.people.members[0].address());
    assert!(devnet.write_keystores(folder.path(), "password").is_err(), "a keystore was overwritten");
}

#[tokio::test]
async fn a_thousand_blocks_back_can_be_read() {
    let devnet = start().await;
    let dao = &devnet.dao;
    let then = devnet.chain.provider().get_block_number().await.unwrap();
    devnet.mine(1_000).await.unwrap();
    let call = IERC20::balanceOfCall { account: dao.safe.account };
    let tx = TransactionRequest::default().to(dao.assets[0].address).input(call.abi_encode().into());
    let hash = devnet.chain.provider().get_block(then.into()).await.unwrap().unwrap().header.hash;
    let data = devnet.chain.provider().call(tx).block(BlockId::hash_canonical(hash)).await.unwrap();
    assert_eq!(U256::from_be_slice(&data), dao.assets[0].in_safe.to_u256());
}

/// Not a test of its own: the parent that the next test kills.
#[tokio::test]
async fn doomed_parent() {
    if std::env::var_os(DOOMED).is_none() {
        return;
    }
    let chain = Chain::start(&Packages::ensure(None).unwrap(), 1_600_000_000, 1).await.unwrap();
    println!("\nDOOMED {} {}", chain.url().port().unwrap(), std::process::id());
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[test]
fn the_chain_dies_with_a_killed_parent() {
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["doomed_parent", "--exact", "--nocapture"])
        .env(DOOMED, "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.into_iter().find(|line| line.starts_with("DOOMED ")).unwrap();
    let (port, pid) = line.trim_start_matches("DOOMED ").split_once(' ').unwrap();
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    let listens = || std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok();
    let scratch = std::env::temp_dir().join(format!("quaestor-anvil-{pid}-0"));
    assert!(listens() && scratch.is_dir());

    parent.kill().unwrap(); // SIGKILL
    parent.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while listens() || scratch.exists() {
        assert!(Instant::now() < deadline, "anvil or its folder outlived its parent");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn the_chain_stops_when_dropped() {
    let chain = Chain::start(&Packages::ensure(None).unwrap(), 1_600_000_000, 1).await.unwrap();
    let address = format!("127.0.0.1:{}", chain.url().port().unwrap()).parse().unwrap();
    drop(chain);
    assert!(std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err());
}

#[tokio::test]
async fn the_proxy_counts_holds_fails_and_hangs_up() {
    let chain = Chain::start(&Packages::ensure(None).unwrap(), 1_600_000_000, 2).await.unwrap();
    let proxy = Proxy::start(chain.url().as_str()).await.unwrap();
    let client = reqwest::Client::new();
    let ask = async |body: serde_json::Value| {
        let sent = client.post(proxy.url()).json(&body).timeout(Duration::from_millis(500)).send().await?;
        sent.json::<serde_json::Value>().await
    };
    let request =
        |id: u64, method: &str| serde_json::json!({"jsonrpc": "2.0", "id": id, "method": method, "params": []});
    let number = request(1, "eth_blockNumber");
    let both = serde_json::json!([request(1, "eth_blockNumber"), request(2, "eth_chainId")]);

    assert_eq!(ask(number.clone()).await.unwrap()["result"], "0x0");
    assert_eq!(ask(both.clone()).await.unwrap().as_array().unwrap().len(), 2);
    assert_eq!((proxy.requests(), proxy.count("eth_blockNumber"), proxy.count("eth_chainId")), (2, 2, 1));
    proxy.reset_counts();

    proxy.hold("eth_chainId");
    assert!(ask(request(1, "eth_chainId")).await.unwrap_err().is_timeout());
    assert!(ask(both.clone()).await.unwrap_err().is_timeout());
    assert!(ask(number.clone()).await.is_ok());
    proxy.restore("eth_chainId");
    assert!(ask(request(1, "eth_chainId")).await.is_ok());

    proxy.fail("eth_chainId", -32_005, "too many requests");
    assert_eq!(ask(request(1, "eth_chainId")).await.unwrap()["error"]["code"], -32_005);
    let answers = ask(both).await.unwrap();
    let answer = |id: u64| answers.as_array().unwrap().iter().find(|answer| answer["id"] == id).unwrap().clone();
    assert_eq!((answer(1)["result"].clone(), answer(2)["error"]["code"].clone()), ("0x0".into(), (-32_005).into()));

    proxy.set_down(true);
    let dropped = ask(number.clone()).await.unwrap_err();
    assert!(!dropped.is_timeout(), "{dropped:?}");
    proxy.set_down(false);
    assert!(ask(number).await.is_ok());
}

fn revert_data(error: &DevnetError) -> &[u8] {
    let DevnetError::Chain(error) = error else { return &[] };
    error.revert_data().map(|data| data.as_ref()).unwrap_or_default()
}
