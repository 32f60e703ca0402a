//! When the agent trains: the moments of a policy's `risk.model.schedule`, by the chain's time.

use chrono::{DateTime, Utc};
use std::str::FromStr;

/// The newest moment of this cron line (UTC) that is not after `now`, both Unix seconds; `None` if none has come yet, or
/// the line is none.
pub fn newest_slot(line: &str, now: u64) -> Option<u64> {
    let schedule = cron::Schedule::from_str(line).ok()?;
    // The moment before is asked for, and `now` itself counts.
    let after = DateTime::<Utc>::from_timestamp(i64::try_from(now).ok()?.checked_add(1)?, 0)?;
    let slot = schedule.after(&after).next_back()?;
    u64::try_from(slot.timestamp()).ok()
}

/// The moment for which a training is due at `now`, when `trained` is the newest for which one came to its end. Of
/// several that were missed, it is the newest.
pub fn due_slot(line: &str, trained: Option<u64>, now: u64) -> Option<u64> {
    newest_slot(line, now).filter(|slot| trained.is_none_or(|trained| *slot > trained))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;
    /// Monday, 9 March 2020, 03:00.
    const MONDAY: u64 = 1_583_722_800;
    const WEEKLY: &str = "0 0 3 * * Mon";

    #[test]
    fn a_slot_is_due_from_its_second_on_and_once() {
        assert_eq!(due_slot(WEEKLY, Some(MONDAY - 7 * DAY), MONDAY - 1), None);
        assert_eq!(due_slot(WEEKLY, Some(MONDAY - 7 * DAY), MONDAY), Some(MONDAY));
        assert_eq!(due_slot(WEEKLY, Some(MONDAY), MONDAY), None);
        assert_eq!(due_slot(WEEKLY, Some(MONDAY), MONDAY + 7 * DAY - 1), None);
        assert_eq!(due_slot(WEEKLY, Some(MONDAY), MONDAY + 7 * DAY), Some(MONDAY + 7 * DAY));
    }

    #[test]
    fn what_was_missed_is_made_up_for_once_by_the_newest() {
        assert_eq!(due_slot(WEEKLY, None, MONDAY + 2 * DAY), Some(MONDAY));
        let away = MONDAY + 30 * DAY;
        let newest = due_slot(WEEKLY, Some(MONDAY), away).unwrap();
        assert_eq!(newest, MONDAY + 28 * DAY);
        assert_eq!(due_slot(WEEKLY, Some(newest), away), None);
    }

    #[test]
    fn a_schedule_that_changes_asks_for_no_slot_before_the_last_one() {
        assert_eq!(due_slot("0 0 0 1 * *", Some(MONDAY), MONDAY + DAY), None);
        assert_eq!(due_slot("0 0 3 * * *", Some(MONDAY), MONDAY + DAY), Some(MONDAY + DAY));
    }

    #[test]
    fn the_newest_slot_is_the_one_that_is_met_going_forward() {
        for line in ["0 0 3 * * Mon", "0 */7 * * * *", "30 15 6,18 1,31 * *", "0 0 0 29 Feb *", "5 5 5 * Jan-Mar Sun"] {
            let schedule = cron::Schedule::from_str(line).unwrap();
            let start = DateTime::<Utc>::from_timestamp(MONDAY as i64 - 400 * DAY as i64, 0).unwrap();
            let ticks: Vec<u64> = schedule.after(&start).take(400).map(|tick| tick.timestamp() as u64).collect();
            for pair in ticks.windows(2) {
                for now in [pair[0], pair[0] + 1, pair[0].midpoint(pair[1]), pair[1] - 1] {
                    assert_eq!(newest_slot(line, now), Some(pair[0]), "{line} at {now}");
                }
            }
        }
    }

    #[test]
    fn a_slot_that_never_came_is_none() {
        assert_eq!(newest_slot("0 0 3 * * * 2030", MONDAY), None);
        assert_eq!(newest_slot("every Monday", MONDAY), None);
        assert_eq!(newest_slot(WEEKLY, u64::MAX), None);
    }
}
