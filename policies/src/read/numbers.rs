//! The numbers of `[limits]`, which are the on-chain envelope.

use super::values::{self, SHARE_BPS_MAX};
use crate::document::{Report, Section};
use quaestor_core::Limits;

/// Largest cap of a rolling window: a hundred times the treasury. More is a slip, and no cap is written by leaving it out.
pub(crate) const WINDOW_BPS_MAX: u64 = 1_000_000;
/// Largest slippage: a swap that may bring nothing has no bound.
const SLIPPAGE_BPS_MAX: u64 = SHARE_BPS_MAX - 1;
/// Where a number stands.
pub(crate) type Slot = fn(&mut Limits) -> &mut u64;

/// Whole numbers, from zero to the greatest that each may be.
pub(crate) const NUMBERS: [(&str, u64, Slot); 11] = [
    ("proposal_bps_max", SHARE_BPS_MAX, |limits| &mut limits.proposal_bps_max),
    ("hour_bps_max", WINDOW_BPS_MAX, |Limits { window_bps_max: [hour, ..], .. }| hour),
    ("day_bps_max", WINDOW_BPS_MAX, |Limits { window_bps_max: [_, day, ..], .. }| day),
    ("week_bps_max", WINDOW_BPS_MAX, |Limits { window_bps_max: [.., week, _], .. }| week),
    ("month_bps_max", WINDOW_BPS_MAX, |Limits { window_bps_max: [.., month], .. }| month),
    ("price_deviation_bps_max", SHARE_BPS_MAX, |limits| &mut limits.price_deviation_bps_max),
    ("proposals_per_day_max", 10_000, |limits| &mut limits.proposals_per_day_max),
    ("native_share_bps_max", SHARE_BPS_MAX, |limits| &mut limits.native_share_bps_max),
    ("stable_share_bps_min", SHARE_BPS_MAX, |limits| &mut limits.stable_share_bps_min),
    (QUORUM, 8, |limits| &mut limits.price_quorum_min),
    (SLIPPAGE, SLIPPAGE_BPS_MAX, |limits| &mut limits.slippage_bps_max),
];
/// Lengths of time.
pub(crate) const DURATIONS: [(&str, Slot); 3] = [
    ("price_age_max", |limits| &mut limits.price_age_secs_max),
    ("cooldown_min", |limits| &mut limits.cooldown_secs_min),
    (VALIDITY, |limits| &mut limits.validity_secs_max),
];
/// Which other places of a file have to do with.
pub(crate) const QUORUM: &str = "price_quorum_min";
/// See [`QUORUM`].
pub(crate) const VALIDITY: &str = "validity_max";
const SLIPPAGE: &str = "slippage_bps_max";
pub(super) const LIMIT_KEYS: [&str; 14] = [
    "proposal_bps_max",
    "hour_bps_max",
    "day_bps_max",
    "week_bps_max",
    "month_bps_max",
    "slippage_bps_max",
    "price_age_max",
    "price_deviation_bps_max",
    "proposals_per_day_max",
    "validity_max",
    "native_share_bps_max",
    "stable_share_bps_min",
    "price_quorum_min",
    "cooldown_min",
];

/// The numbers of the envelope; a key that is not there leaves its slot at the widest.
pub(super) fn limits(root: &Section<'_>, report: &mut Report<'_>) -> Limits {
    let mut limits = Limits::default();
    let Some(section) = root.need_section(report, "limits") else { return limits };
    section.only(report, &LIMIT_KEYS);
    // Without two of them a swap's price or a proposal's life would have no bound at all.
    for (key, most, slot) in NUMBERS {
        let field = if key == SLIPPAGE { section.need(report, key, "50") } else { section.may(key) };
        if let Some(found) = field.and_then(|field| field.integer(report, 0, most)) {
            *slot(&mut limits) = found;
        }
    }
    for (key, slot) in DURATIONS {
        let field = if key == VALIDITY { section.need(report, key, "\"72h\"") } else { section.may(key) };
        if let Some(found) = field.and_then(|field| values::duration(report, &field)) {
            *slot(&mut limits) = found;
        }
    }
    limits
}
