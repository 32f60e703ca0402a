//! A treasury that strays from its band and runs low in one account, with every answer that a node would give.

use super::catalog;
use crate::{
    agent::{BUNDLE_VERSION, Bundle, BundleContracts, BundleProposal, BundleRead, decision_hash, route_of},
    chain::{Contracts, Read, Readings, assemble, reads_of},
    risk::Model,
};
use alloy::{
    primitives::{Address, B256, Bytes, I256, U256, aliases::U80, keccak256},
    sol_types::SolCall,
};
use quaestor_contracts::{
    PolicyCodec,
    bindings::{EmergencyBrake, IAggregatorV3, IERC20, ISafe, ITimelock, PolicyRegistry},
};
use quaestor_core::{
    Account, Action, Amount, Asset, AssetId, AssetKind, Batch, BlockRef, History, Inputs, Limits, Policy, Pool, Route,
    Snapshot, Terms, Value, Venue, VenueKind,
    action::encode_batch,
    gate::{DryRun, DryRunOutcome},
    pipeline,
    policy::{Band, RiskTerms, Schedule},
    snapshot::{CodeReading, Spend},
    strategy::ParamValue,
};
use quaestor_policies::{Facts, StrategyFacts, parse, starting_policy};
use quaestor_risk::EwmaModel;

const NOW: u64 = 1_600_000_000;
const ROUNDS: u16 = 3;

fn address(of: &str) -> Address {
    Address::from_word(keccak256(of))
}

fn asset(symbol: &str, decimals: u8, kind: AssetKind) -> Asset {
    let (address, feeds) = (address(symbol), vec![address(&format!("feed of {symbol}"))]);
    Asset { symbol: symbol.into(), address, decimals, kind, feeds, staleness_secs_max: 3_600, code_hash: None }
}

fn strategy(name: &str, kind: &str, params: &[(&str, &str)]) -> StrategyFacts {
    let params = params.iter().map(|(key, value)| ((*key).into(), ParamValue::Text((*value).into()))).collect();
    StrategyFacts { name: name.into(), kind: kind.into(), about: "Under test.".into(), params }
}

fn facts() -> Facts {
    let (usdc, weth) = (AssetId(0), AssetId(1));
    let band = |asset, min_bps, target_bps, max_bps| Band { asset, min_bps, target_bps, max_bps };
    let route = Route::Governor { governor: address("governor"), proposer: address("operator") };
    Facts {
        name: "Example".into(),
        chain_id: 31_337,
        registry: address("registry"),
        brake: address("brake"),
        gate: address("gate"),
        expires_at: 2_000_000_000,
        schedule: Schedule::EveryBlocks(10),
        validity_secs: Some(3_600),
        accounts: vec![
            Account { name: "operations".into(), address: address("operations"), route: Route::Safe },
            Account { name: "reserve".into(), address: address("reserve"), route },
        ],
        assets: vec![asset("USDC", 6, AssetKind::Stable), asset("WETH", 18, AssetKind::Volatile)],
        bands: vec![band(usdc, 2_000, 6_000, 10_000), band(weth, 3_000, 4_000, 5_000)],
        limits: Limits { slippage_bps_max: 50, validity_secs_max: 86_400, ..Limits::default() },
        risk: RiskTerms { history_rounds: ROUNDS, ..Default::default() },
        venues: vec![Venue {
            name: "uniswap".into(),
            kind: VenueKind::UniswapV3,
            address: address("router"),
            code_hash: keccak256("router code"),
            pools: vec![Pool { a: usdc, b: weth, fee_pips: 3_000 }],
            share_bps_max: None,
            price_impact_bps_max: None,
        }],
        counterparties: vec![],
        strategies: vec![
            strategy(
                "top-up",
                "refill",
                &[
                    ("from", "reserve"),
                    ("to", "operations"),
                    ("asset", "USDC"),
                    ("low", "100000 USDC"),
                    ("target", "200000 USDC"),
                ],
            ),
            strategy("balance", "rebalance", &[("account", "operations"), ("cash", "USDC"), ("trade_min", "1000 USD")]),
        ],
    }
}

/// What the contracts answer at the block.
struct World<'a> {
    terms: &'a Terms,
    policy: B256,
}

impl World<'_> {
    fn balance(&self, symbol: &str, account: &str) -> u128 {
        match (symbol, account) {
            ("USDC", "operations") => 50_000 * 1_000_000,
            ("USDC", _) => 1_500_000 * 1_000_000,
            (_, "operations") => 5_000 * quaestor_core::amount::WAD,
            _ => 0,
        }
    }

    fn readings(&self) -> Readings {
        let mut all = Readings::default();
        let put = |all: &mut Readings, read: Read, answer: Vec<u8>| all.extend([(read, Some(Bytes::from(answer)))]);
        let terms = self.terms;
        let anchored = PolicyRegistry::activeReturn { number: 3, policyHash: self.policy };
        let active = PolicyRegistry::activeCall::abi_encode_returns(&anchored);
        put(&mut all, Read::new(terms.registry, &PolicyRegistry::activeCall {}), active);
        let status =
            EmergencyBrake::statusReturn { pulled: false, pulls: 2, pulledUntil: NOW - 5, leaseUntil: NOW + 9_000 };
        let status = EmergencyBrake::statusCall::abi_encode_returns(&status);
        put(&mut all, Read::new(terms.brake, &EmergencyBrake::statusCall {}), status);
        let operators = EmergencyBrake::operatorsCall::abi_encode_returns(&vec![address("operator")]);
        put(&mut all, Read::new(terms.brake, &EmergencyBrake::operatorsCall {}), operators);
        for asset in &terms.assets {
            let decimals = IERC20::decimalsCall::abi_encode_returns(&asset.decimals);
            put(&mut all, Read::new(asset.address, &IERC20::decimalsCall {}), decimals);
            let feed = asset.feeds[0];
            let decimals = IAggregatorV3::decimalsCall::abi_encode_returns(&8);
            put(&mut all, Read::new(feed, &IAggregatorV3::decimalsCall {}), decimals);
            let whole: i64 = if asset.symbol == "USDC" { 1 } else { 400 };
            for (back, round) in (0..3u8).map(|back| (u64::from(back), U80::from(100 - back))) {
                let (at, answer) = (U256::from(NOW - 60 - back * 3_600), I256::try_from(whole * 100_000_000).unwrap());
                if back == 0 {
                    let latest = IAggregatorV3::latestRoundDataReturn {
                        roundId: round,
                        answer,
                        startedAt: at,
                        updatedAt: at,
                        answeredInRound: round,
                    };
                    let latest = IAggregatorV3::latestRoundDataCall::abi_encode_returns(&latest);
                    put(&mut all, Read::new(feed, &IAggregatorV3::latestRoundDataCall {}), latest);
                } else {
                    let earlier = IAggregatorV3::getRoundDataReturn {
                        roundId_: round,
                        answer,
                        startedAt: at,
                        updatedAt: at,
                        answeredInRound: round,
                    };
                    let earlier = IAggregatorV3::getRoundDataCall::abi_encode_returns(&earlier);
                    put(&mut all, Read::new(feed, &IAggregatorV3::getRoundDataCall { roundId: round }), earlier);
                }
            }
            for account in &terms.accounts {
                let call = IERC20::balanceOfCall { account: account.address };
                let balance = U256::from(self.balance(&asset.symbol, &account.name));
                put(&mut all, Read::new(asset.address, &call), IERC20::balanceOfCall::abi_encode_returns(&balance));
            }
        }
        let (safe, timelock) = (address("operations"), address("reserve"));
        let word = |number: u64| U256::from(number);
        let owners = ["operator", "first owner", "second owner"].map(address).to_vec();
        put(&mut all, Read::new(safe, &ISafe::nonceCall {}), ISafe::nonceCall::abi_encode_returns(&word(7)));
        let threshold = ISafe::getThresholdCall::abi_encode_returns(&word(2));
        put(&mut all, Read::new(safe, &ISafe::getThresholdCall {}), threshold);
        put(&mut all, Read::new(safe, &ISafe::getOwnersCall {}), ISafe::getOwnersCall::abi_encode_returns(&owners));
        let delay = ITimelock::getMinDelayCall::abi_encode_returns(&word(86_400));
        put(&mut all, Read::new(timelock, &ITimelock::getMinDelayCall {}), delay);
        let role = ITimelock::hasRoleCall { role: keccak256("PROPOSER_ROLE"), account: address("governor") };
        put(&mut all, Read::new(timelock, &role), ITimelock::hasRoleCall::abi_encode_returns(&true));
        all
    }
}

/// The balances after `batch`, exchanges bringing their least.
fn after(snapshot: &Snapshot, terms: &Terms, batch: &Batch) -> Vec<Vec<Amount>> {
    let mut balances: Vec<Vec<Amount>> = snapshot.accounts.iter().map(|account| account.balances.clone()).collect();
    for action in batch.actions() {
        let own = &mut balances[batch.account.index()];
        match (action, action.exchange()) {
            (_, Some(exchange)) => {
                own[exchange.give.index()].0 -= exchange.amount_in.0;
                own[exchange.take.index()].0 += exchange.amount_out_min.0;
            }
            (Action::Transfer { asset, to, amount }, None) => {
                own[asset.index()].0 -= amount.0;
                let to = terms.account_at(to).unwrap();
                balances[to.index()][asset.index()].0 += amount.0;
            }
            _ => {}
        }
    }
    balances
}

/// A whole bundle: a rebalancing on the Safe and a refill through the Governor.
pub(crate) fn bundle() -> Bundle {
    let text = starting_policy(&facts());
    let policy = parse(text.as_bytes(), &catalog()).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    let terms = policy.terms();
    let readings = World { terms, policy: policy.hash() }.readings();
    let contracts = Contracts { registry: terms.registry, brake: terms.brake, gate: terms.gate };
    let asked: Vec<Read> = reads_of(terms, &contracts, &readings).into_iter().collect();
    assert_eq!(asked, readings.iter().map(|(read, _)| read.clone()).collect::<Vec<_>>());
    let block = BlockRef { number: 120, hash: keccak256("block"), timestamp: NOW };
    let code = vec![CodeReading { address: address("router"), code_hash: keccak256("router code") }];
    let snapshot = assemble(terms, &contracts, block, &readings, None, code).unwrap();
    let spend = Spend {
        timestamp: NOW - 100_000,
        account: terms.account_named("operations").unwrap(),
        decision: keccak256("an earlier decision"),
        once_key: keccak256("an earlier purpose"),
        line: keccak256("balance"),
        asset: terms.asset_named("WETH"),
        counterparty: address("router"),
        value: Value(1_000 * quaestor_core::amount::WAD),
    };
    let history = History { spends: [spend].into(), ..History::default() };
    let model = Model::Ewma(EwmaModel::default());
    let inputs = Inputs {
        snapshot: &snapshot,
        history: &history,
        policy: &policy,
        strategies: policy.strategies(),
        model: &model,
    };
    let decision = pipeline::decide(&inputs);
    let multisend = address("multisend");
    let propose = |batch: &Batch| {
        let calls = encode_batch(&PolicyCodec::new(terms), &decision, batch).unwrap();
        let route = route_of(terms, multisend, &decision, batch, &calls).unwrap();
        let outcome = DryRunOutcome::Ran { balances: after(&snapshot, terms, batch), gas_used: 400_000 };
        let dry_run = DryRun { calls: calls.clone(), block, outcome };
        BundleProposal { decision: batch.entry(&decision, &calls[1..]).decision, calls, route, dry_run }
    };
    let proposals = decision.batches.iter().map(propose).collect();
    let reads = readings.iter().map(|(read, answer)| BundleRead { read: read.clone(), answer: answer.clone() });
    let bundle = Bundle {
        quaestor_bundle: BUNDLE_VERSION,
        program: "1.2.3".into(),
        contracts: BundleContracts { registry: terms.registry, brake: terms.brake, gate: terms.gate, multisend },
        policy: text,
        model: model.words(),
        reads: reads.collect(),
        earlier: None,
        snapshot: snapshot.clone(),
        history: history.clone(),
        decision: decision.clone(),
        proposals,
    };
    assert_ne!(decision_hash(&bundle.decision), B256::ZERO);
    bundle
}
