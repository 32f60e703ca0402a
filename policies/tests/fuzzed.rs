//! The fuzz targets of `policies/fuzz`, without a fuzzer: the kept corpus, and seeded mutations of it, through the same
//! functions. `QUAESTOR_MUTATIONS=100000 cargo test -p quaestor-policies --test fuzzed` tries as many as you like.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;
#[path = "fuzzed/mod.rs"]
mod targets;

use quaestor_core::{Rule, Verdict};
use std::{collections::BTreeMap, fs, path::Path};

/// Mutations of a target when nobody says how many.
const MUTATIONS: u64 = 400;
/// Most bytes of a mutation; the worst large files have a test of their own.
const BYTES_MAX: usize = 8_192;

/// Fewest intents that are allowed in all of them, and fewest rules that refuse one.
const ALLOWED_MIN: usize = 100;
const RULES_MIN: usize = 25;

/// Random numbers that are the same everywhere: SplitMix64 (Steele, Lea and Flood, 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end.max(1) as u64) as usize
    }
}

/// The kept inputs of a target, by name.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// The words that `policy.dict` has for fuzzers, in libFuzzer's spelling.
fn words() -> Vec<Vec<u8>> {
    let text = include_str!("../fuzz/policy.dict");
    let quoted = text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    quoted.map(unescaped).collect()
}

fn unescaped(word: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), word.as_bytes());
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'\\', [b'x', a, b, after @ ..]) => {
                let digits = [*a, *b];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                after
            }
            (b'\\', [escaped, after @ ..]) => {
                bytes.push(*escaped);
                after
            }
            (plain, after) => {
                bytes.push(*plain);
                after
            }
        };
    }
    bytes
}

/// A few changes of one of the inputs: bytes exchanged, cut out, repeated, words put in, and the rest of another input.
fn mutated(corpus: &[Vec<u8>], words: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut input = corpus[dice.below(corpus.len())].clone();
    for _ in 0..1 + dice.below(4) {
        let at = dice.below(input.len() + 1);
        let end = (at + dice.below(32)).min(input.len());
        match dice.below(6) {
            0 if at < input.len() => input[at] = dice.roll() as u8,
            1 => drop(input.drain(at..end)),
            2 => {
                let again = input[at..end].to_vec();
                input.splice(at..at, again);
            }
            3 => {
                let other = &corpus[dice.below(corpus.len())];
                input.truncate(at);
                input.extend(&other[dice.below(other.len() + 1)..]);
            }
            4 if at < input.len() => input[at] ^= 1 << dice.below(8),
            _ => drop(input.splice(at..at, words[dice.below(words.len())].iter().copied())),
        }
    }
    input.truncate(BYTES_MAX);
    input
}

fn replay<T>(target: &str, run: impl Fn(&[u8]) -> T + std::panic::RefUnwindSafe) -> Vec<T> {
    let (corpus, words) = (corpus(target), words());
    let mutations = std::env::var("QUAESTOR_MUTATIONS").map_or(MUTATIONS, |text| text.parse().unwrap());
    let tried = corpus
        .iter()
        .cloned()
        .map(|input| ("kept".to_owned(), input))
        .chain((0..mutations).map(|seed| (format!("seed {seed}"), mutated(&corpus, &words, &mut Dice(seed)))));
    let mut found = Vec::new();
    for (name, input) in tried {
        match std::panic::catch_unwind(|| run(&input)) {
            Ok(it) => found.push(it),
            Err(panic) => {
                eprintln!("{target}, {name}: {}", String::from_utf8_lossy(&input).escape_debug());
                std::panic::resume_unwind(panic);
            }
        }
    }
    found
}

#[test]
fn every_file_is_read_or_refused_in_words() {
    replay("parse", targets::parse);
}

#[test]
fn what_is_allowed_keeps_to_caps_and_balances() {
    let verdicts = replay("judge", targets::judge).concat();
    let mut refused: BTreeMap<Rule, usize> = BTreeMap::new();
    for verdict in &verdicts {
        if let Verdict::Refused(receipt) = verdict {
            *refused.entry(receipt.rule).or_default() += 1;
        }
    }
    let allowed = verdicts.iter().filter(|verdict| verdict.is_allowed()).count();
    println!("{} judged, {allowed} allowed, {refused:?}", verdicts.len());
    // The target is no good if its scenes never come to a rule, or never pass all of them.
    assert!(allowed >= ALLOWED_MIN && refused.len() >= RULES_MIN, "{allowed} allowed, refused by {refused:?}");
}
