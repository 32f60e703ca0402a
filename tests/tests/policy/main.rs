//! A member who knows no Rust holds the DAO to its policy: whether the running agent obeys what was voted, and whether
//! everything that was done was allowed. The real program on the real chain, and what it prints.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that cannot go on has failed, and says where")]

mod agrees;
mod audits;

use quaestor_tests::{Ended, Stage};

/// What was checked is not right.
const FAILED: i32 = 1;
/// Nothing that was checked is wrong, but not everything could be checked.
const UNCHECKED: i32 = 6;

/// Types `quaestor policy ARGS --config agent.toml`, in which each of these words must be read on stdout.
async fn types(stage: &Stage, args: &[&str], code: i32, words: &[&str]) -> Ended {
    let config = stage.site.config.display().to_string();
    let ended = stage.types(&[&["policy"], args, &["--config", &config]].concat()).await;
    assert_eq!(ended.code, Some(code), "{}\n{}", ended.stdout, ended.stderr);
    for words in words {
        assert!(ended.stdout.contains(words), "no `{words}` in:\n{}", ended.stdout);
    }
    ended
}
