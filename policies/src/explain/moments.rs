//! A cron line in English, from what it was understood as.

use cron::{Schedule, TimeUnitSpec};
use quaestor_core::words;

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Most times of a day that are told one by one.
const TIMES_MAX: usize = 6;

/// When it comes, such as `each day from Monday to Friday at 08:00 UTC`. Two lines that come at different moments are
/// never told alike.
pub(super) fn in_words(line: &Schedule) -> String {
    format!("{} {} UTC", days(line), times(line))
}

fn days(line: &Schedule) -> String {
    let (weekdays, days) = (line.days_of_week(), line.days_of_month());
    let which = if !weekdays.is_all() {
        weekdays_in_words(&numbers(weekdays))
    } else if days.is_all() {
        "each day".to_owned()
    } else {
        let days = numbers(days);
        let plural = if days.len() == 1 { "" } else { "s" };
        format!("on day{plural} {} of the month", runs(&days, |day| day.to_string()))
    };
    let months = (!line.months().is_all()).then(|| format!(" in {}", runs(&numbers(line.months()), month)));
    let years =
        (!line.years().is_all()).then(|| format!(" of {}", runs(&numbers(line.years()), |year| year.to_string())));
    [Some(which), months, years].into_iter().flatten().collect()
}

fn weekdays_in_words(days: &[u32]) -> String {
    // From Monday on, as a working week is told.
    let mut days: Vec<u32> = days.iter().map(|day| if *day == 1 { 8 } else { *day }).collect();
    days.sort_unstable();
    match days.as_slice() {
        [first, .., last] if days.len() > 2 && run_of(&days) == days.len() => {
            format!("each day from {} to {}", weekday(*first), weekday(*last))
        }
        days => format!("each {}", words::list(days.iter().map(|day| weekday(*day)), "and")),
    }
}

fn times(line: &Schedule) -> String {
    let (hours, minutes, seconds) = (numbers(line.hours()), numbers(line.minutes()), numbers(line.seconds()));
    match (minutes.as_slice(), seconds.as_slice()) {
        ([minute], [second]) if hours.len() <= TIMES_MAX => {
            let time = |hour: &u32| format!("{hour:02}:{minute:02}{}", after_minute(*second));
            format!("at {}", words::list(hours.iter().map(time), "and"))
        }
        ([0], [0]) if line.hours().is_all() => "at each full hour".to_owned(),
        _ => {
            let part = |unit: &str, is_all: bool, found: &[u32]| match found {
                _ if is_all => format!("each {unit}"),
                [one] => format!("{unit} {one}"),
                many => format!("the {unit}s {}", runs(many, |number| number.to_string())),
            };
            let hours = part("hour", line.hours().is_all(), &hours);
            let minutes = part("minute", line.minutes().is_all(), &minutes);
            let seconds = part("second", line.seconds().is_all(), &seconds);
            format!("in {seconds} of {minutes} of {hours}")
        }
    }
}

fn after_minute(second: u32) -> String {
    if second == 0 { String::new() } else { format!(":{second:02}") }
}

fn numbers(unit: &impl TimeUnitSpec) -> Vec<u32> {
    unit.iter().collect()
}

fn weekday(day: u32) -> &'static str {
    name(&WEEKDAYS, day)
}

fn month(month: u32) -> String {
    name(&MONTHS, month).to_owned()
}

/// The names are counted from one, and after the last comes the first again.
fn name<'n>(names: &[&'n str], number: u32) -> &'n str {
    let place = usize::try_from(number).unwrap_or_default() + names.len() - 1;
    names.get(place % names.len()).copied().unwrap_or_default()
}

/// How many numbers at the beginning follow one another.
fn run_of(numbers: &[u32]) -> usize {
    let follows = |pair: &&[u32]| matches!(pair, [one, next] if *next == one + 1);
    numbers.windows(2).take_while(follows).count() + usize::from(!numbers.is_empty())
}

/// Numbers that follow one another as `a to b`, the others one by one.
fn runs(numbers: &[u32], name: impl Fn(u32) -> String) -> String {
    let mut told = Vec::new();
    let mut rest = numbers;
    while let Some(first) = rest.first() {
        let (run, others) = rest.split_at_checked(run_of(rest)).unwrap_or((rest, &[]));
        match run.last() {
            Some(last) if run.len() > 2 => told.push(format!("{} to {}", name(*first), name(*last))),
            _ => told.extend(run.iter().map(|number| name(*number))),
        }
        rest = others;
    }
    words::list(told, "and")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::str::FromStr;

    fn told(line: &str) -> String {
        in_words(&Schedule::from_str(line).unwrap())
    }

    #[test]
    fn usual_lines_are_told_as_people_say_them() {
        for (line, expected) in [
            ("0 0 8 * * Mon-Fri", "each day from Monday to Friday at 08:00 UTC"),
            ("0 0 0 * * *", "each day at 00:00 UTC"),
            ("0 0 3 * * Mon", "each Monday at 03:00 UTC"),
            ("0 30 9,17 * * Sat,Sun", "each Saturday and Sunday at 09:30 and 17:30 UTC"),
            ("0 0 * * * *", "each day at each full hour UTC"),
            ("59 59 23 * * *", "each day at 23:59:59 UTC"),
            ("0 0 12 1,15 * *", "on days 1 and 15 of the month at 12:00 UTC"),
            ("0 0 12 1 Jan,Apr,Jul,Oct *", "on day 1 of the month in January, April, July and October at 12:00 UTC"),
            ("0 0 12 1-7 * * 2027-2030", "on days 1 to 7 of the month of 2027 to 2030 at 12:00 UTC"),
            ("0 */15 * * * *", "each day in second 0 of the minutes 0, 15, 30 and 45 of each hour UTC"),
            (
                "0 5 */2 * * *",
                "each day in second 0 of minute 5 of the hours 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20 and 22 UTC",
            ),
            ("* * * * * *", "each day in each second of each minute of each hour UTC"),
        ] {
            assert_eq!(told(line), expected, "{line}");
        }
    }

    fn field(most: u32, least: u32) -> impl Strategy<Value = String> {
        let one = move || least..=most;
        prop_oneof![
            Just("*".to_owned()),
            one().prop_map(|number| number.to_string()),
            (one(), one()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
            (one(), one()).prop_map(|(a, b)| format!("{a},{b}")),
            (one(), 1u32..9).prop_map(|(a, step)| format!("{a}/{step}")),
        ]
    }

    fn line() -> impl Strategy<Value = String> {
        let weekday = prop_oneof![
            3 => Just("*".to_owned()),
            1 => prop::collection::vec(prop::sample::select(vec!["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]), 1..5)
                .prop_map(|days| days.join(",")),
        ];
        (field(59, 0), field(59, 0), field(23, 0), field(28, 1), field(12, 1), weekday).prop_map(
            |(second, minute, hour, day, month, weekday)| {
                let day = if weekday == "*" { day } else { "*".to_owned() };
                format!("{second} {minute} {hour} {day} {month} {weekday}")
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn lines_that_come_at_other_moments_are_told_otherwise(a in line(), b in line()) {
            let (a, b) = (Schedule::from_str(&a).unwrap(), Schedule::from_str(&b).unwrap());
            prop_assert_eq!(in_words(&a) == in_words(&b), a.timeunitspec_eq(&b));
        }
    }
}
