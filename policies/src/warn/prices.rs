//! Rules on prices that never come into play.

use super::Eye;
use crate::read::values::duration_text;
use quaestor_core::policy::OnDisagreement;

pub(super) fn look(eye: &mut Eye<'_, '_>) {
    let limits = &eye.terms.limits;
    let (age, deviation_bps) = (limits.price_age_secs_max, limits.price_deviation_bps_max);
    // The shares of a vault have the price of its asset.
    let own: Vec<_> = eye.terms.assets.iter().filter(|asset| !asset.feeds.is_empty()).collect();
    if age != u64::MAX {
        for asset in own.iter().filter(|asset| asset.staleness_secs_max > age) {
            let message = format!(
                "is {}, and by `limits.price_age_max` no price older than {} counts, of whatever asset; write at most that",
                duration_text(asset.staleness_secs_max),
                duration_text(age)
            );
            eye.idle(&format!("assets.{}.staleness_max", asset.symbol), message);
        }
        let longest = own.iter().map(|asset| asset.staleness_secs_max).max();
        if let Some(longest) = longest.filter(|longest| *longest < age) {
            let message = format!(
                "is {}, and no asset lets a price become older than {}; write at most that, or leave it out",
                duration_text(age),
                duration_text(longest)
            );
            eye.idle("limits.price_age_max", message);
        }
    }
    if deviation_bps != u64::MAX && own.iter().all(|asset| asset.feeds.len() < 2) && eye.terms.twaps.is_empty() {
        let message =
            "never drops a feed, for no asset has another to compare it with; list more feeds, or leave it out";
        eye.idle("limits.price_deviation_bps_max", message);
    }
    if eye.terms.on_disagreement == OnDisagreement::Hold && deviation_bps == u64::MAX {
        let message = "holds when feeds lie too far apart, and no distance is too far; write `price_deviation_bps_max` in \
                       [limits], or leave it out";
        eye.idle("oracles.on_disagreement", message);
    }
}
