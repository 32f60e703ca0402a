//! What a person sees, and what happens when something cannot be read.

use super::*;
use crate::{agent::TrainingEnd, journal::Journal};
use alloy::primitives::{address, b256};
use quaestor_core::{
    Amount, AssetId, Price, Refusal, Rule, amount::WAD, lifecycle::Reason, policy::Band, verdict::Quantity,
};

const OPERATOR: Address = address!("0x70997970C51812dc3A010C7d01b50e0d17dc79C8");
const SAFE: Address = address!("0x2279B7A0a67DB372996a5FaB50D91eAA73d2eBe6");
const HASH: B256 = b256!("0x8f3f2a19cbf0b5b6d9e5c6a7b8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b");

fn block(number: u64) -> BlockRef {
    BlockRef { number, hash: HASH, timestamp: 1_584_057_600 + number }
}

fn proposal(state: State, stage: Reading<Option<Stage>>) -> ProposalNow {
    ProposalNow {
        decision: HASH,
        account: SAFE,
        route: Path::Safe { safe: SAFE, nonce: 4, safe_tx_hash: HASH, rejection_hash: HASH },
        value: Value(1_234_567 * WAD),
        valid_until: 1_584_144_000,
        waits_for: chain::waits_for(&state, stage.known().copied().flatten()),
        state,
        stage,
        bundle: "118-8f3f.json".into(),
    }
}

fn full() -> Status {
    let asset = |symbol: &str, decimals, usd: u128, weight_bps, is_in_band| AssetNow {
        symbol: symbol.into(),
        decimals,
        price: Some(Price(usd * WAD)),
        amount: Some(Amount(1)),
        weight_bps: Some(weight_bps),
        band: Some(Band { asset: AssetId(0), min_bps: 3_000, target_bps: 4_000, max_bps: 5_000 }),
        is_in_band: Some(is_in_band),
    };
    let receipt = Refusal::new(Rule::PriceQuorumMin, Quantity::Count(1), Quantity::Count(0), block(118), HASH);
    let live = State::Live { stage: None };
    Status {
        config: "agent.toml".into(),
        chain: Reading::Known(ChainNow {
            chain_id: 31_337,
            head: block(120),
            head_age_secs: 3,
            is_behind: false,
            finalised: block(118),
        }),
        operator: OperatorNow {
            address: OPERATOR,
            gas_wei: Reading::Known(Amount(1_250_000_000_000_000_000)),
            is_listed: Reading::Known(true),
            owner_of: Reading::Known(vec!["operations".into()]),
            proposer_for: Reading::Known(vec![]),
        },
        policy: Reading::Known(PolicyNow {
            epoch: 2,
            hash: HASH,
            file: "policy.toml".into(),
            name: "Example".into(),
            expires_at: 1_609_459_200,
            is_expired: false,
            review_at: Some(1_601_510_400),
            is_review_due: true,
        }),
        model: Reading::Known(ModelNow {
            kind: Some(crate::risk::ModelKind::Ewma),
            hash: Some(HASH),
            trained_at: None,
            age_secs: None,
            members: None,
            is_fallback: true,
            named: quaestor_core::policy::ModelTerms::File { hash: HASH, age_secs_max: 90 * 86_400 },
            refused: Some("no file in models\nhashes to it".into()),
        }),
        pending: Reading::Known(Some(PendingNow {
            epoch: 3,
            hash: HASH,
            uri: "ipfs://bafy".into(),
            active_at: 1_584_230_400,
            is_vetoable: true,
        })),
        brake: Reading::Known(BrakeNow {
            is_pulled: true,
            pulled_until: 1_584_230_400,
            pulls: 1,
            lease_until: 1_609_459_200,
            is_lapsed: false,
        }),
        treasury: Reading::Known(TreasuryNow {
            nav: Some(Value(8_000_000 * WAD)),
            assets: vec![asset("USDC", 6, 1, 4_400, true), asset("WETH", 18, 187, 5_600, false)],
            accounts: vec![AccountNow {
                name: "operations".into(),
                address: SAFE,
                balances: vec![Amount(3_520_000_000_000), Amount(23_957 * WAD)],
            }],
        }),
        proposals: Reading::Known(vec![proposal(
            live,
            Reading::Known(Some(Stage::Confirming { confirmations: 1, threshold: 3 })),
        )]),
        decision: Reading::Known(Some(DecisionNow {
            block: block(118),
            hash: HASH,
            allowed: 1,
            refused: 2,
            bundle: "118-8f3f.json".into(),
            holds: Reading::Known(vec![HoldNow {
                hold: Hold::Rule { receipt },
                words: "limits.price_quorum_min asks for usable price feeds of WETH: 1 needed, 0 found".into(),
            }]),
        })),
        journal: Reading::Known(Some(JournalNow {
            rows: 42,
            head: HASH,
            last_unix_ms: Some(1_584_057_720_000),
            lifetime: Some(Lifetime {
                started_unix_ms: 1_584_057_000_000,
                version: "0.1.0".into(),
                stopped_unix_ms: None,
            }),
            alarm: Some(Alarm {
                unix_ms: 1_584_057_100_000,
                message: "no file has the hash\n\u{1b}[31mof epoch 2".into(),
            }),
            training: Some(TrainingNow { slot: 1_584_057_600, end: TrainingEnd::Model { hash: HASH } }),
        })),
    }
}

#[test]
fn a_person_reads_it_line_by_line() {
    let status = full();
    assert_eq!(status.exit(), Exit::Ok);
    insta::assert_snapshot!(status);
}

#[test]
fn what_is_unknown_is_said_and_not_guessed() {
    let away = || "the node at localhost:1 did not answer eth_chainId";
    let mut status = full();
    status.chain = Reading::unknown(away(), Exit::Chain);
    status.brake = Reading::unknown(away(), Exit::Chain);
    status.policy = Reading::unknown("epoch 2 anchors a policy that no file has", Exit::Ok);
    status.journal = Reading::Known(None);
    let text = status.to_string();
    assert!(text.contains("chain      not known: the node at localhost:1"), "{text}");
    assert!(text.contains("policy     not known: epoch 2 anchors"), "{text}");
    assert!(text.contains("journal    none yet"), "{text}");
    assert!(!text.contains("released") && !text.contains("PULLED"), "{text}");
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["brake"], serde_json::json!({ "unknown": away() }));
    assert_eq!(json["journal"], serde_json::Value::Null);
    assert_eq!(status.exit(), Exit::Chain);
    status.chain = Reading::Known(full().chain.known().unwrap().clone());
    status.brake = Reading::Known(full().brake.known().unwrap().clone());
    assert_eq!(status.exit(), Exit::Ok, "a policy that the DAO's files lack is no fault of chain or journal");
    status.journal = Reading::unknown("damaged", Exit::Journal);
    assert_eq!(status.exit(), Exit::Journal);
}

#[test]
fn every_state_waits_for_somebody() {
    let live = State::Live { stage: Some(Stage::Active) };
    assert_eq!(chain::waits_for(&live, None), "members, to vote");
    let queued = |is_ready| Some(Stage::Queued { ready_at: 1_584_057_600, is_ready });
    assert_eq!(chain::waits_for(&live, queued(false)), "the timelock, until 2020-03-13 00:00:00 UTC");
    assert_eq!(chain::waits_for(&live, queued(true)), "the agent, to execute it");
    let confirmed = Some(Stage::Confirming { confirmations: 3, threshold: 3 });
    assert_eq!(chain::waits_for(&live, confirmed), "an owner, to execute it (3 of 3 confirmations)");
    let withdrawing = State::Withdrawing { reason: Reason::BrakePulled, revoked: false };
    assert_eq!(chain::waits_for(&withdrawing, confirmed), "the agent, to revoke it at the gate");
    assert_eq!(chain::waits_for(&State::Planned, None), "the agent, to propose it");
}

/// A configuration of an agent whose node is down.
fn config(folder: &std::path::Path) -> Config {
    let text = format!(
        "[chain]\nrpc_url = \"http://127.0.0.1:9\"\nchain_id = 31337\nrequest_timeout_secs = 1\n\
         [contracts]\nregistry = \"{OPERATOR}\"\nbrake = \"{SAFE}\"\n\
         gate = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n\
         multisend_call_only = \"0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512\"\ndeployed_block = 1\n\
         [operator]\naddress = \"{OPERATOR}\"\nkey = \"env:NEVER_ASKED\"\n\
         [files]\npolicies = [\"policy.toml\"]\njournal = \"journal.db\"\nbundles = \"bundles\"\n"
    );
    Config::parse(&text, &folder.join("agent.toml")).unwrap_or_else(|problems| panic!("{problems}"))
}

#[tokio::test]
async fn the_journal_is_read_while_the_agent_has_it_and_the_node_is_down() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let catalog = quaestor_strategies::catalog();
    let nothing = read(&config, &catalog, 0).await;
    assert_eq!((&nothing.journal, nothing.exit()), (&Reading::Known(None), Exit::Chain));

    let failed = TrainingEnd::Failed { reason: "the budget is spent".into() };
    let mut journal = Journal::open(&config.files.journal).unwrap();
    for record in [
        crate::agent::Record::Started { version: "0.1.0".into(), operator: OPERATOR, chain_id: 31_337 },
        crate::agent::Record::Decided {
            block: block(9),
            hash: HASH,
            bundle: "9.json".into(),
            allowed: 0,
            refused: 1,
            cleared: 0,
        },
        crate::agent::Record::Alarm { message: "send it some".into() },
        crate::agent::Record::Trained { slot: 4_000, end: failed.clone() },
    ] {
        journal.append(record.kind(), &record, 5_000).unwrap();
    }
    let status = read(&config, &catalog, 0).await;
    let now = status.journal.known().unwrap().as_ref().unwrap();
    assert_eq!((now.rows, now.head), journal.head());
    assert_eq!(now.lifetime.as_ref().unwrap().stopped_unix_ms, None);
    assert_eq!(now.alarm, Some(Alarm { unix_ms: 5_000, message: "send it some".into() }));
    assert_eq!(now.training, Some(TrainingNow { slot: 4_000, end: failed }));
    let decision = status.decision.known().unwrap().as_ref().unwrap();
    assert_eq!((decision.block, decision.refused), (block(9), 1));
    assert!(matches!(&decision.holds, Reading::Unknown { why, exit: Exit::Ok } if why.contains("9.json")));
    assert_eq!(status.exit(), Exit::Chain);
    assert!(status.chain.known().is_none() && status.brake.known().is_none());

    drop(journal);
    std::fs::write(&config.files.journal, "not a journal").unwrap();
    let damaged = read(&config, &catalog, 0).await;
    assert!(matches!(damaged.journal, Reading::Unknown { exit: Exit::Journal, .. }), "{damaged}");
}
