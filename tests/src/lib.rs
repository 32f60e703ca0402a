//! What the whole-system stories share: the built program, a stage in a folder of its own, and the journal that must
//! survive everything.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that cannot go on has failed, and says where")]

use alloy::{primitives::B256, sol_types::SolCall};
use quaestor::{
    agent::Record,
    demo::{
        self, scene,
        stage::{PASSWORD, PASSWORD_VAR},
    },
    devnet::people,
};
use quaestor_core::{Decision, Hold, Rule};
use std::{
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Longest wait for a command to end, and for a line in a log.
pub const WAIT: Duration = Duration::from_secs(20);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(25);
/// Lines of the agent's log that a failed story shows.
const LOG_LINES: usize = 40;

/// The built program, beside the test's own executable.
///
/// # Panics
/// If it is not built.
pub fn quaestor() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // target/<profile>/deps/<test>
    let found = test.ancestors().nth(2).map(|folder| folder.join(format!("quaestor{}", std::env::consts::EXE_SUFFIX)));
    match found.filter(|path| path.is_file()) {
        Some(path) => path,
        None => panic!(
            "the program is not built: run `cargo build -p quaestor` with this profile first (`cargo test --workspace` does it by itself)"
        ),
    }
}

/// The local DAO, its files and the agent, in a folder that goes with it; a story that failed shows the agent's log and
/// keeps the folder.
#[derive(Debug)]
pub struct Stage {
    set: demo::Stage,
    kept: Vec<B256>,
    folder: Option<TempDir>,
}

/// The DAO stands; no policy is voted and nothing runs.
pub async fn stage() -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let set = demo::Stage::set(quaestor(), folder.path(), &demo::Scenery::MARCH_2020).await.unwrap();
    Stage { set, kept: Vec::new(), folder: Some(folder) }
}

/// The DAO with its first policy in force, the agent running under it, and today's prices.
pub async fn governed() -> Stage {
    let mut stage = stage().await;
    scene::adopt_first_policy(&mut stage).await.unwrap();
    stage.next_day().await.unwrap().unwrap();
    stage.start().await;
    stage
}

impl Deref for Stage {
    type Target = demo::Stage;

    fn deref(&self) -> &demo::Stage {
        &self.set
    }
}

impl DerefMut for Stage {
    fn deref_mut(&mut self) -> &mut demo::Stage {
        &mut self.set
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let last = lines.get(lines.len().saturating_sub(LOG_LINES)..).unwrap_or_default().join("\n");
            let folder = self.folder.take().map(TempDir::keep);
            eprintln!("the agent's log, whose folder {folder:?} is kept, ends with:\n{last}");
        }
    }
}

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its exit code; `None`: by a signal.
    pub code: Option<i32>,
    /// Results.
    pub stdout: String,
    /// Errors and log lines.
    pub stderr: String,
}

impl Ended {
    /// Checks the exit code, and that stderr has each of these words.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn expect(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for words in words {
            assert!(self.stderr.contains(words), "no `{words}` in:\n{}", self.stderr);
        }
    }
}

/// The agent.
impl Stage {
    /// Starts the agent and waits until it has the policy in force.
    pub async fn start(&mut self) {
        let before = self.log().matches("policy in force").count();
        self.start_agent().unwrap();
        let begun = Instant::now();
        while self.log().matches("policy in force").count() == before {
            assert!(begun.elapsed() < WAIT && self.agent_runs(), "the agent does not take the policy into force");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Stops the agent, which must end well.
    pub async fn stop(&mut self) {
        assert_eq!(self.stop_agent().await.unwrap().1, Some(0));
    }

    /// Sends the agent a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        signal(self.agent_id().unwrap(), name);
    }

    /// Starts a second agent, or the first wrongly, and waits for its end.
    pub async fn run(&self, config: &Path) -> Ended {
        self.run_with(config, PASSWORD_VAR, Some(PASSWORD)).await
    }

    /// The same with another environment variable set, or unset.
    pub async fn run_with(&self, config: &Path, name: &str, value: Option<&str>) -> Ended {
        let mut command = tokio::process::Command::new(quaestor());
        command.args(["run", "--config"]).arg(config).env(PASSWORD_VAR, PASSWORD).env_remove("QUAESTOR_LOG");
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
        command.stdin(Stdio::null()).kill_on_drop(true);
        let Ok(output) = tokio::time::timeout(WAIT, command.output()).await else {
            panic!("`quaestor run` goes on although it should not start")
        };
        ended(output.unwrap())
    }

    /// Runs any other command, as a person types it.
    pub async fn types(&self, args: &[&str]) -> Ended {
        ended(self.quaestor(args).await.unwrap())
    }

    /// Writes another configuration beside the first: its text after `edit`, which must change something.
    pub fn config_as(&self, name: &str, edit: impl FnOnce(&str) -> String) -> PathBuf {
        let text = std::fs::read_to_string(&self.site.config).unwrap();
        let edited = edit(&text);
        assert_ne!(edited, text, "{name} is the right configuration");
        let path = self.site.folder.join(name);
        std::fs::write(&path, edited).unwrap();
        path
    }

    /// What the agent told so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.site.log).unwrap_or_default()
    }

    /// Waits for these words in the log, after its first `skip` bytes, while the agent runs.
    pub async fn told(&mut self, skip: usize, words: &str) {
        let begun = Instant::now();
        while !self.log().get(skip..).is_some_and(|log| log.contains(words)) {
            assert!(self.agent_runs(), "the agent ended before it told `{words}`");
            assert!(begun.elapsed() < WAIT, "the agent does not tell `{words}`");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The agent's next decision, an hour later.
    pub async fn decide(&mut self) -> Decision {
        let record = self.next_decision().await.unwrap();
        let Record::Decided { bundle, .. } = record else { panic!("{record:?} is no decision") };
        self.bundle(&bundle).unwrap().decision
    }

    /// The next decision, in which `rule` must hold everything back; and nothing of it may be planned.
    pub async fn holds(&mut self, rule: Rule) -> Decision {
        let skip = self.rows().unwrap().len();
        let decision = self.decide().await;
        assert_eq!(rules(&decision), [rule], "{:?}", decision.holds);
        assert!(decision.judged.is_empty() && decision.batches.is_empty(), "{decision:?}");
        assert!(self.plans(skip).unwrap().is_empty());
        decision
    }

    /// The next decision, which no rule may hold back.
    pub async fn decides(&mut self) -> Decision {
        let decision = self.decide().await;
        assert_eq!(rules(&decision), [], "{:?}", decision.holds);
        decision
    }

    /// Sends a call from an unlocked account of the local chain.
    pub async fn send(&self, from: alloy::primitives::Address, to: alloy::primitives::Address, call: &impl SolCall) {
        self.devnet.chain.send("a call of the story", from, &people::call(to, call)).await.unwrap();
    }

    /// All alarms so far.
    pub fn alarms(&self) -> Vec<String> {
        let alarm = |record| if let Record::Alarm { message } = record { Some(message) } else { None };
        self.records(0).unwrap().into_iter().filter_map(alarm).collect()
    }

    /// Waits for the alarm with these words.
    pub async fn alarmed(&mut self, words: &str) {
        let begun = Instant::now();
        while !self.alarms().iter().any(|alarm| alarm.contains(words)) {
            assert!(begun.elapsed() < WAIT, "no alarm `{words}` but {:#?}", self.alarms());
            self.devnet.mine(1).await.unwrap();
            tokio::time::sleep(LOOK * 2).await;
        }
    }

    /// The journal verifies, and has every row that it had when this was asked last.
    pub async fn journal_is_whole(&mut self) {
        let config = self.site.config.display().to_string();
        let verified = self.types(&["journal", "verify", "--config", &config]).await;
        assert_eq!(verified.code, Some(0), "{verified:#?}");
        let rows: Vec<B256> = self.rows().unwrap().iter().map(|row| row.row_hash).collect();
        assert!(!rows.is_empty() && rows.starts_with(&self.kept), "{} of {} rows", rows.len(), self.kept.len());
        self.kept = rows;
    }
}

/// Sends a signal, such as `TERM`, to a process.
pub fn signal(process: u32, name: &str) {
    let status = Command::new("kill").args([format!("-{name}"), process.to_string()]).status().unwrap();
    assert!(status.success(), "kill -{name} {process}");
}

/// The rules that hold a decision back.
pub fn rules(decision: &Decision) -> Vec<Rule> {
    let rule = |hold: &Hold| if let Hold::Rule { receipt } = hold { Some(receipt.rule) } else { None };
    decision.holds.iter().filter_map(rule).collect()
}

fn ended(output: std::process::Output) -> Ended {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}
