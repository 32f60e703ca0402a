use super::*;
use crate::{parse, source::text_of, work};
use proptest::prelude::*;
use quaestor_core::Catalog;

#[path = "../../tests/fixture/worst.rs"]
#[allow(unreachable_pub, reason = "tests outside of the crate use it too")]
mod worst;

/// Most steps for each byte of a file. The dearest is a file in whose last line the first key stands.
const STEPS_PER_BYTE_MAX: usize = 24;

#[test]
fn reading_takes_steps_in_proportion_to_the_file() {
    let catalog = Catalog::new([]);
    let mut most = (0, "");
    for (name, text) in worst::files() {
        // Half a file takes about half as long: nothing grows with the square.
        let half = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
        for part in [text.as_str(), &text[..half]] {
            let (steps, found) = work::of(|| parse(part.as_bytes(), &catalog));
            assert!(!found.unwrap_err().problems.is_empty());
            most = most.max((steps / part.len().max(1), name));
        }
        println!("{:>4} steps a byte: {name}", work::of(|| parse(text.as_bytes(), &catalog)).0 / text.len());
    }
    assert!(most.0 <= STEPS_PER_BYTE_MAX, "{most:?}");
}

#[test]
fn of_too_many_problems_the_first_of_the_file_are_told() {
    let lines = |order: &mut dyn Iterator<Item = usize>| order.map(|key| format!("k{key} = 1.5\n")).collect::<String>();
    // In the order of the file, whatever the order of the keys.
    for text in [lines(&mut (1_000..1_300)), lines(&mut (1_000..1_300).rev())] {
        let problems = parse(text.as_bytes(), &Catalog::new([])).unwrap_err().problems;
        let places: Vec<usize> = problems.iter().filter(|it| it.kind == ProblemKind::Type).map(|it| it.line).collect();
        assert_eq!(problems.len(), PROBLEMS_MAX);
        assert!(places.is_sorted() && places.iter().all(|line| *line <= PROBLEMS_MAX), "{places:?}");
    }
}

#[test]
fn what_a_syntax_error_causes_is_left_out_however_late_it_stands() {
    let text = format!("{}[policy]\nname = \n", "# a line\n".repeat(300));
    let problems = parse(text.as_bytes(), &Catalog::new([])).unwrap_err().problems;
    let told: Vec<_> = problems.iter().map(|it| (it.line, it.kind)).collect();
    assert_eq!(told, [(302, ProblemKind::Syntax)]);
}

/// How many keys and lists lie around the deepest place.
fn depth(value: &DeValue<'_>) -> usize {
    match value {
        DeValue::Table(table) => table.values().map(|inner| 1 + depth(inner.get_ref())).max().unwrap_or(0),
        DeValue::Array(list) => list.iter().map(|inner| 1 + depth(inner.get_ref())).max().unwrap_or(0),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The limit is looked for in the tokens alone, and holds for what the parser makes of them.
    #[test]
    fn what_passes_is_no_deeper_than_the_limit(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "[", "[", "[", "]", "{", "{", "}", ".", ".", "=", "=", ",", "\n", "\n", " ", "#", "a", "b", "a = ", "a.b", "\n[a.b.",
            "\n[[a]]\n", "'", "\"", "\\", "x\"", "1.5", "\r\n", "''", "\"a\"", "a = [{ b = ", "{ a.b = [", "] }",
        ]), 0..120)
    ) {
        let text = pieces.concat();
        if let Ok(text) = text_of(text.as_bytes()) {
            let (root, errors) = DeTable::parse_recoverable(text);
            // Where brackets do not match, the parser and a count of tokens may differ about which section a key is in.
            let most = if errors.is_empty() { 16 } else { 32 };
            prop_assert!(depth(&DeValue::Table(root.into_inner())) <= most, "{:?}", text);
        }
    }
}
