//! The demo as a user runs it: it tells its fifteen steps, and however it ends nothing is left running.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use quaestor_tests::{quaestor, signal};
use serde_json::Value;
use std::{
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const STEPS: [&str; 15] = [
    "the DAO and its treasury stand",
    "members vote policy epoch 1 through the Governor and it is anchored",
    "four members train a risk model together; one that poisons it is caught",
    "prices crash, the agent proposes on the Safe, two people confirm, the batch executes",
    "an intent beyond the policy is refused with a receipt",
    "a policy file with one changed byte is refused",
    "a guardian pulls the brake: a fully confirmed proposal can never execute",
    "members read a tighter policy: what it permits, what it changes, what it would have done",
    "members release the brake and vote it as epoch 2; the agent obeys it; epoch 3 is vetoed",
    "the agent is killed between journal and send, and nothing is proposed twice",
    "prices move while a proposal waits, and the agent withdraws it",
    "members vote a ceiling on risk; the market falls, the forecast breaches it, derisk proposes",
    "members vote a longer runway: a refill from the reserve is proposed, voted, queued and executed",
    "the journal verifies and a decision is recomputed",
    "an audit finds that everything that was done was allowed by the policy of its time",
];
/// The bound; it holds for a debug build too.
const DEMO_MAX: Duration = Duration::from_secs(120);
/// Longest time in which everything has ended after the demo did.
const AFTERMATH_MAX: Duration = Duration::from_secs(6);
/// Longest wait until the agent of the demo is under way: training comes before.
const UNDER_WAY_MAX: Duration = Duration::from_secs(60);
/// An environment variable that every process of a demo inherits, so that they can be told from those of others.
const MARK: &str = "QUAESTOR_STORY";

/// A demo under way; its files are in a folder of its own.
struct Demo {
    child: Child,
    mark: String,
    folder: TempDir,
}

impl Demo {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().display().to_string();
        let output = |name| std::fs::File::create(folder.path().join(name)).unwrap();
        let mut command = Command::new(quaestor());
        command.args(["demo", "--json"]).env(MARK, &mark).env("TMPDIR", scratch(folder.path()));
        command.stdin(Stdio::null()).stdout(output("stdout")).stderr(output("stderr"));
        let child = command.spawn().unwrap();
        Self { child, mark, folder }
    }

    /// Waits for its end.
    fn ends(&mut self, longest: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < longest, "the demo goes on after {longest:?}: {}", self.text("stderr"));
            sleep(Duration::from_millis(20));
        }
    }

    /// Waits until chain and agent run and the agent has sent something.
    fn is_under_way(&mut self) {
        let begun = Instant::now();
        let has_sent = |folder: &Path| {
            let log = std::fs::read_to_string(folder.join("agent.log")).unwrap_or_default();
            log.contains(" sent ")
        };
        while !std::fs::read_dir(scratch(self.folder.path())).unwrap().any(|entry| has_sent(&entry.unwrap().path())) {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended early: {}", self.text("stderr"));
            assert!(begun.elapsed() < UNDER_WAY_MAX, "the agent sends nothing");
            sleep(Duration::from_millis(20));
        }
        let running = self.running();
        for wanted in ["anvil", "quaestor run"] {
            assert!(running.iter().any(|line| line.contains(wanted)), "no {wanted} in {running:#?}");
        }
    }

    /// Command lines of the processes that it began and that have not ended.
    fn running(&self) -> Vec<String> {
        let mark = format!("{MARK}={}", self.mark);
        let mut lines = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            // Processes of others, and those that end meanwhile, cannot be read; one that has ended has no environment.
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
                let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
                lines.push(String::from_utf8_lossy(&line).replace('\0', " "));
            }
        }
        lines
    }

    /// Soon nothing runs any more.
    fn leaves_nothing_running(&self) {
        let begun = Instant::now();
        while !self.running().is_empty() {
            assert!(begun.elapsed() < AFTERMATH_MAX, "left running: {:#?}", self.running());
            sleep(Duration::from_millis(20));
        }
    }

    /// Names of the files that it left.
    fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(scratch(self.folder.path())).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Only a test that failed leaves it running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the demo makes its own folders.
fn scratch(folder: &Path) -> std::path::PathBuf {
    let scratch = folder.join("scratch");
    std::fs::create_dir_all(&scratch).unwrap();
    scratch
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "processes are found in /proc")]
fn the_demo_tells_its_fifteen_steps_and_leaves_nothing() {
    let mut demo = Demo::start();
    let status = demo.ends(DEMO_MAX);
    let stdout = demo.text("stdout");
    assert_eq!((status.code(), stdout.lines().count()), (Some(0), 1), "{stdout}\n{}", demo.text("stderr"));
    let told: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(told["ok"], true);
    assert!(told["elapsed_secs"].as_f64().unwrap() > 0.0);
    let steps = told["steps"].as_array().unwrap();
    let names: Vec<_> = steps.iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names, STEPS);
    for step in steps {
        assert_eq!(step["ok"], true, "{step:#}");
        assert!(!step["detail"].as_object().unwrap().is_empty(), "{step:#}");
    }
    demo.leaves_nothing_running();
    assert_eq!(demo.left(), [""; 0]);
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "processes are found in /proc")]
fn ctrl_c_ends_the_demo_with_all_that_it_began() {
    let mut demo = Demo::start();
    demo.is_under_way();
    signal(demo.child.id(), "INT");
    let status = demo.ends(AFTERMATH_MAX);
    assert_eq!(status.code(), Some(1), "{}", demo.text("stderr"));
    let told: Value = serde_json::from_str(&demo.text("stdout")).unwrap();
    assert_eq!((&told["ok"], &told["error"]), (&Value::Bool(false), &"stopped before its end".into()));
    demo.leaves_nothing_running();
    assert_eq!(demo.left(), [""; 0]);
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "processes are found in /proc")]
fn killing_the_demo_ends_all_that_it_began() {
    for name in ["KILL", "TERM"] {
        let mut demo = Demo::start();
        demo.is_under_way();
        signal(demo.child.id(), name);
        assert_eq!(demo.ends(AFTERMATH_MAX).code(), None);
        demo.leaves_nothing_running();
    }
}
