//! Bars out of prices that come at times of their own.

use super::FetchError;
use quaestor_simulations::data::{Moment, ROWS_MAX};
use serde::{Deserialize, Serialize};

/// Seconds of the coarsest step, a day.
const DAY_SECS: u64 = 86_400;

/// The time that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The bar in which this Unix time lies is the first.
    pub from: u64,
    /// The bar in which this Unix time lies is the last; absent: the last that is over.
    pub to: Option<u64>,
    /// Seconds of a bar; from a minute to a day, and days are whole numbers of them.
    pub step: u64,
}

/// Bars one after the other, each `step` seconds long and beginning at a whole number of steps of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bars {
    /// When the first begins, Unix seconds.
    pub begin: u64,
    /// Seconds of each.
    pub step: u64,
    /// How many.
    pub count: u64,
}

impl Bars {
    /// Those of `span` that are over at `now`.
    ///
    /// # Errors
    /// If there is none, or the step is no step.
    pub fn of(span: &Span, now: u64) -> Result<Self, FetchError> {
        let wrong = |reason: String| Err(FetchError::Span { reason });
        let Span { from, to, step } = *span;
        if !(60..=DAY_SECS).contains(&step) || !DAY_SECS.is_multiple_of(step) {
            return wrong(format!("{step} s is no step; write from 1min to 1d, of which a day is a whole number"));
        }
        // The first second that no bar that is over has.
        let end = (now + 1) / step * step;
        let begin = from / step * step;
        let after = match to {
            None => end,
            Some(to) => to / step * step + step,
        };
        if after > end {
            let (asked, over) = (Moment::at(after - 1), Moment::at(end.saturating_sub(1)));
            return wrong(format!("the bar to {asked} is not over; ask for times to {over}, or leave out the end"));
        }
        if begin >= after {
            let (from, to) = (Moment::at(begin), Moment::at(after.saturating_sub(1)));
            return wrong(format!("there is no bar from {from} to {to}; write an earlier beginning or a later end"));
        }
        let count = (after - begin) / step;
        if count > ROWS_MAX as u64 {
            return wrong(format!("these are {count} bars, more than {ROWS_MAX}; ask for less or for a coarser step"));
        }
        Ok(Self { begin, step, count })
    }

    /// The first second after the last bar.
    pub fn after(&self) -> u64 {
        self.begin + self.step * self.count
    }

    /// When each begins.
    pub fn begins(&self) -> impl Iterator<Item = u64> + use<> {
        let Self { begin, step, count } = *self;
        (0..count).map(move |bar| begin + bar * step)
    }
}

/// A price at a time: decimal text, as the source wrote it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sample(pub u64, pub String);

/// Bars with a price, and how they came by it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Resampled {
    /// When each bar that has a price begins, and its price.
    #[serde(skip)]
    pub rows: Vec<(u64, String)>,
    /// Bars in which no price came, so that an earlier one stands.
    pub carried_bars: u64,
    /// How old a price was at the end of its bar at most, seconds.
    pub oldest_secs: u64,
    /// Bars that have none: none came in or before them that was not too old.
    pub missing_bars: u64,
}

/// Gives each bar the last of `samples` that came at or before its end, unless that is older then than `age_secs_max`.
/// Samples are in the order of their times.
pub fn resample(samples: &[Sample], bars: &Bars, age_secs_max: u64) -> Resampled {
    let mut found = Resampled::default();
    let mut next = 0;
    for begin in bars.begins() {
        let end = begin + bars.step - 1;
        next += samples[next..].iter().take_while(|Sample(at, _)| *at <= end).count();
        let last = next.checked_sub(1).and_then(|last| samples.get(last));
        match last.filter(|Sample(at, _)| end - at <= age_secs_max) {
            None => found.missing_bars += 1,
            Some(Sample(at, price)) => {
                found.carried_bars += u64::from(*at < begin);
                found.oldest_secs = found.oldest_secs.max(end - at);
                found.rows.push((begin, price.clone()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600;

    fn samples(times: &[u64]) -> Vec<Sample> {
        times.iter().map(|at| Sample(*at, at.to_string())).collect()
    }

    #[test]
    fn bars_lie_on_whole_steps_and_are_over() {
        let span = |from, to, step| Span { from, to, step };
        let day = 1_583_971_200; // 2020-03-12
        let found = Bars::of(&span(day + 5_000, None, HOUR), day + 3 * HOUR - 1).unwrap();
        assert_eq!(found, Bars { begin: day + HOUR, step: HOUR, count: 2 }, "its last second is known");
        let found = Bars::of(&span(day + 5_000, None, HOUR), day + 3 * HOUR - 2).unwrap();
        assert_eq!((found.count, found.after()), (1, day + 2 * HOUR));
        let found = Bars::of(&span(day, Some(day + 86_399), HOUR), day + 86_400).unwrap();
        assert_eq!(found.count, 24);
        for (wrong, says) in [
            (span(day, Some(day + HOUR), HOUR), "not over"),
            (span(day + 2 * HOUR, Some(day), HOUR), "no bar"),
            (span(day, None, 7 * HOUR), "no step"),
            (span(day, None, 30), "no step"),
            (span(0, None, 60), "more than"),
        ] {
            let error = Bars::of(&wrong, day + HOUR).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    /// Four bars of ten seconds, small enough to work out by hand.
    #[test]
    fn a_bar_takes_the_last_price_at_or_before_its_end() {
        let bars = Bars { begin: 100, step: 10, count: 4 };
        // Bars end at 109, 119, 129 and 139.
        let found = resample(&samples(&[95, 101, 109, 110, 125, 131]), &bars, 100);
        let rows: Vec<(u64, &str)> = found.rows.iter().map(|(begin, price)| (*begin, price.as_str())).collect();
        assert_eq!(rows, [(100, "109"), (110, "110"), (120, "125"), (130, "131")]);
        assert_eq!((found.carried_bars, found.oldest_secs, found.missing_bars), (0, 9, 0));

        let found = resample(&samples(&[95, 112]), &bars, 17);
        let rows: Vec<(u64, &str)> = found.rows.iter().map(|(begin, price)| (*begin, price.as_str())).collect();
        // 95 is 14 s old at 109; 112 is 7 s old at 119, 17 at 129 and too old at 139.
        assert_eq!(rows, [(100, "95"), (110, "112"), (120, "112")]);
        assert_eq!((found.carried_bars, found.oldest_secs, found.missing_bars), (2, 17, 1));
        assert_eq!(resample(&[], &bars, 100).missing_bars, 4);
    }
}
