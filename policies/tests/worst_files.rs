//! Whatever a file says, reading it is bounded: what is told, and the memory that it takes. The steps are counted in
//! `src/document/tests.rs`, and `examples/worst_files.rs` takes the time.
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "a test")]

mod fixture;
#[path = "fixture/worst.rs"]
mod worst;

use allocation_counter::measure;
use quaestor_policies::{FILE_BYTES_MAX, ProblemKind, parse};

/// What is refused before it is parsed; all others go the whole way.
const REFUSED_UNREAD: [&str; 2] = ["carriage returns", "what cannot be seen"];

/// Most memory that reading a file may take at any time: `policies/README.md` promises it.
const MEMORY_BYTES_MAX: u64 = 64 << 20;
/// Most that is told of a file: a hundred problems, each of a screen at most.
const TOLD_BYTES_MAX: usize = 200 << 10;

#[test]
fn the_files_are_as_large_as_they_can_be() {
    assert_eq!(worst::BYTES_MAX, FILE_BYTES_MAX);
    for (name, text) in worst::files() {
        assert!(text.len() <= FILE_BYTES_MAX, "{name}");
    }
}

#[test]
fn no_file_takes_more_memory_than_is_promised() {
    let catalog = fixture::catalog();
    let mut most = (0, "");
    for (name, text) in worst::files() {
        let counted = measure(|| {
            let problems = parse(text.as_bytes(), &catalog).unwrap_err();
            assert!((1..=100).contains(&problems.problems.len()), "{name}");
            let unread = problems.problems[0].kind == ProblemKind::Source;
            assert_eq!(unread, REFUSED_UNREAD.contains(&name), "{name}: {}", problems.problems[0]);
            let told = problems.to_string();
            assert!(told.len() <= TOLD_BYTES_MAX, "{name}: {} bytes", told.len());
        });
        println!("{:>9} KiB at once, {:>7} allocations: {name}", counted.bytes_max >> 10, counted.count_total);
        most = most.max((counted.bytes_max, name));
    }
    assert!(most.0 <= MEMORY_BYTES_MAX, "{most:?}");
}

#[test]
fn a_policy_with_everything_is_read() {
    let text = fixture::largest::text();
    let full = format!("{text}# {}\n", "x".repeat(FILE_BYTES_MAX - text.len() - 3));
    assert_eq!(full.len(), FILE_BYTES_MAX);
    let counted = measure(|| drop(parse(full.as_bytes(), &fixture::catalog()).unwrap()));
    assert!(counted.bytes_max <= MEMORY_BYTES_MAX, "{counted:?}");
}
