//! Days as people write them.

use chrono::NaiveDate;

/// A day since 1970-01-01 as `2020-03-12`; its number where the calendar ends.
pub fn date(day: u32) -> String {
    let civil = i32::try_from(day).ok().and_then(NaiveDate::from_epoch_days);
    civil.map_or_else(|| format!("day {day}"), |civil| civil.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(18_333), "2020-03-12");
        assert_eq!(date(u32::MAX), "day 4294967295");
    }
}
