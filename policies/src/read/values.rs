//! Single values: durations, times, accounts, hashes, schedules. Each is read exactly or refused.

use crate::{
    document::{Field, Report},
    problem::listed,
};
use alloy_primitives::{Address, B256, hex};
use chrono::{DateTime, Utc};
use quaestor_core::{Asset, AssetId, Caip10, Value, policy::Schedule};
use std::str::FromStr;

/// Longest duration, seconds: ten years of 365 days. What is longer is a slip.
pub(crate) const DURATION_SECS_MAX: u64 = 315_360_000;
/// Largest share, basis points.
pub(crate) const SHARE_BPS_MAX: u64 = 10_000;

/// A duration such as `48h`, in seconds.
pub(crate) fn duration(report: &mut Report<'_>, field: &Field<'_>) -> Option<u64> {
    let text = field.text(report, "48h")?;
    let parsed = duration_secs(text);
    if parsed.is_none() {
        let message = format!(
            "`{text}` is not a duration; write a whole number with s, m, h or d, such as `48h`, at most ten years"
        );
        report.value(&field.path, message);
    }
    parsed
}

/// The seconds of a duration such as `90s`, `30m`, `48h` or `7d`; at least one second, at most ten years.
pub(crate) fn duration_secs(text: &str) -> Option<u64> {
    let number = text.trim_end_matches(['s', 'm', 'h', 'd']);
    let unit_secs = match text.get(number.len()..)? {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let plain = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    let secs = if plain { number.parse::<u64>().ok()?.checked_mul(unit_secs)? } else { return None };
    (1..=DURATION_SECS_MAX).contains(&secs).then_some(secs)
}

/// The text of a duration: in days if it is whole days and more than three, else in the largest unit up to hours that it
/// is whole in, as people say.
pub(crate) fn duration_text(secs: u64) -> String {
    match secs {
        _ if secs.is_multiple_of(86_400) && secs > 259_200 => format!("{}d", secs / 86_400),
        _ if secs.is_multiple_of(3_600) => format!("{}h", secs / 3_600),
        _ if secs.is_multiple_of(60) => format!("{}m", secs / 60),
        _ => format!("{secs}s"),
    }
}

/// The least number of whole cents that is no less.
pub(crate) fn up_to_cents(value: Value) -> Value {
    const CENT: u128 = quaestor_core::amount::WAD / 100;
    Value(value.0.div_ceil(CENT).saturating_mul(CENT))
}

/// A time such as `2027-01-01T00:00:00Z`, in Unix seconds.
pub(crate) fn time(report: &mut Report<'_>, field: &Field<'_>) -> Option<u64> {
    let text = field.text(report, "2027-01-01T00:00:00Z")?;
    let parsed = unix_secs(text);
    if parsed.is_none() {
        let message = format!("`{text}` is not a time in UTC; write it in full, such as `2027-01-01T00:00:00Z`");
        report.value(&field.path, message);
    }
    parsed
}

/// Unix seconds of an RFC 3339 time in UTC, written in exactly one way: whole seconds, `T` and `Z` in capitals.
pub(crate) fn unix_secs(text: &str) -> Option<u64> {
    let secs = DateTime::parse_from_rfc3339(text).ok()?.timestamp();
    let secs = u64::try_from(secs).ok()?;
    (time_text(secs).as_deref() == Some(text)).then_some(secs)
}

/// The RFC 3339 text of Unix seconds, in UTC; `None` beyond the year 9999.
pub(crate) fn time_text(secs: u64) -> Option<String> {
    let time = DateTime::<Utc>::from_timestamp(i64::try_from(secs).ok()?, 0)?;
    let text = time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    (text.len() == 20).then_some(text)
}

/// An account in CAIP-10 on the policy's chain. `chain_id` is `None` when the chain itself could not be read.
pub(crate) fn account(report: &mut Report<'_>, field: &Field<'_>, chain_id: Option<u64>) -> Option<Address> {
    let chain = chain_id.unwrap_or(1);
    let text = field.text(report, &format!("eip155:{chain}:0x…"))?;
    let account = match Caip10::from_str(text) {
        Ok(account) => account,
        Err(error) => {
            report.value(&field.path, error.to_string());
            return None;
        }
    };
    if chain_id.is_some_and(|chain| chain != account.chain_id) {
        let found = account.chain_id;
        report.conflict(&field.path, format!("is on chain eip155:{found}; the policy is for eip155:{chain}"));
        return None;
    }
    Some(account.address)
}

/// A list of accounts, each once, and of one at least.
pub(crate) fn accounts(report: &mut Report<'_>, field: &Field<'_>, chain_id: Option<u64>, most: usize) -> Vec<Address> {
    let fields = field.list(report, most);
    if fields.is_empty() && !report.has_problem_in(&field.path) {
        report.value(&field.path, "names nobody; write all of them, or leave it out");
    }
    let mut found = Vec::new();
    for field in fields {
        let Some(address) = account(report, &field, chain_id) else { continue };
        if found.contains(&address) {
            report.conflict(&field.path, "is listed twice; remove one");
        }
        found.push(address);
    }
    found
}

/// A hash of 32 bytes, in small letters.
pub(crate) fn hash(report: &mut Report<'_>, field: &Field<'_>) -> Option<B256> {
    let text = field.text(report, "0x…")?;
    let parsed = B256::from_str(text).ok().filter(|hash| hex::encode_prefixed(hash) == text && !hash.is_zero());
    if parsed.is_none() {
        let message = format!("`{text}` is not a code hash; write `0x` and 64 hexadecimal digits in small letters");
        report.value(&field.path, message);
    }
    parsed
}

/// One word of `known`, with what it stands for.
pub(crate) fn choice<T: Copy>(report: &mut Report<'_>, field: &Field<'_>, known: &[(&str, T)]) -> Option<T> {
    let words = || known.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    let text = field.text(report, known.first().map_or("", |(word, _)| word))?;
    let found = known.iter().find(|(word, _)| *word == text).map(|(_, meant)| *meant);
    if found.is_none() {
        report.value(&field.path, format!("`{text}` is not known here; write one of: {}", words()));
    }
    found
}

/// The asset of this symbol.
pub(crate) fn asset(report: &mut Report<'_>, field: &Field<'_>, assets: &[Asset]) -> Option<AssetId> {
    let symbol = field.text(report, "WETH")?;
    let position = assets.iter().position(|asset| asset.symbol == symbol);
    if position.is_none() {
        let known = listed(assets.iter().map(|asset| asset.symbol.as_str()));
        let message = format!("`{symbol}` is no asset of this policy; write one of: {known}");
        report.conflict(&field.path, message);
    }
    position.and_then(|position| u16::try_from(position).ok()).map(AssetId)
}

/// A cron line, with one space between its fields.
pub(crate) fn cron(report: &mut Report<'_>, field: &Field<'_>) -> Option<Schedule> {
    let text = field.text(report, "0 0 0 * * *")?;
    match cron_line(text) {
        Ok(line) => Some(Schedule::Cron(line)),
        Err(message) => {
            report.value(&field.path, message);
            None
        }
    }
}

/// The line in its one spelling, checked to come at least once.
fn cron_line(text: &str) -> Result<String, String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let line = fields.join(" ");
    if fields.len() == 5 {
        return Err(format!("`{text}` has five fields; put the seconds before them: `0 {line}`"));
    }
    let [_, _, _, day, _, weekday, ..] = fields.as_slice() else {
        return Err(format!("`{text}` has {} fields; write six, such as `0 0 0 * * *` for midnight", fields.len()));
    };
    if weekday.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "`{weekday}` counts days of the week, which is done in two ways; write names, such as `Mon-Fri`"
        ));
    }
    let any = |field: &str| field == "*" || field == "?";
    if !any(day) && !any(weekday) {
        let message = "both a day of the month and a day of the week are set, and both would have to match";
        return Err(format!("`{text}`: {message}; write `*` for one of them"));
    }
    let schedule = cron::Schedule::from_str(&line)
        .map_err(|_| format!("`{text}` is not a cron line; write second, minute, hour, day, month, day of week"))?;
    match schedule.after(&DateTime::<Utc>::UNIX_EPOCH).next() {
        Some(_) => Ok(line),
        None => Err(format!("`{text}` never comes; write days and months that exist")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact_or_refused() {
        let good = [("1s", 1), ("30m", 1_800), ("48h", 172_800), ("7d", 604_800), ("3650d", DURATION_SECS_MAX)];
        for (text, secs) in good {
            assert_eq!(duration_secs(text), Some(secs), "{text}");
            assert_eq!(duration_text(secs), text);
        }
        for bad in ["", "h", "48", "0s", "048h", "4.5h", "-1h", "+1h", "48 h", "48H", "1h30m", "48hh", "3651d", "é"] {
            assert_eq!(duration_secs(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_are_utc_in_one_spelling() {
        assert_eq!(unix_secs("2027-01-01T00:00:00Z"), Some(1_798_761_600));
        assert_eq!(time_text(1_798_761_600).as_deref(), Some("2027-01-01T00:00:00Z"));
        let bad = [
            "2027-01-01",
            "2027-01-01T00:00:00",
            "2027-01-01T00:00:00+00:00",
            "2027-01-01t00:00:00z",
            "2027-02-29T00:00:00Z",
            "2027-01-01T00:00:00.5Z",
            "2027-01-01T23:59:60Z",
            "1969-12-31T23:59:59Z",
            "",
        ];
        for bad in bad {
            assert_eq!(unix_secs(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_cron_line_says_one_thing_in_one_way() {
        assert_eq!(cron_line("0  0 0 * *  *").as_deref(), Ok("0 0 0 * * *"));
        assert_eq!(cron_line("0 30 9 ? * Mon-Fri 2027-2030").as_deref(), Ok("0 30 9 ? * Mon-Fri 2027-2030"));
        for (bad, why) in [
            ("0 0 * * *", "`0 0 0 * * *`"),
            ("0 0 0 * * 1", "names"),
            ("0 0 0 1 * Mon", "both"),
            ("0 0 0 30 Feb *", "never"),
            ("@daily", "six"),
            ("0 0 25 * * *", "not a cron line"),
            ("", "six"),
        ] {
            assert!(cron_line(bad).unwrap_err().contains(why), "{bad}: {:?}", cron_line(bad));
        }
    }
}
