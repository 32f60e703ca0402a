//! A decision on the local DAO is verified against its chain, and its status read.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use alloy::primitives::B256;
use quaestor::{
    agent::{
        BUNDLE_VERSION, Bundle, BundleContracts, BundleProposal, Rehearsal, bundle_earlier, bundle_reads, rehearse,
        route_of,
    },
    chain::{Chain, Contracts, HistoryReader, observe},
    cli::Exit,
    devnet::{Devnet, Options, ReplayDay, Site, demo_limits, policy_text},
    risk::Model,
    status,
    verify::{Forecast, GateState, RECEIPT_VERSION, Receipt, connect, verify, verify_receipt},
};
use quaestor_contracts::PolicyCodec;
use quaestor_core::{
    AccountId, Amount, Batch, Inputs, Policy, Price, Value, action::encode_batch, gate::DryRunOutcome, pipeline,
    snapshot::Spend,
};
use quaestor_risk::EwmaModel;
use std::path::Path;

const PASSWORD: &str = "QUAESTOR_TEST_VERIFY_PASSWORD";

/// Real daily closes from `first` to `last`, `YYYY-MM-DD`.
fn days(first: &str, last: &str) -> Vec<ReplayDay> {
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

/// The local DAO with its first policy in force, after the crash of March 2020.
async fn crashed() -> (Devnet, String) {
    let devnet = Devnet::start(&Options::new(days("2020-01-01", "2020-02-29"))).await.unwrap();
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
async fn decide(devnet: &Devnet, chain: &Chain, text: &str) -> Bundle {
    let dao = &devnet.dao;
    let policy = quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap();
    let (terms, codec) = (policy.terms(), PolicyCodec::new(policy.terms()));
    let contracts = Contracts { registry: dao.controls.registry, brake: dao.controls.brake, gate: dao.controls.gate };
    let block = chain.block(alloy::rpc::types::BlockNumberOrTag::Latest).await.unwrap();
    let observation = observe(chain, terms, &contracts, block).await.unwrap();
    let snapshot = observation.snapshot;
    let history = HistoryReader::new(dao.block).read(chain, terms, &codec, block, block.number).await.unwrap();
    let model = Model::Ewma(EwmaModel::default());
    let inputs = Inputs {
        snapshot: &snapshot,
        history: &history,
        policy: &policy,
        strategies: policy.strategies(),
        model: &model,
    };
    let decision = pipeline::decide(&inputs);
    let multisend = dao.safe.multi_send;
    let mut proposals = Vec::new();
    for batch in &decision.batches {
        let calls = encode_batch(&codec, &decision, batch).unwrap();
        let route = route_of(terms, multisend, &decision, batch, &calls).unwrap();
        let (account, control) = (batch.address, Some(&snapshot.accounts[batch.account.index()].control));
        let it = Rehearsal { terms, multisend, account, control, route: &route, calls: &calls, block };
        let dry_run = rehearse(chain, &it).await.unwrap();
        proposals.push(BundleProposal { decision: id(&decision, batch, &calls), calls, route, dry_run });
    }
    Bundle {
        quaestor_bundle: BUNDLE_VERSION,
        program: "test".into(),
        contracts: BundleContracts {
            registry: contracts.registry,
            brake: contracts.brake,
            gate: contracts.gate,
            multisend,
        },
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

fn id(decision: &quaestor_core::Decision, batch: &Batch, calls: &[quaestor_core::Call]) -> B256 {
    batch.entry(decision, &calls[1..]).decision
}

#[tokio::test]
async fn a_real_decision_agrees_with_its_chain_and_a_changed_one_does_not() {
    let (devnet, text) = crashed().await;
    let catalog = quaestor_strategies::catalog();
    let chain = connect(devnet.chain.url().clone()).unwrap();
    let bundle = decide(&devnet, &chain, &text).await;
    assert!(!bundle.proposals.is_empty(), "{:?}", bundle.decision);

    // Later blocks change nothing: everything is read at the decision's block.
    devnet.mine(3).await.unwrap();
    let report = verify(&bundle, &catalog, Some(&chain)).await.unwrap();
    assert!(report.is_ok(), "{report}");
    // Block, reads, the earlier block, the reads of the vaults' rates there, code and history.
    assert_eq!(report.compared.len(), 6 + bundle.proposals.len(), "{report}");
    assert!(report.not_checked.is_empty(), "{report}");
    assert!(report.at_gate.iter().all(|batch| batch.state == GateState::Open));
    assert_eq!(report.at_gate.len(), bundle.proposals.len());

    // The same intents as somebody asks of them, with a receipt.
    let mut receipt = Receipt {
        quaestor_receipt: RECEIPT_VERSION,
        program: "test".into(),
        policy: text.clone(),
        anchor_assumed: false,
        forecast: Forecast::Model(bundle.model.clone()),
        snapshot: bundle.snapshot.clone(),
        history: bundle.history.clone(),
        intents: bundle.decision.judged.iter().map(|judged| judged.intent.clone()).collect(),
        verdicts: bundle.decision.judged.iter().map(|judged| judged.verdict.clone()).collect(),
    };
    let report = verify_receipt(&receipt, &catalog, Some(&chain)).await.unwrap();
    assert!(report.is_ok() && report.not_checked.is_empty(), "{report}");
    assert_eq!((report.recomputed.len(), report.compared.len()), (3, 3), "{report}");
    receipt.snapshot.accounts[0].balances[0].0 += 1;
    assert!(!verify_receipt(&receipt, &catalog, Some(&chain)).await.unwrap().is_ok());

    // What only the chain knows.
    let mut spent = bundle.clone();
    spent.history.spends.push_back(Spend {
        timestamp: 1,
        account: AccountId(0),
        decision: B256::ZERO,
        once_key: B256::ZERO,
        line: B256::ZERO,
        asset: None,
        counterparty: devnet.dao.safe.account,
        value: Value(1),
    });
    let mut richer = bundle.clone();
    let DryRunOutcome::Ran { balances, .. } = &mut richer.proposals[0].dry_run.outcome else {
        panic!("{:?}", richer.proposals[0].dry_run)
    };
    balances[0][0] = Amount(balances[0][0].0 + 1);
    let mut answered = bundle.clone();
    let status = answered.reads.iter().position(|it| it.read.to == devnet.dao.controls.brake).unwrap();
    let changed = answered.reads.iter().enumerate().filter(|(_, it)| it.read.to == devnet.dao.controls.brake);
    let four_words = changed.filter(|(_, it)| it.answer.as_ref().is_some_and(|answer| answer.len() == 128));
    let index = four_words.map(|(index, _)| index).next().unwrap_or(status);
    // The third word is the end of a pull, which a snapshot does not hold.
    let mut words = answered.reads[index].answer.clone().unwrap().to_vec();
    words[95] ^= 1;
    answered.reads[index].answer = Some(words.into());
    let answer = format!("/reads/{index}/answer");
    for (changed, at, is_bound) in [
        (spent, "/history/spends/0", true),
        (richer, "/proposals/0/dry_run/outcome", false),
        (answered, answer.as_str(), false),
    ] {
        // A hash in the decision covers the history; what the node said of the rest only a node can tell.
        let offline = quaestor::verify::verify_offline(&changed, &catalog);
        assert_eq!(offline.is_ok(), !is_bound, "{at}: {offline}");
        let report = verify(&changed, &catalog, Some(&chain)).await.unwrap();
        let places: Vec<&str> = report.differences().map(|(_, difference)| difference.at.as_str()).collect();
        assert!(places.iter().any(|place| place.starts_with(at)), "{at}: {report}");
        assert!(is_bound || places.len() == 1, "{at}: {report}");
    }

    // A block that never was is no block to compare anything at.
    let mut elsewhere = bundle.clone();
    elsewhere.snapshot.block.hash = B256::repeat_byte(1);
    let report = verify(&elsewhere, &catalog, Some(&chain)).await.unwrap();
    let canonical = report.differences().any(|(what, _)| what.contains("canonical"));
    assert!(canonical && report.not_checked.iter().any(|it| it.what.starts_with("reads")), "{report}");

    let nowhere = connect("http://127.0.0.1:9".parse().unwrap()).unwrap();
    assert!(verify(&bundle, &catalog, Some(&nowhere)).await.is_err());
}

#[tokio::test]
async fn the_status_is_what_the_chain_says() {
    let (devnet, text) = crashed().await;
    let folder = tempfile::tempdir().unwrap();
    let url = devnet.chain.url().to_string();
    let site = Site::write(folder.path(), &devnet, &text, &url, PASSWORD, "never asked").unwrap();
    let (config, catalog) = (site.load().unwrap(), quaestor_strategies::catalog());
    let now = devnet.chain.now().await.unwrap();
    devnet.mine(4).await.unwrap();

    let found = status::read(&config, &catalog, now + 9).await;
    assert_eq!(found.exit(), Exit::Ok, "{found}");
    let policy = found.policy.known().unwrap();
    assert_eq!((policy.epoch, policy.is_expired), (1, false));
    assert_eq!(std::fs::read_to_string(&policy.file).unwrap(), text);
    let treasury = found.treasury.known().unwrap();
    assert!(treasury.nav.is_some() && treasury.assets.iter().any(|asset| asset.is_in_band == Some(false)), "{found}");
    assert_eq!(treasury.accounts[0].balances.len(), 5, "three tokens and the shares of two vaults");
    assert_eq!(found.operator.is_listed.known(), Some(&true));
    assert_eq!(found.operator.owner_of.known().unwrap(), &["operations"]);
    assert_eq!(found.operator.proposer_for.known().unwrap(), &["reserve"]);
    assert!(!found.brake.known().unwrap().is_pulled);
    assert_eq!(found.pending.known().unwrap(), &None);
    assert_eq!(found.journal.known().unwrap(), &None);

    // A wider policy waits, and the brake is pulled.
    let limits = quaestor_core::Limits { proposal_bps_max: 3_000, ..demo_limits() };
    let wider = quaestor_policies::parse(policy_text(&devnet.dao, limits).as_bytes(), &catalog).unwrap();
    let (hash, rest) = (wider.hash(), wider.rest_hash());
    devnet.vote_policy(hash, rest, wider.envelope(), "epoch-2.toml", "# A wider policy").await.unwrap();
    devnet.pull(devnet.dao.people.guardians[0].address()).await.unwrap();
    let found = status::read(&config, &catalog, now).await;
    let pending = found.pending.known().unwrap().as_ref().unwrap();
    assert_eq!((pending.epoch, pending.hash, pending.is_vetoable), (2, hash, true));
    let brake = found.brake.known().unwrap();
    assert!(brake.is_pulled && brake.pulls == 1 && brake.pulled_until > now, "{brake:?}");
    assert_eq!(found.exit(), Exit::Ok, "{found}");

    // Without its file the policy is not known, and neither is what it lists.
    std::fs::remove_file(&site.policy).unwrap();
    let found = status::read(&config, &catalog, now).await;
    assert!(found.policy.known().is_none() && found.treasury.known().is_none());
    assert!(found.to_string().contains("no file in `files.policies` has that hash"), "{found}");
    assert_eq!(found.exit(), Exit::Ok);
}
