//! Addresses and hashes of one repeated digit, such as `0x1111…`: they stand for what is not known yet. Nobody has the key of
//! such an address, and no code has such a hash.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// What stands before whatever is to be filled in.
const MARK: &str = "fill in";

/// Whether `text` is an address, alone or as a CAIP-10 account, or a hash, of one repeated digit.
fn is_example(text: &str) -> bool {
    let hex = text.rsplit(':').next().unwrap_or(text);
    let Some(digits) = hex.strip_prefix("0x").filter(|digits| matches!(digits.len(), 40 | 64)) else { return false };
    let mut digits = digits.bytes().map(|digit| digit.to_ascii_lowercase());
    let first = digits.next().unwrap_or_default();
    first.is_ascii_hexdigit() && digits.all(|digit| digit == first)
}

/// What belongs in the place of an example at `path`.
pub(crate) fn wanted(path: &str) -> &'static str {
    let parts: Vec<&str> = path.split(['.', '[']).collect();
    match parts.as_slice() {
        ["policy", "registry"] => "the PolicyRegistry, as `quaestor contracts deploy` wrote it",
        ["policy", "brake"] => "the EmergencyBrake, as `quaestor contracts deploy` wrote it",
        ["policy", "gate"] => "the DecisionGate, as `quaestor contracts deploy` wrote it",
        ["accounts", _, "address"] => "the DAO's Safe, or the timelock of its Governor",
        ["accounts", _, "governor"] => "the DAO's Governor",
        ["accounts", _, "proposer"] => "the operator who proposes there",
        ["assets", _, "address"] => "the token",
        ["assets", _, "feeds", ..] => "its price feed in US dollars",
        ["venues", _, "address"] => "the router or the vault",
        ["venues" | "assets", _, "code_hash"] => "the hash of its code, which `quaestor init` reads from the chain",
        ["counterparties", _] => "who may be paid",
        _ => "the DAO's own",
    }
}

/// The paths of all examples in a document, in no order.
pub(crate) fn paths(root: &DeTable<'_>) -> Vec<String> {
    let mut found = Vec::new();
    in_table("", root, &mut found);
    found
}

fn in_table(path: &str, table: &DeTable<'_>, found: &mut Vec<String>) {
    for (key, value) in table {
        let name = key.get_ref();
        in_value(if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }, value, found);
    }
}

fn in_value(path: String, value: &Spanned<DeValue<'_>>, found: &mut Vec<String>) {
    match value.get_ref() {
        DeValue::String(text) if is_example(text) => found.push(path),
        DeValue::Array(list) => {
            list.iter().enumerate().for_each(|(place, item)| in_value(format!("{path}[{place}]"), item, found));
        }
        DeValue::Table(table) => in_table(&path, table, found),
        _ => {}
    }
}

/// The text of a policy file with a comment behind every example that says what is to be filled in there.
pub fn mark_examples(text: &str) -> String {
    let mut marked = String::with_capacity(text.len() + 1_024);
    let (mut section, mut is_unknown) = (String::new(), false);
    for line in text.lines() {
        let (code, comment) = split(line);
        if let Some(head) = code.trim().strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            (section, is_unknown) = (head.trim_start_matches('[').to_owned(), false);
        }
        let has_example = code.split('"').any(is_example);
        let key = code.split_once('=').map(|(key, _)| key.trim()).unwrap_or_default();
        let wanted = match key {
            "" => None,
            // Of a token that is not known the decimals are not known either.
            "decimals" if is_unknown => Some("as the token says"),
            key => has_example.then(|| wanted(&format!("{section}.{key}"))),
        };
        is_unknown |= has_example && section.starts_with("assets.") && key == "address";
        match wanted {
            Some(wanted) if !comment.contains(MARK) => {
                marked.push_str(&format!("{} # {MARK}: {wanted}\n", code.trim_end()));
            }
            _ => marked.push_str(&format!("{line}\n")),
        }
    }
    marked
}

/// A line before its comment, and its comment. A `#` in a text is none.
fn split(line: &str) -> (&str, &str) {
    let mut is_text = false;
    for (at, letter) in line.char_indices() {
        match letter {
            '"' => is_text = !is_text,
            '#' if !is_text => return line.split_at(at),
            _ => {}
        }
    }
    (line, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_one_digit_repeated() {
        let one = |digit: &str, times| format!("0x{}", digit.repeat(times));
        assert!(
            is_example(&one("1", 40)) && is_example(&format!("eip155:1:{}", one("a", 40))) && is_example(&one("2", 64))
        );
        assert!(is_example(&format!("eip155:1:0x{}", "aA".repeat(20))), "a checksum is no other digit");
        for other in ["", "0x", "0x11", "1".repeat(40).as_str(), &one("12", 20), &one("g", 40), &one("1", 41)] {
            assert!(!is_example(other), "{other}");
        }
    }

    #[test]
    fn what_is_to_be_filled_in_is_said_behind_it_once() {
        let text = format!(
            "# 0x{0}\n[policy]\nname = \"a # 0x{0}\"\ngate = \"eip155:1:0x{0}\" # old\n[assets.DAO]\naddress = \"eip155:1:0x{0}\"\ndecimals = 18\n[venues.uniswap]\ncode_hash = \"0x{1}\"\ndecimals = 18\n",
            "1".repeat(40),
            "2".repeat(64)
        );
        let marked = mark_examples(&text);
        let added = "fill in: the DecisionGate, as `quaestor contracts deploy` wrote it\n";
        assert!(marked.contains(&format!("gate = \"eip155:1:0x{}\" # {added}", "1".repeat(40))), "{marked}");
        assert!(marked.contains("decimals = 18 # fill in: as the token says\n[venues"), "{marked}");
        assert_eq!(marked.matches("fill in").count(), 4);
        assert_eq!(mark_examples(&marked), marked);
    }
}
