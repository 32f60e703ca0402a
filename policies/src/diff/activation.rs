//! When the new policy would be in force, as `PolicyRegistry.submit` decides.

use crate::voted::VotedPolicy;
use quaestor_core::Policy;
use serde::Serialize;

/// Keys of `[limits]` by slot of the envelope.
const SLOTS: [(usize, &str); 14] = [
    (0, "proposal_bps_max"),
    (1, "hour_bps_max"),
    (2, "day_bps_max"),
    (3, "week_bps_max"),
    (4, "month_bps_max"),
    (5, "slippage_bps_max"),
    (6, "price_age_max"),
    (7, "price_deviation_bps_max"),
    (8, "proposals_per_day_max"),
    (9, "validity_max"),
    (10, "native_share_bps_max"),
    (16, "stable_share_bps_min"),
    (17, "price_quorum_min"),
    (18, "cooldown_min"),
];
/// Slots from here on are narrowed by raising.
const FLOORS_FROM: usize = 16;

/// Whether the new policy would be in force at once, if the old one is in force when it is submitted. Ceilings of the
/// registry, which may forbid it altogether, are the chain's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "activation", rename_all = "snake_case")]
pub enum Activation {
    /// It is the same file.
    InForce,
    /// At once: nothing but numbers of `[limits]` differs, and none is wider.
    AtOnce,
    /// After the registry's delay.
    Delayed {
        /// Keys of `[limits]` that are wider.
        wider: Vec<String>,
        /// Whether something beside `[limits]` differs.
        rest_differs: bool,
    },
}

impl Activation {
    pub(super) fn of(old: &VotedPolicy, new: &VotedPolicy) -> Self {
        if old.hash() == new.hash() {
            return Self::InForce;
        }
        let (before, after) = (old.envelope(), new.envelope());
        let is_wider = |slot: usize| {
            let (before, after) = (before.get(slot), after.get(slot));
            if slot < FLOORS_FROM { after > before } else { after < before }
        };
        let wider = SLOTS.iter().filter(|(slot, _)| is_wider(*slot)).map(|(_, key)| format!("limits.{key}"));
        let wider: Vec<String> = wider.collect();
        let rest_differs = old.rest_hash() != new.rest_hash();
        if wider.is_empty() && !rest_differs { Self::AtOnce } else { Self::Delayed { wider, rest_differs } }
    }
}
