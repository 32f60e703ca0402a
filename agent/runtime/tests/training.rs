//! The agent trains at the schedule of its policy, beside its steps, and no more than the year's budget allows.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that cannot go on has failed, and says where")]

mod local;

use alloy::primitives::B256;
use quaestor::{
    agent::{Record, TrainingEnd},
    demo::{Scenery, Stage, scene},
    devnet::ReplayDay,
    learning::day_of,
};
use quaestor_core::{Limits, Policy, RiskModel};
use quaestor_risk::{
    EwmaModel,
    data::{Closes, Market, MemberRecords, date, demo_profiles, synthesise},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

const PRICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../simulations/data/daily");
/// Every midnight.
const MODEL: &str =
    "[risk.model]\nkind = \"trained\"\nschedule = \"0 0 0 * * *\"\nage_max = \"30d\"\nauc_bps_min = 1\n";
const DAY: u64 = 86_400;
/// The agent stops at once; a training of a thousand trees goes on for much longer.
const STOP_MAX: Duration = Duration::from_secs(15);

/// Real daily closes on all days that are shipped.
fn market() -> Market {
    let closes = |symbol: &str| {
        let text = fs::read_to_string(format!("{PRICES}/{symbol}.csv")).unwrap();
        let row = |line: &str| {
            let row: Vec<&str> = line.split(',').collect();
            let day = row[0].parse::<chrono::NaiveDate>().unwrap().to_epoch_days();
            (u32::try_from(day).unwrap(), row[4].parse().unwrap())
        };
        let rows: Vec<(u32, f64)> = text.lines().skip(1).map(row).collect();
        Closes::new(symbol, symbol == "USDC", &rows).unwrap()
    };
    Market::new(["BTC", "ETH", "USDC"].map(closes).to_vec()).unwrap()
}

/// Writes a member's records as a member keeps them; its path.
fn write_records(folder: &Path, member: &MemberRecords) -> PathBuf {
    let path = folder.join(format!("{}.csv", member.name()));
    let mut text = format!("date,{},burn_usd,revenue_usd\n", member.symbols().join(","));
    for record in member.days() {
        let held: Vec<String> = record.holdings.iter().map(f64::to_string).collect();
        text += &format!("{},{},{},{}\n", date(record.day), held.join(","), record.burn, record.revenue);
    }
    fs::write(&path, text).unwrap();
    path
}

/// A table `[training]` of a holder of ETH and one of BTC, whose records go on until July 2021.
fn training(folder: &Path, more: &str) -> String {
    let market = market();
    let member = |(stream, profile)| {
        let mut generator = ChaCha20Rng::seed_from_u64(2020);
        generator.set_stream(stream);
        let path = write_records(folder, &synthesise(&market, &profile, &mut generator).unwrap());
        format!("{:?}", path.display().to_string())
    };
    let records: Vec<String> = (1..).zip(demo_profiles().into_iter().take(2)).map(member).collect();
    format!("\n[training]\nprices = {PRICES:?}\nrecords = [{}]\ntest_days = 180\ntrees = 4\n{more}", records.join(", "))
}

/// The local DAO under a policy whose model the agent trains.
struct Story {
    stage: Stage,
    /// The policy's file.
    policy: String,
    _folder: TempDir,
}

impl Story {
    /// Nothing runs yet; `risk` stands in `[risk]`.
    async fn begin(risk: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let exe = PathBuf::from(env!("CARGO_BIN_EXE_quaestor"));
        let scenery = Scenery { past: ("2019-12-10", "2020-03-08"), ..Scenery::MARCH_2020 };
        let stage = Stage::set(exe, folder.path(), &scenery).await.unwrap();
        let limits = Limits { window_bps_max: [u64::MAX; 4], ..quaestor::devnet::demo_limits() };
        let text = quaestor::devnet::policy_text(&stage.devnet.dao, limits);
        let rounds = "history_rounds = 60";
        assert!(text.contains(rounds));
        let text = text.replace(rounds, &format!("history_rounds = 90\nvalue_at_risk_bps_max = 9000\n{risk}"));
        let text = format!("{text}\n{MODEL}");
        let path = stage.site.write_policy("trained.toml", &text).unwrap();
        let policy = scene::parse(&text).unwrap();
        let (hash, rest, envelope) = (policy.hash(), policy.rest_hash(), policy.envelope());
        let voted = stage.devnet.vote_policy(hash, rest, envelope, "trained.toml", "# A schedule").await.unwrap();
        // Feeds go on while the policy waits: a forecast needs an unbroken history.
        let now = stage.devnet.chain.now().await.unwrap();
        let between = |day: &ReplayDay| (now + 1..voted.active_at).contains(&day.timestamp);
        let days: Vec<_> = local::days("2020-03-09", "2020-03-11").into_iter().filter(between).collect();
        stage.devnet.replay(&days).await.unwrap();
        stage.devnet.warp_to(voted.active_at).await.unwrap();
        stage.devnet.mine(80).await.unwrap();
        Self { stage, policy: path.display().to_string(), _folder: folder }
    }

    /// Adds a table `[training]` to `agent.toml`.
    fn configure(&self, more: &str) {
        let config = &self.stage.site.config;
        let text = fs::read_to_string(config).unwrap() + &training(&self.stage.site.folder, more);
        fs::write(config, text).unwrap();
    }

    /// Changes what `agent.toml` says.
    fn reconfigure(&self, from: &str, to: &str) {
        let config = &self.stage.site.config;
        let text = fs::read_to_string(config).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(config, text.replace(from, to)).unwrap();
    }

    async fn start(&mut self) {
        let skip = self.stage.rows().unwrap().len();
        self.stage.start_agent().unwrap();
        self.stage.wait_for("start", skip, |it| matches!(it, Record::Started { .. })).await.unwrap();
    }

    /// Trainings that came to their end, and the last of them once there are `count`.
    async fn trained(&mut self, count: usize) -> (u64, TrainingEnd) {
        for _ in 0..600 {
            let ends = self.ends();
            if ends.len() >= count {
                assert_eq!(ends.len(), count, "{ends:?}");
                return ends.last().unwrap().clone();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no training {count} after {:?}; the log is\n{}", self.ends(), self.log());
    }

    /// The same for a training that made a model.
    async fn model(&mut self, count: usize) -> (u64, B256) {
        match self.trained(count).await {
            (slot, TrainingEnd::Model { hash }) => (slot, hash),
            other => panic!("{other:?}"),
        }
    }

    fn ends(&self) -> Vec<(u64, TrainingEnd)> {
        let end = |record| match record {
            Record::Trained { slot, end } => Some((slot, end)),
            _ => None,
        };
        self.stage.records(0).unwrap().into_iter().filter_map(end).collect()
    }

    fn alarms(&self) -> Vec<String> {
        let alarm = |record| match record {
            Record::Alarm { message } => Some(message),
            _ => None,
        };
        self.stage.records(0).unwrap().into_iter().filter_map(alarm).collect()
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.stage.site.log).unwrap()
    }

    async fn now(&self) -> u64 {
        self.stage.devnet.chain.now().await.unwrap()
    }

    /// Lets the chain's next midnight come, with a price before it.
    async fn next_midnight(&mut self) -> u64 {
        self.stage.next_day().await.unwrap().unwrap();
        self.stage.next_hour().await.unwrap()
    }

    /// What `train` with these options says, and how it ends.
    async fn train(&self, more: &[&str]) -> (i32, Value) {
        let config = self.stage.site.config.display().to_string();
        let args = [&["train", "--config", &config, "--json"], more].concat();
        let output = self.stage.quaestor(&args).await.unwrap();
        (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agent_trains_at_its_schedule_and_decides_with_what_it_trained() {
    let mut story = Story::begin("fallback = \"ewma\"").await;

    // Without `[training]` it is the operators' task, and that is said once.
    story.start().await;
    story.stage.next_decision().await.unwrap();
    story.stage.next_decision().await.unwrap();
    assert_eq!(scene::last_decision(&story.stage).unwrap().model, EwmaModel::default().hash());
    assert_eq!(story.log().matches("operators run `quaestor train`").count(), 1, "{}", story.log());
    let (code, said) = story.train(&[]).await;
    assert!(code == 3 && said["error"].as_str().unwrap().contains("has no table `[training]`"), "{said}");
    story.stage.stop_agent().await.unwrap();
    assert_eq!(story.ends(), []);

    // The moment that was missed is made up for, on days before it.
    story.configure("");
    story.start().await;
    let (slot, hash) = story.model(1).await;
    let now = story.now().await;
    assert!(slot % DAY == 0 && (slot..slot + DAY).contains(&now), "{slot} at {now}");
    let text = fs::read_to_string(story.stage.config.files.models.join(format!("model-{hash}.json"))).unwrap();
    let model: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(model["trained_at_day"], day_of(slot) - 1);
    story.stage.next_decision().await.unwrap();
    assert_eq!(scene::last_decision(&story.stage).unwrap().model, hash);
    assert!(story.log().contains(&format!("model {hash} in force")), "{}", story.log());

    // An operator who tries it gets the very same model, under the policy in force or from its file.
    for more in [&[][..], &["--policy", &story.policy]] {
        let (code, said) = story.train(more).await;
        assert_eq!((code, &said["hash"]), (0, &hash.to_string().into()), "{said}");
    }

    // The next moment has its own model, which takes the first one's place.
    let midnight = story.next_midnight().await;
    let (slot, newer) = story.model(2).await;
    assert!(slot == midnight && newer != hash, "{slot} {newer}");
    story.stage.next_decision().await.unwrap();
    assert_eq!(scene::last_decision(&story.stage).unwrap().model, newer);

    // A restart trains nothing again; of two moments that are missed then, only the newest is made up for.
    let (took, code) = story.stage.stop_agent().await.unwrap();
    assert!(took < STOP_MAX && code == Some(0), "{took:?} {code:?}");
    story.start().await;
    story.stage.next_decision().await.unwrap();
    assert_eq!(story.ends().len(), 2);
    story.stage.stop_agent().await.unwrap();
    story.next_midnight().await;
    let newest = story.next_midnight().await;
    story.start().await;
    assert_eq!(story.model(3).await.0, newest);

    // A long training holds up neither a decision nor the end, and is made up for if it was cut off.
    story.stage.stop_agent().await.unwrap();
    story.reconfigure("trees = 4", "trees = 1000");
    story.start().await;
    let begun = story.log().matches("training begins").count();
    let midnight = story.next_midnight().await;
    story.stage.next_decision().await.unwrap();
    assert_eq!(story.log().matches("training begins").count(), begun + 1);
    let (took, code) = story.stage.stop_agent().await.unwrap();
    assert!(took < STOP_MAX && code == Some(0), "{took:?} {code:?}");
    assert_eq!(story.ends().len(), 3, "the training was to be under way");
    story.reconfigure("trees = 1000", "trees = 4");
    story.start().await;
    assert_eq!(story.model(4).await.0, midnight);
    // While there was no model yet the fallback decided, aloud; nothing else was amiss.
    let alarms = story.alarms();
    assert!(alarms.len() == 1 && alarms[0].contains("there is no trained model"), "{alarms:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spent_budget_stops_training_aloud_and_the_fallback_decides() {
    let mut story = Story::begin("fallback = \"ewma\"\nepsilon_year_max = \"0.05\"").await;
    let plain = EwmaModel::default().hash();

    // What has no noise cannot be charged.
    story.configure("");
    story.start().await;
    let (slot, end) = story.trained(1).await;
    let TrainingEnd::Failed { reason } = end else { panic!("{end:?}") };
    assert!(reason.contains("epsilon 0.05 a year") && reason.contains("set `training.noise_multiplier`"), "{reason}");
    let (code, said) = story.train(&[]).await;
    assert!(code == 3 && said["error"].as_str().unwrap().contains("set `training.noise_multiplier`"), "{said}");
    story.stage.stop_agent().await.unwrap();

    story.reconfigure("trees = 4", "trees = 4\nnoise_multiplier = 40\ndelta = 1e-5");
    story.start().await;
    let midnight = story.next_midnight().await;
    let (second, end) = story.trained(2).await;
    assert!(second == midnight && second > slot, "{second}");
    let TrainingEnd::Failed { reason } = end else { panic!("{end:?}") };
    let spent = "the privacy budget of 2020 does not cover this training";
    let has = "the year has epsilon 0.05, of which 0.0000 is spent, and 0 more such sums are covered";
    assert!(reason.contains(spent) && reason.contains(has), "{reason}");

    // Both are told, with what to do; the fallback decides, and says so.
    story.stage.next_decision().await.unwrap();
    assert_eq!(scene::last_decision(&story.stage).unwrap().model, plain);
    let alarms = story.alarms();
    for said in ["set `training.noise_multiplier`", spent, "there is no trained model"] {
        assert_eq!(alarms.iter().filter(|alarm| alarm.contains(said)).count(), 1, "{said}: {alarms:#?}");
    }
    let told = alarms.iter().find(|alarm| alarm.contains(spent)).unwrap();
    assert!(told.contains("gave no model") && told.contains("vote a larger `risk.epsilon_year_max`"), "{told}");
    assert!(told.contains("run `quaestor train --config"), "{told}");
    let (code, said) = story.train(&[]).await;
    assert!(code == 1 && said["error"].as_str().unwrap().contains(spent), "{said}");
    let models = fs::read_dir(&story.stage.config.files.models).unwrap().map(|entry| entry.unwrap().file_name());
    let models: Vec<_> = models.filter(|name| name.to_string_lossy().starts_with("model-")).collect();
    assert_eq!(models, Vec::<std::ffi::OsString>::new());
}
