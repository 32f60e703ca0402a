//! Rules that make other rules pointless: what the one would decide, the other has refused already.

use super::{
    bearing::{Both, is_single, limit_of},
    changes::Difference,
};
use quaestor_core::{Asset, AssetId, AssetKind, Route, Terms, policy::Limits};
use std::collections::BTreeSet;

const HOUR_SECS: u64 = 3_600;
const DAY_SECS: u64 = 86_400;
const WINDOWS: [&str; 4] = ["hour_bps_max", "day_bps_max", "week_bps_max", "month_bps_max"];

/// The key of a rule of `guard` that refuses all that the number `key` refuses where it is `tight`.
pub(super) fn limit(key: &str, tight: u64, guard: &Terms) -> Option<String> {
    let Limits { window_bps_max, proposals_per_day_max, cooldown_secs_min, .. } = guard.limits;
    let longer = |first: usize| {
        let caps = WINDOWS.iter().zip(window_bps_max).skip(first);
        caps.filter(|(_, cap)| *cap <= tight).map(|(window, _)| format!("limits.{window}")).next()
    };
    match key {
        // What is moved in a proposal is moved in every window; but shares of a proposal grow with it.
        "proposal_bps_max" if guard.strategies.iter().all(|it| it.share_bps_max.is_none()) => longer(0),
        // What was moved in a window was moved in every longer one.
        "hour_bps_max" => longer(1).or_else(|| one_decision(HOUR_SECS, tight, guard)),
        "day_bps_max" => longer(2).or_else(|| one_decision(DAY_SECS, tight, guard)),
        "week_bps_max" => longer(3),
        // Who acted within the day may not act again in it.
        "cooldown_min" if tight <= DAY_SECS && proposals_per_day_max <= 1 => {
            Some("limits.proposals_per_day_max".to_owned())
        }
        // Who acted within the day may not act yet, and a decision has one batch an account.
        "proposals_per_day_max" if cooldown_secs_min >= DAY_SECS && count(guard.accounts.len()) <= tight => {
            Some("limits.cooldown_min".to_owned())
        }
        "stable_share_bps_min" => stable_share(tight, guard),
        _ => None,
    }
}

/// Where nothing else can happen in a window than the decision at hand, it holds no more than that: a proposal for each
/// account. What a vote has bound may be older, so that there must be no vote.
fn one_decision(window_secs: u64, tight: u64, guard: &Terms) -> Option<String> {
    let Limits { proposal_bps_max, proposals_per_day_max, cooldown_secs_min, .. } = guard.limits;
    let is_alone = cooldown_secs_min >= window_secs || proposals_per_day_max <= 1;
    let no_votes = guard.accounts.iter().all(|account| account.route == Route::Safe);
    let batches = count(guard.accounts.len()).min(proposals_per_day_max);
    let fits = proposal_bps_max.checked_mul(batches).is_some_and(|most| most <= tight);
    (is_alone && no_votes && fits).then(|| "limits.proposal_bps_max".to_owned())
}

/// Where nobody can be paid, stable assets leave by exchanges alone, and these stop at the bands: of the only stable asset,
/// or of the only one that is not.
fn stable_share(floor: u64, guard: &Terms) -> Option<String> {
    if !guard.counterparties.is_empty() {
        return None;
    }
    let only = |stable: bool| {
        let mut those = (0u16..).zip(&guard.assets).filter(|(_, asset)| (asset.kind == AssetKind::Stable) == stable);
        those.next().filter(|_| those.next().is_none()).map(|(id, asset)| (AssetId(id), asset))
    };
    let band = |id: AssetId| guard.bands.iter().find(|band| band.asset == id);
    let least = |(id, asset): (AssetId, &Asset)| {
        band(id).filter(|band| band.min_bps >= floor).map(|_| format!("allocation.{}.min_bps", asset.symbol))
    };
    let most = |(id, asset): (AssetId, &Asset)| {
        let fits = |most: u64| most.checked_add(floor).is_some_and(|sum| sum <= 10_000);
        band(id).filter(|band| fits(band.max_bps)).map(|_| format!("allocation.{}.max_bps", asset.symbol))
    };
    only(true).and_then(least).or_else(|| only(false).and_then(most))
}

/// The key of a rule of `guard` that refuses all that a part of the treasury refuses which is bounded by `tight`, its least
/// and greatest share: the band of the only asset that it has, or that nothing of it is traded.
pub(super) fn part(assets: &BTreeSet<AssetId>, tight: (u64, u64), guard: &Terms) -> Option<String> {
    let mut untraded = assets.iter().map(|asset| exchange(guard, Some(*asset)));
    let first = untraded.next().flatten();
    if first.is_some() && untraded.all(|rule| rule == first) {
        return first;
    }
    let only = assets.first().filter(|_| assets.len() == 1)?;
    let band = guard.bands.iter().find(|band| band.asset == *only)?;
    let (least, most) = tight;
    (band.min_bps >= least && band.max_bps <= most).then(|| format!("allocation.{}", guard.symbol_of(*only)))
}

/// The key of a rule of `guard` that refuses all that the cap `key` of a receiver refuses where it is `tight`: what is paid
/// to one is moved.
pub(super) fn payee(key: &str, tight: u64, guard: &Terms) -> Option<String> {
    if key == "proposal_bps_max" && guard.limits.proposal_bps_max <= tight {
        return Some("limits.proposal_bps_max".to_owned());
    }
    let first = WINDOWS.iter().position(|window| *window == key).unwrap_or_default();
    let mut longer = WINDOWS.iter().zip(guard.limits.window_bps_max).skip(first);
    longer.find(|(_, cap)| *cap <= tight).map(|(window, _)| format!("limits.{window}"))
}

/// The rule by which a policy refuses everything.
pub(super) fn closed(terms: &Terms) -> Option<String> {
    if terms.strategies.is_empty() && terms.payments.is_empty() {
        return Some("line_listed".to_owned());
    }
    (terms.limits.proposals_per_day_max == 0).then(|| "limits.proposals_per_day_max".to_owned())
}

/// The rule by which a policy refuses every exchange of `asset`, or of any.
pub(super) fn exchange(terms: &Terms, asset: Option<AssetId>) -> Option<String> {
    if terms.accounts.iter().all(|account| account.route != Route::Safe) {
        return Some("governor_swap_bound".to_owned());
    }
    let trades = terms.venues.iter().any(|venue| match venue.kind.vault() {
        None => venue.pools.iter().any(|pool| asset.is_none_or(|it| pool.a == it || pool.b == it)),
        Some((taken, shares)) => asset.is_none_or(|it| taken == it || shares == it),
    });
    (!trades).then(|| "venue_listed".to_owned())
}

/// Whether everything that `difference` permits anew is refused by `guard`, the policy as a whole: another number of it
/// is tighter now. `other` is the policy that refuses what is permitted anew.
pub(super) fn is_covered(difference: &Difference, guard: &Terms, other: &Terms) -> bool {
    if closed(guard).is_some() {
        return true;
    }
    let parts: Vec<&str> = difference.parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["limits", "price_age_max"] | ["assets", _, "staleness_max"] => {
            let both = Both { before: other, after: guard };
            let age = |terms: &Terms, asset: &Asset| asset.staleness_secs_max.min(terms.limits.price_age_secs_max);
            both.pairs().all(|(old, new)| {
                let (before, after) = (age(other, old), age(guard, new));
                before == after || (after < before && is_single(other, old) && is_single(guard, new))
            })
        }
        // The tighter number is that of the policy that refuses.
        ["limits", key] => limit_of(&other.limits, key).is_some_and(|tight| limit(key, tight, guard).is_some()),
        _ => false,
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
