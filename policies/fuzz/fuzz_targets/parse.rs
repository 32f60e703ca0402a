//! Any bytes as a policy file.
#![no_main]
#![allow(missing_docs, reason = "a fuzz target")]

#[path = "../../tests/fixture/mod.rs"]
mod fixture;
#[path = "../../tests/fuzzed/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::parse(bytes));
