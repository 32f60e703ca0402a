//! From the text of a file to a [`Scenario`].

use super::{
    Basis, Direction, Group, Happening, Kind, Length, Recovery, Scenario, ScenarioProblems, Shock, What, When, Which,
    reader::{Found, Reader, Section, Written},
};
use crate::data;
use alloy_primitives::keccak256;

/// Most bytes of a scenario.
pub const FILE_BYTES_MAX: usize = 64 * 1024;
/// Most shocks, and most events, of one scenario.
const TABLES_MAX: usize = 64;
/// Most bars that are made up: four months of minutes.
pub(super) const BARS_MAX: u64 = 200_000;
/// Longest length, seconds: ten years.
const SECS_MAX: u64 = 315_360_000;
/// A price that falls by all of it is no price.
const CHANGE_BPS: (i64, i64) = (-9_999, 100_000);
/// Times that gas may cost, or a flow may flow.
const TIMES_MAX: i64 = 1_000;
const DAY_LAST_SEC: u64 = 86_399;
const LENGTH: &str = "a length such as \"3d\", \"12h\" or \"30m\", or a number of bars";
const MOMENT: &str = "a day or a time in quotes, such as \"2020-03-12\" or \"2020-03-12 14:00\"";

impl Scenario {
    /// Reads the text of `file`, by whose name the scenario is called.
    ///
    /// # Errors
    /// Everything that is wrong with it, with its line and what to write instead.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioProblems> {
        if text.len() > FILE_BYTES_MAX {
            let message = format!("has {} bytes; a scenario has {FILE_BYTES_MAX} at most", text.len());
            return Err(ScenarioProblems::new(file, vec![super::ScenarioProblem { line: 0, message }]));
        }
        let (mut reader, mut root) = Reader::new(text);
        let title = reader.text(&mut root, "title", "one sentence in quotes");
        if title.is_none() {
            reader.missing(&root, &["title"], "title = \"A third off everything within three days\"");
        }
        let groups: Vec<(&str, Group)> = Group::ALL.map(|group| (group.key(), group)).to_vec();
        let group = one_of(&mut reader, &mut root, "group", &groups);
        if group.is_none() {
            reader.missing(&root, &["group"], "group = \"broad-downturn\"");
        }
        let basis = basis(&mut reader, &mut root);
        let is_replay = matches!(basis, Some(Basis::Replay { .. }));
        let shocks = reader.sections(&mut root, "shocks", TABLES_MAX);
        let shocks: Vec<Shock> = shocks.into_iter().filter_map(|one| shock(&mut reader, one, is_replay)).collect();
        let events = reader.sections(&mut root, "events", TABLES_MAX);
        let events: Vec<Happening> = events.into_iter().filter_map(|one| event(&mut reader, one, is_replay)).collect();
        reader.close(root, &["title", "group", "[replay]", "[synthetic]", "[[shocks]]", "[[events]]"]);
        let whole = || {
            let stem = file.rsplit(['/', '\\']).next().unwrap_or(file);
            Some(Self {
                name: stem.strip_suffix(".toml").unwrap_or(stem).to_owned(),
                file: file.to_owned(),
                title: title?.0,
                group: group?,
                hash: keccak256(text),
                basis: basis?,
                shocks,
                events,
            })
        };
        match whole() {
            Some(scenario) if reader.problems.is_empty() => Ok(scenario),
            _ => Err(ScenarioProblems::new(file, reader.problems)),
        }
    }
}

fn basis<'t>(reader: &mut Reader<'t>, root: &mut Section<'t>) -> Option<Basis> {
    let replay = reader.section(root, "replay");
    let synthetic = reader.section(root, "synthetic");
    match (replay, synthetic) {
        (Some(mut section), None) => {
            let mut day = |key: &str| {
                let found = reader.text(&mut section, key, MOMENT);
                if found.is_none() {
                    reader.missing(&section, &[key], &format!("{key} = \"2020-03-12\""));
                }
                let (text, line) = found?;
                let parsed = data::parse_moment(&text);
                if parsed.is_none() {
                    reader.problem(line, format!("`{text}` is no day and no time; write {MOMENT}"));
                }
                parsed
            };
            let (from, to) = (day("from"), day("to"));
            let line = section.line;
            reader.close(section, &["from", "to"]);
            let ((from, _), (to, is_day)) = (from?, to?);
            let to = if is_day { to + DAY_LAST_SEC } else { to };
            if from >= to {
                reader.problem(line, "`from` lies after `to` in [replay]; write the earlier one first");
            }
            Some(Basis::Replay { from, to })
        }
        (None, Some(mut section)) => {
            let found = length(reader, &mut section, "length");
            if found.is_none() {
                reader.missing(&section, &["length"], "length = \"60d\"");
            }
            reader.close(section, &["length"]);
            Some(Basis::Synthetic { length: found?.0 })
        }
        (Some(_), Some(section)) => {
            reader.problem(section.line, "[synthetic] beside [replay]: prices come from one of them; remove the other");
            None
        }
        (None, None) => {
            if !reader.is_broken && !root.had(&["replay", "synthetic"]) {
                let message = "neither [replay] with `from` and `to` nor [synthetic] with `length` is there; write one";
                reader.problem(0, message);
            }
            None
        }
    }
}

fn shock<'t>(reader: &mut Reader<'t>, mut section: Section<'t>, is_replay: bool) -> Option<Shock> {
    let line = section.line;
    let which = which(reader, &mut section);
    if which.is_none() {
        reader.missing(&section, &["kind", "asset", "any_of"], "kind = \"volatile\"");
    }
    let change = reader.integer(&mut section, "change_bps", CHANGE_BPS.0, CHANGE_BPS.1);
    if change.is_none() {
        reader.missing(&section, &["change_bps"], "change_bps = -5000");
    }
    let at = when(reader, &mut section, "at", is_replay);
    if at.is_none() {
        reader.missing(&section, &["at"], "at = \"5d\"");
    }
    let over = length(reader, &mut section, "over").map_or(Length::Bars(1), |(over, _)| over);
    let bps = reader.integer(&mut section, "recovery_bps", 1, 10_000);
    let after = length(reader, &mut section, "recovery_after");
    let recovery_over = length(reader, &mut section, "recovery_over");
    if bps.is_none()
        && let Some((_, line)) = after.or(recovery_over)
    {
        reader.problem(line, "nothing recovers without `recovery_bps`; write such as recovery_bps = 10000 (all of it)");
    }
    let recovery = bps.map(|(bps, _)| Recovery {
        bps,
        after: after.map_or(Length::Bars(0), |(after, _)| after),
        over: recovery_over.map_or(Length::Bars(1), |(over, _)| over),
    });
    let keys = ["kind", "pick", "asset", "any_of", "change_bps", "at", "over", "recovery_bps"];
    reader.close(section, &[&keys[..], &["recovery_after", "recovery_over"]].concat());
    Some(Shock { line, which: which?, change_bps: change?.0, at: at?, over, recovery })
}

const WHATS: [&str; 7] = ["oracle-stale", "oracle-frozen", "gas", "venue-frozen", "asleep", "brake-pulled", "flows"];

fn event<'t>(reader: &mut Reader<'t>, mut section: Section<'t>, is_replay: bool) -> Option<Happening> {
    let line = section.line;
    let named = reader.text(&mut section, "what", "a text in quotes");
    if named.is_none() {
        reader.missing(&section, &["what"], "what = \"brake-pulled\"");
    }
    let from = when(reader, &mut section, "from", is_replay);
    if from.is_none() {
        reader.missing(&section, &["from"], "from = \"5d\"");
    }
    let to = when(reader, &mut section, "to", is_replay);
    // Without a known `what` nobody can say which other keys are right.
    let (named, at) = named?;
    let here = &mut section;
    let (what, keys): (Option<What>, &[&str]) = match named.as_str() {
        "oracle-stale" | "oracle-frozen" => {
            let which = which(reader, here).unwrap_or(Which::All);
            let feed = reader.integer(here, "feed", 1, 8).and_then(|(feed, _)| usize::try_from(feed - 1).ok());
            let what = match named.as_str() {
                "oracle-stale" => What::OracleStale { which, feed },
                _ => What::OracleFrozen { which, feed },
            };
            (Some(what), &["kind", "pick", "asset", "any_of", "feed"])
        }
        "gas" => (times(reader, here).map(|times| What::Gas { times }), &["times"]),
        "venue-frozen" => {
            let venue = reader.text(here, "venue", "the name of a venue in quotes").map(|(name, _)| name);
            (Some(What::VenueFrozen { venue }), &["venue"])
        }
        "asleep" => {
            let account = reader.text(here, "account", "the name of an account in quotes").map(|(name, _)| name);
            (Some(What::Asleep { account }), &["account"])
        }
        "brake-pulled" => (Some(What::BrakePulled), &[]),
        "flows" => {
            let flow = reader.text(here, "flow", "the name of a flow in quotes").map(|(name, _)| name);
            let direction = one_of(reader, here, "direction", &[("in", Direction::In), ("out", Direction::Out)]);
            let times = times(reader, here);
            (times.map(|times| What::Flows { flow, direction, times }), &["flow", "direction", "times"])
        }
        other => {
            reader.problem(at, format!("`{other}` is nothing that can happen; write one of: {}", WHATS.join(", ")));
            return None;
        }
    };
    reader.close(section, &[&["what", "from", "to"], keys].concat());
    Some(Happening { line, what: what?, from: from?, to })
}

fn times<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>) -> Option<u64> {
    let found = reader.integer(section, "times", 0, TIMES_MAX);
    if found.is_none() {
        reader.missing(section, &["times"], "times = 2");
    }
    found.and_then(|(times, _)| u64::try_from(times).ok())
}

/// Which assets a table means; `None` where it says nothing.
fn which<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>) -> Option<Which> {
    let kinds =
        [("stable", Kind::Stable), ("volatile", Kind::Volatile), ("native", Kind::Native), ("shares", Kind::Shares)];
    let kind = one_of(reader, section, "kind", &kinds);
    let largest = one_of(reader, section, "pick", &[("all", false), ("largest", true)]);
    let asset = reader.text(section, "asset", "the symbol of an asset in quotes");
    let any_of = reader.texts(section, "any_of", "symbols in quotes, such as [\"stETH\", \"wstETH\"]");
    let given = [kind.is_some(), asset.is_some(), any_of.is_some()].into_iter().filter(|is| *is).count();
    if given > 1 {
        reader.problem(section.line, "`kind`, `asset` and `any_of` exclude each other; write one of them");
    }
    if largest.is_some() && kind.is_none() {
        reader.problem(section.line, "`pick` goes with `kind` alone; write the kind of which it picks");
    }
    match (kind, asset, any_of) {
        (Some(kind), _, _) if largest == Some(true) => Some(Which::Largest(kind)),
        (Some(kind), _, _) => Some(Which::Kind(kind)),
        (None, Some((asset, _)), _) => Some(Which::Asset(asset)),
        (None, None, Some((any_of, _))) => Some(Which::AnyOf(any_of)),
        (None, None, None) => None,
    }
}

fn one_of<'t, T: Copy>(
    reader: &mut Reader<'t>,
    section: &mut Section<'t>,
    key: &str,
    known: &[(&str, T)],
) -> Option<T> {
    let words = || known.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ");
    let (text, line) = reader.text(section, key, &words())?;
    let found = known.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        reader.problem(line, format!("`{key}` is \"{text}\"; write {}", words()));
    }
    found.map(|(_, meant)| *meant)
}

fn length<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>, key: &str) -> Found<Length> {
    let (written, line) = reader.text_or_count(section, key, LENGTH)?;
    let found = match &written {
        Written::Count(bars) => (1..=BARS_MAX).contains(bars).then_some(Length::Bars(*bars)),
        Written::Text(text) => secs(text).map(Length::Secs),
    };
    refused(reader, line, key, &written, found.is_none(), LENGTH);
    Some((found?, line))
}

fn when<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>, key: &str, is_replay: bool) -> Option<When> {
    let wanted = match is_replay {
        true => "a day or a time in quotes, or a length or a number of bars from the beginning, such as \"3d\"",
        false => "a length from the beginning such as \"3d\", or a number of bars",
    };
    let (written, line) = reader.text_or_count(section, key, wanted)?;
    let found = match &written {
        Written::Count(bars) => (0..=BARS_MAX).contains(bars).then_some(When::After(Length::Bars(*bars))),
        Written::Text(text) => match (secs(text), data::parse_moment(text)) {
            (Some(secs), _) => Some(When::After(Length::Secs(secs))),
            (None, Some((at, _))) if is_replay => Some(When::At(at)),
            _ => None,
        },
    };
    refused(reader, line, key, &written, found.is_none(), wanted);
    found
}

fn refused(reader: &mut Reader<'_>, line: usize, key: &str, written: &Written, is_refused: bool, wanted: &str) {
    if is_refused {
        let found = match written {
            Written::Text(text) => format!("\"{text}\""),
            Written::Count(number) => number.to_string(),
        };
        reader.problem(line, format!("`{key}` is {found}; write {wanted}"));
    }
}

/// The seconds of `90s`, `30m`, `12h` or `3d`; at least one, at most ten years.
fn secs(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let of_unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let is_plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let secs = if is_plain { number.parse::<u64>().ok()?.checked_mul(of_unit)? } else { 0 };
    (1..=SECS_MAX).contains(&secs).then_some(secs)
}
