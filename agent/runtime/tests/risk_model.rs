//! The agent decides with the model that the policy names, and says so when it cannot.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that cannot go on has failed, and says where")]

mod local;
#[path = "local/model.rs"]
mod model;

use alloy::{primitives::B256, providers::Provider, rpc::types::Filter, sol_types::SolEvent};
use quaestor::{
    agent::{Bundle, Plan, Record},
    demo::{Scenery, Stage, scene},
    devnet::ReplayDay,
    verify::{connect, verify, verify_offline},
};
use quaestor_contracts::bindings::DecisionGate;
use quaestor_core::{
    Limits, Policy, RiskModel, Rule,
    lifecycle::{Event, Outcome, Reason},
    verdict::Quantity,
};
use quaestor_risk::EwmaModel;
use serde_json::Value;
use std::path::PathBuf;
use tempfile::TempDir;

/// The local DAO with a model in its agent's folder, and the agent under a policy that names it.
struct Story {
    stage: Stage,
    /// The model's file, and its bytes.
    file: PathBuf,
    bytes: Vec<u8>,
    hash: B256,
    _folder: TempDir,
}

/// High enough for every forecast, so that only an unknown one breaches it.
const CEILING: &str = "value_at_risk_bps_max = 9000";

impl Story {
    async fn begin(fallback: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let exe = PathBuf::from(env!("CARGO_BIN_EXE_quaestor"));
        let scenery = Scenery { past: ("2019-12-10", "2020-03-08"), ..Scenery::MARCH_2020 };
        let mut stage = Stage::set(exe, folder.path(), &scenery).await.unwrap();
        let trained = model::trained("2020-03-01");
        let (file, hash) = (model::write_model(&stage.config.files.models, &trained), trained.file().hash().unwrap());
        let limits = Limits { window_bps_max: [u64::MAX; 4], ..quaestor::devnet::demo_limits() };
        let rounds = "history_rounds = 60";
        let text = quaestor::devnet::policy_text(&stage.devnet.dao, limits);
        assert!(text.contains(rounds));
        let risk = format!("history_rounds = 90\n{CEILING}\nfallback = \"{fallback}\"");
        let text = text.replace(rounds, &risk)
            + &format!("\n[risk.model]\nkind = \"file\"\nhash = \"{hash}\"\nage_max = \"120d\"\n");
        stage.site.write_policy("learned.toml", &text).unwrap();
        let policy = scene::parse(&text).unwrap();
        let (of_policy, rest, envelope) = (policy.hash(), policy.rest_hash(), policy.envelope());
        let voted = stage.devnet.vote_policy(of_policy, rest, envelope, "learned.toml", "# A model").await.unwrap();
        // Feeds go on while the policy waits: a forecast needs an unbroken history.
        let now = stage.devnet.chain.now().await.unwrap();
        let between = |day: &ReplayDay| (now + 1..voted.active_at).contains(&day.timestamp);
        let days: Vec<_> = local::days("2020-03-09", "2020-03-11").into_iter().filter(between).collect();
        stage.devnet.replay(&days).await.unwrap();
        stage.devnet.warp_to(voted.active_at).await.unwrap();
        stage.devnet.mine(80).await.unwrap();
        stage.start_agent().unwrap();
        stage.wait_for("take the policy", 0, |it| matches!(it, Record::PolicyInForce { .. })).await.unwrap();
        let bytes = std::fs::read(&file).unwrap();
        Self { stage, file, bytes, hash, _folder: folder }
    }

    /// What a command says with `--json`.
    async fn says(&self, command: &[&str]) -> Value {
        let config = self.stage.site.config.display().to_string();
        let args = [command, &["--config", &config, "--json"]].concat();
        serde_json::from_str(&self.stage.quaestor_ok(&args).await.unwrap()).unwrap()
    }

    /// What a command says to a person.
    async fn tells(&self, command: &[&str]) -> String {
        let config = self.stage.site.config.display().to_string();
        self.stage.quaestor_ok(&[command, &["--config", &config]].concat()).await.unwrap()
    }

    fn alarms(&self) -> Vec<String> {
        let alarm = |record| match record {
            Record::Alarm { message } => Some(message),
            _ => None,
        };
        let alarms = self.stage.records(0).unwrap().into_iter().filter_map(alarm);
        alarms.filter(|message| message.starts_with("the risk model that the policy names cannot be used")).collect()
    }

    /// The receipt with which this plan is withdrawn, once it is.
    async fn withdrawn(&mut self, plan: &Plan) -> quaestor_core::Refusal {
        let id = plan.id;
        let withdrawn = move |it: &Record| matches!(it, Record::Happened { decision, event: Event::Withdraw { .. } } if *decision == id);
        self.stage.wait_for("withdraw the proposal", 0, withdrawn).await.unwrap();
        match scene::withdrawal(&self.stage, plan).unwrap() {
            Some(Reason::Unfit { receipt }) => receipt,
            other => panic!("{other:?}"),
        }
    }

    /// The model that the gate's event of this plan names.
    async fn entered_with(&self, plan: &Plan) -> B256 {
        let filter = Filter::new().address(self.stage.devnet.dao.controls.gate).from_block(0);
        let filter = filter.event_signature(DecisionGate::Entered::SIGNATURE_HASH).topic2(plan.id);
        let logs = self.stage.devnet.chain.provider().get_logs(&filter).await.unwrap();
        let [log] = logs.as_slice() else { panic!("{logs:?}") };
        log.log_decode::<DecisionGate::Entered>().unwrap().inner.data.model
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_named_by_its_hash_decides_and_a_fallback_takes_its_place_aloud() {
    let mut story = Story::begin("ewma").await;
    let (hash, plain) = (story.hash, EwmaModel::default().hash());
    let plan = scene::next_plan(&mut story.stage, true).await.unwrap();
    assert_eq!(plan.decision.model, hash);
    scene::propose_lands(&mut story.stage, &plan).await.unwrap();
    assert!(story.alarms().is_empty(), "{:?}", story.alarms());

    let shown = story.says(&["risk", "show"]).await;
    assert_eq!((&shown["model"]["kind"], &shown["model"]["hash"]), (&"learned".into(), &hash.to_string().into()));
    assert_eq!((&shown["model"]["is_fallback"], &shown["permitted"]), (&false.into(), &"everything".into()));
    assert!(shown["ceilings"][1]["forecast_bps"].as_u64().is_some_and(|bps| (1..9_000).contains(&bps)), "{shown}");
    let told = story.tells(&["risk", "explain"]).await;
    assert!(told.contains("of the logistic score, the largest first") && told.contains("regime "), "{told}");
    assert_eq!(story.says(&["status"]).await["model"]["hash"], hash.to_string());
    verified(&story, &scene::last_bundle(&story.stage).unwrap()).await;

    // The file goes while a proposal waits: what another model decided is withdrawn, and the agent goes on.
    std::fs::remove_file(&story.file).unwrap();
    story.stage.next_decision().await.unwrap();
    assert_eq!(scene::last_decision(&story.stage).unwrap().model, plain);
    let receipt = story.withdrawn(&plan).await;
    assert_eq!((receipt.rule, receipt.found), (Rule::ModelInForce, Quantity::Hash(hash)));
    assert_eq!(receipt.limit, Quantity::Hash(plain));
    story.stage.next_decision().await.unwrap();
    let alarms = story.alarms();
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert!(alarms[0].contains(&format!("hashes to {hash}")) && alarms[0].contains("counts as breached"), "{alarms:?}");
    let shown = story.says(&["risk", "show"]).await;
    assert_eq!((&shown["model"]["hash"], &shown["model"]["is_fallback"]), (&plain.to_string().into(), &true.into()));
    // It never loosens: the ceiling that it cannot forecast counts as breached.
    assert_eq!((&shown["ceilings"][1]["is_breached"], &shown["permitted"]), (&true.into(), &"only-reduce".into()));
    assert!(story.tells(&["status"]).await.contains("FALLBACK; the policy names the file of hash"));
    let bundle = scene::last_bundle(&story.stage).unwrap();
    let report = verify_offline(&bundle, &quaestor_strategies::catalog());
    assert!(report.is_ok() && report.not_checked.iter().any(|it| it.what.contains("could not be used")), "{report}");

    // It comes back: swapped in without a restart, and the gate's event names it.
    std::fs::write(&story.file, &story.bytes).unwrap();
    let plan = scene::next_plan(&mut story.stage, true).await.unwrap();
    assert_eq!(plan.decision.model, hash);
    scene::carry(&mut story.stage, &plan).await.unwrap();
    assert_eq!(story.entered_with(&plan).await, hash);

    // One bit of it flips: told anew, with what the file has become.
    let mut flipped = story.bytes.clone();
    flipped[100] ^= 1;
    std::fs::write(&story.file, &flipped).unwrap();
    story.stage.next_decision().await.unwrap();
    assert_eq!(scene::last_decision(&story.stage).unwrap().model, plain);
    let alarms = story.alarms();
    assert!(alarms.len() == 2 && alarms[1].contains("it was changed"), "{alarms:?}");
}

/// With and without a node the bundle of a learned model is recomputed; one flipped bit of the model is found.
async fn verified(story: &Story, bundle: &Bundle) {
    let catalog = quaestor_strategies::catalog();
    assert_eq!(bundle.model["file"].as_str().unwrap().as_bytes(), story.bytes);
    let offline = verify_offline(bundle, &catalog);
    assert!(offline.is_ok(), "{offline}");
    let what = "the risk model has the hash that the decision names";
    assert!(offline.recomputed.iter().any(|check| check.what == what), "{offline}");
    let chain = connect(story.stage.devnet.chain.url().clone()).unwrap();
    let report = verify(bundle, &catalog, Some(&chain)).await.unwrap();
    assert!(report.is_ok() && report.not_checked.is_empty(), "{report}");
    let text = bundle.model["file"].as_str().unwrap();
    let digit = text.find("\"intercept\":").unwrap() + "\"intercept\":-0.".len();
    let mut flipped = text.as_bytes().to_vec();
    flipped[digit] ^= 1;
    let mut changed = bundle.clone();
    changed.model["file"] = String::from_utf8(flipped).unwrap().into();
    let report = verify_offline(&changed, &catalog);
    assert!(report.differences().any(|(found, at)| found == what && at.at == "/decision/model"), "{report}");
    changed.model["file"] = "{}".into();
    let report = verify_offline(&changed, &catalog);
    assert!(report.differences().any(|(found, at)| found == what && at.at == "/model"), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_holds_without_its_model_decides_nothing_until_it_is_back() {
    let mut story = Story::begin("hold").await;
    let plan = scene::next_plan(&mut story.stage, true).await.unwrap();
    scene::propose_lands(&mut story.stage, &plan).await.unwrap();
    std::fs::remove_file(&story.file).unwrap();
    let hour = story.stage.next_hour().await.unwrap();
    let receipt = story.withdrawn(&plan).await;
    let expected = (Rule::ModelInForce, Quantity::None, Quantity::Hash(story.hash));
    assert_eq!((receipt.rule, receipt.limit, receipt.found), expected);
    let next = story.stage.next_hour().await.unwrap();
    scene::ended(&mut story.stage, &plan, |outcome| matches!(outcome, Outcome::Withdrawn { .. })).await.unwrap();
    let alarms = story.alarms();
    assert!(alarms.len() == 1 && alarms[0].ends_with("nothing is proposed until it can"), "{alarms:?}");
    let held = |it: &Record| matches!(it, Record::Decided { block, .. } if block.timestamp >= hour);
    assert!(!story.stage.records(0).unwrap().iter().any(held), "decided at {hour} or {next}");
    let shown = story.says(&["risk", "show"]).await;
    assert_eq!((&shown["model"]["kind"], &shown["permitted"]), (&Value::Null, &"nothing".into()));
    assert!(story.tells(&["status"]).await.contains("model      NONE: nothing is proposed"));

    std::fs::write(&story.file, &story.bytes).unwrap();
    story.stage.next_decision().await.unwrap();
    assert_eq!(scene::last_decision(&story.stage).unwrap().model, story.hash);
}

#[tokio::test]
async fn what_keeps_a_forecast_from_being_made_has_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let exe = PathBuf::from(env!("CARGO_BIN_EXE_quaestor"));
    let mut stage = Stage::set(exe, folder.path(), &Scenery::MARCH_2020).await.unwrap();
    let config = stage.site.config.display().to_string();
    let code = async |stage: &Stage, config: &str| {
        let output = stage.quaestor(&["risk", "show", "--config", config, "--json"]).await.unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), said["error"].as_str().unwrap_or_default().to_owned())
    };
    let (exit, why) = code(&stage, "none.toml").await;
    assert!(exit == 3 && why.contains("quaestor init"), "{exit} {why}");
    let (exit, why) = code(&stage, &config).await;
    assert!(exit == 3 && why.contains("has no active policy"), "{exit} {why}");
    scene::adopt_first_policy(&mut stage).await.unwrap();
    assert_eq!(code(&stage, &config).await, (0, String::new()));
    stage.proxy.set_down(true);
    let (exit, why) = code(&stage, &config).await;
    assert!(exit == 4, "{exit} {why}");
}
