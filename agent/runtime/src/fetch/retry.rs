//! When a request is sent, and when it is sent again.

use alloy::primitives::keccak256;
use std::time::{Duration, Instant};

/// How often and after which waits a request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Most times that a request is sent, the first one included.
    pub attempts: u32,
    /// Wait before the second time; it doubles with each further one.
    pub first: Duration,
    /// Longest wait that comes from doubling.
    pub longest: Duration,
    /// Longest wait that a server may ask for; a longer one ends the run, which can be resumed.
    pub asked_longest: Duration,
}

impl Default for Retry {
    /// Six times, after 1, 2, 4, 8 and 16 seconds; at most ten minutes where a server asks for them.
    fn default() -> Self {
        Self {
            attempts: 6,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            asked_longest: Duration::from_secs(600),
        }
    }
}

impl Retry {
    /// The wait before `request` is sent for the `again`-th time after the first: doubled each time, and shortened by up to
    /// a half. By how much follows from the request and the number alone, so that several that fail together come back
    /// apart, and a run can be repeated.
    pub(crate) fn wait(&self, request: &str, again: u32) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(again.saturating_sub(1)));
        let hash = keccak256(format!("{again} {request}"));
        let [first, second, ..] = hash.0;
        // Of 65536 parts between a half and the whole.
        let parts = 32_768 + u32::from(u16::from_be_bytes([first, second])) / 2;
        (doubled.min(self.longest) / 65_536).saturating_mul(parts)
    }
}

/// What `Retry-After` asks for: seconds, or a date. `now` is the present Unix time in seconds.
pub(crate) fn retry_after(text: &str, now: u64) -> Option<Duration> {
    let text = text.trim();
    if let Ok(secs) = text.parse() {
        return Some(Duration::from_secs(secs));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text).ok()?.timestamp();
    Some(Duration::from_secs(u64::try_from(date).ok()?.saturating_sub(now)))
}

/// Spreads requests evenly over time.
#[derive(Debug)]
pub(super) struct Pace {
    gap: Duration,
    next: Option<Instant>,
}

impl Pace {
    /// So many requests a minute, at least one.
    pub(super) fn new(per_minute: u32) -> Self {
        Self { gap: Duration::from_secs(60) / per_minute.max(1), next: None }
    }

    /// How long a request that is ready `now` has to wait for its turn, which it takes.
    pub(super) fn turn(&mut self, now: Instant) -> Duration {
        let at = self.next.map_or(now, |next| next.max(now));
        self.next = at.checked_add(self.gap);
        at.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_differ_between_requests() {
        let retry = Retry::default();
        let mut before = Duration::ZERO;
        for again in 1..=5 {
            let (wait, whole) = (retry.wait("a", again), Duration::from_secs(1 << (again - 1)));
            assert!(wait >= whole / 2 - Duration::from_millis(1) && wait <= whole, "{again}: {wait:?}");
            assert_eq!(wait, retry.wait("a", again), "the same each time");
            assert!(wait > before / 2);
            before = wait;
        }
        assert!(retry.wait("a", 60) <= Duration::from_secs(60));
        let waits: std::collections::BTreeSet<_> = (0..20).map(|n| retry.wait(&format!("page {n}"), 1)).collect();
        assert!(waits.len() > 15, "requests that fail together come back apart: {waits:?}");
    }

    /// The date is the one of RFC 9110, section 5.6.7.
    #[test]
    fn a_server_may_ask_in_seconds_or_with_a_date() {
        assert_eq!(retry_after(" 17 ", 0), Some(Duration::from_secs(17)));
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(retry_after(date, 784_111_777 - 30), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(date, 784_111_777 + 30), Some(Duration::ZERO), "it has passed");
        assert_eq!(retry_after("soon", 0), None);
    }

    #[test]
    fn requests_are_spread_over_the_minute() {
        let (mut pace, now) = (Pace::new(30), Instant::now());
        let turns: Vec<u64> = (0..4).map(|_| pace.turn(now).as_secs()).collect();
        assert_eq!(turns, [0, 2, 4, 6]);
        assert_eq!(pace.turn(now + Duration::from_secs(60)), Duration::ZERO, "what was not used is not saved up");
        assert_eq!(pace.turn(now + Duration::from_secs(60)).as_secs(), 2);
    }
}
