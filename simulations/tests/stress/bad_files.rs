//! Files that are no scenarios: everything that is wrong is told at once, with its line and what to write instead.

use quaestor_simulations::scenario::{FILE_BYTES_MAX, Scenario};

fn told(text: &str) -> Vec<String> {
    Scenario::parse("bad.toml", text).unwrap_err().to_string().lines().map(str::to_owned).collect()
}

#[test]
fn everything_is_told_at_once() {
    let text = "titel = \"a slip\"
group = \"panic\"
[synthetic]
length = \"soon\"
[[shocks]]
kind = \"stable\"
asset = \"USDC\"
change_bps = -10000
at = \"2020-03-12\"
recovery_over = \"3d\"
[[events]]
what = \"brake\"
from = 0
[[events]]
what = \"gas\"
times = \"ten\"
from = -1
colour = \"red\"
[[events]]
what = \"oracle-stale\"
feed = 9
to = 1.5
";
    let keys = "write a length from the beginning such as \"3d\", or a number of bars";
    let expected = [
        "bad.toml:1: `title` is missing; write such as title = \"A third off everything within three days\"".to_owned(),
        "bad.toml:1: `titel` is no key of a scenario; keys here are title, group, [replay], [synthetic], [[shocks]], [[events]]".to_owned(),
        "bad.toml:2: `group` is \"panic\"; write \"broad-downturn\" or \"broken-correlation\" or \"operations\"".to_owned(),
        "bad.toml:4: `length` is \"soon\"; write a length such as \"3d\", \"12h\" or \"30m\", or a number of bars".to_owned(),
        "bad.toml:5: `kind`, `asset` and `any_of` exclude each other; write one of them".to_owned(),
        "bad.toml:8: `change_bps` is -10000; write a whole number from -9999 to 100000".to_owned(),
        format!("bad.toml:9: `at` is \"2020-03-12\"; {keys}"),
        "bad.toml:10: nothing recovers without `recovery_bps`; write such as recovery_bps = 10000 (all of it)".to_owned(),
        "bad.toml:12: `brake` is nothing that can happen; write one of: oracle-stale, oracle-frozen, gas, venue-frozen, asleep, brake-pulled, flows".to_owned(),
        "bad.toml:16: `times` is string; write a whole number from 0 to 1000".to_owned(),
        format!("bad.toml:17: `from` is -1; {keys}"),
        "bad.toml:18: `colour` is no key of [[events]]; keys here are what, from, to, times".to_owned(),
        "bad.toml:19: `from` is missing in [[events]]; write such as from = \"5d\"".to_owned(),
        "bad.toml:21: `feed` is 9; write a whole number from 1 to 8".to_owned(),
        format!("bad.toml:22: `to` is float; {keys}"),
    ];
    let found = told(text);
    for line in &expected {
        assert!(found.contains(line), "{line}\nin\n{}", found.join("\n"));
    }
    assert_eq!(found.len(), expected.len(), "{}", found.join("\n"));
}

#[test]
fn what_is_no_toml_is_told_where_it_is() {
    let found = told("title = \"x\"\ngroup = operations\n[synthetic]\nlength = \"3d\"\n");
    assert!(found[0].starts_with("bad.toml:2: ") && found.len() == 1, "{found:?}");
}

#[test]
fn prices_come_from_one_source() {
    let head = "title = \"x\"\ngroup = \"operations\"\n";
    assert_eq!(
        told(head),
        ["bad.toml: neither [replay] with `from` and `to` nor [synthetic] with `length` is there; write one"]
    );
    let both = told(&format!("{head}[replay]\nfrom = \"2020-01-01\"\nto = \"2020-02-01\"\n[synthetic]\nlength = 3\n"));
    assert_eq!(both, ["bad.toml:6: [synthetic] beside [replay]: prices come from one of them; remove the other"]);
    let turned = told(&format!("{head}[replay]\nfrom = \"2020-02-02\"\nto = \"2020-02-01\"\n"));
    assert_eq!(turned, ["bad.toml:3: `from` lies after `to` in [replay]; write the earlier one first"]);
    let dates = told(&format!("{head}[replay]\nfrom = \"12 March\"\n"));
    assert!(dates[0].contains("`to` is missing in [replay]") && dates[1].contains("`12 March` is no day"), "{dates:?}");
}

#[test]
fn a_file_has_a_size() {
    let found = told(&"#".repeat(FILE_BYTES_MAX + 1));
    assert_eq!(found, ["bad.toml: has 65537 bytes; a scenario has 65536 at most"]);
    let many = "[[events]]\nwhat = \"brake-pulled\"\nfrom = 1\n".repeat(65);
    let found = told(&format!("title = \"x\"\ngroup = \"operations\"\n[synthetic]\nlength = 9\n{many}"));
    assert_eq!(found, ["bad.toml:5: 65 tables `[[events]]`; write 64 at most"]);
}
