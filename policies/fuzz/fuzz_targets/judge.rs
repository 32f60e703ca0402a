//! Bytes as a policy, a snapshot, a history and intents.
#![no_main]
#![allow(missing_docs, reason = "a fuzz target")]

#[path = "../../tests/fixture/mod.rs"]
mod fixture;
#[path = "../../tests/fuzzed/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(targets::judge(bytes)));
