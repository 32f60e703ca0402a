//! The numbers of `[limits]`, which are the on-chain envelope.

use super::values::{self, SHARE_BPS_MAX};
use crate::document::{Report, Section};
use quaestor_core::Limits;

/// Largest cap of a rolling window: a hundred times the treasury. More is a slip, and no cap is written by leaving it out.
const WINDOW_BPS_MAX: u64 = 1_000_000;
/// Largest slippage: a swap that may bring nothing has no bound.
const SLIPPAGE_BPS_MAX: u64 = SHARE_BPS_MAX - 1;
const WINDOW_KEYS: [&str; 4] = ["hour_bps_max", "day_bps_max", "week_bps_max", "month_bps_max"];
const LIMIT_KEYS: [&str; 13] = [
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
    "stable_share_bps_min",
    "price_quorum_min",
    "cooldown_min",
];

/// The numbers of the envelope; a key that is not there leaves its slot at the widest.
pub(super) fn limits(root: &Section<'_>, report: &mut Report<'_>) -> Limits {
    let mut limits = Limits::default();
    let Some(section) = root.need_section(report, "limits") else { return limits };
    section.only(report, &LIMIT_KEYS);
    let mut share = |key: &str, most: u64| section.may(key).and_then(|field| field.integer(report, 0, most));
    let set = |slot: &mut u64, found: Option<u64>| *slot = found.unwrap_or(*slot);
    set(&mut limits.proposal_bps_max, share("proposal_bps_max", SHARE_BPS_MAX));
    for (slot, key) in limits.window_bps_max.iter_mut().zip(WINDOW_KEYS) {
        set(slot, share(key, WINDOW_BPS_MAX));
    }
    set(&mut limits.price_deviation_bps_max, share("price_deviation_bps_max", SHARE_BPS_MAX));
    set(&mut limits.proposals_per_day_max, share("proposals_per_day_max", 10_000));
    set(&mut limits.stable_share_bps_min, share("stable_share_bps_min", SHARE_BPS_MAX));
    set(&mut limits.price_quorum_min, share("price_quorum_min", 8));
    let mut age = |key: &str| section.may(key).and_then(|field| values::duration(report, &field));
    set(&mut limits.price_age_secs_max, age("price_age_max"));
    set(&mut limits.cooldown_secs_min, age("cooldown_min"));
    // Without these two a swap's price or a proposal's life would have no bound at all.
    let slippage = section.need(report, "slippage_bps_max", "50");
    set(&mut limits.slippage_bps_max, slippage.and_then(|field| field.integer(report, 0, SLIPPAGE_BPS_MAX)));
    let validity = section.need(report, "validity_max", "\"72h\"");
    set(&mut limits.validity_secs_max, validity.and_then(|field| values::duration(report, &field)));
    limits
}
