//! The local DAO after a crash, and the bundle that an agent would publish of a decision there.

pub mod stage;

use alloy::primitives::{Address, B256};
use quaestor::{
    agent::{
        BUNDLE_VERSION, Bundle, BundleContracts, BundleProposal, Path as Way, Rehearsal, bundle_earlier, bundle_reads,
        rehearse, route_of,
    },
    chain::{Chain, Contracts, HistoryReader, observe},
    devnet::{Devnet, Options, ReplayDay, demo_limits, policy_text},
    risk::Model,
};
use quaestor_contracts::PolicyCodec;
use quaestor_core::{Inputs, Policy, Price, Value, action::encode_batch, pipeline};
use quaestor_risk::EwmaModel;
use std::path::Path;

/// Real daily closes from `first` to `last`, `YYYY-MM-DD`.
pub fn days(first: &str, last: &str) -> Vec<ReplayDay> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../simulations/data/daily");
    let closes = [("USDC", "USDC"), ("BTC", "WBTC"), ("ETH", "WETH")].map(|(file, symbol)| {
        let text = std::fs::read_to_string(folder.join(format!("{file}.csv"))).unwrap();
        let rows = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        (symbol, rows.filter(|row| (first..=last).contains(&row[0].as_str())).collect::<Vec<_>>())
    });
    let day = |index: usize| {
        let close: chrono::NaiveDateTime = format!("{}T23:59:59", closes[0].1[index][0]).parse().unwrap();
        let price = |rows: &Vec<Vec<String>>| Price(Value::parse(&rows[index][4]).unwrap().0);
        let prices = closes.iter().map(|(symbol, rows)| ((*symbol).to_owned(), price(rows))).collect();
        ReplayDay { timestamp: close.and_utc().timestamp().try_into().unwrap(), prices }
    };
    (0..closes[0].1.len()).map(day).collect()
}

/// The local DAO before any policy.
pub async fn fresh() -> Devnet {
    Devnet::start(&Options::new(days("2020-01-01", "2020-02-29"))).await.unwrap()
}

/// The local DAO with its first policy in force, after the crash of March 2020; and that policy.
pub async fn crashed() -> (Devnet, String) {
    let devnet = fresh().await;
    let text = policy_text(&devnet.dao, demo_limits());
    let policy = quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap();
    let (hash, rest, envelope) = (policy.hash(), policy.rest_hash(), policy.envelope());
    let voted = devnet.vote_policy(hash, rest, envelope, "epoch-1.toml", "# The first policy").await.unwrap();
    devnet.warp_to(voted.active_at).await.unwrap();
    let now = devnet.chain.now().await.unwrap();
    let march: Vec<ReplayDay> =
        days("2020-03-01", "2020-03-13").into_iter().filter(|day| day.timestamp > now).collect();
    devnet.replay(&march).await.unwrap();
    (devnet, text)
}

/// What an agent would publish for a decision at the newest block.
pub async fn decide(devnet: &Devnet, chain: &Chain, text: &str) -> Bundle {
    let dao = &devnet.dao;
    let policy = quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap();
    let (terms, codec) = (policy.terms(), PolicyCodec::new(policy.terms()));
    let contracts = Contracts { registry: dao.controls.registry, brake: dao.controls.brake, gate: dao.controls.gate };
    let block = chain.block(alloy::rpc::types::BlockNumberOrTag::Latest).await.unwrap();
    let observation = observe(chain, terms, &contracts, block).await.unwrap();
    let snapshot = observation.snapshot;
    let history = HistoryReader::new(dao.block).read(chain, terms, &codec, block, block.number).await.unwrap();
    let model = Model::Ewma(EwmaModel::default());
    let strategies = policy.strategies();
    let inputs = Inputs { snapshot: &snapshot, history: &history, policy: &policy, strategies, model: &model };
    let decision = pipeline::decide(&inputs);
    let multisend = dao.safe.multi_send;
    let mut proposals = Vec::new();
    for batch in &decision.batches {
        let calls = encode_batch(&codec, &decision, batch).unwrap();
        let route = route_of(terms, multisend, &decision, batch, &calls).unwrap();
        let (account, control) = (batch.address, Some(&snapshot.accounts[batch.account.index()].control));
        let it = Rehearsal { terms, multisend, account, control, route: &route, calls: &calls, block };
        let dry_run = rehearse(chain, &it).await.unwrap();
        let id = batch.entry(&decision, &calls[1..]).decision;
        proposals.push(BundleProposal { decision: id, calls, route, dry_run });
    }
    let Contracts { registry, brake, gate } = contracts;
    Bundle {
        quaestor_bundle: BUNDLE_VERSION,
        program: "test".into(),
        contracts: BundleContracts { registry, brake, gate, multisend },
        policy: text.to_owned(),
        model: model.words(),
        reads: bundle_reads(&observation.readings),
        earlier: bundle_earlier(observation.earlier.as_ref()),
        snapshot: snapshot.clone(),
        history: history.clone(),
        decision: decision.clone(),
        proposals,
    }
}

/// The Safe's proposal in `bundle`: its hash, and the Safe.
pub fn of_safe(bundle: &Bundle) -> (B256, Address) {
    let found = bundle.proposals.iter().find_map(|proposal| match &proposal.route {
        Way::Safe { safe, safe_tx_hash, .. } => Some((*safe_tx_hash, *safe)),
        Way::Governor { .. } => None,
    });
    found.unwrap()
}
