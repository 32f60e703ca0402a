//! Whatever a policy sets is told, and whatever is set otherwise is told otherwise.

use super::*;
use crate::{
    diff::{Diff, Effort, Overall},
    parse, read,
};
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// Keys of which no other value goes with the rest of the file.
const FIXED: [&str; 13] = [
    "policy.version",
    "policy.chain",
    "accounts.*.kind",
    "assets.*.vault",
    "assets.*.wrapped_coin",
    "venues.*.kind",
    "risk.model.kind",
    "strategies[*].kind",
    // Vaults take no other, amounts have it for their unit, and the coin of the chain has one wrapped form.
    "strategies[5].asset",
    "strategies[6].asset",
    "strategies[7].sell",
    "strategies[9].asset",
    "payments[*].asset",
];

/// Every key of the language, in as few files as its alternatives allow.
fn files() -> Vec<String> {
    let everything = include_str!("../../tests/everything.toml");
    let replaced = |changes: &[(&str, &str)]| {
        changes.iter().fold(everything.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        })
    };
    let sources = "sources = [[\"reserve\", \"USDC\"], [\"operations\", \"WETH\"]]";
    let hash = format!("hash = \"0x{}\"", "5".repeat(64));
    let file = replaced(&[
        ("kind = \"trained\"", "kind = \"file\""),
        ("schedule = \"0 0 3 * * Mon\"", &hash),
        ("auc_bps_min = 6000", ""),
        ("schedule = \"0 0 8 * * Mon-Fri\"", "every_blocks = 7200"),
        ("schedule = \"0 30 7 * * Mon\"\n", ""),
        ("on_breach = \"hold\"", "on_breach = \"only-reduce\""),
        ("fallback = \"hold\"", "fallback = \"ewma\""),
        ("price_quorum_min = 2", "price_quorum_min = 1"),
        (sources, "sources = [[\"reserve\", \"USDC\"]]"),
    ]);
    let transfers = replaced(&[(sources, "sources = [[\"reserve\", \"USDC\"], [\"growth\", \"DAI\"]]")]);
    vec![everything.to_owned(), file, transfers]
}

fn read_policy(text: &str) -> Option<VotedPolicy> {
    parse(text.as_bytes(), &quaestor_strategies::catalog()).ok()
}

fn told(text: &str) -> Explanation {
    let catalog = quaestor_strategies::catalog();
    parse(text.as_bytes(), &catalog).unwrap_or_else(|problems| panic!("{problems}")).explain(&catalog)
}

/// Path, and the steps to it, of everything that is no table and no list.
fn leaves(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Table(table) => {
            for (key, inner) in table {
                leaves(inner, if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, found);
            }
        }
        Value::Array(list) => {
            for (place, inner) in list.iter().enumerate() {
                leaves(inner, format!("{path}[{place}]"), found);
            }
        }
        _ => found.push(path),
    }
}

fn at<'v>(root: &'v mut Value, path: &str) -> &'v mut Value {
    let steps = path.split(['.', '[']);
    steps.fold(root, |value, step| match step.strip_suffix(']') {
        Some(place) => value.get_mut(place.parse::<usize>().unwrap()).unwrap(),
        None => value.get_mut(step).unwrap(),
    })
}

/// The path as the language has it: names and places are any.
fn pattern(path: &str) -> String {
    let mut pattern = String::new();
    let mut parts = path.split('.').peekable();
    let first = parts.next().unwrap_or_default();
    let named = ["accounts", "assets", "allocation", "groups", "venues", "counterparties"].contains(&first);
    pattern.push_str(first);
    for (place, part) in parts.enumerate() {
        pattern.push('.');
        pattern.push_str(if named && place == 0 { "*" } else { part });
    }
    let mut any = String::new();
    let mut is_inside = false;
    for letter in pattern.chars() {
        match letter {
            '[' => any.push_str("[*]"),
            _ if letter == ']' => {}
            _ if is_inside && letter.is_ascii_digit() => {}
            _ => any.push(letter),
        }
        is_inside = letter == '[' || (is_inside && letter.is_ascii_digit());
    }
    any
}

/// Other values that might stand in a place, most of which the language refuses there.
fn others(root: &Table, value: &Value) -> Vec<Value> {
    let text = match value {
        Value::Integer(number) => {
            let others = [number + 1, number - 1, number + 100, number - 100, 1].map(Value::Integer);
            return others.into_iter().filter(|other| other != value).collect();
        }
        Value::String(text) => text.as_str(),
        other => panic!("{other}"),
    };
    let names = |section: &str| root[section].as_table().unwrap().keys().cloned().collect::<Vec<_>>();
    let pools: [Vec<String>; 11] = [
        names("accounts"),
        names("assets"),
        names("venues"),
        ["drawdown-probability", "value-at-risk", "expected-shortfall", "volatility"].map(str::to_owned).to_vec(),
        ["stable", "native", "volatile", "only-reduce", "hold", "ewma", "drop"].map(str::to_owned).to_vec(),
        ["month", "quarter", "year"].map(str::to_owned).to_vec(),
        names("counterparties"),
        ["transfers", "swaps", "redemptions"].map(str::to_owned).to_vec(),
        ["weighted-mean", "krum", "multi-krum"].map(str::to_owned).to_vec(),
        ["1h", "3h", "23h", "9d", "11d", "13d", "8d", "25d"].map(str::to_owned).to_vec(),
        ["0 0 9 * * Mon-Fri", "0 30 8 * * Mon-Fri", "0 0 8 * * *", "0 0 8 1 * *"].map(str::to_owned).to_vec(),
    ];
    let is_of = |pool: &&Vec<String>| {
        pool.iter().any(|word| word == text)
            || pool.iter().all(|word| word.contains(' ')) && text.starts_with("0 ")
            || pool.iter().all(|word| word.ends_with(['h', 'd']))
                && text.starts_with(|first: char| first.is_ascii_digit())
                && text.ends_with(['h', 'd'])
    };
    let mut found: Vec<String> = pools.iter().filter(is_of).flatten().cloned().collect();
    let number = |text: &str| text.parse::<f64>().ok();
    match text.split_once(' ') {
        Some((amount, unit)) if number(amount).is_some() && !unit.contains(' ') => {
            let amount = number(amount).unwrap();
            found
                .extend([amount + 0.01, amount + 1.0, amount - 0.01, amount / 2.0].map(|it| format!("{it:.3} {unit}")));
        }
        _ if text.starts_with("eip155:1:") => found.push("eip155:1:0x1234567890123456789012345678901234567890".into()),
        _ if text.len() == 66 => found.push(format!("0x{}", "7".repeat(64))),
        _ if text.ends_with('Z') => found.extend(["2028-01-02T00:00:00Z", "2026-12-20T00:00:00Z"].map(str::to_owned)),
        _ if number(text).is_some() => found.push("7.5".into()),
        _ if found.is_empty() => found.push(format!("{text}2")),
        _ => {}
    }
    found.retain(|other| other != text);
    found.into_iter().map(Value::String).collect()
}

/// Who writes a policy finds each key in the table of the README, under its section.
#[test]
fn every_key_of_the_language_is_in_the_readme() {
    let readme = include_str!("../../README.md");
    let table: Vec<&str> = readme.lines().filter(|line| line.starts_with('|')).collect();
    for key in read::all_keys() {
        let name = key.rsplit('.').find(|part| *part != "*").unwrap().trim_end_matches("[*]");
        let forms = [format!("`{name}`"), format!("{name} ="), format!("[{name}")];
        let is_there = table.iter().any(|row| forms.iter().any(|form| row.contains(form)));
        assert!(is_there, "{key} is not described");
    }
}

#[test]
fn these_files_have_every_key_of_the_language() {
    let mut patterns = BTreeSet::new();
    for text in files() {
        let mut found = Vec::new();
        leaves(&Value::Table(text.parse().unwrap()), String::new(), &mut found);
        // A list of plain values is one key.
        patterns.extend(found.iter().map(|path| pattern(path).trim_end_matches("[*]").to_owned()));
    }
    for key in read::all_keys() {
        let is_there = patterns.contains(&key) || patterns.iter().any(|path| path.starts_with(&format!("{key}[*]")));
        assert!(is_there, "{key} is in no file; write it into tests/everything.toml");
    }
    let kinds: BTreeSet<String> = quaestor_strategies::catalog().specs().iter().map(|spec| spec.kind.into()).collect();
    let used: BTreeSet<String> =
        read_policy(&files()[0]).unwrap().terms.strategies.iter().map(|it| it.kind.clone()).collect();
    assert_eq!(used, kinds, "every kind of strategy is in the file");
}

#[test]
fn whatever_is_set_has_a_sentence_and_another_value_another_one() {
    let mut tried: BTreeMap<String, usize> = BTreeMap::new();
    for text in files() {
        let root: Table = text.parse().unwrap();
        let before = told(&text);
        let unchanged = read_policy(&text).unwrap();
        let keys: BTreeSet<&str> =
            before.sections.iter().flat_map(|it| &it.sentences).flat_map(|it| &it.keys).map(String::as_str).collect();
        let mut paths = Vec::new();
        leaves(&Value::Table(root.clone()), String::new(), &mut paths);
        for path in paths {
            let list = path.rfind('[').map_or(path.as_str(), |end| &path[..end]);
            let above = list.rfind('[').map_or(list, |end| &list[..end]);
            assert!([&path, list, above].iter().any(|key| keys.contains(key)), "{path} has no sentence");
            let mut changed = Value::Table(root.clone());
            let value = at(&mut changed, &path).clone();
            // Of an asset that a strategy needs to be stable no other kind is read, but of another asset.
            let is_one = path.starts_with("strategies") || path.starts_with("limits") || path.starts_with("risk");
            let read = tried.entry(if is_one { path.clone() } else { pattern(&path) }).or_default();
            for other in others(&root, &value) {
                *at(&mut changed, &path) = other.clone();
                let Some(policy) = read_policy(&toml::to_string(&changed).unwrap()) else { continue };
                *read += 1;
                let after = policy.explain(&quaestor_strategies::catalog());
                assert!(after.sections != before.sections, "{path} = {other} is told like {value}");
                let diff = Diff::between(&unchanged, &policy, &Effort { trials: 0, random: 0 });
                assert_ne!(diff.verdict, Overall::Same, "{path} = {other} differs in nothing from {value}");
            }
        }
    }
    for (path, read) in tried {
        let is_fixed = FIXED.contains(&pattern(&path).as_str()) || FIXED.contains(&path.as_str());
        assert_eq!(read == 0, is_fixed, "{read} other values of {path} were tried");
    }
}

#[test]
fn chain_names_and_units_are_told_too() {
    let text = &files()[0];
    let before = told(text).sections;
    for (from, to) in [
        ("eip155:1", "eip155:10"),
        ("auditor = ", "accountant = "),
        ("growth", "expansion"),
        ("savings", "piggybank"),
        ("WBTC", "tBTC"),
        (
            "asset = \"USDC\"\nlow = \"100001 USDC\"\ntarget = \"250000 USDC\"",
            "asset = \"DAI\"\nlow = \"100001 DAI\"\ntarget = \"250000 DAI\"",
        ),
        (
            "sell = \"USDC\"\nbuy = \"WETH\"\namount = \"10000 USDC\"",
            "sell = \"DAI\"\nbuy = \"WETH\"\namount = \"10000 DAI\"",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        assert_ne!(told(&text.replace(from, to)).sections, before, "{from}");
    }
}

/// All rules, so that a new one does not compile before it is here.
fn rules() -> Vec<Rule> {
    use Rule::*;
    let next = |rule: Rule| match rule {
        PolicyAnchored => Some(ModelInForce),
        ModelInForce => Some(PolicyExpiresAt),
        PolicyExpiresAt => Some(BrakePulled),
        BrakePulled => Some(LeaseLapsed),
        LeaseLapsed => Some(ChainId),
        ChainId => Some(SnapshotComplete),
        SnapshotComplete => Some(AssetDecimals),
        AssetDecimals => Some(PriceQuorumMin),
        PriceQuorumMin => Some(AccountListed),
        AccountListed => Some(GuardiansNamed),
        GuardiansNamed => Some(OperatorsNamed),
        OperatorsNamed => Some(OwnersNamed),
        OwnersNamed => Some(OperatorsBelowThreshold),
        OperatorsBelowThreshold => Some(AssetListed),
        AssetListed => Some(LineListed),
        LineListed => Some(PaymentMatchesLine),
        PaymentMatchesLine => Some(PaymentPeriod),
        PaymentPeriod => Some(VenueListed),
        VenueListed => Some(VenueCodeHash),
        VenueCodeHash => Some(AssetCodeHash),
        AssetCodeHash => Some(VaultAsset),
        VaultAsset => Some(CounterpartyListed),
        CounterpartyListed => Some(WrapListed),
        WrapListed => Some(DelegateListed),
        DelegateListed => Some(CounterpartyProposalBpsMax),
        CounterpartyProposalBpsMax => Some(CounterpartyHourBpsMax),
        CounterpartyHourBpsMax => Some(CounterpartyDayBpsMax),
        CounterpartyDayBpsMax => Some(CounterpartyWeekBpsMax),
        CounterpartyWeekBpsMax => Some(CounterpartyMonthBpsMax),
        CounterpartyMonthBpsMax => Some(IntentMatchesActions),
        IntentMatchesActions => Some(ApprovalExact),
        ApprovalExact => Some(BalanceSufficient),
        BalanceSufficient => Some(ProposalBpsMax),
        ProposalBpsMax => Some(HourBpsMax),
        HourBpsMax => Some(DayBpsMax),
        DayBpsMax => Some(WeekBpsMax),
        WeekBpsMax => Some(MonthBpsMax),
        MonthBpsMax => Some(SlippageBpsMax),
        SlippageBpsMax => Some(ProposalsPerDayMax),
        ProposalsPerDayMax => Some(CooldownSecsMin),
        CooldownSecsMin => Some(ValiditySecsMax),
        ValiditySecsMax => Some(AllocationMax),
        AllocationMax => Some(AllocationMin),
        AllocationMin => Some(GroupMax),
        GroupMax => Some(GroupMin),
        GroupMin => Some(NativeShareBpsMax),
        NativeShareBpsMax => Some(VenueShareBpsMax),
        VenueShareBpsMax => Some(StableShareBpsMin),
        StableShareBpsMin => Some(VolatilityBpsMax),
        VolatilityBpsMax => Some(ValueAtRiskBpsMax),
        ValueAtRiskBpsMax => Some(ExpectedShortfallBpsMax),
        ExpectedShortfallBpsMax => Some(DrawdownProbabilityBpsMax),
        DrawdownProbabilityBpsMax => Some(ShareBpsMax),
        ShareBpsMax => Some(Opposed),
        Opposed => Some(OnceKeyUnused),
        OnceKeyUnused => Some(IntentsMax),
        IntentsMax => Some(CalldataMatches),
        CalldataMatches => Some(DryRun),
        DryRun => Some(ClearanceFresh),
        ClearanceFresh => Some(GovernorSwapBound),
        GovernorSwapBound => None,
    };
    std::iter::successors(Some(PolicyAnchored), |rule| next(*rule)).collect()
}

#[test]
fn every_rule_is_told_where_the_policy_sets_it() {
    let explained = told(&files()[0]);
    let sentences = || explained.sections.iter().flat_map(|section| &section.sentences);
    for rule in rules() {
        assert!(sentences().any(|it| it.rules.contains(&rule)), "{rule:?} is told nowhere");
    }
    // And among the names of rules at the end, once.
    let names = &explained.sections.last().unwrap().sentences;
    for rule in rules() {
        let name = serde_json::to_value(rule).unwrap();
        let is_it = |word: &str| word.trim_matches(['.', ',', ':']) == name.as_str().unwrap();
        assert_eq!(names.iter().flat_map(|it| it.text.split(' ')).filter(|word| is_it(word)).count(), 1, "{rule:?}");
    }
}

#[test]
fn what_is_not_set_is_said_plainly() {
    let bare: String = {
        let text = &files()[0];
        let kept = |line: &&str| {
            let gone = [
                "proposal_bps_max",
                "hour_bps_max",
                "day_bps_max",
                "week_bps_max",
                "month_bps_max",
                "price_age_max",
                "price_deviation_bps_max",
                "price_quorum_min",
                "proposals_per_day_max",
                "cooldown_min",
                "stable_share_bps_min",
                "native_share_bps_max",
                "share_bps_max",
                "auditor",
                "lawyers",
                "USDC = {",
            ];
            !gone.iter().any(|key| line.starts_with(key))
        };
        // Without budget lines and what pays them.
        let sections =
            text.split("\n\n").filter(|it| !it.starts_with("[[payments]]") && !it.contains("kind = \"payments\""));
        let text = sections.collect::<Vec<_>>().join("\n\n");
        let lines: Vec<&str> = text.lines().filter(kept).collect();
        lines.join("\n").replace(
            "volatility_bps_max = 8000\nvalue_at_risk_bps_max = 1200\nexpected_shortfall_bps_max = 1800\n\
             drawdown_probability_bps_max = 3000\non_breach = \"hold\"\nfallback = \"hold\"\n",
            "",
        )
    }
    .replace("epsilon_year_max = \"8\"\n", "");
    let text = told(&bare).to_text().split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "No cap in one proposal.",
        "No cap in any hour.",
        "No cap in any 24 hours.",
        "No cap in any seven days.",
        "No cap in any thirty days.",
        "So nothing bounds how much it may move.",
        "No cap on the number of proposals.",
        "No least time between two proposals.",
        "No greatest age of a price, beside that of each asset.",
        "No feed is left out because it differs from the others.",
        "One usable feed is enough for a price",
        "No share of the treasury has to stay in stable assets.",
        "The DAO's own token may have any share of the treasury.",
        "Any share of the treasury may lie in savings.",
        "USDC may have any share of the treasury.",
        "It may pay nobody outside of the treasury.",
        "No payment comes again and again: no budget line is listed.",
        "No ceiling on the treasury's volatility of a year.",
        "No ceiling on the treasury's value at risk, a loss that is seldom exceeded.",
        "So no forecast stops anything.",
        "No bound on what training a model tells of the records of members.",
        "It has no cap of its own beside those of the whole policy.",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

#[test]
fn what_a_policy_says_is_never_taken_for_another_sentence_or_for_markup() {
    let name = r#"name = "Fine\n- No cap in any hour.\n# [x](y) <b>*1*</b> a_b""#;
    let explained = told(&files()[0].replace("name = \"Everything\"", name));
    let text = explained.to_text();
    assert!(text.starts_with("Fine - No cap in any hour. # [x](y) <b>*1*</b> a_b\n====="), "{text}");
    let markdown = explained.to_markdown();
    let heading = r"# Fine - No cap in any hour. # \[x\](y) \<b\>\*1\*\</b\> a\_b";
    assert_eq!(markdown.lines().next(), Some(heading));
}

#[test]
fn text_is_wrapped_and_nothing_is_lost() {
    let explained = told(&files()[0]);
    let (text, markdown) = (explained.to_text(), explained.to_markdown());
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for sentence in explained.sections.iter().flat_map(|section| &section.sentences) {
        let wrapped = words(&sentence.text);
        assert!(words(&text).windows(wrapped.len()).any(|found| found == wrapped), "{}", sentence.text);
        assert!(markdown.replace('\\', "").contains(&sentence.text), "{}", sentence.text);
    }
    let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert_eq!(long, Vec::<&str>::new());
}
