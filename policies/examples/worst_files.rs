//! Takes the time and the memory of reading the worst files there are, against what `policies/README.md` promises:
//!
//! ```text
//! cargo run --release -p quaestor-policies --example worst_files
//! ```
//!
//! Prints a line for each file, and ends with exit code 1 if one is beyond the promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub, missing_docs, reason = "an example")]

#[path = "../tests/fixture/mod.rs"]
mod fixture;
#[path = "../tests/fixture/worst.rs"]
mod worst;

use quaestor_policies::parse;
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

const TIME_MAX: Duration = Duration::from_millis(50);
const MEMORY_BYTES_MAX: u64 = 64 << 20;
/// How often each file is read; the slowest counts.
const RUNS: usize = 5;

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build, whose times say nothing; run it with --release");
    }
    let catalog = fixture::catalog();
    let largest = fixture::largest::text();
    let full = format!("{largest}# {}\n", "x".repeat(worst::BYTES_MAX - largest.len() - 3));
    let mut within = true;
    println!("slowest of {RUNS}   memory      file");
    for (name, text) in [("a policy with everything", full)].into_iter().chain(worst::files()) {
        let mut slowest = Duration::ZERO;
        for _ in 0..RUNS {
            let begun = Instant::now();
            let told =
                parse(text.as_bytes(), &catalog).map(|_| String::new()).unwrap_or_else(|problems| problems.to_string());
            slowest = slowest.max(begun.elapsed());
            drop(told);
        }
        let memory = allocation_counter::measure(|| drop(parse(text.as_bytes(), &catalog))).bytes_max;
        let is_within = slowest <= TIME_MAX && memory <= MEMORY_BYTES_MAX;
        within &= is_within;
        let mark = if is_within { "" } else { "   <- too much" };
        println!(
            "{:>9.2} ms   {:>6.2} MiB   {name}{mark}",
            slowest.as_secs_f64() * 1e3,
            memory as f64 / f64::from(1 << 20)
        );
    }
    if within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
