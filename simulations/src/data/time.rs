//! Times as files write them: Unix seconds, a day, or a time of a day, always of UTC.

use crate::Day;
use std::fmt;

const DAY_SECS: u64 = 86_400;
/// Numbers below it are no Unix seconds of any market: 1973-03-03. `20200312` is one of them.
const SECONDS_MIN: u64 = 100_000_000;
/// From this number on it is no seconds: 5138-11-16.
const SECONDS_END: u64 = 100_000_000_000;

/// A time of UTC as a row names it: a day, or a time of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    secs: u64,
    is_day: bool,
}

impl Moment {
    /// Unix seconds.
    pub fn at(secs: u64) -> Self {
        Self { secs, is_day: false }
    }

    /// A day where the series has one row a day, else a time.
    pub(crate) fn of(secs: u64, is_day: bool) -> Self {
        Self { secs, is_day }
    }

    /// What rows are sorted by.
    pub(crate) fn column(self) -> &'static str {
        if self.is_day { "day" } else { "time" }
    }

    /// What a row is.
    pub(crate) fn rows(self) -> &'static str {
        if self.is_day { "days" } else { "rows" }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(day) = Day::at(self.secs) else { return write!(f, "{} s", self.secs) };
        let (hours, minutes, seconds) = (self.secs % DAY_SECS / 3_600, self.secs % 3_600 / 60, self.secs % 60);
        match (self.is_day, seconds) {
            (true, _) => write!(f, "{day}"),
            (false, 0) => write!(f, "{day} {hours:02}:{minutes:02}"),
            (false, _) => write!(f, "{day} {hours:02}:{minutes:02}:{seconds:02}"),
        }
    }
}

/// A time that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    /// Unix seconds.
    pub(super) secs: u64,
    /// Whether it named a day and no time of it.
    pub(super) is_day: bool,
    /// The unit in which it was, where that is not seconds, and how many make one.
    pub(super) unit: Option<(&'static str, u64)>,
}

/// Reads Unix seconds, or `2020-03-12[ 14:05[:30]]` with a space or `T` between and perhaps a `Z` or `+00:00` at the end.
/// What can only be milliseconds and finer is read as such, and told.
pub(super) fn parse(text: &str) -> Option<Read> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: u64 = text.parse().ok()?;
        return match number {
            ..SECONDS_MIN => None,
            SECONDS_MIN..SECONDS_END => Some(Read { secs: number, is_day: false, unit: None }),
            _ => {
                let units = [("milliseconds", 1_000), ("microseconds", 1_000_000), ("nanoseconds", 1_000_000_000)];
                let unit = units.into_iter().find(|(_, divisor)| number / divisor < SECONDS_END)?;
                Some(Read { secs: number / unit.1, is_day: false, unit: Some(unit) })
            }
        };
    }
    let day: Day = text.get(..10)?.parse().ok()?;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return Some(Read { secs: day.open_timestamp(), is_day: true, unit: None });
    }
    let rest = rest.strip_prefix([' ', 'T'])?;
    let rest = rest.strip_suffix('Z').or_else(|| rest.strip_suffix("+00:00")).unwrap_or(rest);
    let parts: Vec<&str> = rest.split(':').collect();
    let number = |text: &str, end: u64| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse().ok().filter(|number| *number < end) } else { None }
    };
    let (hours, minutes, seconds) = match parts.as_slice() {
        [hours, minutes] => (number(hours, 24)?, number(minutes, 60)?, 0),
        [hours, minutes, seconds] => (number(hours, 24)?, number(minutes, 60)?, number(seconds, 60)?),
        _ => return None,
    };
    Some(Read { secs: day.open_timestamp() + hours * 3_600 + minutes * 60 + seconds, is_day: false, unit: None })
}

/// The Unix seconds of a day or a time, as a person types it.
pub fn parse_moment(text: &str) -> Option<(u64, bool)> {
    parse(text).filter(|read| read.unit.is_none()).map(|read| (read.secs, read.is_day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_time_is_read() {
        let midnight = 1_583_971_200;
        for (text, secs, is_day) in [
            ("1583971200", midnight, false),
            ("2020-03-12", midnight, true),
            ("2020-03-12 00:00", midnight, false),
            ("2020-03-12 14:05:30", midnight + 50_730, false),
            ("2020-03-12T14:05:30Z", midnight + 50_730, false),
            (" 2020-03-12 23:59:59+00:00 ", midnight + 86_399, false),
        ] {
            assert_eq!(parse(text), Some(Read { secs, is_day, unit: None }), "{text}");
        }
        for (text, unit) in [
            ("1583971200000", "milliseconds"),
            ("1583971200000000", "microseconds"),
            ("1583971200000000000", "nanoseconds"),
        ] {
            let read = parse(text).unwrap();
            assert_eq!((read.secs, read.unit.unwrap().0), (midnight, unit));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "20200312",
            "-1",
            "1583971200.5",
            "2020-03-12 24:00",
            "2020-03-12 14",
            "2020-03-12 1:05",
            "12.03.2020",
            "2020-03-12 14:05+01:00",
            "2020-03-12x",
            "99999999999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_is_written_as_short_as_it_is() {
        let moment = |secs| Moment::at(secs).to_string();
        assert_eq!(moment(1_583_971_200), "2020-03-12 00:00");
        assert_eq!(moment(1_583_971_201), "2020-03-12 00:00:01");
        assert_eq!(Moment::of(1_583_971_200, true).to_string(), "2020-03-12");
    }
}
