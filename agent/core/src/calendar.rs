//! Calendar months of UTC, counted in Unix seconds.

const DAY_SECS: u64 = 86_400;
/// Days of four hundred years, after which the calendar repeats.
const ERA_DAYS: u64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const EPOCH_SHIFT_DAYS: u64 = 719_468;

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Date {
    year: u64,
    /// From 1.
    month: u64,
    /// From 1.
    day: u64,
}

impl Date {
    /// Of so many days after 1970-01-01. Years begin in March so that the leap day is the last one of its year; the lengths
    /// of months from March on follow (153 m + 2) / 5 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    fn of(days: u64) -> Option<Self> {
        let shifted = days.checked_add(EPOCH_SHIFT_DAYS)?;
        let (era, of_era) = (shifted / ERA_DAYS, shifted % ERA_DAYS);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Some(Self { year: era * 400 + year_of_era + u64::from(month <= 2), month, day })
    }

    /// Days after 1970-01-01; `None` before that, or where they cannot be counted.
    fn days(self) -> Option<u64> {
        let Self { year, month, day } = self;
        let year = year.checked_sub(u64::from(month <= 2))?;
        let (era, of_era) = (year / 400, year % 400);
        let from_march = (month + 9) % 12;
        let of_year = (153 * from_march + 2) / 5 + day.checked_sub(1)?;
        let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        era.checked_mul(ERA_DAYS)?.checked_add(of_era)?.checked_sub(EPOCH_SHIFT_DAYS)
    }

    /// Months since the year 0.
    fn months(self) -> Option<u64> {
        self.year.checked_mul(12)?.checked_add(self.month - 1)
    }

    /// Days of its month.
    fn month_length(self) -> u64 {
        let is_leap = self.year.is_multiple_of(4) && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        match self.month {
            2 => 28 + u64::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

/// So many calendar months after `from`, at the same time of the same day of the month, or of its last day where it has no such
/// day. `None` where the time cannot be counted.
pub(crate) fn months_after(from: u64, months: u64) -> Option<u64> {
    let date = Date::of(from / DAY_SECS)?;
    let month = date.months()?.checked_add(months)?;
    let first = Date { year: month / 12, month: month % 12 + 1, day: 1 };
    let found = Date { day: date.day.min(first.month_length()), ..first };
    found.days()?.checked_mul(DAY_SECS)?.checked_add(from % DAY_SECS)
}

/// How many whole calendar months lie between `from` and `to`: the greatest number for which [`months_after`] is not after
/// `to`. `None` when `to` is before `from`.
pub(crate) fn months_between(from: u64, to: u64) -> Option<u64> {
    let (first, last) = (Date::of(from / DAY_SECS)?, Date::of(to / DAY_SECS)?);
    let months = last.months()?.checked_sub(first.months()?)?;
    if months_after(from, months)? <= to { Some(months) } else { months.checked_sub(1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2027-01-31 12:00:00 UTC.
    const END_OF_JANUARY: u64 = 1_801_396_800;

    #[test]
    fn known_days_have_their_dates() {
        for (days, (year, month, day)) in [
            (0, (1970, 1, 1)),
            (11_016, (2000, 2, 29)),
            (20_819, (2027, 1, 1)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            let date = Date { year, month, day };
            assert_eq!((Date::of(days), date.days()), (Some(date), Some(days)), "{date:?}");
        }
        assert_eq!(Date { year: 1969, month: 12, day: 31 }.days(), None);
    }

    #[test]
    fn a_month_without_the_day_ends_a_day_earlier() {
        let after = |months| Date::of(months_after(END_OF_JANUARY, months).unwrap() / DAY_SECS).unwrap();
        let date = |year, month, day| Date { year, month, day };
        assert_eq!(after(0), date(2027, 1, 31));
        assert_eq!((after(1), after(2), after(3)), (date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30)));
        assert_eq!((after(12), after(13)), (date(2028, 1, 31), date(2028, 2, 29)), "a leap year");
        assert_eq!(months_after(END_OF_JANUARY, 1).unwrap() % DAY_SECS, 43_200, "at the same time of the day");
        let last = months_after(END_OF_JANUARY, 1).unwrap();
        assert_eq!(months_between(END_OF_JANUARY, last), Some(1));
        assert_eq!(months_between(END_OF_JANUARY, last - 1), Some(0));
        assert_eq!(months_between(END_OF_JANUARY, END_OF_JANUARY - 1), None);
    }

    #[test]
    fn what_cannot_be_counted_is_none() {
        assert_eq!(months_after(END_OF_JANUARY, u64::MAX), None);
        assert_eq!(months_after(u64::MAX, 12), None);
        assert_eq!(months_between(0, 1_000_000_000_000), months_between(0, 1_000_000_000_000));
    }

    proptest! {
        #[test]
        fn days_and_dates_are_one_to_one(days in 0u64..4_000_000) {
            let (date, next) = (Date::of(days).unwrap(), Date::of(days + 1).unwrap());
            prop_assert_eq!(date.days(), Some(days));
            let follows = if date.day < date.month_length() {
                next == Date { day: date.day + 1, ..date }
            } else {
                next.day == 1 && next.months() == date.months().map(|months| months + 1)
            };
            prop_assert!(follows, "{:?} {:?}", date, next);
        }

        #[test]
        fn months_are_counted_as_they_are_added(from in 0u64..5_000_000_000, months in 0u64..1_200, secs in 0u64..3_000_000) {
            let begins = months_after(from, months).unwrap();
            let ends = months_after(from, months + 1).unwrap();
            prop_assert!((28 * DAY_SECS..=31 * DAY_SECS).contains(&(ends - begins)));
            prop_assert_eq!(months_between(from, begins), Some(months));
            prop_assert_eq!(months_between(from, ends - 1), Some(months));
            let counted = months_between(from, begins + secs).unwrap();
            prop_assert!(months_after(from, counted).unwrap() <= begins + secs);
            prop_assert!(months_after(from, counted + 1).unwrap() > begins + secs);
        }
    }
}
