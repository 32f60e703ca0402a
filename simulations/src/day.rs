//! A calendar day of UTC.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

const DAY_SECS: u64 = 86_400;
/// Days of four hundred years, after which the calendar repeats.
const ERA_DAYS: u64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const EPOCH_SHIFT_DAYS: u64 = 719_468;

/// A day of UTC from 1970-01-01 to 9999-12-31. Text and JSON: `2020-03-12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

impl Day {
    /// The day of this Unix time, in seconds; `None` after 9999.
    pub fn at(timestamp: u64) -> Option<Self> {
        let day = Self(u32::try_from(timestamp / DAY_SECS).ok()?);
        (day.civil().0 <= 9999).then_some(day)
    }

    /// Its last second, 23:59:59, as Unix time: when its close was seen.
    pub fn close_timestamp(self) -> u64 {
        u64::from(self.0) * DAY_SECS + (DAY_SECS - 1)
    }

    /// Its first second, Unix time.
    pub fn open_timestamp(self) -> u64 {
        u64::from(self.0) * DAY_SECS
    }

    /// The day after it; `None` after 9999.
    pub fn next(self) -> Option<Self> {
        Self::at(self.close_timestamp().checked_add(1)?)
    }

    /// Days from it to `later`; `None` when `later` is before it.
    pub fn days_to(self, later: Self) -> Option<usize> {
        usize::try_from(later.0.checked_sub(self.0)?).ok()
    }

    /// Year, month and day of month. Years begin in March so that the leap day is the last one of its year; the lengths
    /// of months from March on follow (153 m + 2) / 5 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    fn civil(self) -> (u64, u64, u64) {
        let shifted = u64::from(self.0) + EPOCH_SHIFT_DAYS;
        let (era, of_era) = (shifted / ERA_DAYS, shifted % ERA_DAYS);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        (era * 400 + year_of_era + u64::from(month <= 2), month, day)
    }

    fn from_civil(year: u64, month: u64, day: u64) -> Option<Self> {
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let year_from_march = year.checked_sub(u64::from(month <= 2))?;
        let (era, year_of_era) = (year_from_march / 400, year_from_march % 400);
        let from_march = if month > 2 { month - 3 } else { month + 9 };
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * from_march + 2) / 5 + day - 1;
        let found = Self(u32::try_from((era * ERA_DAYS + of_era).checked_sub(EPOCH_SHIFT_DAYS)?).ok()?);
        // A 31st of February would be some other day.
        (found.civil() == (year, month, day)).then_some(found)
    }
}

impl FromStr for Day {
    type Err = ();

    /// Exactly four, two and two digits with dashes.
    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |part: &str| match part.bytes().all(|byte| byte.is_ascii_digit()) {
            true => part.parse::<u64>().ok(),
            false => None,
        };
        let parsed = || {
            let (year, rest) = text.split_at_checked(4)?;
            let (month, day) = (rest.get(1..3)?, rest.get(4..)?);
            let dashed = rest.get(..1)? == "-" && rest.get(3..4)? == "-" && day.len() == 2;
            if dashed { Self::from_civil(number(year)?, number(month)?, number(day)?) } else { None }
        };
        parsed().ok_or(())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        f.pad(&format!("{year:04}-{month:02}-{day:02}"))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|()| de::Error::custom(format!("`{text}` is no day; write such as `2020-03-12`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_written_and_read_back_in_order() {
        let mut day: Day = "1970-01-01".parse().unwrap();
        assert_eq!((day.close_timestamp(), Day::at(0)), (86_399, Some(day)));
        let mut count = 1;
        // A whole turn of the calendar and more.
        while let Some(next) = day.next().filter(|next| *next.to_string() < *"2401") {
            assert_eq!(next.to_string().parse(), Ok(next));
            assert!(next.to_string() > day.to_string());
            (day, count) = (next, count + 1);
        }
        assert_eq!((day.to_string().as_str(), count), ("2400-12-31", 157_420));
        let last: Day = "9999-12-31".parse().unwrap();
        assert_eq!((last.next(), last.to_string().as_str()), (None, "9999-12-31"));
    }

    #[test]
    fn known_days_have_their_unix_time() {
        for (text, midnight) in
            [("2000-02-29", 951_782_400), ("2020-03-12", 1_583_971_200), ("2021-07-06", 1_625_529_600)]
        {
            let day: Day = text.parse().unwrap();
            assert_eq!((Day::at(midnight), day.close_timestamp()), (Some(day), midnight + 86_399));
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        let bad = [
            "",
            "2020-3-12",
            "2020-03-32",
            "2021-02-29",
            "1900-02-29",
            "2020-13-01",
            "2020-00-10",
            "2020-01-00",
            "1969-12-31",
            "20200312",
            "2020/03/12",
            "+020-03-12",
            "2020-03-12 ",
            "2020-03-12T00:00",
            "２020-03-12",
            "2020-+3-12",
        ];
        for text in bad {
            assert_eq!(text.parse::<Day>(), Err(()), "{text}");
        }
    }
}
